"""Y4, Y5: everything about somebody is counted for them and can be erased, whatever is added."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Boolean, Float, Integer, String, Table, insert, select, text

from storage import erasure
from storage.columns import CleanText, ShanghaiDateTime
from storage.database import Database
from storage.models import metadata
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Conversation, ConversationKind, Message, Outgoing, Platform
from tests.conftest import Classroom

ACCOUNT, SECRET = "20001", "只有李明知道的事"
PRIVATE = Conversation(Platform.QQ, "3889000001", ConversationKind.PRIVATE, ACCOUNT)
#: How an account or a person is called in one table or another.
NAMES = {
    *("user_id", "speaker_id", "asker_id", "sender_id", "student_no", "phone", "person_id"),
    *("recipient", "made_by", "given_by", "tutor_id", "supervisor_id", "username", "payload"),
}


def holds_people(table: Table) -> bool:
    refers = any(key.column.table.name == "persons" for key in table.foreign_keys)
    return refers or bool(NAMES & set(table.c.keys())) or "actor" in table.c


def test_y4_every_table_with_people_is_accounted_for() -> None:
    """Y4, Y5: a new table with people in it has to say whose its rows are."""
    unknown = [
        table.name
        for table in metadata.sorted_tables
        if holds_people(table)
        and table.name not in erasure.WHOSE
        and table.name not in erasure.OF_NOBODY
    ]

    assert unknown == []
    assert not set(erasure.WHOSE) & set(erasure.OF_NOBODY)


async def row_of(uow: UnitOfWork, table: Table, person: int, now: datetime) -> None:
    """A row about the student in any table, with the secret in every text."""
    own: dict[str, Any] = {
        "platform": "qq", "account": "3889000001", "user_id": ACCOUNT, "speaker_id": ACCOUNT,
        "asker_id": ACCOUNT, "conversation_id": ACCOUNT, "conversation_kind": "private",
        "recipient": f"person:{person}", "made_by": f"qq:{ACCOUNT}", "actor": f"qq:{ACCOUNT}",
        "person_id": person, "event_id": 1, "hand_off": 1, "number": 1, "state": "done",
        "via_group": "600000000", "closed_at": now, "duplicate_of": None, "corrects": None,
        "phone": "13900001234", "detail": "event:1", "reason": "", "address": "",
        "kind": "message" if table.name == "inbound_events" else "question",
    }  # fmt: skip
    said = Message(PRIVATE, ACCOUNT, "李明", "m1", SECRET, now)
    told = Outgoing("event:1:0", PRIVATE, f"李明，{SECRET}")
    values: dict[str, Any] = {}
    for column in table.columns:
        name, kind = column.name, column.type
        refers = next(iter(column.foreign_keys), None)
        if table.name == "study_groups" and name == "made_by":
            values[name] = person
        elif name == "payload":
            values[name] = msgspec.json.encode(
                said if table.name == "inbound_events" else told
            ).decode()
        elif name in own and (name != "number" or table.name == "hand_offs"):
            values[name] = own[name]
        elif column.primary_key and name == "id":
            values[name] = 1
        elif refers is not None:
            values[name] = None if column.nullable else 1
        elif isinstance(kind, ShanghaiDateTime):
            values[name] = now
        elif isinstance(kind, Boolean):
            values[name] = False
        elif isinstance(kind, CleanText):
            values[name] = SECRET
        elif isinstance(kind, Integer | Float):
            values[name] = 1
        elif isinstance(kind, String):
            values[name] = "x"
    await uow.write(insert(table).values(**values))


async def lived(uow: UnitOfWork, classroom: Classroom, now: datetime) -> int:
    """The student has left something in every table."""
    person = classroom.li.person_id
    assert person is not None
    taken = {"persons", "identities", "enrolments"}
    order = [table for table in metadata.sorted_tables if table.name in erasure.WHOSE]
    # What others refer to comes first.
    needed = [metadata.tables["reminders"]]
    done: set[str] = set()
    for table in order:
        for first in needed if table.name == "obligations" else ():
            await row_of(uow, first, person, now)
        if table.name not in taken and table.name not in done:
            await row_of(uow, table, person, now)
            done.add(table.name)
    return person


async def everything(uow: UnitOfWork) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in metadata.sorted_tables:
        rows = (await uow.read(select(table))).all()
        found[table.name] = "\n".join(str(tuple(row)) for row in rows)
    return found


async def test_y4_own_record_counts_every_table(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    """Y4: what is counted is what is there, table by table."""
    person = await lived(uow, classroom, now)

    found = await erasure.held(uow, await erasure.whose(uow, person))

    assert set(found) == set(erasure.WHOSE)


async def test_y5_nothing_tells_who_it_was(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    """Y5: not a name, number, account or word in any table; rows of the record stand."""
    person = await lived(uow, classroom, now)
    before = await erasure.held(uow, await erasure.whose(uow, person))
    figures = (await uow.read(select(metadata.tables["daily_records"]))).all()

    proof = await erasure.erase(uow, person, now)

    left = await everything(uow)
    # The sealed list of who did what is kept by law, with its accounts.
    left.pop("audit")
    for private in ("李明", "2430000000001", ACCOUNT, "13900001234", SECRET):
        assert [name for name, rows in left.items() if private in rows] == []
    assert {**proof.removed, **proof.without_identity, **proof.kept} == before
    assert proof.kept == {"audit": 1}
    assert left["interactions"].count("erased:") == 1
    assert (await uow.read(select(metadata.tables["daily_records"]))).all() == figures
    again = await erasure.erase(uow, person, now)
    assert again.removed == {}
    # The classmate is untouched.
    assert "20002" in left["identities"]


async def test_y5_legal_hold_wins(classroom: Classroom, uow: UnitOfWork, now: datetime) -> None:
    """Y5: what is not closed is evidence; staff are not erased this way."""
    person = await lived(uow, classroom, now)
    await uow.write(text("UPDATE hand_offs SET closed_at = NULL"))

    with pytest.raises(erasure.StillOpen) as refused:
        await erasure.erase(uow, person, now)
    assert refused.value.numbers == (1,)
    await erasure.erase(uow, person, now, but=1)
    with pytest.raises(erasure.IsStaff):
        await erasure.erase(uow, classroom.tutor.person_id or 0, now)


async def test_y5_ledger_lets_go_of_identity_and_of_nothing_else(
    classroom: Classroom, database: Database, now: datetime
) -> None:
    """Y5, X8: the database itself refuses any other change."""
    async with database.unit_of_work() as uow:
        await lived(uow, classroom, now)

    for change in (
        "speaker_id = 'somebody'",
        "speaker_id = 'erased:1', topic = 'fees'",
        "topic = 'fees'",
    ):
        with pytest.raises(Exception, match="append-only"):
            async with database.unit_of_work() as uow:
                await uow.write(text(f"UPDATE interactions SET {change}"))
    with pytest.raises(Exception, match="append-only"):
        async with database.unit_of_work() as uow:
            await uow.write(text("DELETE FROM interactions"))
