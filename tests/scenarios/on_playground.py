"""The playground as a stage: names are the ids."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bot.adapters.playground import ACCOUNT, Playground, Said
from bot.app import App
from storage.vocabulary import Platform
from tests.scenarios.stage import Ids, Line, Mention


class OnPlayground:
    """What is typed in the browser or the terminal."""

    first_words = ""

    def __init__(self) -> None:
        self.ids = Ids(Platform.PLAYGROUND, ACCOUNT, person="{name}", group="{name}")
        self.settings: Mapping[str, Any] = {}
        self.said: list[Said] = []
        self._playground: Playground

    @asynccontextmanager
    async def open(self, app: App) -> AsyncIterator[None]:
        assert app.playground is not None
        self._playground = app.playground
        self._playground.watchers.append(self.said.append)
        yield

    async def say(self, line: Line) -> str:
        pieces = tuple(line.pieces())
        said = await self._playground.say(
            user_id=line.who,
            name=line.who,
            text="".join(_typed(piece) for piece in pieces),
            group_id=line.group,
            quote=line.quote,
            mentions=tuple(
                ACCOUNT if piece.is_bot else piece.name
                for piece in pieces
                if isinstance(piece, Mention)
            ),
        )
        return said.message_id

    async def hear(self) -> None:
        """It tells at once."""


def _typed(piece: str | Mention) -> str:
    """The page takes the bot's mention out and leaves the others in."""
    if isinstance(piece, str):
        return piece
    return "" if piece.is_bot else f"@{piece.name} "
