"""Keeping one line to the gateway: opening it, noticing its death, opening it again.

A gateway serves one event stream at a time. Whoever calls Stop takes it away from its owner and
logs the account out, so we do that only against a stream of our own that the gateway did not see
die; another client's is waited for.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial
from typing import Final

import structlog
from grpclib.const import Status

from bot.adapters.oddities import Oddities
from bot.adapters.wechat.events import Alive, Event, read_event
from bot.adapters.wechat.fields import Clock
from bot.adapters.wechat.lookups import CurrentLine
from bot.adapters.wechat.payloads import RawEvent
from bot.adapters.wechat.puppet import Puppet
from bot.adapters.wechat.settings import WeChatSettings
from bot.adapters.wechat.state import Standing, StateBoard
from bot.adapters.wechat.wire import CallError, CallFailed, CallTimeout, LineLost, tls_context

log = structlog.get_logger(__name__)

#: A gateway that restarts is back within a minute; until then it is looked for this often.
_PATIENT_AFTER_SECONDS: Final = 60.0
_IMPATIENT_PAUSE_SECONDS: Final = 1.5
#: How often a gateway may say that our dead stream is still there, and how soon we ask again.
_REFUSALS_OF_A_GHOST: Final = 5
_GHOST_PAUSE_SECONDS: Final = 0.7
_START_PAUSE_SECONDS: Final = 2.0
#: After Start, whoever is not logged in by then is shown as logged out.
_LOGIN_SECONDS: Final = 1.0
#: So many lines may die of an unanswered `ding` before we take it that dong is not spoken here.
_MAX_DONGLESS: Final = 2


class End(Enum):
    """How a line ended."""

    #: The gateway closed the stream: it stopped, or another client called Stop.
    CLOSED = auto()
    #: It broke off; the gateway may not have noticed.
    LOST = auto()
    UNREACHABLE = auto()
    OCCUPIED = auto()
    REFUSED = auto()


class Backoff:
    """The pause before the next try."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first
        self._since: float | None = None

    def reset(self) -> None:
        self._next, self._since = self._first, None

    def pause(self, now: float) -> float:
        """Seconds to wait: doubled each time, but short during the first minute."""
        if self._since is None:
            self._since = now
        is_new = now - self._since < _PATIENT_AFTER_SECONDS
        seconds = min(self._next, _IMPATIENT_PAUSE_SECONDS) if is_new else self._next
        self._next = min(seconds * 2, self._longest)
        return _jitter(seconds)

    def longest(self) -> float:
        """Seconds to wait when only somebody else can mend it."""
        return _jitter(self._longest)


