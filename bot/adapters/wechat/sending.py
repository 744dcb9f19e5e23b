"""Sending a text: how it looks in WeChat, and what is made of the gateway's answer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from grpclib.const import Status

from bot.adapters.base import NotConnected, Refused, RetryLater, SendError, Uncertain
from bot.adapters.wechat import words
from bot.adapters.wechat.evidence import Evidence
from bot.adapters.wechat.fields import Clock, clean
from bot.adapters.wechat.lookups import Lookups
from bot.adapters.wechat.memory import UNKNOWN_ID, Memory
from bot.adapters.wechat.puppet import Puppet
from bot.adapters.wechat.settings import WeChatSettings
from bot.adapters.wechat.wire import CallError, CallFailed, LineLost
from handlers.understanding import mask
from storage.vocabulary import ConversationKind, Outgoing

_ID_SECONDS: Final = 1.5
_QUOTE_SECONDS: Final = 2.0
_MAY_HAVE_WORKED: Final = frozenset(
    {
        Status.UNAVAILABLE,
        Status.DEADLINE_EXCEEDED,
        Status.CANCELLED,
        Status.INTERNAL,
        Status.ABORTED,
        Status.DATA_LOSS,
    }
)
# The wording is all there is: gateways answer UNKNOWN for everything an account cannot do.
_TIMEOUT_WORDS: Final = ("timeout", "timed out", "超时")
_OFFLINE_WORDS: Final = ("not logged in", "logged out", "not login", "未登录", "已下线")
_GONE_WORDS: Final = (
    "no such contact",
    "no such room",
    "not found",
    "not a friend",
    "not friend",
    "not in room",
    "not in the room",
    "removed from",
    "不存在",
    "不是好友",
    "非好友",
    "不在群",
    "已被移出",
    "已解散",
)

T = TypeVar("T")


class Sender:
    """Sends texts and finds out what became of them. Never sends one twice by itself."""

    def __init__(
        self,
        settings: WeChatSettings,
        clock: Clock,
        lookups: Lookups,
        memory: Memory,
        evidence: Evidence,
        puppet_of: Callable[[str], Puppet],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._lookups = lookups
        self._memory = memory
        self._evidence = evidence
        self._puppet_of = puppet_of

    async def send(self, message: Outgoing, earlier: datetime | None) -> str:
        """The platform's id of the message sent, "" if the gateway does not tell it.

        Raises:
            SendError: one of its four kinds.
        """
        self._puppet_of(message.conversation.account)
        attempt = self._evidence.attempt(message)
        if attempt is None and earlier is not None:
            attempt = self._evidence.open(message, earlier)
        if attempt is not None and (sent_id := self._evidence.find_sent(attempt)):
            self._evidence.close(message, sent_id)
            return sent_id
        text, mention = await self._compose(message)
        puppet, began_at = self._puppet_of(message.conversation.account), self._clock()
        try:
            sent_id = await puppet.send_text(message.conversation.id, text, mention)
        except asyncio.CancelledError:
            self._evidence.open(message, began_at)
            raise
        except LineLost as exc:
            if not exc.may_have_worked:
                raise NotConnected(message.conversation.account) from exc
            return await self._settle(message, began_at)
        except CallFailed as exc:
            error = _failure(exc)
            if isinstance(error, Uncertain):
                return await self._settle(message, began_at)
            if not isinstance(error, Refused):
                self._evidence.open(message, began_at)
            else:
                self._evidence.close(message)
            raise error from exc
        except CallError:
            return await self._settle(message, began_at)
        if not sent_id:
            # It was sent; under which id, only its echo tells.
            attempt = self._evidence.open(message, began_at)
            limit = min(self._settings.echo_seconds, _ID_SECONDS)
            sent_id = await self._evidence.wait_for(attempt, limit)
        self._evidence.close(message, sent_id)
        self._memory.add(message.conversation.id, sent_id, message.conversation.account, text)
        return sent_id

    async def _settle(self, message: Outgoing, began_at: datetime) -> str:
        """The id of a message that got no answer but was sent.

        Raises:
            Uncertain: nothing tells.
        """
        attempt = self._evidence.open(message, began_at)
        sent_id = await self._evidence.wait_for(attempt, self._settings.echo_seconds)
        if not sent_id:
            raise Uncertain("no answer, no echo")
        self._evidence.close(message, sent_id)
        return sent_id

    async def _compose(self, message: Outgoing) -> tuple[str, tuple[str, ...]]:
        """The text as WeChat's clients would write it, and whom it mentions."""
        text, place = clean(message.text), message.conversation
        if not text.strip():
            raise Refused("nothing to say")
        mention: tuple[str, ...] = ()
        if place.kind is ConversationKind.GROUP and message.mention:
            mention = message.mention
            if not self._settings.gateway_writes_mentions:
                names = await asyncio.gather(
                    *(self._lookups.names(place.id, person) for person in mention)
                )
                text = words.write_mentions([name[0] for name in names if name], text)
        quoted = await self._quoted(message)
        if quoted is not None:
            text = words.write_quote(*quoted, text)
        return text, mention

    async def _quoted(self, message: Outgoing) -> tuple[str, str] | None:
        """Name and words of the message to quote; None where a quote is impossible or idle."""
        place = message.conversation
        is_group = place.kind is ConversationKind.GROUP
        if not message.quote or message.quote.startswith(UNKNOWN_ID):
            return None
        if not is_group and self._memory.newest(place.id) == message.quote:
            return None
        found = self._memory.get(place.id, message.quote)
        if found is not None:
            sender_id, said = found.sender_id, found.words
        else:
            try:
                raw = await self._puppet_of(place.account).message(message.quote, _QUOTE_SECONDS)
            except CallError:
                return None
            if raw.kind != words.TEXT:
                return None
            sender_id, said = raw.talker_id, words.split_quote(raw.text)[1]
        names = await self._lookups.names(place.id if is_group else "", sender_id)
        # What somebody should not have posted is not posted again by us.
        return (words.bare_name(names[0]), mask(words.plain(said))) if names else None


async def command(account: str, call: Awaitable[T]) -> T:
    """What the call answers.

    Raises:
        SendError: it was not carried out, as far as is known.
    """
    try:
        return await call
    except LineLost as exc:
        if exc.may_have_worked:
            raise Uncertain("the line broke") from exc
        raise NotConnected(account) from exc
    except CallFailed as exc:
        raise _failure(exc) from exc
    except CallError as exc:
        raise Uncertain("no answer") from exc


def _failure(error: CallFailed) -> SendError:
    """What a failed command means; `Uncertain` where it may have been carried out."""
    # The wording may quote people, so only what kind it is goes into the log and the row.
    status, wording = error.status.name, error.wording.lower()
    if any(word in wording for word in _OFFLINE_WORDS):
        return NotConnected("logged out")
    if error.is_refused_token:
        return NotConnected("token refused")
    if any(word in wording for word in _GONE_WORDS) or error.status is Status.NOT_FOUND:
        return Refused(f"{status}: the conversation is gone")
    if error.status in (Status.INVALID_ARGUMENT, Status.UNIMPLEMENTED):
        return Refused(f"{status}: the call was not understood")
    if error.status in _MAY_HAVE_WORKED or any(word in wording for word in _TIMEOUT_WORDS):
        return Uncertain(f"{status}: may have been carried out")
    return RetryLater(status)
