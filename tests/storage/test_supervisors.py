"""Supervisors' accounts, their sign-ins, and the failures that count against guessing."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.unit_of_work import UnitOfWork
from tests.conftest import Classroom

MINUTE = timedelta(minutes=1)


async def make(uow: UnitOfWork, username: str = "sun", password_hash: str = "first") -> bool:
    return await uow.supervisors.put(
        username=username, name="孙督导", password_hash=password_hash, unit_id=None
    )


async def sign_in(uow: UnitOfWork, token: str, now: datetime, username: str = "sun") -> None:
    account = await uow.supervisors.named(username)
    assert account is not None
    await uow.supervisors.open_session(
        token_hash=token, supervisor_id=account.id, csrf="c", now=now
    )


async def test_an_account_is_made_once_and_then_changed(database: Database) -> None:
    async with database.unit_of_work() as uow:
        had_any = await uow.supervisors.any()
        is_new = await make(uow)
        is_new_again = await make(uow, password_hash="second")

    async with database.reading() as uow:
        account = await uow.supervisors.named("sun")
        assert await uow.supervisors.any()
        assert await uow.supervisors.named("Sun") is None
    assert (had_any, is_new, is_new_again) == (False, True, False)
    assert account is not None
    assert account.password_hash == "second"


async def test_a_new_password_ends_every_sign_in_of_the_account_only(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await make(uow)
        await make(uow, "qian")
        await sign_in(uow, "t1", now)
        await sign_in(uow, "t2", now, "qian")

    async with database.unit_of_work() as uow:
        await make(uow, password_hash="second")

    async with database.reading() as uow:
        assert await uow.supervisors.session("t1") is None
        assert await uow.supervisors.session("t2") is not None


async def test_a_sign_in_lives_until_it_is_closed(database: Database, now: datetime) -> None:
    async with database.unit_of_work() as uow:
        await make(uow)
        await sign_in(uow, "token", now)
        await uow.supervisors.touch_session("token", now + MINUTE)

    async with database.unit_of_work() as uow:
        found = await uow.supervisors.session("token")
        await uow.supervisors.close_session("token")

    async with database.reading() as uow:
        assert await uow.supervisors.session("token") is None
    assert found is not None
    assert found.supervisor.username == "sun"
    assert (found.created_at, found.seen_at) == (now, now + MINUTE)


async def test_failures_count_by_account_and_by_address_within_their_time(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        for username, address, at in (
            ("sun", "10.0.0.1", now),
            ("sun", "10.0.0.2", now),
            ("qian", "10.0.0.1", now),
            ("sun", "10.0.0.1", now - 20 * MINUTE),
            ("sun", "10.0.0.1", now + 20 * MINUTE),
        ):
            await uow.supervisors.add_failure(username, address, at)

    async with database.reading() as uow:
        counted = await uow.supervisors.failures("sun", "10.0.0.1", now - 15 * MINUTE, now)

    assert counted == (2, 2)


async def test_what_no_longer_counts_is_forgotten(database: Database, now: datetime) -> None:
    async with database.unit_of_work() as uow:
        await make(uow)
        await sign_in(uow, "old", now - 60 * MINUTE)
        await sign_in(uow, "new", now)
        await uow.supervisors.add_failure("sun", "10.0.0.1", now - 60 * MINUTE)
        await uow.supervisors.add_failure("sun", "10.0.0.1", now)

    async with database.unit_of_work() as uow:
        await uow.supervisors.expire(failures_before=now - MINUTE, sessions_before=now - MINUTE)

    async with database.reading() as uow:
        assert await uow.supervisors.session("old") is None
        assert await uow.supervisors.session("new") is not None
        counted = await uow.supervisors.failures("sun", "x", now - 90 * MINUTE, now)
    assert counted == (1, 0)


async def test_moving_the_clock_signs_nobody_out_who_was_there(
    database: Database, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await make(uow)
        await sign_in(uow, "idle", now - 60 * MINUTE)
        await sign_in(uow, "here", now)

    async with database.unit_of_work() as uow:
        await uow.supervisors.carry_sessions(now - 30 * MINUTE, now + 600 * MINUTE)

    async with database.reading() as uow:
        idle, here = [await uow.supervisors.session(token) for token in ("idle", "here")]
    assert idle is not None
    assert here is not None
    assert idle.seen_at == now - 60 * MINUTE
    assert here.seen_at == now + 600 * MINUTE


async def test_a_unit_is_known_by_its_name(database: Database, classroom: Classroom) -> None:
    async with database.reading() as uow:
        unit_id = await uow.supervisors.unit_named("市开大")
        unknown = await uow.supervisors.unit_named("市")

    assert unit_id == classroom.room.unit_id
    assert unknown is None
