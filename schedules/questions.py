"""What nobody has answered in time goes onto the tutor's list, silently."""

from datetime import datetime

from schedules.means import Means
from storage.unit_of_work import UnitOfWork


async def surface(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """Watched questions whose grace period is over wait for the tutor from now on."""
    await uow.questions.surface(now)
