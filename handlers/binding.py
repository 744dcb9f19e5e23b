"""Binding: whose an account is, by a code only its owner has seen or by the tutor's word.

Nobody can take another's number. A code is told to an account already bound, handed over by the
tutor or the school outside the chat, or there is none and the class's tutor is asked, who knows
their students. What was given out ties a number that has no account yet, and nothing else.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from handlers import texts_binding, texts_commands, texts_roster
from handlers.classes import own_rooms
from handlers.context import Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.hand_offs import private_of, to_tutors
from handlers.mine import PLATFORM_NAMES, masked
from handlers.permissions import Deed, require
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.roster import Student
from storage.vocabulary import Action, Outgoing, Platform

CODE_LASTS = timedelta(minutes=10)
#: A code the tutor reads out over the telephone; it needs the student number with it.
GIVEN_LASTS = timedelta(hours=24)
#: A code on a printed list, too long to be guessed.
LISTED_LASTS = timedelta(days=14)
MAX_WRONG = 5
WRONG_COUNTS_FOR = timedelta(hours=1)
_CODE = re.compile(r"\d{8}")
_WITH_NUMBER = re.compile(r"([0-9A-Za-z]{5,20})[\s,，]+(\d{6})")
_LISTED = re.compile(r"[2-9A-HJ-NP-Z]{10}")
#: Without what is taken for another when it is read from paper: 0 and O, 1 and I.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_STUDENT = re.compile(r"([0-9A-Za-z]{5,20})[\s,，]+(\S{2,20})")
#: How the card to the tutor is known again when it is quoted: account, person and event are in it.
_CARD = "bind"
_YES = frozenset({"确认", "确认绑定", "是本人", "是"})
_PLATFORMS = {"qq": Platform.QQ, "微信": Platform.WECHAT, "wechat": Platform.WECHAT}

# -- rules ----------------------------------------------------------------------------------------


def account_in_words(account: tuple[Platform, str]) -> str:
    """「QQ 1234*****89」: enough to know one's own by."""
    return f"{PLATFORM_NAMES[account[0]]} {masked(account[1])}"


