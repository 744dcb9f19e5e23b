"""What the bot says about questions that wait: to the tutor, on the clocks, passing on and cover."""

from collections.abc import Sequence
from datetime import date, datetime

from handlers import texts


def card(
    *, number: int, class_name: str, asker: str, asked_at: datetime, text: str, now: datetime
) -> str:
    """What waits for the tutor, and the two ways to answer."""
    return (
        f"待答复 T-{number}\n{class_name} · {asker} · {texts.instant(asked_at, now)}\n「{texts.clip(text)}」\n"
        f"引用本条直接回复，或发「/答复 T-{number} 内容」，我会转给学生并记在您名下。"
    )


def card_again(number: int, asker: str) -> str:
    """The student asks again."""
    return f"{asker} 又问了一次 T-{number}，还在等您答复。"


def privacy_card(class_name: str, asker: str) -> str:
    """Somebody posted private numbers in the group."""
    return (
        f"{class_name} · {asker} 在群里发了证件号、电话或密码一类的信息，我已提示撤回，请您留意。"
    )


def relayed(by: str, numbers: Sequence[int], text: str) -> str:
    """An answer, brought to the student and named as whose it is."""
    return f"转达 {by} 对 {numbers_in_words(numbers)} 的答复：\n{text}"


def replied(numbers: Sequence[int], department: str = "") -> str:
    """To whoever answered: delivered and counted, once however many it was for."""
    if department:
        return f"{numbers_in_words(numbers)} 已以「{department}」的名义转达学生并办结，谢谢。"
    if len(numbers) > 1:
        return f"{numbers_in_words(numbers)} 问的是同一件事，已一并转达 {len(numbers)} 位学生并办结，记您一次答复。"
    return f"T-{numbers[0]} 已转达学生并办结，记在您名下。"


def cared_for(number: int) -> str:
    """To the tutor: closed, and told to nobody."""
    return f"T-{number} 已办结，记在您名下。处理情况只留在记录里，没有发给任何人。"


def empty_reply(number: int) -> str:
    """「收到」 is no answer."""
    return f"「收到」一类的话不算答复，T-{number} 还在等。请发实际答复内容。"


def no_such_number(number: int) -> str:
    """T-n is not there, or not the speaker's to see."""
    return f"没有找到 T-{number}，请核对编号；发「/待办」可以看到所有等您答复的问题。"


def closed_already(number: int) -> str:
    """Somebody was faster."""
    return f"T-{number} 已经办结了，没有重复发送。"


def todo(items: Sequence[tuple[int, str, str, str, str, str]], more: int) -> str:
    """What waits, oldest first: number, class, asker, how long, text, what else is to be known."""
    if not items:
        return "没有等您答复的问题。"
    lines = [
        f"T-{number} 等了{waited} · {class_name} {asker}\n  {texts.clip(text, 40)}"
        + (f"\n  {note}" if note else "")
        for number, class_name, asker, waited, text, note in items
    ]
    tail = f"\n……还有 {more} 条" if more else ""
    return f"等您答复（{len(items) + more}）：\n" + "\n".join(lines) + tail


def daily(
    *,
    day: date,
    class_names: str,
    questions: int,
    by_bot: int,
    by_tutor: int,
    by_classmate: int,
    complaints: int,
    notices: int,
    waiting: int,
    oldest: str,
    median: str,
    by_department: int = 0,
    closed_by_tutor: int = 0,
) -> str:
    """A tutor's day; bot, tutor and classmates are counted apart."""
    lines = [
        f"{day.month}月{day.day}日 日报 · {class_names}",
        f"学生提问 {questions}",
        f"  机器人答复 {by_bot}（单列，不计入您的答复）",
        f"  您答复 {by_tutor}"
        + (f"，办结 {closed_by_tutor} 件" if closed_by_tutor > by_tutor else "")
        + (f"，首次答复用时中位数 {median}" if median else ""),
        f"  同学解答 {by_classmate}",
        *([f"  部门答复 {by_department}"] if by_department else []),
        f"投诉 {complaints} · 公告 {notices}",
        f"还在等您答复 {waiting}" + (f"，最久 {oldest}" if oldest else ""),
    ]
    return "\n".join(lines)


def ledger(rows: Sequence[str], total: int) -> str:
    """The newest rows of the record."""
    if not rows:
        return "这一天台账里还没有记录。"
    tail = f"\n……共 {total} 条，全部见网页台账" if total > len(rows) else ""
    return "台账：\n" + "\n".join(rows) + tail


def progress(number: int, state: str, asked: str, answer_text: str | None) -> str:
    """To the student: where T-n stands."""
    tail = f"\n答复：{answer_text}" if answer_text else ""
    return f"T-{number}：{state}（{asked} 提出）{tail}"


CLOCK_NAMES = {"first_reply": "首次答复", "update": "进展", "solution": "办结"}


