"""「/提醒 每周五17点提醒交形考到12月20日」 and 「提醒我 …」: read, read back, confirmed, armed.

What a class is told needs a right there; a student's own reminders reach nobody else. Nothing is
armed that was not read back, and what hangs on a date of the calendar follows it.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handlers import matters, texts_sentences
from handlers import texts_reminders as texts
from handlers.context import Context, Outcome, Reply
from handlers.done import actor, number_of
from handlers.errors import UserError
from handlers.matters import Matters
from handlers.notices import CONFIRM_LASTS, targets
from handlers.permissions import STAFF, Deed, may, require
from handlers.reminding import allowed_from, is_quiet, next_times
from handlers.sentence_plans import Audience as Whom
from handlers.sentence_plans import Plan, Repeating
from handlers.sentence_times import TIMES
from handlers.sentence_words import Kind as Word
from handlers.sentence_words import scan
from handlers.sentences import Refused, Result, Unsure, read
from handlers.settings import ReminderSettings
from handlers.texts import clip
from handlers.texts_done import no_such_task
from handlers.working_time import WorkingTime
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.prompts import Prompt
from storage.published import CalendarDate
from storage.tasks import Audience, Draft, Task, TaskKind, TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Label, Topic

CONFIRM = "reminder"
WHICH = "which_reminder"
WHICH_LASTS = timedelta(minutes=10)
MOST_CHOICES = 3
MOST_TITLE = 40
MOST_OWN = 10
LEAST_GAP = timedelta(minutes=15)
#: A term: a student's own reminder comes round for no longer.
TERM = timedelta(days=184)
#: So many occurrences of a student's reminders are held against each other.
_COMPARED = 400

_MONEY = re.compile(
    r"(?<![免浪])费(?![心力时劲解])|钱|欠款|收款|付款|转账|红包|缴纳|\d\s*元|[一二三四五六七八九十百千万]元"
    r"|[¥￥]"
)
_MARKS = re.compile(r"成绩|分数|\d\s*分(?!钟)|挂科|不及格|补考|重修")
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s,，。;；、「」()（）<>]+"
    r"|(?<![a-z0-9_@.-])(?:[a-z0-9-]+\.)+(?:com|cn|net|org|edu|gov|top|cc|me|io|xyz|vip|shop|link|ly"
    r"|app|site|online|info|club|pub)(?![a-z0-9.-])(?:[/?#][^\s,，。;；、「」()（）<>]*)?",
    re.IGNORECASE,
)
_FOR_ME = re.compile(r"(?:提醒(?:一下|一声)?|叫|喊)(?:一下)?我(?!们|班|校|院)")
_ASKING = re.compile(
    r"[吗么?？]\s*$|怎么|为什么|会不会|是不是|什么时候|没有?提醒|(?:时间|日期)\s*$"
)
_STOP = re.compile(r"[\s。.!！~]+$")


# -- rules ----------------------------------------------------------------------------------------


def strange_link(text: str, allowed: Iterable[str]) -> str:
    """The first link of a text that no published one is or begins; "" where there is none."""
    known = {_bare(link) for value in allowed for link in _LINK.findall(value)}
    for link in _LINK.findall(text):
        bare = _bare(link)
        if not any(
            bare == one or bare.startswith((f"{one}/", f"{one}?", f"{one}#")) for one in known
        ):
            return str(link)
    return ""


def _bare(link: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", link.lower()).rstrip("/.")


def said_after(result: Result) -> Plan | None:
    """「提醒我 周五晚上8点交形考」: the time after the verb, where only its owner is in doubt."""
    if not isinstance(result, Unsure) or len(result.choices) != 1:
        return None
    question = texts_sentences.time_or_words("").partition("」")[2]
    return result.choices[0] if result.question.endswith(question) else None


def named_in(text: str, names: Iterable[str]) -> str:
    """The first of these names that a text holds; "" where there is none."""
    return next((name for name in names if len(name) > 1 and name in text), "")


def is_of_money(plan: Plan, table: Matters) -> bool:
    """Whether it is about what is nobody else's business: fees, or a matter said in private."""
    if _MONEY.search(plan.text) or _is_private(plan, table):
        return True
    names = (word for row in table.rows if row.is_private for word in (row.name, *row.synonyms))
    return any(name in plan.text for name in names)


