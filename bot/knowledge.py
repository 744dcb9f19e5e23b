"""The knowledge in use: the table that comes with the program, under the school's own entries."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import structlog

import handlers
from bot.encoding import Encoding
from handlers.faq import Entry, Knowledge, KnowledgeError, cells_of, pooled, read_entries
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
    # Rows stored by an older program may lack a column that newer ones have.
    columns = list(dict.fromkeys(name for row in cells for name in row))
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, restval="")
    writer.writeheader()
    writer.writerows(cells)
    return read_entries(table.getvalue().splitlines(keepends=True))


def row_of(entry: Entry) -> str:
    """Its stored form: `entries_of_rows` reads it back."""
    return json.dumps(cells_of(entry), ensure_ascii=False)


def shipped_rows() -> dict[str, str]:
    """What comes with the program in its stored form, by key."""
    return {entry.key: row_of(entry) for entry in base_entries()}


def usable(rows: list[str]) -> tuple[Entry, ...]:
    """
    The entries of stored rows, without those that cannot be read.

    One row that a newer program no longer understands must not silence the bot.
    """
    try:
        return entries_of_rows(rows)
    except (KnowledgeError, ValueError, TypeError, AttributeError):
        return tuple(entry for row in rows for entry in _one_of(row))


def _one_of(row: str) -> tuple[Entry, ...]:
    try:
        return entries_of_rows([row])
    except (KnowledgeError, ValueError, TypeError, AttributeError) as error:
        log.warning("knowledge.row_unreadable", reason=str(error))
        return ()


def in_force(rows: list[str], today: date) -> tuple[Entry, ...]:
    """What holds on a day: the program's entries under the school's, one a key."""
    return pooled(entry for entry in (*base_entries(), *usable(rows)) if entry.is_valid(today))


class KnowledgeInUse:
    """Rebuilt, beside the running bot, whenever the school's entries change."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], encoding: Encoding | None = None
    ) -> None:
        self._database = database
        self._now = now
        self._encoding = encoding
        self._has_changed = asyncio.Event()
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
        self._has_changed.set()
        log.info("knowledge.loaded", own=len(rows))

    async def run(self) -> None:
        """Learn what the entries mean, and again after each change, until cancelled."""
        while self._encoding is not None:
            await self._has_changed.wait()
            self._has_changed.clear()
            await self.learn()

    async def learn(self) -> None:
        """Learn what the entries mean now; until then, and if it fails, their words must do."""
        plain = self.knowledge
        if self._encoding is None:
            return
        try:
            learned = await self._encoding.learn(plain)
        except Exception:
            log.exception("knowledge.meanings_failed")
            return
        if self.knowledge is plain:
            self.knowledge = learned


def _build(rows: list[str], today: date) -> Knowledge:
    return indexed(in_force(rows, today))


def indexed(entries: tuple[Entry, ...]) -> Knowledge:
    """
    The knowledge of some rows, for this caller alone.

    To index them takes half a second, and is done once: what was tried before it is published, and
    a new day that changes nothing, need it no more.
    """
    return _indexed(entries).apart()


@lru_cache(maxsize=2)
def _indexed(entries: tuple[Entry, ...]) -> Knowledge:
    return Knowledge(entries)
