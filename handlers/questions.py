"""Questions: answered from what is published, asked back, noted, or handed to the tutor."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from handlers import (
    phrasing,
    pictures,
    roster,
    texts,
    texts_commands,
    texts_greeting,
    texts_hand_offs,
)
from handlers.alike import find_alike
from handlers.attention import understanding_of
from handlers.care import call_for_help, shield
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import (
    SPEECHLESS,
    Decision,
    Stance,
    answer_with,
    article_of,
    called_by_name,
    decide,
    of_scope,
    query_of,
)
from handlers.faq import Entry, Match
from handlers.hand_offs import answer_due, cards_for, hand_off, seconds_between, to_tutors
from handlers.intake import complain
from handlers.recent import PIECES_WITHIN, Turn
from handlers.understanding import Understanding, is_fragment, is_only_a_call, mask, questions_in
from storage.interactions import Kind, Record
from storage.people import CONFIDENT, ClassRoom
from storage.prompts import Prompt
from storage.questions import HandOff, SolvedBy, State
from storage.vocabulary import Action, Label, Outgoing, Role, Topic

CHOICE = "choice"
CHOICE_LASTS = timedelta(minutes=10)
#: A page is no question: what it means is asked back sooner.
SURE_OF_A_PICTURE = 0.85
#: Where a wrong reading can be put right by whoever sent it.
_TELLS_WHAT_WAS_SEEN = frozenset({Action.ANSWER, Action.ASK_BACK, Action.HAND_OFF})
#: What a tutor said longer ago may be out of date.
EARLIER_ANSWERS = timedelta(days=30)

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
    spoke = context.recent.tutor_spoke_at(context.message.conversation, context.now)
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
    if stance is Stance.ADDRESSED and (context.found.seen or context.found.heard):
        found_out = await _with_what_was_found(context, text)
        if found_out is not None:
            return found_out
    if context.understanding.label is Label.QUESTION and stance is not Stance.LISTENING:
        found = await several(context, text, stance)
        if found is not None:
            return found
    decision = decision_for(context, text, context.understanding, stance)
    if decision.action is Action.ASK_BACK and decision.choices:
        decision = _as_phrased(context, decision)
    elif decision.action is Action.ASK_BACK and _is_unread(context):
        decision = Decision(Action.HAND_OFF, decision.topic)
    return await _do(context, decision, stance)


async def _do(context: Context, decision: Decision, stance: Stance) -> Outcome:
    match decision.action:
        case Action.ANSWER:
            return await _answer(context, decision)
        case Action.ASK_BACK:
            return await _ask_back(context, decision)
        case Action.HAND_OFF:
            return await _hand_over(context, decision)
        case Action.WATCH:
            return await _watch(context)
        case Action.COMPLAINT:
            return await complain(context, stance, is_faint=decision.is_faint)
        case Action.DISTRESS:
            return await call_for_help(context, is_faint=decision.is_faint)
        case Action.PRIVACY:
            return await shield(context)
        case Action.REFUSE:
            return _refuse(decision)
    return SILENCE


async def _with_what_was_found(context: Context, text: str) -> Outcome | None:
    """
    The words put together with what a picture shows; or what a voice message says, as if typed.

    Neither is ever a command. None where the words alone decide.
    """
    found = context.found
    words, query = found.heard, found.heard
    understanding = understanding_of(found.heard)
    said = texts.heard_in_voice(found.heard)
    if not found.heard:
        if text.strip() and context.understanding.label not in (Label.QUESTION, Label.CHITCHAT):
            return None
        gist = pictures.gist(found.seen)
        query = " ".join((text.strip(), *gist)).strip()
        words = texts.with_picture(text.strip(), " ".join(found.seen))
        understanding = pictures.understood(text, found.seen)
        said = texts.seen_in_picture(" ".join(gist))
    surer = max(context.settings.answer_floor, SURE_OF_A_PICTURE if found.seen else 0)
    settings = context.settings.model_copy(update={"answer_floor": surer})
    decision = decision_for(
        replace(context, settings=settings), query, understanding, Stance.ADDRESSED
    )
    message = replace(context.message, text=words)
    outcome = await _do(
        replace(context, message=message, understanding=understanding), decision, Stance.ADDRESSED
    )
    if not outcome.replies or decision.action not in _TELLS_WHAT_WAS_SEEN:
        return outcome
    first, *others = outcome.replies
    return replace(outcome, replies=(replace(first, text=f"{said}\n{first.text}"), *others))


def _is_unread(context: Context) -> bool:
    """Something came with the words that nobody here could read."""
    has_more = any(item.kind in SPEECHLESS for item in context.message.attachments)
    return has_more and not context.found.seen and not context.found.heard


def doubt(context: Context) -> phrasing.Doubt | None:
    """
    What a language model may be asked: a question put to the bot that it would ask back about.

    None wherever anything else is to be done.
    """
    message = context.message
    called = called_by_name(message.text, context.settings)
    text = message.text if called is None else called
    understanding = context.understanding
    if (
        context.room is None
        or context.role in (Role.TUTOR, Role.SUPERVISOR)
        or bool(context.speaker.tutored)
        or context.prompt is not None
        or message.reply_to
        or understanding.label is not Label.QUESTION
        or stance_of(context, is_called=called is not None) is not Stance.ADDRESSED
        or len(questions_in(text, context.turn.topic if context.turn else None)) > 1
    ):
        return None
    decision = decision_for(context, text, understanding, Stance.ADDRESSED)
    if decision.action is not Action.ASK_BACK or not decision.choices:
        return None
    query = query_of(text, understanding)
    matches = context.knowledge.search(query, topic=understanding.topic, limit=phrasing.MOST)
    candidates = phrasing.candidates_of(of_scope(matches, context.scope), context.facts)
    asked = phrasing.masked_further(mask(text))
    return phrasing.Doubt(asked, candidates, context.facts) if candidates else None


def _as_phrased(context: Context, decision: Decision) -> Decision:
    """
    The answer a language model chose and put into words, if it still stands; else as it was.

    That a model phrased it is on the audit list; the ledger's row names the entry.
    """
    phrased = context.found.phrased
    entry = phrased and next(
        (it for it in context.knowledge.entries if it.key == phrased.entry), None
    )
    entry = entry.within(context.scope) if entry else None
    if phrased is None or entry is None:
        return decision
    (chosen,) = phrasing.candidates_of((Match(entry, decision.confidence),), context.facts) or (
        None,
    )
    if chosen is None or phrasing.objection(phrased.text, chosen, context.facts):
        # What the school has published may have changed meanwhile.
        return decision
    context.uow.audit.add(
        at=context.now,
        actor=f"language_model:{phrased.model}",
        action="answer.phrased",
        target=entry.key,
        detail=f"event:{context.event_id}",
    )
    words = texts.phrased_by_model(phrased.text, entry.question)
    return replace(decision, action=Action.ANSWER, entry=entry, text=words, choices=())


def decision_for(
    context: Context, text: str, understanding: Understanding, stance: Stance
) -> Decision:
    """`decide` with what the context knows."""
    message = context.message
    return decide(
        message if message.text == text else replace(message, text=text),
        understanding,
        stance=stance,
        facts=context.facts,
        knowledge=context.knowledge,
        settings=context.settings,
        scope=context.scope,
    )


async def several(context: Context, text: str, stance: Stance) -> Outcome | None:
    """
    Several questions in one message: one tidy answer, what is left over handed on as one.

    None where there is only one, or none of them can be answered here.
    """
    previous = context.turn.topic if context.turn else None
    parts = questions_in(text, previous)
    if len(parts) < 2:
        return None
    answers: dict[str, tuple[str, Decision]] = {}
    rest: list[tuple[str, Understanding]] = []
    for part, understanding in parts:
        decision = decision_for(context, part, understanding, stance)
        entry = decision.entry
        if decision.action is Action.ANSWER and entry is not None and not entry.is_personal:
            answers.setdefault(entry.key, (part, decision))
        elif understanding.label is Label.QUESTION:
            rest.append((part, understanding))
    if not answers or len(answers) + bool(rest) < 2:
        return None
    records = [_answered(context, decision) for _, decision in answers.values()]
    await _settle_pieces(context)
    others: tuple[Outgoing, ...] = ()
    number = None
    if rest:
        left_over = replace(
            context,
            message=replace(context.message, text="；".join(part for part, _ in rest)),
            understanding=rest[0][1],
        )
        if stance is Stance.ADDRESSED:
            handed = await _hand_over(
                left_over, Decision(Action.HAND_OFF, rest[0][1].topic), looks_back=False
            )
        else:
            handed = await _watch(left_over)
        assert handed.record is not None
        records.append(handed.record)
        others, number = handed.others, handed.record.hand_off
    words = texts.several(
        [
            (part, d.text, source_of(d.entry, context.sources))
            for part, d in answers.values()
            if d.entry
        ],
        handed_off=number if stance is Stance.ADDRESSED else None,
        tutor=context.room.tutor.name if context.room and context.room.tutor else None,
    )
    last = list(answers.values())[-1][1]
    return Outcome(
        (Reply(words, about=number),),
        records[0],
        others,
        further=tuple(records[1:]),
        turn=_turn(context, last.topic),
    )


def _turn(context: Context, topic: Topic, entry: str = "") -> Turn:
    return Turn(topic, entry, context.event_id)


def _nowhere(context: Context, stance: Stance) -> Outcome:
    """Spoken to by somebody, or in a group, that belongs to no class."""
    if stance is not Stance.ADDRESSED:
        return SILENCE
    sentence = (
        texts_commands.which_class() if context.is_private else texts_commands.group_not_bound()
    )
    return Outcome((Reply(sentence),))


async def _answer(context: Context, decision: Decision) -> Outcome:
    decision = await roster.completed(context, decision)
    assert decision.entry is not None
    message = context.message
    is_late = context.now - message.sent_at > context.settings.stale_after
    record = _answered(context, decision)
    await _settle_pieces(context)
    turn = _turn(context, decision.entry.topic, decision.entry.key)
    before = context.recent.answered_at(message.conversation, decision.entry.key, message.sent_at)
    if before is not None:
        # The group has it on the screen: the same page again helps nobody.
        said = (
            await roster.private_words(context, decision) if context.is_private else decision.text
        )
        words = texts.answered_just_now(said, f"{before:%H:%M}")
        return Outcome((Reply(words),), record, turn=turn)
    source = source_of(decision.entry, context.sources)
    is_unknown = decision.entry.is_personal and context.speaker.person_id is None
    # Said in private below: what is only the asker's stands in nothing else.
    text = await roster.private_words(context, decision)
    text = texts.personal_needs_binding(text) if is_unknown else text
    words = texts.answer(text, source, is_late=is_late)
    if decision.entry.is_personal and not context.is_private:
        aside = Reply(words, is_quoting=False, in_private=True)
        return Outcome((Reply(texts.personal_goes_private()), aside), record)
    return Outcome((Reply(words),), record, turn=turn)


def _answered(context: Context, decision: Decision) -> Record:
    """The ledger's row of an answer of ours."""
    assert decision.entry is not None
    return Record(
        kind=Kind.QUESTION,
        action=Action.ANSWER,
        topic=decision.entry.topic,
        article=decision.entry.article or article_of(decision.entry.topic),
        solved_by=SolvedBy.BOT,
        first_reply_seconds=seconds_between(context.message.sent_at, context.now, context.blind),
        entry=decision.entry.key,
    )


