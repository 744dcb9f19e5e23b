"""Pictures: fetched through the platform, read in a process apart, private numbers hidden."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Final

import structlog

from bot.adapters.base import Adapter, NoFile
from handlers.understanding import mask
from storage.vocabulary import AttachmentKind, Message, Platform

log = structlog.get_logger()

MAX_BYTES: Final = 10 * 2**20
#: So many pictures of one message are read.
MOST: Final = 2
#: A reading that takes longer is ended, and the reader with it. The models load within it.
READ_SECONDS: Final = 12.0
#: The reader's memory is given back after so long without a picture.
IDLE_SECONDS: Final = 300.0
_LENGTH: Final = 4


class NotRead(Exception):
    """The reader gave no answer."""


class Reader:
    """
    The process that reads, one picture at a time; started when needed, ended when idle.

    `command` and the times are only other than usual in tests.
    """

    def __init__(
        self,
        command: tuple[str, ...] = (sys.executable, "-m", "bot.ocr"),
        *,
        read_seconds: float = READ_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._command = command
        self._read_seconds = read_seconds
        self._idle_seconds = idle_seconds
        self._one_at_a_time = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def read(self, picture: bytes) -> list[str]:
        """
        The lines on it, from top to bottom; none where there are none, or it is no picture.

        Raises:
            NotRead: it took too long, or the reader ended over it.
        """
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(self._read_seconds):
                    return await self._ask(picture)
            except (TimeoutError, OSError, ValueError) as error:
                await self._end()
                raise NotRead(type(error).__name__) from error
            except asyncio.CancelledError:
                # Its answer would be taken for the next one's.
                await self._end()
                raise

    async def close(self) -> None:
        """End the process, if there is one."""
        await self._end()

    async def _ask(self, picture: bytes) -> list[str]:
        if not self.is_running:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        if self._idle is not None:
            self._idle.cancel()
        process.stdin.write(len(picture).to_bytes(_LENGTH) + picture)
        await process.stdin.drain()
        lines: list[str] = json.loads(await process.stdout.readline())
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._let_go)
        return lines

    def _let_go(self) -> None:
        """Tell it to end by itself, unless it is at work again."""
        if self._process is not None and not self._one_at_a_time.locked():
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    async def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Pictures:
    """What stands on the pictures of a message."""

    def __init__(self, adapters: Mapping[Platform, Adapter], reader: Reader) -> None:
        self._adapters = adapters
        self._reader = reader

    async def lines(self, message: Message) -> tuple[str, ...]:
        """Its lines, private numbers hidden; none where nothing could be had or read."""
        adapter = self._adapters[message.conversation.platform]
        lines: list[str] = []
        pictures = [it for it in message.attachments if it.kind is AttachmentKind.IMAGE]
        for picture in pictures[:MOST]:
            try:
                data = await adapter.attached(message, picture, MAX_BYTES)
                lines += await self._reader.read(data)
            except (NoFile, NotRead) as error:
                log.info("pictures.not_read", reason=f"{type(error).__name__}: {error}")
        # Together: a number may stand on two lines.
        return tuple(mask("\n".join(lines)).splitlines())

    async def close(self) -> None:
        """Give the reader's memory back."""
        await self._reader.close()


def is_installed() -> bool:
    """Whether the optional packages are there."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "PIL"))
