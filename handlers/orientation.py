"""Orientation (入学教育, article 11): one welcome a person and class, then seven cards.

A card comes when it is asked for (「下一步」), or by itself every second day at ten where the bot
may write to somebody alone. Only the student says that they are through.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, time, timedelta

from handlers import texts, texts_commands
from handlers import texts_orientation as words
from handlers.classes import one_room, own_rooms
from handlers.commands import BadCommand
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.faq import SLOT
from handlers.hand_offs import reaches_in_private
from handlers.reminding import allowed_from
from storage.interactions import Kind, Record
from storage.orientation import Orientation, Standing
from storage.people import ClassRoom
from storage.tasks import Completion, How
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Conversation, ConversationKind, Outgoing, Topic

#: What the term calendar calls it.
MATTER = "入学教育"
ARTICLE = "第十一条"
#: Those who join within so long are welcomed by one message.
GATHER = timedelta(minutes=3)
EVERY_DAYS = 2
AT = time(10)
_END = " 。.!！~～"
_STEP = re.compile(r"第?\s*(\d{1,2})\s*步?")
_NUDGE = ("催", "催一下", "提醒")

# -- rules ----------------------------------------------------------------------------------------


def is_step(argument: str) -> bool:
    """「3」, 「第3步」."""
    return _STEP.fullmatch(argument.strip()) is not None


def next_card_at(now: datetime) -> datetime:
    """When the next card comes by itself."""
    return datetime.combine(now.date() + timedelta(days=EVERY_DAYS), AT, now.tzinfo)


def card(number: int, facts: Mapping[str, str]) -> str:
    """A card with its slots filled verbatim; a line with an unfilled one is left out."""
    lines = [
        SLOT.sub(lambda slot: facts[slot[1]], line)
        for line in words.CARDS[number - 1].text.split("\n")
        if all(facts.get(name) for name in SLOT.findall(line))
    ]
    return words.card(number, "\n".join(lines))


def record(action: Action = Action.ANSWER, task: int | None = None) -> Record:
    """What goes on the tutor's record."""
    return Record(Kind.ORIENTATION, action, Topic.ENROLLMENT, ARTICLE, task=task)


# -- who has come ---------------------------------------------------------------------------------


async def expect(
    uow: UnitOfWork, group: Conversation, users: Collection[str], now: datetime
) -> None:
    """These have joined a group: if it is a class's, they are welcomed in a few minutes."""
    if not users:
        return
    found = await uow.people.classes_of_groups([group], now)
    room = found.get((group.platform, group.account, group.id))
    if room is not None:
        await uow.orientations.expect(room.id, group, users, now + GATHER)


# -- chat handlers --------------------------------------------------------------------------------


async def orientation(context: Context, argument: str) -> Outcome:
    """「入学教育」: a student's next card, or 「入学教育 3」 once more; the tutor's list."""
    if context.speaker.duties:
        return await _for_staff(context, argument.strip())
    if context.room is None:
        why = words.need_a_class() if context.is_private else texts_commands.group_not_bound()
        raise UserError(why)
    if not await reaches_in_private(context):
        return Outcome((Reply(words.begin_in_private()),))
    item = await _own(context) or await _begun(context, context.room)
    if (match := _STEP.fullmatch(argument.strip())) is not None:
        return _again(context, item, int(match[1]))
    if item.standing is Standing.DONE:
        return _say(context, words.finished_before())
    if item.standing is Standing.INVITED or item.step == 0:
        return await _show_next(context, item)
    await context.uow.orientations.move(
        item, step=item.step, standing=Standing.RUNNING, next_at=_by_itself(item.step, context.now)
    )
    return _say(context, card(item.step, context.facts), record())


