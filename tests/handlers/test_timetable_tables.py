"""A timetable's table (S15.1): dates or weekdays with weeks, and every problem told at once."""

from datetime import date, datetime
from typing import Any

import pytest

from handlers.imports import Table, TableError
from handlers.timetable import lessons, registrations
from storage.vocabulary import SHANGHAI

CLASSES = {"计算机2301", "会计2302"}


def table(header: str, *rows: tuple[Any, ...]) -> Table:
    return Table(tuple(header.split()), tuple(enumerate(rows, 2)))


def starts(found: Any) -> list[str]:
    return [f"{it.starts_at:%m-%d %H:%M}-{it.ends_at:%H:%M}" for it in found]


@pytest.mark.parametrize(
    "day", ["2026-12-06", "2026/12/6", "2026年12月6日", datetime(2026, 12, 6, tzinfo=SHANGHAI)]
)
@pytest.mark.parametrize("hours", ["9:00-11:30", "09:00～11:30", "9点至11点30分", "9：00 — 11：30"])
def test_one_lesson_a_row(day: Any, hours: str) -> None:
    """S15.1"""
    given = table(
        "班级 课程 教师 地点 日期 时间", ("计算机2301", "高等数学", "张华", "A101", day, hours)
    )

    (found,) = lessons(given, CLASSES)

    assert found.starts_at == datetime(2026, 12, 6, 9, 0, tzinfo=SHANGHAI)
    assert found.ends_at == datetime(2026, 12, 6, 11, 30, tzinfo=SHANGHAI)
    assert (found.course, found.teacher, found.place) == ("高等数学", "张华", "A101")


@pytest.mark.parametrize(
    ("weekday", "weeks", "wanted"),
    [
        ("周六", "第1-3周", ["09-12", "09-19", "09-26"]),
        ("星期日", "1-2", ["09-13", "09-20"]),
        ("7", "2", ["09-20"]),
        ("周一", "1,3,5周", ["09-07", "09-21", "10-05"]),
        ("周六、周日", "第1周", ["09-12", "09-13"]),
        ("六", "1-6周(单)", ["09-12", "09-26", "10-10"]),
        ("六", "1-6双周", ["09-19", "10-03", "10-17"]),
        ("周三", "第1-2周、第5周", ["09-09", "09-16", "10-07"]),
    ],
)
def test_weekdays_with_weeks_count_from_the_first_week(
    weekday: str, weeks: str, wanted: list[str]
) -> None:
    given = table("班级 课程 星期 周次 时间", ("计算机2301", "数学", weekday, weeks, "9:00-11:30"))

    found = lessons(given, CLASSES, week_one=date(2026, 9, 7))

    assert sorted(f"{it.starts_at:%m-%d}" for it in found) == wanted


def test_a_first_week_that_begins_on_a_sunday_is_seven_days_from_there() -> None:
    given = table(
        "班级 课程 星期 周次 开始 结束 第一周",
        ("计算机2301", "数学", "周六", "1", "9:00", "11:30", "2026-09-06"),
        ("计算机2301", "数学", "周日", "1", "9:00", "11:30", "2026-09-06"),
    )

    assert starts(lessons(given, CLASSES)) == ["09-12 09:00-11:30", "09-06 09:00-11:30"]


def test_every_problem_is_told_with_its_row_and_column() -> None:
    given = table(
        "班级 课程 日期 时间",
        ("没有的班", "数学", "2026-12-05", "9:00-11:30"),
        ("计算机2301", "", "2026-12-05", "9:00-11:30"),
        ("计算机2301", "数学", "2026-02-30", "9:00-11:30"),
        ("计算机2301", "数学", "46000", "9:00-11:30"),
        ("计算机2301", "数学", "2026-12-05", "上午"),
        ("计算机2301", "数学", "2026-12-05", "25:00-26:00"),
        ("计算机2301", "数学", "2026-12-05", "11:30-9:00"),
        ("计算机2301", "数学", "2026-12-05", None),
        ("计算机2301", "英语", "2026-12-06", "9:00-11:30"),
        ("计算机2301", "英语", "2026-12-06", "9:00-10:30"),
    )

    with pytest.raises(TableError) as failure:
        lessons(given, CLASSES)

    assert failure.value.problems == (
        "第 2 行「班级」：没有班级「没有的班」，请先导入班级",
        "第 3 行「课程」：不能为空",
        "第 4 行「日期」：「2026-02-30」不是日期，请写成 2026-12-05 17:00",
        "第 5 行「日期」：「46000」不是日期，请写成 2026-12-05 17:00",
        "第 6 行「时间」：「上午」不是时间，请写成 9:00-11:30",
        "第 7 行「时间」：「25:00-26:00」没有这个时刻",
        "第 8 行「时间」：结束不晚于开始",
        "第 9 行「时间」：不能为空",
        "第 11 行「课程」：英语 2026-12-06 09:00 重复，第 10 行已经有了",
    )


@pytest.mark.parametrize(
    ("weekday", "weeks", "problem"),
    [
        ("周八", "1", "第 2 行「星期」：「周八」看不懂，请写成 周六"),
        ("周六", "前八周", "第 2 行「周次」：「前八周」看不懂，请写成 第1-8周 或 1,3,5"),
        ("周六", "8-1", "第 2 行「周次」：「8-1」要先小后大，在 1 到 30 之间"),
        ("周六", "", "第 2 行「周次」：不能为空；没有日期就要写星期和周次"),
    ],
)
def test_weeks_that_cannot_be_read(weekday: str, weeks: str, problem: str) -> None:
    given = table("班级 课程 星期 周次 时间", ("计算机2301", "数学", weekday, weeks, "9:00-11:30"))

    with pytest.raises(TableError) as failure:
        lessons(given, CLASSES, week_one=date(2026, 9, 7))

    assert failure.value.problems == (problem,)


def test_without_a_first_week_weeks_mean_nothing() -> None:
    given = table("班级 课程 星期 周次 时间", ("计算机2301", "数学", "周六", "1-8", "9:00-11:30"))

    with pytest.raises(TableError, match="不知道第一周是哪天"):
        lessons(given, CLASSES)


def test_columns_that_say_no_time_are_missed_at_once() -> None:
    with pytest.raises(TableError) as failure:
        lessons(table("班级 课程 星期", ("计算机2301", "数学", "周六")), CLASSES)

    assert failure.value.problems[:2] == (
        "缺少列「日期」，或者「星期」加「周次」",
        "缺少列「时间」，或者「开始」加「结束」",
    )


def test_course_registrations_are_of_students_we_know_and_said_once() -> None:
    known = {"2430000000001"}
    good = table("学号 课程", (2430000000001, "高等数学"), ("2430000000001", "大学英语"))
    bad = table("学号 课程", ("99", "数学"), ("2430000000001", "数学"), (2430000000001.0, "数学"))

    assert registrations(good, known) == [
        ("2430000000001", "高等数学"),
        ("2430000000001", "大学英语"),
    ]
    with pytest.raises(TableError) as failure:
        registrations(bad, known)
    assert failure.value.problems == (
        "第 2 行「学号」：没有学号 99，请先导入学生",
        "第 4 行「课程」：重复，第 3 行已经有了",
    )