def require_modest(
    plan: Plan, others: Mapping[int, Plan], now: datetime, working: WorkingTime
) -> None:
    """
    What a student may order besides their `others`, by number.

    Raises:
        UserError: too many, too often, for too long, or at the time of another.
    """
    if len(others) >= MOST_OWN:
        raise UserError(texts.too_many(MOST_OWN))
    minutes = LEAST_GAP // timedelta(minutes=1)
    if isinstance(plan.times, Repeating):
        if plan.times.until is None:
            raise UserError(texts.without_end())
        if plan.times.until > now + TERM:
            raise UserError(texts.too_long())
    gap = plan.min_gap(now, working)
    if gap is not None and gap < LEAST_GAP:
        raise UserError(texts.too_close(minutes))
    times = list(plan.occurrences(now, working, count=_COMPARED))
    if not times:
        raise UserError(texts_sentences.never())
    for number, other in others.items():
        for at in other.occurrences(now, working, count=_COMPARED, until=times[-1] + LEAST_GAP):
            place = bisect_left(times, at)
            if any(abs(at - near) < LEAST_GAP for near in times[max(0, place - 1) : place + 1]):
                raise UserError(texts.too_close_to(number, at, now, minutes))


def title_of(task: Task) -> str:
    """What to call a reminder before whoever may read its words."""
    return clip(task.text, MOST_TITLE) if task.kind is TaskKind.PERSONAL else task.title


def night_notes(
    plan: Plan, now: datetime, working: WorkingTime, settings: ReminderSettings
) -> list[str]:
    """What becomes of the next times that fall into the night."""
    notes = []
    for item in next_times(0, plan, now, working)[:3]:
        if is_quiet(item.due_at, settings):
            sent = allowed_from(item.due_at, settings)
            notes.append(
                texts.in_the_night(item.due_at, sent, now)
                if sent < item.useful_until
                else texts.before_the_night(item.due_at, now)
            )
    return notes


# -- ordering -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """A plan for each class it is for; `is_own`: it reminds whoever ordered it, of that class."""

    plans: Mapping[int, Plan]
    is_own: bool = False
    may_name: bool = False

    @property
    def first(self) -> Plan:
        return next(iter(self.plans.values()))


async def order(context: Context, argument: str) -> Outcome:
    """「/提醒 …」 for a class by who may remind it, else for oneself; alone: what there is."""
    rooms = await _rooms(context)
    if not rooms:
        if not context.is_private:
            raise UserError(texts.in_private_please())
        return await (_order_own(context, argument) if argument else own_list(context, ""))
    rooms, sentence = targets(rooms, argument)
    if not sentence:
        return await _list(context, rooms)
    dates = await _dates_of(context, [room.id for room in rooms])
    results = {
        room.id: read(sentence, context.now, dates[room.id], context.working) for room in rooms
    }
    first = next(iter(results.values()))
    if isinstance(first, Plan) and first.audience is Whom.MYSELF:
        return await _order_own(context, sentence)
    plans = {number: plan for number, plan in results.items() if isinstance(plan, Plan)}
    if len(plans) == len(results):
        return await _propose(context, Order(plans))
    if any(result != first for result in results.values()):
        raise UserError(texts.calendars_differ())
    return await _ask(context, first, list(results), is_own=False)


async def _order_own(context: Context, sentence: str) -> Outcome:
    """「提醒我 周五晚上8点交形考」 in private."""
    room_id = _own_class(context)
    dates = (await _dates_of(context, [room_id]))[room_id]
    result = read(sentence, context.now, dates, context.working, is_student=True)
    plan = result if isinstance(result, Plan) else said_after(result)
    if plan is not None:
        return await _propose(context, Order({room_id: plan}, is_own=True))
    return await _ask(context, result, [room_id], is_own=True)


