"""`export`: a list as a workbook or a document, with an index of the evidence behind each row.

Pages of rows go from the database straight into the file, so that a hundred thousand need no more
memory than five hundred. The website runs this in a process of its own: writing a workbook is
seconds of pure computing, which a thread would take from the bot.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import listings
from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from bot.web.audit import in_words
from bot.web.cases import STATE_NAMES, STEP_NAMES, is_sealed
from bot.web.pages import entries, masked
from handlers import texts, texts_desk
from handlers.desk import kind_name
from handlers.records import day_bounds
from storage.database import Database
from storage.reports import LedgerFilter
from storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Cell

PAGE = 2000
#: A document is for reading; past this it is a job for a workbook.
MOST_IN_A_DOCUMENT = 2000
#: What a cell of a workbook takes.
_LONGEST = 32_000
Value = str | int | float | datetime | None


class Report(StrEnum):
    """What can be exported."""

    LEDGER = "ledger"
    CASES = "cases"
    AUDIT = "audit"
    TASKS = "tasks"
    CLASSES = "classes"
    REVIEWS = "reviews"
    TRAINING = "training"
    FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Order:
    """
    What is to be exported, for whose eyes: `units` None is the whole, `actors` likewise.

    Of `own_classes`, which the reader teaches, nothing about the tutor; of the reader's own work,
    if they are `person_id`, nothing to look over.
    """

    report: Report
    by: str
    at: datetime
    units: tuple[int, ...] | None = None
    actors: tuple[str, ...] | None = None
    own_classes: tuple[int, ...] = ()
    person_id: int | None = None
    class_name: str = ""
    tutor_name: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list, and where its evidence is; `id` asks for what comes after it."""

    id: int
    cells: tuple[Value, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its columns with their widths in characters, and a page of it."""

    title: str
    columns: tuple[tuple[str, int], ...]
    page: Callable[[UnitOfWork, Order, int | None], Awaitable[list[Row]]]


EVIDENCE = (("行", 8), ("记录", 16), ("编号", 12), ("事件", 12), ("平台消息号", 24), ("网页", 24))


class TooMuch(ValueError):
    """More rows than a document is good for."""


# -- the lists -------------------------------------------------------------------------------------


async def _ledger(uow: UnitOfWork, order: Order, before: int | None) -> list[Row]:
    wanted = LedgerFilter(
        unit_ids=order.units,
        own_classes=order.own_classes,
        class_name=order.class_name,
        tutor_name=order.tutor_name,
        words=order.words,
        since=order.since,
        until=order.until,
    )
    rows = await uow.reports.ledger(wanted, limit=PAGE, before_id=before)
    shown = await entries(uow, rows, order.at)
    return [
        Row(
            row.id,
            (
                row.at,
                it.class_name,
                it.tutor,
                it.student,
                it.kind_name,
                it.topic,
                it.article,
                it.outcome,
                row.record.first_reply_seconds,
                it.number,
                it.text,
                "\n".join(reply.text for reply in it.replies),
                f"已由第 {row.id} 行之后的更正取代" if row.is_corrected else "",
            ),
            (
                f"台账 {row.id}",
                it.number,
                str(row.event_id or ""),
                row.message_id,
                f"/ledger/{row.id}",
            ),
        )
        for row, it in zip(rows, shown, strict=True)
    ]


async def _cases(uow: UnitOfWork, order: Order, before: int | None) -> list[Row]:
    found = await uow.cases.history(
        order.units, since=order.since, until=order.until, before=before, limit=PAGE
    )
    rows = []
    for case in found:
        item, sealed = case.item, is_sealed(case.item)
        steps = await uow.cases.steps(item.number)
        marks = await uow.cases.marks(item.number)
        is_own = item.is_about_tutor and item.class_id in order.own_classes
        if is_own or (order.class_name and order.class_name not in case.class_name):
            rows.append(Row(item.number, (), ()))
            continue
        rows.append(
            Row(
                item.number,
                (
                    f"T-{item.number}",
                    item.asked_at,
                    case.unit_name,
                    case.class_name,
                    masked(item.asker_name),
                    kind_name(item),
                    texts.TOPIC_NAMES[item.topic],
                    "（已封存）" if sealed else _hidden(item.text, item.asker_name),
                    "" if sealed else item.wants or "",
                    texts.LEVEL_NAMES[item.level],
                    STATE_NAMES[item.state],
                    item.first_replied_at,
                    item.closed_at,
                    "；".join(f"{step.at:%m-%d %H:%M} {STEP_NAMES[step.kind]}" for step in steps),
                    "" if sealed else _hidden(item.answer or "", item.asker_name),
                    texts_desk.VERDICT_NAMES[item.verdict] if item.verdict else "",
                    item.verdict_by or "",
                    "、".join(str(mark) for mark in marks),
                ),
                (
                    f"待办 {item.number}",
                    f"T-{item.number}",
                    str(item.event_id),
                    item.message_id,
                    f"/cases/{item.number}",
                ),
            )
        )
    return rows


async def _audit(uow: UnitOfWork, order: Order, before: int | None) -> list[Row]:
    found = await uow.audit.lines(
        limit=PAGE,
        before=before,
        actors=order.actors,
        since=order.since,
        until=order.until,
        own_classes=order.own_classes,
    )
    return [
        Row(
            line.id,
            (
                line.at,
                line.actor,
                in_words(line).what,
                line.action,
                line.target,
                line.detail,
                line.reason,
                line.address,
            ),
            (f"审计 {line.id}", "", "", "", "/audit"),
        )
        for line in found
    ]


def _page(
    lines: Callable[[UnitOfWork, Order, int | None], Awaitable[list[listings.Line]]],
) -> Callable[[UnitOfWork, Order, int | None], Awaitable[list[Row]]]:
    async def page(uow: UnitOfWork, order: Order, before: int | None) -> list[Row]:
        return [Row(*line) for line in await lines(uow, order, before)]

    return page


def _hidden(text: str, name: str) -> str:
    return text.replace(name, masked(name)) if len(name) > 1 else text


LISTINGS: dict[Report, Listing] = {
    Report.LEDGER: Listing(
        "助学教师台账",
        (
            ("时间", 17),
            ("班级", 16),
            ("助学教师", 10),
            ("学生", 8),
            ("类型", 10),
            ("主题", 12),
            ("依据", 10),
            ("结果", 16),
            ("首次答复（秒）", 12),
            ("编号", 9),
            ("原话", 50),
            ("答复", 50),
            ("更正", 20),
        ),
        _ledger,
    ),
    Report.CASES: Listing(
        "待办与投诉",
        (
            ("编号", 9),
            ("提出时间", 17),
            ("单位", 16),
            ("班级", 16),
            ("提出人", 8),
            ("类别", 10),
            ("主题", 12),
            ("摘要", 50),
            ("期望", 30),
            ("归谁", 10),
            ("状态", 10),
            ("首次答复", 17),
            ("办结", 17),
            ("处理过程", 50),
            ("结果", 50),
            ("裁定", 10),
            ("裁定人", 12),
            ("评分", 8),
        ),
        _cases,
    ),
    Report.AUDIT: Listing(
        "审计记录",
        (
            ("时间", 17),
            ("谁", 20),
            ("做了什么", 16),
            ("动作", 24),
            ("对象", 30),
            ("详情", 30),
            ("理由", 30),
            ("来源地址", 20),
        ),
        _audit,
    ),
    Report.TASKS: Listing("事项与提醒", listings.TASKS, _page(listings.tasks)),
    Report.CLASSES: Listing("班级", listings.CLASSES, _page(listings.classes)),
    Report.REVIEWS: Listing("复核", listings.REVIEWS, _page(listings.reviews)),
    Report.TRAINING: Listing("培训", listings.TRAINING, _page(listings.training)),
    Report.FIGURES: Listing("每天的数字", listings.FIGURES, _page(listings.figures)),
}


async def pages(database: Database, order: Order) -> AsyncIterator[list[Row]]:
    """The list from the newest on, a page at a time, each read in a transaction of its own."""
    before: int | None = None
    while True:
        async with database.reading() as uow:
            found = await LISTINGS[order.report].page(uow, order, before)
        if found:
            yield [row for row in found if row.cells]
        if len(found) < PAGE:
            return
        before = found[-1].id


# -- files -----------------------------------------------------------------------------------------


async def write(
    database: Database, order: Order, path: Path, progress: Callable[[int], None]
) -> int:
    """
    The list as `path`, .xlsx or .docx; how many rows.

    Raises:
        TooMuch: more than a document is good for; nothing is left behind.
    """
    unfinished = path.with_name(f"{path.name}.new")
    try:
        if path.suffix.lower() == ".docx":
            count = await _write_document(database, order, unfinished, progress)
        else:
            count = await _write_workbook(database, order, unfinished, progress)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


async def _write_workbook(
    database: Database, order: Order, path: Path, progress: Callable[[int], None]
) -> int:
    # Here, as in the document: the bot itself writes no files, and these are 25 MB of memory.
    import xlsxwriter

    listing = LISTINGS[order.report]
    options = {
        # Row by row to the disk; a sheet cannot be gone back to.
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(str(path), options)
    try:
        head = book.add_format({"bold": True, "bg_color": "#E8F0FE", "valign": "top"})
        # Quoted: what begins with = or @ stays text even after somebody edits the cell.
        text = book.add_format({"quote_prefix": True, "text_wrap": True, "valign": "top"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "valign": "top"})
        cover = book.add_worksheet("说明")
        sheet = book.add_worksheet("数据")
        index = book.add_worksheet("证据索引")
        for target, columns in ((sheet, listing.columns), (index, EVIDENCE)):
            target.freeze_panes(1, 1)
            for place, (name, width) in enumerate(columns):
                target.set_column(place, place, width)
                target.write_string(0, place, name, head)
        count = 0
        async for rows in pages(database, order):
            for row in rows:
                count += 1
                for place, value in enumerate(row.cells):
                    if isinstance(value, datetime):
                        sheet.write_datetime(count, place, value.replace(tzinfo=None), moment)
                    elif isinstance(value, int | float):
                        sheet.write_number(count, place, value)
                    elif value:
                        sheet.write_string(count, place, _clean(value), text)
                index.write_number(count, 0, count + 1)
                for place, value in enumerate(row.evidence, 1):
                    index.write_string(count, place, _clean(value), text)
            progress(count)
        if count:
            sheet.autofilter(0, 0, count, len(listing.columns) - 1)
        cover.set_column(0, 0, 14)
        cover.set_column(1, 1, 80)
        for number, (name, words) in enumerate(cover_of(order, count)):
            cover.write_string(number, 0, name, head)
            cover.write_string(number, 1, words, text)
    finally:
        book.close()
    return count


async def _write_document(
    database: Database, order: Order, path: Path, progress: Callable[[int], None]
) -> int:
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Pt

    listing = LISTINGS[order.report]
    rows: list[Row] = []
    async for page in pages(database, order):
        rows += page
        progress(len(rows))
        if len(rows) > MOST_IN_A_DOCUMENT:
            raise TooMuch(
                f"超过 {MOST_IN_A_DOCUMENT} 行，文档放不下：请缩小日期范围，或改用 Excel 格式。"
            )
    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = section.page_height, section.page_width
    document.styles["Normal"].font.size = Pt(8)
    document.add_heading(listing.title, 0)
    for name, words in cover_of(order, len(rows)):
        document.add_paragraph(f"{name}：{words}")
    _table(document, [name for name, _ in listing.columns], [row.cells for row in rows])
    document.add_heading("证据索引", 1)
    index: list[tuple[Value, ...]] = [(number, *row.evidence) for number, row in enumerate(rows, 1)]
    _table(document, [name for name, _ in EVIDENCE], index)
    document.save(str(path))
    return len(rows)


def _table(document: "Document", names: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    table = document.add_table(rows=len(rows) + 1, cols=len(names), style="Table Grid")
    # A private name: `table.cell` counts through the whole table each time, this does once.
    cells: list[_Cell] = table._cells
    for place, name in enumerate(names):
        cells[place].text = name
        cells[place].paragraphs[0].runs[0].bold = True
    for number, row in enumerate(rows, 1):
        for place, value in enumerate(row):
            if value is not None and value != "":
                words = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
                cells[number * len(names) + place].text = _clean(words)


def cover_of(order: Order, count: int) -> list[tuple[str, str]]:
    """What stands on the first sheet: what this is, whose eyes it was made for, what is in it."""
    since = f"{order.since:%Y-%m-%d}" if order.since else "最早"
    until = f"{order.until:%Y-%m-%d %H:%M}" if order.until else "导出时"
    narrowed = "，".join(word for word in (order.class_name, order.tutor_name, order.words) if word)
    return [
        ("内容", LISTINGS[order.report].title),
        ("范围", f"{since} 至 {until}{'，' + narrowed if narrowed else ''}"),
        ("单位", "全部" if order.units is None else "本单位及下级"),
        ("行数", str(count)),
        ("导出人", order.by),
        ("导出时间", f"{order.at:%Y-%m-%d %H:%M:%S}"),
        ("说明", "姓名已隐去一部分，心理关怀的原文已封存。每一行的证据见「证据索引」。"),
    ]


def _clean(text: str) -> str:
    """Without what XML does not allow."""
    return "".join(char for char in text if char >= " " or char in "\n\t")[:_LONGEST]


# -- commands --------------------------------------------------------------------------------------


def export(
    report: Annotated[Report, typer.Argument(help="导出哪张表")],
    file: Annotated[Path, typer.Argument(help="要写的 .xlsx 或 .docx 文件")],
    config: Config = DEFAULT_FILE,
    class_name: Annotated[str, typer.Option("--class", help="只要这个班")] = "",
    tutor: Annotated[str, typer.Option("--tutor", help="只要这位教师")] = "",
    words: Annotated[str, typer.Option("--words", help="只要说过这些话的")] = "",
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    unit: Annotated[str, typer.Option("--unit", help="只要这个单位及下级")] = "",
    by: Annotated[str, typer.Option("--by", help="谁要的，写进文件")] = "cli",
    scope: Annotated[str, typer.Option("--scope", hidden=True)] = "",
    is_quiet: Annotated[bool, typer.Option("--quiet", help="不显示进度，不记审计")] = False,
) -> None:
    """把一张表（台账、待办、审计、事项、班级、复核、培训、每天的数字）导出成 Excel 或 Word。"""
    if file.suffix.lower() not in (".xlsx", ".docx"):
        fail(f"{file.name}：只写 .xlsx 和 .docx 文件")
    if hasattr(os, "nice"):
        # The bot goes first.
        os.nice(10)

    def progress(count: int) -> None:
        if not is_quiet:
            sys.stderr.write(f"\r已写 {count} 行")
            sys.stderr.flush()

    async def work(database: Database) -> int:
        await require_current(database)
        order = Order(
            report, by, Clock().now(), class_name=class_name, tutor_name=tutor, words=words
        )
        if since is not None:
            order = replace(order, since=day_bounds(since.date())[0])
        if until is not None:
            order = replace(order, until=day_bounds(until.date())[1])
        if unit:
            async with database.reading() as uow:
                unit_id = await uow.supervisors.unit_named(unit)
                if unit_id is None:
                    fail(f"没有办学单位「{unit}」。")
                units = tuple(sorted(await uow.people.units_below(unit_id)))
                names = await uow.supervisors.names_in(units)
            order = replace(order, units=units, actors=tuple(f"web:{name}" for name in names))
        if scope:
            order = replace(order, **scope_of(scope))
        if not is_quiet:
            async with database.unit_of_work() as uow:
                uow.audit.add(at=order.at, actor=by, action=f"export.{report}", target=file.name)
        return await write(database, order, file, progress)

    try:
        count = with_database(settings_of(config), work)
    except TooMuch as error:
        fail(str(error))
    except OSError as error:
        fail(f"写不了 {file}：{error}")
    typer.echo(f"\n已导出 {count} 行：{file}" if not is_quiet else str(count))


def scope_in_words(
    units: Collection[int] | None,
    actors: Collection[str] | None,
    own_classes: Collection[int],
    person_id: int | None = None,
) -> str:
    """For whose eyes, as the website hands it to its own command."""
    words = {
        "units": None if units is None else sorted(units),
        "actors": None if actors is None else sorted(actors),
        "own_classes": sorted(own_classes),
        **({} if person_id is None else {"person_id": person_id}),
    }
    return json.dumps(words)


def scope_of(words: str) -> dict[str, Any]:
    """What `scope_in_words` wrote, as fields of an Order."""
    found = json.loads(words)
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
    }


async def run_beside(url: str, arguments: Sequence[str], *, limit: float) -> tuple[bool, str]:
    """
    `python -m bot …` in a process of its own; whether it worked, and what it said.

    Raises:
        TimeoutError: it took more than `limit` seconds, and was ended.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        env={**os.environ, "ZHUXUE_DATABASE__URL": url, "PYTHONUTF8": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit):
            _, errors = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode == 0, errors.decode("utf-8", "replace").strip()
