"""What the bot says about who has done it: receipts, 接龙, files handed in, 「办好了」."""

from collections.abc import Sequence
from datetime import datetime

#: So many names stand in one message.
MOST_NAMES = 60


# -- said by students ------------------------------------------------------------------------------


def done_noted(number: int, title: str) -> str:
    """A claim was written down; a list of the school outranks it."""
    return (
        f"已记下：{title} 您已经办好（R-{number}），不再提醒您这件事。\n"
        "以教务的名单为准；说错了请回复「还没办」。"
    )


def done_before(number: int, title: str) -> str:
    """Said twice."""
    return f"{title}（R-{number}）已经记为办好，不再提醒您。"


def undone_noted(titles: Sequence[tuple[int, str]]) -> str:
    """A claim was taken back."""
    names = "、".join(f"{title}（R-{number}）" for number, title in titles)
    return f"已改回「还没办」：{names}。到时会照常提醒您。"


def undone_not_yours(number: int, title: str) -> str:
    """Known from a list or the tutor: not the student's to take back."""
    return f"{title}（R-{number}）是按名单或老师确认记为办好的，有误请联系助学教师更正。"


def nothing_noted() -> str:
    """None of those offered."""
    return "好的，没有登记。可以写上编号再说，例如「R-12 已办」。"


def answer_noted(number: int, title: str) -> str:
    """「收到」 said in private."""
    return f"已记下您的回复：R-{number}「{title}」。"


def answer_taken_back(number: int, title: str) -> str:
    """「退出接龙」, or a 「收到」 said by mistake."""
    return f"已取消：R-{number}「{title}」。"


def which_done(choices: Sequence[tuple[int, str]]) -> str:
    """Several tasks fit what was said."""
    lines = "\n".join(f"{i} {title}（R-{n}）" for i, (n, title) in enumerate(choices, 1))
    return f"您说的是哪一件？请回复数字，都不是回复 0：\n{lines}"


def which_done_in_group() -> str:
    """Where nothing can be said in private; no matter is named."""
    return "请写上编号再说一次，例如「R-12 已办」，编号在提醒里。"


def bind_first() -> str:
    """Who is not bound cannot be marked; how to."""
    return (
        "我还不知道您是哪位同学，没法记下。请私聊我发「/绑定 学号 姓名」，"
        "助学教师确认以后再说一次就行。"
    )


def no_such_task(number: int) -> str:
    """The same words for a number that is another class's and for one never given."""
    return f"没有找到 R-{number}。编号在提醒或通知里，例如 R-12。"


def task_over(number: int) -> str:
    """Ended or cancelled."""
    return f"R-{number} 已经结束，不再登记。有疑问请联系助学教师。"


def file_wanted(number: int, title: str) -> str:
    """Said to have handed in, but the file is what counts."""
    return f"R-{number}「{title}」要以文件为准：请把文件私聊发给我，我收到会给您回执。"


def list_says_not(at: datetime) -> str:
    """For the next reminder of somebody whose claim a list contradicts."""
    return f"您说过已经办好，但教务 {at.month}月{at.day}日 的名单里还没有您，请核对。"


# -- proof ----------------------------------------------------------------------------------------


def proof_sent(number: int) -> str:
    """A screenshot was passed on."""
    return f"已请助学教师核对（R-{number}），确认后我会私下告诉您，也不再提醒您这件事。"


def proof_card(
    number: int, title: str, class_name: str, who: str, seen: Sequence[str], *, in_group: bool
) -> str:
    """To the tutor: somebody shows that they have done it."""
    where = "图片发在班级群里" if in_group else "图片发在和我的私聊里，我转不过来"
    read = "\n".join(f"  {line}" for line in seen[:8])
    shown = f"{where}；需要时请同学直接发给您。\n"
    if seen:
        shown = f"截图上的字（机器识别，请核对）：\n{read}\n"
    return (
        f"请核对：R-{number} {title}\n{class_name} · {who} 发来截图，说已经办好。\n{shown}"
        "引用本条回复「确认」记为已办；回复别的话不改。"
    )


def proof_confirmed(number: int, who: str) -> str:
    """To the tutor."""
    return f"已记：{who} 的 R-{number} 已办，不再提醒。"


def proof_not_confirmed(number: int) -> str:
    """To the tutor: something else than 「确认」 was answered."""
    return f"R-{number} 没有改。确认请引用卡片回复「确认」，或发「/办好 R-{number} 姓名」。"


