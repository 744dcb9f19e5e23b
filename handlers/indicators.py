"""
The indicators of a tutor's record: what each counts, and how a figure is made of its rows. Pure.

A figure is nothing but a function of its rows, so that whoever has the rows can make it again to
the last digit. The numbers K01–K32 are those of the school's list; what the record cannot know is
in `NOT_CONNECTED` and is shown as 「未接入」, never as 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

#: Six decimals, halves away from zero: how every quotient is written down.
EXACT = Decimal("0.000001")


class How(StrEnum):
    """How rows become a figure, of a day and of a month."""

    COUNT = "count"  # the parts together
    RATIO = "ratio"  # the parts by the wholes
    TIME = "time"  # the median of the parts, seconds; and their 90th percentile
    MEAN = "mean"  # the parts by their number
    DAYS = "days"  # a day with any row is one day, however many classes
    PEAK = "peak"  # the parts together, of a month the highest day
    STOCK = "stock"  # a ratio as it stands: of a month the last day of each class


@dataclass(frozen=True, slots=True)
class Row:
    """
    What a figure is made of: 「T-12」, 「L-81」 (a row of the ledger) or 「R-3」, and what it adds.

    For a ratio `part` of `whole`; for a time `part` is seconds, for a mark the mark.
    """

    ref: str
    part: int
    whole: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` None: nothing to make one of. Times are seconds, ratios 0–1."""

    numerator: int
    denominator: int
    value: Decimal | None
    p90: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """`sample` names the formula's smallest number of rows from which a month's figure is shown."""

    key: str
    name: str
    how: How
    formula: str
    sample: str = ""
    #: The bot's own doing: shown apart, and no part of any score.
    is_bots: bool = False


_WORK = "工作时间，扣除盲窗"
_ALL = (
    Indicator("K01", "咨询受理量", How.COUNT, "学生咨询条数，一条消息问几件算一条"),
    Indicator(
        "K02",
        "机器人自动解决率",
        How.RATIO,
        "机器人答复后 24 小时内没有转人工、没说“没用”的 ÷ 机器人答复",
        "sessions",
        is_bots=True,
    ),
    Indicator("K03", "首次响应时长", How.TIME, f"首条实质回复 − 提问，中位数和 P90（{_WORK}）"),
    Indicator("K03N", "首次响应时长（自然时间）", How.TIME, "同上，按自然时间，扣除盲窗"),
    Indicator(
        "K04",
        "首响及时率",
        How.RATIO,
        f"首次答复时限内回复的 ÷ 需要老师答复的（{_WORK}）",
        "sessions",
    ),
    Indicator(
        "K04N",
        "首响及时率（自然时间）",
        How.RATIO,
        "24 小时内回复的 ÷ 需要老师答复的（自然时间，扣除盲窗）",
        "sessions",
    ),
    Indicator(
        "K05",
        "实质答复及时率",
        How.RATIO,
        f"2 个工作日内有结果或进展的 ÷ 同上（{_WORK}）",
        "sessions",
    ),
    Indicator(
        "K06",
        "学生消息回复率",
        How.RATIO,
        "得到人回复的 ÷ 需要老师答复的，满延期时限还没回算没回",
        "sessions",
    ),
    Indicator("K07", "未答积压", How.PEAK, "当天结束时超过首次答复时限、还没有人回的件数"),
    Indicator("K07M", "最长等待", How.PEAK, "上述各件中等得最久的（秒，自然时间，扣除盲窗）"),
    Indicator("K08", "“找不到老师”人次", How.COUNT, "主题为联系不上、裁定属实或部分属实的件数"),
    Indicator("K10", "有责投诉", How.COUNT, "裁定属实或部分属实、涉及本人的投诉件数，计在裁定当天"),
    Indicator(
        "K11",
        "投诉告知收悉及时率",
        How.RATIO,
        "4 小时内发出编号回执的 ÷ 诉求、投诉、建议",
        is_bots=True,
    ),
    Indicator("K12", "诉求投诉按时办结率", How.RATIO, f"办结时限内办结的 ÷ 应办结的（{_WORK}）"),
    Indicator(
        "K13", "投诉解决率", How.RATIO, "评分 3 分及以上的 ÷ 有评分的诉求、投诉、建议", "ratings"
    ),
    Indicator(
        "K14", "投诉满意率", How.RATIO, "评分 4 分及以上的 ÷ 有评分的诉求、投诉、建议", "ratings"
    ),
    Indicator(
        "K13F",
        "回访解决率",
        How.RATIO,
        "管理人员回访时本人说已解决的 ÷ 联系上的，计在回访当天（监测）",
        "ratings",
    ),
    Indicator(
        "K15", "重办与重复率", How.RATIO, "重办的和 30 天内同人同事再提的 ÷ 诉求、投诉、建议"
    ),
    Indicator(
        "K16", "同类集中", How.COUNT, "7 天内同班同主题 3 名以上学生提诉求或投诉的次数（监测）"
    ),
    Indicator("K17", "提醒覆盖率", How.RATIO, "送达或本人已办的 ÷ 应提醒的人次和群次，按事项"),
    Indicator("K18", "提醒提前量达标率", How.RATIO, "截止前 7、3、1 天已发的 ÷ 排定的，按事项"),
    Indicator("K19", "提醒回执率", How.RATIO, "已办或回“收到”的人数 ÷ 被提醒人数，截止当天算"),
    Indicator("K20", "截止前未办跟进率", How.RATIO, "截止前 3 天内再提醒过的 ÷ 名单上未办的"),
    Indicator("K22", "催费提醒触达率", How.RATIO, "同 K17，只算缴费事项"),
    Indicator(
        "K22B", "费用咨询办结率", How.RATIO, "办结时限内办结的 ÷ 缴费主题转人工的", "sessions"
    ),
    Indicator(
        "K23",
        "提醒转化率",
        How.RATIO,
        "截止当天名单、文件或教师登记为已办的 ÷ 提醒到的，只算导入过名单的事项（监测）",
    ),
    Indicator(
        "K24", "台账完整率", How.STOCK, "学号、姓名、专业、层次、年级、电话齐全的学生 ÷ 班级学生"
    ),
    Indicator("K25", "服务活跃天数", How.DAYS, "有答复、进展、转办、公告或班级工作的天数"),
    Indicator("K26", "危机信号处置时长", How.TIME, f"识别到老师第一次回应（{_WORK}）"),
    Indicator("K26N", "危机信号处置时长（自然时间）", How.TIME, "同上，按自然时间"),
    Indicator(
        "K27", "危机信号闭环率", How.RATIO, "办结时限内有接手、有结果的 ÷ 全部（回访另列 K27F）"
    ),
    Indicator("K27F", "危机信号回访率", How.RATIO, "办结后 7 天内有回访的 ÷ 办结的（监测）"),
    Indicator(
        "K28", "隐私处置及时率", How.RATIO, "2 分钟内提示撤回的 ÷ 隐私泄露消息", is_bots=True
    ),
    Indicator("K29", "答复抽检合格率", How.RATIO, "复核合格的 ÷ 摇号抽中、已复核的，计在复核当天"),
    Indicator("K30", "满意度", How.MEAN, "本人办结的事，学生评分（1–5）平均", "ratings"),
    Indicator("K30R", "评价率", How.RATIO, "办结后 48 小时内评了分的 ÷ 本人办结的", "sessions"),
    Indicator("K31", "需求上报数", How.COUNT, "本人把学生的诉求、建议转给部门的件数（监测）"),
    Indicator("K32", "公告与班级活动", How.COUNT, "公告、班会、班委、学习小组等记录条数（监测）"),
)
INDICATORS: Mapping[str, Indicator] = {it.key: it for it in _ALL}

