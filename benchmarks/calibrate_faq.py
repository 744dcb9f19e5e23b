"""Learn the weights behind a confidence of `handlers.retrieval`, and say how far to trust them.

`python -m benchmarks.calibrate_faq` prints WEIGHTS and MIXED_WEIGHTS, to be pasted into the code.
It learns from the table itself (each phrasing looked for among the others, once with its own entry
there and once without), from what is outside it (looked for among the rest of that), and from the
labelled questions that are not kept back; phrasings much like one of these are left out before it
is looked for, or it would seem easier than a new question is. How good the result is,
`python -m benchmarks.retrieval` measures.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from benchmarks.questions import Question, Vectors, questions
from handlers.encoder import ModelName, not_installed
from handlers.faq import Entry, Knowledge, read_outside
from handlers.wording import fold
from storage.vocabulary import Topic

FOLDS = 4
GATE_ACCURACY = 85
#: Phrasings of one entry were written in one sitting and are more alike than what will come.
TABLE_WEIGHT = 0.01
QUERY_WEIGHT = 1.0
OUTSIDE_WEIGHT = 0.6
#: The cosine from which on a phrasing is too like a question to learn anything from the two.
TOO_LIKE = 0.8
RIDGE = 0.1
LEARNT = ("known", "tune")

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
    knowledge: Knowledge, text: str, key: str | None, topic: Topic | None, weight: float
) -> Example:
    entries, features, _ = knowledge.candidates(text, topic)
    keys = [entry.key for entry in entries]
    return Example(features, keys.index(key) if key in keys else -1, weight)


def from_table(
    entries: tuple[Entry, ...], prepare: Callable[[Knowledge, list[str]], Knowledge]
) -> Iterator[Example]:
    for part in range(FOLDS):
        kept = [
            replace(
                entry, variants=tuple(v for n, v in enumerate(entry.variants) if n % FOLDS != part)
            )
            for entry in entries
        ]
        left_out = [text for entry in entries for text in entry.variants[part::FOLDS]]
        subjects = read_outside()
        outside = [text for subject in subjects for text in subject[part::FOLDS]]
        others = [[t for n, t in enumerate(s) if n % FOLDS != part] for s in subjects]
        knowledge = prepare(Knowledge(kept, others), [*left_out, *outside])
        for text in outside:
            topic = likely_topic(knowledge, text) if draw(text, 2) else None
            yield example(knowledge, text, None, topic, OUTSIDE_WEIGHT)
        for entry in entries:
            for text in entry.variants[part::FOLDS]:
                topic = guessed_topic(text, entry.topic) if draw(text, 2) else None
                found = example(knowledge, text, entry.key, topic, TABLE_WEIGHT)
                yield found
                if found.right >= 0:
                    rest = np.delete(found.features, found.right, axis=0)
                    yield Example(rest, -1, TABLE_WEIGHT / 2)


def from_questions(knowledge: Knowledge, asked: Iterable[Question]) -> Iterator[Example]:
    for text, key, _ in asked:
        found = example(knowledge, text, key, None, QUERY_WEIGHT)
        yield found
        if key or len(found.features):
            topic = (
                guessed_topic(text, knowledge[key].topic) if key else likely_topic(knowledge, text)
            )
            yield example(knowledge, text, key, topic, QUERY_WEIGHT / 2)


def likely_topic(knowledge: Knowledge, text: str) -> Topic | None:
    """What a gate would say of a question that has no answer: the topic of what is nearest."""
    entries, features, _ = knowledge.candidates(text, None)
    if not entries:
        return None
    return guessed_topic(text, entries[int(features[:, 1].argmax())].topic)


def unlike(entries: tuple[Entry, ...], asked: Iterable[Question]) -> Knowledge:
    """The knowledge without the phrasings that are much like one of these questions."""
    whole = Knowledge(entries)
    texts = [(e.key, t) for e in entries for t in (e.question, *e.variants)]
    subjects = read_outside()
    texts += [(None, text) for subject in subjects for text in subject]
    ours = sum(whole.index.sizes[: whole.index.count])
    # Lines in the very words of an entry are dropped by the index.
    alike = {fold(text): n for n, text in enumerate(whole.index.phrasings[ours:], start=ours)}
    places = [n if key else alike.get(fold(text)) for n, (key, text) in enumerate(texts)]
    gone: set[str] = set()
    for question in asked:
        likeness = whole.index.alike(question.text)
        gone.update(
            text
            for (key, text), place in zip(texts, places, strict=True)
            if key == question.entry and place is not None and likeness[place] >= TOO_LIKE
        )
    kept = [replace(e, variants=tuple(v for v in e.variants if v not in gone)) for e in entries]
    return Knowledge(kept, [[text for text in subject if text not in gone] for subject in subjects])


def learn(examples: Iterable[Example]) -> Floats:
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


def calibrate(
    entries: tuple[Entry, ...],
    asked: list[Question],
    prepare: Callable[[Knowledge, list[str]], Knowledge],
) -> Floats:
    """Weights for one way of preparing the knowledge: with vectors at hand, or as it is."""
    knowledge = prepare(unlike(entries, asked), [text for text, _, _ in asked])
    return learn([*from_table(entries, prepare), *from_questions(knowledge, asked)])


def words_only(knowledge: Knowledge, _: list[str]) -> Knowledge:
    """The knowledge as it is before the encoder has loaded."""
    return knowledge


def main() -> None:
    entries, asked = questions()
    known = [question for question in asked if question.part in LEARNT]
    print(f"WEIGHTS = {_as_code(calibrate(entries, known, words_only))}", flush=True)
    print("MIXED_WEIGHTS = {")
    for model in get_args(ModelName):
        if package := not_installed(model):
            print(f"    # {model}: as it was, {package} is not installed")
        else:
            weights = calibrate(entries, known, Vectors(model).prepare)
            print(f'    "{model}": {_as_code(weights)},', flush=True)
    print("}")


def _as_code(weights: Floats) -> str:
    return f"np.array({[round(float(weight), 2) for weight in weights]})"


if __name__ == "__main__":
    main()
