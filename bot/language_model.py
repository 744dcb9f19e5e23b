"""A language model behind an OpenAI-compatible endpoint: asked to choose and phrase, nothing else.

Optional and off by default. It is given no tool. Whatever goes wrong costs one question at most the
time limit; after three failures in a row it is left alone for a while and costs nothing.
"""

import asyncio
import json
from typing import Any, Final

import aiohttp
import structlog

from bot.settings import LanguageModelSettings
from handlers.phrasing import Doubt, Phrased, messages, read_answer

log = structlog.get_logger()

_FAILURES: Final = 3
_PAUSE_SECONDS: Final = 60.0
_LONGEST_PAUSE: Final = 1800.0
_MOST_BYTES: Final = 64 * 1024
_MOST_TOKENS: Final = 500
_FAILED: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError)


class Breaker:
    """Open after some failures in a row, for twice as long each time. `now` is loop time."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def is_open(self, now: float) -> bool:
        return now < self._open_until

    def note(self, now: float, *, is_well: bool) -> None:
        """How a call went. Once the pause is over a single failure opens it again."""
        self._failures = 0 if is_well else self._failures + 1
        if self._failures >= _FAILURES:
            longer = 2 ** (self._failures - _FAILURES)
            self._open_until = now + min(_LONGEST_PAUSE, _PAUSE_SECONDS * longer)


class LanguageModel:
    """One endpoint, one model."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        self._settings = settings
        self._breaker = Breaker()
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_available(self) -> bool:
        """Whether it is worth asking now."""
        return not self._breaker.is_open(asyncio.get_running_loop().time())

    async def phrase(self, doubt: Doubt) -> Phrased | None:
        """One of the entries in words that stand; None whenever there are none. Never raises."""
        if not self.is_available:
            return None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                raw = await self._complete(doubt)
        except _FAILED as error:
            self._breaker.note(loop.time(), is_well=False)
            log.warning("language_model.failed", reason=type(error).__name__)
            return None
        self._breaker.note(loop.time(), is_well=True)
        phrased = read_answer(raw, doubt, self._settings.model)
        if phrased is None:
            log.info("language_model.not_used")
        return phrased

    async def _complete(self, doubt: Doubt) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        key = self._settings.key.get_secret_value()
        async with self._session.post(
            f"{self._settings.base_url.rstrip('/')}/chat/completions",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            json={
                "model": self._settings.model,
                "messages": messages(doubt),
                "temperature": 0,
                "max_tokens": _MOST_TOKENS,
                "response_format": {"type": "json_object"},
            },
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(_MOST_BYTES):
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise ValueError("too long")
            return _content(json.loads(body))

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()


def _content(answer: Any) -> str:
    """What the first choice says.

    Raises:
        ValueError, LookupError, TypeError: it is no chat completion.
    """
    if not isinstance(answer, dict):
        raise ValueError("no object")
    content = answer["choices"][0]["message"]["content"]
    if not isinstance(content, str):
        raise ValueError("no text")
    return content
