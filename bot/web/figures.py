"""The record as pictures: who answered, when what was asked, how soon, what became of reminders;
and the figures of months as a school may publish them. Each picture is a table, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page
from bot.web.kept import KEPT
from bot.web.pages import units_of
from handlers import texts
from handlers.records import SOLVER_NAMES, day_bounds
from storage.figures import DAY, STEPS, Opinions, Sum, step_at
from storage.interactions import Kind
from storage.obligations import ObligationState
from storage.questions import SolvedBy
from storage.vocabulary import Topic

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.app import App
    from storage.unit_of_work import UnitOfWork

SPANS = (30, 90)
#: Questions by the hour are counted row by row, over this many days.
HEAT_DAYS = 30
MONTHS = 12
#: Fewer than this say nothing about a month, and may say something about a person.
SAMPLE = 10
#: The heat of a cell, from none to the most.
SHADES = 5
KEPT_SECONDS = 60
WHO = (SolvedBy.BOT, SolvedBy.TUTOR, SolvedBy.CLASSMATE, SolvedBy.DEPARTMENT)
STEP_NAMES = (
    "5 分钟内",
    "5–15 分钟",
    "15–60 分钟",
    "1–4 小时",
    "4–8 小时",
    "8–24 小时",
    "1–2 天",
    "超过 2 天",
)
WITHIN = ("5 分钟", "15 分钟", "1 小时", "4 小时", "8 小时", "24 小时", "2 天", "")
REMINDER_NAMES: dict[str, tuple[str, ...]] = {
    "已送达": (ObligationState.SENT,),
    "先办好了": (ObligationState.DONE,),
    "补发": (ObligationState.LATE,),
    "没送到": (ObligationState.EXPIRED,),
    "已取消": (ObligationState.CANCELLED,),
    "还没到时候": (ObligationState.PLANNED, ObligationState.QUEUED),
}


@dataclass(frozen=True, slots=True)
class Trend:
    """Days, and by who answered how many each day."""

    days: tuple[date, ...]
    questions: tuple[int, ...]
    lines: tuple[tuple[str, str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """So many questions of an hour; `shade` from 0 to 5."""

    count: int
    shade: int


@dataclass(frozen=True, slots=True)
class Month:
    """A month as it may be published; "" in words is 「样本不足」."""

    month: date
    questions: int
    answered: tuple[int, ...]
    half: str
    most: str
    within_day: str
    useful: str
    mark: str


# -- rules ----------------------------------------------------------------------------------------


def trend_of(sums: Sequence[Sum], first: date, last: date) -> Trend:
    """Each day once, also those on which nothing was."""
    days = tuple(first + n * DAY for n in range((last - first).days + 1))
    asked: dict[date, int] = defaultdict(int)
    by: dict[tuple[date, SolvedBy], int] = defaultdict(int)
    for it in sums:
        if it.kind is Kind.QUESTION:
            asked[it.day] += it.count
        who = _who(it)
        if who is not None:
            by[it.day, who] += it.count
    lines = tuple(
        (str(who), SOLVER_NAMES[who], tuple(by[day, who] for day in days))
        for who in WHO
        if who is not SolvedBy.DEPARTMENT or any(by[day, who] for day in days)
    )
    return Trend(days, tuple(asked[day] for day in days), lines)


def _who(it: Sum) -> SolvedBy | None:
    """A question counts where the bot answered it, a reply where a person gave it."""
    if it.kind is Kind.QUESTION:
        return SolvedBy.BOT if it.solved_by is SolvedBy.BOT else None
    return it.solved_by if it.solved_by in WHO else None


def steps_of(sums: Sequence[Sum]) -> list[int]:
    """How many of the tutors' first replies fall on each step."""
    found = [0] * (len(STEPS) + 1)
    for it in sums:
        if it.kind is Kind.REPLY and it.solved_by is SolvedBy.TUTOR and it.step >= 0:
            found[it.step] += it.count
    return found


def within(counts: Sequence[int], share: float) -> str:
    """「4 小时内」; "" where there are too few."""
    step = step_at(counts, share) if sum(counts) >= SAMPLE else None
    if step is None:
        return ""
    return f"{WITHIN[step]}内" if WITHIN[step] else "超过 2 天"