def _refuse(decision: Decision) -> Outcome:
    """What is not the asker's to ask for; where an entry has kind words for it, these."""
    record = Record(
        Kind.REFUSAL,
        Action.REFUSE,
        topic=decision.topic,
        article=(decision.entry.article if decision.entry else "") or "第十三条",
        entry=decision.entry.key if decision.entry else "",
    )
    return Outcome((Reply(decision.text or texts_commands.refused()),), record)


async def _ask_back(context: Context, decision: Decision) -> Outcome:
    if not decision.choices:
        message = context.message
        is_beginning = not message.text.strip() or is_fragment(message.text)
        place, sender = message.conversation, message.sender_id
        if is_beginning and context.recent.was_greeted(place, sender, message.sent_at):
            # 「老师」, 「在吗」, 「我想问一下」: the question is coming.
            return SILENCE
        words = texts.at_your_service(context.settings.name)
        if is_only_a_call(message.text):
            words = texts_greeting.here()
        return Outcome((Reply(words),), is_greeting=True)
    await _offer(context, decision)
    record = Record(
        kind=Kind.QUESTION,
        action=Action.ASK_BACK,
        topic=decision.topic,
        article=article_of(decision.topic),
        first_reply_seconds=seconds_between(context.message.sent_at, context.now, context.blind),
    )
    questions = [entry.question for entry in decision.choices]
    return Outcome((Reply(texts.ask_back(questions)),), record)


