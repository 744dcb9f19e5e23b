"""Hand-offs: what the bot cannot settle goes to a person, whose reply closes it, once."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from handlers import texts, texts_commands, texts_desk, texts_hand_offs, texts_intake
from handlers.alike import find_alike, is_for_everybody
from handlers.clocks import due_of
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import article_of, is_about_tutor
from handlers.errors import Forbidden, UserError
from handlers.marks import ask_for_mark
from handlers.permissions import Deed, may, require
from handlers.understanding import mask
from storage.cases import CLOCK, Contact, Step, StepKind
from storage.interactions import Kind, Record
from storage.lines import Span
from storage.people import ClassRoom, Speaker, Tutor
from storage.questions import MOST_ALIKE, Category, HandOff, Level, SolvedBy, State
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Label,
    Outgoing,
    Platform,
    Role,
)

# -- rules ----------------------------------------------------------------------------------------

_LATER = "(?:晚点|晚些|待?一?会儿?|等一?会儿?|过会儿?|稍后|回头|有空|改天)"
_TELL = "(?:再|就)?(?:回复?|说|看看?|告诉|答复?|联系|处理|弄|办)?"
_NOTHING_SAID = re.compile(
    rf"(?:收到|[好行]的|好[嘞滴呀啊]?|嗯|噢|[oO0][kK]|知道了?|了解|明白|看[到见]了?|已[阅读]|在[的呢]?|来了"
    rf"|谢谢|辛苦了?|不客气|没事|稍等(?:一下|片刻|一?会儿?)?|等(?:一下|下|等)|马上(?:处理|办|看|来|回复?)?"
    rf"|(?:我|现在|正|这会儿?|目前)*[在正](?:忙|开会|上课|路上|外面|开车|出差)(?:呢|着|中)?|(?:现在|正)?忙"
    rf"|{_LATER}{_TELL}(?:[你您]们?|大家)?|(?:我|先)*[去来]?(?:看看|问问|查查|想想|[看问查想]一?下)"
    rf"|帮?[你您](?:看看|问问|查查|[看问查]一?下)|(?:正?在)?处理|[了呢啊哈吧的呀哦啦~])+"
)
_LONGEST_NOTHING = 20
#: Answers to a yes-or-no question, but only where it is plain which.
_YES_OR_NO = frozenset(
    [
        "能",
        "行",
        "对",
        "是",
        "不",
        "有",
        "无",
        "可以",
        "不用",
        "不行",
        "不能",
        "没有",
        "不是",
        "是的",
        "对的",
    ]
)

MORE_CARDS_AFTER = timedelta(minutes=10)
"""Of students who ask what another waits for, the tutor hears at most so often."""


def is_empty_reply(text: str, *, is_pointed: bool = True) -> bool:
    """
    「收到」, 「在忙」, an emoji: stops no clock.

    `is_pointed`: said to one question, by quote or number. 「可以」 may be the whole answer, but
    not where nobody knows to what.
    """
    bare = "".join(char for char in text if char.isalnum())
    if bare in _YES_OR_NO:
        return not is_pointed
    return len(bare) < 2 or (
        len(bare) <= _LONGEST_NOTHING and _NOTHING_SAID.fullmatch(bare) is not None
    )


def is_open_question(item: HandOff) -> bool:
    """An ordinary question: answered where it was asked, and one answer may do for several."""
    return item.kind is Label.QUESTION and item.category is Category.INQUIRY


def is_kept_from(item: HandOff, role: Role) -> bool:
    """
    What the tutor of its class is not to know of: a complaint about them until the hearing, and
    what went past them to the unit or the province from its first word.
    """
    if role is not Role.TUTOR:
        return False
    if item.is_about_tutor:
        return item.hearing_since is None
    went_past = item.level is not Level.TUTOR and item.level_since is None
    is_private = item.conversation.kind is ConversationKind.PRIVATE
    return went_past and (is_private or not is_open_question(item))


def seconds_between(asked: datetime, answered: datetime, blind: Iterable[Span] = ()) -> float:
    """
    How long an answer took, the time the bot could not hear left out.

    Never negative, whatever two clocks say. The spans of one account do not overlap.
    """
    missed = sum(
        max(0.0, (min(end, answered) - max(start, asked)).total_seconds()) for start, end in blind
    )
    return max(0.0, (answered - asked).total_seconds() - missed)


def is_hidden_from(speaker: Speaker, item: HandOff) -> bool:
    """Whether it is as if there were none for this speaker; asks the database nothing."""
    return item.class_id in speaker.tutored and is_kept_from(item, Role.TUTOR)


def answer_due(context: Context, item: HandOff) -> str:
    """When the school's rule has a person answer it, in words."""
    at = due_of(item, context.working, context.now, context.blind).at
    return texts.instant(at, context.now)


