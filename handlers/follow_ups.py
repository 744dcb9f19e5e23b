"""回访: which closed cases a unit asks about again, and whether that was in time. Pure."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from storage.cases import Case, FollowUp
from storage.vocabulary import Label

#: After it was closed, within which a cry for help is asked about. 默认值.
WITHIN = timedelta(days=7)

NAMES: dict[FollowUp, str] = {
    FollowUp.SOLVED: "本人说已解决",
    FollowUp.UNSOLVED: "本人说没解决",
    FollowUp.UNREACHED: "没联系上",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A case to ask about; `is_lot` False: a cry for help, of which none is left out."""

    case: Case
    is_lot: bool


def drawn(cases: Sequence[Case], month: str, a_month: int) -> list[Drawn]:
    """
    Of the cases closed in `month` (`2026-11`): every cry for help, and a lot of each unit's others,
    `a_month` of them.

    The lot of the same cases is the same however often it is drawn; nobody chooses.
    """
    by_unit: dict[int | None, list[Case]] = defaultdict(list)
    for case in cases:
        if case.item.kind is not Label.DISTRESS:
            by_unit[case.unit_id].append(case)
    lot = {
        case.item.number
        for own in by_unit.values()
        for case in sorted(own, key=lambda it: _ticket(month, it.item.number))[:a_month]
    }
    return [
        Drawn(case, case.item.number in lot)
        for case in cases
        if case.item.kind is Label.DISTRESS or case.item.number in lot
    ]


def due_at(closed_at: datetime) -> datetime:
    """Until when a cry for help is asked about."""
    return closed_at + WITHIN


def share_done(found: Sequence[Drawn], done: Collection[int]) -> tuple[int, int]:
    """How many of those drawn were asked about, of how many."""
    return sum(it.case.item.number in done for it in found), len(found)


def _ticket(month: str, number: int) -> str:
    return sha256(f"{month}:T-{number}".encode()).hexdigest()
