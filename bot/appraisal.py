"""`python -m bot appraisal …`: export a month with its formula, make scores again, the packs."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from bot.tables import read_table, write_table
from handlers import annual, appraisal
from handlers import texts_appraisal as words
from handlers.errors import UserError
from handlers.formula import Score, Version, formula_of, in_force, is_too_few, score, text_of
from handlers.imports import Cell, TableError
from handlers.indicators import INDICATORS, NOT_CONNECTED, Made, Row, gathered
from handlers.working_time import WorkingTime
from schedules.appraisal import CLASSES_AT_ONCE
from storage.appraisal import Level, Scope
from storage.database import Database
from storage.unit_of_work import UnitOfWork

#: Rows of text, the first of them the header.
Sheet = Sequence[Sequence[str]]

app = typer.Typer(help="考核：导出、复算、晋升和评优材料。", no_args_is_help=True)

ROWS, FORMULA, SCORES = "明细", "公式", "得分"
ROW_HEADER = ("教师编号", "教师", "日期", "班级编号", "指标", "编号", "分子", "分母")
FORMULA_HEADER = ("版本", "生效日期", "公式")
SCORE_HEADER = ("教师编号", "教师", "月份", "总分", "可评权重", "公式版本")
#: The figures of an award's pack: the same for every candidate.
AWARD = ("K01", "K03", "K04", "K05", "K06", "K12", "K17", "K18", "K24", "K25", "K26", "K30", "K10")
Month = Annotated[str, typer.Option("--month", help="月份，例如 2026-11")]
#: For whose eyes, as the website hands it to its own command; it has written its line itself.
ForWhom = Annotated[str, typer.Option("--scope", hidden=True)]
Year = Annotated[int, typer.Option("--year", help="年度", min=2000, max=2099)]


@dataclass(frozen=True, slots=True)
class Again:
    """A score made from exported rows, and what the file says it was."""

    tutor: str
    name: str
    total: str
    said: str | None


# -- the month as a file --------------------------------------------------------------------------


def month_sheets(spans: Sequence[appraisal.Span]) -> dict[str, Sheet]:
    """Every row of a month's figures, the formula, and the scores they make."""
    rows: list[Sequence[str]] = [ROW_HEADER]
    scores: list[Sequence[str]] = [SCORE_HEADER]
    for span in spans:
        who = (str(span.tutor.person_id), span.tutor.name)
        for record in span.records:
            place = (record.day.isoformat(), str(record.class_id), record.indicator)
            rows += [(*who, *place, ref, str(part), str(whole)) for ref, part, whole in record.rows]
        month, number = f"{span.first:%Y-%m}", str(span.version.number)
        scores.append((*who, month, _said(span.score), str(span.score.judged), number))
    formula: list[Sequence[str]] = [FORMULA_HEADER]
    if spans:
        version = spans[0].version
        formula.append(
            (str(version.number), version.effective_from.isoformat(), text_of(version.formula))
        )
    return {ROWS: rows, FORMULA: formula, SCORES: scores}


