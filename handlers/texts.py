"""Every Chinese sentence the bot says in a chat, in one file a teacher can proof-read.

One function per message. Each fits a phone screen, says what happened and what to do next, and
never speaks as the tutor.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from storage.vocabulary import Role, Topic

TOPIC_NAMES: dict[Topic, str] = {
    Topic.COURSE_REGISTRATION: "课程注册",
    Topic.EXAM_REGISTRATION: "考试报名",
    Topic.EXAM_SCHEDULE: "期末考试",
    Topic.ADMISSION_TICKET: "准考证",
    Topic.GRADES: "成绩",
    Topic.FEES: "缴费",
    Topic.TEXTBOOK: "教材",
    Topic.PLATFORM_LOGIN: "学习平台",
    Topic.FORMATIVE_ASSESSMENT: "形考",
    Topic.PRACTICE_THESIS: "论文与实践",
    Topic.GRADUATION: "毕业",
    Topic.DEGREE: "学位",
    Topic.ENROLLMENT: "入学",
    Topic.STATUS_CHANGE: "学籍",
    Topic.PHOTO: "图像采集",
    Topic.AWARDS: "评优",
    Topic.TIMETABLE: "课表",
    Topic.ACTIVITIES: "活动",
    Topic.CONTACT: "联系",
    Topic.OTHER: "其他",
    Topic.NONE: "—",
}


def signed(name: str, text: str) -> str:
    """Every message begins with the bot's name."""
    return f"【{name}】{text}"


# -- time -----------------------------------------------------------------------------------------


def instant(at: datetime, now: datetime) -> str:
    """12月5日 09:00, with the year only where it is another."""
    year = "" if at.year == now.year else f"{at.year}年"
    return f"{year}{at.month}月{at.day}日 {at:%H:%M}"


def span(starts_at: datetime | None, ends_at: datetime | None, now: datetime) -> str:
    """From … to …, or whichever side is known."""
    if starts_at and ends_at:
        if starts_at == ends_at:
            return instant(starts_at, now)
        return f"{instant(starts_at, now)} 至 {instant(ends_at, now)}"
    if starts_at:
        return f"{instant(starts_at, now)} 开始"
    return f"{instant(ends_at, now)} 截止" if ends_at else ""


