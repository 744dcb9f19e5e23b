"""What is owed to whom: one reminder to one recipient, from when it is due to how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Row, and_, func, select, update

from storage import queue
from storage.models.people import persons
from storage.models.tasks import obligations, reminders, tasks
from storage.tasks import ReminderState
from storage.vocabulary import SHANGHAI

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")

#: A database takes only so many parameters in one statement.
_CHUNK = 2000
#: Keys of messages that bring reminders; to a group, and to one person.
TO_GROUP, TO_PERSON = "remind:g:", "remind:p:"
#: Who ends what nobody ended.
CLOCK = "clock"


class ObligationState(StrEnum):
    """Where one reminder to one recipient stands; the last five are how it can end."""

    PLANNED = "planned"
    QUEUED = "queued"
    SENT = "sent"
    LATE = "late"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DONE = "done"


class Why(StrEnum):
    """
    What held a reminder back, made it late, or was the end of it.

    The bot's own fault (`FAULTS`) makes it late; manners and the pace only make it later.
    """

    DOWN = "down"  # the bot was not running
    OFFLINE = "offline"  # its account was not online
    NIGHT = "night"
    BUDGET = "budget"  # the group has heard enough for a day
    MUTED = "muted"
    HUSHED = "hushed"  # the tutor asked the bot to be quiet
    LEFT = "left"  # the bot is no longer in the group
    NO_GROUP = "no_group"
    UNBOUND = "unbound"  # nobody knows this student's account
    UNWRITTEN = "unwritten"  # a private chat only the student can begin
    REFUSED = "refused"  # the platform did not take it
    CROWDED = "crowded"  # its turn did not come in time
    RESTORED = "restored"  # a backup was put back: it may have been said


FAULTS = frozenset({Why.DOWN, Why.OFFLINE})


@dataclass(frozen=True, slots=True)
class Obligation:
    """One reminder to one recipient; `person:7` or `group:qq:10001:20001`."""

    id: int
    reminder: int
    task: int
    step: str
    class_id: int
    recipient: str
    person_id: int | None
    due_at: datetime
    useful_until: datetime
    not_before: datetime
    state: ObligationState
    ended_at: datetime | None
    ended_by: str | None
    late_minutes: int | None
    why: Why | None


@dataclass(frozen=True, slots=True)
class Unreached:
    """So many reminders of one task that reached nobody, for one reason, and some names."""

    class_id: int
    task: int
    title: str
    why: Why | None
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """
    How many there are in each state.

    Nothing is lost while `total` equals the sum of the states: reminders end as fired, late,
    expired or cancelled, obligations as sent, late, expired, cancelled or done.
    """

    reminders: Mapping[str, int] = field(default_factory=dict)
    obligations: Mapping[str, int] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """What has not ended yet."""
        return self.reminders.get(ReminderState.PLANNED, 0) + sum(
            self.obligations.get(state, 0)
            for state in (ObligationState.PLANNED, ObligationState.QUEUED)
        )


class Obligations:
    """Who is owed which reminder, and what became of it."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- for whoever knows better -----------------------------------------------------------------

    async def stop(
        self,
        tasks: Collection[int],
        person_id: int | Collection[int] | None,
        *,
        by: str,
        now: datetime,
        steps: Collection[str] | None = None,
    ) -> int:
        """
        Nothing more of these tasks is said to a person or some, or (None) to anybody; how much.

        They end as done where `by` begins with "done", else as cancelled; what is done is done for
        the same matter's other tasks, too. A message that waits is
        withdrawn; what else it would have brought is brought by another within seconds. One whose
        sending has begun is not stopped: it ends as sent.
        """
        await self._uow.flush()
        is_done = person_id is not None and by.startswith("done")
        if is_done:
            twins = await self._uow.tasks.twins(tasks)
            tasks = {*tasks, *(number for others in twins.values() for number in others)}
        count = 0
        for chunk in chunks(list(tasks)):
            wanted: list[ColumnElement[bool]] = [obligations.c.task.in_(chunk)]
            if person_id is not None:
                persons = [person_id] if isinstance(person_id, int) else list(person_id)
                wanted.append(obligations.c.person_id.in_(persons))
            if steps is not None:
                of_steps = select(reminders.c.id).where(
                    reminders.c.task.in_(chunk), reminders.c.step.in_(steps)
                )
                wanted.append(obligations.c.reminder.in_(of_steps))
            keys = (
                select(obligations.c.outbox_key)
                .distinct()
                .where(*wanted, queue.is_in(obligations, ObligationState.QUEUED))
            )
            await self.take_back(list((await self._uow.read(keys)).scalars()), now)
            ended = await self._uow.write(
                update(obligations)
                .where(*wanted, queue.is_in(obligations, ObligationState.PLANNED))
                .values(
                    state=ObligationState.DONE if is_done else ObligationState.CANCELLED,
                    ended_at=now,
                    ended_by=by[:120],
                )
            )
            count += ended.rowcount
        return count

    async def counts(self, tasks: Collection[int]) -> dict[int, dict[str, int]]:
        """By task, how many obligations are in each state; a state without any is left out."""
        await self._uow.flush_earlier()
        found: dict[int, dict[str, int]] = defaultdict(dict)
        for chunk in chunks(list(tasks)):
            statement = (
                select(obligations.c.task, obligations.c.state, func.count())
                .where(obligations.c.task.in_(chunk))
                .group_by(obligations.c.task, obligations.c.state)
            )
            for task, state, count in await self._uow.read(statement):
                found[task][state] = count
        return dict(found)

    async def sums(self, numbers: Collection[int] | None = None) -> Sums:
        """The sums of these tasks, or of all there ever were."""
        await self._uow.flush_earlier()
        of_reminders: dict[str, int] = defaultdict(int)
        of_obligations: dict[str, int] = defaultdict(int)
        for chunk in (None,) if numbers is None else chunks(list(numbers)):
            for table, found in ((reminders, of_reminders), (obligations, of_obligations)):
                statement = select(table.c.state, func.count()).group_by(table.c.state)
                if chunk is not None:
                    statement = statement.where(table.c.task.in_(chunk))
                for state, count in await self._uow.read(statement):
                    found[state] += count
        return Sums(dict(of_reminders), dict(of_obligations))

    async def retry(self, number: int, now: datetime) -> int:
        """What reached nobody and is still of use is tried once more; how many it were."""
        again = await self._uow.write(
            update(obligations)
            .where(
                obligations.c.task == number,
                queue.is_in(obligations, ObligationState.EXPIRED),
                obligations.c.useful_until > now,
            )
            .values(
                state=ObligationState.PLANNED,
                not_before=now,
                outbox_key=None,
                ended_at=None,
                ended_by=None,
                why=None,
            )
        )
        return again.rowcount

    async def of_task(self, number: int, limit: int) -> list[Obligation]:
        """What is and was owed for a task, the newest first."""
        await self._uow.flush_earlier()
        statement = (
            select(obligations, reminders.c.step)
            .join(reminders, reminders.c.id == obligations.c.reminder)
            .where(obligations.c.task == number)
            .order_by(obligations.c.due_at.desc(), obligations.c.id)
            .limit(limit)
        )
        return [_obligation(row) for row in await self._uow.read(statement)]

    # -- for the engine ---------------------------------------------------------------------------

    async def take_back(self, keys: Collection[str], now: datetime) -> set[str]:
        """
        Messages that are not being sent yet are withdrawn; what they bring is planned once more.

        Those withdrawn. A group's count of the day has one fewer.
        """
        gone: set[str] = set()
        for chunk in chunks(list(keys)):
            for taken in await self._uow.outbox.withdraw(chunk):
                gone.add(taken.key)
                if taken.key.startswith(TO_GROUP):
                    day = taken.created_at.astimezone(SHANGHAI).date()
                    await self._uow.group_days.note(taken.conversation, day, by=-1)
        for chunk in chunks(sorted(gone)):
            await self._uow.write(
                update(obligations)
                .where(
                    obligations.c.outbox_key.in_(chunk),
                    queue.is_in(obligations, ObligationState.QUEUED),
                )
                .values(state=ObligationState.PLANNED, outbox_key=None)
            )
        return gone

    async def untold_classes(self) -> list[int]:
        """The classes of whatever reached nobody and no tutor has been told of."""
        statement = select(obligations.c.class_id).distinct().where(_is_untold())
        return list((await self._uow.read(statement)).scalars())

    async def unreached(self, class_ids: Collection[int], names: int) -> list[Unreached]:
        """What no tutor of these classes has been told of, with at most so many names each."""
        statement = (
            select(
                obligations.c.class_id,
                obligations.c.task,
                obligations.c.why,
                tasks.c.title,
                obligations.c.person_id,
                persons.c.name,
            )
            .select_from(
                obligations.join(tasks, tasks.c.number == obligations.c.task).outerjoin(
                    persons, persons.c.id == obligations.c.person_id
                )
            )
            .where(obligations.c.class_id.in_(class_ids), _is_untold())
            .order_by(obligations.c.task, obligations.c.id)
        )
        people: dict[tuple[int, int, str | None, str], dict[int | None, str]] = defaultdict(dict)
        for row in await self._uow.read(statement):
            key = (row.class_id, row.task, row.why, row.title)
            # Somebody missed by three steps of one task is one person.
            people[key][row.person_id] = row.name or ""
        return [
            Unreached(
                class_id,
                task,
                title,
                None if why is None else Why(why),
                len(who),
                tuple(name for name in who.values() if name)[:names],
            )
            for (class_id, task, why, title), who in people.items()
        ]

    async def told(self, class_ids: Collection[int], now: datetime) -> None:
        """The tutors of these classes know it now."""
        await self._uow.write(
            update(obligations)
            .where(obligations.c.class_id.in_(class_ids), _is_untold())
            .values(told_at=now)
        )


def _is_untold() -> ColumnElement[bool]:
    return and_(queue.is_in(obligations, ObligationState.EXPIRED), obligations.c.told_at.is_(None))


def chunks(items: Sequence[T]) -> list[Sequence[T]]:
    """In pieces that one statement takes."""
    return [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]


def _obligation(row: Row[*tuple[Any, ...]]) -> Obligation:
    return Obligation(
        id=row.id,
        reminder=row.reminder,
        task=row.task,
        step=row.step,
        class_id=row.class_id,
        recipient=row.recipient,
        person_id=row.person_id,
        due_at=row.due_at,
        useful_until=row.useful_until,
        not_before=row.not_before,
        state=ObligationState(row.state),
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        late_minutes=row.late_minutes,
        why=None if row.why is None else Why(row.why),
    )
