"""What is said about reminders ordered in chat: asked, read back, armed, listed, cancelled."""

from collections.abc import Sequence
from datetime import datetime

from handlers import texts
from handlers.texts_sentences import instant

#: A list is one phone screen.
MOST_LINES = 15
_CONFIRM = "60 秒内回复「确认」启用，回复其他内容取消。"


# -- read back ------------------------------------------------------------------------------------


def proposal(class_names: Sequence[str], words: str, notes: Sequence[str]) -> str:
    """`words` are those of `texts_sentences.readback`."""
    head = f"班级：{'、'.join(class_names)}" if class_names else ""
    return "\n".join(filter(None, [head, words, *notes, _CONFIRM]))


def to_groups(count: int) -> str:
    return f"发到 {count} 个班级群"


def to_undone(undone: int, students: int, *, is_private: bool) -> str:
    where = "只私下提醒，不在群里说" if is_private else "群里只 @ 人，不写名字"
    return f"现在还没办的 {undone} 人（共 {students} 人）；办好的到时不再提醒，{where}"


def other_times(class_name: str, times: Sequence[datetime], now: datetime) -> str:
    """Where a class's calendar has another date."""
    return f"{class_name} 的时间：{'、'.join(instant(at, now) for at in times)}"


def in_the_night(at: datetime, sent: datetime, now: datetime) -> str:
    """When a reminder of the night goes out."""
    return f"{instant(at, now)} 是安静时间，会在 {instant(sent, now)} 发出"


def before_the_night(at: datetime, now: datetime) -> str:
    """What would be of no use in the morning."""
    return f"{instant(at, now)} 是安静时间，会在这之前发出"


# -- asked ----------------------------------------------------------------------------------------


def with_choices(question: str, lines: Sequence[str]) -> str:
    """`lines` are what a digit chooses, without the digit."""
    if not lines:
        return question
    numbered = [f"{place} {line}" for place, line in enumerate(lines, 1)]
    return "\n".join([question, *numbered, "回复数字选择，都不是请重新说一遍。"])


def choice(times: Sequence[datetime], text: str, now: datetime, *, is_more: bool) -> str:
    """12月2日 周三 08:00：开会."""
    whenever = "、".join(instant(at, now) for at in times)
    return f"{whenever}{' …' if is_more else ''}：{texts.clip(text, 40)}"


def no_list(matter: str, class_names: Sequence[str]) -> str:
    """Nobody knows who has not done it."""
    return (
        f"{'、'.join(class_names)} 还没有登记要办「{matter}」，不知道谁没办。"
        f"可以先发「/日程 {matter} 日期」，再定这个提醒。"
    )


def everybody_instead() -> str:
    return "不分办没办，提醒全班"


def names_somebody(name: str) -> str:
    return (
        f"内容里有本班同学的名字「{name}」，会在群里点名。"
        "请改用「提醒没交形考的」这样的说法，我只 @ 人不写名字。"
    )


def say_it_all_the_same() -> str:
    return "不是在说这位同学，照原话发"


def calendars_differ() -> str:
    return "各班的日历不一样，不能一起定。请写明班级，一个班一个班地说。"


# -- refused --------------------------------------------------------------------------------------


def money_in_public() -> str:
    """An amount or a fee is nobody else's business."""
    return (
        "费用和成绩的事只能私下提醒，不发到群里。"
        "可以说「明天9点提醒没缴费的同学尽快办理」，我只私聊还没办的人。"
    )


def order_in_private() -> str:
    return "费用和成绩的提醒请私聊我定，群里大家都看得到。"


def mark_with_name() -> str:
    return "同学的名字不能和费用、成绩写在一起。请去掉名字再说一遍。"


def strange_link(link: str) -> str:
    return f"链接「{texts.clip(link, 60)}」不在学校公布的链接里，不能发。请先请管理人员登记。"


def without_group(class_name: str) -> str:
    return f"{class_name} 还没有我能说话的群，提醒发不出去。请先在群里发「/绑定 {class_name}」。"


def in_private_please() -> str:
    return "给自己定提醒请私聊我，例如「提醒我 周五晚上8点交形考」，不用让全班看到。"


