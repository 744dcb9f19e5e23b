"""More lists that can be exported: one function each, from the database to the cells of a page.

Small beside the ledger: a list of classes or trainings is one page.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import TYPE_CHECKING

from bot.web.review import MARK_NAMES, WHY_NAMES, ref_of, whose, without_asker
from bot.web.tasks import END_NAMES, STATE_NAMES, kind_of
from handlers import texts
from storage.interactions import Kind
from storage.questions import SolvedBy
from storage.reviews import Scope
from storage.training import KINDS

if TYPE_CHECKING:
    from bot.exporting import Order
    from storage.unit_of_work import UnitOfWork

Value = str | int | float | datetime | None
#: (what asks for the next page, the cells, the evidence)
Line = tuple[int, tuple[Value, ...], tuple[str, ...]]
PAGE, MOST = 500, 20_000

TASKS = (
    ("编号", 9),
    ("事项", 24),
    ("类型", 10),
    ("班级", 18),
    ("状态", 10),
    ("截止", 17),
    ("已办", 8),
    ("学生", 8),
    *((name, 10) for name in END_NAMES.values()),
)
CLASSES = (
    ("班级", 18),
    ("单位", 20),
    ("助学教师", 20),
    ("学生", 8),
    ("已绑定", 8),
    ("没有教师起自", 17),
)
REVIEWS = (
    ("编号", 9),
    ("提出", 17),
    ("为什么看", 14),
    ("班级", 18),
    ("谁答的", 14),
    ("主题", 12),
    ("原话", 50),
    ("答复", 50),
    ("结论", 12),
    ("意见", 40),
    ("复核人", 12),
    ("复核", 17),
)
TRAINING = (
    ("编号", 8),
    ("类型", 12),
    ("名称", 30),
    ("单位", 20),
    ("开始", 17),
    ("结束", 17),
    ("地点", 20),
    ("学时", 8),
    ("报名", 8),
    ("签到", 8),
    ("纪要", 50),
)
FIGURES = (
    ("日期", 12),
    ("咨询", 8),
    ("机器人答复", 12),
    ("助学教师答复", 12),
    ("同学答复", 10),
    ("部门答复", 10),
    ("管理人员答复", 12),
)


async def tasks(uow: UnitOfWork, order: Order, before: int | None) -> list[Line]:
    """What is to be done until when, and what became of its reminders; the newest first."""
    found = await uow.receipts.page(
        order.units, words=order.class_name, is_armed=None, limit=PAGE, before=before
    )
    numbers = [number for number, _ in found]
    known = await uow.tasks.of_numbers(numbers)
    counts = await uow.obligations.counts(numbers)
    done = await uow.receipts.done_counts(numbers)
    sizes = await uow.receipts.sizes({task.class_id for task in known.values()})
    return [
        (
            number,
            (
                f"R-{number}",
                (task := known[number]).title,
                kind_of(task),
                class_name,
                STATE_NAMES[task.state],
                task.deadline,
                done.get(number, 0),
                sizes.get(task.class_id, 0),
                *(counts.get(number, {}).get(state, 0) for state in END_NAMES),
            ),
            (f"事项 {number}", f"R-{number}", "", "", f"/tasks/{number}"),
        )
        for number, class_name in found
    ]


async def classes(uow: UnitOfWork, order: Order, before: int | None) -> list[Line]:
    """Who teaches whom now; classes without a tutor first."""
    if before is not None:
        return []
    found = await uow.roster.class_lines(order.units, order.at)
    return [
        (
            line.id,
            (
                line.name,
                line.unit_name,
                "、".join(name for _, name in line.tutors),
                line.students,
                line.bound,
                line.vacant_since,
            ),
            (f"班级 {line.id}", "", "", "", "/classes"),
        )
        for line in found
        if order.class_name in line.name
    ]


async def reviews(uow: UnitOfWork, order: Order, before: int | None) -> list[Line]:
    """What waits to be looked over, then what was."""
    if before is not None:
        return []
    scope = Scope(order.units, order.own_classes, order.person_id)
    found = await uow.reviews.waiting(scope, limit=MOST)
    found += await uow.reviews.decided(scope, limit=MOST)
    return [
        (
            it.id,
            (
                ref_of(it),
                it.at,
                WHY_NAMES[it.why],
                it.class_name,
                whose(it),
                texts.TOPIC_NAMES[it.topic],
                without_asker(it, it.text),
                without_asker(it, it.answer),
                MARK_NAMES[it.mark] if it.mark else "",
                it.comment,
                it.decided_name,
                it.decided_at,
            ),
            (f"复核 {it.id}", ref_of(it), "", "", f"/review/{it.id}"),
        )
        for it in found
        if order.class_name in it.class_name
    ]


async def training(uow: UnitOfWork, order: Order, before: int | None) -> list[Line]:
    """The trainings open to the reader's units, the latest first."""
    if before is not None:
        return []
    return [
        (
            it.id,
            (
                str(it.id),
                KINDS.get(it.kind, it.kind),
                it.title,
                it.unit_name or "省校",
                it.starts_at,
                it.ends_at,
                it.place,
                str(it.hours),
                it.signed_up,
                it.signed_in,
                it.minutes,
            ),
            (f"培训 {it.id}", "", "", "", "/training"),
        )
        for it in await uow.training.events(order.units, limit=MOST)
    ]


async def figures(uow: UnitOfWork, order: Order, before: int | None) -> list[Line]:
    """Each day in numbers, the newest first; complaints about tutors are in none of them."""
    if before is not None:
        return []
    first = order.since.date() if order.since else date(2000, 1, 1)
    last = order.at.date()
    sums, _ = await uow.figures.days(order.units, first, last)
    asked: dict[date, int] = defaultdict(int)
    replied: dict[date, dict[SolvedBy, int]] = defaultdict(lambda: defaultdict(int))
    for one in sums:
        if one.kind is Kind.QUESTION:
            asked[one.day] += one.count
        if one.solved_by is not None:
            replied[one.day][one.solved_by] += one.count
    by = (
        SolvedBy.BOT,
        SolvedBy.TUTOR,
        SolvedBy.CLASSMATE,
        SolvedBy.DEPARTMENT,
        SolvedBy.SUPERVISOR,
    )
    return [
        (
            day.toordinal(),
            (day.isoformat(), asked[day], *(replied[day][who] for who in by)),
            (f"图表 {day}", "", "", "", "/figures"),
        )
        for day in sorted({*asked, *replied}, reverse=True)
    ]
