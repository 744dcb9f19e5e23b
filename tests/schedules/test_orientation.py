"""Welcome and 入学教育 (S11.1, S11.2, S11.4): once a person, by day, and no more than is fit."""

from datetime import datetime, timedelta

import pytest

from handlers import orientation as rules
from handlers import texts_orientation as words
from handlers.settings import BotSettings, WorkingTimeSettings
from handlers.working_time import WorkingTime
from schedules import orientation
from schedules.means import Means
from storage.database import Database
from storage.imports import StudentRow
from storage.interactions import Kind
from storage.orientation import Standing
from storage.reports import LedgerFilter
from storage.vocabulary import (
    SHANGHAI,
    Capabilities,
    MembershipChange,
    Outgoing,
    Platform,
)
from tests.conftest import GROUP, QQ_ACCOUNT, Classroom

WORKING = WorkingTime(WorkingTimeSettings())
OPEN = Means(BotSettings(), WORKING, {Platform.QQ: Capabilities()})
SHUT = Means(BotSettings(), WORKING, {Platform.QQ: Capabilities(writes_first=False)})
#: Tuesday morning.
NINE = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def comes(database: Database, *users: str, at: datetime = NINE, joined: bool = True) -> None:
    async with database.unit_of_work() as uow:
        for user in users:
            await uow.members.note(MembershipChange(GROUP, user, joined, False, at))
        if joined:
            await rules.expect(uow, GROUP, users, at)


async def said(database: Database, at: datetime, means: Means = OPEN) -> list[Outgoing]:
    """What the clock brings at that instant; looking again at once brings nothing more."""
    async with database.unit_of_work() as uow:
        await orientation.welcome(uow, at, means)
        await orientation.show_cards(uow, at, means)
    async with database.unit_of_work() as uow:
        found = await _sent(database, uow, at)
        await orientation.welcome(uow, at, means)
        await orientation.show_cards(uow, at, means)
    async with database.unit_of_work() as uow:
        assert await _sent(database, uow, at) == []
    return found


async def _sent(database: Database, uow, at: datetime) -> list[Outgoing]:  # type: ignore[no-untyped-def]
    rows = await uow.outbox.claim(
        accounts=[(Platform.QQ, QQ_ACCOUNT)],
        instance="test",
        now=at,
        lease=timedelta(days=999),
        limit=500,
    )
    return [row.message for row in rows]


def to_group(messages: list[Outgoing]) -> list[Outgoing]:
    return [it for it in messages if it.conversation == GROUP]


async def test_two_who_join_within_minutes_are_welcomed_by_one_message(
    database: Database, classroom: Classroom
) -> None:
    """S11.1"""
    await comes(database, "1")
    await comes(database, "2", at=NINE + 2 * MINUTE)

    early = await said(database, NINE + 2 * MINUTE)
    found = await said(database, NINE + 3 * MINUTE)

    assert early == []
    (group,) = to_group(found)
    assert group.mention == ("1", "2")
    assert group.is_push
    assert group.text == "【助学小助手】" + words.welcome(2, "计算机2301")
    private = {it.conversation.id: it for it in found if it not in (group,)}
    assert set(private) == {"1", "2"}
    assert all(it.conversation.via_group == GROUP.id and it.is_push for it in private.values())
    assert "入学教育 1/7" in private["1"].text
    async with database.reading() as uow:
        assert await uow.group_days.pushed(GROUP, NINE.date()) == 1
        rows = await uow.reports.ledger(LedgerFilter())
    assert [(it.record.kind, it.record.article) for it in rows] == [
        (Kind.ORIENTATION, "第十一条")
    ] * 2


async def test_whoever_leaves_and_comes_again_is_not_welcomed_again(
    database: Database, classroom: Classroom
) -> None:
    """S11.1"""
    await comes(database, "1")
    first = await said(database, NINE + 5 * MINUTE)

    await comes(database, "1", at=NINE + DAY, joined=False)
    await comes(database, "1", at=NINE + 2 * DAY)
    again = await said(database, NINE + 2 * DAY + 5 * MINUTE)

    assert len(to_group(first)) == 1
    assert to_group(again) == []


async def test_whoever_has_left_before_the_welcome_gets_it_on_return(
    database: Database, classroom: Classroom
) -> None:
    await comes(database, "1")
    await comes(database, "1", at=NINE + MINUTE, joined=False)
    gone = await said(database, NINE + 5 * MINUTE)

    await comes(database, "1", at=NINE + DAY)
    back = await said(database, NINE + DAY + 5 * MINUTE)

    assert gone == []
    assert len(to_group(back)) == 1


async def test_one_person_with_two_accounts_is_welcomed_once_and_staff_never(
    database: Database, classroom: Classroom
) -> None:
    """S11.1: once a person and class."""
    async with database.unit_of_work() as uow:
        row = StudentRow("计算机2301", "2430000000001", "李明", Platform.QQ, "20009")
        await uow.imports.students([row])
    await comes(database, "20001")
    first = await said(database, NINE + 5 * MINUTE)

    await comes(database, "20009", "10001", QQ_ACCOUNT, at=NINE + DAY)
    second = await said(database, NINE + DAY + 5 * MINUTE)

    assert len(to_group(first)) == 1
    assert to_group(second) == []


