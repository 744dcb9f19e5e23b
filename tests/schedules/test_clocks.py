"""Clocks of what waits (S10.3, S10.6, S13.5, S19.3): who is warned when, and where it goes then."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from handlers.settings import BotSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import clocks
from schedules.means import Means
from storage.database import Database
from storage.models.people import duties, identities, persons
from storage.outbox import OutboxMessage
from storage.questions import Category, HandOff, Level
from storage.vocabulary import SHANGHAI, Label, Message, Platform, Role, Topic
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

MEANS = Means(BotSettings(), WorkingTime(WorkingTimeSettings()))
#: Tuesday; a working day is 08:30–17:30, nine hours.
ASKED = datetime(2026, 12, 1, 10, 0, tzinfo=SHANGHAI)
TUTOR, BOSS, PROVINCE = "10001", "10088", "10099"


@dataclass(frozen=True, slots=True)
class Said:
    to: str
    text: str


@pytest.fixture
async def ladder(database: Database, classroom: Classroom, now: datetime) -> Database:
    """The class's unit has a supervisor with a chat account, and so has the province."""
    async with database.unit_of_work() as uow:
        for index, (name, account, unit_id) in enumerate(
            (("马主任", BOSS, classroom.room.unit_id), ("省校值班", PROVINCE, None)), start=901
        ):
            await uow.write(persons.insert().values(id=index, name=name))
            await uow.write(
                identities.insert().values(platform=Platform.QQ, user_id=account, person_id=index)
            )
            await uow.write(
                duties.insert().values(
                    person_id=index,
                    role=Role.SUPERVISOR,
                    unit_id=unit_id,
                    starts_at=now.replace(month=9),
                )
            )
    return database


async def note(
    database: Database,
    classroom: Classroom,
    number: int = 1,
    *,
    category: Category = Category.INQUIRY,
    about_tutor: bool = False,
) -> HandOff:
    message = Message(GROUP, "20001", "小李", str(number), "停车卡在哪里办", ASKED)
    async with database.unit_of_work() as uow:
        return await uow.questions.add(
            message,
            kind=Label.COMPLAINT if category is Category.COMPLAINT else Label.QUESTION,
            class_id=classroom.room.id,
            person_id=None,
            event_id=number,
            text=message.text,
            topic=Topic.OTHER,
            is_about_tutor=about_tutor,
            surface_at=None,
            category=category,
            level=Level.UNIT if about_tutor else Level.TUTOR,
        )


async def passes(database: Database, at: datetime) -> list[Said]:
    """What one pass of the clock brings, and a second pass at once: nothing more."""
    async with database.unit_of_work() as uow:
        await clocks.watch(uow, at, MEANS)
    async with database.unit_of_work() as uow:
        await clocks.watch(uow, at + timedelta(seconds=1), MEANS)
    return await sent(database, at)


async def sent(database: Database, at: datetime) -> list[Said]:
    async with database.unit_of_work() as uow:
        claimed: list[OutboxMessage] = await uow.outbox.claim(
            accounts={(Platform.QQ, QQ_ACCOUNT)},
            instance="test",
            now=at + timedelta(seconds=5),
            lease=timedelta(days=9),
            limit=100,
        )
    return [Said(item.message.conversation.id, item.message.text) for item in claimed]


async def get(database: Database, number: int) -> HandOff:
    async with database.reading() as uow:
        found = await uow.questions.get(number)
    assert found is not None
    return found


def on(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=SHANGHAI)


async def test_s10_3_warned_at_half_and_four_fifths_then_up_the_ladder(
    ladder: Database, classroom: Classroom
) -> None:
    item = await note(ladder, classroom)

    early = await passes(ladder, on(1, 14, 29))
    half = await passes(ladder, on(1, 14, 30))
    later = await passes(ladder, on(1, 17, 0))
    fifths = await passes(ladder, on(2, 8, 42))
    over = await passes(ladder, on(2, 10, 0))

    assert early == later == []
    assert [said.to for said in half] == [TUTOR]
    assert f"T-{item.number} 计算机2301：首次答复时限已用 50%，12月2日 10:00 到期" in half[0].text
    assert [said.to for said in fifths] == [TUTOR]
    assert "已用 80%" in fifths[0].text
    assert sorted(said.to for said in over) == [TUTOR, BOSS]
    assert (await get(ladder, item.number)).level is Level.UNIT


