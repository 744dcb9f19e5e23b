"""WeChat's way of writing: quotes, mentions."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.adapters.wechat.memory import Memory
from bot.adapters.wechat.words import (
    THIN_SPACE,
    plain,
    split_quote,
    take_out_mention,
    write_mentions,
    write_quote,
)
from storage.vocabulary import MAX_TEXT

RULE = "- - - - - - - - - - - - - - -"
line = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
name = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("text", "head", "words"),
    [
        (f"「小安：几号考试？」\n{RULE}\n同问", "小安：几号考试？", "同问"),
        (f"「小安：一\n二」\n{RULE}\n三\n四", "小安：一\n二", "三\n四"),
        ("「小安：几号？」\n---------------\n同问", "小安：几号？", "同问"),
        (f"「甲：「乙：一」\n{RULE}\n二」\n{RULE}\n三", f"甲：「乙：一」\n{RULE}\n二", "三"),
        (f"「小安：几号？」\n{RULE}\n", "小安：几号？", ""),
    ],
)
def test_quote_is_told_from_the_words_below_it(text, head, words):
    quote, rest = split_quote(text)

    assert quote is not None
    assert (quote.head, rest) == (head, words)


@pytest.mark.parametrize(
    "text",
    [
        "几号考试？",
        "「注意」明天上课",
        f"一\n{RULE}\n二",
        f"「小安：几号？\n{RULE}\n二",
        "「小安：几号？」\n- -\n二",
        "",
        "「",
        f"「」{RULE}",
    ],
)
def test_what_only_looks_like_a_quote_is_none(text):
    assert split_quote(text) == (None, text)


@given(st.text())
@example("「" + "」\n- - - - -\n" * 300)
def test_any_text_can_be_split(text):
    quote, words = split_quote(text)

    assert text.endswith(words)
    assert (quote is None) == (words == text)


@given(name, line, line)
def test_written_quote_reads_back(who, quoted, text):
    quote, words = split_quote(write_quote(who, quoted, text))

    assert quote is not None
    assert quote.name == who
    assert words == text


@given(st.lists(name, min_size=1, max_size=3), line)
def test_written_mentions_are_found(names, text):
    written = write_mentions(names, text)

    assert take_out_mention(written, names, is_certain=False)[1]


@pytest.mark.parametrize(
    ("text", "is_certain", "left"),
    [
        (f"@助手{THIN_SPACE}几号", False, "几号"),
        ("@助手 几号", False, "几号"),
        ("几号 @助手", False, "几号 "),
        (f"几号@助手{THIN_SPACE}考试", False, "几号考试"),
        ("@助手几号", True, "几号"),
        ("@助手几号", False, None),
        (f"@助手二号{THIN_SPACE}几号", False, None),
        ("助手 几号", False, None),
    ],
)
def test_mention_is_taken_out_where_it_is_whole(text, is_certain, left):
    words, was_found = take_out_mention(text, ("助手",), is_certain=is_certain)

    assert was_found == (left is not None)
    assert words == (text if left is None else left)


@given(st.text(), st.lists(st.text(max_size=4), max_size=3), st.booleans())
def test_any_text_can_be_searched_for_mentions(text, names, is_certain):
    words, was_found = take_out_mention(text, names, is_certain=is_certain)

    assert len(words) < len(text) if was_found else words == text


@given(st.text())
@example("\ud800\0" + "长" * 20_000)
def test_plain_words_are_what_every_database_takes(text):
    words = plain(text)

    words.encode()
    assert "\0" not in words
    assert THIN_SPACE not in words
    assert len(words) <= MAX_TEXT


# -- finding what is quoted -----------------------------------------------------------------------


def resolve(text, *said):
    memory = Memory()
    for number, words in enumerate(said):
        memory.add("群", str(number), "小安", words)
    quote, _ = split_quote(f"「{text}」\n{RULE}\n好")
    assert quote is not None
    return memory.resolve("群", quote)


@pytest.mark.parametrize(
    ("quoted", "said", "found"),
    [
        ("小安：几号？", ["几号？"], "0"),
        ("小安：几号？", ["几号？", "几号？"], "1"),
        ("小安：几 号？", ["几\n号？"], "0"),
        ("小：安：几号？", ["几号？"], "0"),
        ("小安：老师：好", ["好", "老师：好"], "1"),
        ("小安：报考时间是十二月五日…", ["报考时间是十二月五日上午九点"], "0"),
        (f"小安：「乙：一」\n{RULE}\n报名", [f"「乙：一」\n{RULE}\n报名"], "0"),
        ("小安：报名", [f"「乙：一」\n{RULE}\n报名"], "0"),
        ("小安：" + "长" * 3000, ["长" * 3000], "0"),
        ("小安：几…", ["几号考试"], None),
        ("小安：几号", ["几号？"], None),
        ("小安：", ["几号？"], None),
        ("几号？", ["几号？"], None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_quote_is_found_among_what_was_said(quoted, said, found):
    got = resolve(quoted, *said)

    assert got == found if found is not None else got.startswith("unknown:")


def test_message_taken_back_is_forgotten():
    memory = Memory()
    memory.add("群", "1", "小安", "几号？")

    assert memory.forget("群", "1")
    assert memory.get("群", "1") is None
    assert memory.forget("群", "1") is None


def test_memory_is_bounded():
    memory = Memory()
    for number in range(300):
        memory.add("群", str(number), "小安", f"第{number}条")
    for number in range(1200):
        memory.add(f"群{number}", "1", "小安", "在")

    assert memory.get("群", "299") is None
    assert memory.newest("群1199") == "1"
    assert memory.newest("群") == ""
