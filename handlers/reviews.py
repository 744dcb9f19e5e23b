"""Looking over what was answered: right or wrong, once; what was wrong may go to the tutor."""

from dataclasses import dataclass
from datetime import datetime

from handlers import texts_reviews as words
from handlers.appraisal import to_tutor
from handlers.errors import UserError
from storage.reviews import Mark, Review
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Outgoing


@dataclass(frozen=True, slots=True)
class Finding:
    """What a supervisor decides; a comment is needed wherever it is not simply right."""

    mark: Mark
    comment: str = ""
    is_returned: bool = False


async def decide(
    uow: UnitOfWork, review: Review, found: Finding, *, by: str, by_name: str, now: datetime
) -> tuple[Outgoing, ...]:
    """
    The mark, once; the unsigned card to the tutor if it goes back.

    What is about the tutor never goes to the tutor from here: that is the hearing's business.

    Raises:
        UserError: no comment, not the tutor's answer, the tutor cannot be reached, or too late.
    """
    is_returned = found.is_returned and found.mark is Mark.FAILED
    if found.mark is Mark.FAILED and len(found.comment.strip()) < 2:
        raise UserError(words.comment_missing())
    if is_returned and (not review.may_return or review.hand_off is None):
        raise UserError(words.not_returnable())
    is_done = await uow.reviews.decide(
        review.id,
        found.mark,
        comment=found.comment,
        is_returned=is_returned,
        by=by,
        name=by_name,
        at=now,
    )
    if not is_done:
        raise UserError(words.decided_already(review.decided_name))
    return await _card(uow, review, found.comment, by_name, now) if is_returned else ()


async def _card(
    uow: UnitOfWork, review: Review, comment: str, by_name: str, now: datetime
) -> tuple[Outgoing, ...]:
    assert review.tutor_id is not None
    assert review.hand_off is not None
    room = await uow.people.get_class(review.class_id, now)
    is_still_theirs = any(tutor.person_id == review.tutor_id for tutor in room.tutors)
    card = words.returned(review.hand_off, review.text, review.answer, comment, by_name)
    cards = (
        await to_tutor(
            uow,
            review.tutor_id,
            review.class_id,
            key=f"review:{review.id}",
            text=card,
            now=now,
        )
        if is_still_theirs
        else ()
    )
    if not cards:
        raise UserError(words.not_reached())
    return cards
