"""One's own account: password, second step, and the browsers it is signed in with."""

import re
from datetime import timedelta

import aiohttp
import pyotp
from yarl import URL

from bot.app import App
from tests.bot.web.conftest import Visit, Visitor, add_supervisor
from tests.scenarios.player import ScriptedClock

OLD, NEW = "correct horse", "battery staple"


async def _signed_in(app: App, visit: Visit, password: str = OLD) -> Visitor:
    visitor = await visit(app)
    assert await visitor.sign_in("boss", password) == 303
    return visitor


async def _act(visitor: Visitor, deed: str, **form: str) -> str:
    """Where the action leads."""
    token = await visitor.token("/account")
    async with visitor.http.post(
        visitor.base.join(URL(f"/account/{deed}")),
        data={"csrf": token, **form},
        allow_redirects=False,
    ) as response:
        assert response.status == 303
        return response.headers["Location"]


async def _log_in(visitor: Visitor, **form: str) -> int:
    token = await visitor.token()
    status, _ = await visitor.post("/login", {"csrf": token, "username": "boss", **form})
    return status


def _move(app: App, seconds: int) -> None:
    assert isinstance(app.clock, ScriptedClock)
    app.clock.advance(timedelta(seconds=seconds))


async def test_a_new_password_ends_the_other_sign_ins(app: App, visit: Visit) -> None:
    await add_supervisor(app, "boss", OLD, unit=None)
    here, there = await _signed_in(app, visit), await _signed_in(app, visit)

    wrong = await _act(here, "password", password="guess", new=NEW, again=NEW)
    short = await _act(here, "password", password=OLD, new="short", again="short")
    right = await _act(here, "password", password=OLD, new=NEW, again=NEW)

    assert (wrong, short) == ("/account?problem=wrong", "/account?problem=short")
    assert right == "/account?done=password"
    assert (await here.get("/ledger", allow_redirects=False))[0] == 200
    assert (await there.get("/ledger", allow_redirects=False))[0] == 303
    assert await (await visit(app)).sign_in("boss", OLD) == 401
    await _signed_in(app, visit, NEW)


async def test_one_browser_can_be_ended_from_another(app: App, visit: Visit) -> None:
    """X5"""
    await add_supervisor(app, "boss", OLD, unit=None)
    await add_supervisor(app, "other", OLD, unit=None)
    here, there, stranger = (
        await _signed_in(app, visit),
        await _signed_in(app, visit),
        await visit(app),
    )
    await stranger.sign_in("other", OLD)
    _, body = await here.get("/account")
    names = re.findall(r'name="name" value="([0-9a-f]{16})"', body)
    assert len(names) == 1

    # Somebody else's is not theirs to end.
    assert await _act(stranger, "end", name=names[0]) == "/account?problem=stale"
    assert (await there.get("/ledger", allow_redirects=False))[0] == 200
    assert await _act(here, "end", name=names[0]) == "/account?done=ended"

    assert (await there.get("/ledger", allow_redirects=False))[0] == 303


async def test_the_second_step_is_asked_for_and_each_code_opens_once(
    app: App, visit: Visit
) -> None:
    """X5"""
    await add_supervisor(app, "boss", OLD, unit=None)
    here = await _signed_in(app, visit)
    _, body = await here.get("/account")
    found = re.search(r"密钥：<code>([A-Z2-7]{32})</code>", body)
    assert found is not None
    totp = pyotp.TOTP(found[1])

    assert await _act(here, "on", password=OLD, code="000000") == "/account?problem=code"
    code = totp.at(app.clock.now())
    assert await _act(here, "on", password=OLD, code=code) == "/account?done=on"

    other = await visit(app)
    assert await _log_in(other, password=OLD) == 401
    assert await _log_in(other, password=OLD, code=code) == 401
    _move(app, 120)
    fresh = totp.at(app.clock.now())
    assert await _log_in(other, password=OLD, code=fresh) == 303
    assert await _log_in(await visit(app), password=OLD, code=fresh) == 401
    assert await _act(here, "off", password=OLD) == "/account?done=off"
    assert await _log_in(await visit(app), password=OLD) == 303


async def test_guessed_codes_lock_the_account_and_asking_for_one_does_not(
    app: App, visit: Visit
) -> None:
    await add_supervisor(app, "boss", OLD, unit=None)
    async with app.database.unit_of_work() as uow:
        known = await uow.supervisors.named("boss")
        assert known is not None
        await uow.supervisors.set_totp(known.id, pyotp.random_base32())
    visitor = await visit(app)

    asked = [await _log_in(visitor, password=OLD) for _ in range(8)]
    guessed = [await _log_in(visitor, password=OLD, code=f"{n:06}") for n in range(6)]

    assert asked == [401] * 8
    assert guessed == [401] * 5 + [429]


async def test_a_cookie_taken_to_another_browser_ends_there(app: App, visit: Visit) -> None:
    """X5"""
    await add_supervisor(app, "boss", OLD, unit=None)
    here = await _signed_in(app, visit)
    stolen = here.cookie("zhuxue_session")

    async with (
        aiohttp.ClientSession(cookies={"zhuxue_session": stolen}) as thief,
        thief.get(
            here.base.join(URL("/ledger")),
            headers={"User-Agent": "another"},
            allow_redirects=False,
        ) as response,
    ):
        assert response.status == 303

    assert (await here.get("/ledger", allow_redirects=False))[0] == 303


async def test_another_site_cannot_change_the_password(app: App, visit: Visit) -> None:
    await add_supervisor(app, "boss", OLD, unit=None)
    here = await _signed_in(app, visit)
    form = {"password": OLD, "new": NEW, "again": NEW}

    without, _ = await here.post("/account/password", form)
    token = await here.token("/account")
    elsewhere, _ = await here.post(
        "/account/password", {**form, "csrf": token}, headers={"Origin": "https://evil.invalid"}
    )

    assert (without, elsewhere) == (403, 403)
    await _signed_in(app, visit)
