"""Mine: what somebody may ask about themselves: how it goes, what is kept, what is wrong."""

import json
from dataclasses import replace

from handlers import commands, texts, texts_commands, texts_hand_offs, texts_intake
from handlers.clocks import next_level
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.hand_offs import owners_of, to_each
from handlers.intake import (
    ASKED_FOR,
    Course,
    Stage,
    actor_of,
    ask,
    bring,
    due_text,
    open_case,
    opened_record,
    owner_text,
)
from handlers.records import KIND_NAMES
from storage import erasure
from storage.cases import Step, StepKind
from storage.questions import Category, HandOff, Level, State
from storage.vocabulary import ConversationKind, Label, Platform, Topic

USAGE = "/进度 T-12"
CONTENT = 10
PLATFORM_NAMES = {Platform.QQ: "QQ", Platform.WECHAT: "微信", Platform.PLAYGROUND: "演示"}

# -- rules ----------------------------------------------------------------------------------------


def is_own(context: Context, item: HandOff) -> bool:
    """Whether the speaker has asked it, from this account or another of theirs."""
    if item.person_id is not None and item.person_id == context.speaker.person_id:
        return True
    is_here = item.conversation.platform == context.message.conversation.platform
    return is_here and item.asker_id == context.message.sender_id


def is_public(item: HandOff) -> bool:
    """A plain question from a group: everybody there has read it."""
    return (
        item.conversation.kind is ConversationKind.GROUP
        and item.category is Category.INQUIRY
        and item.kind is Label.QUESTION
    )


def masked(number: str) -> str:
    """「2430000000001」 → 「2430*****0001」."""
    if len(number) <= 6:
        return number[:1] + "*" * max(0, len(number) - 1)
    return (
        f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}"
        if len(number) > 8
        else (f"{number[:2]}{'*' * (len(number) - 4)}{number[-2:]}")
    )


def state_in_words(item: HandOff) -> str:
    """Where it stands."""
    if item.state is State.CLOSED:
        return "已办结"
    if item.state is State.WATCHED:
        return "已记下，等待答复"
    return "办理中" if item.first_replied_at is not None else "等待答复"


# -- chat handlers ---------------------------------------------------------------------------------


async def progress(context: Context, argument: str) -> Outcome:
    """
    「进度 T-3」: the asker's own, and nobody else's; 「进度」: everything of theirs that is open.

    What was not asked in public is told in private only, and so is that there is no such number:
    whoever reads the group along learns nothing from either.
    """
    await context.uow.flush()
    if not argument.strip():
        return await _all_open(context)
    number = commands.number_only(argument, USAGE)
    item = await context.uow.questions.get(number)
    if item is None or not is_own(context, item):
        if context.is_private:
            raise UserError(texts_hand_offs.no_such_number(number))
        return _aside(context, texts_hand_offs.no_such_number(number), "进度")
    words = _progress(context, item)
    if context.is_private or is_public(item):
        return Outcome((Reply(words),))
    return _aside(context, words, "进度")


def _progress(context: Context, item: HandOff) -> str:
    is_open = item.closed_at is None
    # In a group everybody reads along, so what was answered is only repeated in private.
    is_sharable = (context.is_private or not is_public(item)) and item.kind is not Label.DISTRESS
    is_quiet = item.kind is Label.DISTRESS or not is_open
    return texts_intake.progress_of(
        item.number,
        texts.CATEGORY_NAMES[item.category],
        state_in_words(item),
        texts.instant(item.asked_at, context.now),
        owner="" if is_quiet else owner_text(item),
        due="" if is_quiet or item.state is State.WATCHED else due_text(context, item),
        answer=(item.answer or "") if is_sharable and not is_open else "",
    )


async def _all_open(context: Context) -> Outcome:
    items = await _open_items(context)
    lines = [
        texts_intake.open_item(
            item.number,
            texts.CATEGORY_NAMES[item.category],
            state_in_words(item),
            "" if item.state is State.WATCHED else due_text(context, item),
        )
        for item in items[:CONTENT]
    ]
    words = texts_intake.open_items(lines) if lines else texts_intake.nothing_open()
    if context.is_private:
        return Outcome((Reply(words),))
    return _aside(context, words, "进度")


async def _open_items(context: Context) -> list[HandOff]:
    found = await context.uow.questions.of_asker(
        context.message.conversation.platform,
        context.message.sender_id,
        context.speaker.person_id,
        only_open=True,
    )
    # Whoever was in distress is not handed a case number.
    return [item for item in found if item.kind is not Label.DISTRESS]


