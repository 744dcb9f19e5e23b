"""The migrations make exactly the tables the program knows, and say when they were not run."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from storage.database import Database
from storage.errors import SchemaOutdated
from storage.migrations import runner
from storage.models import metadata
from storage.models.hand_offs import counters
from storage.questions import SERIES


async def test_the_migrated_schema_is_the_one_in_models(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        # The index over words is of another kind in each database; the models do not know it.
        options = {
            "compare_type": True,
            "include_name": lambda name, *_: not str(name).startswith("search_index"),
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    async with database.connect() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    """F14"""
    async with database.unit_of_work() as uow:
        await uow.number(SERIES)

    before, after = await runner.migrate(database)

    assert before == after == runner.head() == await runner.current(database)
    await runner.require_current(database)
    async with database.reading() as uow:
        rows = {row.name: row.value for row in await uow.read(select(counters))}
    assert rows.pop(SERIES) == 1
    assert set(rows.values()) == {0}


async def test_an_empty_database_is_refused_until_it_is_migrated(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/new/empty.db")

    assert database.is_missing_file
    assert await runner.current(database) == ""
    with pytest.raises(SchemaOutdated, match="none"):
        await runner.require_current(database)
    before, after = await runner.migrate(database)
    await runner.require_current(database)
    await database.close()

    assert (before, after) == ("", runner.head())


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/newer.db")
    await runner.migrate(database)

    def pretend(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    async with database.connect() as connection:
        await connection.run_sync(pretend)
        await connection.commit()

    with pytest.raises(SchemaOutdated, match="9999"):
        await runner.require_current(database)
    await database.close()


async def _empty(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite+aiosqlite:///{tmp_path}/older.db")
    server = request.getfixturevalue("postgres")
    admin = Database(f"{server}/postgres")
    async with admin.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("DROP DATABASE IF EXISTS older"))
        await autocommit.execute(text("CREATE DATABASE older"))
    await admin.close()
    return Database(f"{server}/older")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_entries_of_an_older_database_are_everybodys_in_the_new_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = await _empty(kind, tmp_path, request)

    def make_older(connection: Connection) -> None:
        config = runner._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(
            "INSERT INTO knowledge_entries (key, row, updated_at) "
            "VALUES ('a.b', '{\"编号\": \"a.b\"}', "
            + ("'2026-11-01T00:00:00.000000')" if kind == "sqlite" else "'2026-11-01 00:00:00Z')")
        )
        connection.exec_driver_sql(
            "INSERT INTO school_facts (slot, value, source) VALUES ('链接:缴费', 'x', '')"
        )

    async with database.connect() as connection:
        await connection.run_sync(make_older)
        await connection.commit()
    await runner.migrate(database)

    async with database.reading() as uow:
        rows, version = await uow.published.entries(), await uow.published.entries_version()
        facts = (await uow.published.for_classes([1]))[1].facts
    await database.close()
    assert rows == ['{"编号": "a.b"}']
    assert version[0] == 1
    assert version[1] is not None
    assert version[1].isoformat() == "2026-11-01T08:00:00+08:00"
    assert [fact.slot for fact in facts] == ["链接:缴费"]
