"""Hand-offs: what the bot cannot settle goes to a person, whose reply closes it, once."""

from collections.abc import Iterable
from datetime import datetime

from handlers import texts
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import article_of, is_about_tutor
from handlers.errors import UserError
from handlers.permissions import Deed, require
from handlers.understanding import mask, understand
from storage.interactions import Kind, Record
from storage.lines import Span
from storage.people import ClassRoom, Tutor
from storage.questions import HandOff, SolvedBy, State
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Label,
    Outgoing,
    Role,
)

# -- rules ----------------------------------------------------------------------------------------


def is_empty_reply(text: str) -> bool:
    """「收到」, 「嗯」, an emoji: stops no clock."""
    bare = "".join(char for char in text if char.isalnum())
    return len(bare) < 2 or (len(bare) <= 8 and understand(text).label is Label.ACK)


def seconds_between(asked: datetime, answered: datetime, blind: Iterable[Span] = ()) -> float:
    """
    How long an answer took, the time the bot could not hear left out.

    Never negative, whatever two clocks say. The spans of one account do not overlap.
    """
    missed = sum(
        max(0.0, (min(end, answered) - max(start, asked)).total_seconds()) for start, end in blind
    )
    return max(0.0, (answered - asked).total_seconds() - missed)


async def reaches_in_private(context: Context) -> bool:
    """Whether the bot may write to the speaker alone: the platform allows it, or they began."""
    place = context.message.conversation
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


def private_chat(group: Conversation, user_id: str) -> Conversation:
    """The private chat with a member of a group, opened from it."""
    return Conversation(group.platform, group.account, ConversationKind.PRIVATE, user_id, group.id)


# -- use cases ------------------------------------------------------------------------------------


def to_tutors(
    room: ClassRoom, near: Conversation, *, key: str, text: str, about: int | None
) -> tuple[Outgoing, ...]:
    """One private message to each of the class's tutors."""
    places = ((tutor, private_with(tutor, room, near)) for tutor in room.tutors)
    return tuple(
        Outgoing(key=f"{key}:{tutor.person_id}", conversation=place, text=text, about=about)
        for tutor, place in places
        if place is not None
    )


async def hand_off(context: Context, kind: Label, *, surface_at: datetime | None) -> HandOff:
    """Put a message on the list of what waits for a person; numbered from the first moment."""
    assert context.room is not None
    text = mask(context.message.text)
    item = await context.uow.questions.add(
        context.message,
        kind=kind,
        class_id=context.room.id,
        person_id=context.speaker.person_id,
        event_id=context.event_id,
        text=text,
        topic=context.understanding.topic,
        is_about_tutor=kind is Label.COMPLAINT
        and is_about_tutor(text, context.understanding.topic),
        surface_at=surface_at,
    )
    context.waiting.append(item)
    return item


def card_for(hand_off: HandOff, room: ClassRoom, now: datetime) -> tuple[Outgoing, ...]:
    """The cards that bring a hand-off to the tutors; none about a complaint against them."""
    if hand_off.is_about_tutor:
        return ()
    words = (
        texts.distress_card(
            number=hand_off.number,
            class_name=room.name,
            asker=hand_off.asker_name,
            text=hand_off.text,
        )
        if hand_off.kind is Label.DISTRESS
        else texts.card(
            number=hand_off.number,
            class_name=room.name,
            asker=hand_off.asker_name,
            asked_at=hand_off.asked_at,
            text=hand_off.text,
            now=now,
        )
    )
    return to_tutors(
        room,
        hand_off.conversation,
        key=f"card:{hand_off.number}",
        text=words,
        about=hand_off.number,
    )


