"""Y9: the assessment is there, knows every table with students in it, and is dated after the last
change of what is kept."""

import re
from datetime import date
from pathlib import Path

from storage.erasure import WHOSE, WORDS

PAPER = Path(__file__).parents[1] / "docs" / "pipl.md"


def _dated(line: str) -> date:
    found = re.search(rf"\| {line} \| (\d{{4}}-\d\d-\d\d)", PAPER.read_text(encoding="utf-8"))
    assert found is not None
    return date.fromisoformat(found[1])


def test_y9_the_assessment_names_every_table_with_students() -> None:
    """Y9, Y4: a new table has to be thought about, and has a word for 「我的记录」."""
    words = PAPER.read_text(encoding="utf-8")

    assert [name for name in WHOSE if f"`{name}`" not in words] == []
    assert set(WORDS) == set(WHOSE)


def test_y9_the_assessment_is_not_older_than_what_it_assesses() -> None:
    """Y9: dated on or after the last change of the classes of data."""
    assert _dated("评估日期") >= _dated("数据类别最后变更")
