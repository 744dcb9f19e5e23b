"""What a reminder says, and what a tutor is told of those that reached nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers import texts
from storage.obligations import Unreached, Why
from storage.receipts import ROLL
from storage.tasks import Audience, Task, TaskKind

#: A digest is a screen of a phone, too.
MOST_IN_DIGEST = 8
_TO_BE_CONFIRMED = frozenset({TaskKind.MATTER, TaskKind.REMINDER})

_WHY = {
    Why.DOWN: "机器人停机，过了时间",
    Why.OFFLINE: "机器人账号掉线，过了时间",
    Why.NIGHT: "只剩夜里的时间，没有打扰",
    Why.BUDGET: "群里当天已经提醒够次数",
    Why.MUTED: "群里一直禁言",
    Why.HUSHED: "按您的吩咐没有说话",
    Why.LEFT: "机器人已不在群里",
    Why.NO_GROUP: "班里没有群",
    Why.UNBOUND: "没有绑定账号，私聊不到",
    Why.UNWRITTEN: "没有私聊过机器人，发不了私聊",
    Why.REFUSED: "平台没有发出去",
    Why.CROWDED: "要发的太多，没轮到",
    Why.RESTORED: "恢复过备份，可能已经说过",
}


@dataclass(frozen=True, slots=True)
class Item:
    """
    One thing to be reminded of. `words` begin with a heading; "" where the task has no template.

    `late_minutes`: by how much the bot is late through its own fault, None where it is not.
    `done` is what a student replies who has done it, "" where nobody is asked to.
    """

    task: Task
    words: str
    done: str = ""
    late_minutes: int | None = None


# -- reminders ------------------------------------------------------------------------------------


def to_person(items: Sequence[Item], now: datetime) -> str:
    """The reminder one student gets: one thing with its words, several as a list."""
    if len(items) == 1:
        item = items[0]
        return "\n".join(
            filter(None, (late(item.late_minutes), body(item, now), _ask(item), _origin(item.task)))
        )
    lines = _list(items, now)
    if asked := [item for item in items if item.done]:
        lines.append(f"办好一件回复一件，例如「R-{asked[0].task.number} {asked[0].done}」。")
    return "\n".join([f"有 {len(items)} 件事提醒您：", *lines])


def to_group(items: Sequence[Item], now: datetime, *, is_mentioning: bool) -> str:
    """The reminder a group gets; whoever is mentioned has not done it, no name is in the text."""
    whom = "被 @ 的同学" if is_mentioning else "还没办的同学"
    if len(items) == 1:
        item = items[0]
        is_for_undone = item.task.audience is Audience.UNDONE
        head = f"请{whom}看一下：" if is_for_undone else ""
        return "\n".join(
            filter(
                None,
                (
                    late(item.late_minutes),
                    head + body(item, now),
                    _ask(item, "私聊我回复" if is_for_undone else "回复"),
                    _origin(item.task),
                ),
            )
        )
    lines = _list(items, now)
    if asked := [item for item in items if item.done]:
        lines.append(f"办好一件私聊我回复一件，例如「R-{asked[0].task.number} {asked[0].done}」。")
    return "\n".join([f"有 {len(items)} 件事提醒大家，请{whom}对照：", *lines])


def late(minutes: int | None) -> str:
    """补发（晚了 36 分钟）; with the hours where minutes say little."""
    if minutes is None:
        return ""
    hours = f"，约 {round(minutes / 60)} 小时" if minutes >= 120 else ""
    return f"补发（晚了 {minutes} 分钟{hours}）"


def heading(task: Task, now: datetime) -> str:
    """考试报名：12月12日 17:00 截止（还有 3 天）."""
    at = task.deadline
    if at is None:
        return task.title
    return f"{task.title}：{texts.instant(at, now)} 截止（{left(at, now)}）"


def left(at: datetime, now: datetime) -> str:
    """How long there is left, in the words of a calendar."""
    days = (at.date() - now.date()).days
    if at <= now:
        return "已过"
    return {0: "就在今天", 1: "就在明天", 2: "就在后天"}.get(days, f"还有 {days} 天")


def body(item: Item, now: datetime) -> str:
    """What the tutor wrote under the heading; or the words of the matter's template."""
    task = item.task
    if task.kind is TaskKind.PERSONAL:
        return f"您让我提醒您：{task.text or task.title}"
    if item.words:
        return item.words
    if task.kind is TaskKind.REMINDER and task.text:
        return task.text
    words = task.text if task.text != task.title else ""
    return "\n".join(filter(None, (heading(task, now), words)))


def done_word(task: Task, of_matter: str) -> str:
    """What a student replies who has done it; nothing where nothing is to be done."""
    if task.kind is TaskKind.RECEIPT:
        return "收到"
    if task.audience is not Audience.UNDONE or task.kind not in _TO_BE_CONFIRMED:
        return ""
    return of_matter or "已办"


def _ask(item: Item, how: str = "回复") -> str:
    number, kind = item.task.number, item.task.kind
    if kind is TaskKind.COLLECTION:
        return f"请把文件私聊发给我，写上 R-{number}。"
    if kind is TaskKind.RECEIPT and item.task.matter == ROLL:
        return f"参加请回复「R-{number} +1」。"
    if kind is TaskKind.RECEIPT:
        return f"看到请回复「R-{number} 收到」。"
    return f"办好了请{how}「R-{number} {item.done}」，之后不再提醒。" if item.done else ""


def _origin(task: Task) -> str:
    if task.kind is TaskKind.PERSONAL:
        return ""
    return "来源：本学期日程" if task.origin == "calendar" else "来源：助学教师布置"


def _list(items: Sequence[Item], now: datetime) -> list[str]:
    lines = []
    for item in items[:MOST_IN_DIGEST]:
        mark = late(item.late_minutes)
        # The template's first line is its heading; a digest has no room for the rest.
        line = body(item, now).partition("\n")[0]
        if item.task.deadline is not None and item.words:
            line = heading(item.task, now) if not line.startswith("更正") else line
        lines.append(f"· R-{item.task.number} {line}{f'〔{mark}〕' if mark else ''}")
    if (more := len(items) - MOST_IN_DIGEST) > 0:
        lines.append(f"· 还有 {more} 件，可以问助学教师。")
    return lines


# -- what did not arrive --------------------------------------------------------------------------


def unreached_card(lines: Sequence[str]) -> str:
    """To a tutor, once a day."""
    return "\n".join(["以下提醒没有送到，请您另行通知：", *lines])


def unreached_line(class_name: str, item: Unreached) -> str:
    """R-12 计算机2301 考试报名：5 人（没有绑定账号，私聊不到）：张红、李明等."""
    why = _WHY[item.why] if item.why is not None else "原因不明"
    what = f"· R-{item.task} {class_name} {item.title}："
    if not item.names:
        return f"{what}全班（{why}）"
    others = "等" if item.count > len(item.names) else ""
    return f"{what}{item.count} 人（{why}）：{'、'.join(item.names)}{others}"


def unreached_more(count: int) -> str:
    """The card is one screen; the console has the rest."""
    return f"· 另有 {count} 条，请看网页上的「事项」。"


def why(reason: Why | None) -> str:
    """In words for people, "" for none."""
    return "" if reason is None else _WHY[reason]