def clock_card(lines: Sequence[str]) -> str:
    """Warnings about what waits, one line each."""
    shown = "\n".join(lines[:15])
    more = f"\n……还有 {len(lines) - 15} 件，发「/待办」看全部。" if len(lines) > 15 else ""
    return f"{shown}{more}\n答复：「/答复 T-编号 内容」；需要时间：「/进展 T-编号 内容」。"


def clock_line(
    number: int, class_name: str, clock: str, stage: int, at: datetime, now: datetime
) -> str:
    """One hand-off whose clock has come so far."""
    what = CLOCK_NAMES[clock]
    if stage >= 100:
        return f"T-{number} {class_name}：{what}已超时（{texts.instant(at, now)} 到期）。"
    return f"T-{number} {class_name}：{what}时限已用 {stage}%，{texts.instant(at, now)} 到期。"


def escalated_line(number: int, class_name: str, category: str, clock: str) -> str:
    """One hand-off that has come up the ladder."""
    what = CLOCK_NAMES[clock]
    return f"T-{number} {class_name} {texts.CATEGORY_NAMES[category]}：{what}超时，转到您这里，请处理。"


def adopted_line(number: int, class_name: str) -> str:
    """One hand-off of a class that has no tutor."""
    return f"T-{number} {class_name}：班级现在没有助学教师，转到您这里；请尽快指派教师。"


def silence_card(tutor: str, waiting: int, since: datetime, now: datetime) -> str:
    """To the supervisor: nobody was answered for two working days."""
    return (
        f"{tutor}老师自 {texts.instant(since, now)} 起两个工作日没有答复任何学生，现有 {waiting} 件在等。\n"
        "请了解情况：是否请假、是否需要安排代班（/请假 … 代 姓名）。这只是提醒，不计入考核。"
    )


def silence_warning(waiting: int, since: datetime, now: datetime) -> str:
    """To the tutor, before the supervisor hears of it."""
    return (
        f"您自 {texts.instant(since, now)} 起还没有答复过学生，有 {waiting} 件在等，"
        "再过约 4 个工作小时会提醒管理人员。\n忙不过来请发「/进展 T-编号 内容」，有事请发「/请假 … 代 姓名」。"
    )


def numbers_in_words(numbers: Sequence[int]) -> str:
    """「T-3、T-5」."""
    return "、".join(f"T-{number}" for number in numbers)


def card_of_more(number: int, others: int, text: str) -> str:
    """To the tutor: the same question again, by others; one answer does for all."""
    return (
        f"T-{number} 又有 {others} 位同学问同样的问题：\n「{texts.clip(text)}」\n"
        f"引用本条直接回复，或发「/答复 T-{number} 内容」，一次答复全部。"
    )


def something_to_read(number: int) -> str:
    """In the group, to somebody the platform lets nobody write to: nothing of what it is about."""
    return f"您的 T-{number} 有新消息，请私聊我发「/进度 T-{number}」查看。"


def updated_by_tutor(name: str, numbers: Sequence[int], text: str) -> str:
    """How it stands, brought to the asker; it stays open."""
    return f"{numbers_in_words(numbers)} 的进展（{name}老师）：\n{text}\n还在办理，办结会再告诉您。"


def update_sent(numbers: Sequence[int]) -> str:
    """To the tutor: told, and still open."""
    return f"{numbers_in_words(numbers)} 的进展已告诉学生；还没有办结，办好后请发「/答复」。"


def empty_update(number: int) -> str:
    """「在处理」 tells nothing."""
    return f"这样的话学生看不出办到哪了，没有发送。请写明办到哪一步、什么时候有结果：/进展 T-{number} 内容"


def extended_by_tutor(name: str, number: int, reason: str, due: str) -> str:
    """More time is needed, once, and why."""
    return f"T-{number} 还需要一些时间，{name}老师最晚 {due} 答复您。原因：{reason}"


def extended(number: int, due: str) -> str:
    """To the tutor."""
    return f"T-{number} 已延期到 {due}，原因已告诉学生。只能延这一次。"


def extended_before(number: int) -> str:
    """Once is all there is."""
    return (
        f"T-{number} 已经延期过一次，不能再延。可以先发「/进展 T-{number} 内容」告诉学生办到哪了。"
    )


def question_is_not_extended(number: int) -> str:
    """A question is answered, or passed on; its clock is that of the first reply."""
    return f"T-{number} 是咨询，按首次答复计时，不办延期。办不了请发「/转 部门 T-{number}」，需要时间请发「/进展 T-{number} 内容」。"


def only_by_people(number: int) -> str:
    """A student in distress is not passed around."""
    return f"T-{number} 只由您当面或电话处理，不转、不代发消息。联系后请用「/答复 T-{number} 处理情况」办结。"


def passed_on_card(
    *, number: int, department: str, by: str, class_name: str, text: str, words: str, due: str
) -> str:
    """To a department's contact: the question, who sends it, by when; no names, no ids."""
    note = f"{by}老师补充：{words}\n" if words else ""
    return (
        f"请{department}协助答复 T-{number}（{by}老师转来）\n{class_name} 同学：「{texts.clip(text)}」\n{note}"
        f"请在 {due} 前引用本条直接回复，或发「/答复 T-{number} 内容」，我会以「{department}」的名义转给学生。"
    )


