"""The matters of a term (article 16 and what stands beside it): when each is reminded of, whom,
and in which words. Pure.

`matters.csv` (UTF-8, edited with Excel) has a row a matter; a school's own file of the same columns
replaces rows of the same name and adds others. The names are those of the answers' `{时间:…}`
slots: one table of dates feeds both. Words hold no date, amount or link, only slots; a line whose
slot the class has nothing for is left out.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from handlers import texts
from storage.calendar import Span, unpacked
from storage.tasks import Audience
from storage.vocabulary import Topic

SHIPPED = Path(__file__).with_name("matters.csv")
HEADER = (
    "事项",
    "又叫",
    "主题",
    "条款",
    "从哪算",
    "步骤",
    "私下",
    "提醒谁",
    "办好了说",
    "提醒词",
)
#: The step said when a matter opens; and how the step of a correction begins.
OPEN, CHANGED = "open", "changed"
#: A reminder is one phone screen.
MOST_WORDS, MOST_LINES = 200, 8

_STEP = re.compile(r"T-(\d{1,3})(h?)")
_SLOT = re.compile(r"\{([^{}]+)\}")
_SLOT_NAME = re.compile(r"开始|截止|(?:链接|地点|联系|规定):\S+")
_LITERAL = re.compile(
    r"[0-9０-９一二三四五六七八九十]+\s*[月日号点元块%％]|[0-9]+[:：][0-9]|[0-9]{5,}|https?:|www\.",
    re.IGNORECASE,
)
_NOISE = re.compile(r"[\s（）()【】「」《》·、/,，]+|(?:的)?(?:时间|日期|安排|通知)$")


class Anchor(StrEnum):
    """What the steps count to: the deadline, the opening (exams), or both ends."""

    DEADLINE = "deadline"
    OPENING = "opening"
    BOTH = "both"


ANCHORS = {"截止": Anchor.DEADLINE, "开始": Anchor.OPENING, "两头": Anchor.BOTH}
AUDIENCES = {"未办": Audience.UNDONE, "全体": Audience.EVERYBODY}


@dataclass(frozen=True, slots=True)
class Matter:
    """
    One matter's template.

    `steps` are `open`, `T-7` (days) and `T-2h` (hours), in the order of time. `done` is what a
    student says who has done it.
    """

    name: str
    synonyms: tuple[str, ...]
    topic: Topic
    article: str
    anchor: Anchor
    steps: tuple[str, ...]
    is_private: bool
    audience: Audience
    done: str
    words: str


class MattersError(ValueError):
    """Everything that is wrong with a table of matters, a Chinese sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Matters:
    """The templates in use, found by name or by what else a matter is called."""

    def __init__(self, rows: Iterable[Matter]) -> None:
        self.rows = tuple(rows)
        self._by_name = {_plain(word): row for row in self.rows for word in row.synonyms}
        self._by_name |= {_plain(row.name): row for row in self.rows}

    def find(self, name: str) -> Matter | None:
        """The matter of that name; 「准考证」 is 「准考证打印」."""
        return self._by_name.get(_plain(name))

    def name_of(self, name: str) -> str:
        """What the calendar calls it; a name without a template is kept as it is."""
        found = self.find(name)
        return name.strip() if found is None else found.name


