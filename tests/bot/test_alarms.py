"""
Alarms by a second road (F12, F5, F15): to a real web server and a real mail server on this
machine; said once, said when it is over, and never with anybody's name in it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller
from sqlalchemy import update
from typer.testing import CliRunner

from bot import alarms
from bot.alarms import Alarms
from bot.cli import app as command_line
from bot.settings import AlarmSettings, Settings, load_settings
from handlers.settings import WorkingTimeSettings
from handlers.working_time import WorkingTime
from storage.database import Database
from storage.migrations import runner
from storage.models.queues import outbox
from storage.vocabulary import Outgoing, Platform
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom
from tests.scenarios.player import ScriptedClock

MINUTE = timedelta(minutes=1)


# -- who is told ----------------------------------------------------------------------------------


@dataclass
class Robot:
    """A web server that robots could be behind; `answer` is what it says, with `status`."""

    url: str = ""
    status: int = 200
    answer: dict[str, Any] = field(default_factory=dict)
    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [body["text"] for body in self.heard]

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(await request.json())
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def robot() -> AsyncIterator[Robot]:
    made = Robot()
    site = web.Application()
    site.add_routes([web.post("/robot", made.hear)])
    served = web.AppRunner(site)
    await served.setup()
    await web.TCPSite(served, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{served.addresses[0][1]}/robot?key=robot-secret"
    yield made
    await served.cleanup()


class Mailbox:
    """What came in by SMTP."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- roads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("dingtalk", {"msgtype": "text", "text": {"content": "【助学报警】x"}}),
        ("wecom", {"msgtype": "text", "text": {"content": "【助学报警】x"}}),
        ("feishu", {"msg_type": "text", "content": {"text": "【助学报警】x"}}),
        ("json", {"source": "zhuxue", "host": alarms.host(), "text": "【助学报警】x"}),
    ],
)
async def test_a_robot_reads_what_it_is_sent(robot: Robot, kind: str, body: dict[str, Any]) -> None:
    settings = AlarmSettings.model_validate({"webhook": robot.url, "webhook_kind": kind})

    assert await alarms.say(settings, "【助学报警】x") == {"webhook": ""}

    assert robot.heard == [body]


async def test_a_robot_that_refuses_is_a_closed_road_and_its_key_is_not_said(robot: Robot) -> None:
    robot.answer = {"errcode": 310000, "errmsg": "keywords not in content"}
    settings = AlarmSettings.model_validate({"webhook": robot.url, "webhook_kind": "dingtalk"})
    nobody = AlarmSettings.model_validate(
        {"webhook": f"http://127.0.0.1:{free_port()}/?key=robot-secret"}
    )

    assert await alarms.say(settings, "x") == {"webhook": "机器人没有收：310000"}
    (problem,) = (await alarms.say(nobody, "x")).values()
    assert problem
    assert "robot-secret" not in problem


async def test_a_mail_arrives_with_its_subject() -> None:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        settings = AlarmSettings(
            mail_server="127.0.0.1",
            mail_port=controller.port,
            mail_security="none",
            mail_from="bot@example.edu.cn",
            mail_to=("a@example.edu.cn", "b@example.edu.cn"),
        )
        assert await alarms.say(settings, "【助学报警】QQ 1 离线，10:00 起。\n更多") == {"mail": ""}
    finally:
        controller.stop()

    (mail,) = mailbox.mails
    assert mail["Subject"] == "【助学报警】QQ 1 离线，10:00 起"
    assert mail["To"] == "a@example.edu.cn, b@example.edu.cn"
    assert "更多" in mail.get_content()


# -- what is said when ----------------------------------------------------------------------------


@dataclass
class Watch:
    """Alarms on a scripted clock."""

    alarms: Alarms
    clock: ScriptedClock
    failing: dict[str, int]
    database: Database


@pytest.fixture
async def watch(database: Database, classroom: Classroom, robot: Robot, tmp_path: Path) -> Watch:
    clock, failing = ScriptedClock(), dict[str, int]()
    return Watch(made(database, robot, clock, failing, tmp_path), clock, failing, database)


def made(
    database: Database, robot: Robot, clock: ScriptedClock, failing: dict[str, int], folder: Path
) -> Alarms:
    settings: Settings = load_settings(
        database={"url": database.url.render_as_string(hide_password=False)},
        collections={"folder": str(folder)},
        alarms={"webhook": robot.url, "disk_percent": 99},
    )
    working = WorkingTime(WorkingTimeSettings(entered_years=(2026, 2027)))
    return Alarms(
        database=database, settings=settings, clock=clock, working=working, failing=failing
    )


