"""The term compiler: pure rules, and properties over made-up calendars."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import matters, term
from handlers.calendar import read_span, taken_apart
from handlers.errors import UserError
from handlers.matters import Anchor, MattersError
from handlers.term import Hours, Rules, compile_term, ladder
from storage.calendar import ArmedMatter, Dated, Place, TermClass
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

NOW = datetime(2026, 12, 1, 20, 15, tzinfo=SHANGHAI)
RULES = Rules(matters.load())
#: As article 16 has them.
ARTICLE_16 = (
    "入学通知书",
    "准考证",
    "课程注册",
    "考试报考",
    "期末考试",
    "成绩更动（复查）",
    "成绩查询",
    "教材",
    "缴费",
    "图像采集",
    "毕业证",
    "学位证",
)


def at(day: int, hour: int = 17, minute: int = 0, month: int = 12) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


def room(*dates: CalendarDate, number: int = 1) -> TermClass:
    return TermClass(number, f"班{number}", None, {it.matter: Dated(Place(), it) for it in dates})


def armed_of(plan: term.TermPlan, kept: list[ArmedMatter]) -> list[ArmedMatter]:
    """What is armed after a plan, as the database would have it."""
    after = {item.number: item for item in kept}
    for gone in plan.removed:
        del after[gone.number]
    for it in plan.changed:
        after[it.number] = ArmedMatter(
            it.number,
            it.class_id,
            it.matter.name,
            it.opens_at,
            it.deadline,
            it.matter.audience,
            it.matter.is_private,
        )
    first = max(after, default=0) + 1
    for number, one in enumerate(plan.added, first):
        after[number] = ArmedMatter(
            number,
            one.class_id,
            one.matter.name,
            one.opens_at,
            one.deadline,
            one.matter.audience,
            one.matter.is_private,
        )
    return list(after.values())


# -- templates -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARTICLE_16)
def test_each_of_the_twelve_matters_has_a_template(name):
    """S16.2."""
    found = matters.find(name)

    assert found is not None
    assert found.article == "第十六条"
    assert found.steps


@pytest.mark.parametrize(
    "name", ["形考", "国开学习平台", "论文/实践", "免修免考", "奖学金", "入学教育"]
)
def test_the_other_matters_have_one_too(name):
    assert matters.find(name) is not None


def test_fees_and_grades_are_private_and_the_rest_is_not():
    """S16.3."""
    private = {row.name for row in matters.load().rows if row.is_private}

    assert private == {"缴费", "成绩发布", "成绩复查"}


def test_names_are_those_of_the_answers_slots():
    """One table of dates feeds the answers and the reminders."""
    from bot.knowledge import base_entries

    slots = {slot for entry in base_entries() for slot in entry.slots}
    unknown = {row.name for row in matters.load().rows if f"时间:{row.name}" not in slots}

    assert unknown == {"平台注册"}


def test_links_and_places_are_slots_the_answers_know():
    from bot.knowledge import base_entries

    slots = {slot for entry in base_entries() for slot in entry.slots} | {"开始", "截止"}

    for row in matters.load().rows:
        assert set(matters.slots_of(row.words)) <= slots, row.name


def test_a_line_whose_slot_is_empty_is_left_out():
    fees = matters.find("缴费")
    assert fees is not None

    def said(facts):
        return matters.words(
            fees, step="T-3", opens_at=None, deadline=at(12), facts=facts, now=at(9, 9)
        )

    assert "入口：https://pay.example" in said({"链接:缴费": "https://pay.example"})
    assert "入口" not in said({})
    assert "{" not in said({})
    assert said({}).startswith("缴费：3 天后截止\n")
    assert "截止：12月12日 17:00" in said({})


def test_a_class_cannot_put_its_own_words_into_the_date():
    fees = matters.find("缴费")
    assert fees is not None

    said = matters.words(
        fees, step="T-3", opens_at=None, deadline=None, facts={"截止": "明天"}, now=at(9, 9)
    )

    assert "明天" not in said


def test_a_schools_own_file_replaces_rows_by_name(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text(
        ",".join(matters.HEADER)
        + "\n缴费,交钱,fees,第十六条,截止,T-5,是,全体,已交,请按时交费。截止：{截止}\n"
        + "军训,,activities,第十二条,开始,无,,全体,知道了,军训：{开始}\n",
        "utf-8-sig",
    )

    table = matters.load(str(own))

    assert table.find("缴费").steps == ("T-5",)
    assert table.find("军训").steps == ()
    assert table.find("形考") == matters.find("形考")
    assert table.find("学费") is None


def test_everything_wrong_with_a_file_is_told_by_row_and_column(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text(
        ",".join(matters.HEADER)
        + "\n缴费,,fees,第十六条,截止,T-5d,是,全体,已交,每学分100元\n"
        + "军训,选课,play,,中间,无,也许,谁,,{金额:军训}\n",
        "utf-8",
    )

    with pytest.raises(MattersError) as caught:
        matters.load(str(own))

    told = "\n".join(caught.value.problems)
    for words in (
        "第 2 行「步骤」",
        "第 2 行「提醒词」：不能写死日期、金额、网址（100元）",
        "第 3 行「主题」",
        "第 3 行「从哪算」",
        "第 3 行「私下」",
        "第 3 行「提醒谁」",
        "第 3 行「办好了说」",
        "第 3 行「提醒词」：不认识 {金额:军训}",
    ):
        assert words in told


# -- the ladder ------------------------------------------------------------------------------------


def test_the_ladder_of_a_deadline():
    form = matters.find("形考")

    found = ladder(form, None, at(20), Hours(), NOW)

    assert [(it.name, f"{it.due_at:%m-%d %H:%M}") for it in found.steps] == [
        ("T-7", "12-13 09:00"),
        ("T-3", "12-17 09:00"),
        ("T-1", "12-19 09:00"),
        ("T-2h", "12-20 15:00"),
    ]
    assert found.steps[0].useful_until == found.steps[1].due_at
    assert found.steps[-1].useful_until == at(20)


def test_steps_that_have_passed_are_listed_and_not_planned():
    found = ladder(matters.find("形考"), None, at(3), Hours(), NOW)

    assert found.skipped == ("T-7", "T-3")
    assert [it.name for it in found.steps] == ["T-1", "T-2h"]


def test_nothing_is_said_at_night():
    late = ladder(matters.find("形考"), None, at(20, 0, 1), Hours(), NOW)

    assert late.steps[-1].name == "T-2h"
    assert late.steps[-1].due_at == at(19, 21, 30)


def test_an_exam_is_counted_to_its_beginning():
    found = ladder(matters.find("纸考"), at(19, 8, 30), at(20), Hours(), NOW)

    assert [f"{it.due_at:%m-%d}" for it in found.steps] == ["12-12", "12-16", "12-18"]
    assert found.steps[-1].useful_until == at(19, 8, 30)


def test_nothing_is_said_before_it_has_opened():
    found = ladder(matters.find("考试报名"), at(14, 9), at(18), Hours(), NOW)

    assert [it.name for it in found.steps] == ["open", "T-3", "T-1", "T-2h"]
    assert found.steps[0].due_at == at(14, 9)


instants = st.datetimes(
    at(1, 0, month=11).replace(tzinfo=None), at(31, 0).replace(tzinfo=None)
).map(lambda it: it.replace(second=0, microsecond=0, tzinfo=SHANGHAI))
spans = st.tuples(st.none() | instants, st.none() | instants).filter(any)


@given(st.sampled_from(RULES.table.rows), spans)
def test_a_ladder_keeps_its_rules(matter, span):
    opens, deadline = span
    hours = Hours()

    found = ladder(matter, opens, deadline, hours, NOW)

    assert all(NOW < it.due_at <= it.useful_until for it in found.steps)
    assert not any(hours.is_night(it.due_at) for it in found.steps)
    for first, second in pairwise(found.steps):
        assert second.due_at - first.due_at >= term.APART
        assert first.useful_until <= second.due_at
    if deadline is not None and matter.anchor is not Anchor.OPENING:
        assert all(it.due_at < deadline for it in found.steps)


# -- the difference --------------------------------------------------------------------------------


def test_a_passed_deadline_makes_no_task_and_an_unknown_matter_is_named():
    plan = compile_term(
        [room(CalendarDate("缴费", None, at(1, 9)), CalendarDate("停车证", None, at(9)))],
        [],
        RULES,
        NOW,
    )

    assert plan.is_empty
    assert plan.unknown == ("停车证",)


dates = st.dictionaries(
    st.sampled_from([row.name for row in RULES.table.rows]), spans, max_size=6
).map(lambda found: [CalendarDate(name, *span) for name, span in found.items()])
calendars = st.lists(dates, min_size=1, max_size=4).map(
    lambda found: [room(*its, number=number) for number, its in enumerate(found, 1)]
)


@given(calendars, calendars)
def test_compiling_what_was_compiled_is_empty(first, second):
    """Armed as planned, the same calendar has no difference; and so after any change of it."""
    plan = compile_term(first, [], RULES, NOW)
    armed = armed_of(plan, [])

    assert compile_term(first, armed, RULES, NOW).is_empty
    known = {item.class_id for item in second}
    armed = [item for item in armed if item.class_id in known]
    change = compile_term(second, armed, RULES, NOW)
    assert compile_term(second, armed_of(change, armed), RULES, NOW).is_empty


@given(calendars)
def test_a_fingerprint_tells_plans_apart(found):
    plan = compile_term(found, [], RULES, NOW)

    assert compile_term(list(reversed(found)), [], RULES, NOW).fingerprint == plan.fingerprint
    if plan.added:
        later = (
            compile_term(found, [], RULES, plan.added[0].ladder.steps[0].due_at)
            if (plan.added[0].ladder.steps)
            else None
        )
        assert later is None or later.fingerprint != plan.fingerprint


def test_a_moved_date_is_corrected_only_where_it_was_told():
    armed = [
        ArmedMatter(7, 1, "考试报名", None, at(12), matters.find("考试报名").audience, False),
        ArmedMatter(8, 2, "考试报名", None, at(12), matters.find("考试报名").audience, False),
    ]
    moved = CalendarDate("考试报名", None, at(15))

    plan = compile_term(
        [room(moved), room(moved, number=2)], armed, RULES, NOW, told={7: (None, at(12))}
    )

    assert plan.counts == "+0 −0 ~2"
    assert [it.told for it in plan.changed] == [(None, at(12)), None]
    words = matters.correction("考试报名", (None, at(12)), (None, at(15)), NOW)
    assert "原来：12月12日 17:00 截止" in words
    assert "改为：12月15日 17:00 截止" in words


def test_what_somebody_cancelled_by_hand_stays_cancelled_until_the_date_is_another():
    form = matters.find("形考")
    gone = ArmedMatter(7, 1, "形考", None, at(12), form.audience, False)

    same = compile_term(
        [room(CalendarDate("形考", None, at(12)))], [], RULES, NOW, taken_back=[gone]
    )
    other = compile_term(
        [room(CalendarDate("形考", None, at(13)))], [], RULES, NOW, taken_back=[gone]
    )

    assert same.is_empty
    assert same.withheld == ((1, "形考"),)
    assert len(other.added) == 1


# -- dates as a tutor types them -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "opens", "ends"),
    [
        ("12月5日 17:00", None, at(5)),
        ("12月5日", None, at(5, 23, 59)),
        ("12-5 17:00", None, at(5)),
        ("2026-12-05 17:00", None, at(5)),
        ("2026年12月5号下午5点半", None, at(5, 17, 30)),
        ("12月5日晚上8点前", None, at(5, 20)),
        ("12月3日 9:00 至 12月5日 17:00", at(3, 9), at(5)),
        ("12.3-12.5", at(3, 0), at(5, 23, 59)),
        ("1月5日 24:00", None, datetime(2027, 1, 5, 23, 59, tzinfo=SHANGHAI)),
    ],
)
def test_dates_as_tutors_type_them(text, opens, ends):
    assert read_span(text, NOW) == (opens, ends)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-02-30", "没有2026年2月30日这一天"),
        ("13月1日", "没有2026年13月1日"),
        ("12月5日 25:00", "没有25:00这个时间"),
        ("11月20日", "已经过去了"),
        ("2026-11-20", "已经过去了"),
        ("2062-12-05", "太远了"),
        ("12月5日 至 12月3日", "截止早于开始"),
        ("12月5日左右", "看不懂"),
        ("下周", "看不懂"),
    ],
)
def test_a_date_that_is_none_is_refused_with_the_reason(text, why):
    with pytest.raises(UserError) as caught:
        read_span(text, NOW)

    assert why in caught.value.sentence


@given(st.dates(date(2026, 12, 2), date(2027, 6, 1)), st.times())
def test_what_is_written_out_is_read_back(day, clock):
    moment = datetime.combine(day, time(clock.hour, clock.minute), SHANGHAI)

    assert read_span(f"{moment:%Y-%m-%d %H:%M}", NOW) == (None, moment)
    assert read_span(f"{day.month}月{day.day}日{clock.hour}点{clock.minute}分", NOW) == (
        None,
        moment,
    )


def test_the_matter_stands_before_the_date():
    assert taken_apart("考试报考 12月5日").matter == "考试报考"
    assert taken_apart("形考截止 12月5日 17:00").matter == "形考"
    assert taken_apart("形考截止到12月5日17:00").matter == "形考"
    assert taken_apart("形考") == taken_apart(" 形考 ")


def test_a_moment_is_pulled_out_of_the_night_never_past_it():
    hours = Hours()
    for minutes in range(0, 24 * 60, 7):
        moment = at(5, 0) + timedelta(minutes=minutes)
        awake = hours.awake(moment)
        assert awake <= moment
        assert not hours.is_night(awake)
