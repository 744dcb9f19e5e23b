"""The calendar feed: a secret address with somebody's own lessons and deadlines, and its entries.

Whoever has the address can read it, so it holds what a timetable on a door would: no mark, no
amount of money, nobody else's name but the teacher's.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers import texts, texts_intake
from handlers import texts_timetable as words
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.timetable import own_lessons
from storage.interactions import Kind, Record
from storage.published import CalendarDate
from storage.tasks import Task, TaskKind
from storage.timetable import FEED_KEY, Lesson
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Outgoing

PATH = "/feed/{token}.ics"
#: Bytes of a token.
STRENGTH = 32
PAST, AHEAD = timedelta(days=30), timedelta(days=200)
#: A deadline is shown as the half hour before it.
SHOWN = timedelta(minutes=30)
_AMOUNT = re.compile(r"(?:[￥¥]\s*\d[\d,.]*|\d[\d,.]*\s*(?:万?元|块钱?|分))")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a calendar. `key` stays the same while it is moved about."""

    key: str
    title: str
    starts_at: datetime
    ends_at: datetime
    place: str = ""
    #: Reminds a day before; a lesson needs none.
    is_deadline: bool = False


# -- rules ----------------------------------------------------------------------------------------


def hashed(token: str) -> str:
    """All that is kept of a token."""
    return hashlib.sha256(f"zhuxue feed {token}".encode()).hexdigest()


def without_amounts(text: str) -> str:
    """「交费 300 元」 → 「交费」: what a feed shows may be read over a shoulder."""
    return " ".join(_AMOUNT.sub("", text).split())


def of_lessons(lessons: Iterable[Lesson]) -> list[Entry]:
    """A timetable's."""
    return [
        Entry(
            f"lesson-{it.id}",
            f"{it.course}（{it.teacher}）" if it.teacher else it.course,
            it.starts_at,
            it.ends_at,
            it.place,
        )
        for it in lessons
    ]


def of_dates(class_id: int, dates: Iterable[CalendarDate]) -> list[Entry]:
    """The term calendar's: when something begins and until when it is to be done."""
    entries: list[Entry] = []
    for it in dates:
        key = f"date-{class_id}-{hashlib.sha256(it.matter.encode()).hexdigest()[:12]}"
        matter = without_amounts(it.matter)
        start, end = it.starts_at, it.ends_at
        if start and end and end - start <= timedelta(days=1):
            entries.append(Entry(key, matter, start, max(end, start + SHOWN)))
            continue
        if start:
            entries.append(Entry(f"{key}-from", f"{matter} 开始", start, start + SHOWN))
        if end:
            entries.append(Entry(f"{key}-until", f"{matter} 截止", end - SHOWN, end, "", True))
    return entries


def of_tasks(tasks: Iterable[Task]) -> list[Entry]:
    """What the student is to do until when."""
    return [
        Entry(
            f"task-{it.number}",
            f"{without_amounts(texts.clip(it.title, 60))} 截止",
            it.deadline - SHOWN,
            it.deadline,
            "",
            True,
        )
        for it in tasks
        if it.deadline is not None
    ]


# -- what is in it --------------------------------------------------------------------------------


async def entries_of(uow: UnitOfWork, person_id: int, now: datetime) -> list[Entry]:
    """
    A student's lessons, the dates of their classes, and the deadlines of what they have to do.

    From a month ago on, as far as is known.
    """
    class_ids = await uow.people.classes_of(person_id)
    if not class_ids:
        return []
    since, until = now - PAST, now + AHEAD
    lessons = await uow.timetable.lessons(class_ids, since, until)
    own = await own_lessons(uow, person_id, lessons)
    entries = of_lessons(lessons if own is None else own)
    for class_id, published in (await uow.published.for_classes(class_ids)).items():
        entries += of_dates(class_id, published.dates)
    entries += of_tasks(await _open_tasks(uow, person_id, class_ids))
    return sorted(
        (it for it in entries if since <= it.ends_at <= until), key=lambda it: it.starts_at
    )


async def _open_tasks(uow: UnitOfWork, person_id: int, class_ids: Sequence[int]) -> list[Task]:
    """Their own, and the class's that the calendar does not name and they have not done."""
    kinds = (TaskKind.REMINDER, TaskKind.RECEIPT, TaskKind.COLLECTION)
    theirs = [it for it in await uow.tasks.armed(class_ids, kinds) if it.person_id is None]
    done = await uow.tasks.done_by([it.number for it in theirs])
    left = [it for it in theirs if person_id not in done.get(it.number, ())]
    return [*await uow.tasks.of_person(person_id), *left]


# -- chat handlers --------------------------------------------------------------------------------


async def subscribe(context: Context, argument: str) -> Outcome:
    """「日历订阅」 in private: a new address, told once; an older one is dead."""
    person_id = _student(context)
    if not context.address:
        raise UserError(words.feeds_are_off())
    had_one = await context.uow.timetable.end_feed(person_id)
    token = secrets.token_urlsafe(STRENGTH)
    await context.uow.timetable.put_feed(person_id, hashed(token), context.now)
    _audit(context, person_id, "feed.made")
    link = context.address.rstrip("/") + PATH.format(token=token)
    # No reply: those are kept and shown to supervisors with the record.
    told = Outgoing(
        key=f"{FEED_KEY}{person_id}:{context.event_id}",
        conversation=context.message.conversation,
        text=words.feed_link(link, had_one),
    )
    return Outcome((), _record(), (told,))


async def unsubscribe(context: Context, argument: str) -> Outcome:
    """「取消订阅」."""
    person_id = _student(context)
    if not await context.uow.timetable.end_feed(person_id):
        return Outcome((Reply(words.no_feed()),), _record())
    _audit(context, person_id, "feed.ended")
    return Outcome((Reply(words.feed_ended()),), _record())


def _student(context: Context) -> int:
    if not context.is_private:
        raise UserError(texts_intake.ask_in_private("日历订阅"))
    if context.speaker.duties:
        raise UserError(words.feed_is_for_students())
    if context.speaker.person_id is None:
        raise UserError(words.feed_needs_binding())
    return context.speaker.person_id


def _audit(context: Context, person_id: int, action: str) -> None:
    place = context.message.conversation
    context.uow.audit.add(
        at=context.now,
        actor=f"{place.platform}:{context.message.sender_id}",
        action=action,
        target=f"person:{person_id}",
    )


def _record() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十五条")
