"""Intake: a complaint, a request or a suggestion, taken down in at most four messages.

The number stands from the first of them; every later step may be skipped, by word or by silence.
Only in private: what begins in a group goes on there, and the group hears none of it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from handlers import texts, texts_commands, texts_intake
from handlers.clocks import LADDER, due_of
from handlers.context import Context, Outcome, Reply
from handlers.decision import Stance, is_about_tutor
from handlers.hand_offs import (
    card_for,
    is_kept_from,
    owners_of,
    private_chat,
    reaches_in_private,
    to_each,
)
from handlers.understanding import mask, normalise, understand
from storage.cases import Step, StepKind
from storage.interactions import Kind, Record
from storage.prompts import Prompt
from storage.questions import Category, HandOff, Level
from storage.vocabulary import Action, ConversationKind, Label, Outgoing, Role, Topic

T = TypeVar("T")

INTAKE = "intake"
#: So long the next answer may take; to somebody who has yet to come from the group, longer.
ASKED_FOR = timedelta(hours=1)
ASKED_FROM_GROUP_FOR = timedelta(hours=24)
MOST_NUMBERS = 6
COUNTED_OVER = timedelta(hours=12)
ONE_DAY = timedelta(hours=24)

WORDS: dict[str, Category] = {
    "投诉": Category.COMPLAINT,
    "诉求": Category.REQUEST,
    "建议": Category.SUGGESTION,
    "咨询": Category.INQUIRY,
}
#: A number of its own, whatever comes of it.
NUMBERED = frozenset({Category.COMPLAINT, Category.REQUEST, Category.SUGGESTION})
KINDS: dict[Category, Kind] = {
    Category.COMPLAINT: Kind.COMPLAINT,
    Category.REQUEST: Kind.REQUEST,
    Category.SUGGESTION: Kind.SUGGESTION,
    Category.CORRECTION: Kind.PERSONAL,
    Category.ERASURE: Kind.PERSONAL,
}
#: What a topic read out of the words alone does not settle.
_UNSAID = frozenset({Topic.NONE, Topic.OTHER, Topic.CONTACT})
#: Whoever did not answer may well have been the tutor.
_SOMEBODY_DID_NOT = re.compile(r"没人|没有人|没回|不回|没理|不理|没管|不管|态度|敷衍|推来推去|骂")
_RUNGS = LADDER.index
_SKIP = frozenset({"跳过", "略过", "跳", "没有", "没", "无", "不用", "不用了", "0"})
_TOPICS = (Topic.CONTACT, Topic.OTHER, Topic.PLATFORM_LOGIN, Topic.FEES, Topic.OTHER)
_SORTS = (Category.INQUIRY, Category.REQUEST, Category.COMPLAINT, Category.SUGGESTION)


class Stage(StrEnum):
    """What was asked last."""

    WHAT = "what"
    SORT = "sort"
    WHOM = "whom"
    WANTS = "wants"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Course:
    """Where something goes: whose it is, whether the tutor may know, and whether that is sure."""

    level: Level
    is_hidden: bool
    is_sure: bool = True


# -- rules ----------------------------------------------------------------------------------------


def course_of(category: Category, text: str, topic: Topic) -> Course:
    """
    Whose something is by its words.

    A complaint that does not say what it is about, or only that somebody did not do something, is
    kept from the tutor until it does: one that reaches the supervisor first is merely slow.
    """
    if category is Category.INQUIRY:
        return Course(Level.TUTOR, is_hidden=False)
    if is_about_tutor(text, Topic.NONE):
        return Course(Level.UNIT, is_hidden=True)
    if category is not Category.COMPLAINT:
        return Course(Level.UNIT, is_hidden=is_about_tutor(text, topic))
    if topic in _UNSAID or _SOMEBODY_DID_NOT.search(text):
        return Course(Level.UNIT, is_hidden=True, is_sure=False)
    return Course(Level.TUTOR, is_hidden=False)


def category_in(text: str) -> Category | None:
    """What something told to the province is, where it says so itself; else it is asked."""
    for word, category in WORDS.items():
        if text.startswith((word, f"我要{word}", f"我想{word}")):
            return category
    return None


def due_text(context: Context, item: HandOff) -> str:
    """「12月2日 17:30」: when somebody will have answered at the latest."""
    return texts.instant(due_of(item, context.working, context.now, ()).at, context.now)


def takes_anything(prompt: Prompt) -> bool:
    """Whether all was asked, and what comes now is only what somebody wants to add."""
    return bool(json.loads(prompt.detail)["stage"] == Stage.MORE)


def owner_text(item: HandOff) -> str:
    """Who has it, in words."""
    return texts_intake.owner_in_words(item.level, is_hidden=is_kept_from(item, Role.TUTOR))


def actor_of(context: Context) -> str:
    """The speaker, as the history writes them."""
    person_id = context.speaker.person_id
    if person_id is not None:
        return f"person:{person_id}"
    return f"{context.message.conversation.platform}:{context.message.sender_id}"


def opened_record(item: HandOff) -> Record:
    """The ledger's row of something that has got a number."""
    return Record(
        kind=KINDS.get(item.category, Kind.QUESTION),
        action=Action.COMPLAINT,
        topic=item.topic,
        article="第二十三条" if item.level is Level.PROVINCE else "第十三条",
        hand_off=item.number,
        is_about_tutor=is_kept_from(item, Role.TUTOR),
    )


