"""The record of a tutor as tutor and supervisor see it; appeals, the formula, the year.

The rules are those of `handlers.appraisal` and `handlers.annual`; a tutor's own page holds what
the supervisor's holds, less the numbers of ledger rows, which only lead into the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain, typed
from bot.web.pages import YEARS, units_of
from handlers import annual, appraisal, texts, texts_desk
from handlers import texts_appraisal as words
from handlers.clocks import due_of
from handlers.errors import UserError
from handlers.formula import Score, Version, formula_of, in_force, is_too_few, score, text_of
from handlers.hand_offs import is_kept_from
from handlers.indicators import INDICATORS, NOT_CONNECTED, Figure, How
from handlers.records import KIND_NAMES
from storage.appraisal import Appointed, DailyRecord, Outcome
from storage.interactions import Kind
from storage.questions import Level, State
from storage.vocabulary import Outgoing, Role, Topic

if TYPE_CHECKING:
    from bot.app import App
    from storage.supervisors import Supervisor
    from storage.unit_of_work import UnitOfWork

MOST_WORDS = 2000
MOST_FORMULA = 20_000
#: So many rows of one figure stand on a page; the export has all of them.
MOST_ROWS = 300
#: The figures of a tutor in the list of all.
AT_A_GLANCE = {"K04": "首响及时", "K17": "提醒", "K30": "评分", "K10": "属实投诉"}
SAID = {
    "noted": "说明已记下。",
    "appealed": "申诉已登记，已交办学单位管理人员。",
    "answered": "申诉已答复，教师会收到。",
    "saved": "新的公式已存下，到生效日期起用；以前的日子仍按原来的公式。",
    "decided": "等级已确认并记下您的姓名和理由。",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a figure in words; `address` is empty where the reader may not open it."""

    ref: str
    address: str
    what: str
    counts: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An indicator of a span; `rate` says 「样本不足」 where it is made of too little."""

    key: str
    name: str
    formula: str
    counts: str
    rate: str
    is_bots: bool
    lines: tuple[Line, ...] = ()
    more: int = 0


# -- rules ----------------------------------------------------------------------------------------


def day_of(word: str) -> date | None:
    """A day of an address; None where it is none."""
    try:
        found = date.fromisoformat(word.strip())
    except ValueError:
        return None
    return found if found.year in YEARS else None


def span_of_address(given: Mapping[str, str], today: date) -> tuple[date, date, bool]:
    """First and last day, and whether it is one day; without anything the month so far."""
    day = day_of(given.get("day", ""))
    if day is not None:
        return day, day, True
    month = day_of(f"{given.get('month', '').strip()}-01") or today
    return (*appraisal.month_of(month), False)


def year_of(given: Mapping[str, str], today: date) -> int:
    """The year an address asks for, else last year until it is October."""
    word = given.get("year", "")
    if word.isascii() and word.isdigit() and int(word or 0) in YEARS:
        return int(word)
    return today.year if today.month >= 10 else today.year - 1


def shown(
    figures: Mapping[str, Figure],
    version: Version,
    *,
    is_day: bool,
    lines: Mapping[str, Sequence[Line]],
) -> list[Shown]:
    """The figures in words: of a day counts, of a month rates where there is enough."""
    found = []
    for key, made in figures.items():
        indicator = INDICATORS[key]
        few = is_too_few(made, key, version.formula)
        rated = indicator.how in (How.RATIO, How.MEAN, How.STOCK)
        rate = words.TOO_FEW if rated and few else words.rate(key, made)
        if is_day and indicator.how is not How.MEAN:
            rate = ""
        own = tuple(lines.get(key, ()))
        found.append(
            Shown(
                key,
                indicator.name,
                indicator.formula,
                words.figure(key, made),
                rate,
                indicator.is_bots,
                own[:MOST_ROWS],
                max(0, len(own) - MOST_ROWS),
            )
        )
    return found


def corrections_of(text: str) -> list[tuple[str, str, bool]]:
    """
    「K04 T-12 不计」 and 「K04 T-12 达标」, one a line.

    Raises:
        UserError: a line that is neither.
    """
    found = []
    for line in filter(None, (it.strip() for it in text.splitlines())):
        parts = line.split()
        if len(parts) != 3 or parts[2] not in ("不计", "达标"):
            raise UserError(words.correction_unknown(line))
        found.append((parts[0].upper(), parts[1].upper(), parts[2] == "达标"))
    return found


# -- reading --------------------------------------------------------------------------------------


async def _lines(
    uow: UnitOfWork, records: Sequence[DailyRecord], now: datetime, *, is_own: bool
) -> dict[str, list[Line]]:
    """The rows behind each figure, in words."""
    refs = {row[0] for record in records for row in record.rows}
    ledger = await uow.appraisal.when([int(it[2:]) for it in refs if it.startswith("L-")])
    asked = await uow.appraisal.asked([int(it[2:]) for it in refs if it.startswith("T-")])
    tasks = await uow.tasks.of_numbers([int(it[2:]) for it in refs if it.startswith("R-")])
    found: dict[str, list[Line]] = {}
    for record in records:
        lines = found.setdefault(record.indicator, [])
        for ref, part, whole in record.rows:
            number = int(ref[2:])
            what, address = "", ""
            if ref.startswith("L-") and number in ledger:
                at, kind, topic = ledger[number]
                topic_name = texts.TOPIC_NAMES[Topic(topic)]
                what = f"{texts.instant(at, now)} {KIND_NAMES[Kind(kind)]}·{topic_name}"
                address = f"/ledger/{number}"
            elif ref.startswith("T-") and number in asked:
                at, topic = asked[number]
                what = f"{texts.instant(at, now)} 提出，{texts.TOPIC_NAMES[Topic(topic)]}"
                address = f"/cases/{number}"
            elif ref.startswith("R-") and number in tasks:
                what = tasks[number].title
            # Who may not open the ledger is not told how its rows are numbered.
            name = "" if is_own and ref.startswith(("L-", "C-")) else ref
            counts = _counts(record.indicator, part, whole)
            lines.append(Line(name, "" if is_own else address, what, counts))
    return found


def _counts(indicator: str, part: int, whole: int) -> str:
    match INDICATORS[indicator].how:
        case How.TIME:
            return texts.duration(timedelta(seconds=part)) if part >= 60 else f"{part} 秒"
        case How.MEAN:
            return f"{part} 分"
        case How.RATIO | How.STOCK:
            return ("达标" if part else "未达标") if whole == 1 else f"{part}/{whole}"
    if indicator == "K07M":
        return texts.duration(timedelta(seconds=part))
    return "" if part == 1 else str(part)


async def _tutor(
    uow: UnitOfWork, tutor_id: int, first: date, last: date, units: Collection[int] | None
) -> Appointed:
    """
    A tutor with their classes in these units.

    Raises:
        HTTPNotFound: there is none, here or at all.
    """
    found = await uow.appraisal.appointed(first, last, unit_ids=units, tutor_id=tutor_id)
    if not found:
        raise web.HTTPNotFound
    return found[0]


def _may_read(reader: Supervisor, tutor: Appointed) -> bool:
    """One's own record is read on one's own page, where nothing can be decided."""
    return reader.person_id != tutor.person_id


# -- pages ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /appraisal`: the tutors of the units, a month; by name, in no order of merit."""
    reader = await session.require(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    first, last, _ = span_of_address({"month": request.query.get("month", "")}, now.date())
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        found = await appraisal.overview(uow, first, last, units, AT_A_GLANCE)
        open_appeals = await uow.appraisal.appeals_in(units, is_open=True)
        hours = await uow.training.hours([it.tutor.person_id for it in found])
        began = await uow.appraisal.first_appointments([it.tutor.person_id for it in found])
        keeps_training = await uow.training.is_kept()
        version = in_force(await appraisal.versions(uow), first)
    lines = [
        {
            "id": span.tutor.person_id,
            "name": span.tutor.name,
            "classes": span.tutor.classes,
            "score": span.score.total,
            "figures": {
                it.key: it
                for it in shown(
                    {key: span.figures[key] for key in AT_A_GLANCE if key in span.figures},
                    span.version,
                    is_day=False,
                    lines={},
                )
            },
            "is_own": not _may_read(reader.supervisor, span.tutor),
            "is_short": keeps_training
            and hours.get(span.tutor.person_id, words.NONE) < version.formula.training_hours
            and now - began[span.tutor.person_id] < timedelta(days=365),
        }
        for span in found
    ]
    await session.note(app, reader, "appraisal.viewed", f"month:{first:%Y-%m}")
    return page(
        request,
        "appraisal.html",
        reader=reader,
        month=f"{first:%Y-%m}",
        at_a_glance=AT_A_GLANCE,
        lines=lines,
        version=version,
        appeals=len(open_appeals),
        needed=version.formula.training_hours,
    )


async def tutor_page(request: web.Request) -> web.Response:
    """`GET /appraisal/tutors/{id}`: one tutor's record, of a month or a day."""
    reader = await session.require(request)
    app, tutor_id = request.app[APP], int(request.match_info["id"])
    if reader.supervisor.person_id == tutor_id:
        raise web.HTTPSeeOther(f"/my?{request.query_string}")
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
    found = await _record(request, reader, tutor_id, units, is_own=False)
    await session.note(app, reader, "appraisal.record_viewed", f"person:{tutor_id}")
    return found


async def my_page(request: web.Request) -> web.Response:
    """`GET /my`: the tutor's own record, and what waits for them."""
    reader = await session.require(request, tutors=True)
    assert reader.supervisor.person_id is not None
    return await _record(request, reader, reader.supervisor.person_id, None, is_own=True)


async def _record(
    request: web.Request,
    reader: session.SignedIn,
    tutor_id: int,
    units: Collection[int] | None,
    *,
    is_own: bool,
    problem: str = "",
    form: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    app, now = request.app[APP], request.app[APP].clock.now()
    given = request.query if form is None else form
    first, last, is_day = span_of_address(given, now.date())
    async with app.database.reading() as uow:
        tutor = await _tutor(uow, tutor_id, first, last, units)
        known = await appraisal.versions(uow)
        span = await appraisal.record_of(uow, tutor, first, last, known)
        rooms = {room.id: room.name for room in tutor.classes}
        records = [it for it in span.records if it.class_id in rooms]
        span = _within(span, records, known)
        lines = await _lines(uow, records, now, is_own=is_own) if is_day else {}
        levels = await uow.appraisal.levels([tutor_id])
        waiting = await _waiting(uow, app, tutor, now) if is_own else []
        is_settled = await uow.appraisal.is_settled(first)
        trainings = await uow.training.retrainings(person_ids=[tutor_id])
        hours = (await uow.training.hours([tutor_id])).get(tutor_id, words.NONE)
    by_class = [
        (
            room.name,
            shown(
                appraisal.span_of(
                    tutor, first, last, [it for it in records if it.class_id == room.id], known
                ).figures,
                span.version,
                is_day=is_day,
                lines={},
            ),
        )
        for room in tutor.classes
    ]
    days = sorted({it.day for it in records})
    return page(
        request,
        "appraisal_record.html",
        status=status,
        reader=reader,
        is_own=is_own,
        tutor=tutor,
        span=span,
        is_day=is_day,
        is_settled=is_settled,
        first=first,
        month=f"{first:%Y-%m}",
        base="/my" if is_own else f"/appraisal/tutors/{tutor_id}",
        figures=shown(span.figures, span.version, is_day=is_day, lines=lines),
        by_class=by_class if len(by_class) > 1 else [],
        not_connected=NOT_CONNECTED,
        days=days,
        rooms=rooms,
        outcomes=words.OUTCOMES,
        grades=words.GRADES,
        levels=[decided[-1] for decided in levels.values()],
        waiting=waiting,
        trainings=trainings,
        hours=hours,
        indicators=INDICATORS,
        may_appeal=is_own
        and is_day
        and is_settled
        and now < appraisal.appeal_until(first, span.version),
        appeal_until=texts.instant(appraisal.appeal_until(first, span.version), now),
        today=now.date(),
        instant=lambda at: texts.instant(at, now),
        form=form or {},
        problem=problem,
        said=SAID.get(request.query.get("said", ""), ""),
    )


def _within(
    span: appraisal.Span, records: Sequence[DailyRecord], known: Sequence[Version]
) -> appraisal.Span:
    """The same, of the classes the reader may see."""
    again = appraisal.span_of(span.tutor, span.first, span.last, records, known)
    seen = {room.id for room in span.tutor.classes}
    return appraisal.Span(
        span.tutor,
        span.first,
        span.last,
        records,
        again.figures,
        again.version,
        again.score,
        span.notes,
        [it for it in span.appeals if it.class_id in seen],
        [it for it in span.corrections if it.class_id in seen],
    )


async def _waiting(
    uow: UnitOfWork, app: App, tutor: Appointed, now: datetime
) -> list[tuple[int, str, str, str]]:
    """What waits for the tutor: number, class, topic, until when. Nothing about themselves."""
    rooms = await uow.people.classes([room.id for room in tutor.classes], now)
    own = {
        room.id: room.name
        for room in rooms.values()
        if any(it.person_id == tutor.person_id for it in room.tutors)
    }
    items = [
        item
        for found in (await uow.questions.open_in(list(own))).values()
        for item in found
        if item.state is State.WAITING
        and item.level is Level.TUTOR
        and not is_kept_from(item, Role.TUTOR)
    ]
    items = sorted(items, key=lambda item: (item.asked_at, item.number))[:50]
    if not items:
        return []
    since = min(item.asked_at for item in items)
    blind = await uow.lines.blind({item.account for item in items}, since, now)
    return [
        (
            item.number,
            own[item.class_id],
            texts.TOPIC_NAMES[item.topic],
            texts.instant(due_of(item, app.working, now, blind.get(item.account, ())).at, now),
        )
        for item in items
    ]


async def add_note(request: web.Request) -> web.Response:
    """`POST /my/notes`: what the tutor has to say to a day of theirs."""
    reader, form = await session.posted(request, tutors=True)
    app, now = request.app[APP], request.app[APP].clock.now()
    person_id, day = reader.supervisor.person_id, day_of(form.get("day", ""))
    text = typed(form, "text", MOST_WORDS)
    if day is None or day > now.date() or person_id is None or not text:
        raise web.HTTPSeeOther("/my")
    async with app.database.unit_of_work() as uow:
        await _tutor(uow, person_id, day, day, None)
        await uow.appraisal.annotate(person_id, day, text, now)
    raise web.HTTPSeeOther(f"/my?day={day}&said=noted")


async def add_appeal(request: web.Request) -> web.Response:
    """`POST /my/appeals`."""
    reader, form = await session.posted(request, tutors=True)
    app, now = request.app[APP], request.app[APP].clock.now()
    person_id, day = reader.supervisor.person_id, day_of(form.get("day", ""))
    if day is None or person_id is None:
        raise web.HTTPSeeOther("/my")
    try:
        async with app.database.unit_of_work() as uow:
            _, _, cards = await appraisal.file_appeal(
                uow,
                app.working,
                tutor_id=person_id,
                day=day,
                text=typed(form, "text", MOST_WORDS),
                now=now,
            )
            _send(app, uow, cards, now)
    except UserError as refusal:
        return await _record(
            request,
            reader,
            person_id,
            None,
            is_own=True,
            problem=refusal.sentence,
            form=form,
            status=409,
        )
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/my?day={day}&said=appealed")


# -- appeals --------------------------------------------------------------------------------------


async def appeals(request: web.Request) -> web.Response:
    """`GET /appraisal/appeals`: what waits for an answer, and what was answered."""
    reader = await session.require(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        waiting = await uow.appraisal.appeals_in(units, is_open=True)
        answered = await uow.appraisal.appeals_in(units, is_open=False)
    own = reader.supervisor.person_id
    await session.note(app, reader, "appeals.viewed", "appeals")
    return page(
        request,
        "appeals.html",
        reader=reader,
        waiting=[it for it in waiting if it.tutor_id != own],
        answered=[it for it in answered if it.tutor_id != own][:100],
        outcomes=words.OUTCOMES,
        instant=lambda at: texts.instant(at, now),
        now=now,
        said=SAID.get(request.query.get("said", ""), ""),
    )


async def appeal_page(request: web.Request) -> web.Response:
    """`GET /appraisal/appeals/{id}`."""
    reader = await session.require(request)
    return await _appeal(request, reader, {})


async def _appeal(
    request: web.Request,
    reader: session.SignedIn,
    form: Mapping[str, str],
    *,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    app, now = request.app[APP], request.app[APP].clock.now()
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        found = await uow.appraisal.appeal_of(int(request.match_info["id"]), units)
        if found is None or found.tutor_id == reader.supervisor.person_id:
            raise web.HTTPNotFound
        records = await uow.appraisal.records(found.day, found.day, [found.tutor_id])
        known = await appraisal.versions(uow)
        tutor = await _tutor(uow, found.tutor_id, found.day, found.day, units)
        span = appraisal.span_of(tutor, found.day, found.day, records, known)
        lines = await _lines(uow, records, now, is_own=False)
    await session.note(app, reader, "appeal.viewed", f"appeal:{found.id}")
    return page(
        request,
        "appeal.html",
        status=status,
        reader=reader,
        appeal=found,
        figures=shown(span.figures, span.version, is_day=True, lines=lines),
        outcomes=words.OUTCOMES,
        instant=lambda at: texts.instant(at, now),
        form=form,
        problem=problem,
        is_late=found.outcome is None and found.due_at <= now,
    )


async def answer_appeal(request: web.Request) -> web.Response:
    """`POST /appraisal/appeals/{id}`: the answer, once, with name and reason."""
    reader, form = await session.posted(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    number = int(request.match_info["id"])
    try:
        async with app.database.unit_of_work() as uow:
            units = await units_of(uow, reader.supervisor)
            found = await uow.appraisal.appeal_of(number, units)
            if found is None or found.tutor_id == reader.supervisor.person_id:
                raise web.HTTPNotFound
            outcome = form.get("outcome", "")
            if outcome not in set(Outcome):
                raise UserError("请选择结论。")
            cards = await appraisal.answer_appeal(
                uow,
                found,
                Outcome(outcome),
                text=typed(form, "text", MOST_WORDS),
                corrections=corrections_of(form.get("corrections", "")[:MOST_WORDS]),
                by=f"supervisor:{reader.supervisor.username}",
                by_name=reader.supervisor.name,
                by_person=reader.supervisor.person_id,
                now=now,
            )
            _send(app, uow, cards, now)
            uow.audit.add(
                at=now, actor=reader.actor, action="appeal.answered", target=f"appeal:{number}"
            )
    except UserError as refusal:
        return await _appeal(request, reader, form, problem=refusal.sentence, status=409)
    app.outbox.wake()
    raise web.HTTPSeeOther("/appraisal/appeals?said=answered")


# -- the formula ----------------------------------------------------------------------------------


async def formula_page(request: web.Request) -> web.Response:
    """`GET /appraisal/formula`: every version in the open; the province may add one."""
    reader = await session.require(request)
    return await _formula(request, reader, {})


async def _formula(
    request: web.Request,
    reader: session.SignedIn,
    form: Mapping[str, str],
    *,
    preview: Sequence[tuple[str, Score, Score]] = (),
    problem: str = "",
    status: int = 200,
) -> web.Response:
    app, now = request.app[APP], request.app[APP].clock.now()
    async with app.database.reading() as uow:
        known = await appraisal.versions(uow)
    current = in_force(known, now.date())
    _, last = appraisal.month_of(now.date())
    last_month = now.date().replace(day=1) - timedelta(days=1)
    await session.note(app, reader, "formula.viewed", f"version:{current.number}")
    return page(
        request,
        "formula.html",
        status=status,
        reader=reader,
        versions=known[::-1],
        current=current,
        indicators=INDICATORS,
        text=form.get("body", "") or text_of(known[-1].formula),
        effective=form.get("effective", "") or (last + timedelta(days=1)).isoformat(),
        reason=form.get("reason", ""),
        may_change=_is_owner(reader.supervisor),
        preview=preview,
        last_month=f"{last_month:%Y-%m}",
        is_previewed=bool(form) and not problem,
        problem=problem,
        said=SAID.get(request.query.get("said", ""), ""),
    )


def _is_owner(reader: Supervisor) -> bool:
    """Rules, formula and defaults are the province's to change (S25.2)."""
    return reader.unit_id is None


async def change_formula(request: web.Request) -> web.Response:
    """`POST /appraisal/formula`: a preview over last month, or a new version."""
    reader, form = await session.posted(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    if not _is_owner(reader.supervisor):
        await session.note(app, reader, "formula.refused", "formula")
        return await _formula(request, reader, {}, problem=words.only_the_province(), status=403)
    kept = {
        "body": form.get("body", "")[:MOST_FORMULA],
        "effective": plain(form.get("effective", ""), 20),
        "reason": typed(form, "reason", MOST_WORDS),
    }
    try:
        formula = formula_of(kept["body"])
        begins = day_of(kept["effective"])
        if begins is None or begins.day != 1 or begins <= now.date():
            raise UserError(words.formula_from_first())
        if form.get("do") != "save":
            preview = await _previewed(app, Version(0, begins, formula), now)
            return await _formula(request, reader, kept, preview=preview)
        if len(kept["reason"]) < 2:
            raise UserError(words.reason_missing())
        async with app.database.unit_of_work() as uow:
            number = await uow.appraisal.put_formula(
                effective_from=begins,
                body=text_of(formula),
                reason=kept["reason"],
                by=f"supervisor:{reader.supervisor.username}",
                name=reader.supervisor.name,
                at=now,
            )
            if number is None:
                raise UserError(words.formula_taken(begins))
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="formula.changed",
                target=f"version:{number}",
                detail=f"from {begins}: {kept['reason']}",
            )
    except UserError as refusal:
        return await _formula(request, reader, kept, problem=refusal.sentence, status=409)
    raise web.HTTPSeeOther("/appraisal/formula?said=saved")


async def _previewed(app: App, version: Version, now: datetime) -> list[tuple[str, Score, Score]]:
    """Last month's scores by the formula of then and by this one."""
    first, last = appraisal.month_of(now.date().replace(day=1) - timedelta(days=1))
    async with app.database.reading() as uow:
        found = await appraisal.overview(uow, first, last, None, version.formula.indicators)
    return [(it.tutor.name, it.score, score(it.figures, version.formula)) for it in found]


# -- the year -------------------------------------------------------------------------------------


async def years(request: web.Request) -> web.Response:
    """`GET /appraisal/annual`: who has a level for a year, and who waits for one."""
    reader = await session.require(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    year = year_of(request.query, now.date())
    first, last = annual.year_bounds(year)
    async with app.database.reading() as uow:
        units = await units_of(uow, reader.supervisor)
        tutors = await uow.appraisal.appointed(first, last, unit_ids=units)
        levels = await uow.appraisal.levels(None, year)
    newest = {tutor_id: decided[-1] for (tutor_id, _), decided in levels.items()}
    await session.note(app, reader, "annual.viewed", f"year:{year}")
    return page(
        request,
        "annual.html",
        reader=reader,
        year=year,
        lines=[(it, newest.get(it.person_id)) for it in tutors if _may_read(reader.supervisor, it)],
        grades=words.GRADES,
        instant=lambda at: texts.instant(at, now),
    )


async def year_page(request: web.Request) -> web.Response:
    """`GET /appraisal/annual/{id}`: the proposal with its evidence, and what was decided."""
    reader = await session.require(request)
    return await _year(request, reader, {})


async def my_year(request: web.Request) -> web.Response:
    """`GET /my/annual`: the same, for the tutor it is about."""
    reader = await session.require(request, tutors=True)
    return await _year(request, reader, {}, is_own=True)


async def _year(
    request: web.Request,
    reader: session.SignedIn,
    form: Mapping[str, str],
    *,
    is_own: bool = False,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    app, now = request.app[APP], request.app[APP].clock.now()
    year = year_of({**request.query, **form}, now.date())
    first, last = annual.year_bounds(year)
    own = reader.supervisor.person_id
    async with app.database.reading() as uow:
        if is_own:
            assert own is not None
            tutor = await _tutor(uow, own, first, last, None)
        else:
            units = await units_of(uow, reader.supervisor)
            tutor = await _tutor(uow, int(request.match_info["id"]), first, last, units)
            if not _may_read(reader.supervisor, tutor):
                raise web.HTTPSeeOther(f"/my/annual?year={year}")
            # A year is one decision over all a tutor's classes, whoever's they are.
            tutor = await _tutor(uow, tutor.person_id, first, last, None)
        proposal = await annual.proposal_of(uow, tutor, year)
        decided = (await uow.appraisal.levels([tutor.person_id], year)).get(
            (tutor.person_id, year), []
        )
        is_dossier = not is_own and "dossier" in request.query
    if not is_own:
        action = "dossier.viewed" if is_dossier else "annual.proposal_viewed"
        await session.note(app, reader, action, f"person:{tutor.person_id}:{year}")
    return page(
        request,
        "annual_tutor.html",
        status=status,
        reader=reader,
        is_own=is_own,
        is_dossier=is_dossier,
        tutor=tutor,
        year=year,
        proposal=proposal,
        decided=decided,
        revision=len(decided) + 1,
        grades=words.GRADES,
        levels=annual.LEVELS,
        verdicts=texts_desk.VERDICT_NAMES,
        figures=shown(proposal.figures, proposal.version, is_day=False, lines={}),
        is_over=now.date() >= last,
        instant=lambda at: texts.instant(at, now),
        form=form,
        problem=problem,
        said=SAID.get(request.query.get("said", ""), ""),
    )


async def decide_year(request: web.Request) -> web.Response:
    """`POST /appraisal/annual/{id}`: a named supervisor confirms a level, with a reason."""
    reader, form = await session.posted(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    year = year_of(form, now.date())
    first, last = annual.year_bounds(year)
    revision = form.get("revision", "")
    try:
        async with app.database.unit_of_work() as uow:
            units = await units_of(uow, reader.supervisor)
            tutor = await _tutor(uow, int(request.match_info["id"]), first, last, units)
            tutor = await _tutor(uow, tutor.person_id, first, last, None)
            cards = await annual.decide(
                uow,
                await annual.proposal_of(uow, tutor, year),
                form.get("grade", ""),
                revision=int(revision) if revision.isascii() and revision.isdigit() else 0,
                reason=typed(form, "reason", MOST_WORDS),
                by=f"supervisor:{reader.supervisor.username}",
                by_name=reader.supervisor.name,
                by_person=reader.supervisor.person_id,
                now=now,
            )
            _send(app, uow, cards, now)
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="annual.decided",
                target=f"person:{tutor.person_id}:{year}",
                detail=form.get("grade", "")[:20],
            )
    except UserError as refusal:
        await session.note(
            app, reader, "annual.refused", f"person:{request.match_info['id']}:{year}"
        )
        if reader.supervisor.person_id == int(request.match_info["id"]):
            raise web.HTTPForbidden from refusal
        return await _year(request, reader, form, problem=refusal.sentence, status=409)
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/appraisal/annual/{request.match_info['id']}?year={year}&said=decided")


# -- parts ----------------------------------------------------------------------------------------


def _send(app: App, uow: UnitOfWork, cards: Sequence[Outgoing], now: datetime) -> None:
    for card in cards:
        signed = texts.signed(app.settings.bot.name, card.text)
        uow.outbox.add(_replaced(card, signed), now=now)


def _replaced(card: Outgoing, text: str) -> Outgoing:
    return Outgoing(key=card.key, conversation=card.conversation, text=text, is_push=card.is_push)
