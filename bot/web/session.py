"""Sign-in for supervisors: passwords, lock-out, the cookie, and the token every form must bring.

All times are the App's clock, so that housekeeping and the rules here never disagree.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pyotp
import structlog
from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.web.base import APP, page, plain
from storage.supervisors import Supervisor, WebSession
from storage.vocabulary import Role

if TYPE_CHECKING:
    from bot.app import App

log = structlog.get_logger()

COOKIE = "zhuxue_session"
#: Where a sign-in leads: supervisors, and tutors.
HOME, TUTORS_HOME = "/board", "/my"
#: Pages of supervisors that send a tutor home instead of saying that there is none.
ENTRANCES = frozenset({HOME, "/ledger"})
#: Holds a form's token until there is a sign-in to hold it.
FORM_COOKIE = "zhuxue_form"

WINDOW = timedelta(minutes=15)
FAILURES_OF_ACCOUNT = 5
FAILURES_FROM_ADDRESS = 20
#: However busy, a browser signs in once a working day.
LONGEST = timedelta(hours=12)
#: Being in use is written down this often at most: reading a page should not write each time.
TOUCH_EVERY = timedelta(seconds=30)
MAX_PASSWORD = 1024


class Verdict(StrEnum):
    """What became of an attempt to sign in."""

    WELCOME = "welcome"
    WRONG = "wrong"
    CODE = "code"
    LOCKED = "locked"


SENTENCES = {
    Verdict.WRONG: "账号或密码不对，请核对后再试。",
    Verdict.CODE: "这个账号开了两步验证：请填验证器里现在的 6 位数字（每个只能用一次）。",
    Verdict.LOCKED: "失败次数太多，为安全起见暂停登录，请 15 分钟后再试，或请管理员重设密码。",
}
STALE_FORM = "页面已过期，请重新填写后提交。"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is looking, and the token that forms on the page carry."""

    supervisor: Supervisor
    csrf: str
    token_hash: str

    @property
    def actor(self) -> str:
        """As the audit list writes it."""
        return actor(self.supervisor.username)


class Doorkeeper:
    """Checks passwords, one at a time, so that guesses sent together are counted one by one."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        # Compared with where there is no such account, so that the answer takes as long.
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._one_at_a_time = asyncio.Lock()

    async def attempt(
        self, app: App, username: str, password: str, address: str, code: str = ""
    ) -> tuple[Verdict, Supervisor | None]:
        """Let somebody in, or note that it failed; locked accounts are not even checked."""
        async with self._one_at_a_time:
            now = app.clock.now()
            async with app.database.reading() as uow:
                failures = await uow.supervisors.failures(username, address, now - WINDOW, now)
                known = await uow.supervisors.named(username)
            if is_locked(*failures):
                return Verdict.LOCKED, None
            stored = self._nobody if known is None else known.password_hash
            is_right = await asyncio.to_thread(self._verify, stored, password)
            verdict = Verdict.WRONG
            if known is not None and is_right and await _rights(app, known, now) is not None:
                if known.totp_secret is None or await use_code(app, known, code, now):
                    return Verdict.WELCOME, known
                if not code:
                    # Half of the way, and no guess: asking for it counts against nobody.
                    return Verdict.CODE, None
                verdict = Verdict.CODE
            of_account, from_address = failures[0] + 1, failures[1] + 1
            async with app.database.unit_of_work() as uow:
                await uow.supervisors.add_failure(username, address, now)
                uow.audit.add(
                    at=now, actor=actor(username), action="web.sign_in_failed", target=address
                )
                if is_locked(of_account, from_address):
                    uow.audit.add(
                        at=now,
                        actor=actor(username),
                        action="web.locked",
                        target=address,
                        detail=f"account {of_account}, address {from_address}",
                    )
            log.warning("web.sign_in_failed", failures=of_account, from_address=from_address)
            return verdict, None

    async def is_password_of(self, account: Supervisor, password: str) -> bool:
        """Whether somebody signed in knows the account's password; one at a time."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._verify, account.password_hash, password)

    def hash(self, password: str) -> str:
        """What is stored of a password."""
        return self._hasher.hash(password)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


DOORKEEPER: web.AppKey[Doorkeeper] = web.AppKey("doorkeeper", Doorkeeper)

# -- rules ----------------------------------------------------------------------------------------


def is_locked(of_account: int, from_address: int) -> bool:
    """Too many failures in the window, of the account or from the address."""
    return of_account >= FAILURES_OF_ACCOUNT or from_address >= FAILURES_FROM_ADDRESS


def is_over(known: WebSession, now: datetime, idle: timedelta) -> bool:
    """Unused for too long, or simply old."""
    return now - known.seen_at > idle or now - known.created_at > LONGEST


