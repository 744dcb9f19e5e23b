"""Tables a school hands over → rows to import. Pure: every problem of a table is listed at once.

Headers may be Chinese or English; a row is told by its number in the file, so that it can be found.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import TypeVar

from handlers import matters
from storage.imports import ClassRow, StaffRow, StudentRow, TutorRow
from storage.people import CONFIDENT, MENTION
from storage.published import CalendarDate, Owner, SchoolFact, UnitName
from storage.roster import FactRow
from storage.vocabulary import SHANGHAI, Platform

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that holds no value, and why: a formula never computed, or that came to #REF!."""

    why: str

    def __str__(self) -> str:
        return ""


Cell = str | int | float | datetime | date | Broken | None

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
    "major": ("专业", "major"),
    "level": ("层次", "level"),
    "grade": ("年级", "grade"),
    "phone": ("手机", "phone"),
    "course": ("课程", "course", "课程名称", "科目"),
    "day": ("日期", "date", "上课日期"),
    "from": ("开始", "开始时间", "start"),
    "until": ("结束", "结束时间", "end"),
    "time": ("时间", "上课时间", "time"),
    "weekday": ("星期", "周几", "weekday"),
    "weeks": ("周次", "上课周次", "weeks"),
    "week_one": ("第一周", "第一周日期", "week_one"),
    "teacher": ("任课教师", "教师", "主讲教师", "teacher"),
    "place": ("地点", "上课地点", "教室", "place"),
    "matter": ("事项", "matter"),
    "start": ("开始", "start", "starts_at", "开始时间"),
    "end": ("截止", "end", "ends_at", "结束", "截止时间", "结束时间"),
    "note": ("说明", "note", "备注"),
    "source": ("来源", "source", "文号"),
    "slot": ("名目", "slot"),
    "department": ("部门", "department"),
    "value": ("内容", "value"),
    "standing": ("状态", "办理状态", "是否已办", "是否完成", "standing"),
}
PLATFORMS: dict[str, Platform] = {
    "qq": Platform.QQ,
    "微信": Platform.WECHAT,
    "wechat": Platform.WECHAT,
    "playground": Platform.PLAYGROUND,
}
#: Columns of a list of facts that are none themselves.
_NO_FACTS = frozenset(
    (
        *("学号", "姓名", "课程", "日期", "来源", "序号", "编号", "备注", "性别", "民族"),
        *("班级", "班级名称", "行政班级", "专业", "专业名称", "层次", "培养层次"),
        *("年级", "入学年级", "手机", "手机号", "手机号码", "联系电话", "课程代码", "课程编号"),
        *("身份证号", "身份证号码", "证件号码"),
    )
)
MODES = {"主动": CONFIDENT, "confident": CONFIDENT, "点名": MENTION, "mention": MENTION}
#: 2000-01-01 to 2100-01-01 as Excel counts days.
_SERIALS = (36526, 73051)
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
    #: The sheet of each row, where there are several: row 7 is then told as 「二班」第 7 行.
    sheets: tuple[str, ...] = ()


#: A header stands this far down at most, below a title and remarks.
_TITLES = 10


def below_titles(table: Table, required: Sequence[str]) -> Table:
    """
    The table from its header on, where a title or a remark stands above it.

    The header is the first row that has all `required` columns; without one, as it was.
    """
    lines = [(0, table.header), *table.rows[:_TITLES]]
    for place, (_, cells) in enumerate(lines):
        header = tuple("" if cell is None else str(cell).strip() for cell in cells)
        names = {name.lstrip("\ufeff").lower() for name in header}
        if all(names & {alias.lower() for alias in COLUMNS[column]} for column in required):
            return replace(table, header=header, rows=table.rows[place:]) if place else table
    return table


