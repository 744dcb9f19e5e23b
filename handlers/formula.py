"""
The formula in the open: weights, thresholds and caps, versioned and dated; a month's score. Pure.

Nothing in the regulation gives these figures: the shipped version says 「默认值，可改」. All
arithmetic is decimal; points are kept to four places, a score to two, halves away from zero.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from handlers.errors import UserError
from handlers.indicators import INDICATORS, Figure, How

POINT, SCORE = Decimal("0.0001"), Decimal("0.01")
HUNDRED = Decimal(100)

Weight = Annotated[Decimal, Field(gt=0, le=100, max_digits=7, decimal_places=4)]
Threshold = Annotated[Decimal, Field(ge=0, le=10_000_000, max_digits=14, decimal_places=6)]
Count = Annotated[int, Field(ge=0, le=100_000)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Document):
    """Points for one indicator: none at `zero`, all at `full`, in between in proportion."""

    indicator: str
    weight: Weight
    zero: Threshold
    full: Threshold
    #: With fewer rows than this it plays no part.
    min_sample: Annotated[int, Field(ge=1, le=100_000)] = 1

    @model_validator(mode="after")
    def _makes_sense(self) -> "Item":
        if self.indicator not in INDICATORS or INDICATORS[self.indicator].is_bots:
            raise ValueError(f"没有可以计分的指标 {self.indicator}")
        if self.zero == self.full:
            raise ValueError(f"{self.indicator} 的零分线和满分线不能一样")
        return self


class Deduction(_Document):
    """So many points off for each; a part loses at most its weight."""

    indicator: str
    each: Weight

    @model_validator(mode="after")
    def _is_known(self) -> "Deduction":
        if self.indicator not in INDICATORS or INDICATORS[self.indicator].is_bots:
            raise ValueError(f"没有可以扣分的指标 {self.indicator}")
        return self


class Part(_Document):
    """A part of the score: either items that earn points, or deductions from its weight."""

    name: Annotated[str, Field(min_length=1, max_length=30)]
    weight: Weight
    items: tuple[Item, ...] = ()
    deductions: tuple[Deduction, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> "Part":
        if bool(self.items) == bool(self.deductions):
            raise ValueError(f"「{self.name}」要么写 items，要么写 deductions")
        if self.items and sum(item.weight for item in self.items) != self.weight:
            raise ValueError(f"「{self.name}」各项的权重加起来要等于 {self.weight}")
        return self


class Samples(_Document):
    """A month with fewer rows than this is counted and not rated."""

    sessions: Count = 20
    ratings: Count = 5


class Levels(_Document):
    """What a year's score proposes, and when it proposes nothing."""

    excellent: Threshold = Decimal(90)
    passing: Threshold = Decimal(60)
    #: From so many complaints found true on, people decide without a proposal (article 19).
    manual_from_complaints: Annotated[int, Field(ge=1, le=1000)] = 1
    #: From so many silences of two working days on, likewise.
    manual_from_silences: Annotated[int, Field(ge=1, le=1000)] = 1
    #: With fewer months that have a score there is no proposal.
    min_months: Annotated[int, Field(ge=1, le=12)] = 6

    @model_validator(mode="after")
    def _is_ordered(self) -> "Levels":
        if self.passing >= self.excellent:
            raise ValueError("合格线要低于优秀线")
        return self