def heat_of(hours: Mapping[tuple[int, Topic], int]) -> list[tuple[str, tuple[Cell, ...], int]]:
    """Topics, the most asked first, each with its 24 hours and its sum."""
    most = max(hours.values(), default=0)
    totals: dict[Topic, int] = defaultdict(int)
    for (_, topic), count in hours.items():
        totals[topic] += count

    def cell(count: int) -> Cell:
        return Cell(count, -(-SHADES * count // most) if most else 0)

    return [
        (
            texts.TOPIC_NAMES[topic],
            tuple(cell(hours.get((hour, topic), 0)) for hour in range(24)),
            total,
        )
        for topic, total in sorted(totals.items(), key=lambda it: (-it[1], it[0]))
    ]


def percent(part: int, whole: int) -> str:
    """「93 %」; "" where there are too few."""
    return f"{round(100 * part / whole)} %" if whole >= SAMPLE else ""


def month_of(month: date, sums: Sequence[Sum], opinions: Opinions) -> Month:
    """A month in words."""
    own = [it for it in sums if it.day == month]
    steps = steps_of(own)
    votes = opinions.useful + opinions.useless
    return Month(
        month,
        sum(it.count for it in own if it.kind is Kind.QUESTION),
        tuple(sum(it.count for it in own if _who(it) is who) for who in WHO),
        within(steps, 0.5),
        within(steps, 0.9),
        percent(sum(steps[: STEPS.index(86_400) + 1]), sum(steps)),
        percent(opinions.useful, votes),
        f"{opinions.total / opinions.marks:.1f}" if opinions.marks >= SAMPLE else "",
    )


def months_back(today: date) -> list[date]:
    """The first days of this month and those before, the newest first."""
    found = [today.replace(day=1)]
    while len(found) < MONTHS:
        found.append((found[-1] - DAY).replace(day=1))
    return found


# -- reading --------------------------------------------------------------------------------------


async def _hours(
    app: App, units: Collection[int] | None, now: datetime
) -> Mapping[tuple[int, Topic], int]:
    since, _ = day_bounds(now.date() - timedelta(days=HEAT_DAYS - 1))
    async with app.database.reading() as uow:
        return await uow.figures.hours(units, since, day_bounds(now.date())[1])


async def _note(app: App, uow: UnitOfWork, reader: session.SignedIn, target: str) -> None:
    uow.audit.add(
        at=app.clock.now(), actor=reader.actor, action="web.figures_viewed", target=target
    )


# -- pages ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /figures`: `days` 30 or 90."""
    reader = await session.require(request)
    app = request.app[APP]
    now = app.clock.now()
    given = request.query.get("days", "")
    span = next((days for days in SPANS if str(days) == given), SPANS[0])
    first, last = now.date() - timedelta(days=span - 1), now.date()
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        sums, missing = await uow.figures.days(units, first, last)
        since, until = day_bounds(first)[0], day_bounds(last)[1]
        counts = await uow.figures.reminders(units, since, until)
        await _note(app, uow, reader, request.path_qs[:100])
    key = ("hours", None if units is None else frozenset(units))
    hours = await request.app[KEPT].get(key, KEPT_SECONDS, lambda: _hours(app, units, now))
    trend, steps = trend_of(sums, first, last), steps_of(sums)
    reminders = [
        (name, sum(counts.get(state, 0) for state in states))
        for name, states in REMINDER_NAMES.items()
    ]
    return page(
        request,
        "figures.html",
        reader=reader,
        span=span,
        spans=SPANS,
        missing=missing,
        trend=trend,
        steps=list(zip(STEP_NAMES, steps, strict=True)),
        replies=sum(steps),
        half=within(steps, 0.5),
        most=within(steps, 0.9),
        sample=SAMPLE,
        reminders=reminders,
        owed=sum(count for _, count in reminders),
        heat=heat_of(hours),
        heat_days=HEAT_DAYS,
        data={
            "days": [f"{day.month}/{day.day}" for day in trend.days],
            "trend": [{"who": who, "name": name, "counts": it} for who, name, it in trend.lines],
            "steps": {"names": STEP_NAMES, "counts": steps},
            "reminders": {
                "names": [name for name, _ in reminders],
                "counts": [count for _, count in reminders],
            },
        },
    )


async def months(request: web.Request) -> web.Response:
    """`GET /figures/months`: how much, how soon and how well, by month."""
    reader = await session.require(request)
    app = request.app[APP]
    now = app.clock.now()
    wanted = months_back(now.date())
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        sums, missing = await uow.figures.days(units, wanted[-1], now.date(), by_month=True)
        opinions = await uow.figures.opinions(units, day_bounds(wanted[-1])[0])
        names = await uow.calendar.units()
        await _note(app, uow, reader, "/figures/months")
    own = reader.supervisor.unit_id
    return page(
        request,
        "figures_months.html",
        reader=reader,
        unit=names[own][0] if own in names and own is not None else "全校",
        months=[month_of(month, sums, opinions.get(month, Opinions())) for month in wanted],
        who=[SOLVER_NAMES[who] for who in WHO],
        missing=missing,
        sample=SAMPLE,
        today=now.date(),
    )
