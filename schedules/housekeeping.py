"""What has served its time is forgotten."""

from datetime import datetime, timedelta

from schedules.means import Means
from storage import retention
from storage.unit_of_work import UnitOfWork

#: A redelivery is recognised for as long as the event is kept; the words go with it.
EVENTS_KEPT = timedelta(days=180)
FAILURES_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=1)


async def expire(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Prompts nobody answered, sign-ins long unused, failed sign-ins that no longer count."""
    await uow.prompts.expire(now)
    await uow.supervisors.expire(
        failures_before=now - FAILURES_KEPT, sessions_before=now - SESSIONS_KEPT
    )


async def forget_links(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """The secret addresses of calendar feeds, once they have been told."""
    await uow.timetable.forget_links()


async def prune(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Stored messages past their retention; the ledger keeps that they were."""
    await uow.inbox.prune(now - EVENTS_KEPT)
    await retention.apply(uow, now)
    await uow.search.prune()


async def seal(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Lines of the audit list that have no seal yet."""
    await uow.audit.seal(now)


async def index(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """New rows of the ledger can be looked for by their words."""
    await uow.search.index()


async def sum_days(uow: UnitOfWork, now: datetime, means: Means) -> bool:
    """Days that are over are summed once, for the figures of months."""
    return await uow.figures.sum_days(now)
