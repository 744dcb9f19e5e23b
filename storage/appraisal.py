"""A tutor's record: figures of each day, notes, appeals, corrections, formula, annual level."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Row,
    Select,
    Subquery,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from storage.models.appraisal import (
    annual_levels,
    appeals,
    daily_records,
    daily_wishes,
    formulas,
    record_corrections,
    record_notes,
    settled_days,
    settling_days,
    silences,
)
from storage.models.hand_offs import hand_offs
from storage.models.people import classes, duties, enrolments, persons, units
from storage.models.record import interactions
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Platform, Role

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A reference, its part and its whole.
RawRow = tuple[str, int, int]
DAY = timedelta(days=1)


class Outcome(StrEnum):
    """What came of an appeal."""

    UPHELD = "upheld"
    PARTLY = "partly"
    REJECTED = "rejected"


class Grade(StrEnum):
    """The annual levels of article 17; `BY_PEOPLE` is only ever a proposal: there is none."""

    EXCELLENT = "excellent"
    PASSED = "passed"
    FAILED = "failed"
    BY_PEOPLE = "by_people"


@dataclass(frozen=True, slots=True)
class DailyRecord:
    """One indicator of a tutor's class on a day; `value` is an exact decimal."""

    tutor_id: int
    day: date
    class_id: int
    indicator: str
    numerator: int
    denominator: int
    value: str | None
    rows: tuple[RawRow, ...]
    id: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """What a tutor has to say to a day of theirs."""

    day: date
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Appeal:
    """申诉 n 号: against the record of a day; `outcome` None: not answered yet."""

    id: int
    tutor_id: int
    tutor_name: str
    day: date
    class_id: int
    class_name: str
    unit_id: int | None
    text: str
    at: datetime
    due_at: datetime
    alarm: int
    outcome: Outcome | None
    answer: str
    answered_name: str
    answered_at: datetime | None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A figure's rows before and after."""

    day: date
    class_id: int
    indicator: str
    before: tuple[RawRow, ...]
    after: tuple[RawRow, ...]
    reason: str
    by_name: str
    at: datetime
    appeal: int | None


@dataclass(frozen=True, slots=True)
class FormulaRow:
    """A stored version of the formula; `body` is its JSON."""

    version: int
    effective_from: date
    body: str
    reason: str
    made_name: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """What a named supervisor decided for a year; `evidence` is what was on the table, as JSON."""

    tutor_id: int
    year: int
    revision: int
    level: Grade
    proposed: Grade
    evidence: str
    reason: str
    decided_by: str
    decided_name: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Appointed:
    """A tutor with the classes they held between two days."""

    person_id: int
    name: str
    #: Class id → name, unit id, unit name, students.
    classes: tuple[TutorClass, ...]


