"""A school's table: read by its headers, refused as a whole with every problem and its row."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from handlers import imports
from handlers.imports import Cell, Table, TableError
from storage.imports import ClassRow, StudentRow, TutorRow
from storage.people import CONFIDENT, MENTION
from storage.published import CalendarDate, SchoolFact
from storage.vocabulary import SHANGHAI, Platform

CLASSES = ("班级", "平台", "机器人账号", "群号", "助学教师", "助学教师账号")
STUDENTS = ("班级", "学号", "姓名", "平台", "账号")
CALENDAR = ("事项", "开始", "截止", "说明", "来源", "班级")
KNOWN = {"计算机2301"}


def table(header: tuple[str, ...], *rows: tuple[Cell, ...]) -> Table:
    return Table(header, tuple(enumerate(rows, 2)))


def problems(read: Callable[..., Any], *arguments: Any) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        read(*arguments)
    return caught.value.problems


def students(*rows: tuple[Cell, ...], owners: Any = None) -> list[StudentRow]:
    return imports.students(table(STUDENTS, *rows), KNOWN, owners or {})


def calendar(*rows: tuple[Cell, ...]) -> list[tuple[str | None, CalendarDate]]:
    return imports.calendar(table(CALENDAR, *rows), KNOWN)


# -- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        CLASSES,
        ("class", "platform", "account", "group_id", "tutor", "tutor_id"),
        ("Class_Name", "PLATFORM", "bot_account", "group", "Tutor_Name", "tutor_platform_id"),
        ("班级名称", "平台", "机器人", "群", "教师", "教师账号"),
        ("\ufeff班级", " 平台 ", "机器人账号", "群号", "老师", "助学教师账号"),
    ],
)
def test_a_header_may_be_chinese_or_english(header: tuple[str, ...]) -> None:
    rows = imports.classes(table(header, ("计算机2301", "QQ", "388", "600", "王敏", "10001")))

    assert rows == [ClassRow("计算机2301", Platform.QQ, "388", "600", "王敏", "10001")]


def test_columns_may_stand_in_any_order_beside_others() -> None:
    header = (
        "序号",
        "助学教师账号",
        "助学教师",
        "群号",
        "机器人账号",
        "平台",
        "班级",
        "办学单位",
        "发言方式",
    )

    rows = imports.classes(
        table(header, (1, "10001", "王敏", "600", "388", "微信", "计算机2301", "市开大", "点名"))
    )

    assert rows == [
        ClassRow("计算机2301", Platform.WECHAT, "388", "600", "王敏", "10001", "市开大", MENTION)
    ]


def test_every_missing_column_is_named_with_those_that_are_there() -> None:
    found = problems(imports.classes, table(("班级", "", "群号"), ("计算机2301", "", "600")))

    assert found == (
        "缺少列「平台」",
        "缺少列「机器人账号」",
        "缺少列「助学教师」",
        "缺少列「助学教师账号」",
        "文件里的列是：班级、群号",
    )


def test_a_table_without_rows_is_refused() -> None:
    assert problems(imports.classes, table(CLASSES)) == ("表里没有数据行",)


# -- cells ----------------------------------------------------------------------------------------


def test_every_problem_is_listed_with_its_row_and_nothing_is_returned() -> None:
    found = problems(
        imports.classes,
        table(
            CLASSES,
            ("计算机2301", "QQ", "388", "600", "王敏", "10001"),
            ("", "钉钉", "388", "601", "王敏", None),
            ("会计2302", "QQ", "388", "602", "王" * 101, "10009"),
            ("会计2303", "QQ", "388", "600", "王敏", "10001"),
        ),
    )

    assert found == (
        "第 3 行「平台」：不认识「钉钉」，请填 QQ 或 微信",
        "第 3 行「班级」：不能为空",
        "第 3 行「助学教师账号」：不能为空",
        "第 4 行「助学教师」：太长（超过 100 个字）",
        "第 5 行「群号」：600 已经在本表绑定给「计算机2301」",
    )


def test_numbers_stored_as_numbers_keep_their_digits() -> None:
    (row,) = imports.classes(
        table(CLASSES, ("计算机2301", "qq", 3889000001, 600000000.0, "王敏", 10001))
    )

    assert (row.account, row.group_id, row.tutor_account) == ("3889000001", "600000000", "10001")


@pytest.mark.parametrize("number", [2430000000000001, 2430000000000001.0, 10**15])
def test_a_number_too_long_for_excel_is_refused(number: float) -> None:
    (found,) = problems(students, ("计算机2301", number, "李明", "", ""))

    assert found.startswith("第 2 行「学号」：位数太多")


def test_a_long_number_written_as_text_is_fine() -> None:
    (row,) = students(("计算机2301", "2430000000000000001", "李明"))

    assert row.student_no == "2430000000000000001"


def test_a_short_row_has_empty_cells_at_its_end() -> None:
    (found,) = problems(students, ("计算机2301", "2430000000001"))

    assert found == "第 2 行「姓名」：不能为空"


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("主动", CONFIDENT),
        ("confident", CONFIDENT),
        ("点名", MENTION),
        ("Mention", MENTION),
        ("", None),
    ],
)
def test_the_manner_of_speaking_is_read(written: str, mode: str | None) -> None:
    (row,) = imports.classes(
        table((*CLASSES, "发言方式"), ("甲", "QQ", "1", "2", "王敏", "3", written))
    )

    assert row.speak_mode == mode


def test_an_unknown_manner_of_speaking_is_refused() -> None:
    found = problems(
        imports.classes,
        table((*CLASSES, "发言方式"), ("甲", "QQ", "1", "2", "王敏", "3", "话痨")),
    )

    assert found == ("第 2 行「发言方式」：不认识「话痨」，请填 主动 或 点名",)


# -- tutors and students ---------------------------------------------------------------------------


def test_a_class_must_be_there_before_its_people() -> None:
    header = ("班级", "平台", "姓名", "账号")

    rows = imports.tutors(table(header, ("计算机2301", "QQ", "赵强", 10002)), KNOWN)
    found = problems(imports.tutors, table(header, ("没有的班", "QQ", "赵强", 10002)), KNOWN)

    assert rows == [TutorRow("计算机2301", Platform.QQ, "赵强", "10002")]
    assert found == ("第 2 行「班级」：没有班级「没有的班」，请先导入班级",)


def test_a_student_may_come_without_an_account() -> None:
    rows = students(
        ("计算机2301", "2430000000001", "李明", "", ""),
        ("计算机2301", "2430000000002", "张红", "QQ", "20002"),
        ("计算机2301", "2430000000003", "周天", "QQ", None),
    )

    assert [(row.platform, row.account) for row in rows] == [
        (None, None),
        (Platform.QQ, "20002"),
        (None, None),
    ]


def test_an_account_needs_its_platform() -> None:
    assert problems(students, ("计算机2301", "2430000000001", "李明", "", "20001")) == (
        "第 2 行「平台」：不能为空",
    )


def test_one_student_number_has_one_name() -> None:
    found = problems(
        students,
        ("计算机2301", "2430000000001", "李明", "", ""),
        ("计算机2301", "2430000000001", "李明", "", ""),
        ("计算机2301", "2430000000001", "张红", "", ""),
    )

    assert found == (
        "第 3 行「学号」：2430000000001 重复，第 2 行已经有了",
        "第 4 行「学号」：2430000000001 在本表里有两个姓名",
    )


def test_one_student_may_have_two_accounts() -> None:
    rows = students(
        ("计算机2301", "2430000000001", "李明", "QQ", "20001"),
        ("计算机2301", "2430000000001", "李明", "微信", "wxid_1"),
    )

    assert [row.account for row in rows] == ["20001", "wxid_1"]


def test_an_account_belongs_to_one_person() -> None:
    owners = {(Platform.QQ, "10001"): "", (Platform.QQ, "20001"): "2430000000001"}

    own = students(("计算机2301", "2430000000001", "李明", "QQ", "20001"), owners=owners)
    found = problems(
        lambda: students(
            ("计算机2301", "2430000000002", "张红", "QQ", "20001"),
            ("计算机2301", "2430000000002", "张红", "QQ", "10001"),
            ("计算机2301", "2430000000003", "周天", "QQ", "20003"),
            ("计算机2301", "2430000000004", "吴青", "QQ", "20003"),
            ("计算机2301", "2430000000005", "郑好", "微信", "20001"),
            owners=owners,
        )
    )

    assert len(own) == 1
    assert found == (
        "第 2 行「账号」：20001 已经属于别人，请先核对",
        "第 3 行「账号」：10001 已经属于别人，请先核对",
        "第 5 行「账号」：20003 已经属于别人，请先核对",
    )


# -- dates and facts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "starts", "ends"),
    [
        ("2026-12-05", (5, 0, 0), (5, 23, 59)),
        ("2026/12/5", (5, 0, 0), (5, 23, 59)),
        ("2026年12月5日", (5, 0, 0), (5, 23, 59)),
        ("2026-12-05 17:00", (5, 17, 0), (5, 17, 0)),
        ("2026-12-05T17:00:30", (5, 17, 0), (5, 17, 0)),
        ("2026年12月5日 9点30分", (5, 9, 30), (5, 9, 30)),
        ("2026.12.5 9：05", (5, 9, 5), (5, 9, 5)),
        (date(2026, 12, 5), (5, 0, 0), (5, 23, 59)),
        (datetime(2026, 12, 5), (5, 0, 0), (5, 23, 59)),  # noqa: DTZ001 -- as a sheet gives it
        (datetime(2026, 12, 5, 17), (5, 17, 0), (5, 17, 0)),  # noqa: DTZ001 -- as above
    ],
)
def test_a_bare_day_lasts_from_its_first_to_its_last_minute(
    cell: Cell, starts: tuple[int, int, int], ends: tuple[int, int, int]
) -> None:
    ((_, dated),) = calendar(("考试报名", cell, cell))

    assert dated.starts_at == datetime(2026, 12, *starts, tzinfo=SHANGHAI)
    assert dated.ends_at == datetime(2026, 12, *ends, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-02-30",
        "2026-13-01",
        "12月5日",
        "下周三",
        "2026-12-05 25:00",
        "2026-12-05 17",
        "46000",
        20261205,
    ],
)
def test_what_is_no_date_is_refused_by_name(cell: Cell) -> None:
    found = problems(calendar, ("考试报名", "", cell))

    assert f"第 2 行「截止」：「{cell}」不是日期，请写成 2026-12-05 17:00" in found


def test_a_date_that_excel_kept_as_a_number_is_that_date() -> None:
    ((_, dated),) = calendar(("考试报名", 46357, 46361 + 17 / 24))

    assert dated.starts_at == datetime(2026, 12, 1, tzinfo=SHANGHAI)
    assert dated.ends_at == datetime(2026, 12, 5, 17, tzinfo=SHANGHAI)


def test_two_names_of_one_matter_with_two_dates_are_an_error() -> None:
    found = problems(
        calendar,
        ("准考证", "", "2026-12-05"),
        ("准考证打印", "", "2026-12-06"),
        ("报考", "", 46361),
    )

    assert found == ("第 3 行「事项」：「准考证打印」在第 2 行已经有了，日期不同",)


def test_a_row_of_the_calendar_says_something() -> None:
    found = problems(
        calendar,
        ("考试报名", "", ""),
        ("缴费", "2026-12-05", "2026-12-04"),
        ("", "2026-12-05", ""),
        ("形考", "2026-12-05", "", "", "", "没有的班"),
    )

    assert found == (
        "第 2 行「开始」：开始、截止、说明至少填一项",
        "第 3 行「截止」：早于开始",
        "第 4 行「事项」：不能为空",
        "第 5 行「班级」：没有班级「没有的班」，请先导入班级",
    )


def test_a_date_holds_for_a_class_or_for_the_whole_school() -> None:
    rows = calendar(
        ("毕业典礼", "", "", "待通知", "校历"),
        ("形考", "", "2026-12-20 17:00", "", "", "计算机2301"),
    )

    assert rows == [
        (None, CalendarDate("毕业典礼", None, None, "待通知", "校历")),
        (
            "计算机2301",
            CalendarDate("形考", None, datetime(2026, 12, 20, 17, tzinfo=SHANGHAI), "", ""),
        ),
    ]


def test_a_fact_is_named_by_kind_and_name() -> None:
    header = ("名目", "内容", "来源", "班级")

    rows = imports.facts(
        table(
            header,
            ("链接：学习平台", "https://school.invalid", "官网", ""),
            ("地点:考点", "一号楼", "", "计算机2301"),
        ),
        KNOWN,
    )
    found = problems(imports.facts, table(header, ("学习平台", "", "", "")), KNOWN)

    assert rows == [
        (None, SchoolFact("链接:学习平台", "https://school.invalid", "官网")),
        ("计算机2301", SchoolFact("地点:考点", "一号楼", "")),
    ]
    assert found == (
        "第 2 行「名目」：「学习平台」应写成 类别:名称，例如 链接:学习平台",
        "第 2 行「内容」：不能为空",
    )
