"""The line to the gateway: every way to lose it, and how soon it is back."""

import asyncio
import subprocess
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bot.adapters.base import NotConnected
from bot.adapters.wechat import Standing, WeChatSettings
from bot.adapters.wechat.puppet import Puppet
from tests.peers.wechaty import control


@pytest.mark.parametrize("how", ["end", "error", "reset", "fin"])
async def test_broken_line_is_back_within_two_seconds(world, client, how):
    await world.gateway.drop(how=how)
    await client.offline()

    assert await client.online() < 2
    await world.say("还在吗")
    assert (await client.hear()).text == "还在吗"
    assert client.presence == [(world.bot, True), (world.bot, False), (world.bot, True)]


async def test_restarted_gateway_is_found_within_two_seconds(world, client):
    await world.gateway.restart(downMs=500)

    assert await client.online() < 2
    await world.say("还在吗")
    assert (await client.hear()).text == "还在吗"


async def test_gateway_absent_at_start_is_waited_for(world, connect):
    await world.gateway.down()
    client = await connect(world.gateway, is_online=False)
    with capture_logs() as logs:
        await asyncio.sleep(1)
        assert client.adapter.state.standing is Standing.CONNECTING
        await world.gateway.up()

        assert await client.online() < 2
    assert [one["event"] for one in logs].count("wechat.unreachable") <= 1


async def test_dead_stream_that_the_gateway_keeps_is_cleared_within_five_seconds(world, client):
    await world.gateway.drop(how="halfopen")
    await client.offline()

    assert await client.online() < 5
    calls = await world.gateway.calls()
    assert (calls["stop"], calls["start"]) == (1, 2)
    await world.say("还在吗")
    assert (await client.hear()).text == "还在吗"


async def test_frozen_line_is_noticed_within_fifteen_seconds(world, client):
    """F12"""
    await world.gateway.drop(how="freeze")

    assert await client.offline() < 15
    await world.gateway.drop(how="thaw")
    assert await client.online() < 5


async def test_keepalive_goes_on_after_its_first_ping(world, connect):
    """Left alone, grpclib sends one ping in five minutes, however short its interval."""
    client = await connect(world.gateway, keepalive_seconds=0.2, keepalive_limit_seconds=0.2)
    await asyncio.sleep(0.5)
    await world.gateway.drop(how="freeze")

    assert await client.offline() < 1
    await world.gateway.drop(how="thaw")


async def test_deaf_stream_is_noticed_by_the_missing_dong(world, connect):
    """F12"""
    client = await connect(world.gateway, ding_seconds=0.3, ding_limit_seconds=0.3)
    await asyncio.sleep(0.7)
    assert client.presence == [(world.bot, True)]
    await world.gateway.fault(method="ding", hang=True)

    assert await client.offline() < 2
    await world.gateway.calm()
    await client.online()
    assert "stop" not in await world.gateway.calls()


async def test_slow_gateway_is_not_taken_for_dead(world, connect):
    await world.gateway.latency(ms=300)
    client = await connect(world.gateway, ding_seconds=0.2, ding_limit_seconds=2)
    await world.say("慢慢来")

    assert (await client.hear()).text == "慢慢来"
    assert client.presence == [(world.bot, True)]


async def test_never_stops_and_starts_once_the_stream_is_open(world, client):
    calls = await world.gateway.calls()

    assert (calls["event"], calls["start"]) == (1, 1)
    assert "stop" not in calls


async def test_failed_start_is_tried_again(world, connect):
    await world.gateway.fault(method="start", code="UNKNOWN", times=1)
    client = await connect(world.gateway)

    await client.until_odd("start failed")

    assert client.adapter.state.standing is Standing.ONLINE


async def test_refused_token_is_said_once_and_never_shown(world, connect):
    with capture_logs() as logs:
        client = await connect(
            world.gateway, token="wrong_secret", is_online=False, reconnect_longest_seconds=0.05
        )
        await client.until(lambda one: one.adapter.state.standing is Standing.TOKEN_REFUSED)
        await world.gateway.more("accepted", 5)

    assert "wrong_secret" not in repr(logs)
    assert [one["standing"] for one in logs if one["event"] == "wechat.state"] == [
        Standing.CONNECTING,
        Standing.TOKEN_REFUSED,
    ]


