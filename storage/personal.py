"""What is kept about one person, for that person to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, func, or_, select

from storage.interactions import Kind
from storage.models.people import classes, enrolments, identities, persons
from storage.models.record import interactions
from storage.vocabulary import Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PersonalFile:
    """Name, student number, classes, accounts, and how many rows of the record by kind."""

    name: str
    student_no: str
    classes: tuple[str, ...]
    accounts: tuple[tuple[Platform, str], ...]
    rows: tuple[tuple[Kind, int], ...]
    since: datetime | None


class Personal:
    """One person's own view of the record."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def file_of(
        self, platform: Platform, user_id: str, person_id: int | None
    ) -> PersonalFile:
        """What is kept about whoever is behind an account; of somebody unbound only the rows."""
        name, student_no = "", ""
        names: list[str] = []
        accounts = [(platform, user_id)]
        if person_id is not None:
            row = (await self._uow.read(select(persons).where(persons.c.id == person_id))).one()
            name, student_no = row.name, row.student_no or ""
            of_person = (
                select(classes.c.name)
                .join(enrolments, enrolments.c.class_id == classes.c.id)
                .where(enrolments.c.person_id == person_id)
                .order_by(classes.c.id)
            )
            names = list((await self._uow.read(of_person)).scalars())
            bound = (
                select(identities.c.platform, identities.c.user_id)
                .where(identities.c.person_id == person_id)
                .order_by(identities.c.id)
            )
            accounts = [(Platform(where), who) for where, who in await self._uow.read(bound)]
        counted = (
            select(interactions.c.kind, func.count(), func.min(interactions.c.at))
            .where(or_(*(_said_by(where, who) for where, who in accounts)))
            .group_by(interactions.c.kind)
            .order_by(interactions.c.kind)
        )
        rows = (await self._uow.read(counted)).all()
        return PersonalFile(
            name=name,
            student_no=student_no,
            classes=tuple(names),
            accounts=tuple(accounts),
            rows=tuple((Kind(kind), count) for kind, count, _ in rows),
            since=min((first for _, _, first in rows), default=None),
        )

    async def times(self, platform: Platform, user_id: str, kind: Kind, since: datetime) -> int:
        """How many rows of a kind this account has brought about since then."""
        statement = select(func.count()).where(
            _said_by(platform, user_id), interactions.c.kind == kind, interactions.c.at >= since
        )
        return int((await self._uow.read(statement)).scalar_one())


def _said_by(platform: Platform, user_id: str) -> ColumnElement[bool]:
    return and_(interactions.c.platform == platform, interactions.c.speaker_id == user_id)
