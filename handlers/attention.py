"""Which messages are kept at all. Pure.

What classmates say to each other is none of the bot's business and is never stored; so this is
decided before the inbox. It only ever lets through too much: rights and replies are decided later,
from the database.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from handlers import claims, class_life, commands
from handlers.decision import called_by_name
from handlers.floods import is_robot
from handlers.manners import is_rude
from handlers.settings import BotSettings
from handlers.understanding import Understanding, understand
from handlers.understanding.rules import Private
from storage.prompts import Prompt, PromptKey
from storage.receipts import Awaited, Place
from storage.vocabulary import ConversationKind, Label, Message, Platform, Topic

_NOTED = frozenset({Label.QUESTION, Label.COMPLAINT, Label.DISTRESS, Label.PRIVACY_LEAK})
_PLACEHOLDERS = tuple(Private)


@dataclass(slots=True)
class Attention:
    """
    Hints from the database, refreshed by the clock: who is staff, who owes a short answer, which
    groups are listened to for 「收到」 and the like.
    """

    staff: Collection[tuple[Platform, str]] = frozenset()
    prompted: set[PromptKey] = field(default_factory=set)
    awaited: dict[Place, frozenset[Awaited]] = field(default_factory=dict)
    #: Groups in which the platform or the tutor has the bot keep quiet.
    silent: Collection[Place] = frozenset()
    #: The bot's own accounts: what one of them says is nobody's question to another.
    bots: Collection[tuple[Platform, str]] = frozenset()

    def note_prompts(self, changed: Mapping[PromptKey, Prompt | None]) -> None:
        """Prompts opened (or, with None, closed) just now."""
        for key, prompt in changed.items():
            if prompt is None:
                self.prompted.discard(key)
            else:
                self.prompted.add(key)


def understanding_of(text: str, previous: Topic | None = None) -> Understanding:
    """
    What kind of message it is, also once its private numbers have been masked.

    `previous` is the topic last talked of with its sender, a moment ago.
    """
    if any(word in text for word in _PLACEHOLDERS):
        found = understand(text)
        if found.label is not Label.DISTRESS:
            return Understanding(Label.PRIVACY_LEAK, Topic.NONE, 1.0, 1.0)
        return found
    return understand(text, previous)


def is_worth_keeping(
    message: Message, understanding: Understanding, hints: Attention, settings: BotSettings
) -> bool:
    """Whether a message may concern the bot or the record."""
    place = message.conversation
    if message.sender_id == place.account or is_robot(
        place.platform, message.sender_id, hints.bots
    ):
        return False
    if (
        place.kind is ConversationKind.PRIVATE
        or message.mentions_bot
        or message.reply_to
        or understanding.label in _NOTED
        or is_rude(message.text, understanding.label)
        or (place.platform, message.sender_id) in hints.staff
        or (place.platform, place.account, place.id, message.sender_id) in hints.prompted
    ):
        return True
    awaited = hints.awaited.get((place.platform, place.account, place.id), frozenset())
    if claims.is_awaited(message.text, awaited):
        return True
    text = message.text
    return (
        commands.parse(text) is not None
        or called_by_name(text, settings) is not None
        or class_life.said_plainly(text, is_addressed=False) is not None
    )
