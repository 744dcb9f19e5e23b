"""The timetable (课表, article 15): a class's lessons in its group, a student's own in private."""

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta

from handlers import texts, texts_commands
from handlers import texts_timetable as words
from handlers.classes import own_rooms
from handlers.commands import BadCommand
from handlers.context import Context, Outcome, Reply
from handlers.imports import RowReader, Table, TableError, below_titles, student_no_of
from handlers.reminding import allowed_from
from handlers.settings import BotSettings, ReminderSettings
from storage.interactions import Kind, Record
from storage.questions import SolvedBy
from storage.timetable import Lesson, NewVersion
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action, Outgoing, Topic

AHEAD = timedelta(days=14)
_WHEN = "今天|明天|后天|本周|这周|下周"
_TABLE = "(?:课程表|课表)"
_HAVE = "(?:有没有课|有课吗|有课没|有啥课|有什么课|有哪些课|上什么课|上啥课|上哪些课)"
_ASKED = re.compile(
    rf"(?:看|查|看看|查查)?(?:我的|我们班?的?|本班的?|咱班的?)?"
    rf"(?:{_TABLE}[\s:：]*(?P<a>{_WHEN})?|(?P<b>{_WHEN})的?{_TABLE}|(?P<c>{_WHEN}){_HAVE})"
)
_END = " 。.!！?？"

# -- a table --------------------------------------------------------------------------------------

_CLOCK = r"(\d{1,2})\s*[:：点时]\s*(\d{2})?(?::\d{2})?\s*分?"
_TIME = re.compile(_CLOCK)
_SPAN = re.compile(rf"{_CLOCK}\s*(?:[-–—~～]+|至|到)\s*{_CLOCK}")
_WEEKS = re.compile(r"第?(\d{1,2})(?:周?[-–—~～至到]第?(\d{1,2}))?周?[(（]?([单双])?周?[)）]?周?")
_DAYS = {char: number for number, char in enumerate("一二三四五六日")} | {"天": 6}
_LAST_WEEK = 30


def lessons(
    table: Table, class_names: Collection[str], *, week_one: date | None = None
) -> list[Lesson]:
    """
    班级, 课程 and when: 日期, or 星期 with 周次; and 时间 (「9:00-11:30」), or 开始 with 结束.

    Optional 任课教师, 地点, 说明, 第一周. The first week is the seven days from the date in that
    column on, else from `week_one` on.

    Raises:
        TableError: every problem of the table.
    """
    table = below_titles(table, ("class", "course"))
    reader = RowReader(
        table,
        ("class", "course"),
        (
            *("day", "weekday", "weeks", "week_one", "time", "from", "until"),
            *("teacher", "place", "note"),
        ),
    )
    has_days = reader.has("day") or (reader.has("weekday") and reader.has("weeks"))
    has_times = reader.has("time") or (reader.has("from") and reader.has("until"))
    if not has_days or not has_times:
        missing = [] if has_days else ["缺少列「日期」，或者「星期」加「周次」"]
        missing += [] if has_times else ["缺少列「时间」，或者「开始」加「结束」"]
        raise TableError([*missing, f"文件里的列是：{'、'.join(filter(None, table.header))}"])
    seen: dict[tuple[str, str, datetime], str] = {}

    def read(row: RowReader) -> list[Lesson] | None:
        name, course = row.text("class", needed=True), row.text("course", needed=True, longest=200)
        if name and name not in class_names:
            row.wrong("class", f"没有班级「{name}」，请先导入班级")
        days, hours = _days_of(row, week_one), _hours_of(row)
        teacher, place = row.text("teacher"), row.text("place")
        note = row.text("note", longest=200)
        if hours is None:
            return None
        made: list[Lesson] = []
        for day in days:
            start, end = (datetime.combine(day, at, SHANGHAI) for at in hours)
            first = seen.setdefault((name, course, start), row.place)
            if first != row.place:
                row.wrong("course", f"{course} {start:%Y-%m-%d %H:%M} 重复，{first}已经有了")
            made.append(Lesson(name, course, start, end, teacher, place, note))
        return made

    return [lesson for row in reader.each(read) for lesson in row]


