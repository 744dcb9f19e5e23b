"""Messages in both formats, and what we send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.onebot.segments import (
    Content,
    pieces,
    read_content,
    read_words,
    unescape,
    write_id,
    write_segments,
)
from storage.vocabulary import Conversation, ConversationKind, Outgoing, Platform

BOT = "3889000001"
GROUP = Conversation(Platform.QQ, BOT, ConversationKind.GROUP, "600000001")
PERSON = Conversation(Platform.QQ, BOT, ConversationKind.PRIVATE, "10000051", via_group="600000001")


def escape(text, inside_code=False):
    text = text.replace("&", "&amp;").replace("[", "&#91;").replace("]", "&#93;")
    return text.replace(",", "&#44;") if inside_code else text


def cq(segments):
    """Segments as a CQ string, the way implementations write it."""
    words = []
    for kind, data in segments:
        if kind == "text":
            words.append(escape(data["text"]))
        else:
            fields = "".join(f",{name}={escape(value, True)}" for name, value in data.items())
            words.append(f"[CQ:{kind}{fields}]")
    return "".join(words)


def as_array(segments):
    return [{"type": kind, "data": data} for kind, data in segments]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("[CQ:at,qq=3889000001] 你好", "你好"),
        ("请问[CQ:at,qq=3889000001] 怎么请假", "请问 怎么请假"),
        ("[CQ:at,qq=10000052]怎么请假", "@10000052 怎么请假"),
        ("[CQ:at,qq=10000052,name=@王芳] 怎么请假", "@王芳 怎么请假"),
        ("[CQ:at,qq=all] 交作业", "@全体成员 交作业"),
        ("[CQ:at]在吗", "在吗"),
        ("[CQ:face,id=1]好[CQ:unheard-of,a=b]的", "好的"),
        ("[CQ:at,qq=1", "[CQ:at,qq=1"),
        ("[CQ:]", "[CQ:]"),
        ("&#91;CQ:at,qq=all&#93;", "[CQ:at,qq=all]"),
        ("&amp;#91;", "&#91;"),
        ("[群公告] 开会", "[群公告] 开会"),
    ],
)
def test_cq_string_reads_as_people_see_it(message, text):
    assert read_content(message, BOT).text == text


def test_typed_cq_code_in_a_text_segment_does_nothing():
    """A4"""
    content = read_content(as_array([("text", {"text": "看[CQ:at,qq=all][CQ:reply,id=1]"})]), BOT)

    assert content == Content(text="看[CQ:at,qq=all][CQ:reply,id=1]")


def test_mention_of_all_is_no_mention_of_the_bot():
    content = read_content("[CQ:at,qq=all]", BOT)

    assert not content.mentions_bot
    assert content.mentions == []


@pytest.mark.parametrize(
    "data", [None, 5, [], "x", {}, {"qq": None}, {"qq": {"a": 1}}, {"qq": True}, {"qq": []}]
)
def test_mention_of_nobody_is_dropped(data):
    content = read_content(
        [{"type": "at", "data": data}, *as_array([("text", {"text": "好"})])], BOT
    )

    assert content == Content(text="好")


def test_whole_file_in_a_segment_is_not_kept():
    content = read_content(as_array([("image", {"file": "base64://" + "A" * 10_000})]), BOT)

    assert content.attachments[0].ref == ""


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
NAME = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)


@given(TEXT)
def test_escaping_is_undone(text):
    assert unescape(escape(text)) == text
    assert unescape(escape(text, inside_code=True)) == text


@given(
    st.lists(
        st.tuples(st.just("text"), st.fixed_dictionaries({"text": TEXT}))
        | st.tuples(
            st.sampled_from(["at", "reply", "image", "face", "json", "x-y.z"]),
            st.dictionaries(NAME, TEXT, max_size=4),
        ),
        max_size=6,
    )
)
def test_both_formats_say_the_same(segments):
    assert read_content(cq(segments), BOT) == read_content(as_array(segments), BOT)
    assert read_words(cq(segments)) == read_words(as_array(segments))


@given(st.text())
def test_any_string_can_be_read(text):
    """A4"""
    assert all(isinstance(kind, str) for kind, _ in pieces(text))
    read_content(text, BOT)


def test_answer_quotes_mentions_and_then_speaks():
    answer = Outgoing("k", GROUP, "已转助学教师", quote="-12", mention=("10000051",))

    assert write_segments(answer) == [
        {"type": "reply", "data": {"id": "-12"}},
        {"type": "at", "data": {"qq": "10000051"}},
        {"type": "text", "data": {"text": " 已转助学教师"}},
    ]


def test_nobody_is_mentioned_in_private():
    answer = Outgoing("k", PERSON, "您好", mention=("10000051",))

    assert write_segments(answer) == [{"type": "text", "data": {"text": "您好"}}]


def test_words_to_send_stay_words():
    """A4"""
    answer = Outgoing("k", GROUP, "[CQ:at,qq=all]\0\ud83d" + "长" * 4000)

    (segment,) = write_segments(answer)

    assert segment["type"] == "text"
    assert segment["data"]["text"].startswith("[CQ:at,qq=all]")
    assert "\0" not in segment["data"]["text"]
    assert len(segment["data"]["text"]) > 4000
    segment["data"]["text"].encode()


@pytest.mark.parametrize(
    ("text", "written"),
    [("600000001", 600000001), ("-5", -5), ("abc", "abc"), (str(2**80), str(2**80)), ("", "")],
)
def test_ids_are_numbers_where_they_can_be(text, written):
    assert write_id(text) == written
