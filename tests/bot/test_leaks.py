"""Y2, X9: fifty people talk to a real bot, things go wrong, and nothing of theirs is anywhere but
in the database: not in a log, a metric, an error page or a file beside it."""

import asyncio
import os
import socket
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp

from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.migrations import runner
from storage.vocabulary import SHANGHAI, Platform
from tests.bot.qq import ACCOUNT, GROUP, QQ
from tests.conftest import NOW

ROOT = Path(__file__).parents[2]
TOKEN = "token-that-no-log-may-hold"
#: Seconds; longer than the bot waits before it calls it an outage.
LOCKED = 7
SURNAMES = "欧阳司徒上官慕容诸葛"


@dataclass(frozen=True, slots=True)
class Person:
    """Made up; every part is unlike anything a program prints by itself."""

    number: int

    @property
    def name(self) -> str:
        return f"{SURNAMES[self.number % 9 : self.number % 9 + 2]}{chr(0x9F00 + self.number)}"

    @property
    def phone(self) -> str:
        return f"1397788{self.number:04}"

    @property
    def card(self) -> str:
        return f"2101021993030{self.number % 10}{self.number:04}"[:17] + "X"

    @property
    def account(self) -> int:
        return 7788990000 + self.number

    @property
    def student_no(self) -> str:
        return f"24300088{self.number:05}"

    @property
    def secret(self) -> str:
        return f"我家的猫叫咪咪{chr(0x9E00 + self.number)}号"

    @property
    def traces(self) -> tuple[str, ...]:
        return self.name, self.phone, self.card, self.student_no, self.secret


PEOPLE = [Person(number) for number in range(50)]


async def _school(url: str) -> None:
    database = Database(url)
    await runner.migrate(database)
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [ClassRow("计算机2301", Platform.QQ, str(ACCOUNT), str(GROUP), "王敏", "10001")],
            default_mode="confident",
            default_grace=10,
            now=NOW.replace(month=1),
        )
        await uow.imports.students(
            [
                StudentRow("计算机2301", it.student_no, it.name, Platform.QQ, str(it.account))
                for it in PEOPLE
            ]
        )
    await database.close()


async def _say(qq: QQ, who: Person, number: int, text: str, group: int | None = GROUP) -> None:
    at = {"type": "at", "data": {"qq": str(ACCOUNT)}}
    words = {"type": "text", "data": {"text": f" {text}"}}
    segments = [words] if group is None else [at, words]
    now = datetime.now(SHANGHAI)
    await qq.message(number, segments, user=who.account, name=who.name, group=group, at=now)


async def _talk(port: int, file: Path) -> None:
    """Questions, complaints, numbers, odd frames; a database that is locked for a moment."""
    async with QQ(port, TOKEN) as qq:
        for it in PEOPLE:
            text = f"投诉 {it.secret} 电话{it.phone} 身份证{it.card}"
            await _say(qq, it, it.number * 3 + 1, f"我是{it.name}，{it.secret}，停车卡找谁盖章")
            await _say(qq, it, it.number * 3 + 2, text, None)
        assert qq.socket is not None
        for it in PEOPLE[:10]:
            await qq.socket.send_str(f'{{"post_type": "message", "{it.name}": "{it.phone}')
            odd = {"post_type": "message", "message_type": "group", "self_id": ACCOUNT}
            await qq.socket.send_json({**odd, "sender": it.secret, "group_id": [it.phone]})
            await qq.socket.send_json({"post_type": "notice", "notice_type": it.name, "self_id": 1})
        await _worked(file, 2 * len(PEOPLE))
        lock = sqlite3.connect(file, isolation_level=None, timeout=20)
        lock.execute("BEGIN IMMEDIATE")
        for it in PEOPLE[:20]:
            await _say(qq, it, it.number * 3 + 3, f"{it.secret}，谁能开证明")
        await asyncio.sleep(LOCKED)
        lock.rollback()
        lock.close()
        await _worked(file, 2 * len(PEOPLE) + 20)
        assert qq.heard


async def _worked(file: Path, events: int) -> None:
    """Until so many messages have come and each has been worked."""
    async with asyncio.timeout(60):
        while True:
            with closing(sqlite3.connect(file, timeout=20)) as database:
                asked = "SELECT count(*), sum(state = 'done') FROM inbound_events"
                come, done = database.execute(asked).fetchone()
            if come >= events and done == come:
                return
            await asyncio.sleep(0.3)


async def _ask_pages(port: int) -> str:
    """What the pages say to whoever asks for what is not theirs."""
    seen: list[str] = []
    it = PEOPLE[0]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for path in ("/metrics", "/healthz", "/login", "/ledger", "/cases/T-1", "/nowhere"):
            async with session.get(path) as page:
                seen.append(await page.text())
        form = {"username": it.name, "password": it.phone}
        async with session.post("/login", data=form) as page:
            await page.read()
        wrong = {"Authorization": f"Bearer {it.student_no}"}
        async with session.get("/onebot/v11/ws", headers=wrong) as page:
            seen.append(await page.text())
    return "\n".join(seen)


def _left_behind(folder: Path) -> tuple[str, dict[str, bytes], bytes]:
    """What was printed, every file but the database, and the database."""
    files = {
        path.name: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("zhuxue.db")
    }
    stored = b"".join(path.read_bytes() for path in (folder / "data").glob("zhuxue.db*"))
    return (folder / "out").read_text(encoding="utf-8"), files, stored


async def test_y2_nothing_personal_outside_the_database(tmp_path: Path) -> None:
    """Y2: logs, pages, metrics and files searched for 250 traces of fifty people: none."""
    file = tmp_path / "data" / "zhuxue.db"
    file.parent.mkdir()
    await _school(f"sqlite+aiosqlite:///{file}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        "ZHUXUE_DATABASE__URL": f"sqlite+aiosqlite:///{file}", "ZHUXUE_WEB__PORT": str(port),
        "ZHUXUE_ONEBOT__ACCESS_TOKEN": TOKEN, "ZHUXUE_BOT__ENCODER": "false",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with (tmp_path / "out").open("wb") as out:
        bot = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=tmp_path, env={**os.environ, **own},
            stdout=out, stderr=out,
        )  # fmt: skip
        try:
            await _talk(port, file)
            pages = await _ask_pages(port)
        finally:
            bot.terminate()
            code = await bot.wait()

    log, files, stored = await asyncio.to_thread(_left_behind, tmp_path)
    assert code == 0, log[-2000:]
    # Something did go wrong, and was logged.
    assert "inbox.not_stored" in log or "outage" in log, log[-2000:]
    for person in PEOPLE:
        for trace in person.traces:
            assert trace not in log
            assert trace not in pages
            assert [name for name, data in files.items() if trace.encode() in data] == []
        # Y1: in the database itself the numbers are hidden.
        assert person.phone.encode() not in stored
        assert person.card.encode() not in stored
        assert person.secret.encode() in stored
    assert TOKEN not in log
    assert TOKEN not in pages
