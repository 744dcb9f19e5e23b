"""One sentence makes a reminder: every row of `sentences.csv`, and what holds for any other."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handlers import texts_sentences as texts
from handlers.sentences import (
    Anchor,
    Audience,
    Once,
    Plan,
    Refused,
    Repeating,
    Side,
    Unsure,
    Workdays,
    read,
)
from handlers.settings import WorkingTimeSettings
from handlers.working_time import WorkingTime
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

SENTENCES = Path(__file__).with_name("sentences.csv")
CALENDAR = WorkingTime(WorkingTimeSettings())
AUDIENCES = {
    "全班": Audience.EVERYBODY,
    "没完成的": Audience.UNDONE,
    "自己": Audience.MYSELF,
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


NOW = at("2026-11-23 10:00")
DATES = {
    matter: CalendarDate(matter, at(start) if start else None, at(end) if end else None)
    for matter, start, end in (
        ("期末考试", "2026-12-19 09:00", "2026-12-20 17:00"),
        ("考试报名", "2026-12-01 09:00", "2026-12-10 17:00"),
        ("缴费", "2026-11-25 00:00", "2026-12-15 23:59"),
        ("形考", "", "2026-12-31 23:59"),
        ("论文答辩", "2026-12-12 14:00", ""),
        ("图像采集", "2026-11-28 09:00", "2026-11-28 16:00"),
        ("课程注册", "2027-03-01 09:00", "2027-03-15 17:00"),
    )
}


@dataclass(frozen=True, slots=True)
class Golden:
    """A sentence and what it is: dates, `unsure` or `refused`."""

    now: datetime
    is_student: bool
    sentence: str
    expected: str
    audience: str
    matter: str
    text: str


def golden() -> Iterator[Golden]:
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        for _, now, who, *cells in csv.reader(islice(file, 1, None)):
            yield Golden(at(now), who == "学生", *cells)


def said(sentence: str, now: datetime = NOW, **options: bool) -> Plan | Unsure | Refused:
    return read(sentence, now, DATES, CALENDAR, **options)


def planned(sentence: str, now: datetime = NOW) -> Plan:
    plan = said(sentence, now)
    assert isinstance(plan, Plan), plan
    return plan


def test_there_are_sentences_enough_and_no_two_the_same() -> None:
    rows = list(golden())

    assert len(rows) >= 300
    assert len({(row.now, row.is_student, row.sentence) for row in rows}) == len(rows)
    assert sum(row.expected in ("unsure", "refused") for row in rows) >= len(rows) // 3


@pytest.mark.parametrize("row", list(golden()), ids=lambda row: row.sentence)
def test_a_sentence_is_read_as_meant_or_asked_about(row: Golden) -> None:
    """A wrong date is a missed exam; a question is only a question."""
    result = said(row.sentence, row.now, is_student=row.is_student)

    if row.expected in ("unsure", "refused"):
        assert isinstance(result, Unsure if row.expected == "unsure" else Refused)
        return
    assert isinstance(result, Plan)
    *expected, last = row.expected.split()
    is_all = last == "."
    expected = expected if is_all else [*expected, last]
    found = result.occurrences(row.now, CALENDAR, count=len(expected) + is_all)
    assert [moment.isoformat()[:16] for moment in found] == expected
    assert (result.audience, result.matter or "", result.text) == (
        AUDIENCES[row.audience],
        row.matter,
        row.text,
    )


# -- what holds for any sentence ------------------------------------------------------------------

_WORDS = """
每天 每周五 每周 每两周周三 每月5号 每月31号 每个工作日 工作日 今天 明天 后天 周五
下周三 下周 这周末 月底 12月5日 2月30日 12.5 8.30 9999年1月1日 5号 3天后 30分钟后
过几天 从 到 起 直到 为止 前 后 和 、 或 ， 。 早上 晚上 下午 8点 17点 20：00
８：３０ 三点 12点 0点 24点 半 考试前三天 报名截止前一天 到考试 缴费开始当天
节假日除外 遇节假日顺延 法定节假日除外 提醒 通知 催 别 取消 大家 没报名的 没交的
全班 我 @全体 班委 交形考 「到12月20日」 缴费 谢谢 吗 ？ 每分钟 农历 初五 -3 0
""".split()  # noqa: SIM905 - a word list reads best as one
sentences = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(_WORDS), max_size=10).map("".join),
    st.tuples(
        st.lists(st.sampled_from(_WORDS), max_size=4).map("".join),
        st.just("提醒"),
        st.lists(st.sampled_from(_WORDS), max_size=4).map("".join),
    ).map("".join),
)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2029, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=SHANGHAI)
)


def plans_of(result: Plan | Unsure | Refused) -> tuple[Plan, ...]:
    if isinstance(result, Plan):
        return (result,)
    return result.choices if isinstance(result, Unsure) else ()


@settings(max_examples=600, deadline=None)
@given(sentences, moments)
@example("每天8点提醒大家打卡到2028年2月29日", NOW)
@example("周1周1提醒", NOW)
def test_whatever_is_typed_gives_future_dates_or_a_sentence(text: str, now: datetime) -> None:
    result = said(text, now)

    for plan in plans_of(result):
        times = list(plan.occurrences(now, CALENDAR, count=20))
        assert times
        assert times[0] > now
        assert all(sooner < later for sooner, later in pairwise(times))
        assert all(moment.tzinfo is SHANGHAI for moment in times)
        assert times[0] < now + timedelta(days=4 * 366)
        assert plan.text
        assert texts.readback(plan, now, CALENDAR).count("\n") >= 2
    if isinstance(result, Unsure):
        assert result.question.endswith(("。", "？"))
    if isinstance(result, Refused):
        assert result.reason.endswith("。")


@settings(max_examples=300, deadline=None)
@given(sentences, moments)
def test_a_plan_comes_back_from_json_as_it_was(text: str, now: datetime) -> None:
    for plan in plans_of(said(text, now)):
        again = Plan.from_json(plan.to_json())

        assert again == plan
        assert list(again.occurrences(now, CALENDAR, count=5)) == list(
            plan.occurrences(now, CALENDAR, count=5)
        )


@pytest.mark.parametrize("row", list(golden())[::3], ids=lambda row: row.sentence)
def test_json_keeps_every_golden_plan(row: Golden) -> None:
    for plan in plans_of(said(row.sentence, row.now, is_student=row.is_student)):
        assert Plan.from_json(plan.to_json()) == plan


_HAN = "零一二三四五六七八九十"


def _in_han(value: int) -> str:
    if value <= 10:
        return _HAN[value]
    tens, ones = divmod(value, 10)
    return (_HAN[tens] if tens > 1 else "") + "十" + (_HAN[ones] if ones else "")


_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@given(st.integers(1, 12), st.integers(1, 28), st.integers(0, 23), st.integers(0, 59))
def test_figures_may_be_written_in_any_way(month: int, day: int, hour: int, minute: int) -> None:
    plain = f"2027年{month}月{day}日{hour}点{minute}分提醒大家交表"
    han = (
        f"2027年{_in_han(month)}月{_in_han(day)}日{_in_han(hour)}点{_in_han(minute)}分提醒大家交表"
    )

    assert said(plain) == said(plain.translate(_WIDE)) == said(han)


@given(st.dates(date(2026, 11, 24), date(2027, 5, 20)), st.integers(8, 23), st.integers(0, 59))
def test_a_date_without_a_year_is_the_next_one(day: date, hour: int, minute: int) -> None:
    expected = Once(datetime.combine(day, time(hour, minute), SHANGHAI))

    for written in (
        f"{day.month}月{day.day}日",
        f"{day.month}/{day.day} ",
        f"{day.month}-{day.day} ",
    ):
        assert planned(f"{written}{hour}:{minute:02}提醒大家交表").times == expected


@given(st.integers(0, 6), st.integers(8, 23))
def test_next_week_is_the_week_after_this_one(weekday: int, hour: int) -> None:
    plan = planned(f"下周{'一二三四五六日'[weekday]}{hour}点提醒大家交表")

    monday = date(2026, 11, 30)
    assert plan.times == Once(
        datetime.combine(monday + timedelta(days=weekday), time(hour), SHANGHAI)
    )


@pytest.mark.parametrize("row", list(golden()), ids=lambda row: row.sentence)
def test_a_word_nobody_knows_before_the_verb_is_asked_about(row: Golden) -> None:
    """Nothing said about the time is passed over in silence."""
    verb = min(
        (row.sentence.find(word) for word in ("提醒", "通知") if word in row.sentence), default=0
    )
    result = said(f"{row.sentence[:verb]}哐当{row.sentence[verb:]}", row.now)

    assert verb == 0 or not isinstance(result, Plan) or "哐当" in result.text


# -- plans ----------------------------------------------------------------------------------------


def test_a_naive_instant_is_an_error() -> None:
    with pytest.raises(ValueError, match="naive"):
        read("明天9点提醒大家交表", datetime(2026, 11, 23), DATES, CALENDAR)  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        planned("明天9点提醒大家交表").occurrences(datetime(2026, 11, 23), CALENDAR)  # noqa: DTZ001


def test_the_same_instant_in_another_zone_reads_the_same() -> None:
    elsewhere = NOW.astimezone(tz=None)

    assert said("今晚8点提醒大家上课", elsewhere) == said("今晚8点提醒大家上课")


def test_a_plan_that_hangs_on_the_calendar_moves_with_it() -> None:
    plan = planned("报名截止前一天早上9点提醒没报名的")
    later = DATES | {"考试报名": CalendarDate("考试报名", None, at("2026-12-16 17:00"))}

    assert plan.relative_to == Anchor("考试报名", Side.END, days=-1, clock=time(9))
    moved = plan.moved(later)
    assert moved is not None
    assert moved.times == Once(at("2026-12-15 09:00"))
    assert plan.moved({}) is None
    assert planned("明天9点提醒大家交表").moved({}) == planned("明天9点提醒大家交表")


def test_the_end_of_a_recurrence_moves_with_the_calendar() -> None:
    plan = planned("每周五17点提醒没交的同学交形考，到形考截止为止")
    later = DATES | {"形考": CalendarDate("形考", None, at("2026-12-12 23:59"))}

    moved = plan.moved(later)

    assert moved is not None
    assert len(list(moved.occurrences(NOW, CALENDAR))) == 3


def test_the_shortest_gap_is_known() -> None:
    gap = planned("每天8点和8点10分提醒我看群").min_gap(NOW, CALENDAR)

    assert gap == timedelta(minutes=10)
    assert planned("每周五17点提醒大家交形考").min_gap(NOW, CALENDAR) == timedelta(days=7)
    assert planned("明天9点提醒大家交表").min_gap(NOW, CALENDAR) is None


def test_until_is_included_and_nothing_comes_twice() -> None:
    plan = planned("每周五17点提醒交形考到12月20日")

    found = list(plan.occurrences(NOW, CALENDAR, until=at("2026-12-11 17:00")))

    assert found == [at("2026-11-27 17:00"), at("2026-12-04 17:00"), at("2026-12-11 17:00")]
    assert list(plan.occurrences(found[-1], CALENDAR)) == [at("2026-12-18 17:00")]


def test_days_moved_off_a_holiday_meet_and_are_said_once() -> None:
    every_day = Repeating("FREQ=DAILY", date(2026, 9, 24), (time(9),), at("2026-10-09 23:59"))
    plan = Plan(every_day, Audience.EVERYBODY, None, "打卡", Workdays.SHIFT_ON)

    found = [
        moment.date().isoformat() for moment in plan.occurrences(at("2026-09-29 12:00"), CALENDAR)
    ]

    assert found == ["2026-09-30", "2026-10-08", "2026-10-09"]


def test_the_schools_own_days_off_count() -> None:
    school = WorkingTime(WorkingTimeSettings(days_off=("2026-11-27",)))
    plan = planned("每周五17点提醒交形考，法定节假日除外")

    assert next(plan.occurrences(NOW, school)) == at("2026-12-04 17:00")
    assert next(plan.occurrences(NOW, CALENDAR)) == at("2026-11-27 17:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"times":{"at":"2026-12-05T09:00:00"},"audience":"everybody","matter":null,"text":"x"}',
        '{"times":{"rule":"FREQ=NEVER","starts_on":"2026-12-05","clocks":["09:00:00"]},'
        '"audience":"everybody","matter":null,"text":"x"}',
        '{"times":{"rule":"FREQ=DAILY;COUNT=3","starts_on":"2026-12-05","clocks":["09:00:00"]},'
        '"audience":"everybody","matter":null,"text":"x"}',
    ],
)
def test_what_is_no_plan_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic and dateutil word it their own way
        Plan.from_json(text)


def test_the_far_end_of_time_is_no_crash() -> None:
    plan = planned("每天9点提醒大家打卡")

    assert list(plan.occurrences(at("9998-12-31 09:00"), CALENDAR, count=3)) == []


# -- in words -------------------------------------------------------------------------------------


def test_a_plan_is_read_back_with_the_next_three_dates() -> None:
    plan = planned("每周五17点提醒还没交形考的同学到12月20日")

    assert texts.readback(plan, NOW, CALENDAR) == (
        "提醒：还没完成「形考」的同学\n"
        "内容：交形考\n"
        "时间：11月27日 周五 17:00、12月4日 周五 17:00、12月11日 周五 17:00 …\n"
        "到 12月20日 周日 23:59 为止"
    )


def test_what_moves_a_date_is_read_back_too() -> None:
    words = texts.readback(planned("考试前三天早上8点提醒大家明天看考场"), NOW, CALENDAR)

    assert "时间：12月16日 周三 08:00\n" in words
    assert "班级日历里的「期末考试」" in words
    assert "「明天」会原样发出" in words


def test_a_year_without_an_arrangement_is_owned_up_to() -> None:
    words = texts.readback(planned("每月1号9点提醒大家看成绩，遇节假日顺延"), NOW, CALENDAR)

    assert "遇休息日顺延到下一个工作日" in words
    assert "2027 年的放假安排还没有公布" in words


def test_an_open_question_offers_what_it_may_have_meant() -> None:
    result = said("明天3点提醒我开会")

    assert isinstance(result, Unsure)
    assert [next(plan.occurrences(NOW, CALENDAR)) for plan in result.choices] == [
        at("2026-11-24 03:00"),
        at("2026-11-24 15:00"),
    ]


def test_a_time_after_the_verb_is_proposed_and_not_taken() -> None:
    result = said("提醒大家明天8点开会")

    assert isinstance(result, Unsure)
    assert "「明天8点」" in result.question
    assert [plan.text for plan in result.choices] == ["开会"]


def test_two_matters_of_a_name_are_told_apart_by_asking() -> None:
    twice = DATES | {"学位英语报名": CalendarDate("学位英语报名", None, at("2026-12-02 17:00"))}

    result = read("报名截止前一天9点提醒大家报名", NOW, twice, CALENDAR)
    exact = read("学位英语报名截止前一天9点提醒大家报名", NOW, twice, CALENDAR)

    assert isinstance(result, Unsure)
    assert len(result.choices) == 2
    assert isinstance(exact, Plan)
    assert exact.times == Once(at("2026-12-01 09:00"))
