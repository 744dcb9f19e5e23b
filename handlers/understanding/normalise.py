"""One plain form for the many ways people type the same words."""

import re
import unicodedata
from functools import cache, lru_cache

from opencc import OpenCC

from handlers.understanding.pinyin import from_pinyin

# Not "//" or "--": addresses and file names are not excitement.
_REPEATED = re.compile(r"([!?,.~;]|[^\x00-\x7f\w\s])\1+|([哈呵嘿嘻呜啊嗯哦噢欸])\2{2,}")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?(?:\n ?)+")
_PLAIN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9 ,.?!:]*\Z")


# One message is looked at by several: whether it is a fragment, what it is, what it asks.
@lru_cache(maxsize=1024)
def normalise(text: str) -> str:
    """
    The text in half-width, simplified characters, without what the eye cannot see.

    Zero-width and direction marks, controls and lone surrogates are gone, blanks and line breaks
    are single, repeated punctuation and emoji are said once and laughter at most twice. A message
    all in pinyin is put in characters. Case is kept. Normalising twice changes nothing.
    """
    if not _PLAIN.match(text):
        # Twice: what is invisible can keep characters apart that belong together.
        text = _without_invisible(unicodedata.normalize("NFKC", _without_invisible(text)))
    text = from_pinyin(text) if text.isascii() else _to_simplified().convert(text)
    text = _REPEATED.sub(_said_once, text)
    text = _BLANKS.sub(" ", text)
    return _LINE_ENDS.sub("\n", text).strip()


@cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")


def _said_once(match: re.Match[str]) -> str:
    return match[1] or match[2] * 2


def _without_invisible(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable() and not "\ufe00" <= char <= "\ufe0f":
        # Skin tones say nothing about the matter.
        return "" if "\U0001f3fb" <= char <= "\U0001f3ff" else char
    if char == "\n" or unicodedata.category(char) in {"Zl", "Zp"}:
        return "\n"
    return " " if char == "\t" or unicodedata.category(char) == "Zs" else ""
