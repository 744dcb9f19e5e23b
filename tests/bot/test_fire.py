"""The faults of `benchmarks/fire` in seconds, with real processes: F1, F5, F8, F16."""

from pathlib import Path

import pytest

from benchmarks.fire.faults import F1, F5, F8, F16, Fault, Finding, Place
from benchmarks.fire.processes import postgres

SEED = 20261124


async def _findings(fault: Fault, folder: Path, *, on_postgresql: bool) -> list[Finding]:
    if not on_postgresql:
        place = Place(f"sqlite+aiosqlite:///{folder}/fire.db", folder, SEED, is_short=True)
        return [finding async for finding in fault(place)]
    # A server of its own: it is stopped.
    with postgres() as server:
        place = Place(server.url(), folder, SEED, is_short=True, server=server)
        return [finding async for finding in fault(place)]


@pytest.mark.parametrize(
    ("fault", "on_postgresql"),
    [(F1, False), (F16, False), (F5, True), (F8, True)],
    ids=["F1-sqlite", "F16-sqlite", "F5-postgresql", "F8-postgresql"],
)
async def test_nothing_is_lost_and_nothing_said_twice(
    fault: Fault, on_postgresql: bool, tmp_path: Path
) -> None:
    findings = await _findings(fault, tmp_path, on_postgresql=on_postgresql)

    assert findings
    assert [(it.case, it.failures, it.figures) for it in findings if it.failures] == []
