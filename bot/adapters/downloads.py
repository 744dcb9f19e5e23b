"""Fetching what a chat client points to: over HTTP, from public addresses only, within limits."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.adapters.base import NoFile, TooLarge

_SECONDS: Final = 5

#: Whether an address may be fetched from.
MayFetch = Callable[[str], bool]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's, not this machine's or the school's own."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


async def fetch(
    url: str, limit: int, *, may_fetch: MayFetch = is_public, seconds: float = _SECONDS
) -> bytes:
    """
    What stands at an http(s) address, at most `limit` bytes, in at most so many seconds.

    No redirects: where one leads is not what the client gave. Names are judged by the address
    that is really connected to.

    Raises:
        TooLarge: it is larger.
        NoFile: anything else.
    """
    try:
        target = URL(url)
    except ValueError as error:
        raise NoFile("not an address") from error
    host = target.host or ""
    if target.scheme not in ("http", "https") or not host or target.user or target.password:
        raise NoFile("not a plain http address")
    # A literal address is not resolved, so it is judged here.
    if _is_literal(host) and not may_fetch(host):
        raise NoFile("not a public address")
    connector = aiohttp.TCPConnector(resolver=_Resolver(may_fetch), limit=1)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get(target, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise NoFile(f"status {response.status}")
            if (response.content_length or 0) > limit:
                raise TooLarge(f"{response.content_length} bytes")
            data = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                data += chunk
                if len(data) > limit:
                    raise TooLarge("more than it said")
            return bytes(data)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise NoFile(type(error).__name__) from error


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _Resolver(AbstractResolver):
    """The system's, less the addresses that may not be fetched from."""

    def __init__(self, may_fetch: MayFetch) -> None:
        self._may_fetch = may_fetch
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [item for item in found if self._may_fetch(item["host"])]
        if not allowed:
            raise OSError("not a public address")
        return allowed

    async def close(self) -> None:
        await self._inner.close()
