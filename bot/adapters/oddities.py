"""Counting what should not have come, and saying so at most once a minute for each kind."""

import time
from collections import Counter

import structlog

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 60.0


class Oddities:
    """The odd things seen on one platform's line. Kinds are ours and few, never anybody's words."""

    def __init__(self, platform: str) -> None:
        self._event = f"{platform}.odd"
        self.counts: Counter[str] = Counter()
        self._quiet_until: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def note(self, kind: str, error: Exception | None = None, **ids: str | int) -> None:
        """Count it; log it unless this kind was logged within the last minute."""
        self.counts[kind] += 1
        self._unsaid[kind] += 1
        now = time.monotonic()
        if now < self._quiet_until.get(kind, 0.0):
            return
        self._quiet_until[kind] = now + PAUSE_SECONDS
        log.warning(self._event, kind=kind, times=self._unsaid.pop(kind), exc_info=error, **ids)
