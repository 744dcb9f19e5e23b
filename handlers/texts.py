"""What the bot says in a chat; `texts_<topic>.py` beside it hold what belongs to one topic.

Nothing else is in them, so a teacher can proof-read them. One function per message. Each fits a phone screen, says what happened and what to do next, and
never speaks as the tutor.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from storage.vocabulary import Topic

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


# -- time ------------------------------------------------------------------------------------------


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


# -- questions -------------------------------------------------------------------------------------


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


def failed() -> str:
    """The handler failed every time; a person has it."""
    return "这条消息我没能处理好，已经记下来转给老师，请稍等。"


# -- privacy ---------------------------------------------------------------------------------------


def privacy_hint() -> str:
    """Said to whoever posted a number, without repeating it."""
    return (
        "刚才那条消息里有身份证号、手机号、卡号或密码一类的信息，建议马上撤回。"
        "我这里只保存了隐去号码的版本；要办事请私聊老师。"
    )


def privacy_hint_to_nobody() -> str:
    """Said in the group where its author cannot be written to: names nobody, quotes nothing."""
    return "刚才群里有条消息像是带了个人信息，请发的同学撤回；这类事情请私聊老师办理。"


# -- names -----------------------------------------------------------------------------------------

CATEGORY_NAMES = {
    "inquiry": "咨询",
    "request": "诉求",
    "complaint": "投诉",
    "suggestion": "建议",
    "correction": "更正个人信息",
    "erasure": "删除个人信息",
}

LEVEL_NAMES = {"tutor": "助学教师", "unit": "市县开大", "province": "省校"}


def clip(text: str, limit: int = 300) -> str:
    """The beginning of a long text, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def named(name: str, *, is_tutor: bool) -> str:
    """Whose words the bot brings: a tutor's, or a supervisor's."""
    return teacher(name) if is_tutor else f"管理人员 {name}"


def teacher(name: str) -> str:
    """How a tutor or a supervisor is named to a student."""
    return f"{name}老师"


def department(name: str) -> str:
    """How a department's contact is named to a student."""
    return name if name.endswith(("老师", "处", "科", "部", "中心", "办")) else f"{name}老师"


def due_in_words(at: datetime, now: datetime) -> str:
    """By when, in a list."""
    return f"{instant(at, now)} 已到期" if at <= now else f"{instant(at, now)} 前"
