"""What a gateway tells about messages, people and rooms, as it came."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawEvent:
    """What the stream brings: a number for the kind, a JSON text. `is_broken`: not even that."""

    kind: int
    payload: str
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message's payload as the gateway has it. `kind` is a number of Wechaty's message types."""

    id: str
    kind: int
    talker_id: str
    room_id: str
    listener_id: str
    text: str
    filename: str
    timestamp: int
    mention_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawContact:
    id: str
    name: str
    alias: str
    is_friend: bool
    #: A subscription or service account, not a person.
    is_official: bool


@dataclass(frozen=True, slots=True)
class RawRoom:
    id: str
    topic: str
    owner_id: str
    admin_ids: tuple[str, ...]
    member_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RawMember:
    id: str
    name: str
    room_alias: str


@dataclass(frozen=True, slots=True)
class RawFriendship:
    id: str
    contact_id: str
    hello: str
    kind: int


@dataclass(frozen=True, slots=True)
class RawInvitation:
    id: str
    inviter_id: str
    topic: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class File:
    """A picture or a file that somebody sent."""

    name: str
    data: bytes
