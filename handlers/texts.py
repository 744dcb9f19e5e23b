"""Every Chinese sentence the bot says in a chat, in one file a teacher can proof-read.

One function per message. Each fits a phone screen, says what happened and what to do next, and
never speaks as the tutor.
"""

from collections.abc import Iterable, Sequence
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
    """
    if documents and source == GENERAL_PRACTICE:
        head = f"{'、'.join(documents)}；其余是{GENERAL_PRACTICE}"
    elif source == GENERAL_PRACTICE:
        head = f"{GENERAL_PRACTICE}，以本校通知为准"
    else:
        head = "、".join(documents) or source
    return " ".join(part for part in (head, article) if part)


def article_quoted(text: str, *, is_about_meaning: bool) -> str:
    """An article of the regulation; what it means is not for a program to say."""
    if not is_about_meaning:
        return text
    return f"条文是这样写的：\n{text}\n怎样理解我不能代为解释，解释权在辽宁开放大学学生工作处（第二十五条）。"


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
    known: str, source: str, missing: Sequence[str], number: int, tutor: str | None
) -> str:
    """What is known and from where, what is not published yet, and that a person was asked."""
    lead = f"{answer(known, source)}\n" if known else ""
    names = "、".join(slot_in_words(slot) for slot in missing)
    return f"{lead}{names}：学校还没有公布，我不猜。\n{handed_off(number, tutor)}"


def handed_off(number: int, tutor: str | None) -> str:
    """A person has it now."""
    if tutor is None:
        return f"本班暂时没有助学教师，已记入办学单位待办，编号 T-{number}。"
    return f"已转助学教师，编号 T-{number}。{tutor}老师回复后我会在这里告诉您；查进度发「/进度 T-{number}」。"


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


def complaint_taken(number: int, *, is_private: bool, about_tutor: bool) -> str:
    """A complaint has a number; who handles it is said in private only, the group reads along."""
    if not is_private:
        return f"您反映的问题已登记，编号 T-{number}。细节请私聊我补充，群里不展开。"
    owner = "由办学单位管理人员处理，助学教师看不到" if about_tutor else "会有老师跟进"
    return f"您反映的问题已登记，编号 T-{number}，{owner}。可以继续补充经过和希望怎样解决。"


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


def binding_unknown() -> str:
    """Nobody to give a code to."""
    return (
        "我还不认识这个账号。如果您在另一个平台（QQ 或微信）已经绑定，请在那边私聊我「/绑定」取码，"
        "再回来发给我；都没有绑定过的，请助学教师把您的账号登记到学生表。"
    )


def binding_of_staff() -> str:
    """Rights do not travel by code."""
    return "教师账号带有权限，不能自助绑定，请学校管理员在教师表里登记。"


def binding_usage() -> str:
    """Neither a code nor nothing."""
    return "私聊里发「/绑定」取绑定码，或「/绑定 八位数字」使用它；绑定班级请在群里发「/绑定 班级」。"


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


def relayed(tutor: str, number: int, text: str) -> str:
    """A tutor's answer, brought to the student and named as the tutor's."""
    return f"转达 {tutor}老师 对 T-{number} 的答复：\n{text}"


def replied(number: int) -> str:
    """To the tutor: delivered and counted."""
    return f"T-{number} 已转达学生并办结，记在您名下。"


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


def todo(items: Sequence[tuple[int, str, str, str, str]], more: int) -> str:
    """What waits, oldest first: number, class, asker, how long, text."""
    if not items:
        return "没有等您答复的问题。"
    lines = [
        f"T-{number} 等了{waited} · {class_name} {asker}\n  {clip(text, 40)}"
        for number, class_name, asker, waited, text in items
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
) -> str:
    """A tutor's day; bot, tutor and classmates are counted apart."""
    lines = [
        f"{day.month}月{day.day}日 日报 · {class_names}",
        f"学生提问 {questions}",
        f"  机器人答复 {by_bot}（单列，不计入您的答复）",
        f"  您答复 {by_tutor}" + (f"，首次答复用时中位数 {median}" if median else ""),
        f"  同学解答 {by_classmate}",
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


def help_for(role: Role, lines: Iterable[tuple[str, str]]) -> str:
    """Only what this reader may use."""
    head = {
        Role.TUTOR: "您可以用的命令：",
        Role.SUPERVISOR: "您可以用的命令：",
    }.get(role, "直接说问题就行，例如「期末考试什么时候报名」。还可以用：")
    return head + "\n" + "\n".join(f"{usage}　{what}" for usage, what in lines)


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


def clip(text: str, limit: int = 300) -> str:
    """The beginning of a long text, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
