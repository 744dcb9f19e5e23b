"""What the bot was to say against what it said, and how they differ, for a person to read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, ndiff


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of the bot, or the pattern of one: where, and the words."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"助手@{self.place}> {written(self.text)}"


def is_like(pattern: str, text: str) -> bool:
    """Whether the text is what the pattern says; blanks at the ends of lines do not count."""
    parts = [re.escape(part) for part in pattern.strip().split("…")]
    return re.fullmatch(".*".join(parts), _plain(text), re.DOTALL) is not None


def written(text: str) -> str:
    """The text as it stands in a `.chat` file, its further lines indented."""
    return "\n    ".join(text.splitlines())


def complaint_about(expected: Iterable[Spoken], heard: Iterable[Spoken]) -> str:
    """How the bot's words differ from those expected, "" when each is one of the other."""
    left, missing, met = list(heard), [], []
    # The most particular first, so that a pattern for anything does not take its match away.
    for pattern in sorted(expected, key=lambda one: one.text.count("…") * 1000 - len(one.text)):
        hit = next((one for one in left if _is_said(pattern, one)), None)
        if hit is None:
            missing.append(pattern)
        else:
            left.remove(hit)
            met.append(hit)
    if not missing and not left:
        return ""
    lines = [f"  = {spoken}" for spoken in met]
    for pattern in missing:
        nearest = _nearest(pattern, left)
        if nearest is None:
            lines.append(f"  - {pattern}")
        else:
            left.remove(nearest)
            lines += [f"  ? 助手@{pattern.place}>", *_differences(pattern.text, nearest.text)]
    lines += [f"  + {spoken}" for spoken in left]
    return "\n".join(["(= as written, - not said, + said but not written)", *lines])


def _is_said(pattern: Spoken, spoken: Spoken) -> bool:
    return pattern.place == spoken.place and is_like(pattern.text, spoken.text)


def _nearest(pattern: Spoken, heard: Iterable[Spoken]) -> Spoken | None:
    """What was perhaps meant to be it: in the same place, the most alike."""
    return max(
        (one for one in heard if one.place == pattern.place),
        key=lambda one: SequenceMatcher(None, pattern.text, one.text).ratio(),
        default=None,
    )


def _differences(pattern: str, text: str) -> list[str]:
    """Line by line; a line that some line of the pattern allows is no difference."""
    got = _plain(text).splitlines()
    wanted = [
        next((one for one in got if line != "…" and is_like(line, one)), line)
        for line in pattern.strip().splitlines()
    ]
    return [f"    {line.rstrip()}" for line in ndiff(wanted, got)]


def _plain(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
