"""The board: what needs somebody now, on one screen, and kept up to date while it is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web

from bot import status
from bot.web import session
from bot.web.base import APP, TEMPLATES, page
from bot.web.kept import KEPT
from bot.web.pages import is_about_reader, units_of
from bot.web.review import scope_of
from handlers import term
from handlers.clocks import due_of
from handlers.records import day_bounds
from handlers.term import rules_from
from schedules.roster import LIMIT
from storage.lines import Account
from storage.obligations import ObligationState as State
from storage.vocabulary import Label

if TYPE_CHECKING:
    from datetime import datetime

    from bot.app import App
    from storage.supervisors import Supervisor
    from storage.unit_of_work import UnitOfWork

#: Classes, ratios and the term plan move slowly and take tenths of a second to read.
SLOW_SECONDS = 60
#: More is not counted: that there is enough to do is plain by then.
MOST_REVIEWS = 500


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, where its list is, and whether it ought to be 0."""

    name: str
    value: int
    address: str
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that belong together."""

    name: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """What is read once a minute."""

    over: int
    vacant: int
    unarmed: int


# -- reading --------------------------------------------------------------------------------------


async def _cases(
    app: App, uow: UnitOfWork, reader: Supervisor, units: Collection[int] | None, now: datetime
) -> Group:
    waiting = await uow.cases.waiting(units)
    items = [case.item for case in waiting if not is_about_reader(reader, case.item)]
    accounts: set[Account] = {item.account for item in items}
    since = min((item.asked_at for item in items), default=now)
    blind = await uow.lines.blind(accounts, since, now) if items else {}
    ownerless = {item.number for item in await uow.cases.without_tutor(now)} if items else set()
    stages = Counter(
        due_of(item, app.working, now, blind.get(item.account, ())).stage for item in items
    )
    distress = sum(item.kind is Label.DISTRESS for item in items)
    nobodys = sum(item.number in ownerless for item in items)
    return Group(
        "待办",
        (
            Figure("等待办理", len(items), "/cases"),
            Figure("已超时", stages[100], "/cases?overdue=1", is_urgent=True),
            Figure("快到期", stages[80], "/cases?near=1", is_urgent=True),
            Figure("无人负责", nobodys, "/cases?ownerless=1", is_urgent=True),
            Figure("心理关怀", distress, "/cases?kind=distress", is_urgent=True),
        ),
    )


async def _reminders(uow: UnitOfWork, units: Collection[int] | None, now: datetime) -> Group:
    counts = await uow.figures.reminders(units, *day_bounds(now.date()))
    waiting = counts.get(State.PLANNED, 0) + counts.get(State.QUEUED, 0)
    return Group(
        "今天的提醒",
        (
            Figure("还没到时候", waiting, "/tasks"),
            Figure("已送达", counts.get(State.SENT, 0) + counts.get(State.DONE, 0), "/tasks"),
            Figure("补发", counts.get(State.LATE, 0), "/tasks"),
            Figure("没送到", counts.get(State.EXPIRED, 0), "/tasks", is_urgent=True),
        ),
    )


async def _slow(app: App, units: Collection[int] | None, now: datetime) -> Slow:
    async with app.database.reading() as uow:
        ratios = await uow.roster.ratios(units, now)
        lines = await uow.roster.class_lines(units, now)
        plan = await term.propose(uow, rules_from(app.settings.reminders), now, unit_ids=units)
    return Slow(
        sum(ratio.students > LIMIT for ratio in ratios),
        sum(not line.tutors for line in lines),
        plan.size,
    )


async def _groups(request: web.Request, signed_in: session.SignedIn, now: datetime) -> list[Group]:
    app, reader = request.app[APP], signed_in.supervisor
    async with app.database.reading() as uow:
        units = await units_of(uow, reader)
        cases = await _cases(app, uow, reader, units, now)
        reminders = await _reminders(uow, units, now)
        state = await status.look(uow, now)
        reviews = await uow.reviews.waiting(await scope_of(uow, signed_in), limit=MOST_REVIEWS)
        suggestions = len(await uow.learning.waiting(units))
        appeals = await uow.appraisal.appeals_in(units, is_open=True)
        # An appeal of the reader's own is another's to answer.
        own = [it for it in appeals if reader.person_id is None or it.tutor_id != reader.person_id]
    key = ("board", None if units is None else frozenset(units))
    slow = await request.app[KEPT].get(key, SLOW_SECONDS, lambda: _slow(app, units, now))
    offline = sum(not account.is_well for account in state.accounts)
    review = (
        Figure("待复核", len(reviews), "/review"),
        Figure("知识建议", suggestions, "/knowledge"),
        Figure("考核申诉", len(own), "/appraisal/appeals"),
    )
    return [
        cases,
        reminders,
        Group(
            "连接和班级",
            (
                Figure("账号不在线", offline + len(state.logins), "/lines", is_urgent=True),
                Figure("超过 200 人", slow.over, "/classes", is_urgent=True),
                Figure("无教师的班", slow.vacant, "/classes", is_urgent=True),
                Figure("校历待启用", slow.unarmed, "/calendar/plan"),
            ),
        ),
        Group("等审核", review),
    ]


async def _piece(request: web.Request, reader: session.SignedIn) -> str:
    """The part of the page that changes."""
    app = request.app[APP]
    now = app.clock.now()
    return (
        request.app[TEMPLATES]
        .get_template("board_live.html")
        .render(
            groups=await _groups(request, reader, now),
            unknown_years=app.working.unknown_years(now),
            today=now.date(),
        )
    )


# -- pages ----------------------------------------------------------------------------------------


async def board(request: web.Request) -> web.Response:
    """`GET /board`."""
    reader = await session.require(request)
    app = request.app[APP]
    piece = await _piece(request, reader)
    async with app.database.unit_of_work() as uow:
        uow.audit.add(
            at=app.clock.now(), actor=reader.actor, action="web.board_viewed", target="/board"
        )
    return page(request, "board.html", reader=reader, piece=piece, version=_version(piece))


async def live(request: web.Request) -> web.Response:
    """
    `GET /board/live`: the part that changes; 304 where it is what the page shows.

    Asked every few seconds by a page nobody may be looking at, so it does not count as use.
    """
    reader = await session.require(request, is_use=False)
    piece = await _piece(request, reader)
    version = _version(piece)
    if request.headers.get("If-None-Match", "") == version:
        return web.Response(status=304, headers={"ETag": version})
    return web.Response(
        text=piece, content_type="text/html", charset="utf-8", headers={"ETag": version}
    )


def _version(piece: str) -> str:
    return f'"{sha256(piece.encode()).hexdigest()[:32]}"'
