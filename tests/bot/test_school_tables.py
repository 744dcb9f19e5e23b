"""A school's own workbook of students, as it is: titles, merged heads, sums, numbers as text."""

import time
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from bot.importing import Kind, import_table
from bot.tables import read_sheets
from handlers.imports import TableError
from handlers.settings import BotSettings
from storage.database import Database
from storage.imports import Changes, ClassRow
from storage.models.people import enrolments
from storage.roster import Student
from storage.vocabulary import SHANGHAI, Platform
from tests.databases import fresh

FIRST, SECOND = "计算机2301", "会计2302"
LI, ZHANG, ZHOU = "2430000000001", "2430000000002", "2430000000003"


class School:
    """Two classes, and the workbooks a school hands over."""

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database = database
        self.path = folder / "2026春在籍学生.xlsx"
        self.now = now

    def write(self, *rows: tuple[object, ...], merged: tuple[str, ...] = ()) -> Worksheet:
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        for row in rows:
            sheet.append(row)
        for area in merged:
            sheet.merge_cells(area)
        book.save(self.path)
        return sheet

    async def put(self, kind: Kind = Kind.STUDENTS, *, replaces: bool = False) -> Changes:
        done = await import_table(
            self.database,
            kind,
            self.path,
            settings=BotSettings(),
            now=self.now,
            confirm=lambda _: True,
            replaces=replaces,
        )
        assert done is not None
        return done

    async def problems(self, kind: Kind = Kind.STUDENTS) -> tuple[str, ...]:
        """What is wrong with the workbook; nothing of it may have been kept."""
        before = await self.students()
        with pytest.raises(TableError) as caught:
            await self.put(kind)
        assert await self.students() == before
        return caught.value.problems

    async def students(self) -> list[Student]:
        async with self.database.reading() as uow:
            rooms = [await uow.people.class_named(name, self.now) for name in (FIRST, SECOND)]
            return await uow.roster.students_of([room.id for room in rooms if room is not None])


@pytest.fixture
async def school(tmp_path: Path, now: datetime) -> AsyncIterator[School]:
    database = Database(await fresh(tmp_path / "test.db"))
    rows = [
        ClassRow(name, Platform.QQ, "3889000001", str(group), "王敏", "10001", "市开大")
        for group, name in enumerate((FIRST, SECOND), 600)
    ]
    async with database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="mention", default_grace=10, now=now)
    yield School(database, tmp_path, now)
    await database.close()


def facts(student: Student) -> tuple[str, ...]:
    return (
        student.student_no,
        student.name,
        student.major,
        student.level,
        student.grade,
        student.phone,
    )


MESSY: tuple[tuple[object, ...], ...] = (
    ("辽宁开放大学××学院 2026 年春季学期在籍学生名单",),
    ("导出时间：2026-09-01", None, None, None, None, None, None, None, "第 1 页"),
    ("序号", "学生基本信息", None, "学籍信息", None, None, None, None, "联系电话"),
    (None, "学生学号", "学生姓名 ", "专业", None, "培养层次", "年级(级)", "行政班级", None),
    (None, None, None, "代码", "名称", None, None, None, None),
)
MERGED = (
    *("A1:I1", "A3:A5", "B3:C3", "B4:B5", "C4:C5", "D3:H3", "D4:E4", "F4:F5", "G4:G5", "H4:H5"),
    # One class over its rows, and the sum at the end.
    *("I3:I5", "H6:H7", "A9:H9"),
)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


