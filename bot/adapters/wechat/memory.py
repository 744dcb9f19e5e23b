"""The last messages said, for finding what a quote quotes: WeChat shows its words, not its id."""

import hashlib
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from bot.adapters.wechat.words import Quote, bare, split_quote

#: For quotes of what we do not remember: it is a quote, but of nothing we know.
UNKNOWN_ID: Final = "unknown:"
_MAX_ROOMS: Final = 1000
_MAX_IN_ROOM: Final = 200
_MAX_WORDS: Final = 600
#: A shorter beginning of a cut quote fits too much.
_MIN_BEGINNING: Final = 8


@dataclass(frozen=True, slots=True)
class Remembered:
    """One message. `words` is cut; it never leaves the process unmasked."""

    message_id: str
    sender_id: str
    words: str
    #: As it stands and without what it quotes itself: which of the two is shown depends on the app.
    readings: frozenset[str]


class Memory:
    """Messages by conversation, the newest last. Bounded, in memory only."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, deque[Remembered]] = OrderedDict()

    def add(self, place: str, message_id: str, sender_id: str, text: str) -> None:
        """Remember it; saying the same id again changes nothing."""
        if not message_id or not text:
            return
        room = self._rooms.get(place)
        if room is None:
            room = self._rooms[place] = deque(maxlen=_MAX_IN_ROOM)
            if len(self._rooms) > _MAX_ROOMS:
                self._rooms.popitem(last=False)
        else:
            self._rooms.move_to_end(place)
        if all(one.message_id != message_id for one in room):
            readings = (bare(one[:_MAX_WORDS]) for one in (text, split_quote(text)[1]))
            words = split_quote(text)[1][:_MAX_WORDS]
            room.append(Remembered(message_id, sender_id, words, frozenset(filter(None, readings))))

    def forget(self, place: str, message_id: str) -> Remembered | None:
        """Somebody took it back."""
        room = self._rooms.get(place, deque())
        found = self.get(place, message_id)
        if found is not None:
            room.remove(found)
        return found

    def get(self, place: str, message_id: str) -> Remembered | None:
        """The message with this id."""
        for one in reversed(self._rooms.get(place, ())):
            if one.message_id == message_id:
                return one
        return None

    def newest(self, place: str) -> str:
        """The id of the last message there, "" if nothing was said."""
        room = self._rooms.get(place)
        return room[-1].message_id if room else ""

    def resolve(self, place: str, quote: Quote) -> str:
        """The id of the message quoted, or one of our own making that stands for none we know."""
        # A name may hold a colon and so may the words, so the longest words that fit are right.
        head = bare(quote.head)[: _MAX_WORDS * 2]
        found, length = "", 0
        for one in reversed(self._rooms.get(place, ())):
            for characters in one.readings:
                if len(characters) > length and _fits(head, characters):
                    found, length = one.message_id, len(characters)
        if found:
            return found
        return UNKNOWN_ID + hashlib.blake2b(head.encode(), digest_size=12).hexdigest()


def _fits(head: str, characters: str) -> bool:
    if head.endswith(f"：{characters}"):
        return True
    words = head.partition("：")[2]
    if len(characters) >= _MIN_BEGINNING and len(words) > len(characters):
        # Longer than we remember.
        return len(characters) > _MAX_WORDS // 2 and words.startswith(characters)
    beginning = words.rstrip("….")
    return (
        beginning != words and len(beginning) >= _MIN_BEGINNING and characters.startswith(beginning)
    )
