"""The audit page: who did what, for whoever answers for them; and nothing of others."""

from bot.app import App
from bot.clock import Clock
from tests.bot.web.conftest import OTHER_UNIT, Visit, add_supervisor


async def test_what_was_done_is_listed_in_words(app: App, visit: Visit) -> None:
    await add_supervisor(app, "boss", "correct horse", unit=None)
    visitor = await visit(app)
    await visitor.sign_in("boss", "correct horse")
    await visitor.get("/ledger")

    status, body = await visitor.get("/audit")
    _, logins = await visitor.get("/audit?what=web.signed_in")

    assert status == 200
    assert "web:boss" in body
    assert "查看台账" in body
    assert "登录" in logins
    assert "查看台账</span>" not in logins


async def test_a_unit_sees_what_its_own_accounts_did(app: App, visit: Visit) -> None:
    await add_supervisor(app, "boss", "correct horse", unit=None)
    await add_supervisor(app, "near", "battery staple", unit=OTHER_UNIT)
    boss, near = await visit(app), await visit(app)
    await boss.sign_in("boss", "correct horse")
    await near.sign_in("near", "battery staple")

    _, body = await near.get("/audit")
    _, named = await near.get("/audit?actor=web:boss")

    assert "web:near" in body
    assert "web:boss" not in body
    assert "没有符合条件的记录" in named


async def test_words_of_others_are_only_words(app: App, visit: Visit) -> None:
    """X2"""
    await add_supervisor(app, "boss", "correct horse", unit=None)
    async with app.database.unit_of_work() as uow:
        bad = "<script>alert(1)</script>"
        uow.audit.add(at=Clock().now(), actor=bad, action="x", target=bad, detail=bad, reason=bad)
    visitor = await visit(app)
    await visitor.sign_in("boss", "correct horse")

    _, body = await visitor.get("/audit?actor=%25&before=abc&from=2026-02-30")
    _, all_of_it = await visitor.get("/audit")

    assert "不是有效日期" in body
    assert "<script>alert" not in all_of_it
    assert "&lt;script&gt;alert" in all_of_it