async def test_the_ladder_ends_at_the_province(ladder: Database, classroom: Classroom) -> None:
    item = await note(ladder, classroom)
    await passes(ladder, on(2, 10, 0))
    await passes(ladder, on(3, 10, 0))
    assert (await get(ladder, item.number)).level is Level.PROVINCE

    over = await passes(ladder, on(4, 10, 0))
    again = await passes(ladder, on(9, 10, 0))

    assert [said.to for said in over] == [PROVINCE]
    assert again == []


async def test_weekends_and_nights_do_not_count(ladder: Database, classroom: Classroom) -> None:
    message_on_friday = on(4, 17, 0)
    item = await note(ladder, classroom)
    async with ladder.unit_of_work() as uow:
        await uow.cases.escalate(item, Level.UNIT, message_on_friday)

    monday_morning = await passes(ladder, on(7, 12, 29))
    monday_noon = await passes(ladder, on(7, 12, 30))

    assert monday_morning == []
    assert "已用 50%，12月7日 17:00 到期" in monday_noon[0].text


async def test_no_clock_runs_while_the_bot_is_blind(ladder: Database, classroom: Classroom) -> None:
    await note(ladder, classroom)
    async with ladder.unit_of_work() as uow:
        await uow.lines.came(Platform.QQ, QQ_ACCOUNT, ASKED)
        await uow.lines.went(Platform.QQ, QQ_ACCOUNT, on(1, 11))
        await uow.lines.came(Platform.QQ, QQ_ACCOUNT, on(1, 14))

    assert await passes(ladder, on(1, 17, 29)) == []
    assert [said.to for said in await passes(ladder, on(1, 17, 30))] == [TUTOR]


async def test_s13_5_a_complaint_has_three_clocks_and_one_extension(
    ladder: Database, classroom: Classroom
) -> None:
    item = await note(ladder, classroom, category=Category.COMPLAINT)
    async with ladder.unit_of_work() as uow:
        assert await uow.cases.update_told(item, on(1, 11))
    quiet = await passes(ladder, on(1, 17))
    # The next word is due two working days after the last, before the solution is.
    update = await passes(ladder, on(2, 11))
    async with ladder.unit_of_work() as uow:
        told = await get(ladder, item.number)
        assert await uow.cases.update_told(told, on(3, 11))
        assert await uow.cases.extend(told, on(3, 12))
        assert not await uow.cases.extend(told, on(3, 13))

    assert quiet == []
    assert "进展时限已用 50%" in update[0].text
    assert await passes(ladder, on(4, 10)) == []


async def test_s13_6_a_warning_about_the_tutor_never_reaches_the_tutor(
    ladder: Database, classroom: Classroom
) -> None:
    await note(ladder, classroom, category=Category.COMPLAINT, about_tutor=True)

    heard = [said.to for hour in range(1, 30) for said in await passes(ladder, on(hour, 16))]

    assert TUTOR not in heard
    assert {BOSS, PROVINCE} <= set(heard)


async def test_s10_6_a_class_without_a_tutor_hands_up(
    ladder: Database, classroom: Classroom
) -> None:
    item = await note(ladder, classroom)
    async with ladder.unit_of_work() as uow:
        await uow.write(duties.update().where(duties.c.role == Role.TUTOR).values(ends_at=ASKED))
        assert [one.number for one in await uow.cases.without_tutor(on(1, 11))] == [item.number]
    async with ladder.unit_of_work() as uow:
        await clocks.adopt(uow, on(1, 11), MEANS)

    assert [said.to for said in await sent(ladder, on(1, 11))] == [BOSS]
    assert (await get(ladder, item.number)).level is Level.UNIT
    async with ladder.reading() as uow:
        assert await uow.cases.without_tutor(on(1, 11)) == []


async def test_s19_3_two_silent_working_days_tell_the_tutor_then_the_supervisor_once(
    ladder: Database, classroom: Classroom
) -> None:
    await note(ladder, classroom)

    async def silence(at: datetime) -> list[Said]:
        for _ in range(2):
            async with ladder.unit_of_work() as uow:
                await clocks.notice_silence(uow, at, MEANS)
        return await sent(ladder, at)

    before = await silence(on(2, 14, 59))
    warned = await silence(on(2, 15, 0))
    told = await silence(on(3, 10, 0))
    after = await silence(on(3, 16, 0))

    assert before == after == []
    assert [said.to for said in warned] == [TUTOR]
    assert [said.to for said in told] == [BOSS]
    assert "王敏老师" in told[0].text