def _aside(context: Context, words: str, word: str) -> Outcome:
    """In private; where that cannot be, how to ask there."""
    reply = Reply(
        words, is_quoting=False, in_private=True, else_in_group=texts_intake.ask_in_private(word)
    )
    return Outcome((reply,))


async def own_record(context: Context, argument: str) -> Outcome:
    """「我的记录」: what is kept about the speaker."""
    await context.uow.flush()
    place, speaker = context.message.conversation, context.speaker
    kept = await context.uow.personal.file_of(
        place.platform, context.message.sender_id, speaker.person_id
    )
    held: dict[str, int] = {}
    if speaker.person_id is not None and not speaker.duties:
        who = await erasure.whose(context.uow, speaker.person_id, is_searched=False)
        held = await erasure.held(context.uow, who)
    words = texts_intake.own_record(
        name=kept.name,
        student_no=masked(kept.student_no),
        classes=kept.classes,
        accounts=[f"{PLATFORM_NAMES[where]} {masked(who)}" for where, who in kept.accounts],
        rows=[(KIND_NAMES[kind], count) for kind, count in kept.rows],
        since=texts.instant(kept.since, context.now) if kept.since else "",
        held=[(erasure.WORDS[name], count) for name, count in held.items()],
        open_numbers=[item.number for item in await _open_items(context)],
    )
    if context.is_private:
        return Outcome((Reply(words),))
    return _aside(context, words, "我的记录")


async def correct(context: Context, argument: str) -> Outcome:
    """「更正 …」: a person looks into it; no program changes a record."""
    return await _right(context, Category.CORRECTION, argument, "更正")


async def erase(context: Context, argument: str) -> Outcome:
    """「删除 …」: likewise; what the law keeps is kept, and that is what the answer says."""
    return await _right(context, Category.ERASURE, argument, "删除")


async def _right(context: Context, category: Category, argument: str, word: str) -> Outcome:
    if not context.is_private:
        return _aside(context, texts_intake.rights_usage(word), word)
    if context.room is None:
        raise UserError(texts_commands.which_class())
    if not argument.strip():
        raise UserError(texts_intake.rights_usage(word))
    await context.uow.flush()
    name = texts.CATEGORY_NAMES[category]
    same = [item for item in await _open_items(context) if item.category is category]
    if same:
        step = Step(
            same[0].number,
            context.message.sent_at,
            StepKind.ADDED,
            actor_of(context),
            texts.clip(argument),
            context.event_id,
        )
        context.uow.cases.note(step)
        return Outcome((Reply(texts_intake.complaint_added(same[0].number), about=same[0].number),))
    course = Course(Level.UNIT, is_hidden=False)
    item = await open_case(context, category, argument, course, topic=Topic.OTHER)
    words = texts_intake.rights_opened(item.number, name, due_text(context, item))
    return Outcome(
        (Reply(words, about=item.number),), opened_record(item), await bring(context, item)
    )


async def give_mark(context: Context, digit: str) -> Outcome | None:
    """
    「5」 after something was closed; None where there is nothing to mark any more.

    1 or 2 opens it again, one level up: whoever closed it is not asked to judge themselves.
    """
    assert context.prompt is not None
    asked = json.loads(context.prompt.detail)
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    await context.uow.flush()
    item = await context.uow.questions.get(asked["number"])
    if item is None or item.closed_at is None or item.reopened != asked["closure"]:
        return None
    mark = int(digit)
    if not await context.uow.cases.rate(item, mark, context.now):
        return None
    actor = actor_of(context)
    step = Step(item.number, context.now, StepKind.RATED, actor, str(mark), context.event_id)
    context.uow.cases.note(step)
    if mark > 2:
        return Outcome((Reply(texts_intake.mark_thanked(item.number, mark)),))
    level = next_level(item.level) or item.level
    if not await context.uow.cases.reopen(item, level, context.now):
        return None
    context.uow.cases.note(
        Step(item.number, context.now, StepKind.REOPENED, actor, f"{mark} → {level}")
    )
    room = await context.uow.people.get_class(item.class_id, context.now)
    again = replace(item, level=level)
    people = await owners_of(context.uow, again, room, context.now)
    text = texts_intake.reopened_card(
        item.number, room.name, texts.CATEGORY_NAMES[item.category], mark
    )
    key = f"reopened:{item.number}:{item.reopened}"
    told = to_each(people, room, item.conversation, key=key, text=text, about=item.number)
    await ask(context, item, Stage.MORE, ASKED_FOR)
    reply = Reply(texts_intake.mark_reopens(item.number, mark, level), about=item.number)
    return Outcome((reply,), others=told)
