"""
Backups: the database and the files handed in, copied while the bot runs, and put back.

A backup is a folder `zhuxue-20261201-201500` with the database and `manifest.json`; files that
were handed in never change, so all backups share one folder of them, `files`.
"""

import asyncio
import hashlib
import os
import shutil
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

import msgspec
import structlog
from filelock import FileLock, Timeout

from bot.clock import Clock
from bot.settings import Settings
from handlers.working_time import WorkingTime
from schedules import reminders
from schedules.means import Means
from storage import after_restore, erasure
from storage.after_restore import Aftermath
from storage.backup import BackupFailed, copy, counted, put_back
from storage.database import Database
from storage.erasure_journal import Erased, ErasureJournal
from storage.migrations import runner
from storage.vocabulary import SHANGHAI

log = structlog.get_logger()

MANIFEST, FILES, PREFIX = "manifest.json", "files", "zhuxue-"
_UNFINISHED = ".unfinished"
_PIECE = 1 << 20
#: A recurring task plans one occurrence after the other; more than these in one gap, and it is
#: not a gap but another year.
_MOST_ROUNDS = 10_000


class Kept(msgspec.Struct, frozen=True):
    """A file of a backup: its path, size and SHA-256."""

    path: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds, and by which program; `rows` is how many each table had."""

    taken_at: datetime
    program: str
    kind: str
    revision: str
    database: Kept
    rows: dict[str, int]
    files: list[Kept]
    seconds: float


@dataclass(frozen=True, slots=True)
class Again:
    """
    Who had been erased since the backup: by number, those erased again with the files that went,
    and those of whom something is open in it, so that a person has to do it.
    """

    done: Sequence[int]
    still: Sequence[int]
    files: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of putting a backup back. `damaged`: files that were not what they should be."""

    manifest: Manifest
    aftermath: Aftermath
    migrated_to: str
    erased: Again
    damaged: Sequence[str]
    seconds: float


# -- taking ---------------------------------------------------------------------------------------


