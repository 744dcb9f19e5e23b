"""What the bot learns from people: suggested entries, what nobody could answer, what helped."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Row, func, insert, select, true, update

from storage.models.hand_offs import hand_offs
from storage.models.learning import feedback, suggestions
from storage.models.people import classes, enrolments, persons, units
from storage.models.queues import inbound_events
from storage.models.record import interactions
from storage.models.supervisors import supervisors
from storage.questions import Category, SolvedBy
from storage.vocabulary import (
    Action,
    Conversation,
    Label,
    Message,
    Platform,
    Topic,
)

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A page looks at so many questions; the older ones say nothing new.
MOST_QUESTIONS = 5000


class Standing(StrEnum):
    """Where a suggestion stands."""

    WAITING = "waiting"
    PUBLISHED = "published"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    An entry somebody would like to see published.

    `draft` is the entry as a table row, by column. `given_answer` and `given_source` are whose
    words it began with. `tell` is where its maker is told what became of it.
    """

    id: int
    standing: Standing
    version: int
    tried: int
    class_id: int
    class_name: str
    unit_id: int | None
    hand_off: int | None
    draft: Mapping[str, str]
    given_answer: str
    given_source: str
    made_by: str
    made_at: datetime
    tell: Conversation | None
    decided_by: str
    decided_at: datetime | None
    reason: str

    @property
    def key(self) -> str:
        """Its entry's key, once it is one."""
        return f"learnt.s{self.id}"

    @property
    def is_tried(self) -> bool:
        """Whether past questions were put to just these words."""
        return self.tried == self.version


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question the bot left to people, as it was stored; `answer` only from staff."""

    number: int
    class_id: int
    class_name: str
    asker_name: str
    text: str
    topic: Topic
    asked_at: datetime
    is_waiting: bool
    answer: str
    answered_by: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the past, and whether it was put to the bot itself."""

    class_id: int
    class_name: str
    text: str
    is_addressed: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer the bot gave from an entry: to which message, of whom, in which class."""

    event_id: int
    entry: str
    platform: Platform
    speaker_id: str
    class_id: int
    topic: Topic


@dataclass(frozen=True, slots=True)
class Votes:
    """How often an entry's answer was called useful, and useless."""

    useful: int = 0
    useless: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody may publish: units by id, with the one above each, and names of classes."""

    units: Mapping[int, tuple[str, int | None]]
    class_names: Collection[str]

    def chain(self, unit_id: int | None) -> list[int]:
        """The unit and those above it, nearest first."""
        found: list[int] = []
        while unit_id is not None and unit_id in self.units and unit_id not in found:
            found.append(unit_id)
            unit_id = self.units[unit_id][1]
        return found


@dataclass(frozen=True, slots=True)
class Voted:
    """A question a student asked, the entry that answered it, and whether that helped."""

    class_id: int
    text: str
    entry: str
    is_useful: bool


class Learning:
    """Suggestions, unanswered questions, feedback. `unit_ids` None means every unit."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- suggestions ------------------------------------------------------------------------------

    async def add(
        self,
        *,
        class_id: int,
        hand_off: int | None,
        draft: Mapping[str, str],
        given_answer: str,
        source: str,
        made_by: str,
        tell: Conversation | None,
        now: datetime,
    ) -> int:
        """A new suggestion that waits; its id. One hand-off has one that waits or is published."""
        result = await self._uow.write(
            insert(suggestions)
            .values(
                standing=Standing.WAITING,
                version=1,
                tried=0,
                class_id=class_id,
                hand_off=hand_off,
                draft=json.dumps(dict(draft), ensure_ascii=False),
                given_answer=given_answer,
                given_source=source,
                made_by=made_by,
                made_at=now,
                tell=None if tell is None else msgspec.json.encode(tell).decode(),
                reason="",
            )
            .returning(suggestions.c.id)
        )
        return int(result.scalar_one())

    async def get(self, suggestion_id: int) -> Suggestion | None:
        """One suggestion, whatever became of it."""
        found = await self._suggestions(suggestions.c.id == suggestion_id, 1)
        return found[0] if found else None

    async def of_hand_off(self, number: int) -> Suggestion | None:
        """What was suggested from T-`number` and was not rejected."""
        condition = (suggestions.c.hand_off == number) & (
            suggestions.c.standing != Standing.REJECTED
        )
        found = await self._suggestions(condition, 1)
        return found[0] if found else None

    async def suggested_from(self, numbers: Collection[int]) -> dict[int, int]:
        """By hand-off, the suggestion made from it that was not rejected."""
        statement = select(suggestions.c.hand_off, suggestions.c.id).where(
            suggestions.c.hand_off.in_(numbers), suggestions.c.standing != Standing.REJECTED
        )
        return {row.hand_off: row.id for row in await self._uow.read(statement)}

    async def waiting(
        self, unit_ids: Collection[int] | None, *, limit: int = 100
    ) -> list[Suggestion]:
        """What waits for a decision, oldest first."""
        here = true() if unit_ids is None else classes.c.unit_id.in_(unit_ids)
        return await self._suggestions((suggestions.c.standing == Standing.WAITING) & here, limit)

    async def decided(
        self, unit_ids: Collection[int] | None, *, limit: int = 10
    ) -> list[Suggestion]:
        """What was decided last, newest first."""
        here = true() if unit_ids is None else classes.c.unit_id.in_(unit_ids)
        return await self._suggestions(
            (suggestions.c.standing != Standing.WAITING) & here, limit, newest_first=True
        )

    async def _suggestions(
        self, condition: Any, limit: int, *, newest_first: bool = False
    ) -> list[Suggestion]:
        order = suggestions.c.decided_at.desc() if newest_first else suggestions.c.id
        statement = (
            select(
                suggestions,
                classes.c.name.label("class_name"),
                classes.c.unit_id,
                supervisors.c.name.label("decider"),
            )
            .join(classes, classes.c.id == suggestions.c.class_id)
            .outerjoin(supervisors, supervisors.c.id == suggestions.c.decided_by)
            .outerjoin(hand_offs, hand_offs.c.number == suggestions.c.hand_off)
            # What turned out to be a complaint about the tutor is nobody's to make an entry of.
            .where(condition, hand_offs.c.is_about_tutor.is_not(True))
            .order_by(order)
            .limit(limit)
        )
        return [_suggestion(row) for row in await self._uow.read(statement)]

    async def save(self, suggestion_id: int, version: int, draft: Mapping[str, str]) -> bool:
        """New words for what waits; False where somebody else was there since `version`."""
        return await self._change(
            suggestion_id,
            version,
            version=version + 1,
            draft=json.dumps(dict(draft), ensure_ascii=False),
        )

    async def mark_tried(self, suggestion_id: int, version: int) -> bool:
        """Past questions were put to these words."""
        return await self._change(suggestion_id, version, tried=version)

    async def decide(
        self,
        suggestion_id: int,
        version: int,
        standing: Standing,
        *,
        by: int,
        at: datetime,
        reason: str = "",
    ) -> bool:
        """Publish or reject, once; False where somebody else was faster or changed the words."""
        return await self._change(
            suggestion_id,
            version,
            standing=standing,
            decided_by=by,
            decided_at=at,
            reason=reason,
        )

    async def _change(self, suggestion_id: int, seen: int, **values: Any) -> bool:
        result = await self._uow.write(
            update(suggestions)
            .where(
                suggestions.c.id == suggestion_id,
                suggestions.c.standing == Standing.WAITING,
                suggestions.c.version == seen,
            )
            .values(**values)
        )
        return result.rowcount == 1

    async def one_at_a_time(self) -> None:
        """Until the end of the transaction nobody else decides on a suggestion.

        What is published must be compared with all that is; SQLite has one writer anyway.
        """
        statement = (
            select(suggestions.c.id)
            .where(suggestions.c.standing == Standing.WAITING)
            .order_by(suggestions.c.id)
            .with_for_update()
        )
        await self._uow.read(statement)

    async def place(self, unit_ids: Collection[int] | None) -> Place:
        """The units with their order, all of them, and the names of the classes of `unit_ids`."""
        all_units = {
            row.id: (row.name, row.parent_id) for row in await self._uow.read(select(units))
        }
        here = true() if unit_ids is None else classes.c.unit_id.in_(unit_ids)
        names = await self._uow.read(select(classes.c.name).where(here))
        return Place(all_units, frozenset(names.scalars()))

    # -- questions --------------------------------------------------------------------------------

    async def unanswered(
        self,
        since: datetime,
        *,
        unit_ids: Collection[int] | None = None,
        class_ids: Collection[int] | None = None,
        limit: int = MOST_QUESTIONS,
    ) -> list[Unanswered]:
        """Questions left to people, newest first; complaints, requests, cries for help are none."""
        here = hand_offs.c.asked_at >= since
        if unit_ids is not None:
            here &= classes.c.unit_id.in_(unit_ids)
        if class_ids is not None:
            here &= hand_offs.c.class_id.in_(class_ids)
        return await self._unanswered(here, limit)

    async def question(
        self, number: int, unit_ids: Collection[int] | None = None
    ) -> Unanswered | None:
        """T-`number`, if it is a question and of these units."""
        here = hand_offs.c.number == number
        if unit_ids is not None:
            here &= classes.c.unit_id.in_(unit_ids)
        found = await self._unanswered(here, 1)
        return found[0] if found else None

    async def _unanswered(self, condition: Any, limit: int) -> list[Unanswered]:
        statement = (
            select(
                hand_offs.c.number,
                hand_offs.c.class_id,
                classes.c.name.label("class_name"),
                hand_offs.c.asker_name,
                hand_offs.c.text,
                hand_offs.c.topic,
                hand_offs.c.asked_at,
                hand_offs.c.closed_at,
                hand_offs.c.answer,
                hand_offs.c.solved_by,
                persons.c.name.label("answered_by"),
            )
            .join(classes, classes.c.id == hand_offs.c.class_id)
            .outerjoin(persons, persons.c.id == hand_offs.c.closed_by)
            .where(
                hand_offs.c.kind == Label.QUESTION,
                hand_offs.c.category == Category.INQUIRY,
                hand_offs.c.is_about_tutor.is_(False),
                condition,
            )
            .order_by(hand_offs.c.asked_at.desc(), hand_offs.c.number.desc())
            .limit(limit)
        )
        return [_unanswered(row) for row in await self._uow.read(statement)]

    async def asked(
        self,
        since: datetime,
        *,
        unit_ids: Collection[int] | None = None,
        limit: int = MOST_QUESTIONS,
    ) -> list[Asked]:
        """Questions of students as far back as their words are kept, newest first."""
        here = [interactions.c.at >= since]
        if unit_ids is not None:
            here.append(classes.c.unit_id.in_(unit_ids))
        statement = (
            select(interactions.c.class_id, classes.c.name, inbound_events.c.payload)
            .join(classes, classes.c.id == interactions.c.class_id)
            .join(inbound_events, inbound_events.c.id == interactions.c.event_id)
            .where(
                interactions.c.kind == "question",
                interactions.c.is_about_tutor.is_(False),
                inbound_events.c.kind == "message",
                *here,
            )
            .order_by(interactions.c.id.desc())
            .limit(limit)
        )
        found: list[Asked] = []
        for class_id, class_name, payload in await self._uow.read(statement):
            message = msgspec.json.decode(payload, type=Message)
            is_addressed = message.mentions_bot or message.conversation.kind == "private"
            found.append(Asked(class_id, class_name, message.text, is_addressed))
        return found

    async def names_in(self, class_ids: Collection[int]) -> set[str]:
        """The names of the students of some classes."""
        statement = (
            select(persons.c.name)
            .join(enrolments, enrolments.c.person_id == persons.c.id)
            .where(enrolments.c.class_id.in_(class_ids))
        )
        return set((await self._uow.read(statement)).scalars())

    # -- what helped ------------------------------------------------------------------------------

    async def answered(self, event_id: int) -> Answered | None:
        """The answer the bot gave to a message from an entry, the last of several, if it did."""
        statement = (
            select(interactions)
            .where(
                interactions.c.event_id == event_id,
                interactions.c.solved_by == SolvedBy.BOT,
                interactions.c.entry.is_not(None),
            )
            .order_by(interactions.c.id.desc())
            .limit(1)
        )
        row = (await self._uow.read(statement)).first()
        if row is None:
            return None
        return Answered(
            row.event_id,
            row.entry,
            Platform(row.platform),
            row.speaker_id,
            row.class_id,
            Topic(row.topic),
        )

    async def last_answered(
        self, platform: Platform, speaker_id: str, since: datetime
    ) -> Answered | None:
        """The answer to the last thing on record somebody said, if it was from an entry."""
        statement = (
            select(interactions.c.event_id)
            .where(
                interactions.c.platform == platform,
                interactions.c.speaker_id == speaker_id,
                interactions.c.at >= since,
            )
            .order_by(interactions.c.id.desc())
            .limit(1)
        )
        event_id = (await self._uow.read(statement)).scalar()
        return None if event_id is None else await self.answered(event_id)

    async def asked_back_before(self, answer: Answered, since: datetime) -> int | None:
        """The question behind a choice: the event the bot had asked the same person back on."""
        statement = (
            select(interactions.c.event_id)
            .where(
                interactions.c.platform == answer.platform,
                interactions.c.speaker_id == answer.speaker_id,
                interactions.c.action == Action.ASK_BACK,
                interactions.c.event_id < answer.event_id,
                interactions.c.at >= since,
            )
            .order_by(interactions.c.id.desc())
            .limit(1)
        )
        event_id: int | None = (await self._uow.read(statement)).scalar()
        return event_id

    async def has_voted(self, asked_event_id: int, platform: Platform, speaker_id: str) -> bool:
        """Whether somebody has said what they think of an answer."""
        statement = select(feedback.c.id).where(
            feedback.c.asked_event_id == asked_event_id,
            feedback.c.platform == platform,
            feedback.c.speaker_id == speaker_id,
        )
        return (await self._uow.read(statement)).first() is not None

    async def vote(
        self, answer: Answered, *, event_id: int, speaker_id: str, is_useful: bool, now: datetime
    ) -> None:
        """What somebody thinks of an answer; only ever added to."""
        await self._uow.write(
            insert(feedback).values(
                at=now,
                event_id=event_id,
                asked_event_id=answer.event_id,
                entry=answer.entry,
                class_id=answer.class_id,
                platform=answer.platform,
                speaker_id=speaker_id,
                is_useful=is_useful,
            )
        )

    async def voted(
        self,
        since: datetime,
        *,
        unit_ids: Collection[int] | None = None,
        limit: int = MOST_QUESTIONS,
    ) -> list[Voted]:
        """Questions whose answer students judged, as far as their words are kept, newest first."""
        here = [feedback.c.at >= since]
        if unit_ids is not None:
            here.append(classes.c.unit_id.in_(unit_ids))
        statement = (
            select(
                feedback.c.class_id,
                feedback.c.entry,
                feedback.c.is_useful,
                inbound_events.c.payload,
            )
            .join(classes, classes.c.id == feedback.c.class_id)
            .join(inbound_events, inbound_events.c.id == feedback.c.asked_event_id)
            .where(inbound_events.c.kind == "message", *here)
            .order_by(feedback.c.id.desc())
            .limit(limit)
        )
        return [
            Voted(
                row.class_id,
                msgspec.json.decode(row.payload, type=Message).text,
                row.entry,
                row.is_useful,
            )
            for row in await self._uow.read(statement)
        ]

    async def votes(self, unit_ids: Collection[int] | None = None) -> dict[str, Votes]:
        """By entry, what the students of these units thought of it."""
        here = true() if unit_ids is None else classes.c.unit_id.in_(unit_ids)
        statement = (
            select(feedback.c.entry, feedback.c.is_useful, func.count())
            .join(classes, classes.c.id == feedback.c.class_id)
            .where(here)
            .group_by(feedback.c.entry, feedback.c.is_useful)
        )
        counts = {(entry, useful): n for entry, useful, n in await self._uow.read(statement)}
        return {
            entry: Votes(counts.get((entry, True), 0), counts.get((entry, False), 0))
            for entry, _ in counts
        }


