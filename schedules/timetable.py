"""TIMETABLE: everything that happens because time passed, on one screen.

A job asks the database "what is due by `now`?", never "what was I told?": a missed tick costs
delay, not work, and running a job twice does nothing more.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from schedules import (
    appraisal,
    clocks,
    housekeeping,
    orientation,
    questions,
    reminders,
    reviews,
    roster,
)
from schedules.means import Means
from storage.unit_of_work import UnitOfWork

#: True: there is more of it; it is run again at once, in a transaction of its own.
Job = Callable[[UnitOfWork, datetime, Means], Awaitable[bool | None]]


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
    Entry("housekeeping.index", timedelta(seconds=5), housekeeping.index),
    Entry("housekeeping.seal", timedelta(seconds=30), housekeeping.seal),
    Entry("orientation.welcome", timedelta(seconds=30), orientation.welcome),
    Entry("orientation.show_cards", timedelta(minutes=5), orientation.show_cards),
    Entry("housekeeping.forget_links", timedelta(minutes=1), housekeeping.forget_links),
    Entry("appraisal.settle", timedelta(minutes=1), appraisal.settle),
    Entry("appraisal.tell", timedelta(minutes=5), appraisal.tell),
    Entry("appraisal.watch_appeals", timedelta(minutes=10), appraisal.watch_appeals),
    Entry("appraisal.watch_training", timedelta(minutes=30), appraisal.watch_training),
    Entry("reviews.collect", timedelta(minutes=10), reviews.collect),
    Entry("roster.watch_ratios", timedelta(hours=1), roster.watch_ratios),
    Entry("roster.watch_vacancies", timedelta(hours=1), roster.watch_vacancies),
    Entry("reminders.follow", timedelta(seconds=30), reminders.follow),
    Entry("reminders.fire", timedelta(seconds=5), reminders.fire),
    Entry("reminders.release", timedelta(seconds=5), reminders.release),
    Entry("reminders.settle", timedelta(seconds=10), reminders.settle),
    Entry("reminders.report", timedelta(minutes=1), reminders.report),
    Entry("reminders.wind_up", timedelta(minutes=1), reminders.wind_up),
    Entry("housekeeping.sum_days", timedelta(minutes=10), housekeeping.sum_days),
    Entry("housekeeping.expire", timedelta(minutes=10), housekeeping.expire),
    Entry("housekeeping.prune", timedelta(hours=6), housekeeping.prune),
)
