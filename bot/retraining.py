"""The gate learns from the school's own messages: out to a teacher, back, trained, and used.

`review export` writes a workbook of stored messages, `retrain` learns from it once a teacher has
filled it in, and what it writes is used from the next start on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import structlog
import typer

from bot.console import Config, fail, require_current, settings_of, with_database
from bot.evaluating import LABEL_NAMES, label_of, target_lines, topic_of
from bot.settings import DEFAULT_FILE, Settings
from bot.tables import read_table, write_table
from handlers.attention import understanding_of
from handlers.imports import Table, TableError
from handlers.texts import TOPIC_NAMES
from handlers.understanding import mask
from handlers.understanding.examples import Example, is_held_out, taught
from handlers.understanding.gate import TOPICAL, Model, decode_model, judge, use_model
from handlers.understanding.scoring import Target, gate_targets, judged_by
from storage.database import Database
from storage.vocabulary import ConversationKind, Label, Message, Topic

log = structlog.get_logger()

HEADER = ("时间", "消息", "机器人判的类型", "把握", "机器人判的主题", "正确类型", "正确主题")
_CHOICES_SHEET = "填法"
#: A target may fall so far by chance; further, and the model is worse.
TOLERANCE = 0.01
#: Sealed, or not for the eyes of whom it is about: they leave the program by no sheet.
_NOT_FOR_REVIEW = frozenset({Label.DISTRESS, Label.PRIVACY_LEAK})
_NEEDED = ("sklearn", "pypinyin")

review = typer.Typer(help="把存下的消息导出给老师核对，核对完用 retrain 学。", no_args_is_help=True)


@review.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx 文件")],
    config: Config = DEFAULT_FILE,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="最多多少条")] = 500,
    complaints: Annotated[
        bool, typer.Option("--complaints", help="连投诉也导出：只给督导看，不给被投诉的老师")
    ] = False,
) -> None:
    """导出群里最近存下的消息和机器人的判断，「正确类型」「正确主题」两列留给老师填。"""
    settings = settings_of(config)
    use_own_model(settings)

    async def work(database: Database) -> list[tuple[str, ...]]:
        await require_current(database)
        async with database.reading() as uow:
            stored = await uow.inbox.newest(limit * 3)
        return sample_rows(stored, limit=limit, with_complaints=complaints)

    rows = with_database(settings, work)
    if not rows:
        fail("库里还没有可以导出的群消息。")
    try:
        write_sample(file, rows)
    except (TableError, OSError) as error:
        fail(str(error))
    kept_back = "求助、隐私" if complaints else "求助、隐私、投诉"
    typer.echo(f"已导出 {len(rows)} 条到 {file}（私聊和{kept_back}不导出，号码已隐去）。")
    typer.echo("判错的填「正确类型」「正确主题」，判对的也请填上类型；不填的行不学。")
    typer.echo(f"填完运行 python -m bot retrain {file}")


def retrain(
    files: Annotated[list[Path], typer.Argument(help="老师填好的 .xlsx 或 .csv")],
    config: Config = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="有指标变差也换上")] = False,
) -> None:
    """用老师核对过的消息重新训练分类模型；先比训练前后，变差就不换。"""
    settings = settings_of(config)
    if not can_train():
        fail(
            "重新训练要用开发依赖，这台机器没有装。请在程序文件夹里运行：",
            "  python -m pip install --require-hashes -r requirements-dev.lock",
        )
    own: list[Example] = []
    for file in files:
        try:
            own += reviewed(read_table(file))
        except TableError as error:
            fail(f"{file.name} 有 {len(error.problems)} 处问题，没有训练：", *error.problems)
    if not own:
        fail("表里没有一行填了「正确类型」或「正确主题」，没有可学的。")
    typer.echo(f"老师核对过 {len(own)} 条。正在训练，要几分钟……")
    trained = train_with(own)
    for line in trained.lines:
        typer.echo(line)
    if trained.worse and not force:
        fail(
            f"没有换：{'、'.join(trained.worse)}变差了。",
            "请检查表里有没有填错；确认要换就加 --force。",
        )
    path = own_model_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(trained.model, encoding="utf-8")
    typer.echo(f"已写出本校的模型 {path}，机器人重新启动后使用。删掉这个文件就回到随程序的模型。")


# -- the model in use -----------------------------------------------------------------------------


def own_model_file(settings: Settings) -> Path:
    """Where the school's own model is, or would be."""
    if settings.bot.gate_model:
        return Path(settings.bot.gate_model)
    file = settings.database.file
    return Path(f"{file}.gate.json") if file else Path("data/gate.json")


def use_own_model(settings: Settings) -> None:
    """Judge by the school's own model; by the one in the package if it has none or a broken one."""
    path = own_model_file(settings)
    if not path.is_file():
        use_model(None)
        return
    try:
        model = decode_model(path.read_text(encoding="utf-8"))
        judge("收到", model)
    except (OSError, ValueError, IndexError) as error:
        log.warning("gate.own_model_unusable", path=str(path), error=str(error))
        use_model(None)
        return
    use_model(model)
    log.info("gate.own_model", path=str(path))


# -- the sheet ------------------------------------------------------------------------------------


