"""Receipts and 接龙: a notice that asks for an answer, who has not given it, 「催」, the end.

What is counted is counted without a word in the group; names are told in private only.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from handlers import texts, texts_commands, texts_done
from handlers.commands import BadCommand
from handlers.context import Context, Outcome, Reply
from handlers.done import actor, number_of, said, task_for
from handlers.errors import Forbidden, UserError
from handlers.notices import ask_to_confirm, confirmed, require_groups, targets
from handlers.permissions import Deed, may, require
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.receipts import ROLL
from storage.tasks import Audience, Draft, Planned, Task, TaskKind, TaskState
from storage.vocabulary import Action, Outgoing, Role

CONFIRM = "receipt"
#: The step of a reminder that somebody asked for.
URGE = "urge:"
URGED_ONCE_IN = timedelta(hours=1)
URGE_IS_USEFUL = timedelta(hours=24)
MOST_TITLE = 40
MOST_LINES = 20
#: Whose list with names has no place in a group.
_OF_MONEY_OR_MARKS = re.compile(r"费|钱|款|收款|成绩|分数|补考|重修|挂科|不及格|欠")
_OF_STAFF = frozenset({TaskKind.MATTER, TaskKind.REMINDER})


# -- rules ----------------------------------------------------------------------------------------


def title_of(words: str) -> str:
    """The beginning of a notice, to call it by."""
    return texts.clip(words.splitlines()[0] if words.strip() else words, MOST_TITLE)


def is_sensitive(task: Task) -> bool:
    """Whether who is on its list says something of money or marks."""
    return task.is_private or _OF_MONEY_OR_MARKS.search(f"{task.matter}{task.title}") is not None


def word_for(task: Task) -> str:
    """What those who have done it did."""
    if task.kind is TaskKind.RECEIPT:
        return "已接" if task.matter == ROLL else "已回"
    return "已交" if task.kind is TaskKind.COLLECTION else "已办"


async def rooms_to_collect_in(context: Context) -> list[ClassRoom]:
    """
    The group's class; in private every class in which the speaker may collect.

    Raises:
        Forbidden: there is none.
    """
    if not context.is_private:
        return [require(context.speaker, Deed.COLLECT, context.room)]
    ids = {*context.speaker.tutored, *context.speaker.offices}
    rooms = await context.uow.people.classes(ids, context.now)
    found = [room for room in rooms.values() if may(context.speaker, Deed.COLLECT, room)]
    if not found:
        raise Forbidden(texts_commands.not_allowed())
    return sorted(found, key=lambda room: room.name)


def who_asks(context: Context, room: ClassRoom) -> str:
    """How the class knows who asks."""
    is_staff = context.speaker.role_in(room) in (Role.TUTOR, Role.SUPERVISOR)
    return f"{context.speaker.name}老师" if is_staff else f"班委{context.speaker.name}"


async def messages_to(
    context: Context, room: ClassRoom, number: int, text: str
) -> tuple[Outgoing, ...]:
    """
    One message to each group of a class, known by the task: never twice. Counted like a notice.

    Raises:
        UserError: there is no group to say it in.
    """
    groups = [
        group
        for group in room.groups
        if group.left_at is None and context.capabilities[group.platform].group_push
    ]
    if not groups:
        raise UserError(texts_commands.notice_without_group(room.name))
    for group in groups:
        await context.uow.group_days.note(group.conversation, context.now.date())
    return tuple(
        Outgoing(
            key=f"task:{number}:{group.platform}:{group.account}:{group.group_id}",
            conversation=group.conversation,
            text=text,
            is_push=True,
        )
        for group in groups
    )


# -- commands -------------------------------------------------------------------------------------


async def receipt(context: Context, argument: str) -> Outcome:
    """「/回执 内容」: at once to one class, to several only after 「确认」 within 60 s."""
    rooms, words = targets(await rooms_to_collect_in(context), argument)
    if not words:
        raise BadCommand(texts_commands.usage("/回执 内容"))
    require_groups(context, Deed.COLLECT, rooms)
    if len(rooms) == 1:
        return await _publish(context, rooms, words)
    await ask_to_confirm(context, CONFIRM, rooms, {"text": words})
    return Outcome((Reply(texts_done.receipt_preview([room.name for room in rooms], words)),))


async def confirm(context: Context) -> Outcome:
    """「确认」: the rights are read again, they may have ended within the minute."""
    found = await confirmed(context, Deed.COLLECT)
    if found is None:
        return Outcome((Reply(texts_commands.cancelled()),))
    rooms, detail = found
    return await _publish(context, rooms, detail["text"])


async def _publish(context: Context, rooms: Sequence[ClassRoom], words: str) -> Outcome:
    numbers: list[tuple[str, int]] = []
    sent: list[Outgoing] = []
    for room in rooms:
        number = await _arm(context, room, title_of(words), texts.clip(words, 200))
        text = texts_done.receipt_notice(number, who_asks(context, room), words)
        sent += await messages_to(context, room, number, text)
        numbers.append((room.name, number))
    reply = said(context, texts_done.receipt_open(numbers))
    record = Record(Kind.NOTICE, Action.ANSWER, article="第十六条", task=numbers[0][1])
    return Outcome((reply,), _in_class(record, rooms[0]), tuple(sent))


async def roll(context: Context, argument: str) -> Outcome:
    """「/接龙 标题」 begins a list, 「/接龙 R-12」 shows one to anybody of its class."""
    if re.match(r"\s*[RrＲ]\s*[-－—_]?\s*\d|\s*\d{1,9}\s*$", argument):
        return await _show_roll(context, number_of(argument, "/接龙 R-12")[0])
    rooms, words = targets(await rooms_to_collect_in(context), argument)
    if not words:
        raise BadCommand(texts_commands.usage("/接龙 标题，或 /接龙 R-12 看名单"))
    if len(rooms) > 1:
        names = [room.name for room in rooms]
        raise UserError(texts_commands.which_of_your_classes(names, "/接龙 班级 标题"))
    room = rooms[0]
    number = await _arm(context, room, title_of(words), texts.clip(words, 200), ROLL)
    text = texts_done.roll_notice(number, who_asks(context, room), words)
    sent = await messages_to(context, room, number, text)
    reply = said(context, texts_done.receipt_open([(room.name, number)], is_roll=True))
    record = Record(Kind.NOTICE, Action.ANSWER, article="第十二条", task=number)
    return Outcome((reply,), _in_class(record, room), sent)


async def _show_roll(context: Context, number: int) -> Outcome:
    task = await context.uow.tasks.of(number)
    if task is None or task.matter != ROLL or task.kind is not TaskKind.RECEIPT:
        raise UserError(texts_done.no_such_task(number))
    room = await context.uow.people.get_class(task.class_id, context.now)
    here = context.room is not None and context.room.id == room.id
    is_theirs = room.id in context.speaker.class_ids or may(context.speaker, Deed.COLLECT, room)
    if not is_theirs and (context.is_private or not here):
        raise UserError(texts_done.no_such_task(number))
    done = [it for it in await context.uow.tasks.completions_of(number) if it.is_done]
    unbound = await context.uow.receipts.unbound(task)
    students = {it.person_id: it.name for it in await context.uow.receipts.students(room.id)}
    names = [students[it.person_id] for it in done if it.person_id in students]
    may_see = context.is_private and may(context.speaker, Deed.SEE_MISSING, room)
    if is_sensitive(task) and not may_see:
        words = texts_done.progress(
            number,
            task.title,
            done=len(names),
            total=len(students),
            unbound=unbound,
            what=word_for(task),
        )
    else:
        words = texts_done.roll(number, task.title, names, unbound, is_open=task.is_armed)
    return Outcome((Reply(words),), Record(Kind.COMMAND, Action.ANSWER, task=number))


async def missing(context: Context, argument: str) -> Outcome:
    """「/未回 R-12」: who has not, by name in private; only figures in a group."""
    if not argument.strip():
        return await _open_ones(context)
    number, _ = number_of(argument, "/未回 R-12")
    task, room = await task_for(context, number, Deed.SEE_MISSING)
    students = await context.uow.receipts.students(room.id)
    done = (await context.uow.tasks.done_by([number])).get(number, set())
    undone = [it for it in students if it.person_id not in done]
    unbound = await context.uow.receipts.unbound(task)
    if not context.is_private:
        words = texts_done.progress(
            number,
            task.title,
            done=len(students) - len(undone),
            total=len(students),
            unbound=unbound,
            what=word_for(task),
        )
    else:
        words = texts_done.missing(
            number,
            task.title,
            done=len(students) - len(undone),
            total=len(students),
            unbound=unbound,
            names=[it.name for it in undone if it.is_bound],
            strangers=[it.name for it in undone if not it.is_bound],
            what=word_for(task),
        )
    record = Record(Kind.COMMAND, Action.ANSWER, article="第十六条", task=number)
    return Outcome((Reply(words),), _in_class(record, room))


async def _open_ones(context: Context) -> Outcome:
    rooms = {room.id: room for room in await rooms_to_collect_in(context)}
    found = await context.uow.tasks.armed(rooms, frozenset(TaskKind) - {TaskKind.PERSONAL})
    found = sorted(found, key=lambda it: it.number, reverse=True)[:MOST_LINES]
    done = await context.uow.tasks.done_by([it.number for it in found])
    students = {room_id: await context.uow.receipts.students(room_id) for room_id in rooms}
    lines = [
        (
            task.number,
            rooms[task.class_id].name,
            task.title,
            len(done.get(task.number, set()) & {it.person_id for it in students[task.class_id]}),
            len(students[task.class_id]),
        )
        for task in found
    ]
    return Outcome((Reply(texts_done.open_tasks(lines)),))


async def urge(context: Context, argument: str) -> Outcome:
    """「/催 R-12」: those who have not are reminded once more, at most every hour."""
    number, _ = number_of(argument, "/催 R-12")
    task, room = await task_for(context, number, Deed.REMIND_CLASS)
    if not task.is_armed:
        raise UserError(texts_done.task_over(number))
    earlier = (await context.uow.tasks.reminders_of([number])).get(number, [])
    last = max((it.due_at for it in earlier if it.step.startswith(URGE)), default=None)
    if last is not None and context.now - last < URGED_ONCE_IN:
        raise UserError(texts_done.urged_lately(number, f"{last:%H:%M}"))
    students = await context.uow.receipts.students(room.id)
    done = (await context.uow.tasks.done_by([number])).get(number, set())
    undone = [it for it in students if it.person_id not in done]
    if not undone:
        return Outcome((Reply(texts_done.nobody_to_urge(number)),))
    until = context.now + URGE_IS_USEFUL
    if task.deadline is not None and task.deadline > context.now:
        until = min(until, task.deadline)
    step = f"{URGE}{context.now:%m%d%H%M}"
    await context.uow.tasks.plan([Planned(number, step, context.now, until)])
    record = Record(Kind.REMINDER, Action.REMIND, article="第十六条", task=number)
    words = texts_done.urged(number, len(undone))
    return Outcome((said(context, words),), _in_class(record, room))


async def end(context: Context, argument: str) -> Outcome:
    """「/结束 R-12」: no more answers are taken, nobody is reminded."""
    number, _ = number_of(argument, "/结束 R-12")
    task, room = await task_for(context, number, Deed.COLLECT)
    if task.kind in _OF_STAFF:
        # What the school or the tutor has set is not a committee's to end.
        require(context.speaker, Deed.ANNOUNCE, room)
    if not task.is_armed:
        raise UserError(texts_done.task_over(number))
    by = actor(context)
    await context.uow.tasks.end([number], TaskState.ENDED, by=by, now=context.now)
    await context.uow.obligations.stop([number], None, by=by, now=context.now)
    record = Record(Kind.COMMAND, Action.ANSWER, article="第十六条", task=number)
    return Outcome((Reply(texts_done.ended(number, task.title)),), _in_class(record, room))


# -- parts ----------------------------------------------------------------------------------------


async def _arm(context: Context, room: ClassRoom, title: str, text: str, matter: str = "") -> int:
    draft = Draft(
        TaskKind.RECEIPT,
        room.id,
        title,
        Audience.UNDONE,
        made_by=actor(context),
        matter=matter,
        text=text,
        event_id=context.event_id,
    )
    return await context.uow.tasks.arm(draft, context.now)


def _in_class(record: Record, room: ClassRoom) -> Record:
    return replace(record, class_id=room.id)
