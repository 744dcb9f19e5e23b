"""Who may do what, decided at the moment of the action from the speaker the database knows."""

from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING

from handlers import texts_commands
from handlers.errors import Forbidden
from storage.people import ClassRoom, Speaker
from storage.vocabulary import Role

if TYPE_CHECKING:
    from handlers.context import Context


class Deed(StrEnum):
    """What needs a right."""

    BIND_GROUP = "bind_group"
    SEE_WAITING = "see_waiting"
    REPLY = "reply"
    SEE_RECORD = "see_record"
    ANNOUNCE = "announce"
    SET_MANNERS = "set_manners"
    SUGGEST = "suggest"
    FORWARD = "forward"
    UPDATE = "update"
    EXTEND = "extend"
    SEE_STUDENTS = "see_students"
    TIE_ACCOUNTS = "tie_accounts"
    APPOINT = "appoint"
    COLLECT = "collect"
    REMIND_CLASS = "remind_class"
    SEE_MISSING = "see_missing"
    SET_DATES = "set_dates"


STAFF = frozenset({Role.TUTOR, Role.SUPERVISOR})

ALLOWED: dict[Deed, Collection[Role]] = {
    Deed.BIND_GROUP: STAFF,
    Deed.SEE_WAITING: STAFF,
    Deed.REPLY: STAFF,
    Deed.SEE_RECORD: STAFF,
    Deed.ANNOUNCE: STAFF,
    Deed.SET_MANNERS: STAFF,
    Deed.SUGGEST: STAFF,
    Deed.FORWARD: STAFF,
    Deed.UPDATE: STAFF,
    Deed.EXTEND: STAFF,
    Deed.SEE_STUDENTS: STAFF,
    Deed.TIE_ACCOUNTS: STAFF,
    Deed.APPOINT: STAFF,
    Deed.COLLECT: STAFF,
    Deed.REMIND_CLASS: STAFF,
    Deed.SEE_MISSING: STAFF,
    Deed.SET_DATES: STAFF,
}
#: What a member of a class's committee (班委) may do there besides, and nothing else (S12.1).
COMMITTEE = frozenset({Deed.COLLECT, Deed.REMIND_CLASS, Deed.SEE_MISSING})


def may(speaker: Speaker, deed: Deed, room: ClassRoom) -> bool:
    """Whether the speaker holds a duty, or a seat on the committee, here and now that allows it."""
    if speaker.person_id is None:
        return False
    if deed in COMMITTEE and room.id in speaker.offices and room.id in speaker.class_ids:
        return True
    return speaker.role_in(room) in ALLOWED[deed]


def may_collect(context: "Context", room: ClassRoom | None = None) -> bool:
    """Whether the speaker may collect, remind and see who is missing: staff and the committee."""
    room = room or context.room
    return room is not None and may(context.speaker, Deed.COLLECT, room)


def require(speaker: Speaker, deed: Deed, room: ClassRoom | None) -> ClassRoom:
    """The class, if the speaker may do it there; a use case's first line.

    Raises:
        Forbidden: with the same sentence for everybody, so that it tells nothing.
    """
    if room is None or not may(speaker, deed, room):
        raise Forbidden(texts_commands.not_allowed())
    return room
