"""The three clocks of what waits for a person: first reply, update, solution. Pure.

They run in working time, stop while the bot was blind, and start anew when a hand-off moves up
the ladder. A question has one: its answer is its solution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handlers.working_time import WorkingTime
from storage.lines import Span
from storage.questions import Category, HandOff, Level

#: When somebody is warned, in percent of the time; at the last it moves up the ladder.
STAGES = (50, 80, 100)
LADDER = (Level.TUTOR, Level.UNIT, Level.PROVINCE)


class Clock(StrEnum):
    """What is due; the names are those of the settings' allowances."""

    FIRST_REPLY = "first_reply"
    UPDATE = "update"
    SOLUTION = "solution"


@dataclass(frozen=True, slots=True)
class Due:
    """The clock that runs out first: since when, until when, and how much of it is used (0–)."""

    clock: Clock
    since: datetime
    at: datetime
    share: float

    @property
    def stage(self) -> int:
        """The highest of `STAGES` that is reached, 0 before the first."""
        return max((stage for stage in STAGES if self.share * 100 >= stage), default=0)


def due_of(item: HandOff, working: WorkingTime, now: datetime, blind: Sequence[Span]) -> Due:
    """What is due next for an open hand-off, for whoever has it now."""
    since = item.level_since or item.asked_at
    if item.first_replied_at is None or item.category is Category.INQUIRY:
        return _due(Clock.FIRST_REPLY, since, "first_reply", working, now, blind)
    solution = "extended_solution" if item.extended_at is not None else "solution"
    told = max(item.updated_at or item.first_replied_at, since)
    running = (
        _due(Clock.UPDATE, told, "update", working, now, blind),
        _due(Clock.SOLUTION, since, solution, working, now, blind),
    )
    return min(running, key=lambda due: due.at)


def next_level(level: Level) -> Level | None:
    """The next rung of the ladder; None at the top."""
    index = LADDER.index(level)
    return LADDER[index + 1] if index + 1 < len(LADDER) else None


def _due(
    clock: Clock,
    since: datetime,
    allowance: str,
    working: WorkingTime,
    now: datetime,
    blind: Sequence[Span],
) -> Due:
    length = working.settings.allowance(allowance)
    return Due(
        clock,
        since,
        working.due(since, length, blind),
        working.share_used(since, length, now, blind),
    )
