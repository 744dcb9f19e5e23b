"""From a message's payload to our `Message` or `Recall`: two steps, one before and one after the
room is known, because the second may have to ask the gateway for names."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.adapters.wechat.fields import (
    Clock,
    read_id,
    read_ids,
    read_json,
    read_name,
    read_text,
    read_time,
)
from bot.adapters.wechat.lookups import PATIENCE_SECONDS, Lookups, NoAnswer
from bot.adapters.wechat.memory import UNKNOWN_ID, Memory
from bot.adapters.wechat.payloads import RawMessage
from bot.adapters.wechat.puppet import Puppet
from bot.adapters.wechat.words import (
    ATTACHMENTS,
    EVERYBODY_IDS,
    LINK,
    MINI_PROGRAM,
    NAME_CARD,
    NOT_FOR_US,
    RECALLED,
    TEXT,
    mentions_everybody,
    plain,
    split_quote,
    take_out_mention,
)
from storage.vocabulary import (
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Message,
    Platform,
    Recall,
)

_MAX_REF: Final = 2000
_MAX_MENTIONS: Final = 100
_NOT_PEOPLE: Final = frozenset(
    {
        *("weixin", "filehelper", "fmessage", "medianote", "newsapp", "notifymessage"),
        *("floatbottle", "qqmail", "qmessage", "tmessage"),
    }
)
_RECALLED_ID: Final = re.compile(r"<(?:newmsgid|msgid)>\s*([0-9A-Za-z_-]{1,100})\s*<")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message with its conversation, its ids checked; what it says is still as it came."""

    raw: RawMessage
    conversation: Conversation
    sender_id: str
    at: datetime
    is_own: bool

    @property
    def is_group(self) -> bool:
        return self.conversation.kind is ConversationKind.GROUP

    @property
    def is_from_wechat(self) -> bool:
        """Whether WeChat itself or an official account says it: to answer those is to spam."""
        return self.sender_id in _NOT_PEOPLE or self.sender_id.startswith("gh_")


def place(raw: RawMessage, account: str, clock: Clock) -> Heard | None:
    """Where it was said, None when it has no usable ids."""
    sender_id, room_id = read_id(raw.talker_id), read_id(raw.room_id)
    is_own = sender_id == account
    other = read_id(raw.listener_id) if is_own else sender_id
    if not read_id(raw.id) or not sender_id or not (room_id or other):
        return None
    kind = ConversationKind.GROUP if room_id else ConversationKind.PRIVATE
    conversation = Conversation(Platform.WECHAT, account, kind, room_id or other)
    return Heard(raw, conversation, sender_id, read_time(raw.timestamp, clock), is_own)


def is_for_us(raw: RawMessage) -> bool:
    """Whether its type is one that people say something with."""
    return raw.kind not in NOT_FOR_US


def is_known_type(raw: RawMessage) -> bool:
    """Whether it is one of Wechaty's types."""
    return raw.kind in ATTACHMENTS or raw.kind in (TEXT, RECALLED) or not is_for_us(raw)


def read_recall(heard: Heard, memory: Memory) -> Recall | None:
    """Who took which message back; None when it does not say which."""
    text = heard.raw.text.strip()
    found = _RECALLED_ID.search(text)
    message_id = found[1] if found else read_id(text)
    if not message_id or "<" in message_id:
        return None
    original = memory.forget(heard.conversation.id, message_id)
    return Recall(
        conversation=heard.conversation,
        message_id=message_id,
        sender_id=original.sender_id if original else heard.sender_id,
        by=heard.sender_id,
        at=heard.at,
    )


@dataclass(frozen=True, slots=True)
class Words:
    """A text without the quote it begins with; `reply_to` is what that quotes."""

    text: str
    reply_to: str = ""
    quoted_name: str = ""


def resolve_and_remember(heard: Heard, memory: Memory) -> Words:
    """Find what is quoted among what was said before, then remember this."""
    if heard.raw.kind != TEXT:
        return Words("")
    room = heard.conversation.id
    quote, text = split_quote(heard.raw.text)
    reply_to = memory.resolve(room, quote) if quote else ""
    memory.add(room, heard.raw.id, heard.sender_id, heard.raw.text)
    return Words(text, reply_to, quote.name if quote else "")


