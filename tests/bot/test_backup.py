"""Backups and their restoring, on both databases: nothing missing, nothing said twice (F14, P7)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from filelock import FileLock
from sqlalchemy import select, text
from typer.testing import CliRunner

from bot import backup
from bot.cli import app as command_line
from bot.clock import Clock
from bot.settings import Settings, load_settings
from handlers import texts_reminding
from storage.backup import BackupFailed, TargetInUse, TargetNotEmpty
from storage.database import Database
from storage.erasure_journal import Erased, ErasureJournal
from storage.models.people import persons
from storage.models.queues import outbox
from storage.models.tasks import obligations
from storage.obligations import Why
from storage.vocabulary import Message, Outgoing
from tests.conftest import GROUP, Classroom
from tests.schedules.test_reminders import DUE, Bot, arm, counts, means_with

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
async def settings(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Settings]:
    """For the test's database; files, backups and the journal in folders of its own."""
    monkeypatch.chdir(tmp_path)
    yield load_settings(
        database={"url": database.url.render_as_string(hide_password=False)},
        collections={"folder": str(tmp_path / "collections")},
        backup={"folder": str(tmp_path / "backups")},
    )
    await _forget_what_was_kept_aside(database)


async def _forget_what_was_kept_aside(database: Database) -> None:
    if database.is_sqlite:
        return
    async with database.engine.begin() as connection:
        kept = await connection.execute(text("SELECT nspname FROM pg_namespace"))
        for name in kept.scalars().all():
            if name.startswith("before_restore_"):
                await connection.execute(text(f"DROP SCHEMA {name} CASCADE"))


async def queue_one(database: Database, key: str, now: datetime, later: timedelta) -> None:
    async with database.unit_of_work() as uow:
        uow.outbox.add(Outgoing(key, GROUP, "明天报名截止"), now=now, not_before=now + later)


async def states(database: Database) -> dict[str, tuple[str, str]]:
    async with database.reading() as uow:
        found = await uow.read(select(outbox.c.key, outbox.c.state, outbox.c.error))
        return {key: (state, error or "") for key, state, error in found}


async def restored(
    database: Database, settings: Settings, path: Path, now: datetime
) -> backup.Restored:
    """With the program stopped: it refuses while anybody has the database open."""
    await database.close()
    return await backup.restore(settings, path, replaces=True, now=now)


# -- what comes back, and what is not said --------------------------------------------------------


async def test_f14_a_restored_database_has_the_same_rows_and_sends_nothing_old(
    database: Database, settings: Settings, classroom: Classroom, now: datetime
) -> None:
    """F14: yesterday's backup; what was queued then is listed for a person, not sent."""
    await queue_one(database, "old", now, timedelta())
    await queue_one(database, "not-due-yet", now, 3 * DAY)
    path, manifest = await backup.take(database, settings, settings.backup_folder, now)
    await queue_one(database, "after", now, timedelta())

    done = await restored(database, settings, path, now + DAY)

    found = await states(database)
    assert done.manifest == manifest
    assert manifest.rows["persons"] >= 3
    assert manifest.rows["outbox"] == 2
    assert set(found) == {"old", "not-due-yet"}
    assert found["old"][0] == "dead"
    assert "可能已经发过" in found["old"][1]
    assert found["not-due-yet"][0] == "ready"
    assert done.aftermath.messages == 1


async def test_f14_a_redelivered_event_is_one_event_after_a_restore_too(
    database: Database, settings: Settings, now: datetime
) -> None:
    """F14: the platform delivers again what was said before the backup: no second effect."""
    event = Message(GROUP, "20001", "小李", "m1", "期末考试什么时候报名", now, "1")
    async with database.unit_of_work() as uow:
        assert len(await uow.inbox.store([event], now=now)) == 1
    path, _ = await backup.take(database, settings, settings.backup_folder, now)

    done = await restored(database, settings, path, now + DAY)

    async with database.unit_of_work() as uow:
        assert await uow.inbox.store([event], now=now + DAY) == []
    assert done.aftermath.events == 1


