"""The whole way of a message, inside one process: what is kept, what is undone, what waits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.playground import ACCOUNT
from bot.inbox import Inbox
from handlers.faq import Knowledge, Match
from storage.inbox import InboundEvent
from storage.reports import LedgerFilter, LedgerRow
from storage.vocabulary import (
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Message,
    MuteChange,
    Platform,
    Recall,
    Topic,
)
from tests.scenarios.player import START, Player, playing

GROUP = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.GROUP, "计算机2301")
KNOWN = "准考证去哪弄"


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


def said(text: str, number: int = 1, *, sender: str = "小李", mentions: bool = True) -> Message:
    return Message(
        GROUP, sender, sender, str(number), text, START, str(number), mentions_bot=mentions
    )


async def hear(player: Player, *messages: Message) -> list[str]:
    """What the bot says in the group to these messages."""
    before = len(player.said)
    for message in messages:
        await player.app.inbox.accept(message)
    await player.app.inbox.drain()
    await player.app.outbox.drain()
    return [
        line.text
        for line in player.said[before:]
        if line.conversation == GROUP and line.sender_id == ACCOUNT
    ]


async def rows(player: Player) -> list[LedgerRow]:
    async with player.app.database.reading() as uow:
        return await uow.reports.ledger(LedgerFilter(), limit=100)


async def stored(player: Player, number: int) -> Message | None:
    async with player.app.database.reading() as uow:
        event = await uow.inbox.find(Platform.PLAYGROUND, ACCOUNT, GROUP.id, str(number))
    return event.incoming if event and isinstance(event.incoming, Message) else None


async def test_a_redelivery_days_later_is_the_same_event(player: Player) -> None:
    """F3"""
    assert len(await hear(player, said(KNOWN))) == 1
    player.clock.advance(timedelta(days=3))

    assert await hear(player, said(KNOWN), said(KNOWN)) == []

    assert len(await rows(player)) == 1


async def test_classmates_chat_is_not_stored(player: Player) -> None:
    await hear(player, said("哈哈今天真冷", mentions=False))

    assert await stored(player, 1) is None


async def test_the_tutors_chat_is_looked_at_and_its_words_forgotten(player: Player) -> None:
    """It may answer a question that was noted; when it does not, it is nobody's record."""
    await hear(player, said("今天下雪了大家慢点走", sender="王敏", mentions=False))

    kept = await stored(player, 1)
    assert kept is not None
    assert kept.text == ""
    assert await rows(player) == []


async def test_private_numbers_are_stored_nowhere(player: Player, tmp_path: Path) -> None:
    """Y1"""
    number = "210105199002301111"
    message = replace(
        said(f"@助手 我的身份证{number}能查录取不"),
        sender_name=f"小李{number}",
        attachments=(Attachment(AttachmentKind.FILE, f"{number}.jpg"),),
    )

    await hear(player, message)

    files = [tmp_path / "scenario.db", tmp_path / "scenario.db-wal"]
    found = [await asyncio.to_thread(path.read_bytes) for path in files]
    assert any("能查录取不".encode() in content for content in found)
    assert not any(number.encode() in content for content in found)


async def test_a_recalled_question_keeps_its_row_and_loses_its_words(player: Player) -> None:
    """F18"""
    await hear(player, said("食堂几点关门啊"))

    await player.app.inbox.accept(Recall(GROUP, "1", "小李", "小李", START))
    await player.app.inbox.drain()

    kept = await stored(player, 1)
    assert kept is not None
    assert kept.text == "〔已撤回〕"
    async with player.app.database.reading() as uow:
        item = await uow.questions.get(1)
    assert item is not None
    assert item.text == "〔已撤回〕"
    assert len(await rows(player)) == 1


async def set_aside(player: Player) -> list[str]:
    async with player.app.database.reading() as uow:
        return [error for _, error, _ in await uow.inbox.set_aside()]


class Poisoned(Knowledge):
    """Fails on one text, every time."""

    def search(self, text: str, *, topic: Topic | None = None, limit: int = 3) -> tuple[Match, ...]:
        if "毒" in text:
            raise RuntimeError("poison")
        return super().search(text, topic=topic, limit=limit)


