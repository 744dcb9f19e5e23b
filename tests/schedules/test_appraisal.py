"""The record by night: what a day's figures are made of, on both databases."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from handlers.appraisal import overview, settle_next, spans
from handlers.settings import BotSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import appraisal, clocks
from schedules.means import Means
from storage.appraisal import DailyRecord, Scope
from storage.cases import StepKind
from storage.database import Database
from storage.interactions import Kind
from storage.models.accounts import blind_windows
from storage.models.appraisal import daily_records
from storage.models.hand_offs import hand_off_steps, hand_offs, ratings
from storage.models.people import duties, identities, persons
from storage.models.queues import outbox
from storage.models.record import interactions
from storage.models.students import student_files
from storage.models.tasks import completions, obligations, reminders, tasks
from storage.questions import Category, Level, SolvedBy, State, Verdict
from storage.vocabulary import SHANGHAI, Action, Label, Platform, Topic
from tests.conftest import QQ_ACCOUNT, Classroom

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WORKING = WorkingTime(WorkingTimeSettings())
MEANS = Means(BotSettings(), WORKING)
#: A Wednesday and a Thursday.
WED = datetime(2026, 12, 2, 9, 0, tzinfo=SHANGHAI)
DAY = WED.date()


@dataclass
class Class:
    """One class on QQ, and what happens in it."""

    database: Database
    classroom: Classroom
    number: int = 0
    event: int = 1000

    @property
    def tutor(self) -> int:
        assert self.classroom.tutor.person_id is not None
        return self.classroom.tutor.person_id

    @property
    def room(self) -> int:
        return self.classroom.room.id

    async def write(self, table: Any, **values: Any) -> None:
        async with self.database.unit_of_work() as uow:
            await uow.write(insert(table).values(**values))

    async def asked(self, at: datetime, **more: Any) -> int:
        """A question that waits for the tutor; its number."""
        self.number += 1
        self.event += 1
        values: dict[str, Any] = {
            "number": self.number,
            "kind": Label.QUESTION,
            "state": State.WAITING,
            "class_id": self.room,
            "platform": Platform.QQ,
            "account": QQ_ACCOUNT,
            "conversation_kind": "group",
            "conversation_id": "600000000",
            "via_group": "",
            "asker_id": "20001",
            "asker_name": "小李",
            "person_id": self.classroom.li.person_id,
            "event_id": self.event,
            "message_id": str(self.event),
            "text": "问",
            "topic": Topic.OTHER,
            "is_about_tutor": False,
            "asked_at": at,
            "category": Category.INQUIRY,
            "level": Level.TUTOR,
        }
        await self.write(hand_offs, **(values | more))
        return self.number

    async def answered(
        self, number: int, at: datetime, *, by: int | None = None, text: str = "在一号门"
    ) -> None:
        """The tutor's answer."""
        by = by or self.tutor
        async with self.database.unit_of_work() as uow:
            await uow.write(
                update(hand_offs)
                .where(hand_offs.c.number == number)
                .values(
                    state=State.CLOSED,
                    closed_at=at,
                    closed_by=by,
                    solved_by=SolvedBy.TUTOR,
                    answer=text,
                )
            )
        await self.step(number, StepKind.ANSWERED, at, f"person:{by}")
        await self.noted(Kind.REPLY, at, solved_by=SolvedBy.TUTOR, hand_off=number, tutor_id=by)

    async def step(
        self, number: int, kind: StepKind, at: datetime, actor: str, text: str = ""
    ) -> None:
        await self.write(hand_off_steps, hand_off=number, at=at, kind=kind, actor=actor, text=text)

    async def noted(self, kind: Kind, at: datetime, **more: Any) -> int:
        """A row of the ledger; its id."""
        self.event += 1
        values: dict[str, Any] = {
            "key": f"event:{self.event}",
            "at": at,
            "class_id": self.room,
            "tutor_id": self.tutor,
            "person_id": self.classroom.li.person_id,
            "platform": Platform.QQ,
            "speaker_id": "20001",
            "kind": kind,
            "topic": Topic.OTHER,
            "article": "",
            "action": Action.ANSWER,
            "event_id": self.event,
            "message_id": str(self.event),
            "is_about_tutor": False,
        }
        async with self.database.unit_of_work() as uow:
            row = await uow.write(
                insert(interactions).values(**(values | more)).returning(interactions.c.id)
            )
            return int(row.scalar_one())

    async def settled(self, until: date = DAY + timedelta(days=1)) -> dict[str, DailyRecord]:
        """The figures of `DAY` of the class's tutor, once all days before `until` are settled."""
        now = datetime.combine(until, datetime.min.time(), SHANGHAI) + timedelta(hours=1)
        while True:
            async with self.database.unit_of_work() as uow:
                # The smallest pieces: nobody's figures may need two of them.
                if await settle_next(uow, now, WORKING, 1) is None:
                    break
        return await self.records()

    async def records(self, day: date = DAY, tutor: int | None = None) -> dict[str, DailyRecord]:
        async with self.database.reading() as uow:
            found = await uow.appraisal.records(day, day, [tutor or self.tutor])
        assert len({(it.class_id, it.indicator) for it in found}) == len(found)
        return {it.indicator: it for it in found}