def _suggestion(row: Row[*tuple[Any, ...]]) -> Suggestion:
    return Suggestion(
        id=row.id,
        standing=Standing(row.standing),
        version=row.version,
        tried=row.tried,
        class_id=row.class_id,
        class_name=row.class_name,
        unit_id=row.unit_id,
        hand_off=row.hand_off,
        draft=json.loads(row.draft),
        given_answer=row.given_answer,
        given_source=row.given_source,
        made_by=row.made_by,
        made_at=row.made_at,
        tell=None if row.tell is None else msgspec.json.decode(row.tell, type=Conversation),
        decided_by=row.decider or "",
        decided_at=row.decided_at,
        reason=row.reason,
    )


def _unanswered(row: Row[*tuple[Any, ...]]) -> Unanswered:
    is_staffs = row.solved_by in (SolvedBy.TUTOR, SolvedBy.SUPERVISOR)
    return Unanswered(
        number=row.number,
        class_id=row.class_id,
        class_name=row.class_name,
        asker_name=row.asker_name,
        text=row.text,
        topic=Topic(row.topic),
        asked_at=row.asked_at,
        is_waiting=row.closed_at is None,
        answer=row.answer or "" if is_staffs else "",
        answered_by=row.answered_by or "" if is_staffs else "",
        answered_at=row.closed_at if is_staffs else None,
    )
