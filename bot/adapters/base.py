"""What every platform adapter is, and the four ways a send can fail."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from storage.vocabulary import (
    Attachment,
    Capabilities,
    ContactRequest,
    Conversation,
    Incoming,
    Message,
    Outgoing,
    Platform,
)

#: Returns as soon as the event is in the inbox's buffer; waits when the buffer is full.
Accept = Callable[[Incoming], Awaitable[None]]

#: Told whenever an account comes online (True) or goes offline (False).
Presence = Callable[[Platform, str, bool], None]


class SendError(Exception):
    """The message is not known to have been sent."""


class NotConnected(SendError):
    """No line to that account now; the row waits for it and no attempt is counted."""


class RetryLater(SendError):
    """Not sent; may be tried again after `after`."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Uncertain(SendError):
    """May have been sent: no answer came in time and neither echo nor history could tell."""


class Refused(SendError):
    """Will not be sent however often it is tried: no such group, removed, malformed."""


class NoFile(Exception):
    """What came with a message cannot be had, or is too large."""


class TooLarge(NoFile):
    """It is larger than was asked for."""


class Adapter(Protocol):
    """A platform, as the rest of the program sees it."""

    platform: Platform
    capabilities: Capabilities

    async def run(self, accept: Accept, presence: Presence) -> None:
        """Listen until cancelled, reconnecting on its own; hands every event to `accept`."""

    async def send(self, message: Outgoing, earlier: datetime | None = None) -> str:
        """
        The platform's id of the message sent. Has a time limit of its own.

        `earlier` is given when a process that died may have sent it since then: what can be
        looked up is looked up before it is sent again.

        Raises:
            SendError: one of its four kinds.
        """

    async def recall(self, conversation: Conversation, message_id: str) -> None:
        """Take a message back: the bot's own, or, where it is an administrator, anybody's.

        Raises:
            SendError: it was not taken back, as far as is known.
        """

    async def answer_request(self, request: ContactRequest, *, approve: bool) -> None:
        """Accept or leave alone a friend request or an invitation into a group.

        Raises:
            SendError: it could not be answered.
        """

    async def groups(self, account: str) -> frozenset[str] | None:
        """The ids of the groups the account is in; None where the platform does not tell."""

    async def member_ids(self, group: Conversation) -> frozenset[str] | None:
        """Who is in a group, the account itself aside; None where the platform does not tell."""

    async def attached(self, message: Message, attachment: Attachment, limit: int) -> bytes:
        """What was sent with a message, at most `limit` bytes. Has a time limit of its own.

        Raises:
            NoFile: it cannot be had, or is larger.
        """

    async def transcript(self, message: Message) -> str:
        """What a voice message says, by the platform's own ear; empty where it does not tell."""