def listed_code() -> tuple[str, str]:
    """A code for a printed list, and what is kept of it."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    return code, _hashed(code)


# -- chat handlers --------------------------------------------------------------------------------


async def bind_account(context: Context, argument: str) -> Outcome:
    """
    「/绑定」 in private gives who is known a code, 「/绑定 12345678」 elsewhere uses it,
    「/绑定 学号 123456」 and 「/绑定 K7M2…」 use one handed over by the tutor or the school, and
    「/绑定 学号 姓名」 from an account nobody knows asks the tutor.

    Accounts of staff carry rights, so they come from the school's table only.
    """
    words = argument.strip()
    code = re.sub(r"[\s-]", "", words).upper()
    if not code:
        return await _give_code(context)
    if (match := _WITH_NUMBER.fullmatch(words)) is not None:
        return await _use_code(context, f"{match[1]} {match[2]}", number=match[1])
    if (match := _STUDENT.fullmatch(words)) is not None and not _LISTED.fullmatch(code):
        return await _ask_tutor(context, match[1], match[2])
    if not _CODE.fullmatch(code) and not _LISTED.fullmatch(code):
        raise UserError(texts_binding.binding_usage())
    return await _use_code(context, code)


async def _give_code(context: Context) -> Outcome:
    speaker = context.speaker
    if speaker.person_id is None:
        raise UserError(texts_binding.binding_unknown())
    if speaker.duties:
        raise UserError(texts_binding.binding_of_staff())
    code = f"{secrets.randbelow(10**8):08}"
    await context.uow.people.put_binding_code(
        speaker.person_id, _hashed(code), context.now, context.now + CODE_LASTS
    )
    return Outcome(
        (Reply(texts_binding.binding_code(code, int(CODE_LASTS.total_seconds() // 60))),)
    )


async def _use_code(context: Context, code: str, *, number: str = "") -> Outcome:
    """
    A wrong code counts against the account that sent it and against the number it was for.

    Nothing here is raised once something was counted: a refusal would take the count back.
    """
    speaker, uow = context.speaker, context.uow
    if speaker.person_id is not None:
        raise UserError(texts_binding.binding_done_before(speaker.name))
    who = _who(context)
    against = f"number:{number}" if number else "binding"
    if number:
        # Guesses at one number are counted one after the other, however many accounts send them.
        for person_id in (await uow.roster.ids_of([number])).values():
            await uow.roster.hold(person_id)
    by_account, at_number = await uow.supervisors.failures(
        who, against, context.now - WRONG_COUNTS_FOR, context.now
    )
    if by_account >= MAX_WRONG or (number and at_number >= MAX_WRONG):
        words = (
            texts_roster.binding_locked() if number else texts_binding.binding_wrong(is_last=True)
        )
        return Outcome((Reply(words),))
    found = await uow.roster.take_code(_hashed(code), context.now)
    if found is None:
        await uow.supervisors.add_failure(who, against, context.now)
        words = (
            texts_roster.binding_code_wrong()
            if number
            else texts_binding.binding_wrong(is_last=False)
        )
        return Outcome((Reply(words),))
    await uow.roster.hold(found.person_id)
    theirs = await uow.roster.accounts_of(found.person_id)
    rooms = await _rooms_of(context, found.person_id)
    if not rooms:
        return Outcome((Reply(texts_roster.binding_left()),))
    student = await _student(context, found.person_id)
    if found.given_by is not None and theirs:
        reply = Outcome((Reply(texts_roster.binding_taken()),))
        return replace(reply, others=_taken(context, rooms[0], student))
    await uow.people.bind_account(speaker.platform, speaker.user_id, found.person_id)
    uow.audit.add(
        at=context.now,
        actor=who,
        action="account.bound",
        target=f"person:{found.person_id}",
        detail=f"given by {found.given_by}" if found.given_by else "",
    )
    if found.given_by is not None:
        words = texts_roster.bound_as(student.name, [room.name for room in rooms])
        return Outcome((Reply(words),))
    others = _rebound(context, rooms[0], student, theirs)
    return Outcome((Reply(texts_binding.binding_done()),), others=others)


def _rebound(
    context: Context,
    room: ClassRoom,
    student: Student,
    theirs: Sequence[tuple[Platform, str]],
) -> tuple[Outgoing, ...]:
    """Whoever else should know: the tutors, and the accounts that were theirs before."""
    near = context.message.conversation
    new = account_in_words((context.speaker.platform, context.speaker.user_id))
    cards = to_tutors(
        room,
        near,
        key=f"rebound:{context.event_id}",
        text=texts_roster.rebound_card(room.name, student.name, student.student_no, new),
        about=None,
    )
    notes = tuple(
        Outgoing(
            key=f"rebound:{context.event_id}:old:{index}",
            conversation=place,
            text=texts_roster.rebound_note(new),
        )
        for index, place in enumerate(private_of(theirs, room, near))
    )
    return (*cards, *notes)


def _taken(context: Context, room: ClassRoom, student: Student) -> tuple[Outgoing, ...]:
    """The tutors hear that somebody tried a number that has an account."""
    place = PLATFORM_NAMES[context.speaker.platform]
    return to_tutors(
        room,
        context.message.conversation,
        key=f"taken:{context.event_id}",
        text=texts_roster.taken_card(room.name, student.name, student.student_no, place),
        about=None,
    )


async def _ask_tutor(context: Context, student_no: str, name: str) -> Outcome:
    """The same words whoever it is: nobody learns here who is on a list."""
    speaker = context.speaker
    if speaker.person_id is not None:
        raise UserError(texts_binding.binding_done_before(speaker.name))
    who, about = _who(context), f"asked:{student_no}"
    asked, about_number = await context.uow.supervisors.failures(
        who, about, context.now - WRONG_COUNTS_FOR, context.now
    )
    if asked >= MAX_WRONG or about_number >= MAX_WRONG:
        return Outcome((Reply(texts_binding.binding_wrong(is_last=True)),))
    await context.uow.supervisors.add_failure(who, about, context.now)
    reply = Outcome((Reply(texts_binding.binding_asked()),))
    found = await context.uow.people.student(student_no, name)
    if found is None:
        return reply
    person_id, _ = found
    rooms = await _rooms_of(context, person_id)
    if not rooms:
        return reply
    if await context.uow.roster.accounts_of(person_id):
        student = await _student(context, person_id)
        return replace(reply, others=_taken(context, rooms[0], student))
    cards = to_tutors(
        rooms[0],
        context.message.conversation,
        key=f"{_CARD}:{who}:{person_id}:{context.event_id}",
        text=texts_binding.binding_card(
            rooms[0].name, name, student_no, context.message.sender_name
        ),
        about=None,
    )
    return replace(reply, others=cards)


async def confirm_by_quote(context: Context, ours: Outgoing | None) -> Outcome | None:
    """The tutor's 「确认」 to such a card, in private; None where it is none."""
    if ours is None or not context.is_private or not ours.key.startswith(f"{_CARD}:"):
        return None
    _, platform, *middle, person, _event, _tutor = ours.key.split(":")
    user_id, person_id = ":".join(middle), int(person)
    theirs = await context.uow.people.classes_of(person_id)
    if not set(theirs) & set(context.speaker.tutored):
        raise Forbidden(texts_commands.not_allowed())
    if context.message.text.strip(" 。！!") not in _YES:
        return Outcome((Reply(texts_binding.binding_not_confirmed()),))
    key = (Platform(platform), user_id)
    await context.uow.roster.hold(person_id)
    is_tied = bool(await context.uow.roster.accounts_of(person_id))
    speakers = await context.uow.people.speakers([key], context.now)
    if is_tied or speakers[key].person_id is not None:
        return Outcome((Reply(texts_binding.binding_confirmed_before()),))
    await context.uow.people.bind_account(*key, person_id)
    await context.uow.roster.drop_codes([person_id])
    context.uow.audit.add(
        at=context.now,
        actor=_who(context),
        action="account.bound",
        target=f"person:{person_id}",
        detail=f"{platform}:{user_id}",
    )
    place = replace(ours.conversation, id=user_id, via_group="")
    told = Outgoing(
        key=f"bound:{context.event_id}", conversation=place, text=texts_binding.binding_done()
    )
    # Only where the account asked: another platform's bot account is not at hand here.
    others = (told,) if place.platform == key[0] else ()
    return Outcome((Reply(texts_binding.binding_confirmed()),), others=others)


