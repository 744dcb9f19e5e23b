"""The console's term calendar: dates by scope, what changing them would change, and arming it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain
from bot.web.pages import units_of
from handlers import term, texts
from handlers import texts_calendar as words
from handlers.calendar import write
from handlers.term import Rules, rules_from
from storage.calendar import EVERYBODY, Dated, Place
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

if TYPE_CHECKING:
    from bot.app import App
    from storage.unit_of_work import UnitOfWork

#: More classes than that are compiled on the preview page only, where one waits for it.
MOST_AT_ONCE = 2000
SHOWN, LINES = 300, 60
#: Dates further away are typing mistakes.
FURTHEST = timedelta(days=730)

DONE = {
    "set": "日期已保存，答复马上按新日期；提醒要启用后才变。",
    "removed": "日期已删除；提醒要启用后才变。",
    "armed": "已启用，改动记入审计和台账。",
}
PROBLEMS = {
    "matter": "请写事项，不超过 50 字。",
    "scope": "没有这个班级或单位，或者不在您的管理范围内。",
    "date": "日期看不懂，请选日期和时间。",
    "empty": "开始、截止、说明至少填一项。",
    "order": "截止早于开始。",
    "far": "日期离现在太远，请核对年份。",
    "gone": "这个日期已经不在了。",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A date as the page shows it."""

    matter: str
    scope: str
    scope_name: str
    when: str
    starts: str
    ends: str
    note: str
    source: str
    is_over: bool
    may_change: bool
    has_template: bool
    is_private: bool


class _Refused(Exception):
    """The form cannot be taken; the key of `PROBLEMS`."""


# -- rules ----------------------------------------------------------------------------------------


def instant_of(text: str, now: datetime) -> datetime | None:
    """`2026-12-05T17:00` of a form, Asia/Shanghai; "" is none."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _Refused("date") from None
    if at.tzinfo is not None:
        raise _Refused("date")
    at = at.replace(second=0, microsecond=0, tzinfo=SHANGHAI)
    if abs(at - now) > FURTHEST:
        raise _Refused("far")
    return at


def date_of(form: Mapping[str, str], rules: Rules, now: datetime) -> CalendarDate:
    """The date of a form, under the name the calendar has for its matter."""
    matter = rules.table.name_of(plain(form.get("matter", ""), 60))
    if not 0 < len(matter) <= 50:
        raise _Refused("matter")
    starts = instant_of(form.get("starts", ""), now)
    ends = instant_of(form.get("ends", ""), now)
    note = plain(form.get("note", ""), 200)
    if starts is None and ends is None and not note:
        raise _Refused("empty")
    if starts and ends and ends < starts:
        raise _Refused("order")
    return CalendarDate(matter, starts, ends, note, plain(form.get("source", ""), 200))


async def place_of(
    uow: UnitOfWork, scope: str, units: Collection[int] | None, now: datetime
) -> tuple[Place, str]:
    """
    For whom a form sets a date, and its name: everybody, one of these units, a class of theirs.

    Raises:
        _Refused: there is none, or it is another's.
    """
    kind, _, name = scope.partition(":")
    if kind == "all" and units is None:
        return EVERYBODY, "全校"
    if kind == "unit" and name.isascii() and name.isdigit() and len(name) < 16:
        unit = (await uow.calendar.units()).get(int(name))
        if unit is not None and (units is None or int(name) in units):
            return Place(unit_id=int(name)), unit[0]
    if kind == "class":
        room = await uow.people.class_named(name.strip(), now)
        if room is not None and (units is None or room.unit_id in units):
            return Place(class_id=room.id), f"班级 {room.name}"
    raise _Refused("scope")


def _row(
    dated: Dated,
    names: Mapping[int, tuple[str, int | None]],
    class_names: Mapping[int, str],
    units: Collection[int] | None,
    rules: Rules,
    now: datetime,
) -> Row:
    place, date = dated.place, dated.date
    if place.class_id is not None:
        scope_name = class_names.get(place.class_id, "")
        scope, may_change = f"class:{scope_name}", True
    elif place.unit_id is not None:
        scope, scope_name = f"unit:{place.unit_id}", names[place.unit_id][0]
        may_change = units is None or place.unit_id in units
    else:
        scope, scope_name, may_change = "all", "全校", units is None
    matter = rules.table.find(date.matter)
    end = date.ends_at or date.starts_at
    return Row(
        date.matter,
        scope,
        scope_name,
        texts.span(date.starts_at, date.ends_at, now) or "只有说明",
        f"{date.starts_at:%Y-%m-%dT%H:%M}" if date.starts_at else "",
        f"{date.ends_at:%Y-%m-%dT%H:%M}" if date.ends_at else "",
        date.note,
        date.source,
        end is not None and end < now,
        may_change,
        matter is not None and bool(matter.steps),
        matter is not None and matter.is_private,
    )


def _rules(app: App) -> Rules:
    return rules_from(app.settings.reminders)


# -- pages ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /calendar`: the dates of the supervisor's unit, and below; and a form to set one."""
    reader = await session.require(request)
    return await _overview(request, reader, {}, done=DONE.get(request.query.get("done", ""), ""))


