"""Clocks in working hours: a table made by hand, and laws that hold for any table."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from handlers.settings import WorkingTimeSettings, days_in
from handlers.working_time import Window, WorkingTime
from storage.vocabulary import SHANGHAI

SETTINGS = {
    "": WorkingTimeSettings(),
    "午休": WorkingTimeSettings(hours=("08:30-12:00", "13:30-17:00")),
    "晚班": WorkingTimeSettings(hours=("08:30-12:00", "13:30-17:00", "18:30-21:00")),
    "校历": WorkingTimeSettings(
        days_off=("2026-07-20~2026-08-21", "2026-05-09"),
        working_days=("2026-11-28", "2026-10-05"),
    ),
    "补录": WorkingTimeSettings(entered_years=(2027,), days_off=("2027-01-01~2027-01-03",)),
}
#: One each for the whole module: its tables fill as they do in a long run.
CLOCKS = {name: WorkingTime(settings) for name, settings in SETTINGS.items()}
LAST_ARRANGED = max(chinese_calendar.holidays).year

#: The two notices named at the head of the table, day by day.
DAYS_OFF = days_in(
    (
        "2025-01-01",
        "2025-01-28~2025-02-04",
        "2025-04-04~2025-04-06",
        "2025-05-01~2025-05-05",
        "2025-05-31~2025-06-02",
        "2025-10-01~2025-10-08",
        "2026-01-01~2026-01-03",
        "2026-02-15~2026-02-23",
        "2026-04-04~2026-04-06",
        "2026-05-01~2026-05-05",
        "2026-06-19~2026-06-21",
        "2026-09-25~2026-09-27",
        "2026-10-01~2026-10-07",
    )
)
MADE_UP = days_in(
    (
        *("2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"),
        *("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
    )
)


def instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def windows(text: str) -> list[Window]:
    pairs = (window.split("~") for window in text.split(";") if window)
    return [(instant(opens), instant(closes)) for opens, closes in pairs]


def rows() -> list[dict[str, str]]:
    path = Path(__file__).with_name("working_time_cases.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def named(row: dict[str, str]) -> str:
    return f"{row['起']} {row['说明']}"


@pytest.mark.parametrize("row", [row for row in rows() if row["止"]], ids=named)
def test_time_between_two_instants_agrees_with_the_table(row: dict[str, str]) -> None:
    """F11"""
    seconds = CLOCKS[row["作息"]].working_seconds(
        instant(row["起"]), instant(row["止"]), windows(row["盲窗"])
    )

    assert seconds / 60 == int(row["应得"])


@pytest.mark.parametrize("row", [row for row in rows() if row["时限"]], ids=named)
def test_the_end_of_an_allowance_agrees_with_the_table(row: dict[str, str]) -> None:
    settings = SETTINGS[row["作息"]].model_copy(update={"solution": row["时限"]})

    due = CLOCKS[row["作息"]].due(
        instant(row["起"]), settings.allowance("solution"), windows(row["盲窗"])
    )

    assert due == instant(row["应得"])
    assert due.tzinfo is SHANGHAI


def test_the_table_is_read_whole() -> None:
    table = rows()

    assert len(table) >= 60
    assert all(bool(row["止"]) != bool(row["时限"]) for row in table)
    assert {row["作息"] for row in table} == set(SETTINGS)


def test_every_day_of_two_years_is_as_the_state_council_published_it() -> None:
    """F11"""
    clock = CLOCKS[""]

    for n in range((date(2027, 1, 1) - date(2025, 1, 1)).days):
        day = date(2025, 1, 1) + timedelta(days=n)
        published = day in MADE_UP or (day.isoweekday() <= 5 and day not in DAYS_OFF)
        assert clock.is_working_day(day) is published, day


def test_every_other_year_is_as_the_library_says() -> None:
    first, last = date(2004, 1, 1), date(LAST_ARRANGED, 12, 31)

    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        assert CLOCKS[""].is_working_day(day) == chinese_calendar.is_workday(day), day


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        ("2026-11-23 08:29", False),
        ("2026-11-23 08:30", True),
        ("2026-11-23 11:59", True),
        ("2026-11-23 12:00", False),
        ("2026-11-23 13:30", True),
        ("2026-11-23 17:00", False),
        ("2026-11-22 10:00", False),
        ("2026-10-10 10:00", True),
        ("2026-10-05 10:00", False),
        ("2026-11-23T01:00+00:00", True),
    ],
)
def test_clocks_run_in_working_hours_only(at: str, runs: bool) -> None:
    assert CLOCKS["午休"].is_working(instant(at)) is runs


def test_a_day_shift_may_end_at_midnight() -> None:
    clock = WorkingTime(WorkingTimeSettings(hours=("20:00-24:00",)))

    due = clock.due(instant("2026-11-23 22:00"), timedelta(hours=2))

    assert due == instant("2026-11-24 00:00")
    assert clock.due(instant("2026-11-23 22:00"), timedelta(hours=3)) == instant("2026-11-24 21:00")


def test_the_share_used_tells_half_due_and_late() -> None:
    clock, start = CLOCKS[""], instant("2026-11-23 10:00")
    allowance = SETTINGS[""].allowance("update")

    shares = [
        clock.share_used(start, allowance, instant(now))
        for now in ("2026-11-23 09:00", "2026-11-24 10:00", "2026-11-25 10:00", "2026-11-26 10:00")
    ]

    assert shares == [0, 0.5, 1, 1.5]


def test_a_blind_window_takes_nothing_of_the_share() -> None:
    share = CLOCKS[""].share_used(
        instant("2026-11-23 09:00"),
        timedelta(hours=4),
        instant("2026-11-23 12:00"),
        [(instant("2026-11-23 10:00"), instant("2026-11-23 11:00"))],
    )

    assert share == 0.5


class TestYearsNobodyHasArranged:
    """A missing year is counted Monday to Friday, and said 60 days before it comes."""

    next_year = LAST_ARRANGED + 1

    def test_are_named_sixty_days_before(self) -> None:
        clock = CLOCKS[""]
        eve = datetime(LAST_ARRANGED, 11, 1, 23, 59, tzinfo=SHANGHAI)

        assert clock.unknown_years(eve) == ()
        assert clock.unknown_years(eve + timedelta(minutes=1)) == (self.next_year,)

    def test_are_named_as_long_as_they_last(self) -> None:
        inside = datetime(self.next_year, 6, 1, tzinfo=SHANGHAI)

        assert CLOCKS[""].unknown_years(inside) == (self.next_year,)
        assert CLOCKS[""].unknown_years(inside, timedelta(days=366)) == (
            self.next_year,
            self.next_year + 1,
        )

    def test_begin_at_midnight_in_shanghai(self) -> None:
        eve = datetime(LAST_ARRANGED, 12, 31, 15, 59, tzinfo=UTC)

        assert CLOCKS[""].unknown_years(eve, timedelta()) == ()
        assert CLOCKS[""].unknown_years(eve + timedelta(minutes=1), timedelta()) == (
            self.next_year,
        )

    def test_are_silent_once_the_school_has_entered_them(self) -> None:
        clock = WorkingTime(WorkingTimeSettings(entered_years=(self.next_year,)))

        assert clock.unknown_years(datetime(LAST_ARRANGED, 12, 1, tzinfo=SHANGHAI)) == ()

    def test_count_monday_to_friday(self) -> None:
        first = datetime(self.next_year, 1, 1, tzinfo=SHANGHAI)

        week = CLOCKS[""].working_seconds(first, first + timedelta(days=7))

        assert week == 5 * 540 * 60

    def test_are_entered_across_the_last_known_new_year(self) -> None:
        """Whatever the library knows today, its last day and the first unknown one join up."""
        eve = date(LAST_ARRANGED, 12, 31)
        clock = WorkingTime(WorkingTimeSettings(working_days=(f"{eve}~{eve + timedelta(days=1)}",)))
        five = datetime(LAST_ARRANGED, 12, 31, 17, tzinfo=SHANGHAI)

        assert clock.working_seconds(five, five + timedelta(hours=16)) == 3600
        assert clock.due(five, timedelta(hours=1)) == five + timedelta(hours=16)


def test_years_of_summer_time_and_before_the_library_are_read() -> None:
    """F10"""
    clock = CLOCKS[""]

    week = clock.working_seconds(instant("1988-04-11 00:00"), instant("1988-04-18 00:00"))

    assert week == 5 * 540 * 60
    assert clock.due(instant("1988-04-15 10:00"), timedelta(hours=9)) == instant("1988-04-18 10:00")


def test_the_zone_of_an_instant_does_not_matter() -> None:
    clock, zone = CLOCKS["午休"], ZoneInfo("America/New_York")
    start, end = instant("2026-10-30 09:00"), instant("2026-11-03 15:00")  # their clocks change

    assert clock.working_seconds(start.astimezone(zone), end.astimezone(zone)) == (
        clock.working_seconds(start, end)
    )
    assert clock.due(start.astimezone(zone), timedelta(hours=9)) == clock.due(
        start, timedelta(hours=9)
    )


@pytest.mark.parametrize("naive", [(0,), (1,), (0, 1)])
def test_a_naive_instant_is_refused(naive: tuple[int, ...]) -> None:
    pair = [instant("2026-11-23 12:00"), instant("2026-11-23 09:00")]
    for n in naive:
        pair[n] = pair[n].replace(tzinfo=None)

    with pytest.raises(ValueError, match="naive"):
        CLOCKS[""].working_seconds(*pair)
    with pytest.raises(ValueError, match="naive"):
        CLOCKS[""].due(instant("2026-11-23 09:00"), timedelta(hours=1), [(pair[0], pair[1])])


def test_an_allowance_that_cannot_be_is_refused() -> None:
    start = instant("2026-11-23 09:00")

    with pytest.raises(ValueError, match="negative"):
        CLOCKS[""].due(start, timedelta(hours=-1))
    with pytest.raises(ValueError, match="no allowance"):
        CLOCKS[""].share_used(start, timedelta(), start)


def test_a_window_without_an_end_is_refused_by_an_allowance_but_not_by_a_measure() -> None:
    start = instant("2026-11-23 09:00")
    endless = [(instant("2026-11-23 10:00"), datetime(9999, 1, 1, tzinfo=SHANGHAI))]

    assert CLOCKS[""].working_seconds(start, instant("2026-12-23 09:00"), endless) == 3600
    assert CLOCKS[""].due(start, timedelta(hours=1), endless) == instant("2026-11-23 10:00")
    with pytest.raises(ValueError, match="year 9999"):
        CLOCKS[""].due(start, timedelta(hours=2), endless)


MOMENTS = st.datetimes(
    datetime(2024, 12, 1),  # noqa: DTZ001 - hypothesis wants its bounds without a zone
    datetime(2027, 2, 1),  # noqa: DTZ001
    timezones=st.sampled_from([SHANGHAI, UTC]),
)
WINDOWS = st.lists(st.tuples(MOMENTS, MOMENTS), max_size=5)
NAMES = st.sampled_from(sorted(CLOCKS))
ALLOWANCES = st.timedeltas(timedelta(), timedelta(days=10))


def second(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


class TestLaws:
    """What any working calendar keeps, whatever the school has set."""

    @given(NAMES, st.tuples(MOMENTS, MOMENTS, MOMENTS), WINDOWS)
    def test_two_parts_make_the_whole(
        self, name: str, moments: tuple[datetime, ...], without: list[Window]
    ) -> None:
        a, b, c = sorted(moments)
        clock = CLOCKS[name]

        parts = [clock.working_seconds(a, b, without), clock.working_seconds(b, c, without)]

        assert sum(map(second, parts), timedelta()) == second(clock.working_seconds(a, c, without))

    @given(NAMES, st.tuples(MOMENTS, MOMENTS, MOMENTS), WINDOWS)
    def test_a_clock_never_runs_back(
        self, name: str, moments: tuple[datetime, ...], without: list[Window]
    ) -> None:
        a, b, c = sorted(moments)
        clock = CLOCKS[name]

        assert clock.working_seconds(a, b, without) <= clock.working_seconds(a, c, without)
        assert clock.working_seconds(a, c, without) >= clock.working_seconds(b, c, without)

    @given(NAMES, MOMENTS, MOMENTS, WINDOWS)
    def test_no_window_makes_it_negative_or_longer_than_the_real_time(
        self, name: str, a: datetime, b: datetime, without: list[Window]
    ) -> None:
        clock = CLOCKS[name]
        bare, less = clock.working_seconds(a, b), clock.working_seconds(a, b, without)

        assert 0 <= less <= bare <= max((b - a).total_seconds(), 0)

    @given(NAMES, MOMENTS, MOMENTS, WINDOWS, st.randoms())
    def test_windows_in_any_order_and_twice_are_the_same_windows(
        self, name: str, a: datetime, b: datetime, without: list[Window], random: Random
    ) -> None:
        clock = CLOCKS[name]
        again = [*without, *without]
        random.shuffle(again)

        assert clock.working_seconds(a, b, again) == clock.working_seconds(a, b, without)

    @given(NAMES, st.tuples(MOMENTS, MOMENTS), WINDOWS)
    def test_what_has_been_worked_was_over_by_then(
        self, name: str, moments: tuple[datetime, ...], without: list[Window]
    ) -> None:
        start, end = sorted(moments)
        clock = CLOCKS[name]

        worked = second(clock.working_seconds(start, end, without))

        assert clock.due(start, worked, without) <= end

    @given(NAMES, MOMENTS, ALLOWANCES, WINDOWS)
    @example("", instant("2026-11-23 16:30"), timedelta(hours=1), [])
    def test_due_is_the_first_instant_at_which_the_allowance_is_over(
        self, name: str, start: datetime, allowance: timedelta, without: list[Window]
    ) -> None:
        clock = CLOCKS[name]

        due = clock.due(start, allowance, without)

        assert second(clock.working_seconds(start, due, without)) == allowance
        if allowance:
            before = due - timedelta(microseconds=1)
            assert second(clock.working_seconds(start, before, without)) < allowance

    @given(NAMES, st.tuples(MOMENTS, MOMENTS))
    def test_the_table_counts_what_a_walk_through_the_days_counts(
        self, name: str, moments: tuple[datetime, ...]
    ) -> None:
        start, end = (moment.astimezone(SHANGHAI) for moment in sorted(moments))
        clock, total = CLOCKS[name], timedelta()
        for n in range((end.date() - start.date()).days + 1):
            day = start.date() + timedelta(days=n)
            if clock.is_working_day(day):
                midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
                for begin, finish in SETTINGS[name].spans:
                    overlap = min(end, midnight + finish) - max(start, midnight + begin)
                    total += max(overlap, timedelta())

        assert second(clock.working_seconds(start, end)) == total


class TestSettings:
    def test_defaults_are_known_as_defaults(self) -> None:
        settings = WorkingTimeSettings(first_reply="4 个工作小时", update="2 个工作日")

        assert not settings.is_default("first_reply")
        assert not settings.is_default("update")
        assert settings.is_default("solution")

    def test_an_allowance_is_days_of_the_schools_own_length_or_hours(self) -> None:
        settings = SETTINGS["午休"].model_copy(update={"update": "4 个工作小时"})

        assert settings.allowance("first_reply") == timedelta(hours=7)
        assert settings.allowance("extended_solution") == timedelta(hours=70)
        assert settings.allowance("update") == timedelta(hours=4)

    def test_a_date_written_as_toml_writes_dates_is_read(self) -> None:
        settings = WorkingTimeSettings.model_validate({"days_off": [date(2026, 7, 20)]})

        assert not WorkingTime(settings).is_working_day(date(2026, 7, 20))

    @pytest.mark.parametrize(
        ("given_settings", "reason"),
        [
            ({"hours": []}, "至少"),
            ({"hours": ["8:30-17:30"]}, "8:30-17:30"),
            ({"hours": ["17:30-08:30"]}, "跨过半夜"),
            ({"hours": ["08:30-24:30"]}, "先早后晚"),
            ({"hours": ["13:30-17:00", "08:30-12:00"]}, "先后"),
            ({"hours": ["08:30-12:00", "11:00-17:00"]}, "重叠"),
            ({"days_off": ["2026-02-30"]}, "2026-02-30"),
            ({"days_off": ["2026-2-3"]}, "2026-2-3"),
            ({"days_off": ["20260203"]}, "20260203"),
            ({"days_off": ["2026-08-21~2026-07-20"]}, "先早后晚"),
            ({"days_off": ["2026-01-01~9999-12-31"]}, "不超过一年"),
            ({"days_off": ["2026-05-01~2026-05-09"], "working_days": ["2026-05-09"]}, "同时"),
            ({"first_reply": "24 小时"}, "first_reply"),
            ({"update": "两个工作日"}, "update"),
            ({"solution": "0 个工作日"}, "大于零"),
        ],
    )
    def test_what_cannot_be_read_is_refused_in_chinese(
        self, given_settings: dict[str, object], reason: str
    ) -> None:
        with pytest.raises(ValidationError, match=reason):
            WorkingTimeSettings.model_validate(given_settings)
