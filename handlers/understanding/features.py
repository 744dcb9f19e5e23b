"""What the model sees of a message: its character sequences and a few marks worth naming."""

import re
from collections.abc import Iterator

from handlers.understanding.lexicon import MARKED_WORDS, MATTER_WORDS

#: Counted up when features, or what `normalise` does before them, change: a model knows only the
#: names it was trained with.
FEATURES_VERSION = 2

#: Longer texts are judged by their beginning; nobody asks after four hundred characters.
LONGEST_JUDGED = 400

#: Characters no message can contain here, so that marks never meet sequences.
MARK = "\x01"
_START, _END = "\x02", "\x03"

_DIGITS = re.compile(r"\d+")
_PAUSES = re.compile(r"[\s,。、;:~.…“”\"'()\-—_·]+")
_QUESTION_END = re.compile(
    r"(?:[?吗嘛呢么没否]|[不没]呀?|是吧|对吧|[不没]啊|呗|几[号点天门次分]|多少钱?|啥|哪|咋[整办弄]|来着|怎么[办弄整]?)[ ?!]*$"
)
_ASKS = re.compile(
    r"吗|啥|咋|哪|谁|几[号点时月天门次个分科遍]|多少|多久|多大|多长|怎么|怎样|如何|什么|为何|为什么|是不是|能不能|可不可以|用不用|要不要|有没有"
    r"|行不行|会不会|让不让|该不该|算不算|请问|问一下|问下|问问|求|想知道|是否|能否|麻烦"
)
_TO_ALL = re.compile(
    r"同学们|各位|大家|请未|所有人|全体|全班|通知|提醒|务必|为荷|特此|请于|请在|请及时"
)
_TIME = re.compile(r"\d+ ?(?:月|日|号|点|时|:|：|年)")


def features(text: str) -> set[str]:
    """Everything about a normalised text that the model may have learnt a weight for."""
    text = text[:LONGEST_JUDGED].lower()
    plain = _PAUSES.sub(" ", _DIGITS.sub(_digits, text)).strip()
    bounded = f"{_START}{plain}{_END}"
    found = {*bounded}
    for length in (2, 3, 4):
        found.update([bounded[i : i + length] for i in range(len(bounded) - length + 1)])
    words = found & MARKED_WORDS.keys()
    if words:
        found.update(MARK + group for word in words for group in MARKED_WORDS[word])
        found.update(_first_matter(words, bounded))
    found.update(_shape(text, plain))
    return found


def _first_matter(words: set[str], text: str) -> Iterator[str]:
    """Of several questions in one message, the first decides its topic."""
    places = [(text.find(word), -len(word), word) for word in words & MATTER_WORDS]
    if places:
        first = min(places)[2]
        yield from (f"{MARK}first {group}" for group in MARKED_WORDS[first])


def _digits(match: re.Match[str]) -> str:
    return "0" if len(match[0]) < 3 else "00"


def _shape(text: str, plain: str) -> list[str]:
    marks = [f"{MARK}length{_length_bucket(len(plain))}"]
    if _ASKS.search(text):
        marks.append(MARK + "asks")
    if _QUESTION_END.search(text):
        marks.append(MARK + "asks at the end")
    if "?" in text:
        marks.append(MARK + "?")
    if _TO_ALL.search(text):
        marks.append(MARK + "to all")
    if _TIME.search(text):
        marks.append(MARK + "time")
    if text.endswith(("。", ".")):
        marks.append(MARK + "full stop")
    if text.count(",") + text.count("。") + text.count(":") > 1:
        marks.append(MARK + "punctuated")
    if "\n" in text:
        marks.append(MARK + "lines")
    if "!" in text:
        marks.append(MARK + "!")
    if "我" in text or "俺" in text:
        marks.append(MARK + "first person")
    if "你" in text:
        marks.append(MARK + "second person")
    if any("a" <= char <= "z" for char in text):
        marks.append(MARK + "latin")
    return marks


def _length_bucket(length: int) -> int:
    return min(length.bit_length(), 7)
