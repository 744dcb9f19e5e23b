"""Several questions in one message, one question in several, and questions that ask on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.understanding import (
    is_follow_up,
    is_fragment,
    is_only_a_call,
    questions_in,
    split_questions,
    understand,
)
from handlers.understanding.turns import MOST_QUESTIONS
from storage.vocabulary import Label, Topic


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("学费多少\n啥时候交\n能刷花呗不", ("学费多少", "啥时候交", "能刷花呗不")),
        ("1.在哪报名 2.要不要钱 3.报完能改吗", ("在哪报名", "要不要钱", "报完能改吗")),
        ("第一，书在哪领，第二，能代领吗", ("书在哪领", "能代领吗")),
        ("教材到没到 还有作业哪天截止", ("教材到没到", "作业哪天截止")),
        ("在哪打准考证？另外带啥进考场", ("在哪打准考证?", "带啥进考场")),
        ("证丢了咋补 要多少钱 找谁办", ("证丢了咋补", "要多少钱", "找谁办")),
    ],
)
def test_a_message_with_several_questions_is_taken_apart(text, parts):
    assert split_questions(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "准考证在哪打",
        "老师，我这学期没选课，现在补还赶趟不",
        "我漏了一科\n还能加上不\n老师救命",
        "形考70 终考55 这门过没过",
        "专科能申请不 还是只有本科能",
        "没交钱能选课吗 怎么办",
        "还有机会吗",
        "考试是1.10还是1.11",
        "收到",
    ],
)
def test_one_question_stays_whole(text):
    assert split_questions(text) == (text,)


def test_more_than_four_stay_with_the_fourth():
    parts = split_questions("学费多少?教材多少?补考多少?报名多少?照片多少?")

    assert len(parts) == MOST_QUESTIONS
    assert parts[-1] == "报名多少? 照片多少?"


def test_nothing_is_no_question():
    assert split_questions(" \n ") == ()


def test_each_question_has_its_own_topic_and_inherits_the_last():
    found = questions_in("学费多少钱\n啥时候交\n准考证在哪打印")

    assert [understanding.topic for _, understanding in found] == [
        Topic.FEES,
        Topic.FEES,
        Topic.ADMISSION_TICKET,
    ]


@given(st.text(alphabet="1.、①一第还有另外?？ \n,，书费吗啥时候不没咋办那个老师啊", max_size=60))
def test_taking_apart_loses_no_word(text):
    parts = split_questions(text)

    assert len(parts) <= MOST_QUESTIONS
    assert all(part.strip() for part in parts)
    assert {*"".join(parts)} - {*text, " ", "?"} == set()


@pytest.mark.parametrize(
    "text", ["那几号呢", "那外地的呢", "我这个呢", "必须本人吗", "还是不好使", "完了咋弄", "要带啥"]
)
def test_what_asks_on_is_about_what_was_talked_of(text):
    found = understand(text, Topic.DEGREE)

    assert is_follow_up(text)
    assert (found.label, found.topic) == (Label.QUESTION, Topic.DEGREE)
    assert found.is_follow_up


@pytest.mark.parametrize(
    "text", ["那好吧", "那行 我知道了", "那谢谢了", "哈哈", "你吃了吗", "老师辛苦了", "下雨没"]
)
def test_what_closes_the_talk_asks_nothing(text):
    found = understand(text, Topic.DEGREE)

    assert found.label is not Label.QUESTION
    assert not found.is_follow_up


def test_a_matter_named_anew_is_the_topic():
    found = understand("那学位证呢", Topic.EXAM_SCHEDULE)

    assert (found.label, found.topic) == (Label.QUESTION, Topic.DEGREE)
    assert not found.is_follow_up


def test_without_a_topic_before_nothing_changes():
    assert understand("那几号呢", Topic.NONE) == understand("那几号呢")


@pytest.mark.parametrize("previous", [None, *Topic])
def test_a_cry_for_help_is_heard_in_the_middle_of_anything(previous):
    assert understand("我不想活了", previous).label is Label.DISTRESS


@pytest.mark.parametrize(
    "text",
    [
        "老师",
        "老师在吗",
        "我想问一下",
        "请教个问题",
        "那个考试",
        "我那个学费",
        "关于论文的事",
        "毕业证的问题",
        "就是我上学期那个，",
        "我想",
    ],
)
def test_the_beginning_of_a_question_is_seen_to_be_one(text):
    assert is_fragment(text)


@pytest.mark.parametrize(
    "text",
    ["", "哈哈", "嗯", "谢谢", "收到", "学费多少", "我想问一下准考证怎么打", "今天好冷", "?", "😂"],
)
def test_what_is_whole_is_no_beginning(text):
    assert not is_fragment(text)


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_text_raises(text):
    is_follow_up(text)
    is_fragment(text)
    split_questions(text)


@pytest.mark.parametrize(
    "text",
    [
        "在吗",
        "在吗？",
        "在？",
        "老师在吗",
        "老师您在吗",
        "在吗老师",
        "有人吗",
        "有没有人",
        "老师在不在啊",
    ],
)
def test_whoever_only_calls_asks_nothing(text):
    assert is_only_a_call(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "在",
        "不在",
        "老师",
        "您好",
        "学费在哪交",
        "考场在不在本校",
        "有人吗 学费咋交",
        "在吗 有个事问下学费",
        "在" * 5000,
    ],
)
def test_whoever_says_more_may_ask_something(text):
    assert not is_only_a_call(text)