def proof_told(number: int, title: str) -> str:
    """To the student, after the tutor's word."""
    return f"助学教师已确认：{title}（R-{number}）您已办好，不再提醒您这件事。"


# -- by tutor or committee ------------------------------------------------------------------------


def marked(number: int, names: Sequence[str], *, is_done: bool) -> str:
    """By hand."""
    word = "已办，不再提醒" if is_done else "未办，到时照常提醒"
    return f"R-{number}：{'、'.join(names)} 记为{word}。"


def nobody_named(number: int, name: str) -> str:
    """Not in that class."""
    return f"R-{number} 的班里没有「{name}」，请写全名或学号。"


def several_named(name: str) -> str:
    """Two of one name."""
    return f"班里有几位「{name}」，请改用学号。"


def receipt_notice(number: int, who: str, words: str) -> str:
    """A notice that asks for 「收到」."""
    return f"通知（{who}发布，助手代发，R-{number}）\n{words}\n看到请回复「收到」。"


def receipt_open(numbers: Sequence[tuple[str, int]], *, is_roll: bool = False) -> str:
    """To who asked for it."""
    what = "接龙" if is_roll else "回执"
    places = "、".join(f"{name} R-{number}" for name, number in numbers)
    first = numbers[0][1]
    look = f"/接龙 R-{first}" if is_roll else f"/未回 R-{first}"
    return (
        f"已发到群里并开始收{what}：{places}。\n"
        f"看进度私聊我发「{look}」，结束发「/结束 R-{first}」。"
    )


def receipt_preview(names: Sequence[str], words: str) -> str:
    """Before it goes to several groups."""
    return (
        f"将发到 {len(names)} 个群：{'、'.join(names)}，并收回执。\n内容：{words}\n"
        "60 秒内回复「确认」发送，回复其他内容取消。"
    )


def roll_notice(number: int, who: str, title: str) -> str:
    """A list to put oneself on."""
    return (
        f"接龙（{who}发起，R-{number}）：{title}\n回复「+1」或「接龙」参加，「退出接龙」退出；"
        f"看名单发「/接龙 R-{number}」。"
    )


def roll(number: int, title: str, names: Sequence[str], unbound: int, *, is_open: bool) -> str:
    """The list in its order."""
    head = f"接龙 R-{number}「{title}」：{len(names) + unbound} 人"
    lines = [f"{i}. {name}" for i, name in enumerate(names[:MOST_NAMES], 1)]
    if len(names) > MOST_NAMES:
        lines.append(f"……共 {len(names)} 人")
    if unbound:
        lines.append(f"另有 {unbound} 人还没有绑定账号")
    return "\n".join([head + ("" if is_open else "（已结束）"), *lines])


def progress(number: int, title: str, *, done: int, total: int, unbound: int, what: str) -> str:
    """Figures only: for a group."""
    extra = f"；另有 {unbound} 人没绑定账号也回了" if unbound else ""
    figures = f"全班 {total} 人，{what} {done} 人，还差 {total - done} 人{extra}"
    return f"R-{number}「{title}」：{figures}。名单请私聊我看。"


def missing(
    number: int,
    title: str,
    *,
    done: int,
    total: int,
    unbound: int,
    names: Sequence[str],
    strangers: Sequence[str],
    what: str,
) -> str:
    """Who has not, for the tutor alone. `strangers` have no account the bot knows."""
    lines = [f"R-{number}「{title}」：全班 {total} 人，{what} {done} 人，还差 {total - done} 人。"]
    if unbound:
        lines.append(f"另有 {unbound} 人没绑定账号也回了，对不上是谁。")
    if names:
        lines.append(f"未{what[-1:]}（{len(names)}）：{_some(names)}")
    if strangers:
        lines.append(f"没绑定账号、提醒不到（{len(strangers)}）：{_some(strangers)}")
    if names:
        lines.append(f"只提醒他们：发「/催 R-{number}」。")
    return "\n".join(lines)


def _some(names: Sequence[str]) -> str:
    more = "……" if len(names) > MOST_NAMES else ""
    return "、".join(names[:MOST_NAMES]) + more


def urged(number: int, count: int) -> str:
    """The engine says it; when, is a matter of manners."""
    return (
        f"会提醒还没办的 {count} 人（R-{number}）：能私聊的私聊，不点名；"
        "夜里和超出群里每天条数的，往后顺延。"
    )


