"""What every answer carries, error pages, /healthz, and whom we answer at all."""

import pytest

from bot.app import App
from bot.web import pages
from bot.web.server import is_for_us
from tests.bot.web.conftest import Visit


@pytest.mark.parametrize(
    "path", ["/login", "/playground", "/healthz", "/static/site.css", "/no/such/page"]
)
async def test_every_answer_carries_the_security_headers(app: App, visit: Visit, path: str) -> None:
    visitor = await visit(app)

    async with visitor.http.get(visitor.base.join(visitor.base / path[1:])) as response:
        headers = response.headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    is_file = path.startswith("/static/")
    assert headers["Cache-Control"] == ("no-cache" if is_file else "no-store")
    assert "aiohttp" not in headers["Server"]


async def test_pages_hold_no_inline_script_or_style_and_name_no_other_host(
    app: App, visit: Visit
) -> None:
    """X2"""
    visitor = await visit(app)

    for path in ("/playground", "/login", "/nowhere"):
        _, body = await visitor.get(path)

        assert "style=" not in body
        assert "<style" not in body
        assert "onclick" not in body
        assert "http://" not in body
        assert "https://" not in body


async def test_errors_are_pages_in_chinese(app: App, visit: Visit) -> None:
    visitor = await visit(app)

    missing = await visitor.get("/nowhere")
    wrong_way = await visitor.post("/playground", {})

    assert (missing[0], wrong_way[0]) == (404, 405)
    assert "没有这个页面" in missing[1]
    assert "请从首页重新进入" in wrong_way[1]


async def test_bug_shows_an_id_and_no_details(
    app: App, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y2"""

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(pages, "query_of", broken)
    visitor = await visit(app)
    await visitor.sign_in("demo", app.demo_password)

    status, body = await visitor.get("/ledger")

    assert status == 500
    assert "编号 <code>" in body
    assert "secret detail" not in body


async def test_health_names_the_accounts_that_are_connected(app: App, visit: Visit) -> None:
    visitor = await visit(app)

    async with visitor.http.get(visitor.base / "healthz") as response:
        answer = await response.json()

    assert response.status == 200
    assert answer == {
        "status": "ok",
        "database": "ok",
        "online": ["playground:assistant"],
        "parts": {"disk": "ok", "jobs": "ok", "backup": "ok"},
    }


async def test_front_door_leads_to_the_playground_or_the_ledger(app: App, visit: Visit) -> None:
    visitor = await visit(app)

    async with visitor.http.get(visitor.base, allow_redirects=False) as response:
        assert response.headers["Location"] == "/playground"


async def test_without_playground_there_is_none(bare_app: App, visit: Visit) -> None:
    visitor = await visit(bare_app)

    assert (await visitor.get("/playground"))[0] == 404
    assert (await visitor.get("/playground/ws"))[0] == 404
    async with visitor.http.get(visitor.base, allow_redirects=False) as response:
        assert response.headers["Location"] == "/board"


async def test_foreign_host_name_is_turned_away(app: App, visit: Visit) -> None:
    """A page whose own name suddenly resolves to 127.0.0.1 must not read along."""
    visitor = await visit(app)

    status, body = await visitor.get("/playground", headers={"Host": "evil.example:8080"})

    assert status == 421
    assert "计算机2301" not in body


@pytest.mark.parametrize(
    ("bound_to", "host", "is_ours"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "localhost:8080", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "192.168.1.5:8080", False),
        ("127.0.0.1", "[bad", False),
        ("127.0.0.1", "", False),
        ("localhost", "localhost", True),
        ("0.0.0.0", "zhuxue.school.example", True),
    ],
)
def test_only_loopback_names_while_bound_to_loopback(
    bound_to: str, host: str, is_ours: bool
) -> None:
    assert is_for_us(bound_to, host) is is_ours


async def test_onebot_door_is_there_and_shut_without_a_token(app: App, visit: Visit) -> None:
    """X9"""
    visitor = await visit(app)

    for path in ("/onebot/v11/ws", "/onebot/v11/ws/"):
        status, _ = await visitor.get(path)
        assert status == 403
