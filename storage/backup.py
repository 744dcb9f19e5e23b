"""
Copies of the database taken while it is in use, and put back; each database by its own means.

SQLite by its online backup in one step: readers and writers go on beside it. PostgreSQL by
`pg_dump` and `pg_restore`, whose versions must be the server's or newer.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.models import metadata
from storage.vocabulary import SHANGHAI

#: Where PostgreSQL keeps our tables.
_SCHEMA = "public"
#: What was there before a copy was put back is kept under a name that begins so.
_ASIDE = "before_restore_"
#: A SQLite database and what may lie beside it.
_PARTS = ("", "-wal", "-shm")


class BackupFailed(RuntimeError):
    """It could not be copied or put back; the message says why, without any password."""


class TargetInUse(BackupFailed):
    """Somebody has the database open."""


class TargetNotEmpty(BackupFailed):
    """There is a database where one is to be put back."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy: its schema's revision and how many rows each table had in it."""

    revision: str
    rows: Mapping[str, int]


# -- taking ---------------------------------------------------------------------------------------


async def copy(database: Database, target: Path) -> Copied:
    """
    A consistent copy of a database in use; SQLite: a database file, PostgreSQL: a custom dump.

    Raises:
        BackupFailed: it could not be made.
    """
    if database.is_sqlite:
        return await asyncio.to_thread(_copy_sqlite, Path(str(database.url.database)), target)
    return await _copy_postgresql(database, target)


