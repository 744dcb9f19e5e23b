"""
L3: How fast the pages are over a province's record: a million rows, forty thousand students, a
hundred thousand hand-offs, forty thousand obligations, fifty thousand lines of audit; and what an
export of a hundred thousand rows takes, from the bot too.

`python -m benchmarks.pages [--rows 1000000] [--url postgresql+asyncpg://…]`; the database is made
in a folder of its own and removed, or kept with `--keep FOLDER` and used again.
"""

import argparse
import asyncio
import math
import random
import resource
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

from benchmarks import throughput
from bot.app import App
from bot.settings import load_settings
from storage.cases import StepKind
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.interactions import Kind
from storage.migrations import runner
from storage.models.appraisal import settled_days
from storage.models.hand_offs import hand_off_steps, hand_offs
from storage.models.queues import inbound_events
from storage.models.record import interactions
from storage.models.tasks import obligations, reminders, tasks
from storage.published import CalendarDate
from storage.questions import Category, Level, SolvedBy, State
from storage.tasks import Audience, TaskKind, TaskState
from storage.vocabulary import (
    SHANGHAI,
    Action,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)

CLASSES, STUDENTS, UNITS = 200, 200, 10
#: Groups that ask during the export: more in one than a minute's flood limit would not be answered.
ASKING = 100
CHUNK = 20_000
#: Of so many rows one was handed over; the last of these still wait.
HANDED_OVER, WAITING = 10, 2000
AUDIT = 50_000
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
    account, first = str(throughput.ACCOUNT), throughput.FIRST_GROUP
    asked = [
        ClassRow(f"问{i:03}", Platform.QQ, account, f"{first + i}", f"师问{i}", f"a{i}")
        for i in range(ASKING)
    ]
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [*groups, *asked], default_mode="mention", default_grace=10, now=now
        )
        await uow.imports.students(people)
        await uow.imports.calendar([(None, CalendarDate("考试报名", now, now, "", "校历"))])
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
            items = list(_items(made, rows))
            await uow.write(insert(hand_offs), [item for item, _ in items])
            steps = [step for _, step in items if step is not None]
            if steps:
                await uow.write(insert(hand_off_steps), steps)
            await uow.write(insert(interactions), [row for _, row in made])
        _tell(f"{start + count:,} / {rows:,} rows, {time.perf_counter() - began:.0f} s")
    await _seed_the_rest(database, persons, now)
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
        if database.url.get_backend_name() == "postgresql":
            # Rows that came with their numbers leave the counters behind.
            for counter in ("inbound_events.id", "interactions.id"):
                table, column = counter.split(".")
                await connection.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'),"
                        f" (SELECT max({column}) FROM {table}))"
                    )
                )
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
                "hand_off": None if number % HANDED_OVER else number // HANDED_OVER,
                "entry": f"e.{number % 120}" if number % 3 else None,
                "event_id": number,
                "message_id": str(number),
                "is_about_tutor": False,
            },
        )