def duration(length: timedelta) -> str:
    """3 天 2 小时, 5 分钟: the two largest units at most."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes == 0:
        return "不到 1 分钟"
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {minutes} 分钟" if minutes else f"{hours} 小时"
    return f"{minutes} 分钟"


# -- questions ------------------------------------------------------------------------------------


def answer(text: str, source: str, *, is_late: bool = False) -> str:
    """A curated answer, verbatim, with where it comes from."""
    late = "（刚才离线，现在补答）\n" if is_late else ""
    return f"{late}{text}\n〔{source}〕" if source else f"{late}{text}"


#: What stands for the document where none was named.
CALENDAR = "校历"
OF_THE_SCHOOL = "本校公布"
GENERAL_PRACTICE = "通行做法"


def source_line(documents: Sequence[str], source: str, article: str) -> str:
    """
    Where an answer comes from, for 〔…〕.

    What this school has published and what is done at such schools in general are told apart.
    `documents` are those its slots were published in.
    """
    if documents and source == GENERAL_PRACTICE:
        head = f"{'、'.join(documents)}；其余是{GENERAL_PRACTICE}"
    elif source == GENERAL_PRACTICE:
        head = f"{GENERAL_PRACTICE}，以本校通知为准"
    else:
        named = [name for name in documents if name not in (CALENDAR, OF_THE_SCHOOL)]
        head = "、".join(named) or source
    return " ".join(part for part in (head, article) if part)


def article_quoted(text: str, *, is_about_meaning: bool) -> str:
    """An article of the regulation; what it means is not for a program to say."""
    if not is_about_meaning:
        return text
    return f"条文是这样写的：\n{text}\n怎样理解我不能代为解释，解释权在辽宁开放大学学生工作处（第二十五条）。"


def several(
    answers: Sequence[tuple[str, str, str]], *, handed_off: int | None, tutor: str | None
) -> str:
    """Several questions of one message: (question, answer, source) each, and what is left over."""
    parts = [
        f"{index}. 「{clip(question, 20)}」\n{answer(text, source)}"
        for index, (question, text, source) in enumerate(answers, 1)
    ]
    if handed_off is not None:
        who = f"{tutor}老师" if tutor else "助学教师"
        parts.append(f"其余的已转{who}，编号 T-{handed_off}。")
    return "\n\n".join(parts)


def answered_before(name: str, at: str, question: str, said: str) -> str:
    """A person has told this class; their words, their name, their date."""
    return (
        f"同样的问题「{clip(question, 24)}」，{name}老师 {at} 在本班答过：\n{clip(said)}\n"
        "如果不是一回事，或情况有变，回复 0 转给老师。"
    )


def answered_just_now(answered: str, at: str) -> str:
    """The group was told a moment ago: the first line again, the rest is on the screen."""
    first = clip(answered.split("\n", 1)[0], 80)
    return f"{first}\n（{at} 刚在群里答过，全文往上翻；没解决请 @我 说「转老师」）"


def personal_goes_private() -> str:
    """In the group, to a question about the asker alone; the question is not repeated."""
    return "这涉及您个人的信息，不在群里说。我已私聊您；没收到的话，请私聊我再问一次。"


def personal_needs_binding(text: str) -> str:
    """What may be said to somebody of whom it is not known who it is."""
    return f"我还不知道您是名单里的哪一位，不能查您本人的信息；请助学教师登记您的账号。可以这样自己查：\n{text}"


_SLOT_KINDS = {
    "时间": "时间",
    "链接": "网址",
    "金额": "收费标准",
    "联系": "联系方式",
    "地点": "地点",
    "规定": "本校规定",
    "个人": "个人信息",
}


def slot_in_words(slot: str) -> str:
    """「时间:考试报名」 → 「考试报名的时间」."""
    kind, _, name = slot.partition(":")
    return f"{name}的{_SLOT_KINDS.get(kind, kind)}" if name else kind


def not_published(
    known: str,
    source: str,
    missing: Sequence[str],
    number: int,
    tutor: str | None,
    due: str = "",
) -> str:
    """What is known and from where, what is not published yet, and that a person was asked."""
    lead = f"{answer(known, source)}\n" if known else ""
    names = "、".join(slot_in_words(slot) for slot in missing)
    return f"{lead}{names}：学校还没有公布，我不猜。\n{handed_off(number, tutor, due)}"


def handed_off(number: int, tutor: str | None, due: str = "") -> str:
    """A person has it now; `due` is when the school's rule has them answer, in words."""
    if tutor is None:
        return f"本班暂时没有助学教师，已记入办学单位待办，编号 T-{number}。"
    when = f"（按规定 {due} 前）" if due else ""
    return (
        f"已转助学教师，编号 T-{number}。"
        f"{tutor}老师回复后{when}我会在这里告诉您；查进度发「/进度 T-{number}」。"
    )


def handed_off_again(number: int, *, is_nudged: bool) -> str:
    """The same person asks again before there was an answer."""
    nudge = "已帮您再催一次，" if is_nudged else ""
    return f"这个问题已经在老师那里了（T-{number}），{nudge}有回复马上告诉您。"


def ask_back(choices: Sequence[str]) -> str:
    """At most three choices; a digit answers."""
    lines = "\n".join(f"{index}. {choice}" for index, choice in enumerate(choices, 1))
    return f"您想问的是哪一个？回复数字即可：\n{lines}\n0. 都不是，转给老师"


def at_your_service(name: str) -> str:
    """Addressed without a question."""
    return (
        f"您好，我是{name}，是机器人。选课、报考、缴费、形考、教材、毕业这些事可以直接问我；"
        "我答不了的会转给助学教师。"
    )


def words_please() -> str:
    """A picture or a voice message without words."""
    return "图片和语音我还看不懂，麻烦您用文字说一下问题；也可以发「转老师」，我转给助学教师。"


def seen_in_picture(words: str) -> str:
    """What was read, so that a wrong reading can be put right."""
    return f"我从图里看到：「{words[:40]}」（认错了就用文字告诉我）"


