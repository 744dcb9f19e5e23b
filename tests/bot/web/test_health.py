"""What a monitor reads: a database that is away is red, figures are for machines only."""

import asyncio
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bot.app import App
from bot.settings import WebSettings
from tests.bot.web.conftest import Visit


def sample(body: str, name: str, **labels: str) -> float:
    found = [
        item.value
        for family in text_string_to_metric_families(body)
        for item in family.samples
        if item.name == name and item.labels == labels
    ]
    assert len(found) == 1, (name, labels, found)
    return float(found[0])


async def test_metrics_are_prometheus_text_and_hold_no_name(app: App, visit: Visit) -> None:
    visitor = await visit(app)
    async with asyncio.timeout(10):
        while "zhuxue_account_online{" not in (await visitor.get("/metrics"))[1]:  # noqa: ASYNC110 -- a test's poll
            await asyncio.sleep(0.02)

    status, body = await visitor.get("/metrics")

    assert status == 200
    assert sample(body, "zhuxue_database_up") == 1
    assert sample(body, "zhuxue_account_online", platform="playground", account="assistant") == 1
    assert sample(body, "zhuxue_queue_rows", queue="inbox", state="dead") == 0
    assert 0 < sample(body, "zhuxue_disk_used_ratio", folder="data") < 1
    assert sample(body, "process_resident_memory_bytes") > 0
    assert not any(name in body for name in ("王敏", "小李", "计算机2301"))


async def test_metrics_are_for_this_machine_or_for_who_has_the_token(
    bare_app: App, visit: Visit
) -> None:
    visitor = await visit(bare_app)

    async def status(token: str, **headers: str) -> int:
        web = WebSettings.model_validate({"port": 0, "metrics_token": token})
        bare_app.settings = bare_app.settings.model_copy(update={"web": web})
        return (await visitor.get("/metrics", headers=headers))[0]

    through_a_proxy = {"X-Forwarded-For": "198.51.100.7"}
    assert await status("") == 200
    assert await status("", **through_a_proxy) == 404
    assert await status("", Cookie="zhuxue_session=x") == 404
    assert await status("long-secret") == 404
    assert await status("long-secret", Authorization="Bearer wrong") == 404
    assert await status("long-secret", Authorization="Bearer long-secret", **through_a_proxy) == 200


async def test_health_says_what_somebody_should_look_at(bare_app: App, visit: Visit) -> None:
    """F15: a full disk is said before anything stops."""
    visitor = await visit(bare_app)
    alarms = bare_app.settings.alarms.model_copy(update={"disk_percent": 0})
    bare_app.settings = bare_app.settings.model_copy(update={"alarms": alarms})
    bare_app.alarm.failing["reminders.fire"] = 1

    async with visitor.http.get(visitor.base / "healthz") as response:
        answer: dict[str, Any] = await response.json()

    assert response.status == 200
    assert answer["status"] == "degraded"
    assert answer["parts"] == {"disk": "full", "jobs": "failing", "backup": "ok"}


async def test_f5_health_is_red_while_the_database_is_away(bare_app: App, visit: Visit) -> None:
    """F5: 503 for whoever watches; the figures say so too and do not fail."""
    visitor = await visit(bare_app)

    async def away() -> None:
        raise ConnectionError("gone")

    bare_app.database.check = away  # type: ignore[method-assign]
    async with visitor.http.get(visitor.base / "healthz") as response:
        answer = await response.json()

    assert response.status == 503
    assert (answer["status"], answer["database"]) == ("failing", "unreachable")
