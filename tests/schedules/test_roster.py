"""Article 5: too many students a tutor, and classes nobody teaches, come to the supervisor."""

from datetime import datetime, timedelta

import pytest

from handlers.settings import BotSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import roster
from schedules.means import Means
from storage.database import Database
from storage.imports import ClassRow, StaffRow, StudentRow
from storage.models.people import duties
from storage.vocabulary import SHANGHAI, Platform, Role
from tests.conftest import QQ_ACCOUNT

MEANS = Means(BotSettings(), WorkingTime(WorkingTimeSettings()))
#: A Tuesday.
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=SHANGHAI)
BEGAN = NOON - timedelta(days=90)
UNIT, BOSS, PROVINCE = "市开大", "10088", "10099"


def rows(count: int, first: int, name: str) -> list[StudentRow]:
    return [
        StudentRow(name, f"{first + number:013}", f"学生{number}", major="会计")
        for number in range(count)
    ]


@pytest.fixture
async def school(database: Database) -> Database:
    """王敏 has two classes of 100 each; 赵强 stands in for her in one; a supervisor of the unit."""
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [
                ClassRow(name, Platform.QQ, QQ_ACCOUNT, group, "王敏", "10001", UNIT)
                for name, group in (("甲班", "601"), ("乙班", "602"))
            ],
            default_mode="mention",
            default_grace=10,
            now=BEGAN,
        )
        await uow.imports.supervisors(
            [
                StaffRow("马主任", Platform.QQ, BOSS, UNIT),
                StaffRow("省校值班", Platform.QQ, PROVINCE),
            ],
            now=BEGAN,
        )
        students = [*rows(100, 1000, "甲班"), *rows(100, 2000, "乙班")]
        await uow.imports.students(students, now=BEGAN, source="名单.xlsx")
    return database


async def add(database: Database, count: int, name: str = "乙班") -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.students(rows(count, 3000, name), now=BEGAN, source="名单.xlsx")


async def look(database: Database, at: datetime) -> list[tuple[str, str]]:
    """Two passes of the clock: what they bring, to whom."""
    for _ in range(2):
        async with database.unit_of_work() as uow:
            await roster.watch_ratios(uow, at, MEANS)
            await roster.watch_vacancies(uow, at, MEANS)
    async with database.unit_of_work() as uow:
        claimed = await uow.outbox.claim(
            accounts={(Platform.QQ, QQ_ACCOUNT)},
            instance="test",
            now=at + timedelta(seconds=5),
            lease=timedelta(days=99),
            limit=100,
        )
    return [(one.message.conversation.id, one.message.text) for one in claimed]


async def leave(database: Database, at: datetime, class_name: str) -> None:
    """The tutor's appointment in a class ends."""
    async with database.unit_of_work() as uow:
        room = await uow.people.class_named(class_name, at)
        assert room is not None
        await uow.write(
            duties.update()
            .where(duties.c.role == Role.TUTOR, duties.c.class_id == room.id)
            .values(ends_at=at)
        )


async def test_s5_1_exactly_200_is_within_the_rule_and_201_is_one_card_a_week(
    school: Database,
) -> None:
    assert await look(school, NOON) == []
    await add(school, 1)

    at_once = await look(school, NOON)
    same_week = await look(school, NOON + timedelta(days=5))
    next_week = await look(school, NOON + timedelta(days=6))

    assert [to for to, _ in at_once] == [BOSS]
    assert "王敏老师现在带 2 个班共 201 名学生，超过 200:1（第五条）" in at_once[0][1]
    assert same_week == []
    assert [to for to, _ in next_week] == [BOSS]


async def test_s5_1_a_student_of_two_classes_counts_once_and_standing_in_does_not(
    school: Database,
) -> None:
    await add(school, 5)
    async with school.unit_of_work() as uow:
        both = [StudentRow("甲班", row.student_no, row.name) for row in rows(5, 3000, "乙班")]
        await uow.imports.students(both)
        await uow.imports.tutors([], now=BEGAN)
        (tutor,) = await uow.roster.ratios(None, NOON)
        room = await uow.people.class_named("甲班", NOON)
        assert room is not None
        (boss, *_) = (await uow.people.supervisors_of([room.unit_id], NOON))[room.unit_id]
        await uow.people.cover(
            [room.id],
            away_id=tutor.person_id,
            by_id=boss.person_id,
            starts_at=NOON,
            ends_at=NOON + timedelta(days=3),
        )
        found = await uow.roster.ratios(None, NOON + timedelta(days=1))

    assert tutor.students == 205
    assert [(one.name, one.students, one.class_names) for one in found] == [
        ("王敏", 205, ("乙班", "甲班"))
    ]


async def test_nobody_is_told_a_figure_at_night(school: Database) -> None:
    await add(school, 1)

    assert await look(school, NOON.replace(hour=3)) == []
    assert len(await look(school, NOON.replace(hour=8))) == 1


async def test_s5_2_a_class_without_a_tutor_is_told_once_and_again_for_a_further_one(
    school: Database,
) -> None:
    await leave(school, NOON, "甲班")

    first = await look(school, NOON + timedelta(hours=1))
    later = await look(school, NOON + timedelta(days=2))
    await leave(school, NOON + timedelta(days=3), "乙班")
    second = await look(school, NOON + timedelta(days=3, hours=1))
    over = await look(school, NOON + timedelta(days=4))

    assert [to for to, _ in first] == [to for to, _ in second] == [BOSS]
    assert "这些班现在没有助学教师：甲班（第五条）" in first[0][1]
    assert "整个专业" not in first[0][1]
    assert later == over == []
    assert "乙班、甲班" in second[0][1]
    assert "整个专业都没有助学教师：会计" in second[0][1]


async def test_s5_2_a_unit_without_a_supervisor_is_the_provinces(school: Database) -> None:
    async with school.unit_of_work() as uow:
        await uow.write(
            duties.update()
            .where(duties.c.role == Role.SUPERVISOR, duties.c.unit_id.is_not(None))
            .values(ends_at=NOON)
        )
    await leave(school, NOON, "甲班")

    assert [to for to, _ in await look(school, NOON + timedelta(hours=1))] == [PROVINCE]


async def test_s5_2_the_list_shows_since_when(school: Database) -> None:
    await leave(school, NOON, "甲班")

    async with school.reading() as uow:
        first, second = await uow.roster.class_lines(None, NOON + timedelta(hours=1))

    assert (first.name, first.tutors, first.vacant_since) == ("甲班", (), NOON)
    assert (second.name, second.students, second.bound) == ("乙班", 100, 0)
    assert [name for _, name in second.tutors] == ["王敏"]
    assert second.vacant_since is None
