"""The accessibility checker as text to run in a page, from npm's package; installed once."""

import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parent
_INSTALL_SECONDS = 300


class NotInstalled(RuntimeError):
    """Node or the package is missing."""


def script() -> str:
    """
    `axe.min.js`.

    Raises:
        NotInstalled: it cannot be had.
    """
    lock, mark = HERE / "package-lock.json", HERE / "node_modules" / ".installed-from"
    with FileLock(HERE / ".install.lock"):
        if not mark.exists() or mark.read_bytes() != lock.read_bytes():
            if shutil.which("npm") is None:
                raise NotInstalled("npm is not installed")
            done = subprocess.run(
                ["npm", "ci", "--no-progress", "--ignore-scripts", "--no-audit"],
                cwd=HERE,
                capture_output=True,
                text=True,
                check=False,
                timeout=_INSTALL_SECONDS,
            )
            if done.returncode:
                raise NotInstalled(f"npm ci failed: {done.stderr[-500:]}")
            mark.write_bytes(lock.read_bytes())
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