async def hear(context: Context, text: str) -> Outcome | None:
    """「提醒我 …」 without a slash; None where that is not what it is."""
    match = _FOR_ME.search(text)
    if match is None or context.message.is_anonymous:
        return None
    if context.understanding.label is Label.DISTRESS:
        return None
    class_ids = context.speaker.class_ids or context.speaker.tutored
    room_id = class_ids[0] if class_ids else context.room.id if context.room else None
    dates = {} if room_id is None else (await _dates_of(context, [room_id]))[room_id]
    result = read(text, context.now, dates, context.working, is_student=True)
    is_clear = isinstance(result, Plan) or said_after(result) is not None
    if not is_clear and (
        _ASKING.search(text) or not _begins_as_order(text[: match.start()], dates)
    ):
        return None
    if not context.is_private:
        return Outcome((Reply(texts.in_private_please()),))
    return await _order_own(context, text)


def _begins_as_order(head: str, dates: Mapping[str, CalendarDate]) -> bool:
    """Whether all that stands before 「提醒我」 is when, or politeness."""
    return all(piece.kind in TIMES | {Word.FILLER, Word.FROM} for piece in scan(head, dates))


def _own_class(context: Context) -> int:
    """The class through which somebody is reminded in private.

    Raises:
        UserError: in a group, nobody we know, or of no class.
    """
    if not context.is_private:
        raise UserError(texts.in_private_please())
    if context.speaker.person_id is None:
        raise UserError(texts.bind_first())
    own = context.speaker.class_ids or context.speaker.tutored
    if not own:
        raise UserError(texts.no_class())
    return context.room.id if context.room is not None and context.room.id in own else own[0]


async def _rooms(context: Context) -> list[ClassRoom]:
    """The classes at hand that the speaker may remind; none: only themselves."""
    if not context.is_private:
        is_allowed = context.room is not None and may(
            context.speaker, Deed.REMIND_CLASS, context.room
        )
        return [context.room] if is_allowed and context.room is not None else []
    ids = {*context.speaker.tutored, *context.speaker.offices}
    rooms = await context.uow.people.classes(ids, context.now)
    found = [room for room in rooms.values() if may(context.speaker, Deed.REMIND_CLASS, room)]
    return sorted(found, key=lambda room: room.name)


async def _dates_of(
    context: Context, class_ids: Sequence[int]
) -> dict[int, dict[str, CalendarDate]]:
    found = await context.uow.published.for_classes(class_ids)
    return {number: {date.matter: date for date in its.dates} for number, its in found.items()}


# -- asking back ----------------------------------------------------------------------------------


async def _ask(
    context: Context, result: Unsure | Refused | Plan, class_ids: Sequence[int], *, is_own: bool
) -> Outcome:
    """Ask what was meant; a digit answers where there is something to choose from."""
    if isinstance(result, Refused):
        raise UserError(result.reason)
    assert isinstance(result, Unsure)
    orders = [
        Order({_own_class(context): plan}, is_own=True)
        if is_own or plan.audience is Whom.MYSELF
        else Order(dict.fromkeys(class_ids, plan))
        for plan in result.choices
    ]
    lines = [_line_of(context, order.first) for order in orders]
    return await _offer(context, result.question, orders, lines)


async def _offer(
    context: Context, question: str, orders: Sequence[Order], lines: Sequence[str]
) -> Outcome:
    orders, lines = orders[:MOST_CHOICES], lines[:MOST_CHOICES]
    if orders:
        await _put(context, WHICH, orders, WHICH_LASTS)
    return Outcome((Reply(texts.with_choices(question, lines)),))


def _line_of(context: Context, plan: Plan) -> str:
    times = list(plan.occurrences(context.now, context.working, count=3))
    shown = times[:2] if len(times) > 2 else times
    return texts.choice(shown, plan.text, context.now, is_more=len(times) > 2)