class RowReader:
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
        self._sheet = ""
        self._cells: tuple[Cell, ...] = ()

    def each(self, read: Callable[["RowReader"], Row | None]) -> list[Row]:
        """`read` for every row; the rows, or every problem of the table.

        Raises:
            TableError: something is wrong with any row; nothing of the table may be used.
        """
        made: list[Row] = []
        for index, (number, cells) in enumerate(self._table.rows):
            self._number, self._cells = number, cells
            self._sheet = self._table.sheets[index] if self._table.sheets else ""
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
        self.wrong_at(COLUMNS[column][0], why)

    def wrong_at(self, name: str, why: str) -> None:
        """The same, of a column that is called so in this table."""
        self._problems.append(f"{self.place}「{name}」：{why}")

    @property
    def place(self) -> str:
        """Where this row is found: 「第 7 行」."""
        sheet = f"工作表「{self._sheet}」" if self._sheet else ""
        return f"{sheet}第 {self._number} 行"

    def has(self, column: str) -> bool:
        """Whether the table has this column at all."""
        return column in self._places

    def text(self, column: str, *, needed: bool = False, longest: int = 100) -> str:
        """A cell as text; numbers stored as numbers lose no digits."""
        place = self._places.get(column, -1)
        cell = self._cells[place] if 0 <= place < len(self._cells) else None
        if isinstance(cell, Broken):
            self.wrong(column, cell.why)
            return ""
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        if isinstance(cell, datetime) and cell.time() == time():
            cell = cell.date()
        words = "" if cell is None else str(cell).strip()
        if needed and not words:
            self.wrong(column, "不能为空")
        if len(words) > longest:
            self.wrong(column, f"太长（超过 {longest} 个字）")
        if isinstance(cell, int) and abs(cell) >= 10**15:
            self.wrong(column, "位数太多，Excel 已把它四舍五入，请把这一列改为文本格式")
        return words

    def cell_at(self, place: int, name: str) -> str:
        """A cell of a column that only this table has, as text."""
        cell = self._cells[place] if place < len(self._cells) else None
        if isinstance(cell, Broken):
            self.wrong_at(name, cell.why)
            return ""
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        if isinstance(cell, datetime):
            return f"{cell:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        words = "" if cell is None else str(cell).strip()
        if len(words) > 500:
            self.wrong_at(name, "太长（超过 500 个字）")
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
        if isinstance(cell, Broken):
            self.wrong(column, cell.why)
            return None
        edge = time(23, 59) if at_end else time()
        if isinstance(cell, int | float):
            cell = _of_serial(cell) or cell
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


def _of_serial(days: float) -> datetime | None:
    """A date as Excel keeps it, in days since the end of 1899; None outside this century."""
    if not _SERIALS[0] <= days < _SERIALS[1]:
        return None
    # Minutes: a serial is a binary fraction, and 17:00 comes out as 16:59:59.99.
    minutes = round(days * 24 * 60)
    return datetime(1899, 12, 30, tzinfo=SHANGHAI).replace(tzinfo=None) + timedelta(minutes=minutes)


Owners = Mapping[tuple[Platform, str], str]
_NOBODY: Owners = MappingProxyType({})


def classes(table: Table, owners: Owners = _NOBODY) -> list[ClassRow]:
    """
    班级, 平台, 机器人账号, 群号, 助学教师, 助学教师账号; optional 办学单位, 发言方式.

    `owners`: whose each platform account is by now, a student number or 「」 for staff.
    """
    reader = RowReader(
        table,
        ("class", "platform", "account", "group_id", "tutor", "tutor_id"),
        ("unit", "mode"),
    )
    bound: dict[tuple[object, str, str], str] = {}
    named: dict[tuple[Platform, str], str] = {}

    def read(row: RowReader) -> ClassRow | None:
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
    reader = RowReader(table, ("class", "platform", "name", "user_id"))
    named: dict[tuple[Platform, str], str] = {}

    def read(row: RowReader) -> TutorRow | None:
        platform = row.platform()
        class_name = _known_class(row, class_names)
        name, account = row.text("name", needed=True), row.text("user_id", needed=True)
        if platform is None or class_name is None:
            return None
        _one_tutor_an_account(row, "user_id", (platform, account), name, named, owners)
        return TutorRow(class_name, platform, name, account)

    return reader.each(read)


