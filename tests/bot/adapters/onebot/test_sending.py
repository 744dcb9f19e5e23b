"""Sending: what an answer means, and what is done when none comes."""

import asyncio
from datetime import datetime

import pytest

from bot.adapters.base import NotConnected, Refused, RetryLater, Uncertain
from storage.vocabulary import (
    SHANGHAI,
    ContactRequest,
    Conversation,
    ConversationKind,
    Outgoing,
    Platform,
)

ACCOUNT = 3889000001
GROUP = 600000001
SECONDS = 1795396500


def own_message(message_id, text="报考时间还没有公布。", *, quote="1", time=SECONDS):
    segments = [{"type": "text", "data": {"text": text}}]
    if quote:
        segments.insert(0, {"type": "reply", "data": {"id": quote}})
    return {
        "post_type": "message_sent",
        "message_type": "group",
        "user_id": ACCOUNT,
        "group_id": GROUP,
        "message_id": message_id,
        "time": time,
        "message": segments,
    }


def others_message(message_id, *, time=SECONDS):
    return own_message(message_id, "大家好", quote="", time=time) | {
        "post_type": "message",
        "user_id": 7,
    }


async def test_answer_goes_out_as_segments_and_returns_its_id(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        call = await qq.call("send_group_msg")
        await qq.answer(call, {"message_id": -8})

        assert await send == "-8"
        assert call["params"] == {
            "group_id": GROUP,
            "message": [
                {"type": "reply", "data": {"id": "1"}},
                {"type": "text", "data": {"text": "报考时间还没有公布。"}},
            ],
        }


async def test_temporary_session_names_its_group(start_bot, sending):
    bot = await start_bot()
    session = Conversation(Platform.QQ, str(ACCOUNT), ConversationKind.PRIVATE, "7", str(GROUP))

    async with bot.connect() as qq:
        sending(bot, Outgoing("k", session, "您好"))
        call = await qq.call("send_private_msg")

        assert call["params"]["user_id"] == 7
        assert call["params"]["group_id"] == GROUP


async def test_answers_find_their_calls_in_any_order(start_bot, sending, group):
    bot = await start_bot()

    async with bot.connect() as qq:
        sends = [sending(bot, Outgoing(f"k{n}", group, str(n))) for n in range(20)]
        calls = [await qq.call() for _ in sends]
        for call in reversed(calls):
            await qq.answer(call, {"message_id": call["params"]["message"][0]["data"]["text"]})

        assert [await send for send in sends] == [str(n) for n in range(20)]
        assert len({call["echo"] for call in calls}) == 20


async def test_without_a_line_there_is_nothing_to_try(start_bot, answer):
    bot = await start_bot()

    with pytest.raises(NotConnected):
        await bot.adapter.send(answer)


async def test_offline_account_is_not_connected(start_bot, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        await qq.beat(online=False)
        await bot.is_online()

        with pytest.raises(NotConnected):
            await bot.adapter.send(answer)


@pytest.mark.parametrize("text", ["", "  ", "\0"])
async def test_nothing_to_say_is_refused(start_bot, group, text):
    bot = await start_bot()

    async with bot.connect():
        await bot.is_online(ACCOUNT)
        with pytest.raises(Refused):
            await bot.adapter.send(Outgoing("k", group, text, quote="1"))


@pytest.mark.parametrize(
    ("retcode", "wording", "error"),
    [
        (1200, "发送失败，请检查是否被禁言", RetryLater),
        (100, "SEND_MSG_API_ERROR", RetryLater),
        (-1, "", RetryLater),
        ("1200", "未知错误", RetryLater),
        (1400, "message: Required", Refused),
        (1404, "不支持的Api send_group_msg", Refused),
        (1200, "群不存在", Refused),
        (1200, "消息发送失败：您已被移出该群", Refused),
        (100, "对方不是好友", Refused),
    ],
)
async def test_refusal_means_what_it_says(start_bot, sending, answer, retcode, wording, error):
    """F13"""
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.answer(await qq.call(), retcode=retcode, wording=wording)

        with pytest.raises(error) as caught:
            await send
        assert type(caught.value) is error


@pytest.mark.parametrize("retcode", [1200, 200])
async def test_platform_timeout_is_settled_by_the_echo(start_bot, sending, answer, retcode):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        call = await qq.call()
        await qq.report(**own_message(5))
        await qq.answer(call, retcode=retcode, wording="Timeout: NTEvent sendMsg EventRet: {}")

        assert await send == "5"


async def test_missing_answer_is_settled_by_the_echo(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.call("send_group_msg")
        await qq.report(**own_message(5))

        assert await send == "5"


@pytest.mark.parametrize(
    "other",
    [
        own_message(5, quote="2"),
        own_message(5, text="别的"),
        own_message(5, time=SECONDS - 60),
        own_message(5) | {"group_id": 1},
        own_message(5, quote=""),
    ],
)
async def test_another_message_of_ours_proves_nothing(start_bot, sending, answer, other):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.call("send_group_msg")
        await qq.report(**other)
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)

        with pytest.raises(Uncertain):
            await send


async def test_echo_of_an_answered_message_proves_no_other(start_bot, sending, group):
    bot = await start_bot()

    async with bot.connect() as qq:
        first = sending(bot, Outgoing("k1", group, "收到"))
        await qq.answer(await qq.call(), {"message_id": 5})
        await first
        await qq.report(**own_message(5, "收到", quote=""))
        second = sending(bot, Outgoing("k2", group, "收到"))
        await qq.call("send_group_msg")
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)

        with pytest.raises(Uncertain):
            await second


async def test_history_shows_that_it_was_sent(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.answer(await qq.call(), retcode=1200, wording="Timeout")
        history = await qq.call("get_group_msg_history")
        await qq.answer(history, {"messages": [others_message(1), own_message(6), None, 3]})

        assert await send == "6"
        assert history["params"]["group_id"] == GROUP


async def test_history_shows_that_it_was_not_sent(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.answer(await qq.call(), retcode=1200, wording="Timeout")
        messages = [others_message(9, time=SECONDS - 100), others_message(1)]
        await qq.answer(await qq.call("get_group_msg_history"), {"messages": messages})
        with pytest.raises(RetryLater) as caught:
            await send
        assert 0 < caught.value.after.total_seconds() <= 1

        again = sending(bot, answer)
        await qq.answer(await qq.call("send_group_msg"), {"message_id": 7})
        assert await again == "7"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        # Full of newer ones: ours might have been before.
        [others_message(n) for n in range(50)],
        # Ends long ago and does not hold what we quote: not the newest ones.
        [others_message(9, time=SECONDS - 1000)],
    ],
    ids=["empty", "full", "old"],
)
async def test_history_that_does_not_reach_proves_nothing(start_bot, sending, answer, messages):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.answer(await qq.call(), retcode=1200, wording="Timeout")
        await qq.answer(await qq.call("get_group_msg_history"), {"messages": messages})

        with pytest.raises(Uncertain):
            await send


async def test_history_is_asked_of_a_private_chat_too(start_bot, sending):
    bot = await start_bot()
    friend = Conversation(Platform.QQ, str(ACCOUNT), ConversationKind.PRIVATE, "7")

    async with bot.connect() as qq:
        send = sending(bot, Outgoing("k", friend, "您好"))
        await qq.answer(await qq.call(), retcode=1200, wording="操作超时")
        own = own_message(6, "您好", quote="") | {"message_type": "private", "group_id": None}
        await qq.answer(await qq.call("get_friend_msg_history"), {"messages": [own]})

        assert await send == "6"


async def test_implementation_without_history_is_asked_once(start_bot, sending, group):
    bot = await start_bot()

    async with bot.connect() as qq:
        first = sending(bot, Outgoing("k1", group, "一"))
        await qq.answer(await qq.call(), retcode=1200, wording="Timeout")
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)
        with pytest.raises(Uncertain):
            await first
        second = sending(bot, Outgoing("k2", group, "二"))
        await qq.answer(await qq.call("send_group_msg"), retcode=1200, wording="Timeout")

        with pytest.raises(Uncertain):
            await second


