"""TIMETABLE: everything that happens because time passed, on one screen.

A job asks the database "what is due by `now`?", never "what was I told?": a missed tick costs
delay, not work, and running a job twice does nothing more.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from schedules import clocks, housekeeping, orientation, questions
from schedules.means import Means
from storage.unit_of_work import UnitOfWork

Job = Callable[[UnitOfWork, datetime, Means], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A job and how often the clock looks."""

    name: str
    every: timedelta
    job: Job


TIMETABLE: tuple[Entry, ...] = (
    Entry("questions.surface", timedelta(seconds=30), questions.surface),
    Entry("clocks.adopt", timedelta(seconds=60), clocks.adopt),
    Entry("clocks.watch", timedelta(seconds=60), clocks.watch),
    Entry("clocks.give_back", timedelta(seconds=60), clocks.give_back),
    Entry("clocks.watch_distress", timedelta(seconds=30), clocks.watch_distress),
    Entry("clocks.notice_silence", timedelta(minutes=10), clocks.notice_silence),
    Entry("housekeeping.seal", timedelta(seconds=30), housekeeping.seal),
    Entry("orientation.welcome", timedelta(seconds=30), orientation.welcome),
    Entry("orientation.show_cards", timedelta(minutes=5), orientation.show_cards),
    Entry("housekeeping.expire", timedelta(minutes=10), housekeeping.expire),
    Entry("housekeeping.prune", timedelta(hours=6), housekeeping.prune),
)
