"""What the school has published: a class's own row comes before the whole school's."""

import json
from datetime import datetime, timedelta

from sqlalchemy import event, update

from storage.database import Database
from storage.imports import ClassRow, EntryRow
from storage.interactions import Kind, Record
from storage.models.people import units
from storage.published import CalendarDate, PublishedFacts, SchoolFact, UnitName
from storage.vocabulary import Action, Platform
from tests.conftest import Classroom


async def test_a_class_row_beats_the_school_row_of_the_same_name(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    of_school = CalendarDate("考试报名", now, now + timedelta(days=7), "", "校历")
    of_class = CalendarDate("考试报名", now, now + timedelta(days=3), "本班先报", "班级通知")
    fees = CalendarDate("缴费", None, now, "", "校历")
    link = SchoolFact("链接:学习平台", "https://school.invalid", "")
    own_link = SchoolFact("链接:学习平台", "https://class.invalid", "")
    async with database.unit_of_work() as uow:
        await uow.imports.calendar([(None, of_school), (None, fees), ("计算机2301", of_class)])
        await uow.imports.facts([(None, link), ("计算机2301", own_link)])

    async with database.reading() as uow:
        found = await uow.published.for_classes([classroom.room.id, 404])

    here, elsewhere = found[classroom.room.id], found[404]
    assert set(here.dates) == {of_class, fees}
    assert here.facts == (own_link,)
    assert set(elsewhere.dates) == {of_school, fees}
    assert elsewhere.facts == (link,)


async def test_what_is_published_nearest_to_a_class_holds(
    database: Database, classroom: Classroom
) -> None:
    """Province, city, unit, class: the word of each is above those before it."""
    levels = [None, UnitName("全市"), UnitName("市开大"), "计算机2301"]
    async with database.unit_of_work() as uow:
        await uow.imports.units([("市开大", "全市"), ("全市", ""), ("邻市", "")])
        for depth, owner in enumerate(levels):
            await uow.imports.facts(
                [(owner, SchoolFact(f"联系:{n}", str(depth))) for n in range(depth, 4)]
            )
            await uow.imports.calendar(
                [(owner, CalendarDate(str(n), None, None, str(depth))) for n in range(depth, 4)]
            )
        await uow.imports.facts([(UnitName("邻市"), SchoolFact("联系:3", "别处"))])

    async with database.reading() as uow:
        found = (await uow.published.for_classes([classroom.room.id]))[classroom.room.id]

    assert found.units == ("市开大", "全市")
    assert {fact.slot: fact.value for fact in found.facts} == {
        f"联系:{n}": str(n) for n in range(4)
    }
    assert {date.matter: date.note for date in found.dates} == {str(n): str(n) for n in range(4)}


async def test_units_in_a_circle_end_somewhere(database: Database, classroom: Classroom) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.units([("市开大", "全市"), ("全市", "市开大")])
        await uow.imports.facts([(UnitName("全市"), SchoolFact("联系:教务", "一处"))])

    async with database.reading() as uow:
        found = (await uow.published.for_classes([classroom.room.id]))[classroom.room.id]

    assert found.units == ("市开大", "全市")
    assert [fact.value for fact in found.facts] == ["一处"]


async def test_many_classes_take_as_many_statements_as_one(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    rows = [
        ClassRow(f"班{n}", Platform.QQ, "388", f"7{n}", "王敏", "10001", f"单位{n}")
        for n in range(50)
    ]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="mention", default_grace=10, now=now)
        await uow.imports.units([(f"单位{n}", f"单位{n // 2}") for n in range(1, 50)])
    statements: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: statements.append(statement),
    )

    counts = []
    for class_ids in ([classroom.room.id], range(1, 52)):
        statements.clear()
        async with database.reading() as uow:
            found = await uow.published.for_classes(class_ids)
        counts.append(
            sum(statement.lstrip().startswith(("SELECT", "WITH")) for statement in statements)
        )

    assert len(found) == 51
    assert counts == [3, 3]


async def test_an_entry_of_a_unit_follows_its_name(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    row = json.dumps({"编号": "a.b", "单位": "市开大"}, ensure_ascii=False)
    async with database.unit_of_work() as uow:
        await uow.imports.entries(
            [
                EntryRow("a.b", row, UnitName("市开大")),
                EntryRow("a.b", row, "计算机2301"),
                EntryRow("a.b", '{"编号": "a.b"}'),
            ],
            now=now,
        )
        await uow.write(update(units).where(units.c.name == "市开大").values(name="新市开大"))

    async with database.reading() as uow:
        rows = [json.loads(row) for row in await uow.published.entries()]

    owners = [(row.get("单位", ""), row.get("班级", "")) for row in rows]
    assert owners == [("新市开大", ""), ("", "计算机2301"), ("", "")]


async def test_entries_are_counted_as_often_as_students_asked(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        for number, (entry, days) in enumerate((("a.b", 1), ("a.b", 2), ("a.b", 300), ("", 1))):
            uow.interactions.add(
                Record(Kind.QUESTION, Action.ANSWER, entry=entry),
                key=f"event:{number}",
                at=now - timedelta(days=days),
                class_id=classroom.room.id,
                tutor_id=None,
                person_id=None,
                platform=Platform.QQ,
                speaker_id="20001",
                event_id=None,
                message_id="",
            )

    async with database.reading() as uow:
        asked = await uow.published.times_asked(now - timedelta(days=180))
        class_ids = await uow.published.class_ids()

    assert asked == {"a.b": 2}
    assert class_ids == [classroom.room.id]


async def test_where_nothing_is_published_there_is_nothing(
    database: Database, classroom: Classroom
) -> None:
    async with database.reading() as uow:
        found = await uow.published.for_classes([classroom.room.id])

    assert found == {classroom.room.id: PublishedFacts(units=("市开大",))}


async def test_the_version_of_the_entries_changes_with_every_change(
    database: Database, now: datetime
) -> None:
    versions = []
    tables = ([], [EntryRow("a.b", "1")], [EntryRow("a.b", "2")], [EntryRow("c.d", "3")])
    for minute, entries in enumerate(tables):
        async with database.unit_of_work() as uow:
            await uow.imports.entries(entries, now=now + timedelta(minutes=minute))
            versions.append(await uow.published.entries_version())

    async with database.unit_of_work() as uow:
        await uow.imports.entries([EntryRow("a.b", "2")], now=now + timedelta(minutes=9))
        unchanged = await uow.published.entries_version()

    assert len(set(versions)) == 4
    assert unchanged == versions[-1]
    async with database.reading() as uow:
        assert await uow.published.entries() == ["2", "3"]
