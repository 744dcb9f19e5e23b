"""From the stream to `accept`: every event, in order per room, none waiting long for another.

The stream only says that there is a message; its room is known once its payload has come. So
events are placed into rooms in the order of the stream, and finished within each room. A payload
that does not come holds up those behind it for `patience` seconds; then they go past.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from bot.adapters.base import Accept
from bot.adapters.oddities import Oddities
from bot.adapters.wechat.lookups import CurrentLine, NoAnswer
from storage.vocabulary import Incoming

#: So many events may be under way; then the stream is left unread and the gateway waits.
_MAX_UNDER_WAY: Final = 2000
#: So many are placed at once.
_MAX_PLACING: Final = 64
_LOOK_AGAIN_SECONDS: Final = 1.0

T = TypeVar("T")

#: What is still to be done once an event's room is known: names, cards, what a quote quotes.
Finish = Callable[[], Awaitable[tuple[Incoming, ...]]]


@dataclass(frozen=True, slots=True)
class Placed:
    """An event whose room is known."""

    room: str
    finish: Finish


#: Finds out the room; None when nobody is to be told. Runs at once with others.
Place = Callable[[], Awaitable[Placed | None]]


class _Arrival:
    """One event on its way into its room."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Placed | None]
        self.began = asyncio.Event()
        self.began_at = 0.0
        self.is_late = False


_Room = deque[asyncio.Task[tuple[Incoming, ...]]]


class Intake:
    """Carries events from the reader to `accept`. Lives as long as the adapter, not the line."""

    def __init__(
        self, accept: Accept, line: CurrentLine, oddities: Oddities, patience: float
    ) -> None:
        self._accept = accept
        self._line = line
        self._oddities = oddities
        self._patience = patience
        self._under_way = asyncio.Semaphore(_MAX_UNDER_WAY)
        self._placing = asyncio.Semaphore(_MAX_PLACING)
        self._arrivals: deque[_Arrival] = deque()
        self._has_arrived = asyncio.Event()
        self._rooms: dict[str, _Room] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def put(self, place: Place) -> None:
        """Take an event over; waits only while very many are under way."""
        await self._under_way.acquire()
        arrival = _Arrival()
        arrival.task = self._own(self._place(arrival, place))
        self._arrivals.append(arrival)
        self._has_arrived.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._has_arrived.wait()
                while self._arrivals:
                    await self._wait_for(self._arrivals[0])
                    arrival = self._arrivals.popleft()
                    if arrival.task.done():
                        self._queue(arrival.task)
                    else:
                        arrival.is_late = True
                        self._placing.release()
                        self._oddities.note("message held up")
                        arrival.task.add_done_callback(self._queue)
                self._has_arrived.clear()
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for(self, arrival: _Arrival) -> None:
        """Come back when it is placed, or has had its time. While the line is down, none passes."""
        await arrival.began.wait()
        clock = asyncio.get_running_loop().time
        while not arrival.task.done():
            if self._line.puppet is None:
                opening = asyncio.ensure_future(self._line.wait())
                try:
                    await asyncio.wait({arrival.task, opening}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    opening.cancel()
                arrival.began_at = clock()
                continue
            left = arrival.began_at + self._patience - clock()
            if left <= 0:
                return
            await asyncio.wait({arrival.task}, timeout=min(left, _LOOK_AGAIN_SECONDS))

    async def _place(self, arrival: _Arrival, place: Place) -> Placed | None:
        await self._placing.acquire()
        arrival.began_at = asyncio.get_running_loop().time()
        arrival.began.set()
        try:
            return await place()
        except NoAnswer:
            self._oddities.note("payload not to be had")
        except Exception as exc:
            # Our bug, and no reason to lose the events that follow.
            self._oddities.note("event failed", exc)
        finally:
            if not arrival.is_late:
                self._placing.release()
        return None

    def _queue(self, placing: asyncio.Task[Placed | None]) -> None:
        if placing.cancelled():
            return
        placed = placing.result()
        if placed is None:
            self._under_way.release()
            return
        finishing = self._own(self._finish(placed.finish))
        room = self._rooms.get(placed.room)
        if room is not None:
            room.append(finishing)
            return
        room = self._rooms[placed.room] = deque([finishing])
        self._own(self._hand_over(placed.room, room))

    async def _finish(self, finish: Finish) -> tuple[Incoming, ...]:
        try:
            return await finish()
        except Exception as exc:
            self._oddities.note("event failed", exc)
            return ()

    async def _hand_over(self, name: str, room: _Room) -> None:
        """Give a room's events to `accept` one after the other, until there are no more."""
        while room:
            for incoming in await room[0]:
                try:
                    await self._accept(incoming)
                except Exception as exc:
                    self._oddities.note("event not accepted", exc)
            room.popleft()
            self._under_way.release()
        del self._rooms[name]

    def _own(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
