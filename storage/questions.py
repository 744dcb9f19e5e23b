"""Hand-offs: what waits for a person, from the moment it is noted until it is closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)

from storage.models.accounts import account_lines
from storage.models.hand_offs import hand_off_steps, hand_offs
from storage.models.people import persons
from storage.vocabulary import (
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

SERIES = "hand_off"
#: A question is compared with so many others of a class.
MOST_ALIKE = 200
#: So long a noted question waits for its account to come back; then the tutor had better know.
BLIND_PATIENCE = timedelta(hours=1)


class State(StrEnum):
    """Where a hand-off stands."""

    WATCHED = "watched"  # noted silently; somebody in the group may still answer
    WAITING = "waiting"  # on the tutor's list
    CLOSED = "closed"


class SolvedBy(StrEnum):
    """Who answered; never added up across these lines."""

    BOT = "bot"
    TUTOR = "tutor"
    CLASSMATE = "classmate"
    SUPERVISOR = "supervisor"
    DEPARTMENT = "department"  # 学籍, 教务 …: whom the tutor passed it on to


class Category(StrEnum):
    """What the asker wants: article 10 and the regulation's 投诉建议."""

    INQUIRY = "inquiry"  # 咨询
    REQUEST = "request"  # 诉求
    COMPLAINT = "complaint"  # 投诉
    SUGGESTION = "suggestion"  # 建议
    #: What is kept about me is wrong, or is to go: 更正, 删除.
    CORRECTION = "correction"
    ERASURE = "erasure"


class Level(StrEnum):
    """Whose it is: the ladder of escalation, from the bottom up."""

    TUTOR = "tutor"  # 助学教师
    UNIT = "unit"  # 市县开大
    PROVINCE = "province"  # 省校


class Verdict(StrEnum):
    """What a supervisor found of a complaint; only what is true counts in appraisal."""

    TRUE = "true"  # 属实
    PARTLY = "partly"  # 部分属实
    FALSE = "false"  # 不属实


@dataclass(frozen=True, slots=True)
class HandOff:
    """
    One question, complaint or cry for help that waits, or waited, for a person.

    `level` says whose it is and `level_since` since when; `contact_id` is the department it was
    passed on to. `first_replied_at` and `updated_at` are the first and the last word of a person
    to the asker. `alarm` is how far, in percent, the running clock had gone at the last warning.
    """

    number: int
    kind: Label
    state: State
    class_id: int
    conversation: Conversation
    asker_id: str
    asker_name: str
    person_id: int | None
    event_id: int
    message_id: str
    text: str
    topic: Topic
    is_about_tutor: bool
    asked_at: datetime
    surface_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: int | None = None
    solved_by: SolvedBy | None = None
    answer: str | None = None
    category: Category = Category.INQUIRY
    level: Level = Level.TUTOR
    level_since: datetime | None = None
    wants: str = ""
    first_replied_at: datetime | None = None
    updated_at: datetime | None = None
    extended_at: datetime | None = None
    alarm: int = 0
    contact_id: int | None = None
    contact_since: datetime | None = None
    duplicate_of: int | None = None
    reopened: int = 0
    hearing_since: datetime | None = None
    verdict: Verdict | None = None
    verdict_reason: str = ""
    verdict_by: str = ""
    verdict_at: datetime | None = None

    @property
    def account(self) -> tuple[Platform, str]:
        """The account of the bot's that heard it: while that was blind, no clock ran."""
        return (self.conversation.platform, self.conversation.account)