def recomputed(
    rows: Sequence[Sequence[Cell]], version: Version, said: Mapping[str, str] | None = None
) -> list[Again]:
    """
    Each tutor's score of the month from rows alone.

    Raises:
        TableError: a row that is none.
    """
    names: dict[str, str] = dict.fromkeys(said or (), "")
    made: dict[str, dict[tuple[date, int, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    problems = []
    for number, cells in enumerate(rows, 2):
        try:
            tutor, name, day, room, indicator, ref, part, whole = (str(it) for it in cells[:8])
            key = (date.fromisoformat(day[:10]), int(room), INDICATORS[indicator].key)
            made[tutor][key].append(Row(ref, int(part), int(whole)))
            names[tutor] = name
        except (ValueError, KeyError):
            problems.append(f"第 {number} 行读不懂")
    if problems:
        raise TableError(problems[:20])
    found = []
    for tutor, name in names.items():
        own = [Made(*key, tuple(it)) for key, it in made[tutor].items()]
        total = _said(score(gathered(own), version.formula))
        found.append(Again(tutor, name, total, None if said is None else said.get(tutor)))
    return found


def _said(score: Score) -> str:
    return words.TOO_FEW if score.total is None else str(score.total)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx（或只要明细的 .csv）")],
    month: Month,
    config: Config = DEFAULT_FILE,
    scope: ForWhom = "",
) -> None:
    """导出一个月的考核明细、公式和得分。"""
    first, last = _month(month)

    async def work(database: Database) -> dict[str, Sheet]:
        await require_current(database)
        async with database.unit_of_work() as uow:
            found = await appraisal.spans(uow, first, last, _units_of(scope))
            if not scope:
                _note(uow, "appraisal.exported", f"month:{month}")
        return month_sheets(found)

    _write(file, with_database(settings_of(config), work))


@app.command()
def recompute(
    file: Annotated[Path, typer.Argument(help="export 写出的 .xlsx 或 .csv")],
    formula: Annotated[
        Path | None, typer.Option("--formula", help="公式 JSON；.csv 里没有公式时用")
    ] = None,
    config: Config = DEFAULT_FILE,
) -> None:
    """只用导出的明细和公式，把每个分数重新算一遍；和文件里的不一致就以 1 退出。"""
    try:
        rows = _sheet(file, ROWS, ROW_HEADER)
        said: dict[str, str] | None = None
        if file.suffix.lower() == ".xlsx":
            version = _version_of(_sheet(file, FORMULA, FORMULA_HEADER))
            said = {str(row[0]): str(row[3]) for row in _sheet(file, SCORES, SCORE_HEADER)}
        elif formula is not None:
            version = Version(0, date.min, formula_of(formula.read_text(encoding="utf-8")))
        else:
            version = with_database(settings_of(config), lambda it: _in_force(it, rows))
        found = recomputed(rows, version, said)
    except TableError as error:
        fail(f"{file.name} 有问题，没有复算：", *error.problems)
    except (UserError, OSError) as error:
        fail(str(error))
    wrong = 0
    for it in found:
        is_same = it.said in (None, it.total)
        wrong += not is_same
        mark = "" if it.said is None else "　一致" if is_same else f"　✗ 文件里是 {it.said}"
        typer.echo(f"{it.tutor} {it.name}：{it.total}{mark}")
    typer.echo(f"共 {len(found)} 位，{'全部一致' if not wrong else f'{wrong} 位不一致'}。")
    if wrong:
        raise typer.Exit(1)


def _sheet(file: Path, name: str, header: Sequence[str]) -> list[tuple[Cell, ...]]:
    """
    The rows of a sheet as `export` writes it.

    Raises:
        TableError: it is something else.
    """
    table = read_table(file, name)
    if table.header[: len(header)] != tuple(header):
        raise TableError([f"「{name}」表的表头应是 {'、'.join(header)}"])
    return [(*cells, *[""] * (len(header) - len(cells))) for _, cells in table.rows]


def _version_of(rows: Sequence[Sequence[Cell]]) -> Version:
    if not rows:
        raise TableError(["没有公式"])
    number, begins, body = rows[0][:3]
    return Version(int(str(number)), date.fromisoformat(str(begins)[:10]), formula_of(str(body)))


async def _in_force(database: Database, rows: Sequence[Sequence[Cell]]) -> Version:
    await require_current(database)
    days = sorted(str(cells[2])[:10] for cells in rows if len(cells) > 2)
    async with database.reading() as uow:
        known = await appraisal.versions(uow)
    day = date.fromisoformat(days[0]) if days else Clock().now().date()
    return in_force(known, day.replace(day=1))


@app.command()
def settle(config: Config = DEFAULT_FILE) -> None:
    """现在就结算还没有数字的过去各天（平时每天 00:30 自动做）。"""
    settings = settings_of(config)

    async def work(database: Database) -> int:
        await require_current(database)
        working, count = WorkingTime(settings.working_time), 0
        while True:
            async with database.unit_of_work() as uow:
                piece = await appraisal.settle_next(uow, Clock().now(), working, CLASSES_AT_ONCE)
            if piece is None:
                return count
            count += piece.is_last

    typer.echo(f"结算了 {with_database(settings, work)} 天。")


# -- packs ----------------------------------------------------------------------------------------


@app.command()
def certificates(
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx")],
    tutor: Annotated[str, typer.Option("--tutor", help="教师的平台账号，例如 qq:10001")],
    config: Config = DEFAULT_FILE,
    scope: ForWhom = "",
) -> None:
    """晋升材料（第十八条）：历年等级、依据索引和校验值；不作任何晋升决定。"""

    async def work(database: Database) -> dict[str, Sheet] | None:
        await require_current(database)
        async with database.unit_of_work() as uow:
            if scope:
                tutor_id = int(json.loads(scope)["person"])
                name = await uow.appraisal.name_of(tutor_id)
                return await certificate_sheets(uow, tutor_id, name, now=Clock().now())
            people = await uow.supervisors.person(tutor)
            if len(people) != 1:
                return None
            _note(uow, "certificates.exported", f"person:{people[0][0]}")
            return await certificate_sheets(uow, *people[0], now=Clock().now())

    found = with_database(settings_of(config), work)
    if found is None:
        fail(f"没有找到「{tutor}」，或不止一个人；请写成 平台:账号，例如 qq:10001。")
    _write(file, found)


async def certificate_sheets(
    uow: UnitOfWork, tutor_id: int, name: str, *, now: datetime
) -> dict[str, Sheet]:
    """A tutor's levels by year, what each was decided on, and one hash over all of it."""
    levels = await uow.appraisal.levels([tutor_id])
    decided = [found[-1] for _, found in sorted(levels.items())]
    summary: list[Sequence[str]] = [("年度", "等级", "当时建议", "确认人", "确认时间", "理由")]
    index: list[Sequence[str]] = [("年度", "依据", "内容")]
    for level in decided:
        summary.append(
            (
                str(level.year),
                words.GRADES[level.level],
                words.GRADES[level.proposed],
                level.decided_name,
                f"{level.decided_at:%Y-%m-%d %H:%M}",
                level.reason,
            )
        )
        index += _evidence(level)
    digest = pack_hash(name, summary, index)
    excellent = sum(1 for level in decided if level.level == "excellent")
    cover: list[Sequence[str]] = [
        ("项目", "内容"),
        ("教师", name),
        ("编号", str(tutor_id)),
        ("导出时间", f"{now:%Y-%m-%d %H:%M}"),
        ("优秀年度数", str(excellent)),
        ("说明", "只列事实和署名确认的等级，晋升由学校决定。"),
        ("SHA-256", digest),
    ]
    return {"封面": cover, "历年等级": summary, "依据索引": index}


def pack_hash(name: str, summary: Sheet, index: Sheet) -> str:
    """SHA-256 over name, levels and evidence as JSON, so that a changed cell is found out."""
    text = json.dumps(
        [name, [list(row) for row in summary], [list(row) for row in index]],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _evidence(level: Level) -> list[Sequence[str]]:
    known = json.loads(level.evidence)
    year = str(level.year)
    rows: list[Sequence[str]] = [(year, "年度得分", known["score"] or words.TOO_FEW)]
    rows += [
        (year, f"{it['month']} 得分（公式 {it['formula']}）", it["score"] or words.TOO_FEW)
        for it in known["months"]
    ]
    rows += [
        (year, f"{key} {INDICATORS[key].name}", f"{part}/{whole} {value or ''}".strip())
        for key, (part, whole, value) in known["figures"].items()
        if key in INDICATORS
    ]
    rows += [(year, "裁定属实的投诉", number) for number in known["complaints"]]
    return rows


@app.command()
def awards(
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx")],
    year: Year,
    config: Config = DEFAULT_FILE,
    scope: ForWhom = "",
) -> None:
    """评优材料（第二十一条）：人人同样的数字，列出班级规模和地区，样本小的标明；不排名。"""

    async def work(database: Database) -> dict[str, Sheet]:
        await require_current(database)
        async with database.unit_of_work() as uow:
            if not scope:
                _note(uow, "awards.exported", f"year:{year}")
            return await award_sheets(uow, year, _units_of(scope))

    _write(file, with_database(settings_of(config), work))


async def award_sheets(
    uow: UnitOfWork, year: int, unit_ids: Collection[int] | None = None
) -> dict[str, Sheet]:
    """The same figures of every candidate, by region and name: no order of merit, no one number."""
    first, last = annual.year_bounds(year)
    header = ["地区（办学单位）", "教师", "班级", "学生数", "有记录的天数"]
    for key in AWARD:
        header += [f"{key} {INDICATORS[key].name}", f"{key} 样本"]
    rows: list[Sequence[str]] = []
    levels = await uow.appraisal.levels(None, year)
    days = await uow.appraisal.recorded_days(Scope(first, last, unit_ids))
    for span in await appraisal.overview(uow, first, last, unit_ids, AWARD):
        rooms = span.tutor.classes
        row = [
            "、".join(dict.fromkeys(room.unit_name or "省校" for room in rooms)),
            span.tutor.name,
            "、".join(room.name for room in rooms),
            str(sum(room.students for room in rooms)),
            str(days.get(span.tutor.person_id, 0)),
        ]
        for key in AWARD:
            made = span.figures.get(key)
            if made is None:
                row += ["没有数据", "0"]
            elif is_too_few(made, key, span.version.formula):
                row += [words.TOO_FEW, str(made.denominator)]
            else:
                row += [words.rate(key, made) or words.figure(key, made), str(made.denominator)]
        decided = levels.get((span.tutor.person_id, year))
        row.append(words.GRADES[decided[-1].level] if decided else "未确认")
        rows.append(row)
    rows.sort(key=lambda row: (row[0], row[1]))
    return {
        "候选人数据": [[*header, "年度等级"], *rows],
        "指标说明": [
            ("指标", "名称", "公式"),
            *((key, INDICATORS[key].name, INDICATORS[key].formula) for key in AWARD),
        ],
        "未接入": [("指标", "名称", "为什么"), *NOT_CONNECTED],
    }


# -- parts ----------------------------------------------------------------------------------------


def _month(word: str) -> tuple[date, date]:
    try:
        return appraisal.month_of(date.fromisoformat(f"{word}-01"))
    except ValueError:
        fail(f"月份「{word}」写成 2026-11 的样子。")


def _units_of(scope: str) -> Collection[int] | None:
    """The units somebody may see; None: all."""
    units: list[int] | None = json.loads(scope)["units"] if scope else None
    return units


def _write(file: Path, sheets: Mapping[str, Sheet]) -> None:
    try:
        write_table(file, sheets)
    except (TableError, OSError) as error:
        fail(str(error))
    typer.echo(f"已写到 {file}")


def _note(uow: UnitOfWork, action: str, target: str) -> None:
    uow.audit.add(at=Clock().now(), actor="cli", action=action, target=target)
