"""The command line: one function per command, each a few lines around what does the work."""

import asyncio
import gc
import json
import os
import signal
import sys
import webbrowser
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import segno
import typer
from argon2 import PasswordHasher

from bot import (
    appraisal,
    auditing,
    collecting,
    demo,
    drawing,
    evaluating,
    exporting,
    kb,
    logs,
    operations,
    privacy,
    reporting,
    research,
    retraining,
    roster,
    term,
)
from bot.adapters.wechat import Standing, State
from bot.app import AlreadyOpen, App
from bot.asking import Asker
from bot.clock import Clock
from bot.console import Config, fail, import_and_tell, require_current, settings_of, with_database
from bot.encoding import encoding_for
from bot.importing import Kind
from bot.knowledge import KnowledgeInUse
from bot.settings import DEFAULT_FILE, Settings, load_settings
from bot.status import SCAN_WORDS, STANDINGS, Status, in_lines, look
from bot.terminal import Terminal
from handlers.imports import TableError
from handlers.published import facts_in_words, scope_of, sources_of
from storage.database import Database
from storage.errors import NotFound, SchemaOutdated
from storage.migrations import runner
from storage.vocabulary import Role

app = typer.Typer(
    name="zhuxue",
    help="助学：开放大学班级群助手。先试 playground，正式运行用 run。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(kb.app, name="kb")
app.add_typer(appraisal.app, name="appraisal")
app.add_typer(retraining.review, name="review")
app.add_typer(roster.app, name="roster")
app.add_typer(auditing.app, name="audit")
app.add_typer(privacy.app, name="privacy")
app.command()(retraining.retrain)
app.command()(term.term)
app.command()(exporting.export)
app.command()(research.research)
app.command()(operations.backup)
app.command()(operations.restore)
app.command("alarm-test")(operations.alarm_test)
PLAYGROUND_DATABASE = "sqlite+aiosqlite:///data/playground.db"
MIN_PASSWORD = 10


@app.command()
def run(config: Config = DEFAULT_FILE) -> None:
    """正式运行：连上 QQ，处理消息，直到收到停止信号。"""
    settings = settings_of(config)
    logs.set_up()
    _guard_address(settings)
    _start(_serve(settings))


@app.command()
def playground(
    config: Config = DEFAULT_FILE,
    terminal: Annotated[bool, typer.Option("--terminal", help="在终端里试，不开网页")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="不自动打开浏览器")] = False,
) -> None:
    """演示班级群：在浏览器（或终端）里扮演学生和老师，背后是完整的真实流程。"""
    # Never into the database of the settings file: made-up people do not belong in a real record.
    is_chosen = "ZHUXUE_DATABASE__URL" in os.environ
    database = {} if is_chosen else {"database": {"url": PLAYGROUND_DATABASE}}
    settings = settings_of(config, **database)
    logs.set_up()
    if settings.web.host not in ("127.0.0.1", "::1", "localhost"):
        fail("演示没有密码保护，只能在本机打开：请把 web.host 设为 127.0.0.1")
    _start(_play(settings, in_terminal=terminal, opens_browser=not no_browser))


@app.command()
def check(config: Config = DEFAULT_FILE) -> None:
    """检查配置和数据库，用中文说明哪里不对、该怎么改。"""
    settings = settings_of(config)
    logs.set_up()
    problems, notes = asyncio.run(reporting.look_over(settings))
    for line in problems:
        typer.echo(f"✗ {line}")
    for line in notes:
        typer.echo(line)
    if problems:
        raise typer.Exit(1)
    typer.echo("✓ 配置没有问题，数据库可以使用。")


@app.command()
def status(config: Config = DEFAULT_FILE) -> None:
    """账号在不在线、消息积压多少、哪段时间听不到消息；微信要扫码时在这里显示二维码。"""

    async def work(database: Database) -> Status:
        await require_current(database)
        async with database.reading() as uow:
            return await look(uow, Clock().now())

    settings = settings_of(config)
    found: Status = with_database(settings, work)
    machine, is_machine_well = operations.machine_in_lines(settings, Clock().now())
    for line in (*in_lines(found), *machine):
        typer.echo(line)
    for login, _ in found.logins:
        if login.code:
            typer.echo(SCAN_WORDS)
            segno.make(login.code).terminal(sys.stdout, compact=True)
    if not (found.is_well and is_machine_well):
        raise typer.Exit(1)


@app.command()
def migrate(config: Config = DEFAULT_FILE) -> None:
    """建立或升级数据库；重复执行没有影响。"""
    before, after = with_database(settings_of(config), runner.migrate)
    typer.echo("数据库已是最新。" if before == after else f"数据库已升级到 {after}。")


