"""
The words a reminder is ordered in: 「下周三」「晚8点」「每月5号」「没报名的」. Pure; decides nothing.

`scan` cuts a text into pieces, at each place the longest there is; what no word accounts for stays
an `UNKNOWN` piece, so that nothing of a sentence is ever passed over in silence.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Kind(StrEnum):
    """What a piece says."""

    UNKNOWN = "unknown"
    FILLER = "filler"  # 请 帮我 ，
    REFUSED = "refused"  # value: the name of a refusal in `texts_sentences`
    VAGUE = "vague"  # value: what to ask; text: the words
    DAY = "day"  # value: days from today
    WEEKDAY = "weekday"  # value: (weeks from this one or None, 0 Monday … 6)
    WEEK_SPAN = "week_span"  # 周一至周五; value: weekdays
    DATE = "date"  # value: (year, year from this one, month or None, day, months from this one)
    MONTH_END = "month_end"  # value: (month or None, months from this one)
    LATER_DAYS = "later_days"  # value: (days, months)
    LATER_MINUTES = "later_minutes"
    CLOCK = "clock"  # value: Clock
    DOTTED = "dotted"  # 12.5 or 8.30; value: both numbers and whether the last has two digits
    PART = "part"  # 晚上, with no hour
    EVERY = "every"  # value: Every
    FROM = "from"
    START = "start"
    TO = "to"
    END = "end"
    HOLIDAYS = "holidays"  # value: the name of a `Workdays`, or 「ask」
    ANCHOR = "anchor"  # value: AnchorWords
    UNTIL = "until"  # 到考试报名截止; value: AnchorWords
    EVERYBODY = "everybody"
    MYSELF = "myself"
    FOR_ME = "for_me"  # 给我; another audience wins
    UNDONE = "undone"  # value: what they have not done
    OTHERS = "others"  # an audience that cannot be reached


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text and what it says."""

    kind: Kind
    text: str
    start: int
    end: int
    value: Any = None


@dataclass(frozen=True, slots=True)
class Clock:
    """An hour as it was written; `part` is 「早上」, `padded` is 「08:30」."""

    hour: int
    minute: int
    part: str = ""
    padded: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    """A recurrence: the parts of an RRULE. `ask` names what is not clear in it."""

    freq: str
    interval: int = 1
    by: str = ""
    only_workdays: bool = False
    ask: str = ""


@dataclass(frozen=True, slots=True)
class AnchorWords:
    """「考试报名截止前三天」: the matter, the side of it if named, and how far from it."""

    matter: str
    side: str = ""  # 「start」, 「end」 or not said
    days: int = 0
    minutes: int | None = None


_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"廿": 20, "卅": 30}
N = r"(?:\d+|[零〇一二两三四五六七八九十百廿卅]+)"


def number(text: str) -> int:
    """「12」「十二」「二十」「二〇二六」 → the number; -1 for what is none, 「十十」."""
    if text.isdecimal():
        return int(text[:9])
    if all(char in _DIGITS for char in text):
        if len(text) == 2 and text[0] not in "零〇":
            return -1  # 「三五」 is three or five
        return int("".join(str(_DIGITS[char]) for char in text)[:9])
    match = re.fullmatch(
        r"(?:([一二两三四五六七八九])百零?)?(?:(廿|卅)|([一二三四五六七八九]?)(十))?"
        r"([一二三四五六七八九])?",
        text,
    )
    if match is None:
        return -1
    tens = _TENS.get(match[2] or "", 10 * _DIGITS.get(match[3] or "一", 1) if match[4] else 0)
    return 100 * _DIGITS.get(match[1] or "零", 0) + tens + _DIGITS.get(match[5] or "零", 0)


# -- matters --------------------------------------------------------------------------------------

_MATTERS = """
期末考试=期末考 终考 期考 终结性考试 考试
考试报名=报考 考试报考 报名考试 报名
缴费=交费 缴学费 交学费 交钱 缴钱 学费 续费
形考=形成性考核 形考作业 形考任务 平时作业 网上作业 作业
课程注册=选课 注册课程
图像采集=图象采集 学历照 毕业照 拍照 照片
教材=课本 领书
论文答辩=答辩
论文=毕业论文
准考证=准考单
成绩=分数
"""
CANONICAL: dict[str, str] = {}
for _line in _MATTERS.split("\n"):
    _name, _, _others = _line.partition("=")
    CANONICAL |= dict.fromkeys([_name, *_others.split()], _name) if _name else {}
