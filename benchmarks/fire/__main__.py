"""The command line: run faults, keep what they measured, write the page."""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from benchmarks.fire import report
from benchmarks.fire.faults import FAULTS, Finding, Place
from benchmarks.fire.processes import postgres
from storage.vocabulary import SHANGHAI

RESULTS = Path(__file__).parents[1] / "results" / "fire.json"


async def run(rows: list[str], kinds: list[str], url: str, seed: int, *, is_short: bool) -> bool:
    """Whether every case passed."""
    is_well = True
    for row in rows:
        for kind in kinds:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fire-")))
                server = None
                where = f"sqlite+aiosqlite:///{folder}/fire.db"
                if kind == "postgresql":
                    server = stack.enter_context(postgres())
                    where = server.url()
                place = Place(url or where, folder, seed, is_short, server)
                began = time.monotonic()
                async for finding in FAULTS[row](place):
                    seconds = round(time.monotonic() - began, 1)
                    keep(finding, seed, seconds, is_short=is_short)
                    say(finding, seed, seconds)
                    is_well &= not finding.failures
                    if finding.failures:
                        show_logs(folder)
                    began = time.monotonic()
    return is_well


def show_logs(folder: Path) -> None:
    for log in folder.glob("bot-*.log"):
        print("\n".join(log.read_text("utf-8", "replace").splitlines()[-8:]), file=sys.stderr)


def say(finding: Finding, seed: int, seconds: float) -> None:
    verdict = "FAIL" if finding.failures else "----" if "not_run" in finding.figures else "PASS"
    figures = " ".join(f"{key}={value}" for key, value in finding.figures.items())
    print(f"{verdict} {finding.row} {finding.case} seed={seed} {seconds}s {figures}", flush=True)
    for failure in finding.failures:
        print(f"     {failure}", flush=True)


def keep(finding: Finding, seed: int, seconds: float, *, is_short: bool) -> None:
    """The newest result of each case; a short run never replaces a long one's case."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    kept[f"{finding.row} {finding.case}"] = {
        "row": finding.row,
        "case": finding.case,
        "passed": not finding.failures,
        "failures": finding.failures,
        "figures": finding.figures,
        "seed": seed,
        "seconds": seconds,
        "is_short": is_short,
        "at": datetime.now(SHANGHAI).isoformat(timespec="minutes"),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fire", description=__doc__)
    parser.add_argument("rows", nargs="*", help="F1 F5 F8 F16, or all")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one kind of database")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database in place of ours")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--short", action="store_true", help="seconds in place of minutes")
    parser.add_argument("--report", action="store_true", help="write docs/reliability.md")
    given = parser.parse_args()
    if given.report:
        return report.write()
    rows = list(FAULTS) if given.rows in ([], ["all"]) else given.rows
    if unknown := [row for row in rows if row not in FAULTS]:
        parser.error(f"no such fault: {' '.join(unknown)}; there are {' '.join(FAULTS)}")
    seed = given.seed if given.seed is not None else random.randrange(1_000_000)
    kinds = (
        ["postgresql"] if given.url else [given.only] if given.only else ["sqlite", "postgresql"]
    )
    is_well = asyncio.run(run(rows, kinds, given.url, seed, is_short=given.short))
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
