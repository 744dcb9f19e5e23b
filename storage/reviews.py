"""What supervisors look over: a sample drawn by lot, whatever students were unhappy with, every
complaint. One row a thing and a reason; decided once.

Cries for help are never here: who reads those answers for having opened them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, insert, or_, select, update

from storage.interactions import Kind
from storage.models.hand_offs import counters, hand_offs, ratings
from storage.models.learning import feedback
from storage.models.people import classes, persons
from storage.models.record import interactions
from storage.models.reviews import reviews
from storage.questions import Category, SolvedBy
from storage.vocabulary import Label, Topic

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: What comes to light later than this (messages fetched after an outage) is looked over no more.
LOOKS_BACK = timedelta(days=7)
#: Ledger rows are looked through from the newest backwards, so many at a time.
_NEWEST = 20_000
LOW_MARK = 2
_SALT = "review_salt"
_PARTS = 10_000


class Why(StrEnum):
    """Why something is looked over."""

    SAMPLE = "sample"  # 抽检
    LOW_MARK = "low_mark"  # 评 1 或 2 分
    USELESS = "useless"  # 「没用」
    COMPLAINT = "complaint"  # 投诉


class Mark(StrEnum):
    """What the supervisor found."""

    PASSED = "passed"  # 合格
    FAILED = "failed"  # 不合格


@dataclass(frozen=True, slots=True)
class Scope:
    """
    Whose items a reader may look over: those of `unit_ids` (None: all), but nothing of the classes
    they teach, or taught, and nothing they have answered themselves.
    """

    unit_ids: Collection[int] | None
    own_classes: Collection[int] = ()
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One thing in the queue. `text` and `answer` are a hand-off's, the bot's are in the ledger."""

    id: int
    why: Why
    is_sampled: bool
    at: datetime
    class_id: int
    class_name: str
    tutor_id: int | None
    tutor_name: str
    hand_off: int | None
    interaction: int | None
    topic: Topic
    category: Category
    is_about_tutor: bool
    asker_name: str
    text: str
    answer: str
    solved_by: SolvedBy | None
    mark: Mark | None
    comment: str
    is_returned: bool
    decided_name: str
    decided_at: datetime | None

    @property
    def may_return(self) -> bool:
        """Whether it can go back to the tutor: their own answer, and never a complaint of them."""
        return self.tutor_id is not None and not self.is_about_tutor


@dataclass(frozen=True, slots=True)
class Count:
    """Of one reason in a span: how many came in, were looked at, and were right."""

    why: Why
    came: int
    decided: int
    passed: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A tutor's answer drawn by lot and decided on."""

    hand_off: int
    class_id: int
    tutor_id: int
    is_passed: bool


def is_drawn(salt: int, ref: str, percent: float) -> bool:
    """Whether the lot falls on 「T-12」 or 「L-81」; for the same salt always alike."""
    drawn = int.from_bytes(blake2b(f"{salt}:{ref}".encode(), digest_size=8).digest())
    return drawn % _PARTS < percent * _PARTS / 100


