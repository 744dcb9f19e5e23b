"""GET /export/… and /appraisal/pack/…: a file made in a process of its own; nobody else waits."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from aiohttp import web

from bot.exporting import LISTINGS, Report, run_beside, scope_in_words
from bot.web import appraisal, session
from bot.web.base import APP, page
from bot.web.pages import query_of, units_of

if TYPE_CHECKING:
    from storage.appraisal import Appointed
    from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

#: Seconds after which an export is given up.
LIMIT = 300.0
#: So many at a time; a machine has few cores, and the bot needs one.
AT_ONCE = asyncio.Semaphore(2)
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


async def export(request: web.Request) -> web.StreamResponse:
    """`GET /export/{report}.{kind}`: with the filters of the list's own page."""
    reader = await session.require(request)
    app = request.app[APP]
    report, kind = request.match_info["report"], request.match_info["kind"]
    if report not in set(Report) or kind not in TYPES:
        raise web.HTTPNotFound
    query = query_of(request.query)
    arguments = [report, "--by", reader.actor]
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        actors = None
        if units is not None:
            actors = [session.actor(name) for name in await uow.supervisors.names_in(units)]
    own = reader.supervisor
    scope = scope_in_words(units, actors, own.own_classes, own.person_id)
    # With `=`: a name that begins with a dash is a name still.
    arguments += [f"--class={query.class_name}"] if query.class_name else []
    arguments += [f"--tutor={query.tutor_name}"] if query.tutor_name else []
    arguments += [f"--words={query.words}"] if query.words else []
    arguments += [f"--from={query.first}"] if query.first else []
    arguments += [f"--to={query.last}"] if query.last else []
    title = LISTINGS[Report(report)].title
    return await _made(
        request,
        ["export", *arguments, f"--scope={scope}", "--quiet"],
        name=f"{title}-{app.clock.now():%Y%m%d-%H%M}",
        kind=kind,
        line=_line(reader, f"export.{report}", f"{report}.{kind}", " ".join(arguments[3:])),
    )


async def pack(request: web.Request) -> web.StreamResponse:
    """`GET /appraisal/pack/{pack}.{kind}`: a month's appraisal, a year's awards, or levels."""
    reader = await session.require(request)
    app, which = request.app[APP], request.match_info["pack"]
    kind = request.match_info["kind"]
    if kind not in TYPES:
        raise web.HTTPNotFound
    today = app.clock.now().date()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        scope: dict[str, Any] = {"units": None if units is None else sorted(units)}
        match which:
            case "month":
                month = f"{appraisal.span_of_address(_of_month(request), today)[0]:%Y-%m}"
                name, words, target = f"考核-{month}", [f"--month={month}"], f"month:{month}"
            case "awards":
                year = appraisal.year_of(request.query, today)
                name, words, target = f"评优材料-{year}", [f"--year={year}"], f"year:{year}"
            case "certificates":
                tutor = await _tutor(uow, request.query.get("tutor", ""), units, today)
                if tutor.person_id == reader.supervisor.person_id:
                    raise web.HTTPNotFound
                scope["person"] = tutor.person_id
                name, words = f"晋升材料-{tutor.name}", ["--tutor="]
                target = f"person:{tutor.person_id}"
            case _:
                raise web.HTTPNotFound
    command = "export" if which == "month" else which
    return await _made(
        request,
        ["appraisal", command, *words, f"--scope={json.dumps(scope)}"],
        name=name,
        kind=kind,
        line=_line(reader, f"appraisal.{which}_exported", target),
    )


def _of_month(request: web.Request) -> dict[str, str]:
    return {"month": request.query.get("month", "")}


async def _tutor(
    uow: UnitOfWork, word: str, units: Collection[int] | None, today: date
) -> Appointed:
    """
    Who is or was tutor in these units.

    Raises:
        HTTPNotFound: nobody.
    """
    is_number = word.isascii() and word.isdigit() and len(word) < 16
    found = await uow.appraisal.appointed(
        date(2000, 1, 1), today, unit_ids=units, tutor_id=int(word) if is_number else 0
    )
    if not found:
        raise web.HTTPNotFound
    return found[0]


def _line(reader: session.SignedIn, action: str, target: str, detail: str = "") -> dict[str, str]:
    return {"actor": reader.actor, "action": action, "target": target, "detail": detail}


async def _made(
    request: web.Request, arguments: list[str], *, name: str, kind: str, line: dict[str, str]
) -> web.StreamResponse:
    """The file the command writes, its last argument; `line` is for the audit."""
    app = request.app[APP]
    if AT_ONCE.locked():
        return _sorry(request, 429, "正在导出别的表", "请过一两分钟再试。")
    async with app.database.unit_of_work() as uow:
        uow.audit.add(at=app.clock.now(), address=session.address_of(request), **line)
    with tempfile.TemporaryDirectory(prefix="zhuxue-export-") as folder:
        path = Path(folder) / f"export.{kind}"
        async with AT_ONCE:
            try:
                is_done, said = await run_beside(
                    app.database.url.render_as_string(hide_password=False),
                    [*arguments, str(path)],
                    limit=LIMIT,
                )
            except TimeoutError:
                is_done, said = False, "五分钟还没写完，请缩小日期范围再试。"
        if not is_done:
            log.warning("web.export_failed", action=line["action"], kind=kind)
            return _sorry(request, 422, "没有导出", said or "请缩小日期范围再试。")
        return await _send(request, path, name)


async def _send(request: web.Request, path: Path, name: str) -> web.StreamResponse:
    """The file piece by piece; its folder may go as soon as the last piece went."""
    kind = path.suffix[1:]
    size = (await asyncio.to_thread(path.stat)).st_size
    response = web.StreamResponse(
        headers={
            "Content-Type": TYPES[kind],
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.{kind}",
            "Content-Length": str(size),
        }
    )
    await response.prepare(request)
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, 1 << 18):
            await response.write(piece)
    await response.write_eof()
    return response


def _sorry(request: web.Request, status: int, title: str, advice: str) -> web.Response:
    return page(
        request,
        "error.html",
        status=status,
        code=status,
        title=title,
        advice=advice,
        error_id="",
    )
