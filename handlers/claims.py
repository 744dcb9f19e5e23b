"""「收到」, 「+1」, 「R-12 办好了」: what somebody says about having done something. Pure.

Only a whole short message is such a word; a longer one, a question, a negation is not. What it
counts for is decided later, from the database.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from handlers.understanding import normalise
from storage.receipts import Awaited

#: A longer message says more than that.
_LONGEST: Final = 30


class Saying(Enum):
    """What is said."""

    GOT_IT = auto()  # 收到
    JOIN = auto()  # +1, 接龙
    LEAVE = auto()  # 退出接龙
    DONE = auto()  # 已报名
    UNDONE = auto()  # 还没办


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What somebody says, about which R-n (None: not said), and of what.

    `words` is empty where it is not said what was done: 「办好了」.
    """

    saying: Saying
    task: int | None = None
    words: str = ""
    #: Whose name stands before or behind it; whoever writes their own means themselves.
    name: str = ""


_NUMBER = re.compile(r"[Rr]\s*[-－—_]?\s*(\d{1,9})(?!\d)")
_EDGES = " \t\n,，。.!！~～、;；:：…·"
_EMOJI = re.compile(
    r"[\[【][\u4e00-\u9fffA-Za-z]{1,4}[\]】]|[\U0001F300-\U0001FAFF\u2600-\u27BF\uFE0F]"
)
_NAME = r"(?:(?P<name>[\u4e00-\u9fff·]{2,8})[\s,，:：]*)?"
_THANKS = r"[\s,，]*(?:谢谢|感谢|辛苦|好的|多谢)?(?:老师|助手|您|了|啦)*"
_POLITE = r"(?:好的?|嗯+|ok|OK|行|是|老师|王?老师好|老师好)?[\s,，]*"
_GOT_IT = re.compile(
    rf"{_POLITE}(?:(?:已|都)?(?:收到|阅读?|读|知悉|知晓)|知道)(?:\s*收到)*(?:了|啦|哈|咯)*{_THANKS}"
    r"(?:[\s,，]+(?P<name>[\u4e00-\u9fff·]{2,8}))?"
)
_NAMED_GOT_IT = re.compile(rf"{_NAME}(?:已)?收到(?:了|啦)?{_THANKS}")
_JOIN = re.compile(
    r"(?:接龙|接|\+\s*1|1|我?(?:要|也)?(?:参加|报名|去)|加我一个|算我一个|\d{1,3}\s*[.、,，)）]?\s*(?P<name>[\u4e00-\u9fff·]{2,8}))"
)
_LEAVE = re.compile(
    r"(?:(?:我)?(?:退出|取消)(?:接龙|报名)?|-\s*1|(?:我)?不(?:参加|去|报)(?:了|啦))"
)
_VERBS = (
    r"报名|报考|报上|缴费|缴清|缴|交费|交清|交|付款|付|办理|办|注册|选课|选|打印|打|领取|领|提交|上传|"
    r"拍照|拍|采集|完成|做|弄|搞|预约|填写|填|申请|下载|核对|确认|处理|学|看|考|订购|订"
)
_DONE = re.compile(
    rf"(?:1[\s,，、.]*)?(?:我(?:的)?)?(?P<before>[\u4e00-\u9fffA-Za-z]{{0,10}}?)"
    rf"(?P<mark>已经?|都|早就?|刚刚?)?[\s]*(?P<verb>{_VERBS})(?P<end>好|完|过|成功|妥|定)?"
    r"(?P<le>了)?[\s,，:：]*(?P<behind>[\u4e00-\u9fffA-Za-z]{0,8}?)(?P<last>了|啦)?"
    r"(?:[\s,，]*(?:谢谢)?老师)?"
)
_NUMBER_ALONE = re.compile(r"(?:1|好了|可以了|ok|OK|搞定了?|√|✓)")
_UNDONE = re.compile(
    rf"(?:其实|我|那个)?(?:还没有?|没有?|还未|未)(?P<before>[\u4e00-\u9fff]{{0,6}}?)(?:{_VERBS})"
    r"(?:好|完|过|成功|上)?(?P<behind>[\u4e00-\u9fff]{0,6}?)(?:呢|呀|啊|哦)?"
)
_MISTAKE = re.compile(r"(?:我|刚才|刚刚|不好意思|对不起|[,，\s])*(?:点|按|发|说|搞|弄|回)错了?")
#: Whoever asks, doubts or speaks of others says nothing of the kind.
_OTHERWISE = re.compile(
    r"[?？]|没|未|不|吗|么|嘛|怎|哪|多少|什么|啥|几|谁|能|可以|才|之后|以后|如果|要是|的话|时候|失败"
    r"|[一二两三四五六七八九十\d]+(?:次|遍|天|个|小时|份|门|章|分)|为何|还[要在是有]|要|(?<!申)请|帮|大家|你|您|他|她|吧|等|快|再|错|投诉|退"
)

