"""L4: A whole term of reminders in minutes: every job of the real engine on a scripted clock.

    python -m benchmarks.term [--classes 200] [--students 200] [--seed 7] [--url URL] [--write]

A term's calendar is compiled for all classes and lived through: students do what they are reminded
of, three outages (the longest 72 h), a muted group, a date that is moved, two instances. Only the
platform is missing: what the outbox hands out counts as sent, at the pace of a real account.

Ends with 1 if a sum does not come out, a group hears too much, anybody is woken, or anything is
said twice. With `--write` the figures go to docs/reminders.md and the picture to docs/term.png.
The same seed gives the same term; only the seconds differ.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_of
from pathlib import Path

import matplotlib as mpl
from sqlalchemy import func, insert, select, update

from handlers import matters, term
from handlers.reminding import is_quiet
from handlers.settings import BotSettings, ReminderSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import reminders as jobs
from schedules.means import Means
from storage import queue
from storage.calendar import EVERYBODY
from storage.database import Database
from storage.migrations import runner
from storage.models.people import (
    class_groups,
    classes,
    duties,
    enrolments,
    identities,
    persons,
    units,
)
from storage.models.queues import outbox
from storage.models.tasks import obligations, reminders, tasks
from storage.obligations import TO_GROUP, ObligationState, Sums
from storage.published import CalendarDate
from storage.tasks import Completion, How
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import SHANGHAI, Capabilities, ConversationKind, Platform, Role

BEGIN, END = "<!-- 以下由 python -m benchmarks.term --write 写入 -->", "<!-- 写入到此为止 -->"
DOCUMENT, PICTURE = Path("docs/reminders.md"), Path("docs/term.png")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 9, 1, 8, 0, tzinfo=SHANGHAI)
#: Classes one account of the bot serves.
CLASSES_AN_ACCOUNT = 20
#: How many of a class have bound their account, and how many never do what is asked.
BOUND, NEVER = 0.85, 0.06
#: From when to when nothing runs: across a morning's reminders, over a day, over three.
OUTAGES = (
    (datetime(2026, 9, 24, 8, 50, tzinfo=SHANGHAI), 40 * MINUTE),
    (datetime(2026, 11, 4, 7, 0, tzinfo=SHANGHAI), 5 * HOUR),
    (datetime(2026, 12, 8, 20, 0, tzinfo=SHANGHAI), 72 * HOUR),
)
#: When each matter of the table opens and ends, in days from the start of term.
TERM = {
    "入学通知书": (0, 9),
    "课程注册": (6, 24),
    "缴费": (12, 30),
    "教材征订": (4, 16),
    "教材发放": (20, 33),
    "图像采集": (30, 50),
    "形考": (40, 100),
    "考试报名": (60, 70),
    "准考证打印": (94, 103),
    "期末考试": (101, 110),
    "成绩发布": (124, None),
    "成绩复查": (125, 132),
    "毕业证发放": (116, 130),
    "学位证发放": (117, 131),
}
MOVED, MOVED_ON = "考试报名", datetime(2026, 11, 7, 15, 0, tzinfo=SHANGHAI)
MUTED = (datetime(2026, 9, 20, 0, 0, tzinfo=SHANGHAI), datetime(2026, 9, 23, 0, 0, tzinfo=SHANGHAI))


@dataclass
class Term:
    """One simulated term: the databases of both instances, the people, and what was seen."""

    instances: Sequence[Database]
    means: Means
    size: tuple[int, int]
    chance: random.Random
    outages: Sequence[tuple[datetime, timedelta]] = OUTAGES
    accounts: list[str] = field(default_factory=list)
    #: By task of a class: who does it when, the latest first.
    to_do: dict[tuple[int, str], list[tuple[datetime, int]]] = field(default_factory=dict)
    said: Counter[int] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    ticks: int = 0

    @property
    def database(self) -> Database:
        return self.instances[0]


# -- the world ------------------------------------------------------------------------------------


async def people(world: Term) -> None:
    """Classes, students, tutors, a group each."""
    count, size = world.size
    world.accounts = [f"38890000{n:02}" for n in range(-(-count // CLASSES_AN_ACCOUNT))]
    async with world.database.unit_of_work() as uow:
        await uow.write(insert(units).values(id=1, name="市开大"))
        await uow.write(
            insert(classes),
            [
                {
                    "id": n,
                    "name": f"班{n:03}",
                    "unit_id": 1,
                    "speak_mode": "confident",
                    "grace_minutes": 10,
                }
                for n in range(1, count + 1)
            ],
        )
        await uow.write(
            insert(class_groups),
            [
                {
                    "class_id": n,
                    "platform": Platform.QQ,
                    "account": world.accounts[(n - 1) // CLASSES_AN_ACCOUNT],
                    "group_id": f"60{n:07}",
                }
                for n in range(1, count + 1)
            ],
        )
        everybody = [
            {"id": n, "name": f"同学{n}", "student_no": f"26{n:08}"}
            for n in range(1, count * size + 1)
        ]
        tutors = [{"id": 10_000_000 + n, "name": f"教师{n}"} for n in range(1, count + 1)]
        for chunk in _chunks(everybody):
            await uow.write(insert(persons), chunk)
        await uow.write(insert(persons), [row | {"student_no": None} for row in tutors])
        await uow.write(
            insert(duties),
            [
                {
                    "person_id": 10_000_000 + n,
                    "role": Role.TUTOR,
                    "class_id": n,
                    "starts_at": START - 30 * DAY,
                }
                for n in range(1, count + 1)
            ],
        )
        belongs = [
            {"class_id": 1 + (n - 1) // size, "person_id": n} for n in range(1, count * size + 1)
        ]
        bound = [
            {"platform": Platform.QQ, "user_id": f"2{n:08}", "person_id": n}
            for n in range(1, count * size + 1)
            if world.chance.random() < BOUND
        ]
        bound += [
            {"platform": Platform.QQ, "user_id": f"1{n:08}", "person_id": 10_000_000 + n}
            for n in range(1, count + 1)
        ]
        for chunk in _chunks(belongs):
            await uow.write(insert(enrolments), chunk)
        for chunk in _chunks(bound):
            await uow.write(insert(identities), chunk)
        for account in world.accounts:
            await uow.lines.came(Platform.QQ, account, START - DAY)


async def calendar(world: Term) -> None:
    """The term's dates, compiled and armed for every class."""
    if unknown := [name for name in TERM if matters.find(name) is None]:
        raise ValueError(f"no such matter: {unknown}")
    async with world.database.unit_of_work() as uow:
        for name, (opens, ends) in TERM.items():
            starts_at = START + opens * DAY
            ends_at = None if ends is None else (START + ends * DAY).replace(hour=17)
            await uow.calendar.put(EVERYBODY, CalendarDate(name, starts_at, ends_at))
    await _arm(world, START - DAY)
    count, size = world.size
    for name, (opens, ends) in TERM.items():
        days = 7 if ends is None else ends - opens
        for class_id in range(1, count + 1):
            first = (class_id - 1) * size + 1
            world.to_do[(class_id, name)] = sorted(
                (
                    (START + (opens + days * world.chance.betavariate(2.2, 1.6)) * DAY, person_id)
                    for person_id in range(first, first + size)
                    if world.chance.random() > NEVER
                ),
                reverse=True,
            )


