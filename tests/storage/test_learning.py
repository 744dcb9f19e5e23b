"""Suggestions are decided once, votes only added to, and nobody reads beyond their units."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from storage.imports import ClassRow
from storage.interactions import Kind, Record
from storage.learning import Answered, Asked, Standing, Suggestion, Votes
from storage.models.learning import feedback
from storage.questions import SolvedBy
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

DRAFT = {"问题": "停车卡在哪里办", "答案": "去保卫处。", "班级": "计算机2301", "单位": ""}
PRIVATE = Conversation(Platform.QQ, QQ_ACCOUNT, ConversationKind.PRIVATE, "10001")


async def _ask(
    database: Database,
    classroom: Classroom,
    now: datetime,
    *,
    kind: Label = Label.QUESTION,
    is_about_tutor: bool = False,
    answer: str = "",
    solved_by: SolvedBy = SolvedBy.TUTOR,
    class_id: int | None = None,
) -> int:
    message = Message(GROUP, "20001", "李明", "m1", "停车卡在哪里办", now)
    async with database.unit_of_work() as uow:
        item = await uow.questions.add(
            message,
            kind=kind,
            class_id=class_id or classroom.room.id,
            person_id=None,
            event_id=1,
            text=message.text,
            topic=Topic.OTHER,
            is_about_tutor=is_about_tutor,
            surface_at=None,
        )
        await uow.flush()
        if answer:
            by = classroom.tutor.person_id
            await uow.questions.close(item, at=now, solved_by=solved_by, by=by, answer=answer)
    return item.number


async def _suggest(
    database: Database, classroom: Classroom, now: datetime, number: int | None
) -> int:
    async with database.unit_of_work() as uow:
        return await uow.learning.add(
            class_id=classroom.room.id,
            hand_off=number,
            draft=DRAFT,
            given_answer=DRAFT["答案"],
            source="王敏老师答复 12月1日",
            made_by="王敏",
            tell=PRIVATE,
            now=now,
        )


async def _read(database: Database, suggestion_id: int) -> Suggestion:
    async with database.reading() as uow:
        found = await uow.learning.get(suggestion_id)
    assert found is not None
    return found


async def _supervisor(database: Database, name: str = "boss") -> int:
    async with database.unit_of_work() as uow:
        await uow.supervisors.put(username=name, name=name, password_hash="", unit_id=None)
        found = await uow.supervisors.named(name)
    assert found is not None
    return found.id


async def test_a_suggestion_is_read_back_as_it_was_made(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    number = await _ask(database, classroom, now, answer="去保卫处。")

    found = await _read(database, await _suggest(database, classroom, now, number))

    assert found.standing is Standing.WAITING
    assert (found.draft, found.given_answer, found.hand_off) == (DRAFT, "去保卫处。", number)
    assert (found.tell, found.class_name, found.made_at) == (PRIVATE, "计算机2301", now)
    assert not found.is_tried


async def test_one_answer_is_one_suggestion_until_it_is_rejected(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    number = await _ask(database, classroom, now, answer="去保卫处。")
    first = await _suggest(database, classroom, now, number)
    by = await _supervisor(database)

    with pytest.raises(DBAPIError):
        await _suggest(database, classroom, now, number)
    async with database.unit_of_work() as uow:
        assert await uow.learning.decide(first, 1, Standing.REJECTED, by=by, at=now, reason="旧")
    second = await _suggest(database, classroom, now, number)

    async with database.reading() as uow:
        found = await uow.learning.of_hand_off(number)
        decided = await uow.learning.decided(None)
    assert found is not None
    assert found.id == second != first
    assert [(it.reason, it.decided_by) for it in decided] == [("旧", "boss")]


async def test_new_words_must_be_tried_anew(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    suggestion_id = await _suggest(database, classroom, now, None)
    async with database.unit_of_work() as uow:
        assert await uow.learning.mark_tried(suggestion_id, 1)
    assert (await _read(database, suggestion_id)).is_tried

    async with database.unit_of_work() as uow:
        assert await uow.learning.save(suggestion_id, 1, DRAFT | {"答案": "找班长。"})
        assert not await uow.learning.save(suggestion_id, 1, DRAFT)

    found = await _read(database, suggestion_id)
    assert (found.draft["答案"], found.version, found.is_tried) == ("找班长。", 2, False)


async def test_of_two_who_decide_at_once_one_does(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    suggestion_id = await _suggest(database, classroom, now, None)
    by = [await _supervisor(database, name) for name in ("first", "second")]

    async def decide(supervisor_id: int) -> bool:
        async with database.unit_of_work() as uow:
            await uow.learning.one_at_a_time()
            return await uow.learning.decide(
                suggestion_id, 1, Standing.PUBLISHED, by=supervisor_id, at=now
            )

    assert sorted(await asyncio.gather(*map(decide, by))) == [False, True]


async def test_unanswered_are_questions_of_these_units_and_nothing_else(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        row = ClassRow("会计2302", Platform.QQ, QQ_ACCOUNT, "6002", "赵强", "10002", "邻市开大")
        await uow.imports.classes([row], default_mode="mention", default_grace=10, now=now)
        other = await uow.people.class_named("会计2302", now)
    assert other is not None
    waits = await _ask(database, classroom, now)
    answered = await _ask(database, classroom, now, answer="去保卫处。")
    by_mate = await _ask(database, classroom, now, answer="不知道", solved_by=SolvedBy.CLASSMATE)
    foreign = await _ask(database, classroom, now, class_id=other.id)
    await _ask(database, classroom, now, kind=Label.COMPLAINT)
    await _ask(database, classroom, now, kind=Label.DISTRESS)
    await _ask(database, classroom, now, is_about_tutor=True)
    await _ask(database, classroom, now - timedelta(days=91))

    async with database.reading() as uow:
        since = now - timedelta(days=90)
        mine = await uow.learning.unanswered(since, unit_ids={classroom.room.unit_id or 0})
        whole = await uow.learning.unanswered(since)
        one = await uow.learning.question(foreign, {classroom.room.unit_id or 0})

    assert [item.number for item in mine] == [by_mate, answered, waits]
    assert [item.number for item in whole] == [foreign, by_mate, answered, waits]
    assert [(item.is_waiting, item.answer, item.answered_by) for item in mine] == [
        (False, "", ""),
        (False, "去保卫处。", "王敏"),
        (True, "", ""),
    ]
    assert one is None


async def _answer(
    database: Database, classroom: Classroom, at: datetime, *, event_id: int, entry: str
) -> None:
    async with database.unit_of_work() as uow:
        uow.interactions.add(
            Record(
                Kind.QUESTION,
                Action.ANSWER if entry else Action.HAND_OFF,
                solved_by=SolvedBy.BOT if entry else None,
                entry=entry,
            ),
            key=f"event:{event_id}",
            at=at,
            class_id=classroom.room.id,
            tutor_id=None,
            person_id=None,
            platform=Platform.QQ,
            speaker_id="20001",
            event_id=event_id,
            message_id="",
        )


async def test_the_last_answer_is_meant_unless_something_came_after_it(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    await _answer(database, classroom, now, event_id=1, entry="fees.when")
    since = now - timedelta(minutes=3)
    async with database.reading() as uow:
        found = await uow.learning.last_answered(Platform.QQ, "20001", since)
        late = await uow.learning.last_answered(Platform.QQ, "20001", now + timedelta(seconds=1))
        other = await uow.learning.last_answered(Platform.QQ, "20002", since)
    await _answer(database, classroom, now, event_id=2, entry="")
    async with database.reading() as uow:
        after = await uow.learning.last_answered(Platform.QQ, "20001", since)

    assert found is not None
    assert (found.event_id, found.entry) == (1, "fees.when")
    assert (late, other, after) == (None, None, None)


async def test_votes_are_counted_and_never_changed(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    answer = Answered(1, "fees.when", Platform.QQ, "20001", classroom.room.id, Topic.FEES)
    for event_id, who, is_useful in ((11, "20001", True), (12, "20002", False), (13, "9", False)):
        async with database.unit_of_work() as uow:
            await uow.learning.vote(
                answer, event_id=event_id, speaker_id=who, is_useful=is_useful, now=now
            )

    async with database.reading() as uow:
        assert await uow.learning.votes() == {"fees.when": Votes(1, 2)}
        assert await uow.learning.votes({0}) == {}
        assert await uow.learning.has_voted(1, Platform.QQ, "20002")
        assert not await uow.learning.has_voted(2, Platform.QQ, "20002")
    for statement in (update(feedback).values(is_useful=True), delete(feedback)):
        with pytest.raises(DBAPIError):
            async with database.unit_of_work() as uow:
                await uow.write(statement)


async def test_units_are_told_from_the_class_upwards(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await uow.imports.units([("市开大", "省开大")])

    async with database.reading() as uow:
        place = await uow.learning.place(None)

    chain = place.chain(classroom.room.unit_id)
    assert [place.units[unit_id][0] for unit_id in chain] == ["市开大", "省开大"]
    assert place.class_names == {"计算机2301"}


async def test_questions_of_the_past_are_read_from_the_record(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    said = Message(GROUP, "20001", "李明", "m7", "停车卡在哪里办", now, mentions_bot=True)
    async with database.unit_of_work() as uow:
        event = (await uow.inbox.store([said], now=now))[0]
    await _answer(database, classroom, now, event_id=event.id, entry="fees.when")
    await _answer(database, classroom, now, event_id=event.id + 1, entry="fees.when")

    async with database.reading() as uow:
        found = await uow.learning.asked(now - timedelta(days=90))
        old = await uow.learning.asked(now + timedelta(seconds=1))
        foreign = await uow.learning.asked(now - timedelta(days=90), unit_ids={0})

    assert found == [Asked(classroom.room.id, "计算机2301", "停车卡在哪里办", is_addressed=True)]
    assert (old, foreign) == ([], [])


async def test_the_question_behind_a_choice_is_the_one_asked_back_on(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        uow.interactions.add(
            Record(Kind.QUESTION, Action.ASK_BACK),
            key="event:1",
            at=now,
            class_id=classroom.room.id,
            tutor_id=None,
            person_id=None,
            platform=Platform.QQ,
            speaker_id="20001",
            event_id=1,
            message_id="",
        )
    await _answer(database, classroom, now, event_id=2, entry="fees.when")

    async with database.reading() as uow:
        answer = await uow.learning.answered(2)
        assert answer is not None
        found = await uow.learning.asked_back_before(answer, now)
        late = await uow.learning.asked_back_before(answer, now + timedelta(seconds=1))

    assert (found, late) == (1, None)
