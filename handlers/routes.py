"""ROUTES: everything the bot answers to, in order. Read this first.

The first matching route takes a message: an open prompt's answer, a command, a quoting message,
somebody answering in the group, and last whatever a student says.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from handlers import (
    appraisal,
    binding,
    calendar,
    care,
    class_life,
    classes,
    collections,
    commands,
    consent,
    done,
    feed,
    hand_offs,
    hearings,
    intake,
    learning,
    manners,
    marks,
    mine,
    notices,
    orientation,
    questions,
    receipts,
    records,
    reminders,
    roster,
    texts_commands,
    timetable,
    training,
    transfers,
)
from handlers.attention import understanding_of
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import Stance, called_by_name
from handlers.errors import Forbidden, UserError
from handlers.understanding import normalise
from storage.questions import Category
from storage.vocabulary import Action, Label, Role

STAFF = frozenset({Role.TUTOR, Role.SUPERVISOR})
EVERYBODY = frozenset(Role)
STUDENTS = EVERYBODY - STAFF
NOBODY: frozenset[Role] = frozenset()
_CHOICES = frozenset("0123")

_NAMES = (
    "找省校|省校|投诉|诉求|建议|查进度|进度|我的记录|更正|删除|日程|校历|入学教育|日历订阅|取消订阅"
)
_NAMES += "|我的提醒|取消提醒|隐私|不同意"
#: The name alone, or with a blank, a colon or a number behind it.
_PLAIN = re.compile(
    rf"\s*(?:我(?:要|想|有))?(?:个)?(?P<name>{_NAMES})(?:一下)?"
    r"(?:[。.!！\s]*|[\s:：,，]+(?P<rest>.+)|\s*(?P<number>[TtＴRrＲ]\s*[-－—_]?\s*\d.*))",
    re.DOTALL,
)
_GLUED = re.compile(
    r"\s*(?:我(?:要|想))?(?P<name>投诉|更正(?=我)|删除(?=我))(?P<rest>.+)", re.DOTALL
)

CommandHandler = Callable[[Context, str], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """A command: its names (the first is shown), whose help it stands in, what it does.

    `readers` only decides what 「/帮助」 shows; the right is checked by the use case itself.
    """

    names: tuple[str, ...]
    usage: str
    what: str
    readers: frozenset[Role]
    run: CommandHandler


async def _reply(context: Context, argument: str) -> Outcome:
    number, text = commands.number_and_text(argument, "/答复 T-12 内容")
    return await hand_offs.reply_by_number(context, number, text)


async def _complain(context: Context, argument: str) -> Outcome:
    return await intake.begin(context, Category.COMPLAINT, argument)


async def _request(context: Context, argument: str) -> Outcome:
    return await intake.begin(context, Category.REQUEST, argument)


async def _suggest(context: Context, argument: str) -> Outcome:
    return await intake.begin(context, Category.SUGGESTION, argument)


async def _to_province(context: Context, argument: str) -> Outcome:
    return await intake.begin(context, None, argument, province=True)


async def _inquire(context: Context, argument: str) -> Outcome:
    """「/咨询 …」 is the question behind it."""
    asked = replace(
        context,
        message=replace(context.message, text=argument),
        understanding=understanding_of(argument),
    )
    return await questions.hear(asked, argument, is_called=True)


async def _orient(context: Context, argument: str) -> Outcome:
    """「入学教育」 is a course of cards; 「入学教育 什么时候」 is a question."""
    if argument.strip() and not context.speaker.duties and not orientation.is_step(argument):
        return await _inquire(context, f"{orientation.MATTER}{argument}")
    return await orientation.orientation(context, argument)


async def _dates(context: Context, argument: str) -> Outcome:
    """「日程」 is the dates of the class; 「校历 在哪看」 is a question."""
    if argument and calendar.is_question(context, argument):
        return await _inquire(context, f"校历{argument}")
    return await calendar.dates(context, argument)


async def _bind(context: Context, argument: str) -> Outcome:
    """A group to its class; in private, where only an account can be meant, that."""
    if context.is_private and not (argument and context.speaker.duties):
        return await binding.bind_account(context, argument)
    return await classes.bind(context, argument)


async def _help(context: Context, argument: str) -> Outcome:
    """「/帮助」 names what this reader may use, 「/帮助 提醒」 says how; it fits on a phone."""
    role = context.role
    if context.is_private and context.speaker.tutored:
        role = Role.TUTOR
    usable = [route for route in COMMANDS if role in route.readers]
    word = argument.strip(" /／「」")
    if not word:
        groups = {
            group: [route.names[0] for route in usable if route.names[0] in names]
            for group, names in HELP.items()
        }
        return Outcome((Reply(texts_commands.help_for(role, groups)),))
    wanted = HELP.get(word, ())
    if not wanted and word in BY_NAME:
        wanted = BY_NAME[word].names[:1]
    lines = [(it.usage, it.what) for it in usable if it.names[0] in wanted]
    return Outcome((Reply(texts_commands.help_with(word, lines, list(HELP))),))


COMMANDS: tuple[CommandRoute, ...] = (
    CommandRoute(("待办", "todo", "待处理"), "/待办", "等您答复的问题", STAFF, records.todo),
    CommandRoute(("答复", "回复", "回", "答"), "/答复 T-12 内容", "答复学生并办结", STAFF, _reply),
    CommandRoute(
        ("收录",), "/收录 T-12 [标准问法]", "把答复建议成知识条目", STAFF, learning.suggest
    ),
    CommandRoute(
        ("转", "转办", "转给"), "/转 学籍 T-12 [说明]", "转给部门老师答复", STAFF, transfers.pass_on
    ),
    CommandRoute(("进展",), "/进展 T-12 内容", "告诉学生办到哪了，不办结", STAFF, transfers.update),
    CommandRoute(("延期",), "/延期 T-12 理由", "诉求和投诉延期一次", STAFF, transfers.extend),
    CommandRoute(
        ("请假",),
        "/请假 12-01 12-05 代 赵强",
        "请人代班",
        frozenset({Role.TUTOR}),
        transfers.leave,
    ),
    CommandRoute(("销假",), "/销假", "提前结束代班", frozenset({Role.TUTOR}), transfers.back),
    CommandRoute(
        ("申辩",),
        "/申辩 T-12 内容",
        "对涉及您的投诉说明情况",
        frozenset({Role.TUTOR}),
        hearings.speak,
    ),
    CommandRoute(("日报", "今日"), "/日报 [日期]", "一天的数字", STAFF, appraisal.daily),
    CommandRoute(
        ("申诉",),
        "/申诉 12月3日 理由",
        "对某天的考核记录申诉",
        frozenset({Role.TUTOR}),
        appraisal.appeal,
    ),
    CommandRoute(
        ("我的培训",), "/我的培训", "培训、学时和聘任", frozenset({Role.TUTOR}), training.own
    ),
    CommandRoute(("报名培训",), "/报名培训 3", "报名参加培训", NOBODY, training.sign_up),
    CommandRoute(("签到",), "/签到 数字", "培训现场签到", NOBODY, training.sign_in),
    CommandRoute(("台账", "记录"), "/台账 [日期]", "一天的记录", STAFF, records.ledger),
    CommandRoute(("公告", "通知"), "/公告 内容", "以您的名义发到班级群", STAFF, notices.announce),
    CommandRoute(("日程", "校历"), "/日程 [事项]", "本班的日期；老师可以定", EVERYBODY, _dates),
    CommandRoute(("回执",), "/回执 内容", "发通知并收「收到」", STAFF, receipts.receipt),
    CommandRoute(("接龙",), "/接龙 标题", "发起接龙；/接龙 R-12 看名单", STAFF, receipts.roll),
    CommandRoute(
        ("收作业", "收材料", "收文件"),
        "/收作业 标题 到 12月5日 17:00",
        "同学私聊交文件给我",
        STAFF,
        collections.collect,
    ),
    CommandRoute(
        ("未回", "未交", "未办", "没回", "没交", "谁没回"),
        "/未回 R-12",
        "谁还没回、没交、没办（私聊看名单）",
        STAFF,
        receipts.missing,
    ),
    CommandRoute(("催", "催办", "催一下"), "/催 R-12", "只提醒还没办的", STAFF, receipts.urge),
    CommandRoute(
        ("提醒", "定提醒"),
        "/提醒 每周五17点提醒交形考到12月20日",
        "一句话定提醒；/提醒 看有哪些",
        STAFF,
        reminders.order,
    ),
    CommandRoute(
        ("取消提醒", "删除提醒"), "/取消提醒 R-12", "取消定好的提醒", STAFF, reminders.cancel
    ),
    CommandRoute(
        ("我的提醒",),
        "/我的提醒",
        "给自己定的提醒；说「提醒我 …」就能定",
        STUDENTS,
        reminders.own_list,
    ),
    CommandRoute(("结束",), "/结束 R-12", "不再收、不再提醒", STAFF, receipts.end),
    CommandRoute(("办好",), "/办好 R-12 姓名", "把同学记为已办", STAFF, done.mark_done),
    CommandRoute(("没办",), "/没办 R-12 姓名", "把同学记为未办", STAFF, done.mark_undone),
    CommandRoute(
        ("静音", "安静", "闭嘴"), "/静音 [时长|关]", "让我在群里少说话", STAFF, classes.quiet
    ),
    CommandRoute(("模式",), "/模式 主动|点名", "没 @我 的问题答不答", STAFF, classes.mode),
    CommandRoute(("绑定", "绑定班级"), "/绑定 班级", "把本群绑定到班级", STAFF, _bind),
    CommandRoute(("未绑定",), "/未绑定", "谁还没有绑定账号（私聊）", STAFF, binding.unbound),
    CommandRoute(
        ("绑定码", "发码"), "/绑定码 学号", "给学生一个绑定码（私聊）", STAFF, binding.give_code
    ),
    CommandRoute(("解绑",), "/解绑 学号", "解除学生绑定的账号（私聊）", STAFF, binding.untie),
    CommandRoute(
        ("花名册", "名册"), "/花名册", "本班学生和绑定情况（私聊）", STAFF, roster.class_list
    ),
    CommandRoute(("通讯录",), "/通讯录 [姓名]", "本班手机号，打码（私聊）", STAFF, roster.contacts),
    CommandRoute(
        ("学情",), "/学情 姓名", "一位学生的成绩、形考等事实（私聊）", STAFF, roster.standing
    ),
    CommandRoute(("设班长",), "/设班长 @同学", "任命班长", STAFF, class_life.appoint_leader),
    CommandRoute(
        ("班委",), "/班委 [姓名 职务]", "看班委；老师可任命", EVERYBODY, class_life.committee
    ),
    CommandRoute(("撤班委",), "/撤班委 姓名", "收回班委权限", STAFF, class_life.dismiss),
    CommandRoute(("小组", "学习小组"), "/小组", "本班学习小组", EVERYBODY, class_life.list_groups),
    CommandRoute(("建小组",), "/建小组 名字", "建一个学习小组", STUDENTS, class_life.make_group),
    CommandRoute(("加入小组",), "/加入小组 3", "加入学习小组", NOBODY, class_life.join_group),
    CommandRoute(("退出小组",), "/退出小组", "退出学习小组", NOBODY, class_life.leave_group),
    CommandRoute(("绑定账号",), "/绑定（私聊）", "QQ 和微信绑成同一个人", STUDENTS, _bind),
    CommandRoute(("课表", "课程表"), "/课表 [下周]", "两周内的课", EVERYBODY, timetable.show),
    CommandRoute(("入学教育",), "/入学教育 [催]", "新生七步；老师看谁没学完", EVERYBODY, _orient),
    CommandRoute(("日历订阅",), "/日历订阅", "课表放进手机日历（私聊）", STUDENTS, feed.subscribe),
    CommandRoute(("取消订阅",), "/取消订阅", "停用日历订阅", NOBODY, feed.unsubscribe),
    CommandRoute(
        ("投诉",), "/投诉 内容", "投诉，私下办、有编号；诉求、建议也一样", STUDENTS, _complain
    ),
    CommandRoute(("诉求",), "/诉求 内容", "诉求", NOBODY, _request),
    CommandRoute(("建议",), "/建议 内容", "建议", NOBODY, _suggest),
    CommandRoute(("咨询",), "/咨询 内容", "咨询", NOBODY, _inquire),
    CommandRoute(("省校", "找省校"), "/省校 内容", "直接找省校", STUDENTS, _to_province),
    CommandRoute(("进度", "查进度"), "/进度 T-12", "我的问题办到哪了", EVERYBODY, mine.progress),
    CommandRoute(
        ("我的记录",),
        "/我的记录",
        "这里存了我的什么，可更正、删除",
        STUDENTS,
        mine.own_record,
    ),
    CommandRoute(("隐私",), "/隐私", "我记下什么、存多久、怎样拒绝", STUDENTS, consent.show),
    CommandRoute(("不同意",), "/不同意", "不再记下我说的话", NOBODY, consent.refuse),
    CommandRoute(("同意",), "/同意", "恢复使用", NOBODY, consent.agree),
    CommandRoute(("更正",), "/更正 内容", "更正我的信息", NOBODY, mine.correct),
    CommandRoute(("删除",), "/删除 内容", "删除我的信息", NOBODY, mine.erase),
    CommandRoute(("帮助", "help", "?", "？", "命令"), "/帮助", "看能用什么", EVERYBODY, _help),
)

#: What 「/帮助」 shows together; every command that anybody is shown stands in one of them.
HELP: dict[str, tuple[str, ...]] = {
    "答疑": ("待办", "答复", "进展", "延期", "转", "收录", "进度"),
    "提醒": ("提醒", "取消提醒", "我的提醒", "日程", "催", "未回", "办好", "没办", "结束"),
    "通知": ("公告", "回执", "接龙", "收作业", "静音", "模式"),
    "学习": ("课表", "入学教育", "日历订阅"),
    "班级": (
        "花名册", "通讯录", "学情", "未绑定", "绑定", "绑定码", "解绑",
        "设班长", "班委", "撤班委", "小组", "建小组",
    ),
    "考核": ("日报", "台账", "申诉", "申辩", "我的培训", "请假", "销假"),
    "我": ("绑定账号", "投诉", "省校", "我的记录", "隐私", "帮助"),
}  # fmt: skip
BY_NAME: dict[str, CommandRoute] = {name: route for route in COMMANDS for name in route.names}


async def respond(context: Context) -> Outcome:
    """What to say and to record for one message.

    Raises:
        UserError: a refusal; its sentence is the reply and nothing else is kept.
    """
    message = context.message
    called = called_by_name(message.text, context.settings)
    text = message.text if called is None else called
    if (instead := await consent.for_refuser(context, text)) is not None:
        return instead
    is_prompted = context.prompt is not None and context.prompt.expires_at > context.now
    if is_prompted and (answer := await _resume(context, text)) is not None:
        return answer
    command = commands.parse(text)
    if command is None and _is_addressed(context, called):
        command = _without_slash(context, text)
    if command is None and context.role not in STAFF:
        is_addressed = _is_addressed(context, called)
        command = class_life.said_plainly(text, is_addressed=is_addressed)
    if command is not None:
        return await _command(context, command)
    is_staff = context.role in STAFF or (context.is_private and bool(context.speaker.duties))
    is_to_us = called is not None
    if _is_addressed(context, called) and (ordered := await reminders.hear(context, text)):
        return ordered
    if context.is_private and (handed_in := await collections.receive(context)) is not None:
        return handed_in
    if (claimed := await done.hear(context, text)) is not None:
        return claimed
    verdict = learning.verdict_of(text)
    if verdict is not None and learning.is_students(context):
        judged = await learning.judge(context, is_useful=verdict, is_called=is_to_us)
        if judged is not None:
            return judged
    if message.reply_to:
        ours = await hand_offs.our_message_quoted(context)
        bound = await binding.confirm_by_quote(context, ours)
        if bound is not None:
            return bound
        proved = await done.confirm_by_quote(context, ours)
        if proved is not None:
            return proved
        stated = await hearings.speak_by_quote(context, ours)
        if stated is not None:
            return stated
        answered = await hand_offs.answer_by_quote(context, ours)
        if is_staff or answered != SILENCE:
            return answered
        # Quoting the bot is talking to it.
        is_to_us = is_to_us or ours is not None
    if is_staff:
        return await _staff_says(context, is_to_us=is_to_us)
    if is_to_us or context.is_private or message.mentions_bot:
        # A word or two that mean something only where there is a course of cards, or a timetable.
        found = await orientation.go_on(context, text) or await timetable.hear(context, text)
        if found is not None:
            return found
        if roster.asks_tutor(text):
            return await roster.my_tutor(context)
        own = await roster.own_fact(context, text)
        if own is not None:
            return own
    if message.mentions and not message.mentions_bot:
        answered = await hand_offs.spoke(context)
        if answered != SILENCE:
            return answered
    label = context.understanding.label
    if label is Label.DISTRESS and context.room is None and context.is_private:
        return care.comfort(context)
    if label in (Label.COMMAND_FORGERY, Label.INJECTION):
        _note_attempt(context)
    is_in_class = context.room is not None and not context.is_private
    if is_in_class and manners.is_rude(text, label):
        return await manners.mind(context)
    if context.is_private and context.room is None:
        passed_on = await transfers.todo_of_contact(context)
        if passed_on is not None:
            return passed_on
    return await questions.hear(context, text, is_called=is_to_us)


def _is_addressed(context: Context, called: str | None) -> bool:
    return context.is_private or context.message.mentions_bot or called is not None


def _without_slash(context: Context, text: str) -> commands.Command | None:
    """「投诉」, 「进度 T-3」, 「省校：…」: a student need not know about slashes."""
    if context.role in STAFF or context.speaker.tutored:
        return None
    match = _PLAIN.fullmatch(text)
    if match is not None:
        return commands.Command(match["name"], (match["rest"] or match["number"] or "").strip())
    # 「投诉老师不回消息」 is one; 「投诉电话是多少」 is a question.
    glued = _GLUED.fullmatch(text)
    if glued is None or context.understanding.label is Label.QUESTION:
        return None
    return commands.Command(glued["name"], glued["rest"])


def _note_attempt(context: Context) -> None:
    """Somebody tried to give orders that are not theirs to give: on the security record."""
    place = context.message.conversation
    context.uow.audit.add(
        at=context.now,
        actor=f"{place.platform}:{context.message.sender_id}",
        action="command.forged",
        target=f"{place.kind}:{place.id}",
        detail=f"event:{context.event_id}",
    )


async def _resume(context: Context, text: str) -> Outcome | None:
    """The answer to an open prompt, if this is one."""
    assert context.prompt is not None
    word = text.strip()
    if context.prompt.kind == notices.CONFIRM and commands.parse(text) is None:
        return await notices.confirm(context)
    if context.prompt.kind == calendar.CONFIRM and commands.parse(text) is None:
        return await calendar.confirm(context)
    if context.prompt.kind == receipts.CONFIRM and commands.parse(text) is None:
        return await receipts.confirm(context)
    if context.prompt.kind == reminders.CONFIRM and commands.parse(text) is None:
        return await reminders.confirm(context, text)
    if context.prompt.kind == reminders.WHICH and (digit := normalise(word)) in _CHOICES:
        return await reminders.choose(context, digit)
    if context.prompt.kind == done.WHICH and (digit := normalise(word)) in _CHOICES:
        return await done.choose(context, digit)
    if context.prompt.kind == collections.WHICH and (digit := normalise(word)) in _CHOICES:
        return await collections.choose(context, digit)
    if context.prompt.kind == questions.CHOICE and word in {"0", "1", "2", "3"}:
        return await questions.choose(context, word)
    if context.prompt.kind == marks.MARK and (digit := normalise(word)) in marks.DIGITS:
        return await mine.give_mark(context, digit)
    if context.prompt.kind == intake.INTAKE:
        return await _take_down(context, text)
    return None


async def _take_down(context: Context, text: str) -> Outcome | None:
    """The next answer of an intake; a command and a question we can answer are what they are."""
    if commands.parse(text) is not None:
        return None
    assert context.prompt is not None
    is_complete = intake.takes_anything(context.prompt)
    command = _without_slash(context, text)
    if command is not None:
        # 「投诉」 again while its first question is open is no second complaint.
        is_another = bool(command.argument) or command.name not in intake.WORDS
        return None if is_another or is_complete else await intake.resume(context, text)
    if is_complete and context.understanding.label is Label.QUESTION:
        decision = questions.decision_for(context, text, context.understanding, Stance.ADDRESSED)
        if decision.action is Action.ANSWER:
            return None
    return await intake.resume(context, text)


async def _command(context: Context, command: commands.Command) -> Outcome:
    route = BY_NAME.get(command.name)
    if route is None:
        glued = commands.split_glued(command.name, {name: name for name in BY_NAME})
        if glued is not None:
            argument = f"{glued.argument} {command.argument}".strip()
            return await BY_NAME[glued.name].run(context, argument)
        if context.message.conversation.kind == "group" and context.role not in STAFF:
            # An unknown command of a student is somebody trying what is not theirs.
            raise Forbidden(texts_commands.not_allowed())
        known = [name for item in COMMANDS for name in item.names if len(name) > 1]
        raise UserError(
            texts_commands.unknown_command(command.name, commands.nearest(command.name, known))
        )
    return await route.run(context, command.argument)


async def _staff_says(context: Context, *, is_to_us: bool) -> Outcome:
    """What a tutor says is never counted as a student's question."""
    if context.is_private or context.message.mentions_bot or is_to_us:
        return await _help(context, "")
    return await hand_offs.spoke(context)
