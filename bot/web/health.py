"""For machines: `/healthz` says whether the bot can work, `/metrics` how much of what."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.disk import used_percent
from bot.status import hears
from bot.web import session
from bot.web.base import APP
from storage.lines import AccountLine
from storage.queue import Backlog

if TYPE_CHECKING:
    from bot.app import App

log = structlog.get_logger()

#: What a proxy in front of us adds: the request is not from this machine then.
_FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded")
#: A database that does not answer for so long is away.
_SECONDS = 5


async def healthz(request: web.Request) -> web.Response:
    """
    `GET /healthz`: 200 while the bot can work, 503 while its database is away.

    `status` is `degraded` where it works but somebody should look: a disk that is full, a job or
    the backup that fails. `online` are the accounts connected here.
    """
    app = request.app[APP]
    online = sorted(f"{platform}:{account}" for platform, account in app.outbox.online)
    try:
        async with asyncio.timeout(_SECONDS):
            await app.database.check()
    except Exception as error:
        log.warning("web.database_unreachable", kind=type(error).__name__)
        answer: dict[str, object] = {
            "status": "failing",
            "database": "unreachable",
            "online": online,
        }
        return web.json_response(answer, status=503)
    outage = app.inbox.outage
    if outage.since is not None:
        # It can be read and not written: full, locked, or only just back.
        answer = {
            "status": "failing",
            "database": "not storing",
            "since": outage.since.isoformat(timespec="seconds"),
            "on_disk": outage.is_on_disk,
            "dropped": outage.dropped.total(),
            "online": online,
        }
        return web.json_response(answer, status=503)
    parts = await asyncio.to_thread(_parts, app)
    is_well = all(word == "ok" for word in parts.values())
    status = "ok" if is_well else "degraded"
    return web.json_response({"status": status, "database": "ok", "online": online, "parts": parts})


def _parts(app: App) -> dict[str, str]:
    limit = app.settings.alarms.disk_percent
    folders = app.settings.kept_folders.values()
    is_full = any(used_percent(folder) >= limit for folder in folders)
    problem = app.backups.problem(app.clock.now(), late=3)
    return {
        "disk": "full" if is_full else "ok",
        "jobs": "failing" if app.alarm.failing else "ok",
        "backup": "failing" if problem else "ok",
    }


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus' text; for this machine, or whoever has `web.metrics_token`."""
    if not _may_read(request):
        raise web.HTTPNotFound
    app = request.app[APP]
    try:
        async with asyncio.timeout(_SECONDS), app.database.reading() as uow:
            lines = await uow.lines.all()
            queues = {"inbox": await uow.inbox.backlog(), "outbox": await uow.outbox.backlog()}
            alarms = len(await uow.alarms.on())
    except Exception as error:
        log.warning("web.database_unreachable", kind=type(error).__name__)
        found = _Figures(app, None, {}, 0)
    else:
        found = _Figures(app, lines, queues, alarms)
    body = await asyncio.to_thread(_exposed, found)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _may_read(request: web.Request) -> bool:
    """
    With the token from anywhere; without one only from this machine, and not a signed-in browser:
    how much there is of something may be what a reader is not to know.
    """
    token = request.app[APP].settings.web.metrics_token.get_secret_value()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token:
        return hmac.compare_digest(given.encode(), token.encode())
    is_direct = not any(name in request.headers for name in _FORWARDED)
    is_here = request.remote in ("127.0.0.1", "::1")
    return is_direct and is_here and session.COOKIE not in request.cookies


def _exposed(figures: _Figures) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return generate_latest(registry)


class _Figures(Collector):
    """Counts and states, no names and no words; `lines` is None while the database is away."""

    def __init__(
        self, app: App, lines: list[AccountLine] | None, queues: dict[str, Backlog], alarms: int
    ) -> None:
        self._app = app
        self._lines = lines
        self._queues = queues
        self._alarms = alarms

    def collect(self) -> Iterator[Metric]:
        """Everything at this moment."""
        app, now = self._app, self._app.clock.now()
        is_up = self._lines is not None
        yield GaugeMetricFamily("zhuxue_database_up", "1 while the database answers", int(is_up))
        if self._lines is not None:
            online = GaugeMetricFamily(
                "zhuxue_account_online",
                "1 while an account hears",
                labels=("platform", "account"),
            )
            for line in self._lines:
                online.add_metric((line.platform, line.account), int(hears(line, now)))
            yield online
            rows = GaugeMetricFamily(
                "zhuxue_queue_rows", "Waiting, and given up", labels=("queue", "state")
            )
            for name, backlog in self._queues.items():
                rows.add_metric((name, "ready"), backlog.ready)
                rows.add_metric((name, "dead"), backlog.dead)
            yield rows
            yield GaugeMetricFamily("zhuxue_alarms", "Alarms that are on", self._alarms)
        disk = GaugeMetricFamily("zhuxue_disk_used_ratio", "Of the disk", labels=("folder",))
        for name, folder in app.settings.kept_folders.items():
            disk.add_metric((name,), round(used_percent(folder) / 100, 4))
        yield disk
        failures = CounterMetricFamily(
            "zhuxue_job_failures", "Of each job since the start", labels=("job",)
        )
        for job, times in sorted(app.alarm.failures.items()):
            failures.add_metric((job,), times)
        yield failures
        if app.backups.last_at is not None:
            yield GaugeMetricFamily(
                "zhuxue_last_backup_timestamp_seconds",
                "When this instance took its newest backup",
                app.backups.last_at.timestamp(),
            )
