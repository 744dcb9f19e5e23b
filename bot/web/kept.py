"""What many ask for at once and nobody needs to the second: worked out once, kept a short while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")

#: More than that were never wanted at once; what is older goes.
_MOST = 500


class Kept:
    """Answers by key, each with the time of the event loop at which it is too old."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._working: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, seconds: float, work: Callable[[], Awaitable[T]]) -> T:
        """The answer kept under `key`, or what `work` makes of it now; one at a time a key."""
        async with self._working.setdefault(key, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            until, answer = self._answers.get(key, (now, None))
            if until > now:
                found: T = answer
                return found
            made = await work()
            if len(self._answers) >= _MOST:
                self._answers = {k: it for k, it in self._answers.items() if it[0] > now}
                self._working = {k: it for k, it in self._working.items() if it.locked()}
            self._answers[key] = (now + seconds, made)
            return made


KEPT: web.AppKey[Kept] = web.AppKey("kept", Kept)
