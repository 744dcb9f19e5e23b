"""
Who was erased when, in a file beside the database: what a backup holds must not come back.

Only numbers: which person of this database, never a name or an account. A line is on disk before
the erasure is committed; a line without its erasure erases, after a restore, what was decided.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class Erased:
    """A person by the number in `persons`, and when their erasure was decided."""

    at: datetime
    person: int


class ErasureJournal:
    """A file that is only ever added to; blocking, but a line is a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, erased: Erased) -> None:
        """On disk when this returns. Twice is no harm."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # One write: two processes do not mix their lines. A half line of a crash ends here.
            os.write(number, b"\n" + msgspec.json.encode(erased) + b"\n")
            os.fsync(number)
        finally:
            os.close(number)

    def since(self, at: datetime) -> list[Erased]:
        """
        Everybody erased at or after then, in order, each once.

        Raises:
            ValueError: a line in the middle cannot be read; what it says must not be passed over.
        """
        if not self.path.exists():
            return []
        lines = [line for line in self.path.read_bytes().split(b"\n") if line]
        found: dict[int, Erased] = {}
        for number, line in enumerate(lines, 1):
            try:
                item = msgspec.json.decode(line, type=Erased)
            except msgspec.MsgspecError as error:
                if number == len(lines):
                    break
                raise ValueError(f"{self.path} 第 {number} 行读不懂") from error
            if item.at >= at:
                found.setdefault(item.person, item)
        return list(found.values())
