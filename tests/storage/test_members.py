"""Who is in the class groups, from what the platform tells as it happens and on a look."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.members import Difference
from storage.vocabulary import Conversation, ConversationKind, MembershipChange, Platform
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

ELSEWHERE = Conversation(Platform.QQ, QQ_ACCOUNT, ConversationKind.GROUP, "609999999")


async def reconcile(database: Database, *present: str, at: datetime) -> Difference:
    async with database.unit_of_work() as uow:
        return await uow.members.reconcile(GROUP, set(present), at)


async def present(database: Database) -> set[str]:
    async with database.reading() as uow:
        return await uow.members.present_in(GROUP)


async def test_a_look_finds_who_came_and_who_went(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await reconcile(database, "1", "2", "3", at=now)

    found = await reconcile(database, "2", "3", "4", at=now + timedelta(hours=1))
    again = await reconcile(database, "2", "3", "4", at=now + timedelta(hours=2))

    assert found == Difference(joined=1, left=1, new=("4",))
    assert again == Difference()
    assert await present(database) == {"2", "3", "4"}


async def test_coming_and_going_is_noted_as_it_happens(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    for member, joined in (("1", True), ("2", True), ("1", False), ("3", False)):
        async with database.unit_of_work() as uow:
            await uow.members.note(MembershipChange(GROUP, member, joined, False, now))

    assert await present(database) == {"2"}
    assert await reconcile(database, "1", "2", at=now) == Difference(joined=1)


async def test_a_group_of_no_class_is_nobodys_business(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await uow.members.note(MembershipChange(ELSEWHERE, "1", True, False, now))
        assert await uow.members.reconcile(ELSEWHERE, {"1"}, now) == Difference()

    async with database.reading() as uow:
        assert await uow.members.present_in(ELSEWHERE) == set()


async def test_a_group_that_the_bot_was_taken_out_of_is_named(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async def note(joined: bool) -> list[str]:
        async with database.unit_of_work() as uow:
            await uow.members.note(MembershipChange(GROUP, QQ_ACCOUNT, joined, True, now))
            return await uow.members.lost_groups()

    assert await note(joined=False) == ["计算机2301"]
    async with database.reading() as uow:
        room = await uow.people.class_named("计算机2301", now)
    assert room is not None
    assert room.groups[0].left_at == now
    assert await note(joined=True) == []
