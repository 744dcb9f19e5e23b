"""`python -m bot privacy`: erase somebody, with proof; who is affected by a leak (PIPL 47, 57)."""

import csv
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from storage import erasure
from storage.database import Database
from storage.erasure_journal import Erased, ErasureJournal
from storage.vocabulary import SHANGHAI

app = typer.Typer(help="个人信息：删除一位同学、列出某段时间涉及的同学。", no_args_is_help=True)


@app.command()
def erase(
    who: Annotated[str, typer.Argument(help="学号，或平台账号如 qq:20001")],
    request: Annotated[str, typer.Option("--request", help="删除申请的编号，如 T-12")] = "",
    config: Config = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问")] = False,
) -> None:
    """从每张表里删除一位同学，打印各表行数作为凭据；台账的行留下，但看不出是谁。"""
    number = request.strip().upper().removeprefix("T-")
    if number and not number.isdecimal():
        fail("--request 应写成 T-12。")
    if not yes:
        typer.confirm("删除以后不能恢复。继续吗？", abort=True)
    settings = settings_of(config)

    async def work(database: Database) -> erasure.Proof:
        await require_current(database)
        now = Clock().now()
        async with database.unit_of_work() as uow:
            found = await uow.supervisors.person(who)
            if len(found) != 1:
                fail(f"「{who}」：找到 {len(found)} 人。请写学号，或 qq:20001 这样的账号。")
            try:
                proof = await erasure.erase(
                    uow, found[0][0], now, but=int(number) if number else None
                )
            except erasure.StillOpen as held:
                waiting = "、".join(f"T-{one}" for one in held.numbers)
                fail(f"{waiting} 还没办结，办结以前是凭据，不能删。")
            except erasure.IsStaff:
                fail("任过职的人按教职工档案的规定办，这里不删。")
            uow.audit.add(
                at=now, actor="cli", action="person.erased", target=f"person:{proof.person}",
                detail=json.dumps({**proof.removed, **proof.without_identity}), reason=request,
            )  # fmt: skip
            # Before the commit: what is in the list and not done is done after a restore.
            ErasureJournal(settings.erasure_journal).add(Erased(now, proof.person))
        return proof

    proof: erasure.Proof = with_database(settings, work)
    _remove_files(settings.collections_folder, proof.paths)
    typer.echo(f"已删除（编号 person:{proof.person}，{proof.at:%Y-%m-%d %H:%M}）：")
    for title, rows in (
        ("删掉的行", proof.removed),
        ("留下、看不出是谁的行", proof.without_identity),
        ("依法保留的行", proof.kept),
    ):
        told = "、".join(f"{erasure.WORDS[name]} {count}" for name, count in rows.items())
        typer.echo(f"{title}：{told or '没有'}")
    typer.echo(f"文件 {len(proof.paths)} 份；备份里最迟 {proof.backups_purged_by:%Y-%m-%d} 清除。")


@app.command()
def affected(
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="从哪天起")],
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="到哪天，含当天")],
    config: Config = DEFAULT_FILE,
) -> None:
    """演练或泄露时用：这段时间有记录的同学，CSV，供逐一告知。查看本身留痕。"""
    first = since.replace(tzinfo=SHANGHAI)
    last = until.replace(tzinfo=SHANGHAI) + timedelta(days=1)

    async def work(database: Database) -> list[erasure.Affected]:
        await require_current(database)
        async with database.unit_of_work() as uow:
            uow.audit.add(
                at=Clock().now(), actor="cli", action="person.listed",
                target=f"{since:%Y-%m-%d}~{until:%Y-%m-%d}",
            )  # fmt: skip
            return await erasure.affected(uow, first, last)

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("学号", "姓名", "班级", "记录条数"))
    for one in with_database(settings_of(config), work):
        writer.writerow((one.student_no, one.name, "、".join(one.classes), one.rows))


def _remove_files(folder: Path, paths: tuple[str, ...]) -> None:
    root = folder.resolve()
    for path in paths:
        file = (root / path).resolve()
        if file.is_relative_to(root):
            file.unlink(missing_ok=True)
