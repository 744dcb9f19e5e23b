"""The demo class of the playground: made-up people, made-up dates, one supervisor with a password
that is new at every start."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher

from bot.adapters.playground import ACCOUNT
from storage.database import Database
from storage.imports import ClassRow, StudentRow
from storage.people import CONFIDENT
from storage.published import CalendarDate, SchoolFact
from storage.vocabulary import Platform, Role

CLASS_NAME = "计算机2301"
GROUP_ID = "group-1"
UNIT = "示范市开放大学"
SUPERVISOR = "demo"
SOURCE = "演示校历"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody to play."""

    user_id: str
    name: str
    role: Role


PEOPLE: tuple[DemoPerson, ...] = (
    DemoPerson("student-li", "小李", Role.STUDENT),
    DemoPerson("student-zhang", "小张", Role.STUDENT),
    DemoPerson("tutor-wang", "王敏", Role.TUTOR),
)


async def seed(database: Database, now: datetime) -> str:
    """Make the demo class, or leave it as it is; the supervisor's password for this start."""
    password = secrets.token_urlsafe(9)
    tutor = next(person for person in PEOPLE if person.role is Role.TUTOR)
    students = [person for person in PEOPLE if person.role is Role.STUDENT]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(
            [
                ClassRow(
                    class_name=CLASS_NAME,
                    platform=Platform.PLAYGROUND,
                    account=ACCOUNT,
                    group_id=GROUP_ID,
                    tutor_name=tutor.name,
                    tutor_account=tutor.user_id,
                    unit=UNIT,
                    speak_mode=CONFIDENT,
                )
            ],
            default_mode=CONFIDENT,
            default_grace=10,
            now=now,
        )
        await uow.imports.students(
            [
                StudentRow(
                    class_name=CLASS_NAME,
                    student_no=f"000000000000{index}",
                    name=person.name,
                    platform=Platform.PLAYGROUND,
                    account=person.user_id,
                )
                for index, person in enumerate(students, 1)
            ]
        )
        await uow.imports.calendar([(CLASS_NAME, date) for date in _dates(now)])
        await uow.imports.facts(
            [(CLASS_NAME, SchoolFact("链接:学习平台", "https://demo.invalid/study", SOURCE))]
        )
        await uow.supervisors.put(
            username=SUPERVISOR,
            name="演示督导",
            password_hash=PasswordHasher().hash(password),
            unit_id=await uow.supervisors.unit_named(UNIT),
        )
    return password


def _dates(now: datetime) -> list[CalendarDate]:
    """Some matters dated, some not, so that both kinds of answer can be seen."""
    morning = now.replace(hour=9, minute=0, second=0, microsecond=0)
    evening = morning.replace(hour=17)
    return [
        CalendarDate(
            matter, morning + timedelta(days=first), evening + timedelta(days=last), "", SOURCE
        )
        for matter, first, last in (
            ("考试报名", 3, 10),
            ("课程注册", -20, 5),
            ("缴费", -20, 7),
            ("形考", -30, 40),
            ("准考证打印", 30, 45),
        )
    ]
