"""What every job is given beside the transaction and the time."""

from dataclasses import dataclass

from handlers.settings import BotSettings
from handlers.working_time import WorkingTime


@dataclass(frozen=True, slots=True)
class Means:
    """The school's settings and its working time."""

    settings: BotSettings
    working: WorkingTime
