"""Outgoing messages: written with the effect they tell of, sent at least once afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from storage import queue
from storage.models.queues import outbox
from storage.models.tasks import obligations
from storage.vocabulary import Conversation, Outgoing, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


#: Taken back before it was sent.
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken back, and when it had been written."""

    key: str
    conversation: Conversation
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message given up: `about` is the T-n it tells of, `task` the R-n it reminds of."""

    id: int
    platform: Platform
    account: str
    created_at: datetime
    error: str
    about: int | None
    task: int | None


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message to send. `may_be_sent`: whoever held its lease before died on the way."""

    message: Outgoing
    created_at: datetime
    attempts: int = 0
    may_be_sent: bool = False
    is_leased: bool = True


class OutboxRows:
    """The outgoing queue. Rows are known by their key, which is unique for ever."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(
        self,
        message: Outgoing,
        *,
        now: datetime,
        instance: str | None = None,
        lease: timedelta = timedelta(),
        not_before: datetime | None = None,
    ) -> OutboxMessage:
        """Queue a message, leased to `instance` if it will send it right after the commit."""
        place = message.conversation
        self._uow.add(
            outbox,
            {
                "key": message.key,
                "platform": place.platform,
                "account": place.account,
                "conversation_id": place.id,
                "payload": msgspec.json.encode(message).decode(),
                "event_id": message.event_id,
                "about": message.about,
                "created_at": now,
                "state": queue.READY,
                "attempts": 0,
                "not_before": not_before or now,
                "begun_at": None,
                "leased_by": instance,
                "leased_until": now + lease if instance else None,
            },
        )
        return OutboxMessage(message, now, is_leased=instance is not None)

    async def known(self, keys: Collection[str]) -> set[str]:
        """Which of these were queued before."""
        statement = select(outbox.c.key).where(outbox.c.key.in_(keys))
        return {key for (key,) in await self._uow.read(statement)}

    async def claim(
        self,
        *,
        accounts: Collection[tuple[Platform, str]],
        instance: str,
        now: datetime,
        lease: timedelta,
        limit: int,
    ) -> list[OutboxMessage]:
        """The oldest unsent messages of the accounts connected here."""
        if not accounts:
            return []
        mine = or_(
            *(
                and_(outbox.c.platform == platform, outbox.c.account == account)
                for platform, account in accounts
            )
        )
        # Looked at before the claim overwrites it: a lease that ran out means a sender that died.
        held = await self._uow.read(
            select(outbox.c.key).where(
                queue.is_claimable(outbox, now), mine, outbox.c.leased_by.is_not(None)
            )
        )
        orphans = set(held.scalars())
        rows = await queue.claim(
            self._uow.connection,
            outbox,
            instance=instance,
            now=now,
            lease=lease,
            limit=limit,
            only=mine,
        )
        return [
            OutboxMessage(decode(row), row.created_at, row.attempts, row.key in orphans)
            for row in rows
        ]

    async def begin(self, key: str, *, instance: str, now: datetime) -> bool:
        """Whether `instance` may send it still: from now on nobody can take it back."""
        begun = await self._uow.write(
            update(outbox)
            .where(
                outbox.c.key == key,
                outbox.c.state == queue.READY,
                outbox.c.leased_by == instance,
            )
            .values(begun_at=now)
        )
        return begun.rowcount == 1

    async def withdraw(self, keys: Collection[str]) -> list[Taken]:
        """Those whose sending has not begun are never sent, whoever holds them; which they were."""
        rows = await self._uow.write(
            update(outbox)
            .where(
                outbox.c.key.in_(keys), outbox.c.state == queue.READY, outbox.c.begun_at.is_(None)
            )
            .values(state=WITHDRAWN, leased_by=None, leased_until=None)
            .returning(*outbox.c)
        )
        return [Taken(row.key, decode(row).conversation, row.created_at) for row in rows]

    async def finish(self, sent: Mapping[str, str], *, now: datetime) -> None:
        """Mark messages sent (key → platform id), whoever holds them now: what is sent is sent."""
        if not sent:
            return
        statement = (
            update(outbox)
            .where(outbox.c.key == bindparam("sent_key"), outbox.c.state != queue.DONE)
            .values(
                state=queue.DONE,
                sent_id=bindparam("platform_id"),
                sent_at=now,
                leased_by=None,
                leased_until=None,
            )
        )
        rows = [{"sent_key": key, "platform_id": sent_id[:100]} for key, sent_id in sent.items()]
        await self._uow.write(statement, rows)

    async def put_back(
        self,
        item: OutboxMessage,
        *,
        instance: str,
        at: datetime,
        error: str,
        counts: bool = True,
        is_dead: bool = False,
    ) -> None:
        """Try again at `at`; `counts` is False where there was no line to try it on."""
        await self._uow.write(
            update(outbox)
            .where(
                outbox.c.key == item.message.key,
                outbox.c.state == queue.READY,
                outbox.c.leased_by == instance,
            )
            .values(
                state=queue.DEAD if is_dead else queue.READY,
                attempts=item.attempts + counts,
                not_before=at,
                begun_at=None,
                error=error[:500],
                leased_by=None,
                leased_until=None,
            )
        )

    async def hurry(self, place: Conversation, now: datetime) -> None:
        """What was held back in this conversation may go now."""
        await self._uow.write(
            update(outbox)
            .where(
                outbox.c.platform == place.platform,
                outbox.c.account == place.account,
                outbox.c.conversation_id == place.id,
                outbox.c.state == queue.READY,
                outbox.c.not_before > now,
            )
            .values(not_before=now)
        )

    async def renew(self, instance: str, until: datetime) -> None:
        """Heartbeat."""
        await queue.renew(self._uow.connection, outbox, instance=instance, until=until)

    async def release(self, instance: str) -> None:
        """Give back what `instance` holds and has not sent."""
        await queue.release(self._uow.connection, outbox, instance=instance)

    async def expire(self, now: datetime) -> None:
        """End every lease: nobody else has this database open."""
        await queue.expire(self._uow.connection, outbox, now=now)

    async def quoted(
        self, platform: Platform, account: str, conversation_id: str, sent_id: str
    ) -> Outgoing | None:
        """The message of ours that has this platform id in this conversation."""
        statement = select(outbox).where(
            outbox.c.platform == platform,
            outbox.c.account == account,
            outbox.c.conversation_id == conversation_id,
            outbox.c.sent_id == sent_id,
        )
        row = (await self._uow.read(statement)).first()
        return None if row is None else decode(row)

    async def replies_to(self, event_ids: Collection[int]) -> dict[int, list[Outgoing]]:
        """What was said in answer to each event, in order."""
        if not event_ids:
            return {}
        statement = select(outbox).where(outbox.c.event_id.in_(event_ids)).order_by(outbox.c.id)
        found: dict[int, list[Outgoing]] = {}
        for row in await self._uow.read(statement):
            found.setdefault(row.event_id, []).append(decode(row))
        return found

    async def backlog(self) -> queue.Backlog:
        """How many messages are to be sent, and how many never could be."""
        return await queue.backlog(self._uow, outbox)

    async def set_aside(self, limit: int = 100) -> list[Unsent]:
        """Messages that could never be sent, newest first; never their words."""
        task = (
            select(obligations.c.task)
            .where(obligations.c.outbox_key == outbox.c.key)
            .order_by(obligations.c.task)
            .limit(1)
            .scalar_subquery()
        )
        statement = (
            select(
                outbox.c.id,
                outbox.c.platform,
                outbox.c.account,
                outbox.c.created_at,
                outbox.c.error,
                outbox.c.about,
                task.label("task"),
            )
            .where(queue.is_in(outbox, queue.DEAD))
            .order_by(outbox.c.id.desc())
            .limit(limit)
        )
        return [
            Unsent(
                row.id,
                Platform(row.platform),
                row.account,
                row.created_at,
                row.error or "",
                row.about,
                row.task,
            )
            for row in await self._uow.read(statement)
        ]

    async def about(self, row_id: int) -> int | None:
        """The number T-n a message tells of, if it tells of one."""
        statement = select(outbox.c.about).where(outbox.c.id == row_id)
        about: int | None = (await self._uow.read(statement)).scalar()
        return about

    async def retry(self, row_id: int, now: datetime) -> bool:
        """
        Send after all what was given up. False where it was not, or is a reminder: those have a
        last useful moment, and their own page.
        """
        is_reminder = exists().where(obligations.c.outbox_key == outbox.c.key)
        return await self._bring_back(row_id, ~is_reminder, state=queue.READY, now=now)

    async def drop(self, row_id: int, now: datetime) -> bool:
        """Give it up for good; False where it was not given up before."""
        return await self._bring_back(row_id, true(), state=WITHDRAWN, now=now)

    async def _bring_back(
        self, row_id: int, condition: ColumnElement[bool], *, state: str, now: datetime
    ) -> bool:
        done = await self._uow.write(
            update(outbox)
            .where(outbox.c.id == row_id, queue.is_in(outbox, queue.DEAD), condition)
            .values(
                state=state,
                attempts=0,
                not_before=now,
                begun_at=None,
                leased_by=None,
                leased_until=None,
            )
        )
        return done.rowcount == 1

    async def counts(self) -> dict[str, int]:
        """How many messages are ready, done and dead."""
        statement = select(outbox.c.state, func.count()).group_by(outbox.c.state)
        return {row[0]: row[1] for row in await self._uow.read(statement)}


def decode(row: Row[*tuple[Any, ...]]) -> Outgoing:
    """The message a row holds."""
    return msgspec.json.decode(row.payload, type=Outgoing)
