"""The term compiler: the dates that hold for each class, against what is armed → what to arm.

`compile_term` is pure. What is armed is what was shown: a plan has a fingerprint, and whoever
confirms it confirms that fingerprint; if a date changed meanwhile, the new plan is shown instead.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import partial
from hashlib import sha256
from typing import TypeVar

from handlers import texts_calendar as words
from handlers import texts_reminding
from handlers.matters import OPEN, Anchor, Matter, Matters, correction, load, step_of
from handlers.matters import words as words_of
from handlers.published import facts_in_words
from handlers.settings import ReminderSettings
from storage.calendar import BY_CALENDAR, ORIGIN, ArmedMatter, Dated, Place, Span, TermClass, packed
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.published import CalendarDate
from storage.tasks import Audience, Draft, Moved, Planned, Task, TaskKind, TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action, Platform, Topic

#: What opens without an end, and a correction without a new date, is news for so long.
NEWS = timedelta(days=2)
#: What would fall into the night is said so long before it begins.
BEFORE_NIGHT = timedelta(minutes=30)
#: Two steps nearer than this are one.
APART = timedelta(hours=2)
_CHUNK = 2000
Item = TypeVar("Item")
_NONE: Span = (None, None)


@dataclass(frozen=True, slots=True)
class Hours:
    """When steps counted in days are said, and the night in which nothing is, Asia/Shanghai."""

    morning: time = time(9)
    quiet_from: time = time(22)
    quiet_until: time = time(7, 30)

    def is_night(self, at: datetime) -> bool:
        """Whether nothing is said at this time of day."""
        clock = at.time()
        if self.quiet_from > self.quiet_until:
            return clock >= self.quiet_from or clock < self.quiet_until
        return self.quiet_from <= clock < self.quiet_until

    def morning_of(self, at: datetime) -> datetime:
        """When something of that day is said, outside the night."""
        moment = datetime.combine(at.date(), self.morning, SHANGHAI)
        if not self.is_night(moment):
            return moment
        return datetime.combine(at.date(), self.quiet_until, SHANGHAI)

    def awake(self, at: datetime) -> datetime:
        """The instant itself, or, in the night, some time before it began."""
        if not self.is_night(at):
            return at
        evening = datetime.combine(at.date(), self.quiet_from, SHANGHAI)
        if evening > at:
            evening -= timedelta(days=1)
        return evening - BEFORE_NIGHT


@dataclass(frozen=True, slots=True)
class Rules:
    """What the school has set: its templates, and the hours of its reminders."""

    table: Matters
    hours: Hours = Hours()
    #: Classes of so many students are spoken to in private, larger ones in their group.
    private_up_to: int = 0


def rules_from(settings: ReminderSettings) -> Rules:
    """The rules of the `[reminders]` section."""
    hours = Hours(
        quiet_from=settings.clock("quiet_from"), quiet_until=settings.clock("quiet_until")
    )
    return Rules(load(settings.matters), hours, settings.private_up_to)


@dataclass(frozen=True, slots=True)
class Step:
    """One reminder to be: its step, when it is said, until when it is of use."""

    name: str
    due_at: datetime
    useful_until: datetime


@dataclass(frozen=True, slots=True)
class Ladder:
    """The reminders of a date; `skipped` are the steps whose time has passed."""

    steps: tuple[Step, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """A task to arm."""

    class_id: int
    matter: Matter
    opens_at: datetime | None
    deadline: datetime | None
    ladder: Ladder

    @property
    def span(self) -> Span:
        return (self.opens_at, self.deadline)


@dataclass(frozen=True, slots=True)
class Changed:
    """An armed task with other dates; `told` is what people heard, where they heard another."""

    number: int
    class_id: int
    matter: Matter
    before: Span
    opens_at: datetime | None
    deadline: datetime | None
    ladder: Ladder
    told: Span | None = None

    @property
    def span(self) -> Span:
        return (self.opens_at, self.deadline)


@dataclass(frozen=True, slots=True)
class Removed:
    """An armed task whose date is no more."""

    number: int
    class_id: int
    name: str
    matter: Matter | None
    before: Span
    told: Span | None = None


@dataclass(frozen=True, slots=True)
class TermPlan:
    """
    What would be armed, changed and cancelled.

    `withheld`: class and matter somebody has cancelled by hand; other dates bring them back.
    `unknown`: matters of the calendar without a template, which nobody is reminded of.
    """

    added: tuple[Added, ...] = ()
    changed: tuple[Changed, ...] = ()
    removed: tuple[Removed, ...] = ()
    unchanged: int = 0
    withheld: tuple[tuple[int, str], ...] = ()
    unknown: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)

    @property
    def to_say(self) -> tuple["Added | Changed", ...]:
        """Where reminders are planned anew."""
        return (*self.added, *self.changed)

    @property
    def outdated(self) -> tuple["Changed | Removed", ...]:
        """Where what was planned is no longer so."""
        return (*self.changed, *self.removed)

    @property
    def size(self) -> int:
        """How many changes there are."""
        return len(self.added) + len(self.changed) + len(self.removed)

    @property
    def counts(self) -> str:
        """+12 −3 ~5."""
        return f"+{len(self.added)} −{len(self.removed)} ~{len(self.changed)}"

    @property
    def class_ids(self) -> list[int]:
        """The classes it changes anything for."""
        of_items = {item.class_id for item in self.to_say}
        return sorted(of_items | {item.class_id for item in self.removed})

    def only(self, name: str) -> "TermPlan":
        """What concerns one matter."""
        return _plan(
            [item for item in self.added if item.matter.name == name],
            [item for item in self.changed if item.matter.name == name],
            [item for item in self.removed if item.name == name],
            withheld=[item for item in self.withheld if item[1] == name],
            unknown=[item for item in self.unknown if item == name],
        )


# -- rules ----------------------------------------------------------------------------------------


def ladder(
    matter: Matter,
    opens_at: datetime | None,
    deadline: datetime | None,
    hours: Hours,
    now: datetime,
) -> Ladder:
    """
    The steps of a matter for these dates.

    A step in days is said in the morning, one in hours at its own time, but not in the night. None
    is said before the matter has opened, nor at once after another. Holidays make no difference.
    """
    is_to_opening = matter.anchor is Anchor.OPENING and opens_at is not None
    end = opens_at if is_to_opening else deadline
    opening = None
    if OPEN in matter.steps and opens_at is not None:
        opening = opens_at if opens_at.time() >= hours.morning else hours.morning_of(opens_at)
        if hours.is_night(opening):
            opening = hours.morning_of(opening + timedelta(days=1))
    points: list[tuple[datetime, str]] = []
    if opening is not None and (deadline is None or opening < deadline):
        points.append((opening, OPEN))
    for name in matter.steps:
        due = _due(name, end, hours)
        if due is None:
            continue
        is_too_early = not is_to_opening and opens_at is not None and due <= opens_at
        is_opening_day = opening is not None and due.date() == opening.date() and name[-1] != "h"
        if not is_too_early and not is_opening_day:
            points.append((due, name))
    points.sort()
    kept = [
        point
        for place, point in enumerate(points)
        if place == 0 or point[0] - points[place - 1][0] >= APART
    ]
    steps: list[Step] = []
    for place, (due, name) in enumerate(kept):
        last = due + NEWS if end is None or due >= end else end
        if name == OPEN and deadline is not None:
            last = deadline
        following = kept[place + 1][0] if place + 1 < len(kept) else last
        steps.append(Step(name, due, min(following, max(last, due))))
    return Ladder(
        tuple(step for step in steps if step.due_at > now),
        tuple(step.name for step in steps if step.due_at <= now),
    )


def _due(name: str, end: datetime | None, hours: Hours) -> datetime | None:
    counted = step_of(name)
    if counted is None or end is None:
        return None
    number, is_in_hours = counted
    if is_in_hours:
        return hours.awake(end - timedelta(hours=number))
    return hours.morning_of(end - timedelta(days=number))


def compile_term(
    classes: Iterable[TermClass],
    armed: Iterable[ArmedMatter],
    rules: Rules,
    now: datetime,
    *,
    told: Mapping[int, Span] | None = None,
    taken_back: Iterable[ArmedMatter] = (),
) -> TermPlan:
    """
    The difference between the calendar and what is armed.

    A date that has passed makes no task. `told` are the armed tasks somebody has heard of, with
    the dates they heard; `taken_back` what a person has cancelled.
    """
    said = told or {}
    standing: dict[int, dict[str, ArmedMatter]] = {}
    for item in armed:
        standing.setdefault(item.class_id, {})[item.matter] = item
    refused = {(item.class_id, item.matter): (item.opens_at, item.deadline) for item in taken_back}
    ladders: dict[tuple[str, Span], Ladder] = {}
    added: list[Added] = []
    changed: list[Changed] = []
    removed: list[Removed] = []
    withheld: list[tuple[int, str]] = []
    unknown: set[str] = set()
    unchanged = 0
    for room in classes:
        its_own = standing.get(room.class_id, {})
        for name, dated in room.dates.items():
            matter = rules.table.find(name)
            if matter is None or not matter.steps:
                if matter is None:
                    unknown.add(name)
                continue
            span = (dated.date.starts_at, dated.date.ends_at)
            if (name, span) not in ladders:
                ladders[name, span] = ladder(matter, *span, rules.hours, now)
            steps = ladders[name, span]
            old = its_own.get(name)
            if old is None:
                if not (steps.steps or (span[1] is not None and span[1] > now)):
                    continue
                if refused.get((room.class_id, name)) == span:
                    withheld.append((room.class_id, name))
                else:
                    added.append(Added(room.class_id, matter, *span, steps))
                continue
            before = (old.opens_at, old.deadline)
            same = (old.audience, old.is_private) == (matter.audience, matter.is_private)
            if before == span and same:
                unchanged += 1
                continue
            heard = said.get(old.number)
            wrong = heard if heard is not None and not _is_same(heard, span) else None
            changed.append(Changed(old.number, room.class_id, matter, before, *span, steps, wrong))
        for name, old in its_own.items():
            matter = rules.table.find(name)
            if name in room.dates and matter is not None and matter.steps:
                continue
            before = (old.opens_at, old.deadline)
            if before == _NONE:
                # Taken back already; its correction is still to be said.
                unchanged += 1
                continue
            # A date that stands, but is reminded of no more, needs no correction.
            told_of = said.get(old.number) if name not in room.dates else None
            removed.append(Removed(old.number, room.class_id, name, matter, before, told_of))
    return _plan(
        added, changed, removed, unchanged=unchanged, withheld=withheld, unknown=sorted(unknown)
    )


def _is_same(one: Span, other: Span) -> bool:
    """To the minute: no finer is told."""
    return packed(one) == packed(other)


def _plan(
    added: Sequence[Added],
    changed: Sequence[Changed],
    removed: Sequence[Removed],
    *,
    unchanged: int = 0,
    withheld: Sequence[tuple[int, str]] = (),
    unknown: Sequence[str] = (),
) -> TermPlan:
    return TermPlan(
        tuple(added),
        tuple(changed),
        tuple(removed),
        unchanged,
        tuple(withheld),
        tuple(unknown),
        _fingerprint(added, changed, removed),
    )


def _fingerprint(
    added: Sequence[Added], changed: Sequence[Changed], removed: Sequence[Removed]
) -> str:
    """The same for the same classes, dates, steps and words, and for nothing else."""
    of_ladder: dict[int, str] = {}
    of_matter: dict[int, str] = {}

    def what(item: Added | Changed) -> str:
        steps = of_ladder.get(id(item.ladder))
        if steps is None:
            steps = ",".join(f"{it.name}@{it.due_at.timestamp()}" for it in item.ladder.steps)
            of_ladder[id(item.ladder)] = steps
        matter = of_matter.get(id(item.matter))
        if matter is None:
            of_matter[id(item.matter)] = matter = repr(item.matter)
        return f"{item.class_id} {matter} {packed(item.span)} {steps}"

    lines = [f"+ {what(item)}" for item in added]
    lines += [f"~ {item.number} {item.before} {item.told} {what(item)}" for item in changed]
    lines += [f"- {item.number} {item.before} {item.told}" for item in removed]
    digest = sha256()
    for line in sorted(lines):
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Group:
    """Classes for which the same happens to the same matter."""

    sign: str
    name: str
    before: Span
    after: Span
    steps: tuple[str, ...]
    skipped: tuple[str, ...]
    has_correction: bool
    classes: int


def grouped(plan: TermPlan) -> list[Group]:
    """A plan as few lines, however many classes: those of most classes first."""
    found: Counter[tuple[str, str, Span, Span, tuple[str, ...], tuple[str, ...], bool]] = Counter()

    def names(item: Added | Changed) -> tuple[str, ...]:
        return tuple(step.name for step in item.ladder.steps)

    for one in plan.added:
        found["+", one.matter.name, _NONE, one.span, names(one), one.ladder.skipped, False] += 1
    for it in plan.changed:
        key = (it.matter.name, it.before, it.span, names(it), it.ladder.skipped, bool(it.told))
        found["~", *key] += 1
    for gone in plan.removed:
        found["−", gone.name, gone.before, _NONE, (), (), bool(gone.told)] += 1
    rows = [Group(*key, classes=count) for key, count in found.items()]
    return sorted(rows, key=lambda row: (-row.classes, row.name, row.sign))


# -- use cases ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """The exact words one class will read, and when."""

    at: datetime
    step: str
    name: str
    is_private: bool
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan as it is shown before anything is armed."""

    plan: TermPlan
    classes: int
    groups: int
    people: int
    lines: tuple[Group, ...]
    class_name: str
    samples: tuple[Sample, ...]