@dataclass(frozen=True, slots=True)
class TutorClass:
    """A class of a tutor's."""

    id: int
    name: str
    unit_id: int | None
    unit_name: str
    students: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Days, both included, and whose: of these units (None: of all), or one tutor's."""

    first: date
    last: date
    unit_ids: Collection[int] | None = None
    tutor_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """An indicator of a tutor's class over some days."""

    tutor_id: int
    class_id: int
    indicator: str
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants the figures at 21:00, and where."""

    person_id: int
    name: str
    conversation: Conversation


class Appraisal:
    """The record and everything decided on it."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- days -------------------------------------------------------------------------------------

    async def unsettled(self, until: date, limit: int) -> list[date]:
        """The first days without figures before `until`, from the first day there was anything."""
        newest = (await self._uow.read(select(func.max(settled_days.c.day)))).scalar()
        if newest is not None:
            first = date.fromisoformat(newest) + DAY
        else:
            began = (
                await self._uow.read(
                    select(func.min(duties.c.starts_at)).where(duties.c.role == Role.TUTOR)
                )
            ).scalar()
            if began is None:
                return []
            # A table may say that somebody has been tutor for years: the record begins with it.
            spoken = (await self._uow.read(select(func.min(interactions.c.at)))).scalar()
            asked = (await self._uow.read(select(func.min(hand_offs.c.asked_at)))).scalar()
            first = max(began, min((it for it in (spoken, asked) if it), default=began)).date()
        count = min(limit, max(0, (until - first).days))
        return [first + n * DAY for n in range(count)]

    async def settled_classes(self, day: date) -> int:
        """The last class of an unsettled day whose figures are made; 0: none yet."""
        statement = select(settling_days.c.class_id).where(settling_days.c.day == day.isoformat())
        return (await self._uow.read(statement)).scalar() or 0

    async def classes_after(self, class_id: int, limit: int) -> list[int]:
        """The next classes in the order in which they are settled."""
        statement = (
            select(classes.c.id).where(classes.c.id > class_id).order_by(classes.c.id).limit(limit)
        )
        return list((await self._uow.read(statement)).scalars())

    async def advance(self, day: date, before: int, last: int) -> bool:
        """The classes after `before` up to `last` are ours to settle; False: somebody else's."""
        if before:
            done = await self._uow.write(
                update(settling_days)
                .where(settling_days.c.day == day.isoformat(), settling_days.c.class_id == before)
                .values(class_id=last)
            )
            return done.rowcount == 1
        return await self._insert(insert(settling_days).values(day=day.isoformat(), class_id=last))

    async def finish(self, day: date, now: datetime) -> bool:
        """The day is settled; False where it was."""
        is_ours = await self._insert(
            insert(settled_days).values(day=day.isoformat(), settled_at=now)
        )
        if is_ours:
            await self._uow.write(
                settling_days.delete().where(settling_days.c.day == day.isoformat())
            )
        return is_ours

    async def _insert(self, statement: Insert) -> bool:
        # The savepoint of a step, if this is one, belongs outside of our own.
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                await self._uow.write(statement)
        except IntegrityError:
            return False
        return True

    async def is_settled(self, day: date) -> bool:
        """Whether the figures of a day are made."""
        statement = select(settled_days.c.day).where(settled_days.c.day == day.isoformat())
        return (await self._uow.read(statement)).first() is not None

    def put(self, records: Iterable[DailyRecord]) -> None:
        """The figures of a day, made once."""
        for it in records:
            self._uow.add(
                daily_records,
                {
                    "tutor_id": it.tutor_id,
                    "day": it.day.isoformat(),
                    "class_id": it.class_id,
                    "indicator": it.indicator,
                    "numerator": it.numerator,
                    "denominator": it.denominator,
                    "value": it.value,
                    "rows": _json(it.rows),
                },
            )

    async def records(
        self, first: date, last: date, tutor_ids: Collection[int] | None = None
    ) -> list[DailyRecord]:
        """The figures of these tutors (None: of all) from one day to another, both included."""
        statement = (
            select(daily_records)
            .where(
                daily_records.c.day >= first.isoformat(), daily_records.c.day <= last.isoformat()
            )
            .order_by(
                daily_records.c.tutor_id,
                daily_records.c.day,
                daily_records.c.class_id,
                daily_records.c.indicator,
            )
        )
        if tutor_ids is not None:
            statement = statement.where(daily_records.c.tutor_id.in_(tutor_ids))
        return [_record(row) for row in await self._uow.read(statement)]

    async def sums(self, scope: Scope, indicators: Collection[str]) -> list[Sum]:
        """Parts and wholes of each tutor's class together, over all days."""
        own = _scoped(scope, indicators)
        place = (own.c.tutor_id, own.c.class_id, own.c.indicator)
        statement = select(*place, func.sum(own.c.numerator), func.sum(own.c.denominator)).group_by(
            *place
        )
        # Sums of big numbers are decimals in PostgreSQL.
        return [
            Sum(row[0], row[1], row[2], int(row[3]), int(row[4]))
            for row in await self._uow.read(statement)
        ]

    async def newest(self, scope: Scope, indicators: Collection[str]) -> list[Sum]:
        """The last day's part and whole of each tutor's class."""
        own = _scoped(scope, indicators)
        place = (own.c.tutor_id, own.c.class_id, own.c.indicator)
        rank = func.row_number().over(partition_by=place, order_by=own.c.day.desc())
        ranked = select(own, rank.label("rank")).subquery()
        statement = select(
            ranked.c.tutor_id,
            ranked.c.class_id,
            ranked.c.indicator,
            ranked.c.numerator,
            ranked.c.denominator,
        ).where(ranked.c.rank == 1)
        return [Sum(*row) for row in await self._uow.read(statement)]

    async def peaks(
        self, scope: Scope, indicators: Collection[str]
    ) -> dict[tuple[int, str], tuple[int, int]]:
        """By tutor and indicator, the highest day of all classes together, and how many days."""
        own = _scoped(scope, indicators)
        place = (own.c.tutor_id, own.c.indicator, own.c.day)
        days = select(*place, func.sum(own.c.numerator).label("part")).group_by(*place).subquery()
        statement = select(
            days.c.tutor_id, days.c.indicator, func.max(days.c.part), func.count()
        ).group_by(days.c.tutor_id, days.c.indicator)
        found = await self._uow.read(statement)
        return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in found}

    async def active(
        self, scope: Scope, indicators: Collection[str]
    ) -> dict[tuple[int, str], tuple[int, int]]:
        """By tutor and indicator, on how many days there was any row, and how many rows."""
        own = _scoped(scope, indicators)
        place = (own.c.tutor_id, own.c.indicator)
        statement = (
            select(*place, func.count(own.c.day.distinct()), func.sum(own.c.denominator))
            .where(own.c.denominator > 0)
            .group_by(*place)
        )
        found = await self._uow.read(statement)
        return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in found}

    async def parts(
        self, scope: Scope, indicators: Collection[str]
    ) -> dict[tuple[int, str], list[RawRow]]:
        """By tutor and indicator, all the rows: for what cannot be told from sums."""
        own = _scoped(scope, indicators, daily_records.c.rows)
        statement = select(own.c.tutor_id, own.c.indicator, own.c.rows)
        found: dict[tuple[int, str], list[RawRow]] = defaultdict(list)
        for tutor_id, indicator, rows in await self._uow.read(statement):
            found[(tutor_id, indicator)] += _rows(rows)
        return found

    async def recorded_days(self, scope: Scope) -> dict[int, int]:
        """On how many days there is anything on each tutor's record."""
        own = _scoped(scope, None)
        statement = select(own.c.tutor_id, func.count(own.c.day.distinct())).group_by(
            own.c.tutor_id
        )
        return {row[0]: int(row[1]) for row in await self._uow.read(statement)}

    async def appointed(
        self,
        first: date,
        last: date,
        *,
        unit_ids: Collection[int] | None = None,
        tutor_id: int | None = None,
    ) -> list[Appointed]:
        """Who was tutor of which classes between two days, both included; by name."""
        size = (
            select(func.count())
            .where(enrolments.c.class_id == classes.c.id)
            .correlate(classes)
            .scalar_subquery()
        )
        statement = (
            select(
                persons.c.id.label("person_id"),
                persons.c.name.label("person_name"),
                classes.c.id,
                classes.c.name,
                classes.c.unit_id,
                units.c.name.label("unit_name"),
                size.label("students"),
            )
            .select_from(
                duties.join(persons, persons.c.id == duties.c.person_id)
                .join(classes, classes.c.id == duties.c.class_id)
                .outerjoin(units, units.c.id == classes.c.unit_id)
            )
            .where(*_in_office(first, last, unit_ids, tutor_id))
            .order_by(persons.c.name, persons.c.id, classes.c.name)
        )
        names: dict[int, str] = {}
        held: dict[int, dict[int, TutorClass]] = defaultdict(dict)
        for row in await self._uow.read(statement):
            names[row.person_id] = row.person_name
            # Two appointments to one class (one's own and a cover) are one class.
            held[row.person_id][row.id] = TutorClass(
                row.id, row.name, row.unit_id, row.unit_name or "", row.students
            )
        return [Appointed(key, names[key], tuple(it.values())) for key, it in held.items()]

    async def first_appointments(self, person_ids: Collection[int]) -> dict[int, datetime]:
        """When each of these was first a tutor."""
        statement = (
            select(duties.c.person_id, func.min(duties.c.starts_at))
            .where(duties.c.role == Role.TUTOR, duties.c.person_id.in_(person_ids))
            .group_by(duties.c.person_id)
        )
        return {row[0]: row[1] for row in await self._uow.read(statement)}

    async def name_of(self, person_id: int) -> str:
        """A person's name, "" of nobody."""
        statement = select(persons.c.name).where(persons.c.id == person_id)
        return (await self._uow.read(statement)).scalar() or ""

    async def when(self, ledger_ids: Collection[int]) -> dict[int, tuple[datetime, str, str]]:
        """Of rows of the ledger: when, what kind, what topic."""
        statement = select(
            interactions.c.id, interactions.c.at, interactions.c.kind, interactions.c.topic
        ).where(interactions.c.id.in_(ledger_ids))
        return {row.id: (row.at, row.kind, row.topic) for row in await self._uow.read(statement)}

    async def asked(self, numbers: Collection[int]) -> dict[int, tuple[datetime, str]]:
        """Of hand-offs: when they were asked, and on what topic."""
        statement = select(hand_offs.c.number, hand_offs.c.asked_at, hand_offs.c.topic).where(
            hand_offs.c.number.in_(numbers)
        )
        return {row.number: (row.asked_at, row.topic) for row in await self._uow.read(statement)}

    async def fell_silent(self, tutor_id: int, since: datetime, now: datetime) -> bool:
        """Nobody had an answer of theirs for two working days (S19.3); False where it is noted."""
        known = select(silences.c.id).where(
            silences.c.tutor_id == tutor_id, silences.c.since == since
        )
        if (await self._uow.read(known)).first() is not None:
            return False
        return await self._insert(
            insert(silences).values(tutor_id=tutor_id, since=since, noticed_at=now)
        )

    async def silences(self, tutor_id: int, since: datetime, until: datetime) -> list[datetime]:
        """When silences of two working days of the tutor's were noticed (S19.3)."""
        statement = (
            select(silences.c.noticed_at)
            .where(
                silences.c.tutor_id == tutor_id,
                silences.c.noticed_at >= since,
                silences.c.noticed_at < until,
            )
            .order_by(silences.c.id)
        )
        return list((await self._uow.read(statement)).scalars())

    # -- what the tutor has to say ----------------------------------------------------------------

    async def annotate(self, tutor_id: int, day: date, text: str, at: datetime) -> None:
        """A note of the tutor's; notes are only ever added."""
        await self._uow.write(
            insert(record_notes).values(tutor_id=tutor_id, day=day.isoformat(), text=text, at=at)
        )

    async def notes(self, tutor_id: int, first: date, last: date) -> list[Note]:
        """The tutor's notes to these days."""
        statement = (
            select(record_notes)
            .where(
                record_notes.c.tutor_id == tutor_id,
                record_notes.c.day >= first.isoformat(),
                record_notes.c.day <= last.isoformat(),
            )
            .order_by(record_notes.c.id)
            .limit(500)
        )
        return [
            Note(date.fromisoformat(row.day), row.text, row.at)
            for row in await self._uow.read(statement)
        ]

    async def appeal(
        self,
        *,
        tutor_id: int,
        day: date,
        class_id: int,
        text: str,
        at: datetime,
        due_at: datetime,
        event_id: int | None,
    ) -> int:
        """A new appeal; its number."""
        row = await self._uow.write(
            insert(appeals)
            .values(
                tutor_id=tutor_id,
                day=day.isoformat(),
                class_id=class_id,
                text=text,
                at=at,
                due_at=due_at,
                event_id=event_id,
                alarm=0,
            )
            .returning(appeals.c.id)
        )
        return int(row.scalar_one())

    async def appeals_of(self, tutor_id: int, first: date, last: date) -> list[Appeal]:
        """A tutor's appeals against these days, the newest first."""
        return await self._appeals(
            appeals.c.tutor_id == tutor_id,
            appeals.c.day >= first.isoformat(),
            appeals.c.day <= last.isoformat(),
        )

    async def appeals_in(self, unit_ids: Collection[int] | None, *, is_open: bool) -> list[Appeal]:
        """What tutors of these units (None: of all) have appealed against."""
        wanted = [appeals.c.outcome.is_(None) if is_open else appeals.c.outcome.is_not(None)]
        if unit_ids is not None:
            wanted.append(classes.c.unit_id.in_(unit_ids))
        return await self._appeals(*wanted)

    async def appeal_of(self, number: int, unit_ids: Collection[int] | None) -> Appeal | None:
        """One of them, if it is these units'."""
        wanted = [appeals.c.id == number]
        if unit_ids is not None:
            wanted.append(classes.c.unit_id.in_(unit_ids))
        found = await self._appeals(*wanted)
        return found[0] if found else None

    async def answer(
        self, number: int, outcome: Outcome, *, text: str, by: str, name: str, at: datetime
    ) -> bool:
        """The answer, once; False where there is one."""
        done = await self._uow.write(
            update(appeals)
            .where(appeals.c.id == number, appeals.c.outcome.is_(None))
            .values(
                outcome=outcome, answer=text, answered_by=by, answered_name=name, answered_at=at
            )
        )
        return done.rowcount == 1

    async def set_alarm(self, number: int, percent: int) -> bool:
        """Its supervisors have been warned so far; False if already."""
        done = await self._uow.write(
            update(appeals)
            .where(appeals.c.id == number, appeals.c.outcome.is_(None), appeals.c.alarm < percent)
            .values(alarm=percent)
        )
        return done.rowcount == 1

    async def _appeals(self, *wanted: ColumnElement[bool]) -> list[Appeal]:
        statement = (
            select(
                appeals,
                persons.c.name.label("tutor_name"),
                classes.c.name.label("class_name"),
                classes.c.unit_id,
            )
            .join(persons, persons.c.id == appeals.c.tutor_id)
            .join(classes, classes.c.id == appeals.c.class_id)
            .where(*wanted)
            .order_by(appeals.c.id.desc())
            .limit(500)
        )
        return [_appeal(row) for row in await self._uow.read(statement)]

    # -- corrections ------------------------------------------------------------------------------

    async def correct(
        self,
        record: DailyRecord,
        corrected: DailyRecord,
        *,
        appeal: int | None,
        reason: str,
        by: str,
        by_name: str,
        at: datetime,
    ) -> bool:
        """
        Another figure in place of one; both sets of rows are kept.

        False where somebody else has corrected it meanwhile.
        """
        before, after = _json(record.rows), _json(corrected.rows)
        done = await self._uow.write(
            update(daily_records)
            .where(daily_records.c.id == record.id, daily_records.c.rows == before)
            .values(
                numerator=corrected.numerator,
                denominator=corrected.denominator,
                value=corrected.value,
                rows=after,
            )
        )
        if done.rowcount != 1:
            return False
        await self._uow.write(
            insert(record_corrections).values(
                record=record.id,
                appeal=appeal,
                before=before,
                after=after,
                reason=reason,
                by=by,
                by_name=by_name,
                at=at,
            )
        )
        return True

    async def corrections(self, tutor_id: int, first: date, last: date) -> list[Correction]:
        """What was corrected of a tutor's figures of these days, in order."""
        statement = (
            select(
                record_corrections,
                daily_records.c.day,
                daily_records.c.class_id,
                daily_records.c.indicator,
            )
            .join(daily_records, daily_records.c.id == record_corrections.c.record)
            .where(
                daily_records.c.tutor_id == tutor_id,
                daily_records.c.day >= first.isoformat(),
                daily_records.c.day <= last.isoformat(),
            )
            .order_by(record_corrections.c.id)
        )
        return [
            Correction(
                date.fromisoformat(row.day),
                row.class_id,
                row.indicator,
                _rows(row.before),
                _rows(row.after),
                row.reason,
                row.by_name,
                row.at,
                row.appeal,
            )
            for row in await self._uow.read(statement)
        ]

    # -- the formula ------------------------------------------------------------------------------

    async def formulas(self) -> list[FormulaRow]:
        """Every version of the school's own, the oldest first."""
        statement = select(formulas).order_by(formulas.c.version)
        return [
            FormulaRow(
                row.version,
                date.fromisoformat(row.effective_from),
                row.body,
                row.reason,
                row.made_name,
                row.made_at,
            )
            for row in await self._uow.read(statement)
        ]

    async def put_formula(
        self,
        *,
        effective_from: date,
        body: str,
        reason: str,
        by: str,
        name: str,
        at: datetime,
    ) -> int | None:
        """A new version; its number, or None where another begins on that day."""
        # The savepoint of a step, if this is one, belongs outside of our own.
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                row = await self._uow.write(
                    insert(formulas)
                    .values(
                        effective_from=effective_from.isoformat(),
                        body=body,
                        reason=reason,
                        made_by=by,
                        made_name=name,
                        made_at=at,
                    )
                    .returning(formulas.c.version)
                )
                return int(row.scalar_one())
        except IntegrityError:
            return None

    # -- annual levels ----------------------------------------------------------------------------

    async def decide(self, level: Level) -> bool:
        """What was decided; False where somebody else decided the same revision first."""
        # The savepoint of a step, if this is one, belongs outside of our own.
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                await self._uow.write(
                    insert(annual_levels).values(
                        tutor_id=level.tutor_id,
                        year=level.year,
                        revision=level.revision,
                        level=level.level,
                        proposed=level.proposed,
                        evidence=level.evidence,
                        reason=level.reason,
                        decided_by=level.decided_by,
                        decided_name=level.decided_name,
                        decided_at=level.decided_at,
                    )
                )
        except IntegrityError:
            return False
        return True

    async def levels(
        self, tutor_ids: Collection[int] | None = None, year: int | None = None
    ) -> Mapping[tuple[int, int], list[Level]]:
        """By tutor and year, every decision in order: the last one holds."""
        statement = select(annual_levels).order_by(
            annual_levels.c.tutor_id, annual_levels.c.year, annual_levels.c.revision
        )
        if tutor_ids is not None:
            statement = statement.where(annual_levels.c.tutor_id.in_(tutor_ids))
        if year is not None:
            statement = statement.where(annual_levels.c.year == year)
        found: dict[tuple[int, int], list[Level]] = defaultdict(list)
        for row in await self._uow.read(statement):
            found[(row.tutor_id, row.year)].append(
                Level(
                    row.tutor_id,
                    row.year,
                    row.revision,
                    Grade(row.level),
                    Grade(row.proposed),
                    row.evidence,
                    row.reason,
                    row.decided_by,
                    row.decided_name,
                    row.decided_at,
                )
            )
        return found

    # -- at 21:00 ---------------------------------------------------------------------------------

    async def wish(self, person_id: int, place: Conversation, now: datetime) -> None:
        """They want the day's figures there every day."""
        await self.unwish(person_id)
        await self._uow.write(
            insert(daily_wishes).values(
                person_id=person_id,
                platform=place.platform,
                account=place.account,
                user_id=place.id,
                via_group=place.via_group,
                since=now,
            )
        )

    async def unwish(self, person_id: int) -> bool:
        """No longer; False where they did not."""
        done = await self._uow.write(
            daily_wishes.delete().where(daily_wishes.c.person_id == person_id)
        )
        return done.rowcount == 1

    async def wishes(self) -> list[Wish]:
        """Everybody who does."""
        statement = (
            select(daily_wishes, persons.c.name)
            .join(persons, persons.c.id == daily_wishes.c.person_id)
            .order_by(daily_wishes.c.person_id)
        )
        return [
            Wish(
                row.person_id,
                row.name,
                Conversation(
                    Platform(row.platform),
                    row.account,
                    ConversationKind.PRIVATE,
                    row.user_id,
                    row.via_group,
                ),
            )
            for row in await self._uow.read(statement)
        ]


