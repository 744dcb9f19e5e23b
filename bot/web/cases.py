"""What waits for a person and the complaints, as a supervisor sees them and acts on them.

Every look at a case and everything done with one leaves a line in the audit list. The rules are
those of `handlers.desk` and `handlers.hearings`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from bot.web import reveal, session
from bot.web.base import APP, page, plain, typed
from bot.web.pages import is_about_reader, masked, units_of
from handlers import follow_ups, hearings, texts, texts_desk, texts_hand_offs
from handlers.clocks import Due, due_of
from handlers.desk import Desk, Messages, Official, kind_name
from handlers.errors import UserError
from storage.cases import CLOCK, Case, FollowUp, Step, StepKind
from storage.lines import Account, Span
from storage.people import ClassRoom
from storage.questions import Category, HandOff, Level, State, Verdict
from storage.vocabulary import AttachmentKind, Label

if TYPE_CHECKING:
    from bot.app import App
    from storage.supervisors import Supervisor
    from storage.unit_of_work import UnitOfWork

ROWS = 50
#: So much of a text stands in the list.
FIRST = 30
MOST_WORDS = 2000
DISTRESS = "distress"

STEP_NAMES: dict[StepKind, str] = {
    StepKind.ADDED: "提出人补充",
    StepKind.UPDATED: "告知进展",
    StepKind.ANSWERED: "答复",
    StepKind.PASSED_ON: "转部门",
    StepKind.GIVEN_BACK: "退回",
    StepKind.WARNED: "时限提醒",
    StepKind.ESCALATED: "上转",
    StepKind.EXTENDED: "延期",
    StepKind.REOPENED: "重新打开",
    StepKind.RATED: "评分",
    StepKind.LINKED: "关联",
    StepKind.HEARING: "请教师陈述",
    StepKind.HEARD: "教师陈述",
    StepKind.VERDICT: "裁定",
    StepKind.FOLLOWED: "回访",
}
STATE_NAMES = {
    State.WATCHED: "已记下",
    State.WAITING: "等待办理",
    State.CLOSED: "已办结",
}
ATTACHMENT_NAMES: dict[AttachmentKind, str] = {
    AttachmentKind.IMAGE: "图片",
    AttachmentKind.VOICE: "语音",
    AttachmentKind.VIDEO: "视频",
    AttachmentKind.FILE: "文件",
    AttachmentKind.FORWARD: "转发的聊天记录",
    AttachmentKind.CARD: "卡片",
    AttachmentKind.FACE: "表情",
}
ALLOWANCES = {
    "first_reply": "首次答复",
    "update": "告知进展",
    "solution": "办结",
    "extended_solution": "延期后办结",
}
#: What the page says after an action; known by its name in the address, so that nothing else is.
DONE = {
    "reason": reveal.NO_REASON,
    "answer": "答复已发给提出人，这件事办结了。",
    "update": "进展已告知提出人，这件事还开着。",
    "extend": "已延期，原因已告知提出人。",
    "take": "已由办学单位接手。",
    "up": "已转省校。",
    "link": "已关联。两件都保留，请分别答复。",
    "hearing": "已请教师陈述，从现在起教师能看到这件投诉的编号和您写的内容。",
    "followed": "回访已记下。",
    "verdict": "裁定已生效并记入台账，结果已告知投诉人。",
}


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for."""

    kind: str = ""
    level: str = ""
    class_name: str = ""
    tutor_name: str = ""
    is_overdue: bool = False
    is_near: bool = False
    is_ownerless: bool = False
    page: int = 1

    def address(self, number: int = 1) -> str:
        """The page of these filters."""
        words = {
            "kind": self.kind,
            "level": self.level,
            "class": self.class_name,
            "tutor": self.tutor_name,
            "overdue": "1" if self.is_overdue else "",
            "near": "1" if self.is_near else "",
            "ownerless": "1" if self.is_ownerless else "",
            "page": str(number) if number > 1 else "",
        }
        found = urlencode({key: value for key, value in words.items() if value})
        return f"/cases?{found}" if found else "/cases"

    @property
    def is_filtered(self) -> bool:
        return replace(self, page=1).address() != "/cases"


