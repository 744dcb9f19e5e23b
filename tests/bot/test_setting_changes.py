"""S25.2: what was changed in the settings stands in the audit list after the next start."""

from datetime import datetime
from typing import Any

from bot.setting_changes import note_changes
from bot.settings import load_settings
from storage.audit import AuditLine
from storage.database import Database


async def start(database: Database, now: datetime, **sections: Any) -> list[AuditLine]:
    """A start with these settings; what the audit list says of settings by then."""
    await note_changes(database, load_settings(**sections), now)
    async with database.reading() as uow:
        return await uow.audit.lines(limit=20, action="settings")


async def test_a_change_is_one_line_with_before_and_after(
    database: Database, now: datetime
) -> None:
    """S25.2"""
    first = await start(database, now)
    same = await start(database, now)
    changed = await start(database, now, bot={"grace_minutes": 25}, outbox={"pushes_per_minute": 5})
    still = await start(database, now, bot={"grace_minutes": 25}, outbox={"pushes_per_minute": 5})

    assert first == same == []
    (line,) = changed
    assert still == changed
    assert (line.actor, line.action, line.target) == ("system", "settings.changed", "settings")
    assert line.detail == "bot.grace_minutes：10 → 25；outbox.pushes_per_minute：20 → 5"


async def test_of_a_secret_only_that_it_is_another(database: Database, now: datetime) -> None:
    await start(database, now, web={"metrics_token": "first-token"})
    await start(database, now, web={"metrics_token": "first-token"})
    found = await start(database, now, web={"metrics_token": "second-token"})
    gone = await start(database, now)

    assert [line.detail for line in found] == ["web.metrics_token：换了（内容不记）"]
    assert gone[0].detail == "web.metrics_token：已设置 → 没有设置"
    async with database.reading() as uow:
        kept = await uow.audit.settings()
    assert not any("token" in it.words for it in kept.values())


async def test_a_password_within_an_address_is_a_secret_too(
    database: Database, now: datetime
) -> None:
    for password in ("one", "two"):
        url = f"postgresql+asyncpg://zhuxue:{password}@db/zhuxue"
        await note_changes(database, load_settings(database={"url": url}), now)
    async with database.reading() as uow:
        found = await uow.audit.lines(limit=20, action="settings")

    assert [line.detail for line in found] == ["database.url：换了（内容不记）"]