def passed_on(number: int, department: str, person: str, due: str) -> str:
    """To whoever passed it on."""
    return f"T-{number} 已转{department}（{person}），请对方 {due} 前答复，答复会直接转给学生；到时没有答复会退回给您。"


def passed_on_told(numbers: Sequence[int], department: str, due: str) -> str:
    """To the asker: who has it now."""
    return (
        f"{numbers_in_words(numbers)} 已转{department}，预计 {due} 前答复。有回复我会在这里告诉您。"
    )


def passed_on_before(number: int, department: str) -> str:
    """It is there already."""
    return f"T-{number} 已经在{department}那里了，没有重复转。"


def no_such_department(name: str, known: Sequence[str]) -> str:
    """Nobody to pass it on to, and who there is."""
    if not known:
        return "还没有登记部门联系人，请管理员先导入（import contacts）。没有转出。"
    return f"没有登记「{texts.clip(name, 10)}」的联系人。可以转：{'、'.join(known)}。"


def department_unreachable(name: str) -> str:
    """A contact the bot cannot write to."""
    return f"{name}的联系人还没有加我或私聊过我，消息送不到，没有转出。请对方先私聊我说一句话。"


def with_you_no_longer(number: int) -> str:
    """To a department's contact: closed or taken back."""
    return f"T-{number} 已经不在您这里了（已办结或已退回），这条没有转给学生。"


def given_back(number: int, department: str, text: str) -> str:
    """To the owner: the department has not answered in time."""
    return (
        f"T-{number} 转给{department}后到期没有答复，已退回给您，请接着办理：\n「{texts.clip(text)}」\n"
        f"引用本条直接回复，或发「/答复 T-{number} 内容」。"
    )


def leave_usage() -> str:
    """The right form."""
    return "格式：/请假 12-01 12-05 代 赵强（也可以写「今天到周五」）"


def leave_span(first: date, last: date) -> str:
    """12月1日 至 12月5日, both included."""
    one = f"{first.month}月{first.day}日"
    return one if first == last else f"{one}至{last.month}月{last.day}日"


def leave_makes_no_sense(longest: int) -> str:
    """The wrong way round, over already, or too long."""
    return f"日期不对：结束不能早于开始，不能是过去的日子，一次最长 {longest} 天。没有登记。"


def leave_begins(span: str, cover: str, class_names: Sequence[str], before: Sequence[str]) -> str:
    """To the tutor who goes."""
    instead = f"（原来登记的代班 {'、'.join(before)} 已取消）" if before else ""
    return (
        f"已登记：{span} 您请假，{'、'.join(class_names)} 由{cover}老师代班{instead}。"
        "这期间新问题转给代班老师，待办里您也看得到。提前回来请发「/销假」。"
    )


def cover_begins(span: str, away: str, class_names: Sequence[str]) -> str:
    """To whoever stands in."""
    return f"{away}老师 {span} 请假，{'、'.join(class_names)} 由您代班：新问题会转给您，发「/待办」看还在等的。"


def cover_over(away: str) -> str:
    """To whoever stood in."""
    return f"{away}老师已销假，代班结束，谢谢。还没办完的会转回{away}老师。"


def leave_over(covers: Sequence[str]) -> str:
    """To the tutor who is back."""
    return f"已销假，{'、'.join(covers)}老师的代班结束。发「/待办」看还在等您答复的问题。"


def not_on_leave() -> str:
    """Nothing to end."""
    return "您没有登记请假，不用销假。"


def no_such_cover(name: str) -> str:
    """Nobody of this name may stand in."""
    return f"没有找到可以代班的「{texts.clip(name, 10)}」：代班的要是本单位登记在册的助学教师或管理人员。没有登记请假。"


def ambiguous_cover(name: str) -> str:
    """Two of the same name."""
    return f"本单位有不止一位「{texts.clip(name, 10)}」，不能确定是谁，没有登记请假。请联系管理员办理。"


def cover_is_away(name: str) -> str:
    """Whoever should stand in is away too."""
    return f"{name}老师这几天也请假，不能代班，没有登记。"


def todo_note(due: str, *, department: str, is_extended: bool, others: int) -> str:
    """What else is to be known of one line of the list."""
    notes = [due] if due else []
    if department:
        notes.append(f"已转{department}")
    if is_extended:
        notes.append("已延期")
    if others:
        notes.append(f"还有 {others} 位同学问同样的问题，一次答复全部")
    return " · ".join(notes)


def todo_of_department(items: Sequence[tuple[int, str, str, str]]) -> str:
    """What was passed on to a contact: number, class, due, text."""
    if not items:
        return "没有转给您的问题。"
    lines = [
        f"T-{number} {class_name} 同学 · {due}\n  {texts.clip(text, 40)}"
        for number, class_name, due, text in items
    ]
    return f"转给您的（{len(items)}）：\n" + "\n".join(lines) + "\n答复：「/答复 T-编号 内容」"
