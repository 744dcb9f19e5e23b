"""Who may do what, decided at the moment of the action from the speaker the database knows."""

from collections.abc import Collection
from enum import StrEnum

from handlers import texts
from handlers.errors import Forbidden
from storage.people import ClassRoom, Speaker
from storage.vocabulary import Role


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
}


def may(speaker: Speaker, deed: Deed, room: ClassRoom) -> bool:
    """Whether the speaker holds a duty for this class, now, that allows it."""
    return speaker.person_id is not None and speaker.role_in(room) in ALLOWED[deed]


def require(speaker: Speaker, deed: Deed, room: ClassRoom | None) -> ClassRoom:
    """The class, if the speaker may do it there; a use case's first line.

    Raises:
        Forbidden: with the same sentence for everybody, so that it tells nothing.
    """
    if room is None or not may(speaker, deed, room):
        raise Forbidden(texts.not_allowed())
    return room
