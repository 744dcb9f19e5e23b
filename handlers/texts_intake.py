"""What the bot says while it takes a complaint, at its closure, and to somebody in distress."""

from collections.abc import Sequence

from handlers import texts


def complaint_added(number: int) -> str:
    """More about a complaint that is open already."""
    return f"已补充到 T-{number}。"


def distress(hotline: str, tutor: str | None) -> str:
    """A person comes; nothing is advised by program."""
    who = f"{tutor}老师" if tutor else "老师"
    line = f"如果现在就需要有人说说话，可以拨打 {hotline}。" if hotline else ""
    return f"看到您的消息了，我已经请{who}尽快联系您。{line}"


def distress_card(*, number: int, class_name: str, asker: str, text: str) -> str:
    """Urgent, private."""
    return (
        f"请尽快联系 T-{number}\n{class_name} · {asker} 的消息像是遇到了难处：\n「{texts.clip(text)}」\n"
        f"我没有做任何劝导。联系后引用本条回复处理情况即可办结。"
    )


WHOM = ("教师", "教务", "平台", "费用", "其他")

SORTS = ("咨询", "诉求", "投诉", "建议")


def owner_in_words(level: str, *, is_hidden: bool) -> str:
    """Who has it, never by name."""
    who = "助学教师" if level == "tutor" else f"{texts.LEVEL_NAMES[level]}管理人员"
    return f"由{who}处理" + ("，助学教师看不到" if is_hidden else "")


def intake_opened(number: int, category: str, owner: str, due: str, question: str) -> str:
    """The receipt, and the next thing worth knowing."""
    return f"您的{category}已登记，编号 T-{number}，{owner}，最晚 {due} 前答复。\n{question}"


def intake_stands(number: int, question: str) -> str:
    """It has its number already; the question again."""
    return f"已经开好了，编号 T-{number}。{question}"


def intake_what() -> str:
    """First."""
    return "请说说经过：什么时候、什么事；图片、文件也可以发来作凭证。"


def intake_whom() -> str:
    """Second."""
    lines = "\n".join(f"{index}. {name}" for index, name in enumerate(WHOM, 1))
    return f"主要和哪方面有关？回复数字即可，也可以回「跳过」：\n{lines}"


def intake_sort() -> str:
    """For the province: which kind."""
    lines = "\n".join(f"{index}. {name}" for index, name in enumerate(SORTS, 1))
    return f"这属于哪一种？回复数字即可，也可以回「跳过」：\n{lines}"


def intake_wants() -> str:
    """Third."""
    return "您希望怎样解决？用一句话说，也可以回「跳过」。"


def intake_noted(question: str) -> str:
    """An answer in between."""
    return f"记下了。{question}"


def intake_evidence(question: str) -> str:
    """A picture or a file came."""
    return f"收到，已作为凭证保存。{question}"


def intake_done(number: int, category: str, about: str, wants: str, owner: str, due: str) -> str:
    """What was taken down, whose it is and until when."""
    lines = [f"T-{number} 登记好了：{category}" + (f" · {about}" if about else "")]
    if wants:
        lines.append(f"希望：{texts.clip(wants, 60)}")
    lines.append(f"{owner}，最晚 {due} 前答复。")
    lines.append(f"还有要补充的直接发给我；查进度发「进度 T-{number}」。")
    return "\n".join(lines)


def intake_is_private() -> str:
    """In the group, to somebody who asked for it there; nothing is repeated."""
    return "这件事请到私聊里说，群里不展开。已为您开好，编号见私聊。"


def intake_how_to_begin() -> str:
    """The same where the bot cannot open the private chat."""
    return "这件事请私聊我说，群里不展开，已为您开好。点我的头像加好友，发「投诉」就能接着说、看到编号。"


def intake_way() -> str:
    """In the group, when somebody is angry: to nobody by name, once a day."""
    return "有问题要反映的同学可以私聊我发「投诉」：有编号、有人管、有期限，群里不展开。"


def added_by_cap(number: int) -> str:
    """There are as many numbers as one person gets in half a day."""
    return f"已补充到 T-{number}。半天内登记的事项已经不少，我都并在这一件里，不会漏掉。"


def case_card(
    *, number: int, class_name: str, category: str, asker: str, text: str, due: str
) -> str:
    """To a supervisor: something has come to the desk directly."""
    return (
        f"{category} T-{number}\n{class_name} · {asker}\n「{texts.clip(text)}」\n"
        f"最晚 {due} 前答复：可在网页办理，或发「/答复 T-{number} 内容」。"
    )


def reopened_card(number: int, class_name: str, category: str, mark: int) -> str:
    """To whoever has it next after a bad mark."""
    return f"{category} T-{number}（{class_name}）学生评了 {mark} 分，没有解决，已重新打开，转到您这里。"


def distress_unattended(number: int, class_name: str, minutes: int) -> str:
    """To the supervisor: nobody has taken it."""
    return (
        f"请尽快处理 T-{number}（{class_name}）：有同学像是遇到了难处，"
        f"{minutes} 分钟了助学教师还没有回应。请直接联系教师或本人。"
    )


