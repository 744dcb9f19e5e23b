"""
A province's appraisal: 200 tutors, 60,000 rows of the record in a month, 12,000 handed over.

`python -m benchmarks.appraisal [--url postgresql+asyncpg://…]`: how long it takes to settle the
month, how long the event loop and a writer have to wait meanwhile, and how fast the pages are.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from argon2 import PasswordHasher
from sqlalchemy import insert, select, text
from yarl import URL

from bot.app import App
from bot.settings import load_settings
from handlers.settings import BotSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import appraisal
from schedules.means import Means
from storage.cases import StepKind
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.interactions import Kind
from storage.migrations import runner
from storage.models.hand_offs import hand_off_steps, hand_offs
from storage.models.people import duties, enrolments
from storage.models.record import interactions
from storage.questions import Category, Level, SolvedBy, State
from storage.vocabulary import SHANGHAI, Action, Label, Platform, Role, Topic

CLASSES, STUDENTS, ROWS = 200, 40, 60_000
CHUNK = 5_000
FIRST, DAYS = datetime(2026, 10, 1, tzinfo=SHANGHAI), 31
PASSWORD = "correct horse battery"
MEANS = Means(BotSettings(), WorkingTime(WorkingTimeSettings()))


async def seed(database: Database) -> None:
    """A month: every fifth row was handed to the tutor, who answered within two days."""
    groups = [
        ClassRow(
            f"班{i:03}", Platform.QQ, "1", f"{600_000 + i}", f"师{i:03}", f"t{i}", f"市开大{i % 10}"
        )
        for i in range(CLASSES)
    ]
    people = [
        StudentRow(f"班{i:03}", f"{i:03}{j:04}", f"学{i:03}{j:03}", Platform.QQ, f"s{i}-{j}")
        for i in range(CLASSES)
        for j in range(STUDENTS)
    ]
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with database.unit_of_work() as uow:
        await uow.imports.classes(groups, default_mode="mention", default_grace=10, now=FIRST)
        await uow.imports.students(people)
        await uow.supervisors.put(
            username="province", name="省校", password_hash=hasher.hash(PASSWORD), unit_id=None
        )
        tutors = {
            row[0]: row[1]
            for row in await uow.read(
                select(duties.c.class_id, duties.c.person_id).where(duties.c.role == Role.TUTOR)
            )
        }
        persons = [
            (row[0], row[1])
            for row in await uow.read(select(enrolments.c.person_id, enrolments.c.class_id))
        ]
    chance = random.Random(7)
    for start in range(0, ROWS, CHUNK):
        rows, items, steps = [], [], []
        for number in range(start + 1, start + CHUNK + 1):
            at = FIRST + timedelta(days=DAYS) * (number / ROWS)
            person_id, class_id = chance.choice(persons)
            is_handed_over = number % 5 == 0
            topic = chance.choice(list(Topic))
            tutor_id = tutors[class_id]
            rows.append(
                {
                    "key": f"event:{number}",
                    "at": at,
                    "class_id": class_id,
                    "tutor_id": tutor_id,
                    "person_id": person_id,
                    "platform": Platform.QQ,
                    "speaker_id": f"s{person_id}",
                    "kind": Kind.REPLY if number % 4 == 1 else Kind.QUESTION,
                    "topic": topic,
                    "article": "",
                    "action": Action.HAND_OFF if is_handed_over else Action.ANSWER,
                    "solved_by": SolvedBy.TUTOR if number % 4 == 1 else SolvedBy.BOT,
                    "hand_off": None,
                    "event_id": None,
                    "message_id": str(number),
                    "is_about_tutor": False,
                }
            )
            if not is_handed_over:
                continue
            closed = at + timedelta(hours=48) * chance.random() ** 2
            items.append(
                {
                    "number": number,
                    "kind": Label.QUESTION,
                    "state": State.CLOSED,
                    "class_id": class_id,
                    "platform": Platform.QQ,
                    "account": "1",
                    "conversation_kind": "group",
                    "conversation_id": "1",
                    "via_group": "",
                    "asker_id": f"s{person_id}",
                    "asker_name": "学员",
                    "person_id": person_id,
                    "event_id": number,
                    "message_id": str(number),
                    "text": "问",
                    "topic": topic,
                    "is_about_tutor": False,
                    "asked_at": at,
                    "category": Category.REQUEST if number % 20 == 0 else Category.INQUIRY,
                    "level": Level.TUTOR,
                    "closed_at": closed,
                    "closed_by": tutor_id,
                    "solved_by": SolvedBy.TUTOR,
                    "answer": "在一号门",
                }
            )
            steps.append(
                {
                    "hand_off": number,
                    "at": closed,
                    "kind": StepKind.ANSWERED,
                    "actor": f"person:{tutor_id}",
                    "text": "",
                    "event_id": None,
                }
            )
        async with database.unit_of_work() as uow:
            await uow.write(insert(interactions), rows)
            await uow.write(insert(hand_offs), items)
            await uow.write(insert(hand_off_steps), steps)


async def settle(database: Database) -> tuple[list[float], list[float], list[float]]:
    """Seconds of each day settled; of what the loop, and of what a writer had to wait longer."""
    days: list[float] = []
    stalls: list[float] = []
    writes: list[float] = []

    async def beat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            stalls.append(time.perf_counter() - began - 0.005)

    async def write() -> None:
        while True:
            await asyncio.sleep(0.05)
            began = time.perf_counter()
            async with database.unit_of_work() as uow:
                uow.audit.add(at=FIRST, actor="cli", action="export.ledger", target="x")
            writes.append(time.perf_counter() - began)

    others = [asyncio.create_task(beat()), asyncio.create_task(write())]
    for day in range(1, DAYS + 1):
        now, is_more = FIRST + timedelta(days=day, minutes=40), True
        began = time.perf_counter()
        while is_more:
            # As the alarm clock does: a transaction a piece.
            async with database.unit_of_work() as uow:
                is_more = await appraisal.settle(uow, now, MEANS)
        days.append(time.perf_counter() - began)
    for other in others:
        other.cancel()
    return days, stalls, writes


async def ask(app: App, page: str, times: int) -> tuple[list[float], float]:
    """Seconds each look at a page took, one after the other; of CPU, that of asking included."""
    base = URL(f"http://127.0.0.1:{app.port}")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(base / "login") as response:
            token = (await response.text()).split('name="csrf" value="')[1].split('"')[0]
        form = {"csrf": token, "username": "province", "password": PASSWORD, "next": "/ledger"}
        async with http.post(base / "login", data=form, allow_redirects=False) as response:
            assert response.status == 303, response.status
        found, cpu = [], time.process_time()
        for _ in range(times):
            began = time.perf_counter()
            async with http.get(base.join(URL(page))) as response:
                await response.read()
                assert response.status == 200, (page, response.status)
            found.append(time.perf_counter() - began)
    return found, (time.process_time() - cpu) / times


def _line(name: str, seconds: list[float], cpu: float | None = None) -> str:
    ordered = [1000 * it for it in sorted(seconds)]
    high = ordered[int(0.95 * (len(ordered) - 1))]
    cost = "" if cpu is None else f"{1000 * cpu:.0f}"
    return (
        f"| {name} | {statistics.median(ordered):.0f} | {high:.0f} | {ordered[-1]:.0f} | {cost} |"
    )


async def main(url: str, times: int) -> None:
    """Seed, settle, ask."""
    database = Database(url)
    await runner.migrate(database)
    async with database.reading() as uow:
        there = (await uow.read(text("SELECT COUNT(*) FROM interactions"))).scalar_one()
    lines = []
    if not there:
        await seed(database)
        days, stalls, writes = await settle(database)
        lines += [
            _line("结算一天", days),
            _line("其间事件循环多等", stalls),
            _line("其间别人写一次", writes),
        ]
    async with database.reading() as uow:
        count = (await uow.read(text("SELECT COUNT(*) FROM daily_records"))).scalar_one()
        tutor_id = (await uow.read(text("SELECT MIN(tutor_id) FROM daily_records"))).scalar_one()
    await database.close()
    settings = load_settings(
        database={"url": url}, web={"port": 0, "host": "127.0.0.1"}, bot={"encoder": False}
    )
    app = App(settings)
    async with app.running():
        for page in (
            "/appraisal?month=2026-10",
            f"/appraisal/tutors/{tutor_id}?month=2026-10",
            f"/appraisal/tutors/{tutor_id}?day=2026-10-14",
            "/appraisal/annual?year=2026",
            f"/appraisal/annual/{tutor_id}?year=2026",
        ):
            lines.append(_line(f"`{page}`", *await ask(app, page, times)))
    print(f"{CLASSES} 位教师，{ROWS:,} 条台账，{count:,} 个数字，{database.url.get_backend_name()}")
    print("| 毫秒 | 中位 | p95 | 最长 | CPU |\n|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--url", default="")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        where = given.url or f"sqlite+aiosqlite:///{folder}/appraisal.db"
        asyncio.run(main(where, given.times))
