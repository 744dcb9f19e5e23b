"""
Whose is what: every row about one person, to be counted for them, or to be erased.

`WHOSE` says of each table which rows are about somebody; a table with a person or an account in it
stands there or in `OF_NOBODY`, else a test fails. Erasing leaves numbers: the record and the
figures made from it stand, but nobody can be found behind them any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from storage import queue
from storage.inbox import decode as decode_event
from storage.models import metadata
from storage.models.hand_offs import hand_off_steps, hand_offs, ratings
from storage.models.people import duties, identities, persons
from storage.models.queues import inbound_events, outbox
from storage.obligations import ObligationState
from storage.outbox import decode as decode_outgoing
from storage.tasks import TaskState
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import ConversationKind, Message

#: What stands in the place of words and names.
GONE: Final = "〔已删除〕"
#: Kept by law for the safety of the system; sealed, so that no line can be changed.
AUDIT_KEPT: Final = timedelta(days=3 * 365)
#: By then no backup holds it any more.
BACKUPS_PURGED: Final = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Whose:
    """A person, their accounts as (platform, id), and the rows that lead to more of theirs."""

    person_id: int
    accounts: Collection[tuple[str, str]] = ()
    events: Collection[int] = ()
    hand_offs: Collection[int] = ()
    #: Whether stored messages are looked through, one by one, for what no row of the record names.
    is_searched: bool = True

    def account(self, table: Table, column: str) -> ColumnElement[bool]:
        """Whether that column of a row with a platform holds one of the accounts."""
        return or_(
            false(),
            *(
                and_(table.c.platform == platform, table.c[column] == user)
                for platform, user in self.accounts
            ),
        )

    @property
    def actors(self) -> list[str]:
        """As the audit list and the like call them."""
        return [f"person:{self.person_id}", *(f"{where}:{who}" for where, who in self.accounts)]


Rows = Callable[[Whose], ColumnElement[bool]]


def _t(name: str) -> Table:
    return metadata.tables[name]


def _of_person(name: str, column: str = "person_id") -> Rows:
    return lambda who: _t(name).c[column] == who.person_id


def _of_account(name: str, column: str = "user_id") -> Rows:
    return lambda who: who.account(_t(name), column)


def _members(who: Whose) -> ColumnElement[bool]:
    groups, members = _t("class_groups"), _t("group_members")
    return or_(
        false(),
        *(
            and_(
                members.c.user_id == user,
                exists().where(
                    groups.c.id == members.c.class_group_id, groups.c.platform == platform
                ),
            )
            for platform, user in who.accounts
        ),
    )


def _events(who: Whose) -> ColumnElement[bool]:
    payload = inbound_events.c.payload
    if not who.is_searched:
        return inbound_events.c.id.in_(who.events)
    return or_(
        inbound_events.c.id.in_(who.events),
        *(
            and_(
                inbound_events.c.platform == platform,
                payload.contains(f'"{key}":{msgspec.json.encode(user).decode()}', autoescape=True),
            )
            for platform, user in who.accounts
            for key in ("sender_id", "member_id", "requester_id", "by")
        ),
    )


def _messages(who: Whose) -> ColumnElement[bool]:
    """What was said to them, of them, or in answer to them."""
    if not who.is_searched:
        return or_(outbox.c.event_id.in_(who.events), who.account(outbox, "conversation_id"))
    return or_(
        outbox.c.event_id.in_(who.events),
        outbox.c.about.in_(who.hand_offs),
        who.account(outbox, "conversation_id"),
        *(
            and_(
                outbox.c.platform == platform,
                outbox.c.payload.contains(msgspec.json.encode(user).decode(), autoescape=True),
            )
            for platform, user in who.accounts
        ),
    )


def _recorded(who: Whose) -> ColumnElement[bool]:
    return _t("interactions").c.person_id == who.person_id if who.is_searched else false()


#: Which rows of a table are about somebody.
WHOSE: Final[Mapping[str, Rows]] = {
    "persons": lambda who: persons.c.id == who.person_id,
    "inbound_events": _events,
    "outbox": _messages,
    "hand_offs": lambda who: hand_offs.c.number.in_(who.hand_offs),
    "hand_off_steps": lambda who: or_(
        hand_off_steps.c.hand_off.in_(who.hand_offs), hand_off_steps.c.actor.in_(who.actors)
    ),
    "ratings": lambda who: ratings.c.hand_off.in_(who.hand_offs),
    "interactions": lambda who: or_(
        who.account(_t("interactions"), "speaker_id"),
        # Of an account that is theirs no more; no index finds it.
        _recorded(who),
    ),
    "search_words": lambda who: _t("search_words").c.event_id.in_(who.events),
    "feedback": _of_account("feedback", "speaker_id"),
    "prompts": _of_account("prompts"),
    "orientations": _of_account("orientations"),
    "group_members": _members,
    "obligations": lambda who: or_(
        _t("obligations").c.person_id == who.person_id,
        _t("obligations").c.recipient == f"person:{who.person_id}",
    ),
    "tasks": lambda who: or_(
        _t("tasks").c.person_id == who.person_id, _t("tasks").c.made_by.in_(who.actors)
    ),
    "completions": _of_person("completions"),
    "submissions": _of_person("submissions"),
    "study_groups": _of_person("study_groups", "made_by"),
    "study_group_members": _of_person("study_group_members"),
    "class_offices": _of_person("class_offices"),
    "enrolments": _of_person("enrolments"),
    "course_registrations": _of_person("course_registrations"),
    "student_facts": _of_person("student_facts"),
    "student_files": _of_person("student_files"),
    "feeds": _of_person("feeds"),
    "consents": _of_account("consents"),
    "binding_codes": _of_person("binding_codes"),
    "identities": _of_person("identities"),
    "audit": lambda who: _t("audit").c.actor.in_(who.actors),
}

#: What 「我的记录」 calls them.
WORDS: Final[Mapping[str, str]] = {
    "persons": "姓名学号", "identities": "账号", "enrolments": "班级", "student_files": "学籍信息",
    "student_facts": "成绩等个人事实", "course_registrations": "选课", "class_offices": "班委任职",
    "study_groups": "建的小组", "study_group_members": "参加的小组", "inbound_events": "消息原文",
    "outbox": "发给您的消息", "interactions": "台账", "search_words": "台账检索词",
    "hand_offs": "编号事项", "hand_off_steps": "办理经过", "ratings": "打分",
    "feedback": "有用没用", "prompts": "等您回的话", "orientations": "入学教育",
    "group_members": "所在的群", "obligations": "该提醒的事", "tasks": "自己的提醒",
    "completions": "已办", "submissions": "交的文件", "feeds": "日历订阅",
    "consents": "告知和同意", "binding_codes": "绑定码", "audit": "安全记录",
}  # fmt: skip

#: Tables with people or accounts in them who are no students: staff, whose rows go by the rules
#: for staff, and the bot's own accounts.
OF_NOBODY: Final[Mapping[str, str]] = {
    "duties": "staff", "contacts": "staff", "supervisors": "staff", "web_sessions": "staff",
    "sign_in_failures": "staff", "annual_levels": "staff", "appeals": "staff",
    "attendances": "staff", "daily_records": "staff", "daily_wishes": "staff",
    "record_notes": "staff", "silences": "staff", "trainings": "staff", "tutor_files": "staff",
    "reviews": "staff", "suggestions": "staff", "record_corrections": "staff",
    "formulas": "staff", "training_events": "staff",
    "account_lines": "own account", "blind_windows": "own account", "logins": "own account",
    "class_groups": "own account", "group_days": "own account",
}  # fmt: skip

#: Rows that are removed; of all others only what tells who it is.
_REMOVED: Final = (
    *("prompts", "orientations", "group_members", "submissions", "enrolments", "feeds"),
    "consents",
    *("course_registrations", "student_facts", "student_files", "binding_codes", "identities"),
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of somebody's rows: how many by table; no name is in it."""

    person: int
    at: datetime
    removed: Mapping[str, int]
    #: Rows that stand, of nobody now.
    without_identity: Mapping[str, int]
    #: Rows that the law keeps, by table.
    kept: Mapping[str, int]
    #: Files handed in, below the folder of the collections, for the caller to remove.
    paths: tuple[str, ...] = field(default=())

    @property
    def backups_purged_by(self) -> datetime:
        """No backup of ours is older."""
        return self.at + BACKUPS_PURGED


