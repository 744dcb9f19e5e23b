"""The record by night: figures of past days, the evening's numbers, appeals and training due."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta

from handlers import texts
from handlers import texts_appraisal as words
from handlers.appraisal import settle_next, to_supervisors, to_tutor, versions
from handlers.formula import in_force
from handlers.records import words_of_day
from handlers.training import is_first_appointment
from schedules.means import Means
from storage.appraisal import Appointed
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Outgoing

#: Classes settled in one transaction.
CLASSES_AT_ONCE = 10
TELL_FROM, TELL_UNTIL = time(21, 0), time(22, 0)
#: Cards about training and appeals come in the daytime.
DAY_FROM, DAY_UNTIL = time(9, 0), time(18, 0)
SOON = timedelta(days=7)


async def settle(uow: UnitOfWork, now: datetime, means: Means) -> bool:
    """
    Past days without figures get them, from 00:30 on; True while there is more for this tick.

    A large school settles one day a tick, a few classes at a time: the other clocks wait so long.
    Where a few classes are all there are, it is a week, and a year left behind is done in an hour.
    """
    piece = await settle_next(uow, now, means.working, CLASSES_AT_ONCE)
    if piece is None:
        return False
    is_small = piece.is_first and piece.day.isoweekday() != 7
    return is_small or not piece.is_last


async def tell(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """At 21:00 the day's numbers, to the tutors who want them and still are tutors."""
    if not TELL_FROM <= now.time() < TELL_UNTIL:
        return
    for wish in await uow.appraisal.wishes():
        tutors = await uow.appraisal.appointed(now.date(), now.date(), tutor_id=wish.person_id)
        rooms = await uow.people.classes({it.id for one in tutors for it in one.classes}, now)
        own = [
            room
            for room in rooms.values()
            if any(tutor.person_id == wish.person_id for tutor in room.tutors)
        ]
        if not own:
            continue
        card = Outgoing(
            key=f"daily:{wish.person_id}:{now:%Y%m%d}",
            conversation=wish.conversation,
            text=await words_of_day(uow, own, now.date(), now),
            is_push=True,
        )
        await _queue(uow, [card], now, means)


async def watch_appeals(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """An appeal nobody has answered in time: the unit's supervisors and the province hear of it."""
    for appeal in await uow.appraisal.appeals_in(None, is_open=True):
        if appeal.due_at > now or not await uow.appraisal.set_alarm(appeal.id, 100):
            continue
        text = words.appeal_late(appeal.id, appeal.tutor_name, texts.instant(appeal.due_at, now))
        for unit_id in dict.fromkeys((appeal.unit_id, None)):
            cards = await to_supervisors(
                uow,
                unit_id,
                appeal.class_id,
                key=f"appeal-late:{appeal.id}",
                text=text,
                now=now,
                but=appeal.tutor_id,
            )
            await _queue(uow, cards, now, means)


async def watch_training(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Training tomorrow, retraining nearly or quite due, hours still missing in a first year."""
    if not DAY_FROM <= now.time() < DAY_UNTIL:
        return
    await _events(uow, now, means)
    await _retrainings(uow, now, means)
    await _hours(uow, now, means)


async def _events(uow: UnitOfWork, now: datetime, means: Means) -> None:
    tomorrow = now.date() + timedelta(days=1)
    for event in await uow.training.events(None, since=now):
        if event.starts_at.date() != tomorrow:
            continue
        units = None if event.unit_id is None else await uow.people.units_below(event.unit_id)
        text = words.training_soon(
            event.title, texts.instant(event.starts_at, now), event.place, event.id
        )
        for tutor in await uow.appraisal.appointed(now.date(), now.date(), unit_ids=units):
            key = f"training-soon:{event.id}"
            await _tell(uow, tutor, key, text, now, means)


async def _retrainings(uow: UnitOfWork, now: datetime, means: Means) -> None:
    for item in await uow.training.retrainings(is_open=True):
        is_over = item.due_at <= now
        if not is_over and item.due_at - now > SOON:
            continue
        tutors = await uow.appraisal.appointed(now.date(), now.date(), tutor_id=item.person_id)
        if not tutors:
            continue
        due = texts.instant(item.due_at, now)
        text = words.retraining_due(item.person_name, item.year, due, is_over=is_over)
        key = f"retraining-{'over' if is_over else 'soon'}:{item.id}"
        await _tell(uow, tutors[0], key, text, now, means)
        await _tell_supervisors(uow, tutors[0], f"{key}:unit", text, now, means)


async def _hours(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Once a month; not at all where the school does not keep its training here."""
    if not await uow.training.is_kept():
        return
    needed = in_force(await versions(uow), now.date()).formula.training_hours
    tutors = await uow.appraisal.appointed(now.date(), now.date())
    hours = await uow.training.hours()
    began = await uow.appraisal.first_appointments([it.person_id for it in tutors])
    missing: dict[int | None, list[Appointed]] = defaultdict(list)
    for tutor in tutors:
        total = hours.get(tutor.person_id, 0)
        if total < needed and is_first_appointment(began.get(tutor.person_id), now):
            missing[tutor.classes[0].unit_id].append(tutor)
    for unit_id, people in missing.items():
        for tutor in people:
            key = f"training-hours:{tutor.person_id}:{now:%Y%m}"
            own = hours.get(tutor.person_id)
            text = words.hours_missing(own if own is not None else words.NONE, needed)
            await _tell(uow, tutor, key, text, now, means)
        key = f"training-hours-unit:{unit_id}:{now:%Y%m}"
        text = words.hours_missing_of([it.name for it in people], needed)
        await _tell_supervisors(uow, people[0], key, text, now, means)


async def _tell(
    uow: UnitOfWork, tutor: Appointed, key: str, text: str, now: datetime, means: Means
) -> None:
    cards = await to_tutor(uow, tutor.person_id, tutor.classes[0].id, key=key, text=text, now=now)
    await _queue(uow, cards, now, means)


async def _tell_supervisors(
    uow: UnitOfWork, tutor: Appointed, key: str, text: str, now: datetime, means: Means
) -> None:
    room = tutor.classes[0]
    cards = await to_supervisors(
        uow, room.unit_id, room.id, key=key, text=text, now=now, but=tutor.person_id
    )
    await _queue(uow, cards, now, means)


async def _queue(uow: UnitOfWork, cards: Iterable[Outgoing], now: datetime, means: Means) -> None:
    """Each once, however often the clock looks."""
    wanted = list(cards)
    known = await uow.outbox.known([card.key for card in wanted])
    for card in wanted:
        if card.key not in known:
            signed = replace(card, text=texts.signed(means.settings.name, card.text))
            uow.outbox.add(signed, now=now)
