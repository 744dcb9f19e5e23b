"""Many messages at once: none lost, none twice, in order in each room."""

import asyncio
import statistics
import time

from storage.vocabulary import Outgoing


async def test_thousand_messages_in_ten_rooms_are_answered_once_and_in_order(world, connect):
    told = {}
    queue = asyncio.Queue()

    async def accept(message):
        told.setdefault(message.conversation.id, []).append(message.text)
        await queue.put(message)

    client = await connect(world.gateway, accept=accept)
    rooms = [
        (await world.gateway.room(topic=f"{n}班", members=[world.bot, world.ann, world.ben]))["id"]
        for n in range(10)
    ]

    async def answer_all():
        last = {}
        for _ in range(1000):
            message = await queue.get()
            room = message.conversation.id
            last[room] = asyncio.create_task(answer_after(last.get(room), message))
        await asyncio.gather(*last.values())

    async def answer_after(earlier, message):
        if earlier is not None:
            await earlier
        await client.adapter.send(
            Outgoing(message.message_id, message.conversation, f"答：{message.text}")
        )

    async with asyncio.timeout(60):
        answering = asyncio.create_task(answer_all())
        await asyncio.gather(
            *(
                world.gateway.burst({"from": [world.ann, world.ben]}, room=room, count=100)
                for room in rooms
            )
        )
        await answering

    sent = await world.sent(1000)
    expected = [f"第{n}条" for n in range(100)]
    assert all(told[room] == expected for room in rooms)
    for room in rooms:
        answers = [one["text"] for one in sent if one["conversation"] == room]
        assert answers == [f"答：{text}" for text in expected]
    assert len(sent) == 1000


async def test_breaks_in_the_middle_lose_nothing_that_was_announced(world, connect):
    client = await connect(world.gateway)
    await world.gateway.fault(method="messagePayload", ms=50, jitter=100, times=100)
    await world.gateway.burst({"from": world.ann}, room=world.room, count=100)
    first = await client.hear()
    await world.gateway.drop(how="reset")

    texts = [first.text] + [(await client.hear()).text for _ in range(99)]

    assert texts == [f"第{n}条" for n in range(100)]


async def test_steady_twenty_a_second_take_milliseconds(world, connect):
    delays = []
    done = asyncio.Event()

    async def accept(message):
        delays.append(time.time() - message.sent_at.timestamp())
        if len(delays) == 60:
            done.set()

    await connect(world.gateway, accept=accept)
    await world.gateway.burst(
        {"from": [world.ann, world.ben]}, room=world.room, count=60, everyMs=50
    )
    async with asyncio.timeout(10):
        await done.wait()

    # From said to accepted: gateway, two crossings and us. Generous, for machines that are busy.
    assert statistics.quantiles(delays, n=20)[-1] < 0.1