def students(
    table: Table, class_names: Collection[str], owners: Owners = _NOBODY
) -> list[StudentRow]:
    """
    班级, 学号, 姓名; optional 专业, 层次, 年级, 手机, and 平台 with 账号.

    `owners`: whose each account is by now. One student twice is an error, but for another account.
    """
    reader = RowReader(
        table,
        ("class", "student_no", "name"),
        ("major", "level", "grade", "phone", "platform", "user_id"),
    )
    known = {_folded(name): name for name in class_names}
    seen: dict[str, tuple[str, str, str, str]] = {}
    claimed = dict(owners)

    def read(row: RowReader) -> StudentRow:
        written = row.text("class", needed=True)
        class_name = known.get(_folded(written))
        if written and class_name is None:
            row.wrong("class", f"没有班级「{written}」，请先导入班级")
        number, name = student_no_of(row), _name(row)
        account = row.text("user_id") if row.has("platform") else ""
        platform = row.platform(needed=bool(account))
        if number:
            place, other, its_class, its_account = seen.setdefault(
                number, (row.place, name, class_name or "", account)
            )
            if other != name:
                row.wrong("student_no", f"{number} 在本表里有两个姓名")
            elif place != row.place and (its_account == account or its_class != class_name):
                row.wrong("student_no", f"{number} 重复，{place}已经有了")
        if account and platform is not None:
            owner = claimed.setdefault((platform, account), number)
            if owner != number:
                row.wrong("user_id", f"{account} 已经属于别人，请先核对")
        return StudentRow(
            class_name or "",
            number,
            name,
            platform if account else None,
            account or None,
            major=_folded(row.text("major")),
            level=_folded(row.text("level", longest=50)),
            grade=_folded(row.text("grade", longest=50)),
            phone=_phone(row),
        )

    return reader.each(read)


def personal(
    table: Table, names: Mapping[str, str], *, source: str, as_of: datetime
) -> list[FactRow]:
    """
    学号 and any columns, each a fact 「个人:列名」; optional 姓名, 课程, 日期, 来源.

    `names`: every student number → the name, which must agree where the table has one. With 课程 a
    student has a row for each course, and the fact says them all. Without 日期 and 来源 the facts
    are of `as_of` and from `source`.
    """
    reader = RowReader(table, ("student_no",), ("name", "course", "day", "source"))
    slots = [
        name for name in table.header if name and name not in _NO_FACTS and not name.startswith("_")
    ]
    if bad := [name for name in slots if re.search(r"[{}:：]", name) or len(name) > 80]:
        raise TableError([f"列名「{name[:30]}」里不能有冒号或花括号，也不能太长" for name in bad])
    if not slots:
        raise TableError(["除了学号和姓名，表里没有别的列，没有可以导入的内容"])
    places = {name: table.header.index(name) for name in slots}
    found: dict[tuple[str, str], list[FactRow]] = {}
    seen: dict[tuple[str, str], str] = {}

    def read(row: RowReader) -> str:
        number, name, course = student_no_of(row), _name(row, needed=False), row.text("course")
        if number and number not in names:
            row.wrong("student_no", f"没有学号 {number}，请先导入学生")
        elif number and name and names[number] != name:
            row.wrong("name", f"学号 {number} 在名册里是「{names[number]}」")
        if row.has("course") and not course:
            row.wrong("course", "不能为空")
        if number and (place := seen.setdefault((number, course), row.place)) != row.place:
            row.wrong("student_no", f"{number} 重复，{place}已经有了")
        day = row.instant("day", at_end=False)
        told = row.text("source", longest=200) or source
        for slot in slots:
            value = row.cell_at(places[slot], slot)
            if value:
                words = f"{course} {value}" if course else value
                fact = FactRow(number, f"个人:{slot}", words, day or as_of, told, bool(day))
                found.setdefault((number, slot), []).append(fact)
        return number

    reader.each(read)
    return [_joined(facts) for facts in found.values()]


