"""Command grammar: 「/答复 T-12 好的」 → name and argument; aliases; 「您是不是想发…」. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rapidfuzz import fuzz, process

from handlers import texts_commands
from handlers.errors import UserError

_COMMAND = re.compile(r"\s*[/／]\s*([^\s/／]+)\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"\s*[TtＴ]?\s*[-－—_]?\s*(\d{1,15})(?!\d)\s*[:：,，]?\s*(.*)", re.DOTALL)
_LENGTH = re.compile(r"(\d{1,4})\s*(分钟|分|小时|时|天|m|h|d)?")
_DAY = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?")


class BadCommand(UserError):
    """Known command, wrong form; carries the usage line."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as typed: its name without the slash, and everything after it."""

    name: str
    argument: str


def parse(text: str) -> Command | None:
    """The command a text is, if it begins with a slash (half- or full-width)."""
    match = _COMMAND.fullmatch(text)
    return None if match is None else Command(match[1], match[2].strip())


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name most like a mistyped one, if any is like it at all."""
    found = process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=50)
    return None if found is None else str(found[0])


def split_glued(name: str, known: Mapping[str, str]) -> Command | None:
    """「/答复T-3 好」 and 「/公告明天放假」: a known name with the argument run into it."""
    for word in sorted(known, key=len, reverse=True):
        if len(word) > 1 and name.startswith(word):
            return Command(word, name[len(word) :])
    return None


def number_and_text(argument: str, usage: str) -> tuple[int, str]:
    """「T-12 内容」 → (12, "内容").

    Raises:
        BadCommand: no number, or nothing after it.
    """
    match = _NUMBER.fullmatch(argument)
    if match is None or not match[2].strip():
        raise BadCommand(texts_commands.usage(usage))
    return int(match[1]), match[2].strip()


def number_only(argument: str, usage: str) -> int:
    """「T-12」 → 12.

    Raises:
        BadCommand: anything else.
    """
    match = _NUMBER.fullmatch(argument)
    if match is None or match[2]:
        raise BadCommand(texts_commands.usage(usage))
    return int(match[1])


def length(argument: str, usage: str) -> timedelta:
    """「2小时」, 「30分钟」, 「1天」; a bare number is hours. At most 30 days.

    Raises:
        BadCommand: none of these.
    """
    match = _LENGTH.fullmatch(argument.strip())
    if match is None:
        raise BadCommand(texts_commands.usage(usage))
    unit = {"分钟": 1, "分": 1, "m": 1, "天": 1440, "d": 1440}.get(match[2] or "时", 60)
    span = timedelta(minutes=int(match[1]) * unit)
    if not timedelta() < span <= timedelta(days=30):
        raise BadCommand(texts_commands.usage(usage))
    return span


def day(argument: str, now: datetime, usage: str) -> date:
    """「」 and 「今天」 → today, 「昨天」, 「12-5」, 「2026-12-05」, 「12月5日」.

    Raises:
        BadCommand: not a day, or not one of the calendar.
    """
    word = argument.strip()
    if word in ("", "今天", "今日"):
        return now.date()
    if word in ("昨天", "昨日"):
        return now.date() - timedelta(days=1)
    match = _DAY.fullmatch(word)
    if match is None:
        raise BadCommand(texts_commands.usage(usage))
    try:
        return date(int(match[1] or now.year), int(match[2]), int(match[3]))
    except ValueError as error:
        raise BadCommand(texts_commands.usage(usage)) from error
