"""The alarm clock, the only file that imports APScheduler: the database knows what is due."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import STATE_PAUSED

from schedules.means import Means
from schedules.timetable import TIMETABLE, Entry
from storage.database import Database
from storage.vocabulary import SHANGHAI

log = structlog.get_logger()

#: A clock that leaps forward by more than this is not believed at once …
LEAP = timedelta(minutes=5)
#: … but when it still says so this much later.
BELIEVED_AFTER = timedelta(minutes=1)


class Trust:
    """
    Whether the wall clock can be believed: a leap forward must last a minute.

    A wrong minute of waiting harms nobody; a term's reminders sent at once because a machine came
    up in another year would. Set back, nothing is due sooner, so that is believed.
    """

    def __init__(self) -> None:
        self._ahead: timedelta | None = None
        self._leapt_at: timedelta | None = None

    def believes(self, now: datetime, steady: timedelta) -> bool:
        """`steady` is a clock that only ever runs on, whoever sets the other one."""
        ahead = now - datetime.fromtimestamp(0, SHANGHAI) - steady
        if self._ahead is None or ahead - self._ahead <= LEAP:
            self._ahead, self._leapt_at = ahead, None
            return True
        if self._leapt_at is None:
            log.warning("clock.leapt", seconds=int((ahead - self._ahead).total_seconds()))
            self._leapt_at = steady
        if steady - self._leapt_at < BELIEVED_AFTER:
            return False
        self._ahead, self._leapt_at = ahead, None
        return True

    def is_moved(self) -> None:
        """Somebody has moved the clock on purpose."""
        self._ahead = None


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
        self._trust = Trust()
        #: How often each job has failed since it last did not.
        self.failing: Counter[str] = Counter()
        #: How often in all.
        self.failures: Counter[str] = Counter()

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

    async def only_when_asked(self) -> None:
        """From now on nothing ticks: whoever moves the clock by hand says when (`run_all`)."""
        self._scheduler.remove_all_jobs()
        async with self._one_at_a_time:
            pass

    async def run_all(self) -> None:
        """Every job now, in order: what moving the playground's clock forward brings."""
        self._trust.is_moved()
        for entry in TIMETABLE:
            await self._run(entry, is_last=entry is TIMETABLE[-1])

    async def _run(self, entry: Entry, *, is_last: bool = True) -> None:
        """`is_last`: what it and those before it have written is to be sent, and seen, now."""
        async with self._one_at_a_time:
            if self._scheduler.state == STATE_PAUSED:
                return
            steady = timedelta(seconds=asyncio.get_running_loop().time())
            if self._trust.believes(self._now(), steady):
                await self._do(entry)
                if is_last:
                    await self._after()

    async def _do(self, entry: Entry) -> None:
        try:
            is_more: bool | None = True
            while is_more:
                # A transaction each: whoever else waits to write has a turn in between.
                async with self._database.unit_of_work() as uow:
                    is_more = await entry.job(uow, self._now(), self._means)
        except Exception:
            # The next tick asks the same question again.
            log.exception("clock.job_failed", job=entry.name)
            self.failing[entry.name] += 1
            self.failures[entry.name] += 1
        else:
            self.failing.pop(entry.name, None)
