"""QQ by OneBot v11: implementations connect to us, or we to them; messages in, calls out."""

import asyncio
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web

from bot.adapters.base import (
    Accept,
    NoFile,
    NotConnected,
    Presence,
    Refused,
    RetryLater,
    Uncertain,
)
from bot.adapters.downloads import MayFetch, fetch, is_public
from bot.adapters.onebot.accounts import Accounts
from bot.adapters.onebot.answers import Answer, failure
from bot.adapters.onebot.door import Door
from bot.adapters.onebot.evidence import Attempt, Evidence, Verdict
from bot.adapters.onebot.fields import Clock, read_id, read_text
from bot.adapters.onebot.forward import ForwardClient
from bot.adapters.onebot.line import (
    CallTimeout,
    Line,
    LineClosed,
    LineError,
    LineEvents,
    LineRole,
    WebSocket,
)
from bot.adapters.onebot.segments import write_id, write_segments
from bot.adapters.onebot.settings import OneBotSettings
from storage.vocabulary import (
    MAX_TEXT,
    Attachment,
    AttachmentKind,
    Capabilities,
    ContactRequest,
    Conversation,
    ConversationKind,
    Message,
    Outgoing,
    Platform,
)

log = structlog.get_logger(__name__)

#: The longest a `send` takes whatever happens; a lease must be longer.
SEND_LIMIT: Final = timedelta(seconds=50)
_ABSENT_PAUSE: Final = timedelta(seconds=0.5)
_HISTORY_COUNT: Final = 50
#: NapCat's and LLOneBot's name for the same; nobody else has it.
_TRANSCRIBE: Final = ("fetch_ptt_text", "voice_msg_to_text")
_CLOSE_SECONDS: Final = 3
#: How to ask where a file lies: NapCat and Lagrange the first, LLOneBot and older ones the other.
_FILE_ADDRESS: Final = ("get_private_file_url", "get_file")
_FILE_SECONDS: Final = 80