class StillOpen(Exception):
    """Something of theirs is being worked on: its words are evidence until it is closed."""

    def __init__(self, numbers: Collection[int]) -> None:
        super().__init__(", ".join(f"T-{number}" for number in numbers))
        self.numbers = tuple(numbers)


class IsStaff(Exception):
    """Rows of staff go by the rules for staff."""


async def whose(uow: UnitOfWork, person_id: int, *, is_searched: bool = True) -> Whose:
    """Somebody's accounts, messages and hand-offs; without a search only what is recorded."""
    bound = select(identities.c.platform, identities.c.user_id).where(
        identities.c.person_id == person_id
    )
    accounts = [(platform, user) for platform, user in await uow.read(bound)]
    who = Whose(person_id, accounts, is_searched=is_searched)
    numbers = await uow.read(
        select(hand_offs.c.number).where(
            or_(hand_offs.c.person_id == person_id, who.account(hand_offs, "asker_id"))
        )
    )
    rows = _t("interactions")
    # A tutor's answer is recorded for the student, too, but is the tutor's message.
    recorded = await uow.read(
        select(rows.c.event_id).where(who.account(rows, "speaker_id"), rows.c.event_id.is_not(None))
    )
    who = replace(who, events=set(recorded.scalars()), hand_offs=list(numbers.scalars()))
    said = await uow.read(select(inbound_events.c.id).where(_events(who)))
    return replace(who, events={*who.events, *said.scalars()})


