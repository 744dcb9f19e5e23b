"""`ask`: what the bot would do with a text, and nothing done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers import commands, texts
from handlers.attention import understanding_of
from handlers.decision import Decision, Stance, called_by_name, decide, is_about_tutor
from handlers.faq import Knowledge
from handlers.questions import source_of
from handlers.routes import BY_NAME
from handlers.settings import BotSettings
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Message,
    Platform,
    Role,
)

_PLACE = Conversation(Platform.PLAYGROUND, "ask", ConversationKind.GROUP, "ask")
#: Stands where the number would be.
_NUMBER = "T-…"


@dataclass(frozen=True, slots=True)
class Asker:
    """Decides as the bot would in a class set to 「主动」, for a student."""

    knowledge: Knowledge
    facts: Mapping[str, str]
    settings: BotSettings
    now: datetime
    tutor: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def ask(self, text: str, *, mentions_bot: bool) -> dict[str, Any]:
        """One line of `ask --jsonl`."""
        text = text.replace("\0", "").encode("utf-8", "replace").decode()[:5000]
        called = called_by_name(text, self.settings)
        words = text if called is None else called
        understanding = understanding_of(words)
        is_addressed = mentions_bot or called is not None
        stance = Stance.ADDRESSED if is_addressed else Stance.EAVESDROPPING
        message = Message(_PLACE, "ask", "", "ask", words, self.now, mentions_bot=mentions_bot)
        decision = self._command(words) or decide(
            message,
            understanding,
            stance=stance,
            facts=self.facts,
            knowledge=self.knowledge,
            settings=self.settings,
        )
        confidence = decision.confidence if decision.entry else understanding.confidence
        return {
            "text": text,
            "label": understanding.label,
            "topic": understanding.topic,
            "action": decision.action,
            "entry": decision.entry.key if decision.entry else None,
            "confidence": round(float(confidence), 4),
            "reply": self._reply(decision, words),
        }

    def _command(self, text: str) -> Decision | None:
        command = commands.parse(text)
        if command is None:
            return None
        route = BY_NAME.get(command.name)
        may = route is not None and Role.STUDENT in route.readers
        action = Action.ANSWER if may else Action.REFUSE
        return Decision(action, understanding_of(text).topic)

    def _reply(self, decision: Decision, text: str) -> str:
        """What would be said, unsigned; empty where nothing would be."""
        match decision.action:
            case Action.ANSWER if decision.entry is not None:
                return texts.answer(decision.text, source_of(decision.entry, self.sources))
            case Action.HAND_OFF if decision.missing and decision.entry is not None:
                source = source_of(decision.entry, self.sources)
                said = texts.not_published(decision.text, source, decision.missing, 0, self.tutor)
            case Action.HAND_OFF:
                said = texts.handed_off(0, self.tutor)
            case Action.ASK_BACK if decision.choices:
                return texts.ask_back([entry.question for entry in decision.choices])
            case Action.ASK_BACK:
                return texts.at_your_service(self.settings.name)
            case Action.COMPLAINT:
                about = is_about_tutor(text, decision.topic)
                said = texts.complaint_taken(0, is_private=False, about_tutor=about)
            case Action.DISTRESS:
                return texts.distress(self.settings.hotline, self.tutor)
            case Action.PRIVACY:
                return texts.privacy_hint()
            case Action.REFUSE:
                return texts.not_allowed() if commands.parse(text) else texts.refused()
            case _:
                return ""
        return said.replace("T-0", _NUMBER)