async def give_code(context: Context, argument: str) -> Outcome:
    """「/绑定码 学号」 in private: a code the tutor hands over by telephone."""
    student, _ = await own_student(context, argument, Deed.TIE_ACCOUNTS, texts_roster.code_usage())
    if student.accounts:
        words = [account_in_words(account) for account in student.accounts]
        raise UserError(texts_roster.code_not_needed(student.name, words))
    code = f"{secrets.randbelow(10**6):06}"
    await context.uow.people.put_binding_code(
        student.person_id,
        _hashed(f"{student.student_no} {code}"),
        context.now,
        context.now + GIVEN_LASTS,
        given_by=_who(context),
    )
    context.uow.audit.add(
        at=context.now,
        actor=_who(context),
        action="roster.code_given",
        target=f"person:{student.person_id}",
    )
    hours = int(GIVEN_LASTS.total_seconds() // 3600)
    words_for = texts_roster.code_given(student.name, student.student_no, code, hours)
    return Outcome((Reply(words_for),), _record())


async def untie(context: Context, argument: str) -> Outcome:
    """「/解绑 学号 [QQ|微信]」 in private: the accounts are nobody's; they are told."""
    words, _, last = argument.strip().rpartition(" ")
    platform = _PLATFORMS.get(last.lower())
    named = words if platform is not None and words else argument
    student, room = await own_student(
        context, named, Deed.TIE_ACCOUNTS, texts_roster.unbind_usage()
    )
    gone = await context.uow.roster.unbind(student.person_id, platform)
    if not gone:
        raise UserError(texts_roster.nothing_to_unbind(student.name))
    context.uow.audit.add(
        at=context.now,
        actor=_who(context),
        action="roster.unbound",
        target=f"person:{student.person_id}",
        detail="、".join(f"{where}:{user}" for where, user in gone),
    )
    notes = tuple(
        Outgoing(
            key=f"unbound:{context.event_id}:{index}",
            conversation=place,
            text=texts_roster.unbound_note(f"{context.speaker.name}老师"),
        )
        for index, place in enumerate(private_of(gone, room, context.message.conversation))
    )
    accounts = [account_in_words(account) for account in gone]
    reply = Reply(texts_roster.unbound(student.name, accounts))
    return Outcome((reply,), _record(), others=notes)


async def unbound(context: Context, argument: str) -> Outcome:
    """
    「/未绑定」 in private, of every class of the tutor: students without an account, accounts in
    the groups nobody knows, students who have left the group.
    """
    if not context.is_private:
        raise UserError(texts_commands.only_in_private())
    parts = []
    for room in await own_rooms(context):
        strangers = await context.uow.roster.strangers(room.id)
        left = await context.uow.roster.left_the_group(room.id)
        parts.append(
            texts_roster.unbound_lists(
                room.name,
                await context.uow.people.unbound_in(room.id),
                [account_in_words(account) for account in strangers],
                [f"{name}（{PLATFORM_NAMES[platform]}）" for platform, name in left],
            )
        )
    return Outcome((Reply("\n".join(parts)),), _record())


# -- parts ----------------------------------------------------------------------------------------


async def own_student(
    context: Context, words: str, deed: Deed, usage: str
) -> tuple[Student, ClassRoom]:
    """
    A student of the speaker's own classes, by number or name, and the class; in private only.

    Raises:
        UserError: not in private, nobody named, nobody or several of that name.
    """
    if not context.is_private:
        raise UserError(texts_commands.only_in_private())
    rooms = {room.id: room for room in await own_rooms(context)}
    for room in rooms.values():
        require(context.speaker, deed, room)
    wanted = words.strip().lstrip("@")
    if not wanted:
        raise UserError(usage)
    students = await context.uow.roster.students_of(list(rooms))
    found = {one.person_id: one for one in students if wanted in (one.student_no, one.name)}
    if not found:
        raise UserError(texts_roster.no_such_student(wanted))
    if len(found) > 1:
        tails = [texts_roster.tail(one.student_no) for one in found.values()]
        raise UserError(texts_roster.several_students(wanted, tails))
    (student,) = found.values()
    return student, rooms[student.class_id]


async def _student(context: Context, person_id: int) -> Student:
    """Somebody of a class, by id."""
    class_ids = await context.uow.people.classes_of(person_id)
    students = await context.uow.roster.students_of(class_ids)
    return next(one for one in students if one.person_id == person_id)


async def _rooms_of(context: Context, person_id: int) -> list[ClassRoom]:
    """The classes a student is in now; none: graduated, or gone."""
    class_ids = await context.uow.people.classes_of(person_id)
    found = await context.uow.people.classes(class_ids, context.now)
    return [found[class_id] for class_id in class_ids]


def _record() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十三条")


def _who(context: Context) -> str:
    return f"{context.speaker.platform}:{context.speaker.user_id}"


def _hashed(code: str) -> str:
    return hashlib.sha256(f"zhuxue binding {code}".encode()).hexdigest()
