"""Who did what that is not an interaction with a student: sign-ins, refusals, imports, views."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from storage.models import audit

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


class Audit:
    """An append-only list."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, *, at: datetime, actor: str, action: str, target: str, detail: str = "") -> None:
        """One line; `detail` holds no message text."""
        self._uow.add(
            audit,
            {
                "at": at,
                "actor": actor[:120],
                "action": action,
                "target": target[:200],
                "detail": detail,
            },
        )

    async def actions(self, limit: int = 100) -> list[tuple[str, str, str]]:
        """The newest lines: actor, action, target."""
        statement = (
            select(audit.c.actor, audit.c.action, audit.c.target)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )
        return [(row.actor, row.action, row.target) for row in await self._uow.read(statement)]