async def held(uow: UnitOfWork, who: Whose) -> dict[str, int]:
    """How many rows each table holds about them; tables without any are left out."""
    found: dict[str, int] = {}
    for name, rows in WHOSE.items():
        counted = select(func.count()).select_from(_t(name)).where(rows(who))
        count = int((await uow.read(counted)).scalar_one())
        if count:
            found[name] = count
    return found


async def erase(
    uow: UnitOfWork,
    person_id: int,
    at: datetime,
    *,
    but: int | None = None,
) -> Proof:
    """
    Take somebody out of every table; doing it twice takes out nothing more.

    `but` is the number of the request for it, which may still be open.

    Raises:
        StillOpen: something of theirs has not been closed.
        IsStaff: they have, or had, a duty.
    """
    await uow.flush()
    if (await uow.read(select(duties.c.id).where(duties.c.person_id == person_id))).first():
        raise IsStaff(f"person {person_id}")
    who = await whose(uow, person_id)
    unclosed = select(hand_offs.c.number).where(
        hand_offs.c.number.in_(who.hand_offs), hand_offs.c.closed_at.is_(None)
    )
    numbers = [number for number in (await uow.read(unclosed)).scalars() if number != but]
    if numbers:
        raise StillOpen(numbers)
    before = await held(uow, who)
    paths = await uow.read(select(_t("submissions").c.path).where(WHOSE["submissions"](who)))
    files = tuple(paths.scalars())
    alias = f"erased:{person_id}"
    await _erase_words(uow, who, alias)
    for name, values in _blanks(alias).items():
        await uow.write(update(_t(name)).where(WHOSE[name](who)).values(**values))
    for name in _REMOVED:
        await uow.write(delete(_t(name)).where(WHOSE[name](who)))
    steps = hand_off_steps.c.actor
    await uow.write(
        update(hand_off_steps).where(steps.in_(who.actors)).values(actor=f"person:{person_id}")
    )
    # Their own reminders; a class's are the class's, whoever made them.
    own = _t("tasks")
    await uow.write(
        update(own)
        .where(own.c.person_id == person_id)
        .values(title=GONE, text=GONE, rule=None, state=TaskState.CANCELLED)
    )
    owed = _t("obligations")
    await uow.write(
        update(owed)
        .where(
            WHOSE["obligations"](who),
            owed.c.state.in_((ObligationState.PLANNED, ObligationState.QUEUED)),
        )
        .values(state=ObligationState.CANCELLED, ended_at=at)
    )
    await uow.write(
        update(persons).where(persons.c.id == person_id).values(name=GONE, student_no=None)
    )
    return Proof(
        person_id,
        at,
        {name: count for name, count in before.items() if name in _REMOVED},
        {name: n for name, n in before.items() if name not in _REMOVED and name != "audit"},
        {name: count for name, count in before.items() if name == "audit"},
        files,
    )


