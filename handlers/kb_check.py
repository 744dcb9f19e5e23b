"""What is wrong with the knowledge, and what the school has still to fill in. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from rapidfuzz import fuzz, process

from handlers import regulation
from handlers.faq import SLOT, Entry, Match, Use
from handlers.wording import fold

SOON = timedelta(days=30)
#: Of 100, how like two phrasings of two entries are that only chance keeps apart.
_ALIKE = 92
_SHORTEST = 5
_BLOCK = 500
_HARD_CODED = re.compile(
    r"https?://\S+|www\.\S+|1[3-9]\d{9}|\d[\d.]*\s*(?:万?元|块钱|%)"
    r"|\d{1,4}\s*[年月]\s*\d{1,2}\s*[月日号]|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}\s*[:：]\s*\d{2}"
)
_TUTOR = "联系:助学教师"
_QUOTE = re.compile(r"「([^」]+)」")


class Fault(StrEnum):
    """What may be wrong; the words are the heading in `kb check`."""

    DUPLICATE = "同一句话在两条里"
    CONTRADICTION = "互相矛盾"
    MISQUOTED = "引文和条文对不上"
    HARD_CODED = "答案里写死了日期、金额、电话或网址（应改成空位）"
    SHADOWED = "自己的问法找不到自己"
    NEAR = "两条的问法太像"
    EXPIRED = "已过期，不再使用"
    EXPIRING = "快要过期"
    NEEDLESS = "没有作用的行"
    SLIP = "条文原件里的笔误（照原文引用，没有改）"


#: With one of these the knowledge should not be used as it is.
GRAVE = frozenset({Fault.DUPLICATE, Fault.CONTRADICTION, Fault.MISQUOTED, Fault.HARD_CODED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: which rows, and a sentence for their editor."""

    fault: Fault
    keys: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class EmptySlot:
    """A slot without a value: for which questions, how often they were asked, how many classes."""

    slot: str
    needed_by: tuple[Entry, ...]
    named_by: tuple[Entry, ...]
    asked: int
    classes: int


def check(
    rows: Sequence[Entry], search: Callable[[str], Sequence[Match]], today: date
) -> list[Finding]:
    """
    Everything found, the gravest first.

    `rows` are all rows of all owners, in force or not; `search` is the retrieval in use over those
    in force.
    """
    current = [row for row in rows if row.is_valid(today) and row.use is not Use.RETIRED]
    found = [
        *_phrasings(current),
        *_hard_coded(current),
        *_misquoted(current),
        *_shadowed(current, search),
        *_dated(rows, today),
        *_needless(rows),
        *(
            Finding(Fault.SLIP, (), f"{title}：「{slip}」")
            for title, text in regulation.articles().items()
            for slip in regulation.SLIPS
            if slip in text
        ),
    ]
    order = list(Fault)
    return sorted(found, key=lambda finding: order.index(finding.fault))


def _phrasings(rows: Sequence[Entry]) -> Iterable[Finding]:
    """Phrasings two entries share, or nearly: whoever asks so gets one answer or the other."""
    said = [(row, text, fold(text)) for row in rows for text in (row.question, *row.variants)]
    owners: dict[str, tuple[Entry, str]] = {}
    for row, text, folded in said:
        other, before = owners.setdefault(folded, (row, text))
        if other.key != row.key:
            is_same = other.answer == row.answer
            fault = Fault.DUPLICATE if is_same else Fault.CONTRADICTION
            words = f"「{before}」与「{text}」是同一句话" + ("" if is_same else "，答案却不同")
            yield Finding(fault, (other.key, row.key), words)
    yield from _near(said)


def _near(said: Sequence[tuple[Entry, str, str]]) -> Iterable[Finding]:
    folded = [text for _, _, text in said]
    seen: set[frozenset[str]] = set()
    for start in range(0, len(said), _BLOCK):
        block = folded[start : start + _BLOCK]
        # Only those behind it: every pair once.
        likeness = process.cdist(
            block, folded[start:], scorer=fuzz.ratio, score_cutoff=_ALIKE, dtype=np.uint8
        )
        for one, two in zip(*np.nonzero(likeness), strict=True):
            (first, text, left), (second, like, right) = said[start + one], said[start + two]
            keys = frozenset({first.key, second.key})
            if two <= one or len(keys) < 2 or left == right or keys in seen:
                continue
            if min(len(left), len(right)) < _SHORTEST:
                continue
            seen.add(keys)
            yield Finding(Fault.NEAR, (first.key, second.key), f"「{text}」与「{like}」")


def _hard_coded(rows: Iterable[Entry]) -> Iterable[Finding]:
    for row in rows:
        if row.source == regulation.NUMBER:
            continue
        found = _HARD_CODED.search(SLOT.sub("", row.answer))
        if found:
            yield Finding(Fault.HARD_CODED, (row.key,), f"「{found[0]}」")


