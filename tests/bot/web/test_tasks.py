"""The console's tasks: scoped to the unit, names masked, lists previewed, files zipped."""

import io
import re
import zipfile
from datetime import timedelta

import aiohttp
import openpyxl
import pytest
from sqlalchemy import select

from bot import demo
from bot.app import App
from storage.models.supervisors import audit
from storage.tasks import Audience, Draft, TaskKind
from storage.vocabulary import Platform
from tests.bot.web.conftest import OTHER_CLASS, OTHER_UNIT, Visit, Visitor, add_supervisor


async def arm(app: App, class_name: str, kind: TaskKind = TaskKind.MATTER) -> int:
    """Something to be done in a class, and its number."""
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        room = await uow.people.class_named(class_name, now)
        assert room is not None
        draft = Draft(
            kind,
            room.id,
            "考试报名",
            Audience.UNDONE,
            made_by="test",
            matter="考试报名",
            deadline=now + timedelta(days=9),
        )
        return await uow.tasks.arm(draft, now)


async def students(app: App) -> list[tuple[str, str]]:
    async with app.database.reading() as uow:
        room = await uow.people.class_named(demo.CLASS_NAME, app.clock.now())
        assert room is not None
        return [(it.student_no, it.name) for it in await uow.receipts.students(room.id)]


