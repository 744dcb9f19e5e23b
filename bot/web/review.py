"""What supervisors look over: the queue, one thing in it, and the mark it gets, once.

Nobody looks over their own: classes the reader teaches, or taught, are not in their queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain
from bot.web.pages import Entry, entries, masked, units_of
from handlers import appraisal, reviews, texts
from handlers.errors import UserError
from handlers.records import SOLVER_NAMES, day_bounds
from handlers.reviews import Finding
from storage.reports import LedgerFilter
from storage.reviews import Mark, Review, Scope, Why

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

ROWS = 50
FIRST = 60
MOST_WORDS = 1000
WHY_NAMES: dict[Why, str] = {
    Why.SAMPLE: "抽检",
    Why.LOW_MARK: "差评",
    Why.USELESS: "没用",
    Why.COMPLAINT: "投诉",
}
MARK_NAMES: dict[Mark, str] = {Mark.PASSED: "合格", Mark.FAILED: "不合格"}
FINDINGS = {
    "passed": Finding(Mark.PASSED),
    "failed": Finding(Mark.FAILED),
    "returned": Finding(Mark.FAILED, is_returned=True),
}
DONE = {
    "passed": "已判合格。",
    "failed": "已判不合格，意见已记下。",
    "returned": "已判不合格并退回老师，老师会收到私信。",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A review in a list; names are masked."""

    id: int
    ref: str
    why: str
    is_alarming: bool
    is_about_tutor: bool
    class_name: str
    whose: str
    topic: str
    text: str
    at: str
    mark: str
    is_passed: bool
    is_returned: bool
    decided: str


# -- rules ----------------------------------------------------------------------------------------


def ref_of(review: Review) -> str:
    """「T-12」, or 「L-81」, a row of the ledger."""
    return f"L-{review.interaction}" if review.hand_off is None else f"T-{review.hand_off}"


def line_of(review: Review, now: datetime) -> Line:
    """A review in words."""
    decided = ""
    if review.decided_at is not None:
        decided = f"{review.decided_name} · {texts.instant(review.decided_at, now)}"
    return Line(
        id=review.id,
        ref=ref_of(review),
        why=WHY_NAMES[review.why],
        is_alarming=review.why is not Why.SAMPLE,
        is_about_tutor=review.is_about_tutor,
        class_name=review.class_name,
        whose=whose(review),
        topic=texts.TOPIC_NAMES[review.topic],
        text=texts.clip(without_asker(review, review.text), FIRST),
        at=texts.instant(review.at, now),
        mark=MARK_NAMES[review.mark] if review.mark else "",
        is_passed=review.mark is Mark.PASSED,
        is_returned=review.is_returned,
        decided=decided,
    )


def whose(review: Review) -> str:
    """Who answered, in words."""
    if review.tutor_name:
        return f"{review.tutor_name}老师"
    return SOLVER_NAMES[review.solved_by] if review.solved_by else "没有人答复"


def without_asker(review: Review, text: str) -> str:
    """A hand-off's words with the asker's name masked."""
    name = review.asker_name
    return text.replace(name, masked(name)) if len(name) > 1 else text


async def scope_of(uow: UnitOfWork, reader: session.SignedIn) -> Scope:
    """What this reader may look over."""
    own = reader.supervisor
    return Scope(await units_of(uow, own), own.own_classes, own.person_id)