class Questions:
    """What waits for a person."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(
        self,
        message: Message,
        *,
        kind: Label,
        class_id: int,
        person_id: int | None,
        event_id: int,
        text: str,
        topic: Topic,
        is_about_tutor: bool,
        surface_at: datetime | None,
        category: Category = Category.INQUIRY,
        level: Level = Level.TUTOR,
        wants: str = "",
        duplicate_of: int | None = None,
    ) -> HandOff:
        """
        Note it; `surface_at` None puts it on its owner's list at once, else only then.

        `duplicate_of` is the one that is the same matter and came first.
        """
        state = State.WAITING if surface_at is None else State.WATCHED
        hand_off = HandOff(
            number=await self._uow.number(SERIES),
            kind=kind,
            state=state,
            class_id=class_id,
            conversation=message.conversation,
            asker_id=message.sender_id,
            asker_name=message.sender_name,
            person_id=person_id,
            event_id=event_id,
            message_id=message.message_id,
            text=text,
            topic=topic,
            is_about_tutor=is_about_tutor,
            asked_at=message.sent_at,
            surface_at=surface_at,
            category=category,
            level=level,
            wants=wants,
            duplicate_of=duplicate_of,
        )
        place = message.conversation
        self._uow.add(
            hand_offs,
            {
                "number": hand_off.number,
                "kind": kind,
                "state": state,
                "class_id": class_id,
                "platform": place.platform,
                "account": place.account,
                "conversation_kind": place.kind,
                "conversation_id": place.id,
                "via_group": place.via_group,
                "asker_id": message.sender_id,
                "asker_name": message.sender_name,
                "person_id": person_id,
                "event_id": event_id,
                "message_id": message.message_id,
                "text": text,
                "topic": topic,
                "is_about_tutor": is_about_tutor,
                "asked_at": message.sent_at,
                "surface_at": surface_at,
                "category": category,
                "level": level,
                "wants": wants,
                "duplicate_of": duplicate_of,
            },
        )
        return hand_off

    async def get(self, number: int) -> HandOff | None:
        """T-`number`, if there is one."""
        row = (await self._uow.read(select(hand_offs).where(hand_offs.c.number == number))).first()
        return None if row is None else hand_off_of(row)

    async def open_in(self, class_ids: Collection[int]) -> dict[int, list[HandOff]]:
        """Everything not closed, by class, oldest first."""
        if not class_ids:
            return {}
        statement = (
            select(hand_offs)
            .where(hand_offs.c.class_id.in_(class_ids), hand_offs.c.closed_at.is_(None))
            .order_by(hand_offs.c.asked_at, hand_offs.c.number)
        )
        found: dict[int, list[HandOff]] = defaultdict(list)
        for row in await self._uow.read(statement):
            found[row.class_id].append(hand_off_of(row))
        return found

    async def open_of_askers(
        self, class_ids: Collection[int], asker_ids: Collection[str]
    ) -> dict[tuple[int, str], list[HandOff]]:
        """What these people still wait for, by (class, asker)."""
        if not class_ids or not asker_ids:
            return {}
        wanted = {"class_ids": list(class_ids), "asker_ids": list(asker_ids)}
        found: dict[tuple[int, str], list[HandOff]] = defaultdict(list)
        for row in await self._uow.read(_OPEN_OF_ASKERS, wanted):
            found[(row.class_id, row.asker_id)].append(hand_off_of(row))
        return found

    async def open_questions(
        self, class_ids: Collection[int], limit: int = MOST_ALIKE
    ) -> dict[int, list[HandOff]]:
        """
        Open questions by class, the `limit` oldest of each, oldest first; of those joined to one
        card only the first.

        Those of this very batch are among them.
        """
        await self._uow.flush_earlier()
        is_open = and_(
            hand_offs.c.class_id.in_(class_ids),
            hand_offs.c.closed_at.is_(None),
            # However many ask the same, the first of them stands for all.
            hand_offs.c.duplicate_of.is_(None),
            hand_offs.c.kind == Label.QUESTION,
            hand_offs.c.category == Category.INQUIRY,
        )
        order = (hand_offs.c.asked_at, hand_offs.c.number)
        found: dict[int, list[HandOff]] = {class_id: [] for class_id in class_ids}
        for row in await self._uow.read(_first_by_class(select(hand_offs), is_open, order, limit)):
            found[row.class_id].append(hand_off_of(row))
        return found

    async def answered_in(
        self, class_ids: Collection[int], since: datetime, limit: int = MOST_ALIKE
    ) -> dict[int, list[tuple[HandOff, str]]]:
        """
        Questions asked in a class's groups that a person has answered, with who that was.

        By class, the newest first; what was asked in private is not among them.
        """
        statement = select(hand_offs, persons.c.name.label("answerer")).join(
            persons, persons.c.id == hand_offs.c.closed_by
        )
        is_answered = and_(
            hand_offs.c.class_id.in_(class_ids),
            hand_offs.c.closed_at > since,
            hand_offs.c.kind == Label.QUESTION,
            hand_offs.c.category == Category.INQUIRY,
            hand_offs.c.conversation_kind == ConversationKind.GROUP,
            hand_offs.c.solved_by.in_((SolvedBy.TUTOR, SolvedBy.SUPERVISOR, SolvedBy.DEPARTMENT)),
            hand_offs.c.answer != "",
        )
        order = (hand_offs.c.closed_at.desc(),)
        found: dict[int, list[tuple[HandOff, str]]] = {class_id: [] for class_id in class_ids}
        for row in await self._uow.read(_first_by_class(statement, is_answered, order, limit)):
            found[row.class_id].append((hand_off_of(row), row.answerer))
        return found

    async def same_matter(self, item: HandOff) -> list[HandOff]:
        """Every open question that was joined to the same card, `item` among them; oldest first."""
        statement = (
            select(hand_offs)
            .where(_is_same_matter(item))
            .order_by(hand_offs.c.asked_at, hand_offs.c.number)
        )
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    async def first_on_card(self, item: HandOff) -> HandOff | None:
        """The first that waits of what was joined to the same card."""
        first = (
            select(hand_offs)
            .where(_is_same_matter(item), hand_offs.c.state == State.WAITING)
            .order_by(hand_offs.c.asked_at, hand_offs.c.number)
            .limit(1)
        )
        row = (await self._uow.read(first)).first()
        return None if row is None else hand_off_of(row)

    async def count_askers(self, item: HandOff) -> int:
        """How many people wait for what was joined to the same card."""
        askers = select(func.count(hand_offs.c.asker_id.distinct())).where(_is_same_matter(item))
        return int((await self._uow.read(askers)).scalar_one())

    async def count_waiting(self) -> int:
        """How many wait for a person, in all classes."""
        statement = (
            select(func.count())
            .select_from(hand_offs)
            .where(hand_offs.c.closed_at.is_(None), hand_offs.c.state == State.WAITING)
        )
        return int((await self._uow.read(statement)).scalar_one())

    async def by_message(self, class_id: int, message_id: str) -> HandOff | None:
        """The open hand-off that a message of the class started."""
        statement = (
            select(hand_offs)
            .where(
                hand_offs.c.class_id == class_id,
                hand_offs.c.message_id == message_id,
                hand_offs.c.closed_at.is_(None),
            )
            .order_by(hand_offs.c.number.desc())
        )
        row = (await self._uow.read(statement)).first()
        return None if row is None else hand_off_of(row)

    async def of_asker(
        self,
        platform: Platform,
        asker_id: str,
        person_id: int | None,
        *,
        since: datetime | None = None,
        only_open: bool = False,
        limit: int = 50,
    ) -> list[HandOff]:
        """What one person has asked, from whichever account, the newest first."""
        is_theirs = and_(hand_offs.c.platform == platform, hand_offs.c.asker_id == asker_id)
        if person_id is not None:
            is_theirs = or_(is_theirs, hand_offs.c.person_id == person_id)
        statement = select(hand_offs).where(is_theirs)
        if since is not None:
            statement = statement.where(hand_offs.c.asked_at > since)
        if only_open:
            statement = statement.where(hand_offs.c.closed_at.is_(None))
        statement = statement.order_by(hand_offs.c.number.desc()).limit(limit)
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    async def amend(self, item: HandOff, **changes: Any) -> HandOff:
        """
        What its asker has made clearer since: text, topic, wants, whom it concerns, where.

        `changes` are fields of `HandOff`. As it stands afterwards; one that has been closed
        meanwhile stays as it was.
        """
        values = dict(changes)
        place: Conversation | None = values.pop("conversation", None)
        if place is not None:
            values |= {
                "platform": place.platform,
                "account": place.account,
                "conversation_kind": place.kind,
                "conversation_id": place.id,
                "via_group": place.via_group,
            }
        result = await self._uow.write(
            update(hand_offs)
            .where(hand_offs.c.number == item.number, hand_offs.c.closed_at.is_(None))
            .values(**values)
        )
        return replace(item, **changes) if result.rowcount else item

    async def close(
        self,
        hand_off: HandOff,
        *,
        at: datetime,
        solved_by: SolvedBy,
        by: int | None,
        answer: str,
    ) -> bool:
        """Close it, once; False where it was closed already."""
        result = await self._uow.write(
            update(hand_offs)
            .where(hand_offs.c.number == hand_off.number, hand_offs.c.closed_at.is_(None))
            .values(
                state=State.CLOSED,
                closed_at=at,
                closed_by=by,
                solved_by=solved_by,
                answer=answer,
            )
        )
        return result.rowcount == 1

    async def promote(self, item: HandOff, text: str) -> HandOff:
        """What was only noted waits for a person now, in the words it was asked in at last."""
        await self._uow.flush()
        await self._uow.write(
            update(hand_offs)
            .where(hand_offs.c.number == item.number, hand_offs.c.closed_at.is_(None))
            .values(state=State.WAITING, surface_at=None, text=text)
        )
        return replace(item, state=State.WAITING, surface_at=None, text=text)

    async def surface(self, now: datetime, limit: int = 1000) -> list[HandOff]:
        """
        Put on the tutors' lists what nobody has answered within its grace period.

        Not while the bot is blind there, for an hour: the answer may have been given unheard.
        """
        is_blind = exists().where(
            account_lines.c.platform == hand_offs.c.platform,
            account_lines.c.account == hand_offs.c.account,
            ~account_lines.c.is_online,
            account_lines.c.since > now - BLIND_PATIENCE,
        )
        due = (
            select(hand_offs.c.number)
            .where(
                hand_offs.c.closed_at.is_(None),
                hand_offs.c.state == State.WATCHED,
                hand_offs.c.surface_at <= now,
                ~is_blind,
            )
            .order_by(hand_offs.c.number)
            .limit(limit)
        )
        rows = await self._uow.write(
            update(hand_offs)
            .where(hand_offs.c.number.in_(due), hand_offs.c.state == State.WATCHED)
            .values(state=State.WAITING)
            .returning(*hand_offs.c)
        )
        return [hand_off_of(row) for row in rows]

    async def forget_text(self, event_id: int, replacement: str) -> None:
        """Replace the words of what a recalled message started."""
        await self._uow.write(
            update(hand_offs).where(hand_offs.c.event_id == event_id).values(text=replacement)
        )
        await self._uow.write(
            update(hand_off_steps)
            .where(hand_off_steps.c.event_id == event_id, hand_off_steps.c.kind == "added")
            .values(text=replacement)
        )


# Asked for every batch of messages, so built once.
_OPEN_OF_ASKERS = select(hand_offs).where(
    hand_offs.c.class_id.in_(bindparam("class_ids", expanding=True)),
    hand_offs.c.closed_at.is_(None),
    hand_offs.c.asker_id.in_(bindparam("asker_ids", expanding=True)),
)


def _first_by_class(
    statement: Select[*tuple[Any, ...]],
    condition: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]],
    limit: int,
) -> Select[*tuple[Any, ...]]:
    """Of the hand-offs that `condition` holds for, the first `limit` of each class, in order."""
    place = func.row_number().over(partition_by=hand_offs.c.class_id, order_by=order)
    ranked = select(hand_offs.c.number, place.label("place")).where(condition).subquery()
    return (
        statement.join(ranked, ranked.c.number == hand_offs.c.number)
        .where(ranked.c.place <= limit)
        .order_by(*order)
    )


def _is_same_matter(item: HandOff) -> ColumnElement[bool]:
    first = item.duplicate_of or item.number
    return and_(
        or_(hand_offs.c.number == first, hand_offs.c.duplicate_of == first),
        hand_offs.c.kind == Label.QUESTION,
        hand_offs.c.category == Category.INQUIRY,
        hand_offs.c.closed_at.is_(None),
    )


def hand_off_of(row: Row[*tuple[Any, ...]]) -> HandOff:
    """The hand-off a row holds."""
    return HandOff(
        number=row.number,
        kind=Label(row.kind),
        state=State(row.state),
        class_id=row.class_id,
        conversation=Conversation(
            Platform(row.platform),
            row.account,
            ConversationKind(row.conversation_kind),
            row.conversation_id,
            row.via_group,
        ),
        asker_id=row.asker_id,
        asker_name=row.asker_name,
        person_id=row.person_id,
        event_id=row.event_id,
        message_id=row.message_id,
        text=row.text,
        topic=Topic(row.topic),
        is_about_tutor=row.is_about_tutor,
        asked_at=row.asked_at,
        surface_at=row.surface_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        solved_by=None if row.solved_by is None else SolvedBy(row.solved_by),
        answer=row.answer,
        category=Category(row.category),
        level=Level(row.level),
        level_since=row.level_since,
        wants=row.wants or "",
        first_replied_at=row.first_replied_at,
        updated_at=row.updated_at,
        extended_at=row.extended_at,
        alarm=row.alarm,
        contact_id=row.contact_id,
        contact_since=row.contact_since,
        duplicate_of=row.duplicate_of,
        reopened=row.reopened,
        hearing_since=row.hearing_since,
        verdict=None if row.verdict is None else Verdict(row.verdict),
        verdict_reason=row.verdict_reason or "",
        verdict_by=row.verdict_by or "",
        verdict_at=row.verdict_at,
    )
