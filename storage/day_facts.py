"""What happened on one day in some classes that an appraisal may count, in a dozen questions.

A complaint about a tutor is left out here, in the database, until it was found true: what is not
read cannot leak into a figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, case, exists, func, or_, select

from storage.cases import Step, StepKind
from storage.interactions import Kind
from storage.lines import Account, Span
from storage.models.accounts import blind_windows
from storage.models.hand_offs import hand_off_steps, hand_offs, ratings
from storage.models.learning import feedback
from storage.models.people import duties, enrolments, persons
from storage.models.queues import outbox
from storage.models.record import interactions
from storage.models.students import student_files
from storage.models.tasks import completions, obligations, reminders, tasks
from storage.questions import HandOff, SolvedBy, hand_off_of
from storage.reviews import Checked
from storage.vocabulary import Action, Platform, Role, Topic

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Longer than any clock runs: what was asked before and closed since plays no part any more.
BACK = timedelta(days=45)
_CHUNK = 2000
_STEPS = (
    StepKind.ANSWERED,
    StepKind.UPDATED,
    StepKind.REOPENED,
    StepKind.FOLLOWED,
    StepKind.PASSED_ON,
)
_DELIVERED = ("sent", "late", "done")


@dataclass(frozen=True, slots=True)
class DutySpan:
    """An appointment, of whatever role, from–to."""

    person_id: int
    role: Role
    class_id: int | None
    unit_id: int | None
    starts_at: datetime
    ends_at: datetime | None
    covers_id: int | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force then."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class LedgerFact:
    """A row of the ledger, as far as it counts."""

    id: int
    at: datetime
    class_id: int
    tutor_id: int | None
    person_id: int | None
    platform: Platform
    speaker_id: str
    kind: Kind
    topic: Topic
    action: Action
    solved_by: SolvedBy | None
    hand_off: int | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A complaint found true, wholly or in part, on this day."""

    number: int
    class_id: int
    tutor_id: int
    topic: Topic


@dataclass(frozen=True, slots=True)
class Mark:
    """A rating given on this day."""

    number: int
    at: datetime
    mark: int


@dataclass(frozen=True, slots=True)
class TaskDay:
    """What came of one task's reminders: of how many parts how many."""

    number: int
    class_id: int
    matter: str
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class DayFacts:
    """Everything about a day; `items` go back `BACK`, `ledger` one day more than the day."""

    duties: Sequence[DutySpan]
    ledger: Sequence[LedgerFact]
    items: Mapping[int, HandOff]
    steps: Mapping[int, Sequence[Step]]
    marks: Sequence[Mark]
    #: Hand-offs closed in the last days that have a mark.
    marked: Collection[int]
    findings: Sequence[Finding]
    blind: Mapping[Account, Sequence[Span]]
    #: When the first answer to an event was sent.
    sent: Mapping[int, datetime]
    unhelpful: Collection[int]
    delivered: Sequence[TaskDay] = ()
    ahead: Sequence[TaskDay] = ()
    acknowledged: Sequence[TaskDay] = ()
    followed_up: Sequence[TaskDay] = ()
    #: Like `acknowledged`, as far as a list of the school says who has done it.
    converted: Sequence[TaskDay] = ()
    #: By class: students whose file is complete, and students; only where there are files at all.
    files: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    #: Answers drawn by lot that a supervisor decided on this day.
    checked: Sequence[Checked] = ()