async def test_second_client_waits_and_leaves_the_first_alone(world, client, connect):
    """F12"""
    second = await connect(world.gateway, is_online=False, reconnect_longest_seconds=0.05)
    await second.until(lambda one: one.adapter.state.standing is Standing.OCCUPIED)
    await world.gateway.more("refusedStreams", 10)

    assert client.presence == [(world.bot, True)]
    assert "stop" not in await world.gateway.calls()
    await client.stop()
    await second.online()


async def test_client_that_was_replaced_does_not_fight(world, connect, stack):
    """Somebody called Stop and has the stream now; to call Stop in turn would never end."""
    client = await connect(world.gateway, reconnect_longest_seconds=0.05)
    rival = await stack.enter_async_context(Rival.on(world.gateway))
    await rival.take_over()
    await client.until(lambda one: one.adapter.state.standing is Standing.OCCUPIED)
    await world.gateway.more("refusedStreams", 10)

    assert (await world.gateway.calls())["stop"] == 1
    assert rival.has_stream


class Rival:
    """Another client, as the `wechaty` package behaves: it calls Stop and takes the stream."""

    def __init__(self, puppet):
        self._puppet = puppet
        self._is_open = asyncio.Event()
        self._listening = None

    @classmethod
    @asynccontextmanager
    async def on(cls, gateway):
        settings = WeChatSettings(endpoint=gateway.endpoint, token=gateway.token)
        puppet = Puppet(settings, None)
        try:
            yield cls(puppet)
        finally:
            await puppet.close()

    @property
    def has_stream(self):
        return not self._listening.done()

    async def take_over(self):
        await self._puppet.stop()
        self._listening = asyncio.create_task(self._puppet.listen(self._take))
        await self._is_open.wait()
        await self._puppet.start()

    async def _take(self, event):
        self._is_open.set()


@pytest.mark.parametrize(
    "payload",
    [
        {"gerror": '{"code":2,"message":"boom"}'},
        {"data": "boom"},
        {},
        [],
        "boom",
        None,
        7,
        {"data": {"deep": ["er"]}},
        "[" * 5000,
    ],
    ids=repr,
)
async def test_error_events_of_any_shape_are_counted_and_survived(world, client, payload):
    await world.gateway.emit(event="error", payload=payload)
    await world.say("还在吗")

    assert (await client.hear()).text == "还在吗"
    assert client.adapter.oddities.counts["error event"] == 1
    assert client.presence == [(world.bot, True)]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("message", {}),
        ("message", {"messageId": None}),
        ("message", {"messageId": ["x"]}),
        ("message", {"messageId": "x" * 5000}),
        ("message", []),
        ("room-join", {"roomId": 7, "inviteeIdList": "x"}),
        ("room-leave", {}),
        ("room-topic", {}),
        ("friendship", {}),
        ("room-invite", {"roomInvitationId": {}}),
        ("login", {}),
        ("dirty", {"payloadType": 2, "payloadId": None}),
        ("heartbeat", {}),
        ("dong", {"data": 7}),
        ("scan", {"status": "x"}),
    ],
    ids=str,
)
async def test_broken_event_never_hurts_its_neighbours(world, client, event, payload):
    await world.gateway.emit(event=event, payload=payload)
    await world.say("还在吗")

    assert (await client.hear()).text == "还在吗"
    assert client.presence == [(world.bot, True)]


async def test_oddities_are_logged_once_a_minute_and_without_words(world, client):
    with capture_logs() as logs:
        for _ in range(20):
            await world.gateway.emit(event="error", payload={"data": "秘密"})
        await client.until_odd("error event", 20)

    assert [one["kind"] for one in logs if one["event"] == "wechat.odd"] == ["error event"]
    assert "秘密" not in repr(logs)


async def test_no_words_and_no_token_in_the_log(world, connect, answer):
    with capture_logs() as logs:
        client = await connect(world.gateway)
        await world.say("几号考试的秘密")
        await client.hear()
        await client.adapter.send(answer)
        await world.gateway.drop(how="reset")
        await client.offline()
        await client.online()

    assert logs
    assert "秘密" not in repr(logs)
    assert "没有公布" not in repr(logs)
    assert world.gateway.token not in repr(logs)


async def test_logout_and_login_are_shown_and_told(world, client, answer):
    await world.gateway.logout()
    await client.until(lambda one: one.adapter.state.standing is Standing.LOGGED_OUT)
    with pytest.raises(NotConnected):
        await client.adapter.send(answer)
    await world.gateway.login(contact=world.bot)
    await client.until(lambda one: one.adapter.state.name == "助教机器人")

    state = client.adapter.state
    assert (state.standing, state.account) == (Standing.ONLINE, world.bot)
    assert client.presence == [(world.bot, True), (world.bot, False), (world.bot, True)]


