"""The picture of an evaluation. matplotlib comes with the development dependencies only."""

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.evaluating import (
    FATES,
    LABEL_NAMES,
    Result,
    fates,
    judged,
    label_bins,
    topic_bins,
    topics_judged,
)
from handlers.texts import TOPIC_NAMES
from handlers.understanding.scoring import Bin, label_pairs, scores, topic_pairs

#: Fonts with Chinese characters, by system: Linux, Windows, macOS.
_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Hiragino Sans GB",
)
_INK, _GOOD, _PALE = "#1f4e79", "#2e7d5b", "#c9d6e3"
_FATE_COLOURS = ("#2e7d5b", "#7fb069", "#e6aa4b", "#9aa5b1", "#b5523b")
_ENGLISH_FATES = ("answered", "asked back", "handed over", "silent", "other")


def can_draw() -> bool:
    """Whether there is anything to draw with."""
    return find_spec("matplotlib") is not None


def draw(path: Path, title: str, results: Sequence[Result]) -> None:
    """
    Labels taken for which, topics, sureness, and where questions went; a PNG or SVG by its name.

    In Chinese where a font for it is installed, else in English.
    """
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    installed = {font.name for font in font_manager.fontManager.ttflist}
    font = next((name for name in _FONTS if name in installed), None)
    settings: Any = {
        "font.family": [font] if font else ["DejaVu Sans"],
        "axes.unicode_minus": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(13, 10), layout="constrained")
        grid = figure.subplots(2, 2, width_ratios=(1.15, 1))
        in_chinese = font is not None
        _draw_confusions(grid[0][0], results, in_chinese=in_chinese)
        _draw_topics(grid[0][1], results, in_chinese=in_chinese)
        _draw_calibration(grid[1][0], results, in_chinese=in_chinese)
        _draw_fates(grid[1][1], results, in_chinese=in_chinese)
        figure.suptitle(title if in_chinese or title.isascii() else "evaluation")
        # Without a date in it, the same run draws the same file.
        figure.savefig(path, dpi=110, metadata={} if path.suffix != ".png" else {"Software": ""})


def _draw_confusions(axes: Any, results: Sequence[Result], *, in_chinese: bool) -> None:
    pairs = label_pairs(judged(results))
    kinds = list(scores(pairs))
    names = [LABEL_NAMES[kind] if in_chinese else kind.value for kind in kinds]
    counts = Counter(pairs)
    totals = Counter(a for a, _ in pairs)
    shares = [[counts[a, b] / (totals[a] or 1) for b in kinds] for a in kinds]
    axes.set_title("看成了什么（行：实际，列：判为）" if in_chinese else "confusions (row: truth)")
    if not kinds:
        return
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(kinds)), names, rotation=0 if in_chinese else 60)
    axes.set_yticks(range(len(kinds)), names)
    for row, a in enumerate(kinds):
        for column, b in enumerate(kinds):
            if counts[a, b]:
                colour = "white" if shares[row][column] > 0.5 else "black"
                axes.text(column, row, counts[a, b], ha="center", va="center", color=colour)


def _draw_topics(axes: Any, results: Sequence[Result], *, in_chinese: bool) -> None:
    found = scores(topic_pairs(topics_judged(results)))
    kinds = [kind for kind, it in found.items() if it.count][::-1]
    names = [TOPIC_NAMES[kind] if in_chinese else kind.value for kind in kinds]
    values = [found[kind].f1 for kind in kinds]
    axes.set_title("各主题 F1" if in_chinese else "F1 of each topic")
    axes.barh(range(len(kinds)), values, color=_INK)
    axes.set_yticks(range(len(kinds)), names)
    axes.set_xlim(0, 1.2)
    for place, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        axes.text(value + 0.01, place, f"{value:.2f} ({found[kind].count})", va="center", size=8)


def _draw_calibration(axes: Any, results: Sequence[Result], *, in_chinese: bool) -> None:
    axes.plot((0, 1), (0, 1), color=_PALE, linestyle="--")
    _draw_bins(axes, label_bins(results), "类型" if in_chinese else "label", _INK)
    _draw_bins(axes, topic_bins(results), "主题" if in_chinese else "topic", _GOOD)
    axes.set_title("把握与实际（点越大，条数越多）" if in_chinese else "calibration")
    axes.set_xlabel("自称的把握" if in_chinese else "confidence")
    axes.set_ylabel("实际对的比例" if in_chinese else "share right")
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.05)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left")


def _draw_bins(axes: Any, bins: Sequence[Bin], name: str, colour: str) -> None:
    if bins:
        sure, right = [it.sure for it in bins], [it.right for it in bins]
        axes.plot(sure, right, color=colour, label=name)
        axes.scatter(sure, right, s=[20 + 3 * it.count**0.75 for it in bins], color=colour)


def _draw_fates(axes: Any, results: Sequence[Result], *, in_chinese: bool) -> None:
    rows = [fates(results, addressed=True), fates(results, addressed=False)]
    names = list(FATES) if in_chinese else list(_ENGLISH_FATES)
    axes.set_title("提问的去向" if in_chinese else "where questions went")
    axes.set_yticks((0, 1), ("点名问", "照原样") if in_chinese else ("addressed", "as said"))
    left = [0, 0]
    for key, name, colour in zip(FATES, names, _FATE_COLOURS, strict=True):
        counts = [row[key] for row in rows]
        axes.barh((0, 1), counts, left=left, color=colour, label=name, height=0.5)
        for place, count in enumerate(counts):
            if count:
                axes.text(left[place] + count / 2, place, count, ha="center", va="center")
        left = [a + b for a, b in zip(left, counts, strict=True)]
    axes.set_ylim(-0.5, 1.9)
    axes.legend(ncols=5, loc="upper center", fontsize=9)
