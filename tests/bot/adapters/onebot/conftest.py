"""A bot with real sockets, and the QQ implementations it talks to, played by hand."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.adapters.onebot import OneBot, OneBotSettings
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Outgoing, Platform

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=SHANGHAI)
SECONDS = int(NOW.timestamp())
ACCOUNT = 3889000001
GROUP = 600000001
TOKEN = "正确的 token-1".encode().hex()
# Long enough for a busy machine; a passing test never waits for it.
PATIENCE = 5


class Implementation:
    """One connection of a QQ implementation, on either end of the socket."""

    def __init__(self, socket, account=ACCOUNT):
        self.socket = socket
        self.account = account

    async def say(self, text, message_id=1, *, user_id=7, group_id=GROUP, **over):
        """Report a group message."""
        await self.report(
            post_type="message",
            message_type="group",
            sub_type="normal",
            user_id=user_id,
            group_id=group_id,
            message_id=message_id,
            sender={"user_id": user_id, "nickname": "小李"},
            message=[{"type": "text", "data": {"text": text}}],
            **over,
        )

    async def report(self, **frame):
        """Send an event frame."""
        await self.send({"self_id": self.account, "time": SECONDS, **frame})

    async def beat(self, *, online=True, interval=30_000):
        await self.report(
            post_type="meta_event",
            meta_event_type="heartbeat",
            status={"online": online, "good": True},
            interval=interval,
        )

    async def send(self, frame):
        await self.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def call(self, action=None):
        """The next call that the bot makes."""
        async with asyncio.timeout(PATIENCE):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        call = json.loads(message.data)
        assert action in (None, call["action"])
        return call

    async def answer(self, call, data=None, *, retcode=0, wording=""):
        await self.send(
            {
                "status": "failed" if retcode else "ok",
                "retcode": retcode,
                "data": data,
                "message": wording,
                "wording": wording,
                "echo": call["echo"],
            }
        )

    async def closed(self):
        """Wait until the bot has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            while not (await self.socket.receive()).type & 0x100:
                pass
        return self.socket.close_code

    def cut(self):
        """Break the connection as a crash does, without a goodbye."""
        self.socket.get_extra_info("socket")  # fails loudly when it is gone already
        transport = (
            self.socket._req.transport
            if isinstance(self.socket, web.WebSocketResponse)
            else self.socket._conn.transport
        )
        transport.abort()


class Server:
    """A web server as it runs for real: a broken connection does not cancel its handler."""

    def __init__(self, url):
        self.url = url

    @classmethod
    @asynccontextmanager
    async def running(cls, app):
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        try:
            yield cls(URL.build(scheme="http", host=host, port=port))
        finally:
            await runner.cleanup()

    def make_url(self, path):
        return self.url.with_path(path)


class Bot:
    """The adapter in a web server; what it hears and tells is in `heard` and `presence`."""

    def __init__(self, adapter, server, http):
        self.adapter = adapter
        self.server = server
        self.http = http
        self.heard = asyncio.Queue()
        self.presence = []
        self._changed = asyncio.Event()

    def tell(self, platform, account, is_online):
        self.presence.append((account, is_online))
        self._changed.set()

    async def hear(self):
        """The next event handed over."""
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()

    async def is_online(self, *accounts):
        """Wait until exactly these accounts are online."""
        wanted = frozenset(str(account) for account in accounts)
        async with asyncio.timeout(PATIENCE):
            while self.adapter.connected() != wanted:
                self._changed.clear()
                await self._changed.wait()

    @asynccontextmanager
    async def connect(self, account=ACCOUNT, *, headers=None, role="Universal"):
        """An implementation connected to the bot."""
        if headers is None:
            headers = {
                "Authorization": f"Bearer {TOKEN}",
                "X-Self-ID": str(account),
                "X-Client-Role": role,
            }
        async with self.http.ws_connect(
            self.server.make_url("/onebot/v11/ws"), headers=headers, max_msg_size=2**26
        ) as socket:
            yield Implementation(socket, account)


class Site:
    """An implementation's own WebSocket server; connections are taken off `arrived`."""

    def __init__(self, server):
        self.server = server
        self.url = str(server.make_url("/")).replace("http", "ws", 1)
        self.arrived = asyncio.Queue()
        self.headers = []
        self.status = None
        self.is_token_wrong = False
        self._tried = asyncio.Event()

    async def was_tried(self, times):
        """Wait until the bot has knocked so often."""
        async with asyncio.timeout(PATIENCE):
            while len(self.headers) < times:
                self._tried.clear()
                await self._tried.wait()

    async def handle(self, request):
        self.headers.append(request.headers)
        self._tried.set()
        if self.status is not None:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        one = Implementation(socket)
        if self.is_token_wrong:
            await one.send({"status": "failed", "retcode": 1403, "data": None, "echo": None})
            await socket.close()
            return socket
        gone = asyncio.Event()
        await self.arrived.put((one, gone))
        await gone.wait()
        return socket

    @asynccontextmanager
    async def connection(self):
        """The bot's next connection."""
        async with asyncio.timeout(PATIENCE):
            one, gone = await self.arrived.get()
        try:
            yield one
        finally:
            gone.set()


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start_bot(stack):
    """Starts a bot with quick timeouts; the settings given go before."""

    async def start(*, accept=None, is_running=True, **settings):
        values = {
            "access_token": TOKEN,
            "call_timeout_seconds": 0.1,
            "call_timeout_floor_seconds": 0.1,
            "call_timeout_ceiling_seconds": 0.2,
            "line_wait_seconds": 0.2,
            "reconnect_first_seconds": 0.01,
            "reconnect_longest_seconds": 0.05,
        }
        adapter = OneBot(OneBotSettings.model_validate(values | settings), lambda: NOW)
        app = web.Application()
        app.router.add_get("/onebot/v11/ws", adapter.websocket)
        server = await stack.enter_async_context(Server.running(app))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        bot = Bot(adapter, server, http)
        if is_running:
            running = asyncio.create_task(adapter.run(accept or bot.heard.put, bot.tell))
            stack.push_async_callback(finish, running)
            await asyncio.sleep(0)
        return bot

    return start


async def finish(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def site(stack):
    app = web.Application()
    site = None

    async def handle(request):
        return await site.handle(request)

    app.router.add_get("/{path:.*}", handle)
    server = await stack.enter_async_context(Server.running(app))
    site = Site(server)
    return site


@pytest.fixture
def sending(stack):
    """Starts sending and returns the task."""

    def send(bot, message):
        task = asyncio.create_task(bot.adapter.send(message))
        stack.push_async_callback(finish, task)
        return task

    return send


@pytest.fixture
def group():
    return Conversation(Platform.QQ, str(ACCOUNT), ConversationKind.GROUP, str(GROUP))


@pytest.fixture
def answer(group):
    """An answer that quotes message 1."""
    return Outgoing("event:1:0", group, "报考时间还没有公布。", quote="1")
