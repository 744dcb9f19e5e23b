"""Marks: who asked says how it went, 1 to 5, by a digit in the chat where it was closed."""

import json
from datetime import datetime, timedelta

from storage.prompts import Prompt
from storage.questions import HandOff
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Conversation

MARK = "mark"
MARK_LASTS = timedelta(hours=48)
DIGITS = frozenset("12345")


async def ask_for_mark(uow: UnitOfWork, item: HandOff, place: Conversation, now: datetime) -> None:
    """
    A digit of the asker's in `place` is the mark of this closure, for 48 hours.

    `item` as it was when it was closed; `place` is where the asker is told, with
    `texts.mark_invited`. A choice the asker has yet to make there goes first.
    """
    detail = json.dumps({"number": item.number, "closure": item.reopened})
    prompt = Prompt(MARK, detail, now + MARK_LASTS)
    await uow.prompts.put_beneath(place, item.asker_id, prompt, now)
