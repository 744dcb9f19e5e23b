"""The `[bot]` section: how the bot behaves in a class unless the class says otherwise."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BotSettings(BaseModel):
    """Manners and floors. Every default may be changed by the school."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Stands at the head of every message, so that nobody takes the bot for a person.
    name: str = "助学小助手"
    #: Other names that address the bot when a message begins with them.
    aliases: tuple[str, ...] = ("小助手", "助手", "助学助手")
    #: How a newly imported class is set; see `/模式`.
    speak_mode: Literal["mention", "confident"] = "confident"
    #: How long a question nobody addressed to the bot may wait for somebody in the group.
    grace_minutes: int = Field(default=10, ge=1, le=24 * 60)
    #: While the tutor has spoken this recently, the bot leaves unaddressed questions to the tutor.
    tutor_is_answering_seconds: int = Field(default=120, ge=0)
    #: A message that arrives later than this (back-filled after an outage) is not answered unasked.
    stale_after_minutes: int = Field(default=10, ge=1)
    #: At this confidence an entry is the answer to a question put to the bot …
    answer_floor: float = Field(default=0.70, ge=0, le=1)
    #: … and at this one also to a question put to nobody.
    unaddressed_floor: float = Field(default=0.75, ge=0, le=1)
    #: Above this the bot offers at most three choices instead of handing over at once.
    ask_back_floor: float = Field(default=0.30, ge=0, le=1)
    #: What a student in distress is told besides that a person has been called; empty: nothing.
    hotline: str = ""

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes)

    @property
    def stale_after(self) -> timedelta:
        return timedelta(minutes=self.stale_after_minutes)

    @property
    def tutor_is_answering(self) -> timedelta:
        return timedelta(seconds=self.tutor_is_answering_seconds)

    @property
    def names(self) -> tuple[str, ...]:
        """What the bot is called by, longest first."""
        return tuple(sorted({self.name, *self.aliases}, key=len, reverse=True))
