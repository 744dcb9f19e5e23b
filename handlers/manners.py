"""Manners: advertising and abuse in a group. A word in private first, the tutor second; nothing is
said in public and nobody is ever muted by program."""

import re

from handlers import texts_intake
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.hand_offs import to_tutors
from handlers.records import day_bounds
from handlers.understanding import normalise
from storage.interactions import Kind, Record
from storage.vocabulary import Action, Label

_INSULT = "傻[逼比屄叉缺]|煞笔|沙雕|sb|脑残|智障|弱智|废物|贱人|杂种|畜生|狗东西|人渣|垃圾人"
_ABUSE = re.compile(
    rf"(?:你|他|她|你们|他们|这)(?:个|们|真|真是|就是|是个|是|才是|这)*(?:{_INSULT})(?![a-z])"
    rf"|^(?:{_INSULT})(?:吧你|玩意|东西|一个)?[!。]*$"
    r"|[操艹草日干]你(?:妈|娘|大爷|全家)|(?:你|尼)(?:妈|马|娘)(?:的|逼|了个|死)"
    r"|滚(?:蛋|犊子|出群|远点)|去死(?:吧|啊)|(?:死|出门)全家|全家死",
)
_JUDGED = frozenset({Label.CHITCHAT, Label.ACK, Label.SPAM, Label.ANNOUNCEMENT})
#: The second time in a day the tutor hears of it, and not again that day.
TUTOR_HEARS_AT = 2


def is_rude(text: str, label: Label) -> bool:
    """Advertising, or an insult at somebody; an angry complaint is a complaint."""
    if label is Label.SPAM:
        return True
    return label in _JUDGED and _ABUSE.search(normalise(text).lower()) is not None


async def mind(context: Context) -> Outcome:
    """A private hint the first time in a day, a card to the tutor the second, then nothing."""
    assert context.room is not None
    await context.uow.flush()
    message = context.message
    place = message.conversation
    since, _ = day_bounds(context.now.date())
    before = await context.uow.personal.times(
        place.platform, message.sender_id, Kind.MANNERS, since
    )
    if before >= TUTOR_HEARS_AT:
        return SILENCE
    record = Record(Kind.MANNERS, Action.REMIND, article="第十三条")
    if before + 1 < TUTOR_HEARS_AT:
        hint = Reply(texts_intake.manners_hint(), in_private=True, is_quoting=False)
        return Outcome((hint,), record)
    card = to_tutors(
        context.room,
        place,
        key=f"manners:{context.event_id}",
        text=texts_intake.manners_card(context.room.name, message.sender_name),
        about=None,
    )
    return Outcome((), record, card)
