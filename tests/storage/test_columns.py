"""Times come back as they went in, and naive ones and broken text never go in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError

from storage.columns import CleanText, ShanghaiDateTime
from storage.database import Database
from storage.prompts import Prompt
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Platform

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")

instants = st.integers(946_684_800_000_000, 4_102_444_800_000_000).map(
    lambda microseconds: datetime.fromtimestamp(0, SHANGHAI) + timedelta(microseconds=microseconds)
)


async def test_an_instant_comes_back_in_shanghai_time(database: Database) -> None:
    new_york = timezone(timedelta(hours=-5))
    expires_at = datetime(2026, 12, 1, 7, 15, 30, 123456, tzinfo=new_york)
    async with database.unit_of_work() as uow:
        await uow.prompts.put(PLACE, "20001", Prompt("choice", "{}", expires_at))

    async with database.reading() as uow:
        found = await uow.prompts.open(expires_at - timedelta(seconds=1))

    (prompt,) = found.values()
    assert prompt.expires_at == expires_at
    assert prompt.expires_at.tzinfo is SHANGHAI
    assert prompt.expires_at.isoformat() == "2026-12-01T20:15:30.123456+08:00"


async def test_a_naive_time_is_refused(database: Database) -> None:
    naive = datetime(2026, 12, 1, 20, 15)  # noqa: DTZ001 -- what the test is about

    with pytest.raises(StatementError, match="naive"):
        async with database.unit_of_work() as uow:
            await uow.prompts.put(PLACE, "20001", Prompt("choice", "{}", naive))

    async with database.reading() as uow:
        assert await uow.prompts.open(datetime(2020, 1, 1, tzinfo=UTC)) == {}


async def test_times_are_compared_as_instants_and_not_as_texts(database: Database) -> None:
    """Midnight in Shanghai is the day before in UTC, and a whole second has no microseconds."""
    whole = datetime(2026, 12, 2, 0, 0, 0, tzinfo=SHANGHAI)
    async with database.unit_of_work() as uow:
        await uow.prompts.put(PLACE, "20001", Prompt("choice", "{}", whole))

    async with database.reading() as uow:
        before = await uow.prompts.open(whole - timedelta(microseconds=1))
        after = await uow.prompts.open(whole)

    assert len(before) == 1
    assert after == {}


@settings(deadline=None)
@given(instants, instants)
def test_what_sqlite_keeps_sorts_as_time_does(one: datetime, other: datetime) -> None:
    column, dialect = ShanghaiDateTime(), sqlite.dialect()

    stored = [column.process_bind_param(at, dialect) for at in (one, other)]

    one_utc, other_utc = one.astimezone(UTC), other.astimezone(UTC)
    assert (stored[0] < stored[1]) == (one_utc < other_utc)
    assert column.process_result_value(stored[0], dialect) == one_utc


@settings(deadline=None)
@given(st.text() | st.text(st.characters(categories=["Cs", "Lu"])))
def test_clean_text_is_always_something_postgresql_takes(text: str) -> None:
    clean = CleanText().process_bind_param(text, postgresql.dialect())

    assert clean is not None
    assert "\0" not in clean
    clean.encode("utf-8")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_clean_text_leaves_ordinary_text_alone(text: str) -> None:
    assert CleanText().process_bind_param(text, sqlite.dialect()) == text


async def test_broken_text_is_stored_cleaned(database: Database, now: datetime) -> None:
    async with database.unit_of_work() as uow:
        uow.audit.add(at=now, actor="cli", action="x", target="t", detail="甲\0乙\ud83d丙")
    async with database.unit_of_work() as uow:
        await uow.prompts.put(PLACE, "1", Prompt("choice", "甲\0乙\ud83d丙", now))

    async with database.reading() as uow:
        (prompt,) = (await uow.prompts.open(now - timedelta(seconds=1))).values()

    assert prompt.detail == "甲乙?丙"