async def test_a_messy_workbook_goes_in_as_it_is(school: School) -> None:
    """Titles, a head of three merged rows, other names, text and numbers, padding, a sum."""
    school.write(
        *MESSY,
        (1, float(LI), "李  明", "08", "计算机应用", "专科", 2023, FIRST, 13812345678),
        (
            2,
            f"{ZHANG} ".translate(FULL_WIDTH),
            "张红\u3000",
            "08",
            "计算机应用",
            "专科",
            "2023",
            None,
            "无",
        ),
        (3, f"{ZHOU}.0", " 周天", "06", "会计", "本科", "2024 秋", "会计 2302", "138-0000-1111"),
        ("合 计", None, None, None, None, None, None, None, 3),
        ("制表人：王某", None, None, "审核：", None, None, None, None, None),
        merged=MERGED,
    )

    done = await school.put()

    assert (done.added, done.removed, done.changed) == (3, 0, 0)
    assert [facts(one) for one in await school.students()] == [
        (LI, "李明", "计算机应用", "专科", "2023", "13812345678"),
        (ZHANG, "张红", "计算机应用", "专科", "2023", ""),
        (ZHOU, "周天", "会计", "本科", "2024秋", "13800001111"),
    ]
    assert await school.put() == Changes()


async def test_a_head_of_two_rows_is_read_together(school: School) -> None:
    school.write(
        ("2026 年学生名单",),
        ("学号", "姓名", "专业", None, "层次", "入学年级", "班级"),
        (None, None, "代码", "名称", None, None, None),
        (LI, "李明", "08", "计算机应用", "专科", "2023秋", FIRST),
        merged=("A1:G1", "A2:A3", "B2:B3", "C2:D2", "E2:E3", "F2:F3", "G2:G3"),
    )

    await school.put()

    (li,) = await school.students()
    assert facts(li) == (LI, "李明", "计算机应用", "专科", "2023秋", "")


@pytest.mark.parametrize(
    "header",
    [
        ("学号", "姓名", "专业", "层次", "年级", "班级"),
        ("学生学号", "学生姓名", "专业名称", "培养层次", "入学年级", "行政班级"),
        ("学籍号*", "姓名（必填）", "所学专业", "学历层次", "年级（级）", "班级名称"),
        ("学员学号 ", " 学员姓名", "录取专业", "专业层次", "入学年份", "教学班"),
        ("Student_No", "Name", "Major", "Level", "Grade", "Class"),
        ("学 号", "姓　名", "专 业", "层\n次", "年 级", "班 级"),
    ],
)
async def test_columns_are_known_by_many_names(school: School, header: tuple[str, ...]) -> None:
    school.write(("", ""), header, (LI, "李明", "计算机", "专科", 2023, FIRST))

    await school.put()

    (li,) = await school.students()
    assert facts(li) == (LI, "李明", "计算机", "专科", "2023", "")


async def test_hidden_sheets_are_left_alone_and_several_visible_ones_are_read(
    school: School,
) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, state, rows in (
        ("填表说明", "visible", (("请按学籍信息填写",), ("不要合并单元格",))),
        ("旧名单", "hidden", (("学号", "姓名", "班级"), ("9" * 13, "隐藏", FIRST))),
        ("一班", "visible", (("学号", "姓名", "班级"), (LI, "李明", FIRST))),
        ("二班", "visible", (("姓名", "学号", "班级"), ("周天", ZHOU, SECOND))),
    ):
        sheet = book.create_sheet(title)
        sheet.sheet_state = state
        for row in rows:
            sheet.append(row)
    book.save(school.path)

    await school.put()

    assert [one.student_no for one in await school.students()] == [LI, ZHOU]
    book["二班"].append((None, ZHANG, SECOND))
    book["二班"].append(("李明", LI, SECOND))
    book.save(school.path)
    assert await school.problems() == (
        "工作表「二班」第 3 行「姓名」：不能为空",
        f"工作表「二班」第 4 行「学号」：{LI} 重复，工作表「一班」第 2 行已经有了",
    )


async def test_a_formula_counts_as_what_it_came_to_and_is_refused_without(school: School) -> None:
    """openpyxl writes formulas without results, as some export programs do."""
    school.write(
        ("学号", "姓名", "班级", "备注"),
        (LI, '=CONCATENATE("李","明")', FIRST, "=1+1"),
        (ZHANG, "张红", "#REF!", None),
    )
    book = Workbook()

    found = await school.problems()

    assert found == (
        "第 2 行「姓名」：公式还没有算出结果，请在 Excel 里打开、保存后再导入",
        "第 3 行「班级」：公式结果是错误 #REF!",
    )
    book.close()


