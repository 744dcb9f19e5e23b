"""What is to be done until when: tasks, the reminders planned for them, and who has done it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, insert, or_, select, update

from storage.models.hand_offs import counters
from storage.models.tasks import completions, reminders, tasks

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A database takes only so many parameters in one statement.
_CHUNK = 2000


class TaskKind(StrEnum):
    """What sort of thing is to be done."""

    MATTER = "matter"  # a date of the term calendar: 考试报名, 缴费 …
    REMINDER = "reminder"  # said by a tutor in one sentence
    RECEIPT = "receipt"  # 「收到」 or 接龙 is asked for
    COLLECTION = "collection"  # files are to be handed in
    PERSONAL = "personal"  # a student's own


class TaskState(StrEnum):
    """Armed: reminders go out. Ended: its time is over. Cancelled: somebody took it back."""

    ARMED = "armed"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Audience(StrEnum):
    """Who is reminded."""

    UNDONE = "undone"
    EVERYBODY = "everybody"
    OWNER = "owner"


class ReminderState(StrEnum):
    """What became of a planned reminder as a whole."""

    PLANNED = "planned"
    FIRED = "fired"
    LATE = "late"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


#: What may be about the same matter of a class.
_OF_A_MATTER = (TaskKind.MATTER, TaskKind.REMINDER)


class How(StrEnum):
    """How we know that somebody has done it."""

    LIST = "list"
    SAID = "said"
    TUTOR = "tutor"
    FILE = "file"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A task to be. `text` empty: the words of the matter's template.

    `rule` is the JSON of a recurrence (`handlers.sentences`), None for a ladder before `deadline`.
    """

    kind: TaskKind
    class_id: int
    title: str
    audience: Audience
    made_by: str
    matter: str = ""
    text: str = ""
    is_private: bool = False
    person_id: int | None = None
    opens_at: datetime | None = None
    deadline: datetime | None = None
    rule: str | None = None
    origin: str = "chat"
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """R-n: what is to be done in one class, or by one person, and until when."""

    number: int
    kind: TaskKind
    state: TaskState
    class_id: int
    person_id: int | None
    matter: str
    title: str
    text: str
    audience: Audience
    is_private: bool
    opens_at: datetime | None
    deadline: datetime | None
    rule: str | None
    origin: str
    made_by: str
    made_at: datetime
    event_id: int | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def is_armed(self) -> bool:
        return self.state is TaskState.ARMED


@dataclass(frozen=True, slots=True)
class Planned:
    """One reminder of a task: its step (`T-7`), when it is due and until when it is of use."""

    task: int
    step: str
    due_at: datetime
    useful_until: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """Other dates of a task, and whom it is for; its reminders are the caller's to plan anew."""

    task: int
    opens_at: datetime | None
    deadline: datetime | None
    audience: Audience
    is_private: bool


@dataclass(frozen=True, slots=True)
class Reminder:
    """A planned reminder as it stands."""

    id: int
    task: int
    step: str
    due_at: datetime
    useful_until: datetime
    state: ReminderState
    ended_at: datetime | None
    ended_by: str | None
    late_minutes: int | None


@dataclass(frozen=True, slots=True)
class Completion:
    """That somebody has done it, or (not `is_done`) that a list says they have not."""

    task: int
    person_id: int
    is_done: bool
    how: How
    source: str
    by: str
    at: datetime


