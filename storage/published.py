"""What the school has published: calendar dates, links, amounts, places; and its own entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from storage.models import calendar_dates, knowledge_entries, school_facts

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


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
    """What holds for one class: its own dates and facts, else the school's."""

    dates: tuple[CalendarDate, ...] = ()
    facts: tuple[SchoolFact, ...] = ()


class Published:
    """What answers may be filled from."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def for_classes(self, class_ids: Collection[int]) -> dict[int, PublishedFacts]:
        """By class; a class's own row comes before the whole school's of the same name."""
        dates: dict[int | None, dict[str, CalendarDate]] = defaultdict(dict)
        statement = select(calendar_dates).where(
            or_(calendar_dates.c.class_id.is_(None), calendar_dates.c.class_id.in_(class_ids))
        )
        for row in await self._uow.read(statement):
            dates[row.class_id][row.matter] = CalendarDate(
                row.matter, row.starts_at, row.ends_at, row.note, row.source
            )
        facts: dict[int | None, dict[str, SchoolFact]] = defaultdict(dict)
        statement = select(school_facts).where(
            or_(school_facts.c.class_id.is_(None), school_facts.c.class_id.in_(class_ids))
        )
        for row in await self._uow.read(statement):
            facts[row.class_id][row.slot] = SchoolFact(row.slot, row.value, row.source)
        return {
            class_id: PublishedFacts(
                tuple((dates.get(None, {}) | dates.get(class_id, {})).values()),
                tuple((facts.get(None, {}) | facts.get(class_id, {})).values()),
            )
            for class_id in class_ids
        }

    async def filled_slots(self) -> set[str]:
        """Every slot that some class or the whole school has a value for."""
        dates = await self._uow.read(select(calendar_dates.c.matter).distinct())
        facts = await self._uow.read(select(school_facts.c.slot).distinct())
        return {f"时间:{matter}" for matter in dates.scalars()} | set(facts.scalars())

    async def entries(self) -> list[str]:
        """The school's own knowledge entries, each as the JSON of its table row."""
        rows = await self._uow.read(select(knowledge_entries.c.row).order_by("key"))
        return list(rows.scalars())

    async def entries_version(self) -> tuple[int, datetime | None]:
        """Changes whenever an entry does."""
        statement = select(func.count(), func.max(knowledge_entries.c.updated_at))
        count, newest = (await self._uow.read(statement)).one()
        return count, newest
