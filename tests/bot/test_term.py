"""`term` and `import calendar`: what would change is shown first, and armed only when asked to."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from openpyxl import Workbook
from typer.testing import CliRunner

from bot.cli import app
from bot.clock import Clock

CLASSES = (
    "班级,平台,机器人账号,群号,助学教师,助学教师账号,办学单位\n"
    "计算机2301,QQ,3889000001,600000000,王敏,10001,市开大\n"
    "会计2302,QQ,3889000001,600000001,王敏,10001,市开大\n"
)


def call(*arguments: str) -> Result:
    """`python -m bot …` within this process."""
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def _school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes in a database of an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("班级.csv").write_text(CLASSES, encoding="utf-8")
    assert call("migrate").exit_code == 0
    assert call("import", "classes", "班级.csv", "--yes").exit_code == 0


def _book(*rows: tuple[object, ...]) -> str:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(("事项", "开始", "截止", "说明", "单位", "班级"))
    for row in rows:
        sheet.append(row)
    book.save("校历.xlsx")
    return "校历.xlsx"


def _in(days: int) -> str:
    return f"{Clock().now() + timedelta(days=days):%Y-%m-%d 17:00}"


def test_an_import_shows_what_follows_and_arms_nothing() -> None:
    done = call("import", "calendar", _book(("报考", _in(1), _in(20))))

    assert done.exit_code == 0
    assert "已导入：+1 −0 ~0" in done.output
    assert "差异 +2 −0 ~0：2 个班，2 个群，0 名学生" in done.output
    assert "考试报名：已经开始" in done.output
    assert "还没有启用。启用：python -m bot term --arm" in done.output
    assert "差异 +2 −0 ~0" in call("term").output


def test_an_import_can_arm_and_the_same_file_again_changes_nothing() -> None:
    file = _book(("报考", _in(1), _in(20)), ("缴费", "", _in(30)))

    assert "已启用：+4 −0 ~0" in call("import", "calendar", file, "--arm", "--yes").output
    again = call("import", "calendar", file, "--arm", "--yes")

    assert "和数据库一致，没有要改的" in again.output
    assert "校历都已启用（4 项）" in again.output


def test_a_moved_date_is_shown_as_a_change() -> None:
    call("import", "calendar", _book(("形考", "", _in(20))), "--arm", "--yes")
    call("import", "calendar", _book(("形考", "", _in(25))), "--yes")

    shown = call("term")

    assert "差异 +0 −0 ~2" in shown.output
    assert "改为" in shown.output
    assert "已启用：+0 −0 ~2" in call("term", "--arm").output


def test_every_broken_cell_is_told_and_nothing_is_applied() -> None:
    file = _book(
        ("形考", "", _in(20)),
        ("缴费", "", "2026-02-30"),
        ("报考", "=A1", "下周"),
        ("选课", "", 20261205),
        ("准考证", "", _in(9), "", "没有的单位"),
        ("", "", _in(9)),
        ("准考证打印", _in(9), _in(3)),
    )

    done = call("import", "calendar", file, "--yes")

    assert done.exit_code == 1
    for place in (
        "第 3 行「截止」",
        "第 4 行「开始」",
        "第 4 行「截止」",
        "第 5 行「截止」",
        "第 6 行「办学单位」",
        "第 7 行「事项」",
        "第 8 行「截止」：早于开始",
    ):
        assert place in done.output
    assert "一行也没有导入" in done.output
    assert "校历都已启用（0 项）" in call("term").output


def test_a_table_with_other_headers_is_refused_with_what_it_has() -> None:
    Path("错.csv").write_text("名称,日期\n形考,2026-12-05\n", encoding="utf-8")

    done = call("import", "calendar", "错.csv")

    assert done.exit_code == 1
    assert "缺少列「事项」" in done.output
    assert "文件里的列是：名称、日期" in done.output


def test_ten_thousand_rows_are_one_import() -> None:
    rows = [(f"活动{number}", "", _in(20)) for number in range(10_000)]

    done = call("import", "calendar", _book(*rows), "--yes")

    assert "已导入：+10000 −0 ~0" in done.output
    assert "没有提醒模板" in done.output
