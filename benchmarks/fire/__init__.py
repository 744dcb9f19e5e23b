"""Faults of `reliability.md`, brought about with real processes on real databases.

    python -m benchmarks.fire [F1 F5 F8 F16 | all] [--url postgresql+asyncpg://…] [--short]
    python -m benchmarks.fire --report

A fault is a function of `faults.py` named after its row; what it measured goes to
`benchmarks/results/fire.json`, from which, and from the rows that tests name, `--report` writes
`docs/reliability.md`.
"""
