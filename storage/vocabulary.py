"""The few words everybody speaks: what the rows are made of and what adapters hand over.

On the ground floor because a fifth folder would break the one-line import rule.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

#: A longer text is cut by the adapter; the rest of it is noise in a class group.
MAX_TEXT = 5000


class Platform(StrEnum):
    """Where a conversation lives."""

    QQ = "qq"
    WECHAT = "wechat"
    PLAYGROUND = "playground"


class ConversationKind(StrEnum):
    """A class group, or one person alone with the bot."""

    GROUP = "group"
    PRIVATE = "private"


class Role(StrEnum):
    """What somebody is to a class at one moment, by the database, never by the platform."""

    TUTOR = "tutor"
    SUPERVISOR = "supervisor"
    STUDENT = "student"
    UNKNOWN = "unknown"


class Label(StrEnum):
    """What kind of message it is; the most urgent one wins where several apply."""

    DISTRESS = "distress"
    PRIVACY_LEAK = "privacy_leak"
    INJECTION = "injection"
    COMMAND_FORGERY = "command_forgery"
    COMPLAINT = "complaint"
    QUESTION = "question"
    ANNOUNCEMENT = "announcement"
    ACK = "ack"
    CHITCHAT = "chitchat"
    SPAM = "spam"


class Topic(StrEnum):
    """What a message is about: the matters of articles 11–16 of the regulation."""

    COURSE_REGISTRATION = "course_registration"
    EXAM_REGISTRATION = "exam_registration"
    EXAM_SCHEDULE = "exam_schedule"
    ADMISSION_TICKET = "admission_ticket"
    GRADES = "grades"
    FEES = "fees"
    TEXTBOOK = "textbook"
    PLATFORM_LOGIN = "platform_login"
    FORMATIVE_ASSESSMENT = "formative_assessment"
    PRACTICE_THESIS = "practice_thesis"
    GRADUATION = "graduation"
    DEGREE = "degree"
    ENROLLMENT = "enrollment"
    STATUS_CHANGE = "status_change"
    PHOTO = "photo"
    AWARDS = "awards"
    TIMETABLE = "timetable"
    ACTIVITIES = "activities"
    CONTACT = "contact"
    OTHER = "other"
    NONE = "none"


class Action(StrEnum):
    """
    What the bot does with a message; the words `python -m bot ask` prints.

    The last five only stand in the ledger: what a supervisor found of a complaint, and that a date
    was moved or withdrawn.
    """

    ANSWER = "answer"
    ASK_BACK = "ask_back"
    HAND_OFF = "hand_off"
    WATCH = "watch"
    COMPLAINT = "complaint"
    DISTRESS = "distress"
    PRIVACY = "privacy"
    REFUSE = "refuse"
    REMIND = "remind"
    SILENCE = "silence"
    FOUND_TRUE = "found_true"
    FOUND_PARTLY = "found_partly"
    FOUND_FALSE = "found_false"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    What a platform can do, so that a plan is refused when it is made and not when it is due.

    `writes_first`: may open a private chat with a member of a group who has never written to it.
    `moderates`: an administrator's account may take back what others said in a group.
    """

    group_push: bool = True
    writes_first: bool = True
    recall: bool = False
    mention_all: bool = False
    moderates: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A place where the bot can speak.

    `account` is the bot's own id on the platform, so one school may run several. `id` is the
    group's id, or for a private chat the other person's. `via_group` is set on a QQ temporary
    session, which can only be answered by naming the group it was opened from.
    """

    platform: Platform
    account: str
    kind: ConversationKind
    id: str
    via_group: str = ""


class AttachmentKind(StrEnum):
    """What came with a message besides words."""

    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    FORWARD = "forward"
    CARD = "card"
    FACE = "face"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that is not text; `name` is for people, `ref` is the platform's handle or URL."""

    kind: AttachmentKind
    name: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing somebody said, in our words.

    `text` has the mention of the bot removed, holds no U+0000 and no lone surrogate and at most
    MAX_TEXT characters. `sender_name` is for display and never decides anything. `mentions` are
    the other people's ids. `native_time` is the platform's own time field as it came: with the
    ids it tells a redelivery from a second message that shares a 32-bit id.
    """

    conversation: Conversation
    sender_id: str
    sender_name: str
    message_id: str
    text: str
    sent_at: datetime
    native_time: str = ""
    mentions_bot: bool = False
    mentions: tuple[str, ...] = ()
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()
    is_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """Somebody took a message back; `by` may be an administrator."""

    conversation: Conversation
    message_id: str
    sender_id: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """Somebody, perhaps the bot itself, joined or left a group."""

    conversation: Conversation
    member_id: str
    joined: bool
    is_bot: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class MuteChange:
    """The bot may no longer speak in a group until `until`, or (None) may speak again."""

    conversation: Conversation
    until: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """Somebody wants to be the bot's friend, or to take it into a group (`conversation`).

    `token` is what the platform wants back with the answer.
    """

    conversation: Conversation
    requester_id: str
    token: str
    note: str
    at: datetime


Incoming = Message | Recall | MembershipChange | MuteChange | ContactRequest


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to send. `key` is unique for ever: saying it again is a no-op.

    `quote` is the platform id of the message answered, `mention` the ids to @. `about` ties it to
    a hand-off, so that a quoted reply to it finds the way back. `text` is only ever plain text.
    With `recall` nothing is said: it is the platform id of somebody's message to take back there,
    tried once.
    """

    key: str
    conversation: Conversation
    text: str
    quote: str = ""
    mention: tuple[str, ...] = ()
    about: int | None = None
    event_id: int | None = None
    is_push: bool = False
    recall: str = ""
