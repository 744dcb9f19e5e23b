"""Plays a `.chat` file on the whole bot and compares what it says with what is written.

    # a comment
    校历 考试报名: 2026-12-05 09:00 — 2026-12-12 17:00
    事项 缴费@计算机2301: 2026-12-01 09:00 — 2026-12-20 17:00
    课表 计算机2301: 2026-12-05 09:00-11:30 高等数学 A101
    [2026-12-01 20:10] 路人 进群 计算机2301
    [2026-12-01 20:15] 小李@计算机2301: @助手 期末考试什么时候报名？
    助手@计算机2301> 报考时间：…
    [20:20] 王敏@私聊（引用 T-1）: 可以的
    台账> 答复·考试报名 助学教师已答

After every line somebody says, the bot must say exactly the `助手@…>` lines that follow, in any
order; 「…」 stands for anything. An indented line goes on with the one before. Time jumps to each
stamp, and what the clock would have done on the way is done. `@助手` and `@姓名` are mentions;
`（引用 词）` quotes the newest message of that conversation with the word in it.

A file knows nothing of platforms: the same words are played on every `Stage`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.adapters.playground import Said
from bot.app import App
from bot.clock import Clock
from bot.settings import load_settings
from handlers.records import KIND_NAMES, outcome_in_words
from handlers.texts import TOPIC_NAMES
from storage.imports import ClassRow, StaffRow, StudentRow
from storage.published import CalendarDate, SchoolFact
from storage.reports import LedgerFilter
from storage.tasks import Audience, Draft, TaskKind
from storage.timetable import Lesson
from storage.vocabulary import (
    SHANGHAI,
    Conversation,
    ConversationKind,
    MembershipChange,
    Platform,
)
from tests.databases import fresh
from tests.scenarios.cast import CONTACTS, START, STUDENTS, SUPERVISORS, TUTORS, UNIT
from tests.scenarios.comparison import Spoken, complaint_about, is_like, written
from tests.scenarios.on_playground import OnPlayground
from tests.scenarios.stage import PATIENCE, Line, Overheard, Stage

_SPOKEN = re.compile(
    r"\[(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2})(?::(\d{2}))?\] "
    r"(\S+?)@(\S+?)(?:（引用 (.+?)）)?: ?(.*)",
    re.DOTALL,
)
_EXPECTED = re.compile(r"助手@(\S+?)> ?(.*)", re.DOTALL)
_RECORD = re.compile(r"台账> ?(.*)")
_DATE = re.compile(r"校历 (\S+?): (\S+ \S+) — (\S+ \S+)(?: (\S+))?")
_TASK = re.compile(r"事项 (\S+?)@(\S+?): (\S+ \S+) — (\S+ \S+)")
_FACT = re.compile(r"信息 (\S+?): (.+)")
_PASS = re.compile(r"\[(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2})\] 时间到")
_COMES = re.compile(r"\[(?:(\d{4}-\d{2}-\d{2}) )?(\d{2}:\d{2})\] (\S+?) (进群|退群) (\S+)")
_LESSON = re.compile(r"课表 (\S+?): (\S+) (\S+)-(\S+) (\S+)(?: (\S+))?")
_SIGNATURE = "【助学小助手】"


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


@dataclass(slots=True)
class Step:
    """Something that happens, and what the bot must say and record then."""

    where: str
    what: str
    expected: list[Spoken] = field(default_factory=list)
    records: list[str] = field(default_factory=list)


@dataclass
class Player:
    """A running bot with two classes, two tutors, three students."""

    app: App
    clock: ScriptedClock
    stage: Stage
    overheard: Overheard
    _seen: int = 0
    _rows: int = 0
    _lessons: list[Lesson] = field(default_factory=list)

    @property
    def said(self) -> list[Said]:
        """The transcript so far."""
        return self.stage.said

    async def meet(self, words: str) -> None:
        """Everybody of the classes says something to the bot alone; the scenario knows nothing
        of it."""
        for name in (*TUTORS, *STUDENTS, *SUPERVISORS, *CONTACTS):
            await self._say(name, "私聊", "", words)
        await self._settle()
        self.said.clear()

    async def play(self, path: Path) -> None:
        """
        Every line of the file, in order.

        Raises:
            AssertionError: the bot said something else than is written; it tells what.
        """
        __tracebackhide__ = True
        for step in _steps(path):
            await self._do(step)
            await self._compare(step)

    async def _do(self, step: Step) -> None:
        if match := _DATE.fullmatch(step.what):
            first, last = (
                datetime.strptime(part, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
                for part in (match[2], match[3])
            )
            async with self.app.database.unit_of_work() as uow:
                dated = CalendarDate(match[1], first, last, "", match[4] or "")
                await uow.imports.calendar([(None, dated)])
        elif match := _TASK.fullmatch(step.what):
            await self._arm(match)
        elif match := _FACT.fullmatch(step.what):
            async with self.app.database.unit_of_work() as uow:
                await uow.imports.facts([(None, SchoolFact(match[1], match[2].strip()))])
        elif match := _PASS.fullmatch(step.what):
            await self._set_clock(match[1], match[2], "0")
            self.app.outbox.wake()
        elif match := _COMES.fullmatch(step.what):
            await self._set_clock(match[1], match[2], "0")
            await self._comes(match[3], match[5], joined=match[4] == "进群")
        elif match := _LESSON.fullmatch(step.what):
            start, end = (
                datetime.strptime(f"{match[2]} {at}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
                for at in (match[3], match[4])
            )
            lesson = Lesson(match[1], match[5], start, end, place=match[6] or "")
            async with self.app.database.unit_of_work() as uow:
                await uow.timetable.put([*self._lessons, lesson], START)
            self._lessons.append(lesson)
        elif match := _SPOKEN.fullmatch(step.what):
            await self._set_clock(match[1], match[2], match[3] or "0")
            await self._say(match[4], match[5], match[6] or "", match[7])
        else:
            raise AssertionError(f"{step.where}: not understood: {step.what}")
        await self._settle()

    async def _comes(self, who: str, group: str, *, joined: bool) -> None:
        ids, now = self.stage.ids, self.clock.now()
        kind = ConversationKind.GROUP
        place = Conversation(ids.platform, ids.account, kind, ids.group(group))
        change = MembershipChange(place, ids.person(who), joined, is_bot=False, at=now)
        await self.app.inbox.accept(change)

    async def _arm(self, match: re.Match[str]) -> None:
        """Something is to be done in a class, without reminders of its own."""
        opens_at, deadline = (
            datetime.strptime(part, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
            for part in (match[3], match[4])
        )
        now = self.clock.now()
        async with self.app.database.unit_of_work() as uow:
            room = await uow.people.class_named(match[2], now)
            assert room is not None, f"no class {match[2]}"
            draft = Draft(
                TaskKind.MATTER,
                room.id,
                match[1],
                Audience.UNDONE,
                made_by="scenario",
                matter=match[1],
                opens_at=opens_at,
                deadline=deadline,
            )
            await uow.tasks.arm(draft, now)
        # As the clock does within a minute.
        await self.app.alarm.run_all()

    async def _settle(self) -> None:
        """Everything heard has been worked through, and what came of it is on the platform."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.app.inbox.drain()
                await self.app.outbox.drain()
        except TimeoutError:
            raise AssertionError("the bot does not come to rest") from None
        await self.stage.hear()

    async def _set_clock(self, day: str | None, minute: str, second: str) -> None:
        day = day or f"{self.clock.now():%Y-%m-%d}"
        moment = datetime.strptime(f"{day} {minute}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
        moment += timedelta(seconds=int(second))
        if moment > self.clock.now():
            self.clock.set(moment)
            await self.app.alarm.run_all()

    async def _say(self, who: str, place: str, quoted: str, text: str) -> None:
        line = Line(who, "" if place == "私聊" else place, text.strip(), "", self.clock.now())
        if quoted:
            where = self.stage.ids.place(line)
            heard = [s for s in self.said if quoted in s.text and s.conversation == where]
            assert heard, f"nothing to quote with 「{quoted}」"
            line = replace(line, quote=heard[-1].message_id)
        await self.overheard.until_handed_over(await self.stage.say(line))

    async def _compare(self, step: Step) -> None:
        __tracebackhide__ = True
        ids = self.stage.ids
        new = self.said[self._seen :]
        self._seen = len(self.said)
        got = [
            Spoken(ids.name(said.conversation.id), said.text)
            for said in new
            if said.sender_id == ids.account
        ]
        unsigned = [spoken for spoken in got if not spoken.text.startswith(_SIGNATURE)]
        heard = [Spoken(one.place, one.text.removeprefix(_SIGNATURE)) for one in got]
        complaints = [f"not as a bot: {spoken}" for spoken in unsigned]
        complaints.append(complaint_about(step.expected, heard))
        records = await self._new_records()
        missing = [one for one in step.records if not any(is_like(one, row) for row in records)]
        if missing:
            complaints += [f"  - 台账> {one}" for one in missing]
            complaints += [f"  + 台账> {row}" for row in records]
        if any(complaints):
            told = "\n".join(filter(None, complaints))
            raise AssertionError(
                f"{step.where} on {ids.platform}, after\n    {written(step.what)}\n{told}"
            )

    async def _new_records(self) -> list[str]:
        """The ledger's rows since the last step, the oldest first."""
        async with self.app.database.reading() as uow:
            rows = await uow.reports.ledger(LedgerFilter(), limit=200)
        new = [row for row in reversed(rows) if row.id > self._rows]
        self._rows = max((row.id for row in rows), default=0)
        return [
            f"{KIND_NAMES[row.record.kind]}·{TOPIC_NAMES[row.record.topic]} {outcome_in_words(row)}"
            for row in new
        ]


def _steps(path: Path) -> list[Step]:
    steps: list[Step] = []
    for where, line in _lines(path):
        if match := _EXPECTED.fullmatch(line):
            steps[-1].expected.append(Spoken(match[1], match[2]))
        elif match := _RECORD.fullmatch(line):
            steps[-1].records.append(match[1].strip())
        else:
            steps.append(Step(where, line))
    return steps


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
async def playing(folder: Path, stage: Stage | None = None) -> AsyncIterator[Player]:
    """A bot with the scenario's world on a stage (else the playground), stopped at the end."""
    clock = ScriptedClock()
    stage = stage or OnPlayground()
    ids = stage.ids
    settings = load_settings(
        database={"url": await fresh(folder / "scenario.db")},
        web={"port": 0},
        # What it finds depends on how far it has got: a transcript must not.
        bot={"encoder": False},
        # Real seconds, which the scripted clock does not shorten.
        outbox={"pushes_per_minute": 6000},
        **stage.settings,
    )
    app = App(settings, has_playground=ids.platform is Platform.PLAYGROUND, clock=clock)
    overheard = Overheard(app.adapters[ids.platform])
    app.adapters[ids.platform] = overheard
    rows = [
        ClassRow(name, ids.platform, ids.account, ids.group(name), tutor, ids.person(tutor), UNIT)
        for tutor, names in TUTORS.items()
        for name in names
    ]
    async with app.database.unit_of_work() as uow:
        await uow.imports.classes(rows, default_mode="confident", default_grace=10, now=START)
        await uow.imports.students(
            [
                StudentRow(room, f"24300000000{index:02}", name, ids.platform, ids.person(name))
                for index, (name, room) in enumerate(STUDENTS.items())
            ]
        )
        await uow.imports.supervisors(
            [StaffRow(name, ids.platform, ids.person(name), UNIT) for name in SUPERVISORS],
            now=START,
        )
        await uow.imports.contacts(
            [
                StaffRow(name, ids.platform, ids.person(name), UNIT, department)
                for name, department in CONTACTS.items()
            ]
        )
    failure: Exception | None = None
    async with app.running(), stage.open(app):
        # How far the real clock got meanwhile depends on the machine: a transcript must not.
        await app.alarm.only_when_asked()
        await app.alarm.run_all()
        await overheard.until_online(ids.account)
        player = Player(app, clock, stage, overheard)
        if stage.first_words:
            await player.meet(stage.first_words)
        try:
            yield player
        except Exception as error:
            # Out of here it would end the bot halfway and come wrapped in what that brings about.
            failure = error
    if failure is not None:
        raise failure