async def test_many_uncertain_messages_ask_once_for_a_history_that_is_not_there(
    start_bot, sending, group
):
    bot = await start_bot()

    async with bot.connect() as qq:
        sends = [sending(bot, Outgoing(f"k{n}", group, str(n))) for n in range(5)]
        for call in [await qq.call("send_group_msg") for _ in sends]:
            await qq.answer(call, retcode=1200, wording="Timeout")
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)
        errors = await asyncio.gather(*sends, return_exceptions=True)

        assert [type(error) for error in errors] == [Uncertain] * 5
        recall = asyncio.create_task(bot.adapter.recall(group, "5"))
        await qq.answer(await qq.call("delete_msg"))
        await recall


async def test_message_that_could_not_be_written_was_not_sent(start_bot, answer):
    bot = await start_bot()

    async with bot.connect():
        await bot.is_online(ACCOUNT)
        (line,) = bot.adapter._lines
        line._socket._req.transport.abort()

        with pytest.raises(NotConnected):
            await bot.adapter.send(answer)


async def test_late_answer_keeps_the_message_from_being_sent_again(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        call = await qq.call("send_group_msg")
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)
        with pytest.raises(Uncertain):
            await send
        await qq.answer(call, {"message_id": 5})
        await qq.say("之后")
        await bot.hear()

        assert await bot.adapter.send(answer) == "5"


async def test_answer_to_a_send_given_up_by_the_caller_is_kept(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        call = await qq.call("send_group_msg")
        send.cancel()
        await asyncio.gather(send, return_exceptions=True)
        await qq.answer(call, {"message_id": 5})
        await qq.say("之后")
        await bot.hear()

        assert await bot.adapter.send(answer) == "5"


async def test_uncertain_message_is_sent_again_when_asked_to(start_bot, sending, answer):
    bot = await start_bot()

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.call("send_group_msg")
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)
        with pytest.raises(Uncertain):
            await send

        again = sending(bot, answer)
        await qq.answer(await qq.call("send_group_msg"), {"message_id": 7})
        assert await again == "7"


