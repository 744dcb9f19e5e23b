"""What the bot says while a chat account is bound to a student."""

from handlers import texts


def binding_code(code: str, minutes: int) -> str:
    """Told in private to whoever is known here."""
    return (
        f"绑定码：{code}（{minutes} 分钟内有效，只能用一次）\n"
        f"请用您的另一个账号私聊我：/绑定 {code}\n绑定码等于您本人，不要发给别人，也不要发到群里。"
    )


def binding_done() -> str:
    """Two accounts are one person from now on."""
    return "绑定好了：您的两个账号现在是同一个人，问过的事、办的进度都能接着查。"


def binding_done_before(name: str) -> str:
    """The account is somebody's already."""
    return f"这个账号已经绑定为{name}，不用再绑。绑错了请找助学教师更正。"


def binding_wrong(*, is_last: bool) -> str:
    """A code nobody was given, or too late; the same words for both."""
    if is_last:
        return "错的次数太多了，请一小时以后再试，或请助学教师帮您登记。"
    return "绑定码不对或已经过期。请用已绑定的账号私聊我「/绑定」，取一个新的。"


def binding_asked() -> str:
    """A request is with the tutor, if there is such a student at all."""
    return "好的。如果学号和姓名与名单一致，本班助学教师会收到请求；老师确认以后我会告诉您。"


def binding_card(class_name: str, name: str, student_no: str, shown_name: str) -> str:
    """To the tutor: somebody says they are one of the class."""
    return (
        f"绑定请求：昵称「{texts.clip(shown_name, 20)}」的账号说自己是 {class_name} {name}"
        f"（学号尾号 {student_no[-4:]}）。\n您确定是本人，请引用本条回复「确认」；不确定就不用理会。"
    )


def binding_confirmed() -> str:
    """To the tutor."""
    return "已绑定，记了您的名字和时间。"


def binding_confirmed_before() -> str:
    """Somebody was quicker, or the account is somebody else's."""
    return "这个账号已经绑定过了，没有改动。"


def binding_not_confirmed() -> str:
    """Anything but a plain yes."""
    return "没有绑定。确定是本人，请引用那条请求回复「确认」两个字。"


def binding_unknown() -> str:
    """Nobody to give a code to."""
    return (
        "我还不认识这个账号。如果您在另一个平台（QQ 或微信）已经绑定，请在那边私聊我「/绑定」取码，"
        "再回来发给我；都没有绑定过，就私聊我「/绑定 学号 姓名」，由助学教师确认。"
    )


def binding_of_staff() -> str:
    """Rights do not travel by code."""
    return "教师账号带有权限，不能自助绑定，请学校管理员在教师表里登记。"


def binding_usage() -> str:
    """Neither a code nor nothing."""
    return (
        "私聊里发「/绑定」取绑定码，「/绑定 八位数字」使用它；老师给的码发「/绑定 学号 六位数字」；"
        "没有码就「/绑定 学号 姓名」请老师确认。绑定班级请在群里发「/绑定 班级」。"
    )
