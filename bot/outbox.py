"""Outbox: sends what transactions have written, at least once, paced by account.

A message goes from the transaction that wrote it straight to the sender, already leased; the
database is asked only for what is left over: from a crash, a retry, an account that was offline.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiolimiter import AsyncLimiter

from bot.adapters.base import Adapter, NotConnected, Refused, RetryLater, SendError, Uncertain
from bot.clock import Clock
from bot.pulse import Pulse
from bot.settings import OutboxSettings
from storage.database import Database
from storage.outbox import OutboxMessage
from storage.vocabulary import Conversation, Outgoing, Platform

log = structlog.get_logger()

BATCH = 256
#: So many messages may wait in memory; the rest waits in the database.
ROOM = 5000
LOOK_AGAIN = 5.0
#: Seconds in which a recall is answered or given up.
RECALL_LIMIT = 10.0
#: Retries wait half a second, then twice as long each time, up to this.
LONGEST_WAIT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Failure:
    """One send that did not succeed, and what is to become of it."""

    item: OutboxMessage
    error: SendError
    after: timedelta
    counts: bool
    is_dead: bool


class Outbox:
    """Sends until stopped."""

    def __init__(
        self,
        *,
        database: Database,
        adapters: Mapping[Platform, Adapter],
        settings: OutboxSettings,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self._database = database
        self._adapters = adapters
        self._settings = settings
        self._clock = clock
        self._pulse = pulse
        self._online: set[tuple[Platform, str]] = set()
        self._waiting: deque[OutboxMessage] = deque()
        self._must_look = True
        self._wake = asyncio.Event()
        self._free = asyncio.Semaphore(settings.in_flight)
        self._paces: dict[tuple[Platform, str, bool], AsyncLimiter] = {}
        self._sent: dict[str, str] = {}
        self._failed: list[Failure] = []
        self._has_results = asyncio.Event()
        self._under_way = 0
        self._sends: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    # -- in ---------------------------------------------------------------------------------------

    def presence(self, platform: Platform, account: str, is_online: bool) -> None:
        """An account came or went."""
        if is_online:
            self._online.add((platform, account))
            self.wake()
        else:
            self._online.discard((platform, account))

    @property
    def online(self) -> frozenset[tuple[Platform, str]]:
        """The accounts connected here."""
        return frozenset(self._online)

    def can_send(self, place: Conversation) -> bool:
        """Whether a message written now would be sent from here right away."""
        return (place.platform, place.account) in self._online and len(self._waiting) < ROOM

    def take(self, items: Iterable[OutboxMessage]) -> None:
        """Messages just committed: send those leased to us, look for the others."""
        for item in items:
            if item.is_leased:
                self._waiting.append(item)
            else:
                self._must_look = True
        self._wake.set()

    def wake(self) -> None:
        """Look into the database for messages now."""
        self._must_look = True
        self._wake.set()

    async def run(self) -> None:
        """Send and settle until stopped."""
        async with asyncio.TaskGroup() as group:
            settling = group.create_task(self._settle())
            async with asyncio.TaskGroup() as sends:
                await self._dispatch(sends)
                for task in self._sends:
                    task.cancel()
            self._has_results.set()
            await settling

    def stop(self) -> None:
        """End after the transaction under way; what is not sent by now waits for the next start."""
        self._is_stopping = True
        self._wake.set()
        self._has_results.set()

    async def drain(self) -> None:
        """Come back when nothing written is unsent, save what waits for a retry or a line."""
        while self._waiting or self._under_way or self._sent or self._failed or self._must_look:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    # -- sending ----------------------------------------------------------------------------------

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        while not self._is_stopping:
            if self._must_look and not self._waiting:
                self._must_look = False
                self._under_way += 1
                await self._claim()
                self._under_way -= 1
            while self._waiting:
                item = self._waiting.popleft()
                self._under_way += 1
                task = group.create_task(self._deliver(item))
                self._sends.add(task)
                task.add_done_callback(self._sends.discard)
            if self._must_look or self._is_stopping:
                continue
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._wake.wait()
            except TimeoutError:
                self._must_look = True
            self._wake.clear()

    async def _claim(self) -> None:
        if not self._pulse.is_fresh:
            # Nothing may be sent before it is; what is claimed meanwhile would go to and fro.
            await asyncio.sleep(0.2)
            self._must_look = not self._is_stopping
            return
        try:
            async with self._database.unit_of_work() as uow:
                claimed = await uow.outbox.claim(
                    accounts=self._online,
                    instance=self._pulse.instance,
                    now=self._clock.now(),
                    lease=self._pulse.lease,
                    limit=BATCH,
                )
        except Exception:
            log.exception("outbox.not_claimed")
            await asyncio.sleep(1)
            self._must_look = True
            return
        self._waiting.extend(claimed)
        if len(claimed) == BATCH:
            self._must_look = True

    async def _deliver(self, item: OutboxMessage) -> None:
        message = item.message
        try:
            await self._pace(item)
            if not self._pulse.is_fresh:
                # Somebody else may have taken it over while this process was stopped.
                raise NotConnected("the lease is not known to hold")
            if message.is_push and not await self._begin(message.key):
                return
            adapter = self._adapters[message.conversation.platform]
            earlier = item.created_at if item.may_be_sent else None
            async with self._free:
                if not self._pulse.is_fresh:
                    # It waited for its turn, and perhaps was stopped meanwhile.
                    raise NotConnected("the lease is not known to hold")
                if message.recall:
                    self._sent[message.key] = await _take_back(adapter, message)
                else:
                    self._sent[message.key] = await adapter.send(message, earlier)
        except SendError as error:
            self._failed.append(self._judge(item, error))
        except Exception as error:
            log.exception("outbox.adapter_failed", key=message.key)
            self._failed.append(self._judge(item, RetryLater(type(error).__name__)))
        finally:
            self._under_way -= 1
            self._has_results.set()

    async def _begin(self, key: str) -> bool:
        """Whether it is still to be said: a reminder may have been taken back while it waited."""
        try:
            async with self._database.unit_of_work() as uow:
                return await uow.outbox.begin(
                    key, instance=self._pulse.instance, now=self._clock.now()
                )
        except Exception as error:
            log.exception("outbox.not_begun", key=key)
            raise RetryLater(type(error).__name__) from error

    async def _pace(self, item: OutboxMessage) -> None:
        """Wait for this message's turn; answers and pushes have separate budgets."""
        place, is_push = item.message.conversation, item.message.is_push
        rate = self._settings.pushes_per_minute if is_push else self._settings.replies_per_minute
        if rate == 0:
            return
        key = (place.platform, place.account, is_push)
        if key not in self._paces:
            self._paces[key] = AsyncLimiter(1, 60 / rate)
        async with self._paces[key]:
            if is_push:
                # An even beat is a machine's; half a beat of jitter is enough.
                await asyncio.sleep(random.uniform(0, 30 / rate))  # noqa: S311 -- manners

    def _judge(self, item: OutboxMessage, error: SendError) -> Failure:
        tries = item.attempts + 1
        wait = min(LONGEST_WAIT, timedelta(seconds=0.25 * 2 ** min(tries, 10)))
        match error:
            case NotConnected():
                return Failure(item, error, timedelta(), counts=False, is_dead=False)
            case Refused():
                return Failure(item, error, wait, counts=True, is_dead=True)
            case RetryLater(after=after) if after is not None:
                wait = max(after, wait) if tries > 1 else after
            case Uncertain() if item.message.is_push:
                # Said to many and perhaps said already: a person decides, not a retry.
                return Failure(item, error, wait, counts=True, is_dead=True)
        is_dead = tries >= self._settings.max_attempts
        return Failure(item, error, wait, counts=True, is_dead=is_dead)

    # -- what became of it -------------------------------------------------------------------------

    async def _settle(self) -> None:
        while not self._is_stopping or self._under_way or self._sent or self._failed:
            await self._has_results.wait()
            self._has_results.clear()
            # In order and not all at once: fewer rows are locked while others wait for them.
            sent, failed = dict(sorted(self._sent.items())[:BATCH]), self._failed[:BATCH]
            try:
                await self._write(sent, failed)
            except Exception:
                log.exception("outbox.not_settled", sent=len(sent), failed=len(failed))
                await asyncio.sleep(0.5)
                self._has_results.set()
                continue
            for key in sent:
                del self._sent[key]
            del self._failed[: len(failed)]
            if self._sent or self._failed:
                self._has_results.set()

    async def _write(self, sent: Mapping[str, str], failed: Iterable[Failure]) -> None:
        now = self._clock.now()
        if not sent and not failed:
            return
        async with self._database.unit_of_work() as uow:
            await uow.outbox.finish(sent, now=now)
            for failure in failed:
                await uow.outbox.put_back(
                    failure.item,
                    instance=self._pulse.instance,
                    at=now + failure.after,
                    error=f"{type(failure.error).__name__}: {failure.error}",
                    counts=failure.counts,
                    is_dead=failure.is_dead,
                )
        loop = asyncio.get_running_loop()
        for failure in failed:
            if failure.is_dead:
                log.warning("outbox.dead", key=failure.item.message.key, error=str(failure.error))
            elif failure.counts:
                loop.call_later(failure.after.total_seconds() + 0.01, self.wake)


async def _take_back(adapter: Adapter, message: Outgoing) -> str:
    """
    Somebody's message taken back, or not: where the bot is no administrator, that is the end of it.

    Raises:
        NotConnected: there was no line to try it on; it waits for one.
    """
    try:
        async with asyncio.timeout(RECALL_LIMIT):
            await adapter.recall(message.conversation, message.recall)
    except NotConnected:
        raise
    except (SendError, TimeoutError) as error:
        log.info("outbox.not_recalled", key=message.key, error=str(error))
    return ""