async def read_message(heard: Heard, words: Words, lookups: Lookups) -> Message | None:
    """The message in our words; None when nothing is left of it."""
    raw = heard.raw
    room_id = heard.conversation.id if heard.is_group else ""
    if not heard.is_group and await lookups.is_official(heard.sender_id):
        return None
    text, is_called = "", False
    mentions: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    if raw.kind == TEXT:
        text, is_called, mentions = await _read_words(heard, words, lookups)
    else:
        attachments = (await _attachment(raw, lookups),)
    if not (text or is_called or attachments or mentions):
        return None
    names = await lookups.names(room_id, heard.sender_id)
    return Message(
        conversation=heard.conversation,
        sender_id=heard.sender_id,
        sender_name=next((name for one in names if (name := read_name(one))), heard.sender_id),
        message_id=read_id(raw.id),
        text=text,
        sent_at=heard.at,
        native_time=str(raw.timestamp),
        mentions_bot=is_called,
        mentions=mentions,
        reply_to=words.reply_to,
        attachments=attachments,
    )


async def _read_words(
    heard: Heard, words: Words, lookups: Lookups
) -> tuple[str, bool, tuple[str, ...]]:
    """The text, whether it calls the bot, whom else it mentions."""
    if not heard.is_group:
        return plain(words.text), False, ()
    account, text = heard.conversation.account, words.text
    ids = read_ids(heard.raw.mention_ids)
    if mentions_everybody(text) or not EVERYBODY_IDS.isdisjoint(ids):
        # Some gateways list every member then.
        ids = ()
    is_called = account in ids
    # Where a gateway says who is mentioned, another member of the same name is not the bot.
    may_be_called = "@" in text and (is_called or not ids)
    quotes_unknown = words.reply_to.startswith(UNKNOWN_ID)
    if may_be_called or quotes_unknown:
        names = await _own_names(heard.conversation.id, account, lookups)
        if may_be_called:
            text, was_found = take_out_mention(text, names, is_certain=is_called)
            is_called = is_called or was_found
        # Ours, but from before the last start: quoting the bot is talking to it.
        is_called = is_called or (quotes_unknown and words.quoted_name in names)
    return plain(text), is_called, tuple(one for one in ids if one != account)[:_MAX_MENTIONS]


async def _own_names(room_id: str, account: str, lookups: Lookups) -> tuple[str, ...]:
    """What the bot is called in a room. Waited for: without it, a question would go unheard."""
    names = await lookups.names(room_id, account)
    if names:
        return names
    try:
        member = await lookups.persist(
            lambda puppet, limit: puppet.member(room_id, account, limit), PATIENCE_SECONDS
        )
    except NoAnswer:
        return await lookups.names("", account)
    return tuple(name for name in (member.room_alias, member.name) if name)


async def _attachment(raw: RawMessage, lookups: Lookups) -> Attachment:
    kind = ATTACHMENTS[raw.kind]
    name, ref = read_name(raw.filename), read_id(raw.id)
    message_id = raw.id

    async def ask_link(puppet: Puppet, limit: float) -> str:
        return await puppet.link(message_id, limit)

    async def ask_mini_program(puppet: Puppet, limit: float) -> str:
        return await puppet.mini_program(message_id, limit)

    async def ask_name_card(puppet: Puppet, limit: float) -> str:
        return await puppet.name_card(message_id, limit)

    if raw.kind == LINK:
        card = read_json(await lookups.card(ask_link)) or {}
        return Attachment(kind, read_name(card.get("title")), read_text(card.get("url"), _MAX_REF))
    if raw.kind == MINI_PROGRAM:
        card = read_json(await lookups.card(ask_mini_program)) or {}
        title = read_name(card.get("title")) or read_name(card.get("description"))
        return Attachment(kind, title, read_text(card.get("pagePath"), _MAX_REF))
    if raw.kind == NAME_CARD:
        contact_id = read_id(await lookups.card(ask_name_card))
        names = await lookups.names("", contact_id) if contact_id else ()
        return Attachment(kind, read_name(names[0]) if names else "", contact_id)
    if kind is AttachmentKind.FACE:
        return Attachment(kind)
    return Attachment(kind, name, ref)
