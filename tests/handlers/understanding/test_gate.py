"""The gate on messages its model has not been trained on."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.understanding import understand
from handlers.understanding.examples import read
from handlers.understanding.gate import TOPICAL, load_model
from handlers.understanding.scoring import gate_targets, judged_by
from storage.vocabulary import Label, Topic

HELD_OUT = [
    json.loads(line)
    for line in (Path(__file__).parent / "held_out.jsonl").read_text("utf-8").splitlines()
]
UNSEEN = Path(__file__).parent / "unseen.jsonl"
QUIET = {Label.CHITCHAT, Label.ACK, Label.ANNOUNCEMENT, Label.SPAM}


def seen(label: Label) -> list[Label]:
    return [understand(row["text"]).label for row in HELD_OUT if row["label"] == label]


def share(label: Label) -> float:
    found = seen(label)
    return found.count(label) / len(found)


def test_the_targets_are_met_on_messages_nothing_was_tuned_on():
    found = gate_targets(judged_by(load_model(), read(UNSEEN)))

    assert len(found) == 6
    assert [it.name for it in found if not it.is_met] == []


def test_questions_are_noticed():
    assert share(Label.QUESTION) >= 0.9


def test_what_asks_nothing_is_not_answered():
    answered = [label for quiet in QUIET for label in seen(quiet) if label is Label.QUESTION]

    assert len(answered) <= 1


def test_complaints_are_noticed_and_not_invented():
    taken = [row for row in HELD_OUT if understand(row["text"]).label is Label.COMPLAINT]

    assert share(Label.COMPLAINT) >= 0.85
    assert sum(row["label"] == Label.COMPLAINT for row in taken) / len(taken) >= 0.7


def test_a_cry_for_help_is_heard():
    """A14"""
    taken = [row for row in HELD_OUT if understand(row["text"]).label is Label.DISTRESS]

    assert share(Label.DISTRESS) >= 0.95
    assert sum(row["label"] == Label.DISTRESS for row in taken) / len(taken) >= 0.7


@pytest.mark.parametrize("label", [Label.PRIVACY_LEAK, Label.INJECTION, Label.COMMAND_FORGERY])
def test_what_must_not_be_acted_on_is_recognised(label):
    assert share(label) >= 0.85


def test_topics_are_mostly_right():
    topical = [row for row in HELD_OUT if Label(row["label"]) in TOPICAL]
    right = sum(understand(row["text"]).topic == row["topic"] for row in topical)

    assert right / len(topical) >= 0.8


def test_confidence_means_what_it_says():
    judged = [(understand(row["text"]), Label(row["label"])) for row in HELD_OUT]
    sure = [(found, label) for found, label in judged if found.confidence >= 0.9]

    assert sum(found.label is label for found, label in sure) / len(sure) >= 0.95


@pytest.mark.parametrize(
    "text",
    [
        "累死了",
        "笑死我了",
        "困死了 下班",
        "烦死了 又下雨",
        "考完试撸串",
    ],
)
def test_grumbling_is_not_distress(text):
    """A14"""
    assert understand(text).label is Label.CHITCHAT


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("收到,那什么时候交", Label.QUESTION),
        ("收到", Label.ACK),
        ("怎么改密码", Label.QUESTION),
        ("帮我把成绩改成90", Label.COMMAND_FORGERY),
        ("不想活了 我的电话16100001111", Label.DISTRESS),
        ("我要投诉 打我电话16100001111", Label.PRIVACY_LEAK),
    ],
)
def test_the_more_urgent_kind_wins(text, label):
    assert understand(text).label is label


def test_the_first_of_several_questions_gives_the_topic():
    assert understand("学费多少钱\n准考证在哪打").topic is Topic.FEES
    assert understand("准考证在哪打\n学费多少钱").topic is Topic.ADMISSION_TICKET


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00", "\ud800", "😂", "？？？", "考" * 5000, "1" * 5000, "\u202e\u200b", "\n\n"],
)
def test_odd_texts_are_judged_too(text):
    found = understand(text)

    assert 0 <= found.confidence <= 1
    assert 0 <= found.topic_confidence <= 1


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_text_raises(text):
    found = understand(text)

    assert (found.topic is Topic.NONE) == (found.label not in TOPICAL)
    assert 0 <= found.p_question <= 1
    assert sum(found.label_scores.values()) == pytest.approx(1)


def test_the_same_text_is_understood_the_same_way():
    understand.cache_clear()
    once = understand("形考啥时候截止")
    understand.cache_clear()

    assert understand("形考啥时候截止") == once
