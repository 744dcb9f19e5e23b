"""Sending: how a text looks in WeChat, and what is done when the answer is lost."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.adapters.base import NotConnected, Refused, RetryLater, Uncertain
from storage.vocabulary import SHANGHAI, Outgoing

RULE = "- - - - - - - - - - - - - - -"


async def test_text_goes_to_the_group_and_its_id_comes_back(world, client, answer):
    sent_id = await client.adapter.send(answer)

    (sent,) = await world.sent()
    assert (sent["conversation"], sent["text"], sent["id"]) == (world.room, answer.text, sent_id)


async def test_text_goes_to_one_person(world, client):
    await client.adapter.send(Outgoing("k", world.private(world.ann), "您好"))

    (sent,) = await world.sent()
    assert (sent["conversation"], sent["room"], sent["text"]) == (world.ann, False, "您好")


async def test_mention_is_written_with_the_name_in_this_group(world, client):
    await client.adapter.send(
        Outgoing("k", world.group, "请看通知", mention=(world.ann, world.ben))
    )

    (sent,) = await world.sent()
    assert sent["text"] == "@安同学\u2005@小本\u2005请看通知"
    assert sent["mentions"] == [world.ann, world.ben]


async def test_gateway_that_writes_mentions_itself_is_left_to_do_so(world, connect):
    await world.gateway.set(inlineMentions=True)
    client = await connect(world.gateway, gateway_writes_mentions=True)
    await client.adapter.send(Outgoing("k", world.group, "请看通知", mention=(world.ann,)))

    (sent,) = await world.sent()
    assert sent["text"] == "@安同学\u2005请看通知"


async def test_answer_in_a_group_quotes_the_question(world, client):
    question = await world.say("几号考试？")
    await client.hear()
    await client.adapter.send(Outgoing("k", world.group, "还没有公布。", quote=question))

    (sent,) = await world.sent()
    assert sent["text"] == f"「安同学：几号考试？」\n{RULE}\n还没有公布。"


async def test_quote_never_repeats_a_private_number(world, client):
    question = await world.say("我的身份证 11010119900307123X 报上了吗")
    await client.hear()
    await client.adapter.send(Outgoing("k", world.group, "请勿在群里发身份证号。", quote=question))

    (sent,) = await world.sent()
    assert "11010119900307123X" not in sent["text"]


async def test_long_question_is_cut_in_the_quote(world, client):
    question = await world.say("长" * 200)
    await client.hear()
    await client.adapter.send(Outgoing("k", world.group, "好。", quote=question))

    (sent,) = await world.sent()
    assert sent["text"].startswith("「安同学：" + "长" * 40 + "…」")


async def test_question_from_before_the_start_is_fetched_for_the_quote(world, connect):
    question = await world.say("几号考试？")
    client = await connect(world.gateway)
    await client.adapter.send(Outgoing("k", world.group, "还没有公布。", quote=question))

    (sent,) = await world.sent()
    assert sent["text"].startswith("「安同学：几号考试？」")


@pytest.mark.parametrize("quote", ["unknown:1", "msg_gone"])
async def test_what_cannot_be_quoted_is_answered_without(world, client, quote):
    await client.adapter.send(Outgoing("k", world.group, "好。", quote=quote))

    (sent,) = await world.sent()
    assert sent["text"] == "好。"


async def test_private_answer_quotes_only_what_is_not_the_last_word(world, client):
    first = await world.tell("几号考试？")
    await client.hear()
    await client.adapter.send(Outgoing("k1", world.private(world.ann), "还没有公布。", quote=first))
    await world.tell("那考场呢")
    await client.hear()
    await client.adapter.send(Outgoing("k2", world.private(world.ann), "见准考证。", quote=first))

    sent = await world.sent(2)
    assert [one["text"] for one in sent] == [
        "还没有公布。",
        f"「小安：几号考试？」\n{RULE}\n见准考证。",
    ]


@pytest.mark.parametrize("text", ["", "  ", "\0"])
async def test_nothing_to_say_is_refused(world, client, text):
    with pytest.raises(Refused):
        await client.adapter.send(Outgoing("k", world.group, text))


async def test_words_are_only_ever_words(world, client):
    """A4"""
    text = '<msg><appmsg/></msg> [CQ:at,qq=all] {"type":14}'
    await client.adapter.send(Outgoing("k", world.group, text))

    (sent,) = await world.sent()
    assert (sent["kind"], sent["text"]) == ("text", text)


async def test_without_a_line_or_for_another_account_there_is_nothing_to_try(world, client, answer):
    other = Outgoing("k", replace(world.group, account="wxid_other"), "您好")
    with pytest.raises(NotConnected):
        await client.adapter.send(other)
    await world.gateway.down()
    await client.offline()

    with pytest.raises(NotConnected):
        await client.adapter.send(answer)


async def test_room_that_does_not_exist_is_refused(world, client):
    nowhere = world.private("wxid_nobody")

    with pytest.raises(Refused):
        await client.adapter.send(Outgoing("k", nowhere, "您好"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"code": "UNKNOWN", "message": "something broke"}, RetryLater),
        ({"code": "UNKNOWN", "message": "the account is not logged in"}, NotConnected),
        ({"code": "NOT_FOUND"}, Refused),
        ({"code": "UNAVAILABLE"}, Uncertain),
        ({"code": "UNKNOWN", "message": "timeout after 60000 ms"}, Uncertain),
        ({"hang": True}, Uncertain),
    ],
    ids=str,
)
async def test_failure_means_what_it_says_and_nothing_is_repeated(
    world, connect, answer, fault, error
):
    client = await connect(world.gateway, call_seconds=0.3, echo_seconds=0.1)
    await world.gateway.fault(method="messageSendText", **fault)

    with pytest.raises(error) as caught:
        await client.adapter.send(answer)

    assert type(caught.value) is error
    assert "broke" not in str(caught.value)
    assert (await world.gateway.calls())["messageSendText"] == 1


async def test_lost_answer_is_settled_by_the_echo(world, connect, answer):
    client = await connect(world.gateway, echo_seconds=5)
    await world.gateway.fault(method="messageSendText", lateFailure=True, times=1)

    sent_id = await client.adapter.send(answer)

    (sent,) = await world.sent()
    assert sent["id"] == sent_id


async def test_lost_answer_to_a_quoting_mention_is_settled_too(world, connect):
    client = await connect(world.gateway, echo_seconds=5)
    question = await world.say("几号考试？")
    await client.hear()
    await world.gateway.fault(method="messageSendText", lateFailure=True, times=1)

    sent_id = await client.adapter.send(
        Outgoing("k", world.group, "还没有公布。", quote=question, mention=(world.ann,))
    )

    (sent,) = await world.sent()
    assert sent["id"] == sent_id


async def test_echo_that_comes_late_settles_the_next_try(world, connect, answer):
    client = await connect(world.gateway, echo_seconds=0.05)
    await world.gateway.fault(method="messagePayload", ms=300, times=1)
    await world.gateway.fault(method="messageSendText", lateFailure=True, times=1)
    with pytest.raises(Uncertain):
        await client.adapter.send(answer)
    await world.say("之后")
    await client.hear()

    sent_id = await client.adapter.send(answer)

    (sent,) = await world.sent()
    assert sent["id"] == sent_id


async def test_uncertain_message_is_sent_again_when_nothing_proves_it(world, connect, answer):
    client = await connect(world.gateway, echo_seconds=0.05)
    await world.gateway.fault(method="messageSendText", code="UNAVAILABLE", times=1)
    with pytest.raises(Uncertain):
        await client.adapter.send(answer)

    assert await client.adapter.send(answer)
    assert len(await world.sent()) == 1


async def test_other_words_of_ours_prove_nothing(world, connect, answer):
    client = await connect(world.gateway, echo_seconds=0.3)
    await world.gateway.fault(method="messageSendText", code="UNAVAILABLE", times=1)
    sending = asyncio.create_task(client.adapter.send(answer))
    await world.say("别的话，报考时间还没有公布。", by=world.bot)

    with pytest.raises(Uncertain):
        await sending


async def test_words_sent_by_a_process_that_died_are_recognised(world, client, answer):
    """Its echo came to us; the database only knows that it may have been sent."""
    sent_id = await world.say(answer.text, by=world.bot)
    await world.say("之后")
    await client.hear()

    earlier = datetime.now(SHANGHAI) - timedelta(seconds=5)

    assert await client.adapter.send(answer, earlier) == sent_id
    assert await world.sent(0) == []


async def test_gateway_that_tells_no_id_is_asked_by_the_echo(world, connect, answer):
    await world.gateway.set(returnIds=False)
    client = await connect(world.gateway, echo_seconds=5)

    sent_id = await client.adapter.send(answer)

    (sent,) = await world.sent()
    assert sent["id"] == sent_id


async def test_neither_id_nor_echo_is_still_sent(world, connect, answer):
    await world.gateway.set(returnIds=False, echo=False)
    client = await connect(world.gateway, echo_seconds=0.1)

    assert await client.adapter.send(answer) == ""
    assert len(await world.sent()) == 1


async def test_message_of_ours_is_taken_back(world, client, answer):
    sent_id = await client.adapter.send(answer)

    await client.adapter.recall(world.group, sent_id)

    actions = (await world.gateway.actions())["actions"]
    assert [(one["what"], one["id"]) for one in actions] == [("messageRecall", sent_id)]
