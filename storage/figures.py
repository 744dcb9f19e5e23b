"""
The record in numbers over weeks and months: by day, by hour and topic, how soon, what became of
reminders.

A day that is over is summed once, so that a year of a province is read in milliseconds. What is
about a tutor is left out of all of it: a number may tell of a complaint, too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, case, func, insert, literal_column, select, true
from sqlalchemy.exc import IntegrityError

from storage.interactions import Kind
from storage.models.hand_offs import hand_offs, ratings
from storage.models.learning import feedback
from storage.models.people import classes
from storage.models.record import day_sums, interactions, summed_days
from storage.models.tasks import obligations
from storage.questions import SolvedBy
from storage.vocabulary import SHANGHAI, Topic

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

DAY = timedelta(days=1)
#: A first reply took at most so many seconds; the last step is longer than all of them.
STEPS = (300, 900, 3600, 14_400, 28_800, 86_400, 172_800)
UNKNOWN = -1
#: A message may be worked on long after it came: a day is summed this long after its end.
LATE = timedelta(hours=3)
#: So many days that are not summed yet are counted when somebody asks; the others come later.
MOST_LIVE = 3
COUNTED = (Kind.QUESTION, Kind.REPLY)


@dataclass(frozen=True, slots=True)
class Sum:
    """So many rows of a day (or the days of a month); `step` as in `STEPS`, -1 is unknown."""

    day: date
    kind: Kind
    solved_by: SolvedBy | None
    step: int
    count: int


@dataclass(frozen=True, slots=True)
class Opinions:
    """What students thought in a month: of answers, and marks from 1 to 5 for what was closed."""

    useful: int = 0
    useless: int = 0
    marks: int = 0
    total: int = 0


class Figures:
    """Sums of the ledger. `unit_ids` None means every unit."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- by day -----------------------------------------------------------------------------------

    async def sum_days(self, now: datetime, limit: int = 5) -> bool:
        """Sum the next days that are over; whether there are more of them."""
        newest = (await self._uow.read(select(func.max(summed_days.c.day)))).scalar()
        if newest is not None:
            first = date.fromisoformat(newest) + DAY
        else:
            began = (await self._uow.read(select(func.min(interactions.c.at)))).scalar()
            if began is None:
                return False
            first = began.date()
        count = ((now - LATE).astimezone(SHANGHAI).date() - first).days
        for day in (first + n * DAY for n in range(min(limit, max(0, count)))):
            if not await self._begin(day):
                return False
            for (unit_id, kind, solved_by, step), number in (await self._counted(day)).items():
                self._uow.add(
                    day_sums,
                    {
                        "day": day.isoformat(),
                        "unit_id": unit_id or 0,
                        "kind": kind,
                        "solved_by": solved_by or "",
                        "step": step,
                        "count": number,
                    },
                )
        return count > limit

    async def _begin(self, day: date) -> bool:
        await self._uow.flush()
        try:
            async with self._uow.connection.begin_nested():
                await self._uow.write(insert(summed_days).values(day=day.isoformat()))
        except IntegrityError:
            # Another process, at the same moment.
            return False
        return True

    async def _counted(
        self, day: date, unit_ids: Collection[int] | None = None
    ) -> dict[tuple[int | None, str, str | None, int], int]:
        """By unit, kind, who and step."""
        start = datetime.combine(day, time(), SHANGHAI)
        step = case(
            *[
                (interactions.c.first_reply_seconds <= bound, number)
                for number, bound in enumerate(STEPS)
            ],
            (interactions.c.first_reply_seconds.is_not(None), len(STEPS)),
            else_=UNKNOWN,
        )
        columns = (
            classes.c.unit_id,
            interactions.c.kind,
            interactions.c.solved_by,
            step.label("step"),
        )
        statement = (
            select(*columns, func.count())
            .join(classes, classes.c.id == interactions.c.class_id)
            .where(
                interactions.c.at >= start,
                interactions.c.at < start + DAY,
                interactions.c.kind.in_(COUNTED),
                interactions.c.is_about_tutor.is_(False),
                _is_newest(),
                _in(unit_ids),
            )
            # By place: PostgreSQL takes the parameters of a repeated expression for others.
            .group_by(*(literal_column(str(number)) for number in range(1, 5)))
        )
        return {(row[0], row[1], row[2], row[3]): row[4] for row in await self._uow.read(statement)}

    async def days(
        self, unit_ids: Collection[int] | None, first: date, last: date, *, by_month: bool = False
    ) -> tuple[list[Sum], int]:
        """
        The sums of these days, both included, and how many days of them are still to be summed.

        `by_month`: each as the first of its month.
        """
        length = 7 if by_month else 10
        when = func.substr(day_sums.c.day, 1, length).label("when")
        between = day_sums.c.day.between(first.isoformat(), last.isoformat())
        here = true() if unit_ids is None else day_sums.c.unit_id.in_(unit_ids)
        columns = (day_sums.c.kind, day_sums.c.solved_by, day_sums.c.step)
        statement = (
            select(when, *columns, func.sum(day_sums.c.count))
            .where(between, here)
            .group_by(literal_column("1"), *columns)
        )
        totals: dict[tuple[date, str, str | None, int], int] = defaultdict(int)
        for row in await self._uow.read(statement):
            day = date.fromisoformat(f"{row[0]}-01"[:10])
            totals[day, row[1], row[2] or None, row[3]] += int(row[4])
        missing = await self._missing(first, last)
        for day in missing[-MOST_LIVE:]:
            for (_, kind, solved_by, step), count in (await self._counted(day, unit_ids)).items():
                totals[day.replace(day=1) if by_month else day, kind, solved_by, step] += count
        found = [
            Sum(day, Kind(kind), SolvedBy(who) if who else None, step, count)
            for (day, kind, who, step), count in totals.items()
        ]
        return found, max(0, len(missing) - MOST_LIVE)

    async def _missing(self, first: date, last: date) -> list[date]:
        began = (await self._uow.read(select(func.min(interactions.c.at)))).scalar()
        if began is None:
            return []
        newest = (await self._uow.read(select(func.max(summed_days.c.day)))).scalar()
        after = began.date() if newest is None else date.fromisoformat(newest) + DAY
        start = max(first, after)
        return [start + n * DAY for n in range(max(0, (last - start).days + 1))]

    # -- by hour ----------------------------------------------------------------------------------

    async def hours(
        self, unit_ids: Collection[int] | None, since: datetime, until: datetime
    ) -> dict[tuple[int, Topic], int]:
        """Questions by the hour of the day (Asia/Shanghai) and topic."""
        hour = func.substr(self._hour_of(interactions.c.at), 12, 2).label("hour")
        statement = (
            select(hour, interactions.c.topic, func.count())
            .where(
                interactions.c.at >= since,
                interactions.c.at < until,
                interactions.c.kind == Kind.QUESTION,
                interactions.c.is_about_tutor.is_(False),
                _is_newest(),
            )
            .group_by(literal_column("1"), interactions.c.topic)
        )
        if unit_ids is not None:
            here = select(classes.c.id).where(_in(unit_ids))
            statement = statement.where(interactions.c.class_id.in_(here))
        return {
            # China has one zone and no summer time: eight hours after UTC, always.
            ((int(row[0]) + 8) % 24, Topic(row[1])): row[2]
            for row in await self._uow.read(statement)
        }

    # -- reminders and opinions -------------------------------------------------------------------

    async def reminders(
        self, unit_ids: Collection[int] | None, since: datetime, until: datetime
    ) -> Mapping[str, int]:
        """How many reminders were due in these units' classes, by how each stands."""
        here = select(classes.c.id).where(_in(unit_ids))
        statement = (
            select(obligations.c.state, func.count())
            .where(
                obligations.c.class_id.in_(here),
                obligations.c.due_at >= since,
                obligations.c.due_at < until,
            )
            .group_by(obligations.c.state)
        )
        return {row[0]: row[1] for row in await self._uow.read(statement)}

    async def opinions(
        self, unit_ids: Collection[int] | None, since: datetime
    ) -> dict[date, Opinions]:
        """By month, as its first day."""
        votes = (
            select(self._hour_of(feedback.c.at), feedback.c.is_useful, func.count())
            .join(classes, classes.c.id == feedback.c.class_id)
            .where(feedback.c.at >= since, _in(unit_ids))
            .group_by(literal_column("1"), feedback.c.is_useful)
        )
        marks = (
            select(self._hour_of(ratings.c.at), func.count(), func.sum(ratings.c.mark))
            .join(hand_offs, hand_offs.c.number == ratings.c.hand_off)
            .join(classes, classes.c.id == hand_offs.c.class_id)
            .where(ratings.c.at >= since, hand_offs.c.is_about_tutor.is_(False), _in(unit_ids))
            .group_by(literal_column("1"))
        )
        found: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for hour, is_useful, count in await self._uow.read(votes):
            found[_month(hour)][0 if is_useful else 1] += count
        for hour, count, total in await self._uow.read(marks):
            found[_month(hour)][2] += count
            found[_month(hour)][3] += int(total)
        return {month: Opinions(*counts) for month, counts in found.items()}

    def _hour_of(self, at: ColumnElement[datetime]) -> ColumnElement[str]:
        """「2026-12-01T13」 in UTC, as SQLite stores an instant."""
        if self._uow.connection.dialect.name == "sqlite":
            return func.substr(at, 1, 13)
        return func.to_char(func.timezone("UTC", at), 'YYYY-MM-DD"T"HH24')


def step_of(seconds: float) -> int:
    """Which of `STEPS` a first reply falls on."""
    return bisect_left(STEPS, seconds)


def step_at(counts: Sequence[int], share: float) -> int | None:
    """The step within which this share of them is; None where there are none."""
    whole, seen = sum(counts), 0
    for step, count in enumerate(counts):
        seen += count
        if whole and seen >= share * whole:
            return step
    return None


def _month(hour: str) -> date:
    at = datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    return at.astimezone(SHANGHAI).date().replace(day=1)


def _is_newest() -> ColumnElement[bool]:
    """Not corrected by another row."""
    corrected = select(interactions.c.corrects).where(interactions.c.corrects.is_not(None))
    return interactions.c.id.not_in(corrected)


def _in(unit_ids: Collection[int] | None) -> ColumnElement[bool]:
    return true() if unit_ids is None else classes.c.unit_id.in_(unit_ids)
