"""Accounts that come and go, with a real QQ client: windows, clocks that stop, rosters mended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.app import App
from bot.settings import load_settings
from bot.status import in_lines, look
from storage.imports import ClassRow, StudentRow
from storage.reports import LedgerFilter
from storage.vocabulary import Conversation, ConversationKind, Platform
from tests.bot.qq import ACCOUNT, GROUP, QQ
from tests.databases import fresh
from tests.scenarios.player import START, ScriptedClock

LI, WANG, NEW = 20001, 10001, 20009
PLACE = Conversation(Platform.QQ, str(ACCOUNT), ConversationKind.GROUP, str(GROUP))
MINUTES = timedelta(minutes=1)


@asynccontextmanager
async def bot(folder: Path) -> AsyncIterator[tuple[App, ScriptedClock]]:
    """A bot with one class on QQ; calling it again on the same folder is a restart."""
    clock = ScriptedClock()
    file = folder / "lines.db"
    is_restart = file.exists()
    app = App(
        load_settings(
            database={"url": f"sqlite+aiosqlite:///{file}" if is_restart else await fresh(file)},
            web={"port": 0},
            onebot={"access_token": "secret"},
        ),
        clock=clock,
    )
    rows = [ClassRow("计算机2301", *PLACE_KEY, "王敏", str(WANG), "市开大")]
    async with app.database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=START)
        await uow.imports.students(
            [StudentRow("计算机2301", "2430000000001", "小李", Platform.QQ, str(LI))]
        )
    async with app.running():
        yield app, clock


PLACE_KEY = (Platform.QQ, str(ACCOUNT), str(GROUP))


async def until(is_so: Callable[[], Awaitable[Any]]) -> None:
    """Come back when it is so."""
    async with asyncio.timeout(10):
        while not await is_so():  # noqa: ASYNC110 -- a test's poll
            await asyncio.sleep(0.02)


async def is_online(app: App) -> bool:
    async with app.database.reading() as uow:
        return [line.is_online for line in await uow.lines.all()] == [True]


async def is_offline(app: App) -> bool:
    async with app.database.reading() as uow:
        return [line.is_online for line in await uow.lines.all()] == [False]


async def say(qq: QQ, number: int, text: str, who: int, app: App, **more: Any) -> None:
    segments: list[dict[str, Any]] = [{"type": "text", "data": {"text": text}}]
    if "quote" in more:
        segments.insert(0, {"type": "reply", "data": {"id": str(more["quote"])}})
    await qq.message(number, segments, user=who, name="某人", group=GROUP, at=app.clock.now())


async def test_the_tutors_clock_stops_while_the_bot_cannot_hear(tmp_path: Path) -> None:
    """F12"""
    async with bot(tmp_path) as (app, clock):
        async with QQ(app.port) as qq:
            await until(lambda: is_online(app))
            await say(qq, 1, "@助手 校门口的停车卡在哪里办？", LI, app)
            await until(lambda: _rows(app))
            clock.advance(5 * MINUTES)
        await until(lambda: is_offline(app))
        clock.advance(30 * MINUTES)
        async with QQ(app.port) as qq:
            await until(lambda: is_online(app))
            clock.advance(MINUTES / 2)
            await say(qq, 2, "在东门传达室办，带学生证", WANG, app, quote=1)
            await until(lambda: _replies(app))
            (reply,) = await _replies(app)

            async with app.database.reading() as uow:
                shown = "\n".join(in_lines(await look(uow, clock.now())))

    assert reply.record.first_reply_seconds == 5.5 * 60
    assert f"✓ QQ {ACCOUNT}：在线" in shown
    assert f"QQ {ACCOUNT} 12月1日 09:05 — 12月1日 09:35，30 分钟" in shown


async def _rows(app: App) -> list[Any]:
    await app.inbox.drain()
    async with app.database.reading() as uow:
        return await uow.reports.ledger(LedgerFilter())


async def _replies(app: App) -> list[Any]:
    return [row for row in await _rows(app) if row.record.kind == "reply"]


async def test_who_came_and_went_unseen_is_found_on_return(tmp_path: Path) -> None:
    async def members() -> set[str]:
        async with app.database.reading() as uow:
            return await uow.members.present_in(PLACE)

    async with bot(tmp_path) as (app, clock):
        async with QQ(app.port, members={GROUP: [LI, WANG]}):
            await until(members)
            assert await members() == {str(LI), str(WANG)}
        await until(lambda: is_offline(app))
        clock.advance(30 * MINUTES)
        async with QQ(app.port, members={GROUP: [WANG, NEW]}):
            await until(lambda: _equals(members, {str(WANG), str(NEW)}))


async def test_who_joined_while_the_bot_was_away_is_welcomed(tmp_path: Path) -> None:
    """S11.4: found by comparing rosters; whoever was there at the first look is not."""

    async def looked() -> set[str]:
        async with app.database.reading() as uow:
            return await uow.members.present_in(PLACE)

    async def heard() -> bool:
        await app.alarm.run_all()
        app.outbox.wake()
        return bool(qq.heard)

    async with bot(tmp_path) as (app, clock):
        async with QQ(app.port, members={GROUP: [LI, WANG]}) as qq:
            await until(looked)
            clock.advance(10 * MINUTES)
            await app.alarm.run_all()
            assert qq.heard == []
        await until(lambda: is_offline(app))
        clock.advance(30 * MINUTES)
        async with QQ(app.port, members={GROUP: [LI, WANG, NEW]}) as qq:
            await until(lambda: _equals(looked, {str(LI), str(WANG), str(NEW)}))
            clock.advance(10 * MINUTES)
            await until(heard)
            group = [message for message in qq.heard if message["group_id"] == GROUP]

    assert [message["mentions"] for message in group] == [[str(NEW)]]
    assert "欢迎新同学来到计算机2301" in group[0]["text"]


async def _equals(found: Callable[[], Awaitable[set[str]]], wanted: set[str]) -> bool:
    return await found() == wanted


async def test_a_group_lost_while_away_is_named_and_gets_no_notice(tmp_path: Path) -> None:
    """F13"""

    async def lost() -> list[str]:
        async with app.database.reading() as uow:
            return await uow.members.lost_groups()

    async with bot(tmp_path) as (app, _), QQ(app.port, members={GROUP + 1: [LI]}) as qq:
        await until(lost)
        async with app.database.reading() as uow:
            shown = "\n".join(in_lines(await look(uow, app.clock.now())))
        # The tutor, in private, is told where the notice does not go.
        segments = [{"type": "text", "data": {"text": "/公告 明天停课"}}]
        await qq.message(5, segments, user=WANG, name="王敏", group=None, at=app.clock.now())
        await until(lambda: _heard(qq))
        heard = [message["text"] for message in qq.heard]

    assert "机器人已不在这些班的群里：计算机2301" in shown
    assert len(heard) == 1
    assert "公告没有发出" in heard[0]


async def _heard(qq: QQ) -> int:
    return len(qq.heard)


async def test_a_stop_is_where_the_next_window_begins(tmp_path: Path) -> None:
    async with bot(tmp_path) as (app, clock), QQ(app.port):
        await until(lambda: is_online(app))
        clock.advance(5 * MINUTES)
    async with bot(tmp_path) as (app, clock):
        clock.advance(60 * MINUTES)
        assert await is_offline(app)
        async with QQ(app.port):
            await until(lambda: is_online(app))
        async with app.database.reading() as uow:
            (window,) = await uow.lines.windows(START)

    assert (window.starts_at, window.ends_at) == (START + 5 * MINUTES, START + 60 * MINUTES)