def workbook(*rows: tuple[str, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


async def upload(visitor: Visitor, data: bytes, **fields: str) -> tuple[int, str]:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("csrf", await visitor.token("/tasks"))
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("file", data, filename="名单.xlsx")
    return await visitor.post("/tasks/list", form)  # type: ignore[arg-type]


@pytest.fixture
async def visitor(app: App, visit: Visit) -> Visitor:
    made = await visit(app)
    assert await made.sign_in(demo.SUPERVISOR, app.demo_password) == 303
    return made


async def test_names_are_masked_until_they_are_opened_by_name(app: App, visitor: Visitor) -> None:
    number = await arm(app, demo.CLASS_NAME)
    name = (await students(app))[0][1]

    status, body = await visitor.get(f"/tasks/{number}")
    assert status == 200
    assert name not in body
    assert f"{name[0]}*" in body
    token = await visitor.token(f"/tasks/{number}")
    refused, without = await visitor.post(f"/tasks/{number}/open", {"csrf": token, "reason": " "})
    status, body = await visitor.post(
        f"/tasks/{number}/open", {"csrf": token, "reason": "逐个打电话提醒"}
    )

    assert (refused, status) == (422, 200)
    assert name not in without
    assert name in body
    async with app.database.reading() as uow:
        rows = await uow.read(select(audit).where(audit.c.target == f"R-{number}"))
    opened = [it for it in rows if it.action == "web.task_opened"]
    assert [(it.reason, it.address) for it in opened] == [("逐个打电话提醒", "127.0.0.1")]


async def test_a_task_of_another_unit_is_as_one_that_never_was(app: App, visit: Visit) -> None:
    mine = await arm(app, demo.CLASS_NAME)
    number = await arm(app, OTHER_CLASS)
    await add_supervisor(app, "neighbour", "correct horse", unit=OTHER_UNIT)
    visitor = await visit(app)
    await visitor.sign_in("neighbour", "correct horse")

    _, body = await visitor.get("/tasks")
    assert f"/tasks/{number}" in body
    assert f"/tasks/{mine}" not in body
    assert (await visitor.get(f"/tasks/{mine}"))[0] == 404
    assert (await visitor.get(f"/tasks/{mine}/zip"))[0] == 404
    token = await visitor.token("/tasks")
    assert (await visitor.post(f"/tasks/{mine}/open", {"csrf": token}))[0] == 404
    assert (await visitor.post(f"/tasks/{mine}/retry", {"csrf": token}))[0] == 404
    status, body = await upload(
        visitor, workbook(("学号",), ((await students(app))[0][0],)), task=f"R-{mine}"
    )
    assert status == 422
    assert "没有学号" in body


async def test_a_list_is_shown_first_and_applied_when_it_is_said_so(
    app: App, visitor: Visitor
) -> None:
    """S15.3"""
    number = await arm(app, demo.CLASS_NAME)
    student_no, name = (await students(app))[0]
    sheet = workbook(("2026 年报名情况",), ("序号", "学号", "姓名"), ("1", student_no, name))

    status, body = await upload(visitor, sheet, task=f"R-{number}")
    assert status == 200
    assert "+1 −0 ~0" in body
    async with app.database.reading() as uow:
        assert await uow.tasks.completions_of(number) == []
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', body))
    status, _ = await visitor.post("/tasks/list", form)

    assert status == 303
    async with app.database.reading() as uow:
        known = await uow.tasks.completions_of(number)
    assert [(it.is_done, it.source) for it in known] == [(True, "名单.xlsx")]
    _, body = await upload(visitor, sheet, task=f"R-{number}")
    assert "没有要改的" in body


async def test_a_broken_list_is_told_row_by_row_and_changes_nothing(
    app: App, visitor: Visitor
) -> None:
    number = await arm(app, demo.CLASS_NAME)
    student_no, _ = (await students(app))[0]

    status, body = await upload(
        visitor,
        workbook(("学号", "状态"), (student_no, "已办"), ("9999999999999", "也许")),
        task=f"R-{number}",
    )

    assert status == 422
    assert "第 3 行" in body
    assert "也许" in body
    async with app.database.reading() as uow:
        assert await uow.tasks.completions_of(number) == []
    status, body = await upload(visitor, b"not a workbook", task=f"R-{number}")
    assert status == 422
    status, _ = await visitor.post(
        "/tasks/list", {"csrf": await visitor.token("/tasks"), "rows": "AAAA", "task": ""}
    )
    assert status == 422


async def test_files_handed_in_come_as_a_zip(app: App, visitor: Visitor) -> None:
    """S15.4"""
    number = await arm(app, demo.CLASS_NAME, TaskKind.COLLECTION)
    assert app.playground is not None
    await app.playground.say(
        user_id="student-li", name="小李", text="", files=(("作业.pdf", b"%PDF-1.7 x"),)
    )
    await app.inbox.drain()

    async with visitor.http.get(visitor.base.join(visitor.base / f"tasks/{number}/zip")) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/zip"
        assert "attachment" in answer.headers["Content-Disposition"]
        data = await answer.read()

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert "index.csv" in names
        assert any(name.endswith("_小李.pdf") for name in names)
    other = await arm(app, demo.CLASS_NAME)
    assert (await visitor.get(f"/tasks/{other}/zip"))[0] == 404


async def test_nobody_sees_it_without_signing_in(app: App, visit: Visit) -> None:
    number = await arm(app, demo.CLASS_NAME)
    visitor = await visit(app)

    for path in ("/tasks", f"/tasks/{number}", f"/tasks/{number}/zip"):
        async with visitor.http.get(visitor.base.join(visitor.base / path.lstrip("/"))) as answer:
            assert str(answer.url).split("?")[0].endswith("/login")


async def test_a_screenshot_counts_when_the_tutor_says_so(app: App) -> None:
    """S15.2: the student shows it, the tutor confirms, the student is told."""
    number = await arm(app, demo.CLASS_NAME)
    playground = app.playground
    assert playground is not None
    heard: list[tuple[str, str, str]] = []
    playground.watchers.append(
        lambda said: heard.append((said.conversation.id, said.message_id, said.text))
    )
    await playground.say(
        user_id="student-li", name="小李", text=f"R-{number}", files=(("截图.png", b"\x89PNG"),)
    )
    await app.inbox.drain()
    await app.outbox.drain()
    cards = [one for one in heard if f"请核对：R-{number}" in one[2]]
    assert cards, heard
    card = cards[0]
    async with app.database.reading() as uow:
        assert await uow.tasks.completions_of(number) == []

    await playground.say(user_id=card[0], name="王敏", text="确认", quote=card[1])
    await app.inbox.drain()
    await app.outbox.drain()

    async with app.database.reading() as uow:
        key = (Platform.PLAYGROUND, "student-li")
        speaker = (await uow.people.speakers([key], app.clock.now()))[key]
        known = await uow.tasks.completions_of(number)
    assert [(it.person_id, it.is_done, it.how.value) for it in known] == [
        (speaker.person_id, True, "tutor")
    ]
    assert any(place == "student-li" and "助学教师已确认" in text for place, _, text in heard)