async def _arm(world: Term, now: datetime) -> None:
    async with world.database.unit_of_work() as uow:
        rules = term.rules_from(world.means.reminders)
        plan = await term.propose(uow, rules, now)
        await term.arm(uow, plan, by="supervisor:bench", now=now)


# -- the clock ------------------------------------------------------------------------------------


async def live(world: Term, until: datetime, shown: Callable[[datetime], None]) -> None:
    """From instant to instant at which something is to be done; by the minute while it is said."""
    now = START
    has_moved = False
    while now < until:
        for begins, length in world.outages:
            if begins <= now < begins + length:
                await _switch(world, begins, is_on=False)
                now = begins + length
                await _switch(world, now, is_on=True)
        if not has_moved and now >= MOVED_ON:
            has_moved = True
            await _move_a_date(world, now)
        await _mute(world, now)
        await _do_what_is_asked(world, now)
        await tick(world, now)
        shown(now)
        now = await _next(world, now)


async def tick(world: Term, now: datetime) -> None:
    """Every job once, by one instance in turn or (PostgreSQL) by both at once."""
    world.ticks += 1
    if len(world.instances) > 1:
        await asyncio.gather(
            *(_work(world, one, f"instance-{n}", now) for n, one in enumerate(world.instances))
        )
    else:
        await _work(world, world.database, f"instance-{world.ticks % 2}", now)