def sealed() -> str:
    """Stands where the words of somebody in distress are not this reader's to see."""
    return "（心理关怀，内容只有本班助学教师和值班管理人员能看）"


def distress_noted() -> str:
    """Somebody in distress writes again."""
    return "我在，您说的已经马上转给老师了。"


def distress_stranger(hotline: str) -> str:
    """Somebody in distress of whom nobody knows who it is."""
    line = f"请现在就拨打 {hotline}，那边一直有人。" if hotline else ""
    return f"看到您的消息了。我还不知道您是哪个班的，请告诉我您的姓名和班级，我马上请老师联系您。{line}"


def manners_hint() -> str:
    """In private, to whoever advertised or swore; nothing is repeated."""
    return (
        "刚才那条消息不太适合发在班级群里（广告、刷屏或伤人的话），麻烦您撤回。"
        "有不满可以私聊我发「投诉」，会有人处理。"
    )


def manners_card(class_name: str, asker: str) -> str:
    """To the tutor, the second time in a day; who did what stays between the two."""
    return (
        f"{class_name} · {asker} 今天又在群里发了广告或不文明的话，我已私下提醒过。"
        "要不要提醒、禁言由您决定，我不会自己禁言。"
    )


def progress_of(
    number: int, category: str, state: str, asked: str, *, owner: str, due: str, answer: str
) -> str:
    """Where T-n stands, to whoever asked."""
    what = "" if category == texts.CATEGORY_NAMES["inquiry"] else f"（{category}）"
    lines = [f"T-{number}{what}：{state}（{asked} 提出）"]
    if owner:
        lines.append(f"{owner}，最晚 {due} 前答复。" if due else f"{owner}。")
    if answer:
        lines.append(f"答复：{answer}")
    return "\n".join(lines)


def nothing_open() -> str:
    """「进度」 without anything to tell."""
    return "您没有正在办的事项。查办完的请发「进度 T-编号」。"


def open_items(lines: Sequence[str]) -> str:
    """「进度」 without a number."""
    return "您正在办的事项：\n" + "\n".join(lines)


def open_item(number: int, category: str, state: str, due: str) -> str:
    """One line of it."""
    return f"T-{number} {category} · {state}" + (f" · 最晚 {due} 前答复" if due else "")


def ask_in_private(word: str) -> str:
    """What is somebody's own is not told in the group."""
    return f"这涉及您个人，请私聊我发「{word}」。"


def own_record(
    *,
    name: str,
    student_no: str,
    classes: Sequence[str],
    accounts: Sequence[str],
    rows: Sequence[tuple[str, int]],
    since: str,
    open_numbers: Sequence[int],
    held: Sequence[tuple[str, int]] = (),
) -> str:
    """「我的记录」: what is kept about whoever asks; `held` is how many rows of each sort."""
    everything = "、".join(f"{sort} {count}" for sort, count in held)
    counted = "、".join(f"{kind} {count} 条" for kind, count in rows) or "没有"
    waiting = "、".join(f"T-{number}" for number in open_numbers) or "没有"
    return (
        "我这里保存的您的信息：\n"
        f"姓名：{name or '（没有登记）'}\n学号：{student_no or '（没有登记）'}\n"
        f"班级：{'、'.join(classes) or '（没有登记）'}\n"
        f"账号：{'、'.join(accounts)}\n"
        f"台账：{counted}"
        + (f"（最早 {since}）" if since else "")
        + "\n"
        + (f"一共存着：{everything}\n" if everything else "")
        + f"正在办：{waiting}\n"
        "有错发「更正 内容」，要删除发「删除 内容」，由管理人员核实后办理。"
    )


def rights_opened(number: int, category: str, due: str) -> str:
    """A request about one's own data has a number; no program does it."""
    return (
        f"{category}的申请已登记，编号 T-{number}，由市县开大管理人员核实后办理，"
        f"最晚 {due} 前答复。查进度发「进度 T-{number}」。"
    )


def rights_usage(word: str) -> str:
    """What is it that is wrong?"""
    return (
        f"请写明内容，例如「{word} 我的姓名写错了，应为李明」。发「我的记录」可以看到保存了什么。"
    )


def mark_asked() -> str:
    """Behind an answer that is brought."""
    return "解决得怎样？请回 1–5 的数字（5 最满意；1、2 会换人再办）。"


def mark_invited(number: int) -> str:
    """Behind the words that close it."""
    return (
        f"T-{number} 已办结。满意请回 1–5 的数字（5 最满意，1–2 分会换人重新处理），48 小时内有效。"
    )


def mark_thanked(number: int, mark: int) -> str:
    """3 to 5."""
    return f"谢谢，T-{number} 记下了 {mark} 分。"


def mark_reopens(number: int, mark: int, level: str) -> str:
    """1 or 2: who has it now."""
    return (
        f"记下了 {mark} 分，没帮您解决好，抱歉。T-{number} 已重新打开，"
        f"接下来由{texts.LEVEL_NAMES[level]}管理人员处理。哪里没解决，请私聊我说说，我会附在后面。"
    )
