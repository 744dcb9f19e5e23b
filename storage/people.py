"""Who is who: classes, their groups, tutors, students, and what somebody is to a class now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from storage.columns import ShanghaiDateTime
from storage.errors import NotFound
from storage.models.people import (
    binding_codes,
    class_groups,
    classes,
    duties,
    enrolments,
    identities,
    persons,
    units,
)
from storage.models.record import interactions
from storage.models.students import class_offices
from storage.vocabulary import Conversation, ConversationKind, Platform, Role

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: When the bot speaks unasked: only to an @ or a command, or also to questions it surely knows.
MENTION, CONFIDENT = "mention", "confident"


@dataclass(frozen=True, slots=True)
class ClassGroup:
    """
    One chat group of a class.

    `muted_until` while the bot may not speak in it, `left_at` when it is no longer in it.
    """

    platform: Platform
    account: str
    group_id: str
    muted_until: datetime | None = None
    left_at: datetime | None = None

    @property
    def conversation(self) -> Conversation:
        return Conversation(self.platform, self.account, ConversationKind.GROUP, self.group_id)


@dataclass(frozen=True, slots=True)
class Tutor:
    """A class's tutor now; `accounts` are (platform, user id), `covers` whom they stand in for."""

    person_id: int
    name: str
    accounts: tuple[tuple[Platform, str], ...] = ()
    covers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassRoom:
    """
    A class as the handlers see it.

    Of several tutors those who stand in for another come first, then the longest in office.
    """

    id: int
    name: str
    unit_id: int | None
    speak_mode: str
    grace: timedelta
    quiet_until: datetime | None
    tutors: tuple[Tutor, ...] = ()
    groups: tuple[ClassGroup, ...] = ()

    @property
    def tutor(self) -> Tutor | None:
        return self.tutors[0] if self.tutors else None

    @property
    def on_duty(self) -> tuple[Tutor, ...]:
        """The tutors who are not away: whoever has one stand in gets no cards."""
        away = {person_id for tutor in self.tutors for person_id in tutor.covers}
        return tuple(tutor for tutor in self.tutors if tutor.person_id not in away)

    def is_quiet(self, now: datetime) -> bool:
        """The tutor has asked the bot to hold its tongue."""
        return self.quiet_until is not None and self.quiet_until > now


@dataclass(frozen=True, slots=True)
class Duty:
    """An appointment in force now; `covers_id` is the tutor it stands in for."""

    role: Role
    class_id: int | None
    unit_id: int | None
    covers_id: int | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """
    Who speaks, by the platform's id and our database only; `person_id` None is unbound.

    `offices` are the ids of the classes on whose committee (班委) a student is now.
    """

    platform: Platform
    user_id: str
    person_id: int | None = None
    name: str = ""
    duties: tuple[Duty, ...] = field(default=())
    class_ids: tuple[int, ...] = ()
    offices: tuple[int, ...] = ()

    def role_in(self, room: ClassRoom) -> Role:
        """What this person is to `room` now."""
        if any(duty.role is Role.TUTOR and duty.class_id == room.id for duty in self.duties):
            return Role.TUTOR
        for duty in self.duties:
            if duty.role is Role.SUPERVISOR and duty.unit_id in (None, room.unit_id):
                return Role.SUPERVISOR
        return Role.STUDENT if room.id in self.class_ids else Role.UNKNOWN

    @property
    def tutored(self) -> tuple[int, ...]:
        """The ids of the classes this person is tutor of."""
        return tuple(
            duty.class_id
            for duty in self.duties
            if duty.role is Role.TUTOR and duty.class_id is not None
        )

    @property
    def own_classes(self) -> tuple[int, ...]:
        """The ids of the classes this person is tutor of in their own right."""
        return tuple(
            duty.class_id
            for duty in self.duties
            if duty.role is Role.TUTOR and duty.class_id is not None and duty.covers_id is None
        )


