"""Consent: everybody is told once what is kept of them, and may refuse (PIPL 14, 17).

Whoever has refused still gets what anybody may read, and help where life is at stake; nothing of
theirs is kept that leads back to them.
"""

from dataclasses import replace

from handlers import commands, texts_consent
from handlers.context import Context, Outcome, Reply
from handlers.decision import Stance
from handlers.questions import decision_for
from storage.consents import Consent
from storage.interactions import Kind
from storage.vocabulary import Action, Label, Platform

#: Raised with every change of what the notice says: everybody is told again.
VERSION = 1
#: Stands in the record for whoever has refused.
NOBODY = "refused"
#: Nobody reads a notice then.
_NOT_NOW = frozenset({Label.DISTRESS, Label.PRIVACY_LEAK, Label.COMMAND_FORGERY, Label.INJECTION})
#: What whoever has refused may still order, by any of its names.
_ALLOWED = frozenset(
    {"隐私", "不同意", "同意", "我的记录", "更正", "删除", "帮助", "help", "?", "？", "命令"}
)
_KEEPS = frozenset({Action.HAND_OFF, Action.WATCH, Action.COMPLAINT})
_AGREES = frozenset({"同意", "我同意", "/同意"})


async def with_notice(context: Context, outcome: Outcome) -> Outcome:
    """The outcome, with the notice below the first reply an account ever gets."""
    if (
        not context.settings.tells_what_is_kept
        or _now(context).version >= VERSION
        or not outcome.replies
        or context.speaker.duties
        or context.message.is_anonymous
        or context.understanding.label in _NOT_NOW
        or (outcome.record is not None and outcome.record.kind is Kind.FLOOD)
    ):
        return outcome
    *others, last = outcome.replies
    is_private = context.is_private or last.in_private
    words = texts_consent.first_contact(is_private=is_private)
    await _note(context, has_refused=_now(context).refused_at is not None)
    return replace(outcome, replies=(*others, replace(last, text=f"{last.text}\n{words}")))


async def show(context: Context, argument: str) -> Outcome:
    """「隐私」: what is kept, how long, who sees it, how to refuse."""
    has_refused = context.consent.refused_at is not None
    await _note(context, has_refused=has_refused)
    words = texts_consent.notice(has_refused=has_refused)
    return Outcome((Reply(words, in_private=True, else_in_group=words),))


async def refuse(context: Context, argument: str) -> Outcome:
    """「不同意」: from now on nothing is kept under their name."""
    await _note(context, has_refused=True)
    return Outcome((Reply(texts_consent.refused()),))


async def agree(context: Context, argument: str) -> Outcome:
    """「同意」 takes the refusal back."""
    await _note(context, has_refused=False)
    return Outcome((Reply(texts_consent.agreed()),))


async def for_refuser(context: Context, text: str) -> Outcome | None:
    """What somebody who has refused gets in place of what would be kept; None: the usual."""
    if context.consent.refused_at is None or context.speaker.duties:
        return None
    if text.strip(" 。.!！") in _AGREES:
        return await agree(context, "")
    command = commands.parse(text)
    if command is not None:
        return None if command.name in _ALLOWED else _refusal()
    if text.strip() in _ALLOWED or text.startswith(("更正", "删除")):
        return None
    if context.understanding.label in _NOT_NOW or context.room is None:
        return None
    is_addressed = context.is_private or context.message.mentions_bot
    stance = Stance.ADDRESSED if is_addressed else Stance.EAVESDROPPING
    decision = decision_for(context, text, context.understanding, stance)
    if decision.action in _KEEPS or (decision.entry is not None and decision.entry.is_personal):
        return _refusal() if is_addressed else Outcome()
    return None


def leaves_no_trace(context: Context, outcome: Outcome) -> bool:
    """Whether neither the words nor the account are to be kept."""
    is_asked_for = _now(context).refused_at is not None and not context.speaker.duties
    return is_asked_for and (outcome.record is None or outcome.record.hand_off is None)


def _refusal() -> Outcome:
    return Outcome((Reply(texts_consent.needs_agreement()),))


def _now(context: Context) -> Consent:
    """As this very message has left it."""
    return context.uow.consents.changed.get(_key(context), context.consent)


def _key(context: Context) -> tuple[Platform, str]:
    return context.message.conversation.platform, context.message.sender_id


async def _note(context: Context, *, has_refused: bool) -> None:
    now, before = context.now, _now(context).refused_at
    refused_at = (before or now) if has_refused else None
    await context.uow.consents.set(_key(context), VERSION, refused_at, now)
    if has_refused is not (before is not None):
        context.uow.audit.add(
            at=now,
            actor=":".join(_key(context)),
            action="consent.refused" if has_refused else "consent.given",
            target=f"notice:{VERSION}",
        )
