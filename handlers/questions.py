"""Questions: answered from what is published, asked back, noted, or handed to the tutor."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from handlers import texts
from handlers.care import call_for_help, complain, shield
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import Decision, Stance, answer_with, article_of, decide
from handlers.faq import Entry
from handlers.hand_offs import card_for, hand_off, seconds_between, to_tutors
from handlers.understanding import mask
from storage.interactions import Kind, Record
from storage.people import CONFIDENT, ClassRoom
from storage.prompts import Prompt
from storage.questions import HandOff, SolvedBy
from storage.vocabulary import Action, Label, Topic

CHOICE = "choice"
CHOICE_LASTS = timedelta(minutes=10)

# -- rules ----------------------------------------------------------------------------------------


def stance_of(context: Context, *, is_called: bool) -> Stance:
    """Whether the bot was spoken to, and if not, whether it may speak."""
    message, room = context.message, context.room
    if context.is_private:
        return Stance.ADDRESSED
    if room is not None and room.is_quiet(context.now):
        return Stance.LISTENING
    if message.mentions_bot or is_called:
        return Stance.ADDRESSED
    if room is None or room.speak_mode != CONFIDENT:
        return Stance.LISTENING
    if context.now - message.sent_at > context.settings.stale_after:
        return Stance.LISTENING
    if is_tutor_answering(context):
        return Stance.LISTENING
    # A quoted message is a word to whoever wrote that one, not to the bot.
    return Stance.LISTENING if message.reply_to else Stance.EAVESDROPPING


def is_tutor_answering(context: Context) -> bool:
    """The tutor has just spoken here: what is asked now is the tutor's."""
    spoke = context.tutor_spoke_at
    return spoke is not None and context.now - spoke <= context.settings.tutor_is_answering


def source_of(entry: Entry, sources: Mapping[str, str]) -> str:
    """
    〔文号 第 N 条〕 of an answer.

    Where its slots were published in documents, these are its source, else the entry's own.
    """
    documents = dict.fromkeys(sources[slot] for slot in entry.slots if slot in sources)
    return texts.source_line(tuple(documents), entry.source, entry.article)


# -- chat handlers ---------------------------------------------------------------------------------


async def hear(context: Context, text: str, *, is_called: bool) -> Outcome:
    """Whatever a student says that is no command: decided, done, recorded."""
    stance = stance_of(context, is_called=is_called)
    if context.room is None:
        return _nowhere(context, stance)
    message = context.message
    decision = decide(
        replace(message, text=text),
        context.understanding,
        stance=stance,
        facts=context.facts,
        knowledge=context.knowledge,
        settings=context.settings,
        scope=context.scope,
    )
    match decision.action:
        case Action.ANSWER:
            return _answer(context, decision)
        case Action.ASK_BACK:
            return await _ask_back(context, decision)
        case Action.HAND_OFF:
            return await _hand_over(context, decision)
        case Action.WATCH:
            return await _watch(context)
        case Action.COMPLAINT:
            return await complain(context, is_silent=stance is Stance.LISTENING)
        case Action.DISTRESS:
            return await call_for_help(context)
        case Action.PRIVACY:
            return await shield(context)
        case Action.REFUSE:
            return _refuse(decision)
    return SILENCE


def _nowhere(context: Context, stance: Stance) -> Outcome:
    """Spoken to by somebody, or in a group, that belongs to no class."""
    if stance is not Stance.ADDRESSED:
        return SILENCE
    sentence = texts.which_class() if context.is_private else texts.group_not_bound()
    return Outcome((Reply(sentence),))


def _answer(context: Context, decision: Decision) -> Outcome:
    assert decision.entry is not None
    message = context.message
    is_late = context.now - message.sent_at > context.settings.stale_after
    record = Record(
        kind=Kind.QUESTION,
        action=Action.ANSWER,
        topic=decision.entry.topic,
        article=decision.entry.article or article_of(decision.entry.topic),
        solved_by=SolvedBy.BOT,
        first_reply_seconds=seconds_between(message.sent_at, context.now, context.blind),
        entry=decision.entry.key,
    )
    source = source_of(decision.entry, context.sources)
    is_unknown = decision.entry.is_personal and context.speaker.person_id is None
    text = texts.personal_needs_binding(decision.text) if is_unknown else decision.text
    words = texts.answer(text, source, is_late=is_late)
    if decision.entry.is_personal and not context.is_private:
        aside = Reply(words, is_quoting=False, in_private=True)
        return Outcome((Reply(texts.personal_goes_private()), aside), record)
    return Outcome((Reply(words),), record)


def _refuse(decision: Decision) -> Outcome:
    """What is not the asker's to ask for; where an entry has kind words for it, these."""
    record = Record(
        Kind.REFUSAL,
        Action.REFUSE,
        topic=decision.topic,
        article=(decision.entry.article if decision.entry else "") or "第十三条",
        entry=decision.entry.key if decision.entry else "",
    )
    return Outcome((Reply(decision.text or texts.refused()),), record)


