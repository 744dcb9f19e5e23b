"""What the bot says about the term calendar: dates, what would change, what is reminded when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from handlers.texts import instant, span

Span = tuple[datetime | None, datetime | None]
#: So many lines fit on a phone.
MOST = 12


def step(name: str) -> str:
    """T-7 → 提前 7 天."""
    if name == "open":
        return "开始时"
    if name.startswith("changed"):
        return "更正"
    if name.startswith("T-"):
        number = name[2:].removesuffix("h")
        return f"提前 {number} {'小时' if name.endswith('h') else '天'}"
    return name


# -- dates -----------------------------------------------------------------------------------------


def dates(class_name: str, lines: Sequence[str], upcoming: Sequence[str], hint: str) -> str:
    """The dates of a class; for its tutor also what is said next."""
    if not lines:
        return "\n".join(filter(None, [f"{class_name}：学校还没有公布日期，我不猜。", hint]))
    said = [f"{class_name} 校历", *lines[:MOST]]
    if len(lines) > MOST:
        said.append(f"……还有 {len(lines) - MOST} 项")
    if upcoming:
        said += ["接下来的提醒：", *upcoming]
    return "\n".join(filter(None, [*said, hint]))


def date_line(name: str, when: Span, note: str, whose: str, now: datetime) -> str:
    """考试报名：12月5日 09:00 至 12月12日 17:00（备注）〔全校〕."""
    words = span(*when, now)
    told = f"{words}（{note}）" if words and note else words or note
    return f"· {name}：{told}{f'〔{whose}〕' if whose else ''}"


def upcoming_line(at: datetime, name: str, step_name: str, now: datetime) -> str:
    """12月5日 09:00 考试报名（提前 7 天）."""
    return f"· {instant(at, now)} {name}（{step(step_name)}）"


def unarmed(count: int) -> str:
    """The calendar has changed, and nobody is reminded by the new dates yet."""
    return f"校历有 {count} 处改动还没启用；启用发「/日程 启用」。" if count else ""


def how_to_set() -> str:
    """The tutor's next step."""
    return "改本班日期：/日程 形考 12月5日 17:00"


def no_such_date(name: str) -> str:
    """Asked for a matter the school has published nothing for."""
    return f"{name}：学校还没有公布日期，我不猜。"


# -- setting one -----------------------------------------------------------------------------------


def usage() -> str:
    """The forms of the command."""
    return (
        "格式：\n/日程　看本班日期\n/日程 形考 12月5日 17:00　定截止\n"
        "/日程 考试报名 12月1日 9:00 至 12月5日 17:00　定起止\n"
        "/日程 删除 形考　删去本班自己的日期\n/日程 启用　按校历启用提醒"
    )


def unknown_matter(name: str, known: Sequence[str]) -> str:
    """No such matter."""
    return f"校历里没有「{name}」这个事项。可以用：{'、'.join(known)}。"


def no_such_day(text: str) -> str:
    """2月30日."""
    return f"没有{text}这一天，请核对。"


def no_such_time(text: str) -> str:
    """25:00."""
    return f"没有{text}这个时间，请核对。"


def day_unreadable(text: str) -> str:
    """Not a date at all."""
    return f"「{text}」看不懂。{usage()}"


def day_is_over(text: str) -> str:
    """A deadline that has passed."""
    return f"{text}已经过去了，请写以后的日期；确实是明年请写上年份。"


def day_too_far(text: str) -> str:
    """More than two years away is a slip of the pen."""
    return f"{text}太远了，请核对年份。"


def ends_before_it_begins() -> str:
    """The second date is before the first."""
    return "截止早于开始，请核对。"


def not_of_this_class(name: str, whose: str) -> str:
    """There is nothing of the class's own to take away."""
    if whose:
        return f"{name}的日期是{whose}定的，不是本班的，不能在这里删除；本班可以另定日期。"
    return f"本班没有给{name}定过日期。"


def nothing_new(name: str) -> str:
    """The same date again."""
    return f"{name}的日期就是这个，没有要改的。"


def proposal(
    class_name: str,
    what: str,
    change: str,
    words: Sequence[tuple[str, str]],
    following: Sequence[str],
    notes: Sequence[str],
    seconds: int,
) -> str:
    """Everything that would happen, and the question."""
    said = [f"{class_name} {what}", f"差异 {change}"]
    for when, text in words:
        said += [f"{when} 会说：", *(f"　{line}" for line in text.splitlines())]
    if following:
        said += ["接下来的提醒：", *following]
    return "\n".join([*said, *notes, f"{seconds} 秒内回复「确认」启用，回复其他内容取消。"])


def changed_meanwhile() -> str:
    """The plan that was confirmed is no longer the one there is."""
    return "刚才这段时间校历又变了，没有启用。现在是这样："


def armed(class_name: str, what: str, change: str) -> str:
    """Done."""
    return f"已启用：{class_name} {what}（{change}），记入台账。"


def set_without_reminders(class_name: str, what: str) -> str:
    """The date is set; nobody is reminded by it."""
    return f"已定：{class_name} {what}。没有新的提醒。"


def cancelled() -> str:
    """Not confirmed."""
    return "已取消，日期和提醒都没有改。"


def skipped(names: Sequence[str]) -> str:
    """Steps whose time has passed."""
    return f"已经来不及的不再提醒：{'、'.join(step(name) for name in names)}。" if names else ""


def no_template(name: str) -> str:
    """A matter that answers use, but nobody is reminded of."""
    return f"「{name}」没有提醒模板：日期只用来答复，不发提醒。"


def private_only(name: str) -> str:
    """Nothing of it is said in the group."""
    return f"{name}只私下提醒，不在群里说。"


def by_the_calendar() -> str:
    """Everything the class has not armed yet."""
    return "按校历启用提醒"


def nothing_to_arm(class_name: str) -> str:
    """Every date is armed."""
    return f"{class_name}：校历都已启用，没有要改的。"


def when(at: datetime, now: datetime) -> str:
    """The instant, or that it is at once."""
    return "马上" if at <= now else instant(at, now)


def read_it_in_private(name: str) -> str:
    """In a group not even the preview of it is shown."""
    return f"{name}（只私下提醒，原话请私聊我看）"


# -- plans, on the page and in the shell -----------------------------------------------------------


class Changes(Protocol):
    """Classes for which the same happens to the same matter."""

    @property
    def sign(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def before(self) -> Span: ...
    @property
    def after(self) -> Span: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    @property
    def skipped(self) -> tuple[str, ...]: ...
    @property
    def has_correction(self) -> bool: ...
    @property
    def classes(self) -> int: ...


def group_line(group: Changes, now: datetime) -> str:
    """+ 考试报名 12月12日 17:00 截止　200 个班　提前 7 天、提前 3 天."""
    was = span(*group.before, now) or "没有日期"
    will = span(*group.after, now) or "没有日期"
    if group.before == group.after:
        when = f"{will}，提醒方式变了"
    else:
        when = {"+": will, "−": f"{was}，取消"}.get(group.sign, f"{was} 改为 {will}")
    parts = [f"{group.sign} {group.name} {when}", f"{group.classes} 个班"]
    if group.has_correction:
        parts.append("先更正")
    if group.steps:
        parts.append("、".join(step(one) for one in group.steps))
    if group.skipped:
        parts.append(f"来不及：{'、'.join(step(one) for one in group.skipped)}")
    return "　".join(parts)


def plan_head(counts: str, classes: int, groups: int, people: int) -> str:
    """What would change, in one line."""
    return f"差异 {counts}：{classes} 个班，{groups} 个群，{people} 名学生"
