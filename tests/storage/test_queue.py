"""The lease: every row to one claimant, a dead claimant's rows to the next, nothing twice."""

import asyncio
from datetime import datetime, timedelta

import pytest

from storage.database import Database
from storage.errors import LeaseLost
from storage.inbox import InboundEvent
from storage.vocabulary import Conversation, ConversationKind, Message, Platform

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
LEASE = timedelta(seconds=30)


async def fill(database: Database, count: int, now: datetime) -> list[int]:
    """`count` events that nobody holds; their ids, oldest first."""
    messages = [
        Message(PLACE, "20001", "李明", str(index), f"第 {index} 句", now) for index in range(count)
    ]
    async with database.unit_of_work() as uow:
        return [event.id for event in await uow.inbox.store(messages, now=now)]


async def claim(
    database: Database, instance: str, now: datetime, limit: int = 100
) -> list[InboundEvent]:
    async with database.unit_of_work() as uow:
        return await uow.inbox.claim(instance=instance, now=now, lease=LEASE, limit=limit)


async def test_eight_claimants_at_once_get_each_row_once(database: Database, now: datetime) -> None:
    ids = await fill(database, 200, now)

    async def work(instance: str) -> list[int]:
        claimed: list[int] = []
        while True:
            events = await claim(database, instance, now, limit=7)
            if not events:
                return claimed
            claimed += [event.id for event in events]

    shares = await asyncio.gather(*(work(f"i{n}") for n in range(8)))
    # With SKIP LOCKED one who finds everything locked goes away empty; it would look again later.
    rest = [event.id for event in await claim(database, "late", now, limit=200)]

    claimed = [row_id for share in shares for row_id in share] + rest
    assert sorted(claimed) == ids


async def test_the_oldest_come_first(database: Database, now: datetime) -> None:
    ids = await fill(database, 5, now)

    first = await claim(database, "a", now, limit=2)
    second = await claim(database, "b", now, limit=2)

    assert [event.id for event in first + second] == ids[:4]


async def test_a_lease_that_ran_out_is_claimable_again(database: Database, now: datetime) -> None:
    ids = await fill(database, 3, now)
    await claim(database, "dead", now)

    while_it_holds = await claim(database, "next", now + LEASE)
    afterwards = await claim(database, "next", now + LEASE + timedelta(seconds=1))

    assert while_it_holds == []
    assert [event.id for event in afterwards] == ids


async def test_a_heartbeat_keeps_a_lease(database: Database, now: datetime) -> None:
    await fill(database, 3, now)
    await claim(database, "alive", now)

    async with database.unit_of_work() as uow:
        await uow.inbox.renew("alive", now + 2 * LEASE)
        await uow.inbox.renew("somebody else", now + 9 * LEASE)

    assert await claim(database, "next", now + LEASE + timedelta(seconds=1)) == []
    assert len(await claim(database, "next", now + 3 * LEASE)) == 3


async def test_what_was_taken_over_cannot_be_finished_and_leaves_no_trace(
    database: Database, now: datetime
) -> None:
    ids = await fill(database, 2, now)
    await claim(database, "slow", now)
    await claim(database, "quick", now + LEASE + timedelta(seconds=1), limit=1)

    async def finish_late() -> None:
        async with database.unit_of_work() as uow:
            uow.audit.add(at=now, actor="slow", action="effect", target="")
            await uow.inbox.finish(ids, "slow")

    with pytest.raises(LeaseLost, match="1 of 2"):
        await finish_late()

    async with database.unit_of_work() as uow:
        assert await uow.audit.actions() == []
        await uow.inbox.finish(ids[:1], "quick")
        await uow.inbox.finish(ids[1:], "slow")


async def test_what_is_done_is_never_claimed_again(database: Database, now: datetime) -> None:
    ids = await fill(database, 2, now)
    await claim(database, "a", now)
    async with database.unit_of_work() as uow:
        await uow.inbox.finish(ids, "a")

    with pytest.raises(LeaseLost):
        async with database.unit_of_work() as uow:
            await uow.inbox.finish(ids, "a")

    assert await claim(database, "b", now + timedelta(days=365)) == []


async def test_a_failed_row_comes_back_at_its_time_and_dead_ones_stay(
    database: Database, now: datetime
) -> None:
    await fill(database, 2, now)
    later, never = await claim(database, "a", now)
    at = now + timedelta(minutes=5)
    async with database.unit_of_work() as uow:
        await uow.inbox.put_back(later, instance="a", at=at, error="first", is_dead=False)
        await uow.inbox.put_back(never, instance="a", at=at, error="x" * 900, is_dead=True)

    too_early = await claim(database, "b", at - timedelta(seconds=1))
    (again,) = await claim(database, "b", at)

    assert too_early == []
    assert (again.id, again.attempts) == (later.id, 1)
    async with database.unit_of_work() as uow:
        await uow.inbox.prune(now + timedelta(days=365))
        assert await uow.inbox.set_aside() == [(never.id, "x" * 500, now)]


async def test_a_row_is_put_back_only_by_its_holder(database: Database, now: datetime) -> None:
    await fill(database, 1, now)
    (event,) = await claim(database, "slow", now)
    await claim(database, "quick", now + LEASE + timedelta(seconds=1))

    async with database.unit_of_work() as uow:
        await uow.inbox.put_back(event, instance="slow", at=now, error="", is_dead=True)

    async with database.unit_of_work() as uow:
        await uow.inbox.finish([event.id], "quick")
        assert await uow.inbox.set_aside() == []


async def test_what_is_released_or_expired_is_free_at_once(
    database: Database, now: datetime
) -> None:
    ids = await fill(database, 2, now)
    await claim(database, "leaving", now, limit=1)
    await claim(database, "gone", now, limit=1)

    async with database.unit_of_work() as uow:
        await uow.inbox.release("leaving")
    released = await claim(database, "next", now)
    async with database.unit_of_work() as uow:
        await uow.inbox.expire(now)
    expired = await claim(database, "next", now)

    assert [event.id for event in released] == ids[:1]
    assert [event.id for event in expired] == ids
