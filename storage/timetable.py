"""The timetable (课表): lessons of each class, who has registered for which course, and feeds."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Row, bindparam, delete, insert, or_, select, update

from storage import queue
from storage.models.people import classes, persons
from storage.models.queues import outbox
from storage.models.students import course_registrations, feeds, lessons
from storage.outbox import decode

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A database takes only so many parameters in one statement.
_CHUNK = 2000
#: How the messages are known that tell somebody the address of their feed.
FEED_KEY, FEED_KEY_END = "feed:", "feed;"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson of one class; empty `teacher` or `place`: not said."""

    class_name: str
    course: str
    starts_at: datetime
    ends_at: datetime
    teacher: str = ""
    place: str = ""
    note: str = ""
    id: int = 0
    class_id: int = 0


@dataclass(slots=True)
class NewVersion:
    """
    What a new timetable changes for one class, in order of time.

    `is_first`: the class had none before. `changed` are pairs: as it was, as it is.
    """

    class_id: int
    class_name: str
    is_first: bool
    added: list[Lesson] = field(default_factory=list)
    removed: list[Lesson] = field(default_factory=list)
    changed: list[tuple[Lesson, Lesson]] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class Timetable:
    """Lessons and course registrations."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- reading ----------------------------------------------------------------------------------

    async def lessons(
        self, class_ids: Collection[int], since: datetime, until: datetime, limit: int = 500
    ) -> list[Lesson]:
        """Lessons of these classes that end after `since` and begin before `until`."""
        statement = (
            select(lessons, classes.c.name.label("class_name"))
            .join(classes, classes.c.id == lessons.c.class_id)
            .where(
                lessons.c.class_id.in_(list(class_ids)),
                lessons.c.ends_at > since,
                lessons.c.starts_at < until,
            )
            .order_by(lessons.c.starts_at, lessons.c.id)
            .limit(limit)
        )
        return [_lesson(row) for row in await self._uow.read(statement)]

    async def has_any(self, class_ids: Collection[int]) -> bool:
        """Whether any of these classes has a timetable."""
        statement = select(lessons.c.id).where(lessons.c.class_id.in_(list(class_ids))).limit(1)
        return (await self._uow.read(statement)).first() is not None

    async def courses_of(self, person_id: int) -> set[str]:
        """The courses a student has registered for; empty where the school has not said."""
        statement = select(course_registrations.c.course).where(
            course_registrations.c.person_id == person_id
        )
        return set((await self._uow.read(statement)).scalars())

    # -- importing --------------------------------------------------------------------------------

    async def put(self, rows: Sequence[Lesson], now: datetime) -> list[NewVersion]:
        """
        A new timetable for every class in `rows`: what is still to come is as it says.

        Lessons that have begun stay. Importing the same again changes nothing.
        """
        names = sorted({row.class_name for row in rows})
        ids = {
            row.name: row.id
            for row in await self._uow.read(
                select(classes.c.id, classes.c.name).where(classes.c.name.in_(names))
            )
        }
        old: dict[str, dict[tuple[str, datetime], Lesson]] = defaultdict(dict)
        for row in await self._uow.read(
            select(lessons, classes.c.name.label("class_name"))
            .join(classes, classes.c.id == lessons.c.class_id)
            .where(classes.c.name.in_(names))
        ):
            known = _lesson(row)
            old[known.class_name][known.course, known.starts_at] = known
        wanted: dict[str, list[Lesson]] = defaultdict(list)
        for lesson in rows:
            wanted[lesson.class_name].append(lesson)
        versions = [_compared(ids[name], name, wanted[name], old[name], now) for name in names]
        await self._write(versions)
        return versions

    async def _write(self, versions: Sequence[NewVersion]) -> None:
        gone = [it.id for one in versions for it in one.removed]
        for start in range(0, len(gone), _CHUNK):
            chunk = gone[start : start + _CHUNK]
            await self._uow.write(delete(lessons).where(lessons.c.id.in_(chunk)))
        changed = [
            {"its_id": before.id, **_values(after)}
            for one in versions
            for before, after in one.changed
        ]
        if changed:
            await self._uow.write(
                update(lessons).where(lessons.c.id == bindparam("its_id")), changed
            )
        new = [
            {"class_id": one.class_id, **_values(lesson)}
            for one in versions
            for lesson in one.added
        ]
        if new:
            await self._uow.write(insert(lessons), new)

    async def put_courses(
        self, rows: Sequence[tuple[str, str]]
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """
        What each student number in `rows` has registered for, and nothing else: added, removed.
        """
        numbers = sorted({number for number, _ in rows})
        ids: dict[str, int] = {}
        known: set[tuple[str, str]] = set()
        for start in range(0, len(numbers), _CHUNK):
            chunk = numbers[start : start + _CHUNK]
            statement = (
                select(persons.c.id, persons.c.student_no, course_registrations.c.course)
                .outerjoin(course_registrations, course_registrations.c.person_id == persons.c.id)
                .where(persons.c.student_no.in_(chunk))
            )
            for person_id, number, course in await self._uow.read(statement):
                ids[number] = person_id
                if course is not None:
                    known.add((number, course))
        wanted = set(rows)
        added, removed = sorted(wanted - known), sorted(known - wanted)
        if added:
            await self._uow.write(
                insert(course_registrations),
                [{"person_id": ids[number], "course": course} for number, course in added],
            )
        for number, course in removed:
            await self._uow.write(
                delete(course_registrations).where(
                    course_registrations.c.person_id == ids[number],
                    course_registrations.c.course == course,
                )
            )
        return added, removed

    async def student_numbers(self) -> set[str]:
        """Every student there is."""
        statement = select(persons.c.student_no).where(persons.c.student_no.is_not(None))
        return set((await self._uow.read(statement)).scalars())

    # -- feeds ------------------------------------------------------------------------------------

    async def put_feed(self, person_id: int, token_hash: str, now: datetime) -> None:
        """The one address of somebody's calendar feed; an older one ends."""
        await self.end_feed(person_id)
        await self._uow.write(
            insert(feeds).values(token_hash=token_hash, person_id=person_id, made_at=now)
        )

    async def end_feed(self, person_id: int) -> bool:
        """Nobody can read it any more; whether there was one."""
        gone = await self._uow.write(delete(feeds).where(feeds.c.person_id == person_id))
        return gone.rowcount > 0

    async def forget_links(self) -> None:
        """What has told somebody their address has been sent: nobody can read it there any more."""
        settled = or_(outbox.c.state == queue.DONE, outbox.c.state == queue.DEAD)
        rows = await self._uow.read(
            select(outbox).where(
                outbox.c.key >= FEED_KEY, outbox.c.key < FEED_KEY_END, settled, _holds_link()
            )
        )
        for row in rows.all():
            told = replace(decode(row), text="")
            await self._uow.write(
                update(outbox)
                .where(outbox.c.key == row.key)
                .values(payload=msgspec.json.encode(told).decode())
            )

    async def owner_of_feed(self, token_hash: str) -> int | None:
        """The person whose feed it is."""
        statement = select(feeds.c.person_id).where(feeds.c.token_hash == token_hash)
        person_id: int | None = (await self._uow.read(statement)).scalar()
        return person_id


