"""Where a scenario is played: a chat platform with people on it, seen from their side.

A `Stage` turns what somebody says into what the platform reports to the bot, and what the bot
sends into lines with names. Everything between the two is the bot's own.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.adapters.base import Accept, Adapter, Presence
from bot.adapters.playground import Said
from bot.app import App
from storage.vocabulary import (
    Conversation,
    ConversationKind,
    Incoming,
    Message,
    Platform,
)
from tests.scenarios.cast import PEOPLE

#: Long enough for a busy machine; a passing scenario never waits for it.
PATIENCE = 20
#: How a `.chat` file calls the bot.
BOT = "助手"

_MENTION = re.compile(r"@([^\s@]+)( ?)")


@dataclass(frozen=True, slots=True)
class Mention:
    """`@somebody` in a line, with the blank behind it."""

    name: str

    @property
    def is_bot(self) -> bool:
        return self.name == BOT


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody says: in the group `group`, or ("") to the bot alone.

    `quote` is the platform's id of the message quoted. `at` is the scenario's time.
    """

    who: str
    group: str
    text: str
    quote: str
    at: datetime

    def pieces(self) -> Iterator[str | Mention]:
        """Words and mentions in turn; only the bot and the cast can be mentioned."""
        start = 0
        for found in _MENTION.finditer(self.text):
            if found[1] == BOT or found[1] in PEOPLE:
                if words := self.text[start : found.start()]:
                    yield words
                yield Mention(found[1])
                start = found.end()
        if words := self.text[start:]:
            yield words


class Ids:
    """Who is who on a platform: an id for each name, given when it is first asked for."""

    def __init__(
        self, platform: Platform, account: str, *, person: str, group: str, first: int = 0
    ) -> None:
        self.platform = platform
        #: The bot's own id.
        self.account = account
        self._forms = {ConversationKind.PRIVATE: person, ConversationKind.GROUP: group}
        self._next = first
        self._ids: dict[tuple[ConversationKind, str], str] = {}
        self._names: dict[str, str] = {}

    def person(self, name: str) -> str:
        """Somebody's id."""
        return self._id(ConversationKind.PRIVATE, name)

    def group(self, name: str) -> str:
        """A class group's id."""
        return self._id(ConversationKind.GROUP, name)

    def name(self, platform_id: str) -> str:
        """The person's or the group's name again."""
        return self._names.get(platform_id, platform_id)

    def place(self, line: Line) -> Conversation:
        """Where it is said."""
        kind = ConversationKind.GROUP if line.group else ConversationKind.PRIVATE
        name = line.group or line.who
        return Conversation(self.platform, self.account, kind, self._id(kind, name))

    def said(self, line: Line, message_id: str) -> Said:
        """The line as it stands in the transcript."""
        who = self.person(line.who)
        return Said(self.place(line), who, line.who, message_id, line.text, line.quote, line.at)

    def answered(
        self,
        place_id: str,
        message_id: str,
        text: str,
        at: datetime,
        *,
        is_group: bool,
        quote: str = "",
    ) -> Said:
        """What the bot said, as it stands in the transcript."""
        kind = ConversationKind.GROUP if is_group else ConversationKind.PRIVATE
        place = Conversation(self.platform, self.account, kind, place_id)
        return Said(place, self.account, BOT, message_id, text, quote, at)

    def _id(self, kind: ConversationKind, name: str) -> str:
        if (kind, name) not in self._ids:
            made = self._forms[kind].format(name=name, number=self._next)
            self._next += 1
            self._ids[kind, name], self._names[made] = made, name
        return self._ids[kind, name]


class Stage(Protocol):
    """A platform to play on. Used once, for one bot."""

    ids: Ids
    #: The sections of the settings that bring the bot here.
    settings: Mapping[str, Any]
    #: What everybody of the classes has said to the bot alone before a scenario begins: where a
    #: platform lets nobody be written to who has not written first. "" where it does.
    first_words: str
    #: Everything said so far, the oldest first, as the platform has it.
    said: list[Said]

    def open(self, app: App) -> AbstractAsyncContextManager[None]:
        """People are there, and the running bot can connect, until closed."""

    async def say(self, line: Line) -> str:
        """Somebody says it; the id of the message."""

    async def hear(self) -> None:
        """Bring `said` up to date with what the bot has sent."""


class Overheard:
    """An adapter with an ear on it: what it has handed over, and whether it is online."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._handed_over: set[str] = set()
        self._online: set[str] = set()
        self._failure: Exception | None = None
        self._news = asyncio.Event()

    async def run(self, accept: Accept, presence: Presence) -> None:
        async def note(event: Incoming) -> None:
            try:
                await accept(event)
            except Exception as error:
                # The adapter logs it and goes on.
                self._failure = error
                self._news.set()
                raise
            if isinstance(event, Message):
                self._handed_over.add(event.message_id)
                self._news.set()

        def tell(platform: Platform, account: str, is_online: bool) -> None:
            presence(platform, account, is_online)
            (self._online.add if is_online else self._online.discard)(account)
            self._news.set()

        await self._adapter.run(note, tell)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def until_online(self, account: str) -> None:
        """Come back when the account can send."""
        await self._until(self._online, account)

    async def until_handed_over(self, message_id: str) -> None:
        """Come back when the bot has taken this message over."""
        await self._until(self._handed_over, message_id)

    async def _until(self, seen: set[str], wanted: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while wanted not in seen:
                    if self._failure is not None:
                        raise AssertionError("the bot fails to take it over") from self._failure
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"{self._adapter.platform}: {wanted} neither came nor went on"
            ) from None
