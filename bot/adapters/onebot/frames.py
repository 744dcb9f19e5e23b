"""WebSocket frames to JSON values and back."""

import json
from typing import Any, Final

import msgspec


class BrokenFrame(Exception):
    """The frame holds no JSON; ask the sender."""


_decoder: Final = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()


def decode(frame: bytes) -> Any:
    """The frame's JSON value.

    Takes what the strict reader refuses and implementations send: NaN, lone surrogates, bytes
    that are not UTF-8 inside a string.

    Raises:
        BrokenFrame: it is no JSON at all, or nested too deep.
    """
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(frame.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as exc:
            raise BrokenFrame from exc


def encode(value: dict[str, Any]) -> bytes:
    """The JSON text of a call. Its strings must be clean."""
    return _encoder.encode(value)


def is_answer(frame: dict[str, Any]) -> bool:
    """Whether it answers a call, rather than reporting an event."""
    return frame.get("post_type") is None and (
        "echo" in frame or "retcode" in frame or "status" in frame
    )