def local_path(target: str) -> str:
    """`target` if it is a path of this site, else the board: never a way to somebody else's."""
    parts = urlsplit(target)
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    is_clean = target.isprintable() and "\\" not in target and not parts.scheme
    return target if is_ours and is_clean and not parts.netloc else HOME


def actor(username: str) -> str:
    """A supervisor's account in the audit list."""
    return f"web:{username}"


def address_of(request: web.Request) -> str:
    """Where a request comes from; behind the TLS proxy, what the proxy itself has seen."""
    if request.app[APP].settings.web.secure_cookies:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
        if forwarded.strip():
            return plain(forwarded, 100)
    return plain(request.remote or "", 100)


def is_same_site(request: web.Request) -> bool:
    """Browsers name the page that sends a form; another site's is refused. Others send nothing."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


def digest(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


async def use_code(app: App, account: Supervisor, code: str, now: datetime) -> bool:
    """Whether `code` is the second step's of this half minute or its neighbours; once each."""
    if account.totp_secret is None or not re.fullmatch(r"\d{6}", code):
        return False
    totp = pyotp.TOTP(account.totp_secret)
    step = int(now.timestamp()) // totp.interval
    for nearby in (step, step - 1, step + 1):
        if compare_digest(totp.generate_otp(nearby), code):
            async with app.database.unit_of_work() as uow:
                return await uow.supervisors.use_totp(account.id, nearby)
    return False


# -- who is looking -------------------------------------------------------------------------------


