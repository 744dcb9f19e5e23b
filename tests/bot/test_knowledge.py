"""The knowledge in use: the program's entries under the school's, whatever state a row is in."""

import json
from dataclasses import replace
from datetime import date

import pytest

from bot.knowledge import base_entries, entries_of_rows, in_force, indexed, row_of, usable

TODAY = date(2026, 12, 1)
FEES = next(entry for entry in base_entries() if entry.key == "fees.how")


def of(key: str, *rows: str) -> str | None:
    return next((entry.answer for entry in in_force(list(rows), TODAY) if entry.key == key), None)


def test_a_row_of_the_schools_stands_in_for_the_programs() -> None:
    own = replace(FEES, answer="到财务室交。")

    assert of("fees.how") == FEES.answer
    assert of("fees.how", row_of(own)) == own.answer


def test_a_row_that_is_over_gives_way_to_the_programs() -> None:
    over = replace(FEES, answer="上学期的。", valid_to=date(2026, 11, 30))

    assert of("fees.how", row_of(over)) == FEES.answer


def test_rows_of_an_older_and_a_newer_program_are_read_together() -> None:
    newer = json.loads(
        row_of(replace(FEES, key="local.new", question="新的？", variants=("甲", "乙", "丙")))
    )
    older = {
        name: cell
        for name, cell in json.loads(row_of(FEES)).items()
        if name not in ("动作", "私密")
    }

    rows = [json.dumps(older), json.dumps(newer | {"将来的列": "x"})]

    assert [entry.key for entry in entries_of_rows(rows)] == ["fees.how", "local.new"]


@pytest.mark.parametrize("broken", ["{", "[]", "2", '{"编号": "a.b"}', '{"主题": null}', "{}"])
def test_a_row_that_cannot_be_read_silences_nobody(broken: str) -> None:
    own = row_of(replace(FEES, answer="到财务室交。"))

    assert [entry.answer for entry in usable([broken, own])] == ["到财务室交。"]
    assert len(in_force([broken], TODAY)) == len(base_entries())


def test_the_same_rows_are_indexed_once_and_a_change_is_seen() -> None:
    rows = in_force([], TODAY)
    changed = in_force([row_of(replace(FEES, answer="到财务室交。"))], TODAY)

    assert indexed(rows).index is indexed(in_force([], date(2026, 12, 2))).index
    assert indexed(rows) is not indexed(rows)
    assert indexed(changed)["fees.how"].answer == "到财务室交。"
    assert indexed(rows)["fees.how"].answer == FEES.answer
