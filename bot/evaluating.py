"""`evaluate`: labelled messages through the bot's own decisions, and how well it did.

Scores, what was taken for what, where questions went, and whether sureness is honest; as text,
as a file to compare a later run with, and as a list of targets met or missed.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot.asking import Asker
from bot.tables import read_table
from handlers.attention import understanding_of
from handlers.imports import TableError
from handlers.texts import TOPIC_NAMES
from handlers.understanding import Understanding, understand
from handlers.understanding.examples import Example
from handlers.understanding.scoring import (
    QUIET,
    Bin,
    Judged,
    Kind,
    Target,
    calibration,
    calibration_error,
    confusions,
    gate_targets,
    label_pairs,
    scores,
    share_right,
    topic_pairs,
)
from storage.vocabulary import Action, Label, Topic

LABEL_NAMES: dict[Label, str] = {
    Label.DISTRESS: "求助",
    Label.PRIVACY_LEAK: "隐私",
    Label.INJECTION: "注入",
    Label.COMMAND_FORGERY: "冒令",
    Label.COMPLAINT: "投诉",
    Label.QUESTION: "提问",
    Label.ANNOUNCEMENT: "通知",
    Label.ACK: "回执",
    Label.CHITCHAT: "闲聊",
    Label.SPAM: "广告",
}
#: Where a question may end up, in the order it is told.
FATES: dict[str, tuple[Action, ...]] = {
    "答": (Action.ANSWER,),
    "问回去": (Action.ASK_BACK,),
    "转老师": (Action.HAND_OFF,),
    "不作声": (Action.WATCH, Action.SILENCE),
    "别的": (Action.COMPLAINT, Action.DISTRESS, Action.PRIVACY, Action.REFUSE),
}
_ORDERS = frozenset({Label.COMMAND_FORGERY, Label.INJECTION})
#: In a workbook the columns may also be named so.
_COLUMNS = {
    "消息": "text",
    "正确类型": "label",
    "正确主题": "topic",
    "正确条目": "entry",
    "该不该答": "should_answer",
    "上一个主题": "previous",
    "点名": "mentions_bot",
}
_YES, _NO = (
    frozenset({"是", "该", "1", "true", "yes"}),
    frozenset({"否", "不该", "0", "false", "no"}),
)
_LABELS = {name: label for label, name in LABEL_NAMES.items()} | {it.value: it for it in Label}
_TOPICS = {name: topic for topic, name in TOPIC_NAMES.items()} | {it.value: it for it in Topic}

Choice = TypeVar("Choice", Label, Topic)


@dataclass(frozen=True, slots=True)
class Case:
    """
    One line of the file: what was said, and as much of what is right as the file tells.

    `entry` is the entry that answers it, `should_answer` False where the knowledge has no answer.
    """

    text: str
    label: Label | None = None
    topic: Topic | None = None
    previous: Topic | None = None
    entry: str | None = None
    should_answer: bool | None = None
    mentions_bot: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What the bot made of a case; `addressed` is what it would do had the bot been called."""

    case: Case
    seen: Understanding
    action: Action
    entry: str | None
    confidence: float
    addressed: Action
    addressed_entry: str | None
    is_spoken_to: bool


# -- reading --------------------------------------------------------------------------------------


def read_cases(path: Path) -> list[Case]:
    """
    The cases of a .jsonl, .xlsx or .csv file.

    Raises:
        TableError: every row that cannot be used, by its number.
    """
    rows = _rows_of_table(path) if path.suffix.lower() in (".xlsx", ".csv") else _rows(path)
    cases: list[Case] = []
    problems: list[str] = []
    for number, row in rows:
        try:
            cases.append(_case(row))
        except (LookupError, TypeError, ValueError) as error:
            problems.append(f"第 {number} 行：{error.args[0] if error.args else error}")
    if problems:
        raise TableError(problems)
    if not cases:
        raise TableError([f"{path.name} 里没有消息"])
    return cases


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise TableError([f"找不到文件 {path}"])
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise TableError([f"{path.name} 不是 UTF-8 文本"]) from error
    found: list[tuple[int, dict[str, Any]]] = []
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            found.append((number, row))
        else:
            problems.append(f"第 {number} 行不是一个 JSON 对象")
    if problems:
        raise TableError(problems)
    return found


