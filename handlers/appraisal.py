"""
A tutor's record: settled each night, read by tutor and supervisor alike, argued with, corrected.

Figures are functions of rows (`handlers.indicators`), scores of figures (`handlers.formula`); here
is who may see and do what with them. Nobody decides on themselves, nothing is decided by program.
"""

import asyncio
import calendar
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from handlers import commands, texts, texts_commands
from handlers import records as chat_records
from handlers import texts_appraisal as words
from handlers.context import Context, Outcome, Reply
from handlers.errors import Forbidden, UserError
from handlers.formula import DEFAULT, Score, Version, formula_of, in_force, score
from handlers.hand_offs import is_empty_reply, private_with
from handlers.indicators import INDICATORS, Figure, How, Made, Row, figure, gathered, of_sums
from handlers.records import day_bounds
from handlers.settling import settle
from handlers.understanding import mask
from handlers.working_time import WorkingTime
from storage import appraisal as stored
from storage.appraisal import Appeal, Appointed, Correction, DailyRecord, Note
from storage.day_facts import DayReader
from storage.interactions import Kind, Record
from storage.people import ClassRoom, Tutor
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Action, Conversation, ConversationKind, Outgoing, Role

#: From then on the day before is settled.
SETTLED_FROM = time(0, 30)
DAY = timedelta(days=1)
USAGE = "/申诉 12月3日 理由"
ON, OFF = frozenset({"每天", "每日", "订阅"}), frozenset({"关", "不用了", "退订", "每天 关"})

# -- rules ----------------------------------------------------------------------------------------


def month_of(day: date) -> tuple[date, date]:
    """The first and the last day of its month."""
    last = calendar.monthrange(day.year, day.month)[1]
    return day.replace(day=1), day.replace(day=last)


def appeal_until(day: date, version: Version) -> datetime:
    """The instant at which it is too late to appeal against a day."""
    settled = datetime.combine(day + DAY, SETTLED_FROM, SHANGHAI)
    return settled + timedelta(days=version.formula.appeal_days)


def made_of(records: Iterable[DailyRecord]) -> list[Made]:
    """Stored figures as the rows they are made of."""
    return [
        Made(it.day, it.class_id, it.indicator, tuple(Row(*row) for row in it.rows))
        for it in records
    ]


@dataclass(frozen=True, slots=True)
class Span:
    """
    One tutor's record from one day to another, both included, as tutor and supervisor see it.

    `version` is the formula in force on the first day; `score` is only of a whole month. Of many
    tutors at once (`overview`) there are figures but no records.
    """

    tutor: Appointed
    first: date
    last: date
    records: Sequence[DailyRecord]
    figures: dict[str, Figure]
    version: Version
    score: Score
    notes: Sequence[Note] = ()
    appeals: Sequence[Appeal] = ()
    corrections: Sequence[Correction] = ()


def span_of(
    tutor: Appointed,
    first: date,
    last: date,
    records: Sequence[DailyRecord],
    versions: Iterable[Version],
) -> Span:
    """Figures and score of a span's records."""
    version = in_force(versions, first)
    figures = gathered(made_of(records))
    return Span(tutor, first, last, records, figures, version, score(figures, version.formula))


def corrected(record: DailyRecord, ref: str, *, is_met: bool) -> DailyRecord | None:
    """The record without a row, or (`is_met`) with it counted in full; None: no such row."""
    if all(row[0] != ref for row in record.rows):
        return None
    rows = tuple(
        (row[0], row[2] if is_met else row[1], row[2])
        for row in record.rows
        if is_met or row[0] != ref
    )
    made = figure(INDICATORS[record.indicator].how, [Row(*row) for row in rows])
    return replace(
        record,
        rows=rows,
        numerator=made.numerator,
        denominator=made.denominator,
        value=None if made.value is None else str(made.value),
    )


# -- use cases ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """Some classes of a day were settled; whether they were the first, and the last, of it."""

    day: date
    is_first: bool
    is_last: bool


async def settle_next(
    uow: UnitOfWork, now: datetime, working: WorkingTime, limit: int
) -> Piece | None:
    """
    Figures of the next `limit` classes of the oldest past day that is not settled.

    A transaction each, so that whoever writes meanwhile waits for a few classes, never for a day.
    None: there is no such day, or another instance is at it.
    """
    yesterday_is_over = now.time() >= SETTLED_FROM
    until = now.date() if yesterday_is_over else now.date() - DAY
    days = await uow.appraisal.unsettled(until, 1)
    if not days:
        return None
    day = days[0]
    before = await uow.appraisal.settled_classes(day)
    found = await uow.appraisal.classes_after(before, limit + 1)
    class_ids, is_last = found[:limit], len(found) <= limit
    if class_ids:
        if not await uow.appraisal.advance(day, before, class_ids[-1]):
            return None
        start, end = day_bounds(day)
        facts = await DayReader(uow, start, end, class_ids).read()
        # Computing; the bot goes on answering meanwhile.
        made = await asyncio.to_thread(settle, day, start, end, facts, working)
        uow.appraisal.put(_stored(it.tutor_id, it.made) for it in made)
        await uow.flush()
    if is_last and not await uow.appraisal.finish(day, now):
        return None
    return Piece(day, before == 0, is_last)


