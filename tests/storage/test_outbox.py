"""What is to be said: claimed where there is a line for it, sent at least once, queued once."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.outbox import OutboxMessage
from storage.vocabulary import Conversation, ConversationKind, Outgoing, Platform

ACCOUNT = "3889000001"
PLACE = Conversation(Platform.QQ, ACCOUNT, ConversationKind.GROUP, "600000000")
HERE = ((Platform.QQ, ACCOUNT),)
LEASE = timedelta(seconds=30)


def reply(key: str = "event:1:0", text: str = "【助手】报考还没开始。") -> Outgoing:
    return Outgoing(key, PLACE, text, quote="1001", mention=("20001",), event_id=1)


async def queue_up(database: Database, now: datetime, *messages: Outgoing) -> None:
    async with database.unit_of_work() as uow:
        for message in messages:
            uow.outbox.add(message, now=now)


async def claim(
    database: Database,
    now: datetime,
    *,
    instance: str = "a",
    accounts: Collection[tuple[Platform, str]] = HERE,
) -> list[OutboxMessage]:
    async with database.unit_of_work() as uow:
        return await uow.outbox.claim(
            accounts=accounts, instance=instance, now=now, lease=LEASE, limit=100
        )


async def test_a_message_comes_out_as_it_went_in(database: Database, now: datetime) -> None:
    await queue_up(database, now, reply())

    (item,) = await claim(database, now)

    assert item == OutboxMessage(reply(), created_at=now, attempts=0, may_be_sent=False)


async def test_only_messages_of_connected_accounts_are_claimed(
    database: Database, now: datetime
) -> None:
    other = replace(PLACE, account="3889000002")
    wechat = replace(PLACE, platform=Platform.WECHAT)
    await queue_up(
        database,
        now,
        reply("mine"),
        Outgoing("other", other, "二"),
        Outgoing("wechat", wechat, "三"),
    )

    nobody = await claim(database, now, accounts=())
    mine = await claim(database, now)
    rest = await claim(
        database, now, accounts=[(Platform.QQ, "3889000002"), (Platform.WECHAT, ACCOUNT)]
    )

    assert nobody == []
    assert [item.message.key for item in mine] == ["mine"]
    assert [item.message.key for item in rest] == ["other", "wechat"]


async def test_a_message_waits_until_its_time(database: Database, now: datetime) -> None:
    muted_until = now + timedelta(minutes=10)
    async with database.unit_of_work() as uow:
        uow.outbox.add(reply(), now=now, not_before=muted_until)

    too_early = await claim(database, muted_until - timedelta(seconds=1))
    in_time = await claim(database, muted_until)

    assert too_early == []
    assert len(in_time) == 1


async def test_after_a_lease_that_ran_out_a_message_may_have_been_sent(
    database: Database, now: datetime
) -> None:
    await queue_up(database, now, reply("begun"))
    await claim(database, now, instance="dead")
    await queue_up(database, now, reply("fresh"))

    items = await claim(database, now + LEASE + timedelta(seconds=1), instance="next")

    assert {item.message.key: item.may_be_sent for item in items} == {"begun": True, "fresh": False}


async def test_the_instance_that_answers_holds_its_own_message(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        kept = uow.outbox.add(reply("held"), now=now, instance="a", lease=LEASE)
        left = uow.outbox.add(reply("free"), now=now)

    for_others = await claim(database, now, instance="b")

    assert (kept.is_leased, left.is_leased) == (True, False)
    assert [item.message.key for item in for_others] == ["free"]


async def test_what_is_sent_is_never_claimed_again(database: Database, now: datetime) -> None:
    await queue_up(database, now, reply())
    await claim(database, now)

    async with database.unit_of_work() as uow:
        await uow.outbox.finish({"event:1:0": "-77"}, now=now)

    assert await claim(database, now + timedelta(days=1), instance="b") == []
    async with database.reading() as uow:
        assert await uow.outbox.counts() == {"done": 1}


async def test_what_was_sent_is_sent_even_where_the_lease_was_lost(
    database: Database, now: datetime
) -> None:
    await queue_up(database, now, reply())
    await claim(database, now, instance="slow")
    await claim(database, now + LEASE + timedelta(seconds=1), instance="quick")

    async with database.unit_of_work() as uow:
        await uow.outbox.finish({"event:1:0": "-77"}, now=now)
        await uow.outbox.finish({"event:1:0": "-78"}, now=now)

    async with database.reading() as uow:
        first = await uow.outbox.quoted(Platform.QQ, ACCOUNT, PLACE.id, "-77")
        second = await uow.outbox.quoted(Platform.QQ, ACCOUNT, PLACE.id, "-78")
    assert first == reply()
    assert second is None


async def test_a_refused_message_is_tried_again_until_it_is_dead(
    database: Database, now: datetime
) -> None:
    """F13"""
    await queue_up(database, now, reply())
    later = now + timedelta(minutes=1)

    (first,) = await claim(database, now)
    async with database.unit_of_work() as uow:
        await uow.outbox.put_back(first, instance="a", at=later, error="busy")
    too_early = await claim(database, now)
    (second,) = await claim(database, later)
    async with database.unit_of_work() as uow:
        await uow.outbox.put_back(second, instance="a", at=later, error="gone", is_dead=True)

    assert too_early == []
    assert (second.attempts, second.may_be_sent) == (1, False)
    assert await claim(database, now + timedelta(days=365)) == []
    async with database.reading() as uow:
        assert await uow.outbox.counts() == {"dead": 1}


async def test_a_try_without_a_line_counts_for_nothing(database: Database, now: datetime) -> None:
    await queue_up(database, now, reply())
    (item,) = await claim(database, now)

    async with database.unit_of_work() as uow:
        await uow.outbox.put_back(item, instance="a", at=now, error="offline", counts=False)

    (again,) = await claim(database, now)
    assert again.attempts == 0


async def test_only_the_holder_puts_a_message_back(database: Database, now: datetime) -> None:
    """F8"""
    await queue_up(database, now, reply())
    (item,) = await claim(database, now, instance="slow")
    await claim(database, now + LEASE + timedelta(seconds=1), instance="quick")

    async with database.unit_of_work() as uow:
        await uow.outbox.put_back(item, instance="slow", at=now, error="", is_dead=True)

    async with database.reading() as uow:
        assert await uow.outbox.counts() == {"ready": 1}


async def test_a_key_is_used_once_for_ever(database: Database, now: datetime) -> None:
    await queue_up(database, now, reply())
    await claim(database, now)
    async with database.unit_of_work() as uow:
        await uow.outbox.finish({"event:1:0": "-77"}, now=now)

    with pytest.raises(IntegrityError):
        await queue_up(database, now, reply(text="又一次"))


async def test_a_quoted_message_of_ours_is_found_in_its_own_conversation_only(
    database: Database, now: datetime
) -> None:
    card = Outgoing(
        "card:12:1", replace(PLACE, kind=ConversationKind.PRIVATE, id="10001"), "待答复"
    )
    card = replace(card, about=12)
    await queue_up(database, now, card, reply())
    async with database.unit_of_work() as uow:
        await uow.outbox.finish({"card:12:1": "-77", "event:1:0": "-77"}, now=now)

    async with database.reading() as uow:
        to_tutor = await uow.outbox.quoted(Platform.QQ, ACCOUNT, "10001", "-77")
        in_group = await uow.outbox.quoted(Platform.QQ, ACCOUNT, PLACE.id, "-77")
        elsewhere = await uow.outbox.quoted(Platform.QQ, ACCOUNT, "600000001", "-77")
        other_account = await uow.outbox.quoted(Platform.QQ, "3889000002", "10001", "-77")

    assert to_tutor == card
    assert in_group == reply()
    assert elsewhere is None
    assert other_account is None


async def test_what_was_said_about_an_event_is_found_in_order(
    database: Database, now: datetime
) -> None:
    second = replace(reply("event:1:1"), text="第二条")
    other = replace(reply("event:2:0"), event_id=2)
    await queue_up(database, now, reply(), second, other)

    async with database.reading() as uow:
        found = await uow.outbox.replies_to([1, 2, 3])
        nothing = await uow.outbox.replies_to([])

    assert found == {1: [reply(), second], 2: [other]}
    assert nothing == {}


async def test_renewing_releasing_and_expiring_move_only_what_one_holds(
    database: Database, now: datetime
) -> None:
    await queue_up(database, now, reply("kept"))
    await claim(database, now, instance="alive")
    await queue_up(database, now, reply("left"))
    await claim(database, now, instance="leaving")

    async with database.unit_of_work() as uow:
        await uow.outbox.renew("alive", now + 3 * LEASE)
        await uow.outbox.release("leaving")
    left = await claim(database, now + 2 * LEASE, instance="next")
    async with database.unit_of_work() as uow:
        await uow.outbox.expire(now + 2 * LEASE)
    kept = await claim(database, now + 2 * LEASE, instance="next")

    assert [(item.message.key, item.may_be_sent) for item in left] == [("left", False)]
    assert ("kept", True) in [(item.message.key, item.may_be_sent) for item in kept]
