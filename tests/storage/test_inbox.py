"""A redelivery is one event, two messages are two, and a broken text harms nobody beside it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from storage.cases import Step, StepKind
from storage.database import Database
from storage.inbox import dedup_key
from storage.questions import SolvedBy
from storage.vocabulary import (
    SHANGHAI,
    Attachment,
    AttachmentKind,
    ContactRequest,
    Conversation,
    ConversationKind,
    Incoming,
    Label,
    MembershipChange,
    Message,
    MuteChange,
    Platform,
    Recall,
    Topic,
)
from tests.conftest import Classroom

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
SENT_AT = datetime(2026, 12, 1, 20, 15, tzinfo=SHANGHAI)


def said(text: str = "考试什么时候报名？", **changes: Any) -> Message:
    """A message of 李明's in the class group."""
    message = Message(PLACE, "20001", "李明", "1001", text, SENT_AT, native_time="1796127300")
    return replace(message, **changes)


async def test_a_message_comes_back_as_it_went_in(database: Database, now: datetime) -> None:
    message = said(
        mentions_bot=True,
        mentions=("10001",),
        reply_to="-5",
        attachments=(Attachment(AttachmentKind.IMAGE, "a.png", "https://example.invalid/a"),),
    )
    async with database.unit_of_work() as uow:
        (stored,) = await uow.inbox.store([message], now=now)

    async with database.reading() as uow:
        found = await uow.inbox.messages([stored.id])

    assert found == {stored.id: message}


async def test_a_redelivery_is_one_event_however_late(database: Database, now: datetime) -> None:
    """F3"""
    async with database.unit_of_work() as uow:
        first = await uow.inbox.store([said(), said()], now=now)
    async with database.unit_of_work() as uow:
        soon = await uow.inbox.store([said()], now=now)
    async with database.unit_of_work() as uow:
        late = await uow.inbox.store([said()], now=now + timedelta(days=90))

    assert len(first) == 1
    assert soon == []
    assert late == []


async def test_a_redelivery_is_known_after_its_event_was_done(
    database: Database, now: datetime
) -> None:
    """F3"""
    async with database.unit_of_work() as uow:
        (event,) = await uow.inbox.store(
            [said()], now=now, instance="a", lease=timedelta(seconds=30)
        )
        await uow.inbox.finish([event.id], "a")

    async with database.unit_of_work() as uow:
        again = await uow.inbox.store([said()], now=now + timedelta(days=3))
        claimed = await uow.inbox.claim(
            instance="b", now=now + timedelta(days=3), lease=timedelta(seconds=30), limit=10
        )

    assert again == []
    assert claimed == []


@pytest.mark.parametrize(
    "other",
    [
        said(conversation=replace(PLACE, id="600000001")),
        said(conversation=replace(PLACE, account="3889000002")),
        said(conversation=replace(PLACE, kind=ConversationKind.PRIVATE)),
        said(conversation=replace(PLACE, platform=Platform.WECHAT)),
        said(sender_id="20002"),
        said(native_time="1796127301"),
        said(message_id="1002"),
    ],
    ids=["group", "account", "kind", "platform", "sender", "time", "message id"],
)
def test_whatever_differs_makes_another_message(other: Message) -> None:
    """A OneBot message id may be a 32-bit hash, so on its own it proves nothing."""
    assert dedup_key(other) != dedup_key(said())


def test_what_the_platform_may_tell_differently_each_time_makes_no_other_message() -> None:
    again = said("换了写法", sender_name="改了名片", sent_at=SENT_AT + timedelta(hours=1))

    assert dedup_key(again) == dedup_key(said())


def test_events_of_different_kinds_never_share_a_key() -> None:
    events: list[Incoming] = [
        said(),
        Recall(PLACE, "1001", "20001", "20001", SENT_AT),
        MembershipChange(PLACE, "20001", True, False, SENT_AT),
        MembershipChange(PLACE, "20001", False, False, SENT_AT),
        MembershipChange(PLACE, "20001", True, False, SENT_AT + timedelta(days=1)),
        MuteChange(PLACE, SENT_AT + timedelta(hours=1), SENT_AT),
        MuteChange(PLACE, None, SENT_AT),
        ContactRequest(PLACE, "20001", "flag", "", SENT_AT),
    ]

    assert len({dedup_key(event) for event in events}) == len(events)


async def test_messages_that_share_an_id_are_all_kept_in_order(
    database: Database, now: datetime
) -> None:
    """F4"""
    messages = [
        said(sender_id="20003"),
        said(),
        said(conversation=replace(PLACE, id="600000001")),
        said(native_time="1796127999"),
        said(message_id="0999"),
    ]

    async with database.unit_of_work() as uow:
        stored = await uow.inbox.store(messages, now=now)

    assert [event.incoming for event in stored] == messages
    assert [event.id for event in stored] == sorted(event.id for event in stored)


async def test_the_same_words_twice_are_two_messages(database: Database, now: datetime) -> None:
    """F4"""
    async with database.unit_of_work() as uow:
        stored = await uow.inbox.store([said("在吗"), said("在吗", message_id="1002")], now=now)

    assert len(stored) == 2


