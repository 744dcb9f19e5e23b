"""The playground's page and its WebSocket: a pretend class group, and the record as it fills."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bot import demo
from bot.adapters.playground import ACCOUNT, Playground, Said
from bot.web.base import APP, page, plain
from bot.web.pages import bars, entries, masked, median_in_words
from handlers import texts
from handlers.records import day_bounds
from handlers.routes import COMMANDS
from storage.questions import State
from storage.reports import LedgerFilter
from storage.vocabulary import MAX_TEXT, ConversationKind, Role

if TYPE_CHECKING:
    from bot.app import App

log = structlog.get_logger()

#: A browser that does not keep up is shown everything anew rather than line by line.
LINES_WAITING = 200
LINES_KEPT = 300
ROWS = 40
#: Between two looks at the record: five a second however much happens.
PAUSE = 0.2
#: A picture or a paper, as base64 of four thirds its size.
MAX_FILE = 4 * 2**20
MAX_FRAME = MAX_FILE * 4 // 3 + 64 * 1024
STEPS = {minutes: timedelta(minutes=minutes) for minutes in (10, 60, 24 * 60)}
PERSONS = {person.user_id: person for person in demo.PEOPLE}


class Stage:
    """What all browsers share: who is watching, and how a line looked as it was typed."""

    def __init__(self, app: App, playground: Playground) -> None:
        self.app = app
        self.playground = playground
        self.viewers: set[Viewer] = set()
        # A platform takes the @ out of the text; on the screen it belongs there.
        self._typed: dict[str, str] = {}

    async def say(self, who: demo.DemoPerson, text: str, *, is_private: bool, quote: str) -> None:
        """Somebody speaks; an @ in the text is a mention, as it is when picked from a list."""
        said_to_bot, bare = self._without_mention(text)
        mentions = [
            person.user_id
            for person in demo.PEOPLE
            if f"@{person.name}" in text and person is not who
        ]
        if said_to_bot and not is_private:
            mentions.append(ACCOUNT)
        said = await self.playground.say(
            user_id=who.user_id,
            name=who.name,
            text=bare,
            group_id="" if is_private else demo.GROUP_ID,
            quote=quote,
            mentions=tuple(mentions),
        )
        if bare != text:
            self._typed[said.message_id] = text

    async def hand_in(self, who: demo.DemoPerson, name: str, data: bytes) -> None:
        """Somebody sends the bot a file, alone: how homework is handed in."""
        await self.playground.say(
            user_id=who.user_id, name=who.name, text="", files=((name, data),)
        )

    async def advance(self, span: timedelta) -> None:
        """Let time pass: what falls due meanwhile happens now, and nobody is signed out by it."""
        app = self.app
        idle = timedelta(minutes=app.settings.web.session_minutes)
        used_since = app.clock.now() - idle
        async with app.database.unit_of_work() as uow:
            await uow.supervisors.carry_sessions(used_since, app.clock.now() + span)
        await app.let_pass(span)
        app.inbox.wake()
        app.outbox.wake()
        for viewer in self.viewers:
            viewer.look_again()

    def line(self, said: Said) -> dict[str, Any]:
        """One line of the chat for the browser."""
        is_group = said.conversation.kind is ConversationKind.GROUP
        return {
            "id": said.message_id,
            "place": "group" if is_group else said.conversation.id,
            "sender": said.sender_id,
            "name": said.sender_name,
            "text": self._typed.get(said.message_id, said.text),
            "quote": said.quote,
            "at": said.at.isoformat(timespec="seconds"),
        }

    def _without_mention(self, text: str) -> tuple[bool, str]:
        for name in self.app.settings.bot.names:
            if f"@{name}" in text:
                before, _, after = text.partition(f"@{name}")
                return True, f"{before.strip()} {after.strip()}".strip()
        return False, text


STAGE: web.AppKey[Stage] = web.AppKey("stage", Stage)


class Viewer:
    """One open browser: told every line at once, and the record at most five times a second."""

    def __init__(self, stage: Stage, socket: web.WebSocketResponse[bool]) -> None:
        self._stage = stage
        self._socket = socket
        self._lines: deque[Said] = deque()
        self._has_lines = asyncio.Event()
        self._is_behind = True
        self._has_changed = asyncio.Event()

    async def serve(self) -> None:
        """Until the browser goes away."""
        stage = self._stage
        stage.viewers.add(self)
        stage.playground.watchers.append(self._hear)
        stage.app.inbox.on_change.append(self.look_again)
        self._has_lines.set()
        self.look_again()
        try:
            async with asyncio.TaskGroup() as group:
                tellers = [
                    group.create_task(self._tell_lines()),
                    group.create_task(self._tell_record()),
                ]
                await self._listen()
                for task in tellers:
                    task.cancel()
        finally:
            stage.app.inbox.on_change.remove(self.look_again)
            stage.playground.watchers.remove(self._hear)
            stage.viewers.discard(self)

    async def close(self) -> None:
        """The server stops; the browser will come back."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    def look_again(self) -> None:
        """The record may have changed."""
        self._has_changed.set()

    def _hear(self, said: Said) -> None:
        if len(self._lines) >= LINES_WAITING:
            self._lines.clear()
            self._is_behind = True
        self._lines.append(said)
        self._has_lines.set()
        self.look_again()

    async def _tell_lines(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._has_lines.wait()
                self._has_lines.clear()
                if self._is_behind:
                    self._is_behind = False
                    self._lines.clear()
                    await self._send(self._everything())
                while self._lines and not self._is_behind:
                    line = self._stage.line(self._lines.popleft())
                    await self._send({"type": "line", "line": line})

    async def _tell_record(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._has_changed.wait()
                self._has_changed.clear()
                try:
                    record = await record_now(self._stage.app)
                except Exception:
                    # The next change, a moment away, asks again.
                    log.exception("playground.record_not_read")
                else:
                    await self._send(record)
                await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        async for frame in self._socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            try:
                wish = json.loads(frame.data)
                if isinstance(wish, dict):
                    await self._obey(wish)
            except ValueError:
                log.warning("playground.frame_not_understood", length=len(frame.data))
            except Exception:
                # One wish that failed is no reason to drop the browser.
                log.exception("playground.wish_failed")

    async def _obey(self, wish: dict[str, Any]) -> None:
        """What a browser may ask for; anything else is left alone."""
        match wish:
            case {"type": "say", "who": str(who), "private": bool(is_private), "text": str(text)}:
                words = text.encode("utf-8", "replace").decode().replace("\0", "").strip()
                quote = wish.get("quote")
                if who in PERSONS and words:
                    await self._stage.say(
                        PERSONS[who],
                        words[:MAX_TEXT],
                        is_private=is_private,
                        quote=quote[:100] if isinstance(quote, str) else "",
                    )
            case {"type": "file", "who": str(who), "name": str(name), "data": str(data)}:
                # A wrong letter is a ValueError, which `_listen` notes.
                content = b64decode(data, validate=True)
                bare = plain(name.replace("\\", "/").rpartition("/")[2], 100)
                if who in PERSONS and bare and 0 < len(content) <= MAX_FILE:
                    await self._stage.hand_in(PERSONS[who], bare, content)
            case {"type": "advance", "minutes": int(minutes)} if minutes in STEPS:
                await self._stage.advance(STEPS[minutes])

    def _everything(self) -> dict[str, Any]:
        stage = self._stage
        return {
            "type": "hello",
            "lines": [
                stage.line(said)
                for transcript in stage.playground.transcripts.values()
                for said in transcript[-LINES_KEPT:]
            ],
            "commands": commands_by_role(),
        }

    async def _send(self, value: dict[str, Any]) -> None:
        await self._socket.send_str(json.dumps(value))


def commands_by_role() -> dict[str, list[dict[str, str]]]:
    """What 「/」 offers to each of the people one can play."""
    return {
        person.user_id: [
            {"name": route.names[0], "usage": route.usage, "what": route.what}
            for route in COMMANDS
            if person.role in route.readers
        ]
        for person in demo.PEOPLE
    }


async def record_now(app: App) -> dict[str, Any]:
    """The tutor's record as it stands: newest rows, today's figures, what waits, the clock."""
    now = app.clock.now()
    since, until = day_bounds(now.date())
    async with app.database.reading() as uow:
        room = await uow.people.class_named(demo.CLASS_NAME, now)
        class_ids = [room.id] if room is not None else []
        whole = LedgerFilter(class_ids=class_ids)
        seen = LedgerFilter(class_ids=class_ids, hide_about_tutor=True)
        rows = await entries(uow, await uow.reports.ledger(seen, limit=ROWS), now)
        hidden = await uow.reports.count(whole) - await uow.reports.count(seen)
        figures = await uow.reports.day(class_ids, since, until)
        open_items = (await uow.questions.open_in(class_ids)).get(room.id if room else 0, [])
    return {
        "type": "record",
        "now": now.isoformat(timespec="milliseconds"),
        "rows": [asdict(row) for row in rows],
        "hidden": hidden,
        "figures": {
            "questions": figures.questions,
            "bars": [asdict(bar) for bar in bars(figures)],
            "waiting": figures.waiting,
            "median": median_in_words(figures),
        },
        "waiting": [
            {
                "number": f"T-{item.number}",
                "student": masked(item.asker_name),
                "topic": texts.TOPIC_NAMES[item.topic],
                "text": texts.clip(item.text, 60),
                "waited": texts.duration(now - item.asked_at)
                if now - item.asked_at >= timedelta(minutes=1)
                else "",
                "is_watched": item.state is State.WATCHED,
            }
            for item in open_items
            if not item.is_about_tutor
        ],
    }


# -- doors ----------------------------------------------------------------------------------------


async def playground_page(request: web.Request) -> web.Response:
    """`GET /playground`."""
    app = request.app[APP]
    return page(
        request,
        "playground.html",
        class_name=demo.CLASS_NAME,
        unit=demo.UNIT,
        people=demo.PEOPLE,
        tutor_role=Role.TUTOR,
        account=demo.SUPERVISOR,
        password=app.demo_password,
    )


async def websocket(request: web.Request) -> web.StreamResponse:
    """`GET /playground/ws`: only for a page of this very host."""
    origin = urlsplit(request.headers.get("Origin", ""))
    if origin.netloc.lower() != request.host.lower():
        raise web.HTTPForbidden
    socket: web.WebSocketResponse[bool] = web.WebSocketResponse(
        heartbeat=20, max_msg_size=MAX_FRAME, timeout=2, compress=False
    )
    await socket.prepare(request)
    await Viewer(request.app[STAGE], socket).serve()
    return socket


async def say_goodbye(app: web.Application) -> None:
    """Close what would otherwise hold up the stop."""
    await asyncio.gather(*(viewer.close() for viewer in list(app[STAGE].viewers)))