@pytest.fixture
async def a_class(database: Database, classroom: Classroom) -> Class:
    return Class(database, classroom)


def of(record: DailyRecord | None) -> tuple[int, int, str | None]:
    assert record is not None
    return record.numerator, record.denominator, record.value


# -- times ----------------------------------------------------------------------------------------


async def test_daily_record_counts_times_in_working_hours_and_natural_hours(a_class: Class) -> None:
    """S17.1"""
    # Asked the evening before: the working clock begins on Wednesday at 08:30.
    first = await a_class.asked(WED - timedelta(hours=13))
    await a_class.answered(first, WED)
    second = await a_class.asked(WED)
    await a_class.answered(second, WED + 2 * HOUR)
    third = await a_class.asked(WED)
    await a_class.answered(third, WED + 4 * HOUR)

    made = await a_class.settled()

    assert made["K03"].rows == (
        (f"T-{first}", 1800, 1),
        (f"T-{second}", 7200, 1),
        ("T-3", 14400, 1),
    )
    assert of(made["K03"]) == (23400, 3, "7200")
    assert made["K03N"].rows[0] == (f"T-{first}", 46800, 1)
    assert of(made["K04"]) == (3, 3, "1.000000")
    assert of(made["K25"]) == (1, 3, "1")


async def test_what_is_late_counts_once_on_the_day_its_time_ran_out(a_class: Class) -> None:
    """S17.1: not again on the day it is answered at last."""
    late = await a_class.asked(WED - timedelta(days=1))
    await a_class.answered(late, WED + timedelta(days=3))

    made = await a_class.settled(DAY + timedelta(days=8))
    later = await a_class.records(DAY + timedelta(days=3))

    # One working day from Tuesday 09:00 is over on Wednesday 09:00.
    assert made["K04"].rows == ((f"T-{late}", 0, 1),)
    assert "K04" not in later
    assert later["K03"].rows == ((f"T-{late}", int(35.5 * 3600), 1),)


async def test_blind_windows_do_not_count(a_class: Class) -> None:
    """S17.1"""
    number = await a_class.asked(WED)
    await a_class.answered(number, WED + 3 * HOUR)
    await a_class.write(
        blind_windows,
        platform=Platform.QQ,
        account=QQ_ACCOUNT,
        starts_at=WED + HOUR,
        ends_at=WED + 2 * HOUR,
    )

    made = await a_class.settled()

    assert made["K03"].value == "7200"
    assert made["K03N"].value == "7200"


