"""One interaction: the message that proves it, what was said before and after, what it led to.

Whatever the reader may not see in the ledger is not shown beside it either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.web import reveal, review, session
from bot.web.base import APP, page, plain
from bot.web.pages import CORRECTION_WORDS, Entry, Spoken, entries, entry, units_of
from handlers import texts
from handlers.decision import article_of
from storage.interactions import Kind
from storage.reports import LedgerFilter, LedgerRow
from storage.vocabulary import ConversationKind, Message, Topic

if TYPE_CHECKING:
    from bot.app import App
    from storage.unit_of_work import UnitOfWork

#: So much of the conversation belongs to one interaction.
WITHIN, MOST = timedelta(hours=24), 10
SAID = CORRECTION_WORDS | {"reason": reveal.NO_REASON}
#: A person speaks in these rows who is no student.
_STAFFS = frozenset({Kind.REPLY, Kind.NOTICE, Kind.COMMAND, Kind.UPDATE, Kind.FORWARD})


@dataclass(frozen=True, slots=True)
class Turn:
    """Something the same student said, and what was said to it; names are masked."""

    at: str
    iso: str
    text: str
    replies: tuple[Spoken, ...]
    row_id: int | None
    is_this: bool
    is_sealed: bool


@dataclass(frozen=True, slots=True)
class Cited:
    """The entry an answer came from, as it is now."""

    key: str
    question: str
    source: str
    valid: str
    changed: str


# -- reading --------------------------------------------------------------------------------------


async def conversation(
    uow: UnitOfWork, row: LedgerRow, scope: LedgerFilter, now: datetime
) -> list[Turn]:
    """
    What the student of a row said in the same conversation within a day of it, in order.

    In a group only the student's own words, as everybody there read them; in private only what is
    on record for this reader. A cry for help shows that it is there and none of its words, and
    around one nothing is shown at all.
    """
    if row.event_id is None or row.is_sealed or row.record.kind in _STAFFS:
        return []
    message = (await uow.inbox.messages([row.event_id])).get(row.event_id)
    if message is None or row.person_name == row.tutor_name != "":
        return []
    near = await uow.inbox.around(row.event_id, message, within=WITHIN, limit=MOST)
    said = sorted([*near, (row.event_id, message)], key=lambda one: one[0])
    events = [event_id for event_id, _ in said]
    whole = LedgerFilter(events=events)
    known = _by_event(await uow.reports.ledger(whole, limit=9 * len(events)))
    visible = _by_event(
        await uow.reports.ledger(replace(scope, id=None, events=events), limit=9 * len(events))
    )
    is_private = message.conversation.kind is ConversationKind.PRIVATE
    shown = [
        (event_id, words, visible.get(event_id, []))
        for event_id, words in said
        if len(visible.get(event_id, [])) == len(known.get(event_id, []))
        and (event_id in visible or not is_private)
    ]
    replies = await uow.outbox.replies_to([event_id for event_id, _, _ in shown])
    return [
        _turn(row, event_id, words, rows, replies.get(event_id, ()), now)
        for event_id, words, rows in shown
    ]


def _by_event(rows: Sequence[LedgerRow]) -> dict[int, list[LedgerRow]]:
    found: dict[int, list[LedgerRow]] = {}
    for row in rows:
        if row.event_id is not None:
            found.setdefault(row.event_id, []).append(row)
    return found


def _turn(
    this: LedgerRow,
    event_id: int,
    message: Message,
    rows: Sequence[LedgerRow],
    replies: Sequence[Any],
    now: datetime,
) -> Turn:
    is_sealed = any(row.is_sealed for row in rows)
    # Masked as the row itself is: with the names it is about, whatever the row.
    it: Entry = entry(replace(this, is_sealed=is_sealed), message, replies, now)
    return Turn(
        at=texts.instant(message.sent_at, now),
        iso=message.sent_at.isoformat(timespec="seconds"),
        text=it.text,
        replies=it.replies,
        row_id=min((row.id for row in rows), default=None),
        is_this=event_id == this.event_id,
        is_sealed=is_sealed,
    )


async def cited(app: App, uow: UnitOfWork, row: LedgerRow, now: datetime) -> Cited | None:
    """The entry behind an answer; None where there was none."""
    key = row.record.entry
    if not key:
        return None
    known = next((it for it in app.knowledge.knowledge.entries if it.key == key), None)
    changed_at = await uow.published.entry_changed_at(key)
    if changed_at is None:
        changed = "随程序带的，学校没有改过"
    elif changed_at > row.at:
        changed = f"{texts.instant(changed_at, now)} 改过，在这次答复之后：当时的内容见原答复"
    else:
        changed = f"{texts.instant(changed_at, now)} 的版本"
    if known is None:
        return Cited(key, "现在已经没有这一条", "", "", changed)
    first, last = known.valid_from or "从现在", known.valid_to or "长期"
    is_dated = known.valid_from or known.valid_to
    return Cited(
        key,
        known.question,
        texts.source_line((), known.source, known.article),
        f"{first} 至 {last}" if is_dated else "",
        changed,
    )


async def _chain(uow: UnitOfWork, row: LedgerRow, scope: LedgerFilter) -> list[LedgerRow]:
    """The rows that stand for one thing, the first to the last; itself alone where none was
    corrected."""
    chain = [row]
    while chain[0].corrects is not None and len(chain) < MOST:
        older = await uow.reports.ledger(replace(scope, id=chain[0].corrects), limit=1)
        if not older:
            break
        chain.insert(0, older[0])
    while chain[-1].is_corrected and len(chain) < 2 * MOST:
        newer = await uow.reports.ledger(replace(scope, id=None, corrects=chain[-1].id), limit=1)
        if not newer:
            break
        chain.append(newer[0])
    return chain


# -- pages ----------------------------------------------------------------------------------------


async def ledger_row(request: web.Request) -> web.Response:
    """`GET /ledger/{id}`: one row with the message that proves it and its conversation."""
    reader = await session.require(request)
    app, row_id = request.app[APP], int(request.match_info["id"])
    now = app.clock.now()
    async with app.database.reading() as uow:
        scope = _one_row(reader, row_id, await units_of(uow, reader.supervisor))
        rows = await uow.reports.ledger(scope, limit=1)
        if not rows:
            # A row of another unit is answered as one that never was.
            raise web.HTTPNotFound
        row = rows[0]
        shown = await entries(uow, rows, now)
        turns = await conversation(uow, row, scope, now)
        chain = await _chain(uow, row, scope)
        reviews = await uow.reviews.about(
            await review.scope_of(uow, reader),
            interaction=row_id,
            hand_off=None if row.is_sealed else row.record.hand_off,
        )
        source = await cited(app, uow, row, now)
    await session.note(app, reader, "web.row_viewed", f"interaction:{row_id}")
    return page(
        request,
        "row.html",
        reader=reader,
        entry=shown[0],
        row=row,
        turns=turns if len(turns) > 1 else [],
        chain=[(it.id, texts.TOPIC_NAMES[it.record.topic]) for it in chain],
        reviews=[review.line_of(it, now) for it in reviews],
        cited=source,
        topics=texts.TOPIC_NAMES,
        said=SAID.get(request.query.get("said", ""), ""),
    )


async def correct_row(request: web.Request) -> web.Response:
    """`POST /ledger/{id}/correct`: the row says the wrong topic; a new one takes its place."""
    reader, form = await session.posted(request)
    app, row_id = request.app[APP], int(request.match_info["id"])
    reason = plain(form.get("reason", ""), 500)
    topic = form.get("topic", "")
    if topic not in set(Topic) or len(reason) < 2:
        raise web.HTTPSeeOther(f"/ledger/{row_id}?said=missing")
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        rows = await uow.reports.ledger(_one_row(reader, row_id, units), limit=1)
        if not rows:
            raise web.HTTPNotFound
        is_done = await uow.interactions.correct(
            row_id, topic=Topic(topic), article=article_of(Topic(topic))
        )
        uow.audit.add(
            at=app.clock.now(),
            actor=reader.actor,
            action="web.row_corrected" if is_done else "web.row_not_corrected",
            target=f"interaction:{row_id}",
            detail=reason,
        )
    raise web.HTTPSeeOther(f"/ledger/{row_id}?said={'done' if is_done else 'before'}")


def _one_row(reader: session.SignedIn, row_id: int, units: Collection[int] | None) -> LedgerFilter:
    return LedgerFilter(id=row_id, unit_ids=units, own_classes=reader.supervisor.own_classes)
