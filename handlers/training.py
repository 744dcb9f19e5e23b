"""Training in chat: what there is, signing up, and signing in with the code said at the event."""

import re
import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from handlers import commands, texts, texts_commands
from handlers import texts_appraisal as words
from handlers.appraisal import versions
from handlers.context import Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.formula import in_force
from storage.interactions import Kind, Record
from storage.training import FAILED, PASSED, TrainingEvent
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action

#: A code works from this long before the event to this long after it.
MARGIN = timedelta(minutes=30)
MAX_WRONG, WRONG_COUNTS_FOR = 5, timedelta(hours=1)
#: An appointment is the first for a year.
FIRST_APPOINTMENT = timedelta(days=365)
SHOWN = 8
_CODE = re.compile(r"\d{6}", re.ASCII)
_RESULTS = {PASSED: "合格", FAILED: "不合格", None: "未登记结果"}


def new_code() -> str:
    """Six digits nobody guesses in five tries."""
    return f"{secrets.randbelow(10**6):06}"


def is_open(event: TrainingEvent, now: datetime) -> bool:
    """Whether its code works now."""
    return event.starts_at - MARGIN <= now <= event.ends_at + MARGIN


def is_first_appointment(began: datetime | None, now: datetime) -> bool:
    """Whether somebody is in their first year as a tutor."""
    return began is not None and now - began < FIRST_APPOINTMENT


# -- use cases ------------------------------------------------------------------------------------


async def units_of_tutor(uow: UnitOfWork, class_ids: tuple[int, ...], now: datetime) -> set[int]:
    """The units a tutor's classes belong to, and those above them."""
    rooms = await uow.people.classes(class_ids, now)
    found: set[int] = set()
    for unit_id in {room.unit_id for room in rooms.values()} - {None}:
        assert unit_id is not None
        found |= set(await uow.people.units_above(unit_id))
    return found


# -- chat handlers ---------------------------------------------------------------------------------


async def own(context: Context, argument: str) -> Outcome:
    """「/我的培训」, in private."""
    person_id, uow, now = _tutor(context), context.uow, context.now
    units = await units_of_tutor(uow, context.speaker.tutored, now)
    attended = await uow.training.attendance(person_id)
    came = [it for it in attended if it.signed_in_at is not None]
    total = sum((it.event.hours for it in came), Decimal())
    coming = await uow.training.events(units, since=now)
    formula = in_force(await versions(uow), now.date()).formula
    began = (await uow.appraisal.first_appointments([person_id])).get(person_id)
    hired = (await uow.training.hired([person_id])).get(person_id)
    told = words.own_training(
        total=total,
        needed=formula.training_hours,
        is_first=is_first_appointment(began, now),
        certificate=hired.certificate if hired else "",
        attended=[
            f"{it.event.starts_at:%Y-%m-%d} {it.event.title} {it.event.hours} 学时"
            for it in came[:SHOWN]
        ],
        upcoming=[
            f"{it.id} 号 {it.title} {texts.instant(it.starts_at, now)}"
            for it in reversed(coming[-SHOWN:])
        ],
        retraining=[
            f"{it.year} 年度，{texts.instant(it.due_at, now)} 前，{_RESULTS[it.result]}"
            for it in await uow.training.retrainings(person_ids=[person_id])
        ],
    )
    return Outcome((Reply(told),), _record())


async def sign_up(context: Context, argument: str) -> Outcome:
    """「/报名培训 3」."""
    person_id, uow, now = _tutor(context), context.uow, context.now
    word = argument.strip().removesuffix("号")
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise commands.BadCommand(words.sign_up_usage())
    event = await uow.training.event(int(word))
    units = await units_of_tutor(uow, context.speaker.tutored, now)
    if event is None or event.ends_at < now or (event.unit_id and event.unit_id not in units):
        raise UserError(words.no_such_event(int(word)))
    is_new = await uow.training.sign_up(event.id, person_id, now)
    told = words.signed_up(
        event.title,
        texts.instant(event.starts_at, now),
        event.place,
        event.signed_up + int(is_new),
        is_new=is_new,
    )
    return Outcome((Reply(told),), _record())


async def sign_in(context: Context, argument: str) -> Outcome:
    """「/签到 204817」: at the event, with the code said there; credited once."""
    person_id, uow, now = _tutor(context), context.uow, context.now
    code = argument.strip()
    if not _CODE.fullmatch(code):
        raise commands.BadCommand(words.sign_in_usage())
    who = f"person:{person_id}"
    wrong, _ = await uow.supervisors.failures(who, "", now - WRONG_COUNTS_FOR, now)
    if wrong >= MAX_WRONG:
        return Outcome((Reply(words.too_many_codes()),))
    event = await uow.training.event_of_code(code)
    units = await units_of_tutor(uow, context.speaker.tutored, now)
    is_theirs = event is not None and (event.unit_id is None or event.unit_id in units)
    if event is None or not is_theirs or not is_open(event, now):
        # Not raised: a refusal would take the count back with it.
        await uow.supervisors.add_failure(who, "training", now)
        return Outcome((Reply(words.no_such_training()),))
    is_new = await uow.training.sign_in(event.id, person_id, now)
    total = (await uow.training.hours([person_id])).get(person_id, Decimal())
    told = words.signed_in(event.title, event.hours, total, is_new=is_new)
    return Outcome((Reply(told),), _record())


def _tutor(context: Context) -> int:
    """
    The speaker, a tutor in private.

    Raises:
        Forbidden: somebody else.
        UserError: in a group.
    """
    if context.speaker.person_id is None or not context.speaker.tutored:
        raise Forbidden(texts_commands.not_allowed())
    if not context.is_private:
        raise UserError(words.wish_is_private())
    return context.speaker.person_id


def _record() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第七条")