async def test_empty_replies_are_no_first_reply(a_class: Class) -> None:
    """S17.6"""
    number = await a_class.asked(WED - timedelta(days=1))
    await a_class.step(
        number, StepKind.UPDATED, WED - timedelta(hours=23), f"person:{a_class.tutor}", "收到"
    )
    closed = await a_class.asked(WED)
    await a_class.answered(closed, WED + HOUR, text="嗯")

    made = await a_class.settled()

    assert made["K04"].rows == ((f"T-{number}", 0, 1),)
    assert "K03" not in made


async def test_questions_staff_ask_themselves_do_not_count(a_class: Class) -> None:
    """S17.6"""
    own = await a_class.asked(WED, person_id=a_class.tutor)
    await a_class.answered(own, WED + MINUTE)
    await a_class.noted(Kind.QUESTION, WED, person_id=a_class.tutor)
    await a_class.noted(Kind.QUESTION, WED)

    made = await a_class.settled()

    assert "K03" not in made
    assert "K04" not in made
    assert of(made["K01"]) == (1, 1, "1")


async def test_what_the_bot_solved_is_apart_and_changes_no_figure_of_the_tutor(
    a_class: Class,
) -> None:
    """S17.4"""
    number = await a_class.asked(WED)
    await a_class.answered(number, WED + HOUR)
    for minute in range(30):
        await a_class.noted(
            Kind.QUESTION, WED - 20 * HOUR + minute * MINUTE, solved_by=SolvedBy.BOT
        )

    made = await a_class.settled()

    assert of(made["K02"]) == (30, 30, "1.000000")
    assert of(made["K04"]) == (1, 1, "1.000000")
    assert made["K03"].value == "3600"


async def test_a_classmates_answer_is_nobodys_credit_and_nobodys_fault(a_class: Class) -> None:
    number = await a_class.asked(WED - timedelta(days=1))
    async with a_class.database.unit_of_work() as uow:
        await uow.write(
            update(hand_offs)
            .where(hand_offs.c.number == number)
            .values(
                state=State.CLOSED,
                closed_at=WED - timedelta(hours=20),
                solved_by=SolvedBy.CLASSMATE,
                answer="在一号门",
            )
        )

    assert "K04" not in await a_class.settled()


async def test_what_waits_over_its_time_at_the_end_of_the_day_is_backlog(a_class: Class) -> None:
    """S17.1"""
    number = await a_class.asked(WED - timedelta(days=2))

    made = await a_class.settled()

    assert made["K07"].rows == ((f"T-{number}", 1, 1),)
    assert made["K07M"].rows == ((f"T-{number}", (2 * 24 + 15) * 3600, 1),)


# -- complaints -----------------------------------------------------------------------------------


async def complain(a_class: Class, verdict: Verdict | None, action: Action | None) -> int:
    number = await a_class.asked(
        WED - timedelta(days=3),
        kind=Label.COMPLAINT,
        category=Category.COMPLAINT,
        is_about_tutor=True,
        level=Level.UNIT,
        topic=Topic.CONTACT,
        verdict=verdict,
    )
    if action is not None:
        await a_class.noted(
            Kind.COMPLAINT,
            WED + HOUR,
            action=action,
            is_about_tutor=True,
            hand_off=number,
            topic=Topic.CONTACT,
        )
    return number


@pytest.mark.parametrize(("verdict", "action"), [(None, None), (Verdict.FALSE, Action.FOUND_FALSE)])
async def test_a_complaint_not_found_true_leaves_the_record_as_if_it_never_was(
    a_class: Class, verdict: Verdict | None, action: Action | None
) -> None:
    """S17.1 S13.6"""
    number = await a_class.asked(WED)
    await a_class.answered(number, WED + HOUR)
    await complain(a_class, verdict, action)
    await a_class.write(ratings, hand_off=2, closure=0, at=WED, mark=1)

    made = await a_class.settled()

    assert set(made) == {"K03", "K03N", "K04", "K04N", "K05", "K06", "K25"}
    assert all("T-2" not in row for record in made.values() for row in record.rows)


