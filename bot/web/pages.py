"""GET: the ledger as supervisors read it; one function per page, a frozen entry per row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from bot.status import PLATFORM_NAMES
from bot.web import session
from bot.web.base import APP, page, plain
from handlers import texts
from handlers.records import KIND_NAMES, SOLVER_NAMES, day_bounds, outcome_in_words
from storage.interactions import Kind
from storage.questions import HandOff, SolvedBy
from storage.reports import DayFigures, LedgerFilter, LedgerRow
from storage.vocabulary import ConversationKind, Message, Outgoing, Platform

if TYPE_CHECKING:
    from storage.supervisors import Supervisor
    from storage.unit_of_work import UnitOfWork

ROWS = 50
#: Dates outside are typing mistakes, and some overflow a calendar.
YEARS = range(2000, 2100)

CORRECTION_WORDS = {
    "done": "已更正：新的一行取代了这一行，原来的保留着。",
    "before": "这一行先前已经被更正过，没有再改；请打开更正后的那一行。",
    "missing": "没有更正：请选主题，并写两个字以上的理由。",
    "reason": "没有打开：请写两个字以上的理由。",
}
TUTORS_OWN = frozenset({Kind.NOTICE, Kind.COMMAND})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply of ours, and whether it went to a group or to one person."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger row in words, as a page shows it; students' names are masked."""

    id: int
    at: str
    iso: str
    class_name: str
    tutor: str
    student: str
    kind: str
    kind_name: str
    topic: str
    article: str
    solver: str
    outcome: str
    first_reply: str
    number: str
    is_about_tutor: bool
    speaker: str
    place: str
    message_id: str
    text: str
    replies: tuple[Spoken, ...]
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of the picture of who answered; `x` and `width` in percent."""

    solver: str
    name: str
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for, and what in it could not be understood."""

    words: str = ""
    class_name: str = ""
    tutor_name: str = ""
    kind: Kind | None = None
    first: date | None = None
    last: date | None = None
    before: int | None = None
    problems: tuple[str, ...] = ()

    def address(self, before: int | None = None) -> str:
        """The page of these filters."""
        words = {
            "q": self.words,
            "class": self.class_name,
            "tutor": self.tutor_name,
            "kind": self.kind or "",
            "from": self.first.isoformat() if self.first else "",
            "to": self.last.isoformat() if self.last else "",
            "before": str(before) if before else "",
        }
        found = urlencode({key: value for key, value in words.items() if value})
        return f"/ledger?{found}" if found else "/ledger"

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the list."""
        return self.address() != "/ledger"


# -- rules ----------------------------------------------------------------------------------------


def masked(name: str) -> str:
    """「小李」 → 「小*」."""
    return f"{name[0]}*" if name else "未登记"


def seconds_in_words(seconds: float | None) -> str:
    """How long until the first reply."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "不到 1 秒"
    return f"{seconds:.0f} 秒" if seconds < 60 else texts.duration(timedelta(seconds=seconds))


def bars(figures: DayFigures) -> list[Bar]:
    """Who answered, side by side; never added up."""
    counts = [
        (SolvedBy.BOT, figures.by_bot),
        (SolvedBy.TUTOR, figures.by_tutor),
        (SolvedBy.CLASSMATE, figures.by_classmate),
    ]
    if figures.by_department:
        counts.append((SolvedBy.DEPARTMENT, figures.by_department))
    whole = sum(count for _, count in counts)
    found, x = [], 0.0
    for solver, count in counts:
        width = 100 * count / whole if whole else 0.0
        found.append(Bar(solver, SOLVER_NAMES[solver], count, round(x, 2), round(width, 2)))
        x += width
    return found


def median_in_words(figures: DayFigures) -> str:
    """The tutors' usual first-reply time."""
    seconds = figures.first_reply_seconds
    return seconds_in_words(median(seconds)) if seconds else ""


def query_of(given: Mapping[str, str]) -> Query:
    """The filters of an address; what makes no sense is left out and said."""
    problems: list[str] = []

    def day(key: str, name: str) -> date | None:
        word = given.get(key, "").strip()
        if not word:
            return None
        try:
            found = date.fromisoformat(word)
        except ValueError:
            found = date.min
        if found.year in YEARS:
            return found
        problems.append(f"{name}「{plain(word, 20)}」不是有效日期，已忽略。")
        return None

    first, last = day("from", "开始日期"), day("to", "结束日期")
    if first and last and first > last:
        problems.append("开始日期晚于结束日期，已对调。")
        first, last = last, first
    kind, before = given.get("kind", ""), given.get("before", "")
    return Query(
        words=plain(given.get("q", ""), 100),
        class_name=plain(given.get("class", ""), 100),
        tutor_name=plain(given.get("tutor", ""), 100),
        kind=Kind(kind) if kind in set(Kind) else None,
        first=first,
        last=last,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
        problems=tuple(problems),
    )


