"""Who stands in for whom: from–to, first in order, ended in time or before; on both databases."""

from datetime import datetime, timedelta

from storage.database import Database
from storage.imports import StaffRow, TutorRow
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import HandOff, SolvedBy
from storage.reports import LedgerFilter
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Label, Message, Platform, Topic
from tests.conftest import GROUP, Classroom

DAY = timedelta(days=1)


async def staffed(database: Database, now: datetime) -> int:
    """A second tutor and a supervisor; the second tutor's person id."""
    async with database.unit_of_work() as uow:
        await uow.imports.tutors(
            [TutorRow("计算机2301", Platform.QQ, "赵强", "10002")], now=now - 9 * DAY
        )
        await uow.imports.supervisors(
            [StaffRow("孙督导", Platform.QQ, "40001", "市开大")], now=now - 9 * DAY
        )
        speakers = await uow.people.speakers([(Platform.QQ, "10002")], now)
    person_id = speakers[(Platform.QQ, "10002")].person_id
    assert person_id is not None
    return person_id


async def room_at(database: Database, at: datetime) -> ClassRoom:
    async with database.reading() as uow:
        room = await uow.people.class_named("计算机2301", at)
    assert room is not None
    return room


async def test_a_cover_comes_first_from_its_first_instant_to_its_last(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    zhao = await staffed(database, now)
    wang = classroom.tutor.person_id
    assert wang is not None
    async with database.unit_of_work() as uow:
        await uow.people.cover(
            [classroom.room.id], away_id=wang, by_id=zhao, starts_at=now, ends_at=now + 3 * DAY
        )

    before, during, after = [await room_at(database, at) for at in (now - DAY, now, now + 3 * DAY)]

    assert [it.name for it in before.tutors] == ["王敏", "赵强"]
    assert [(it.name, it.covers) for it in during.tutors] == [("赵强", (wang,)), ("王敏", ())]
    # Tutor in their own right and cover at once: one person, each account once.
    assert during.tutors[0].accounts == ((Platform.QQ, "10002"),)
    assert [it.name for it in during.on_duty] == ["赵强"]
    assert [it.name for it in after.on_duty] == ["王敏", "赵强"]


async def test_who_covers_keeps_their_own_classes_apart(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await staffed(database, now)
    wang = classroom.tutor.person_id
    assert wang is not None
    async with database.unit_of_work() as uow:
        (boss,) = await uow.people.staff_named("孙督导", classroom.room.unit_id, now)
        await uow.people.cover(
            [classroom.room.id],
            away_id=wang,
            by_id=boss.person_id,
            starts_at=now,
            ends_at=now + DAY,
        )
    async with database.reading() as uow:
        speaker = (await uow.people.speakers([(Platform.QQ, "40001")], now))[(Platform.QQ, "40001")]

    assert speaker.tutored == (classroom.room.id,)
    assert speaker.own_classes == ()


async def test_a_cover_ended_early_or_before_it_began_is_over(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    zhao = await staffed(database, now)
    wang = classroom.tutor.person_id
    assert wang is not None
    async with database.unit_of_work() as uow:
        for start in (now - DAY, now + 5 * DAY):
            await uow.people.cover(
                [classroom.room.id],
                away_id=wang,
                by_id=zhao,
                starts_at=start,
                ends_at=start + 3 * DAY,
            )
        assert await uow.people.is_covered(wang, now, now + DAY)
        ended = await uow.people.end_cover(wang, now)
        assert await uow.people.end_cover(wang, now) == []

    assert [(it.name, it.accounts) for it in ended] == [("赵强", ((Platform.QQ, "10002"),))]
    for at in (now, now + 6 * DAY):
        assert all(not it.covers for it in (await room_at(database, at)).tutors)
    async with database.reading() as uow:
        assert not await uow.people.is_covered(wang, now, now + 30 * DAY)


async def test_only_staff_of_the_unit_is_found_by_name(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await staffed(database, now)

    async with database.reading() as uow:
        found = {
            name: [
                it.name for it in await uow.people.staff_named(name, classroom.room.unit_id, now)
            ]
            for name in ("王敏", "赵强", "孙督导", "李明", "无人")
        }
        elsewhere = await uow.people.staff_named("王敏", None, now)

    assert found == {
        "王敏": ["王敏"],
        "赵强": ["赵强"],
        "孙督导": ["孙督导"],
        "李明": [],
        "无人": [],
    }
    assert elsewhere == []


# -- one answer for many --------------------------------------------------------------------------


async def asked(
    uow: UnitOfWork, room: ClassRoom, number: int, of: int | None, at: datetime
) -> HandOff:
    message = Message(GROUP, f"2000{number}", "某人", str(number), "食堂几点关门", at)
    return await uow.questions.add(
        message,
        kind=Label.QUESTION,
        class_id=room.id,
        person_id=None,
        event_id=number,
        text=message.text,
        topic=Topic.OTHER,
        is_about_tutor=False,
        surface_at=None,
        duplicate_of=of,
    )


async def test_what_earlier_steps_of_a_batch_asked_is_seen_and_this_one_can_be_undone(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        async with uow.step():
            first = await asked(uow, classroom.room, 1, None, now)
        try:
            async with uow.step():
                await asked(uow, classroom.room, 2, 1, now)
                seen = (await uow.questions.open_questions([classroom.room.id]))[classroom.room.id]
                raise RuntimeError
        except RuntimeError:
            pass
        async with uow.step():
            third = await asked(uow, classroom.room, 3, 1, now)
            await uow.flush_earlier()
        await uow.flush()
        same = await uow.questions.same_matter(third)

    assert [it.number for it in seen] == [first.number]
    # The number of the step undone is given again.
    assert [it.number for it in same] == [1, 2]


async def test_the_rows_of_one_message_are_one_reply(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    """S13.2: a row for each student, the credit once."""
    async with database.unit_of_work() as uow:
        for number in (1, 2, 3):
            await asked(uow, classroom.room, number, None if number == 1 else 1, now)
        for event_id, numbers in ((7, (1, 2)), (8, (3,))):
            for place, number in enumerate(numbers):
                uow.interactions.add(
                    Record(
                        Kind.REPLY,
                        Action.ANSWER,
                        solved_by=SolvedBy.TUTOR,
                        first_reply_seconds=None if place else 60.0,
                        hand_off=number,
                    ),
                    key=f"event:{event_id}:{place}",
                    at=now,
                    class_id=classroom.room.id,
                    tutor_id=classroom.tutor.person_id,
                    person_id=None,
                    platform=Platform.QQ,
                    speaker_id="10001",
                    event_id=event_id,
                    message_id=str(event_id),
                )
    async with database.reading() as uow:
        figures = await uow.reports.figures(LedgerFilter())

    assert (figures.by_tutor, figures.closed_by_tutor) == (2, 3)
    assert figures.first_reply_seconds == (60.0, 60.0)
