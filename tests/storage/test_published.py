"""What the school has published: a class's own row comes before the whole school's."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.published import CalendarDate, PublishedFacts, SchoolFact
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


async def test_where_nothing_is_published_there_is_nothing(
    database: Database, classroom: Classroom
) -> None:
    async with database.reading() as uow:
        found = await uow.published.for_classes([classroom.room.id])

    assert found == {classroom.room.id: PublishedFacts()}


async def test_the_version_of_the_entries_changes_with_every_change(
    database: Database, now: datetime
) -> None:
    versions = []
    for minute, entries in enumerate(({}, {"a.b": "1"}, {"a.b": "2"}, {"a.b": "2", "c.d": "3"})):
        async with database.unit_of_work() as uow:
            await uow.imports.entries(entries, now=now + timedelta(minutes=minute))
            versions.append(await uow.published.entries_version())

    async with database.unit_of_work() as uow:
        await uow.imports.entries({"a.b": "2"}, now=now + timedelta(minutes=9))
        unchanged = await uow.published.entries_version()

    assert len(set(versions)) == 4
    assert unchanged == versions[-1]
    async with database.reading() as uow:
        assert await uow.published.entries() == ["2", "3"]
