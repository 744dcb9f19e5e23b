"""
One sentence makes a reminder: 「每周五17点提醒交形考到12月20日」 → a `Plan` to confirm.

The first rule is never to guess a date: everything before the verb must be understood, what could
mean two things is asked, and what comes back is read out before it is armed. Pure; no database.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers import texts_sentences as texts
from handlers.sentence_plans import (
    Anchor,
    Audience,
    Once,
    Plan,
    Repeating,
    Side,
    Workdays,
)
from handlers.sentence_times import TIMES, Impossible, Timing, Unclear, timing
from handlers.sentence_words import Kind, Piece, matters_in, scan
from handlers.understanding.normalise import normalise
from handlers.working_time import WorkingTime
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

__all__ = [
    "Anchor",
    "Audience",
    "Once",
    "Plan",
    "Refused",
    "Repeating",
    "Side",
    "Unsure",
    "Workdays",
    "read",
]

#: More than this is not a sentence.
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Unsure:
    """What to ask; `choices` are whole plans it may have meant, each to be read back."""

    question: str
    choices: tuple[Plan, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not, in a sentence for the chat."""

    reason: str


Result = Plan | Unsure | Refused

_VERB = re.compile(
    r"提醒(?!事项)(?:一下|一声|一次|下)?|通知(?:一下|一声|下)?|发一?[个条]?(?:提醒|通知)(?:一下)?"
    r"|催(?:一下|一催|一声|一催|下|促)?|叫(?=我)|喊(?=我)|告诉"
)
_NOT = re.compile(
    r"(?:不要|别再?|不用再?|不必|无需|勿|取消|删除|删掉|停止|停掉|关掉|关闭|撤销|撤回)"
    r"[^,。「]{0,10}?(?:提醒|通知|催)"
)
_QUOTED = re.compile(r"[「“\"『]([^」”\"』]*)[」”\"』]")
_SEPARATOR = re.compile(r"[\s,。;、]+|:(?!\d)")
_CLOSING = re.compile(r"(?:[\s,。.!;、~]|谢谢[你您]?|多谢|辛苦了?|[哦啊哈吧喔呀哟])+$")
_OPENING = re.compile(r"^(?:[\s,。.!;、:]|一下|一声)+")
_EXCEPT = re.compile(
    "除|不含|连续|[\\d一二两三四五六七八九十]+[天周]$|不包括|顺延|节假日|为止|每.*?次|[\\d一二两三四五六七八九十]+次"
)
_PERIOD = re.compile(
    "(?:时间|期限|日期|有效期?|延长|延期|延迟|推迟|提前|改|开放|持续|放|从[^到]*|安排)$"
)
_GENERIC = {
    "交",
    "提交",
    "完成",
    "做",
    "做好",
    "回复",
    "上传",
    "弄",
    "搞",
    "填",
    "确认",
    "收到",
    "办",
}
_PEOPLE = {Kind.EVERYBODY, Kind.MYSELF, Kind.FOR_ME, Kind.UNDONE, Kind.OTHERS}


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence taken apart: pieces outside the text, and the text."""

    pieces: tuple[Piece, ...]
    text: str
    question: str = ""
    #: What the text begins with, should that be the time after all.
    instead: tuple[tuple[Piece, ...], str] | None = None


def read(
    sentence: str,
    now: datetime,
    dates: Mapping[str, CalendarDate],
    calendar: WorkingTime,
    *,
    is_student: bool = False,
) -> Result:
    """
    What a sentence orders at `now`; a student's is for himself.

    `dates` are what is published for the class, by matter. The same sentence at the same instant
    always reads the same.

    Raises:
        ValueError: `now` is naive.
    """
    if now.tzinfo is None:
        raise ValueError("a naive instant; give it a time zone")
    now = now.astimezone(SHANGHAI)
    if len(sentence) > LONGEST:
        return Refused(texts.too_long())
    sentence = normalise(sentence).replace("\n", " ")
    outside = _QUOTED.sub("", sentence)
    if _NOT.search(outside):
        return Refused(texts.not_to_remind())
    said = _take_apart(sentence, dates)
    if isinstance(said, Unsure | Refused):
        return said
    return _decide(said, now, dates, calendar, is_student)


def _decide(
    said: _Said,
    now: datetime,
    dates: Mapping[str, CalendarDate],
    calendar: WorkingTime,
    is_student: bool,
) -> Result:
    pieces = [piece for piece in said.pieces if piece.kind not in _PEOPLE]
    whom = _audience(said.pieces, is_student)
    if isinstance(whom, Unsure | Refused):
        return whom
    when = timing(pieces, now, dates)
    if isinstance(when, Impossible):
        return Refused(when.reason)
    if isinstance(when, Unclear) and said.instead is not None and not said.question:
        return _instead(said, now, dates, calendar, is_student) or Unsure(when.question)
    readings = (when,) if isinstance(when, Timing) else when.readings
    plans = []
    for reading in readings:
        plan = _plan(reading, whom, said.text, dates)
        if isinstance(plan, Unsure):
            return plan
        if next(plan.occurrences(now, calendar), None) is not None:
            plans.append(plan)
    if isinstance(when, Unclear):
        return Unsure(when.question, tuple(plans))
    if said.question:
        return Unsure(said.question, tuple(plans))
    return plans[0] if plans else Refused(texts.never())


def _instead(
    said: _Said,
    now: datetime,
    dates: Mapping[str, CalendarDate],
    calendar: WorkingTime,
    is_student: bool,
) -> Unsure | None:
    """「提醒大家明天8点开会」: the time after the verb, proposed and not taken."""
    assert said.instead is not None
    begin, text = said.instead
    found = _decide(_Said((*said.pieces, *begin), text), now, dates, calendar, is_student)
    words = "".join(piece.text for piece in begin).strip()
    if isinstance(found, Plan):
        return Unsure(texts.time_or_words(words), (found,))
    return None


# -- taking apart ---------------------------------------------------------------------------------


def _take_apart(sentence: str, dates: Mapping[str, CalendarDate]) -> _Said | Unsure | Refused:
    quoted = list(_QUOTED.finditer(sentence))
    verb = next(
        (
            match
            for match in _VERB.finditer(sentence)
            if not any(quote.start() < match.start() < quote.end() for quote in quoted)
        ),
        None,
    )
    if verb is None:
        return _without_verb(sentence, dates)
    head = scan(sentence[: verb.start()], dates)
    tail = sentence[verb.end() :]
    if quoted and len(quoted) == 1 and quoted[0].start() >= verb.end():
        rest = sentence[verb.end() : quoted[0].start()], sentence[quoted[0].end() :]
        around = scan(_OPENING.sub("", rest[0]), dates) + scan(_CLOSING.sub("", rest[1]), dates)
        if all(piece.kind is not Kind.UNKNOWN for piece in around):
            return _Said((*head, *around), quoted[0][1].strip())
    if not tail.strip() and not any(piece.kind in TIMES | _PEOPLE for piece in head):
        return Refused(texts.not_an_order())
    return _with_tail(head, _CLOSING.sub("", _OPENING.sub("", tail)), dates)


def _without_verb(sentence: str, dates: Mapping[str, CalendarDate]) -> Unsure | Refused:
    begin, rest = _leading_times(sentence, dates)
    if any(piece.kind in TIMES for piece in begin) and _CLOSING.sub("", _OPENING.sub("", rest)):
        return Unsure(texts.shall_i())
    return Refused(texts.not_an_order())


def _with_tail(head: list[Piece], tail: str, dates: Mapping[str, CalendarDate]) -> _Said | Unsure:
    """For whom, what is to be said, and the time that was said after it."""
    people: list[Piece] = []
    while tail:
        first = scan(tail, dates)[0]
        if first.kind not in _PEOPLE:
            break
        people.append(first)
        tail = _OPENING.sub("", tail[first.end :])
    pieces = [*head, *people]
    if not any(piece.kind in TIMES for piece in head):
        moved, tail = _set_off(tail, dates)
        pieces += moved
    repeats = any(piece.kind in (Kind.EVERY, Kind.WEEK_SPAN) for piece in pieces)
    begins = {Kind.TO, Kind.HOLIDAYS, Kind.UNTIL} if repeats else {Kind.HOLIDAYS}
    end, tail = _end_after_text(tail, dates, begins)
    pieces += end
    question = _doubt(tail, dates) if repeats else ""
    verb = _VERB.search(tail)
    if verb is not None and any(p.kind in TIMES for p in scan(tail[: verb.start()], dates)):
        question = texts.one_at_a_time()
    begin, rest = _leading_times(tail, dates)
    rest = _CLOSING.sub("", _OPENING.sub("", rest))
    instead = (tuple(begin), rest) if any(piece.kind in TIMES for piece in begin) and rest else None
    return _Said(tuple(pieces), tail, question, instead)


def _set_off(tail: str, dates: Mapping[str, CalendarDate]) -> tuple[list[Piece], str]:
    """Times before or after the text, if a comma or blank sets them off from it."""
    cuts = [0, *(match.end() for match in _SEPARATOR.finditer(tail)), len(tail)]
    for cut in reversed(cuts[1:-1]):
        if pieces := _all_times(tail[:cut], dates):
            return pieces, _OPENING.sub("", tail[cut:])
    for cut in cuts[1:-1]:
        if pieces := _all_times(tail[cut:], dates):
            return pieces, _CLOSING.sub("", tail[:cut])
    return [], tail


def _all_times(text: str, dates: Mapping[str, CalendarDate]) -> list[Piece]:
    """The pieces of a text that holds times and nothing else; none otherwise."""
    pieces = scan(text, dates)
    allowed = TIMES | {Kind.FILLER, Kind.FROM, Kind.START, Kind.TO, Kind.END}
    has_time = any(piece.kind in TIMES for piece in pieces)
    return pieces if has_time and all(piece.kind in allowed for piece in pieces) else []


def _end_after_text(
    tail: str, dates: Mapping[str, CalendarDate], begins: set[Kind]
) -> tuple[list[Piece], str]:
    """「交形考到12月20日，节假日除外」 → what follows the text, and the text."""
    found: list[Piece] = []
    place = 0
    while place < len(tail):
        pieces = _all_times(tail[place:], dates)
        if pieces and pieces[0].kind in begins:
            if pieces[0].kind is Kind.TO and _PERIOD.search(tail[:place]):
                break  # 「报名时间到12月10日」 is what is to be said
            found = [*pieces, *found]
            tail = _CLOSING.sub("", tail[:place])
            place = 0
        else:
            place += 1
    return found, tail


def _doubt(text: str, dates: Mapping[str, CalendarDate]) -> str:
    """A question, if the text of a recurrence holds what may be its end or an exception."""
    match = _EXCEPT.search(text)
    if match:
        return texts.until_or_words(text[match.start() :])
    pieces = scan(text, dates)
    for place, piece in enumerate(pieces):
        before = pieces[place - 1].kind if place else None
        after = pieces[place + 1].kind if place + 1 < len(pieces) else None
        day = piece.kind in TIMES - {Kind.CLOCK, Kind.PART, Kind.EVERY, Kind.VAGUE}
        if day and (before in (Kind.TO, Kind.FROM) or after in (Kind.END, Kind.TO, Kind.START)):
            return texts.until_or_words(piece.text)
    return ""


def _leading_times(text: str, dates: Mapping[str, CalendarDate]) -> tuple[list[Piece], str]:
    """The times a text begins with, and what comes after them."""
    begin: list[Piece] = []
    for piece in scan(text, dates):
        if piece.kind not in TIMES | {Kind.FILLER, Kind.FROM, Kind.START, Kind.TO, Kind.END}:
            break
        begin.append(piece)
    return begin, text[begin[-1].end if begin else 0 :]


# -- for whom, about what -------------------------------------------------------------------------


def _audience(pieces: Sequence[Piece], is_student: bool) -> Piece | Unsure | Refused | None:
    """The piece that says for whom; None where nobody is named."""
    people = [piece for piece in pieces if piece.kind in _PEOPLE]
    others = [piece for piece in people if piece.kind is not Kind.FOR_ME]
    named = others or people
    if is_student and any(piece.kind is not Kind.MYSELF for piece in others):
        return Refused(texts.only_for_yourself())
    for piece in named:
        if piece.kind is Kind.OTHERS:
            return Unsure(texts.whom(piece.text))
    if len({(piece.kind, str(piece.value)) for piece in named}) > 1:
        return Unsure(texts.whom("".join(piece.text for piece in named)))
    if is_student:
        return Piece(Kind.MYSELF, "我", 0, 0)
    return named[0] if named else None


def _plan(
    when: Timing, whom: Piece | None, text: str, dates: Mapping[str, CalendarDate]
) -> Plan | Unsure:
    kind = whom.kind if whom else Kind.EVERYBODY
    matters = matters_in(text, dates)
    matter = matters[0] if len(matters) == 1 else None
    audience = Audience.MYSELF if kind in (Kind.MYSELF, Kind.FOR_ME) else Audience.EVERYBODY
    if whom is not None and kind is Kind.UNDONE:
        audience = Audience.UNDONE
        found = _undone(str(whom.value), text, when, dates)
        if found is None:
            return Unsure(texts.what_is_not_done())
        matter, text = found
    if not text:
        return Unsure(texts.what_to_say())
    if whom is None and re.match("我(?!们)|自己", text):
        return Unsure(texts.you_or_everybody())
    return Plan(when.times, audience, matter, text, when.workdays, when.relative_to)


def _undone(
    undone: str, text: str, when: Timing, dates: Mapping[str, CalendarDate]
) -> tuple[str, str] | None:
    """What has not been done, and what to say; None where the sentence does not tell."""
    named = matters_in(undone, dates)
    if len(named) == 1:
        return named[0], text or undone
    if undone not in _GENERIC:
        return undone, text or undone
    matters = matters_in(text, dates)
    if text:
        return (matters[0], text) if len(matters) == 1 else None if matters else (text, text)
    if when.relative_to is None:
        return None
    return when.relative_to.matter, undone + when.relative_to.matter
