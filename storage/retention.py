"""How long each class of what is kept is kept; what is still being worked on stays, always."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, or_, update

from storage import queue
from storage.erasure import GONE
from storage.models.hand_offs import hand_off_steps, hand_offs
from storage.models.queues import outbox
from storage.models.record import interactions
from storage.questions import Category
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Label

#: What was said to the bot and what it answered, and the words of questions that are closed.
TEXTS_KEPT: Final = timedelta(days=180)
#: What somebody in distress wrote, once it is closed.
DISTRESS_KEPT: Final = timedelta(days=90)
#: Complaints, requests and suggestions, once they are closed.
CASES_KEPT: Final = timedelta(days=3 * 365)
#: For so long the record says which account it was; the rows themselves, without words, stay.
IDENTITY_KEPT: Final = timedelta(days=3 * 365)
_FORGOTTEN: Final = "erased:0"


async def apply(uow: UnitOfWork, now: datetime) -> Mapping[str, int]:
    """
    Forget what is past its time; how many rows of each class that was.

    Legal hold wins: nothing of a case that is open, or was opened again, is touched.
    """
    is_distress = hand_offs.c.kind == Label.DISTRESS
    is_question = hand_offs.c.category == Category.INQUIRY
    due = {
        "distress": is_distress & (hand_offs.c.closed_at < now - DISTRESS_KEPT),
        "questions": is_question & ~is_distress & (hand_offs.c.closed_at < now - TEXTS_KEPT),
        "cases": ~is_question & ~is_distress & (hand_offs.c.closed_at < now - CASES_KEPT),
    }
    done = {name: await _forget_words(uow, condition) for name, condition in due.items()}
    sent = await uow.write(
        delete(outbox).where(outbox.c.created_at < now - TEXTS_KEPT, outbox.c.state == queue.DONE)
    )
    unnamed = await uow.write(
        update(interactions)
        .where(interactions.c.at < now - IDENTITY_KEPT, ~interactions.c.speaker_id.like("erased:%"))
        .values(speaker_id=_FORGOTTEN)
    )
    return {**done, "sent": sent.rowcount, "identities": unnamed.rowcount}


async def _forget_words(uow: UnitOfWork, is_due: ColumnElement[bool]) -> int:
    """The words of closed hand-offs and of their history; when, what kind and how it ended stay."""
    found = await uow.write(
        update(hand_offs)
        .where(
            is_due,
            hand_offs.c.closed_at.is_not(None),
            or_(hand_offs.c.text != GONE, hand_offs.c.asker_name != GONE),
        )
        .values(text=GONE, asker_name=GONE, answer=None, wants=None, verdict_reason=None)
        .returning(hand_offs.c.number)
    )
    numbers = list(found.scalars())
    await uow.write(
        update(hand_off_steps).where(hand_off_steps.c.hand_off.in_(numbers)).values(text=GONE)
    )
    return len(numbers)
