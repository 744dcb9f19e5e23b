"""`import`: a table becomes rows of the database, all or nothing, after its diff was shown."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path

from bot.knowledge import base_entries, entries_of_rows, row_of, shipped_rows, usable
from bot.tables import read_sheets, read_table
from handlers import done_lists, imports, school_tables, timetable
from handlers.faq import HEADER, MIN_VARIANTS, MORE_COLUMNS, Entry, KnowledgeError, cells_of
from handlers.imports import Cell, Table, TableError
from handlers.settings import BotSettings, ReminderSettings
from handlers.texts_timetable import change_lines
from storage.database import Database
from storage.imports import Changes, EntryRow
from storage.published import Owner, UnitName
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI


class Kind(StrEnum):
    """What a table holds."""

    CLASSES = "classes"
    UNITS = "units"
    TUTORS = "tutors"
    STUDENTS = "students"
    CALENDAR = "calendar"
    FACTS = "facts"
    KNOWLEDGE = "knowledge"
    CONTACTS = "contacts"
    SUPERVISORS = "supervisors"
    PERSONAL = "personal"
    TIMETABLE = "timetable"
    COURSES = "courses"
    DONE = "done"


#: In a workbook of several sheets the one to read; any other book has it on its first.
SHEETS = {Kind.CALENDAR: "校历", Kind.FACTS: "信息", Kind.KNOWLEDGE: "知识"}


#: Handed over as they are: what their columns may be called, and which they must have.
SCHOOLS_OWN = {
    Kind.STUDENTS: (school_tables.NAMES, ("班级", "学号", "姓名")),
    Kind.PERSONAL: (school_tables.FACT_NAMES, ("学号",)),
    Kind.DONE: (done_lists.NAMES, ("学号",)),
}


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
    replaces: bool = False,
    week_one: date | None = None,
    tells: ReminderSettings | None = None,
    task: int | None = None,
) -> Changes | None:
    """
    Apply a table if `confirm` agrees with its diff; None if it does not.

    The diff is the import itself, done in a transaction that is rolled back. With `replaces`,
    knowledge entries of the school that are not in the table go, and so do students of its classes.
    Of a list of who has done something (R-n `task`, else what it calls 事项), `replaces` says that
    whoever is not on it has not. Of a timetable, `week_one` is the first day of term, and with
    `tells` the class groups are told, within the manners it sets.

    Raises:
        TableError: every problem of the table; nothing was changed.
    """
    given = await asyncio.to_thread(_read, kind, path, week_one, tells, task)
    changes = Changes()
    try:
        async with database.unit_of_work() as uow:
            changes = await _apply(uow, kind, given, settings=settings, now=now, replaces=replaces)
            raise _Rehearsal
    except _Rehearsal:
        pass
    if not changes.lines:
        return changes
    if not confirm(changes):
        return None
    async with database.unit_of_work() as uow:
        changes = await _apply(uow, kind, given, settings=settings, now=now, replaces=replaces)
        uow.audit.add(
            at=now,
            actor="cli",
            action=f"import.{kind}",
            target=path.name,
            detail=f"+{changes.added} -{changes.removed} ~{changes.changed}",
        )
    return changes


@dataclass(frozen=True, slots=True)
class _Given:
    """A table, its file's name, the day the file was last changed; and what it is about."""

    table: Table
    name: str
    day: datetime
    week_one: date | None = None
    tells: ReminderSettings | None = None
    task: int | None = None


def _read(
    kind: Kind,
    path: Path,
    week_one: date | None,
    tells: ReminderSettings | None,
    task: int | None,
) -> _Given:
    if kind in SCHOOLS_OWN:
        table = school_tables.as_table(read_sheets(path), *SCHOOLS_OWN[kind])
    else:
        table = read_table(path, SHEETS.get(kind, ""))
    day = datetime.fromtimestamp(path.stat().st_mtime, SHANGHAI).date()
    at = datetime.combine(day, time(), SHANGHAI)
    return _Given(table, path.name, at, week_one, tells, task)