def sample_rows(
    stored: Sequence[tuple[datetime, Message]], *, limit: int, with_complaints: bool
) -> list[tuple[str, ...]]:
    """Rows for `HEADER`, what the gate is least sure of first; every wording once."""
    rows: dict[str, tuple[float, tuple[str, ...]]] = {}
    hidden = _NOT_FOR_REVIEW if with_complaints else _NOT_FOR_REVIEW | {Label.COMPLAINT}
    for at, message in stored:
        text = mask(message.text.strip())
        seen = understanding_of(text)
        is_private = message.conversation.kind is not ConversationKind.GROUP
        if not text or text in rows or is_private or seen.label in hidden:
            continue
        rows[text] = (
            min(seen.confidence, seen.topic_confidence),
            (
                f"{at:%Y-%m-%d %H:%M}",
                text,
                LABEL_NAMES[seen.label],
                f"{seen.confidence:.2f}",
                TOPIC_NAMES[seen.topic],
                "",
                "",
            ),
        )
        if len(rows) == limit:
            break
    return [row for _, row in sorted(rows.values(), key=lambda pair: pair[0])]


def write_sample(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    """The workbook, with the allowed words to choose from."""
    from openpyxl import load_workbook
    from openpyxl.worksheet.datavalidation import DataValidation

    if path.suffix.lower() != ".xlsx":
        raise TableError([f"{path.name}：请写成 .xlsx 文件"])
    labels, topics = list(LABEL_NAMES.values()), list(TOPIC_NAMES.values())
    choices = [
        (labels[row] if row < len(labels) else "", topics[row] if row < len(topics) else "")
        for row in range(max(len(labels), len(topics)))
    ]
    write_table(path, {"样本": [HEADER, *rows], _CHOICES_SHEET: [("类型", "主题"), *choices]})
    book = load_workbook(path)
    sheet = book["样本"]
    for column, letter, count in (("F", "A", len(labels)), ("G", "B", len(topics))):
        allowed = f"{_CHOICES_SHEET}!${letter}$2:${letter}${count + 1}"
        validation = DataValidation(type="list", formula1=allowed, allow_blank=True)
        validation.add(f"{column}2:{column}{len(rows) + 1}")
        sheet.add_data_validation(validation)
    book.save(path)


def reviewed(table: Table) -> list[Example]:
    """
    The rows a teacher has filled in, as examples.

    Only a topic filled in leaves the label as the bot had it, only a label the topic.

    Raises:
        TableError: every row with a word that is neither, by its number.
    """
    missing = [name for name in ("消息", "正确类型", "正确主题") if name not in table.header]
    if missing:
        raise TableError([f"没有「{'」「'.join(missing)}」这一列，请用 review export 导出的表"])
    examples: list[Example] = []
    problems: list[str] = []
    for number, cells in table.rows:
        row = dict(zip(table.header, cells, strict=False))
        try:
            example = _reviewed_row(row)
        except ValueError as error:
            problems.append(f"第 {number} 行：{error}")
            continue
        if example is not None:
            examples.append(example)
    if problems:
        raise TableError(problems)
    return examples


def _reviewed_row(row: Mapping[str, object]) -> Example | None:
    text = str(row.get("消息") or "").strip()
    label, topic = label_of(row.get("正确类型")), topic_of(row.get("正确主题"))
    if not text or (label is None and topic is None):
        return None
    label = label or label_of(row.get("机器人判的类型"))
    if label is None:
        raise ValueError("没有填「正确类型」")
    if label not in TOPICAL:
        return Example(mask(text), label, Topic.NONE)
    topic = topic or topic_of(row.get("机器人判的主题"))
    if topic in (None, Topic.NONE):
        raise ValueError(f"{LABEL_NAMES[label]}要填「正确主题」，说不上是什么就填「其他」")
    return Example(mask(text), label, topic or Topic.OTHER)


# -- training -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trained:
    """A new model, how it compares in words, and which targets it does worse at."""

    model: str
    lines: tuple[str, ...]
    worse: tuple[str, ...]


def can_train() -> bool:
    """Whether what training needs is installed."""
    return all(find_spec(name) is not None for name in _NEEDED)


def train_with(own: Sequence[Example]) -> Trained:
    """
    A model of the package's messages and the school's own, which win where both have a message.

    Both ways, without and with the school's, are measured on the same messages kept back from
    learning.
    """
    # Not at the top: only who trains has what it needs.
    from handlers.understanding import train

    ours = {example.text: example for example in own}
    shipped = [it for it in taught() if it.text not in ours]
    everything = [*shipped, *ours.values()]
    held_back = [example for example in everything if is_held_out(example)]
    before = decode_model(train.train([it for it in shipped if not is_held_out(it)]))
    after = decode_model(train.train([it for it in everything if not is_held_out(it)]))
    old = gate_targets(judged_by(before, held_back))
    new = gate_targets(judged_by(after, held_back))
    lines = [f"在留出不学的 {len(held_back)} 条上", "学之前", *target_lines(old)[1:], "学之后"]
    lines += target_lines(new)[1:]
    own_held_back = [example for example in ours.values() if is_held_out(example)]
    if own_held_back:
        right = [_right(model, own_held_back) for model in (before, after)]
        lines.append(f"其中本校的 {len(own_held_back)} 条：类型判对 {right[0]} → {right[1]} 条")
    return Trained(train.train(everything), tuple(lines), tuple(worse(old, new)))


def _right(model: Model, examples: Sequence[Example]) -> int:
    return sum(it.seen.label is it.example.label for it in judged_by(model, examples))


def worse(old: Sequence[Target], new: Sequence[Target]) -> list[str]:
    """The targets that were met and no longer are, or fell by more than chance."""
    return [
        after.name
        for before, after in zip(old, new, strict=True)
        if (before.is_met and not after.is_met) or after.reached < before.reached - TOLERANCE
    ]
