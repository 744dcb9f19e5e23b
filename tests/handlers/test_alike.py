"""One answer for many: rather two cards than one answer to two questions."""

import csv
from itertools import combinations
from pathlib import Path

import pytest

from handlers.alike import are_alike
from handlers.faq import Knowledge, pooled, read_entries

TABLE = Path(__file__).parents[2] / "handlers" / "knowledge.csv"


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge(pooled(read_entries(TABLE)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("食堂几点关门啊", "请问食堂啥时候关门"),
        ("老师，考试报名哪天截止", "考试报名截止到几号"),
        ("图书角周末开门不", "图书角周末开门吗？"),
    ],
)
def test_the_same_question_in_other_words_is_one(
    one: str, other: str, knowledge: Knowledge
) -> None:
    assert are_alike(one, other, knowledge)
    assert are_alike(other, one, knowledge)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("补考什么时候", "考试什么时候"),
        ("期末考试什么时候报名", "期末考试什么时候考"),
        ("高数考试几号", "英语考试几号"),
        ("网考改纸考行吗", "纸考改网考行吗"),
        ("食堂几点开门", "食堂几点关门"),
        ("这周六上课吗", "这周日上课吗"),
        ("2024秋的教材在哪领", "2025春的教材在哪领"),
    ],
)
def test_a_near_miss_is_another_question(one: str, other: str, knowledge: Knowledge) -> None:
    assert not are_alike(one, other, knowledge)


@pytest.mark.parametrize(
    "text",
    [
        "我的成绩是多少",
        "帮我查一下我挂了几科",
        "这道题怎么做",
        "那什么时候截止",
        "多少钱啊",
        "在吗",
        "",
    ],
)
def test_what_is_about_one_student_or_names_nothing_is_never_joined(
    text: str, knowledge: Knowledge
) -> None:
    """The same words from two students are two questions: one's marks are not the other's."""
    assert not are_alike(text, text, knowledge)


def test_no_phrasing_of_one_entry_is_joined_to_one_of_another(knowledge: Knowledge) -> None:
    """Every sixth entry, its question and three phrasings: not one wrong pair."""
    with TABLE.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))[::6]
    said = [
        (row["编号"], text) for row in rows for text in (row["问题"], *row["问法"].split("|")[:3])
    ]

    wrong = [
        (one, other)
        for (key, one), (other_key, other) in combinations(said, 2)
        if key != other_key and are_alike(one, other, knowledge)
    ]

    assert wrong == []
