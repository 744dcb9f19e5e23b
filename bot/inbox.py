"""Inbox: stores what comes in, then does it; both in batches, each batch one transaction.

Two loops. `_store` commits what adapters hand over; only then does `_work` look at it. A crash
between any two steps leaves rows that the next start, or another instance, takes up again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.outbox import Outbox
from bot.pulse import Pulse
from handlers import commands, routes, texts
from handlers.attention import Attention, is_worth_keeping, understanding_of
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.faq import Knowledge
from handlers.hand_offs import card_for, hand_off
from handlers.scene import Scene
from handlers.settings import BotSettings
from handlers.understanding import mask
from storage.database import Database
from storage.errors import LeaseLost
from storage.inbox import InboundEvent
from storage.interactions import Kind, Record
from storage.outbox import OutboxMessage
from storage.questions import SolvedBy
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Action,
    ContactRequest,
    Conversation,
    ConversationKind,
    Incoming,
    Label,
    MembershipChange,
    Message,
    MuteChange,
    Outgoing,
    Recall,
    Role,
)

log = structlog.get_logger()

#: One transaction's worth. Larger gains nothing more and keeps the first of a batch waiting.
BATCH = 256
#: So many events may wait in memory before adapters are made to wait.
ROOM = 5000
MAX_ATTEMPTS = 3
#: A lease that ran out or a retry that fell due is found this late at worst.
LOOK_AGAIN = 5.0


class Inbox:
    """Accepts events and works through them until cancelled."""

    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        knowledge: Callable[[], Knowledge],
        settings: BotSettings,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._knowledge = knowledge
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
        self._tutor_spoke: dict[Conversation, datetime] = {}
        self.attention = Attention()
        self.on_change: list[Callable[[], None]] = []
        self.on_request: list[Callable[[ContactRequest, bool], None]] = []

    # -- in ---------------------------------------------------------------------------------------

    async def accept(self, event: Incoming) -> None:
        """Take an event over, unless it is nobody's business; waits only while memory is full."""
        if isinstance(event, Message):
            understanding = understanding_of(event.text)
            if not is_worth_keeping(event, understanding, self.attention, self._settings):
                return
            event = _without_private_numbers(event)
        while not self._has_room.is_set():
            await self._has_room.wait()
        self._arrived.append(event)
        self._has_arrived.set()
        if len(self._arrived) >= ROOM:
            self._has_room.clear()

    async def run(self) -> None:
        """Store and work until stopped."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._store())
            group.create_task(self._work())

    def stop(self) -> None:
        """End after the transaction under way."""
        self._is_stopping = True
        self._has_arrived.set()
        self._has_work.set()

    async def drain(self) -> None:
        """Come back when everything accepted has been worked through."""
        # Three conditions, asked at a stop and by tests: an event of their own is not worth it.
        while self._arrived or self._stored or not self._is_idle.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def wake(self) -> None:
        """Look into the database for work now."""
        self._must_look = True
        self._has_work.set()

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
            self._stored.extend(stored)
            if len(self._arrived) < ROOM:
                self._has_room.set()
            if not self._arrived:
                self._has_arrived.clear()
            if stored:
                self._is_idle.clear()
                self._has_work.set()

    async def _store_batch(self, batch: Sequence[Incoming]) -> list[InboundEvent]:
        """One transaction; if a row breaks it, each alone, so that its neighbours are kept."""
        # Past this, others may help: what is stored unleased is claimed by whoever is free.
        instance = self._pulse.instance if len(self._stored) < ROOM else None
        try:
            async with self._database.unit_of_work() as uow:
                return await uow.inbox.store(
                    batch, now=self._clock.now(), instance=instance, lease=self._pulse.lease
                )
        except Exception:
            await self._database.check()
            if len(batch) == 1:
                log.exception("inbox.row_refused", kind=type(batch[0]).__name__)
                return []
        stored: list[InboundEvent] = []
        for event in batch:
            stored.extend(await self._store_batch([event]))
        return stored

    # -- second loop: the work ---------------------------------------------------------------------

    async def _work(self) -> None:
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
            await self._work_batch(batch)

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

    async def _work_batch(self, batch: Sequence[InboundEvent]) -> None:
        try:
            await self._process(batch)
        except LeaseLost:
            log.warning("inbox.lease_lost", events=len(batch))
            if len(batch) > 1:
                for event in batch:
                    await self._work_batch([event])
        except Exception as error:
            if len(batch) > 1:
                for event in batch:
                    await self._work_batch([event])
                return
            log.exception("inbox.failed", event_id=batch[0].id)
            await self._give_up(batch[0], error)

    async def _process(self, batch: Sequence[InboundEvent]) -> None:
        """Everything the batch brings about, in one transaction; no network in it."""
        now = self._clock.now()
        outgoing: list[OutboxMessage] = []
        failed: list[tuple[InboundEvent, Exception]] = []
        requests: list[tuple[ContactRequest, bool]] = []
        #: Messages that concerned nobody after all: not even their words are kept.
        idle: list[tuple[int, Message]] = []
        async with self._database.unit_of_work() as uow:
            scene = Scene(now, self._settings, self._knowledge(), self._tutor_spoke)
            await scene.load(uow, [e.incoming for e in batch if isinstance(e.incoming, Message)])
            for event in batch:
                try:
                    if isinstance(event.incoming, Message):
                        came_of_it, said = await self._hear(uow, scene, event, event.incoming)
                        outgoing += said
                        if came_of_it == SILENCE:
                            idle.append((event.id, event.incoming))
                    elif isinstance(event.incoming, ContactRequest):
                        is_known = await self._is_known(uow, event.incoming, now)
                        requests.append((event.incoming, is_known))
                    else:
                        async with uow.step():
                            await self._note(uow, event.incoming, now)
                except Exception as error:
                    log.exception("inbox.handler_failed", event_id=event.id)
                    failed.append((event, error))
                    scene.waiting.clear()
            broken = {event.id for event, _ in failed}
            await uow.inbox.forget_texts(
                [(event_id, message) for event_id, message in idle if event_id not in broken]
            )
            await uow.inbox.finish(
                [event.id for event in batch if event.id not in broken], self._pulse.instance
            )
            prompted = uow.prompts.changed
        self.attention.note_prompts(prompted)
        self._outbox.take(outgoing)
        if any(isinstance(event.incoming, MuteChange) for event in batch):
            self._outbox.wake()
        for request, is_known in requests:
            for listener in self.on_request:
                listener(request, is_known)
        for listener_of_change in self.on_change:
            listener_of_change()
        for event, cause in failed:
            await self._give_up(event, cause)

    async def _hear(
        self, uow: UnitOfWork, scene: Scene, event: InboundEvent, message: Message
    ) -> tuple[Outcome, list[OutboxMessage]]:
        context = scene.context(uow, event, message)
        if context.speaker.duties:
            # A person with duties may look at what this very batch has done.
            await uow.flush()
        try:
            async with uow.step():
                outcome = await routes.respond(context)
                outgoing = self._keep(context, outcome)
        except UserError as refusal:
            async with uow.step():
                if isinstance(refusal, Forbidden):
                    _audit_refusal(context)
                outcome = Outcome((Reply(refusal.sentence),), _refusal_record(refusal))
                outgoing = self._keep(context, outcome)
        is_command = commands.parse(message.text) is not None
        if context.role is Role.TUTOR and not context.is_private and not is_command:
            self._tutor_spoke[message.conversation] = message.sent_at
        return outcome, outgoing

    def _keep(self, context: Context, outcome: Outcome) -> list[OutboxMessage]:
        """Replies, cards and the ledger row, in the transaction that finishes the event."""
        now, message = context.now, context.message
        outgoing = [_reply_to(context, reply, index) for index, reply in enumerate(outcome.replies)]
        outgoing += outcome.others
        record = outcome.record
        room_id = context.room.id if context.room else None
        class_id = (record.class_id if record else None) or room_id
        if record is not None and class_id is not None:
            context.uow.interactions.add(
                record,
                key=f"event:{context.event_id}",
                at=now,
                class_id=class_id,
                tutor_id=_tutor_of(context, record),
                person_id=record.person_id or context.speaker.person_id,
                platform=message.conversation.platform,
                speaker_id=message.sender_id,
                event_id=context.event_id,
                message_id=message.message_id,
            )
        return [self._queue(context, item) for item in outgoing]

    def _queue(self, context: Context, item: Outgoing) -> OutboxMessage:
        signed = replace(item, text=texts.signed(self._settings.name, item.text))
        muted_until = None
        if context.room is not None:
            muted_until = next(
                (
                    group.muted_until
                    for group in context.room.groups
                    if group.conversation == item.conversation
                ),
                None,
            )
        is_held = muted_until is not None and muted_until > context.now
        can_send = self._outbox.can_send(item.conversation) and not is_held
        return context.uow.outbox.add(
            signed,
            now=context.now,
            instance=self._pulse.instance if can_send else None,
            lease=self._pulse.lease,
            not_before=muted_until if is_held else None,
        )

    async def _note(self, uow: UnitOfWork, event: Incoming, now: datetime) -> None:
        """What happened in a group that nobody said."""
        place = event.conversation
        match event:
            case Recall():
                stored = await uow.inbox.find(
                    place.platform, place.account, place.id, event.message_id
                )
                if stored is not None and isinstance(stored.incoming, Message):
                    said = [(stored.id, stored.incoming)]
                    await uow.inbox.forget_texts(said, texts.recalled())
                    await uow.questions.forget_text(stored.id, texts.recalled())
            case MuteChange():
                await uow.people.set_group_mute(place, event.until)
                if event.until is None:
                    await uow.outbox.hurry(place, now)
            case MembershipChange(is_bot=True):
                uow.audit.add(
                    at=now,
                    actor=f"{place.platform}:{place.account}",
                    action="group.joined" if event.joined else "group.left",
                    target=place.id,
                )

    async def _is_known(self, uow: UnitOfWork, request: ContactRequest, now: datetime) -> bool:
        """Friends: anybody of our classes. Groups: only where a person with duties asks us in."""
        place = request.conversation
        key = (place.platform, request.requester_id)
        speaker = (await uow.people.speakers([key], now))[key]
        if place.kind is ConversationKind.GROUP:
            return bool(speaker.duties)
        if speaker.person_id is not None:
            return True
        seen = await uow.people.class_last_spoken_in(place.platform, request.requester_id)
        return seen is not None

    # -- what went wrong ---------------------------------------------------------------------------

    async def _give_up(self, event: InboundEvent, error: Exception) -> None:
        """Later again; the third time it goes to a person and is set aside."""
        is_dead = event.attempts + 1 >= MAX_ATTEMPTS
        delay = timedelta(seconds=2.0**event.attempts)
        outgoing: list[OutboxMessage] = []
        try:
            async with self._database.unit_of_work() as uow:
                if is_dead and isinstance(event.incoming, Message):
                    outgoing = await self._apologise(uow, event, event.incoming)
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

    async def _apologise(
        self, uow: UnitOfWork, event: InboundEvent, message: Message
    ) -> list[OutboxMessage]:
        """A message that fails every time: the student is told, the tutor has it."""
        scene = Scene(self._clock.now(), self._settings, self._knowledge(), {})
        await scene.load(uow, [message])
        context = scene.context(uow, event, message)
        if context.room is None or not _was_for_us(context):
            return []
        item = await hand_off(context, Label.QUESTION, surface_at=None)
        reply = Reply(texts.failed(), about=item.number)
        record = Record(Kind.QUESTION, Action.HAND_OFF, hand_off=item.number)
        cards = card_for(item, context.room, context.now)
        return self._keep(context, Outcome((reply,), record, cards))


def _without_private_numbers(message: Message) -> Message:
    """As it is stored: numbers hidden in the text, the group card and the names of files."""
    text, name = mask(message.text), mask(message.sender_name)
    files = tuple(replace(item, name=mask(item.name)) for item in message.attachments)
    if (text, name, files) == (message.text, message.sender_name, message.attachments):
        return message
    return replace(message, text=text, sender_name=name, attachments=files)


def _was_for_us(context: Context) -> bool:
    return context.is_private or context.message.mentions_bot


def _reply_to(context: Context, reply: Reply, index: int) -> Outgoing:
    message, place = context.message, context.message.conversation
    if reply.in_private and place.kind is ConversationKind.GROUP:
        place = Conversation(
            place.platform, place.account, ConversationKind.PRIVATE, message.sender_id, place.id
        )
    return Outgoing(
        key=f"event:{context.event_id}:{index}",
        conversation=place,
        text=reply.text,
        quote=message.message_id if reply.is_quoting else "",
        about=reply.about,
        event_id=context.event_id,
    )


def _tutor_of(context: Context, record: Record) -> int | None:
    if record.solved_by is SolvedBy.TUTOR:
        return context.speaker.person_id
    return context.room.tutor.person_id if context.room and context.room.tutor else None


def _refusal_record(refusal: UserError) -> Record | None:
    if not isinstance(refusal, Forbidden):
        return None
    return Record(Kind.REFUSAL, Action.REFUSE, article="第十三条")


def _audit_refusal(context: Context) -> None:
    place = context.message.conversation
    context.uow.audit.add(
        at=context.now,
        actor=f"{place.platform}:{context.message.sender_id}",
        action="command.refused",
        target=f"{place.kind}:{place.id}",
        detail=f"event:{context.event_id}",
    )
