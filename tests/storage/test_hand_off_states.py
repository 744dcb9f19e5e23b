"""The life of a hand-off against a plain model: whatever people do, in whatever order, two at once.

Every change is tried with what somebody saw, which may be long past: it must succeed exactly where
the model says so, leave exactly what the model has, and of two who act at once one must win.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from storage.database import Database
from storage.imports import ClassRow, StaffRow
from storage.migrations import runner as migrations
from storage.questions import HandOff, Level, SolvedBy, State
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import (
    SHANGHAI,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=SHANGHAI)
GRACE = timedelta(minutes=10)
LEVELS = list(Level)


@dataclass
class Model:
    """What should be true of one hand-off."""

    state: State
    level: Level = Level.TUTOR
    surface_at: datetime | None = None
    level_since: datetime | None = None
    first_replied_at: datetime | None = None
    updated_at: datetime | None = None
    extended_at: datetime | None = None
    closed_at: datetime | None = None
    solved_by: SolvedBy | None = None
    contact_id: int | None = None
    alarm: int = 0
    reopened: int = 0
    marks: dict[int, int] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state is not State.CLOSED


class World:
    """One database for all the lives."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.Runner()
        self.database = Database(f"sqlite+aiosqlite:///{folder}/states.db")
        self.class_id, self.contacts = self.loop.run(self._begin())

    async def _begin(self) -> tuple[int, list[int]]:
        await migrations.migrate(self.database)
        async with self.database.unit_of_work() as uow:
            row = ClassRow(
                "计算机2301", Platform.QQ, PLACE.account, PLACE.id, "王敏", "10001", "市开大"
            )
            await uow.imports.classes(
                [row], default_mode="confident", default_grace=10, now=NOON - timedelta(days=9)
            )
            await uow.imports.contacts(
                [
                    StaffRow(name, Platform.QQ, number, "市开大", name)
                    for name, number in (("学籍", "30001"), ("财务", "30002"))
                ]
            )
        async with self.database.reading() as uow:
            room = await uow.people.class_named("计算机2301", NOON)
            assert room is not None
            return room.id, [contact.id for contact in await uow.cases.contacts([room.unit_id])]

    def do(self, work: Callable[[UnitOfWork], Coroutine[Any, Any, Any]]) -> Any:
        async def whole() -> Any:
            async with self.database.unit_of_work() as uow:
                return await work(uow)

        return self.loop.run(whole())

    def both(
        self,
        one: Callable[[UnitOfWork], Coroutine[Any, Any, Any]],
        other: Callable[[UnitOfWork], Coroutine[Any, Any, Any]],
    ) -> list[Any]:
        async def alone(work: Callable[[UnitOfWork], Coroutine[Any, Any, Any]]) -> Any:
            async with self.database.unit_of_work() as uow:
                return await work(uow)

        async def whole() -> list[Any]:
            return list(await asyncio.gather(alone(one), alone(other)))

        return self.loop.run(whole())

    def close(self) -> None:
        self.loop.run(self.database.close())
        self.loop.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def machine_in(world: World) -> type[RuleBasedStateMachine]:
    """The rules, played in one database."""

    class Life(RuleBasedStateMachine):
        #: What somebody saw of a hand-off at some time.
        seen = Bundle("seen")

        def __init__(self) -> None:
            super().__init__()
            self.now = NOON
            self.models: dict[int, Model] = {}
            self.steps: dict[int, list[Any]] = {}

        # -- beginning ----------------------------------------------------------------------------

        @rule(target=seen, is_watched=st.booleans())
        def note(self, is_watched: bool) -> HandOff:
            surface_at = self.now + GRACE if is_watched else None
            message = Message(PLACE, "20001", "李明", "1", "食堂几点关门", self.now)

            async def add(uow: UnitOfWork) -> HandOff:
                return await uow.questions.add(
                    message,
                    kind=Label.QUESTION,
                    class_id=world.class_id,
                    person_id=None,
                    event_id=1,
                    text=message.text,
                    topic=Topic.OTHER,
                    is_about_tutor=False,
                    surface_at=surface_at,
                )

            item: HandOff = world.do(add)
            state = State.WATCHED if is_watched else State.WAITING
            self.models[item.number] = Model(state, surface_at=surface_at)
            return item

        @rule(target=seen, item=seen)
        def look_again(self, item: HandOff) -> HandOff:
            found = world.do(lambda uow: uow.questions.get(item.number))
            assert isinstance(found, HandOff)
            return found

        @rule(minutes=st.integers(1, 600))
        def time_passes(self, minutes: int) -> None:
            self.now += timedelta(minutes=minutes)
            world.do(lambda uow: uow.questions.surface(self.now))
            for model in self.models.values():
                if model.state is State.WATCHED and (model.surface_at or self.now) <= self.now:
                    model.state = State.WAITING

        # -- on the way ---------------------------------------------------------------------------

        @rule(item=seen, which=st.integers(0, 1))
        def pass_on(self, item: HandOff, which: int) -> None:
            model, contact = self.models[item.number], world.contacts[which]
            done = world.do(lambda uow: uow.cases.pass_on(item, contact, self.now))
            assert done == (model.is_open and model.contact_id != contact)
            if done:
                model.contact_id = contact

        @rule(item=seen)
        def give_back(self, item: HandOff) -> None:
            model = self.models[item.number]
            done = world.do(lambda uow: uow.cases.give_back(item))
            was_seen_there = item.contact_id is not None and model.contact_id == item.contact_id
            assert done == (model.is_open and was_seen_there)
            if done:
                model.contact_id = None

        @rule(item=seen)
        def tell(self, item: HandOff) -> None:
            model = self.models[item.number]
            done = world.do(lambda uow: uow.cases.update_told(item, self.now))
            assert done == model.is_open
            if done:
                model.first_replied_at = model.first_replied_at or self.now
                model.updated_at, model.alarm = self.now, 0

        @rule(item=seen)
        def extend(self, item: HandOff) -> None:
            model = self.models[item.number]
            done = world.do(lambda uow: uow.cases.extend(item, self.now))
            assert done == (model.is_open and model.extended_at is None)
            if done:
                model.extended_at, model.alarm = self.now, 0

        @rule(item=seen, percent=st.sampled_from([50, 80, 100]))
        def warn(self, item: HandOff, percent: int) -> None:
            model = self.models[item.number]
            done = world.do(lambda uow: uow.cases.set_alarm(item, percent))
            assert done == (model.is_open and model.alarm < percent)
            if done:
                model.alarm = percent

        @rule(item=seen)
        def escalate(self, item: HandOff) -> None:
            model = self.models[item.number]
            above = LEVELS[min(LEVELS.index(item.level) + 1, 2)]
            if above is item.level:
                return
            done = world.do(lambda uow: uow.cases.escalate(item, above, self.now))
            assert done == (model.is_open and model.level is item.level)
            if done:
                model.level, model.level_since = above, self.now
                model.alarm, model.contact_id = 0, None

        # -- the end, and after -------------------------------------------------------------------

        @rule(item=seen, by=st.sampled_from(SolvedBy))
        def close(self, item: HandOff, by: SolvedBy) -> None:
            model = self.models[item.number]
            done = world.do(self._closing(item, by))
            assert done == model.is_open
            if done:
                self._is_closed(model, by)

        @rule(item=seen, other=seen)
        def two_close_at_once(self, item: HandOff, other: HandOff) -> None:
            other = replace(other, number=item.number)
            model = self.models[item.number]
            was_open = model.is_open
            first, second = world.both(
                self._closing(item, SolvedBy.TUTOR), self._closing(other, SolvedBy.DEPARTMENT)
            )
            assert [first, second].count(True) == int(was_open)
            if was_open:
                self._is_closed(model, SolvedBy.TUTOR if first else SolvedBy.DEPARTMENT)

        @rule(item=seen)
        def one_closes_and_one_tells_at_once(self, item: HandOff) -> None:
            model = self.models[item.number]
            was_open = model.is_open
            closed, told = world.both(
                self._closing(item, SolvedBy.SUPERVISOR),
                lambda uow: uow.cases.update_told(item, self.now),
            )
            assert closed == was_open
            assert was_open or not told
            if told:
                model.first_replied_at = model.first_replied_at or self.now
                model.updated_at, model.alarm = self.now, 0
            if closed:
                self._is_closed(model, SolvedBy.SUPERVISOR)

        def _closing(
            self, item: HandOff, by: SolvedBy
        ) -> Callable[[UnitOfWork], Coroutine[Any, Any, bool]]:
            return lambda uow: uow.questions.close(
                item, at=self.now, solved_by=by, by=None, answer="晚上八点"
            )

        def _is_closed(self, model: Model, by: SolvedBy) -> None:
            model.state, model.closed_at, model.solved_by = State.CLOSED, self.now, by

        @rule(item=seen, mark=st.integers(1, 5))
        def rate(self, item: HandOff, mark: int) -> None:
            model = self.models[item.number]
            done = world.do(lambda uow: uow.cases.rate(item, mark, self.now))
            assert done == (item.reopened not in model.marks)
            if done:
                model.marks[item.reopened] = mark

        @rule(item=seen, level=st.sampled_from(LEVELS))
        def reopen(self, item: HandOff, level: Level) -> None:
            model = self.models[item.number]
            done = world.do(lambda uow: uow.cases.reopen(item, level, self.now))
            assert done == (not model.is_open and model.reopened == item.reopened)
            if done:
                reopened, marks = model.reopened + 1, model.marks
                # No department has it any longer: it is `level`'s, anew.
                self.models[item.number] = Model(
                    State.WAITING,
                    level=level,
                    level_since=self.now,
                    surface_at=model.surface_at,
                    reopened=reopened,
                    marks=marks,
                )

        # -- always -------------------------------------------------------------------------------

        @invariant()
        def the_database_says_what_the_model_says(self) -> None:
            async def all_of(uow: UnitOfWork) -> list[tuple[HandOff, list[int]]]:
                found = []
                for number in self.models:
                    item = await uow.questions.get(number)
                    assert item is not None
                    found.append((item, await uow.cases.marks(number)))
                return found

            for item, marks in world.do(all_of):
                model = self.models[item.number]
                assert marks == [model.marks[key] for key in sorted(model.marks)]
                for name in (
                    "state",
                    "level",
                    "level_since",
                    "first_replied_at",
                    "updated_at",
                    "extended_at",
                    "closed_at",
                    "solved_by",
                    "contact_id",
                    "alarm",
                    "reopened",
                ):
                    assert getattr(item, name) == getattr(model, name), name

        @invariant()
        def what_is_open_is_somebodys(self) -> None:
            """S10.6."""
            waiting = {number for number, model in self.models.items() if model.is_open}

            async def known(uow: UnitOfWork) -> tuple[set[int], int]:
                by_class = await uow.questions.open_in([world.class_id])
                return {it.number for it in by_class.get(world.class_id, [])}, (
                    await uow.cases.ownerless(self.now)
                )

            listed, ownerless = world.do(known)
            assert waiting <= listed
            assert not (set(self.models) - waiting) & listed
            assert ownerless == 0

    return Life


def test_a_hand_off_lives_as_the_model_says(world: World) -> None:
    run_state_machine_as_test(
        machine_in(world),
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
