"""What the bot says about commands, classes and notices."""

from collections.abc import Mapping, Sequence

from handlers import texts
from storage.vocabulary import Role


def which_class() -> str:
    """A private chat with somebody nobody has on a list."""
    return "我还不知道您在哪个班，没法帮您转给老师。请先在班级群里 @我 说一句话，或者请助学教师导入名单。"


def group_not_bound() -> str:
    """Spoken to in a group that is no class's."""
    return "本群还没有绑定班级。请助学教师在群里发送「/绑定 班级名称」，例如：/绑定 计算机2301"


def only_in_private() -> str:
    """Names are nobody else's business."""
    return "这里面有同学的名字，请私聊我再发。"


def refused() -> str:
    """Somebody asks for what is not theirs to ask."""
    return "这件事我不能按聊天里的要求去做。需要办理请联系助学教师；想咨询请直接说问题。"


def not_allowed() -> str:
    """The same polite sentence for every command that is not the speaker's."""
    return "这个命令只有本班助学教师或管理人员可以用。有问题请直接问我，我会答复或转给老师。"


def help_for(role: Role, groups: Mapping[str, Sequence[str]]) -> str:
    """Only what this reader may use, by what it is for."""
    head = {
        Role.TUTOR: "您可以用的命令：",
        Role.SUPERVISOR: "您可以用的命令：",
    }.get(role, "直接说问题就行，例如「期末考试什么时候报名」。还可以用：")
    lines = [
        f"{group}：{' '.join('/' + name for name in names)}"
        for group, names in groups.items()
        if names
    ]
    return "\n".join((head, *lines, "发「/帮助 提醒」这样的话，看一组怎么用。"))


def help_with(word: str, lines: Sequence[tuple[str, str]], groups: Sequence[str]) -> str:
    """How the commands of a group, or one command, are written."""
    if not lines:
        return f"没有「{texts.clip(word, 10)}」这一组。可以看：{'、'.join(groups)}。"
    return "\n".join(f"{usage}　{what}" for usage, what in lines)


def unknown_command(name: str, suggestion: str | None) -> str:
    """A command that is none, with the nearest that is."""
    hint = f"您是不是想发「/{suggestion}」？" if suggestion else "发「/帮助」看看能用什么。"
    return f"没有「/{texts.clip(name, 10)}」这个命令。{hint}"


def usage(line: str) -> str:
    """The right form."""
    return f"格式：{line}"


def bound(class_name: str) -> str:
    """This group is that class's now."""
    return f"本群已绑定 {class_name}。同学们有问题可以 @我 或直接问。"


def bound_already(class_name: str) -> str:
    """Nothing to do."""
    return f"本群已经绑定 {class_name}，没有改动。"


def no_such_class(name: str) -> str:
    """Unknown class."""
    return f"没有找到班级「{texts.clip(name, 30)}」。请核对名称；新班级请管理员先导入。"


def only_in_group() -> str:
    """Binding needs a group to bind."""
    return "请在要绑定的班级群里发送这个命令。"


def which_of_your_classes(names: Sequence[str], usage_line: str) -> str:
    """A tutor of several classes must say which."""
    return f"您带 {len(names)} 个班，请写明班级：{usage_line}\n" + "、".join(names)


def quiet_on(until: str) -> str:
    """The bot holds its tongue."""
    return f"好的，{until} 前我在本班群里不说话；同学的问题会记到您的待办。发「/静音 关」恢复。"


def quiet_off() -> str:
    """The bot speaks again."""
    return "已恢复，我会继续在群里答疑。"


def mode_set(is_confident: bool) -> str:
    """When the bot speaks."""
    if is_confident:
        return "已设为「主动」：没 @我 但我有把握的问题也会答。"
    return "已设为「点名」：只有 @我 或发命令我才说话；其他问题记到您的待办。"


def notice(tutor: str, text: str) -> str:
    """A tutor's announcement, named as the tutor's."""
    return f"公告（{tutor}老师发布，助手代发）\n{text}"


def notice_preview(targets: Sequence[str], text: str) -> str:
    """Read back before it goes to several groups."""
    return (
        f"将发到 {len(targets)} 个群：{'、'.join(targets[:10])}\n内容：{texts.clip(text, 200)}\n"
        "60 秒内回复「确认」发送，回复其他内容取消。"
    )


def notice_sent(count: int, unreached: Sequence[str] = ()) -> str:
    """Queued to so many groups; not to those of these classes that the bot is no longer in."""
    sentence = f"公告已发往 {count} 个群，并记入台账。"
    if unreached:
        names = "、".join(unreached)
        sentence += f"\n没有发到：{names} 的群，我已不在里面。请把我重新拉进群。"
    return sentence


def notice_reaches_nobody(names: Sequence[str]) -> str:
    """The bot has been taken out of every group it should go to."""
    return f"公告没有发出：{'、'.join(names)} 的群我都不在里面了。请先把我重新拉进群。"


def notice_without_group(name: str) -> str:
    """A class without a group."""
    return f"{name} 还没有绑定任何群，公告没有发出。请先在群里发送「/绑定 {name}」。"


def cancelled() -> str:
    """A confirmation was not given."""
    return "已取消，什么也没有发。"


def recalled() -> str:
    """Stands in for the words of a message taken back."""
    return "〔已撤回〕"
