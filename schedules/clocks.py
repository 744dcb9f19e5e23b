"""The clocks of what waits: warnings at half and at four fifths, and at the end up the ladder.

Each pass reads everything that waits and the blind windows, in two questions; a warning is given
once because the hand-off remembers how far its clock had gone (`alarm`), in the same transaction
as the card.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from handlers import texts, texts_hand_offs
from handlers.care import unattended_distress
from handlers.clocks import Due, due_of, next_level
from handlers.hand_offs import owners_of, private_with
from handlers.transfers import give_back_late
from schedules.means import Means
from storage.cases import CLOCK, Step, StepKind
from storage.lines import Account, Span
from storage.people import ClassRoom, Tutor
from storage.questions import HandOff, Level
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Outgoing

#: The tutor hears of a silence this much working time before the supervisor does (S19.3).
SILENCE_WARNING = timedelta(hours=4)
SILENCE_DAYS = 2


@dataclass(slots=True)
class _Cards:
    """What is to be said to whom; one message a person and pass, however many items."""

    lines: dict[int, list[tuple[HandOff, str]]] = field(default_factory=lambda: defaultdict(list))
    people: dict[int, tuple[Tutor, ClassRoom]] = field(default_factory=dict)

    def add(self, people: Iterable[Tutor], room: ClassRoom, item: HandOff, line: str) -> None:
        for person in people:
            self.people.setdefault(person.person_id, (person, room))
            self.lines[person.person_id].append((item, line))

    def queue(self, uow: UnitOfWork, now: datetime, means: Means) -> None:
        for person_id, lines in self.lines.items():
            person, room = self.people[person_id]
            first = lines[0][0]
            place = private_with(person, room, first.conversation)
            if place is None:
                continue
            text = texts_hand_offs.clock_card([line for _, line in lines])
            about = first.number if len(lines) == 1 else None
            key = f"clock:{person_id}:{first.number}:{now:%Y%m%d%H%M%S}"
            message = Outgoing(
                key=key,
                conversation=place,
                text=texts.signed(means.settings.name, text),
                about=about,
            )
            uow.outbox.add(message, now=now)


async def watch(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Warn whoever has it when a clock is half or four fifths over; at the end it moves up."""
    items = await uow.cases.running()
    if not items:
        return
    blind = await _blind(uow, items, now)
    late: list[tuple[HandOff, Due]] = []
    for item in items:
        due = due_of(item, means.working, now, blind.get(item.account, ()))
        if due.stage > item.alarm:
            late.append((item, due))
    if not late:
        return
    rooms = await uow.people.classes({item.class_id for item, _ in late}, now)
    cards = _Cards()
    for item, due in late:
        room = rooms[item.class_id]
        level = next_level(item.level) if due.stage >= 100 else None
        if level is not None:
            if await uow.cases.escalate(item, level, now):
                _note(uow, item, now, StepKind.ESCALATED, f"{item.level} → {level} {due.clock}")
                line = texts_hand_offs.clock_line(
                    item.number, room.name, due.clock, 100, due.at, now
                )
                line += "已转上一级。"
                # Whoever had it is told that it has gone up; whoever has it now, that it came.
                cards.add(await _owners(uow, item, item.level, room, now), room, item, line)
                came = texts_hand_offs.escalated_line(
                    item.number, room.name, item.category, due.clock
                )
                cards.add(await _owners(uow, item, level, room, now), room, item, came)
        elif await uow.cases.set_alarm(item, due.stage):
            _note(uow, item, now, StepKind.WARNED, f"{due.stage}% {due.clock}")
            line = texts_hand_offs.clock_line(
                item.number, room.name, due.clock, due.stage, due.at, now
            )
            cards.add(await _owners(uow, item, item.level, room, now), room, item, line)
    cards.queue(uow, now, means)


