"""`import`: the diff is shown first, and one wrong row keeps the whole table out."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from bot.importing import Kind, import_table
from handlers.imports import TableError
from handlers.settings import BotSettings
from storage.database import Database
from storage.imports import Changes
from storage.migrations import runner
from storage.vocabulary import Platform

CLASSES = (
    "班级,平台,机器人账号,群号,助学教师,助学教师账号,办学单位\n"
    "计算机2301,QQ,3889000001,600000000,王敏,10001,市开大\n"
    "会计2302,QQ,3889000001,600000001,王敏,10001,市开大\n"
)
TUTORS = "班级,平台,姓名,账号\n计算机2301,QQ,赵强,10002\n"
STUDENTS = "班级,学号,姓名,平台,账号\n计算机2301,2430000000001,李明,QQ,20001\n"
CALENDAR = "事项,开始,截止\n考试报名,2026-12-05 09:00,2026-12-12 17:00\n"
FACTS = "名目,内容\n链接:学习平台,https://school.invalid\n"
KNOWLEDGE = (
    "编号,主题,问题,问法,答案,条款,来源,必需,有效期起,有效期止\n"
    "local.parking,other,学校哪里可以停车？,停车场在哪|车停哪儿|能开车去考试吗,"
    "停在南门外。,第十三条,本校通知,,,\n"
)
TABLES = {
    Kind.TUTORS: (TUTORS, 1),
    Kind.CONTACTS: ("部门,姓名,平台,账号,单位\n学籍,孙洁,QQ,30001,市开大\n", 1),
    Kind.SUPERVISORS: ("姓名,平台,账号,单位\n孙督导,QQ,40001,\n", 1),
    Kind.UNITS: ("办学单位,上级单位\n全市,\n", 1),
    Kind.STUDENTS: (STUDENTS, 2),
    Kind.CALENDAR: (CALENDAR, 1),
    Kind.FACTS: (FACTS, 1),
    Kind.KNOWLEDGE: (KNOWLEDGE, 1),
}


class School:
    """A SQLite database and the files put into it."""

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database = database
        self.folder = folder
        self.now = now
        self.shown: list[Changes] = []

    async def put(self, kind: Kind, text: str, *, agrees: bool = True) -> Changes | None:
        path = self.folder / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")

        def confirm(changes: Changes) -> bool:
            self.shown.append(changes)
            return agrees

        return await import_table(
            self.database, kind, path, settings=BotSettings(), now=self.now, confirm=confirm
        )

    async def names(self) -> set[str]:
        async with self.database.reading() as uow:
            return await uow.imports.class_names()

    async def audited(self) -> list[tuple[str, str, str]]:
        async with self.database.reading() as uow:
            return await uow.audit.actions()


@pytest.fixture
async def school(tmp_path: Path, now: datetime) -> AsyncIterator[School]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    await runner.migrate(database)
    yield School(database, tmp_path, now)
    await database.close()


async def test_a_rehearsal_shows_the_diff_and_changes_nothing(school: School) -> None:
    done = await school.put(Kind.CLASSES, CLASSES, agrees=False)

    assert done is None
    (shown,) = school.shown
    assert (shown.added, shown.removed, shown.changed) == (7, 0, 0)
    assert shown.lines[:2] == ["+ 办学单位 市开大", "+ 班级 计算机2301"]
    assert await school.names() == set()
    assert await school.audited() == []


async def test_what_was_agreed_to_is_done_and_audited(school: School) -> None:
    done = await school.put(Kind.CLASSES, CLASSES)

    assert done == school.shown[0]
    assert await school.names() == {"计算机2301", "会计2302"}
    assert await school.audited() == [("cli", "import.classes", "classes.csv")]


async def test_the_same_table_again_asks_nothing(school: School) -> None:
    await school.put(Kind.CLASSES, CLASSES)

    again = await school.put(Kind.CLASSES, CLASSES, agrees=False)

    assert again == Changes()
    assert len(school.shown) == 1
    assert len(await school.audited()) == 1


async def test_the_diff_counts_what_is_added_removed_and_changed(school: School) -> None:
    await school.put(Kind.CLASSES, CLASSES)
    moved = (
        CLASSES.replace("600000001", "600000002")
        .replace(
            "会计2302,QQ,3889000001,600000002,王敏,10001",
            "会计2302,QQ,3889000001,600000000,赵强,10002",
        )
        .replace("计算机2301,QQ,3889000001,600000000", "计算机2301,QQ,3889000001,600000009")
    )

    done = await school.put(Kind.CLASSES, moved)

    assert done is not None
    assert sorted(done.lines) == sorted(
        [
            "+ 群 qq 600000009 → 计算机2301",
            "~ 群 qq 600000000 → 会计2302",
            "+ 会计2302 助学教师 赵强",
            "− 会计2302 原助学教师（任期结束）",
        ]
    )
    assert (done.added, done.removed, done.changed) == (2, 1, 1)


async def test_one_wrong_row_keeps_the_whole_table_out(school: School) -> None:
    broken = CLASSES + "会计2303,钉钉,3889000001,600000009,王敏,10001,市开大\n"

    with pytest.raises(TableError) as caught:
        await school.put(Kind.CLASSES, broken)

    assert caught.value.problems == ("第 4 行「平台」：不认识「钉钉」，请填 QQ 或 微信",)
    assert school.shown == []
    assert await school.names() == set()


@pytest.mark.parametrize("kind", TABLES)
async def test_every_kind_of_table_goes_in_once(school: School, kind: Kind) -> None:
    text, count = TABLES[kind]
    await school.put(Kind.CLASSES, CLASSES)

    first = await school.put(kind, text)
    again = await school.put(kind, text)

    assert first is not None
    assert (first.added, first.removed, first.changed) == (count, 0, 0)
    assert again == Changes()
    assert (await school.audited())[0] == ("cli", f"import.{kind}", f"{kind}.csv")


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (Kind.TUTORS, TUTORS, "没有班级「计算机2301」"),
        (Kind.STUDENTS, STUDENTS, "没有班级「计算机2301」"),
        (Kind.CALENDAR, CALENDAR.replace("12-12", "12-32"), "不是日期"),
        (Kind.FACTS, FACTS.replace("链接:", ""), "应写成 类别:名称"),
        (Kind.KNOWLEDGE, KNOWLEDGE.replace(",other,", ",停车,"), "停车"),
        (Kind.KNOWLEDGE, KNOWLEDGE.replace("停在南门外", "停在{南门}"), "花括号"),
        (Kind.KNOWLEDGE, "编号,主题\nlocal.parking,other\n", "问法"),
        (Kind.KNOWLEDGE, KNOWLEDGE.splitlines()[0] + "\n", "表里没有数据行"),
    ],
)
async def test_what_is_wrong_with_a_table_is_told_and_nothing_done(
    school: School, kind: Kind, text: str, problem: str
) -> None:
    with pytest.raises(TableError, match=problem):
        await school.put(kind, text)

    assert await school.audited() == []


async def test_the_row_of_a_wrong_entry_is_its_row_in_the_file(school: School) -> None:
    second = KNOWLEDGE.splitlines()[1].replace("local.parking", "local.Food")

    with pytest.raises(TableError) as caught:
        await school.put(Kind.KNOWLEDGE, KNOWLEDGE + "\n" + second + "\n")

    assert any("第 4 " in problem for problem in caught.value.problems)


async def test_an_imported_date_and_entry_reach_the_answers(school: School) -> None:
    await school.put(Kind.CALENDAR, CALENDAR)
    await school.put(Kind.KNOWLEDGE, KNOWLEDGE)

    async with school.database.reading() as uow:
        published = (await uow.published.for_classes([1]))[1]
        entries = await uow.published.entries()
    assert [date.matter for date in published.dates] == ["考试报名"]
    assert len(entries) == 1
    assert "南门" in entries[0]


async def test_an_account_of_a_tutor_is_not_given_to_a_student(school: School) -> None:
    await school.put(Kind.CLASSES, CLASSES)

    with pytest.raises(TableError, match="10001 已经属于别人"):
        await school.put(Kind.STUDENTS, STUDENTS.replace("20001", "10001"))

    async with school.database.reading() as uow:
        owners = await uow.imports.account_owners()
    assert owners == {(Platform.QQ, "10001"): ""}


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Kind.TUTORS, "班级,平台,姓名,账号\n计算机2301,QQ,李明,20001\n"),
        (Kind.CLASSES, CLASSES.replace("10001", "20001")),
    ],
)
async def test_a_students_account_cannot_become_a_tutors(
    school: School, kind: Kind, table: str
) -> None:
    """One wrong cell would hand a student the tutor's rights."""
    await school.put(Kind.CLASSES, CLASSES)
    await school.put(Kind.STUDENTS, STUDENTS)

    with pytest.raises(TableError, match="20001 是学生 2430000000001 的账号"):
        await school.put(kind, table)