@cache
def load(path: str = "") -> Matters:
    """
    The templates that come with the program, under those of the school's own file, if any.

    Raises:
        MattersError: every problem of the file, with row and column.
    """
    shipped = read(SHIPPED.read_text("utf-8-sig"))
    if not path:
        return Matters(shipped)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MattersError([f"打不开 {path}：{error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise MattersError([f"{path} 不是 UTF-8 编码，请另存为“CSV UTF-8”"]) from error
    own = read(text)
    names = {row.name for row in own}
    rows = [*(row for row in shipped if row.name not in names), *own]
    if problems := _twice(rows):
        raise MattersError(problems)
    return Matters(rows)


def find(name: str) -> Matter | None:
    """The matter of that name among those that come with the program."""
    return load().find(name)


def read(text: str) -> tuple[Matter, ...]:
    """
    The rows of a table.

    Raises:
        MattersError: every problem, with row and column.
    """
    lines = csv.DictReader(io.StringIO(text))
    header = [name.strip() for name in lines.fieldnames or ()]
    if missing := [name for name in HEADER if name not in header]:
        raise MattersError([f"缺少列「{'、'.join(missing)}」"])
    problems: list[str] = []
    rows: list[Matter] = []
    for number, line in enumerate(lines, 2):
        cells = {name: (line.get(name) or "").strip() for name in HEADER}
        if not any(cells.values()):
            continue
        found = dict(_problems(cells))
        problems += [f"第 {number} 行「{column}」：{why}" for column, why in found.items()]
        if not found:
            rows.append(_matter(cells))
    problems += _twice(rows)
    if problems:
        raise MattersError(problems)
    return tuple(rows)


def _problems(cells: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    if not cells["事项"] or len(cells["事项"]) > 50:
        yield "事项", "要写名称，不超过 50 字"
    if cells["主题"] not in set(Topic):
        yield "主题", f"没有主题「{cells['主题']}」"
    if cells["从哪算"] not in ANCHORS:
        yield "从哪算", "只能填 截止、开始、两头"
    if cells["提醒谁"] not in AUDIENCES:
        yield "提醒谁", "只能填 未办、全体"
    if cells["私下"] not in ("", "是", "否"):
        yield "私下", "只能填 是 或留空"
    if wrong := [step for step in _parts(cells["步骤"]) if not _is_step(step)]:
        yield "步骤", f"看不懂「{'、'.join(wrong)}」，应写成 开始|T-7|T-2h，不提醒就写 无"
    if not cells["步骤"]:
        yield "步骤", "不能为空，不提醒就写 无"
    if not cells["办好了说"] or len(cells["办好了说"]) > 10:
        yield "办好了说", "要写学生办好后回的词，如 已报名"
    words = cells["提醒词"]
    if not words or len(words) > MOST_WORDS or len(words.splitlines()) > MOST_LINES:
        yield "提醒词", f"要写，不超过 {MOST_WORDS} 字、{MOST_LINES} 行"
    elif literal := _LITERAL.search(_SLOT.sub("", words)):
        yield "提醒词", f"不能写死日期、金额、网址（{literal[0]}），请用 {{截止}}、{{链接:…}}"
    elif wrong := [slot for slot in _SLOT.findall(words) if not _SLOT_NAME.fullmatch(slot)]:
        yield "提醒词", f"不认识 {{{wrong[0]}}}，只有 {{开始}}、{{截止}}、{{链接:…}}、{{地点:…}}"


def _matter(cells: Mapping[str, str]) -> Matter:
    steps = tuple(OPEN if step == "开始" else step for step in _parts(cells["步骤"]))
    return Matter(
        name=cells["事项"],
        synonyms=_parts(cells["又叫"]),
        topic=Topic(cells["主题"]),
        article=cells["条款"],
        anchor=ANCHORS[cells["从哪算"]],
        steps=tuple(step for step in steps if step != "无"),
        is_private=cells["私下"] == "是",
        audience=AUDIENCES[cells["提醒谁"]],
        done=cells["办好了说"],
        words="\n".join(line.strip() for line in cells["提醒词"].splitlines()),
    )


def _twice(rows: Iterable[Matter]) -> list[str]:
    """A word that means two matters would remind of the wrong one."""
    taken: dict[str, str] = {}
    problems: list[str] = []
    for row in rows:
        for word in dict.fromkeys((row.name, *row.synonyms)):
            other = taken.setdefault(_plain(word), row.name)
            if other != row.name:
                problems.append(f"「{word}」既是「{other}」又是「{row.name}」")
    return problems


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("|") if part.strip())


def _is_step(step: str) -> bool:
    if step in ("开始", "无"):
        return True
    match = _STEP.fullmatch(step)
    return match is not None and 0 < int(match[1]) <= (72 if match[2] else 120)


def _plain(name: str) -> str:
    """A name without blanks, brackets and 「时间」 behind it."""
    return _NOISE.sub("", _NOISE.sub("", name.strip())).lower()


def slots_of(words: str) -> list[str]:
    """What stands in braces."""
    return _SLOT.findall(words)


def step_of(step: str) -> tuple[int, bool] | None:
    """`T-7` → (7, days), `T-2h` → (2, hours); None for any other step."""
    match = _STEP.fullmatch(step)
    return None if match is None else (int(match[1]), bool(match[2]))


# -- words ----------------------------------------------------------------------------------------


def words(
    matter: Matter,
    *,
    step: str,
    opens_at: datetime | None,
    deadline: datetime | None,
    facts: Mapping[str, str],
    now: datetime,
) -> str:
    """
    What is said at a step: what it is about and how long there is left, then the template's lines.

    `facts` are the class's (`handlers.published.facts_in_words`). How long there is left is counted
    from `now`, so that what is sent late is still true. Who has not done it, and how to say that
    one has, are the caller's to add.
    """
    told = dates_in(step)
    if told is not None:
        return correction(matter.name, told, (opens_at, deadline), now)
    filled = dict(facts)
    filled.pop("开始", None)
    filled.pop("截止", None)
    if opens_at is not None and (step == OPEN or opens_at > now):
        filled["开始"] = texts.instant(opens_at, now)
    if deadline is not None:
        filled["截止"] = texts.instant(deadline, now)
    lines = [_heading(matter, step, opens_at, deadline, now)]
    for line in matter.words.splitlines():
        slots = _SLOT.findall(line)
        if all(filled.get(slot) for slot in slots):
            lines.append(_SLOT.sub(lambda found: filled[found[1]], line))
    return "\n".join(lines)


def _heading(
    matter: Matter, step: str, opens_at: datetime | None, deadline: datetime | None, now: datetime
) -> str:
    if step == OPEN or (deadline is None and (opens_at is None or opens_at <= now)):
        return f"{matter.name}：已经开始"
    counts_to_opening = deadline is None or (
        matter.anchor is Anchor.OPENING and opens_at is not None and opens_at > now
    )
    end, what = (opens_at, "开始") if counts_to_opening else (deadline, "截止")
    assert end is not None
    if matter.anchor is Anchor.OPENING and what == "截止":
        what = "结束"
    days = (end.date() - now.date()).days
    if days > 1:
        return f"{matter.name}：{days} 天后{what}"
    day = {1: "明天", 0: "今天"}.get(days)
    return f"{matter.name}：{day} {end:%H:%M} {what}" if day else f"{matter.name}：已{what}"


def dates_in(step: str) -> Span | None:
    """The dates that were told before, of a correction's step; None for any other step."""
    return unpacked(step) if step.startswith(f"{CHANGED}:") else None


def correction(name: str, before: Span, after: Span, now: datetime) -> str:
    """What was told is no longer so."""
    lines = [f"更正：{name}的时间改了", f"原来：{texts.span(*before, now) or '没有定'}"]
    if any(after):
        lines += [f"改为：{texts.span(*after, now)}", "请以这次为准。"]
    else:
        lines[0] = f"更正：{name}先前通知的时间作废"
        lines.append("新的时间等学校公布，公布后再通知。")
    return "\n".join(lines)
