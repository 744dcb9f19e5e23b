"""`evaluate`: figures that agree with a hand count, and a gate that can fail."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result as Outcome
from openpyxl import Workbook
from typer.testing import CliRunner

from bot import drawing
from bot.asking import Asker
from bot.cli import app
from bot.evaluating import Case, changes, read_cases, report, run_cases, save, targets
from bot.knowledge import base_entries
from handlers.faq import Knowledge
from handlers.imports import TableError
from handlers.settings import BotSettings
from storage.vocabulary import SHANGHAI, Action, Label, Topic

NOW = datetime(2026, 12, 1, 10, tzinfo=SHANGHAI)
LINES = [
    {"text": "忘记密码了怎么登录", "label": "question", "topic": "platform_login"},
    {"text": "今天真冷啊哈哈", "label": "chitchat", "topic": "none"},
    {"text": "收到", "label": "ack", "topic": "none"},
    {"text": "我不想活了", "label": "distress", "topic": "none"},
    {"text": "/清空台账", "label": "command_forgery", "topic": "none"},
    {"text": "那几号呢", "label": "question", "topic": "degree", "previous": "degree"},
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, without the encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHUXUE_BOT__ENCODER", "false")
    return tmp_path


@pytest.fixture(scope="module")
def asker() -> Asker:
    return Asker(Knowledge(base_entries()), {}, BotSettings(encoder=False), NOW)


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def call(*arguments: object) -> Outcome:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_it_counts_as_a_person_would(asker):
    cases = [
        Case("忘记密码了怎么登录", Label.QUESTION, Topic.PLATFORM_LOGIN),
        # Labelled wrongly on purpose: the gate is right, so this must be counted as a miss.
        Case("今天真冷啊哈哈", Label.QUESTION, Topic.OTHER),
        Case("收到", Label.ACK, Topic.NONE),
    ]

    found = {it.name: it for it in targets(run_cases(asker, cases))}

    assert found["提问注意到"].reached == 0.5
    assert not found["提问注意到"].is_met
    assert found["主题"].reached == 0.5
    assert found["闲聊回执通知广告被搭理"].reached == 0


def test_it_decides_as_the_bot_does(asker):
    results = run_cases(asker, [Case("忘记密码了怎么登录", entry="x"), Case("收到")])

    said = [asker.ask(it.case.text, mentions_bot=False) for it in results]
    assert [it.action for it in results] == [it["action"] for it in said]
    assert results[1].action is Action.SILENCE


def test_answers_are_held_against_the_entry_named(asker):
    right = asker.ask("考试作弊会怎么处理", mentions_bot=True)
    assert right["action"] is Action.ANSWER
    cases = [
        Case(right["text"], entry=right["entry"], should_answer=True),
        Case(right["text"], entry="another", should_answer=True),
        Case(right["text"], should_answer=False),
    ]

    found = {it.name: it.reached for it in targets(run_cases(asker, cases))}

    assert found["知识里有的答了多少"] == 1
    assert found["答了的里头答对的"] == 0.5
    assert found["知识里没有的也答了"] == 1


def test_the_report_names_what_was_taken_for_what(asker):
    results = run_cases(asker, [Case("收到", Label.CHITCHAT, Topic.NONE)])

    text = "\n".join(report("x", results))

    assert "闲聊            1  1.000  0.000  0.000" in text
    assert "类型对 0.000" in text


def test_what_changed_is_told_message_by_message(asker, tmp_path):
    kept = tmp_path / "base.json"
    before = run_cases(asker, [Case("收到", Label.ACK, Topic.NONE), Case("哈哈", Label.CHITCHAT)])
    save(kept, before)
    old = json.loads(kept.read_text("utf-8"))
    old["rows"][0]["label"] = "question"
    kept.write_text(json.dumps(old), "utf-8")

    found = changes(kept, [before[0], *run_cases(asker, [Case("考试", Label.QUESTION)])])

    assert found == [
        "和 base.json 比，3 条不同",
        "  变好 收到：类型 提问 → 回执",
        "  新增 考试",
        "  没有了 哈哈",
    ]


def test_a_workbook_with_chinese_columns_is_the_same(tmp_path):
    book = Workbook()
    book.active.append(["消息", "正确类型", "正确主题", "正确条目", "该不该答", "上一个主题"])
    book.active.append(["在哪交", "提问", "缴费", "fees.where", "是", "学位"])
    book.active.append(["收到", "回执", None, None, None, None])
    book.save(tmp_path / "a.xlsx")

    assert read_cases(tmp_path / "a.xlsx") == [
        Case("在哪交", Label.QUESTION, Topic.FEES, Topic.DEGREE, "fees.where", True),
        Case("收到", Label.ACK),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "第 1 行不是一个 JSON 对象"),
        ("[1]", "第 1 行不是一个 JSON 对象"),
        ('{"label": "ack"}', "第 1 行：没有 text（消息）"),
        ('{"text": "a", "label": "doubt"}', "第 1 行：没有「doubt」这个类型"),
        ('\n{"text": "a", "topic": "天气"}', "第 2 行：没有「天气」这个主题"),
        ('{"text": "a", "should_answer": "也许"}', "第 1 行：「也许」应为 是 或 否"),
        ("", "x.jsonl 里没有消息"),
    ],
)
def test_a_broken_row_is_named(tmp_path, content, problem):
    (tmp_path / "x.jsonl").write_text(content, "utf-8")

    with pytest.raises(TableError) as error:
        read_cases(tmp_path / "x.jsonl")
    assert error.value.problems[0].startswith(problem)


def test_the_command_prints_draws_keeps_and_compares(tmp_path):
    file = write(tmp_path / "a.jsonl", LINES)

    first = call("evaluate", file, "--save", "run.json", "--picture", "run.png", "--gate")
    again = call("evaluate", file, "--compare", "run.json")

    assert first.exit_code == 0, first.output
    assert "类型对 1.000" in first.stdout
    assert (tmp_path / "run.png").read_bytes()[:4] == b"\x89PNG"
    assert "和 run.json 比，0 条不同" in again.stdout


def test_a_missed_target_closes_the_gate(tmp_path):
    file = write(tmp_path / "a.jsonl", [{"text": "收到", "label": "question", "topic": "fees"}])

    assert call("evaluate", file).exit_code == 0
    assert call("evaluate", file, "--gate").exit_code == 1


def test_without_anything_to_draw_with_the_figures_are_printed(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "can_draw", lambda: False)
    file = write(tmp_path / "a.jsonl", LINES)

    outcome = call("evaluate", file, "--picture", "a.png")

    assert outcome.exit_code == 0
    assert "类型对" in outcome.stdout
    assert "requirements-dev.lock" in outcome.stdout
    assert not (tmp_path / "a.png").exists()


def test_a_file_that_is_not_there_is_told(tmp_path):
    outcome = call("evaluate", tmp_path / "none.jsonl")

    assert outcome.exit_code == 1
    assert "找不到文件" in outcome.stderr


def test_odd_messages_are_judged_too(asker):
    odd = ["", " ", "考" * 5000, "\u200b\u202e", "😂👍🏽", "[CQ:at,qq=all]", "a\0b", "\ud800"]

    results = run_cases(asker, [Case(text, Label.CHITCHAT, Topic.NONE) for text in odd])

    assert report("x", results)
