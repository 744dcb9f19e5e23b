"""What happens to a hand-off between its first word and its last: owner, clocks, history, marks.

Every change is one guarded `UPDATE`, so that of two who act at once one wins and the other is
told; and leaves a step, which is never changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, literal, or_, select, update

from storage.models.hand_offs import contacts, hand_off_steps, hand_offs, ratings
from storage.models.people import classes, identities, persons, units
from storage.models.record import interactions
from storage.people import tutors_in_office
from storage.questions import HandOff, Level, SolvedBy, State, Verdict, hand_off_of
from storage.vocabulary import Action, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

CLOCK = "clock"


class StepKind(StrEnum):
    """What was done to a hand-off."""

    ADDED = "added"  # the asker added to it
    UPDATED = "updated"  # a person told the asker how it stands
    ANSWERED = "answered"
    PASSED_ON = "passed_on"  # to a department
    GIVEN_BACK = "given_back"
    WARNED = "warned"
    ESCALATED = "escalated"
    EXTENDED = "extended"
    REOPENED = "reopened"
    RATED = "rated"
    LINKED = "linked"
    HEARING = "hearing"  # the tutor may see it from now on, and speak
    HEARD = "heard"
    VERDICT = "verdict"
    FOLLOWED = "followed"  # after it was closed, a supervisor asked how it is: 回访


class FollowUp(StrEnum):
    """What came of a 回访."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done; `actor` is `person:7`, `supervisor:zhao` or `clock`."""

    number: int
    at: datetime
    kind: StepKind
    actor: str
    text: str = ""
    event_id: int | None = None

    @property
    def follow_up(self) -> tuple[FollowUp, str]:
        """Of a `FOLLOWED`: what came of it, and in the supervisor's words."""
        outcome, _, words = self.text.partition("\n")
        return FollowUp(outcome), words


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody of a department to whom hand-offs are passed on; `unit_id` None: the province's."""

    id: int
    name: str
    unit_id: int | None
    person_id: int
    person_name: str
    accounts: tuple[tuple[Platform, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A hand-off with the names of its class and of the unit that class belongs to."""

    item: HandOff
    class_name: str
    unit_id: int | None
    unit_name: str


#: Whose answers somebody asks about again.
_PEOPLE = (SolvedBy.TUTOR, SolvedBy.SUPERVISOR, SolvedBy.DEPARTMENT)
#: A desk shows what is newest of so much; more waits nowhere.
MOST = 5000


class Cases:
    """The life of a hand-off."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- history ----------------------------------------------------------------------------------

    def note(self, step: Step) -> None:
        """Add to the history."""
        self._uow.add(
            hand_off_steps,
            {
                "hand_off": step.number,
                "at": step.at,
                "kind": step.kind,
                "actor": step.actor,
                "text": step.text,
                "event_id": step.event_id,
            },
        )

    async def steps(self, number: int) -> list[Step]:
        """Everything done to T-`number`, oldest first."""
        statement = (
            select(hand_off_steps)
            .where(hand_off_steps.c.hand_off == number)
            .order_by(hand_off_steps.c.id)
        )
        return [
            Step(row.hand_off, row.at, StepKind(row.kind), row.actor, row.text, row.event_id)
            for row in await self._uow.read(statement)
        ]

    # -- for supervisors ---------------------------------------------------------------------------

    async def waiting(self, unit_ids: Collection[int] | None) -> list[Case]:
        """What waits for a person in these units (None: in all), what moved up last first."""
        statement = (
            _with_names()
            .where(hand_offs.c.closed_at.is_(None), hand_offs.c.state == State.WAITING)
            .order_by(
                func.coalesce(hand_offs.c.level_since, hand_offs.c.asked_at).desc(),
                hand_offs.c.number.desc(),
            )
            .limit(MOST)
        )
        return await self._cases(statement, unit_ids)

    async def history(
        self,
        unit_ids: Collection[int] | None,
        *,
        since: datetime | None,
        until: datetime | None,
        before: int | None,
        limit: int,
    ) -> list[Case]:
        """What waited or was settled, of these units, asked between the two, the newest first."""
        statement = _with_names().where(hand_offs.c.state != State.WATCHED)
        if since is not None:
            statement = statement.where(hand_offs.c.asked_at >= since)
        if until is not None:
            statement = statement.where(hand_offs.c.asked_at < until)
        if before is not None:
            statement = statement.where(hand_offs.c.number < before)
        statement = statement.order_by(hand_offs.c.number.desc()).limit(limit)
        return await self._cases(statement, unit_ids)

    async def closed_in(
        self, since: datetime, until: datetime, unit_ids: Collection[int] | None
    ) -> list[Case]:
        """What people of these units closed in the span and is closed still, by number."""
        statement = (
            _with_names()
            .where(
                hand_offs.c.closed_at >= since,
                hand_offs.c.closed_at < until,
                hand_offs.c.state == State.CLOSED,
                hand_offs.c.solved_by.in_(_PEOPLE),
            )
            .order_by(hand_offs.c.number)
        )
        return await self._cases(statement, unit_ids)

    async def followed(self, numbers: Collection[int]) -> dict[int, Step]:
        """By number, the last 回访 of each that has one."""
        statement = (
            select(hand_off_steps)
            .where(
                hand_off_steps.c.hand_off.in_(numbers),
                hand_off_steps.c.kind == StepKind.FOLLOWED,
            )
            .order_by(hand_off_steps.c.id)
        )
        return {
            row.hand_off: Step(row.hand_off, row.at, StepKind.FOLLOWED, row.actor, row.text)
            for row in await self._uow.read(statement)
        }

    async def case(self, number: int, unit_ids: Collection[int] | None) -> Case | None:
        """T-`number`, if it is one of these units' (None: anybody's)."""
        found = await self._cases(_with_names().where(hand_offs.c.number == number), unit_ids)
        return found[0] if found else None

    async def linked(self, item: HandOff, unit_ids: Collection[int] | None) -> list[Case]:
        """The other hand-offs about the same matter, the oldest first."""
        root = item.duplicate_of or item.number
        same = or_(hand_offs.c.number == root, hand_offs.c.duplicate_of == root)
        statement = _with_names().where(same, hand_offs.c.number != item.number)
        return await self._cases(statement.order_by(hand_offs.c.number), unit_ids)

    async def found_true(
        self, tutor_id: int, since: datetime, until: datetime
    ) -> list[tuple[HandOff, list[Step]]]:
        """
        The complaints about a tutor that were found true, wholly or in part, with their history.

        The only ones that count in an appraisal and stand in a dossier (articles 18 and 19). What
        the tutor said after the verdict is their appeal: a `HEARD` later than the `VERDICT`.
        """
        about = select(interactions.c.hand_off).where(
            interactions.c.tutor_id == tutor_id,
            interactions.c.at >= since,
            interactions.c.at < until,
            interactions.c.is_about_tutor,
            interactions.c.action.in_([Action.FOUND_TRUE, Action.FOUND_PARTLY]),
        )
        statement = (
            select(hand_offs)
            .where(
                hand_offs.c.number.in_(about),
                hand_offs.c.verdict.in_([Verdict.TRUE, Verdict.PARTLY]),
            )
            .order_by(hand_offs.c.number)
        )
        found = [hand_off_of(row) for row in await self._uow.read(statement)]
        return [(item, await self.steps(item.number)) for item in found]

    async def _cases(
        self, statement: Select[*tuple[Any, ...]], unit_ids: Collection[int] | None
    ) -> list[Case]:
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        return [
            Case(hand_off_of(row), row.class_name, row.unit_id, row.unit_name or "")
            for row in await self._uow.read(statement)
        ]

    # -- owner ------------------------------------------------------------------------------------

    async def escalate(self, item: HandOff, level: Level, now: datetime) -> bool:
        """It is `level`'s from now on and their clock begins; False where it had moved already."""
        return await self._change(
            item.number,
            hand_offs.c.level == item.level,
            level=level,
            level_since=now,
            alarm=0,
            contact_id=None,
            contact_since=None,
        )

    async def pass_on(self, item: HandOff, contact_id: int, now: datetime) -> bool:
        """A department has it; whoever passed it on still answers for it."""
        return await self._change(
            item.number,
            or_(hand_offs.c.contact_id.is_(None), hand_offs.c.contact_id != contact_id),
            contact_id=contact_id,
            contact_since=now,
        )

    async def passed_on(self) -> list[HandOff]:
        """Everything a department has and has not answered."""
        statement = (
            select(hand_offs)
            .where(hand_offs.c.closed_at.is_(None), hand_offs.c.contact_id.is_not(None))
            .order_by(hand_offs.c.contact_since, hand_offs.c.number)
        )
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    async def passed_on_to(self, person_id: int) -> list[HandOff]:
        """What this person has been passed and has not answered."""
        statement = (
            select(hand_offs)
            .join(contacts, contacts.c.id == hand_offs.c.contact_id)
            .where(hand_offs.c.closed_at.is_(None), contacts.c.person_id == person_id)
            .order_by(hand_offs.c.contact_since, hand_offs.c.number)
        )
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    async def give_back(self, item: HandOff) -> bool:
        """The department did not answer: it is with its owner alone again."""
        return await self._change(
            item.number,
            hand_offs.c.contact_id.is_not(None),
            hand_offs.c.contact_id == item.contact_id,
            contact_id=None,
            contact_since=None,
        )

    async def without_tutor(self, now: datetime) -> list[HandOff]:
        """Open hand-offs that would be a tutor's, of classes that have none in office `now`."""
        statement = select(hand_offs).where(
            hand_offs.c.closed_at.is_(None),
            hand_offs.c.level == Level.TUTOR,
            ~tutors_in_office(hand_offs.c.class_id, now),
        )
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    async def ownerless(self, now: datetime) -> int:
        """How many open hand-offs are nobody's: a tutor's, where none is in office."""
        return len(await self.without_tutor(now))

    async def waiting_above(self, unit_ids: Collection[int | None]) -> list[HandOff]:
        """What waits for the supervisors of these units; None among them is the province."""
        units = [unit for unit in unit_ids if unit is not None]
        theirs = and_(
            hand_offs.c.level == Level.UNIT,
            hand_offs.c.class_id.in_(select(classes.c.id).where(classes.c.unit_id.in_(units))),
        )
        if None in unit_ids:
            no_unit = hand_offs.c.class_id.in_(
                select(classes.c.id).where(classes.c.unit_id.is_(None))
            )
            theirs = or_(
                theirs,
                hand_offs.c.level == Level.PROVINCE,
                and_(hand_offs.c.level == Level.UNIT, no_unit),
            )
        statement = (
            select(hand_offs)
            .where(hand_offs.c.closed_at.is_(None), hand_offs.c.state == State.WAITING, theirs)
            .order_by(hand_offs.c.asked_at, hand_offs.c.number)
        )
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    # -- clocks -----------------------------------------------------------------------------------

    async def running(self) -> list[HandOff]:
        """Everything that waits for a person now, the oldest first."""
        statement = (
            select(hand_offs)
            .where(hand_offs.c.closed_at.is_(None), hand_offs.c.state == State.WAITING)
            .order_by(hand_offs.c.asked_at, hand_offs.c.number)
        )
        return [hand_off_of(row) for row in await self._uow.read(statement)]

    async def set_alarm(self, item: HandOff, percent: int) -> bool:
        """Somebody has been warned that so much of the clock is used; False if already."""
        return await self._change(item.number, hand_offs.c.alarm < percent, alarm=percent)

    async def update_told(self, item: HandOff, at: datetime) -> bool:
        """A person has told the asker how it stands, without closing it."""
        return await self._change(
            item.number,
            # Without its type the instant would be stored as if it were UTC.
            first_replied_at=func.coalesce(
                hand_offs.c.first_replied_at, literal(at, hand_offs.c.first_replied_at.type)
            ),
            updated_at=at,
            alarm=0,
        )

    async def extend(self, item: HandOff, at: datetime) -> bool:
        """More time for the solution, once; False where it was extended before."""
        return await self._change(
            item.number, hand_offs.c.extended_at.is_(None), extended_at=at, alarm=0
        )

    # -- the end, and what comes after -------------------------------------------------------------

    async def reopen(self, item: HandOff, level: Level, now: datetime) -> bool:
        """It was not solved: open again, `level`'s, with new clocks."""
        result = await self._uow.write(
            update(hand_offs)
            .where(
                hand_offs.c.number == item.number,
                hand_offs.c.closed_at.is_not(None),
                hand_offs.c.reopened == item.reopened,
            )
            .values(
                state=State.WAITING,
                closed_at=None,
                closed_by=None,
                solved_by=None,
                level=level,
                level_since=now,
                first_replied_at=None,
                updated_at=None,
                extended_at=None,
                contact_id=None,
                contact_since=None,
                alarm=0,
                reopened=hand_offs.c.reopened + 1,
            )
        )
        return result.rowcount == 1

    async def rate(self, item: HandOff, mark: int, at: datetime) -> bool:
        """The asker's mark, 1 to 5, for this closure; False where it has one."""
        statement = select(ratings.c.id).where(
            ratings.c.hand_off == item.number, ratings.c.closure == item.reopened
        )
        if (await self._uow.read(statement)).first() is not None:
            return False
        await self._uow.write(
            insert(ratings).values(hand_off=item.number, closure=item.reopened, at=at, mark=mark)
        )
        return True

    async def marks(self, number: int) -> list[int]:
        """The marks of every closure, in order."""
        statement = (
            select(ratings.c.mark).where(ratings.c.hand_off == number).order_by(ratings.c.closure)
        )
        return [mark for (mark,) in await self._uow.read(statement)]

    async def link(self, item: HandOff, of: int) -> bool:
        """The same matter as T-`of`: both stay, each gets its own answer."""
        return await self._change_any(item.number, hand_offs.c.number != of, duplicate_of=of)

    async def open_hearing(self, item: HandOff, now: datetime) -> bool:
        """The tutor complained about may see it from now on."""
        return await self._change_any(
            item.number, hand_offs.c.hearing_since.is_(None), hearing_since=now
        )

    async def decide(
        self, item: HandOff, verdict: Verdict, *, reason: str, by: str, at: datetime
    ) -> bool:
        """A supervisor's verdict, once."""
        return await self._change_any(
            item.number,
            hand_offs.c.verdict.is_(None),
            verdict=verdict,
            verdict_reason=reason,
            verdict_by=by,
            verdict_at=at,
        )

    # -- departments -------------------------------------------------------------------------------

    async def contacts(self, unit_ids: Collection[int | None]) -> list[Contact]:
        """Whom the classes of these units may pass on to; None among them is the province's."""
        units = [unit for unit in unit_ids if unit is not None]
        return await self._contacts(
            or_(contacts.c.unit_id.is_(None), contacts.c.unit_id.in_(units))
        )

    async def contact(self, contact_id: int) -> Contact | None:
        """One of them."""
        found = await self._contacts(contacts.c.id == contact_id)
        return found[0] if found else None

    async def is_contact(self, person_id: int) -> bool:
        """Whether this person is any department's contact."""
        statement = select(contacts.c.id).where(contacts.c.person_id == person_id).limit(1)
        return (await self._uow.read(statement)).first() is not None

    async def _contacts(self, wanted: ColumnElement[bool]) -> list[Contact]:
        statement = (
            select(contacts, persons.c.name.label("person_name"))
            .join(persons, persons.c.id == contacts.c.person_id)
            .where(wanted)
            .order_by(contacts.c.id)
        )
        rows = (await self._uow.read(statement)).all()
        accounts: dict[int, list[tuple[Platform, str]]] = defaultdict(list)
        known = select(identities).where(
            identities.c.person_id.in_({row.person_id for row in rows})
        )
        for row in await self._uow.read(known.order_by(identities.c.id)):
            accounts[row.person_id].append((Platform(row.platform), row.user_id))
        return [
            Contact(
                row.id,
                row.name,
                row.unit_id,
                row.person_id,
                row.person_name,
                tuple(accounts[row.person_id]),
            )
            for row in rows
        ]

    async def put_contact(self, name: str, unit_id: int | None, person_id: int) -> bool:
        """A department's contact; False where it was known."""
        same_unit = (
            contacts.c.unit_id.is_(None) if unit_id is None else contacts.c.unit_id == unit_id
        )
        known = select(contacts.c.id).where(
            contacts.c.name == name, same_unit, contacts.c.person_id == person_id
        )
        if (await self._uow.read(known)).first() is not None:
            return False
        await self._uow.write(
            insert(contacts).values(name=name, unit_id=unit_id, person_id=person_id)
        )
        return True

    async def _change(self, number: int, *only: ColumnElement[bool], **values: Any) -> bool:
        """Change an open one; False where `only` no longer holds."""
        return await self._change_any(number, hand_offs.c.closed_at.is_(None), *only, **values)

    async def _change_any(self, number: int, *only: ColumnElement[bool], **values: Any) -> bool:
        result = await self._uow.write(
            update(hand_offs).where(hand_offs.c.number == number, *only).values(**values)
        )
        return result.rowcount == 1


def _with_names() -> Select[*tuple[Any, ...]]:
    return (
        select(
            hand_offs,
            classes.c.name.label("class_name"),
            classes.c.unit_id,
            units.c.name.label("unit_name"),
        )
        .join(classes, classes.c.id == hand_offs.c.class_id)
        .outerjoin(units, units.c.id == classes.c.unit_id)
    )
