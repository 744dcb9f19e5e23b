"""Who was told what is kept of them (PIPL 14, 17), and who has refused, by account."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage.models.people import consents
from storage.vocabulary import Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

Key = tuple[Platform, str]


@dataclass(frozen=True, slots=True)
class Consent:
    """The version of the notice an account was given (0: none), and since when it refuses."""

    version: int = 0
    refused_at: datetime | None = None


NOT_TOLD = Consent()

# Asked for every batch of messages, so built once.
_OF = select(consents).where(consents.c.user_id.in_(bindparam("users", expanding=True)))


class Consents:
    """A row an account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        #: What was noted in this transaction.
        self.changed: dict[Key, Consent] = {}

    async def of(self, keys: Collection[Key]) -> dict[Key, Consent]:
        """Those of these (platform, account) that were told."""
        if not keys:
            return {}
        rows = await self._uow.read(_OF, {"users": [user for _, user in keys]})
        found = {
            (Platform(row.platform), row.user_id): Consent(row.version, row.refused_at)
            for row in rows
        }
        return {key: found[key] for key in keys if key in found}

    async def set(self, key: Key, version: int, refused_at: datetime | None, now: datetime) -> None:
        """They were told now, in that wording; `refused_at` as it is from now on."""
        platform, user_id = key
        self.changed[key] = Consent(version, refused_at)
        values = {"version": version, "told_at": now, "refused_at": refused_at}
        is_sqlite = self._uow.connection.dialect.name == "sqlite"
        insert = sqlite_insert if is_sqlite else postgresql_insert
        statement = insert(consents).values(platform=platform, user_id=user_id, **values)
        await self._uow.write(
            statement.on_conflict_do_update(index_elements=["platform", "user_id"], set_=values)
        )