async def test_f12_a_line_that_is_down_is_said_once_within_two_minutes_and_when_it_is_back(
    watch: Watch, robot: Robot, tmp_path: Path
) -> None:
    """F12: alarm by a second road; two instances on one database say it once."""
    other = made(watch.database, robot, watch.clock, {}, tmp_path)
    now = watch.clock.now()
    async with watch.database.unit_of_work() as uow:
        await uow.lines.came(Platform.QQ, QQ_ACCOUNT, now)
    async with watch.database.unit_of_work() as uow:
        await uow.lines.went(Platform.QQ, QQ_ACCOUNT, now + MINUTE)
    watch.clock.advance(2 * MINUTE)
    await watch.alarms.look()
    early = list(robot.texts)
    watch.clock.advance(MINUTE + timedelta(seconds=1))
    for instance in (watch.alarms, other, watch.alarms, other):
        await instance.look()
    said = list(robot.texts)
    async with watch.database.unit_of_work() as uow:
        await uow.lines.came(Platform.QQ, QQ_ACCOUNT, watch.clock.now())
    for instance in (other, watch.alarms):
        await instance.look()

    assert early == []
    assert len(said) == 1
    assert said[0].startswith(f"【助学报警】QQ {QQ_ACCOUNT} 离线")
    assert len(robot.texts) == 2
    assert robot.texts[1].startswith(f"【助学恢复】已恢复：QQ {QQ_ACCOUNT} 离线")


async def test_what_could_not_be_said_is_said_at_the_next_look(watch: Watch, robot: Robot) -> None:
    watch.failing["reminders.fire"] = 3
    robot.status = 500
    await watch.alarms.look()
    robot.status = 200
    await watch.alarms.look()
    await watch.alarms.look()
    watch.clock.advance(timedelta(hours=24, minutes=1))
    await watch.alarms.look()

    assert len(robot.heard) == 3
    assert "reminders.fire 连着失败 3 次" in robot.texts[-1]


async def test_f17_given_up_messages_are_an_alarm_without_their_words(
    watch: Watch, robot: Robot, classroom: Classroom
) -> None:
    """F17: a person is told, also outside the console."""
    async with watch.database.unit_of_work() as uow:
        uow.outbox.add(Outgoing("k", GROUP, "李明的补考费还没交"), now=watch.clock.now())
        await uow.flush()
        await uow.write(update(outbox).values(state="dead", error="李明"))

    await watch.alarms.look()

    (text,) = robot.texts
    assert "发不出的消息 1 条" in text
    assert "李明" not in text


async def test_f15_a_full_disk_and_an_unknown_year_are_said(
    database: Database, classroom: Classroom, robot: Robot, tmp_path: Path
) -> None:
    """F15, F11."""
    settings = load_settings(
        database={"url": database.url.render_as_string(hide_password=False)},
        collections={"folder": str(tmp_path)},
        alarms={"webhook": robot.url},
    )
    full = settings.alarms.model_copy(update={"disk_percent": 0})
    working = WorkingTime(WorkingTimeSettings())
    clock = ScriptedClock()
    clock.advance(timedelta(days=365 * 20))
    watching = Alarms(
        database=database,
        settings=settings.model_copy(update={"alarms": full}),
        clock=clock,
        working=working,
        failing={},
    )

    await watching.look()

    assert any("已停收文件" in text for text in robot.texts)
    assert any("放假安排还没有" in text for text in robot.texts)


async def test_f5_a_database_that_is_away_is_said_without_it(robot: Robot, tmp_path: Path) -> None:
    """F5: said at the second look, once, and when it is back."""
    file = tmp_path / "gone.db"
    database = Database(f"sqlite+aiosqlite:///{file}")
    watching = made(database, robot, ScriptedClock(), {}, tmp_path)
    for _ in range(3):
        await watching.look()
    away = list(robot.texts)
    await runner.migrate(database)
    await watching.look()
    await watching.look()
    await database.close()

    assert len(away) == 1
    assert away[0].startswith("【助学报警】数据库连不上")
    assert len(robot.texts) == 2
    assert robot.texts[1].startswith("【助学恢复】")


# -- from the shell -------------------------------------------------------------------------------


async def test_the_roads_can_be_tried_from_the_shell(
    robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **environment: str) -> tuple[int, str]:
        done = CliRunner().invoke(command_line, ["alarm-test", *arguments], env=environment)
        return done.exit_code, done.output

    nothing = await asyncio.to_thread(call)
    fine = await asyncio.to_thread(call, ZHUXUE_ALARMS__WEBHOOK=robot.url)
    by_hand = await asyncio.to_thread(call, "--say", "程序停了", ZHUXUE_ALARMS__WEBHOOK=robot.url)
    closed = f"http://127.0.0.1:{free_port()}/?key=robot-secret"
    broken = await asyncio.to_thread(call, ZHUXUE_ALARMS__WEBHOOK=closed)

    assert nothing[0] == 1
    assert "没有设置报警" in nothing[1]
    assert fine == (0, "✓ 机器人网址：已发出\n")
    assert robot.texts[1].startswith("【助学报警】程序停了")
    assert by_hand[0] == 0
    assert broken[0] == 1
    assert "robot-secret" not in broken[1]
