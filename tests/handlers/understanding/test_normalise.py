"""The plain form of what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.understanding import normalise


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("ＡＢＣ１２３", "ABC123"),
        ("请问,什么时候考试???", "请问,什么时候考试?"),
        ("请问，什么时候考试？？？", "请问,什么时候考试?"),
        ("考\u200b试\u202e时\ufeff间", "考试时间"),
        ("  考试 \t 时间  ", "考试 时间"),
        ("第一行\r\n\r\n 第二行", "第一行\n第二行"),
        ("請問什麼時候考試", "请问什么时候考试"),
        ("哈哈哈哈哈哈", "哈哈"),
        ("😂😂😂😂", "😂"),
        ("👍🏽", "👍"),
        ("❤️", "❤"),
        ("https://a.invalid/b", "https://a.invalid/b"),
        ("收到\x00\ud800", "收到"),
        ("", ""),
    ],
)
def test_the_same_words_get_the_same_form(typed, plain):
    assert normalise(typed) == plain


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_normalising_twice_changes_nothing(text):
    once = normalise(text)

    assert normalise(once) == once
    assert all(char.isprintable() or char == "\n" for char in once)
