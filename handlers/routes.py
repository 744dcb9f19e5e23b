"""ROUTES: everything the bot answers to, in order. Read this first.

The first matching route takes a message: an open prompt's answer, a command, a quoting message,
somebody answering in the group, and last whatever a student says.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handlers import binding, classes, commands, hand_offs, notices, questions, records, texts
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import called_by_name
from handlers.errors import UserError
from storage.interactions import Kind, Record
from storage.vocabulary import Action, Role

STAFF = frozenset({Role.TUTOR, Role.SUPERVISOR})
EVERYBODY = frozenset(Role)
STUDENTS = EVERYBODY - STAFF

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


async def _progress(context: Context, argument: str) -> Outcome:
    return await hand_offs.progress(context, commands.number_only(argument, "/进度 T-12"))


async def _bind(context: Context, argument: str) -> Outcome:
    """A group to its class; in private, where only an account can be meant, that."""
    if context.is_private and not (argument and context.speaker.duties):
        return await binding.bind_account(context, argument)
    return await classes.bind(context, argument)


async def _help(context: Context, argument: str) -> Outcome:
    role = context.role
    if context.is_private and context.speaker.tutored:
        role = Role.TUTOR
    lines = [(route.usage, route.what) for route in COMMANDS if role in route.readers]
    return Outcome((Reply(texts.help_for(role, lines)),))


COMMANDS: tuple[CommandRoute, ...] = (
    CommandRoute(("待办", "todo", "待处理"), "/待办", "等您答复的问题", STAFF, records.todo),
    CommandRoute(("答复", "回复", "回", "答"), "/答复 T-12 内容", "答复学生并办结", STAFF, _reply),
    CommandRoute(("日报", "今日"), "/日报 [日期]", "一天的数字", STAFF, records.daily),
    CommandRoute(("台账", "记录"), "/台账 [日期]", "一天的记录", STAFF, records.ledger),
    CommandRoute(("公告", "通知"), "/公告 内容", "以您的名义发到班级群", STAFF, notices.announce),
    CommandRoute(
        ("静音", "安静", "闭嘴"), "/静音 [时长|关]", "让我在群里少说话", STAFF, classes.quiet
    ),
    CommandRoute(("模式",), "/模式 主动|点名", "没 @我 的问题答不答", STAFF, classes.mode),
    CommandRoute(("绑定", "绑定班级"), "/绑定 班级", "把本群绑定到班级", STAFF, _bind),
    CommandRoute(("绑定账号",), "/绑定（私聊）", "QQ 和微信绑成同一个人", STUDENTS, _bind),
    CommandRoute(("进度", "查进度"), "/进度 T-12", "我的问题办到哪了", EVERYBODY, _progress),
    CommandRoute(("帮助", "help", "?", "？", "命令"), "/帮助", "看能用什么", EVERYBODY, _help),
)

BY_NAME: dict[str, CommandRoute] = {name: route for route in COMMANDS for name in route.names}


async def respond(context: Context) -> Outcome:
    """What to say and to record for one message.

    Raises:
        UserError: a refusal; its sentence is the reply and nothing else is kept.
    """
    message = context.message
    called = called_by_name(message.text, context.settings)
    text = message.text if called is None else called
    if context.prompt is not None and (answer := await _resume(context, text)) is not None:
        return answer
    command = commands.parse(text)
    if command is not None:
        return await _command(context, command)
    is_staff = context.role in STAFF or (context.is_private and bool(context.speaker.tutored))
    is_to_us = called is not None
    if message.reply_to:
        ours = await hand_offs.our_message_quoted(context)
        answered = await hand_offs.answer_by_quote(context, ours)
        if is_staff or answered != SILENCE:
            return answered
        # Quoting the bot is talking to it.
        is_to_us = is_to_us or ours is not None
    if is_staff:
        return await _staff_says(context, is_to_us=is_to_us)
    if message.mentions and not message.mentions_bot:
        answered = await hand_offs.spoke(context)
        if answered != SILENCE:
            return answered
    return await questions.hear(context, text, is_called=is_to_us)


async def _resume(context: Context, text: str) -> Outcome | None:
    """The answer to an open prompt, if this is one."""
    assert context.prompt is not None
    word = text.strip()
    if context.prompt.kind == notices.CONFIRM and commands.parse(text) is None:
        return await notices.confirm(context)
    if context.prompt.kind == questions.CHOICE and word in {"0", "1", "2", "3"}:
        return await questions.choose(context, word)
    return None


async def _command(context: Context, command: commands.Command) -> Outcome:
    route = BY_NAME.get(command.name)
    if route is None:
        glued = commands.split_glued(command.name, {name: name for name in BY_NAME})
        if glued is not None:
            argument = f"{glued.argument} {command.argument}".strip()
            return await BY_NAME[glued.name].run(context, argument)
        if context.message.conversation.kind == "group" and context.role not in STAFF:
            # An unknown command of a student is somebody trying what is not theirs.
            record = Record(Kind.REFUSAL, Action.REFUSE, article="第十三条")
            return Outcome((Reply(texts.not_allowed()),), record)
        known = [name for item in COMMANDS for name in item.names if len(name) > 1]
        raise UserError(texts.unknown_command(command.name, commands.nearest(command.name, known)))
    return await route.run(context, command.argument)


async def _staff_says(context: Context, *, is_to_us: bool) -> Outcome:
    """What a tutor says is never counted as a student's question."""
    if context.is_private or context.message.mentions_bot or is_to_us:
        return await _help(context, "")
    return await hand_offs.spoke(context)