async def _work(world: Term, database: Database, name: str, now: datetime) -> None:
    for job in (jobs.fire, jobs.release, jobs.settle, jobs.report, jobs.wind_up):
        await _run(database, job, now, world.means)
    await _send(world, database, name, now)
    await _run(database, jobs.settle, now, world.means)


async def _run(
    database: Database,
    job: Callable[[UnitOfWork, datetime, Means], Awaitable[bool | None]],
    now: datetime,
    means: Means,
) -> None:
    is_more: bool | None = True
    while is_more:
        async with database.unit_of_work() as uow:
            is_more = await job(uow, now, means)


async def _send(world: Term, database: Database, name: str, now: datetime) -> None:
    """What the outbox hands out within a minute; what is being said is noted, to find twice."""
    async with database.unit_of_work() as uow:
        waiting = await uow.outbox.backlog()
        if not waiting.ready:
            return
        for account in world.accounts:
            claimed = await uow.outbox.claim(
                accounts={(Platform.QQ, account)},
                instance=name,
                now=now,
                lease=MINUTE,
                limit=world.means.pushes_per_minute,
            )
            sent = {}
            for item in claimed:
                key = item.message.key
                if await uow.outbox.begin(key, instance=name, now=now):
                    sent[key] = f"sent:{key}"
                    is_group = item.message.conversation.kind is ConversationKind.GROUP
                    world.messages["群" if is_group else "私聊"] += 1
            brought = await uow.read(
                select(obligations.c.id).where(
                    obligations.c.outbox_key.in_(list(sent)),
                    obligations.c.state == ObligationState.QUEUED,
                )
            )
            world.said.update(brought.scalars())
            await uow.outbox.finish(sent, now=now)


async def _next(world: Term, now: datetime) -> datetime:
    async with world.database.reading() as uow:
        if (await uow.outbox.backlog()).ready:
            return now + MINUTE
        planned = select(func.min(obligations.c.not_before)).where(
            queue.is_in(obligations, "planned")
        )
        owed = (await uow.read(planned)).scalar()
        due = (
            await uow.read(
                select(func.min(reminders.c.due_at)).where(queue.is_in(reminders, "planned"))
            )
        ).scalar()
    today = now.astimezone(SHANGHAI).replace(second=0, microsecond=0)
    looks = [
        at + days * DAY
        for clock in ("07:30", "12:00", "17:00", "19:00", "21:30", "21:55")
        for days in (0, 1)
        if (at := datetime.combine(today.date(), clock_of.fromisoformat(clock), SHANGHAI))
        + days * DAY
        > now
    ]
    if owed is not None and not is_quiet(now, world.means.reminders):
        looks.append(max(owed, now + MINUTE))
    if due is not None:
        looks.append(max(due, now + MINUTE))
    looks += [begins for begins, _ in world.outages if begins > now]
    return min(looks)


async def _switch(world: Term, now: datetime, *, is_on: bool) -> None:
    async with world.database.unit_of_work() as uow:
        for account in world.accounts:
            if is_on:
                await uow.lines.came(Platform.QQ, account, now)
            else:
                await uow.lines.went(Platform.QQ, account, now)


