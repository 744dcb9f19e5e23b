"""Collections (收作业): begun by a command, handed in as a file in private, with a receipt."""

import json
import re
from dataclasses import asdict
from datetime import date, datetime, time, timedelta

from handlers import claims, texts, texts_commands, texts_done
from handlers.commands import BadCommand
from handlers.context import Context, HandedIn, Outcome, Reply
from handlers.done import actor, complete, said
from handlers.errors import UserError
from handlers.hand_offs import our_message_quoted
from handlers.matters import step_of
from handlers.notices import targets
from handlers.receipts import messages_to, rooms_to_collect_in, title_of, who_asks
from storage.interactions import Kind, Record
from storage.people import Speaker
from storage.prompts import Prompt
from storage.submissions import Submission
from storage.tasks import Audience, Draft, How, Planned, Task, TaskKind, TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action

WHICH = "which_collection"
WHICH_LASTS = timedelta(hours=1)
MOST_CHOICES = 3
#: What a class is reminded of a collection at; a step that is over when it begins is left out.
STEPS = ("T-7", "T-3", "T-1", "T-2h")
_AT = time(9, 0)
LONGEST = timedelta(days=366)
_UNTIL = re.compile(
    r"(?P<title>.+?)[\s,，]*(?:到|截至|截止到?|before)\s*"
    r"(?:(?P<year>\d{4})[-/.年])?(?:(?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})[日号]?"
    r"|(?P<word>今天|明天|后天|大后天))"
    r"\s*(?:(?P<part>上午|下午|晚上?|中午)?\s*(?P<hour>\d{1,2})(?:[:：](?P<minute>\d{2})|[点时](?P<half>半)?))?"
    r"\s*(?:前|截止|之前|为止)?",
    re.DOTALL,
)
_WORDS = {"今天": 0, "明天": 1, "后天": 2, "大后天": 3}


# -- rules ----------------------------------------------------------------------------------------


def title_and_deadline(argument: str, now: datetime) -> tuple[str, datetime]:
    """
    「第一次作业 到 12月5日 17:00」; a day without a time means its last minute.

    Raises:
        BadCommand: not of this form, no such day, in the past, or more than a year away.
    """
    match = _UNTIL.fullmatch(argument.strip())
    if match is None:
        raise BadCommand(texts_done.collection_usage())
    try:
        at = datetime.combine(_day(match, now), _time(match), SHANGHAI)
        if match["month"] and not match["year"] and now - at > timedelta(days=180):
            # In December, 「1月5日」 is the next.
            at = at.replace(year=at.year + 1)
    except ValueError as error:
        raise BadCommand(texts_done.collection_usage()) from error
    if not now < at <= now + LONGEST:
        raise BadCommand(texts_done.deadline_past(texts.instant(at, now)))
    return match["title"].strip(), at


def _day(match: re.Match[str], now: datetime) -> date:
    if match["word"]:
        return now.date() + timedelta(days=_WORDS[match["word"]])
    return date(int(match["year"] or now.year), int(match["month"]), int(match["day"]))


def _time(match: re.Match[str]) -> time:
    if match["hour"] is None:
        return time(23, 59)
    hour, minute = int(match["hour"]), 30 if match["half"] else int(match["minute"] or 0)
    if match["part"] in ("下午", "晚", "晚上") and hour < 12:
        hour += 12
    return time(hour, minute)


def ladder(number: int, deadline: datetime, now: datetime) -> list[Planned]:
    """The steps of a collection that still lie ahead: days before at nine, hours to the minute."""
    planned: list[Planned] = []
    for step in STEPS:
        found = step_of(step)
        assert found is not None
        count, is_hours = found
        if is_hours:
            due = deadline - timedelta(hours=count)
        else:
            due = datetime.combine(deadline.date() - timedelta(days=count), _AT, SHANGHAI)
        if due > now:
            planned.append(Planned(number, step, due, deadline))
    return planned


def size_in_words(size: int) -> str:
    """1.2 MB, 34 KB."""
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, size // 1024)} KB"


async def open_for(uow: UnitOfWork, speaker: Speaker, text: str) -> list[Task]:
    """
    The collections a student's file may be for: the one named, else every open one of theirs.

    One whose time is over is only meant by who names it.
    """
    if speaker.person_id is None or not speaker.class_ids or speaker.duties:
        return []
    numbers = claims.numbers_in(text.upper())
    if numbers:
        found = (await uow.tasks.of_numbers(numbers)).values()
        return [
            task
            for task in found
            if task.kind is TaskKind.COLLECTION
            and task.class_id in speaker.class_ids
            and task.state is not TaskState.CANCELLED
        ]
    return await uow.tasks.armed(speaker.class_ids, (TaskKind.COLLECTION,))