#: Matters that take place, so that 「前三天」 is before they begin; of the others it is open.
HAPPENS = re.compile(r"考试$|考$|答辩|典礼|会$|面授|讲座|直播|活动")


def matters_in(text: str, known: Iterable[str]) -> list[str]:
    """The matters a text names, by the calendar's name or the usual one, in their order."""
    pattern = _matter_pattern(frozenset(known))
    names = [CANONICAL.get(match[0], match[0]) for match in re.finditer(pattern, text)]
    return list(dict.fromkeys(names))


def known_as(word: str, known: Iterable[str]) -> list[str]:
    """Which of the calendar's matters a word may mean: 「报名」 is every 报名 there is."""
    usual = CANONICAL.get(word, word)
    if word in known and word == usual:
        return [word]
    return [
        name
        for name in sorted(known)
        if (CANONICAL[name] == usual if name in CANONICAL else word in name)
    ]


@lru_cache(maxsize=64)
def _matter_pattern(known: frozenset[str]) -> str:
    words = sorted({*CANONICAL, *filter(None, known)}, key=lambda word: (-len(word), word))
    return "|".join(map(re.escape, words))


# -- grammar --------------------------------------------------------------------------------------

_WEEK = "(?:周|星期|礼拜)"
_HAN_DAYS = "一二三四五六日"
_LIST = r"(?:[、,和及与]|以及)"
_DAYS = (
    rf"(?P<days>[一二三四五六日天](?:到|至|-|~){_WEEK}?[一二三四五六日天]"
    rf"|[一二三四五六日天](?:{_LIST}?(?:每?{_WEEK})?[一二三四五六日天](?![点时月号:]))*"
    r"|[1-7](?:到|至|-|~)[1-7](?![\d点时:.])"
    rf"|[1-7](?:{_LIST}(?:{_WEEK})?[1-7])*(?![\d点时:.]))"
)
_PARTS = (
    "凌晨|清晨|大清早|清早|一大早|大早上|早晨|早上|早|上午|正午|中午|下午|午后|傍晚|"
    "晚上|晚间|晚|夜里|夜晚|夜间|半夜|深夜|午夜"
)
_PEOPLE = "(?:同学|学生|学员|人员|人|成员)们?"
_UNITS = {"周": 7, "星期": 7, "礼拜": 7, "天": 1, "日": 1}

Read = Callable[[re.Match[str]], tuple[Kind, Any]]
_GRAMMAR: list[tuple[re.Pattern[str], Read]] = []


def _word(pattern: str) -> Callable[[Read], Read]:
    def add(read: Read) -> Read:
        _GRAMMAR.append((re.compile(pattern), read))
        return read

    return add


def _words(kind: Kind, pattern: str, value: Any = None) -> None:
    _GRAMMAR.append((re.compile(pattern), lambda _: (kind, value)))


