"""`kb`: a teacher's table goes out, comes back, and says what is wrong by row and column."""

import csv
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from typer.testing import CliRunner

from bot.cli import app
from bot.knowledge import base_entries
from handlers.faq import HEADER, MORE_COLUMNS

ROOT = Path(__file__).parents[2]
COLUMNS = (*HEADER, *MORE_COLUMNS)
CLASSES = (
    "班级,平台,机器人账号,群号,助学教师,助学教师账号,办学单位\n"
    "计算机2301,QQ,3889000001,600000000,王敏,10001,市开大\n"
    "会计2302,QQ,3889000001,600000001,王敏,10001,邻市开大\n"
)
UNITS = "办学单位,上级单位\n市开大,东部\n"
FEES = {
    "编号": "fees.how",
    "主题": "fees",
    "问题": "学费怎么交、在哪里交？",
    "答案": "到东部财务室交。",
    "来源": "东部通知",
    "单位": "东部",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a school of two classes in its database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "班级.csv").write_text(CLASSES, encoding="utf-8")
    (tmp_path / "单位.csv").write_text(UNITS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def school() -> None:
    for arguments in (
        ["migrate"],
        ["import", "classes", "班级.csv"],
        ["import", "units", "单位.csv"],
    ):
        assert call(*arguments).exit_code == 0


def call(*arguments: str) -> Result:
    """`python -m bot …` within this process."""
    return CliRunner().invoke(app, list(arguments))


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path: str, *rows: dict[str, str]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        sheet = csv.DictWriter(file, COLUMNS, restval="")
        sheet.writeheader()
        sheet.writerows(rows)


def answer_to(text: str, class_name: str) -> str:
    # In a process of its own: it logs to the standard error it found at its first line.
    told = subprocess.run(
        [sys.executable, "-m", "bot", "ask", text, "--mention", "--class", class_name],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ZHUXUE_BOT__ENCODER": "false"},
    )
    return told.stdout.decode()


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("name", ["all.xlsx", "all.csv"])
def test_what_goes_out_comes_back_without_a_change(name: str) -> None:
    out = call("kb", "export", name)
    back = call("kb", "import", name)

    assert out.exit_code == back.exit_code == 0
    assert f"已导出 {len(base_entries())} 条" in out.stdout
    assert "和数据库一致，没有要改的。" in back.stdout


@pytest.mark.usefixtures("school")
def test_the_diff_comes_first_and_tells_the_columns() -> None:
    call("kb", "export", "all.csv")
    rows = rows_of("all.csv")
    row = next(row for row in rows if row["编号"] == "fees.how")
    row["答案"], row["来源"] = "到财务室交。", "本校通知"
    new = dict.fromkeys(COLUMNS, "") | row | {"编号": "local.parking", "问题": "车停哪？"}
    new["问法"] = "哪里能停车|停车场在哪边|考试那天车停哪里"
    write("changed.csv", *rows, new)

    looked = call("kb", "import", "changed.csv", "--dry-run")
    done = call("kb", "import", "changed.csv")
    write("fewer.csv", row)
    left = call("kb", "import", "fewer.csv", "--replace")

    diff = ["差异 +1 −0 ~1", "  ~ 知识条目 fees.how：答案、来源", "  + 知识条目 local.parking"]
    assert looked.stdout.splitlines()[:3] == diff
    assert "没有修改。" in looked.stdout
    assert done.stdout.splitlines() == [*diff, "已导入：+1 −0 ~1"]
    assert "  − 知识条目 local.parking" in left.stdout
    assert [line.split("\t")[0] for line in call("kb", "list", "--own").stdout.splitlines()] == [
        "fees.how"
    ]


@pytest.mark.usefixtures("school")
def test_a_table_without_the_newer_columns_changes_nothing_in_them() -> None:
    call("kb", "export", "all.csv")
    with open("old.csv", "w", encoding="utf-8", newline="") as file:
        sheet = csv.DictWriter(file, HEADER, extrasaction="ignore")
        sheet.writeheader()
        sheet.writerows(rows_of("all.csv"))

    told = call("kb", "import", "old.csv")

    assert "和数据库一致，没有要改的。" in told.stdout


@pytest.mark.usefixtures("school")
def test_every_broken_cell_is_named_and_nothing_is_changed() -> None:
    call("kb", "export", "all.xlsx")
    book = load_workbook("all.xlsx")
    sheet = book.worksheets[0]
    places = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, places["答案"]).value = "好的"
    sheet.cell(2, places["必需"]).value = ""
    sheet.cell(3, places["主题"]).value = "选课"
    sheet.cell(4, places["单位"]).value = "不知道"
    sheet.cell(5, places["问法"]).value = sheet.cell(6, places["问题"]).value
    book.save("broken.xlsx")

    told = call("kb", "import", "broken.xlsx")

    assert told.exit_code == 1
    assert "一行也没有导入" in told.stderr
    assert "第 3 行（course_registration.how）「主题」列：没有「选课」这个主题" in told.stderr
    assert "第 5 行（course_registration.which）「问法」列：至少要 3 个" in told.stderr
    assert call("kb", "list", "--own").stdout == ""


