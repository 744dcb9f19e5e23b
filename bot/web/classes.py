"""The console's classes: who teaches whom, how many a tutor has, and classes without a tutor."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from aiohttp import web

from bot import contacts
from bot.tables import write_table
from bot.web import session
from bot.web.base import APP, page, plain
from bot.web.pages import units_of
from schedules.roster import LIMIT
from storage.roster import ClassLine, Ratio

#: A page shows so many classes, and so many tutors: those with the most students.
ROWS, TUTORS = 60, 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SAID = {"reason": "没有导出：要完整手机号，请写两个字以上的理由。"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A tutor's share of the 200, `width` in percent and never beyond the picture."""

    name: str
    students: int
    classes: int
    percent: int
    width: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers at the head of the page."""

    classes: int
    students: int
    unbound: int
    vacant: int
    over: int


# -- rules ----------------------------------------------------------------------------------------


def bar_of(ratio: Ratio) -> Bar:
    """Exactly 200 is within the rule."""
    percent = round(100 * ratio.students / LIMIT)
    return Bar(
        ratio.name,
        ratio.students,
        len(ratio.class_names),
        percent,
        min(100, percent),
        ratio.students > LIMIT,
    )


def figures_of(lines: Sequence[ClassLine], ratios: Sequence[Ratio]) -> Figures:
    """Sums over what the reader may see."""
    return Figures(
        len(lines),
        sum(line.students for line in lines),
        sum(line.students - line.bound for line in lines),
        sum(not line.tutors for line in lines),
        sum(ratio.students > LIMIT for ratio in ratios),
    )


def wanted(lines: Sequence[ClassLine], words: str) -> list[ClassLine]:
    """Classes whose name, unit or tutor has these words in it."""
    return [
        line
        for line in lines
        if words in line.name
        or words in line.unit_name
        or any(words in name for _, name in line.tutors)
    ]


# -- pages ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /classes`."""
    reader = await session.require(request)
    app = request.app[APP]
    words, number = plain(request.query.get("q", ""), 50), _page_of(request.query)
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        lines = await uow.roster.class_lines(units, now)
        ratios = await uow.roster.ratios(units, now)
        majors = await uow.roster.majors_without_tutor(units, now)
        uow.audit.add(
            at=now, actor=reader.actor, action="web.classes_viewed", target=f"/classes {words}"
        )
    shown = wanted(lines, words)
    start = ROWS * (number - 1)
    more = urlencode({"q": words, "page": number + 1}) if len(shown) > start + ROWS else ""
    return page(
        request,
        "classes.html",
        reader=reader,
        words=words,
        figures=figures_of(lines, ratios),
        bars=[bar_of(ratio) for ratio in ratios if not words or words in ratio.name][:TUTORS],
        tutors=len(ratios),
        limit=LIMIT,
        vacant=[line for line in lines if not line.tutors],
        majors=majors,
        lines=shown[start : start + ROWS],
        count=len(shown),
        next_page=f"/classes?{more}" if more else "",
        said=SAID.get(request.query.get("said", ""), ""),
    )


async def export(request: web.Request) -> web.Response:
    """`POST /classes/{id}/contacts`: the address book, masked; in full only with a reason."""
    reader, form = await session.posted(request)
    app, class_id = request.app[APP], int(request.match_info["id"])
    is_full, reason = form.get("full") == "1", plain(form.get("reason", ""), 200)
    if is_full and len(reason) < contacts.MIN_REASON:
        raise web.HTTPSeeOther("/classes?said=reason")
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        lines = await uow.roster.class_lines(units, now)
        line = next((one for one in lines if one.id == class_id), None)
        if line is None:
            # A class of another unit is answered as one that never was.
            raise web.HTTPNotFound
        students = await uow.roster.students_of([class_id])
        uow.audit.add(
            at=now,
            actor=reader.actor,
            action="export.contacts",
            target=f"class:{class_id}",
            detail=f"完整：{reason}" if is_full else "打码",
        )
    file = io.BytesIO()
    rows = contacts.rows(line.name, students, is_full=is_full)
    await asyncio.to_thread(write_table, file, {"通讯录": rows})
    name = quote(f"通讯录-{line.name}.xlsx")
    return web.Response(
        body=file.getvalue(),
        content_type=XLSX,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def _page_of(given: Mapping[str, str]) -> int:
    word = given.get("page", "")
    return max(1, int(word)) if word.isascii() and word.isdigit() and len(word) < 7 else 1
