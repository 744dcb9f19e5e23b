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
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handlers.wording import FOREIGN, Kind, concepts, fold, kinds
from handlers.wording import asks_how_much as asks_how_much
from handlers.wording import asks_when as asks_when
from handlers.wording import asks_where as asks_where
from storage.vocabulary import Topic

HEADER = ("编号", "主题", "问题", "问法", "答案", "条款", "来源", "必需", "有效期起", "有效期止")
_SLOT_KINDS = ("时间", "链接", "金额", "联系", "地点", "规定")
SLOT = re.compile(r"\{((?:" + "|".join(_SLOT_KINDS) + r"):[^{}:\n]+)\}")
_KEY = re.compile(r"[a-z][a-z_]*\.[a-z0-9_]+")
_ARTICLE = re.compile(r"(第[一二三四五六七八九十百]+条)?")
_MIN_VARIANTS = 3
_CANDIDATES = 8
_CACHE_SIZE = 1024


class KnowledgeError(ValueError):
    """The table cannot be used as it stands: one line a broken cell, for its editor."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a question, the ways students put it, and the answer with its slots."""

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
    keys: dict[str, int] = {}
    phrasings: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        cells = {name: (row.get(name) or "").strip() for name in HEADER}
        if not any(cells.values()):
            continue
        found = _row_problems(cells)
        key = cells["编号"]
        if key in keys:
            found.append(("编号", f"「{key}」与第 {keys[key]} 行重复"))
        keys.setdefault(key, number)
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
    if len(_split(cells["问法"])) < _MIN_VARIANTS:
        found.append(("问法", f"至少要 {_MIN_VARIANTS} 个，用 | 隔开"))
    if not _ARTICLE.fullmatch(cells["条款"]):
        found.append(("条款", "应写成「第十六条」这样，或留空"))
    bare = SLOT.sub("", cells["答案"])
    if "{" in bare or "}" in bare:
        found.append(
            ("答案", "花括号里应是「时间:…」「链接:…」「金额:…」「联系:…」「地点:…」「规定:…」")
        )
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
    )


_Floats = npt.NDArray[np.float64]
_SPECIFIC = frozenset({Kind.WHEN, Kind.WHERE, Kind.HOW_MUCH, Kind.WHY, Kind.WHO, Kind.HOW_LONG})
_GRAM_WEIGHT = {1: 0.4, 2: 1.0, 3: 0.8}
_CONCEPT_WEIGHT = 1.3
_SMOOTH = 2.0
_KIND_SHARE = 0.25

#: Learnt by `python -m benchmarks.calibrate_faq`; the order is that of `_features`.
WEIGHTS = np.array(
    [-26.25, 3.76, 8.21, 9.98, 1.1, 2.52, -4.92, -0.81, 0.17, 2.33, 5.66, 0.58, -1.48, 0.88]
)


@dataclass(frozen=True, slots=True)
class _Query:
    weights: Mapping[int, float]
    total: float
    unknown: float
    concepts: frozenset[str]
    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class _Profile:
    """What all phrasings of one entry have in common, for the features beside the cosine."""

    features: frozenset[int]
    named: frozenset[str]
    kinds: frozenset[Kind]