@pytest.mark.usefixtures("school")
def test_units_classes_and_phrasings_are_checked_against_what_there_is() -> None:
    taken = {
        **FEES,
        "编号": "local.a",
        "问题": "教材什么时候发？",
        "问法": "甲甲|乙乙|丙丙",
        "单位": "",
    }
    write(
        "own.csv",
        FEES | {"单位": "不知道"},
        FEES | {"单位": "", "班级": "无此班"},
        taken,
        FEES | {"编号": "local.b", "问题": "单位自己的事？"},
    )

    told = call("kb", "import", "own.csv")

    assert told.exit_code == 1
    assert [line.split("：")[0] for line in told.stderr.splitlines()[1:]] == [
        "第 2 行（fees.how）「单位」列",
        "第 3 行（fees.how）「班级」列",
        "第 4 行（local.a）「问法」列",
        "第 5 行（local.b）「问法」列",
    ]
    assert "「教材什么时候发？」在「textbook.when」里已经有了" in told.stderr


@pytest.mark.usefixtures("school")
def test_the_row_of_a_unit_answers_its_classes_only() -> None:
    write("own.csv", FEES)

    done = call("kb", "import", "own.csv")

    assert "+ 知识条目 fees.how（单位 东部）" in done.stdout
    assert "到东部财务室交。\\n〔东部通知〕" in answer_to("学费怎么交", "计算机2301")
    assert "到东部财务室交" not in answer_to("学费怎么交", "会计2302")
    shown = call("kb", "show", "fees.how").stdout
    assert shown.count("编号：fees.how") == 2
    assert call("kb", "show", "fees.nothing").exit_code == 1


def test_check_looks_at_what_comes_with_the_program_without_a_database() -> None:
    told = call("kb", "check", "--most", "3")

    assert told.exit_code == 0
    assert f"✓ {len(base_entries())} 条可以使用。" in told.stdout
    assert "  1. 联系:教务：" in told.stdout
    assert "条文原件里的笔误" in told.stdout
    assert "还没有数据库" in told.stderr


@pytest.mark.usefixtures("school")
def test_a_database_of_another_version_is_not_taken_for_an_empty_one() -> None:
    with sqlite3.connect("data/zhuxue.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.close()

    told = call("kb", "export", "all.csv")

    assert told.exit_code == 1
    assert "请先运行 python -m bot migrate" in told.stderr
    assert not Path("all.csv").exists()


@pytest.mark.usefixtures("school")
def test_check_fails_on_what_must_be_put_right() -> None:
    write("own.csv", FEES | {"答案": "每学分50元，到财务室交。"})
    call("kb", "import", "own.csv")

    told = call("kb", "check")

    assert told.exit_code == 1
    assert "fees.how：「50元」" in told.stdout
    assert "必须改" in told.stderr


@pytest.mark.usefixtures("school")
def test_the_table_to_fill_goes_back_in_half_filled() -> None:
    call("kb", "slots", "待填.xlsx")
    nothing = call("import", "facts", "待填.xlsx")
    book = load_workbook("待填.xlsx")
    fill(book["信息"], "名目", {"联系:教务": {"内容": "教务科", "来源": "官网"}})
    fill(book["信息"], "名目", {"联系:学籍": {"内容": "学籍科", "单位": "东部"}})
    fill(book["校历"], "事项", {"缴费": {"开始": "2026-12-05", "截止": "2026-12-12 17:00"}})
    book.save("待填.xlsx")

    facts = call("import", "facts", "待填.xlsx")
    dates = call("import", "calendar", "待填.xlsx")
    told = call("kb", "check", "--most", "99").stdout

    assert "表里没有数据行" in nothing.stderr
    assert "已导入：+2 −0 ~0" in facts.stdout
    assert "已导入：+1 −0 ~0" in dates.stdout
    assert "联系:教务" not in told
    assert "联系:学籍：8 条要用，1 个班没有" in told
    assert "时间:缴费：" not in told
    assert call("kb", "slots", "待填.csv").exit_code == 1


def fill(sheet: Worksheet, name: str, rows: dict[str, dict[str, str]]) -> None:
    places = {cell.value: cell.column for cell in sheet[1]}
    for row in sheet.iter_rows(min_row=2):
        for column, text in rows.get(str(row[places[name] - 1].value), {}).items():
            row[places[column] - 1].value = text


def test_what_looks_like_a_formula_stays_text() -> None:
    call("kb", "export", "all.xlsx")

    cells = [cell for row in load_workbook("all.xlsx").worksheets[0] for cell in row]

    assert {cell.data_type for cell in cells if cell.value} == {"s"}
