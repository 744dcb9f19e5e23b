"""A mark by a digit: once a closure, for 48 hours, choices first; 1 and 2 open it again."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.playground import ACCOUNT
from handlers.marks import ask_for_mark
from storage.cases import StepKind
from storage.prompts import Prompt
from storage.questions import Level, SolvedBy
from storage.vocabulary import Conversation, ConversationKind, Platform
from tests.bot.test_intake import GROUP, item, say, steps
from tests.scenarios.player import Player, playing

IN_GROUP = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.GROUP, GROUP)


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        await say(made, "@助手 校门口的停车卡在哪里办", group=GROUP)
        await close(made)
        yield made


async def close(player: Player) -> None:
    async with player.app.database.unit_of_work() as uow:
        found = await uow.questions.get(1)
        assert found is not None
        now = player.clock.now()
        await uow.questions.close(found, at=now, solved_by=SolvedBy.TUTOR, by=None, answer="门卫")
        await ask_for_mark(uow, found, IN_GROUP, now)
    player.app.inbox.attention.prompted.add((Platform.PLAYGROUND, ACCOUNT, GROUP, "小李"))


async def marks(player: Player) -> list[int]:
    async with player.app.database.reading() as uow:
        return await uow.cases.marks(1)


async def test_a_good_mark_is_thanked_for_and_taken_once(player: Player) -> None:
    assert "记下了 5 分" in (await say(player, "５", group=GROUP))[0]

    assert await say(player, "1", group=GROUP) == []

    assert await marks(player) == [5]
    assert (await item(player, 1)).closed_at is not None


async def test_a_bad_mark_opens_it_again_one_level_up_and_says_who_is_next(
    player: Player,
) -> None:
    said = await say(player, "2", group=GROUP)

    assert any(line.startswith(GROUP) and "市县开大管理人员处理" in line for line in said)
    assert any(line.startswith("孙督导>") and "评了 2 分" in line for line in said)
    again = await item(player, 1)
    assert (again.closed_at, again.level, again.reopened) == (None, Level.UNIT, 1)
    assert [step.kind for step in await steps(player, 1)] == [StepKind.RATED, StepKind.REOPENED]


async def test_each_closure_has_its_own_mark_and_the_ladder_ends_at_the_province(
    player: Player,
) -> None:
    levels = []
    for digit in "121":
        await say(player, digit, group=GROUP)
        levels.append((await item(player, 1)).level)
        await close(player)
    await say(player, "4", group=GROUP)

    assert levels == [Level.UNIT, Level.PROVINCE, Level.PROVINCE]
    assert await marks(player) == [1, 2, 1, 4]


async def test_somebody_elses_digit_and_a_late_one_are_no_marks(player: Player) -> None:
    await say(player, "5", who="小张", group=GROUP)
    player.clock.advance(timedelta(hours=48, seconds=1))
    await say(player, "5", group=GROUP)

    assert await marks(player) == []


async def test_a_choice_goes_before_a_mark(player: Player) -> None:
    entry = player.app.knowledge.knowledge.entries[0].key
    detail = f'{{"entries": ["{entry}"], "event": 1, "topic": "none"}}'
    async with player.app.database.unit_of_work() as uow:
        now = player.clock.now()
        prompt = Prompt("choice", detail, now + timedelta(minutes=10))
        await uow.prompts.put(IN_GROUP, "小李", prompt)

    await say(player, "1", group=GROUP)
    assert await marks(player) == []
    await say(player, "3", group=GROUP)

    assert await marks(player) == [3]
