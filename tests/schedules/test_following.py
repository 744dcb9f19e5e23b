"""Reminders that hang on the calendar move with it (A6, S16.7); who has done one has done both."""

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from handlers.reminding import next_times
from handlers.sentences import Plan, read
from handlers.settings import BotSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import reminders as jobs
from schedules.means import Means
from storage.database import Database
from storage.models.queues import outbox
from storage.models.record import interactions
from storage.published import CalendarDate
from storage.tasks import (
    Audience,
    Completion,
    Draft,
    How,
    Planned,
    ReminderState,
    TaskKind,
    TaskState,
)
from storage.vocabulary import SHANGHAI, Capabilities, Platform
from tests.conftest import Classroom

MEANS = Means(BotSettings(), WorkingTime(WorkingTimeSettings()), {Platform.QQ: Capabilities()})
START = datetime(2026, 12, 1, 10, 0, tzinfo=SHANGHAI)
DAY = timedelta(days=1)


def registration(day: int) -> CalendarDate:
    ends = datetime(2026, 12, day, 17, 0, tzinfo=SHANGHAI)
    return CalendarDate("考试报名", ends - 7 * DAY, ends)


async def publish(database: Database, date: CalendarDate) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.calendar([(None, date)])


async def order(
    database: Database, classroom: Classroom, sentence: str, *, own: bool = False
) -> int:
    async with database.unit_of_work() as uow:
        dates = (await uow.published.for_classes([classroom.room.id]))[classroom.room.id].dates
        by_name = {date.matter: date for date in dates}
        plan = read(sentence, START, by_name, MEANS.working, is_student=own)
        assert isinstance(plan, Plan), plan
        draft = Draft(
            TaskKind.PERSONAL if own else TaskKind.REMINDER,
            classroom.room.id,
            plan.text,
            Audience.OWNER if own else Audience.EVERYBODY,
            made_by="person:1",
            text=plan.text,
            person_id=classroom.li.person_id if own else None,
            rule=plan.to_json(),
        )
        number = await uow.tasks.arm(draft, START)
        await uow.tasks.plan(next_times(number, plan, START, MEANS.working))
    return number


async def follow(database: Database, now: datetime) -> None:
    async with database.unit_of_work() as uow:
        await jobs.follow(uow, now, MEANS)


async def planned(database: Database, number: int) -> list[str]:
    async with database.reading() as uow:
        found = (await uow.tasks.reminders_of([number])).get(number, [])
    return [f"{it.due_at:%m-%d %H:%M}" for it in found if it.state is ReminderState.PLANNED]


async def rows(database: Database) -> list[str]:
    async with database.reading() as uow:
        statement = select(interactions.c.action).order_by(interactions.c.id)
        return list((await uow.read(statement)).scalars())


async def told(database: Database) -> list[tuple[str, str, datetime]]:
    async with database.reading() as uow:
        statement = select(outbox.c.conversation_id, outbox.c.payload, outbox.c.not_before)
        found = (await uow.read(statement)).all()
    return [(row[0], json.loads(row[1])["text"], row[2]) for row in found]


async def test_s16_7_a_reminder_moves_with_the_date_it_hangs_on(
    database: Database, classroom: Classroom
) -> None:
    await publish(database, registration(12))
    number = await order(database, classroom, "考试报名截止前一天8点提醒大家核对科目")
    await follow(database, START)
    assert await planned(database, number) == ["12-11 08:00"]

    await publish(database, registration(10))
    await follow(database, START)
    await follow(database, START)

    assert await planned(database, number) == ["12-09 08:00"]
    assert await rows(database) == ["moved"]
    # And back again: the one that was cancelled stands once more.
    await publish(database, registration(12))
    await follow(database, START + DAY)
    assert await planned(database, number) == ["12-11 08:00"]


async def test_what_comes_round_until_a_date_ends_with_it(
    database: Database, classroom: Classroom
) -> None:
    await publish(database, registration(12))
    number = await order(database, classroom, "每天9点提醒大家核对科目到考试报名截止")
    assert (await planned(database, number))[0] == "12-02 09:00"

    await publish(database, registration(4))
    await follow(database, START)

    assert await planned(database, number) == ["12-02 09:00", "12-03 09:00", "12-04 09:00"]


@pytest.mark.parametrize(("hour", "sent"), [(12, "12-01 12:00"), (23, "12-02 07:30")])
async def test_a_date_that_is_over_ends_it_and_its_tutor_hears_of_it_by_day(
    database: Database, classroom: Classroom, hour: int, sent: str
) -> None:
    await publish(database, registration(12))
    number = await order(database, classroom, "考试报名截止前一天8点提醒大家核对科目")

    await publish(database, CalendarDate("考试报名", None, START + timedelta(hours=1)))
    await follow(database, START.replace(hour=hour))

    async with database.reading() as uow:
        task = await uow.tasks.of(number)
    assert task is not None
    assert task.state is TaskState.CANCELLED
    assert task.ended_by == "calendar:考试报名"
    assert await planned(database, number) == []
    ((place, text, not_before),) = await told(database)
    assert place == "10001"
    assert f"R-{number}「核对科目」停了" in text
    assert f"{not_before:%m-%d %H:%M}" == sent
    assert await rows(database) == ["withdrawn"]


async def test_a_students_own_is_told_to_the_student_alone(
    database: Database, classroom: Classroom
) -> None:
    await publish(database, registration(12))
    number = await order(database, classroom, "考试报名截止前一天8点提醒我核对科目", own=True)

    await publish(database, CalendarDate("考试报名", None, None, "另行通知"))
    await follow(database, START)

    ((place, text, _),) = await told(database)
    assert (place, f"R-{number}「核对科目」" in text) == ("20001", True)


async def test_s15_3_who_has_done_the_matter_is_not_reminded_by_the_tutors_sentence_either(
    database: Database, classroom: Classroom
) -> None:
    li = classroom.li.person_id
    assert li is not None
    due = START + DAY
    numbers: list[int] = []
    async with database.unit_of_work() as uow:
        for kind, audience in (
            (TaskKind.MATTER, Audience.UNDONE),
            (TaskKind.REMINDER, Audience.UNDONE),
            (TaskKind.REMINDER, Audience.EVERYBODY),
        ):
            draft = Draft(
                kind, classroom.room.id, "考试报名", audience, made_by="person:1", matter="考试报名"
            )
            number = await uow.tasks.arm(draft, START)
            await uow.tasks.plan([Planned(number, "T-1", due, due + DAY)])
            numbers.append(number)
    matter, sentence, to_all = numbers
    async with database.unit_of_work() as uow:
        await jobs.fire(uow, due, MEANS)

    async with database.unit_of_work() as uow:
        item = Completion(matter, li, True, How.SAID, "已报名", "person", due)
        changed = await uow.tasks.complete([item])
        stopped = await uow.obligations.stop([matter], li, by="done:said", now=due)

    assert [it.task for it in changed] == [matter]
    assert stopped == 2
    async with database.reading() as uow:
        assert await uow.tasks.done_by(numbers) == {matter: {li}, sentence: {li}}
        counts = await uow.obligations.counts(numbers)
    assert counts[matter] == counts[sentence] == {"done": 1, "planned": 1}
    assert counts[to_all] == {"planned": 1}

    async with database.unit_of_work() as uow:
        back = Completion(sentence, li, False, How.LIST, "名单", "person", due)
        await uow.tasks.complete([back])
    async with database.reading() as uow:
        assert await uow.tasks.done_by(numbers) == {}
