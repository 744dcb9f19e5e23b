"""The ledger and the audit are only ever added to, and the database itself sees to that."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Table, delete, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.database import Database
from storage.interactions import Kind, Record
from storage.models.record import interactions
from storage.models.supervisors import audit
from storage.questions import SolvedBy
from storage.reports import LedgerFilter
from storage.vocabulary import Action, Platform, Topic
from tests.conftest import Classroom

RECORD = Record(
    Kind.QUESTION,
    Action.ANSWER,
    Topic.FEES,
    "第十六条",
    solved_by=SolvedBy.BOT,
    first_reply_seconds=1.5,
    entry="fees.when",
)


async def write_row(
    database: Database, classroom: Classroom, now: datetime, **changes: Any
) -> None:
    row = {
        "key": "event:7",
        "at": now,
        "class_id": classroom.room.id,
        "tutor_id": classroom.tutor.person_id,
        "person_id": classroom.li.person_id,
        "platform": Platform.QQ,
        "speaker_id": "20001",
        "event_id": 7,
        "message_id": "1001",
    }
    async with database.unit_of_work() as uow:
        uow.interactions.add(RECORD, **(row | changes))
        uow.audit.add(at=now, actor="cli", action="import.classes", target="班级.csv")


async def execute(database: Database, statement: Any) -> None:
    async with database.unit_of_work() as uow:
        await uow.write(statement)


async def test_a_row_is_read_back_as_it_was_written(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await write_row(database, classroom, now)

    async with database.reading() as uow:
        (row,) = await uow.reports.ledger(LedgerFilter())

    assert row.record == RECORD
    assert (row.class_name, row.tutor_name, row.person_name) == ("计算机2301", "王敏", "李明")
    assert (row.at, row.event_id, row.message_id, row.speaker_id) == (now, 7, "1001", "20001")


@pytest.mark.parametrize("table", [interactions, audit], ids=lambda table: table.name)
async def test_the_database_refuses_to_change_or_remove_a_row(
    database: Database, classroom: Classroom, now: datetime, table: Table
) -> None:
    await write_row(database, classroom, now)

    with pytest.raises(DBAPIError, match="append-only"):
        await execute(database, update(table).values(action="answer"))
    with pytest.raises(DBAPIError, match="append-only"):
        await execute(database, delete(table))

    async with database.reading() as uow:
        assert await uow.reports.count(LedgerFilter()) == 1
        assert await uow.audit.actions() == [("cli", "import.classes", "班级.csv")]


async def test_an_event_is_recorded_once(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await write_row(database, classroom, now)

    with pytest.raises(IntegrityError):
        await write_row(database, classroom, now, speaker_id="20002")

    async with database.reading() as uow:
        assert await uow.reports.count(LedgerFilter()) == 1


async def test_a_row_needs_a_class_that_exists(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    with pytest.raises(IntegrityError):
        await write_row(database, classroom, now, class_id=404)


async def test_an_audit_line_is_cut_to_its_column(database: Database, now: datetime) -> None:
    async with database.unit_of_work() as uow:
        uow.audit.add(at=now, actor="甲" * 500, action="x", target="乙" * 500)

    async with database.reading() as uow:
        assert await uow.audit.actions() == [("甲" * 120, "x", "乙" * 200)]


async def test_s13_3_a_correction_is_a_new_row_that_points_to_the_old(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await write_row(database, classroom, now)
    async with database.reading() as uow:
        (old,) = await uow.reports.ledger(LedgerFilter())
    async with database.unit_of_work() as uow:
        assert await uow.interactions.correct(old.id, topic=Topic.TEXTBOOK, article="第十六条")
    async with database.unit_of_work() as uow:
        again = await uow.interactions.correct(old.id, topic=Topic.GRADES, article="第十六条")

    async with database.reading() as uow:
        new, kept = await uow.reports.ledger(LedgerFilter())
        figures = await uow.reports.figures(LedgerFilter())
    assert again is False
    assert (new.corrects, new.record.topic, new.at) == (old.id, Topic.TEXTBOOK, old.at)
    assert (kept.id, kept.record.topic, kept.is_corrected) == (old.id, Topic.FEES, True)
    assert figures.by_bot == 1