@app.command("import")
def import_(
    kind: Annotated[Kind, typer.Argument(help="表的种类")],
    file: Annotated[Path, typer.Argument(help=".xlsx 或 .csv 文件")],
    config: Config = DEFAULT_FILE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="看过差异后不再询问")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看差异，不改数据库")] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="学生表：表里有的班以表为准，不在表里的学生离班（− 行）"),
    ] = False,
    week_one: Annotated[
        datetime | None,
        typer.Option("--week-one", formats=["%Y-%m-%d"], help="课表：第一周从哪天算起，七天一周"),
    ] = None,
    tell: Annotated[bool, typer.Option("--tell", help="课表：有变化就告诉班级群")] = False,
    task: Annotated[
        str, typer.Option("--task", help="已办名单：是哪一件，如 R-12；不写就看「事项」列")
    ] = "",
    complete: Annotated[
        bool, typer.Option("--complete", help="已办名单：名单是全的，不在上面的就是没办")
    ] = False,
    arm: Annotated[bool, typer.Option("--arm", help="校历：导入后接着启用提醒")] = False,
) -> None:
    """导入班级、教师、学生、个人信息、校历、学校信息或知识；先列差异，有一行错就一行也不改。"""
    if replace and kind is not Kind.STUDENTS:
        fail("--replace 只用于学生表。")
    if (task or complete) and kind is not Kind.DONE:
        fail("--task 和 --complete 只用于已办名单（done）。")
    if task and not (number := task.upper().removeprefix("R-")).isdecimal():
        fail(f"--task {task}：应写成 R-12。")
    if (tell or week_one) and kind is not Kind.TIMETABLE:
        fail("--tell 和 --week-one 只用于课表（timetable）。")
    if arm and kind is not Kind.CALENDAR:
        fail("--arm 只用于校历（calendar）。")
    import_and_tell(
        config,
        kind,
        file,
        yes=yes,
        dry_run=dry_run,
        replaces=replace or complete,
        task=int(number) if task else None,
        week_one=week_one.date() if week_one else None,
        tells=tell,
    )
    if kind is Kind.CALENDAR and not dry_run:
        # Dates alone remind nobody: what would change for the classes is shown, and armed if asked.
        term.show_and_arm(config, arms=arm, yes=yes)


@app.command()
def collect(
    number: Annotated[str, typer.Argument(help="收作业的编号，如 R-12")],
    file: Annotated[Path, typer.Argument(help="写到哪个 .zip")],
    config: Config = DEFAULT_FILE,
) -> None:
    """把交来的文件打成 zip：学号_姓名，最新一版，附 index.csv 写明谁没交。"""
    word = number.strip().upper().removeprefix("R-")
    if not word.isdecimal() or file.suffix.lower() != ".zip":
        fail("请写成 collect R-12 作业.zip。")
    settings = settings_of(config)

    async def work(database: Database) -> collecting.Parcel | None:
        await require_current(database)
        async with database.unit_of_work() as uow:
            uow.audit.add(
                at=Clock().now(), actor="cli", action="collection.packed", target=f"R-{word}"
            )
            return await collecting.parcel(uow, int(word))

    found = with_database(settings, work)
    if found is None:
        fail(f"没有 R-{word} 这次收作业。")
    try:
        collecting.write(found, settings.collections_folder, file)
    except OSError as error:
        fail(f"没有写成：{error}")
    typer.echo(f"{file}：{len(found.newest)} 份，全班 {len(found.students)} 人。")


@app.command()
def ledger(
    config: Config = DEFAULT_FILE,
    class_name: Annotated[str, typer.Option("--class", help="只看这个班")] = "",
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="每行一条 JSON")] = False,
) -> None:
    """打印助学教师台账，最新的在前。"""

    async def work(database: Database) -> list[str]:
        await require_current(database)
        return await reporting.ledger_lines(
            database, class_name, since, until, limit=limit, as_jsonl=as_jsonl
        )

    try:
        lines = with_database(settings_of(config), work)
    except NotFound as error:
        fail(str(error))
    for line in lines:
        typer.echo(line)