class People:
    """Classes, persons and the ties between them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def classes_of_groups(
        self, conversations: Collection[Conversation], now: datetime
    ) -> dict[tuple[Platform, str, str], ClassRoom]:
        """The class bound to each group, by (platform, account, group id)."""
        wanted = {(c.platform, c.account, c.id) for c in conversations}
        found: dict[tuple[Platform, str, str], int] = {}
        for platform in {key[0] for key in wanted}:
            keys = [key for key in wanted if key[0] == platform]
            statement = select(class_groups).where(
                class_groups.c.platform == platform,
                class_groups.c.account.in_({key[1] for key in keys}),
                class_groups.c.group_id.in_({key[2] for key in keys}),
            )
            for row in await self._uow.read(statement):
                found[(platform, row.account, row.group_id)] = row.class_id
        rooms = await self.classes(set(found.values()), now)
        return {key: rooms[class_id] for key, class_id in found.items() if key in wanted}

    async def classes(self, class_ids: Collection[int], now: datetime) -> dict[int, ClassRoom]:
        """Classes with their tutors in office and their groups."""
        if not class_ids:
            return {}
        tutors = await self._tutors(class_ids, now)
        groups: dict[int, list[ClassGroup]] = defaultdict(list)
        wanted = {"class_ids": list(class_ids)}
        for row in await self._uow.read(_GROUPS_OF_CLASSES, wanted):
            group = ClassGroup(
                Platform(row.platform), row.account, row.group_id, row.muted_until, row.left_at
            )
            groups[row.class_id].append(group)
        return {
            row.id: ClassRoom(
                id=row.id,
                name=row.name,
                unit_id=row.unit_id,
                speak_mode=row.speak_mode,
                grace=timedelta(minutes=row.grace_minutes),
                quiet_until=row.quiet_until,
                tutors=tuple(tutors.get(row.id, ())),
                groups=tuple(groups.get(row.id, ())),
            )
            for row in await self._uow.read(_CLASSES, wanted)
        }

    async def get_class(self, class_id: int, now: datetime) -> ClassRoom:
        """One class.

        Raises:
            NotFound: no class has this id.
        """
        rooms = await self.classes([class_id], now)
        if class_id not in rooms:
            raise NotFound(f"class {class_id}")
        return rooms[class_id]

    async def class_named(self, name: str, now: datetime) -> ClassRoom | None:
        """A class by its exact name."""
        statement = select(classes.c.id).where(classes.c.name == name)
        class_id = (await self._uow.read(statement)).scalar()
        return None if class_id is None else await self.get_class(class_id, now)

    async def _tutors(self, class_ids: Collection[int], now: datetime) -> dict[int, list[Tutor]]:
        wanted = {"class_ids": list(class_ids), "now": now}
        rows = await self._uow.read(_TUTORS_OF_CLASSES, wanted)
        found: dict[int, dict[int, Tutor]] = defaultdict(dict)
        for class_id, covers, person_id, name, platform, user_id in rows:
            known = found[class_id].get(person_id) or Tutor(person_id, name)
            account = () if platform is None else ((Platform(platform), user_id),)
            stood_in_for = () if covers is None else (covers,)
            found[class_id][person_id] = Tutor(
                person_id,
                name,
                # A tutor who also stands in for another has two appointments.
                tuple(dict.fromkeys((*known.accounts, *account))),
                tuple(dict.fromkeys((*known.covers, *stood_in_for))),
            )
        return {class_id: list(tutors.values()) for class_id, tutors in found.items()}

    async def classes_of_tutors(
        self, tutor_ids: Collection[int], now: datetime
    ) -> dict[int, list[int]]:
        """The ids of the classes each person is tutor of now, in their own right or standing in."""
        statement = select(duties.c.person_id, duties.c.class_id).where(
            duties.c.person_id.in_(tutor_ids),
            duties.c.role == Role.TUTOR,
            duties.c.class_id.is_not(None),
            in_force(now),
        )
        found: dict[int, list[int]] = {person_id: [] for person_id in tutor_ids}
        for person_id, class_id in await self._uow.read(statement):
            found[person_id].append(class_id)
        return found

    async def supervisors_of(
        self, unit_ids: Collection[int | None], now: datetime
    ) -> dict[int | None, list[Tutor]]:
        """Who supervises each unit and can be written to; None is the province."""
        units_wanted = [unit for unit in unit_ids if unit is not None]
        wanted: ColumnElement[bool] = duties.c.unit_id.in_(units_wanted)
        if None in unit_ids:
            wanted = or_(wanted, duties.c.unit_id.is_(None))
        statement = (
            select(
                duties.c.unit_id,
                persons.c.id,
                persons.c.name,
                identities.c.platform,
                identities.c.user_id,
            )
            .select_from(
                duties.join(persons, persons.c.id == duties.c.person_id).join(
                    identities, identities.c.person_id == persons.c.id
                )
            )
            .where(duties.c.role == Role.SUPERVISOR, wanted, in_force(now))
            .order_by(duties.c.id, identities.c.id)
        )
        found: dict[int | None, dict[int, Tutor]] = defaultdict(dict)
        for unit_id, person_id, name, platform, user_id in await self._uow.read(statement):
            known = found[unit_id].get(person_id)
            accounts = (*(known.accounts if known else ()), (Platform(platform), user_id))
            found[unit_id][person_id] = Tutor(person_id, name, accounts)
        return {unit_id: list(people.values()) for unit_id, people in found.items()}

    async def speakers(
        self, ids: Collection[tuple[Platform, str]], now: datetime
    ) -> dict[tuple[Platform, str], Speaker]:
        """Who is behind each platform id; the unbound are in it too, with no person."""
        found = {key: Speaker(*key) for key in ids}
        persons_by_key: dict[tuple[Platform, str], tuple[int, str]] = {}
        for platform in {key[0] for key in ids}:
            statement = (
                select(identities.c.user_id, persons.c.id, persons.c.name)
                .join(persons, persons.c.id == identities.c.person_id)
                .where(
                    identities.c.platform == platform,
                    identities.c.user_id.in_({key[1] for key in ids if key[0] == platform}),
                )
            )
            for user_id, person_id, name in await self._uow.read(statement):
                persons_by_key[(platform, user_id)] = (person_id, name)
        if not persons_by_key:
            return found
        person_ids = {person_id for person_id, _ in persons_by_key.values()}
        held: dict[int, list[Duty]] = defaultdict(list)
        for row in await self._uow.read(
            select(duties).where(duties.c.person_id.in_(person_ids), in_force(now))
        ):
            held[row.person_id].append(
                Duty(Role(row.role), row.class_id, row.unit_id, row.covers_id)
            )
        enrolled: dict[int, list[int]] = defaultdict(list)
        for row in await self._uow.read(
            select(enrolments).where(enrolments.c.person_id.in_(person_ids))
        ):
            enrolled[row.person_id].append(row.class_id)
        in_office: dict[int, list[int]] = defaultdict(list)
        for row in await self._uow.read(
            select(class_offices.c.person_id, class_offices.c.class_id).where(
                class_offices.c.person_id.in_(person_ids),
                or_(class_offices.c.ends_at.is_(None), class_offices.c.ends_at > now),
            )
        ):
            in_office[row.person_id].append(row.class_id)
        for key, (person_id, name) in persons_by_key.items():
            found[key] = Speaker(
                *key,
                person_id,
                name,
                tuple(held[person_id]),
                tuple(enrolled[person_id]),
                tuple(dict.fromkeys(in_office[person_id])),
            )
        return found

    async def class_last_spoken_in(self, platform: Platform, user_id: str) -> int | None:
        """The class whose group this id was last seen in: where an unbound private chat belongs."""
        statement = (
            select(interactions.c.class_id)
            .where(interactions.c.platform == platform, interactions.c.speaker_id == user_id)
            .order_by(interactions.c.id.desc())
            .limit(1)
        )
        class_id: int | None = (await self._uow.read(statement)).scalar()
        return class_id

    async def staff_ids(self, now: datetime) -> set[tuple[Platform, str]]:
        """Every platform id that belongs to somebody with a duty now."""
        statement = (
            select(identities.c.platform, identities.c.user_id)
            .join(duties, duties.c.person_id == identities.c.person_id)
            .where(in_force(now))
        )
        return {(Platform(platform), user) for platform, user in await self._uow.read(statement)}

    async def units_below(self, unit_id: int) -> set[int]:
        """A unit and everything under it."""
        rows = (await self._uow.read(select(units.c.id, units.c.parent_id))).all()
        below = {unit_id}
        while True:
            more = {row.id for row in rows if row.parent_id in below} - below
            if not more:
                return below
            below |= more

    async def units_above(self, unit_id: int) -> list[int]:
        """A unit and everything it belongs to, its own first."""
        rows = (await self._uow.read(select(units.c.id, units.c.parent_id))).all()
        above = {row.id: row.parent_id for row in rows}
        found: list[int] = []
        here: int | None = unit_id
        while here is not None and here not in found:
            found.append(here)
            here = above.get(here)
        return found

    async def staff_named(self, name: str, unit_id: int | None, now: datetime) -> list[Tutor]:
        """Tutors of a unit's classes and its supervisors, or the province's, of this name."""
        here = duties.c.class_id.in_(select(classes.c.id).where(classes.c.unit_id == unit_id))
        if unit_id is None:
            here = duties.c.class_id.in_(select(classes.c.id).where(classes.c.unit_id.is_(None)))
        supervises = and_(
            duties.c.role == Role.SUPERVISOR,
            or_(duties.c.unit_id.is_(None), duties.c.unit_id == unit_id),
        )
        teaches = and_(duties.c.role == Role.TUTOR, here)
        held = select(duties.c.person_id).where(or_(teaches, supervises), in_force(now))
        statement = (
            select(persons.c.id, persons.c.name, identities.c.platform, identities.c.user_id)
            .outerjoin(identities, identities.c.person_id == persons.c.id)
            .where(persons.c.name == name, persons.c.id.in_(held))
            .order_by(persons.c.id, identities.c.id)
        )
        return _with_accounts((await self._uow.read(statement)).all())

    async def is_covered(self, person_id: int, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether somebody stands in for this person at any time between the two."""
        statement = select(duties.c.id).where(
            duties.c.covers_id == person_id,
            duties.c.starts_at < ends_at,
            duties.c.ends_at > starts_at,
        )
        return (await self._uow.read(statement.limit(1))).first() is not None

    async def cover(
        self,
        class_ids: Collection[int],
        *,
        away_id: int,
        by_id: int,
        starts_at: datetime,
        ends_at: datetime,
    ) -> None:
        """`by_id` is a tutor of these classes from the one instant to the other."""
        await self._uow.write(
            insert(duties),
            [
                {
                    "person_id": by_id,
                    "role": Role.TUTOR,
                    "class_id": class_id,
                    "starts_at": starts_at,
                    "ends_at": ends_at,
                    "covers_id": away_id,
                }
                for class_id in class_ids
            ],
        )

    async def end_cover(self, away_id: int, now: datetime) -> list[Tutor]:
        """Nobody stands in for this person any longer, nor will: who did, or would have."""
        rows = await self._uow.write(
            update(duties)
            .where(duties.c.covers_id == away_id, duties.c.ends_at > now)
            .values(ends_at=now)
            .returning(duties.c.person_id)
        )
        ids = set(rows.scalars())
        statement = (
            select(persons.c.id, persons.c.name, identities.c.platform, identities.c.user_id)
            .outerjoin(identities, identities.c.person_id == persons.c.id)
            .where(persons.c.id.in_(ids))
            .order_by(persons.c.id, identities.c.id)
        )
        return _with_accounts((await self._uow.read(statement)).all())

    async def bind_group(self, group: Conversation, class_id: int) -> None:
        """Tie a group to a class, or move it to another."""
        changed = await self._uow.write(
            update(class_groups).where(_is_group(group)).values(class_id=class_id)
        )
        if changed.rowcount == 0:
            await self._uow.write(
                insert(class_groups).values(
                    platform=group.platform,
                    account=group.account,
                    group_id=group.id,
                    class_id=class_id,
                )
            )

    async def put_binding_code(
        self,
        person_id: int,
        code_hash: str,
        now: datetime,
        expires_at: datetime,
        *,
        given_by: str | None = None,
    ) -> None:
        """The one code of a person that ties another account to them; an older one ends."""
        stale = or_(binding_codes.c.person_id == person_id, binding_codes.c.expires_at <= now)
        await self._uow.write(delete(binding_codes).where(stale))
        await self._uow.write(
            insert(binding_codes).values(
                code_hash=code_hash,
                person_id=person_id,
                expires_at=expires_at,
                given_by=given_by,
            )
        )

    async def bind_account(self, platform: Platform, user_id: str, person_id: int) -> None:
        """This account is that person's from now on. It must not be anybody's yet."""
        await self._uow.write(
            insert(identities).values(platform=platform, user_id=user_id, person_id=person_id)
        )

    async def student(self, student_no: str, name: str) -> tuple[int, tuple[int, ...]] | None:
        """A student by number and exact name: the person and their classes. Nobody with a duty."""
        statement = select(persons.c.id).where(
            persons.c.student_no == student_no,
            persons.c.name == name,
            ~exists().where(duties.c.person_id == persons.c.id),
        )
        person_id: int | None = (await self._uow.read(statement)).scalar()
        if person_id is None:
            return None
        rows = await self._uow.read(
            select(enrolments.c.class_id)
            .where(enrolments.c.person_id == person_id)
            .order_by(enrolments.c.id)
        )
        return person_id, tuple(row.class_id for row in rows)

    async def classes_of(self, person_id: int) -> list[int]:
        """The ids of a student's classes."""
        statement = select(enrolments.c.class_id).where(enrolments.c.person_id == person_id)
        return list((await self._uow.read(statement)).scalars())

    async def unbound_in(self, class_id: int) -> list[str]:
        """The names of a class's students of whom no account is known."""
        statement = (
            select(persons.c.name)
            .join(enrolments, enrolments.c.person_id == persons.c.id)
            .where(
                enrolments.c.class_id == class_id,
                ~exists().where(identities.c.person_id == persons.c.id),
            )
            .order_by(persons.c.student_no)
        )
        return [name for (name,) in await self._uow.read(statement)]

    async def set_group_mute(self, group: Conversation, until: datetime | None) -> None:
        """The platform forbids the bot to speak here until then; None lifts it."""
        await self._uow.write(
            update(class_groups).where(_is_group(group)).values(muted_until=until)
        )

    async def silent_groups(self, now: datetime) -> frozenset[tuple[Platform, str, str]]:
        """Groups (platform, account, id) the bot may not speak in now, by whoever's order."""
        group = class_groups.c
        statement = (
            select(group.platform, group.account, group.group_id)
            .join(classes, classes.c.id == group.class_id)
            .where(or_(group.muted_until > now, classes.c.quiet_until > now))
        )
        return frozenset(
            (Platform(row.platform), row.account, row.group_id)
            for row in await self._uow.read(statement)
        )

    async def set_quiet(self, class_id: int, until: datetime | None) -> None:
        """The tutor asks for silence until then; None ends it."""
        await self._uow.write(
            update(classes).where(classes.c.id == class_id).values(quiet_until=until)
        )

    async def set_speak_mode(self, class_id: int, mode: str) -> None:
        """`MENTION` or `CONFIDENT`."""
        await self._uow.write(
            update(classes).where(classes.c.id == class_id).values(speak_mode=mode)
        )


