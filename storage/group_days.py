"""How often the bot has spoken unasked in a group on a day of Shanghai."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from storage.models.tasks import group_days
from storage.vocabulary import Conversation

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


class GroupDays:
    """The count that keeps the bot from becoming a nuisance."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def pushed(self, group: Conversation, day: date) -> int:
        """How often it has spoken there unasked on that day."""
        statement = select(group_days.c.pushed).where(_is_day(group, day))
        return int((await self._uow.read(statement)).scalar() or 0)

    async def note(self, group: Conversation, day: date, by: int = 1) -> None:
        """Once more, whoever else counts at the same moment; -1: it was taken back unsent."""
        dialect = postgresql if self._uow.connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(group_days).values(
            platform=group.platform,
            account=group.account,
            group_id=group.id,
            day=day.isoformat(),
            pushed=by,
        )
        await self._uow.write(
            statement.on_conflict_do_update(
                index_elements=list(group_days.primary_key.columns),
                set_={"pushed": group_days.c.pushed + by},
            )
        )


def _is_day(group: Conversation, day: date) -> ColumnElement[bool]:
    return and_(
        group_days.c.platform == group.platform,
        group_days.c.account == group.account,
        group_days.c.group_id == group.id,
        group_days.c.day == day.isoformat(),
    )
