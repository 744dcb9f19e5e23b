"""What the shell prints about the state of things: problems of the set-up, rows of the ledger."""

import json
from collections import defaultdict
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.knowledge import KnowledgeInUse
from bot.settings import Settings
from handlers import texts
from handlers.records import KIND_NAMES, outcome_in_words
from storage.database import Database
from storage.errors import NotFound
from storage.migrations import runner
from storage.reports import LedgerFilter, LedgerRow
from storage.vocabulary import SHANGHAI


async def look_over(settings: Settings) -> tuple[list[str], list[str]]:
    """What keeps the bot from working, each with its cure; and what is merely worth knowing."""
    problems: list[str] = []
    notes: list[str] = []
    has_qq = settings.onebot.access_token.get_secret_value() or settings.onebot.forward
    if not has_qq and not settings.wechat.is_on:
        problems.append(
            "onebot.access_token：没有设置，QQ 连不进来（微信也没有设置）。请在 .env 里写 "
            "ZHUXUE_ONEBOT__ACCESS_TOKEN=自己定的长口令，并在 NapCat 的反向 WebSocket 里填同一个。"
        )
    database = Database(settings.database.url)
    try:
        if database.is_missing_file:
            problems.append("database.url：数据库还没有建立，请运行 python -m bot migrate")
        else:
            found, notes = await _look_into(database)
            problems += found
    finally:
        await database.close()
    return problems, notes


async def _look_into(database: Database) -> tuple[list[str], list[str]]:
    try:
        found = await runner.current(database)
    except Exception as error:
        kind = type(error).__name__
        return [f"database.url：连不上数据库（{kind}），请检查地址、账号和密码"], []
    if found != runner.head():
        return [f"database.url：结构版本是 {found or '空'}，请运行 python -m bot migrate"], []
    knowledge = KnowledgeInUse(database, Clock().now)
    await knowledge.refresh()
    async with database.reading() as uow:
        if not await uow.imports.class_names():
            return ["班级：一个也没有，请运行 python -m bot import classes 班级.csv"], []
        filled = await uow.published.filled_slots()
        aside = await uow.inbox.set_aside()
        unsent = (await uow.outbox.backlog()).dead
    notes = [
        f"消息 {event_id}（{at:%m-%d %H:%M} 收到）处理了三次都不成，已转给老师：{error}"
        for event_id, error, at in aside
    ]
    if unsent:
        notes.append(f"有 {unsent} 条消息没能发出去，原因在运行日志的 outbox.dead 里。")
    wanted = {slot for entry in knowledge.knowledge.entries for slot in entry.needs}
    return [], notes + _empty_slots_in_words(wanted - filled)


def _empty_slots_in_words(empty: set[str]) -> list[str]:
    """A line a kind: 时间, 链接, …"""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for slot in sorted(empty):
        kind, _, name = slot.partition(":")
        by_kind[kind].append(name)
    lines = [f"  {kind}：{'、'.join(names)}" for kind, names in by_kind.items()]
    return ["学校还没有填、问到时会转老师的：", *lines] if lines else []


async def has_supervisor(database: Database) -> bool:
    """Whether anybody has a password for the pages."""
    if await runner.current(database) != runner.head():
        return False
    async with database.reading() as uow:
        return await uow.supervisors.any()


async def ledger_lines(
    database: Database,
    class_name: str,
    since: datetime | None,
    until: datetime | None,
    *,
    limit: int,
    as_jsonl: bool,
) -> list[str]:
    """The newest rows, for people or (`as_jsonl`) for programs."""
    now = Clock().now()
    async with database.reading() as uow:
        class_ids: list[int] | None = None
        if class_name:
            room = await uow.people.class_named(class_name, now)
            if room is None:
                raise NotFound(f"没有班级「{class_name}」。")
            class_ids = [room.id]
        wanted = LedgerFilter(
            class_ids=class_ids,
            since=since.replace(tzinfo=SHANGHAI) if since else None,
            until=until.replace(tzinfo=SHANGHAI) + timedelta(days=1) if until else None,
        )
        rows = await uow.reports.ledger(wanted, limit=limit)
        total = await uow.reports.count(wanted)
    if as_jsonl:
        return [json.dumps(_as_dict(row), ensure_ascii=False) for row in rows]
    lines = [_as_line(row) for row in rows]
    return [*lines, f"共 {total} 条" + (f"，显示最新 {len(rows)} 条" if total > len(rows) else "")]


def _as_line(row: LedgerRow) -> str:
    record = row.record
    reply = record.first_reply_seconds
    took = f" 首次答复 {texts.duration(timedelta(seconds=reply))}" if reply is not None else ""
    topic = texts.TOPIC_NAMES[record.topic]
    return (
        f"{row.at:%Y-%m-%d %H:%M:%S} {row.class_name} {row.person_name or row.speaker_id} "
        f"{KIND_NAMES[record.kind]}·{topic} {record.article} {outcome_in_words(row)}{took}"
    )


def _as_dict(row: LedgerRow) -> dict[str, object]:
    record = row.record
    return {
        "id": row.id,
        "at": row.at.isoformat(),
        "class": row.class_name,
        "tutor": row.tutor_name,
        "person": row.person_name,
        "platform": row.platform,
        "speaker_id": row.speaker_id,
        "kind": record.kind,
        "topic": record.topic,
        "article": record.article,
        "action": record.action,
        "solved_by": record.solved_by,
        "first_reply_seconds": record.first_reply_seconds,
        "hand_off": record.hand_off,
        "entry": record.entry or None,
        "message_id": row.message_id,
        "event_id": row.event_id,
    }