def tutors_in_office(class_id: ColumnElement[int], now: datetime) -> ColumnElement[bool]:
    """Whether a class has a tutor now."""
    return exists().where(duties.c.class_id == class_id, duties.c.role == Role.TUTOR, in_force(now))


def _with_accounts(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Tutor]:
    """(person id, name, platform, user id) → persons, each with every account."""
    found: dict[int, Tutor] = {}
    for person_id, name, platform, user_id in rows:
        known = found.get(person_id) or Tutor(person_id, name)
        account = () if platform is None else ((Platform(platform), user_id),)
        found[person_id] = Tutor(person_id, name, (*known.accounts, *account))
    return list(found.values())


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """An appointment holds at this instant."""
    return and_(duties.c.starts_at <= now, or_(duties.c.ends_at.is_(None), duties.c.ends_at > now))


# Asked for every batch of messages, so built once.
_CLASS_IDS: BindParameter[Any] = bindparam("class_ids", expanding=True)
_CLASSES = select(classes).where(classes.c.id.in_(_CLASS_IDS))
_GROUPS_OF_CLASSES = (
    select(class_groups).where(class_groups.c.class_id.in_(_CLASS_IDS)).order_by(class_groups.c.id)
)
_TUTORS_OF_CLASSES = (
    select(
        duties.c.class_id,
        duties.c.covers_id,
        persons.c.id,
        persons.c.name,
        identities.c.platform,
        identities.c.user_id,
    )
    .select_from(
        duties.join(persons, persons.c.id == duties.c.person_id).outerjoin(
            identities, identities.c.person_id == persons.c.id
        )
    )
    .where(
        duties.c.class_id.in_(_CLASS_IDS),
        duties.c.role == Role.TUTOR,
        in_force(bindparam("now", type_=ShanghaiDateTime)),
    )
    .order_by(duties.c.covers_id.is_(None), duties.c.starts_at, duties.c.id)
)


def _is_group(group: Conversation) -> ColumnElement[bool]:
    return and_(
        class_groups.c.platform == group.platform,
        class_groups.c.account == group.account,
        class_groups.c.group_id == group.id,
    )