async def signed_in(request: web.Request, *, is_use: bool = True) -> SignedIn | None:
    """Whoever signed in with this browser and has used it lately; `is_use`: does so now."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    app, token_hash = request.app[APP], digest(token)
    now = app.clock.now()
    async with app.database.reading() as uow:
        known = await uow.supervisors.session(token_hash)
    if known is None:
        return None
    browser = plain(request.headers.get("User-Agent", ""), 200)
    is_other = known.browser not in ("", browser)
    if is_other:
        log.warning("web.session_from_another_browser", account=known.supervisor.username)
    if is_other or is_over(known, now, timedelta(minutes=app.settings.web.session_minutes)):
        async with app.database.unit_of_work() as uow:
            await uow.supervisors.close_session(token_hash)
        return None
    if is_use and now - known.seen_at > TOUCH_EVERY:
        async with app.database.unit_of_work() as uow:
            await uow.supervisors.touch_session(token_hash, now)
    # What a person may see is asked anew at every request, and the session ends with the last role.
    supervisor = await _rights(app, known.supervisor, now)
    if supervisor is None:
        async with app.database.unit_of_work() as uow:
            await uow.supervisors.close_session(token_hash)
            uow.audit.add(
                at=now,
                actor=actor(known.supervisor.username),
                action="web.role_ended",
                target=address_of(request),
            )
        return None
    return SignedIn(supervisor, known.csrf, token_hash)


async def _rights(app: App, known: Supervisor, now: datetime) -> Supervisor | None:
    async with app.database.reading() as uow:
        return await uow.supervisors.rights(known, now)


async def require(request: web.Request, *, tutors: bool = False, is_use: bool = True) -> SignedIn:
    """
    Whoever is signed in; a page's first line. `tutors`: a page of a tutor's own.

    Not `is_use` where a page asks by itself: that keeps nobody signed in.

    Raises:
        HTTPSeeOther: nobody is; to the sign-in page, which leads back here.
        HTTPNotFound: a supervisors' page, and a tutor; or the other way round.
    """
    found = await signed_in(request, is_use=is_use)
    if found is None:
        raise web.HTTPSeeOther("/login?" + urlencode({"next": request.path_qs}))
    if tutors and not found.supervisor.is_tutor:
        raise web.HTTPNotFound
    if not tutors and found.supervisor.role is not Role.SUPERVISOR:
        if request.path in ENTRANCES:
            raise web.HTTPSeeOther(TUTORS_HOME)
        raise web.HTTPNotFound
    return found


async def require_anyone(request: web.Request) -> SignedIn:
    """
    Whoever is signed in, supervisor or tutor; for what is every account's own.

    Raises:
        HTTPSeeOther: nobody is.
    """
    found = await signed_in(request)
    if found is None:
        raise web.HTTPSeeOther("/login?" + urlencode({"next": request.path_qs}))
    return found


async def posted_by_anyone(request: web.Request) -> tuple[SignedIn, dict[str, str]]:
    """
    As `posted`, for what is every account's own.

    Raises:
        HTTPSeeOther: nobody is signed in.
        HTTPForbidden: sent from elsewhere, or from a page that is too old.
    """
    return await _checked(request, await require_anyone(request))


async def posted(request: web.Request, *, tutors: bool = False) -> tuple[SignedIn, dict[str, str]]:
    """Whoever is signed in, and the form they sent from a page of ours; an action's first line.

    Raises:
        HTTPSeeOther: nobody is signed in.
        HTTPNotFound: as for `require`.
        HTTPForbidden: sent from elsewhere, or from a page that is too old.
    """
    return await _checked(request, await require(request, tutors=tutors))


async def _checked(request: web.Request, reader: SignedIn) -> tuple[SignedIn, dict[str, str]]:
    form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    if not is_same_site(request) or not _same(reader.csrf, form.get("csrf", "")):
        raise web.HTTPForbidden(text=STALE_FORM)
    return reader, form


async def note(app: App, reader: SignedIn, action: str, target: str) -> None:
    """A line of the audit list: who looked at what, or was refused what."""
    async with app.database.unit_of_work() as uow:
        uow.audit.add(at=app.clock.now(), actor=reader.actor, action=action, target=target)


# -- pages ----------------------------------------------------------------------------------------


async def login_page(request: web.Request) -> web.Response:
    """`GET /login`."""
    target = local_path(request.query.get("next", ""))
    if await signed_in(request) is not None:
        raise web.HTTPSeeOther(target)
    return _form(request, target=target)


async def login(request: web.Request) -> web.Response:
    """`POST /login`."""
    form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    target = local_path(form.get("next", ""))
    username = plain(form.get("username", ""), 100)
    expected = request.cookies.get(FORM_COOKIE, "")
    if not is_same_site(request) or not _same(expected, form.get("csrf", "")):
        return _form(request, target=target, username=username, problem=STALE_FORM, status=403)
    app, address = request.app[APP], address_of(request)
    verdict, supervisor = await request.app[DOORKEEPER].attempt(
        app,
        username,
        form.get("password", "")[:MAX_PASSWORD],
        address,
        plain(form.get("code", ""), 20).replace(" ", ""),
    )
    if supervisor is None:
        return _form(
            request,
            target=target,
            username=username,
            problem=SENTENCES[verdict],
            asks_code=verdict is Verdict.CODE,
            status=429 if verdict is Verdict.LOCKED else 401,
        )
    token, now = secrets.token_urlsafe(32), app.clock.now()
    async with app.database.unit_of_work() as uow:
        if request.cookies.get(COOKIE):
            await uow.supervisors.close_session(digest(request.cookies[COOKIE]))
        await uow.supervisors.open_session(
            token_hash=digest(token),
            supervisor_id=supervisor.id,
            csrf=secrets.token_urlsafe(32),
            now=now,
            address=address,
            browser=plain(request.headers.get("User-Agent", ""), 200),
        )
        uow.audit.add(
            at=now, actor=actor(supervisor.username), action="web.signed_in", target=address
        )
    response = web.Response(status=303, headers={"Location": target})
    _set_cookie(request, response, COOKIE, token, path="/")
    response.del_cookie(FORM_COOKIE, path="/login")
    return response


async def logout(request: web.Request) -> web.Response:
    """`POST /logout`."""
    reader = await signed_in(request)
    if reader is None:
        raise web.HTTPSeeOther("/login")
    form = await request.post()
    if not is_same_site(request) or not _same(reader.csrf, str(form.get("csrf", ""))):
        raise web.HTTPForbidden(text=STALE_FORM)
    app = request.app[APP]
    async with app.database.unit_of_work() as uow:
        await uow.supervisors.close_session(reader.token_hash)
        uow.audit.add(
            at=app.clock.now(),
            actor=reader.actor,
            action="web.signed_out",
            target=address_of(request),
        )
    response = web.Response(status=303, headers={"Location": "/login"})
    response.del_cookie(COOKIE, path="/")
    return response


def _form(
    request: web.Request,
    *,
    target: str,
    username: str = "",
    problem: str = "",
    asks_code: bool = False,
    status: int = 200,
) -> web.Response:
    app = request.app[APP]
    token = request.cookies.get(FORM_COOKIE, "")
    if not 20 <= len(token) <= 100:
        token = secrets.token_urlsafe(32)
    response = page(
        request,
        "login.html",
        status=status,
        csrf=token,
        target=target,
        username=username,
        problem=problem,
        asks_code=asks_code,
        demo_password=app.demo_password if app.playground is not None else "",
    )
    _set_cookie(request, response, FORM_COOKIE, token, path="/login")
    return response


def _set_cookie(
    request: web.Request, response: web.Response, name: str, value: str, *, path: str
) -> None:
    response.set_cookie(
        name,
        value,
        path=path,
        httponly=True,
        samesite="Strict",
        secure=request.app[APP].settings.web.secure_cookies,
    )


def _same(expected: str, given: str) -> bool:
    return bool(expected) and compare_digest(
        expected.encode("utf-8", "replace"), given.encode("utf-8", "replace")
    )
