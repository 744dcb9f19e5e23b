"""A small QQ client for tests: speaks OneBot v11 over a real WebSocket, keeps what it was sent."""

import asyncio
import itertools
import json
import time
from contextlib import suppress
from typing import Any

import aiohttp

ACCOUNT = 3889000001
GROUP = 600000000


class QQ:
    """Connects as NapCat's "WebSocket client" does, again and again until closed."""

    def __init__(self, port: int, token: str = "secret", *, has_history: bool = True) -> None:
        self._url = f"ws://127.0.0.1:{port}/onebot/v11/ws"
        self._headers = {"X-Self-ID": str(ACCOUNT), "Authorization": f"Bearer {token}"}
        self._has_history = has_history
        self._ids = itertools.count(1_900_000_001)
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.is_open = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "QQ":
        self._task = asyncio.create_task(self._stay())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _stay(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.ws_connect(self._url, headers=self._headers) as socket:
                        self.socket = socket
                        self.is_open.set()
                        async for frame in socket:
                            await self._answer(json.loads(frame.data))
                except (aiohttp.ClientError, OSError):
                    pass
                finally:
                    self.is_open.clear()
                await asyncio.sleep(0.05)

    async def say(self, number: int, text: str, *, user: int = 20001, group: int = GROUP) -> None:
        """A group message that @s the bot; the same number is the same message."""
        await self.is_open.wait()
        assert self.socket is not None
        frame = {
            "post_type": "message",
            "message_type": "group",
            "sub_type": "normal",
            "self_id": ACCOUNT,
            "time": 1_790_000_000 + number,
            "message_id": number,
            "group_id": group,
            "user_id": user,
            "sender": {"user_id": user, "nickname": "同学", "card": ""},
            "message": [
                {"type": "at", "data": {"qq": str(ACCOUNT)}},
                {"type": "text", "data": {"text": f" {text}"}},
            ],
            "raw_message": text,
            "font": 14,
        }
        self.sent.append(frame)
        with suppress(ConnectionError, aiohttp.ClientError):
            await self.socket.send_str(json.dumps(frame, ensure_ascii=False))

    async def _answer(self, call: dict[str, Any]) -> None:
        action, params = call.get("action"), call.get("params", {})
        data: Any = None
        code = 0
        if action in ("send_group_msg", "send_private_msg"):
            segments = params["message"]
            message = {
                "message_id": next(self._ids),
                "group_id": params.get("group_id"),
                "user_id": ACCOUNT,
                "self_id": ACCOUNT,
                "to": params.get("user_id"),
                "time": int(time.time()),
                "message": segments,
                "text": "".join(s["data"]["text"] for s in segments if s["type"] == "text"),
                "quote": next((s["data"]["id"] for s in segments if s["type"] == "reply"), ""),
                "sender": {"user_id": ACCOUNT},
            }
            self.heard.append(message)
            data = {"message_id": message["message_id"]}
        elif action == "get_group_msg_history" and self._has_history:
            wanted = params["group_id"]
            data = {"messages": [m for m in self.heard if m["group_id"] == int(wanted)][-200:]}
        elif action == "get_friend_msg_history" and self._has_history:
            wanted = params["user_id"]
            data = {"messages": [m for m in self.heard if str(m["to"]) == str(wanted)][-200:]}
        elif action == "get_login_info":
            data = {"user_id": ACCOUNT, "nickname": "bot"}
        else:
            code = 1404
        answer = {
            "status": "ok" if code == 0 else "failed",
            "retcode": code,
            "data": data,
            "message": "" if code == 0 else "不支持的Api",
            "echo": call.get("echo"),
        }
        assert self.socket is not None
        with suppress(ConnectionError, aiohttp.ClientError):
            await self.socket.send_str(json.dumps(answer, ensure_ascii=False))

    def replies_to(self, number: int) -> list[dict[str, Any]]:
        """What the bot said in the group quoting that message."""
        return [m for m in self.heard if m["quote"] == str(number) and m["group_id"]]

    async def until_answered(self, numbers: range, seconds: float) -> None:
        """Come back when each message has been answered."""
        async with asyncio.timeout(seconds):
            while not all(self.replies_to(number) for number in numbers):  # noqa: ASYNC110 -- a test's poll
                await asyncio.sleep(0.02)
