"""「/日程」: the dates of a class; its tutor sets one, sees what follows from it, and confirms."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from handlers import term
from handlers import texts_calendar as texts
from handlers.classes import one_room
from handlers.commands import BadCommand
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.matters import Anchor, Matter
from handlers.permissions import STAFF, Deed, require
from handlers.term import Rules, TermPlan, rules_from
from handlers.texts import span
from handlers.texts_commands import which_class
from storage.calendar import Dated, Place, TermClass
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.prompts import Prompt
from storage.published import CalendarDate
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action

CONFIRM = "calendar"
CONFIRM_LASTS = timedelta(seconds=60)
USAGE = "/日程 形考 12月5日 17:00"
NEXT = 3
_FURTHEST = timedelta(days=730)
#: A date without a year that has passed this year means the next, if that is not too far.
_NEXT_YEAR = timedelta(days=240)

_POINT = re.compile(
    r"(?:(?P<year>\d{4})\s*[-/.年]\s*)?(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*[日号]?"
    r"(?:\s*(?P<part>凌晨|早上|上午|中午|下午|晚上|晚))?"
    r"(?:\s*(?P<hour>\d{1,2})\s*(?:[:：]\s*(?P<minute>\d{2})"
    r"|[点时]\s*(?:(?P<half>半)|(?P<min>\d{1,2})\s*分?)?))?"
)
_TO = re.compile(r"\s*(?:至|到|~|～|—+|-{1,2})\s*")
_LEAD = re.compile(r"^(?:截止|到|至|改为|改到|为|是|在)\s*")
_TAIL = re.compile(r"\s*(?:截止|为止|之前|前)$")


# -- rules ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command asks for: a matter, and the dates behind it, as typed."""

    matter: str
    when: str


def taken_apart(argument: str) -> Asked:
    """「形考 12月5日 17:00」 → the matter and what stands behind it."""
    match = _POINT.search(argument)
    if match is None:
        return Asked(argument.strip(), "")
    lead = re.sub(r"(?:\s*(?:从|开始|截止|到|至|改为|改到))*\s*$", "", argument[: match.start()])
    return Asked(lead.strip(), argument[match.start() :].strip())


def read_span(
    text: str, now: datetime, *, is_to_opening: bool = False
) -> tuple[datetime | None, datetime | None]:
    """
    「12月1日 9:00 至 12月5日 17:00」 → from, to; one date alone is the deadline, or of an exam
    its beginning.

    Without a time a day begins at 00:00 and ends at 23:59.

    Raises:
        UserError: no such day or time, in the past, or not a date at all; with the reason.
    """
    words = _TAIL.sub("", _LEAD.sub("", text.strip()))
    first = _POINT.match(words)
    if first is None:
        raise UserError(texts.day_unreadable(text))
    rest = words[first.end() :].strip()
    if not rest:
        at = _instant(first, now, at_end=not is_to_opening)
        if at <= now:
            raise UserError(texts.day_is_over(first[0].strip()))
        return (at, None) if is_to_opening else (None, at)
    joint = _TO.match(rest)
    second = _POINT.fullmatch(rest[joint.end() :].strip()) if joint else None
    if second is None:
        raise UserError(texts.day_unreadable(text))
    opens = _instant(first, now, at_end=False, may_be_over=True)
    ends = _instant(second, now, at_end=True)
    if ends <= now:
        raise UserError(texts.day_is_over(second[0].strip()))
    if ends < opens:
        raise UserError(texts.ends_before_it_begins())
    return opens, ends


def _instant(
    match: re.Match[str], now: datetime, *, at_end: bool, may_be_over: bool = False
) -> datetime:
    month, number = int(match["month"]), int(match["day"])
    year = int(match["year"] or now.year)
    day = _day(year, month, number)
    if not match["year"] and day < now.date() and not may_be_over:
        later = _day(year + 1, month, number)
        if later - now.date() > _NEXT_YEAR:
            raise UserError(texts.day_is_over(match[0].strip()))
        day = later
    if abs(day - now.date()) > _FURTHEST:
        raise UserError(texts.day_too_far(match[0].strip()))
    return datetime.combine(day, _clock(match, at_end=at_end), SHANGHAI)


def _day(year: int, month: int, number: int) -> date:
    try:
        return date(year, month, number)
    except ValueError:
        raise UserError(texts.no_such_day(f"{year}年{month}月{number}日")) from None