async def reaches_in_private(context: Context) -> bool:
    """Whether the bot may write to the speaker alone: the platform allows it, or they began."""
    place = context.message.conversation
    if context.message.is_anonymous:
        # Behind the id they share nobody reads.
        return False
    if context.is_private or context.capabilities[place.platform].writes_first:
        return True
    return await context.uow.inbox.has_heard(private_chat(place, context.message.sender_id))


def private_with(tutor: Tutor, room: ClassRoom, near: Conversation) -> Conversation | None:
    """
    Where to write to a tutor: on the platform the student used, else on any the class has.

    A QQ private chat with somebody who is not a friend needs the group they share.
    """
    groups = sorted(room.groups, key=lambda group: group.platform != near.platform)
    for group in groups:
        for platform, user_id in tutor.accounts:
            if platform == group.platform:
                return Conversation(
                    platform, group.account, ConversationKind.PRIVATE, user_id, group.group_id
                )
    for platform, user_id in tutor.accounts:
        if platform == near.platform:
            return Conversation(platform, near.account, ConversationKind.PRIVATE, user_id)
    return None


def private_of(
    accounts: Iterable[tuple[Platform, str]], room: ClassRoom, near: Conversation
) -> list[Conversation]:
    """Where the bot may find somebody who is not of the class, the student's platform first."""
    known = list(accounts)
    ours = [(near.platform, near.account), *((it.platform, it.account) for it in room.groups)]
    return [
        Conversation(platform, account, ConversationKind.PRIVATE, user_id)
        for platform, account in dict.fromkeys(ours)
        for theirs, user_id in known
        if theirs is platform
    ]


def private_chat(group: Conversation, user_id: str) -> Conversation:
    """The private chat with a member of a group, opened from it."""
    return Conversation(group.platform, group.account, ConversationKind.PRIVATE, user_id, group.id)


# -- who has it ------------------------------------------------------------------------------------


def to_tutors(
    room: ClassRoom, near: Conversation, *, key: str, text: str, about: int | None
) -> tuple[Outgoing, ...]:
    """One private message to each of the class's tutors who is not away."""
    return to_each(room.on_duty, room, near, key=key, text=text, about=about)


def to_each(
    people: Iterable[Tutor],
    room: ClassRoom,
    near: Conversation,
    *,
    key: str,
    text: str,
    about: int | None,
) -> tuple[Outgoing, ...]:
    places = ((person, private_with(person, room, near)) for person in people)
    return tuple(
        Outgoing(key=f"{key}:{person.person_id}", conversation=place, text=text, about=about)
        for person, place in places
        if place is not None
    )


async def owners_of(
    uow: UnitOfWork, item: HandOff, room: ClassRoom, now: datetime
) -> Sequence[Tutor]:
    """Whoever is to act on a hand-off now: the tutors not away, else the supervisors."""
    if item.level is Level.TUTOR:
        return () if item.is_about_tutor else room.on_duty
    unit_id = room.unit_id if item.level is Level.UNIT else None
    found = await uow.people.supervisors_of([unit_id, None], now)
    people = found.get(unit_id) or found.get(None, [])
    accused = {tutor.person_id for tutor in room.tutors} if item.is_about_tutor else set()
    return [person for person in people if person.person_id not in accused]


