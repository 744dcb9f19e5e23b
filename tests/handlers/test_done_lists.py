"""Done-lists (S15.3): dated and sourced, all or nothing, above what was only said."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from handlers import done, done_lists, imports
from handlers.imports import Cell, Table, TableError
from storage.database import Database
from storage.tasks import Audience, Draft, How, TaskKind
from storage.unit_of_work import UnitOfWork
from tests.conftest import Classroom

LI, ZHANG = "2430000000001", "2430000000002"


async def armed(uow: UnitOfWork, room_id: int, now: datetime, matter: str = "考试报名") -> int:
    draft = Draft(TaskKind.MATTER, room_id, matter, Audience.UNDONE, made_by="test", matter=matter)
    number = await uow.tasks.arm(draft, now)
    await uow.flush()
    return number


async def apply(
    uow: UnitOfWork,
    header: Sequence[str],
    *rows: Sequence[Cell],
    now: datetime,
    task: int | None = None,
    is_complete: bool = False,
) -> list[str]:
    table = Table(tuple(header), tuple((n, tuple(row)) for n, row in enumerate(rows, 2)))
    found = imports.done(table, await uow.roster.names())
    changes = await done_lists.apply(
        uow,
        found,
        task=task,
        is_complete=is_complete,
        source="教务.xlsx",
        as_of=now,
        by="test",
        now=now,
    )
    return changes.lines


async def test_those_listed_have_done_it_and_a_second_import_changes_nothing(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        number = await armed(uow, classroom.room.id, now)
        first = await apply(uow, ("学号", "姓名"), (LI, "李明"), now=now, task=number)
        again = await apply(uow, ("学号", "姓名"), (LI, "李明"), now=now, task=number)
        known = await uow.tasks.completions_of(number)

    assert [line[0] for line in first] == ["+"]
    assert again == []
    assert [(it.is_done, it.how, it.source) for it in known] == [(True, How.LIST, "教务.xlsx")]


async def test_a_matter_is_found_by_what_the_list_calls_it(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await armed(uow, classroom.room.id, now)
        await armed(uow, classroom.room.id, now, "缴费")
        lines = await apply(
            uow,
            ("学号", "事项", "状态", "日期"),
            (LI, "考试报名", "已办", "2026-11-30"),
            (ZHANG, "缴费", "未办", "2026-11-30"),
            now=now,
        )
        known = await uow.tasks.completions_of(1)

    assert len(lines) == 1
    assert known[0].at.date().isoformat() == "2026-11-30"


async def test_every_problem_is_told_and_nothing_is_applied(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        number = await armed(uow, classroom.room.id, now)
    with pytest.raises(TableError) as failure:
        async with database.unit_of_work() as uow:
            await apply(
                uow,
                ("学号", "姓名", "状态", "日期"),
                (LI, "李明", "已办", ""),
                ("9999999999999", "谁", "已办", ""),
                (ZHANG, "张三", "好像办了", "2026-02-30"),
                (LI, "李明", "已办", ""),
                now=now,
                task=number,
            )
    async with database.reading() as uow:
        assert await uow.tasks.completions_of(number) == []

    told = "\n".join(failure.value.problems)
    assert "第 3 行「学号」：没有学号 9999999999999" in told
    assert "张红" in told
    assert "好像办了" in told
    assert "2026-02-30" in told
    assert "重复" in told


async def test_a_list_outranks_what_was_said_before_it_and_not_what_was_said_after(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    """Dated lists: the 3rd's says no; said on the 5th, it stands until the next list."""
    async with database.unit_of_work() as uow:
        number = await armed(uow, classroom.room.id, now)
        task = await uow.tasks.of(number)
        assert task is not None
        for person, at in ((classroom.li, now - timedelta(days=3)), (classroom.zhang, now)):
            assert person.person_id is not None
            await done.complete(
                uow, task, person.person_id, how=How.SAID, source="群", by="x", now=at
            )
        day = f"{now - timedelta(days=1):%Y-%m-%d}"
        header = ("学号", "状态", "日期")
        rows = ((LI, "未办", day), (ZHANG, "未办", day))
        lines = await apply(uow, header, *rows, now=now, task=number)
        known = await uow.tasks.done_by([number])

    assert len(lines) == 1
    assert "李明" in lines[0]
    assert "改回未办" in lines[0]
    assert known[number] == {classroom.zhang.person_id}


async def test_of_a_complete_list_whoever_is_not_on_it_has_not_done_it(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        number = await armed(uow, classroom.room.id, now)
        task = await uow.tasks.of(number)
        assert task is not None
        assert classroom.zhang.person_id is not None
        earlier = now - timedelta(days=1)
        await done.complete(
            uow, task, classroom.zhang.person_id, how=How.SAID, source="群", by="x", now=earlier
        )
        lines = await apply(uow, ("学号",), (LI,), now=now, task=number, is_complete=True)
        known = await uow.tasks.done_by([number])

    assert sorted(line[0] for line in lines) == ["+", "−"]
    assert known[number] == {classroom.li.person_id}


async def test_a_list_confirms_what_was_only_said(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        number = await armed(uow, classroom.room.id, now)
        task = await uow.tasks.of(number)
        assert task is not None
        assert classroom.li.person_id is not None
        await done.complete(
            uow, task, classroom.li.person_id, how=How.SAID, source="群", by="x", now=now
        )
        lines = await apply(uow, ("学号",), (LI,), now=now, task=number)
        again = await apply(uow, ("学号",), (LI,), now=now, task=number)
        known = await uow.tasks.completions_of(number)

    assert len(lines) == 1
    assert again == []
    assert known[0].how is How.LIST


async def test_without_a_matter_and_without_a_number_nothing_is_guessed(
    database: Database, classroom: Classroom, now: datetime
) -> None:
    async with database.unit_of_work() as uow:
        await armed(uow, classroom.room.id, now)
        with pytest.raises(TableError, match="R-12"):
            await apply(uow, ("学号",), (LI,), now=now)
