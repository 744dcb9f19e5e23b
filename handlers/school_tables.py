"""
A school's own workbook, as it is → a `Table` with the headers we know. Pure.

Such a file has titles above the header, a header of two rows with merged cells, names of its own
for every column, columns nobody asked for, page heads in the middle and a sum at the end.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handlers.imports import Broken, Cell, Table, TableError

#: What we call a column → what schools call it, the surest name first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "班级": (
        *("班级", "班级名称", "行政班级", "行政班", "班名", "所在班级", "所属班级", "班级群"),
        *("教学班", "教学班级", "教学班名称", "class", "class_name"),
    ),
    "学号": (
        *("学号", "学生学号", "学员学号", "学籍号", "学籍编号", "学生编号", "学员编号"),
        *("student_no", "student_id"),
    ),
    "姓名": ("姓名", "学生姓名", "学员姓名", "学生名称", "名字", "name"),
    "专业": ("专业", "专业名称", "所学专业", "录取专业", "就读专业", "报读专业", "major"),
    "层次": (
        *("层次", "培养层次", "学历层次", "专业层次", "办学层次", "学习层次", "学生层次"),
        *("就读层次", "报读层次", "level"),
    ),
    "年级": (
        *("年级", "入学年级", "所在年级", "年级名称", "入学年份", "入学学期", "入学批次"),
        *("学籍批次", "grade"),
    ),
    "手机": (
        *("手机", "手机号", "手机号码", "移动电话", "联系手机", "本人手机", "联系电话"),
        *("电话", "电话号码", "联系方式", "phone"),
    ),
    "平台": ("平台", "platform"),
    "账号": ("账号", "user_id", "platform_id"),
}
#: What a list of facts about students may have besides its own columns.
FACT_NAMES: Mapping[str, tuple[str, ...]] = {
    "学号": NAMES["学号"],
    "姓名": NAMES["姓名"],
    "课程": ("课程", "课程名称", "科目", "科目名称", "课程名", "course"),
    "日期": ("日期", "截至日期", "截止日期", "数据日期", "统计日期", "更新日期", "date"),
    "来源": ("来源", "数据来源", "文号", "source"),
}
#: A header stands within so many rows from the top.
_DEEPEST = 20
_BRACKETS = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]")
#: The first words of a row that is no student.
_NO_STUDENT = re.compile(
    r"(合计|小计|总计|共计|累计|总人数|人数|共\d+[人名条]|制表|填表|填报|审核|打印|导出|经办|"
    r"第\d+页|[注备说][:：]|备注|注释|说明|以上)"
)
_LONG_NUMBER = re.compile(r"\d{5,}")
_NOTE = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """A visible sheet: its rows that are not empty, with their numbers; merged cells filled."""

    title: str
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the header of a sheet ends, and which of its columns is what."""

    last: int  # index into the sheet's rows
    columns: tuple[str, ...]


def as_table(
    sheets: Sequence[Sheet],
    names: Mapping[str, tuple[str, ...]],
    required: Sequence[str],
) -> Table:
    """
    The rows of every sheet that has a header with the required columns, as one table.

    Columns in `names` are called by its keys, all others as the file calls them.

    Raises:
        TableError: no sheet has such a header; what was found instead.
    """
    found = [(sheet, _header(sheet, names, required)) for sheet in sheets]
    usable = [(sheet, header) for sheet, header in found if header is not None]
    if not usable:
        raise TableError(_not_found(sheets, names, required))
    columns: list[str] = []
    for _, header in usable:
        columns += [name for name in header.columns if name and name not in columns]
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    titles: list[str] = []
    for sheet, header in usable:
        places = {name: place for place, name in enumerate(header.columns) if name}
        for number, cells in sheet.rows[header.last + 1 :]:
            row = {name: cells[place] for name, place in places.items() if place < len(cells)}
            if _is_student(row, cells, names):
                rows.append((number, tuple(row.get(name) for name in columns)))
                titles.append(sheet.title)
    return Table(tuple(columns), tuple(rows), tuple(titles) if len(usable) > 1 else ())


def plain(cell: Cell) -> str:
    """A cell as one looks for words in it: half-width, no blanks, small letters."""
    if cell is None:
        return ""
    text = unicodedata.normalize("NFKC", str(cell))
    return "".join(char for char in text if _is_seen(char)).lower()


def _is_seen(char: str) -> bool:
    # Zero-width blanks come with what is pasted from web pages.
    return not char.isspace() and unicodedata.category(char) not in ("Cf", "Cc")


