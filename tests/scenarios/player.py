"""Plays a `.chat` file on the whole bot and compares what it says with what is written.

    # a comment
    校历 考试报名: 2026-12-05 09:00 — 2026-12-12 17:00
    [2026-12-01 20:15] 小李@计算机2301: @助手 期末考试什么时候报名？
    助手@计算机2301> 报考时间：…
    [20:20] 王敏@私聊（引用 T-1）: 可以的
    台账> 答复·考试报名 助学教师已答

After every line somebody says, the bot must say exactly the `助手@…>` lines that follow, in any
order; 「…」 stands for anything. An indented line goes on with the one before. Time jumps to each
stamp, and what the clock would have done on the way is done. `@助手` and `@姓名` are mentions;
`（引用 词）` quotes the newest message of that conversation with the word in it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bot.adapters.playground import ACCOUNT, Said
from bot.app import App
from bot.clock import Clock
from bot.settings import load_settings
from handlers.records import KIND_NAMES, outcome_in_words
from handlers.texts import TOPIC_NAMES
from storage.imports import ClassRow, StudentRow
from storage.migrations import runner
from storage.published import CalendarDate, SchoolFact
from storage.reports import LedgerFilter
from storage.vocabulary import SHANGHAI, Platform

START = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)
CLASSES = ("计算机2301", "会计2302")
TUTORS = {"王敏": ("计算机2301", "会计2302"), "赵强": ("会计2302",)}
STUDENTS = {"小李": "计算机2301", "小张": "计算机2301", "小周": "会计2302"}
STRANGERS = ("路人",)

_SPOKEN = re.compile(
    r"\[(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2})(?::(\d{2}))?\] "
    r"(\S+?)@(\S+?)(?:（引用 (.+?)）)?: ?(.*)",
    re.DOTALL,
)
_EXPECTED = re.compile(r"助手@(\S+?)> ?(.*)", re.DOTALL)
_RECORD = re.compile(r"台账> ?(.*)")
_DATE = re.compile(r"校历 (\S+?): (\S+ \S+) — (\S+ \S+)(?: (\S+))?")
_FACT = re.compile(r"信息 (\S+?): (.+)")
_PASS = re.compile(r"\[(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2})\] 时间到")


class ScriptedClock(Clock):
    """Stands still until told."""

    def __init__(self) -> None:
        super().__init__()
        self._now = START

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now

    def advance(self, span: timedelta) -> None:
        self._now += span


@dataclass
class Player:
    """A running bot with two classes, two tutors, three students."""

    app: App
    clock: ScriptedClock
    said: list[Said] = field(default_factory=list)
    _seen: int = 0
    _rows: int = 0

    async def play(self, path: Path) -> None:
        """Every line of the file, in order."""
        expected: list[tuple[str, str]] = []
        records: list[str] = []
        where = ""
        for where, line in _lines(path):
            if match := _EXPECTED.fullmatch(line):
                expected.append((match[1], match[2]))
            elif match := _RECORD.fullmatch(line):
                records.append(match[1].strip())
            else:
                await self._compare(where, expected, records)
                expected, records = [], []
                await self._do(line, where)
        await self._compare(where, expected, records)

    async def _do(self, line: str, where: str) -> None:
        if match := _DATE.fullmatch(line):
            first, last = (
                datetime.strptime(part, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
                for part in (match[2], match[3])
            )
            async with self.app.database.unit_of_work() as uow:
                dated = CalendarDate(match[1], first, last, "", match[4] or "")
                await uow.imports.calendar([(None, dated)])
        elif match := _FACT.fullmatch(line):
            async with self.app.database.unit_of_work() as uow:
                await uow.imports.facts([(None, SchoolFact(match[1], match[2].strip()))])
        elif match := _PASS.fullmatch(line):
            await self._set_clock(match[1], match[2], "0")
            await self._settle()
        elif match := _SPOKEN.fullmatch(line):
            await self._set_clock(match[1], match[2], match[3] or "0")
            await self._say(match[4], match[5], match[6] or "", match[7])
            await self._settle()
        else:
            raise AssertionError(f"{where}: not understood: {line}")

    async def _set_clock(self, day: str | None, minute: str, second: str) -> None:
        day = day or f"{self.clock.now():%Y-%m-%d}"
        moment = datetime.strptime(f"{day} {minute}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
        moment += timedelta(seconds=int(second))
        if moment > self.clock.now():
            self.clock.set(moment)
            await self.app.alarm.run_all()

    async def _say(self, who: str, place: str, quoted: str, text: str) -> None:
        mentions: list[str] = []
        for name in re.findall(r"@([^\s@]+)", text):
            if name == "助手":
                mentions.append(ACCOUNT)
                text = text.replace("@助手", "", 1)
            elif name in {*TUTORS, *STUDENTS}:
                mentions.append(name)
        group = "" if place == "私聊" else place
        quote = ""
        if quoted:
            heard = [
                said
                for said in self.said
                if quoted in said.text and said.conversation.id == (group or who)
            ]
            assert heard, f"nothing to quote with 「{quoted}」"
            quote = heard[-1].message_id
        assert self.app.playground is not None
        await self.app.playground.say(
            user_id=who,
            name=who,
            text=text.strip(),
            group_id=group,
            quote=quote,
            mentions=tuple(mentions),
        )

    async def _settle(self) -> None:
        await self.app.inbox.drain()
        await self.app.outbox.drain()

    async def _compare(
        self, where: str, expected: list[tuple[str, str]], records: list[str]
    ) -> None:
        spoken = [s for s in self.said[self._seen :] if s.sender_id == ACCOUNT]
        self._seen = len(self.said)
        got = [(s.conversation.id, s.text.removeprefix("【助学小助手】")) for s in spoken]
        assert all(s.text.startswith("【助学小助手】") for s in spoken)
        for place, pattern in expected:
            hit = next((g for g in got if g[0] == place and _is_like(pattern, g[1])), None)
            assert hit is not None, (
                f"before {where}: expected 助手@{place}> {pattern}\nbut heard "
                + "\n".join(f"助手@{p}> {t}" for p, t in got)
            )
            got.remove(hit)
        assert not got, f"before {where}: unexpected " + "\n".join(f"助手@{p}> {t}" for p, t in got)
        if records:
            async with self.app.database.reading() as uow:
                rows = await uow.reports.ledger(LedgerFilter(), limit=200)
            new = [
                f"{KIND_NAMES[r.record.kind]}·{TOPIC_NAMES[r.record.topic]} {outcome_in_words(r)}"
                for r in reversed(rows)
                if r.id > self._rows
            ]
            for record in records:
                assert any(_is_like(record, row) for row in new), f"{where}: {record} not in {new}"
        async with self.app.database.reading() as uow:
            newest = await uow.reports.ledger(LedgerFilter(), limit=1)
        self._rows = newest[0].id if newest else 0


def _is_like(pattern: str, text: str) -> bool:
    parts = [re.escape(part) for part in pattern.strip().split("…")]
    plain = "\n".join(line.strip() for line in text.strip().splitlines())
    return re.fullmatch(".*".join(parts), plain, re.DOTALL) is not None


def _lines(path: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  ") and found:
            where, before = found[-1]
            found[-1] = (where, f"{before}\n{line.strip()}")
        else:
            found.append((f"{path.name}:{number}", line.strip()))
    return found


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Player]:
    """A bot with the scenario's world, stopped at the end."""
    clock = ScriptedClock()
    settings = load_settings(
        database={"url": f"sqlite+aiosqlite:///{folder}/scenario.db"}, web={"port": 0}
    )
    app = App(settings, has_playground=True, clock=clock)
    await runner.migrate(app.database)
    rows = [
        ClassRow(name, Platform.PLAYGROUND, ACCOUNT, name, tutor, tutor, "市开大")
        for tutor, names in TUTORS.items()
        for name in names
    ]
    async with app.database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=START)
        await uow.imports.students(
            [
                StudentRow(room, f"24300000000{index:02}", name, Platform.PLAYGROUND, name)
                for index, (name, room) in enumerate(STUDENTS.items())
            ]
        )
    assert app.playground is not None
    player = Player(app, clock)
    app.playground.watchers.append(player.said.append)
    async with app.running():
        yield player
