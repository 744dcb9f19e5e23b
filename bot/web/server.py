"""The aiohttp application: URL table, error pages, security headers."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.web import (
    account,
    appraisal,
    audit,
    board,
    calendar,
    cases,
    classes,
    exports,
    feed,
    figures,
    health,
    knowledge,
    lines,
    pages,
    playground,
    reveal,
    review,
    row,
    session,
    settings,
    tasks,
    training,
)
from bot.web.base import APP, HERE, TEMPLATES, open_templates, page
from bot.web.kept import KEPT, Kept

if TYPE_CHECKING:
    from bot.app import App

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Nothing from elsewhere, no inline script or style, in nobody's frame.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "zhuxue",
}
ONEBOT_PATHS = ("/onebot/v11/ws", "/onebot/v11/ws/")
STATIC = "/static/"

#: What went wrong and the next step, for people.
ERRORS = {
    400: ("请求没看懂", "请返回上一页，刷新后再试。"),
    403: ("不能这样做", "页面可能已过期，请返回上一页，刷新后再试。"),
    404: ("没有这个页面", "请核对网址；也可能是这条记录不在您的管理范围内。"),
    405: ("这个地址不能这样打开", "请从首页重新进入。"),
    413: ("提交的内容太长", "请缩短后再试。"),
    421: ("网址不对", "请用本机地址打开，例如 http://127.0.0.1 加端口号。"),
    500: ("系统出了点问题", "已经记录下来。请稍后再试；仍不行请把下面的编号告诉管理员。"),
}


def build(app: App) -> web.Application:
    """Every door of the App that speaks HTTP."""
    site = web.Application(middlewares=[only_here, in_words])
    site[APP] = app
    site[TEMPLATES] = open_templates()
    site[session.DOORKEEPER] = session.Doorkeeper()
    site[KEPT] = Kept()
    site.add_routes(
        [
            web.get("/", front),
            web.get("/healthz", health.healthz),
            web.get("/metrics", health.metrics),
            *(web.get(path, app.onebot.websocket) for path in ONEBOT_PATHS),
            web.get("/login", session.login_page),
            web.post("/login", session.login),
            web.post("/logout", session.logout),
            web.get("/board", board.board),
            web.get("/board/live", board.live),
            web.get("/figures", figures.overview),
            web.get("/figures/months", figures.months),
            web.get("/ledger", pages.ledger),
            web.get(r"/ledger/{id:\d{1,18}}", row.ledger_row),
            web.post(r"/ledger/{id:\d{1,18}}/correct", row.correct_row),
            web.post(r"/ledger/{id:\d{1,18}}/reveal", reveal.row),
            web.post(r"/cases/{number:\d{1,15}}/reveal", reveal.case),
            web.get("/account", account.account),
            web.post(r"/account/{deed:[a-z]{1,20}}", account.act),
            web.get("/lines", lines.overview),
            web.post(r"/lines/{queue:[a-z]{1,10}}/{id:\d{1,18}}/{deed:[a-z]{1,10}}", lines.act),
            web.get("/review", review.overview),
            web.get(r"/review/{id:\d{1,18}}", review.review_page),
            web.post(r"/review/{id:\d{1,18}}", review.decide),
            web.get("/settings", settings.overview),
            web.get(r"/feed/{token:[\w-]{20,100}}.ics", feed.feed),
            web.get("/audit", audit.overview),
            web.get("/export/{report}.{kind}", exports.export),
            web.get("/appraisal/pack/{pack}.{kind}", exports.pack),
            web.get("/cases", cases.overview),
            web.get("/cases/follow-ups", cases.follow_up_page),
            web.get(r"/cases/{number:\d{1,15}}", cases.case_page),
            web.post(r"/cases/{number:\d{1,15}}/{deed:[a-z]{1,20}}", cases.act),
            web.get("/calendar", calendar.overview),
            web.post("/calendar", calendar.change),
            web.get("/calendar/plan", calendar.plan),
            web.post("/calendar/plan", calendar.arm),
            web.get("/tasks", tasks.overview),
            web.post("/tasks/list", tasks.upload),
            web.get(r"/tasks/{number:\d{1,15}}", tasks.task_page),
            web.get(r"/tasks/{number:\d{1,15}}/zip", tasks.download),
            web.post(r"/tasks/{number:\d{1,15}}/{deed:[a-z]{1,20}}", tasks.act),
            web.get("/classes", classes.overview),
            web.post(r"/classes/{id:\d{1,15}}/contacts", classes.export),
            web.get("/appraisal", appraisal.overview),
            web.get(r"/appraisal/tutors/{id:\d{1,18}}", appraisal.tutor_page),
            web.get("/appraisal/appeals", appraisal.appeals),
            web.get(r"/appraisal/appeals/{id:\d{1,18}}", appraisal.appeal_page),
            web.post(r"/appraisal/appeals/{id:\d{1,18}}", appraisal.answer_appeal),
            web.get("/appraisal/formula", appraisal.formula_page),
            web.post("/appraisal/formula", appraisal.change_formula),
            web.get("/appraisal/annual", appraisal.years),
            web.get(r"/appraisal/annual/{id:\d{1,18}}", appraisal.year_page),
            web.post(r"/appraisal/annual/{id:\d{1,18}}", appraisal.decide_year),
            web.get("/training", training.overview),
            web.post("/training", training.add),
            web.post(r"/training/{id:\d{1,18}}/minutes", training.set_minutes),
            web.post(r"/training/retrainings/{id:\d{1,18}}", training.set_result),
            web.post(r"/training/hired/{id:\d{1,18}}", training.set_hired),
            web.get("/my", appraisal.my_page),
            web.get("/my/annual", appraisal.my_year),
            web.post("/my/notes", appraisal.add_note),
            web.post("/my/appeals", appraisal.add_appeal),
            web.get("/knowledge", knowledge.overview),
            web.post("/knowledge/suggestions", knowledge.create),
            web.get(r"/knowledge/suggestions/{id:\d{1,18}}", knowledge.suggestion_page),
            web.post(r"/knowledge/suggestions/{id:\d{1,18}}", knowledge.save),
            web.post(r"/knowledge/suggestions/{id:\d{1,18}}/publish", knowledge.publish),
            web.post(r"/knowledge/suggestions/{id:\d{1,18}}/reject", knowledge.reject),
            web.static(STATIC, HERE / "static"),
        ]
    )
    if app.playground is not None:
        site[playground.STAGE] = playground.Stage(app, app.playground)
        site.on_shutdown.append(playground.say_goodbye)
        site.add_routes(
            [
                web.get("/playground", playground.playground_page),
                web.get("/playground/ws", playground.websocket),
            ]
        )
    site.on_response_prepare.append(add_headers)
    return site


# -- doors ----------------------------------------------------------------------------------------


async def front(request: web.Request) -> web.Response:
    """`GET /`: one's own first page; not signed in, the playground if there is one."""
    if await session.signed_in(request) is None and request.app[APP].playground is not None:
        raise web.HTTPFound("/playground")
    raise web.HTTPFound(session.HOME)


