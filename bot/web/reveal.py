"""
Names and account numbers in full: only with a reason, once, and the audit list says so.

What is masked on a page stays masked on it; this answers a form, so it is in no history and no
link leads to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain
from bot.web.pages import is_about_reader, units_of
from storage.reports import LedgerFilter
from storage.vocabulary import Label, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

MIN_REASON = 2
NO_REASON = "没有打开：请写两个字以上的理由。"


async def row(request: web.Request) -> web.Response:
    """`POST /ledger/{id}/reveal`: who is in a row, and its words as they were said."""
    reader, form = await session.posted(request)
    app, row_id = request.app[APP], int(request.match_info["id"])
    reason = plain(form.get("reason", ""), 300)
    back = f"/ledger/{row_id}"
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        wanted = LedgerFilter(id=row_id, unit_ids=units, own_classes=reader.supervisor.own_classes)
        rows = await uow.reports.ledger(wanted, limit=1)
        if not rows:
            raise web.HTTPNotFound
        if len(reason) < MIN_REASON:
            raise web.HTTPSeeOther(f"{back}?said=reason")
        found = rows[0]
        event_id = found.event_id or 0
        message = (await uow.inbox.messages([event_id])).get(event_id)
        facts = [
            ("姓名", found.person_name or (message.sender_name if message is not None else "")),
            ("账号", found.speaker_id),
            *await _person(uow, found.platform, found.speaker_id),
        ]
        # A cry for help is opened where its supervisor works on it.
        words = message.text if message is not None and not found.is_sealed else ""
        _note(uow, request, reader, f"interaction:{row_id}", reason)
    return _shown(request, reader, f"台账第 {row_id} 行", facts, words, back, reason)


async def case(request: web.Request) -> web.Response:
    """`POST /cases/{number}/reveal`: who asked, with account and student number."""
    reader, form = await session.posted(request)
    app, number = request.app[APP], int(request.match_info["number"])
    reason = plain(form.get("reason", ""), 300)
    back = f"/cases/{number}"
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        found = await uow.cases.case(number, units)
        if found is None or is_about_reader(reader.supervisor, found.item):
            raise web.HTTPNotFound
        if len(reason) < MIN_REASON:
            raise web.HTTPSeeOther(f"{back}?done=reason")
        item = found.item
        facts = [
            ("提出人", item.asker_name),
            ("账号", item.asker_id),
            *await _person(uow, item.conversation.platform, item.asker_id),
        ]
        words = "" if item.kind is Label.DISTRESS else item.text
        _note(uow, request, reader, f"T-{number}", reason)
    return _shown(request, reader, f"T-{number}", facts, words, back, reason)


async def _person(uow: UnitOfWork, platform: Platform, user_id: str) -> list[tuple[str, str]]:
    """What the school's lists say of whoever has this account."""
    found = await uow.roster.of_account(platform, user_id)
    return [("学号", found[0].student_no), ("手机", found[0].phone)] if found else []


def _note(
    uow: UnitOfWork, request: web.Request, reader: session.SignedIn, target: str, reason: str
) -> None:
    uow.audit.add(
        at=request.app[APP].clock.now(),
        actor=reader.actor,
        action="web.revealed",
        target=target,
        address=session.address_of(request),
        reason=reason,
    )


def _shown(
    request: web.Request,
    reader: session.SignedIn,
    title: str,
    facts: list[tuple[str, str]],
    words: str,
    back: str,
    reason: str,
) -> web.Response:
    return page(
        request,
        "revealed.html",
        reader=reader,
        title=title,
        facts=[(name, value) for name, value in facts if value],
        words=words,
        back=back,
        reason=reason,
    )
