"""What somebody may see about themselves, and nothing of anybody else's (S13.7)."""

from datetime import datetime, timedelta

from storage.interactions import Kind, Record
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Platform
from tests.conftest import Classroom


def wrote(uow: UnitOfWork, classroom: Classroom, who: str, kind: Kind, at: datetime) -> None:
    uow.interactions.add(
        Record(kind, Action.ANSWER),
        key=f"{who}:{kind}:{at}",
        at=at,
        class_id=classroom.room.id,
        tutor_id=None,
        person_id=None,
        platform=Platform.QQ,
        speaker_id=who,
        event_id=None,
        message_id="",
    )


async def test_a_student_sees_their_own_file(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    """Y4"""
    for minutes in (0, 5):
        wrote(uow, classroom, "20001", Kind.QUESTION, now + timedelta(minutes=minutes))
    wrote(uow, classroom, "20002", Kind.COMPLAINT, now)
    await uow.flush()

    kept = await uow.personal.file_of(Platform.QQ, "20001", classroom.li.person_id)

    assert (kept.name, kept.student_no, kept.classes) == ("李明", "2430000000001", ("计算机2301",))
    assert kept.accounts == ((Platform.QQ, "20001"),)
    assert kept.rows == ((Kind.QUESTION, 2),)
    assert kept.since == now


async def test_a_stranger_has_only_rows(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    """Y11"""
    kept = await uow.personal.file_of(Platform.QQ, "99999", None)

    assert (kept.name, kept.student_no, kept.classes, kept.rows) == ("", "", (), ())
    assert kept.accounts == ((Platform.QQ, "99999"),)


async def test_times_count_from_an_instant_on(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    for minutes in (-1, 0, 1):
        wrote(uow, classroom, "20001", Kind.MANNERS, now + timedelta(minutes=minutes))
    await uow.flush()

    assert await uow.personal.times(Platform.QQ, "20001", Kind.MANNERS, now) == 2
    assert await uow.personal.times(Platform.QQ, "20001", Kind.QUESTION, now) == 0
