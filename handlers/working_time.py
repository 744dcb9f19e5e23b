"""
Working time: what a clock has run, and when it will be over. Pure; reads no clock, no network.

Statutory holidays and make-up days (调休) come from `chinesecalendar`, which is given a year's
arrangement when the State Council publishes it. A year it does not have counts Monday to Friday,
and `unknown_years` names it so that the board can say so.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate

import chinese_calendar

from handlers.settings import WorkingTimeSettings, days_in
from storage.vocabulary import SHANGHAI

#: A stretch of time that does not count, from its first instant to the one after its last.
Window = tuple[datetime, datetime]

_EPOCH = 2000
#: Farther than any clock runs; an instant beyond is a mistake, not a date.
_YEARS = range(1900, 2200)
_MICROSECOND = timedelta(microseconds=1)
_ARRANGED_YEARS = frozenset(day.year for day in chinese_calendar.holidays)


@dataclass(frozen=True, slots=True)
class _Year:
    first: int  # ordinal of 1 January
    before: int  # working days from the epoch to 1 January; negative for years before it
    until: tuple[int, ...]  # working days of the year before its n-th day; the last: all of them


class WorkingTime:
    """
    Arithmetic in the school's working hours.

    Every instant must be aware and may be in any zone; what is returned is Asia/Shanghai. A span
    holds its first instant and not its last. `without` are the blind windows (盲窗): in any order,
    overlapping or empty as they come, nothing is subtracted twice.

    It is one monotonic count of working time since an epoch (`_read`) and that count's inverse
    (`_when`), both by table: a question costs the same over an hour and over a year.

    Raises:
        ValueError: a naive instant, a year before 1900 or after 2199, an allowance that cannot be.
    """

    def __init__(self, settings: WorkingTimeSettings) -> None:
        self.settings = settings
        self._spans = [
            (begin // _MICROSECOND, end // _MICROSECOND) for begin, end in settings.spans
        ]
        self._day = settings.day // _MICROSECOND
        self._days_off = days_in(settings.days_off)
        self._working_days = days_in(settings.working_days)
        self._entered_years = frozenset(settings.entered_years)
        self._years: dict[int, _Year] = {}

    def is_working_day(self, day: date) -> bool:
        """The school's own word first, then the State Council's, then Monday to Friday."""
        if day in self._working_days:
            return True
        if day in self._days_off:
            return False
        # As `chinese_calendar.is_workday`, which refuses years it lacks and takes 15 µs a day.
        return day in chinese_calendar.workdays or (
            day.isoweekday() <= 5 and day not in chinese_calendar.holidays
        )

    def is_holiday(self, day: date) -> bool:
        """Off by the school's or the State Council's word; a plain weekend is none."""
        return not self.is_working_day(day) and (
            day.isoweekday() <= 5 or day in self._days_off or day in chinese_calendar.holidays
        )

    def is_working(self, moment: datetime) -> bool:
        """Whether the clocks run at this instant; at closing time they do not."""
        local = _local(moment)
        now = _since_midnight(local)
        return any(begin <= now < end for begin, end in self._spans) and self.is_working_day(
            local.date()
        )

    def working_seconds(
        self, start: datetime, end: datetime, without: Sequence[Window] = ()
    ) -> float:
        """Working time between two instants, exact to the microsecond; 0 if `end` is earlier."""
        start, end = _local(start), _local(end)
        if end <= start:
            return 0.0
        worked = self._read(end) - self._read(start)
        for opens, closes in _merged(without, start):
            if opens < end:
                worked -= self._read(min(closes, end)) - self._read(opens)
        return worked / 1_000_000

    def due(
        self, start: datetime, allowance: timedelta, without: Sequence[Window] = ()
    ) -> datetime:
        """
        The first instant at which that much working time is over.

        A full day is `settings.day`: two working days from Monday 10:00 are over on Wednesday
        10:00. Windows yet to come count if they are given; ask again when one is added.
        """
        if allowance < timedelta():
            raise ValueError(f"a negative allowance: {allowance}")
        start = _local(start)
        if not allowance:
            return start
        mark = self._read(start) + allowance // _MICROSECOND
        for opens, closes in _merged(without, start):
            begun = self._read(opens)
            if begun >= mark:
                break
            mark += self._read(closes) - begun
        return self._when(mark, start.year)

    def share_used(
        self, start: datetime, allowance: timedelta, now: datetime, without: Sequence[Window] = ()
    ) -> float:
        """How much of the allowance is gone: 0.5 is half, 1 is due, more is late."""
        if allowance <= timedelta():
            raise ValueError(f"no allowance to take a share of: {allowance}")
        return self.working_seconds(start, now, without) / allowance.total_seconds()

    def unknown_years(
        self, now: datetime, horizon: timedelta = timedelta(days=60)
    ) -> tuple[int, ...]:
        """Years from now to the horizon whose arrangement nobody has given, earliest first."""
        years = range(_local(now).year, _local(now + horizon).year + 1)
        return tuple(year for year in years if year not in _ARRANGED_YEARS | self._entered_years)

    def _read(self, local: datetime) -> int:
        """Working time in microseconds from the epoch to an instant in Asia/Shanghai."""
        year = self._year(local.year)
        nth = local.toordinal() - year.first
        read = (year.before + year.until[nth]) * self._day
        if year.until[nth + 1] > year.until[nth]:
            now = _since_midnight(local)
            for begin, end in self._spans:
                if now <= begin:
                    break
                read += min(now, end) - begin
        return read

    def _when(self, mark: int, number: int) -> datetime:
        """The first instant of the year `number` or a later one at which `_read` shows `mark`."""
        # A mark at the end of a day is that day's closing time, not the next one's opening.
        days, rest = divmod(mark - 1, self._day)
        rest += 1
        while days >= self._year(number).before + self._year(number).until[-1]:
            number += 1
        year = self._year(number)
        nth = bisect_left(year.until, days - year.before + 1) - 1
        midnight = datetime.combine(date.fromordinal(year.first + nth), time(), SHANGHAI)
        for begin, end in self._spans:
            if rest <= end - begin:
                return midnight + timedelta(microseconds=begin + rest)
            rest -= end - begin
        raise AssertionError("a day holds its own working time")

    def _year(self, number: int) -> _Year:
        if number not in self._years:
            if number not in _YEARS:
                raise ValueError(f"no working time is kept for the year {number}")
            first = date(number, 1, 1).toordinal()
            days = map(date.fromordinal, range(first, date(number, 12, 31).toordinal() + 1))
            until = tuple(accumulate(map(self.is_working_day, days), initial=0))
            if number == _EPOCH:
                before = 0
            elif number > _EPOCH:
                last = self._year(number - 1)
                before = last.before + last.until[-1]
            else:
                before = self._year(number + 1).before - until[-1]
            self._years[number] = _Year(first, before, until)
        return self._years[number]


def _merged(windows: Sequence[Window], start: datetime) -> list[Window]:
    """The same time after `start` in windows that neither touch nor are empty, earliest first."""
    merged: list[Window] = []
    for opens, closes in sorted((_local(opens), _local(closes)) for opens, closes in windows):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        elif closes > max(opens, start):
            merged.append((max(opens, start), closes))
    return merged


def _since_midnight(local: datetime) -> int:
    minutes = local.hour * 60 + local.minute
    return (minutes * 60 + local.second) * 1_000_000 + local.microsecond


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a naive instant; give it a time zone")
    return moment.astimezone(SHANGHAI)
