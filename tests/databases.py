"""A migrated, empty SQLite file for every test that wants one: migrated once a process."""

import shutil
import tempfile
from pathlib import Path

from storage.database import Database
from storage.migrations import runner

#: The file as it is once migrated: to copy it takes a hundredth of the time.
_migrated: list[bytes] = []


async def fresh(path: Path) -> str:
    """A new database in that file; its URL."""
    if not _migrated:
        folder = Path(tempfile.mkdtemp(prefix="zhuxue-migrated-"))
        database = Database(f"sqlite+aiosqlite:///{folder}/migrated.db")
        await runner.migrate(database)
        await database.close()
        _migrated.append((folder / "migrated.db").read_bytes())
        shutil.rmtree(folder)
    path.write_bytes(_migrated[0])  # noqa: ASYNC240 -- a test's own loop
    return f"sqlite+aiosqlite:///{path}"
