"""Trains the gate: `python -m handlers.understanding.train [FILE.jsonl ...]`.

Prints how well it does on a held-back part and on the files named, then writes the model, trained
on everything, next to this file. Needs the development dependencies.
"""

import base64
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from handlers.understanding.augment import Example, varied
from handlers.understanding.features import MARK, features
from handlers.understanding.gate import TOPICAL, Model, Understanding, decode_model, judge
from handlers.understanding.normalise import normalise
from storage.vocabulary import Label, Topic

HERE = Path(__file__).parent
DATA = HERE / "messages.jsonl"
MODEL = HERE / "model.json"

_SEED = 138
_HELD_OUT_OF_TEN = 2
_VARIANTS = 2
_MARK_VALUE = 0.15
_STRENGTH = 0.5
_SEEN_AT_LEAST = 5
_LONGEST_SEQUENCE = 3
_FEATURES_KEPT = 11_000
_FOLDS = 3

_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The features a model knows, with what each counts for before it has learnt anything."""

    names: tuple[str, ...]
    values: _Floats

    def matrix(self, found: Sequence[set[str]]) -> csr_matrix:
        """One row a message, as the gate will see it."""
        rows = {name: row for row, name in enumerate(self.names)}
        pointers, columns, cells = [0], list[int](), list[float]()
        for names in found:
            ids = sorted(rows[name] for name in names if name in rows)
            values = self.values[ids]
            marks = np.asarray([self.names[row].startswith(MARK) for row in ids], bool)
            norm = float(np.linalg.norm(values[~marks])) or 1.0
            columns += ids
            cells += np.where(marks, values, values / norm).tolist()
            pointers.append(len(columns))
        return csr_matrix((cells, columns, pointers), shape=(len(found), len(self.names)))


def read(path: Path) -> list[Example]:
    """The labelled messages of a JSON lines file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_example(json.loads(line)) for line in lines if line.strip()]


def _example(row: dict[str, str]) -> Example:
    return Example(row["text"], Label(row["label"]), Topic(row["topic"]))


def is_held_out(example: Example) -> bool:
    """Whether a message is kept back; decided by its text alone, so it never changes sides."""
    digest = hashlib.sha256(normalise(example.text).encode()).digest()
    return digest[0] % 10 < _HELD_OUT_OF_TEN


def train(examples: Sequence[Example]) -> str:
    """A model of these examples and of their variations, as the JSON the gate reads."""
    more = list(varied(examples, _generator(), _VARIANTS))
    found = [features(normalise(example.text)) for example in more]
    vocabulary = _worthwhile(_vocabulary(found), found, more)
    label_weights, label_bias, topic_weights, topic_bias = _fit(vocabulary, found, more)
    temperature, topic_temperature = _temperatures(examples, vocabulary)
    return _encoded(
        vocabulary,
        np.hstack((label_weights, topic_weights)),
        np.concatenate((label_bias, topic_bias)),
        (temperature, topic_temperature),
    )


def _generator() -> random.Random:
    return random.Random(_SEED)  # noqa: S311 -- for typos, not for secrets


def _vocabulary(found: Sequence[set[str]]) -> Vocabulary:
    counts = Counter(name for names in found for name in names)
    names = tuple(
        sorted(n for n, count in counts.items() if count >= _SEEN_AT_LEAST and _is_kept(n))
    )
    rarity = [np.log((1 + len(found)) / (1 + counts[name])) + 1 for name in names]
    values = [
        _MARK_VALUE if name.startswith(MARK) else value
        for name, value in zip(names, rarity, strict=True)
    ]
    return Vocabulary(names, np.asarray(values, np.float16).astype(np.float32))


def _is_kept(name: str) -> bool:
    return name.startswith(MARK) or len(name) <= _LONGEST_SEQUENCE