def _in_office(
    first: date, last: date, unit_ids: Collection[int] | None, tutor_id: int | None
) -> list[ColumnElement[bool]]:
    """Of duties joined with classes: tutors of these units between two days, both included."""
    wanted: list[ColumnElement[bool]] = [
        duties.c.role == Role.TUTOR,
        duties.c.starts_at < _midnight(last + DAY),
        or_(duties.c.ends_at.is_(None), duties.c.ends_at > _midnight(first)),
    ]
    if unit_ids is not None:
        wanted.append(classes.c.unit_id.in_(unit_ids))
    if tutor_id is not None:
        wanted.append(duties.c.person_id == tutor_id)
    return wanted


def _scoped(
    scope: Scope, indicators: Collection[str] | None, *more: ColumnElement[Any]
) -> Subquery:
    """The figures of a scope: of each tutor only the classes they held there."""
    held = (
        select(duties.c.person_id, duties.c.class_id)
        .join(classes, classes.c.id == duties.c.class_id)
        .where(*_in_office(scope.first, scope.last, scope.unit_ids, scope.tutor_id))
        .distinct()
        .subquery()
    )
    it = daily_records.c
    statement: Select[*tuple[Any, ...]] = (
        select(it.tutor_id, it.class_id, it.indicator, it.day, it.numerator, it.denominator, *more)
        .select_from(
            held.join(
                daily_records,
                (it.tutor_id == held.c.person_id) & (it.class_id == held.c.class_id),
            )
        )
        .where(it.day >= scope.first.isoformat(), it.day <= scope.last.isoformat())
    )
    if indicators is not None:
        statement = statement.where(it.indicator.in_(indicators))
    return statement.subquery()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def _json(rows: Sequence[RawRow]) -> str:
    return json.dumps([list(row) for row in rows], separators=(",", ":"))


def _rows(text: str) -> tuple[RawRow, ...]:
    return tuple((str(ref), int(part), int(whole)) for ref, part, whole in json.loads(text))


def _record(row: Row[*tuple[Any, ...]]) -> DailyRecord:
    return DailyRecord(
        row.tutor_id,
        date.fromisoformat(row.day),
        row.class_id,
        row.indicator,
        row.numerator,
        row.denominator,
        row.value,
        _rows(row.rows),
        row.id,
    )


def _appeal(row: Row[*tuple[Any, ...]]) -> Appeal:
    return Appeal(
        row.id,
        row.tutor_id,
        row.tutor_name,
        date.fromisoformat(row.day),
        row.class_id,
        row.class_name,
        row.unit_id,
        row.text,
        row.at,
        row.due_at,
        row.alarm,
        None if row.outcome is None else Outcome(row.outcome),
        row.answer or "",
        row.answered_name or "",
        row.answered_at,
        row.event_id,
    )
