"""What a client points to is fetched from the internet only, within limits."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.adapters.base import NoFile
from bot.adapters.downloads import fetch, is_public

LIMIT = 1000


def anywhere(_: str) -> bool:
    return True


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/redirect":
                raise web.HTTPFound("/ok")
            case "/stream":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(20):
                    await response.write(b"x" * 100)
                return response
            case "/large":
                return web.Response(body=b"x" * (LIMIT + 1))
            case "/ok":
                return web.Response(body=b"x" * LIMIT)
        return web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{any}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_what_is_small_enough_is_had(site: str) -> None:
    assert await fetch(f"{site}/ok", LIMIT, may_fetch=anywhere) == b"x" * LIMIT


@pytest.mark.parametrize("path", ["/large", "/stream", "/redirect", "/gone"])
async def test_too_much_and_anything_but_a_plain_answer_is_no_file(path: str, site: str) -> None:
    """A12"""
    with pytest.raises(NoFile):
        await fetch(site + path, LIMIT, may_fetch=anywhere)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"])
async def test_this_machine_is_not_asked_whatever_it_is_called(site: str, host: str) -> None:
    """A12"""
    port = site.rsplit(":", 1)[1]

    with pytest.raises(NoFile):
        await fetch(f"http://{host}:{port}/ok", LIMIT)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "/tmp/a.png",
        "C:\\a.png",
        "http://",
        "http://user:pass@example.com/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://exa mple/",
        "http://[",
    ],
)
async def test_only_a_public_http_address_is_fetched(url: str) -> None:
    """A12"""
    with pytest.raises(NoFile):
        async with asyncio.timeout(5):
            await fetch(url, LIMIT)


def test_public_is_what_anybody_reaches() -> None:
    assert is_public("223.5.5.5")
    assert is_public("2400:3200::1")
    assert not is_public("10.0.0.1")
    assert not is_public("100.64.0.1")
    assert not is_public("example.com")
