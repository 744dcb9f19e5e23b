"""
The manners of reminding, pure: at what hours, in private or in the group, how often, together.

A class is decided on at once: `decide` is given all that is owed in it now and how its groups
stand, and says which messages go out, what waits until when and why, and what has ended.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from handlers import matters, texts_reminding
from handlers.matters import Matters
from handlers.sentence_plans import Plan
from handlers.settings import ReminderSettings
from handlers.working_time import WorkingTime
from storage.obligations import FAULTS, ObligationState, Why
from storage.reminding import Due, Firing, Owed
from storage.tasks import Audience, Planned, Task, TaskKind
from storage.vocabulary import SHANGHAI, Conversation, Platform

#: What is said later than this through the bot's own fault is called late, in words and figures.
LATE_AFTER = timedelta(minutes=10)
#: What is handed to the outbox is gone before the night begins.
LAST_CALL = timedelta(minutes=4)
#: What would be of no use in the morning is said this long before the night.
BEFORE_NIGHT = timedelta(hours=1)
#: A muted group is looked at again so soon.
LOOK_AGAIN = timedelta(minutes=10)
#: Occurrences of what comes round again that are planned at a time.
PLANNED_AHEAD = 5
#: An occurrence that is later than this is of no use.
LONGEST_USE = timedelta(hours=24)

Account = tuple[Platform, str]
Group = tuple[Platform, str, str]

# -- time -----------------------------------------------------------------------------------------


def is_quiet(at: datetime, settings: ReminderSettings) -> bool:
    """Whether it is night: nobody is reminded unasked."""
    clock = at.astimezone(SHANGHAI).time()
    return clock >= settings.clock("quiet_from") or clock < settings.clock("quiet_until")


def morning(at: datetime, settings: ReminderSettings) -> datetime:
    """The next end of a night, strictly later than `at`."""
    local = at.astimezone(SHANGHAI)
    today = _at(local, settings.clock("quiet_until"))
    return today if local < today else today + timedelta(days=1)


def allowed_from(at: datetime, settings: ReminderSettings) -> datetime:
    """The first instant from `at` on that is not night."""
    return morning(at, settings) if is_quiet(at, settings) else at


def is_last_call(at: datetime, settings: ReminderSettings) -> bool:
    """Whether it is night, or so nearly that what is handed over now may not be gone in time."""
    return is_quiet(at, settings) or is_quiet(at + LAST_CALL, settings)


def ahead(at: datetime, settings: ReminderSettings) -> datetime:
    """
    Until when a reminder is due at `at` already if its whole use is over by then.

    Shortly before the night that is its end; else `at` itself.
    """
    if is_quiet(at, settings) or not is_quiet(at + BEFORE_NIGHT, settings):
        return at
    return morning(at, settings)


def spread(class_id: int, settings: ReminderSettings) -> timedelta:
    """By how much later one class hears of what all hear; always the same for a class."""
    # By the golden ratio neighbouring ids are far apart: they are groups of one account.
    return timedelta(minutes=settings.spread_minutes) * (class_id * 0.6180339887 % 1)


def firing(due: Due, now: datetime, settings: ReminderSettings) -> Firing:
    """
    What becomes of a due reminder: from when it may be said, or that it is too late for it.

    It is late by the bot's own fault if that should have been more than ten minutes ago. What a
    student has asked for themselves is said when they wanted it, at night, too.
    """
    if due.task.kind is TaskKind.PERSONAL:
        is_late = now - due.due_at > LATE_AFTER
        start = latest = now
    else:
        is_late = now - allowed_from(due.due_at, settings) > LATE_AFTER
        # Before it is due where it would not outlive the coming night (`ahead`).
        start = allowed_from(now if is_late else min(due.due_at, now), settings)
        latest = start if is_late else start + spread(due.task.class_id, settings)
    if due.useful_until <= start:
        return Firing(due, start, is_expired=True, why=Why.DOWN if is_late else Why.NIGHT)
    not_before = latest if latest < due.useful_until else start
    return Firing(due, not_before, why=Why.DOWN if is_late else None)


def next_of(task: Task, after: datetime, working: WorkingTime) -> list[Planned]:
    """
    The next occurrences, later than `after`, of a task that comes round again; none: it is over.

    Raises:
        ValueError: its rule cannot be read.
    """
    if task.rule is None:
        return []
    return next_times(task.number, Plan.from_json(task.rule), after, working, until=task.deadline)


def next_times(
    number: int,
    plan: Plan,
    after: datetime,
    working: WorkingTime,
    *,
    until: datetime | None = None,
) -> list[Planned]:
    """The next times of a plan, later than `after`, as reminders of the task of that number."""
    times = list(plan.occurrences(after, working, count=PLANNED_AHEAD + 1, until=until))
    ends = [*times[1:], *(at + LONGEST_USE for at in times[-1:])]
    return [
        Planned(number, f"{at:%Y-%m-%dT%H:%M}", at, min(at + LONGEST_USE, end))
        for at, end in zip(times, ends, strict=True)
    ][:PLANNED_AHEAD]


def _at(day: datetime, clock: time) -> datetime:
    return datetime.combine(day.date(), clock, SHANGHAI)


# -- who is told where ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupNow:
    """
    A class group as it stands: `closed` is why nothing can be said there now, and until when.

    `pushed`: how often it has heard us unasked today.
    """

    place: Conversation
    pushed: int = 0
    closed: Why | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What the class looks like now.

    `private`: where each person can be written to. `platforms`: where each has an account at all.
    """

    tasks: Mapping[int, Task]
    groups: Sequence[GroupNow] = ()
    private: Mapping[int, Conversation] = field(default_factory=dict)
    platforms: Mapping[int, frozenset[Platform]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message: what it brings, and (in a group) who is mentioned."""

    place: Conversation
    owed: tuple[Owed, ...]
    mention: tuple[int, ...] = ()
    is_group: bool = False


@dataclass(slots=True)
class Decision:
    """What becomes of everything owed in a class; what is in none of these waits for its turn."""

    deliveries: list[Delivery] = field(default_factory=list)
    held: dict[tuple[datetime, Why], list[Owed]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[tuple[ObligationState, Why | None], list[Owed]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def hold(self, owed: Iterable[Owed], until: datetime, why: Why) -> None:
        self.held[(until, why)] += owed

    def end(self, owed: Iterable[Owed], state: ObligationState, why: Why | None = None) -> None:
        self.ended[(state, why)] += owed


def decide(
    owed: Sequence[Owed],
    around: Surroundings,
    now: datetime,
    settings: ReminderSettings,
    turns: MutableMapping[Account, int],
) -> Decision:
    """
    What is said in one class now.

    `turns` is how many more messages each of our accounts may take, none where it is offline; it is
    counted down here. What finds no turn is in no part of the decision and comes again.
    """
    decision = Decision()
    to_persons: list[Owed] = []
    to_groups: dict[Group, list[Owed]] = defaultdict(list)
    for reminder in _by_reminder(_sift(owed, around, now, decision)):
        task = around.tasks[reminder[0].task]
        if reminder[0].person_id is None:
            _to_its_group(reminder, around, to_groups, decision)
        elif task.is_private or task.audience is Audience.OWNER:
            to_persons += reminder
        else:
            _share_out(reminder, around, now, settings, to_persons, to_groups, decision)
    # What cannot wait goes in private where a group has heard enough; hence the groups first.
    groups = {_key(group.place): group for group in around.groups}
    for key, own in to_groups.items():
        _say_in_group(own, groups[key], around, now, settings, turns, to_persons, decision)
    _say_in_private(to_persons, around, now, settings, turns, decision)
    return decision


def _sift(
    owed: Sequence[Owed], around: Surroundings, now: datetime, decision: Decision
) -> list[Owed]:
    live: list[Owed] = []
    for item in owed:
        if item.is_done:
            decision.end([item], ObligationState.DONE)
        elif not around.tasks[item.task].is_armed:
            decision.end([item], ObligationState.CANCELLED)
        elif item.useful_until <= now:
            decision.end([item], ObligationState.EXPIRED, item.why or Why.CROWDED)
        else:
            live.append(item)
    return live


def _by_reminder(owed: Iterable[Owed]) -> list[list[Owed]]:
    found: dict[int, list[Owed]] = defaultdict(list)
    for item in owed:
        found[item.reminder].append(item)
    return list(found.values())


def _to_its_group(
    owed: Iterable[Owed],
    around: Surroundings,
    to_groups: MutableMapping[Group, list[Owed]],
    decision: Decision,
) -> None:
    places = {recipient_of(group.place): _key(group.place) for group in around.groups}
    for item in owed:
        key = places.get(item.recipient)
        if key is None:
            decision.end([item], ObligationState.EXPIRED, Why.NO_GROUP)
        else:
            to_groups[key].append(item)


def _share_out(
    owed: list[Owed],
    around: Surroundings,
    now: datetime,
    settings: ReminderSettings,
    to_persons: list[Owed],
    to_groups: MutableMapping[Group, list[Owed]],
    decision: Decision,
) -> None:
    """Few are told in private as far as they can be, many in the group."""
    in_group = owed
    if len(owed) <= settings.private_up_to or not around.groups:
        in_group = [item for item in owed if item.person_id not in around.private]
        to_persons += [item for item in owed if item.person_id in around.private]
    if not in_group:
        return
    if not around.groups:
        decision.end(in_group, ObligationState.EXPIRED, Why.NO_GROUP)
        return
    open_groups = [group for group in around.groups if group.closed is None]
    if not open_groups:
        first = min(around.groups, key=lambda group: group.until or now + LOOK_AGAIN)
        urgent, patient = _parted(in_group, around, now, settings)
        to_persons += urgent
        assert first.closed is not None
        decision.hold(patient, _again(first, now), first.closed)
        return
    homeless: list[Owed] = []
    for item in in_group:
        assert item.person_id is not None
        theirs = around.platforms.get(item.person_id, frozenset())
        group = next((it for it in open_groups if it.place.platform in theirs), None)
        if group is None:
            homeless.append(item)
        else:
            to_groups[_key(group.place)].append(item)
    # Nobody knows where they are: every group of the class hears of it.
    for index, item in enumerate(homeless):
        to_groups[_key(open_groups[index % len(open_groups)].place)].append(item)


def _parted(
    owed: Iterable[Owed], around: Surroundings, now: datetime, settings: ReminderSettings
) -> tuple[list[Owed], list[Owed]]:
    """Who can and must be told in private since tomorrow is too late; and the others."""
    urgent: list[Owed] = []
    patient: list[Owed] = []
    for item in owed:
        is_urgent = item.useful_until <= morning(now, settings) and item.person_id in around.private
        (urgent if is_urgent else patient).append(item)
    return urgent, patient


def _again(group: GroupNow, now: datetime) -> datetime:
    # It may be opened sooner than was said.
    return min(group.until or now + LOOK_AGAIN, now + LOOK_AGAIN)


def _say_in_group(
    owed: list[Owed],
    group: GroupNow,
    around: Surroundings,
    now: datetime,
    settings: ReminderSettings,
    turns: MutableMapping[Account, int],
    to_persons: list[Owed],
    decision: Decision,
) -> None:
    if group.closed is not None:
        decision.hold(owed, _again(group, now), group.closed)
        return
    left = settings.per_group_a_day - group.pushed
    tomorrow = morning(now, settings)
    digest_at = _at(now.astimezone(SHANGHAI), settings.clock("digest_at"))
    is_urgent = any(item.useful_until <= tomorrow for item in owed)
    if left <= 0:
        urgent, patient = _parted(owed, around, now, settings)
        to_persons += urgent
        decision.hold(patient, tomorrow, Why.BUDGET)
    elif left == 1 < settings.per_group_a_day and not is_urgent and now < digest_at:
        decision.hold(owed, digest_at, Why.BUDGET)
    elif _takes_turn(group.place, turns):
        mention = sorted(
            {
                item.person_id
                for item in owed
                if item.person_id is not None
                and group.place.platform in around.platforms.get(item.person_id, ())
            }
        )
        if len(mention) > settings.mention_up_to:
            mention = []
        decision.deliveries.append(Delivery(group.place, tuple(owed), tuple(mention), True))


def _say_in_private(
    owed: Sequence[Owed],
    around: Surroundings,
    now: datetime,
    settings: ReminderSettings,
    turns: MutableMapping[Account, int],
    decision: Decision,
) -> None:
    by_person: dict[int, list[Owed]] = defaultdict(list)
    for item in owed:
        assert item.person_id is not None
        by_person[item.person_id].append(item)
    for person_id, own in by_person.items():
        place = around.private.get(person_id)
        if place is None and around.groups and all(it.closed is Why.LEFT for it in around.groups):
            # Whoever is no friend is only reached through a group both are in.
            decision.hold(own, now + LOOK_AGAIN, Why.LEFT)
        elif place is None:
            known = around.platforms.get(person_id)
            why = Why.UNWRITTEN if known else Why.UNBOUND
            decision.end(own, ObligationState.EXPIRED, why)
        elif _takes_turn(place, turns):
            decision.deliveries.append(Delivery(place, tuple(own)))


def _takes_turn(place: Conversation, turns: MutableMapping[Account, int]) -> bool:
    key = (place.platform, place.account)
    if turns[key] <= 0:
        return False
    turns[key] -= 1
    return True


def recipient_of(place: Conversation) -> str:
    """How an obligation names a group."""
    return f"group:{place.platform}:{place.account}:{place.id}"


def _key(place: Conversation) -> Group:
    return (place.platform, place.account, place.id)


# -- words ----------------------------------------------------------------------------------------


def is_late(item: Owed) -> bool:
    """Whether the bot is to blame that it comes later than planned."""
    return item.why in FAULTS


def say(
    delivery: Delivery,
    tasks: Mapping[int, Task],
    steps: Mapping[int, str],
    facts: Mapping[str, str],
    now: datetime,
    table: Matters,
) -> str:
    """
    What a message says, unsigned: each task once, in the order of the deadlines.

    `steps` are those of the reminders, `facts` the class's (`handlers.published`),
    `table` the school's templates.
    """
    first: dict[int, Owed] = {}
    for item in sorted(delivery.owed, key=lambda item: (item.due_at, item.id)):
        # Of two steps of one task that came to be said together the later one is true.
        first[item.task] = item
    numbers = sorted(
        first, key=lambda number: (tasks[number].deadline or first[number].due_at, number)
    )
    items = [
        _item(
            tasks[number],
            steps[first[number].reminder],
            facts,
            _late_minutes(delivery.owed, number, now),
            now,
            table,
        )
        for number in numbers
    ]
    if delivery.is_group:
        return texts_reminding.to_group(items, now, is_mentioning=bool(delivery.mention))
    return texts_reminding.to_person(items, now)


def _item(
    task: Task,
    step: str,
    facts: Mapping[str, str],
    late: int | None,
    now: datetime,
    table: Matters,
) -> texts_reminding.Item:
    matter = table.find(task.matter) if task.matter else None
    words = ""
    if matter is not None and not task.text:
        words = matters.words(
            matter,
            step=step,
            opens_at=task.opens_at,
            deadline=task.deadline,
            facts=facts,
            now=now,
        )
    done = texts_reminding.done_word(task, matter.done if matter else "")
    # A correction asks nobody to have done anything.
    done = "" if matters.dates_in(step) else done
    return texts_reminding.Item(task, words, done, late)


def _late_minutes(owed: Iterable[Owed], number: int, now: datetime) -> int | None:
    late = [it for it in owed if it.task == number and is_late(it)]
    if not late:
        return None
    return max(0, (now - min(it.due_at for it in late)) // timedelta(minutes=1))
