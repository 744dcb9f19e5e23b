"""The regulation the tutors work under, article by article, as it was printed. Pure.

`regulation.txt` is the document as received, with its slips of the copyist; they are shown as
such, never put right in silence.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

NUMBER = "辽开大字〔2023〕138号"
COUNT = 26
#: Entries of the knowledge that speak of the regulation itself begin with this.
KEY = "regulation."

_DIGITS = "一二三四五六七八九"
_HEADING = re.compile(r"^第([一二三四五六七八九十]+)条\s*(.*)$")
_CHAPTER = re.compile(r"^第[一二三四五六七八九十]+章\s")
#: Not part of the words: how the copy writes "at most 200 to 1".
_FORMULA = {r" $\leq 200:1$ ": "不超过200:1"}
#: Where the copy is damaged: what stands there.
SLIPS = ("管理和服。", "workflows")

_ASKED = re.compile(r"第\s*([一二三四五六七八九十]{1,3}|\d{1,2})\s*条")
_REGULATION = re.compile(r"助学教师管理|管理办法|138\s*号|办法|规定|文件|条款|条文")
_CONTENT = re.compile(
    r"写(的|了)?(是)?(啥|什么)|内容|原文|说(的|了)?(是)?(啥|什么)|讲(的|了)?(是)?(啥|什么)|是(啥|什么)"
)
_MEANING = re.compile(
    r"(怎么|咋|如何)(理解|解释|算)|算不算|算(违反|违规)|是不是(指|说)|什么意思|啥意思|"
    r"(包不包括|是否包括|是否算)|指的是(啥|什么|谁)"
)


def chinese(number: int) -> str:
    """1–99 as it is counted: 十, 二十六."""
    tens, ones = divmod(number, 10)
    lead = "" if tens == 0 else "十" if tens == 1 else _DIGITS[tens - 1] + "十"
    return lead + (_DIGITS[ones - 1] if ones else "")


def name(number: int) -> str:
    """第五条."""
    return f"第{chinese(number)}条"


@cache
def articles() -> Mapping[str, str]:
    """「第五条」 → its text, one line a paragraph.

    Raises:
        ValueError: an article is missing or out of order; the file is not the document.
    """
    text = Path(__file__).with_name("regulation.txt").read_text("utf-8")
    for formula, words in _FORMULA.items():
        text = text.replace(formula, words)
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in (raw.strip() for raw in text.splitlines()):
        heading = _HEADING.match(line)
        if heading:
            current = found.setdefault(f"第{heading[1]}条", [])
            line = heading[2]
        elif _CHAPTER.match(line):
            current = None
        if current is not None and line:
            _append(current, line)
    if list(found) != [name(number) for number in range(1, COUNT + 1)]:
        raise ValueError(f"regulation.txt: articles {list(found)}")
    return {title: "\n".join(lines) for title, lines in found.items()}


def _append(lines: list[str], line: str) -> None:
    """A page break in the middle of a sentence is no new paragraph."""
    if lines and not lines[-1].endswith(("。", "；", "：")):
        lines[-1] += line
    else:
        lines.append(line)


def quoted(article: str) -> str:
    """The whole article as printed, damaged places marked as such."""
    text = articles()[article]
    for slip in SLIPS:
        text = text.replace(
            slip, f"{slip.rstrip('。')}（原文如此）{'。' if slip.endswith('。') else ''}"
        )
    return text


def article_asked(text: str) -> str | None:
    """「第13条写的啥」 → 「第十三条」: an article of the regulation asked for by its number."""
    found = _ASKED.search(text)
    if not found or not (_REGULATION.search(text) or asks_meaning(text) or _CONTENT.search(text)):
        return None
    number = found[1]
    title = name(int(number)) if number.isdigit() and int(number) else f"第{number}条"
    return title if title in articles() else None


def asks_meaning(text: str) -> bool:
    """Whether somebody wants a rule interpreted, which no program may do."""
    return _MEANING.search(text) is not None