async def adopt(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """What would be a tutor's in a class that has none is the unit's: nothing without an owner."""
    items = await uow.cases.without_tutor(now)
    rooms = await uow.people.classes({item.class_id for item in items}, now)
    cards = _Cards()
    for item in items:
        if await uow.cases.escalate(item, Level.UNIT, now):
            room = rooms[item.class_id]
            _note(uow, item, now, StepKind.ESCALATED, "班级没有助学教师")
            line = texts_hand_offs.adopted_line(item.number, room.name)
            cards.add(await _owners(uow, item, Level.UNIT, room, now), room, item, line)
    cards.queue(uow, now, means)


async def notice_silence(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """
    A tutor who has answered nobody for two working days while students wait (article 19).

    Their supervisor gets a card; they themselves one four working hours before. Once a silence.
    """
    allowance = SILENCE_DAYS * means.working.settings.day
    waiting: dict[int, list[HandOff]] = defaultdict(list)
    items = [item for item in await uow.cases.running() if item.level is Level.TUTOR]
    rooms = await uow.people.classes({item.class_id for item in items}, now)
    for item in items:
        for tutor in rooms[item.class_id].on_duty:
            waiting[tutor.person_id].append(item)
    if not waiting:
        return
    replied = await uow.reports.last_replies(waiting)
    blind = await _blind(uow, items, now)
    for person_id, own in waiting.items():
        oldest = own[0]
        since = max(oldest.asked_at, replied.get(person_id, oldest.asked_at))
        silent = means.working.working_seconds(since, now, blind.get(oldest.account, ()))
        room = rooms[oldest.class_id]
        tutor = next(one for one in room.on_duty if one.person_id == person_id)
        if silent >= allowance.total_seconds():
            await uow.appraisal.fell_silent(person_id, since, now)
            people = await _owners(uow, oldest, Level.UNIT, room, now)
            text = texts_hand_offs.silence_card(tutor.name, len(own), since, now)
            await _once(
                uow,
                f"silence:{person_id}:{since:%Y%m%d%H%M%S}",
                people,
                room,
                oldest,
                text,
                now,
                means,
            )
        elif silent >= (allowance - SILENCE_WARNING).total_seconds():
            text = texts_hand_offs.silence_warning(len(own), since, now)
            key = f"silence-soon:{person_id}:{since:%Y%m%d%H%M%S}"
            await _once(uow, key, [tutor], room, oldest, text, now, means)


async def give_back(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """A department that has not answered in time: whoever passed it on has it alone again."""
    _queue(uow, await give_back_late(uow, now, means.working), now, means)


async def watch_distress(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Somebody in distress whom no tutor has taken on: the supervisors hear of it."""
    _queue(uow, await unattended_distress(uow, now), now, means)


async def _owners(
    uow: UnitOfWork, item: HandOff, level: Level, room: ClassRoom, now: datetime
) -> Sequence[Tutor]:
    """Whose a hand-off is at that level, as far as they can be written to."""
    return await owners_of(uow, replace(item, level=level), room, now)


def _queue(uow: UnitOfWork, cards: Iterable[Outgoing], now: datetime, means: Means) -> None:
    for card in cards:
        signed = replace(card, text=texts.signed(means.settings.name, card.text))
        uow.outbox.add(signed, now=now)


async def _once(
    uow: UnitOfWork,
    key: str,
    people: Sequence[Tutor],
    room: ClassRoom,
    item: HandOff,
    text: str,
    now: datetime,
    means: Means,
) -> None:
    places = [(person, private_with(person, room, item.conversation)) for person in people]
    keys = [f"{key}:{person.person_id}" for person, _ in places]
    known = await uow.outbox.known(keys)
    for own_key, (_, place) in zip(keys, places, strict=True):
        if place is not None and own_key not in known:
            signed = texts.signed(means.settings.name, text)
            uow.outbox.add(Outgoing(key=own_key, conversation=place, text=signed), now=now)


async def _blind(
    uow: UnitOfWork, items: Sequence[HandOff], now: datetime
) -> dict[Account, Sequence[Span]]:
    since = min(item.asked_at for item in items)
    return dict(await uow.lines.blind({item.account for item in items}, since, now))


def _note(uow: UnitOfWork, item: HandOff, now: datetime, kind: StepKind, text: str) -> None:
    uow.cases.note(Step(item.number, now, kind, CLOCK, text))
