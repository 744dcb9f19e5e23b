"""Finding out whether a message was sent after all, when no answer told: WeChat shows the
account its own messages, and has no history to look into."""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.adapters.wechat.fields import clean
from bot.adapters.wechat.words import bare
from storage.vocabulary import Outgoing

#: How far the platform's clock may be behind ours.
CLOCK_SKEW: Final = timedelta(seconds=10)
_MAX_ECHOES: Final = 1000
_MAX_SENT: Final = 5000
_MAX_ATTEMPTS: Final = 5000


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """The bot's own message, reported back."""

    place: str
    message_id: str
    characters: str
    sent_at: datetime


@dataclass(slots=True)
class Attempt:
    """A message of which it is not known whether it was sent, since its first try."""

    message: Outgoing
    began_at: datetime
    characters: str = field(init=False)

    def __post_init__(self) -> None:
        self.characters = bare(clean(self.message.text))

    def is_proved_by(self, own: OwnMessage) -> bool:
        """Whether the bot's own message is this one."""
        return (
            own.place == self.message.conversation.id
            and own.sent_at >= self.began_at - CLOCK_SKEW
            and own.characters.endswith(self.characters)
            # Before the words, there may be a quote and whom they mention, but nothing else.
            and own.characters.removesuffix(self.characters)[:1] in ("", "「", "@")
        )


class Evidence:
    """What proves that messages were sent: answers, and our own words coming back."""

    def __init__(self) -> None:
        self._echoes: deque[OwnMessage] = deque(maxlen=_MAX_ECHOES)
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()
        self._news = asyncio.Event()

    def is_ours(self, message_id: str) -> bool:
        """Whether this is the id of a message that we know to be sent."""
        return message_id in self._sent

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
            self._sent[sent_id] = None
            if len(self._sent) > _MAX_SENT:
                self._sent.popitem(last=False)

    def add_echo(self, own: OwnMessage) -> None:
        """Remember one of the bot's own messages."""
        self._echoes.append(own)
        self._news.set()
        self._news = asyncio.Event()

    def find_sent(self, attempt: Attempt) -> str:
        """The id under which it was sent, "" when nothing proves it."""
        for own in reversed(self._echoes):
            # What already stands for another message of ours does not prove this one.
            if own.message_id not in self._sent and attempt.is_proved_by(own):
                return own.message_id
        return ""

    async def wait_for(self, attempt: Attempt, seconds: float) -> str:
        """The id under which it was sent, "" when nothing proves it in time."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.find_sent(attempt)):
                    await self._news.wait()
                return found
        except TimeoutError:
            return ""
