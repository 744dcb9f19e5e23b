"""What failed every time: seen without its words, tried again, by the province alone."""

import asyncio

from sqlalchemy import select, update

from bot import demo
from bot.adapters.playground import ACCOUNT
from bot.app import App
from storage.models.queues import inbound_events, outbox
from storage.vocabulary import Conversation, ConversationKind, Outgoing, Platform
from tests.bot.web.conftest import Visit, Visitor, add_supervisor, eventually, say
from tests.bot.web.test_row import rows

SECRET = "我的身份证丢了怎么办呀"


async def signed_in(app: App, visit: Visit, unit: str | None = None) -> Visitor:
    await add_supervisor(app, "boss", "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in("boss", "correct horse") == 303
    return visitor


async def set_aside(app: App) -> int:
    """An event that failed three times, of which nothing is on record."""
    async with app.database.unit_of_work() as uow:
        message = (await uow.inbox.newest(1))[0][1]
        changed = type(message)(
            message.conversation,
            message.sender_id,
            message.sender_name,
            "m-poison",
            f"@助手 {SECRET}",
            message.sent_at,
            mentions_bot=True,
        )
        stored = await uow.inbox.store([changed], now=app.clock.now())
        values = {"state": "dead", "attempts": 3, "error": f"KeyError: '{SECRET}'"}
        await uow.write(
            update(inbound_events).where(inbound_events.c.id == stored[0].id).values(**values)
        )
    return stored[0].id


async def unsent(app: App) -> int:
    """A message the platform never took."""
    place = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.GROUP, demo.GROUP_ID)
    async with app.database.unit_of_work() as uow:
        message = Outgoing(key="test:1", conversation=place, text="补发的通知")
        uow.outbox.add(message, now=app.clock.now())
        await uow.flush()
        values = {"state": "dead", "attempts": 12, "error": "retcode 120: 被禁言"}
        await uow.write(update(outbox).where(outbox.c.key == "test:1").values(**values))
        found = await uow.read(select(outbox.c.id).where(outbox.c.key == "test:1"))
        return int(found.scalar_one())


async def post(visitor: Visitor, path: str) -> int:
    form = {"csrf": await visitor.token("/lines")}
    return (await visitor.post(path, form))[0]


async def test_both_queues_are_listed_without_their_words(app: App, visit: Visit) -> None:
    await say(app, "@助手 学费怎么交？")
    event_id, row_id = await set_aside(app), await unsent(app)
    visitor = await signed_in(app, visit)

    _, body = await visitor.get("/lines")

    assert f"/lines/inbox/{event_id}/retry" in body
    assert f"/lines/outbox/{row_id}/retry" in body
    assert "KeyError" in body
    assert "被禁言" in body
    assert SECRET not in body
    assert "补发的通知" not in body


async def test_an_event_tried_again_is_worked(app: App, visit: Visit) -> None:
    """F17: the quarantine has a way out."""
    await say(app, "@助手 学费怎么交？")
    event_id = await set_aside(app)
    visitor = await signed_in(app, visit)

    assert await post(visitor, f"/lines/inbox/{event_id}/retry") == 303
    async with app.database.reading() as uow:
        assert ("web:boss", "lines.retry", f"inbox:{event_id}") in await uow.audit.actions()
    async with asyncio.timeout(10):
        while not any(row.event_id == event_id for row in await rows(app)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert any(row.event_id == event_id for row in await rows(app))
    async with app.database.reading() as uow:
        assert await uow.inbox.poison() == []
    assert await post(visitor, f"/lines/inbox/{event_id}/retry") == 303
    async with app.database.reading() as uow:
        actions = await uow.audit.actions()
    assert ("web:boss", "lines.retry_refused", f"inbox:{event_id}") in actions


async def test_what_a_tutor_has_already_is_not_worked_twice(app: App, visit: Visit) -> None:
    await say(app, "@助手 学费怎么交？")
    event_id = (await rows(app))[0].event_id
    async with app.database.unit_of_work() as uow:
        await uow.write(update(inbound_events).values(state="dead"))
    visitor = await signed_in(app, visit)

    _, body = await visitor.get("/lines")
    await post(visitor, f"/lines/inbox/{event_id}/retry")

    assert "已转老师，不再重试" in body
    assert f"/lines/inbox/{event_id}/retry" not in body
    async with app.database.reading() as uow:
        assert len(await uow.inbox.poison()) == 1
    await post(visitor, f"/lines/inbox/{event_id}/drop")
    async with app.database.reading() as uow:
        assert await uow.inbox.poison() == []


async def test_a_message_tried_again_is_sent(app: App, visit: Visit) -> None:
    row_id = await unsent(app)
    visitor = await signed_in(app, visit)

    assert await post(visitor, f"/lines/outbox/{row_id}/retry") == 303
    assert app.playground is not None
    playground = app.playground
    await eventually(
        lambda: any(
            line.text == "补发的通知" for said in playground.transcripts.values() for line in said
        )
    )


async def test_units_neither_see_nor_retry(app: App, visit: Visit) -> None:
    row_id = await unsent(app)
    visitor = await signed_in(app, visit, demo.UNIT)

    _, body = await visitor.get("/lines")
    statuses = {await post(visitor, f"/lines/outbox/{row_id}/{deed}") for deed in ("retry", "drop")}

    assert "/lines/outbox" not in body
    assert statuses == {404}
    async with app.database.reading() as uow:
        assert len(await uow.outbox.set_aside()) == 1


async def test_a_form_without_its_token_and_odd_addresses_do_nothing(
    app: App, visit: Visit
) -> None:
    row_id = await unsent(app)
    visitor = await signed_in(app, visit)

    forged, _ = await visitor.post(f"/lines/outbox/{row_id}/retry", {})
    odd = {await post(visitor, f"/lines/{path}") for path in ("audit/1/retry", "outbox/1/delete")}

    assert forged == 403
    assert odd == {404}
    async with app.database.reading() as uow:
        assert len(await uow.outbox.set_aside()) == 1