async def test_a_complaint_counts_on_the_day_it_was_found_true(a_class: Class) -> None:
    """S17.1"""
    number = await complain(a_class, Verdict.TRUE, Action.FOUND_TRUE)

    made = await a_class.settled()

    assert made["K10"].rows == made["K08"].rows == ((f"T-{number}", 1, 1),)


# -- reminders, files, marks, care ----------------------------------------------------------------


async def test_reminders_count_by_what_was_brought_and_how_far_ahead(a_class: Class) -> None:
    """S17.1"""
    deadline = WED + 8 * HOUR
    await a_class.write(
        tasks,
        number=5,
        kind="matter",
        state="ended",
        class_id=a_class.room,
        matter="缴费",
        title="缴费",
        text="",
        audience="undone",
        is_private=True,
        deadline=deadline,
        origin="calendar",
        made_by="calendar",
        made_at=WED,
    )
    for n, (step, state) in enumerate(
        [("T-7", "fired"), ("T-3", "late"), ("T-1", "expired"), ("T-2h", "fired")], 1
    ):
        await a_class.write(
            reminders,
            id=n,
            task=5,
            step=step,
            due_at=WED - n * HOUR,
            useful_until=deadline,
            state=state,
        )
    people = [a_class.classroom.li.person_id, a_class.classroom.zhang.person_id]
    for person_id, state in zip(people, ("sent", "expired"), strict=True):
        await a_class.write(
            obligations,
            reminder=4,
            task=5,
            class_id=a_class.room,
            recipient=f"person:{person_id}",
            person_id=person_id,
            due_at=WED,
            useful_until=deadline,
            not_before=WED,
            state=state,
            ended_at=WED,
        )
        await a_class.write(
            completions,
            task=5,
            person_id=person_id,
            is_done=False,
            how="list",
            source="名单",
            by="x",
            at=WED - HOUR,
        )

    made = await a_class.settled()

    assert made["K17"].rows == made["K22"].rows == (("R-5", 1, 2),)
    assert made["K18"].rows == (("R-5", 2, 3),)
    assert made["K19"].rows == made["K23"].rows == (("R-5", 0, 1),)
    assert made["K20"].rows == (("R-5", 1, 2),)


async def test_files_are_not_connected_until_there_is_one(a_class: Class) -> None:
    """S17.1"""
    assert "K24" not in await a_class.settled()

    await a_class.write(
        student_files,
        person_id=a_class.classroom.li.person_id,
        major="会计",
        level="本科",
        grade="2026",
        phone="",
        source="x",
        updated_at=WED,
    )
    await a_class.settled(DAY + timedelta(days=2))
    made = await a_class.records(DAY + timedelta(days=1))

    assert made["K24"].rows == ((f"C-{a_class.room}", 0, 2),)


async def test_marks_count_for_whoever_answered(a_class: Class) -> None:
    """S17.1 S1.3"""
    number = await a_class.asked(WED - 5 * HOUR)
    await a_class.answered(number, WED - 4 * HOUR)
    await a_class.write(ratings, hand_off=number, closure=0, at=WED, mark=4)

    made = await a_class.settled()

    assert made["K30"].rows == ((f"T-{number}", 4, 1),)


async def test_care_is_timed_until_a_person_was_there(a_class: Class) -> None:
    """S17.1: care talks"""
    number = await a_class.asked(
        WED, kind=Label.DISTRESS, first_replied_at=WED + 6 * MINUTE, text="（封存）"
    )

    made = await a_class.settled()

    assert made["K26"].rows == made["K26N"].rows == ((f"T-{number}", 360, 1),)
    assert "K04" not in made