def _worthwhile(
    vocabulary: Vocabulary, found: Sequence[set[str]], examples: Sequence[Example]
) -> Vocabulary:
    """The features with the most to say; a model of all of them would not be small."""
    if len(vocabulary.names) <= _FEATURES_KEPT:
        return vocabulary
    counts = Counter(name for names in found for name in names)
    label_weights, _, topic_weights, _ = _fit(vocabulary, found, examples)
    seen = np.asarray([counts[name] for name in vocabulary.names])
    strength = np.abs(label_weights).max(axis=1) + np.abs(topic_weights).max(axis=1)
    order = np.argsort(-strength * vocabulary.values * np.sqrt(seen), kind="stable")
    kept = np.sort(order[:_FEATURES_KEPT])
    return Vocabulary(tuple(vocabulary.names[row] for row in kept), vocabulary.values[kept])


def _fit(
    vocabulary: Vocabulary, found: Sequence[set[str]], examples: Sequence[Example]
) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    labels = [example.label.value for example in examples]
    topical = [i for i, example in enumerate(examples) if example.label in TOPICAL]
    matrix = vocabulary.matrix(found)
    topics = [examples[i].topic.value for i in topical]
    label_model, topic_model = _classifier(), _classifier()
    label_model.fit(matrix, labels)
    topic_model.fit(matrix[topical], topics)
    return (*_in_order(label_model, _labels()), *_in_order(topic_model, _topics()))


def _classifier() -> LinearSVC:
    return LinearSVC(C=_STRENGTH, class_weight="balanced", random_state=_SEED)


def _labels() -> list[str]:
    return [label.value for label in Label]


def _topics() -> list[str]:
    return [topic.value for topic in Topic if topic is not Topic.NONE]


def _in_order(model: LinearSVC, names: Sequence[str]) -> tuple[_Floats, _Floats]:
    places = [list(model.classes_).index(name) for name in names]
    weights = model.coef_[places].T.astype(np.float32)
    return weights, model.intercept_[places].astype(np.float32)


def _temperatures(examples: Sequence[Example], vocabulary: Vocabulary) -> tuple[float, float]:
    """What the scores must be divided by to become honest, learnt on examples not trained on."""
    label_scores, topic_scores = list[_Floats](), list[_Floats]()
    labels, topics = list[int](), list[int]()
    for fold in range(_FOLDS):
        kept = [e for i, e in enumerate(examples) if i % _FOLDS != fold]
        more = list(varied(kept, _generator(), _VARIANTS))
        found = [features(normalise(example.text)) for example in more]
        weights, bias, topic_weights, topic_bias = _fit(vocabulary, found, more)
        for example in examples[fold::_FOLDS]:
            row = vocabulary.matrix([features(normalise(example.text))])
            label_scores.append((row @ weights + bias)[0])
            labels.append(_labels().index(example.label))
            if example.label in TOPICAL:
                topic_scores.append((row @ topic_weights + topic_bias)[0])
                topics.append(_topics().index(example.topic))
    return _temperature(label_scores, labels), _temperature(topic_scores, topics)


def _temperature(scores: Sequence[_Floats], right: Sequence[int]) -> float:
    rows, places = np.vstack(scores).astype(float), np.arange(len(right))

    def surprise(temperature: float) -> float:
        powers = rows / temperature
        powers = powers - powers.max(axis=1, keepdims=True)
        logs = powers - np.log(np.exp(powers).sum(axis=1, keepdims=True))
        return -float(logs[places, list(right)].mean())

    return min((step / 50 for step in range(5, 76)), key=surprise)


def _encoded(
    vocabulary: Vocabulary, weights: _Floats, bias: _Floats, temperatures: tuple[float, float]
) -> str:
    scales = np.abs(weights).max(axis=0) / 127
    quantised = np.round(weights / scales).astype(np.int8)
    raw = {
        "labels": _labels(),
        "topics": _topics(),
        "temperature": temperatures[0],
        "topic_temperature": temperatures[1],
        "bias": [round(float(value), 5) for value in bias],
        "scales": [float(f"{value:.6g}") for value in scales],
        "values": base64.b64encode(vocabulary.values.astype(np.float16).tobytes()).decode(),
        "weights": base64.b64encode(quantised.tobytes()).decode(),
        "vocabulary": vocabulary.names,
    }
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")) + "\n"


