"""
Reminders: what is due becomes owed, what is owed is said with manners, what was said is settled.

Every step asks the database what is to be done and takes it in the transaction that does it, so
that two instances, a crash or a clock that jumps neither lose a reminder nor say one twice.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import structlog

from handlers import matters, texts, texts_reminders
from handlers import texts_reminding as words
from handlers.published import facts_in_words
from handlers.reminders import follow_calendar, title_of
from handlers.reminding import (
    LATE_AFTER,
    Delivery,
    GroupNow,
    Surroundings,
    ahead,
    allowed_from,
    decide,
    firing,
    is_last_call,
    is_quiet,
    next_of,
    say,
)
from handlers.texts_done import list_says_not
from schedules.means import Means
from storage.interactions import Kind, Record
from storage.obligations import CLOCK, TO_GROUP, TO_PERSON, Unreached, Why
from storage.people import ClassGroup, ClassRoom, Tutor
from storage.reminding import Account, Firing, Owed
from storage.tasks import Task, TaskKind, TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    SHANGHAI,
    Action,
    Capabilities,
    Conversation,
    ConversationKind,
    Outgoing,
    Platform,
    Topic,
)

log = structlog.get_logger()

#: So many at a time: a transaction holds up everybody else's for a fraction of a second.
DUE_AT_A_TIME, CLASSES_AT_A_TIME = 50, 50
#: Minutes of the outbox's pace that may wait in it; the rest waits here, where it can be stopped.
MINUTES_QUEUED = 2
LINES_IN_A_CARD, NAMES_IN_A_LINE = 12, 8
_ANY = Capabilities()


async def fire(uow: UnitOfWork, now: datetime, means: Means) -> bool:
    """Due reminders are owed from now on; whether more of them are due."""
    due = await uow.reminding.due(now, ahead(now, means.reminders), DUE_AT_A_TIME)
    if not due:
        return False
    firings = [firing(item, now, means.reminders) for item in due]
    counts = await uow.reminding.owe(firings, now)
    rooms = await uow.people.classes({item.task.class_id for item in due}, now)
    table = matters.load(means.reminders.matters)
    for item in firings:
        if not item.is_expired and counts.get(item.due.id):
            _record(uow, item, rooms[item.due.task.class_id], table, now)
    return len(due) == DUE_AT_A_TIME


async def release(uow: UnitOfWork, now: datetime, means: Means) -> bool:
    """
    What is owed is said, as far as manners and the pace allow; whether there may be more.

    At night only what students have asked for themselves.
    """
    online = {(line.platform, line.account) for line in await uow.lines.all() if line.is_online}
    last = await uow.reminding.last_run()
    await uow.reminding.ran(now)
    if last is not None and now - last > LATE_AFTER:
        await uow.reminding.missed(now - LATE_AFTER)
    await uow.reminding.unheard(online, now - LATE_AFTER)
    turns = await _turns(uow, online, means)
    asked_for = is_last_call(now, means.reminders)
    class_ids = await uow.reminding.ready_classes(
        now,
        CLASSES_AT_A_TIME,
        accounts=[account for account, left in turns.items() if left > 0],
        asked_for=asked_for,
    )
    if not class_ids:
        return False
    rooms = await uow.people.classes(class_ids, now)
    is_progress = False
    for class_id in class_ids:
        room = rooms[class_id]
        accounts = {(group.platform, group.account) for group in room.groups}
        # Not even looked at: a class's rows are many, and its account has no turn left.
        if accounts and not any(turns[account] > 0 for account in accounts):
            continue
        owed = await uow.reminding.ready([class_id], now, asked_for=asked_for)
        if owed[class_id]:
            is_progress |= await _release(uow, owed[class_id], room, turns, now, means)
    return is_progress and len(class_ids) == CLASSES_AT_A_TIME


async def settle(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """What was sent is sent; what waited too long, or into the night, is taken back."""
    await uow.reminding.settle()
    await uow.obligations.take_back(await uow.reminding.overdue(now), now)
    if is_quiet(now, means.reminders):
        await uow.obligations.take_back(await uow.reminding.unasked(), now)
    await uow.reminding.expire(now)


async def report(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Every tutor hears once a day of what reached nobody; where there is none, the unit does."""
    clock = now.astimezone(SHANGHAI).time()
    if clock < means.reminders.clock("report_at") or is_quiet(now, means.reminders):
        return
    class_ids = await uow.obligations.untold_classes()
    if not class_ids:
        return
    # Of two instances that look at the same moment one waits, and then sees what was said.
    await uow.tasks.lock()
    rooms = await uow.people.classes(class_ids, now)
    told: dict[int, tuple[Tutor, list[ClassRoom]]] = {}
    for room in rooms.values():
        for person in await _responsible(uow, room, now):
            told.setdefault(person.person_id, (person, []))[1].append(room)
    keys = {person_id: f"unreached:{person_id}:{now:%Y%m%d}" for person_id in told}
    known = await uow.outbox.known(list(keys.values()))
    items = await uow.obligations.unreached(class_ids, NAMES_IN_A_LINE)
    done: set[int] = set()
    for person_id, (person, own_rooms) in told.items():
        place = _private_with(person, own_rooms)
        if place is None or keys[person_id] in known:
            continue
        text = _card([it for it in items if it.class_id in {r.id for r in own_rooms}], rooms)
        signed = texts.signed(means.settings.name, text)
        uow.outbox.add(Outgoing(key=keys[person_id], conversation=place, text=signed), now=now)
        done |= {room.id for room in own_rooms}
    if done:
        await uow.obligations.told(done, now)