@dataclass(frozen=True, slots=True)
class Clock:
    """A running clock in words; `width` is for the picture, in percent, at most 100."""

    name: str
    at: str
    iso: str
    percent: int
    stage: int
    word: str

    @property
    def width(self) -> int:
        return min(self.percent, 100)


@dataclass(frozen=True, slots=True)
class Line:
    """A case in the list; `text` is empty where it is sealed."""

    number: int
    kind_name: str
    is_alarming: bool
    is_about_tutor: bool
    class_name: str
    asker: str
    owner: str
    clock: Clock
    text: str
    is_sealed: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came with a message: what it is, its name, when."""

    what: str
    name: str
    at: str


@dataclass(frozen=True, slots=True)
class Told:
    """A step in words."""

    at: str
    iso: str
    name: str
    actor: str
    text: str


# -- rules ----------------------------------------------------------------------------------------


def query_of(given: Mapping[str, str]) -> Query:
    """The filters of an address; what makes no sense is left out."""
    kind, level, number = given.get("kind", ""), given.get("level", ""), given.get("page", "")
    is_number = number.isascii() and number.isdigit() and 0 < len(number) < 6
    return Query(
        kind=kind if kind in {*Category, DISTRESS} else "",
        level=level if level in set(Level) else "",
        class_name=plain(given.get("class", ""), 100),
        tutor_name=plain(given.get("tutor", ""), 100),
        is_overdue=given.get("overdue") == "1",
        is_near=given.get("near") == "1",
        is_ownerless=given.get("ownerless") == "1",
        page=max(1, int(number)) if is_number else 1,
    )


def clock_of(due: Due, now: datetime) -> Clock:
    """A clock in words: how far it has run is never said by colour alone."""
    words = {0: "时间充裕", 50: "已过半", 80: "快到期", 100: "已超时"}
    return Clock(
        texts_hand_offs.CLOCK_NAMES[due.clock],
        texts.instant(due.at, now),
        due.at.isoformat(timespec="minutes"),
        int(due.share * 100),
        due.stage,
        words[due.stage],
    )


def owner_of(case: Case, room: ClassRoom, contact: str) -> str:
    """Whose it is, in words."""
    if case.item.level is Level.TUTOR:
        name = "、".join(tutor.name for tutor in room.tutors) or "无人：本班没有在任教师"
    elif case.item.level is Level.UNIT:
        name = f"{case.unit_name or '办学单位'}管理人员"
    else:
        name = texts.LEVEL_NAMES[Level.PROVINCE]
    return f"{name}，已转{contact}" if contact else name


def hidden(text: str, name: str) -> str:
    """The text with a student's name masked."""
    return text.replace(name, masked(name)) if len(name) > 1 else text


def is_sealed(item: HandOff) -> bool:
    """A cry for help is read by whoever opens it and answers for having done so."""
    return item.kind is Label.DISTRESS


def is_wanted(query: Query, case: Case, room: ClassRoom, due: Due) -> bool:
    """Whether the filters let it through."""
    item = case.item
    kind = DISTRESS if item.kind is Label.DISTRESS else _category(item)
    names = [tutor.name for tutor in room.tutors]
    return (
        query.kind in ("", kind)
        and query.level in ("", item.level)
        and query.class_name in case.class_name
        and (not query.tutor_name or any(query.tutor_name in name for name in names))
        and (not query.is_overdue or due.stage >= 100)
        and (not query.is_near or due.stage == 80)
    )


def _category(item: HandOff) -> Category:
    return Category.COMPLAINT if item.kind is Label.COMPLAINT else item.category


def own_level(supervisor: Supervisor) -> Level:
    """Whose desk it is: a unit's, or the province's."""
    return Level.PROVINCE if supervisor.unit_id is None else Level.UNIT


# -- reading --------------------------------------------------------------------------------------


async def _blind(
    uow: UnitOfWork, items: Sequence[HandOff], now: datetime
) -> Mapping[Account, Sequence[Span]]:
    if not items:
        return {}
    since = min(item.asked_at for item in items)
    return await uow.lines.blind({item.account for item in items}, since, now)


