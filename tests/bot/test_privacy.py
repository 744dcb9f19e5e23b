"""Y5, Y9: erasing from the command line, with proof and a journal; who a leak affects."""

import asyncio
import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from storage.database import Database
from storage.interactions import Kind, Record
from storage.vocabulary import SHANGHAI, Action, Platform

CLASSES = (
    "班级,平台,机器人账号,群号,助学教师,助学教师账号,办学单位\n"
    "计算机2301,QQ,3889000001,600000000,王敏,10001,市开大\n"
)
STUDENTS = (
    "班级,学号,姓名,平台,账号\n"
    "计算机2301,2430000000001,李明,QQ,20001\n计算机2301,2430000000002,张红,QQ,20002\n"
)


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "班级.csv").write_text(CLASSES, encoding="utf-8")
    (tmp_path / "学生.csv").write_text(STUDENTS, encoding="utf-8")
    for command in ("migrate", "import classes 班级.csv", "import students 学生.csv -y"):
        assert call(*command.split())[0] == 0
    asyncio.run(_ask(tmp_path))
    return tmp_path


def _database(folder: Path) -> Database:
    return Database(f"sqlite+aiosqlite:///{folder}/data/zhuxue.db")


async def _ask(folder: Path) -> None:
    """The first student asks something on the second of December."""
    at = datetime(2026, 12, 2, 10, tzinfo=SHANGHAI)
    database = _database(folder)
    async with database.unit_of_work() as uow:
        speaker = (await uow.people.speakers([(Platform.QQ, "20001")], at))[(Platform.QQ, "20001")]
        uow.interactions.add(
            Record(Kind.QUESTION, Action.ANSWER), key="event:1", at=at, class_id=1, tutor_id=None,
            person_id=speaker.person_id, platform=Platform.QQ, speaker_id="20001", event_id=None,
            message_id="",
        )  # fmt: skip
    await database.close()


async def _audited(folder: Path) -> list[str]:
    database = _database(folder)
    async with database.reading() as uow:
        rows = [action for _, action, _ in await uow.audit.actions()]
    await database.close()
    return rows


def test_y5_erased_with_proof_and_journal(school: Path) -> None:
    """Y5: counts are told, the journal holds a number and no name, the student is not found."""
    code, said = call("privacy", "erase", "2430000000001", "-y")
    again, _ = call("privacy", "erase", "2430000000001", "-y")

    assert code == 0, said
    assert "账号 1" in said
    assert "台账 1" in said
    assert "备份里最迟" in said
    assert "李明" not in said
    lines = [it for it in (school / "data/erasures.jsonl").read_text().splitlines() if it]
    assert [set(json.loads(line)) for line in lines] == [{"at", "person"}]
    assert again == 1
    assert "李明".encode() not in b"".join(
        file.read_bytes() for file in (school / "data").glob("erasures*")
    )


def test_y5_staff_are_not_erased_this_way(school: Path) -> None:
    """Y5: their rows go by the rules for staff."""
    code, said = call("privacy", "erase", "qq:10001", "-y")

    assert code == 1
    assert "任过职" in said


def test_y9_who_is_affected_by_a_leak(school: Path) -> None:
    """Y9: the students of an interval, in one command; that it was looked at is on record."""
    code, said = call("privacy", "affected", "--from", "2026-12-02", "--to", "2026-12-02")
    _, nobody = call("privacy", "affected", "--from", "2026-12-03", "--to", "2026-12-09")

    assert code == 0, said
    assert said.splitlines() == [
        "学号,姓名,班级,记录条数",
        "2430000000001,李明,计算机2301,1",
    ]
    assert nobody.splitlines() == ["学号,姓名,班级,记录条数"]
    assert asyncio.run(_audited(school)).count("person.listed") == 2
