"""What entries mean to a sentence encoder: a linear head over all of them, and their phrasings.

The encoder stays as it came; only the head is learnt, in closed form and from the phrasings
alone, so that a changed table is learnt again at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Packed = npt.NDArray[np.int8]
Rows = Packed | npt.NDArray[np.float16]
#: What one step of a packed number is worth; beyond half in one direction no vector of a text goes.
_STEP = np.float32(0.5 / 127)
_RIDGE = 1.0
_CHUNK = 2048


def packed(vectors: npt.NDArray[np.float32]) -> Packed:
    """Vectors of length one in a quarter of the memory; cosines stay right to about 0.001."""
    steps: Packed = np.clip(np.rint(vectors / _STEP), -127, 127).astype(np.int8)
    return steps


def _step(rows: Rows) -> np.float32:
    return _STEP if rows.dtype == np.int8 else np.float32(1)


@dataclass(frozen=True, slots=True)
class Meanings:
    """`head` has a row an entry, `vectors` (of length one, packed or float16) a row a phrasing."""

    head: Vector
    offset: Vector
    vectors: Rows
    starts: npt.NDArray[np.int64]

    @classmethod
    def learn(cls, vectors: Rows, sizes: Sequence[int]) -> "Meanings":
        """From the phrasings of all entries in their order, `sizes` of them an entry."""
        count, width = vectors.shape
        starts = np.cumsum([0, *sizes])
        gram = np.zeros((width, width), dtype=np.float32)
        # In pieces: all rows at full width would be the largest thing in the process.
        for start in range(0, count, _CHUNK):
            rows = vectors[start : start + _CHUNK].astype(np.float32) * _step(vectors)
            gram += rows.T @ rows
        sums = np.add.reduceat(vectors, starts[:-1], axis=0, dtype=np.float32) * _step(vectors)
        mean = sums.sum(axis=0) / count
        shares = np.asarray(sizes, dtype=np.float32) / count
        # One-vs-rest: the targets are ones and zeros, so rows times targets are sums of rows.
        gram += _RIDGE * np.eye(width, dtype=np.float32) - count * np.outer(mean, mean)
        wanted = sums - np.outer(shares * count, mean)
        head = np.linalg.solve(gram, wanted.T).T.astype(np.float32)
        return cls(head, shares - head @ mean, vectors, starts)

    def scores(self, vector: Vector) -> Vector:
        """How far each entry is meant: about one for what is meant, about zero elsewhere."""
        # Not `@`: the threads of the matrix library cost more than they bring, on a busy machine
        # twenty times as much.
        found: Vector = np.einsum("ij,j->i", self.head, vector) + self.offset
        return found

    def nearest(self, vector: Vector, number: int) -> float:
        """The cosine of a question with the nearest phrasing of one entry."""
        own = self.vectors[self.starts[number] : self.starts[number + 1]]
        cosines = np.einsum("ij,j->i", own.astype(np.float32), vector)
        return float(cosines.max()) * float(_step(own))
