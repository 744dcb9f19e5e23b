"""Exports: what a page shows as a file, for the same eyes, and nothing in it that computes."""

import io
from typing import Any

import docx
import pytest
from openpyxl import load_workbook

from bot.app import App
from bot.exporting import scope_in_words, scope_of
from tests.bot.web.conftest import (
    OTHER_CLASS,
    OTHER_GROUP,
    OTHER_UNIT,
    Visit,
    Visitor,
    add_supervisor,
    say,
)

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
