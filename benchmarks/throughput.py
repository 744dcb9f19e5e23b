"""L1: How fast and at what cost: the whole bot in a process of its own, a QQ client in this one.

    python -m benchmarks.throughput [--database URL] [--count 5000] [--groups 4000] [--no-encoder]

Four loads over a real WebSocket, each message through the whole pipeline to disk and back:
questions answered from the knowledge, questions handed to the tutor (two messages each), what a
group is like (one question in five), and chit-chat that needs no answer (one question in fifty,
to know when it is over). Prints one line a load. CPU is the bot's process only: compare that, for
the rates change with whatever else the machine does.
"""

import argparse
import asyncio
import itertools
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bot.app import App
from bot.settings import load_settings
from storage.database import Database
from storage.imports import ClassRow
from storage.migrations import runner
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI, Platform

ACCOUNT, FIRST_GROUP = 3889000001, 600000000
KNOWN = ("期末考试什么时候报名", "报考啥时候开始", "考试报名几号截止")
UNKNOWN = ("食堂几点关门啊", "教学楼后院停车要办卡不")
CHAT = ("今天好热啊", "哈哈哈哈", "收到", "谢谢老师", "在吗", "冬至吃饺子没")
LOADS = {
    "answered": (KNOWN, 1.0),
    "handed over": (UNKNOWN, 1.0),
    "a group's day": (KNOWN, 0.2),
    "chit-chat": (KNOWN, 0.02),
}
CLASSES_OF_A_TUTOR = 5


class Client:
    """Sends with a window of unanswered questions, answers the bot's calls, takes times."""

    def __init__(self, groups: int, seed: int) -> None:
        self._groups = groups
        self._random = random.Random(seed)
        self._ids = itertools.count(1 + seed * 1_000_000)
        self._sent_ids = itertools.count(1_900_000_000)
        self._sent_at: dict[str, float] = {}
        self.times: list[float] = []
        self._answered = asyncio.Event()

    async def run(
        self, url: str, texts: tuple[str, ...], share: float, count: int, window: int
    ) -> float:
        """Seconds from the first message to the last answer."""
        headers = {"X-Self-ID": str(ACCOUNT), "Authorization": "Bearer bench"}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, headers=headers, max_msg_size=0, compress=0) as ws,
        ):
            reader = asyncio.create_task(self._read(ws))
            began = time.perf_counter()
            for index in range(count):
                is_question = self._random.random() < share
                while len(self._sent_at) >= window:
                    self._answered.clear()
                    await self._answered.wait()
                number = next(self._ids)
                text = self._random.choice(texts if is_question else CHAT)
                if is_question:
                    self._sent_at[str(number)] = time.perf_counter()
                await ws.send_str(self._frame(number, text, mentions=is_question))
                if index % 64 == 0:
                    await asyncio.sleep(0)
            while self._sent_at:
                self._answered.clear()
                await self._answered.wait()
            took = time.perf_counter() - began
            reader.cancel()
        return took

    def _frame(self, number: int, text: str, *, mentions: bool) -> str:
        # In turn, each time somebody else: a group in which one person asks the same again and
        # again is a flood, and is not answered.
        group = FIRST_GROUP + number % self._groups
        at = [{"type": "at", "data": {"qq": str(ACCOUNT)}}] if mentions else []
        user = 10_000_000 + number
        frame = {
            "post_type": "message", "message_type": "group", "sub_type": "normal",
            "self_id": ACCOUNT, "user_id": user, "group_id": group, "message_id": number,
            "time": int(time.time()), "sender": {"user_id": user, "nickname": "同学"},
            "message": [*at, {"type": "text", "data": {"text": text}}], "raw_message": text,
        }  # fmt: skip
        return msgspec.json.encode(frame).decode()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            call: dict[str, Any] = msgspec.json.decode(message.data)
            answer = {"status": "ok", "retcode": 0, "echo": call["echo"]}
            answer["data"] = {"message_id": next(self._sent_ids), "user_id": ACCOUNT}
            await ws.send_str(msgspec.json.encode(answer).decode())
            for segment in call.get("params", {}).get("message", ()):
                if segment["type"] == "reply":
                    sent_at = self._sent_at.pop(segment["data"]["id"], None)
                    if sent_at is not None:
                        self.times.append(time.perf_counter() - sent_at)
                        self._answered.set()


async def prepare(url: str, groups: int) -> None:
    """A fresh schema with as many classes as groups and one date."""
    database = Database(url)
    await runner.migrate(database)
    now = datetime.now(SHANGHAI)
    async with database.unit_of_work() as uow:
        rows = [
            ClassRow(
                f"班{i}",
                Platform.QQ,
                str(ACCOUNT),
                str(FIRST_GROUP + i),
                f"王敏{i // CLASSES_OF_A_TUTOR}",
                str(10_001 + i // CLASSES_OF_A_TUTOR),
            )
            for i in range(groups)
        ]
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=now)
        await uow.imports.calendar([(None, CalendarDate("考试报名", now, now, "", "校历"))])
    await database.close()


async def serve(url: str, port: int, *, encoder: bool) -> None:
    """The bot, in the child process."""
    # What has been learnt of the phrasings is kept from run to run, as a school's bot does.
    cache = Path(tempfile.gettempdir()) / "zhuxue-bench"
    cache.mkdir(exist_ok=True)
    settings = load_settings(
        database={"url": url},
        web={"port": port},
        onebot={"access_token": "bench"},
        bot={"encoder_cache": str(cache), "encoder": encoder},
    )
    app = App(settings)
    async with app.running():
        # Not while it is still learning: that is once a start, and takes a core from everybody.
        while encoder and not app.knowledge.knowledge.wants_vector("", None):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        print("ready", flush=True)
        await asyncio.Event().wait()


async def measure(url: str, count: int, groups: int, window: int, *, encoder: bool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await prepare(url, groups)
    began = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.throughput", "--serve", url, str(port),
        "--encoder" if encoder else "--no-encoder",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None
    while b"ready" not in await child.stdout.readline():
        pass
    started, cpu = time.perf_counter() - began, _cpu(child.pid)
    print(f"ready after {started:.1f} s ({cpu:.1f} s of CPU), {_rss(child.pid):.0f} MB")
    print(f"{'load':<14}{'messages/s':>11}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}{'CPU µs':>8}")
    for seed, (name, (texts, share)) in enumerate(LOADS.items()):
        client, cpu = Client(groups, seed), _cpu(child.pid)
        took = await client.run(f"ws://127.0.0.1:{port}/onebot/v11/ws", texts, share, count, window)
        cost = (_cpu(child.pid) - cpu) / count * 1e6
        cuts = statistics.quantiles(client.times, n=100)
        p50, p95, p99 = (cuts[i] * 1000 for i in (49, 94, 98))
        print(f"{name:<14}{count / took:>11.0f}{p50:>8.1f}{p95:>8.1f}{p99:>8.1f}{cost:>8.0f}")
    print(f"at the end {_rss(child.pid):.0f} MB")
    child.kill()
    await child.wait()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> float:
    """Resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="default: a new SQLite file")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--groups", type=int, default=4000)
    parser.add_argument("--encoder", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--window", type=int, default=64, help="unanswered questions at a time")
    parser.add_argument("--serve", nargs=2, metavar=("URL", "PORT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        import uvloop

        uvloop.run(serve(args.serve[0], int(args.serve[1]), encoder=args.encoder))
        return
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite+aiosqlite:///{folder}/bench.db"
        asyncio.run(measure(url, args.count, args.groups, args.window, encoder=args.encoder))


if __name__ == "__main__":
    main()