async def _mute(world: Term, now: datetime) -> None:
    if MUTED[0] - DAY < now < MUTED[1]:
        async with world.database.unit_of_work() as uow:
            until = MUTED[1] if now >= MUTED[0] else None
            await uow.write(
                update(class_groups).where(class_groups.c.class_id == 1).values(muted_until=until)
            )


async def _move_a_date(world: Term, now: datetime) -> None:
    opens, ends = TERM[MOVED]
    assert ends is not None
    async with world.database.unit_of_work() as uow:
        await uow.calendar.put(
            EVERYBODY,
            CalendarDate(MOVED, START + opens * DAY, (START + (ends + 3) * DAY).replace(hour=17)),
        )
    await _arm(world, now)


async def _do_what_is_asked(world: Term, now: datetime) -> None:
    done: dict[tuple[int, str], list[int]] = defaultdict(list)
    for key, own in world.to_do.items():
        while own and own[-1][0] <= now:
            done[key].append(own.pop()[1])
    if not done:
        return
    async with world.database.unit_of_work() as uow:
        rows = await uow.read(
            select(tasks.c.number, tasks.c.class_id, tasks.c.matter).where(tasks.c.state == "armed")
        )
        numbers = {(row.class_id, row.matter): row.number for row in rows}
        items = [
            Completion(numbers[key], person_id, True, How.SAID, "bench", "person", now)
            for key, own in done.items()
            if key in numbers
            for person_id in own
        ]
        await uow.tasks.complete(items)
        by_task: dict[int, list[int]] = defaultdict(list)
        for item in items:
            by_task[item.task].append(item.person_id)
        for number in await uow.reminding.unfinished(by_task):
            await uow.obligations.stop([number], by_task[number], by="done:said", now=now)


# -- what is found --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What a term came to."""

    sums: Sums
    planned: int
    owed: int
    messages: Counter[str]
    said_twice: int
    unaccounted: int
    most_in_a_group_a_day: int
    at_night: int
    withdrawn: int
    late_minutes: list[int]
    by_day: dict[date, Counter[str]]

    def problems(self, settings: ReminderSettings) -> list[str]:
        """What must not be; [] for a term as it should be."""
        ended = self.sums.reminders
        states = self.sums.obligations
        checks = {
            "提醒：计划数与各结局之和不等": self.planned == sum(ended.values()),
            "提醒：有的没有结局": ended.get("planned", 0) == 0,
            "应提醒的：总数与各结局之和不等": self.owed == sum(states.values()),
            "应提醒的：有的没有结局": not states.get("planned") and not states.get("queued"),
            f"有人被同一条提醒找了两次：{self.said_twice}": self.said_twice == 0,
            f"记为送到的与实际发出的对不上：{self.unaccounted}": self.unaccounted == 0,
            f"有群一天听了 {self.most_in_a_group_a_day} 次": (
                self.most_in_a_group_a_day <= settings.per_group_a_day
            ),
            f"夜里发了 {self.at_night} 条": self.at_night == 0,
        }
        return [words for words, is_well in checks.items() if not is_well]


async def look(world: Term) -> Found:
    """Count everything from the tables, and from what the platform saw."""
    by_day: dict[date, Counter[str]] = defaultdict(Counter)
    groups: Counter[tuple[str, date]] = Counter()
    at_night = withdrawn = 0
    async with world.database.reading() as uow:
        sums = await uow.obligations.sums()
        planned = (await uow.read(select(func.count()).select_from(reminders))).scalar_one()
        owed = (await uow.read(select(func.count()).select_from(obligations))).scalar_one()
        for row in await uow.read(
            select(outbox.c.key, outbox.c.conversation_id, outbox.c.sent_at, outbox.c.state).where(
                outbox.c.key.like("remind:%")
            )
        ):
            if row.sent_at is None:
                withdrawn += row.state == "withdrawn"
                continue
            at_night += is_quiet(row.sent_at, world.means.reminders)
            if row.key.startswith(TO_GROUP):
                groups[(row.conversation_id, row.sent_at.date())] += 1
        late: list[int] = []
        told: set[int] = set()
        for row in await uow.read(
            select(
                obligations.c.id,
                obligations.c.state,
                obligations.c.ended_at,
                obligations.c.late_minutes,
            )
        ):
            if row.ended_at is not None:
                by_day[row.ended_at.date()][row.state] += 1
            if row.state in ("sent", "late"):
                told.add(row.id)
            if row.state == "late":
                late.append(row.late_minutes)
    return Found(
        sums,
        planned,
        owed,
        world.messages,
        sum(count > 1 for count in world.said.values()),
        len(told ^ set(world.said)),
        max(groups.values(), default=0),
        at_night,
        withdrawn,
        sorted(late),
        dict(sorted(by_day.items())),
    )