class DayReader:
    """Reads the `DayFacts` of these classes; nobody's figures need two classes' facts at once."""

    def __init__(
        self, uow: UnitOfWork, start: datetime, end: datetime, class_ids: Collection[int]
    ) -> None:
        self._uow = uow
        self._class_ids = tuple(class_ids)
        self._start = start
        self._end = end

    async def read(self) -> DayFacts:
        """The facts of the day from `start` to `end`."""
        ledger = await self._ledger()
        items = await self._items()
        steps = await self._steps(list(items))
        events = {row.event_id for row in ledger if row.kind is Kind.PRIVACY}
        events |= {it.event_id for it in items.values() if it.asked_at >= self._start}
        return DayFacts(
            duties=await self._duties(),
            ledger=ledger,
            items=items,
            steps=steps,
            marks=await self._marks(),
            marked=await self._marked(list(items)),
            findings=await self._findings(),
            blind=await self._blind(),
            sent=await self._sent([it for it in events if it is not None]),
            unhelpful=await self._unhelpful(
                [row.event_id for row in ledger if row.event_id is not None]
            ),
            delivered=await self._delivered(),
            ahead=await self._ahead(),
            acknowledged=await self._acknowledged(),
            followed_up=await self._followed_up(),
            converted=await self._acknowledged(is_proved=True),
            files=await self._files(),
            checked=await self._uow.reviews.checked(self._start, self._end),
        )

    # -- people -----------------------------------------------------------------------------------

    async def _duties(self) -> list[DutySpan]:
        statement = (
            select(duties)
            .where(
                duties.c.starts_at < self._end,
                or_(duties.c.ends_at.is_(None), duties.c.ends_at > self._start - BACK),
            )
            .order_by(duties.c.covers_id.is_(None), duties.c.starts_at, duties.c.id)
        )
        return [
            DutySpan(
                row.person_id,
                Role(row.role),
                row.class_id,
                row.unit_id,
                row.starts_at,
                row.ends_at,
                row.covers_id,
            )
            for row in await self._uow.read(statement)
        ]

    async def _files(self) -> dict[int, tuple[int, int]]:
        if (await self._uow.read(select(student_files.c.person_id).limit(1))).first() is None:
            return {}
        is_complete = and_(
            persons.c.student_no.is_not(None),
            persons.c.name != "",
            student_files.c.major != "",
            student_files.c.level != "",
            student_files.c.grade != "",
            student_files.c.phone != "",
        )
        statement = (
            select(
                enrolments.c.class_id,
                func.sum(case((is_complete, 1), else_=0)),
                func.count(),
                func.count(student_files.c.person_id),
            )
            .select_from(
                enrolments.join(persons, persons.c.id == enrolments.c.person_id).outerjoin(
                    student_files, student_files.c.person_id == enrolments.c.person_id
                )
            )
            .where(enrolments.c.class_id.in_(self._class_ids))
            .group_by(enrolments.c.class_id)
        )
        return {
            class_id: (int(complete), whole)
            for class_id, complete, whole, known in await self._uow.read(statement)
            # A class nobody has handed in a table for is not connected, not incomplete.
            if known
        }

    # -- the ledger -------------------------------------------------------------------------------

    async def _ledger(self) -> list[LedgerFact]:
        newer = interactions.alias("newer")
        statement = (
            select(interactions)
            .where(
                interactions.c.class_id.in_(self._class_ids),
                interactions.c.at >= self._start - timedelta(days=1),
                interactions.c.at < self._end,
                interactions.c.is_about_tutor.is_(False),
                ~exists().where(newer.c.corrects == interactions.c.id),
            )
            .order_by(interactions.c.id)
        )
        return [
            LedgerFact(
                row.id,
                row.at,
                row.class_id,
                row.tutor_id,
                row.person_id,
                Platform(row.platform),
                row.speaker_id,
                Kind(row.kind),
                Topic(row.topic),
                Action(row.action),
                None if row.solved_by is None else SolvedBy(row.solved_by),
                row.hand_off,
                row.event_id,
            )
            for row in await self._uow.read(statement)
        ]

    async def _findings(self) -> list[Finding]:
        statement = (
            select(
                interactions.c.hand_off,
                interactions.c.class_id,
                interactions.c.tutor_id,
                interactions.c.topic,
            )
            .where(
                interactions.c.class_id.in_(self._class_ids),
                interactions.c.at >= self._start,
                interactions.c.at < self._end,
                interactions.c.is_about_tutor,
                interactions.c.tutor_id.is_not(None),
                interactions.c.hand_off.is_not(None),
                interactions.c.action.in_((Action.FOUND_TRUE, Action.FOUND_PARTLY)),
            )
            .order_by(interactions.c.id)
        )
        return [
            Finding(number, class_id, tutor_id, Topic(topic))
            for number, class_id, tutor_id, topic in await self._uow.read(statement)
        ]

    async def _unhelpful(self, event_ids: Sequence[int]) -> set[int]:
        found: set[int] = set()
        for at in range(0, len(event_ids), _CHUNK):
            statement = select(feedback.c.asked_event_id).where(
                feedback.c.asked_event_id.in_(event_ids[at : at + _CHUNK]),
                feedback.c.at >= self._start - timedelta(days=1),
                feedback.c.at < self._end + timedelta(days=1),
                feedback.c.is_useful.is_(False),
            )
            found |= set((await self._uow.read(statement)).scalars())
        return found

    # -- hand-offs --------------------------------------------------------------------------------

    async def _items(self) -> dict[int, HandOff]:
        statement = select(hand_offs).where(
            hand_offs.c.class_id.in_(self._class_ids),
            hand_offs.c.is_about_tutor.is_(False),
            hand_offs.c.asked_at < self._end,
            or_(
                hand_offs.c.asked_at >= self._start - BACK,
                hand_offs.c.closed_at.is_(None),
                # Asked about again on this day, however long it is closed.
                hand_offs.c.number.in_(
                    select(hand_off_steps.c.hand_off).where(
                        hand_off_steps.c.kind == StepKind.FOLLOWED,
                        hand_off_steps.c.at >= self._start,
                        hand_off_steps.c.at < self._end,
                    )
                ),
            ),
        )
        return {row.number: hand_off_of(row) for row in await self._uow.read(statement)}

    async def _steps(self, numbers: Sequence[int]) -> dict[int, list[Step]]:
        found: dict[int, list[Step]] = defaultdict(list)
        for at in range(0, len(numbers), _CHUNK):
            statement = (
                select(hand_off_steps)
                .where(
                    hand_off_steps.c.hand_off.in_(numbers[at : at + _CHUNK]),
                    hand_off_steps.c.at < self._end,
                    hand_off_steps.c.kind.in_(_STEPS),
                )
                .order_by(hand_off_steps.c.id)
            )
            for row in await self._uow.read(statement):
                found[row.hand_off].append(
                    Step(row.hand_off, row.at, StepKind(row.kind), row.actor, row.text)
                )
        return found

    async def _marks(self) -> list[Mark]:
        statement = (
            select(ratings.c.hand_off, ratings.c.at, ratings.c.mark)
            .join(hand_offs, hand_offs.c.number == ratings.c.hand_off)
            .where(
                hand_offs.c.class_id.in_(self._class_ids),
                hand_offs.c.is_about_tutor.is_(False),
                ratings.c.at >= self._start,
                ratings.c.at < self._end,
            )
            .order_by(ratings.c.id)
        )
        return [Mark(number, at, mark) for number, at, mark in await self._uow.read(statement)]

    async def _marked(self, numbers: Sequence[int]) -> set[int]:
        found: set[int] = set()
        for at in range(0, len(numbers), _CHUNK):
            statement = select(ratings.c.hand_off).where(
                ratings.c.hand_off.in_(numbers[at : at + _CHUNK]),
                ratings.c.at >= self._start - timedelta(days=2),
                ratings.c.at < self._end,
            )
            found |= set((await self._uow.read(statement)).scalars())
        return found

    async def _blind(self) -> dict[Account, list[Span]]:
        statement = (
            select(blind_windows)
            .where(
                blind_windows.c.ends_at > self._start - BACK, blind_windows.c.starts_at < self._end
            )
            .order_by(blind_windows.c.starts_at)
        )
        found: dict[Account, list[Span]] = defaultdict(list)
        for row in await self._uow.read(statement):
            found[(Platform(row.platform), row.account)].append((row.starts_at, row.ends_at))
        return found

    async def _sent(self, event_ids: Sequence[int]) -> dict[int, datetime]:
        found: dict[int, datetime] = {}
        for at in range(0, len(event_ids), _CHUNK):
            statement = (
                select(outbox.c.event_id, func.min(outbox.c.sent_at))
                .where(
                    outbox.c.event_id.in_(event_ids[at : at + _CHUNK]),
                    outbox.c.sent_at.is_not(None),
                )
                .group_by(outbox.c.event_id)
            )
            found |= {row[0]: row[1] for row in await self._uow.read(statement)}
        return found

    # -- reminders --------------------------------------------------------------------------------

    async def _delivered(self) -> list[TaskDay]:
        """What was owed and ended on this day: brought, or (expired) not."""
        ended_at = func.coalesce(obligations.c.ended_at, obligations.c.due_at)
        statement = (
            select(
                obligations.c.task,
                obligations.c.class_id,
                tasks.c.matter,
                func.sum(case((obligations.c.state.in_(_DELIVERED), 1), else_=0)),
                func.count(),
            )
            .join(tasks, tasks.c.number == obligations.c.task)
            .where(
                obligations.c.class_id.in_(self._class_ids),
                tasks.c.person_id.is_(None),
                obligations.c.state.in_((*_DELIVERED, "expired")),
                ended_at >= self._start,
                ended_at < self._end,
            )
            .group_by(obligations.c.task, obligations.c.class_id, tasks.c.matter)
            .order_by(obligations.c.task)
        )
        return [
            TaskDay(task, class_id, matter, int(part), whole)
            for task, class_id, matter, part, whole in await self._uow.read(statement)
        ]

    def _due_today(self) -> Select[tuple[int]]:
        return select(tasks.c.number).where(
            tasks.c.class_id.in_(self._class_ids),
            tasks.c.person_id.is_(None),
            tasks.c.state != "cancelled",
            tasks.c.deadline >= self._start,
            tasks.c.deadline < self._end,
        )

    async def _ahead(self) -> list[TaskDay]:
        """Of the steps seven, three and one day before a deadline of this day, those said."""
        statement = (
            select(
                tasks.c.number,
                tasks.c.class_id,
                tasks.c.matter,
                func.sum(case((reminders.c.state.in_(("fired", "late")), 1), else_=0)),
                func.count(),
            )
            .join(reminders, reminders.c.task == tasks.c.number)
            .where(
                tasks.c.number.in_(self._due_today()),
                reminders.c.step.in_(("T-7", "T-3", "T-1")),
                reminders.c.state != "cancelled",
            )
            .group_by(tasks.c.number, tasks.c.class_id, tasks.c.matter)
            .order_by(tasks.c.number)
        )
        return [
            TaskDay(number, class_id, matter, int(part), whole)
            for number, class_id, matter, part, whole in await self._uow.read(statement)
        ]

    async def _acknowledged(self, *, is_proved: bool = False) -> list[TaskDay]:
        """
        Of whoever was reminded of what was due on this day, those who did it or said so.

        `is_proved`: only those of whom more is known than their word, and only where the school
        gave a list; without one nobody knows.
        """
        reminded = (
            select(obligations.c.task, obligations.c.person_id)
            .where(
                obligations.c.task.in_(self._due_today()),
                obligations.c.person_id.is_not(None),
                obligations.c.state.in_(_DELIVERED),
            )
            .distinct()
            .subquery()
        )
        is_done = and_(
            completions.c.task == reminded.c.task,
            completions.c.person_id == reminded.c.person_id,
            completions.c.is_done,
            completions.c.at < self._end,
            *([completions.c.how != "said"] if is_proved else []),
        )
        statement = (
            select(
                tasks.c.number,
                tasks.c.class_id,
                tasks.c.matter,
                func.count(completions.c.id),
                func.count(),
            )
            .select_from(
                reminded.join(tasks, tasks.c.number == reminded.c.task).outerjoin(
                    completions, is_done
                )
            )
            .group_by(tasks.c.number, tasks.c.class_id, tasks.c.matter)
            .order_by(tasks.c.number)
        )
        if is_proved:
            listed = select(completions.c.task).where(
                completions.c.task.in_(self._due_today()), completions.c.how == "list"
            )
            statement = statement.where(tasks.c.number.in_(listed))
        return [
            TaskDay(number, class_id, matter, part, whole)
            for number, class_id, matter, part, whole in await self._uow.read(statement)
        ]

    async def _followed_up(self) -> list[TaskDay]:
        """Of whom a list says that they have not done it, those reminded in the last 3 days."""
        again = exists().where(
            obligations.c.task == completions.c.task,
            obligations.c.person_id == completions.c.person_id,
            obligations.c.state.in_(("sent", "late")),
            obligations.c.due_at >= self._start - timedelta(days=3),
        )
        statement = (
            select(
                tasks.c.number,
                tasks.c.class_id,
                tasks.c.matter,
                func.sum(case((again, 1), else_=0)),
                func.count(),
            )
            .join(completions, completions.c.task == tasks.c.number)
            .where(
                tasks.c.number.in_(self._due_today()),
                completions.c.is_done.is_(False),
                completions.c.at < tasks.c.deadline,
            )
            .group_by(tasks.c.number, tasks.c.class_id, tasks.c.matter)
            .order_by(tasks.c.number)
        )
        return [
            TaskDay(number, class_id, matter, int(part), whole)
            for number, class_id, matter, part, whole in await self._uow.read(statement)
        ]
