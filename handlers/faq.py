"""What the school has published, as a table a teacher edits, and how a question finds its row.

`knowledge.csv`（UTF-8，可用 Excel 打开编辑）一行一条，各列：

- 编号：唯一，英文小写，如 `course_registration.how`；改了编号等于换了一条。
- 主题：`storage.vocabulary.Topic` 里的一个值。
- 问题：标准问法，一句话。
- 问法：学生真实的说法，用 `|` 隔开，越多越准，至少三个。
- 答案：给学生看的话，可以换行；日期、金额、链接、人一律写成空，如 `{时间:考试报名}`，
  由学校的设置填入；填不上的空所在的那一行不发。
- 条款、来源：答案后面的出处，如「第十六条」「校历」「通行做法」。
- 必需：问的就是这些空，用 `|` 隔开、不带花括号；有一个没填就转助学教师。
- 有效期起、有效期止：可空，写成 2026-09-01。

还可以有这几列，没有就当空着：

- 单位、班级：这一行只给谁用；都空着是全校。同一编号，班级的压过单位的，单位的压过上级的。
- 私密：填「是」，涉及个人，只在私聊里答。
- 动作：空着是回答；「拒绝」是婉拒，答案就是要说的话；「停用」是不再用这个编号；「题外」是
  这些问法不归学校答，和它们像的一律不当场答，答案只给编辑的人看。

`out_of_scope.txt` 是随程序带的题外话：`#` 开头的一行是一类，下面一行一句。
"""

import copy
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handlers import retrieval
from handlers.meanings import Meanings, Vector
from handlers.retrieval import Index
from handlers.wording import asks_how_much as asks_how_much
from handlers.wording import asks_when as asks_when
from handlers.wording import asks_where as asks_where
from handlers.wording import concepts, fold
from storage.vocabulary import Topic

HEADER = ("编号", "主题", "问题", "问法", "答案", "条款", "来源", "必需", "有效期起", "有效期止")
MORE_COLUMNS = ("单位", "班级", "私密", "动作")
_SLOT_KINDS = ("时间", "链接", "金额", "联系", "地点", "规定", "个人")
SLOT = re.compile(r"\{((?:" + "|".join(_SLOT_KINDS) + r"):[^{}:\n]+)\}")
_KEY = re.compile(r"[a-z][a-z_]*\.[a-z0-9_]+")
_ARTICLE = re.compile(r"(第[一二三四五六七八九十百]+条)?")
_YES_OR_NO = {"": False, "否": False, "是": True}
MIN_VARIANTS = 3
OUT_OF_SCOPE = Path(__file__).with_name("out_of_scope.txt")
#: From here on the words alone decide, and the encoder is not asked.
_DECISIVE = 0.97
#: How sure it is that a phrasing of an entry that names its matter asks for that entry.
_VERBATIM = 0.99
_CACHE_SIZE = 1024


class KnowledgeError(ValueError):
    """The table cannot be used as it stands: one line a broken cell, for its editor."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Use(StrEnum):
    """What is done with a row that fits; the words of the column 动作."""

    ANSWER = ""
    REFUSE = "拒绝"
    RETIRED = "停用"
    OUTSIDE = "题外"


#: Whose rows may be used, the most specific first: 「班级:计算机2301」, 「单位:市开大」.
Scope = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One row: a question, the ways students put it, and the answer with its slots.

    `overrides` are the rows of the same key that hold for some units or classes only.
    """

    key: str
    topic: Topic
    question: str
    variants: tuple[str, ...]
    answer: str
    article: str
    source: str
    needs: tuple[str, ...]
    valid_from: date | None
    valid_to: date | None
    unit: str = ""
    class_name: str = ""
    is_personal: bool = False
    use: Use = Use.ANSWER
    overrides: tuple["Entry", ...] = ()

    @property
    def owner(self) -> str:
        """For whom the row is, as a member of a `Scope`; empty for everybody."""
        if self.class_name:
            return f"班级:{self.class_name}"
        return f"单位:{self.unit}" if self.unit else ""

    def within(self, scope: Scope) -> "Entry | None":
        """The row to use there; None if there is none, or it was retired."""
        if self.overrides or self.owner:
            rows = {row.owner: row for row in (self, *self.overrides)}
            found = next((rows[owner] for owner in (*scope, "") if owner in rows), None)
        else:
            found = self
        return None if found is None or found.use in (Use.RETIRED, Use.OUTSIDE) else found

    @property
    def slots(self) -> tuple[str, ...]:
        """Every slot of the answer, once, in order."""
        return tuple(dict.fromkeys(SLOT.findall(self.answer)))

    def is_valid(self, on: date) -> bool:
        """Whether the row may be answered with on that day; both ends included."""
        return (self.valid_from or on) <= on <= (self.valid_to or on)


