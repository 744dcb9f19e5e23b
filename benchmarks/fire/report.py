"""Writes docs/reliability.md: every row, what shows it, what was measured, or why nothing is.

Tests are found by the rows that their names, their docstrings and the comments of transcripts name,
so the page stays right by itself.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fire.rows import LIMITS, REASONS, ROWS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
RESULTS = ROOT / "benchmarks" / "results"
_ROW = re.compile(r"(?<![A-Za-z0-9])([FLAXY][0-9]{1,2})(?![A-Za-z0-9])")
_SHOWN = 3

_NAMES = {
    "messages": "消息",
    "kills": "kill -9",
    "inbox_rows": "收件",
    "ledger_rows": "台账",
    "lost": "丢失",
    "double_replies": "重复答复",
    "sent": "发出",
    "outbox_rows": "待发表",
    "unsettled": "未了结",
    "seconds_until_said": "告知用时（秒）",
    "seconds_until_all_answered": "恢复后答完（秒）",
    "seconds_until_taken_over": "接手（秒）",
    "health": "healthz",
    "told_once": "告知的群",
    "chats_out_of_order": "乱序的群",
    "dropped_and_counted": "超出上限、如数记下",
    "on_disk_at_the_kill": "死时在盘上",
    "obligations": "提醒",
    "reminded": "已提醒的群",
    "reminded_twice": "提醒两次的群",
    "left_to_a_person": "可能已发、交人定",
    "exit_code": "退出码",
    "seconds": "用时（秒）",
    "stored_at_the_stop": "停时已收",
    "answered_at_the_stop": "停时已答",
    "not_run": "未跑",
}


@dataclass(slots=True)
class Shown:
    """What shows one row."""

    tests: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    results: list[Mapping[str, Any]] = field(default_factory=list)


def write() -> int:
    """Write the page; 1 if a row has neither a test, a script nor a reason, or a fault failed."""
    found = collect()
    problems = [
        f"{row}：没有测试、脚本，也没有说明原因"
        for row in ROWS
        if not (found[row].tests or found[row].scripts or row in REASONS)
    ]
    problems += [
        f"{row}：上次运行没有通过：{result['case']}"
        for row in ROWS
        for result in found[row].results
        if not result["passed"]
    ]
    PAGE.write_text(page(found), "utf-8")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def collect() -> dict[str, Shown]:
    """By row, what the tests name, which scripts there are and what they measured."""
    found: dict[str, Shown] = defaultdict(Shown)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for row, name in named_in(path):
            if row in ROWS and name not in found[row].tests:
                found[row].tests.append(name)
    for path in sorted((ROOT / "tests" / "scenarios").rglob("*.chat")):
        comments = [it for it in path.read_text("utf-8").splitlines() if it.startswith("#")]
        for row in dict.fromkeys(_ROW.findall(" ".join(comments))):
            if row in ROWS:
                found[row].tests.append(path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        words = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        for row in _ROW.findall(words):
            if row in ROWS and path.stem != "__init__":
                found[row].scripts.append(f"python -m benchmarks.{path.stem}")
    for file in sorted(RESULTS.glob("*.json")):
        kept = json.loads(file.read_text("utf-8"))
        for result in kept.values() if isinstance(kept, dict) else ():
            if isinstance(result, dict) and result.get("row") in ROWS:
                found[result["row"]].results.append(result)
                script = f"python -m benchmarks.{file.stem} {result['row']}"
                if script not in found[result["row"]].scripts:
                    found[result["row"]].scripts.append(script)
    return found


def named_in(path: Path) -> Iterator[tuple[str, str]]:
    """(row, test) for every row a test of the file names; a module's own name means all of them."""
    tree = ast.parse(path.read_text("utf-8"))
    where = path.relative_to(ROOT).as_posix()
    for row in _ROW.findall(ast.get_docstring(tree) or ""):
        yield row, where
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("test_"):
            by_name = re.match(r"test_([flaxy][0-9]{1,2})_", node.name)
            rows = _ROW.findall(ast.get_docstring(node) or "")
            for row in [*rows, *([by_name[1].upper()] if by_name else [])]:
                yield row, f"{where}::{node.name}"


def page(found: Mapping[str, Shown]) -> str:
    lines = [
        "# 可靠性：每一行怎样证明",
        "",
        "本页由 `python -m benchmarks.fire --report` 生成，不要手改。行号是可靠性清单里的编号；",
        "测试在每次改动时跑（`make test`，SQLite 和 PostgreSQL），故障脚本用真的进程、真的数据库，"
        "`python -m benchmarks.fire all` 重跑，数字写在 `benchmarks/results/fire.json`。",
        "",
        *_faults(found),
        "## 全部各行",
        "",
        "| 行 | 内容 | 怎样证明 | 没有覆盖的 |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row} | {words} | {_how(row, found[row])} | {LIMITS.get(row, '')} |"
              for row, words in ROWS.items()]  # fmt: skip
    return "\n".join(lines) + "\n"


def _faults(found: Mapping[str, Shown]) -> list[str]:
    results = [result for row in ROWS for result in found[row].results]
    if not results:
        return []
    return [
        "## 真进程的故障",
        "",
        "| 行 | 做了什么 | 结果 | 量到的 | 种子 | 日期 |",
        "|---|---|---|---|---|---|",
        *(
            f"| {it['row']} | {it['case']}{'（短）' if it.get('is_short') else ''} | "
            f"{_verdict(it)} | {_figures(it['figures'])} | {it.get('seed', '')} | {it['at'][:10]} |"
            for it in results
        ),
        "",
    ]


def _verdict(result: Mapping[str, Any]) -> str:
    if "not_run" in result["figures"]:
        return "未跑"
    return "通过" if result["passed"] else "**没有通过**：" + "；".join(result["failures"])


def _figures(figures: Mapping[str, Any]) -> str:
    return "，".join(f"{_NAMES.get(key, key)} {value}" for key, value in figures.items())


def _how(row: str, shown: Shown) -> str:
    parts = [f"`{script}`" for script in shown.scripts]
    parts += _few(shown.tests)
    if not parts:
        return REASONS.get(row, "**没有**")
    return "<br>".join(parts)


def _few(tests: Sequence[str]) -> list[str]:
    # Single tests say more than whole files.
    ordered = sorted(tests, key=lambda test: "::" not in test)
    more = len(ordered) - _SHOWN
    return [f"`{test}`" for test in ordered[:_SHOWN]] + (
        [f"等 {len(ordered)} 处"] if more > 0 else []
    )
