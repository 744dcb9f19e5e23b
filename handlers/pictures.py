"""What a screenshot is about: the lines that say what went wrong, out of all that stand on it."""

import re
from collections.abc import Sequence
from typing import Final

from handlers.attention import understanding_of
from handlers.understanding import Understanding
from storage.vocabulary import Label, Topic

_TROUBLE = re.compile(
    "错误|失败|异常|无法|不能|不可|未|没有|暂|不存在|不正确|不匹配|不合格|不通过|截止|过期|失效|超时|繁忙|锁定|冻结|关闭|重复|超出|限制|驳回|退回|被退|有误"
)
#: Small print that stands on every page.
_FURNITURE = re.compile(
    r"忘记密码|版权|备案|ICP|Copyright|技术支持|没有账号|暂不|^\d{1,2}:\d{2}$", re.I
)
_CLAUSE = re.compile(r"[，,。；;！!]")
_SHORTEST: Final = 4
_MOST_LINES: Final = 2
_LONGEST_LINE: Final = 40


def gist(lines: Sequence[str]) -> tuple[str, ...]:
    """The words to look up: those that tell of trouble, else the first, which name the page."""
    worth = [line for line in lines if len(line) >= _SHORTEST and not _FURNITURE.search(line)]
    clauses = dict.fromkeys(part for line in worth for part in _troubles(line))
    # The longest tell most; in the order in which they stand.
    chosen = sorted(clauses, key=len, reverse=True)[:_MOST_LINES]
    found = tuple(part for part in clauses if part in chosen)
    return found or tuple(line[:_LONGEST_LINE] for line in worth[:_MOST_LINES])


def _troubles(line: str) -> list[str]:
    """Not what to do about it: 「请联系任课教师」 is about no teacher."""
    parts = (part.strip() for part in _CLAUSE.split(line))
    return [p[:_LONGEST_LINE] for p in parts if _TROUBLE.search(p) and not p.startswith("请")]


def understood(text: str, lines: Sequence[str]) -> Understanding:
    """A question about what is seen; its topic by the words, else by the picture."""
    about = (understanding_of(part) for part in (text, " ".join(gist(lines)), " ".join(lines)))
    topics = ((it.topic, it.topic_confidence) for it in about)
    topic, confidence = next(
        (found for found in topics if found[0] not in (Topic.NONE, Topic.OTHER)), (Topic.OTHER, 0.0)
    )
    return Understanding(Label.QUESTION, topic, 1.0, confidence)