async def test_answers_received_before_the_break_count(start_bot, sending, group):
    bot = await start_bot()

    async with bot.connect() as qq:
        sends = [sending(bot, Outgoing(f"k{n}", group, str(n))) for n in range(50)]
        calls = [await qq.call() for _ in sends]
        for number, call in enumerate(calls):
            await qq.answer(call, {"message_id": number + 1})
        qq.cut()

        assert [await send for send in sends] == [str(n + 1) for n in range(50)]


async def test_message_in_flight_at_the_break_is_looked_for_on_the_next_line(
    start_bot, sending, answer
):
    bot = await start_bot(line_wait_seconds=5)

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.call("send_group_msg")
        qq.cut()
        await bot.is_online()
    async with bot.connect() as qq:
        history = await qq.call("get_group_msg_history")
        await qq.answer(history, {"messages": [others_message(1), own_message(6)]})

        assert await send == "6"


async def test_message_in_flight_at_the_break_is_looked_for_later_if_nobody_comes_back(
    start_bot, sending, answer
):
    bot = await start_bot(line_wait_seconds=0.01)

    async with bot.connect() as qq:
        send = sending(bot, answer)
        await qq.call("send_group_msg")
        qq.cut()
        with pytest.raises(Uncertain):
            await send
        await bot.is_online()
    async with bot.connect() as qq:
        await bot.is_online(ACCOUNT)
        again = sending(bot, answer)
        history = await qq.call("get_group_msg_history")
        await qq.answer(history, {"messages": [others_message(1), own_message(6)]})

        assert await again == "6"


async def test_message_of_a_process_that_died_is_looked_for_first(start_bot, sending, answer):
    bot = await start_bot()
    earlier = datetime.fromtimestamp(SECONDS - 600, SHANGHAI)

    async with bot.connect() as qq:
        await bot.is_online(ACCOUNT)
        send = asyncio.create_task(bot.adapter.send(answer, earlier))
        sent_then = own_message(6, time=SECONDS - 500)
        messages = [others_message(9, time=SECONDS - 900), sent_then, others_message(1)]
        await qq.answer(await qq.call("get_group_msg_history"), {"messages": messages})

        assert await send == "6"


@pytest.mark.parametrize("retcode", [0, 1404])
async def test_message_of_a_process_that_died_is_sent_when_it_is_not_found(
    start_bot, answer, retcode
):
    bot = await start_bot()
    earlier = datetime.fromtimestamp(SECONDS - 600, SHANGHAI)

    async with bot.connect() as qq:
        await bot.is_online(ACCOUNT)
        send = asyncio.create_task(bot.adapter.send(answer, earlier))
        messages = [others_message(9, time=SECONDS - 900), others_message(1)]
        history = await qq.call("get_group_msg_history")
        await qq.answer(history, {"messages": messages}, retcode=retcode)
        await qq.answer(await qq.call("send_group_msg"), {"message_id": 7})

        assert await send == "7"


async def test_limit_follows_the_pace_of_the_answers(start_bot, sending, group):
    bot = await start_bot(call_timeout_seconds=30)

    async with bot.connect() as qq:
        slow = sending(bot, Outgoing("k1", group, "慢"))
        await qq.call("send_group_msg")
        quick = sending(bot, Outgoing("k2", group, "快"))
        await qq.answer(await qq.call("send_group_msg"), {"message_id": 2})
        assert await quick == "2"

        # Long before the first limit of 30 s the unanswered one is given up.
        await qq.answer(await qq.call("get_group_msg_history"), retcode=1404)
        with pytest.raises(Uncertain):
            await slow


async def test_own_message_is_taken_back(start_bot, group):
    bot = await start_bot()

    async with bot.connect() as qq:
        recall = asyncio.create_task(bot.adapter.recall(group, "-5"))
        call = await qq.call("delete_msg")
        await qq.answer(call)
        await recall

        assert call["params"] == {"message_id": -5}


@pytest.mark.parametrize(
    ("token", "action", "params"),
    [
        ("friend:u_a:b|1", "set_friend_add_request", {"flag": "u_a:b|1"}),
        ("group:invite:17:1", "set_group_add_request", {"flag": "17:1", "sub_type": "invite"}),
    ],
)
async def test_request_is_answered_with_its_flag(start_bot, group, token, action, params):
    bot = await start_bot()
    request = ContactRequest(group, "7", token, "", at=None)

    async with bot.connect() as qq:
        answering = asyncio.create_task(bot.adapter.answer_request(request, approve=True))
        call = await qq.call(action)
        await qq.answer(call)
        await answering

        assert call["params"].items() >= (params | {"approve": True}).items()


async def test_failed_command_raises_what_a_failed_send_would(start_bot, group):
    bot = await start_bot()

    async with bot.connect() as qq:
        recall = asyncio.create_task(bot.adapter.recall(group, "5"))
        await qq.answer(await qq.call("delete_msg"), retcode=1200, wording="无权限")
        with pytest.raises(RetryLater):
            await recall

        recall = asyncio.create_task(bot.adapter.recall(group, "5"))
        await qq.call("delete_msg")
        with pytest.raises(Uncertain):
            await recall
