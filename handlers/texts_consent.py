"""What is kept of somebody, how long, and how to refuse: sentences for students."""


def first_contact(*, is_private: bool) -> str:
    """Goes below the first reply somebody gets; purpose, what, how long, how to refuse."""
    if not is_private:
        return (
            "〔首次提示〕您对我说的话存 180 天，用来答复您、记录老师的服务；"
            "私聊我发「隐私」看全部，「不同意」可以拒绝。"
        )
    return (
        "〔首次提示〕我是程序。您对我说的话和编号事项会记下来，用来答复您、转给老师、记录老师的服务；"
        "原话存 180 天，投诉存 3 年。\n"
        "发「隐私」看全部；发「不同意」可以拒绝，以后只答公开的问题。"
    )


def notice(*, has_refused: bool) -> str:
    """「隐私」: all of it."""
    state = "您现在：不同意（发「同意」恢复）。" if has_refused else "您现在：没有拒绝。"
    return (
        "我怎样对待您的信息\n"
        "做什么用：答复您，转给老师办，提醒您还没办的事，记录老师的服务。\n"
        "存什么：您对我说的话、编号事项、绑定的学号；班里没有 @我 的闲聊不存；证件号、银行卡号入库前抹去。\n"
        "存多久：原话 180 天，求助办结后 90 天，投诉和建议办结后 3 年。\n"
        "谁看得到：本班助学教师和上级管理人员；投诉老师的，那位老师看不到。\n"
        "您可以：「我的记录」查看，「更正 …」「删除 …」由老师核实后办理，「不同意」拒绝。\n"
        f"{state}"
    )


def refused() -> str:
    """「不同意」."""
    return (
        "好。以后您对我说的话不留原文，也不记在您名下；我只答公开的问题，不转老师、不办编号事项。"
        "有急事请直接找老师。改主意了发「同意」；以前的记录要删，请发「删除 内容」。"
    )


def agreed() -> str:
    """「同意」."""
    return "好，恢复了：有问题可以转给老师，有编号可查。"


def needs_agreement() -> str:
    """Something that cannot be done without keeping it."""
    return "这件事要转给老师并记下来，而您选过「不同意」。请直接找老师；或者发「同意」，再说一遍。"