async def _contacts(uow: UnitOfWork, cases: Sequence[Case]) -> dict[int, str]:
    if not any(case.item.contact_id for case in cases):
        return {}
    found = await uow.cases.contacts({case.unit_id for case in cases})
    return {contact.id: f"{contact.name} {contact.person_name}" for contact in found}


def _line(
    case: Case, room: ClassRoom, due: Due, contacts: Mapping[int, str], now: datetime
) -> Line:
    item = case.item
    sealed = is_sealed(item)
    remarks = (
        f"第 {item.reopened + 1} 次办理" if item.reopened else "",
        f"同 T-{item.duplicate_of}" if item.duplicate_of else "",
        f"裁定{texts_desk.VERDICT_NAMES[item.verdict]}" if item.verdict else "",
        "听取陈述中" if item.hearing_since and not item.verdict else "",
        "已延期" if item.extended_at else "",
    )
    return Line(
        number=item.number,
        kind_name=kind_name(item),
        is_alarming=sealed or _category(item) is Category.COMPLAINT,
        is_about_tutor=item.is_about_tutor,
        class_name=case.class_name,
        asker=masked(item.asker_name),
        owner=owner_of(case, room, contacts.get(item.contact_id or 0, "")),
        clock=clock_of(due, now),
        text="" if sealed else texts.clip(hidden(item.text, item.asker_name), FIRST),
        is_sealed=sealed,
        remarks=tuple(remark for remark in remarks if remark),
    )


async def overview(request: web.Request) -> web.Response:
    """`GET /cases`: what waits in the supervisor's unit and below, what moved up last first."""
    reader = await session.require(request)
    app, query = request.app[APP], query_of(request.query)
    wanted = request.query.get("number", "").strip().upper().removeprefix("T-")
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 16:
        raise web.HTTPSeeOther(f"/cases/{wanted}")
    now, level = app.clock.now(), own_level(reader.supervisor)
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        waiting = await uow.cases.waiting(units)
        found = [case for case in waiting if not is_about_reader(reader.supervisor, case.item)]
        rooms = await uow.people.classes({case.item.class_id for case in found}, now)
        blind = await _blind(uow, [case.item for case in found], now)
        contacts = await _contacts(uow, found)
        ownerless = {item.number for item in await uow.cases.without_tutor(now)}
        class_names, tutor_names = await uow.reports.names(units)
    with_due = [
        (case, due_of(case.item, app.working, now, blind.get(case.item.account, ())))
        for case in found
    ]
    shown = [
        (case, due)
        for case, due in with_due
        if is_wanted(query, case, rooms[case.item.class_id], due)
        and (not query.is_ownerless or case.item.number in ownerless)
    ]
    first = ROWS * (query.page - 1)
    await session.note(app, reader, "web.cases_viewed", query.address(query.page))
    return page(
        request,
        "cases.html",
        reader=reader,
        query=query,
        lines=[
            _line(case, rooms[case.item.class_id], due, contacts, now)
            for case, due in shown[first : first + ROWS]
        ],
        count=len(shown),
        next_page=query.address(query.page + 1) if len(shown) > first + ROWS else "",
        figures=(
            ("等待办理", len(with_due), "/cases"),
            ("已超时", sum(due.stage >= 100 for _, due in with_due), "/cases?overdue=1"),
            (
                f"到{texts.LEVEL_NAMES[level]}这一级",
                sum(case.item.level is level for case, _ in with_due),
                f"/cases?level={level}",
            ),
            (
                "无人负责",
                sum(case.item.number in ownerless for case, _ in with_due),
                "/cases?ownerless=1",
            ),
            (
                "心理关怀",
                sum(is_sealed(case.item) for case, _ in with_due),
                f"/cases?kind={DISTRESS}",
            ),
        ),
        kinds={**{str(key): texts.CATEGORY_NAMES[key] for key in Category}, DISTRESS: "关怀"},
        levels={str(key): texts.LEVEL_NAMES[key] for key in Level},
        class_names=class_names,
        tutor_names=tutor_names,
        unknown_years=app.working.unknown_years(now),
        allowances=[
            (name, getattr(app.working.settings, key), app.working.settings.is_default(key))
            for key, name in ALLOWANCES.items()
        ],
        hours="、".join(app.working.settings.hours),
        is_default_hours=app.working.settings.is_default("hours"),
    )