#: Words for the same matter: who says one of them means a task that is called by another.
_FAMILIES: tuple[tuple[str, ...], ...] = (
    ("考试报名", "报考", "报名"),
    ("缴费", "交费", "学费", "缴", "付款", "补考费"),
    ("课程注册", "选课", "注册"),
    ("形考", "形成性", "作业", "终考"),
    ("准考证",),
    ("教材", "领书", "课本"),
    ("图像采集", "照相", "拍照", "采集"),
    ("毕业申请", "毕业"),
    ("学位申请", "学位"),
    ("论文", "选题", "答辩"),
    ("免修", "免考"),
    ("问卷", "调查"),
    ("平台", "学习"),
)


def read(text: str) -> Claim | None:
    """What a message says about having done something, if that is all it says."""
    bare = _EMOJI.sub("", normalise(text)).strip(_EDGES)
    if not bare or len(bare) > _LONGEST:
        return None
    number = None
    if found := _NUMBER.search(bare):
        number = int(found[1])
        bare = (bare[: found.start()] + " " + bare[found.end() :]).strip(_EDGES)
        if _NUMBER.search(bare):
            return None
    bare = bare.replace("的回执", "").removesuffix("回执").strip(_EDGES) if number else bare
    if match := _GOT_IT.fullmatch(bare) or _NAMED_GOT_IT.fullmatch(bare):
        return Claim(Saying.GOT_IT, number, name=match["name"] or "")
    if not bare.startswith(("报名", "接")) and (claim := _done(bare, number)) is not None:
        return claim
    if match := _JOIN.fullmatch(bare):
        if number is not None and bare == "1":
            return Claim(Saying.DONE, number)
        return Claim(Saying.JOIN, number, bare, name=match["name"] or "")
    if _LEAVE.fullmatch(bare):
        return Claim(Saying.LEAVE, number)
    if _MISTAKE.fullmatch(bare):
        return Claim(Saying.UNDONE, number)
    if match := _UNDONE.fullmatch(bare):
        return Claim(Saying.UNDONE, number, bare)
    if number is not None and _NUMBER_ALONE.fullmatch(bare):
        return Claim(Saying.DONE, number)
    return _done(bare, number)


def _done(bare: str, number: int | None) -> Claim | None:
    if _OTHERWISE.search(bare):
        return None
    match = _DONE.fullmatch(bare)
    if match is None:
        return None
    is_said = any(match[part] for part in ("mark", "end", "le", "last")) or "已" in bare
    # 「报名」 alone says nothing, 「1 报名」 answers what was asked.
    if not is_said and bare[0] != "1" and number is None:
        return None
    words = bare.lstrip("1 ,，、.")
    if number is None and match["verb"] in ("看", "学", "考", "去") and not names_matter(words):
        return None
    is_bare = not match["before"] and not match["behind"]
    return Claim(Saying.DONE, number, "" if is_bare and not names_matter(words) else words)


def is_awaited(text: str, awaited: Collection[Awaited]) -> bool:
    """Whether a message may be an answer that a group is listened to for."""
    if not awaited or (claim := read(text)) is None:
        return False
    match claim.saying:
        case Saying.GOT_IT:
            return Awaited.RECEIPT in awaited or Awaited.ROLL in awaited
        case Saying.JOIN:
            return Awaited.ROLL in awaited or Awaited.DONE in awaited
        case Saying.LEAVE:
            return Awaited.ROLL in awaited
    return True


def names_matter(words: str) -> bool:
    """Whether the words say what was done, not only that something was: 「报名」, not 「交」."""
    return any(word in words for family in _FAMILIES for word in family)


def fits(words: str, title: str) -> bool:
    """Whether a claim's words may mean the task of this title."""
    for family in _FAMILIES:
        said = [word for word in family if word in words]
        if said and any(word in title for word in family):
            return True
    # A title of the tutor's own: 「班费」 in 「班费交了」.
    return any(title[i : i + 2] in words for i in range(len(title) - 1)) and len(title) >= 2


def numbers_in(text: str) -> tuple[int, ...]:
    """Every R-n that a text of ours speaks of, in order."""
    found = re.findall(r"\bR-(\d{1,9})(?!\d)", text)
    return tuple(dict.fromkeys(int(number) for number in found))
