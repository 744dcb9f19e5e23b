"""Recent: what this process remembers of the last minutes of each conversation.

Hints only. A restart forgets them, and nothing is lost but a little tact: a question that came in
pieces is seen piece by piece, an answer given a minute ago is given again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from handlers.understanding import is_fragment, understand
from storage.vocabulary import Conversation, ConversationKind, Label, Message, Topic

K = TypeVar("K")
V = TypeVar("V")

#: The rest of a question comes within a minute or is another message.
PIECES_WITHIN: Final = timedelta(seconds=60)
MOST_PIECES: Final = 3
#: So long after an answer 「那什么时候截止」 asks about it.
TURN_LASTS: Final = timedelta(minutes=5)
#: So long an answer in a group stands for everybody who asks the same.
ANSWER_STANDS: Final = timedelta(minutes=10)
_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What was last talked of with somebody: the topic, the entry answered with, the event."""

    topic: Topic
    entry: str
    event_id: int


@dataclass(frozen=True, slots=True)
class _Pieces:
    texts: tuple[str, ...]
    mentions_bot: bool


class _Lately(Generic[K, V]):
    """The last few thousand values, each with its time; older ones go."""

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts
        self._kept: OrderedDict[K, tuple[datetime, V]] = OrderedDict()

    def put(self, key: K, value: V, at: datetime) -> None:
        self._kept[key] = (at, value)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    def get(self, key: K, now: datetime) -> tuple[datetime, V] | None:
        found = self._kept.get(key)
        # A clock that was set back, or a late message: either way not "lately".
        if found is None or abs(now - found[0]) > self._lasts:
            return None
        return found

    def pop(self, key: K, now: datetime) -> V | None:
        found = self.get(key, now)
        self._kept.pop(key, None)
        return None if found is None else found[1]

    def update(self, newer: _Lately[K, V]) -> None:
        for key, (at, value) in newer._kept.items():
            self.put(key, value, at)


class Recent:
    """The memory itself, and (`draft`) what one batch adds to it once it has been committed."""

    def __init__(self, before: Recent | None = None) -> None:
        self._before = before
        self._tutor: _Lately[Conversation, None] = _Lately(timedelta(hours=1))
        self._turns: _Lately[tuple[Conversation, str], Turn] = _Lately(TURN_LASTS)
        self._answers: _Lately[tuple[Conversation, str], str] = _Lately(ANSWER_STANDS)
        self._greetings: _Lately[tuple[Conversation, str], None] = _Lately(TURN_LASTS)
        self._pieces: _Lately[tuple[Conversation, str], _Pieces] = _Lately(PIECES_WITHIN)

    def draft(self) -> Recent:
        """An empty memory before which this one is asked."""
        return Recent(before=self)

    def keep(self, draft: Recent) -> None:
        """What a draft holds has really happened."""
        self._tutor.update(draft._tutor)
        self._turns.update(draft._turns)
        self._answers.update(draft._answers)
        self._greetings.update(draft._greetings)

    # -- pieces of a question ----------------------------------------------------------------------

    def joined(self, message: Message) -> Message:
        """
        The message with the pieces its sender sent just before, where only together they ask.

        「期末考试」, 「我想问一下」, 「啥时候啊」 is one question in three messages.
        """
        place, now = message.conversation, message.sent_at
        if message.is_anonymous or message.reply_to or message.mentions or not message.text:
            return message
        key = (place, message.sender_id)
        before = self._pieces.pop(key, now)
        mentions_bot = message.mentions_bot or (before is not None and before.mentions_bot)
        pieces = (*(before.texts if before else ()), message.text)
        if is_fragment(message.text):
            kept = _Pieces(pieces[-(MOST_PIECES - 1) :], mentions_bot)
            self._pieces.put(key, kept, now)
            return message
        if before is None:
            return message
        whole = "，".join(pieces)
        return replace(
            message,
            text=whole if _asks_only_together(message.text, whole) else message.text,
            mentions_bot=mentions_bot,
        )

    # -- turns -------------------------------------------------------------------------------------

    def turn(self, place: Conversation, sender_id: str, now: datetime) -> Turn | None:
        """What was last talked of with the sender there, a moment ago."""
        found = self._turns.get((place, sender_id), now)
        if found is None:
            return self._before.turn(place, sender_id, now) if self._before else None
        return found[1]

    def note_turn(self, place: Conversation, sender_id: str, turn: Turn, now: datetime) -> None:
        """It has been talked of, and, with an entry, answered."""
        self._turns.put((place, sender_id), turn, now)
        if turn.entry and place.kind is ConversationKind.GROUP:
            self._answers.put((place, turn.entry), sender_id, now)

    def answered_at(self, place: Conversation, entry: str, now: datetime) -> datetime | None:
        """When the group was last told what the entry says, if that was a moment ago."""
        found = self._answers.get((place, entry), now)
        if found is None:
            return self._before.answered_at(place, entry, now) if self._before else None
        return found[0]

    def was_greeted(self, place: Conversation, sender_id: str, now: datetime) -> bool:
        """The bot has just said what it can do; once is enough."""
        if self._greetings.get((place, sender_id), now) is not None:
            return True
        return self._before.was_greeted(place, sender_id, now) if self._before else False

    def note_greeting(self, place: Conversation, sender_id: str, now: datetime) -> None:
        """The bot has said what it can do."""
        self._greetings.put((place, sender_id), None, now)

    # -- the tutor ---------------------------------------------------------------------------------

    def tutor_spoke_at(self, place: Conversation, now: datetime) -> datetime | None:
        """When a tutor last spoke in the group."""
        found = self._tutor.get(place, now)
        if found is None:
            return self._before.tutor_spoke_at(place, now) if self._before else None
        return found[0]

    def note_tutor(self, place: Conversation, at: datetime) -> None:
        """A tutor has spoken."""
        self._tutor.put(place, None, at)


def _asks_only_together(last: str, whole: str) -> bool:
    together = understand(whole)
    if together.label is not Label.QUESTION:
        return False
    alone = understand(last)
    names_nothing = alone.topic in (Topic.NONE, Topic.OTHER) or alone.is_follow_up
    return alone.label is not Label.QUESTION or names_nothing
