"""A bot in a process of its own, killed from outside or by itself at a named step.

Run by `test_crash.py`: `python -m tests.bot.child DATABASE_URL LISTEN STEP`. The other side is a
OneBot client over a real WebSocket. `STEP` names the point at which the process sends itself
SIGKILL; empty means it lives.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from bot import logs
from bot.answering import Answering
from bot.app import App
from bot.inbox import Inbox
from bot.outbox import Outbox
from bot.settings import load_settings
from bot.slow_work import SlowWork


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(step: str) -> None:
    """Wrap one step of the pipeline so that the process dies right before or right after it."""
    when, _, name = step.partition(":")
    owner: Any = next(part for part in (Inbox, Answering, Outbox, SlowWork) if hasattr(part, name))
    original = getattr(owner, name)

    async def wrapped(self: Any, *args: Any) -> Any:
        if _is_empty(args):
            return await original(self, *args)
        if when == "before":
            _die()
        result = await original(self, *args)
        if when == "after":
            _die()
        return result

    setattr(owner, name, wrapped)


def _is_empty(args: Sequence[Any]) -> bool:
    """Steps are also taken with nothing to do; those are not the ones meant."""
    return bool(args) and hasattr(args[0], "__len__") and not len(args[0])


async def main(url: str, port: int) -> None:
    settings = load_settings(
        database={"url": url, "lease_seconds": 5},
        web={"port": port},
        onebot={"access_token": "secret"},
    )
    async with App(settings).running():
        print("ready", flush=True)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()


if __name__ == "__main__":
    if sys.argv[3]:
        _arm(sys.argv[3])
    logs.set_up()
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
