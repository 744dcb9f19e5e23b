"""GET /export/…: a list as a file; made in a process of its own, so that nobody else waits."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import quote

import structlog
from aiohttp import web

from bot.exporting import LISTINGS, Report, export_beside, scope_in_words
from bot.web import session
from bot.web.base import APP, page
from bot.web.pages import query_of, units_of

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
    scope = scope_in_words(units, actors, reader.supervisor.own_classes)
    # With `=`: a name that begins with a dash is a name still.
    arguments += [f"--class={query.class_name}"] if query.class_name else []
    arguments += [f"--tutor={query.tutor_name}"] if query.tutor_name else []
    arguments += [f"--words={query.words}"] if query.words else []
    arguments += [f"--from={query.first}"] if query.first else []
    arguments += [f"--to={query.last}"] if query.last else []
    if AT_ONCE.locked():
        return _sorry(request, 429, "正在导出别的表", "请过一两分钟再试。")
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        uow.audit.add(
            at=now,
            actor=reader.actor,
            action=f"export.{report}",
            target=f"{report}.{kind}",
            detail=" ".join(arguments[3:]),
            address=session.address_of(request),
        )
    with tempfile.TemporaryDirectory(prefix="zhuxue-export-") as folder:
        path = Path(folder) / f"export.{kind}"
        async with AT_ONCE:
            try:
                is_done, said = await export_beside(
                    app.database.url.render_as_string(hide_password=False),
                    [*arguments, f"--scope={scope}"],
                    path,
                    limit=LIMIT,
                )
            except TimeoutError:
                is_done, said = False, "五分钟还没写完，请缩小日期范围再试。"
        if not is_done:
            log.warning("web.export_failed", report=report, kind=kind)
            return _sorry(request, 422, "没有导出", said or "请缩小日期范围再试。")
        return await _send(request, path, f"{LISTINGS[Report(report)].title}-{now:%Y%m%d-%H%M}")


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
