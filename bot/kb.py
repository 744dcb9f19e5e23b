"""`kb`: the knowledge as a table a teacher edits, what is wrong with it, what is still to fill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import Clock
from bot.console import Config, fail, import_and_tell, require_current, settings_of, with_database
from bot.importing import SHEETS, Kind
from bot.knowledge import base_entries, in_force, usable
from bot.settings import DEFAULT_FILE
from bot.tables import write_table
from handlers.faq import HEADER, MORE_COLUMNS, Entry, Knowledge, cells_of
from handlers.imports import TableError
from handlers.kb_check import (
    GRAVE,
    EmptySlot,
    Finding,
    check,
    contradicting_facts,
    empty_slots,
    form_of,
    purpose_of,
)
from handlers.published import facts_in_words
from storage.database import Database

app = typer.Typer(help="知识库：导出、导入、检查、还缺什么。", no_args_is_help=True)

_HISTORY = timedelta(days=180)
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class _Base:
    """The knowledge as it stands: the stored rows, and what every class can be answered from."""

    rows: tuple[str, ...]
    facts: tuple[Mapping[str, str], ...]
    asked: Mapping[str, int]
    matters: frozenset[str]
    slots: frozenset[str]

    def all_rows(self) -> tuple[Entry, ...]:
        """Rows of all owners; of two for the same owner the school's."""
        rows = {(entry.key, entry.owner): entry for entry in base_entries()}
        rows |= {(entry.key, entry.owner): entry for entry in usable(list(self.rows))}
        return tuple(rows.values())


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(help="要写的 .xlsx 或 .csv 文件")],
    config: Config = DEFAULT_FILE,
    own: Annotated[bool, typer.Option("--own", help="只要本校自己的条目")] = False,
) -> None:
    """导出全部条目成一张表：自带的和本校的在一起，改好用 kb import 导回。"""
    base = _read(config)
    rows = usable(list(base.rows)) if own else base.all_rows()
    columns = (*HEADER, *MORE_COLUMNS)
    table = [columns, *([cells_of(row)[name] for name in columns] for row in rows)]
    _write(file, {SHEETS[Kind.KNOWLEDGE]: table})
    typer.echo(f"已导出 {len(rows)} 条到 {file}。")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=".xlsx 或 .csv 文件")],
    config: Config = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="看过差异后不再询问")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看差异，不改数据库")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="表里没有的本校条目删去（自带的不会）")
    ] = False,
) -> None:
    """导入条目：先列差异（+ 增 − 删 ~ 改）；有一格错就一行也不改，并说出是哪一行哪一列。"""
    import_and_tell(config, Kind.KNOWLEDGE, file, yes=yes, dry_run=dry_run, replaces=replace)


@app.command("check")
def check_(
    config: Config = DEFAULT_FILE,
    most: Annotated[int, typer.Option("--most", help="每类最多列几条")] = 20,
) -> None:
    """检查重复、矛盾、过期、互相遮住的条目，并列出学校还要填的空，问得多的在前。"""
    base = _read(config)
    today = Clock().now().date()
    entries = in_force(list(base.rows), today)
    knowledge = Knowledge(entries)
    found = check(base.all_rows(), lambda text: knowledge.search(text, limit=1), today)
    found = [*contradicting_facts(base.matters, base.slots), *found]
    for fault, group in groupby(found, lambda finding: finding.fault):
        _show(fault, list(group), most)
    _show_slots(empty_slots(entries, base.facts, base.asked), len(base.facts), most)
    grave = sum(finding.fault in GRAVE for finding in found)
    if grave:
        fail(f"✗ {len(entries)} 条里有 {grave} 处必须改。")
    typer.echo(f"✓ {len(entries)} 条可以使用。")


@app.command("slots")
def slots(
    file: Annotated[Path, typer.Argument(help="要写的 .xlsx 文件")], config: Config = DEFAULT_FILE
) -> None:
    """写一张待填的表：每个空做什么用、填成什么样；填好用 import facts 和 import calendar 导入。"""
    if file.suffix.lower() != ".xlsx":
        fail("待填的表有两页，请写成 .xlsx 文件。")
    base = _read(config)
    entries = in_force(list(base.rows), Clock().now().date())
    lacking = empty_slots(entries, base.facts, base.asked)
    dates = [slot for slot in lacking if slot.slot.startswith("时间:")]
    facts = [slot for slot in lacking if slot not in dates]
    sheets: dict[str, Sequence[Sequence[str]]] = {
        SHEETS[Kind.FACTS]: [
            ("名目", "内容", "来源", "用途", "怎么填", "单位", "班级"),
            *((it.slot, "", "", purpose_of(it), form_of(it.slot), "", "") for it in facts),
        ],
        SHEETS[Kind.CALENDAR]: [
            ("事项", "开始", "截止", "说明", "来源", "用途", "怎么填", "单位", "班级"),
            *(
                (
                    it.slot.partition(":")[2],
                    "",
                    "",
                    "",
                    "",
                    purpose_of(it),
                    form_of(it.slot),
                    "",
                    "",
                )
                for it in dates
            ),
        ],
    }
    _write(file, sheets)
    typer.echo(
        f"已写 {file}：{len(facts)} 项信息、{len(dates)} 项日期。填好后：\n"
        f"python -m bot import facts {file}\npython -m bot import calendar {file}"
    )


