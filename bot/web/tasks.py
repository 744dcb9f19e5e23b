"""What is to be done until when, class by class: who has not, which reminders reached whom.

Names are masked until somebody opens them, which leaves a line in the audit list.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.web import FileField

from bot import collecting
from bot.tables import read_sheets
from bot.web import reveal, session
from bot.web.base import APP, page, plain
from bot.web.pages import masked, units_of
from handlers import done_lists, files, imports, school_tables, texts
from handlers.imports import DoneRow, TableError
from handlers.receipts import word_for
from storage.imports import Changes
from storage.obligations import Obligation, ObligationState, Why
from storage.receipts import ROLL
from storage.tasks import How, Reminder, ReminderState, Task, TaskKind, TaskState

if TYPE_CHECKING:
    from bot.app import App
    from storage.unit_of_work import UnitOfWork

ROWS = 40
#: So many reminders to one recipient each are looked at for the report, and so many lines shown.
LOOKED_AT, SHOWN = 2000, 100
MOST_LINES = 200

KIND_NAMES: dict[TaskKind, str] = {
    TaskKind.MATTER: "事项",
    TaskKind.REMINDER: "提醒",
    TaskKind.RECEIPT: "回执",
    TaskKind.COLLECTION: "收作业",
    TaskKind.PERSONAL: "本人",
}
STATE_NAMES = {
    TaskState.ARMED: "进行中",
    TaskState.ENDED: "已结束",
    TaskState.CANCELLED: "已取消",
}
#: In the order they are shown; the sums of all are what was owed.
END_NAMES: dict[str, str] = {
    ObligationState.SENT: "已送达",
    ObligationState.LATE: "补发",
    ObligationState.DONE: "先办好了",
    ObligationState.EXPIRED: "没送到",
    ObligationState.CANCELLED: "已取消",
    ObligationState.QUEUED: "正在发",
    ObligationState.PLANNED: "等时候",
}
REMINDER_NAMES = {
    ReminderState.PLANNED: "未到时候",
    ReminderState.FIRED: "已发",
    ReminderState.LATE: "补发",
    ReminderState.EXPIRED: "没发成",
    ReminderState.CANCELLED: "已取消",
}
WHY_NAMES: dict[Why | None, str] = {
    Why.DOWN: "程序没有运行",
    Why.OFFLINE: "账号不在线",
    Why.NIGHT: "夜里不发",
    Why.BUDGET: "当天条数已满",
    Why.MUTED: "机器人被禁言",
    Why.HUSHED: "教师让机器人静音",
    Why.LEFT: "机器人已不在群里",
    Why.NO_GROUP: "班级没有群",
    Why.UNBOUND: "没绑定账号",
    Why.UNWRITTEN: "没加好友，发不了私聊",
    Why.REFUSED: "平台没有收",
    Why.CROWDED: "没轮到就过了时候",
    Why.RESTORED: "恢复过备份，可能已经发过",
    None: "原因没有记下",
}
HOW_NAMES = {
    How.LIST: "名单",
    How.SAID: "本人说",
    How.TUTOR: "教师登记",
    How.FILE: "交了文件",
    How.CONSOLE: "网页登记",
}
SAID = {
    "retry": "已重新排上，按夜间和每天条数的规矩发出。",
    "none": "没有还来得及重发的。",
    "list": "名单已导入，已办的不再提醒。",
}
NO_FILE = "没有选文件，或文件是空的。"
STALE = "名单已经变了，请重新上传。"


@dataclass(frozen=True, slots=True)
class Line:
    """A task in the list; `width` is the share that has done it, in percent."""

    task: Task
    kind: str
    class_name: str
    deadline: str
    done: int
    size: int
    sums: tuple[tuple[str, int], ...]

    @property
    def width(self) -> int:
        return round(100 * self.done / self.size) if self.size else 0


@dataclass(frozen=True, slots=True)
class Unsent:
    """One reminder that reached nobody."""

    to: str
    step: str
    due: str
    why: str
    is_useful: bool


# -- rules ----------------------------------------------------------------------------------------


def kind_of(task: Task) -> str:
    """What sort of thing it is, in a word."""
    if task.kind is TaskKind.RECEIPT and task.matter == ROLL:
        return ROLL
    return KIND_NAMES[task.kind]


def sums_of(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """What became of all that was owed, in words."""
    return tuple((name, counts[state]) for state, name in END_NAMES.items() if counts.get(state))


def step_in_words(step: str) -> str:
    """`T-7` → 提前 7 天, `urge:…` → 催办."""
    if step.startswith("urge:"):
        return "催办"
    if step.startswith("changed"):
        return "改期通知"
    if step == "open":
        return "开始"
    if step.startswith("T-") and step[2:].rstrip("h").isdigit():
        return f"提前 {step[2:].rstrip('h')} {'小时' if step.endswith('h') else '天'}"
    return step[:20]


def unsent_of(items: Sequence[Obligation], names: Mapping[int, str], now: datetime) -> list[Unsent]:
    """Each that reached nobody, with the reason."""
    return [
        Unsent(
            to=masked(names.get(item.person_id, "")) if item.person_id else "班级群",
            step=step_in_words(item.step),
            due=texts.instant(item.due_at, now),
            why=WHY_NAMES[item.why],
            is_useful=item.useful_until > now,
        )
        for item in items
        if item.state is ObligationState.EXPIRED
    ]


def packed_rows(rows: Sequence[DoneRow]) -> str:
    """Rows as a form carries them from the preview to the decision."""
    plain_rows = [
        (
            row.place,
            row.student_no,
            row.matter,
            row.class_name,
            row.is_done,
            row.day.isoformat() if row.day else "",
        )
        for row in rows
    ]
    return base64.b64encode(zlib.compress(json.dumps(plain_rows).encode())).decode()


def unpacked_rows(text: str) -> list[DoneRow]:
    """
    Raises:
        ValueError: not what `packed_rows` makes.
    """
    try:
        unzip = zlib.decompressobj()
        found: list[Any] = json.loads(unzip.decompress(base64.b64decode(text), 8 * 2**20))
        return [
            DoneRow(
                str(place),
                str(number),
                str(matter),
                str(class_name),
                bool(is_done),
                datetime.fromisoformat(day) if day else None,
            )
            for place, number, matter, class_name, is_done, day in found
        ]
    except (zlib.error, TypeError) as error:
        raise ValueError("not rows") from error


# -- pages ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /tasks`."""
    reader = await session.require(request)
    return await _overview(request, reader)