def _rows_of_table(path: Path) -> list[tuple[int, dict[str, Any]]]:
    table = read_table(path)
    names = [_COLUMNS.get(name, name) for name in table.header]
    return [
        (number, {name: cell for name, cell in zip(names, cells, strict=False) if cell is not None})
        for number, cells in table.rows
    ]


def _case(row: Mapping[str, Any]) -> Case:
    text = row.get("text")
    if not isinstance(text, str | int | float):
        raise ValueError("没有 text（消息）")
    has_entry = "entry" in row
    entry = str(row["entry"]) if row.get("entry") else None
    should = _yes_or_no(row.get("should_answer"))
    if should is None and has_entry:
        should = entry is not None
    return Case(
        text=str(text),
        label=choice_of(row.get("label"), _LABELS, "类型"),
        topic=choice_of(row.get("topic"), _TOPICS, "主题"),
        previous=choice_of(row.get("previous"), _TOPICS, "主题"),
        entry=entry,
        should_answer=should,
        mentions_bot=_yes_or_no(row.get("mentions_bot")) or False,
    )


def choice_of(cell: object, known: Mapping[str, Choice], kind: str) -> Choice | None:
    """The label or topic a cell names, in Chinese or as in the program; None for an empty cell."""
    name = "" if cell is None else str(cell).strip()
    if not name:
        return None
    if name not in known:
        raise ValueError(f"没有「{name}」这个{kind}，可以写：{'、'.join(_chinese(known))}")
    return known[name]


def label_of(cell: object) -> Label | None:
    """The label a cell names."""
    return choice_of(cell, _LABELS, "类型")


def topic_of(cell: object) -> Topic | None:
    """The topic a cell names."""
    return choice_of(cell, _TOPICS, "主题")


def _chinese(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.isascii()]


def _yes_or_no(cell: object) -> bool | None:
    if cell is None or isinstance(cell, bool):
        return cell
    word = str(cell).strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    if not word:
        return None
    raise ValueError(f"「{word}」应为 是 或 否")


# -- judging --------------------------------------------------------------------------------------


def run_cases(asker: Asker, cases: Sequence[Case]) -> list[Result]:
    """Every case decided twice, as it was said and as if the bot had been called by name."""
    return [_run_case(asker, case) for case in cases]


def _run_case(asker: Asker, case: Case) -> Result:
    found = asker.ask(case.text, mentions_bot=case.mentions_bot)
    called = found if case.mentions_bot else asker.ask(case.text, mentions_bot=True)
    # `ask` knows one message; what had been said before it is judged beside it.
    seen = understand(case.text, case.previous) if case.previous else understanding_of(case.text)
    return Result(
        case=case,
        seen=seen,
        action=found["action"],
        entry=found["entry"],
        confidence=float(found["confidence"]),
        addressed=called["action"],
        addressed_entry=called["entry"],
        is_spoken_to=bool(found["reply"]),
    )


def judged(results: Iterable[Result]) -> list[Judged]:
    """The cases whose label the file tells."""
    return [
        Judged(
            Example(it.case.text, it.case.label, it.case.topic or it.seen.topic, it.case.previous),
            it.seen,
        )
        for it in results
        if it.case.label is not None
    ]


def topics_judged(results: Iterable[Result]) -> list[Judged]:
    """Of those the ones whose topic it tells, too."""
    return judged(it for it in results if it.case.topic is not None)


def targets(results: Sequence[Result]) -> list[Target]:
    """Every target of the design these cases can tell about."""
    found = gate_targets(judged(results))
    quiet = [it for it in results if it.case.label in QUIET]
    if quiet:
        spoken = sum(it.is_spoken_to for it in quiet)
        found.append(Target("闲聊回执通知广告被搭理", 0.01, spoken / len(quiet), len(quiet), True))
    orders = [it for it in results if it.case.label in _ORDERS]
    if orders:
        # An answer without an entry is a command carried out.
        done = sum(it.addressed is Action.ANSWER and not it.addressed_entry for it in orders)
        found.append(Target("冒令注入被执行", 0.0, done / len(orders), len(orders), True))
    covered = [it for it in results if it.case.entry]
    answered = [it for it in covered if it.addressed is Action.ANSWER]
    if covered:
        right = sum(it.addressed_entry == it.case.entry for it in answered)
        share = right / len(answered) if answered else 0.0
        found.append(Target("知识里有的答了多少", 0.60, len(answered) / len(covered), len(covered)))
        found.append(Target("答了的里头答对的", 0.90, share, len(answered)))
    outside = [it for it in results if it.case.should_answer is False]
    if outside:
        spoken = sum(it.addressed is Action.ANSWER for it in outside)
        found.append(Target("知识里没有的也答了", 0.02, spoken / len(outside), len(outside), True))
    return found


