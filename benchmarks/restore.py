"""
How long a backup and a restore take (P7): RPO ≤ 5 min, RTO ≤ 15 min, over a province's record.

`python -m benchmarks.restore [--rows 1000000] [--files 200] [--url postgresql+asyncpg://…]
[--keep FOLDER]`; the database is made in a folder of its own and removed. While the backup runs,
messages are stored beside it, and the longest of these transactions is shown. The restore is
timed as its own process from the shell to the first row read, which is what an operator waits for.
"""

import argparse
import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pages import seed
from bot import backup
from bot.clock import Clock
from bot.settings import Settings, load_settings
from storage.database import Database
from storage.migrations import runner
from storage.vocabulary import Conversation, ConversationKind, Message, Platform

#: Minutes: what is promised, and how often the bot takes a backup for that.
RPO, RTO, EVERY = 5, 15, 4
GROUP = Conversation(Platform.QQ, "1", ConversationKind.GROUP, "600000")


async def measure(settings: Settings, rows: int, files: int) -> bool:
    """Print the figures; whether the promise holds."""
    database = Database(settings.database.url)
    before, _ = await runner.migrate(database)
    if not before:
        print(f"seeding {rows:,} rows …", flush=True)
        await seed(database, rows)
    hand_in(settings.collections_folder, files)
    stop = asyncio.Event()
    writing = asyncio.create_task(write_on(database, stop))
    clock = Clock()
    begun, cpu = time.perf_counter(), time.process_time()
    path, manifest = await backup.take(database, settings, settings.backup_folder, clock.now())
    taken = time.perf_counter() - begun
    cpu = time.process_time() - cpu
    stop.set()
    count, longest = await writing
    again = time.perf_counter()
    await asyncio.sleep(1)
    again = time.perf_counter()
    await backup.take(database, settings, settings.backup_folder, clock.now())
    again = time.perf_counter() - again
    await database.close()

    begun = time.perf_counter()
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", "restore", str(path), "--replace"],
        env={**os.environ, **environment_of(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    restored = time.perf_counter() - begun
    print(done.stdout + done.stderr)
    total = sum(manifest.rows.values())
    size = manifest.database.bytes / 2**20
    rpo = EVERY * 60 + max(taken, again)
    print(f"kind                {manifest.kind}, {total:,} rows, {size:.0f} MB, {files} files")
    print(f"backup              {taken:.1f} s ({cpu:.1f} s CPU here); the next one {again:.1f} s")
    print(f"meanwhile stored    {count} messages, slowest transaction {longest * 1000:.0f} ms")
    print(f"restore (RTO)       {restored:.1f} s, promised {RTO * 60} s")
    print(f"RPO at {EVERY} minutes    {rpo:.0f} s, promised {RPO * 60} s")
    return done.returncode == 0 and restored <= RTO * 60 and rpo <= RPO * 60


def hand_in(folder: Path, files: int) -> None:
    """Files of 100 KB under their hashes."""
    for number in range(files):
        data = number.to_bytes(4, "big") * 25_600
        digest = hashlib.sha256(data).hexdigest()
        target = folder / digest[:2] / digest
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


async def write_on(database: Database, stop: asyncio.Event) -> tuple[int, float]:
    """Store one message after the other; how many, and the longest of them in seconds."""
    count, longest, clock = 0, 0.0, Clock()
    while not stop.is_set():
        begun, now = time.perf_counter(), clock.now()
        mark = f"bench-{now.timestamp()}"
        message = Message(GROUP, "s0-1", "学", mark, "期末考试什么时候报名", now, mark)
        async with database.unit_of_work() as uow:
            await uow.inbox.store([message], now=now)
        longest = max(longest, time.perf_counter() - begun)
        count += 1
        await asyncio.sleep(0.01)
    return count, longest


def environment_of(settings: Settings) -> dict[str, str]:
    """For the process that restores."""
    return {
        "ZHUXUE_DATABASE__URL": settings.database.url,
        "ZHUXUE_COLLECTIONS__FOLDER": str(settings.collections_folder),
        "ZHUXUE_BACKUP__FOLDER": str(settings.backup_folder),
        "ZHUXUE_BOT__ENCODER": "false",
    }


def main() -> None:
    """Measure, and fail where the promise does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--url", default="")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        settings = load_settings(
            database={"url": options.url or f"sqlite+aiosqlite:///{folder}/bench.db"},
            collections={"folder": str(folder / "collections")},
            backup={"folder": str(folder / "backups")},
        )
        if not asyncio.run(measure(settings, options.rows, options.files)):
            sys.exit("the promise does not hold")


if __name__ == "__main__":
    main()