async def open_item(context: Context, number: int, deed: Deed) -> tuple[HandOff, ClassRoom]:
    """
    An open hand-off the speaker may act on, and its class.

    Raises:
        Forbidden: somebody without any duty.
        UserError: closed; or not the speaker's, in the same words as if there were none.
    """
    item, room = await _found(context, number, deed)
    if item is None or room is None:
        if not context.speaker.duties:
            raise Forbidden(texts_commands.not_allowed())
        raise UserError(texts_hand_offs.no_such_number(number))
    if item.state is State.CLOSED:
        raise UserError(texts_hand_offs.closed_already(number))
    if item.is_about_tutor and context.speaker.role_in(room) is Role.TUTOR:
        raise UserError(texts_desk.only_a_statement(number))
    return item, room


async def _found(
    context: Context, number: int, deed: Deed
) -> tuple[HandOff | None, ClassRoom | None]:
    item = await context.uow.questions.get(number)
    # Before the database is asked more: a pause, too, would tell.
    if item is None or is_hidden_from(context.speaker, item):
        return None, None
    room = await context.uow.people.get_class(item.class_id, context.now)
    if not may(context.speaker, deed, room):
        return None, None
    return item, room


# -- use cases ------------------------------------------------------------------------------------


async def hand_off(
    context: Context,
    kind: Label,
    *,
    surface_at: datetime | None,
    category: Category | None = None,
    level: Level | None = None,
    wants: str = "",
) -> HandOff:
    """
    Put a message on the list of what waits for a person; numbered from the first moment.

    It is the tutor's; the unit's where it is about the tutor, or there is none in office; and the
    province's where the class belongs to no unit. A question that others wait for is joined to
    theirs.
    """
    assert context.room is not None
    room = context.room
    text = mask(context.message.text)
    is_about = kind is Label.COMPLAINT and is_about_tutor(text, context.understanding.topic)
    if level is None:
        above = Level.PROVINCE if room.unit_id is None else Level.UNIT
        level = above if is_about or not room.tutors else Level.TUTOR
    if category is None:
        category = Category.COMPLAINT if kind is Label.COMPLAINT else Category.INQUIRY
    first = None
    if kind is Label.QUESTION and category is Category.INQUIRY:
        first = await _asked_before(context, room, text)
    item = await context.uow.questions.add(
        context.message,
        kind=kind,
        class_id=room.id,
        person_id=context.speaker.person_id,
        event_id=context.event_id,
        text=text,
        topic=context.understanding.topic,
        is_about_tutor=is_about,
        surface_at=surface_at,
        category=category,
        level=level,
        wants=wants,
        duplicate_of=None if first is None else first.duplicate_of or first.number,
    )
    context.waiting.append(item)
    if is_open_question(item) and first is None and room.id in context.lately.open:
        context.lately.open[room.id].append(item)
    return item


async def _asked_before(context: Context, room: ClassRoom, text: str) -> HandOff | None:
    """The oldest open question of the same tutor's students that asks the same."""
    if context.message.attachments or not is_for_everybody(text):
        # What it is about is in the picture, or only its asker's: the database is not asked.
        return None
    waiting = await _open_near(context, room)
    alike = find_alike(text, context.understanding.topic, waiting, context.knowledge)
    return alike[0] if alike else None


async def _open_near(context: Context, room: ClassRoom) -> Sequence[HandOff]:
    """The oldest open questions of a class and of the other classes of its tutors, in order."""
    lately = context.lately
    if room.id not in lately.near:
        # For every class that asks in this batch at once.
        rooms = {room.id: room, **lately.rooms}
        tutors = {tutor.person_id for it in rooms.values() for tutor in it.tutors}
        taught = await context.uow.people.classes_of_tutors(tutors, context.now)
        for it in rooms.values():
            lately.near[it.id] = {it.id}.union(*(taught[tutor.person_id] for tutor in it.tutors))
        lately.open = await context.uow.questions.open_questions(set().union(*lately.near.values()))
    waiting = [item for class_id in lately.near[room.id] for item in lately.open[class_id]]
    return sorted(waiting, key=lambda item: (item.asked_at, item.number))[:MOST_ALIKE]


def card_for(hand_off: HandOff, room: ClassRoom, now: datetime) -> tuple[Outgoing, ...]:
    """The cards that bring a hand-off to the tutors; none about a complaint against them."""
    if hand_off.is_about_tutor or hand_off.level is not Level.TUTOR:
        return ()
    return to_tutors(
        room,
        hand_off.conversation,
        key=f"card:{hand_off.number}",
        text=_card(hand_off, room, now),
        about=hand_off.number,
    )