def _is_numbered(item: HandOff) -> bool:
    return item.category in NUMBERED or item.level is Level.PROVINCE


# -- use cases ------------------------------------------------------------------------------------


async def open_case(
    context: Context, category: Category, text: str, course: Course, *, topic: Topic
) -> HandOff:
    """A number, an owner and a clock from this message on; it lives in the private chat."""
    assert context.room is not None
    message = context.message
    if not context.is_private and await reaches_in_private(context):
        alone = private_chat(message.conversation, message.sender_id)
        message = replace(message, conversation=alone)
    item = await context.uow.questions.add(
        message,
        kind=Label.COMPLAINT if category is Category.COMPLAINT else Label.QUESTION,
        class_id=context.room.id,
        person_id=context.speaker.person_id,
        event_id=context.event_id,
        text=mask(text),
        topic=topic,
        is_about_tutor=course.is_hidden,
        surface_at=None,
        category=category,
        level=_level(context, course.level),
    )
    context.waiting.append(item)
    return item


async def bring(context: Context, item: HandOff, news: str = "") -> tuple[Outgoing, ...]:
    """The cards to whoever has it, with what is new; a tutor's are the same as for a question."""
    assert context.room is not None
    if item.level is Level.TUTOR:
        return card_for(item, context.room, context.now)
    people = await owners_of(context.uow, item, context.room, context.now)
    text = texts_intake.case_card(
        number=item.number,
        class_name=context.room.name,
        category=texts.CATEGORY_NAMES[item.category],
        asker=item.asker_name,
        text=f"{item.text}；{mask(news)}" if news else item.text,
        due=due_text(context, item),
    )
    # It may come to the same desk twice: first by its words, then because of what was added.
    key = f"case:{item.number}:{context.event_id}"
    return to_each(people, context.room, item.conversation, key=key, text=text, about=item.number)


async def add_to(context: Context, item: HandOff, text: str) -> tuple[HandOff, Sequence[Outgoing]]:
    """
    More about it, on record with the message it came in (and so its pictures).

    Where only this says that it is about the tutor, it is the unit's from now on.
    """
    said = mask(text).strip() or "〔图片或文件〕"
    context.uow.cases.note(
        Step(
            item.number,
            context.message.sent_at,
            StepKind.ADDED,
            actor_of(context),
            said,
            context.event_id,
        )
    )
    is_news = item.category is Category.COMPLAINT and not item.is_about_tutor
    if is_news and is_about_tutor(text, Topic.NONE):
        item = await _change(context, item, is_about_tutor=True, level=_hidden_level(context, item))
        return item, await bring(context, item, text)
    return item, ()


async def _change(context: Context, item: HandOff, **changes: Any) -> HandOff:
    changed = await context.uow.questions.amend(item, **changes)
    context.waiting[:] = [changed if it.number == item.number else it for it in context.waiting]
    return changed


def _level(context: Context, level: Level) -> Level:
    """The level, or the next that there is: a class may have no tutor, and no unit."""
    assert context.room is not None
    if level is Level.TUTOR and context.room.tutors:
        return level
    return Level.PROVINCE if context.room.unit_id is None else max(level, Level.UNIT, key=_RUNGS)


def _hidden_level(context: Context, item: HandOff) -> Level:
    return _level(context, Level.UNIT) if item.level is Level.TUTOR else item.level


def _is_direct(context: Context, item: HandOff) -> bool:
    """Told to the province past everybody else, and not only because there is nobody else."""
    assert context.room is not None
    return item.level is Level.PROVINCE and context.room.unit_id is not None


