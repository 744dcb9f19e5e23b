"""Claim, renew, settle, retry: the lease arithmetic, once, for inbox and outbox.

A row is claimable when it is ready, its time has come and nobody holds a live lease on it. The
same statements run on SQLite and PostgreSQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    Update,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.errors import LeaseLost

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

READY, DONE, DEAD = "ready", "done", "dead"


def is_claimable(table: Table, now: datetime) -> ColumnElement[bool]:
    """Ready, due and not held by a living instance."""
    return and_(
        table.c.state == READY,
        table.c.not_before <= now,
        or_(table.c.leased_until.is_(None), table.c.leased_until < now),
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a queue still has to do, and what has failed for good."""

    ready: int
    dead: int


def is_in(table: Table, state: str) -> ColumnElement[bool]:
    """In that state; written out, since an index of some rows is not used for a parameter."""
    return table.c.state == literal_column(f"'{state}'")


async def backlog(uow: "UnitOfWork", table: Table) -> Backlog:
    """Counted from the indexes of what is ready and what is dead, however long the history."""
    ready, dead = [
        (
            await uow.read(select(func.count()).select_from(table).where(is_in(table, state)))
        ).scalar_one()
        for state in (READY, DEAD)
    ]
    return Backlog(ready, dead)


async def claim(
    connection: AsyncConnection,
    table: Table,
    *,
    instance: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    only: ColumnElement[bool] | None = None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The oldest claimable rows, now leased to `instance`; each row goes to one claimant only."""
    wanted = is_claimable(table, now)
    if only is not None:
        wanted = and_(wanted, only)
    oldest = (
        select(table.c.id)
        .where(wanted)
        .order_by(table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # A CTE is run once; a bare subquery PostgreSQL may run again for every row, past its limit.
        .cte("oldest")
    )
    statement = (
        update(table)
        .where(table.c.id.in_(select(oldest.c.id)), wanted)
        .values(leased_by=instance, leased_until=now + lease)
        .returning(*table.c)
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: int(row.id))


async def renew(
    connection: AsyncConnection, table: Table, *, instance: str, until: datetime
) -> None:
    """Keep everything `instance` holds for longer: its heartbeat."""
    await connection.execute(
        update(table)
        .where(table.c.state == READY, table.c.leased_by == instance)
        .values(leased_until=until)
    )


async def release(connection: AsyncConnection, table: Table, *, instance: str) -> None:
    """Give back what `instance` holds and has not begun: its last act."""
    await connection.execute(
        update(table)
        .where(table.c.state == READY, table.c.leased_by == instance)
        .values(leased_by=None, leased_until=None)
    )


async def expire(connection: AsyncConnection, table: Table, *, now: datetime) -> None:
    """End every lease now, for a database that nobody else can have open.

    Who held it stays in the row: that tells a message that may be sent from one that is not.
    """
    await connection.execute(
        update(table)
        .where(table.c.state == READY, table.c.leased_by.is_not(None))
        .values(leased_until=now - timedelta(seconds=1))
    )


async def finish(
    connection: AsyncConnection, table: Table, *, ids: Sequence[int], instance: str
) -> None:
    """Mark rows done.

    Raises:
        LeaseLost: another instance has taken one of them over; nothing may be kept.
    """
    if not ids:
        return
    result = await connection.execute(_finish(table), {"ids": list(ids), "instance": instance})
    if result.rowcount != len(ids):
        raise LeaseLost(f"{len(ids) - result.rowcount} of {len(ids)} rows of {table.name}")


@cache
def _finish(table: Table) -> Update:
    """Run for every batch of messages, so built once."""
    return (
        update(table)
        .where(
            table.c.id.in_(bindparam("ids", expanding=True)),
            table.c.state == READY,
            table.c.leased_by == bindparam("instance"),
        )
        .values(state=DONE, leased_by=None, leased_until=None)
    )


async def put_back(
    connection: AsyncConnection,
    table: Table,
    *,
    row_id: int,
    instance: str,
    not_before: datetime,
    attempts: int,
    error: str,
    is_dead: bool = False,
) -> None:
    """Try a row again at `not_before`, or never again."""
    await connection.execute(
        update(table)
        .where(table.c.id == row_id, table.c.state == READY, table.c.leased_by == instance)
        .values(
            state=DEAD if is_dead else READY,
            attempts=attempts,
            not_before=not_before,
            error=error[:500],
            leased_by=None,
            leased_until=None,
        )
    )