async def _overview(
    request: web.Request,
    reader: session.SignedIn,
    *,
    problems: Sequence[str] = (),
    status: int = 200,
) -> web.Response:
    app = request.app[APP]
    words = plain(request.query.get("q", ""), 50)
    is_armed = request.query.get("state") != "over"
    word = request.query.get("page", "")
    number = int(word) if word.isascii() and word.isdigit() and 0 < len(word) < 5 else 1
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        found = await uow.receipts.page(
            units,
            words=words,
            is_armed=is_armed,
            limit=ROWS + 1,
            offset=ROWS * (max(1, number) - 1),
        )
        lines = await _lines(uow, found[:ROWS], now)
        uow.audit.add(at=now, actor=reader.actor, action="web.tasks_viewed", target="/tasks")
    return page(
        request,
        "tasks.html",
        status=status,
        reader=reader,
        lines=lines,
        words=words,
        is_armed=is_armed,
        number=max(1, number),
        has_more=len(found) > ROWS,
        problems=problems,
        said=SAID.get(request.query.get("done", ""), ""),
    )


async def _lines(uow: UnitOfWork, found: Sequence[tuple[int, str]], now: datetime) -> list[Line]:
    numbers = [number for number, _ in found]
    tasks = await uow.tasks.of_numbers(numbers)
    counts = await uow.obligations.counts(numbers)
    done = await uow.receipts.done_counts(numbers)
    sizes = await uow.receipts.sizes({task.class_id for task in tasks.values()})
    return [
        Line(
            task := tasks[number],
            kind_of(task),
            class_name,
            texts.instant(task.deadline, now) if task.deadline else "",
            done.get(number, 0),
            sizes.get(task.class_id, 0),
            sums_of(counts.get(number, {})),
        )
        for number, class_name in found
    ]