async def propose(
    uow: UnitOfWork,
    rules: Rules,
    now: datetime,
    *,
    class_ids: Collection[int] | None = None,
    unit_ids: Collection[int] | None = None,
    instead: Mapping[str, CalendarDate | None] | None = None,
) -> TermPlan:
    """
    What arming would change, in these classes, in those of these units, or everywhere.

    `instead` are dates not set yet, by matter, that would hold for each of the classes.
    """
    classes = await uow.calendar.classes(
        rules.table.name_of, class_ids=class_ids, unit_ids=unit_ids
    )
    if instead:
        classes = [_with(room, instead) for room in classes]
    armed = await uow.calendar.armed(class_ids, unit_ids)
    taken_back = await uow.calendar.taken_back(class_ids, unit_ids)
    # Thousands of classes take seconds of arithmetic, in which everybody else is to be answered.
    compiled = partial(compile_term, classes, armed, rules, now, taken_back=taken_back)
    first = await asyncio.to_thread(compiled)
    touched = {item.number for item in first.outdated}
    told = await uow.calendar.told([item for item in armed if item.number in touched])
    if not told:
        return first
    return await asyncio.to_thread(compiled, told=told)


def _with(room: TermClass, instead: Mapping[str, CalendarDate | None]) -> TermClass:
    dates = dict(room.dates)
    for name, date in instead.items():
        if date is None:
            dates.pop(name, None)
        else:
            dates[name] = Dated(Place(class_id=room.class_id), date)
    return replace(room, dates=dates)


