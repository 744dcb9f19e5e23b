"""How long a country's class table takes: `python -m benchmarks.importing [--classes 22000]`."""

import argparse
import asyncio
import csv
import tempfile
import time
from pathlib import Path

from bot.clock import Clock
from bot.importing import Kind, import_table
from handlers.settings import BotSettings
from storage.database import Database
from storage.migrations import runner

HEADER = ("班级", "平台", "机器人账号", "群号", "助学教师", "助学教师账号")


async def measure(folder: Path, count: int) -> None:
    """Import a table into a new SQLite file, rehearsal and all."""
    path = folder / "classes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i in range(count):
            tutor = i % max(1, count // 2)
            writer.writerow((f"班{i}", "QQ", "3889000001", 600_000_000 + i, f"师{tutor}", tutor))
    database = Database(f"sqlite+aiosqlite:///{folder}/bench.db")
    await runner.migrate(database)
    began = time.perf_counter()
    await import_table(
        database,
        Kind.CLASSES,
        path,
        settings=BotSettings(),
        now=Clock().now(),
        confirm=lambda _: True,
    )
    print(f"{count} classes imported in {time.perf_counter() - began:.1f} s")
    await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=22_000)
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name), parser.parse_args().classes))
