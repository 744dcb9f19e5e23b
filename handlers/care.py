"""Distress and private data: what needs a person and a quiet word, not an answer.

What somebody in distress has said is for the class's tutors and, where they are not at work, the
unit's supervisors; for everybody else it is sealed.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from handlers import texts, texts_hand_offs, texts_intake
from handlers.context import Context, Outcome, Reply
from handlers.hand_offs import card_for, hand_off, owners_of, to_each, to_tutors
from handlers.intake import add_to
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import HandOff, Level
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Label, Outgoing, Role

#: A tutor who has not answered the card in any way by then is not there.
TAKEN_WITHIN = timedelta(minutes=10)

# -- rules ----------------------------------------------------------------------------------------


def may_read_distress(role: Role, unit_id: int | None, room: ClassRoom) -> bool:
    """
    Whether the words of somebody in distress are this reader's to see.

    The class's tutors', and the supervisors' of its own unit (`unit_id` is the reader's, None the
    province's: that sees only classes that no unit has).
    """
    if role is Role.TUTOR:
        return True
    return role is Role.SUPERVISOR and unit_id == room.unit_id


def words_for(item: HandOff, *, may_read: bool) -> str:
    """The words of a hand-off, or that they are sealed."""
    return item.text if may_read or item.kind is not Label.DISTRESS else texts_intake.sealed()


# -- use cases ------------------------------------------------------------------------------------


async def unattended_distress(uow: UnitOfWork, now: datetime) -> list[Outgoing]:
    """
    Cards to the supervisors about everybody in distress whom no tutor has taken on in time.

    Unsigned; the same call later gives the same keys, and only those not queued before.
    """
    waiting = [
        item
        for item in await uow.cases.running()
        if item.kind is Label.DISTRESS
        and item.first_replied_at is None
        and now - item.asked_at >= TAKEN_WITHIN
    ]
    rooms = await uow.people.classes({item.class_id for item in waiting}, now)
    found: list[Outgoing] = []
    for item in waiting:
        room = rooms[item.class_id]
        people = await owners_of(uow, replace(item, level=Level.UNIT), room, now)
        minutes = int((now - item.asked_at).total_seconds() // 60)
        text = texts_intake.distress_unattended(item.number, room.name, minutes)
        key = f"distress-waits:{item.number}"
        found += to_each(people, room, item.conversation, key=key, text=text, about=item.number)
    known = await uow.outbox.known([card.key for card in found])
    return [card for card in found if card.key not in known]


async def _distress_cards(context: Context, item: HandOff, room: ClassRoom) -> tuple[Outgoing, ...]:
    """To the tutors at once; where they are not at work, or there are none, to the unit too."""
    to_whom = card_for(item, room, context.now)
    if to_whom and context.working.is_working(context.now):
        return to_whom
    people = await owners_of(context.uow, replace(item, level=Level.UNIT), room, context.now)
    text = texts_intake.distress_card(
        number=item.number, class_name=room.name, asker=item.asker_name, text=item.text
    )
    told = {card.conversation.id for card in to_whom}
    duty = to_each(
        people,
        room,
        item.conversation,
        key=f"duty:{item.number}",
        text=text,
        about=item.number,
    )
    return (*to_whom, *(card for card in duty if card.conversation.id not in told))


# -- chat handlers ---------------------------------------------------------------------------------


async def call_for_help(context: Context, *, is_faint: bool = False) -> Outcome:
    """
    A person is called; the group hears nothing, the student a kind word in private.

    Where it only may be distress (`is_faint`) the person is called all the same, and nothing said.
    """
    assert context.room is not None
    room = context.room
    record = Record(kind=Kind.DISTRESS, action=Action.DISTRESS, article="第十三条")
    known = next((it for it in context.waiting if it.kind is Label.DISTRESS), None)
    if known is not None:
        return await _again(context, known, room)
    item = await hand_off(context, Label.DISTRESS, surface_at=None)
    tutor = room.tutor.name if room.tutor else None
    sentence = texts_intake.distress(context.settings.hotlines, tutor)
    said = () if is_faint else (_aside(sentence, item),)
    return Outcome(
        said,
        _about(record, item),
        await _distress_cards(context, item, room),
    )


async def _again(context: Context, known: HandOff, room: ClassRoom) -> Outcome:
    """The same person writes on: whoever was called reads that, too."""
    await context.uow.flush()
    await add_to(context, known, context.message.text)
    text = texts_intake.distress_card(
        number=known.number,
        class_name=room.name,
        asker=known.asker_name,
        text=texts.clip(context.message.text),
    )
    more = to_tutors(
        room,
        known.conversation,
        key=f"distress:{context.event_id}",
        text=text,
        about=known.number,
    )
    reply = Reply(
        texts_intake.distress_noted(), about=known.number, in_private=True, is_quoting=False
    )
    record = Record(kind=Kind.ADDITION, action=Action.DISTRESS, article="第十三条")
    return Outcome((reply,), _about(record, known), more)


def _aside(sentence: str, item: HandOff) -> Reply:
    return Reply(sentence, about=item.number, in_private=True, is_quoting=False)


def _about(record: Record, item: HandOff) -> Record:
    return Record(record.kind, record.action, article=record.article, hand_off=item.number)


def comfort(context: Context) -> Outcome:
    """Somebody in distress whom nobody has on a list: numbers to call, and a way to be found."""
    return Outcome((Reply(texts_intake.distress_stranger(context.settings.hotlines)),))


async def shield(context: Context) -> Outcome:
    """
    Private data in the open: a quiet word to whoever posted it, a card to the tutor.

    Where the platform lets an administrator take it back, that is tried, once.
    """
    assert context.room is not None
    message = context.message
    record = Record(kind=Kind.PRIVACY, action=Action.PRIVACY, article="第十三条")
    hint = Reply(
        texts.privacy_hint(),
        in_private=True,
        is_quoting=False,
        else_in_group=texts.privacy_hint_to_nobody(),
    )
    if context.is_private:
        return Outcome((hint,), record)
    others = to_tutors(
        context.room,
        message.conversation,
        key=f"privacy:{context.event_id}",
        text=texts_hand_offs.privacy_card(context.room.name, message.sender_name),
        about=None,
    )
    if context.capabilities[message.conversation.platform].moderates:
        others = (taken_back(context), *others)
    return Outcome((hint,), record, others)


def taken_back(context: Context) -> Outgoing:
    """The message itself, out of the group."""
    return Outgoing(
        key=f"recall:{context.event_id}",
        conversation=context.message.conversation,
        text="",
        recall=context.message.message_id,
    )
