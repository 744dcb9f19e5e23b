"""Reminders reach the undone once, with manners, and every one of them ends (P3, S15.3, S16.3)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from handlers.sentence_plans import Audience as Reach
from handlers.sentence_plans import Plan, Repeating
from handlers.settings import BotSettings, ReminderSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import reminders as jobs
from schedules.means import Means
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.models.people import class_groups, classes
from storage.models.queues import inbound_events
from storage.models.record import interactions
from storage.models.tasks import obligations
from storage.obligations import Sums
from storage.tasks import (
    Audience,
    Completion,
    Draft,
    How,
    Planned,
    ReminderState,
    Task,
    TaskKind,
    TaskState,
)
from storage.vocabulary import SHANGHAI, Capabilities, ConversationKind, Outgoing, Platform
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

TUTOR, LI, ZHANG = "10001", "20001", "20002"
#: Saturday; the deadline of the tests.
DEADLINE = datetime(2026, 12, 12, 17, 0, tzinfo=SHANGHAI)
#: Three days before, at eight: when the ladder's T-3 is due.
DUE = datetime(2026, 12, 9, 8, 0, tzinfo=SHANGHAI)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Bot:
    """The jobs of one instance on a scripted clock, and a platform that takes everything."""

    database: Database
    means: Means
    name: str = "one"
    sent: list[Outgoing] = field(default_factory=list)
    is_online: bool = True

    async def tick(self, at: datetime) -> list[Outgoing]:
        """Every job once, what it queues is sent, and settled; what was sent now."""
        await self.jobs(at)
        sent = await self.deliver(at)
        async with self.database.unit_of_work() as uow:
            await jobs.settle(uow, at, self.means)
        return sent

    async def jobs(self, at: datetime) -> None:
        for job in (jobs.fire, jobs.release):
            is_more = True
            while is_more:
                async with self.database.unit_of_work() as uow:
                    is_more = await job(uow, at, self.means)
        for other in (jobs.settle, jobs.report, jobs.wind_up):
            async with self.database.unit_of_work() as uow:
                await other(uow, at, self.means)

    async def deliver(self, at: datetime) -> list[Outgoing]:
        if not self.is_online:
            return []
        async with self.database.unit_of_work() as uow:
            claimed = await uow.outbox.claim(
                accounts={(Platform.QQ, QQ_ACCOUNT)},
                instance=self.name,
                now=at,
                lease=MINUTE,
                limit=1000,
            )
        sent = []
        for item in claimed:
            async with self.database.unit_of_work() as uow:
                key = item.message.key
                if await uow.outbox.begin(key, instance=self.name, now=at):
                    await uow.outbox.finish({key: f"id:{key}"}, now=at)
                    sent.append(item.message)
        self.sent += sent
        return sent

    async def from_to(self, start: datetime, end: datetime, step: timedelta = MINUTE) -> None:
        while start <= end:
            await self.tick(start)
            start += step

    async def sums(self) -> Sums:
        async with self.database.reading() as uow:
            return await uow.obligations.sums()


def means_with(**changes: object) -> Means:
    settings = ReminderSettings.model_validate({"spread_minutes": 0} | changes)
    return Means(
        BotSettings(),
        WorkingTime(WorkingTimeSettings()),
        {Platform.QQ: Capabilities()},
        reminders=settings,
    )


@pytest.fixture
async def bot(database: Database, classroom: Classroom) -> Bot:
    async with database.unit_of_work() as uow:
        await uow.lines.came(Platform.QQ, QQ_ACCOUNT, DUE - 30 * DAY)
    return Bot(database, means_with())


async def arm(
    database: Database,
    classroom: Classroom,
    *planned: tuple[str, datetime],
    useful_for: timedelta = DAY,
    **changes: object,
) -> int:
    """考试报名 with the given steps; its number."""
    async with database.unit_of_work() as uow:
        draft = {
            "kind": TaskKind.MATTER,
            "class_id": classroom.room.id,
            "title": "考试报名",
            "audience": Audience.UNDONE,
            "made_by": "person:1",
            "matter": "考试报名",
            "deadline": DEADLINE,
            "origin": "chat",
        } | changes
        number = await uow.tasks.arm(Draft(**draft), DUE - 7 * DAY)  # type: ignore[arg-type]
        await uow.flush()
        await uow.tasks.plan(
            [Planned(number, step, at, at + useful_for) for step, at in planned or [("T-3", DUE)]]
        )
    return number


async def complete(database: Database, number: int, person_id: int | None, now: datetime) -> int:
    assert person_id is not None
    async with database.unit_of_work() as uow:
        item = Completion(number, person_id, True, How.SAID, "已报名", "person", now)
        await uow.tasks.complete([item])
        return await uow.obligations.stop([number], person_id, by="done:said", now=now)


async def counts(database: Database, number: int) -> dict[str, int]:
    async with database.reading() as uow:
        return (await uow.obligations.counts([number])).get(number, {})


def told(sent: list[Outgoing]) -> list[str]:
    return sorted(message.conversation.id for message in sent)


# -- who is told where (S15.3, S16.3) -------------------------------------------------------------


async def test_s15_3_only_the_undone_are_told_and_in_private(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom)
    await complete(database, number, classroom.li.person_id, DUE - DAY)

    early = await bot.tick(DUE - MINUTE)
    due = await bot.tick(DUE)
    again = await bot.tick(DUE + MINUTE)

    assert early == again == []
    assert told(due) == [ZHANG]
    assert due[0].conversation.kind is ConversationKind.PRIVATE
    assert due[0].text.startswith("【助学小助手】考试报名：3 天后截止")
    assert f"办好了请回复「R-{number} 已报名」" in due[0].text
    assert await counts(database, number) == {"sent": 1}


async def test_who_is_undone_is_decided_when_it_is_due(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom, ("T-3", DUE), ("T-1", DUE + 2 * DAY))

    first = await bot.tick(DUE)
    await complete(database, number, classroom.li.person_id, DUE + DAY)
    second = await bot.tick(DUE + 2 * DAY)

    assert told(first) == [LI, ZHANG]
    assert told(second) == [ZHANG]


async def test_many_undone_are_told_in_the_group_and_mentioned_not_named(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=1)
    number = await arm(database, classroom)

    sent = await bot.tick(DUE)

    assert [message.conversation for message in sent] == [GROUP]
    assert set(sent[0].mention) == {LI, ZHANG}
    assert "李明" not in sent[0].text
    assert "请被 @ 的同学看一下" in sent[0].text
    assert await counts(database, number) == {"sent": 2}


async def test_too_many_to_mention_are_addressed_as_a_whole(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=1, mention_up_to=1)
    await arm(database, classroom)

    sent = await bot.tick(DUE)

    assert sent[0].mention == ()
    assert "请还没办的同学看一下" in sent[0].text


async def test_the_unbound_are_reached_by_the_group(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.students([StudentRow("计算机2301", "2430000000003", "王强")])
    number = await arm(database, classroom)

    sent = await bot.tick(DUE)

    assert told(sent) == sorted([LI, ZHANG, GROUP.id])
    assert await counts(database, number) == {"sent": 3}


async def test_s16_3_a_fee_is_never_spoken_of_in_the_group(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=0)
    async with database.unit_of_work() as uow:
        await uow.imports.students([StudentRow("计算机2301", "2430000000003", "王强")])
    number = await arm(database, classroom, title="缴费", matter="缴费", is_private=True)

    sent = await bot.tick(DUE)
    card = await bot.tick(DUE.replace(hour=17))

    assert told(sent) == [LI, ZHANG]
    assert all("http" not in message.text and "元" not in message.text for message in sent)
    assert await counts(database, number) == {"sent": 2, "expired": 1}
    assert told(card) == [TUTOR]
    assert "缴费：1 人（没有绑定账号，私聊不到）：王强" in card[0].text


async def test_where_the_bot_may_not_write_first_it_writes_to_who_has_written(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = Means(
        BotSettings(),
        WorkingTime(WorkingTimeSettings()),
        {Platform.QQ: Capabilities(writes_first=False)},
        reminders=ReminderSettings(spread_minutes=0),
    )
    async with database.unit_of_work() as uow:
        await uow.write(
            insert(inbound_events).values(
                dedup_key="1",
                kind="message",
                payload="{}",
                received_at=DUE,
                platform=Platform.QQ,
                account=QQ_ACCOUNT,
                conversation_id=ZHANG,
                message_id="1",
                state="done",
                attempts=0,
                not_before=DUE,
            )
        )
    await arm(database, classroom)

    sent = await bot.tick(DUE)

    assert told(sent) == sorted([ZHANG, GROUP.id])
    assert next(it for it in sent if it.conversation == GROUP).mention == (LI,)


async def test_everybody_is_told_once_in_each_group(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(
        database, classroom, audience=Audience.EVERYBODY, title="期末考试", matter="期末考试"
    )

    sent = await bot.tick(DUE)

    assert told(sent) == [GROUP.id]
    assert "办好了" not in sent[0].text
    assert await counts(database, number) == {"sent": 1}


async def test_a_students_own_reminder_comes_when_they_wanted_it_even_at_night(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    at = DUE.replace(hour=23)
    number = await arm(
        database,
        classroom,
        ("once", at),
        kind=TaskKind.PERSONAL,
        audience=Audience.OWNER,
        person_id=classroom.li.person_id,
        title="交形考",
        matter="",
        deadline=None,
    )

    sent = await bot.tick(at)

    assert told(sent) == [LI]
    assert "您让我提醒您：交形考" in sent[0].text
    assert await counts(database, number) == {"sent": 1}


async def test_one_row_of_the_ledger_a_reminder(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom)
    await bot.tick(DUE)
    await bot.tick(DUE + MINUTE)

    async with database.reading() as uow:
        rows = (await uow.read(select(interactions).where(interactions.c.task == number))).all()
    assert [(row.kind, row.action, row.article) for row in rows] == [
        ("reminder", "remind", "第十六条")
    ]
    assert rows[0].tutor_id == classroom.tutor.person_id


# -- the ladder stops -----------------------------------------------------------------------------


async def test_a_queued_message_is_withdrawn_from_whoever_has_done_it(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom)
    await bot.jobs(DUE)

    stopped = await complete(database, number, classroom.li.person_id, DUE)
    sent = await bot.tick(DUE + MINUTE)

    assert stopped == 1
    assert told(sent) == [ZHANG]
    assert await counts(database, number) == {"done": 1, "sent": 1}


async def test_even_one_that_is_leased_to_a_sender_is_withdrawn(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom)
    await bot.jobs(DUE)
    async with database.unit_of_work() as uow:
        claimed = await uow.outbox.claim(
            accounts={(Platform.QQ, QQ_ACCOUNT)},
            instance="one",
            now=DUE,
            lease=MINUTE,
            limit=10,
        )
    assert len(claimed) == 2

    await complete(database, number, classroom.li.person_id, DUE)

    async with database.unit_of_work() as uow:
        may = {
            it.message.conversation.id: await uow.outbox.begin(
                it.message.key, instance="one", now=DUE
            )
            for it in claimed
        }
    assert may == {LI: False, ZHANG: True}


async def test_one_whose_sending_has_begun_ends_as_sent(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom)
    await bot.jobs(DUE)
    async with database.unit_of_work() as uow:
        for item in await uow.outbox.claim(
            accounts={(Platform.QQ, QQ_ACCOUNT)}, instance="one", now=DUE, lease=HOUR, limit=10
        ):
            await uow.outbox.begin(item.message.key, instance="one", now=DUE)

    stopped = await complete(database, number, classroom.li.person_id, DUE)

    assert stopped == 0
    assert await counts(database, number) == {"queued": 2}


async def test_a_digest_that_carries_more_is_said_again_without_it(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    first = await arm(database, classroom)
    second = await arm(database, classroom, title="交论文选题", matter="", origin="chat")
    await bot.jobs(DUE)

    await complete(database, first, classroom.li.person_id, DUE)
    sent = await bot.tick(DUE + MINUTE)

    to_li = next(it for it in sent if it.conversation.id == LI)
    to_zhang = next(it for it in sent if it.conversation.id == ZHANG)
    assert "考试报名" not in to_li.text
    assert "交论文选题" in to_li.text
    assert "有 2 件事提醒您" in to_zhang.text
    assert await counts(database, first) == {"done": 1, "sent": 1}
    assert await counts(database, second) == {"sent": 2}


async def test_whoever_was_mentioned_is_not_mentioned_once_they_have_done_it(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=0)
    number = await arm(database, classroom)
    await bot.jobs(DUE)

    await complete(database, number, classroom.li.person_id, DUE)
    sent = await bot.tick(DUE + MINUTE)

    assert [message.mention for message in sent] == [(ZHANG,)]
    async with database.reading() as uow:
        assert await uow.group_days.pushed(GROUP, DUE.date()) == 1


async def test_a_cancelled_task_says_nothing_more(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom, ("T-3", DUE), ("T-1", DUE + 2 * DAY))
    await bot.jobs(DUE)

    async with database.unit_of_work() as uow:
        await uow.tasks.end([number], TaskState.CANCELLED, by="person:1", now=DUE)
    sent = await bot.tick(DUE + MINUTE)
    later = await bot.tick(DUE + 2 * DAY)

    assert sent == later == []
    assert await bot.sums() == Sums({"fired": 1, "cancelled": 1}, {"cancelled": 2})


# -- manners --------------------------------------------------------------------------------------


async def test_nothing_is_said_at_night(bot: Bot, database: Database, classroom: Classroom) -> None:
    night = DUE.replace(hour=23)
    number = await arm(database, classroom, ("T-3", night))

    await bot.from_to(night, night + 8 * HOUR, 30 * MINUTE)
    at_night = list(bot.sent)
    await bot.tick(DUE.replace(day=10, hour=7, minute=30))

    assert at_night == []
    assert told(bot.sent) == [LI, ZHANG]
    assert "补发" not in bot.sent[0].text
    assert await counts(database, number) == {"sent": 2}


async def test_what_would_not_outlive_the_night_is_said_before_it(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    await arm(database, classroom, ("T-2h", DUE.replace(hour=22, minute=30)), useful_for=2 * HOUR)

    early = await bot.tick(DUE.replace(hour=20))
    sent = await bot.tick(DUE.replace(hour=21, minute=30))

    assert early == []
    assert told(sent) == [LI, ZHANG]


async def test_what_was_queued_before_the_night_and_not_sent_waits_for_the_morning(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    evening = DUE.replace(hour=21, minute=50)
    await arm(database, classroom, ("T-3", evening))
    await bot.jobs(evening)

    async with database.unit_of_work() as uow:
        await jobs.settle(uow, evening + 15 * MINUTE, bot.means)
    at_night = await bot.deliver(evening + 16 * MINUTE)
    in_the_morning = await bot.tick(DUE.replace(day=10, hour=7, minute=30))

    assert at_night == []
    assert told(in_the_morning) == [LI, ZHANG]


async def test_a_group_hears_three_times_a_day_and_the_rest_in_one_digest(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=0)
    titles = ["事一", "事二", "事三", "事四", "事五"]
    for hour, title in enumerate(titles):
        await arm(
            database,
            classroom,
            ("once", DUE + hour * HOUR),
            title=title,
            matter="",
            useful_for=3 * DAY,
        )

    await bot.from_to(DUE, DUE.replace(hour=21), 10 * MINUTE)

    assert len(bot.sent) == 3
    assert all(title in bot.sent[2].text for title in titles[2:])
    assert bot.sent[2].text.startswith("【助学小助手】有 3 件事提醒大家")
    sums = await bot.sums()
    assert sums.obligations == {"sent": 10}


async def test_what_cannot_wait_until_tomorrow_uses_the_last_message_at_once(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=0)
    async with database.unit_of_work() as uow:
        await uow.group_days.note(GROUP, DUE.date(), by=2)
    await arm(database, classroom, useful_for=2 * HOUR)

    sent = await bot.tick(DUE)

    assert told(sent) == [GROUP.id]


async def test_where_the_group_has_heard_enough_the_urgent_goes_in_private(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(private_up_to=0)
    async with database.unit_of_work() as uow:
        await uow.group_days.note(GROUP, DUE.date(), by=3)
    await arm(database, classroom, useful_for=2 * HOUR)

    sent = await bot.tick(DUE)

    assert told(sent) == [LI, ZHANG]


async def test_a_muted_group_is_spared_until_it_may_be_spoken_in(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    """F13"""
    number = await arm(database, classroom, audience=Audience.EVERYBODY)
    async with database.unit_of_work() as uow:
        await uow.write(update(class_groups).values(muted_until=DUE + 2 * HOUR))

    await bot.from_to(DUE, DUE + 2 * HOUR - MINUTE, 5 * MINUTE)
    while_muted = list(bot.sent)
    await bot.from_to(DUE + 2 * HOUR, DUE + 2 * HOUR + 10 * MINUTE)

    assert while_muted == []
    assert told(bot.sent) == [GROUP.id]
    assert await counts(database, number) == {"sent": 1}


async def test_a_group_muted_to_the_end_is_reported_to_the_tutor_once(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom, audience=Audience.EVERYBODY, useful_for=4 * HOUR)
    async with database.unit_of_work() as uow:
        await uow.write(update(class_groups).values(muted_until=DUE + 9 * DAY))

    await bot.from_to(DUE, DUE.replace(hour=21), 10 * MINUTE)
    await bot.tick(DUE.replace(day=10, hour=18))

    assert await counts(database, number) == {"expired": 1}
    assert told(bot.sent) == [TUTOR]
    assert f"R-{number} 计算机2301 考试报名：全班（群里一直禁言）" in bot.sent[0].text


async def test_a_bot_asked_to_be_quiet_is_quiet(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    await arm(database, classroom, audience=Audience.EVERYBODY)
    async with database.unit_of_work() as uow:
        await uow.write(update(classes).values(quiet_until=DUE + HOUR))

    quiet = await bot.tick(DUE)
    await bot.from_to(DUE + HOUR, DUE + HOUR + 10 * MINUTE)

    assert quiet == []
    assert told(bot.sent) == [GROUP.id]


async def test_two_groups_do_not_hear_of_it_in_the_same_moment(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    bot.means = means_with(spread_minutes=3)
    rows = [
        ClassRow(f"会计240{n}", Platform.QQ, QQ_ACCOUNT, f"70000000{n}", "王敏", "10001", "市开大")
        for n in range(1, 4)
    ]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=DUE - DAY)
        rooms = [await uow.people.class_named(row.class_name, DUE) for row in rows]
    for room in rooms:
        assert room is not None
        await arm(database, classroom, audience=Audience.EVERYBODY, class_id=room.id)

    moments = []
    for second in range(0, 181, 5):
        at = DUE + timedelta(seconds=second)
        moments += [at] * len(await bot.tick(at))

    assert len(moments) == len(set(moments)) == 3


# -- nothing is lost (P3, F7) ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("down", "mark"),
    [
        (timedelta(seconds=29), ""),
        (timedelta(seconds=31), ""),
        (6 * MINUTE, ""),
        (3 * HOUR, "补发（晚了 180 分钟，约 3 小时）"),
    ],
    ids=["29 s", "31 s", "6 min", "3 h"],
)
async def test_f7_what_fell_due_while_the_bot_was_down_is_said_once(
    bot: Bot, database: Database, classroom: Classroom, down: timedelta, mark: str
) -> None:
    number = await arm(database, classroom)
    await bot.tick(DUE - timedelta(seconds=1))

    sent = await bot.tick(DUE + down)
    again = await bot.tick(DUE + down + MINUTE)

    assert told(sent) == [LI, ZHANG]
    assert again == []
    assert (mark in sent[0].text) if mark else ("补发" not in sent[0].text)
    assert await counts(database, number) == {"late" if mark else "sent": 2}
    assert (await bot.sums()).reminders == {"late" if mark else "fired": 1}


async def test_f7_after_three_days_the_past_is_reported_and_the_rest_comes_in_one_message(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    over = await arm(database, classroom, useful_for=8 * HOUR, title="课程注册", matter="")
    soon = await arm(
        database,
        classroom,
        ("T-3", DUE + HOUR),
        useful_for=9 * DAY,
        title="毕业照",
        matter="",
        deadline=DEADLINE + 5 * DAY,
    )
    sooner = await arm(database, classroom, ("T-3", DUE + 2 * HOUR), useful_for=9 * DAY)
    await bot.tick(DUE - MINUTE)

    sent = await bot.tick(DUE + 3 * DAY + HOUR)
    card = await bot.tick(DUE.replace(day=12, hour=17))

    assert told(sent) == [LI, ZHANG]
    text = sent[0].text
    assert "补发（晚了" in text
    assert "课程注册" not in text
    assert text.index("考试报名") < text.index("毕业照")
    assert await counts(database, over) == {"expired": 2}
    assert await counts(database, soon) == await counts(database, sooner) == {"late": 2}
    assert told(card) == [TUTOR]
    assert "课程注册：2 人（机器人停机，过了时间）：李明、张红" in card[0].text
    assert (await bot.sums()).reminders == {"expired": 1, "late": 2}


async def test_an_account_that_is_offline_makes_it_late_and_says_so(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom)
    async with database.unit_of_work() as uow:
        await uow.lines.went(Platform.QQ, QQ_ACCOUNT, DUE - MINUTE)

    await bot.from_to(DUE, DUE + 40 * MINUTE)
    async with database.unit_of_work() as uow:
        await uow.lines.came(Platform.QQ, QQ_ACCOUNT, DUE + 41 * MINUTE)
    sent = await bot.tick(DUE + 41 * MINUTE)

    assert told(sent) == [LI, ZHANG]
    assert "补发（晚了 41 分钟）" in sent[0].text
    assert await counts(database, number) == {"late": 2}


async def test_a_message_the_platform_refuses_is_reported(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    """F13"""
    number = await arm(database, classroom)
    await bot.jobs(DUE)
    async with database.unit_of_work() as uow:
        for item in await uow.outbox.claim(
            accounts={(Platform.QQ, QQ_ACCOUNT)}, instance="one", now=DUE, lease=HOUR, limit=10
        ):
            await uow.outbox.put_back(item, instance="one", at=DUE, error="1201", is_dead=True)

    card = await bot.tick(DUE.replace(hour=17))

    assert await counts(database, number) == {"expired": 2}
    assert "考试报名：2 人（平台没有发出去）：李明、张红" in card[0].text


async def test_only_so_much_is_queued_as_can_be_sent_soon(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    """L4"""
    async with database.unit_of_work() as uow:
        await uow.imports.students(
            [
                StudentRow("计算机2301", f"25{n:04}", f"同学{n}", Platform.QQ, f"3{n:04}")
                for n in range(100)
            ]
        )
    bot.means = means_with(private_up_to=200)
    await arm(database, classroom)

    await bot.jobs(DUE)
    async with database.reading() as uow:
        waiting = await uow.outbox.backlog()
    await bot.from_to(DUE, DUE + 3 * MINUTE)

    assert waiting.ready == 40
    assert len(bot.sent) == 102


# -- the clock (F9, F10) --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        [HOUR],
        [-HOUR],
        [3 * DAY],
        [timedelta(milliseconds=500), timedelta(milliseconds=-500)] * 3,
    ],
    ids=["+1 h", "-1 h", "+3 days", "NTP"],
)
async def test_f9_a_clock_that_steps_neither_repeats_nor_skips(
    bot: Bot, database: Database, classroom: Classroom, steps: list[timedelta]
) -> None:
    await arm(database, classroom, ("T-3", DUE), ("T-1", DUE + HOUR), useful_for=9 * DAY)
    at = DUE
    await bot.tick(at)
    for step in steps:
        at += step
        await bot.tick(at)
    await bot.from_to(at, at + 3 * HOUR, 10 * MINUTE)

    assert told(bot.sent) == sorted([LI, ZHANG] * 2)
    async with database.reading() as uow:
        minutes = (await uow.read(select(obligations.c.late_minutes))).scalars().all()
    assert all(value is not None and value >= 0 for value in minutes)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai"])
async def test_f10_the_hosts_time_zone_changes_nothing(
    bot: Bot, database: Database, classroom: Classroom, zone: str
) -> None:
    night = DUE.replace(hour=23)
    await arm(database, classroom, ("T-3", night))
    host = ZoneInfo(zone)

    await bot.from_to(night.astimezone(host), (night + 8 * HOUR).astimezone(host), HOUR)
    at_night = list(bot.sent)
    await bot.tick(DUE.replace(day=10, hour=7, minute=30).astimezone(host))

    assert at_night == []
    assert told(bot.sent) == [LI, ZHANG]


# -- two instances --------------------------------------------------------------------------------


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """A second engine on the same PostgreSQL; SQLite has one process."""
    if database.is_sqlite:
        pytest.skip("one process a SQLite file")
    made = Database(database.url.render_as_string(hide_password=False))
    yield made
    await made.close()


async def test_p3_two_instances_at_once_say_everything_once(
    bot: Bot, database: Database, other: Database, classroom: Classroom
) -> None:
    """F8"""
    numbers = [
        await arm(database, classroom, title=f"事{n}", matter="", useful_for=2 * DAY)
        for n in range(20)
    ]
    second = Bot(other, bot.means, "two")

    for minute in range(6):
        at = DUE + minute * MINUTE
        await asyncio.gather(bot.jobs(at), second.jobs(at))
        await asyncio.gather(bot.deliver(at), second.deliver(at))
        await asyncio.gather(bot.jobs(at), second.jobs(at))

    sums = await bot.sums()
    said = [message.text for message in (*bot.sent, *second.sent) if message.conversation.id == LI]
    assert sums == Sums({"fired": 20}, {"sent": 40})
    for number in numbers:
        assert sum(f"R-{number} " in text for text in said) <= 1
    assert ReminderState.FIRED in sums.reminders


# -- what comes round again -----------------------------------------------------------------------


async def test_what_is_over_ends_and_not_before_it_has_been_said(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    number = await arm(database, classroom, deadline=DUE + HOUR)

    await bot.tick(DUE)
    async with database.reading() as uow:
        before: Task | None = await uow.tasks.of(number)
    await bot.tick(DUE + HOUR)

    async with database.reading() as uow:
        after: Task | None = await uow.tasks.of(number)
    assert before is not None
    assert before.is_armed
    assert after is not None
    assert (after.state, after.ended_by) == (TaskState.ENDED, "clock")


async def test_what_comes_round_again_is_planned_anew_and_what_was_missed_is_reported(
    bot: Bot, database: Database, classroom: Classroom
) -> None:
    daily = Repeating("FREQ=DAILY", date(2026, 12, 9), (time(8, 0),), DUE + 9 * DAY)
    number = await arm(
        database,
        classroom,
        ("2026-12-09T08:00", DUE),
        title="打卡",
        matter="",
        deadline=None,
        audience=Audience.EVERYBODY,
        rule=Plan(daily, Reach.EVERYBODY, None, "打卡").to_json(),
    )

    for day in (0, 1, 5, 6, 7, 8, 9, 10):
        await bot.from_to(DUE + day * DAY, DUE + day * DAY + 2 * MINUTE)

    async with database.reading() as uow:
        steps = (await uow.tasks.reminders_of([number]))[number]
        task = await uow.tasks.of(number)
    assert [step.due_at for step in steps] == [DUE + day * DAY for day in range(10)]
    assert [step.state for step in steps[2:5]] == [ReminderState.EXPIRED] * 3
    assert len(bot.sent) == 7
    assert task is not None
    assert task.state is TaskState.ENDED
