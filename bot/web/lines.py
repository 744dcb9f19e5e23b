"""The bot's accounts, and what could not be worked or sent: shown without words, tried again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import segno
from aiohttp import web

from bot import status
from bot.status import PLATFORM_NAMES
from bot.web import session
from bot.web.base import APP, page
from bot.web.pages import is_about_reader, units_of
from handlers import texts
from storage.inbox import InboxRows, SetAside
from storage.outbox import OutboxRows, Unsent

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

MOST_WORDS = 100
INBOX, OUTBOX = "inbox", "outbox"
EVENT_NAMES = {
    "message": "消息",
    "recall": "撤回",
    "membership": "进退群",
    "mute": "禁言",
    "request": "好友或进群申请",
}
DONE = {
    "retry": "已重新排上，几秒内再试一次；还不行会再回到这里。",
    "drop": "不再列出，记录还在。",
    "none": "没有做：它已经不在这里，或者老师已经接手、是有时效的提醒，不能重试。",
}


@dataclass(frozen=True, slots=True)
class Poison:
    """One thing that failed every time; `about` says where it went instead."""

    queue: str
    id: int
    what: str
    at: str
    why: str
    about: str
    address: str
    may_retry: bool


# -- rules ----------------------------------------------------------------------------------------


def of_inbox(item: SetAside, now: datetime) -> Poison:
    """An event in words. Its error may quote what was said, so only its kind is shown."""
    return Poison(
        INBOX,
        item.id,
        f"{PLATFORM_NAMES[item.platform]} {item.account} 收到的{EVENT_NAMES[item.kind]}",
        texts.instant(item.received_at, now),
        item.error.partition(":")[0][:MOST_WORDS],
        "已转老师，不再重试" if item.is_on_record else "",
        "",
        not item.is_on_record,
    )


def of_outbox(item: Unsent, now: datetime) -> Poison:
    """A message in words: why the platform did not take it, never what it said."""
    about, address = "", ""
    if item.task is not None:
        about, address = f"R-{item.task} 的提醒，到事项页重发", f"/tasks/{item.task}"
    elif item.about is not None:
        about, address = f"关于 T-{item.about}", f"/cases/{item.about}"
    return Poison(
        OUTBOX,
        item.id,
        f"{PLATFORM_NAMES[item.platform]} {item.account} 要发的消息",
        texts.instant(item.created_at, now),
        texts.clip(item.error, MOST_WORDS),
        about,
        address,
        item.task is None,
    )


# -- pages ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /lines`: the bot's accounts; the code to scan only for who answers for the whole."""
    reader = await session.require(request)
    app = request.app[APP]
    now = app.clock.now()
    is_whole = reader.supervisor.unit_id is None
    async with app.database.reading() as uow:
        found = await status.look(uow, now)
        # How much waits elsewhere is not for a unit to know: it may be a complaint.
        waiting = await uow.cases.waiting(await units_of(uow, reader.supervisor))
        own = [case for case in waiting if not is_about_reader(reader.supervisor, case.item)]
        hidden = await _about_reader(uow, reader.supervisor.own_classes)
        poison = await _poison(uow, hidden, now) if is_whole else []
    codes = [
        segno.make(login.code).svg_data_uri(scale=6, border=4, dark="#000", light="#fff")
        for login, _ in found.logins
        if login.code and is_whole
    ]
    await session.note(app, reader, "web.lines_viewed", "lines")
    return page(
        request,
        "lines.html",
        reader=reader,
        state=replace(found, waiting=len(own)),
        codes=codes,
        is_whole=is_whole,
        poison=poison,
        done=DONE.get(request.query.get("done", ""), ""),
    )


async def _about_reader(uow: UnitOfWork, own_classes: Collection[int]) -> set[int]:
    """Numbers of complaints about the tutor of a class the reader teaches: not theirs to see."""
    return await uow.reviews.about_tutors(own_classes) if own_classes else set()


async def _poison(uow: UnitOfWork, hidden: Collection[int], now: datetime) -> list[Poison]:
    events = [of_inbox(item, now) for item in await uow.inbox.poison()]
    unsent = await uow.outbox.set_aside()
    return events + [of_outbox(item, now) for item in unsent if item.about not in hidden]


async def act(request: web.Request) -> web.Response:
    """`POST /lines/{queue}/{id}/{deed}`: try it again, or list it no more; the province's alone."""
    reader, _ = await session.posted(request)
    app, queue, deed = request.app[APP], request.match_info["queue"], request.match_info["deed"]
    row_id, now = int(request.match_info["id"]), app.clock.now()
    if reader.supervisor.unit_id is not None or deed not in ("retry", "drop"):
        raise web.HTTPNotFound
    async with app.database.unit_of_work() as uow:
        match queue:
            case "inbox":
                rows: InboxRows | OutboxRows = uow.inbox
            case "outbox":
                rows = uow.outbox
            case _:
                raise web.HTTPNotFound
        # What is sent about a complaint tells of it: to whom it is about there is no such row.
        hidden = await _about_reader(uow, reader.supervisor.own_classes)
        is_theirs = queue != OUTBOX or await uow.outbox.about(row_id) not in hidden
        act_on = rows.retry if deed == "retry" else rows.drop
        is_done = is_theirs and await act_on(row_id, now)
        uow.audit.add(
            at=now,
            actor=reader.actor,
            action=f"lines.{deed}" if is_done else f"lines.{deed}_refused",
            target=f"{queue}:{row_id}",
        )
    app.inbox.wake()
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/lines?done={deed if is_done else 'none'}")