async def go_on(context: Context, text: str) -> Outcome | None:
    """「下一步」, 「暂停」 … in private; None where that means something else."""
    word = text.strip(_END)
    if word not in (words.NEXT, words.PAUSE, words.GO_ON, words.FINISH):
        return None
    if not context.is_private or context.speaker.duties:
        return None
    item = await _own(context)
    if item is None or item.standing is Standing.DONE:
        return None
    if word == words.PAUSE:
        if item.standing is not Standing.RUNNING:
            return None
        await context.uow.orientations.move(
            item, step=item.step, standing=Standing.PAUSED, next_at=None
        )
        return _say(context, words.paused(item.step))
    if word == words.GO_ON and item.standing is Standing.INVITED:
        return None
    if item.step < len(words.CARDS):
        if word == words.FINISH:
            return _say(context, words.not_through(item.step)) if item.step else None
        return await _show_next(context, item)
    return await _finish(context, item)


async def _own(context: Context) -> Orientation | None:
    speaker, place = context.speaker, context.message.conversation
    accounts = [(place.platform, context.message.sender_id)]
    if speaker.person_id is not None:
        accounts = await context.uow.orientations.accounts_of(speaker.person_id)
    class_ids = set(speaker.class_ids) | ({context.room.id} if context.room else set())
    return await context.uow.orientations.of(class_ids, accounts)


async def _begun(context: Context, room: ClassRoom) -> Orientation:
    """Of somebody who was never welcomed."""
    place, user = context.message.conversation, context.message.sender_id
    await context.uow.orientations.begin(room.id, _group_of(room, place), user, context.now)
    begun = await context.uow.orientations.of([room.id], [(place.platform, user)])
    assert begun is not None
    return begun


def _group_of(room: ClassRoom, near: Conversation) -> Conversation:
    """The class's group by which the speaker can be reached; one without an id if there is none."""
    if near.kind is ConversationKind.GROUP:
        return near
    for group in room.groups:
        if not near.via_group and (group.platform, group.account) == (near.platform, near.account):
            return group.conversation
    return Conversation(near.platform, near.account, ConversationKind.GROUP, near.via_group)


async def _show_next(context: Context, item: Orientation) -> Outcome:
    step = item.step + 1
    if item.welcomed_at is None:
        # They have found the way by themselves.
        await context.uow.orientations.welcomed([item.id], context.now)
    await context.uow.orientations.move(
        item, step=step, standing=Standing.RUNNING, next_at=_by_itself(step, context.now)
    )
    return _say(context, card(step, context.facts), record())


def _by_itself(step: int, now: datetime) -> datetime | None:
    return next_card_at(now) if step < len(words.CARDS) else None


def _again(context: Context, item: Orientation, number: int) -> Outcome:
    if not 1 <= number <= len(words.CARDS):
        raise UserError(words.only_seven())
    if number > item.step:
        raise UserError(words.not_seen_yet(number))
    return _say(context, card(number, context.facts), record())


async def _finish(context: Context, item: Orientation) -> Outcome:
    """They are through; what the term calendar still reminds them of is done with it."""
    now, uow = context.now, context.uow
    await uow.orientations.move(
        item, step=item.step, standing=Standing.DONE, next_at=None, finished_at=now
    )
    person_id = context.speaker.person_id
    armed = [task for task in await uow.tasks.armed([item.class_id]) if task.matter == MATTER]
    if person_id is not None and armed:
        by = f"{item.group.platform}:{context.message.sender_id}"
        numbers = [task.number for task in armed]
        done = [
            Completion(number, person_id, True, How.SAID, words.FINISH, by, now)
            for number in numbers
        ]
        await uow.tasks.complete(done)
        await uow.obligations.stop(numbers, person_id, by=f"done:{by}", now=now)
    task = armed[0].number if armed else None
    return _say(context, words.finished(), record(task=task))


def _say(context: Context, text: str, row: Record | None = None) -> Outcome:
    """In private, wherever it was asked."""
    reply = Reply(text, is_quoting=False)
    if not context.is_private:
        reply = Reply(
            text, is_quoting=False, in_private=True, else_in_group=words.begin_in_private()
        )
    return Outcome((reply,), row)


