"""
From what happened on a day to the rows of each tutor's indicators. Pure.

Whatever waits is counted once: on the day it was answered, or on the day its time ran out. It
counts for the tutor who answered, else for whoever the class was with when the time was over.
A complaint about a tutor counts on the day it was found true, and is nowhere before.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from handlers import follow_ups
from handlers.hand_offs import is_empty_reply, seconds_between
from handlers.indicators import INDICATORS, How, Made, Row
from handlers.working_time import WorkingTime
from storage.cases import FollowUp, Step, StepKind
from storage.day_facts import DayFacts, DutySpan, LedgerFact, TaskDay
from storage.interactions import Kind
from storage.lines import Span
from storage.questions import Category, HandOff, Level, SolvedBy
from storage.vocabulary import Action, Label, Role, Topic

NATURAL_FIRST_REPLY = timedelta(hours=24)
RECEIPT_WITHIN = timedelta(hours=4)
HINT_WITHIN = timedelta(minutes=2)
AGAIN_WITHIN = timedelta(days=30)
CROWD, CROWD_WITHIN = 3, timedelta(days=7)
FEES = "缴费"
_SERVICE = frozenset({Kind.NOTICE, Kind.UPDATE, Kind.FORWARD, Kind.CLASS_LIFE})


@dataclass(frozen=True, slots=True)
class TutorRows:
    """What goes on one tutor's record."""

    tutor_id: int
    made: Made


