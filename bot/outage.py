"""Outage: while the database is away, what is said is kept on disk and each chat is told once.

The inbox keeps the order and the events themselves; the file is for the case that this process
ends before the database is back. It goes as soon as the database has everything.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from filelock import FileLock, Timeout

from bot.adapters.base import Adapter, SendError
from bot.clock import Clock
from handlers import texts, texts_outage
from storage.inbox import from_line, to_line
from storage.lines import Account
from storage.vocabulary import Conversation, ConversationKind, Incoming, Message, Outgoing, Platform

log = structlog.get_logger()

#: A database that comes and goes is no reason to say it every time.
SAID_AGAIN_AFTER: Final = timedelta(minutes=10)
SEND_SECONDS: Final = 10.0
_AT_A_TIME: Final = 4


class Outage:
    """Whether there is one, what is kept of it, and who has been told."""

    def __init__(
        self, *, folder: Path, adapters: Mapping[Platform, Adapter], name: str, clock: Clock
    ) -> None:
        self._folder = folder
        self._adapters = adapters
        self._name = name
        self._clock = clock
        self._file: _File | None = None
        self._left_behind: list[_File] = []
        self._one_at_a_time = asyncio.Lock()
        self._told: dict[Conversation, datetime] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(_AT_A_TIME)
        self.since: datetime | None = None
        #: Events this outage had no room for, by account.
        self.dropped: Counter[Account] = Counter()

    @property
    def is_on(self) -> bool:
        """The database has been away for longer than a moment."""
        return self.since is not None

    @property
    def has_to_end(self) -> bool:
        """It lasts, or files of an earlier one are still to go."""
        return self.is_on or bool(self._left_behind)

    @property
    def is_on_disk(self) -> bool:
        """What is held would survive the end of this process."""
        return self._file is not None

    async def left_behind(self) -> list[Incoming]:
        """What processes that ended during an outage had kept, in order; theirs no more."""
        found: list[Incoming] = []
        for path in sorted(self._folder.glob("*.events")):
            file = _File(path)
            if not file.is_ours():
                continue
            self._left_behind.append(file)
            found += file.events()
        if found:
            log.warning("outage.taken_up", events=len(found))
        return found

    async def begin(self, events: Iterable[Incoming]) -> None:
        """The database is away; `events` wait for it."""
        if self.is_on:
            return
        self.since = self._clock.now()
        kept = list(events)
        log.error("outage.began", waiting=len(kept))
        async with self._one_at_a_time:
            await self._write(kept)

    async def keep(self, event: Incoming) -> None:
        """One more, on disk when this returns."""
        async with self._one_at_a_time:
            if self.is_on:
                await self._write([event])

    async def keep_at_a_stop(self, events: list[Incoming]) -> None:
        """The process ends with these unstored; the next one takes them up."""
        async with self._one_at_a_time:
            if self._file is None and events:
                await self._write(events)
            if self._file is not None:
                self._file.let_go()

    def drop(self, event: Incoming) -> None:
        """There is no room for this one; it is counted."""
        place = event.conversation
        self.dropped[place.platform, place.account] += 1

    async def end(self) -> Counter[Account]:
        """The database has everything: how many were dropped, by account."""
        async with self._one_at_a_time:
            for file in self._left_behind:
                file.delete()
            self._left_behind.clear()
            if self.since is None:
                return Counter()
            if self._file is not None:
                self._file.delete()
                self._file = None
            dropped, self.dropped = self.dropped, Counter()
            now = self._clock.now()
            seconds = int((now - self.since).total_seconds())
            self._told = {k: at for k, at in self._told.items() if now - at < SAID_AGAIN_AFTER}
            log.warning("outage.ended", seconds=seconds, dropped=dropped.total())
            self.since = None
            return dropped

    async def _write(self, events: list[Incoming]) -> None:
        try:
            if self._file is None:
                file = _File(self._folder / f"{os.getpid()}-{id(self):x}.events")
                await asyncio.to_thread(file.open)
                self._file = file
            await asyncio.to_thread(self._file.append, [to_line(event) for event in events])
        except OSError:
            # A full disk: they stay in memory, and that is what /healthz says.
            log.exception("outage.not_on_disk", events=len(events))
            if self._file is not None:
                self._file.let_go()
                self._left_behind.append(self._file)
                self._file = None

    def tell(self, event: Message, *, is_kept: bool = True) -> None:
        """Once a chat: the answer comes later; or, where there is no room, that none will."""
        text = texts_outage.busy() if is_kept else texts_outage.not_kept()
        now, place = self._clock.now(), event.conversation
        last = self._told.get(place)
        if last is not None and now - last < SAID_AGAIN_AFTER:
            return
        self._told[place] = now
        is_group = place.kind is ConversationKind.GROUP
        outgoing = Outgoing(
            key=f"outage:{now.timestamp():.0f}:{place.id}",
            conversation=place,
            text=texts.signed(self._name, text),
            quote=event.message_id if is_group else "",
        )
        task = asyncio.get_running_loop().create_task(self._send(outgoing), name="outage.say")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _send(self, outgoing: Outgoing) -> None:
        """Past the outbox, which is in the database: tried once, and no harm if it is lost."""
        try:
            async with self._few, asyncio.timeout(SEND_SECONDS):
                await self._adapters[outgoing.conversation.platform].send(outgoing)
        except (SendError, TimeoutError) as error:
            log.info("outage.not_said", error=type(error).__name__)
        except Exception:
            log.exception("outage.not_said")


class _File:
    """Events on disk, one a line; locked for as long as the process that wrote it lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Taken in one thread and let go in another.
        self._lock = FileLock(f"{path}.lock", blocking=False, thread_local=False)

    def is_ours(self) -> bool:
        """Nobody alive writes to it."""
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()

    def append(self, lines: list[str]) -> None:
        # For the operator's eyes only: they are people's words.
        number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(number, "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())

    def events(self) -> list[Incoming]:
        """In order; a last line that was being written when the process ended is left out."""
        found: list[Incoming] = []
        for line in self._path.read_text("utf-8", "replace").splitlines():
            try:
                found.append(from_line(line))
            except ValueError:
                log.warning("outage.broken_line", file=self._path.name)
        return found

    def let_go(self) -> None:
        self._lock.release()

    def delete(self) -> None:
        self._path.unlink(missing_ok=True)
        self._lock.release()
        Path(f"{self._path}.lock").unlink(missing_ok=True)