async def test_a_message_that_fails_every_time_goes_to_a_person_and_its_neighbours_are_answered(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F17: set aside after three tries, the chat goes on, a person is told."""
    knowledge = player.app.knowledge
    knowledge.knowledge = Poisoned(knowledge.knowledge.entries)

    tries: list[int] = []
    give_up = Inbox._give_up

    async def counted(self: Inbox, event: InboundEvent, error: Exception) -> None:
        tries.append(event.attempts)
        await give_up(self, event, error)

    monkeypatch.setattr(Inbox, "_give_up", counted)

    await hear(player, said(KNOWN, 1), said("这道有毒的题啥时候讲", 2), said(KNOWN, 3))
    async with asyncio.timeout(10):
        while not await set_aside(player):
            # Past the pause before a retry, and well within the lease.
            player.clock.advance(timedelta(seconds=2))
            player.app.inbox.wake()
            await asyncio.sleep(0.05)
    await hear(player)
    heard = [line.text for line in player.said if line.conversation == GROUP]

    assert sum("准考证" in line for line in heard) == 2
    assert sum("没能处理好" in line for line in heard) == 1
    async with player.app.database.reading() as uow:
        waiting = await uow.questions.get(1)
    assert await set_aside(player) == ["RuntimeError: poison"]
    assert tries == [0, 1, 2]
    assert waiting is not None


async def test_nothing_is_said_in_a_group_that_muted_the_bot_until_it_is_lifted(
    player: Player,
) -> None:
    """F13"""
    until = START + timedelta(hours=2)
    await player.app.inbox.accept(MuteChange(GROUP, until, START))
    await player.app.inbox.drain()

    assert await hear(player, said(KNOWN)) == []

    await player.app.inbox.accept(MuteChange(GROUP, None, START + timedelta(minutes=5)))
    assert len(await hear(player)) == 1


async def test_what_was_back_filled_after_an_outage_is_answered_only_if_it_was_to_the_bot(
    player: Player,
) -> None:
    player.clock.advance(timedelta(hours=1))

    heard = await hear(
        player, said(KNOWN, 1, mentions=False), said(KNOWN, 2, sender="小张", mentions=True)
    )

    assert len(heard) == 1
    assert "刚才离线" in heard[0]
    actions = [row.record.action for row in await rows(player)]
    assert sorted(actions) == ["answer", "watch"]


async def test_a_code_in_a_nickname_goes_out_as_it_is(player: Player) -> None:
    """A4"""
    evil = "[CQ:at,qq=all]"

    await hear(player, replace(said("食堂几点关门啊"), sender_name=evil))

    card = next(line for line in player.said if line.conversation.id == "王敏")
    assert f"计算机2301 · {evil} · " in card.text


@pytest.mark.parametrize(
    "text", ["", " ", "　", "？", "啊" * 5000, "\u202e\u200b", "[CQ:face,id=1]"]
)
async def test_odd_texts_are_answered_or_left_alone(player: Player, text: str) -> None:
    """F18"""
    await hear(player, said(text))

    assert len(await hear(player, said(KNOWN, 2))) == 1


async def test_the_anonymous_share_an_id_and_nothing_else(player: Player) -> None:
    """Two of them complain: two complaints, not one with an addition."""
    first = replace(said("凭什么扣我两回学费 退钱", 1, sender="80000000"), is_anonymous=True)
    second = replace(said("书一个月没发谁管", 2, sender="80000000"), is_anonymous=True)

    before = len(player.said)
    heard = await hear(player, first, second)

    async with player.app.database.reading() as uow:
        cases = [await uow.questions.get(number) for number in (1, 2)]
    assert [case.text for case in cases if case] == ["凭什么扣我两回学费 退钱", "书一个月没发谁管"]
    assert len(heard) == 2
    # Nobody reads what is written to the id they share.
    assert "80000000" not in [line.conversation.id for line in player.said[before:]]