@dataclass(slots=True)
class _Day:
    day: date
    start: datetime
    end: datetime
    facts: DayFacts
    working: WorkingTime
    rows: dict[tuple[int, int, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    of_class: dict[int, list[DutySpan]] = field(default_factory=lambda: defaultdict(list))
    of_person: dict[int, list[DutySpan]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        # In the order they were read: covers first, then by when they began.
        for duty in self.facts.duties:
            self.of_person[duty.person_id].append(duty)
            if duty.role is Role.TUTOR and duty.class_id is not None:
                self.of_class[duty.class_id].append(duty)

    def has(self, at: datetime | None) -> bool:
        return at is not None and self.start <= at < self.end

    def add(self, tutor_id: int | None, class_id: int, indicator: str, row: Row) -> None:
        if tutor_id is not None:
            self.rows[(tutor_id, class_id, indicator)].append(row)

    def owner(self, class_id: int, at: datetime) -> int | None:
        """Whom the class was with: who stood in for another, else the longest in office."""
        return next((duty.person_id for duty in self._tutors(class_id) if duty.holds(at)), None)

    def is_tutor(self, person_id: int | None, class_id: int, at: datetime) -> bool:
        return any(it.person_id == person_id and it.holds(at) for it in self._tutors(class_id))

    def is_staff(self, person_id: int | None, at: datetime) -> bool:
        return person_id is not None and any(
            duty.holds(at) for duty in self.of_person.get(person_id, ())
        )

    def _tutors(self, class_id: int) -> Sequence[DutySpan]:
        return self.of_class.get(class_id, ())

    def blind(self, item: HandOff) -> Sequence[Span]:
        return self.facts.blind.get(item.account, ())


def settle(
    day: date, start: datetime, end: datetime, facts: DayFacts, working: WorkingTime
) -> list[TutorRows]:
    """Every tutor's rows of one day, from midnight to midnight."""
    ours = _Day(day, start, end, facts, working)
    waited = [it for it in facts.items.values() if _was_the_tutors(it) and not _is_staffs(ours, it)]
    for item in waited:
        if item.kind is Label.DISTRESS:
            _distress(ours, item)
        else:
            _first_reply(ours, item)
            _solution(ours, item)
    _waiting(ours, waited)
    _bot(ours)
    _ledger(ours)
    _complaints(ours, waited)
    _marks(ours)
    _checked(ours)
    _asked_again(ours, waited)
    _passed_up(ours, waited)
    _reminders(ours)
    return [
        TutorRows(tutor_id, Made(day, class_id, indicator, tuple(_once(rows, indicator))))
        for (tutor_id, class_id, indicator), rows in sorted(ours.rows.items())
    ]


# -- who waited for whom --------------------------------------------------------------------------


def _was_the_tutors(item: HandOff) -> bool:
    """It came to the tutor first, whatever became of it; what went past them is not theirs."""
    return item.level is Level.TUTOR or item.level_since is not None


def _is_staffs(ours: _Day, item: HandOff) -> bool:
    """Asked by somebody who holds a duty: nobody makes their own questions."""
    return ours.is_staff(item.person_id, item.asked_at)


def _reply(ours: _Day, item: HandOff) -> Step | None:
    """The first word of substance of a person; 「收到」 is none."""
    for step in ours.facts.steps.get(item.number, ()):
        if step.kind is StepKind.ANSWERED:
            text = item.answer or ""
            if item.answer is None or not is_empty_reply(text):
                return step
        elif step.kind is StepKind.UPDATED and not is_empty_reply(step.text):
            return step
    return None


def _replier(ours: _Day, item: HandOff, step: Step) -> int | None:
    """The tutor it counts for; None where neither the tutor nor whom they asked replied."""
    person_id = _person(step.actor)
    if person_id is None:
        return None
    if ours.is_tutor(person_id, item.class_id, step.at):
        return person_id
    if item.solved_by is SolvedBy.DEPARTMENT:
        return ours.owner(item.class_id, step.at)
    return None


def _person(actor: str) -> int | None:
    word = actor.removeprefix("person:")
    return int(word) if word != actor and word.isdecimal() else None


# -- clocks ---------------------------------------------------------------------------------------


def _first_reply(ours: _Day, item: HandOff) -> None:
    working, blind = ours.working, ours.blind(item)
    reply = _reply(ours, item)
    if reply is not None and reply.at < ours.start:
        # In time or not, that was counted before this day.
        return
    ref = f"T-{item.number}"
    tutor = None if reply is None else _replier(ours, item, reply)
    if reply is not None and tutor is not None and ours.has(reply.at):
        seconds = working.working_seconds(item.asked_at, reply.at, blind)
        natural = seconds_between(item.asked_at, reply.at, blind)
        ours.add(tutor, item.class_id, "K03", Row(ref, int(seconds)))
        ours.add(tutor, item.class_id, "K03N", Row(ref, int(natural)))
    settings = working.settings
    for indicator, allowance in (
        ("K04", "first_reply"),
        ("K05", "update"),
        ("K06", "extended_solution"),
    ):
        due = working.due(item.asked_at, settings.allowance(allowance), blind)
        _fate(ours, item, indicator, due, reply, tutor)
    _fate(ours, item, "K04N", _natural_due(item, blind), reply, tutor)


def _natural_due(item: HandOff, blind: Sequence[Span]) -> datetime:
    due = item.asked_at + NATURAL_FIRST_REPLY
    for starts_at, ends_at in blind:
        if ends_at > item.asked_at and starts_at < due:
            due += ends_at - max(starts_at, item.asked_at)
    return due


def _fate(
    ours: _Day, item: HandOff, indicator: str, due: datetime, reply: Step | None, tutor: int | None
) -> None:
    """In time on the day of the reply, or too late on the day the time was over; never both."""
    ref = f"T-{item.number}"
    if reply is not None and reply.at <= due:
        if tutor is not None and ours.has(reply.at):
            ours.add(tutor, item.class_id, indicator, Row(ref, 1))
        return
    was_settled = reply is None and item.closed_at is not None and item.closed_at <= due
    # A classmate's answer, or one taken back: nobody waited for the tutor any longer.
    if ours.has(due) and not was_settled:
        ours.add(ours.owner(item.class_id, due), item.class_id, indicator, Row(ref, 0))


def _solution(ours: _Day, item: HandOff) -> None:
    if item.category is not Category.INQUIRY:
        indicator = "K12"
    elif item.topic is Topic.FEES:
        indicator = "K22B"
    else:
        return
    allowance = "solution" if item.extended_at is None else "extended_solution"
    length = ours.working.settings.allowance(allowance)
    due = ours.working.due(item.asked_at, length, ours.blind(item))
    _ended(ours, item, indicator, due)


def _ended(ours: _Day, item: HandOff, indicator: str, due: datetime) -> None:
    ref = f"T-{item.number}"
    closed = _closed(ours, item)
    if closed is not None and closed.at <= due:
        tutor = _replier(ours, item, closed)
        if tutor is not None and ours.has(closed.at):
            ours.add(tutor, item.class_id, indicator, Row(ref, 1))
        return
    was_settled = closed is None and item.closed_at is not None and item.closed_at <= due
    if ours.has(due) and not was_settled:
        ours.add(ours.owner(item.class_id, due), item.class_id, indicator, Row(ref, 0))


def _closed(ours: _Day, item: HandOff) -> Step | None:
    """The first closing answer."""
    steps = ours.facts.steps.get(item.number, ())
    return next((step for step in steps if step.kind is StepKind.ANSWERED), None)


def _distress(ours: _Day, item: HandOff) -> None:
    ref = f"T-{item.number}"
    if ours.has(item.first_replied_at):
        assert item.first_replied_at is not None
        tutor = ours.owner(item.class_id, item.first_replied_at)
        blind = ours.blind(item)
        seconds = ours.working.working_seconds(item.asked_at, item.first_replied_at, blind)
        natural = seconds_between(item.asked_at, item.first_replied_at, blind)
        ours.add(tutor, item.class_id, "K26", Row(ref, int(seconds)))
        ours.add(tutor, item.class_id, "K26N", Row(ref, int(natural)))
    due = ours.working.due(
        item.asked_at, ours.working.settings.allowance("solution"), ours.blind(item)
    )
    _ended(ours, item, "K27", due)


def _waiting(ours: _Day, waited: Iterable[HandOff]) -> None:
    """What nobody has answered when the day ends, though its time is over."""
    for item in waited:
        reply = _reply(ours, item)
        is_open = item.closed_at is None or item.closed_at >= ours.end
        if not is_open or reply is not None:
            continue
        blind = ours.blind(item)
        allowance = ours.working.settings.allowance("first_reply")
        if ours.working.due(item.asked_at, allowance, blind) >= ours.end:
            continue
        tutor = ours.owner(item.class_id, ours.end - timedelta(microseconds=1))
        ref = f"T-{item.number}"
        ours.add(tutor, item.class_id, "K07", Row(ref, 1))
        natural = seconds_between(item.asked_at, ours.end, blind)
        ours.add(tutor, item.class_id, "K07M", Row(ref, int(natural)))


# -- the bot, the ledger --------------------------------------------------------------------------


def _bot(ours: _Day) -> None:
    """What the bot answered the day before, whose 24 hours end on this one."""
    asked = [row for row in ours.facts.ledger if row.kind is Kind.QUESTION]
    handed_over: dict[tuple[str, str, int], list[datetime]] = defaultdict(list)
    for row in asked:
        if row.action is Action.HAND_OFF:
            handed_over[(row.platform, row.speaker_id, row.class_id)].append(row.at)
    for row in asked:
        until = row.at + timedelta(days=1)
        if row.solved_by is not SolvedBy.BOT or not ours.has(until):
            continue
        later = handed_over.get((row.platform, row.speaker_id, row.class_id), ())
        came_back = any(row.at < at <= until for at in later)
        is_solved = not came_back and row.event_id not in ours.facts.unhelpful
        tutor = ours.owner(row.class_id, row.at)
        ours.add(tutor, row.class_id, "K02", Row(f"L-{row.id}", int(is_solved)))


def _ledger(ours: _Day) -> None:
    seen: set[int] = set()
    for row in ours.facts.ledger:
        if not ours.has(row.at):
            continue
        ref = f"L-{row.id}"
        tutor = row.tutor_id
        if row.kind is Kind.QUESTION and not ours.is_staff(row.person_id, row.at):
            if row.event_id is None or row.event_id not in seen:
                ours.add(tutor, row.class_id, "K01", Row(ref, 1))
            seen.add(row.event_id or 0)
        if row.kind is Kind.PRIVACY and row.event_id is not None:
            sent = ours.facts.sent.get(row.event_id)
            is_quick = sent is not None and sent - row.at <= HINT_WITHIN
            ours.add(tutor, row.class_id, "K28", Row(ref, int(is_quick)))
        if _is_service(ours, row):
            ours.add(tutor, row.class_id, "K25", Row(ref, 1))
        if row.kind in (Kind.NOTICE, Kind.CLASS_LIFE):
            ours.add(tutor, row.class_id, "K32", Row(ref, 1))


def _is_service(ours: _Day, row: LedgerFact) -> bool:
    if row.kind is Kind.REPLY:
        return row.solved_by is SolvedBy.TUTOR
    if row.kind in (Kind.NOTICE, Kind.CLASS_LIFE):
        return row.person_id is not None and row.person_id == row.tutor_id
    return row.kind in _SERVICE and ours.is_tutor(row.tutor_id, row.class_id, row.at)


# -- complaints and marks -------------------------------------------------------------------------


def _complaints(ours: _Day, waited: Sequence[HandOff]) -> None:
    for finding in ours.facts.findings:
        row = Row(f"T-{finding.number}", 1)
        ours.add(finding.tutor_id, finding.class_id, "K10", row)
        if finding.topic is Topic.CONTACT:
            ours.add(finding.tutor_id, finding.class_id, "K08", row)
    numbered = [
        it
        for it in waited
        if it.category in (Category.REQUEST, Category.COMPLAINT, Category.SUGGESTION)
    ]
    for item in numbered:
        ref = f"T-{item.number}"
        again = [it for it in ours.facts.steps.get(item.number, ()) if _is_reopening(ours, it)]
        for step in again:
            ours.add(ours.owner(item.class_id, step.at), item.class_id, "K15", Row(ref, 1))
        if not ours.has(item.asked_at):
            continue
        tutor = ours.owner(item.class_id, item.asked_at)
        sent = ours.facts.sent.get(item.event_id)
        is_told = sent is not None and sent - item.asked_at <= RECEIPT_WITHIN
        ours.add(tutor, item.class_id, "K11", Row(ref, int(is_told)))
        is_repeated = any(_is_same_again(item, other) for other in numbered)
        ours.add(tutor, item.class_id, "K15", Row(ref, int(is_repeated)))
        if _makes_a_crowd(item, numbered):
            ours.add(tutor, item.class_id, "K16", Row(ref, 1))


def _is_reopening(ours: _Day, step: Step) -> bool:
    return step.kind is StepKind.REOPENED and ours.has(step.at)


def _is_same_again(item: HandOff, other: HandOff) -> bool:
    is_before = other.number != item.number and other.asked_at <= item.asked_at
    is_near = item.asked_at - other.asked_at <= AGAIN_WITHIN
    is_theirs = (other.asker_id, other.class_id, other.topic) == (
        item.asker_id,
        item.class_id,
        item.topic,
    )
    return is_before and is_near and is_theirs


def _makes_a_crowd(item: HandOff, numbered: Iterable[HandOff]) -> bool:
    """The third student of a class to come with the same topic within a week, and each after."""
    askers = {
        other.asker_id
        for other in numbered
        if other.class_id == item.class_id
        and other.topic is item.topic
        and other.category in (Category.REQUEST, Category.COMPLAINT)
        and timedelta() <= item.asked_at - other.asked_at <= CROWD_WITHIN
    }
    return len(askers) >= CROWD and item.category in (Category.REQUEST, Category.COMPLAINT)


def _marks(ours: _Day) -> None:
    for mark in ours.facts.marks:
        item = ours.facts.items.get(mark.number)
        if item is None or not _was_the_tutors(item) or _is_staffs(ours, item):
            continue
        ref = f"T-{item.number}"
        steps = ours.facts.steps.get(item.number, ())
        answers = [it for it in steps if it.kind is StepKind.ANSWERED and it.at <= mark.at]
        tutor = _replier(ours, item, answers[-1]) if answers else None
        ours.add(tutor, item.class_id, "K30", Row(ref, mark.mark))
        if item.category is not Category.INQUIRY:
            owner = tutor or ours.owner(item.class_id, mark.at)
            ours.add(owner, item.class_id, "K13", Row(ref, int(mark.mark >= 3)))
            ours.add(owner, item.class_id, "K14", Row(ref, int(mark.mark >= 4)))
    # A mark may come for 48 hours: what was closed the day before yesterday is complete now.
    since, until = ours.start - timedelta(days=2), ours.end - timedelta(days=2)
    for number, steps in ours.facts.steps.items():
        item = ours.facts.items.get(number)
        for step in steps:
            if item is None or step.kind is not StepKind.ANSWERED or not since <= step.at < until:
                continue
            if item.kind is Label.DISTRESS or not _was_the_tutors(item) or _is_staffs(ours, item):
                continue
            is_marked = int(number in ours.facts.marked)
            tutor = _replier(ours, item, step)
            ours.add(tutor, item.class_id, "K30R", Row(f"T-{number}", is_marked))


def _checked(ours: _Day) -> None:
    for it in ours.facts.checked:
        ours.add(it.tutor_id, it.class_id, "K29", Row(f"T-{it.hand_off}", int(it.is_passed)))


def _asked_again(ours: _Day, waited: Iterable[HandOff]) -> None:
    """回访: of a cry for help whether there was one in time; of others what the student said."""
    for item in waited:
        closed = _closed(ours, item)
        if closed is None:
            continue
        steps = ours.facts.steps.get(item.number, ())
        asked = [it for it in steps if it.kind is StepKind.FOLLOWED and it.at >= closed.at]
        tutor, ref = _replier(ours, item, closed), f"T-{item.number}"
        if item.kind is Label.DISTRESS:
            first, due = next(iter(asked), None), follow_ups.due_at(closed.at)
            is_done = first is not None and first.at < due
            if ours.has(first.at if first is not None and is_done else due):
                ours.add(tutor, item.class_id, "K27F", Row(ref, int(is_done)))
            continue
        today = [it.follow_up[0] for it in asked if ours.has(it.at)]
        if today and today[-1] is not FollowUp.UNREACHED:
            is_solved = int(today[-1] is FollowUp.SOLVED)
            ours.add(tutor, item.class_id, "K13F", Row(ref, is_solved))


def _passed_up(ours: _Day, waited: Iterable[HandOff]) -> None:
    """What students want that the tutor brought to a department, each once."""
    for item in waited:
        if item.category not in (Category.REQUEST, Category.SUGGESTION):
            continue
        passed = next(
            (
                step
                for step in ours.facts.steps.get(item.number, ())
                if step.kind is StepKind.PASSED_ON and step.actor.startswith("person:")
            ),
            None,
        )
        if passed is not None and ours.has(passed.at):
            who = int(passed.actor.removeprefix("person:"))
            if ours.is_tutor(who, item.class_id, passed.at):
                ours.add(who, item.class_id, "K31", Row(f"T-{item.number}", 1))


# -- reminders and files --------------------------------------------------------------------------


def _reminders(ours: _Day) -> None:
    at_the_end = ours.end - timedelta(microseconds=1)

    def put(indicator: str, tasks: Iterable[TaskDay]) -> None:
        for task in tasks:
            tutor = ours.owner(task.class_id, at_the_end)
            row = Row(f"R-{task.number}", task.part, task.whole)
            ours.add(tutor, task.class_id, indicator, row)

    put("K17", ours.facts.delivered)
    put("K22", [task for task in ours.facts.delivered if task.matter == FEES])
    put("K18", ours.facts.ahead)
    put("K19", ours.facts.acknowledged)
    put("K20", ours.facts.followed_up)
    put("K23", ours.facts.converted)
    for class_id, (complete, whole) in ours.facts.files.items():
        tutor = ours.owner(class_id, at_the_end)
        ours.add(tutor, class_id, "K24", Row(f"C-{class_id}", complete, whole))


def _once(rows: Sequence[Row], indicator: str) -> list[Row]:
    """Each reference once, but times said, and reopenings, as often as they were."""
    if INDICATORS[indicator].how in (How.TIME, How.MEAN) or indicator == "K15":
        return list(rows)
    return list({row.ref: row for row in rows}.values())
