"""`research`: the record without persons, for the study of student support (article 24)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from handlers import texts
from handlers.records import KIND_NAMES, SOLVER_NAMES, day_bounds
from storage.database import Database
from storage.reports import Anonymous

#: Nobody is told apart from at least so many.
K = 5
WHOLE = "（合并）"
COLUMNS = ("月份", "单位", "主题", "类型", "时段", "谁解决", "首次答复")

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Rows that may be given away, and how many had to be left out."""

    rows: tuple[tuple[Key, int], ...]
    merged: int
    left_out: int

    @property
    def count(self) -> int:
        return sum(count for _, count in self.rows)


def release(rows: Iterable[Anonymous], k: int = K) -> Release:
    """
    What can be told of these rows so that each line holds for at least `k` different people.

    What a line tells of somebody from outside (month, unit, topic, kind, time of day) is what
    they could be known by. Lines of fewer people lose unit and time of day; where that does not do,
    they are left out.
    """
    all_rows = list(rows)
    fine = _people(all_rows, _fine)
    coarse_rows = [row for row in all_rows if len(fine[_fine(row)]) < k]
    coarse = _people(coarse_rows, _coarse)
    told: Counter[Key] = Counter()
    left_out = 0
    for row in all_rows:
        key = _fine(row)
        if len(fine[key]) < k:
            key = _coarse(row)
            if len(coarse[key]) < k:
                left_out += 1
                continue
        solver = SOLVER_NAMES[row.solved_by] or "未解决"
        told[(*key, solver, _wait(row.first_reply_seconds))] += 1
    merged = len(coarse_rows) - left_out
    return Release(tuple(sorted(told.items())), merged, left_out)


def _people(
    rows: Iterable[Anonymous], key: Callable[[Anonymous], Key]
) -> dict[Key, set[tuple[str, str]]]:
    found: dict[Key, set[tuple[str, str]]] = defaultdict(set)
    for row in rows:
        found[key(row)].add(row.speaker)
    return found


def _fine(row: Anonymous) -> Key:
    return (
        f"{row.at:%Y-%m}",
        row.unit_name or "省校直属",
        texts.TOPIC_NAMES[row.topic],
        KIND_NAMES[row.kind],
        _part_of_day(row.at),
    )


def _coarse(row: Anonymous) -> Key:
    month, _, topic, kind, _ = _fine(row)
    return (month, WHOLE, topic, kind, WHOLE)


def _part_of_day(at: datetime) -> str:
    names = ((6, "夜里"), (12, "上午"), (18, "下午"), (24, "晚上"))
    return next(name for end, name in names if at.hour < end)


def _wait(seconds: float | None) -> str:
    if seconds is None:
        return ""
    steps = ((60, "1 分钟内"), (3600, "1 小时内"), (86400, "24 小时内"), (172800, "48 小时内"))
    return next((name for end, name in steps if seconds < end), "48 小时以上")


def research(
    file: Annotated[Path, typer.Argument(help="要写的 .xlsx 文件")],
    purpose: Annotated[str, typer.Option("--purpose", help="做什么研究用")],
    receiver: Annotated[str, typer.Option("--receiver", help="交给谁")],
    config: Config = DEFAULT_FILE,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    k: Annotated[int, typer.Option("-k", min=K, max=1000, help="每行至少多少人")] = K,
) -> None:
    """导出研究用数据：没有姓名、账号、原话，每一行至少代表 5 个人；用途和接收人记入审计。"""
    if file.suffix.lower() != ".xlsx":
        fail(f"{file.name}：只写 .xlsx 文件")
    if len(purpose.strip()) < 2 or len(receiver.strip()) < 2:
        fail("请写明用途（--purpose）和接收人（--receiver）。")

    async def work(database: Database) -> Release:
        await require_current(database)
        rows: list[Anonymous] = []
        after = 0
        while True:
            async with database.reading() as uow:
                page = await uow.reports.anonymous(
                    after,
                    since=day_bounds(since.date())[0] if since else None,
                    until=day_bounds(until.date())[1] if until else None,
                )
            if not page:
                break
            rows += page
            after = page[-1].id
            typer.echo(f"\r已读 {len(rows)} 行", nl=False, err=True)
        found = release(rows, k)
        async with database.unit_of_work() as uow:
            uow.audit.add(
                at=Clock().now(),
                actor="cli",
                action="export.research",
                target=file.name,
                detail=f"k={k} rows={found.count} to={receiver}",
                reason=purpose,
            )
        return found

    found = with_database(settings_of(config), work)
    try:
        _write(file, found, purpose, receiver, k)
    except OSError as error:
        fail(f"写不了 {file}：{error}")
    typer.echo(
        f"\n已导出 {found.count} 行，合并 {found.merged} 行，人太少而略去 {found.left_out} 行。"
    )


def _write(path: Path, found: Release, purpose: str, receiver: str, k: int) -> None:
    # Here: the bot itself writes no files.
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    cover, sheet = book.add_worksheet("说明"), book.add_worksheet("数据")
    lines = (
        ("用途", purpose),
        ("接收人", receiver),
        ("每行至少", f"{k} 人（k-匿名）"),
        ("合并", f"{found.merged} 行因人少并掉了单位和时段"),
        ("略去", f"{found.left_out} 行因人太少没有导出"),
        ("不含", "姓名、学号、账号、班级、教师、原话、心理关怀"),
    )
    for number, (name, words) in enumerate(lines):
        cover.write_string(number, 0, name)
        cover.write_string(number, 1, words)
    for place, name in enumerate((*COLUMNS, "条数")):
        sheet.write_string(0, place, name)
    for number, (key, count) in enumerate(found.rows, 1):
        for place, word in enumerate(key):
            sheet.write_string(number, place, word)
        sheet.write_number(number, len(COLUMNS), count)
    book.close()
