"""Commands for whoever keeps the bot running: back up, put back, try the alarms."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import alarms, logs
from bot import backup as backups
from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.disk import used_percent
from bot.settings import DEFAULT_FILE, Settings
from handlers import texts, texts_alarms
from storage.backup import BackupFailed
from storage.database import Database


def backup(
    config: Config = DEFAULT_FILE,
    to: Annotated[Path | None, typer.Option("--to", help="备份到哪个文件夹")] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="最近的留几份，另外每天留最后一份")
    ] = None,
) -> None:
    """备份数据库和收到的文件；运行中就能做。"""
    settings = settings_of(config)
    logs.set_up()
    folder, now = to or settings.backup_folder, Clock().now()

    async def work(database: Database) -> tuple[Path, backups.Manifest]:
        await require_current(database)
        return await backups.take(database, settings, folder, now)

    try:
        path, manifest = with_database(settings, work)
    except BackupFailed as error:
        fail(f"没有备份成：{error}。")
    typer.echo(
        f"已备份到 {path}：数据库 {_size(manifest.database.bytes)}，"
        f"{sum(manifest.rows.values())} 行；文件 {len(manifest.files)} 个；"
        f"用时 {manifest.seconds} 秒。"
    )
    wanted = settings.backup
    gone = backups.prune(folder, keep=keep or wanted.keep, days=wanted.keep_days, now=now)
    if gone:
        typer.echo(f"按规定清掉 {gone} 份旧的，还有 {len(backups.backups_in(folder))} 份。")


def restore(
    backup: Annotated[Path, typer.Argument(help="哪一份：备份的文件夹，或其中的 manifest.json")],
    config: Config = DEFAULT_FILE,
    replace: Annotated[
        bool, typer.Option("--replace", help="数据库里已有数据也换掉，原来的改名留着")
    ] = False,
) -> None:
    """用一份备份恢复：核对、升级、补做之后的删除；过去的提醒和消息不再发。先停掉程序。"""
    settings = settings_of(config)
    logs.set_up()
    path, now = backup.parent if backup.name == backups.MANIFEST else backup, Clock().now()
    try:
        done = asyncio.run(backups.restore(settings, path, replaces=replace, now=now))
    except BackupFailed as error:
        fail(f"没有恢复，什么也没改：{error}。")
    manifest, left = done.manifest, done.aftermath
    typer.echo(
        f"已恢复到 {texts.instant(manifest.taken_at, now)} 的样子："
        f"{sum(manifest.rows.values())} 行，行数与备份清单一致，结构 {done.migrated_to}；"
        f"用时 {done.seconds} 秒。"
    )
    typer.echo(f"· 这之后到现在（{texts.duration(now - manifest.taken_at)}）的记录没有了。")
    typer.echo(
        f"· 没有发：备份时排队的消息 {left.messages} 条（网页「连接」里逐条定），"
        f"到期的提醒 {left.reminders} 件（告诉助学教师，在「事项」页可重发）。"
    )
    typer.echo(f"· 备份时还没处理的来信 {left.events} 条，启动后照常处理。")
    typer.echo("· 网页登录和没用过的绑定码全部作废。")
    if done.erased.done:
        typer.echo(f"· 备份之后办过的删除，已重新删除 {len(done.erased.done)} 人。")
    if done.erased.still:
        numbers = "、".join(str(number) for number in done.erased.still)
        typer.echo(
            f"✗ 还有 {len(done.erased.still)} 人要再办一次删除（persons 编号 {numbers}）："
            "在这份备份里还有没办结的事，先办结。",
            err=True,
        )
    if done.damaged:
        typer.echo(f"✗ 有 {len(done.damaged)} 个文件没能恢复（备份里缺失或损坏）：", err=True)
        for name in done.damaged[:20]:
            typer.echo(f"  {name}", err=True)
        raise typer.Exit(1)


def machine_in_lines(settings: Settings, now: datetime) -> tuple[list[str], bool]:
    """Disks and the newest backup, each a sentence; whether all is well with them."""
    limit, lines, is_well = settings.alarms.disk_percent, [], True
    for folder in dict.fromkeys(settings.kept_folders.values()):
        percent = used_percent(folder)
        is_well = is_well and percent < limit
        sign, more = ("✓", "") if percent < limit else ("✗", "，已停收文件，请清理")
        lines.append(f"{sign} 磁盘（{folder}）用了 {percent:.0f}%{more}")
    found = backups.backups_in(settings.backup_folder)
    if not found:
        return [*lines, "· 还没有备份：python -m bot backup，或设 backup.every_minutes"], is_well
    _, at = found[0]
    return [*lines, f"· 最近一份备份：{texts.instant(at, now)}，共 {len(found)} 份"], is_well


def alarm_test(
    config: Config = DEFAULT_FILE,
    say: Annotated[
        str, typer.Option("--say", help="报这一句，而不是测试；给 systemd 的 OnFailure 用")
    ] = "",
) -> None:
    """从每条报警的路各发一条测试，看通不通。"""
    settings = settings_of(config).alarms
    if not settings.is_on:
        fail("没有设置报警：请在 .env 写 ZHUXUE_ALARMS__WEBHOOK，或设置 [alarms] 的邮件。")
    host = alarms.host()
    text = texts_alarms.said_by_hand(say, host) if say else texts_alarms.trial(host)
    found = asyncio.run(alarms.say(settings, text))
    names = {"webhook": "机器人网址", "mail": "邮件"}
    for road, problem in found.items():
        typer.echo(f"✗ {names[road]}：{problem}" if problem else f"✓ {names[road]}：已发出")
    if any(found.values()):
        raise typer.Exit(1)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MB"