def _card(item: HandOff, room: ClassRoom, now: datetime) -> str:
    if item.kind is Label.DISTRESS:
        return texts_intake.distress_card(
            number=item.number, class_name=room.name, asker=item.asker_name, text=item.text
        )
    return texts_hand_offs.card(
        number=item.number,
        class_name=room.name,
        asker=item.asker_name,
        asked_at=item.asked_at,
        text=item.text,
        now=now,
    )


async def cards_for(context: Context, item: HandOff, room: ClassRoom) -> tuple[Outgoing, ...]:
    """
    The cards of what was just handed over, to whoever has it: tutors or supervisors.

    Where another student waits for the same answer, not a card each but, now and then, how many.
    """
    known = (item.duplicate_of or 0, room.id)
    if known in context.lately.quiet:
        return ()
    people = await owners_of(context.uow, item, room, context.now)
    first = await _first_waiting(context, item)
    informed: set[int] = set()
    if first is not None:
        rooms = context.lately.rooms
        if first.class_id not in rooms:
            rooms[first.class_id] = await context.uow.people.get_class(first.class_id, context.now)
        there = rooms[first.class_id]
        owners = await owners_of(context.uow, first, there, context.now)
        informed = {person.person_id for person in owners}
    cards = to_each(
        [person for person in people if person.person_id not in informed],
        room,
        item.conversation,
        key=f"card:{item.number}",
        text=_card(item, room, context.now),
        about=item.number,
    )
    if first is None:
        return cards
    context.lately.quiet.add(known)
    if await _was_told_of_more(context, first):
        return cards
    context.lately.told[first.number] = context.now
    context.uow.cases.note(
        Step(first.number, context.now, StepKind.LINKED, CLOCK, f"T-{item.number}")
    )
    # The item itself is among those who ask by now.
    await context.uow.flush()
    others = await context.uow.questions.count_askers(item) - 1
    more = to_each(
        [person for person in people if person.person_id in informed],
        room,
        item.conversation,
        key=f"more:{item.number}",
        text=texts_hand_offs.card_of_more(first.number, others, first.text),
        about=first.number,
    )
    return cards + more


async def _was_told_of_more(context: Context, first: HandOff) -> bool:
    told = context.lately.told
    if first.number not in told:
        linked = [
            step.at
            for step in await context.uow.cases.steps(first.number)
            if step.kind is StepKind.LINKED and step.actor == CLOCK
        ]
        told[first.number] = linked[-1] if linked else None
    at = told[first.number]
    return at is not None and context.now - at < MORE_CARDS_AFTER


async def _first_waiting(context: Context, item: HandOff) -> HandOff | None:
    """The first open question of the same matter, if somebody else asked it."""
    if item.duplicate_of is None:
        return None
    known = context.lately.first
    if item.duplicate_of not in known:
        # What this batch has handed over is among them.
        await context.uow.flush()
        known[item.duplicate_of] = await context.uow.questions.first_on_card(item)
    first = known[item.duplicate_of]
    return None if first is None or first.asker_id == item.asker_id else first