async def test_f14_a_reminder_said_after_the_backup_is_not_said_again(
    database: Database, settings: Settings, classroom: Classroom
) -> None:
    """F14: it ends as expired, its tutor is told why, later steps come as planned."""
    bot = Bot(database, means_with())
    async with database.unit_of_work() as uow:
        await uow.lines.came(*_account(), DUE - 30 * DAY)
    number = await arm(database, classroom, ("T-3", DUE), ("T-1", DUE + 2 * DAY))
    path, _ = await backup.take(database, settings, settings.backup_folder, DUE - DAY)
    said = await bot.tick(DUE)

    done = await restored(database, settings, path, DUE + MINUTE)
    again = await bot.tick(DUE + 2 * MINUTE)
    later = await bot.tick(DUE + 2 * DAY)

    assert len(said) == 2
    assert again == []
    assert len(later) == 2
    assert done.aftermath.reminders == 1
    async with database.reading() as uow:
        whys = (
            await uow.read(select(obligations.c.why).where(obligations.c.state == "expired"))
        ).scalars()
        assert set(whys) == {Why.RESTORED}
    assert await counts(database, number) == {"expired": 2, "sent": 2}
    assert texts_reminding._WHY[Why.RESTORED]


def _account() -> tuple[object, str]:
    return GROUP.platform, GROUP.account


# -- refusals -------------------------------------------------------------------------------------


async def test_a_damaged_backup_is_refused_and_nothing_changed(
    database: Database, settings: Settings, classroom: Classroom, now: datetime
) -> None:
    path, manifest = await backup.take(database, settings, settings.backup_folder, now)
    file = path / manifest.database.path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(BackupFailed, match="损坏"):
        await restored(database, settings, path, now)

    async with database.reading() as uow:
        assert await uow.people.class_named("计算机2301", now) is not None


async def test_a_restore_that_fails_half_way_leaves_what_was_there(
    database: Database, settings: Settings, classroom: Classroom, now: datetime
) -> None:
    path, manifest = await backup.take(database, settings, settings.backup_folder, now)
    lie = msgspec.structs.replace(manifest, rows={**manifest.rows, "persons": 99})
    (path / backup.MANIFEST).write_bytes(msgspec.json.encode(lie))
    await queue_one(database, "since", now, timedelta())

    with pytest.raises(BackupFailed, match="persons"):
        await restored(database, settings, path, now)

    assert set(await states(database)) == {"since"}


async def test_a_running_bot_and_a_database_with_data_are_not_overwritten(
    database: Database, settings: Settings, classroom: Classroom, now: datetime
) -> None:
    path, _ = await backup.take(database, settings, settings.backup_folder, now)
    await database.close()

    with pytest.raises(TargetNotEmpty, match="--replace"):
        await backup.restore(settings, path, replaces=False, now=now)
    if database.is_sqlite:
        with FileLock(f"{database.url.database}.lock"), pytest.raises(TargetInUse):
            await backup.restore(settings, path, replaces=True, now=now)
        return
    async with database.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(TargetInUse):
            await backup.restore(settings, path, replaces=True, now=now)


# -- erasures -------------------------------------------------------------------------------------


async def test_y5_who_was_erased_after_the_backup_is_erased_again(
    database: Database, settings: Settings, classroom: Classroom, now: datetime
) -> None:
    """Y5: the journal is outside the database, so an older database does not bring them back."""
    speakers = (classroom.zhang, classroom.li, classroom.tutor)
    zhang, li, tutor = (speaker.person_id or 0 for speaker in speakers)
    journal = ErasureJournal(settings.erasure_journal)
    path, _ = await backup.take(database, settings, settings.backup_folder, now)
    journal.add(Erased(now - DAY, zhang))
    for person in (li, li, tutor):
        journal.add(Erased(now + MINUTE, person))

    done = await restored(database, settings, path, now + DAY)
    settings.erasure_journal.unlink()

    async with database.reading() as uow:
        names = {row[0]: row[1] for row in await uow.read(select(persons.c.id, persons.c.name))}
    assert names[zhang] == "张红"
    assert "李明" not in names.values()
    # Somebody in office is not erased by a program, now as then.
    assert (list(done.erased.done), list(done.erased.still)) == ([li], [tutor])


