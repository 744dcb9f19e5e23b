"""One WebSocket connection: frames in, calls out, and noticing when it is dead."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any

import aiohttp
import structlog
from aiohttp import WSMsgType, web
from aiohttp.http_websocket import WSMessageNoDecodeText as Frame

from bot.adapters.base import Accept
from bot.adapters.oddities import Oddities
from bot.adapters.onebot.answers import TOKEN_REFUSED, Answer, read_answer
from bot.adapters.onebot.events import Event, Ignored, OwnMessage, Status, read_event
from bot.adapters.onebot.fields import Clock, read_account
from bot.adapters.onebot.frames import BrokenFrame, decode, encode, is_answer
from bot.adapters.onebot.settings import OneBotSettings

log = structlog.get_logger(__name__)

# Client and server sockets alike, with text frames left as bytes: a client that sends bad UTF-8
# must not lose its connection over it.
WebSocket = web.WebSocketResponse[bool] | aiohttp.ClientWebSocketResponse[bool]

#: How long an implementation may be silent, in its own heartbeats: NapCat's come every 30 s, and
#: within a minute a dead line is to be found.
MISSED_HEARTBEATS = 1.5
#: How long the answer of an overdue call may already have lain in the socket unread.
GRACE_SECONDS = 0.05
#: How long to wait for an event to tell whose line this is, before asking.
NAMELESS_SECONDS = 2.0
_MAX_LATE = 500


class LineRole(StrEnum):
    """What a connection carries; API connections bring no events, Event ones take no calls."""

    UNIVERSAL = "universal"
    API = "api"
    EVENT = "event"


class LineError(Exception):
    """A call got no answer."""


class LineClosed(LineError):
    """The connection was closed before the call was written; it was certainly not made."""


class LineLost(LineError):
    """The connection broke while the call was in flight; it may have been made."""


class CallTimeout(LineError):
    """No answer within the limit; it may still be made, and answered late."""


class _NoAnswer(Enum):
    OVERDUE = auto()
    LOST = auto()


OnLateAnswer = Callable[[Answer], None]


@dataclass(slots=True)
class _Call:
    future: asyncio.Future[Answer | _NoAnswer]
    called_at: float
    on_late_answer: OnLateAnswer | None


class Pace:
    """How long to wait for an answer, learned from the answers so far, as TCP does."""

    def __init__(self, settings: OneBotSettings) -> None:
        self._first = settings.call_timeout_seconds
        self._floor = settings.call_timeout_floor_seconds
        self._ceiling = settings.call_timeout_ceiling_seconds
        self._usual: float | None = None

    @property
    def is_known(self) -> bool:
        return self._usual is not None

    @property
    def limit(self) -> float:
        """Seconds until an unanswered call is overdue."""
        if self._usual is None:
            return self._first
        return min(max(5 * self._usual, self._floor), self._ceiling)

    def observe(self, seconds: float) -> None:
        """Take one answer's time into account."""
        if self._usual is None:
            self._usual = seconds
        else:
            self._usual += (seconds - self._usual) / 8


@dataclass(frozen=True, slots=True)
class LineEvents:
    """Whom a line tells what: new messages, its account, its status, the bot's own messages."""

    accept: Accept
    on_account: Callable[["Line"], None]
    on_status: Callable[["Line", bool], None]
    on_own_message: Callable[[OwnMessage], None]