def _stored(tutor_id: int, made: Made) -> DailyRecord:
    counted = figure(INDICATORS[made.indicator].how, made.rows)
    return DailyRecord(
        tutor_id,
        made.day,
        made.class_id,
        made.indicator,
        counted.numerator,
        counted.denominator,
        None if counted.value is None else str(counted.value),
        tuple((row.ref, row.part, row.whole) for row in made.rows),
    )


async def versions(uow: UnitOfWork) -> list[Version]:
    """Every version of the formula, the shipped one first."""
    return [
        DEFAULT,
        *(
            Version(
                row.version,
                row.effective_from,
                formula_of(row.body),
                row.reason,
                row.made_name,
            )
            for row in await uow.appraisal.formulas()
        ),
    ]


async def record_of(
    uow: UnitOfWork, tutor: Appointed, first: date, last: date, known: Sequence[Version]
) -> Span:
    """Everything on one tutor's record of these days."""
    records = await uow.appraisal.records(first, last, [tutor.person_id])
    span = span_of(tutor, first, last, records, known)
    return replace(
        span,
        notes=await uow.appraisal.notes(tutor.person_id, first, last),
        appeals=await uow.appraisal.appeals_of(tutor.person_id, first, last),
        corrections=await uow.appraisal.corrections(tutor.person_id, first, last),
    )


async def spans(
    uow: UnitOfWork, first: date, last: date, unit_ids: Collection[int] | None
) -> list[Span]:
    """
    The records of all tutors of these units (None: of all) between two days, by name.

    Of a tutor with classes in other units too, only the classes of these: credit is per class.
    """
    tutors = await uow.appraisal.appointed(first, last, unit_ids=unit_ids)
    known = await versions(uow)
    by_tutor: dict[int, list[DailyRecord]] = {it.person_id: [] for it in tutors}
    allowed = {(it.person_id, room.id) for it in tutors for room in it.classes}
    for record in await uow.appraisal.records(first, last, list(by_tutor)):
        if (record.tutor_id, record.class_id) in allowed:
            by_tutor[record.tutor_id].append(record)
    return [span_of(it, first, last, by_tutor[it.person_id], known) for it in tutors]


async def overview(
    uow: UnitOfWork,
    first: date,
    last: date,
    unit_ids: Collection[int] | None,
    keys: Collection[str] = INDICATORS,
) -> list[Span]:
    """
    What `spans` finds, without its records: sums are made by the database.

    Two hundred tutors' month is a hundred and fifty thousand records. Of `keys` and of what the
    formula counts there are figures.
    """
    scope = stored.Scope(first, last, unit_ids)
    tutors = await uow.appraisal.appointed(first, last, unit_ids=unit_ids)
    known = await versions(uow)
    version = in_force(known, first)
    figures = await _summed(uow, scope, {*keys, *version.formula.indicators})
    found = []
    for tutor in tutors:
        own = figures.get(tutor.person_id, {})
        # As `gathered` has it: a month in which nothing was done is one of no days.
        own.setdefault("K25", Figure(0, 0, Decimal()))
        ordered = {key: own[key] for key in INDICATORS if key in own}
        result = score(ordered, version.formula)
        found.append(Span(tutor, first, last, (), ordered, version, result))
    return found


