"""Floods: who writes faster than anybody reads, and machines that answer each other. Pure.

Only what is *said* is held back here: every message is stored before, and stands in the record
with `Kind.FLOOD`, or with what came of it, afterwards. A process that starts anew has forgotten all
this, which costs a few replies.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from handlers.context import Context, Outcome
from handlers.understanding import normalise
from storage.interactions import Kind
from storage.vocabulary import Conversation, ConversationKind, Label, Platform

K = TypeVar("K")
V = TypeVar("V")

#: So many messages at once are nobody's flood, and then one every so often: nobody types more.
BURST: Final = 60
EVERY: Final = timedelta(seconds=1)
#: How often somebody is told that they are too fast.
TOLD_EVERY: Final = timedelta(minutes=1)
#: The same exchange so many times running, each within so long of the one before, is a loop.
TURNS: Final = 3
LOOP_WITHIN: Final = timedelta(minutes=2)
#: … and is two who talk to each other: where so many others spoke in between it is none.
OTHERS_BETWEEN: Final = 10
#: One answer said so often in a group within a minute stands for all who ask the same meanwhile: a
#: reply was asked for, so that is far beyond what a class of two hundred brings about. Likewise
#: 「已转老师，编号 T-n」: past this the numbers are only told to who asks for them.
SAID_ENOUGH: Final = 60
SAID_WITHIN: Final = timedelta(minutes=1)
#: Whoever writes these is heard however fast they write.
URGENT: Final = frozenset({Label.DISTRESS, Label.COMPLAINT, Label.PRIVACY_LEAK})
_MOST: Final = 20_000
_NUMBER: Final = re.compile(r"T-\d+")
_DIGITS: Final = re.compile(r"\d+")

#: Tencent's own robots (Q群管家, 小冰 and the bots of its open platform), as NapCat's and
#: LLOneBot's `get_robot_uin_range` tell them.
QQ_ROBOTS: Final = (
    (66600000, 66600000),
    (2854196301, 2854216399),
    (3328144510, 3328144510),
    (3889000000, 3889999999),
    (4010000000, 4019999999),
)


class Pace(StrEnum):
    """What becomes of a message by how fast its sender writes."""

    HEARD = "heard"
    TOLD = "told"  # too fast, and that is said
    NOTED = "noted"  # too fast, and that was said a moment ago


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime
    told_at: datetime | None = None


@dataclass(slots=True)
class _Exchange:
    text: str
    said: tuple[str, ...]
    turns: int
    at: datetime
    #: How many had been answered in this place then.
    count: int


@dataclass(slots=True)
class Floods:
    """What this process remembers of who wrote how fast, and what it said how often."""

    _paces: OrderedDict[tuple[Conversation, str], _Bucket] = field(default_factory=OrderedDict)
    _exchanges: OrderedDict[tuple[Conversation, str], _Exchange] = field(
        default_factory=OrderedDict
    )
    _said: OrderedDict[tuple[Conversation, str], list[datetime]] = field(
        default_factory=OrderedDict
    )
    _counts: OrderedDict[Conversation, int] = field(default_factory=OrderedDict)

    def pace(self, place: Conversation, sender_id: str, at: datetime) -> Pace:
        """Count one message, sent at `at` by the platform's time."""
        key = (place, sender_id)
        bucket = self._paces.get(key)
        if bucket is None:
            bucket = self._paces[key] = _Bucket(float(BURST), at)
            _bounded(self._paces)
        self._paces.move_to_end(key)
        # A clock set back gives nothing, and takes nothing.
        bucket.left = min(float(BURST), bucket.left + max(timedelta(), at - bucket.at) / EVERY)
        bucket.at = at
        if bucket.left >= 1:
            bucket.left -= 1
            return Pace.HEARD
        if bucket.told_at is not None and abs(at - bucket.told_at) < TOLD_EVERY:
            return Pace.NOTED
        bucket.told_at = at
        return Pace.TOLD

    def quietened(self, context: Context, outcome: Outcome) -> Outcome:
        """
        The outcome, less what would only be said once more: to a machine that says the same again
        and again, or in a group that has the answer on the screen several times.

        What it does and what is recorded of it stays; nobody in distress goes without an answer.
        """
        is_staff = bool(context.speaker.duties)
        if not outcome.replies or is_staff or context.understanding.label is Label.DISTRESS:
            return outcome
        message = context.message
        place, at = message.conversation, message.sent_at
        said = tuple(normalise(reply.text) for reply in outcome.replies)
        is_loop = self._goes_round((place, message.sender_id), normalise(message.text), said, at)
        if is_loop or self._is_on_the_screen(place, outcome, at):
            return _unsaid(outcome)
        return outcome

    def _goes_round(
        self, key: tuple[Conversation, str], text: str, said: tuple[str, ...], at: datetime
    ) -> bool:
        before = self._exchanges.get(key)
        count = self._counts[key[0]] = self._counts.pop(key[0], 0) + 1
        _bounded(self._counts)
        # 「下一步」, said to the bot alone, means something else every time.
        is_group = key[0].kind is ConversationKind.GROUP
        is_same = (
            before is not None
            and abs(at - before.at) <= LOOP_WITHIN
            and count - before.count <= OTHERS_BETWEEN
            and not text.startswith("/")  # an order is a person's
            and (
                said == before.said
                if is_group and text != before.text
                else text == before.text and (is_group or _alike(said, before.said))
            )
        )
        turns = before.turns + 1 if before is not None and is_same else 1
        self._exchanges[key] = _Exchange(text, said, turns, at, count)
        self._exchanges.move_to_end(key)
        _bounded(self._exchanges)
        return turns > TURNS

    def _is_on_the_screen(self, place: Conversation, outcome: Outcome, at: datetime) -> bool:
        if (
            place.kind is not ConversationKind.GROUP
            or outcome.record is None
            or outcome.record.kind is not Kind.QUESTION
            or any(reply.in_private for reply in outcome.replies)
        ):
            return False
        words = "\n".join(reply.text for reply in outcome.replies)
        key = (place, _NUMBER.sub("T-", words))
        lately = [then for then in self._said.get(key, ()) if abs(at - then) < SAID_WITHIN]
        if len(lately) >= SAID_ENOUGH:
            return True
        self._said[key] = [*lately, at]
        self._said.move_to_end(key)
        _bounded(self._said)
        return False


def is_robot(platform: Platform, user_id: str, own: Collection[tuple[Platform, str]] = ()) -> bool:
    """Whether an id is known to be a machine's: one of our own accounts, or Tencent's."""
    if (platform, user_id) in own:
        return True
    if platform is not Platform.QQ or not (user_id.isascii() and user_id.isdigit()):
        return False
    number = int(user_id[:20])
    return any(first <= number <= last for first, last in QQ_ROBOTS)


def _alike(said: tuple[str, ...], before: tuple[str, ...]) -> bool:
    """The same but for numbers and times."""
    return [_DIGITS.sub("", words) for words in said] == [_DIGITS.sub("", it) for it in before]


def _unsaid(outcome: Outcome) -> Outcome:
    return Outcome((), outcome.record, outcome.others, outcome.further, outcome.turn)


def _bounded(kept: OrderedDict[K, V]) -> None:
    if len(kept) > _MOST:
        kept.popitem(last=False)
