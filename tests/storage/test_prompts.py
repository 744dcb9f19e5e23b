"""One prompt a person and conversation; a mark waits patiently beneath what is asked meanwhile."""

from datetime import datetime, timedelta

from storage.prompts import Prompt
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Conversation, ConversationKind, Platform

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
WHO = "20001"


def choice(now: datetime) -> Prompt:
    return Prompt("choice", "{}", now + timedelta(minutes=10))


def mark(now: datetime, number: int = 1) -> Prompt:
    return Prompt("mark", f'{{"number": {number}}}', now + timedelta(hours=48))


async def open_prompt(uow: UnitOfWork, now: datetime) -> Prompt | None:
    found = await uow.prompts.open(now)
    return next(iter(found.values()), None)


async def test_a_mark_waits_until_the_choice_is_made(uow: UnitOfWork, now: datetime) -> None:
    await uow.prompts.put(PLACE, WHO, choice(now))

    await uow.prompts.put_beneath(PLACE, WHO, mark(now), now)

    assert await open_prompt(uow, now) == choice(now)
    await uow.prompts.drop(PLACE, WHO)
    assert await open_prompt(uow, now) == mark(now)
    assert list(uow.prompts.changed.values()) == [mark(now)]
    await uow.prompts.drop(PLACE, WHO)
    assert await open_prompt(uow, now) is None


async def test_a_choice_asked_later_covers_the_mark_and_so_does_the_next_one(
    uow: UnitOfWork, now: datetime
) -> None:
    await uow.prompts.put_beneath(PLACE, WHO, mark(now), now)

    await uow.prompts.put(PLACE, WHO, choice(now))
    await uow.prompts.put(PLACE, WHO, choice(now))

    assert await open_prompt(uow, now) == choice(now)
    await uow.prompts.drop(PLACE, WHO)
    assert await open_prompt(uow, now) == mark(now)


async def test_the_mark_comes_up_when_the_choice_has_run_out(
    uow: UnitOfWork, now: datetime
) -> None:
    await uow.prompts.put_beneath(PLACE, WHO, mark(now), now)
    await uow.prompts.put(PLACE, WHO, choice(now))
    later = now + timedelta(minutes=11)

    assert await open_prompt(uow, later) == mark(now)

    await uow.prompts.expire(later)
    assert await open_prompt(uow, later) == mark(now)
    await uow.prompts.expire(now + timedelta(hours=49))
    assert await open_prompt(uow, now) is None


async def test_a_choice_nobody_made_does_not_cover_a_new_mark(
    uow: UnitOfWork, now: datetime
) -> None:
    await uow.prompts.put(PLACE, WHO, choice(now))
    later = now + timedelta(minutes=11)

    await uow.prompts.put_beneath(PLACE, WHO, mark(now), later)

    assert await open_prompt(uow, now) == mark(now)


async def test_of_two_closures_the_later_is_marked(uow: UnitOfWork, now: datetime) -> None:
    await uow.prompts.put_beneath(PLACE, WHO, mark(now), now)

    await uow.prompts.put_beneath(PLACE, WHO, mark(now, 2), now)

    await uow.prompts.drop(PLACE, WHO)
    assert await open_prompt(uow, now) is None
