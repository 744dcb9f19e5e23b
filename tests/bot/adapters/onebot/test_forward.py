"""Servers that we connect to: again and again, and with the right token only."""

import asyncio
from itertools import islice

from structlog.testing import capture_logs

from bot.adapters.onebot.forward import Backoff

ACCOUNT = 3889000001


async def test_server_is_found_heard_and_answered(start_bot, site, sending, answer):
    bot = await start_bot(forward=[{"url": site.url, "access_token": "t"}])

    async with site.connection() as qq:
        await qq.report(post_type="meta_event", meta_event_type="lifecycle", sub_type="connect")
        await qq.say("在吗")
        assert (await bot.hear()).text == "在吗"
        send = sending(bot, answer)
        await qq.answer(await qq.call("send_group_msg"), {"message_id": 8})

        assert await send == "8"
    assert site.headers[0]["Authorization"] == "Bearer t"


async def test_server_that_breaks_off_is_found_again(start_bot, site):
    bot = await start_bot(forward=[{"url": site.url}])

    for _ in range(3):
        async with site.connection() as qq:
            await qq.beat()
            await bot.is_online(ACCOUNT)
            qq.cut()
            await bot.is_online()


async def test_messages_received_before_a_break_are_handed_over_after_it(start_bot, site):
    has_room, heard = asyncio.Event(), asyncio.Queue()

    async def accept(event):
        await has_room.wait()
        await heard.put(event.text)

    await start_bot(accept=accept, forward=[{"url": site.url}])

    async with site.connection() as qq:
        for number in range(9):
            await qq.say(str(number))
        await asyncio.sleep(0.05)
        qq.cut()
        await asyncio.sleep(0.05)
        has_room.set()

        assert [await asyncio.wait_for(heard.get(), 5) for _ in range(9)] == list("012345678")


async def test_server_that_is_away_is_mentioned_once(start_bot, site):
    site.status = 502
    with capture_logs() as logs:
        bot = await start_bot(forward=[{"url": site.url}])
        await site.was_tried(3)
        site.status = None
        async with site.connection() as qq:
            await qq.beat()
            await bot.is_online(ACCOUNT)

    events = [line["event"] for line in logs if line["event"].startswith("onebot.forward")]
    assert events == ["onebot.forward_unreachable"]


async def test_token_refused_in_a_frame_is_mentioned_once_and_tried_slowly(start_bot, site):
    site.is_token_wrong = True
    with capture_logs() as logs:
        await start_bot(forward=[{"url": site.url}], reconnect_longest_seconds=0.2)
        await asyncio.sleep(0.35)

    events = [line["event"] for line in logs if line["event"].startswith("onebot.forward")]
    assert events == ["onebot.forward_token_refused"]
    assert 2 <= len(site.headers) <= 4


async def test_token_refused_at_the_handshake_is_mentioned_once(start_bot, site):
    site.status = 401
    with capture_logs() as logs:
        await start_bot(forward=[{"url": site.url}])
        await site.was_tried(2)

    events = [line["event"] for line in logs if line["event"].startswith("onebot.forward")]
    assert events == ["onebot.forward_token_refused"]


async def test_server_that_says_nothing_is_asked_whose_it_is(start_bot, site, monkeypatch):
    monkeypatch.setattr("bot.adapters.onebot.line.NAMELESS_SECONDS", 0.01)
    bot = await start_bot(forward=[{"url": site.url + "api"}])

    async with site.connection() as qq:
        await qq.answer(await qq.call("get_login_info"), {"user_id": 5, "nickname": "助手"})

        await bot.is_online(5)


def test_pauses_double_up_to_the_longest_and_vary():
    """F12"""
    backoff = Backoff(1, 60)

    pauses = list(islice(iter(backoff.pause, None), 9))
    backoff.reset()

    for pause, most in zip(pauses, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert most / 2 <= pause <= most
    assert backoff.pause() <= 1
    assert 30 <= backoff.longest() <= 60
