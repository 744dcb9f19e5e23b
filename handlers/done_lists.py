"""Lists of who has done it, from the school's office: dated, sourced, and above what was said.

A list of a later day counts against a claim; a claim made after the list's day stands until the
next list.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from handlers import matters, school_tables
from handlers.imports import DoneRow, TableError
from storage.imports import Changes
from storage.receipts import Student
from storage.tasks import Completion, How, Task, TaskKind, TaskState
from storage.unit_of_work import UnitOfWork

#: What the columns of such a list may be called.
NAMES: Mapping[str, tuple[str, ...]] = {
    "班级": school_tables.NAMES["班级"],
    "学号": school_tables.NAMES["学号"],
    "姓名": school_tables.NAMES["姓名"],
    "事项": ("事项", "项目", "业务", "matter"),
    "状态": (
        *("状态", "办理状态", "是否已办", "是否完成", "是否缴费", "是否报名", "缴费状态"),
        *("报名状态", "注册状态", "选课状态", "完成情况", "standing"),
    ),
    "日期": ("日期", "办理日期", "截至日期", "统计日期", "date"),
}


@dataclass(frozen=True, slots=True)
class _Told:
    """What a list says of one student and one task."""

    task: Task
    student: Student
    is_done: bool
    as_of: datetime


async def apply(
    uow: UnitOfWork,
    rows: Sequence[DoneRow],
    *,
    task: int | None,
    is_complete: bool,
    source: str,
    as_of: datetime,
    by: str,
    now: datetime,
    class_ids: Collection[int] | None = None,
    shows_names: bool = True,
) -> Changes:
    """
    Make what is known agree with a list, and stop the reminders of whoever is on it.

    `task` None: rows name the matter. `is_complete`: whoever of these classes is not on it has not
    done it. `class_ids`: only tasks of these classes (None: of all). The list is of `as_of`'s day
    where its rows have none.

    Raises:
        TableError: every row that does not fit; nothing was changed.
    """
    told = await _told(uow, rows, task, min(_end_of_day(as_of), now), now, class_ids)
    if is_complete:
        told += await _absent(uow, told)
    changes = Changes()
    by_task: dict[int, list[_Told]] = defaultdict(list)
    for item in told:
        by_task[item.task.number].append(item)
    for number, items in by_task.items():
        known = {it.person_id: it for it in await uow.tasks.completions_of(number)}
        changed: list[Completion] = []
        confirmed: list[int] = []
        for item in items:
            before = known.get(item.student.person_id)
            name = item.student.name if shows_names else f"{item.student.name[:1]}*"
            words = f"{item.task.title}（R-{number}）{item.student.student_no} {name}"
            if item.is_done and before is not None and before.is_done:
                if before.how is How.SAID:
                    confirmed.append(item.student.person_id)
                    changes.change(f"{words}：本人说过已办，名单确认")
                continue
            if not item.is_done and (before is None or not before.is_done):
                continue
            if not item.is_done and before is not None and before.at > item.as_of:
                # Said or seen after the list's day: the next list will tell.
                continue
            note = "已办" if item.is_done else "名单里没有，改回未办"
            (changes.add if item.is_done else changes.remove)(f"{words}：{note}")
            changed.append(
                Completion(
                    number,
                    item.student.person_id,
                    item.is_done,
                    How.LIST,
                    source,
                    by,
                    item.as_of,
                )
            )
        await uow.tasks.complete(changed)
        if confirmed:
            await uow.receipts.confirm(number, confirmed, How.LIST, source)
        done = {it.person_id for it in changed if it.is_done}
        for person_id in done & await uow.receipts.still_owed(number):
            await uow.obligations.stop([number], person_id, by="done:list", now=now)
    return changes


async def _told(
    uow: UnitOfWork,
    rows: Sequence[DoneRow],
    number: int | None,
    as_of: datetime,
    now: datetime,
    class_ids: Collection[int] | None,
) -> list[_Told]:
    one = None
    if number is not None:
        one = await uow.tasks.of(number)
        is_in_reach = one is not None and (class_ids is None or one.class_id in class_ids)
        if one is None or not is_in_reach or one.kind is TaskKind.PERSONAL:
            raise TableError([f"没有 R-{number} 这件事"])
        if one.state is TaskState.CANCELLED:
            raise TableError([f"R-{number} 已经取消了"])
    elif any(not row.matter for row in rows):
        raise TableError(["表里没有「事项」列，请说明是哪一件（R-12）"])
    people = await uow.receipts.enrolled([row.student_no for row in rows])
    theirs = {room for _, rooms in people.values() for room in rooms}
    theirs = theirs if class_ids is None else theirs & set(class_ids)
    armed: dict[tuple[int, str], Task] = {}
    if one is None:
        kinds = frozenset(TaskKind) - {TaskKind.PERSONAL}
        for found in reversed(await uow.tasks.armed(sorted(theirs), kinds)):
            for name in (found.title, found.matter):
                armed[(found.class_id, _name(name))] = found
    problems: list[str] = []
    told: list[_Told] = []
    for row in rows:
        student, rooms = people[row.student_no]
        if one is not None:
            fitting = one if one.class_id in rooms else None
            missing = f"{student.student_no} 不是 R-{one.number} 那个班的学生"
        else:
            fitting = _fitting(armed, rooms, row.matter)
            missing = f"{student.student_no} 的班里没有在办的「{row.matter}」"
        if fitting is None:
            problems.append(f"{row.place}：{missing}")
            continue
        day = min(row.day, now) if row.day is not None else as_of
        told.append(_Told(fitting, student, row.is_done, day))
    if problems:
        raise TableError(problems)
    return told


def _fitting(
    armed: Mapping[tuple[int, str], Task], rooms: Sequence[int], matter: str
) -> Task | None:
    """The task a row names, by what it is called or by R-n, in one of these classes."""
    word = matter.strip().upper().removeprefix("R-")
    for room in rooms:
        if (found := armed.get((room, _name(matter)))) is not None:
            return found
    if not word.isdecimal():
        return None
    found_by_number = (
        task for (room, _), task in armed.items() if room in rooms and task.number == int(word)
    )
    return next(found_by_number, None)


async def _absent(uow: UnitOfWork, told: Sequence[_Told]) -> list[_Told]:
    """Everybody of these tasks' classes whom the list does not name."""
    named = {(item.task.number, item.student.person_id) for item in told}
    latest: dict[int, _Told] = {}
    for item in told:
        before = latest.get(item.task.number)
        if before is None or item.as_of > before.as_of:
            latest[item.task.number] = item
    return [
        _Told(item.task, student, False, item.as_of)
        for number, item in latest.items()
        for student in await uow.receipts.students(item.task.class_id)
        if (number, student.person_id) not in named
    ]


def _name(word: str) -> str:
    """A matter as the calendar calls it."""
    found = matters.find(word) if word else None
    return found.name if found else word.strip()


def _end_of_day(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(23, 59), at.tzinfo)