class Tasks:
    """Tasks, their planned reminders and who has done them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        #: The classes for which this unit of work has armed something.
        self.armed_in: set[int] = set()

    # -- tasks ------------------------------------------------------------------------------------

    async def arm(self, draft: Draft, now: datetime) -> int:
        """A new task; its number."""
        number = await self._uow.number("task")
        self._uow.add(tasks, _row(number, draft, now))
        self.armed_in.add(draft.class_id)
        return number

    async def lock(self) -> None:
        """Nobody else arms anything until this transaction is over."""
        # Whoever gives numbers holds the counter's row.
        statement = select(counters.c.value).where(counters.c.name == "task").with_for_update()
        await self._uow.read(statement)

    async def arm_many(self, drafts: Sequence[Draft], now: datetime) -> list[int]:
        """New tasks; their numbers, in the order of the drafts."""
        numbers = [await self._uow.number("task") for _ in drafts]
        rows = [_row(number, draft, now) for number, draft in zip(numbers, drafts, strict=True)]
        if rows:
            await self._uow.write(insert(tasks), rows)
        return numbers

    async def of(self, number: int) -> Task | None:
        """The task of that number."""
        return (await self.of_numbers([number])).get(number)

    async def of_numbers(self, numbers: Collection[int]) -> dict[int, Task]:
        """Tasks by number."""
        return {task.number: task for task in await self._tasks(tasks.c.number.in_(numbers))}

    async def armed(
        self, class_ids: Collection[int], kinds: Collection[TaskKind] = tuple(TaskKind)
    ) -> list[Task]:
        """What is to be done in these classes, the soonest deadline first."""
        return await self._tasks(
            tasks.c.class_id.in_(class_ids),
            tasks.c.state == TaskState.ARMED,
            tasks.c.kind.in_(kinds),
        )

    async def of_calendar(self, class_ids: Collection[int] | None = None) -> list[Task]:
        """The armed tasks that come from the term calendar, of some classes or of all."""
        wanted = [tasks.c.state == TaskState.ARMED, tasks.c.origin == "calendar"]
        if class_ids is not None:
            wanted.append(tasks.c.class_id.in_(class_ids))
        return await self._tasks(*wanted)

    async def of_person(self, person_id: int) -> list[Task]:
        """A student's own armed reminders."""
        return await self._tasks(
            tasks.c.person_id == person_id,
            tasks.c.kind == TaskKind.PERSONAL,
            tasks.c.state == TaskState.ARMED,
        )

    async def move(
        self, number: int, *, opens_at: datetime | None, deadline: datetime | None
    ) -> None:
        """Other dates; the reminders are the caller's to cancel and to plan anew."""
        await self._uow.write(
            update(tasks)
            .where(tasks.c.number == number)
            .values(opens_at=opens_at, deadline=deadline)
        )

    async def move_many(self, moves: Sequence[Moved]) -> None:
        """The same for many, and whom they are for."""
        if not moves:
            return
        statement = (
            update(tasks)
            .where(tasks.c.number == bindparam("its_number"))
            .values(
                opens_at=bindparam("new_opens_at"),
                deadline=bindparam("new_deadline"),
                audience=bindparam("new_audience"),
                is_private=bindparam("new_is_private"),
            )
        )
        await self._uow.write(
            statement,
            [
                {
                    "its_number": move.task,
                    "new_opens_at": move.opens_at,
                    "new_deadline": move.deadline,
                    "new_audience": move.audience,
                    "new_is_private": move.is_private,
                }
                for move in moves
            ],
        )

    async def hanging_on_calendar(self) -> list[Task]:
        """The armed tasks whose time is measured from a date of the class."""
        # As `handlers.sentence_plans` writes it.
        return await self._tasks(
            tasks.c.state == TaskState.ARMED, tasks.c.rule.like('%"relative_to":{%')
        )

    async def reorder(self, number: int, rule: str) -> None:
        """Other times; the reminders are the caller's to cancel and to plan anew."""
        await self._uow.write(update(tasks).where(tasks.c.number == number).values(rule=rule))

    async def twins(self, numbers: Collection[int]) -> dict[int, list[int]]:
        """
        By task, the others armed in its class for the same matter: a date of the calendar and what
        its tutor says about it. Who has done the one has done the other.
        """
        one, other = tasks.alias("one"), tasks.alias("other")
        found: dict[int, list[int]] = defaultdict(list)
        for chunk in _chunks(list(numbers)):
            statement = (
                select(one.c.number, other.c.number)
                .join(
                    other,
                    and_(
                        other.c.class_id == one.c.class_id,
                        other.c.matter == one.c.matter,
                        other.c.number != one.c.number,
                    ),
                )
                .where(
                    one.c.number.in_(chunk),
                    one.c.matter != "",
                    other.c.state == TaskState.ARMED,
                    one.c.kind.in_(_OF_A_MATTER),
                    other.c.kind.in_(_OF_A_MATTER),
                    one.c.audience == other.c.audience,
                )
                .order_by(other.c.number)
            )
            for number, twin in await self._uow.read(statement):
                found[number].append(twin)
        return found

    async def end(
        self, numbers: Collection[int], state: TaskState, *, by: str, now: datetime
    ) -> list[int]:
        """Those that were armed until now; no reminder of theirs is planned any more."""
        ended: list[int] = []
        for chunk in _chunks(list(numbers)):
            rows = await self._uow.write(
                update(tasks)
                .where(tasks.c.number.in_(chunk), tasks.c.state == TaskState.ARMED)
                .values(state=state, ended_at=now, ended_by=by)
                .returning(tasks.c.number)
            )
            ended += rows.scalars()
        await self.cancel(ended, by=by, now=now)
        await self._uow.obligations.stop(ended, None, by=by, now=now)
        return ended

    async def _tasks(self, *wanted: ColumnElement[bool]) -> list[Task]:
        await self._uow.flush_earlier()
        statement = (
            select(tasks)
            .where(*wanted)
            .order_by(tasks.c.deadline.is_(None), tasks.c.deadline, tasks.c.number)
        )
        return [task_of(row) for row in await self._uow.read(statement)]

    # -- reminders --------------------------------------------------------------------------------

    async def plan_new(self, wanted: Sequence[Planned]) -> None:
        """Reminders of tasks that were only just armed and have none yet."""
        if wanted:
            await self._uow.write(insert(reminders), [_planned(item) for item in wanted])

    async def plan(self, wanted: Sequence[Planned]) -> None:
        """
        These are to be said; planning one twice changes nothing.

        One that was cancelled (its date was moved away and back) is planned again; one that was
        said stays said.
        """
        await self._uow.flush()
        numbers = list({item.task for item in wanted})
        known: dict[tuple[int, str, datetime], tuple[int, str]] = {}
        for chunk in _chunks(numbers):
            statement = select(
                reminders.c.id,
                reminders.c.task,
                reminders.c.step,
                reminders.c.due_at,
                reminders.c.state,
            ).where(reminders.c.task.in_(chunk))
            for row in await self._uow.read(statement):
                known[(row.task, row.step, row.due_at)] = (row.id, row.state)
        new, again = [], []
        for item in wanted:
            found = known.get((item.task, item.step, item.due_at))
            if found is None:
                new.append(_planned(item))
            elif found[1] == ReminderState.CANCELLED:
                again.append({"reminder_id": found[0], "until": item.useful_until})
        if new:
            await self._uow.write(insert(reminders), new)
        if again:
            await self._uow.write(
                update(reminders)
                .where(reminders.c.id == bindparam("reminder_id"))
                .values(
                    state=ReminderState.PLANNED,
                    useful_until=bindparam("until"),
                    ended_at=None,
                    ended_by=None,
                ),
                again,
            )

    async def cancel(
        self,
        numbers: Collection[int],
        *,
        by: str,
        now: datetime,
        steps: Collection[str] | None = None,
    ) -> int:
        """Planned reminders of these tasks (of these steps) are not said; how many they were."""
        count = 0
        for chunk in _chunks(list(numbers)):
            wanted = [reminders.c.task.in_(chunk), reminders.c.state == ReminderState.PLANNED]
            if steps is not None:
                wanted.append(reminders.c.step.in_(steps))
            done = await self._uow.write(
                update(reminders)
                .where(*wanted)
                .values(state=ReminderState.CANCELLED, ended_at=now, ended_by=by)
            )
            count += done.rowcount
        return count

    async def reminders_of(self, numbers: Collection[int]) -> dict[int, list[Reminder]]:
        """Every reminder of each task, in the order of time."""
        await self._uow.flush_earlier()
        found: dict[int, list[Reminder]] = defaultdict(list)
        for chunk in _chunks(list(numbers)):
            statement = (
                select(reminders)
                .where(reminders.c.task.in_(chunk))
                .order_by(reminders.c.due_at, reminders.c.id)
            )
            for row in await self._uow.read(statement):
                found[row.task].append(_reminder(row))
        return found

    async def next_due(self, after: datetime, until: datetime) -> datetime | None:
        """When the next planned reminder falls due, between the two."""
        statement = select(func.min(reminders.c.due_at)).where(
            reminders.c.state == ReminderState.PLANNED,
            reminders.c.due_at > after,
            reminders.c.due_at <= until,
        )
        found: datetime | None = (await self._uow.read(statement)).scalar()
        return found

    # -- who has done it --------------------------------------------------------------------------

    async def complete(self, items: Sequence[Completion]) -> list[Completion]:
        """
        What is known about who has done it; the newest word counts. Those that changed anything.

        It holds for what else is armed for the same matter, too (`twins`). The reminders of
        whoever has done it are the caller's to stop (`uow.obligations.stop`).
        """
        await self._uow.flush_earlier()
        given = {(item.task, item.person_id) for item in items}
        twins = await self.twins({item.task for item in items})
        items = [
            *(replace(item, task=twin) for item in items for twin in twins.get(item.task, ())),
            *items,
        ]
        known: dict[tuple[int, int], bool] = {}
        for chunk in _chunks(list({item.task for item in items})):
            statement = select(
                completions.c.task, completions.c.person_id, completions.c.is_done
            ).where(completions.c.task.in_(chunk))
            for row in await self._uow.read(statement):
                known[(row.task, row.person_id)] = row.is_done
        latest = {(item.task, item.person_id): item for item in items}
        changed = [item for key, item in latest.items() if known.get(key) is not item.is_done]
        new = [item for item in changed if (item.task, item.person_id) not in known]
        old = [item for item in changed if (item.task, item.person_id) in known]
        if new:
            await self._uow.write(
                insert(completions),
                [
                    {
                        "task": item.task,
                        "person_id": item.person_id,
                        "is_done": item.is_done,
                        "how": item.how,
                        "source": item.source,
                        "by": item.by,
                        "at": item.at,
                    }
                    for item in new
                ],
            )
        if old:
            await self._uow.write(
                update(completions)
                .where(
                    completions.c.task == bindparam("its_task"),
                    completions.c.person_id == bindparam("its_person"),
                )
                .values(
                    is_done=bindparam("now_done"),
                    how=bindparam("now_how"),
                    source=bindparam("now_source"),
                    by=bindparam("now_by"),
                    at=bindparam("now_at"),
                ),
                [
                    {
                        "its_task": item.task,
                        "its_person": item.person_id,
                        "now_done": item.is_done,
                        "now_how": item.how,
                        "now_source": item.source,
                        "now_by": item.by,
                        "now_at": item.at,
                    }
                    for item in old
                ],
            )
        return [item for item in changed if (item.task, item.person_id) in given]

    async def completions_of(self, number: int) -> list[Completion]:
        """Everything known about who has done a task, in the order of time."""
        statement = (
            select(completions)
            .where(completions.c.task == number)
            .order_by(completions.c.at, completions.c.id)
        )
        return [_completion(row) for row in await self._uow.read(statement)]

    async def done_by(self, numbers: Collection[int]) -> Mapping[int, set[int]]:
        """By task, the persons who have done it."""
        found: dict[int, set[int]] = defaultdict(set)
        for chunk in _chunks(list(numbers)):
            statement = select(completions.c.task, completions.c.person_id).where(
                completions.c.task.in_(chunk), completions.c.is_done
            )
            for task, person_id in await self._uow.read(statement):
                found[task].add(person_id)
        return found

    async def over(self, now: datetime) -> list[int]:
        """Armed tasks whose deadline has passed and of which nothing more is planned."""
        open_ones = (
            select(func.count())
            .where(reminders.c.task == tasks.c.number)
            .where(reminders.c.state == ReminderState.PLANNED)
            .scalar_subquery()
        )
        is_over = or_(
            and_(tasks.c.deadline.is_not(None), tasks.c.deadline <= now),
            and_(
                tasks.c.deadline.is_(None),
                tasks.c.rule.is_(None),
                tasks.c.kind != "receipt",
                or_(tasks.c.opens_at.is_(None), tasks.c.opens_at <= now),
            ),
        )
        statement = select(tasks.c.number).where(
            tasks.c.state == TaskState.ARMED, is_over, open_ones == 0
        )
        return list((await self._uow.read(statement)).scalars())


