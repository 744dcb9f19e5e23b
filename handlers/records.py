"""The tutor's record in chat: what waits (/待办), the day's figures (/日报), the rows (/台账)."""

from datetime import date, datetime, time, timedelta
from statistics import median

from handlers import commands, texts
from handlers.classes import own_rooms
from handlers.context import Context, Outcome, Reply
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import HandOff, SolvedBy, State
from storage.reports import LedgerFilter, LedgerRow
from storage.vocabulary import SHANGHAI, Action, ConversationKind, Label, Role

TODO_LINES = 10
LEDGER_LINES = 8

KIND_NAMES: dict[Kind, str] = {
    Kind.QUESTION: "咨询",
    Kind.COMPLAINT: "投诉",
    Kind.DISTRESS: "关怀",
    Kind.PRIVACY: "隐私提示",
    Kind.REFUSAL: "婉拒",
    Kind.REPLY: "答复",
    Kind.NOTICE: "公告",
    Kind.COMMAND: "命令",
}
SOLVER_NAMES: dict[SolvedBy | None, str] = {
    SolvedBy.BOT: "机器人",
    SolvedBy.TUTOR: "助学教师",
    SolvedBy.CLASSMATE: "同学",
    SolvedBy.SUPERVISOR: "管理人员",
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
    if record.solved_by is not None:
        return f"{SOLVER_NAMES[record.solved_by]}已答"
    return {
        Action.HAND_OFF: f"转老师 T-{record.hand_off}",
        Action.WATCH: f"待看 T-{record.hand_off}",
        Action.COMPLAINT: f"已登记 T-{record.hand_off}",
        Action.DISTRESS: f"已请老师 T-{record.hand_off}",
        Action.PRIVACY: "已提示撤回",
        Action.REFUSE: "未办理",
        Action.ASK_BACK: "已追问",
    }.get(record.action, "已发")


def row_in_words(row: LedgerRow) -> str:
    """One line of the record for a chat."""
    topic = texts.TOPIC_NAMES[row.record.topic]
    return f"{row.at:%H:%M} {KIND_NAMES[row.record.kind]}·{topic} {outcome_in_words(row)}"


def is_open_question(item: HandOff) -> bool:
    """A question everybody could read; nothing else is repeated in a group."""
    return item.conversation.kind is ConversationKind.GROUP and item.kind is Label.QUESTION


def command_record() -> Record:
    """A tutor's look at the record is an interaction too, but nobody's work."""
    return Record(Kind.COMMAND, Action.ANSWER, article="第十七条")


# -- chat handlers ---------------------------------------------------------------------------------


async def todo(context: Context, argument: str) -> Outcome:
    """「/待办」: what waits for this tutor, oldest first; only numbers in a group."""
    rooms = await own_rooms(context)
    by_id = {room.id: room for room in rooms}
    found = await context.uow.questions.open_in(list(by_id))
    items = [
        item
        for class_id, waiting in found.items()
        for item in waiting
        if item.state is State.WAITING and not _is_hidden(context, by_id[class_id], item)
    ]
    items.sort(key=lambda item: item.asked_at)
    lines = [
        (
            item.number,
            by_id[item.class_id].name,
            item.asker_name,
            texts.duration(context.now - item.asked_at),
            item.text if context.is_private or is_open_question(item) else "（不在群里展开）",
        )
        for item in items[:TODO_LINES]
    ]
    words = texts.todo(lines, len(items) - len(lines))
    return Outcome((Reply(words),), command_record())


def _is_hidden(context: Context, room: ClassRoom, item: HandOff) -> bool:
    """A complaint about the tutor is not the tutor's to see."""
    return item.is_about_tutor and context.speaker.role_in(room) is Role.TUTOR


async def daily(context: Context, argument: str) -> Outcome:
    """「/日报 [日期]」: the figures of a day, bot and people apart."""
    day = commands.day(argument, context.now, "/日报 或 /日报 12-05")
    rooms = await own_rooms(context)
    since, until = day_bounds(day)
    figures = await context.uow.reports.day([room.id for room in rooms], since, until)
    seconds = figures.first_reply_seconds
    words = texts.daily(
        day=day,
        class_names="、".join(room.name for room in rooms[:3]) + ("等" if len(rooms) > 3 else ""),
        questions=figures.questions,
        by_bot=figures.by_bot,
        by_tutor=figures.by_tutor,
        by_classmate=figures.by_classmate,
        complaints=figures.complaints,
        notices=figures.notices,
        waiting=figures.waiting,
        oldest=texts.duration(context.now - figures.oldest_waiting)
        if figures.oldest_waiting
        else "",
        median=texts.duration(timedelta(seconds=median(seconds))) if seconds else "",
    )
    return Outcome((Reply(words),), command_record())


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
    words = texts.ledger([row_in_words(row) for row in rows], total)
    return Outcome((Reply(words),), command_record())
