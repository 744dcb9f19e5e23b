"""How well and how fast a sentence becomes a reminder: the figures of `docs/reminders.md`.

`python -m benchmarks.sentences` measures our grammar on `tests/handlers/sentences.csv`, and
`jionlp` and `dateparser` where they are installed. What is compared is the first date only: the
libraries know of no audience, no words to say and no question to ask back.
"""

import csv
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, files, requires, version
from importlib.util import find_spec
from pathlib import Path
from re import match
from time import perf_counter

from handlers.sentences import Plan, Unsure, read
from handlers.settings import WorkingTimeSettings
from handlers.working_time import WorkingTime
from storage.published import CalendarDate
from storage.vocabulary import SHANGHAI

SENTENCES = Path(__file__).parent.parent / "tests" / "handlers" / "sentences.csv"
ROUNDS = 3
#: Gives the first date it finds in a sentence, none if it finds none.
Reader = Callable[[str, datetime, bool], datetime | None]


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence, when it is said, and its first date if it has one for certain."""

    group: str
    now: datetime
    is_student: bool
    sentence: str
    first: datetime | None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def rows() -> list[Row]:
    """The golden set, in its order."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                row["组"],
                _at(row["现在"]),
                row["谁说的"] == "学生",
                row["句子"],
                None if row["时间"] in ("unsure", "refused") else _at(row["时间"].split()[0]),
            )
            for row in csv.DictReader(file)
        ]


DATES = {
    matter: CalendarDate(matter, _at(start) if start else None, _at(end) if end else None)
    for matter, start, end in (
        ("期末考试", "2026-12-19 09:00", "2026-12-20 17:00"),
        ("考试报名", "2026-12-01 09:00", "2026-12-10 17:00"),
        ("缴费", "2026-11-25 00:00", "2026-12-15 23:59"),
        ("形考", "", "2026-12-31 23:59"),
        ("论文答辩", "2026-12-12 14:00", ""),
        ("图像采集", "2026-11-28 09:00", "2026-11-28 16:00"),
        ("课程注册", "2027-03-01 09:00", "2027-03-15 17:00"),
    )
}


def _ours() -> Reader:
    calendar = WorkingTime(WorkingTimeSettings())

    def first(sentence: str, now: datetime, is_student: bool) -> datetime | None:
        plan = read(sentence, now, DATES, calendar, is_student=is_student)
        return next(plan.occurrences(now, calendar), None) if isinstance(plan, Plan) else None

    return first


def _jionlp() -> Reader:
    from jionlp import ner

    def first(sentence: str, now: datetime, is_student: bool) -> datetime | None:
        try:
            found = ner.extract_time(sentence, time_base=now.timestamp())
        except Exception:  # noqa: BLE001, RUF100 - it raises whatever it trips over
            return None
        for each in found or ():
            said = each["detail"]["time"]
            if isinstance(said, dict):
                said = (said.get("point") or {}).get("time")
            if said and match(r"\d{4}-\d\d-\d\d ", str(said[0])):
                return _at(said[0])
        return None

    return first


def _dateparser() -> Reader:
    from dateparser.search import search_dates

    def first(sentence: str, now: datetime, is_student: bool) -> datetime | None:
        options = {"RELATIVE_BASE": now.replace(tzinfo=None), "PREFER_DATES_FROM": "future"}
        found = search_dates(sentence, languages=["zh"], settings=options)
        return found[0][1].replace(tzinfo=SHANGHAI) if found else None

    return first


def _megabytes(package: str) -> float:
    """What it and everything it needs take on disk."""
    seen: set[str] = set()
    wanted = [package]
    size = 0
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            size += sum(
                path.locate().stat().st_size
                for path in files(name) or ()
                if path.locate().is_file()
            )
        except PackageNotFoundError:
            continue
        for line in requires(name) or ():
            found = match(r"[\w.-]+", line)
            if found and "extra ==" not in line:
                wanted.append(found[0])
    return size / 1e6


def _measure(name: str, package: str, reader: Reader, sentences: list[Row]) -> str:
    counts: Counter[str] = Counter()
    reader(sentences[0].sentence, sentences[0].now, False)
    began = perf_counter()
    for _ in range(ROUNDS):
        answers = [reader(row.sentence, row.now, row.is_student) for row in sentences]
    spent = (perf_counter() - began) / ROUNDS / len(sentences)
    for row, got in zip(sentences, answers, strict=True):
        if row.first is None:
            counts["guessed" if got else "left"] += 1
        else:
            counts["right" if got == row.first else "wrong" if got else "silent"] += 1
    dated = counts["right"] + counts["wrong"] + counts["silent"]
    share = f"{counts['right']}/{dated}（{counts['right'] / dated:.0%}）"
    guessed = f"{counts['guessed']}/{counts['guessed'] + counts['left']}"
    cells = [name, share, counts["wrong"], counts["silent"], guessed, f"{spent * 1e3:.2f}"]
    return f"| {' | '.join(map(str, cells))} | {_megabytes(package):.1f} |"


def main() -> None:
    """Print the table, and what is asked and refused."""
    logging.disable()  # jionlp logs a traceback for every string it tries in vain
    sentences = rows()
    calendar = WorkingTime(WorkingTimeSettings())
    print("| 解析器 | 首个日期正确 | 日期错 | 没给日期 | 该问却给了 | 毫秒/句 | 装后 MB |")
    print("|---|---|---|---|---|---|---|")
    print(_measure("本项目（python-dateutil）", "python-dateutil", _ours(), sentences))
    for package, build in (("jionlp", _jionlp), ("dateparser", _dateparser)):
        if find_spec(package):
            name = f"{package} {version(package)}"
            print(_measure(name, package, build(), sentences))
    kinds = Counter(
        type(read(row.sentence, row.now, DATES, calendar, is_student=row.is_student)).__name__
        for row in sentences
    )
    groups = Counter(row.group for row in sentences)
    print(f"\n{len(sentences)} 句：{dict(groups)}；{dict(kinds)}（{Unsure.__name__} 是反问）")


if __name__ == "__main__":
    main()
