"""How full a disk is: files are refused before there is no room for what is said (F15)."""

import shutil
from pathlib import Path


def used_percent(folder: Path) -> float:
    """Of the disk a folder is or will be on, as `df` counts it: what is free is for us to use."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return 100 * usage.used / max(1, usage.used + usage.free)


def is_full(folder: Path, percent: int) -> bool:
    """Whether so much of it is used."""
    return used_percent(folder) >= percent
