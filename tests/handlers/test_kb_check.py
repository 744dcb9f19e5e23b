"""The check finds what is planted and nothing grave in the table that comes with the program."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from handlers.faq import Entry, Knowledge, Use, pooled, read_entries
from handlers.kb_check import (
    GRAVE,
    Fault,
    Finding,
    check,
    contradicting_facts,
    empty_slots,
    form_of,
    purpose_of,
)
from storage.vocabulary import Topic

TODAY = date(2026, 12, 1)
SHIPPED = read_entries(Path(__file__).parents[2] / "handlers" / "knowledge.csv")
FEES = Entry(
    key="fees.how",
    topic=Topic.FEES,
    question="学费怎么交？",
    variants=("怎么交学费", "学费在哪里交", "交学费的地方在哪"),
    answer="请到 {链接:缴费} 缴费。",
    article="第十六条",
    source="通行做法",
    needs=("链接:缴费",),
    valid_from=None,
    valid_to=None,
)
BOOKS = replace(
    FEES,
    key="textbook.where",
    topic=Topic.TEXTBOOK,
    question="教材在哪里领？",
    variants=("书在哪领", "课本去哪里拿", "领教材的地方"),
    answer="教材在 {地点:教材发放} 领。",
    needs=("地点:教材发放",),
)


def found(*rows: Entry, today: date = TODAY) -> list[Finding]:
    knowledge = Knowledge(pooled(row for row in rows if row.is_valid(today)))
    findings = check(rows, lambda text: knowledge.search(text, limit=1), today)
    return [finding for finding in findings if finding.fault is not Fault.SLIP]


def faults(*rows: Entry) -> list[tuple[Fault, tuple[str, ...]]]:
    return [(finding.fault, finding.keys) for finding in found(*rows)]


def test_a_table_in_order_has_no_findings() -> None:
    assert found(FEES, BOOKS) == []


def test_the_table_that_comes_with_the_program_has_nothing_grave() -> None:
    findings = found(*SHIPPED)

    assert [finding for finding in findings if finding.fault in GRAVE] == []


def test_one_sentence_in_two_entries_is_a_contradiction_where_the_answers_differ() -> None:
    same = replace(BOOKS, variants=(*BOOKS.variants, "怎么交学费？"))
    alike = replace(same, answer=FEES.answer, needs=FEES.needs)

    assert (Fault.CONTRADICTION, ("fees.how", "textbook.where")) in faults(FEES, same)
    assert (Fault.DUPLICATE, ("fees.how", "textbook.where")) in faults(FEES, alike)


def test_nearly_one_sentence_is_named_once_a_pair() -> None:
    near = replace(BOOKS, variants=(*BOOKS.variants, "外地学生把学费交给当地分校某甲"))
    far = replace(FEES, variants=(*FEES.variants, "外地学生把学费交给当地分校某乙"))

    assert faults(near, far).count((Fault.NEAR, ("textbook.where", "fees.how"))) == 1


@pytest.mark.parametrize(
    "words",
    [
        "12月5日截止",
        "2026-12-05 前",
        "每门50元",
        "打13800000000",
        "上 https://x.invalid 交",
        "占比 50%",
        "17:00 前",
    ],
)
def test_a_date_an_amount_a_number_or_a_link_in_an_answer_is_grave(words: str) -> None:
    assert faults(replace(FEES, answer=f"{words} {{链接:缴费}}"), BOOKS) == [
        (Fault.HARD_CODED, ("fees.how",))
    ]


def test_a_quotation_of_the_regulation_must_stand_in_it() -> None:
    rule = replace(FEES, source="辽开大字〔2023〕138号", needs=(), answer="第五条：「不超过{}」")
    right = replace(rule, answer=rule.answer.format("200:1"))
    wrong = replace(rule, answer=rule.answer.format("300:1"))

    assert faults(right) == []
    assert faults(wrong) == [(Fault.MISQUOTED, ("fees.how",))]


def test_a_phrasing_that_finds_another_entry_is_named_with_it() -> None:
    shadowed = [
        finding
        for finding in check([FEES, BOOKS], lambda _text: (), TODAY)
        if finding.fault is Fault.SHADOWED
    ]

    assert [finding.keys[0] for finding in shadowed] == ["fees.how", "textbook.where"]
    assert "「学费怎么交？」找到的是 什么也没有" in shadowed[0].words
    assert shadowed[0].words.endswith("等 4 句")


def test_what_has_expired_or_soon_will_is_named() -> None:
    over = replace(FEES, valid_to=TODAY - timedelta(days=1), unit="市开大", answer="上年的。")
    soon = replace(BOOKS, valid_to=TODAY + timedelta(days=30))

    assert faults(FEES, over, soon) == [
        (Fault.EXPIRED, ("fees.how",)),
        (Fault.EXPIRING, ("textbook.where",)),
    ]
    assert "单位 市开大" in found(FEES, over)[0].words


def test_a_row_that_changes_nothing_is_named() -> None:
    same = replace(FEES, unit="市开大")
    nothing = replace(FEES, key="fees.none", unit="市开大", use=Use.RETIRED)

    assert faults(FEES, same, nothing) == [
        (Fault.NEEDLESS, ("fees.how",)),
        (Fault.NEEDLESS, ("fees.none",)),
    ]


def test_the_slips_of_the_copy_are_reported() -> None:
    slips = [f for f in check([FEES], lambda _text: (), TODAY) if f.fault is Fault.SLIP]

    assert [finding.words for finding in slips] == [
        "第一条：「管理和服。」",
        "第七条：「workflows」",
    ]


def test_a_time_in_the_calendar_and_among_the_facts_is_a_contradiction() -> None:
    (finding,) = contradicting_facts(["缴费", "补考"], ["时间:缴费", "链接:缴费"])

    assert (finding.fault, finding.keys) == (Fault.CONTRADICTION, ("时间:缴费",))


# -- what is still to fill ------------------------------------------------------------------------


def test_what_is_asked_most_is_to_be_filled_first() -> None:
    second = replace(FEES, key="fees.receipt")
    personal = replace(BOOKS, key="a.b", needs=(), answer="{个人:成绩}\n{链接:成绩}")
    entries = [BOOKS, FEES, second, personal]

    by_use = [slot.slot for slot in empty_slots(entries, [{}], {})]
    by_asking = empty_slots(entries, [{}], {"textbook.where": 9, "fees.how": 1})

    assert by_use == ["链接:缴费", "地点:教材发放", "链接:成绩"]
    assert [(slot.slot, slot.asked) for slot in by_asking] == [
        ("地点:教材发放", 9),
        ("链接:缴费", 1),
        ("链接:成绩", 0),
    ]


def test_a_slot_one_class_lacks_is_counted_and_one_all_have_is_not_there() -> None:
    facts = [{"链接:缴费": "x", "地点:教材发放": "y"}, {"链接:缴费": "x"}]

    (slot,) = empty_slots([FEES, BOOKS], facts, {})

    assert (slot.slot, slot.classes) == ("地点:教材发放", 1)
    assert purpose_of(slot) == "没有就转老师：教材在哪里领？"


def test_every_slot_of_the_table_says_how_it_is_filled() -> None:
    slots = empty_slots(SHIPPED, [], {})

    assert len(slots) > 80
    assert [slot.slot for slot in slots if not form_of(slot.slot) or not purpose_of(slot)] == []
