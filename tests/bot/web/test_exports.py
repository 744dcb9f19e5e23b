"""Exports: what a page shows as a file, for the same eyes, and nothing in it that computes."""

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import docx
import pytest
from openpyxl import load_workbook

from bot.app import App
from bot.exporting import Order, Report, scope_in_words, scope_of, write
from bot.tables import write_table
from tests.bot.web.conftest import (
    OTHER_CLASS,
    OTHER_GROUP,
    OTHER_UNIT,
    Visit,
    Visitor,
    add_supervisor,
    say,
)
from tests.bot.web.test_tasks import arm

#: One that is refused as an attack, and one that is handed over; both begin with @ in the cell.
FORMULAS = {
    "ledger": '@助手 =HYPERLINK("http://evil.invalid","看看") 停车卡在哪办',
    "cases": "@助手 =1+1 校门口的停车卡在哪里办？",
}


async def _supervisor(app: App, visit: Visit, unit: str | None = None) -> Visitor:
    await add_supervisor(app, "boss", "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in("boss", "correct horse") == 303
    return visitor


async def _fetch(visitor: Visitor, path: str) -> tuple[int, bytes]:
    async with visitor.http.get(visitor.base.join(visitor.base / path.lstrip("/"))) as response:
        return response.status, await response.read()


def _sheet(data: bytes, name: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in load_workbook(io.BytesIO(data))[name].iter_rows(values_only=True)]


async def test_the_ledger_is_a_workbook_with_its_evidence(app: App, visit: Visit) -> None:
    await say(app, "@助手 校门口的停车卡在哪里办？")
    visitor = await _supervisor(app, visit)

    status, data = await _fetch(visitor, "/export/ledger.xlsx")

    assert status == 200
    rows, index = _sheet(data, "数据"), _sheet(data, "证据索引")
    assert len(rows) == len(index) == 2
    said = dict(zip(rows[0], rows[1], strict=True))
    assert (said["学生"], said["编号"]) == ("小*", "T-1")
    assert "停车卡" in said["原话"]
    assert "小李" not in str(rows)
    assert index[1][1].startswith("台账 ")
    assert ("导出人", "web:boss") in _sheet(data, "说明")


@pytest.mark.parametrize("report", FORMULAS)
async def test_what_looks_like_a_formula_is_text(app: App, visit: Visit, report: str) -> None:
    """X2"""
    await say(app, FORMULAS[report])
    visitor = await _supervisor(app, visit)

    _, data = await _fetch(visitor, f"/export/{report}.xlsx")

    sheet = load_workbook(io.BytesIO(data))["数据"]
    cells = [cell for row in sheet.iter_rows() for cell in row if "=" in str(cell.value)]
    assert cells
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in cells)


async def test_a_unit_gets_its_own_rows_only(app: App, visit: Visit) -> None:
    await say(app, "@助手 校门口的停车卡在哪里办？")
    await say(app, "@助手 校门口的停车卡在哪里办？", who="stranger", name="路人", group=OTHER_GROUP)
    visitor = await _supervisor(app, visit, OTHER_UNIT)

    for report in ("ledger", "cases"):
        _, data = await _fetch(visitor, f"/export/{report}.xlsx")
        rows = str(_sheet(data, "数据"))
        assert OTHER_CLASS in rows
        assert "计算机2301" not in rows


async def test_a_document_can_be_read_and_is_audited(app: App, visit: Visit) -> None:
    await say(app, "@助手 校门口的停车卡在哪里办？")
    visitor = await _supervisor(app, visit)

    status, data = await _fetch(visitor, "/export/cases.docx")

    tables = docx.Document(io.BytesIO(data)).tables
    assert status == 200
    assert tables[0].cell(1, 0).text == "T-1"
    assert "T-1" in tables[1].cell(1, 2).text
    async with app.database.reading() as uow:
        actions = await uow.audit.actions()
    assert ("web:boss", "export.cases", "cases.docx") in actions


@pytest.mark.parametrize("report", list(Report))
async def test_every_list_is_a_workbook_and_a_document_of_the_same_rows(
    app: App, report: Report, tmp_path: Path
) -> None:
    await say(app, "@助手 校门口的停车卡在哪里办？")
    await arm(app, "计算机2301")
    await say(app, "/答复 T-1 在一号门", who="tutor-wang", name="王敏", group="")
    async with app.database.unit_of_work() as uow:
        await uow.reviews.collect(app.clock.now(), percent=100, bot_percent=0)
        await uow.training.add(
            kind="term",
            title="学期培训",
            unit_id=None,
            starts_at=app.clock.now(),
            ends_at=app.clock.now() + timedelta(hours=2),
            place="一号楼",
            hours=Decimal(4),
            code="A1B2",
            by="test",
            now=app.clock.now(),
        )
        uow.audit.add(at=app.clock.now(), actor="test", action="export", target="x")
    order = Order(report, "test", app.clock.now())

    count = await write(app.database, order, tmp_path / "list.xlsx", lambda _: None)
    again = await write(app.database, order, tmp_path / "list.docx", lambda _: None)

    head, *rows = _sheet((tmp_path / "list.xlsx").read_bytes(), "数据")
    document, index = docx.Document(str(tmp_path / "list.docx")).tables
    assert count == again == len(rows) > 0
    assert tuple(cell.text for cell in document.rows[0].cells) == tuple(head)
    assert len(document.rows) == len(index.rows) == count + 1
    assert document.cell(1, 0).text[:10] == str(rows[0][0])[:10]
    assert index.cell(1, 5).text.startswith("/")


def test_packs_are_documents_too(tmp_path: Path) -> None:
    """What `appraisal export`, `certificates` and `awards` write goes through here."""
    sheets = {"封面": [("编号", "7")], "明细": [("指标", "分子"), ("K04", "=1+1\x01")]}

    write_table(tmp_path / "pack.docx", sheets)

    document = docx.Document(str(tmp_path / "pack.docx"))
    assert [it.text for it in document.paragraphs if it.text] == ["封面", "明细"]
    assert [cell.text for cell in document.tables[1].rows[1].cells] == ["K04", "=1+1"]


async def test_nobody_gets_a_file_without_signing_in(app: App, visit: Visit) -> None:
    visitor = await visit(app)

    status, body = await visitor.get("/export/ledger.xlsx", allow_redirects=False)
    assert status == 303
    assert "PK" not in body
    boss = await _supervisor(app, visit)
    assert (await boss.get("/export/secrets.xlsx"))[0] == 404
    assert (await boss.get("/export/ledger.csv"))[0] == 404


def test_whose_eyes_it_is_for_survives_the_way_to_the_other_process() -> None:
    words = scope_in_words({3, 1}, ["web:near"], (7,))

    assert scope_of(words) == {"units": (1, 3), "actors": ("web:near",), "own_classes": (7,)}
    assert scope_of(scope_in_words(None, None, ())) == {
        "units": None,
        "actors": None,
        "own_classes": (),
    }
