"""Whoever has joined is welcomed, and the next card of the orientation comes when it is due."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from handlers import texts
from handlers import texts_orientation as words
from handlers.orientation import card, next_card_at, record
from handlers.published import facts_in_words
from handlers.reminding import allowed_from, is_quiet
from handlers.settings import ReminderSettings
from schedules.means import Means
from storage.orientation import Orientation, Standing
from storage.people import ClassGroup, ClassRoom
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, Capabilities, Conversation, Outgoing

_ANY = Capabilities()


async def welcome(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """One message a group for everybody who has joined it since; not at night, not too often."""
    by_group: dict[Conversation, list[Orientation]] = defaultdict(list)
    for item in await uow.orientations.to_welcome(now):
        by_group[item.group].append(item)
    if not by_group:
        return
    rooms = await uow.people.classes({it.class_id for own in by_group.values() for it in own}, now)
    for place, items in by_group.items():
        room = rooms[items[0].class_id]
        group = next((it for it in room.groups if it.conversation == place), None)
        gone = await uow.orientations.gone(place, [it.user_id for it in items])
        if gone or group is None or group.left_at is not None:
            # Should they come again, or the bot, they are expected anew.
            lost = [it for it in items if it.user_id in gone] if group else items
            await uow.orientations.postpone([it.id for it in lost], None)
            items = [it for it in items if it not in lost]
        if group is None or not items:
            continue
        hold = await _held_until(uow, room, group, now, means.reminders)
        if hold is not None:
            await uow.orientations.postpone([it.id for it in items], hold)
            continue
        await _welcome(uow, room, items, now, means)


async def _held_until(
    uow: UnitOfWork, room: ClassRoom, group: ClassGroup, now: datetime, manners: ReminderSettings
) -> datetime | None:
    """Until when nothing is said unasked in a group; None: it may be."""
    until = max(filter(None, (now, group.muted_until, room.quiet_until)))
    at = allowed_from(until, manners)
    if at > now:
        return at
    if await uow.group_days.pushed(group.conversation, now.date()) >= manners.per_group_a_day:
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
        return allowed_from(tomorrow, manners)
    return None


async def _welcome(
    uow: UnitOfWork, room: ClassRoom, items: Sequence[Orientation], now: datetime, means: Means
) -> None:
    # Whoever else looks at the same moment gets none of them.
    fresh = set(await uow.orientations.welcomed([it.id for it in items], now))
    items = [it for it in items if it.id in fresh]
    if not items:
        return
    place = items[0].group
    _push(
        uow,
        Outgoing(
            key=f"welcome:{items[0].id}",
            conversation=place,
            text=words.welcome(len(items), room.name),
            mention=tuple(it.user_id for it in items[: means.reminders.mention_up_to]),
            is_push=True,
        ),
        now,
        means,
    )
    await uow.group_days.note(place, now.date())
    may_write = means.capabilities.get(place.platform, _ANY).writes_first
    facts = (await uow.published.for_classes([room.id]))[room.id]
    first = words.private_welcome(room.name) + "\n" + card(1, facts_in_words(facts, room, now))
    speakers = await uow.people.speakers([(place.platform, it.user_id) for it in items], now)
    for item in items:
        person_id = speakers[(place.platform, item.user_id)].person_id
        _note(uow, item, room, person_id, f"welcome:{item.id}", now)
        if may_write or await uow.inbox.has_heard(item.private):
            _push(uow, _card(item, 1, first), now, means)
            await uow.orientations.move(
                item, step=1, standing=Standing.RUNNING, next_at=next_card_at(now)
            )


async def show_cards(uow: UnitOfWork, now: datetime, means: Means) -> None:
    """The next card of everybody whose turn has come; one, however long we were away."""
    if is_quiet(now, means.reminders):
        return
    items = await uow.orientations.due(now)
    if not items:
        return
    class_ids = {it.class_id for it in items}
    rooms = await uow.people.classes(class_ids, now)
    facts = {
        class_id: facts_in_words(published, rooms[class_id], now)
        for class_id, published in (await uow.published.for_classes(class_ids)).items()
    }
    speakers = await uow.people.speakers([(it.group.platform, it.user_id) for it in items], now)
    for item in items:
        may_write = means.capabilities.get(item.group.platform, _ANY).writes_first
        is_gone = bool(await uow.orientations.gone(item.group, [item.user_id]))
        may_write = may_write or await uow.inbox.has_heard(item.private)
        step = item.step + 1
        is_shown = may_write and not is_gone and step <= len(words.CARDS)
        is_last = step >= len(words.CARDS)
        has_moved = await uow.orientations.move(
            item,
            step=step if is_shown else item.step,
            standing=Standing.RUNNING,
            # Who cannot be written to asks for the next one.
            next_at=next_card_at(now) if is_shown and not is_last else None,
        )
        if is_shown and has_moved:
            room = rooms[item.class_id]
            person_id = speakers[(item.group.platform, item.user_id)].person_id
            _push(uow, _card(item, step, card(step, facts[item.class_id])), now, means)
            _note(uow, item, room, person_id, f"orientation:{item.id}:{step}", now)


def _card(item: Orientation, step: int, text: str) -> Outgoing:
    key = f"orientation:{item.id}:{step}"
    return Outgoing(key=key, conversation=item.private, text=text, is_push=True)


def _push(uow: UnitOfWork, message: Outgoing, now: datetime, means: Means) -> None:
    signed = texts.signed(means.settings.name, message.text)
    uow.outbox.add(
        Outgoing(
            key=message.key,
            conversation=message.conversation,
            text=signed,
            mention=message.mention,
            is_push=True,
        ),
        now=now,
    )


def _note(
    uow: UnitOfWork,
    item: Orientation,
    room: ClassRoom,
    person_id: int | None,
    key: str,
    now: datetime,
) -> None:
    uow.interactions.add(
        record(Action.REMIND),
        key=key,
        at=now,
        class_id=room.id,
        tutor_id=room.tutor.person_id if room.tutor else None,
        person_id=person_id,
        platform=item.group.platform,
        speaker_id=item.user_id,
        event_id=None,
        message_id="",
    )
