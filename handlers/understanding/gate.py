"""The gate: what kind of message it is and what it is about, with how sure that is."""

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from math import exp
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handlers.understanding.features import FEATURES_VERSION, MARK, features
from handlers.understanding.normalise import normalise
from handlers.understanding.rules import certain_label, faces_only, hints_at_private, holds_private
from handlers.understanding.turns import asks_on, names_a_matter, split_questions
from storage.vocabulary import Label, Topic

_Floats = NDArray[np.float32]

#: Rules are not always right either.
_RULE_CONFIDENCE = 0.99

#: A cry for help missed is worse than a kind word too many.
_DISTRESS_FROM = 0.25

#: Below this a complaint is rather what it looks like next; a receipt for a groan is a nuisance.
_COMPLAINT_FROM = 0.5
#: Whose fault it is, where it is not ours.
_THEIRS = re.compile(
    "超市|外卖|快递|网购|网店|物业|房东|驾校|教练|银行|医院|饭店|餐厅|航班|理发|健身|4s店|邻居|老板|同事"
    "|公交|地铁|高铁|打车|司机|老公|媳妇|婆婆|中介|暖气|供热|国足|社区|小区|装修|酒店|加油|停车|中奖"
)
_OURS = re.compile(
    "老师|班主任|助教|导员|导师|教务|财务|学校|学院|学习中心|开大|电大|你们|机器人|助手"
)

#: How sure it is that what sounds like asking on, after an answer, is: 「我的呢」.
_FOLLOW_UP_CONFIDENCE = 0.9
#: Kinds that, after an answer, may in truth be asking on; the others stay what they are.
_MAY_ASK_ON = frozenset({Label.QUESTION, Label.CHITCHAT, Label.ACK, Label.SPAM, Label.COMPLAINT})
#: From here on a complaint is one, even as short as 「还是不行」.
_SURE_COMPLAINT = 0.8
#: From here on a topic named in the follow-up itself is believed over the one before.
_OWN_TOPIC_FROM = 0.5

#: Kinds that have a topic; for the others it would be a guess nobody needs.
TOPICAL = frozenset({Label.QUESTION, Label.COMPLAINT, Label.ANNOUNCEMENT})


@dataclass(frozen=True, slots=True)
class Understanding:
    """
    What the gate thinks of one message.

    `confidence` is the calibrated probability that `label` is right, `topic_confidence` the same
    for `topic`. The p_… are the model's own probabilities, whatever a rule has decided.
    `is_follow_up` says that the message only makes sense after what was said before; its topic is
    then the one before, or `other` where that was not given.
    """

    label: Label
    topic: Topic
    confidence: float
    topic_confidence: float
    p_question: float = 0.0
    p_complaint: float = 0.0
    p_distress: float = 0.0
    is_follow_up: bool = False
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
def understand(text: str, previous: Topic | None = None) -> Understanding:
    """
    The kind and the topic of a message, judged from its text and what was talked of just before.

    `previous` is the topic of the sender's last question or of the answer to it, if that was a
    moment ago: 「那什么时候截止啊」 is then a question about it. Without it, a message that only
    makes sense after another has topic `other`. Never raises.
    """
    return judge(text, _chosen or load_model(), previous)


def questions_in(text: str, previous: Topic | None = None) -> tuple[tuple[str, Understanding], ...]:
    """
    The questions of a message (at most four) with what each is about, in order.

    One that names nothing is about the same as the one before it. A message that asks nothing, or
    one thing, is one part.
    """
    found: list[tuple[str, Understanding]] = []
    for part in split_questions(text):
        understanding = understand(part, previous)
        found.append((part, understanding))
        if understanding.topic not in (Topic.NONE, Topic.OTHER):
            previous = understanding.topic
    return tuple(found)


def judge(text: str, model: Model, previous: Topic | None = None) -> Understanding:
    """What `understand` returns, by any model and not remembered."""
    plain = normalise(text)
    scores = model.scores(features(plain))
    count = len(model.labels)
    labels = _probabilities(scores[:count], model.temperature)
    by_label = dict(zip(model.labels, labels, strict=True))
    label, confidence = _decide(text, plain, by_label)
    follows = _follows(label, confidence, plain)
    before = None if previous is Topic.NONE else previous
    if follows and before:
        label, confidence = Label.QUESTION, max(by_label[Label.QUESTION], _FOLLOW_UP_CONFIDENCE)
    topic, topic_confidence = Topic.NONE, confidence
    names_none = follows and not names_a_matter(plain)
    if label in TOPICAL:
        topics = _probabilities(scores[count:], model.topic_temperature)
        topic_confidence, topic = max(zip(topics, model.topics, strict=True))
        if follows and before and (names_none or topic_confidence < _OWN_TOPIC_FROM):
            topic_confidence, topic = _FOLLOW_UP_CONFIDENCE, before
    return Understanding(
        label=label,
        topic=topic,
        confidence=confidence,
        topic_confidence=topic_confidence,
        p_question=by_label[Label.QUESTION],
        p_complaint=by_label[Label.COMPLAINT],
        p_distress=by_label[Label.DISTRESS],
        is_follow_up=names_none and label is Label.QUESTION,
        label_scores=MappingProxyType(by_label),
    )


def _follows(label: Label, confidence: float, plain: str) -> bool:
    if label not in _MAY_ASK_ON or (label is Label.COMPLAINT and confidence >= _SURE_COMPLAINT):
        return False
    return asks_on(plain)


def _decide(text: str, plain: str, by_label: Mapping[Label, float]) -> tuple[Label, float]:
    if by_label[Label.DISTRESS] >= _DISTRESS_FROM:
        return Label.DISTRESS, by_label[Label.DISTRESS]
    if holds_private(text):
        return Label.PRIVACY_LEAK, _RULE_CONFIDENCE
    certain = certain_label(plain) or faces_only(plain)
    if certain:
        return certain, _RULE_CONFIDENCE
    likely = by_label.keys() - {Label.PRIVACY_LEAK} if not hints_at_private(plain) else {*by_label}
    if by_label[Label.COMPLAINT] < _COMPLAINT_FROM or _is_others_fault(plain):
        likely -= {Label.COMPLAINT}
    likeliest = max(likely, key=lambda label: (by_label[label], label))
    return likeliest, by_label[likeliest]


def _is_others_fault(plain: str) -> bool:
    return bool(_THEIRS.search(plain)) and not (names_a_matter(plain) or _OURS.search(plain))


def _probabilities(scores: Sequence[float], temperature: float) -> list[float]:
    highest = max(scores)
    powers = [exp((score - highest) / temperature) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


#: The school's own model, if it has one.
_chosen: Model | None = None


def use_model(model: Model | None) -> None:
    """Judge by this model from now on, in the whole process; None: by the one in the package."""
    # One process has one gate, as it has one clock.
    global _chosen
    _chosen = model
    understand.cache_clear()


@cache
def load_model() -> Model:
    """The model that ships with the package, read once."""
    text = resources.files(__package__).joinpath("model.json").read_text(encoding="utf-8")
    return decode_model(text)


def decode_model(text: str) -> Model:
    """
    A model from the JSON that `train` writes.

    Raises:
        ValueError: it is damaged, or made by a version that saw messages otherwise.
    """
    try:
        return _decoded(json.loads(text))
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not a model of the gate: {error!r}") from error


def _decoded(raw: Mapping[str, Any]) -> Model:
    if raw["features"] != FEATURES_VERSION:
        raise ValueError(f"made for features {raw['features']}, not {FEATURES_VERSION}")
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
