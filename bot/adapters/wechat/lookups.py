"""Asking the gateway for what an event only names: again until answered, and remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from grpclib.const import Status

from bot.adapters.wechat.payloads import (
    RawContact,
    RawFriendship,
    RawInvitation,
    RawMember,
    RawMessage,
    RawRoom,
)
from bot.adapters.wechat.puppet import Puppet
from bot.adapters.wechat.wire import CallError, CallFailed, FileTooLarge

#: The first try is given this long, each further one twice as long as the last.
_FIRST_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 16.0
_IN_FLIGHT: Final = 256
#: How often a gateway may say no for good before it is believed.
_MAX_REFUSALS: Final = 4
#: How long a message is asked for, over breaks of the line and all.
PATIENCE_SECONDS: Final = 600.0
_MAX_MEMBERS: Final = 20_000
_MAX_ROOMS: Final = 1_000
_FRESH_SECONDS: Final = 1800.0
_PASSING: Final = frozenset(
    {
        Status.UNAVAILABLE,
        Status.DEADLINE_EXCEEDED,
        Status.CANCELLED,
        Status.RESOURCE_EXHAUSTED,
        Status.ABORTED,
        Status.INTERNAL,
    }
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")

Ask = Callable[[Puppet, float], Awaitable[T]]


class NoAnswer(Exception):
    """The gateway does not tell, however often it is asked."""


@dataclass(frozen=True, slots=True)
class Room:
    """A group as it is now."""

    id: str
    topic: str
    owner_id: str
    admin_ids: tuple[str, ...]
    member_ids: tuple[str, ...]


class CurrentLine:
    """The open connection, if there is one, and waiting for it."""

    def __init__(self) -> None:
        self.puppet: Puppet | None = None
        self._opened = asyncio.Event()

    def open(self, puppet: Puppet) -> None:
        self.puppet = puppet
        self._opened.set()

    def close(self) -> None:
        self.puppet = None
        self._opened.clear()

    async def wait(self) -> Puppet:
        """The connection as soon as there is one."""
        while self.puppet is None:
            await self._opened.wait()
        return self.puppet


class Remembering(Generic[K, V]):
    """A bounded cache with an age limit; those who ask for the same at once share one call."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[V]] = {}
        self._tasks: set[asyncio.Task[V]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """What is remembered, or what `ask` brings.

        Raises:
            NoAnswer: it is not remembered and cannot be found out.
        """
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(key)
        if kept is not None and kept[0] > now:
            self._kept.move_to_end(key)
            return kept[1]
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, ask))
            self._tasks.add(task)
            task.add_done_callback(self._done)
            self._asking[key] = task
        # One who gives up waiting must not take it away from the others.
        return await asyncio.shield(task)

    def forget(self, key: K) -> None:
        self._kept.pop(key, None)
        # Whoever is being told just now is told what was true before.
        self._asking.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()
        self._asking.clear()

    async def close(self) -> None:
        """Ask no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[V]) -> None:
        self._tasks.discard(task)
        # An error that nobody waits for any more is no news.
        if not task.cancelled():
            task.exception()

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        task = asyncio.current_task()
        try:
            value = await ask()
            if self._asking.get(key) is task:
                until = asyncio.get_running_loop().time() + _FRESH_SECONDS
                self._kept[key] = (until, value)
                if len(self._kept) > self._size:
                    self._kept.popitem(last=False)
            return value
        finally:
            if self._asking.get(key) is task:
                del self._asking[key]


class Lookups:
    """Payload calls. They change nothing, so they are repeated over breaks of the line."""

    def __init__(self, line: CurrentLine, seconds: float) -> None:
        self._line = line
        self._seconds = seconds
        self._free = asyncio.Semaphore(_IN_FLIGHT)
        self._contacts: Remembering[str, RawContact] = Remembering(_MAX_MEMBERS)
        self._members: Remembering[tuple[str, str], RawMember] = Remembering(_MAX_MEMBERS)
        self._rooms: Remembering[str, Room] = Remembering(_MAX_ROOMS)

    async def persist(self, ask: Ask[T], seconds: float = PATIENCE_SECONDS) -> T:
        """
        The answer, asked for again until it comes.

        Raises:
            NoAnswer: the gateway keeps saying no, or `seconds` are over.
        """
        limit, pause, refusals = _FIRST_SECONDS, 0.1, 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    puppet = await self._line.wait()
                    try:
                        async with self._free:
                            return await ask(puppet, limit)
                    except CallFailed as exc:
                        if exc.status not in _PASSING:
                            refusals += 1
                        if refusals >= _MAX_REFUSALS:
                            raise NoAnswer from exc
                    except FileTooLarge:
                        raise
                    except CallError:
                        pass
                    # On a line that is going down, calls fail faster than it is seen to go.
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 5.0)
                    limit = min(limit * 2, _LONGEST_SECONDS)
        except TimeoutError as exc:
            raise NoAnswer from exc

    async def close(self) -> None:
        """Ask no more."""
        await self._contacts.close()
        await self._members.close()
        await self._rooms.close()

    async def message(self, message_id: str, seconds: float = PATIENCE_SECONDS) -> RawMessage:
        return await self.persist(lambda puppet, limit: puppet.message(message_id, limit), seconds)

    async def friendship(self, friendship_id: str) -> RawFriendship:
        return await self.persist(lambda puppet, limit: puppet.friendship(friendship_id, limit))

    async def invitation(self, invitation_id: str) -> RawInvitation:
        return await self.persist(lambda puppet, limit: puppet.invitation(invitation_id, limit))

    async def card(self, ask: Ask[str]) -> str:
        """What a card says, "" if that cannot be found out in time."""
        try:
            return await self.persist(ask, self._seconds)
        except NoAnswer:
            return ""

    async def contact(self, contact_id: str) -> RawContact:
        """Somebody, wherever they are.

        Raises:
            NoAnswer: it cannot be found out in time.
        """
        return await self._contacts.get(
            contact_id,
            lambda: self.persist(
                lambda puppet, limit: puppet.contact(contact_id, limit), self._seconds
            ),
        )

    async def member(self, room_id: str, contact_id: str) -> RawMember:
        """Somebody as a member of a room.

        Raises:
            NoAnswer: it cannot be found out in time.
        """
        return await self._members.get(
            (room_id, contact_id),
            lambda: self.persist(
                lambda puppet, limit: puppet.member(room_id, contact_id, limit), self._seconds
            ),
        )

    async def room(self, room_id: str) -> Room:
        """A room with its topic and the ids of its members.

        Raises:
            NoAnswer: it cannot be found out in time.
        """

        async def ask() -> Room:
            raw = await self.persist(
                lambda puppet, limit: puppet.room(room_id, limit), self._seconds
            )
            return _room(raw)

        return await self._rooms.get(room_id, ask)

    async def room_ids(self) -> tuple[str, ...]:
        """The rooms that the account is in."""
        return await self.persist(lambda puppet, limit: puppet.room_ids(limit), self._seconds)

    async def names(self, room_id: str, contact_id: str) -> tuple[str, ...]:
        """What somebody is called: in the room first; empty when nobody tells."""
        try:
            if room_id:
                member = await self.member(room_id, contact_id)
                return tuple(name for name in (member.room_alias, member.name) if name)
            contact = await self.contact(contact_id)
        except NoAnswer:
            return ()
        return (contact.name,) if contact.name else ()

    async def is_official(self, contact_id: str) -> bool:
        """Whether it is known to be an official account and not a person."""
        try:
            return (await self.contact(contact_id)).is_official
        except NoAnswer:
            return False

    def forget_contact(self, contact_id: str) -> None:
        self._contacts.forget(contact_id)
        # Their name in rooms may be the one that has changed.
        self._members.clear()

    def forget_room(self, room_id: str) -> None:
        self._rooms.forget(room_id)

    def forget_members(self) -> None:
        self._members.clear()

    def forget_all(self) -> None:
        """Another account sees other people."""
        self._contacts.clear()
        self._members.clear()
        self._rooms.clear()


def _room(raw: RawRoom) -> Room:
    return Room(raw.id, raw.topic, raw.owner_id, raw.admin_ids, raw.member_ids)