async def _offer(context: Context, decision: Decision) -> None:
    """A digit from the asker is waited for; 0 is none of them and goes to the tutor."""
    detail = {
        "entries": [entry.key for entry in decision.choices],
        "event": context.event_id,
        "topic": decision.topic,
    }
    await context.uow.prompts.put(
        context.message.conversation,
        context.message.sender_id,
        Prompt(CHOICE, json.dumps(detail), context.now + CHOICE_LASTS),
    )


async def _answered_before(context: Context, decision: Decision) -> Outcome | None:
    """What a person has told this very class in answer to the same question, lately."""
    assert context.room is not None
    text = mask(context.message.text)
    if context.message.attachments or not text.strip():
        return None
    kept = context.lately.answered
    if context.room.id not in kept:
        # For every class that asks in this batch at once.
        class_ids = {context.room.id, *context.lately.rooms}
        since = context.now - EARLIER_ANSWERS
        kept |= await context.uow.questions.answered_in(class_ids, since)
    answered = kept[context.room.id]
    alike = find_alike(text, decision.topic, (item for item, _ in answered), context.knowledge)
    if not alike:
        return None
    item, name = next(pair for pair in answered if pair[0] is alike[0])
    assert item.closed_at is not None
    assert item.answer is not None
    await _offer(context, decision)
    words = texts.answered_before(
        name, texts.instant(item.closed_at, context.now), item.text, item.answer
    )
    record = Record(
        kind=Kind.QUESTION,
        action=Action.ANSWER,
        topic=item.topic,
        article=article_of(item.topic),
        solved_by=SolvedBy.BOT,
        first_reply_seconds=seconds_between(context.message.sent_at, context.now, context.blind),
        hand_off=item.number,
    )
    return Outcome((Reply(words),), record, turn=_turn(context, item.topic))


