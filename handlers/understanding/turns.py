"""Messages and turns are not the same: several questions in one, one in several, and follow-ups.

Pure functions over one text; what was said before is the caller's to remember.
"""

import re
from collections.abc import Iterator

from handlers.understanding.lexicon import MATTER_WORDS
from handlers.understanding.normalise import normalise

#: One message is answered with at most so many questions; what is beyond stays with the last.
MOST_QUESTIONS = 4

_LONGEST_FOLLOW_UP = 14
_LONGEST_FRAGMENT = 16
#: A short question and whatever politeness comes before it.
_LONGEST_OPENED = 30

_OPENER = (
    r"(?:@\S+ ?|(?:各位|亲爱的)?(?:老师|班主任|导员|班长|学长|同学|亲)们?|您好|你好|大家好|哈[喽罗]|在吗|在不在|在么|有人吗|有人没"
    r"|打扰(?:一下|下|您)?了?|不好意思|麻烦(?:您|你)?(?:问|请问)?(?:一下|下)?了?|请问(?:一下|下|您)?|请教(?:一下|下|您)?(?:个|一个)?(?:问题|事)?"
    r"|(?:我|俺)?(?:就|就是)?(?:想|要)?(?:问|咨询|打听)(?:您|你)?(?:一下|下|问)?子?(?:个|一个|点|件)?(?:问题|事儿?)?"
    r"|(?:我|俺)?有(?:个|点|件)(?:问题|事儿?|情况)(?:想|要)?(?:问|说|咨询|请教)?(?:您|一下|下)?"
    r"|那个|就是|是这样的?|我这边|那啥|内个|嗯|额|呃|喂|诶|哎|啊|呀|哈|[\s,。、!~.…:;]+)"
)
_ONLY_OPENERS = re.compile(rf"{_OPENER}+")
_ONLY_A_CALL = re.compile(
    rf"(?:{_OPENER}|[您你])*?(?:在[吗么嘛]|在不在|在不|在(?=\?)|有人[吗没么]|有没有人)(?:{_OPENER}|\?)*"
)
_INTERJECTIONS = re.compile(r"[嗯额呃喂诶哎啊呀哈\W_]+")
_LEADING_OPENERS = re.compile(rf"(?:{_OPENER})+")
_GOES_ON = re.compile(
    r"(?:因为|但是|可是|不过|然后|就是|如果|比如|所以|而且|还有|以及|就是说|我想|想问|想问一下|我要|我的|那个|这个|关于|和|跟|或者|[,、:…]|\.\.)$"
)
_ABOUT = re.compile(
    r"(?:关于|就是|那个|这个|我|俺|咱们?|我们|的|这学期|上学期|本学期)*(?P<matter>.{1,6}?)(?:的(?:事儿?|问题|情况)|这块儿?|方面)?"
)

_ASKING = re.compile(
    r"\?|吗|嘛|啥|咋|哪|谁|几[号点时月天门次个分科遍本年回张页楼]|多少|多[久大长钱]|怎么|怎样|如何|什么|为何|是不是|能不能|可不可以|可以不|用不用"
    r"|要不要|有没有|行不|会不会|该不该|算不算|是否|能否|好不好|够不够|来不来得及|对不对|给不给|让不让|(\w)[不没]\1"
    r"|(?:[不没么否]|没有)[啊呀呢哈]?$|呢$"
)
_BARE_ASK = re.compile(
    r"(?:那|这|到底|我)?(?:该|要|得)?(?:咋办|咋整|咋弄|怎么办|怎么弄|怎么整|行吗|行不行?|可以吗|对吗|是吗|对吧|是吧|能行吗|为啥|为什么|咋回事|怎么回事"
    r"|啥情况|什么情况|啥意思|什么意思|有人知道吗|谁知道|知道吗|在吗|有人吗|好吗)[啊呀呢?]*"
)
_GOES_WITH_BEFORE = re.compile(r"(?:还是|或者|要不(?!要)|是不是|否则|不然|我怕|我担心|因为)")

_BREAKS = re.compile(
    r"[?\uff1f;\uff1b。!\uff01\n]+"
    r"|(?:(?<=^)|(?<=[\s,\uff0c。;\uff1b?\uff1f]))(?:\d{1,2}[.、)\uff09\uff0e](?!\d)|[\(\uff08]\d{1,2}[\)\uff09]|[①-⑩]|[一二三四五六][、.]|第[一二三四五六][,\uff0c、个]?)"
    r"|[\s,\uff0c、]*(?:还有就是|还有一个|还有个事|还有件事|还想问(?:一下|下)?|还有(?!没|多|几|啥|什么|谁|哪|吗|不|呢|机会|希望|救|戏|一次|两次|人)|另外(?!的|那)|顺便问?(?:一下|下)?|再问(?:一下|下|个)?|再有就是?|再一个|对了|其次|最后再?问?)[\s,\uff0c:\uff1a]*"
    r"|[\s,\uff0c]+"
)

