"""Binding: whose an account is, by a code only its owner has seen or by the tutor's word.

Nobody can take another's number: the code is told to an account already bound, and without one
the class's tutor is asked, who knows their students.
"""

import hashlib
import re
import secrets
from dataclasses import replace
from datetime import timedelta

from handlers import texts
from handlers.classes import own_rooms
from handlers.context import Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.hand_offs import to_tutors
from storage.interactions import Kind, Record
from storage.vocabulary import Action, Outgoing, Platform

CODE_LASTS = timedelta(minutes=10)
MAX_WRONG = 5
WRONG_COUNTS_FOR = timedelta(hours=1)
_CODE = re.compile(r"\d{8}")
_STUDENT = re.compile(r"(\d{5,20})[\s,，]+(\S{2,20})")
#: How the card to the tutor is known again when it is quoted: account, person and event are in it.
_CARD = "bind"
_YES = frozenset({"确认", "确认绑定", "是本人", "是"})


async def bind_account(context: Context, argument: str) -> Outcome:
    """
    「/绑定」 in private gives who is known a code, 「/绑定 12345678」 elsewhere uses it, and
    「/绑定 学号 姓名」 from an account nobody knows asks the tutor.

    Accounts of staff carry rights, so they come from the school's table only.
    """
    code = argument.replace(" ", "").replace("-", "")
    if not code:
        return await _give_code(context)
    if (match := _STUDENT.fullmatch(argument.strip())) is not None:
        return await _ask_tutor(context, match[1], match[2])
    if not _CODE.fullmatch(code):
        raise UserError(texts.binding_usage())
    return await _use_code(context, code)


async def _give_code(context: Context) -> Outcome:
    speaker = context.speaker
    if speaker.person_id is None:
        raise UserError(texts.binding_unknown())
    if speaker.duties:
        raise UserError(texts.binding_of_staff())
    code = f"{secrets.randbelow(10**8):08}"
    await context.uow.people.put_binding_code(
        speaker.person_id, _hashed(code), context.now, context.now + CODE_LASTS
    )
    return Outcome((Reply(texts.binding_code(code, int(CODE_LASTS.total_seconds() // 60))),))


async def _use_code(context: Context, code: str) -> Outcome:
    speaker = context.speaker
    if speaker.person_id is not None:
        raise UserError(texts.binding_done_before(speaker.name))
    who = f"{speaker.platform}:{speaker.user_id}"
    wrong, _ = await context.uow.supervisors.failures(
        who, "", context.now - WRONG_COUNTS_FOR, context.now
    )
    person_id = None
    if wrong < MAX_WRONG:
        person_id = await context.uow.people.take_binding_code(_hashed(code), context.now)
        if person_id is None:
            # Not raised: a refusal would take the count back with it.
            await context.uow.supervisors.add_failure(who, "binding", context.now)
    if person_id is None:
        return Outcome((Reply(texts.binding_wrong(is_last=wrong >= MAX_WRONG)),))
    await context.uow.people.bind_account(speaker.platform, speaker.user_id, person_id)
    context.uow.audit.add(
        at=context.now, actor=who, action="account.bound", target=f"person:{person_id}"
    )
    return Outcome((Reply(texts.binding_done()),))


async def _ask_tutor(context: Context, student_no: str, name: str) -> Outcome:
    """The same words whoever it is: nobody learns here who is on a list."""
    speaker = context.speaker
    if speaker.person_id is not None:
        raise UserError(texts.binding_done_before(speaker.name))
    who = f"{speaker.platform}:{speaker.user_id}"
    asked, _ = await context.uow.supervisors.failures(
        who, "", context.now - WRONG_COUNTS_FOR, context.now
    )
    if asked >= MAX_WRONG:
        return Outcome((Reply(texts.binding_wrong(is_last=True)),))
    await context.uow.supervisors.add_failure(who, "binding", context.now)
    reply = Outcome((Reply(texts.binding_asked()),))
    found = await context.uow.people.student(student_no, name)
    if found is None:
        return reply
    person_id, class_ids = found
    cards: tuple[Outgoing, ...] = ()
    for room in (await context.uow.people.classes(class_ids, context.now)).values():
        cards += to_tutors(
            room,
            context.message.conversation,
            key=f"{_CARD}:{who}:{person_id}:{context.event_id}",
            text=texts.binding_card(room.name, name, student_no, context.message.sender_name),
            about=None,
        )
    return replace(reply, others=cards[:1])


async def confirm_by_quote(context: Context, ours: Outgoing | None) -> Outcome | None:
    """The tutor's 「确认」 to such a card, in private; None where it is none."""
    if ours is None or not context.is_private or not ours.key.startswith(f"{_CARD}:"):
        return None
    _, platform, *middle, person, _event, _tutor = ours.key.split(":")
    user_id, person_id = ":".join(middle), int(person)
    theirs = await context.uow.people.classes_of(person_id)
    if not set(theirs) & set(context.speaker.tutored):
        raise Forbidden(texts.not_allowed())
    if context.message.text.strip(" 。！!") not in _YES:
        return Outcome((Reply(texts.binding_not_confirmed()),))
    key = (Platform(platform), user_id)
    if (await context.uow.people.speakers([key], context.now))[key].person_id is not None:
        return Outcome((Reply(texts.binding_confirmed_before()),))
    await context.uow.people.bind_account(*key, person_id)
    context.uow.audit.add(
        at=context.now,
        actor=f"{context.speaker.platform}:{context.speaker.user_id}",
        action="account.bound",
        target=f"person:{person_id}",
        detail=f"{platform}:{user_id}",
    )
    place = replace(ours.conversation, id=user_id, via_group="")
    told = Outgoing(key=f"bound:{context.event_id}", conversation=place, text=texts.binding_done())
    # Only where the account asked: another platform's bot account is not at hand here.
    others = (told,) if place.platform == key[0] else ()
    return Outcome((Reply(texts.binding_confirmed()),), others=others)


async def unbound(context: Context, argument: str) -> Outcome:
    """「/未绑定」 in private: students without an account, members of the groups nobody knows."""
    if not context.is_private:
        raise UserError(texts.only_in_private())
    rooms = await own_rooms(context)
    lines = [
        texts.unbound_line(
            room.name,
            await context.uow.people.unbound_in(room.id),
            await context.uow.members.strangers_in(room.id),
        )
        for room in rooms
    ]
    return Outcome(
        (Reply("\n".join(lines)),), Record(Kind.COMMAND, Action.ANSWER, article="第十三条")
    )


def _hashed(code: str) -> str:
    return hashlib.sha256(f"zhuxue binding {code}".encode()).hexdigest()
