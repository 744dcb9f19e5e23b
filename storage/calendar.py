"""The term calendar: which date holds for which class, and what was armed from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    delete,
    exists,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from storage.models.people import class_groups, classes, enrolments, units
from storage.models.published import calendar_dates
from storage.models.tasks import obligations, reminders, tasks
from storage.obligations import CLOCK, ObligationState
from storage.published import CalendarDate
from storage.tasks import Audience, ReminderState, TaskState
from storage.vocabulary import SHANGHAI

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Where the tasks of the calendar come from.
ORIGIN = "calendar"
#: What the calendar itself has cancelled; anything else was taken back by a person.
BY_CALENDAR = "calendar:"
#: Units below units below units: more levels than that are a circle.
_DEEPEST = 8
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """For whom a date is: a class, a unit and all below it, or (neither) everybody."""

    class_id: int | None = None
    unit_id: int | None = None


EVERYBODY = Place()


@dataclass(frozen=True, slots=True)
class Dated:
    """A date of the calendar and for whom it was set."""

    place: Place
    date: CalendarDate


@dataclass(frozen=True, slots=True)
class TermClass:
    """A class and the dates that hold for it, by matter: of several the one set nearest to it."""

    class_id: int
    name: str
    unit_id: int | None
    dates: Mapping[str, Dated]


@dataclass(frozen=True, slots=True)
class ArmedMatter:
    """What is armed for a class and matter, or was until somebody took it back."""

    number: int
    class_id: int
    matter: str
    opens_at: datetime | None
    deadline: datetime | None
    audience: Audience
    is_private: bool


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A reminder to come."""

    due_at: datetime
    step: str
    title: str
    task: int


Span = tuple[datetime | None, datetime | None]


