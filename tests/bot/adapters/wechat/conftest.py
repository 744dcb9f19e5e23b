"""A WeChat account behind a genuine Wechaty gateway, and the adapter connected to it."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime

import pytest

from bot.adapters.wechat import Standing, WeChat, WeChatSettings
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Outgoing, Platform

# Long enough for a busy machine; a passing test never waits for it.
PATIENCE = 20


class World:
    """A bot, two students and their class group, as the gateway knows them."""

    def __init__(self, gateway, bot, ann, ben, room):
        self.gateway = gateway
        self.bot = bot
        self.ann = ann
        self.ben = ben
        self.room = room

    @property
    def group(self):
        return Conversation(Platform.WECHAT, self.bot, ConversationKind.GROUP, self.room)

    def private(self, person):
        return Conversation(Platform.WECHAT, self.bot, ConversationKind.PRIVATE, person)

    async def say(self, text, *, by=None, room=None, **more):
        """Somebody says something in the group; its id."""
        said = await self.gateway.say(
            {"from": by or self.ann, "room": room or self.room, "text": text, **more}
        )
        return said["id"]

    async def tell(self, text, *, by=None, **more):
        """Somebody says something to the bot alone; its id."""
        said = await self.gateway.say({"from": by or self.ann, "text": text, **more})
        return said["id"]

    async def sent(self, count=1, since=0):
        """What the bot has sent, at least so many."""
        got = await self.gateway.sent(since=since, min=count, timeoutMs=PATIENCE * 1000)
        return got["sent"]


class Client:
    """The adapter; what it hears and tells is in `heard` and `presence`."""

    def __init__(self, adapter):
        self.adapter = adapter
        self.heard = asyncio.Queue()
        self.presence = []
        self.states = []
        self.running = None
        self._changed = asyncio.Event()
        adapter.on_state.append(self._note)

    def _note(self, state):
        self.states.append(state)
        self._changed.set()

    def tell(self, platform, account, is_online):
        self.presence.append((account, is_online))
        self._changed.set()

    async def hear(self):
        """The next event handed over."""
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()

    async def until(self, is_so):
        """Wait until this is so of the state or of the presence; how long it took."""
        clock = asyncio.get_running_loop().time
        began_at = clock()
        async with asyncio.timeout(PATIENCE):
            while not is_so(self):
                self._changed.clear()
                await self._changed.wait()
        return clock() - began_at

    async def online(self):
        return await self.until(
            lambda one: one.adapter.connected() and one.adapter.state.standing is Standing.ONLINE
        )

    async def offline(self):
        return await self.until(lambda one: not one.adapter.connected())

    async def stop(self):
        self.running.cancel()
        (result,) = await asyncio.gather(self.running, return_exceptions=True)
        assert isinstance(result, asyncio.CancelledError), result

    async def until_odd(self, kind, times=1):
        """Wait until something odd was counted so often."""
        async with asyncio.timeout(PATIENCE):
            # Counted without telling anybody.
            while self.adapter.oddities.counts[kind] < times:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
async def gateway(shared_gateway):
    await shared_gateway.renew()
    return shared_gateway


@pytest.fixture
async def world(gateway):
    """The smallest class there is, logged in."""
    bot = (await gateway.contact(name="助教机器人"))["id"]
    ann = (await gateway.contact(name="小安"))["id"]
    ben = (await gateway.contact(name="小本"))["id"]
    room = await gateway.room(
        topic="2026秋 会计1班", members=[bot, ann, ben], aliases={ann: "安同学"}
    )
    await gateway.login(contact=bot)
    return World(gateway, bot, ann, ben, room["id"])


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def connect(stack):
    """Starts an adapter on a gateway; the settings given go before the usual ones."""

    async def start(gateway, *, accept=None, is_online=True, **settings):
        values = {"endpoint": gateway.endpoint, "token": gateway.token, "echo_seconds": 0.3}
        adapter = WeChat(
            WeChatSettings.model_validate(values | settings), lambda: datetime.now(SHANGHAI)
        )
        client = Client(adapter)
        client.running = asyncio.create_task(adapter.run(accept or client.heard.put, client.tell))
        stack.push_async_callback(client.stop)
        if is_online:
            await client.online()
        return client

    return start


@pytest.fixture
async def client(world, connect):
    """The adapter, connected and logged in."""
    return await connect(world.gateway)


@pytest.fixture
def answer(world):
    return Outgoing("event:1:0", world.group, "报考时间还没有公布。")
