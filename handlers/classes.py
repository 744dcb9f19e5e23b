"""A class's ties and manners: which group is whose, and when the bot speaks in it."""

from datetime import timedelta

from handlers import commands, texts, texts_commands
from handlers.context import Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.permissions import Deed, may, require
from storage.interactions import Kind, Record
from storage.people import CONFIDENT, MENTION, ClassRoom
from storage.vocabulary import Action

DEFAULT_QUIET = timedelta(hours=2)


async def own_rooms(context: Context) -> list[ClassRoom]:
    """The class at hand in a group; in private every class the speaker is tutor of.

    Raises:
        Forbidden: there is none.
    """
    if not context.is_private:
        return [require(context.speaker, Deed.SEE_RECORD, context.room)]
    rooms = await context.uow.people.classes(context.speaker.tutored, context.now)
    if not rooms:
        raise Forbidden(texts_commands.not_allowed())
    return sorted(rooms.values(), key=lambda room: room.name)


async def one_room(context: Context, argument: str, usage: str) -> tuple[ClassRoom, str]:
    """The class a command is about and the rest of its argument.

    Raises:
        UserError: in private a tutor of several classes must name one.
    """
    rooms = await own_rooms(context)
    if len(rooms) == 1:
        return rooms[0], argument
    for room in sorted(rooms, key=lambda room: len(room.name), reverse=True):
        if argument.startswith(room.name):
            return room, argument[len(room.name) :].strip()
    raise UserError(texts_commands.which_of_your_classes([room.name for room in rooms], usage))


async def bind(context: Context, argument: str) -> Outcome:
    """「/绑定 班级」 in a group, by somebody with a duty for that class."""
    name = argument.strip()
    if not name:
        raise commands.BadCommand(texts_commands.usage("/绑定 班级名称"))
    room = await context.uow.people.class_named(name, context.now)
    if room is None or not may(context.speaker, Deed.BIND_GROUP, room):
        # Whether a class exists is told only to those who may bind one.
        if context.speaker.duties and room is None:
            raise UserError(texts_commands.no_such_class(name))
        raise Forbidden(texts_commands.not_allowed())
    if context.is_private:
        raise UserError(texts_commands.only_in_group())
    if context.room is not None and context.room.id == room.id:
        return Outcome((Reply(texts_commands.bound_already(room.name)),))
    if context.room is not None:
        # Taking a group away from a class needs a duty there too.
        require(context.speaker, Deed.BIND_GROUP, context.room)
    await context.uow.people.bind_group(context.message.conversation, room.id)
    return Outcome((Reply(texts_commands.bound(room.name)),))


async def quiet(context: Context, argument: str) -> Outcome:
    """「/静音」, 「/静音 30分钟」, 「/静音 关」."""
    usage = "/静音、/静音 30分钟 或 /静音 关"
    room, word = await one_room(context, argument, "/静音 班级 30分钟")
    require(context.speaker, Deed.SET_MANNERS, room)
    if word in ("关", "关闭", "取消", "解除", "off"):
        await context.uow.people.set_quiet(room.id, None)
        return Outcome((Reply(texts_commands.quiet_off()),), _record())
    is_plain = word in ("", "开", "开启", "on")
    length = DEFAULT_QUIET if is_plain else commands.length(word, usage)
    until = context.now + length
    await context.uow.people.set_quiet(room.id, until)
    return Outcome((Reply(texts_commands.quiet_on(texts.instant(until, context.now))),), _record())


async def mode(context: Context, argument: str) -> Outcome:
    """「/模式 主动」 or 「/模式 点名」."""
    room, word = await one_room(context, argument, "/模式 班级 主动")
    require(context.speaker, Deed.SET_MANNERS, room)
    modes = {"主动": CONFIDENT, "点名": MENTION}
    if word not in modes:
        raise commands.BadCommand(texts_commands.usage("/模式 主动 或 /模式 点名"))
    await context.uow.people.set_speak_mode(room.id, modes[word])
    return Outcome((Reply(texts_commands.mode_set(modes[word] == CONFIDENT)),), _record())


def _record() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十三条")
