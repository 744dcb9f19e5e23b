"""Pulse: this process's name and proof of life; keeps its claims from being taken over."""

import asyncio
import os
import secrets
import socket
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.clock import Clock
from storage.database import Database

log = structlog.get_logger()


class Pulse:
    """
    The instance's name, its lease, and whether that lease still holds.

    A process that was stopped for longer than its lease finds `is_fresh` False when it wakes and
    sends nothing more until it has renewed what is still its own.
    """

    def __init__(self, database: Database, clock: Clock, lease: timedelta) -> None:
        self.instance = f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(4)}"
        self.lease = lease
        self._database = database
        self._clock = clock
        self._fresh_until = 0.0
        self._is_stopping = asyncio.Event()

    @property
    def is_fresh(self) -> bool:
        """The last renewal is younger than the lease."""
        return asyncio.get_running_loop().time() < self._fresh_until

    async def beat(self) -> None:
        """Renew everything this instance holds."""
        begun = asyncio.get_running_loop().time()
        until = self._clock.now() + self.lease
        async with self._database.unit_of_work() as uow:
            await uow.inbox.renew(self.instance, until)
            await uow.outbox.renew(self.instance, until)
        self._fresh_until = begun + self.lease.total_seconds()

    async def run(self) -> None:
        """Beat three times a lease until stopped; after one that was missed, soon again."""
        while not self._is_stopping.is_set():
            pause = self.lease.total_seconds() / 3
            try:
                await self.beat()
            except Exception:
                log.exception("pulse.missed")
                pause = min(1.0, pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._is_stopping.wait()

    def stop(self) -> None:
        """Beat no more."""
        self._is_stopping.set()
