"""Tables a school hands over → rows to import. Pure: every problem of a table is listed at once.

Headers may be Chinese or English; a row is told by its number in the file, so that it can be found.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import TypeVar

from storage.imports import ClassRow, StaffRow, StudentRow, TutorRow
from storage.people import CONFIDENT, MENTION
from storage.published import CalendarDate, Owner, SchoolFact, UnitName
from storage.vocabulary import SHANGHAI, Platform

Row = TypeVar("Row")
Cell = str | int | float | datetime | date | None

#: What each column may be called; the first name is the one the README shows.
COLUMNS: dict[str, tuple[str, ...]] = {
    "class": ("班级", "class", "class_name", "班级名称", "班级群"),
    "platform": ("平台", "platform"),
    "account": ("机器人账号", "account", "bot_account", "bot", "机器人"),
    "group_id": ("群号", "group_id", "group", "群"),
    "tutor": ("助学教师", "tutor", "tutor_name", "教师", "老师", "助学教师姓名"),
    "tutor_id": ("助学教师账号", "tutor_id", "tutor_account", "tutor_platform_id", "教师账号"),
    "unit": ("办学单位", "unit", "学习中心", "单位"),
    "above": ("上级单位", "parent", "上级"),
    "use": ("用途", "what_for"),
    "mode": ("发言方式", "mode", "speak_mode"),
    "name": ("姓名", "name"),
    "user_id": ("账号", "user_id", "platform_id"),
    "student_no": ("学号", "student_no", "student_id"),
    "matter": ("事项", "matter"),
    "start": ("开始", "start", "starts_at", "开始时间"),
    "end": ("截止", "end", "ends_at", "结束", "截止时间", "结束时间"),
    "note": ("说明", "note", "备注"),
    "source": ("来源", "source", "文号"),
    "slot": ("名目", "slot"),
    "department": ("部门", "department"),
    "value": ("内容", "value"),
}
PLATFORMS: dict[str, Platform] = {
    "qq": Platform.QQ,
    "微信": Platform.WECHAT,
    "wechat": Platform.WECHAT,
    "playground": Platform.PLAYGROUND,
}
MODES = {"主动": CONFIDENT, "confident": CONFIDENT, "点名": MENTION, "mention": MENTION}
_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]*(\d{1,2})[:：点](\d{2})?(?:[:：]\d{2})?分?)?"
)


class TableError(ValueError):
    """Everything that is wrong with a table, a Chinese sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet as read: the header, and the rows that are not empty with their numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


