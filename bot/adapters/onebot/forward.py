"""Connecting to an implementation's own WebSocket server, again and again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import structlog

from bot.adapters.onebot.line import Line, LineRole, WebSocket
from bot.adapters.onebot.settings import ForwardLink, OneBotSettings

log = structlog.get_logger(__name__)

_HANDSHAKE_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 3.0

Serve = Callable[[WebSocket, str, LineRole], Awaitable[Line]]


class Backoff:
    """The pause before the next try: doubled each time, a random half of it taken off."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def reset(self) -> None:
        self._next = self._first

    def pause(self) -> float:
        """Seconds to wait now."""
        seconds, self._next = self._next, min(self._next * 2, self._longest)
        return _jitter(seconds)

    def longest(self) -> float:
        """Seconds to wait when only a person can mend it."""
        return _jitter(self._longest)


class ForwardClient:
    """Keeps one connection to one server. Says when its state changes, not at every try."""

    def __init__(self, link: ForwardLink, settings: OneBotSettings, serve: Serve) -> None:
        self._link = link
        self._settings = settings
        self._serve = serve
        self._backoff = Backoff(
            settings.reconnect_first_seconds, settings.reconnect_longest_seconds
        )
        self._said = ""

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_HANDSHAKE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                pause = await self._connect_once(http)
                await asyncio.sleep(pause)

    async def _connect_once(self, http: aiohttp.ClientSession) -> float:
        """Serve one connection to its end; returns the pause before the next."""
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                socket = await self._open(http)
        except aiohttp.WSServerHandshakeError as exc:
            if exc.status in (401, 403):
                return self._refused()
            self._say("onebot.forward_unreachable", status=exc.status)
            return self._backoff.pause()
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            self._say("onebot.forward_unreachable", error=type(exc).__name__)
            return self._backoff.pause()
        try:
            line = await self._serve(socket, "", self._role())
        finally:
            await socket.close()
        if line.is_token_refused:
            return self._refused()
        if line.account:
            # It took our token and told us who it is: whatever cut it off, it may be back soon.
            self._backoff.reset()
            self._said = ""
        return self._backoff.pause()

    async def _open(self, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse[bool]:
        token = self._link.access_token.get_secret_value().strip()
        socket: aiohttp.ClientWebSocketResponse[bool] = await http.ws_connect(
            self._link.url,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            max_msg_size=self._settings.max_frame_mb * 2**20,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
            heartbeat=self._settings.ping_seconds,
            compress=0,
            decode_text=False,
        )
        return socket

    def _role(self) -> LineRole:
        """NapCat's server has a path for each role, and everything on all others."""
        last = urlsplit(self._link.url).path.rstrip("/").rpartition("/")[2]
        return {"api": LineRole.API, "event": LineRole.EVENT}.get(last, LineRole.UNIVERSAL)

    def _refused(self) -> float:
        self._say(
            "onebot.forward_token_refused", cure="make onebot.forward's access_token the server's"
        )
        return self._backoff.longest()

    def _say(self, event: str, **why: str | int) -> None:
        if event != self._said:
            self._said = event
            log.warning(event, url=_without_query(self._link.url), **why)


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, guards nothing


def _without_query(url: str) -> str:
    """The address without what may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or ''}{parts.path}"
