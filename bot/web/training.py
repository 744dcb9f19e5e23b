"""Training on the console: events with their code and hours, appointments, retraining."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import session
from bot.web.base import APP, page, plain, typed
from bot.web.pages import YEARS, units_of
from handlers import texts
from handlers import texts_appraisal as words
from handlers.appraisal import versions
from handlers.errors import UserError
from handlers.formula import in_force
from handlers.training import is_first_appointment, new_code
from storage.training import FAILED, KINDS, PASSED
from storage.vocabulary import SHANGHAI

if TYPE_CHECKING:
    pass

#: Of the minutes of a training, and of whatever else is typed.
MOST_WORDS = 5000
RESULTS = {PASSED: "合格", FAILED: "不合格"}
SAID = {
    "added": "培训已建立。签到码请在现场公布，不要提前发。",
    "minutes": "纪要已存下。",
    "result": "重新培训的结果已登记。",
    "hired": "已登记聘任。",
}


@dataclass(frozen=True, slots=True)
class _Event:
    title: str
    place: str
    starts_at: datetime
    ends_at: datetime
    hours: Decimal


async def overview(request: web.Request) -> web.Response:
    """`GET /training`."""
    reader = await session.require(request)
    return await _page(request, reader, {})


async def _page(
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
        events = await uow.training.events(units)
        tutors = await uow.appraisal.appointed(now.date(), now.date(), unit_ids=units)
        ids = [it.person_id for it in tutors]
        hours = await uow.training.hours(ids)
        hired = await uow.training.hired(ids)
        began = await uow.appraisal.first_appointments(ids)
        retrainings = await uow.training.retrainings(person_ids=ids)
        needed = in_force(await versions(uow), now.date()).formula.training_hours
        is_kept = await uow.training.is_kept()
    await session.note(app, reader, "training.viewed", "training")
    return page(
        request,
        "training.html",
        status=status,
        reader=reader,
        events=events,
        may_change=[_is_theirs(reader, event.unit_id, units) for event in events],
        tutors=[
            (
                it,
                hours.get(it.person_id, Decimal(0)),
                hired.get(it.person_id),
                is_kept
                and is_first_appointment(began.get(it.person_id), now)
                and hours.get(it.person_id, Decimal(0)) < needed,
            )
            for it in tutors
        ],
        is_kept=is_kept,
        badge=words.under_hours(needed),
        own=reader.supervisor.person_id,
        retrainings=retrainings,
        kinds=KINDS,
        results=RESULTS,
        instant=lambda at: texts.instant(at, now),
        now=now,
        form=form,
        problem=problem,
        said=SAID.get(request.query.get("said", ""), ""),
    )


def _is_theirs(
    reader: session.SignedIn, unit_id: int | None, units: Collection[int] | None
) -> bool:
    """A unit's event is changed by its supervisors, the province's by the province."""
    if reader.supervisor.unit_id is None:
        return True
    return unit_id is not None and (units is None or unit_id in units)


async def add(request: web.Request) -> web.Response:
    """`POST /training`: an event of the reader's unit, or the whole province's."""
    reader, form = await session.posted(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    try:
        wanted = _event_of(form)
        async with app.database.unit_of_work() as uow:
            number = None
            # A code that is in use is drawn again.
            for _ in range(5):
                number = await uow.training.add(
                    kind=form["kind"],
                    title=wanted.title,
                    unit_id=reader.supervisor.unit_id,
                    starts_at=wanted.starts_at,
                    ends_at=wanted.ends_at,
                    place=wanted.place,
                    hours=wanted.hours,
                    code=new_code(),
                    by=f"supervisor:{reader.supervisor.username}",
                    now=now,
                )
                if number is not None:
                    break
            uow.audit.add(
                at=now, actor=reader.actor, action="training.added", target=f"training:{number}"
            )
    except UserError as refusal:
        return await _page(request, reader, form, problem=refusal.sentence, status=409)
    raise web.HTTPSeeOther("/training?said=added")


def _event_of(form: Mapping[str, str]) -> _Event:
    """
    The event a form describes.

    Raises:
        UserError: something is missing or makes no sense.
    """
    title, place = plain(form.get("title", ""), 100), plain(form.get("place", ""), 100)
    if form.get("kind", "") not in KINDS or len(title) < 2:
        raise UserError("请选择培训类别，并写名称。")
    try:
        starts_at = datetime.fromisoformat(form.get("starts", "")).replace(tzinfo=SHANGHAI)
        ends_at = datetime.fromisoformat(form.get("ends", "")).replace(tzinfo=SHANGHAI)
    except ValueError:
        raise UserError("请填开始和结束时间。") from None
    if not starts_at < ends_at or starts_at.year not in YEARS or ends_at.year not in YEARS:
        raise UserError("结束时间要晚于开始时间。")
    try:
        hours = Decimal(plain(form.get("hours", ""), 10))
    except InvalidOperation:
        raise UserError("学时请填数字，例如 4 或 1.5。") from None
    if not hours.is_finite() or not 0 < hours <= 200 or hours != hours.quantize(Decimal("0.1")):
        raise UserError("学时请填 0.1 到 200 之间的数，最多一位小数。")
    return _Event(title, place, starts_at, ends_at, hours)


async def set_minutes(request: web.Request) -> web.Response:
    """`POST /training/{id}/minutes`: what was done there."""
    reader, form = await session.posted(request)
    app, number = request.app[APP], int(request.match_info["id"])
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        event = await uow.training.event(number)
        if event is None or not _is_theirs(reader, event.unit_id, units):
            raise web.HTTPNotFound
        await uow.training.set_minutes(number, typed(form, "minutes", MOST_WORDS))
        uow.audit.add(
            at=app.clock.now(),
            actor=reader.actor,
            action="training.minutes",
            target=f"training:{number}",
        )
    raise web.HTTPSeeOther("/training?said=minutes")


async def set_result(request: web.Request) -> web.Response:
    """`POST /training/retrainings/{id}`: how somebody's retraining ended."""
    reader, form = await session.posted(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    number, result = int(request.match_info["id"]), form.get("result", "")
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        tutors = await uow.appraisal.appointed(now.date(), now.date(), unit_ids=units)
        ids = {it.person_id for it in tutors} - {reader.supervisor.person_id}
        own = await uow.training.retrainings(person_ids=ids, is_open=True)
        if number not in {it.id for it in own}:
            raise web.HTTPNotFound
        is_done = result in RESULTS and await uow.training.finish(
            number,
            result=result,
            certificate=plain(form.get("certificate", ""), 100),
            note=typed(form, "note", MOST_WORDS),
            by=f"supervisor:{reader.supervisor.username}",
            now=now,
        )
        if is_done:
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="retraining.result",
                target=f"retraining:{number}",
                detail=result,
            )
    raise web.HTTPSeeOther("/training?said=result" if is_done else "/training")


async def set_hired(request: web.Request) -> web.Response:
    """`POST /training/hired/{id}`: 已聘, only with the number of a certificate (article 7)."""
    reader, form = await session.posted(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    person_id = int(request.match_info["id"])
    certificate = plain(form.get("certificate", ""), 100)
    if len(certificate) < 2:
        return await _page(request, reader, form, problem=words.certificate_missing(), status=409)
    async with app.database.unit_of_work() as uow:
        units = await units_of(uow, reader.supervisor)
        tutors = await uow.appraisal.appointed(now.date(), now.date(), unit_ids=units)
        if person_id not in {it.person_id for it in tutors} - {reader.supervisor.person_id}:
            raise web.HTTPNotFound
        await uow.training.hire(
            person_id, certificate, by=f"supervisor:{reader.supervisor.username}", now=now
        )
        uow.audit.add(
            at=now, actor=reader.actor, action="tutor.hired", target=f"person:{person_id}"
        )
    raise web.HTTPSeeOther("/training?said=hired")
