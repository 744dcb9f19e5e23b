"""Reads csv and xlsx files into tables, and writes them; knows nothing of what is in them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils.exceptions import InvalidFileException

from handlers.imports import Cell, Table, TableError


def read_table(path: Path, sheet: str = "") -> Table:
    """The sheet of that name, else the first; its first row with anything in it is the header.

    Raises:
        TableError: no such file, not a table, no header.
    """
    if not path.is_file():
        raise TableError([f"找不到文件 {path}"])
    suffix = path.suffix.lower()
    if suffix == ".csv":
        lines: list[tuple[Cell, ...]] = _read_csv(path.read_bytes())
    elif suffix == ".xlsx":
        lines = _read_xlsx(path, sheet)
    else:
        raise TableError([f"{path.name}：只认 .csv 和 .xlsx 文件"])
    filled = [
        (number, cells)
        for number, cells in enumerate(lines, 1)
        if any(cell not in (None, "") for cell in cells)
    ]
    if not filled:
        raise TableError([f"{path.name} 是空的"])
    header = tuple("" if cell is None else str(cell).strip() for cell in filled[0][1])
    return Table(header, tuple(filled[1:]))


def _read_csv(data: bytes) -> list[tuple[Cell, ...]]:
    # Excel in China saves CSV as GBK unless told otherwise.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            return [tuple(row) for row in csv.reader(io.StringIO(text), strict=True)]
        except csv.Error as error:
            raise TableError([f"CSV 格式有误：{error}"]) from error
    raise TableError(["文件编码不是 UTF-8 也不是 GBK"])


def _read_xlsx(path: Path, name: str) -> list[tuple[Cell, ...]]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, OSError, KeyError, ValueError) as error:
        raise TableError([f"{path.name} 打不开：不是完好的 xlsx 文件"]) from error
    except Exception as error:
        # A zip that is no workbook fails in many ways inside openpyxl.
        raise TableError([f"{path.name} 打不开：{type(error).__name__}"]) from error
    try:
        sheet = next((it for it in book.worksheets if it.title == name), book.worksheets[0])
        return [tuple(row) for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()


Sheet = Sequence[Sequence[str]]


def write_table(path: Path, sheets: Mapping[str, Sheet]) -> None:
    """A workbook of these sheets, or the first of them as csv; each one's first row is its header.

    Raises:
        TableError: the name is neither .csv nor .xlsx.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        # With a mark, so that Excel on a Chinese Windows does not take it for GBK.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(next(iter(sheets.values())))
    elif suffix == ".xlsx":
        _write_xlsx(path, sheets)
    else:
        raise TableError([f"{path.name}：只写 .csv 和 .xlsx 文件"])


def _write_xlsx(path: Path, sheets: Mapping[str, Sheet]) -> None:
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for number, row in enumerate(rows, 1):
            for place, text in enumerate(row, 1):
                cell = sheet.cell(number, place)
                # As text: "=1+1" typed by a student is no formula, "001" no number.
                cell.value, cell.data_type, cell.number_format = text or None, "s", "@"
                cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.freeze_panes = "B2"
        for place, width in enumerate(_widths(rows), 1):
            sheet.cell(1, place).font = Font(bold=True)
            sheet.column_dimensions[sheet.cell(1, place).column_letter].width = width
    book.save(path)


def _widths(rows: Iterable[Sequence[str]]) -> list[int]:
    """Wide enough for most, at most half a screen; a Chinese character counts twice."""
    columns = zip(*rows, strict=False)
    return [min(60, max(8, *(2 * len(text) + 2 for text in column))) for column in columns]