class Calendar:
    """Dates as they were set, as they hold, and what was armed from them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- dates ------------------------------------------------------------------------------------

    async def units(self) -> dict[int, tuple[str, int | None]]:
        """Every unit: its name, and the one above it."""
        rows = await self._uow.read(select(units))
        return {row.id: (row.name, row.parent_id) for row in rows}

    async def classes(
        self,
        called: Callable[[str], str],
        *,
        class_ids: Collection[int] | None = None,
        unit_ids: Collection[int] | None = None,
        has_own: bool = True,
    ) -> list[TermClass]:
        """
        These classes, those of these units, or all, with the dates that hold: three statements.

        Without `has_own` a class's own dates count for nothing.
        `called` gives a matter the name it goes by, so that 「准考证」 of a class stands before
        「准考证打印」 of its unit. Classes of one unit without dates of their own share a mapping.
        """
        statement = select(classes.c.id, classes.c.name, classes.c.unit_id).order_by(classes.c.id)
        if class_ids is not None:
            statement = statement.where(classes.c.id.in_(class_ids))
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        found = (await self._uow.read(statement)).all()
        above = {key: parent for key, (_, parent) in (await self.units()).items()}
        own: dict[Place, dict[str, Dated]] = defaultdict(dict)
        wanted: ColumnElement[bool] | None = None
        if class_ids is not None:
            wanted = calendar_dates.c.class_id.in_(class_ids)
        if not has_own:
            wanted = false()
        for dated in await self._dates(wanted):
            name = called(dated.date.matter)
            # Of 「准考证」 and 「准考证打印」 of one owner the right name counts.
            if name not in own[dated.place] or dated.date.matter == name:
                own[dated.place][name] = dated
        of_units: dict[int | None, dict[str, Dated]] = {None: own.get(EVERYBODY, {})}
        for unit_id in {row.unit_id for row in found} - {None}:
            of_units[unit_id] = _merged(unit_id, above, own)
        return [
            TermClass(
                row.id,
                row.name,
                row.unit_id,
                of_units[row.unit_id] | its_own
                if (its_own := own.get(Place(class_id=row.id)))
                else of_units[row.unit_id],
            )
            for row in found
        ]

    async def _dates(self, of_classes: ColumnElement[bool] | None) -> list[Dated]:
        statement = select(calendar_dates).order_by(calendar_dates.c.id)
        if of_classes is not None:
            statement = statement.where(or_(calendar_dates.c.class_id.is_(None), of_classes))
        return [_dated(row) for row in await self._uow.read(statement)]

    async def listed(
        self, unit_ids: Collection[int] | None, *, above: Collection[int] = (), limit: int = 1000
    ) -> list[Dated]:
        """
        The dates a supervisor of these units (None: all) may read, everybody's first.

        Those of `above` hold there too, but are not theirs to change.
        """
        statement = (
            select(calendar_dates)
            .outerjoin(classes, classes.c.id == calendar_dates.c.class_id)
            .order_by(
                calendar_dates.c.class_id.is_not(None),
                calendar_dates.c.unit_id.is_not(None),
                calendar_dates.c.unit_id,
                calendar_dates.c.class_id,
                calendar_dates.c.ends_at,
                calendar_dates.c.id,
            )
            .limit(limit)
        )
        if unit_ids is not None:
            statement = statement.where(
                or_(
                    and_(calendar_dates.c.class_id.is_(None), calendar_dates.c.unit_id.is_(None)),
                    calendar_dates.c.unit_id.in_([*unit_ids, *above]),
                    classes.c.unit_id.in_(unit_ids),
                )
            )
        return [_dated(row) for row in await self._uow.read(statement)]

    async def of(self, place: Place, matter: str) -> CalendarDate | None:
        """What was set for exactly this place."""
        statement = select(calendar_dates).where(_is_at(place), calendar_dates.c.matter == matter)
        row = (await self._uow.read(statement)).first()
        return None if row is None else _dated(row).date

    async def names_at(self, place: Place, called: Callable[[str], str], matter: str) -> list[str]:
        """What a matter is called in the rows of exactly this place: 「准考证」, 「准考证打印」."""
        statement = select(calendar_dates.c.matter).where(_is_at(place))
        names = (await self._uow.read(statement)).scalars()
        return [name for name in names if called(name) == matter]

    async def inherited(
        self, called: Callable[[str], str], class_id: int, matter: str
    ) -> CalendarDate | None:
        """What would hold for a class if it had no date of its own."""
        (room,) = await self.classes(called, class_ids=[class_id], has_own=False)
        found = room.dates.get(matter)
        return None if found is None else found.date

    async def put(self, place: Place, date: CalendarDate) -> CalendarDate | None:
        """Set a date; what stood there before, if anything."""
        await self._uow.flush_earlier()
        before = await self.of(place, date.matter)
        values = {
            "starts_at": date.starts_at,
            "ends_at": date.ends_at,
            "note": date.note,
            "source": date.source,
        }
        if before is None:
            await self._uow.write(
                insert(calendar_dates).values(
                    class_id=place.class_id, unit_id=place.unit_id, matter=date.matter, **values
                )
            )
        elif before != date:
            await self._uow.write(
                update(calendar_dates)
                .where(_is_at(place), calendar_dates.c.matter == date.matter)
                .values(**values)
            )
        return before

    async def remove(self, place: Place, matter: str) -> CalendarDate | None:
        """Take a date away; what stood there, if anything."""
        await self._uow.flush_earlier()
        before = await self.of(place, matter)
        if before is not None:
            await self._uow.write(
                delete(calendar_dates).where(_is_at(place), calendar_dates.c.matter == matter)
            )
        return before

    # -- what was armed from them -----------------------------------------------------------------

    async def armed(
        self, class_ids: Collection[int] | None = None, unit_ids: Collection[int] | None = None
    ) -> list[ArmedMatter]:
        """What is armed from the calendar, in these classes, in these units, or everywhere."""
        return await self._matters(tasks.c.state == TaskState.ARMED, class_ids, unit_ids)

    async def taken_back(
        self, class_ids: Collection[int] | None = None, unit_ids: Collection[int] | None = None
    ) -> list[ArmedMatter]:
        """What the calendar had armed and a person has ended, the newest last."""
        was_person = and_(
            tasks.c.state != TaskState.ARMED,
            tasks.c.ended_by.is_not(None),
            tasks.c.ended_by != CLOCK,
            not_(tasks.c.ended_by.startswith(BY_CALENDAR)),
        )
        return await self._matters(was_person, class_ids, unit_ids)

    async def _matters(
        self,
        wanted: ColumnElement[bool],
        class_ids: Collection[int] | None,
        unit_ids: Collection[int] | None,
    ) -> list[ArmedMatter]:
        await self._uow.flush_earlier()
        statement = (
            select(
                tasks.c.number,
                tasks.c.class_id,
                tasks.c.matter,
                tasks.c.opens_at,
                tasks.c.deadline,
                tasks.c.audience,
                tasks.c.is_private,
            )
            .where(wanted, tasks.c.origin == ORIGIN)
            .order_by(tasks.c.number)
        )
        if class_ids is not None:
            statement = statement.where(tasks.c.class_id.in_(class_ids))
        if unit_ids is not None:
            its = select(classes.c.id).where(classes.c.unit_id.in_(unit_ids))
            statement = statement.where(tasks.c.class_id.in_(its))
        audiences = {str(audience): audience for audience in Audience}
        rows = await self._uow.read(statement)
        return [
            ArmedMatter(number, class_id, matter, opens, deadline, audiences[audience], private)
            for number, class_id, matter, opens, deadline, audience, private in rows
        ]

    async def told(self, armed: Sequence[ArmedMatter]) -> dict[int, Span]:
        """
        Of these tasks those somebody has been told the dates of, and which dates these were.

        A correction nobody has heard yet changes nothing: what counts is what it would correct.
        """
        said = obligations.c.state.in_((ObligationState.SENT, ObligationState.LATE))
        found: dict[int, Span] = {}
        current = {item.number: (item.opens_at, item.deadline) for item in armed}
        numbers = list(current)
        for start in range(0, len(numbers), _CHUNK):
            chunk = numbers[start : start + _CHUNK]
            heard = select(obligations.c.task).distinct().where(obligations.c.task.in_(chunk), said)
            for number in (await self._uow.read(heard)).scalars():
                found[number] = current[number]
        for start in range(0, len(found), _CHUNK):
            chunk = list(found)[start : start + _CHUNK]
            was_heard = exists().where(obligations.c.reminder == reminders.c.id, said)
            corrections = (
                select(reminders.c.task, reminders.c.step, was_heard.label("was_heard"))
                .where(
                    reminders.c.task.in_(chunk),
                    reminders.c.step.startswith("changed:"),
                    reminders.c.state != ReminderState.CANCELLED,
                )
                .order_by(reminders.c.id)
            )
            for number, step, is_heard in await self._uow.read(corrections):
                found[number] = current[number] if is_heard else unpacked(step)
        return found

    async def upcoming(
        self, class_ids: Collection[int], now: datetime, limit: int
    ) -> list[Upcoming]:
        """What is said next in these classes."""
        statement = (
            select(reminders.c.due_at, reminders.c.step, tasks.c.title, tasks.c.number)
            .join(tasks, tasks.c.number == reminders.c.task)
            .where(
                tasks.c.class_id.in_(class_ids),
                tasks.c.state == TaskState.ARMED,
                tasks.c.person_id.is_(None),
                reminders.c.state == ReminderState.PLANNED,
                reminders.c.due_at > now,
            )
            .order_by(reminders.c.due_at, reminders.c.id)
            .limit(limit)
        )
        rows = await self._uow.read(statement)
        return [Upcoming(row.due_at, row.step, row.title, row.number) for row in rows]

    async def sizes(self, class_ids: Collection[int]) -> tuple[int, int]:
        """How many groups and how many students these classes have."""
        groups = people = 0
        wanted = sorted(class_ids)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            counted = select(func.count()).where(
                class_groups.c.class_id.in_(chunk), class_groups.c.left_at.is_(None)
            )
            groups += (await self._uow.read(counted)).scalar_one()
            enrolled = select(func.count()).where(enrolments.c.class_id.in_(chunk))
            people += (await self._uow.read(enrolled)).scalar_one()
        return groups, people


def packed(told: Span) -> str:
    """The step of a correction: it carries the dates that were told before."""
    return f"changed:{_minute(told[0])}/{_minute(told[1])}"


def unpacked(step: str) -> Span:
    """The dates in a correction's step; to the minute."""
    opens, _, deadline = step.removeprefix("changed:").partition("/")
    return _instant(opens), _instant(deadline)