def _holds_link() -> ColumnElement[bool]:
    return outbox.c.payload.contains("/feed/")


def _compared(
    class_id: int,
    name: str,
    rows: Sequence[Lesson],
    old: dict[tuple[str, datetime], Lesson],
    now: datetime,
) -> NewVersion:
    version = NewVersion(class_id, name, is_first=not old)
    wanted = {(row.course, row.starts_at): row for row in rows}
    for key, row in sorted(wanted.items(), key=lambda item: item[0][::-1]):
        before = old.get(key)
        if before is None:
            version.added.append(row)
        elif _said(before) != _said(row):
            version.changed.append((before, row))
    gone = [it for key, it in old.items() if key not in wanted and it.starts_at > now]
    version.removed = sorted(gone, key=lambda it: it.starts_at)
    _pair_moved(version)
    return version


def _pair_moved(version: NewVersion) -> None:
    """One that goes and one of the same course that comes are a lesson that was moved."""
    coming: dict[str, deque[Lesson]] = defaultdict(deque)
    for lesson in version.added:
        coming[lesson.course].append(lesson)
    gone: list[Lesson] = []
    for before in version.removed:
        if coming[before.course]:
            version.changed.append((before, coming[before.course].popleft()))
        else:
            gone.append(before)
    version.removed = gone
    version.added = sorted(
        (it for left in coming.values() for it in left), key=lambda it: (it.starts_at, it.course)
    )
    version.changed.sort(key=lambda pair: pair[0].starts_at)


def _said(lesson: Lesson) -> Lesson:
    return replace(lesson, id=0, class_id=0)


def _values(lesson: Lesson) -> dict[str, object]:
    return {
        "course": lesson.course,
        "teacher": lesson.teacher,
        "place": lesson.place,
        "starts_at": lesson.starts_at,
        "ends_at": lesson.ends_at,
        "note": lesson.note,
    }


def _lesson(row: Row[*tuple[Any, ...]]) -> Lesson:
    return Lesson(
        class_name=row.class_name,
        course=row.course,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        teacher=row.teacher,
        place=row.place,
        note=row.note,
        id=row.id,
        class_id=row.class_id,
    )
