"""Orientation (入学教育): who has been welcomed to a class, and how far each has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, insert, or_, select, tuple_, update

from storage.models.people import (
    class_groups,
    duties,
    enrolments,
    group_members,
    identities,
    persons,
)
from storage.models.students import orientations
from storage.people import in_force
from storage.vocabulary import Conversation, ConversationKind, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


class Standing(StrEnum):
    """Invited: welcomed, or about to be. Running: a card from time to time. Paused: none."""

    INVITED = "invited"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Orientation:
    """
    One member of one class. `step` cards have been shown; `next_at` is when the welcome (while
    there was none) or the next card is due, None where nothing comes by itself.
    """

    id: int
    class_id: int
    group: Conversation
    user_id: str
    welcomed_at: datetime | None
    step: int
    standing: Standing
    next_at: datetime | None
    finished_at: datetime | None

    @property
    def private(self) -> Conversation:
        """The private chat with them, opened from their group."""
        place = self.group
        kind = ConversationKind.PRIVATE
        return Conversation(place.platform, place.account, kind, self.user_id, place.id)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A student who is through with `step` cards but not with all; 0: has not begun."""

    person_id: int
    name: str
    step: int


class Orientations:
    """Who has been welcomed and how far they are."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def expect(
        self, class_id: int, group: Conversation, users: Collection[str], due_at: datetime
    ) -> int:
        """
        These have joined: whoever was not welcomed to the class before is to be, at `due_at`.

        One welcome a person and class: neither staff nor somebody welcomed by another account of
        theirs. How many are to be welcomed.
        """
        await self._uow.flush_earlier()
        wanted = sorted(set(users) - await self._not_to_welcome(class_id, group, users, due_at))
        mine = and_(orientations.c.class_id == class_id, orientations.c.platform == group.platform)
        rows = await self._uow.read(
            select(orientations.c.user_id, orientations.c.id, orientations.c.welcomed_at).where(
                mine, orientations.c.user_id.in_(wanted)
            )
        )
        known = {row.user_id: row for row in rows}
        again = [row.id for row in known.values() if row.welcomed_at is None]
        if again:
            await self._uow.write(
                update(orientations)
                .where(orientations.c.id.in_(again), orientations.c.next_at.is_(None))
                .values(next_at=due_at, account=group.account, group_id=group.id)
            )
        new = [user for user in wanted if user not in known]
        if new:
            await self._uow.write(
                insert(orientations), [_new(class_id, group, user, due_at) for user in new]
            )
        return len(new) + len(again)

    async def _not_to_welcome(
        self, class_id: int, group: Conversation, users: Collection[str], now: datetime
    ) -> set[str]:
        theirs, other = identities.alias(), identities.alias()
        is_staff = exists().where(duties.c.person_id == theirs.c.person_id, in_force(now))
        is_welcomed = exists().where(
            other.c.person_id == theirs.c.person_id,
            or_(other.c.platform != theirs.c.platform, other.c.user_id != theirs.c.user_id),
            orientations.c.platform == other.c.platform,
            orientations.c.user_id == other.c.user_id,
            orientations.c.class_id == class_id,
        )
        statement = select(theirs.c.user_id).where(
            theirs.c.platform == group.platform,
            theirs.c.user_id.in_(list(users)),
            or_(is_staff, is_welcomed),
        )
        return {*(await self._uow.read(statement)).scalars(), group.account}

    async def begin(self, class_id: int, group: Conversation, user: str, now: datetime) -> None:
        """Somebody asks for it who was never welcomed: a student of long standing, say."""
        await self._uow.write(
            insert(orientations).values(_new(class_id, group, user, None) | {"welcomed_at": now})
        )

    async def of(
        self, class_ids: Collection[int], accounts: Collection[tuple[Platform, str]]
    ) -> Orientation | None:
        """Whoever has these accounts, in these classes: the furthest they have come."""
        if not accounts or not class_ids:
            return None
        await self._uow.flush_earlier()
        statement = (
            select(orientations)
            .where(
                orientations.c.class_id.in_(class_ids),
                or_(
                    *(
                        and_(orientations.c.platform == platform, orientations.c.user_id == user)
                        for platform, user in accounts
                    )
                ),
            )
            .order_by(orientations.c.step.desc(), orientations.c.id.desc())
            .limit(1)
        )
        row = (await self._uow.read(statement)).first()
        return None if row is None else _orientation(row)

    async def accounts_of(self, person_id: int) -> list[tuple[Platform, str]]:
        """Every chat account of a person."""
        statement = select(identities.c.platform, identities.c.user_id).where(
            identities.c.person_id == person_id
        )
        return [(Platform(it.platform), it.user_id) for it in await self._uow.read(statement)]

    # -- what is due ------------------------------------------------------------------------------

    async def to_welcome(self, now: datetime) -> list[Orientation]:
        """
        Everybody to be welcomed in the groups where somebody's turn has come, in order of coming.

        Whoever came a moment ago is welcomed along with them.
        """
        is_open = and_(orientations.c.welcomed_at.is_(None), orientations.c.next_at.is_not(None))
        place = (orientations.c.platform, orientations.c.account, orientations.c.group_id)
        due = select(*place).where(is_open, orientations.c.next_at <= now).distinct()
        statement = (
            select(orientations).where(is_open, tuple_(*place).in_(due)).order_by(orientations.c.id)
        )
        return [_orientation(row) for row in await self._uow.read(statement)]

    async def due(self, now: datetime, limit: int = 500) -> list[Orientation]:
        """Those whose next card is due, the longest waiting first."""
        statement = (
            select(orientations)
            .where(
                orientations.c.next_at <= now,
                orientations.c.welcomed_at.is_not(None),
                orientations.c.standing == Standing.RUNNING,
            )
            .order_by(orientations.c.next_at, orientations.c.id)
            .limit(limit)
        )
        return [_orientation(row) for row in await self._uow.read(statement)]

    async def gone(self, group: Conversation, users: Collection[str]) -> set[str]:
        """Which of these have left a class group; whoever was never seen in it has not."""
        statement = (
            select(group_members.c.user_id)
            .join(class_groups, class_groups.c.id == group_members.c.class_group_id)
            .where(
                class_groups.c.platform == group.platform,
                class_groups.c.account == group.account,
                class_groups.c.group_id == group.id,
                group_members.c.user_id.in_(list(users)),
                group_members.c.left_at.is_not(None),
            )
        )
        return set((await self._uow.read(statement)).scalars())

    async def welcomed(self, ids: Collection[int], now: datetime) -> list[int]:
        """These have been welcomed; only those who had not been count."""
        rows = await self._uow.write(
            update(orientations)
            .where(orientations.c.id.in_(list(ids)), orientations.c.welcomed_at.is_(None))
            .values(welcomed_at=now, next_at=None)
            .returning(orientations.c.id)
        )
        return list(rows.scalars())

    async def postpone(self, ids: Collection[int], until: datetime | None) -> None:
        """Not before then; None: not until they come again."""
        await self._uow.write(
            update(orientations)
            .where(orientations.c.id.in_(list(ids)), orientations.c.welcomed_at.is_(None))
            .values(next_at=until)
        )

    async def move(
        self,
        item: Orientation,
        *,
        step: int,
        standing: Standing,
        next_at: datetime | None,
        finished_at: datetime | None = None,
    ) -> bool:
        """Where they are from now on; False where they have moved on meanwhile."""
        changed = await self._uow.write(
            update(orientations)
            .where(
                orientations.c.id == item.id,
                orientations.c.step == item.step,
                orientations.c.standing == item.standing,
            )
            .values(step=step, standing=standing, next_at=next_at, finished_at=finished_at)
        )
        return changed.rowcount == 1

    # -- who has not finished ---------------------------------------------------------------------

    async def open_in(self, class_id: int) -> list[Orientation]:
        """
        Everybody who was welcomed to a class and has not finished, in order of coming.

        Whoever has finished by another account of theirs is through.
        """
        here, there, done = identities.alias(), identities.alias(), orientations.alias()
        is_through = exists().where(
            here.c.platform == orientations.c.platform,
            here.c.user_id == orientations.c.user_id,
            there.c.person_id == here.c.person_id,
            done.c.platform == there.c.platform,
            done.c.user_id == there.c.user_id,
            done.c.class_id == class_id,
            done.c.finished_at.is_not(None),
        )
        statement = (
            select(orientations)
            .where(
                orientations.c.class_id == class_id,
                orientations.c.welcomed_at.is_not(None),
                orientations.c.finished_at.is_(None),
                ~is_through,
            )
            .order_by(orientations.c.id)
        )
        return [_orientation(row) for row in await self._uow.read(statement)]

    async def finished_in(self, class_id: int) -> int:
        """How many have finished."""
        statement = select(func.count()).where(
            orientations.c.class_id == class_id, orientations.c.finished_at.is_not(None)
        )
        return int((await self._uow.read(statement)).scalar_one())

    async def names(self, items: Sequence[Orientation]) -> tuple[list[Unfinished], int]:
        """Who they are, each person once; and how many accounts nobody is tied to."""
        keys = {(item.group.platform, item.user_id): item for item in items}
        users = sorted({user for _, user in keys})
        found: dict[int, Unfinished] = {}
        tied: set[tuple[Platform, str]] = set()
        for chunk in (users[start : start + 2000] for start in range(0, len(users), 2000)):
            statement = (
                select(identities.c.platform, identities.c.user_id, persons.c.id, persons.c.name)
                .join(persons, persons.c.id == identities.c.person_id)
                .where(identities.c.user_id.in_(chunk))
                .order_by(persons.c.student_no, persons.c.id)
            )
            for row in await self._uow.read(statement):
                key = (Platform(row.platform), row.user_id)
                if key not in keys:
                    continue
                tied.add(key)
                known = found.get(row.id)
                step = max(keys[key].step, known.step if known else 0)
                found[row.id] = Unfinished(row.id, row.name, step)
        return list(found.values()), len(keys) - len(tied)

    async def not_begun(self, class_id: int) -> list[tuple[Unfinished, Platform, str]]:
        """Students of a class no account of whom was ever welcomed to it, with each account."""
        statement = (
            select(persons.c.id, persons.c.name, identities.c.platform, identities.c.user_id)
            .join(enrolments, enrolments.c.person_id == persons.c.id)
            .join(identities, identities.c.person_id == persons.c.id)
            .where(
                enrolments.c.class_id == class_id,
                ~_is_known(class_id, persons.c.id),
            )
            .order_by(persons.c.student_no, identities.c.id)
        )
        return [
            (Unfinished(it.id, it.name, 0), Platform(it.platform), it.user_id)
            for it in await self._uow.read(statement)
        ]

    async def unbound(self, class_id: int) -> int:
        """How many students of a class have no account at all."""
        statement = (
            select(func.count())
            .select_from(enrolments)
            .where(
                enrolments.c.class_id == class_id,
                ~exists().where(identities.c.person_id == enrolments.c.person_id),
            )
        )
        return int((await self._uow.read(statement)).scalar_one())


def _is_known(class_id: int, person_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether any account of a person has been welcomed to a class."""
    theirs = identities.alias()
    return exists().where(
        theirs.c.person_id == person_id,
        orientations.c.platform == theirs.c.platform,
        orientations.c.user_id == theirs.c.user_id,
        orientations.c.class_id == class_id,
    )


def _new(class_id: int, group: Conversation, user: str, due_at: datetime | None) -> dict[str, Any]:
    return {
        "class_id": class_id,
        "platform": group.platform,
        "account": group.account,
        "user_id": user,
        "group_id": group.id,
        "welcomed_at": None,
        "step": 0,
        "standing": Standing.INVITED,
        "next_at": due_at,
        "finished_at": None,
    }


def _orientation(row: Row[*tuple[Any, ...]]) -> Orientation:
    platform = Platform(row.platform)
    return Orientation(
        id=row.id,
        class_id=row.class_id,
        group=Conversation(platform, row.account, ConversationKind.GROUP, row.group_id),
        user_id=row.user_id,
        welcomed_at=row.welcomed_at,
        step=row.step,
        standing=Standing(row.standing),
        next_at=row.next_at,
        finished_at=row.finished_at,
    )