async def test_every_problem_is_told_with_row_and_column_and_nothing_is_applied(
    school: School,
) -> None:
    school.write(
        ("学生名单",),
        ("学号", "姓名", "班级", "手机"),
        (LI, "李明", FIRST, "13812345678"),
        (None, "张红", FIRST, None),
        (ZHOU, None, SECOND, None),
        ("2.43E+12", "吴青", FIRST, None),
        (LI, "李明", FIRST, None),
        (LI, "李铭", FIRST, None),
        ("2430000000005", "郑好", "法学2399", "12345"),
        (2.43e18, "钱进", FIRST, None),
    )

    assert await school.problems() == (
        "第 4 行「学号」：不能为空",
        "第 5 行「姓名」：不能为空",
        "第 6 行「学号」：「2.43E+12」是科学计数法，末几位已经丢了，请改为文本格式重填",
        f"第 7 行「学号」：{LI} 重复，第 3 行已经有了",
        f"第 8 行「学号」：{LI} 在本表里有两个姓名",
        "第 9 行「班级」：没有班级「法学2399」，请先导入班级",
        "第 9 行「手机」：「12345」不是电话号码",
        "第 10 行「学号」：位数太多，Excel 已把它四舍五入，请把这一列改为文本格式",
    )


async def test_wrong_headers_are_told_with_what_was_found(school: School) -> None:
    school.write(("考生名册",), ("准考证号", "姓名", "班级"), ("1", "李明", FIRST))

    assert await school.problems() == (
        "缺少列「学号」（也认：学生学号、学员学号、学籍号）",
        "前 20 行里最像表头的一行是：准考证号、姓名、班级",
    )


async def test_leading_zeros_that_are_only_shown_are_kept(school: School) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(("学号", "姓名", "班级"))
    sheet.append((1, "李明", FIRST))
    sheet["A2"].number_format = "0000000000000"
    book.save(school.path)

    await school.put()

    assert [one.student_no for one in await school.students()] == ["0000000000001"]


async def test_who_is_not_in_the_table_leaves_only_where_that_was_asked_for(
    school: School,
) -> None:
    header = ("学号", "姓名", "班级")
    school.write(header, (LI, "李明", FIRST), (ZHANG, "张红", FIRST), (ZHOU, "周天", SECOND))
    await school.put()
    school.write(header, (LI, "李明", FIRST))

    kept = await school.put()
    gone = await school.put(replaces=True)

    assert kept == Changes()
    # The other class is not in the table, so nothing is said about it.
    assert gone.lines == [f"− {FIRST} 学生 {ZHANG}（不在表里）"]
    assert [one.student_no for one in await school.students()] == [LI, ZHOU]


async def test_what_the_table_leaves_empty_stays(school: School) -> None:
    school.write(
        ("学号", "姓名", "班级", "专业", "手机"),
        (LI, "李明", FIRST, "计算机", "13812345678"),
    )
    await school.put()
    school.write(("学号", "姓名", "班级", "专业", "层次"), (LI, "李明", FIRST, "软件", "本科"))

    changed = await school.put()

    assert changed.lines == [f"~ 学生 {LI}：专业、层次"]
    (li,) = await school.students()
    assert facts(li) == (LI, "李明", "软件", "本科", "", "13812345678")


async def test_ten_thousand_rows_go_in_within_seconds_and_twice_is_no_change(
    school: School,
) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("名单")
    sheet.append(["2026 年在籍学生"])
    sheet.append(["学号", "姓名", "专业名称", "培养层次", "入学年级", "行政班级", "联系电话"])
    for number in range(10_000):
        name = FIRST if number % 2 else SECOND
        sheet.append(
            [2430000000000.0 + number, f"学生{number}", "会计", "专科", 2023, name, 13800000000]
        )
    book.save(school.path)

    started = time.perf_counter()
    done = await school.put()
    seconds = time.perf_counter() - started

    assert done.added == 10_000
    assert await school.put() == Changes()
    async with school.database.reading() as uow:
        assert len((await uow.read(enrolments.select())).all()) == 10_000
    # Measured 3 s on one core of 2026; a queue of helpers on the machine may take its share.
    assert seconds < 60


