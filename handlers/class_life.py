"""A class's own life (article 12): the committee the tutor appoints, the groups students make."""

import re

from handlers import texts_commands, texts_roster
from handlers.classes import one_room
from handlers.commands import BadCommand, Command
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.permissions import Deed, require
from storage.class_life import StudyGroup
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.roster import Student
from storage.vocabulary import Action

LEADER = "班长"
_LONGEST_OFFICE, _LONGEST_NAME = 12, 20
_PLAINLY = re.compile(
    r"(?P<name>加入(?:学习)?小组)\s*(?P<number>\d{1,6})|(?P<leaves>(?:我要)?退出(?:学习)?小组)"
)
_ADDRESSED = re.compile(
    r"(?:我(?:要|想))?(?P<name>建(?:立)?(?:学习)?小组)\s*[:：「“\s]\s*(?P<rest>\S.*)"
    r"|(?P<lists>(?:有哪些|看看?|我的)?(?:学习)?小组(?:有哪些|列表)?)"
)
_NUMBER = re.compile(r"(?:第)?\s*(\d{1,6})\s*(?:组|号)?")


def said_plainly(text: str, *, is_addressed: bool) -> Command | None:
    """「加入小组 3」, 「退出小组」; and said to the bot also 「建小组 …」, 「小组」: no slash."""
    words = text.strip(" 。.!！？?~")
    match = _PLAINLY.fullmatch(words)
    if match is not None:
        return Command("加入小组", match["number"]) if match["name"] else Command("退出小组", "")
    match = _ADDRESSED.fullmatch(words) if is_addressed else None
    if match is None:
        return None
    return Command("建小组", match["rest"]) if match["name"] else Command("小组", "")


# -- the committee --------------------------------------------------------------------------------


async def appoint_leader(context: Context, argument: str) -> Outcome:
    """「/设班长 @张三」 or 「/设班长 张三」."""
    room, words = await one_room(context, argument, "/设班长 班级 姓名")
    return await _appoint(context, room, words, LEADER)


async def committee(context: Context, argument: str) -> Outcome:
    """「/班委 张三 学习委员」 appoints; 「/班委」 says who it is, to anybody of the class."""
    if not argument.strip() and not context.message.mentions:
        room = context.room
        if room is None:
            raise UserError(texts_commands.which_class())
        found = await context.uow.class_life.committee(room.id, context.now)
        lines = [f"{one.office} {one.name}" for one in found]
        return Outcome((Reply(texts_roster.committee(room.name, lines)),))
    if not context.is_private:
        require(context.speaker, Deed.APPOINT, context.room)
    room, words = await one_room(context, argument, "/班委 班级 姓名 职务")
    return await _appoint(context, room, words, "")


async def dismiss(context: Context, argument: str) -> Outcome:
    """「/撤班委 张三」."""
    room, words = await one_room(context, argument, "/撤班委 班级 姓名")
    require(context.speaker, Deed.APPOINT, room)
    student, _ = await _named(context, room, words)
    offices = await context.uow.class_life.dismiss([student.person_id], room.id, context.now)
    if not offices:
        raise UserError(texts_roster.not_on_the_committee(student.name))
    return Outcome(
        (Reply(texts_roster.dismissed(student.name, offices)),),
        _work_of(room, student.person_id),
    )


async def _appoint(context: Context, room: ClassRoom, words: str, office: str) -> Outcome:
    require(context.speaker, Deed.APPOINT, room)
    student, rest = await _named(context, room, words)
    office = office or rest
    if not office or len(office) > _LONGEST_OFFICE:
        raise BadCommand(texts_roster.committee_usage())
    await context.uow.class_life.appoint(
        room.id,
        student.person_id,
        office,
        by=f"{context.speaker.platform}:{context.speaker.user_id}",
        now=context.now,
    )
    return Outcome(
        (Reply(texts_roster.appointed(student.name, office)),), _work_of(room, student.person_id)
    )


async def _named(context: Context, room: ClassRoom, words: str) -> tuple[Student, str]:
    """The student of the class whom a command mentions or names, and what stands behind it."""
    students = await context.uow.roster.students_of([room.id])
    mentioned = set(context.message.mentions)
    platform = context.message.conversation.platform
    pieces = words.split()
    if mentioned:
        found = [
            one for one in students if mentioned & {u for p, u in one.accounts if p is platform}
        ]
        rest = " ".join(piece for piece in pieces if not piece.startswith("@"))
    else:
        named = pieces[0].lstrip("@") if pieces else ""
        if not named:
            raise BadCommand(texts_roster.committee_usage())
        found = [one for one in students if named in (one.name, one.student_no)]
        rest = " ".join(pieces[1:])
    if not found:
        shown = next(iter(pieces), "").lstrip("@") or "这位同学"
        raise UserError(texts_roster.no_such_student(shown))
    if len(found) > 1:
        tails = [texts_roster.tail(one.student_no) for one in found]
        raise UserError(texts_roster.several_students(found[0].name, tails))
    return found[0], rest


