"""QQ as a stage: the OneBot adapter, and on the other end of a WebSocket a client as NapCat is."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from bot.adapters.playground import Said
from bot.app import App
from storage.vocabulary import SHANGHAI, Platform
from tests.bot.qq import ACCOUNT, QQ
from tests.scenarios.cast import CLASSES, STUDENTS, SUPERVISORS, TUTORS
from tests.scenarios.stage import Ids, Line, Mention

_TOKEN = "scenario"


class OnQQ:
    """People with QQ numbers; the client reports the bot's own messages, too."""

    #: A member of a group can be written to by way of the group.
    first_words = ""

    def __init__(self) -> None:
        self.ids = Ids(
            Platform.QQ, str(ACCOUNT), person="2{number}", group="6{number}", first=100001
        )
        self.settings: Mapping[str, Any] = {"onebot": {"access_token": _TOKEN}}
        self.said: list[Said] = []
        self._numbers = itertools.count(1)
        self._heard = 0
        self._qq: QQ

    @asynccontextmanager
    async def open(self, app: App) -> AsyncIterator[None]:
        members = [int(self.ids.person(name)) for name in (*TUTORS, *STUDENTS, *SUPERVISORS)]
        self._qq = QQ(
            app.port,
            _TOKEN,
            reports_own=True,
            members={int(self.ids.group(name)): members for name in CLASSES},
            now=app.clock.now,
        )
        async with self._qq:
            yield

    async def say(self, line: Line) -> str:
        message_id = next(self._numbers)
        segments = [self._segment(piece) for piece in line.pieces()]
        if line.quote:
            segments.insert(0, {"type": "reply", "data": {"id": line.quote}})
        await self._qq.message(
            message_id,
            segments,
            user=int(self.ids.person(line.who)),
            name=line.who,
            group=int(self.ids.group(line.group)) if line.group else None,
            at=line.at,
        )
        self.said.append(self.ids.said(line, str(message_id)))
        return str(message_id)

    async def hear(self) -> None:
        new = self._qq.heard[self._heard :]
        self._heard += len(new)
        known = {said.message_id for said in self.said}
        for one in new:
            quote = one["quote"]
            # QQ would leave the quote out, or refuse the message.
            assert not quote or quote in known, f"quotes {quote}, which nobody said"
            strangers = [user for user in one["mentions"] if self.ids.name(user) == user]
            assert not strangers, f"mentions {strangers}, whom nobody knows"
            known.add(str(one["message_id"]))
            self.said.append(
                self.ids.answered(
                    str(one["group_id"] or one["to"]),
                    str(one["message_id"]),
                    one["text"].strip(),
                    datetime.fromtimestamp(one["time"], SHANGHAI),
                    is_group=one["group_id"] is not None,
                    quote=quote,
                )
            )

    def _segment(self, piece: str | Mention) -> dict[str, Any]:
        if isinstance(piece, str):
            return {"type": "text", "data": {"text": piece}}
        if piece.is_bot:
            return {"type": "at", "data": {"qq": self.ids.account}}
        return {"type": "at", "data": {"qq": self.ids.person(piece.name), "name": piece.name}}
