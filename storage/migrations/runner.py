"""Bring a database to the schema this program needs, and tell whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from storage.database import Database
from storage.errors import SchemaOutdated


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def head() -> str:
    """The newest revision this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def current(database: Database) -> str:
    """The database's revision; empty for a new one."""

    def look(connection: Connection) -> str:
        return MigrationContext.configure(connection).get_current_revision() or ""

    async with database.connect() as connection:
        return await connection.run_sync(look)


async def migrate(database: Database) -> tuple[str, str]:
    """
    Upgrade to `head`; returns the revisions before and after. Doing it twice does nothing.

    One transaction: whatever stops it half-way, the database is as it was.
    """
    before = await current(database)

    def upgrade(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.migrating() as connection:
        await connection.run_sync(upgrade)
    return before, await current(database)


async def require_current(database: Database) -> None:
    """Refuse to run on another schema.

    Raises:
        SchemaOutdated: `python -m bot migrate` cures it.
    """
    found = await current(database)
    if found != head():
        raise SchemaOutdated(f"schema {found or 'none'}, program {head()}")
