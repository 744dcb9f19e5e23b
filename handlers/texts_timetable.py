"""What is said about lessons, a new timetable, and the calendar feed."""

from collections.abc import Sequence
from datetime import date, datetime

from storage.timetable import Lesson, NewVersion

_WEEKDAYS = "一二三四五六日"
#: A phone's screen.
MOST_LESSONS = 20
MOST_CHANGES = 8


def day(at: date, now: datetime) -> str:
    """12月6日（周日）."""
    year = "" if at.year == now.year else f"{at.year}年"
    return f"{year}{at.month}月{at.day}日（周{_WEEKDAYS[at.weekday()]}）"


def lesson(it: Lesson, now: datetime) -> str:
    """12月6日（周日）09:00–11:30 高等数学，A101，张老师."""
    return f"{day(it.starts_at.date(), now)}{_hours(it)}"


def _hours(it: Lesson) -> str:
    more = [
        it.place,
        f"{it.teacher}老师" if it.teacher and "老师" not in it.teacher else it.teacher,
    ]
    words = "，".join([it.course, *(word for word in (*more, it.note) if word)])
    return f"{it.starts_at:%H:%M}–{it.ends_at:%H:%M} {words}"


def timetable(
    title: str, lessons: Sequence[Lesson], now: datetime, *, several: bool = False
) -> str:
    """Day by day; with `several` classes each lesson names its own."""
    lines = [f"{title}："]
    before: date | None = None
    for it in lessons[:MOST_LESSONS]:
        if it.starts_at.date() != before:
            before = it.starts_at.date()
            lines.append(day(before, now))
        lines.append(f"  {_hours(it)}{f'（{it.class_name}）' if several else ''}")
    if len(lessons) > MOST_LESSONS:
        lines.append(f"还有 {len(lessons) - MOST_LESSONS} 节没列出，发「课表 下周」看后面的。")
    return "\n".join(lines)


def no_lessons(title: str) -> str:
    """There is a timetable, but nothing in that time."""
    return f"{title}：课表上没有课。临时调整以老师通知为准。"


def no_timetable() -> str:
    """「/课表」 where the school has imported none."""
    return "学校还没有把课表交给我。请先看班级群文件，或请助学教师提供。"


def not_your_courses() -> str:
    """Their registered courses stand in no timetable."""
    return "按您注册的课程没有查到课，下面是全班的课表："


def usage() -> str:
    return "课表、课表 今天、课表 明天、课表 本周 或 课表 下周"


# -- a new version --------------------------------------------------------------------------------


def change_lines(version: NewVersion, now: datetime) -> list[tuple[str, str]]:
    """(+, − or ~) and what it is about, one a lesson."""
    lines = [("+", lesson(it, now)) for it in version.added]
    lines += [("−", lesson(it, now)) for it in version.removed]
    return lines + [("~", _changed(*pair, now)) for pair in version.changed]


def _changed(before: Lesson, after: Lesson, now: datetime) -> str:
    if (before.starts_at, before.ends_at) != (after.starts_at, after.ends_at):
        return f"{lesson(before, now)} 改为 {lesson(after, now)}"
    parts = [
        f"{name} {old or '（空）'} → {new or '（空）'}"
        for name, old, new in (
            ("地点", before.place, after.place),
            ("教师", before.teacher, after.teacher),
            ("备注", before.note, after.note),
        )
        if old != new
    ]
    where = f"{day(before.starts_at.date(), now)}{before.starts_at:%H:%M} {before.course}"
    return f"{where}：{'，'.join(parts)}"


def announcement(version: NewVersion, now: datetime) -> str:
    """To the class group, in so many words as fit; whoever wants all of it asks."""
    if version.is_first:
        return (
            f"{version.class_name} 的课表有了：@我 说「课表」看全班的，私聊我发「课表」看自己的。"
        )
    words = {"+": "增加", "−": "取消", "~": "调整"}
    lines = [f"{words[sign]} {text}" for sign, text in change_lines(version, now)]
    more = len(lines) - MOST_CHANGES
    tail = f"\n共 {len(lines)} 处，其余请私聊我发「课表」。" if more > 0 else ""
    return "课表有变：\n" + "\n".join(lines[:MOST_CHANGES]) + tail


# -- the calendar feed ----------------------------------------------------------------------------


def feed_link(link: str, had_one: bool) -> str:
    """Told once, to its owner."""
    old = "原来的链接从现在起失效。" if had_one else ""
    return (
        f"您的日历订阅链接（只给您一个人，请不要转发）：\n{link}\n"
        f"在手机日历的「添加订阅日历」里粘贴，课表、校历和您自己的截止时间会自动更新，里面没有成绩和金额。"
        f"{old}不想要了发「取消订阅」。"
    )


def feed_ended() -> str:
    return "已取消，原来的链接打不开了。要新的再发「日历订阅」。"


def no_feed() -> str:
    return "您没有日历订阅。要一个就发「日历订阅」。"


def feeds_are_off() -> str:
    """The operator has not said under which address the pages are reached."""
    return "学校还没有开通日历订阅。可以请助学教师向学校提一下；现在请发「课表」查看。"


def feed_needs_binding() -> str:
    """An account nobody is known behind."""
    return "日历订阅里有您自己的课和截止时间，要先确认您是谁：私聊我发「/绑定 学号 姓名」。"


def feed_is_for_students() -> str:
    return "日历订阅是给学生的；班级的课表请发「/课表」。"
