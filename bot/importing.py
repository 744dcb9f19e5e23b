"""`import`: a table becomes rows of the database, all or nothing, after its diff was shown."""

import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bot.knowledge import entries_of_rows
from bot.tables import read_table
from handlers import imports
from handlers.faq import HEADER, KnowledgeError
from handlers.imports import Table, TableError
from handlers.settings import BotSettings
from storage.database import Database
from storage.imports import Changes
from storage.unit_of_work import UnitOfWork


class Kind(StrEnum):
    """What a table holds."""

    CLASSES = "classes"
    TUTORS = "tutors"
    STUDENTS = "students"
    CALENDAR = "calendar"
    FACTS = "facts"
    KNOWLEDGE = "knowledge"


class _Rehearsal(Exception):
    """Rolls the transaction back after its changes have been counted."""


async def import_table(
    database: Database,
    kind: Kind,
    path: Path,
    *,
    settings: BotSettings,
    now: datetime,
    confirm: Callable[[Changes], bool],
) -> Changes | None:
    """
    Apply a table if `confirm` agrees with its diff; None if it does not.

    The diff is the import itself, done in a transaction that is rolled back.

    Raises:
        TableError: every problem of the table; nothing was changed.
    """
    table = read_table(path)
    changes = Changes()
    try:
        async with database.unit_of_work() as uow:
            changes = await _apply(uow, kind, table, settings=settings, now=now)
            raise _Rehearsal
    except _Rehearsal:
        pass
    if not changes.lines:
        return changes
    if not confirm(changes):
        return None
    async with database.unit_of_work() as uow:
        changes = await _apply(uow, kind, table, settings=settings, now=now)
        uow.audit.add(
            at=now,
            actor="cli",
            action=f"import.{kind}",
            target=path.name,
            detail=f"+{changes.added} -{changes.removed} ~{changes.changed}",
        )
    return changes


async def _apply(
    uow: UnitOfWork, kind: Kind, table: Table, *, settings: BotSettings, now: datetime
) -> Changes:
    names = await uow.imports.class_names()
    owners = await uow.imports.account_owners()
    match kind:
        case Kind.CLASSES:
            return await uow.imports.classes(
                imports.classes(table, owners),
                default_mode=settings.speak_mode,
                default_grace=settings.grace_minutes,
                now=now,
            )
        case Kind.TUTORS:
            return await uow.imports.tutors(imports.tutors(table, names, owners), now=now)
        case Kind.STUDENTS:
            return await uow.imports.students(imports.students(table, names, owners))
        case Kind.CALENDAR:
            return await uow.imports.calendar(imports.calendar(table, names))
        case Kind.FACTS:
            return await uow.imports.facts(imports.facts(table, names))
        case Kind.KNOWLEDGE:
            return await uow.imports.entries(_entries(table), now=now)


def _entries(table: Table) -> dict[str, str]:
    if not table.rows:
        raise TableError(["表里没有数据行"])
    filled = dict(table.rows)
    # Empty rows are read along, so that a problem is told by its row in the file.
    rows = [
        dict.fromkeys(table.header, "")
        | {
            name: "" if cell is None else str(cell).strip()
            for name, cell in zip(table.header, filled.get(number, ()), strict=False)
        }
        for number in range(2, max(filled, default=1) + 1)
    ]
    stored = [json.dumps(row, ensure_ascii=False) for row in rows]
    try:
        entries = entries_of_rows(stored)
    except KnowledgeError as error:
        raise TableError(error.problems) from error
    kept = [
        text
        for row, text in zip(rows, stored, strict=True)
        if any(row.get(name) for name in HEADER)
    ]
    return {entry.key: row for entry, row in zip(entries, kept, strict=True)}