def _minute(at: datetime | None) -> str:
    return "-" if at is None else f"{at.astimezone(SHANGHAI):%Y%m%d%H%M}"


def _instant(text: str) -> datetime | None:
    if text == "-":
        return None
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=SHANGHAI)


def _merged(
    unit_id: int, above: Mapping[int, int | None], own: Mapping[Place, Mapping[str, Dated]]
) -> dict[str, Dated]:
    """Everybody's dates, under those of the highest unit, …, under those of this unit."""
    chain: list[int] = []
    here: int | None = unit_id
    while here is not None and here not in chain and len(chain) < _DEEPEST:
        chain.append(here)
        here = above.get(here)
    merged = dict(own.get(EVERYBODY, {}))
    for one in reversed(chain):
        merged |= own.get(Place(unit_id=one), {})
    return merged


def _is_at(place: Place) -> ColumnElement[bool]:
    return and_(
        calendar_dates.c.class_id.is_(None)
        if place.class_id is None
        else calendar_dates.c.class_id == place.class_id,
        calendar_dates.c.unit_id.is_(None)
        if place.unit_id is None
        else calendar_dates.c.unit_id == place.unit_id,
    )


def _dated(row: Row[*tuple[Any, ...]]) -> Dated:
    return Dated(
        Place(row.class_id, row.unit_id),
        CalendarDate(row.matter, row.starts_at, row.ends_at, row.note, row.source),
    )
