"""Supervisors' accounts for the web pages, their sign-ins and what counts against guessing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, and_, delete, func, insert, or_, select, update

from storage.models.people import duties, identities, persons, units
from storage.models.supervisors import sign_in_failures, supervisors, web_sessions
from storage.people import in_force
from storage.vocabulary import Platform, Role

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


#: So much of a session's hash names it to its owner.
_NAME = 16


@dataclass(frozen=True, slots=True)
class Supervisor:
    """
    Who may look at a unit's records; `unit_id` None is the province.

    An account tied to a person has the rights of that person's duties (`Supervisors.rights`):
    `more_units` beside the first, `own_classes` whose complaints about the tutor may be about
    them. With the role of a tutor it opens their own page and nothing else.
    """

    id: int
    username: str
    name: str
    password_hash: str
    unit_id: int | None
    person_id: int | None = None
    role: Role = Role.SUPERVISOR
    more_units: tuple[int, ...] = ()
    own_classes: tuple[int, ...] = ()
    is_tutor: bool = False
    totp_secret: str | None = None


@dataclass(frozen=True, slots=True)
class WebSession:
    """A signed-in browser; the token itself is never stored."""

    supervisor: Supervisor
    csrf: str
    created_at: datetime
    seen_at: datetime
    address: str = ""
    browser: str = ""
    #: The beginning of the stored hash: enough to tell one's own sessions apart.
    name: str = ""


class Supervisors:
    """Accounts and sign-ins."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def named(self, username: str) -> Supervisor | None:
        """The account of that name."""
        row = (
            await self._uow.read(select(supervisors).where(supervisors.c.username == username))
        ).first()
        return None if row is None else _supervisor(row)

    async def rights(self, account: Supervisor, now: datetime) -> Supervisor | None:
        """
        The account with what its person may see at this moment; None where that is nothing.

        Read from the duties in force, so that a role taken away is gone at the next request. An
        account of nobody we know keeps its own unit.
        """
        if account.person_id is None:
            return account if account.role is Role.SUPERVISOR else None
        statement = select(
            duties.c.role, duties.c.class_id, duties.c.unit_id, in_force(now).label("holds")
        ).where(duties.c.person_id == account.person_id)
        held = (await self._uow.read(statement.order_by(duties.c.id))).all()
        taught = {row.class_id for row in held if row.role == Role.TUTOR and row.class_id}
        account = replace(
            account,
            own_classes=tuple(sorted(taught)),
            is_tutor=any(row.role == Role.TUTOR and row.holds for row in held),
        )
        supervised = [row.unit_id for row in held if row.role == Role.SUPERVISOR and row.holds]
        if account.role is Role.SUPERVISOR and supervised:
            unit_id = None if None in supervised else supervised[0]
            more = () if unit_id is None else tuple(dict.fromkeys(supervised[1:]))
            return replace(account, unit_id=unit_id, more_units=more)
        if account.is_tutor:
            return replace(account, role=Role.TUTOR, unit_id=None, more_units=())
        return None

    async def person(self, word: str) -> list[tuple[int, str]]:
        """
        Whom a word means, id and name: a student number, `qq:10001`, or a chat account alone.

        More than one where an account's number is known on several platforms.
        """
        platform, _, user_id = word.partition(":")
        is_account = identities.c.user_id == word
        if platform in set(Platform) and user_id:
            is_account = and_(identities.c.platform == platform, identities.c.user_id == user_id)
        by_account = select(identities.c.person_id).where(is_account)
        statement = (
            select(persons.c.id, persons.c.name)
            .where((persons.c.student_no == word) | persons.c.id.in_(by_account))
            .order_by(persons.c.id)
        )
        return [(row.id, row.name) for row in await self._uow.read(statement)]

    async def any(self) -> bool:
        """Whether there is any account at all."""
        return (await self._uow.read(select(supervisors.c.id).limit(1))).first() is not None

    async def names_in(self, unit_ids: Collection[int]) -> list[str]:
        """The sign-in names of these units' accounts."""
        statement = select(supervisors.c.username).where(supervisors.c.unit_id.in_(unit_ids))
        return list((await self._uow.read(statement)).scalars())

    async def put(
        self,
        *,
        username: str,
        name: str,
        password_hash: str,
        unit_id: int | None,
        person_id: int | None = None,
        role: Role = Role.SUPERVISOR,
    ) -> bool:
        """Create the account, or give it a new password; True where it is new.

        A new password ends every sign-in of the account. One tied to a person stays tied.
        """
        known = await self.named(username)
        if known is not None and person_id is None:
            person_id, role = known.person_id, known.role
        if known is None:
            await self._uow.write(
                insert(supervisors).values(
                    username=username,
                    name=name,
                    password_hash=password_hash,
                    unit_id=unit_id,
                    person_id=person_id,
                    role=role,
                )
            )
            return True
        await self._uow.write(
            update(supervisors)
            .where(supervisors.c.id == known.id)
            .values(
                name=name,
                password_hash=password_hash,
                unit_id=unit_id,
                person_id=person_id,
                role=role,
            )
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

    async def set_password(self, account_id: int, password_hash: str, *, keep: str) -> None:
        """Another password; every sign-in ends but the one it was changed in."""
        await self._uow.write(
            update(supervisors)
            .where(supervisors.c.id == account_id)
            .values(password_hash=password_hash)
        )
        await self.close_others(account_id, keep=keep)

    async def set_totp(self, account_id: int, secret: str | None) -> None:
        """The secret of the second step; None does without one."""
        await self._uow.write(
            update(supervisors)
            .where(supervisors.c.id == account_id)
            .values(totp_secret=secret, totp_used=None)
        )

    async def use_totp(self, account_id: int, step: int) -> bool:
        """This code was shown now; False where it, or a later one, was shown before."""
        unused = or_(supervisors.c.totp_used.is_(None), supervisors.c.totp_used < step)
        done = await self._uow.write(
            update(supervisors).where(supervisors.c.id == account_id, unused).values(totp_used=step)
        )
        return done.rowcount == 1

    async def open_session(
        self,
        *,
        token_hash: str,
        supervisor_id: int,
        csrf: str,
        now: datetime,
        address: str = "",
        browser: str = "",
    ) -> None:
        """Remember a signed-in browser."""
        await self._uow.write(
            insert(web_sessions).values(
                token_hash=token_hash,
                supervisor_id=supervisor_id,
                csrf=csrf,
                created_at=now,
                seen_at=now,
                address=address[:100],
                browser=browser[:200],
            )
        )

    async def sessions_of(self, account_id: int) -> list[WebSession]:
        """Where an account is signed in, what was used last first."""
        statement = (
            select(web_sessions, supervisors)
            .join(supervisors, supervisors.c.id == web_sessions.c.supervisor_id)
            .where(web_sessions.c.supervisor_id == account_id)
            .order_by(web_sessions.c.seen_at.desc(), web_sessions.c.token_hash)
        )
        return [_session(row) for row in await self._uow.read(statement)]

    async def close_named(self, account_id: int, name: str) -> bool:
        """One of an account's own sign-ins, by its `WebSession.name`."""
        done = await self._uow.write(
            delete(web_sessions).where(
                web_sessions.c.supervisor_id == account_id,
                func.substr(web_sessions.c.token_hash, 1, _NAME) == name,
            )
        )
        return done.rowcount > 0

    async def close_others(self, account_id: int, *, keep: str) -> int:
        """Every sign-in of an account but that of the token hash `keep`; how many."""
        done = await self._uow.write(
            delete(web_sessions).where(
                web_sessions.c.supervisor_id == account_id, web_sessions.c.token_hash != keep
            )
        )
        return done.rowcount

    async def session(self, token_hash: str) -> WebSession | None:
        """The sign-in behind a token."""
        statement = (
            select(web_sessions, supervisors)
            .join(supervisors, supervisors.c.id == web_sessions.c.supervisor_id)
            .where(web_sessions.c.token_hash == token_hash)
        )
        row = (await self._uow.read(statement)).first()
        return None if row is None else _session(row)

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


def _session(row: Row[*tuple[Any, ...]]) -> WebSession:
    return WebSession(
        _supervisor(row),
        row.csrf,
        row.created_at,
        row.seen_at,
        row.address,
        row.browser,
        row.token_hash[:_NAME],
    )


def _supervisor(row: Row[*tuple[Any, ...]]) -> Supervisor:
    return Supervisor(
        row.id,
        row.username,
        row.name,
        row.password_hash,
        row.unit_id,
        row.person_id,
        Role(row.role),
        totp_secret=row.totp_secret,
    )
