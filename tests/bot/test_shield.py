"""Private numbers in a QQ group: a quiet word at once, the message gone where the bot may."""

import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from storage.vocabulary import SHANGHAI
from tests.bot.qq import QQ
from tests.scenarios.on_qq import OnQQ
from tests.scenarios.player import Player, playing
from tests.scenarios.stage import Line

LEAK = "我身份证210105199002301111帮我查下录取没"


@pytest.fixture
def stage() -> OnQQ:
    return OnQQ()


@pytest.fixture
async def player(tmp_path: Path, stage: OnQQ) -> AsyncIterator[Player]:
    async with playing(tmp_path, stage) as made:
        yield made


def client_of(stage: OnQQ) -> QQ:
    return stage._qq


async def leak(player: Player, stage: OnQQ, text: str = LEAK) -> tuple[str, list[str]]:
    """The id of the message and what the bot said to it."""
    at = datetime(2026, 12, 1, 20, 15, tzinfo=SHANGHAI)
    said = await stage.say(Line("小李", "计算机2301", text, "", at))
    await player.overheard.until_handed_over(said)
    await player.app.inbox.drain()
    await player.app.outbox.drain()
    return said, [one["text"] for one in client_of(stage).heard]


@pytest.mark.parametrize("is_admin", [True, False])
async def test_the_message_is_taken_back_or_tried_once(
    player: Player, stage: OnQQ, *, is_admin: bool
) -> None:
    client_of(stage).is_admin = is_admin
    started = time.monotonic()

    said, heard = await leak(player, stage)

    assert time.monotonic() - started < 3
    assert any("建议马上撤回" in text for text in heard)
    assert client_of(stage).recalls == [int(said)]
    async with player.app.database.reading() as uow:
        assert await uow.outbox.counts() == {"done": 3}


async def test_nothing_else_is_taken_back(player: Player, stage: OnQQ) -> None:
    client_of(stage).is_admin = True

    await leak(player, stage, "加我微信领优惠券")

    assert client_of(stage).recalls == []
