"""How words sound: the table `pinyin.txt` and typing by ear. For training only, needs pypinyin."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pypinyin import lazy_pinyin

_HAN = re.compile(r"[\u4e00-\u9fff]+")
_LONGEST_WORD = 4
_SEEN_AT_LEAST = 4
_WORDS_KEPT = 6000
_HOMOPHONES_KEPT = 5


def pinyin_table(texts: Iterable[str], lexicon: Iterable[str]) -> str:
    """Lines 「pinyin word」, the commonest first: sequences seen often, and words of the trade."""
    counts: Counter[str] = Counter()
    for text in texts:
        for run in _HAN.findall(text):
            for length in range(1, _LONGEST_WORD + 1):
                counts.update(run[i : i + length] for i in range(len(run) - length + 1))
    trade = {word for word in lexicon if _HAN.fullmatch(word) and len(word) > 1}
    for word in trade:
        counts[word] += _SEEN_AT_LEAST
    frequent = [
        (count * len(word) ** 2, word)
        for word, count in counts.items()
        if count >= _SEEN_AT_LEAST or len(word) == 1
    ]
    best: dict[str, str] = {}
    for _, word in sorted(frequent, key=lambda pair: (-pair[0], pair[1])):
        best.setdefault("".join(lazy_pinyin(word, v_to_u=False)), word)
    return "".join(f"{pinyin} {word}\n" for pinyin, word in list(best.items())[:_WORDS_KEPT])


def homophones(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """For each character of `texts`, the common others that sound the same."""
    counts = Counter(char for text in texts for char in text if _HAN.fullmatch(char))
    by_sound: dict[str, list[str]] = defaultdict(list)
    for char, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        by_sound[lazy_pinyin(char)[0]].append(char)
    return {
        char: [other for other in chars if other != char][:_HOMOPHONES_KEPT]
        for chars in by_sound.values()
        for char in chars
        if len(chars) > 1
    }


def misheard(text: str, others: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """The text with one character typed as another of the same sound."""
    places = [place for place, char in enumerate(text) if char in others]
    if not places:
        return text
    place = rng.choice(places)
    return text[:place] + rng.choice(others[text[place]]) + text[place + 1 :]
