"""Announcements: the tutor's words, brought to the class groups under the tutor's name."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from handlers import texts_commands
from handlers.classes import own_rooms
from handlers.commands import BadCommand
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError
from handlers.permissions import Deed, require
from storage.interactions import Kind, Record
from storage.people import ClassGroup, ClassRoom
from storage.prompts import Prompt
from storage.vocabulary import Action, Outgoing

CONFIRM = "notice"
CONFIRM_LASTS = timedelta(seconds=60)
USAGE = "/公告 内容"


async def announce(context: Context, argument: str) -> Outcome:
    """「/公告 内容」: at once to one class; to several only after 「确认」 within 60 s."""
    rooms, words = targets(await own_rooms(context), argument)
    if not words:
        raise BadCommand(texts_commands.usage(USAGE))
    require_groups(context, Deed.ANNOUNCE, rooms)
    if len(rooms) == 1:
        return await publish(context, rooms, words, context.event_id)
    await ask_to_confirm(context, CONFIRM, rooms, {"text": words, "event": context.event_id})
    return Outcome((Reply(texts_commands.notice_preview([room.name for room in rooms], words)),))


async def confirm(context: Context) -> Outcome:
    """「确认」: the rights are read again, they may have ended within the minute."""
    found = await confirmed(context, Deed.ANNOUNCE)
    if found is None:
        return Outcome((Reply(texts_commands.cancelled()),))
    rooms, detail = found
    return await publish(context, rooms, detail["text"], detail["event"])


def require_groups(context: Context, deed: Deed, rooms: Sequence[ClassRoom]) -> None:
    """What is said to classes: the right to it, and a group to say it in.

    Raises:
        UserError: one of them is missing.
    """
    for room in rooms:
        require(context.speaker, deed, room)
        if not room.groups:
            raise UserError(texts_commands.notice_without_group(room.name))


async def ask_to_confirm(
    context: Context, kind: str, rooms: Sequence[ClassRoom], detail: Mapping[str, Any]
) -> None:
    """The next message of this person here is taken as 「确认」, or as its contrary."""
    await context.uow.prompts.put(
        context.message.conversation,
        context.message.sender_id,
        Prompt(
            kind,
            json.dumps({"classes": [room.id for room in rooms], **detail}),
            context.now + CONFIRM_LASTS,
        ),
    )


async def confirmed(
    context: Context, deed: Deed
) -> tuple[list[ClassRoom], Mapping[str, Any]] | None:
    """The classes and what was kept by `ask_to_confirm`; None for anything but 「确认」."""
    assert context.prompt is not None
    await context.uow.prompts.drop(context.message.conversation, context.message.sender_id)
    if context.message.text.strip() != "确认":
        return None
    detail = json.loads(context.prompt.detail)
    found = await context.uow.people.classes(detail["classes"], context.now)
    return [require(context.speaker, deed, room) for room in found.values()], detail


async def publish(
    context: Context, rooms: Sequence[ClassRoom], words: str, event_id: int
) -> Outcome:
    """One message a group, known by the command that asked for it: never twice.

    It is never held back, but counts: reminders leave the group in peace the sooner that day.

    Raises:
        UserError: there is no group left to say it in.
    """

    def is_reachable(group: ClassGroup) -> bool:
        return group.left_at is None and context.capabilities[group.platform].group_push

    groups = [group for room in rooms for group in room.groups if is_reachable(group)]
    unreached = [
        room.name for room in rooms if not all(is_reachable(group) for group in room.groups)
    ]
    if not groups:
        raise UserError(texts_commands.notice_reaches_nobody(unreached))
    sent = tuple(
        Outgoing(
            key=f"notice:{event_id}:{group.platform}:{group.account}:{group.group_id}",
            conversation=group.conversation,
            text=texts_commands.notice(context.speaker.name, words),
            is_push=True,
        )
        for group in groups
    )
    for group in groups:
        await context.uow.group_days.note(group.conversation, context.now.date())
    record = Record(Kind.NOTICE, Action.ANSWER, article="第十六条")
    return Outcome((Reply(texts_commands.notice_sent(len(sent), unreached)),), record, sent)


def targets(rooms: Sequence[ClassRoom], argument: str) -> tuple[list[ClassRoom], str]:
    """Which classes and what text: 「计算机2301 明天…」 names one, 「全部 …」 or nothing all."""
    for room in sorted(rooms, key=lambda room: len(room.name), reverse=True):
        if argument.startswith(room.name):
            return [room], argument[len(room.name) :].strip()
    if argument.startswith("全部"):
        return list(rooms), argument.removeprefix("全部").strip()
    return list(rooms), argument.strip()