def _days_of(row: RowReader, week_one: date | None) -> list[date]:
    """The days a row is about, at least one unless it is wrong."""
    if row.text("day"):
        at = row.instant("day", at_end=False)
        return [] if at is None else [at.date()]
    weekday_words, weeks_words = row.text("weekday"), row.text("weeks")
    if not weekday_words or not weeks_words:
        missing = "day" if row.has("day") else "weekday" if not weekday_words else "weeks"
        row.wrong(missing, "不能为空；没有日期就要写星期和周次")
        return []
    weekdays = _weekdays(row, weekday_words)
    weeks = _weeks(row, weeks_words)
    own = row.instant("week_one", at_end=False) if row.text("week_one") else None
    first = own.date() if own else week_one
    if first is None:
        row.wrong("weeks", "不知道第一周是哪天：请加一列「第一周」，或用 --week-one 2026-09-07")
        return []
    return [
        first + timedelta(days=7 * (week - 1) + (weekday - first.weekday()) % 7)
        for week in weeks
        for weekday in weekdays
    ]


def _weekdays(row: RowReader, text: str) -> list[int]:
    bare = re.sub(r"星期|礼拜|周", "", text)
    found: list[int] = []
    for part in re.split(r"[,，、;；/\s]+", bare):
        if part in _DAYS:
            found.append(_DAYS[part])
        elif part in tuple("1234567"):
            found.append(int(part) - 1)
        else:
            row.wrong("weekday", f"「{text}」看不懂，请写成 周六")
            return []
    return found


def _weeks(row: RowReader, text: str) -> list[int]:
    found: list[int] = []
    for part in filter(None, re.split(r"[,，、;；\s]+", text)):
        match = _WEEKS.fullmatch(part)
        if match is None:
            row.wrong("weeks", f"「{text}」看不懂，请写成 第1-8周 或 1,3,5")
            return []
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= _LAST_WEEK:
            row.wrong("weeks", f"「{text}」要先小后大，在 1 到 {_LAST_WEEK} 之间")
            return []
        parity = {"单": 1, "双": 0}.get(match[3] or "")
        found += [it for it in range(first, last + 1) if parity is None or it % 2 == parity]
    return sorted(set(found))


def _hours_of(row: RowReader) -> tuple[time, time] | None:
    column = "time"
    if row.text("time"):
        match = _SPAN.fullmatch(row.text("time"))
        parts = match.groups() if match else None
    else:
        column = "from" if row.has("from") else "time"
        first = _TIME.fullmatch(row.text("from")) if row.has("from") else None
        last = _TIME.fullmatch(row.text("until")) if row.has("until") else None
        parts = (*first.groups(), *last.groups()) if first and last else None
        if first and not last:
            column = "until"
    shown = row.text(column)
    if parts is None:
        wanted = "9:00-11:30" if column == "time" else "9:00"
        row.wrong(column, f"「{shown}」不是时间，请写成 {wanted}" if shown else "不能为空")
        return None
    try:
        start, end = (time(int(parts[index]), int(parts[index + 1] or 0)) for index in (0, 2))
    except ValueError:
        row.wrong(column, f"「{shown}」没有这个时刻")
        return None
    if end <= start:
        row.wrong("until" if column != "time" else "time", "结束不晚于开始")
        return None
    return start, end


def registrations(table: Table, student_numbers: Collection[str]) -> list[tuple[str, str]]:
    """学号, 课程: one row a student and course.

    Raises:
        TableError: every problem of the table.
    """
    table = below_titles(table, ("student_no", "course"))
    reader = RowReader(table, ("student_no", "course"))
    seen: dict[tuple[str, str], str] = {}

    def read(row: RowReader) -> tuple[str, str]:
        number = student_no_of(row)
        course = row.text("course", needed=True, longest=200)
        if number and number not in student_numbers:
            row.wrong("student_no", f"没有学号 {number}，请先导入学生")
        first = seen.setdefault((number, course), row.place)
        if first != row.place:
            row.wrong("course", f"重复，{first}已经有了")
        return (number, course)

    return reader.each(read)


# -- a new version, told ---------------------------------------------------------------------------