# -- for the tutor --------------------------------------------------------------------------------


async def _for_staff(context: Context, argument: str) -> Outcome:
    if not context.is_private:
        raise UserError(texts_commands.only_in_private())
    if not argument:
        lines = [await _report(context, room) for room in await own_rooms(context)]
        return Outcome((Reply("\n".join([*lines, words.how_to_nudge()])),), _command())
    is_nudge = any(argument.endswith(word) for word in _NUDGE)
    if is_nudge:
        room, rest = await one_room(context, argument, "/入学教育 班级 催")
        if rest in _NUDGE:
            return await _nudge(context, room)
    raise BadCommand(texts_commands.usage(words.usage()))


async def _report(context: Context, room: ClassRoom) -> str:
    uow = context.uow
    items = await _there(context, await uow.orientations.open_in(room.id))
    names, strangers = await uow.orientations.names(items)
    if await _is_everybodys(context, room):
        known = {it.person_id for it in names}
        for student, _, _ in await uow.orientations.not_begun(room.id):
            if student.person_id not in known:
                known.add(student.person_id)
                names.append(student)
        strangers += await uow.orientations.unbound(room.id)
    done = await uow.orientations.finished_in(room.id)
    return words.unfinished(room.name, done, [(it.name, it.step) for it in names], strangers)


async def _is_everybodys(context: Context, room: ClassRoom) -> bool:
    """Whether the calendar has the whole class do it, not only who has joined since."""
    return any(it.matter == MATTER for it in await context.uow.tasks.armed([room.id]))


async def _there(context: Context, items: Iterable[Orientation]) -> list[Orientation]:
    """Those who have not left the group again; whoever came without one is there."""
    by_group: dict[Conversation, list[Orientation]] = {}
    for item in items:
        by_group.setdefault(item.group, []).append(item)
    kept: list[Orientation] = []
    for group, own in by_group.items():
        gone = await context.uow.orientations.gone(group, [it.user_id for it in own])
        kept += [it for it in own if it.user_id not in gone]
    return sorted(kept, key=lambda it: it.id)


async def _nudge(context: Context, room: ClassRoom) -> Outcome:
    """To those alone who are not through, each in private, once a day."""
    uow, now = context.uow, context.now
    if await _is_everybodys(context, room):
        groups = {group.platform: group.conversation for group in reversed(room.groups)}
        begun: set[int] = set()
        for student, platform, user in await uow.orientations.not_begun(room.id):
            if platform in groups and student.person_id not in begun:
                begun.add(student.person_id)
                await uow.orientations.begin(room.id, groups[platform], user, now)
    items = await _there(context, await uow.orientations.open_in(room.id))
    reachable = [it for it in items if await may_write_first(context, it)]
    keys = {it.id: f"orientation-nudge:{it.id}:{now:%Y-%m-%d}" for it in reachable}
    known = await uow.outbox.known(list(keys.values()))
    messages = [
        Outgoing(
            key=keys[it.id],
            conversation=it.private,
            text=words.nudge(room.name, it.step),
            is_push=True,
        )
        for it in reachable
        if keys[it.id] not in known
    ]
    at = allowed_from(now, context.reminders)
    later = texts.instant(at, now) if at > now else ""
    reply = words.nudged(len(messages), len(items) - len(reachable), len(known), later)
    outcome = Outcome((Reply(reply),), _command())
    if not later:
        return Outcome(outcome.replies, outcome.record, tuple(messages))
    for message in messages:
        signed = texts.signed(context.settings.name, message.text)
        uow.outbox.add(
            Outgoing(message.key, message.conversation, signed, is_push=True),
            now=now,
            not_before=at,
        )
    return outcome


async def may_write_first(context: Context, item: Orientation) -> bool:
    """Whether the bot may write to them alone: the platform allows it, or they have begun."""
    if context.capabilities[item.group.platform].writes_first:
        return True
    return await context.uow.inbox.has_heard(item.private)


def _command() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article=ARTICLE)
