"""Bulk changes from a table: each method makes the database agree with the rows and says how.

The caller decides whether to keep it: a rehearsal is the same call in a transaction rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, bindparam, delete, insert, select, update

from storage.models.hand_offs import contacts
from storage.models.people import (
    class_groups,
    classes,
    duties,
    enrolments,
    identities,
    persons,
    units,
)
from storage.models.published import calendar_dates, knowledge_entries, school_facts
from storage.models.tasks import obligations
from storage.published import CalendarDate, Owner, SchoolFact, UnitName
from storage.roster import FileRow, chunks
from storage.vocabulary import Platform, Role

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A database takes only so many parameters in one statement.
CHUNK = 2000
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class group with its tutor; `speak_mode` and `unit` None leave what is there."""

    class_name: str
    platform: Platform
    account: str
    group_id: str
    tutor_name: str
    tutor_account: str
    unit: str | None = None
    speak_mode: str | None = None


@dataclass(frozen=True, slots=True)
class TutorRow:
    """A further tutor of a class, or a further account of one."""

    class_name: str
    platform: Platform
    name: str
    account: str


@dataclass(frozen=True, slots=True)
class StudentRow:
    """
    A student of a class; platform and account only where they are known already.

    What the school's table says nothing about is "", and stays as it was.
    """

    class_name: str
    student_no: str
    name: str
    platform: Platform | None = None
    account: str | None = None
    major: str = ""
    level: str = ""
    grade: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class StaffRow:
    """
    Somebody of a unit, or (None) of the province: a supervisor, or whom `department` names.
    """

    name: str
    platform: Platform
    account: str
    unit: str | None = None
    department: str = ""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A knowledge entry as the JSON of its table row, and for whom it is."""

    key: str
    row: str
    owner: Owner = None


@dataclass(slots=True)
class Changes:
    """What a table changes: how many rows of which kind, and the lines of a diff to read."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.added += 1
        self.lines.append(f"+ {line}")

    def remove(self, line: str) -> None:
        self.removed += 1
        self.lines.append(f"− {line}")

    def change(self, line: str) -> None:
        self.changed += 1
        self.lines.append(f"~ {line}")


