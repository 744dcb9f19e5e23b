"""A small QQ client for tests: speaks OneBot v11 over a real WebSocket, keeps what it was sent."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import aiohttp

from storage.vocabulary import SHANGHAI

ACCOUNT = 3889000001
GROUP = 600000000
#: A few minutes ago: a question of long ago would be overdue, and its clock would say so.
_BEGAN = int(time.time()) - 600


class QQ:
    """Connects as NapCat's "WebSocket client" does, again and again until closed."""

    def __init__(
        self,
        port: int,
        token: str = "secret",
        *,
        has_history: bool = True,
        reports_own: bool = False,
        members: Mapping[int, Sequence[int]] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(SHANGHAI),
        transcript: str = "",
        account: int = ACCOUNT,
        host: str = "127.0.0.1",
    ) -> None:
        self._url = f"ws://{host}:{port}/onebot/v11/ws"
        self._account = account
        self._headers = {"X-Self-ID": str(account), "Authorization": f"Bearer {token}"}
        self._has_history = has_history
        #: NapCat's 「上报自身消息」: what the bot sends comes back as an event.
        self._reports_own = reports_own
        #: Who is in which group; None: this implementation does not tell.
        self._members = members
        #: What every voice message says; empty: this implementation does not tell.
        self._transcript = transcript
        self._now = now
        self._ids = itertools.count(1_900_000_001)
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.is_open = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []
        #: Whether it may take others' messages back, and which it was asked to.
        self.is_admin = False
        self.recalls: list[int] = []
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
        segments = [
            {"type": "at", "data": {"qq": str(self._account)}},
            {"type": "text", "data": {"text": f" {text}"}},
        ]
        at = datetime.fromtimestamp(_BEGAN + number, SHANGHAI)
        await self.message(number, segments, user=user, name="同学", group=group, at=at)

    async def message(
        self,
        number: int,
        segments: list[dict[str, Any]],
        *,
        user: int,
        name: str,
        group: int | None,
        at: datetime,
    ) -> None:
        """A message in a group, or (None) to the bot alone; `number` is its id."""
        place: dict[str, Any] = {"message_type": "private", "sub_type": "friend"}
        if group is not None:
            place = {"message_type": "group", "sub_type": "normal", "group_id": group}
        frame = {
            "post_type": "message",
            **place,
            "self_id": self._account,
            "time": int(at.timestamp()),
            "message_id": number,
            "user_id": user,
            "sender": {"user_id": user, "nickname": name, "card": ""},
            "message": segments,
            "raw_message": "".join(s["data"].get("text", "") for s in segments),
            "font": 14,
        }
        await self.is_open.wait()
        self.sent.append(frame)
        await self._send(frame)

    async def _answer(self, call: dict[str, Any]) -> None:
        action, params = call.get("action"), call.get("params", {})
        data: Any = None
        code = 0
        if action in ("send_group_msg", "send_private_msg"):
            message = self._own(params, is_group=action == "send_group_msg")
            self.heard.append(message)
            if self._reports_own:
                # Often before the answer.
                await self._send(message | {"post_type": "message_sent"})
            data = {"message_id": message["message_id"]}
        elif action == "get_group_msg_history" and self._has_history:
            wanted = params["group_id"]
            data = {"messages": [m for m in self.heard if m["group_id"] == int(wanted)][-200:]}
        elif action == "get_friend_msg_history" and self._has_history:
            wanted = params["user_id"]
            data = {"messages": [m for m in self.heard if str(m["to"]) == str(wanted)][-200:]}
        elif action == "get_group_list" and self._members is not None:
            data = [{"group_id": group} for group in self._members]
        elif action == "get_group_member_list" and self._members is not None:
            people = self._members.get(int(params["group_id"]), ())
            data = [{"user_id": user} for user in (self._account, *people)]
        elif action == "delete_msg":
            self.recalls.append(int(params["message_id"]))
            code = 0 if self.is_admin else 1200
        elif action == "fetch_ptt_text" and self._transcript:
            data = {"text": self._transcript}
        elif action == "get_login_info":
            data = {"user_id": self._account, "nickname": "bot"}
        else:
            code = 1404
        answer = {
            "status": "ok" if code == 0 else "failed",
            "retcode": code,
            "data": data,
            "message": "" if code == 0 else "不支持的Api",
            "echo": call.get("echo"),
        }
        await self._send(answer)

    def _own(self, params: dict[str, Any], *, is_group: bool) -> dict[str, Any]:
        """The bot's own message as the client has it; a private one may name a group, too."""
        segments = params["message"]
        return {
            "message_id": next(self._ids),
            "message_type": "group" if is_group else "private",
            "group_id": params["group_id"] if is_group else None,
            "user_id": self._account,
            "self_id": self._account,
            "to": params.get("user_id"),
            "target_id": params["group_id"] if is_group else params["user_id"],
            "time": int(self._now().timestamp()),
            "message": segments,
            "text": "".join(s["data"]["text"] for s in segments if s["type"] == "text"),
            "quote": next((s["data"]["id"] for s in segments if s["type"] == "reply"), ""),
            "mentions": [s["data"]["qq"] for s in segments if s["type"] == "at"],
            "sender": {"user_id": self._account},
        }

    async def _send(self, frame: dict[str, Any]) -> None:
        assert self.socket is not None
        with suppress(ConnectionError, aiohttp.ClientError):
            await self.socket.send_str(json.dumps(frame, ensure_ascii=False))

    def replies_to(self, number: int) -> list[dict[str, Any]]:
        """What the bot said in the group quoting that message."""
        return [m for m in self.heard if m["quote"] == str(number) and m["group_id"]]

    async def until_answered(self, numbers: range, seconds: float) -> None:
        """Come back when each message has been answered."""
        async with asyncio.timeout(seconds):
            while not all(self.replies_to(number) for number in numbers):  # noqa: ASYNC110 -- a test's poll
                await asyncio.sleep(0.02)
