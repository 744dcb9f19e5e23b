"""Reads csv and xlsx files into tables, and writes them; knows nothing of what is in them."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from handlers.imports import Broken, Cell, Table, TableError
from handlers.school_tables import Sheet

_FORMULA = re.compile(rb"<f[ >/]")
#: A document is for reading; past this it is a job for a workbook.
MOST_IN_A_DOCUMENT = 2000
#: What XML does not allow.
_XML = re.compile(r"[\x00-\x08\x0b-\x1f]")
#: A number format that shows leading zeros.
_ZEROS = re.compile("0{2,}")


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


def read_sheets(path: Path) -> list[Sheet]:
    """
    Every visible sheet of a school's own workbook, whatever stands in its first rows.

    Merged cells are all filled with what the reader of the sheet sees in them; a number shown with
    leading zeros has them. A formula never computed, or that came to an error, is a `Broken` cell.

    Raises:
        TableError: no such file, or no table.
    """
    if not path.is_file():
        raise TableError([f"找不到文件 {path}"])
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return [Sheet(path.stem, _filled(_read_csv(path.read_bytes())))]
    if suffix == ".xlsx":
        return _read_sheets(path)
    hint = "，请用 Excel 或 WPS 另存为 .xlsx" if suffix in (".xls", ".et") else ""
    raise TableError([f"{path.name}：只认 .csv 和 .xlsx 文件{hint}"])


def _read_sheets(path: Path) -> list[Sheet]:
    book = _open(path, read_only=False)
    # Only a file that has formulas is read a second time, for where they are.
    formulas = _open(path, read_only=True, data_only=False) if _has_formulas(path) else None
    try:
        return [
            Sheet(sheet.title, _cells_of(sheet, formulas[sheet.title] if formulas else None))
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
        ]
    finally:
        book.close()
        if formulas is not None:
            formulas.close()


def _cells_of(sheet: Any, formulas: Any) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    from openpyxl.worksheet.formula import ArrayFormula

    lines: list[list[Cell]] = [[_value(cell) for cell in row] for row in sheet.iter_rows()]
    if formulas is not None:
        for line, row in zip(lines, formulas.iter_rows(values_only=True), strict=False):
            for place, formula in enumerate(row[: len(line)]):
                is_formula = isinstance(formula, str) and formula.startswith("=")
                if (is_formula or isinstance(formula, ArrayFormula)) and line[place] is None:
                    line[place] = Broken("公式还没有算出结果，请在 Excel 里打开、保存后再导入")
    for area in sheet.merged_cells.ranges:
        value = lines[area.min_row - 1][area.min_col - 1]
        for row in lines[area.min_row - 1 : area.max_row]:
            width = area.max_col - area.min_col + 1
            row[area.min_col - 1 : area.max_col] = [value] * width
    return _filled(lines)


def _value(cell: Any) -> Cell:
    value: Cell = cell.value
    if cell.data_type == "e":
        return Broken(f"公式结果是错误 {value}")
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format):
        return str(value).zfill(len(cell.number_format))
    return value


def _filled(lines: Iterable[Sequence[Cell]]) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    """The rows with anything in them, by number."""
    return tuple(
        (number, tuple(cells))
        for number, cells in enumerate(lines, 1)
        if any(cell is not None and cell != "" for cell in cells)
    )


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return any(_FORMULA.search(archive.read(name)) for name in parts if name.endswith(".xml"))


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


def _open(path: Path, *, read_only: bool, data_only: bool = True) -> Any:
    # Here and below: a bot that reads and writes no table need not hold these twelve megabytes.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        return load_workbook(path, read_only=read_only, data_only=data_only)
    except (InvalidFileException, OSError, KeyError, ValueError) as error:
        raise TableError([f"{path.name} 打不开：不是完好的 xlsx 文件"]) from error
    except Exception as error:
        # A zip that is no workbook fails in many ways inside openpyxl.
        raise TableError([f"{path.name} 打不开：{type(error).__name__}"]) from error


def _read_xlsx(path: Path, name: str) -> list[tuple[Cell, ...]]:
    book = _open(path, read_only=True)
    try:
        sheet = next((it for it in book.worksheets if it.title == name), book.worksheets[0])
        return [tuple(row) for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()


Rows = Sequence[Sequence[str]]


def write_table(path: Path | BinaryIO, sheets: Mapping[str, Rows]) -> None:
    """
    A workbook or a document of these sheets, or the first of them as csv; each one's first row is
    its header.

    Into an open file it is always a workbook.

    Raises:
        TableError: another ending than .csv, .xlsx and .docx, or too many rows for a document.
    """
    if not isinstance(path, Path):
        _write_xlsx(path, sheets)
        return
    suffix = path.suffix.lower()
    if suffix == ".csv":
        # With a mark, so that Excel on a Chinese Windows does not take it for GBK.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(next(iter(sheets.values())))
    elif suffix == ".xlsx":
        _write_xlsx(path, sheets)
    elif suffix == ".docx":
        _write_docx(path, sheets)
    else:
        raise TableError([f"{path.name}：只写 .csv、.xlsx 和 .docx 文件"])


def _write_xlsx(path: Path | BinaryIO, sheets: Mapping[str, Rows]) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

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


def _write_docx(path: Path, sheets: Mapping[str, Rows]) -> None:
    # Here: the bot itself writes no documents, and this is megabytes of memory.
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Pt

    if sum(len(rows) for rows in sheets.values()) > MOST_IN_A_DOCUMENT:
        raise TableError([f"超过 {MOST_IN_A_DOCUMENT} 行，文档放不下：请改用 Excel 格式"])
    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = section.page_height, section.page_width
    document.styles["Normal"].font.size = Pt(8)
    for title, rows in sheets.items():
        document.add_heading(title, 1)
        columns = max((len(row) for row in rows), default=0)
        if not columns:
            continue
        table = document.add_table(rows=len(rows), cols=columns, style="Table Grid")
        # A private name: `table.cell` counts through the whole table each time, this does once.
        cells = table._cells
        for number, row in enumerate(rows):
            for place, text in enumerate(row):
                cells[number * columns + place].text = _XML.sub("", str(text))
    document.save(str(path))


def _widths(rows: Iterable[Sequence[str]]) -> list[int]:
    """Wide enough for most, at most half a screen; a Chinese character counts twice."""
    columns = zip(*rows, strict=False)
    return [min(60, max(8, *(2 * len(text) + 2 for text in column))) for column in columns]
