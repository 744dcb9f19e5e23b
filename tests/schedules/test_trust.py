"""F9: a wall clock that leaps forward is believed only once it has lasted."""

from datetime import datetime, timedelta

import pytest

from schedules.clock import Trust
from storage.vocabulary import SHANGHAI

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=SHANGHAI)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def believed(*moments: tuple[timedelta, timedelta]) -> list[bool]:
    """(how long the wall clock, how long the steady one says it has been) …"""
    trust = Trust()
    return [trust.believes(NOON + wall, steady) for wall, steady in moments]


def test_a_clock_that_runs_is_believed() -> None:
    assert believed(*((n * MINUTE, n * MINUTE) for n in range(10))) == [True] * 10


def test_f9_a_leap_forward_holds_everything_for_a_minute_and_is_then_believed() -> None:
    leap = 72 * HOUR

    found = believed(
        (0 * MINUTE, 0 * MINUTE),
        (leap + 5 * SECOND, 5 * SECOND),
        (leap + 30 * SECOND, 30 * SECOND),
        (leap + 70 * SECOND, 70 * SECOND),
        (leap + 75 * SECOND, 75 * SECOND),
    )

    assert found == [True, False, False, True, True]


def test_f9_a_leap_that_is_taken_back_within_the_minute_has_done_nothing() -> None:
    found = believed(
        (0 * MINUTE, 0 * MINUTE), (HOUR + 5 * SECOND, 5 * SECOND), (30 * SECOND, 30 * SECOND)
    )

    assert found == [True, False, True]


@pytest.mark.parametrize(
    "step",
    [-72 * HOUR, -SECOND / 2, SECOND / 2, 4 * MINUTE],
    ids=["-3 d", "-0.5 s", "+0.5 s", "4 m"],
)
def test_f9_small_steps_and_steps_back_hold_nothing(step: timedelta) -> None:
    assert believed((0 * MINUTE, 0 * MINUTE), (5 * SECOND + step, 5 * SECOND)) == [True, True]