# -- chat handlers --------------------------------------------------------------------------------


async def collect(context: Context, argument: str) -> Outcome:
    """「/收作业 标题 到 12月5日 17:00」."""
    rooms, words = targets(await rooms_to_collect_in(context), argument)
    if not words:
        raise BadCommand(texts_done.collection_usage())
    title, deadline = title_and_deadline(words, context.now)
    if len(rooms) > 1:
        names = [room.name for room in rooms]
        raise UserError(
            texts_commands.which_of_your_classes(names, "/收作业 班级 标题 到 12月5日 17:00")
        )
    room = rooms[0]
    draft = Draft(
        TaskKind.COLLECTION,
        room.id,
        title_of(title),
        Audience.UNDONE,
        made_by=actor(context),
        text=texts.clip(title, 200),
        deadline=deadline,
        event_id=context.event_id,
    )
    number = await context.uow.tasks.arm(draft, context.now)
    steps = ladder(number, deadline, context.now)
    await context.uow.tasks.plan(steps)
    at = texts.instant(deadline, context.now)
    notice = texts_done.collection_notice(number, who_asks(context, room), title, at)
    sent = await messages_to(context, room, number, notice)
    told = [texts.instant(step.due_at, context.now) for step in steps]
    reply = said(context, texts_done.collection_open(number, title_of(title), at, told))
    record = Record(Kind.NOTICE, Action.ANSWER, article="第十五条", class_id=room.id, task=number)
    return Outcome((reply,), record, sent)


async def receive(context: Context) -> Outcome | None:
    """A file sent to the bot alone that slow work has fetched; None where there is none."""
    if not context.found.files:
        return None
    file = context.found.files[0]
    if context.found.more_files:
        return Outcome((Reply(texts_done.one_file_only()),))
    if file.problem:
        return Outcome((Reply(texts_done.file_refused(file.name, file.problem)),))
    choices = await open_for(context.uow, context.speaker, await _text_of(context))
    if not choices:
        return None
    if len(choices) == 1:
        return await _take(context, choices[0], file)
    asked = choices[:MOST_CHOICES]
    detail = json.dumps({"tasks": [task.number for task in asked], "file": asdict(file)})
    await context.uow.prompts.put(
        context.message.conversation,
        context.message.sender_id,
        Prompt(WHICH, detail, context.now + WHICH_LASTS),
    )
    words = texts_done.which_collection([(task.number, task.title) for task in asked])
    return Outcome((Reply(words),))


async def _text_of(context: Context) -> str:
    """What says which collection: the words, or what they quote."""
    if not context.message.reply_to:
        return context.message.text
    ours = await our_message_quoted(context)
    return context.message.text + (f" {ours.text}" if ours is not None else "")


async def choose(context: Context, digit: str) -> Outcome | None:
    """Which collection a file is for; None where the number is none of those."""
    assert context.prompt is not None
    detail = json.loads(context.prompt.detail)
    if int(digit) > len(detail["tasks"]):
        return None
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    if digit == "0":
        return Outcome((Reply(texts_done.file_dropped()),))
    number = detail["tasks"][int(digit) - 1]
    choices = await open_for(context.uow, context.speaker, f"R-{number}")
    if not choices:
        return Outcome((Reply(texts_done.task_over(number)),))
    return await _take(context, choices[0], HandedIn(**detail["file"]))


async def _take(context: Context, task: Task, file: HandedIn) -> Outcome:
    """The receipt: which version, when, and the beginning of the hash of what is kept."""
    person_id = context.speaker.person_id
    assert person_id is not None
    earlier = await context.uow.submissions.of(task.number, person_id)
    is_same = bool(earlier) and earlier[-1].sha256 == file.sha256
    await context.uow.submissions.add(
        Submission(
            task.number,
            person_id,
            file.name,
            file.sha256,
            file.size,
            file.path,
            context.now,
            context.event_id,
        )
    )
    await complete(
        context.uow,
        task,
        person_id,
        how=How.FILE,
        source=file.name,
        by=actor(context),
        now=context.now,
    )
    at, code = f"{context.now:%Y-%m-%d %H:%M:%S}", file.sha256[:12]
    known = {it.sha256 for it in earlier}
    if is_same:
        words = texts_done.handed_in_same(task.number, at, code)
    else:
        words = texts_done.handed_in(
            task.number,
            task.title,
            file.name,
            size_in_words(file.size),
            at,
            code,
            version=len(known | {file.sha256}),
            is_late=task.deadline is not None and context.now > task.deadline,
        )
    record = Record(
        Kind.SUBMISSION,
        Action.ANSWER,
        article="第十五条",
        class_id=task.class_id,
        task=task.number,
    )
    return Outcome((Reply(words),), record)