async def test_a_cry_for_help_is_asked_about_again_within_a_week(a_class: Class) -> None:
    asked = await a_class.asked(WED - 2 * HOUR, kind=Label.DISTRESS, text="（封存）")
    forgotten = await a_class.asked(WED - 2 * HOUR, kind=Label.DISTRESS, text="（封存）")
    for number in (asked, forgotten):
        await a_class.answered(number, WED - HOUR)
    await a_class.step(asked, StepKind.FOLLOWED, WED, "supervisor:zhao", "solved\n好多了")

    today = await a_class.settled()
    await a_class.settled(DAY + timedelta(days=8))
    a_week_later = await a_class.records(DAY + timedelta(days=7))

    assert today["K27F"].rows == ((f"T-{asked}", 1, 1),)
    assert a_week_later["K27F"].rows == ((f"T-{forgotten}", 0, 1),)


async def test_what_students_say_when_asked_again_counts_on_that_day(a_class: Class) -> None:
    """Two months after it was asked, too; who could not be reached has said nothing."""
    old = WED - timedelta(days=60)
    for outcome in ("solved", "unsolved", "unreached"):
        number = await a_class.asked(old)
        await a_class.answered(number, old + HOUR)
        await a_class.step(number, StepKind.FOLLOWED, WED, "supervisor:zhao", f"{outcome}\n")

    made = await a_class.settled()

    assert made["K13F"].rows == (("T-1", 1, 1), ("T-2", 0, 1))


async def test_what_students_want_counts_once_when_the_tutor_brings_it_on(
    a_class: Class,
) -> None:
    tutor = f"person:{a_class.tutor}"
    wish = await a_class.asked(WED, category=Category.REQUEST)
    question = await a_class.asked(WED)
    for number in (wish, wish, question):
        await a_class.step(number, StepKind.PASSED_ON, WED + HOUR, tutor, "教务处")

    made = await a_class.settled()

    assert made["K31"].rows == ((f"T-{wish}", 1, 1),)


async def test_privacy_hints_are_timed_by_what_was_sent(a_class: Class) -> None:
    for late in (5, 500):
        row = await a_class.noted(Kind.PRIVACY, WED)
        await a_class.write(
            outbox,
            key=f"event:{row}",
            platform=Platform.QQ,
            account=QQ_ACCOUNT,
            conversation_id="1",
            payload="{}",
            event_id=a_class.event,
            created_at=WED,
            sent_at=WED + timedelta(seconds=late),
            state="sent",
            attempts=1,
            not_before=WED,
        )

    assert of((await a_class.settled())["K28"]) == (1, 2, "0.500000")


# -- who it counts for ----------------------------------------------------------------------------


async def test_credit_is_per_duty_and_class_and_never_doubled(a_class: Class) -> None:
    """S3.1: a colleague who also stands in here has two appointments and one credit."""
    async with a_class.database.unit_of_work() as uow:
        row = await uow.write(insert(persons).values(name="赵强").returning(persons.c.id))
        colleague = int(row.scalar_one())
        for covers in (None, a_class.tutor):
            await uow.write(
                insert(duties).values(
                    person_id=colleague,
                    role="tutor",
                    class_id=a_class.room,
                    starts_at=WED - timedelta(days=5),
                    ends_at=WED + timedelta(days=5),
                    covers_id=covers,
                )
            )
    number = await a_class.asked(WED)
    await a_class.answered(number, WED + HOUR, by=colleague)
    missed = await a_class.asked(WED - timedelta(days=1))

    own = await a_class.settled()
    theirs = await a_class.records(tutor=colleague)

    assert theirs["K03"].rows == ((f"T-{number}", 3600, 1),)
    # Whoever stands in answers for what nobody answers, alone.
    assert theirs["K04"].rows == ((f"T-{number}", 1, 1), (f"T-{missed}", 0, 1))
    assert "K03" not in own
    assert "K04" not in own


async def test_a_day_before_and_after_an_appointment_is_on_nobodys_record(a_class: Class) -> None:
    """S5.5"""
    async with a_class.database.unit_of_work() as uow:
        await uow.write(
            update(duties)
            .where(duties.c.person_id == a_class.tutor)
            .values(ends_at=WED - timedelta(hours=1))
        )
    number = await a_class.asked(WED - timedelta(days=1))

    made = await a_class.settled()

    assert number == 1
    assert made == {}