async def wind_up(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """What is over ends; what comes round again is planned anew, also what was missed of it."""
    recurring = await uow.reminding.recurring_without_plan()
    last = await uow.reminding.last_step([task.number for task in recurring])
    over: list[int] = []
    for task in recurring:
        try:
            planned = next_of(task, last.get(task.number, task.made_at), means.working)
        except ValueError:
            log.exception("reminders.rule_not_read", task=task.number)
            continue
        if planned:
            await uow.tasks.plan(planned)
        else:
            over.append(task.number)
    over = list(dict.fromkeys([*over, *await uow.tasks.over(now)]))
    unfinished = await uow.reminding.unfinished(over)
    await uow.tasks.end(
        [number for number in over if number not in unfinished],
        TaskState.ENDED,
        by=CLOCK,
        now=now,
    )


async def follow(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """What hangs on a date of the calendar moves with it; what is over for that is told of."""
    followed = await follow_calendar(uow, now, means.working)
    if not followed:
        return
    rooms = await uow.people.classes({item.task.class_id for item in followed}, now)
    table = matters.load(means.reminders.matters)
    for item in followed:
        task, room = item.task, rooms[item.task.class_id]
        action = Action.WITHDRAWN if item.is_over else Action.MOVED
        _note(uow, task, room, table, action, f"follow:{task.number}:{now:%Y%m%d%H%M%S%f}", now)
        if not item.is_over:
            continue
        text = texts_reminders.calendar_gone(task.number, title_of(task), item.matter)
        for place in await _who_ordered(uow, task, room, now, means):
            message = Outgoing(
                key=f"follow:{task.number}:{place.id}",
                conversation=place,
                text=texts.signed(means.settings.name, text),
            )
            uow.outbox.add(message, now=now, not_before=allowed_from(now, means.reminders))


# -- what is said ---------------------------------------------------------------------------------


async def _turns(uow: UnitOfWork, online: Collection[Account], means: Means) -> dict[Account, int]:
    """How many messages each account may take now; those that are offline, none."""
    waiting = await uow.reminding.waiting()
    room = MINUTES_QUEUED * means.pushes_per_minute
    found: dict[Account, int] = defaultdict(int)
    found.update({account: max(0, room - waiting.get(account, 0)) for account in sorted(online)})
    return found


async def _release(
    uow: UnitOfWork,
    owed: Sequence[Owed],
    room: ClassRoom,
    turns: dict[Account, int],
    now: datetime,
    means: Means,
) -> bool:
    """What is said in one class now; whether anything became of anything."""
    tasks = await uow.tasks.of_numbers({item.task for item in owed})
    steps = await uow.reminding.steps({item.reminder for item in owed})
    person_ids = {item.person_id for item in owed if item.person_id is not None}
    accounts = await uow.reminding.accounts_of(person_ids)
    heard = await _heard(uow, accounts, means)
    pushed = await uow.reminding.pushed([room.id], now.astimezone(SHANGHAI).date())
    around = Surroundings(
        tasks=tasks,
        groups=[_group_now(group, room, pushed, now, means) for group in room.groups],
        private=_private(person_ids, room, accounts, heard, turns, means),
        platforms={
            person_id: frozenset(platform for platform, _ in accounts.get(person_id, ()))
            for person_id in person_ids
        },
    )
    decision = decide(owed, around, now, means.reminders, turns)
    if decision.deliveries:
        table = matters.load(means.reminders.matters)
        published = await uow.published.for_classes([room.id])
        facts = facts_in_words(published[room.id], room, now)
        contradicted = await uow.receipts.contradicted(list(tasks))
        for delivery in decision.deliveries:
            text = say(delivery, tasks, steps, facts, now, table)
            if not delivery.is_group:
                says_not = [
                    contradicted[(item.task, item.person_id)]
                    for item in delivery.owed
                    if item.person_id is not None and (item.task, item.person_id) in contradicted
                ]
                if says_not:
                    text = f"{text}\n{list_says_not(max(says_not))}"
            await _queue(uow, delivery, text, accounts, now, means)
    for (until, held_why), items in decision.held.items():
        await uow.reminding.hold([item.id for item in items], until, held_why)
    for (state, why), items in decision.ended.items():
        await uow.reminding.end([item.id for item in items], state, by=CLOCK, now=now, why=why)
    return bool(decision.deliveries or decision.held or decision.ended)


async def _queue(
    uow: UnitOfWork,
    delivery: Delivery,
    text: str,
    accounts: Mapping[int, Sequence[tuple[Platform, str]]],
    now: datetime,
    means: Means,
) -> None:
    place = delivery.place
    prefix = TO_GROUP if delivery.is_group else TO_PERSON
    key = f"{prefix}{delivery.owed[0].id}:{now.astimezone(SHANGHAI):%Y%m%d%H%M%S%f}"
    mention = [
        user_id
        for person_id in delivery.mention
        for platform, user_id in accounts[person_id]
        if platform is place.platform
    ]
    message = Outgoing(
        key=key,
        conversation=place,
        text=texts.signed(means.settings.name, text),
        mention=tuple(mention),
        is_push=True,
    )
    uow.outbox.add(message, now=now)
    await uow.reminding.queued([item.id for item in delivery.owed], key)
    if delivery.is_group:
        await uow.group_days.note(place, now.astimezone(SHANGHAI).date())


async def _heard(
    uow: UnitOfWork, accounts: Mapping[int, Sequence[tuple[Platform, str]]], means: Means
) -> set[tuple[Platform, str, str]]:
    """Who has written to us alone, where nobody else may be written to: (…, account, id)."""
    ids: dict[Platform, set[str]] = defaultdict(set)
    for own in accounts.values():
        for platform, user_id in own:
            if not means.capabilities.get(platform, _ANY).writes_first:
                ids[platform].add(user_id)
    return {
        (platform, account, user_id)
        for platform, user_ids in ids.items()
        for account, user_id in await uow.reminding.heard(platform, user_ids)
    }


def _private(
    person_ids: Collection[int],
    room: ClassRoom,
    accounts: Mapping[int, Sequence[tuple[Platform, str]]],
    heard: Collection[tuple[Platform, str, str]],
    turns: Mapping[Account, int],
    means: Means,
) -> dict[int, Conversation]:
    """Where each can be written to alone; rather on an account that has a turn left."""
    groups = sorted(
        (group for group in room.groups if group.left_at is None),
        key=lambda group: turns.get((group.platform, group.account), 0) <= 0,
    )
    found: dict[int, Conversation] = {}
    for person_id in person_ids:
        for group in groups:
            for platform, user_id in accounts.get(person_id, ()):
                may = means.capabilities.get(platform, _ANY).writes_first
                if platform is group.platform and (
                    may or (platform, group.account, user_id) in heard
                ):
                    place = Conversation(
                        platform,
                        group.account,
                        ConversationKind.PRIVATE,
                        user_id,
                        group.group_id,
                    )
                    found.setdefault(person_id, place)
    return found


def _group_now(
    group: ClassGroup,
    room: ClassRoom,
    pushed: Mapping[tuple[str, ...], int],
    now: datetime,
    means: Means,
) -> GroupNow:
    place = group.conversation
    count = pushed.get((group.platform, group.account, group.group_id), 0)
    if group.left_at is not None:
        return GroupNow(place, count, Why.LEFT)
    if not means.capabilities.get(group.platform, _ANY).group_push:
        return GroupNow(place, count, Why.NO_GROUP)
    if group.muted_until is not None and group.muted_until > now:
        return GroupNow(place, count, Why.MUTED, group.muted_until)
    if room.is_quiet(now):
        return GroupNow(place, count, Why.HUSHED, room.quiet_until)
    return GroupNow(place, count)


# -- what is written down -------------------------------------------------------------------------


def _record(
    uow: UnitOfWork, item: Firing, room: ClassRoom, table: matters.Matters, now: datetime
) -> None:
    """One row of the tutor's ledger; who was owed it is in the obligations."""
    key = f"reminder:{item.due.id}"
    _note(uow, item.due.task, room, table, Action.REMIND, key, now)


def _note(
    uow: UnitOfWork,
    task: Task,
    room: ClassRoom,
    table: matters.Matters,
    action: Action,
    key: str,
    now: datetime,
) -> None:
    matter = table.find(task.matter) if task.matter else None
    record = Record(
        Kind.REMINDER,
        action,
        topic=matter.topic if matter else Topic.NONE,
        article=matter.article if matter else _article(task),
        task=task.number,
    )
    uow.interactions.add(
        record,
        key=key,
        at=now,
        class_id=task.class_id,
        tutor_id=room.tutor.person_id if room.tutor else None,
        person_id=task.person_id,
        platform=room.groups[0].platform if room.groups else Platform.PLAYGROUND,
        speaker_id="",
        event_id=None,
        message_id="",
    )


def _article(task: Task) -> str:
    return "第十五条" if task.kind is TaskKind.COLLECTION else "第十六条"


async def _responsible(uow: UnitOfWork, room: ClassRoom, now: datetime) -> Sequence[Tutor]:
    if any(tutor.accounts for tutor in room.on_duty):
        return room.on_duty
    found = await uow.people.supervisors_of([room.unit_id, None], now)
    return found.get(room.unit_id) or found.get(None, [])


async def _who_ordered(
    uow: UnitOfWork, task: Task, room: ClassRoom, now: datetime, means: Means
) -> list[Conversation]:
    """Where to tell what became of an order: a student of their own, else the class's tutors."""
    if task.person_id is None:
        people = await _responsible(uow, room, now)
        found = [_private_with(person, [room]) for person in people]
        return [place for place in found if place is not None]
    accounts = await uow.reminding.accounts_of([task.person_id])
    heard = await _heard(uow, accounts, means)
    return list(_private([task.person_id], room, accounts, heard, {}, means).values())


def _private_with(person: Tutor, rooms: Sequence[ClassRoom]) -> Conversation | None:
    for room in rooms:
        for group in room.groups:
            for platform, user_id in person.accounts:
                if platform is group.platform:
                    return Conversation(
                        platform,
                        group.account,
                        ConversationKind.PRIVATE,
                        user_id,
                        group.group_id,
                    )
    return None


def _card(items: Sequence[Unreached], rooms: Mapping[int, ClassRoom]) -> str:
    lines = [words.unreached_line(rooms[it.class_id].name, it) for it in items]
    if len(lines) > LINES_IN_A_CARD:
        lines = [*lines[:LINES_IN_A_CARD], words.unreached_more(len(lines) - LINES_IN_A_CARD)]
    return words.unreached_card(lines)
