"""Which words of a tutor are an answer, and which stop no clock."""

import time
from datetime import date, datetime

import pytest

from handlers.commands import BadCommand
from handlers.errors import UserError
from handlers.hand_offs import is_empty_reply
from handlers.transfers import days_of_leave
from storage.vocabulary import SHANGHAI

NOW = datetime(2026, 12, 2, 10, 0, tzinfo=SHANGHAI)  # a Wednesday


NOTHING = """
收到 嗯 嗯嗯 好的 好嘞 OK 👌 [强] 在忙 我在开会 稍等一下 等会儿 知道了 看到了 已阅 在的 谢谢
晚点回复你 回头告诉你们 好的，稍后回复 我问问 帮你看看 正在处理 一会儿说 收到，马上处理
"""
ANSWERS = """
周三 8点 12月5日 可以 不用 不能 没有 下周一考 去一楼 免费 带身份证 收到了才能报 好的教材在一楼领
在二楼 等通知 看公告 忙完这周就发通知
"""


@pytest.mark.parametrize("text", NOTHING.split())
def test_a_word_without_substance_stops_no_clock(text: str) -> None:
    assert is_empty_reply(text)


@pytest.mark.parametrize("text", ANSWERS.split())
def test_a_short_answer_is_an_answer(text: str) -> None:
    assert not is_empty_reply(text)


def test_yes_alone_answers_only_what_it_is_said_to() -> None:
    assert not is_empty_reply("可以")
    assert is_empty_reply("可以", is_pointed=False)


@pytest.mark.parametrize("text", ["嗯" * 4000 + "x", "好啊" * 9 + "x", "等一会儿" * 5])
def test_a_long_murmur_is_judged_at_once(text: str) -> None:
    begun = time.perf_counter()
    is_empty_reply(text)
    assert time.perf_counter() - begun < 0.1


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("12-03 12-05", date(2026, 12, 3), date(2026, 12, 5)),
        ("12月3日到12月5日", date(2026, 12, 3), date(2026, 12, 5)),
        ("今天到周五", date(2026, 12, 2), date(2026, 12, 4)),
        ("今天到下周一", date(2026, 12, 2), date(2026, 12, 7)),
        ("明天", date(2026, 12, 3), date(2026, 12, 3)),
        ("周一", date(2026, 12, 7), date(2026, 12, 7)),
        ("12-30 至 1-3", date(2026, 12, 30), date(2027, 1, 3)),
        ("2027-01-04 2027-01-08", date(2027, 1, 4), date(2027, 1, 8)),
    ],
)
def test_days_of_leave_as_people_say_them(words: str, first: date, last: date) -> None:
    assert days_of_leave(words, NOW) == (first, last)


@pytest.mark.parametrize("words", ["", "很久", "13-40", "12-01 12-02 12-03", "周八"])
def test_what_is_no_day_is_told_the_right_form(words: str) -> None:
    with pytest.raises(BadCommand):
        days_of_leave(words, NOW)


@pytest.mark.parametrize("words", ["12-01", "12-05 12-03", "昨天", "12-03 2027-12-01"])
def test_a_leave_that_is_over_or_endless_is_refused(words: str) -> None:
    with pytest.raises(UserError):
        days_of_leave(words, NOW)
