"""Whether two students ask the same, so that one answer does for both. Pure.

Rather no than a wrong yes: a question not joined costs the tutor a card, one joined wrongly gives
a student the answer to another's.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import rjieba

from handlers.faq import Entry, Knowledge
from handlers.understanding import understand
from handlers.understanding.rules import Private
from handlers.wording import fold
from storage.questions import HandOff
from storage.vocabulary import Topic

#: Below this an entry is not what was asked; the floor of an answer to somebody who asks the bot.
_SURE: Final = 0.75
#: 「那什么时候截止」 names nothing: it is about whatever was talked of before.
_NAMES_NOTHING = re.compile(
    "几时|截止|何处|咋办|咋|价钱|啥|能|吗|须|为何|谁负责|多久|开始|结束|没有|[了在是有要]"
)
_SHORTEST: Final = 2
#: About the asker alone, or about something only they can see.
_OWN = re.compile(
    r"我(?!们|想|就想|要问|问)|俺|本人|自己|这(?!学期|个学期|次|周|个?月|两天|几天|会儿|里)"
    r"|那(?:门|科|道|张|条|本)"
)


def find_alike(
    text: str, topic: Topic, others: Iterable[HandOff], knowledge: Knowledge
) -> list[HandOff]:
    """Those of `others` that ask what `text` asks."""
    if not is_for_everybody(text):
        return []
    folded = fold(text)
    entry = _entry_of(text, topic, knowledge)
    return [
        other
        for other in others
        if is_for_everybody(other.text)
        and (fold(other.text) == folded or _is_of(entry, other, knowledge))
    ]


def are_alike(one: str, other: str, knowledge: Knowledge) -> bool:
    """Whether the two texts ask the same and an answer to one is an answer to the other."""
    if not (is_for_everybody(one) and is_for_everybody(other)):
        return False
    entry = _entry_of(one, understand(one).topic, knowledge)
    return fold(one) == fold(other) or (
        entry is not None and entry is _entry_of(other, understand(other).topic, knowledge)
    )


def is_for_everybody(text: str) -> bool:
    """Whether an answer to a question could do for anybody else at all."""
    return (
        len(_NAMES_NOTHING.sub("", fold(text))) >= _SHORTEST
        and _OWN.search(text) is None
        and not any(private in text for private in Private)
    )


def _is_of(entry: Entry | None, other: HandOff, knowledge: Knowledge) -> bool:
    if entry is None or not _says_no_more(other.text, entry):
        return False
    return _entry_of(other.text, other.topic, knowledge) is entry


def _entry_of(text: str, topic: Topic, knowledge: Knowledge) -> Entry | None:
    """The entry that surely is what was asked, where not a word goes beyond its phrasings."""
    matches = knowledge.search(text, topic=topic)
    if not matches or matches[0].confidence < _SURE:
        return None
    entry = matches[0].entry
    return entry if not entry.is_personal and _says_no_more(text, entry) else None


def _says_no_more(text: str, entry: Entry) -> bool:
    """「高数考试几号」 says more than 「考试几号」: another course may have another day."""
    return set(rjieba.cut(fold(text))) <= _words((entry.question, *entry.variants))


@lru_cache(maxsize=512)
def _words(phrasings: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for text in phrasings for word in rjieba.cut(fold(text)))
