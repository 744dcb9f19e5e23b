"""Reading single fields of a frame, however an implementation spells them; never raises."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from storage.vocabulary import SHANGHAI

Clock = Callable[[], datetime]

MAX_ID = 64
MAX_NAME = 64

# 2000-01-01 and 2100-01-01: whatever lies outside is not a time of day somebody wrote.
EARLIEST = 946_684_800
LATEST = 4_102_444_800

# Python refuses to write integers out beyond some thousand digits; ids end far below.
_HUGE = 10**MAX_ID


def read_id(value: object) -> str:
    """The id as text, or "" when it is none. Ids come as int, as text, negative and huge."""
    if type(value) is int:
        return str(value) if -_HUGE < value < _HUGE else ""
    if isinstance(value, str):
        return clean(value[:MAX_ID]).strip()
    if isinstance(value, float) and value.is_integer():
        return read_id(int(value))
    return ""


def read_account(value: object) -> str:
    """The bot's own QQ number, or "" when it is none."""
    account = read_id(value)
    return account if account.isascii() and account.isdigit() and account.strip("0") else ""


def read_number(value: object) -> float | None:
    """The number as given or written out, or None."""
    if isinstance(value, str):
        try:
            value = float(value[:MAX_ID])
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_time(value: object, clock: Clock) -> datetime:
    """The instant meant by seconds or milliseconds, or now when the field is unusable."""
    number = read_number(value)
    if number is not None:
        if number > LATEST:
            number /= 1000
        if EARLIEST <= number < LATEST:
            return datetime.fromtimestamp(number, SHANGHAI)
    return clock().astimezone(SHANGHAI)


def read_native_time(value: object) -> str:
    """The time field as it came, for telling a redelivery from a reused id."""
    return repr(value) if isinstance(value, float) else read_id(value)


def read_name(value: object) -> str:
    """A display name on one line, "" when it is not text."""
    if not isinstance(value, str):
        return ""
    return " ".join(clean(value[: MAX_NAME * 4]).split())[:MAX_NAME]


def read_text(value: object, limit: int) -> str:
    """The text, clean and not longer than `limit`; "" when it is not text."""
    return clean(value[:limit]) if isinstance(value, str) else ""


def read_object(value: object) -> dict[str, Any]:
    """The JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def clean(text: str) -> str:
    """The text without U+0000 and lone surrogates, which no database and no socket takes."""
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
