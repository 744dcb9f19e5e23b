"""Finding out whether a message was sent after all, when no answer told."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final

from bot.adapters.onebot.events import OwnMessage, read_own_message
from bot.adapters.onebot.fields import Clock, clean, read_id, read_time
from bot.adapters.onebot.segments import DERIVED_ID
from storage.vocabulary import Conversation, Outgoing

#: How far the platform's clock may be behind ours.
CLOCK_SKEW: Final = timedelta(seconds=10)
_MAX_ECHOES: Final = 1000
_MAX_SENT: Final = 5000
_MAX_ATTEMPTS: Final = 5000


class Verdict(Enum):
    """What is known about a message that got no answer, other than that it was sent."""

    ABSENT = auto()
    UNKNOWN = auto()


@dataclass(slots=True)
class Attempt:
    """A message of which it is not known whether it was sent, since its first try."""

    message: Outgoing
    began_at: datetime
    sent_id: str = ""
    is_checked: bool = False
    words: str = field(init=False)

    def __post_init__(self) -> None:
        self.words = _bare(clean(self.message.text))

    def is_proved_by(self, own: OwnMessage) -> bool:
        """Whether the bot's own message is this one."""
        return (
            own.sent_at >= self.began_at - CLOCK_SKEW
            and _same_place(own.conversation, self.message.conversation)
            and _bare(own.words) == self.words
            and self._quotes_the_same(own)
        )

    def _quotes_the_same(self, own: OwnMessage) -> bool:
        quote = "" if self.message.quote.startswith(DERIVED_ID) else self.message.quote
        if own.reply_to or not quote:
            return own.reply_to == quote
        # An implementation drops a quote that it cannot find; then the mentions must tell.
        return bool(own.mentions) and own.mentions == self.message.mention


class Evidence:
    """What proves that messages were sent: answers, late answers, our own words coming back."""

    def __init__(self) -> None:
        self._echoes: deque[OwnMessage] = deque(maxlen=_MAX_ECHOES)
        self._sent: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()

    def attempt(self, message: Outgoing) -> Attempt | None:
        """The earlier attempt at the same message, if it was left open."""
        return self._attempts.get(message.key)

    def open(self, message: Outgoing, began_at: datetime) -> Attempt:
        """The attempt at this message, begun now unless an earlier one is still open."""
        attempt = self._attempts.get(message.key)
        if attempt is None:
            attempt = self._attempts[message.key] = Attempt(message, began_at)
            if len(self._attempts) > _MAX_ATTEMPTS:
                self._attempts.popitem(last=False)
        return attempt

    def close(self, message: Outgoing, sent_id: str = "") -> None:
        """It was sent as `sent_id`, or will never be."""
        self._attempts.pop(message.key, None)
        if sent_id:
            self._sent[_place(message.conversation, sent_id)] = None
            if len(self._sent) > _MAX_SENT:
                self._sent.popitem(last=False)

    def add_echo(self, own: OwnMessage) -> None:
        """Remember one of the bot's own messages."""
        if own.message_id:
            self._echoes.append(own)

    def find_sent(self, attempt: Attempt) -> str:
        """The id under which it was sent, "" when nothing proves it."""
        return attempt.sent_id or self._proof(attempt, reversed(self._echoes))

    def judge_history(
        self, attempt: Attempt, history: list[Any], account: str, asked_for: int, clock: Clock
    ) -> str | Verdict:
        """The id under which it is in the conversation's history, or what its absence means."""
        frames = [frame for frame in history if isinstance(frame, dict)]
        # The history is of this conversation, whether its messages say so or not.
        own = (
            replace(message, conversation=attempt.message.conversation)
            for frame in frames
            if (message := read_own_message(frame, account, clock)) is not None
        )
        if found := self._proof(attempt, own):
            return found
        return Verdict.ABSENT if _covers(attempt, frames, asked_for, clock) else Verdict.UNKNOWN

    def _proof(self, attempt: Attempt, candidates: Iterable[OwnMessage]) -> str:
        for own in candidates:
            # What already stands for another message of ours does not prove this one.
            if (
                _place(own.conversation, own.message_id) not in self._sent
                and own.message_id
                and attempt.is_proved_by(own)
            ):
                return own.message_id
        return ""


def _covers(attempt: Attempt, frames: list[dict[str, Any]], asked_for: int, clock: Clock) -> bool:
    """Whether a message sent in this attempt would have to be among these."""
    times = [read_time(frame.get("time"), clock) for frame in frames]
    if not times:
        return False
    began_at = attempt.began_at - CLOCK_SKEW
    reaches_back = len(frames) < asked_for or min(times) < began_at
    quote = attempt.message.quote
    reaches_now = (
        max(times) >= began_at
        or not quote
        or any(read_id(frame.get("message_id")) == quote for frame in frames)
    )
    return reaches_back and reaches_now


def _place(conversation: Conversation, message_id: str) -> tuple[str, str, str]:
    return conversation.account, conversation.id, message_id


def _same_place(one: Conversation, other: Conversation) -> bool:
    return one.account == other.account and one.kind is other.kind and one.id == other.id


def _bare(text: str) -> str:
    """The text as platforms leave it: they change blanks and line ends."""
    return "".join(text.split())