class Imports:
    """Set-based: 22,000 classes are a few dozen statements."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def classes(
        self, rows: Sequence[ClassRow], *, default_mode: str, default_grace: int, now: datetime
    ) -> Changes:
        """Bring units, classes, groups and tutors in line; other tutors of these classes end."""
        changes = Changes()
        unit_ids = await self._units({row.unit for row in rows if row.unit}, changes)
        known = {row.name: row for row in await self._uow.read(select(classes))}
        wanted: dict[str, ClassRow] = {}
        for row in rows:
            wanted.setdefault(row.class_name, row)
        new = [row for name, row in wanted.items() if name not in known]
        await self._insert(
            classes,
            [
                {
                    "name": row.class_name,
                    "unit_id": unit_ids.get(row.unit or ""),
                    "speak_mode": row.speak_mode or default_mode,
                    "grace_minutes": default_grace,
                }
                for row in new
            ],
        )
        for row in new:
            changes.add(f"班级 {row.class_name}")
        for name, row in wanted.items():
            old = known.get(name)
            if old is None:
                continue
            unit_id = unit_ids[row.unit] if row.unit else old.unit_id
            mode = row.speak_mode or old.speak_mode
            if (unit_id, mode) != (old.unit_id, old.speak_mode):
                changes.change(f"班级 {name}：办学单位或发言方式")
                await self._uow.write(
                    update(classes)
                    .where(classes.c.id == old.id)
                    .values(unit_id=unit_id, speak_mode=mode)
                )
        class_ids = await self._ids(classes, classes.c.name)
        await self._groups(rows, class_ids, changes)
        tutors = [
            TutorRow(row.class_name, row.platform, row.tutor_name, row.tutor_account)
            for row in rows
        ]
        await self._tutors(tutors, class_ids, changes, now=now, ends_others=True)
        return changes

    async def tutors(self, rows: Sequence[TutorRow], *, now: datetime) -> Changes:
        """Add tutors and their accounts to classes that exist."""
        changes = Changes()
        class_ids = await self._ids(classes, classes.c.name)
        await self._tutors(rows, class_ids, changes, now=now, ends_others=False)
        return changes

    async def supervisors(self, rows: Sequence[StaffRow], *, now: datetime) -> Changes:
        """Add supervisors of units, or of the province, and their chat accounts."""
        changes = Changes()
        person_ids = await self._staff(rows, changes)
        unit_ids = await self._ids(units, units.c.name)
        statement = select(duties).where(
            duties.c.role == Role.SUPERVISOR, duties.c.ends_at.is_(None) | (duties.c.ends_at > now)
        )
        held = {(row.person_id, row.unit_id) for row in await self._uow.read(statement)}
        new: dict[tuple[int, int | None], StaffRow] = {}
        for row in rows:
            key = (
                person_ids[(row.platform.value, row.account)],
                unit_ids[row.unit] if row.unit else None,
            )
            if key not in held:
                new.setdefault(key, row)
        await self._insert(
            duties,
            [
                {
                    "person_id": person_id,
                    "role": Role.SUPERVISOR,
                    "unit_id": unit_id,
                    "starts_at": now,
                }
                for person_id, unit_id in new
            ],
        )
        for row in new.values():
            changes.add(f"{row.unit or '省校'} 管理人员 {row.name}")
        return changes

    async def contacts(self, rows: Sequence[StaffRow]) -> Changes:
        """Add the contacts of departments and their chat accounts; nobody is removed."""
        changes = Changes()
        person_ids = await self._staff(rows, changes)
        unit_ids = await self._ids(units, units.c.name)
        wanted: dict[tuple[str, int | None, int], StaffRow] = {}
        for row in rows:
            unit_id = unit_ids[row.unit] if row.unit else None
            person_id = person_ids[(row.platform.value, row.account)]
            wanted.setdefault((row.department, unit_id, person_id), row)
        known = {
            (row.name, row.unit_id, row.person_id): row.id
            for row in await self._uow.read(select(contacts))
        }
        new = {key: row for key, row in wanted.items() if key not in known}
        await self._insert(
            contacts,
            [
                {"name": name, "unit_id": unit_id, "person_id": person_id}
                for name, unit_id, person_id in new
            ],
        )
        for row in new.values():
            changes.add(f"{row.unit or '省校'} {row.department} 联系人 {row.name}")
        return changes

    async def students(
        self,
        rows: Sequence[StudentRow],
        *,
        now: datetime | None = None,
        source: str = "",
        replaces: bool = False,
    ) -> Changes:
        """
        Add students to classes, rename them, tie accounts to them, keep what the table says.

        With `replaces`, whoever is in one of the table's classes and not in the table has left it.
        `source` is the table's name, `now` when it was read; both only where rows say more than
        who is in which class, or somebody leaves.
        """
        changes = Changes()
        class_ids = await self._ids(classes, classes.c.name)
        known = {
            row.student_no: row
            for row in await self._uow.read(
                select(persons).where(persons.c.student_no.is_not(None))
            )
        }
        new = {row.student_no: row for row in rows if row.student_no not in known}
        await self._insert(
            persons, [{"name": row.name, "student_no": row.student_no} for row in new.values()]
        )
        for row in rows:
            old = known.get(row.student_no)
            if old is not None and old.name != row.name:
                changes.change(f"学生 {row.student_no} 改名")
                await self._uow.write(
                    update(persons).where(persons.c.id == old.id).values(name=row.name)
                )
        person_ids = await self._ids(persons, persons.c.student_no)
        enrolled = {
            (row.class_id, row.person_id) for row in await self._uow.read(select(enrolments))
        }
        joining = {
            (class_ids[row.class_name], person_ids[row.student_no]): row
            for row in rows
            if (class_ids[row.class_name], person_ids[row.student_no]) not in enrolled
        }
        await self._insert(
            enrolments,
            [{"class_id": class_id, "person_id": person_id} for class_id, person_id in joining],
        )
        for row in joining.values():
            changes.add(f"{row.class_name} 学生 {row.student_no}")
        files = {
            row.student_no: FileRow(row.student_no, row.major, row.level, row.grade, row.phone)
            for row in rows
            if row.major or row.level or row.grade or row.phone
        }
        if files:
            assert now is not None
            await self._uow.roster.put_files(
                list(files.values()), changes, source=source, now=now, new=set(new)
            )
        if replaces:
            assert now is not None
            listed = {(class_ids[row.class_name], person_ids[row.student_no]) for row in rows}
            named = {class_id for class_id, _ in listed}
            gone = {pair for pair in enrolled if pair[0] in named} - listed
            await self._leave(gone, changes, now)
        await self._identities(
            {
                (row.platform, row.account): person_ids[row.student_no]
                for row in rows
                if row.platform and row.account
            },
            changes,
        )
        return changes

    async def units(self, rows: Sequence[tuple[str, str]]) -> Changes:
        """Set above each unit the one it belongs to, 「」 for none; both are made where new."""
        changes = Changes()
        ids = await self._units({name for row in rows for name in row if name}, changes)
        above = {row.id: row.parent_id for row in await self._uow.read(select(units))}
        for name, parent in rows:
            parent_id = ids[parent] if parent else None
            if above[ids[name]] != parent_id:
                changes.change(f"办学单位 {name}：上级是 {parent or '省校'}")
                await self._uow.write(
                    update(units).where(units.c.id == ids[name]).values(parent_id=parent_id)
                )
        return changes

    async def calendar(self, rows: Sequence[tuple[Owner, CalendarDate]]) -> Changes:
        """Set dates for a class, a unit, or (None) for everybody."""
        values = {
            (owner, date.matter): {
                "starts_at": date.starts_at,
                "ends_at": date.ends_at,
                "note": date.note,
                "source": date.source,
            }
            for owner, date in rows
        }
        return await self._upsert(calendar_dates, "matter", values, "校历")

    async def facts(self, rows: Sequence[tuple[Owner, SchoolFact]]) -> Changes:
        """Set links, amounts, places for a class, a unit, or (None) for everybody."""
        values = {
            (owner, fact.slot): {"value": fact.value, "source": fact.source} for owner, fact in rows
        }
        return await self._upsert(school_facts, "slot", values, "学校信息")

    async def entries(
        self,
        rows: Sequence[EntryRow],
        *,
        now: datetime,
        shipped: Mapping[str, str] = _NOTHING,
        replaces: bool = False,
    ) -> Changes:
        """
        Set the school's own knowledge entries.

        `shipped` are the rows that come with the program, by key: what equals one of them needs
        no row, what differs changes it. With `replaces`, own rows that are not in `rows` go.
        """
        changes = Changes()
        places = await self._places(row.owner for row in rows)
        wanted = {(row.key, *places[row.owner]): row for row in rows}
        own = {
            (old.key, old.class_id, old.unit_id): old
            for old in await self._uow.read(select(knowledge_entries))
        }
        new: list[dict[str, Any]] = []
        for place, row in wanted.items():
            known = own.get(place)
            before = known.row if known else None if row.owner else shipped.get(row.key)
            if before == row.row:
                continue
            name = f"知识条目 {row.key}{_owner_in_words(row.owner)}"
            if before is None:
                changes.add(name)
            else:
                changes.change(f"{name}：{_columns(before, row.row)}")
            if known is None:
                place_in = {"key": place[0], "class_id": place[1], "unit_id": place[2]}
                new.append({**place_in, "row": row.row, "updated_at": now})
            else:
                await self._uow.write(
                    update(knowledge_entries)
                    .where(knowledge_entries.c.id == known.id)
                    .values(row=row.row, updated_at=now)
                )
        await self._insert(knowledge_entries, new)
        if replaces:
            gone = [old for place, old in own.items() if place not in wanted]
            for old in gone:
                changes.remove(f"知识条目 {old.key}")
            await self._uow.write(
                delete(knowledge_entries).where(
                    knowledge_entries.c.id.in_([old.id for old in gone])
                )
            )
        return changes

    async def class_names(self) -> set[str]:
        """Every class there is."""
        return set(await self._ids(classes, classes.c.name))

    async def unit_names(self) -> set[str]:
        """Every unit there is."""
        return set(await self._ids(units, units.c.name))

    async def account_owners(self) -> dict[tuple[Platform, str], str]:
        """Whose each platform account is: the student number, or 「」 for staff."""
        statement = select(identities, persons.c.student_no).join(
            persons, persons.c.id == identities.c.person_id
        )
        return {
            (Platform(row.platform), row.user_id): row.student_no or ""
            for row in await self._uow.read(statement)
        }

    # -- parts ------------------------------------------------------------------------------------

    async def _leave(
        self, gone: Collection[tuple[int, int]], changes: Changes, now: datetime
    ) -> None:
        """(class, person): no longer of that class, its committee or groups; no code is left."""
        by_class: dict[int, list[int]] = {}
        for class_id, person_id in sorted(gone):
            by_class.setdefault(class_id, []).append(person_id)
        class_names = {row.id: row.name for row in await self._uow.read(select(classes))}
        for class_id, person_ids in by_class.items():
            for chunk in chunks(person_ids):
                statement = select(persons.c.student_no).where(persons.c.id.in_(chunk))
                for number in sorted((await self._uow.read(statement)).scalars()):
                    changes.remove(f"{class_names[class_id]} 学生 {number}（不在表里）")
                await self._uow.write(
                    delete(enrolments).where(
                        enrolments.c.class_id == class_id, enrolments.c.person_id.in_(chunk)
                    )
                )
            await self._uow.class_life.leave_all(person_ids, class_id, now)
            owed = select(obligations.c.task).where(
                obligations.c.class_id == class_id, obligations.c.person_id.in_(person_ids)
            )
            tasks = set((await self._uow.read(owed)).scalars())
            # What waits to be said to them is said no more: they are nobody's students here.
            await self._uow.obligations.stop(tasks, person_ids, by="left", now=now)
            await self._uow.roster.drop_codes(person_ids)

    async def _units(self, names: set[str], changes: Changes) -> dict[str, int]:
        known = await self._ids(units, units.c.name)
        new = sorted(names - set(known))
        await self._insert(units, [{"name": name} for name in new])
        for name in new:
            changes.add(f"办学单位 {name}")
        return await self._ids(units, units.c.name)

    async def _groups(
        self, rows: Sequence[ClassRow], class_ids: Mapping[str, int], changes: Changes
    ) -> None:
        known = {
            (row.platform, row.account, row.group_id): row
            for row in await self._uow.read(select(class_groups))
        }
        new: list[dict[str, Any]] = []
        seen: set[Hashable] = set()
        for row in rows:
            key = (row.platform.value, row.account, row.group_id)
            class_id = class_ids[row.class_name]
            if key in seen:
                continue
            seen.add(key)
            if key not in known:
                new.append(
                    {
                        "platform": row.platform,
                        "account": row.account,
                        "group_id": row.group_id,
                        "class_id": class_id,
                    }
                )
                changes.add(f"群 {row.platform} {row.group_id} → {row.class_name}")
            elif known[key].class_id != class_id:
                await self._uow.write(
                    update(class_groups)
                    .where(class_groups.c.id == known[key].id)
                    .values(class_id=class_id)
                )
                changes.change(f"群 {row.platform} {row.group_id} → {row.class_name}")
        await self._insert(class_groups, new)

    async def _tutors(
        self,
        rows: Sequence[TutorRow],
        class_ids: Mapping[str, int],
        changes: Changes,
        *,
        now: datetime,
        ends_others: bool,
    ) -> None:
        person_ids = await self._staff(rows, changes)
        wanted: dict[tuple[int, int], TutorRow] = {}
        for row in rows:
            person_id = person_ids[(row.platform.value, row.account)]
            wanted.setdefault((class_ids[row.class_name], person_id), row)
        statement = select(duties).where(
            duties.c.role == Role.TUTOR,
            # Who only stands in for somebody is in no table.
            duties.c.covers_id.is_(None),
            duties.c.ends_at.is_(None) | (duties.c.ends_at > now),
        )
        held = {(row.class_id, row.person_id): row for row in await self._uow.read(statement)}
        await self._insert(
            duties,
            [
                {
                    "person_id": person_id,
                    "role": Role.TUTOR,
                    "class_id": class_id,
                    "starts_at": now,
                }
                for class_id, person_id in wanted
                if (class_id, person_id) not in held
            ],
        )
        for key, row in wanted.items():
            if key not in held:
                changes.add(f"{row.class_name} 助学教师 {row.name}")
        if not ends_others:
            return
        names = {class_ids[row.class_name]: row.class_name for row in rows}
        ending = [duty for key, duty in held.items() if key[0] in names and key not in wanted]
        for duty in ending:
            await self._uow.write(update(duties).where(duties.c.id == duty.id).values(ends_at=now))
            changes.remove(f"{names[duty.class_id]} 原助学教师（任期结束）")

    async def _staff(
        self, rows: Sequence[TutorRow] | Sequence[StaffRow], changes: Changes
    ) -> dict[tuple[str, str], int]:
        """The person behind each account of staff, made where there is none."""
        statement = select(identities, persons.c.name).join(
            persons, persons.c.id == identities.c.person_id
        )
        known = {(row.platform, row.user_id): row for row in await self._uow.read(statement)}
        wanted = {(row.platform.value, row.account): row.name for row in rows}
        for key, name in wanted.items():
            old = known.get(key)
            if old is not None and old.name != name:
                changes.change(f"{key[0]} {key[1]} 改名为 {name}")
                await self._uow.write(
                    update(persons).where(persons.c.id == old.person_id).values(name=name)
                )
        new = [key for key in wanted if key not in known]
        made = await self._insert(persons, [{"name": wanted[key]} for key in new], persons.c.id)
        await self._insert(
            identities,
            [
                {"platform": key[0], "user_id": key[1], "person_id": person_id}
                for key, person_id in zip(new, made, strict=True)
            ],
        )
        found = {key: row.person_id for key, row in known.items()}
        return found | dict(zip(new, made, strict=True))

    async def _identities(
        self, wanted: Mapping[tuple[Platform, str], int], changes: Changes
    ) -> None:
        known = {
            (Platform(row.platform), row.user_id)
            for row in await self._uow.read(select(identities))
        }
        new = [
            {"platform": platform, "user_id": user_id, "person_id": person_id}
            for (platform, user_id), person_id in wanted.items()
            if (platform, user_id) not in known
        ]
        await self._insert(identities, new)
        for row in new:
            changes.add(f"账号 {row['platform']} {row['user_id']}")

    async def _upsert(
        self,
        table: Table,
        name: str,
        rows: Mapping[tuple[Owner, str], dict[str, Any]],
        title: str,
    ) -> Changes:
        changes = Changes()
        places = await self._places(owner for owner, _ in rows)
        wanted = {(*places[owner], called): values for (owner, called), values in rows.items()}
        known = {
            (row._mapping["class_id"], row._mapping["unit_id"], row._mapping[name]): row._mapping
            for row in await self._uow.read(select(table))
        }
        new = [key for key in wanted if key not in known]
        await self._insert(
            table,
            [{"class_id": key[0], "unit_id": key[1], name: key[2], **wanted[key]} for key in new],
        )
        for key in new:
            changes.add(f"{title} {key[2]}")
        moved = [
            key
            for key, values in wanted.items()
            if key in known and any(known[key][column] != values[column] for column in values)
        ]
        for key in moved:
            await self._uow.write(
                update(table)
                .where(table.c.id == bindparam("row_id"))
                .values({column: bindparam(f"new_{column}") for column in wanted[key]}),
                [
                    {
                        "row_id": known[key]["id"],
                        **{f"new_{column}": value for column, value in wanted[key].items()},
                    }
                ],
            )
            changes.change(f"{title} {key[2]}")
        return changes

    async def _places(self, owners: Iterable[Owner]) -> dict[Owner, tuple[int | None, int | None]]:
        """Class id and unit id of each."""
        wanted = set(owners)
        unit_ids = await self._ids(units, units.c.name)
        class_ids = await self._ids(classes, classes.c.name) if wanted - {None} else {}
        places: dict[Owner, tuple[int | None, int | None]] = {}
        for owner in wanted:
            match owner:
                case None:
                    places[owner] = (None, None)
                case UnitName(name):
                    places[owner] = (None, unit_ids[name])
                case name:
                    places[owner] = (class_ids[name], None)
        return places

    async def _ids(self, table: Table, name: Any) -> dict[str, int]:
        return {row[1]: row[0] for row in await self._uow.read(select(table.c.id, name))}

    async def _insert(
        self, table: Table, rows: Sequence[dict[str, Any]], *returning: Any
    ) -> list[int]:
        made: list[int] = []
        for chunk in _chunks(rows):
            if returning:
                statement = insert(table).returning(*returning, sort_by_parameter_order=True)
                made.extend(row[0] for row in await self._uow.write(statement, chunk))
            else:
                await self._uow.write(insert(table), chunk)
        return made


def _owner_in_words(owner: Owner) -> str:
    match owner:
        case None:
            return ""
        case UnitName(name):
            return f"（单位 {name}）"
        case name:
            return f"（班级 {name}）"


def _columns(before: str, after: str) -> str:
    """The columns in which two rows differ."""
    old, new = json.loads(before), json.loads(after)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return "内容"
    names = [name for name in {**old, **new} if (old.get(name) or "") != (new.get(name) or "")]
    return "、".join(names) or "写法"


def _chunks(rows: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
