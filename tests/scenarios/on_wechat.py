"""WeChat as a stage: the WeChat adapter, and a genuine Wechaty gateway with a scripted account."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from bot.adapters.playground import Said
from bot.app import App
from storage.vocabulary import SHANGHAI, Platform
from tests.peers.wechaty.control import Gateway
from tests.scenarios.cast import CLASSES, PEOPLE, STUDENTS, TUTORS
from tests.scenarios.stage import Ids, Line, Mention

_ACCOUNT = "wxid_assistant"
#: What the account is called in WeChat, and so what follows the @.
_NAME = "小助手"
#: What WeChat puts behind an `@name`.
_THIN_SPACE = "\u2005"
#: WeChat has no quotes to send, only words: 「name：words」 and a rule; nor mentions but by name.
_HEAD = re.compile(rf"(?:「[^「」]*」\n(?:- )+-\n)?((?:@[^{_THIN_SPACE}\n]+{_THIN_SPACE})*)")


class OnWeChat:
    """People with WeChat ids in the rooms of one account. The gateway is to be fresh."""

    #: Only friends can be written to. These have added the bot, and have said so.
    first_words = "收到"

    def __init__(self, gateway: Gateway) -> None:
        self.ids = Ids(
            Platform.WECHAT,
            _ACCOUNT,
            person="wxid_{number}",
            group="{number}@chatroom",
            first=100001,
        )
        self.settings: Mapping[str, Any] = {
            "wechat": {"endpoint": gateway.endpoint, "token": gateway.token}
        }
        self.said: list[Said] = []
        self._gateway = gateway
        self._met: set[str] = set()
        self._heard = 0

    @asynccontextmanager
    async def open(self, app: App) -> AsyncIterator[None]:
        await self._gateway.contact(id=_ACCOUNT, name=_NAME)
        await asyncio.gather(*(self._meet(name) for name in PEOPLE))
        await asyncio.gather(*(self._found(name) for name in CLASSES))
        await self._gateway.login(contact=_ACCOUNT)
        yield

    async def say(self, line: Line) -> str:
        await self._meet(line.who)
        pieces = tuple(line.pieces())
        mentioned = [self._id(piece) for piece in pieces if isinstance(piece, Mention)]
        message: dict[str, Any] = {
            "from": self.ids.person(line.who),
            # WeChat knows no mentions between two.
            "text": "".join(
                _written(piece)
                for piece in pieces
                if line.group or isinstance(piece, str) or not piece.is_bot
            ),
            "timestamp": int(line.at.timestamp() * 1000),
        }
        if line.group:
            await self._found(line.group)
            # The names stand in the text already.
            message |= {"mentions": mentioned, "mentionStyle": "ids"}
            message["room"] = self.ids.group(line.group)
        if line.quote:
            message["quote"] = line.quote
        said = await self._gateway.say(message)
        self.said.append(self.ids.said(line, said["id"]))
        return str(said["id"])

    async def hear(self) -> None:
        new = (await self._gateway.sent(since=self._heard))["sent"]
        self._heard += len(new)
        for one in new:
            head = _HEAD.match(one["text"])
            assert head is not None
            named = [name[1:] for name in head[1].split(_THIN_SPACE) if name]
            assert named == [self.ids.name(person) for person in one["mentions"]]
            self.said.append(
                self.ids.answered(
                    one["conversation"],
                    one["id"],
                    one["text"][head.end() :],
                    datetime.fromtimestamp(one["at"] / 1000, SHANGHAI),
                    is_group=one["room"],
                )
            )

    async def _meet(self, name: str) -> None:
        if name not in self._met:
            self._met.add(name)
            await self._gateway.contact(id=self.ids.person(name), name=name)

    async def _found(self, name: str) -> None:
        if name not in self._met:
            self._met.add(name)
            members = [_ACCOUNT, *(self.ids.person(person) for person in (*TUTORS, *STUDENTS))]
            await self._gateway.room(id=self.ids.group(name), topic=name, members=members)

    def _id(self, mention: Mention) -> str:
        return _ACCOUNT if mention.is_bot else self.ids.person(mention.name)


def _written(piece: str | Mention) -> str:
    if isinstance(piece, str):
        return piece
    return f"@{_NAME if piece.is_bot else piece.name}{_THIN_SPACE}"
