"""`import timetable` and `import courses` (S15.1): a diff, all or nothing; the class is told."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from bot.cli import app as commands
from bot.importing import Kind, import_table
from handlers.imports import TableError
from handlers.settings import BotSettings, ReminderSettings
from storage.database import Database
from storage.imports import Changes
from storage.vocabulary import SHANGHAI, Outgoing, Platform
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

TEN = datetime(2026, 12, 1, 10, 0, tzinfo=SHANGHAI)
HEADER = ("班级", "课程", "教师", "地点", "日期", "时间")
MATHS = ("计算机2301", "高等数学", "张华", "A101", "2026-12-05", "9:00-11:30")
ENGLISH = ("计算机2301", "大学英语", "李丽", "A102", "2026-12-06", "9:00-11:30")


def book(path: Path, *rows: tuple[object, ...], header: tuple[str, ...] = HEADER) -> Path:
    made = Workbook()
    assert made.active is not None
    for row in (header, *rows):
        made.active.append(row)
    made.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


async def put(
    database: Database,
    path: Path,
    *,
    kind: Kind = Kind.TIMETABLE,
    now: datetime = TEN,
    tells: bool = False,
    week_one: date | None = None,
) -> Changes:
    found = await import_table(
        database,
        kind,
        path,
        settings=BotSettings(),
        now=now,
        confirm=lambda _: True,
        tells=ReminderSettings() if tells else None,
        week_one=week_one,
    )
    assert found is not None
    return found


async def told(database: Database, at: datetime) -> list[Outgoing]:
    async with database.unit_of_work() as uow:
        rows = await uow.outbox.claim(
            accounts=[(Platform.QQ, QQ_ACCOUNT)],
            instance="test",
            now=at,
            lease=timedelta(days=9),
            limit=9,
        )
    return [row.message for row in rows]


async def test_a_new_version_says_what_changed(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    """S15.1"""
    first = await put(database, book(folder / "1.xlsx", MATHS, ENGLISH))
    same = await put(database, book(folder / "2.xlsx", MATHS, ENGLISH))
    moved = (*ENGLISH[:4], "2026-12-13", ENGLISH[5])
    other_room = (*MATHS[:3], "B203", *MATHS[4:])
    added = ("计算机2301", "体育", "", "", "2026-12-07", "14:00-15:00")
    second = await put(database, book(folder / "3.xlsx", other_room, moved, added))
    third = await put(database, book(folder / "4.xlsx", other_room, moved))

    assert first.lines == [
        "+ 计算机2301 12月5日（周六）09:00–11:30 高等数学，A101，张华老师",
        "+ 计算机2301 12月6日（周日）09:00–11:30 大学英语，A102，李丽老师",
    ]
    assert same.lines == []
    assert second.lines == [
        "+ 计算机2301 12月7日（周一）14:00–15:00 体育",
        "~ 计算机2301 12月5日（周六）09:00 高等数学：地点 A101 → B203",
        "~ 计算机2301 12月6日（周日）09:00–11:30 大学英语，A102，李丽老师 改为 "
        "12月13日（周日）09:00–11:30 大学英语，A102，李丽老师",
    ]
    assert third.lines == ["− 计算机2301 12月7日（周一）14:00–15:00 体育"]


async def test_lessons_that_have_been_stay(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    await put(database, book(folder / "1.xlsx", MATHS, ENGLISH))

    found = await put(database, book(folder / "2.xlsx", ENGLISH), now=TEN.replace(day=5, hour=12))

    assert found.lines == []


async def test_one_wrong_row_keeps_the_whole_timetable_out(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    with pytest.raises(TableError):
        await put(database, book(folder / "1.xlsx", MATHS, (*ENGLISH[:4], "2026-02-30", "9:00")))

    async with database.reading() as uow:
        assert not await uow.timetable.has_any([classroom.room.id])


async def test_the_class_is_told_once_in_the_daytime_and_within_its_budget(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    night = TEN.replace(hour=23)
    await put(database, book(folder / "1.xlsx", MATHS, ENGLISH))

    changes = await put(database, book(folder / "2.xlsx", MATHS), now=night, tells=True)
    again = await put(database, book(folder / "3.xlsx", MATHS), now=night, tells=True)
    at_night = await told(database, night)
    morning = await told(database, (TEN + timedelta(days=1)).replace(hour=7, minute=30))

    assert changes.lines[0].startswith("12月2日 07:30 发到 计算机2301 的群：")
    assert again.lines == []
    assert at_night == []
    (message,) = morning
    assert message.conversation == GROUP
    assert message.is_push
    assert message.text == (
        "【助学小助手】课表有变：\n取消 12月6日（周日）09:00–11:30 大学英语，A102，李丽老师"
    )
    async with database.reading() as uow:
        assert await uow.group_days.pushed(GROUP, date(2026, 12, 2)) == 1


async def test_a_group_over_its_budget_is_told_the_day_after(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    await put(database, book(folder / "1.xlsx", MATHS, ENGLISH))
    async with database.unit_of_work() as uow:
        for _ in range(3):
            await uow.group_days.note(GROUP, TEN.date())

    changes = await put(database, book(folder / "2.xlsx", MATHS), tells=True)

    assert changes.lines[0].startswith("12月2日 07:30 发到")


async def test_a_header_below_a_title_is_found(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    """As schools send it: a title over the table, a remark below that."""
    above = ("2026 年秋季学期开课表",)
    timetable = book(folder / "1.xlsx", ("教务处 2026-09-01",), HEADER, MATHS, header=above)
    found = await put(database, timetable)
    wrong = (*MATHS[:4], "2026-02-30", MATHS[5])
    odd = book(folder / "2.xlsx", ("备注",), HEADER, wrong, header=above)
    with pytest.raises(TableError) as problem:
        await put(database, odd)
    header = ("学号", "课程")
    courses = book(folder / "c.xlsx", header, ("2430000000001", "高等数学"), header=above)
    registered = await put(database, courses, kind=Kind.COURSES)

    assert len(found.lines) == 1
    assert "第 4 行" in problem.value.problems[0]
    assert registered.lines == ["+ 2430000000001 高等数学"]


async def test_a_student_sees_the_courses_they_registered_for(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    """S15.1"""
    from handlers.timetable import own_lessons

    await put(database, book(folder / "1.xlsx", MATHS, ENGLISH))
    header = ("学号", "课程")
    courses = book(folder / "c.xlsx", ("2430000000001", "大学英语"), header=header)
    first = await put(database, courses, kind=Kind.COURSES)
    again = await put(database, courses, kind=Kind.COURSES)
    other = book(folder / "d.xlsx", ("2430000000001", "高等数学"), header=header)
    changed = await put(database, other, kind=Kind.COURSES)
    li, zhang = classroom.li.person_id, classroom.zhang.person_id
    async with database.reading() as uow:
        found = await uow.timetable.lessons([classroom.room.id], TEN, TEN + timedelta(days=14))
        own = await own_lessons(uow, li, found)
        all_of_them = await own_lessons(uow, zhang, found)

    assert first.lines == ["+ 2430000000001 大学英语"]
    assert again.lines == []
    assert changed.lines == ["+ 2430000000001 高等数学", "− 2430000000001 大学英语"]
    assert own is not None
    assert [it.course for it in own] == ["高等数学"]
    assert all_of_them == found
    assert len(found) == 2


async def test_ten_thousand_rows_are_a_matter_of_seconds(
    database: Database, classroom: Classroom, folder: Path
) -> None:
    began = datetime(2026, 12, 2, tzinfo=SHANGHAI)
    rows = [
        (
            *("计算机2301", f"课程{n % 50}", "", ""),
            f"{began + timedelta(days=n // 50):%Y-%m-%d}",
            f"{8 + n % 12}:00-{9 + n % 12}:00",
        )
        for n in range(10_000)
    ]
    path = book(folder / "big.xlsx", *rows)

    first = await put(database, path)
    again = await put(database, path)

    assert first.added == 10_000
    assert again.lines == []


def test_the_command_line_knows_the_first_week(tmp_path: Path) -> None:
    config = tmp_path / "zhuxue.toml"
    config.write_text(f'[database]\nurl = "sqlite+aiosqlite:///{tmp_path}/cli.db"\n')
    run = CliRunner().invoke
    classes = tmp_path / "classes.csv"
    classes.write_text(
        "班级,平台,机器人账号,群号,助学教师,助学教师账号\n计算机2301,QQ,1,2,王敏,3\n",
        encoding="utf-8",
    )
    weekly = ("班级", "课程", "星期", "周次", "时间")
    path = book(
        tmp_path / "t.xlsx", ("计算机2301", "数学", "周六", "第1-2周", "9:00-11:30"), header=weekly
    )
    config_at = ["-c", str(config)]
    assert run(commands, ["migrate", *config_at]).exit_code == 0
    assert run(commands, ["import", "classes", str(classes), "-y", *config_at]).exit_code == 0

    lost = run(commands, ["import", "timetable", str(path), "-y", *config_at])
    options = ["-y", "--week-one", "2096-09-03", *config_at]
    done = run(commands, ["import", "timetable", str(path), *options])
    wrong = run(commands, ["import", "classes", str(classes), "--tell", *config_at])

    assert lost.exit_code == 1
    assert "--week-one" in lost.output
    assert done.exit_code == 0, done.output
    assert "+ 计算机2301 2096年9月8日（周六）09:00–11:30 数学" in done.output
    assert "已导入：+2" in done.output
    assert wrong.exit_code == 1