async def choose(context: Context, digit: str) -> Outcome | None:
    """The answer to a question; None where the number is none of those."""
    assert context.prompt is not None
    orders = _remembered(context.prompt)
    if int(digit) > len(orders):
        return None
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    if digit == "0":
        return Outcome((Reply(texts.nothing_chosen()),))
    return await _propose(context, orders[int(digit) - 1])


async def _put(context: Context, kind: str, orders: Sequence[Order], lasts: timedelta) -> None:
    detail = [
        {
            "plans": {number: plan.to_json() for number, plan in order.plans.items()},
            "own": order.is_own,
            "named": order.may_name,
        }
        for order in orders
    ]
    await context.uow.prompts.put(
        context.message.conversation,
        context.message.sender_id,
        Prompt(kind, json.dumps(detail, ensure_ascii=False), context.now + lasts),
    )


def _remembered(prompt: Prompt) -> list[Order]:
    return [
        Order(
            {int(number): Plan.from_json(text) for number, text in item["plans"].items()},
            item["own"],
            item["named"],
        )
        for item in json.loads(prompt.detail)
    ]


# -- reading back ---------------------------------------------------------------------------------


async def _propose(context: Context, order: Order) -> Outcome:
    """Read it back; nothing is armed before 「确认」."""
    now, working = context.now, context.working
    if order.is_own:
        await _require_own(context, order.first)
        words = texts_sentences.readback(order.first, now, working)
        await _put(context, CONFIRM, [order], CONFIRM_LASTS)
        return Outcome((Reply(texts.proposal((), words, ())),))
    order = replace(order, plans=_with_headings(order.plans, _table(context)))
    rooms = await _allowed(context, order)
    if (asked := await _objection(context, order, rooms)) is not None:
        return asked
    notes = [await _reach(context, order, rooms)]
    times = list(order.first.occurrences(now, working, count=3))
    for room in rooms[1:]:
        theirs = list(order.plans[room.id].occurrences(now, working, count=3))
        if theirs != times:
            notes.append(texts.other_times(room.name, theirs, now))
    notes += night_notes(order.first, now, working, context.reminders)
    words = texts_sentences.readback(order.first, now, working)
    await _put(context, CONFIRM, [order], CONFIRM_LASTS)
    names = [room.name for room in rooms]
    return Outcome((Reply(texts.proposal(names, words, notes)),))


def _with_headings(plans: Mapping[int, Plan], table: Matters) -> dict[int, Plan]:
    """Whoever is told that they have not done it is told what."""

    def headed(plan: Plan) -> Plan:
        own = plan.matter or ""
        is_named = own in plan.text or table.name_of(own) in plan.text
        if plan.audience is not Whom.UNDONE or is_named:
            return plan
        return replace(plan, text=f"{table.name_of(own)}：{plan.text}")

    return {number: headed(plan) for number, plan in plans.items()}


async def _require_own(context: Context, plan: Plan) -> None:
    person_id = context.speaker.person_id
    if person_id is None:
        raise UserError(texts.bind_first())
    own = await context.uow.tasks.of_person(person_id)
    others = {task.number: Plan.from_json(task.rule) for task in own if task.rule is not None}
    require_modest(plan, others, context.now, context.working)


async def _allowed(context: Context, order: Order) -> list[ClassRoom]:
    """The classes of an order, as long as the right to remind them lasts.

    Raises:
        UserError: not any more, no group to say it in, or the time has passed.
    """
    found = await context.uow.people.classes(order.plans, context.now)
    rooms = [require(context.speaker, Deed.REMIND_CLASS, found[number]) for number in order.plans]
    for room in rooms:
        if not _open_groups(context, room):
            raise UserError(texts.without_group(room.name))
        if not next_times(0, order.plans[room.id], context.now, context.working):
            raise UserError(texts_sentences.never())
    return rooms