_words(
    Kind.FILLER,
    r"[\s,。.!:;、()【】\[\]·?]|请|麻烦|劳驾|帮我|帮忙|替我|帮|您|你|小?助手|机器人|在群里|群里|在|于"
    r"|就|再|都|想要?|我(?:要|想)|需要|可以|可不可以|能不能|能|记得|务必|一定|到时候?|到点|的?时候|时|的"
    r"|和|及|嗯|呃|啊|吧|哈|各|一次|设置?(?:一?个)?|定(?:一?个)?|建(?:一?个)?|加(?:一?个)?|闹钟|定时"
    r"|自动|准时|按时|按点|及时|给|向|对|让|统一|再次|也",
)
_words(Kind.FROM, "从|自")
_words(Kind.START, "起|开始")
_words(Kind.TO, r"(?:一直|直|持续)?(?:到|至)|截止(?:到|至|于)?|截至|-|~|—")
_words(Kind.END, "为止|止|结束|截止")
_words(
    Kind.REFUSED,
    rf"昨[天日晚早夜]|大?前[天晚](?!后)|上个?{_WEEK}[一二三四五六日天末1-7]?|上个?月|去年|前年",
    "past",
)
_words(
    Kind.REFUSED,
    r"农历|阴历|腊月|正月|冬月|[一二三四五六七八九十]月初[一二三四五六七八九十]|初[一二三四五六七八九十]"
    r"|大年|除夕",
    "lunar",
)
_words(
    Kind.REFUSED,
    rf"每隔?(?:{N}|半)?个?(?:半个?)?(?:秒钟?|分钟?|刻钟|小时|钟头)|每时每刻|每分每秒|时时刻刻|不停地?"
    rf"|{N}秒钟?(?:之|以)?后",
    "too_often",
)
_words(Kind.VAGUE, rf"(?:下+个?|[这本]个?){_WEEK}", "weekday")
_words(Kind.VAGUE, rf"(?:每个?|下+个?|[这本]个?)?{_WEEK}末", "weekend")
_words(Kind.VAGUE, r"(?:下+个?|[这本]个?)月|(?:明|今|后)年", "day")
_words(
    Kind.VAGUE,
    rf"过几天|改天|有空|回头|过段时间|年底|年末|(?:{N}|[这本下]个?|每个?)?月(?:初|中旬?|上旬|下旬)"
    r"|元旦|春节|清明节?|劳动节|五一|端午节?|中秋节?|国庆节?|十一黄金周",
    "day",
)
_words(Kind.VAGUE, "待会儿?|一会儿?|稍后|晚点|等下|马上|立刻|立即|现在|尽快", "hour")
_words(
    Kind.VAGUE, rf"每(?:逢|隔?{N}?个?){_WEEK}|隔{_WEEK}|[单双]{_WEEK}[一二三四五六日天]?", "weekly"
)
_words(Kind.VAGUE, "每个?月|每隔?[^ ]个?月|每年|每个?学期|每个?季度?末?|每次|每逢", "every")
_words(
    Kind.HOLIDAYS,
    r"(?:遇到?|逢|碰到?|如遇)?(?:法定)?(?:节假日|假期|放假)?(?:就?自动)?(?:往后)?顺延",
    "shift_on",
)
_words(
    Kind.HOLIDAYS,
    r"(?:遇到?|逢|碰到?|如遇)(?:法定)?(?:节假日|假期|放假)(?:就?自动)?(?:往前)?提前",
    "shift_back",
)
_words(
    Kind.HOLIDAYS,
    r"(?:法定)(?:节?假日|节日)(?:除外|不提醒|不发|不算|跳过)|除(?:了|去)?法定(?:节?假日|节日)(?:外|以外|之外)?",
    "skip",
)
_words(
    Kind.HOLIDAYS,
    r"(?:节假日|假期|假日|放假)(?:除外|不提醒|不发|不算|跳过)|(?:避开|跳过|除了?)(?:节假日|假期)(?:外|以外|之外)?",
    "ask",
)
_words(Kind.PART, _PARTS)
_words(
    Kind.EVERYBODY,
    rf"@?(?:全体|所有人|all)(?:成员|{_PEOPLE})?|全班(?:所有|全体)?(?:{_PEOPLE})?|大家伙?儿?|所有的?{_PEOPLE}"
    rf"|各位(?:{_PEOPLE})?|(?:本班|班里|班上|咱班|我们班)的?(?:{_PEOPLE}|所有人)|(?:同学|学员|学生)们"
    rf"|每个人|每[个位](?:{_PEOPLE})",
)
_words(Kind.MYSELF, "我自己|我本人|我(?!们|班|校|院|的)|自己|本人")
_words(Kind.FOR_ME, "给我(?!们|班|校|院|的)")
_words(
    Kind.OTHERS,
    rf"班委|班长|[小各]?组长|[一二三四五六七八九十\d]组|我们|咱们?|@[^\s,。:]+|专科生?|本科生?|家长|老师们?|男生|女生"
    rf"|部分(?:{_PEOPLE})?|个别(?:{_PEOPLE})?|新生|[^\s,。:的]{{0,8}}\d{{2,}}班的?(?:{_PEOPLE})?"
    rf"|(?:已经?|凡是已?)[^\s,。:的]{{1,8}}的?(?:{_PEOPLE})|[^\s,。:的]{{1,4}}[过了]的{_PEOPLE}"
    rf"|除了?[^\s,。:]{{1,8}}(?:以外|之外|外)的?{_PEOPLE}",
)


