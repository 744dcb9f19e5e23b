"""The ledger is searched by what was said; what was taken back or is sealed is not found."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.database import Database
from storage.imports import ClassRow
from storage.interactions import Kind, Record
from storage.reports import LedgerFilter
from storage.search import tokens
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Message,
    Platform,
)

PLACE = Conversation(Platform.QQ, "1", ConversationKind.GROUP, "2")


def test_words_are_pairs_of_characters() -> None:
    assert tokens("准考证 T-12，Ｑ群！") == ["准考", "考证", "t", "12", "q", "群"]
    assert tokens("，。") == []


@given(st.text(max_size=200))
def test_tokens_hold_nothing_a_query_could_be_broken_with(words: str) -> None:
    assert all(token.isalnum() for token in tokens(words))


async def _said(database: Database, now: datetime, *words: str, kind: Kind = Kind.QUESTION) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.units([("市开大", "")])
        known = await uow.imports.class_names()
        if "计算机2301" not in known:
            await uow.imports.classes(
                [ClassRow("计算机2301", Platform.QQ, "1", "2", "王敏", "10001")],
                default_mode="confident",
                default_grace=10,
                now=now,
            )
        stored = await uow.inbox.store(
            [
                Message(PLACE, "7", "小李", f"{now:%H%M%S}-{index}", text, now)
                for index, text in enumerate(words)
            ],
            now=now,
            instance="a",
            lease=timedelta(seconds=30),
        )
        room = await uow.people.class_named("计算机2301", now)
        assert room is not None
        for event in stored:
            uow.interactions.add(
                Record(kind, Action.ANSWER),
                key=f"event:{event.id}",
                at=now,
                class_id=room.id,
                tutor_id=None,
                person_id=None,
                platform=Platform.QQ,
                speaker_id="7",
                event_id=event.id,
                message_id="1",
            )


async def _index(database: Database) -> int:
    async with database.unit_of_work() as uow:
        return await uow.search.index()


async def _found(database: Database, words: str) -> list[int | None]:
    async with database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter(words=words))
    return [row.event_id for row in rows]


async def test_rows_are_found_by_any_two_characters(database: Database, now: datetime) -> None:
    await _said(database, now, "准考证去哪打印", "期末考试什么时候报名", "学费 1200 交到哪")

    assert await _index(database) == 3
    assert await _index(database) == 0

    assert await _found(database, "考证") == [1]
    assert await _found(database, "考试 报名") == [2]
    assert await _found(database, "1200") == [3]
    assert await _found(database, "报名考试期末") == []
    assert await _found(database, "没有说过") == []


@pytest.mark.parametrize("words", ["'", '"', "考证' OR '1'='1", "*", "%", "NEAR(", "-", "\\", "🙂"])
async def test_odd_words_find_nothing_and_break_nothing(
    database: Database, now: datetime, words: str
) -> None:
    await _said(database, now, "准考证去哪打印")
    await _index(database)

    assert await _found(database, words) == []


async def test_what_was_taken_back_is_not_found(database: Database, now: datetime) -> None:
    await _said(database, now, "我的病历给您看看", "准考证去哪打印")
    await _index(database)
    assert await _found(database, "病历") == [1]

    async with database.unit_of_work() as uow:
        message = (await uow.inbox.messages([1]))[1]
        await uow.inbox.forget_texts([(1, message)], "（已撤回）")
    await _index(database)

    assert await _found(database, "病历") == []
    assert await _found(database, "准考") == [2]


async def test_a_cry_for_help_is_not_found_by_its_words(database: Database, now: datetime) -> None:
    await _said(database, now, "我撑不下去了", kind=Kind.DISTRESS)
    await _index(database)

    assert await _found(database, "撑不") == []


async def test_what_the_inbox_has_forgotten_is_not_found(database: Database, now: datetime) -> None:
    await _said(database, now, "准考证去哪打印")
    await _index(database)
    async with database.unit_of_work() as uow:
        await uow.inbox.finish([1], "a")

    async with database.unit_of_work() as uow:
        assert await uow.inbox.prune(now + timedelta(days=1)) == 1
        await uow.search.prune()

    assert await _found(database, "准考") == []
