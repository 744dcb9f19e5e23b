"""A database of any release comes up to date with all its data; stopped half-way, none (F14)."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    TableClause,
    TextClause,
    column,
    event,
    insert,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.migrations import runner

AT = datetime(2026, 11, 1, tzinfo=UTC)
#: The schemas of 0.1.0, 0.2.0 and 0.3.0: a round trip a statement is enough for these.
RELEASED = ("0001", "0008", "0014")
#: Made by the database itself; its own kind in each.
NOT_OURS = ("alembic_version", "search_index", "sqlite_")
#: What a migration changes in rows that are there, on purpose.
CHANGED = {"level", "category"}


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        made = Database(f"sqlite+aiosqlite:///{tmp_path}/older.db")
    else:
        server = request.getfixturevalue("postgres")
        admin = Database(f"{server}/postgres")
        async with admin.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text("DROP DATABASE IF EXISTS upgrades WITH (FORCE)"))
            await autocommit.execute(text("CREATE DATABASE upgrades"))
        await admin.close()
        made = Database(f"{server}/upgrades")
    yield made
    await made.close()


def revisions() -> list[str]:
    """Every schema there ever was, the oldest first."""
    found = ScriptDirectory.from_config(runner._config()).walk_revisions()
    return [item.revision for item in found][::-1]


def upgrade(connection: Connection, revision: str) -> None:
    config = runner._config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


#: A table's columns, as the database itself tells of them, and what it said then.
Known = dict[str, tuple[str, TableClause]]


def tables_of(connection: Connection, known: Known) -> list[TableClause]:
    """Every table as it is now; looked at only where it is another than the one known."""
    found = {row[0]: row[1] for row in connection.execute(_said(connection))}
    for name in known.keys() - found.keys():
        del known[name]
    for name, said in found.items():
        if name.startswith(NOT_OURS) or (name in known and known[name][0] == said):
            continue
        columns = inspect(connection).get_columns(name)
        known[name] = (said, table(name, *(column(it["name"], it["type"]) for it in columns)))
    return [it for _, it in known.values()]


def _said(connection: Connection) -> TextClause:
    if connection.dialect.name == "sqlite":
        return text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return text(
        "SELECT table_name, string_agg(column_name || data_type, ',' ORDER BY ordinal_position) "
        "FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name"
    )


def row_for(of: TableClause, number: int, *, is_sqlite: bool) -> dict[str, Any]:
    """A row that points to the rows of the same number in the other tables."""
    row = {it.name: value_for(it, number, is_sqlite) for it in of.columns}
    return {name: value for name, value in row.items() if value is not None}


def value_for(column: Any, number: int, is_sqlite: bool) -> Any:
    kind = column.type
    match kind:
        case Boolean():
            return True
        case Integer() | BigInteger():
            return number
        case Float():
            return 0.5
        case Date():
            return date(2026, 1, 1) if number == 0 else date.fromordinal(740_000 + number)
        case DateTime():
            return AT
        case LargeBinary():
            return b"x"
        case String() if is_sqlite and kind.length == 26:
            return AT.replace(tzinfo=None).isoformat(timespec="microseconds")
        case String() if kind.length is None:
            return f'{{"编号": "k{number}"}}'
        case String():
            return f"{column.name[:3]}{number}"[: kind.length]
    return None


Rows = dict[str, list[dict[str, Any]]]


def rows_of(connection: Connection, tables: list[TableClause]) -> Rows:
    return {
        it.name: [dict(row._mapping) for row in connection.execute(select(it))] for it in tables
    }


def missing(before: Rows, after: Rows) -> Rows:
    """Rows that are not there any more as they were, by table."""
    lost = {
        name: [row for row in rows if not any(_is_same(row, it) for it in after.get(name, []))]
        for name, rows in before.items()
    }
    return {name: rows for name, rows in lost.items() if rows}


def _is_same(row: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(key in CHANGED or other.get(key, value) == value for key, value in row.items())


def fill(connection: Connection, tables: list[TableClause], number: int) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        # In any order: what a row points to has the same number.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    for it in tables:
        connection.execute(insert(it).values(row_for(it, number, is_sqlite=is_sqlite)))


# -- what comes through ---------------------------------------------------------------------------


async def test_f14_data_of_every_released_schema_comes_through_every_upgrade(
    empty: Database,
) -> None:
    """
    F14: at each revision every table gets a row more, and each step keeps all of them.

    SQLite step by step; PostgreSQL from release to release.
    """
    before: Rows = {}
    known: Known = {}
    steps = revisions() if empty.is_sqlite else [*RELEASED, runner.head()]
    for number, revision in enumerate(steps, 1):
        async with empty.migrating() as connection:
            await connection.run_sync(upgrade, revision)
            tables = await connection.run_sync(tables_of, known)
            after = await connection.run_sync(rows_of, tables)
            assert missing(before, after) == {}, revision
            await connection.run_sync(fill, tables, number)
            before = await connection.run_sync(rows_of, tables)

    assert await runner.migrate(empty) == (runner.head(), runner.head())

    async with empty.connect() as connection:
        assert await connection.run_sync(rows_of, tables) == before
    assert all(before.values()), before.keys()
    assert len(before["persons"]) == len(steps)


class Stopped(Exception):
    """The power went."""


async def test_f14_an_upgrade_that_is_stopped_half_way_changes_nothing_and_can_be_run_again(
    empty: Database,
) -> None:
    """F14: interrupted migration. It is one transaction, on both databases."""
    first = revisions()[0]
    async with empty.migrating() as connection:
        await connection.run_sync(upgrade, first)
        tables = await connection.run_sync(tables_of, {})
        await connection.run_sync(fill, tables, 1)
        before = await connection.run_sync(rows_of, tables)
    left = [0]

    def stop(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Stopped

    for statements in (20, 90):
        left[0] = statements
        event.listen(empty.engine.sync_engine, "before_cursor_execute", stop)
        with pytest.raises(Stopped):
            await runner.migrate(empty)
        event.remove(empty.engine.sync_engine, "before_cursor_execute", stop)
        assert await runner.current(empty) == first
        async with empty.connect() as connection:
            assert await connection.run_sync(rows_of, tables) == before

    assert await runner.migrate(empty) == (first, runner.head())
    async with empty.connect() as connection:
        now = await connection.run_sync(lambda it: rows_of(it, tables_of(it, {})))
    assert missing(before, now) == {}


async def test_a_schema_change_that_leaves_a_row_pointing_to_nothing_is_undone(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/broken.db")
    await runner.migrate(database)

    orphan = "INSERT INTO identities (platform, user_id, person_id) VALUES ('qq', '1', 99)"

    with pytest.raises(IntegrityError):
        async with database.migrating() as connection:
            await connection.execute(text(orphan))

    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM identities"))).scalar() == 0
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
    await database.close()
