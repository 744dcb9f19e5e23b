"""Figures and scores: functions of rows, made again by other arithmetic to the last digit."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.appraisal import recomputed
from handlers.errors import UserError
from handlers.formula import DEFAULT, Version, formula_of, in_force, mean, score, text_of
from handlers.indicators import INDICATORS, How, Made, Row, figure, gathered

DAY = date(2026, 11, 2)

rows = st.lists(
    st.tuples(st.integers(1, 99999), st.integers(0, 50), st.integers(1, 50)).map(
        lambda it: Row(f"T-{it[0]}", min(it[1], it[2]), it[2])
    ),
    min_size=1,
    max_size=12,
)
made = st.lists(
    st.builds(
        Made,
        st.integers(0, 29).map(lambda n: DAY + timedelta(days=n)),
        st.integers(1, 3),
        st.sampled_from(sorted(INDICATORS)),
        rows.map(tuple),
    ),
    max_size=30,
    unique_by=lambda it: (it.day, it.class_id, it.indicator),
)


def rounded(value: Fraction, places: int) -> Decimal:
    """Halves away from zero, by whole numbers alone."""
    scaled = value * 10**places
    whole = (abs(scaled) * 2 + 1) // 2
    return Decimal(int(whole if scaled >= 0 else -whole)).scaleb(-places)


def by_fractions(records: list[Made]) -> Decimal | None:
    """The same score from the same rows with fractions in place of decimals."""
    points, judged = Fraction(), Fraction()
    figures = gathered(records)
    for part in DEFAULT.formula.parts:
        if part.deductions:
            lost = sum(
                Fraction(it.each)
                * (figures[it.indicator].numerator if it.indicator in figures else 0)
                for it in part.deductions
            )
            points += max(Fraction(), Fraction(part.weight) - lost)
            judged += Fraction(part.weight)
        for item in part.items:
            found = figures.get(item.indicator)
            if found is None or found.value is None:
                continue
            if found.denominator < item.min_sample and item.indicator != "K25":
                continue
            zero, full = Fraction(item.zero), Fraction(item.full)
            share = min(
                Fraction(1), max(Fraction(), (Fraction(found.value) - zero) / (full - zero))
            )
            points += Fraction(rounded(Fraction(item.weight) * share, 4))
            judged += Fraction(item.weight)
    if judged < Fraction(DEFAULT.formula.min_weight):
        return None
    return rounded(points / judged * 100, 2)


@given(made)
def test_any_score_is_made_again_from_exported_rows_to_the_last_digit(records: list[Made]) -> None:
    """S17.3"""
    exported = [
        (
            "7",
            "王敏",
            it.day.isoformat(),
            str(it.class_id),
            it.indicator,
            row.ref,
            str(row.part),
            str(row.whole),
        )
        for it in records
        for row in it.rows
    ]
    total = score(gathered(records), DEFAULT.formula).total
    said = "样本不足" if total is None else str(total)

    again = recomputed(exported, DEFAULT, {"7": said})

    assert [(it.total, it.said) for it in again] == [(said, said)]
    assert total == by_fractions(records)


@given(made, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_days_plays_no_part(records: list[Made], random: object) -> None:
    """S17.3"""
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert gathered(shuffled) == gathered(records)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_median_and_p90_are_what_they_are_called(seconds: list[int]) -> None:
    """S17.1"""
    found = figure(How.TIME, [Row(f"T-{n}", it) for n, it in enumerate(seconds)])

    assert found.value is not None
    assert found.p90 is not None
    assert sum(it <= found.value for it in seconds) * 2 >= len(seconds)
    assert sum(it >= found.value for it in seconds) * 2 >= len(seconds)
    assert sum(it <= found.p90 for it in seconds) * 10 >= len(seconds) * 9
    assert sum(it < found.p90 for it in seconds) * 10 < len(seconds) * 9


def test_bot_solved_rows_change_no_score() -> None:
    """S17.4"""
    own = [Made(DAY, 1, "K04", tuple(Row(f"T-{n}", 1) for n in range(30)))]
    bots = [
        Made(DAY, 1, key, tuple(Row(f"L-{n}", 0) for n in range(50)))
        for key, it in INDICATORS.items()
        if it.is_bots
    ]

    assert bots
    assert score(gathered(own + bots), DEFAULT.formula) == score(gathered(own), DEFAULT.formula)


def test_what_is_too_little_leaves_its_weight_to_the_rest() -> None:
    """S1.3: with 9 marks satisfaction plays no part, with 10 it does."""
    enough = [
        Made(DAY, 1, key, tuple(Row(f"T-{n}", 1) for n in range(30)))
        for key in ("K04", "K05", "K06")
    ]

    def with_marks(count: int) -> list[Made]:
        return [*enough, Made(DAY, 1, "K30", tuple(Row(f"T-{n}", 3) for n in range(count)))]

    few = score(gathered(with_marks(9)), DEFAULT.formula)
    many = score(gathered(with_marks(10)), DEFAULT.formula)

    assert few.judged + 5 == many.judged
    assert few.total is not None
    assert many.total is not None
    assert many.total < few.total
    assert few.parts[-1].items[0].why == "样本不足"


def test_a_month_that_can_hardly_be_judged_has_no_score() -> None:
    """S17.1"""
    found = score(gathered([]), DEFAULT.formula)

    assert found.total is None
    assert found.judged == 25  # no complaint found true, and no day of service


def test_deductions_stop_at_the_weight_of_their_part() -> None:
    """S17.3"""
    found = score(
        gathered([Made(DAY, 1, "K10", tuple(Row(f"T-{n}", 1) for n in range(9)))]), DEFAULT.formula
    )

    assert next(it for it in found.parts if it.name == "投诉质量").points == 0


def test_the_shipped_weights_are_those_of_the_schools_paper() -> None:
    weights = {it.name: it.weight for it in DEFAULT.formula.parts}

    assert weights == {
        "响应与办结": 35,
        "提醒与覆盖": 25,
        "投诉质量": 20,
        "台账与安全": 15,
        "满意度": 5,
    }
    assert "默认值，可改" in DEFAULT.formula.name
    assert formula_of(text_of(DEFAULT.formula)) == DEFAULT.formula


def test_old_days_keep_the_old_formula() -> None:
    """S17.3"""
    newer = Version(1, date(2026, 12, 1), DEFAULT.formula)

    assert in_force([DEFAULT, newer], date(2026, 11, 30)) is DEFAULT
    assert in_force([DEFAULT, newer], date(2026, 12, 1)) is newer


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"weight": "35"', '"weight": "36"', "加起来"),
        ('"K04"', '"K99"', "没有可以计分的指标 K99"),
        ('"K04"', '"K02"', "没有可以计分的指标 K02"),
        ('"passing": "60"', '"passing": "95"', "合格线"),
        ('"zero": "0.5"', '"zero": "0.95"', "不能一样"),
        ('"parts"', '"ports"', "ports"),
    ],
)
def test_a_formula_that_makes_no_sense_is_refused_with_the_reason(
    old: str, new: str, said: str
) -> None:
    text = text_of(DEFAULT.formula)
    assert old in text

    with pytest.raises(UserError) as refusal:
        formula_of(text.replace(old, new, 1))

    assert said in refusal.value.sentence


def test_a_year_is_the_mean_of_the_months_that_have_a_score() -> None:
    assert mean([Decimal("90.01"), Decimal("90.02")]) == Decimal("90.02")
    assert mean([]) is None
