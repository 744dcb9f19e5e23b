"""Files handed in for a collection: every version is kept, the newest counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from storage.models.tasks import submissions

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Submission:
    """
    One file of one student. `name` is what they called it, `size` is in bytes.

    `path` is where it lies below the folder of the collections, made by us and never from `name`.
    """

    task: int
    person_id: int
    name: str
    sha256: str
    size: int
    path: str
    at: datetime
    event_id: int | None = None


class Submissions:
    """What was handed in."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(self, item: Submission) -> int:
        """
        The newest version of a student's file; how many there were before.

        The very same file again is no further version: it only becomes the newest.
        """
        known = await self.of(item.task, item.person_id)
        is_theirs = (
            submissions.c.task == item.task,
            submissions.c.person_id == item.person_id,
            submissions.c.sha256 == item.sha256,
        )
        if any(it.sha256 == item.sha256 for it in known):
            await self._uow.write(
                update(submissions).where(*is_theirs).values(at=item.at, name=item.name)
            )
            return len(known)
        await self._uow.write(
            insert(submissions).values(
                task=item.task,
                person_id=item.person_id,
                name=item.name,
                sha256=item.sha256,
                size=item.size,
                path=item.path,
                at=item.at,
                event_id=item.event_id,
            )
        )
        return len(known)

    async def of(self, task: int, person_id: int) -> list[Submission]:
        """A student's versions, the oldest first."""
        return [item for item in await self.of_task(task) if item.person_id == person_id]

    async def of_task(self, task: int) -> list[Submission]:
        """Every version of everybody's, the oldest first."""
        statement = (
            select(submissions)
            .where(submissions.c.task == task)
            .order_by(submissions.c.at, submissions.c.id)
        )
        return [
            Submission(
                row.task,
                row.person_id,
                row.name,
                row.sha256,
                row.size,
                row.path,
                row.at,
                row.event_id,
            )
            for row in await self._uow.read(statement)
        ]

    async def known_paths(self, paths: Collection[str]) -> set[str]:
        """Which of these files belong to a submission."""
        statement = select(submissions.c.path).where(submissions.c.path.in_(paths))
        return set((await self._uow.read(statement)).scalars())