async def simulate(
    urls: Sequence[str],
    size: tuple[int, int],
    seed: int,
    *,
    length: timedelta = 150 * DAY,
    shown: Callable[[datetime], None] = lambda now: None,
) -> tuple[Found, Term]:
    """A term on an empty, migrated database, opened once or (PostgreSQL) twice."""
    instances = [Database(url) for url in urls]
    try:
        world = Term(instances, means(), size, random.Random(seed))
        await people(world)
        await calendar(world)
        await live(world, START + length, shown)
        return await look(world), world
    finally:
        for one in instances:
            await one.close()


def means() -> Means:
    return Means(
        BotSettings(),
        WorkingTime(WorkingTimeSettings()),
        {Platform.QQ: Capabilities()},
        reminders=ReminderSettings(),
        pushes_per_minute=20,
    )


# -- forty thousand at eight ----------------------------------------------------------------------


async def morning(url: str, size: tuple[int, int], seed: int) -> tuple[float, float, int]:
    """One private step for everybody at 08:00: seconds to plan, longest transaction, minutes."""
    database = Database(url)
    try:
        world = Term([database], means(), size, random.Random(seed), outages=())
        await people(world)
        at = START
        async with database.unit_of_work() as uow:
            numbers = await uow.tasks.arm_many(
                [
                    term.Draft(
                        kind=term.TaskKind.MATTER,
                        class_id=n,
                        title="缴费",
                        audience=term.Audience.UNDONE,
                        made_by="bench",
                        matter="缴费",
                        is_private=True,
                        deadline=at + 7 * DAY,
                    )
                    for n in range(1, size[0] + 1)
                ],
                at - DAY,
            )
            await uow.tasks.plan_new(
                [term.Planned(number, "T-7", at, at + 3 * DAY) for number in numbers]
            )
        began = time.perf_counter()
        longest = 0.0
        is_more: bool | None = True
        while is_more:
            one = time.perf_counter()
            async with database.unit_of_work() as uow:
                is_more = await jobs.fire(uow, at, world.means)
            longest = max(longest, time.perf_counter() - one)
        took = time.perf_counter() - began
        async with database.reading() as uow:
            count = (await uow.read(select(func.count()).select_from(obligations))).scalar_one()
        assert count == size[0] * size[1]
        pace = world.means.pushes_per_minute * len(world.accounts)
        return took, longest, -(-int(count * BOUND) // pace)
    finally:
        await database.close()


# -- report ---------------------------------------------------------------------------------------


def table(found: Found, world: Term, seed: int) -> str:
    """The figures, as Markdown; the same for the same seed."""
    ended, states = found.sums.reminders, found.sums.obligations
    late = found.late_minutes
    rows = [
        ("班 × 人，账号", f"{world.size[0]} × {world.size[1]}，{len(world.accounts)} 个"),
        ("种子", str(seed)),
        ("计划的提醒", f"{found.planned:,}"),
        *((f"　{_STATES[state]}", f"{ended.get(state, 0):,}") for state in _OF_REMINDERS),
        ("应提醒的人次", f"{found.owed:,}"),
        *((f"　{_STATES[state]}", f"{states.get(state, 0):,}") for state in _OF_OBLIGATIONS),
        ("发出的消息", f"群 {found.messages['群']:,} 条，私聊 {found.messages['私聊']:,} 条"),
        ("发出前收回的消息", f"{found.withdrawn:,}"),
        ("补发晚了（分钟，中位／最长）", f"{late[len(late) // 2]}／{late[-1]}" if late else "无"),
        ("一个群一天最多听几次", str(found.most_in_a_group_a_day)),
        ("夜里发的", str(found.at_night)),
        ("同一条提醒找了同一人两次", str(found.said_twice)),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


_OF_REMINDERS = ("fired", "late", "expired", "cancelled")
_OF_OBLIGATIONS = ("sent", "late", "expired", "cancelled", "done")
_STATES = {
    "fired": "按时",
    "sent": "按时送到",
    "late": "补发",
    "expired": "过期（报告给教师）",
    "cancelled": "取消",
    "done": "发出前已办好",
}


def draw(found: Found) -> None:
    """Day by day: what became of what was owed; outages in grey."""
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 3.8))
    days = list(found.by_day)
    bottom = [0] * len(days)
    colours = {
        "sent": "tab:blue",
        "late": "tab:orange",
        "done": "tab:green",
        "cancelled": "tab:grey",
        "expired": "tab:red",
    }
    for state, colour in colours.items():
        height = [found.by_day[day][state] for day in days]
        axes.bar(days, height, bottom=bottom, color=colour, label=state, width=0.9)
        bottom = [low + more for low, more in zip(bottom, height, strict=True)]
    for begins, length in OUTAGES:
        axes.axvspan(begins, begins + max(length, 6 * HOUR), color="black", alpha=0.15, lw=0)
    axes.set(ylabel="obligations ended, a day", title="a term of reminders (grey: outages)")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def _chunks(rows: Sequence[dict[str, object]]) -> list[Sequence[dict[str, object]]]:
    return [rows[start : start + 5000] for start in range(0, len(rows), 5000)]