async def test_code_to_scan_is_shown_but_not_logged(gateway, connect):
    with capture_logs() as logs:
        client = await connect(gateway, is_online=False)
        await client.until(lambda one: one.adapter.state.standing is Standing.LOGGED_OUT)
        await gateway.scan(qrcode="https://login.example/abc", status=2)
        await client.until(lambda one: one.adapter.state.standing is Standing.SCAN)
        shown = client.adapter.state
        await gateway.scan(qrcode="https://login.example/abc", status=3)
        await client.until(lambda one: one.adapter.state.scan_status == "scanned")

    assert (shown.qr, shown.scan_status) == ("https://login.example/abc", "waiting")
    assert "login.example" not in repr(logs)


async def test_code_is_still_shown_after_a_break(gateway, connect):
    client = await connect(gateway, is_online=False)
    await gateway.scan(qrcode="https://login.example/abc", status=2)
    await client.until(lambda one: one.adapter.state.standing is Standing.SCAN)
    await gateway.drop(how="reset")
    await client.until(lambda one: one.adapter.state.standing is Standing.CONNECTING)

    await client.until(lambda one: one.adapter.state.standing is Standing.SCAN)


async def test_another_account_takes_over(world, client):
    other = (await world.gateway.contact(name="备用号"))["id"]
    await world.gateway.logout()
    await world.gateway.login(contact=other)
    await client.until(lambda one: one.adapter.connected() == {other})
    await world.gateway.say({"from": world.ann, "text": "你好"})

    assert (await client.hear()).conversation.account == other


async def test_messages_that_wait_for_their_payload_survive_a_break(world, client):
    await world.gateway.fault(method="messagePayload", hang=True)
    for number in range(5):
        await world.say(str(number))
    await world.gateway.drop(how="reset")
    await world.gateway.calm()

    assert [(await client.hear()).text for _ in range(5)] == list("01234")


async def test_without_an_endpoint_wechat_is_off(connect, gateway):
    client = await connect(gateway, endpoint="", is_online=False)
    await asyncio.sleep(0)

    assert client.adapter.state.standing is Standing.OFF
    assert "event" not in await gateway.calls()


# -- TLS ------------------------------------------------------------------------------------------


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority of our own and a certificate it signed for `gateway.school.example`."""
    home = tmp_path_factory.mktemp("tls")
    ca, key, request, cert = (home / name for name in ("ca.pem", "key.pem", "csr.pem", "cert.pem"))
    extensions = home / "extensions"
    extensions.write_text("subjectAltName=DNS:gateway.school.example\n")
    new_key = ("-newkey", "rsa:2048", "-nodes")
    _openssl(
        *("req", "-x509", *new_key, "-days", "30", "-subj", "/CN=School CA"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", str(home / "ca.key"), "-out", str(ca)),
    )
    _openssl(
        *("req", *new_key, "-subj", "/CN=gateway", "-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(home / "ca.key")),
        *("-CAcreateserial", "-days", "30", "-extfile", str(extensions), "-out", str(cert)),
    )
    return ca, cert, key


@pytest.fixture(scope="module")
def tls_gateway(installed, certificates):
    _, cert, key = certificates
    gateway = control.Gateway("--tls", "--cert", str(cert), "--key", str(key))
    yield gateway
    gateway.close()


async def test_own_authority_is_enough_for_tls(tls_gateway, certificates, connect):
    bot = (await tls_gateway.contact(name="助教机器人"))["id"]
    await tls_gateway.login(contact=bot)

    client = await connect(
        tls_gateway, tls=True, ca_file=certificates[0], server_name="gateway.school.example"
    )

    assert client.adapter.connected() == {bot}


@pytest.mark.parametrize("trust", [{"server_name": "gateway.school.example"}, {"ca": True}])
async def test_certificate_of_another_is_refused(tls_gateway, certificates, connect, trust):
    given = {"ca_file": certificates[0]} if trust.pop("ca", False) else trust
    with capture_logs() as logs:
        client = await connect(tls_gateway, tls=True, is_online=False, **given)
        await asyncio.sleep(0.5)

    assert client.adapter.state.standing is Standing.CONNECTING
    assert [one["error"] for one in logs if one["event"] == "wechat.unreachable"] == [
        "SSLCertVerificationError"
    ]
