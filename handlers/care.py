"""Complaints, distress, private data: what needs a person and a quiet word, not an answer."""

from handlers import texts
from handlers.context import Context, Outcome, Reply
from handlers.hand_offs import card_for, hand_off, to_tutors
from storage.interactions import Kind, Record
from storage.questions import HandOff
from storage.vocabulary import Action, Label


async def complain(context: Context, *, is_silent: bool) -> Outcome:
    """A complaint gets a number and an owner; more of it is added, not numbered anew."""
    assert context.room is not None
    for known in context.waiting:
        if known.kind is Label.COMPLAINT:
            said = (Reply(texts.complaint_added(known.number)),) if context.is_private else ()
            return Outcome(said, _complaint_record(known))
    item = await hand_off(context, Label.COMPLAINT, surface_at=None)
    sentence = texts.complaint_taken(
        item.number, is_private=context.is_private, about_tutor=item.is_about_tutor
    )
    return Outcome(
        () if is_silent else (Reply(sentence, about=item.number),),
        _complaint_record(item),
        card_for(item, context.room, context.now),
    )


async def call_for_help(context: Context) -> Outcome:
    """A person is called; the group hears nothing, the student a kind word in private."""
    assert context.room is not None
    item = await hand_off(context, Label.DISTRESS, surface_at=None)
    tutor = context.room.tutor.name if context.room.tutor else None
    sentence = texts.distress(context.settings.hotline, tutor)
    record = Record(
        kind=Kind.DISTRESS, action=Action.DISTRESS, article="第十三条", hand_off=item.number
    )
    return Outcome(
        (Reply(sentence, about=item.number, in_private=True, is_quoting=False),),
        record,
        card_for(item, context.room, context.now),
    )


async def shield(context: Context) -> Outcome:
    """Private data in the open: a quiet word to whoever posted it, a card to the tutor."""
    assert context.room is not None
    record = Record(kind=Kind.PRIVACY, action=Action.PRIVACY, article="第十三条")
    hint = Reply(
        texts.privacy_hint(),
        in_private=True,
        is_quoting=False,
        else_in_group=texts.privacy_hint_to_nobody(),
    )
    if context.is_private:
        return Outcome((hint,), record)
    cards = to_tutors(
        context.room,
        context.message.conversation,
        key=f"privacy:{context.event_id}",
        text=texts.privacy_card(context.room.name, context.message.sender_name),
        about=None,
    )
    return Outcome((hint,), record, cards)


def _complaint_record(item: HandOff) -> Record:
    return Record(
        kind=Kind.COMPLAINT,
        action=Action.COMPLAINT,
        topic=item.topic,
        article="第十三条",
        hand_off=item.number,
        is_about_tutor=item.is_about_tutor,
    )
