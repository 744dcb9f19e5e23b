"""What is said about what supervisors look over."""

from handlers.texts import clip


def returned(number: int, asked: str, answered: str, comment: str, supervisor: str) -> str:
    """To the tutor, in private: an answer of theirs is to be put right."""
    return (
        f"抽检退回 T-{number}：{supervisor}老师看过您的答复，请更正。\n"
        f"同学问：{clip(asked, 60)}\n"
        f"您答：{clip(answered, 80)}\n"
        f"意见：{clip(comment, 300)}\n"
        "请直接告诉这位同学对的说法。计入答复抽检合格率的，次日起可在日报里看到，有异议可申诉。"
    )


def not_reached() -> str:
    """To the supervisor: the tutor cannot be written to."""
    return "没有退回：这位老师不再负责这个班，或机器人给他发不了私信。可以判不合格，另行告知。"


def comment_missing() -> str:
    """To the supervisor: 不合格 without a word helps nobody."""
    return "请写明哪里不对，两个字以上；退回时老师会看到。"


def decided_already(name: str) -> str:
    """To the second of two supervisors."""
    return f"没有重复处理：{name or '别人'}已经看过了。"


def not_returnable() -> str:
    """To the supervisor: there is no tutor's answer to go back to, or it is a complaint of them."""
    return "这一件不能退回老师：不是老师答的，或涉及老师本人。"