# -- GET ------------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /review`: what is to be looked over, what was, and the month in numbers."""
    reader = await session.require(request)
    app, word, after = (
        request.app[APP],
        request.query.get("why", ""),
        request.query.get("after", ""),
    )
    why = Why(word) if word in set(Why) else None
    is_number = after.isascii() and after.isdigit() and len(after) < 19
    now = app.clock.now()
    first, last = appraisal.month_of(now.date())
    async with app.database.reading() as uow:
        scope = await scope_of(uow, reader)
        waiting = await uow.reviews.waiting(
            scope, why=why, after=int(after) if is_number else 0, limit=ROWS + 1
        )
        decided = await uow.reviews.decided(scope)
        counts = await uow.reviews.counts(scope, day_bounds(first)[0], day_bounds(last)[1])
        asked = await _asked(uow, [*waiting, *decided], now)
    await session.note(app, reader, "web.reviews_viewed", "review")
    lines = [_with_words(line_of(it, now), it, asked) for it in waiting[:ROWS]]
    more = f"/review?after={lines[-1].id}" if len(waiting) > ROWS else ""
    return page(
        request,
        "review.html",
        reader=reader,
        lines=lines,
        decided=[_with_words(line_of(it, now), it, asked) for it in decided],
        counts=[(WHY_NAMES[it.why], it) for it in counts],
        whys=WHY_NAMES,
        why=why or "",
        more=f"{more}&why={why}" if more and why else more,
        month=f"{first.month} 月",
        percent=app.settings.bot.review_percent,
        bot_percent=app.settings.bot.review_bot_percent,
        is_default="review_percent" not in app.settings.bot.model_fields_set,
        done=DONE.get(request.query.get("done", ""), ""),
    )


async def review_page(request: web.Request) -> web.Response:
    """`GET /review/{id}`."""
    return await _page(request, await session.require(request), {})


async def _page(
    request: web.Request,
    reader: session.SignedIn,
    form: Mapping[str, str],
    *,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    app, review_id = request.app[APP], int(request.match_info["id"])
    now = app.clock.now()
    async with app.database.reading() as uow:
        review = await uow.reviews.get(review_id, await scope_of(uow, reader))
        if review is None:
            # Another unit's, or one's own, is answered as one that never was.
            raise web.HTTPNotFound
        answered = (await _asked(uow, [review], now)).get(review.interaction or 0)
        marks = await uow.cases.marks(review.hand_off) if review.hand_off else []
    await session.note(app, reader, "web.review_viewed", ref_of(review))
    return page(
        request,
        "review_one.html",
        status=status,
        reader=reader,
        review=review,
        line=line_of(review, now),
        entry=answered,
        asked=without_asker(review, review.text),
        answer=without_asker(review, review.answer),
        marks=marks,
        findings=DONE,
        form=form,
        problem=problem,
    )


async def _asked(uow: UnitOfWork, items: Sequence[Review], now: datetime) -> dict[int, Entry]:
    """By ledger row, what was asked and what the bot answered."""
    ids = [it.interaction for it in items if it.interaction is not None]
    if not ids:
        return {}
    rows = await uow.reports.ledger(LedgerFilter(ids=ids), limit=len(ids))
    return {it.id: it for it in await entries(uow, rows, now)}


def _with_words(line: Line, review: Review, asked: Mapping[int, Entry]) -> Line:
    found = asked.get(review.interaction or 0)
    return line if found is None else replace(line, text=texts.clip(found.text, FIRST))


# -- POST -----------------------------------------------------------------------------------------


async def decide(request: web.Request) -> web.Response:
    """`POST /review/{id}`: right, wrong, or wrong and back to the tutor; once."""
    reader, form = await session.posted(request)
    app, review_id = request.app[APP], int(request.match_info["id"])
    now, word = app.clock.now(), form.get("finding", "")
    comment = "\n".join(
        line for raw in form.get("comment", "").splitlines() if (line := plain(raw, MOST_WORDS))
    )[:MOST_WORDS]
    target = ""
    try:
        async with app.database.unit_of_work() as uow:
            review = await uow.reviews.get(review_id, await scope_of(uow, reader))
            if review is None or word not in FINDINGS:
                raise web.HTTPNotFound
            target = ref_of(review)
            cards = await reviews.decide(
                uow,
                review,
                replace(FINDINGS[word], comment=comment),
                by=f"supervisor:{reader.supervisor.username}",
                by_name=reader.supervisor.name,
                now=now,
            )
            for card in cards:
                signed = texts.signed(app.settings.bot.name, card.text)
                uow.outbox.add(replace(card, text=signed), now=now)
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action=f"review.{word}",
                target=target,
                detail=f"review:{review_id}",
            )
    except UserError as refusal:
        await session.note(app, reader, "review.refused", target)
        return await _page(request, reader, form, problem=refusal.sentence, status=409)
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/review?done={word}")
