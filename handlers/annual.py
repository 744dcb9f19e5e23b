"""
The year: what the figures propose, and what a named person decides. No level is set by program.

Where a complaint was found true or a silence of two working days stands on record (article 19),
nothing is proposed: people decide. What is kept beside a decision is all that was on the table.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from handlers import texts
from handlers import texts_appraisal as words
from handlers.appraisal import (
    Span,
    made_of,
    month_of,
    span_of,
    to_supervisors,
    to_tutor,
    versions,
)
from handlers.errors import UserError
from handlers.formula import Version, in_force, mean
from handlers.indicators import Figure, gathered
from handlers.records import day_bounds
from storage.appraisal import Appointed, Grade, Level
from storage.cases import Step, StepKind
from storage.questions import HandOff
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Outgoing

LEVELS = (Grade.EXCELLENT, Grade.PASSED, Grade.FAILED)

# -- rules ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A complaint found true, with the verdict and what the tutor said after it."""

    item: HandOff
    appeal: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a year's record proposes, and everything it is made of; `why` says why nothing."""

    tutor: Appointed
    year: int
    grade: Grade
    score: Decimal | None
    months: Sequence[Span]
    figures: dict[str, Figure]
    found: Sequence[Found]
    silences: Sequence[datetime]
    why: str
    version: Version


def propose(
    tutor: Appointed,
    year: int,
    months: Sequence[Span],
    figures: dict[str, Figure],
    found: Sequence[Found],
    silences: Sequence[datetime],
    version: Version,
) -> Proposal:
    """The proposal; only ever that."""
    levels = version.formula.levels
    totals = [it.score.total for it in months if it.score.total is not None]
    score = mean(totals)
    grade, why = Grade.BY_PEOPLE, ""
    if len(found) >= levels.manual_from_complaints:
        why = f"有 {len(found)} 件投诉裁定属实或部分属实（第十九条），不参与自动建议"
    elif len(silences) >= levels.manual_from_silences:
        why = f"有 {len(silences)} 次两个工作日没有答复（第十九条），不参与自动建议"
    elif score is None or len(totals) < levels.min_months:
        why = f"有分数的月份 {len(totals)} 个，少于 {levels.min_months} 个，{words.TOO_FEW}"
    elif score >= levels.excellent:
        grade = Grade.EXCELLENT
    elif score >= levels.passing:
        grade = Grade.PASSED
    else:
        grade = Grade.FAILED
    return Proposal(tutor, year, grade, score, months, figures, found, silences, why, version)


def evidence_of(proposal: Proposal) -> str:
    """All that was on the table, as JSON."""
    found: dict[str, Any] = {
        "score": None if proposal.score is None else str(proposal.score),
        "why": proposal.why,
        "formula": proposal.version.number,
        "months": [
            {
                "month": f"{it.first:%Y-%m}",
                "score": None if it.score.total is None else str(it.score.total),
                "judged": str(it.score.judged),
                "formula": it.version.number,
            }
            for it in proposal.months
        ],
        "figures": {
            key: [it.numerator, it.denominator, None if it.value is None else str(it.value)]
            for key, it in proposal.figures.items()
        },
        "complaints": [f"T-{it.item.number}" for it in proposal.found],
        "silences": [it.isoformat() for it in proposal.silences],
        "classes": [[it.name, it.students] for it in proposal.tutor.classes],
    }
    return json.dumps(found, ensure_ascii=False)


def year_bounds(year: int) -> tuple[date, date]:
    """Its first and its last day."""
    return date(year, 1, 1), date(year, 12, 31)


# -- use cases ------------------------------------------------------------------------------------


