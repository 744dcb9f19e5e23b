"""The bot's own accounts: online since when, blind from when to when, and who has to log in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Table, and_, insert, select, tuple_, update

from storage.models.accounts import account_lines, blind_windows, logins
from storage.models.hand_offs import hand_offs
from storage.vocabulary import Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A platform and one of the bot's accounts on it.
Account = tuple[Platform, str]
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account. `since` is when it came or went; `seen_at` when it was last known online."""

    platform: Platform
    account: str
    is_online: bool
    since: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class BlindWindow:
    """From `starts_at` to `ends_at` the bot could not hear what was said to this account."""

    platform: Platform
    account: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """
    How far a platform that is logged into by hand has come.

    `code` is what the QR code to scan says. Whoever has it can log in as the bot: it is for the
    operator's eyes, is in no log, and goes when it has been scanned.
    """

    platform: Platform
    standing: str
    since: datetime
    account: str = ""
    name: str = ""
    code: str = ""


class Lines:
    """What the bot knows about its own ears."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def came(self, platform: Platform, account: str, now: datetime) -> BlindWindow | None:
        """
        The account is online; the window that this ends, if there was one.

        What was asked meanwhile and is still only noted gets that time on top of its grace.
        """
        old = await self._line(platform, account)
        await self._put(
            account_lines, _is(account_lines, platform, account), _line(platform, account, now)
        )
        if old is None:
            return None
        # A row still "online" is a process that died: it last heard something at `seen_at`.
        starts_at = old.seen_at if old.is_online else old.since
        if starts_at >= now:
            return None
        window = BlindWindow(platform, account, starts_at, now)
        self._uow.add(
            blind_windows,
            {"platform": platform, "account": account, "starts_at": starts_at, "ends_at": now},
        )
        await self._lengthen_grace(window)
        return window

    async def went(self, platform: Platform, account: str, now: datetime) -> None:
        """The account is offline from now on."""
        await self._uow.write(
            update(account_lines)
            .where(_is(account_lines, platform, account), account_lines.c.is_online)
            .values(is_online=False, since=now, seen_at=now)
        )

    async def accounts(self) -> frozenset[Account]:
        """The bot's own accounts, whether online or not."""
        statement = select(account_lines.c.platform, account_lines.c.account)
        return frozenset(
            (Platform(platform), account) for platform, account in await self._uow.read(statement)
        )

    async def seen(self, accounts: Collection[Account], now: datetime) -> None:
        """These accounts are online still."""
        if accounts:
            await self._uow.write(
                update(account_lines)
                .where(
                    tuple_(account_lines.c.platform, account_lines.c.account).in_(sorted(accounts)),
                    account_lines.c.is_online,
                )
                .values(seen_at=now)
            )

    async def all(self) -> list[AccountLine]:
        """Every account that was ever online, by platform and name."""
        statement = select(account_lines).order_by(
            account_lines.c.platform, account_lines.c.account
        )
        return [
            AccountLine(Platform(row.platform), row.account, row.is_online, row.since, row.seen_at)
            for row in await self._uow.read(statement)
        ]

    async def windows(self, since: datetime, limit: int = 100) -> list[BlindWindow]:
        """Closed windows that reach beyond `since`, the newest first."""
        statement = (
            select(blind_windows)
            .where(blind_windows.c.ends_at > since)
            .order_by(blind_windows.c.ends_at.desc(), blind_windows.c.id.desc())
            .limit(limit)
        )
        return [
            BlindWindow(Platform(row.platform), row.account, row.starts_at, row.ends_at)
            for row in await self._uow.read(statement)
        ]

    async def blind(
        self, accounts: Collection[Account], since: datetime, now: datetime
    ) -> Mapping[Account, Sequence[Span]]:
        """
        When these accounts were blind between `since` and `now`, oldest first.

        A window still open ends `now`.
        """
        found: dict[Account, list[Span]] = defaultdict(list)
        if not accounts:
            return found
        wanted = sorted(accounts)
        closed = (
            select(blind_windows)
            .where(
                tuple_(blind_windows.c.platform, blind_windows.c.account).in_(wanted),
                blind_windows.c.ends_at > since,
                blind_windows.c.starts_at < now,
            )
            .order_by(blind_windows.c.starts_at)
        )
        for row in await self._uow.read(closed):
            span = (row.starts_at, min(row.ends_at, now))
            found[(Platform(row.platform), row.account)].append(span)
        still_open = select(account_lines).where(
            tuple_(account_lines.c.platform, account_lines.c.account).in_(wanted),
            ~account_lines.c.is_online,
            account_lines.c.since < now,
        )
        for row in await self._uow.read(still_open):
            found[(Platform(row.platform), row.account)].append((row.since, now))
        return found

    async def put_login(self, login: Login) -> None:
        """Where a platform stands with its login now."""
        row = {
            "platform": login.platform,
            "standing": login.standing,
            "since": login.since,
            "account": login.account,
            "name": login.name,
            "code": login.code,
        }
        await self._put(logins, logins.c.platform == login.platform, row)

    async def logins(self) -> list[Login]:
        """Every platform that is logged into by hand."""
        return [
            Login(Platform(row.platform), row.standing, row.since, row.account, row.name, row.code)
            for row in await self._uow.read(select(logins).order_by(logins.c.platform))
        ]

    async def _line(self, platform: Platform, account: str) -> AccountLine | None:
        statement = select(account_lines).where(_is(account_lines, platform, account))
        row = (await self._uow.read(statement)).first()
        if row is None:
            return None
        return AccountLine(platform, account, row.is_online, row.since, row.seen_at)

    async def _put(self, table: Table, where: ColumnElement[bool], row: dict[str, object]) -> None:
        changed = await self._uow.write(update(table).where(where).values(**row))
        if changed.rowcount == 0:
            await self._uow.write(insert(table).values(**row))

    async def _lengthen_grace(self, window: BlindWindow) -> None:
        noted = select(hand_offs.c.number, hand_offs.c.asked_at, hand_offs.c.surface_at).where(
            hand_offs.c.platform == window.platform,
            hand_offs.c.account == window.account,
            hand_offs.c.closed_at.is_(None),
            hand_offs.c.state == "watched",
            hand_offs.c.surface_at.is_not(None),
            hand_offs.c.asked_at < window.ends_at,
        )
        for row in (await self._uow.read(noted)).all():
            blind = window.ends_at - max(window.starts_at, row.asked_at)
            await self._uow.write(
                update(hand_offs)
                .where(hand_offs.c.number == row.number)
                .values(surface_at=row.surface_at + blind)
            )


def _is(table: Table, platform: Platform, account: str) -> ColumnElement[bool]:
    return and_(table.c.platform == platform, table.c.account == account)


def _line(platform: Platform, account: str, now: datetime) -> dict[str, object]:
    return {
        "platform": platform,
        "account": account,
        "is_online": True,
        "since": now,
        "seen_at": now,
    }
