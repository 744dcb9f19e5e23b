"""What the clock notices of the roster: too many students a tutor, classes without a tutor."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from handlers import texts, texts_roster
from handlers.hand_offs import private_with
from schedules.means import Means
from storage.people import ClassRoom, Tutor
from storage.roster import ClassLine
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Outgoing

#: Article 5: 200 students a tutor; exactly 200 are within it.
LIMIT = 200
#: Nobody is woken for a figure.
DAYTIME = range(8, 21)


async def watch_ratios(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """One card a week to the supervisor of each tutor with more than 200 students (S5.1)."""
    if now.hour not in DAYTIME:
        return
    week = "{}W{:02}".format(*now.isocalendar()[:2])
    heavy = [one for one in await uow.roster.ratios(None, now) if one.students > LIMIT]
    if not heavy:
        return
    rooms = await _rooms(uow, [name for one in heavy for name in one.class_names[:1]], now)
    for one in heavy:
        room = rooms[one.class_names[0]]
        text = texts_roster.ratio_card(one.name, one.students, one.class_names, LIMIT)
        people = await _supervisors(uow, room.unit_id, now)
        await _tell(uow, f"ratio:{one.person_id}:{week}", people, room, text, now, means)


async def watch_vacancies(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """
    Classes and majors without a tutor: their supervisor hears of it within the day (S5.2).

    Said again when a further class loses its tutor, not while nothing has changed.
    """
    if now.hour not in DAYTIME:
        return
    by_unit: dict[int | None, list[ClassLine]] = defaultdict(list)
    for line in await uow.roster.class_lines(None, now):
        if not line.tutors:
            by_unit[line.unit_id].append(line)
    rooms = await _rooms(uow, [lines[0].name for lines in by_unit.values()], now)
    for unit_id, lines in by_unit.items():
        majors = await uow.roster.majors_without_tutor(None if unit_id is None else [unit_id], now)
        room = rooms[lines[0].name]
        text = texts_roster.vacancy_card([line.name for line in lines], list(majors))
        people = await _supervisors(uow, unit_id, now)
        await _tell(uow, f"vacant:{unit_id or 0}:{_newest(lines)}", people, room, text, now, means)


def _newest(lines: Iterable[ClassLine]) -> str:
    """Names the latest vacancy: the same until there is a later one."""
    ended = max((line.vacant_since for line in lines if line.vacant_since), default=None)
    never = max((line.id for line in lines if line.vacant_since is None), default=0)
    return f"{ended.timestamp() if ended else 0:.0f}:{never}"


async def _rooms(uow: UnitOfWork, names: Sequence[str], now: datetime) -> dict[str, ClassRoom]:
    found: dict[str, ClassRoom] = {}
    for name in dict.fromkeys(names):
        room = await uow.people.class_named(name, now)
        if room is not None:
            found[name] = room
    return found


async def _supervisors(uow: UnitOfWork, unit_id: int | None, now: datetime) -> Sequence[Tutor]:
    """Those of the unit; where it has none, of the units above it, at last the province's."""
    above: list[int | None] = list(await uow.people.units_above(unit_id)) if unit_id else []
    found = await uow.people.supervisors_of([*above, None], now)
    return next((found[unit] for unit in (*above, None) if found.get(unit)), ())


async def _tell(
    uow: UnitOfWork,
    key: str,
    people: Sequence[Tutor],
    room: ClassRoom,
    text: str,
    now: datetime,
    means: Means,
) -> None:
    if not room.groups:
        return
    near = room.groups[0].conversation
    places = {f"{key}:{one.person_id}": private_with(one, room, near) for one in people}
    known = await uow.outbox.known(list(places))
    for own_key, place in places.items():
        if place is not None and own_key not in known:
            signed = texts.signed(means.settings.name, text)
            uow.outbox.add(
                Outgoing(key=own_key, conversation=place, text=signed, is_push=True), now=now
            )
