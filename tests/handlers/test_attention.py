"""What is kept at all: what may concern the bot or the record, and never a classmate's chatter."""

from dataclasses import replace
from typing import Any

import pytest

from handlers.attention import Attention, is_worth_keeping, understanding_of
from handlers.settings import BotSettings
from handlers.understanding import Understanding, mask
from storage.prompts import Prompt, PromptKey
from storage.vocabulary import (
    SHANGHAI,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)
from tests.conftest import NOW

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
KEY: PromptKey = (Platform.QQ, PLACE.account, PLACE.id, "20001")
CHATTER = "哈哈哈今晚吃啥"


def keeps(
    text: str = CHATTER,
    label: Label = Label.CHITCHAT,
    hints: Attention | None = None,
    **changes: Any,
) -> bool:
    message = replace(Message(PLACE, "20001", "李明", "1001", text, NOW), **changes)
    understanding = Understanding(label, Topic.NONE, 0.9, 0.9)
    return is_worth_keeping(message, understanding, hints or Attention(), BotSettings())


@pytest.mark.parametrize(
    ("label", "is_kept"),
    [
        (Label.QUESTION, True),
        (Label.COMPLAINT, True),
        (Label.DISTRESS, True),
        (Label.PRIVACY_LEAK, True),
        (Label.CHITCHAT, False),
        (Label.ACK, False),
        (Label.ANNOUNCEMENT, False),
        # Its sender is told so, in private, before the tutor hears of it.
        (Label.SPAM, True),
        (Label.INJECTION, False),
        (Label.COMMAND_FORGERY, False),
    ],
)
def test_of_what_is_said_to_nobody_only_matters_of_record_are_kept(
    label: Label, *, is_kept: bool
) -> None:
    assert keeps(label=label) is is_kept


@pytest.mark.parametrize(
    "changes",
    [
        {"mentions_bot": True},
        {"reply_to": "1000"},
        {"conversation": replace(PLACE, kind=ConversationKind.PRIVATE, id="20001")},
        {"text": "/待办"},
        {"text": "／帮助"},
        {"text": "/没有这个命令"},
        {"text": "助手 在吗"},
        {"text": "@助学小助手 哈哈"},
    ],
    ids=["@", "quote", "private", "command", "full-width", "unknown command", "alias", "name"],
)
def test_what_is_said_to_the_bot_is_kept_whatever_it_is(changes: dict[str, Any]) -> None:
    assert keeps(**changes)


@pytest.mark.parametrize(
    "text", [CHATTER, "收到", "😂😂", "[表情]", "", "今天好冷 1 2 3", "看 a/b", "有助手吗哈哈"]
)
def test_chatter_of_classmates_is_never_kept(text: str) -> None:
    assert not keeps(text)


def test_whatever_staff_say_is_kept() -> None:
    """It may be the answer to something that waits."""
    hints = Attention(staff={(Platform.QQ, "10001")})

    assert keeps(hints=hints, sender_id="10001")
    assert not keeps(hints=hints)
    assert not keeps(hints=hints, conversation=replace(PLACE, platform=Platform.WECHAT))


def test_whoever_owes_an_answer_is_listened_to_in_that_place_only() -> None:
    hints = Attention(prompted={KEY})

    assert keeps("2", hints=hints)
    assert not keeps("2", hints=hints, sender_id="20002")
    assert not keeps("2", hints=hints, conversation=replace(PLACE, id="600000001"))


def test_a_prompt_counts_from_its_opening_to_its_end() -> None:
    hints = Attention()
    prompt = Prompt("choice", "{}", NOW.astimezone(SHANGHAI))

    hints.note_prompts({KEY: prompt})
    while_open = keeps("2", hints=hints)
    hints.note_prompts({KEY: None})
    afterwards = keeps("2", hints=hints)

    assert (while_open, afterwards) == (True, False)


def test_a_masked_number_is_still_a_leak() -> None:
    text = mask("我身份证110101199003077715帮我查下")

    assert "110101199003077715" not in text
    assert understanding_of(text).label is Label.PRIVACY_LEAK


def test_a_cry_for_help_outranks_a_number_beside_it() -> None:
    text = mask("我不想活了，电话13800138000")

    assert "13800138000" not in text
    assert understanding_of(text).label is Label.DISTRESS


@pytest.mark.parametrize("placeholder", ["身份证号", "手机号", "银行卡号", "密码", "住址"])
def test_whoever_types_a_placeholder_gets_no_more_than_the_hint(placeholder: str) -> None:
    assert understanding_of(f"〔{placeholder}〕").label is Label.PRIVACY_LEAK
