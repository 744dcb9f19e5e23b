"""The tutor's side of a complaint about them: nothing at all until a supervisor opens the hearing,
then a card, their statement on record, and the verdict."""

from collections.abc import Sequence
from datetime import datetime

from handlers import commands, texts_desk, texts_hand_offs
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.hand_offs import is_empty_reply
from handlers.permissions import Deed, require
from handlers.understanding import mask
from handlers.working_time import WorkingTime
from storage.cases import Step, StepKind
from storage.interactions import Kind, Record
from storage.questions import HandOff
from storage.vocabulary import Action, Outgoing

USAGE = "/申辩 T-12 内容"
#: The keys of the messages a quoted reply to which is a statement.
CARDS = ("hearing:", "verdict:")
#: So many working days a tutor has to speak before a verdict may be given without.
DAYS_TO_SPEAK = 3

# -- rules ----------------------------------------------------------------------------------------


def person(person_id: int) -> str:
    """Somebody with a chat account, as the history writes them."""
    return f"person:{person_id}"


def heard_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """Who was asked to speak, as `person:7`; a hearing's step begins with them."""
    return tuple(step.text.partition("\n")[0] for step in steps if step.kind is StepKind.HEARING)


def statements(steps: Sequence[Step]) -> list[Step]:
    """What the tutor has said."""
    return [step for step in steps if step.kind is StepKind.HEARD]


def may_be_ruled(item: HandOff, steps: Sequence[Step], working: WorkingTime, now: datetime) -> bool:
    """Whether the tutor has spoken, or had three working days for it."""
    if not item.is_about_tutor:
        return True
    if item.hearing_since is None:
        return False
    if statements(steps):
        return True
    allowed = DAYS_TO_SPEAK * working.settings.day
    return working.working_seconds(item.hearing_since, now) >= allowed.total_seconds()


# -- chat handlers ---------------------------------------------------------------------------------


async def speak(context: Context, argument: str) -> Outcome:
    """「/申辩 T-12 内容」."""
    number, text = commands.number_and_text(argument, USAGE)
    item = await context.uow.questions.get(number)
    found = None if item is None else await _state(context, item, text)
    if found is None:
        # Of somebody else's case as of none: the same words.
        require(context.speaker, Deed.REPLY, context.room)
        raise UserError(texts_hand_offs.no_such_number(number))
    return found


async def speak_by_quote(context: Context, ours: Outgoing | None) -> Outcome | None:
    """A quoted reply to our card about a hearing; None where it is something else."""
    if ours is None or ours.about is None or not ours.key.startswith(CARDS):
        return None
    item = await context.uow.questions.get(ours.about)
    return None if item is None else await _state(context, item, context.message.text)


async def _state(context: Context, item: HandOff, text: str) -> Outcome | None:
    """On record, if the speaker is who was asked; what is said in a group is said to everybody."""
    if item.hearing_since is None or not context.is_private or context.speaker.person_id is None:
        return None
    steps = await context.uow.cases.steps(item.number)
    who = person(context.speaker.person_id)
    if who not in heard_of(steps):
        return None
    if is_empty_reply(text):
        return Outcome((Reply(texts_desk.empty_statement(item.number)),))
    context.uow.cases.note(
        Step(
            item.number, context.message.sent_at, StepKind.HEARD, who, mask(text), context.event_id
        )
    )
    record = Record(
        Kind.COMMAND,
        Action.ANSWER,
        article="第十三条",
        hand_off=item.number,
        is_about_tutor=True,
        class_id=item.class_id,
    )
    return Outcome((Reply(texts_desk.statement_recorded(item.number)),), record)
