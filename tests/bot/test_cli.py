"""The command line: what is wrong is said in Chinese with its cure, and nothing is half done."""

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result
from filelock import FileLock
from typer.testing import CliRunner

from bot.cli import app
from storage.database import Database
from storage.interactions import Kind, Record
from storage.lines import Login
from storage.questions import SolvedBy
from storage.vocabulary import SHANGHAI, Action, Platform, Topic

ROOT = Path(__file__).parents[2]
PASSWORD = "correct-horse-battery"
CLASSES = (
    "班级,平台,机器人账号,群号,助学教师,助学教师账号,办学单位\n"
    "计算机2301,QQ,3889000001,600000000,王敏,10001,市开大\n"
    "会计2302,QQ,3889000001,600000001,王敏,10001,市开大\n"
)
KEYS = {"text", "label", "topic", "action", "entry", "confidence", "reply"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a table of classes in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "班级.csv").write_text(CLASSES, encoding="utf-8")
    return tmp_path


def call(*arguments: str, **environment: str) -> Result:
    """`python -m bot …` within this process."""
    return CliRunner().invoke(app, list(arguments), env=environment)


def start(*arguments: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """`python -m bot …` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> tuple[int, str, str]:
    """Its exit code and what it printed."""
    out, err = process.communicate(stdin, timeout=60)
    return process.returncode, out.decode(), err.decode()


def wait_for(word: bytes, process: subprocess.Popen[bytes]) -> None:
    """Until it has logged that."""
    assert process.stderr is not None
    assert any(word in line for line in process.stderr)


def open_database() -> Database:
    return Database("sqlite+aiosqlite:///data/zhuxue.db")


def class_names() -> set[str]:
    async def ask() -> set[str]:
        database = open_database()
        async with database.reading() as uow:
            names = await uow.imports.class_names()
        await database.close()
        return names

    return asyncio.run(ask())


# -- check and migrate ----------------------------------------------------------------------------


def test_check_says_what_is_missing_until_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    without_database = finish(start("check"))
    is_still_missing = not Path("data/zhuxue.db").exists()
    call("migrate")
    without_classes = finish(start("check"))
    call("import", "classes", "班级.csv")
    monkeypatch.setenv("ZHUXUE_ONEBOT__ACCESS_TOKEN", "a-long-token")
    ready = finish(start("check"))

    assert without_database[0] == 1
    assert "数据库还没有建立，请运行 python -m bot migrate" in without_database[1]
    assert is_still_missing
    assert "onebot.access_token：没有设置" in without_classes[1]
    assert "python -m bot import classes" in without_classes[1]
    assert ready[0] == 0
    assert "✗" not in ready[1]
    assert ready[1].splitlines()[-1] == "✓ 配置没有问题，数据库可以使用。"


def test_check_says_when_the_database_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+asyncpg://school:hidden-password@127.0.0.1:1/zhuxue"
    monkeypatch.setenv("ZHUXUE_DATABASE__URL", url)

    code, out, err = finish(start("check"))

    assert code == 1
    assert "database.url：连不上数据库" in out
    assert "hidden-password" not in out + err


def test_migrate_may_be_run_again() -> None:
    first = call("migrate")
    second = call("migrate")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "数据库已升级到" in first.stdout
    assert second.stdout == "数据库已是最新。\n"


@pytest.mark.parametrize("command", ["check", "migrate", "ledger"])
def test_a_typo_in_the_configuration_stops_everything_and_is_named(command: str) -> None:
    Path("zhuxue.toml").write_text('[bot]\nnmae = "x"\n', encoding="utf-8")

    found = call(command)

    assert found.exit_code == 1
    assert "bot.nmae：没有这个配置项，请检查拼写" in found.stderr
    assert not Path("data").exists()


def test_a_configuration_that_was_named_must_be_there() -> None:
    found = call("check", "--config", "别处.toml")

    assert found.exit_code == 1
    assert "找不到配置文件 别处.toml" in found.stderr


# -- import ---------------------------------------------------------------------------------------


def test_a_dry_run_shows_the_diff_and_changes_nothing() -> None:
    call("migrate")

    found = call("import", "classes", "班级.csv", "--dry-run")

    assert found.exit_code == 0
    assert "差异 +7 −0 ~0" in found.stdout
    assert "+ 班级 计算机2301" in found.stdout
    assert found.stdout.endswith("没有修改。\n")
    assert class_names() == set()


@pytest.mark.parametrize("options", [["--yes"], []], ids=["--yes", "without a terminal"])
def test_where_nobody_can_be_asked_the_command_is_the_decision(options: list[str]) -> None:
    call("migrate")

    found = call("import", "classes", "班级.csv", *options)
    again = call("import", "classes", "班级.csv", *options)

    assert found.stdout.endswith("已导入：+7 −0 ~0\n")
    assert again.stdout == "和数据库一致，没有要改的。\n"
    assert class_names() == {"计算机2301", "会计2302"}


@pytest.mark.parametrize(("answer", "is_done"), [("n", False), ("y", True)])
def test_at_a_terminal_the_diff_is_agreed_to_first(answer: str, *, is_done: bool) -> None:
    call("migrate")
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())

    code, out, err = finish(start("import", "classes", "班级.csv", stdin=theirs))
    os.close(ours)
    os.close(theirs)

    assert code == 0, err
    assert "照此修改吗" in out
    assert class_names() == ({"计算机2301", "会计2302"} if is_done else set())


def test_a_broken_table_is_told_row_by_row_and_nothing_goes_in() -> None:
    call("migrate")
    Path("坏.csv").write_text(CLASSES + "乙,钉钉,1,2,王敏,3,\n,QQ,1,3,王敏,3,\n", encoding="utf-8")

    found = call("import", "classes", "坏.csv", "--yes")

    assert found.exit_code == 1
    assert "坏.csv 有 2 处问题，一行也没有导入：" in found.stderr
    assert "第 4 行「平台」" in found.stderr
    assert "第 5 行「班级」" in found.stderr
    assert class_names() == set()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["import", "classes", "没有.csv"], 1, "找不到文件 没有.csv"),
        (["import", "lessons", "班级.csv"], 2, "lessons"),
    ],
)
def test_what_cannot_be_imported_is_told(arguments: list[str], code: int, words: str) -> None:
    call("migrate")

    found = call(*arguments)

    assert found.exit_code == code
    assert words in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [["import", "classes", "班级.csv", "--yes"], ["ledger"], ["add-supervisor", "sun"]],
    ids=["import", "ledger", "add-supervisor"],
)
def test_without_a_migrated_database_the_cure_is_named(arguments: list[str]) -> None:
    found = call(*arguments, ZHUXUE_PASSWORD=PASSWORD)

    assert found.exit_code == 1
    assert "请先运行 python -m bot migrate" in found.stderr


# -- ledger ---------------------------------------------------------------------------------------


def test_an_empty_ledger_says_so() -> None:
    call("migrate")

    for_people, for_programs = call("ledger"), call("ledger", "--jsonl")

    assert (for_people.exit_code, for_people.stdout) == (0, "共 0 条\n")
    assert (for_programs.exit_code, for_programs.stdout) == (0, "")


def test_the_ledger_is_printed_for_people_and_for_programs() -> None:
    call("migrate")
    call("import", "classes", "班级.csv")
    asyncio.run(_record(datetime(2026, 12, 1, 23, 30, tzinfo=SHANGHAI)))

    for_people = call("ledger", "--class", "计算机2301")
    for_programs = call("ledger", "--jsonl", "--from", "2026-12-01", "--to", "2026-12-01")
    other_class = call("ledger", "--class", "会计2302")
    other_day = call("ledger", "--from", "2026-12-02")

    assert for_people.stdout == (
        "2026-12-01 23:30:00 计算机2301 20001 咨询·缴费 第十六条 机器人已答 首次答复 2 分钟\n"
        "共 1 条\n"
    )
    (line,) = for_programs.stdout.splitlines()
    row = json.loads(line)
    assert (row["class"], row["kind"], row["solved_by"]) == ("计算机2301", "question", "bot")
    assert (row["at"], row["message_id"]) == ("2026-12-01T23:30:00+08:00", "1001")
    assert other_class.stdout == "共 0 条\n"
    assert other_day.stdout == "共 0 条\n"


async def _record(at: datetime) -> None:
    database = open_database()
    record = Record(
        Kind.QUESTION,
        Action.ANSWER,
        Topic.FEES,
        "第十六条",
        solved_by=SolvedBy.BOT,
        first_reply_seconds=150.0,
    )
    async with database.unit_of_work() as uow:
        room = await uow.people.class_named("计算机2301", at)
        assert room is not None
        uow.interactions.add(
            record,
            key="event:1",
            at=at,
            class_id=room.id,
            tutor_id=None,
            person_id=None,
            platform=Platform.QQ,
            speaker_id="20001",
            event_id=1,
            message_id="1001",
        )
    await database.close()


# -- add-supervisor -------------------------------------------------------------------------------


def test_a_supervisor_is_added_and_given_a_new_password() -> None:
    call("migrate")

    first = call("add-supervisor", "sun", "--name", "孙督导", ZHUXUE_PASSWORD=PASSWORD)
    second = call("add-supervisor", "sun", ZHUXUE_PASSWORD=PASSWORD + "!")

    assert (first.exit_code, first.stdout) == (0, "已添加 sun。\n")
    assert (second.exit_code, second.stdout) == (0, "sun 已换密码，原有登录全部失效。\n")


def test_a_short_password_is_refused() -> None:
    call("migrate")

    found = call("add-supervisor", "sun", ZHUXUE_PASSWORD="short")

    assert found.exit_code == 1
    assert "密码至少 10 个字符。" in found.stderr


def test_a_password_is_typed_twice_and_never_shown() -> None:
    call("migrate")

    found = CliRunner().invoke(app, ["add-supervisor", "sun"], input=f"{PASSWORD}\n{PASSWORD}\n")

    assert found.exit_code == 0
    assert "已添加 sun。" in found.stdout
    assert PASSWORD not in found.output


def test_a_supervisor_needs_a_unit_that_exists() -> None:
    call("migrate")
    call("import", "classes", "班级.csv")

    known = call("add-supervisor", "sun", "--unit", "市开大", ZHUXUE_PASSWORD=PASSWORD)
    unknown = call("add-supervisor", "qian", "--unit", "县开大", ZHUXUE_PASSWORD=PASSWORD)

    assert known.exit_code == 0
    assert unknown.exit_code == 1
    assert "没有办学单位「县开大」" in unknown.stderr


# -- ask ------------------------------------------------------------------------------------------


def test_ask_says_what_the_bot_would_do_and_does_nothing() -> None:
    process = start("ask", "考试报名什么时候开始？", "--mention")

    code, out, err = finish(process)

    assert code == 0, err
    found = json.loads(out)
    assert set(found) == KEYS
    assert (found["label"], found["topic"]) == ("question", "exam_registration")
    assert (found["action"], found["entry"]) == ("hand_off", "exam_registration.when")
    assert "学校还没有公布" in found["reply"]
    assert not Path("data/zhuxue.db").exists()


def test_ask_fills_answers_from_the_calendar_and_reads_jsonl_line_by_line() -> None:
    call("migrate")
    Path("校历.csv").write_text(
        "事项,开始,截止\n考试报名,2026-12-05 09:00,2026-12-12 17:00\n", encoding="utf-8"
    )
    call("import", "calendar", "校历.csv")
    lines = [
        json.dumps({"text": "考试报名什么时候开始？", "mentions_bot": True}).encode(),
        b"not json",
        b"",
        b'{"mentions_bot": true}',
        b'{"text": 5}',
        b'["text"]',
        b'{"text": "\xff\xfe"}',
        b"[" * 100_000,
        b'{"text": "\\ud83d \\u0000"}',
        json.dumps({"text": "哈哈哈今晚吃啥"}, ensure_ascii=False).encode(),
    ]

    code, out, err = finish(start("ask", "--jsonl"), b"\n".join(lines))

    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == 9
    assert "12月5日 09:00 至" in found[0]["reply"]
    assert found[1:7] == [{"error": f"line {number}"} for number in (2, 4, 5, 6, 7, 8)]
    assert set(found[7]) == KEYS
    assert (found[8]["action"], found[8]["reply"]) == ("silence", "")
    assert "第 2 行" in err


# -- run ------------------------------------------------------------------------------------------


def test_run_refuses_to_start_where_it_could_do_harm() -> None:
    """X9"""
    Path("zhuxue.toml").write_text("[web]\nport = 0\n", encoding="utf-8")
    Path("typo.toml").write_text("[oneboot]\n", encoding="utf-8")
    Path("open.toml").write_text('[web]\nhost = "0.0.0.0"\n', encoding="utf-8")
    Path("empty.toml").write_text(
        '[database]\nurl = "sqlite+aiosqlite:///empty.db"\n', encoding="utf-8"
    )
    call("migrate")
    first = start("run")
    wait_for(b"app.started", first)

    started = [
        start("run", *options)
        for options in (["-c", "typo.toml"], ["-c", "open.toml"], ["-c", "empty.toml"], [])
    ]
    typo, exposed, unmigrated, second = [finish(process) for process in started]
    first.send_signal(signal.SIGTERM)
    first_code, _, first_err = finish(first)

    assert [result[0] for result in (typo, exposed, unmigrated, second)] == [1, 1, 1, 1]
    assert "oneboot：没有这个配置项" in typo[2]
    assert "还没有任何督导账号" in exposed[2]
    assert "请先运行 python -m bot migrate" in unmigrated[2]
    assert "正被另一个助学程序使用" in second[2]
    assert (first_code, "app.stopped" in first_err) == (0, True)
    everything = "".join(result[2] for result in (typo, exposed, unmigrated, second))
    assert "Traceback" not in everything + first_err


def test_a_stop_that_comes_as_soon_as_it_runs_is_an_orderly_one() -> None:
    Path("zhuxue.toml").write_text("[web]\nport = 0\n", encoding="utf-8")
    call("migrate")
    process = start("run")
    wait_for(b"app.started", process)

    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)

    assert (code, "app.stopped" in err) == (0, True)
    with FileLock("data/zhuxue.db.lock", blocking=False):
        assert class_names() == set()


def test_status_says_what_is_connected_and_shows_the_code_to_scan(folder: Path) -> None:
    environment = {"ZHUXUE_DATABASE__URL": "sqlite+aiosqlite:///data/zhuxue.db"}
    assert "migrate" in call("status", **environment).stderr
    call("migrate", **environment)
    empty = call("status", **environment)

    async def happen() -> None:
        database = Database("sqlite+aiosqlite:///data/zhuxue.db")
        now = datetime.now(SHANGHAI)
        async with database.unit_of_work() as uow:
            await uow.lines.came(Platform.QQ, "3889000001", now)
            await uow.lines.put_login(Login(Platform.WECHAT, "scan", now, code="weixin://x"))
        await database.close()

    asyncio.run(happen())
    found = call("status", **environment)

    assert (empty.exit_code, found.exit_code) == (1, 1)
    assert "还没有任何账号连上来过" in empty.stdout
    assert "✓ QQ 3889000001：在线" in found.stdout
    assert "✗ 微信：等扫码登录" in found.stdout
    assert "█" in found.stdout
    assert "weixin://x" not in found.stdout


def test_the_audit_list_is_verified_and_a_changed_line_named(folder: Path) -> None:
    call("migrate")
    call("import", "classes", "班级.csv", "--yes")

    good = call("audit", "verify")
    head = next(line for line in good.output.splitlines() if "指纹" in line).split("：")[1]
    again = call("audit", "verify", "--expect", head)
    other = call("audit", "verify", "--expect", "f" * 64)
    with sqlite3.connect(folder / "data" / "zhuxue.db") as database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute("UPDATE audit SET actor = 'nobody'")
    bad = call("audit", "verify")

    assert good.exit_code == again.exit_code == 0
    assert other.exit_code == 1
    assert "不在链上" in other.output
    assert bad.exit_code == 1
    assert "被改过" in bad.output