class _Reader:
    """Reads cells by meaning and collects what is wrong."""

    def __init__(self, table: Table, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        self._problems: list[str] = []
        self._places: dict[str, int] = {}
        names = [name.strip().lstrip("﻿").lower() for name in table.header]
        for column in (*required, *optional):
            place = next(
                (names.index(n.lower()) for n in COLUMNS[column] if n.lower() in names), -1
            )
            if place >= 0:
                self._places[column] = place
            elif column in required:
                self._problems.append(f"缺少列「{COLUMNS[column][0]}」")
        if self._problems:
            found = "、".join(name for name in table.header if name) or "（空）"
            raise TableError([*self._problems, f"文件里的列是：{found}"])
        self._table = table
        self._number = 0
        self._cells: tuple[Cell, ...] = ()

    def each(self, read: Callable[["_Reader"], Row | None]) -> list[Row]:
        """`read` for every row; the rows, or every problem of the table.

        Raises:
            TableError: something is wrong with any row; nothing of the table may be used.
        """
        made: list[Row] = []
        for number, cells in self._table.rows:
            self._number, self._cells = number, cells
            row = read(self)
            if row is not None:
                made.append(row)
        if not made and not self._problems:
            self._problems.append("表里没有数据行")
        if self._problems:
            raise TableError(self._problems)
        return made

    def wrong(self, column: str, why: str) -> None:
        """Something is wrong with a cell of this row."""
        self._problems.append(f"第 {self._number} 行「{COLUMNS[column][0]}」：{why}")

    def text(self, column: str, *, needed: bool = False, longest: int = 100) -> str:
        """A cell as text; numbers stored as numbers lose no digits."""
        place = self._places.get(column, -1)
        cell = self._cells[place] if 0 <= place < len(self._cells) else None
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        words = "" if cell is None else str(cell).strip()
        if needed and not words:
            self.wrong(column, "不能为空")
        if len(words) > longest:
            self.wrong(column, f"太长（超过 {longest} 个字）")
        if isinstance(cell, int) and abs(cell) >= 10**15:
            self.wrong(column, "位数太多，Excel 已把它四舍五入，请把这一列改为文本格式")
        return words

    def platform(self, column: str = "platform", *, needed: bool = True) -> Platform | None:
        """A platform by its Chinese or English name."""
        words = self.text(column, needed=needed).lower()
        if words and words not in PLATFORMS:
            self.wrong(column, f"不认识「{words}」，请填 QQ 或 微信")
        return PLATFORMS.get(words)

    def instant(self, column: str, *, at_end: bool) -> datetime | None:
        """A date or a date with time; a bare date means its first or (`at_end`) last minute."""
        place = self._places.get(column, -1)
        cell = self._cells[place] if 0 <= place < len(self._cells) else None
        if cell is None or cell == "":
            return None
        edge = time(23, 59) if at_end else time()
        if isinstance(cell, datetime):
            has_time = cell.time() != time()
            return datetime.combine(cell.date(), cell.time() if has_time else edge, SHANGHAI)
        if isinstance(cell, date):
            return datetime.combine(cell, edge, SHANGHAI)
        match = _DATE.fullmatch(str(cell).strip())
        try:
            if match is None:
                raise ValueError
            day = date(int(match[1]), int(match[2]), int(match[3]))
            clock = edge if match[4] is None else time(int(match[4]), int(match[5] or 0))
        except ValueError:
            self.wrong(column, f"「{cell}」不是日期，请写成 2026-12-05 17:00")
            return None
        return datetime.combine(day, clock, SHANGHAI)


Owners = Mapping[tuple[Platform, str], str]
_NOBODY: Owners = MappingProxyType({})


def classes(table: Table, owners: Owners = _NOBODY) -> list[ClassRow]:
    """
    班级, 平台, 机器人账号, 群号, 助学教师, 助学教师账号; optional 办学单位, 发言方式.

    `owners`: whose each platform account is by now, a student number or 「」 for staff.
    """
    reader = _Reader(
        table,
        ("class", "platform", "account", "group_id", "tutor", "tutor_id"),
        ("unit", "mode"),
    )
    bound: dict[tuple[object, str, str], str] = {}
    named: dict[tuple[Platform, str], str] = {}

    def read(row: _Reader) -> ClassRow | None:
        platform = row.platform()
        name = row.text("class", needed=True)
        account, group = row.text("account", needed=True), row.text("group_id", needed=True)
        mode = row.text("mode").lower()
        if mode and mode not in MODES:
            row.wrong("mode", f"不认识「{mode}」，请填 主动 或 点名")
        other = bound.setdefault((platform, account, group), name)
        if other != name:
            row.wrong("group_id", f"{group} 已经在本表绑定给「{other}」")
        tutor, tutor_id = row.text("tutor", needed=True), row.text("tutor_id", needed=True)
        if platform is None:
            return None
        _one_tutor_an_account(row, "tutor_id", (platform, tutor_id), tutor, named, owners)
        return ClassRow(
            class_name=name,
            platform=platform,
            account=account,
            group_id=group,
            tutor_name=tutor,
            tutor_account=tutor_id,
            unit=row.text("unit") or None,
            speak_mode=MODES.get(mode),
        )

    return reader.each(read)


def tutors(table: Table, class_names: set[str], owners: Owners = _NOBODY) -> list[TutorRow]:
    """班级, 平台, 姓名, 账号."""
    reader = _Reader(table, ("class", "platform", "name", "user_id"))
    named: dict[tuple[Platform, str], str] = {}

    def read(row: _Reader) -> TutorRow | None:
        platform = row.platform()
        class_name = _known_class(row, class_names)
        name, account = row.text("name", needed=True), row.text("user_id", needed=True)
        if platform is None or class_name is None:
            return None
        _one_tutor_an_account(row, "user_id", (platform, account), name, named, owners)
        return TutorRow(class_name, platform, name, account)

    return reader.each(read)


def students(table: Table, class_names: set[str], owners: Owners) -> list[StudentRow]:
    """班级, 学号, 姓名; optional 平台, 账号. `owners`: whose each account is by now."""
    reader = _Reader(table, ("class", "student_no", "name"), ("platform", "user_id"))
    seen: dict[str, str] = {}
    claimed = dict(owners)

    def read(row: _Reader) -> StudentRow | None:
        class_name = _known_class(row, class_names)
        number, name = row.text("student_no", needed=True), row.text("name", needed=True)
        if number and seen.setdefault(number, name) != name:
            row.wrong("student_no", f"{number} 在本表里有两个姓名")
        account = row.text("user_id")
        platform = row.platform(needed=bool(account))
        if account and platform is not None:
            owner = claimed.setdefault((platform, account), number)
            if owner != number:
                row.wrong("user_id", f"{account} 已经属于别人，请先核对")
        if class_name is None:
            return None
        return StudentRow(class_name, number, name, platform if account else None, account or None)

    return reader.each(read)


def contacts(table: Table, unit_names: Collection[str], owners: Owners = _NOBODY) -> list[StaffRow]:
    """部门, 姓名, 平台, 账号; optional 单位 (empty: the province's)."""
    reader = _Reader(table, ("department", "name", "platform", "user_id"), ("unit",))
    return reader.each(_staff(unit_names, owners, has_department=True))


def supervisors(
    table: Table, unit_names: Collection[str], owners: Owners = _NOBODY
) -> list[StaffRow]:
    """姓名, 平台, 账号; optional 单位 (empty: the province's)."""
    reader = _Reader(table, ("name", "platform", "user_id"), ("unit",))
    return reader.each(_staff(unit_names, owners, has_department=False))


def _staff(
    unit_names: Collection[str], owners: Owners, *, has_department: bool
) -> Callable[[_Reader], StaffRow | None]:
    named: dict[tuple[Platform, str], str] = {}

    def read(row: _Reader) -> StaffRow | None:
        department = row.text("department", needed=True, longest=10) if has_department else ""
        if re.search(r"\s", department):
            row.wrong("department", "中间不能有空格，教师要在命令里打它")
        name, account = row.text("name", needed=True), row.text("user_id", needed=True)
        platform, unit = row.platform(), row.text("unit")
        if unit and unit not in unit_names:
            row.wrong("unit", f"没有办学单位「{unit}」，请先导入班级或单位")
        if platform is None:
            return None
        _one_tutor_an_account(row, "user_id", (platform, account), name, named, owners)
        return StaffRow(name, platform, account, unit or None, department)

    return read


def units(table: Table) -> list[tuple[str, str]]:
    """办学单位, 上级单位 (empty: directly under the province)."""
    reader = _Reader(table, ("unit", "above"))

    def read(row: _Reader) -> tuple[str, str]:
        name, above = row.text("unit", needed=True), row.text("above")
        if name and name == above:
            row.wrong("above", "不能是自己")
        return (name, above)

    return reader.each(read)


def calendar(
    table: Table, class_names: Collection[str], unit_names: Collection[str] = ()
) -> list[tuple[Owner, CalendarDate]]:
    """
    事项, 开始, 截止; optional 说明, 来源, 单位 or 班级 (both empty: everybody).

    In a table with a column 用途 a row without any date is one not filled yet, and passed over.
    """
    reader = _Reader(table, ("matter",), ("start", "end", "note", "source", "class", "unit", "use"))

    def read(row: _Reader) -> tuple[Owner, CalendarDate] | None:
        matter = row.text("matter", needed=True, longest=50)
        starts_at = row.instant("start", at_end=False)
        ends_at = row.instant("end", at_end=True)
        note = row.text("note", longest=200)
        if starts_at is None and ends_at is None and not note:
            if row.text("use", longest=500):
                return None
            row.wrong("start", "开始、截止、说明至少填一项")
        if starts_at and ends_at and ends_at < starts_at:
            row.wrong("end", "早于开始")
        dated = CalendarDate(matter, starts_at, ends_at, note, row.text("source", longest=200))
        return (_owner(row, class_names, unit_names), dated)

    return reader.each(read)


def facts(
    table: Table, class_names: Collection[str], unit_names: Collection[str] = ()
) -> list[tuple[Owner, SchoolFact]]:
    """
    名目 (链接:学习平台, 金额:学费, 联系:教务 …), 内容; optional 来源, 单位 or 班级.

    In a table with a column 用途 a row without 内容 is one not filled yet, and passed over.
    """
    reader = _Reader(table, ("slot", "value"), ("source", "class", "unit", "use"))

    def read(row: _Reader) -> tuple[Owner, SchoolFact] | None:
        slot = row.text("slot", needed=True).replace("：", ":")
        if slot and ":" not in slot:
            row.wrong("slot", f"「{slot}」应写成 类别:名称，例如 链接:学习平台")
        is_form = bool(row.text("use", longest=500))
        value = row.text("value", needed=not is_form, longest=500)
        if not value:
            return None
        fact = SchoolFact(slot, value, row.text("source", longest=200))
        return (_owner(row, class_names, unit_names), fact)

    return reader.each(read)


def _owner(row: _Reader, class_names: Collection[str], unit_names: Collection[str]) -> Owner:
    unit = row.text("unit")
    if unit and row.text("class"):
        row.wrong("class", "单位和班级只能填一个")
    if unit and unit not in unit_names:
        row.wrong("unit", f"没有办学单位「{unit}」，请先导入班级或单位")
    if unit:
        return UnitName(unit)
    return _known_class(row, class_names) if row.text("class") else None


def _known_class(row: _Reader, class_names: Collection[str]) -> str | None:
    name = row.text("class", needed=True)
    if name and name not in class_names:
        row.wrong("class", f"没有班级「{name}」，请先导入班级")
        return None
    return name or None


def _one_tutor_an_account(
    row: _Reader,
    column: str,
    account: tuple[Platform, str],
    name: str,
    named: dict[tuple[Platform, str], str],
    owners: Owners,
) -> None:
    """A wrong account would give a student the tutor's rights, so nothing is guessed here."""
    if owners.get(account):
        row.wrong(column, f"{account[1]} 是学生 {owners[account]} 的账号，不能当工作人员账号")
    other = named.setdefault(account, name)
    if other != name:
        row.wrong(column, f"{account[1]} 在本表里又叫「{other}」又叫「{name}」")
