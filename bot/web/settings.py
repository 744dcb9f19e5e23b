"""GET /settings: every setting as it is in force, and who may change what; changes nothing."""

from __future__ import annotations

from aiohttp import web

from bot.setting_names import shown
from bot.web import session
from bot.web.base import APP, page

#: What, who, where, and whether it leaves a trace (S25.2).
OWNERS: tuple[tuple[str, str, str, str], ...] = (
    (
        "考核公式（权重、门槛、上限）",
        "省校管理人员",
        "/appraisal/formula",
        "从下月起用新的，旧的日子仍按旧的算；谁改的、为什么，留在版本和审计里",
    ),
    (
        "校历、网址、金额、地点",
        "省校管理人员；单位和教师只能改自己的",
        "/calendar",
        "每次改都进审计",
    ),
    (
        "知识条目",
        "省校和本单位管理人员",
        "/knowledge",
        "要先过重放；硬要发布的只有省校，理由进审计",
    ),
    ("管理条例正文（第一至二十六条）", "随程序带，换正文要升级程序", "", "答复只引原文，不作解释"),
    (
        "本页的各项",
        "装机器人的管理员（能登录服务器的人）",
        "",
        "改配置文件后重启；启动时核对，写错不启动；和上次启动比，改了哪几项、从什么改成什么，记一条审计",
    ),
)


async def overview(request: web.Request) -> web.Response:
    """`GET /settings`, for who answers for the whole."""
    reader = await session.require(request)
    if reader.supervisor.unit_id is not None:
        raise web.HTTPNotFound
    app = request.app[APP]
    sections = shown(app.settings)
    async with app.database.unit_of_work() as uow:
        uow.audit.add(
            at=app.clock.now(), actor=reader.actor, action="web.settings_viewed", target="settings"
        )
    return page(
        request,
        "settings.html",
        reader=reader,
        sections=sections,
        changed=sum(it.is_changed for _, _, items in sections for it in items),
        owners=OWNERS,
    )
