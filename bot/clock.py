"""What time it is: the only place outside `schedules/clock.py` that asks the machine."""

from datetime import datetime, timedelta

from storage.vocabulary import SHANGHAI


class Clock:
    """Now, in Asia/Shanghai; the playground may move it forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(SHANGHAI) + self._ahead

    def advance(self, span: timedelta) -> None:
        """Move on by `span`, for trying out what time brings."""
        if span < timedelta():
            raise ValueError("time only moves forward")
        self._ahead += span
