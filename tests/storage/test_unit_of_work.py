"""One failing event undoes itself and nobody else, and numbers have no holes."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.prompts import Prompt
from storage.questions import SERIES
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Conversation, ConversationKind, Platform

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")


class Broken(Exception):
    """What a handler with a bug raises."""


def note(uow: UnitOfWork, name: str, now: datetime) -> None:
    uow.audit.add(at=now, actor="test", action=name, target="")


async def ask_back(uow: UnitOfWork, user: str, now: datetime) -> None:
    """Something that is written at once, unlike a noted row."""
    await uow.prompts.put(PLACE, user, Prompt("choice", "{}", now.replace(year=2030)))


async def noted(database: Database) -> list[str]:
    async with database.reading() as uow:
        return [action for _, action, _ in reversed(await uow.audit.actions())]


async def asked(database: Database, now: datetime) -> set[str]:
    async with database.reading() as uow:
        return {key[3] for key in await uow.prompts.open(now)}


async def test_what_is_added_is_there_after_the_commit_in_order(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        note(uow, "first", now)
        await ask_back(uow, "20001", now)
        note(uow, "second", now)
        seen_inside = await uow.audit.actions()
        await uow.flush()
        seen_after_flush = len(await uow.audit.actions())
        note(uow, "third", now)

    assert seen_inside == []
    assert seen_after_flush == 2
    assert await noted(database) == ["first", "second", "third"]
    assert await asked(database, now) == {"20001"}


async def test_an_error_undoes_the_whole_transaction(database: Database, now: datetime) -> None:
    async def work() -> None:
        async with database.unit_of_work() as uow:
            note(uow, "added", now)
            await ask_back(uow, "20001", now)
            await uow.flush()
            raise Broken

    with pytest.raises(Broken):
        await work()

    assert await noted(database) == []
    assert await asked(database, now) == set()


@pytest.mark.parametrize("writes", [False, True], ids=["adds only", "adds and writes"])
@pytest.mark.parametrize("others_write", [False, True], ids=["beside adds", "beside writes"])
async def test_a_failing_step_leaves_its_neighbours_alone(
    database: Database, now: datetime, *, writes: bool, others_write: bool
) -> None:
    async def step(uow: UnitOfWork, name: str, *, is_writing: bool, fails: bool = False) -> None:
        async with uow.step():
            note(uow, f"{name} before", now)
            if is_writing:
                await ask_back(uow, name, now)
            note(uow, f"{name} after", now)
            if fails:
                raise Broken

    async with database.unit_of_work() as uow:
        note(uow, "outside", now)
        await step(uow, "one", is_writing=others_write)
        with pytest.raises(Broken):
            await step(uow, "two", is_writing=writes, fails=True)
        await step(uow, "three", is_writing=others_write)

    kept = ["outside", "one before", "one after", "three before", "three after"]
    assert await noted(database) == kept
    assert await asked(database, now) == ({"one", "three"} if others_write else set())


async def test_a_statement_the_database_refuses_undoes_only_its_step(
    database: Database, now: datetime
) -> None:
    """PostgreSQL ends a transaction at its first error unless a savepoint was set before it."""

    async def bind_to_nothing(uow: UnitOfWork) -> None:
        async with uow.step():
            note(uow, "undone", now)
            await uow.people.bind_group(PLACE, class_id=404)

    async with database.unit_of_work() as uow:
        async with uow.step():
            note(uow, "kept", now)
        with pytest.raises(IntegrityError):
            await bind_to_nothing(uow)
        async with uow.step():
            note(uow, "kept too", now)

    assert await noted(database) == ["kept", "kept too"]


@pytest.mark.parametrize("writes", [False, True], ids=["adds only", "adds and writes"])
@pytest.mark.parametrize("failing", [1, 2])
async def test_numbers_have_no_hole_after_a_failed_step(
    database: Database, now: datetime, failing: int, *, writes: bool
) -> None:
    given: list[int] = []
    async with database.unit_of_work() as uow:
        for turn in (1, 2, 3):
            try:
                async with uow.step():
                    number = await uow.number(SERIES)
                    note(uow, str(number), now)
                    if writes:
                        await ask_back(uow, str(turn), now)
                    if turn == failing:
                        raise Broken
                    given.append(number)
            except Broken:
                continue
    async with database.unit_of_work() as uow:
        given.append(await uow.number(SERIES))

    assert given == [1, 2, 3]


async def test_numbers_have_no_hole_after_a_rolled_back_transaction(database: Database) -> None:
    async def fail() -> None:
        async with database.unit_of_work() as uow:
            await uow.number(SERIES)
            await uow.number(SERIES)
            await uow.flush()
            raise Broken

    async with database.unit_of_work() as uow:
        first = await uow.number(SERIES)
    with pytest.raises(Broken):
        await fail()

    async with database.unit_of_work() as uow:
        second = await uow.number(SERIES)

    assert (first, second) == (1, 2)


async def test_transactions_side_by_side_never_give_the_same_number(database: Database) -> None:
    async def work() -> list[int]:
        async with database.unit_of_work() as uow:
            return [await uow.number(SERIES), await uow.number(SERIES)]

    pairs = await asyncio.gather(*(work() for _ in range(12)))

    assert sorted(number for pair in pairs for number in pair) == list(range(1, 25))
    assert all(second == first + 1 for first, second in pairs)


async def test_a_reader_does_not_wait_for_a_writer(database: Database, now: datetime) -> None:
    async with database.unit_of_work() as writer:
        note(writer, "unfinished", now)
        await writer.flush()
        async with asyncio.timeout(5):
            seen = await noted(database)

    assert seen == []
    assert await noted(database) == ["unfinished"]


async def test_a_flush_inside_a_step_is_undone_with_it(database: Database, now: datetime) -> None:
    """A handler that must see what its own batch has written may look, and fail afterwards."""
    seen: list[str] = []

    async def look_and_fail(uow: UnitOfWork) -> None:
        async with uow.step():
            note(uow, "own", now)
            await uow.flush()
            seen.extend(action for _, action, _ in reversed(await uow.audit.actions()))
            note(uow, "more", now)
            raise Broken

    async with database.unit_of_work() as uow:
        async with uow.step():
            note(uow, "before", now)
        with pytest.raises(Broken):
            await look_and_fail(uow)
        async with uow.step():
            note(uow, "after", now)

    assert seen == ["before", "own"]
    assert await noted(database) == ["before", "after"]