class Formula(_Document):
    """The whole document."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=20)]
    samples: Samples = Samples()
    #: Where less of the weight can be judged than this, there is no score.
    min_weight: Threshold = Decimal(50)
    levels: Levels = Levels()
    appeal_days: Annotated[int, Field(ge=1, le=365)] = 7
    retraining_days: Annotated[int, Field(ge=1, le=365)] = 30
    training_hours: Annotated[int, Field(ge=0, le=1000)] = 30

    @property
    def indicators(self) -> frozenset[str]:
        """Those that count."""
        earning = {item.indicator for part in self.parts for item in part.items}
        return frozenset(earning | {it.indicator for part in self.parts for it in part.deductions})

    @model_validator(mode="after")
    def _adds_up(self) -> "Formula":
        if sum(part.weight for part in self.parts) != HUNDRED:
            raise ValueError("各部分的权重加起来要等于 100")
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            raise ValueError("各部分的名字不能相同")
        return self


@dataclass(frozen=True, slots=True)
class Version:
    """A formula with its number and the first day it counts from."""

    number: int
    effective_from: date
    formula: Formula
    reason: str = ""
    made_name: str = ""

    @property
    def is_default(self) -> bool:
        return self.number == 0


def _item(indicator: str, weight: str, zero: str, full: str, sample: int = 1) -> Item:
    return Item(
        indicator=indicator,
        weight=Decimal(weight),
        zero=Decimal(zero),
        full=Decimal(full),
        min_sample=sample,
    )


DEFAULT = Version(
    0,
    date(2000, 1, 1),
    Formula(
        name="随程序提供的公式（默认值，可改）",
        parts=(
            Part(
                name="响应与办结",
                weight=Decimal(35),
                items=(
                    _item("K04", "15", "0.5", "0.95", 20),
                    _item("K05", "8", "0.5", "0.9", 20),
                    _item("K06", "7", "0.7", "0.98", 20),
                    _item("K12", "5", "0.5", "0.95", 5),
                ),
            ),
            Part(
                name="提醒与覆盖",
                weight=Decimal(25),
                items=(
                    _item("K17", "10", "0.7", "0.98", 20),
                    _item("K18", "7", "0.5", "1"),
                    _item("K19", "3", "0.3", "0.7", 20),
                    _item("K20", "5", "0.5", "1", 5),
                ),
            ),
            Part(
                name="投诉质量",
                weight=Decimal(20),
                deductions=(
                    Deduction(indicator="K10", each=Decimal(10)),
                    Deduction(indicator="K08", each=Decimal(1)),
                ),
            ),
            Part(
                name="台账与安全",
                weight=Decimal(15),
                items=(
                    _item("K24", "8", "0.7", "0.98"),
                    _item("K25", "5", "0", "10"),
                    _item("K27", "2", "0", "1"),
                ),
            ),
            Part(
                name="满意度",
                weight=Decimal(5),
                items=(_item("K30", "5", "3", "4.5", 10),),
            ),
        ),
    ),
    "立项文件没有规定权重和分数线",
    "程序",
)


@dataclass(frozen=True, slots=True)
class ItemScore:
    """`points` None: it plays no part, and `why` says so."""

    indicator: str
    weight: Decimal
    value: Decimal | None
    points: Decimal | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class PartScore:
    """A part: its own weight, how much of it was judged, and the points."""

    name: str
    weight: Decimal
    judged: Decimal
    points: Decimal
    items: tuple[ItemScore, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """`total` is out of a hundred; None: too little to judge by."""

    total: Decimal | None
    judged: Decimal
    parts: tuple[PartScore, ...]


def formula_of(text: str) -> Formula:
    """The document a JSON text is.

    Raises:
        UserError: what is wrong with it.
    """
    try:
        return Formula.model_validate_json(text)
    except ValidationError as error:
        raise UserError(
            "公式有误：" + "；".join(_problem(it) for it in error.errors()[:5])
        ) from error


def text_of(formula: Formula) -> str:
    """The document as JSON, laid out for people."""
    return json.dumps(formula.model_dump(mode="json"), ensure_ascii=False, indent=2)


def in_force(versions: Iterable[Version], day: date) -> Version:
    """The version that counts on a day: the newest that had begun, else the shipped one."""
    begun = [it for it in versions if it.effective_from <= day]
    return max(begun, key=lambda it: it.effective_from, default=DEFAULT)


def score(figures: Mapping[str, Figure], formula: Formula) -> Score:
    """A month's figures, weighed; what cannot be judged leaves its weight to the rest."""
    parts = tuple(_part(part, figures) for part in formula.parts)
    judged = sum((part.judged for part in parts), Decimal())
    if judged < formula.min_weight or not judged:
        return Score(None, judged, parts)
    points = sum((part.points for part in parts), Decimal())
    return Score((points / judged * HUNDRED).quantize(SCORE, ROUND_HALF_UP), judged, parts)


def mean(scores: Iterable[Decimal]) -> Decimal | None:
    """The score of a year: that of its months that have one, in equal parts."""
    known = list(scores)
    if not known:
        return None
    return (sum(known, Decimal()) / len(known)).quantize(SCORE, ROUND_HALF_UP)


def is_too_few(figure: Figure, indicator: str, formula: Formula) -> bool:
    """Whether a month's figure is made of too little to be shown: 「样本不足」."""
    sample = INDICATORS[indicator].sample
    return bool(sample) and figure.denominator < getattr(formula.samples, sample)


def _part(part: Part, figures: Mapping[str, Figure]) -> PartScore:
    if part.deductions:
        lost = tuple(_lost(it, figures.get(it.indicator)) for it in part.deductions)
        off = sum((it.points or Decimal() for it in lost), Decimal())
        return PartScore(
            part.name, part.weight, part.weight, max(Decimal(), part.weight + off), lost
        )
    items = tuple(_earned(it, figures.get(it.indicator)) for it in part.items)
    judged = sum((it.weight for it in items if it.points is not None), Decimal())
    points = sum((it.points for it in items if it.points is not None), Decimal())
    return PartScore(part.name, part.weight, judged, points, items)


def _earned(item: Item, figure: Figure | None) -> ItemScore:
    if figure is None or figure.value is None:
        return ItemScore(item.indicator, item.weight, None, None, "没有数据")
    # A month without a day of service is of no days, not of too few rows.
    counts_days = INDICATORS[item.indicator].how is How.DAYS
    if figure.denominator < item.min_sample and not counts_days:
        return ItemScore(item.indicator, item.weight, figure.value, None, "样本不足")
    share = (figure.value - item.zero) / (item.full - item.zero)
    share = min(Decimal(1), max(Decimal(), share))
    points = (item.weight * share).quantize(POINT, ROUND_HALF_UP)
    return ItemScore(item.indicator, item.weight, figure.value, points)


def _lost(deduction: Deduction, figure: Figure | None) -> ItemScore:
    count = Decimal(figure.numerator if figure else 0)
    points = -(deduction.each * count).quantize(POINT, ROUND_HALF_UP)
    return ItemScore(deduction.indicator, deduction.each, count, points)


def _problem(item: object) -> str:
    assert isinstance(item, dict)
    place = ".".join(str(it) for it in item["loc"])
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{place}：{message}" if place else message