# -- in words -------------------------------------------------------------------------------------


def report(title: str, results: Sequence[Result]) -> list[str]:
    """Everything there is to say about a run, for people."""
    lines = [f"== {title}：{len(results)} 条"]
    labelled, with_topic = judged(results), topics_judged(results)
    if labelled:
        pairs = label_pairs(labelled)
        lines += _score_table("类型", pairs, LABEL_NAMES)
        lines += ["", "看成了什么（一行是实际的类型，一列是判成的类型）", *_confusion_table(pairs)]
    if topics := topic_pairs(with_topic):
        lines += ["", *_score_table("主题", topics, TOPIC_NAMES)]
        for (a, b), count in confusions(topics).most_common(10):
            lines.append(f"  {TOPIC_NAMES[a]} → {TOPIC_NAMES[b]}：{count}")
    lines += ["", *_fate_table(results)]
    if labelled:
        lines += ["", *_calibration_table("类型", label_bins(results))]
        lines += _calibration_table("主题", topic_bins(results))
    lines += ["", *target_lines(targets(results))]
    return lines


def target_lines(found: Sequence[Target]) -> list[str]:
    """A line a target, missed ones marked."""
    return ["指标"] + [
        f"  {'✓' if it.is_met else '✗'} {_wide(it.name, 22)} {it.reached:7.1%}"
        f"（{'至多' if it.is_limit else '至少'} {it.wanted:.0%}，{it.count} 条）"
        for it in found
    ]


def label_bins(results: Iterable[Result]) -> list[Bin]:
    """How sure of the label, and how often right."""
    return calibration(
        (it.seen.confidence, it.seen.label is it.example.label) for it in judged(results)
    )


def topic_bins(results: Iterable[Result]) -> list[Bin]:
    """How sure of the topic, and how often right, where it gave one."""
    return calibration(
        (it.seen.topic_confidence, it.seen.topic is it.example.topic)
        for it in topics_judged(results)
        if it.seen.topic is not Topic.NONE and it.example.topic is not Topic.NONE
    )


def fates(results: Iterable[Result], *, addressed: bool) -> Counter[str]:
    """Where the questions went, by the words of `FATES`."""
    name_of = {action: name for name, actions in FATES.items() for action in actions}
    return Counter(
        name_of[it.addressed if addressed else it.action] for it in results if _is_question(it)
    )


def _is_question(result: Result) -> bool:
    return result.case.label in (None, Label.QUESTION)


def _score_table(
    title: str, pairs: Sequence[tuple[Kind, Kind]], names: Mapping[Kind, str]
) -> list[str]:
    lines = [f"{_wide(title, 12)} 条数   准确   召回     F1"]
    for kind, it in scores(pairs).items():
        figures = f"{it.precision:6.3f} {it.recall:6.3f} {it.f1:6.3f}"
        lines.append(f"{_wide(names[kind], 12)} {it.count:4} {figures}")
    lines.append(f"{title}对 {share_right(pairs):.3f}")
    return lines


def _confusion_table(pairs: Sequence[tuple[Label, Label]]) -> list[str]:
    counts = Counter(pairs)
    kinds = list(scores(pairs))
    lines = [" " * 6 + "".join(_wide(LABEL_NAMES[kind], 6) for kind in kinds)]
    for a in kinds:
        cells = "".join(f"{counts[a, b] or '·':<6}" for b in kinds)
        lines.append(f"{_wide(LABEL_NAMES[a], 6)}{cells}".rstrip())
    return lines


