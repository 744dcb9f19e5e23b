"""GET /audit: who saw, changed and exported what."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain
from bot.web.pages import query_of, units_of
from handlers.records import day_bounds
from storage.audit import AuditLine

ROWS = 100

#: Beginnings of what is written down, the longest that fits wins; the rest is shown as it stands.
DEEDS = {
    "account.bound": "绑定账号",
    "answer.phrased": "大模型措辞",
    "appeal": "申诉",
    "appraisal": "考核",
    "calendar": "校历",
    "case": "办理投诉与待办",
    "command.forged": "冒充下令",
    "command.refused": "越权命令",
    "export": "导出",
    "formula": "考核公式",
    "group": "群成员",
    "import": "导入",
    "knowledge": "知识库",
    "personal": "个人信息",
    "lines": "重试或放下",
    "review": "复核",
    "roster": "名册",
    "settings": "改设置",
    "supervisor": "账号管理",
    "task": "事项与提醒",
    "web.cases_viewed": "查看待办",
    "web.case_viewed": "查看一件",
    "web.distress_opened": "打开求助原文",
    "web.ledger_viewed": "查看台账",
    "web.locked": "账号锁定",
    "web.revealed": "查看未隐去的信息",
    "web.row": "台账一行",
    "web.signed_in": "登录",
    "web.signed_out": "退出",
    "web.sign_in_failed": "登录失败",
    "web": "网页",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line in words."""

    id: int
    at: str
    iso: str
    actor: str
    what: str
    action: str
    target: str
    detail: str
    address: str
    reason: str


def in_words(line: AuditLine) -> Line:
    """A line as the page shows it."""
    known = [name for name in DEEDS if line.action.startswith(name)]
    return Line(
        id=line.id,
        at=f"{line.at:%Y-%m-%d %H:%M:%S}",
        iso=line.at.isoformat(),
        actor=line.actor,
        what=DEEDS[max(known, key=len)] if known else line.action,
        action=line.action,
        target=line.target,
        detail=line.detail,
        address=line.address,
        reason=line.reason,
    )


async def overview(request: web.Request) -> web.Response:
    """`GET /audit`: the newest first; a unit sees what its own accounts did."""
    reader = await session.require(request)
    app = request.app[APP]
    actor = plain(request.query.get("actor", ""), 100)
    what = request.query.get("what", "")
    what = what if what in DEEDS else ""
    query = query_of({name: request.query.get(name, "") for name in ("from", "to", "before")})
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        actors = None
        if units is not None:
            names = await uow.supervisors.names_in(units)
            actors = [session.actor(name) for name in names]
        found = await uow.audit.lines(
            limit=ROWS + 1,
            before=query.before,
            actors=actors,
            actor=actor,
            action=what,
            since=day_bounds(query.first)[0] if query.first else None,
            until=day_bounds(query.last)[1] if query.last else None,
            own_classes=reader.supervisor.own_classes,
        )
        uow.audit.add(
            at=app.clock.now(),
            actor=reader.actor,
            action="web.audit_viewed",
            target="audit",
            address=session.address_of(request),
        )
    more = ""
    if len(found) > ROWS:
        words = {
            "actor": actor,
            "what": what,
            "from": str(query.first or ""),
            "to": str(query.last or ""),
            "before": str(found[ROWS - 1].id),
        }
        more = "/audit?" + urlencode({key: value for key, value in words.items() if value})
    return page(
        request,
        "audit.html",
        reader=reader,
        lines=[in_words(line) for line in found[:ROWS]],
        deeds=DEEDS,
        what=what,
        actor=actor,
        query=query,
        more=more,
        exported=query.address().removeprefix("/ledger"),
        is_whole=units is None,
    )