async def _objection(context: Context, order: Order, rooms: Sequence[ClassRoom]) -> Outcome | None:
    """
    A question that must be answered first.

    Raises:
        UserError: what may not be said to a class at all.
    """
    plan, table = order.first, _table(context)
    is_undone = plan.audience is Whom.UNDONE
    if is_of_money(plan, table):
        if not is_undone or not _is_private(plan, table):
            raise UserError(texts.money_in_public())
        if not context.is_private:
            raise UserError(texts.order_in_private())
    published = await context.uow.published.for_classes(order.plans)
    for room in rooms:
        links = [it.value for it in published[room.id].facts if it.slot.startswith("链接:")]
        if link := strange_link(plan.text, [*links, *context.reminders.links]):
            raise UserError(texts.strange_link(link))
    names = [it.name for room in rooms for it in await context.uow.receipts.students(room.id)]
    if name := named_in(plan.text, names):
        if _MONEY.search(plan.text) or _MARKS.search(plan.text):
            raise UserError(texts.mark_with_name())
        if not order.may_name:
            anyway = replace(order, may_name=True)
            return await _offer(
                context, texts.names_somebody(name), [anyway], [texts.say_it_all_the_same()]
            )
    if is_undone and (without := await _without_list(context, order, rooms)):
        question = texts.no_list(plan.matter or "", [room.name for room in without])
        if is_of_money(plan, table):
            raise UserError(question)
        everybody = {
            number: replace(one, audience=Whom.EVERYBODY) for number, one in order.plans.items()
        }
        instead = replace(order, plans=everybody)
        return await _offer(context, question, [instead], [texts.everybody_instead()])
    return None


async def _without_list(
    context: Context, order: Order, rooms: Sequence[ClassRoom]
) -> list[ClassRoom]:
    """The classes of which nobody knows who has done it."""
    lists = await _lists(context, order)
    return [room for room in rooms if room.id not in lists]


async def _lists(context: Context, order: Order) -> dict[int, Task]:
    """By class, the armed matter of the calendar by which a student counts as done."""
    name = _table(context).name_of(order.first.matter or "")
    found = await context.uow.tasks.armed(order.plans, [TaskKind.MATTER])
    return {
        task.class_id: task
        for task in found
        if task.matter == name and task.audience is Audience.UNDONE
    }


async def _reach(context: Context, order: Order, rooms: Sequence[ClassRoom]) -> str:
    """How many groups hear of it, or how many people."""
    if order.first.audience is not Whom.UNDONE:
        return texts.to_groups(sum(len(_open_groups(context, room)) for room in rooms))
    lists = await _lists(context, order)
    done = await context.uow.tasks.done_by([task.number for task in lists.values()])
    total = undone = 0
    for room in rooms:
        students = {it.person_id for it in await context.uow.receipts.students(room.id)}
        total += len(students)
        undone += len(students - done.get(lists[room.id].number, set()))
    is_private = _is_private(order.first, _table(context))
    return texts.to_undone(undone, total, is_private=is_private)


def _open_groups(context: Context, room: ClassRoom) -> list[str]:
    return [
        group.group_id
        for group in room.groups
        if group.left_at is None and context.capabilities[group.platform].group_push
    ]


def _table(context: Context) -> Matters:
    return matters.load(context.reminders.matters)


def _is_private(plan: Plan, table: Matters) -> bool:
    matter = table.find(plan.matter) if plan.matter else None
    return matter is not None and matter.is_private


# -- arming ---------------------------------------------------------------------------------------


async def confirm(context: Context, text: str) -> Outcome | None:
    """「确认」: rights, limits and the time are looked at again. None: another order, instead."""
    assert context.prompt is not None
    if _STOP.sub("", text.strip()) != "确认":
        if _FOR_ME.search(text) and context.is_private:
            return None
        await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
        return Outcome((Reply(texts.not_armed()),))
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    (order,) = _remembered(context.prompt)
    return await (_arm_own(context, order) if order.is_own else _arm(context, order))


