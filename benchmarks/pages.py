"""
How fast the pages are over a province's record: a million rows, forty thousand students.

`python -m benchmarks.pages [--rows 1000000] [--url postgresql+asyncpg://…]`; the database is made
in a folder of its own and removed, or kept with `--keep FOLDER` and used again.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from argon2 import PasswordHasher
from sqlalchemy import insert, text
from yarl import URL

from bot.app import App
from bot.settings import load_settings
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.interactions import Kind
from storage.migrations import runner
from storage.models.queues import inbound_events
from storage.models.record import interactions
from storage.questions import SolvedBy
from storage.vocabulary import (
    SHANGHAI,
    Action,
    Conversation,
    ConversationKind,
    Message,
    Platform,
    Topic,
)

CLASSES, STUDENTS, UNITS = 200, 200, 10
CHUNK = 20_000
WORDS = (
    "期末考试什么时候报名",
    "准考证去哪打印",
    "学费什么时候交",
    "形考还差一次怎么补",
    "教材什么时候发",
    "毕业证几月能拿到",
    "课程注册的网址打不开",
    "图像采集在哪拍照",
    "学位英语怎么报名",
    "平台密码忘了怎么办",
)
RARE = "螺丝刀"
PASSWORD = "correct horse battery"


async def seed(database: Database, rows: int) -> None:
    """The classes of a province and `rows` of their record over a year."""
    now = datetime(2026, 11, 20, tzinfo=SHANGHAI)
    groups = [
        ClassRow(
            f"班{i:03}", Platform.QQ, f"{i % 20}", f"{600_000 + i}", f"师{i}", f"t{i}",
            f"市开大{i % UNITS}",
        )
        for i in range(CLASSES)
    ]  # fmt: skip
    people = [
        StudentRow(f"班{i:03}", f"{i:03}{j:04}", f"学{i:03}{j:03}", Platform.QQ, f"s{i}-{j}")
        for i in range(CLASSES)
        for j in range(STUDENTS)
    ]
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with database.unit_of_work() as uow:
        await uow.imports.classes(groups, default_mode="mention", default_grace=10, now=now)
        await uow.imports.students(people)
        unit = await uow.supervisors.unit_named("市开大3")
        for name, unit_id in (("province", None), ("unit", unit)):
            await uow.supervisors.put(
                username=name, name=name, password_hash=hasher.hash(PASSWORD), unit_id=unit_id
            )
        tutors = dict(
            tuple(row)
            for row in await uow.read(
                text("SELECT class_id, person_id FROM duties WHERE role = 'tutor'")
            )
        )
        persons = [
            tuple(row) for row in await uow.read(text("SELECT person_id, class_id FROM enrolments"))
        ]
    began, chance = time.perf_counter(), random.Random(7)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        at = [
            now - timedelta(days=365) * (1 - (start + n) / rows)
            for n in range(count)
        ]  # fmt: skip
        made = list(_rows(start, at, persons, tutors, chance))
        async with database.unit_of_work() as uow:
            await uow.write(insert(inbound_events), [event for event, _ in made])
            await uow.write(insert(interactions), [row for _, row in made])
        _tell(f"{start + count:,} / {rows:,} rows, {time.perf_counter() - began:.0f} s")
    began, indexed = time.perf_counter(), 0
    while True:
        async with database.unit_of_work() as uow:
            done = await uow.search.index()
        indexed += done
        if not done:
            break
        if indexed % 50_000 == 0:
            _tell(f"{indexed:,} indexed, {time.perf_counter() - began:.0f} s")
    has_more = True
    while has_more:
        async with database.unit_of_work() as uow:
            has_more = await uow.figures.sum_days(now + timedelta(days=1), limit=10)
    async with database.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()
    print(f"\nindexed {indexed / (time.perf_counter() - began):,.0f} rows/s")


def _rows(
    start: int,
    at: list[datetime],
    persons: list[tuple[Any, ...]],
    tutors: dict[int, int],
    chance: random.Random,
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for n, moment in enumerate(at):
        number = start + n + 1
        person, class_id = chance.choice(persons)
        words = chance.choice(WORDS) + (f"，{RARE}也要带吗" if number % 9973 == 0 else f" {number}")
        place = Conversation(Platform.QQ, "1", ConversationKind.GROUP, str(class_id))
        message = Message(place, f"s{person}", "学员", str(number), words, moment)
        yield (
            {
                "id": number,
                "dedup_key": f"b{number}",
                "kind": "message",
                "payload": msgspec.json.encode(message).decode(),
                "received_at": moment,
                "platform": Platform.QQ,
                "account": "1",
                "conversation_id": str(class_id),
                "message_id": str(number),
                "state": "done",
                "attempts": 0,
                "not_before": moment,
            },
            {
                "id": number,
                "key": f"event:{number}",
                "at": moment,
                "class_id": class_id,
                "tutor_id": tutors.get(class_id),
                "person_id": person,
                "platform": Platform.QQ,
                "speaker_id": f"s{person}",
                "kind": _kind(number),
                "topic": chance.choice(list(Topic)),
                "article": "第十六条",
                "action": Action.ANSWER,
                "solved_by": SolvedBy.BOT if number % 3 else SolvedBy.TUTOR,
                "first_reply_seconds": 2.0 if number % 3 else 3600.0 * chance.random() * 20,
                "entry": f"e.{number % 120}" if number % 3 else None,
                "event_id": number,
                "message_id": str(number),
                "is_about_tutor": False,
            },
        )


def _kind(number: int) -> Kind:
    if number % 500 == 0:
        return Kind.COMPLAINT
    return Kind.QUESTION if number % 3 else Kind.REPLY


PAGES = (
    "/board",
    "/board/live",
    "/figures",
    "/figures?days=90",
    "/figures/months",
    "/classes",
    "/review",
    "/ledger",
    "/ledger?class=班013",
    "/ledger?tutor=师13",
    "/ledger?kind=complaint",
    "/ledger?from=2026-03-01&to=2026-03-02",
    "/ledger?before=500000",
    "/ledger?q=准考证",
    "/ledger?q=" + RARE,
    "/ledger?q=学位英语+报名",
    "/ledger?q=从来没有人说过",
    "/ledger?q=准考证&class=班013",
    "/cases",
    "/audit",
    "/knowledge",
    "/lines",
)


async def measure(app: App, times: int) -> list[tuple[str, str, float, float]]:
    """(who, page, median, 95th percentile), in milliseconds, one request after the other."""
    found = []
    base = URL(f"http://127.0.0.1:{app.port}")
    for who in ("province", "unit"):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            await _sign_in(http, base, who)
            for page in PAGES:
                spans = []
                for _ in range(times):
                    began = time.perf_counter()
                    async with http.get(base.join(URL(page))) as response:
                        await response.read()
                        assert response.status == 200, (page, response.status)
                    spans.append(1000 * (time.perf_counter() - began))
                spans.sort()
                found.append((who, page, statistics.median(spans), spans[int(0.95 * times)]))
                _tell(f"{who} {page}")
    return found


async def _sign_in(http: aiohttp.ClientSession, base: URL, who: str) -> None:
    async with http.get(base / "login") as response:
        page = await response.text()
    token = page.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": token, "username": who, "password": PASSWORD, "next": "/ledger"}
    async with http.post(base / "login", data=form, allow_redirects=False) as response:
        assert response.status == 303, response.status


async def export(app: App) -> tuple[float, float, float]:
    """Seconds an export of about 100,000 rows takes; `/healthz` meanwhile, median and worst, ms."""
    base = URL(f"http://127.0.0.1:{app.port}")
    spans: list[float] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        await _sign_in(http, base, "province")

        async def look() -> None:
            while True:
                began = time.perf_counter()
                async with http.get(base / "healthz") as response:
                    await response.read()
                spans.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(0.05)

        looking = asyncio.create_task(look())
        began = time.perf_counter()
        # A tenth of the year.
        path = "/export/ledger.xlsx?from=2026-10-15&to=2026-11-20"
        async with http.get(base.join(URL(path)), timeout=aiohttp.ClientTimeout(600)) as response:
            size = len(await response.read())
            assert response.status == 200, response.status
        seconds = time.perf_counter() - began
        looking.cancel()
    _tell(f"export of {size / 1e6:.1f} MB")
    return seconds, statistics.median(spans), max(spans)


def _tell(words: str) -> None:
    sys.stderr.write(f"\r\033[K{words}")
    sys.stderr.flush()


async def main(url: str, rows: int, times: int) -> None:
    """Seed unless it is there, start the bot, ask for every page."""
    settings = load_settings(
        database={"url": url}, web={"port": 0, "host": "127.0.0.1"}, bot={"encoder": False}
    )
    database = Database(url)
    await runner.migrate(database)
    async with database.reading() as uow:
        there = (await uow.read(text("SELECT COUNT(*) FROM interactions"))).scalar_one()
    if not there:
        await seed(database, rows)
    await database.close()
    app = App(settings)
    async with app.running():
        found = await measure(app, times)
        seconds, usual, worst = await export(app)
    print(f"\n{rows:,} rows, {CLASSES * STUDENTS:,} students, {database.url.get_backend_name()}")
    print("| 谁 | 页 | 中位 | p95 |\n|---|---|---|---|")
    for who, page, middle, high in found:
        print(f"| {who} | `{page}` | {middle:.0f} ms | {high:.0f} ms |")
    print(
        f"导出约十分之一：{seconds:.1f} 秒；其间 /healthz 中位 {usual:.1f} ms，最慢 {worst:.0f} ms"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--url", default="")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        where = given.url or f"sqlite+aiosqlite:///{folder}/pages.db"
        asyncio.run(main(where, given.rows, given.times))
