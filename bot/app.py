"""Composition root: builds every object, starts them in order, stops them in reverse."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

import structlog
from aiohttp import web
from filelock import FileLock, Timeout

from bot.adapters.base import Adapter, SendError
from bot.adapters.onebot import OneBot
from bot.adapters.playground import Playground
from bot.adapters.wechat import Standing, State, WeChat
from bot.alarms import Alarms
from bot.answering import Answering
from bot.backup import Backups
from bot.clock import Clock
from bot.collecting import HandedInFiles
from bot.encoding import encoding_for
from bot.inbox import Inbox
from bot.knowledge import KnowledgeInUse
from bot.language_model import LanguageModel
from bot.lines import Lines
from bot.outage import Outage
from bot.outbox import Outbox
from bot.pictures import Pictures, Reader, is_installed
from bot.pulse import Pulse
from bot.retraining import use_own_model
from bot.setting_changes import note_changes
from bot.settings import Settings
from bot.slow_work import SlowWork
from bot.web import server
from handlers.recent import Recent
from handlers.working_time import WorkingTime
from schedules.clock import AlarmClock
from schedules.means import Means
from storage.database import Database
from storage.lines import Login
from storage.migrations import runner
from storage.vocabulary import ContactRequest, Platform

log = structlog.get_logger()

#: How long a stop may take to send what is already answered, and then to end what is under way;
#: twenty seconds in all.
DRAIN_SECONDS = 14
LAST_SECONDS = 4
#: How much of that a picture being read may have; it is taken up again at the next start.
ASIDE_AT_A_STOP = timedelta(seconds=2)
#: Past this every group has been told what fell due.
SPREAD = timedelta(minutes=5)


class AlreadyOpen(RuntimeError):
    """Another process has this SQLite file; stop it, or use PostgreSQL for two."""


class App:
    """The whole bot. `async with app.running():` is its life; there is no other way in."""

    def __init__(
        self, settings: Settings, *, has_playground: bool = False, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        #: Shown on the playground's page, so that a newcomer can look as a supervisor does.
        self.demo_password = ""
        self.clock = clock or Clock()
        self.database = Database(settings.database.url)
        self.pulse = Pulse(self.database, self.clock, settings.database.lease)
        use_own_model(settings)
        self.encoding = encoding_for(self.database, settings.bot)
        self.knowledge = KnowledgeInUse(self.database, self.clock.now, self.encoding)
        self.onebot = OneBot(settings.onebot, self.clock.now)
        self.wechat = WeChat(settings.wechat, self.clock.now)
        self.playground = Playground(self.clock.now, settings.bot.name) if has_playground else None
        adapters: list[Adapter] = [self.onebot, self.wechat]
        if self.playground is not None:
            adapters.append(self.playground)
        self.adapters: dict[Platform, Adapter] = {item.platform: item for item in adapters}
        self.lines = Lines(database=self.database, adapters=self.adapters, clock=self.clock)
        self.wechat.on_state.append(self._note_login)
        self.outbox = Outbox(
            database=self.database,
            adapters=self.adapters,
            settings=settings.outbox,
            clock=self.clock,
            pulse=self.pulse,
        )
        recent = Recent()
        self.working = working = WorkingTime(settings.working_time)
        answering = Answering(
            database=self.database,
            outbox=self.outbox,
            knowledge=lambda: self.knowledge.knowledge,
            settings=settings.bot,
            clock=self.clock,
            pulse=self.pulse,
            encoding=self.encoding,
            capabilities={item.platform: item.capabilities for item in adapters},
            recent=recent,
            working=working,
            reminders=settings.reminders,
            address=settings.web.base_url,
        )
        model = settings.language_model
        can_read = settings.bot.read_pictures and is_installed()
        self.files = HandedInFiles(
            self.adapters,
            settings.collections_folder,
            settings.collections.max_file_bytes,
            full_at=settings.alarms.disk_percent,
        )
        self.slow_work = SlowWork(
            files=self.files,
            adapters=self.adapters,
            answering=answering,
            settings=settings.bot,
            pictures=Pictures(self.adapters, Reader()) if can_read else None,
            model=LanguageModel(model) if model.is_on else None,
        )
        self.inbox = Inbox(
            database=self.database,
            outbox=self.outbox,
            answering=answering,
            settings=settings.bot,
            clock=self.clock,
            pulse=self.pulse,
            recent=recent,
            outage=Outage(
                folder=settings.spool_folder,
                adapters=self.adapters,
                name=settings.bot.name,
                clock=self.clock,
            ),
            slow_work=self.slow_work,
        )
        means = Means(
            settings.bot,
            working,
            {item.platform: item.capabilities for item in adapters},
            reminders=settings.reminders,
            pushes_per_minute=settings.outbox.pushes_per_minute,
        )
        self.alarm = AlarmClock(self.database, self.clock.now, means, self._after_a_job)
        self.backups = Backups(self.database, settings, self.clock)
        self.alarms = Alarms(
            database=self.database,
            settings=settings,
            clock=self.clock,
            working=working,
            failing=self.alarm.failing,
            backups=self.backups,
        )
        self.inbox.on_request.append(self._answer_request)
        self.port = 0
        self._requests: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From the first row claimed to the last message sent."""
        await runner.require_current(self.database)
        # SQLite works in a thread that waits for the interpreter's lock at every statement; at
        # the default of 5 ms a busy loop makes each answer wait several times that.
        sys.setswitchinterval(0.0002)
        try:
            with self._alone():
                async with self._working():
                    yield
                await self._let_go()
        finally:
            await self.database.close()
            log.info("app.stopped")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process a SQLite file: the second one started says so and stops."""
        if not self.database.is_sqlite:
            yield
            return
        lock = FileLock(f"{self.database.url.database}.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise AlreadyOpen(
                f"{self.database.url.database} 正被另一个助学程序使用，请先停掉它。"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        if self.database.is_sqlite:
            # Nobody else has this file open, so whoever held a lease is gone.
            async with self.database.unit_of_work() as uow:
                await uow.inbox.expire(self.clock.now())
                await uow.outbox.expire(self.clock.now())
        await self.files.sweep(self.database, self.clock.now())
        await note_changes(self.database, self.settings, self.clock.now())
        await self._look_around()
        await self.pulse.beat()
        async with asyncio.TaskGroup() as group:
            workers = [
                group.create_task(self.pulse.run(), name="pulse"),
                group.create_task(self.outbox.run(), name="outbox"),
                group.create_task(self.inbox.run(), name="inbox"),
                group.create_task(self.lines.run(), name="lines"),
                group.create_task(self.backups.run(), name="backups"),
                group.create_task(self.alarms.run(), name="alarms"),
            ]
            listeners = [
                group.create_task(
                    adapter.run(self.inbox.accept, self._presence), name=adapter.platform
                )
                for adapter in self.adapters.values()
            ]
            # Beside the rest: what is asked meanwhile is found by its words.
            learning = group.create_task(self.knowledge.run(), name="knowledge")
            site = await self._open_doors()
            self.alarm.start()
            log.info("app.started", instance=self.pulse.instance, port=self.port)
            try:
                yield
            finally:
                await self.alarm.stop()
                await self._finish()
                for task in listeners:
                    task.cancel()
                await site.cleanup()
                # Not cancelled: a transaction under way is finished, and its connection closed.
                for worker in (self.inbox, self.outbox, self.pulse, self.lines):
                    worker.stop()
                self.backups.stop()
                self.alarms.stop()
                await asyncio.wait(workers, timeout=LAST_SECONDS)
                await self.slow_work.close()
                for task in (*workers, learning):
                    task.cancel()
                if self.encoding is not None:
                    self.encoding.close()

    async def _open_doors(self) -> web.AppRunner:
        site = web.AppRunner(
            server.build(self),
            access_log=None,
            # Long-lived sockets are ended by their own adapters, not waited for.
            shutdown_timeout=2,
        )
        await site.setup()
        host, port = self.settings.web.host, self.settings.web.port
        await web.TCPSite(site, host, port).start()
        self.port = site.addresses[0][1]
        return site

    async def _finish(self) -> None:
        """What has been accepted is worked through and sent, within reason."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.inbox.drain(ASIDE_AT_A_STOP)
                await self.outbox.drain()

    async def _let_go(self) -> None:
        try:
            async with self.database.unit_of_work() as uow:
                await uow.inbox.release(self.pulse.instance)
                await uow.outbox.release(self.pulse.instance)
        except Exception as error:
            if not self.database.is_away(error):
                raise
            # The leases run out by themselves.
            log.warning("app.leases_not_released", error=type(error).__name__)

    async def _after_a_job(self) -> None:
        """What it has written is sent, what it has changed is seen."""
        self.outbox.wake()
        await self._look_around()

    async def let_pass(self, span: timedelta) -> None:
        """
        The playground's clock goes on: from one reminder to the next, so that none is late.

        A little past each, too: groups are not all told in the same minute.
        """
        until = self.clock.now() + span
        while (now := self.clock.now()) < until:
            async with self.database.reading() as uow:
                at = await uow.tasks.next_due(now, until)
            for instant in (at, at + SPREAD) if at is not None else (until,):
                self.clock.advance(max(timedelta(), min(instant, until) - self.clock.now()))
                # What this process has in hand stays its own.
                await self.pulse.beat()
                await self.alarm.run_all()

    async def _look_around(self) -> None:
        """Refresh what is only a hint: staff, open prompts, knowledge."""
        try:
            now = self.clock.now()
            async with self.database.reading() as uow:
                self.inbox.attention.staff = await uow.people.staff_ids(now)
                self.inbox.attention.prompted = set(await uow.prompts.open(now))
                self.inbox.attention.awaited = await uow.receipts.awaited()
                self.inbox.attention.silent = await uow.people.silent_groups(now)
                self.inbox.attention.bots = await uow.lines.accounts()
            await self.knowledge.refresh()
        except Exception:
            log.exception("app.look_around_failed")

    def _presence(self, platform: Platform, account: str, is_online: bool) -> None:
        self.outbox.presence(platform, account, is_online)
        self.lines.presence(platform, account, is_online)

    def _note_login(self, state: State) -> None:
        """Where WeChat stands, for `python -m bot status` and the console."""
        self.lines.login(
            Login(
                Platform.WECHAT,
                state.standing,
                state.since,
                state.account,
                state.name,
                state.qr if state.standing is Standing.SCAN else "",
            )
        )

    def _answer_request(self, request: ContactRequest, is_known: bool) -> None:
        """Let in whom we know; leave everybody else to a person."""
        if is_known:
            task = asyncio.get_running_loop().create_task(self._approve(request))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _approve(self, request: ContactRequest) -> None:
        adapter = self.adapters[request.conversation.platform]
        for pause in (1, 5, 30):
            try:
                await adapter.answer_request(request, approve=True)
            except SendError:
                await asyncio.sleep(pause)
            else:
                return
        log.warning("app.request_not_answered", account=request.conversation.account)
