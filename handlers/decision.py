"""What to do with a message, before anything is done: pure, and what `python -m bot ask` prints."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from handlers.faq import Entry, Knowledge, Match, fill
from handlers.settings import BotSettings
from handlers.understanding import Understanding
from storage.vocabulary import Action, AttachmentKind, Label, Message, Topic

_SPEECHLESS = frozenset({AttachmentKind.IMAGE, AttachmentKind.VOICE, AttachmentKind.VIDEO})
_WANTS_A_PERSON = re.compile(r"(转|找|叫|要|接)(一下|个)?(人工|老师|真人|助学教师)")
_STAFF_WORDS = re.compile(r"老师|班主任|助学教师|辅导员|导员|助教")

ARTICLES: dict[Topic, str] = {
    Topic.ENROLLMENT: "第十一条",
    Topic.ACTIVITIES: "第十二条",
    Topic.CONTACT: "第十三条",
    Topic.OTHER: "第十三条",
    Topic.NONE: "第十三条",
    Topic.AWARDS: "第十四条",
    Topic.FORMATIVE_ASSESSMENT: "第十五条",
    Topic.TIMETABLE: "第十五条",
    Topic.PLATFORM_LOGIN: "第十五条",
    Topic.PRACTICE_THESIS: "第十五条",
}


class Stance(Enum):
    """How the bot stands to a message, from who says it where."""

    ADDRESSED = auto()  # private, @, called by name
    EAVESDROPPING = auto()  # to nobody, in a class where the bot may answer what it surely knows
    LISTENING = auto()  # to nobody, where it may only note


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bot does: the action, and what it would say it from."""

    action: Action
    topic: Topic
    entry: Entry | None = None
    confidence: float = 0.0
    text: str = ""
    missing: tuple[str, ...] = ()
    choices: tuple[Entry, ...] = ()


def article_of(topic: Topic) -> str:
    """The article of the regulation that makes a topic the tutor's work."""
    return ARTICLES.get(topic, "第十六条")


def is_about_tutor(text: str, topic: Topic) -> bool:
    """
    Whether a complaint may be about the tutor.

    Errs towards yes: a complaint that reaches the supervisor first is merely slow, one that
    reaches the accused tutor is harm.
    """
    return topic is Topic.CONTACT or _STAFF_WORDS.search(text) is not None


def called_by_name(text: str, settings: BotSettings) -> str | None:
    """The text without the bot's name, if it begins with it; else None."""
    bare = text.lstrip(" @＠")
    for name in settings.names:
        if bare.startswith(name):
            return bare[len(name) :].lstrip(" ,，:：、!！~")
    return None


def decide(
    message: Message,
    understanding: Understanding,
    *,
    stance: Stance,
    facts: Mapping[str, str],
    knowledge: Knowledge,
    settings: BotSettings,
) -> Decision:
    """What to do with one message; the same message and facts always give the same."""
    is_addressed = stance is Stance.ADDRESSED
    label, topic = understanding.label, understanding.topic
    if not message.text.strip():
        speechless = any(item.kind in _SPEECHLESS for item in message.attachments)
        if is_addressed:
            return Decision(Action.HAND_OFF if speechless else Action.ASK_BACK, topic)
        return Decision(Action.SILENCE, topic)
    match label:
        case Label.DISTRESS:
            return Decision(Action.DISTRESS, topic, confidence=understanding.confidence)
        case Label.PRIVACY_LEAK:
            return Decision(Action.PRIVACY, topic, confidence=understanding.confidence)
        case Label.INJECTION | Label.COMMAND_FORGERY:
            action = Action.REFUSE if is_addressed else Action.SILENCE
            return Decision(action, topic, confidence=understanding.confidence)
        case Label.COMPLAINT:
            return Decision(Action.COMPLAINT, topic, confidence=understanding.confidence)
        case Label.QUESTION:
            return _decide_question(
                message.text, topic, stance, facts=facts, knowledge=knowledge, settings=settings
            )
    if is_addressed and _WANTS_A_PERSON.search(message.text):
        return Decision(Action.HAND_OFF, topic)
    if is_addressed and label is Label.CHITCHAT:
        # Put to the bot, even an odd wording may be a question it knows.
        guess = _decide_question(
            message.text, Topic.NONE, stance, facts=facts, knowledge=knowledge, settings=settings
        )
        if guess.action is Action.ANSWER:
            return guess
        return Decision(Action.ASK_BACK, topic)
    return Decision(Action.SILENCE, topic, confidence=understanding.confidence)


def _decide_question(
    text: str,
    topic: Topic,
    stance: Stance,
    *,
    facts: Mapping[str, str],
    knowledge: Knowledge,
    settings: BotSettings,
) -> Decision:
    if stance is Stance.LISTENING:
        return Decision(Action.WATCH, topic)
    is_addressed = stance is Stance.ADDRESSED
    if is_addressed and _WANTS_A_PERSON.search(text):
        return Decision(Action.HAND_OFF, topic)
    matches = knowledge.search(text, topic=topic)
    best = matches[0] if matches else None
    floor = settings.answer_floor if is_addressed else settings.unaddressed_floor
    if best is not None and best.confidence >= floor:
        filled = fill(best.entry, facts)
        missing = tuple(slot for slot in filled.missing if slot in best.entry.needs)
        action = Action.HAND_OFF if missing else Action.ANSWER
        return Decision(
            action, topic, best.entry, best.confidence, text=filled.text, missing=missing
        )
    confidence = best.confidence if best is not None else 0.0
    if not is_addressed:
        return Decision(Action.WATCH, topic, confidence=confidence)
    choices = _worth_offering(matches, settings.ask_back_floor)
    if choices:
        return Decision(Action.ASK_BACK, topic, confidence=confidence, choices=choices)
    return Decision(Action.HAND_OFF, topic, confidence=confidence)


def _worth_offering(matches: tuple[Match, ...], floor: float) -> tuple[Entry, ...]:
    """At most three; one alone is offered too, and 0 says that it is not that."""
    return tuple(match.entry for match in matches[:3] if match.confidence >= floor)
