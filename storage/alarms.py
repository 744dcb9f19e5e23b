"""What needs a person and is not over: said once, by whichever instance comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage.models.alarms import alarms

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something wrong, in words for a person, without anybody's name or words in it."""

    key: str
    words: str
    since: datetime


class Alarms:
    """Which are on, and which somebody was told of."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def begin(self, found: Mapping[str, str], now: datetime) -> None:
        """These (key → words) are on now; those that were on before keep when they began."""
        if not found:
            return
        is_sqlite = self._uow.connection.dialect.name == "sqlite"
        insert = sqlite_insert if is_sqlite else postgresql_insert
        rows = [{"key": key, "words": words, "since": now} for key, words in sorted(found.items())]
        statement = insert(alarms).on_conflict_do_nothing(index_elements=["key"])
        await self._uow.write(statement, rows)

    async def untold(self, now: datetime, again_after: timedelta) -> list[Alarm]:
        """Those nobody was told of, or not for that long: told from now on, by whoever asks."""
        statement = (
            update(alarms)
            .where(or_(alarms.c.told_at.is_(None), alarms.c.told_at <= now - again_after))
            .values(told_at=now)
            .returning(alarms.c.key, alarms.c.words, alarms.c.since)
        )
        rows = (await self._uow.write(statement)).all()
        return sorted((Alarm(*row) for row in rows), key=lambda one: one.key)

    async def not_told(self, key: str) -> None:
        """It could not be said; somebody tries again."""
        await self._uow.write(update(alarms).where(alarms.c.key == key).values(told_at=None))

    async def end(self, keys: list[str]) -> list[Alarm]:
        """These are over; those of which somebody had been told."""
        statement = (
            delete(alarms)
            .where(alarms.c.key.in_(keys))
            .returning(alarms.c.key, alarms.c.words, alarms.c.since, alarms.c.told_at)
        )
        rows = (await self._uow.write(statement)).all()
        return [Alarm(row.key, row.words, row.since) for row in rows if row.told_at is not None]

    async def on(self) -> list[Alarm]:
        """All that are on, the oldest first."""
        statement = select(alarms.c.key, alarms.c.words, alarms.c.since).order_by(alarms.c.since)
        return [Alarm(*row) for row in await self._uow.read(statement)]
