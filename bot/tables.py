"""Reads csv and xlsx files into tables; knows nothing of what is in them."""

import csv
import io
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from handlers.imports import Cell, Table, TableError


def read_table(path: Path) -> Table:
    """The first sheet; its first row with anything in it is the header.

    Raises:
        TableError: no such file, not a table, no header.
    """
    if not path.is_file():
        raise TableError([f"找不到文件 {path}"])
    suffix = path.suffix.lower()
    if suffix == ".csv":
        lines: list[tuple[Cell, ...]] = _read_csv(path.read_bytes())
    elif suffix == ".xlsx":
        lines = _read_xlsx(path)
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


def _read_xlsx(path: Path) -> list[tuple[Cell, ...]]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, OSError, KeyError, ValueError) as error:
        raise TableError([f"{path.name} 打不开：不是完好的 xlsx 文件"]) from error
    except Exception as error:
        # A zip that is no workbook fails in many ways inside openpyxl.
        raise TableError([f"{path.name} 打不开：{type(error).__name__}"]) from error
    try:
        sheet = book.worksheets[0]
        return [tuple(row) for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()
