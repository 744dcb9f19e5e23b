"""The calendar feed: parsed back as a calendar program would, and shut to everybody else."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from icalendar import Calendar
from sqlalchemy import select

from bot import demo
from bot.adapters.playground import ACCOUNT
from bot.app import App
from bot.settings import load_settings
from handlers.feed import hashed, without_amounts
from storage.imports import StudentRow
from storage.models.people import classes, identities
from storage.models.queues import outbox
from storage.models.students import feeds
from storage.published import CalendarDate
from storage.tasks import Audience, Completion, Draft, How, TaskKind
from storage.timetable import Lesson
from storage.vocabulary import SHANGHAI, Platform
from tests.databases import fresh
from tests.scenarios.player import ScriptedClock

ADDRESS = "https://zhuxue.example.edu.cn"


@dataclass
class School:
    """A running bot with the demo class, one student of it, and what they were told."""

    app: App
    class_name: str
    class_id: int
    student: str
    person_id: int

    async def say(self, text: str, who: str = "") -> str:
        assert self.app.playground is not None
        heard: list[str] = []
        watch = lambda it: heard.append(it.text) if it.sender_id == ACCOUNT else None  # noqa: E731
        self.app.playground.watchers.append(watch)
        who = who or self.student
        await self.app.playground.say(user_id=who, name=who, text=text)
        await self.app.inbox.drain()
        await self.app.outbox.drain()
        self.app.playground.watchers.remove(watch)
        return "\n".join(heard)

    async def link(self) -> str:
        told = await self.say("日历订阅")
        match = re.search(rf"{ADDRESS}(/feed/[\w-]+\.ics)", told)
        assert match, told
        return match[1]

    async def get(self, path: str, host: str = "") -> tuple[int, bytes, dict[str, str]]:
        headers = {"Host": host} if host else {}
        url = f"http://127.0.0.1:{self.app.port}{path}"
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
            return answer.status, await answer.read(), dict(answer.headers)


@asynccontextmanager
async def a_school(folder: Path, base_url: str = ADDRESS) -> AsyncIterator[School]:
    settings = load_settings(
        database={"url": await fresh(folder / "feed.db")},
        web={"port": 0, "base_url": base_url},
    )
    app = App(settings, has_playground=True, clock=ScriptedClock())
    now = app.clock.now()
    await demo.seed(app.database, now)
    async with app.database.unit_of_work() as uow:
        name = (await uow.read(select(classes.c.name))).scalars().first()
        assert name is not None
        row = StudentRow(name, "2430000000077", "小新", Platform.PLAYGROUND, "小新")
        await uow.imports.students([row], now=now)
    async with app.database.reading() as uow:
        class_id = (await uow.read(select(classes.c.id).where(classes.c.name == name))).scalar_one()
        mine = identities.c.user_id == "小新"
        person_id = (await uow.read(select(identities.c.person_id).where(mine))).scalar_one()
    async with app.running():
        yield School(app, name, class_id, "小新", person_id)


async def test_what_a_calendar_program_reads(tmp_path: Path) -> None:
    async with a_school(tmp_path) as school:
        now = school.app.clock.now()
        start = datetime(2026, 12, 5, 9, 0, tzinfo=SHANGHAI)
        draft = Draft(
            TaskKind.COLLECTION,
            school.class_id,
            "交报名表，附费用 300 元",
            Audience.UNDONE,
            "王敏",
            deadline=start + timedelta(days=3),
        )
        done = Draft(
            TaskKind.RECEIPT,
            school.class_id,
            "已经办完的",
            Audience.UNDONE,
            "王敏",
            deadline=start,
        )
        own = Draft(
            TaskKind.PERSONAL,
            school.class_id,
            "做形考",
            Audience.OWNER,
            "小新",
            person_id=school.person_id,
            deadline=start + timedelta(days=4),
        )
        async with school.app.database.unit_of_work() as uow:
            lesson = Lesson(
                school.class_name, "高等数学", start, start + timedelta(hours=2), "张华", "A101"
            )
            await uow.timetable.put([lesson], now)
            dated = CalendarDate("缴费", start, start + timedelta(days=7), "每学分 80 元")
            await uow.imports.calendar([(school.class_name, dated)])
            await uow.tasks.arm(draft, now)
            await uow.tasks.arm(own, now)
            number = await uow.tasks.arm(done, now)
            await uow.flush()
            await uow.tasks.complete(
                [Completion(number, school.person_id, True, How.SAID, "1", "小新", now)]
            )

        status, body, headers = await school.get(await school.link())

    assert status == 200
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert headers["Cache-Control"] == "private"
    parsed = Calendar.from_ical(body)
    events = {str(it["summary"]): it for it in parsed.walk("VEVENT")}
    assert {"高等数学（张华）", "缴费 开始", "缴费 截止", "交报名表，附费用 截止"} <= set(events)
    assert "做形考 截止" in events
    assert "已经办完的 截止" not in events
    maths = events["高等数学（张华）"]
    assert maths["dtstart"].dt == start.astimezone(UTC)
    assert maths["dtstart"].dt.utcoffset() == timedelta(0)
    assert maths["dtend"].dt - maths["dtstart"].dt == timedelta(hours=2)
    assert str(maths["location"]) == "A101"
    assert events["缴费 截止"]["dtend"].dt == (start + timedelta(days=7)).astimezone(UTC)
    assert [str(it["action"]) for it in events["缴费 截止"].walk("VALARM")] == ["DISPLAY"]
    uids = [str(it["uid"]) for it in parsed.walk("VEVENT")]
    assert len(uids) == len(set(uids))
    assert "元" not in body.decode()


async def test_a_new_link_ends_the_old_one_and_cancelling_ends_both(tmp_path: Path) -> None:
    async with a_school(tmp_path) as school:
        first = await school.link()
        second = await school.link()
        statuses = [(await school.get(it))[0] for it in (first, second)]
        ended = await school.say("取消订阅")
        after = (await school.get(second))[0]
        again = await school.say("取消订阅")

    assert first != second
    assert statuses == [404, 200]
    assert "已取消" in ended
    assert after == 404
    assert "没有日历订阅" in again


async def test_the_secret_is_stored_nowhere(tmp_path: Path) -> None:
    async with a_school(tmp_path) as school:
        token = (await school.link()).removeprefix("/feed/").removesuffix(".ics")
        school.app.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
        await school.app.alarm.run_all()
        async with school.app.database.reading() as uow:
            kept = [row.token_hash for row in await uow.read(select(feeds))]
            told = [row.payload for row in await uow.read(select(outbox))]

    assert len(token) >= 43
    assert kept == [hashed(token)]
    assert not any(token in it for it in told)


@pytest.mark.parametrize("path", ["/feed/x.ics", f"/feed/{'a' * 43}.ics", "/feed/.ics", "/feed/"])
async def test_a_guess_is_no_page(tmp_path: Path, path: str) -> None:
    async with a_school(tmp_path) as school:
        await school.link()
        status, body, headers = await school.get(path)

    assert status == 404
    assert b"BEGIN" not in body
    assert headers["Cache-Control"] == "no-store"


async def test_a_proxy_may_call_us_by_the_address_in_the_settings(tmp_path: Path) -> None:
    async with a_school(tmp_path) as school:
        link = await school.link()
        ours = (await school.get(link, host="zhuxue.example.edu.cn"))[0]
        other = (await school.get(link, host="evil.example.com"))[0]

    assert (ours, other) == (200, 421)


async def test_who_gets_none(tmp_path: Path) -> None:
    async with a_school(tmp_path, base_url="") as school:
        off = await school.say("日历订阅")
        stranger = await school.say("日历订阅", who="没人认识")

    assert "还没有开通日历订阅" in off
    assert "要先确认您是谁" in stranger


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("交费 300 元", "交费"),
        ("缴费￥1,200.50 前", "缴费 前"),
        ("补交学费1.2万元", "补交学费"),
        ("成绩 58 分的重做", "成绩 的重做"),
        ("第 3 次形考", "第 3 次形考"),
    ],
)
def test_no_amount_and_no_mark_in_a_title(text: str, shown: str) -> None:
    assert without_amounts(text) == shown
