"""The playground's WebSocket: what is typed goes through the real bot and comes back."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType

from bot import demo
from bot.app import App
from bot.web import playground
from storage.tasks import TaskKind
from tests.bot.web.conftest import Visit, Visitor, eventually, make_app
from tests.bot.web.test_tasks import arm

ODD = "@助手 校门口的停车卡在哪里办？"
Heard = dict[str, Any]


def _open(visitor: Visitor) -> Any:
    return visitor.http.ws_connect(
        visitor.base / "playground/ws", headers={"Origin": str(visitor.base)}
    )


async def _until(socket: ClientWebSocketResponse, wanted: Callable[[Heard], bool]) -> Heard:
    """The first message that is wanted; others are let go by."""
    async with asyncio.timeout(15):
        while True:
            heard: Heard = await socket.receive_json()
            if wanted(heard):
                return heard


def _line(sender: str, part: str) -> Callable[[Heard], bool]:
    return lambda heard: (
        heard["type"] == "line"
        and heard["line"]["sender"] == sender
        and part in heard["line"]["text"]
    )


def _wish(text: str, who: str = "student-li", *, private: bool = False, quote: str = "") -> Heard:
    return {"type": "say", "who": who, "private": private, "text": text, "quote": quote}


async def test_question_brings_the_bots_words_and_a_row_of_the_record(
    app: App, visit: Visit
) -> None:
    async with _open(await visit(app)) as socket:
        await socket.send_json(_wish(ODD))

        own = await _until(socket, _line("student-li", "停车卡"))
        answer = await _until(socket, _line("assistant", "T-1"))
        record = await _until(socket, lambda heard: bool(heard.get("rows")))

    assert own["line"]["text"] == ODD
    assert answer["line"]["quote"] == own["line"]["id"]
    assert answer["line"]["place"] == "group"
    [row] = record["rows"]
    assert (row["kind_name"], row["student"], row["number"]) == ("咨询", "小*", "T-1")
    assert row["text"] == ODD.removeprefix("@助手 ")
    assert [item["number"] for item in record["waiting"]] == ["T-1"]


async def test_a_file_is_handed_in_in_private(app: App, visit: Visit) -> None:
    """S15.4"""
    await arm(app, demo.CLASS_NAME, TaskKind.COLLECTION)
    data = base64.b64encode(b"%PDF-1.7 x").decode()
    wish = {"type": "file", "who": "student-li", "name": "../作业.pdf", "data": data}
    async with _open(await visit(app)) as socket:
        await socket.send_json(wish | {"data": "not base64"})
        await socket.send_json(wish | {"who": "nobody"})
        await socket.send_json(wish)

        own = await _until(socket, _line("student-li", "作业"))
        receipt = await _until(socket, _line("assistant", "收到"))

    assert own["line"]["text"] == "［作业.pdf］"
    assert receipt["line"]["place"] == "student-li"


async def test_tutor_quotes_the_card_and_the_student_gets_the_answer(
    app: App, visit: Visit
) -> None:
    async with _open(await visit(app)) as socket:
        await socket.send_json(_wish(ODD))
        card = await _until(
            socket,
            lambda heard: heard["type"] == "line" and heard["line"]["place"] == "tutor-wang",
        )
        await socket.send_json(
            _wish("在一号门保卫处办。", "tutor-wang", private=True, quote=card["line"]["id"])
        )

        relayed = await _until(socket, _line("assistant", "转达 王敏老师"))
        record = await _until(
            socket, lambda heard: heard["type"] == "record" and len(heard["rows"]) == 2
        )

    assert "在一号门保卫处办。" in relayed["line"]["text"]
    assert relayed["line"]["place"] == "group"
    assert record["rows"][0]["solver"] == "tutor"
    assert record["waiting"] == []


async def test_what_concerns_the_tutor_is_not_on_the_tutors_record(app: App, visit: Visit) -> None:
    async with _open(await visit(app)) as socket:
        await socket.send_json(_wish("@助手 我要投诉，王老师一直不回消息"))

        record = await _until(socket, lambda heard: heard.get("hidden") == 1)

    assert record["rows"] == []
    assert record["waiting"] == []


async def test_later_visitor_is_shown_what_was_said_before(app: App, visit: Visit) -> None:
    visitor = await visit(app)
    async with _open(visitor) as socket:
        await socket.send_json(_wish(ODD))
        await _until(socket, _line("assistant", "T-1"))

    async with _open(visitor) as socket:
        hello = await _until(socket, lambda heard: heard["type"] == "hello")

    assert ODD in [line["text"] for line in hello["lines"] if line["place"] == "group"]
    names = {item["name"] for item in hello["commands"]["student-li"]}
    assert {"绑定账号", "投诉", "省校", "进度", "我的记录", "帮助"} <= names
    assert "待办" not in names
    assert "待办" in {item["name"] for item in hello["commands"]["tutor-wang"]}


async def test_clock_moves_for_everybody_who_watches(app: App, visit: Visit) -> None:
    visitor = await visit(app)
    before = app.clock.now()
    async with _open(visitor) as one, _open(visitor) as other:
        await one.send_json({"type": "advance", "minutes": 60})

        await _until(other, lambda heard: heard.get("now", "").startswith("2026-12-01T10:00"))

    assert app.clock.now() == before + timedelta(hours=1)


async def test_unaddressed_question_waits_for_classmates_then_for_the_tutor(
    app: App, visit: Visit
) -> None:
    async with _open(await visit(app)) as socket:
        await socket.send_json(_wish("有谁知道自习室几点关门？"))
        noted = await _until(socket, lambda heard: bool(heard.get("waiting")))
        await socket.send_json({"type": "advance", "minutes": 10})
        waiting = await _until(
            socket,
            lambda heard: bool(heard.get("waiting")) and not heard["waiting"][0]["is_watched"],
        )

    assert noted["waiting"][0]["is_watched"]
    assert waiting["figures"]["waiting"] == 1


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1"])
async def test_page_of_another_origin_is_refused(
    app: App, visit: Visit, origin: str | None
) -> None:
    visitor = await visit(app)
    headers = {"Origin": origin} if origin else {}

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await visitor.http.ws_connect(visitor.base / "playground/ws", headers=headers)

    assert refused.value.status == 403


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        '{"type": "say"}',
        json.dumps(_wish("你好", "tutor-of-another-class")),
        json.dumps(_wish("   ")),
        '{"type": "say", "who": 1, "private": "x", "text": []}',
        '{"type": "advance", "minutes": -5}',
        '{"type": "advance", "minutes": 1e999}',
        json.dumps(_wish("\ud800\0")),
    ],
)
async def test_odd_frames_change_nothing_and_the_next_is_heard(
    app: App, visit: Visit, frame: str
) -> None:
    before = app.clock.now()
    async with _open(await visit(app)) as socket:
        await socket.send_str(frame)
        await socket.send_json(_wish(ODD))

        await _until(socket, _line("assistant", "已转助学教师"))

    assert app.clock.now() == before


async def test_browser_that_left_is_forgotten(app: App, visit: Visit) -> None:
    assert app.playground is not None
    watchers, listeners = app.playground.watchers, app.inbox.on_change
    before = len(watchers), len(listeners)

    async with _open(await visit(app)) as socket:
        await _until(socket, lambda heard: heard["type"] == "hello")
        during = len(watchers), len(listeners)
    # The closing handshake is done; the server's side of it takes a moment of the loop.
    await eventually(lambda: (len(watchers), len(listeners)) == before)

    assert during == (before[0] + 1, before[1] + 1)


async def test_browser_that_cannot_keep_up_is_shown_everything_anew(
    app: App, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playground, "LINES_WAITING", 2)
    async with _open(await visit(app)) as socket:
        await _until(socket, lambda heard: heard["type"] == "hello")

        assert app.playground is not None
        # All before the writer has its turn.
        await asyncio.gather(
            *(
                app.playground.say(
                    user_id="student-li", name="小李", text=f"你好 {n}", group_id="g"
                )
                for n in range(9)
            )
        )
        hello = await _until(socket, lambda heard: heard["type"] == "hello")

    assert len(hello["lines"]) == 9


async def test_stop_says_goodbye_so_that_browsers_come_back(tmp_path: Path, visit: Visit) -> None:
    app = await make_app(tmp_path, has_playground=True)

    async with app.running():
        socket = await _open(await visit(app))
        await _until(socket, lambda heard: heard["type"] == "record")
        closing = asyncio.create_task(socket.receive())
    frame = await closing

    assert frame.type is WSMsgType.CLOSE
    assert frame.data == WSCloseCode.GOING_AWAY