async def take(
    database: Database, settings: Settings, folder: Path, now: datetime
) -> tuple[Path, Manifest]:
    """
    A backup of the database as it is now and of every file handed in.

    Raises:
        BackupFailed: none was made; what was begun is gone.
    """
    _make(folder)
    lock = FileLock(folder / ".lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise BackupFailed("另一次备份正在进行") from error
    try:
        _check_room(settings, folder)
        return await _take(database, settings, folder, now)
    except OSError as error:
        raise BackupFailed(f"写不进 {folder}：{error.strerror or error}") from error
    finally:
        lock.release()


async def _take(
    database: Database, settings: Settings, folder: Path, now: datetime
) -> tuple[Path, Manifest]:
    begun = time.monotonic()
    name = f"{PREFIX}{now.astimezone(SHANGHAI):%Y%m%d-%H%M%S}"
    unfinished, target = folder / f"{name}{_UNFINISHED}", folder / name
    if target.exists():
        raise BackupFailed(f"{target} 已经有了")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        file = unfinished / ("database.sqlite" if database.is_sqlite else "database.dump")
        # The database first: every file it tells of is in its folder before it tells so.
        copied = await copy(database, file)
        file.chmod(0o600)
        kept = await asyncio.to_thread(_keep_files, settings.collections_folder, folder / FILES)
        manifest = Manifest(
            taken_at=now,
            program=_version(),
            kind=database.url.get_backend_name(),
            revision=copied.revision,
            database=await asyncio.to_thread(_kept, file, file.name),
            rows=dict(copied.rows),
            files=kept,
            seconds=round(time.monotonic() - begun, 2),
        )
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        (unfinished / MANIFEST).write_bytes(text)
        await asyncio.to_thread(_to_disk, unfinished)
        os.replace(unfinished, target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target, manifest


def _check_room(settings: Settings, folder: Path) -> None:
    file = settings.database.file
    needed = file.stat().st_size if file is not None and file.exists() else 0
    free = shutil.disk_usage(folder).free
    if free < needed * 1.1:
        raise BackupFailed(f"{folder} 只剩 {free >> 20} MB，要 {needed >> 20} MB")


def _keep_files(source: Path, pool: Path) -> list[Kept]:
    """Files that are not in the pool yet are copied there; all of them, with their sums."""
    if not source.is_dir():
        return []
    found = []
    for path in sorted(source.glob("??/*")):
        # Named by their own hash once whole; what is being written has another name.
        if not path.is_file() or len(path.name) != 64:
            continue
        name = path.relative_to(source).as_posix()
        there, size = pool / name, path.stat().st_size
        if not there.exists() or there.stat().st_size != size:
            there.parent.mkdir(parents=True, exist_ok=True)
            begun = there.with_name(f"{there.name}{_UNFINISHED}")
            shutil.copyfile(path, begun)
            begun.chmod(0o600)
            os.replace(begun, there)
        found.append(Kept(name, size, path.name))
    return found


def _kept(file: Path, name: str) -> Kept:
    return Kept(name, file.stat().st_size, _sum(file))


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _to_disk(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _make(folder: Path) -> None:
    """For nobody else to look into."""
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        folder.chmod(0o700)


def _version() -> str:
    """The program's; it runs from its own folder or is installed."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    if project.is_file():
        version: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        return version
    return metadata.version("zhuxue")


# -- keeping --------------------------------------------------------------------------------------


def backups_in(folder: Path) -> list[tuple[Path, datetime]]:
    """Every whole backup there and when it was taken, the newest first."""
    return sorted(_named(folder), key=lambda one: one[1], reverse=True)


def _named(folder: Path) -> Iterator[tuple[Path, datetime]]:
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(ValueError):
            at = datetime.strptime(path.name.removeprefix(PREFIX), "%Y%m%d-%H%M%S")  # noqa: DTZ007
            if (path / MANIFEST).is_file():
                yield path, at.replace(tzinfo=SHANGHAI)


def prune(folder: Path, *, keep: int, days: int, now: datetime) -> int:
    """
    Keep the newest `keep` and the last one of each of the last `days` days; how many went.

    Files that no backup tells of any more go with them: what was erased is gone then.
    """
    found = backups_in(folder)
    wanted = {path for path, _ in found[:keep]}
    last_of_day: dict[object, Path] = {}
    for path, at in found:
        if now - at <= timedelta(days=days):
            last_of_day.setdefault(at.date(), path)
    wanted |= set(last_of_day.values())
    gone = [path for path, _ in found if path not in wanted]
    for path in gone:
        shutil.rmtree(path)
    if gone:
        _forget_files(folder)
    return len(gone)


def _forget_files(folder: Path) -> None:
    told = {it.path for path, _ in backups_in(folder) for it in manifest_of(path).files}
    for path in (folder / FILES).glob("??/*"):
        if path.relative_to(folder / FILES).as_posix() not in told:
            path.unlink()


def manifest_of(backup: Path) -> Manifest:
    """
    What a backup says it holds.

    Raises:
        BackupFailed: it is none.
    """
    try:
        return msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise BackupFailed(f"{backup} 不是一份完整的备份") from error


class Backups:
    """Takes one every so many minutes until stopped; `last_at` and `failed_at` for the alarms."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._is_stopping = asyncio.Event()
        newest = backups_in(settings.backup_folder)[:1] if self.is_on else []
        self.last_at: datetime | None = newest[0][1] if newest else None
        self.last_problem = ""

    @property
    def is_on(self) -> bool:
        """Whether the school wants them taken by the bot itself."""
        return self._settings.backup.every_minutes > 0

    def problem(self, now: datetime, late: int) -> str:
        """Why the last one failed, or that there was none for `late` intervals; empty: fine."""
        if not self.is_on or self.last_problem:
            return self.last_problem
        every = timedelta(minutes=self._settings.backup.every_minutes)
        if self.last_at is not None and now - self.last_at > every * late:
            return f"最近一份是 {self.last_at:%m-%d %H:%M} 的"
        return ""

    async def run(self) -> None:
        """Take the first one at once: what is there may be old."""
        every = timedelta(minutes=self._settings.backup.every_minutes).total_seconds()
        while self.is_on and not self._is_stopping.is_set():
            begun = time.monotonic()
            await self.take()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(1.0, every - (time.monotonic() - begun))):
                    await self._is_stopping.wait()

    async def take(self) -> None:
        """One now; that it failed is in the log, and is an alarm."""
        wanted, folder, now = self._settings.backup, self._settings.backup_folder, self._clock.now()
        try:
            _, manifest = await take(self._database, self._settings, folder, now)
            await asyncio.to_thread(prune, folder, keep=wanted.keep, days=wanted.keep_days, now=now)
        except Exception as error:
            self.last_problem = str(error) if isinstance(error, BackupFailed) else "见运行日志"
            log.exception("backup.failed")
        else:
            self.last_at, self.last_problem = now, ""
            log.info("backup.taken", bytes=manifest.database.bytes, seconds=manifest.seconds)

    def stop(self) -> None:
        """No more; one under way is finished."""
        self._is_stopping.set()


# -- putting back ---------------------------------------------------------------------------------


async def restore(
    settings: Settings,
    backup: Path,
    *,
    replaces: bool,
    now: datetime,
) -> Restored:
    """
    A backup in the place of the settings' database, brought up to date, saying nothing old.

    Raises:
        BackupFailed: nothing was changed.
    """
    begun = time.monotonic()
    manifest = manifest_of(backup)
    kind = "sqlite" if settings.database.file is not None else "postgresql"
    if manifest.kind != kind:
        raise BackupFailed(f"这是 {manifest.kind} 的备份，而 database.url 是 {kind}")
    file = backup / manifest.database.path
    if not file.is_file() or await asyncio.to_thread(_sum, file) != manifest.database.sha256:
        raise BackupFailed(f"{file} 和清单对不上：备份已损坏，请换一份")
    try:
        erasures = ErasureJournal(settings.erasure_journal).since(manifest.taken_at)
    except ValueError as error:
        raise BackupFailed(str(error)) from error
    async with put_back(settings.database.url, file, replaces=replaces, now=now) as database:
        await _check_rows(database, manifest)
        _, revision = await runner.migrate(database)
        again = await _erase_again(database, erasures)
        aftermath = await _lay_to_rest(database, settings, backup, now)
    kept = [item for item in manifest.files if item.path not in again.files]
    folder = settings.collections_folder
    damaged = await asyncio.to_thread(_put_files_back, backup.parent / FILES, folder, kept)
    for path in again.files:
        (folder / path).unlink(missing_ok=True)
    took = round(time.monotonic() - begun, 2)
    return Restored(manifest, aftermath, revision, again, damaged, took)


async def _check_rows(database: Database, manifest: Manifest) -> None:
    """What is there now is what was there then."""
    rows: Mapping[str, int] = (await counted(database)).rows
    wrong = [name for name, count in manifest.rows.items() if rows.get(name) != count]
    if wrong:
        raise BackupFailed(f"恢复出来的行数和清单不一致：{'、'.join(wrong)}")


async def _erase_again(database: Database, erasures: Sequence[Erased]) -> Again:
    """Who was erased since the backup is taken out of it, with their files."""
    done: list[int] = []
    still: list[int] = []
    files: set[str] = set()
    for item in erasures:
        try:
            async with database.unit_of_work() as uow:
                proof = await erasure.erase(uow, item.person, item.at)
        except (erasure.StillOpen, erasure.IsStaff):
            # Closed since, and open again in what was put back: a person has to close it first.
            still.append(item.person)
        else:
            done.append(item.person)
            files.update(proof.paths)
    return Again(done, still, frozenset(files))


async def _lay_to_rest(
    database: Database, settings: Settings, backup: Path, now: datetime
) -> Aftermath:
    means = Means(settings.bot, WorkingTime(settings.working_time), reminders=settings.reminders)
    async with database.unit_of_work() as uow:
        aftermath = await after_restore.hold_back(uow, now)
        uow.audit.add(at=now, actor="cli", action="database.restored", target=backup.name)
    expired = 0
    for _ in range(_MOST_ROUNDS):
        async with database.unit_of_work() as uow:
            count = await after_restore.expire_due(uow, now)
            # What comes round again is planned from the last time on, so it may be due, too.
            await reminders.wind_up(uow, now, means)
        expired += count
        if not count:
            break
    return Aftermath(aftermath.messages, aftermath.reminders + expired, aftermath.events)


def _put_files_back(pool: Path, folder: Path, files: Sequence[Kept]) -> list[str]:
    """Files that are missing come back; those of the pool that are not what they should be."""
    damaged = []
    for item in files:
        source, target = pool / item.path, folder / item.path
        if target.is_file() and target.stat().st_size == item.bytes:
            continue
        if not source.is_file() or _sum(source) != item.sha256:
            damaged.append(item.path)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return damaged