def heard_in_voice(words: str) -> str:
    """What was heard, so that it can be put right."""
    return f"我听到的是：「{words[:40]}」（听错了就打字告诉我）"


def with_picture(text: str, seen: str) -> str:
    """The student's words and what stands on the picture, for whoever is to answer."""
    return f"{text}〔图里的字：{seen[:300]}〕"


def phrased_by_model(text: str, question: str) -> str:
    """Words that a language model put together from one entry; the source line follows."""
    return f"（AI 整理，以下依据：{question}）\n{text}"


def which_class() -> str:
    """A private chat with somebody nobody has on a list."""
    return "我还不知道您在哪个班，没法帮您转给老师。请先在班级群里 @我 说一句话，或者请助学教师导入名单。"


def group_not_bound() -> str:
    """Spoken to in a group that is no class's."""
    return "本群还没有绑定班级。请助学教师在群里发送「/绑定 班级名称」，例如：/绑定 计算机2301"


def failed() -> str:
    """The handler failed every time; a person has it."""
    return "这条消息我没能处理好，已经记下来转给老师，请稍等。"


# -- complaints, care, privacy, refusals -----------------------------------------------------------


def complaint_added(number: int) -> str:
    """More about a complaint that is open already."""
    return f"已补充到 T-{number}。"


def distress(hotline: str, tutor: str | None) -> str:
    """A person comes; nothing is advised by program."""
    who = f"{tutor}老师" if tutor else "老师"
    line = f"如果现在就需要有人说说话，可以拨打 {hotline}。" if hotline else ""
    return f"看到您的消息了，我已经请{who}尽快联系您。{line}"


def privacy_hint() -> str:
    """Said to whoever posted a number, without repeating it."""
    return (
        "刚才那条消息里有身份证号、手机号、卡号或密码一类的信息，建议马上撤回。"
        "我这里只保存了隐去号码的版本；要办事请私聊老师。"
    )


def privacy_hint_to_nobody() -> str:
    """Said in the group where its author cannot be written to: names nobody, quotes nothing."""
    return "刚才群里有条消息像是带了个人信息，请发的同学撤回；这类事情请私聊老师办理。"


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
        f"绑定请求：昵称「{clip(shown_name, 20)}」的账号说自己是 {class_name} {name}"
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


def only_in_private() -> str:
    """Names are nobody else's business."""
    return "这里面有同学的名字，请私聊我再发。"


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


def refused() -> str:
    """Somebody asks for what is not theirs to ask."""
    return "这件事我不能按聊天里的要求去做。需要办理请联系助学教师；想咨询请直接说问题。"


def not_allowed() -> str:
    """The same polite sentence for every command that is not the speaker's."""
    return "这个命令只有本班助学教师或管理人员可以用。有问题请直接问我，我会答复或转给老师。"


# -- to the tutor ---------------------------------------------------------------------------------


def card(
    *, number: int, class_name: str, asker: str, asked_at: datetime, text: str, now: datetime
) -> str:
    """What waits for the tutor, and the two ways to answer."""
    return (
        f"待答复 T-{number}\n{class_name} · {asker} · {instant(asked_at, now)}\n「{clip(text)}」\n"
        f"引用本条直接回复，或发「/答复 T-{number} 内容」，我会转给学生并记在您名下。"
    )


def card_again(number: int, asker: str) -> str:
    """The student asks again."""
    return f"{asker} 又问了一次 T-{number}，还在等您答复。"


def distress_card(*, number: int, class_name: str, asker: str, text: str) -> str:
    """Urgent, private."""
    return (
        f"请尽快联系 T-{number}\n{class_name} · {asker} 的消息像是遇到了难处：\n「{clip(text)}」\n"
        f"我没有做任何劝导。联系后引用本条回复处理情况即可办结。"
    )


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
        f"T-{number} 等了{waited} · {class_name} {asker}\n  {clip(text, 40)}"
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


# -- commands -------------------------------------------------------------------------------------


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
        return f"没有「{clip(word, 10)}」这一组。可以看：{'、'.join(groups)}。"
    return "\n".join(f"{usage}　{what}" for usage, what in lines)


