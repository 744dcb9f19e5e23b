"""`term`: what the calendar would change of what is armed, shown, asked about, and armed."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from handlers import term as rules_of_terms
from handlers import texts_calendar as texts
from handlers.term import Preview, Rules, TermPlan, rules_from
from storage.database import Database

#: So many lines of a diff are shown; there are as many as different dates, not as classes.
MOST = 40


def term(
    config: Config = DEFAULT_FILE,
    arm: Annotated[bool, typer.Option("--arm", help="看过差异后启用")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问")] = False,
) -> None:
    """校历和已启用的提醒差在哪里：差异、原话、接下来的日期；--arm 问过以后启用。"""
    show_and_arm(config, arms=arm, yes=yes)


def show_and_arm(config: Path, *, arms: bool, yes: bool) -> None:
    """The diff, the exact words of one class, and, where asked for, the question and the arming."""
    settings = settings_of(config)
    rules = rules_from(settings.reminders)

    async def work(database: Database) -> None:
        await require_current(database)
        now = Clock().now()
        async with database.reading() as uow:
            plan = await rules_of_terms.propose(uow, rules, now)
            shown = await rules_of_terms.preview(uow, plan, rules, now)
        for line in lines_of(shown, now):
            typer.echo(line)
        if plan.is_empty:
            return
        if not arms:
            typer.echo("还没有启用。启用：python -m bot term --arm")
            return
        # Without a terminal there is nobody to ask: the command itself was the decision.
        if not (yes or not sys.stdin.isatty() or typer.confirm("照此启用吗？")):
            typer.echo("没有启用。")
            return
        if await arm_as_shown(database, rules, plan, by="cli", progress=_progress):
            typer.echo(f"已启用：{plan.counts}")
        else:
            fail("这段时间校历又变了，没有启用。请再看一次：python -m bot term")

    with_database(settings, work)


async def arm_as_shown(
    database: Database,
    rules: Rules,
    shown: TermPlan,
    *,
    by: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Arm it, unless the calendar is no longer what it was when the plan was shown."""
    now = Clock().now()
    async with database.unit_of_work() as uow:
        await uow.tasks.lock()
        plan = await rules_of_terms.propose(uow, rules, now)
        if plan.fingerprint != shown.fingerprint:
            return False
        await rules_of_terms.arm(uow, plan, by=by, now=now, progress=progress)
        uow.audit.add(at=now, actor=by, action="term.armed", target="全部", detail=plan.counts)
    return True


def lines_of(shown: Preview, now: datetime) -> list[str]:
    """A plan for a terminal."""
    plan = shown.plan
    if plan.is_empty:
        lines = [f"校历都已启用（{plan.unchanged} 项），没有要改的。"]
    else:
        lines = [texts.plan_head(plan.counts, shown.classes, shown.groups, shown.people)]
        lines += [f"  {texts.group_line(group, now)}" for group in shown.lines[:MOST]]
        if len(shown.lines) > MOST:
            lines.append(f"  ……还有 {len(shown.lines) - MOST} 种")
        lines.append(f"例如 {shown.class_name}：")
        for one in shown.samples:
            whom = "（私聊）" if one.is_private else ""
            lines.append(f"  {texts.when(one.at, now)} {one.name}{whom}")
            lines += [f"    {line}" for line in one.text.splitlines()]
    if plan.unknown:
        lines.append(f"没有提醒模板、只用来答复的事项：{'、'.join(plan.unknown)}")
    if plan.withheld:
        lines.append(f"被人取消过、没有再启用的：{len(plan.withheld)} 项（改了日期会再启用）")
    return lines


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"  {done}/{total}", end=end, file=sys.stderr, flush=True)
