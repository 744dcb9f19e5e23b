"""The gate: what kind of message it is and what it is about, with how sure that is."""

import base64
import json
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from math import exp
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from handlers.understanding.features import MARK, features
from handlers.understanding.normalise import normalise
from handlers.understanding.rules import certain_label, faces_only, hints_at_private, holds_private
from storage.vocabulary import Label, Topic

_Floats = NDArray[np.float32]

#: Rules are not always right either.
_RULE_CONFIDENCE = 0.99

#: A cry for help missed is worse than a kind word too many.
_DISTRESS_FROM = 0.3

#: Kinds that have a topic; for the others it would be a guess nobody needs.
TOPICAL = frozenset({Label.QUESTION, Label.COMPLAINT, Label.ANNOUNCEMENT})


@dataclass(frozen=True, slots=True)
class Understanding:
    """
    What the gate thinks of one message.

    `confidence` is the calibrated probability that `label` is right, `topic_confidence` the same
    for `topic`. The p_… are the model's own probabilities, whatever a rule has decided.
    """

    label: Label
    topic: Topic
    confidence: float
    topic_confidence: float
    p_question: float = 0.0
    p_complaint: float = 0.0
    p_distress: float = 0.0
    label_scores: Mapping[Label, float] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """
    The trained weights: one row of scores for every feature it knows, marks first.

    A mark counts as it is; the sequences of a text share one unit of length among them, so
    that a long text does not shout down a short one.
    """

    rows: Mapping[str, int]
    marks: int
    squares: _Floats
    weights: _Floats
    bias: _Floats
    labels: tuple[Label, ...]
    topics: tuple[Topic, ...]
    temperature: float
    topic_temperature: float

    def scores(self, found: Collection[str]) -> list[float]:
        """Labels first, then topics."""
        # Sorted: a set's order changes between runs, and with it the last bit of a sum.
        known = sorted([self.rows[name] for name in found if name in self.rows])
        cut = bisect_left(known, self.marks)
        scores = self.bias + self._sum(known[:cut])
        if cut < len(known):
            squares = self.squares.take(known[cut:]).sum()
            scores = scores + self._sum(known[cut:]) / np.sqrt(squares)
        plain: list[float] = scores.tolist()
        return plain

    def _sum(self, rows: list[int]) -> _Floats:
        total: _Floats = self.weights.take(rows, axis=0).sum(axis=0)
        return total


@lru_cache(maxsize=4096)
def understand(text: str) -> Understanding:
    """
    The kind and the topic of a message, judged from its text alone.

    Never raises. A message that only makes sense after the one before it has topic `other`.
    """
    return judge(text, load_model())


def judge(text: str, model: Model) -> Understanding:
    """What `understand` returns, by any model and not remembered."""
    plain = normalise(text)
    scores = model.scores(features(plain))
    count = len(model.labels)
    labels = _probabilities(scores[:count], model.temperature)
    by_label = dict(zip(model.labels, labels, strict=True))
    label, confidence = _decide(text, plain, by_label)
    topic, topic_confidence = Topic.NONE, confidence
    if label in TOPICAL:
        topics = _probabilities(scores[count:], model.topic_temperature)
        topic_confidence, topic = max(zip(topics, model.topics, strict=True))
    return Understanding(
        label=label,
        topic=topic,
        confidence=confidence,
        topic_confidence=topic_confidence,
        p_question=by_label[Label.QUESTION],
        p_complaint=by_label[Label.COMPLAINT],
        p_distress=by_label[Label.DISTRESS],
        label_scores=MappingProxyType(by_label),
    )


def _decide(text: str, plain: str, by_label: Mapping[Label, float]) -> tuple[Label, float]:
    if by_label[Label.DISTRESS] >= _DISTRESS_FROM:
        return Label.DISTRESS, by_label[Label.DISTRESS]
    if holds_private(text):
        return Label.PRIVACY_LEAK, _RULE_CONFIDENCE
    certain = certain_label(plain) or faces_only(plain)
    if certain:
        return certain, _RULE_CONFIDENCE
    likely = by_label.keys() - {Label.PRIVACY_LEAK} if not hints_at_private(plain) else by_label
    likeliest = max(likely, key=lambda label: (by_label[label], label))
    return likeliest, by_label[likeliest]


def _probabilities(scores: Sequence[float], temperature: float) -> list[float]:
    highest = max(scores)
    powers = [exp((score - highest) / temperature) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


@cache
def load_model() -> Model:
    """The model that ships with the package, read once."""
    text = resources.files(__package__).joinpath("model.json").read_text(encoding="utf-8")
    return decode_model(text)


def decode_model(text: str) -> Model:
    """A model from the JSON that `train` writes."""
    raw = json.loads(text)
    vocabulary = tuple(raw["vocabulary"])
    columns = len(raw["labels"]) + len(raw["topics"])
    quantised = np.frombuffer(base64.b64decode(raw["weights"]), np.int8)
    scales = np.asarray(raw["scales"], np.float32)
    values = np.frombuffer(base64.b64decode(raw["values"]), np.float16).astype(np.float32)
    weights = quantised.reshape(-1, columns).astype(np.float32) * scales
    return Model(
        rows={feature: row for row, feature in enumerate(vocabulary)},
        marks=sum(feature.startswith(MARK) for feature in vocabulary),
        squares=values * values,
        weights=weights * values[:, None],
        bias=np.asarray(raw["bias"], np.float32),
        labels=tuple(map(Label, raw["labels"])),
        topics=tuple(map(Topic, raw["topics"])),
        temperature=float(raw["temperature"]),
        topic_temperature=float(raw["topic_temperature"]),
    )