async def _apply(
    uow: UnitOfWork,
    kind: Kind,
    given: _Given,
    *,
    settings: BotSettings,
    now: datetime,
    replaces: bool,
) -> Changes:
    table = given.table
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
            rows = imports.students(table, names, owners)
            return await uow.imports.students(rows, now=now, source=given.name, replaces=replaces)
        case Kind.PERSONAL:
            changes = Changes()
            known = await uow.roster.names()
            facts = imports.personal(table, known, source=given.name, as_of=given.day)
            await uow.roster.put_facts(facts, changes)
            return changes
        case Kind.DONE:
            return await done_lists.apply(
                uow,
                imports.done(table, await uow.roster.names()),
                task=given.task,
                is_complete=replaces,
                source=given.name,
                as_of=given.day,
                by="cli",
                now=now,
            )
        case Kind.TIMETABLE:
            return await _timetable(uow, given, names, settings, now)
        case Kind.COURSES:
            changes = Changes()
            rows_of_courses = timetable.registrations(table, await uow.timetable.student_numbers())
            added, removed = await uow.timetable.put_courses(rows_of_courses)
            for number, course in added:
                changes.add(f"{number} {course}")
            for number, course in removed:
                changes.remove(f"{number} {course}")
            return changes
        case Kind.UNITS:
            return await uow.imports.units(imports.units(table))
        case Kind.CALENDAR:
            units = await uow.imports.unit_names()
            return await uow.imports.calendar(imports.calendar(table, names, units))
        case Kind.FACTS:
            units = await uow.imports.unit_names()
            return await uow.imports.facts(imports.facts(table, names, units))
        case Kind.CONTACTS:
            units = await uow.imports.unit_names()
            return await uow.imports.contacts(imports.contacts(table, units, owners))
        case Kind.SUPERVISORS:
            units = await uow.imports.unit_names()
            return await uow.imports.supervisors(imports.supervisors(table, units, owners), now=now)
        case Kind.KNOWLEDGE:
            own = usable(await uow.published.entries())
            entries = _entries(table, own)
            units = await uow.imports.unit_names()
            if replaces:
                own = ()
            if problems := _misfits(entries, own, classes=names, units=units):
                raise TableError(problems)
            return await uow.imports.entries(
                [EntryRow(entry.key, row_of(entry), _owner(entry)) for entry in entries.values()],
                now=now,
                shipped=shipped_rows(),
                replaces=replaces,
            )


async def _timetable(
    uow: UnitOfWork, given: _Given, names: Collection[str], settings: BotSettings, now: datetime
) -> Changes:
    """What changes class by class, and what their groups are told of it."""
    changes = Changes()
    rows = timetable.lessons(given.table, names, week_one=given.week_one)
    versions = await uow.timetable.put(rows, now)
    if given.tells is not None:
        changes.lines += await timetable.announce(uow, versions, now, settings, given.tells)
    notes = {"+": changes.add, "−": changes.remove, "~": changes.change}
    for version in versions:
        for sign, words in change_lines(version, now):
            notes[sign](f"{version.class_name} {words}")
    return changes


def _entries(table: Table, own: Sequence[Entry]) -> dict[int, Entry]:
    """The entries of a table by the number of their row; a column it lacks keeps what is there."""
    if not table.rows:
        raise TableError(["表里没有数据行"])
    header = [name.lstrip("\ufeff") for name in table.header]
    if missing := [name for name in HEADER if name not in header]:
        raise TableError([f"缺少列「{'、'.join(missing)}」"])
    filled = dict(table.rows)
    # Empty rows are read along, so that a problem is told by its row in the file.
    rows = [_cells(header, filled.get(number, ())) for number in range(2, max(filled) + 1)]
    known = {(it.key, it.unit, it.class_name): cells_of(it) for it in (*base_entries(), *own)}
    for row in rows:
        before = known.get((row["编号"], row["单位"], row["班级"]), {})
        row |= {name: before.get(name, "") for name in MORE_COLUMNS[2:] if name not in header}
    try:
        entries = entries_of_rows([json.dumps(row, ensure_ascii=False) for row in rows])
    except KnowledgeError as error:
        raise TableError(error.problems) from error
    numbers = [number for number, row in enumerate(rows, 2) if any(row.values())]
    return dict(zip(numbers, entries, strict=True))


def _cells(header: Sequence[str], cells: Sequence[Cell]) -> dict[str, str]:
    """A row by column, of the columns that are known; a date as it is written in a table."""
    row = dict.fromkeys((*HEADER, *MORE_COLUMNS), "")
    for name, cell in zip(header, cells, strict=False):
        if name in row and cell is not None:
            row[name] = f"{cell:%Y-%m-%d}" if isinstance(cell, date) else str(cell).strip()
    return row


def _misfits(
    entries: Mapping[int, Entry],
    own: Sequence[Entry],
    *,
    classes: Collection[str],
    units: Collection[str],
) -> list[str]:
    """What a table cannot know by itself: units, classes, and phrasings other entries have."""
    changed = {(entry.key, entry.owner) for entry in entries.values()}
    kept = [entry for entry in (*base_entries(), *own) if (entry.key, entry.owner) not in changed]
    taken = {text: it.key for it in kept for text in (it.question, *it.variants)}
    known = {entry.key for entry in (*kept, *entries.values()) if not entry.owner}
    problems: list[str] = []
    for number, entry in entries.items():
        row = f"第 {number} 行（{entry.key}）"
        if entry.class_name and entry.class_name not in classes:
            problems.append(f"{row}「班级」列：没有班级「{entry.class_name}」，请先导入班级")
        if entry.unit and entry.unit not in units:
            problems.append(f"{row}「单位」列：没有办学单位「{entry.unit}」，请先导入班级或单位")
        if entry.owner and entry.key not in known and len(entry.variants) < MIN_VARIANTS:
            problems.append(f"{row}「问法」列：全校没有这个编号，所以至少要 {MIN_VARIANTS} 个问法")
        problems += [
            f"{row}「问法」列：「{text}」在「{taken[text]}」里已经有了"
            for text in (entry.question, *entry.variants)
            if taken.get(text, entry.key) != entry.key
        ]
    return problems


def _owner(entry: Entry) -> Owner:
    return UnitName(entry.unit) if entry.unit else entry.class_name or None