async def reply_to_hand_off(
    context: Context, item: HandOff, text: str, *, is_visible: bool
) -> Outcome:
    """
    A tutor's answer: closes the hand-off, once, and is credited with its time.

    `is_visible`: the student sees the tutor's own message; else the bot brings the answer.
    """
    room = await context.uow.people.get_class(item.class_id, context.now)
    require(context.speaker, Deed.REPLY, room)
    if item.is_about_tutor and context.speaker.role_in(room) is Role.TUTOR:
        if is_visible:
            # In the group even a refusal would say what the message is.
            return SILENCE
        raise UserError(texts.no_such_number(item.number))
    if is_empty_reply(text):
        return SILENCE if is_visible else Outcome((Reply(texts.empty_reply(item.number)),))
    solved_by = (
        SolvedBy.TUTOR if context.speaker.role_in(room) is Role.TUTOR else SolvedBy.SUPERVISOR
    )
    answered_at = context.message.sent_at
    account = (item.conversation.platform, item.conversation.account)
    blind = await context.uow.lines.blind([account], item.asked_at, answered_at)
    if not await context.uow.questions.close(
        item, at=answered_at, solved_by=solved_by, by=context.speaker.person_id, answer=mask(text)
    ):
        raise UserError(texts.closed_already(item.number))
    record = Record(
        kind=Kind.REPLY,
        action=Action.ANSWER,
        topic=item.topic,
        article=article_of(item.topic),
        solved_by=solved_by,
        first_reply_seconds=seconds_between(item.asked_at, answered_at, blind.get(account, ())),
        hand_off=item.number,
        is_about_tutor=item.is_about_tutor,
        class_id=item.class_id,
        person_id=item.person_id,
    )
    if is_visible:
        return Outcome(record=record)
    if item.kind is Label.DISTRESS:
        # What was done is between the tutor and the record; nobody else is told.
        return Outcome((Reply(texts.cared_for(item.number)),), record)
    return Outcome((Reply(texts.replied(item.number)),), record, (_brought(context, item, text),))


def _brought(context: Context, item: HandOff, text: str) -> Outgoing:
    """The tutor's answer, to where the question was asked; a complaint's in private."""
    place = item.conversation
    is_in_group = place.kind is ConversationKind.GROUP
    if is_in_group and item.kind is Label.COMPLAINT:
        place = private_chat(place, item.asker_id)
        is_in_group = False
    return Outgoing(
        key=f"relay:{item.number}",
        conversation=place,
        text=texts.relayed(context.speaker.name, item.number, text),
        quote=item.message_id if place == item.conversation else "",
        mention=(item.asker_id,) if is_in_group else (),
        about=item.number,
    )


# -- chat handlers ---------------------------------------------------------------------------------


async def progress(context: Context, number: int) -> Outcome:
    """「/进度 T-3」: the asker's own, and nobody else's."""
    item = await context.uow.questions.get(number)
    place = context.message.conversation
    is_own = (
        item is not None
        and item.asker_id == context.message.sender_id
        and item.conversation.platform == place.platform
    )
    if item is None or not is_own:
        raise UserError(texts.no_such_number(number))
    state = {
        State.WATCHED: "已记下，等待答复",
        State.WAITING: "等待老师答复",
        State.CLOSED: "已办结",
    }[item.state]
    # In a group everybody reads along, so what was answered is only repeated in private.
    is_sharable = context.is_private and item.kind is not Label.DISTRESS
    answer_text = item.answer if is_sharable else None
    return Outcome(
        (
            Reply(
                texts.progress(
                    number, state, texts.instant(item.asked_at, context.now), answer_text
                )
            ),
        )
    )


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
    is_staff = context.role in (Role.TUTOR, Role.SUPERVISOR) or (
        context.is_private and bool(context.speaker.tutored)
    )
    if item is None:
        return await spoke(context)
    if not is_staff:
        return await _classmate(context, item)
    in_group = not context.is_private
    if item.state is State.CLOSED:
        return SILENCE if in_group else Outcome((Reply(texts.closed_already(item.number)),))
    return await reply_to_hand_off(context, item, context.message.text, is_visible=in_group)


async def spoke(context: Context) -> Outcome:
    """
    The tutor, or a classmate by @, says something in the group that may answer what is noted.

    The tutor's plain message closes the question of whoever it is addressed to, else the only one
    noted, else the newest on the same topic. A classmate's closes only by @ or quote.
    """
    if context.room is None or context.is_private or is_empty_reply(context.message.text):
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
    if len(fresh) == 1:
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
    if item is None:
        require(context.speaker, Deed.REPLY, context.room)
        raise UserError(texts.no_such_number(number))
    return await reply_to_hand_off(context, item, text, is_visible=False)
