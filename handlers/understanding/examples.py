"""Labelled messages: what the gate learns from and is measured on."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handlers.understanding.normalise import normalise
from storage.vocabulary import Label, Topic

DATA = Path(__file__).parent / "messages.jsonl"
KNOWLEDGE = Path(__file__).parents[1] / "knowledge.csv"

_HELD_OUT_OF_TEN = 2
_NOT_ALWAYS_QUESTIONS = frozenset({"contact.complaint"})


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message; `previous` is what had been talked of, where that matters."""

    text: str
    label: Label
    topic: Topic
    previous: Topic | None = None


def read(path: Path) -> list[Example]:
    """The labelled messages of a JSON lines file.

    Raises:
        ValueError: a line that is none; its number is in the message.
    """
    examples: list[Example] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                examples.append(example_of(json.loads(line)))
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise ValueError(f"{path.name}, line {number}: {error}") from error
    return examples


def taught() -> list[Example]:
    """
    What the shipped gate learns from: the labelled messages, and every phrasing of the knowledge.

    A phrasing is a question by definition, save those by which somebody begins a complaint.
    """
    examples = read(DATA)
    known = {example.text for example in examples}
    with KNOWLEDGE.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["编号"] in _NOT_ALWAYS_QUESTIONS:
                continue
            phrasings = (row["问题"], *row["问法"].split("|"))
            new = dict.fromkeys(text for text in phrasings if text not in known)
            known.update(new)
            examples += [Example(text, Label.QUESTION, Topic(row["主题"])) for text in new]
    return examples


def example_of(row: Mapping[str, str]) -> Example:
    """From a row with `text`, `label`, `topic` and perhaps `previous`."""
    previous = row.get("previous")
    return Example(
        row["text"], Label(row["label"]), Topic(row["topic"]), Topic(previous) if previous else None
    )


def is_held_out(example: Example) -> bool:
    """Whether a message is kept back; decided by its text alone, so it never changes sides."""
    digest = hashlib.sha256(normalise(example.text).encode()).digest()
    return digest[0] % 10 < _HELD_OUT_OF_TEN
