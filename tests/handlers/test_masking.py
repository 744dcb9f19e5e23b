"""Y1: private numbers hidden before anything is stored, and nothing else.

`masking_cases.csv`: a message or the name of a file, and what of it must be gone; all numbers in
it are made up. A look-alike (学号, amounts, dates, numbers of ours) has nothing to hide.
"""

import csv
from pathlib import Path

from handlers.understanding import mask

_FILE = Path(__file__).with_name("masking_cases.csv")
CASES = [
    (row["kind"], row["text"], row["secret"])
    for row in csv.DictReader(_FILE.read_text(encoding="utf-8").splitlines())
]


def test_y1_what_is_private_is_hidden() -> None:
    """Y1: recall at least 98 %."""
    private = [case for case in CASES if case[2]]
    missed = [case for case in private if case[2] in mask(case[1])]

    assert len(private) >= 100
    assert 1 - len(missed) / len(private) >= 0.98, missed


def test_y1_what_only_looks_like_it_is_left_alone() -> None:
    """Y1: at most 2 % false alarms."""
    harmless = [text for kind, text, _ in CASES if kind == "harmless"]
    hidden = [(text, mask(text)) for text in harmless if mask(text) != text]

    assert len(harmless) >= 100
    assert len(hidden) / len(harmless) <= 0.02, hidden


def test_y1_hiding_twice_hides_no_more() -> None:
    """Y1: a batch that is tried again stores the same words."""
    for _, text, _ in CASES:
        assert mask(mask(text)) == mask(text)
