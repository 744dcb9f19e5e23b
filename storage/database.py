"""Database: the engine and its transactions; every difference between SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage import sqlite
from storage.errors import Unreachable
from storage.unit_of_work import UnitOfWork

_WRITES = "zhuxue_writes"
#: SQLite's own codes: no memory, read-only, I/O, corrupt, full, cannot open, busy, locked.
_SQLITE_AWAY = frozenset({5, 6, 7, 8, 10, 11, 13, 14})
#: PostgreSQL's classes: connection, deadlock, resources (a full disk), intervention, system, and
#: the code of a server that only reads.
_POSTGRESQL_AWAY = ("08", "40", "53", "57", "58", "25006")


class Database:
    """
    Opens units of work on one engine.

    SQLite has a single writer, so writers queue here on a lock in memory, in order and without
    spinning on SQLITE_BUSY; readers go on beside them (WAL).
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.is_missing_file = self.is_sqlite and not Path(str(self.url.database)).exists()
        if self.is_missing_file:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        own: dict[str, Any] = (
            {"async_creator": sqlite.connector(str(self.url.database))} if self.is_sqlite else {}
        )
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=5,
            max_overflow=10,
            pool_pre_ping=not self.is_sqlite,
            # A failed statement's error names its parameters: somebody's words, in a log.
            hide_parameters=True,
            **own,
        )
        self._writer: asyncio.Lock | None = asyncio.Lock() if self.is_sqlite else None
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """
        A transaction that commits at the end of the block and rolls back on any error.

        Raises:
            Unreachable: there is no connection to begin one on.
        """
        async with self._writer or nullcontext(), self._connection() as connection:
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                uow = UnitOfWork(connection)
                yield uow
                await uow.flush()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """A transaction for looking only; never waits for a writer."""
        async with self._connection() as connection:
            yield UnitOfWork(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self.engine.connect())
            except Exception as error:
                raise Unreachable(type(error).__name__) from error
            yield connection

    async def check(self) -> None:
        """Ask the database something.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
        """
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    @staticmethod
    def is_away(error: BaseException) -> bool:
        """Whether it failed for the database's sake (gone, full, locked), not for the row's."""
        if isinstance(error, ConnectionError):
            return True
        if not isinstance(error, DBAPIError):
            return False
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is not None:
            return code & 0xFF in _SQLITE_AWAY
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_POSTGRESQL_AWAY)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    def connect(self) -> AsyncConnection:
        """A bare connection, to look at the schema."""
        return self.engine.connect()

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """
        A transaction that changes the schema.

        SQLite changes a table by making another and dropping the old one, to which rows of other
        tables point: so it looks at foreign keys only when all is done.

        Raises:
            sqlalchemy.exc.IntegrityError: some row would point to nothing; nothing was changed.
        """
        async with self.engine.connect() as connection:
            if not self.is_sqlite:
                async with connection.begin():
                    yield connection
                return
            await connection.execution_options(**{_WRITES: True})
            # Within a transaction the pragma does nothing.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute("PRAGMA foreign_keys=OFF")
            try:
                async with connection.begin():
                    yield connection
                    broken = await connection.execute(text("PRAGMA foreign_key_check"))
                    if broken.first() is not None:
                        raise IntegrityError("PRAGMA foreign_key_check", None, ValueError("broken"))
            finally:
                await driver.execute("PRAGMA foreign_keys=ON")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` says which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        # FULL: a committed message survives a power cut, not only a crash. Batches pay for it.
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer that began as a reader could fail half-way with SQLITE_BUSY; so it says so at once.
    kind = "IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {kind}")