def _clock(match: re.Match[str], *, at_end: bool) -> time:
    if match["hour"] is None:
        return time(23, 59) if at_end else time()
    hour = int(match["hour"])
    minute = 30 if match["half"] else int(match["minute"] or match["min"] or 0)
    if (match["part"] in ("下午", "晚上", "晚") and hour < 12) or (
        match["part"] == "中午" and hour < 3
    ):
        hour += 12
    if (hour, minute) == (24, 0):
        return time(23, 59)
    try:
        return time(hour, minute)
    except ValueError:
        raise UserError(texts.no_such_time(f"{hour}:{minute:02}")) from None


def whose(dated: Dated, units: dict[int, tuple[str, int | None]]) -> str:
    """Who has set a date, in words."""
    if dated.place.class_id is not None:
        return "本班"
    if dated.place.unit_id is not None:
        return units.get(dated.place.unit_id, ("办学单位", None))[0]
    return "全校"


def is_to_come(dated: Dated, now: datetime) -> bool:
    """Not over yet; a note without dates never is."""
    end = dated.date.ends_at or dated.date.starts_at
    return end is None or end >= now - timedelta(days=1)


def order_of(dated: Dated, now: datetime) -> tuple[bool, datetime]:
    """What is next comes first."""
    ends = [at for at in (dated.date.starts_at, dated.date.ends_at) if at and at >= now]
    return (not ends, min(ends, default=now))


def rules_of(context: Context) -> Rules:
    """What the school has set."""
    return rules_from(context.reminders)


def is_question(context: Context, argument: str) -> bool:
    """Whether a student has put a question behind the word, and no matter."""
    is_staff = context.role in STAFF or bool(context.speaker.duties)
    is_order = argument.startswith("删除") or _POINT.search(argument) is not None
    return not is_staff and not is_order and rules_of(context).table.find(argument) is None


# -- chat -----------------------------------------------------------------------------------------


async def dates(context: Context, argument: str) -> Outcome:
    """「/日程」, 「日程」, 「校历」: the dates; with a date or 删除 behind: the tutor's to set."""
    is_staff = context.role in STAFF or (context.is_private and bool(context.speaker.tutored))
    if not is_staff:
        if argument.startswith("删除") or _POINT.search(argument):
            require(context.speaker, Deed.SET_DATES, context.room)
        return await _show(context, _students_room(context), argument, is_staff=False)
    room, rest = await one_room(context, argument, "/日程 班级 形考 12月5日 17:00")
    require(context.speaker, Deed.SEE_RECORD, room)
    if rest == "启用":
        return await _ask(
            context, rules_of(context), require(context.speaker, Deed.SET_DATES, room)
        )
    if rest.startswith("删除"):
        return await _remove(context, room, rest.removeprefix("删除").strip())
    if _POINT.search(rest):
        return await _set(context, room, taken_apart(rest))
    return await _show(context, room, rest, is_staff=True)


def _students_room(context: Context) -> ClassRoom:
    if context.room is None:
        raise UserError(which_class())
    return context.room


async def _show(context: Context, room: ClassRoom, name: str, *, is_staff: bool) -> Outcome:
    rules, now, uow = rules_of(context), context.now, context.uow
    (found,) = await uow.calendar.classes(rules.table.name_of, class_ids=[room.id])
    units = await uow.calendar.units()
    shown = {key: dated for key, dated in found.dates.items() if is_to_come(dated, now)}
    matter = rules.table.find(name) if name else None
    called = matter.name if matter else name
    if name:
        if called not in shown:
            raise UserError(
                texts.no_such_date(called) if matter else texts.unknown_matter(name, _known(rules))
            )
        shown = {called: shown[called]}
    lines = []
    for key, dated in sorted(shown.items(), key=lambda item: order_of(item[1], now)):
        its = rules.table.find(key)
        # A note may hold an amount, which is said to nobody before others.
        is_open = context.is_private or its is None or not its.is_private
        when = (dated.date.starts_at, dated.date.ends_at)
        note = dated.date.note if is_open else ""
        if any(when) or note:
            owner = whose(dated, units) if is_staff else ""
            lines.append(texts.date_line(key, when, note, owner, now))
    if not is_staff:
        words = texts.dates(room.name, lines, (), "")
        return Outcome((Reply(words),), _record(room))
    plan = await term.propose(uow, rules, now, class_ids=[room.id])
    hints = [texts.unarmed(plan.size), texts.how_to_set()]
    following = await _following(context, room, called)
    words = texts.dates(room.name, lines, following, "\n".join(filter(None, hints)))
    return Outcome((Reply(words),), _record(room))


