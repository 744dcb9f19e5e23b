"""Inbound events: stored before any work is done, told from their redeliveries by a unique key."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    bindparam,
    cast,
    delete,
    exists,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage import queue
from storage.models.hand_offs import hand_off_steps, hand_offs
from storage.models.queues import inbound_events
from storage.models.record import interactions
from storage.vocabulary import (
    ContactRequest,
    Conversation,
    Incoming,
    MembershipChange,
    Message,
    MuteChange,
    Platform,
    Recall,
)

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

KINDS: dict[str, type[Incoming]] = {
    "message": Message,
    "recall": Recall,
    "membership": MembershipChange,
    "mute": MuteChange,
    "request": ContactRequest,
}
#: So many events of a conversation are looked through each way.
_NEAR = 200
_KIND_OF = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """An event in the inbox, leased to us."""

    id: int
    incoming: Incoming
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event that failed every time. `is_on_record`: a person has it, a ledger row says so."""

    id: int
    kind: str
    platform: Platform
    account: str
    error: str
    received_at: datetime
    is_on_record: bool


def dedup_key(incoming: Incoming) -> str:
    """
    What makes two deliveries one event.

    A OneBot message id may be a 32-bit hash, so platform, account, conversation, sender and the
    platform's own time belong to the key.
    """
    place = incoming.conversation
    parts: tuple[str, ...]
    match incoming:
        case Message():
            parts = (incoming.sender_id, incoming.message_id, incoming.native_time)
        case Recall():
            parts = ("recall", incoming.message_id)
        case MembershipChange():
            parts = (str(incoming.joined), incoming.member_id, incoming.at.isoformat())
        case MuteChange():
            parts = ("mute", str(incoming.until), incoming.at.isoformat())
        case ContactRequest():
            parts = ("request", incoming.requester_id, incoming.token)
    whole = "\x1f".join((place.platform, place.account, place.kind, place.id, *parts))
    return blake2b(whole.encode("utf-8", "replace"), digest_size=16).hexdigest()


