"""Trains the gate: `python -m handlers.understanding.train [FILE.jsonl ...]`.

Prints how well it does on a held-back part and on the files named, then writes the model, trained
on everything, next to this file. Needs the development dependencies.
"""

import base64
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from handlers.understanding.augment import varied
from handlers.understanding.examples import Example, is_held_out, read, taught
from handlers.understanding.features import FEATURES_VERSION, MARK, features
from handlers.understanding.gate import TOPICAL, Model, decode_model
from handlers.understanding.lexicon import MARKED_WORDS
from handlers.understanding.normalise import normalise
from handlers.understanding.scoring import (
    QUIET,
    calibration,
    confusions,
    judged_by,
    label_pairs,
    scores,
    share_right,
    topic_pairs,
)
from handlers.understanding.sounds import pinyin_table
from storage.vocabulary import Label, Topic

HERE = Path(__file__).parent
MODEL = HERE / "model.json"
PINYIN = HERE / "pinyin.txt"

_SEED = 138
_VARIANTS = 6
_MARK_VALUE = 0.25
_STRENGTH = 0.5
_SEEN_AT_LEAST = 8
_LONGEST_SEQUENCE = 3
_FEATURES_KEPT = 24_000
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
        kept_back = examples[fold::_FOLDS]
        rows = vocabulary.matrix([features(normalise(example.text)) for example in kept_back])
        labels += [_labels().index(example.label) for example in kept_back]
        label_scores += list(rows @ weights + bias)
        topical = [i for i, example in enumerate(kept_back) if example.label in TOPICAL]
        topics += [_topics().index(kept_back[i].topic) for i in topical]
        topic_scores += list((rows @ topic_weights + topic_bias)[topical])
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
        "features": FEATURES_VERSION,
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
    judged = judged_by(model, examples)
    labels, topics = label_pairs(judged), topic_pairs(judged)
    lines = [f"== {title}: {len(examples)} messages"]
    lines += [
        f"{label:16} n={it.count:4}  P={it.precision:.3f}  R={it.recall:.3f}  F1={it.f1:.3f}"
        for label, it in scores(labels).items()
    ]
    lines.append(f"labels right {share_right(labels):.3f}, topics right {share_right(topics):.3f}")
    quiet = [seen for truth, seen in labels if truth in QUIET]
    lines.append(f"taken for a question: {quiet.count(Label.QUESTION)} of {len(quiet)}")
    bins = calibration((it.seen.confidence, it.seen.label is it.example.label) for it in judged)
    lines.append("sure→right: " + "  ".join(f"{it.sure:.2f}→{it.right:.2f}" for it in bins))
    lines += [f"  {a} taken for {b}: {n}" for (a, b), n in confusions(labels).most_common(12)]
    lines += [f"  about {a} taken for {b}: {n}" for (a, b), n in confusions(topics).most_common(12)]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Train, measure, train on everything, write."""
    examples = taught()
    PINYIN.write_text(
        pinyin_table((example.text for example in examples), MARKED_WORDS), encoding="utf-8"
    )
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
