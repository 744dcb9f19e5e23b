"""Files handed in: fetched through the platform, judged, kept under names of our own, zipped.

Below the folder a file lies under its hash, so nothing of what a sender called it ever becomes a
path. Two instances on one database need one folder that both see.
"""

import asyncio
import csv
import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from bot import disk
from bot.adapters.base import Adapter, NoFile, TooLarge
from handlers import files, texts_done
from handlers.context import HandedIn
from handlers.receipts import word_for
from storage.database import Database
from storage.receipts import Student
from storage.submissions import Submission
from storage.tasks import Task, TaskKind
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Attachment, Message, Platform

log = structlog.get_logger()

#: A whole file has so long to come; a picture of a screen has five seconds.
FETCH_SECONDS: Final = 90.0
#: What nobody said it was for is deleted after so long.
STRAY_LASTS: Final = timedelta(days=1)
_PIECE: Final = 256 * 1024
INDEX_HEADER: Final = (
    *("学号", "姓名", "状态", "提交时间", "迟交", "版本", "文件", "大小", "sha256"),
    "原文件名",
)


class HandedInFiles:
    """The folder of everything that was handed in."""

    def __init__(
        self,
        adapters: Mapping[Platform, Adapter],
        folder: Path,
        limit: int,
        *,
        full_at: int = 95,
    ) -> None:
        self._adapters = adapters
        self.folder = folder
        #: Percent of the disk from which on files are refused, so that words still have room.
        self._full_at = full_at
        #: The largest size of one file, in bytes.
        self.limit = limit

    async def receive(self, message: Message, attachment: Attachment) -> HandedIn:
        """What came with a message, kept; or why it was not, in words for its sender."""
        name = files.shown_name(attachment.name)
        if await asyncio.to_thread(disk.is_full, self.folder, self._full_at):
            log.error("collecting.disk_full")
            return HandedIn(name, problem=texts_done.DISK_FULL)
        adapter = self._adapters[message.conversation.platform]
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                data = await adapter.attached(message, attachment, self.limit)
        except TooLarge:
            too_large = texts_done.TOO_LARGE.format(limit=self.limit // 2**20)
            return HandedIn(name, problem=too_large)
        except (NoFile, TimeoutError) as error:
            log.info("collecting.not_fetched", reason=f"{type(error).__name__}: {error}")
            return HandedIn(name, problem=texts_done.NOT_FETCHED)
        return await asyncio.to_thread(self.keep, name, data)

    def keep(self, name: str, data: bytes) -> HandedIn:
        """A file on disk under its hash, if it may be kept."""
        if problem := files.problem_of(name, data, self.limit):
            return HandedIn(name, len(data), problem=problem)
        data = files.without_place(name, data)
        digest = hashlib.sha256(data).hexdigest()
        path = f"{digest[:2]}/{digest}"
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all; and its time is when it last came.
        number, unfinished = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
        return HandedIn(name, len(data), digest, path)

    async def sweep(self, database: Database, now: datetime) -> int:
        """Delete what belongs to no collection and is older than a day; how many files."""
        old = await asyncio.to_thread(self._older_than, now - STRAY_LASTS)
        gone = 0
        for start in range(0, len(old), 500):
            some = old[start : start + 500]
            async with database.reading() as uow:
                known = await uow.submissions.known_paths(some)
            for path in set(some) - known:
                with suppress(OSError):
                    await asyncio.to_thread((self.folder / path).unlink)
                    gone += 1
        return gone

    def _older_than(self, at: datetime) -> list[str]:
        if not self.folder.is_dir():
            return []
        return [
            path.relative_to(self.folder).as_posix()
            for path in self.folder.glob("??/*")
            if path.is_file() and path.stat().st_mtime < at.timestamp()
        ]


# -- taking them out ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parcel:
    """A collection to be packed: who is to hand in, and every version of everybody's."""

    task: Task
    class_name: str
    students: Sequence[Student]
    versions: Sequence[Submission]

    @property
    def newest(self) -> dict[int, Submission]:
        """By person, what counts."""
        return {item.person_id: item for item in self.versions}

    @property
    def file_name(self) -> str:
        """What to call the zip."""
        return files.safe_name(f"R-{self.task.number}", self.class_name, self.task.title) + ".zip"


async def parcel(uow: UnitOfWork, number: int, class_name: str = "") -> Parcel | None:
    """Everything of a collection; None where R-n is none."""
    task = await uow.tasks.of(number)
    if task is None or task.kind is not TaskKind.COLLECTION:
        return None
    students = await uow.receipts.students(task.class_id)
    return Parcel(task, class_name, students, await uow.submissions.of_task(number))


def packed(found: Parcel, folder: Path) -> Iterator[bytes]:
    """
    The zip in pieces: `学号_姓名.docx` each, the newest version, and `index.csv` with who has not.

    A file that is not in the folder any more is left out and said so in the index.
    """
    stream = _Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        rows: list[Sequence[str]] = [INDEX_HEADER]
        for student in found.students:
            item = found.newest.get(student.person_id)
            if item is None:
                rows.append((student.student_no, student.name, "未交", *[""] * 7))
                continue
            suffix = files.suffix_of(item.name)
            name = files.safe_name(student.student_no, student.name) + f".{suffix}"
            source = folder / item.path
            is_there = source.is_file()
            if is_there:
                yield from _copied(archive, stream, source, name)
            rows.append(_row(found, student, item, name if is_there else "文件已不在"))
        index = io.StringIO()
        csv.writer(index).writerows([[formula_safe(cell) for cell in row] for row in rows])
        archive.writestr("index.csv", index.getvalue().encode("utf-8-sig"))
        yield stream.taken()
    yield stream.taken()


def write(found: Parcel, folder: Path, target: Path) -> None:
    """The zip as a file; one that is there is only replaced by a whole one."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            for piece in packed(found, folder):
                file.write(piece)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _row(found: Parcel, student: Student, item: Submission, name: str) -> tuple[str, ...]:
    deadline = found.task.deadline
    versions = [it for it in found.versions if it.person_id == student.person_id]
    return (
        student.student_no,
        student.name,
        word_for(found.task),
        f"{item.at:%Y-%m-%d %H:%M:%S}",
        "是" if deadline is not None and item.at > deadline else "",
        str(len(versions)),
        name,
        str(item.size),
        item.sha256,
        item.name,
    )


def formula_safe(cell: str) -> str:
    """As Excel shows it: what begins like a formula is not one."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _copied(
    archive: zipfile.ZipFile, stream: "_Stream", source: Path, name: str
) -> Iterator[bytes]:
    with source.open("rb") as file, archive.open(name, "w", force_zip64=True) as entry:
        while piece := file.read(_PIECE):
            entry.write(piece)
            yield stream.taken()


class _Stream(io.RawIOBase):
    """Takes what a zip writes and gives it on in pieces; it cannot go back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        piece = bytes(self._held)
        self._held.clear()
        return piece
