"""Accounts come and go: what was missed is a window, and no clock runs in it."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.lines import Login
from storage.questions import HandOff, State
from storage.vocabulary import Conversation, ConversationKind, Label, Message, Platform, Topic
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

QQ = (Platform.QQ, QQ_ACCOUNT)
MINUTE = timedelta(minutes=1)


async def come(database: Database, at: datetime) -> None:
    async with database.unit_of_work() as uow:
        await uow.lines.came(*QQ, at)


async def go(database: Database, at: datetime) -> None:
    async with database.unit_of_work() as uow:
        await uow.lines.went(*QQ, at)


async def note(database: Database, classroom: Classroom, at: datetime) -> HandOff:
    """小李 asks at `at`; it is noted with ten minutes' grace."""
    message = Message(GROUP, "20001", "小李", "1", "食堂几点关门", at)
    async with database.unit_of_work() as uow:
        return await uow.questions.add(
            message,
            kind=Label.QUESTION,
            class_id=classroom.room.id,
            person_id=None,
            event_id=1,
            text=message.text,
            topic=Topic.OTHER,
            is_about_tutor=False,
            surface_at=at + 10 * MINUTE,
        )


async def surfaced(database: Database, at: datetime) -> list[int]:
    async with database.unit_of_work() as uow:
        return [item.number for item in await uow.questions.surface(at)]


async def test_an_account_that_was_away_leaves_a_window(database: Database, now: datetime) -> None:
    """F12"""
    await come(database, now)
    await go(database, now + MINUTE)
    await come(database, now + 5 * MINUTE)

    async with database.reading() as uow:
        (window,) = await uow.lines.windows(now)
        (line,) = await uow.lines.all()
    assert (window.starts_at, window.ends_at) == (now + MINUTE, now + 5 * MINUTE)
    assert (line.is_online, line.since) == (True, now + 5 * MINUTE)


async def test_a_process_that_died_was_blind_since_it_was_last_seen(
    database: Database, now: datetime
) -> None:
    await come(database, now)
    async with database.unit_of_work() as uow:
        await uow.lines.seen([QQ], now + 2 * MINUTE)
    await come(database, now + 9 * MINUTE)

    async with database.reading() as uow:
        (window,) = await uow.lines.windows(now)
    assert (window.starts_at, window.ends_at) == (now + 2 * MINUTE, now + 9 * MINUTE)


async def test_the_first_time_ever_is_no_window(database: Database, now: datetime) -> None:
    await come(database, now)

    async with database.reading() as uow:
        assert await uow.lines.windows(now - timedelta(days=1)) == []


async def test_blind_spans_reach_to_now_while_the_account_is_away(
    database: Database, now: datetime
) -> None:
    await come(database, now)
    await go(database, now + MINUTE)
    await come(database, now + 2 * MINUTE)
    await go(database, now + 5 * MINUTE)

    async with database.reading() as uow:
        other = (Platform.WECHAT, QQ_ACCOUNT)
        spans = await uow.lines.blind([QQ, other], now, now + 8 * MINUTE)
        later = await uow.lines.blind([QQ], now + 3 * MINUTE, now + 8 * MINUTE)
    assert spans == {
        QQ: [
            (now + MINUTE, now + 2 * MINUTE),
            (now + 5 * MINUTE, now + 8 * MINUTE),
        ]
    }
    assert later == {QQ: [(now + 5 * MINUTE, now + 8 * MINUTE)]}


async def test_a_noted_question_gets_the_blind_time_on_top_of_its_grace(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await come(database, now)
    item = await note(database, classroom, now)
    await go(database, now + 4 * MINUTE)
    while_blind = await surfaced(database, now + 20 * MINUTE)
    await come(database, now + 24 * MINUTE)

    just_before = await surfaced(database, now + 29 * MINUTE)
    at_last = await surfaced(database, now + 30 * MINUTE)

    assert (while_blind, just_before, at_last) == ([], [], [item.number])


async def test_an_account_that_stays_away_keeps_no_question_for_ever(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await come(database, now)
    item = await note(database, classroom, now)
    await go(database, now + MINUTE)

    assert await surfaced(database, now + 60 * MINUTE) == []
    assert await surfaced(database, now + 62 * MINUTE) == [item.number]
    async with database.reading() as uow:
        found = await uow.questions.get(item.number)
    assert found is not None
    assert found.state is State.WAITING


async def test_the_code_to_scan_goes_when_it_has_been_scanned(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await uow.lines.put_login(Login(Platform.WECHAT, "scan", now, code="https://login/x"))
    async with database.unit_of_work() as uow:
        await uow.lines.put_login(Login(Platform.WECHAT, "online", now, "wxid_1", "助手"))

    async with database.reading() as uow:
        assert await uow.lines.logins() == [
            Login(Platform.WECHAT, "online", now, "wxid_1", "助手", "")
        ]


async def test_whoever_has_written_to_us_alone_can_be_written_to(
    database: Database, now: datetime
) -> None:
    place = Conversation(Platform.WECHAT, "wxid_bot", ConversationKind.PRIVATE, "wxid_li")
    elsewhere = Conversation(Platform.WECHAT, "wxid_bot", ConversationKind.PRIVATE, "wxid_wang")
    async with database.unit_of_work() as uow:
        await uow.inbox.store([Message(place, "wxid_li", "小李", "1", "你好", now)], now=now)

    async with database.reading() as uow:
        assert await uow.inbox.has_heard(place)
        assert not await uow.inbox.has_heard(elsewhere)
