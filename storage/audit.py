"""Who did what that is not an interaction with a student: sign-ins, refusals, imports, views.

Each line is sealed soon after it was written: its seal is a hash over the line and the seal before
it. The database refuses to change or remove a line; where somebody gets round that, `verify` finds
the place.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    String,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)

from storage.models.hand_offs import counters, hand_offs
from storage.models.record import interactions
from storage.models.supervisors import audit, audit_seals, settings_in_force

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: The series of the seals' numbers.
SEALS = "audit_seal"
#: What the first seal stands on.
BEGINNING = "0" * 64
_PAGE = 5000
#: Transactions that end late leave lines behind the newest sealed one, but no further than this.
_LATE = 20_000


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line: who did what to which thing, from where and why."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """
    How far the chain holds.

    `sealed` lines in it, `waiting` ones not sealed yet, `head` the newest seal; `broken` says at
    which seal it breaks and how, None where it holds to the end.
    """

    sealed: int
    waiting: int
    head: str
    broken: str | None = None
    has_expected: bool = True


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting in words; `secret_hash` of what is in it that must not be read, else empty."""

    words: str
    secret_hash: str = ""


class Audit:
    """An append-only list."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(
        self,
        *,
        at: datetime,
        actor: str,
        action: str,
        target: str,
        detail: str = "",
        address: str = "",
        reason: str = "",
    ) -> None:
        """One line; `detail` holds no message text."""
        self._uow.add(
            audit,
            {
                "at": at,
                "actor": actor[:120],
                "action": action,
                "target": target[:200],
                "detail": detail,
                "address": address[:100],
                "reason": reason,
            },
        )

    async def settings(self) -> dict[str, InForce]:
        """By key, what the last start found; empty before the first."""
        rows = await self._uow.read(select(settings_in_force))
        return {row.key: InForce(row.words, row.secret_hash) for row in rows}

    async def keep_settings(self, found: Mapping[str, InForce]) -> None:
        """What this start found, in place of what was kept."""
        await self._uow.write(delete(settings_in_force))
        rows = [
            {"key": key, "words": it.words, "secret_hash": it.secret_hash}
            for key, it in found.items()
        ]
        await self._uow.write(insert(settings_in_force), rows)

    async def actions(self, limit: int = 100) -> list[tuple[str, str, str]]:
        """The newest lines: actor, action, target."""
        return [(it.actor, it.action, it.target) for it in await self.lines(limit=limit)]

    async def lines(
        self,
        *,
        limit: int,
        before: int | None = None,
        actors: Collection[str] | None = None,
        actor: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        own_classes: Collection[int] = (),
    ) -> list[AuditLine]:
        """
        The newest first, older than line `before`.

        `actors`: of these accounts only; `actor` and `action` are beginnings. What was done to
        complaints about the tutor of `own_classes`, which the reader teaches, is left out.
        """
        wanted: list[ColumnElement[bool]] = []
        if own_classes:
            wanted.append(audit.c.target.not_in(_about_tutors(own_classes)))
        if before is not None:
            wanted.append(audit.c.id < before)
        if actors is not None:
            wanted.append(audit.c.actor.in_(actors))
        if actor:
            wanted.append(audit.c.actor.startswith(actor, autoescape=True))
        if action:
            wanted.append(audit.c.action.startswith(action, autoescape=True))
        if since is not None:
            wanted.append(audit.c.at >= since)
        if until is not None:
            wanted.append(audit.c.at < until)
        statement = select(audit).where(*wanted).order_by(audit.c.id.desc()).limit(limit)
        return [_line(row) for row in await self._uow.read(statement)]

    # -- seals ------------------------------------------------------------------------------------

    async def seal(self, now: datetime) -> int:
        """Seal what is not sealed yet, at most a page of it; how many lines that was."""
        # Locked until the commit: two instances never seal side by side.
        locked = select(counters.c.value).where(counters.c.name == SEALS).with_for_update()
        await self._uow.read(locked)
        before, newest = await self._head()
        statement = (
            select(audit)
            .outerjoin(audit_seals, audit_seals.c.audit_id == audit.c.id)
            .where(audit_seals.c.audit_id.is_(None), audit.c.id > newest - _LATE)
            .order_by(audit.c.id)
            .limit(_PAGE)
        )
        rows = []
        for row in await self._uow.read(statement):
            number = await self._uow.number(SEALS)
            before = _hash(before, number, _line(row))
            rows.append({"number": number, "audit_id": row.id, "hash": before, "sealed_at": now})
        if rows:
            await self._uow.write(insert(audit_seals), rows)
        return len(rows)

    async def verify(self, expected: str = "") -> Verification:
        """
        Whether every sealed line is as it was, none is missing and none was put in between.

        `expected` is a seal noted down earlier, which must be in the chain: that is what finds
        a chain forged from end to end, or cut short.
        """
        counted = select(counters.c.value).where(counters.c.name == SEALS)
        promised = (await self._uow.read(counted)).scalar_one()
        before, number, found = BEGINNING, 0, not expected
        broken: str | None = None
        while broken is None:
            page = await self._page(number)
            if not page:
                break
            for row in page:
                number += 1
                if row.number != number:
                    broken = f"缺第 {number} 号封条"
                elif row.id is None:
                    broken = f"第 {number} 号封条对应的记录（{row.audit_id}）不见了"
                else:
                    before = _hash(before, number, _line(row))
                    if before != row.hash:
                        broken = f"第 {number} 号封条对应的记录（{row.audit_id}）被改过"
                    found = found or before == expected
                if broken is not None:
                    break
        if broken is None and number != promised:
            broken = f"应有 {promised} 个封条，只有 {number} 个"
        total = (await self._uow.read(select(func.count()).select_from(audit))).scalar_one()
        sealed = (await self._uow.read(select(func.count()).select_from(audit_seals))).scalar_one()
        return Verification(number, max(0, total - sealed), before, broken, found)

    async def _page(self, after: int) -> list[Row[*tuple[Any, ...]]]:
        statement = (
            select(audit_seals.c.number, audit_seals.c.audit_id, audit_seals.c.hash, audit)
            .outerjoin(audit, audit.c.id == audit_seals.c.audit_id)
            .where(audit_seals.c.number > after)
            .order_by(audit_seals.c.number)
            .limit(_PAGE)
        )
        return list((await self._uow.read(statement)).all())

    async def _head(self) -> tuple[str, int]:
        """The newest seal, and the highest line that is sealed."""
        newest = select(audit_seals.c.hash).order_by(audit_seals.c.number.desc()).limit(1)
        head = (await self._uow.read(newest)).scalar()
        highest = (await self._uow.read(select(func.max(audit_seals.c.audit_id)))).scalar()
        return head or BEGINNING, highest or 0


def _hash(before: str, number: int, line: AuditLine) -> str:
    """SHA-256 over the seal before, the number and the line, as JSON."""
    words = [
        before,
        number,
        line.id,
        line.at.astimezone(UTC).isoformat(timespec="microseconds"),
        line.actor,
        line.action,
        line.target,
        line.detail,
        line.address,
        line.reason,
    ]
    return sha256(json.dumps(words, ensure_ascii=True).encode()).hexdigest()


def _about_tutors(class_ids: Collection[int]) -> CompoundSelect[*tuple[Any, ...]]:
    """How lines name complaints about the tutor of these classes, and what the ledger has of it."""
    number, row_id = cast(hand_offs.c.number, String), cast(interactions.c.id, String)
    numbers = (hand_offs.c.class_id.in_(class_ids), hand_offs.c.is_about_tutor)
    rows = (interactions.c.class_id.in_(class_ids), interactions.c.is_about_tutor)
    return union_all(
        select(literal("T-") + number).where(*numbers),
        select(literal("interaction:") + row_id).where(*rows),
        select(literal("L-") + row_id).where(*rows),
    )


def _line(row: Row[*tuple[Any, ...]]) -> AuditLine:
    return AuditLine(
        row.id, row.at, row.actor, row.action, row.target, row.detail, row.address, row.reason
    )