async def _ask_back(context: Context, decision: Decision) -> Outcome:
    if not decision.choices:
        return Outcome((Reply(texts.at_your_service(context.settings.name)),))
    await context.uow.prompts.put(
        context.message.conversation,
        context.message.sender_id,
        Prompt(
            CHOICE,
            json.dumps(
                {
                    "entries": [entry.key for entry in decision.choices],
                    "event": context.event_id,
                    "topic": decision.topic,
                }
            ),
            context.now + CHOICE_LASTS,
        ),
    )
    record = Record(
        kind=Kind.QUESTION,
        action=Action.ASK_BACK,
        topic=decision.topic,
        article=article_of(decision.topic),
        first_reply_seconds=seconds_between(context.message.sent_at, context.now, context.blind),
    )
    questions = [entry.question for entry in decision.choices]
    return Outcome((Reply(texts.ask_back(questions)),), record)


async def _hand_over(context: Context, decision: Decision) -> Outcome:
    assert context.room is not None
    room = context.room
    waiting = _same_question(context)
    if waiting is not None:
        return _asked_again(context, room, waiting, decision)
    item = await hand_off(context, Label.QUESTION, surface_at=None)
    tutor = room.tutor.name if room.tutor else None
    if decision.missing:
        source = source_of(decision.entry, context.sources) if decision.entry else ""
        sentence = texts.not_published(decision.text, source, decision.missing, item.number, tutor)
    elif not context.message.text.strip():
        sentence = f"{texts.words_please()}\n{texts.handed_off(item.number, tutor)}"
    else:
        sentence = texts.handed_off(item.number, tutor)
    return Outcome(
        (Reply(sentence, about=item.number),),
        _question_record(context, Action.HAND_OFF, decision, item.number),
        card_for(item, room, context.now),
    )


def _asked_again(
    context: Context, room: ClassRoom, waiting: HandOff, decision: Decision
) -> Outcome:
    """The same words again: the tutor is reminded, but not before there was time to answer."""
    is_nudged = context.now - waiting.asked_at >= room.grace
    cards = to_tutors(
        room,
        context.message.conversation,
        key=f"again:{context.event_id}",
        text=texts.card_again(waiting.number, waiting.asker_name),
        about=waiting.number,
    )
    reply = Reply(texts.handed_off_again(waiting.number, is_nudged=is_nudged), about=waiting.number)
    record = _question_record(context, Action.HAND_OFF, decision, waiting.number)
    return Outcome((reply,), record, cards if is_nudged else ())


async def _watch(context: Context) -> Outcome:
    """Noted for the tutor; nothing is said. In a quiet class it is on the list at once."""
    assert context.room is not None
    item = _same_question(context)
    if item is None:
        is_quiet = context.room.is_quiet(context.now)
        surface_at = None if is_quiet else context.message.sent_at + context.room.grace
        item = await hand_off(context, Label.QUESTION, surface_at=surface_at)
    record = Record(
        kind=Kind.QUESTION,
        action=Action.WATCH,
        topic=item.topic,
        article=article_of(item.topic),
        hand_off=item.number,
    )
    return Outcome(record=record)


def _question_record(context: Context, action: Action, decision: Decision, number: int) -> Record:
    return Record(
        kind=Kind.QUESTION,
        action=action,
        topic=decision.topic,
        article=article_of(decision.topic),
        hand_off=number,
        entry=decision.entry.key if decision.entry else "",
    )


def _same_question(context: Context) -> HandOff | None:
    """What this student still waits for, if this message asks it again."""
    text = mask(context.message.text).strip()
    for item in context.waiting:
        if item.kind is Label.QUESTION and text and item.text.strip() == text:
            return item
    return None


async def choose(context: Context, digit: str) -> Outcome:
    """「2」 after the bot asked back."""
    assert context.prompt is not None
    asked = json.loads(context.prompt.detail)
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    keys: list[str] = asked["entries"]
    topic = Topic(asked["topic"])
    wanted = keys[int(digit) - 1] if 1 <= int(digit) <= len(keys) else ""
    found = next((it for it in context.knowledge.entries if it.key == wanted), None)
    entry = found.within(context.scope) if found else None
    if entry is None:
        return await _hand_over_original(context, asked["event"], Decision(Action.HAND_OFF, topic))
    decision = answer_with(entry, entry.topic, context.facts)
    if decision.missing:
        return await _hand_over_original(context, asked["event"], decision)
    if decision.action is Action.REFUSE:
        return _refuse(decision)
    return _answer(context, decision)


async def _hand_over_original(context: Context, event_id: int, decision: Decision) -> Outcome:
    """Hand over the question itself, not the digit that followed it."""
    original = (await context.uow.inbox.messages([event_id])).get(event_id)
    if original is None:
        return await _hand_over(context, decision)
    understood = replace(context.understanding, topic=decision.topic)
    asked = replace(
        context, message=original, event_id=event_id, understanding=understood, prompt=None
    )
    return await _hand_over(asked, decision)