def _fate_table(results: Sequence[Result]) -> list[str]:
    asked = [it for it in results if _is_question(it)]
    if not asked:
        return []
    said, called = fates(results, addressed=False), fates(results, addressed=True)
    lines = [f"提问 {len(asked)} 条的去向   照原样   点名问"]
    lines += [f"  {_wide(name, 16)} {said[name]:6} {called[name]:8}" for name in FATES]
    answered = [it for it in asked if it.case.entry and it.addressed is Action.ANSWER]
    if answered:
        right = sum(it.addressed_entry == it.case.entry for it in answered)
        lines.append(f"  点名问、文件里有标准条目的：答对 {right}，答错 {len(answered) - right}")
    return lines


def _calibration_table(title: str, bins: Sequence[Bin]) -> list[str]:
    if not bins:
        return []
    cells = "  ".join(f"{it.sure:.2f}→{it.right:.2f}({it.count})" for it in bins)
    return [f"{title}：自称的把握→实际对的（条数）  {cells}  平均差 {calibration_error(bins):.3f}"]


def _wide(text: str, width: int) -> str:
    """Padded to `width` columns of a terminal, where a Chinese character takes two."""
    columns = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return text + " " * max(0, width - columns)


# -- kept and compared ----------------------------------------------------------------------------


def save(path: Path, results: Sequence[Result]) -> None:
    """Keep a run, so that a later one can be compared with it."""
    rows = [_kept(it) for it in results]
    path.write_text(json.dumps({"rows": rows}, ensure_ascii=False, indent=1), encoding="utf-8")


def _kept(result: Result) -> dict[str, Any]:
    return {
        "text": result.case.text,
        "label": result.seen.label,
        "topic": result.seen.topic,
        "action": result.action,
        "addressed": result.addressed,
        "entry": result.addressed_entry,
    }


def changes(path: Path, results: Sequence[Result]) -> list[str]:
    """
    What is different from a saved run, a line a message.

    Raises:
        TableError: the file is not a saved run.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        before = {row["text"]: row for row in rows}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise TableError([f"{path} 不是 --save 存下的结果"]) from error
    lines: list[str] = []
    for result in results:
        old, new = before.pop(result.case.text, None), _kept(result)
        if old is None:
            lines.append(f"新增 {_short(result.case.text)}")
        elif differing := [key for key in new if key != "text" and new[key] != old.get(key)]:
            parts = (f"{_KEYS[key]} {_word(old.get(key))} → {_word(new[key])}" for key in differing)
            lines.append(f"{_verdict(result, old)}{_short(result.case.text)}：{'，'.join(parts)}")
    lines += [f"没有了 {_short(text)}" for text in before]
    return [f"和 {path.name} 比，{len(lines)} 条不同", *(f"  {line}" for line in lines)]


_KEYS = {"label": "类型", "topic": "主题", "action": "处理", "addressed": "点名时", "entry": "条目"}
_ACTIONS = {
    Action.ANSWER: "答",
    Action.ASK_BACK: "问回去",
    Action.HAND_OFF: "转老师",
    Action.WATCH: "记着",
    Action.COMPLAINT: "收投诉",
    Action.DISTRESS: "关怀",
    Action.PRIVACY: "提醒隐私",
    Action.REFUSE: "拒绝",
    Action.SILENCE: "不作声",
}
_WORDS: dict[str, str] = {
    str(key): word for names in (_ACTIONS, TOPIC_NAMES, LABEL_NAMES) for key, word in names.items()
}


def _word(value: object) -> str:
    return "无" if value is None else _WORDS.get(str(value), str(value))


def _verdict(result: Result, old: Mapping[str, Any]) -> str:
    """Better or worse, where the file tells what is right."""
    case = result.case
    new_right = _is_right(case, result.seen.label, result.seen.topic, result.addressed_entry)
    old_right = _is_right(case, old.get("label"), old.get("topic"), old.get("entry"))
    if new_right == old_right:
        return ""
    return "变好 " if new_right else "变坏 "


def _is_right(case: Case, label: object, topic: object, entry: object) -> bool:
    wanted = ((case.label, label), (case.topic, topic), (case.entry, entry))
    return all(right is None or right == found for right, found in wanted)


def _short(text: str, most: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + "……"
