"""The whole App with the demo class on a database of its own, and a browser without a screen."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from argon2 import PasswordHasher
from yarl import URL

from bot import demo
from bot.adapters.playground import ACCOUNT
from bot.app import App
from bot.settings import load_settings
from storage.imports import ClassRow
from storage.vocabulary import Platform
from tests.databases import fresh
from tests.scenarios.player import ScriptedClock

OTHER_CLASS, OTHER_GROUP, OTHER_UNIT = "会计2302", "group-2", "邻市开放大学"
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')

#: Fast on purpose: what is tested is not how long argon2 takes.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def make_app(tmp_path: Path, *, has_playground: bool, secure_cookies: bool = False) -> App:
    """A bot on a migrated database, its clock standing still; not yet running."""
    settings = load_settings(
        database={"url": await fresh(tmp_path / "web.db")},
        web={"port": 0, "host": "127.0.0.1", "secure_cookies": secure_cookies},
    )
    return App(settings, has_playground=has_playground, clock=ScriptedClock())


async def _lived(app: App) -> AsyncIterator[App]:
    # One task from first to last: a task group may not be left by another than entered it.
    is_up, may_stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.running():
            is_up.set()
            await may_stop.wait()

    life = asyncio.create_task(live())
    waiting = asyncio.create_task(is_up.wait())
    await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        life.result()
    # How far the real clock has got depends on the machine: what a job changes must not.
    await app.alarm.only_when_asked()
    await app.alarm.run_all()
    yield app
    may_stop.set()
    await life


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """A running bot with the playground, its demo class, and a class of another unit."""
    made = await make_app(tmp_path, has_playground=True)
    made.demo_password = await demo.seed(made.database, made.clock.now())
    async with made.database.unit_of_work() as uow:
        await uow.imports.classes(
            [
                ClassRow(
                    OTHER_CLASS,
                    Platform.PLAYGROUND,
                    ACCOUNT,
                    OTHER_GROUP,
                    "赵强",
                    "tutor-zhao",
                    OTHER_UNIT,
                )
            ],
            default_mode="confident",
            default_grace=10,
            now=made.clock.now(),
        )
    async for running in _lived(made):
        yield running


@pytest.fixture
async def bare_app(tmp_path: Path) -> AsyncIterator[App]:
    """A running bot as in real service: no playground, no class yet, one province's supervisor."""
    made = await make_app(tmp_path, has_playground=False)
    await add_supervisor(made, "province", "correct horse", unit=None)
    async for running in _lived(made):
        yield running


async def add_supervisor(app: App, username: str, password: str, *, unit: str | None) -> None:
    """An account for a unit, or (None) for all of them."""
    async with app.database.unit_of_work() as uow:
        await uow.supervisors.put(
            username=username,
            name=f"{username}老师",
            password_hash=HASHER.hash(password),
            unit_id=await uow.supervisors.unit_named(unit) if unit else None,
        )


@dataclass
class Visitor:
    """A browser as far as HTTP goes: cookies are kept, redirects only followed when asked."""

    http: aiohttp.ClientSession
    base: URL

    async def get(self, path: str, **more: object) -> tuple[int, str]:
        """Status and body."""
        async with self.http.get(self.base.join(URL(path)), **more) as response:  # type: ignore[arg-type]
            return response.status, await response.text()

    async def post(self, path: str, form: dict[str, str], **more: object) -> tuple[int, str]:
        """Status and body; redirects are not followed."""
        async with self.http.post(
            self.base.join(URL(path)),
            data=form,
            allow_redirects=False,
            **more,  # type: ignore[arg-type]
        ) as response:
            return response.status, await response.text()

    async def token(self, path: str = "/login") -> str:
        """The token of the form on a page."""
        _, body = await self.get(path)
        match = TOKEN.search(body)
        assert match is not None, body
        return match[1]

    async def sign_in(self, username: str, password: str, target: str = "/ledger") -> int:
        """The status of the attempt: 303 in, 401 wrong, 429 locked."""
        form = {
            "csrf": await self.token(),
            "username": username,
            "password": password,
            "next": target,
        }
        status, _ = await self.post("/login", form)
        return status

    def cookie(self, name: str) -> str:
        """A cookie's value as a page would get it."""
        found = self.http.cookie_jar.filter_cookies(self.base / "login")
        return found[name].value if name in found else ""


@pytest.fixture
async def visit() -> AsyncIterator[Callable[[App], Awaitable[Visitor]]]:
    """Makes visitors, each with cookies of its own."""
    opened: list[aiohttp.ClientSession] = []

    async def make(app: App) -> Visitor:
        http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        opened.append(http)
        return Visitor(http, URL(f"http://127.0.0.1:{app.port}"))

    yield make
    for http in opened:
        await http.close()


Visit = Callable[[App], Awaitable[Visitor]]


async def say(
    app: App, text: str, *, who: str = "student-li", name: str = "小李", group: str = demo.GROUP_ID
) -> None:
    """Somebody speaks to the bot, and everything that follows from it is done."""
    assert app.playground is not None
    await app.playground.say(user_id=who, name=name, text=text, group_id=group, mentions=(ACCOUNT,))
    await app.inbox.drain()
    await app.outbox.drain()


async def eventually(is_so: Callable[[], bool]) -> None:
    """Let the loop turn until it is so."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 -- nothing tells when the other side is done
            await asyncio.sleep(0)
