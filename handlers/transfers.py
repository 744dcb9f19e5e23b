"""What a tutor cannot settle alone: passed on to a department, told how it stands, put off once,
left to a colleague while away."""

import re
from datetime import date, datetime, time, timedelta

from handlers import commands, texts, texts_commands, texts_hand_offs
from handlers.commands import BadCommand
from handlers.context import Context, Outcome, Reply
from handlers.decision import article_of
from handlers.errors import Forbidden, UserError
from handlers.hand_offs import (
    is_empty_reply,
    is_open_question,
    open_item,
    owners_of,
    private_of,
    private_with,
    step_of,
    to_askers,
    to_each,
)
from handlers.permissions import Deed
from handlers.understanding import mask
from handlers.working_time import WorkingTime
from storage.cases import CLOCK, Contact, Step, StepKind
from storage.interactions import Kind, Record
from storage.people import ClassRoom, Tutor
from storage.questions import Category, HandOff
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action, Conversation, Label, Outgoing

USAGE = "/转 学籍 T-12 [说明]"
UPDATE_USAGE = "/进展 T-12 内容"
EXTEND_USAGE = "/延期 T-12 理由"
LONGEST_LEAVE = 180

_PASS_ON = re.compile(
    r"([^\s\d]+?)\s*[TtＴ]?[-－—_ ]?(\d{1,15})(?!\d)\s*[:：,，]?\s*(.*)", re.DOTALL
)
_LEAVE = re.compile(r"(.+?)\s*(?:代班?|由)\s*[:：]?\s*(\S+?)(?:老师)?(?:代班)?")
_BETWEEN = re.compile(r"\s*(?:到|至|~|～|—+|--)\s*|\s+")
_WEEKDAY = re.compile(r"(下)?(?:周|星期|礼拜)([一二三四五六日天])")
_RELATIVE = {"今天": 0, "今日": 0, "明天": 1, "明日": 1, "后天": 2}

# -- rules ----------------------------------------------------------------------------------------


def days_of_leave(words: str, now: datetime) -> tuple[date, date]:
    """
    「12-01 12-05」, 「今天到周五」, 「明天」 → the first and the last day.

    A day of a year that is not named is the next there is.

    Raises:
        BadCommand: not a day, or more than two.
        UserError: over already, the wrong way round, too long.
    """
    parts = [part for part in _BETWEEN.split(words.strip()) if part]
    if not 1 <= len(parts) <= 2:
        raise BadCommand(texts_hand_offs.leave_usage())
    first = _day(parts[0], now.date(), now)
    last = _day(parts[-1], first, now)
    length = (last - first).days + 1
    if first < now.date() or not 1 <= length <= LONGEST_LEAVE:
        raise UserError(texts_hand_offs.leave_makes_no_sense(LONGEST_LEAVE))
    return first, last


def _day(word: str, after: date, now: datetime) -> date:
    if word in _RELATIVE:
        return now.date() + timedelta(days=_RELATIVE[word])
    if match := _WEEKDAY.fullmatch(word):
        wanted = "一二三四五六日".index(match[2].replace("天", "日"))
        monday = now.date() - timedelta(days=now.weekday())
        day = monday + timedelta(days=wanted + (7 if match[1] else 0))
        # 「周一」 said on a Wednesday is the one to come.
        return day if day >= now.date() else day + timedelta(days=7)
    try:
        day = commands.day(word, now, texts_hand_offs.leave_usage())
    except BadCommand as error:
        raise BadCommand(texts_hand_offs.leave_usage()) from error
    names_year = re.match(r"\d{4}", word) is not None
    # 「1-3」 said in December; a day just past is a slip, not next year.
    if not names_year and day < after and (after - day).days > LONGEST_LEAVE:
        return date(day.year + 1, day.month, min(day.day, 28) if day.month == 2 else day.day)
    return day


def _update(item: HandOff, action: Action, kind: Kind, room: ClassRoom) -> Record:
    return Record(
        kind=kind,
        action=action,
        topic=item.topic,
        article=article_of(item.topic),
        hand_off=item.number,
        is_about_tutor=item.is_about_tutor,
        class_id=item.class_id,
        person_id=item.person_id,
        tutor_id=room.tutor.person_id if room.tutor else None,
    )