async def _overview(
    request: web.Request,
    reader: session.SignedIn,
    form: Mapping[str, str],
    *,
    problem: str = "",
    done: str = "",
    status: int = 200,
) -> web.Response:
    app = request.app[APP]
    rules, now = _rules(app), app.clock.now()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        names = await uow.calendar.units()
        found = await uow.calendar.listed(
            units, above=_above(names, reader.supervisor.unit_id), limit=SHOWN + 1
        )
        of_classes = [it.place.class_id for it in found if it.place.class_id is not None]
        rooms = await uow.people.classes(of_classes, now)
        class_names, _ = await uow.reports.names(units)
        is_large = len(class_names) > MOST_AT_ONCE
        changes = 0 if is_large else (await term.propose(uow, rules, now, unit_ids=units)).size
    called = {key: room.name for key, room in rooms.items()}
    await session.note(app, reader, "web.calendar_viewed", "/calendar")
    return page(
        request,
        "calendar.html",
        status=status,
        reader=reader,
        rows=[_row(it, names, called, units, rules, now) for it in found[:SHOWN]],
        has_more=len(found) > SHOWN,
        matters=[matter.name for matter in rules.table.rows],
        units=[(key, name) for key, (name, _) in names.items() if units is None or key in units],
        may_all=units is None,
        class_names=class_names,
        changes=changes,
        is_large=is_large,
        form=form,
        problem=problem,
        done=done,
    )


async def change(request: web.Request) -> web.Response:
    """`POST /calendar`: set a date (`do=set`) or take it away; then the preview of what follows."""
    reader, form = await session.posted(request)
    app = request.app[APP]
    rules, now = _rules(app), app.clock.now()
    is_gone = form.get("do") == "remove"
    scope = form.get("scope", "")
    if scope == "class":
        scope = f"class:{plain(form.get('class', ''), 200)}"
    try:
        async with app.database.unit_of_work() as uow:
            units = await units_of(uow, reader.supervisor)
            place, name = await place_of(uow, scope, units, now)
            if is_gone:
                new = CalendarDate(
                    rules.table.name_of(plain(form.get("matter", ""), 60)), None, None
                )
                if not await uow.calendar.names_at(place, rules.table.name_of, new.matter):
                    raise _Refused("gone")
            else:
                new = date_of(form, rules, now)
            await write(uow, place, new, whose=name, rules=rules, by=reader.actor, now=now)
    except _Refused as refusal:
        return await _overview(request, reader, form, problem=PROBLEMS[str(refusal)], status=400)
    raise web.HTTPSeeOther(f"/calendar/plan?done={'removed' if is_gone else 'set'}")


async def plan(request: web.Request) -> web.Response:
    """`GET /calendar/plan`: what arming would change, the exact words of one class."""
    reader = await session.require(request)
    return await _plan(request, reader, done=DONE.get(request.query.get("done", ""), ""))


async def _plan(
    request: web.Request,
    reader: session.SignedIn,
    *,
    done: str = "",
    problem: str = "",
    status: int = 200,
) -> web.Response:
    app = request.app[APP]
    rules, now = _rules(app), app.clock.now()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        found = await term.propose(uow, rules, now, unit_ids=units)
        shown = await term.preview(uow, found, rules, now)
    await session.note(app, reader, "web.calendar_previewed", "/calendar/plan")
    return page(
        request,
        "calendar_plan.html",
        status=status,
        reader=reader,
        shown=shown,
        plan=found,
        lines=[words.group_line(group, now) for group in shown.lines[:LINES]],
        more=max(0, len(shown.lines) - LINES),
        samples=[(words.when(one.at, now), one) for one in shown.samples],
        done=done,
        problem=problem,
    )


async def arm(request: web.Request) -> web.Response:
    """`POST /calendar/plan`: arm what was shown; if it is another by now, show that instead."""
    reader, form = await session.posted(request)
    app = request.app[APP]
    rules, now = _rules(app), app.clock.now()
    async with app.database.unit_of_work() as uow:
        await uow.tasks.lock()
        units = await units_of(uow, reader.supervisor)
        found = await term.propose(uow, rules, now, unit_ids=units)
        is_shown = form.get("fingerprint", "") == found.fingerprint
        if is_shown:
            await term.arm(uow, found, by=reader.actor, now=now)
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="term.armed",
                target="全部" if units is None else "本单位",
                detail=found.counts,
            )
    if not is_shown:
        return await _plan(request, reader, problem=words.changed_meanwhile(), status=409)
    raise web.HTTPSeeOther("/calendar?done=armed")


# -- parts ----------------------------------------------------------------------------------------


def _above(units: Mapping[int, tuple[str, int | None]], unit_id: int | None) -> list[int]:
    """The units above one: their dates hold in it too."""
    found: list[int] = []
    here = units[unit_id][1] if unit_id is not None and unit_id in units else None
    while here is not None and here not in found:
        found.append(here)
        here = units[here][1]
    return found
