"""Implementations that connect to us: who may, whose line it is, and what frames cannot do."""

import asyncio
import json

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.adapters.onebot import OneBotSettings
from bot.adapters.onebot.line import MISSED_HEARTBEATS
from storage.vocabulary import Message

TOKEN = "正确的 token-1".encode().hex()
ACCOUNT = 3889000001


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, {}),
        ({"Authorization": f"bearer  {TOKEN} "}, {}),
        ({"Authorization": f"Token {TOKEN}"}, {}),
        ({}, {"access_token": TOKEN}),
        ({"Authorization": "Bearer "}, {"access_token": TOKEN}),
    ],
    ids=str,
)
async def test_right_token_is_let_in_however_it_is_sent(start_bot, headers, query):
    bot = await start_bot()
    url = bot.server.make_url("/onebot/v11/ws").with_query(query)

    async with bot.http.ws_connect(url, headers={**headers, "X-Self-ID": "5"}):
        await bot.is_online(5)


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, {}, 401),
        ({"Authorization": "Bearer "}, {}, 401),
        ({"Authorization": "Bearer"}, {}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, {}, 401),
        ({}, {"access_token": ""}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, {}, 403),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, {}, 403),
        ({}, {"access_token": "错"}, 403),
        ({"Authorization": "Bearer wrong"}, {"access_token": TOKEN}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://localhost"}, {}, 403),
    ],
    ids=str,
)
async def test_anybody_else_is_refused_before_the_handshake(start_bot, headers, query, status):
    """X6"""
    bot = await start_bot()
    url = bot.server.make_url("/onebot/v11/ws").with_query(query)

    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await bot.http.ws_connect(url, headers={**headers, "X-Self-ID": "5"})

    assert refusal.value.status == status
    assert bot.adapter.connected() == frozenset()


async def test_without_a_token_configured_nobody_gets_in_and_the_log_says_so_once(start_bot):
    bot = await start_bot(access_token="")

    with capture_logs() as logs:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}"}):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await bot.http.ws_connect(bot.server.make_url("/onebot/v11/ws"), headers=headers)

    assert [line["event"] for line in logs] == ["onebot.no_token"]


async def test_refusals_are_logged_once_a_minute(start_bot):
    bot = await start_bot()

    with capture_logs() as logs:
        for _ in range(5):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await bot.http.ws_connect(bot.server.make_url("/onebot/v11/ws"))

    assert [line["kind"] for line in logs] == ["access token missing"]


async def test_before_the_bot_runs_it_says_so(start_bot):
    bot = await start_bot(is_running=False)

    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with bot.connect():
            pass


async def test_plain_get_is_told_to_upgrade(start_bot):
    bot = await start_bot()
    url = bot.server.make_url("/onebot/v11/ws")

    async with bot.http.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert response.status == 426


async def test_messages_of_several_accounts_are_told_apart(start_bot):
    bot = await start_bot()

    async with bot.connect(11) as one, bot.connect(22) as other:
        await one.say("甲")
        first = await bot.hear()
        await other.say("乙")
        second = await bot.hear()

        assert (first.conversation.account, second.conversation.account) == ("11", "22")
        assert bot.adapter.connected() == {"11", "22"}
    await bot.is_online()


async def test_account_is_learned_from_the_first_event(start_bot):
    bot = await start_bot()

    async with bot.connect(headers={"Authorization": f"Bearer {TOKEN}"}) as qq:
        await qq.report(post_type="meta_event", meta_event_type="lifecycle", sub_type="connect")
        await bot.is_online(ACCOUNT)
        await qq.say("在吗")

        assert (await bot.hear()).conversation.account == str(ACCOUNT)


async def test_newer_of_two_connections_sends_and_both_are_heard(start_bot, sending, answer):
    """F12"""
    bot = await start_bot()

    async with bot.connect() as old:
        async with bot.connect() as new:
            await old.say("旧")
            await new.say("新")
            assert {(await bot.hear()).text, (await bot.hear()).text} == {"旧", "新"}

            send = sending(bot, answer)
            await new.answer(await new.call("send_group_msg"), {"message_id": 8})
            assert await send == "8"

        send = sending(bot, answer)
        await old.answer(await old.call("send_group_msg"), {"message_id": 9})
        assert await send == "9"
    await bot.is_online()

    assert bot.presence == [(str(ACCOUNT), True), (str(ACCOUNT), False)]


async def test_late_end_of_the_old_connection_leaves_the_account_online(start_bot, sending, answer):
    """F12"""
    bot = await start_bot()

    async with bot.connect() as old, bot.connect() as new:
        await new.say("新")
        await bot.hear()
        old.cut()
        await new.say("还在")
        await bot.hear()
        send = sending(bot, answer)
        await new.answer(await new.call(), {"message_id": 8})

        assert await send == "8"
        assert bot.presence == [(str(ACCOUNT), True)]


async def test_calls_go_to_the_api_connection_and_never_to_the_event_one(
    start_bot, sending, answer
):
    bot = await start_bot()

    async with bot.connect(role="Event") as events:
        await events.say("只有事件")
        await bot.hear()
        assert bot.adapter.connected() == frozenset()

        async with bot.connect(role="API") as api:
            await bot.is_online(ACCOUNT)
            async with bot.connect(role="Event"):
                send = sending(bot, answer)
                await api.answer(await api.call("send_group_msg"), {"message_id": 8})
                assert await send == "8"
        await bot.is_online()


async def test_account_that_reports_itself_offline_is_offline(start_bot):
    bot = await start_bot()

    async with bot.connect() as qq:
        await bot.is_online(ACCOUNT)
        await qq.beat(online=False)
        await bot.is_online()
        await qq.beat()
        await bot.is_online(ACCOUNT)