@_word(
    rf"(?:那些|所有|凡是|还|尚)*(?:没有?|未)(?:(?P<of>[^\s,。:;的]{{1,8}}?)(?:的|了的)"
    rf"(?:那些|全体|所有)?(?:{_PEOPLE})?|(?P<by>[^\s,。:;的]{{1,8}}?)(?:同学|学生|学员|人员|者)们?)"
)
def _undone(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.UNDONE, (match["of"] or match["by"]).removesuffix("完").removesuffix("了")


@_word("今天|今日|今儿|今(?=[早晚])|明天|明日|明儿|明(?=[早晚])|后天|大后天")
def _day(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.DAY, {"今": 0, "明": 1, "后": 2, "大": 3}[match[0][0]]


@_word(rf"(?P<near>这个?|本|下+个?)?{_WEEK}(?P<day>[一二三四五六日天]|[1-7](?![\d点时:.]))")
def _weekday(match: re.Match[str]) -> tuple[Kind, Any]:
    near = match["near"]
    weeks = None if near is None else near.count("下")
    return Kind.WEEKDAY, (weeks, weekday(match["day"]))


@_word(
    rf"{_WEEK}(?P<days>[一二三四五六日天1-7](?:到|至|-|~){_WEEK}?[一二三四五六日天1-7])(?![\d点时:.])"
)
def _week_span(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.WEEK_SPAN, weekdays(match["days"])


@_word(
    rf"(?P<year>(?:\d{{4}}|(?<!\d)\d{{2}}|[零〇一二三四五六七八九]{{4}})年|今年|明年|后年)?"
    rf"的?(?P<month>{N})月份?(?P<day>{N})(?:[日号](?!线)|(?![点时:\d]))"
)
def _date(match: re.Match[str]) -> tuple[Kind, Any]:
    said = match["year"] or ""
    near = {"今年": 0, "明年": 1, "后年": 2}.get(said)
    year = number(said[:-1]) if said and near is None else None
    if year is not None and year < 100:
        year += 2000
    return Kind.DATE, (year, near, number(match["month"]), number(match["day"]), None)


@_word(r"(?P<year>\d{4})(?P<by>[-./])(?P<month>\d{1,2})(?P=by)(?P<day>\d{1,2})[日号]?(?![\d.:点])")
def _iso_date(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.DATE, (int(match["year"]), None, int(match["month"]), int(match["day"]), None)


@_word(r"(?P<month>\d{1,2})[-/](?P<day>\d{1,2})[日号]?(?![\d/:-])")
def _short_date(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.DATE, (None, None, int(match["month"]), int(match["day"]), None)


@_word(rf"(?P<near>本月|这个?月|下+个?月)?的?(?P<day>{N})[号日](?![线楼])")
def _month_day(match: re.Match[str]) -> tuple[Kind, Any]:
    near = match["near"]
    months = None if near is None else near.count("下")
    return Kind.DATE, (None, None, None, number(match["day"]), months)


@_word(rf"(?:(?P<month>{N})|(?P<near>本|这个?|下+个?))?(?:月(?:底|末)|月的?最后一天)")
def _month_end(match: re.Match[str]) -> tuple[Kind, Any]:
    near = match["near"]
    return Kind.MONTH_END, (
        number(match["month"]) if match["month"] else None,
        near.count("下") if near else 0,
    )


@_word(r"(?P<a>\d{1,2})\.(?P<b>\d{1,2})(?![\d.%元分秒小天个])")
def _dotted(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.DOTTED, (int(match["a"]), int(match["b"]), len(match["b"]) == 2)


@_word(
    rf"(?:再?过|等)(?P<n>{N}|半)(?P<half>个半)?个?(?P<u>分钟|小时|钟头|天|{_WEEK}|月)(?:(?:之|以)?后)?"
)
@_word(rf"(?P<n>{N}|半)(?P<half>个半)?个?(?P<u>分钟|小时|钟头|天|日|{_WEEK}|月)(?:之|以)?后")
def _later(match: re.Match[str]) -> tuple[Kind, Any]:
    unit, halves = match["u"], 1 if match["n"] == "半" else 2 * number(match["n"])
    halves += 1 if match["half"] else 0
    if unit in ("小时", "钟头"):
        return Kind.LATER_MINUTES, halves * 30
    if halves % 2:
        return Kind.VAGUE, "day"
    if unit == "分钟":
        return Kind.LATER_MINUTES, halves // 2
    if unit == "月":
        return Kind.LATER_DAYS, (0, halves // 2)
    return Kind.LATER_DAYS, (halves // 2 * _UNITS[unit], 0)


@_word(
    rf"(?P<part>{_PARTS})?的?(?:(?<!\d)(?P<h>\d{{1,2}}):(?P<m>\d{{2}})(?![\d:])"
    rf"|(?P<H>{N})(?:点钟?|时(?![候间段]))"
    rf"(?:(?P<half>半)|(?P<quarter>[一1三3])刻钟?|整|过?(?P<M>{N})分?|(?![半\d零一二三四五六七八九十])))"
)
def _clock(match: re.Match[str]) -> tuple[Kind, Any]:
    part = match["part"] or ""
    if match["h"]:
        padded = match["h"][0] == "0" or len(match["h"]) == 2
        return Kind.CLOCK, Clock(int(match["h"]), int(match["m"]), part, padded)
    minute = 30 if match["half"] else 0
    if match["quarter"]:
        minute = 15 if match["quarter"] in "一1" else 45
    if match["M"]:
        minute = number(match["M"].lstrip("零〇") or "零")
    return Kind.CLOCK, Clock(number(match["H"]), minute, part, match["H"] in ("0", "零", "〇"))


@_word("每个?[天日](?:的|都)?|天天|每(?=[早晚])")
def _daily(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.EVERY, Every("DAILY")


@_word(rf"每(?P<gap>隔)?(?P<n>{N})天的?|隔[天日]")
def _every_days(match: re.Match[str]) -> tuple[Kind, Any]:
    days = number(match["n"]) if match["n"] else 2
    if match["gap"]:
        if days != 1:
            return Kind.VAGUE, "gap"
        days = 2
    return (Kind.EVERY, Every("DAILY", days)) if 0 < days < 100 else (Kind.VAGUE, "every")


@_word("(?:每个?|每逢|逢)?工作日(?:的?每天)?的?")
def _every_workday(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.EVERY, Every("DAILY", only_workdays=True)


@_word(rf"(?:每逢?|逢|每个){_WEEK}的?{_DAYS}")
def _weekly(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.EVERY, Every("WEEKLY", by=by_day(weekdays(match["days"])))


@_word(
    rf"(?:每(?P<n>{N})个?{_WEEK}的?{_WEEK}|隔周的?{_WEEK}?|每隔[一1]个?{_WEEK}的?{_WEEK}){_DAYS}"
)
def _every_weeks(match: re.Match[str]) -> tuple[Kind, Any]:
    weeks = number(match["n"]) if match["n"] else 2
    if not 0 < weeks < 27:
        return Kind.VAGUE, "every"
    return Kind.EVERY, Every("WEEKLY", weeks, by_day(weekdays(match["days"])))


@_word(rf"每个?月的?(?P<days>{N}[号日](?:{_LIST}{N}[号日])*)")
def _monthly(match: re.Match[str]) -> tuple[Kind, Any]:
    days = sorted({number(day) for day in re.findall(N, match["days"])})
    if not all(1 <= day <= 31 for day in days):
        return Kind.REFUSED, "no_such_day"
    ask = "short_months" if days[-1] > 28 else ""
    return Kind.EVERY, Every("MONTHLY", by="BYMONTHDAY=" + ",".join(map(str, days)), ask=ask)


@_word("每个?月(?:的?最后一天|月?底|月?末)")
def _every_month_end(match: re.Match[str]) -> tuple[Kind, Any]:
    return Kind.EVERY, Every("MONTHLY", by="BYMONTHDAY=-1")


@_word(rf"每个?月的?(?:第(?P<n>[一二三四1-4])个?|最后一?个?){_WEEK}(?P<day>[一二三四五六日天])")
def _nth_weekday(match: re.Match[str]) -> tuple[Kind, Any]:
    nth = number(match["n"]) if match["n"] else -1
    return Kind.EVERY, Every("MONTHLY", by=f"BYDAY={nth}{by_day([weekday(match['day'])])[6:]}")


@_word(rf"每年的?(?P<month>{N})月(?P<day>{N})[日号]")
def _yearly(match: re.Match[str]) -> tuple[Kind, Any]:
    month, day = number(match["month"]), number(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= (31, 29, 31, 30)[min(month - 1, 3)]):
        return Kind.REFUSED, "no_such_day"
    if (month, day) == (2, 29) or (day == 31 and month in (4, 6, 9, 11)):
        return Kind.VAGUE, "every"
    return Kind.EVERY, Every("YEARLY", by=f"BYMONTH={month};BYMONTHDAY={day}")


def weekday(char: str) -> int:
    """「一」 or 「1」 → 0; 「日」「天」「7」 → 6."""
    return 6 if char in "天7" else int(char) - 1 if char.isdecimal() else _HAN_DAYS.index(char)


def weekdays(text: str) -> tuple[int, ...]:
    """「一三五」「一、三」「一至五」 → weekdays, in their order."""
    days = [weekday(char) for char in text if char in "一二三四五六日天1234567"]
    if re.search("到|至|-|~", text):
        days = list(range(days[0], days[1] + 1)) if days[0] < days[1] else []
    return tuple(sorted(set(days)))


def by_day(days: Iterable[int]) -> str:
    """The RRULE part for these weekdays, 0 Monday."""
    return "BYDAY=" + ",".join(("MO", "TU", "WE", "TH", "FR", "SA", "SU")[day] for day in days)


@lru_cache(maxsize=64)
def _anchor_pattern(known: frozenset[str]) -> re.Pattern[str]:
    unit = rf"(?P<n>{N}|半)个?(?P<u>天|日|{_WEEK}|小时|钟头|分钟)"
    return re.compile(
        rf"(?P<matter>{_matter_pattern(known)})的?"
        r"(?P<side>开始|开放|启动|截止|结束|关闭|到期|完)?(?:日期?|时间)?的?"
        rf"(?:(?P<way>之?前|提前|之?后)的?{unit}|(?P<same>当[天日]|那天))"
    )


@lru_cache(maxsize=64)
def _end_pattern(known: frozenset[str]) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<to>(?:一直|直|持续)?(?:到|至)|截止到|截至)(?P<matter>{_matter_pattern(known)})"
        rf"的?(?P<side>开始|截止|结束|当[天日])?(?:之?前(?P<n>{N})天)?(?:的?时候)?(?:为止|止)?"
        r"(?=$|[\s,。;!]|为止|每)"
    )


def _side(word: str | None) -> str:
    if not word or word.startswith("当"):
        return ""
    return "start" if word in ("开始", "开放", "启动") else "end"


def _anchor(match: re.Match[str]) -> tuple[Kind, Any]:
    matter, side = match["matter"], _side(match["side"])
    if match["same"]:
        return Kind.ANCHOR, AnchorWords(matter, side)
    said, unit = match["n"], match["u"]
    sign = 1 if match["way"].endswith("后") else -1
    if unit in _UNITS:
        if said == "半":
            return Kind.VAGUE, "day"
        return Kind.ANCHOR, AnchorWords(matter, side, sign * number(said) * _UNITS[unit])
    minutes = 30 if said == "半" else number(said) * 60
    if unit == "分钟":
        minutes = number(said) if said != "半" else 0
    return Kind.ANCHOR, AnchorWords(matter, side, 0, sign * minutes)


def _until(match: re.Match[str]) -> tuple[Kind, Any]:
    days = -number(match["n"]) if match["n"] else 0
    return Kind.UNTIL, AnchorWords(match["matter"], _side(match["side"]), days)


def scan(text: str, known: Iterable[str] = ()) -> list[Piece]:
    """The whole text in pieces, none left out; `known` are the calendar's matters."""
    names = frozenset(known)
    grammar = [
        (_anchor_pattern(names), _anchor),
        (_end_pattern(names), _until),
        *_GRAMMAR,
    ]
    pieces: list[Piece] = []
    place = 0
    while place < len(text):
        best: re.Match[str] | None = None
        said: Read | None = None
        for pattern, read in grammar:
            match = pattern.match(text, place)
            if match and match.end() > (best.end() if best else place):
                best, said = match, read
        if best is None or said is None:
            last = pieces[-1] if pieces else None
            if last and last.kind is Kind.UNKNOWN:
                pieces[-1] = Piece(Kind.UNKNOWN, last.text + text[place], last.start, place + 1)
            else:
                pieces.append(Piece(Kind.UNKNOWN, text[place], place, place + 1))
            place += 1
            continue
        kind, value = said(best)
        pieces.append(Piece(kind, best[0], place, best.end(), value))
        place = best.end()
    return pieces