@app.command("add-supervisor")
def add_supervisor(
    username: Annotated[str, typer.Argument(help="登录名")],
    name: Annotated[str, typer.Option("--name", help="姓名")] = "",
    unit: Annotated[str, typer.Option("--unit", help="办学单位；不写就是省校，看全部")] = "",
    person: Annotated[
        str, typer.Option("--person", help="是谁的账号：学号，或平台账号如 qq:10001")
    ] = "",
    role: Annotated[
        Role, typer.Option("--role", help="supervisor 督导，tutor 助学教师（只看本人）")
    ] = Role.SUPERVISOR,
    config: Config = DEFAULT_FILE,
) -> None:
    """
    添加督导或助学教师账号，或给已有账号换密码。写了 --person 就按这个人现任的职务给权限。

    密码从键盘输入，或放在环境变量 ZHUXUE_PASSWORD 里。
    """
    if role not in (Role.SUPERVISOR, Role.TUTOR):
        fail("--role 只能是 supervisor 或 tutor。")
    if role is Role.TUTOR and not person:
        fail("助学教师的账号要写明是谁的：--person 学号 或 --person qq:10001。")
    password = os.environ.get("ZHUXUE_PASSWORD") or typer.prompt(
        "密码", hide_input=True, confirmation_prompt="再输一次"
    )
    if len(password) < MIN_PASSWORD:
        fail(f"密码至少 {MIN_PASSWORD} 个字符。")

    async def work(database: Database) -> bool | None:
        await require_current(database)
        async with database.unit_of_work() as uow:
            unit_id = await uow.supervisors.unit_named(unit) if unit else None
            if unit and unit_id is None:
                return None
            people = await uow.supervisors.person(person) if person else []
            if person and len(people) != 1:
                found = "、".join(f"{known} {who}" for known, who in people) or "没有这个人"
                fail(f"「{person}」：{found}。平台账号请写成 qq:10001 的样子。")
            uow.audit.add(at=Clock().now(), actor="cli", action="supervisor.put", target=username)
            return await uow.supervisors.put(
                username=username,
                name=name or username,
                password_hash=PasswordHasher().hash(password),
                unit_id=unit_id,
                person_id=people[0][0] if people else None,
                role=role,
            )

    is_new = with_database(settings_of(config), work)
    if is_new is None:
        fail(f"没有办学单位「{unit}」。单位随班级表一起导入，请先 import classes。")
    typer.echo(f"已添加 {username}。" if is_new else f"{username} 已换密码，原有登录全部失效。")


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="一句话；配合 --jsonl 时不写")] = "",
    mention: Annotated[bool, typer.Option("--mention", "-m", help="当作 @ 了机器人")] = False,
    class_name: Annotated[str, typer.Option("--class", help="用这个班的校历填答案")] = "",
    jsonl: Annotated[bool, typer.Option("--jsonl", help="从标准输入逐行读 JSON")] = False,
    config: Config = DEFAULT_FILE,
) -> None:
    """看机器人会怎么处理一句话，但什么也不做。"""
    settings = settings_of(config)
    logs.set_up()
    asker = with_database(settings, lambda it: _asker(it, class_name, config))
    if not jsonl:
        typer.echo(json.dumps(asker.ask(text, mentions_bot=mention), ensure_ascii=False, indent=1))
        return
    # Bytes: one line in another encoding is that line's problem only.
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            words, is_mention = item["text"], bool(item.get("mentions_bot", False))
            if not isinstance(words, str):
                raise TypeError("text is not a string")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            typer.echo(f'第 {number} 行不是 {{"text": …}}：{error}', err=True)
            typer.echo(json.dumps({"error": f"line {number}"}))
            continue
        found = asker.ask(words, mentions_bot=is_mention)
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="标注好的 .jsonl、.xlsx 或 .csv")],
    class_name: Annotated[str, typer.Option("--class", help="用这个班的校历填答案")] = "",
    picture: Annotated[Path | None, typer.Option("--picture", help="画成 .png 或 .svg")] = None,
    keep: Annotated[Path | None, typer.Option("--save", help="把结果存成 .json")] = None,
    base: Annotated[Path | None, typer.Option("--compare", help="和存下的结果比")] = None,
    gate: Annotated[bool, typer.Option("--gate", help="有指标不到就以 1 退出")] = False,
    config: Config = DEFAULT_FILE,
) -> None:
    """拿标注好的消息考机器人：判得准不准、问题去了哪、把握实不实，和上次比变了什么。"""
    settings = settings_of(config)
    logs.set_up()
    try:
        cases = evaluating.read_cases(file)
    except TableError as error:
        fail(f"{file.name} 有 {len(error.problems)} 处问题，没有评测：", *error.problems)
    asker = with_database(settings, lambda it: _asker(it, class_name, config))
    results = evaluating.run_cases(asker, cases)
    lines = evaluating.report(file.name, results)
    try:
        lines += ["", *evaluating.changes(base, results)] if base else []
        if keep:
            evaluating.save(keep, results)
    except (TableError, OSError) as error:
        fail(str(error))
    typer.echo("\n".join(lines))
    if picture and drawing.can_draw():
        try:
            drawing.draw(picture, file.name, results)
        except (OSError, ValueError) as error:
            fail(f"图没有画成：{error}")
        typer.echo(f"图在 {picture}")
    elif picture:
        typer.echo("没有画图：要画图请先装开发依赖（requirements-dev.lock），里面有 matplotlib。")
    if gate and not all(target.is_met for target in evaluating.targets(results)):
        raise typer.Exit(1)