# -- the job --------------------------------------------------------------------------------------


async def test_days_are_settled_from_half_past_midnight_once_and_all_that_are_missing(
    a_class: Class,
) -> None:
    """S17.1"""
    number = await a_class.asked(WED)
    await a_class.answered(number, WED + HOUR)
    before = datetime(2026, 12, 3, 0, 29, tzinfo=SHANGHAI)
    for now in (before, before + MINUTE, before + HOUR):
        async with a_class.database.unit_of_work() as uow:
            for _ in range(20):
                await appraisal.settle(uow, now, MEANS)
        async with a_class.database.reading() as uow:
            is_done = await uow.appraisal.is_settled(DAY)
            count = len((await uow.read(select(daily_records.c.id))).all())
        assert is_done is (now > before)
        assert count == (7 if is_done else 0)


async def test_a_closed_question_changed_later_does_not_change_a_settled_day(
    a_class: Class,
) -> None:
    """S17.3"""
    number = await a_class.asked(WED)
    await a_class.answered(number, WED + HOUR)
    made = await a_class.settled()
    async with a_class.database.unit_of_work() as uow:
        await uow.write(update(hand_offs).values(asked_at=WED - 9 * HOUR))

    assert await a_class.settled(DAY + timedelta(days=1)) == made


async def test_numbers_come_at_nine_in_the_evening_to_who_wants_them(
    a_class: Class,
) -> None:
    """S17.2"""
    from handlers.hand_offs import private_chat
    from tests.conftest import GROUP

    place = private_chat(GROUP, "10001")
    async with a_class.database.unit_of_work() as uow:
        await uow.appraisal.wish(a_class.tutor, place, WED)
    sent: list[int] = []
    for hour in (20, 21, 21, 23):
        now = WED.replace(hour=hour)
        async with a_class.database.unit_of_work() as uow:
            await appraisal.tell(uow, now, MEANS)
        async with a_class.database.reading() as uow:
            sent.append(len((await uow.read(select(outbox.c.id))).all()))

    assert sent == [0, 1, 1, 1]
    async with a_class.database.unit_of_work() as uow:
        await uow.write(update(duties).values(ends_at=WED))
        await appraisal.tell(uow, WED.replace(hour=21) + timedelta(days=1), MEANS)
    async with a_class.database.reading() as uow:
        assert len((await uow.read(select(outbox.c.id))).all()) == 1


async def test_retraining_and_missing_hours_are_reminded_of_once_to_tutor_and_supervisor(
    a_class: Class,
) -> None:
    """S19.1 S7.1"""
    async with a_class.database.unit_of_work() as uow:
        boss = await uow.write(insert(persons).values(name="孙督导").returning(persons.c.id))
        person_id = int(boss.scalar_one())
        await uow.write(
            insert(identities).values(platform=Platform.QQ, user_id="10009", person_id=person_id)
        )
        await uow.write(
            insert(duties).values(
                person_id=person_id,
                role="supervisor",
                unit_id=a_class.classroom.room.unit_id,
                starts_at=WED - timedelta(days=30),
            )
        )
        await uow.training.open(
            a_class.tutor, 2025, due_at=WED + timedelta(days=3), by="supervisor:sun", now=WED
        )

    async def keys(at: datetime) -> list[str]:
        async with a_class.database.unit_of_work() as uow:
            await appraisal.watch_training(uow, at, MEANS)
        async with a_class.database.reading() as uow:
            found = await uow.read(select(outbox.c.key).order_by(outbox.c.id))
            return list(found.scalars())

    assert await keys(WED.replace(hour=7)) == []
    soon = [f"retraining-soon:1:{a_class.tutor}", f"retraining-soon:1:unit:{person_id}"]
    assert await keys(WED) == soon
    assert await keys(WED + HOUR) == soon
    # The school keeps its training here from now on.
    async with a_class.database.unit_of_work() as uow:
        await uow.training.add(
            kind="term",
            title="期初会",
            unit_id=None,
            starts_at=WED,
            ends_at=WED + HOUR,
            place="",
            hours=Decimal(2),
            code="204817",
            by="x",
            now=WED,
        )
    hours = [
        f"training-hours:{a_class.tutor}:202612:{a_class.tutor}",
        f"training-hours-unit:{a_class.classroom.room.unit_id}:202612:{person_id}",
    ]
    assert await keys(WED + 2 * HOUR) == soon + hours
    assert await keys(WED + 3 * HOUR) == soon + hours