class OneBot:
    """The QQ adapter. Several accounts at once, each over any number of connections."""

    platform = Platform.QQ
    capabilities = Capabilities(recall=True, mention_all=True, moderates=True)

    def __init__(
        self, settings: OneBotSettings, clock: Clock, may_fetch: MayFetch = is_public
    ) -> None:
        self._settings = settings
        #: Which addresses pictures may be fetched from.
        self.may_fetch = may_fetch
        self._clock = clock
        self._door = Door(settings)
        self._accounts = Accounts()
        self._evidence = Evidence()
        self._lines: set[Line] = set()
        self._events: LineEvents | None = None

    def connected(self) -> frozenset[str]:
        """The accounts that can send now."""
        return self._accounts.online()

    async def run(self, accept: Accept, presence: Presence) -> None:
        """Serve both kinds of connection until cancelled."""
        self._accounts.presence = presence
        self._events = events = LineEvents(
            accept=accept,
            on_account=self._accounts.attach,
            on_status=self._accounts.report,
            on_own_message=self._evidence.add_echo,
        )
        try:
            async with asyncio.TaskGroup() as group:
                for link in self._settings.forward:
                    client = ForwardClient(link, self._settings, partial(self._serve, events))
                    group.create_task(client.run(), name="onebot.forward")
                # The reverse connections live in the web server's tasks.
                await asyncio.Event().wait()
        finally:
            self._events = None
            await self._close_lines()

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """`GET /onebot/v11/ws`: an implementation connects to us."""
        if (refusal := self._door.refusal(request)) is not None:
            return refusal
        events = self._events
        if events is None:
            return web.Response(status=503, text="starting or stopping")
        socket: web.WebSocketResponse[bool] = web.WebSocketResponse(
            heartbeat=self._settings.ping_seconds,
            max_msg_size=self._settings.max_frame_mb * 2**20,
            timeout=_CLOSE_SECONDS,
            compress=False,
            decode_text=False,
        )
        await socket.prepare(request)
        await self._serve(events, socket, self._door.account(request), self._door.role(request))
        return socket

    async def send(self, message: Outgoing, earlier: datetime | None = None) -> str:
        """QQ's id of the message sent, "" if the implementation does not tell it.

        A message whose earlier attempt was left uncertain, here or by a process that died, is
        first looked for. Takes at most `SEND_LIMIT`.

        Raises:
            SendError: one of its four kinds.
        """
        try:
            async with asyncio.timeout(SEND_LIMIT.total_seconds()):
                return await self._send(message, earlier)
        except TimeoutError as exc:
            raise Uncertain("no end within the limit of a send") from exc

    async def recall(self, conversation: Conversation, message_id: str) -> None:
        """Take a message of the bot back.

        Raises:
            SendError: it was not taken back, as far as is known.
        """
        await self._command(
            conversation.account, "delete_msg", {"message_id": write_id(message_id)}
        )

    async def answer_request(self, request: ContactRequest, *, approve: bool) -> None:
        """Accept or decline a friend or a group.

        Raises:
            SendError: the request stands, as far as is known.
        """
        kind, _, rest = request.token.partition(":")
        params: dict[str, Any] = {"approve": approve}
        if kind == "friend":
            action = "set_friend_add_request"
            params["flag"] = rest
        else:
            action = "set_group_add_request"
            sub_type, _, params["flag"] = rest.partition(":")
            params |= {"sub_type": sub_type, "type": sub_type}
        await self._command(request.conversation.account, action, params)

    async def groups(self, account: str) -> frozenset[str] | None:
        """The ids of the groups the account is in; None where QQ does not tell."""
        return await self._list(account, "get_group_list", {}, "group_id")

    async def member_ids(self, group: Conversation) -> frozenset[str] | None:
        """The QQ numbers in a group, the account's aside; None where QQ does not tell."""
        # Not from the cache: it is asked for because something may have been missed.
        params = {"group_id": write_id(group.id), "no_cache": True}
        found = await self._list(group.account, "get_group_member_list", params, "user_id")
        return None if found is None else found - {group.account}

    async def attached(self, message: Message, attachment: Attachment, limit: int) -> bytes:
        """A picture or file of a message, at most `limit` bytes: from where QQ keeps it.

        Raises:
            TooLarge: it is larger.
            NoFile: it cannot be had.
        """
        ref = attachment.ref
        if attachment.kind is AttachmentKind.FILE:
            address = await self._file_address(message, ref)
            return await fetch(address, limit, may_fetch=self.may_fetch, seconds=_FILE_SECONDS)
        if not ref.startswith(("http://", "https://")):
            # Only an address is of use: a path is one on the machine of the client.
            data = await self._ask(message, "get_image", {"file": ref})
            ref = read_text(data.get("url"), 2000)
        return await fetch(ref, limit, may_fetch=self.may_fetch)

    async def _file_address(self, message: Message, ref: str) -> str:
        if ref.startswith(("http://", "https://")):
            return ref
        for action in _FILE_ADDRESS:
            params = {"user_id": write_id(message.sender_id), "file_id": ref, "file": ref}
            with suppress(NoFile):
                data = await self._ask(message, action, params)
                address = read_text(data.get("url"), 2000)
                if address.startswith(("http://", "https://")):
                    return address
        raise NoFile("no address")

    async def transcript(self, message: Message) -> str:
        """What QQ itself makes of a voice message; empty where the implementation cannot ask."""
        for action in _TRANSCRIBE:
            params = {"message_id": write_id(message.message_id)}
            with suppress(NoFile):
                data = await self._ask(message, action, params)
                if words := read_text(data.get("text"), MAX_TEXT).strip():
                    return words
        return ""

    async def _ask(self, message: Message, action: str, params: dict[str, Any]) -> dict[str, Any]:
        # After a start or a break, the implementation is back within seconds.
        line = await self._accounts.wait_for_line(
            message.conversation.account, self._settings.line_wait_seconds
        )
        if line is None:
            raise NoFile("not connected")
        try:
            answer = await line.call(action, params)
        except LineError as exc:
            raise NoFile(action) from exc
        if not answer.is_ok or not isinstance(answer.data, dict):
            raise NoFile(f"{action}: retcode {answer.retcode}")
        return answer.data

    async def _list(
        self, account: str, action: str, params: dict[str, Any], key: str
    ) -> frozenset[str] | None:
        try:
            answer = await self._accounts.line(account).call(action, params)
        except (LineError, NotConnected):
            return None
        if not answer.is_ok or not isinstance(answer.data, list):
            return None
        found = {read_id(item.get(key)) for item in answer.data if isinstance(item, dict)}
        return frozenset(found - {""})

    async def _serve(
        self, events: LineEvents, socket: WebSocket, account: str, role: LineRole
    ) -> Line:
        """Listen on a connection until it ends; returns it for a look at how it went."""
        line = Line(socket, events, self._settings, self._clock, account=account, role=role)
        self._lines.add(line)
        log.info("onebot.connected", account=account, role=role)
        try:
            if self._events is None:
                await line.close()
            elif account:
                self._accounts.attach(line)
            await line.listen()
        finally:
            self._lines.discard(line)
            self._accounts.detach(line)
            log.info(
                "onebot.disconnected",
                account=line.account,
                code=socket.close_code,
                odd=dict(line.oddities.counts),
            )
        return line

    async def _close_lines(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.gather(
                    *(line.close() for line in self._lines), return_exceptions=True
                )
        except TimeoutError:
            log.warning("onebot.close_timeout", lines=len(self._lines))

    async def _command(self, account: str, action: str, params: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SEND_LIMIT.total_seconds()):
                answer = await self._accounts.line(account).call(action, params)
        except LineClosed as exc:
            raise NotConnected(account) from exc
        except (LineError, TimeoutError) as exc:
            raise Uncertain(f"{action}: no answer") from exc
        if answer.may_have_worked:
            raise Uncertain(f"{action}: retcode {answer.retcode}, timed out")
        if not answer.is_ok:
            raise failure(answer)

    async def _send(self, message: Outgoing, earlier: datetime | None) -> str:
        account = message.conversation.account
        line = self._accounts.line(account)
        attempt = self._evidence.attempt(message)
        if attempt is None and earlier is not None:
            attempt = self._evidence.open(message, earlier)
        if attempt is not None and (sent_id := await self._settle_earlier(attempt)):
            return sent_id
        action, params = _call_for(message)
        began_at = self._clock()

        def note_late(answer: Answer) -> None:
            # Without an open attempt it has been settled, one way or the other.
            if answer.is_ok and (open_attempt := self._evidence.attempt(message)):
                open_attempt.sent_id = answer.message_id

        try:
            answer = await line.call(action, params, note_late)
        except asyncio.CancelledError:
            self._reopen(message, began_at)
            raise
        except LineClosed as exc:
            raise NotConnected(account) from exc
        except LineError:
            return await self._settle(self._reopen(message, began_at))
        if answer.is_ok:
            self._evidence.close(message, answer.message_id)
            return answer.message_id
        if answer.may_have_worked:
            return await self._settle(self._reopen(message, began_at))
        error = failure(answer)
        if isinstance(error, Refused) or attempt is None:
            self._evidence.close(message)
        raise error

    def _reopen(self, message: Outgoing, began_at: datetime) -> Attempt:
        attempt = self._evidence.open(message, began_at)
        attempt.is_checked = False
        return attempt

    async def _settle_earlier(self, attempt: Attempt) -> str:
        """The id of a message whose earlier attempt worked after all, "" to send it again."""
        if sent_id := self._evidence.find_sent(attempt):
            self._evidence.close(attempt.message, sent_id)
            return sent_id
        if not attempt.is_checked:
            try:
                return await self._settle(attempt)
            except (RetryLater, Uncertain):
                # The caller was told so before and asks for another try; only a look that could
                # not be taken is still owed.
                if not attempt.is_checked:
                    raise
        return ""

    async def _settle(self, attempt: Attempt) -> str:
        """The id of a message that got no answer but was sent.

        Raises:
            RetryLater: it was not sent.
            Uncertain: nothing tells.
        """
        verdict: str | Verdict = self._evidence.find_sent(attempt)
        if not verdict:
            verdict = await self._look_into_history(attempt)
        # While the history was being fetched, the answer or our own words may have come.
        if isinstance(verdict, Verdict):
            verdict = self._evidence.find_sent(attempt) or verdict
        if isinstance(verdict, str):
            self._evidence.close(attempt.message, verdict)
            return verdict
        if verdict is Verdict.ABSENT:
            raise RetryLater("not in the conversation's history", _ABSENT_PAUSE)
        raise Uncertain("no answer, no echo, no history")

    async def _look_into_history(self, attempt: Attempt) -> str | Verdict:
        # After a break, the implementation is back within seconds.
        line = await self._accounts.wait_for_line(
            attempt.message.conversation.account, self._settings.line_wait_seconds
        )
        if line is None:
            return Verdict.UNKNOWN
        async with line.first_history if line.has_history is None else nullcontext():
            return await self._ask_history(line, attempt)

    async def _ask_history(self, line: Line, attempt: Attempt) -> str | Verdict:
        # From here on, another look would find no more: the next try may send.
        attempt.is_checked = True
        if line.has_history is False:
            return Verdict.UNKNOWN
        conversation = attempt.message.conversation
        if conversation.kind is ConversationKind.GROUP:
            action, params = "get_group_msg_history", {"group_id": write_id(conversation.id)}
        else:
            action, params = "get_friend_msg_history", {"user_id": write_id(conversation.id)}
        try:
            answer = await line.call(action, params | {"count": _HISTORY_COUNT})
        except LineError as exc:
            attempt.is_checked = isinstance(exc, CallTimeout)
            return Verdict.UNKNOWN
        line.has_history = not answer.is_unsupported
        messages = answer.data.get("messages") if isinstance(answer.data, dict) else None
        if not answer.is_ok or not isinstance(messages, list):
            return Verdict.UNKNOWN
        return self._evidence.judge_history(
            attempt, messages, conversation.account, _HISTORY_COUNT, self._clock
        )


def _call_for(message: Outgoing) -> tuple[str, dict[str, Any]]:
    segments = write_segments(message)
    if not any(segment["type"] != "reply" for segment in segments):
        raise Refused("nothing to say")
    conversation = message.conversation
    if conversation.kind is ConversationKind.GROUP:
        return "send_group_msg", {"group_id": write_id(conversation.id), "message": segments}
    params: dict[str, Any] = {"user_id": write_id(conversation.id), "message": segments}
    if conversation.via_group:
        params["group_id"] = write_id(conversation.via_group)
    return "send_private_msg", params