async def preview(
    uow: UnitOfWork, plan: TermPlan, rules: Rules, now: datetime, most: int = 12
) -> Preview:
    """What a plan would do, in figures, and word for word for its first class."""
    class_ids = plan.class_ids
    groups, people = await uow.calendar.sizes(class_ids)
    if not class_ids:
        return Preview(plan, 0, 0, 0, (), "", ())
    sample = class_ids[0]
    room = await uow.people.get_class(sample, now)
    published = (await uow.published.for_classes([sample]))[sample]
    facts = facts_in_words(published, room, now)
    _, students = await uow.calendar.sizes([sample])
    is_small = students <= rules.private_up_to
    samples: list[Sample] = []
    for item in plan.to_say:
        if item.class_id == sample:
            samples += _samples(item, facts, now, is_small=is_small)
    for gone in plan.removed:
        if gone.class_id == sample and gone.told:
            text = correction(gone.name, gone.told, _NONE, now)
            samples.append(Sample(now, "更正", gone.name, False, text))
    samples.sort(key=lambda one: one.at)
    return Preview(
        plan,
        len(class_ids),
        groups,
        people,
        tuple(grouped(plan)),
        room.name,
        tuple(samples[:most]),
    )


def _samples(
    item: Added | Changed, facts: Mapping[str, str], now: datetime, *, is_small: bool
) -> Iterable[Sample]:
    if isinstance(item, Changed) and item.told is not None:
        text = correction(item.matter.name, item.told, item.span, now)
        yield Sample(now, "更正", item.matter.name, item.matter.is_private, text)
    for step in item.ladder.steps[:1]:
        is_private = item.matter.is_private or (
            is_small and item.matter.audience is Audience.UNDONE
        )
        text = _exact(item, step, facts, is_private=is_private)
        yield Sample(
            step.due_at, words.step(step.name), item.matter.name, item.matter.is_private, text
        )