def _chunks(items: Sequence[int]) -> list[Sequence[int]]:
    return [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]


def _row(number: int, draft: Draft, now: datetime) -> dict[str, Any]:
    return {
        "number": number,
        "kind": draft.kind,
        "state": TaskState.ARMED,
        "class_id": draft.class_id,
        "person_id": draft.person_id,
        "matter": draft.matter,
        "title": draft.title,
        "text": draft.text,
        "audience": draft.audience,
        "is_private": draft.is_private,
        "opens_at": draft.opens_at,
        "deadline": draft.deadline,
        "rule": draft.rule,
        "origin": draft.origin,
        "made_by": draft.made_by,
        "made_at": now,
        "event_id": draft.event_id,
    }


def _planned(item: Planned) -> dict[str, Any]:
    return {
        "task": item.task,
        "step": item.step,
        "due_at": item.due_at,
        "useful_until": item.useful_until,
        "state": ReminderState.PLANNED,
    }


def task_of(row: Row[*tuple[Any, ...]]) -> Task:
    return Task(
        number=row.number,
        kind=TaskKind(row.kind),
        state=TaskState(row.state),
        class_id=row.class_id,
        person_id=row.person_id,
        matter=row.matter,
        title=row.title,
        text=row.text,
        audience=Audience(row.audience),
        is_private=row.is_private,
        opens_at=row.opens_at,
        deadline=row.deadline,
        rule=row.rule,
        origin=row.origin,
        made_by=row.made_by,
        made_at=row.made_at,
        event_id=row.event_id,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


def _reminder(row: Row[*tuple[Any, ...]]) -> Reminder:
    return Reminder(
        id=row.id,
        task=row.task,
        step=row.step,
        due_at=row.due_at,
        useful_until=row.useful_until,
        state=ReminderState(row.state),
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        late_minutes=row.late_minutes,
    )


def _completion(row: Row[*tuple[Any, ...]]) -> Completion:
    return Completion(
        row.task, row.person_id, row.is_done, How(row.how), row.source, row.by, row.at
    )
