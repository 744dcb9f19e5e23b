"""Reading single fields of what a gateway says; never raises."""

import json
from typing import Any, Final

from bot.adapters.onebot.fields import (
    Clock,
    clean,
    read_name,
    read_number,
    read_object,
    read_text,
    read_time,
)

__all__ = [
    "Clock",
    "clean",
    "read_id",
    "read_ids",
    "read_json",
    "read_name",
    "read_number",
    "read_object",
    "read_text",
    "read_time",
]

#: What the database has room for. An id is never cut: half an id is somebody else's.
MAX_ID: Final = 100
_MAX_IDS: Final = 2000


def read_id(value: object) -> str:
    """The id, or "" when it is none."""
    if type(value) is int:
        value = str(value) if abs(value) < 10**MAX_ID else ""
    if not isinstance(value, str) or len(value) > MAX_ID:
        return ""
    return clean(value).strip()


def read_ids(value: object) -> tuple[str, ...]:
    """The ids in a list, each once."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(dict.fromkeys(one for item in value[:_MAX_IDS] if (one := read_id(item))))


def read_json(text: str) -> dict[str, Any] | None:
    """The JSON object, None when it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
