"""Answering: a batch of events done in one transaction, each undoable by itself.

Finds who speaks and where, asks `handlers.routes` what to say, and keeps replies, ledger rows and
"done" together. No network in it: what is to be sent, or to be tried again, is handed back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from bot.clock import Clock
from bot.encoding import Encoding
from bot.outbox import Outbox
from bot.pulse import Pulse
from handlers import (
    collections,
    commands,
    consent,
    orientation,
    routes,
    texts,
    texts_commands,
    texts_floods,
)
from handlers.context import SILENCE, Context, Found, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.faq import Knowledge
from handlers.floods import URGENT, Floods, Pace
from handlers.hand_offs import cards_for, hand_off, private_chat, reaches_in_private
from handlers.learning import verdict_of
from handlers.phrasing import Doubt
from handlers.questions import doubt
from handlers.recent import Recent
from handlers.scene import Scene, left_open
from handlers.settings import BotSettings, ReminderSettings
from handlers.working_time import WorkingTime
from storage.database import Database
from storage.inbox import InboundEvent
from storage.interactions import Kind, Record
from storage.outbox import OutboxMessage
from storage.prompts import Prompt, PromptKey
from storage.questions import SolvedBy
from storage.receipts import Awaited, Place
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Action,
    Capabilities,
    ContactRequest,
    ConversationKind,
    Incoming,
    Label,
    MembershipChange,
    Message,
    MuteChange,
    Outgoing,
    Platform,
    Recall,
    Role,
)

log = structlog.get_logger()


@dataclass(slots=True)
class Done:
    """What a committed batch leaves to do: messages to send, requests to answer, what failed."""

    outgoing: list[OutboxMessage] = field(default_factory=list)
    requests: list[tuple[ContactRequest, bool]] = field(default_factory=list)
    prompts: Mapping[PromptKey, Prompt | None] = field(default_factory=dict)
    failed: list[tuple[InboundEvent, Exception]] = field(default_factory=list)
    lifts_mute: bool = False
    awaited: Mapping[Place, frozenset[Awaited]] = field(default_factory=dict)


class Answering:
    """Does the work of the inbox; knows the rest of the bot only through what it is given."""

    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        knowledge: Callable[[], Knowledge],
        settings: BotSettings,
        clock: Clock,
        pulse: Pulse,
        capabilities: Mapping[Platform, Capabilities],
        working: WorkingTime,
        recent: Recent,
        reminders: ReminderSettings | None = None,
        encoding: Encoding | None = None,
        address: str = "",
    ) -> None:
        self._address = address
        self._floods = Floods()
        self._encoding = encoding
        self._recent = recent
        self._capabilities = capabilities
        self._working = working
        self._reminders = reminders or ReminderSettings()
        self._database = database
        self._outbox = outbox
        self._knowledge = knowledge
        self._settings = settings
        self._clock = clock
        self._pulse = pulse

    async def work(
        self, batch: Sequence[InboundEvent], found: Mapping[int, Found] | None = None
    ) -> Done:
        """
        Everything the batch brings about, in one transaction; no network in it.

        `found` is what slow work has found out about some of its messages, by event id.
        """
        now = self._clock.now()
        done = Done()
        #: Messages that concerned nobody after all, or of whoever wants none kept: not even their
        #: words are.
        idle: list[tuple[int, Message]] = []
        # Before the transaction: nothing waits for the encoder while rows are locked.
        knowledge = await self._read_ahead(batch)
        async with self._database.unit_of_work() as uow:
            scene = self._scene(now, knowledge, self._recent.draft())
            scene.found = found or {}
            await scene.load(uow, [e.incoming for e in batch if isinstance(e.incoming, Message)])
            for event in batch:
                try:
                    if isinstance(event.incoming, Message):
                        is_kept, said = await self._hear(uow, scene, event, event.incoming)
                        done.outgoing += said
                        if not is_kept:
                            idle.append((event.id, event.incoming))
                    elif isinstance(event.incoming, ContactRequest):
                        is_known = await self._is_known(uow, event.incoming, now)
                        done.requests.append((event.incoming, is_known))
                    else:
                        async with uow.step():
                            await self._note(uow, event.incoming, now)
                except Exception as error:
                    if self._database.is_away(error):
                        raise
                    log.exception("inbox.handler_failed", event_id=event.id)
                    done.failed.append((event, error))
                    scene.waiting.clear()
                    scene.lately.forget()
            if uow.tasks.armed_in:
                await uow.flush()
                done.awaited = await uow.receipts.awaited(uow.tasks.armed_in)
            broken = {event.id for event, _ in done.failed}
            await uow.inbox.forget_texts(
                [(event_id, message) for event_id, message in idle if event_id not in broken]
            )
            await uow.inbox.finish(
                [event.id for event in batch if event.id not in broken], self._pulse.instance
            )
        self._recent.keep(scene.recent)
        done.prompts = uow.prompts.changed
        done.lifts_mute = any(isinstance(event.incoming, MuteChange) for event in batch)
        return done

    async def doubt(self, event: InboundEvent, message: Message) -> Doubt | None:
        """What a language model may be asked about a message, if it leaves the bot in doubt."""
        knowledge = await self._read_ahead([event])
        async with self._database.reading() as uow:
            scene = self._scene(self._clock.now(), knowledge, self._recent.draft())
            await scene.load(uow, [message])
            return doubt(scene.context(uow, event, message))

    async def awaits_file(self, message: Message) -> bool:
        """Whether somebody's file sent to the bot alone may be one to be handed in."""
        now = self._clock.now()
        place = message.conversation
        key = (place.platform, message.sender_id)
        async with self._database.reading() as uow:
            speaker = (await uow.people.speakers([key], now))[key]
            text = message.text
            if message.reply_to:
                quoted = await uow.outbox.quoted(
                    place.platform, place.account, place.id, message.reply_to
                )
                text += f" {quoted.text}" if quoted is not None else ""
            return bool(await collections.open_for(uow, speaker, text))

    def _scene(self, now: datetime, knowledge: Knowledge, recent: Recent) -> Scene:
        return Scene(
            now=now,
            settings=self._settings,
            knowledge=knowledge,
            recent=recent,
            capabilities=self._capabilities,
            working=self._working,
            reminders=self._reminders,
            address=self._address,
        )

    async def _read_ahead(self, batch: Sequence[InboundEvent]) -> Knowledge:
        """The knowledge, with the meaning of what the words of this batch leave open."""
        knowledge = self._knowledge()
        if self._encoding is None:
            return knowledge
        messages = [e.incoming for e in batch if isinstance(e.incoming, Message)]
        turns = [self._recent.turn(it.conversation, it.sender_id, it.sent_at) for it in messages]
        texts = [
            text
            for message, turn in zip(messages, turns, strict=True)
            for text in left_open(message, knowledge, self._settings, turn)
        ]
        return knowledge.with_vectors(await self._encoding.vectors(texts))

    async def _hear(
        self, uow: UnitOfWork, scene: Scene, event: InboundEvent, message: Message
    ) -> tuple[bool, list[OutboxMessage]]:
        """Whether the words are kept, and what is said."""
        context = scene.context(uow, event, message)
        if context.speaker.duties or verdict_of(message.text) is not None:
            # These look at what this very batch has done.
            await uow.flush()
        try:
            async with uow.step():
                outcome = self._too_fast(context)
                if outcome is None:
                    outcome = self._floods.quietened(context, await routes.respond(context))
                outcome = await consent.with_notice(context, outcome)
                outgoing = await self._keep(context, outcome)
        except UserError as refusal:
            scene.lately.forget()
            async with uow.step():
                if isinstance(refusal, Forbidden):
                    _audit_refusal(context)
                refused = Outcome((Reply(refusal.sentence),), _refusal_record(refusal))
                outcome = await consent.with_notice(
                    context, self._floods.quietened(context, refused)
                )
                outgoing = await self._keep(context, outcome)
        is_command = commands.parse(message.text) is not None
        if context.role is Role.TUTOR and not context.is_private and not is_command:
            scene.recent.note_tutor(message.conversation, message.sent_at)
        place, sender = message.conversation, message.sender_id
        if outcome.turn is not None:
            scene.recent.note_turn(place, sender, outcome.turn, message.sent_at)
        if outcome.is_greeting:
            scene.recent.note_greeting(place, sender, message.sent_at)
        is_kept = outcome != SILENCE and not consent.leaves_no_trace(context, outcome)
        return is_kept, outgoing

    def _too_fast(self, context: Context) -> Outcome | None:
        """What becomes of a message whose sender writes too fast; None: it is heard."""
        message = context.message
        pace = self._floods.pace(message.conversation, message.sender_id, message.sent_at)
        if (
            pace is Pace.HEARD
            or context.speaker.duties
            or context.prompt is not None
            or context.understanding.label in URGENT
        ):
            return None
        told = (Reply(texts_floods.too_fast(), is_quoting=False),) if pace is Pace.TOLD else ()
        return Outcome(told, Record(Kind.FLOOD, Action.SILENCE))

    async def _keep(self, context: Context, outcome: Outcome) -> list[OutboxMessage]:
        """Replies, cards and the ledger row, in the transaction that finishes the event."""
        now, message = context.now, context.message
        replies = [await _as_possible(context, reply) for reply in outcome.replies]
        outgoing = [
            _reply_to(context, reply, index) for index, reply in enumerate(replies) if reply.text
        ]
        outgoing += outcome.others
        records = () if outcome.record is None else (outcome.record, *outcome.further)
        room_id = context.room.id if context.room else None
        is_nameless = consent.leaves_no_trace(context, outcome)
        person_id = None if is_nameless else context.speaker.person_id
        for index, record in enumerate(records):
            class_id = record.class_id or room_id
            if class_id is None:
                continue
            context.uow.interactions.add(
                record,
                key=f"event:{context.event_id}" + (f":{index + 1}" if index else ""),
                at=now,
                class_id=class_id,
                tutor_id=_tutor_of(context, record),
                person_id=record.person_id or person_id,
                platform=message.conversation.platform,
                speaker_id=consent.NOBODY if is_nameless else message.sender_id,
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
                    await uow.inbox.forget_texts(said, texts_commands.recalled())
                    await uow.questions.forget_text(stored.id, texts_commands.recalled())
            case MuteChange():
                await uow.people.set_group_mute(place, event.until)
                if event.until is None:
                    await uow.outbox.hurry(place, now)
            case MembershipChange():
                await uow.members.note(event)
                if event.joined and not event.is_bot:
                    await orientation.expect(uow, place, [event.member_id], now)
                if event.is_bot:
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

    async def apologise(
        self, uow: UnitOfWork, event: InboundEvent, message: Message
    ) -> list[OutboxMessage]:
        """A message that fails every time: the student is told, the tutor has it."""
        scene = self._scene(self._clock.now(), self._knowledge(), Recent())
        await scene.load(uow, [message])
        context = scene.context(uow, event, message)
        if context.room is None or not _was_for_us(context):
            return []
        item = await hand_off(context, Label.QUESTION, surface_at=None)
        reply = Reply(texts.failed(), about=item.number)
        record = Record(Kind.QUESTION, Action.HAND_OFF, hand_off=item.number)
        cards = await cards_for(context, item, context.room)
        return await self._keep(context, Outcome((reply,), record, cards))


def _was_for_us(context: Context) -> bool:
    return context.is_private or context.message.mentions_bot


async def _as_possible(context: Context, reply: Reply) -> Reply:
    """The reply, or what is said in the group where no private chat can be opened."""
    if not reply.in_private or await reaches_in_private(context):
        return reply
    return replace(reply, text=reply.else_in_group, in_private=False, is_quoting=False)


def _reply_to(context: Context, reply: Reply, index: int) -> Outgoing:
    message, place = context.message, context.message.conversation
    if reply.in_private and place.kind is ConversationKind.GROUP:
        place = private_chat(place, message.sender_id)
    return Outgoing(
        key=f"event:{context.event_id}:{index}",
        conversation=place,
        text=reply.text,
        quote=message.message_id if reply.is_quoting else "",
        about=reply.about,
        event_id=context.event_id,
    )


def _tutor_of(context: Context, record: Record) -> int | None:
    if record.tutor_id is not None:
        return record.tutor_id
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
