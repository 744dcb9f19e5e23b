"""How well judged: precision and recall, what is taken for what, and whether sureness is honest."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from handlers.understanding.examples import Example
from handlers.understanding.gate import TOPICAL, Model, Understanding, judge
from storage.vocabulary import Label, Topic

#: Kinds nobody wants an answer to.
QUIET = frozenset({Label.CHITCHAT, Label.ACK, Label.ANNOUNCEMENT, Label.SPAM})

_BINS = 10

Kind = TypeVar("Kind", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Score:
    """One class: how many there are, how many were named so, and how many of both."""

    count: int
    named: int
    hits: int

    @property
    def precision(self) -> float:
        """Of those named so, the share that is; 1 if none was named."""
        return self.hits / self.named if self.named else 1.0

    @property
    def recall(self) -> float:
        """Of those there are, the share named so; 1 if there are none."""
        return self.hits / self.count if self.count else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.hits / (self.count + self.named) if self.count + self.named else 1.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Judgements of about the same sureness: how sure on average, how often right, how many."""

    sure: float
    right: float
    count: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled message and what the gate made of it."""

    example: Example
    seen: Understanding


def judged_by(model: Model, examples: Iterable[Example]) -> list[Judged]:
    """The examples as a model sees them, rules included."""
    return [Judged(it, judge(it.text, model, it.previous)) for it in examples]


def label_pairs(judged: Iterable[Judged]) -> list[tuple[Label, Label]]:
    """The label it has, the label it got."""
    return [(it.example.label, it.seen.label) for it in judged]


def topic_pairs(judged: Iterable[Judged]) -> list[tuple[Topic, Topic]]:
    """The same for topics, of messages that have one; a missed message counts as wrong."""
    return [(it.example.topic, it.seen.topic) for it in judged if it.example.label in TOPICAL]


def scores(pairs: Sequence[tuple[Kind, Kind]]) -> dict[Kind, Score]:
    """A score for each class that occurs, in the order of the vocabulary."""
    counts, named = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    hits = Counter(a for a, b in pairs if a is b)
    kinds = [kind for kind in type(pairs[0][0]) if counts[kind] or named[kind]] if pairs else []
    return {kind: Score(counts[kind], named[kind], hits[kind]) for kind in kinds}


def share_right(pairs: Sequence[tuple[Kind, Kind]]) -> float:
    """The share of pairs whose halves agree; 1 for none."""
    return sum(a is b for a, b in pairs) / len(pairs) if pairs else 1.0


def confusions(pairs: Iterable[tuple[Kind, Kind]]) -> Counter[tuple[Kind, Kind]]:
    """How often which was taken for which."""
    return Counter((a, b) for a, b in pairs if a is not b)


def calibration(sure: Iterable[tuple[float, bool]]) -> list[Bin]:
    """How sure against how often right, in tenths; tenths without judgements are left out."""
    buckets: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in sure:
        buckets.setdefault(min(int(confidence * _BINS), _BINS - 1), []).append((confidence, right))
    return [
        Bin(
            sure=sum(confidence for confidence, _ in rows) / len(rows),
            right=sum(right for _, right in rows) / len(rows),
            count=len(rows),
        )
        for _, rows in sorted(buckets.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: how far off, weighted by how many."""
    count = sum(it.count for it in bins)
    return sum(abs(it.sure - it.right) * it.count for it in bins) / count if count else 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """What the gate must reach, in words, as a share of 1, and what it did reach."""

    name: str
    wanted: float
    reached: float
    count: int
    is_limit: bool = False

    @property
    def is_met(self) -> bool:
        """Limits may not be passed, all others must be reached."""
        if self.is_limit:
            return self.reached <= self.wanted
        return self.reached >= self.wanted


def gate_targets(judged: Sequence[Judged]) -> list[Target]:
    """The targets of the gate that these messages can tell about."""
    labels = scores(label_pairs(judged))
    topics = topic_pairs(judged)
    wanted: tuple[tuple[str, Label, float, Callable[[Score], float]], ...] = (
        ("提问注意到", Label.QUESTION, 0.92, lambda it: it.recall),
        ("投诉 F1", Label.COMPLAINT, 0.85, lambda it: it.f1),
        ("求助召回", Label.DISTRESS, 0.95, lambda it: it.recall),
        ("求助准确", Label.DISTRESS, 0.70, lambda it: it.precision),
        ("隐私召回", Label.PRIVACY_LEAK, 0.98, lambda it: it.recall),
    )
    found = [
        Target(name, floor, measure(labels[label]), labels[label].count)
        for name, label, floor, measure in wanted
        if label in labels and labels[label].count
    ]
    if topics:
        found.append(Target("主题", 0.85, share_right(topics), len(topics)))
    return found
