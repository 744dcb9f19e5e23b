"""Read-only questions for pages, reports and exports; always bounded or paged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, true

from storage.interactions import Kind, Record
from storage.models.hand_offs import hand_offs
from storage.models.people import classes, duties, persons, units
from storage.models.record import interactions
from storage.questions import Level, SolvedBy, State
from storage.vocabulary import Action, Label, Platform, Role, Topic

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


#: Rows that say what was found of a complaint: no complaints of their own.
FINDINGS = frozenset({Action.FOUND_TRUE, Action.FOUND_PARTLY, Action.FOUND_FALSE})


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """
    Which rows; None and "" mean any. `hide_about_tutor` is set whenever a tutor is the reader.

    `class_name` and `tutor_name` are any part of the name. What is about the tutor of one of
    `own_classes` is left out: those of a supervisor who is, or was, a tutor too.
    """

    id: int | None = None
    class_ids: Collection[int] | None = None
    unit_ids: Collection[int] | None = None
    class_name: str = ""
    tutor_id: int | None = None
    tutor_name: str = ""
    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    hide_about_tutor: bool = False
    words: str = ""
    own_classes: Collection[int] = ()
    ids: Collection[int] | None = None
    #: Rows of what was said in these events: a bounded number of them.
    events: Collection[int] | None = None
    corrects: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One interaction as a reader sees it; words are looked up by `event_id`."""

    id: int
    at: datetime
    class_id: int
    class_name: str
    tutor_name: str
    person_name: str
    platform: Platform
    speaker_id: str
    record: Record
    event_id: int | None
    message_id: str
    #: Another row stands in its place (`corrects` of that one); figures count only the newer.
    is_corrected: bool = False
    corrects: int | None = None
    #: Of a cry for help: its words are opened elsewhere, by name.
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class DayFigures:
    """
    One tutor's day in numbers; bot and people are never added together.

    A reply that answers several counts once in `by_tutor`; `closed_by_tutor` is how many it closed.
    """

    questions: int
    by_bot: int
    by_tutor: int
    by_classmate: int
    complaints: int
    notices: int
    waiting: int
    oldest_waiting: datetime | None
    first_reply_seconds: tuple[float, ...]
    by_department: int = 0
    closed_by_tutor: int = 0


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A row for research; `speaker` only counts different people and is never told."""

    id: int
    at: datetime
    unit_name: str | None
    topic: Topic
    kind: Kind
    solved_by: SolvedBy | None
    first_reply_seconds: float | None
    speaker: tuple[str, str]


class Reports:
    """What was done, for reading."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def last_replies(self, tutor_ids: Collection[int]) -> dict[int, datetime]:
        """When each of these tutors last answered somebody."""
        statement = (
            select(interactions.c.tutor_id, func.max(interactions.c.at))
            .where(
                interactions.c.tutor_id.in_(tutor_ids),
                interactions.c.solved_by == SolvedBy.TUTOR,
            )
            .group_by(interactions.c.tutor_id)
        )
        rows = (await self._uow.read(statement)).all()
        return {row[0]: row[1] for row in rows}

    async def ledger(
        self, wanted: LedgerFilter, *, limit: int = 50, before_id: int | None = None
    ) -> list[LedgerRow]:
        """
        Newest first; `before_id` asks for the next page.

        By when it was where a span or a kind is asked for, else by when it was written down: the
        ends of indexes, so that neither a year nor what nearly never happens is read as a whole.
        """
        newest = select(interactions.c.id).where(_matches(wanted))
        order: tuple[ColumnElement[Any], ...] = (interactions.c.id.desc(),)
        if wanted.words:
            newest = newest.where(await self._uow.search.matches(wanted.words))
        elif wanted.since is not None or wanted.until is not None or wanted.kind is not None:
            order = (interactions.c.at.desc(), *order)
        if before_id is not None:
            newest = newest.where(await self._comes_after(before_id, by_time=len(order) > 1))
        tutor = persons.alias("tutor")
        statement = (
            select(
                interactions,
                classes.c.name.label("class_name"),
                tutor.c.name.label("tutor_name"),
                persons.c.name.label("person_name"),
                hand_offs.c.kind.label("hand_off_kind"),
                _is_corrected().label("is_corrected"),
            )
            .join(classes, classes.c.id == interactions.c.class_id)
            .outerjoin(tutor, tutor.c.id == interactions.c.tutor_id)
            .outerjoin(persons, persons.c.id == interactions.c.person_id)
            .outerjoin(hand_offs, hand_offs.c.number == interactions.c.hand_off)
            # First the few rows, from an index; then what is told of them.
            .where(interactions.c.id.in_(newest.order_by(*order).limit(limit)))
            .order_by(*order)
        )
        return [_ledger_row(row) for row in await self._uow.read(statement)]

    async def _comes_after(self, row_id: int, *, by_time: bool) -> ColumnElement[bool]:
        """Rows further down a list than this one."""
        is_older = interactions.c.id < row_id
        if not by_time:
            return is_older
        at = (
            await self._uow.read(select(interactions.c.at).where(interactions.c.id == row_id))
        ).scalar()
        if at is None:
            return is_older
        return and_(interactions.c.at <= at, or_(interactions.c.at < at, is_older))

    async def anonymous(
        self, after: int, *, since: datetime | None, until: datetime | None, limit: int = 5000
    ) -> list[Anonymous]:
        """The oldest rows past row `after`; none of what students said in distress."""
        statement = (
            select(
                interactions.c.id,
                interactions.c.at,
                units.c.name,
                interactions.c.topic,
                interactions.c.kind,
                interactions.c.solved_by,
                interactions.c.first_reply_seconds,
                interactions.c.platform,
                interactions.c.speaker_id,
            )
            .join(classes, classes.c.id == interactions.c.class_id)
            .outerjoin(units, units.c.id == classes.c.unit_id)
            .where(
                interactions.c.id > after,
                interactions.c.kind.not_in([Kind.DISTRESS, Kind.PERSONAL]),
                ~_is_corrected(),
            )
            .order_by(interactions.c.id)
            .limit(limit)
        )
        if since is not None:
            statement = statement.where(interactions.c.at >= since)
        if until is not None:
            statement = statement.where(interactions.c.at < until)
        return [
            Anonymous(
                row.id,
                row.at,
                row.name,
                Topic(row.topic),
                Kind(row.kind),
                None if row.solved_by is None else SolvedBy(row.solved_by),
                row.first_reply_seconds,
                (row.platform, row.speaker_id),
            )
            for row in await self._uow.read(statement)
        ]

    async def count(self, wanted: LedgerFilter) -> int:
        """How many rows there are."""
        statement = select(func.count()).select_from(interactions).where(_matches(wanted))
        return int((await self._uow.read(statement)).scalar_one())

    async def day(self, class_ids: Collection[int], since: datetime, until: datetime) -> DayFigures:
        """The figures of some classes between two instants; what is about the tutor left out."""
        return await self.figures(
            LedgerFilter(class_ids=class_ids, since=since, until=until, hide_about_tutor=True)
        )

    async def figures(self, wanted: LedgerFilter) -> DayFigures:
        """The rows in numbers, and how many hand-offs of the same classes wait right now."""
        messages = func.count(func.coalesce(interactions.c.event_id, -interactions.c.id).distinct())
        statement = (
            select(interactions.c.kind, interactions.c.solved_by, func.count(), messages)
            .where(_matches(wanted), interactions.c.action.not_in(FINDINGS), ~_is_corrected())
            .group_by(interactions.c.kind, interactions.c.solved_by)
        )
        rows = (await self._uow.read(statement)).all()
        counts = {(kind, solved): n for kind, solved, n, _ in rows}
        replied = {solved: n for kind, solved, _, n in rows if kind == Kind.REPLY}

        def total(kind: Kind, solved_by: SolvedBy | None = None) -> int:
            return sum(
                n
                for (row_kind, row_solved), n in counts.items()
                if row_kind == kind and (solved_by is None or row_solved == solved_by)
            )

        replies = await self._uow.read(
            select(interactions.c.first_reply_seconds).where(
                _matches(wanted),
                interactions.c.kind == Kind.REPLY,
                interactions.c.solved_by == SolvedBy.TUTOR,
                interactions.c.first_reply_seconds.is_not(None),
                ~_is_corrected(),
            )
        )
        waiting, oldest = (
            await self._uow.read(
                select(func.count(), func.min(hand_offs.c.asked_at))
                .select_from(hand_offs.join(classes, classes.c.id == hand_offs.c.class_id))
                .where(_waits(wanted))
            )
        ).one()
        return DayFigures(
            questions=total(Kind.QUESTION),
            by_bot=total(Kind.QUESTION, SolvedBy.BOT),
            by_tutor=replied.get(SolvedBy.TUTOR, 0),
            by_classmate=total(Kind.REPLY, SolvedBy.CLASSMATE),
            complaints=total(Kind.COMPLAINT),
            notices=total(Kind.NOTICE),
            waiting=waiting,
            oldest_waiting=oldest,
            first_reply_seconds=tuple(sorted(replies.scalars())),
            by_department=replied.get(SolvedBy.DEPARTMENT, 0),
            closed_by_tutor=total(Kind.REPLY, SolvedBy.TUTOR),
        )

    async def names(
        self, unit_ids: Collection[int] | None, *, limit: int = 200
    ) -> tuple[list[str], list[str]]:
        """The first names of classes and of the tutors on their record, for suggestions."""
        here = true() if unit_ids is None else classes.c.unit_id.in_(unit_ids)
        of_classes = select(classes.c.name).where(here).order_by(classes.c.name).limit(limit)
        of_tutors = (
            select(persons.c.name)
            .where(
                persons.c.id.in_(
                    select(duties.c.person_id)
                    .join(classes, classes.c.id == duties.c.class_id)
                    .where(here, duties.c.role == Role.TUTOR)
                )
            )
            .distinct()
            .order_by(persons.c.name)
            .limit(limit)
        )
        return (
            list((await self._uow.read(of_classes)).scalars()),
            list((await self._uow.read(of_tutors)).scalars()),
        )