class InboxRows:
    """The inbound queue."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def store(
        self,
        events: Iterable[Incoming],
        *,
        now: datetime,
        instance: str | None = None,
        lease: timedelta = timedelta(),
    ) -> list[InboundEvent]:
        """
        Keep what is new; the new ones, in the order given, leased to `instance` if there is one.

        An event that is there already, from an earlier delivery or twice in `events`, is dropped.
        """
        by_key = {dedup_key(event): event for event in events}
        if not by_key:
            return []
        rows = [
            {
                "dedup_key": key,
                "kind": _KIND_OF[type(event)],
                "payload": _encode(event),
                "received_at": now,
                "platform": event.conversation.platform,
                "account": event.conversation.account,
                "conversation_id": event.conversation.id,
                "message_id": getattr(event, "message_id", ""),
                "state": queue.READY,
                "attempts": 0,
                "not_before": now,
                "leased_by": instance,
                "leased_until": now + lease if instance else None,
            }
            for key, event in by_key.items()
        ]
        insert = (
            sqlite_insert if self._uow.connection.dialect.name == "sqlite" else postgresql_insert
        )
        statement = (
            insert(inbound_events)
            .on_conflict_do_nothing(index_elements=["dedup_key"])
            .returning(inbound_events.c.id, inbound_events.c.dedup_key)
        )
        stored = {key: row_id for row_id, key in await self._uow.write(statement, rows)}
        return [InboundEvent(stored[key], event) for key, event in by_key.items() if key in stored]

    async def claim(
        self, *, instance: str, now: datetime, lease: timedelta, limit: int
    ) -> list[InboundEvent]:
        """The oldest events nobody works on."""
        rows = await queue.claim(
            self._uow.connection,
            inbound_events,
            instance=instance,
            now=now,
            lease=lease,
            limit=limit,
        )
        return [InboundEvent(row.id, decode(row), row.attempts) for row in rows]

    async def finish(self, ids: Sequence[int], instance: str) -> None:
        """Done, in the transaction that holds what was done."""
        await queue.finish(self._uow.connection, inbound_events, ids=ids, instance=instance)

    async def put_back(
        self, event: InboundEvent, *, instance: str, at: datetime, error: str, is_dead: bool
    ) -> None:
        """Try again at `at`, or set aside for a person to look at."""
        await queue.put_back(
            self._uow.connection,
            inbound_events,
            row_id=event.id,
            instance=instance,
            not_before=at,
            attempts=event.attempts + 1,
            error=error,
            is_dead=is_dead,
        )

    async def renew(self, instance: str, until: datetime) -> None:
        """Heartbeat."""
        await queue.renew(self._uow.connection, inbound_events, instance=instance, until=until)

    async def release(self, instance: str) -> None:
        """Give back what `instance` holds."""
        await queue.release(self._uow.connection, inbound_events, instance=instance)

    async def expire(self, now: datetime) -> None:
        """End every lease: nobody else has this database open."""
        await queue.expire(self._uow.connection, inbound_events, now=now)

    async def messages(self, ids: Collection[int]) -> dict[int, Message]:
        """The stored messages behind ledger rows, by event id."""
        if not ids:
            return {}
        statement = select(inbound_events).where(
            inbound_events.c.id.in_(ids), inbound_events.c.kind == "message"
        )
        found = {row.id: decode(row) for row in await self._uow.read(statement)}
        return {key: value for key, value in found.items() if isinstance(value, Message)}

    async def newest(self, limit: int) -> list[tuple[datetime, Message]]:
        """The messages received last that are still stored, newest first, with when they came."""
        statement = (
            select(inbound_events)
            .where(inbound_events.c.kind == "message")
            .order_by(inbound_events.c.id.desc())
            .limit(limit)
        )
        found = [(row.received_at, decode(row)) for row in await self._uow.read(statement)]
        return [(at, message) for at, message in found if isinstance(message, Message)]

    async def find(
        self, platform: Platform, account: str, conversation_id: str, message_id: str
    ) -> InboundEvent | None:
        """A stored message by the platform's own id."""
        statement = select(inbound_events).where(
            inbound_events.c.platform == platform,
            inbound_events.c.account == account,
            inbound_events.c.conversation_id == conversation_id,
            inbound_events.c.message_id == message_id,
            inbound_events.c.kind == "message",
        )
        row = (await self._uow.read(statement)).first()
        return None if row is None else InboundEvent(row.id, decode(row), row.attempts)

    async def around(
        self, event_id: int, message: Message, *, within: timedelta, limit: int
    ) -> list[tuple[int, Message]]:
        """
        What the same sender said in the same conversation before and after, in order, `limit` each
        way; of what is still stored, and of a busy group only what is near.
        """
        place = message.conversation
        here = (
            (inbound_events.c.platform == place.platform)
            & (inbound_events.c.account == place.account)
            & (inbound_events.c.conversation_id == place.id)
        )
        ids = select(inbound_events.c.id).where(here).limit(_NEAR)
        event = inbound_events.c.id
        before = await self._uow.read(ids.where(event < event_id).order_by(event.desc()))
        after = await self._uow.read(ids.where(event > event_id).order_by(event))
        found: list[tuple[int, Message]] = []
        for near in (list(before.scalars()), list(after.scalars())):
            messages = await self.messages(near)
            said = [
                (key, messages[key])
                for key in near
                if key in messages
                and messages[key].sender_id == message.sender_id
                and messages[key].conversation.kind == place.kind
                and abs(messages[key].sent_at - message.sent_at) <= within
            ]
            found += said[:limit]
        return sorted(found, key=lambda one: one[0])

    async def has_heard(self, place: Conversation) -> bool:
        """Whether anything was ever said to us there, as far back as the inbox is kept."""
        statement = (
            select(inbound_events.c.id)
            .where(
                inbound_events.c.platform == place.platform,
                inbound_events.c.account == place.account,
                inbound_events.c.conversation_id == place.id,
                inbound_events.c.kind == "message",
            )
            .limit(1)
        )
        return (await self._uow.read(statement)).first() is not None

    async def forget_texts(
        self, messages: Sequence[tuple[int, Message]], replacement: str = ""
    ) -> None:
        """Replace the words of stored messages; that they were sent stays known."""
        if not messages:
            return
        statement = (
            update(inbound_events)
            .where(inbound_events.c.id == bindparam("event_id"))
            .values(payload=bindparam("kept"))
        )
        rows = [
            {
                "event_id": event_id,
                "kept": _encode(replace(message, text=replacement, attachments=())),
            }
            for event_id, message in messages
        ]
        await self._uow.write(statement, rows)
        await self._uow.search.forget([event_id for event_id, _ in messages])

    async def prune(self, before: datetime) -> int:
        """
        Forget finished events received before then; the ledger keeps that they were.

        Not what an open hand-off began with or was added to: that is its evidence.
        """
        open_ones = select(hand_offs.c.number).where(hand_offs.c.closed_at.is_(None))
        began = select(hand_offs.c.event_id).where(hand_offs.c.closed_at.is_(None))
        added = select(hand_off_steps.c.event_id).where(
            hand_off_steps.c.hand_off.in_(open_ones), hand_off_steps.c.event_id.is_not(None)
        )
        result = await self._uow.write(
            delete(inbound_events).where(
                inbound_events.c.state == queue.DONE,
                inbound_events.c.received_at < before,
                inbound_events.c.id.not_in(began),
                inbound_events.c.id.not_in(added),
            )
        )
        return result.rowcount

    async def backlog(self) -> queue.Backlog:
        """How many events are to be worked, and how many failed every time."""
        return await queue.backlog(self._uow, inbound_events)

    async def set_aside(self, limit: int = 100) -> list[tuple[int, str, datetime]]:
        """Events that failed every time: id, error, when received; newest first."""
        return [(it.id, it.error, it.received_at) for it in await self.poison(limit)]

    async def poison(self, limit: int = 100) -> list[SetAside]:
        """The same with where they came from; newest first, never their words."""
        key = literal("event:").concat(cast(inbound_events.c.id, String))
        statement = (
            select(
                inbound_events.c.id,
                inbound_events.c.kind,
                inbound_events.c.platform,
                inbound_events.c.account,
                inbound_events.c.error,
                inbound_events.c.received_at,
                exists().where(interactions.c.key == key).label("is_on_record"),
            )
            .where(queue.is_in(inbound_events, queue.DEAD))
            .order_by(inbound_events.c.id.desc())
            .limit(limit)
        )
        return [
            SetAside(
                row.id,
                row.kind,
                Platform(row.platform),
                row.account,
                row.error or "",
                row.received_at,
                bool(row.is_on_record),
            )
            for row in await self._uow.read(statement)
        ]

    async def retry(self, event_id: int, now: datetime) -> bool:
        """Try again what was set aside; False where it is not, or a person has it already."""
        on_record = exists().where(interactions.c.key == f"event:{event_id}")
        return await self._bring_back(event_id, ~on_record, state=queue.READY, now=now)

    async def drop(self, event_id: int, now: datetime) -> bool:
        """Never again; it stays stored as long as the others. False where it is not set aside."""
        return await self._bring_back(event_id, true(), state=queue.DONE, now=now)

    async def _bring_back(
        self, event_id: int, condition: ColumnElement[bool], *, state: str, now: datetime
    ) -> bool:
        done = await self._uow.write(
            update(inbound_events)
            .where(
                inbound_events.c.id == event_id,
                queue.is_in(inbound_events, queue.DEAD),
                condition,
            )
            .values(state=state, attempts=0, not_before=now, leased_by=None, leased_until=None)
        )
        return done.rowcount == 1


def _encode(event: Incoming) -> str:
    try:
        return msgspec.json.encode(event).decode()
    except UnicodeEncodeError:
        # A lone surrogate, in a nickname say: the rest of the event is worth keeping.
        text = json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
        return text.encode("utf-8", "replace").decode()


def to_line(event: Incoming) -> str:
    """One line of text that `from_line` makes the event of again."""
    return f"{_KIND_OF[type(event)]} {_encode(event)}"


def from_line(line: str) -> Incoming:
    """The event of a line.

    Raises:
        ValueError: it is no such line, or not all of one.
    """
    kind, _, payload = line.partition(" ")
    if kind not in KINDS:
        raise ValueError(f"no event: {kind[:20]!r}")
    return msgspec.json.decode(payload, type=KINDS[kind])


def decode(row: Row[*tuple[Any, ...]]) -> Incoming:
    """The event a row holds."""
    return msgspec.json.decode(row.payload, type=KINDS[row.kind])
