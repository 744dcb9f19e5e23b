"""
What a database that was put back must not do: say again what may have been said since the copy.

Nobody knows what became of the time between the copy and now. What waited then, and what fell due
since, is therefore not sent but listed for a person; what a person could sign in with is void.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update

from storage import queue
from storage.models.people import binding_codes
from storage.models.queues import inbound_events, outbox
from storage.models.supervisors import web_sessions
from storage.models.tasks import obligations
from storage.obligations import CLOCK, ObligationState, Why
from storage.reminding import Firing
from storage.unit_of_work import UnitOfWork

_AT_A_TIME = 50
#: What stands beside a message that is not sent again, on the console's page of lines.
UNKNOWN = "恢复备份以前排队的，可能已经发过；确认没发过再重试"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """How much is left to a person, and how many events are worked once more."""

    messages: int
    reminders: int
    events: int


async def hold_back(uow: UnitOfWork, now: datetime) -> Aftermath:
    """
    Nothing that was due by `now` goes out by itself. Doing it twice holds back nothing more.

    Messages are listed as unsent; reminders end as expired, of which their tutor is told and which
    can be sent again from their page while they are of use. Events that had not been worked when
    the copy was taken are worked: nobody else has them on record.
    """
    held = await uow.write(
        update(outbox)
        .where(queue.is_in(outbox, queue.READY), outbox.c.not_before <= now)
        .values(state=queue.DEAD, error=UNKNOWN, leased_by=None, leased_until=None)
    )
    ended = await uow.write(
        update(obligations)
        .where(
            obligations.c.state.in_((ObligationState.PLANNED, ObligationState.QUEUED)),
            obligations.c.due_at <= now,
        )
        .values(
            state=ObligationState.EXPIRED,
            ended_at=now,
            ended_by=CLOCK,
            why=Why.RESTORED,
        )
    )
    waiting = select(func.count()).where(queue.is_in(inbound_events, queue.READY))
    events = (await uow.read(waiting)).scalar_one()
    await uow.write(delete(web_sessions))
    await uow.write(delete(binding_codes))
    return Aftermath(held.rowcount, ended.rowcount, events)


async def expire_due(uow: UnitOfWork, now: datetime) -> int:
    """Reminders that fell due since the copy end without being said; how many recipients' worth.

    Only some at a time: 0 when there are no more.
    """
    due = await uow.reminding.due(now, now, _AT_A_TIME)
    firings: Sequence[Firing] = [
        Firing(item, now, is_expired=True, why=Why.RESTORED) for item in due
    ]
    await uow.reminding.owe(firings, now)
    return len(due)