def _matches(wanted: LedgerFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.unit_ids is not None or wanted.class_name:
        # Not joined: the few classes are found first, and then their rows by an index.
        here = select(classes.c.id).where(*_is_of_class(wanted))
        conditions.append(interactions.c.class_id.in_(here))
    if wanted.id is not None:
        conditions.append(interactions.c.id == wanted.id)
    if wanted.ids is not None:
        conditions.append(interactions.c.id.in_(wanted.ids))
    if wanted.events is not None:
        # By their keys, which are indexed: what is said makes a few rows at most.
        ends = ("", *(f":{number}" for number in range(2, 10)))
        keys = [f"event:{event}{end}" for event in wanted.events for end in ends]
        conditions.append(interactions.c.key.in_(keys))
    if wanted.corrects is not None:
        conditions.append(interactions.c.corrects == wanted.corrects)
    if wanted.class_ids is not None:
        conditions.append(interactions.c.class_id.in_(wanted.class_ids))
    if wanted.tutor_id is not None:
        conditions.append(interactions.c.tutor_id == wanted.tutor_id)
    if wanted.tutor_name:
        named = persons.c.name.contains(wanted.tutor_name, autoescape=True)
        conditions.append(interactions.c.tutor_id.in_(select(persons.c.id).where(named)))
    if wanted.kind is not None:
        conditions.append(interactions.c.kind == wanted.kind)
    if wanted.since is not None:
        conditions.append(interactions.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(interactions.c.at < wanted.until)
    if wanted.hide_about_tutor:
        conditions.append(interactions.c.is_about_tutor.is_(False))
    if wanted.own_classes:
        conditions.append(
            or_(
                interactions.c.is_about_tutor.is_(False),
                interactions.c.class_id.not_in(wanted.own_classes),
            )
        )
    return and_(*conditions)


def _waits(wanted: LedgerFilter) -> ColumnElement[bool]:
    """What waits now in the classes of a filter; when and by whom it was asked plays no part."""
    conditions = _is_of_class(wanted)
    conditions += [hand_offs.c.closed_at.is_(None), hand_offs.c.state == State.WAITING]
    if wanted.class_ids is not None:
        conditions.append(hand_offs.c.class_id.in_(wanted.class_ids))
    if wanted.tutor_id is not None:
        conditions.append(_is_tutor_of_class(duties.c.person_id == wanted.tutor_id))
    if wanted.tutor_name:
        named = persons.c.name.contains(wanted.tutor_name, autoescape=True)
        conditions.append(
            _is_tutor_of_class(duties.c.person_id.in_(select(persons.c.id).where(named)))
        )
    if wanted.hide_about_tutor:
        # What a tutor reads: what waits for the unit or the province is not theirs to count.
        conditions.append(hand_offs.c.is_about_tutor.is_(False))
        conditions.append(hand_offs.c.level == Level.TUTOR)
    if wanted.own_classes:
        conditions.append(
            or_(
                hand_offs.c.is_about_tutor.is_(False),
                hand_offs.c.class_id.not_in(wanted.own_classes),
            )
        )
    return and_(*conditions)


def _is_of_class(wanted: LedgerFilter) -> list[ColumnElement[bool]]:
    """The conditions on `classes` itself."""
    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.unit_ids is not None:
        conditions.append(classes.c.unit_id.in_(wanted.unit_ids))
    if wanted.class_name:
        conditions.append(classes.c.name.contains(wanted.class_name, autoescape=True))
    return conditions


def _is_corrected() -> ColumnElement[bool]:
    newer = interactions.alias("newer")
    return exists().where(newer.c.corrects == interactions.c.id)


def _is_tutor_of_class(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return hand_offs.c.class_id.in_(
        select(duties.c.class_id).where(duties.c.role == Role.TUTOR, condition)
    )


def _ledger_row(row: Row[*tuple[Any, ...]]) -> LedgerRow:
    return LedgerRow(
        id=row.id,
        at=row.at,
        class_id=row.class_id,
        class_name=row.class_name,
        tutor_name=row.tutor_name or "",
        person_name=row.person_name or "",
        platform=Platform(row.platform),
        speaker_id=row.speaker_id,
        record=Record(
            kind=Kind(row.kind),
            action=Action(row.action),
            topic=Topic(row.topic),
            article=row.article,
            solved_by=None if row.solved_by is None else SolvedBy(row.solved_by),
            first_reply_seconds=row.first_reply_seconds,
            hand_off=row.hand_off,
            entry=row.entry or "",
            is_about_tutor=row.is_about_tutor,
            task=row.task,
        ),
        event_id=row.event_id,
        message_id=row.message_id,
        is_corrected=bool(row.is_corrected),
        corrects=row.corrects,
        is_sealed=row.hand_off_kind == Label.DISTRESS or row.kind == Kind.DISTRESS,
    )