@dataclass(frozen=True, slots=True)
class Match:
    """A row found; `confidence` is the probability that it is what was asked."""

    entry: Entry
    confidence: float


@dataclass(frozen=True, slots=True)
class Filled:
    """An answer ready to send. `missing` names the needed slots nobody has filled: hand over."""

    text: str
    missing: tuple[str, ...]


def fill(entry: Entry, facts: Mapping[str, str]) -> Filled:
    """The answer with its slots filled verbatim; a line with an unfilled slot is left out."""
    lines = [
        SLOT.sub(lambda slot: facts[slot[1]], line)
        for line in entry.answer.split("\n")
        if all(facts.get(name) for name in SLOT.findall(line))
    ]
    return Filled("\n".join(lines), tuple(name for name in entry.needs if not facts.get(name)))


def pooled(rows: Iterable[Entry]) -> tuple[Entry, ...]:
    """
    One entry a key: everybody's row with the phrasings of all of them, the others as overrides.

    Of two rows for the same owner the later one holds.
    """
    by_key: dict[str, dict[str, Entry]] = {}
    for row in rows:
        by_key.setdefault(row.key, {})[row.owner] = row
    return tuple(_pool(by_owner) for by_owner in by_key.values() if not _is_gone(by_owner))


def _pool(by_owner: dict[str, Entry]) -> Entry:
    if len(by_owner) == 1:
        return next(iter(by_owner.values()))
    first = by_owner.get("") or next(iter(by_owner.values()))
    others = tuple(row for row in by_owner.values() if row is not first)
    said = [text for row in others for text in (row.question, *row.variants)]
    variants = dict.fromkeys(text for text in (*first.variants, *said) if text != first.question)
    return replace(first, variants=tuple(variants), overrides=others)


def _is_gone(by_owner: dict[str, Entry]) -> bool:
    return all(row.use is Use.RETIRED for row in by_owner.values())


def cells_of(entry: Entry) -> dict[str, str]:
    """The row as it stands in a table, by column: what `read_entries` reads back."""
    return {
        "编号": entry.key,
        "主题": entry.topic.value,
        "问题": entry.question,
        "问法": "|".join(entry.variants),
        "答案": entry.answer,
        "条款": entry.article,
        "来源": entry.source,
        "必需": "|".join(entry.needs),
        "有效期起": entry.valid_from.isoformat() if entry.valid_from else "",
        "有效期止": entry.valid_to.isoformat() if entry.valid_to else "",
        "单位": entry.unit,
        "班级": entry.class_name,
        "私密": "是" if entry.is_personal else "",
        "动作": entry.use.value,
    }


def read_entries(source: Path | Iterable[str]) -> tuple[Entry, ...]:
    """
    The rows of the table, in its order.

    Raises:
        KnowledgeError: naming the row and column of everything that must be put right.
    """
    if isinstance(source, Path):
        source = _decode(source.read_bytes())
    rows = csv.DictReader(source)
    if missing := [name for name in HEADER if name not in (rows.fieldnames or ())]:
        raise KnowledgeError([f"第 1 行：缺少列「{'、'.join(missing)}」"])
    problems: list[str] = []
    entries: list[Entry] = []
    keys: dict[tuple[str, str, str], int] = {}
    phrasings: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        cells = {name: (row.get(name) or "").strip() for name in (*HEADER, *MORE_COLUMNS)}
        if not any(cells.values()):
            continue
        found = _row_problems(cells)
        key = cells["编号"]
        place = (key, cells["单位"], cells["班级"])
        if place in keys:
            found.append(("编号", f"「{key}」与第 {keys[place]} 行重复"))
        keys.setdefault(place, number)
        for text in (cells["问题"], *_split(cells["问法"])):
            if phrasings.setdefault(text, key) != key:
                found.append(("问法", f"「{text}」在「{phrasings[text]}」里已经有了"))
        problems += [f"第 {number} 行（{key}）「{name}」列：{why}" for name, why in found]
        if not found:
            entries.append(_entry(cells))
    if problems:
        raise KnowledgeError(problems)
    return tuple(entries)


