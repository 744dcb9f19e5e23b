"""A row of a class stands in for its unit's, that for everybody's; phrasings are found alike."""

import csv
import io
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from handlers.decision import Decision, Stance, decide
from handlers.faq import (
    HEADER,
    MORE_COLUMNS,
    Entry,
    Knowledge,
    KnowledgeError,
    Use,
    cells_of,
    pooled,
    read_entries,
)
from handlers.published import scope_of
from handlers.questions import source_of
from handlers.settings import BotSettings
from handlers.understanding import Understanding
from storage.people import ClassRoom
from storage.published import PublishedFacts
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)
from tests.conftest import NOW

BASE = Entry(
    key="fees.how",
    topic=Topic.FEES,
    question="学费怎么交？",
    variants=("怎么交学费", "学费在哪交", "交学费的地方"),
    answer="请只用学校公布的渠道。",
    article="第十六条",
    source="通行做法",
    needs=(),
    valid_from=None,
    valid_to=None,
)
OF_UNIT = replace(
    BASE, answer="到市开大财务室交。", variants=("财务室交学费",), source="本校通知", unit="市开大"
)
OF_CLASS = replace(OF_UNIT, answer="由班长代收登记。", unit="", class_name="计算机2301")
CLASS, UNIT, CITY = "班级:计算机2301", "单位:市开大", "单位:全市"
PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")


def table(*rows: dict[str, str]) -> list[str]:
    written = io.StringIO()
    sheet = csv.DictWriter(written, (*HEADER, *MORE_COLUMNS), restval="")
    sheet.writeheader()
    sheet.writerows(rows)
    return written.getvalue().splitlines(keepends=True)


def decision(
    text: str, *rows: Entry, scope: tuple[str, ...] = (), stance: Stance = Stance.ADDRESSED
) -> Decision:
    return decide(
        Message(PLACE, "20001", "李明", "1001", text, NOW),
        Understanding(Label.QUESTION, Topic.FEES, 0.9, 0.9),
        stance=stance,
        facts={},
        knowledge=Knowledge(pooled(rows)),
        settings=BotSettings(answer_floor=0.0, unaddressed_floor=0.0),
        scope=scope,
    )


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ((CLASS, UNIT, CITY), OF_CLASS.answer),
        (("班级:会计2302", UNIT, CITY), OF_UNIT.answer),
        (("班级:会计2302", CITY), BASE.answer),
        ((), BASE.answer),
    ],
)
def test_the_row_nearest_to_the_class_is_answered(scope: tuple[str, ...], expected: str) -> None:
    for text in ("学费怎么交", "财务室交学费"):
        assert decision(text, BASE, OF_UNIT, OF_CLASS, scope=scope).text == expected


def test_a_row_only_some_have_is_not_there_for_the_others() -> None:
    here = decision("财务室交学费", OF_UNIT, scope=(UNIT,))
    elsewhere = decision("财务室交学费", OF_UNIT, scope=(CITY,))

    assert here.text == OF_UNIT.answer
    assert elsewhere.action is Action.HAND_OFF
    assert elsewhere.entry is None


def test_a_retired_row_is_gone_where_it_is_retired() -> None:
    retired = replace(BASE, use=Use.RETIRED)

    assert pooled([BASE, retired]) == ()
    (kept,) = pooled([BASE, replace(OF_UNIT, use=Use.RETIRED)])
    assert kept.within((UNIT,)) is None
    assert kept.within((CITY,)) is not None


def test_of_two_rows_for_the_same_the_later_holds() -> None:
    (entry,) = pooled([BASE, OF_UNIT, replace(BASE, answer="新的")])

    assert entry.answer == "新的"
    assert entry.within((UNIT,)) == OF_UNIT


def test_the_scope_of_a_class_is_itself_its_unit_and_those_above(now: Any) -> None:
    room = ClassRoom(1, "计算机2301", 2, "confident", now - now, None)

    assert scope_of(PublishedFacts(units=("市开大", "全市")), room) == (CLASS, UNIT, CITY)
    assert scope_of(None, None) == ()


def test_a_row_goes_into_a_table_and_comes_back() -> None:
    rows = (
        replace(BASE, is_personal=True, needs=("时间:缴费",), answer="{时间:缴费}\n第二行"),
        replace(OF_UNIT, valid_from=date(2026, 9, 1), valid_to=date(2027, 1, 31)),
        replace(OF_CLASS, use=Use.REFUSE, variants=()),
    )

    assert read_entries(table(*map(cells_of, rows))) == rows


def test_a_table_of_before_is_read_still() -> None:
    lines = table(cells_of(BASE))
    old = [",".join(line.rstrip().split(",")[: len(HEADER)]) + "\n" for line in lines]

    assert read_entries(old) == (BASE,)


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"单位": "市开大", "班级": "计算机2301"}, "班级"),
        ({"私密": "大概"}, "私密"),
        ({"动作": "回答"}, "动作"),
        ({"有效期起": "2026-09-02", "有效期止": "2026-09-01"}, "有效期止"),
    ],
)
def test_a_wrong_cell_is_named(changes: dict[str, str], column: str) -> None:
    with pytest.raises(KnowledgeError, match=f"第 2 行（fees.how）「{column}」列"):
        read_entries(table(cells_of(BASE) | changes))


def test_the_same_row_for_the_same_unit_twice_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="与第 3 行重复"):
        read_entries(table(cells_of(BASE), cells_of(OF_UNIT), cells_of(OF_UNIT)))


# -- what an entry may ask for instead of an answer -----------------------------------------------


def test_a_refusal_has_its_own_words_and_is_said_only_to_who_asked_the_bot() -> None:
    refusing = replace(BASE, use=Use.REFUSE, answer="抱歉，不行。")

    asked = decision("学费怎么交", refusing)
    overheard = decision("学费怎么交", refusing, stance=Stance.EAVESDROPPING)

    assert (asked.action, asked.text) == (Action.REFUSE, "抱歉，不行。")
    assert (overheard.action, overheard.text) == (Action.WATCH, "")


def test_what_a_rule_means_is_left_to_the_office_that_made_it() -> None:
    rule = replace(BASE, key="regulation.ratio", question="师生比是多少", article="第五条")

    plain = decision("师生比是多少", rule)
    meaning = decision("师生比是多少怎么理解", rule)
    by_number = decision("第二十五条怎么规定的", rule)

    assert plain.text == BASE.answer
    assert "生师比不超过200:1" in meaning.text
    assert "解释权在辽宁开放大学学生工作处" in meaning.text
    assert by_number.text == "本办法由辽宁开放大学学生工作处负责解释。"
    assert by_number.entry is not None
    assert source_of(by_number.entry, {}) == "辽开大字〔2023〕138号 第二十五条"


@pytest.mark.parametrize(
    ("source", "sources", "expected"),
    [
        ("通行做法", {}, "通行做法，以本校通知为准 第十六条"),
        ("通行做法", {"链接:缴费": "官网"}, "官网；其余是通行做法 第十六条"),
        ("收费公示", {"链接:缴费": "本校公布"}, "收费公示 第十六条"),
        ("收费公示", {"链接:缴费": "财务〔2026〕3号"}, "财务〔2026〕3号 第十六条"),
    ],
)
def test_the_schools_own_word_and_general_practice_are_told_apart(
    source: str, sources: dict[str, str], expected: str
) -> None:
    entry = replace(BASE, source=source, answer="{链接:缴费}")

    assert source_of(entry, sources) == expected
