"""What the event stream reports, in our words. What is odd becomes `Odd`, not an error."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from bot.adapters.wechat.fields import (
    Clock,
    read_id,
    read_ids,
    read_json,
    read_number,
    read_text,
    read_time,
)
from bot.adapters.wechat.payloads import RawEvent

_MAX_QR = 2000


class EventKind(IntEnum):
    """The numbers of the puppet service's events."""

    HEARTBEAT = 1
    MESSAGE = 2
    DONG = 3
    ERROR = 16
    FRIENDSHIP = 17
    ROOM_INVITE = 18
    ROOM_JOIN = 19
    ROOM_LEAVE = 20
    ROOM_TOPIC = 21
    SCAN = 22
    READY = 23
    RESET = 24
    LOGIN = 25
    LOGOUT = 26
    DIRTY = 27
    POST = 28


class Dirty(IntEnum):
    """The numbers of what a gateway may declare outdated."""

    CONTACT = 2
    ROOM = 3
    ROOM_MEMBER = 4


@dataclass(frozen=True, slots=True)
class Said:
    """There is a message; what it says has to be asked for."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Befriended:
    """There is a friend request; whose has to be asked for."""

    friendship_id: str


@dataclass(frozen=True, slots=True)
class Invited:
    """There is an invitation into a room; whose has to be asked for."""

    invitation_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """People joined or left a room."""

    room_id: str
    member_ids: tuple[str, ...]
    joined: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Renamed:
    """A room has a new topic."""

    room_id: str


@dataclass(frozen=True, slots=True)
class Outdated:
    """What we remember of this contact, room or room's members is no longer so."""

    kind: int
    id: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    account: str


@dataclass(frozen=True, slots=True)
class LoggedOut:
    pass


@dataclass(frozen=True, slots=True)
class Scan:
    """Somebody has to scan this code, or is doing so."""

    qr: str
    status: str


@dataclass(frozen=True, slots=True)
class Alive:
    """The gateway is there; `dong` is the answer to our `ding`, None for anything else."""

    dong: str | None = None


@dataclass(frozen=True, slots=True)
class Odd:
    """Nothing to act upon; `kind` is one of a few words of ours."""

    kind: str


Event = (
    Said
    | Befriended
    | Invited
    | Moved
    | Renamed
    | Outdated
    | LoggedIn
    | LoggedOut
    | Scan
    | Alive
    | Odd
)

_ALIVE = Alive()
_SCAN_STATUS = {1: "cancel", 2: "waiting", 3: "scanned", 4: "confirmed", 5: "timeout"}


def read_event(raw: RawEvent, clock: Clock) -> Event:
    """What the event reports."""
    if raw.is_broken:
        return Odd("broken event")
    try:
        kind = EventKind(raw.kind)
    except ValueError:
        return Odd("unknown event type")
    if kind is EventKind.ERROR:
        # Every version words it differently, and none of it is for us to act upon.
        return Odd("error event")
    if kind in (EventKind.HEARTBEAT, EventKind.READY, EventKind.POST):
        return _ALIVE
    if kind is EventKind.RESET:
        return Odd("reset event")
    payload = read_json(raw.payload)
    if payload is None:
        if kind is EventKind.LOGOUT:
            return LoggedOut()
        return Odd("broken payload")
    return _read_payload(kind, payload, clock)


def _read_payload(kind: EventKind, payload: dict[str, Any], clock: Clock) -> Event:
    match kind:
        case EventKind.MESSAGE:
            message_id = read_id(payload.get("messageId"))
            return Said(message_id) if message_id else Odd("message event without an id")
        case EventKind.DONG:
            return Alive(read_text(payload.get("data"), 100))
        case EventKind.FRIENDSHIP:
            friendship_id = read_id(payload.get("friendshipId"))
            return Befriended(friendship_id) if friendship_id else Odd("friendship without an id")
        case EventKind.ROOM_INVITE:
            invitation_id = read_id(payload.get("roomInvitationId"))
            return Invited(invitation_id) if invitation_id else Odd("invitation without an id")
        case EventKind.ROOM_JOIN | EventKind.ROOM_LEAVE:
            return _read_move(kind, payload, clock)
        case EventKind.ROOM_TOPIC:
            room_id = read_id(payload.get("roomId"))
            return Renamed(room_id) if room_id else Odd("topic without a room")
        case EventKind.SCAN:
            number = read_number(payload.get("status"))
            status = _SCAN_STATUS.get(int(number), "") if number is not None else ""
            return Scan(read_text(payload.get("qrcode"), _MAX_QR), status)
        case EventKind.LOGIN:
            account = read_id(payload.get("contactId"))
            return LoggedIn(account) if account else Odd("login without an account")
        case EventKind.LOGOUT:
            return LoggedOut()
        case _:
            number = read_number(payload.get("payloadType"))
            return Outdated(int(number or 0), read_id(payload.get("payloadId")))


def _read_move(kind: EventKind, payload: dict[str, Any], clock: Clock) -> Event:
    joined = kind is EventKind.ROOM_JOIN
    room_id = read_id(payload.get("roomId"))
    members = read_ids(payload.get("inviteeIdList" if joined else "removeeIdList"))
    if not room_id or not members:
        return Odd("membership without ids")
    return Moved(room_id, members, joined, read_time(payload.get("timestamp"), clock))
