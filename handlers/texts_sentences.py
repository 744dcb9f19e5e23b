"""What is said about a reminder ordered in one sentence: read back, asked, refused."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handlers.sentence_plans import Plan
    from handlers.sentence_times import Timing
    from handlers.working_time import WorkingTime

_WEEKDAYS = "一二三四五六日"
_EXAMPLE = "例如「每周五17点提醒交形考到12月20日」"
_RELATIVE = re.compile("今天|今晚|明天|明晚|明早|后天|昨天")


# -- read back ------------------------------------------------------------------------------------


def instant(at: datetime, now: datetime) -> str:
    """12月4日 周五 17:00, with the year only where it is another."""
    return f"{day(at.date(), now)} {at:%H:%M}"


def day(at: date, now: datetime | None = None) -> str:
    """12月4日 周五."""
    year = "" if now is None or at.year == now.year else f"{at.year}年"
    return f"{year}{at.month}月{at.day}日 周{_WEEKDAYS[at.weekday()]}"


def audience(plan: "Plan") -> str:
    """「全班」「没完成「形考」的同学」「您自己」."""
    if plan.audience == "undone":
        return f"还没完成「{plan.matter}」的同学"
    return "全班" if plan.audience == "everybody" else "您自己"


def readback(plan: "Plan", now: datetime, calendar: "WorkingTime") -> str:
    """For whom, which words, the next three dates; what they hang on and what moves them."""
    dates = list(islice(plan.occurrences(now, calendar), 4))
    lines = [
        f"提醒：{audience(plan)}",
        f"内容：{plan.text}",
        f"时间：{'、'.join(instant(at, now) for at in dates[:3])}{' …' if len(dates) > 3 else ''}",
        *_notes(plan, now, dates, calendar),
    ]
    return "\n".join(lines)


def _notes(
    plan: "Plan", now: datetime, dates: Sequence[datetime], calendar: "WorkingTime"
) -> Iterable[str]:
    until = getattr(plan.times, "until", None)
    if until is not None:
        yield f"到 {instant(until, now)} 为止"
    elif hasattr(plan.times, "rule"):
        yield "没有写到哪天为止，会一直提醒到您取消"
    if plan.relative_to is not None:
        yield f"随班级日历里的「{plan.relative_to.matter}」走，日期改了会跟着改"
    if plan.workdays is not None:
        yield {
            "skip_holidays": "法定节假日不提醒",
            "only_workdays": "只在工作日提醒（含调休上班日）",
            "shift_on": "遇休息日顺延到下一个工作日",
            "shift_back": "遇休息日提前到前一个工作日",
        }[plan.workdays]
        span = (dates[-1] - now) if dates else timedelta()
        years = calendar.unknown_years(now, max(span, timedelta()))
        if years:
            yield f"{'、'.join(map(str, years))} 年的放假安排还没有公布，先按周一至周五算"
    found = _RELATIVE.search(plan.text)
    if found:
        yield f"内容里的「{found[0]}」会原样发出，看到的人会从收到那天算"


# -- asked ----------------------------------------------------------------------------------------


def vague(what: str, words: str) -> str:
    """A word of time that does not say enough."""
    words = words.strip()
    return {
        "unknown": f"没看懂「{words}」。请用钟点和日期再说一次，{_EXAMPLE}。",
        "weekday": f"「{words}」是哪一天？请写成「下周三9点」这样。",
        "weekend": f"「{words}」是周六还是周日？请写清楚。",
        "day": f"「{words}」是哪一天？请写出几月几日和钟点，例如「12月5日9点」。",
        "hour": f"「{words}」是几点？请写出钟点，或「30分钟后」这样。",
        "weekly": f"「{words}」是周几？请写成「每周五17点」或「每两周周五17点」这样。",
        "every": f"「{words}」要写清是哪几天，例如「每月5号9点」「每周一9点」。",
        "gap": f"「{words}」有两种意思。请写成「每2天」或「每3天」这样。",
        "short_months": "有的月份没有 29、30、31 号。没有这天的月份就不提醒，可以吗？"
        "要每月最后一天，请写「每月最后一天」。",
    }[what]


def when() -> str:
    return f"什么时候提醒？请写出日期和钟点，{_EXAMPLE}。"


def which_hour() -> str:
    return "几点提醒？请把钟点补上，例如「早上8点」「17:30」。"


def which_day_at_all() -> str:
    return "是哪一天的这个钟点？请写「今天」「明天」、日期，或「每天」。"


def morning_or_evening() -> str:
    return "是早上还是下午、晚上？请写成「下午3点」或「15:00」。"


def midnight() -> str:
    return "半夜的钟点容易差一天。请写成「12月5日0点」或「12月4日23:59」这样。"


def hour_against_part(part: str, hour: int) -> str:
    return f"「{part}」和「{hour}点」对不上。请写成「15:00」这样的钟点。"


def hour_is_over() -> str:
    return "这个钟点今天已经过了。请改一个时间。"


def day_or_hour(words: str) -> str:
    return f"「{words}」是几点几分，还是几月几日？请写成「8:30」或「8月30日」。"


def which_day(words: str, days: Sequence[date]) -> str:
    return f"「{words}」是{'还是'.join(map(day, days))}？请写出日期。"


def day_is_over(words: str, days: Sequence[date]) -> str:
    return f"「{words}」已经过了。是{'还是'.join(f'{each.year}年{day(each)}' for each in days)}吗？"


def weekday_does_not_fit(words: str, days: Sequence[date]) -> str:
    return f"「{words}」和说的星期几对不上：那天是{'、'.join(map(day, days))}。请核对一下。"


def several_times() -> str:
    return "这句话里有几种时间，不知道按哪个。请一句只定一个时间。"


def one_at_a_time() -> str:
    return "一句只能定一个钟点（「每天8点和20点」这样的除外）。请分开说。"


def every_day_between() -> str:
    return "这段日子里哪几天提醒？请写成「12月1日到12月3日每天8点」。"


def this_week_or_every_week() -> str:
    return "只这一周，还是每周都提醒？每周请写「每周一到周五」。"


def which_holidays() -> str:
    return "放假怎么办？请写成「每个工作日」（周末也不发）或「法定节假日除外」（周末照发）。"


def not_in_calendar(matter: str) -> str:
    return f"班级日历里还没有「{matter}」的日期。请先登记，或直接写出几月几日。"


def calendar_side_open(matter: str) -> str:
    return f"班级日历里「{matter}」的这个日期还空着。请先登记，或直接写出几月几日。"


def calendar_has_no_hour(matter: str) -> str:
    return f"班级日历里「{matter}」只有日期，没有钟点。请写出几点提醒。"


def which_of(matter: str) -> str:
    return f"「{matter}」按哪个日期算？请写成「{matter}开始前三天」或「{matter}截止前三天」。"


def until_start_or_end(matter: str) -> str:
    return f"到「{matter}」开始还是截止为止？请写清楚。"


def until_or_words(words: str) -> str:
    return f"「{words}」是提醒到那天为止，还是要说的话？要说的话请放在「」里。"


def time_or_words(words: str) -> str:
    return f"「{words}」是提醒的时间，还是要说的话？时间请写在「提醒」前面。"


def what_to_say() -> str:
    return "提醒什么？请把要说的话写在「提醒」后面。"


def what_is_not_done() -> str:
    return "没完成什么？请写成「没报名的」「没交形考的」。"


def whom(words: str) -> str:
    return f"还不能单独提醒「{words}」。可以写全班、没完成的同学（「没交形考的」）或我。"


def you_or_everybody() -> str:
    return "提醒谁？请写成「提醒我……」或「提醒大家……」。"


def shall_i() -> str:
    return "是要定提醒吗？请写成「明天9点提醒大家……」。"


def by_calendar(timing: "Timing") -> str:
    at = getattr(timing.times, "at", None)
    return day(at.date()) if at else ""


# -- refused --------------------------------------------------------------------------------------


def refusal(why: str, words: str) -> str:
    """Why a time cannot be."""
    return {
        "past": f"「{words}」已经过去了，不能定提醒。请改成以后的时间。",
        "lunar": f"「{words}」是农历，这里只认公历。请写成公历的几月几日。",
        "too_often": f"「{words}」太密了。一天要提醒几次，请写出钟点，例如「每天9点、15点、20点」。",
        "no_such_day": f"没有「{words}」这一天。请核对日期。",
        "too_far": f"「{words}」太远了，只能定两年以内的提醒。",
    }[why]


def no_such_hour() -> str:
    return "没有这个钟点。请写 0 到 23 点、0 到 59 分。"


def ends_before_it_begins() -> str:
    return "这样一次也轮不到：截止的日子在开始之前或已经过去。请改一下日期。"


def never() -> str:
    return "这样一次也轮不到（都是放假或已经过去）。请改一下时间。"


def not_an_order() -> str:
    return f"没看出要提醒什么。请写时间、对谁、说什么，{_EXAMPLE}。"


def not_to_remind() -> str:
    return "这句是不要提醒。要取消已经定好的提醒，请用「取消提醒」加编号。"


def only_for_yourself() -> str:
    return "同学只能给自己定提醒，例如「每天晚上9点提醒我学习」。"


def too_long() -> str:
    return "这句话太长了。请用一两句话说清时间、对谁、说什么。"