def unknown_command(name: str, suggestion: str | None) -> str:
    """A command that is none, with the nearest that is."""
    hint = f"您是不是想发「/{suggestion}」？" if suggestion else "发「/帮助」看看能用什么。"
    return f"没有「/{clip(name, 10)}」这个命令。{hint}"


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
    return f"没有找到班级「{clip(name, 30)}」。请核对名称；新班级请管理员先导入。"


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
        f"将发到 {len(targets)} 个群：{'、'.join(targets[:10])}\n内容：{clip(text, 200)}\n"
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


CLOCK_NAMES = {"first_reply": "首次答复", "update": "进展", "solution": "办结"}
CATEGORY_NAMES = {
    "inquiry": "咨询",
    "request": "诉求",
    "complaint": "投诉",
    "suggestion": "建议",
    "correction": "更正个人信息",
    "erasure": "删除个人信息",
}
LEVEL_NAMES = {"tutor": "助学教师", "unit": "市县开大", "province": "省校"}


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
        return f"T-{number} {class_name}：{what}已超时（{instant(at, now)} 到期）。"
    return f"T-{number} {class_name}：{what}时限已用 {stage}%，{instant(at, now)} 到期。"


def escalated_line(number: int, class_name: str, category: str, clock: str) -> str:
    """One hand-off that has come up the ladder."""
    what = CLOCK_NAMES[clock]
    return f"T-{number} {class_name} {CATEGORY_NAMES[category]}：{what}超时，转到您这里，请处理。"


def adopted_line(number: int, class_name: str) -> str:
    """One hand-off of a class that has no tutor."""
    return f"T-{number} {class_name}：班级现在没有助学教师，转到您这里；请尽快指派教师。"


def silence_card(tutor: str, waiting: int, since: datetime, now: datetime) -> str:
    """To the supervisor: nobody was answered for two working days."""
    return (
        f"{tutor}老师自 {instant(since, now)} 起两个工作日没有答复任何学生，现有 {waiting} 件在等。\n"
        "请了解情况：是否请假、是否需要安排代班（/请假 … 代 姓名）。这只是提醒，不计入考核。"
    )


def silence_warning(waiting: int, since: datetime, now: datetime) -> str:
    """To the tutor, before the supervisor hears of it."""
    return (
        f"您自 {instant(since, now)} 起还没有答复过学生，有 {waiting} 件在等，"
        "再过约 4 个工作小时会提醒管理人员。\n忙不过来请发「/进展 T-编号 内容」，有事请发「/请假 … 代 姓名」。"
    )