async def reply_to_hand_off(
    context: Context, item: HandOff, text: str, *, is_visible: bool
) -> Outcome:
    """
    A person's answer: closes the hand-off and every one that asks the same; credited once.

    `is_visible`: the student sees the tutor's own message; else the bot brings the answer.
    """
    room = await context.uow.people.get_class(item.class_id, context.now)
    department = None if is_visible else await department_of(context, item)
    role = context.speaker.role_in(room)
    if department is None:
        require(context.speaker, Deed.REPLY, room)
        if is_visible and item.is_about_tutor and role is Role.TUTOR:
            # In the group even a refusal would say what the message is.
            return SILENCE
        if is_hidden_from(context.speaker, item):
            raise UserError(texts_hand_offs.no_such_number(item.number))
        if item.is_about_tutor and role is Role.TUTOR:
            raise UserError(texts_desk.only_a_statement(item.number))
    if item.kind is Label.DISTRESS:
        # Any word of theirs to it says that somebody is there.
        await context.uow.cases.update_told(item, context.now)
    if is_empty_reply(text):
        return (
            SILENCE if is_visible else Outcome((Reply(texts_hand_offs.empty_reply(item.number)),))
        )
    if department is not None:
        solved_by = SolvedBy.DEPARTMENT
    else:
        solved_by = SolvedBy.TUTOR if role is Role.TUTOR else SolvedBy.SUPERVISOR
    closed = await _close(context, item, text, solved_by)
    records = await _credited(context, closed, room, solved_by)
    # What was done about a student in distress is between the tutor and the record.
    told = [it for it in closed if it.kind is not Label.DISTRESS]
    asked: tuple[Outgoing, ...] = ()
    if is_visible:
        # Whoever asked it there has seen it.
        seen = [it for it in told if it.conversation == context.message.conversation]
        told = [it for it in told if it not in seen]
        asked = await _asked_for_marks(context, seen)
    name = (
        texts.department(department.name)
        if department is not None
        else texts.named(context.speaker.name, is_tutor=solved_by is SolvedBy.TUTOR)
    )
    brought = await to_askers(
        context,
        told,
        lambda numbers: texts_hand_offs.relayed(name, numbers, text),
        key="relay",
        is_closing=True,
    )
    replies: tuple[Reply, ...] = ()
    numbers = [it.number for it in closed]
    if not is_visible and item.kind is Label.DISTRESS:
        replies = (Reply(texts_hand_offs.cared_for(item.number)),)
    elif not is_visible:
        by_name = "" if department is None else department.name
        replies = (Reply(texts_hand_offs.replied(numbers, by_name)),)
    return Outcome(replies, records[0], brought + asked, further=tuple(records[1:]))


async def _asked_for_marks(context: Context, items: Iterable[HandOff]) -> tuple[Outgoing, ...]:
    """
    Whoever has been told a number and now saw the answer in the group is asked in private.

    Not in the group: a line behind every answer of the tutor's would be noise.
    """
    outgoing: list[Outgoing] = []
    for item in items:
        was_told = item.state is State.WAITING and item.surface_at is None
        alone = private_chat(item.conversation, item.asker_id)
        if not was_told or not await _may_write(context, alone):
            continue
        await ask_for_mark(context.uow, item, alone, context.now)
        key = f"mark:{context.event_id}:{item.number}"
        text = texts_intake.mark_invited(item.number)
        outgoing.append(Outgoing(key=key, conversation=alone, text=text, about=item.number))
    return tuple(outgoing)


async def _may_write(context: Context, alone: Conversation) -> bool:
    """Whether the platform lets the bot begin this private chat, or the other side has."""
    is_open = context.capabilities[alone.platform].writes_first
    return is_open or await context.uow.inbox.has_heard(alone)


async def department_of(context: Context, item: HandOff) -> Contact | None:
    """The department whose contact speaks, if the hand-off was passed on to it; in private only."""
    if item.contact_id is None or not context.is_private or context.speaker.person_id is None:
        return None
    contact = await context.uow.cases.contact(item.contact_id)
    is_theirs = contact is not None and contact.person_id == context.speaker.person_id
    return contact if is_theirs else None


async def _close(context: Context, item: HandOff, text: str, solved_by: SolvedBy) -> list[HandOff]:
    """Close it and what asks the same, as far as it is the speaker's to answer; `item` first.

    Raises:
        UserError: somebody was faster.
    """
    same = await context.uow.questions.same_matter(item) if is_open_question(item) else []
    rooms = await context.uow.people.classes({it.class_id for it in same}, context.now)
    others = [
        it
        for it in same
        if it.number != item.number
        and (
            solved_by is SolvedBy.DEPARTMENT or may(context.speaker, Deed.REPLY, rooms[it.class_id])
        )
    ]
    closed: list[HandOff] = []
    context.lately.forget()
    for one in (item, *others):
        is_closed = await context.uow.questions.close(
            one,
            at=context.message.sent_at,
            solved_by=solved_by,
            by=context.speaker.person_id,
            answer=mask(text),
        )
        if not is_closed and one is item:
            raise UserError(texts_hand_offs.closed_already(item.number))
        if is_closed:
            closed.append(one)
            context.uow.cases.note(step_of(context, one.number, StepKind.ANSWERED))
    return closed


