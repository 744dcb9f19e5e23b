"""
Pieces of a sentence → when. Pure; what could mean two things is asked, never chosen.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from dateutil.relativedelta import relativedelta

from handlers import texts_sentences as texts
from handlers.sentence_plans import Anchor, Once, Repeating, Side, Workdays
from handlers.sentence_words import (
    HAPPENS,
    AnchorWords,
    Clock,
    Every,
    Kind,
    Piece,
    by_day,
    known_as,
)
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

#: Farther ahead nobody orders a reminder in a sentence; it is a slip of the finger.
FARTHEST = timedelta(days=2 * 366)
#: A date without a year that is over this year is next year's if that is so near.
_NEXT_YEAR = timedelta(days=183)
#: Before it, 「明天」 may be said by somebody who has not been to bed.
_NIGHT = time(5)
_DAYS = {Kind.DAY, Kind.WEEKDAY, Kind.DATE, Kind.MONTH_END, Kind.LATER_DAYS}
#: Every piece that has to do with time; a sentence whose text holds none has all its time outside.
TIMES = _DAYS | {
    Kind.LATER_MINUTES, Kind.CLOCK, Kind.DOTTED, Kind.PART, Kind.EVERY, Kind.WEEK_SPAN,
    Kind.ANCHOR, Kind.UNTIL, Kind.REFUSED, Kind.VAGUE, Kind.HOLIDAYS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timing:
    """When, as far as it is certain."""

    times: Once | Repeating
    workdays: Workdays | None = None
    relative_to: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """What to ask, and what it may have meant."""

    question: str
    readings: tuple[Timing, ...] = ()


@dataclass(frozen=True, slots=True)
class Impossible:
    """Why it cannot be."""

    reason: str


Problem = Unclear | Impossible


@dataclass(frozen=True, slots=True)
class _Days:
    """The days a piece may mean; certain if there is one and no question."""

    days: tuple[date, ...]
    question: str = ""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The pieces by what they are for."""

    every: tuple[Every, ...] = ()
    at: tuple[Piece, ...] = ()
    weekday: int | None = None  # 「12月4日周五」: whether they agree is seen when both are known
    start: Piece | None = None
    end: Piece | None = None
    end_clock: Piece | None = None
    clocks: tuple[Piece, ...] = ()


def timing(
    pieces: Sequence[Piece], now: datetime, dates: Mapping[str, CalendarDate]
) -> Timing | Problem:
    """
    When a reminder ordered at `now` (Asia/Shanghai) is due.

    An `Unclear` may carry readings to choose from; they are all in the future.
    """
    for piece in pieces:
        if piece.kind is Kind.REFUSED:
            return Impossible(texts.refusal(piece.value, piece.text))
    for piece in pieces:
        if piece.kind in (Kind.VAGUE, Kind.UNKNOWN):
            return Unclear(texts.vague(piece.value or "unknown", piece.text))
    pieces = _dots_resolved([piece for piece in pieces if piece.kind is not Kind.FILLER])
    pieces = _parts_joined(pieces)
    if any(piece.kind is Kind.CLOCK for piece in pieces) and any(
        piece.kind is Kind.PART for piece in pieces
    ):  # 「早晚8点」
        return Unclear(texts.morning_or_evening())
    parts = _sorted(pieces)
    if isinstance(parts, Unclear):
        return parts
    workdays = _workdays(pieces, parts)
    if isinstance(workdays, Unclear):
        return workdays
    exact = [piece for piece in pieces if piece.kind is Kind.LATER_MINUTES]
    anchors = [piece.value for piece in pieces if piece.kind is Kind.ANCHOR]
    if len(exact) + len(anchors) + len(parts.at) + bool(parts.every) > 1:
        return Unclear(texts.several_times())
    found: Timing | Problem
    if exact:
        found = _in_minutes(exact[0], parts, now)
    elif anchors:
        found = _anchored(anchors[0], parts, now, dates)
    elif parts.every:
        found = _repeating(parts, pieces, now, dates, workdays)
    elif parts.start or parts.end:
        found = Unclear(texts.every_day_between())
    else:
        found = _once(parts, now)
    return _with_workdays(found, workdays)


