"""The console's classes: sums, the 200 to one, classes without a tutor, and the address book."""

import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from bot.app import App
from bot.demo import CLASS_NAME, UNIT
from bot.web.classes import bar_of
from storage.imports import StudentRow
from storage.models.people import duties
from storage.roster import Ratio
from storage.vocabulary import Role
from tests.bot.web.conftest import OTHER_CLASS, OTHER_UNIT, Visit, Visitor, add_supervisor

PHONE = "13812341234"


async def reader_of(app: App, visit: Visit, unit: str | None = UNIT) -> Visitor:
    await add_supervisor(app, "boss", "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in("boss", "correct horse") == 303
    return visitor


async def enrol(app: App, count: int = 1) -> None:
    rows = [
        StudentRow(CLASS_NAME, f"99{number:04}", f"生{number}", major="会计", phone=PHONE)
        for number in range(count)
    ]
    async with app.database.unit_of_work() as uow:
        await uow.imports.students(rows, now=app.clock.now(), source="名单.xlsx")


async def class_id(app: App, name: str = CLASS_NAME) -> int:
    async with app.database.reading() as uow:
        room = await uow.people.class_named(name, app.clock.now())
    assert room is not None
    return room.id


@pytest.mark.parametrize(
    ("students", "percent", "width", "is_over"),
    [(0, 0, 0, False), (100, 50, 50, False), (200, 100, 100, False), (201, 100, 100, True)],
)
def test_s5_1_exactly_200_is_not_red(
    students: int, percent: int, width: int, is_over: bool
) -> None:
    bar = bar_of(Ratio(1, "王敏", students, ("甲班",), (1,)))

    assert (bar.percent, bar.width, bar.is_over) == (percent, width, is_over)


async def test_s5_1_the_page_shows_sums_and_who_has_too_many(app: App, visit: Visit) -> None:
    await enrol(app, 199)
    visitor = await reader_of(app, visit)

    _, body = await visitor.get("/classes")

    # Two of the demo class have accounts.
    assert "学生 201 · 已绑定 2 · 未绑定 199" in body
    assert "201 人 · 1 个班" in body
    assert "超过 200:1" in body
    assert "stage-100" in body
    assert OTHER_CLASS not in body
    assert OTHER_UNIT not in body


async def test_s5_2_a_class_without_a_tutor_stands_on_top(app: App, visit: Visit) -> None:
    await enrol(app)
    async with app.database.unit_of_work() as uow:
        await uow.write(
            duties.update()
            .where(duties.c.role == Role.TUTOR, duties.c.class_id == await class_id(app))
            .values(ends_at=app.clock.now() - timedelta(days=1))
        )
    visitor = await reader_of(app, visit)

    _, body = await visitor.get("/classes")

    head, _, rest = body.partition('id="ratios"')
    assert CLASS_NAME in head
    assert "没有助学教师" in head
    assert "会计" in head
    assert "无教师" in rest


async def test_a_filter_finds_a_class_by_its_tutor(app: App, visit: Visit) -> None:
    visitor = await reader_of(app, visit, unit=None)

    _, found = await visitor.get("/classes?q=赵强")
    _, nothing = await visitor.get("/classes?q=<script>alert(1)</script>&page=x")

    assert f"<strong>{OTHER_CLASS}</strong>" in found
    assert f"<strong>{CLASS_NAME}</strong>" not in found
    assert "没有符合条件的班级" in nothing
    assert "<script>alert" not in nothing


async def book_of(visitor: Visitor, path: str, form: dict[str, str]) -> list[tuple[str, ...]]:
    async with visitor.http.post(visitor.base.with_path(path), data=form) as response:
        assert response.status == 200
        book = load_workbook(io.BytesIO(await response.read()))
    return list(book.worksheets[0].iter_rows(values_only=True))


async def test_s13_11_numbers_are_masked_unless_a_reason_is_given(app: App, visit: Visit) -> None:
    await enrol(app)
    visitor = await reader_of(app, visit)
    token, path = await visitor.token("/classes"), f"/classes/{await class_id(app)}/contacts"

    masked = await book_of(visitor, path, {"csrf": token})
    refused, _ = await visitor.post(path, {"csrf": token, "full": "1", "reason": " "})
    full = await book_of(visitor, path, {"csrf": token, "full": "1", "reason": "学生家访"})

    assert masked[0] == ("班级", "学号", "姓名", "专业", "层次", "年级", "手机", "账号")
    assert [row[6] for row in masked if row[2] == "生0"] == ["138****1234"]
    assert refused == 303
    assert [row[6] for row in full if row[2] == "生0"] == [PHONE]
    async with app.database.reading() as uow:
        done = [line for line in await uow.audit.actions() if line[1] == "export.contacts"]
    assert len(done) == 2


async def test_s13_11_no_book_of_another_unit_and_none_without_the_forms_token(
    app: App, visit: Visit
) -> None:
    visitor = await reader_of(app, visit)
    token, other = await visitor.token("/classes"), await class_id(app, OTHER_CLASS)

    foreign, _ = await visitor.post(f"/classes/{other}/contacts", {"csrf": token})
    forged, _ = await visitor.post(f"/classes/{await class_id(app)}/contacts", {"csrf": "x"})
    nobody, _ = await (await visit(app)).get("/classes", allow_redirects=False)

    assert (foreign, forged, nobody) == (404, 403, 303)
