"""The alarm clock, the only file that imports APScheduler: the database knows what is due."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import STATE_PAUSED

from schedules.means import Means
from schedules.timetable import TIMETABLE, Entry
from storage.database import Database
from storage.vocabulary import SHANGHAI

log = structlog.get_logger()


class AlarmClock:
    """Runs TIMETABLE. Job stores cannot be shared between processes, so nothing is kept in one."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        means: Means,
        after: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._now = now
        self._means = means
        self._after = after
        self._scheduler = AsyncIOScheduler(timezone=SHANGHAI)
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """Begin to tick; every job is also run at once, for what fell due while we were off."""
        for entry in TIMETABLE:
            self._scheduler.add_job(
                self._run,
                "interval",
                args=[entry],
                seconds=entry.every.total_seconds(),
                id=entry.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
                next_run_time=datetime.now(SHANGHAI),
            )
        self._scheduler.start()

    async def stop(self) -> None:
        """Tick no more; a job under way is finished first."""
        if self._scheduler.running:
            self._scheduler.pause()
            async with self._one_at_a_time:
                self._scheduler.shutdown(wait=False)

    async def run_all(self) -> None:
        """Every job now, in order: what moving the playground's clock forward brings."""
        for entry in TIMETABLE:
            await self._run(entry)

    async def _run(self, entry: Entry) -> None:
        async with self._one_at_a_time:
            if self._scheduler.state == STATE_PAUSED:
                return
            await self._do(entry)

    async def _do(self, entry: Entry) -> None:
        try:
            async with self._database.unit_of_work() as uow:
                await entry.job(uow, self._now(), self._means)
        except Exception:
            # The next tick asks the same question again.
            log.exception("clock.job_failed", job=entry.name)
        await self._after()