# -- middlewares ----------------------------------------------------------------------------------


def is_loopback(host: str) -> bool:
    """A name or address that only this machine can mean."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_for_us(bound_to: str, host: str, base_url: str = "") -> bool:
    """
    Whether a `Host` header may be answered.

    While only this machine can reach us, a foreign name is a page elsewhere that has its own name
    resolve to us (DNS rebinding) to read along. `base_url` is what a proxy before us is called by.
    """
    if not is_loopback(bound_to):
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    own = (urlsplit(base_url).hostname or "") if base_url else bound_to
    return is_loopback(name) or name in (bound_to, own)


@web.middleware
async def only_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign host names. OneBot's door has a token and turns browsers away by itself."""
    is_onebot = request.path in ONEBOT_PATHS
    settings = request.app[APP].settings.web
    if not is_onebot and not is_for_us(settings.host, request.host, settings.base_url):
        return _error_page(request, 421)
    return await handler(request)


@web.middleware
async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as pages in Chinese; a bug with an id that stands in the log too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _error_page(request, error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        error_id = secrets.token_hex(4)
        log.exception("web.failed", error_id=error_id, path=request.path)
        return _error_page(request, 500, error_id)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer carries."""
    response.headers.update(HEADERS)
    # Pages show records; a file may be kept, but is asked after each time.
    is_file = request.path.startswith(STATIC) and response.status < 400
    response.headers.setdefault("Cache-Control", "no-cache" if is_file else "no-store")


def _error_page(request: web.Request, status: int, error_id: str = "") -> web.Response:
    title, advice = ERRORS.get(status, ERRORS[400 if status < 500 else 500])
    return page(
        request,
        "error.html",
        status=status,
        code=status,
        title=title,
        advice=advice,
        error_id=error_id,
    )
