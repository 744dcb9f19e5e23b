"""One HTTP/2 connection to a gateway, and calls on it that fail in few and certain ways.

The gateway's error texts may hold the token or people's words: they are read, never passed on.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol

from bot.adapters.wechat.settings import WeChatSettings

_SERVICE: Final = "/wechaty.Puppet/"
_GRACE_SECONDS: Final = 1.0
_MAX_WORDING: Final = 500

T = TypeVar("T")


class CallError(Exception):
    """A call brought no answer."""


class LineLost(CallError):
    """The connection broke. `may_have_worked` is False when the call had not left yet."""

    def __init__(self, *, may_have_worked: bool = True) -> None:
        super().__init__("the line is down")
        self.may_have_worked = may_have_worked


class CallTimeout(CallError):
    """No answer in time; the call may still have been carried out."""


class CallFailed(CallError):
    """The gateway said no. `wording` is for judging what kind of no, never for showing."""

    def __init__(self, status: Status, wording: str) -> None:
        super().__init__(status.name)
        self.status = status
        self.wording = wording

    @property
    def is_refused_token(self) -> bool:
        return self.status in (Status.UNAUTHENTICATED, Status.PERMISSION_DENIED)


class FileTooLarge(CallError):
    """The file is larger than the settings allow."""


class _Channel(Channel):
    """A channel that can be cut: closing waits for a peer that may not be there any more."""

    transports: tuple[asyncio.Transport, ...] = ()

    async def _create_connection(self) -> H2Protocol:
        protocol = await super()._create_connection()
        self.transports += (protocol.connection._transport,)
        return protocol

    def cut(self) -> None:
        self.close()
        for transport in self.transports:
            transport.abort()
        self.transports = ()


def tls_context(settings: WeChatSettings) -> ssl.SSLContext | None:
    """What is needed to check the gateway's certificate; None when TLS is off.

    Raises:
        OSError: the authority's file cannot be read or is none.
    """
    if not settings.tls:
        return None
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context


class Wire:
    """A connection. Made anew for each try; once closed, every call on it is lost."""

    def __init__(self, settings: WeChatSettings, context: ssl.SSLContext | None) -> None:
        host, port = settings.address
        self._settings = settings
        self._metadata = {
            "authorization": f"Wechaty {settings.token.get_secret_value().strip()}",
        }
        self._channel = _Channel(
            host,
            port,
            ssl=context,
            config=Configuration(
                _keepalive_time=settings.keepalive_seconds,
                _keepalive_timeout=settings.keepalive_limit_seconds,
                _keepalive_permit_without_calls=True,
                _http2_max_pings_without_data=0,
                # Left alone, only one ping in five minutes is sent, whatever the line above says.
                _http2_min_sent_ping_interval_without_data=settings.keepalive_seconds / 2,
                ssl_target_name_override=settings.server_name or None,
            ),
        )
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    async def close(self) -> None:
        """Hang up; whatever is under way is lost."""
        self._is_closed = True
        self._channel.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A call that was still connecting may have finished doing so meanwhile.
        self._channel.cut()
        # The transports say goodbye in the loop's next round.
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """End the connection at once, from outside any call; `listen` raises `LineLost`."""
        self._channel.cut()

    def open(
        self,
        name: str,
        request: Any,
        reply: Any,
        *,
        is_stream: bool = False,
        seconds: float | None = None,
    ) -> Stream[Any, Any]:
        return self._channel.request(
            _SERVICE + name,
            Cardinality.UNARY_STREAM if is_stream else Cardinality.UNARY_UNARY,
            request,
            reply,
            timeout=seconds,
            metadata=self._metadata,
        )

    async def call(
        self, name: str, request: Any, reply: Any, *, seconds: float | None = None
    ) -> Any:
        limit = self._settings.call_seconds if seconds is None else seconds
        return await self.run(self._exchange(name, request, reply, limit), limit)

    async def _exchange(self, name: str, request: Any, reply: Any, seconds: float) -> Any:
        has_left = False
        try:
            async with self.open(name, type(request), reply, seconds=seconds) as stream:
                await stream.send_message(request, end=True)
                has_left = True
                got = await stream.recv_message()
        except (GRPCError, TimeoutError, asyncio.CancelledError):
            raise
        except Exception as exc:
            raise LineLost(may_have_worked=has_left) from exc
        if got is None:
            raise LineLost
        return got

    async def run(self, work: Any, seconds: float | None = None) -> Any:
        """Do it in a task of its own, which alone is hit when grpclib cancels to wake it up."""
        if self._is_closed:
            work.close()
            raise LineLost(may_have_worked=False)
        task: asyncio.Task[Any] = asyncio.ensure_future(_outcome(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait(
                {task}, timeout=None if seconds is None else seconds + _GRACE_SECONDS
            )
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            raise CallTimeout("no answer")
        if task.cancelled():
            raise LineLost
        outcome = task.result()
        if isinstance(outcome, CallError):
            raise outcome
        return outcome


async def _outcome(work: Awaitable[T]) -> T | CallError:
    """What comes of it. Errors are returned: nobody may be left to catch them, and a traceback
    of the original would show the gateway's text, which holds the token."""
    try:
        return await work
    except GRPCError as exc:
        return CallFailed(exc.status, (exc.message or "")[:_MAX_WORDING])
    except TimeoutError:
        return CallTimeout("no answer")
    except CallError as exc:
        return exc
    except Exception as exc:
        # h2, ssl and sockets have a hundred ways to say that the connection is gone.
        lost = LineLost()
        lost.__cause__ = exc
        return lost