async def _arm_own(context: Context, order: Order) -> Outcome:
    # Two of one person's at the same moment are counted one after the other.
    await context.uow.tasks.lock()
    await _require_own(context, order.first)
    ((room_id, plan),) = order.plans.items()
    draft = Draft(
        TaskKind.PERSONAL,
        room_id,
        # Titles are read by tutors; what a student wants to be reminded of is their own affair.
        texts.own_title(),
        Audience.OWNER,
        made_by=actor(context),
        text=plan.text,
        is_private=True,
        person_id=context.speaker.person_id,
        rule=plan.to_json(),
        event_id=context.event_id,
    )
    number, first = await _armed(context, draft, plan)
    record = Record(
        Kind.COMMAND,
        Action.ANSWER,
        article="第十六条",
        class_id=room_id,
        person_id=context.speaker.person_id,
        task=number,
    )
    return Outcome((Reply(texts.armed_own(number, first, context.now)),), record)


async def _arm(context: Context, order: Order) -> Outcome:
    rooms = await _allowed(context, order)
    if (asked := await _objection(context, order, rooms)) is not None:
        return asked
    table = _table(context)
    lists = await _lists(context, order) if order.first.audience is Whom.UNDONE else {}
    records: list[Record] = []
    numbers: list[tuple[str, int]] = []
    firsts: list[datetime] = []
    for room in rooms:
        plan = order.plans[room.id]
        matter = table.find(plan.matter) if plan.matter else None
        draft = Draft(
            TaskKind.REMINDER,
            room.id,
            lists[room.id].matter if lists else clip(plan.text, MOST_TITLE),
            Audience.UNDONE if lists else Audience.EVERYBODY,
            made_by=actor(context),
            matter=lists[room.id].matter if lists else matter.name if matter else "",
            text=plan.text,
            is_private=_is_private(plan, table),
            rule=plan.to_json(),
            event_id=context.event_id,
        )
        number, first = await _armed(context, draft, plan)
        if lists:
            known = await context.uow.tasks.completions_of(lists[room.id].number)
            await context.uow.tasks.complete([replace(it, task=number) for it in known])
        numbers.append((room.name, number))
        firsts.append(first)
        records.append(
            Record(
                Kind.COMMAND,
                Action.ANSWER,
                topic=matter.topic if matter else Topic.NONE,
                article=matter.article if matter else "第十六条",
                class_id=room.id,
                task=number,
            )
        )
    words = texts.armed(numbers, min(firsts), context.now)
    return Outcome((Reply(words),), records[0], further=tuple(records[1:]))


async def _armed(context: Context, draft: Draft, plan: Plan) -> tuple[int, datetime]:
    """The number of the new task and its first time; the clock plans on from the last."""
    number = await context.uow.tasks.arm(draft, context.now)
    planned = next_times(number, plan, context.now, context.working)
    if not planned:
        raise UserError(texts_sentences.never())
    await context.uow.tasks.plan(planned)
    return number, planned[0].due_at


# -- lists, taking back ---------------------------------------------------------------------------


async def _list(context: Context, rooms: Sequence[ClassRoom]) -> Outcome:
    names = {room.id: room.name for room in rooms}
    found = await context.uow.tasks.armed(names, [TaskKind.REMINDER])
    if not context.is_private:
        found = [task for task in found if not task.is_private]
    shown = {
        task.number: "没办的同学" if task.audience is Audience.UNDONE else "全班" for task in found
    }
    lines = await _lines(context, found, names if context.is_private else {}, shown)
    record = Record(Kind.COMMAND, Action.ANSWER, article="第十六条", class_id=rooms[0].id)
    return Outcome((Reply(texts.listed(lines)),), record)


async def own_list(context: Context, argument: str) -> Outcome:
    """「我的提醒」, to nobody but whose they are."""
    if not context.is_private:
        raise UserError(texts.in_private_please())
    if context.speaker.person_id is None:
        raise UserError(texts.bind_first())
    found = await context.uow.tasks.of_person(context.speaker.person_id)
    return Outcome((Reply(texts.own_list(await _lines(context, found, {}, {}))),))