def urged_lately(number: int, at: str) -> str:
    """At most once an hour."""
    return f"R-{number} {at} 刚催过，一小时内只催一次。"


def nobody_to_urge(number: int) -> str:
    """Everybody has."""
    return f"R-{number} 全班都办好了，没有人要催。"


def ended(number: int, title: str) -> str:
    """No more answers are taken, no more reminders sent."""
    return f"R-{number}「{title}」已结束，不再提醒，也不再登记。"


def open_tasks(lines: Sequence[tuple[int, str, str, int, int]]) -> str:
    """R-n, class, title, done, all."""
    if not lines:
        return "现在没有在收的回执、接龙、作业，也没有在提醒的事项。"
    told = [f"R-{n} {room}「{title}」{done}/{total}" for n, room, title, done, total in lines]
    return "\n".join(["还开着的事项（已办/全班）：", *told, "看谁没办：/未回 R-编号"])


# -- collections ----------------------------------------------------------------------------------


def collection_usage() -> str:
    """How to begin one."""
    return "格式：/收作业 标题 到 12月5日 17:00"


def deadline_past(at: str) -> str:
    """A deadline that is over already, or far away."""
    return f"{at} 已经过了或太远（最多一年），请核对截止时间。"


def collection_notice(number: int, who: str, title: str, deadline: str) -> str:
    """To the group."""
    return (
        f"收作业（{who}发布，助手代收，R-{number}）：{title}\n截止：{deadline}\n"
        f"请把文件私聊发给我，发文件前后写上「R-{number}」更稳妥；收到会回您时间和校验码。"
    )


def collection_open(number: int, title: str, deadline: str, steps: Sequence[str]) -> str:
    """To who asked for it."""
    told = f"提醒：{'、'.join(steps)}，只提醒没交的。" if steps else "离截止太近，不再另外提醒。"
    return (
        f"已开始收「{title}」（R-{number}），{deadline} 截止。{told}\n没交的名单：/未回 R-{number}"
    )


def handed_in(
    number: int,
    title: str,
    name: str,
    size: str,
    at: str,
    code: str,
    *,
    version: int,
    is_late: bool,
) -> str:
    """The receipt of a file."""
    again = f"（第 {version} 版，以最新的为准）" if version > 1 else ""
    late = "\n这是截止以后交的，已注明迟交。" if is_late else ""
    return f"已收到 R-{number}「{title}」{again}\n{name}（{size}）\n{at}　校验码 {code}{late}"


def handed_in_same(number: int, at: str, code: str) -> str:
    """The very file that was there."""
    return f"和您交过的 R-{number} 是同一个文件，仍然有效。{at}　校验码 {code}"


def which_collection(choices: Sequence[tuple[int, str]]) -> str:
    """A file, and several collections are open."""
    lines = "\n".join(f"{i} {title}（R-{n}）" for i, (n, title) in enumerate(choices, 1))
    return f"文件收到了，是交哪一项的？请在一小时内回复数字，都不是回复 0：\n{lines}"


def file_dropped() -> str:
    """It belongs to nothing."""
    return "好的，这个文件没有登记。"


def one_file_only() -> str:
    """Several at once."""
    return "一次请只交一个文件；有几个请打包成 zip 再发。"


def file_refused(name: str, why: str) -> str:
    """Not taken; what to do."""
    return f"「{name}」没有收：{why}"


# Why a file is not taken.
TOO_LARGE = "文件太大，请压缩到 {limit} MB 以内再发。"
DISK_FULL = "现在存不下文件了，请过几个小时再发；急的话请直接交给老师。文字照常收。"
NOT_FETCHED = "没有下载下来，请重新发一次；还不行请发邮箱或直接交给老师。"
EMPTY = "文件是空的，请核对后重发。"
NOT_ALLOWED = "这种格式不收，请改成 Word、PDF、图片或 zip。"
IS_PROGRAM = "它是程序，不是文档。请发 Word、PDF 或图片。"
NOT_WHAT_IT_SAYS = "内容和扩展名对不上，请用原来的软件另存一份再发。"
HAS_MACROS = "里面带有宏，为安全不收。请另存为不带宏的 .docx 或 PDF。"
IS_BOMB = "压缩包解开后太大，为安全不收。请少放一些或分开交。"
UNSAFE_INSIDE = "压缩包里有程序或不安全的文件名，为安全不收。请只放文档和图片。"
