"""The engine's statements: from a reminder that is due to a message that was sent.

Forty thousand obligations are made by a handful of `INSERT … SELECT`s; who is owed is known to
the database alone and never travels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from storage import queue
from storage.columns import ShanghaiDateTime
from storage.models.hand_offs import counters
from storage.models.people import class_groups, classes, enrolments, identities
from storage.models.queues import inbound_events, outbox
from storage.models.tasks import completions, group_days, obligations, reminders, tasks
from storage.obligations import CLOCK, FAULTS, ObligationState, Why, chunks
from storage.outbox import WITHDRAWN
from storage.tasks import Audience, ReminderState, Task, TaskKind, TaskState, task_of
from storage.vocabulary import SHANGHAI, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A platform and one of the bot's accounts on it.
Account = tuple[Platform, str]

_HEARTBEAT = "reminders_ran"
#: A message that took longer from the queue to the platform had something in its way.
_SLOW = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder whose time has come, locked to this transaction, and its task."""

    id: int
    step: str
    due_at: datetime
    useful_until: datetime
    task: Task


@dataclass(frozen=True, slots=True)
class Firing:
    """
    What becomes of a due reminder: owed from `not_before` on; or it `is_expired`, too late.

    `why` is what made it so; a fault makes it late.
    """

    due: Due
    not_before: datetime
    is_expired: bool = False
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A planned obligation whose time has come. `is_done`: whoever is owed has done it since."""

    id: int
    reminder: int
    task: int
    class_id: int
    recipient: str
    person_id: int | None
    due_at: datetime
    useful_until: datetime
    why: Why | None = None
    is_done: bool = False


class Reminding:
    """Makes obligations, hands them over, and sees what became of them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- the heartbeat ----------------------------------------------------------------------------

    async def last_run(self) -> datetime | None:
        """When somebody last looked after the reminders, whichever instance; None: never."""
        statement = select(counters.c.value).where(counters.c.name == _HEARTBEAT)
        seconds: int = (await self._uow.read(statement)).scalar_one()
        return datetime.fromtimestamp(seconds, SHANGHAI) if seconds else None

    async def ran(self, now: datetime) -> None:
        """Somebody has; a clock that was set back does not take that away."""
        await self._uow.write(
            update(counters).where(counters.c.name == _HEARTBEAT).values(value=int(now.timestamp()))
        )

    async def missed(self, before: datetime) -> None:
        """Nobody was there to send what should have gone by then."""
        await self._uow.write(
            update(obligations)
            .where(
                queue.is_in(obligations, ObligationState.PLANNED),
                obligations.c.not_before <= before,
            )
            .values(why=Why.DOWN)
        )

    async def unheard(self, online: Collection[Account], before: datetime) -> None:
        """What should have gone by then and waits for an account that is offline."""
        is_offline = exists().where(
            class_groups.c.class_id == obligations.c.class_id, ~_is_one_of(online)
        )
        await self._uow.write(
            update(obligations)
            .where(
                queue.is_in(obligations, ObligationState.PLANNED),
                obligations.c.not_before <= before,
                or_(obligations.c.why.is_(None), obligations.c.why.not_in(FAULTS)),
                is_offline,
            )
            .values(why=Why.OFFLINE)
        )

    # -- due reminders ----------------------------------------------------------------------------

    async def due(self, now: datetime, ahead: datetime, limit: int) -> list[Due]:
        """
        Planned reminders whose time has come, the most urgent first; nobody else gets them.

        Also those whose whole use lies between now and `ahead`, the end of the coming night.
        """
        statement = (
            select(
                reminders.c.id,
                reminders.c.step,
                reminders.c.due_at,
                reminders.c.useful_until,
                tasks,
            )
            .join(tasks, tasks.c.number == reminders.c.task)
            .where(
                queue.is_in(reminders, ReminderState.PLANNED),
                or_(
                    reminders.c.due_at <= now,
                    and_(
                        reminders.c.due_at <= ahead,
                        reminders.c.useful_until <= ahead,
                        tasks.c.kind != TaskKind.PERSONAL,
                    ),
                ),
            )
            .order_by(reminders.c.useful_until, reminders.c.id)
            .limit(limit)
            .with_for_update(of=reminders, skip_locked=True)
        )
        return [
            Due(row.id, row.step, row.due_at, row.useful_until, task_of(row))
            for row in await self._uow.read(statement)
        ]

    async def owe(self, firings: Sequence[Firing], now: datetime) -> dict[int, int]:
        """
        Make the obligations of these reminders, each only once; how many, by reminder.

        Owed is who has not done it by now, or everybody: as persons where it is private, else
        once to each group of the class.
        """
        armed = [it for it in firings if it.due.task.state is TaskState.ARMED]
        persons = [it for it in armed if _is_for_persons(it.due.task)]
        owners = [it for it in armed if it.due.task.audience is Audience.OWNER]
        to_groups = [it for it in armed if it not in persons and it not in owners]
        await self._insert(_persons_owed(), persons, now)
        await self._insert(_owner_owed(), owners, now)
        await self._insert(_groups_owed(), to_groups, now)
        await self._insert(_groupless_owed(), to_groups, now)
        await self._end_reminders(firings, now)
        counts: dict[int, int] = {}
        for chunk in chunks([it.due.id for it in armed]):
            statement = (
                select(obligations.c.reminder, func.count())
                .where(obligations.c.reminder.in_(chunk))
                .group_by(obligations.c.reminder)
            )
            counts.update((row[0], row[1]) for row in await self._uow.read(statement))
        return counts

    async def _insert(
        self, owed: Select[*tuple[Any, ...]], firings: Sequence[Firing], now: datetime
    ) -> None:
        if not firings:
            return
        columns = [
            "reminder",
            "task",
            "class_id",
            "recipient",
            "person_id",
            "due_at",
            "useful_until",
            "not_before",
            "state",
            "ended_at",
            "ended_by",
            "why",
        ]
        # Locked reminders have no obligations yet; the table's unique key would say otherwise.
        statement = insert(obligations).from_select(columns, owed)
        await self._uow.write(
            statement,
            [
                {
                    "its_reminder": it.due.id,
                    "its_task": it.due.task.number,
                    "its_class": it.due.task.class_id,
                    "its_owner": it.due.task.person_id,
                    "its_due_at": it.due.due_at,
                    "its_useful_until": it.due.useful_until,
                    "its_not_before": it.not_before,
                    "its_state": (
                        ObligationState.EXPIRED if it.is_expired else ObligationState.PLANNED
                    ),
                    "its_end": now if it.is_expired else None,
                    "its_ender": CLOCK if it.is_expired else None,
                    "its_why": it.why,
                }
                for it in firings
            ],
        )

    async def _end_reminders(self, firings: Sequence[Firing], now: datetime) -> None:
        rows = []
        for it in firings:
            if it.due.task.state is not TaskState.ARMED:
                state = ReminderState.CANCELLED
            elif it.is_expired:
                state = ReminderState.EXPIRED
            else:
                state = ReminderState.LATE if it.why in FAULTS else ReminderState.FIRED
            rows.append(
                {
                    "its_id": it.due.id,
                    "its_state": state,
                    "its_minutes": minutes_late(it.due.due_at, now),
                }
            )
        if rows:
            await self._uow.write(
                update(reminders)
                .where(reminders.c.id == bindparam("its_id"))
                .values(
                    state=bindparam("its_state"),
                    ended_at=now,
                    ended_by=CLOCK,
                    late_minutes=bindparam("its_minutes"),
                ),
                rows,
            )

    # -- what is to be said now -------------------------------------------------------------------

    async def ready_classes(
        self,
        now: datetime,
        limit: int,
        *,
        accounts: Collection[Account],
        asked_for: bool = False,
    ) -> list[int]:
        """
        Classes for which something is to be said, the most urgent first, locked to us.

        Only those that one of these accounts serves, and those without a group. `asked_for`: only
        what students have asked for themselves.
        """
        # Grouped before anything else is asked: tens of thousands of rows, a few hundred classes.
        waiting = (
            select(
                obligations.c.class_id, func.min(obligations.c.useful_until).label("useful_until")
            )
            .where(*_is_ready(now, asked_for))
            .group_by(obligations.c.class_id)
            .cte("waiting")
        )
        has_group = exists().where(class_groups.c.class_id == waiting.c.class_id)
        is_served = exists().where(
            class_groups.c.class_id == waiting.c.class_id, _is_one_of(accounts)
        )
        ready = (
            select(waiting.c.class_id)
            .where(or_(is_served, ~has_group))
            .order_by(waiting.c.useful_until, waiting.c.class_id)
            .limit(limit)
        )
        found = list((await self._uow.read(ready)).scalars())
        if not found:
            return []
        # Two instances never write for the same class at a time: a group hears of everything at
        # once, and its budget is counted by one.
        locked = await self._uow.read(
            select(classes.c.id)
            .where(classes.c.id.in_(found))
            .with_for_update(key_share=True, skip_locked=True)
        )
        ours = set(locked.scalars())
        return [class_id for class_id in found if class_id in ours]

    async def ready(
        self, class_ids: Collection[int], now: datetime, *, asked_for: bool = False
    ) -> dict[int, list[Owed]]:
        """What is to be said in these classes, by class, the most urgent first."""
        is_done = exists().where(
            completions.c.task == obligations.c.task,
            completions.c.person_id == obligations.c.person_id,
            completions.c.is_done,
        )
        statement = (
            select(
                obligations,
                case((obligations.c.person_id.is_(None), False), else_=is_done).label("is_done"),
            )
            .where(*_is_ready(now, asked_for), obligations.c.class_id.in_(class_ids))
            .order_by(obligations.c.useful_until, obligations.c.id)
        )
        found: dict[int, list[Owed]] = defaultdict(list)
        for row in await self._uow.read(statement):
            found[row.class_id].append(
                Owed(
                    row.id,
                    row.reminder,
                    row.task,
                    row.class_id,
                    row.recipient,
                    row.person_id,
                    row.due_at,
                    row.useful_until,
                    None if row.why is None else Why(row.why),
                    bool(row.is_done),
                )
            )
        return found

    async def steps(self, ids: Collection[int]) -> dict[int, str]:
        """The step of each reminder, `T-7`."""
        found: dict[int, str] = {}
        for chunk in chunks(sorted(ids)):
            statement = select(reminders.c.id, reminders.c.step).where(reminders.c.id.in_(chunk))
            found.update((row[0], row[1]) for row in await self._uow.read(statement))
        return found

    async def accounts_of(
        self, person_ids: Collection[int]
    ) -> dict[int, list[tuple[Platform, str]]]:
        """The chat accounts of each person."""
        found: dict[int, list[tuple[Platform, str]]] = defaultdict(list)
        for chunk in chunks(sorted(person_ids)):
            statement = (
                select(identities.c.person_id, identities.c.platform, identities.c.user_id)
                .where(identities.c.person_id.in_(chunk))
                .order_by(identities.c.id)
            )
            for person_id, platform, user_id in await self._uow.read(statement):
                found[person_id].append((Platform(platform), user_id))
        return found

    async def heard(self, platform: Platform, user_ids: Collection[str]) -> set[tuple[str, str]]:
        """Who of these has written to us in private: (account of ours, their id)."""
        found: set[tuple[str, str]] = set()
        for chunk in chunks(sorted(user_ids)):
            statement = (
                select(inbound_events.c.account, inbound_events.c.conversation_id)
                .where(
                    inbound_events.c.platform == platform,
                    inbound_events.c.conversation_id.in_(chunk),
                    inbound_events.c.kind == "message",
                )
                .distinct()
            )
            found.update((row[0], row[1]) for row in await self._uow.read(statement))
        return found

    async def pushed(self, class_ids: Collection[int], day: date) -> dict[tuple[str, ...], int]:
        """How often each group of these classes was spoken to unasked on that day."""
        statement = (
            select(group_days)
            .join(
                class_groups,
                and_(
                    class_groups.c.platform == group_days.c.platform,
                    class_groups.c.account == group_days.c.account,
                    class_groups.c.group_id == group_days.c.group_id,
                ),
            )
            .where(class_groups.c.class_id.in_(class_ids), group_days.c.day == day.isoformat())
        )
        return {
            (row.platform, row.account, row.group_id): row.pushed
            for row in await self._uow.read(statement)
        }

    async def waiting(self) -> dict[tuple[Platform, str], int]:
        """How many of our messages wait in the outbox, by account."""
        # Counted here: grouped by the database, SQLite would walk through all that was ever sent.
        statement = select(outbox.c.platform, outbox.c.account).where(
            queue.is_in(outbox, queue.READY), outbox.c.key.like("remind:%")
        )
        return Counter(
            (Platform(platform), account) for platform, account in await self._uow.read(statement)
        )

    # -- what becomes of it -----------------------------------------------------------------------

    async def queued(self, ids: Collection[int], key: str) -> None:
        """These are brought by the message of this key."""
        await self._update(ids, {"state": ObligationState.QUEUED, "outbox_key": key})

    async def hold(self, ids: Collection[int], until: datetime, why: Why) -> None:
        """Not before then, and why not; a fault once found stays the reason."""
        kept = case((obligations.c.why.in_(FAULTS), obligations.c.why), else_=literal(str(why)))
        await self._update(ids, {"not_before": until, "why": kept})

    async def end(
        self,
        ids: Collection[int],
        state: ObligationState,
        *,
        by: str,
        now: datetime,
        why: Why | None = None,
    ) -> None:
        """Over before they were sent."""
        values: dict[str, Any] = {"state": state, "ended_at": now, "ended_by": by}
        if why is not None:
            values["why"] = why
        await self._update(ids, values)

    async def _update(self, ids: Collection[int], values: Mapping[str, Any]) -> None:
        for chunk in chunks(sorted(ids)):
            await self._uow.write(
                update(obligations)
                .where(
                    obligations.c.id.in_(chunk),
                    queue.is_in(obligations, ObligationState.PLANNED),
                )
                .values(**values)
            )

    async def expire(self, now: datetime) -> None:
        """Whatever is of no use any more is not said; the reason it waited for is the why."""
        await self._uow.write(
            update(obligations)
            .where(
                queue.is_in(obligations, ObligationState.PLANNED),
                obligations.c.useful_until <= now,
            )
            .values(
                state=ObligationState.EXPIRED,
                ended_at=now,
                ended_by=CLOCK,
                why=func.coalesce(obligations.c.why, literal(str(Why.CROWDED))),
            )
        )

    async def overdue(self, now: datetime) -> list[str]:
        """Keys of messages that wait in the outbox with something that is of no use any more."""
        return await self._waiting_keys(obligations.c.useful_until <= now)

    async def unasked(self) -> list[str]:
        """Keys of messages that wait in the outbox and that nobody has asked for."""
        return await self._waiting_keys(~_is_asked_for())

    async def _waiting_keys(self, wanted: ColumnElement[bool]) -> list[str]:
        statement = (
            select(obligations.c.outbox_key)
            .distinct()
            .join(outbox, outbox.c.key == obligations.c.outbox_key)
            .where(
                queue.is_in(obligations, ObligationState.QUEUED),
                queue.is_in(outbox, queue.READY),
                wanted,
            )
        )
        return list((await self._uow.read(statement)).scalars())

    async def settle(self) -> int:
        """Obligations whose message was sent or never can be end so; how many messages."""
        statement = (
            select(
                obligations.c.outbox_key,
                obligations.c.reminder,
                obligations.c.due_at,
                outbox.c.state,
                outbox.c.sent_at,
                outbox.c.created_at,
            )
            .distinct()
            .join(outbox, outbox.c.key == obligations.c.outbox_key)
            .where(
                queue.is_in(obligations, ObligationState.QUEUED),
                outbox.c.state.in_((queue.DONE, queue.DEAD, WITHDRAWN)),
            )
        )
        rows = (await self._uow.read(statement)).all()
        for row in rows:
            values: dict[str, Any]
            if row.state == queue.DONE:
                is_slow = row.sent_at - row.created_at > _SLOW
                faults = obligations.c.why.in_(FAULTS)
                values = {
                    "state": ObligationState.LATE
                    if is_slow
                    else case(
                        (faults, literal(str(ObligationState.LATE))),
                        else_=literal(str(ObligationState.SENT)),
                    ),
                    "ended_at": row.sent_at,
                    "ended_by": CLOCK,
                    "late_minutes": minutes_late(row.due_at, row.sent_at),
                }
                if is_slow:
                    values["why"] = case(
                        (faults, obligations.c.why), else_=literal(str(Why.OFFLINE))
                    )
            elif row.state == queue.DEAD:
                values = {
                    "state": ObligationState.EXPIRED,
                    "ended_at": row.created_at,
                    "ended_by": CLOCK,
                    "why": Why.REFUSED,
                }
            else:
                values = {"state": ObligationState.PLANNED, "outbox_key": None}
            await self._uow.write(
                update(obligations)
                .where(
                    obligations.c.outbox_key == row.outbox_key,
                    obligations.c.reminder == row.reminder,
                    queue.is_in(obligations, ObligationState.QUEUED),
                )
                .values(**values)
            )
        return len(rows)

    # -- tasks that are over, or come round again -------------------------------------------------

    async def unfinished(self, numbers: Collection[int]) -> set[int]:
        """Of these tasks, those that still owe somebody something."""
        found: set[int] = set()
        for chunk in chunks(sorted(numbers)):
            statement = (
                select(obligations.c.task)
                .where(
                    obligations.c.task.in_(chunk),
                    obligations.c.state.in_((ObligationState.PLANNED, ObligationState.QUEUED)),
                )
                .distinct()
            )
            found.update((await self._uow.read(statement)).scalars())
        return found

    async def recurring_without_plan(self) -> list[Task]:
        """Armed tasks that come round again and of which nothing is planned."""
        is_planned = exists().where(
            reminders.c.task == tasks.c.number,
            queue.is_in(reminders, ReminderState.PLANNED),
        )
        statement = (
            select(tasks)
            .where(tasks.c.state == TaskState.ARMED, tasks.c.rule.is_not(None), ~is_planned)
            .order_by(tasks.c.number)
        )
        return [task_of(row) for row in await self._uow.read(statement)]

    async def last_step(self, numbers: Collection[int]) -> dict[int, datetime]:
        """When the last reminder of each task was due."""
        statement = (
            select(reminders.c.task, func.max(reminders.c.due_at))
            .where(reminders.c.task.in_(numbers))
            .group_by(reminders.c.task)
        )
        return {row[0]: row[1] for row in await self._uow.read(statement)}