class Reviews:
    """The review queue."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- into the queue ---------------------------------------------------------------------------

    async def collect(self, now: datetime, *, percent: float, bot_percent: float) -> int:
        """Whatever is to be looked over and is not in the queue yet; how many. Twice adds none."""
        salt = await self._salt()
        since = now - LOOKS_BACK
        found = [
            *await self._closed(since, salt, percent),
            *await self._low_marks(since),
            *await self._useless(since),
            *await self._bots(since, salt, bot_percent),
        ]
        rows = {(row["hand_off"], row["interaction"], row["why"]): row for row in found}
        if rows:
            blank = {"at": now, "comment": "", "is_returned": False}
            await self._uow.write(insert(reviews), [row | blank for row in rows.values()])
        return len(rows)

    async def _salt(self) -> int:
        """Drawn once; the lock lets one instance at a time fill the queue."""
        statement = select(counters.c.value).where(counters.c.name == _SALT).with_for_update()
        salt: int = (await self._uow.read(statement)).scalar_one()
        if salt == 0:
            salt = secrets.randbits(62) | 1
            await self._uow.write(
                update(counters).where(counters.c.name == _SALT).values(value=salt)
            )
        return salt

    async def _closed(self, since: datetime, salt: int, percent: float) -> Iterable[dict[str, Any]]:
        in_queue = exists().where(
            reviews.c.hand_off == hand_offs.c.number,
            reviews.c.why.in_([Why.SAMPLE, Why.COMPLAINT]),
        )
        statement = select(*_OF_HAND_OFF).where(
            hand_offs.c.closed_at >= since, hand_offs.c.kind != Label.DISTRESS, ~in_queue
        )
        rows = []
        for row in await self._uow.read(statement):
            drawn = is_drawn(salt, f"T-{row.number}", percent)
            is_complaint = row.kind == Label.COMPLAINT or row.category == Category.COMPLAINT
            if is_complaint or (drawn and row.solved_by is not None):
                why = Why.COMPLAINT if is_complaint else Why.SAMPLE
                rows.append(_of_hand_off(row, why, is_sampled=drawn))
        return rows

    async def _low_marks(self, since: datetime) -> Iterable[dict[str, Any]]:
        # What waits to be looked at shows the mark there.
        in_queue = exists().where(
            reviews.c.hand_off == hand_offs.c.number,
            or_(reviews.c.why == Why.LOW_MARK, reviews.c.mark.is_(None)),
        )
        statement = (
            select(*_OF_HAND_OFF)
            .join(ratings, ratings.c.hand_off == hand_offs.c.number)
            .where(
                ratings.c.at >= since,
                ratings.c.mark <= LOW_MARK,
                hand_offs.c.kind != Label.DISTRESS,
                ~in_queue,
            )
        )
        return [
            _of_hand_off(row, Why.LOW_MARK, is_sampled=False)
            for row in await self._uow.read(statement)
        ]

    async def _useless(self, since: datetime) -> Iterable[dict[str, Any]]:
        statement = select(feedback.c.asked_event_id).where(
            feedback.c.at >= since, feedback.c.is_useful.is_(False)
        )
        events = set((await self._uow.read(statement)).scalars())
        if not events:
            return []
        # A message's rows are known by their keys, which are indexed.
        keys = [f"event:{event}{end}" for event in events for end in ("", ":2", ":3")]
        return [
            _of_answer(row, Why.USELESS, is_sampled=False)
            for row in await self._answers(interactions.c.key.in_(keys), [Why.USELESS])
        ]

    async def _bots(self, since: datetime, salt: int, percent: float) -> Iterable[dict[str, Any]]:
        newest = (await self._uow.read(select(func.max(interactions.c.id)))).scalar() or 0
        lately = and_(interactions.c.id > newest - _NEWEST, interactions.c.at >= since)
        return [
            _of_answer(row, Why.SAMPLE, is_sampled=True)
            for row in await self._answers(lately, [Why.SAMPLE])
            if is_drawn(salt, f"L-{row.id}", percent)
        ]

    async def _answers(
        self, condition: ColumnElement[bool], whys: Collection[Why]
    ) -> list[Row[*tuple[Any, ...]]]:
        in_queue = exists().where(
            reviews.c.interaction == interactions.c.id, reviews.c.why.in_(whys)
        )
        statement = select(interactions.c.id, interactions.c.class_id).where(
            condition,
            interactions.c.kind == Kind.QUESTION,
            interactions.c.solved_by == SolvedBy.BOT,
            interactions.c.entry.is_not(None),
            interactions.c.corrects.is_(None),
            ~in_queue,
        )
        return list(await self._uow.read(statement))

    # -- the queue --------------------------------------------------------------------------------

    async def waiting(
        self, scope: Scope, *, why: Why | None = None, after: int = 0, limit: int = 50
    ) -> list[Review]:
        """What is to be looked at, oldest first."""
        wanted = [reviews.c.mark.is_(None), reviews.c.id > after, _may_see(scope)]
        if why is not None:
            wanted.append(reviews.c.why == why)
        return await self._reviews(and_(*wanted), reviews.c.id, limit)

    async def decided(self, scope: Scope, *, limit: int = 20) -> list[Review]:
        """What was looked at last, newest first."""
        condition = and_(reviews.c.decided_at.is_not(None), _may_see(scope))
        return await self._reviews(condition, reviews.c.decided_at.desc(), limit)

    async def get(self, review_id: int, scope: Scope) -> Review | None:
        """One of them; None where there is none, or none for this reader."""
        found = await self._reviews(
            and_(reviews.c.id == review_id, _may_see(scope)), reviews.c.id, 1
        )
        return found[0] if found else None

    async def about(
        self, scope: Scope, *, interaction: int, hand_off: int | None = None
    ) -> list[Review]:
        """Every review of a row of the ledger or of what it was handed over as."""
        condition = reviews.c.interaction == interaction
        if hand_off is not None:
            condition = or_(condition, reviews.c.hand_off == hand_off)
        return await self._reviews(and_(condition, _may_see(scope)), reviews.c.id, 10)

    async def _reviews(self, condition: Any, order: Any, limit: int) -> list[Review]:
        tutor = persons.alias("tutor")
        statement = (
            select(
                reviews,
                classes.c.name.label("class_name"),
                tutor.c.name.label("tutor_name"),
                func.coalesce(hand_offs.c.topic, interactions.c.topic).label("topic"),
                hand_offs.c.category,
                hand_offs.c.is_about_tutor,
                hand_offs.c.asker_name,
                hand_offs.c.text,
                hand_offs.c.answer,
                func.coalesce(hand_offs.c.solved_by, interactions.c.solved_by).label("solved_by"),
            )
            .join(classes, classes.c.id == reviews.c.class_id)
            .outerjoin(tutor, tutor.c.id == reviews.c.tutor_id)
            .outerjoin(hand_offs, hand_offs.c.number == reviews.c.hand_off)
            .outerjoin(interactions, interactions.c.id == reviews.c.interaction)
            .where(condition)
            .order_by(order)
            .limit(limit)
        )
        return [_review(row) for row in await self._uow.read(statement)]

    async def decide(
        self,
        review_id: int,
        mark: Mark,
        *,
        comment: str,
        is_returned: bool,
        by: str,
        name: str,
        at: datetime,
    ) -> bool:
        """The mark, once; False where somebody was faster."""
        done = await self._uow.write(
            update(reviews)
            .where(reviews.c.id == review_id, reviews.c.mark.is_(None))
            .values(
                mark=mark,
                comment=comment,
                is_returned=is_returned,
                decided_by=by,
                decided_name=name,
                decided_at=at,
            )
        )
        return done.rowcount == 1

    # -- figures ----------------------------------------------------------------------------------

    async def counts(self, scope: Scope, since: datetime, until: datetime) -> list[Count]:
        """What came into the queue in a span, by reason, and what became of it."""
        statement = (
            select(
                reviews.c.why,
                func.count(),
                func.count(reviews.c.mark),
                func.count().filter(reviews.c.mark == Mark.PASSED),
            )
            .join(classes, classes.c.id == reviews.c.class_id)
            .where(reviews.c.at >= since, reviews.c.at < until, _may_see(scope))
            .group_by(reviews.c.why)
        )
        found = {row[0]: row for row in await self._uow.read(statement)}
        return [Count(why, *(tuple(found[why])[1:] if why in found else (0, 0, 0))) for why in Why]

    async def about_tutors(self, class_ids: Collection[int]) -> set[int]:
        """The numbers of what is about the tutor of one of these classes."""
        statement = select(hand_offs.c.number).where(
            hand_offs.c.class_id.in_(class_ids), hand_offs.c.is_about_tutor
        )
        return set((await self._uow.read(statement)).scalars())

    async def passed(self, tutor_id: int, since: datetime, until: datetime) -> tuple[int, int]:
        """
        Of a tutor's own answers drawn by lot: how many were decided on in the span, how many right.

        What is here only because a student was unhappy with it is not counted: it would be no
        sample.
        """
        statement = select(func.count(), func.count().filter(reviews.c.mark == Mark.PASSED)).where(
            reviews.c.tutor_id == tutor_id,
            reviews.c.is_sampled,
            reviews.c.decided_at >= since,
            reviews.c.decided_at < until,
        )
        sampled, passed = (await self._uow.read(statement)).one()
        return int(sampled), int(passed)

    async def checked(self, since: datetime, until: datetime) -> list[Checked]:
        """The same, row by row, of all tutors, by number: the lot's own order means nothing."""
        statement = (
            select(reviews)
            .where(
                reviews.c.decided_at >= since,
                reviews.c.decided_at < until,
                reviews.c.is_sampled,
                reviews.c.tutor_id.is_not(None),
                reviews.c.hand_off.is_not(None),
            )
            .order_by(reviews.c.hand_off, reviews.c.id)
        )
        return [
            Checked(row.hand_off, row.class_id, row.tutor_id, row.mark == Mark.PASSED)
            for row in await self._uow.read(statement)
        ]