@pytest.mark.parametrize(
    ("joined", "welcomed"),
    [
        ("2026-12-01 21:56", "2026-12-01 21:59"),
        ("2026-12-01 21:58", "2026-12-02 07:30"),
        ("2026-12-01 23:30", "2026-12-02 07:30"),
        ("2026-12-02 03:00", "2026-12-02 07:30"),
    ],
)
async def test_nobody_is_welcomed_at_night(
    database: Database, classroom: Classroom, joined: str, welcomed: str
) -> None:
    at, then = (
        datetime.strptime(it, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
        for it in (joined, welcomed)
    )
    await comes(database, "1", at=at)

    before = await said(database, then - MINUTE)
    found = await said(database, then)

    assert before == []
    assert len(to_group(found)) == 1


async def test_a_group_that_has_heard_enough_today_hears_it_tomorrow(
    database: Database, classroom: Classroom
) -> None:
    await comes(database, "1")
    async with database.unit_of_work() as uow:
        for _ in range(3):
            await uow.group_days.note(GROUP, NINE.date())

    today = await said(database, NINE + 5 * MINUTE)
    tomorrow = await said(database, (NINE + DAY).replace(hour=7, minute=30))

    assert today == []
    assert len(to_group(tomorrow)) == 1


async def test_a_muted_group_and_a_quiet_class_are_waited_for(
    database: Database, classroom: Classroom
) -> None:
    await comes(database, "1")
    async with database.unit_of_work() as uow:
        await uow.people.set_group_mute(GROUP, NINE + timedelta(hours=2))
        await uow.people.set_quiet(classroom.room.id, NINE + timedelta(hours=3))

    muted = await said(database, NINE + 5 * MINUTE)
    quiet = await said(database, NINE + timedelta(hours=2, minutes=30))
    free = await said(database, NINE + timedelta(hours=3))

    assert (muted, quiet) == ([], [])
    assert len(to_group(free)) == 1


async def test_many_at_once_are_one_message_that_names_twenty(
    database: Database, classroom: Classroom
) -> None:
    await comes(database, *(f"{n:03}" for n in range(60)))

    found = await said(database, NINE + 5 * MINUTE)

    (group,) = to_group(found)
    assert "60 位新同学" in group.text
    assert len(group.mention) == 20
    assert len(found) == 61


async def test_seven_cards_come_by_themselves_within_fourteen_days(
    database: Database, classroom: Classroom
) -> None:
    """S11.2"""
    await comes(database, "1")
    shown: list[tuple[datetime, str]] = []
    looks = [timedelta(hours=h, minutes=m) for h, m in ((3, 0), (9, 5), (9, 59), (10, 0), (22, 30))]
    midnight = NINE.replace(hour=0)
    for at in (midnight + day * DAY + look for day in range(20) for look in looks):
        found = await said(database, at) if at > NINE else []
        shown += [(at, it.text.split("：")[0]) for it in found if it.conversation != GROUP]

    assert "您好，欢迎来到计算机2301" in shown[0][1]
    assert [text for _, text in shown[1:]] == [f"【助学小助手】入学教育 {n}/7" for n in range(2, 8)]
    assert shown[-1][0] - NINE < timedelta(days=14)
    assert all(at.hour == 10 and at.minute == 0 for at, _ in shown[1:])
    async with database.reading() as uow:
        (item,) = await uow.orientations.open_in(classroom.room.id)
    # Shown is not learned: only the student says that they are through.
    assert (item.step, item.standing, item.finished_at) == (7, Standing.RUNNING, None)


async def test_after_days_of_downtime_one_card_comes_not_all_of_them(
    database: Database, classroom: Classroom
) -> None:
    await comes(database, "1")
    await said(database, NINE + 5 * MINUTE)

    after = await said(database, NINE + 9 * DAY)
    next_day = await said(database, NINE + 10 * DAY)

    assert len(after) == 1
    assert next_day == []


async def test_whoever_cannot_be_written_to_is_told_in_the_group_only(
    database: Database, classroom: Classroom
) -> None:
    await comes(database, "1")

    found = await said(database, NINE + 5 * MINUTE, SHUT)
    later = await said(database, NINE + 9 * DAY, SHUT)

    assert [it.conversation for it in found] == [GROUP]
    assert "私聊我回复「入学教育」" in found[0].text
    assert later == []


async def test_a_first_look_at_an_old_group_welcomes_nobody(
    database: Database, classroom: Classroom
) -> None:
    """S11.4: and a member who joins before that look makes nobody else new."""
    await comes(database, "9")
    async with database.unit_of_work() as uow:
        found = await uow.members.reconcile(GROUP, {str(n) for n in range(200)}, NINE + MINUTE)
        await rules.expect(uow, GROUP, found.new, NINE + MINUTE)
    first = await said(database, NINE + 10 * MINUTE)

    async with database.unit_of_work() as uow:
        present = {str(n) for n in range(201)}
        found = await uow.members.reconcile(GROUP, present, NINE + DAY)
        await rules.expect(uow, GROUP, found.new, NINE + DAY)
    missed = await said(database, NINE + DAY + 10 * MINUTE)

    assert [it.mention for it in to_group(first)] == [("9",)]
    assert [it.mention for it in to_group(missed)] == [("200",)]


async def test_ids_that_have_all_changed_are_not_two_hundred_new_members(
    database: Database, classroom: Classroom
) -> None:
    async with database.unit_of_work() as uow:
        await uow.members.reconcile(GROUP, {"a", "b", "c"}, NINE)
        found = await uow.members.reconcile(GROUP, {"x", "y", "z"}, NINE + DAY)

    assert (found.joined, found.left, found.new) == (3, 3, ())
