"""Pictures and voice messages: from where QQ keeps them, by QQ's own ear."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from aiohttp import web

from bot.adapters.base import NoFile, TooLarge
from storage.vocabulary import (
    SHANGHAI,
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Message,
    Platform,
)

ACCOUNT = 3889000001
PLACE = Conversation(Platform.QQ, str(ACCOUNT), ConversationKind.GROUP, "600000001")
MESSAGE = Message(PLACE, "7", "小李", "-5", "", datetime(2026, 11, 23, 9, 15, tzinfo=SHANGHAI))


def image(ref):
    return Attachment(AttachmentKind.IMAGE, "a.jpg", ref)


@pytest.fixture
async def picture() -> AsyncIterator[str]:
    async def give(_: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG")

    app = web.Application()
    app.router.add_get("/a.png", give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/a.png"
    await runner.cleanup()


async def test_a_picture_is_fetched_from_its_address(start_bot, picture):
    bot = await start_bot()
    bot.adapter.may_fetch = lambda _: True

    assert await bot.adapter.attached(MESSAGE, image(picture), 100) == b"\x89PNG"


async def test_without_an_address_the_implementation_is_asked_for_one(start_bot, picture):
    bot = await start_bot()
    bot.adapter.may_fetch = lambda _: True

    async with bot.connect() as qq:
        asking = asyncio.create_task(bot.adapter.attached(MESSAGE, image("ABC.image"), 100))
        call = await qq.call("get_image")
        await qq.answer(call, {"file": "/root/a.png", "url": picture})

        assert await asking == b"\x89PNG"
    assert call["params"] == {"file": "ABC.image"}


async def test_a_path_on_the_clients_machine_is_no_file(start_bot):
    bot = await start_bot()

    async with bot.connect() as qq:
        asking = asyncio.create_task(bot.adapter.attached(MESSAGE, image("ABC.image"), 100))
        await qq.answer(await qq.call("get_image"), {"file": "/root/a.png"})
        with pytest.raises(NoFile):
            await asking


async def test_an_address_of_our_own_network_is_not_asked(start_bot, picture):
    bot = await start_bot()

    with pytest.raises(NoFile):
        await bot.adapter.attached(MESSAGE, image(picture), 100)


async def test_without_a_line_there_is_no_file_and_no_transcript(start_bot):
    bot = await start_bot(line_wait_seconds=0)

    with pytest.raises(NoFile):
        await bot.adapter.attached(MESSAGE, image("ABC.image"), 100)
    assert await bot.adapter.transcript(MESSAGE) == ""


async def test_qq_is_asked_what_a_voice_message_says(start_bot):
    bot = await start_bot()

    async with bot.connect() as qq:
        asking = asyncio.create_task(bot.adapter.transcript(MESSAGE))
        await qq.answer(await qq.call("fetch_ptt_text"), retcode=1404)
        call = await qq.call("voice_msg_to_text")
        await qq.answer(call, {"text": " 准考证在哪打印 "})

        assert await asking == "准考证在哪打印"
    assert call["params"] == {"message_id": -5}


async def test_where_nobody_can_tell_the_transcript_is_empty(start_bot):
    bot = await start_bot()

    async with bot.connect() as qq:
        asking = asyncio.create_task(bot.adapter.transcript(MESSAGE))
        await qq.answer(await qq.call("fetch_ptt_text"), retcode=1404)
        await qq.answer(await qq.call("voice_msg_to_text"), {"text": None})

        assert await asking == ""


@pytest.mark.parametrize("knows", ["get_private_file_url", "get_file"])
async def test_a_file_is_fetched_from_where_the_implementation_says(start_bot, picture, knows):
    """NapCat and Lagrange tell by the one call, LLOneBot by the other (S15.4)."""
    bot = await start_bot()
    bot.adapter.may_fetch = lambda _: True
    file = Attachment(AttachmentKind.FILE, "作业.docx", "/abc-123")

    async with bot.connect() as qq:
        asking = asyncio.create_task(bot.adapter.attached(MESSAGE, file, 100))
        call = await qq.call("get_private_file_url")
        if knows != "get_private_file_url":
            await qq.answer(call, {})
            call = await qq.call("get_file")
        await qq.answer(call, {"url": picture})

        assert await asking == b"\x89PNG"
    assert call["params"]["file_id"] == "/abc-123"


async def test_a_file_larger_than_the_limit_is_said_to_be(start_bot, picture):
    """A11: 2 GB are never read."""
    bot = await start_bot()
    bot.adapter.may_fetch = lambda _: True

    with pytest.raises(TooLarge):
        await bot.adapter.attached(MESSAGE, Attachment(AttachmentKind.FILE, "a", picture), 3)