def step_of(context: Context, number: int, kind: StepKind, text: str = "") -> Step:
    """What the speaker has just done to a hand-off."""
    actor = f"person:{context.speaker.person_id}"
    return Step(number, context.now, kind, actor, text, context.event_id)


async def _credited(
    context: Context, closed: Sequence[HandOff], room: ClassRoom, solved_by: SolvedBy
) -> list[Record]:
    """A row for each, but the time of the one reply once: from the earliest that waited for it."""
    seconds = [await _seconds_to_reply(context, item) for item in closed]
    owner = room.tutor.person_id if room.tutor else None
    return [
        Record(
            kind=Kind.REPLY,
            action=Action.ANSWER,
            topic=item.topic,
            article=article_of(item.topic),
            solved_by=solved_by,
            first_reply_seconds=None if index else max(seconds),
            hand_off=item.number,
            is_about_tutor=item.is_about_tutor,
            class_id=item.class_id,
            person_id=item.person_id,
            tutor_id=context.speaker.person_id if solved_by is SolvedBy.TUTOR else owner,
        )
        for index, item in enumerate(closed)
    ]


async def _seconds_to_reply(context: Context, item: HandOff) -> float:
    """From the first word that was not answered, to the first word of a person in substance."""
    since = item.asked_at
    if item.reopened:
        steps = await context.uow.cases.steps(item.number)
        since = max((it.at for it in steps if it.kind is StepKind.REOPENED), default=since)
    until = context.message.sent_at
    if item.category is not Category.INQUIRY and item.first_replied_at is not None:
        until = item.first_replied_at
    blind = await context.uow.lines.blind([item.account], since, until)
    return seconds_between(since, until, blind.get(item.account, ()))


async def to_askers(
    context: Context,
    items: Iterable[HandOff],
    say: Callable[[Sequence[int]], str],
    *,
    key: str,
    is_closing: bool = False,
) -> tuple[Outgoing, ...]:
    """
    What `say` makes of the numbers, to where each was asked: one message a group, its askers named.

    What is not everybody's goes to its asker alone; where the platform opens no private chat, the
    group hears only that there is something to read. With `is_closing` a mark is asked for.
    """
    by_place: dict[Conversation, list[HandOff]] = defaultdict(list)
    outgoing: list[Outgoing] = []
    for item in items:
        place = item.conversation
        if place.kind is ConversationKind.PRIVATE or is_open_question(item):
            by_place[place].append(item)
            continue
        alone = private_chat(place, item.asker_id)
        if await _may_write(context, alone):
            by_place[alone].append(item)
        else:
            outgoing.append(
                Outgoing(
                    key=f"{key}:{context.event_id}:{item.number}",
                    conversation=place,
                    text=texts_hand_offs.something_to_read(item.number),
                    mention=(item.asker_id,),
                )
            )
    for place, here in by_place.items():
        first = here[0]
        if is_closing:
            for item in here:
                await ask_for_mark(context.uow, item, place, context.now)
        is_group = place.kind is ConversationKind.GROUP
        outgoing.append(
            Outgoing(
                key=f"{key}:{context.event_id}:{first.number}",
                conversation=place,
                text=say([item.number for item in here])
                + (f"\n{texts_intake.mark_asked()}" if is_closing else ""),
                quote=first.message_id if place == first.conversation else "",
                mention=tuple(dict.fromkeys(it.asker_id for it in here)) if is_group else (),
                about=first.number,
            )
        )
    return tuple(outgoing)


# -- chat handlers ---------------------------------------------------------------------------------


async def our_message_quoted(context: Context) -> Outgoing | None:
    """The message of ours that this one quotes, if it quotes one."""
    message, place = context.message, context.message.conversation
    return await context.uow.outbox.quoted(
        place.platform, place.account, place.id, message.reply_to
    )