async def test_one_account_with_two_names_is_asked_back(school: School) -> None:
    table = CLASSES.replace("600000001,王敏", "600000001,王明")

    with pytest.raises(TableError, match="又叫「王敏」又叫「王明」"):
        await school.put(Kind.CLASSES, table)


async def test_staff_outside_the_classes_is_told_by_account_unit_and_department(
    school: School,
) -> None:
    await school.put(Kind.CLASSES, CLASSES)

    await school.put(
        Kind.SUPERVISORS, "姓名,平台,账号,单位\n孙督导,QQ,40001,\n周正,微信,wxid_2,市开大\n"
    )
    await school.put(
        Kind.CONTACTS, "部门,姓名,平台,账号,单位\n学籍,孙洁,QQ,30001,市开大\n财务,钱进,QQ,30002,\n"
    )

    assert [changes.lines for changes in school.shown[1:]] == [
        ["+ 省校 管理人员 孙督导", "+ 市开大 管理人员 周正"],
        ["+ 市开大 学籍 联系人 孙洁", "+ 省校 财务 联系人 钱进"],
    ]
    async with school.database.reading() as uow:
        room = await uow.people.class_named("计算机2301", school.now)
        assert room is not None
        supervisors = await uow.people.supervisors_of([room.unit_id, None], school.now)
        contacts = await uow.cases.contacts([room.unit_id, None])
    assert {unit: [it.name for it in found] for unit, found in supervisors.items()} == {
        None: ["孙督导"],
        room.unit_id: ["周正"],
    }
    assert [(it.name, it.person_name, it.accounts) for it in contacts] == [
        ("学籍", "孙洁", ((Platform.QQ, "30001"),)),
        ("财务", "钱进", ((Platform.QQ, "30002"),)),
    ]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            "学籍,孙洁,QQ,20001,市开大",
            "第 2 行「账号」：20001 是学生 2430000000001 的账号，不能当工作人员账号",
        ),
        (
            "学籍,孙洁,QQ,30001,别处",
            "第 2 行「办学单位」：没有办学单位「别处」，请先导入班级或单位",
        ),
        ("学 籍,孙洁,QQ,30001,", "第 2 行「部门」：中间不能有空格，教师要在命令里打它"),
        (",孙洁,QQ,30001,", "第 2 行「部门」：不能为空"),
    ],
)
async def test_a_contact_who_cannot_be_one_keeps_the_table_out(
    school: School, table: str, problem: str
) -> None:
    """A student's account among the staff would read what others ask."""
    await school.put(Kind.CLASSES, CLASSES)
    await school.put(Kind.STUDENTS, STUDENTS)

    with pytest.raises(TableError) as caught:
        await school.put(Kind.CONTACTS, f"部门,姓名,平台,账号,单位\n{table}\n")

    assert caught.value.problems == (problem,)
