"""The ledger (台账): one row per interaction, only ever added to.

It holds no words: those stay with the stored message (`event_id`) and our replies to it, where a
recall or an erasure can reach them without touching the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, select
from sqlalchemy.exc import IntegrityError

from storage.models.record import interactions
from storage.questions import SolvedBy
from storage.vocabulary import Action, Platform, Topic

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


class Kind(StrEnum):
    """What sort of interaction a row records."""

    QUESTION = "question"
    COMPLAINT = "complaint"
    REQUEST = "request"
    SUGGESTION = "suggestion"
    PERSONAL = "personal"  # what is kept about somebody is to be corrected or to go
    ADDITION = "addition"  # more about what has a number already
    DISTRESS = "distress"
    PRIVACY = "privacy"
    MANNERS = "manners"
    REFUSAL = "refusal"
    REPLY = "reply"  # a person's answer to what was handed over
    NOTICE = "notice"
    COMMAND = "command"
    UPDATE = "update"  # a person tells the asker how it stands
    FORWARD = "forward"  # passed on to a department
    REMINDER = "reminder"
    RECEIPT = "receipt"  # 「收到」, or that something was done
    SUBMISSION = "submission"  # a file handed in
    ORIENTATION = "orientation"  # 入学教育
    CLASS_LIFE = "class_life"  # committee, study groups, activities
    FLOOD = "flood"  # written faster than anybody reads: kept, not answered


@dataclass(frozen=True, slots=True)
class Record:
    """
    What goes on the tutor's record. `first_reply_seconds` counts from the student's message.

    `class_id`, `person_id` and `tutor_id` are given where they are not the speaker's own: a tutor
    answers in private what a student asked in a group. The rows of one message that answers
    several are one reply.
    """

    kind: Kind
    action: Action
    topic: Topic = Topic.NONE
    article: str = ""
    solved_by: SolvedBy | None = None
    first_reply_seconds: float | None = None
    hand_off: int | None = None
    entry: str = ""
    is_about_tutor: bool = False
    class_id: int | None = None
    person_id: int | None = None
    tutor_id: int | None = None
    task: int | None = None


class Interactions:
    """The ledger, to write to; `Reports` reads it."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def correct(self, row_id: int, *, topic: Topic, article: str) -> bool:
        """
        A new row in place of one that says the wrong topic; the old one stays, pointed at.

        False where there is no such row, or it was corrected before: then correct its correction.
        """
        is_free = ~exists().where(interactions.c.corrects == row_id)
        statement = select(interactions).where(interactions.c.id == row_id, is_free)
        old = (await self._uow.read(statement)).mappings().first()
        if old is None:
            return False
        row = {name: value for name, value in old.items() if name != "id"}
        row |= {"key": f"correction:{row_id}", "topic": topic, "article": article}
        row |= {"corrects": row_id}
        try:
            async with self._uow.connection.begin_nested():
                await self._uow.write(insert(interactions).values(**row))
        except IntegrityError:
            # Somebody else, at the same moment.
            return False
        return True

    def add(
        self,
        record: Record,
        *,
        key: str,
        at: datetime,
        class_id: int,
        tutor_id: int | None,
        person_id: int | None,
        platform: Platform,
        speaker_id: str,
        event_id: int | None,
        message_id: str,
    ) -> None:
        """One row; `key` makes writing it twice impossible."""
        self._uow.add(
            interactions,
            {
                "key": key,
                "at": at,
                "class_id": class_id,
                "tutor_id": tutor_id,
                "person_id": person_id,
                "platform": platform,
                "speaker_id": speaker_id,
                "kind": record.kind,
                "topic": record.topic,
                "article": record.article,
                "action": record.action,
                "solved_by": record.solved_by,
                "first_reply_seconds": record.first_reply_seconds,
                "hand_off": record.hand_off,
                "entry": record.entry or None,
                "event_id": event_id,
                "message_id": message_id,
                "is_about_tutor": record.is_about_tutor,
                "task": record.task,
            },
        )