def _blanks(alias: str) -> dict[str, dict[str, object]]:
    """What of the rows that stay is overwritten."""
    return {
        "hand_offs": {
            "asker_id": alias, "asker_name": GONE, "text": GONE, "answer": None, "wants": None,
            "verdict_reason": None, "via_group": "", "message_id": "", "conversation_id": alias,
        },
        "hand_off_steps": {"text": GONE},
        "search_words": {"words": ""},
        "interactions": {"speaker_id": alias},
        "feedback": {"speaker_id": alias},
        "completions": {"source": GONE, "by": alias},
        "study_groups": {"name": GONE},
        "tasks": {"made_by": alias},
    }  # fmt: skip


async def _erase_words(uow: UnitOfWork, who: Whose, alias: str) -> None:
    """What they said and what was said to them; that it was said stays known."""
    heard = await uow.read(select(inbound_events).where(_events(who)))
    gone: list[int] = []
    kept: list[dict[str, object]] = []
    for row in heard.all():
        event = decode_event(row)
        if not isinstance(event, Message):
            gone.append(row.id)
            continue
        place = event.conversation
        if place.kind is ConversationKind.PRIVATE:
            place = replace(place, id=alias, via_group="")
        bare = replace(
            event, conversation=place, sender_id=alias, sender_name="", text=GONE,
            mentions=(), reply_to="", attachments=(),
        )  # fmt: skip
        kept.append(
            {
                "row": row.id,
                "kept": msgspec.json.encode(bare).decode(),
                "place": place.id,
            }
        )
    await uow.write(delete(inbound_events).where(inbound_events.c.id.in_(gone)))
    if kept:
        await uow.write(
            update(inbound_events)
            .where(inbound_events.c.id == bindparam("row"))
            .values(payload=bindparam("kept"), conversation_id=bindparam("place"), error=None),
            kept,
        )
    users = {user for _, user in who.accounts}
    said = await uow.read(select(outbox).where(_messages(who)))
    told: list[dict[str, object]] = []
    for row in said.all():
        sent = decode_outgoing(row)
        place = sent.conversation
        if place.kind is ConversationKind.PRIVATE and place.id in users:
            place = replace(place, id=alias, via_group="")
        bare_sent = replace(
            sent, conversation=place, text=GONE, quote="",
            mention=tuple(one for one in sent.mention if one not in users),
        )  # fmt: skip
        told.append(
            {
                "row": row.id,
                "kept": msgspec.json.encode(bare_sent).decode(),
                "place": place.id,
                # Nothing of it is to be said any more.
                "now": queue.DONE if row.state != queue.DONE else row.state,
            }
        )
    if told:
        await uow.write(
            update(outbox)
            .where(outbox.c.id == bindparam("row"))
            .values(
                payload=bindparam("kept"),
                conversation_id=bindparam("place"),
                state=bindparam("now"),
                error=None,
                leased_by=None,
                leased_until=None,
            ),
            told,
        )


@dataclass(frozen=True, slots=True)
class Affected:
    """A student of whom something was recorded in a span of time, to be told of a leak."""

    student_no: str
    name: str
    classes: tuple[str, ...]
    rows: int


async def affected(uow: UnitOfWork, since: datetime, until: datetime) -> list[Affected]:
    """Every student with a row of the record between the two, by student number."""
    rows, rooms, enrolled = _t("interactions"), _t("classes"), _t("enrolments")
    counted = (
        select(rows.c.person_id, func.count().label("rows"))
        .where(rows.c.at >= since, rows.c.at < until, rows.c.person_id.is_not(None))
        .group_by(rows.c.person_id)
        .subquery()
    )
    found = await uow.read(
        select(persons.c.student_no, persons.c.name, rooms.c.name, counted.c.rows)
        .join(counted, counted.c.person_id == persons.c.id)
        .join(enrolled, enrolled.c.person_id == persons.c.id)
        .join(rooms, rooms.c.id == enrolled.c.class_id)
        .where(persons.c.student_no.is_not(None))
        .order_by(persons.c.student_no, rooms.c.name)
    )
    told: dict[str, Affected] = {}
    for number, name, room, count in found:
        before = told.get(number)
        classes = (*(before.classes if before else ()), room)
        told[number] = Affected(number, name, classes, count)
    return list(told.values())
