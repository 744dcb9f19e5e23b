"""What is to be looked over comes into the supervisors' queue."""

from datetime import datetime

from schedules.means import Means
from storage.unit_of_work import UnitOfWork


async def collect(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """A sample of what was closed, what students were unhappy with, and every complaint."""
    await uow.reviews.collect(
        now,
        percent=means.settings.review_percent,
        bot_percent=means.settings.review_bot_percent,
    )