#: What this record does not know: key, name and why.
NOT_CONNECTED: tuple[tuple[str, str, str], ...] = (
    (
        "K09",
        "投诉受理总量",
        "有意不列：没有裁定的投诉列出件数，就能猜到有没有人投诉；裁定了的见 K10",
    ),
    (
        "K21",
        "错过截止投诉",
        "缺“因没通知到而错过”的核实结论：裁定只有属实、部分属实、不属实，不分原因。"
        "没送到的提醒在「事项」逐条可查，请人工对照",
    ),
    ("", "欠费率、形考完成率、到考率、及格率、毕业率、续注册率", "要教务导入"),
    ("", "出勤、会议、代收费上交", "不在聊天记录里"),
)

# -- figures --------------------------------------------------------------------------------------


def figure(how: How, rows: Sequence[Row]) -> Figure:
    """The figure of one day, or of rows gathered over many."""
    part, whole = sum(row.part for row in rows), sum(row.whole for row in rows)
    match how:
        case How.RATIO | How.STOCK:
            return of_sums(how, part, whole)
        case How.TIME:
            seconds = sorted(row.part for row in rows)
            return Figure(part, len(rows), _median(seconds), _p90(seconds))
        case How.DAYS:
            return of_sums(how, int(bool(rows)), len(rows))
    return of_sums(how, part, len(rows))


def of_sums(how: How, part: int, whole: int) -> Figure:
    """The same from its numerator and denominator, for all that needs no more: not for a time."""
    if how in (How.RATIO, How.STOCK, How.MEAN):
        return Figure(part, whole, quotient(part, whole))
    return Figure(part, whole, Decimal(part))


@dataclass(frozen=True, slots=True)
class Made:
    """The rows of one indicator, of one tutor's class on one day."""

    day: date
    class_id: int
    indicator: str
    rows: tuple[Row, ...]


def gathered(made: Iterable[Made]) -> dict[str, Figure]:
    """The figure of each indicator over many days and classes of one tutor."""
    by_key: dict[str, list[Made]] = defaultdict(list)
    for one in made:
        if one.indicator in INDICATORS:
            by_key[one.indicator].append(one)
    # A month in which nothing was done is a month of no days, not one we know nothing of.
    by_key.setdefault("K25", [])
    return {key: _over(INDICATORS[key].how, by_key[key]) for key in INDICATORS if key in by_key}


def _over(how: How, made: Sequence[Made]) -> Figure:
    rows = [row for one in made for row in one.rows]
    match how:
        case How.DAYS:
            days = len({one.day for one in made if one.rows})
            return Figure(days, len(rows), Decimal(days))
        case How.PEAK:
            by_day: dict[date, int] = defaultdict(int)
            for one in made:
                by_day[one.day] += sum(row.part for row in one.rows)
            peak = max(by_day.values(), default=0)
            return Figure(peak, len(by_day), Decimal(peak))
        case How.STOCK:
            newest = {one.class_id: one for one in sorted(made, key=lambda it: it.day)}
            return figure(how, [row for one in newest.values() for row in one.rows])
    return figure(how, rows)


def quotient(part: int, whole: int) -> Decimal | None:
    """`part` by `whole` to six decimals; None by nothing."""
    if not whole:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(EXACT, ROUND_HALF_UP)


def _median(ordered: Sequence[int]) -> Decimal | None:
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return Decimal(ordered[middle])
    return Decimal(ordered[middle - 1] + ordered[middle]) / 2


def _p90(ordered: Sequence[int]) -> Decimal | None:
    """The smallest that nine tenths do not exceed (nearest rank)."""
    if not ordered:
        return None
    return Decimal(ordered[-(-9 * len(ordered) // 10) - 1])
