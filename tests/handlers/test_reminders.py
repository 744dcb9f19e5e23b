"""What may be ordered in one sentence, and by whom (A6, S16.3): the rules alone."""

from datetime import datetime, timedelta

import pytest

from handlers import matters, reminders
from handlers.errors import UserError
from handlers.reminding import next_times
from handlers.sentences import Plan, read
from handlers.settings import ReminderSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from storage.vocabulary import SHANGHAI

WORKING = WorkingTime(WorkingTimeSettings())
NOW = datetime(2026, 12, 1, 10, 0, tzinfo=SHANGHAI)
PUBLISHED = ("https://jw.example.edu.cn/bm", "http://www.example.edu.cn/（校园网）")


def plan(sentence: str, *, is_student: bool = False) -> Plan:
    found = read(sentence, NOW, {}, WORKING, is_student=is_student)
    assert isinstance(found, Plan), found
    return found


def refused(own: Plan, others: dict[int, Plan] | None = None) -> str:
    with pytest.raises(UserError) as refusal:
        reminders.require_modest(own, others or {}, NOW, WORKING)
    return refusal.value.sentence


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("请登录 https://jw.example.edu.cn/bm 办理", ""),
        ("请登录 jw.example.edu.cn/bm/，截止前办好", ""),
        ("请登录 HTTPS://JW.example.edu.cn/bm?id=3", ""),
        ("看 example.edu.cn/news 上的通知", ""),
        ("到 3.5 号楼，带 a.b", ""),
        ("邮箱 wang@example.com", ""),
        ("请登录 http://jw.example.edu.cn/pay", "http://jw.example.edu.cn/pay"),
        ("请登录jw.example.edu.cn.evil.top/bm", "jw.example.edu.cn.evil.top/bm"),
        ("https://jw.example.edu.cn/bmx", "https://jw.example.edu.cn/bmx"),
        ("点 pay-now.com", "pay-now.com"),
        ("先 jw.example.edu.cn/bm 再 www.evil.cn", "www.evil.cn"),
        ("http://jw.example.edu.cn@evil.cn/bm", "http://jw.example.edu.cn@evil.cn/bm"),
    ],
)
def test_a_link_is_published_or_strange(text: str, strange: str) -> None:
    """A10"""
    assert reminders.strange_link(text, PUBLISHED) == strange


@pytest.mark.parametrize(
    ("sentence", "is_of_money"),
    [
        ("明天9点提醒大家交学费", True),
        ("明天9点提醒大家把班费转给班长", True),
        ("明天9点提醒大家教材每套120元", True),
        ("明天9点提醒大家查成绩发布", True),
        ("明天9点提醒没缴费的", True),
        ("明天9点提醒大家参加免费讲座", False),
        ("明天9点提醒大家不要浪费时间", False),
        ("明天9点提醒大家交形考", False),
    ],
)
def test_money_and_marks_are_nobody_elses_business(sentence: str, is_of_money: bool) -> None:
    assert reminders.is_of_money(plan(sentence), matters.load()) is is_of_money


def test_a_name_in_the_text_is_noticed() -> None:
    assert reminders.named_in("提醒李明来办公室", ["王小红", "李明", "李"]) == "李明"
    assert reminders.named_in("明天开会", ["王小红", "明"]) == ""


def test_a_student_has_ten_at_most() -> None:
    others = {n: plan(f"12月{n + 3}日9点提醒我交作业", is_student=True) for n in range(1, 10)}
    own = plan("明天9点提醒我交作业", is_student=True)
    reminders.require_modest(own, others, NOW, WORKING)

    others[10] = plan("12月20日9点提醒我交作业", is_student=True)

    assert "10 个" in refused(own, others)


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("每天9点提醒我学习", "写到哪天为止"),
        ("每天9点提醒我学习到2027年7月1日", "半年"),
        ("每天9点和9点10分提醒我打卡到12月5日", "15 分钟"),
    ],
)
def test_a_students_own_has_an_end_and_gaps(sentence: str, why: str) -> None:
    assert why in refused(plan(sentence, is_student=True))


@pytest.mark.parametrize(("clock", "is_close"), [("8点45分", False), ("8点46分", True)])
@pytest.mark.parametrize("is_first", [True, False])
def test_two_of_a_student_are_a_quarter_of_an_hour_apart(
    clock: str, is_close: bool, is_first: bool
) -> None:
    daily = plan("每天早上9点提醒我学习到12月20日", is_student=True)
    once = plan(f"12月10日早上{clock}提醒我背单词", is_student=True)
    own, other = (once, daily) if is_first else (daily, once)

    if is_close:
        assert "R-7" in refused(own, {7: other})
    else:
        reminders.require_modest(own, {7: other}, NOW, WORKING)


def test_the_night_is_told_when_it_is_read_back() -> None:
    settings = ReminderSettings()

    (late,) = reminders.night_notes(plan("12月3日22点30分提醒大家带身份证"), NOW, WORKING, settings)
    assert late == "12月3日 周四 22:30 是安静时间，会在 12月4日 周五 07:30 发出"
    assert reminders.night_notes(plan("明天07:30提醒大家开会"), NOW, WORKING, settings) == []
    # Nobody wants to hear at half past seven what the next one says at seven.
    first, *_ = reminders.night_notes(
        plan("每天22:00和07:00提醒大家开会到12月5日"), NOW, WORKING, settings
    )
    assert first == "12月1日 周二 22:00 是安静时间，会在这之前发出"


def test_a_plan_that_is_over_has_no_next_time() -> None:
    once = plan("明天9点提醒大家开会")
    (only,) = next_times(7, once, NOW, WORKING)

    assert (only.task, only.due_at) == (7, NOW + timedelta(hours=23))
    assert only.useful_until == only.due_at + timedelta(hours=24)
    assert next_times(7, once, only.due_at, WORKING) == []


def test_the_time_right_after_the_verb_is_taken_where_it_is_read_back_to_its_owner() -> None:
    after = read("提醒我 周五晚上8点交形考", NOW, {}, WORKING, is_student=True)
    unclear = read("明天3点提醒我去面授", NOW, {}, WORKING, is_student=True)

    found = reminders.said_after(after)

    assert found is not None
    assert found.text == "交形考"
    assert reminders.said_after(unclear) is None
