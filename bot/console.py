"""What every command of the shell does alike: settings, the database, a failure, a diff."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from bot.clock import Clock
from bot.importing import Kind, import_table
from bot.settings import Settings, SettingsError, load_settings
from handlers.imports import TableError
from storage.database import Database
from storage.errors import SchemaOutdated
from storage.imports import Changes
from storage.migrations import runner

Config = Annotated[Path, typer.Option("--config", "-c", help="配置文件")]
Result = TypeVar("Result")


def settings_of(config: Path, **overrides: Any) -> Settings:
    """The settings, or the end of the program with what is wrong with them."""
    try:
        return load_settings(config, **overrides)
    except SettingsError as error:
        fail("配置有问题，没有启动：", *error.problems)


def fail(*lines: str) -> NoReturn:
    """Say what is wrong and stop."""
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


def with_database(settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Do `work` on the database of the settings, in a loop of its own."""

    async def main() -> Result:
        database = Database(settings.database.url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(main())


async def require_current(database: Database) -> None:
    """Stop unless the database has the schema of this program."""
    try:
        await runner.require_current(database)
    except SchemaOutdated:
        fail("数据库还没有建立或版本不对，请先运行 python -m bot migrate。")


def import_and_tell(
    config: Path,
    kind: Kind,
    file: Path,
    *,
    yes: bool,
    dry_run: bool,
    replaces: bool = False,
    week_one: date | None = None,
    tells: bool = False,
    task: int | None = None,
) -> None:
    """Import a table: its diff first, then the question, then what was done."""
    settings = settings_of(config)

    def confirm(changes: Changes) -> bool:
        show(changes)
        if dry_run:
            return False
        # Without a terminal there is nobody to ask: the command itself was the decision.
        return yes or not sys.stdin.isatty() or typer.confirm("照此修改吗？")

    async def work(database: Database) -> Changes | None:
        await require_current(database)
        return await import_table(
            database,
            kind,
            file,
            settings=settings.bot,
            now=Clock().now(),
            confirm=confirm,
            replaces=replaces,
            week_one=week_one,
            tells=settings.reminders if tells else None,
            task=task,
        )

    try:
        changes = with_database(settings, work)
    except TableError as error:
        fail(f"{file.name} 有 {len(error.problems)} 处问题，一行也没有导入：", *error.problems)
    if changes is None:
        typer.echo("没有修改。")
    elif not changes.lines:
        typer.echo("和数据库一致，没有要改的。")
    else:
        typer.echo(f"已导入：{in_sum(changes)}")


def show(changes: Changes, most: int = 20) -> None:
    """The diff, at most so many lines of it."""
    typer.echo(f"差异 {in_sum(changes)}")
    for line in changes.lines[:most]:
        typer.echo(f"  {line}")
    if len(changes.lines) > most:
        typer.echo(f"  ……还有 {len(changes.lines) - most} 行")


def in_sum(changes: Changes) -> str:
    """+3 −1 ~2."""
    return f"+{changes.added} −{changes.removed} ~{changes.changed}"
