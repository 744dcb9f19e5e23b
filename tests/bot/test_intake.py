"""Intake on the whole bot: numbers, additions, evidence, limits (S13.4, S10.5, S23.2)."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.playground import ACCOUNT
from storage.cases import Step, StepKind
from storage.questions import Category, HandOff, Level, SolvedBy
from storage.reports import LedgerFilter
from storage.vocabulary import (
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Message,
    Platform,
    Recall,
)
from tests.scenarios.player import Player, playing

GROUP = "计算机2301"


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


async def settle(player: Player) -> None:
    await player.app.inbox.drain()
    await player.app.outbox.drain()


async def say(player: Player, *texts: str, who: str = "小李", group: str = "") -> list[str]:
    """What the bot says to anybody, as 「place> words」; all of it in one batch."""
    before = len(player.said)
    assert player.app.playground is not None
    for text in texts:
        await player.app.playground.say(user_id=who, name=who, text=text, group_id=group)
    await settle(player)
    return [
        f"{line.conversation.id}> {line.text}"
        for line in player.said[before:]
        if line.sender_id == ACCOUNT
    ]


async def item(player: Player, number: int) -> HandOff:
    async with player.app.database.reading() as uow:
        found = await uow.questions.get(number)
    assert found is not None
    return found


async def steps(player: Player, number: int) -> list[Step]:
    async with player.app.database.reading() as uow:
        return await uow.cases.steps(number)


async def count(player: Player) -> int:
    async with player.app.database.reading() as uow:
        return len(await uow.questions.of_asker(Platform.PLAYGROUND, "小李", None))


async def test_fifty_complaints_in_an_hour_are_six_numbers_and_nothing_is_lost(
    player: Player,
) -> None:
    """A8"""
    said: list[str] = []
    for number in range(50):
        said += await say(player, f"投诉：第{number:02}件事，窗口没有人")
        player.clock.advance(timedelta(seconds=72))

    assert await count(player) == 6
    receipts = [line for line in said if line.startswith("小李>") and "已登记" in line]
    assert len(receipts) == 6
    assert all("已补充到 T-6" in line for line in said if "并在这一件里" in line)
    added = [step.text for step in await steps(player, 6) if step.kind is StepKind.ADDED]
    assert [text[:5] for text in added] == [f"第{n:02}件事" for n in range(6, 50)]


async def test_after_twelve_hours_there_are_numbers_again(player: Player) -> None:
    """A8"""
    for number in range(6):
        await say(player, f"投诉：第{number}件事")
    player.clock.advance(timedelta(hours=12, minutes=1))

    said = await say(player, "投诉：今天的事")

    assert any("编号 T-7" in line for line in said)


async def test_more_about_what_is_settled_opens_it_again(player: Player) -> None:
    """Six numbers, all closed: said to a closed one, it would be read by nobody."""
    for number in range(6):
        await say(player, f"投诉：第{number}件事")
    async with player.app.database.unit_of_work() as uow:
        for number in range(1, 7):
            found = await uow.questions.get(number)
            assert found is not None
            await uow.questions.close(
                found, at=player.clock.now(), solved_by=SolvedBy.TUTOR, by=None, answer="好了"
            )

    said = await say(player, "投诉：又来了")

    assert any("已补充到 T-6" in line for line in said)
    again = await item(player, 6)
    assert again.closed_at is None
    assert again.reopened == 1


async def test_four_messages_in_one_batch_are_one_case(player: Player) -> None:
    await say(player, "投诉", "昨天窗口办事推来推去", "2", "给个准信")

    found = await item(player, 1)
    assert await count(player) == 1
    assert (found.text, found.wants) == ("昨天窗口办事推来推去", "给个准信")
    assert found.category is Category.COMPLAINT


async def test_the_first_reply_has_the_number_and_takes_less_than_three_seconds(
    player: Player,
) -> None:
    started = time.monotonic()

    said = await say(player, "投诉")

    assert "编号 T-1" in said[0]
    assert time.monotonic() - started < 3


async def test_silence_leaves_the_number_standing(player: Player) -> None:
    await say(player, "投诉：食堂卫生太差")
    player.clock.advance(timedelta(hours=2))

    said = await say(player, "学习平台密码忘了怎么办")

    assert "已补充" not in said[0]
    assert (await item(player, 1)).closed_at is None


async def test_pictures_are_evidence_and_the_question_is_asked_again(player: Player) -> None:
    await say(player, "投诉")
    place = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.PRIVATE, "小李")
    picture = Attachment(AttachmentKind.IMAGE, "210105199002301111.jpg", "ref-1")
    before = len(player.said)
    await player.app.inbox.accept(
        Message(place, "小李", "小李", "p1", "", player.clock.now(), attachments=(picture,))
    )
    await settle(player)

    assert "作为凭证" in player.said[before].text
    (step,) = await steps(player, 1)
    async with player.app.database.reading() as uow:
        assert step.event_id is not None
        kept = (await uow.inbox.messages([step.event_id]))[step.event_id]
    assert kept.attachments == (Attachment(AttachmentKind.IMAGE, "〔身份证号〕.jpg", "ref-1"),)


async def test_private_numbers_are_hidden_in_every_step_and_wish(player: Player) -> None:
    """Y1"""
    number = "210105199002301111"
    await say(player, f"投诉：多收了 我身份证{number}", f"2 {number}", f"退到我卡上 {number}")
    await say(player, f"补一句 {number}")

    found = await item(player, 1)
    kept = [found.text, found.wants, *(step.text for step in await steps(player, 1))]
    assert not any(number in text for text in kept)
    assert sum("〔" in text for text in kept) >= 3


async def test_what_is_taken_back_loses_its_words_in_the_history(player: Player) -> None:
    """F18"""
    await say(player, "投诉：平台总是打不开", "跳过")
    await say(player, "是张三同学告诉我的")
    place = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.PRIVATE, "小李")
    last = [line for line in player.said if line.text == "是张三同学告诉我的"][-1]

    await player.app.inbox.accept(
        Recall(place, last.message_id, "小李", "小李", player.clock.now())
    )
    await settle(player)

    assert [step.text for step in await steps(player, 1)] == ["〔已撤回〕"]


async def test_distress_in_the_middle_of_a_complaint_goes_before_everything(
    player: Player,
) -> None:
    await say(player, "投诉：没有人管我")

    said = await say(player, "我不想活了")

    assert any(line.startswith("王敏> ") and "请尽快联系 T-2" in line for line in said)
    assert await steps(player, 1) == []


async def test_straight_to_the_province_leaves_no_trace_for_the_tutor(player: Player) -> None:
    said = await say(player, "省校：投诉 班级群里乱收钱")

    found = await item(player, 1)
    assert found.level is Level.PROVINCE
    assert not any(line.startswith("王敏>") for line in said)
    for command in ("/待办", "/日报", "/台账", "/答复 T-1 好的", "/进度 T-1"):
        told = "\n".join(await say(player, command, who="王敏"))
        assert "乱收钱" not in told
        assert "小李" not in told
        assert "投诉 1" not in told
    async with player.app.database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter(hide_about_tutor=True), limit=50)
    assert not [row for row in rows if row.record.hand_off == 1]


async def test_a_complaint_from_the_group_lives_in_private(player: Player) -> None:
    said = await say(player, "/投诉 老师一个月没回过消息", group=GROUP)

    assert [line for line in said if line.startswith(GROUP)] == [
        f"{GROUP}> 【助学小助手】这件事请到私聊里说，群里不展开。已为您开好，编号见私聊。"
    ]
    assert (await item(player, 1)).conversation.kind is ConversationKind.PRIVATE


async def test_somebody_of_no_class_is_asked_for_it(player: Player) -> None:
    said = await say(player, "投诉：乱收费", who="路人")

    assert "不知道您在哪个班" in said[0]
    assert await count(player) == 0
