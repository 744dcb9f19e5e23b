"""Committee and study groups: who holds what in which class, and the last seat taken once."""

import asyncio
from datetime import datetime, timedelta

from handlers.permissions import Deed, may
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.people import Speaker
from storage.vocabulary import Platform
from tests.conftest import QQ_ACCOUNT, Classroom


async def li_of(database: Database, now: datetime) -> Speaker:
    key = (Platform.QQ, "20001")
    async with database.reading() as uow:
        return (await uow.people.speakers([key], now))[key]


async def test_s12_1_a_committee_member_collects_reminds_and_sees_who_is_missing_only(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [ClassRow("会计2302", Platform.QQ, QQ_ACCOUNT, "602", "王敏", "10001")],
            default_mode="mention",
            default_grace=10,
            now=now,
        )
        other = await uow.people.class_named("会计2302", now)
        assert other is not None
        assert classroom.li.person_id is not None
        await uow.class_life.appoint(
            classroom.room.id, classroom.li.person_id, "班长", by="qq:10001", now=now
        )

    li = await li_of(database, now)

    allowed = {deed for deed in Deed if may(li, deed, classroom.room)}
    assert allowed == {Deed.COLLECT, Deed.REMIND_CLASS, Deed.SEE_MISSING}
    assert not any(may(li, deed, other) for deed in Deed)
    assert not any(may(classroom.zhang, deed, classroom.room) for deed in Deed)
    assert may(classroom.tutor, Deed.COLLECT, classroom.room)
    assert not li.duties


async def test_s12_1_the_rights_end_with_the_office_and_with_the_class(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    assert classroom.li.person_id is not None
    person_id, later = classroom.li.person_id, now + timedelta(days=1)
    async with database.unit_of_work() as uow:
        life = uow.class_life
        await life.appoint(classroom.room.id, person_id, "班长", by="qq:10001", now=now)
        await life.appoint(classroom.room.id, person_id, "学习委员", by="qq:10001", now=now)
        held = await life.committee(classroom.room.id, now)
        ended = await life.dismiss([person_id], classroom.room.id, later)
    assert [one.office for one in held] == ["学习委员"]
    assert ended == ["学习委员"]
    assert not may(await li_of(database, later), Deed.COLLECT, classroom.room)

    async with database.unit_of_work() as uow:
        await uow.class_life.appoint(classroom.room.id, person_id, "班长", by="qq:10001", now=later)
        kept = [StudentRow("计算机2301", "2430000000002", "张红")]
        await uow.imports.students(kept, now=later + timedelta(days=1), replaces=True)
        assert await uow.class_life.committee(classroom.room.id, later + timedelta(days=2)) == []


async def test_s12_2_the_last_seat_is_taken_once(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    """Twelve students want into a group of eight at the same moment."""
    names = [f"24300000001{number:02}" for number in range(12)]
    async with database.unit_of_work() as uow:
        await uow.imports.students([StudentRow("计算机2301", no, f"生{no[-2:]}") for no in names])
        ids = list((await uow.roster.ids_of(names)).values())
        assert classroom.li.person_id is not None
        number = await uow.class_life.make_group(
            classroom.room.id, "英语", limit=8, by=classroom.li.person_id, now=now
        )

    async def join(person_id: int) -> bool:
        async with database.unit_of_work() as uow:
            await uow.class_life.hold(classroom.room.id)
            (group,) = await uow.class_life.groups(classroom.room.id)
            if group.is_full:
                return False
            await uow.class_life.join(group.id, person_id, now)
            return True

    won = await asyncio.gather(*(join(person_id) for person_id in ids))

    assert won.count(True) == 7
    async with database.unit_of_work() as uow:
        (group,) = await uow.class_life.groups(classroom.room.id)
        assert (group.number, len(group.members)) == (number, 8)
        for person_id, _ in group.members:
            (still,) = await uow.class_life.groups(classroom.room.id)
            await uow.class_life.leave(still, person_id, now)
        # Nobody is left: it is over, and its number is not given again.
        assert await uow.class_life.groups(classroom.room.id) == []
        again = await uow.class_life.make_group(
            classroom.room.id, "数学", limit=8, by=ids[0], now=now
        )
    assert again == number + 1