async def task_page(request: web.Request) -> web.Response:
    """`GET /tasks/{number}`."""
    reader = await session.require(request)
    return await _task(request, reader)


async def _task(
    request: web.Request,
    reader: session.SignedIn,
    *,
    reason: str = "",
    problems: Sequence[str] = (),
    status: int = 200,
) -> web.Response:
    """One task; with names only for a `reason`, and then the audit list says who, where, why."""
    app, number = request.app[APP], int(request.match_info["number"])
    now, is_open = app.clock.now(), bool(reason)
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        class_name = await uow.receipts.class_of(number, units)
        task = await uow.tasks.of(number)
        if class_name is None or task is None:
            # A task of another unit is answered as one that never was.
            raise web.HTTPNotFound
        students = await uow.receipts.students(task.class_id)
        known = {it.person_id: it for it in await uow.tasks.completions_of(number)}
        owed = await uow.obligations.of_task(number, LOOKED_AT)
        counts = (await uow.obligations.counts([number])).get(number, {})
        reminders = (await uow.tasks.reminders_of([number])).get(number, [])
        unbound = await uow.receipts.unbound(task)
        uow.audit.add(
            at=now,
            actor=reader.actor,
            action="web.task_opened" if is_open else "web.task_viewed",
            target=f"R-{number}",
            address=session.address_of(request),
            reason=reason,
        )
    names = {it.person_id: it.name for it in students}
    done = [it for it in students if it.person_id in known and known[it.person_id].is_done]
    undone = [it for it in students if it not in done]
    unsent = unsent_of(owed, names, now)
    return page(
        request,
        "task.html",
        status=status,
        reader=reader,
        task=task,
        kind=kind_of(task),
        state=STATE_NAMES[task.state],
        class_name=class_name,
        opens=texts.instant(task.opens_at, now) if task.opens_at else "",
        deadline=texts.instant(task.deadline, now) if task.deadline else "",
        size=len(students),
        done=len(done),
        word=word_for(task),
        hows=Counter(HOW_NAMES[known[it.person_id].how] for it in done).most_common(),
        unbound=unbound,
        undone=[
            (it.name if is_open else masked(it.name), it.student_no[-4:], it.is_bound)
            for it in undone
        ],
        contradicted=sum(
            1 for it in undone if it.person_id in known and known[it.person_id].how is How.LIST
        ),
        is_open=is_open,
        sums=sums_of(counts),
        total=sum(counts.values()),
        steps=_steps(reminders, now),
        reasons=Counter(item.why for item in unsent).most_common(),
        unsent=unsent[:SHOWN],
        unsent_count=len(unsent),
        may_retry=task.is_armed and any(item.is_useful for item in unsent),
        is_collection=task.kind is TaskKind.COLLECTION,
        problems=problems,
        said=SAID.get(request.query.get("done", ""), ""),
    )


def _steps(reminders: Sequence[Reminder], now: datetime) -> list[tuple[str, str, str]]:
    return [
        (step_in_words(it.step), texts.instant(it.due_at, now), REMINDER_NAMES[it.state])
        for it in reminders[-30:]
    ]


async def act(request: web.Request) -> web.Response:
    """`POST /tasks/{number}/{deed}`: `open` shows names for a reason, `retry` sends once more."""
    reader, form = await session.posted(request)
    app, number = request.app[APP], int(request.match_info["number"])
    match request.match_info["deed"]:
        case "open":
            reason = plain(form.get("reason", ""), 300)
            if len(reason) < reveal.MIN_REASON:
                return await _task(request, reader, problems=[reveal.NO_REASON], status=422)
            return await _task(request, reader, reason=reason)
        case "retry":
            now = app.clock.now()
            async with app.database.unit_of_work() as uow:
                units = await units_of(uow, reader.supervisor)
                if await uow.receipts.class_of(number, units) is None:
                    raise web.HTTPNotFound
                task = await uow.tasks.of(number)
                is_armed = task is not None and task.is_armed
                count = await uow.obligations.retry(number, now) if is_armed else 0
                uow.audit.add(
                    at=now,
                    actor=reader.actor,
                    action="task.retried",
                    target=f"R-{number}",
                    detail=str(count),
                )
            raise web.HTTPSeeOther(f"/tasks/{number}?done={'retry' if count else 'none'}")
    raise web.HTTPNotFound