async def ask(context: Context, item: HandOff, stage: Stage, lasts: timedelta) -> None:
    """What the asker says in private from now on belongs to it."""
    place = context.message.conversation
    if not context.is_private:
        place = private_chat(place, context.message.sender_id)
    detail = json.dumps({"number": item.number, "stage": stage})
    prompt = Prompt(INTAKE, detail, context.now + lasts)
    await context.uow.prompts.put(place, context.message.sender_id, prompt)


def _after_what(context: Context, item: HandOff, course: Course) -> Stage:
    """What is worth asking once it is known what happened; what the words say is not asked."""
    if _is_direct(context, item):
        return Stage.WANTS if category_in(item.text) else Stage.SORT
    return Stage.WANTS if course.is_sure else Stage.WHOM


def _question(stage: Stage) -> str:
    return {
        Stage.WHAT: texts_intake.intake_what,
        Stage.SORT: texts_intake.intake_sort,
        Stage.WHOM: texts_intake.intake_whom,
        Stage.WANTS: texts_intake.intake_wants,
        Stage.MORE: texts_intake.intake_what,
    }[stage]()


async def _over_the_cap(context: Context) -> HandOff | None:
    """The one that more is added to, if this person has had as many numbers as there are."""
    message = context.message
    recent = await context.uow.questions.of_asker(
        message.conversation.platform,
        message.sender_id,
        context.speaker.person_id,
        since=context.now - COUNTED_OVER,
        limit=200,
    )
    numbered = [item for item in recent if _is_numbered(item)]
    if len(numbered) < MOST_NUMBERS:
        return None
    newest = next((item for item in numbered if item.closed_at is None), numbered[0])
    if newest.closed_at is not None and await context.uow.cases.reopen(
        newest, newest.level, context.now
    ):
        # All are settled: said to a closed one it would be read by nobody.
        step = Step(newest.number, context.now, StepKind.REOPENED, actor_of(context))
        context.uow.cases.note(step)
    return newest


# -- chat handlers ---------------------------------------------------------------------------------


async def begin(
    context: Context, category: Category | None, text: str, *, province: bool = False
) -> Outcome:
    """
    「投诉 …」, 「诉求」, 「建议：…」, 「省校 …」: a number at once, then what is still missing.

    `category` None is for the province, where it is asked if the words do not tell.
    """
    if context.room is None:
        words = (
            texts_commands.which_class() if context.is_private else texts_commands.group_not_bound()
        )
        return Outcome((Reply(words),))
    await context.uow.flush()
    known = await _over_the_cap(context)
    if known is not None:
        return await _added(context, known, text, words=texts_intake.added_by_cap(known.number))
    topic = understand(text).topic if text else Topic.NONE
    if province:
        found = category or category_in(text) or Category.COMPLAINT
        # Straight to the province means past the tutor, whatever it turns out to be.
        course = Course(Level.PROVINCE, is_hidden=is_about_tutor(text, topic))
    else:
        found = category or Category.INQUIRY
        course = course_of(found, text, topic)
    said = text or context.message.text
    item = await open_case(context, found, said, course, topic=topic)
    stage = _after_what(context, item, course) if text else Stage.WHAT
    others = await bring(context, item) if text else ()
    return await _receipt(context, item, stage, others, is_addressed=True)


async def complain(context: Context, stance: Stance, *, is_faint: bool = False) -> Outcome:
    """
    A complaint nobody announced: more of it is added, not numbered anew.

    Where it may be about something else (`is_faint`) a person reads it all the same, and nothing is
    said.
    """
    assert context.room is not None
    await context.uow.flush()
    is_addressed = stance is Stance.ADDRESSED
    text, topic = context.message.text, context.understanding.topic
    known = next((it for it in context.waiting if it.category is Category.COMPLAINT), None)
    if known is None and (known := await _over_the_cap(context)) is not None:
        words = texts_intake.added_by_cap(known.number)
        return await _added(context, known, text, words=words, is_said=is_addressed)
    if known is not None:
        words = texts_intake.complaint_added(known.number)
        return await _added(context, known, text, words=words, is_said=is_addressed)
    was_told = await _was_shown_the_way(context)
    course = course_of(Category.COMPLAINT, text, topic)
    item = await open_case(context, Category.COMPLAINT, text, course, topic=topic)
    others = await bring(context, item)
    if is_faint:
        return Outcome((), opened_record(item), tuple(others))
    may_speak = stance is not Stance.LISTENING and not was_told
    stage = _after_what(context, item, course)
    return await _receipt(
        context, item, stage, others, is_addressed=is_addressed, may_speak=may_speak
    )


