"""What a chat handler is given, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from handlers.faq import Knowledge, Scope
from handlers.settings import BotSettings
from handlers.understanding import Understanding
from storage.interactions import Record
from storage.lines import Span
from storage.people import ClassRoom, Speaker
from storage.prompts import Prompt
from storage.questions import HandOff
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Capabilities,
    ConversationKind,
    Message,
    Outgoing,
    Platform,
    Role,
)


@dataclass(frozen=True, slots=True)
class Context:
    """
    One message, who said it, where, and everything known beforehand about it.

    `room` is the class it belongs to, None where that is unknown. `facts` are the slots of the
    class's answers, already in words; `sources` the documents some of them were published in;
    `scope` is whose knowledge entries the class may see.
    `waiting` is what this person still waits for; handing over adds to it. `blind` is when the
    account could not hear since the message was sent.
    """

    event_id: int
    message: Message
    understanding: Understanding
    speaker: Speaker
    room: ClassRoom | None
    facts: Mapping[str, str]
    sources: Mapping[str, str]
    prompt: Prompt | None
    waiting: list[HandOff]
    tutor_spoke_at: datetime | None
    capabilities: Mapping[Platform, Capabilities]
    blind: Sequence[Span]
    uow: UnitOfWork
    now: datetime
    settings: BotSettings
    knowledge: Knowledge
    scope: Scope = ()

    @property
    def role(self) -> Role:
        """What the speaker is to the class, read from the database in this transaction."""
        return Role.UNKNOWN if self.room is None else self.speaker.role_in(self.room)

    @property
    def is_private(self) -> bool:
        return self.message.conversation.kind is ConversationKind.PRIVATE


@dataclass(frozen=True, slots=True)
class Reply:
    """
    Something to say where the message came from; quotes it unless told otherwise.

    With `in_private` only to whoever wrote it. Where the platform opens no private chat with
    somebody who has never written to the bot, `else_in_group` is said in the group, if anything.
    """

    text: str
    about: int | None = None
    is_quoting: bool = True
    in_private: bool = False
    else_in_group: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What came of a message: replies to the asker, the row for the ledger, messages to others.

    A handler never sends and never commits; recording each interaction is not a habit but the
    return type.
    """

    replies: tuple[Reply, ...] = ()
    record: Record | None = None
    others: tuple[Outgoing, ...] = field(default=())


SILENCE = Outcome()
