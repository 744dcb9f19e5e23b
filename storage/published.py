"""What the school has published: calendar dates, links, amounts, places; and its own entries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, func, literal, or_, select

from storage.models.people import classes, units
from storage.models.published import calendar_dates, knowledge_entries, school_facts
from storage.models.record import interactions

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Units below units below units: more levels than that are a circle.
_DEEPEST = 8
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class UnitName:
    """A unit by its name; what is published for it holds for all below it too."""

    name: str


#: For whom something is published: a class by its name, a unit, or (None) everybody.
Owner = str | UnitName | None


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """When a matter (考试报名, 缴费 …) begins and ends; either side may be open."""

    matter: str
    starts_at: datetime | None
    ends_at: datetime | None
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class SchoolFact:
    """A link, an amount, a place; `slot` is what an answer calls it, 「链接:学习平台」."""

    slot: str
    value: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class PublishedFacts:
    """
    What holds for one class: of several dates or facts of a name, the one published nearest to it.

    `units` are the units it belongs to, its own first, then those above.
    """

    dates: tuple[CalendarDate, ...] = ()
    facts: tuple[SchoolFact, ...] = ()
    units: tuple[str, ...] = ()


class Published:
    """What answers may be filled from."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def for_classes(self, class_ids: Collection[int]) -> dict[int, PublishedFacts]:
        """By class; three statements, however many classes there are."""
        chains = await self._chains(class_ids)
        dates = await self._by_owner(
            calendar_dates,
            chains,
            lambda row: CalendarDate(row.matter, row.starts_at, row.ends_at, row.note, row.source),
        )
        facts = await self._by_owner(
            school_facts, chains, lambda row: SchoolFact(row.slot, row.value, row.source)
        )
        return {
            class_id: PublishedFacts(
                tuple(_nearest(dates, class_id, chain, lambda date: date.matter)),
                tuple(_nearest(facts, class_id, chain, lambda fact: fact.slot)),
                tuple(chain.values()),
            )
            for class_id, chain in chains.items()
        }

    async def _chains(self, class_ids: Collection[int]) -> dict[int, dict[int, str]]:
        """By class, the units it belongs to, its own first: id → name."""
        chains: dict[int, dict[int, str]] = {class_id: {} for class_id in class_ids}
        for row in await self._uow.read(_units_above(), {"class_ids": list(class_ids)}):
            chains[row.class_id].setdefault(row.id, row.name)
        return chains

    async def _by_owner(
        self,
        table: Table,
        chains: Mapping[int, Mapping[int, str]],
        read: Callable[[Any], Row],
    ) -> dict[tuple[int | None, int | None], list[Row]]:
        """Rows that hold for any of these classes, by (class id, unit id)."""
        unit_ids = {unit_id for chain in chains.values() for unit_id in chain}
        owners = {"class_ids": list(chains), "unit_ids": list(unit_ids)}
        found: dict[tuple[int | None, int | None], list[Row]] = defaultdict(list)
        for row in await self._uow.read(_of_owners(table), owners):
            found[row.class_id, row.unit_id].append(read(row))
        return found

    async def class_ids(self) -> list[int]:
        """Every class there is."""
        return list((await self._uow.read(select(classes.c.id).order_by(classes.c.id))).scalars())

    async def filled_slots(self) -> set[str]:
        """Every slot that some class or the whole school has a value for."""
        dates = await self._uow.read(select(calendar_dates.c.matter).distinct())
        facts = await self._uow.read(select(school_facts.c.slot).distinct())
        return {f"时间:{matter}" for matter in dates.scalars()} | set(facts.scalars())

    async def entry_changed_at(self, key: str) -> datetime | None:
        """When the school last changed an entry, for whomever; None: as the program brought it."""
        statement = select(func.max(knowledge_entries.c.updated_at)).where(
            knowledge_entries.c.key == key
        )
        changed: datetime | None = (await self._uow.read(statement)).scalar()
        return changed

    async def entries(self) -> list[str]:
        """The school's own knowledge entries, each as the JSON of its table row.

        A row for a unit or a class names it as it is called now.
        """
        statement = (
            select(
                knowledge_entries.c.row,
                units.c.name.label("unit"),
                classes.c.name.label("class_name"),
            )
            .outerjoin(units, units.c.id == knowledge_entries.c.unit_id)
            .outerjoin(classes, classes.c.id == knowledge_entries.c.class_id)
            .order_by(knowledge_entries.c.key, knowledge_entries.c.id)
        )
        return [_named(row) for row in await self._uow.read(statement)]

    async def times_asked(self, since: datetime) -> dict[str, int]:
        """By entry, how often students asked for it."""
        statement = (
            select(interactions.c.entry, func.count())
            .where(interactions.c.at >= since, interactions.c.entry.is_not(None))
            .group_by(interactions.c.entry)
        )
        return {row[0]: row[1] for row in await self._uow.read(statement) if row[0]}

    async def entries_version(self) -> tuple[int, datetime | None]:
        """Changes whenever an entry does."""
        statement = select(func.count(), func.max(knowledge_entries.c.updated_at))
        count, newest = (await self._uow.read(statement)).one()
        return count, newest


# Asked for every batch of messages, so built once.
@cache
def _units_above() -> Select[*tuple[Any, ...]]:
    up = (
        select(classes.c.id.label("class_id"), classes.c.unit_id, literal(0).label("depth"))
        .where(
            classes.c.id.in_(bindparam("class_ids", expanding=True)), classes.c.unit_id.is_not(None)
        )
        .cte("up", recursive=True)
    )
    up = up.union_all(
        select(up.c.class_id, units.c.parent_id, up.c.depth + 1)
        .join(units, units.c.id == up.c.unit_id)
        .where(units.c.parent_id.is_not(None), up.c.depth < _DEEPEST)
    )
    return (
        select(up.c.class_id, units.c.id, units.c.name)
        .join(units, units.c.id == up.c.unit_id)
        .order_by(up.c.class_id, up.c.depth)
    )


@cache
def _of_owners(table: Table) -> Select[*tuple[Any, ...]]:
    return select(table).where(
        or_(
            _is_everybodys(table),
            table.c.class_id.in_(bindparam("class_ids", expanding=True)),
            table.c.unit_id.in_(bindparam("unit_ids", expanding=True)),
        )
    )


def _is_everybodys(table: Table) -> ColumnElement[bool]:
    return and_(table.c.class_id.is_(None), table.c.unit_id.is_(None))


def _nearest(
    rows: Mapping[tuple[int | None, int | None], Iterable[Row]],
    class_id: int,
    chain: Iterable[int],
    name: Callable[[Row], str],
) -> Iterable[Row]:
    """Of the rows of a name the class's own, else its nearest unit's, else everybody's."""
    owners = [
        (None, None),
        *((None, unit_id) for unit_id in reversed(list(chain))),
        (class_id, None),
    ]
    return {name(row): row for owner in owners for row in rows.get(owner, ())}.values()


def _named(row: Any) -> str:
    text: str = row.row
    if row.unit is None and row.class_name is None:
        return text
    cells = json.loads(text) | {"单位": row.unit or "", "班级": row.class_name or ""}
    return json.dumps(cells, ensure_ascii=False)