_FOLLOWS = re.compile(
    r"(?:那|那么|那要是|要是|如果|万一|还有|还|然后|接着|接下来|完了|之后|后来|下一步|第[二三]步|另外|其他|其它|别的|剩下|我的|我那|我这|我也|俺|咱班|我们|也|都|必须|最晚|最早|具体|确定)"
    r".{0,12}(?:呢|吗|嘛|不|没|么|啥|咋|哪|谁|几|多少|多久|怎么|什么|啊|呀|办|整|\?)"
    r"|.{0,6}(?:呢|吗|不)\??"
    r"|.{0,4}(?:几号|几点|哪天|几天|啥时候|什么时候|多久|多少钱?|多钱|在哪|去哪|上哪|点哪|哪个|找谁|谁管|咋办|咋弄|咋整|怎么办|怎么弄|为啥|为什么|带啥|带什么|啥意思|什么意思|啥材料|什么材料|来得及|赶趟)"
    r".{0,3}"
    r"|(?:还是|还|试了|试过了?|也|都)[ ,]?(?:是)?(?:不行|不好使|不对|没有|那样|没找[到着]|打不开|进不去|没反应|不会).{0,2}"
    r"|(?:没找[到着]|找不[到着]|没看懂|不懂|不会|没有啊).{0,2}"
    r"|.{1,6}(?:可以|行|能行|能弄|能办|能改|能补)(?:吗|不|么|不行)"
)
_SETTLED = re.compile(
    r"谢|知道了|明白|懂了|收到|好的|好吧|好嘞|行吧|那行$|妥|没事|解决了|哈哈|嘿嘿|吃|喝|睡|醒|下班|加班|下雨|下雪|孩子|天气|辛苦|你们?(?:呢|吗)"
)


def names_a_matter(text: str) -> bool:
    """Whether a normalised text names something of study: an examination, a book, a fee."""
    return any(word in text for word in MATTER_WORDS)


def is_follow_up(text: str) -> bool:
    """
    Whether a message asks on about what was said before: 「那什么时候截止啊」, 「还有呢」.

    Only its form is looked at: after small talk such a message is small talk.
    """
    return asks_on(normalise(text))


def asks_on(plain: str) -> bool:
    """What `is_follow_up` says, of a normalised text."""
    if len(plain) > _LONGEST_OPENED:
        return False
    rest = _without_openers(plain)
    if not 1 < len(rest) <= _LONGEST_FOLLOW_UP or _SETTLED.search(rest):
        return False
    return _FOLLOWS.fullmatch(rest) is not None


def is_fragment(text: str) -> bool:
    """
    Whether a message is probably the beginning of a question: 「老师」, 「那个考试」.

    What comes next from the same sender, within a minute, may be its rest.
    """
    plain = normalise(text)
    if not plain or len(plain) > _LONGEST_FRAGMENT:
        return False
    if _ONLY_OPENERS.fullmatch(plain):
        return _INTERJECTIONS.sub("", plain) != ""
    rest = _without_openers(plain)
    if not rest or _ASKING.search(rest):
        return False
    if _GOES_ON.search(rest):
        return True
    about = _ABOUT.fullmatch(rest)
    return about is not None and about["matter"] in MATTER_WORDS


def is_only_a_call(text: str) -> bool:
    """Whether somebody only asks if anybody is there: 「在吗」, 「老师在不在？」, 「有人吗」."""
    plain = normalise(text)
    return len(plain) <= _LONGEST_FRAGMENT and _ONLY_A_CALL.fullmatch(plain) is not None


def split_questions(text: str) -> tuple[str, ...]:
    """
    The questions of a message, in order, at most four; a message with one stays whole.

    Cut at punctuation, blanks, numbers and words like 「还有」. What asks nothing itself stays with
    the question it leads to, a mere 「咋办」 with the one before.
    """
    questions: list[str] = []
    waiting: list[str] = []
    for piece in _pieces(text):
        joins = bool(questions) and _stays_with_before(piece) and not waiting
        if joins:
            questions[-1] = f"{questions[-1]} {piece}"
        elif _asks(piece):
            questions.append(" ".join((*waiting, piece)))
            waiting = []
        else:
            waiting.append(piece)
    if len(questions) < 2:
        return (text.strip(),) if text.strip() else ()
    questions[-1] = " ".join((questions[-1], *waiting))
    kept, rest = questions[: MOST_QUESTIONS - 1], questions[MOST_QUESTIONS - 1 :]
    return (*kept, " ".join(rest)) if rest else tuple(kept)


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for match in _BREAKS.finditer(text):
        # The question mark says what the piece is and stays with it.
        mark = "?" if match[0][0] in "?\uff1f" else ""
        if piece := text[start : match.start()].strip():
            yield piece + mark
        start = match.end()
    if piece := text[start:].strip():
        yield piece


def _asks(piece: str) -> bool:
    rest = _without_openers(normalise(piece))
    return len(rest) > 1 and _ASKING.search(rest) is not None and not _BARE_ASK.fullmatch(rest)


def _stays_with_before(piece: str) -> bool:
    plain = _without_openers(normalise(piece))
    return bool(_BARE_ASK.fullmatch(plain) or _GOES_WITH_BEFORE.match(plain))


def _without_openers(plain: str) -> str:
    match = _LEADING_OPENERS.match(plain)
    return plain[match.end() :].strip() if match else plain.strip()
