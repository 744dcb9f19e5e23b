"""S24.1: what goes to researchers tells nobody apart from fewer than five."""

from collections import defaultdict
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.research import WHOLE, K, release
from storage.interactions import Kind
from storage.questions import SolvedBy
from storage.reports import Anonymous
from storage.vocabulary import SHANGHAI, Topic

START = datetime(2026, 9, 1, tzinfo=SHANGHAI)


def _row(number: int, speaker: int, *, hour: int = 9, unit: str = "甲", topic: Topic) -> Anonymous:
    return Anonymous(
        number,
        START + timedelta(days=number % 60, hours=hour),
        unit,
        topic,
        Kind.QUESTION,
        SolvedBy.BOT,
        3.0,
        ("qq", str(speaker)),
    )


rows = st.lists(
    st.builds(
        _row,
        st.integers(0, 10_000),
        st.integers(0, 12),
        hour=st.integers(0, 23),
        unit=st.sampled_from(["甲", "乙"]),
        topic=st.sampled_from([Topic.FEES, Topic.DEGREE]),
    ),
    max_size=120,
)


@given(rows)
def test_every_line_holds_for_five_people(given_rows: list[Anonymous]) -> None:
    found = release(given_rows)

    # Told apart again, the hard way: who could be behind each line.
    behind: dict[tuple[str, ...], set[tuple[str, str]]] = defaultdict(set)
    for key, _ in found.rows:
        month, unit, topic, _, part = key[:5]
        for row in given_rows:
            is_unit = unit in (WHOLE, row.unit_name)
            names = {6: "夜里", 12: "上午", 18: "下午", 24: "晚上"}
            own = next(name for end, name in names.items() if row.at.hour < end)
            if f"{row.at:%Y-%m}" == month and is_unit and part in (WHOLE, own):
                behind[key[:5]].add(row.speaker)
        assert topic
    assert all(len(people) >= K for people in behind.values())
    assert found.count + found.left_out == len(given_rows)


def test_a_few_people_are_merged_or_left_out() -> None:
    many = [_row(number, number, topic=Topic.FEES) for number in range(6)]
    few = [_row(number, 90 + number, unit="乙", topic=Topic.FEES) for number in range(5)]
    lonely = [_row(20, 99, topic=Topic.DEGREE)]

    found = release([*many, *few, *lonely])

    assert found.left_out == 1
    assert not any("学位" in key[2] for key, _ in found.rows)


def test_words_and_names_are_not_in_it() -> None:
    found = release([_row(number, number, topic=Topic.FEES) for number in range(6)])

    assert {len(key) for key, _ in found.rows} == {7}
    assert "qq" not in str(found.rows)
