"""Dates as they hold, and arming from them, on both databases."""

from datetime import datetime, timedelta

import pytest

from handlers import matters, term
from handlers.term import Rules
from storage.calendar import EVERYBODY, Place
from storage.imports import ClassRow
from storage.interactions import Kind
from storage.published import CalendarDate, UnitName
from storage.reports import LedgerFilter
from storage.tasks import ReminderState, TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action, Platform

NOW = datetime(2026, 12, 1, 20, 15, tzinfo=SHANGHAI)
RULES = Rules(matters.load())


def called(name: str) -> str:
    return RULES.table.name_of(name)


def until(day: int, matter: str = "考试报名") -> CalendarDate:
    return CalendarDate(matter, None, datetime(2026, 12, day, 17, tzinfo=SHANGHAI))


@pytest.fixture
async def ids(uow: UnitOfWork) -> dict[str, int]:
    """Three classes: two of a college below a city's unit, one of another unit."""
    rows = [
        ClassRow("一班", Platform.QQ, "1", "101", "王敏", "10001", "学院"),
        ClassRow("二班", Platform.QQ, "1", "102", "王敏", "10001", "学院"),
        ClassRow("三班", Platform.QQ, "1", "103", "赵强", "10002", "邻市"),
    ]
    await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=NOW)
    await uow.imports.units([("学院", "市开大")])
    return {room.name: room.class_id for room in await uow.calendar.classes(called)}


async def _arm(uow: UnitOfWork) -> str:
    plan = await term.propose(uow, RULES, NOW)
    await term.arm(uow, plan, by="cli", now=NOW)
    return plan.counts


async def test_of_several_dates_the_nearest_holds(uow: UnitOfWork, ids: dict[str, int]) -> None:
    await uow.imports.calendar([(None, until(10)), (UnitName("市开大"), until(11))])
    await uow.calendar.put(Place(class_id=ids["二班"]), until(12, "报考"))

    found = await uow.calendar.classes(called)

    ends = {room.name: room.dates["考试报名"].date.ends_at for room in found}
    assert {name: at.day for name, at in ends.items() if at} == {"一班": 11, "二班": 12, "三班": 10}
    inherited = await uow.calendar.inherited(called, ids["二班"], "考试报名")
    assert inherited == until(11)


async def test_all_twelve_matters_are_armed_for_all_classes_and_again_is_nothing(
    uow: UnitOfWork, ids: dict[str, int]
) -> None:
    """S16.2."""
    names = [row.name for row in RULES.table.rows if row.article == "第十六条"][:12]
    opens = NOW + timedelta(days=3)
    await uow.imports.calendar(
        [(None, CalendarDate(name, opens, opens + timedelta(days=15))) for name in names]
    )

    assert await _arm(uow) == "+36 −0 ~0"
    assert await _arm(uow) == "+0 −0 ~0"
    armed = await uow.calendar.armed()
    assert {(item.class_id, item.matter) for item in armed} == {
        (class_id, name) for class_id in ids.values() for name in names
    }
    planned = await uow.tasks.reminders_of([item.number for item in armed])
    assert all(planned[item.number] for item in armed)


async def test_a_moved_date_cancels_what_was_planned_and_plans_anew(
    uow: UnitOfWork, ids: dict[str, int]
) -> None:
    """S16.7."""
    await uow.imports.calendar([(None, until(20))])
    await _arm(uow)
    await uow.calendar.put(EVERYBODY, until(25))

    assert await _arm(uow) == "+0 −0 ~3"

    (number, *_) = [item.number for item in await uow.calendar.armed([ids["一班"]])]
    by_state: dict[ReminderState, list[str]] = {}
    for item in (await uow.tasks.reminders_of([number]))[number]:
        by_state.setdefault(item.state, []).append(f"{item.step} {item.due_at:%d}")
    assert by_state == {
        ReminderState.CANCELLED: ["T-7 13", "T-3 17", "T-1 19", "T-2h 20"],
        ReminderState.PLANNED: ["T-7 18", "T-3 22", "T-1 24", "T-2h 25"],
    }
    await uow.flush()
    rows = await uow.reports.ledger(LedgerFilter(kind=Kind.REMINDER), limit=10)
    assert {row.record.action for row in rows} == {Action.MOVED}
    assert len(rows) == 3


async def test_a_date_taken_away_cancels_and_one_put_back_is_armed_again(
    uow: UnitOfWork, ids: dict[str, int]
) -> None:
    await uow.imports.calendar([(None, until(20))])
    await _arm(uow)
    (first, *_) = await uow.calendar.armed([ids["一班"]])
    await uow.calendar.remove(EVERYBODY, "考试报名")

    assert await _arm(uow) == "+0 −3 ~0"
    gone = await uow.tasks.of(first.number)
    assert gone is not None
    assert gone.state is TaskState.CANCELLED
    await uow.calendar.put(EVERYBODY, until(20))
    assert await _arm(uow) == "+3 −0 ~0"


async def test_what_a_person_has_ended_stays_ended(uow: UnitOfWork, ids: dict[str, int]) -> None:
    await uow.imports.calendar([(None, until(20))])
    await _arm(uow)
    (first, *_) = await uow.calendar.armed([ids["一班"]])
    await uow.tasks.end([first.number], TaskState.ENDED, by="王敏", now=NOW)

    plan = await term.propose(uow, RULES, NOW)

    assert plan.is_empty
    assert plan.withheld == ((ids["一班"], "考试报名"),)


async def test_classes_that_come_later_are_armed_when_armed_again(
    uow: UnitOfWork, ids: dict[str, int]
) -> None:
    await uow.imports.calendar([(None, until(20))])
    await _arm(uow)
    await uow.imports.classes(
        [ClassRow("四班", Platform.QQ, "1", "104", "赵强", "10002", "邻市")],
        default_mode="confident",
        default_grace=10,
        now=NOW,
    )

    assert await _arm(uow) == "+1 −0 ~0"


async def test_an_exam_without_an_end_is_not_over_before_it_begins(
    uow: UnitOfWork, ids: dict[str, int]
) -> None:
    begins = datetime(2026, 12, 19, 8, 30, tzinfo=SHANGHAI)
    await uow.imports.calendar([(None, CalendarDate("纸考", begins, None))])
    await _arm(uow)
    numbers = [item.number for item in await uow.calendar.armed()]
    await uow.tasks.cancel(numbers, by="test", now=NOW)

    assert await uow.tasks.over(begins - timedelta(hours=1)) == []
    assert sorted(await uow.tasks.over(begins)) == sorted(numbers)


async def test_units_are_compiled_alone(uow: UnitOfWork, ids: dict[str, int]) -> None:
    await uow.imports.calendar([(None, until(20))])
    (other,) = [key for key, (name, _) in (await uow.calendar.units()).items() if name == "邻市"]

    plan = await term.propose(uow, RULES, NOW, unit_ids=[other])

    assert plan.class_ids == [ids["三班"]]
