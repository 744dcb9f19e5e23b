"""The files of the appraisal: a month made again from its rows; packs of articles 18 and 21."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import update
from typer.testing import CliRunner

from bot import appraisal as files
from bot.cli import app
from bot.tables import write_table
from handlers import appraisal
from handlers.indicators import INDICATORS, Row, figure
from storage.appraisal import DailyRecord, Grade, Level
from storage.database import Database
from storage.imports import ClassRow
from storage.models.people import duties
from storage.vocabulary import SHANGHAI, Platform
from tests.conftest import QQ_ACCOUNT, Classroom

BEGAN = datetime(2026, 1, 1, tzinfo=SHANGHAI)
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))


def record(tutor: int, room: int, indicator: str, *rows: Row, day: int = 3) -> DailyRecord:
    made = figure(INDICATORS[indicator].how, rows)
    return DailyRecord(
        tutor,
        date(2026, 11, day),
        room,
        indicator,
        made.numerator,
        made.denominator,
        None if made.value is None else str(made.value),
        tuple((row.ref, row.part, row.whole) for row in rows),
    )


@pytest.fixture
async def november(database: Database, classroom: Classroom, now: datetime) -> Database:
    """Two tutors of two units: one with a month of answers, one with a few."""
    rows = [ClassRow("会计2302", Platform.QQ, QQ_ACCOUNT, "700", "赵强", "10002", "县开大")]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=now)
        await uow.write(update(duties).values(starts_at=BEGAN))
        other = await uow.people.class_named("会计2302", now)
    assert other is not None
    assert other.tutor is not None
    wang, own = classroom.tutor.person_id, classroom.room.id
    zhao, theirs = other.tutor.person_id, other.id
    assert wang is not None
    async with database.unit_of_work() as uow:
        uow.appraisal.put(
            [
                record(wang, own, "K04", *(Row(f"T-{n}", int(n % 7 > 0)) for n in range(1, 32))),
                record(wang, own, "K05", *(Row(f"T-{n}", int(n % 9 > 0)) for n in range(1, 32))),
                record(wang, own, "K06", *(Row(f"T-{n}", 1) for n in range(1, 32))),
                record(wang, own, "K17", Row("R-1", 37, 41), Row("R-2", 40, 41)),
                record(wang, own, "K30", *(Row(f"T-{n}", 4) for n in range(1, 12))),
                record(zhao, theirs, "K04", Row("T-40", 1)),
                record(zhao, theirs, "K30", Row("T-40", 5)),
            ]
        )
    return database


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
async def test_exported_scores_are_made_again_to_the_last_digit(
    november: Database, tmp_path: Path, suffix: str
) -> None:
    """S17.3"""
    async with november.reading() as uow:
        spans = await appraisal.spans(uow, *NOVEMBER, None)
    file = tmp_path / f"11月{suffix}"
    write_table(file, files.month_sheets(spans))
    formula = tmp_path / "formula.json"
    formula.write_text(files.text_of(spans[0].version.formula), encoding="utf-8")
    more = [] if suffix == ".xlsx" else ["--formula", str(formula)]

    found = CliRunner().invoke(app, ["appraisal", "recompute", str(file), *more])

    assert found.exit_code == 0, found.output
    wang = next(it for it in spans if it.tutor.name == "王敏")
    assert f"王敏：{wang.score.total}" in found.output
    assert "赵强：样本不足" in found.output


async def test_a_changed_digit_is_found_out(november: Database, tmp_path: Path) -> None:
    """S17.3"""
    async with november.reading() as uow:
        spans = await appraisal.spans(uow, *NOVEMBER, None)
    file = tmp_path / "11月.xlsx"
    write_table(file, files.month_sheets(spans))
    book = load_workbook(file)
    sheet = book[files.ROWS]
    cell = next(
        row[6] for row in sheet.iter_rows() if row[4].value == "K04" and row[6].value == "1"
    )
    cell.value = "0"
    book.save(file)

    found = CliRunner().invoke(app, ["appraisal", "recompute", str(file)])

    assert found.exit_code == 1
    assert "✗ 文件里是" in found.output
    assert "1 位不一致" in found.output


def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    write_table(file, {files.ROWS: [("a", "b"), ("1", "2")]})

    found = CliRunner().invoke(app, ["appraisal", "recompute", str(file)])

    assert found.exit_code == 1
    assert "没有复算" in found.output


async def test_the_certificate_pack_has_levels_evidence_and_a_hash_over_both(
    november: Database, classroom: Classroom, now: datetime
) -> None:
    """S18.1"""
    wang = classroom.tutor.person_id
    assert wang is not None
    evidence = {
        "score": "93.10",
        "months": [{"month": "2025-03", "score": "93.10", "formula": 0}],
        "figures": {"K04": [29, 31, "0.935484"]},
        "complaints": [],
    }
    async with november.unit_of_work() as uow:
        for year, revision, grade in (
            (2024, 1, Grade.EXCELLENT),
            (2025, 1, Grade.PASSED),
            (2025, 2, Grade.EXCELLENT),
        ):
            assert await uow.appraisal.decide(
                Level(
                    wang,
                    year,
                    revision,
                    grade,
                    Grade.EXCELLENT,
                    json.dumps(evidence),
                    "材料齐全",
                    "supervisor:sun",
                    "孙督导",
                    now,
                )
            )
        sheets = await files.certificate_sheets(uow, wang, "王敏", now=now)

    cover = dict(sheets["封面"])  # type: ignore[arg-type]
    assert cover["优秀年度数"] == "2"
    assert [row[:2] for row in sheets["历年等级"][1:]] == [("2024", "优秀"), ("2025", "优秀")]
    assert ("2025", "K04 首响及时率", "29/31 0.935484") in list(sheets["依据索引"])
    assert cover["SHA-256"] == files.pack_hash("王敏", sheets["历年等级"], sheets["依据索引"])
    changed = [*sheets["历年等级"][:-1], ("2025", "优秀", "合格", "", "", "")]
    assert cover["SHA-256"] != files.pack_hash("王敏", changed, sheets["依据索引"])
    assert not any("晋级" in cell or "建议晋升" in cell for row in cover.items() for cell in row)


async def test_the_award_pack_has_the_same_figures_for_all_and_no_ranking(
    november: Database,
) -> None:
    """S21.1"""
    async with november.reading() as uow:
        sheets = await files.award_sheets(uow, 2026)

    header, *rows = sheets["候选人数据"]
    assert all(len(row) == len(header) for row in rows)
    assert [row[:2] for row in rows] == [["县开大", "赵强"], ["市开大", "王敏"]]
    by_name = {row[1]: dict(zip(header, row, strict=True)) for row in rows}
    assert by_name["王敏"]["学生数"] == "2"
    assert by_name["赵强"]["K04 首响及时率"] == "样本不足"
    assert by_name["赵强"]["K04 样本"] == "1"
    assert by_name["王敏"]["K30 满意度"] == "4.00"
    assert not any(word in "".join(header) for word in ("总分", "得分", "名次", "排名"))


def test_an_account_of_a_tutor_needs_its_person(tmp_path: Path) -> None:
    """S5.5"""
    config = tmp_path / "zhuxue.toml"
    config.write_text(
        f'[database]\nurl = "sqlite+aiosqlite:///{tmp_path}/x.db"\n', encoding="utf-8"
    )
    run = CliRunner()
    environment = {"ZHUXUE_PASSWORD": "correct horse"}
    common = ["-c", str(config)]
    assert run.invoke(app, ["migrate", *common]).exit_code == 0

    without = run.invoke(app, ["add-supervisor", "wang", "--role", "tutor", *common])
    unknown = run.invoke(
        app,
        ["add-supervisor", "wang", "--role", "tutor", "--person", "qq:1", *common],
        env=environment,
    )

    assert without.exit_code == unknown.exit_code == 1
    assert "--person" in without.output
    assert "没有这个人" in unknown.output
