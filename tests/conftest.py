"""What every test may ask for: a real database, a classroom, a running bot, a chat to read."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import hypothesis
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text, update

from bot import cli, demo, logs
from bot.web import session
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.migrations import runner
from storage.models import metadata
from storage.models.hand_offs import counters
from storage.people import ClassRoom, Speaker
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Platform
from tests.databases import fresh

pytest_plugins = ["tests.peers.wechaty.fixtures"]

# Four seconds a running bot. What the encoder adds is tested where it is asked for by name.
os.environ.setdefault("ZHUXUE_BOT__ENCODER", "false")
# Once an account, below the first reply: the tests that are about it turn it on.
os.environ.setdefault("ZHUXUE_BOT__TELLS_WHAT_IS_KEPT", "false")

# A machine that does other things as well is slow to draw, and that is no failure.
SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("busy", suppress_health_check=SLOW)
hypothesis.settings.load_profile("busy")
# `--hypothesis-profile=fuzz`: a night's worth.
hypothesis.settings.register_profile("fuzz", max_examples=10_000, deadline=None, print_blob=True)

NOW = datetime(2026, 12, 1, 20, 15, tzinfo=SHANGHAI)


# -- databases ------------------------------------------------------------------------------------


def _postgres_binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own on a free port; its URL without a database name."""
    binaries = _postgres_binaries()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed; .ci/install should have done it")
        pytest.skip("PostgreSQL is not installed on this machine (run .ci/install)")
    # Not below pytest's own folder: every other run shuts that to the user PostgreSQL runs as.
    home = Path(tempfile.mkdtemp(prefix="zhuxue-postgres-"))
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.getuid() == 0 else None
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(home, owner.pw_uid, owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def call(*command: str) -> None:
        prefix = ["runuser", "-u", user, "--"] if user else []
        done = subprocess.run(
            [*prefix, *command], capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    data = home / "data"
    call(str(binaries / "initdb"), "-D", str(data), "-U", "zhuxue", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    log = str(home / "log")
    call(str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", log, "-o", options, "start")
    try:
        yield f"postgresql+asyncpg://zhuxue@127.0.0.1:{port}"
    finally:
        call(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated, empty database; every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        url = await fresh(tmp_path / "test.db")
    else:
        url = await _emptied(request.getfixturevalue("postgres"))
    made = Database(url)
    yield made
    await made.close()


#: Servers that have the one database all their tests use in turn.
_made: set[str] = set()


async def _emptied(server: str) -> str:
    """One database for all tests in turn: making one takes ten times as long as emptying it."""
    url = f"{server}/tests"
    if server not in _made:
        admin = Database(f"{server}/postgres")
        async with admin.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text("CREATE DATABASE tests"))
        await admin.close()
        await _migrate(url)
        _made.add(server)
        return url
    # What an earlier test left open holds locks.
    hang_up = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = 'tests' AND pid <> pg_backend_pid()"
    )
    database = Database(url)
    tables = ", ".join(table.name for table in metadata.tables.values() if table is not counters)
    async with database.unit_of_work() as uow:
        await uow.write(text(hang_up))
        await uow.write(text(f"TRUNCATE {tables} RESTART IDENTITY"))
        await uow.write(update(counters).values(value=0))
    await database.close()
    return url


async def _migrate(url: str) -> None:
    made = Database(url)
    await runner.migrate(made)
    await made.close()


@pytest.fixture
async def uow(database: Database) -> AsyncIterator[UnitOfWork]:
    """An open transaction."""
    async with database.unit_of_work() as opened:
        yield opened


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _no_log_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command called within this process must not tie the log to a stream of its own."""
    monkeypatch.setattr(logs, "set_up", lambda **_: None)


@pytest.fixture(autouse=True)
def _passwords_are_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password takes 150 ms by design, a start one of them; only what is kept is tested."""
    cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    for module in (cli, demo, session):
        monkeypatch.setattr(module, "PasswordHasher", cheap)


# -- a small world --------------------------------------------------------------------------------

QQ_ACCOUNT = "3889000001"
GROUP = Conversation(Platform.QQ, QQ_ACCOUNT, ConversationKind.GROUP, "600000000")


@dataclass(frozen=True, slots=True)
class Classroom:
    """One class on QQ with a tutor and two students, as the database knows them."""

    room: ClassRoom
    tutor: Speaker
    li: Speaker
    zhang: Speaker
    stranger: Speaker


@pytest.fixture
async def classroom(database: Database, now: datetime) -> Classroom:
    """The smallest class there is."""
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [ClassRow("计算机2301", Platform.QQ, QQ_ACCOUNT, GROUP.id, "王敏", "10001", "市开大")],
            default_mode="confident",
            default_grace=10,
            now=now.replace(year=2026, month=9, day=1),
        )
        await uow.imports.students(
            [
                StudentRow("计算机2301", "2430000000001", "李明", Platform.QQ, "20001"),
                StudentRow("计算机2301", "2430000000002", "张红", Platform.QQ, "20002"),
            ]
        )
    async with database.reading() as uow:
        room = await uow.people.class_named("计算机2301", now)
        assert room is not None
        keys = [(Platform.QQ, user) for user in ("10001", "20001", "20002", "99999")]
        speakers = await uow.people.speakers(keys, now)
        return Classroom(room, *(speakers[key] for key in keys))