def minutes_late(due_at: datetime, at: datetime) -> int:
    """Whole minutes from when it was due; never negative, whatever the clock did."""
    return max(0, (at - due_at) // _MINUTE)


def _is_one_of(accounts: Collection[Account]) -> ColumnElement[bool]:
    wanted = sorted(accounts)
    return tuple_(class_groups.c.platform, class_groups.c.account).in_(wanted)


def _is_ready(now: datetime, asked_for: bool) -> list[ColumnElement[bool]]:
    ready: list[ColumnElement[bool]] = [
        queue.is_in(obligations, ObligationState.PLANNED),
        obligations.c.not_before <= now,
    ]
    return [*ready, _is_asked_for()] if asked_for else ready


def _is_asked_for() -> ColumnElement[bool]:
    return exists().where(tasks.c.number == obligations.c.task, tasks.c.kind == TaskKind.PERSONAL)


# -- who is owed ----------------------------------------------------------------------------------


def _is_for_persons(task: Task) -> bool:
    if task.audience is Audience.OWNER:
        return False
    return task.audience is Audience.UNDONE or task.is_private


def _bound(name: str, kind: Any) -> ColumnElement[Any]:
    # PostgreSQL wants to be told what a parameter in a select list is.
    return cast(bindparam(name, type_=kind), kind)


def _with(
    class_id: ColumnElement[Any], recipient: ColumnElement[Any], person_id: ColumnElement[Any]
) -> Select[*tuple[Any, ...]]:
    return select(
        _bound("its_reminder", BigInteger),
        _bound("its_task", BigInteger),
        class_id,
        recipient,
        person_id,
        bindparam("its_due_at", type_=ShanghaiDateTime),
        bindparam("its_useful_until", type_=ShanghaiDateTime),
        bindparam("its_not_before", type_=ShanghaiDateTime),
        _bound("its_state", String(20)),
        bindparam("its_end", type_=ShanghaiDateTime),
        _bound("its_ender", String(120)),
        _bound("its_why", String(20)),
    )


def _persons_owed() -> Select[*tuple[Any, ...]]:
    has_done = exists().where(
        completions.c.task == bindparam("its_task", type_=BigInteger),
        completions.c.person_id == enrolments.c.person_id,
        completions.c.is_done,
    )
    return _with(
        enrolments.c.class_id,
        literal("person:") + cast(enrolments.c.person_id, String),
        enrolments.c.person_id,
    ).where(enrolments.c.class_id == bindparam("its_class", type_=BigInteger), ~has_done)


def _owner_owed() -> Select[*tuple[Any, ...]]:
    owner = _bound("its_owner", BigInteger)
    return (
        _with(classes.c.id, literal("person:") + cast(owner, String), owner)
        .select_from(classes)
        .where(classes.c.id == bindparam("its_class", type_=BigInteger), owner.is_not(None))
    )


def _groups_owed() -> Select[*tuple[Any, ...]]:
    colon = literal(":")
    return _with(
        class_groups.c.class_id,
        literal("group:")
        + class_groups.c.platform
        + colon
        + class_groups.c.account
        + colon
        + class_groups.c.group_id,
        cast(null(), BigInteger),
    ).where(class_groups.c.class_id == bindparam("its_class", type_=BigInteger))


def _groupless_owed() -> Select[*tuple[Any, ...]]:
    has_group = exists().where(class_groups.c.class_id == classes.c.id)
    return _with(
        classes.c.id, literal("class:") + cast(classes.c.id, String), cast(null(), BigInteger)
    ).where(classes.c.id == bindparam("its_class", type_=BigInteger), ~has_group)