# -- to a department ------------------------------------------------------------------------------


async def pass_on(context: Context, argument: str) -> Outcome:
    """「/转 学籍 T-12 [话]」: a department's contact answers in its name; the owner stays."""
    match = _PASS_ON.fullmatch(argument)
    if match is None:
        _require_duty(context)
        raise BadCommand(texts_commands.usage(USAGE))
    item, room = await open_item(context, int(match[2]), Deed.FORWARD)
    if item.kind is Label.DISTRESS:
        raise UserError(texts_hand_offs.only_by_people(item.number))
    contact, place = await _contact(context, item, room, match[1])
    name = texts.department(contact.name)
    if not await context.uow.cases.pass_on(item, contact.id, context.now):
        raise UserError(texts_hand_offs.passed_on_before(item.number, name))
    words = mask(match[3].strip())
    context.uow.cases.note(
        step_of(context, item.number, StepKind.PASSED_ON, f"{contact.name} {words}".strip())
    )
    allowance = context.working.settings.allowance("update")
    due = texts.instant(context.working.due(context.now, allowance), context.now)
    card = Outgoing(
        key=f"pass:{context.event_id}:{item.number}",
        conversation=place,
        text=texts_hand_offs.passed_on_card(
            number=item.number,
            department=contact.name,
            by=context.speaker.name,
            class_name=room.name,
            text=item.text,
            words=words,
            due=due,
        ),
        about=item.number,
    )
    told = await to_askers(
        context,
        [item],
        lambda numbers: texts_hand_offs.passed_on_told(numbers, name, due),
        key="passed",
    )
    reply = Reply(texts_hand_offs.passed_on(item.number, contact.name, contact.person_name, due))
    return Outcome((reply,), _update(item, Action.HAND_OFF, Kind.FORWARD, room), (card, *told))


async def _contact(
    context: Context, item: HandOff, room: ClassRoom, name: str
) -> tuple[Contact, Conversation]:
    """The department's contact nearest to the class who can be written to, and where.

    Raises:
        UserError: there is none.
    """
    units: list[int | None] = [None]
    if room.unit_id is not None:
        units = [*await context.uow.people.units_above(room.unit_id), None]
    # Whoever is complained about is not asked to answer it.
    accused = {tutor.person_id for tutor in room.tutors} if item.is_about_tutor else set()
    known = [
        contact
        for contact in await context.uow.cases.contacts(units)
        if contact.person_id not in accused and contact.person_id != context.speaker.person_id
    ]
    known.sort(key=lambda contact: units.index(contact.unit_id))
    named = [it for it in known if _plain(it.name) == _plain(name)]
    if not named:
        names = list(dict.fromkeys(it.name for it in known))
        raise UserError(texts_hand_offs.no_such_department(name, names))
    for contact in named:
        for place in private_of(contact.accounts, room, item.conversation):
            can_write = context.capabilities[place.platform].writes_first
            if can_write or await context.uow.inbox.has_heard(place):
                return contact, place
    raise UserError(texts_hand_offs.department_unreachable(named[0].name))


def _plain(name: str) -> str:
    """学籍, 学籍科, 学籍老师 are one."""
    return re.sub(r"(?:老师|处|科|部|中心|办公?室?)$", "", name) or name


async def give_back_late(uow: UnitOfWork, now: datetime, working: WorkingTime) -> list[Outgoing]:
    """
    What a department has had longer than the time between two updates is its owner's alone again.

    The cards that say so, unsigned; for the clock, which queues them in the same transaction.
    """
    outgoing: list[Outgoing] = []
    allowance = working.settings.allowance("update")
    for item in await uow.cases.passed_on():
        since = item.contact_since
        assert since is not None
        assert item.contact_id is not None
        blind = await uow.lines.blind([item.account], since, now)
        if working.due(since, allowance, blind.get(item.account, ())) > now:
            continue
        contact = await uow.cases.contact(item.contact_id)
        if contact is None or not await uow.cases.give_back(item):
            continue
        uow.cases.note(Step(item.number, now, StepKind.GIVEN_BACK, CLOCK, contact.name))
        room = await uow.people.get_class(item.class_id, now)
        outgoing += to_each(
            await owners_of(uow, item, room, now),
            room,
            item.conversation,
            key=f"back:{item.number}:{since:%Y%m%d%H%M%S}",
            text=texts_hand_offs.given_back(item.number, contact.name, item.text),
            about=item.number,
        )
    return outgoing


