"""F5: the database is away. Nothing under the cap is lost, the rest is counted, people are told."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy.exc import OperationalError

from bot import inbox
from bot.app import App
from bot.clock import Clock
from bot.outage import Outage
from bot.settings import load_settings
from handlers import texts_outage
from storage.database import Database
from storage.errors import Unreachable
from storage.imports import ClassRow
from storage.migrations import runner
from storage.reports import LedgerFilter
from storage.vocabulary import Conversation, ConversationKind, Message, Platform
from tests.bot.qq import ACCOUNT, GROUP, QQ
from tests.bot.test_lines import until
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PATIENCE", 0.2)


@asynccontextmanager
async def bot(folder: Path) -> AsyncIterator[App]:
    """A bot with one class on QQ; again on the same folder is a restart."""
    app = App(
        load_settings(
            database={"url": f"sqlite+aiosqlite:///{folder}/outage.db"},
            web={"port": 0},
            onebot={"access_token": "secret"},
        )
    )
    await runner.migrate(app.database)
    rows = [
        ClassRow(f"班{i}", Platform.QQ, str(ACCOUNT), str(GROUP + i), "王敏", "10001")
        for i in range(2)
    ]
    async with app.database.unit_of_work() as uow:
        await uow.imports.classes(
            rows, default_mode="confident", default_grace=10, now=NOW.replace(month=1)
        )
    async with app.running():
        yield app


@asynccontextmanager
async def locked(folder: Path) -> AsyncIterator[None]:
    """Somebody else writes to the file and does not stop."""
    connect = sqlite3.connect
    with closing(
        connect(folder / "outage.db", 30, isolation_level=None, check_same_thread=False)
    ) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def said(qq: QQ, text: str) -> list[int]:
    """In which groups, in order."""
    return [m["group_id"] - GROUP for m in qq.heard if m["group_id"] and text in m["text"]]


async def health(app: App) -> tuple[int, dict[str, object]]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{app.port}/healthz") as answer,
    ):
        return answer.status, await answer.json()


def outage(folder: Path) -> Outage:
    return Outage(folder=folder / "spool", adapters={}, name="学习小助手", clock=Clock())


def message(number: int) -> Message:
    place = Conversation(Platform.QQ, str(ACCOUNT), ConversationKind.GROUP, str(GROUP))
    text = f"第{number}号问题谁能帮我盖章"
    return Message(place, "20001", "小李", str(number), text, NOW, str(number), mentions_bot=True)


async def _has(qq: QQ, text: str) -> bool:
    return bool(said(qq, text))


async def _is_over(app: App) -> bool:
    return not app.inbox.outage.is_on and app.inbox.outage.dropped.total() == 0


async def _ask(qq: QQ, number: int) -> None:
    await qq.say(number, f"第{number}号问题谁能帮我盖章", group=GROUP + number % 2)


async def test_what_is_said_meanwhile_is_kept_told_once_a_chat_and_answered_in_order(
    tmp_path: Path,
) -> None:
    async with bot(tmp_path) as app, QQ(app.port) as qq:
        await qq.is_open.wait()
        async with locked(tmp_path):
            for number in range(1, 9):
                await _ask(qq, number)
            async with asyncio.timeout(10):
                while len(said(qq, texts_outage.busy())) < 2:  # noqa: ASYNC110 -- a test's poll
                    await asyncio.sleep(0.02)
            await _ask(qq, 9)
            status, answer = await health(app)
            kept = [path.read_text("utf-8") for path in (tmp_path / "spool").glob("*.events")]
        await qq.until_answered(range(1, 10), 20)
        after = await health(app)

    assert (status, answer["database"], answer["on_disk"]) == (503, "not storing", True)
    assert sum(text.count("\n") for text in kept) >= 8
    assert sorted(said(qq, texts_outage.busy())) == [0, 1]
    assert len(said(qq, "已转助学教师")) == 9
    for place in (0, 1):
        quotes = [
            int(m["quote"])
            for m in qq.heard
            if m["group_id"] == GROUP + place and "已转" in m["text"]
        ]
        assert quotes == sorted(quotes)
    assert after[0] == 200
    assert not list((tmp_path / "spool").iterdir())


async def test_a_process_that_ends_meanwhile_leaves_it_to_the_next(tmp_path: Path) -> None:
    events = [message(number) for number in range(1, 6)]
    old = outage(tmp_path)
    await old.begin(events[:3])
    await old.keep(events[3])
    await old.keep(events[4])
    await old.keep_at_a_stop(events)
    (kept,) = (tmp_path / "spool").glob("*.events")
    mode = kept.stat().st_mode
    # The process ended in the middle of a line.
    kept.write_text(kept.read_text("utf-8") + 'message {"conver', "utf-8")

    async with bot(tmp_path) as app, QQ(app.port) as qq:
        await qq.until_answered(range(1, 6), 20)
        async with app.database.reading() as uow:
            rows = await uow.reports.ledger(LedgerFilter(), limit=100)

    assert mode & 0o077 == 0
    assert len(rows) == 5
    assert not list((tmp_path / "spool").iterdir())


async def test_what_a_living_process_keeps_is_left_to_it(tmp_path: Path) -> None:
    living = outage(tmp_path)
    await living.begin([message(1)])

    assert await outage(tmp_path).left_behind() == []

    await living.end()


async def test_past_the_cap_it_is_counted_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "ROOM", 4)

    async with bot(tmp_path) as app, QQ(app.port) as qq:
        await qq.is_open.wait()
        async with locked(tmp_path):
            for number in range(1, 8):
                await _ask(qq, 2 * number)
            async with asyncio.timeout(10):
                while app.inbox.outage.dropped.total() < 3:  # noqa: ASYNC110 -- a test's poll
                    await asyncio.sleep(0.02)
            await _ask(qq, 17)
            await until(lambda: _has(qq, texts_outage.not_kept()))
        await qq.until_answered(range(2, 10, 2), 20)
        await until(lambda: _is_over(app))
        async with app.database.reading() as uow:
            lines = await uow.audit.lines(limit=10)

    assert said(qq, "已转助学教师") == [0, 0, 0, 0]
    assert said(qq, texts_outage.not_kept()) == [1]
    assert [it.detail for it in lines if it.action == "inbox.dropped"] == ["events:4"]


async def test_a_full_disk_keeps_it_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("no folder")
    full = outage(tmp_path)

    await full.begin([message(1)])

    assert full.is_on
    assert not full.is_on_disk


def test_only_what_is_the_databases_fault_is() -> None:
    def from_sqlite(code: int) -> OperationalError:
        original = sqlite3.OperationalError()
        original.sqlite_errorcode = code
        return OperationalError("", {}, original)

    assert Database.is_away(from_sqlite(sqlite3.SQLITE_FULL))
    assert Database.is_away(from_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT))
    assert Database.is_away(Unreachable())
    assert not Database.is_away(from_sqlite(sqlite3.SQLITE_ERROR))
    assert not Database.is_away(FileNotFoundError())
    assert not Database.is_away(ValueError())
