"""X8: what was done is sealed, and whoever changes a line behind the database's back is found."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.audit import Verification
from storage.database import Database


async def _write(database: Database, now: datetime, count: int) -> None:
    async with database.unit_of_work() as uow:
        for index in range(count):
            uow.audit.add(
                at=now + timedelta(seconds=index),
                actor="web:zhao",
                action="web.row_viewed",
                target=f"interaction:{index}",
                detail="原因 \N{WARNING SIGN}",
                address="10.0.0.1",
                reason="核对",
            )


async def _seal(database: Database, now: datetime) -> int:
    async with database.unit_of_work() as uow:
        return await uow.audit.seal(now)


async def _verify(database: Database, expected: str = "") -> Verification:
    async with database.reading() as uow:
        return await uow.audit.verify(expected)


async def _unguarded(database: Database, statement: str) -> None:
    """As somebody with the database's own password would do it."""
    async with database.connect() as connection:
        if database.is_sqlite:
            for table in ("audit", "audit_seals"):
                for deed in ("update", "delete"):
                    await connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{deed}"))
        else:
            await connection.execute(text("SET session_replication_role = replica"))
        await connection.execute(text(statement))
        await connection.commit()


async def test_lines_are_sealed_once_and_the_chain_holds(database: Database, now: datetime) -> None:
    await _write(database, now, 5)
    assert (await _verify(database)).waiting == 5

    assert await _seal(database, now) == 5
    assert await _seal(database, now) == 0
    await _write(database, now, 2)
    assert await _seal(database, now) == 2

    found = await _verify(database)
    assert (found.sealed, found.waiting, found.broken) == (7, 0, None)
    assert (await _verify(database, found.head)).has_expected
    assert not (await _verify(database, "f" * 64)).has_expected


FORGERIES: dict[str, tuple[str, str]] = {
    "a line changed": ("UPDATE audit SET actor = 'web:li' WHERE id = 3", "被改过"),
    "its reason changed": ("UPDATE audit SET reason = '' WHERE id = 2", "被改过"),
    "a seal changed": ("UPDATE audit_seals SET hash = 'x' WHERE number = 2", "被改过"),
    "a line gone with its seal": (
        "DELETE FROM audit_seals WHERE number = 2",
        "缺第 2 号封条",
    ),
    "the end cut off": ("DELETE FROM audit_seals WHERE number > 3", "应有 5 个封条"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_list_is_found_out(database: Database, now: datetime, forgery: str) -> None:
    statement, words = FORGERIES[forgery]
    await _write(database, now, 5)
    await _seal(database, now)

    await _unguarded(database, statement)

    broken = (await _verify(database)).broken
    assert broken is not None
    assert words in broken


@pytest.mark.parametrize("table", ["audit", "audit_seals"])
async def test_the_database_itself_refuses_to_change_it(
    database: Database, now: datetime, table: str
) -> None:
    await _write(database, now, 1)
    await _seal(database, now)

    async with database.connect() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text(f"DELETE FROM {table}"))


async def test_a_line_that_was_committed_late_is_sealed_too(
    database: Database, now: datetime
) -> None:
    await _write(database, now, 3)
    async with database.connect() as slow:
        if database.is_sqlite:
            pytest.skip("SQLite has one writer: nothing commits late")
        await slow.execute(
            text(
                "INSERT INTO audit (at, actor, action, target, detail) "
                "VALUES (now(), 'late', 'x', 'y', '')"
            )
        )
        await _write(database, now, 1)
        await _seal(database, now)
        await slow.commit()

    assert await _seal(database, now) == 1
    assert (await _verify(database)).broken is None


async def test_lines_are_found_by_who_and_what(database: Database, now: datetime) -> None:
    await _write(database, now, 3)
    async with database.unit_of_work() as uow:
        uow.audit.add(at=now, actor="cli", action="import.classes", target="a.csv")

    async with database.reading() as uow:
        imports = await uow.audit.lines(limit=10, action="import.")
        own = await uow.audit.lines(limit=10, actors=["web:zhao"])
        page = await uow.audit.lines(limit=2, before=own[0].id)
        wildcard = await uow.audit.lines(limit=10, actor="%")

    assert [it.actor for it in imports] == ["cli"]
    assert len(own) == 3
    assert [it.id for it in page] == [own[1].id, own[2].id]
    assert wildcard == []
