"""Who is what to a class, at the minute, by the database."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from storage.database import Database
from storage.errors import NotFound
from storage.imports import ClassRow, StudentRow, TutorRow
from storage.interactions import Kind, Record
from storage.models.people import duties, units
from storage.people import ClassRoom, Speaker
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Platform,
    Role,
)

ACCOUNT = "3889000001"
MINUTE = timedelta(minutes=1)


def row(name: str, group: str, tutor: str = "王敏", user: str = "10001", **rest: Any) -> ClassRow:
    return ClassRow(name, Platform.QQ, ACCOUNT, group, tutor, user, **rest)


async def put_classes(database: Database, *rows: ClassRow, now: datetime) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=now)


async def speaker(uow: UnitOfWork, user_id: str, now: datetime) -> Speaker:
    key = (Platform.QQ, user_id)
    return (await uow.people.speakers([key], now))[key]


async def room_named(uow: UnitOfWork, name: str, now: datetime) -> ClassRoom:
    room = await uow.people.class_named(name, now)
    assert room is not None
    return room


async def make_supervisor(
    uow: UnitOfWork, user_id: str, unit_id: int | None, now: datetime
) -> None:
    """The tutor of 别班 gets a second duty, for a unit or (None) the province."""
    person = (await speaker(uow, user_id, now)).person_id
    await uow.write(
        insert(duties).values(
            person_id=person, role=Role.SUPERVISOR, unit_id=unit_id, starts_at=now
        )
    )


async def test_a_duty_begins_and_ends_at_its_minute(database: Database, now: datetime) -> None:
    begins, ends = now, now + timedelta(days=30)
    await put_classes(database, row("计算机2301", "1"), now=begins)
    await put_classes(database, row("计算机2301", "1", "赵强", "10002"), now=ends)

    async with database.reading() as uow:
        room = await room_named(uow, "计算机2301", now)
        roles = [
            (await speaker(uow, "10001", at)).role_in(room)
            for at in (begins - MINUTE, begins, ends - MINUTE, ends)
        ]

    assert roles == [Role.UNKNOWN, Role.TUTOR, Role.TUTOR, Role.UNKNOWN]


async def test_a_class_knows_its_tutors_of_the_moment_longest_in_office_first(
    database: Database, now: datetime
) -> None:
    await put_classes(database, row("计算机2301", "1"), now=now)
    async with database.unit_of_work() as uow:
        second = TutorRow("计算机2301", Platform.QQ, "赵强", "10002")
        await uow.imports.tutors([second], now=now + timedelta(days=7))

    async with database.reading() as uow:
        at_first = await room_named(uow, "计算机2301", now)
        later = await room_named(uow, "计算机2301", now + timedelta(days=7))

    assert [tutor.name for tutor in at_first.tutors] == ["王敏"]
    assert [tutor.name for tutor in later.tutors] == ["王敏", "赵强"]
    assert later.tutor is not None
    assert later.tutor.accounts == ((Platform.QQ, "10001"),)


async def test_the_tutor_of_another_class_is_nobody_here(database: Database, now: datetime) -> None:
    await put_classes(
        database, row("计算机2301", "1"), row("会计2302", "2", "赵强", "10002"), now=now
    )

    async with database.reading() as uow:
        here = await room_named(uow, "计算机2301", now)
        other = await speaker(uow, "10002", now)

    assert other.role_in(here) is Role.UNKNOWN
    assert len(other.tutored) == 1


async def test_a_tutor_of_one_class_may_be_a_student_of_another(
    database: Database, now: datetime
) -> None:
    await put_classes(
        database, row("计算机2301", "1"), row("会计2302", "2", "赵强", "10002"), now=now
    )
    async with database.unit_of_work() as uow:
        await uow.imports.students(
            [StudentRow("计算机2301", "2430000000001", "李明", Platform.QQ, "20001")]
        )

    async with database.reading() as uow:
        here = await room_named(uow, "计算机2301", now)
        there = await room_named(uow, "会计2302", now)
        li = await speaker(uow, "20001", now)

    assert li.role_in(here) is Role.STUDENT
    assert li.role_in(there) is Role.UNKNOWN


async def test_a_supervisor_reaches_the_own_unit_and_the_province_reaches_all(
    database: Database, now: datetime
) -> None:
    await put_classes(
        database,
        row("计算机2301", "1", unit="市开大"),
        row("会计2302", "2", unit="县开大"),
        row("别班", "3", "孙督导", "30001"),
        row("又一班", "4", "省督导", "30002"),
        now=now - timedelta(days=1),
    )
    async with database.unit_of_work() as uow:
        city = await uow.supervisors.unit_named("市开大")
        await make_supervisor(uow, "30001", city, now)
        await make_supervisor(uow, "30002", None, now)

    async with database.reading() as uow:
        in_city = await room_named(uow, "计算机2301", now)
        in_county = await room_named(uow, "会计2302", now)
        of_city = await speaker(uow, "30001", now)
        of_province = await speaker(uow, "30002", now)
        too_early = await speaker(uow, "30002", now - MINUTE)

    assert of_city.role_in(in_city) is Role.SUPERVISOR
    assert of_city.role_in(in_county) is Role.UNKNOWN
    assert of_province.role_in(in_county) is Role.SUPERVISOR
    assert too_early.role_in(in_county) is Role.UNKNOWN


async def test_a_unit_with_everything_below_it(database: Database, now: datetime) -> None:
    await put_classes(
        database,
        row("甲", "1", unit="省"),
        row("乙", "2", unit="市"),
        row("丙", "3", unit="县"),
        row("丁", "4", unit="别市"),
        now=now,
    )
    async with database.unit_of_work() as uow:
        ids = {found.name: found.id for found in await uow.read(select(units))}
        for child, parent in (("市", "省"), ("县", "市"), ("别市", "省")):
            await uow.write(
                update(units).where(units.c.id == ids[child]).values(parent_id=ids[parent])
            )

    async with database.reading() as uow:
        whole = await uow.people.units_below(ids["省"])
        city = await uow.people.units_below(ids["市"])
        county = await uow.people.units_below(ids["县"])

    assert whole == set(ids.values())
    assert city == {ids["市"], ids["县"]}
    assert county == {ids["县"]}


async def test_whoever_is_on_no_list_is_a_speaker_without_a_person(
    database: Database, now: datetime
) -> None:
    async with database.reading() as uow:
        found = await uow.people.speakers([(Platform.QQ, "99999")], now)

    assert found == {(Platform.QQ, "99999"): Speaker(Platform.QQ, "99999")}


async def test_the_same_number_on_another_platform_is_somebody_else(
    database: Database, now: datetime
) -> None:
    await put_classes(database, row("计算机2301", "1"), now=now)

    async with database.reading() as uow:
        room = await room_named(uow, "计算机2301", now)
        keys = [(Platform.QQ, "10001"), (Platform.WECHAT, "10001")]
        found = await uow.people.speakers(keys, now)

    assert [found[key].role_in(room) for key in keys] == [Role.TUTOR, Role.UNKNOWN]


async def test_a_group_leads_to_its_class_by_platform_account_and_id(
    database: Database, now: datetime
) -> None:
    await put_classes(database, row("计算机2301", "1"), row("会计2302", "2"), now=now)
    one = Conversation(Platform.QQ, ACCOUNT, ConversationKind.GROUP, "1")
    two = Conversation(Platform.QQ, ACCOUNT, ConversationKind.GROUP, "2")
    of_another_bot = Conversation(Platform.QQ, "3889000002", ConversationKind.GROUP, "1")

    async with database.reading() as uow:
        rooms = await uow.people.classes_of_groups([one, two, of_another_bot], now)

    assert {key[2]: room.name for key, room in rooms.items()} == {
        "1": "计算机2301",
        "2": "会计2302",
    }


async def test_a_group_is_bound_moved_and_muted(database: Database, now: datetime) -> None:
    await put_classes(database, row("计算机2301", "1"), row("会计2302", "2"), now=now)
    group = Conversation(Platform.QQ, ACCOUNT, ConversationKind.GROUP, "9")

    async with database.unit_of_work() as uow:
        first = await room_named(uow, "计算机2301", now)
        second = await room_named(uow, "会计2302", now)
        await uow.people.bind_group(group, first.id)
        await uow.people.bind_group(group, second.id)
        await uow.people.set_group_mute(group, now + MINUTE)

    async with database.reading() as uow:
        first, second = (
            await uow.people.get_class(first.id, now),
            await uow.people.get_class(second.id, now),
        )
    assert [found.group_id for found in first.groups] == ["1"]
    assert [(found.group_id, found.muted_until) for found in second.groups] == [
        ("2", None),
        ("9", now + MINUTE),
    ]


async def test_a_class_keeps_its_manners(database: Database, now: datetime) -> None:
    await put_classes(database, row("计算机2301", "1"), now=now)

    async with database.unit_of_work() as uow:
        room = await room_named(uow, "计算机2301", now)
        await uow.people.set_quiet(room.id, now + MINUTE)
        await uow.people.set_speak_mode(room.id, "mention")

    async with database.reading() as uow:
        room = await room_named(uow, "计算机2301", now)
    assert room.speak_mode == "mention"
    assert room.grace == timedelta(minutes=10)
    assert [room.is_quiet(at) for at in (now, now + MINUTE)] == [True, False]


async def test_an_unknown_class_is_not_found(database: Database, now: datetime) -> None:
    async with database.reading() as uow:
        assert await uow.people.class_named("没有这个班", now) is None
        with pytest.raises(NotFound):
            await uow.people.get_class(404, now)


async def test_an_unbound_person_belongs_where_last_seen(database: Database, now: datetime) -> None:
    await put_classes(database, row("计算机2301", "1"), row("会计2302", "2"), now=now)
    async with database.unit_of_work() as uow:
        first = await room_named(uow, "计算机2301", now)
        second = await room_named(uow, "会计2302", now)
        for number, room in enumerate((second, first)):
            uow.interactions.add(
                Record(Kind.QUESTION, Action.ANSWER),
                key=f"event:{number}",
                at=now,
                class_id=room.id,
                tutor_id=None,
                person_id=None,
                platform=Platform.QQ,
                speaker_id="99999",
                event_id=number,
                message_id="",
            )

    async with database.reading() as uow:
        seen = await uow.people.class_last_spoken_in(Platform.QQ, "99999")
        elsewhere = await uow.people.class_last_spoken_in(Platform.WECHAT, "99999")

    assert seen == first.id
    assert elsewhere is None


async def test_staff_are_those_with_a_duty_now(database: Database, now: datetime) -> None:
    await put_classes(database, row("计算机2301", "1"), now=now)
    await put_classes(database, row("计算机2301", "1", "赵强", "10002"), now=now + MINUTE)

    async with database.reading() as uow:
        before = await uow.people.staff_ids(now - MINUTE)
        first = await uow.people.staff_ids(now)
        second = await uow.people.staff_ids(now + MINUTE)

    assert before == set()
    assert first == {(Platform.QQ, "10001")}
    assert second == {(Platform.QQ, "10002")}
