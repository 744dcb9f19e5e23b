"""Who has done it, by their own word or the tutor's: claims, withdrawals, proof, marks by hand.

A claim ends the reminders of that student in the same transaction. Nothing is said about it in a
group: what somebody has paid or not is nobody else's business.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from handlers import claims, matters, texts_commands, texts_done
from handlers.claims import Claim, Saying
from handlers.commands import BadCommand
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.hand_offs import our_message_quoted, private_chat, reaches_in_private, to_tutors
from handlers.permissions import Deed, may
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.prompts import Prompt
from storage.receipts import ROLL, Student
from storage.tasks import Audience, Completion, How, Task, TaskKind, TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, AttachmentKind, Label, Outgoing, Role, Topic

WHICH = "which_task"
WHICH_LASTS = timedelta(minutes=10)
#: A 「收到」 that quotes nothing is for a notice of these days.
FRESH = timedelta(days=3)
#: So long a list to join may be joined without its number.
ROLL_IS_FRESH = timedelta(days=14)
MOST_CHOICES = 3
_PROOF = "proof"
_YES = frozenset({"确认", "已办", "是", "通过", "办好了", "确认已办"})
_NUMBER = re.compile(r"\s*[RrＲ]?\s*[-－—_]?\s*(\d{1,9})(?!\d)\s*[:：,，]?\s*(.*)", re.DOTALL)
_TO_BE_DONE = frozenset({TaskKind.MATTER, TaskKind.REMINDER})
_OF_CLASS = frozenset(TaskKind) - {TaskKind.PERSONAL}


# -- use cases ------------------------------------------------------------------------------------


async def complete(
    uow: UnitOfWork, task: Task, person_id: int, *, how: How, source: str, by: str, now: datetime
) -> bool:
    """They have done it, and are reminded no more; False where that was known."""
    item = Completion(task.number, person_id, True, how, source, by, now)
    changed = await uow.tasks.complete([item])
    if not changed and how is not How.SAID:
        await uow.receipts.confirm(task.number, [person_id], how, source)
    await uow.obligations.stop([task.number], person_id, by=f"done:{how}", now=now)
    return bool(changed)


async def undo(
    uow: UnitOfWork, task: Task, person_id: int, *, how: How, source: str, by: str, now: datetime
) -> bool:
    """They have not done it after all, and are reminded again; False where that was known."""
    return bool(
        await uow.tasks.complete([Completion(task.number, person_id, False, how, source, by, now)])
    )


def record_of(task: Task, *, person_id: int | None = None) -> Record:
    """The row of an answer to a task."""
    matter = matters.find(task.matter) if task.matter else None
    return Record(
        Kind.RECEIPT,
        Action.ANSWER,
        topic=matter.topic if matter else Topic.NONE,
        article=matter.article if matter else "第十六条",
        class_id=task.class_id,
        person_id=person_id,
        task=task.number,
    )


def number_of(argument: str, usage: str) -> tuple[int, str]:
    """「R-12 张三」 → (12, "张三").

    Raises:
        BadCommand: no number.
    """
    match = _NUMBER.fullmatch(argument)
    if match is None:
        raise BadCommand(texts_commands.usage(usage))
    return int(match[1]), match[2].strip()


async def task_for(context: Context, number: int, deed: Deed) -> tuple[Task, ClassRoom]:
    """
    A task of a class in which the speaker may do this, and the class.

    Raises:
        Forbidden: somebody without any right anywhere.
        UserError: not theirs, in the same words as if there were none.
    """
    if not context.speaker.duties and not context.speaker.offices:
        raise Forbidden(texts_commands.not_allowed())
    task = await context.uow.tasks.of(number)
    if task is None or task.kind is TaskKind.PERSONAL:
        raise UserError(texts_done.no_such_task(number))
    room = await context.uow.people.get_class(task.class_id, context.now)
    if not may(context.speaker, deed, room):
        raise UserError(texts_done.no_such_task(number))
    return task, room


def aside(words: str, else_in_group: str = "") -> Reply:
    """Said to nobody but whoever wrote."""
    return Reply(words, in_private=True, is_quoting=False, else_in_group=else_in_group)


def said(context: Context, words: str) -> Reply:
    """Where only they read it: an answer; in a group: a word aside."""
    return Reply(words) if context.is_private else aside(words)


def actor(context: Context) -> str:
    """Who did it, for the rows."""
    who = context.speaker
    return f"person:{who.person_id}" if who.person_id else f"{who.platform}:{who.user_id}"


# -- what students say ----------------------------------------------------------------------------


async def hear(context: Context, text: str) -> Outcome | None:
    """What a student says about having done something; None where that is not what it is."""
    message = context.message
    is_staff = context.role in (Role.TUTOR, Role.SUPERVISOR)
    if is_staff or (context.is_private and context.speaker.duties) or message.is_anonymous:
        return None
    claim = claims.read(text)
    has_picture = any(item.kind is AttachmentKind.IMAGE for item in message.attachments)
    numbers: tuple[int, ...] = () if claim is None or claim.task is None else (claim.task,)
    if has_picture and not numbers:
        numbers = claims.numbers_in(text.upper())
    if claim is None and not has_picture:
        return None
    if message.reply_to and not numbers:
        ours = await our_message_quoted(context)
        numbers = () if ours is None else claims.numbers_in(ours.text)
        if not numbers:
            # Said to somebody else, or about something else.
            return None
    if has_picture and numbers and _is_proof(context, claim, text):
        return await _proof(context, numbers)
    if claim is None:
        return None
    class_ids = _class_ids(context)
    if not class_ids:
        return None
    if numbers:
        found = list((await context.uow.tasks.of_numbers(numbers)).values())
        found = [it for it in found if it.class_id in class_ids and it.kind in _OF_CLASS]
        if not found:
            is_asked = claim.task is not None and context.is_private
            return Outcome((Reply(texts_done.no_such_task(numbers[0])),)) if is_asked else None
        found = [await _still_open(context, it) for it in found]
    else:
        found = await context.uow.tasks.armed(class_ids, tuple(_OF_CLASS))
    return await _heard(context, claim, found, is_pointed=bool(numbers))


async def _still_open(context: Context, task: Task) -> Task:
    """The task; of what a tutor has said once about a matter, and is over, the matter itself."""
    if task.is_armed or task.kind is not TaskKind.REMINDER or not task.matter:
        return task
    there = await context.uow.tasks.armed([task.class_id], [TaskKind.MATTER])
    return next((it for it in there if it.matter == task.matter), task)


def _class_ids(context: Context) -> tuple[int, ...]:
    """The classes a word may be for: the group's; in private one's own."""
    if not context.is_private:
        return () if context.room is None else (context.room.id,)
    if context.speaker.class_ids:
        return context.speaker.class_ids
    return () if context.room is None else (context.room.id,)


async def _heard(
    context: Context, claim: Claim, found: Sequence[Task], *, is_pointed: bool
) -> Outcome | None:
    match claim.saying:
        case Saying.GOT_IT:
            receipts = [it for it in found if it.kind is TaskKind.RECEIPT and it.matter != ROLL]
            return await _answered(context, claim, receipts, FRESH, is_pointed=is_pointed)
        case Saying.JOIN:
            rolls = [it for it in found if it.kind is TaskKind.RECEIPT and it.matter == ROLL]
            if rolls or not is_pointed or claim.words not in ("1", "+1"):
                return await _answered(context, claim, rolls, ROLL_IS_FRESH, is_pointed=is_pointed)
            return await _claimed(context, replace(claim, words=""), found, is_pointed=True)
        case Saying.LEAVE:
            rolls = [it for it in found if it.kind is TaskKind.RECEIPT and it.matter == ROLL]
            return await _withdrawn(context, claim, rolls)
        case Saying.UNDONE:
            return await _withdrawn(context, claim, found)
        case Saying.DONE:
            return await _claimed(context, claim, found, is_pointed=is_pointed)


async def _answered(
    context: Context, claim: Claim, found: Sequence[Task], fresh: timedelta, *, is_pointed: bool
) -> Outcome | None:
    """「收到」 or 「+1」: counted, and nothing said in the group."""
    open_ones = [it for it in found if it.is_armed]
    if found and not open_ones and is_pointed:
        return Outcome((said(context, texts_done.task_over(found[0].number)),))
    if not is_pointed and not context.is_private:
        open_ones = [it for it in open_ones if context.now - it.made_at <= fresh]
    person_id = context.speaker.person_id
    if not open_ones or (person_id is not None and claim.name not in ("", context.speaker.name)):
        return None
    newest = sorted(open_ones, key=lambda it: it.number, reverse=True)
    if person_id is None:
        # Whoever it is: counted apart, by the platform's id.
        replies = (Reply(texts_done.bind_first()),) if context.is_private else ()
        return Outcome(replies, record_of(newest[0]))
    if newest[0].class_id not in context.speaker.class_ids:
        return None
    waiting = await _not_done(context, newest, person_id)
    if not waiting:
        return SILENCE
    task = waiting[0]
    await _complete(context, task, person_id)
    replies = (Reply(texts_done.answer_noted(task.number, task.title)),)
    return Outcome(replies if context.is_private else (), record_of(task))


async def _claimed(
    context: Context, claim: Claim, found: Sequence[Task], *, is_pointed: bool
) -> Outcome | None:
    """「已报名」, 「R-12 办好了」."""
    if is_pointed and (one := found[0]).kind in (TaskKind.COLLECTION, TaskKind.RECEIPT):
        if one.kind is TaskKind.COLLECTION:
            return Outcome((said(context, texts_done.file_wanted(one.number, one.title)),))
        return await _answered(context, claim, found[:1], FRESH, is_pointed=True)
    fitting = [it for it in found if it.kind in _TO_BE_DONE and it.is_armed]
    if not is_pointed:
        fitting = _without_reminders(fitting)
    if is_pointed and not fitting:
        return Outcome((said(context, texts_done.task_over(found[0].number)),))
    if claim.words and (len(fitting) > 1 or not is_pointed):
        fitting = [it for it in fitting if claims.fits(claim.words, _names_of(it))]
    elif not is_pointed:
        if not context.is_private:
            return None
        fitting = [it for it in fitting if it.opens_at is None or it.opens_at <= context.now]
    if not fitting:
        return None
    person_id = context.speaker.person_id
    if person_id is None:
        return Outcome((said(context, texts_done.bind_first()),))
    fitting = [it for it in fitting if it.class_id in context.speaker.class_ids]
    waiting = await _not_done(context, fitting, person_id)
    if not waiting:
        if not context.is_private or not fitting:
            return SILENCE if fitting else None
        first = fitting[0]
        return Outcome((Reply(texts_done.done_before(first.number, first.title)),))
    if len(waiting) > 1:
        return await _ask_which(context, waiting)
    return await _note_done(context, waiting[0], person_id)


def _without_reminders(found: Sequence[Task]) -> list[Task]:
    """Without what a tutor only says to all, or about a matter that is there itself."""
    matters_there = {it.matter for it in found if it.kind is TaskKind.MATTER}
    return [
        it
        for it in found
        if it.kind is not TaskKind.REMINDER
        or (it.audience is Audience.UNDONE and it.matter not in matters_there)
    ]


async def _not_done(context: Context, found: Sequence[Task], person_id: int) -> list[Task]:
    known = await context.uow.receipts.of_person(person_id, [it.number for it in found])
    return [it for it in found if it.number not in known or not known[it.number].is_done]


async def _complete(context: Context, task: Task, person_id: int) -> None:
    await complete(
        context.uow,
        task,
        person_id,
        how=How.SAID,
        source=_source(context),
        by=actor(context),
        now=context.now,
    )


async def _note_done(context: Context, task: Task, person_id: int) -> Outcome:
    await _complete(context, task, person_id)
    words = texts_done.done_noted(task.number, task.title)
    return Outcome((said(context, words),), record_of(task))


async def _ask_which(context: Context, waiting: Sequence[Task]) -> Outcome:
    """Asked in private: which matters somebody has open is theirs to know."""
    if not await reaches_in_private(context):
        return Outcome((Reply(texts_done.which_done_in_group()),))
    asked = waiting[:MOST_CHOICES]
    place = context.message.conversation
    alone = place if context.is_private else private_chat(place, context.message.sender_id)
    detail = json.dumps([task.number for task in asked])
    await context.uow.prompts.put(
        alone, context.message.sender_id, Prompt(WHICH, detail, context.now + WHICH_LASTS)
    )
    return Outcome((said(context, texts_done.which_done([(it.number, it.title) for it in asked])),))


async def choose(context: Context, digit: str) -> Outcome | None:
    """The answer to 「您说的是哪一件」; None where the number is none of those."""
    assert context.prompt is not None
    numbers: list[int] = json.loads(context.prompt.detail)
    if int(digit) > len(numbers):
        return None
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    person_id = context.speaker.person_id
    if digit == "0" or person_id is None:
        return Outcome((Reply(texts_done.nothing_noted()),))
    task = await context.uow.tasks.of(numbers[int(digit) - 1])
    if task is None or not task.is_armed or task.class_id not in context.speaker.class_ids:
        return Outcome((Reply(texts_done.task_over(numbers[int(digit) - 1])),))
    return await _note_done(context, task, person_id)


async def _withdrawn(context: Context, claim: Claim, found: Sequence[Task]) -> Outcome | None:
    """「还没办」, 「点错了」, 「退出接龙」: what was only said may be taken back."""
    person_id = context.speaker.person_id
    if person_id is None or not found:
        return None
    by_number = {it.number: it for it in found if it.is_armed}
    known = await context.uow.receipts.of_person(person_id, list(by_number))
    done = [item for item in known.values() if item.is_done]
    if claim.words and claims.names_matter(claim.words):
        done = [it for it in done if claims.fits(claim.words, _names_of(by_number[it.task]))]
    if not done:
        return None
    latest = max(done, key=lambda item: (item.at, item.task))
    task = by_number[latest.task]
    if latest.how is not How.SAID:
        return Outcome((said(context, texts_done.undone_not_yours(task.number, task.title)),))
    await undo(
        context.uow,
        task,
        person_id,
        how=How.SAID,
        source=_source(context),
        by=actor(context),
        now=context.now,
    )
    words = texts_done.undone_noted([(task.number, task.title)])
    if task.kind is TaskKind.RECEIPT:
        words = texts_done.answer_taken_back(task.number, task.title)
    return Outcome((said(context, words),), record_of(task))


def _names_of(task: Task) -> str:
    """Everything a matter is called by."""
    matter = matters.find(task.matter) if task.matter else None
    return " ".join((task.title, task.matter, *(matter.synonyms if matter else ())))


def _source(context: Context) -> str:
    return "私聊" if context.is_private else "班级群"


# -- proof ----------------------------------------------------------------------------------------


def _is_proof(context: Context, claim: Claim | None, text: str) -> bool:
    """A picture with a number is shown; one with a question is asked about."""
    if claim is not None:
        return claim.saying is Saying.DONE or claim.saying is Saying.GOT_IT
    rest = re.sub(r"[RrＲ]\s*[-－—_]?\s*\d+", "", text).strip()
    return len(rest) <= 8 and context.understanding.label is not Label.QUESTION


async def _proof(context: Context, numbers: Sequence[int]) -> Outcome | None:
    """A screenshot: the tutor judges it."""
    speaker = context.speaker
    found = await context.uow.tasks.of_numbers(numbers)
    fitting = [
        task
        for task in found.values()
        if task.class_id in _class_ids(context) and task.kind in _TO_BE_DONE
    ]
    if not fitting:
        return None
    over, fitting = fitting, [task for task in fitting if task.is_armed]
    if not fitting:
        return Outcome((said(context, texts_done.task_over(over[0].number)),))
    if speaker.person_id is None:
        return Outcome((said(context, texts_done.bind_first()),))
    if len(fitting) > 1:
        return Outcome((said(context, texts_done.which_done_in_group()),))
    task = fitting[0]
    if task.class_id not in speaker.class_ids:
        return None
    room = await context.uow.people.get_class(task.class_id, context.now)
    cards = to_tutors(
        room,
        context.message.conversation,
        key=f"{_PROOF}:{task.number}:{speaker.person_id}:{context.event_id}",
        text=texts_done.proof_card(
            task.number,
            task.title,
            room.name,
            speaker.name,
            context.found.seen,
            in_group=not context.is_private,
        ),
        about=None,
    )
    return Outcome(
        (said(context, texts_done.proof_sent(task.number)),), record_of(task), others=cards
    )


async def confirm_by_quote(context: Context, ours: Outgoing | None) -> Outcome | None:
    """The tutor's 「确认」 to such a card, in private; None where it is none."""
    if ours is None or not context.is_private or not ours.key.startswith(f"{_PROOF}:"):
        return None
    number, person_id = (int(part) for part in ours.key.split(":")[1:3])
    task, room = await task_for(context, number, Deed.COLLECT)
    if context.message.text.strip(" 。！!") not in _YES:
        return Outcome((Reply(texts_done.proof_not_confirmed(number)),))
    students = {it.person_id: it for it in await context.uow.receipts.students(room.id)}
    if person_id not in students:
        raise UserError(texts_done.no_such_task(number))
    await complete(
        context.uow,
        task,
        person_id,
        how=How.TUTOR,
        source=f"{context.speaker.name}核对截图",
        by=actor(context),
        now=context.now,
    )
    told: tuple[Outgoing, ...] = ()
    event = (await context.uow.inbox.messages([int(ours.key.split(":")[3])])).get(
        int(ours.key.split(":")[3])
    )
    if event is not None:
        place = event.conversation
        alone = place if place.id == event.sender_id else private_chat(place, event.sender_id)
        # The platform may open no private chat; then the silence of the reminders tells.
        told = (
            Outgoing(
                key=f"{_PROOF}-told:{context.event_id}",
                conversation=alone,
                text=texts_done.proof_told(number, task.title),
            ),
        )
        if not await _may_write(context, told[0]):
            told = ()
    words = texts_done.proof_confirmed(number, students[person_id].name)
    return Outcome((Reply(words),), _by_hand(task, person_id), told)


