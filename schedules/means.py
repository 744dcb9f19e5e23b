"""What every job is given beside the transaction and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from handlers.settings import BotSettings, ReminderSettings
from handlers.working_time import WorkingTime
from storage.vocabulary import Capabilities, Platform


@dataclass(frozen=True, slots=True)
class Means:
    """The school's settings, its working time, and what its platforms can do."""

    settings: BotSettings
    working: WorkingTime
    capabilities: Mapping[Platform, Capabilities] = field(default_factory=dict)
    reminders: ReminderSettings = field(default_factory=ReminderSettings)
    #: Per account, as the outbox sends them.
    pushes_per_minute: int = 20