async def announce(
    uow: UnitOfWork,
    versions: Sequence[NewVersion],
    now: datetime,
    settings: BotSettings,
    manners: ReminderSettings,
) -> list[str]:
    """
    「课表有变：…」 to the groups of the classes it has changed for; what is said, a line a group.

    Not at night, not into a group that has heard enough today: then the next morning.
    """
    told: list[str] = []
    rooms = await uow.people.classes([it.class_id for it in versions if it.is_any], now)
    for version in versions:
        room = rooms.get(version.class_id)
        if room is None or not version.is_any:
            continue
        text = texts.signed(settings.name, words.announcement(version, now))
        for group in room.groups:
            if group.left_at is not None:
                continue
            at = allowed_from(
                max(filter(None, (now, group.muted_until, room.quiet_until))), manners
            )
            while (
                await uow.group_days.pushed(group.conversation, at.date())
                >= manners.per_group_a_day
            ):
                next_day = datetime.combine(at.date() + timedelta(days=1), time(), SHANGHAI)
                at = allowed_from(next_day, manners)
            key = f"timetable:{room.id}:{now:%Y%m%d%H%M%S}:{group.platform}:{group.group_id}"
            message = Outgoing(key=key, conversation=group.conversation, text=text, is_push=True)
            uow.outbox.add(message, now=now, not_before=at)
            await uow.group_days.note(group.conversation, at.date())
            told.append(f"{texts.instant(at, now)} 发到 {room.name} 的群：{text}")
    return told


# -- chat handlers ---------------------------------------------------------------------------------


async def show(context: Context, argument: str) -> Outcome:
    """「/课表 [下周]」."""
    asked = _ASKED.fullmatch(f"课表 {argument.strip()}".strip())
    if asked is None:
        raise BadCommand(texts_commands.usage(words.usage()))
    found = await _answer(context, asked["a"] or "")
    return found or Outcome((Reply(words.no_timetable()),))


async def hear(context: Context, text: str) -> Outcome | None:
    """「课表」, 「下周有课吗」; None where that is not asked, or the class has no timetable."""
    asked = _ASKED.fullmatch(text.strip(_END))
    if asked is None:
        return None
    return await _answer(context, asked["a"] or asked["b"] or asked["c"] or "")


async def _answer(context: Context, when: str) -> Outcome | None:
    class_ids = await _classes(context)
    if not class_ids or not await context.uow.timetable.has_any(class_ids):
        return None
    since, until, title = _window(when, context.now)
    found = await context.uow.timetable.lessons(class_ids, since, until)
    head = ""
    if context.is_private and not context.speaker.duties:
        own = await own_lessons(context.uow, context.speaker.person_id, found)
        head = words.not_your_courses() + "\n" if own is None and found else ""
        found = found if own is None else own
        title = f"您{title}"
    elif not context.is_private and context.room is not None:
        title = f"{context.room.name} {title}"
    several = len({it.class_name for it in found}) > 1
    text = words.no_lessons(title)
    if found:
        text = head + words.timetable(title, found, context.now, several=several)
    record = Record(
        Kind.COMMAND if context.speaker.duties else Kind.QUESTION,
        Action.ANSWER,
        Topic.TIMETABLE,
        "第十五条",
        solved_by=None if context.speaker.duties else SolvedBy.BOT,
    )
    return Outcome((Reply(text),), record)


async def _classes(context: Context) -> list[int]:
    """In a group its class; in private a tutor's classes, or a student's."""
    if context.is_private and context.speaker.duties:
        return [room.id for room in await own_rooms(context)]
    if context.is_private and context.speaker.class_ids:
        return list(context.speaker.class_ids)
    return [context.room.id] if context.room else []


async def own_lessons(
    uow: UnitOfWork, person_id: int | None, found: Sequence[Lesson]
) -> list[Lesson] | None:
    """
    Of a class's lessons those of the courses the student has registered for.

    All of them where the school has not said; None where it has, but no lesson bears such a name.
    """
    courses = await uow.timetable.courses_of(person_id) if person_id is not None else set()
    if not courses:
        return list(found)
    own = [it for it in found if it.course in courses]
    return own or None


def _window(when: str, now: datetime) -> tuple[datetime, datetime, str]:
    """From when to when, and what it is called."""
    today = datetime.combine(now.date(), time(), now.tzinfo)
    monday = today - timedelta(days=today.weekday())
    week = timedelta(days=7)
    one = timedelta(days=1)
    match when:
        case "今天":
            return today, today + one, "今天的课"
        case "明天":
            return today + one, today + 2 * one, "明天的课"
        case "后天":
            return today + 2 * one, today + 3 * one, "后天的课"
        case "本周" | "这周":
            return monday, monday + week, "本周的课"
        case "下周":
            return monday + week, monday + 2 * week, "下周的课"
    return now, today + AHEAD, "两周内的课"