@pytest.mark.parametrize("broken", ["前\0后", "前\ud83d后", "\udc00", "\0"])
async def test_a_broken_text_does_not_take_its_batch_with_it(
    database: Database, now: datetime, broken: str
) -> None:
    batch = [
        said("好好的", message_id="1"),
        said(broken, message_id="2", sender_name=broken),
        said("也好好的", message_id="3"),
    ]

    async with database.unit_of_work() as uow:
        stored = await uow.inbox.store(batch, now=now)

    async with database.unit_of_work() as uow:
        claimed = await uow.inbox.claim(
            instance="a", now=now, lease=timedelta(seconds=30), limit=10
        )
    assert [event.id for event in claimed] == [event.id for event in stored]
    assert len(claimed) == 3


async def test_a_long_batch_keeps_its_order(database: Database, now: datetime) -> None:
    messages = [said(message_id=str(number)) for number in range(600)]

    async with database.unit_of_work() as uow:
        stored = await uow.inbox.store(messages, now=now)
    async with database.unit_of_work() as uow:
        claimed = await uow.inbox.claim(
            instance="a", now=now, lease=timedelta(seconds=30), limit=600
        )

    assert [event.incoming for event in stored] == messages
    assert [event.incoming for event in claimed] == messages


async def test_what_is_stored_with_a_lease_is_not_for_others(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await uow.inbox.store([said()], now=now, instance="a", lease=timedelta(seconds=30))

    async with database.unit_of_work() as uow:
        for_others = await uow.inbox.claim(
            instance="b", now=now, lease=timedelta(seconds=30), limit=10
        )

    assert for_others == []


async def test_every_kind_of_event_is_claimed_as_what_it_is(
    database: Database, now: datetime
) -> None:
    events: list[Incoming] = [
        Recall(PLACE, "1001", "20001", "10001", SENT_AT),
        MembershipChange(PLACE, "20009", True, False, SENT_AT),
        MuteChange(PLACE, None, SENT_AT),
        ContactRequest(PLACE, "20001", "flag", "我是学生", SENT_AT),
    ]
    async with database.unit_of_work() as uow:
        await uow.inbox.store(events, now=now)

    async with database.unit_of_work() as uow:
        claimed = await uow.inbox.claim(
            instance="a", now=now, lease=timedelta(seconds=30), limit=10
        )

    assert [event.incoming for event in claimed] == events


async def test_a_recalled_message_loses_its_words_and_stays_on_record(
    database: Database, now: datetime
) -> None:
    """F18"""
    picture = Attachment(AttachmentKind.IMAGE, "a.png", "https://example.invalid/a")
    async with database.unit_of_work() as uow:
        (event,) = await uow.inbox.store([said("说错了", attachments=(picture,))], now=now)

    async with database.unit_of_work() as uow:
        assert isinstance(event.incoming, Message)
        await uow.inbox.forget_texts([(event.id, event.incoming)], "〔已撤回〕")

    async with database.reading() as uow:
        kept = (await uow.inbox.messages([event.id]))[event.id]
    assert kept == said("〔已撤回〕")


async def test_a_message_is_found_by_its_place_and_id(database: Database, now: datetime) -> None:
    recall = Recall(PLACE, "1001", "20001", "20001", SENT_AT)
    async with database.unit_of_work() as uow:
        _, stored = await uow.inbox.store([recall, said()], now=now)

    async with database.reading() as uow:
        found = await uow.inbox.find(Platform.QQ, PLACE.account, PLACE.id, "1001")
        elsewhere = await uow.inbox.find(Platform.QQ, PLACE.account, "600000001", "1001")

    assert found == stored
    assert elsewhere is None


async def test_only_done_events_past_their_retention_are_forgotten(
    database: Database, now: datetime
) -> None:
    """Y6"""
    async with database.unit_of_work() as uow:
        old = await uow.inbox.store(
            [said(), said(message_id="2")], now=now, instance="a", lease=timedelta(seconds=30)
        )
        await uow.inbox.finish([old[0].id], "a")
        (new,) = await uow.inbox.store(
            [said(message_id="3")], now=now + timedelta(days=1), instance="a"
        )
        await uow.inbox.finish([new.id], "a")

    async with database.unit_of_work() as uow:
        forgotten = await uow.inbox.prune(now + timedelta(hours=1))

    async with database.reading() as uow:
        left = await uow.inbox.messages([event.id for event in [*old, new]])
    assert forgotten == 1
    assert set(left) == {old[1].id, new.id}


async def test_the_evidence_of_what_is_open_is_kept(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        began, added, other = await uow.inbox.store(
            [said(message_id=str(number)) for number in range(3)], now=now, instance="a"
        )
        await uow.inbox.finish([began.id, added.id, other.id], "a")
        assert isinstance(began.incoming, Message)
        item = await uow.questions.add(
            began.incoming,
            kind=Label.COMPLAINT,
            class_id=classroom.room.id,
            person_id=None,
            event_id=began.id,
            text="书没发",
            topic=Topic.TEXTBOOK,
            is_about_tutor=False,
            surface_at=None,
        )
        uow.cases.note(Step(item.number, now, StepKind.ADDED, "person:1", "", added.id))

    async with database.unit_of_work() as uow:
        assert await uow.inbox.prune(now + timedelta(days=200)) == 1
        assert await uow.questions.close(
            item, at=now, solved_by=SolvedBy.SUPERVISOR, by=None, answer="补发了"
        )
    async with database.unit_of_work() as uow:
        assert await uow.inbox.prune(now + timedelta(days=200)) == 2