async def todo_of_contact(context: Context) -> Outcome | None:
    """What was passed on to the speaker; None where they are no department's contact."""
    person_id = context.speaker.person_id
    if person_id is None or not context.is_private:
        return None
    if not await context.uow.cases.is_contact(person_id):
        return None
    items = await context.uow.cases.passed_on_to(person_id)
    rooms = await context.uow.people.classes({item.class_id for item in items}, context.now)
    allowance = context.working.settings.allowance("update")
    lines = [
        (
            item.number,
            rooms[item.class_id].name,
            texts.due_in_words(
                context.working.due(item.contact_since or context.now, allowance), context.now
            ),
            item.text,
        )
        for item in items[:10]
    ]
    return Outcome((Reply(texts_hand_offs.todo_of_department(lines)),))


# -- how it stands --------------------------------------------------------------------------------


async def update(context: Context, argument: str) -> Outcome:
    """「/进展 T-12 内容」: the asker knows how it stands; it stays open."""
    number, text = _number_and_text(context, argument, UPDATE_USAGE)
    item, room = await open_item(context, number, Deed.UPDATE)
    if item.kind is Label.DISTRESS:
        raise UserError(texts_hand_offs.only_by_people(number))
    if is_empty_reply(text):
        raise UserError(texts_hand_offs.empty_update(number))
    same = [item]
    if is_open_question(item):
        found = await context.uow.questions.same_matter(item)
        same += [it for it in found if it.number != number and it.class_id == item.class_id]
    told = [it for it in same if await context.uow.cases.update_told(it, context.now)]
    if item not in told:
        raise UserError(texts_hand_offs.closed_already(number))
    for it in told:
        context.uow.cases.note(step_of(context, it.number, StepKind.UPDATED, mask(text)))
    brought = await to_askers(
        context,
        told,
        lambda numbers: texts_hand_offs.updated_by_tutor(context.speaker.name, numbers, text),
        key="update",
    )
    records = [_update(it, Action.ANSWER, Kind.UPDATE, room) for it in told]
    reply = Reply(texts_hand_offs.update_sent([it.number for it in told]))
    return Outcome((reply,), records[0], brought, further=tuple(records[1:]))


async def extend(context: Context, argument: str) -> Outcome:
    """「/延期 T-12 理由」: once, and the asker is told why and until when."""
    number, reason = _number_and_text(context, argument, EXTEND_USAGE)
    item, room = await open_item(context, number, Deed.EXTEND)
    if item.kind is Label.DISTRESS:
        raise UserError(texts_hand_offs.only_by_people(number))
    if item.category is Category.INQUIRY:
        raise UserError(texts_hand_offs.question_is_not_extended(number))
    if is_empty_reply(reason):
        raise BadCommand(texts_commands.usage(EXTEND_USAGE))
    if not await context.uow.cases.extend(item, context.now):
        raise UserError(texts_hand_offs.extended_before(number))
    context.uow.cases.note(step_of(context, number, StepKind.EXTENDED, mask(reason)))
    since = item.level_since or item.asked_at
    blind = await context.uow.lines.blind([item.account], since, context.now)
    allowance = context.working.settings.allowance("extended_solution")
    at = context.working.due(since, allowance, blind.get(item.account, ()))
    due = texts.instant(at, context.now)
    told = await to_askers(
        context,
        [item],
        lambda numbers: texts_hand_offs.extended_by_tutor(
            context.speaker.name, numbers[0], reason, due
        ),
        key="extend",
    )
    record = _update(item, Action.ANSWER, Kind.UPDATE, room)
    return Outcome((Reply(texts_hand_offs.extended(number, due)),), record, told)