# -- what is known of one student ------------------------------------------------------------------


async def known(school: School, number: str) -> dict[str, str]:
    async with school.database.reading() as uow:
        ids = await uow.roster.ids_of([number])
        return {fact.slot: fact.value for fact in await uow.roster.facts_of(ids[number])}


@pytest.fixture
async def two(school: School) -> School:
    school.write(("学号", "姓名", "班级"), (LI, "李明", FIRST), (ZHANG, "张红", SECOND))
    await school.put()
    return school


async def test_every_further_column_is_a_fact_of_its_own(two: School) -> None:
    two.write(
        ("形考完成情况（截至 9 月底）",),
        ("学号", "姓名", "形考", "登录次数", "数据日期", "来源", "备注"),
        (float(LI), "李明", "5/8", 12, date(2026, 9, 30), "学习平台导出", "x"),
        (ZHANG, "张红", "", 0, "2026-09-30", "", ""),
    )

    done = await two.put(Kind.PERSONAL)

    assert done.lines == [
        f"+ 学生 {LI} 个人:形考",
        f"+ 学生 {LI} 个人:登录次数",
        f"+ 学生 {ZHANG} 个人:登录次数",
    ]
    assert await known(two, LI) == {"个人:形考": "5/8", "个人:登录次数": "12"}
    assert await known(two, ZHANG) == {"个人:登录次数": "0"}
    assert await two.put(Kind.PERSONAL) == Changes()
    async with two.database.reading() as uow:
        ids = await uow.roster.ids_of([LI, ZHANG])
        (fact, _) = await uow.roster.facts_of(ids[LI])
        (other,) = await uow.roster.facts_of(ids[ZHANG])
    assert fact.as_of == datetime(2026, 9, 30, tzinfo=SHANGHAI)
    assert (fact.source, other.source) == ("学习平台导出", "2026春在籍学生.xlsx")


async def test_a_list_with_a_row_for_each_course_becomes_one_fact(two: School) -> None:
    two.write(
        ("学号", "课程名称", "成绩"), (LI, "英语", 85), (LI, "数学", "缺考"), (ZHANG, "英语", 60)
    )

    await two.put(Kind.PERSONAL)

    assert await known(two, LI) == {"个人:成绩": "英语 85；数学 缺考"}


async def test_an_older_list_does_not_replace_a_newer_one(two: School) -> None:
    header = ("学号", "形考", "日期")
    two.write(header, (LI, "5/8", "2026-09-30"))
    await two.put(Kind.PERSONAL)
    two.write(header, (LI, "2/8", "2026-09-01"))

    assert await two.put(Kind.PERSONAL) == Changes()
    two.write(header, (LI, "8/8", "2026-10-31"))
    assert (await two.put(Kind.PERSONAL)).changed == 1
    assert await known(two, LI) == {"个人:形考": "8/8"}


async def test_facts_of_somebody_else_are_refused(two: School) -> None:
    two.write(
        ("学号", "姓名", "成绩", "日期"),
        ("9999999999999", "某人", 1, None),
        (LI, "李铭", 2, "2026-02-30"),
        (ZHANG, "张红", 3, None),
        (ZHANG, "张红", 4, None),
    )

    assert await two.problems(Kind.PERSONAL) == (
        "第 2 行「学号」：没有学号 9999999999999，请先导入学生",
        f"第 3 行「姓名」：学号 {LI} 在名册里是「李明」",
        "第 3 行「日期」：「2026-02-30」不是日期，请写成 2026-12-05 17:00",
        f"第 5 行「学号」：{ZHANG} 重复，第 4 行已经有了",
    )
    assert await known(two, ZHANG) == {}


def test_an_old_workbook_is_told_how_to_save(tmp_path: Path) -> None:
    path = tmp_path / "名单.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0")

    with pytest.raises(TableError, match="另存为"):
        read_sheets(path)
