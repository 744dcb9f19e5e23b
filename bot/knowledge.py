"""The knowledge in use: the table that comes with the program, under the school's own entries."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import structlog

import handlers
from handlers.faq import Entry, Knowledge, read_entries
from storage.database import Database

log = structlog.get_logger()

BASE_TABLE = Path(handlers.__file__).parent / "knowledge.csv"


def base_entries() -> tuple[Entry, ...]:
    """The entries that come with the program."""
    return read_entries(BASE_TABLE)


def entries_of_rows(rows: list[str]) -> tuple[Entry, ...]:
    """Entries from their stored form, the JSON of a table row."""
    if not rows:
        return ()
    cells = [json.loads(row) for row in rows]
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(cells[0]))
    writer.writeheader()
    writer.writerows(cells)
    return read_entries(table.getvalue().splitlines(keepends=True))


class KnowledgeInUse:
    """Rebuilt, beside the running bot, whenever the school's entries change."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._version: object = None
        self.knowledge = Knowledge(())

    async def load_base(self) -> None:
        """Only what comes with the program, where there is no database yet."""
        self.knowledge = await asyncio.to_thread(_build, [], self._now().date())

    async def refresh(self) -> None:
        """Look whether anything has changed since the last time."""
        async with self._database.reading() as uow:
            # What is in force changes with the day, too.
            version = (await uow.published.entries_version(), self._now().date())
            if version == self._version:
                return
            rows = await uow.published.entries()
        self.knowledge = await asyncio.to_thread(_build, rows, self._now().date())
        self._version = version
        log.info("knowledge.loaded", own=len(rows))


def _build(rows: list[str], today: date) -> Knowledge:
    entries = {entry.key: entry for entry in base_entries()}
    entries |= {entry.key: entry for entry in entries_of_rows(rows)}
    return Knowledge(entry for entry in entries.values() if entry.is_valid(today))