@dataclass(frozen=True, slots=True)
class DoneRow:
    """
    That a student has done something, or not, as a list says; `day` is the list's, if it has one.

    `matter` and `class_name` are empty where the list has no such column.
    """

    place: str
    student_no: str
    matter: str
    class_name: str
    is_done: bool
    day: datetime | None


DONE_WORDS = {
    **dict.fromkeys(("", "已办", "已办理", "是", "完成", "已完成", "1", "√", "✓", "done"), True),
    **dict.fromkeys(("已缴", "已缴费", "已报名", "已注册", "已选课", "已交", "已提交"), True),
    **dict.fromkeys(("未办", "未办理", "否", "未完成", "0", "×", "x", "undone"), False),
    **dict.fromkeys(("未缴", "未缴费", "未报名", "未注册", "未选课", "未交", "未提交"), False),
}


def done(table: Table, names: Mapping[str, str]) -> list[DoneRow]:
    """
    学号; optional 姓名, 事项, 班级, 状态 (已办, 未办; empty is 已办), 日期.

    `names`: every student number that may be named → the name, which must agree.
    """
    reader = RowReader(
        table, ("student_no",), ("name", "matter", "class", "standing", "day", "source")
    )
    seen: dict[tuple[str, str], str] = {}

    def read(row: RowReader) -> DoneRow | None:
        number, name, matter = student_no_of(row), _name(row, needed=False), row.text("matter")
        if row.has("matter") and not matter:
            row.wrong("matter", "不能为空")
        if number and number not in names:
            row.wrong("student_no", f"没有学号 {number}，请先导入学生")
        elif number and name and names[number] != name:
            row.wrong("name", f"学号 {number} 在名册里是「{names[number]}」")
        if number and (place := seen.setdefault((number, matter), row.place)) != row.place:
            row.wrong("student_no", f"{number} 重复，{place}已经有了")
        word = row.text("standing").lower()
        if word not in DONE_WORDS:
            row.wrong("standing", f"不认识「{word}」，请填 已办 或 未办")
        day = row.instant("day", at_end=True)
        return DoneRow(
            row.place, number, matter, row.text("class"), DONE_WORDS.get(word, True), day
        )

    return reader.each(read)


def _joined(facts: Sequence[FactRow]) -> FactRow:
    """A student's rows of one column, a course each, as one fact of the latest day."""
    latest = max(facts, key=lambda fact: fact.as_of)
    return replace(latest, value="；".join(fact.value for fact in facts))


def student_no_of(row: RowReader) -> str:
    """Digits and letters, half-width, without blanks; what Excel has rounded is refused."""
    number = _folded(row.text("student_no", needed=True)).lstrip("'").removesuffix(".0")
    if re.fullmatch(r"\d(\.\d+)?[eE]\+\d+", number):
        row.wrong("student_no", f"「{number}」是科学计数法，末几位已经丢了，请改为文本格式重填")
    elif number and not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}", number):
        row.wrong("student_no", f"「{number}」不像学号")
    return number


def _name(row: RowReader, *, needed: bool = True) -> str:
    """「李  明」, padded to the width of three characters, is 「李明」."""
    name = " ".join(row.text("name", needed=needed).split())
    return name if name.isascii() else name.replace(" ", "")


def _phone(row: RowReader) -> str:
    """The first number of a cell; 「无」 is none."""
    words = re.sub(r"[\s\-—()]", "", unicodedata.normalize("NFKC", row.text("phone")))
    words = words.removesuffix(".0").removeprefix("+86")
    match = re.search(r"(?<!\d)1\d{10}(?!\d)", words) or re.search(r"(?<!\d)\d{7,12}(?!\d)", words)
    if match is not None:
        return match[0]
    if any(char.isdigit() for char in words):
        row.wrong("phone", f"「{words}」不是电话号码")
    return ""


