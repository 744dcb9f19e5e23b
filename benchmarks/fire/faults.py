"""One function a row: bring the fault about, count what came of it, compare with the criterion."""

import asyncio
import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.fire.processes import Bot, Postgres, Proxy, proxy, small_disk
from handlers import texts_outage
from storage.database import Database
from storage.imports import ClassRow
from storage.migrations import runner
from storage.tasks import Audience, Draft, Planned, TaskKind
from storage.vocabulary import SHANGHAI, Platform
from tests.bot.qq import ACCOUNT, GROUP, QQ

#: Groups in an outage; in the others as many as it takes that no group hears ten numbers a minute,
#: past which the bot names none unasked.
GROUPS = 20
A_GROUP = 8
LEASE = 5
#: The chat's sentence to whoever is handed over, and thus the final answer to each message here.
ANSWER = "已转"
DUE = "考试报名"


@dataclass(slots=True)
class Place:
    """Where a fault is tried: a database, a folder for what the bot writes, a seed."""

    url: str
    folder: Path
    seed: int
    is_short: bool
    server: Postgres | None = None

    @property
    def kind(self) -> str:
        return "PostgreSQL" if self.server else "SQLite"

    def long(self, value: Any, short: Any) -> Any:
        return short if self.is_short else value


@dataclass(slots=True)
class Finding:
    """What one case measured. `failures` names every line of the criterion that was not met."""

    row: str
    case: str
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def must(self, is_so: bool, what: str) -> None:
        if not is_so:
            self.failures.append(what)


Fault = Callable[[Place], AsyncIterator[Finding]]


# -- what every fault needs -----------------------------------------------------------------------


async def prepare(url: str, groups: int = GROUPS, accounts: Sequence[int] = (ACCOUNT,)) -> Database:
    """A migrated database with so many classes on each account."""
    database = Database(url)
    await runner.migrate(database)
    rows = [
        ClassRow(
            f"班{account}-{i}", Platform.QQ, str(account), str(GROUP + i), "王敏", "10001", "市开大"
        )
        for account in accounts
        for i in range(groups)
    ]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            rows, default_mode="confident", default_grace=10, now=datetime.now(SHANGHAI)
        )
    return database


