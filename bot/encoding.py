"""Encoding: the sentence encoder at work in a thread of its own, beside everything else.

Nobody waits for it. Until it has read the table, and whenever it has too much to do, questions
are found by their words alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import structlog

from handlers.encoder import Encoder, Half, digests, is_installed, read_vectors, write_vectors
from handlers.faq import Knowledge
from handlers.meanings import Meanings, Vector
from handlers.settings import BotSettings
from handlers.wording import fold
from storage.database import Database

log = structlog.get_logger()

#: Longer than this no batch of messages waits for its vectors.
PATIENCE = timedelta(milliseconds=250)
#: More than these of one batch are not waited for at all.
MOST_AT_ONCE = 48
_PIECE = 64
_REMEMBERED = 2048

_Result = TypeVar("_Result")


class Encoding:
    """One encoder, one thread; `kept` is where the vectors of phrasings wait for the next start."""

    def __init__(self, kept: Path | None = None, *, patience: timedelta = PATIENCE) -> None:
        self.encoder = Encoder()
        self._patience = patience.total_seconds()
        self.kept = kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._under_way: asyncio.Future[Vector] | None = None
        self._recent: dict[str, Vector] = {}
        self._phrasings: dict[str, Half] = {}

    def close(self) -> None:
        """No more of it; what is being computed is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def learn(self, knowledge: Knowledge) -> Knowledge:
        """The same knowledge, found by meaning too. Only phrasings never seen before are encoded.

        In pieces, so that a question may get in between.
        """
        index = knowledge.index
        if not index.phrasings:
            return knowledge
        known = self._phrasings
        if not known and self.kept is not None:
            known = await self._do(read_vectors, self.kept)
        names = digests(index.phrasings)
        missing = {
            name: text
            for name, text in zip(names, index.phrasings, strict=True)
            if name not in known
        }
        found = dict(known)
        for start in range(0, len(missing), _PIECE):
            piece = dict(list(missing.items())[start : start + _PIECE])
            vectors = await self._do(self.encoder.encode, list(piece.values()))
            found |= zip(piece, vectors.astype(np.float16), strict=True)
        rows = np.array([found[name] for name in names])
        meanings = await self._do(Meanings.learn, rows, index.sizes)
        self._phrasings = dict(zip(names, rows, strict=True))
        if missing and self.kept is not None:
            try:
                await self._do(write_vectors, self.kept, self._phrasings)
            except OSError as error:
                log.warning("encoding.not_kept", reason=str(error))
        log.info("encoding.ready", phrasings=len(names), encoded=len(missing))
        return knowledge.with_meanings(meanings)

    async def vectors(self, texts: Sequence[str]) -> dict[str, Vector]:
        """
        What some questions mean, by their text as typed: those that are known in time.

        With a batch still under way that took too long, only what is remembered.
        """
        folded = {text: fold(text) for text in texts}
        missing = [text for text in dict.fromkeys(folded.values()) if text not in self._recent]
        is_busy = self._under_way is not None and not self._under_way.done()
        if missing and not is_busy:
            await self._encode(missing[:MOST_AT_ONCE])
        return {text: self._recent[key] for text, key in folded.items() if key in self._recent}

    async def _encode(self, folded: list[str]) -> None:
        loop = asyncio.get_running_loop()
        self._under_way = loop.run_in_executor(self._thread, self.encoder.encode, folded)
        self._under_way.add_done_callback(lambda done: self._remember(folded, done))
        await asyncio.wait([self._under_way], timeout=self._patience)

    def _remember(self, folded: list[str], done: asyncio.Future[Vector]) -> None:
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            log.warning("encoding.failed", reason=repr(error))
            return
        self._recent |= zip(folded, done.result(), strict=True)
        while len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]

    async def _do(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, *arguments)


def encoding_for(database: Database, settings: BotSettings) -> Encoding | None:
    """As the settings say; None where the encoder is switched off or not installed."""
    if not settings.encoder:
        return None
    if not is_installed():
        log.warning("encoding.not_installed")
        return None
    if settings.encoder_cache:
        return Encoding(Path(settings.encoder_cache) / "vectors.npz")
    file = database.url.database if database.is_sqlite else None
    return Encoding(Path(f"{file}.vectors.npz") if file else None)
