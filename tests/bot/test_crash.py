"""SIGKILL between any two steps of the pipeline: nothing lost, nothing recorded twice (F1, F2)."""

import asyncio
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from storage.database import Database
from storage.imports import ClassRow
from storage.reports import LedgerFilter
from storage.vocabulary import Platform
from tests.bot.qq import ACCOUNT, GROUP, QQ
from tests.conftest import NOW

ROOT = Path(__file__).parents[2]
STEPS = (
    "before:_store_batch",
    "after:_store_batch",
    "before:work",
    "before:_hear",
    "after:_hear",
    "after:work",
    "before:_deliver",
    "after:_deliver",
    "before:_write",
    "after:_write",
)
QUESTIONS = range(1, 41)
GROUPS = 8


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


Start = Callable[[str, int, str], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts bots; whatever a failing test leaves running ends with it."""
    children: list[asyncio.subprocess.Process] = []

    async def begin(url: str, port: int, step: str) -> asyncio.subprocess.Process:
        children.append(await _start(url, port, step))
        return children[-1]

    yield begin
    for child in children:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _start(url: str, port: int, step: str) -> asyncio.subprocess.Process:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.child", url, str(port), step,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None
    line = await asyncio.wait_for(child.stdout.readline(), 30)
    assert line == b"ready\n"
    return child


async def _class_with_a_tutor(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [
                ClassRow(f"班{i}", Platform.QQ, str(ACCOUNT), str(GROUP + i), "王敏", "10001")
                for i in range(GROUPS)
            ],
            default_mode="confident",
            default_grace=10,
            now=NOW.replace(month=1),
        )


async def _ask(qq: QQ, number: int) -> None:
    text = f"第{number}号问题谁能帮我盖章"
    await qq.say(number, text, user=20000 + number, group=GROUP + number % GROUPS)


async def _settled(database: Database) -> None:
    """What a dead process had sent is looked up and marked once its leases have run out."""
    async with asyncio.timeout(60):
        while True:
            async with database.reading() as uow:
                if set(await uow.outbox.counts()) == {"done"}:
                    return
            await asyncio.sleep(0.1)


#: PostgreSQL keeps a dead process's leases until they run out, so each of its kills takes
#: seconds: one on either side of each commit is enough there.
CASES = [
    *(("sqlite", step) for step in STEPS),
    ("postgresql", "after:_store_batch"),
    ("postgresql", "after:_hear"),
    ("postgresql", "before:_deliver"),
    ("postgresql", "after:_deliver"),
]


@pytest.mark.parametrize(("database", "step"), CASES, indirect=["database"])
async def test_a_kill_at_any_step_loses_nothing_and_records_nothing_twice(
    step: str, database: Database, start: Start
) -> None:
    await _class_with_a_tutor(database)
    url, port = database.url.render_as_string(hide_password=False), _free_port()

    first = await start(url, port, step)
    async with QQ(port) as qq:
        for number in QUESTIONS:
            await _ask(qq, number)
        await asyncio.wait_for(first.wait(), 30)
        second = await start(url, port, "")
        # As a platform does that offers what was said meanwhile: everything once more.
        for number in QUESTIONS:
            await _ask(qq, number)
        await qq.until_answered(QUESTIONS, 60)
        await _settled(database)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 30) == 0

    assert first.returncode == -signal.SIGKILL
    async with database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter(), limit=1000)
        counts = await uow.outbox.counts()
    assert len(rows) == len(QUESTIONS)
    assert sorted(row.record.hand_off or 0 for row in rows) == list(QUESTIONS)
    # An answer to the student and a card to the tutor each, all of them settled.
    assert counts == {"done": 2 * len(QUESTIONS)}
    twice = Counter(len(qq.replies_to(number)) for number in QUESTIONS)
    assert twice == {1: len(QUESTIONS)}


@pytest.mark.parametrize("step", ["before:find", "after:find"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_kill_between_hearing_and_answering_a_voice_message_loses_nothing(
    step: str, database: Database, start: Start
) -> None:
    """While it is being found out about, the row is only leased."""
    await _class_with_a_tutor(database)
    url, port = database.url.render_as_string(hide_password=False), _free_port()
    numbers = range(1, 6)

    async def speak(qq: QQ) -> None:
        for number in numbers:
            voice = [
                {"type": "at", "data": {"qq": str(ACCOUNT)}},
                {"type": "record", "data": {"file": f"{number}.silk"}},
            ]
            await qq.message(number, voice, user=20000 + number, name="同学", group=GROUP, at=NOW)

    first = await start(url, port, step)
    async with QQ(port, transcript="谁能帮我盖个章") as qq:
        await speak(qq)
        await asyncio.wait_for(first.wait(), 30)
        second = await start(url, port, "")
        await speak(qq)
        await qq.until_answered(numbers, 60)
        await _settled(database)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 30) == 0

    assert first.returncode == -signal.SIGKILL
    async with database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter(), limit=100)
    assert len(rows) == len(numbers)
    replies = [qq.replies_to(number) for number in numbers]
    assert [len(said) for said in replies] == [1] * len(numbers)
    assert all("谁能帮我盖个章" in said[0]["text"] for said in replies)