async def follow_up_page(request: web.Request) -> web.Response:
    """`GET /cases/follow-ups`: what is to be asked about again, of this month and the last."""
    reader = await session.require(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    a_month = app.settings.bot.follow_ups_a_month
    this = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = (this - timedelta(days=1)).replace(day=1)
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        found: list[follow_ups.Drawn] = []
        for since, until in ((this, now + timedelta(seconds=1)), (last, this)):
            cases = await uow.cases.closed_in(since, until, units)
            # Before the lot: a place taken by what is about the reader would tell of it.
            own = [it for it in cases if not is_about_reader(reader.supervisor, it.item)]
            drawn = follow_ups.drawn(own, f"{since:%Y-%m}", a_month)
            # This month is not over: of it only cries for help, which do not wait.
            found += [it for it in drawn if not it.is_lot or since == last]
        done = await uow.cases.followed([it.case.item.number for it in found])
    await session.note(app, reader, "web.follow_ups_viewed", "/cases/follow-ups")
    found.sort(key=lambda it: (it.case.item.number in done, it.is_lot, it.case.item.number))
    return page(
        request,
        "follow_ups.html",
        reader=reader,
        month=f"{last:%Y 年 %m 月}",
        a_month=a_month,
        days=follow_ups.WITHIN.days,
        lines=[
            (
                it.case.item.number,
                kind_name(it.case.item),
                it.case.class_name,
                texts.instant(it.case.item.closed_at, now) if it.case.item.closed_at else "",
                follow_ups.NAMES[done[it.case.item.number].follow_up[0]]
                if it.case.item.number in done
                else "",
                not it.is_lot and it.case.item.number not in done,
            )
            for it in found
        ],
        share=follow_ups.share_done(found, done),
    )


async def case_page(request: web.Request) -> web.Response:
    """`GET /cases/{number}`."""
    reader = await session.require(request)
    done = DONE.get(request.query.get("done", ""), "")
    return await _case(request, reader, {}, done=done)


async def _case(
    request: web.Request,
    reader: session.SignedIn,
    form: Mapping[str, str],
    *,
    done: str = "",
    problem: str = "",
    is_open: bool = False,
    status: int = 200,
) -> web.Response:
    """The whole case; what is sealed only where `is_open`, and then the audit list says so."""
    app, number = request.app[APP], int(request.match_info["number"])
    now = app.clock.now()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        case = await uow.cases.case(number, units)
        if case is None or is_about_reader(reader.supervisor, case.item):
            # A case of another unit, or about the reader, is answered as one that never was.
            raise web.HTTPNotFound
        item = case.item
        room = await uow.people.get_class(item.class_id, now)
        steps = await uow.cases.steps(number)
        blind = await _blind(uow, [item], now)
        contacts = await _contacts(uow, [case])
        same = await uow.cases.linked(item, units)
        linked = [it for it in same if not is_about_reader(reader.supervisor, it.item)]
        marks = await uow.cases.marks(number)
        evidence = await _evidence(uow, item, steps, now)
        reaches = await _desk(app, uow, case, room, reader, units).reaches_asker()
    sealed = is_sealed(item) and not is_open
    action = "web.case_unsealed" if is_sealed(item) and is_open else "web.case_viewed"
    await session.note(app, reader, action, f"T-{number}")
    people = {hearings.person(tutor.person_id): f"{tutor.name}老师" for tutor in room.tutors}
    running = item.closed_at is None
    return page(
        request,
        "case.html",
        status=status,
        reader=reader,
        case=case,
        item=item,
        kind_name=kind_name(item),
        is_complaint=_category(item) is Category.COMPLAINT and not is_sealed(item),
        state=STATE_NAMES[item.state],
        owner=owner_of(case, room, contacts.get(item.contact_id or 0, "")),
        asker=masked(item.asker_name),
        words=hidden(item.text, item.asker_name),
        tutors=room.tutors,
        asked=texts.instant(item.asked_at, now),
        clock=clock_of(due_of(item, app.working, now, blind.get(item.account, ())), now)
        if running and item.state is State.WAITING
        else None,
        is_sealed=sealed,
        evidence=() if sealed else evidence,
        steps=[_told(step, people, item, sealed=sealed, now=now) for step in steps],
        marks=marks,
        linked=[(other.item.number, other.class_name, other.item.closed_at) for other in linked],
        may_act=not sealed,
        may_take=running and item.level is Level.TUTOR and reader.supervisor.unit_id is not None,
        may_move_up=running and item.level is not Level.PROVINCE,
        may_extend=running and item.extended_at is None,
        may_hear=item.is_about_tutor and item.hearing_since is None and item.verdict is None,
        may_rule=item.verdict is None,
        is_heard=hearings.may_be_ruled(item, steps, app.working, now),
        verdicts=texts_desk.VERDICT_NAMES,
        verdict_at=texts.instant(item.verdict_at, now) if item.verdict_at else "",
        verdict_by=item.verdict_by.removeprefix("supervisor:"),
        reaches=reaches,
        is_running=running,
        form=form,
        done=done,
        problem=problem,
        level_names=texts.LEVEL_NAMES,
        outcomes=follow_ups.NAMES,
    )


async def _evidence(
    uow: UnitOfWork, item: HandOff, steps: Sequence[Step], now: datetime
) -> list[Evidence]:
    """The names of the pictures and files that came with it, and with what was added."""
    ids = [item.event_id, *(step.event_id for step in steps if step.event_id is not None)]
    messages = await uow.inbox.messages(ids)
    return [
        Evidence(
            ATTACHMENT_NAMES[attachment.kind],
            attachment.name,
            texts.instant(message.sent_at, now),
        )
        for event_id in dict.fromkeys(ids)
        if (message := messages.get(event_id)) is not None
        for attachment in message.attachments
    ]


def _told(
    step: Step, people: Mapping[str, str], item: HandOff, *, sealed: bool, now: datetime
) -> Told:
    if step.kind is StepKind.ADDED or (
        item.person_id is not None and step.actor == hearings.person(item.person_id)
    ):
        actor = "提出人"
    elif step.actor.startswith("supervisor:"):
        actor = f"管理人员 {step.actor.removeprefix('supervisor:')}"
    else:
        actor = people.get(step.actor, "系统" if step.actor == CLOCK else "老师")
    text = step.text
    if step.kind is StepKind.HEARING:
        who, _, words = text.partition("\n")
        text = f"{people.get(who, '教师')}：{words}"
    elif step.kind is StepKind.FOLLOWED:
        outcome, words = step.follow_up
        text = f"{follow_ups.NAMES[outcome]}。{words}"
    elif step.actor == CLOCK:
        # The clock writes the names of clocks and levels as the program has them.
        for key, name in {**texts_hand_offs.CLOCK_NAMES, **texts.LEVEL_NAMES}.items():
            text = re.sub(rf"\b{key}\b", name, text, flags=re.ASCII)
    return Told(
        texts.instant(step.at, now),
        step.at.isoformat(timespec="seconds"),
        STEP_NAMES[step.kind],
        actor,
        "" if sealed else text,
    )


# -- POST -----------------------------------------------------------------------------------------

Deed = Callable[[Desk, Mapping[str, str]], Awaitable[Messages]]


async def _answer(desk: Desk, form: Mapping[str, str]) -> Messages:
    return await desk.answer(typed(form, "text", MOST_WORDS))


async def _update(desk: Desk, form: Mapping[str, str]) -> Messages:
    return await desk.update(typed(form, "text", MOST_WORDS))


async def _extend(desk: Desk, form: Mapping[str, str]) -> Messages:
    return await desk.extend(typed(form, "reason", MOST_WORDS))


async def _take(desk: Desk, form: Mapping[str, str]) -> Messages:
    return await desk.move_up(typed(form, "reason", MOST_WORDS), to=Level.UNIT)


async def _move_up(desk: Desk, form: Mapping[str, str]) -> Messages:
    return await desk.move_up(typed(form, "reason", MOST_WORDS), to=Level.PROVINCE)


async def _link(desk: Desk, form: Mapping[str, str]) -> Messages:
    word = form.get("of", "").strip().upper().removeprefix("T-")
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 16 else 0
    other = await desk.uow.cases.case(number, desk.reach)
    if other and other.item.is_about_tutor and other.item.class_id in desk.own_classes:
        other = None
    return await desk.link(other, number)


async def _hear(desk: Desk, form: Mapping[str, str]) -> Messages:
    return await desk.open_hearing([_id(form)], typed(form, "text", MOST_WORDS))


async def _rule(desk: Desk, form: Mapping[str, str]) -> Messages:
    verdict = form.get("verdict", "")
    if verdict not in set(Verdict):
        raise UserError("请选择结论：属实、部分属实或不属实。")
    return await desk.rule(
        Verdict(verdict),
        reason=typed(form, "reason", MOST_WORDS),
        words=typed(form, "text", MOST_WORDS),
        about=_id(form),
        is_unheard_wanted=form.get("unheard") == "1",
    )


async def _followed(desk: Desk, form: Mapping[str, str]) -> Messages:
    outcome = form.get("outcome", "")
    if outcome not in set(FollowUp):
        raise UserError(texts_desk.desk_no_outcome())
    return await desk.follow_up(FollowUp(outcome), typed(form, "text", MOST_WORDS))


DEEDS: dict[str, Deed] = {
    "followed": _followed,
    "answer": _answer,
    "update": _update,
    "extend": _extend,
    "take": _take,
    "up": _move_up,
    "link": _link,
    "hearing": _hear,
    "verdict": _rule,
}


async def act(request: web.Request) -> web.Response:
    """`POST /cases/{number}/{deed}`: one thing done, once; `open` breaks the seal of a case."""
    reader, form = await session.posted(request)
    app, name = request.app[APP], request.match_info["deed"]
    if name == "open":
        return await _case(request, reader, {}, is_open=True)
    if name not in DEEDS:
        raise web.HTTPNotFound
    number, now = int(request.match_info["number"]), app.clock.now()
    try:
        async with app.database.unit_of_work() as uow:
            units = await units_of(uow, reader.supervisor)
            case = await uow.cases.case(number, units)
            if case is None or is_about_reader(reader.supervisor, case.item):
                raise web.HTTPNotFound
            room = await uow.people.get_class(case.item.class_id, now)
            desk = _desk(app, uow, case, room, reader, units)
            for message in await DEEDS[name](desk, form):
                signed = texts.signed(app.settings.bot.name, message.text)
                uow.outbox.add(replace(message, text=signed), now=now)
            uow.audit.add(at=now, actor=reader.actor, action=f"case.{name}", target=f"T-{number}")
    except UserError as refusal:
        # Nothing of it is kept; that it was tried is.
        await session.note(app, reader, f"case.{name}_refused", f"T-{number}")
        return await _case(
            request,
            reader,
            {**form, "deed": name},
            problem=refusal.sentence,
            is_open=form.get("opened") == "1",
            status=409,
        )
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/cases/{number}?done={name}")


def _desk(
    app: App,
    uow: UnitOfWork,
    case: Case,
    room: ClassRoom,
    reader: session.SignedIn,
    reach: Collection[int] | None,
) -> Desk:
    return Desk(
        uow=uow,
        case=case,
        room=room,
        official=Official(reader.supervisor.username, reader.supervisor.name),
        now=app.clock.now(),
        working=app.working,
        writes_first={
            platform
            for platform, adapter in app.adapters.items()
            if adapter.capabilities.writes_first
        },
        reach=reach,
        own_classes=reader.supervisor.own_classes,
    )


def _id(form: Mapping[str, str]) -> int:
    word = form.get("tutor", "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else 0
