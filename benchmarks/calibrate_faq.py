"""Learn the few numbers behind a confidence of `handlers.faq`, and say how far to trust them.

`python -m benchmarks.calibrate_faq` prints WEIGHTS, to be pasted into the code, and what they do on
the questions kept back. It learns from the table itself (each phrasing looked for among the others,
once with its own entry there and once without) and from the labelled questions, except the last
ones, marked `kept_back`: those were written after everything else and are only measured.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from handlers import faq
from storage.vocabulary import Topic

ROOT = Path(__file__).parent.parent
FOLDS = 4
GATE_ACCURACY = 85
#: Phrasings of one entry were written in one sitting and are more alike than what will come.
TABLE_WEIGHT = 0.01
QUERY_WEIGHT = 1.0
RIDGE = 0.1

Floats = npt.NDArray[np.float64]


class Example(NamedTuple):
    """The candidates of one question; `right` is the row of the true one, or -1."""

    features: Floats
    right: int
    weight: float


def draw(text: str, sides: int) -> int:
    """A die that always falls the same way for the same text."""
    return zlib.crc32(text.encode()) % sides


def guessed_topic(text: str, truth: Topic) -> Topic:
    """What a gate of the usual accuracy would say."""
    topics = [topic for topic in Topic if topic is not Topic.NONE]
    return truth if draw(text, 100) < GATE_ACCURACY else topics[draw(text + "?", len(topics))]


def example(
    knowledge: faq.Knowledge, text: str, key: str | None, topic: Topic | None, weight: float
) -> Example:
    entries, features = knowledge.candidates(text, topic)
    keys = [entry.key for entry in entries]
    return Example(features, keys.index(key) if key in keys else -1, weight)


def from_table(entries: tuple[faq.Entry, ...]) -> Iterator[Example]:
    for fold in range(FOLDS):
        kept = [
            replace(
                entry, variants=tuple(v for n, v in enumerate(entry.variants) if n % FOLDS != fold)
            )
            for entry in entries
        ]
        knowledge = faq.Knowledge(kept)
        for entry in entries:
            for text in entry.variants[fold::FOLDS]:
                topic = guessed_topic(text, entry.topic) if draw(text, 2) else None
                found = example(knowledge, text, entry.key, topic, TABLE_WEIGHT)
                yield found
                if found.right >= 0:
                    others = np.delete(found.features, found.right, axis=0)
                    yield Example(others, -1, TABLE_WEIGHT / 2)


def from_queries(
    knowledge: faq.Knowledge, queries: list[tuple[str, str | None]]
) -> Iterator[Example]:
    for text, key in queries:
        yield example(knowledge, text, key, None, QUERY_WEIGHT)
        likely = knowledge.search(text, limit=1)
        if key or likely:
            topic = knowledge[key].topic if key else likely[0].entry.topic
            yield example(knowledge, text, key, guessed_topic(text, topic), QUERY_WEIGHT / 2)


def learn(examples: list[Example]) -> Floats:
    """Weights of a conditional logit with an empty option, by Newton's method."""
    examples = [found for found in examples if len(found.features)]
    rows = np.concatenate([found.features for found in examples])
    sizes = np.array([len(found.features) for found in examples])
    starts = np.cumsum([0, *sizes])[:-1]
    owner = np.repeat(np.arange(len(examples)), sizes)
    right = np.zeros(len(rows))
    right[[s + e.right for s, e in zip(starts, examples, strict=True) if e.right >= 0]] = 1
    weight = np.array([found.weight for found in examples])
    solution = np.zeros(rows.shape[1])
    penalty = RIDGE * np.eye(len(solution))
    penalty[0, 0] = 1e-3
    for _ in range(60):
        odds = np.exp(np.clip(rows @ solution, -30, 30))
        shares = odds / (1 + np.bincount(owner, odds, len(examples)))[owner]
        slope = rows.T @ ((shares - right) * weight[owner]) + penalty @ solution
        means = np.add.reduceat(rows * shares[:, None], starts)
        bend = (rows * (shares * weight[owner])[:, None]).T @ rows + penalty
        bend -= (means * weight[:, None]).T @ means
        step = np.linalg.solve(bend, slope)
        solution = solution - step * min(1.0, 2.0 / float(np.abs(step).max()))
    return solution


def report(knowledge: faq.Knowledge, queries: list[tuple[str, str | None]], name: str) -> None:
    found = [(key, knowledge.search(text, limit=3)) for text, key in queries]
    covered = [(key, matches) for key, matches in found if key]
    outside = [matches for key, matches in found if not key]
    first = sum(bool(m) and m[0].entry.key == key for key, m in covered)
    among = sum(key in {match.entry.key for match in m} for key, m in covered)
    share = f"first {first / len(covered):.3f}, in three {among / len(covered):.3f}"
    print(f"{name}: {len(covered)} covered, {share}")
    for floor in (0.5, 0.6, 0.7, 0.75, 0.8, 0.9):
        answered = [m[0].entry.key == key for key, m in covered if m and m[0].confidence >= floor]
        wrong = sum(bool(m) and m[0].confidence >= floor for m in outside)
        right = sum(answered)
        print(
            f"  ≥ {floor:.2f}: answered {len(answered) / len(covered):.3f} of covered, "
            f"right {right / max(1, len(answered)):.3f}, "
            f"{right / max(1, len(answered) + wrong):.3f} with out-of-scope, "
            f"of which answered {wrong}/{len(outside)}"
        )


def main() -> None:
    entries = faq.read_entries(ROOT / "handlers" / "knowledge.csv")
    knowledge = faq.Knowledge(entries)
    lines = (ROOT / "tests" / "handlers" / "faq_queries.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    known = [(row["text"], row["entry"]) for row in rows if not row.get("kept_back")]
    kept_back = [(row["text"], row["entry"]) for row in rows if row.get("kept_back")]
    weights = learn([*from_table(entries), *from_queries(knowledge, known)])
    print("WEIGHTS =", [round(float(weight), 2) for weight in weights])
    faq.WEIGHTS[:] = weights
    knowledge = faq.Knowledge(entries)
    report(knowledge, known, "learnt from")
    report(knowledge, kept_back, "kept back")
    started = perf_counter()
    for text, _ in known:
        knowledge.search(text + " ")
    print(f"{(perf_counter() - started) / len(known) * 1000:.2f} ms a question")


if __name__ == "__main__":
    main()
