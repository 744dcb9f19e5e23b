"""A frame to one of our events, in every dialect. What is odd becomes `Ignored`, not an error."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bot.adapters.onebot.fields import (
    Clock,
    read_id,
    read_name,
    read_native_time,
    read_number,
    read_object,
    read_text,
    read_time,
)
from bot.adapters.onebot.segments import DERIVED_ID, read_content, read_words
from storage.vocabulary import (
    ContactRequest,
    Conversation,
    ConversationKind,
    Incoming,
    MembershipChange,
    Message,
    MuteChange,
    Platform,
    Recall,
)

#: A whole-group mute names no end. Should its lifting be missed, we try again after this long.
OPEN_ENDED_MUTE: Final = timedelta(days=1)
LONGEST_MUTE: Final = timedelta(days=30)
_MAX_NOTE = 500


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing for us; `is_odd` when it should not have been sent at all."""

    reason: str
    is_odd: bool = False


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """The bot's own message, reported back: the proof that it was sent."""

    conversation: Conversation
    message_id: str
    words: str
    reply_to: str
    mentions: tuple[str, ...]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """The implementation is alive. `is_online` is None when it does not say."""

    is_online: bool | None = None
    interval: timedelta | None = None


Event = Incoming | OwnMessage | Status | Ignored

_NOT_FOR_US: Final = Ignored("not for us")
_EMPTY: Final = Ignored("empty message")


def read_event(frame: dict[str, Any], account: str, clock: Clock) -> Event:
    """What the frame reports, seen by the bot `account`."""
    post_type = frame.get("post_type")
    if post_type == "message" or post_type == "message_sent":
        return _read_message(frame, account, clock)
    if post_type == "meta_event":
        return _read_status(frame)
    if post_type == "notice":
        return _read_notice(frame, account, clock)
    if post_type == "request":
        return _read_request(frame, account, clock)
    return Ignored("unknown post type", is_odd=True)


def read_own_message(frame: dict[str, Any], account: str, clock: Clock) -> OwnMessage | None:
    """The bot's own message out of a report or a history; None when somebody else said it."""
    sender_id = _sender_id(frame)
    if frame.get("post_type") != "message_sent" and sender_id != account:
        return None
    message = _message_field(frame)
    content = read_content(message, account)
    group_id = _group_id(frame)
    if group_id and frame.get("message_type") != "private":
        conversation = _group(account, group_id)
    else:
        conversation = _private(account, read_id(frame.get("target_id")) or sender_id)
    return OwnMessage(
        conversation=conversation,
        message_id=read_id(frame.get("message_id")),
        words=read_words(message),
        reply_to=content.reply_to,
        mentions=tuple(content.mentions),
        sent_at=read_time(frame.get("time"), clock),
    )


def _read_message(frame: dict[str, Any], account: str, clock: Clock) -> Event:
    own = None
    if frame["post_type"] == "message_sent" or _sender_id(frame) == account:
        own = read_own_message(frame, account, clock)
    if own is not None:
        return own
    sender_id = _sender_id(frame)
    if not sender_id:
        return Ignored("message without a sender", is_odd=True)
    conversation = _conversation(frame, account, sender_id)
    if isinstance(conversation, Ignored):
        return conversation
    content = read_content(_message_field(frame), account)
    if content.is_empty:
        return _EMPTY
    is_anonymous = _sub_type(frame) == "anonymous" or isinstance(frame.get("anonymous"), dict)
    native_time = read_native_time(frame.get("time"))
    return Message(
        conversation=conversation,
        sender_id=sender_id,
        sender_name=_sender_name(frame) or sender_id,
        message_id=read_id(frame.get("message_id"))
        or _derived_id(conversation.id, sender_id, native_time, content.text, content.attachments),
        text=content.text,
        sent_at=read_time(frame.get("time"), clock),
        native_time=native_time,
        mentions_bot=content.mentions_bot,
        mentions=tuple(content.mentions),
        reply_to=content.reply_to,
        attachments=tuple(content.attachments),
        is_anonymous=is_anonymous,
    )


def _conversation(frame: dict[str, Any], account: str, sender_id: str) -> Conversation | Ignored:
    message_type = frame.get("message_type")
    if message_type == "private":
        # A temporary session; where the group is named differs.
        via_group = ""
        if _sub_type(frame) == "group":
            via_group = _group_id(frame) or read_id(
                read_object(frame.get("sender")).get("group_id")
            )
        return _private(account, sender_id, via_group)
    group_id = _group_id(frame)
    if not group_id:
        return Ignored("message without a conversation", is_odd=True)
    if _sub_type(frame) == "notice":
        return _NOT_FOR_US
    return _group(account, group_id)


def _read_status(frame: dict[str, Any]) -> Event:
    kind = frame.get("meta_event_type")
    if kind == "lifecycle":
        return Status(is_online=False if _sub_type(frame) == "disable" else None)
    if kind != "heartbeat":
        return Ignored("unknown meta event", is_odd=True)
    milliseconds = read_number(frame.get("interval"))
    interval = None
    if milliseconds is not None and 0 < milliseconds < 3_600_000:
        interval = timedelta(milliseconds=milliseconds)
    status = read_object(frame.get("status"))
    online, good = status.get("online"), status.get("good")
    if online is False or good is False:
        return Status(is_online=False, interval=interval)
    return Status(is_online=True if online is True else None, interval=interval)


