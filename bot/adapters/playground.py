"""A pretend platform: a class group in the browser or the terminal, and what scenarios play on."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.adapters.base import Accept, NoFile, Presence, Refused, TooLarge
from storage.vocabulary import (
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

ACCOUNT = "assistant"
#: Sent and not fetched: nobody expected them.
_FILES_KEPT = 20


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a transcript; `sender_id` is ACCOUNT where the bot spoke."""

    conversation: Conversation
    sender_id: str
    sender_name: str
    message_id: str
    text: str
    quote: str
    at: datetime


class Playground:
    """Keeps what was said in memory and tells whoever watches."""

    platform = Platform.PLAYGROUND
    capabilities = Capabilities(recall=True, mention_all=False)

    def __init__(self, clock: Callable[[], datetime], bot_name: str) -> None:
        self._clock = clock
        self._bot_name = bot_name
        self._accept: Accept | None = None
        self._is_ready = asyncio.Event()
        self._last_id = 0
        self._files: dict[str, bytes | Exception] = {}
        self.transcripts: dict[Conversation, list[Said]] = defaultdict(list)
        self.watchers: list[Callable[[Said], None]] = []

    async def run(self, accept: Accept, presence: Presence) -> None:
        """Online from the first moment to the last."""
        self._accept = accept
        presence(self.platform, ACCOUNT, True)
        self._is_ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            presence(self.platform, ACCOUNT, False)

    async def say(
        self,
        *,
        user_id: str,
        name: str,
        text: str,
        group_id: str = "",
        quote: str = "",
        mentions: tuple[str, ...] = (),
        files: Sequence[tuple[str, bytes | Exception]] = (),
    ) -> Said:
        """
        Somebody types: in a group, or (no `group_id`) to the bot alone.

        `files` are names and contents, or (an error) what comes of fetching one; by its name one
        is a picture.
        """
        await self._is_ready.wait()
        assert self._accept is not None
        kind = ConversationKind.GROUP if group_id else ConversationKind.PRIVATE
        place = Conversation(self.platform, ACCOUNT, kind, group_id or user_id)
        mentions_bot = ACCOUNT in mentions
        shown = text or "".join(f"［{file}］" for file, _ in files)
        said = self._note(place, user_id, name, shown, quote)
        await self._accept(
            Message(
                conversation=place,
                sender_id=user_id,
                sender_name=name,
                message_id=said.message_id,
                text=text.replace("\0", "").strip()[:5000],
                sent_at=said.at,
                native_time=said.at.isoformat(),
                mentions_bot=mentions_bot,
                mentions=tuple(who for who in mentions if who != ACCOUNT),
                reply_to=quote,
                attachments=tuple(self._sent(name, data) for name, data in files),
            )
        )
        return said

    async def send(self, message: Outgoing, earlier: datetime | None = None) -> str:
        """The bot speaks."""
        said = self._note(
            message.conversation, ACCOUNT, self._bot_name, message.text, message.quote
        )
        return said.message_id

    async def recall(self, conversation: Conversation, message_id: str) -> None:
        """Nobody is an administrator here."""
        raise Refused("nobody is an administrator here")

    async def answer_request(self, request: ContactRequest, *, approve: bool) -> None:
        """Nobody asks to be a friend here."""

    async def groups(self, account: str) -> frozenset[str] | None:
        """Anybody may be in any group here."""
        return None

    async def member_ids(self, group: Conversation) -> frozenset[str] | None:
        """Anybody may be in any group here."""
        return None

    async def attached(self, message: Message, attachment: Attachment, limit: int) -> bytes:
        """A file that somebody has sent since the start; it is forgotten once it was fetched."""
        data = self._files.pop(attachment.ref, None)
        if isinstance(data, Exception):
            raise data
        if data is None:
            raise NoFile("playground")
        if len(data) > limit:
            raise TooLarge(f"{len(data)} bytes")
        return data

    async def transcript(self, message: Message) -> str:
        """Only words are said here."""
        return ""

    def _sent(self, name: str, data: bytes | Exception) -> Attachment:
        ref = f"file-{self._last_id}-{len(self._files)}"
        self._files[ref] = data
        while len(self._files) > _FILES_KEPT:
            self._files.pop(next(iter(self._files)))
        is_picture = name.lower().endswith((".png", ".jpg", ".jpeg"))
        kind = AttachmentKind.IMAGE if is_picture else AttachmentKind.FILE
        return Attachment(kind, name[:200], ref)

    def _note(self, place: Conversation, sender_id: str, name: str, text: str, quote: str) -> Said:
        self._last_id += 1
        # The transcript of a private chat is one, whichever group it was opened from.
        place = Conversation(place.platform, place.account, place.kind, place.id)
        # The clock's time makes ids new after a restart: the database remembers the old ones.
        now = self._clock()
        message_id = f"{now:%y%m%d%H%M%S}-{self._last_id}"
        said = Said(place, sender_id, name, message_id, text, quote, now)
        self.transcripts[place].append(said)
        for watcher in self.watchers:
            watcher(said)
        return said