def entry(
    row: LedgerRow, message: Message | None, replies: Sequence[Outgoing], now: datetime
) -> Entry:
    """A row, the message that proves it and what was said to it, ready to be shown."""
    record = row.record
    sender = message.sender_name if message is not None else ""
    is_tutors = _is_tutors(row)
    # A reply's person is the student it was for, whoever said it.
    student = row.person_name if record.kind is Kind.REPLY else row.person_name or sender
    hidden = {student} if is_tutors else {student, sender}

    def words(text: str) -> str:
        for name in hidden:
            if len(name) > 1:
                text = text.replace(name, masked(name))
        return text

    number = "" if record.hand_off is None else f"T-{record.hand_off}"
    outcome = (
        SOLVER_NAMES[record.solved_by]
        if record.solved_by is not None
        else outcome_in_words(row).removesuffix(number).strip()
    )
    return Entry(
        id=row.id,
        at=texts.instant(row.at, now),
        iso=row.at.isoformat(timespec="seconds"),
        class_name=row.class_name,
        tutor=row.tutor_name,
        student="" if record.kind in TUTORS_OWN and is_tutors else masked(student),
        kind=record.kind,
        kind_name=KIND_NAMES[record.kind],
        topic=texts.TOPIC_NAMES[record.topic],
        article=record.article,
        solver=record.solved_by or "",
        outcome=outcome,
        first_reply=seconds_in_words(record.first_reply_seconds),
        number=number,
        is_about_tutor=record.is_about_tutor,
        speaker=f"{row.tutor_name}（助学教师）" if is_tutors else masked(sender or student),
        place=_place(row.platform, message),
        message_id=row.message_id,
        text=words(message.text) if message is not None and not row.is_sealed else "",
        replies=tuple(
            Spoken(_destination(item, message), words(item.text))
            for item in (() if row.is_sealed else replies)
        ),
        is_sealed=row.is_sealed,
    )


def _is_tutors(row: LedgerRow) -> bool:
    """Whether the tutor is the one who speaks in this row."""
    if row.record.solved_by is SolvedBy.TUTOR:
        return True
    return row.record.kind in TUTORS_OWN and row.person_name == row.tutor_name != ""


def _place(platform: Platform, message: Message | None) -> str:
    if message is None:
        return PLATFORM_NAMES[platform]
    is_group = message.conversation.kind is ConversationKind.GROUP
    return f"{PLATFORM_NAMES[platform]} · {'班级群' if is_group else '私聊'}"


def _destination(item: Outgoing, message: Message | None) -> str:
    if item.conversation.kind is ConversationKind.GROUP:
        return "班级群"
    is_asker = message is not None and item.conversation.id == message.sender_id
    return "私聊" if is_asker else "私聊他人"


# -- reading --------------------------------------------------------------------------------------


async def entries(uow: UnitOfWork, rows: Sequence[LedgerRow], now: datetime) -> list[Entry]:
    """Rows with their words, in two questions however many rows."""
    ids = [row.event_id for row in rows if row.event_id is not None]
    messages = await uow.inbox.messages(ids)
    replies = await uow.outbox.replies_to(ids)
    return [
        entry(row, messages.get(row.event_id or 0), replies.get(row.event_id or 0, ()), now)
        for row in rows
    ]


async def units_of(uow: UnitOfWork, supervisor: Supervisor) -> Collection[int] | None:
    """The units whose classes a supervisor may see; None is all of them."""
    if supervisor.unit_id is None:
        return None
    below: set[int] = set()
    for unit_id in (supervisor.unit_id, *supervisor.more_units):
        below |= await uow.people.units_below(unit_id)
    return below


def is_about_reader(supervisor: Supervisor, item: HandOff) -> bool:
    """A complaint about the tutor of a class the reader is, or was, tutor of: not theirs to see."""
    return item.is_about_tutor and item.class_id in supervisor.own_classes


# -- pages ----------------------------------------------------------------------------------------


async def ledger(request: web.Request) -> web.Response:
    """`GET /ledger`: what was done, newest first, and today in numbers."""
    reader = await session.require(request)
    app, query = request.app[APP], query_of(request.query)
    now = app.clock.now()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        scope = LedgerFilter(
            unit_ids=units,
            class_name=query.class_name,
            tutor_name=query.tutor_name,
            own_classes=reader.supervisor.own_classes,
        )
        since, until = day_bounds(now.date())
        figures = await uow.reports.figures(replace(scope, since=since, until=until))
        rows = await uow.reports.ledger(
            replace(
                scope,
                kind=query.kind,
                words=query.words,
                since=day_bounds(query.first)[0] if query.first else None,
                until=day_bounds(query.last)[1] if query.last else None,
            ),
            limit=ROWS + 1,
            before_id=query.before,
        )
        shown = await entries(uow, rows[:ROWS], now)
        class_names, tutor_names = await uow.reports.names(units)
    await _note(request, reader, "web.ledger_viewed", query.address(query.before))
    return page(
        request,
        "ledger.html",
        reader=reader,
        query=query,
        entries=shown,
        next_page=query.address(shown[-1].id) if len(rows) > ROWS else "",
        exported=query.address().removeprefix("/ledger"),
        figures=figures,
        bars=bars(figures),
        median=median_in_words(figures),
        oldest=texts.duration(now - figures.oldest_waiting) if figures.oldest_waiting else "",
        today=now.date(),
        kinds=KIND_NAMES,
        class_names=class_names,
        tutor_names=tutor_names,
    )


async def _note(
    request: web.Request, reader: session.SignedIn, action: str, target: str, **more: Any
) -> None:
    app = request.app[APP]
    async with app.database.unit_of_work() as uow:
        uow.audit.add(at=app.clock.now(), actor=reader.actor, action=action, target=target, **more)