class Knowledge:
    """The entries, indexed. Search is pure and deterministic; the cache only saves time."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_key = {entry.key: entry for entry in self.entries}
        self._cache: dict[tuple[str, Topic | None, int], tuple[Match, ...]] = {}
        groups = [(entry.question, *entry.variants) for entry in self.entries]
        self._owners = np.cumsum([0, *map(len, groups)])[:-1]
        folded = [[fold(text) for text in group] for group in groups]
        grams = [[_grams(text) for text in group] for group in folded]
        found_in = Counter(gram for group in grams for gram in set().union(*group))
        self._ids = {gram: number for number, gram in enumerate(found_in)}
        count = len(self.entries)
        self._rare = math.log(1 + 2 * count)
        self._idf = {gram: math.log(1 + count / found) for gram, found in found_in.items()}
        self._index([features for group in grams for features in group])
        self._learn_words([[concepts(t) | kinds(t) for t in group] for group in folded])
        self._profiles = [
            self._profile(group, features) for group, features in zip(folded, grams, strict=True)
        ]

    def __getitem__(self, key: str) -> Entry:
        return self._by_key[key]

    def search(self, text: str, *, topic: Topic | None = None, limit: int = 3) -> tuple[Match, ...]:
        """
        The likeliest entries, best first, each with the probability that it is the right one.

        The probabilities of one question sum to at most one; the rest is "none of them".
        `topic` is what the gate thinks, which may be wrong.
        """
        slot = (text, topic, limit)
        if slot not in self._cache:
            self._cache[slot] = self._search(text, topic)[:limit]
            if len(self._cache) > _CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
        return self._cache[slot]

    def candidates(self, text: str, topic: Topic | None) -> tuple[list[Entry], _Floats]:
        """The entries that look most alike and a row of features each, to search and to learn."""
        query = self._query(fold(text))
        if not self.entries or not query.weights:
            return [], np.zeros((0, len(WEIGHTS)))
        nearest = self._cosines(query)
        likely = self._likeness(query)
        best = np.argsort(-2 * nearest - np.exp(likely), kind="stable")[:_CANDIDATES]
        best = best[nearest[best] > 0]
        rows = [
            self._features(query, int(n), float(nearest[n]), float(likely[n]), topic) for n in best
        ]
        return [self.entries[n] for n in best], np.array(rows).reshape(-1, len(WEIGHTS))

    def _search(self, text: str, topic: Topic | None) -> tuple[Match, ...]:
        entries, features = self.candidates(text, topic)
        odds = np.exp(np.clip(features @ WEIGHTS, -30, 30))
        shares = odds / (1 + odds.sum())
        order = np.argsort(-shares, kind="stable")
        return tuple(Match(entries[n], float(shares[n])) for n in order)

    def _index(self, phrasings: list[frozenset[str]]) -> None:
        postings: list[list[int]] = [[] for _ in self._ids]
        weights: list[list[float]] = [[] for _ in self._ids]
        for number, features in enumerate(phrasings):
            vector = {self._ids[gram]: _scale(gram) * self._idf[gram] for gram in sorted(features)}
            length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
            for gram_id, value in vector.items():
                postings[gram_id].append(number)
                weights[gram_id].append(value / length)
        self._postings = [np.array(numbers, dtype=np.int64) for numbers in postings]
        self._weights = [np.array(values) for values in weights]
        self._size = len(phrasings)

    def _profile(self, folded: list[str], features: list[frozenset[str]]) -> _Profile:
        asked = Counter(kind for text in folded for kind in kinds(text))
        return _Profile(
            features=frozenset(self._ids[gram] for gram in set().union(*features)),
            named=frozenset(name for text in folded for name in concepts(text)),
            kinds=frozenset(k for k, found in asked.items() if found >= _KIND_SHARE * len(folded)),
        )

    def _query(self, folded: str) -> _Query:
        weights: dict[int, float] = {}
        unknown = total = 0.0
        for gram in sorted(_grams(folded)):
            value = _scale(gram) * self._idf.get(gram, self._rare)
            total += value * value
            if gram in self._ids:
                weights[self._ids[gram]] = value
            else:
                unknown += value * value
        return _Query(
            weights, math.sqrt(total), unknown / (total or 1.0), concepts(folded), kinds(folded)
        )

    def _cosines(self, query: _Query) -> _Floats:
        """How like the question the nearest phrasing of each entry is."""
        numbers = np.concatenate([self._postings[gram] for gram in query.weights])
        products = np.concatenate(
            [self._weights[gram] * value for gram, value in query.weights.items()]
        )
        sums = np.bincount(numbers, weights=products, minlength=self._size)
        best: _Floats = np.maximum.reduceat(sums, self._owners)
        return best / query.total

    def _features(
        self, query: _Query, number: int, nearest: float, likeness: float, topic: Topic | None
    ) -> tuple[float, ...]:
        profile = self._profiles[number]
        shared = sum(v * v for gram, v in query.weights.items() if gram in profile.features)
        asked = query.kinds & _SPECIFIC
        known = self._rarity(query.concepts & profile.named)
        same = self.entries[number].topic
        return (
            1.0,
            nearest,
            query.unknown,
            shared / (query.total * query.total),
            known / self._rarity(query.concepts) if query.concepts else 0.0,
            float(not query.concepts),
            float(any(name.startswith(FOREIGN) for name in query.concepts - profile.named)),
            float(bool(asked) and not asked & profile.kinds),
            likeness,
            math.exp(likeness),
            math.log1p(len(query.weights)),
            float(topic is same),
            float(topic not in (None, same)),
            float(nearest > 0.999),
        )

    def _learn_words(self, groups: list[list[frozenset[str]]]) -> None:
        """How often the phrasings of each entry, and of all together, name each matter."""
        words = sorted(set().union(*(names for group in groups for names in group)))
        self._rows = {word: number for number, word in enumerate(words)}
        counts = np.zeros((len(words), len(groups)))
        for number, group in enumerate(groups):
            for names in group:
                for word in names:
                    counts[self._rows[word], number] += 1
        sizes = np.array([len(group) for group in groups])
        usual = counts.sum(axis=1, keepdims=True) / max(1, sizes.sum())
        chance = (counts + _SMOOTH * usual) / (sizes + _SMOOTH)
        chance = np.clip(np.concatenate([chance, usual], axis=1), 1e-4, 1 - 1e-4)
        self._said = np.log(chance / (1 - chance))
        self._unsaid = np.log(1 - chance).sum(axis=0)

    def _likeness(self, query: _Query) -> _Floats:
        """Log of each entry's chance, were matters and kinds of question all there is to see."""
        rows = [
            self._rows[word] for word in sorted(query.concepts | query.kinds) if word in self._rows
        ]
        scores: _Floats = self._unsaid + self._said[rows].sum(axis=0)
        chances: _Floats = np.maximum(scores[:-1] - np.logaddexp.reduce(scores), -8.0)
        return chances

    def _rarity(self, names: frozenset[str]) -> float:
        return sum(self._idf.get(f"#{name}", self._rare) for name in sorted(names))


def _grams(folded: str) -> frozenset[str]:
    found = {folded[i : i + n] for n in _GRAM_WEIGHT for i in range(len(folded) - n + 1)}
    return frozenset(found | {f"#{name}" for name in concepts(folded)})


def _scale(gram: str) -> float:
    return _CONCEPT_WEIGHT if gram[0] == "#" else _GRAM_WEIGHT[len(gram)]
