"""Supervisors' accounts for the web pages, their sign-ins and what counts against guessing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, insert, select, update

from storage.models import sign_in_failures, supervisors, units, web_sessions

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who may look at a unit's records; `unit_id` None is the province."""

    id: int
    username: str
    name: str
    password_hash: str
    unit_id: int | None


@dataclass(frozen=True, slots=True)
class WebSession:
    """A signed-in browser; the token itself is never stored."""

    supervisor: Supervisor
    csrf: str
    created_at: datetime
    seen_at: datetime


class Supervisors:
    """Accounts and sign-ins."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def named(self, username: str) -> Supervisor | None:
        """The account of that name."""
        row = (
            await self._uow.read(select(supervisors).where(supervisors.c.username == username))
        ).first()
        return (
            None
            if row is None
            else Supervisor(row.id, row.username, row.name, row.password_hash, row.unit_id)
        )

    async def any(self) -> bool:
        """Whether there is any account at all."""
        return (await self._uow.read(select(supervisors.c.id).limit(1))).first() is not None

    async def names_in(self, unit_ids: Collection[int]) -> list[str]:
        """The sign-in names of these units' accounts."""
        statement = select(supervisors.c.username).where(supervisors.c.unit_id.in_(unit_ids))
        return list((await self._uow.read(statement)).scalars())

    async def put(
        self, *, username: str, name: str, password_hash: str, unit_id: int | None
    ) -> bool:
        """Create the account, or give it a new password; True where it is new.

        A new password ends every sign-in of the account.
        """
        known = await self.named(username)
        if known is None:
            await self._uow.write(
                insert(supervisors).values(
                    username=username, name=name, password_hash=password_hash, unit_id=unit_id
                )
            )
            return True
        await self._uow.write(
            update(supervisors)
            .where(supervisors.c.id == known.id)
            .values(name=name, password_hash=password_hash, unit_id=unit_id)
        )
        await self._uow.write(delete(web_sessions).where(web_sessions.c.supervisor_id == known.id))
        return False

    async def unit_named(self, name: str) -> int | None:
        """A unit's id by its name."""
        unit_id: int | None = (
            await self._uow.read(select(units.c.id).where(units.c.name == name))
        ).scalar()
        return unit_id

    async def failures(
        self, username: str, address: str, since: datetime, until: datetime
    ) -> tuple[int, int]:
        """Failed sign-ins between two instants: of the account, and from the address."""
        # The playground's clock may have run ahead before a restart: what is to come counts not.
        recent = and_(sign_in_failures.c.at > since, sign_in_failures.c.at <= until)
        of_account = select(func.count()).where(recent, sign_in_failures.c.username == username)
        from_address = select(func.count()).where(recent, sign_in_failures.c.address == address)
        return (
            (await self._uow.read(of_account)).scalar_one(),
            (await self._uow.read(from_address)).scalar_one(),
        )

    async def add_failure(self, username: str, address: str, at: datetime) -> None:
        """One more failed sign-in."""
        await self._uow.write(
            insert(sign_in_failures).values(username=username[:100], address=address, at=at)
        )

    async def open_session(
        self, *, token_hash: str, supervisor_id: int, csrf: str, now: datetime
    ) -> None:
        """Remember a signed-in browser."""
        await self._uow.write(
            insert(web_sessions).values(
                token_hash=token_hash,
                supervisor_id=supervisor_id,
                csrf=csrf,
                created_at=now,
                seen_at=now,
            )
        )

    async def session(self, token_hash: str) -> WebSession | None:
        """The sign-in behind a token."""
        statement = (
            select(web_sessions, supervisors)
            .join(supervisors, supervisors.c.id == web_sessions.c.supervisor_id)
            .where(web_sessions.c.token_hash == token_hash)
        )
        row = (await self._uow.read(statement)).first()
        if row is None:
            return None
        return WebSession(
            Supervisor(row.id, row.username, row.name, row.password_hash, row.unit_id),
            row.csrf,
            row.created_at,
            row.seen_at,
        )

    async def touch_session(self, token_hash: str, now: datetime) -> None:
        """Still in use."""
        await self._uow.write(
            update(web_sessions).where(web_sessions.c.token_hash == token_hash).values(seen_at=now)
        )

    async def carry_sessions(self, used_since: datetime, now: datetime) -> None:
        """The clock was moved on: whoever was signed in was not idle meanwhile."""
        await self._uow.write(
            update(web_sessions)
            .where(web_sessions.c.seen_at >= used_since)
            .values(created_at=now, seen_at=now)
        )

    async def close_session(self, token_hash: str) -> None:
        """Signed out."""
        await self._uow.write(delete(web_sessions).where(web_sessions.c.token_hash == token_hash))

    async def expire(self, *, failures_before: datetime, sessions_before: datetime) -> None:
        """Forget what no longer counts."""
        await self._uow.write(
            delete(sign_in_failures).where(sign_in_failures.c.at < failures_before)
        )
        await self._uow.write(delete(web_sessions).where(web_sessions.c.seen_at < sessions_before))
