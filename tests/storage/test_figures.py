"""The record in numbers over weeks: each day summed once, and the same as counting row by row."""

from datetime import datetime, timedelta

import pytest

from storage.database import Database
from storage.figures import LATE, STEPS, Sum, step_at, step_of
from storage.imports import ClassRow
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import SolvedBy
from storage.vocabulary import Action, Platform, Topic

DAY = timedelta(days=1)
ASKED = Record(Kind.QUESTION, Action.ANSWER, topic=Topic.FEES, solved_by=SolvedBy.BOT)
REPLIED = Record(Kind.REPLY, Action.ANSWER, solved_by=SolvedBy.TUTOR, first_reply_seconds=4000.0)
ACCUSED = Record(Kind.QUESTION, Action.ANSWER, is_about_tutor=True)


async def school(database: Database, now: datetime) -> dict[str, ClassRoom]:
    rows = [
        ClassRow(f"班{unit}", Platform.QQ, "1", f"60{unit}", f"师{unit}", f"t{unit}", f"市{unit}")
        for unit in "甲乙"
    ]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="mention", default_grace=10, now=now)
    async with database.reading() as uow:
        found = [await uow.people.class_named(f"班{unit}", now) for unit in "甲乙"]
    return {room.name: room for room in found if room is not None}


async def write(
    database: Database, room: ClassRoom, at: datetime, *records: Record, key: str
) -> None:
    async with database.unit_of_work() as uow:
        for number, record in enumerate(records):
            uow.interactions.add(
                record,
                key=f"{key}:{number}",
                at=at,
                class_id=room.id,
                tutor_id=None,
                person_id=None,
                platform=Platform.QQ,
                speaker_id="s",
                event_id=None,
                message_id="",
            )


async def sum_all(database: Database, now: datetime) -> None:
    has_more = True
    while has_more:
        async with database.unit_of_work() as uow:
            has_more = await uow.figures.sum_days(now, limit=2)


async def days(database: Database, now: datetime, unit: int | None = None) -> list[Sum]:
    async with database.reading() as uow:
        units = None if unit is None else [unit]
        found, missing = await uow.figures.days(units, now.date() - 9 * DAY, now.date())
    assert missing == 0
    return sorted(found, key=lambda it: (it.day, it.kind, it.step))


async def test_days_summed_and_days_counted_are_the_same(database: Database, now: datetime) -> None:
    rooms = await school(database, now)
    for back in (2, 1, 0):
        await write(
            database, rooms["班甲"], now - back * DAY, ASKED, ASKED, REPLIED, ACCUSED, key=f"{back}"
        )
    await write(database, rooms["班乙"], now - DAY, ASKED, key="other")
    counted = await days(database, now)

    await sum_all(database, now)
    await sum_all(database, now)

    assert await days(database, now) == counted
    assert [it.count for it in counted] == [2, 1, 3, 1, 2, 1]
    assert {it.step for it in counted if it.kind is Kind.REPLY} == {step_of(4000.0)}


async def test_a_unit_sees_its_own(database: Database, now: datetime) -> None:
    rooms = await school(database, now)
    await write(database, rooms["班甲"], now - DAY, ASKED, ASKED, key="a")
    await write(database, rooms["班乙"], now - DAY, ASKED, key="b")
    await sum_all(database, now)

    own = await days(database, now, rooms["班乙"].unit_id)

    assert [it.count for it in own] == [1]


async def test_a_row_and_its_correction_count_once_whenever_it_came(
    database: Database, now: datetime
) -> None:
    rooms = await school(database, now)
    await write(database, rooms["班甲"], now - 2 * DAY, ASKED, key="a")
    await sum_all(database, now)
    await write(database, rooms["班甲"], now, ASKED, key="b")
    async with database.unit_of_work() as uow:
        assert await uow.interactions.correct(1, topic=Topic.DEGREE, article="")
        assert await uow.interactions.correct(2, topic=Topic.DEGREE, article="")

    assert [it.count for it in await days(database, now)] == [1, 1]
    async with database.reading() as uow:
        hours = await uow.figures.hours(None, now - DAY, now + DAY)
    assert hours == {(now.hour, Topic.DEGREE): 1}


async def test_a_day_is_summed_only_some_time_after_its_end(
    database: Database, now: datetime
) -> None:
    rooms = await school(database, now)
    await write(database, rooms["班甲"], now, ASKED, key="a")
    midnight = datetime.combine(now.date() + DAY, datetime.min.time(), now.tzinfo)
    await sum_all(database, midnight + LATE - timedelta(minutes=1))
    await write(database, rooms["班甲"], now, ASKED, key="late")
    await sum_all(database, midnight + LATE)

    assert [it.count for it in await days(database, now + DAY)] == [2]


@pytest.mark.parametrize(
    ("counts", "share", "step"),
    [([0] * 8, 0.5, None), ([1, 0, 0, 9], 0.5, 3), ([5, 5], 0.5, 0), ([9, 0, 1], 0.9, 0)],
)
def test_the_step_within_which_a_share_is(counts: list[int], share: float, step: int) -> None:
    assert step_at(counts, share) == step


def test_steps_include_their_bounds() -> None:
    assert [step_of(bound) for bound in STEPS] == list(range(len(STEPS)))
    assert step_of(STEPS[-1] + 1) == len(STEPS)
