"""`ask`: what the bot would do with a text, and nothing done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers import commands, texts, texts_commands, texts_greeting, texts_intake
from handlers.attention import understanding_of
from handlers.decision import Decision, Stance, called_by_name, decide
from handlers.encoder import Encoder
from handlers.faq import Knowledge, Scope
from handlers.questions import source_of
from handlers.routes import BY_NAME
from handlers.settings import BotSettings
from handlers.understanding import is_only_a_call
from handlers.wording import fold
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Message,
    Platform,
    Role,
    Topic,
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
    scope: Scope = ()
    encoder: Encoder | None = None

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
            knowledge=self._informed(words, understanding.topic),
            settings=self.settings,
            scope=self.scope,
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

    def _informed(self, text: str, topic: Topic) -> Knowledge:
        """The knowledge, with the meaning of the text where its words leave it open."""
        if self.encoder is None or not self.knowledge.wants_vector(text, topic):
            return self.knowledge
        return self.knowledge.with_vectors({text: self.encoder.encode([fold(text)])[0]})

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
            case Action.ANSWER if decision.entry is not None and decision.entry.is_personal:
                return texts.personal_goes_private()
            case Action.ANSWER if decision.entry is not None:
                return texts.answer(decision.text, source_of(decision.entry, self.sources))
            case Action.HAND_OFF if decision.missing and decision.entry is not None:
                source = source_of(decision.entry, self.sources)
                said = texts.not_published(decision.text, source, decision.missing, 0, self.tutor)
            case Action.HAND_OFF:
                said = texts.handed_off(0, self.tutor)
            case Action.ASK_BACK if decision.choices:
                return texts.ask_back([entry.question for entry in decision.choices])
            case Action.ASK_BACK if is_only_a_call(text):
                return texts_greeting.here()
            case Action.ASK_BACK:
                return texts.at_your_service(self.settings.name)
            case Action.COMPLAINT | Action.DISTRESS if decision.is_faint:
                return ""
            case Action.COMPLAINT:
                return texts_intake.intake_is_private()
            case Action.DISTRESS:
                return texts_intake.distress(self.settings.hotlines, self.tutor)
            case Action.PRIVACY:
                return texts.privacy_hint()
            case Action.REFUSE if decision.text:
                return decision.text
            case Action.REFUSE:
                return (
                    texts_commands.not_allowed()
                    if commands.parse(text)
                    else texts_commands.refused()
                )
            case _:
                return ""
        return said.replace("T-0", _NUMBER)
