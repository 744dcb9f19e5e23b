"""UnitOfWork: one transaction, one repository per topic, inserts gathered and written together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import Executable, Table, insert, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from storage.alarms import Alarms
from storage.appraisal import Appraisal
from storage.audit import Audit
from storage.calendar import Calendar
from storage.cases import Cases
from storage.class_life import ClassLife
from storage.consents import Consents
from storage.figures import Figures
from storage.group_days import GroupDays
from storage.imports import Imports
from storage.inbox import InboxRows
from storage.interactions import Interactions
from storage.learning import Learning
from storage.lines import Lines
from storage.members import Members
from storage.models.hand_offs import counters
from storage.obligations import Obligations
from storage.orientation import Orientations
from storage.outbox import OutboxRows
from storage.people import People
from storage.personal import Personal
from storage.prompts import Prompts
from storage.published import Published
from storage.questions import Questions
from storage.receipts import Receipts
from storage.reminding import Reminding
from storage.reports import Reports
from storage.reviews import Reviews
from storage.roster import Roster
from storage.search import Search
from storage.submissions import Submissions
from storage.supervisors import Supervisors
from storage.tasks import Tasks
from storage.timetable import Timetable
from storage.training import Training


class UnitOfWork:
    """
    An open transaction. Whoever opened it commits; a repository never does.

    Rows given to `add` wait in memory and go to the database in one `INSERT` a table, at the
    latest at commit. `step` makes the work of one event undoable inside a batch of many.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._waiting: dict[Table, list[dict[str, Any]]] = {}
        self._counters: dict[str, int] = {}
        self._in_step = False
        self._marks: dict[Table, int] = {}
        self._savepoint: AsyncTransaction | None = None

    # -- writing ----------------------------------------------------------------------------------

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Insert `row` with the next flush. It must have every column of its table's others."""
        self._waiting.setdefault(table, []).append(row)

    async def read(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Ask the database. Rows still waiting are not seen: `flush` first where that matters."""
        return await self.connection.execute(statement, parameters)

    async def write(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Change something now; inside a step, behind a savepoint opened at the first change."""
        await self._open_savepoint()
        if rows is None:
            return await self.connection.execute(statement)
        return await self.connection.execute(statement, rows)

    async def number(self, name: str) -> int:
        """The next number of a series, without holes: taken back if the transaction is."""
        if name not in self._counters:
            row = await self.connection.execute(
                select(counters.c.value).where(counters.c.name == name).with_for_update()
            )
            self._counters[name] = row.scalar_one()
        self._counters[name] += 1
        return self._counters[name]

    async def flush(self) -> None:
        """Write everything that waits; inside a step, so that the step can still be undone."""
        await self._open_savepoint()
        await self._flush(up_to=None)

    async def flush_earlier(self) -> None:
        """Write what the earlier steps of a batch have left waiting; this one can be undone."""
        if not self._in_step:
            await self.flush()
        elif self._savepoint is None:
            await self._flush(up_to=self._marks)
            self._marks = {}

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """One event's work: if the block fails, its writes and numbers are undone."""
        self._marks = {table: len(rows) for table, rows in self._waiting.items()}
        numbers = dict(self._counters)
        self._in_step = True
        try:
            yield
        except BaseException:
            for table, rows in self._waiting.items():
                del rows[self._marks.get(table, 0) :]
            self._counters = numbers
            if self._savepoint is not None:
                await self._savepoint.rollback()
            raise
        else:
            if self._savepoint is not None:
                await self._flush(up_to=None)
                await self._savepoint.commit()
        finally:
            self._in_step = False
            self._savepoint = None

    async def _open_savepoint(self) -> None:
        """Behind what the steps before this one have left; nothing outside a step."""
        if self._in_step and self._savepoint is None:
            await self._flush(up_to=self._marks)
            self._marks = {}
            self._savepoint = await self.connection.begin_nested()

    async def _flush(self, up_to: Mapping[Table, int] | None) -> None:
        for table, rows in self._waiting.items():
            count = len(rows) if up_to is None else up_to.get(table, 0)
            if count:
                await self.connection.execute(insert(table), rows[:count])
                del rows[:count]
        if up_to is None and self._counters:
            for name, value in self._counters.items():
                await self.connection.execute(
                    update(counters).where(counters.c.name == name).values(value=value)
                )
            self._counters = {}

    # -- repositories -----------------------------------------------------------------------------

    @cached_property
    def people(self) -> People:
        return People(self)

    @cached_property
    def lines(self) -> Lines:
        return Lines(self)

    @cached_property
    def members(self) -> Members:
        return Members(self)

    @cached_property
    def personal(self) -> Personal:
        return Personal(self)

    @cached_property
    def calendar(self) -> Calendar:
        return Calendar(self)

    @cached_property
    def roster(self) -> Roster:
        return Roster(self)

    @cached_property
    def class_life(self) -> ClassLife:
        return ClassLife(self)

    @cached_property
    def published(self) -> Published:
        return Published(self)

    @cached_property
    def questions(self) -> Questions:
        return Questions(self)

    @cached_property
    def cases(self) -> Cases:
        return Cases(self)

    @cached_property
    def tasks(self) -> Tasks:
        return Tasks(self)

    @cached_property
    def receipts(self) -> Receipts:
        return Receipts(self)

    @cached_property
    def submissions(self) -> Submissions:
        return Submissions(self)

    @cached_property
    def obligations(self) -> Obligations:
        return Obligations(self)

    @cached_property
    def appraisal(self) -> Appraisal:
        return Appraisal(self)

    @cached_property
    def alarms(self) -> Alarms:
        """What needs a person and is not over."""
        return Alarms(self)

    @cached_property
    def consents(self) -> Consents:
        """Who was told what is kept of them."""
        return Consents(self)

    @cached_property
    def training(self) -> Training:
        return Training(self)

    @cached_property
    def reminding(self) -> Reminding:
        return Reminding(self)

    @cached_property
    def interactions(self) -> Interactions:
        return Interactions(self)

    @cached_property
    def learning(self) -> Learning:
        return Learning(self)

    @cached_property
    def inbox(self) -> InboxRows:
        return InboxRows(self)

    @cached_property
    def outbox(self) -> OutboxRows:
        return OutboxRows(self)

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts(self)

    @cached_property
    def supervisors(self) -> Supervisors:
        return Supervisors(self)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self)

    @cached_property
    def reports(self) -> Reports:
        return Reports(self)

    @cached_property
    def reviews(self) -> Reviews:
        return Reviews(self)

    @cached_property
    def figures(self) -> Figures:
        return Figures(self)

    @cached_property
    def group_days(self) -> GroupDays:
        return GroupDays(self)

    @cached_property
    def timetable(self) -> Timetable:
        return Timetable(self)

    @cached_property
    def orientations(self) -> Orientations:
        return Orientations(self)

    @cached_property
    def search(self) -> Search:
        return Search(self)

    @cached_property
    def imports(self) -> Imports:
        return Imports(self)
