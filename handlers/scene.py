"""Scene: everything the messages of one batch need to know, asked for together."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.attention import understanding_of
from handlers.context import NOTHING_FOUND, Context, Found, Lately
from handlers.decision import called_by_name, query_of
from handlers.faq import Knowledge
from handlers.published import facts_in_words, scope_of, sources_of
from handlers.recent import Recent, Turn
from handlers.settings import BotSettings, ReminderSettings
from handlers.understanding import questions_in
from handlers.working_time import WorkingTime
from storage.consents import NOT_TOLD, Consent
from storage.inbox import InboundEvent
from storage.lines import Account, Span
from storage.people import ClassRoom, Speaker
from storage.prompts import Prompt, PromptKey
from storage.published import PublishedFacts
from storage.questions import HandOff
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Capabilities,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)

#: A message that took longer than this to reach us may have waited for a broken line.
_LATE = timedelta(seconds=30)


@dataclass(slots=True)
class Scene:
    """
    What is true at the start of a batch, in a handful of queries however large the batch.
    """

    now: datetime
    settings: BotSettings
    knowledge: Knowledge
    recent: Recent
    capabilities: Mapping[Platform, Capabilities]
    working: WorkingTime
    reminders: ReminderSettings = field(default_factory=ReminderSettings)
    #: Under which address the pages are reached; empty: nowhere.
    address: str = ""
    #: By event id: what slow work has found out about a message.
    found: Mapping[int, Found] = field(default_factory=dict)
    rooms: dict[tuple[Platform, str, str], ClassRoom] = field(default_factory=dict)
    private_rooms: dict[int, ClassRoom] = field(default_factory=dict)
    speakers: dict[tuple[Platform, str], Speaker] = field(default_factory=dict)
    published: dict[int, PublishedFacts] = field(default_factory=dict)
    facts: dict[int, Mapping[str, str]] = field(default_factory=dict)
    sources: dict[int, Mapping[str, str]] = field(default_factory=dict)
    waiting: dict[tuple[int, str], list[HandOff]] = field(default_factory=dict)
    prompts: dict[PromptKey, Prompt] = field(default_factory=dict)
    consents: dict[tuple[Platform, str], Consent] = field(default_factory=dict)
    blind: Mapping[Account, Sequence[Span]] = field(default_factory=dict)
    lately: Lately = field(default_factory=Lately)
    _last_seen: dict[tuple[Platform, str], int] = field(default_factory=dict)

    async def load(self, uow: UnitOfWork, messages: Sequence[Message]) -> None:
        """Ask the database."""
        places = {message.conversation for message in messages}
        groups = {place for place in places if place.kind is ConversationKind.GROUP}
        groups |= {
            Conversation(place.platform, place.account, ConversationKind.GROUP, place.via_group)
            for place in places
            if place.via_group
        }
        senders = {(m.conversation.platform, m.sender_id) for m in messages}
        sender_ids = {sender for _, sender in senders}
        self.rooms = await uow.people.classes_of_groups(groups, self.now)
        self.speakers = await uow.people.speakers(senders, self.now)
        self.prompts = await uow.prompts.open(self.now, sender_ids)
        self.consents = await uow.consents.of(senders)
        await self._load_private(uow, messages)
        late = [message for message in messages if self.now - message.sent_at > _LATE]
        if late:
            accounts = {(m.conversation.platform, m.conversation.account) for m in late}
            since = min(message.sent_at for message in late)
            self.blind = await uow.lines.blind(accounts, since, self.now)
        class_ids = {room.id for room in self.rooms.values()} | set(self.private_rooms)
        if class_ids:
            self.published = await uow.published.for_classes(class_ids)
            self.waiting = await uow.questions.open_of_askers(class_ids, sender_ids)
        asking = [self.room_of(it) for it in messages if _may_ask(it)]
        self.lately = Lately({room.id: room for room in asking if room is not None})

    async def _load_private(self, uow: UnitOfWork, messages: Sequence[Message]) -> None:
        wanted: set[int] = set()
        for message in messages:
            place = message.conversation
            if place.kind is not ConversationKind.PRIVATE:
                continue
            speaker = self.speakers[(place.platform, message.sender_id)]
            wanted.update((*speaker.class_ids, *speaker.tutored))
            if not speaker.class_ids and not speaker.tutored and not place.via_group:
                seen = await uow.people.class_last_spoken_in(place.platform, message.sender_id)
                if seen is not None:
                    wanted.add(seen)
                    self._last_seen[(place.platform, message.sender_id)] = seen
        self.private_rooms = await uow.people.classes(wanted, self.now)

    def room_of(self, message: Message) -> ClassRoom | None:
        """The class a message belongs to: its group's, else its sender's."""
        place = message.conversation
        if place.kind is ConversationKind.GROUP:
            return self.rooms.get((place.platform, place.account, place.id))
        key = (place.platform, message.sender_id)
        speaker = self.speakers[key]
        own: Collection[int] = speaker.class_ids or speaker.tutored
        if not own and place.via_group:
            return self.rooms.get((place.platform, place.account, place.via_group))
        class_id = next(iter(own), None) or self._last_seen.get(key)
        return None if class_id is None else self.private_rooms.get(class_id)

    def facts_of(self, room: ClassRoom | None) -> Mapping[str, str]:
        """What answers to this class may be filled from."""
        if room is None:
            return {}
        if room.id not in self.facts:
            self.facts[room.id] = facts_in_words(self.published.get(room.id), room, self.now)
        return self.facts[room.id]

    def sources_of(self, room: ClassRoom | None) -> Mapping[str, str]:
        """The documents these were published in."""
        if room is None:
            return {}
        if room.id not in self.sources:
            self.sources[room.id] = sources_of(self.published.get(room.id))
        return self.sources[room.id]

    def context(self, uow: UnitOfWork, event: InboundEvent, message: Message) -> Context:
        """What the handler of one message is given."""
        place = message.conversation
        room = self.room_of(message)
        key = (place.platform, place.account, place.id, message.sender_id)
        prompt = uow.prompts.changed[key] if key in uow.prompts.changed else self.prompts.get(key)
        # One list for the whole batch: what a first message hands over, the second sees.
        # (The anonymous share an id without being one person.)
        asker = message.message_id if message.is_anonymous else message.sender_id
        turn = self.recent.turn(place, message.sender_id, message.sent_at)
        waiting = self.waiting.setdefault((room.id if room else 0, asker), [])
        return Context(
            event_id=event.id,
            message=message,
            understanding=understanding_of(message.text, turn.topic if turn else None),
            speaker=self.speakers[(place.platform, message.sender_id)],
            room=room,
            facts=self.facts_of(room),
            sources=self.sources_of(room),
            prompt=prompt,
            waiting=waiting,
            lately=self.lately,
            recent=self.recent,
            turn=turn,
            capabilities=self.capabilities,
            blind=self.blind.get((place.platform, place.account), ()),
            uow=uow,
            now=self.now,
            settings=self.settings,
            working=self.working,
            reminders=self.reminders,
            knowledge=self.knowledge,
            scope=scope_of(self.published.get(room.id), room) if room else (),
            consent=(self.consents | uow.consents.changed).get(
                (place.platform, message.sender_id), NOT_TOLD
            ),
            found=self.found.get(event.id, NOTHING_FOUND),
            address=self.address,
        )


def _may_ask(message: Message) -> bool:
    return understanding_of(message.text).label is Label.QUESTION


def left_open(
    message: Message, knowledge: Knowledge, settings: BotSettings, turn: Turn | None = None
) -> Iterator[str]:
    """
    The texts a message will be looked up by, where their words alone do not settle the answer.

    `turn` is what was talked of with its sender a moment ago.
    """
    called = called_by_name(message.text, settings)
    text = message.text if called is None else called
    is_private = message.conversation.kind is ConversationKind.PRIVATE
    is_addressed = is_private or message.mentions_bot or called is not None
    previous = turn.topic if turn else None
    understanding = understanding_of(message.text, previous)
    parts = [(text, understanding)]
    if understanding.label is Label.QUESTION:
        several = questions_in(text, previous)
        # Where none of several is answered, the whole is looked up after all.
        parts += several if len(several) > 1 else ()
    for part, understood in parts:
        query, topic = query_of(part, understood), understood.topic
        if understood.label is Label.CHITCHAT and is_addressed:
            query, topic = part, Topic.NONE
        elif understood.label is not Label.QUESTION:
            continue
        if knowledge.wants_vector(query, topic):
            yield query