@app.command("list")
def list_(
    config: Config = DEFAULT_FILE,
    topic: Annotated[str, typer.Option("--topic", help="只看这个主题")] = "",
    own: Annotated[bool, typer.Option("--own", help="只看本校自己的")] = False,
) -> None:
    """列出条目：编号、给谁、问题。"""
    base = _read(config)
    for row in usable(list(base.rows)) if own else base.all_rows():
        if topic in ("", row.topic):
            owner = row.owner.replace(":", " ") or "全校"
            typer.echo(f"{row.key}\t{owner}\t{row.question}{row.use and f'（{row.use}）'}")


@app.command("show")
def show(
    key: Annotated[str, typer.Argument(help="编号，如 fees.how")], config: Config = DEFAULT_FILE
) -> None:
    """显示一条的每一列；有几个单位或班级的就都显示。"""
    rows = [row for row in _read(config).all_rows() if row.key == key]
    if not rows:
        fail(f"没有编号「{key}」；kb list 可以看全部。")
    for row in rows:
        for name, cell in cells_of(row).items():
            if cell:
                typer.echo(f"{name}：{cell}")
        typer.echo("")


# -- parts ----------------------------------------------------------------------------------------


def _read(config: Path) -> _Base:
    return with_database(settings_of(config), _look)


async def _look(database: Database) -> _Base:
    """What is stored; where there is no database yet, nothing."""
    if database.is_missing_file:
        typer.echo("还没有数据库，只看程序自带的条目。", err=True)
        return _Base((), (), {}, frozenset(), frozenset())
    await require_current(database)
    now = Clock().now()
    facts: list[Mapping[str, str]] = []
    matters: set[str] = set()
    named: set[str] = set()
    async with database.reading() as uow:
        rows = await uow.published.entries()
        asked = await uow.published.times_asked(now - _HISTORY)
        every = await uow.published.class_ids()
        for start in range(0, len(every), _CHUNK):
            class_ids = every[start : start + _CHUNK]
            rooms = await uow.people.classes(class_ids, now)
            for class_id, published in (await uow.published.for_classes(class_ids)).items():
                facts.append(facts_in_words(published, rooms.get(class_id), now))
                matters.update(date.matter for date in published.dates)
                named.update(fact.slot for fact in published.facts)
    return _Base(tuple(rows), tuple(facts), asked, frozenset(matters), frozenset(named))


def _write(file: Path, sheets: Mapping[str, Sequence[Sequence[str]]]) -> None:
    try:
        write_table(file, sheets)
    except TableError as error:
        fail(*error.problems)
    except OSError as error:
        fail(f"写不了 {file}：{error.strerror}（如果正在 Excel 里打开，请先关上）")


def _show(heading: str, found: Sequence[Finding], most: int) -> None:
    typer.echo(f"{heading}：{len(found)}")
    for finding in found[:most]:
        keys = "、".join(finding.keys)
        typer.echo(f"  {keys}：{finding.words}" if keys else f"  {finding.words}")
    if len(found) > most:
        typer.echo(f"  ……还有 {len(found) - most} 处")


def _show_slots(lacking: Sequence[EmptySlot], classes: int, most: int) -> None:
    needed = [slot for slot in lacking if slot.needed_by]
    waiting = {entry.key for slot in needed for entry in slot.needed_by}
    if not needed:
        return
    typer.echo(f"学校还要填的空：{len(needed)}（因此有 {len(waiting)} 条只能转老师）")
    for number, slot in enumerate(needed[:most], 1):
        asked = f"，问过 {slot.asked} 次" if slot.asked else ""
        some = f"，{slot.classes} 个班没有" if slot.classes < classes else ""
        typer.echo(f"  {number}. {slot.slot}：{len(slot.needed_by)} 条要用{asked}{some}")
    if len(needed) > most:
        typer.echo(f"  ……还有 {len(needed) - most} 个")
    typer.echo("  kb slots 待填.xlsx 写出一张待填的表。")
