"""`audit`: whether the list of who did what still is what was written."""

from typing import Annotated

import typer

from bot.clock import Clock
from bot.console import Config, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from storage.audit import Verification
from storage.database import Database

app = typer.Typer(help="审计记录：谁看了、改了、导出了什么。", no_args_is_help=True)


@app.command()
def verify(
    config: Config = DEFAULT_FILE,
    expect: Annotated[str, typer.Option("--expect", help="以前抄下的末尾指纹，应在链上")] = "",
) -> None:
    """逐条核对审计记录的封条，说出从哪一条起被改过、删过或插过。"""

    async def work(database: Database) -> Verification:
        await require_current(database)
        async with database.unit_of_work() as uow:
            # What waits is sealed first, so that all of it is looked at.
            while await uow.audit.seal(Clock().now()):
                pass
        async with database.reading() as uow:
            return await uow.audit.verify(expect)

    found: Verification = with_database(settings_of(config), work)
    if found.broken is not None:
        typer.echo(f"✗ 第 {found.sealed} 条出了问题：{found.broken}。请和备份核对。", err=True)
        raise typer.Exit(1)
    if not found.has_expected:
        typer.echo("✗ 给的指纹不在链上：整条链可能被重写或截短过。请和备份核对。", err=True)
        raise typer.Exit(1)
    typer.echo(f"✓ {found.sealed} 条审计记录都在，没有被改过。")
    typer.echo(f"末尾指纹：{found.head}")
    typer.echo("请抄在数据库以外的地方，下次用 --expect 核对。")
