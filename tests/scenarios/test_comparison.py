"""The eye that compares transcripts."""

import pytest

from tests.scenarios.comparison import Spoken, complaint_about, is_like


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("报考时间：…", "报考时间：12月5日"),
        ("…〔校历〕", "第一行\n第二行〔校历〕"),
        ("一\n二", "一  \n  二\n"),
        ("几点？（周六）", "几点？（周六）"),
    ],
)
def test_a_pattern_stands_for_its_texts(pattern: str, text: str) -> None:
    assert is_like(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"), [("报考时间", "报考时间：12月5日"), ("一二", "一\n二"), ("a.c", "abc")]
)
def test_and_for_no_others(pattern: str, text: str) -> None:
    assert not is_like(pattern, text)


def test_the_order_does_not_matter_and_a_loose_pattern_takes_nothing_away() -> None:
    expected = [Spoken("王敏", "…"), Spoken("王敏", "待答复 T-1…")]
    heard = [Spoken("王敏", "待答复 T-1\n小李"), Spoken("王敏", "T-2 已办结")]

    assert complaint_about(expected, heard) == ""


def test_the_same_words_in_another_place_are_not_the_same() -> None:
    told = complaint_about([Spoken("王敏", "好的")], [Spoken("计算机2301", "好的")])

    assert "  - 助手@王敏> 好的" in told
    assert "  + 助手@计算机2301> 好的" in told


def test_said_twice_is_once_too_often() -> None:
    told = complaint_about([Spoken("小李", "好的")], [Spoken("小李", "好的")] * 2)

    assert told.splitlines()[1:] == ["  = 助手@小李> 好的", "  + 助手@小李> 好的"]


def test_only_the_line_that_differs_is_marked() -> None:
    expected = [Spoken("王敏", "待答复 T-1\n计算机2301 · …\n引用本条")]

    told = complaint_about(expected, [Spoken("王敏", "待答复 T-1\n计算机2301 · 小李\n引用这条")])

    assert [line for line in told.splitlines()[1:] if line.startswith(("    -", "    +"))] == [
        "    - 引用本条",
        "    + 引用这条",
    ]