async def test_an_appeal_nobody_answers_in_time_is_told_once(a_class: Class) -> None:
    """S17.2"""
    async with a_class.database.unit_of_work() as uow:
        number = await uow.appraisal.appeal(
            tutor_id=a_class.tutor,
            day=DAY,
            class_id=a_class.room,
            text="我答过",
            at=WED,
            due_at=WED + HOUR,
            event_id=None,
        )
    alarms = []
    for at in (WED, WED + HOUR, WED + 2 * HOUR):
        async with a_class.database.unit_of_work() as uow:
            await appraisal.watch_appeals(uow, at, MEANS)
        async with a_class.database.reading() as uow:
            found = await uow.appraisal.appeal_of(number, None)
        assert found is not None
        alarms.append(found.alarm)

    assert alarms == [0, 100, 100]


# -- sums -----------------------------------------------------------------------------------------


async def test_sums_made_by_the_database_are_the_figures_made_of_all_the_rows(
    a_class: Class,
) -> None:
    """S17.2"""
    for days in range(3):
        at = WED + timedelta(days=days)
        for minutes in (5, 50, 300):
            number = await a_class.asked(at)
            await a_class.answered(number, at + minutes * MINUTE)
            await a_class.write(ratings, hand_off=number, closure=0, at=at + 6 * HOUR, mark=4)
        # Nobody answers this one, and the next, and the next.
        await a_class.asked(at)
        await a_class.asked(at, kind=Label.DISTRESS)
    await a_class.write(
        student_files,
        person_id=a_class.classroom.li.person_id,
        major="会计",
        level="本科",
        grade="2026",
        phone="13800000000",
        source="x",
        updated_at=WED,
    )
    await a_class.settled(DAY + timedelta(days=12))
    first, last = date(2026, 12, 1), date(2026, 12, 31)
    async with a_class.database.reading() as uow:
        one = (await spans(uow, first, last, None))[0]
        other = (await overview(uow, first, last, None))[0]
        nobody = await overview(uow, first, last, [])
        days = await uow.appraisal.recorded_days(Scope(first, last))

    assert {"K03", "K04", "K07", "K07M", "K24", "K25", "K30"} <= set(one.figures)
    assert list(other.figures.items()) == list(one.figures.items())
    assert other.score == one.score
    assert days == {a_class.tutor: len({it.day for it in one.records})}
    assert nobody == []


# -- silences -------------------------------------------------------------------------------------


async def test_a_silence_is_on_record_once_and_outlasts_its_card(a_class: Class) -> None:
    """S19.3: what a year's decision rests on is not a card that is thrown away after a while."""
    await a_class.asked(WED)
    for hours in (24, 60, 61):
        async with a_class.database.unit_of_work() as uow:
            await clocks.notice_silence(uow, WED + hours * HOUR, MEANS)
    async with a_class.database.unit_of_work() as uow:
        await uow.write(outbox.delete())

    async with a_class.database.reading() as uow:
        found = await uow.appraisal.silences(a_class.tutor, WED, WED + 100 * HOUR)
        before = await uow.appraisal.silences(a_class.tutor, WED - HOUR, WED)
    assert found == [WED + 60 * HOUR]
    assert before == []
