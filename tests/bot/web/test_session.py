"""Sign-in: who gets in, for how long, and what stops guessing."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import App
from bot.web import session
from tests.bot.web.conftest import Visit, add_supervisor, make_app

RIGHT = "correct horse"


async def test_right_password_opens_the_ledger(bare_app: App, visit: Visit) -> None:
    visitor = await visit(bare_app)

    status = await visitor.sign_in("province", RIGHT)

    assert status == 303
    assert (await visitor.get("/ledger", allow_redirects=False))[0] == 200


async def test_ledger_without_sign_in_leads_to_the_form_and_back(
    bare_app: App, visit: Visit
) -> None:
    visitor = await visit(bare_app)

    status, body = await visitor.get("/ledger?kind=complaint")

    assert status == 200
    assert 'value="/ledger?kind=complaint"' in body


@pytest.mark.parametrize("username", ["province", "nobody"])
async def test_wrong_password_and_unknown_account_read_the_same(
    bare_app: App, visit: Visit, username: str
) -> None:
    """X4"""
    visitor = await visit(bare_app)

    form = {"csrf": await visitor.token(), "username": username, "password": "x"}
    status, body = await visitor.post("/login", form)

    assert status == 401
    assert session.SENTENCES[session.Verdict.WRONG] in body


async def test_form_without_its_token_is_refused(bare_app: App, visit: Visit) -> None:
    """X3"""
    visitor = await visit(bare_app)
    await visitor.token()

    status, body = await visitor.post("/login", {"username": "province", "password": RIGHT})

    assert status == 403
    assert session.STALE_FORM in body


async def test_form_with_a_token_but_no_cookie_is_refused(bare_app: App, visit: Visit) -> None:
    """X3: What another site can do: make the browser post, but not read or set our cookie."""
    token = await (await visit(bare_app)).token()

    form = {"csrf": token, "username": "province", "password": RIGHT}
    status, _ = await (await visit(bare_app)).post("/login", form)

    assert status == 403


async def test_form_sent_from_another_site_is_refused(bare_app: App, visit: Visit) -> None:
    """X3"""
    visitor = await visit(bare_app)

    form = {"csrf": await visitor.token(), "username": "province", "password": RIGHT}
    status, _ = await visitor.post("/login", form, headers={"Origin": "http://evil.example"})

    assert status == 403


async def test_fifth_failure_locks_the_account_for_a_quarter_of_an_hour(
    bare_app: App, visit: Visit
) -> None:
    """X4"""
    visitor = await visit(bare_app)

    failures = [await visitor.sign_in("province", "wrong") for _ in range(5)]
    locked = await visitor.sign_in("province", RIGHT)
    bare_app.clock.advance(timedelta(minutes=15, seconds=1))
    later = await visitor.sign_in("province", RIGHT)

    assert failures == [401] * 5
    assert (locked, later) == (429, 303)


async def test_twenty_failures_lock_the_address_for_every_account(
    bare_app: App, visit: Visit
) -> None:
    """X4"""
    visitor = await visit(bare_app)

    for number in range(20):
        await visitor.sign_in(f"guess-{number}", "wrong")

    assert await visitor.sign_in("province", RIGHT) == 429


async def test_guesses_sent_together_are_counted_one_by_one(bare_app: App) -> None:
    """X4"""
    keeper = session.Doorkeeper()

    attempts = [keeper.attempt(bare_app, "province", f"{n}", "192.0.2.1") for n in range(12)]
    verdicts = [verdict for verdict, _ in await asyncio.gather(*attempts)]

    assert verdicts.count(session.Verdict.WRONG) == session.FAILURES_OF_ACCOUNT
    assert verdicts.count(session.Verdict.LOCKED) == 12 - session.FAILURES_OF_ACCOUNT


async def test_every_sign_in_gets_a_token_of_its_own_and_only_its_hash_is_kept(
    bare_app: App, visit: Visit
) -> None:
    """X5"""
    visitor = await visit(bare_app)

    await visitor.sign_in("province", RIGHT)
    first = visitor.cookie(session.COOKIE)
    await visitor.post("/logout", {"csrf": await visitor.token("/ledger")})
    await visitor.sign_in("province", RIGHT)
    second = visitor.cookie(session.COOKIE)

    assert first
    assert first != second
    async with bare_app.database.reading() as uow:
        assert await uow.supervisors.session(second) is None
        assert await uow.supervisors.session(session.digest(second)) is not None
        assert await uow.supervisors.session(session.digest(first)) is None


async def test_cookie_is_out_of_reach_of_scripts_and_other_sites(
    bare_app: App, visit: Visit
) -> None:
    """X3"""
    visitor = await visit(bare_app)
    form = {"csrf": await visitor.token(), "username": "province", "password": RIGHT}

    async with visitor.http.post(
        visitor.base / "login", data=form, allow_redirects=False
    ) as response:
        cookie = response.cookies[session.COOKIE]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"


async def test_behind_a_tls_proxy_cookies_are_secure_and_addresses_the_proxys(
    tmp_path: Path, visit: Visit
) -> None:
    """X4: Only the last address is the proxy's own; those before it anybody may have written."""
    app = await make_app(tmp_path, has_playground=False, secure_cookies=True)
    token = "t" * 40
    headers = {
        "X-Forwarded-For": "192.0.2.66, 198.51.100.7",
        "Cookie": f"{session.FORM_COOKIE}={token}",
    }

    async with app.running():
        visitor = await visit(app)
        async with visitor.http.get(visitor.base / "login") as response:
            cookie = response.cookies[session.FORM_COOKIE]
        form = {"csrf": token, "username": "nobody", "password": "x"}
        status, _ = await visitor.post("/login", form, headers=headers)
        async with app.database.reading() as uow:
            lines = await uow.audit.actions()

    assert cookie["secure"]
    assert status == 401
    assert lines == [("web:nobody", "web.sign_in_failed", "198.51.100.7")]