def _read_notice(frame: dict[str, Any], account: str, clock: Clock) -> Event:
    kind = frame.get("notice_type")
    if kind == "friend_recall":
        return _read_recall(frame, _private(account, read_id(frame.get("user_id"))), clock)
    group_id = _group_id(frame)
    if not group_id:
        return _NOT_FOR_US
    group = _group(account, group_id)
    if kind == "group_recall":
        return _read_recall(frame, group, clock)
    if kind == "group_increase" or kind == "group_decrease":
        return _read_membership(frame, group, clock)
    if kind == "group_ban":
        return _read_mute(frame, group, clock)
    return _NOT_FOR_US


def _read_recall(frame: dict[str, Any], conversation: Conversation, clock: Clock) -> Event:
    message_id, sender_id = read_id(frame.get("message_id")), read_id(frame.get("user_id"))
    if not message_id or not conversation.id:
        return Ignored("recall without ids", is_odd=True)
    return Recall(
        conversation=conversation,
        message_id=message_id,
        sender_id=sender_id,
        by=read_id(frame.get("operator_id")) or sender_id,
        at=read_time(frame.get("time"), clock),
    )


def _read_membership(frame: dict[str, Any], group: Conversation, clock: Clock) -> Event:
    member_id = read_id(frame.get("user_id"))
    # Removed with the whole group, the bot is sometimes not named.
    if _sub_type(frame) in ("kick_me", "disband"):
        member_id = group.account
    if not member_id:
        return Ignored("membership without a member", is_odd=True)
    return MembershipChange(
        conversation=group,
        member_id=member_id,
        joined=frame.get("notice_type") == "group_increase",
        is_bot=member_id == group.account,
        at=read_time(frame.get("time"), clock),
    )


def _read_mute(frame: dict[str, Any], group: Conversation, clock: Clock) -> Event:
    member_id = read_id(frame.get("user_id")) or "0"
    is_whole_group = member_id == "0"
    if not is_whole_group and member_id != group.account:
        return _NOT_FOR_US
    at = read_time(frame.get("time"), clock)
    seconds = read_number(frame.get("duration"))
    if _sub_type(frame) == "lift_ban" or (seconds == 0 and not is_whole_group):
        return MuteChange(conversation=group, until=None, at=at)
    if is_whole_group or seconds is None or seconds <= 0:
        return MuteChange(conversation=group, until=at + OPEN_ENDED_MUTE, at=at)
    length = timedelta(seconds=min(seconds, LONGEST_MUTE.total_seconds()))
    return MuteChange(conversation=group, until=at + length, at=at)


def _read_request(frame: dict[str, Any], account: str, clock: Clock) -> Event:
    kind = frame.get("request_type")
    requester_id = read_id(frame.get("user_id"))
    flag = read_text(frame.get("flag"), _MAX_NOTE) or read_id(frame.get("flag"))
    if kind == "friend":
        conversation, token = _private(account, requester_id), f"friend:{flag}"
    elif kind == "group" and (group_id := _group_id(frame)):
        what = "invite" if _sub_type(frame) == "invite" else "add"
        conversation, token = _group(account, group_id), f"group:{what}:{flag}"
    else:
        return Ignored("unknown request", is_odd=True)
    if not requester_id or not flag:
        return Ignored("request without ids", is_odd=True)
    return ContactRequest(
        conversation=conversation,
        requester_id=requester_id,
        token=token,
        note=read_text(frame.get("comment"), _MAX_NOTE),
        at=read_time(frame.get("time"), clock),
    )


def _sender_id(frame: dict[str, Any]) -> str:
    user_id = frame.get("user_id")
    if user_id is None:
        user_id = read_object(frame.get("sender")).get("user_id")
    return read_id(user_id)


def _sender_name(frame: dict[str, Any]) -> str:
    sender = frame.get("sender")
    name = ""
    if isinstance(sender, dict):
        name = read_name(sender.get("card")) or read_name(sender.get("nickname"))
    return name or read_name(read_object(frame.get("anonymous")).get("name"))


def _message_field(frame: dict[str, Any]) -> object:
    message = frame.get("message")
    return frame.get("raw_message") if message is None else message


def _group_id(frame: dict[str, Any]) -> str:
    group_id = read_id(frame.get("group_id"))
    return "" if group_id == "0" else group_id


def _sub_type(frame: dict[str, Any]) -> object:
    return frame.get("sub_type") or frame.get("subType")


def _group(account: str, group_id: str) -> Conversation:
    return Conversation(Platform.QQ, account, ConversationKind.GROUP, group_id)


def _private(account: str, person_id: str, via_group: str = "") -> Conversation:
    return Conversation(Platform.QQ, account, ConversationKind.PRIVATE, person_id, via_group)


def _derived_id(*content: object) -> str:
    """The same for the same content, so that a redelivery is still recognised."""
    text = repr(content).encode("utf-8", "replace")
    return DERIVED_ID + hashlib.blake2b(text, digest_size=12).hexdigest()