def _with_workdays(found: Timing | Problem, workdays: Workdays | None) -> Timing | Problem:
    if workdays is None or isinstance(found, Impossible):
        return found
    if isinstance(found, Unclear):
        readings = tuple(replace(each, workdays=workdays) for each in found.readings)
        return Unclear(found.question, readings)
    return replace(found, workdays=workdays)


def _dots_resolved(pieces: list[Piece]) -> list[Piece]:
    """「明天8.30」 is an hour, 「12.5 9点」 a day; what may be both stays as it is."""
    has_clock = any(piece.kind is Kind.CLOCK for piece in pieces)
    has_day = any(piece.kind in _DAYS | {Kind.EVERY, Kind.ANCHOR} for piece in pieces)
    resolved = []
    for piece in pieces:
        if piece.kind is Kind.DOTTED:
            first, second, two = piece.value
            if has_day and not has_clock and two:
                value = Clock(first, second, padded=piece.text[0] == "0" or first > 9)
                piece = replace(piece, kind=Kind.CLOCK, value=value)
            elif not has_day and (has_clock or not two):
                piece = replace(piece, kind=Kind.DATE, value=(None, None, first, second, None))
        resolved.append(piece)
    return resolved


def _parts_joined(pieces: list[Piece]) -> list[Piece]:
    """「晚上，8点」 is 「晚上8点」."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and last.kind is Kind.PART and piece.kind is Kind.CLOCK and not piece.value.part:
            joined.pop()
            piece = replace(piece, value=replace(piece.value, part=last.text))
        joined.append(piece)
    return joined


def _sorted(pieces: Sequence[Piece]) -> _Parts | Unclear:
    """Which day begins, which ends, and whether every small word has its use."""
    every: list[Every] = []
    at: list[Piece] = []
    clocks: list[Piece] = []
    start = end = end_clock = None
    repeats = any(piece.kind in (Kind.EVERY, Kind.WEEK_SPAN) for piece in pieces)
    used: set[int] = set()
    for place, piece in enumerate(pieces):
        before = pieces[place - 1] if place else None
        after = pieces[place + 1] if place + 1 < len(pieces) else None
        if piece.kind is Kind.DOTTED:
            return Unclear(texts.day_or_hour(piece.text))
        if piece.kind is Kind.CLOCK:
            clocks.append(piece)
        elif piece.kind is Kind.EVERY:
            every.append(piece.value)
        elif piece.kind is Kind.WEEK_SPAN:
            every.append(Every("SPAN", by=by_day(piece.value)))
        elif piece.kind is Kind.UNTIL:
            if end is not None:
                return Unclear(texts.several_times())
            end = piece
            if after is not None and after.kind is Kind.END:
                used.add(place + 1)
        elif piece.kind in _DAYS:
            opens = before is not None and before.kind is Kind.FROM
            begins = after is not None and after.kind is Kind.START
            spans = after is not None and after.kind is Kind.TO and place + 2 < len(pieces)
            closes = before is not None and before.kind is Kind.TO and place - 1 not in used
            if closes and (repeats or start is not None) and end is None:
                end = piece
                used.add(place - 1)
                if after is not None and after.kind is Kind.CLOCK and len(_clocks(pieces)) > 1:
                    end_clock = after
                    after = pieces[place + 2] if place + 2 < len(pieces) else None
                    used.add(place + 1)
                if after is not None and after.kind is Kind.END:
                    used.add(place + (2 if end_clock else 1))
            elif (opens or begins or (spans and not closes)) and start is None:
                start = piece
                used |= {place - 1} if opens else set()
                used |= {place + 1} if begins else set()
            elif closes and not repeats:  # 「到明天早上9点」
                used.add(place - 1)
                at.append(piece)
            else:
                at.append(piece)
    for place, piece in enumerate(pieces):
        if piece.kind in (Kind.FROM, Kind.START, Kind.TO, Kind.END) and place not in used:
            return Unclear(texts.vague("unknown", piece.text))
    if end_clock is not None:
        clocks.remove(end_clock)
    weekday = None
    if len(at) == 2 and at[1].kind is Kind.WEEKDAY and at[1].value[0] is None:
        weekday = at.pop().value[1]
    return _Parts(tuple(every), tuple(at), weekday, start, end, end_clock, tuple(clocks))


def _clocks(pieces: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.kind is Kind.CLOCK]


def _workdays(pieces: Sequence[Piece], parts: _Parts) -> Workdays | Unclear | None:
    said = {piece.value for piece in pieces if piece.kind is Kind.HOLIDAYS}
    only = any(each.only_workdays for each in parts.every)
    weekly = [each for each in parts.every if each.freq == "WEEKLY"]
    weekend = any("SA" in each.by or "SU" in each.by for each in weekly)
    if not said:
        return Workdays.ONLY_WORKDAYS if only else None
    if len(said) > 1 or only:
        return Unclear(texts.which_holidays())
    word = said.pop()
    if word == "ask":
        if weekly and not weekend and all(each.by for each in weekly):
            return Workdays.SKIP_HOLIDAYS
        return Unclear(texts.which_holidays())
    if word.startswith("shift") and (
        weekend or any(each.freq in ("DAILY", "SPAN") for each in parts.every)
    ):
        return Unclear(texts.which_holidays())
    return {
        "skip": Workdays.SKIP_HOLIDAYS,
        "shift_on": Workdays.SHIFT_ON,
        "shift_back": Workdays.SHIFT_BACK,
    }[word]


# -- hours ----------------------------------------------------------------------------------------

_MORNING = ("早上", "早", "上午", "早晨", "清晨", "清早", "大清早", "一大早", "大早上")
_AFTERNOON = ("下午", "午后", "傍晚")
_EVENING = ("晚上", "晚", "晚间", "夜里", "夜晚", "夜间")
_SPOKEN: dict[str, frozenset[int]] = {
    "凌晨": frozenset(range(6)),
    "中午": frozenset({11, 12, 13, 14, 1, 2}),
    "正午": frozenset({12}),
    **dict.fromkeys(_MORNING, frozenset(range(5, 12))),
    **dict.fromkeys(_AFTERNOON, frozenset({*range(1, 8), *range(13, 20)})),
    **dict.fromkeys(_EVENING, frozenset({*range(5, 12), *range(17, 24)})),
}


def _hours(clock: Clock) -> tuple[time, ...] | Problem:
    """What a written hour may mean: one time, or several."""
    if clock.minute not in range(60) or clock.hour not in range(25):
        return Impossible(texts.no_such_hour())
    hour, part = clock.hour, clock.part
    if hour == 24:
        return Unclear(texts.midnight())
    spoken = _SPOKEN.get(part)
    if spoken is None and part:  # 半夜 深夜 午夜: of which day?
        return Unclear(texts.midnight())
    if spoken is not None:
        if hour not in spoken:
            night = hour in (0, 12) or (part in _EVENING and hour < 5)
            return Unclear(texts.midnight() if night else texts.hour_against_part(part, hour))
        late = part in _AFTERNOON + _EVENING or (part == "中午" and hour < 3)
        return (time(hour + 12 if late and hour < 12 else hour, clock.minute),)
    if clock.padded or not 1 <= hour <= 7:
        return (time(hour, clock.minute),)
    return (time(hour, clock.minute), time(hour + 12, clock.minute))


def _clock_choices(parts: _Parts) -> tuple[tuple[time, ...], ...] | Problem:
    """The ways to read all the hours, each ascending."""
    choices: list[tuple[time, ...]] = [()]
    halves = {piece.value.part for piece in parts.clocks}
    if len(halves) > 1 and any(
        piece.value.part == "" and piece.value.hour <= 12 and not piece.value.padded
        for piece in parts.clocks[1:]
    ):
        return Unclear(texts.morning_or_evening())
    for piece in parts.clocks:
        hours = _hours(piece.value)
        if not isinstance(hours, tuple):
            return hours
        choices = [(*chosen, hour) for chosen in choices for hour in hours]
    return tuple(tuple(sorted(set(chosen))) for chosen in choices)


# -- days -----------------------------------------------------------------------------------------


def _days(piece: Piece, now: datetime, base: date | None = None) -> _Days | Problem:
    """The days a piece may mean; `base` is what a date without a year is not before."""
    today = now.date()
    if piece.kind is Kind.DAY:
        day = today + timedelta(days=piece.value)
        if piece.value and now.time() < _NIGHT:
            before = day - timedelta(days=1)
            return _Days((before, day), texts.which_day(piece.text, (before, day)))
        return _Days((day,))
    if piece.kind is Kind.WEEKDAY:
        return _weekday(piece, today)
    if piece.kind is Kind.LATER_DAYS:
        days, months = piece.value
        if days > FARTHEST.days or months > 24:
            return Impossible(texts.refusal("too_far", piece.text))
        day = today + relativedelta(months=months) + timedelta(days=days)
        if months and day.day != today.day:
            return _Days((day,), texts.which_day(piece.text, (day,)))
        return _Days((day,))
    if piece.kind is Kind.MONTH_END:
        return _month_end(piece, base or today)
    return _date(piece, today, base or today)


def _weekday(piece: Piece, today: date) -> _Days | Problem:
    weeks, weekday = piece.value
    day = today + timedelta(days=weekday - today.weekday() + 7 * (weeks or 0))
    if weeks is None and day <= today:
        choices = (day,) if day == today else ()
        choices = (*choices, day + timedelta(days=7))
        return _Days(choices, texts.which_day(piece.text, choices))
    if day < today:
        choices = (day + timedelta(days=7),)
        return _Days(choices, texts.day_is_over(piece.text, choices))
    return _Days((day,))


def _month_end(piece: Piece, base: date) -> _Days | Problem:
    month, later = piece.value
    first = base.replace(day=1)
    if month is None:
        first += relativedelta(months=later)
    elif 1 <= month <= 12:
        first = first.replace(month=month)
        if first < base.replace(day=1):
            first = first.replace(year=first.year + 1)
    else:
        return Impossible(texts.refusal("no_such_day", piece.text))
    return _Days((first.replace(day=monthrange(first.year, first.month)[1]),))


def _date(piece: Piece, today: date, base: date) -> _Days | Problem:
    year, near, month, day, later = piece.value
    if near is not None:
        year = today.year + near
    if month is None:
        return _day_of_month(piece, today, base, day, later)
    if not (1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]):
        return Impossible(texts.refusal("no_such_day", piece.text))
    if year is not None:
        if not (1 <= year <= 9999 and day <= monthrange(year, month)[1]):
            return Impossible(texts.refusal("no_such_day", piece.text))
        return _Days((date(year, month, day),))
    this_year = day <= monthrange(base.year, month)[1]
    if this_year and date(base.year, month, day) >= base:
        return _Days((date(base.year, month, day),))
    if day > monthrange(base.year + 1, month)[1]:
        return Impossible(texts.refusal("no_such_day", piece.text))
    found = date(base.year + 1, month, day)
    if found - base <= _NEXT_YEAR:
        return _Days((found,))
    if not this_year:
        return Impossible(texts.refusal("no_such_day", piece.text))
    return _Days((found,), texts.day_is_over(piece.text, (found,)))


def _day_of_month(
    piece: Piece, today: date, base: date, day: int, later: int | None
) -> _Days | Problem:
    if not 1 <= day <= 31:
        return Impossible(texts.refusal("no_such_day", piece.text))
    month = (base if later is None else today).replace(day=1) + relativedelta(months=later or 0)
    if day > monthrange(month.year, month.month)[1]:
        return Impossible(texts.refusal("no_such_day", piece.text))
    found = month.replace(day=day)
    if found >= base:
        return _Days((found,))
    month += relativedelta(months=1)
    if day > monthrange(month.year, month.month)[1]:
        return Impossible(texts.refusal("no_such_day", piece.text))
    choices = (month.replace(day=day),)
    return _Days(choices, texts.day_is_over(piece.text, choices))


# -- one time -------------------------------------------------------------------------------------


def _in_minutes(piece: Piece, parts: _Parts, now: datetime) -> Timing | Problem:
    if parts.clocks or parts.start or parts.end:
        return Unclear(texts.several_times())
    if not 1 <= piece.value <= FARTHEST.total_seconds() / 60:
        return Impossible(texts.refusal("too_far", piece.text))
    at = now.replace(second=0, microsecond=0) + timedelta(minutes=piece.value)
    if now.second or now.microsecond:
        at += timedelta(minutes=1)  # never sooner than asked for
    return Timing(Once(at))


def _once(parts: _Parts, now: datetime) -> Timing | Problem:
    """A day and an hour; either left out is asked for."""
    if not parts.at:
        return _today_or_tomorrow(parts, now) if parts.clocks else Unclear(texts.when())
    days = _days(parts.at[0], now)
    if not isinstance(days, _Days):
        return days
    if parts.weekday is not None and any(day.weekday() != parts.weekday for day in days.days):
        return Unclear(texts.weekday_does_not_fit(parts.at[0].text, days.days))
    if all(day > (now + FARTHEST).date() for day in days.days):
        return Impossible(texts.refusal("too_far", parts.at[0].text))
    if all(day < now.date() for day in days.days):
        return Impossible(texts.refusal("past", parts.at[0].text))
    if not parts.clocks:
        return Unclear(days.question or texts.which_hour())
    if len(parts.clocks) > 1:
        return Unclear(texts.one_at_a_time())
    clocks = _clock_choices(parts)
    if not isinstance(clocks, tuple):
        return clocks
    times = [datetime.combine(day, chosen[0], SHANGHAI) for day in days.days for chosen in clocks]
    question = days.question or (texts.morning_or_evening() if len(clocks) > 1 else "")
    return _the_future(times, question, parts.clocks[0].value, now)


def _the_future(
    times: Sequence[datetime], question: str, clock: Clock, now: datetime
) -> Timing | Problem:
    ahead = [at for at in times if at > now]
    if ahead and len(ahead) == len(times) and not question:
        return Timing(Once(ahead[0]))
    if not ahead:
        late = [at + timedelta(hours=12) for at in times if not clock.part and at.hour < 12]
        ahead = [at for at in late if at > now] + [
            at + timedelta(days=1) for at in times if at.date() == now.date()
        ]
        question = texts.hour_is_over()
    return Unclear(question or texts.hour_is_over(), tuple(Timing(Once(at)) for at in ahead[:3]))


def _today_or_tomorrow(parts: _Parts, now: datetime) -> Timing | Problem:
    """An hour without a day is today's if it is plainly still to come; else it is asked."""
    clocks = _clock_choices(parts)
    if not isinstance(clocks, tuple):
        return clocks
    if len(parts.clocks) > 1:
        return Unclear(texts.one_at_a_time())
    ahead = sorted(
        at
        for days in (0, 1)
        for chosen in clocks
        if (at := datetime.combine(now.date() + timedelta(days=days), chosen[0], SHANGHAI)) > now
    )
    said: Clock = parts.clocks[0].value
    if ahead[0].date() == now.date() and (said.part or said.hour > 12):
        return Timing(Once(ahead[0]))
    return Unclear(texts.which_day_at_all(), tuple(Timing(Once(at)) for at in ahead[:2]))


