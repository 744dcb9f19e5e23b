"""The head over the encoder's vectors is the ridge solution, whatever the size of its pieces."""

import numpy as np
import pytest

from handlers import meanings
from handlers.meanings import Meanings, packed

RANDOM = np.random.default_rng(7)


def unit(rows: int) -> np.ndarray:
    found = RANDOM.normal(size=(rows, 16)).astype(np.float32)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize("piece", [4, 2048])
def test_the_head_is_the_closed_form_solution(monkeypatch, piece):
    monkeypatch.setattr(meanings, "_CHUNK", piece)
    vectors, sizes = unit(12), (3, 5, 4)
    rows = vectors.astype(np.float64)
    targets = np.eye(3)[np.repeat(np.arange(3), sizes)]
    centred = rows - rows.mean(axis=0)
    expected = np.linalg.solve(
        centred.T @ centred + np.eye(16), centred.T @ (targets - targets.mean(axis=0))
    )

    learnt = Meanings.learn(vectors, sizes)

    question = unit(1)[0].astype(np.float32)
    wanted = (question - rows.mean(axis=0)) @ expected + targets.mean(axis=0)
    assert learnt.scores(question) == pytest.approx(wanted, abs=1e-4)


def test_the_nearest_phrasing_is_looked_for_in_one_entry_only():
    vectors = unit(9)
    learnt = Meanings.learn(vectors, (4, 5))
    question = vectors[2].astype(np.float32)

    assert learnt.nearest(question, 0) == pytest.approx(1, abs=2e-3)
    assert learnt.nearest(question, 1) < 0.95


def test_packed_vectors_say_nearly_the_same_in_half_the_memory():
    rows = RANDOM.normal(size=(60, 512)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    question, sizes = rows[7], (20, 25, 15)

    whole, small = (
        Meanings.learn(rows.astype(np.float16), sizes),
        Meanings.learn(packed(rows), sizes),
    )

    assert small.vectors.nbytes * 2 == whole.vectors.nbytes
    assert small.scores(question) == pytest.approx(whole.scores(question), abs=5e-3)
    assert [small.nearest(question, n) for n in range(3)] == pytest.approx(
        [whole.nearest(question, n) for n in range(3)], abs=5e-3
    )