# ---- reporting -----------------------------------------------------------------------------


def report(title: str, examples: Sequence[Example], model: Model) -> str:
    """How the gate does on these examples, rules included, as text for people."""
    judged = [(example, judge(example.text, model)) for example in examples]
    pairs = [(example.label, seen.label) for example, seen in judged]
    lines = [f"== {title}: {len(examples)} messages"]
    lines += [_row(label, pairs) for label in Label]
    right = sum(truth is seen for truth, seen in pairs)
    lines.append(f"labels right {right / len(pairs):.3f}")
    quiet = [seen for truth, seen in pairs if truth.value in _QUIET]
    false_alarms = sum(seen is Label.QUESTION for seen in quiet)
    lines.append(f"taken for a question: {false_alarms} of {len(quiet)} {sorted(_QUIET)}")
    topical = [(e.topic, seen.topic) for e, seen in judged if e.label in TOPICAL]
    both = [(e, seen) for e, seen in judged if e.label in TOPICAL and seen.label in TOPICAL]
    if topical:
        lines.append(f"topics right {sum(a is b for a, b in topical) / len(topical):.3f}")
        hits = sum(e.topic is seen.topic for e, seen in both)
        lines.append(f"topics right where one was given {hits / len(both):.3f}")
    lines.append(_calibration(_sureness(judged)))
    confused = Counter((a.value, b.value) for a, b in pairs if a is not b)
    lines += [f"  {a} taken for {b}: {count}" for (a, b), count in confused.most_common(12)]
    confused = Counter((a.value, b.value) for a, b in topical if a is not b)
    lines += [f"  about {a} taken for {b}: {count}" for (a, b), count in confused.most_common(12)]
    return "\n".join(lines)


_QUIET = frozenset({"chitchat", "ack", "announcement", "spam"})


def _sureness(judged: Iterable[tuple[Example, Understanding]]) -> list[tuple[float, bool]]:
    """How sure the gate was of each label, and whether it was right."""
    return [(seen.confidence, seen.label is example.label) for example, seen in judged]


def _calibration(sure: Sequence[tuple[float, bool]]) -> str:
    buckets: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in sure:
        buckets.setdefault(min(int(confidence * 5), 4), []).append((confidence, right))
    parts = [
        f"{np.mean([c for c, _ in rows]):.2f}→{np.mean([r for _, r in rows]):.2f} ({len(rows)})"
        for _, rows in sorted(buckets.items())
    ]
    return "sure→right: " + "  ".join(parts)


def _row(label: Label, pairs: Sequence[tuple[Label, Label]]) -> str:
    hits = sum(truth is seen is label for truth, seen in pairs)
    seen_count = sum(seen is label for _, seen in pairs)
    count = sum(truth is label for truth, _ in pairs)
    precision, recall = hits / (seen_count or 1), hits / (count or 1)
    f1 = 2 * precision * recall / ((precision + recall) or 1)
    return f"{label.value:16} n={count:4}  P={precision:.3f}  R={recall:.3f}  F1={f1:.3f}"


def main(arguments: Sequence[str]) -> None:
    """Train, measure, train on everything, write."""
    examples = read(DATA)
    kept = [example for example in examples if not is_held_out(example)]
    held_out = [example for example in examples if is_held_out(example)]
    print(report("held out", held_out, decode_model(train(kept))))
    model_text = train(examples)
    MODEL.write_text(model_text, encoding="utf-8")
    print(f"wrote {MODEL.name}: {len(model_text.encode()) // 1000} kB")
    for argument in arguments:
        print(report(argument, read(Path(argument)), decode_model(model_text)))


if __name__ == "__main__":
    main(sys.argv[1:])
