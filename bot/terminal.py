"""The playground in a terminal: the same class group, one line at a time."""

import asyncio
import re
import sys
from datetime import timedelta

from bot import demo
from bot.adapters.playground import ACCOUNT, Said
from bot.app import App
from storage.vocabulary import ConversationKind

HELP = """\
像在班级群里一样打字，回车发送。开头带 @助手 就是点名问机器人。
  :小李  :小张  :王敏      换一个人说话（王敏是助学教师）
  :私聊  :群               换到和助手的私聊，或回到班级群
  :引用 3 文字             引用第 3 条消息说话
  :快进 15分钟             把时钟往前拨（分钟、小时、天）
  :退出
"""
_SPAN = re.compile(r"(\d+)\s*(分钟|小时|天)")


class Terminal:
    """Who is speaking, where, and the lines shown so far."""

    def __init__(self, app: App) -> None:
        assert app.playground is not None
        self._app = app
        self._playground = app.playground
        self._who = demo.PEOPLE[0]
        self._is_private = False
        self._shown: list[Said] = []
        self._playground.watchers.append(self._show)

    async def run(self) -> None:
        """Read and obey until end of input."""
        print(HELP)
        while True:
            print(self._prompt(), end="", flush=True)
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line or line.strip() == ":退出":
                return
            if line.strip():
                await self._do(line.strip())
                await self._app.inbox.drain()
                await self._app.outbox.drain()

    async def _do(self, line: str) -> None:
        word = line.removeprefix(":").strip()
        if not line.startswith(":"):
            await self._say(line)
        elif person := next((p for p in demo.PEOPLE if p.name == word), None):
            self._who = person
        elif word in ("私聊", "群"):
            self._is_private = word == "私聊"
        elif (match := re.fullmatch(r"引用\s*(\d+)\s+(.+)", word)) is not None:
            await self._quote(int(match[1]), match[2])
        elif (match := re.fullmatch(r"快进\s*(.+)", word)) and (span := _span(match[1])):
            await self._app.let_pass(span)
            print(f"   现在是 {self._app.clock.now():%m月%d日 %H:%M}")
        else:
            print(HELP)

    async def _quote(self, number: int, text: str) -> None:
        if 1 <= number <= len(self._shown):
            await self._say(text, quote=self._shown[number - 1].message_id)
        else:
            print(f"   没有第 {number} 条消息")

    async def _say(self, text: str, quote: str = "") -> None:
        mentions = (ACCOUNT,) if text.startswith("@助手") else ()
        await self._playground.say(
            user_id=self._who.user_id,
            name=self._who.name,
            text=text.removeprefix("@助手").strip() if mentions else text,
            group_id="" if self._is_private else demo.GROUP_ID,
            quote=quote,
            mentions=mentions,
        )

    def _show(self, said: Said) -> None:
        self._shown.append(said)
        is_group = said.conversation.kind is ConversationKind.GROUP
        place = demo.CLASS_NAME if is_group else f"私聊 {self._name_of(said.conversation.id)}"
        text = said.text.replace("\n", "\n      ")
        print(f"\r{len(self._shown):>3} [{said.at:%H:%M}] {said.sender_name}@{place}: {text}")

    def _name_of(self, user_id: str) -> str:
        return next((p.name for p in demo.PEOPLE if p.user_id == user_id), user_id)

    def _prompt(self) -> str:
        place = "私聊" if self._is_private else "群"
        return f"{self._who.name}（{place}）> "


def _span(text: str) -> timedelta | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return None
    unit = {"分钟": "minutes", "小时": "hours", "天": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})