BAD_FRAMES = [
    "",
    "42",
    "null",
    "[]",
    '"x"',
    "{}",
    "{",
    "[" * 200_000,
    '{"a": NaN}',
    '{"post_type": "message"}',
    '{"post_type": {}, "self_id": []}',
    '{"status": "ok", "retcode": "0", "data": 5, "echo": {"a": [1]}}',
    '{"status": "ok", "retcode": 0, "data": null, "echo": "nobody"}',
]


async def test_bad_frames_cost_one_log_line_a_kind_and_no_neighbour(start_bot):
    bot = await start_bot()

    with capture_logs() as logs:
        async with bot.connect() as qq:
            for number, frame in enumerate(BAD_FRAMES * 3):
                await qq.send(frame)
                await qq.say(str(number))
            await qq.socket.send_bytes(b"\xff\xfe\x00{")
            await qq.socket.send_frame(b'{"post_type": "\xc3\x28"}', aiohttp.WSMsgType.TEXT)
            await qq.say("最后")
            heard = [(await bot.hear()).text for _ in range(len(BAD_FRAMES) * 3 + 1)]
        await bot.is_online()

    assert heard == [*map(str, range(len(BAD_FRAMES) * 3)), "最后"]
    kinds = [line["kind"] for line in logs if line["event"] == "onebot.odd"]
    assert len(kinds) == len(set(kinds))
    (farewell,) = (line for line in logs if line["event"] == "onebot.disconnected")
    assert farewell["odd"]["broken frame"] == 10


async def test_binary_frames_and_bad_utf8_inside_a_string_are_read(start_bot):
    bot = await start_bot()
    frame = {
        "self_id": ACCOUNT,
        "post_type": "message",
        "user_id": 7,
        "group_id": 3,
        "message_id": 1,
        "message": "请假？",
    }

    async with bot.connect() as qq:
        data = json.dumps(frame, ensure_ascii=False).encode()
        await qq.socket.send_bytes(data)
        await qq.socket.send_frame(data.replace("假".encode(), b"\xff"), aiohttp.WSMsgType.TEXT)

        assert (await bot.hear()).text == "请假？"
        assert (await bot.hear()).text == "请\ufffd？"


async def test_frame_of_10_mb_is_taken_and_its_neighbours_too(start_bot):
    bot = await start_bot()

    async with bot.connect() as qq:
        await qq.say("前")
        await qq.say("中", padding="x" * 10_000_000)
        await qq.say("后")

        assert [(await bot.hear()).text for _ in range(3)] == ["前", "中", "后"]


async def test_frame_beyond_the_limit_closes_the_line(start_bot):
    """X6"""
    bot = await start_bot(max_frame_mb=1)

    async with bot.connect() as qq:
        await qq.say("x", padding="x" * 2**20)

        assert await qq.closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_inbox_that_fails_once_does_not_cost_the_connection(start_bot):
    heard = asyncio.Queue()

    async def accept(event):
        if event.text == "坏":
            raise LookupError("a bug of ours")
        await heard.put(event)

    bot = await start_bot(accept=accept)

    with capture_logs() as logs:
        async with bot.connect() as qq:
            await qq.say("坏")
            await qq.say("好")
            event = await asyncio.wait_for(heard.get(), 5)

    assert isinstance(event, Message)
    assert event.text == "好"
    assert [line["kind"] for line in logs if line["event"] == "onebot.odd"] == ["event failed"]


async def test_full_inbox_holds_messages_back_and_does_not_time_calls_out(
    start_bot, sending, answer
):
    has_room = asyncio.Event()
    bot = await start_bot(accept=lambda event: has_room.wait(), call_timeout_seconds=0.02)

    async with bot.connect() as qq:
        await qq.say("挤")
        send = sending(bot, answer)
        call = await qq.call()
        await qq.answer(call, {"message_id": 8})
        await asyncio.sleep(0.15)
        assert not send.done()
        has_room.set()

        assert await send == "8"


async def test_messages_received_before_a_break_are_handed_over_after_it(start_bot):
    has_room, heard = asyncio.Event(), asyncio.Queue()

    async def accept(event):
        await has_room.wait()
        await heard.put(event.text)

    bot = await start_bot(accept=accept)

    async with bot.connect() as qq:
        for number in range(9):
            await qq.say(str(number))
        await asyncio.sleep(0.05)
        qq.cut()
        await asyncio.sleep(0.05)
        has_room.set()

        assert [await asyncio.wait_for(heard.get(), 5) for _ in range(9)] == list("012345678")


@pytest.mark.parametrize("seconds", [5, 30, 40])
def test_f12_a_silent_line_is_given_a_minute_at_the_usual_heartbeats(seconds):
    assert max(MISSED_HEARTBEATS * seconds, OneBotSettings().silence_seconds) <= 60


async def test_silent_line_is_closed_after_missed_heartbeats(start_bot):
    """F12"""
    bot = await start_bot(silence_seconds=0.05)

    async with bot.connect() as qq:
        await qq.beat(interval=10)

        assert await qq.closed() == aiohttp.WSCloseCode.GOING_AWAY
        await bot.is_online()


async def test_line_that_answers_no_ping_is_closed(start_bot):
    """F12"""
    bot = await start_bot(ping_seconds=0.05)
    url = bot.server.make_url("/onebot/v11/ws")
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Self-ID": "5"}

    async with bot.http.ws_connect(url, headers=headers, autoping=False):
        await bot.is_online(5)
        await bot.is_online()


async def test_stopping_says_goodbye(start_bot, stack):
    bot = await start_bot()

    async with bot.connect() as qq:
        await bot.is_online(ACCOUNT)
        closing = asyncio.create_task(stack.aclose())

        assert await qq.closed() == aiohttp.WSCloseCode.GOING_AWAY
        await closing
