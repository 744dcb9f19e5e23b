"""
Alarms: by mail or a robot's webhook, for the chats may be what is down.

Looked after every few seconds; said once, said again after a day, and said when it is over. With
two instances on one database whichever comes first says it. Texts hold no name, no chat and
nobody's words.
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final

import aiohttp
import aiosmtplib
import structlog

from bot.backup import Backups
from bot.clock import Clock
from bot.disk import used_percent
from bot.settings import AlarmSettings, Settings
from bot.status import PLATFORM_NAMES, SILENT, STANDINGS
from handlers import texts
from handlers import texts_alarms as words
from handlers.working_time import WorkingTime
from storage.alarms import Alarm
from storage.database import Database
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

LOOK_EVERY: Final = 15.0
SAID_AGAIN_AFTER: Final = timedelta(days=1)
#: A job that fails once may have met a locked database; it is asked again at the next tick.
FAILED_TIMES: Final = 3
#: Backups may be late by so many of their intervals.
_LATE_BACKUPS: Final = 3
_SECONDS: Final = 10


class RoadClosed(RuntimeError):
    """It could not be said this way; the message says why, without the address."""


# -- roads ----------------------------------------------------------------------------------------


def body_of(kind: str, text: str) -> dict[str, Any]:
    """What a robot reads; `json` is for a receiver of one's own."""
    match kind:
        case "dingtalk" | "wecom":
            return {"msgtype": "text", "text": {"content": text}}
        case "feishu":
            return {"msg_type": "text", "content": {"text": text}}
        case _:
            return {"source": "zhuxue", "host": host(), "text": text}