# -- by the class calendar ------------------------------------------------------------------------


def _sides(words: AnchorWords, published: CalendarDate, matter: str) -> tuple[list[Side], bool]:
    """The sides it may be measured from, and whether that is certain."""
    if words.side:
        return [Side(words.side)], True
    starts, ends = published.starts_at, published.ends_at
    given = [side for side, at in ((Side.START, starts), (Side.END, ends)) if at is not None]
    happens = HAPPENS.search(matter) is not None
    one_day = starts is not None and ends is not None and starts.date() == ends.date()
    if happens and starts is not None:
        after = words.days > 0 or (words.minutes or 0) > 0
        same_day = words.days == 0 and words.minutes is None
        if after:
            return ([Side.END], True) if ends else ([Side.START], False)
        if not same_day or ends is None or one_day:
            return [Side.START], True
        return given, False
    if one_day and words.minutes is None:
        return [Side.START], True
    return given, False


def _anchored(
    words: AnchorWords, parts: _Parts, now: datetime, dates: Mapping[str, CalendarDate]
) -> Timing | Problem:
    if parts.start or parts.end:
        return Unclear(texts.several_times())
    if abs(words.days) > 366 or abs(words.minutes or 0) > 60 * 24 * 366:
        return Impossible(texts.refusal("too_far", words.matter))
    matters = known_as(words.matter, dates)
    if not matters:
        return Unclear(texts.not_in_calendar(words.matter))
    exact = words.minutes is not None
    if exact and parts.clocks:
        return Unclear(texts.several_times())
    if not exact and not parts.clocks:
        return Unclear(texts.which_hour())
    clocks = ((),) if exact else _clock_choices(parts)
    if not isinstance(clocks, tuple):
        return clocks
    if len(parts.clocks) > 1:
        return Unclear(texts.one_at_a_time())
    readings: list[Timing] = []
    certain = len(matters) == 1 and len(clocks) == 1
    for matter in matters:
        published = dates[matter]
        sides, sure = _sides(words, published, matter)
        certain = certain and sure
        for side in sides:
            if exact and _midnight(published, side):
                return Unclear(texts.calendar_has_no_hour(matter))
            for chosen in clocks:
                anchor = Anchor(
                    matter, side, words.days, words.minutes or 0, chosen[0] if chosen else None
                )
                at = anchor.instant(published)
                if at is not None:
                    readings.append(Timing(Once(at), relative_to=anchor))
    if not readings:
        return Unclear(texts.calendar_side_open(matters[0]))
    ahead = tuple(each for each in readings if isinstance(each.times, Once) and each.times.at > now)
    if not ahead:
        return Impossible(texts.refusal("past", texts.by_calendar(readings[0])))
    if certain and len(ahead) == len(readings) == 1:
        return ahead[0]
    return Unclear(texts.which_of(words.matter), ahead[:3])


