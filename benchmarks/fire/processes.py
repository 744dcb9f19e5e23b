"""The real parts: the program as it is run, a PostgreSQL of our own, a proxy, a small disk."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[2]
TOKEN = "secret"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bot:
    """`python -m bot run` in a process of its own; `async with` ends it whatever happens."""

    def __init__(
        self, url: str, folder: Path, *, lease: int = 5, port: int = 0, **settings: Any
    ) -> None:
        self.port = port or free_port()
        self.folder = folder
        given = {"database__url": url, "database__lease_seconds": lease, "web__port": self.port}
        given |= {"onebot__access_token": TOKEN, "bot__encoder": "false"} | settings
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{f"ZHUXUE_{key.upper()}": str(value) for key, value in given.items()},
        }
        self.process: asyncio.subprocess.Process | None = None
        #: What is put before the command: `ip netns exec …`.
        self.prefix: tuple[str, ...] = ()
        self.host = "127.0.0.1"

    async def __aenter__(self) -> "Bot":
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.returncode is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
            await self.process.wait()

    async def start(self, seconds: float = 120) -> None:
        """Come back when it says that it has started."""
        file = self.folder / f"bot-{self.port}.log"
        with file.open("ab") as log:
            begin = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                *self.prefix, sys.executable, "-m", "bot", "run",
                cwd=self.folder, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        async with asyncio.timeout(seconds):
            # Not by its port: while it was down somebody else may have been given that.
            while b"app.started" not in (said := file.read_bytes()[begin:]):
                if self.process.returncode is not None:
                    raise RuntimeError(said.decode("utf-8", "replace")[-2000:])
                await asyncio.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self, seconds: float = 60) -> tuple[int, float]:
        """SIGTERM: its exit code, and after how many seconds."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        code = await asyncio.wait_for(self.process.wait(), seconds)
        return code, time.monotonic() - began

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def health(self) -> tuple[int, dict[str, Any]]:
        """`/healthz`: status and body; 0 while nobody answers."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as http,
                http.get(f"http://{self.host}:{self.port}/healthz") as answer,
            ):
                return answer.status, await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, {}


# -- databases ------------------------------------------------------------------------------------


class Postgres:
    """A server of our own that can be stopped and started."""

    def __init__(self, home: Path, host: str = "127.0.0.1") -> None:
        found = shutil.which("initdb")
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if found is None and not versions:
            raise RuntimeError("PostgreSQL is not installed here")
        self._binaries = Path(found).parent if found else versions[-1].parent
        self._home = home
        self._host = host
        self.port = free_port()
        if os.getuid() == 0:
            shutil.chown(home, "postgres", "postgres")
        self._call("initdb", "-D", str(home / "data"), "-U", "zhuxue", "-A", "trust", "-E", "UTF8")
        if host != "127.0.0.1":
            with (home / "data" / "pg_hba.conf").open("a") as access:
                access.write("host all all 10.99.0.0/16 trust\n")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses={self._host} -c unix_socket_directories="
        log = str(self._home / "log")
        self._call(
            "pg_ctl", "-D", str(self._home / "data"), "-w", "-l", log, "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._call("pg_ctl", "-D", str(self._home / "data"), "-m", mode, "-w", "stop")

    def url(self, port: int = 0) -> str:
        host = self._host.split(",")[-1]
        return f"postgresql+asyncpg://zhuxue@{host}:{port or self.port}/postgres"

    def _call(self, program: str, *arguments: str) -> None:
        prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*prefix, str(self._binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)


@contextmanager
def postgres(host: str = "127.0.0.1") -> Iterator[Postgres]:
    home = Path(tempfile.mkdtemp(prefix="zhuxue-fire-"))
    server = Postgres(home, host)
    try:
        yield server
    finally:
        with suppress(RuntimeError):
            server.stop("immediate")
        shutil.rmtree(home, ignore_errors=True)


class Proxy:
    """Passes bytes on to a port until it is cut: then what is open breaks and nothing new opens."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there}
        await asyncio.gather(_pass_on(reader, there), _pass_on(there_reader, writer))
        self._writers -= {writer, there}


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    made = Proxy(target)
    await made.open()
    yield made
    await made.cut()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own that a few messages fill.

    Raises:
        PermissionError: only root may mount one.
    """
    folder = Path(tempfile.mkdtemp(prefix="zhuxue-disk-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            raise PermissionError("mounting a tmpfs needs root")
        stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
        yield folder


@contextmanager
def two_hosts() -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Two network namespaces, (name, address) each, that reach this one at 10.99.n.1.

    Raises:
        PermissionError: only root may make one.
    """
    made: list[tuple[str, str]] = []
    with ExitStack() as stack:
        for number in (1, 2):
            name, here = f"zhuxue{number}-{os.getpid()}", f"zx{number}h{os.getpid() % 10_000}"
            net, there = f"10.99.{number}", f"zx{number}n{os.getpid() % 10_000}"
            _ip("netns", "add", name)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
            _ip("link", "add", here, "type", "veth", "peer", "name", there)
            stack.callback(
                subprocess.run, ["ip", "link", "del", here], check=False, capture_output=True
            )
            _ip("link", "set", there, "netns", name)
            _ip("addr", "add", f"{net}.1/24", "dev", here)
            _ip("link", "set", here, "up")
            _ip("-n", name, "addr", "add", f"{net}.2/24", "dev", there)
            _ip("-n", name, "link", "set", there, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "route", "add", "default", "via", f"{net}.1")
            made.append((name, f"{net}.2"))
        yield made[0], made[1]


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise PermissionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