# -- parts ----------------------------------------------------------------------------------------


def _show_wechat(state: State) -> None:
    """On the operator's screen only: whoever has the code can log in, so no log gets it."""
    if state.standing is Standing.SCAN and state.qr:
        typer.echo(f"微信：{SCAN_WORDS}", err=True)
        segno.make(state.qr).terminal(sys.stderr, compact=True)
    elif state.standing is not Standing.OFF:
        typer.echo(f"微信：{STANDINGS[state.standing]}", err=True)


def _guard_address(settings: Settings) -> None:
    """Pages on another address than loopback need somebody with a password."""
    if settings.web.host in ("127.0.0.1", "::1", "localhost"):
        return
    if not with_database(settings, reporting.has_supervisor):
        fail(
            f"web.host 是 {settings.web.host}，但还没有任何督导账号。",
            "请先运行 python -m bot add-supervisor 名字，或把 web.host 改回 127.0.0.1。",
        )


async def _serve(settings: Settings) -> None:
    # Before anything is opened: a stop that comes while starting is as orderly as a later one.
    stop = _stop_signal()
    bot = App(settings)
    bot.wechat.on_state.append(_show_wechat)
    async with bot.running():
        # What is loaded stays: looking through all of it for garbage stopped the loop for 110 ms.
        gc.collect()
        gc.freeze()
        await stop.wait()


async def _play(settings: Settings, *, in_terminal: bool, opens_browser: bool) -> None:
    bot = App(settings, has_playground=True)
    await runner.migrate(bot.database)
    bot.demo_password = await demo.seed(bot.database, bot.clock.now())
    async with bot.running():
        address = f"http://127.0.0.1:{bot.port}/playground"
        if in_terminal:
            await Terminal(bot).run()
            return
        typer.echo(f"\n演示班级群：{address}")
        typer.echo(f"督导登录：{demo.SUPERVISOR} / {bot.demo_password}（每次启动重新生成）")
        typer.echo("按 Ctrl+C 停止。\n")
        if opens_browser and sys.stdout.isatty():
            await asyncio.to_thread(webbrowser.open, address)
        await _stop_signal().wait()


def _stop_signal() -> asyncio.Event:
    """Set by SIGINT or SIGTERM from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            # Windows: Ctrl+C arrives as KeyboardInterrupt.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop


def _start(main: Coroutine[Any, Any, None]) -> None:
    try:
        if sys.platform == "win32":
            asyncio.run(main)
        else:
            import uvloop

            uvloop.run(main)
    except* SchemaOutdated:
        fail("数据库结构和程序不一致，请先运行 python -m bot migrate。")
    except* AlreadyOpen as group:
        fail(str(group.exceptions[0]))
    except* OSError as group:
        error = group.exceptions[0]
        fail(f"没有启动：{error}", "如果是端口被占用，请改 web.port 或先停掉另一个程序。")


async def _asker(database: Database, class_name: str, config: Path) -> Asker:
    settings = load_settings(config)
    retraining.use_own_model(settings)
    clock = Clock()
    encoding = encoding_for(database, settings.bot)
    encoder = encoding.encoder if encoding else None
    knowledge = KnowledgeInUse(database, clock.now, encoding)
    now = clock.now()
    if database.is_missing_file or await runner.current(database) != runner.head():
        # Nothing configured yet: the entries that come with the program, and no dates.
        await knowledge.load_base()
        await knowledge.learn()
        return Asker(knowledge.knowledge, {}, settings.bot, now, encoder=encoder)
    await knowledge.refresh()
    await knowledge.learn()
    async with database.reading() as uow:
        room = await uow.people.class_named(class_name, now) if class_name else None
        if class_name and room is None:
            fail(f"没有班级「{class_name}」。")
        key = room.id if room else 0
        published = (await uow.published.for_classes([key]))[key]
    facts, sources = facts_in_words(published, room, now), sources_of(published)
    tutor = room.tutor.name if room and room.tutor else None
    scope = scope_of(published, room)
    return Asker(
        knowledge.knowledge, facts, settings.bot, now, tutor, sources, scope, encoder=encoder
    )
