"""The roster in a chat: codes handed over by the tutor, three lists, address book, own facts."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.playground import ACCOUNT
from handlers.binding import listed_code
from storage.database import Database
from storage.imports import Changes, StudentRow
from storage.published import SchoolFact
from storage.roster import FactRow
from storage.vocabulary import (
    SHANGHAI,
    Conversation,
    ConversationKind,
    MembershipChange,
    Platform,
)
from tests.conftest import Classroom
from tests.scenarios.player import Player, playing

CLASS = "计算机2301"
WU, WU_NO = "王五", "2430000000099"
STRANGER, THIEF = "路人", "小偷"
ON = datetime(2026, 11, 30, tzinfo=SHANGHAI)


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        async with made.app.database.unit_of_work() as uow:
            row = StudentRow(
                CLASS,
                WU_NO,
                WU,
                major="计算机应用",
                level="专科",
                grade="2023秋",
                phone="13812341234",
            )
            await uow.imports.students([row], now=made.clock.now(), source="名单.xlsx")
        yield made


async def say(player: Player, who: str, text: str, group: str = "") -> str:
    """What comes of it: every line the bot says, to whomever."""
    before = len(player.said)
    assert player.app.playground is not None
    await player.app.playground.say(user_id=who, name=who, text=text, group_id=group)
    await player.app.inbox.drain()
    await player.app.outbox.drain()
    return "\n".join(
        f"{line.conversation.id}> {line.text}"
        for line in player.said[before:]
        if line.sender_id == ACCOUNT
    )


async def code_of(player: Player, tutor: str = "王敏") -> str:
    found = re.search(r"绑定码：(\d{6})，", await say(player, tutor, f"/绑定码 {WU_NO}"))
    assert found is not None
    return found[1]


async def person(player: Player, account: str) -> int | None:
    key = (Platform.PLAYGROUND, account)
    async with player.app.database.reading() as uow:
        return (await uow.people.speakers([key], player.clock.now()))[key].person_id


async def actions(player: Player) -> list[str]:
    async with player.app.database.reading() as uow:
        return [action for _, action, _ in await uow.audit.actions()]


# -- A3, S13.1: codes ------------------------------------------------------------------------------


async def test_s13_1_a_code_from_the_tutor_ties_the_number_to_one_account(player: Player) -> None:
    """A3"""
    code = await code_of(player)

    said = await say(player, STRANGER, f"/绑定 {WU_NO} {code}")
    again = await say(player, THIEF, f"/绑定 {WU_NO} {code}")

    assert f"您是 {CLASS} 的{WU}" in said
    assert "绑定码不对" in again
    assert await person(player, STRANGER) is not None
    assert await person(player, THIEF) is None
    assert {"roster.code_given", "account.bound"} <= set(await actions(player))


async def test_a_code_needs_the_number_it_was_given_for(player: Player) -> None:
    """A3"""
    code = await code_of(player)

    bare = await say(player, STRANGER, f"/绑定 {code}")
    other = await say(player, STRANGER, f"/绑定 2430000000000 {code}")

    assert "私聊里发「/绑定」取绑定码" in bare
    assert "不对" in other
    assert await person(player, STRANGER) is None


async def test_a3_five_wrong_codes_close_the_number_to_every_account_for_an_hour(
    player: Player,
) -> None:
    """A3: A gang of accounts gets no more guesses at one number than one account does."""
    code = await code_of(player)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for number in range(5):
        assert "不对" in await say(player, f"小偷{number}", f"/绑定 {WU_NO} {wrong}")

    assert "一小时以后" in await say(player, STRANGER, f"/绑定 {WU_NO} {code}")
    assert await person(player, STRANGER) is None
    player.clock.advance(timedelta(minutes=61))
    assert "绑定好了" in await say(player, STRANGER, f"/绑定 {WU_NO} {code}")


async def test_a3_five_wrong_codes_close_the_account_whatever_the_number(player: Player) -> None:
    """A3"""
    code = await code_of(player)
    for number in range(5):
        await say(player, THIEF, f"/绑定 243000000001{number} 123456")

    assert "一小时以后" in await say(player, THIEF, f"/绑定 {WU_NO} {code}")
    # The owner, from another account, is not shut out by it.
    assert "绑定好了" in await say(player, STRANGER, f"/绑定 {WU_NO} {code}")


async def test_a_code_lasts_a_day_and_only_the_newest_counts(player: Player) -> None:
    old, code = await code_of(player), await code_of(player)
    if old != code:
        assert "不对" in await say(player, STRANGER, f"/绑定 {WU_NO} {old}")
    player.clock.advance(timedelta(hours=25))

    assert "不对" in await say(player, STRANGER, f"/绑定 {WU_NO} {code}")
    assert await person(player, STRANGER) is None


async def test_a3_a_number_that_is_tied_is_refused_and_the_tutor_told(player: Player) -> None:
    code = await code_of(player)
    async with player.app.database.unit_of_work() as uow:
        (found,) = await uow.roster.student(WU_NO)
        await uow.people.bind_account(Platform.PLAYGROUND, "本人", found.person_id)

    by_code = await say(player, THIEF, f"/绑定 {WU_NO} {code}")
    by_asking = await say(player, STRANGER, f"/绑定 {WU_NO} {WU}")
    new_code = await say(player, "王敏", f"/绑定码 {WU_NO}")

    assert "这个学号已经绑定了别的账号" in by_code
    assert "王敏> 【助学小助手】绑定提醒：有个演示账号要绑定" in by_code
    # Who asks learns nothing; the tutor does.
    assert f"{STRANGER}> 【助学小助手】好的。如果学号和姓名与名单一致" in by_asking
    assert "但这个学号已有账号" in by_asking
    assert "已经绑定了 演示" in new_code
    assert await person(player, THIEF) is None
    assert await person(player, STRANGER) is None


async def test_a3_who_has_left_the_school_cannot_be_bound(player: Player) -> None:
    """Graduated: the number is of no class any more, its codes are gone and no card is sent."""
    code = await code_of(player)
    async with player.app.database.unit_of_work() as uow:
        kept = StudentRow(CLASS, "24300000000" + "00", "小李")
        gone = await uow.imports.students([kept], now=player.clock.now(), replaces=True)

    by_code = await say(player, STRANGER, f"/绑定 {WU_NO} {code}")
    by_asking = await say(player, STRANGER, f"/绑定 {WU_NO} {WU}")

    assert f"− {CLASS} 学生 {WU_NO}（不在表里）" in gone.lines
    assert "不对" in by_code
    assert "王敏>" not in by_asking
    assert "没有「2430000000099」" in await say(player, "王敏", f"/绑定码 {WU_NO}")
    assert await person(player, STRANGER) is None


async def test_a3_the_tutor_and_the_old_account_hear_of_a_further_one(player: Player) -> None:
    found = re.search(r"\d{8}", await say(player, "小李", "/绑定"))
    assert found is not None

    said = await say(player, STRANGER, f"/绑定 {found[0]}")

    assert f"王敏> 【助学小助手】绑定提醒：{CLASS} 小李（学号尾号 0000）又绑定了一个账号" in said
    assert "小李> 【助学小助手】您又绑定了一个账号" in said


async def test_a_printed_code_needs_no_number_and_is_read_however_it_is_typed(
    player: Player,
) -> None:
    code, hashed = listed_code()
    async with player.app.database.unit_of_work() as uow:
        (found,) = await uow.roster.student(WU_NO)
        until = player.clock.now() + timedelta(days=14)
        await uow.people.put_binding_code(
            found.person_id, hashed, player.clock.now(), until, given_by="cli"
        )

    said = await say(player, STRANGER, f"/绑定 {code[:4].lower()}-{code[4:7]} {code[7:]}")

    assert f"您是 {CLASS} 的{WU}" in said


@pytest.mark.parametrize(
    "line", [f"/绑定码 {WU_NO}", f"/解绑 {WU_NO}", "/通讯录", f"/学情 {WU}", "/花名册", "/未绑定"]
)
async def test_only_the_tutor_of_the_class_and_only_in_private(player: Player, line: str) -> None:
    by_student = await say(player, "小李", line)
    by_another = await say(player, "赵强", line)
    in_group = await say(player, "王敏", line, CLASS)

    assert "只有本班助学教师" in by_student
    assert "0099" not in by_another.replace(WU_NO, "")
    assert "计算机应用" not in by_another
    assert "请私聊我" in in_group
    assert WU not in in_group


async def test_a_tie_is_undone_by_the_tutor_and_the_account_is_told(player: Player) -> None:
    said = await say(player, "王敏", "/解绑 小李")

    assert "王敏> 【助学小助手】已解除小李的 演示 小*" in said
    assert "小李> 【助学小助手】这个账号已由助学教师王敏老师解除绑定" in said
    assert await person(player, "小李") is None
    assert "roster.unbound" in await actions(player)
    assert "没有绑定账号" in await say(player, "王敏", "/解绑 小李")
    # Tied again, by a new code.
    found = re.search(r"绑定码：(\d{6})，", await say(player, "王敏", "/绑定码 小李"))
    assert found is not None
    assert "绑定好了" in await say(player, "小李", f"/绑定 2430000000000 {found[1]}")


async def test_two_claims_at_once_have_one_owner(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    """Ten transactions side by side, on SQLite and on PostgreSQL."""
    async with database.unit_of_work() as uow:
        await uow.imports.students([StudentRow(CLASS, WU_NO, WU)])
        (wu,) = await uow.roster.student(WU_NO)
        until = now + timedelta(hours=1)
        await uow.people.put_binding_code(wu.person_id, "x" * 64, now, until, given_by="qq:10001")

    async def claim(user: str) -> bool:
        async with database.unit_of_work() as uow:
            found = await uow.roster.take_code("x" * 64, now)
            if found is None:
                return False
            await uow.roster.hold(found.person_id)
            if await uow.roster.accounts_of(found.person_id):
                return False
            await uow.people.bind_account(Platform.QQ, user, found.person_id)
            return True

    won = await asyncio.gather(*(claim(f"3000{number}") for number in range(10)))

    assert won.count(True) == 1
    async with database.reading() as uow:
        assert len(await uow.roster.accounts_of(wu.person_id)) == 1


# -- three lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", [Platform.QQ, Platform.WECHAT])
async def test_s13_1_unbound_unknown_and_gone_are_listed_on_each_platform(
    player: Player, platform: Platform
) -> None:
    place = Conversation(platform, "9000", ConversationKind.GROUP, "group-x")
    async with player.app.database.unit_of_work() as uow:
        room = await uow.people.class_named(CLASS, player.clock.now())
        assert room is not None
        await uow.people.bind_group(place, room.id)
        students = {one.name: one for one in await uow.roster.students_of([room.id])}
        for name in ("小李", "小张"):
            await uow.people.bind_account(platform, f"id-{name}", students[name].person_id)
        await uow.members.reconcile(place, ["id-小李", "id-小张", "wxid_stranger", "9000"], ON)
        await uow.members.note(MembershipChange(place, "id-小张", False, False, ON))

    said = await say(player, "王敏", "/未绑定")

    name = "QQ" if platform is Platform.QQ else "微信"
    assert f"① 名单里没有绑定账号的 1 人：{WU}" in said
    assert f"② 群里对不上名单的账号 1 个：{name} wxid*****nger" in said
    assert f"③ 已退群的 1 人：小张（{name}）" in said


# -- S13.11, S13.8 ---------------------------------------------------------------------------------


async def test_s13_11_the_address_book_is_masked_and_one_number_leaves_a_trace(
    player: Player,
) -> None:
    book = await say(player, "王敏", "/通讯录")
    one = await say(player, "王敏", f"/通讯录 {WU}")

    assert f"{WU} 138****1234" in book
    assert "小李 没有登记手机" in book
    assert "13812341234" not in book
    assert "13812341234" in one
    assert (await actions(player)).count("roster.phone_seen") == 1


async def test_the_class_list_says_who_is_bound(player: Player) -> None:
    said = await say(player, "王敏", "/花名册")

    assert f"{CLASS} 共 3 人，已绑定 2 人" in said
    assert f"0099 {WU} 计算机应用 专科 2023秋（未绑定）" in said


@pytest.fixture
async def told(player: Player) -> Player:
    """Two lists were imported: marks of 小李, and how far 王五 has got."""
    li = "2430000000000"
    async with player.app.database.unit_of_work() as uow:
        await uow.roster.put_facts(
            [
                FactRow(li, "个人:成绩", "英语 85；数学 59", ON, "成绩表.xlsx"),
                FactRow(li, "个人:形考", "5/8", ON, "形考表.xlsx"),
                FactRow(WU_NO, "个人:登录次数", "0", ON, "平台导出"),
            ],
            Changes(),
        )
    return player


async def test_s13_8_a_learning_state_card_is_facts_with_day_and_source(told: Player) -> None:
    said = await say(told, "王敏", f"/学情 {WU}")

    assert "登录次数：0（截至 2026年11月30日，来源：平台导出）" in said
    assert "学籍信息：计算机应用 专科 2023秋（截至 2026年12月1日，来源：名单.xlsx）" in said
    assert "账号：未绑定" in said
    assert "风险" not in said
    assert "没有打分" in said


async def test_s16_4_marks_are_told_to_their_owner_in_private_with_day_and_source(
    told: Player,
) -> None:
    async with told.app.database.unit_of_work() as uow:
        await uow.imports.facts([(None, SchoolFact("链接:成绩查询", "https://grades.invalid"))])
    own = await say(told, "小李", "我这次考了多少分")
    again = await say(told, "小李", "我这次考了多少分")
    others = await say(told, "小张", "我这次考了多少分")
    stranger = await say(told, STRANGER, "我这次考了多少分")

    for words in (own, again):
        assert "您的成绩：英语 85；数学 59（截至 2026年11月30日，来源：成绩表.xlsx）。" in words
    assert "85" not in others + stranger
    assert "请用自己的账号登录查询：https://grades.invalid" in others


async def test_s16_4_nothing_personal_is_said_in_the_group(told: Player) -> None:
    for text in ("@助手 我这次考了多少分", "@助手 我的形考", "@助手 我这次考了多少分"):
        before = len(told.said)
        assert told.app.playground is not None
        await told.app.playground.say(
            user_id="小李",
            name="小李",
            text=text.removeprefix("@助手 "),
            group_id=CLASS,
            mentions=(ACCOUNT,),
        )
        await told.app.inbox.drain()
        await told.app.outbox.drain()
        public = [one.text for one in told.said[before:] if one.conversation.id == CLASS]
        assert "私聊" in public[-1]
        assert not any("85" in text or "5/8" in text for text in public)


async def test_a_fact_is_asked_by_its_column(told: Player) -> None:
    assert "您的形考：5/8（截至 2026年11月30日，来源：形考表.xlsx）" in await say(
        told, "小李", "我的形考怎么样？"
    )
    assert "5/8" not in await say(told, "小张", "我的形考怎么样？")
    assert "您的学号：2430000000000" in await say(told, "小李", "我的学号")