class Link:
    """The line and its supervision. Says when its state changes, not at every try."""

    def __init__(
        self,
        settings: WeChatSettings,
        line: CurrentLine,
        board: StateBoard,
        oddities: Oddities,
        clock: Clock,
        take: Callable[[Event], Awaitable[None]],
        on_down: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._line = line
        self._board = board
        self._oddities = oddities
        self._clock = clock
        self._take = take
        self._on_down = on_down
        self._has_said_unreachable = False
        self._backoff = Backoff(
            settings.reconnect_first_seconds, settings.reconnect_longest_seconds
        )
        self._may_have_ghost = False
        self._refusals = 0
        self._dongless = 0
        self._knows_dong = False
        # Of the line that is open now.
        self._opened = asyncio.Event()
        self._heard_at = 0.0
        self._is_taking = False
        self._is_deaf = False
        self._dong = ""

    async def run(self) -> None:
        """Connect, listen and reconnect until cancelled."""
        while True:
            try:
                end = await self._connect_once()
            except Exception as exc:
                # Our bug, and no reason to be off for good.
                self._oddities.note("connecting failed", exc)
                end = End.UNREACHABLE
            await asyncio.sleep(self._pause_after(end))

    def _pause_after(self, end: End) -> float:
        now = asyncio.get_running_loop().time()
        if end is End.REFUSED:
            self._board.set(Standing.TOKEN_REFUSED)
            return self._backoff.longest()
        if end is End.OCCUPIED:
            self._refusals += 1
            if self._may_have_ghost:
                return _GHOST_PAUSE_SECONDS
            self._board.set(Standing.OCCUPIED)
            return self._backoff.pause(now)
        self._board.set(Standing.CONNECTING)
        if end is End.CLOSED:
            self._may_have_ghost = False
        elif end is End.LOST:
            self._may_have_ghost = True
        return self._backoff.pause(now)

    async def _connect_once(self) -> End:
        """Open a line, serve it to its end."""
        if self._board.now.standing is Standing.OFF:
            self._board.set(Standing.CONNECTING)
        try:
            puppet = Puppet(self._settings, tls_context(self._settings))
        except OSError as exc:
            self._oddities.note(f"certificate file: {type(exc).__name__}")
            return End.UNREACHABLE
        try:
            if self._may_have_ghost and self._refusals >= _REFUSALS_OF_A_GHOST:
                await self._lay_ghost(puppet)
            return await self._serve(puppet)
        finally:
            self._line.close()
            self._on_down()
            await puppet.close()

    async def _lay_ghost(self, puppet: Puppet) -> None:
        log.warning("wechat.dead_stream_kept", refusals=self._refusals)
        self._refusals = 0
        try:
            await puppet.stop()
        except CallError:
            self._oddities.note("stop failed")
        else:
            self._may_have_ghost = False

    async def _serve(self, puppet: Puppet) -> End:
        self._opened = asyncio.Event()
        self._heard_at = asyncio.get_running_loop().time()
        self._is_deaf = False
        listening = asyncio.create_task(puppet.listen(partial(self._hear, puppet)))
        watching = asyncio.create_task(self._watch(puppet))
        try:
            # Whichever ends first, the line ends with it.
            await asyncio.wait({listening, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                puppet.hang_up()
                await asyncio.wait({listening}, timeout=_START_PAUSE_SECONDS)
            return self._end_of(listening)
        finally:
            for task in (listening, watching):
                task.cancel()
            await asyncio.gather(listening, watching, return_exceptions=True)

    def _end_of(self, listening: asyncio.Task[None]) -> End:
        """How it ended; says so."""
        error: BaseException | None = None
        if listening.done() and not listening.cancelled():
            error = listening.exception()
        if isinstance(error, CallFailed) and error.status is Status.ALREADY_EXISTS:
            return End.OCCUPIED
        if isinstance(error, CallFailed) and error.is_refused_token:
            return End.REFUSED
        if error is not None and not isinstance(error, CallError):
            self._oddities.note("listening failed", _as_exception(error))
        if not self._opened.is_set():
            if not self._has_said_unreachable:
                self._has_said_unreachable = True
                log.warning("wechat.unreachable", error=_name_of(error))
            return End.UNREACHABLE
        is_closed = error is None and listening.done() and not self._is_deaf
        log.warning(
            "wechat.line_down",
            how="closed by the gateway" if is_closed else _name_of(error),
            is_deaf=self._is_deaf,
            odd=dict(self._oddities.counts),
        )
        return End.CLOSED if is_closed else End.LOST

    # -- while it is open -------------------------------------------------------------------------

    def _open(self, puppet: Puppet) -> None:
        self._opened.set()
        self._refusals = 0
        self._has_said_unreachable = False
        self._backoff.reset()
        self._line.open(puppet)
        log.info("wechat.line_up")

    async def _hear(self, puppet: Puppet, raw: RawEvent) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if not self._opened.is_set():
            self._open(puppet)
        event = read_event(raw, self._clock)
        if isinstance(event, Alive) and event.dong is not None:
            self._dong = event.dong
            self._knows_dong = True
            self._dongless = 0
        self._is_taking = True
        try:
            await self._take(event)
        except Exception as exc:
            # Our bug, and no reason to lose the line and the events that follow.
            self._oddities.note("event failed", exc)
        finally:
            self._is_taking = False

    async def _watch(self, puppet: Puppet) -> None:
        """Open the line, then see that it stays alive; returns when it is dead."""
        if not await self._is_open(puppet):
            return
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(self._start(puppet))
            await self._ding_until_deaf(puppet)
            starting.cancel()

    async def _is_open(self, puppet: Puppet) -> bool:
        """Whether the stream opened. Some gateways say nothing first, but do answer calls."""
        try:
            async with asyncio.timeout(self._settings.first_event_seconds):
                await self._opened.wait()
        except TimeoutError:
            try:
                await puppet.ding("open?")
            except CallFailed as exc:
                if exc.is_refused_token:
                    return False
            except CallError:
                return False
            self._open(puppet)
        return True

    async def _start(self, puppet: Puppet) -> None:
        """Have the account log in. Never before the stream is open, or the login is not heard."""
        while True:
            try:
                await puppet.start()
            except LineLost:
                return
            except CallError:
                self._oddities.note("start failed")
            else:
                break
            await asyncio.sleep(_START_PAUSE_SECONDS)
        await asyncio.sleep(_LOGIN_SECONDS)
        if self._board.now.standing not in (Standing.SCAN, Standing.ONLINE):
            self._board.set(Standing.LOGGED_OUT)

    async def _ding_until_deaf(self, puppet: Puppet) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            quiet = clock() - self._heard_at
            if self._is_taking or quiet < self._settings.ding_seconds:
                await asyncio.sleep(max(self._settings.ding_seconds - quiet, 0.1))
                continue
            if self._dongless >= _MAX_DONGLESS and not self._knows_dong:
                self._heard_at = clock()
                continue
            if not await self._answers_ding(puppet):
                if clock() - self._heard_at < self._settings.ding_seconds:
                    # Something else came instead: the line is alive.
                    continue
                self._is_deaf = True
                return

    async def _answers_ding(self, puppet: Puppet) -> bool:
        word, asked_at = secrets.token_hex(4), asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._settings.ding_limit_seconds):
                await puppet.ding(word)
        except CallFailed:
            # It answered, if only to say that it does not know the word.
            self._heard_at = asyncio.get_running_loop().time()
            return True
        except (CallError, TimeoutError):
            return False
        while self._dong != word:
            left = asked_at + self._settings.ding_limit_seconds
            left -= asyncio.get_running_loop().time()
            if left <= 0:
                self._dongless += 1
                if self._dongless == _MAX_DONGLESS and not self._knows_dong:
                    log.warning("wechat.no_dong", cure="only the keepalive watches this line now")
                return False
            await asyncio.sleep(min(left, 0.05))
        return True


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, guards nothing


def _name_of(error: BaseException | None) -> str:
    """What kind of error it was, in no words but ours."""
    if isinstance(error, CallFailed):
        return error.status.name
    if isinstance(error, CallTimeout):
        return "timeout"
    cause = error.__cause__ if error is not None else None
    return type(cause or error).__name__


def _as_exception(error: BaseException) -> Exception | None:
    return error if isinstance(error, Exception) else None
