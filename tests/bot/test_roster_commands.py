"""`python -m bot roster …`: codes to print, the address book, the ratios."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from bot.cli import app
from bot.clock import Clock
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.vocabulary import Platform
from tests.databases import fresh

CLASS = "计算机2301"


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A class of three, one of them bound; the address of its database."""
    url = f"sqlite+aiosqlite:///{tmp_path}/school.db"
    monkeypatch.setenv("ZHUXUE_DATABASE__URL", url)
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        database = Database(await fresh(tmp_path / "school.db"))
        now = Clock().now() - timedelta(days=1)
        async with database.unit_of_work() as uow:
            await uow.imports.classes(
                [ClassRow(CLASS, Platform.QQ, "388", "600", "王敏", "10001", "市开大")],
                default_mode="mention",
                default_grace=10,
                now=now,
            )
            await uow.imports.students(
                [
                    StudentRow(CLASS, "2430001", "李明", Platform.QQ, "20001"),
                    StudentRow(CLASS, "2430002", "张红", phone="13812341234"),
                    StudentRow(CLASS, "2430003", "周天"),
                ],
                now=now,
            )
        await database.close()

    asyncio.run(make())
    return url


def call(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["roster", *words])
    return result.exit_code, result.output


def sheet(path: Path) -> list[tuple[str, ...]]:
    return list(load_workbook(path).worksheets[0].iter_rows(values_only=True))


def test_codes_are_made_for_the_unbound_and_not_one_is_stored(school: str, tmp_path: Path) -> None:
    code, said = call("codes", CLASS, "out.xlsx")

    assert (code, "已给 2 名学生发码" in said) == (0, True)
    _, *rows = sheet(tmp_path / "out.xlsx")
    assert [row[1] for row in rows] == ["2430002", "2430003"]
    codes = [row[3] for row in rows]
    assert len(set(codes)) == 2
    assert all(len(one.replace("-", "")) == 10 for one in codes)
    kept = (tmp_path / "school.db").read_bytes()
    assert not any(one.encode() in kept for one in codes)
    assert not any(one.replace("-", "").encode() in kept for one in codes)


def test_the_address_book_is_masked_unless_there_is_a_reason(school: str, tmp_path: Path) -> None:
    assert call("contacts", CLASS, "a.xlsx")[0] == 0
    refused, why = call("contacts", CLASS, "b.xlsx", "--full")
    assert call("contacts", CLASS, "c.xlsx", "--full", "--reason", "学生家访")[0] == 0

    assert (refused, "请写理由" in why) == (1, True)
    assert sheet(tmp_path / "a.xlsx")[2][6] == "138****1234"
    assert sheet(tmp_path / "c.xlsx")[2][6] == "13812341234"
    assert not (tmp_path / "b.xlsx").exists()

    async def audited() -> list[tuple[str, str, str]]:
        database = Database(school)
        async with database.reading() as uow:
            found = await uow.audit.actions()
        await database.close()
        return found

    assert [action for _, action, _ in asyncio.run(audited())].count("export.contacts") == 2


def test_the_ratios_are_listed_and_an_unknown_class_is_said(school: str) -> None:
    assert "✓ 王敏 3 人，1 个班" in call("ratios")[1]
    assert call("codes", "不存在", "x.xlsx") == (1, "没有班级「不存在」。\n")