def _header(
    sheet: Sheet, names: Mapping[str, tuple[str, ...]], required: Sequence[str]
) -> _Header | None:
    """The best header in the first rows: one row, or two that only together are one."""
    best: tuple[tuple[int, int], _Header] | None = None
    for index in range(min(_DEEPEST, len(sheet.rows))):
        top = sheet.rows[index][1]
        candidates = [(index, 0, _columns([(cell,) for cell in map(plain, top)], names))]
        if index + 1 < len(sheet.rows):
            below = sheet.rows[index + 1][1]
            # What is merged over both rows says the same in both: then both are the header.
            pairs = zip(map(plain, top), map(plain, below), strict=False)
            same = sum(upper == lower != "" for upper, lower in pairs)
            candidates.append((index + 1, same, _columns(_stacked(top, below), names)))
        for last, same, columns in candidates:
            score = (sum(name in names for name in columns), same)
            is_complete = all(name in columns for name in required)
            if is_complete and (best is None or score > best[0]):
                best = (score, _Header(last, columns))
    return None if best is None else best[1]


def _stacked(top: Sequence[Cell], below: Sequence[Cell]) -> list[tuple[str, ...]]:
    """What each column of a header of two rows may be called, the surest first."""
    found: list[tuple[str, ...]] = []
    above = ""
    for place in range(max(len(top), len(below))):
        upper = plain(top[place]) if place < len(top) else ""
        lower = plain(below[place]) if place < len(below) else ""
        above = upper or above
        found.append((lower, above + lower) if lower else (upper,))
    return found


def _columns(
    called: Sequence[tuple[str, ...]], names: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Every column by our name for it, else by its own; of two of the same the surer one."""
    ranks = {
        plain(alias): (rank, name)
        for name, aliases in names.items()
        for rank, alias in reversed(list(enumerate(aliases)))
    }
    best: dict[str, tuple[int, int]] = {}
    for place, words in enumerate(called):
        for word in words:
            bare = _BRACKETS.sub("", word).strip("*＊:：")
            known = ranks.get(word) or ranks.get(bare)
            if known is not None:
                rank, name = known
                if name not in best or rank < best[name][0]:
                    best[name] = (rank, place)
                break
    at = {place: name for name, (_, place) in best.items()}
    found: list[str] = []
    for place, words in enumerate(called):
        own = words[0].strip("*＊") if words else ""
        name = at.get(place) or (own if own not in names else "")
        # A second column of a name is nobody's; the first one counts.
        found.append("" if name in found else name)
    return tuple(found)


def _is_student(
    row: Mapping[str, Cell], cells: Sequence[Cell], names: Mapping[str, tuple[str, ...]]
) -> bool:
    """Neither a sum, nor a remark at the foot, nor a header printed again on every page."""
    number, name = plain(row.get("学号")), plain(row.get("姓名"))
    if isinstance(row.get("学号"), Broken) or isinstance(row.get("姓名"), Broken):
        return True
    if number in map(plain, names["学号"]):
        return False
    filled = [text for text in map(plain, cells) if text]
    if not filled:
        return False
    if _LONG_NUMBER.search(number):
        return True
    if _NO_STUDENT.match(filled[0]) or _NO_STUDENT.match(number) or _NO_STUDENT.match(name):
        return False
    is_one_text = len(set(filled)) == 1 and not filled[0].isascii()
    return not (is_one_text and len(filled[0]) > _NOTE)


def _not_found(
    sheets: Sequence[Sheet], names: Mapping[str, tuple[str, ...]], required: Sequence[str]
) -> list[str]:
    """Which columns are missing from the row that comes nearest to a header."""
    nearest: tuple[str, ...] = ()
    words: list[str] = []
    count = -1
    for sheet in sheets:
        for _, cells in sheet.rows[:_DEEPEST]:
            columns = _columns([(cell,) for cell in map(plain, cells)], names)
            known = sum(name in names for name in columns)
            if known > count:
                nearest, count = columns, known
                words = list(dict.fromkeys(text for text in map(plain, cells) if text))
    if not words:
        return ["表是空的，或者只有隐藏的工作表"]
    missing = [
        f"缺少列「{name}」（也认：{'、'.join(names[name][1:4])}）"
        for name in required
        if name not in nearest
    ]
    return [*missing, f"前 {_DEEPEST} 行里最像表头的一行是：{'、'.join(words[:15])}"]