async def _may_write(context: Context, message: Outgoing) -> bool:
    place = message.conversation
    if context.capabilities[place.platform].writes_first:
        return True
    return await context.uow.inbox.has_heard(place)


# -- commands of tutor and committee --------------------------------------------------------------


async def mark_done(context: Context, argument: str) -> Outcome:
    """「/办好 R-12 张三」."""
    return await _mark(context, argument, is_done=True)


async def mark_undone(context: Context, argument: str) -> Outcome:
    """「/没办 R-12 张三」."""
    return await _mark(context, argument, is_done=False)


async def _mark(context: Context, argument: str, *, is_done: bool) -> Outcome:
    usage = f"/{'办好' if is_done else '没办'} R-12 姓名或学号"
    number, words = number_of(argument, usage)
    task, room = await task_for(context, number, Deed.COLLECT)
    names = [name for name in re.split(r"[\s,，、]+", words) if name]
    if not names:
        raise BadCommand(texts_commands.usage(usage))
    if task.state is TaskState.CANCELLED:
        raise UserError(texts_done.task_over(number))
    students = await context.uow.receipts.students(room.id)
    people = [_student(students, name, number) for name in names]
    for person in people:
        change = complete if is_done else undo
        await change(
            context.uow,
            task,
            person.person_id,
            how=How.TUTOR,
            source=f"{context.speaker.name}登记",
            by=actor(context),
            now=context.now,
        )
    told = texts_done.marked(number, [person.name for person in people], is_done=is_done)
    return Outcome((said(context, told),), _by_hand(task, people[0].person_id))


def _student(students: Sequence[Student], name: str, number: int) -> Student:
    """
    Raises:
        UserError: nobody of that name or number in the class, or several.
    """
    found = [it for it in students if name in (it.name, it.student_no)]
    if not found:
        raise UserError(texts_done.nobody_named(number, name))
    if len(found) > 1:
        raise UserError(texts_done.several_named(name))
    return found[0]


def _by_hand(task: Task, person_id: int) -> Record:
    return replace(record_of(task, person_id=person_id), kind=Kind.COMMAND)
