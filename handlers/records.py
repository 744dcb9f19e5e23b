"""The tutor's record in chat: what waits (/待办), the day's figures (/日报), the rows (/台账)."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from statistics import median

from handlers import commands, texts, texts_commands, texts_hand_offs, transfers
from handlers.care import may_read_distress, words_for
from handlers.classes import own_rooms
from handlers.clocks import due_of
from handlers.context import Context, Outcome, Reply
from handlers.errors import Forbidden
from handlers.hand_offs import is_hidden_from, is_open_question
from handlers.permissions import Deed, require
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import HandOff, Level, SolvedBy, State
from storage.reports import LedgerFilter, LedgerRow
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action, ConversationKind, Role

TODO_LINES = 10
LEDGER_LINES = 8

KIND_NAMES: dict[Kind, str] = {
    Kind.QUESTION: "咨询",
    Kind.COMPLAINT: "投诉",
    Kind.REQUEST: "诉求",
    Kind.SUGGESTION: "建议",
    Kind.PERSONAL: "个人信息",
    Kind.ADDITION: "补充",
    Kind.DISTRESS: "关怀",
    Kind.PRIVACY: "隐私提示",
    Kind.MANNERS: "文明提醒",
    Kind.REFUSAL: "婉拒",
    Kind.REPLY: "答复",
    Kind.NOTICE: "公告",
    Kind.COMMAND: "命令",
    Kind.UPDATE: "进展",
    Kind.FORWARD: "转办",
    Kind.REMINDER: "提醒",
    Kind.RECEIPT: "回执",
    Kind.SUBMISSION: "交作业",
    Kind.ORIENTATION: "入学教育",
    Kind.CLASS_LIFE: "班级工作",
    Kind.FLOOD: "发得太快",
}
SOLVER_NAMES: dict[SolvedBy | None, str] = {
    SolvedBy.BOT: "机器人",
    SolvedBy.TUTOR: "助学教师",
    SolvedBy.CLASSMATE: "同学",
    SolvedBy.SUPERVISOR: "管理人员",
    SolvedBy.DEPARTMENT: "部门",
    None: "",
}

# -- rules ----------------------------------------------------------------------------------------


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Midnight to midnight, Asia/Shanghai."""
    start = datetime.combine(day, time(), SHANGHAI)
    return start, start + timedelta(days=1)


def outcome_in_words(row: LedgerRow) -> str:
    """What came of an interaction, in a word or two."""
    record = row.record
    if record.kind is Kind.FLOOD:
        return "已记下，未答复"
    if record.solved_by is not None:
        return f"{SOLVER_NAMES[record.solved_by]}已答"
    if record.kind is Kind.FORWARD:
        return f"转部门 T-{record.hand_off}"
    if record.kind is Kind.UPDATE:
        return f"已告知进展 T-{record.hand_off}"
    if record.kind in (Kind.RECEIPT, Kind.SUBMISSION) and record.task is not None:
        return f"已记 R-{record.task}"
    return {
        Action.HAND_OFF: f"转老师 T-{record.hand_off}",
        Action.WATCH: f"待看 T-{record.hand_off}",
        Action.COMPLAINT: f"已登记 T-{record.hand_off}",
        Action.DISTRESS: f"已请老师 T-{record.hand_off}",
        Action.PRIVACY: "已提示撤回",
        Action.REFUSE: "未办理",
        Action.REMIND: "已提醒",
        Action.MOVED: "日期已改",
        Action.WITHDRAWN: "日期已撤",
        Action.ASK_BACK: "已追问",
        Action.FOUND_TRUE: f"裁定属实 T-{record.hand_off}",
        Action.FOUND_PARTLY: f"裁定部分属实 T-{record.hand_off}",
        Action.FOUND_FALSE: f"裁定不属实 T-{record.hand_off}",
    }.get(record.action, "已发")


def row_in_words(row: LedgerRow) -> str:
    """One line of the record for a chat."""
    topic = texts.TOPIC_NAMES[row.record.topic]
    return f"{row.at:%H:%M} {KIND_NAMES[row.record.kind]}·{topic} {outcome_in_words(row)}"


def is_readable_here(item: HandOff) -> bool:
    """A question everybody could read; nothing else is repeated in a group."""
    return item.conversation.kind is ConversationKind.GROUP and is_open_question(item)


def command_record() -> Record:
    """A tutor's look at the record is an interaction too, but nobody's work."""
    return Record(Kind.COMMAND, Action.ANSWER, article="第十七条")


# -- chat handlers ---------------------------------------------------------------------------------


async def todo(context: Context, argument: str) -> Outcome:
    """
    「/待办」: what the speaker is to act on, oldest first; only numbers in a group.

    A tutor's classes, a supervisor's unit, and what a department was passed: each their own. Those
    who ask the same are one line.
    """
    if context.is_private and not context.speaker.duties:
        passed_on = await transfers.todo_of_contact(context)
        if passed_on is not None:
            return passed_on
    items = await _to_act_on(context)
    rooms = await context.uow.people.classes({item.class_id for item in items}, context.now)
    matters: dict[int, list[HandOff]] = {}
    for item in sorted(items, key=lambda item: (item.asked_at, item.number)):
        key = item.duplicate_of or item.number if is_open_question(item) else item.number
        matters.setdefault(key, []).append(item)
    shown = list(matters.values())[:TODO_LINES]
    notes = await _notes(context, shown)
    lines = []
    for same in shown:
        item = same[0]
        may_read = context.is_private or is_readable_here(item)
        lines.append(
            (
                item.number,
                rooms[item.class_id].name,
                item.asker_name if may_read else "一位同学",
                texts.duration(context.now - item.asked_at),
                _words(context, item, rooms[item.class_id]) if may_read else "（不在群里展开）",
                notes[item.number],
            )
        )
    words = texts_hand_offs.todo(lines, len(matters) - len(lines))
    return Outcome((Reply(words),), command_record())


