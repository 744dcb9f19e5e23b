"""Order per room, and no event lost between the stream and `accept`."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.oddities import Oddities
from bot.adapters.wechat.intake import Intake, Placed
from bot.adapters.wechat.lookups import CurrentLine, NoAnswer


def placing(room, name, *, after=None, error=None):
    """Places `name` in `room` once `after` is set."""

    async def finish():
        return (name,)

    async def place():
        if after is not None:
            await after.wait()
        if error is not None:
            raise error
        return Placed(room, finish)

    return place


class Run:
    """An intake at work, with an open line."""

    def __init__(self, patience=5.0, accept=None):
        self.told = []
        self.oddities = Oddities("wechat")
        self.line = CurrentLine()
        self.line.open(object())
        self.intake = Intake(accept or self._accept, self.line, self.oddities, patience)
        self._changed = asyncio.Event()

    async def __aenter__(self):
        self._task = asyncio.create_task(self.intake.run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _accept(self, event):
        self.told.append(event)
        self._changed.set()

    async def until(self, count):
        async with asyncio.timeout(5):
            while len(self.told) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.told


async def test_late_payload_waits_for_nobody_but_keeps_its_place():
    async with Run() as run:
        comes = asyncio.Event()
        await run.intake.put(placing("a", 1, after=comes))
        await run.intake.put(placing("a", 2))
        await run.intake.put(placing("b", 3))
        await asyncio.sleep(0.01)
        assert run.told == []
        comes.set()

        told = await run.until(3)

        assert [one for one in told if one != 3] == [1, 2]


async def test_payload_that_does_not_come_is_passed_and_told_later():
    async with Run(patience=0.05) as run:
        comes = asyncio.Event()
        await run.intake.put(placing("a", 1, after=comes))
        await run.intake.put(placing("b", 2))
        assert await run.until(1) == [2]
        comes.set()

        assert await run.until(2) == [2, 1]
        assert run.oddities.counts["message held up"] == 1


async def test_many_that_do_not_come_are_passed_together():
    async with Run(patience=0.1) as run:
        never = asyncio.Event()
        for number in range(200):
            await run.intake.put(placing("a", number, after=never))
        await run.intake.put(placing("b", "last"))

        # 64 at a time: four rounds, not two hundred.
        assert await run.until(1) == ["last"]


async def test_while_the_line_is_down_nobody_is_passed():
    async with Run(patience=0.02) as run:
        run.line.close()
        comes = asyncio.Event()
        await run.intake.put(placing("a", 1, after=comes))
        await run.intake.put(placing("a", 2))
        await asyncio.sleep(0.1)
        assert run.told == []
        run.line.open(object())
        comes.set()

        assert await run.until(2) == [1, 2]


async def test_room_whose_accept_waits_holds_up_no_other():
    told, goes_on = asyncio.Queue(), asyncio.Event()

    async def accept(event):
        if event == 1:
            await goes_on.wait()
        await told.put(event)

    async with Run(accept=accept) as run:
        await run.intake.put(placing("a", 1))
        await run.intake.put(placing("a", 2))
        await run.intake.put(placing("b", 3))
        assert await told.get() == 3
        goes_on.set()

        assert [await told.get(), await told.get()] == [1, 2]


@pytest.mark.parametrize("error", [NoAnswer(), KeyError("x")], ids=repr)
async def test_event_that_fails_takes_no_other_with_it(error):
    async with Run() as run:
        await run.intake.put(placing("a", 1, error=error))
        await run.intake.put(placing("a", 2))

        assert await run.until(1) == [2]
        assert run.oddities.counts.total() == 1


async def test_accept_that_fails_takes_no_other_with_it():
    told = asyncio.Queue()

    async def accept(event):
        if event == 1:
            raise RuntimeError
        await told.put(event)

    async with Run(accept=accept) as run:
        await run.intake.put(placing("a", 1))
        await run.intake.put(placing("a", 2))

        assert await told.get() == 2


async def test_when_very_many_are_under_way_the_reader_waits():
    goes_on = asyncio.Event()
    told = []

    async def accept(event):
        await goes_on.wait()
        told.append(event)

    async with Run(accept=accept) as run:
        for number in range(2000):
            await run.intake.put(placing("a", number))
        one_more = asyncio.create_task(run.intake.put(placing("a", 2000)))
        await asyncio.sleep(0.05)
        assert not one_more.done()
        goes_on.set()
        await one_more

        assert told == sorted(told)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=30))
def test_order_per_room_whatever_the_payloads_take(arrivals):
    async def scenario():
        async with Run() as run:
            for number, (room, rounds) in enumerate(arrivals):
                await run.intake.put(_slow(room, number, rounds))
            return list(await run.until(len(arrivals)))

    told = asyncio.run(scenario())

    assert sorted(told) == list(range(len(arrivals)))
    for room in "abc":
        numbers = [number for number in told if arrivals[number][0] == room]
        assert numbers == sorted(numbers)


def _slow(room, number, rounds):
    async def wait():
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def finish():
        await wait()
        return (number,)

    async def place():
        await wait()
        return Placed(room, finish)

    return place