# -- study groups ---------------------------------------------------------------------------------


async def make_group(context: Context, argument: str) -> Outcome:
    """「建小组 英语互助」: its maker is in it."""
    room, person_id = _own_class(context)
    name = " ".join(argument.split()).strip("「」“”\"'")
    if not name or len(name) > _LONGEST_NAME:
        raise BadCommand(texts_roster.group_name_usage())
    await context.uow.class_life.hold(room.id)
    groups = await context.uow.class_life.groups(room.id)
    _require_free(groups, person_id)
    limit = context.settings.study_group_size
    number = await context.uow.class_life.make_group(
        room.id, name, limit=limit, by=person_id, now=context.now
    )
    return Outcome((Reply(texts_roster.group_made(number, name, limit)),), _own_work(room))


async def join_group(context: Context, argument: str) -> Outcome:
    """「加入小组 3」, while there is a seat."""
    room, person_id = _own_class(context)
    match = _NUMBER.fullmatch(argument.strip())
    if match is None:
        raise BadCommand(texts_roster.group_number_usage())
    await context.uow.class_life.hold(room.id)
    groups = await context.uow.class_life.groups(room.id)
    _require_free(groups, person_id)
    group = next((one for one in groups if one.number == int(match[1])), None)
    if group is None:
        raise UserError(texts_roster.no_such_group(int(match[1])))
    if group.is_full:
        raise UserError(texts_roster.group_full(group.number, group.limit))
    await context.uow.class_life.join(group.id, person_id, context.now)
    count = len(group.members) + 1
    words = texts_roster.group_joined(group.number, group.name, count, group.limit)
    return Outcome((Reply(words),), _own_work(room))


async def leave_group(context: Context, argument: str) -> Outcome:
    """「退出小组」."""
    room, person_id = _own_class(context)
    await context.uow.class_life.hold(room.id)
    group = _own_group(await context.uow.class_life.groups(room.id), person_id)
    if group is None:
        raise UserError(texts_roster.group_not_in())
    await context.uow.class_life.leave(group, person_id, context.now)
    return Outcome((Reply(texts_roster.group_left(group.number, group.name)),), _own_work(room))


async def list_groups(context: Context, argument: str) -> Outcome:
    """「小组」: which there are; who is in one's own is said in private."""
    if context.room is None:
        raise UserError(texts_commands.which_class())
    groups = await context.uow.class_life.groups(context.room.id)
    lines = [
        texts_roster.group_line(one.number, one.name, len(one.members), one.limit) for one in groups
    ]
    own = ""
    if context.is_private and context.speaker.person_id is not None:
        group = _own_group(groups, context.speaker.person_id)
        own = texts_roster.own_group(group.number, [n for _, n in group.members]) if group else ""
    return Outcome((Reply(texts_roster.group_list(context.room.name, lines, own)),))


# -- parts ----------------------------------------------------------------------------------------


def _own_class(context: Context) -> tuple[ClassRoom, int]:
    room, speaker = context.room, context.speaker
    if room is None or speaker.person_id is None or room.id not in speaker.class_ids:
        raise UserError(texts_roster.only_own_class())
    return room, speaker.person_id


def _own_group(groups: list[StudyGroup], person_id: int) -> StudyGroup | None:
    return next((one for one in groups if person_id in dict(one.members)), None)


def _require_free(groups: list[StudyGroup], person_id: int) -> None:
    group = _own_group(groups, person_id)
    if group is not None:
        raise UserError(texts_roster.group_in_already(group.number, group.name))


def _work_of(room: ClassRoom, person_id: int) -> Record:
    return Record(
        Kind.CLASS_LIFE,
        Action.ANSWER,
        article="第十二条",
        class_id=room.id,
        person_id=person_id,
        tutor_id=room.tutor.person_id if room.tutor else None,
    )


def _own_work(room: ClassRoom) -> Record:
    return Record(Kind.CLASS_LIFE, Action.ANSWER, article="第十二条", class_id=room.id)
