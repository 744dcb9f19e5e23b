"""Lines: writes down when the bot's accounts come and go, and looks around where it was away.

What an account missed is a blind window: a row, which the clocks of waiting questions leave out.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.adapters.base import Adapter
from bot.clock import Clock
from handlers import orientation
from storage.database import Database
from storage.lines import Account, BlindWindow, Login
from storage.vocabulary import Conversation, Platform

log = structlog.get_logger()

#: So often an account's row says that it is still online.
BEAT_SECONDS: Final = 15.0
#: A look at one group after another, gently: a province's account may be in thousands.
PAUSE_SECONDS: Final = 0.2
#: A gap too short for anybody to come or go unseen more than once in a blue moon.
SHORT: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Turn:
    account: Account
    is_online: bool
    at: datetime


class Lines:
    """Keeps the accounts' rows until stopped."""

    def __init__(
        self, *, database: Database, adapters: Mapping[Platform, Adapter], clock: Clock
    ) -> None:
        self._database = database
        self._adapters = adapters
        self._clock = clock
        self._online: set[Account] = set()
        self._news: list[_Turn | Login] = []
        self._wake = asyncio.Event()
        self._looking: dict[Account, asyncio.Task[None]] = {}
        self._is_stopping = False

    def presence(self, platform: Platform, account: str, is_online: bool) -> None:
        """An account came or went; written down a moment later."""
        self._tell(_Turn((platform, account), is_online, self._clock.now()))

    def login(self, login: Login) -> None:
        """A platform's login has come further, or has been lost."""
        self._tell(login)

    async def run(self) -> None:
        """Write until stopped; every account is offline at the end."""
        while not (self._is_stopping and not self._news):
            if not self._news:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await self._wake.wait()
            self._wake.clear()
            try:
                await self._write()
            except Exception:
                log.exception("lines.not_written")
                if self._is_stopping:
                    return
                await asyncio.sleep(1)

    def stop(self) -> None:
        """Say goodbye for every account still online, then end."""
        for task in self._looking.values():
            task.cancel()
        for platform, account in sorted(self._online):
            self.presence(platform, account, False)
        self._is_stopping = True
        self._wake.set()

    def _tell(self, news: _Turn | Login) -> None:
        self._news.append(news)
        self._wake.set()

    async def _write(self) -> None:
        news = list(self._news)
        online = set(self._online)
        windows: list[tuple[Account, BlindWindow | None]] = []
        async with self._database.unit_of_work() as uow:
            for item in news:
                if isinstance(item, Login):
                    await uow.lines.put_login(item)
                elif item.is_online:
                    windows.append((item.account, await uow.lines.came(*item.account, item.at)))
                    online.add(item.account)
                else:
                    await uow.lines.went(*item.account, item.at)
                    online.discard(item.account)
            await uow.lines.seen(online, self._clock.now())
        del self._news[: len(news)]
        self._online = online
        for account, window in windows:
            if window is None or window.ends_at - window.starts_at >= SHORT:
                self._look_around(account)

    def _look_around(self, account: Account) -> None:
        old = self._looking.pop(account, None)
        if old is not None:
            old.cancel()
        if not self._is_stopping:
            self._looking[account] = asyncio.get_running_loop().create_task(
                self._reconcile(account), name="lines.reconcile"
            )

    async def _reconcile(self, account: Account) -> None:
        """Who came and went while nobody listened: the groups first, then their members."""
        try:
            await self._reconcile_groups(account)
        except Exception:
            log.exception("lines.not_reconciled", account=account[1])
        finally:
            if self._looking.get(account) is asyncio.current_task():
                del self._looking[account]

    async def _reconcile_groups(self, account: Account) -> None:
        adapter = self._adapters[account[0]]
        async with self._database.reading() as uow:
            ours = await uow.members.groups_of(*account)
        there = await adapter.groups(account[1]) if ours else None
        # A client that has just come up may say "none" before it has counted.
        if not there:
            return
        now = self._clock.now()
        async with self._database.unit_of_work() as uow:
            for group in ours:
                await uow.members.set_in_group(group, None if group.id in there else now)
        joined = left = 0
        for group in ours:
            if group.id in there:
                came, went = await self._reconcile_members(adapter, group)
                joined, left = joined + came, left + went
                await asyncio.sleep(PAUSE_SECONDS)
        missing = sum(group.id not in there for group in ours)
        log.info("lines.reconciled", account=account[1], joined=joined, left=left, missing=missing)

    async def _reconcile_members(self, adapter: Adapter, group: Conversation) -> tuple[int, int]:
        present = await adapter.member_ids(group)
        if not present:
            return 0, 0
        now = self._clock.now()
        async with self._database.unit_of_work() as uow:
            found = await uow.members.reconcile(group, present, now)
            await orientation.expect(uow, group, found.new, now)
        return found.joined, found.left
