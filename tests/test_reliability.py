"""The page of what is promised and shown is the one a script writes."""

from benchmarks.fire import report
from benchmarks.fire.rows import REASONS, ROWS


def test_every_row_is_shown_or_has_a_reason() -> None:
    found = report.collect()

    unshown = [row for row in ROWS if not (found[row].tests or found[row].scripts)]

    assert set(unshown) <= set(REASONS)


def test_rows_are_found_in_names_and_docstrings(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(report, "ROOT", tmp_path)
    file = tmp_path / "test_it.py"
    file.write_text(
        '"""A4: segments."""\n'
        "def test_f9_a_leap(): ...\n"
        "def test_other():\n"
        '    """X1, X2: both."""\n'
        "def helper():\n"
        '    """F1"""\n'
    )

    assert sorted(report.named_in(file)) == [
        ("A4", "test_it.py"),
        ("F9", "test_it.py::test_f9_a_leap"),
        ("X1", "test_it.py::test_other"),
        ("X2", "test_it.py::test_other"),
    ]
