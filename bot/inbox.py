"""Inbox: stores what comes in, then does it; both in batches, each batch one transaction.

Two loops. `_store` commits what adapters hand over; only then does `_work` look at it. A crash
between any two steps leaves rows that the next start, or another instance, takes up again.

What needs slow work first (a picture to be read) steps aside, still leased, and joins a later
batch with what was found; nobody else waits for it.

A database that is away is no event's fault: everything waits for it in its order (`bot.outage`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.answering import Answering
from bot.clock import Clock
from bot.outage import Outage
from bot.outbox import Outbox
from bot.pulse import Pulse
from bot.slow_work import SlowWork
from handlers.attention import Attention, is_worth_keeping, understanding_of
from handlers.context import Found
from handlers.decision import called_by_name
from handlers.recent import Recent
from handlers.settings import BotSettings
from handlers.understanding import mask
from storage.database import Database
from storage.errors import LeaseLost
from storage.inbox import InboundEvent
from storage.outbox import OutboxMessage
from storage.vocabulary import (
    ContactRequest,
    ConversationKind,
    Incoming,
    Message,
)

log = structlog.get_logger()

#: One transaction's worth. Larger gains nothing more and keeps the first of a batch waiting.
BATCH = 256
#: So many events may wait in memory before adapters are made to wait.
ROOM = 5000
MAX_ATTEMPTS = 3
#: A lease that ran out or a retry that fell due is found this late at worst.
LOOK_AGAIN = 5.0
#: Seconds without progress after which the database is away, and people are told; a batch under
#: way has more, for a slow machine is no outage.
PATIENCE = 5.0
PATIENCE_AT_WORK = 8.0
#: A pause of half a second that takes so long: the process was stopped, or the machine is.
ASLEEP = 2.0


class Inbox:
    """Accepts events and works through them until cancelled."""

    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        answering: Answering,
        settings: BotSettings,
        clock: Clock,
        pulse: Pulse,
        recent: Recent,
        outage: Outage,
        slow_work: SlowWork | None = None,
    ) -> None:
        self._recent = recent
        self.outage = outage
        self._slow_work = slow_work
        self._aside: set[asyncio.Task[None]] = set()
        self._found: dict[int, Found] = {}
        self._database = database
        self._outbox = outbox
        self._answering = answering
        self._settings = settings
        self._clock = clock
        self._pulse = pulse
        self._arrived: deque[Incoming] = deque()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._has_arrived = asyncio.Event()
        self._stored: deque[InboundEvent] = deque()
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_stopping = False
        self._must_look = False
        #: When (by the loop's clock) something was last stored; since when a batch is under way.
        self._stored_at = 0.0
        self._busy_since: float | None = None
        self._batch: list[InboundEvent] = []
        self.attention = Attention()
        self.on_change: list[Callable[[], None]] = []
        self.on_request: list[Callable[[ContactRequest, bool], None]] = []

    # -- in ---------------------------------------------------------------------------------------

    async def accept(self, event: Incoming) -> None:
        """Take an event over, unless it is nobody's business; waits only while memory is full."""
        if isinstance(event, Message):
            event = self._recent.joined(event)
            turn = self._recent.turn(event.conversation, event.sender_id, event.sent_at)
            understanding = understanding_of(event.text, turn.topic if turn else None)
            if not is_worth_keeping(event, understanding, self.attention, self._settings):
                return
            event = _without_private_numbers(event)
        while not self._has_room.is_set():
            await self._has_room.wait()
        if len(self._arrived) >= ROOM:
            # Only an outage lets anybody come this far.
            self.outage.drop(event)
            self._tell(event, is_kept=False)
            return
        self._append(event)
        if self.outage.is_on:
            await self.outage.keep(event)
            self._tell(event)

    async def run(self) -> None:
        """Store and work until stopped."""
        for event in await self.outage.left_behind():
            self._append(event)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._store())
                watching = group.create_task(self._watch())
                await self._work(group)
                watching.cancel()
        finally:
            await self.outage.keep_at_a_stop(list(self._arrived))

    def stop(self) -> None:
        """End after the transaction under way; what stands aside is claimed at the next start."""
        self._is_stopping = True
        for task in self._aside:
            task.cancel()
        self._has_arrived.set()
        self._has_work.set()

    async def drain(self, patience: timedelta | None = None) -> None:
        """
        Come back when everything accepted has been worked through.

        What stands aside for slow work is only waited for during `patience`; None: to the end.
        What waits for a database that is away is not waited for: it is on disk.
        """
        loop = asyncio.get_running_loop()
        until = None if patience is None else loop.time() + patience.total_seconds()
        # Conditions asked at a stop and by tests: an event of their own is not worth it.
        while not self.outage.is_on and (  # noqa: ASYNC110
            self._arrived
            or self._stored
            or not self._is_idle.is_set()
            or (self._aside and (until is None or loop.time() < until))
        ):
            await asyncio.sleep(0.005)

    def wake(self) -> None:
        """Look into the database for work now."""
        self._must_look = True
        self._has_work.set()

    # -- the database is away ----------------------------------------------------------------------

    def _append(self, event: Incoming) -> None:
        if not self._arrived:
            self._stored_at = asyncio.get_running_loop().time()
        self._arrived.append(event)
        self._has_arrived.set()
        if len(self._arrived) >= ROOM and not self.outage.is_on:
            self._has_room.clear()

    async def _watch(self) -> None:
        """Notice that nothing is stored or worked any more, whether it fails or hangs."""
        loop = asyncio.get_running_loop()
        while True:
            slept_at = loop.time()
            await asyncio.sleep(0.5)
            now = loop.time()
            if now - slept_at > ASLEEP:
                # It was this process that stood still: what waits has not been tried since.
                self._stored_at = now
                self._busy_since = None if self._busy_since is None else now
                continue
            is_unstored = bool(self._arrived) and now - self._stored_at > PATIENCE
            is_stuck = self._busy_since is not None and now - self._busy_since > PATIENCE_AT_WORK
            if (is_unstored or is_stuck) and not self.outage.is_on:
                waiting = [event.incoming for event in (*self._batch, *self._stored)]
                waiting += self._arrived
                await self.outage.begin(self._arrived)
                for event in waiting:
                    self._tell(event)
                # Who waited for room is let in, to be counted.
                self._has_room.set()

    def _tell(self, event: Incoming, *, is_kept: bool = True) -> None:
        """Whoever spoke to the bot, where it may speak, that their answer has to wait."""
        if not isinstance(event, Message):
            return
        place = event.conversation
        is_called = event.mentions_bot or called_by_name(event.text, self._settings) is not None
        if place.kind is ConversationKind.GROUP and (
            not is_called or (place.platform, place.account, place.id) in self.attention.silent
        ):
            return
        self.outage.tell(event, is_kept=is_kept)

    async def _is_back(self) -> None:
        """Everything is stored and is being worked again; what had no room goes on record."""
        if self._arrived or not self.outage.has_to_end:
            return
        try:
            dropped = await self.outage.end()
            for (platform, account), events in dropped.items():
                log.error("inbox.dropped", account=account, events=events)
                async with self._database.unit_of_work() as uow:
                    uow.audit.add(
                        at=self._clock.now(),
                        actor=f"{platform}:{account}",
                        action="inbox.dropped",
                        target="outage",
                        detail=f"events:{events}",
                    )
        except Exception:
            log.exception("inbox.outage_not_on_record")

    # -- first loop: to disk -----------------------------------------------------------------------

    async def _store(self) -> None:
        pause = 0.1
        while True:
            await self._has_arrived.wait()
            if self._is_stopping:
                return
            batch = [self._arrived[i] for i in range(min(BATCH, len(self._arrived)))]
            try:
                stored = await self._store_batch(batch)
            except Exception:
                # Nothing is forgotten: the batch stays in memory until the database is back.
                log.exception("inbox.not_stored", waiting=len(self._arrived))
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
                continue
            pause = 0.1
            for _ in batch:
                self._arrived.popleft()
            self._stored_at = asyncio.get_running_loop().time()
            self._stored.extend(stored)
            if len(self._arrived) < ROOM:
                self._has_room.set()
            if not self._arrived:
                self._has_arrived.clear()
            if stored:
                self._is_idle.clear()
                self._has_work.set()
            if not self._batch:
                await self._is_back()

    async def _store_batch(self, batch: Sequence[Incoming]) -> list[InboundEvent]:
        """One transaction; if a row breaks it, each alone, so that its neighbours are kept."""
        # Past this, others may help: what is stored unleased is claimed by whoever is free.
        instance = self._pulse.instance if len(self._stored) < ROOM else None
        try:
            async with self._database.unit_of_work() as uow:
                return await uow.inbox.store(
                    batch, now=self._clock.now(), instance=instance, lease=self._pulse.lease
                )
        except Exception as error:
            if self._database.is_away(error):
                raise
            await self._database.check()
            if len(batch) == 1:
                log.exception("inbox.row_refused", kind=type(batch[0]).__name__)
                return []
        stored: list[InboundEvent] = []
        for event in batch:
            stored.extend(await self._store_batch([event]))
        return stored

    # -- second loop: the work ---------------------------------------------------------------------

    async def _work(self, group: asyncio.TaskGroup) -> None:
        await self._claim()
        while not self._is_stopping:
            if not self._stored:
                self._is_idle.set()
                try:
                    async with asyncio.timeout(LOOK_AGAIN):
                        await self._has_work.wait()
                except TimeoutError:
                    self._must_look = True
                self._has_work.clear()
                if self._must_look:
                    self._must_look = False
                    await self._claim()
                continue
            self._is_idle.clear()
            batch = [self._stored.popleft() for _ in range(min(BATCH, len(self._stored)))]
            batch = [event for event in batch if not self._steps_aside(event, group)]
            if not batch:
                continue
            self._batch = batch
            if self._busy_since is None:
                self._busy_since = asyncio.get_running_loop().time()
            left = await self._work_batch(batch)
            for event in batch[: len(batch) - len(left)]:
                self._found.pop(event.id, None)
            self._batch = []
            if left:
                log.error("inbox.database_away", waiting=len(left) + len(self._stored))
                self._stored.extendleft(reversed(left))
                await asyncio.sleep(1)
            else:
                self._busy_since = None
                await self._is_back()

    def _steps_aside(self, event: InboundEvent, group: asyncio.TaskGroup) -> bool:
        """Whether it is to be found out about first, which then begins."""
        slow_work = self._slow_work
        if slow_work is None or event.id in self._found:
            return False
        if not slow_work.is_needed(event.incoming):
            return False

        async def find() -> None:
            # No try here: a cancelled search leaves the row leased, to be claimed again.
            self._found[event.id] = await slow_work.find(event)
            self._is_idle.clear()
            self._stored.append(event)
            self._has_work.set()

        task = group.create_task(find())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return True

    async def _claim(self) -> None:
        """Take up what nobody holds: from before a crash, from a retry, from a dead instance."""
        try:
            async with self._database.unit_of_work() as uow:
                self._stored.extend(
                    await uow.inbox.claim(
                        instance=self._pulse.instance,
                        now=self._clock.now(),
                        lease=self._pulse.lease,
                        limit=BATCH,
                    )
                )
        except Exception:
            log.exception("inbox.not_claimed")
            await asyncio.sleep(1)

    async def _work_batch(self, batch: Sequence[InboundEvent]) -> Sequence[InboundEvent]:
        """What of it, at its end, has to wait because the database is away."""
        try:
            await self._do(batch)
        except LeaseLost:
            log.warning("inbox.lease_lost", events=len(batch))
            if len(batch) > 1:
                return await self._one_by_one(batch)
        except Exception as error:
            if self._database.is_away(error):
                return batch
            if len(batch) > 1:
                return await self._one_by_one(batch)
            log.exception("inbox.failed", event_id=batch[0].id)
            await self._give_up(batch[0], error)
        return ()

    async def _one_by_one(self, batch: Sequence[InboundEvent]) -> Sequence[InboundEvent]:
        for index, event in enumerate(batch):
            if await self._work_batch([event]):
                return batch[index:]
        return ()

    # -- what went wrong ---------------------------------------------------------------------------

    async def _do(self, batch: Sequence[InboundEvent]) -> None:
        """One transaction, and what may only follow its commit."""
        done = await self._answering.work(batch, self._found)
        self.attention.note_prompts(done.prompts)
        self.attention.awaited.update(done.awaited)
        self._outbox.take(done.outgoing)
        if done.lifts_mute:
            self._outbox.wake()
        for request, is_known in done.requests:
            for answer in self.on_request:
                answer(request, is_known)
        for tell in self.on_change:
            tell()
        for event, error in done.failed:
            await self._give_up(event, error)

    async def _give_up(self, event: InboundEvent, error: Exception) -> None:
        """Later again; the third time it goes to a person and is set aside."""
        is_dead = event.attempts + 1 >= MAX_ATTEMPTS
        delay = timedelta(seconds=2.0**event.attempts)
        outgoing: list[OutboxMessage] = []
        try:
            async with self._database.unit_of_work() as uow:
                if is_dead and isinstance(event.incoming, Message):
                    outgoing = await self._answering.apologise(uow, event, event.incoming)
                await uow.inbox.put_back(
                    event,
                    instance=self._pulse.instance,
                    at=self._clock.now() + delay,
                    error=f"{type(error).__name__}: {error}",
                    is_dead=is_dead,
                )
        except Exception:
            # Still ours, and our heartbeat keeps it so: nobody else will take it up.
            log.exception("inbox.not_put_back", event_id=event.id)
            await asyncio.sleep(1)
            self._stored.append(event)
        else:
            self._outbox.take(outgoing)
            asyncio.get_running_loop().call_later(delay.total_seconds() + 0.01, self.wake)


def _without_private_numbers(message: Message) -> Message:
    """As it is stored: numbers hidden in the text, the group card and the names of files."""
    text, name = mask(message.text), mask(message.sender_name)
    files = tuple(replace(item, name=mask(item.name)) for item in message.attachments)
    if (text, name, files) == (message.text, message.sender_name, message.attachments):
        return message
    return replace(message, text=text, sender_name=name, attachments=files)