class Line:
    """A connection to one implementation, from handshake to close."""

    def __init__(
        self,
        socket: WebSocket,
        events: LineEvents,
        settings: OneBotSettings,
        clock: Clock,
        *,
        account: str = "",
        role: LineRole = LineRole.UNIVERSAL,
    ) -> None:
        self.account = account
        self.role = role
        #: None until it has been asked for; the lock lets one ask first, for all.
        self.has_history: bool | None = None
        self.first_history = asyncio.Lock()
        self.is_token_refused = False
        self.oddities = Oddities("onebot")
        self._socket = socket
        self._events = events
        self._clock = clock
        self._pace = Pace(settings)
        self._silence = settings.silence_seconds
        self._is_ended = False
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._interval: float | None = None
        # Random, so that an answer to a call of an earlier connection is never taken for ours.
        self._echo_prefix = f"{secrets.token_hex(4)}:"
        self._serial = 0
        self._calls: dict[str, _Call] = {}
        self._late: dict[str, _Call] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_handing_over = False

    @property
    def takes_calls(self) -> bool:
        return not (self._is_ended or self._socket.closed or self.role is LineRole.EVENT)

    async def listen(self) -> None:
        """Take in every frame until the connection ends; then the calls in flight are lost."""
        watch = asyncio.create_task(self._watch())
        try:
            async for frame in self._socket:
                await self._take(frame)
            await self._take_the_rest()
        finally:
            self._is_ended = True
            self._give_up_calls()
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def close(self) -> None:
        """Say goodbye; `listen` returns soon after."""
        await self._socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    async def call(
        self,
        action: str,
        params: dict[str, Any],
        on_late_answer: OnLateAnswer | None = None,
    ) -> Answer:
        """The answer of the implementation, whether it is yes or no.

        Raises:
            LineError: one of its three kinds. After `CallTimeout` and after a cancellation, an
                answer that still comes on this line goes to `on_late_answer`.
        """
        if not self.takes_calls:
            raise LineClosed
        self._serial += 1
        echo = f"{self._echo_prefix}{self._serial}"
        call = _Call(self._loop.create_future(), self._loop.time(), on_late_answer)
        frame = encode({"action": action, "params": params, "echo": echo})
        self._calls[echo] = call
        if self._timer is None:
            self._start_timer(call)
        try:
            await self._socket.send_frame(frame, WSMsgType.TEXT)
        except ConnectionError as exc:
            self._calls.pop(echo, None)
            # aiohttp says this before it writes; every other error may come after.
            if str(exc).startswith("Cannot write"):
                raise LineClosed from exc
            raise LineLost from exc
        answer = await call.future
        if isinstance(answer, Answer):
            return answer
        raise CallTimeout if answer is _NoAnswer.OVERDUE else LineLost

    async def _take_the_rest(self) -> None:
        """Take in what came before the connection broke, but is not handed out after it.

        aiohttp's server stops handing out frames as soon as it hears of the break, and forgets
        those it has read until then. Only its own queue still has them.
        """
        queue = self._socket._reader
        # Otherwise it is we who are closing, and reading on might wait for ever.
        while queue is not None and queue.is_eof():
            try:
                frame = await queue.read()
            except Exception:
                # Whatever broke the connection comes out at the end of its queue.
                return
            await self._take(frame)

    async def _take(self, frame: Frame) -> None:
        if frame.type is WSMsgType.TEXT or frame.type is WSMsgType.BINARY:
            self._heard_at = self._loop.time()
            data = frame.data
            await self._take_data(data.encode() if isinstance(data, str) else data)
        elif frame.type is WSMsgType.ERROR:
            # Not WebSocket any more, or a frame beyond the limit; the socket is closed.
            self._note("socket error")

    async def _take_data(self, data: bytes) -> None:
        try:
            frame = decode(data)
        except BrokenFrame:
            self._note("broken frame")
            return
        if not isinstance(frame, dict):
            self._note("not an object")
            return
        if is_answer(frame):
            self._take_answer(frame)
            return
        if not self.account and not self._learn_account(frame.get("self_id")):
            self._note("event without an account")
            return
        try:
            await self._take_event(read_event(frame, self.account, self._clock))
        except Exception as exc:
            # Our bug, and no reason to lose the connection and the frames that follow.
            self.oddities.note("event failed", exc, account=self.account)

    async def _take_event(self, event: Event) -> None:
        if isinstance(event, Ignored):
            if event.is_odd:
                self._note(event.reason)
        elif isinstance(event, Status):
            self._take_status(event)
        elif isinstance(event, OwnMessage):
            self._events.on_own_message(event)
        else:
            self._is_handing_over = True
            try:
                await self._events.accept(event)
            finally:
                self._is_handing_over = False

    def _learn_account(self, value: object) -> bool:
        self.account = read_account(value)
        if self.account:
            self._events.on_account(self)
        return bool(self.account)

    def _take_status(self, status: Status) -> None:
        if status.interval is not None:
            self._interval = status.interval.total_seconds()
        if status.is_online is not None:
            self._events.on_status(self, status.is_online)

    def _take_answer(self, frame: dict[str, Any]) -> None:
        answer, echo = read_answer(frame), frame.get("echo")
        call = self._calls.pop(echo, None) if isinstance(echo, str) else None
        if call is None:
            self._take_late_answer(answer, echo)
            return
        was_known = self._pace.is_known
        self._pace.observe(self._loop.time() - call.called_at)
        if not call.future.done():
            call.future.set_result(answer)
        elif call.on_late_answer is not None:
            call.on_late_answer(answer)
        if not was_known and self._timer is not None:
            # The limit has just come down from the first guess.
            self._timer.cancel()
            self._timer = None
            if self._calls:
                self._start_timer(next(iter(self._calls.values())))

    def _take_late_answer(self, answer: Answer, echo: object) -> None:
        call = self._late.pop(echo, None) if isinstance(echo, str) else None
        if call is not None:
            self._pace.observe(self._loop.time() - call.called_at)
            self._note("late answer")
            if call.on_late_answer is not None:
                call.on_late_answer(answer)
        elif answer.retcode == TOKEN_REFUSED and not self.account:
            self.is_token_refused = True
        else:
            self._note("stray answer")

    def _start_timer(self, oldest: _Call) -> None:
        due = oldest.called_at + self._pace.limit
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        # When the loop itself was late, the answer is already here and only wants to be read.
        self._timer = self._loop.call_later(GRACE_SECONDS, self._give_up_overdue)

    def _give_up_overdue(self) -> None:
        self._timer = None
        if self._is_handing_over:
            # Answers wait behind a message that the inbox has no room for yet.
            self._timer = self._loop.call_later(GRACE_SECONDS, self._give_up_overdue)
            return
        overdue_since = self._loop.time() - self._pace.limit
        while self._calls:
            echo, call = next(iter(self._calls.items()))
            if call.called_at > overdue_since:
                self._start_timer(call)
                return
            del self._calls[echo]
            self._late[echo] = call
            if len(self._late) > _MAX_LATE:
                del self._late[next(iter(self._late))]
            if not call.future.done():
                call.future.set_result(_NoAnswer.OVERDUE)

    def _give_up_calls(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for call in self._calls.values():
            if not call.future.done():
                call.future.set_result(_NoAnswer.LOST)
        self._calls.clear()

    async def _watch(self) -> None:
        """Close the line when nothing is heard any more: half-dead links never say so."""
        if not self.account:
            await asyncio.sleep(NAMELESS_SECONDS)
            if not self.account and self.takes_calls:
                await self._ask_account()
        while True:
            quiet = self._loop.time() - self._heard_at
            if self._interval is not None and not self._is_handing_over:
                allowed = max(MISSED_HEARTBEATS * self._interval, self._silence)
                if quiet >= allowed:
                    log.warning("onebot.silent", account=self.account, seconds=round(quiet))
                    await self.close()
                    return
                await asyncio.sleep(allowed - quiet)
            else:
                await asyncio.sleep(self._silence)

    async def _ask_account(self) -> None:
        try:
            answer = await self.call("get_login_info", {})
        except LineError:
            return
        if answer.is_ok and isinstance(answer.data, dict) and not self.account:
            self._learn_account(answer.data.get("user_id"))

    def _note(self, kind: str) -> None:
        self.oddities.note(kind, account=self.account)