async def test_unused_sign_in_ends_and_used_one_goes_on(bare_app: App, visit: Visit) -> None:
    visitor = await visit(bare_app)
    await visitor.sign_in("province", RIGHT)

    bare_app.clock.advance(timedelta(minutes=20))
    used = await visitor.get("/ledger", allow_redirects=False)
    bare_app.clock.advance(timedelta(minutes=20))
    used_again = await visitor.get("/ledger", allow_redirects=False)
    bare_app.clock.advance(timedelta(minutes=31))
    idle = await visitor.get("/ledger", allow_redirects=False)

    assert (used[0], used_again[0], idle[0]) == (200, 200, 303)


async def test_sign_out_needs_the_token_and_ends_the_sign_in_on_the_server(
    bare_app: App, visit: Visit
) -> None:
    visitor = await visit(bare_app)
    await visitor.sign_in("province", RIGHT)
    token = visitor.cookie(session.COOKIE)

    refused, _ = await visitor.post("/logout", {"csrf": "guess"})
    accepted, _ = await visitor.post("/logout", {"csrf": await visitor.token("/ledger")})

    assert (refused, accepted) == (403, 303)
    headers = {"Cookie": f"{session.COOKIE}={token}"}
    assert (await visitor.get("/ledger", allow_redirects=False, headers=headers))[0] == 303


async def test_new_password_ends_open_sign_ins(bare_app: App, visit: Visit) -> None:
    """X5"""
    visitor = await visit(bare_app)
    await visitor.sign_in("province", RIGHT)

    await add_supervisor(bare_app, "province", "another one", unit=None)

    assert (await visitor.get("/ledger", allow_redirects=False))[0] == 303


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/ledger\r\nX-Bad: 1",
        "",
        "ledger",
    ],
)
def test_only_a_path_of_this_site_is_led_back_to(target: str) -> None:
    assert session.local_path(target) == session.HOME


def test_path_with_its_query_is_kept() -> None:
    assert session.local_path("/ledger?class=计算机2301") == "/ledger?class=计算机2301"


async def test_what_supervisors_do_is_on_the_audit_list(bare_app: App, visit: Visit) -> None:
    visitor = await visit(bare_app)

    for _ in range(5):
        await visitor.sign_in("nobody", "wrong")
    await visitor.sign_in("province", RIGHT)
    await visitor.get("/ledger?kind=complaint")
    await visitor.post("/logout", {"csrf": await visitor.token("/ledger")})

    async with bare_app.database.reading() as uow:
        lines = await uow.audit.actions()
    by_province = [action for actor, action, _ in reversed(lines) if actor == "web:province"]
    by_nobody = [action for actor, action, _ in reversed(lines) if actor == "web:nobody"]
    assert by_nobody == ["web.sign_in_failed"] * 5 + ["web.locked"]
    assert by_province[:2] == ["web.signed_in", "web.ledger_viewed"]
    assert by_province[-1] == "web.signed_out"
    assert ("web:province", "web.ledger_viewed", "/ledger?kind=complaint") in lines


async def test_moving_the_demo_clock_signs_nobody_out(app: App, visit: Visit) -> None:
    visitor = await visit(app)
    await visitor.sign_in("demo", app.demo_password)

    async with visitor.http.ws_connect(
        visitor.base / "playground/ws", headers={"Origin": str(visitor.base)}
    ) as socket:
        await socket.send_json({"type": "advance", "minutes": 1440})
        while not (await socket.receive_json(timeout=10)).get("now", "").startswith("2026-12-02"):
            pass

    assert (await visitor.get("/ledger", allow_redirects=False))[0] == 200


@pytest.mark.parametrize("name", ["\0", "a\0b", "😀" * 200, "' OR 1=1 --", "\ud800"])
async def test_odd_account_names_are_simply_wrong(bare_app: App, visit: Visit, name: str) -> None:
    visitor = await visit(bare_app)

    form = {"csrf": await visitor.token(), "username": name.encode("utf-8", "replace").decode()}
    status, _ = await visitor.post("/login", form | {"password": "x"})

    assert status == 401