async def answer_by_quote(context: Context, ours: Outgoing | None) -> Outcome:
    """A quoting message of the tutor closes what it quotes; a classmate's may too.

    What is quoted is our own message about it, or the student's that began it.
    """
    if ours is not None:
        item = None if ours.about is None else await context.uow.questions.get(ours.about)
    elif context.room is None or context.is_private:
        item = None
    else:
        item = await context.uow.questions.by_message(context.room.id, context.message.reply_to)
    if item is None or is_hidden_from(context.speaker, item):
        return await spoke(context)
    is_staff = context.role in (Role.TUTOR, Role.SUPERVISOR)
    if context.is_private and context.speaker.duties:
        # A supervisor's private chat belongs to no class; what they quote does.
        room = await context.uow.people.get_class(item.class_id, context.now)
        is_staff = context.speaker.role_in(room) in (Role.TUTOR, Role.SUPERVISOR)
    if not is_staff and await _is_contacts(context):
        if await department_of(context, item) is not None:
            return await reply_to_hand_off(context, item, context.message.text, is_visible=False)
        return Outcome((Reply(texts_hand_offs.with_you_no_longer(item.number)),))
    if not is_staff:
        return await _classmate(context, item)
    in_group = not context.is_private
    if item.state is State.CLOSED:
        return (
            SILENCE if in_group else Outcome((Reply(texts_hand_offs.closed_already(item.number)),))
        )
    return await reply_to_hand_off(context, item, context.message.text, is_visible=in_group)


async def _is_contacts(context: Context) -> bool:
    person_id = context.speaker.person_id
    if not context.is_private or person_id is None:
        return False
    return await context.uow.cases.is_contact(person_id)


async def spoke(context: Context) -> Outcome:
    """
    The tutor, or a classmate by @, says something in the group that may answer what is noted.

    The tutor's plain message closes the question of whoever it is addressed to, else the only one
    noted, else the newest on the same topic. A classmate's closes only by @ or quote.
    """
    is_empty = is_empty_reply(context.message.text, is_pointed=False)
    if context.room is None or context.is_private or is_empty:
        return SILENCE
    is_tutor = context.role is Role.TUTOR
    if not is_tutor and not context.message.mentions:
        return SILENCE
    waiting = (await context.uow.questions.open_in([context.room.id])).get(context.room.id, [])
    item = _answered_by(context, waiting, is_tutor=is_tutor)
    if item is None:
        return SILENCE
    if is_tutor:
        return await reply_to_hand_off(context, item, context.message.text, is_visible=True)
    return await _classmate(context, item)


def _answered_by(context: Context, waiting: Iterable[HandOff], *, is_tutor: bool) -> HandOff | None:
    message = context.message
    here = [
        item
        for item in waiting
        if item.conversation == message.conversation
        and item.kind is Label.QUESTION
        and item.asked_at <= message.sent_at
        and item.asker_id != message.sender_id
    ]
    for item in here:
        if item.asker_id in message.mentions:
            return item
    if not is_tutor:
        return None
    fresh = [item for item in here if item.state is State.WATCHED]
    # What several ask is one question.
    if len({item.duplicate_of or item.number for item in fresh}) == 1:
        return fresh[0]
    topic = context.understanding.topic
    return next((item for item in reversed(fresh) if item.topic is topic), None)


async def _classmate(context: Context, item: HandOff) -> Outcome:
    """A classmate's answer settles what was only noted; what the tutor was promised stays open."""
    message = context.message
    if (
        item.state is not State.WATCHED
        or item.asker_id == message.sender_id
        or context.understanding.label is Label.QUESTION
        or is_empty_reply(message.text)
    ):
        return SILENCE
    context.lately.forget()
    closed = await context.uow.questions.close(
        item,
        at=message.sent_at,
        solved_by=SolvedBy.CLASSMATE,
        by=context.speaker.person_id,
        answer=mask(message.text),
    )
    if not closed:
        return SILENCE
    return Outcome(
        record=Record(
            kind=Kind.REPLY,
            action=Action.ANSWER,
            topic=item.topic,
            article=article_of(item.topic),
            solved_by=SolvedBy.CLASSMATE,
            first_reply_seconds=seconds_between(item.asked_at, message.sent_at),
            hand_off=item.number,
            person_id=item.person_id,
        )
    )


async def reply_by_number(context: Context, number: int, text: str) -> Outcome:
    """「/答复 T-3 …」."""
    item = await context.uow.questions.get(number)
    if item is None or await department_of(context, item) is None:
        item, _ = await open_item(context, number, Deed.REPLY)
    return await reply_to_hand_off(context, item, text, is_visible=False)