async def _hand_over(context: Context, decision: Decision, *, looks_back: bool = True) -> Outcome:
    assert context.room is not None
    room = context.room
    waiting = _same_question(context)
    is_noted = waiting is not None and waiting.state is State.WATCHED
    if waiting is not None and not is_noted:
        return _asked_again(context, room, waiting, decision)
    if looks_back and (answered := await _answered_before(context, decision)) is not None:
        return answered
    if waiting is not None:
        # Noted a moment ago, perhaps only its beginning: from now on a person is waited for.
        item = await context.uow.questions.promote(waiting, mask(context.message.text))
        context.waiting[:] = [item if it is waiting else it for it in context.waiting]
    else:
        item = await hand_off(context, Label.QUESTION, surface_at=None)
    tutor = room.tutor.name if room.tutor else None
    due = answer_due(context, item)
    if decision.missing:
        source = source_of(decision.entry, context.sources) if decision.entry else ""
        sentence = texts.not_published(
            decision.text, source, decision.missing, item.number, tutor, due
        )
    elif _is_unread(context):
        sentence = f"{texts.words_please()}\n{texts.handed_off(item.number, tutor, due)}"
    else:
        sentence = texts.handed_off(item.number, tutor, due)
    return Outcome(
        (Reply(sentence, about=item.number),),
        _question_record(context, Action.HAND_OFF, decision, item.number),
        await cards_for(context, item, room),
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
        text=texts_hand_offs.card_again(waiting.number, waiting.asker_name),
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
    """What this student still waits for, if this message asks it again, or asks it to the end."""
    text = mask(context.message.text).strip()
    for item in context.waiting:
        if item.kind is Label.QUESTION and text and item.text.strip() == text:
            return item
    return next(iter(_pieces(context)), None)


def _pieces(context: Context) -> list[HandOff]:
    """The beginning of this very question, noted a moment ago when it came alone."""
    text = mask(context.message.text)
    return [
        item
        for item in context.waiting
        if item.kind is Label.QUESTION
        and item.state is State.WATCHED
        and item.text.strip() in text
        and timedelta() < context.message.sent_at - item.asked_at <= PIECES_WITHIN
    ]


async def _settle_pieces(context: Context) -> None:
    """The question is answered; its beginning must not go to the tutor ten minutes later."""
    for item in _pieces(context):
        context.waiting.remove(item)
        context.lately.forget()
        await context.uow.questions.close(
            item, at=context.now, solved_by=SolvedBy.BOT, by=None, answer=""
        )


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
    return await _answer(context, decision)


async def _hand_over_original(context: Context, event_id: int, decision: Decision) -> Outcome:
    """Hand over the question itself, not the digit that followed it."""
    original = (await context.uow.inbox.messages([event_id])).get(event_id)
    if original is None:
        return await _hand_over(context, decision, looks_back=False)
    understood = replace(context.understanding, topic=decision.topic)
    asked = replace(
        context, message=original, event_id=event_id, understanding=understood, prompt=None
    )
    return await _hand_over(asked, decision, looks_back=False)
