"""Files as schools save them: every common encoding is read, every broken file is told."""

import io
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from bot.tables import read_table
from handlers.imports import Table, TableError

TEXT = "班级,群号\n计算机2301,600000000\n"
EXPECTED = Table(("班级", "群号"), ((2, ("计算机2301", "600000000")),))


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def sheet(folder: Path, *rows: tuple[object, ...]) -> Path:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    path = folder / "班级.xlsx"
    book.save(path)
    book.close()
    return path


def problem(path: Path) -> str:
    with pytest.raises(TableError) as caught:
        read_table(path)
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_csv_is_read_however_it_was_saved(tmp_path: Path, encoding: str, newline: str) -> None:
    path = write(tmp_path, "班级.CSV", TEXT.replace("\n", newline).encode(encoding))

    assert read_table(path) == EXPECTED


def test_quoted_cells_hold_commas_and_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", '班级,群号\n"甲,乙\n丙","6""0"\n'.encode())

    assert read_table(path).rows == ((2, ("甲,乙\n丙", '6"0')),)


def test_a_header_below_empty_rows_is_found_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "\n,\n班级,群号\n\n甲,1\n,\n乙,2\n".encode())

    table = read_table(path)

    assert table.header == ("班级", "群号")
    assert table.rows == ((5, ("甲", "1")), (7, ("乙", "2")))


def test_a_sheet_is_read_with_its_numbers_and_dates(tmp_path: Path) -> None:
    day = datetime(2026, 12, 5)  # noqa: DTZ001 -- a sheet knows no time zone
    path = sheet(tmp_path, (), ("班级 ", None, "开始"), ("甲", 600000000, day), (None, None, None))

    table = read_table(path)

    assert table.header == ("班级", "", "开始")
    assert table.rows == ((3, ("甲", 600000000, day)),)


def test_only_the_first_sheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.append(("班级",))
    book.active.append(("甲",))
    book.create_sheet("说明").append(("不要读",))
    book.save(path)
    book.close()

    assert read_table(path) == Table(("班级",), ((2, ("甲",)),))


@pytest.mark.parametrize("name", ["a.xls", "a.txt", "a", "a.csv.bak"])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    assert problem(write(tmp_path, name, TEXT.encode())) == f"{name}：只认 .csv 和 .xlsx 文件"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert problem(tmp_path / "没有.csv") == f"找不到文件 {tmp_path / '没有.csv'}"
    assert problem(tmp_path) == f"找不到文件 {tmp_path}"


@pytest.mark.parametrize("text", ["", "\n\n", ",,\n,\n", "\ufeff"])
def test_an_empty_csv_is_told(tmp_path: Path, text: str) -> None:
    assert problem(write(tmp_path, "a.csv", text.encode())) == "a.csv 是空的"


def test_an_empty_sheet_is_told(tmp_path: Path) -> None:
    assert problem(sheet(tmp_path)) == "班级.xlsx 是空的"


def _zip_of(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, "<x")
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"not a zip", _zip_of("readme.txt"), _zip_of("[Content_Types].xml"), _zip_of("x")[:40]],
    ids=["empty", "text", "another zip", "broken workbook", "cut short"],
)
def test_a_broken_workbook_is_told(tmp_path: Path, data: bytes) -> None:
    assert problem(write(tmp_path, "a.xlsx", data)).startswith("a.xlsx 打不开")


def test_a_csv_in_an_unknown_encoding_is_told(tmp_path: Path) -> None:
    assert problem(write(tmp_path, "a.csv", b"\xff\xff\xff,\x80\n")) == (
        "文件编码不是 UTF-8 也不是 GBK"
    )


@pytest.mark.parametrize("text", ['班级,群号\n"甲,1\n', '班级\n"甲"乙\n'])
def test_a_csv_with_broken_quotes_is_told(tmp_path: Path, text: str) -> None:
    assert "CSV 格式有误" in problem(write(tmp_path, "a.csv", text.encode()))