def _midnight(published: CalendarDate, side: Side) -> bool:
    at = published.starts_at if side is Side.START else published.ends_at
    return at is not None and at.astimezone(SHANGHAI).time() == time()


# -- again and again ------------------------------------------------------------------------------


def _repeating(
    parts: _Parts,
    pieces: Sequence[Piece],
    now: datetime,
    dates: Mapping[str, CalendarDate],
    workdays: Workdays | None,
) -> Timing | Problem:
    every = _one_recurrence(parts.every)
    if isinstance(every, Unclear):
        return every
    if not parts.clocks:
        return Unclear(texts.which_hour())
    choices = _clock_choices(parts)
    if not isinstance(choices, tuple):
        return choices
    first = now.date()
    if parts.start is not None:
        found = _one_day(parts.start, now)
        if not isinstance(found, date):
            return found
        if found < now.date():
            return Impossible(texts.refusal("past", parts.start.text))
        first = found
    until, anchor, problem = _until(parts, now, first, dates)
    if problem is not None:
        return problem
    if until is not None and until <= max(now, datetime.combine(first, time(), SHANGHAI)):
        return Impossible(texts.ends_before_it_begins())
    readings = tuple(
        Timing(_from_next(every, clocks, first, until, now), workdays, anchor) for clocks in choices
    )
    if every.ask:
        return Unclear(texts.vague(every.ask, every.by), readings[:1])
    return readings[0] if len(readings) == 1 else Unclear(texts.morning_or_evening(), readings)


