"""Bulk changes: the database comes to agree with the table, and the diff says how."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from storage.database import Database
from storage.imports import Changes, ClassRow, EntryRow, StudentRow, TutorRow
from storage.models.tasks import obligations, reminders
from storage.obligations import ObligationState
from storage.published import CalendarDate, SchoolFact, UnitName
from storage.tasks import Audience, Draft, TaskKind
from storage.vocabulary import Conversation, ConversationKind, Platform, Role
from tests.conftest import Classroom

ACCOUNT = "3889000001"


def table(count: int) -> list[ClassRow]:
    """So many classes; every tutor has four of them, every unit forty."""
    return [
        ClassRow(
            f"专业{number // 30:03}班{number:05}",
            Platform.QQ if number % 2 else Platform.WECHAT,
            ACCOUNT,
            f"6{number:08}",
            f"教师{number // 4}",
            f"1{number // 4:07}-{number % 2}",
            f"单位{number // 40}",
        )
        for number in range(count)
    ]


async def put(database: Database, rows: Sequence[ClassRow], now: datetime) -> Changes:
    async with database.unit_of_work() as uow:
        return await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=now)


async def enrol(database: Database, *rows: StudentRow) -> Changes:
    async with database.unit_of_work() as uow:
        return await uow.imports.students(rows)


def counts(changes: Changes) -> tuple[int, int, int]:
    return changes.added, changes.removed, changes.changed


async def test_a_table_of_22_classes_is_all_there_and_twice_is_no_change(
    database: Database, now: datetime
) -> None:
    rows = table(22)

    first = await put(database, rows, now)
    second = await put(database, rows, now + timedelta(days=1))

    # A unit, 22 classes, 22 groups, 22 duties.
    assert counts(first) == (67, 0, 0)
    assert len(first.lines) == 67
    assert second == Changes()
    async with database.reading() as uow:
        room = await uow.people.class_named(rows[21].class_name, now)
    assert room is not None
    assert room.tutor is not None
    assert (room.tutor.name, room.speak_mode) == ("教师5", "confident")
    assert [group.group_id for group in room.groups] == [rows[21].group_id]


async def test_thousands_of_classes_go_in_at_once(database: Database, now: datetime) -> None:
    rows = table(5000)

    first = await put(database, rows, now)
    second = await put(database, rows, now)

    assert counts(first) == (125 + 3 * 5000, 0, 0)
    assert second == Changes()
    async with database.reading() as uow:
        assert len(await uow.imports.class_names()) == 5000
        room = await uow.people.class_named(rows[-1].class_name, now)
    assert room is not None
    assert room.tutor is not None
    assert room.tutor.name == rows[-1].tutor_name


async def test_a_group_that_moves_takes_nothing_with_it(database: Database, now: datetime) -> None:
    one, two = table(2)
    await put(database, [one, two], now)

    changes = await put(database, [replace(two, group_id=one.group_id, platform=one.platform)], now)

    async with database.reading() as uow:
        group = Conversation(one.platform, ACCOUNT, ConversationKind.GROUP, one.group_id)
        rooms = await uow.people.classes_of_groups([group], now)
    assert [room.name for room in rooms.values()] == [two.class_name]
    assert f"~ 群 {one.platform} {one.group_id} → {two.class_name}" in changes.lines


async def test_a_class_may_have_several_groups_and_tutors(
    database: Database, now: datetime
) -> None:
    (first,) = table(1)
    second = replace(first, group_id="700", tutor_name="赵强", tutor_account="10002")

    await put(database, [first, second], now)
    again = await put(database, [first, second], now)

    async with database.reading() as uow:
        room = await uow.people.class_named(first.class_name, now)
    assert room is not None
    assert [group.group_id for group in room.groups] == [first.group_id, "700"]
    assert [tutor.name for tutor in room.tutors] == ["教师0", "赵强"]
    assert again == Changes()


async def test_a_new_tutor_ends_the_duty_of_the_old_one(database: Database, now: datetime) -> None:
    one, other = table(2)
    await put(database, [one, other], now)
    later = now + timedelta(days=30)

    changes = await put(database, [replace(one, tutor_name="赵强", tutor_account="10002")], later)

    assert counts(changes) == (1, 1, 0)
    async with database.reading() as uow:
        before = await uow.people.class_named(one.class_name, later - timedelta(minutes=1))
        after = await uow.people.class_named(one.class_name, later)
        untouched = await uow.people.class_named(other.class_name, later)
    assert before is not None
    assert after is not None
    assert untouched is not None
    assert [tutor.name for tutor in before.tutors] == ["教师0"]
    assert [tutor.name for tutor in after.tutors] == ["赵强"]
    assert [tutor.name for tutor in untouched.tutors] == ["教师0"]


async def test_a_tutor_who_comes_back_is_the_same_person(database: Database, now: datetime) -> None:
    (row,) = table(1)
    await put(database, [row], now)
    await put(
        database,
        [replace(row, tutor_name="赵强", tutor_account="10002")],
        now + timedelta(days=1),
    )

    changes = await put(database, [row], now + timedelta(days=2))

    key = (row.platform, row.tutor_account)
    async with database.reading() as uow:
        first = (await uow.people.speakers([key], now))[key]
        back = (await uow.people.speakers([key], now + timedelta(days=2)))[key]
        room = await uow.people.class_named(row.class_name, now + timedelta(days=2))
    assert counts(changes) == (1, 1, 0)
    assert room is not None
    assert back.role_in(room) is Role.TUTOR
    assert back.person_id == first.person_id


async def test_further_tutors_join_and_nobody_leaves(database: Database, now: datetime) -> None:
    (row,) = table(1)
    await put(database, [row], now)
    second = TutorRow(row.class_name, Platform.QQ, "赵强", "10002")

    async with database.unit_of_work() as uow:
        first_time = await uow.imports.tutors([second], now=now)
    async with database.unit_of_work() as uow:
        again = await uow.imports.tutors([second], now=now)

    async with database.reading() as uow:
        room = await uow.people.class_named(row.class_name, now)
    assert room is not None
    assert len(room.tutors) == 2
    assert (counts(first_time), again) == ((1, 0, 0), Changes())


async def test_what_a_row_does_not_say_stays_as_it_is(database: Database, now: datetime) -> None:
    (row,) = table(1)
    await put(database, [replace(row, speak_mode="mention")], now)

    silent = await put(database, [replace(row, unit=None, speak_mode=None)], now)
    spoken = await put(database, [replace(row, unit="新单位", speak_mode="confident")], now)

    async with database.reading() as uow:
        room = await uow.people.class_named(row.class_name, now)
        unit_id = await uow.supervisors.unit_named("新单位")
    assert silent == Changes()
    assert counts(spoken) == (1, 0, 1)
    assert room is not None
    assert (room.speak_mode, room.unit_id) == ("confident", unit_id)


async def test_a_renamed_tutor_is_the_same_person(database: Database, now: datetime) -> None:
    (row,) = table(1)
    await put(database, [row], now)

    changes = await put(database, [replace(row, tutor_name="王敏")], now)

    assert counts(changes) == (0, 0, 1)
    async with database.reading() as uow:
        room = await uow.people.class_named(row.class_name, now)
    assert room is not None
    assert [tutor.name for tutor in room.tutors] == ["王敏"]


async def test_students_join_are_renamed_and_get_accounts(
    database: Database, now: datetime
) -> None:
    one, other = table(2)
    await put(database, [one, other], now)
    li = StudentRow(one.class_name, "2430000000001", "李明", Platform.QQ, "20001")
    zhang = StudentRow(one.class_name, "2430000000002", "张红")

    first = await enrol(database, li, zhang, zhang)
    again = await enrol(database, li, zhang)
    changed = await enrol(
        database,
        replace(li, name="李铭"),
        replace(zhang, class_name=other.class_name, platform=Platform.QQ, account="20002"),
    )

    assert counts(first) == (3, 0, 0)
    assert again == Changes()
    assert counts(changed) == (2, 0, 1)
    keys = [(Platform.QQ, "20001"), (Platform.QQ, "20002")]
    async with database.reading() as uow:
        speakers = await uow.people.speakers(keys, now)
        owners = await uow.imports.account_owners()
    assert speakers[keys[0]].name == "李铭"
    assert len(speakers[keys[1]].class_ids) == 2
    assert [owners[key] for key in keys] == ["2430000000001", "2430000000002"]
    assert owners[(one.platform, one.tutor_account)] == ""


async def test_dates_and_facts_are_set_and_changed_in_place(
    database: Database, now: datetime
) -> None:
    (row,) = table(1)
    await put(database, [row], now)
    exam = CalendarDate("考试报名", now, now + timedelta(days=7), "", "校历")
    link = SchoolFact("链接:学习平台", "https://one.invalid")

    async with database.unit_of_work() as uow:
        first = await uow.imports.calendar([(None, exam), (row.class_name, exam)])
        facts = await uow.imports.facts([(None, link)])
    async with database.unit_of_work() as uow:
        again = await uow.imports.calendar([(None, exam), (row.class_name, exam)])
        moved = await uow.imports.calendar([(None, replace(exam, ends_at=None))])
        relinked = await uow.imports.facts([(None, replace(link, value="https://two.invalid"))])

    assert (counts(first), again) == ((2, 0, 0), Changes())
    assert (counts(facts), counts(moved), counts(relinked)) == ((1, 0, 0), (0, 0, 1), (0, 0, 1))
    async with database.reading() as uow:
        found = (await uow.published.for_classes([404]))[404]
    assert found.dates == (replace(exam, ends_at=None),)
    assert found.facts[0].value == "https://two.invalid"


async def test_a_rehearsal_is_a_transaction_rolled_back(database: Database, now: datetime) -> None:
    async def rehearse() -> None:
        async with database.unit_of_work() as uow:
            await uow.imports.classes(table(3), default_mode="mention", default_grace=5, now=now)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await rehearse()

    async with database.reading() as uow:
        assert await uow.imports.class_names() == set()


async def test_units_get_what_is_above_them(database: Database, now: datetime) -> None:
    await put(database, table(1), now)

    async with database.unit_of_work() as uow:
        first = await uow.imports.units([("单位0", "全市"), ("全市", "")])
        again = await uow.imports.units([("单位0", "全市"), ("全市", "")])
        moved = await uow.imports.units([("单位0", "")])

    assert first.lines == ["+ 办学单位 全市", "~ 办学单位 单位0：上级是 全市"]
    assert again == Changes()
    assert moved.lines == ["~ 办学单位 单位0：上级是 省校"]


async def test_facts_of_everybody_a_unit_and_a_class_stand_beside_each_other(
    database: Database, now: datetime
) -> None:
    (one,) = table(1)
    await put(database, [one], now)
    rows = [
        (owner, SchoolFact("联系:教务", f"{owner}"))
        for owner in (None, UnitName("单位0"), one.class_name)
    ]

    async with database.unit_of_work() as uow:
        first = await uow.imports.facts(rows)
        again = await uow.imports.facts(rows)
        changed = await uow.imports.facts([(UnitName("单位0"), SchoolFact("联系:教务", "新"))])

    assert counts(first) == (3, 0, 0)
    assert again == Changes()
    assert counts(changed) == (0, 0, 1)


async def test_an_entry_is_told_by_its_owner_and_its_columns(
    database: Database, now: datetime
) -> None:
    (one,) = table(1)
    await put(database, [one], now)
    shipped = {"a.b": '{"答案": "自带", "来源": "通行做法"}', "c.d": "{}"}
    rows = [
        EntryRow("a.b", '{"答案": "本校", "来源": "通行做法"}'),
        EntryRow("a.b", '{"答案": "单位"}', UnitName("单位0")),
        EntryRow("a.b", '{"答案": "班级"}', one.class_name),
        EntryRow("c.d", "{}"),
    ]

    async with database.unit_of_work() as uow:
        first = await uow.imports.entries(rows, now=now, shipped=shipped)
        again = await uow.imports.entries(rows, now=now, shipped=shipped)
        stored = await uow.published.entries()
        left = await uow.imports.entries(rows[1:2], now=now, shipped=shipped, replaces=True)
        kept = await uow.published.entries()

    assert first.lines == [
        "~ 知识条目 a.b：答案",
        "+ 知识条目 a.b（单位 单位0）",
        f"+ 知识条目 a.b（班级 {one.class_name}）",
    ]
    assert again == Changes()
    assert len(stored) == 3
    assert counts(left) == (0, 2, 0)
    assert len(kept) == 1


async def test_nothing_more_is_said_to_students_who_left(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    """S5.5: what waits for them is cancelled; what was sent stays as it was."""
    async with database.unit_of_work() as uow:
        task = await uow.tasks.arm(
            Draft(TaskKind.MATTER, classroom.room.id, "报名", Audience.UNDONE, made_by="test"), now
        )
        await uow.flush()
        await uow.write(
            insert(reminders).values(
                id=900,
                task=task,
                step="T-1",
                due_at=now + timedelta(days=1),
                useful_until=now + timedelta(days=2),
                state="fired",
            )
        )
        for person in (classroom.li, classroom.zhang):
            await uow.write(
                insert(obligations).values(
                    reminder=900,
                    task=task,
                    class_id=classroom.room.id,
                    recipient=f"person:{person.person_id}",
                    person_id=person.person_id,
                    due_at=now + timedelta(days=1),
                    useful_until=now + timedelta(days=2),
                    not_before=now,
                    state=ObligationState.PLANNED,
                )
            )

    async with database.unit_of_work() as uow:
        stays = [StudentRow("计算机2301", "2430000000001", "李明")]
        await uow.imports.students(stays, now=now, replaces=True)

    async with database.reading() as uow:
        found = await uow.obligations.of_task(task, 10)
    assert {it.person_id: it.state for it in found} == {
        classroom.li.person_id: ObligationState.PLANNED,
        classroom.zhang.person_id: ObligationState.CANCELLED,
    }
