"""What the bot says when it learns an answer from people."""

from collections.abc import Sequence
from datetime import datetime

from handlers import texts


def answer_of_tutor(name: str, at: datetime) -> str:
    """The source line of an entry in a tutor's words."""
    return f"{name}老师答复 {at.month}月{at.day}日"


def answer_of_unit(at: datetime) -> str:
    """The source line of an entry a supervisor has written."""
    return f"办学单位答复 {at.month}月{at.day}日"


def edited(source: str) -> str:
    """The source line of a tutor's words that a supervisor has changed."""
    return f"{source}，督导整理"


def suggested(number: int, perishable: Sequence[str]) -> str:
    """To the tutor: what happens next with an answer worth keeping."""
    marked = (
        f"\n答案里有「{'」「'.join(perishable[:5])}」，审核时会要求写明有效到哪天。"
        if perishable
        else ""
    )
    return (
        f"T-{number} 的答复已记为待审建议，姓名和号码已隐去。督导用以前的问题试过、批准后才发布，"
        f"结果会私聊告诉您；发布前我不会用它回答学生。{marked}"
    )


def suggested_already(number: int, standing: str) -> str:
    """Once is enough."""
    state = "已经发布了" if standing == "published" else "已经在待审了"
    return f"T-{number} 的答复{state}，不用再收录。"


def only_questions_are_kept(number: int) -> str:
    """A complaint or a cry for help is nobody's example."""
    return f"只有咨询的答复能收录，T-{number} 不是咨询，没有收录。"


def answer_first(number: int) -> str:
    """Nothing to keep yet."""
    return f"T-{number} 还没有答复。请先发「/答复 T-{number} 内容」，再收录。"


def classmates_answer(number: int) -> str:
    """Nobody answers for it."""
    return f"T-{number} 是同学解答的，不能直接收录。督导可以在网页「知识」里把它写成一条。"


def question_is_gone(number: int) -> str:
    """Taken back, or nothing but a picture."""
    return f"T-{number} 的问题已撤回或没有文字，没有收录。"


def glad() -> str:
    """「有用」 in private."""
    return "好的，谢谢您告诉我。"


def noted_already() -> str:
    """Said twice."""
    return "已经记下了，谢谢。"


def handed_off_as_useless(number: int, tutor: str | None, due: str = "") -> str:
    """「没用」: a person has the question now."""
    return f"没帮上您，不好意思。{texts.handed_off(number, tutor, due)}"


def suggestion_published(hand_off: int | None, question: str, scope: str) -> str:
    """To whoever suggested it."""
    origin = f"您收录的 T-{hand_off} " if hand_off else "您建议的条目"
    return f"{origin}已发布：「{texts.clip(question, 60)}」。{scope}的学生再问，我会直接回答并注明出处。"


def suggestion_rejected(hand_off: int | None, question: str, reason: str) -> str:
    """To whoever suggested it, with the reason."""
    origin = f"您收录的 T-{hand_off} " if hand_off else "您建议的条目"
    return (
        f"{origin}没有发布：「{texts.clip(question, 60)}」。\n督导的意见：{texts.clip(reason, 200)}\n"
        "这不影响您已经给学生的答复；改好后可以再收录。"
    )
