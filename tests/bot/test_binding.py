"""One person, two accounts: tied by a code that only they have seen."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.imports import StudentRow
from storage.vocabulary import Platform
from tests.scenarios.player import Player, playing

STRANGER = "路人"


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


async def say(player: Player, who: str, text: str) -> str:
    """What the bot answers in private."""
    before = len(player.said)
    assert player.app.playground is not None
    await player.app.playground.say(user_id=who, name=who, text=text)
    await player.app.inbox.drain()
    await player.app.outbox.drain()
    return "\n".join(line.text for line in player.said[before:] if line.sender_id != who)


async def code_of(player: Player, who: str = "小李") -> str:
    found = re.search(r"\d{8}", await say(player, who, "/绑定"))
    assert found is not None
    return found[0]


async def person(player: Player, account: str) -> int | None:
    key = (Platform.PLAYGROUND, account)
    async with player.app.database.reading() as uow:
        return (await uow.people.speakers([key], player.clock.now()))[key].person_id


async def test_s13_1_a_code_makes_two_accounts_one_person(player: Player) -> None:
    code = await code_of(player)

    said = await say(player, STRANGER, f"/绑定 {code}")

    assert "同一个人" in said
    assert await person(player, STRANGER) == await person(player, "小李") is not None
    # A question asked from one account is theirs from the other.
    assert "T-1" in await say(player, "小李", "校门口的停车卡在哪里办")
    assert "已经绑定为小李" in await say(player, STRANGER, f"/绑定 {code}")


async def test_a_code_works_once_and_not_for_long(player: Player) -> None:
    """A3"""
    code = await code_of(player)
    player.clock.advance(timedelta(minutes=11))
    assert "过期" in await say(player, STRANGER, f"/绑定 {code}")

    old, new = await code_of(player), await code_of(player)
    assert "不对" in await say(player, STRANGER, f"/绑定 {old}")
    assert "同一个人" in await say(player, STRANGER, f"/绑定 {new}")
    assert "不对" in await say(player, "另一个路人", f"/绑定 {new}")


async def test_guessing_ends_after_five_tries(player: Player) -> None:
    """A3"""
    code = await code_of(player)
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for _ in range(5):
        assert "不对" in await say(player, STRANGER, f"/绑定 {wrong}")

    assert "次数太多" in await say(player, STRANGER, f"/绑定 {code}")
    assert await person(player, STRANGER) is None
    player.clock.advance(timedelta(hours=2))
    assert "同一个人" in await say(player, STRANGER, f"/绑定 {await code_of(player)}")


async def test_rights_do_not_travel_by_code(player: Player) -> None:
    """A3"""
    assert "不能自助绑定" in await say(player, "王敏", "/绑定")


async def test_a_stranger_is_told_where_to_go(player: Player) -> None:
    assert "还不认识这个账号" in await say(player, STRANGER, "/绑定")


async def test_s13_1_the_tutor_confirms_who_has_no_other_account(player: Player) -> None:
    """A wrong name and a right one get the same words; only the right one reaches the tutor."""
    async with player.app.database.unit_of_work() as uow:
        rows = [StudentRow("计算机2301", "2430000000099", "王五")]
        await uow.imports.students(rows)
    before = len(player.said)

    wrong = await say(player, STRANGER, "/绑定 2430000000099 李四")
    right = await say(player, STRANGER, "/绑定 2430000000099 王五")
    (card,) = [line for line in player.said[before:] if line.conversation.id == "王敏"]
    listed = await say(player, "王敏", "/未绑定")

    assert wrong.splitlines()[-1] in right.splitlines()
    assert "绑定请求" in card.text
    assert "尾号 0099" in card.text
    assert "王五" in listed
    assert await person(player, STRANGER) is None

    assert player.app.playground is not None
    for who, text in (("赵强", "确认"), ("王敏", "等等"), ("王敏", "确认")):
        await player.app.playground.say(user_id=who, name=who, text=text, quote=card.message_id)
        await player.app.inbox.drain()
        await player.app.outbox.drain()
        if text == "等等" or who == "赵强":
            assert await person(player, STRANGER) is None

    assert await person(player, STRANGER) is not None
    assert any(line.conversation.id == STRANGER and "绑定好了" in line.text for line in player.said)
    assert "王五" not in await say(player, "王敏", "/未绑定")