def _words(context: Context, item: HandOff, room: ClassRoom) -> str:
    """The words, unless they are sealed to others than the speaker."""
    role = context.speaker.role_in(room)
    units = {duty.unit_id for duty in context.speaker.duties if duty.role is Role.SUPERVISOR}
    may_read = any(may_read_distress(role, unit_id, room) for unit_id in units | {None})
    return words_for(item, may_read=may_read)


async def _to_act_on(context: Context) -> list[HandOff]:
    """
    What waits for the speaker here.

    Raises:
        Forbidden: it is nobody's business of theirs.
    """
    uow, speaker = context.uow, context.speaker
    if not context.is_private:
        room = require(speaker, Deed.SEE_WAITING, context.room)
        found = (await uow.questions.open_in([room.id])).get(room.id, [])
        wanted = Level.TUTOR if speaker.role_in(room) is Role.TUTOR else Level.UNIT
        # The group reads along, and the tutor with it.
        return [
            item
            for item in found
            if item.state is State.WAITING and item.level is wanted and not item.is_about_tutor
        ]
    if not speaker.duties:
        raise Forbidden(texts_commands.not_allowed())
    of_classes = await uow.questions.open_in(speaker.tutored)
    items = [
        item
        for found in of_classes.values()
        for item in found
        if item.state is State.WAITING
        and item.level is Level.TUTOR
        and not is_hidden_from(speaker, item)
    ]
    unit_ids = [duty.unit_id for duty in speaker.duties if duty.role is Role.SUPERVISOR]
    items += [
        item
        for item in await uow.cases.waiting_above(unit_ids)
        if not is_hidden_from(speaker, item)
    ]
    return items


async def _notes(context: Context, shown: Sequence[Sequence[HandOff]]) -> dict[int, str]:
    """By number: until when, where it was passed on to, who else asks."""
    firsts = [same[0] for same in shown]
    if not firsts:
        return {}
    since = min(item.asked_at for item in firsts)
    blind = await context.uow.lines.blind({it.account for it in firsts}, since, context.now)
    notes: dict[int, str] = {}
    for same in shown:
        item = same[0]
        due = due_of(item, context.working, context.now, blind.get(item.account, ()))
        contact = await context.uow.cases.contact(item.contact_id) if item.contact_id else None
        notes[item.number] = texts_hand_offs.todo_note(
            texts.due_in_words(due.at, context.now),
            department=contact.name if contact else "",
            is_extended=item.extended_at is not None,
            others=len({it.asker_id for it in same} - {item.asker_id}),
        )
    return notes


async def daily(context: Context, argument: str) -> Outcome:
    """「/日报 [日期]」: the figures of a day, bot and people apart."""
    day = commands.day(argument, context.now, "/日报 或 /日报 12-05")
    rooms = await own_rooms(context)
    words = await words_of_day(context.uow, rooms, day, context.now)
    return Outcome((Reply(words),), command_record())


async def words_of_day(
    uow: UnitOfWork, rooms: Sequence[ClassRoom], day: date, now: datetime
) -> str:
    """The figures of a day of some classes, as their tutor reads them."""
    since, until = day_bounds(day)
    figures = await uow.reports.day([room.id for room in rooms], since, until)
    seconds = figures.first_reply_seconds
    return texts_hand_offs.daily(
        day=day,
        class_names="、".join(room.name for room in rooms[:3]) + ("等" if len(rooms) > 3 else ""),
        questions=figures.questions,
        by_bot=figures.by_bot,
        by_tutor=figures.by_tutor,
        by_classmate=figures.by_classmate,
        by_department=figures.by_department,
        closed_by_tutor=figures.closed_by_tutor,
        complaints=figures.complaints,
        notices=figures.notices,
        waiting=figures.waiting,
        oldest=texts.duration(now - figures.oldest_waiting) if figures.oldest_waiting else "",
        median=texts.duration(timedelta(seconds=median(seconds))) if seconds else "",
    )


async def ledger(context: Context, argument: str) -> Outcome:
    """「/台账 [日期]」: the newest rows of a day."""
    day = commands.day(argument, context.now, "/台账 或 /台账 12-05")
    rooms = await own_rooms(context)
    since, until = day_bounds(day)
    wanted = LedgerFilter(
        class_ids=[room.id for room in rooms],
        since=since,
        until=until,
        hide_about_tutor=True,
    )
    rows = await context.uow.reports.ledger(wanted, limit=LEDGER_LINES)
    total = await context.uow.reports.count(wanted)
    words = texts_hand_offs.ledger([row_in_words(row) for row in rows], total)
    return Outcome((Reply(words),), command_record())
