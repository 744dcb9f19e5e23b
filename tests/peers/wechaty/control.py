"""Starts the gateway beside this file and drives it: what people in WeChat do, what the bot did.

    gateway = Gateway()
    bot = await gateway.contact(name="助教机器人")
    await gateway.login(contact=bot["id"])
    await gateway.say({"from": student["id"], "room": room["id"], "text": "几号考试？"})
    print(await gateway.sent(min=1, timeoutMs=3000))
    gateway.close()

Every operation of `gateway.mjs` is a method; it takes keywords, or one dict where a name is a
Python keyword, and returns the operation's result.
"""

import asyncio
import http.client
import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

HERE = Path(__file__).resolve().parent
_ANSWER_SECONDS = 60
_INSTALL_SECONDS = 300


class GatewayError(RuntimeError):
    """An operation that the gateway refused, or a gateway that did not start."""


class NotInstalled(RuntimeError):
    """Node or the packages are missing."""


def install() -> None:
    """Have `node_modules` beside this file; done once, also when several ask at a time.

    Raises:
        NotInstalled: it cannot be had.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotInstalled("node and npm are not installed (18.3 or newer is needed)")
    lock = HERE / "package-lock.json"
    mark = HERE / "node_modules" / ".installed-from"
    with FileLock(HERE / ".install.lock"):
        if mark.exists() and mark.read_bytes() == lock.read_bytes():
            return
        done = subprocess.run(
            ["npm", "ci", "--no-progress", "--legacy-peer-deps", "--ignore-scripts", "--no-audit"],
            cwd=HERE,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_SECONDS,
        )
        if done.returncode:
            raise NotInstalled(f"npm ci failed: {done.stderr[-500:]}")
        mark.write_bytes(lock.read_bytes())


class Gateway:
    """A running gateway; `close` ends it."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["node", "gateway.mjs", "--stdin", *arguments],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"ready"'):
                info: dict[str, Any] = json.loads(line)
                break
        else:
            raise GatewayError("the gateway did not start")
        self.endpoint: str = info["endpoint"]
        self.token: str = info["token"]
        self._control = urlsplit(info["control"])
        # Nobody reads the packages' log, and a full pipe would stop the gateway.
        self._drain = threading.Thread(target=self._read_on, daemon=True)
        self._drain.start()

    def close(self) -> None:
        """End it, without asking."""
        self._process.kill()
        self._process.wait()
        self._drain.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    async def renew(self) -> None:
        """As it was when it started: an empty world, an undisturbed line."""
        await self.drop(how="thaw")
        await self.up()
        await self.calm()
        await self.reset()
        await self.set(
            autologin=True, echo=True, returnIds=True, mentionStyle="both", inlineMentions=False
        )

    async def more(self, figure: str, by: int) -> None:
        """Wait until a figure of the gateway's `state` has grown by so much."""
        enough = (await self.perform("state", {}))[figure] + by
        async with asyncio.timeout(_ANSWER_SECONDS):
            # Another process counts; it can only be asked.
            while (await self.perform("state", {}))[figure] < enough:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def perform(self, operation: str, arguments: dict[str, Any]) -> Any:
        return await asyncio.to_thread(self.perform_now, operation, arguments)

    def perform_now(self, operation: str, arguments: dict[str, Any]) -> Any:
        line = http.client.HTTPConnection(
            str(self._control.hostname), self._control.port, timeout=_ANSWER_SECONDS
        )
        try:
            line.request("POST", f"/{operation}", json.dumps(arguments).encode())
            answer = json.loads(line.getresponse().read())
        finally:
            line.close()
        if not answer["ok"]:
            raise GatewayError(f"{operation}: {answer['error']}")
        return answer["result"]

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)

        async def call(arguments: dict[str, Any] | None = None, **more: Any) -> Any:
            return await self.perform(operation, {**(arguments or {}), **more})

        return call

    def _read_on(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            pass
