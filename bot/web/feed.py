"""`/feed/{token}.ics`: a student's calendar, for whoever has its secret address."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web.base import APP
from handlers.feed import Entry, entries_of, hashed

if TYPE_CHECKING:
    from icalendar import Event

#: How often a calendar program is asked to look again.
REFRESH = timedelta(hours=6)
REMIND_BEFORE = timedelta(days=1)


async def feed(request: web.Request) -> web.Response:
    """`GET /feed/{token}.ics`. An address that is nobody's, or no longer, is no page at all."""
    app = request.app[APP]
    now = app.clock.now()
    async with app.database.reading() as uow:
        person_id = await uow.timetable.owner_of_feed(hashed(request.match_info["token"]))
        if person_id is None:
            raise web.HTTPNotFound
        entries = await entries_of(uow, person_id, now)
    return web.Response(
        body=as_ics(entries, app.settings.bot.name, now),
        content_type="text/calendar",
        charset="utf-8",
        headers={
            "Cache-Control": "private",
            "Content-Disposition": 'inline; filename="zhuxue.ics"',
        },
    )


def as_ics(entries: Iterable[Entry], bot_name: str, now: datetime) -> bytes:
    """
    An iCalendar file (RFC 5545). Its instants are in UTC, which every program shows in the zone of
    its owner; so no definition of a zone can be misread.
    """
    # Here: most bots serve nobody's calendar, and it is megabytes of memory.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//zhuxue//timetable//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{bot_name} 课表与截止时间")
    calendar.add("x-wr-timezone", "Asia/Shanghai")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT6H")
    for entry in entries:
        calendar.add_component(_event(entry, now))
    return bytes(calendar.to_ical())


def _event(entry: Entry, now: datetime) -> Event:
    from icalendar import Alarm, Event

    event = Event()
    event.add("uid", f"{entry.key}@zhuxue")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("summary", entry.title)
    if entry.place:
        event.add("location", entry.place)
    if entry.is_deadline:
        # A free half hour, not an appointment.
        event.add("transp", "TRANSPARENT")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", entry.title)
        alarm.add("trigger", -REMIND_BEFORE)
        event.add_component(alarm)
    return event
