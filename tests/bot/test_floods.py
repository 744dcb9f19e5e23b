"""L2, A7: one who writes too fast, machines that answer each other; nothing said is lost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.playground import ACCOUNT
from handlers import floods, texts_floods
from storage.interactions import Kind
from storage.reports import LedgerFilter
from storage.vocabulary import Conversation, ConversationKind, Message, Platform
from tests.bot.test_intake import GROUP, settle
from tests.scenarios.player import Player, playing

PLACE = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.GROUP, GROUP)
ALONE = replace(PLACE, kind=ConversationKind.PRIVATE, id="小李")
TOO_FAST = texts_floods.too_fast()


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


async def say(player: Player, who: str, text: str, n: object, place: Conversation = PLACE) -> None:
    at = player.clock.now()
    message = Message(place, who, who, f"m{n}", text, at, native_time=f"{n}", mentions_bot=True)
    await player.app.inbox.accept(message)


async def kinds(player: Player) -> dict[Kind, int]:
    async with player.app.database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter(), limit=1000)
    found: dict[Kind, int] = {}
    for row in rows:
        found[row.record.kind] = found.get(row.record.kind, 0) + 1
    return found


def told(player: Player) -> int:
    return sum(TOO_FAST in line.text for line in player.said)


async def test_l2_who_writes_twenty_a_second_is_told_once_a_minute(player: Player) -> None:
    """L2: 20 commands a second for eight seconds, twice; a classmate meanwhile is answered."""
    sent = 0
    for minute in range(2):
        for _ in range(160):
            player.clock.advance(timedelta(milliseconds=50))
            await say(player, "小李", f"/进度 T-{sent + 100}", sent, ALONE)
            sent += 1
        await say(player, "小张", "期末考试什么时候报名", f"z{minute}")
        await settle(player)
        assert told(player) == minute + 1
        player.clock.advance(timedelta(seconds=53))

    ours = [line for line in player.said if line.sender_id == ACCOUNT]
    answered = sum(it.conversation == ALONE and TOO_FAST not in it.text for it in ours)
    noted = (await kinds(player)).get(Kind.FLOOD, 0)
    # Everything sent was answered, or stands in the record as not answered.
    assert answered + noted == sent
    assert floods.BURST <= answered < sent / 2
    assert sum(it.conversation == PLACE for it in ours) == 2


async def test_l2_a_group_that_asks_the_same_at_once_is_answered_by_merging(
    player: Player,
) -> None:
    """L2: a hundred ask within a second; a few answers stand for all, every one is on record."""
    for n in range(100):
        player.clock.advance(timedelta(milliseconds=10))
        await say(player, f"学生{n}", "期末考试什么时候报名", n)
    await settle(player)

    said = [line for line in player.said if line.sender_id == ACCOUNT]
    assert sum(it.conversation == PLACE for it in said) == floods.SAID_ENOUGH
    assert (await kinds(player)) == {Kind.QUESTION: 100}


@pytest.mark.parametrize("varies", ["question", "nothing"])
async def test_a7_two_machines_that_answer_each_other_stop(player: Player, varies: str) -> None:
    """A7: whatever we say, the other machine says the same again, or something senseless."""
    for n in range(12):
        text = "请问有什么可以帮您？" if varies == "nothing" else f"喵{'呜' * n}"
        await say(player, "另一个机器人", text, n)
        await settle(player)
        player.clock.advance(timedelta(seconds=2))

    said = [it for it in player.said if it.sender_id == ACCOUNT and it.conversation == PLACE]
    assert 1 <= len(said) <= floods.TURNS


async def test_a7_what_machines_say_is_not_heard(player: Player) -> None:
    """A7: our own echo, another account of ours, Tencent's own robots."""
    player.app.inbox.attention.bots = {(Platform.PLAYGROUND, "另一个号")}
    for n, who in enumerate((ACCOUNT, "另一个号")):
        await say(player, who, "期末考试什么时候报名", n)
    on_qq = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
    await say(player, "2854196310", "期末考试什么时候报名", "q", on_qq)
    await settle(player)

    async with player.app.database.reading() as uow:
        assert await uow.inbox.newest(10) == []


async def test_l2_in_distress_nobody_is_too_fast(player: Player) -> None:
    """L2: the hundredth message of a minute may be the one that matters."""
    for n in range(2 * floods.BURST):
        await say(player, "小李", f"/进度 T-{n + 100}", n, ALONE)
    await say(player, "小李", "我不想活了", "d", ALONE)
    await settle(player)

    assert (await kinds(player))[Kind.DISTRESS] == 1
    assert "T-" not in player.said[-1].text or TOO_FAST not in player.said[-1].text


def test_a7_robots_are_known_by_their_numbers() -> None:
    """A7: by ids of the platform; an odd id is nobody's."""
    assert floods.is_robot(Platform.QQ, "2854196310")
    assert not floods.is_robot(Platform.QQ, "20001")
    assert not floods.is_robot(Platform.WECHAT, "2854196310")
    assert not floods.is_robot(Platform.QQ, "")
    assert not floods.is_robot(Platform.QQ, "9" * 5000)
    assert not floods.is_robot(Platform.QQ, "²854196310")
