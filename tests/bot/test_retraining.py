"""The gate learns from what a teacher has reviewed, and is not replaced by a worse one."""

import asyncio
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from click.testing import Result as Outcome
from openpyxl import load_workbook
from structlog.testing import capture_logs
from typer.testing import CliRunner

from bot import retraining
from bot.cli import app
from bot.retraining import (
    HEADER,
    Trained,
    own_model_file,
    reviewed,
    sample_rows,
    use_own_model,
    worse,
    write_sample,
)
from bot.settings import Settings
from bot.tables import read_table, write_table
from handlers.imports import Table, TableError
from handlers.understanding import understand
from handlers.understanding.examples import Example, taught
from handlers.understanding.gate import use_model
from handlers.understanding.scoring import Target
from storage.database import Database
from storage.vocabulary import (
    SHANGHAI,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)

NOW = datetime(2026, 12, 1, 10, tzinfo=SHANGHAI)
SHIPPED = resources.files("handlers.understanding").joinpath("model.json").read_text("utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty working directory; afterwards the model of the package again."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    use_model(None)


def message(text: str, kind: ConversationKind = ConversationKind.GROUP) -> Message:
    place = Conversation(Platform.QQ, "1", kind, "600000000")
    return Message(place, "10002", "小李", text, text, NOW)


def table(*rows: tuple[str, ...]) -> Table:
    return Table(HEADER, tuple(enumerate(rows, 2)))


def call(*arguments: object) -> Outcome:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_is_sealed_or_private_leaves_by_no_sheet():
    stored = [
        (NOW, message("准考证在哪打")),
        (NOW, message("我不想活了")),
        (NOW, message("老师一个月不回消息 我要投诉")),
        (NOW, message("打我电话16100001111")),
        (NOW, message("学费多少", ConversationKind.PRIVATE)),
        (NOW, message("准考证在哪打")),
    ]

    rows = sample_rows(stored, limit=10, with_complaints=False)

    assert [row[1] for row in rows] == ["准考证在哪打"]
    assert rows[0][2:5] == ("提问", rows[0][3], "准考证")
    assert rows[0][5:] == ("", "")


def test_a_supervisor_may_review_complaints_too():
    stored = [(NOW, message("老师一个月不回消息 我要投诉")), (NOW, message("我不想活了"))]

    assert len(sample_rows(stored, limit=10, with_complaints=True)) == 1


def test_the_least_sure_come_first_and_no_more_than_asked_for():
    texts = ["收到", "这个", "准考证在哪打", "嗯那个啥来着"]
    stored = [(NOW - timedelta(minutes=i), message(text)) for i, text in enumerate(texts)]

    rows = sample_rows(stored, limit=3, with_complaints=False)

    assert len(rows) == 3
    assert [row[3] for row in rows] == sorted(row[3] for row in rows)


def test_a_sheet_comes_back_as_it_was_filled_in(tmp_path):
    file = tmp_path / "台账样本.xlsx"
    write_sample(file, sample_rows([(NOW, message("在哪领"))], limit=1, with_complaints=False))
    book = load_workbook(file)
    assert len(book["样本"].data_validations.dataValidation) == 2
    book["样本"]["F2"], book["样本"]["G2"] = "提问", "教材"
    book.save(file)

    assert reviewed(read_table(file)) == [Example("在哪领", Label.QUESTION, Topic.TEXTBOOK)]


def test_what_was_not_reviewed_is_not_learnt():
    rows = reviewed(
        table(
            ("", "甲", "闲聊", "0.5", "—", "", ""),
            ("", "乙", "提问", "0.5", "缴费", "", "教材"),
            ("", "丙", "提问", "0.5", "缴费", "回执", ""),
            ("", "丁", "投诉", "0.5", "缴费", "提问", ""),
        )
    )

    assert rows == [
        Example("乙", Label.QUESTION, Topic.TEXTBOOK),
        Example("丙", Label.ACK, Topic.NONE),
        Example("丁", Label.QUESTION, Topic.FEES),
    ]


def test_every_wrong_row_is_named():
    with pytest.raises(TableError) as error:
        reviewed(
            table(
                ("", "甲", "闲聊", "0.5", "—", "疑问", ""),
                ("", "乙", "闲聊", "0.5", "—", "提问", ""),
            )
        )

    assert [problem[:5] for problem in error.value.problems] == ["第 2 行", "第 3 行"]


def test_another_table_is_refused():
    with pytest.raises(TableError, match="正确类型"):
        reviewed(Table(("消息",), ()))


def test_retraining_learns_the_words_of_the_school(tmp_path, monkeypatch):
    """On an eighth of the messages: the whole takes minutes."""
    monkeypatch.setattr(retraining, "taught", lambda: taught()[::8])
    rows = [
        ("", f"{start}蓝鲸系统{end}", "闲聊", "0.5", "—", "提问", "图像采集")
        for start in ("", "那个", "老师 ", "咱们")
        for end in ("抽风了", "进去是灰的", "点了没动静", "黑屏", "卡住了", "不认我")
    ]
    write_table(tmp_path / "a.xlsx", {"样本": [HEADER, *rows]})

    outcome = call("retrain", "a.xlsx", "--force")
    use_own_model(Settings())

    assert outcome.exit_code == 0, outcome.output
    assert "老师核对过 24 条" in outcome.stdout
    assert "其中本校的" in outcome.stdout
    found = understand("蓝鲸系统又卡了")
    assert (found.label, found.topic) == (Label.QUESTION, Topic.PHOTO)


def test_a_worse_model_replaces_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(retraining, "train_with", lambda own: Trained("{}", (), ("投诉 F1",)))
    write_table(tmp_path / "a.csv", {"": [HEADER, ("", "在吗", "闲聊", "0", "—", "闲聊", "")]})

    outcome = call("retrain", "a.csv")

    assert outcome.exit_code == 1
    assert "投诉 F1变差了" in outcome.stderr
    assert not own_model_file(Settings()).exists()


def test_a_target_that_is_lost_or_falls_makes_a_model_worse():
    old = [Target("甲", 0.9, 0.92, 100), Target("乙", 0.9, 0.97, 100), Target("丙", 0.9, 0.95, 100)]
    new = [Target("甲", 0.9, 0.895, 100), Target("乙", 0.9, 0.95, 100), Target("丙", 0.9, 0.945, 1)]

    assert worse(old, new) == ["甲", "乙"]


def test_the_own_model_lies_beside_the_database(monkeypatch):
    assert own_model_file(Settings()) == Path("data/zhuxue.db.gate.json")

    monkeypatch.setenv("ZHUXUE_DATABASE__URL", "postgresql+asyncpg://a:b@c/d")
    assert own_model_file(Settings()) == Path("data/gate.json")

    monkeypatch.setenv("ZHUXUE_BOT__GATE_MODEL", "x/y.json")
    assert own_model_file(Settings()) == Path("x/y.json")


def test_the_own_model_is_used(tmp_path):
    own = SHIPPED.replace('"ack","', '"§","').replace('"chitchat","', '"ack","')
    own = own.replace('"§","', '"chitchat","')
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "zhuxue.db.gate.json").write_text(own, "utf-8")
    assert understand("收到").label is Label.ACK

    use_own_model(Settings())

    assert understand("收到").label is Label.CHITCHAT


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", SHIPPED[:5000], SHIPPED.replace('"features":', '"features":9')],
)
def test_a_broken_model_is_said_once_and_left_alone(tmp_path, content):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "zhuxue.db.gate.json").write_text(content, "utf-8")

    with capture_logs() as logs:
        use_own_model(Settings())

    assert [line["event"] for line in logs] == ["gate.own_model_unusable"]
    assert understand("收到").label is Label.ACK


def test_export_and_retrain_from_the_shell(tmp_path):
    assert call("migrate").exit_code == 0
    assert "没有可以导出" in call("review", "export", "a.xlsx").stderr

    async def store() -> None:
        database = Database("sqlite+aiosqlite:///data/zhuxue.db")
        async with database.unit_of_work() as uow:
            await uow.inbox.store([message("准考证在哪打"), message("收到")], now=NOW)
        await database.close()

    asyncio.run(store())

    exported = call("review", "export", "a.xlsx")
    nothing = call("retrain", "a.xlsx")

    assert exported.exit_code == 0, exported.output
    assert "已导出 2 条" in exported.stdout
    assert nothing.exit_code == 1
    assert "没有可学的" in nothing.stderr


def test_without_what_training_needs_it_says_so(monkeypatch):
    monkeypatch.setattr(retraining, "_NEEDED", ("no_such_module",))

    outcome = call("retrain", "a.xlsx")

    assert outcome.exit_code == 1
    assert "requirements-dev.lock" in outcome.stderr
