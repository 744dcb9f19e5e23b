"""
What a sentence has ordered: when, for whom, which words. Pure, kept as JSON in a text column.

Recurrences are RFC 5545 rules of days, read by `dateutil`; the hours and the holidays are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, pairwise
from typing import Annotated, Any

from dateutil.rrule import rrulestr
from pydantic import AfterValidator, AwareDatetime, TypeAdapter
from pydantic.dataclasses import dataclass

from handlers.working_time import WorkingTime
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

#: A recurrence that finds no day in so long has none.
_HORIZON = timedelta(days=5 * 366)
#: A day moved off the holidays never goes farther.
_MOVED = timedelta(days=31)
#: `WorkingTime` keeps no later year.
_LAST_YEAR = 2190

Instant = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(SHANGHAI))]


class Audience(StrEnum):
    """Whom a reminder reaches."""

    EVERYBODY = "everybody"
    UNDONE = "undone"
    MYSELF = "myself"


class Workdays(StrEnum):
    """What holidays do to a day. Make-up days (调休) are working days."""

    SKIP_HOLIDAYS = "skip_holidays"  # not on the days of a statutory holiday; weekends stay
    ONLY_WORKDAYS = "only_workdays"
    SHIFT_ON = "shift_on"  # to the next working day
    SHIFT_BACK = "shift_back"  # to the working day before


class Side(StrEnum):
    """The end of a calendar date something is measured from."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Anchor:
    """
    An instant by the class calendar: `days` from a side of the matter at `clock`, or, with no
    clock, `minutes` from it. Both may be negative (before).
    """

    matter: str
    side: Side
    days: int = 0
    minutes: int = 0
    clock: time | None = None

    def instant(self, published: CalendarDate) -> datetime | None:
        """In Asia/Shanghai; None where the calendar leaves that side open."""
        at = published.starts_at if self.side is Side.START else published.ends_at
        if at is None:
            return None
        at = at.astimezone(SHANGHAI)
        if self.clock is None:
            return at + timedelta(minutes=self.minutes)
        return datetime.combine(at.date() + timedelta(days=self.days), self.clock, SHANGHAI)


@dataclass(frozen=True, slots=True)
class Once:
    """A single time."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Repeating:
    """
    Every day of `rule` (an RRULE without time or end) from `starts_on`, at each of `clocks`
    (Asia/Shanghai, ascending), `until` included. No `until`: until it is cancelled.
    """

    rule: str
    starts_on: date
    clocks: tuple[time, ...]
    until: Instant | None = None

    def days(self, since: date) -> Iterator[date]:
        """The days of the rule from `since`, ascending, for five years."""
        first = max(since, self.starts_on)
        if first.year > _LAST_YEAR:
            return
        # dateutil counts intervals from the start; a naive midnight stands for a day.
        start = datetime.combine(self.starts_on, time())
        rule = rrulestr(self.rule, dtstart=start)
        last = datetime.combine(first + _HORIZON, time())
        for found in rule.xafter(datetime.combine(first, time()), inc=True):
            if found > last:
                return
            yield found.date()


@dataclass(frozen=True, slots=True)
class Plan:
    """
    A reminder as it was understood, to be read back and confirmed.

    `matter` is what it is about by the calendar's name, or, for UNDONE, what is not done in the
    sentence's own words. `relative_to`: the calendar date a `Once`, or the end of a `Repeating`,
    hangs on; ask `moved` when the calendar changes.
    """

    times: Once | Repeating
    audience: Audience
    matter: str | None
    text: str
    workdays: Workdays | None = None
    relative_to: Anchor | None = None

    def occurrences(
        self,
        after: datetime,
        calendar: WorkingTime,
        *,
        count: int | None = None,
        until: datetime | None = None,
    ) -> Iterator[datetime]:
        """Times later than `after`, strictly ascending, in Asia/Shanghai; `until` is included.

        Raises:
            ValueError: `after` or `until` is naive.
        """
        if after.tzinfo is None or (until is not None and until.tzinfo is None):
            raise ValueError("a naive instant; give it a time zone")
        return islice(self._times(after.astimezone(SHANGHAI), calendar, until), count)

    def _times(
        self, after: datetime, calendar: WorkingTime, until: datetime | None
    ) -> Iterator[datetime]:
        last = after
        for at in self._nominal(after):
            day = _worked(at.date(), self.workdays, calendar)
            if day is None:
                continue
            at = datetime.combine(day, at.timetz())
            end = self.times.until if isinstance(self.times, Repeating) else None
            if (until is not None and at > until) or (end is not None and at > end):
                # What is moved back may still come in time, what is moved on may not.
                if self.workdays is Workdays.SHIFT_BACK:
                    continue
                return
            if at > last:
                yield at
                last = at

    def _nominal(self, after: datetime) -> Iterator[datetime]:
        """As the rule has it, holidays or not; begins early enough for what they move."""
        if isinstance(self.times, Once):
            yield self.times.at
            return
        since = max(after.date(), date.min + _MOVED) - _MOVED
        for day in self.times.days(since):
            for clock in self.times.clocks:
                at = datetime.combine(day, clock, SHANGHAI)
                if self.times.until is not None and at > self.times.until:
                    return
                yield at

    def min_gap(self, after: datetime, calendar: WorkingTime) -> timedelta | None:
        """The shortest time between two of the next hundred; None if there are no two."""
        times = list(self.occurrences(after, calendar, count=100))
        return min((later - sooner for sooner, later in pairwise(times)), default=None)

    def moved(self, dates: Mapping[str, CalendarDate]) -> Plan | None:
        """The same by today's calendar; None if the date it hangs on is no longer given."""
        if self.relative_to is None:
            return self
        published = dates.get(self.relative_to.matter)
        at = self.relative_to.instant(published) if published else None
        if at is None:
            return None
        times: Once | Repeating = Once(at)
        if isinstance(self.times, Repeating):
            times = Repeating(self.times.rule, self.times.starts_on, self.times.clocks, at)
        return Plan(times, self.audience, self.matter, self.text, self.workdays, self.relative_to)

    def to_json(self) -> str:
        """One line of JSON; `from_json` gives the same plan."""
        return _PLANS.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> Plan:
        """
        The plan `to_json` was asked of.

        Raises:
            ValueError: it is not a plan, or its rule is none.
        """
        plan = _PLANS.validate_json(text)
        if isinstance(plan.times, Repeating):
            _rule_of_days(plan.times.rule)
        return plan


_PLANS: TypeAdapter[Plan] = TypeAdapter(Plan)


def _rule_of_days(rule: str) -> Any:
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    if not parts.keys() <= {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH"}:
        raise ValueError(f"not a rule of days: {rule}")
    return rrulestr(rule, dtstart=datetime.combine(date(2000, 1, 1), time()))


def _worked(day: date, workdays: Workdays | None, calendar: WorkingTime) -> date | None:
    """The day a reminder of this day is sent on; None if not at all."""
    if workdays is None or day.year > _LAST_YEAR:
        return day
    if workdays is Workdays.SKIP_HOLIDAYS:
        return None if calendar.is_holiday(day) else day
    if workdays is Workdays.ONLY_WORKDAYS:
        return day if calendar.is_working_day(day) else None
    step = timedelta(days=1 if workdays is Workdays.SHIFT_ON else -1)
    for _ in range(_MOVED.days):
        if calendar.is_working_day(day):
            return day
        day += step
    return None
