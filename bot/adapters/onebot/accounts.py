"""Which accounts are connected, over which lines, and who is told."""

import asyncio

from bot.adapters.base import NotConnected, Presence
from bot.adapters.onebot.line import Line
from storage.vocabulary import Platform


class Accounts:
    """The bot's accounts. The newest open line of an account is the one that sends."""

    def __init__(self) -> None:
        self.presence: Presence | None = None
        self._lines: dict[str, list[Line]] = {}
        self._offline: set[str] = set()
        self._online: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def online(self) -> frozenset[str]:
        """The accounts that can send now."""
        return self._online

    def line(self, account: str) -> Line:
        """The line to send on.

        Raises:
            NotConnected: there is none, or QQ itself is offline there.
        """
        if account not in self._offline:
            for line in reversed(self._lines.get(account, ())):
                if line.takes_calls:
                    return line
        raise NotConnected(account)

    async def wait_for_line(self, account: str, seconds: float) -> Line | None:
        """The line to send on as soon as there is one, None if that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    changed = self._changed
                    try:
                        return self.line(account)
                    except NotConnected:
                        await changed.wait()
        except TimeoutError:
            return None

    def attach(self, line: Line) -> None:
        """The line now belongs to `line.account`."""
        self._lines.setdefault(line.account, []).append(line)
        self._offline.discard(line.account)
        self._tell(line.account)

    def detach(self, line: Line) -> None:
        """The line is gone; the account's other lines stay in use."""
        lines = self._lines.get(line.account, [])
        if line in lines:
            lines.remove(line)
            if not lines:
                del self._lines[line.account]
                self._offline.discard(line.account)
            self._tell(line.account)

    def report(self, line: Line, is_online: bool) -> None:
        """The implementation says whether QQ itself is online."""
        if is_online:
            self._offline.discard(line.account)
        else:
            self._offline.add(line.account)
        self._tell(line.account)

    def _tell(self, account: str) -> None:
        try:
            self.line(account)
            is_online = True
        except NotConnected:
            is_online = False
        if is_online:
            self._changed.set()
            self._changed = asyncio.Event()
        if is_online == (account in self._online):
            return
        self._online = self._online ^ {account}
        if self.presence is not None:
            self.presence(Platform.QQ, account, is_online)
