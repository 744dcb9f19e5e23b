"""Messages typed without characters: 「kaoshi shenme shihou」 becomes 「考试什么时候」."""

import re
from functools import cache
from importlib import resources

#: A longer one is not typed by hand.
LONGEST = 200
_SHORTEST_SENTENCE = 3
#: A character by itself is less likely meant than a word of two.
_LONE_CHARACTER = 0.5
_SEPARATORS = re.compile(r"[\s']+")
_LETTERS = re.compile(r"[a-z]+")
_MAY_BE_PINYIN = re.compile(r"[A-Za-z0-9\s'?!,.:;()+-]*[A-Za-z]{2}[A-Za-z0-9\s'?!,.:;()+-]*\Z")


@cache
def _table() -> dict[str, tuple[str, float]]:
    """Pinyin without tones → its commonest word, and what taking that word costs."""
    text = resources.files(__package__).joinpath("pinyin.txt").read_text(encoding="utf-8")
    pairs = [line.split() for line in text.splitlines()]
    return {
        pinyin: (word, 1 + rank / len(pairs) + (_LONE_CHARACTER if len(word) == 1 else 0))
        for rank, (pinyin, word) in enumerate(pairs)
    }


@cache
def _longest_word() -> int:
    return max(map(len, _table()))


def from_pinyin(text: str) -> str:
    """
    `text` in characters if all of it is pinyin, else as it came.

    Only the commonest word of each sound is known, so what comes out is for comparing, not for
    showing.
    """
    if len(text) > LONGEST or not _MAY_BE_PINYIN.match(text):
        return text
    joined = _SEPARATORS.sub("", text.lower())
    words: list[str] = []

    def spelt_out(match: re.Match[str]) -> str:
        found = _words(match[0])
        words.extend(found or [""])
        return "".join(found or [])

    spelt = _LETTERS.sub(spelt_out, joined)
    is_whole = bool(words) and all(words)
    longer = [word for word in words if len(word) > 1]
    # "nice" and "change" can be read as syllables, too: one word must be a known one.
    if not is_whole or not longer:
        return text
    if len(words) > 1 and sum(map(len, words)) < _SHORTEST_SENTENCE:
        return text
    return spelt


def _words(letters: str) -> list[str] | None:
    """The fewest and commonest words that spell `letters`; None if there are none."""
    table, longest = _table(), _longest_word()
    best: list[tuple[float, int, str] | None] = [None] * (len(letters) + 1)
    best[0] = (0.0, 0, "")
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - longest), end):
            before, known = best[start], table.get(letters[start:end])
            if before is None or known is None:
                continue
            cost = before[0] + known[1]
            so_far = best[end]
            if so_far is None or cost < so_far[0]:
                best[end] = (cost, start, known[0])
    words: list[str] = []
    end = len(letters)
    while end:
        step = best[end]
        if step is None:
            return None
        words.append(step[2])
        end = step[1]
    return words[::-1]