async def by_webhook(settings: AlarmSettings, text: str) -> None:
    """Post it. Robots answer 200 also when they refuse, and say so in the body."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    url, body = settings.webhook.get_secret_value(), body_of(settings.webhook_kind, text)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(url, json=body, allow_redirects=False) as response,
        ):
            if response.status >= 300:
                raise RoadClosed(f"状态 {response.status}")
            if settings.webhook_kind != "json":
                answer = await response.json(content_type=None)
                code = answer.get("errcode", answer.get("code", 0))
                if code:
                    raise RoadClosed(f"机器人没有收：{code}")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError) as error:
        # The error's own words hold the address, and that holds the robot's key.
        raise RoadClosed(type(error).__name__) from None


async def by_mail(settings: AlarmSettings, text: str) -> None:
    """Send it to everybody on the list."""
    message = EmailMessage()
    message["From"] = settings.mail_from or settings.mail_user
    message["To"] = ", ".join(settings.mail_to)
    message["Subject"] = words.subject(text)
    message.set_content(text)
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.mail_server,
            port=settings.mail_port,
            username=settings.mail_user or None,
            password=settings.mail_password.get_secret_value() or None,
            use_tls=settings.mail_security == "tls",
            start_tls=settings.mail_security == "starttls",
            timeout=_SECONDS,
        )
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise RoadClosed(type(error).__name__) from None


async def say(settings: AlarmSettings, text: str) -> dict[str, str]:
    """By every road there is: what went wrong with each, empty where nothing did."""
    roads: dict[str, Any] = {}
    if settings.webhook.get_secret_value():
        roads["webhook"] = by_webhook
    if settings.mail_server and settings.mail_to:
        roads["mail"] = by_mail
    found: dict[str, str] = {}
    for name, road in roads.items():
        try:
            await road(settings, text)
        except RoadClosed as error:
            found[name] = str(error)
        else:
            found[name] = ""
    return found


def host() -> str:
    """Which machine says it."""
    return socket.gethostname()


# -- what is wrong --------------------------------------------------------------------------------


async def in_database(uow: UnitOfWork, settings: Settings, now: datetime) -> dict[str, str]:
    """What every instance sees alike."""
    longest = timedelta(seconds=settings.alarms.offline_seconds)
    found: dict[str, str] = {}
    for line in await uow.lines.all():
        name = f"{PLATFORM_NAMES[line.platform]} {line.account}"
        key = f"line:{line.platform}:{line.account}"
        if not line.is_online and now - line.since > longest:
            found[key] = words.line_offline(name, texts.instant(line.since, now))
        elif line.is_online and now - line.seen_at > max(longest, SILENT):
            found[key] = words.not_running(name, texts.instant(line.seen_at, now))
    for login in await uow.lines.logins():
        if login.standing != "online" and now - login.since > longest:
            standing = STANDINGS.get(login.standing, login.standing)
            name = PLATFORM_NAMES[login.platform]
            found[f"login:{login.platform}"] = words.login_needed(name, standing)
    inbox, outbox = await uow.inbox.backlog(), await uow.outbox.backlog()
    if inbox.dead or outbox.dead:
        found["poison"] = words.poison(inbox.dead, outbox.dead)
    return found


class Alarms:
    """Looks, says and says that it is over, until stopped."""

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        clock: Clock,
        working: WorkingTime,
        failing: Mapping[str, int],
        backups: Backups | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._working = working
        self._failing = failing
        self._backups = backups
        self._is_stopping = asyncio.Event()
        self._away_since: datetime | None = None
        self._is_told_away = False

    async def run(self) -> None:
        """Look every few seconds, where there is anybody to tell."""
        while self._settings.alarms.is_on and not self._is_stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._is_stopping.wait()
                    return
            try:
                await self.look()
            except Exception:
                log.exception("alarms.not_looked")

    def stop(self) -> None:
        """No more."""
        self._is_stopping.set()

    async def look(self) -> None:
        """Once: what is new is said, and what is over."""
        now = self._clock.now()
        try:
            fresh, over = await self._note(now)
        except Exception as error:
            log.warning("alarms.database_away", kind=type(error).__name__)
            await self._without_database(now)
            return
        if self._away_since is not None:
            if self._is_told_away:
                await self._say(words.over(words.database_away(), self._at(now), host()))
            self._away_since, self._is_told_away = None, False
        for alarm in over:
            await self._say(words.over(alarm.words, texts.instant(alarm.since, now), host()))
        for alarm in fresh:
            since = texts.instant(alarm.since, now)
            if not await self._say(words.alarm(alarm.words, since, host())):
                async with self._database.unit_of_work() as uow:
                    await uow.alarms.not_told(alarm.key)

    async def _note(self, now: datetime) -> tuple[list[Alarm], list[Alarm]]:
        """What nobody was told of, and of what is over that somebody was."""
        own = {f"{key}@{host()}"[:200]: text for key, text in self.here(now).items()}
        async with self._database.reading() as uow:
            found = await in_database(uow, self._settings, now) | own
            before = {alarm.key for alarm in await uow.alarms.on()}
        # What only another machine can know is for that one to end.
        ours = {key for key in before if "@" not in key or key.endswith(f"@{host()}")}
        async with self._database.unit_of_work() as uow:
            over = await uow.alarms.end(sorted(ours - found.keys()))
            await uow.alarms.begin(found, now)
            return await uow.alarms.untold(now, SAID_AGAIN_AFTER), over

    def here(self, now: datetime) -> dict[str, str]:
        """What only this process can know."""
        found: dict[str, str] = {}
        limit = self._settings.alarms.disk_percent
        for name, folder in self._settings.kept_folders.items():
            if (percent := used_percent(folder)) >= limit:
                found[f"disk:{name}"] = words.disk_full(str(folder), percent)
        for job, times in self._failing.items():
            if times >= FAILED_TIMES:
                found[f"job:{job}"] = words.job_failing(job, times)
        if years := self._working.unknown_years(now):
            found["holidays"] = words.unknown_year(years)
        if self._backups is not None and (problem := self._backups.problem(now, _LATE_BACKUPS)):
            found["backup"] = words.backup_failing(problem)
        return found

    async def _without_database(self, now: datetime) -> None:
        """Twice in a row is no hiccup."""
        if self._away_since is None:
            self._away_since = now
        elif not self._is_told_away:
            text = words.alarm(words.database_away(), self._at(now), host())
            self._is_told_away = await self._say(text)

    def _at(self, now: datetime) -> str:
        return texts.instant(self._away_since or now, now)

    async def _say(self, text: str) -> bool:
        """Whether anybody could be told."""
        found = await say(self._settings.alarms, text)
        for road, problem in found.items():
            if problem:
                log.warning("alarms.road_closed", road=road, problem=problem)
        log.info("alarms.said", roads=[road for road, problem in found.items() if not problem])
        return any(not problem for problem in found.values())