def test_a_half_written_line_at_the_end_is_no_line_and_one_in_the_middle_is_an_error(
    tmp_path: Path, now: datetime
) -> None:
    journal = ErasureJournal(tmp_path / "erasures.jsonl")
    journal.add(Erased(now, 7))
    with journal.path.open("ab") as file:
        file.write(b'{"at":"2026')
    assert [item.person for item in journal.since(now)] == [7]

    journal.add(Erased(now, 8))

    with pytest.raises(ValueError, match="第 2 行"):
        journal.since(now)


# -- files and housekeeping -----------------------------------------------------------------------


async def test_files_handed_in_come_back_and_a_damaged_one_is_named(
    database: Database, settings: Settings, now: datetime
) -> None:
    names = [_hand_in(settings.collections_folder, content) for content in (b"one", b"two")]
    path, manifest = await backup.take(database, settings, settings.backup_folder, now)
    for name in names:
        (settings.collections_folder / name).unlink()
    (settings.backup_folder / backup.FILES / names[1]).write_bytes(b"twa")

    done = await restored(database, settings, path, now)

    assert sorted(item.path for item in manifest.files) == sorted(names)
    assert (settings.collections_folder / names[0]).read_bytes() == b"one"
    assert list(done.damaged) == [names[1]]


def _hand_in(folder: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    name = f"{digest[:2]}/{digest}"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def test_the_newest_and_the_last_of_each_day_are_kept(tmp_path: Path, now: datetime) -> None:
    kept_file, old_file = (
        _hand_in(tmp_path / "files", b"kept"),
        _hand_in(tmp_path / "files", b"old"),
    )
    for minutes in (0, 5, 10, 24 * 60, 24 * 60 + 5, 40 * 24 * 60):
        at = now - timedelta(minutes=minutes)
        folder = tmp_path / f"zhuxue-{at:%Y%m%d-%H%M%S}"
        folder.mkdir()
        told = old_file if minutes > 24 * 60 else kept_file
        item = backup.Kept("database.sqlite", 0, "")
        manifest = backup.Manifest(
            at, "0", "sqlite", "0014", item, {}, [backup.Kept(told, 4, "")], 0.0
        )
        (folder / backup.MANIFEST).write_bytes(msgspec.json.encode(manifest))

    gone = backup.prune(tmp_path, keep=2, days=14, now=now)

    ages = [(now - at) // MINUTE for _, at in backup.backups_in(tmp_path)]
    assert ages == [0, 5, 24 * 60]
    assert gone == 3
    assert (tmp_path / "files" / kept_file).exists()
    assert not (tmp_path / "files" / old_file).exists()


# -- from the shell and by itself -----------------------------------------------------------------


def test_backup_and_restore_are_one_command_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(command_line, list(arguments))
        return done.exit_code, done.output

    call("migrate")
    code, said = call("backup", "--to", "elsewhere", "--keep", "3")
    (path,) = (at for at, _ in backup.backups_in(tmp_path / "elsewhere"))
    refused = call("restore", f"elsewhere/{path.name}")
    Path("data/zhuxue.db").unlink()
    restored = call("restore", f"elsewhere/{path.name}/manifest.json")

    assert code == 0, said
    assert "已备份到" in said
    assert refused[0] == 1
    assert "--replace" in refused[1]
    assert restored[0] == 0, restored[1]
    assert "行数与备份清单一致" in restored[1]
    assert call("check")[1].count("数据库还没有建立") == 0


async def test_the_bot_takes_one_by_itself_and_knows_when_it_could_not(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    wanted = settings.backup.model_copy(update={"every_minutes": 5})
    own = settings.model_copy(update={"backup": wanted})
    backups = backup.Backups(database, own, Clock())
    task = asyncio.create_task(backups.run())
    async with asyncio.timeout(20):
        while backups.last_at is None:  # noqa: ASYNC110 -- a test's poll
            await asyncio.sleep(0.02)
    backups.stop()
    await task

    (tmp_path / "a-file").write_text("")
    hopeless = settings.backup.model_copy(
        update={"every_minutes": 5, "folder": str(tmp_path / "a-file" / "x")}
    )
    failing = backup.Backups(database, settings.model_copy(update={"backup": hopeless}), Clock())
    await failing.take()

    assert len(backup.backups_in(own.backup_folder)) == 1
    assert backups.last_problem == ""
    assert failing.last_at is None
    assert failing.last_problem != ""