# -- lists of who has done it ---------------------------------------------------------------------


class _Rehearsal(Exception):
    """Rolls the transaction back after its changes have been counted."""


async def upload(request: web.Request) -> web.Response:
    """`POST /tasks/list`: what a list would change; and, once that was seen, the change."""
    reader, form = await session.posted(request)
    app = request.app[APP]
    word = form.get("task", "").strip().upper().removeprefix("R-")
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None
    is_complete = form.get("complete") == "1"
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        names = await uow.receipts.names_in(units)
        class_ids = await uow.receipts.class_ids(units)
    is_decided = "rows" in form
    try:
        if is_decided:
            rows, source = unpacked_rows(form["rows"]), plain(form.get("source", ""), 100)
            if any(row.student_no not in names for row in rows):
                raise TableError([STALE])
        else:
            rows, source = await _read(request, names)
        changes = await _apply(
            app,
            reader,
            rows,
            number=number,
            is_complete=is_complete,
            source=source,
            class_ids=class_ids,
            is_decided=is_decided,
        )
    except (TableError, ValueError) as error:
        problems = list(error.problems) if isinstance(error, TableError) else [STALE]
        return await _overview(request, reader, problems=problems, status=422)
    if is_decided:
        raise web.HTTPSeeOther(f"/tasks/{number}?done=list" if number else "/tasks?done=list")
    return page(
        request,
        "task_list.html",
        reader=reader,
        changes=changes,
        lines=changes.lines[:MOST_LINES],
        rows=packed_rows(rows),
        count=len(rows),
        source=source,
        number=number,
        is_complete=is_complete,
    )


async def _read(request: web.Request, names: Mapping[str, str]) -> tuple[list[DoneRow], str]:
    """
    Raises:
        TableError: no table, or everything that is wrong with it.
    """
    sent = (await request.post()).get("file")
    data = await asyncio.to_thread(sent.file.read) if isinstance(sent, FileField) else b""
    if not isinstance(sent, FileField) or not data:
        raise TableError([NO_FILE])
    source = files.safe_name(sent.filename)

    def read() -> list[DoneRow]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"list.{files.suffix_of(source) or 'bin'}"
            path.write_bytes(data)
            table = school_tables.as_table(read_sheets(path), done_lists.NAMES, ("学号",))
        return imports.done(table, names)

    return await asyncio.to_thread(read), source


async def _apply(
    app: App,
    reader: session.SignedIn,
    rows: Sequence[DoneRow],
    *,
    number: int | None,
    is_complete: bool,
    source: str,
    class_ids: Collection[int] | None,
    is_decided: bool,
) -> Changes:
    """The changes; kept only where they were decided on."""
    now = app.clock.now()
    changes = Changes()
    try:
        async with app.database.unit_of_work() as uow:
            changes = await done_lists.apply(
                uow,
                rows,
                task=number,
                is_complete=is_complete,
                source=source,
                as_of=now,
                by=reader.actor,
                now=now,
                class_ids=class_ids,
                shows_names=False,
            )
            if not is_decided:
                raise _Rehearsal
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="import.done",
                target=f"R-{number}" if number else source,
                detail=f"+{changes.added} -{changes.removed} ~{changes.changed}",
            )
    except _Rehearsal:
        pass
    return changes


# -- files ----------------------------------------------------------------------------------------


async def download(request: web.Request) -> web.StreamResponse:
    """`GET /tasks/{number}/zip`: what was handed in, as it is read from the disk."""
    reader = await session.require(request)
    app, number = request.app[APP], int(request.match_info["number"])
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        class_name = await uow.receipts.class_of(number, units)
        found = await collecting.parcel(uow, number, class_name or "")
        if class_name is None or found is None:
            raise web.HTTPNotFound
        uow.audit.add(
            at=app.clock.now(),
            actor=reader.actor,
            action="web.collection_packed",
            target=f"R-{number}",
            detail=f"{len(found.newest)} files",
        )
    name = quote(found.file_name)
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        }
    )
    await response.prepare(request)
    pieces = collecting.packed(found, app.files.folder)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        if piece:
            await response.write(piece)
    await response.write_eof()
    return response
