"""A WeChat class group served end to end: the genuine gateway in front, the whole bot behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.app import App
from bot.settings import load_settings
from storage.imports import ClassRow
from storage.published import CalendarDate
from storage.reports import LedgerFilter
from storage.vocabulary import Platform
from tests.bot.adapters.wechat.conftest import PATIENCE
from tests.conftest import NOW
from tests.databases import fresh


@asynccontextmanager
async def whole_bot(world: Any, tmp_path: Path) -> AsyncIterator[App]:
    """A bot online on the gateway, with one class in the world's room and 小本 its tutor."""
    settings = load_settings(
        database={"url": await fresh(tmp_path / "test.db")},
        web={"port": 0},
        wechat={"endpoint": world.gateway.endpoint, "token": world.gateway.token},
    )
    app = App(settings)
    row = ClassRow("计算机2301", Platform.WECHAT, world.bot, world.room, "王敏", world.ben)
    async with app.database.unit_of_work() as uow:
        await uow.imports.classes(
            [row], default_mode="confident", default_grace=10, now=NOW.replace(month=1)
        )
        await uow.imports.calendar([(None, CalendarDate("考试报名", NOW, NOW))])
    async with app.running():
        async with asyncio.timeout(PATIENCE):
            while not app.outbox.online:  # noqa: ASYNC110 -- told to nobody
                await asyncio.sleep(0.01)
        yield app


async def test_a_question_in_a_wechat_group_is_answered_and_an_unknown_one_reaches_the_tutor(
    world, tmp_path
):
    async with whole_bot(world, tmp_path) as app:
        await world.say("期末考试什么时候报名", by=world.ann)
        (answer,) = await world.sent(1)
        await world.say("食堂几点关门啊", by=world.ann, mentions=[world.bot])
        await world.sent(3)
        await app.inbox.drain()
        async with app.database.reading() as uow:
            rows = await uow.reports.ledger(LedgerFilter())

    assert "12月1日 20:15" in answer["text"]
    assert [row.record.action for row in rows] == ["hand_off", "answer"]


async def test_who_never_wrote_privately_is_told_in_the_group_without_name_or_number(
    world, tmp_path
):
    """WeChat lets the bot write only to whoever has added it."""
    leak = "我身份证210105199002301111老师帮我查下"
    async with whole_bot(world, tmp_path):
        await world.say(leak, by=world.ann)
        first = await world.sent(2)
        await world.tell("你好", by=world.ann)
        await world.sent(3)
        await world.say(leak, by=world.ann)
        second = (await world.sent(5))[3:]

    to_group = [said for said in first if said["conversation"] == world.room]
    assert len(to_group) == 1
    assert "请发的同学撤回" in to_group[0]["text"]
    assert "安" not in to_group[0]["text"]
    assert "2101" not in to_group[0]["text"]
    assert world.ann in [said["conversation"] for said in second]
    assert world.room not in [said["conversation"] for said in second]