def clip(text: str, limit: int = 300) -> str:
    """The beginning of a long text, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


# -- learning from people --------------------------------------------------------------------------


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
    return f"没帮上您，不好意思。{handed_off(number, tutor, due)}"


def suggestion_published(hand_off: int | None, question: str, scope: str) -> str:
    """To whoever suggested it."""
    origin = f"您收录的 T-{hand_off} " if hand_off else "您建议的条目"
    return f"{origin}已发布：「{clip(question, 60)}」。{scope}的学生再问，我会直接回答并注明出处。"


def suggestion_rejected(hand_off: int | None, question: str, reason: str) -> str:
    """To whoever suggested it, with the reason."""
    origin = f"您收录的 T-{hand_off} " if hand_off else "您建议的条目"
    return (
        f"{origin}没有发布：「{clip(question, 60)}」。\n督导的意见：{clip(reason, 200)}\n"
        "这不影响您已经给学生的答复；改好后可以再收录。"
    )


# -- the supervisor's desk -------------------------------------------------------------------------

VERDICT_NAMES: dict[str, str] = {"true": "属实", "partly": "部分属实", "false": "不属实"}


def named(name: str, *, is_tutor: bool) -> str:
    """Whose words the bot brings: a tutor's, or a supervisor's."""
    return teacher(name) if is_tutor else f"管理人员 {name}"


def answered_by_supervisor(name: str, number: int, text: str) -> str:
    """A supervisor's answer, brought to the asker and named as the supervisor's."""
    return relayed(named(name, is_tutor=False), [number], text)


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


# -- intake, progress, marks, care -----------------------------------------------------------------

WHOM = ("教师", "教务", "平台", "费用", "其他")
SORTS = ("咨询", "诉求", "投诉", "建议")


def owner_in_words(level: str, *, is_hidden: bool) -> str:
    """Who has it, never by name."""
    who = "助学教师" if level == "tutor" else f"{LEVEL_NAMES[level]}管理人员"
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
        lines.append(f"希望：{clip(wants, 60)}")
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
        f"{category} T-{number}\n{class_name} · {asker}\n「{clip(text)}」\n"
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
    what = "" if category == CATEGORY_NAMES["inquiry"] else f"（{category}）"
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
) -> str:
    """「我的记录」: what is kept about whoever asks."""
    counted = "、".join(f"{kind} {count} 条" for kind, count in rows) or "没有"
    waiting = "、".join(f"T-{number}" for number in open_numbers) or "没有"
    return (
        "我这里保存的您的信息：\n"
        f"姓名：{name or '（没有登记）'}\n学号：{student_no or '（没有登记）'}\n"
        f"班级：{'、'.join(classes) or '（没有登记）'}\n"
        f"账号：{'、'.join(accounts)}\n"
        f"台账：{counted}" + (f"（最早 {since}）" if since else "") + "\n"
        f"正在办：{waiting}\n"
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
        f"接下来由{LEVEL_NAMES[level]}管理人员处理。哪里没解决，请私聊我说说，我会附在后面。"
    )


# -- passing on, updates, cover --------------------------------------------------------------------


def teacher(name: str) -> str:
    """How a tutor or a supervisor is named to a student."""
    return f"{name}老师"


def department(name: str) -> str:
    """How a department's contact is named to a student."""
    return name if name.endswith(("老师", "处", "科", "部", "中心", "办")) else f"{name}老师"


def numbers_in_words(numbers: Sequence[int]) -> str:
    """「T-3、T-5」."""
    return "、".join(f"T-{number}" for number in numbers)


def card_of_more(number: int, others: int, text: str) -> str:
    """To the tutor: the same question again, by others; one answer does for all."""
    return (
        f"T-{number} 又有 {others} 位同学问同样的问题：\n「{clip(text)}」\n"
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
        f"请{department}协助答复 T-{number}（{by}老师转来）\n{class_name} 同学：「{clip(text)}」\n{note}"
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
    return f"没有登记「{clip(name, 10)}」的联系人。可以转：{'、'.join(known)}。"


def department_unreachable(name: str) -> str:
    """A contact the bot cannot write to."""
    return f"{name}的联系人还没有加我或私聊过我，消息送不到，没有转出。请对方先私聊我说一句话。"


def with_you_no_longer(number: int) -> str:
    """To a department's contact: closed or taken back."""
    return f"T-{number} 已经不在您这里了（已办结或已退回），这条没有转给学生。"


def given_back(number: int, department: str, text: str) -> str:
    """To the owner: the department has not answered in time."""
    return (
        f"T-{number} 转给{department}后到期没有答复，已退回给您，请接着办理：\n「{clip(text)}」\n"
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
    return f"没有找到可以代班的「{clip(name, 10)}」：代班的要是本单位登记在册的助学教师或管理人员。没有登记请假。"


def ambiguous_cover(name: str) -> str:
    """Two of the same name."""
    return f"本单位有不止一位「{clip(name, 10)}」，不能确定是谁，没有登记请假。请联系管理员办理。"


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


def due_in_words(at: datetime, now: datetime) -> str:
    """By when, in a list."""
    return f"{instant(at, now)} 已到期" if at <= now else f"{instant(at, now)} 前"


def todo_of_department(items: Sequence[tuple[int, str, str, str]]) -> str:
    """What was passed on to a contact: number, class, due, text."""
    if not items:
        return "没有转给您的问题。"
    lines = [
        f"T-{number} {class_name} 同学 · {due}\n  {clip(text, 40)}"
        for number, class_name, due, text in items
    ]
    return f"转给您的（{len(items)}）：\n" + "\n".join(lines) + "\n答复：「/答复 T-编号 内容」"