async def _following(context: Context, room: ClassRoom, name: str = "") -> list[str]:
    coming = await context.uow.calendar.upcoming([room.id], context.now, limit=20)
    return [
        texts.upcoming_line(item.due_at, item.title, item.step, context.now)
        for item in coming
        if name in ("", item.title)
    ][:NEXT]


async def _set(context: Context, room: ClassRoom, asked: Asked) -> Outcome:
    require(context.speaker, Deed.SET_DATES, room)
    rules, now = rules_of(context), context.now
    matter = rules.table.find(asked.matter)
    name = _name(context, rules, asked.matter, matter)
    is_to_opening = matter is not None and matter.anchor is Anchor.OPENING
    opens, ends = read_span(asked.when, now, is_to_opening=is_to_opening)
    before = await _standing(context, rules, room, name)
    if before is not None:
        # Only one end was given: the other stays, where it still makes sense.
        was = before.date
        if opens is None and was.starts_at and ends and was.starts_at < ends:
            opens = was.starts_at
        if ends is None and was.ends_at and opens and was.ends_at > opens:
            ends = was.ends_at
    new = CalendarDate(name, opens, ends, "", f"{context.speaker.name}老师")
    if before is not None and before.place.class_id and _same(before.date, new):
        raise UserError(texts.nothing_new(name))
    return await _ask(context, rules, room, new)


async def _remove(context: Context, room: ClassRoom, word: str) -> Outcome:
    require(context.speaker, Deed.SET_DATES, room)
    rules = rules_of(context)
    name = _name(context, rules, word, rules.table.find(word))
    before = await _standing(context, rules, room, name)
    if before is None or before.place.class_id is None:
        units = await context.uow.calendar.units()
        raise UserError(texts.not_of_this_class(name, whose(before, units) if before else ""))
    return await _ask(context, rules, room, CalendarDate(name, None, None))


async def _ask(
    context: Context,
    rules: Rules,
    room: ClassRoom,
    new: CalendarDate | None = None,
    heading: str = "",
) -> Outcome:
    """Say what would happen and wait for 「确认」; nothing is changed before."""
    plan = await _proposed(context, rules, room, new)
    if new is None and plan.is_empty:
        raise UserError(texts.nothing_to_arm(room.name))
    shown = await term.preview(context.uow, plan, rules, context.now)
    detail = {"class": room.id, "fingerprint": plan.fingerprint}
    if new is not None:
        detail |= {
            "matter": new.matter,
            "starts": new.starts_at.isoformat() if new.starts_at else "",
            "ends": new.ends_at.isoformat() if new.ends_at else "",
        }
    await context.uow.prompts.put(
        context.message.conversation,
        context.message.sender_id,
        Prompt(CONFIRM, json.dumps(detail), context.now + CONFIRM_LASTS),
    )
    said = [
        # What concerns money or marks is read in private only, by the tutor too.
        (texts.when(one.at, context.now), texts.read_it_in_private(one.name))
        if one.is_private and not context.is_private
        else (texts.when(one.at, context.now), one.text)
        for one in shown.samples
    ]
    words = texts.proposal(
        room.name,
        _what(new, context.now),
        plan.counts,
        said,
        _steps(plan, context.now),
        _notes(rules, plan, new.matter if new else ""),
        int(CONFIRM_LASTS.total_seconds()),
    )
    return Outcome((Reply(f"{heading}\n{words}" if heading else words),))


async def confirm(context: Context) -> Outcome:
    """「确认」: the rights and the calendar are read again, either may have changed meanwhile."""
    assert context.prompt is not None
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    if context.message.text.strip() != "确认":
        return Outcome((Reply(texts.cancelled()),))
    detail = json.loads(context.prompt.detail)
    room = await context.uow.people.get_class(detail["class"], context.now)
    require(context.speaker, Deed.SET_DATES, room)
    rules = rules_of(context)
    new = _remembered(detail, context)
    await context.uow.tasks.lock()
    plan = await _proposed(context, rules, room, new)
    if plan.fingerprint != detail["fingerprint"]:
        return await _ask(context, rules, room, new, texts.changed_meanwhile())
    if new is not None:
        place = context.message.conversation
        await write(
            context.uow,
            Place(class_id=room.id),
            new,
            whose=f"班级 {room.name}",
            rules=rules,
            by=f"{place.platform}:{context.message.sender_id}",
            now=context.now,
        )
    await term.arm(context.uow, plan, by=f"person:{context.speaker.person_id}", now=context.now)
    what = _what(new, context.now)
    words = (
        texts.set_without_reminders(room.name, what)
        if plan.is_empty
        else texts.armed(room.name, what, plan.counts)
    )
    return Outcome((Reply(words),), _record(room))