async def _lines(
    context: Context, found: Sequence[Task], rooms: Mapping[int, str], whom: Mapping[int, str]
) -> list[str]:
    planned = await context.uow.tasks.reminders_of([task.number for task in found])
    lines: list[tuple[datetime, str]] = []
    for task in found:
        coming = [it.due_at for it in planned.get(task.number, ()) if it.due_at > context.now]
        at = min((it for it in coming), default=None)
        line = texts.line(
            task.number,
            rooms.get(task.class_id, ""),
            at,
            title_of(task),
            whom.get(task.number, ""),
            context.now,
        )
        lines.append((at or context.now, line))
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])]


async def cancel(context: Context, argument: str) -> Outcome:
    """「/取消提醒 R-12」: a class's by its tutor or who ordered it, one's own by oneself."""
    if not argument.strip() and context.is_private and not await _rooms(context):
        return await own_list(context, "")
    number, _ = number_of(argument, texts.cancel_usage().removeprefix("格式："))
    task = await context.uow.tasks.of(number)
    if task is None:
        raise UserError(no_such_task(number))
    is_own = task.kind is TaskKind.PERSONAL and task.person_id == context.speaker.person_id
    if is_own and task.person_id is not None:
        if not context.is_private:
            raise UserError(texts.in_private_please())
    else:
        await _require_theirs(context, task)
    if not task.is_armed:
        raise UserError(texts.over_already(number))
    await context.uow.tasks.end([number], TaskState.CANCELLED, by=actor(context), now=context.now)
    record = Record(
        Kind.COMMAND,
        Action.ANSWER,
        article="第十六条",
        class_id=task.class_id,
        person_id=task.person_id,
        task=number,
    )
    return Outcome((Reply(texts.cancelled(number, title_of(task))),), record)


async def _require_theirs(context: Context, task: Task) -> None:
    """
    Raises:
        UserError: not theirs, in the same words as if there were none.
    """
    room = await context.uow.people.get_class(task.class_id, context.now)
    is_staff = context.speaker.role_in(room) in STAFF
    is_theirs = may(context.speaker, Deed.REMIND_CLASS, room) and (
        is_staff or task.made_by == actor(context)
    )
    if task.kind is TaskKind.PERSONAL or not is_theirs:
        raise UserError(no_such_task(task.number))
    if task.kind is not TaskKind.REMINDER:
        raise UserError(texts.no_reminder(task.number))


# -- following the calendar -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Followed:
    """A reminder whose date has moved; `is_over`: there is no such date to come any more."""

    task: Task
    matter: str
    is_over: bool


async def follow_calendar(uow: UnitOfWork, now: datetime, working: WorkingTime) -> list[Followed]:
    """
    What hangs on a date of the calendar is planned anew where that has changed.

    Whoever changed it and by whichever door; the same again changes nothing.
    """
    found = await uow.tasks.hanging_on_calendar()
    if not found:
        return []
    published = await uow.published.for_classes({task.class_id for task in found})
    followed: list[Followed] = []
    for task in found:
        assert task.rule is not None
        plan = Plan.from_json(task.rule)
        dates = {date.matter: date for date in published[task.class_id].dates}
        moved = plan.moved(dates)
        if moved == plan or plan.relative_to is None:
            continue
        matter = plan.relative_to.matter
        planned = next_times(task.number, moved, now, working) if moved is not None else []
        by = f"calendar:{matter}"
        if moved is None or not planned:
            await uow.tasks.end([task.number], TaskState.CANCELLED, by=by, now=now)
            followed.append(Followed(task, matter, is_over=True))
            continue
        await uow.tasks.cancel([task.number], by=by, now=now)
        if not isinstance(plan.times, Repeating):
            # What is held back was for the date that is no more.
            await uow.obligations.stop([task.number], None, by=by, now=now)
        await uow.tasks.reorder(task.number, moved.to_json())
        await uow.tasks.plan(planned)
        followed.append(Followed(task, matter, is_over=False))
    return followed