def _one_recurrence(every: Iterable[Every]) -> Every | Unclear:
    """「周一至周五每天」 is one; 「每天每周五」 is not."""
    every = tuple(every)
    spans = [each for each in every if each.freq == "SPAN"]
    rest = [each for each in every if each.freq != "SPAN"]
    if len(spans) == 1 and rest == [Every("DAILY")]:
        return Every("WEEKLY", by=spans[0].by)
    if len(rest) != 1 or spans:
        return Unclear(texts.several_times() if rest else texts.this_week_or_every_week())
    return rest[0] if rest[0].by or rest[0].freq == "DAILY" else Unclear(texts.several_times())


def _from_next(
    every: Every, clocks: tuple[time, ...], first: date, until: datetime | None, now: datetime
) -> Repeating:
    """Intervals are counted from the first time there is, not from a day already over."""
    rule = f"FREQ={every.freq}" + (f";{every.by}" if every.by else "")
    if every.interval == 1:
        return Repeating(rule, first, clocks, until)
    days = Repeating(rule, first, clocks).days(first)
    begin = next(day for day in days if datetime.combine(day, clocks[-1], SHANGHAI) > now)
    return Repeating(f"{rule};INTERVAL={every.interval}", begin, clocks, until)


def _one_day(piece: Piece, now: datetime, base: date | None = None) -> date | Problem:
    days = _days(piece, now, base)
    if not isinstance(days, _Days):
        return days
    if days.question or len(days.days) != 1:
        return Unclear(days.question or texts.when())
    if days.days[0] > (now + FARTHEST).date():
        return Impossible(texts.refusal("too_far", piece.text))
    return days.days[0]


