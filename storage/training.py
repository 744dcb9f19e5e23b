"""Training: events with their attendance and hours, retraining after a 不合格, appointments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage.models.appraisal import attendances, training_events, trainings, tutor_files
from storage.models.people import persons, units

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

PASSED, FAILED = "passed", "failed"
#: What a training event is: articles 7 (before the job), 8 (term, year) and 9 (courses).
KINDS: Mapping[str, str] = {
    "pre_job": "岗前培训",
    "term": "学期培训",
    "year": "年度培训",
    "course": "专题培训",
}


@dataclass(frozen=True, slots=True)
class TrainingEvent:
    """A training; `unit_id` None asks the whole province's tutors. `hours` are 学时."""

    id: int
    kind: str
    title: str
    unit_id: int | None
    unit_name: str
    starts_at: datetime
    ends_at: datetime
    place: str
    hours: Decimal
    code: str
    minutes: str
    signed_up: int = 0
    signed_in: int = 0


@dataclass(frozen=True, slots=True)
class Attendance:
    """Somebody's part in an event: from `signed_in_at` on its hours are theirs."""

    event: TrainingEvent
    person_id: int
    person_name: str
    signed_up_at: datetime | None
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Retraining:
    """重新培训: until `due_at`; `result` None: still to be done."""

    id: int
    person_id: int
    person_name: str
    year: int
    opened_at: datetime
    opened_by: str
    due_at: datetime
    result: str | None
    certificate: str
    note: str
    result_by: str
    result_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hired:
    """已聘, with the number of the certificate."""

    person_id: int
    certificate: str
    hired_at: datetime
    by: str