def _copy_sqlite(source: Path, target: Path) -> Copied:
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            # One step: with several, every commit in between would make it begin again.
            old.backup(new, pages=-1)
            # In the copy: a log beside it would be forgotten when it is carried elsewhere.
            new.execute("PRAGMA journal_mode=DELETE")
            (found,) = new.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise BackupFailed(f"副本没有通过检查：{found}")
            (revision,) = new.execute("SELECT version_num FROM alembic_version").fetchone()
            there = {
                name for (name,) in new.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
            rows = {
                name: new.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                for name in sorted(there & metadata.tables.keys())
            }
    except sqlite3.Error as error:
        raise BackupFailed(f"SQLite：{error}") from error
    return Copied(revision, rows)


async def _copy_postgresql(database: Database, target: Path) -> Copied:
    program = _program("pg_dump")
    async with database.engine.connect() as connection:
        # What is counted is what is dumped.
        await connection.execution_options(isolation_level="REPEATABLE READ")
        snapshot = (await connection.execute(text("SELECT pg_export_snapshot()"))).scalar_one()
        await _call(
            database.url,
            program,
            "--format=custom",
            "--compress=1",
            f"--exclude-schema={_ASIDE}*",
            f"--snapshot={snapshot}",
            f"--file={target}",
        )
        return await _counted(connection)


async def counted(database: Database) -> Copied:
    """What a database holds now."""
    async with database.engine.connect() as connection:
        return await _counted(connection)


async def _counted(connection: AsyncConnection) -> Copied:
    there = await connection.run_sync(lambda it: set(inspect(it).get_table_names()))
    revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    rows = {
        name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for name, table in sorted(metadata.tables.items())
        if name in there
    }
    return Copied(revision or "", rows)


# -- putting back ---------------------------------------------------------------------------------


@asynccontextmanager
async def put_back(
    url: str, copied: Path, *, replaces: bool, now: datetime
) -> AsyncIterator[Database]:
    """
    The database as it was copied, to be brought up to date; in its place at the end of the block.

    What was there before is kept aside, under a name with `now` in it, and is there again if the
    block fails.

    Raises:
        TargetInUse: a program has it open.
        TargetNotEmpty: there is one, and it is not to be replaced.
        BackupFailed: the copy could not be put back.
    """
    target = Database(url)
    await target.close()
    putting_back = _put_back_sqlite if target.is_sqlite else _put_back_postgresql
    async with putting_back(
        target, copied, replaces, f"{now.astimezone(SHANGHAI):%Y%m%d%H%M%S}"
    ) as it:
        yield it


@asynccontextmanager
async def _put_back_sqlite(
    target: Database, copied: Path, replaces: bool, mark: str
) -> AsyncIterator[Database]:
    file = Path(str(target.url.database))
    lock = FileLock(f"{file}.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise TargetInUse(f"{file} 正被助学程序使用，请先停掉它") from error
    try:
        if not target.is_missing_file and not replaces:
            raise TargetNotEmpty(f"{file} 已经有了；确定要换掉，请加 --replace")
        unfinished = file.with_name(f"{file.name}.restoring")
        _remove(unfinished)
        await asyncio.to_thread(shutil.copyfile, copied, unfinished)
        database = Database(f"sqlite+aiosqlite:///{unfinished}")
        try:
            yield database
        except BaseException:
            await database.close()
            _remove(unfinished)
            raise
        await database.close()
        _move_in(unfinished, file, f"{file}.{_ASIDE}{mark}")
    finally:
        lock.release()


def _move_in(new: Path, file: Path, aside: str) -> None:
    for suffix in _PARTS:
        part = Path(f"{file}{suffix}")
        if part.exists():
            os.replace(part, f"{aside}{suffix}")
    os.replace(new, file)


def _remove(file: Path) -> None:
    for suffix in _PARTS:
        Path(f"{file}{suffix}").unlink(missing_ok=True)


@asynccontextmanager
async def _put_back_postgresql(
    target: Database, copied: Path, replaces: bool, mark: str
) -> AsyncIterator[Database]:
    program = _program("pg_restore")
    database = Database(target.url.render_as_string(hide_password=False))
    try:
        is_aside = await _make_room(database, replaces, f"{_ASIDE}{mark}")
        # The connection that made room would count as somebody else's next time.
        await database.close()
        try:
            await _call(
                database.url,
                program,
                "--single-transaction",
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                f"--dbname={database.url.database}",
                str(copied),
            )
            yield database
        except BaseException:
            await _undo(database, f"{_ASIDE}{mark}" if is_aside else "")
            raise
    finally:
        await database.close()


async def _make_room(database: Database, replaces: bool, aside: str) -> bool:
    """Whether something was there, now under the name `aside`."""
    async with database.engine.begin() as connection:
        others = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if count := (await connection.execute(others)).scalar_one():
            raise TargetInUse(f"还有 {count} 个连接开着这个数据库，请先停掉所有助学程序")
        there = await connection.run_sync(lambda it: inspect(it).get_table_names(schema=_SCHEMA))
        if not there:
            return False
        if not replaces:
            raise TargetNotEmpty("这个数据库里已经有表；确定要换掉，请加 --replace")
        await connection.execute(text(f"ALTER SCHEMA {_SCHEMA} RENAME TO {aside}"))
        await connection.execute(text(f"CREATE SCHEMA {_SCHEMA}"))
    return True


async def _undo(database: Database, aside: str) -> None:
    await database.close()
    async with database.engine.begin() as connection:
        await connection.execute(text(f"DROP SCHEMA {_SCHEMA} CASCADE"))
        back = f"ALTER SCHEMA {aside} RENAME TO {_SCHEMA}" if aside else f"CREATE SCHEMA {_SCHEMA}"
        await connection.execute(text(back))


# -- PostgreSQL's own programs --------------------------------------------------------------------


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupFailed(f"没有找到 {name}：请安装与服务器同版本的 PostgreSQL 客户端工具")
    return found


async def _call(url: URL, *command: str) -> None:
    """The password goes by the environment: a command line is everybody's to read."""
    known = {
        "PGHOST": url.host,
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    environment = {**os.environ, **{key: str(value) for key, value in known.items() if value}}
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or "没有说明原因").splitlines()[-1]
        raise BackupFailed(f"{Path(command[0]).name}：{said[:300]}")
