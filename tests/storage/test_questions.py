"""What waits for a person: surfaced after its grace, closed once, found again."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from storage.database import Database
from storage.people import ClassRoom
from storage.questions import HandOff, SolvedBy, State
from storage.vocabulary import (
    SHANGHAI,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)
from tests.conftest import Classroom

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
ASKED_AT = datetime(2026, 12, 1, 20, 15, tzinfo=SHANGHAI)
GRACE = timedelta(minutes=10)


async def note(
    database: Database,
    room: ClassRoom,
    *,
    surface_at: datetime | None = None,
    kind: Label = Label.QUESTION,
    **changes: Any,
) -> HandOff:
    message = Message(PLACE, "20001", "李明", "1001", "补考怎么安排？", ASKED_AT)
    message = replace(message, **changes)
    async with database.unit_of_work() as uow:
        return await uow.questions.add(
            message,
            kind=kind,
            class_id=room.id,
            person_id=None,
            event_id=int(message.message_id),
            text=message.text,
            topic=Topic.EXAM_SCHEDULE,
            is_about_tutor=False,
            surface_at=surface_at,
        )


async def get(database: Database, number: int) -> HandOff:
    async with database.reading() as uow:
        found = await uow.questions.get(number)
    assert found is not None
    return found


async def close(
    database: Database, item: HandOff, answer: str = "下周三", by: SolvedBy = SolvedBy.TUTOR
) -> bool:
    async with database.unit_of_work() as uow:
        return await uow.questions.close(
            item, at=ASKED_AT + GRACE, solved_by=by, by=None, answer=answer
        )


async def test_a_hand_off_is_what_was_noted(database: Database, classroom: Classroom) -> None:
    noted = await note(database, classroom.room)

    found = await get(database, 1)
    assert found == noted
    assert (found.number, found.state, found.text) == (1, State.WAITING, "补考怎么安排？")
    async with database.reading() as uow:
        assert await uow.questions.get(2) is None


async def test_a_question_nobody_answers_surfaces_after_its_grace_and_once(
    database: Database, classroom: Classroom
) -> None:
    await note(database, classroom.room, surface_at=ASKED_AT + GRACE)
    await note(database, classroom.room, surface_at=ASKED_AT + 2 * GRACE, message_id="1002")

    async with database.unit_of_work() as uow:
        too_early = await uow.questions.surface(ASKED_AT + GRACE - timedelta(seconds=1))
    async with database.unit_of_work() as uow:
        due = await uow.questions.surface(ASKED_AT + GRACE)
    async with database.unit_of_work() as uow:
        again = await uow.questions.surface(ASKED_AT + GRACE)

    assert too_early == []
    assert [(item.number, item.state) for item in due] == [(1, State.WAITING)]
    assert again == []
    assert (await get(database, 2)).state is State.WATCHED


async def test_what_was_answered_in_time_never_surfaces(
    database: Database, classroom: Classroom
) -> None:
    item = await note(database, classroom.room, surface_at=ASKED_AT + GRACE)
    await close(database, item, by=SolvedBy.CLASSMATE)

    async with database.unit_of_work() as uow:
        due = await uow.questions.surface(ASKED_AT + 2 * GRACE)

    assert due == []
    assert (await get(database, 1)).state is State.CLOSED


async def test_of_two_who_answer_at_once_one_closes_it(
    database: Database, classroom: Classroom
) -> None:
    item = await note(database, classroom.room)

    closed = await asyncio.gather(
        close(database, item, "甲的答复"), close(database, item, "乙的答复")
    )

    found = await get(database, item.number)
    assert sorted(closed) == [False, True]
    assert found.answer == ("甲的答复" if closed[0] else "乙的答复")
    assert (found.solved_by, found.closed_at) == (SolvedBy.TUTOR, ASKED_AT + GRACE)


async def test_what_is_open_is_listed_by_class_oldest_first(
    database: Database, classroom: Classroom
) -> None:
    later = await note(database, classroom.room, sent_at=ASKED_AT + GRACE)
    earlier = await note(database, classroom.room, message_id="1002")
    done = await note(database, classroom.room, message_id="1003")
    await close(database, done)

    async with database.reading() as uow:
        found = await uow.questions.open_in([classroom.room.id, 404])
        nothing = await uow.questions.open_in([])

    assert found == {classroom.room.id: [earlier, later]}
    assert nothing == {}


async def test_what_somebody_waits_for_is_found_by_asker(
    database: Database, classroom: Classroom
) -> None:
    mine = await note(database, classroom.room)
    await note(database, classroom.room, sender_id="20002", message_id="1002")
    done = await note(database, classroom.room, message_id="1003")
    await close(database, done)

    async with database.reading() as uow:
        found = await uow.questions.open_of_askers([classroom.room.id], ["20001"])

    assert found == {(classroom.room.id, "20001"): [mine]}


async def test_an_open_question_is_found_by_the_message_that_began_it(
    database: Database, classroom: Classroom
) -> None:
    item = await note(database, classroom.room)

    async with database.reading() as uow:
        found = await uow.questions.by_message(classroom.room.id, "1001")
        of_other_class = await uow.questions.by_message(404, "1001")
    await close(database, item)
    async with database.reading() as uow:
        after_closing = await uow.questions.by_message(classroom.room.id, "1001")

    assert found == item
    assert of_other_class is None
    assert after_closing is None


async def test_a_recall_takes_the_words_and_leaves_the_question(
    database: Database, classroom: Classroom
) -> None:
    await note(database, classroom.room)
    await note(database, classroom.room, message_id="1002")

    async with database.unit_of_work() as uow:
        await uow.questions.forget_text(1001, "〔已撤回〕")

    assert (await get(database, 1)).text == "〔已撤回〕"
    assert (await get(database, 2)).text == "补考怎么安排？"