def _items(
    made: list[tuple[dict[str, Any], dict[str, Any]]], rows: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Hand-offs, those that are closed with the step that did it."""
    for event, row in made:
        number = row["hand_off"]
        if number is None:
            continue
        is_open = number > rows // HANDED_OVER - WAITING
        at, tutor = row["at"], row["tutor_id"]
        closed = None if is_open else at + timedelta(hours=number % 40)
        is_complaint = row["kind"] == Kind.COMPLAINT
        yield (
            {
                "number": number,
                "kind": Label.COMPLAINT if is_complaint else Label.QUESTION,
                "state": State.WAITING if is_open else State.CLOSED,
                "class_id": row["class_id"],
                "platform": Platform.QQ,
                "account": "1",
                "conversation_kind": "group",
                "conversation_id": event["conversation_id"],
                "via_group": "",
                "asker_id": row["speaker_id"],
                "asker_name": "学员",
                "person_id": row["person_id"],
                "event_id": row["event_id"],
                "message_id": row["message_id"],
                "text": WORDS[number % len(WORDS)],
                "topic": row["topic"],
                "is_about_tutor": False,
                "asked_at": at,
                "category": Category.COMPLAINT if is_complaint else Category.INQUIRY,
                "level": Level.TUTOR,
                "closed_at": closed,
                "closed_by": None if is_open else tutor,
                "solved_by": None if is_open else SolvedBy.TUTOR,
                "answer": None if is_open else "在一号门",
            },
            None
            if is_open
            else {
                "hand_off": number,
                "at": closed,
                "kind": StepKind.ANSWERED,
                "actor": f"person:{tutor}",
                "text": "",
                "event_id": None,
            },
        )


async def _seed_the_rest(database: Database, persons: list[tuple[Any, ...]], now: datetime) -> None:
    """A task a class with a reminder owed to every student of it; audit; no day to settle."""
    span = {"due_at": now, "useful_until": now + timedelta(days=2)}
    async with database.unit_of_work() as uow:
        class_ids = sorted({class_id for _, class_id in persons})
        await uow.write(
            insert(tasks),
            [
                {
                    "kind": TaskKind.REMINDER,
                    "state": TaskState.ARMED,
                    "audience": Audience.EVERYBODY,
                    "origin": "tutor",
                    "number": number,
                    "class_id": class_id,
                    "matter": "",
                    "title": "交形考",
                    "text": "",
                    "is_private": False,
                    "deadline": now + timedelta(days=30),
                    "made_by": "cli",
                    "made_at": now,
                }
                for number, class_id in enumerate(class_ids, 1)
            ],
        )
        await uow.write(
            insert(reminders),
            [
                {**span, "id": number, "task": number, "step": "T-7", "state": "fired"}
                for number in range(1, len(class_ids) + 1)
            ],
        )
        task_of = {class_id: number for number, class_id in enumerate(class_ids, 1)}
        owed = [
            {
                **span,
                "reminder": task_of[class_id],
                "task": task_of[class_id],
                "class_id": class_id,
                "recipient": f"person:{person_id}",
                "person_id": person_id,
                "not_before": now,
                "state": ("sent", "late", "done", "expired")[person_id % 4],
                "ended_at": now,
                "told_at": now,
            }
            for person_id, class_id in persons
        ]
        await uow.write(insert(obligations), owed)
        for number in range(AUDIT):
            at = now - timedelta(minutes=AUDIT - number)
            uow.audit.add(at=at, actor="web:unit", action="web.ledger_viewed", target="/ledger")
        # What the clocks do in the night is measured by `benchmarks.appraisal`.
        yesterday = (datetime.now(SHANGHAI) - timedelta(days=1)).date()
        row = {"day": yesterday.isoformat(), "settled_at": now}
        await uow.write(insert(settled_days), [row])
    sealed = 1
    while sealed:
        async with database.unit_of_work() as uow:
            sealed = await uow.audit.seal(now)


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
    "/ledger?kind=distress",
    "/ledger?from=2026-03-01&to=2026-03-02",
    "/ledger?from=2025-12-01",
    "/ledger?from=2025-12-01&class=班013",
    "/ledger?from=2025-12-01&kind=complaint",
    "/ledger?before=500000",
    "/ledger?q=准考证",
    "/ledger?q=" + RARE,
    "/ledger?q=学位英语+报名",
    "/ledger?q=从来没有人说过",
    "/ledger?q=准考证&class=班013",
    "/ledger?q=准考证&kind=complaint",
    "/ledger?q=准考证&from=2026-03-01&to=2026-03-02",
    "/ledger/990000",
    "/cases",
    "/cases?kind=complaint",
    "/cases/99000",
    "/tasks",
    "/tasks/33",
    "/calendar",
    "/training",
    "/appraisal",
    "/audit",
    "/knowledge",
    "/lines",
)


async def measure(app: App, times: int) -> list[tuple[str, str, float, float, float, float]]:
    """
    (who, page, first, median, 95th percentile, CPU) in milliseconds, one request after the other.

    The first finds every cache empty, the file's too, and is not among the others. CPU is the
    median of this process's, that of asking included: no matter what else the machine is doing.
    """
    found = []
    base = URL(f"http://127.0.0.1:{app.port}")
    for who in ("province", "unit"):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            await _sign_in(http, base, who)
            for page in PAGES:
                spans, costs = [], []
                for _ in range(times + 1):
                    began, cpu = time.perf_counter(), time.process_time()
                    async with http.get(base.join(URL(page))) as response:
                        await response.read()
                        assert response.status in (200, 404), (page, response.status)
                    spans.append(1000 * (time.perf_counter() - began))
                    costs.append(1000 * (time.process_time() - cpu))
                first, *warm = spans
                high = sorted(warm)[math.ceil(0.95 * times) - 1]
                middle, cost = statistics.median(warm), statistics.median(costs[1:])
                found.append((who, page, first, middle, high, cost))
                _tell(f"{who} {page}")
    return found


async def _sign_in(http: aiohttp.ClientSession, base: URL, who: str) -> None:
    async with http.get(base / "login") as response:
        page = await response.text()
    token = page.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": token, "username": who, "password": PASSWORD, "next": "/ledger"}
    async with http.post(base / "login", data=form, allow_redirects=False) as response:
        assert response.status == 303, response.status


async def export(app: App) -> None:
    """Prints what an export of some 100,000 rows takes, and what a student notices of it."""
    base = URL(f"http://127.0.0.1:{app.port}")
    socket = f"ws://127.0.0.1:{app.port}/onebot/v11/ws"
    # Numbers of messages that no earlier run has used: what comes twice is answered once.
    run = int(time.time()) % 1_000_000
    before, meanwhile = (throughput.Client(ASKING, run + it) for it in range(2))
    await before.run(socket, throughput.KNOWN, 1.0, 200, 1)
    stalls: list[float] = []

    async def beat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            stalls.append(1000 * (time.perf_counter() - began - 0.005))

    async def ask() -> None:
        await meanwhile.run(socket, throughput.KNOWN, 1.0, 1_000_000, 1)

    path = "/export/ledger.xlsx?from=2026-10-13&to=2026-11-20"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        await _sign_in(http, base, "province")
        others = [asyncio.create_task(beat()), asyncio.create_task(ask())]
        began, cpu = time.perf_counter(), _cpu_of_children()
        try:
            async with http.get(base.join(URL(path))) as response:
                size = len(await response.read())
                assert response.status == 200, response.status
            seconds, cpu = time.perf_counter() - began, _cpu_of_children() - cpu
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
    print(f"\n导出 104,000 行（{size / 1e6:.1f} MB）：{seconds:.1f} 秒，CPU {cpu:.1f} 秒", end="；")
    print(f"事件循环最多多等 {max(stalls):.0f} 毫秒")
    for name, client in (("导出前", before), ("导出时", meanwhile)):
        cuts = statistics.quantiles((1000 * it for it in client.times), n=20)
        count = len(client.times)
        print(f"{name}问答 {count} 次：中位 {cuts[9]:.0f} 毫秒，p95 {cuts[18]:.0f} 毫秒")


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tell(words: str) -> None:
    sys.stderr.write(f"\r\033[K{words}")
    sys.stderr.flush()


async def main(url: str, rows: int, times: int) -> None:
    """Seed unless it is there, start the bot, ask for every page."""
    settings = load_settings(
        database={"url": url},
        web={"port": 0, "host": "127.0.0.1"},
        bot={"encoder": False},
        onebot={"access_token": "bench"},
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
        print(
            f"\n{rows:,} rows, {CLASSES * STUDENTS:,} students, {database.url.get_backend_name()}"
        )
        print("| 谁 | 页 | 头一次 | 中位 | p95 | CPU |\n|---|---|---|---|---|---|")
        for who, page, *spans in found:
            print(f"| {who} | `{page}` | {' | '.join(f'{span:.0f} ms' for span in spans)} |")
        async with asyncio.timeout(600):
            await export(app)


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
