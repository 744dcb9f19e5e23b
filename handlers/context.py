"""What a chat handler is given, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from handlers.faq import Knowledge, Scope
from handlers.phrasing import Phrased
from handlers.recent import Recent, Turn
from handlers.settings import BotSettings, ReminderSettings
from handlers.understanding import Understanding
from handlers.working_time import WorkingTime
from storage.consents import NOT_TOLD, Consent
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
class HandedIn:
    """
    A file that was fetched and kept, or, with `problem` (a sentence for its sender), was not.

    `path` is where it lies below the folder of the collections; `name` is only for people.
    """

    name: str
    size: int = 0
    sha256: str = ""
    path: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """
    What slow work beside the inbox has found out about a message before it is answered.

    `seen` are the lines read in its pictures, `heard` what was said in its voice message, both with
    private numbers masked; `phrased` an answer that a language model chose and put into words;
    `files` what was sent to be handed in, `more_files` where that were several at once.
    """

    seen: tuple[str, ...] = ()
    heard: str = ""
    phrased: Phrased | None = None
    files: tuple[HandedIn, ...] = ()
    more_files: bool = False


NOTHING_FOUND = Found()


@dataclass(slots=True)
class Lately:
    """
    What handing over has asked the database in this batch, so that a burst asks it once.

    `rooms` are the classes that it is about. By class: `near`, the classes of the same tutors with
    its own; open questions; answers given in it. By the number of a first question: which one of
    its card waits first, and when its owners were last told that more ask it. `quiet` are the
    (first question, class) that need no further card for now. Whoever closes something, or undoes
    what was done, forgets it all.
    """

    rooms: dict[int, ClassRoom] = field(default_factory=dict)
    near: dict[int, set[int]] = field(default_factory=dict)
    open: dict[int, list[HandOff]] = field(default_factory=dict)
    answered: dict[int, list[tuple[HandOff, str]]] = field(default_factory=dict)
    first: dict[int, HandOff | None] = field(default_factory=dict)
    told: dict[int, datetime | None] = field(default_factory=dict)
    quiet: set[tuple[int, int]] = field(default_factory=set)

    def forget(self) -> None:
        """Something has changed."""
        for known in (self.near, self.open, self.answered, self.first, self.told, self.quiet):
            known.clear()


@dataclass(frozen=True, slots=True)
class Context:
    """
    One message, who said it, where, and everything known beforehand about it.

    `room` is the class it belongs to, None where that is unknown. `facts` are the slots of the
    class's answers, already in words; `sources` the documents some of them were published in;
    `scope` is whose knowledge entries the class may see.
    `waiting` is what this person still waits for; handing over adds to it. `blind` is when the
    account could not hear since the message was sent; `turn` what was last talked of here with
    this person.
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
    lately: Lately
    recent: Recent
    turn: Turn | None
    capabilities: Mapping[Platform, Capabilities]
    blind: Sequence[Span]
    uow: UnitOfWork
    now: datetime
    settings: BotSettings
    working: WorkingTime
    knowledge: Knowledge
    scope: Scope = ()
    consent: Consent = NOT_TOLD
    found: Found = NOTHING_FOUND
    reminders: ReminderSettings = field(default_factory=ReminderSettings)
    #: Under which address the pages are reached; empty: nowhere.
    address: str = ""

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
    return type. `further` are the rows of a message that held several questions. `turn` is what
    was talked of, for what is said next; `is_greeting` where the bot only said what it can do.
    """

    replies: tuple[Reply, ...] = ()
    record: Record | None = None
    others: tuple[Outgoing, ...] = field(default=())
    further: tuple[Record, ...] = ()
    turn: Turn | None = None
    is_greeting: bool = False


SILENCE = Outcome()