async def _summed(
    uow: UnitOfWork, scope: stored.Scope, keys: Collection[str]
) -> dict[int, dict[str, Figure]]:
    """By tutor, the figure of each of these indicators, as `gathered` would make it."""

    def having(*ways: How) -> list[str]:
        return [key for key in keys if INDICATORS[key].how in ways]

    found: dict[int, dict[str, Figure]] = defaultdict(dict)
    sums: dict[tuple[int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for it in (
        *await uow.appraisal.sums(scope, having(How.COUNT, How.RATIO, How.MEAN)),
        *await uow.appraisal.newest(scope, having(How.STOCK)),
    ):
        part, whole = sums[(it.tutor_id, it.indicator)]
        sums[(it.tutor_id, it.indicator)] = (part + it.numerator, whole + it.denominator)
    for (tutor_id, key), (part, whole) in sums.items():
        found[tutor_id][key] = of_sums(INDICATORS[key].how, part, whole)
    for (tutor_id, key), (peak, days) in (
        await uow.appraisal.peaks(scope, having(How.PEAK))
    ).items():
        found[tutor_id][key] = of_sums(How.PEAK, peak, days)
    for (tutor_id, key), (days, rows) in (
        await uow.appraisal.active(scope, having(How.DAYS))
    ).items():
        found[tutor_id][key] = of_sums(How.DAYS, days, rows)
    for (tutor_id, key), parts in (await uow.appraisal.parts(scope, having(How.TIME))).items():
        found[tutor_id][key] = figure(How.TIME, [Row(*row) for row in parts])
    return found


async def file_appeal(
    uow: UnitOfWork,
    working: WorkingTime,
    *,
    tutor_id: int,
    day: date,
    text: str,
    now: datetime,
    event_id: int | None = None,
) -> tuple[int, datetime, tuple[Outgoing, ...]]:
    """
    An appeal against one's own record of a day: its number, until when it is answered, the cards.

    Raises:
        UserError: nothing to appeal against, too late, one is open, or no reason.
    """
    if is_empty_reply(text):
        raise UserError(words.appeal_usage())
    tutors = await uow.appraisal.appointed(day, day, tutor_id=tutor_id)
    if day > now.date() or not tutors:
        raise UserError(words.appeal_not_yours(day, now))
    if not await uow.appraisal.is_settled(day):
        raise UserError(words.appeal_unsettled(day, now))
    version = in_force(await versions(uow), day)
    if now >= appeal_until(day, version):
        raise UserError(words.appeal_too_late(day, version.formula.appeal_days, now))
    for appeal in await uow.appraisal.appeals_of(tutor_id, day, day):
        if appeal.outcome is None:
            raise UserError(words.appeal_open_already(appeal.id, day, now))
    due = working.due(now, working.settings.allowance("solution"))
    room = tutors[0].classes[0]
    number = await uow.appraisal.appeal(
        tutor_id=tutor_id,
        day=day,
        class_id=room.id,
        text=mask(text)[:2000],
        at=now,
        due_at=due,
        event_id=event_id,
    )
    card = words.appeal_card(number, tutors[0].name, room.name, day, texts.instant(due, now), now)
    cards = await to_supervisors(
        uow, room.unit_id, room.id, key=f"appeal:{number}", text=card, now=now, but=tutor_id
    )
    return number, due, cards


async def answer_appeal(
    uow: UnitOfWork,
    appeal: Appeal,
    outcome: stored.Outcome,
    *,
    text: str,
    corrections: Sequence[tuple[str, str, bool]],
    by: str,
    by_name: str,
    by_person: int | None,
    now: datetime,
) -> tuple[Outgoing, ...]:
    """
    The answer, once, with name and reason; the rows it corrects (indicator, reference, is met).

    Raises:
        UserError: one's own, no reason, no such row, or answered before.
    """
    if by_person == appeal.tutor_id:
        raise UserError(words.not_your_own())
    if len(text.strip()) < 2:
        raise UserError(words.reason_missing())
    if not await uow.appraisal.answer(appeal.id, outcome, text=text, by=by, name=by_name, at=now):
        raise UserError(words.appeal_answered_already(appeal.answered_name or "别人", "刚才"))
    records = await uow.appraisal.records(appeal.day, appeal.day, [appeal.tutor_id])
    for indicator, ref, is_met in corrections:
        matching = [
            (index, changed)
            for index, record in enumerate(records)
            if record.indicator == indicator
            and (changed := corrected(record, ref, is_met=is_met)) is not None
        ]
        if not matching:
            raise UserError(words.correction_unknown(f"{indicator} {ref}"))
        for index, changed in matching:
            is_done = await uow.appraisal.correct(
                records[index],
                changed,
                appeal=appeal.id,
                reason=text,
                by=by,
                by_name=by_name,
                at=now,
            )
            if not is_done:
                raise UserError(words.corrected_meanwhile())
            records[index] = changed
    told = words.appeal_answered(
        appeal.id, appeal.day, outcome, by_name, text, len(corrections), now
    )
    return await to_tutor(
        uow, appeal.tutor_id, appeal.class_id, key=f"appeal-answer:{appeal.id}", text=told, now=now
    )


async def to_supervisors(
    uow: UnitOfWork,
    unit_id: int | None,
    class_id: int,
    *,
    key: str,
    text: str,
    now: datetime,
    but: int | None = None,
) -> tuple[Outgoing, ...]:
    """A card to the unit's supervisors, or the province's where it has none; unsigned."""
    found = await uow.people.supervisors_of([unit_id, None], now)
    people = found.get(unit_id) or found.get(None, [])
    others = [it for it in people if it.person_id != but]
    return await _cards(uow, others, class_id, key=key, text=text, now=now)


async def to_tutor(
    uow: UnitOfWork, tutor_id: int, class_id: int, *, key: str, text: str, now: datetime
) -> tuple[Outgoing, ...]:
    """A card to a tutor, where they can be written to; unsigned."""
    people = [Tutor(tutor_id, "", tuple(await uow.roster.accounts_of(tutor_id)))]
    return await _cards(uow, people, class_id, key=key, text=text, now=now)


async def _cards(
    uow: UnitOfWork,
    people: Iterable[Tutor],
    class_id: int,
    *,
    key: str,
    text: str,
    now: datetime,
) -> tuple[Outgoing, ...]:
    room = await uow.people.get_class(class_id, now)
    near = _near(room)
    if near is None:
        return ()
    places = [(person, private_with(person, room, near)) for person in people]
    return tuple(
        Outgoing(key=f"{key}:{person.person_id}", conversation=place, text=text, is_push=True)
        for person, place in places
        if place is not None
    )


def _near(room: ClassRoom) -> Conversation | None:
    group = next((it for it in room.groups if it.left_at is None), None)
    if group is None:
        return None
    return Conversation(group.platform, group.account, ConversationKind.GROUP, group.group_id)


# -- chat handlers ---------------------------------------------------------------------------------


async def daily(context: Context, argument: str) -> Outcome:
    """
    「/日报 [日期]」: the counts of a day; in private also the tutor's own figures once settled.

    「/日报 每天」 has them come at 21:00, 「/日报 关」 no longer.
    """
    word = argument.strip()
    if word in ON | OFF:
        return await _wish(context, is_on=word in ON)
    outcome = await chat_records.daily(context, argument)
    more = await settled_words(context, commands.day(argument, context.now, USAGE))
    if not more:
        return outcome
    first = outcome.replies[0]
    return replace(outcome, replies=(replace(first, text=f"{first.text}\n{more}"),))


async def _wish(context: Context, *, is_on: bool) -> Outcome:
    """「/日报 每天」 and 「/日报 关」, of a tutor in private."""
    if context.speaker.person_id is None or not context.speaker.tutored:
        raise Forbidden(texts_commands.not_allowed())
    if not context.is_private:
        raise UserError(words.wish_is_private())
    person_id = context.speaker.person_id
    if is_on:
        await context.uow.appraisal.wish(person_id, context.message.conversation, context.now)
        return Outcome((Reply(words.wish_on()),), _record())
    await context.uow.appraisal.unwish(person_id)
    return Outcome((Reply(words.wish_off()),), _record())


async def settled_words(context: Context, day: date) -> str:
    """The figures of a settled day of the speaker's own, or ""."""
    person_id = context.speaker.person_id
    if not context.is_private or person_id is None or not context.speaker.tutored:
        return ""
    if not await context.uow.appraisal.is_settled(day):
        return ""
    records = await context.uow.appraisal.records(day, day, [person_id])
    version = in_force(await versions(context.uow), day)
    return words.day_figures(
        gathered(made_of(records)),
        ratings_needed=version.formula.samples.ratings,
        day=day,
        appeal_until=appeal_until(day, version),
        now=context.now,
    )


async def appeal(context: Context, argument: str) -> Outcome:
    """「/申诉 12月3日 理由」, in private."""
    person_id = context.speaker.person_id
    is_tutor = any(duty.role is Role.TUTOR for duty in context.speaker.duties)
    if person_id is None or not is_tutor:
        raise Forbidden(texts_commands.not_allowed())
    if not context.is_private:
        raise UserError(words.wish_is_private())
    first, _, reason = argument.strip().partition(" ")
    if not reason.strip():
        raise commands.BadCommand(words.appeal_usage())
    day = commands.day(first, context.now, USAGE)
    if day > context.now.date() and first.count("-") < 2 and "年" not in first:
        # In January 「12月31日」 is last year's.
        day = day.replace(year=day.year - 1)
    number, due, cards = await file_appeal(
        context.uow,
        context.working,
        tutor_id=person_id,
        day=day,
        text=reason.strip(),
        now=context.now,
        event_id=context.event_id,
    )
    told = words.appeal_filed(number, day, texts.instant(due, context.now), context.now)
    return Outcome((Reply(told),), _record(), cards)


def _record() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十七条")