def bind_first() -> str:
    return (
        "可以的，不过我还不知道您是哪位同学，记不到您名下。"
        "请先发「/绑定 学号 姓名」，助学教师确认以后再说一次就行。"
    )


def no_class() -> str:
    return "我还不知道您在哪个班，没法给您定提醒。请助学教师导入名单。"


def too_many(most: int) -> str:
    return f"您已经有 {most} 个提醒，不能再多了。发「我的提醒」看看，「取消提醒 R-编号」去掉一个。"


def without_end() -> str:
    return "反复的提醒要写到哪天为止，例如「每天晚上9点提醒我学习到12月20日」。"


def too_long() -> str:
    return "反复的提醒最多定到半年以内。请写近一点的截止日期。"


def too_close(minutes: int) -> str:
    return f"两次提醒至少隔 {minutes} 分钟。请把时间拉开一些。"


def too_close_to(number: int, at: datetime, now: datetime, minutes: int) -> str:
    return (
        f"您的 R-{number} 在 {instant(at, now)} 也要提醒，两次至少隔 {minutes} 分钟。请改一下时间。"
    )


# -- armed and taken back -------------------------------------------------------------------------


def armed(numbers: Sequence[tuple[str, int]], first: datetime, now: datetime) -> str:
    """`numbers` are classes and their R-n."""
    names = "、".join(f"{name} R-{number}" for name, number in numbers)
    how = f"不要了发「/取消提醒 R-{numbers[0][1]}」。"
    return f"已定好：{names}，第一次 {instant(first, now)}。\n{how}"


def own_title() -> str:
    """What others are shown of a student's own reminder."""
    return "自己定的提醒"


def armed_own(number: int, first: datetime, now: datetime) -> str:
    return (
        f"已定好 R-{number}，{instant(first, now)} 私聊提醒您。\n不要了发「取消提醒 R-{number}」。"
    )


def not_armed() -> str:
    return "已取消，没有定提醒。"


def nothing_chosen() -> str:
    return "好的，没有定提醒。可以换个说法再说一遍。"


def cancelled(number: int, title: str) -> str:
    return f"R-{number}「{title}」已取消，不再提醒。"


def over_already(number: int) -> str:
    return f"R-{number} 已经结束或取消了。"


def no_reminder(number: int) -> str:
    return (
        f"R-{number} 不是用「/提醒」定的。日程里的请改「/日程」，通知和作业发「/结束 R-{number}」。"
    )


def calendar_gone(number: int, title: str, matter: str) -> str:
    """To whoever has to know: the date a reminder hung on is no more."""
    return (
        f"R-{number}「{title}」停了：它随日历里的「{matter}」走，这个日期撤了或改到了过去。"
        "还要提醒请重新定。"
    )


# -- lists ----------------------------------------------------------------------------------------


def line(
    number: int, class_name: str, at: datetime | None, title: str, whom: str, now: datetime
) -> str:
    """R-3 计算机2301 12月4日 周五 17:00：交形考（全班）."""
    when = instant(at, now) if at is not None else "正在发"
    room = f"{class_name} " if class_name else ""
    return f"R-{number} {room}{when}：{title}{f'（{whom}）' if whom else ''}"


def listed(lines: Sequence[str]) -> str:
    """A class's reminders, for who may order them."""
    if not lines:
        return f"还没有定好的提醒。{usage()}"
    return "\n".join(["定好的提醒，下一次：", *_most(lines), "取消发「/取消提醒 R-编号」。"])


def own_list(lines: Sequence[str]) -> str:
    if not lines:
        return "您还没有给自己定提醒。可以说「提醒我 周五晚上8点交形考」。"
    return "\n".join(["您的提醒，下一次：", *_most(lines), "取消发「取消提醒 R-编号」。"])


def usage() -> str:
    return "例如：/提醒 每周五17点提醒交形考到12月20日"


def cancel_usage() -> str:
    return "格式：/取消提醒 R-12"


def _most(lines: Sequence[str]) -> list[str]:
    more = [f"……还有 {len(lines) - MOST_LINES} 个"] if len(lines) > MOST_LINES else []
    return [*lines[:MOST_LINES], *more]
