"""GET and POST /account: one's own password, second step and signed-in browsers."""

from __future__ import annotations

import asyncio
from base64 import b32encode
from hashlib import sha256

import pyotp
import segno
from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain

MIN_PASSWORD = 10
ISSUER = "助学"

#: What the page says after an action; known by its name in the address, so that nothing else is.
DONE = {
    "password": "密码已改，别处的登录都已退出。",
    "on": "两步验证已开启，下次登录要填验证码。",
    "off": "两步验证已关闭。",
    "ended": "那个浏览器已退出。",
    "others": "别处的登录都已退出。",
}
PROBLEMS = {
    "wrong": "现在的密码不对，什么也没有改。",
    "short": f"新密码至少 {MIN_PASSWORD} 个字符。",
    "differ": "两次输入的新密码不一样。",
    "code": "验证码不对：请核对手机的时间，填验证器里现在的 6 位数字。",
    "stale": "没有找到要处理的内容，请刷新后再试。",
}


def offered_to(reader: session.SignedIn) -> str:
    """A secret to scan that stays the same while somebody is signed in, and stands in no form."""
    return b32encode(sha256(f"totp {reader.csrf}".encode()).digest()[:20]).decode()


async def account(request: web.Request) -> web.Response:
    """`GET /account`."""
    reader = await session.require_anyone(request)
    app = request.app[APP]
    async with app.database.reading() as uow:
        opened = await uow.supervisors.sessions_of(reader.supervisor.id)
    offered = "" if reader.supervisor.totp_secret else offered_to(reader)
    code = ""
    if offered:
        uri = pyotp.TOTP(offered).provisioning_uri(
            name=reader.supervisor.username, issuer_name=ISSUER
        )
        code = segno.make(uri).svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
    return page(
        request,
        "account.html",
        reader=reader,
        opened=opened,
        here=reader.token_hash,
        offered=offered,
        code=code,
        has_totp=reader.supervisor.totp_secret is not None,
        done=DONE.get(request.query.get("done", ""), ""),
        problem=PROBLEMS.get(request.query.get("problem", ""), ""),
    )


async def act(request: web.Request) -> web.Response:
    """`POST /account/{deed}`."""
    reader, form = await session.posted_by_anyone(request)
    deed = request.match_info["deed"]
    deeds = {
        "password": _password,
        "on": _switch_on,
        "off": _switch_off,
        "end": _end,
        "others": _end_others,
    }
    if deed not in deeds:
        raise web.HTTPNotFound
    word = await deeds[deed](request, reader, form)
    app = request.app[APP]
    async with app.database.unit_of_work() as uow:
        uow.audit.add(
            at=app.clock.now(),
            actor=reader.actor,
            action=f"account.{deed}",
            target=word,
            address=session.address_of(request),
        )
    kind = "done" if word in DONE else "problem"
    raise web.HTTPSeeOther(f"/account?{kind}={word}")


async def _password(request: web.Request, reader: session.SignedIn, form: dict[str, str]) -> str:
    new, again = form.get("new", ""), form.get("again", "")
    if not MIN_PASSWORD <= len(new) <= session.MAX_PASSWORD:
        return "short"
    if new != again:
        return "differ"
    if not await _knows_password(request, reader, form):
        return "wrong"
    hashed = await asyncio.to_thread(request.app[session.DOORKEEPER].hash, new)
    async with request.app[APP].database.unit_of_work() as uow:
        await uow.supervisors.set_password(reader.supervisor.id, hashed, keep=reader.token_hash)
    return "password"


async def _switch_on(request: web.Request, reader: session.SignedIn, form: dict[str, str]) -> str:
    secret, code = offered_to(reader), plain(form.get("code", ""), 10).replace(" ", "")
    if reader.supervisor.totp_secret is not None:
        return "stale"
    if not await _knows_password(request, reader, form):
        return "wrong"
    now = request.app[APP].clock.now()
    if not pyotp.TOTP(secret).verify(code, for_time=now, valid_window=1):
        return "code"
    async with request.app[APP].database.unit_of_work() as uow:
        await uow.supervisors.set_totp(reader.supervisor.id, secret)
        # The one that was just shown does not open a second browser.
        await uow.supervisors.use_totp(reader.supervisor.id, int(now.timestamp()) // 30 + 1)
    return "on"


async def _switch_off(request: web.Request, reader: session.SignedIn, form: dict[str, str]) -> str:
    if not await _knows_password(request, reader, form):
        return "wrong"
    async with request.app[APP].database.unit_of_work() as uow:
        await uow.supervisors.set_totp(reader.supervisor.id, None)
    return "off"


async def _end(request: web.Request, reader: session.SignedIn, form: dict[str, str]) -> str:
    async with request.app[APP].database.unit_of_work() as uow:
        name = plain(form.get("name", ""), 64)
        is_done = await uow.supervisors.close_named(reader.supervisor.id, name)
    return "ended" if is_done else "stale"


async def _end_others(request: web.Request, reader: session.SignedIn, form: dict[str, str]) -> str:
    async with request.app[APP].database.unit_of_work() as uow:
        await uow.supervisors.close_others(reader.supervisor.id, keep=reader.token_hash)
    return "others"


async def _knows_password(
    request: web.Request, reader: session.SignedIn, form: dict[str, str]
) -> bool:
    """Guesses here count against the account like those at the door."""
    app, now = request.app[APP], request.app[APP].clock.now()
    username, address = reader.supervisor.username, session.address_of(request)
    async with app.database.reading() as uow:
        failures = await uow.supervisors.failures(username, address, now - session.WINDOW, now)
    if session.is_locked(*failures):
        return False
    given = form.get("password", "")[: session.MAX_PASSWORD]
    if await request.app[session.DOORKEEPER].is_password_of(reader.supervisor, given):
        return True
    async with app.database.unit_of_work() as uow:
        await uow.supervisors.add_failure(username, address, now)
    return False
