"""A class's own life (article 12): its committee (班委) and its study groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from storage.models.people import classes, persons
from storage.models.students import class_offices, study_group_members, study_groups

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Officer:
    """A member of a class's committee."""

    person_id: int
    name: str
    office: str


@dataclass(frozen=True, slots=True)
class StudyGroup:
    """A study group; `members` are (person, name), the oldest first."""

    id: int
    number: int
    name: str
    limit: int
    members: tuple[tuple[int, str], ...] = ()

    @property
    def is_full(self) -> bool:
        return len(self.members) >= self.limit


class ClassLife:
    """Offices and study groups of classes."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- the committee ----------------------------------------------------------------------------

    async def committee(self, class_id: int, now: datetime) -> list[Officer]:
        """Who is on it now, the longest in office first."""
        statement = (
            select(class_offices.c.person_id, persons.c.name, class_offices.c.office)
            .join(persons, persons.c.id == class_offices.c.person_id)
            .where(class_offices.c.class_id == class_id, _in_office(now))
            .order_by(class_offices.c.id)
        )
        return [
            Officer(row.person_id, row.name, row.office) for row in await self._uow.read(statement)
        ]

    async def appoint(
        self, class_id: int, person_id: int, office: str, *, by: str, now: datetime
    ) -> None:
        """This office and no other in this class, from now on."""
        await self.dismiss([person_id], class_id, now)
        await self._uow.write(
            insert(class_offices).values(
                class_id=class_id,
                person_id=person_id,
                office=office,
                starts_at=now,
                given_by=by,
            )
        )

    async def dismiss(self, person_ids: Sequence[int], class_id: int, now: datetime) -> list[str]:
        """They are on the committee no longer; the offices that ended."""
        rows = await self._uow.write(
            update(class_offices)
            .where(
                class_offices.c.class_id == class_id,
                class_offices.c.person_id.in_(person_ids),
                _in_office(now),
            )
            .values(ends_at=now)
            .returning(class_offices.c.office)
        )
        return list(rows.scalars())

    # -- study groups -----------------------------------------------------------------------------

    async def hold(self, class_id: int) -> None:
        """Who else makes or joins a group in this class waits until this transaction is over."""
        await self._uow.write(
            select(classes.c.id).where(classes.c.id == class_id).with_for_update()
        )

    async def groups(self, class_id: int) -> list[StudyGroup]:
        """The class's study groups, by number."""
        statement = (
            select(
                study_groups.c.id,
                study_groups.c.number,
                study_groups.c.name,
                study_groups.c.limit,
                persons.c.id.label("person_id"),
                persons.c.name.label("member"),
            )
            .select_from(
                study_groups.outerjoin(
                    study_group_members,
                    and_(
                        study_group_members.c.group_id == study_groups.c.id,
                        study_group_members.c.left_at.is_(None),
                    ),
                ).outerjoin(persons, persons.c.id == study_group_members.c.person_id)
            )
            .where(study_groups.c.class_id == class_id, study_groups.c.ended_at.is_(None))
            .order_by(study_groups.c.number, study_group_members.c.joined_at)
        )
        rows = (await self._uow.read(statement)).all()
        members: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for row in rows:
            if row.person_id is not None:
                members[row.id].append((row.person_id, row.member))
        made = {row.id: row for row in rows}
        return [
            StudyGroup(row.id, row.number, row.name, row.limit, tuple(members[row.id]))
            for row in made.values()
        ]

    async def make_group(
        self, class_id: int, name: str, *, limit: int, by: int, now: datetime
    ) -> int:
        """A new group with its maker in it; its number in the class, never given twice."""
        last = select(func.max(study_groups.c.number)).where(study_groups.c.class_id == class_id)
        number = ((await self._uow.read(last)).scalar() or 0) + 1
        made = await self._uow.write(
            insert(study_groups)
            .values(
                class_id=class_id, number=number, name=name, limit=limit, made_by=by, made_at=now
            )
            .returning(study_groups.c.id)
        )
        await self.join(made.scalar_one(), by, now)
        return number

    async def join(self, group_id: int, person_id: int, now: datetime) -> None:
        """In it from now on, again if they had left."""
        again = await self._uow.write(
            update(study_group_members)
            .where(
                study_group_members.c.group_id == group_id,
                study_group_members.c.person_id == person_id,
            )
            .values(joined_at=now, left_at=None)
        )
        if again.rowcount == 0:
            await self._uow.write(
                insert(study_group_members).values(
                    group_id=group_id, person_id=person_id, joined_at=now
                )
            )

    async def leave(self, group: StudyGroup, person_id: int, now: datetime) -> None:
        """In it no longer; a group without anybody is over."""
        await self._uow.write(
            update(study_group_members)
            .where(
                study_group_members.c.group_id == group.id,
                study_group_members.c.person_id == person_id,
                study_group_members.c.left_at.is_(None),
            )
            .values(left_at=now)
        )
        if not [member for member, _ in group.members if member != person_id]:
            await self._uow.write(
                update(study_groups).where(study_groups.c.id == group.id).values(ended_at=now)
            )

    async def leave_all(self, person_ids: Sequence[int], class_id: int, now: datetime) -> None:
        """They are of this class no longer: no office, no group of it."""
        await self.dismiss(person_ids, class_id, now)
        for group in await self.groups(class_id):
            for person_id in {member for member, _ in group.members} & set(person_ids):
                await self.leave(group, person_id, now)


def _in_office(now: datetime) -> ColumnElement[bool]:
    return or_(class_offices.c.ends_at.is_(None), class_offices.c.ends_at > now)