@dataclass
class Progress:
    """A line that fills while the term goes by; into a file, a line a week."""

    week: int = 0

    def __call__(self, now: datetime) -> None:
        share = (now - START) / (150 * DAY)
        line = f"{now:%m-%d %H:%M} {'█' * int(30 * share):<30} {share:4.0%}"
        if sys.stderr.isatty():
            print(f"\r{line}", end="", file=sys.stderr, flush=True)
        elif (now - START).days // 7 > self.week:
            self.week = (now - START).days // 7
            print(line, file=sys.stderr, flush=True)


async def fresh(url: str, folder: Path) -> list[str]:
    """A migrated database: an SQLite file, or the empty PostgreSQL one that was given, twice."""
    found = url or f"sqlite+aiosqlite:///{folder}/term.db"
    database = Database(found)
    await runner.migrate(database)
    await database.close()
    return [found] * (2 if url else 1)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--url", default="", help="an empty PostgreSQL database; default: SQLite")
    parser.add_argument("--morning", action="store_true", help="only plan everybody at 08:00")
    parser.add_argument("--write", action="store_true", help="write docs/reminders.md and term.png")
    asked = parser.parse_args()
    size = (asked.classes, asked.students)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        urls = asyncio.run(fresh(asked.url, Path(folder)))
        if asked.morning:
            took, longest, minutes = asyncio.run(morning(urls[0], size, asked.seed))
            print(
                f"{size[0] * size[1]:,} obligations planned in {took:.1f} s, longest transaction "
                f"{longest:.2f} s; at the pace of the accounts said within {minutes} min"
            )
            return 0
        found, world = asyncio.run(simulate(urls, size, asked.seed, shown=Progress()))
        took = time.perf_counter() - began
    text = table(found, world, asked.seed)
    print(f"\n\n{text}\n\n{took:.0f} s, {world.ticks:,} ticks")
    problems = found.problems(world.means.reminders)
    for problem in problems:
        print(f"✗ {problem}", file=sys.stderr)
    if asked.write and not problems:
        draw(found)
        before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
