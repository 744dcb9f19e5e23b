"""A small term lived through to its end: the sums come out, whatever happens (P3, S16.6)."""

import random
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import term
from handlers.reminding import (
    GroupNow,
    Surroundings,
    ahead,
    allowed_from,
    decide,
    firing,
    is_quiet,
)
from handlers.settings import ReminderSettings
from storage.database import Database
from storage.obligations import ObligationState
from storage.reminding import Due, Owed
from storage.tasks import Audience, Task, TaskKind, TaskState
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Platform

SETTINGS = ReminderSettings()
BEGIN = datetime(2026, 12, 1, tzinfo=SHANGHAI)
#: Two of the three outages and the date that is moved lie in them.
TEN_WEEKS = timedelta(weeks=10)


async def test_s16_6_after_a_term_with_outages_every_sum_comes_out(database: Database) -> None:
    """On PostgreSQL two instances at once."""
    url = database.url.render_as_string(hide_password=False)

    found, world = await term.simulate([url] * (1 if database.is_sqlite else 2), (3, 5), seed=7)

    assert found.problems(world.means.reminders) == []
    assert found.planned > 100
    assert found.sums.reminders["late"] > 0
    assert found.sums.obligations["expired"] > 0


async def test_the_same_seed_is_the_same_term(tmp_path: Path) -> None:
    """On SQLite; two instances at once share the work as it comes."""
    tables = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        found, world = await term.simulate(
            await term.fresh("", folder), (1, 3), seed=11, length=TEN_WEEKS
        )
        tables.append(term.table(found, world, 11))

    assert tables[0] == tables[1]


# -- rules, by property ---------------------------------------------------------------------------

instants = st.integers(0, 60 * 24 * 14).map(lambda minutes: BEGIN + timedelta(minutes=minutes))


def task(number: int, **changes: object) -> Task:
    return Task(
        **(
            {
                "number": number,
                "kind": TaskKind.MATTER,
                "state": TaskState.ARMED,
                "class_id": 1,
                "person_id": None,
                "matter": "",
                "title": "考试报名",
                "text": "",
                "audience": Audience.UNDONE,
                "is_private": False,
                "opens_at": None,
                "deadline": None,
                "rule": None,
                "origin": "chat",
                "made_by": "person:1",
                "made_at": BEGIN,
            }
            | changes
        )  # type: ignore[arg-type]
    )


@given(due_at=instants, late=st.integers(0, 5000), use=st.integers(1, 5000))
def test_a_due_reminder_is_said_by_day_or_it_expires(due_at: datetime, late: int, use: int) -> None:
    now = due_at + timedelta(minutes=late)
    due = Due(1, "T-3", due_at, due_at + timedelta(minutes=use), task(1))

    found = firing(due, now, SETTINGS)

    if not found.is_expired:
        assert found.not_before < due.useful_until
        assert not is_quiet(allowed_from(found.not_before, SETTINGS), SETTINGS)
    else:
        assert allowed_from(now, SETTINGS) >= due.useful_until


@given(at=instants)
def test_ahead_is_now_or_the_end_of_the_coming_night(at: datetime) -> None:
    found = ahead(at, SETTINGS)

    assert found == at or (not is_quiet(found, SETTINGS) and is_quiet(found, SETTINGS) is False)
    assert at <= found <= at + timedelta(hours=11)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), turns=st.integers(0, 60), count=st.integers(1, 60))
def test_everything_owed_is_said_once_held_ended_or_waits(
    seed: int, turns: int, count: int
) -> None:
    chance = random.Random(seed)
    now = BEGIN.replace(hour=10)
    tasks = {n: task(n, is_private=chance.random() < 0.3) for n in range(1, 5)}
    place = Conversation(Platform.QQ, "1", ConversationKind.GROUP, "2")
    bound = {n for n in range(1, 31) if chance.random() < 0.7}
    around = Surroundings(
        tasks=tasks,
        groups=[GroupNow(place, pushed=chance.randrange(5))],
        private={
            n: Conversation(Platform.QQ, "1", ConversationKind.PRIVATE, str(n)) for n in bound
        },
        platforms={n: frozenset({Platform.QQ}) for n in bound},
    )
    owed = [
        Owed(
            index,
            number := chance.randint(1, 4),
            number,
            1,
            f"person:{index}",
            chance.randint(1, 30),
            now,
            now + timedelta(hours=chance.randint(0, 90)),
            None,
            chance.random() < 0.2,
        )
        for index in range(count)
    ]
    left = {(Platform.QQ, "1"): turns}

    found = decide(owed, around, now, SETTINGS, left)

    said = [item.id for delivery in found.deliveries for item in delivery.owed]
    held = [item.id for items in found.held.values() for item in items]
    ended = [item.id for items in found.ended.values() for item in items]
    everything = [*said, *held, *ended]
    assert len(everything) == len(set(everything))
    assert left[(Platform.QQ, "1")] == turns - len(found.deliveries) >= 0
    waiting = {item.id for item in owed} - set(everything)
    assert not waiting or left[(Platform.QQ, "1")] == 0
    for delivery in found.deliveries:
        if delivery.is_group:
            assert not any(tasks[item.task].is_private for item in delivery.owed)
    done = {item.id for item in found.ended.get((ObligationState.DONE, None), [])}
    assert done == {item.id for item in owed if item.is_done}