def _remembered(detail: dict[str, str], context: Context) -> CalendarDate | None:
    if "matter" not in detail:
        return None
    starts, ends = (
        datetime.fromisoformat(detail[key]) if detail[key] else None for key in ("starts", "ends")
    )
    return CalendarDate(detail["matter"], starts, ends, "", f"{context.speaker.name}老师")


# -- parts ----------------------------------------------------------------------------------------


async def write(
    uow: UnitOfWork,
    place: Place,
    new: CalendarDate,
    *,
    whose: str,
    rules: Rules,
    by: str,
    now: datetime,
) -> None:
    """Set a date, or (without any date and note) take it away; who did it stands in the audit."""
    is_gone = new.starts_at is None and new.ends_at is None and not new.note
    before = None
    for name in await uow.calendar.names_at(place, rules.table.name_of, new.matter):
        if is_gone or name != new.matter:
            before = await uow.calendar.remove(place, name) or before
    if not is_gone:
        before = await uow.calendar.put(place, new) or before
    was = span(before.starts_at, before.ends_at, now) if before else "无"
    will = "无" if is_gone else span(new.starts_at, new.ends_at, now)
    uow.audit.add(
        at=now,
        actor=by,
        action="calendar.removed" if is_gone else "calendar.set",
        target=f"{new.matter}（{whose}）",
        detail=f"{was} → {will}",
    )


async def _proposed(
    context: Context, rules: Rules, room: ClassRoom, new: CalendarDate | None
) -> TermPlan:
    """What the one date would change and nothing else not armed yet, or (None) all of that."""
    if new is None:
        return await term.propose(context.uow, rules, context.now, class_ids=[room.id])
    instead: CalendarDate | None = new
    if new.starts_at is None and new.ends_at is None:
        instead = await context.uow.calendar.inherited(rules.table.name_of, room.id, new.matter)
    plan = await term.propose(
        context.uow,
        rules,
        context.now,
        class_ids=[room.id],
        instead={new.matter: instead},
    )
    return plan.only(new.matter)


async def _standing(context: Context, rules: Rules, room: ClassRoom, name: str) -> Dated | None:
    found: Sequence[TermClass] = await context.uow.calendar.classes(
        rules.table.name_of, class_ids=[room.id]
    )
    return found[0].dates.get(name)


def _same(one: CalendarDate, other: CalendarDate) -> bool:
    return (one.starts_at, one.ends_at) == (other.starts_at, other.ends_at)


def _name(context: Context, rules: Rules, word: str, matter: Matter | None) -> str:
    """What the calendar calls it: a matter with a template, or one that answers use."""
    if not word:
        raise BadCommand(texts.usage())
    if matter is not None:
        return matter.name
    if any(f"时间:{word}" in entry.slots for entry in context.knowledge.entries):
        return word
    raise UserError(texts.unknown_matter(word, _known(rules)))


def _known(rules: Rules) -> list[str]:
    return [matter.name for matter in rules.table.rows]


def _what(new: CalendarDate | None, now: datetime) -> str:
    if new is None:
        return texts.by_the_calendar()
    if new.starts_at is None and new.ends_at is None:
        return f"删除本班的{new.matter}日期"
    return f"{new.matter}：{span(new.starts_at, new.ends_at, now)}"


def _steps(plan: TermPlan, now: datetime) -> list[str]:
    coming = [(step, item) for item in plan.to_say for step in item.ladder.steps]
    coming.sort(key=lambda pair: pair[0].due_at)
    return [
        texts.upcoming_line(step.due_at, item.matter.name, step.name, now)
        for step, item in coming[:NEXT]
    ]


def _notes(rules: Rules, plan: TermPlan, name: str) -> list[str]:
    matter = rules.table.find(name)
    if matter is None and name:
        return [texts.no_template(name)]
    notes = [texts.skipped(item.ladder.skipped) for item in plan.to_say]
    if matter is not None and matter.is_private and plan.to_say:
        notes.append(texts.private_only(name))
    return [note for note in notes if note]


def _record(room: ClassRoom) -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十六条", class_id=room.id)
