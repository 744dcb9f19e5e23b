"""What nobody has answered in time goes onto the tutor's list, silently."""

from datetime import datetime

from handlers.settings import BotSettings
from storage.unit_of_work import UnitOfWork


async def surface(uow: UnitOfWork, now: datetime, settings: BotSettings) -> None:
    """Watched questions whose grace period is over wait for the tutor from now on."""
    await uow.questions.surface(now)
