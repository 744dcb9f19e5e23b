"""Distress on the whole bot (S13.10): a person at once, the unit's where no tutor is at work."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers import texts_intake
from handlers.care import may_read_distress, unattended_distress, words_for
from storage.people import ClassRoom
from storage.questions import HandOff
from storage.vocabulary import Outgoing, Role
from tests.bot.test_intake import GROUP, item, say
from tests.scenarios.player import Player, playing

WORDS = "我已经写好遗书了"


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


def places(said: list[str]) -> set[str]:
    return {line.partition(">")[0] for line in said}


async def room_of(player: Player, found: HandOff) -> ClassRoom:
    async with player.app.database.reading() as uow:
        return await uow.people.get_class(found.class_id, player.clock.now())


async def test_in_working_hours_the_tutor_alone_is_called(player: Player) -> None:
    said = await say(player, WORDS, group=GROUP)

    assert places(said) == {"小李", "王敏"}


async def test_outside_them_the_supervisor_is_called_in_the_same_breath(player: Player) -> None:
    player.clock.advance(timedelta(hours=12))

    said = await say(player, WORDS, group=GROUP)

    assert places(said) == {"小李", "王敏", "孙督导"}
    assert [line for line in said if line.startswith("孙督导") and WORDS in line]


async def test_the_group_hears_nothing_and_a_classmate_finds_nothing(player: Player) -> None:
    """A14"""
    await say(player, WORDS, group=GROUP)

    told = await say(player, "/进度 T-1", who="小张", group=GROUP)

    assert places(told) == {"小张"}
    assert "没有找到 T-1" in told[0]


async def test_whoever_writes_on_is_one_case_and_every_word_arrives(player: Player) -> None:
    await say(player, WORDS)

    said = await say(player, "真的不想活了")

    assert any(line.startswith("王敏>") and "真的不想活了" in line for line in said)
    assert not any("T-2" in line for line in said)


async def waiting(player: Player) -> list[Outgoing]:
    async with player.app.database.unit_of_work() as uow:
        cards = await unattended_distress(uow, player.clock.now())
        for card in cards:
            uow.outbox.add(card, now=player.clock.now())
    return cards


async def test_nobody_there_after_ten_minutes_brings_the_supervisor_once(player: Player) -> None:
    async def told_the_supervisor() -> list[str]:
        # What the clock does by itself, now; should it just have done so, this does nothing more.
        await player.app.alarm.run_all()
        player.app.outbox.wake()
        await player.app.outbox.drain()
        return [said.text for said in player.said if said.conversation.id == "孙督导"]

    await say(player, WORDS)
    player.clock.advance(timedelta(minutes=9))
    assert await told_the_supervisor() == []

    player.clock.advance(timedelta(minutes=1))
    (card,) = await told_the_supervisor()

    assert WORDS not in card
    assert await told_the_supervisor() == [card]


async def test_a_tutor_who_says_anything_to_the_card_has_taken_it_on(player: Player) -> None:
    await say(player, WORDS)

    await say(player, "/答复 T-1 收到", who="王敏")

    player.clock.advance(timedelta(minutes=30))
    assert await waiting(player) == []
    assert (await item(player, 1)).closed_at is None


async def test_the_words_are_sealed_to_tutor_and_own_unit(player: Player) -> None:
    """Y8"""
    await say(player, WORDS)
    found = await item(player, 1)
    room = await room_of(player, found)
    assert room.unit_id is not None

    assert may_read_distress(Role.TUTOR, None, room)
    assert may_read_distress(Role.SUPERVISOR, room.unit_id, room)
    assert not may_read_distress(Role.SUPERVISOR, None, room)
    assert not may_read_distress(Role.SUPERVISOR, room.unit_id + 1, room)
    assert not may_read_distress(Role.STUDENT, room.unit_id, room)
    assert words_for(found, may_read=False) == texts_intake.sealed()
    assert words_for(found, may_read=True) == WORDS


async def test_somebody_of_no_class_is_asked_who_they_are_and_not_sent_away(
    player: Player,
) -> None:
    said = await say(player, "我不想活了", who="路人")

    assert "姓名和班级" in said[0]
