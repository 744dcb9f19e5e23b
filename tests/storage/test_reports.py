"""Reading the record: filters, pages, and a day in numbers that never adds bot and people up."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from storage.database import Database
from storage.imports import ClassRow
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import SolvedBy
from storage.reports import LedgerFilter
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)

HOUR = timedelta(hours=1)
ACCOUNT = "3889000001"


class School:
    """Two classes of two units, each with a tutor, and what happened in them."""

    def __init__(self, database: Database, now: datetime, rooms: dict[str, ClassRoom]) -> None:
        self.database = database
        self.now = now
        self.rooms = rooms
        self._written = 0

    async def wrote(
        self, *records: Record, room: str = "计算机2301", at: datetime | None = None
    ) -> None:
        async with self.database.unit_of_work() as uow:
            for record in records:
                self._written += 1
                tutor = self.rooms[room].tutor
                uow.interactions.add(
                    record,
                    key=f"event:{self._written}",
                    at=at or self.now,
                    class_id=self.rooms[room].id,
                    tutor_id=tutor.person_id if tutor else None,
                    person_id=None,
                    platform=Platform.QQ,
                    speaker_id="20001",
                    event_id=self._written,
                    message_id=str(self._written),
                )

    async def ids(self, wanted: LedgerFilter, **page: Any) -> list[int | None]:
        async with self.database.reading() as uow:
            rows = await uow.reports.ledger(wanted, **page)
            if not page:
                assert await uow.reports.count(wanted) == len(rows)
        return [row.event_id for row in rows]


@pytest.fixture
async def school(database: Database, now: datetime) -> School:
    rows = [
        ClassRow("计算机2301", Platform.QQ, ACCOUNT, "1", "王敏", "10001", "市开大"),
        ClassRow("会计2302", Platform.QQ, ACCOUNT, "2", "赵_强", "10002", "县开大"),
    ]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=now)
        named = {row.class_name: await uow.people.class_named(row.class_name, now) for row in rows}
    return School(database, now, {name: room for name, room in named.items() if room is not None})


def question(solved_by: SolvedBy | None = SolvedBy.BOT, **rest: Any) -> Record:
    return Record(Kind.QUESTION, Action.ANSWER, Topic.FEES, solved_by=solved_by, **rest)


def reply(solved_by: SolvedBy, seconds: float | None) -> Record:
    return Record(
        Kind.REPLY, Action.ANSWER, solved_by=solved_by, first_reply_seconds=seconds, hand_off=1
    )


async def test_each_filter_keeps_what_it_says(school: School) -> None:
    now, here, there = school.now, school.rooms["计算机2301"], school.rooms["会计2302"]
    await school.wrote(question(), at=now - HOUR)
    await school.wrote(Record(Kind.NOTICE, Action.ANSWER))
    await school.wrote(question(), room="会计2302")
    await school.wrote(Record(Kind.COMPLAINT, Action.COMPLAINT, is_about_tutor=True))
    assert here.tutor is not None
    assert there.unit_id is not None

    kept = {
        "everything": await school.ids(LedgerFilter()),
        "one row": await school.ids(LedgerFilter(id=2)),
        "a class": await school.ids(LedgerFilter(class_ids=[there.id])),
        "no class": await school.ids(LedgerFilter(class_ids=[])),
        "a unit": await school.ids(LedgerFilter(unit_ids=[there.unit_id])),
        "no unit": await school.ids(LedgerFilter(unit_ids=[])),
        "part of a class name": await school.ids(LedgerFilter(class_name="会计")),
        "a wildcard is no wildcard": await school.ids(LedgerFilter(class_name="%")),
        "a tutor": await school.ids(LedgerFilter(tutor_id=here.tutor.person_id)),
        "part of a tutor's name": await school.ids(LedgerFilter(tutor_name="_强")),
        "another tutor's name": await school.ids(LedgerFilter(tutor_name="_敏")),
        "a kind": await school.ids(LedgerFilter(kind=Kind.QUESTION)),
        "since, included": await school.ids(LedgerFilter(since=now)),
        "until, excluded": await school.ids(LedgerFilter(until=now)),
        "not about the tutor": await school.ids(LedgerFilter(hide_about_tutor=True)),
        "several at once": await school.ids(LedgerFilter(kind=Kind.QUESTION, class_name="计算机")),
    }

    assert kept == {
        "everything": [4, 3, 2, 1],
        "one row": [2],
        "a class": [3],
        "no class": [],
        "a unit": [3],
        "no unit": [],
        "part of a class name": [3],
        "a wildcard is no wildcard": [],
        "a tutor": [4, 2, 1],
        "part of a tutor's name": [3],
        "another tutor's name": [],
        "a kind": [3, 1],
        "since, included": [4, 3, 2],
        "until, excluded": [1],
        "not about the tutor": [3, 2, 1],
        "several at once": [1],
    }


async def test_pages_follow_one_another_without_gap_or_repeat(school: School) -> None:
    await school.wrote(*(question() for _ in range(7)))

    pages: list[list[int]] = []
    before: int | None = None
    async with school.database.reading() as uow:
        while True:
            rows = await uow.reports.ledger(LedgerFilter(), limit=3, before_id=before)
            if not rows:
                break
            pages.append([row.id for row in rows])
            before = rows[-1].id

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row_id for page in pages for row_id in page] == sorted(
        (row_id for page in pages for row_id in page), reverse=True
    )


async def test_a_row_written_meanwhile_does_not_shift_the_next_page(school: School) -> None:
    await school.wrote(*(question() for _ in range(4)))
    first = await school.ids(LedgerFilter(), limit=2)
    async with school.database.reading() as uow:
        before = (await uow.reports.ledger(LedgerFilter(), limit=2))[-1].id

    await school.wrote(question())
    second = await school.ids(LedgerFilter(), limit=2, before_id=before)

    assert (first, second) == ([4, 3], [2, 1])


async def test_a_day_counts_bot_tutor_and_classmates_apart(school: School) -> None:
    await school.wrote(
        question(),
        question(),
        question(None),
        reply(SolvedBy.TUTOR, 600.0),
        reply(SolvedBy.TUTOR, 60.0),
        reply(SolvedBy.CLASSMATE, 30.0),
        reply(SolvedBy.SUPERVISOR, 10.0),
        Record(Kind.NOTICE, Action.ANSWER),
        Record(Kind.COMPLAINT, Action.COMPLAINT),
        Record(Kind.COMPLAINT, Action.COMPLAINT, is_about_tutor=True),
        Record(Kind.COMMAND, Action.ANSWER),
    )
    await school.wrote(question(), at=school.now - timedelta(days=1))
    await school.wrote(question(), room="会计2302")

    async with school.database.reading() as uow:
        figures = await uow.reports.day(
            [school.rooms["计算机2301"].id], school.now - HOUR, school.now + HOUR
        )

    assert figures.questions == 3
    assert (figures.by_bot, figures.by_tutor, figures.by_classmate) == (2, 2, 1)
    assert figures.first_reply_seconds == (60.0, 600.0)
    assert (figures.complaints, figures.notices) == (1, 1)
    assert (figures.waiting, figures.oldest_waiting) == (0, None)


async def _wait(uow: UnitOfWork, room: ClassRoom, at: datetime, **changes: Any) -> None:
    place = Conversation(Platform.QQ, ACCOUNT, ConversationKind.GROUP, "1")
    options: dict[str, Any] = {"is_about_tutor": False, "surface_at": None, **changes}
    await uow.questions.add(
        Message(place, "20001", "李明", "1001", "？", at),
        kind=Label.QUESTION,
        class_id=room.id,
        person_id=None,
        event_id=1,
        text="？",
        topic=Topic.OTHER,
        **options,
    )


async def test_what_waits_now_is_counted_and_the_oldest_named(school: School) -> None:
    here, there = school.rooms["计算机2301"], school.rooms["会计2302"]
    async with school.database.unit_of_work() as uow:
        await _wait(uow, here, school.now - HOUR)
        await _wait(uow, here, school.now - 2 * HOUR)
        await _wait(uow, here, school.now - 3 * HOUR, surface_at=school.now + HOUR)
        await _wait(uow, here, school.now - 4 * HOUR, is_about_tutor=True)
        await _wait(uow, there, school.now - 5 * HOUR)
    assert there.tutor is not None

    async with school.database.reading() as uow:
        of_tutor = await uow.reports.day([here.id], school.now, school.now + HOUR)
        of_name = await uow.reports.figures(LedgerFilter(tutor_name="赵"))
        of_other = await uow.reports.figures(LedgerFilter(tutor_id=there.tutor.person_id))
        of_everybody = await uow.reports.figures(LedgerFilter())

    assert (of_tutor.waiting, of_tutor.oldest_waiting) == (2, school.now - 2 * HOUR)
    assert (of_name.waiting, of_other.waiting) == (1, 1)
    assert of_everybody.waiting == 4


async def test_suggestions_name_only_what_the_reader_may_see(school: School) -> None:
    unit_id = school.rooms["会计2302"].unit_id
    assert unit_id is not None

    async with school.database.reading() as uow:
        everything = await uow.reports.names(None)
        own = await uow.reports.names([unit_id])
        first = await uow.reports.names(None, limit=1)

    assert {frozenset(names) for names in everything} == {
        frozenset({"会计2302", "计算机2301"}),
        frozenset({"王敏", "赵_强"}),
    }
    assert own == (["会计2302"], ["赵_强"])
    assert [len(names) for names in first] == [1, 1]
