"""What the bot says when a supervisor acts, and what the desk's forms answer."""

from handlers import texts, texts_hand_offs

VERDICT_NAMES: dict[str, str] = {"true": "属实", "partly": "部分属实", "false": "不属实"}


def answered_by_supervisor(name: str, number: int, text: str) -> str:
    """A supervisor's answer, brought to the asker and named as the supervisor's."""
    return texts_hand_offs.relayed(texts.named(name, is_tutor=False), [number], text)


def updated_by_supervisor(name: str, number: int, text: str) -> str:
    """How it stands, told by a supervisor; it stays open."""
    return f"T-{number} 的进展（管理人员 {name}）：\n{text}\n还在办理，办结会再告诉您。"


def extended_by_supervisor(number: int, reason: str, due: str) -> str:
    """More time is needed, once, and why."""
    return f"T-{number} 还需要一些时间，最晚 {due} 答复您。原因：{reason}"


def answer_waits(number: int) -> str:
    """Said in the group where no private chat can be opened: nothing of what it is about."""
    return f"T-{number} 有消息了，请提问的同学私聊我发「/进度 T-{number}」查看。"


def taken_over(number: int, class_name: str, level: str) -> str:
    """To the tutor who had it: nothing moves unseen."""
    return f"T-{number}（{class_name}）已由{level}接手，不再计在您名下。"


def came_up(number: int, class_name: str, category: str, reason: str) -> str:
    """To whoever has it now."""
    why = f"转来的原因：{reason}\n" if reason else ""
    return (
        f"有一件{category} T-{number}（{class_name}）转到您这里。\n{why}"
        f"引用本条直接回复即可答复并办结，详情见网页「待办与投诉」。"
    )


def verdict_told(number: int, verdict: str, words: str) -> str:
    """To whoever complained: what was found, and what comes of it."""
    return f"您反映的 T-{number} 已调查完毕，结论：{VERDICT_NAMES[verdict]}。\n{words}"


def verdict_told_to_tutor(number: int, verdict: str, reason: str) -> str:
    """To the tutor who was heard."""
    return (
        f"关于您的投诉 T-{number} 已有结论：{VERDICT_NAMES[verdict]}。\n理由：{reason}\n"
        f"不服可以在这里发「/申辩 T-{number} 内容」，会记入案卷。"
    )


def hearing_card(number: int, class_name: str, words: str) -> str:
    """To the tutor: what is said of them, and how to be heard."""
    return (
        f"有一件涉及您的投诉 T-{number}（{class_name}），请您说明情况：\n{words}\n"
        f"引用本条直接回复，或私聊发「/申辩 T-{number} 内容」，会记入案卷，由管理人员裁定。"
        "请在 3 个工作日内说明；请不要追问是谁反映的。"
    )


def statement_recorded(number: int) -> str:
    """To the tutor: it is in the file."""
    return f"您对 T-{number} 的说明已记入案卷，管理人员会看到。还可以继续补充。"


def empty_statement(number: int) -> str:
    """「收到」 says nothing."""
    return f"请写明情况再发，T-{number} 的说明还没有记录。"


def only_a_statement(number: int) -> str:
    """A complaint about a tutor is not theirs to close."""
    return f"T-{number} 涉及您本人，不能由您答复。要说明情况请发「/申辩 T-{number} 内容」。"


def desk_empty_answer() -> str:
    """A supervisor's form without an answer in substance."""
    return "「收到」一类的话不算答复，没有发送。请写明实际内容。"


def desk_reason_missing() -> str:
    """A form without its reason."""
    return "请写明原因，没有办理。"


def desk_closed(number: int) -> str:
    """Somebody was faster."""
    return f"T-{number} 已经办结了，这次没有重复办理，也没有重复发送。"


def desk_extended_already(number: int) -> str:
    """Once is all there is."""
    return f"T-{number} 已经延期过一次，不能再延。"


def desk_moved_already(number: int) -> str:
    """Somebody was faster."""
    return f"T-{number} 刚被别人转走或办结了，这次没有改动。"


def desk_link_unknown(number: int) -> str:
    """Another unit's, or nobody's, or itself."""
    return f"没有可以关联的 T-{number}，请核对编号。"


def desk_hearing_open(number: int) -> str:
    """Once opened it stays open."""
    return f"T-{number} 的听取陈述已经开始了，没有重复发送。"


def desk_hearing_whom() -> str:
    """Which of several tutors."""
    return "请选择请哪位教师说明情况，并写明要向教师说明的内容。"


def desk_no_hearing(number: int) -> str:
    """Not about a tutor."""
    return f"T-{number} 不是对助学教师的投诉，不用听取陈述。"


def desk_no_verdict(number: int) -> str:
    """Only complaints are ruled on."""
    return f"T-{number} 不是投诉，不用裁定。"


def desk_ruled_already(number: int, verdict: str, by: str, when: str) -> str:
    """One verdict a case: whoever comes second is told the first."""
    return f"T-{number} 已由 {by} 在 {when} 裁定为「{VERDICT_NAMES[verdict]}」，这次没有改动。"


def desk_not_heard() -> str:
    """A verdict before the tutor could speak."""
    return "教师还没有陈述，也不满 3 个工作日，没有裁定。确有必要的，请勾选「教师未陈述也裁定」再提交。"


def desk_not_closed(number: int) -> str:
    """It is asked about again only once it is done."""
    return f"T-{number} 还没有办结，办结后再回访。"


def desk_no_outcome() -> str:
    """The form of a 回访 without a choice."""
    return "请选择回访结果：本人说已解决、没解决，或没联系上。"