@dataclass(slots=True)
class Students:
    """Who asks: a message has the same id, sender, group and time whenever it is sent again."""

    qq: QQ
    groups: int = GROUPS
    began: int = field(default_factory=lambda: int(time.time()) - 600)

    async def ask(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            segments = [
                {"type": "at", "data": {"qq": str(self.qq._account)}},
                {"type": "text", "data": {"text": f" 第{number}号问题谁能帮我盖章"}},
            ]
            await self.qq.message(
                number, segments,
                user=20_000_000 + number, name="同学", group=GROUP + number % self.groups,
                at=datetime.fromtimestamp(self.began + number // 20, SHANGHAI),
            )  # fmt: skip


def answers(*clients: QQ) -> Counter[int]:
    """How often each message was answered; the word that it comes later is no answer."""
    return Counter(
        int(m["quote"])
        for qq in clients
        for m in list(qq.heard)
        if m["group_id"] and m["quote"] and ANSWER in m["text"]
    )


async def until_answered(numbers: Sequence[int], seconds: float, *clients: QQ) -> bool:
    """Whether each was, in that time."""
    return await until(lambda: set(numbers) <= answers(*clients).keys(), seconds)


async def until(is_so: Callable[[], Any], seconds: float) -> bool:
    """Whether it was so within that time; `is_so` may be asynchronous."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        so = is_so()
        if await so if isinstance(so, Awaitable) else so:
            return True
        await asyncio.sleep(0.1)
    return False


async def count(database: Database, statement: str) -> int:
    async with database.connect() as connection:
        return int((await connection.execute(text(statement))).scalar() or 0)


async def is_settled(database: Database) -> bool:
    return await count(database, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 0


async def tally(finding: Finding, database: Database, numbers: Sequence[int], *clients: QQ) -> None:
    """Rows and replies against what they must be: one of each a message."""
    await until(lambda: is_settled(database), 60)
    said = answers(*clients)
    finding.figures |= {
        "messages": len(numbers),
        "inbox_rows": await count(database, "SELECT count(*) FROM inbound_events"),
        "ledger_rows": await count(database, "SELECT count(*) FROM interactions"),
        "lost": sum(said[number] == 0 for number in numbers),
        "double_replies": sum(max(0, said[number] - 1) for number in numbers),
        "unsettled": await count(database, "SELECT count(*) FROM outbox WHERE state <> 'done'"),
    }
    figures = finding.figures
    finding.must(figures["lost"] == 0, "a message was not answered")
    finding.must(figures["double_replies"] == 0, "a message was answered twice")
    finding.must(figures["inbox_rows"] == len(numbers), "inbox rows differ from messages")
    finding.must(figures["ledger_rows"] == len(numbers), "ledger rows differ from messages")
    finding.must(figures["unsettled"] == 0, "outgoing messages are not settled")


def out_of_order(qq: QQ) -> int:
    """How many groups were not worked in the order in which they asked: numbers tell."""
    given: dict[int, dict[int, int]] = defaultdict(dict)
    for message in qq.heard:
        number = re.search(r"T-(\d+)", message["text"])
        if message["group_id"] and message["quote"] and number:
            given[message["group_id"]][int(message["quote"])] = int(number[1])
    orders = ([found[asked] for asked in sorted(found)] for found in given.values())
    return sum(order != sorted(order) for order in orders)


# -- F1 -------------------------------------------------------------------------------------------


async def F1(place: Place) -> AsyncIterator[Finding]:  # noqa: N802 -- the row's name
    """SIGKILL at random moments while messages come in; the platform delivers again."""
    messages, kills = place.long(10_000, 240), place.long(20, 3)
    finding = Finding("F1", f"{place.kind}：{messages} 条消息里 kill -9 {kills} 次，平台重投")
    chance, share = random.Random(place.seed), messages // kills
    groups = messages // A_GROUP
    database = await prepare(place.url, groups)
    bot = Bot(place.url, place.folder, lease=LEASE)
    async with bot, QQ(bot.port) as qq:
        students = Students(qq, groups)
        for turn in range(kills):
            numbers = range(turn * share + 1, (turn + 1) * share + 1)
            await qq.is_open.wait()
            asking = asyncio.create_task(students.ask(numbers))
            await asyncio.sleep(chance.uniform(0.02, place.long(2.0, 0.4)))
            await bot.kill()
            await bot.start()
            await asking
            await students.ask(numbers)
            # The next kill is to find it at work on something new.
            await until_answered(numbers, 120, qq)
        everybody = range(1, messages + 1)
        await tally(finding, database, everybody, qq)
        finding.figures |= {
            "kills": kills,
            "sent": len(qq.heard),
            "outbox_rows": await count(database, "SELECT count(*) FROM outbox"),
        }
        finding.must(
            finding.figures["sent"] == finding.figures["outbox_rows"],
            "something was sent twice, or is marked and was not sent",
        )
        code, _ = await bot.stop()
        finding.must(code == 0, f"the last stop ended with {code}")
    await database.close()
    yield finding


# -- F5 -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Away:
    """One way for a database to be away."""

    case: str
    seconds: float
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]
    is_on_disk: bool = True


async def F5(place: Place) -> AsyncIterator[Finding]:  # noqa: N802
    """The database is away for a while; the process stays up, keeps everything and says so."""
    if place.server is not None:
        async for finding in _f5_postgresql(place, place.server):
            yield finding
        return
    short = place.long(30, 7)
    file = place.folder / "fire.db"
    connection = sqlite3.connect(file, 60, isolation_level=None, check_same_thread=False)

    async def lock() -> None:
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")

    async def unlock() -> None:
        connection.execute("ROLLBACK")

    yield await _outage(
        place, place.url, Away(f"SQLite：被别人锁住 {short} 秒", short, lock, unlock)
    )
    connection.close()
    if place.is_short:
        return
    with ExitStack() as stack:
        finding = Finding("F5", "SQLite：磁盘写满 15 秒")
        try:
            disk = stack.enter_context(small_disk(48))
        except PermissionError as error:
            finding.figures["not_run"] = str(error)
            yield finding
            return
        ballast = disk / "ballast"

        async def fill() -> None:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(b"0" * 4096):
                        pass
                except OSError:
                    pass

        async def make_room() -> None:
            ballast.unlink()

        full = Away(finding.case, 15, fill, make_room, is_on_disk=False)
        url = f"sqlite+aiosqlite:///{disk}/full.db"
        yield await _outage(place, url, full)


async def _f5_postgresql(place: Place, server: Postgres) -> AsyncIterator[Finding]:
    async def stop() -> None:
        await asyncio.to_thread(server.stop)

    async def start() -> None:
        await asyncio.to_thread(server.start)

    for seconds in place.long((10, 300)[: 1 if os.environ.get("FIRE_NO_LONGEST") else 2], (7,)):
        yield await _outage(
            place, place.url, Away(f"PostgreSQL：停机 {seconds} 秒", seconds, stop, start)
        )
        await _empty(place.url)
    if place.is_short:
        return
    async with proxy(server.port) as between:
        url = server.url(between.port)
        cut = Away("PostgreSQL：代理切断 10 秒", 10, between.cut, between.open)
        yield await _outage(place, url, cut)
        await _empty(place.url)
        yield await _killed_in_an_outage(place, url, between)
        await _empty(place.url)
        yield await _past_the_cap(place, url, between)


async def _empty(url: str) -> None:
    database = Database(url)
    async with database.connect() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
        await connection.commit()
    await database.close()


async def _outage(place: Place, url: str, away: Away) -> Finding:
    finding = Finding("F5", away.case)
    share = place.long(300, 40)
    groups = 3 * share // 6
    database = await prepare(url, groups)
    before, during, after = (range(i * share + 1, (i + 1) * share + 1) for i in range(3))
    bot = Bot(url, place.folder, lease=LEASE)
    async with bot, QQ(bot.port) as qq:
        students = Students(qq, groups)
        await students.ask(before)
        await until_answered(before, 60, qq)
        await until(lambda: is_settled(database), 30)
        await database.close()

        await away.begin()
        began = time.monotonic()
        await students.ask(during[: min(groups, share)])
        was_said = await until(lambda: _busy(qq).total() >= min(groups, share), 12)
        finding.figures["seconds_until_said"] = round(time.monotonic() - began, 1)
        finding.must(was_said, "not every chat was told within 10 s")
        await students.ask(during[min(groups, share) :])
        status, health = await bot.health()
        finding.figures["health"] = f"{status} {health.get('database', '')}"
        finding.must(status == 503, "health was not red")
        await asyncio.sleep(max(0.0, away.seconds - (time.monotonic() - began)))
        finding.must(bot.is_alive, "the process ended")
        await away.end()

        back = time.monotonic()
        await students.ask(after)
        everybody = range(1, 3 * share + 1)
        await until_answered(everybody, 120, qq)
        finding.figures["seconds_until_all_answered"] = round(time.monotonic() - back, 1)
        database = Database(url)
        await tally(finding, database, everybody, qq)
        said = _busy(qq)
        finding.figures["told_once"] = f"{len(said)}/{groups}"
        finding.must(max(said.values(), default=0) <= 1, "a chat was told twice")
        finding.figures["chats_out_of_order"] = out_of_order(qq)
        finding.must(out_of_order(qq) == 0, "a chat was answered out of order")
        is_green = await until(lambda: _is_green(bot), 15)
        finding.must(is_green, "health stayed red")
        code, _ = await bot.stop()
        finding.must(code == 0, f"the stop ended with {code}")
    await database.close()
    return finding


def _busy(qq: QQ) -> Counter[int]:
    """How often each group was told that the answer comes later."""
    return Counter(m["group_id"] for m in list(qq.heard) if texts_outage.busy() in m["text"])


async def _is_green(bot: Bot) -> bool:
    return (await bot.health())[0] == 200


async def _killed_in_an_outage(place: Place, url: str, between: Proxy) -> Finding:
    finding = Finding("F5", "PostgreSQL：断开时又被 kill -9，平台不重投")
    database = await prepare(url, 60)
    bot = Bot(url, place.folder, lease=LEASE)
    numbers = range(1, 301)
    async with bot, QQ(bot.port) as qq:
        await qq.is_open.wait()
        await between.cut()
        await Students(qq, 60).ask(numbers)
        held = place.folder / "data" / "spool"
        lines = 0

        def is_on_disk() -> bool:
            nonlocal lines
            lines = sum(path.read_text("utf-8").count("\n") for path in held.glob("*.events"))
            return lines == len(numbers)

        finding.must(await until(is_on_disk, 15), f"only {lines} of them were on disk")
        await bot.kill()
        await between.open()
        await bot.start()
        await until_answered(numbers, 60, qq)
        await tally(finding, database, numbers, qq)
        finding.figures["on_disk_at_the_kill"] = lines
        await bot.stop()
    await database.close()
    return finding


async def _past_the_cap(place: Place, url: str, between: Proxy) -> Finding:
    finding = Finding("F5", "PostgreSQL：断开时来了 5,500 条（上限 5,000）")
    database = await prepare(url, 700)
    bot = Bot(url, place.folder, lease=LEASE)
    async with bot, QQ(bot.port) as qq:
        await qq.is_open.wait()
        await between.cut()
        await Students(qq, 700).ask(range(1, 5_501))

        async def is_counted() -> bool:
            # Not asked of /healthz, which cannot reach the database either.
            held = (place.folder / "data" / "spool").glob("*.events")
            return sum(path.read_text("utf-8").count("\n") for path in held) >= 5_000

        await until(is_counted, 60)
        await asyncio.sleep(2)
        await between.open()
        kept = range(1, 5_001)
        await until_answered(kept, 120, qq)
        await until(lambda: _is_green(bot), 30)
        await tally(finding, database, kept, qq)
        dropped = await count(
            database,
            "SELECT sum(CAST(substr(detail, 8) AS INTEGER)) FROM audit "
            "WHERE action = 'inbox.dropped'",
        )
        finding.figures["dropped_and_counted"] = dropped
        finding.must(dropped == 500, "what had no room was not counted exactly")
        await bot.stop()
    await database.close()
    return finding


# -- F8 -------------------------------------------------------------------------------------------


async def F8(place: Place) -> AsyncIterator[Finding]:  # noqa: N802
    """Two instances; the one that works is stopped (SIGSTOP) and wakes up later."""
    if place.server is None:
        return
    pause, lease = place.long(90, 8), place.long(20, LEASE)
    yield await _two(place, pause=pause, lease=lease)


async def _two(place: Place, *, pause: float, lease: int) -> Finding:
    obligations = place.long(1000, 60)
    finding = Finding(
        "F8",
        f"PostgreSQL：两个实例，一个停 {pause} 秒（租约 {lease} 秒）再醒，{obligations} 个提醒",
    )
    database = await prepare(place.url, groups=obligations)
    settings = _speaks_at_any_hour()
    one = Bot(place.url, place.folder, lease=lease, **settings)
    two = Bot(place.url, place.folder, lease=lease, **settings)
    async with one, two, QQ(one.port) as first, QQ(two.port) as second:
        await first.is_open.wait()
        await second.is_open.wait()
        # The same account on both, as NapCat does with two addresses: each hears everything, and
        # what either has said is in the one history that the account has.
        second.heard = first.heard
        share = place.long(400, 60)
        clients = [Students(qq, obligations) for qq in (first, second)]
        clients[1].began = clients[0].began

        async def ask(numbers: Sequence[int]) -> None:
            await asyncio.gather(*(client.ask(numbers) for client in clients))

        await ask(range(1, share + 1))
        await until_answered(range(1, share + 1), 60, first)
        await _arm(database, 0, obligations // 2)
        # Stopped in the middle of it: some are said, some leased to it, some being worked.
        asking = asyncio.create_task(ask(range(share + 1, 2 * share + 1)))
        await until(lambda: len(_reminders(first)) >= 5, 60)
        one.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        await _arm(database, obligations // 2, obligations)
        await asking
        taken_over = await until_answered(range(1, 2 * share + 1), 60, first)
        finding.figures["seconds_until_taken_over"] = round(time.monotonic() - stopped, 1)
        finding.must(taken_over, "what the stopped one held was not taken over")
        finding.must(
            finding.figures["seconds_until_taken_over"] <= 30, "the takeover took longer than 30 s"
        )
        await asyncio.sleep(max(0.0, pause - (time.monotonic() - stopped)))
        one.signal(signal.SIGCONT)
        await ask(range(2 * share + 1, 3 * share + 1))
        everybody = range(1, 3 * share + 1)
        await until_answered(everybody, 60, first)
        await until(lambda: len(_reminders(first)) >= obligations, 60)
        await asyncio.sleep(lease)
        said = answers(first)
        reminders = _reminders(first)
        finding.figures |= {
            "messages": len(everybody),
            "lost": sum(said[number] == 0 for number in everybody),
            "double_replies": sum(max(0, said[number] - 1) for number in everybody),
            "obligations": obligations,
            "reminded": len(reminders),
            "reminded_twice": sum(times > 1 for times in reminders.values()),
            # Begun by the one that was stopped: perhaps said, so a person decides.
            "left_to_a_person": await count(
                database, "SELECT count(*) FROM outbox WHERE state = 'dead'"
            ),
        }
        finding.must(not _busy(first), "an outage was told that was none")
        figures = finding.figures
        finding.must(figures["lost"] == 0, "a message was not answered")
        finding.must(figures["double_replies"] == 0, "a message was answered twice")
        finding.must(
            figures["reminded"] + figures["left_to_a_person"] >= obligations,
            "a reminder is neither said nor left to a person",
        )
        finding.must(figures["reminded_twice"] == 0, "a group was reminded twice")
        for bot in (one, two):
            code, _ = await bot.stop()
            finding.must(code == 0, f"a stop ended with {code}")
    await database.close()
    return finding


def _reminders(*clients: QQ) -> Counter[int]:
    """How often each group was reminded."""
    return Counter(m["group_id"] for qq in clients for m in list(qq.heard) if DUE in m["text"])


def _speaks_at_any_hour() -> dict[str, Any]:
    return {
        "reminders__quiet_until": "00:00",
        "reminders__quiet_from": "23:59",
        "reminders__spread_minutes": 0,
        "reminders__per_group_a_day": 20,
        "outbox__pushes_per_minute": 60_000,
    }


async def _arm(database: Database, first: int, last: int) -> None:
    """A reminder for each of these classes, due now."""
    due = datetime.now(SHANGHAI)
    async with database.unit_of_work() as uow:
        rows = (await uow.read(text("SELECT id FROM classes ORDER BY id"))).scalars().all()
        drafts = [
            Draft(
                kind=TaskKind.MATTER,
                class_id=class_id,
                title=DUE,
                audience=Audience.EVERYBODY,
                made_by="person:1",
                matter=DUE,
                deadline=due + timedelta(days=3),
                origin="chat",
            )
            for class_id in rows[first:last]
        ]
        numbers = await uow.tasks.arm_many(drafts, due)
        await uow.flush()
        await uow.tasks.plan(
            [Planned(number, "T-3", due, due + timedelta(days=1)) for number in numbers]
        )


# -- F16 ------------------------------------------------------------------------------------------


async def F16(place: Place) -> AsyncIterator[Finding]:  # noqa: N802
    """SIGTERM while two hundred people are waiting for an answer."""
    finding = Finding("F16", f"{place.kind}：200 人等着答复时 SIGTERM")
    database = await prepare(place.url, 40)
    bot = Bot(place.url, place.folder, lease=LEASE)
    numbers = range(1, 201)
    async with bot, QQ(bot.port) as qq:
        await qq.is_open.wait()
        students = Students(qq, 40)
        await students.ask(numbers)
        await until(lambda: len(qq.heard) > 0, 10)
        code, seconds = await bot.stop()
        stored = await count(database, "SELECT count(*) FROM inbound_events")
        finding.figures |= {
            "exit_code": code,
            "seconds": round(seconds, 2),
            "stored_at_the_stop": stored,
            "answered_at_the_stop": len(answers(qq)),
        }
        finding.must(code == 0, "the exit code is not 0")
        finding.must(seconds <= 20, "it took longer than 20 s")
        finding.must(len(answers(qq)) == stored, "what was taken in was not answered")
        await bot.start()
        await students.ask(numbers)
        await until_answered(numbers, 60, qq)
        await tally(finding, database, numbers, qq)
        await bot.stop()
    await database.close()
    yield finding


FAULTS: dict[str, Fault] = {"F1": F1, "F5": F5, "F8": F8, "F16": F16}