_OF_HAND_OFF = (
    hand_offs.c.number,
    hand_offs.c.kind,
    hand_offs.c.category,
    hand_offs.c.class_id,
    hand_offs.c.solved_by,
    hand_offs.c.closed_by,
)


def _of_hand_off(row: Row[*tuple[Any, ...]], why: Why, *, is_sampled: bool) -> dict[str, Any]:
    return {
        "hand_off": row.number,
        "interaction": None,
        "class_id": row.class_id,
        "tutor_id": row.closed_by if row.solved_by == SolvedBy.TUTOR else None,
        "why": why,
        "is_sampled": is_sampled,
    }


def _of_answer(row: Row[*tuple[Any, ...]], why: Why, *, is_sampled: bool) -> dict[str, Any]:
    return {
        "hand_off": None,
        "interaction": row.id,
        "class_id": row.class_id,
        "tutor_id": None,
        "why": why,
        "is_sampled": is_sampled,
    }


def _may_see(scope: Scope) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [reviews.c.id.is_not(None)]
    if scope.unit_ids is not None:
        conditions.append(
            reviews.c.class_id.in_(
                select(classes.c.id).where(classes.c.unit_id.in_(scope.unit_ids))
            )
        )
    if scope.own_classes:
        conditions.append(reviews.c.class_id.not_in(scope.own_classes))
    if scope.person_id is not None:
        conditions.append(or_(reviews.c.tutor_id.is_(None), reviews.c.tutor_id != scope.person_id))
    return and_(*conditions)


def _review(row: Row[*tuple[Any, ...]]) -> Review:
    return Review(
        id=row.id,
        why=Why(row.why),
        is_sampled=row.is_sampled,
        at=row.at,
        class_id=row.class_id,
        class_name=row.class_name,
        tutor_id=row.tutor_id,
        tutor_name=row.tutor_name or "",
        hand_off=row.hand_off,
        interaction=row.interaction,
        topic=Topic(row.topic),
        category=Category(row.category or Category.INQUIRY),
        is_about_tutor=bool(row.is_about_tutor),
        asker_name=row.asker_name or "",
        text=row.text or "",
        answer=row.answer or "",
        solved_by=None if row.solved_by is None else SolvedBy(row.solved_by),
        mark=None if row.mark is None else Mark(row.mark),
        comment=row.comment,
        is_returned=row.is_returned,
        decided_name=row.decided_name or "",
        decided_at=row.decided_at,
    )
