"""Whose answer a class still waits for: who is in it, who has answered, who is to be heard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select, update

from storage.interactions import Kind
from storage.models.people import class_groups, classes, enrolments, identities, persons
from storage.models.record import interactions
from storage.models.tasks import completions, obligations, tasks
from storage.tasks import Completion, How, Task, TaskKind, TaskState
from storage.vocabulary import Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: `tasks.matter` of a receipt that is a list to put oneself on.
ROLL = "接龙"

#: A group by platform, bot account and id.
Place = tuple[Platform, str, str]


class Awaited(StrEnum):
    """What a group is listened to for."""

    RECEIPT = "receipt"  # 「收到」
    ROLL = "roll"  # 「+1」
    DONE = "done"  # 「已报名」


@dataclass(frozen=True, slots=True)
class Student:
    """Somebody on a class's roster; `is_bound`: an account of theirs is known."""

    person_id: int
    student_no: str
    name: str
    is_bound: bool


#: A database takes only so many parameters in one statement.
_CHUNK = 2000


class Receipts:
    """Questions about answers; what changes them is `uow.tasks.complete`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def awaited(
        self, class_ids: Collection[int] | None = None
    ) -> dict[Place, frozenset[Awaited]]:
        """The groups (of these classes) where an answer may come now, and which."""
        awaited = case(
            (tasks.c.kind != TaskKind.RECEIPT, Awaited.DONE.value),
            (tasks.c.matter == ROLL, Awaited.ROLL.value),
            else_=Awaited.RECEIPT.value,
        )
        armed = (
            select(tasks.c.class_id, awaited.label("awaited"))
            .where(tasks.c.state == TaskState.ARMED, tasks.c.kind != TaskKind.PERSONAL)
            .distinct()
        )
        if class_ids is not None:
            armed = armed.where(tasks.c.class_id.in_(class_ids))
        found_for = armed.subquery()
        statement = select(
            class_groups.c.platform,
            class_groups.c.account,
            class_groups.c.group_id,
            found_for.c.awaited,
        ).join(found_for, found_for.c.class_id == class_groups.c.class_id)
        found: dict[Place, set[Awaited]] = defaultdict(set)
        for platform, account, group_id, word in await self._uow.read(statement):
            found[(Platform(platform), account, group_id)].add(Awaited(word))
        return {place: frozenset(words) for place, words in found.items()}

    async def page(
        self,
        unit_ids: Collection[int] | None,
        *,
        words: str = "",
        is_armed: bool | None = True,
        limit: int,
        offset: int = 0,
        before: int | None = None,
    ) -> list[tuple[int, str]]:
        """
        Tasks of the classes of these units (None: of all), the newest first: number and class.

        `words` are any part of the class's or the task's name; `is_armed` None: over or not.
        """
        statement = (
            select(tasks.c.number, classes.c.name)
            .join(classes, classes.c.id == tasks.c.class_id)
            .where(tasks.c.kind != TaskKind.PERSONAL)
            .order_by(tasks.c.number.desc())
            .limit(limit)
            .offset(offset)
        )
        if is_armed is not None:
            is_same = tasks.c.state == TaskState.ARMED
            statement = statement.where(is_same if is_armed else ~is_same)
        if before is not None:
            statement = statement.where(tasks.c.number < before)
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        if words:
            statement = statement.where(
                or_(
                    classes.c.name.contains(words, autoescape=True),
                    tasks.c.title.contains(words, autoescape=True),
                )
            )
        return [(number, name) for number, name in await self._uow.read(statement)]

    async def class_of(self, number: int, unit_ids: Collection[int] | None) -> str | None:
        """The class of a task, where it is one of these units'."""
        statement = (
            select(classes.c.name)
            .join(tasks, tasks.c.class_id == classes.c.id)
            .where(tasks.c.number == number, tasks.c.kind != TaskKind.PERSONAL)
        )
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        name: str | None = (await self._uow.read(statement)).scalar()
        return name

    async def class_ids(self, unit_ids: Collection[int] | None) -> list[int] | None:
        """The classes of these units; None, which is all, for None."""
        if unit_ids is None:
            return None
        statement = select(classes.c.id).where(classes.c.unit_id.in_(unit_ids))
        return list((await self._uow.read(statement)).scalars())

    async def names_in(self, unit_ids: Collection[int] | None) -> dict[str, str]:
        """Student number → name, of everybody in the classes of these units."""
        statement = (
            select(persons.c.student_no, persons.c.name)
            .join(enrolments, enrolments.c.person_id == persons.c.id)
            .join(classes, classes.c.id == enrolments.c.class_id)
            .where(persons.c.student_no.is_not(None))
        )
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        return {row[0]: row[1] for row in await self._uow.read(statement)}

    async def sizes(self, class_ids: Collection[int]) -> dict[int, int]:
        """How many students each class has."""
        statement = (
            select(enrolments.c.class_id, func.count())
            .where(enrolments.c.class_id.in_(class_ids))
            .group_by(enrolments.c.class_id)
        )
        return {row[0]: row[1] for row in await self._uow.read(statement)}

    async def done_counts(self, numbers: Collection[int]) -> dict[int, int]:
        """How many of a task's class have done it."""
        statement = (
            select(completions.c.task, func.count())
            .join(tasks, tasks.c.number == completions.c.task)
            .join(
                enrolments,
                and_(
                    enrolments.c.class_id == tasks.c.class_id,
                    enrolments.c.person_id == completions.c.person_id,
                ),
            )
            .where(completions.c.task.in_(numbers), completions.c.is_done)
            .group_by(completions.c.task)
        )
        return {row[0]: row[1] for row in await self._uow.read(statement)}

    async def students(self, class_id: int) -> list[Student]:
        """Everybody on a class's roster, by number."""
        is_bound = select(identities.c.id).where(identities.c.person_id == persons.c.id).exists()
        statement = (
            select(persons.c.id, persons.c.student_no, persons.c.name, is_bound)
            .join(enrolments, enrolments.c.person_id == persons.c.id)
            .where(enrolments.c.class_id == class_id)
            .order_by(persons.c.student_no, persons.c.id)
        )
        return [
            Student(person_id, student_no or "", name, bool(bound))
            for person_id, student_no, name, bound in await self._uow.read(statement)
        ]

    async def enrolled(
        self, numbers: Collection[str]
    ) -> dict[str, tuple[Student, tuple[int, ...]]]:
        """By student number: who it is, and the ids of their classes."""
        found: dict[str, tuple[Student, tuple[int, ...]]] = {}
        for chunk in _chunks(sorted(set(numbers))):
            statement = (
                select(persons.c.id, persons.c.student_no, persons.c.name, enrolments.c.class_id)
                .outerjoin(enrolments, enrolments.c.person_id == persons.c.id)
                .where(persons.c.student_no.in_(chunk))
                .order_by(enrolments.c.id)
            )
            for person_id, number, name, class_id in await self._uow.read(statement):
                student, rooms = found.get(number, (Student(person_id, number, name, False), ()))
                found[number] = (student, rooms if class_id is None else (*rooms, class_id))
        return found

    async def still_owed(self, task: int) -> set[int]:
        """The persons to whom a reminder of this matter is on its way or held back."""
        await self._uow.flush_earlier()
        twins = await self._uow.tasks.twins([task])
        statement = (
            select(obligations.c.person_id)
            .where(
                obligations.c.task.in_([task, *twins.get(task, ())]),
                obligations.c.person_id.is_not(None),
                obligations.c.state.in_(("planned", "queued")),
            )
            .distinct()
        )
        return set((await self._uow.read(statement)).scalars())

    async def of_person(self, person_id: int, numbers: Collection[int]) -> dict[int, Completion]:
        """What is known about one person and some tasks, by number."""
        await self._uow.flush_earlier()
        statement = select(completions).where(
            completions.c.person_id == person_id, completions.c.task.in_(numbers)
        )
        return {
            row.task: Completion(
                row.task, row.person_id, row.is_done, How(row.how), row.source, row.by, row.at
            )
            for row in await self._uow.read(statement)
        }

    async def contradicted(self, numbers: Collection[int]) -> dict[tuple[int, int], datetime]:
        """By task and person, the day of the list that says they have not done it after all."""
        statement = select(completions.c.task, completions.c.person_id, completions.c.at).where(
            completions.c.task.in_(numbers), ~completions.c.is_done, completions.c.how == How.LIST
        )
        return {(row.task, row.person_id): row.at for row in await self._uow.read(statement)}

    async def unbound(self, task: Task) -> int:
        """How many accounts that belong to nobody we know have answered."""
        await self._uow.flush_earlier()
        speakers = (
            select(interactions.c.platform, interactions.c.speaker_id)
            .where(
                interactions.c.class_id == task.class_id,
                interactions.c.at >= task.made_at,
                interactions.c.task == task.number,
                interactions.c.kind == Kind.RECEIPT,
                interactions.c.person_id.is_(None),
            )
            .distinct()
            .subquery()
        )
        count = (await self._uow.read(select(func.count()).select_from(speakers))).scalar_one()
        return int(count)

    async def confirm(self, task: int, person_ids: Collection[int], how: How, source: str) -> None:
        """What was only said is known from a better source now."""
        await self._uow.write(
            update(completions)
            .where(
                completions.c.task == task,
                completions.c.person_id.in_(person_ids),
                completions.c.is_done,
                completions.c.how == How.SAID,
            )
            .values(how=how, source=source)
        )


def _chunks(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
