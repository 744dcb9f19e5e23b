"""What is published, in the words answers are filled with; and how the bot says times."""

from datetime import datetime, timedelta

import pytest

from handlers import texts
from handlers.published import facts_in_words, sources_of
from storage.people import ClassRoom, Tutor
from storage.published import CalendarDate, PublishedFacts, SchoolFact
from storage.vocabulary import SHANGHAI

NINE = datetime(2026, 12, 5, 9, 0, tzinfo=SHANGHAI)
FIVE = datetime(2026, 12, 12, 17, 0, tzinfo=SHANGHAI)
ROOM = ClassRoom(1, "计算机2301", None, "confident", timedelta(minutes=10), None)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "words"),
    [
        (NINE, FIVE, "12月5日 09:00 至 12月12日 17:00"),
        (NINE, None, "12月5日 09:00 开始"),
        (None, FIVE, "12月12日 17:00 截止"),
        (NINE, NINE, "12月5日 09:00"),
        (NINE, FIVE.replace(year=2027), "12月5日 09:00 至 2027年12月12日 17:00"),
        (None, None, ""),
    ],
)
def test_a_span_says_what_is_known(
    starts_at: datetime | None, ends_at: datetime | None, words: str, now: datetime
) -> None:
    assert texts.span(starts_at, ends_at, now) == words


def test_an_instant_names_the_year_only_where_it_is_another(now: datetime) -> None:
    assert texts.instant(NINE, now) == "12月5日 09:00"
    assert texts.instant(NINE.replace(year=2027, month=1), now) == "2027年1月5日 09:00"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "不到 1 分钟"),
        (timedelta(seconds=59), "不到 1 分钟"),
        (timedelta(minutes=59, seconds=59), "59 分钟"),
        (timedelta(hours=1), "1 小时"),
        (timedelta(hours=2, minutes=5), "2 小时 5 分钟"),
        (timedelta(days=1), "1 天"),
        (timedelta(days=3, hours=2, minutes=50), "3 天 2 小时"),
        (timedelta(days=3, minutes=50), "3 天"),
    ],
)
def test_a_duration_has_its_two_largest_units(length: timedelta, words: str) -> None:
    assert texts.duration(length) == words


def test_dates_and_facts_become_slots(now: datetime) -> None:
    published = PublishedFacts(
        dates=(
            CalendarDate("考试报名", NINE, FIVE, "", "教务〔2026〕12 号"),
            CalendarDate("缴费", None, FIVE, "逾期系统关闭"),
            CalendarDate("毕业典礼", None, None, "待通知"),
            CalendarDate("空的", None, None),
        ),
        facts=(
            SchoolFact("链接:学习平台", "https://school.invalid", "官网"),
            SchoolFact("金额:学费", ""),
        ),
    )

    facts = facts_in_words(published, None, now)
    sources = sources_of(published)

    assert facts == {
        "时间:考试报名": "12月5日 09:00 至 12月12日 17:00",
        "时间:缴费": "12月12日 17:00 截止（逾期系统关闭）",
        "时间:毕业典礼": "待通知",
        "链接:学习平台": "https://school.invalid",
    }
    assert sources == {
        "时间:考试报名": "教务〔2026〕12 号",
        "时间:缴费": "校历",
        "时间:毕业典礼": "校历",
        "链接:学习平台": "官网",
    }


def test_a_class_tells_its_name_and_its_tutor(now: datetime) -> None:
    room = ClassRoom(
        1, "计算机2301", None, "confident", timedelta(), None, tutors=(Tutor(5, "王敏"),)
    )

    facts = facts_in_words(None, room, now)

    assert facts == {"班级": "计算机2301", "联系:助学教师": "王敏老师"}
    assert sources_of(None) == {}


def test_a_class_without_a_tutor_names_none(now: datetime) -> None:
    assert facts_in_words(PublishedFacts(), ROOM, now) == {"班级": "计算机2301"}


def test_what_the_school_says_about_a_contact_stands(now: datetime) -> None:
    room = ClassRoom(
        1, "计算机2301", None, "confident", timedelta(), None, tutors=(Tutor(5, "王敏"),)
    )
    published = PublishedFacts(facts=(SchoolFact("联系:助学教师", "王老师，办公室 301"),))

    assert facts_in_words(published, room, now)["联系:助学教师"] == "王老师，办公室 301"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("短的", "短的"),
        ("两\n行  和空格", "两 行 和空格"),
        ("甲" * 10, "甲" * 10),
        ("甲" * 11, "甲" * 9 + "…"),
    ],
)
def test_a_long_text_is_clipped_to_one_line(text: str, shown: str) -> None:
    assert texts.clip(text, 10) == shown