def _misquoted(rows: Iterable[Entry]) -> Iterable[Finding]:
    whole = "".join(regulation.articles().values()).replace("\n", "")
    for row in rows:
        if row.source != regulation.NUMBER:
            continue
        for quote in _QUOTE.findall(row.answer):
            if quote not in whole:
                yield Finding(Fault.MISQUOTED, (row.key,), f"「{quote}」")


def _shadowed(rows: Iterable[Entry], search: Callable[[str], Sequence[Match]]) -> Iterable[Finding]:
    for row in rows:
        lost: list[tuple[str, str]] = []
        for text in (row.question, *row.variants):
            first = next(iter(search(text)), None)
            if first is None or first.entry.key != row.key:
                lost.append((text, first.entry.key if first else "什么也没有"))
        if lost:
            keys = tuple(dict.fromkeys((row.key, *(other for _, other in lost))))
            words = "；".join(f"「{text}」找到的是 {other}" for text, other in lost[:3])
            more = f"；等 {len(lost)} 句" if len(lost) > 3 else ""
            yield Finding(Fault.SHADOWED, keys, words + more)


def _dated(rows: Iterable[Entry], today: date) -> Iterable[Finding]:
    for row in rows:
        end = row.valid_to
        if end is not None and end < today:
            yield Finding(Fault.EXPIRED, (row.key,), f"{end} 到期{_whose(row)}")
        elif end is not None and end - today <= SOON:
            yield Finding(Fault.EXPIRING, (row.key,), f"{end} 到期{_whose(row)}")


def _needless(rows: Sequence[Entry]) -> Iterable[Finding]:
    """Rows of a unit or class that say what everybody's row says; retired keys that are none."""
    everybodys = {row.key: row for row in rows if not row.owner}
    used = {row.key for row in rows if row.use is not Use.RETIRED}
    for row in rows:
        base = everybodys.get(row.key)
        if row.owner and base and (row.answer, row.use) == (base.answer, base.use):
            yield Finding(Fault.NEEDLESS, (row.key,), f"和全校的一样{_whose(row)}")
        if row.use is Use.RETIRED and row.owner and row.key not in used:
            yield Finding(Fault.NEEDLESS, (row.key,), f"停用的编号本来就没有{_whose(row)}")


def _whose(row: Entry) -> str:
    return f"（{row.owner.replace(':', ' ')}）" if row.owner else ""


def contradicting_facts(dates: Iterable[str], facts: Iterable[str]) -> list[Finding]:
    """A time given both in the calendar and as a fact: `dates` are matters, `facts` slots."""
    twice = {f"时间:{matter}" for matter in dates} & set(facts)
    words = "校历里有，信息表里又填了一遍，答的是信息表里的；请只留一处"
    return [Finding(Fault.CONTRADICTION, (slot,), words) for slot in sorted(twice)]


def empty_slots(
    entries: Iterable[Entry],
    facts: Sequence[Mapping[str, str]],
    asked: Mapping[str, int],
) -> list[EmptySlot]:
    """
    Slots that some class has no value for, those most asked for first.

    `facts` are the filled slots of each class, `asked` how often each entry was asked for. Where
    nothing was asked yet, what most entries cannot answer without comes first.
    """
    needed: dict[str, list[Entry]] = {}
    named: dict[str, list[Entry]] = {}
    for entry in entries:
        for slot in entry.slots:
            # What concerns one person is in no table of the school's.
            if not slot.startswith("个人:"):
                (needed if slot in entry.needs else named).setdefault(slot, []).append(entry)
    found = [
        EmptySlot(
            slot=slot,
            needed_by=tuple(needed.get(slot, ())),
            named_by=tuple(named.get(slot, ())),
            asked=sum(asked.get(entry.key, 0) for entry in needed.get(slot, ())),
            classes=sum(not filled.get(slot) for filled in facts),
        )
        for slot in {**needed, **named}
    ]
    # Sorting keeps the order of the table among equals. The tutor is known from the class.
    lacking = [slot for slot in found if slot.classes or (not facts and slot.slot != _TUTOR)]
    return sorted(lacking, key=lambda it: (-it.asked, -len(it.needed_by), -len(it.named_by)))


_FORMS = {
    "时间": "起止时间，如 开始 2026-12-05 09:00、截止 2026-12-12 17:00",
    "链接": "学校公布的网址，如 https://…",
    "金额": "照收费公示写，如 每学分××元",
    "联系": "姓名或科室、电话、时间，如 教务科 024-××××××××，工作日 8:30–16:30",
    "地点": "校区、楼、房间，如 ××校区×号楼×室",
    "规定": "照文件写一句话，并在“来源”写文号",
}


def form_of(slot: str) -> str:
    """What a value of this kind looks like, with nothing in it that could be taken for true."""
    return _FORMS.get(slot.partition(":")[0], "")


def purpose_of(slot: EmptySlot, most: int = 3) -> str:
    """Which questions wait for it."""
    entries = slot.needed_by or slot.named_by
    questions = " ".join(entry.question for entry in entries[:most])
    more = f" 等 {len(entries)} 问" if len(entries) > most else ""
    must = "没有就转老师：" if slot.needed_by else "没有就少说一句："
    return f"{must}{questions}{more}"