async def proposal_of(uow: UnitOfWork, tutor: Appointed, year: int) -> Proposal:
    """What one tutor's year proposes now."""
    first, last = year_bounds(year)
    known = await versions(uow)
    records = await uow.appraisal.records(first, last, [tutor.person_id])
    months = []
    for number in range(1, 13):
        begin, end = month_of(date(year, number, 1))
        own = [it for it in records if begin <= it.day <= end]
        if own:
            months.append(span_of(tutor, begin, end, own, known))
    since, until = day_bounds(first)[0], day_bounds(last)[1]
    found = [
        Found(item, _appeal(steps))
        for item, steps in await uow.cases.found_true(tutor.person_id, since, until)
    ]
    silences = await uow.appraisal.silences(tutor.person_id, since, until)
    return propose(
        tutor,
        year,
        months,
        gathered(made_of(records)),
        found,
        silences,
        in_force(known, last),
    )


def _appeal(steps: Sequence[Step]) -> tuple[Step, ...]:
    """What the tutor said after the verdict."""
    at = [index for index, step in enumerate(steps) if step.kind is StepKind.VERDICT]
    if not at:
        return ()
    return tuple(step for step in steps[at[0] :] if step.kind is StepKind.HEARD)


async def decide(
    uow: UnitOfWork,
    proposal: Proposal,
    grade: str,
    *,
    revision: int,
    reason: str,
    by: str,
    by_name: str,
    by_person: int | None,
    now: datetime,
) -> tuple[Outgoing, ...]:
    """
    The level, by a named supervisor with a reason; it may differ from the proposal.

    `revision` is the one the supervisor saw they were making: of two at once one wins. A 不合格
    opens retraining.

    Raises:
        UserError: one's own, no reason, no level, the year is not over, or decided meanwhile.
    """
    tutor_id, year = proposal.tutor.person_id, proposal.year
    if by_person == tutor_id:
        raise UserError(words.not_your_own())
    if grade not in LEVELS:
        raise UserError(words.level_unknown())
    if len(reason.strip()) < 2:
        raise UserError(words.reason_missing())
    if now.date() < year_bounds(year)[1]:
        raise UserError(words.year_not_over(year))
    level = Level(
        tutor_id,
        year,
        revision,
        Grade(grade),
        proposal.grade,
        evidence_of(proposal),
        reason,
        by,
        by_name,
        now,
    )
    before = (await uow.appraisal.levels([tutor_id], year)).get((tutor_id, year), [])
    if revision != len(before) + 1 or not await uow.appraisal.decide(level):
        before = (await uow.appraisal.levels([tutor_id], year)).get((tutor_id, year), [])
        newest = before[-1] if before else level
        when = texts.instant(newest.decided_at, now)
        raise UserError(words.decided_meanwhile(newest.decided_name, newest.level, when))
    room = proposal.tutor.classes[0]
    key = f"level:{tutor_id}:{year}:{revision}"
    told = words.level_told(year, level.level, by_name, reason)
    cards = await to_tutor(uow, tutor_id, room.id, key=key, text=told, now=now)
    if level.level is Grade.FAILED:
        days = timedelta(days=proposal.version.formula.retraining_days)
        cards += await _retrain(uow, proposal, now + days, by=by, now=now)
    return cards


async def _retrain(
    uow: UnitOfWork, proposal: Proposal, due_at: datetime, *, by: str, now: datetime
) -> tuple[Outgoing, ...]:
    tutor, year = proposal.tutor, proposal.year
    if not await uow.training.open(tutor.person_id, year, due_at=due_at, by=by, now=now):
        return ()
    room, due = tutor.classes[0], texts.instant(due_at, now)
    key = f"retraining:{tutor.person_id}:{year}"
    to_them = await to_tutor(
        uow,
        tutor.person_id,
        room.id,
        key=key,
        text=words.retraining_opened(year, due),
        now=now,
    )
    to_unit = await to_supervisors(
        uow,
        room.unit_id,
        room.id,
        key=f"{key}:unit",
        text=words.retraining_opened_of(tutor.name, year, due),
        now=now,
        but=tutor.person_id,
    )
    return to_them + to_unit