async def _was_shown_the_way(context: Context) -> bool:
    message = context.message
    lately = await context.uow.questions.of_asker(
        message.conversation.platform,
        message.sender_id,
        context.speaker.person_id,
        since=context.now - ONE_DAY,
    )
    return any(item.category is Category.COMPLAINT for item in lately)


async def _receipt(
    context: Context,
    item: HandOff,
    stage: Stage,
    others: Sequence[Outgoing],
    *,
    is_addressed: bool,
    may_speak: bool = True,
) -> Outcome:
    """The number, in private; in the group a word that there is one, and only if asked there."""
    lasts = ASKED_FOR if context.is_private else ASKED_FROM_GROUP_FOR
    await ask(context, item, stage, lasts)
    words = texts_intake.intake_opened(
        item.number,
        texts.CATEGORY_NAMES[item.category],
        owner_text(item),
        due_text(context, item),
        _question(stage),
    )
    record = opened_record(item)
    if context.is_private:
        return Outcome((Reply(words, about=item.number),), record, tuple(others))
    instead = texts_intake.intake_way() if may_speak else ""
    if is_addressed:
        instead = texts_intake.intake_how_to_begin()
    told = Reply(words, about=item.number, is_quoting=False, in_private=True, else_in_group=instead)
    aloud = is_addressed and await reaches_in_private(context)
    replies = (Reply(texts_intake.intake_is_private()), told) if aloud else (told,)
    return Outcome(replies, record, tuple(others))


async def _added(
    context: Context, item: HandOff, text: str, *, words: str, is_said: bool = True
) -> Outcome:
    item, others = await add_to(context, item, text)
    record = Record(
        kind=Kind.ADDITION,
        action=Action.COMPLAINT,
        topic=item.topic,
        article="第十三条",
        hand_off=item.number,
        is_about_tutor=is_kept_from(item, Role.TUTOR),
    )
    if not is_said:
        return Outcome((), record, tuple(others))
    instead = "" if context.is_private else texts_intake.intake_how_to_begin()
    reply = Reply(
        words,
        about=item.number,
        is_quoting=context.is_private,
        in_private=not context.is_private,
        else_in_group=instead,
    )
    return Outcome((reply,), record, tuple(others))


async def resume(context: Context, text: str) -> Outcome | None:
    """
    The answer to what intake asked last; None where the message is for somebody else.

    A cry for help goes before everything; a number that has been closed takes no more.
    """
    assert context.prompt is not None
    if not context.is_private or context.understanding.label is Label.DISTRESS:
        return None
    await context.uow.flush()
    asked = json.loads(context.prompt.detail)
    item = await context.uow.questions.get(asked["number"])
    if item is None or item.closed_at is not None or context.room is None:
        await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
        return None
    if item.conversation.kind is ConversationKind.GROUP:
        # It began in a group from which nobody could be written to; now they have come.
        item = await _change(context, item, conversation=context.message.conversation)
    stage = Stage(asked["stage"])
    word = normalise(text).strip(" 。.!！")
    if word.removeprefix("我要") in WORDS:
        await ask(context, item, stage, ASKED_FOR)
        return Outcome(
            (Reply(texts_intake.intake_stands(item.number, _question(stage)), item.number),)
        )
    if not word:
        return await _evidence(context, item, stage)
    match stage:
        case Stage.WHAT:
            return await _told_what(context, item, text, is_skipped=word in _SKIP)
        case Stage.SORT:
            return await _told_sort(context, item, text, word)
        case Stage.WHOM:
            return await _told_whom(context, item, text, word)
        case Stage.WANTS:
            return await _told_wants(context, item, text, is_skipped=word in _SKIP)
    await ask(context, item, Stage.MORE, ASKED_FOR)
    item, others = await add_to(context, item, text)
    reply = Reply(texts_intake.complaint_added(item.number), about=item.number)
    return Outcome((reply,), others=tuple(others))


async def _evidence(context: Context, item: HandOff, stage: Stage) -> Outcome:
    item, others = await add_to(context, item, "")
    await ask(context, item, stage, ASKED_FOR)
    question = "" if stage is Stage.MORE else _question(stage)
    reply = Reply(texts_intake.intake_evidence(question), about=item.number)
    return Outcome((reply,), others=tuple(others))