def _number_and_text(context: Context, argument: str, usage: str) -> tuple[int, str]:
    try:
        return commands.number_and_text(argument, usage)
    except BadCommand:
        _require_duty(context)
        raise


def _require_duty(context: Context) -> None:
    """How a command is written is told to those it is for.

    Raises:
        Forbidden: somebody without any duty.
    """
    if not context.speaker.duties:
        raise Forbidden(texts_commands.not_allowed())


# -- while a tutor is away -------------------------------------------------------------------------


async def leave(context: Context, argument: str) -> Outcome:
    """「/请假 12-01 12-05 代 赵强」: a colleague is tutor of these classes for these days."""
    rooms = await _own_rooms(context)
    match = _LEAVE.fullmatch(argument.strip())
    if match is None:
        raise BadCommand(texts_hand_offs.leave_usage())
    first, last = days_of_leave(match[1], context.now)
    starts_at = max(datetime.combine(first, time(), SHANGHAI), context.now)
    ends_at = datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
    cover = await _cover(context, rooms, match[2])
    if await context.uow.people.is_covered(cover.person_id, starts_at, ends_at):
        raise UserError(texts_hand_offs.cover_is_away(cover.name))
    away_id = context.speaker.person_id
    assert away_id is not None
    before = await context.uow.people.end_cover(away_id, context.now)
    await context.uow.people.cover(
        [room.id for room in rooms],
        away_id=away_id,
        by_id=cover.person_id,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    span, names = texts_hand_offs.leave_span(first, last), [room.name for room in rooms]
    gone = [it for it in before if it.person_id != cover.person_id]
    told = [
        *_tell(
            [cover], rooms, context, texts_hand_offs.cover_begins(span, context.speaker.name, names)
        ),
        *_tell(gone, rooms, context, texts_hand_offs.cover_over(context.speaker.name)),
    ]
    words = texts_hand_offs.leave_begins(span, cover.name, names, [it.name for it in gone])
    return Outcome((Reply(words),), _command_record(rooms[0]), tuple(told))


async def back(context: Context, argument: str) -> Outcome:
    """「/销假」: whoever stands in, or would, does so no longer."""
    rooms = await _own_rooms(context)
    assert context.speaker.person_id is not None
    covers = await context.uow.people.end_cover(context.speaker.person_id, context.now)
    if not covers:
        raise UserError(texts_hand_offs.not_on_leave())
    told = _tell(covers, rooms, context, texts_hand_offs.cover_over(context.speaker.name))
    words = texts_hand_offs.leave_over([it.name for it in covers])
    return Outcome((Reply(words),), _command_record(rooms[0]), tuple(told))


async def _own_rooms(context: Context) -> list[ClassRoom]:
    """The classes the speaker is tutor of in their own right.

    Raises:
        Forbidden: there is none.
    """
    rooms = await context.uow.people.classes(context.speaker.own_classes, context.now)
    if not rooms:
        raise Forbidden(texts_commands.not_allowed())
    return sorted(rooms.values(), key=lambda room: room.name)


async def _cover(context: Context, rooms: list[ClassRoom], name: str) -> Tutor:
    """The one person of this name who may stand in for every class.

    Raises:
        UserError: none, or several.
    """
    found: dict[int, Tutor] | None = None
    for unit_id in {room.unit_id for room in rooms}:
        here = {
            it.person_id: it
            for it in await context.uow.people.staff_named(name, unit_id, context.now)
        }
        found = here if found is None else {key: it for key, it in found.items() if key in here}
    candidates = [it for it in (found or {}).values() if it.person_id != context.speaker.person_id]
    if not candidates:
        raise UserError(texts_hand_offs.no_such_cover(name))
    if len(candidates) > 1:
        raise UserError(texts_hand_offs.ambiguous_cover(name))
    return candidates[0]


def _tell(
    people: list[Tutor], rooms: list[ClassRoom], context: Context, words: str
) -> list[Outgoing]:
    place = context.message.conversation
    return [
        Outgoing(key=f"cover:{context.event_id}:{person.person_id}", conversation=where, text=words)
        for person in people
        if (where := private_with(person, rooms[0], place)) is not None
    ]


def _command_record(room: ClassRoom) -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十三条", class_id=room.id)