def _exact(item: Added | Changed, step: Step, facts: Mapping[str, str], *, is_private: bool) -> str:
    """What will be said, but for the number a new task has yet to get."""
    number = item.number if isinstance(item, Changed) else 0
    matter, at = item.matter, step.due_at
    task = Task(
        number=number,
        kind=TaskKind.MATTER,
        state=TaskState.ARMED,
        class_id=item.class_id,
        person_id=None,
        matter=matter.name,
        title=matter.name,
        text="",
        audience=matter.audience,
        is_private=matter.is_private,
        opens_at=item.opens_at,
        deadline=item.deadline,
        rule=None,
        origin=ORIGIN,
        made_by="",
        made_at=at,
    )
    said = words_of(
        matter,
        step=step.name,
        opens_at=item.opens_at,
        deadline=item.deadline,
        facts=facts,
        now=at,
    )
    one = texts_reminding.Item(task, said, texts_reminding.done_word(task, matter.done))
    if is_private:
        text = texts_reminding.to_person([one], at)
    else:
        text = texts_reminding.to_group([one], at, is_mentioning=False)
    return text if number else text.replace("R-0 ", "R-编号 ")


async def arm(
    uow: UnitOfWork,
    plan: TermPlan,
    *,
    by: str,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """
    Do what the plan says; the caller has made sure that it is still the one that was shown.

    What people were told and is no longer so is corrected where they were told it.
    """
    by_calendar = f"{BY_CALENDAR}{by}"[:120]
    total = plan.size
    await _cancel(uow, plan.removed, by=by_calendar, now=now)
    done = len(plan.removed)
    progress(done, total)
    for changed in _chunks(plan.changed):
        await _move(uow, changed, by=by_calendar, now=now)
        progress(done := done + len(changed), total)
    for added in _chunks(plan.added):
        numbers = await uow.tasks.arm_many([_draft(item, by) for item in added], now)
        await uow.tasks.plan_new(
            [
                Planned(number, step.name, step.due_at, step.useful_until)
                for number, item in zip(numbers, added, strict=True)
                for step in item.ladder.steps
            ]
        )
        progress(done := done + len(added), total)
    await _record(uow, plan, now=now)


async def _cancel(uow: UnitOfWork, gone: Sequence[Removed], *, by: str, now: datetime) -> None:
    numbers = [item.number for item in gone]
    await uow.tasks.cancel(numbers, by=by, now=now)
    await uow.obligations.stop(numbers, None, by=by, now=now)
    quiet = [item.number for item in gone if item.told is None]
    await uow.tasks.end(quiet, TaskState.CANCELLED, by=by, now=now)
    # A correction is a reminder of an armed task: without dates it ends once that is said.
    loud = [(item, item.told) for item in gone if item.told is not None]
    await uow.tasks.move_many(
        [
            Moved(item.number, None, None, item.matter.audience, item.matter.is_private)
            for item, _ in loud
            if item.matter is not None
        ]
    )
    await uow.tasks.plan(
        [Planned(item.number, packed(told), now, now + NEWS) for item, told in loud]
    )


async def _move(uow: UnitOfWork, changed: Sequence[Changed], *, by: str, now: datetime) -> None:
    numbers = [item.number for item in changed]
    await uow.tasks.cancel(numbers, by=by, now=now)
    await uow.obligations.stop(numbers, None, by=by, now=now)
    await uow.tasks.move_many(
        [
            Moved(
                item.number,
                item.opens_at,
                item.deadline,
                item.matter.audience,
                item.matter.is_private,
            )
            for item in changed
        ]
    )
    planned: list[Planned] = []
    for item in changed:
        if item.told is not None:
            ends = [at for at in item.span if at is not None and at > now]
            until = max(ends, default=now + NEWS)
            planned.append(Planned(item.number, packed(item.told), now, until))
        planned += [
            Planned(item.number, step.name, step.due_at, step.useful_until)
            for step in item.ladder.steps
        ]
    await uow.tasks.plan(planned)


async def _record(uow: UnitOfWork, plan: TermPlan, *, now: datetime) -> None:
    """A ledger row for every date that was moved or withdrawn; the correction has its own."""
    gone = plan.outdated
    rooms: dict[int, ClassRoom] = {}
    for chunk in _chunks(sorted({item.class_id for item in gone})):
        rooms |= await uow.people.classes(chunk, now)
    for item in gone:
        room, matter = rooms[item.class_id], item.matter
        record = Record(
            Kind.REMINDER,
            Action.MOVED if isinstance(item, Changed) else Action.WITHDRAWN,
            topic=matter.topic if matter else Topic.NONE,
            article=matter.article if matter else "第十六条",
            task=item.number,
        )
        uow.interactions.add(
            record,
            key=f"term:{item.number}:{now:%Y%m%d%H%M%S%f}",
            at=now,
            class_id=room.id,
            tutor_id=room.tutor.person_id if room.tutor else None,
            person_id=None,
            platform=_platform(room),
            speaker_id="",
            event_id=None,
            message_id="",
        )


def _platform(room: ClassRoom) -> Platform:
    """Where the class is spoken to; a class without a group, where its tutor is."""
    if room.groups:
        return room.groups[0].platform
    if room.tutor and room.tutor.accounts:
        return room.tutor.accounts[0][0]
    return Platform.QQ


def _draft(item: Added, by: str) -> Draft:
    return Draft(
        kind=TaskKind.MATTER,
        class_id=item.class_id,
        title=item.matter.name,
        audience=item.matter.audience,
        made_by=by,
        matter=item.matter.name,
        is_private=item.matter.is_private,
        opens_at=item.opens_at,
        deadline=item.deadline,
        origin=ORIGIN,
    )


def _chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