async def _told_what(context: Context, item: HandOff, text: str, *, is_skipped: bool) -> Outcome:
    if is_skipped:
        return await _ask_next(context, item, Stage.WANTS, await bring(context, item))
    item, _ = await add_to(context, item, text)
    topic = understand(text).topic
    if _is_direct(context, item):
        known = category_in(item.text) or category_in(text)
        item = await _of_category(
            context,
            item,
            known or item.category,
            text=mask(text),
            topic=topic,
            is_about_tutor=is_about_tutor(text, topic),
        )
        stage = Stage.SORT if known is None else Stage.WANTS
        return await _ask_next(context, item, stage, await bring(context, item))
    course = course_of(item.category, text, topic)
    item = await _change(
        context,
        item,
        text=mask(text),
        topic=topic,
        level=_level(context, course.level),
        is_about_tutor=course.is_hidden,
    )
    stage = _after_what(context, item, course)
    return await _ask_next(context, item, stage, await bring(context, item))


async def _told_sort(context: Context, item: HandOff, text: str, word: str) -> Outcome:
    category = _choice(word, texts_intake.SORTS, _SORTS)
    others: Sequence[Outgoing] = ()
    if category is not None:
        item = await _of_category(context, item, category)
    elif word not in _SKIP:
        item, others = await add_to(context, item, text)
    return await _ask_next(context, item, Stage.WANTS, others)


async def _told_whom(context: Context, item: HandOff, text: str, word: str) -> Outcome:
    """Only now is it known whose it is; the tutor hears of it if it is not about them."""
    others: Sequence[Outgoing] = ()
    topic = _choice(word, texts_intake.WHOM, _TOPICS)
    if topic is None and word not in _SKIP:
        item, others = await add_to(context, item, text)
        course = course_of(item.category, text, understand(text).topic)
        topic = None if not course.is_sure or course.is_hidden else understand(text).topic
    if topic is Topic.CONTACT or (topic is not None and is_about_tutor(item.text, topic)):
        item = await _change(context, item, topic=topic, is_about_tutor=True)
    elif topic is not None:
        item = await _change(
            context, item, topic=topic, is_about_tutor=False, level=_level(context, Level.TUTOR)
        )
        others = (*others, *(await bring(context, item)))
    return await _ask_next(context, item, Stage.WANTS, others)


async def _told_wants(context: Context, item: HandOff, text: str, *, is_skipped: bool) -> Outcome:
    if not is_skipped:
        item = await _change(context, item, wants=mask(text))
        item, others = await _wants_somebody_else(context, item, text)
    else:
        others = ()
    await ask(context, item, Stage.MORE, ASKED_FOR)
    topic = "" if item.topic in (Topic.NONE, Topic.OTHER) else texts.TOPIC_NAMES[item.topic]
    words = texts_intake.intake_done(
        item.number,
        texts.CATEGORY_NAMES[item.category],
        "教师" if item.topic is Topic.CONTACT else topic,
        item.wants,
        owner_text(item),
        due_text(context, item),
    )
    return Outcome((Reply(words, about=item.number),), others=tuple(others))


async def _wants_somebody_else(
    context: Context, item: HandOff, text: str
) -> tuple[HandOff, Sequence[Outgoing]]:
    """「换个老师」 says whom it is about, 「老师快点回」 does not."""
    if item.is_about_tutor or "换" not in text or not is_about_tutor(text, Topic.NONE):
        return item, ()
    item = await _change(context, item, is_about_tutor=True, level=_hidden_level(context, item))
    return item, await bring(context, item, text)


async def _of_category(
    context: Context, item: HandOff, category: Category, **changes: Any
) -> HandOff:
    """What came straight to the province is this."""
    return await _change(
        context,
        item,
        category=category,
        kind=Label.COMPLAINT if category is Category.COMPLAINT else Label.QUESTION,
        **changes,
    )


async def _ask_next(
    context: Context, item: HandOff, stage: Stage, others: Sequence[Outgoing]
) -> Outcome:
    await ask(context, item, stage, ASKED_FOR)
    reply = Reply(texts_intake.intake_noted(_question(stage)), about=item.number)
    return Outcome((reply,), others=tuple(others))


def _choice(word: str, names: Sequence[str], values: Sequence[T]) -> T | None:
    """「2」 or 「教务」."""
    for index, (name, value) in enumerate(zip(names, values, strict=True), 1):
        if word in (str(index), name):
            return value
    return None
