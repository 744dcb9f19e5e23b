"""`roster`: binding codes to print, a class's address book, and how many students a tutor has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot import contacts as address_book
from bot.clock import Clock
from bot.console import Config, fail, require_current, settings_of, with_database
from bot.settings import DEFAULT_FILE
from bot.tables import write_table
from handlers import texts
from handlers.binding import LISTED_LASTS, listed_code
from handlers.imports import TableError
from schedules.roster import LIMIT
from storage.database import Database
from storage.roster import Student

app = typer.Typer(help="名册：打印绑定码、导出通讯录、看师生比。", no_args_is_help=True)
_HOW = "私聊机器人发：/绑定 绑定码（一人一码，只能用一次，不要发到群里）"


@app.command()
def codes(
    class_name: Annotated[str, typer.Argument(help="班级")],
    file: Annotated[Path, typer.Argument(help="要写的 .xlsx 或 .csv 文件")],
    config: Config = DEFAULT_FILE,
) -> None:
    """给一个班还没绑定的学生各发一个绑定码，打印后当面交给本人；14 天内有效，旧码作废。"""
    now = Clock().now()
    until = now + LISTED_LASTS

    async def work(database: Database) -> list[tuple[Student, str]]:
        await require_current(database)
        async with database.unit_of_work() as uow:
            room = await uow.people.class_named(class_name, now)
            if room is None:
                fail(f"没有班级「{class_name}」。")
            made: list[tuple[Student, str]] = []
            for student in await uow.roster.students_of([room.id]):
                if student.accounts:
                    continue
                code, hashed = listed_code()
                await uow.people.put_binding_code(
                    student.person_id, hashed, now, until, given_by="cli"
                )
                made.append((student, f"{code[:4]}-{code[4:7]}-{code[7:]}"))
            uow.audit.add(
                at=now,
                actor="cli",
                action="roster.codes_listed",
                target=f"class:{room.id}",
                detail=f"{len(made)}",
            )
            return made

    made = with_database(settings_of(config), work)
    if not made:
        typer.echo("这个班的学生都绑定了，没有发码。")
        return
    rows = [
        ("班级", "学号", "姓名", "绑定码", "有效期至", "怎么用"),
        *(
            (class_name, one.student_no, one.name, code, texts.instant(until, now), _HOW)
            for one, code in made
        ),
    ]
    _write(file, "绑定码", rows)
    typer.echo(f"已给 {len(made)} 名学生发码，写在 {file}。请打印、裁开，当面交给本人后删掉文件。")


@app.command()
def contacts(
    class_name: Annotated[str, typer.Argument(help="班级")],
    file: Annotated[Path, typer.Argument(help="要写的 .xlsx 或 .csv 文件")],
    config: Config = DEFAULT_FILE,
    full: Annotated[bool, typer.Option("--full", help="完整手机号；要写理由")] = False,
    reason: Annotated[str, typer.Option("--reason", help="为什么要完整手机号")] = "",
) -> None:
    """导出一个班的通讯录；手机号默认打码，--full 要写理由，都记入审计。"""
    if full and len(reason.strip()) < address_book.MIN_REASON:
        fail("要完整手机号请写理由：--full --reason 「学生家访」。")
    now = Clock().now()

    async def work(database: Database) -> list[Student]:
        await require_current(database)
        async with database.unit_of_work() as uow:
            room = await uow.people.class_named(class_name, now)
            if room is None:
                fail(f"没有班级「{class_name}」。")
            uow.audit.add(
                at=now,
                actor="cli",
                action="export.contacts",
                target=f"class:{room.id}",
                detail=f"完整：{reason.strip()}" if full else "打码",
            )
            return await uow.roster.students_of([room.id])

    students = with_database(settings_of(config), work)
    _write(file, "通讯录", address_book.rows(class_name, students, is_full=full))
    typer.echo(f"已导出 {len(students)} 人到 {file}（{'完整号码' if full else '号码已打码'}）。")


@app.command()
def ratios(config: Config = DEFAULT_FILE) -> None:
    """每位助学教师带多少学生，超过 200:1 的在前；没有助学教师的班和专业。"""
    now = Clock().now()

    async def work(database: Database) -> list[str]:
        await require_current(database)
        async with database.reading() as uow:
            lines = [
                f"{'✗' if one.students > LIMIT else '✓'} {one.name} {one.students} 人，"
                f"{len(one.class_names)} 个班"
                for one in await uow.roster.ratios(None, now)
            ]
            vacant = [one.name for one in await uow.roster.class_lines(None, now) if not one.tutors]
            lines += [f"✗ 没有助学教师的班：{name}" for name in vacant]
            majors = await uow.roster.majors_without_tutor(None, now)
            return lines + [f"✗ 没有助学教师的专业：{name}" for name in majors]

    for line in with_database(settings_of(config), work):
        typer.echo(line)


def _write(file: Path, title: str, rows: Sequence[Sequence[str]]) -> None:
    try:
        write_table(file, {title: rows})
    except (TableError, OSError) as error:
        fail(f"没有写成：{error}")
