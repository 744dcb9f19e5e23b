"""How well and how fast screenshots are read: every figure of `docs/pictures.md`.

`python -m benchmarks.pictures` prints the tables; with `--write` it puts them into the document.
Needs Chromium, which draws the pages, and the packages of `requirements-ocr.lock`. Two minutes on
one core, to which it keeps itself where the system allows it.
"""

import argparse
import asyncio
import os
import re
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.screens import Screen, screens
from bot.pictures import Reader
from handlers import pictures
from handlers.faq import Knowledge, read_entries
from handlers.questions import SURE_OF_A_PICTURE
from handlers.settings import BotSettings

DOCUMENT = Path(__file__).parent.parent / "docs" / "pictures.md"
BEGIN, END = "<!-- 以下由 python -m benchmarks.pictures --write 写入 -->\n", "<!-- 到此为止 -->\n"
ENTRIES = Path(__file__).parent.parent / "handlers" / "knowledge.csv"


async def _read(taken: Iterable[Screen]) -> list[tuple[Screen, list[str], float]]:
    """Each screen with its lines and the seconds it took, by the process the bot uses."""
    reader = Reader(read_seconds=60)
    found = []
    taken = list(taken)
    begun = perf_counter()
    await reader.read(taken[0].data)
    print(f"first picture with loading: {perf_counter() - begun:.1f} s", file=sys.stderr)
    for screen in taken:
        begun = perf_counter()
        lines = await reader.read(screen.data)
        found.append((screen, lines, perf_counter() - begun))
    print(f"memory of the reader at most: {_peak(reader)} MB", file=sys.stderr)
    await reader.close()
    return found


def _peak(reader: Reader) -> str:
    process = reader._process
    status = Path(f"/proc/{process.pid}/status") if process else None
    if status is None or not status.exists():
        return "?"
    peak = re.search(r"VmHWM:\s*(\d+)", status.read_text())
    return f"{int(peak[1]) // 1024}" if peak else "?"


def _accuracy(read: list[tuple[Screen, list[str], float]]) -> Iterator[str]:
    yield "| 怎么来的 | 关键一句一字不差 | 认出的字 | 中位用时 | 最慢 |"
    yield "| --- | --- | --- | --- | --- |"
    by_kind = defaultdict(list)
    for item in read:
        by_kind[item[0].kind].append(item)
    for kind, items in by_kind.items():
        keys = sum(_bare(s.key) in _bare("".join(lines)) for s, lines, _ in items)
        right = sum(
            sum((Counter(_bare(s.text)) & Counter(_bare("".join(lines)))).values())
            for s, lines, _ in items
        )
        all_ = sum(len(_bare(s.text)) for s, _, _ in items)
        seconds = [taken for _, _, taken in items]
        yield (
            f"| {kind} | {keys}/{len(items)} | {right / all_:.1%} "
            f"| {median(seconds):.2f} s | {max(seconds):.2f} s |"
        )


def _use(read: list[tuple[Screen, list[str], float]]) -> Iterator[str]:
    """What the bot does with a page that came without a word."""
    knowledge, settings = Knowledge(read_entries(ENTRIES)), BotSettings()
    yield "| 截图 | 拿去查的话 | 机器人 | 最像的条目 |"
    yield "| --- | --- | --- | --- |"
    for screen, lines, _ in read:
        if screen.kind != "手机截图":
            continue
        gist = pictures.gist(lines)
        topic = pictures.understood("", lines).topic
        matches = knowledge.search(" ".join(gist), topic=topic)
        best = matches[0] if matches else None
        confidence = best.confidence if best else 0.0
        floor = max(settings.answer_floor, SURE_OF_A_PICTURE)
        action = "答复" if confidence >= floor else "转老师"
        if settings.ask_back_floor <= confidence < floor:
            action = "给选项"
        shown = f"{best.entry.question}（{confidence:.2f}）" if best else "—"
        yield f"| {screen.page} | {' / '.join(gist)} | {action} | {shown} |"


def _bare(text: str) -> str:
    return re.sub(r"[^\w%]", "", text.lower())


def main() -> None:
    """Print, and with --write put into the document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", action="store_true")
    write = arguments.parse_args().write
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no chromium to draw the pages with")
    taken = list(screens(chromium))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    read = asyncio.run(_read(taken))
    made = (
        f"rapidocr {version('rapidocr')}，onnxruntime {version('onnxruntime')}，一个核。"
        f"{len(taken)} 张图。\n\n"
        + "\n".join(_accuracy(read))
        + "\n\n只发一张图、一个字没写时：\n\n"
        + "\n".join(_use(read))
        + "\n"
    )
    print(made)
    if write:
        head, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        DOCUMENT.write_text(f"{head}{BEGIN}{made}{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