def _folded(words: str) -> str:
    """Half-width and without blanks: how two ways of writing a name are compared."""
    return "".join(unicodedata.normalize("NFKC", words).split())


def contacts(table: Table, unit_names: Collection[str], owners: Owners = _NOBODY) -> list[StaffRow]:
    """部门, 姓名, 平台, 账号; optional 单位 (empty: the province's)."""
    reader = RowReader(table, ("department", "name", "platform", "user_id"), ("unit",))
    return reader.each(_staff(unit_names, owners, has_department=True))


def supervisors(
    table: Table, unit_names: Collection[str], owners: Owners = _NOBODY
) -> list[StaffRow]:
    """姓名, 平台, 账号; optional 单位 (empty: the province's)."""
    reader = RowReader(table, ("name", "platform", "user_id"), ("unit",))
    return reader.each(_staff(unit_names, owners, has_department=False))


def _staff(
    unit_names: Collection[str], owners: Owners, *, has_department: bool
) -> Callable[[RowReader], StaffRow | None]:
    named: dict[tuple[Platform, str], str] = {}

    def read(row: RowReader) -> StaffRow | None:
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
    reader = RowReader(table, ("unit", "above"))

    def read(row: RowReader) -> tuple[str, str]:
        name, above = row.text("unit", needed=True), row.text("above")
        if name and name == above:
            row.wrong("above", "不能是自己")
        return (name, above)

    return reader.each(read)


def calendar(
    table: Table,
    class_names: Collection[str],
    unit_names: Collection[str] = (),
    called: Callable[[str], str] = lambda name: matters.load().name_of(name),
) -> list[tuple[Owner, CalendarDate]]:
    """
    事项, 开始, 截止; optional 说明, 来源, 单位 or 班级 (both empty: everybody).

    `called` gives a matter the name it goes by: 「准考证」 and 「准考证打印」 are one, twice for
    one owner with different dates an error.

    In a table with a column 用途 a row without any date is one not filled yet, and passed over.
    """
    reader = RowReader(
        table, ("matter",), ("start", "end", "note", "source", "class", "unit", "use")
    )
    seen: dict[tuple[Owner, str], tuple[str, CalendarDate]] = {}

    def read(row: RowReader) -> tuple[Owner, CalendarDate] | None:
        matter = called(row.text("matter", needed=True, longest=50))
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
        owner = _owner(row, class_names, unit_names)
        place, other = seen.setdefault((owner, matter), (row.place, dated))
        if other != dated:
            row.wrong("matter", f"「{matter}」在{place}已经有了，日期不同")
        return (owner, dated)

    return reader.each(read)


def facts(
    table: Table, class_names: Collection[str], unit_names: Collection[str] = ()
) -> list[tuple[Owner, SchoolFact]]:
    """
    名目 (链接:学习平台, 金额:学费, 联系:教务 …), 内容; optional 来源, 单位 or 班级.

    In a table with a column 用途 a row without 内容 is one not filled yet, and passed over.
    """
    reader = RowReader(table, ("slot", "value"), ("source", "class", "unit", "use"))

    def read(row: RowReader) -> tuple[Owner, SchoolFact] | None:
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


def _owner(row: RowReader, class_names: Collection[str], unit_names: Collection[str]) -> Owner:
    unit = row.text("unit")
    if unit and row.text("class"):
        row.wrong("class", "单位和班级只能填一个")
    if unit and unit not in unit_names:
        row.wrong("unit", f"没有办学单位「{unit}」，请先导入班级或单位")
    if unit:
        return UnitName(unit)
    return _known_class(row, class_names) if row.text("class") else None


def _known_class(row: RowReader, class_names: Collection[str]) -> str | None:
    name = row.text("class", needed=True)
    if name and name not in class_names:
        row.wrong("class", f"没有班级「{name}」，请先导入班级")
        return None
    return name or None


def _one_tutor_an_account(
    row: RowReader,
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