class Training:
    """Events, hours, retraining and appointments."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- events -----------------------------------------------------------------------------------

    async def add(
        self,
        *,
        kind: str,
        title: str,
        unit_id: int | None,
        starts_at: datetime,
        ends_at: datetime,
        place: str,
        hours: Decimal,
        code: str,
        by: str,
        now: datetime,
    ) -> int | None:
        """A new event; its number, or None where the code is in use."""
        # The savepoint of a step, if this is one, belongs outside of our own.
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                row = await self._uow.write(
                    insert(training_events)
                    .values(
                        kind=kind,
                        title=title,
                        unit_id=unit_id,
                        starts_at=starts_at,
                        ends_at=ends_at,
                        place=place,
                        hours=str(hours),
                        code=code,
                        minutes="",
                        made_by=by,
                        made_at=now,
                    )
                    .returning(training_events.c.id)
                )
                return int(row.scalar_one())
        except IntegrityError:
            return None

    async def events(
        self, unit_ids: Collection[int] | None, *, since: datetime | None = None, limit: int = 100
    ) -> list[TrainingEvent]:
        """What is open to these units (None: everything), the latest first."""
        wanted: list[ColumnElement[bool]] = []
        if unit_ids is not None:
            wanted.append(
                or_(training_events.c.unit_id.is_(None), training_events.c.unit_id.in_(unit_ids))
            )
        if since is not None:
            wanted.append(training_events.c.ends_at >= since)
        statement = (
            self._select().where(*wanted).order_by(training_events.c.starts_at.desc()).limit(limit)
        )
        return [_event(row) for row in await self._uow.read(statement)]

    async def event(self, number: int) -> TrainingEvent | None:
        """One of them."""
        row = (await self._uow.read(self._select().where(training_events.c.id == number))).first()
        return None if row is None else _event(row)

    async def event_of_code(self, code: str) -> TrainingEvent | None:
        """The event whose code this is."""
        row = (await self._uow.read(self._select().where(training_events.c.code == code))).first()
        return None if row is None else _event(row)

    async def set_minutes(self, number: int, text: str) -> None:
        """What was done there (纪要)."""
        await self._uow.write(
            update(training_events).where(training_events.c.id == number).values(minutes=text)
        )

    def _select(self) -> Any:
        def count(column: Any) -> Any:
            return (
                select(func.count(column))
                .where(attendances.c.event == training_events.c.id)
                .correlate(training_events)
                .scalar_subquery()
            )

        return select(
            training_events,
            units.c.name.label("unit_name"),
            count(attendances.c.signed_up_at).label("signed_up"),
            count(attendances.c.signed_in_at).label("signed_in"),
        ).outerjoin(units, units.c.id == training_events.c.unit_id)

    # -- who came ---------------------------------------------------------------------------------

    async def sign_up(self, event: int, person_id: int, now: datetime) -> bool:
        """They mean to come; False where they said so before."""
        return await self._attend(event, person_id, signed_up_at=now)

    async def sign_in(self, event: int, person_id: int, now: datetime) -> bool:
        """They are there: the hours are theirs, once; False where they were."""
        known = (
            await self._uow.read(
                select(attendances.c.signed_in_at).where(
                    attendances.c.event == event, attendances.c.person_id == person_id
                )
            )
        ).first()
        if known is None:
            return await self._attend(event, person_id, signed_in_at=now)
        done = await self._uow.write(
            update(attendances)
            .where(
                attendances.c.event == event,
                attendances.c.person_id == person_id,
                attendances.c.signed_in_at.is_(None),
            )
            .values(signed_in_at=now)
        )
        return done.rowcount == 1

    async def _attend(self, event: int, person_id: int, **when: datetime) -> bool:
        # The savepoint of a step, if this is one, belongs outside of our own.
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                await self._uow.write(
                    insert(attendances).values(event=event, person_id=person_id, **when)
                )
        except IntegrityError:
            return False
        return True

    async def attendance(self, person_id: int) -> list[Attendance]:
        """What somebody signed up for or came to, the latest first."""
        return await self._attendance(attendances.c.person_id == person_id)

    async def attendance_at(self, event: int) -> list[Attendance]:
        """Who signed up for or came to an event."""
        return await self._attendance(attendances.c.event == event)

    async def _attendance(self, wanted: ColumnElement[bool]) -> list[Attendance]:
        statement = (
            self._select()
            .add_columns(
                attendances.c.person_id,
                persons.c.name.label("person_name"),
                attendances.c.signed_up_at,
                attendances.c.signed_in_at,
            )
            .join(attendances, attendances.c.event == training_events.c.id)
            .join(persons, persons.c.id == attendances.c.person_id)
            .where(wanted)
            .order_by(training_events.c.starts_at.desc(), attendances.c.id)
            .limit(2000)
        )
        return [
            Attendance(
                _event(row), row.person_id, row.person_name, row.signed_up_at, row.signed_in_at
            )
            for row in await self._uow.read(statement)
        ]

    async def hours(self, person_ids: Collection[int] | None = None) -> dict[int, Decimal]:
        """学时 of each person who has any."""
        statement = (
            select(attendances.c.person_id, training_events.c.hours)
            .join(training_events, training_events.c.id == attendances.c.event)
            .where(attendances.c.signed_in_at.is_not(None))
        )
        if person_ids is not None:
            statement = statement.where(attendances.c.person_id.in_(person_ids))
        found: dict[int, Decimal] = defaultdict(Decimal)
        for person_id, hours in await self._uow.read(statement):
            found[person_id] += Decimal(hours)
        return found

    async def is_kept(self) -> bool:
        """Whether the school keeps its training here at all; else hours are not connected."""
        statement = select(training_events.c.id).limit(1)
        return (await self._uow.read(statement)).first() is not None

    # -- retraining -------------------------------------------------------------------------------

    async def open(
        self, person_id: int, year: int, *, due_at: datetime, by: str, now: datetime
    ) -> bool:
        """Retraining for that year; False where it is open already."""
        # The savepoint of a step, if this is one, belongs outside of our own.
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                await self._uow.write(
                    insert(trainings).values(
                        person_id=person_id,
                        year=year,
                        opened_at=now,
                        opened_by=by,
                        due_at=due_at,
                        certificate="",
                        note="",
                    )
                )
        except IntegrityError:
            return False
        return True

    async def finish(
        self,
        number: int,
        *,
        result: str,
        certificate: str,
        note: str,
        by: str,
        now: datetime,
    ) -> bool:
        """Its result, once."""
        done = await self._uow.write(
            update(trainings)
            .where(trainings.c.id == number, trainings.c.result.is_(None))
            .values(result=result, certificate=certificate, note=note, result_by=by, result_at=now)
        )
        return done.rowcount == 1

    async def retrainings(
        self, *, person_ids: Collection[int] | None = None, is_open: bool | None = None
    ) -> list[Retraining]:
        """Whose retraining there is."""
        statement = (
            select(trainings, persons.c.name)
            .join(persons, persons.c.id == trainings.c.person_id)
            .order_by(trainings.c.due_at, trainings.c.id)
        )
        if person_ids is not None:
            statement = statement.where(trainings.c.person_id.in_(person_ids))
        if is_open is not None:
            is_undone = trainings.c.result.is_(None)
            statement = statement.where(is_undone if is_open else ~is_undone)
        return [
            Retraining(
                row.id,
                row.person_id,
                row.name,
                row.year,
                row.opened_at,
                row.opened_by,
                row.due_at,
                row.result,
                row.certificate,
                row.note,
                row.result_by or "",
                row.result_at,
            )
            for row in await self._uow.read(statement)
        ]

    # -- appointments -----------------------------------------------------------------------------

    async def hire(self, person_id: int, certificate: str, *, by: str, now: datetime) -> None:
        """已聘, with the number of the certificate of training."""
        done = await self._uow.write(
            update(tutor_files)
            .where(tutor_files.c.person_id == person_id)
            .values(certificate=certificate, hired_at=now, by=by)
        )
        if done.rowcount == 0:
            await self._uow.write(
                insert(tutor_files).values(
                    person_id=person_id, certificate=certificate, hired_at=now, by=by
                )
            )

    async def hired(self, person_ids: Collection[int]) -> dict[int, Hired]:
        """Those marked 已聘."""
        statement = select(tutor_files).where(tutor_files.c.person_id.in_(person_ids))
        return {
            row.person_id: Hired(row.person_id, row.certificate, row.hired_at, row.by)
            for row in await self._uow.read(statement)
        }


def _event(row: Row[*tuple[Any, ...]]) -> TrainingEvent:
    return TrainingEvent(
        row.id,
        row.kind,
        row.title,
        row.unit_id,
        row.unit_name or "",
        row.starts_at,
        row.ends_at,
        row.place,
        Decimal(row.hours),
        row.code,
        row.minutes,
        row.signed_up,
        row.signed_in,
    )
