"""What the school knows about its students, whose accounts are whose, and how many a tutor has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Table,
    bindparam,
    delete,
    distinct,
    exists,
    func,
    insert,
    select,
    update,
)

from storage.models.people import (
    binding_codes,
    class_groups,
    classes,
    duties,
    enrolments,
    group_members,
    identities,
    persons,
    units,
)
from storage.models.students import student_facts, student_files
from storage.people import in_force
from storage.vocabulary import Platform, Role

if TYPE_CHECKING:
    from storage.imports import Changes
    from storage.unit_of_work import UnitOfWork

Item = TypeVar("Item")
#: A database takes only so many parameters in one statement.
_CHUNK = 2000
#: What a student's file holds, and what each is called.
FILE_NAMES = {"major": "专业", "level": "层次", "grade": "年级", "phone": "手机"}


@dataclass(frozen=True, slots=True)
class FileRow:
    """What a school's table says of a student; "" where it says nothing."""

    student_no: str
    major: str = ""
    level: str = ""
    grade: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class FactRow:
    """
    One fact about a student, `slot` as an answer calls it: 「个人:成绩」.

    `is_dated` where the table itself says the day; else the file's own stands in for it.
    """

    student_no: str
    slot: str
    value: str
    as_of: datetime
    source: str
    is_dated: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a student, as of when, and which list says so."""

    slot: str
    value: str
    as_of: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Student:
    """A student of a class with what the school has told; "" is unknown."""

    person_id: int
    class_id: int
    student_no: str
    name: str
    major: str = ""
    level: str = ""
    grade: str = ""
    phone: str = ""
    accounts: tuple[tuple[Platform, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """A binding code that was used: whom it stands for, and who gave it out (None: themselves)."""

    person_id: int
    given_by: str | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """A tutor in office in their own right, and how many different students that makes."""

    person_id: int
    name: str
    students: int
    class_names: tuple[str, ...]
    unit_ids: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ClassLine:
    """
    A class as its unit looks at it. `bound` of its `students` have an account.

    `vacant_since` is when its last tutor's appointment ended, None where there never was one.
    """

    id: int
    name: str
    unit_id: int | None
    unit_name: str
    students: int
    bound: int
    tutors: tuple[tuple[int, str], ...]
    vacant_since: datetime | None


class Roster:
    """Students by class: files, facts, accounts; and the tutors' figures."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    # -- what the school has told -----------------------------------------------------------------

    async def put_files(
        self,
        rows: Sequence[FileRow],
        changes: Changes,
        *,
        source: str,
        now: datetime,
        new: Collection[str] = (),
    ) -> None:
        """
        Keep what these rows say; what they leave empty stays as it was.

        `new` are the numbers of students this very table has brought: they are in the diff already.
        """
        ids = await self.ids_of([row.student_no for row in rows])
        known = await self._files(list(ids.values()))
        inserted: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        for row in rows:
            said = {name: getattr(row, name) for name in FILE_NAMES}
            person_id = ids[row.student_no]
            before = known.get(person_id)
            after = {name: word or (before[name] if before else "") for name, word in said.items()}
            if before == after or not any(after.values()):
                continue
            values = {**after, "source": source, "updated_at": now}
            if before is None:
                inserted.append({"person_id": person_id, **values})
            else:
                updated.append({f"new_{name}": value for name, value in values.items()})
                updated[-1]["its_person"] = person_id
            known[person_id] = after
            if row.student_no not in new:
                told = [
                    FILE_NAMES[name]
                    for name in FILE_NAMES
                    if after[name] != (before[name] if before else "")
                ]
                changes.change(f"学生 {row.student_no}：{'、'.join(told)}")
        await self._insert(student_files, inserted)
        if updated:
            columns = (*FILE_NAMES, "source", "updated_at")
            await self._uow.write(
                update(student_files)
                .where(student_files.c.person_id == bindparam("its_person"))
                .values({name: bindparam(f"new_{name}") for name in columns}),
                updated,
            )

    async def put_facts(self, rows: Sequence[FactRow], changes: Changes) -> None:
        """Keep these facts; of two for the same slot the one of the later day counts."""
        ids = await self.ids_of({row.student_no for row in rows})
        known: dict[tuple[int, str], Any] = {}
        for chunk in chunks(list(ids.values())):
            statement = select(student_facts).where(student_facts.c.person_id.in_(chunk))
            for row in await self._uow.read(statement):
                known[(row.person_id, row.slot)] = row
        inserted: list[dict[str, Any]] = []
        updated: list[dict[str, Any]] = []
        for item in rows:
            person_id = ids[item.student_no]
            before = known.get((person_id, item.slot))
            if before is None:
                inserted.append(
                    {
                        "person_id": person_id,
                        "slot": item.slot,
                        "value": item.value,
                        "as_of": item.as_of,
                        "source": item.source,
                    }
                )
                changes.add(f"学生 {item.student_no} {item.slot}")
                continue
            is_same = (before.value, before.source) == (item.value, item.source)
            if item.as_of < before.as_of or (
                is_same and (not item.is_dated or before.as_of == item.as_of)
            ):
                continue
            updated.append(
                {
                    "its_id": before.id,
                    "new_value": item.value,
                    "new_as_of": item.as_of,
                    "new_source": item.source,
                }
            )
            changes.change(f"学生 {item.student_no} {item.slot}")
        await self._insert(student_facts, inserted)
        if updated:
            await self._uow.write(
                update(student_facts)
                .where(student_facts.c.id == bindparam("its_id"))
                .values(
                    value=bindparam("new_value"),
                    as_of=bindparam("new_as_of"),
                    source=bindparam("new_source"),
                ),
                updated,
            )

    async def facts_of(self, person_id: int) -> list[Fact]:
        """Everything known of one student, by slot."""
        statement = (
            select(student_facts)
            .where(student_facts.c.person_id == person_id)
            .order_by(student_facts.c.slot)
        )
        return [
            Fact(row.slot, row.value, row.as_of, row.source)
            for row in await self._uow.read(statement)
        ]

    async def file_of(self, person_id: int) -> tuple[FileRow, str, datetime | None] | None:
        """What a school's table says of a student, which table, as of when; None: no student."""
        statement = (
            select(persons.c.student_no, student_files)
            .outerjoin(student_files, student_files.c.person_id == persons.c.id)
            .where(persons.c.id == person_id, persons.c.student_no.is_not(None))
        )
        row = (await self._uow.read(statement)).mappings().first()
        if row is None:
            return None
        file = FileRow(row["student_no"], *(row[name] or "" for name in FILE_NAMES))
        return file, row["source"] or "", row["updated_at"]

    async def names(self) -> dict[str, str]:
        """Every student number there is → the name."""
        statement = select(persons.c.student_no, persons.c.name).where(
            persons.c.student_no.is_not(None)
        )
        return {row.student_no: row.name for row in await self._uow.read(statement)}

    async def ids_of(self, numbers: Collection[str]) -> dict[str, int]:
        """Student number → person, of those there are."""
        found: dict[str, int] = {}
        for chunk in chunks(sorted(numbers)):
            statement = select(persons.c.student_no, persons.c.id).where(
                persons.c.student_no.in_(chunk)
            )
            found |= {row.student_no: row.id for row in await self._uow.read(statement)}
        return found

    async def students_of(self, class_ids: Collection[int]) -> list[Student]:
        """The students of these classes, by class and student number."""
        return await self._students(enrolments.c.class_id.in_(class_ids))

    async def student(self, student_no: str) -> list[Student]:
        """A student by number, once a class; empty for whom no class (any longer) has."""
        return await self._students(persons.c.student_no == student_no)

    async def of_account(self, platform: Platform, user_id: str) -> list[Student]:
        """The student whose account this is, once a class."""
        theirs = select(identities.c.person_id).where(
            identities.c.platform == platform, identities.c.user_id == user_id
        )
        return await self._students(persons.c.id.in_(theirs))

    async def _students(self, wanted: ColumnElement[bool]) -> list[Student]:
        statement = (
            select(
                enrolments.c.class_id,
                persons.c.id,
                persons.c.student_no,
                persons.c.name,
                *(student_files.c[name] for name in FILE_NAMES),
            )
            .select_from(
                enrolments.join(persons, persons.c.id == enrolments.c.person_id).outerjoin(
                    student_files, student_files.c.person_id == persons.c.id
                )
            )
            .where(wanted)
            .order_by(enrolments.c.class_id, persons.c.student_no, persons.c.id)
        )
        rows = (await self._uow.read(statement)).all()
        accounts: dict[int, list[tuple[Platform, str]]] = defaultdict(list)
        for chunk in chunks([row.id for row in rows]):
            bound = (
                select(identities)
                .where(identities.c.person_id.in_(chunk))
                .order_by(identities.c.id)
            )
            for row in await self._uow.read(bound):
                accounts[row.person_id].append((Platform(row.platform), row.user_id))
        return [
            Student(
                row.id,
                row.class_id,
                row.student_no or "",
                row.name,
                row.major or "",
                row.level or "",
                row.grade or "",
                row.phone or "",
                tuple(accounts[row.id]),
            )
            for row in rows
        ]

    async def _files(self, person_ids: Sequence[int]) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        for chunk in chunks(person_ids):
            statement = select(student_files).where(student_files.c.person_id.in_(chunk))
            for row in (await self._uow.read(statement)).mappings():
                found[row["person_id"]] = {name: row[name] for name in FILE_NAMES}
        return found

    async def _insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        for chunk in chunks(rows):
            await self._uow.write(insert(table), chunk)

    # -- whose an account is ----------------------------------------------------------------------

    async def hold(self, person_id: int) -> None:
        """Whoever else wants to bind this person waits until this transaction is over."""
        await self._uow.write(
            select(persons.c.id).where(persons.c.id == person_id).with_for_update()
        )

    async def accounts_of(self, person_id: int) -> list[tuple[Platform, str]]:
        """The accounts of a person, the oldest first."""
        statement = (
            select(identities.c.platform, identities.c.user_id)
            .where(identities.c.person_id == person_id)
            .order_by(identities.c.id)
        )
        return [(Platform(platform), user) for platform, user in await self._uow.read(statement)]

    async def take_code(self, code_hash: str, now: datetime) -> Code | None:
        """What a binding code stands for; it works once, for one of all who send it at once."""
        row = (
            await self._uow.write(
                delete(binding_codes)
                .where(binding_codes.c.code_hash == code_hash, binding_codes.c.expires_at > now)
                .returning(binding_codes.c.person_id, binding_codes.c.given_by)
            )
        ).first()
        return None if row is None else Code(row.person_id, row.given_by)

    async def unbind(
        self, person_id: int, platform: Platform | None = None
    ) -> list[tuple[Platform, str]]:
        """These accounts are nobody's from now on; no code of the person works any more."""
        wanted = [identities.c.person_id == person_id]
        if platform is not None:
            wanted.append(identities.c.platform == platform)
        rows = await self._uow.write(
            delete(identities).where(*wanted).returning(identities.c.platform, identities.c.user_id)
        )
        gone = [(Platform(name), user) for name, user in rows]
        await self.drop_codes([person_id])
        return gone

    async def drop_codes(self, person_ids: Sequence[int]) -> None:
        """No code of these persons works any more."""
        for chunk in chunks(person_ids):
            await self._uow.write(delete(binding_codes).where(binding_codes.c.person_id.in_(chunk)))

    async def strangers(self, class_id: int) -> list[tuple[Platform, str]]:
        """Accounts in a class's groups that are nobody's we know, of either platform."""
        known = exists().where(
            identities.c.platform == class_groups.c.platform,
            identities.c.user_id == group_members.c.user_id,
        )
        statement = (
            select(class_groups.c.platform, group_members.c.user_id)
            .join(class_groups, class_groups.c.id == group_members.c.class_group_id)
            .where(
                class_groups.c.class_id == class_id,
                group_members.c.left_at.is_(None),
                # The bot itself is in its groups too.
                group_members.c.user_id != class_groups.c.account,
                ~known,
            )
            .order_by(class_groups.c.platform, group_members.c.user_id)
            .distinct()
        )
        return [(Platform(platform), user) for platform, user in await self._uow.read(statement)]

    async def left_the_group(self, class_id: int) -> list[tuple[Platform, str]]:
        """
        (platform, name) of the class's students who were in its group there and are no longer.

        Whoever is in another group of the class on the same platform, or in this one with another
        account, has not left.
        """
        statement = (
            select(
                class_groups.c.platform,
                persons.c.name,
                persons.c.student_no,
                func.count().filter(group_members.c.left_at.is_(None)).label("present"),
            )
            .select_from(
                group_members.join(
                    class_groups, class_groups.c.id == group_members.c.class_group_id
                )
                .join(
                    identities,
                    (identities.c.platform == class_groups.c.platform)
                    & (identities.c.user_id == group_members.c.user_id),
                )
                .join(persons, persons.c.id == identities.c.person_id)
                .join(
                    enrolments,
                    (enrolments.c.person_id == persons.c.id)
                    & (enrolments.c.class_id == class_groups.c.class_id),
                )
            )
            .where(class_groups.c.class_id == class_id)
            .group_by(class_groups.c.platform, persons.c.id, persons.c.name, persons.c.student_no)
            .order_by(class_groups.c.platform, persons.c.student_no)
        )
        rows = await self._uow.read(statement)
        return [(Platform(row.platform), row.name) for row in rows if not row.present]

    # -- tutors and their classes -----------------------------------------------------------------

    async def ratios(self, unit_ids: Collection[int] | None, now: datetime) -> list[Ratio]:
        """
        The tutors of these units' classes (None: of all), the most students first.

        Every student of every class of theirs counts once, also where a class has two tutors;
        classes they only stand in for do not count.
        """
        held = (
            select(
                duties.c.person_id,
                persons.c.name,
                classes.c.name.label("class_name"),
                classes.c.unit_id,
            )
            .select_from(
                duties.join(persons, persons.c.id == duties.c.person_id).join(
                    classes, classes.c.id == duties.c.class_id
                )
            )
            .where(*_own_right(now))
            .order_by(classes.c.name)
        )
        counted = (
            select(duties.c.person_id, func.count(distinct(enrolments.c.person_id)))
            .select_from(duties.join(enrolments, enrolments.c.class_id == duties.c.class_id))
            .where(*_own_right(now))
            .group_by(duties.c.person_id)
        )
        counts = {row[0]: row[1] for row in await self._uow.read(counted)}
        names: dict[int, str] = {}
        own: dict[int, dict[str, int | None]] = defaultdict(dict)
        for row in await self._uow.read(held):
            names[row.person_id] = row.name
            own[row.person_id][row.class_name] = row.unit_id
        found = [
            Ratio(
                person_id,
                name,
                counts.get(person_id, 0),
                tuple(own[person_id]),
                tuple(dict.fromkeys(own[person_id].values())),
            )
            for person_id, name in names.items()
        ]
        if unit_ids is not None:
            found = [one for one in found if set(one.unit_ids) & set(unit_ids)]
        return sorted(found, key=lambda one: (-one.students, one.name, one.person_id))

    async def class_lines(self, unit_ids: Collection[int] | None, now: datetime) -> list[ClassLine]:
        """The classes of these units (None: all), those without a tutor first, then by name."""
        statement = (
            select(classes.c.id, classes.c.name, classes.c.unit_id, units.c.name.label("unit_name"))
            .outerjoin(units, units.c.id == classes.c.unit_id)
            .order_by(classes.c.name)
        )
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        rows = (await self._uow.read(statement)).all()
        has_account = exists().where(identities.c.person_id == enrolments.c.person_id)
        counted = select(
            enrolments.c.class_id,
            func.count().label("students"),
            func.count().filter(has_account).label("bound"),
        ).group_by(enrolments.c.class_id)
        counts = {row.class_id: row for row in await self._uow.read(counted)}
        tutors: dict[int, dict[int, str]] = defaultdict(dict)
        in_office = (
            select(duties.c.class_id, persons.c.id, persons.c.name)
            .join(persons, persons.c.id == duties.c.person_id)
            .where(duties.c.role == Role.TUTOR, duties.c.class_id.is_not(None), in_force(now))
            .order_by(duties.c.covers_id.is_(None), duties.c.starts_at, duties.c.id)
        )
        for row in await self._uow.read(in_office):
            tutors[row.class_id][row.id] = row.name
        ended = (
            select(duties.c.class_id, func.max(duties.c.ends_at).label("at"))
            .where(duties.c.role == Role.TUTOR, duties.c.ends_at <= now)
            .group_by(duties.c.class_id)
        )
        vacant = {row.class_id: row.at for row in await self._uow.read(ended)}
        found = [
            ClassLine(
                row.id,
                row.name,
                row.unit_id,
                row.unit_name or "",
                counts[row.id].students if row.id in counts else 0,
                counts[row.id].bound if row.id in counts else 0,
                tuple(tutors[row.id].items()),
                None if tutors[row.id] else vacant.get(row.id),
            )
            for row in rows
        ]
        return sorted(found, key=lambda line: (bool(line.tutors), line.name))

    async def majors_without_tutor(
        self, unit_ids: Collection[int] | None, now: datetime
    ) -> Mapping[str, tuple[str, ...]]:
        """Majors of which no class has a tutor now → their classes."""
        statement = (
            select(student_files.c.major, classes.c.id, classes.c.name)
            .select_from(
                student_files.join(
                    enrolments, enrolments.c.person_id == student_files.c.person_id
                ).join(classes, classes.c.id == enrolments.c.class_id)
            )
            .where(student_files.c.major != "")
            .distinct()
            .order_by(student_files.c.major, classes.c.name)
        )
        if unit_ids is not None:
            statement = statement.where(classes.c.unit_id.in_(unit_ids))
        covered = select(duties.c.class_id).where(
            duties.c.role == Role.TUTOR, duties.c.class_id.is_not(None), in_force(now)
        )
        has_tutor = set((await self._uow.read(covered)).scalars())
        found: dict[str, list[str]] = defaultdict(list)
        served: set[str] = set()
        for major, class_id, name in await self._uow.read(statement):
            found[major].append(name)
            if class_id in has_tutor:
                served.add(major)
        return {major: tuple(names) for major, names in found.items() if major not in served}


def _own_right(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """A tutor's appointment now that is no standing-in."""
    return (
        duties.c.role == Role.TUTOR,
        duties.c.class_id.is_not(None),
        duties.c.covers_id.is_(None),
        in_force(now),
    )


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as a statement takes."""
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