def _decode(data: bytes) -> io.StringIO:
    # Excel on a Chinese Windows saves "CSV" in GBK unless told otherwise.
    try:
        return io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError:
        try:
            return io.StringIO(data.decode("gb18030"), newline="")
        except UnicodeDecodeError as error:
            raise KnowledgeError(["整个文件：编码无法识别，请另存为“CSV UTF-8”"]) from error


def _split(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in cell.split("|") if part.strip()))


def _row_problems(cells: Mapping[str, str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not _KEY.fullmatch(cells["编号"]):
        found.append(("编号", "应是英文小写、中间一个点，如 fees.how"))
    if cells["主题"] not in set(Topic) - {Topic.NONE}:
        found.append(("主题", f"没有「{cells['主题']}」这个主题"))
    found += [(name, "不能为空") for name in ("问题", "答案", "来源") if not cells[name]]
    is_whole = not cells["单位"] and not cells["班级"] and cells["动作"] != Use.RETIRED
    if is_whole and len(_split(cells["问法"])) < MIN_VARIANTS:
        found.append(("问法", f"至少要 {MIN_VARIANTS} 个，用 | 隔开"))
    if not _ARTICLE.fullmatch(cells["条款"]):
        found.append(("条款", "应写成「第十六条」这样，或留空"))
    if cells["单位"] and cells["班级"]:
        found.append(("班级", "单位和班级只能填一个"))
    if cells["私密"] not in _YES_OR_NO:
        found.append(("私密", "填「是」或留空"))
    if cells["动作"] not in set(Use):
        found.append(("动作", "填「拒绝」「停用」「题外」或留空"))
    bare = SLOT.sub("", cells["答案"])
    if "{" in bare or "}" in bare:
        found.append(("答案", "花括号里应是" + "".join(f"「{kind}:…」" for kind in _SLOT_KINDS)))
    found += [
        ("必需", f"「{name}」没有出现在答案里")
        for name in _split(cells["必需"])
        if "{" + name + "}" not in cells["答案"]
    ]
    for name in ("有效期起", "有效期止"):
        try:
            _day(cells[name])
        except ValueError:
            found.append((name, f"「{cells[name]}」不是日期，应写成 2026-09-01"))
            return found
    first, last = _day(cells["有效期起"]), _day(cells["有效期止"])
    if first and last and last < first:
        found.append(("有效期止", "早于有效期起"))
    return found


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell.replace("/", "-")) if cell else None


def _entry(cells: Mapping[str, str]) -> Entry:
    return Entry(
        key=cells["编号"],
        topic=Topic(cells["主题"]),
        question=cells["问题"],
        variants=_split(cells["问法"]),
        answer="\n".join(line.strip() for line in cells["答案"].splitlines() if line.strip()),
        article=cells["条款"],
        source=cells["来源"],
        needs=_split(cells["必需"]),
        valid_from=_day(cells["有效期起"]),
        valid_to=_day(cells["有效期止"]),
        unit=cells["单位"],
        class_name=cells["班级"],
        is_personal=_YES_OR_NO[cells["私密"]],
        use=Use(cells["动作"]),
    )


def read_outside(path: Path = OUT_OF_SCOPE) -> tuple[tuple[str, ...], ...]:
    """Questions that are nobody's business here, one tuple a subject."""
    subjects: list[list[str]] = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#"):
            subjects.append([])
        elif line.strip():
            subjects[-1].append(line.strip())
    return tuple(map(tuple, subjects))


class Knowledge:
    """
    The entries, indexed. Search is pure and deterministic; the cache only saves time.

    `outside` are questions, grouped by subject, that are not ours to answer: what comes with the
    program unless told otherwise. Rows marked 题外 are added to them.
    """

    def __init__(
        self, entries: Iterable[Entry], outside: Sequence[Sequence[str]] | None = None
    ) -> None:
        rows = tuple(entries)
        self.entries = tuple(row for row in rows if row.use is not Use.OUTSIDE)
        self._by_key = {entry.key: entry for entry in self.entries}
        own = [(row.question, *row.variants) for row in rows if row.use is Use.OUTSIDE]
        self.index = Index(
            [(entry.question, *entry.variants) for entry in self.entries],
            [entry.topic for entry in self.entries],
            (*(read_outside() if outside is None else outside), *own),
        )
        self._meanings: Meanings | None = None
        self._mixed = retrieval.MIXED_WEIGHTS["usem3"]
        self._vectors: Mapping[str, Vector] = {}
        self._cache: dict[tuple[str, Topic | None, int, bool], tuple[Match, ...]] = {}

    def __getitem__(self, key: str) -> Entry:
        return self._by_key[key]

    def with_meanings(self, meanings: Meanings, encoder: str = "usem3") -> "Knowledge":
        """The same entries, found by meaning too where a question's vector is known.

        `encoder` is what the vectors come from: each has weights of its own.
        """
        changed = copy.copy(self)
        changed._meanings = meanings
        changed._mixed = retrieval.MIXED_WEIGHTS[encoder]
        changed._cache = {}
        return changed

    def apart(self) -> "Knowledge":
        """The same entries and index; what it remembers of its searches is another thread's."""
        changed = copy.copy(self)
        changed._cache = {}
        return changed

    def with_vectors(self, vectors: Mapping[str, Vector]) -> "Knowledge":
        """The same entries, with the vectors of some questions, by their text, at hand."""
        changed = copy.copy(self)
        changed._vectors = {} if self._meanings is None else vectors
        return changed

    def wants_vector(self, text: str, topic: Topic | None) -> bool:
        """Whether the words alone leave it open which entry is meant."""
        if self._meanings is None:
            return False
        matches = self.search(text, topic=topic)
        return not matches or matches[0].confidence < _DECISIVE

    def search(self, text: str, *, topic: Topic | None = None, limit: int = 3) -> tuple[Match, ...]:
        """
        The likeliest entries, best first, each with the probability that it is the right one.

        The probabilities of one question sum to at most one; the rest is "none of them".
        `topic` is what the gate thinks, which may be wrong.
        """
        slot = (text, topic, limit, text in self._vectors)
        if slot not in self._cache:
            self._cache[slot] = self._search(text, topic)[:limit]
            if len(self._cache) > _CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
        return self._cache[slot]

    def verbatim(self, text: str) -> Entry | None:
        """The entry a text is a phrasing of, greetings and particles aside; None if of two."""
        number = self.index.verbatim(text)
        return None if number is None else self.entries[number]

    def candidates(
        self, text: str, topic: Topic | None
    ) -> tuple[list[Entry], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """What may be meant, a row of features each, and what is vetoed; to learn from."""
        vector = self._vectors.get(text)
        meanings = None if vector is None else self._meanings
        numbers, features, vetoed = self.index.candidates(text, topic, meanings, vector)
        return [self.entries[n] for n in numbers], features, vetoed

    def _search(self, text: str, topic: Topic | None) -> tuple[Match, ...]:
        entries, features, vetoed = self.candidates(text, topic)
        weights = self._mixed if text in self._vectors else retrieval.WEIGHTS
        found = retrieval.shares(features, weights, vetoed)
        order = np.argsort(-found, kind="stable")
        if len(order) and entries[order[0]] is self.verbatim(text) and concepts(fold(text)):
            first = found[order[0]]
            if first < _VERBATIM:
                # Its own words leave no doubt; only 「你会啥」 may be said to somebody else.
                found *= (1 - _VERBATIM) / (1 - first)
                found[order[0]] = _VERBATIM
        return tuple(Match(entries[n], float(found[n])) for n in order)
