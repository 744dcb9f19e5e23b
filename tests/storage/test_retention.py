"""Y6: by the clock, class by class, nothing older survives; what is open stays."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from schedules import housekeeping
from storage import erasure, retention
from storage.models.hand_offs import hand_offs
from storage.models.queues import inbound_events, outbox
from storage.models.record import interactions
from storage.unit_of_work import UnitOfWork
from tests.conftest import Classroom
from tests.storage.test_erasure import lived

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "category", "kept"),
    [
        ("distress", "inquiry", timedelta(days=90)),
        ("question", "inquiry", timedelta(days=180)),
        ("complaint", "complaint", timedelta(days=3 * 365)),
        ("question", "request", timedelta(days=3 * 365)),
    ],
)
async def test_y6_words_of_a_case_are_kept_so_long_and_no_longer(
    classroom: Classroom, uow: UnitOfWork, now: datetime, kind: str, category: str, kept: timedelta
) -> None:
    """Y6: counted from its end; an open one stays however old (legal hold)."""
    await lived(uow, classroom, now)
    await uow.write(update(hand_offs).values(kind=kind, category=category, closed_at=now))

    async def text_after(span: timedelta) -> str:
        await retention.apply(uow, now + span)
        return str((await uow.read(select(hand_offs.c.text))).scalar_one())

    assert await text_after(kept - DAY) != erasure.GONE
    await uow.write(update(hand_offs).values(closed_at=None))
    assert await text_after(kept * 3) != erasure.GONE
    await uow.write(update(hand_offs).values(closed_at=now))
    assert await text_after(kept + DAY) == erasure.GONE


async def test_y6_texts_go_after_180_days_and_identities_after_three_years(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    """Y6: what was said, what was answered, then whose account it was; the row stands."""
    await lived(uow, classroom, now)
    await uow.write(update(hand_offs).values(closed_at=now))

    async def left(span: timedelta) -> tuple[int, int, str]:
        await uow.inbox.prune(now + span - housekeeping.EVENTS_KEPT)
        await retention.apply(uow, now + span)
        events = len((await uow.read(select(inbound_events.c.id))).all())
        sent = len((await uow.read(select(outbox.c.id))).all())
        who = (await uow.read(select(interactions.c.speaker_id))).scalar_one()
        return events, sent, str(who)

    assert await left(179 * DAY) == (1, 1, "20001")
    assert await left(181 * DAY) == (0, 0, "20001")
    assert await left(3 * 365 * DAY + DAY) == (0, 0, "erased:0")


async def test_y6_what_waits_to_be_sent_is_not_forgotten(
    classroom: Classroom, uow: UnitOfWork, now: datetime
) -> None:
    """Y6: only what was sent."""
    await lived(uow, classroom, now)
    await uow.write(update(outbox).values(state="dead"))
    values = (await uow.read(select(outbox))).mappings().one()
    await uow.write(insert(outbox).values({**values, "id": 2, "key": "k2", "state": "done"}))

    found = await retention.apply(uow, now + 181 * DAY)

    assert found["sent"] == 1
    assert (await uow.read(select(outbox.c.state))).scalars().all() == ["dead"]