def _until(
    parts: _Parts, now: datetime, first: date, dates: Mapping[str, CalendarDate]
) -> tuple[datetime | None, Anchor | None, Problem | None]:
    """The last instant, the calendar date it hangs on, or what is wrong with it."""
    if parts.end is None:
        return None, None, None
    if parts.end.kind is Kind.UNTIL:
        return _until_matter(parts.end.value, now, dates)
    day = _days(parts.end, now, first)
    if isinstance(day, _Days) and day.question and parts.end.kind is Kind.DATE:
        return None, None, Impossible(texts.ends_before_it_begins())
    end = _one_day(parts.end, now, first)
    if not isinstance(end, date):
        return None, None, end
    clock = time(23, 59, 59)
    if parts.end_clock is not None:
        hours = _hours(parts.end_clock.value)
        if not isinstance(hours, tuple) or len(hours) != 1:
            return None, None, Unclear(texts.morning_or_evening())
        clock = hours[0]
    return datetime.combine(end, clock, SHANGHAI), None, None


def _until_matter(
    words: AnchorWords, now: datetime, dates: Mapping[str, CalendarDate]
) -> tuple[datetime | None, Anchor | None, Problem | None]:
    matters = known_as(words.matter, dates)
    if not matters:
        return None, None, Unclear(texts.not_in_calendar(words.matter))
    if len(matters) > 1:
        return None, None, Unclear(texts.which_of(words.matter))
    published = dates[matters[0]]
    sides = [Side(words.side)] if words.side else [Side.START]
    if not words.side and not HAPPENS.search(matters[0]):
        return None, None, Unclear(texts.until_start_or_end(matters[0]))
    clock = time(23, 59, 59) if words.days else None
    anchor = Anchor(matters[0], sides[0], words.days, 0, clock)
    at = anchor.instant(published)
    if at is None:
        return None, None, Unclear(texts.calendar_side_open(matters[0]))
    if at <= now:
        return None, None, Impossible(texts.ends_before_it_begins())
    return at, anchor, None
