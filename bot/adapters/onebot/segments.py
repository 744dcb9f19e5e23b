"""What a message is made of: segments or a CQ string in, segments out.

Only a message that *is* a string is read as CQ code. Inside a text segment 「[CQ:at,qq=all]」 is
just what somebody typed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bot.adapters.onebot.fields import clean, read_id, read_name, read_object, read_text
from storage.vocabulary import (
    MAX_TEXT,
    Attachment,
    AttachmentKind,
    ConversationKind,
    Outgoing,
)

MENTION_ALL = "all"
#: An id we made up for a message that came without one; the platform cannot quote it.
DERIVED_ID = "derived:"

_MAX_REF = 2000
_MAX_ATTACHMENTS = 50
_MAX_MENTIONS = 100
_CQ_CODE: Final = re.compile(r"\[CQ:([A-Za-z0-9_.-]+)((?:,[^\[\]]*)?)\]")
_INT64: Final = 2**63
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")

_ATTACHMENT_KINDS: Final = {
    "image": AttachmentKind.IMAGE,
    "record": AttachmentKind.VOICE,
    "video": AttachmentKind.VIDEO,
    "file": AttachmentKind.FILE,
    "onlinefile": AttachmentKind.FILE,
    "flashtransfer": AttachmentKind.FILE,
    "forward": AttachmentKind.FORWARD,
    "node": AttachmentKind.FORWARD,
    "face": AttachmentKind.FACE,
    "mface": AttachmentKind.FACE,
    "bface": AttachmentKind.FACE,
    "marketface": AttachmentKind.FACE,
    "dice": AttachmentKind.FACE,
    "rps": AttachmentKind.FACE,
    "json": AttachmentKind.CARD,
    "xml": AttachmentKind.CARD,
    "markdown": AttachmentKind.CARD,
    "share": AttachmentKind.CARD,
    "contact": AttachmentKind.CARD,
    "location": AttachmentKind.CARD,
    "music": AttachmentKind.CARD,
    "miniapp": AttachmentKind.CARD,
    "lightapp": AttachmentKind.CARD,
}
_NAME_FIELDS: Final = ("summary", "name", "fileName", "title", "file", "id")
_REF_FIELDS: Final = ("url", "path", "file_id", "file", "id", "resid")
#: A path is one on the client's machine, of which a file's address cannot be asked.
_FILE_REF_FIELDS: Final = ("url", "file_id", "id", "file", "path")


@dataclass(slots=True)
class Content:
    """A message's contents, gathered piece by piece."""

    text: str = ""
    mentions_bot: bool = False
    mentions: list[str] = field(default_factory=list)
    reply_to: str = ""
    attachments: list[Attachment] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.mentions_bot or self.mentions or self.attachments)


def read_content(message: object, account: str) -> Content:
    """What the message says to the bot `account`; its own mention is taken out of the text."""
    content = Content()
    words: list[str] = []
    for kind, data in pieces(message):
        if kind == "text":
            text = _text_of(data)
            # One blank after a mention, whether the sender's client wrote it or not.
            words.append(text[1:] if words and words[-1] == " " and text[:1] == " " else text)
        elif kind == "at":
            _read_mention(data, account, content, words)
        elif kind == "reply":
            content.reply_to = content.reply_to or read_id(data.get("id"))
        elif kind in _ATTACHMENT_KINDS and len(content.attachments) < _MAX_ATTACHMENTS:
            content.attachments.append(_attachment(kind, data))
    content.text = clean("".join(words)).strip()[:MAX_TEXT]
    return content


def read_words(message: object) -> str:
    """Only what is in the text pieces, for recognising our own words."""
    return clean("".join(_text_of(data) for kind, data in pieces(message) if kind == "text"))


def pieces(message: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kind and data of each segment, whichever of the formats the message came in."""
    if isinstance(message, str):
        yield from _cq_pieces(message)
        return
    if isinstance(message, dict):
        message = [message]
    if not isinstance(message, list):
        return
    for segment in message:
        if isinstance(segment, dict):
            kind = segment.get("type")
            if isinstance(kind, str):
                yield kind, read_object(segment.get("data"))


def write_segments(message: Outgoing) -> list[dict[str, Any]]:
    """The segments to send. The words only ever travel in a text segment, never as CQ code."""
    segments: list[dict[str, Any]] = []
    if message.quote and not message.quote.startswith(DERIVED_ID):
        segments.append({"type": "reply", "data": {"id": clean(message.quote)}})
    text = clean(message.text)
    if message.conversation.kind is ConversationKind.GROUP:
        segments += [{"type": "at", "data": {"qq": clean(person)}} for person in message.mention]
        if message.mention:
            text = f" {text}"
    if text.strip():
        segments.append({"type": "text", "data": {"text": text}})
    return segments


def write_id(value: str) -> int | str:
    """The id as a number where it is one: some implementations take nothing else."""
    if _NUMBER.fullmatch(value):
        number = int(value)
        if -_INT64 <= number < _INT64:
            return number
    return clean(value)


def unescape(text: str) -> str:
    """The text that a CQ string stands for."""
    if "&" not in text:
        return text
    text = text.replace("&#91;", "[").replace("&#93;", "]").replace("&#44;", ",")
    # Last, or "&amp;#91;" would be unescaped twice.
    return text.replace("&amp;", "&")


def _cq_pieces(message: str) -> Iterator[tuple[str, dict[str, Any]]]:
    position = 0
    for code in _CQ_CODE.finditer(message):
        if code.start() > position:
            yield "text", {"text": unescape(message[position : code.start()])}
        data: dict[str, Any] = {}
        for pair in code[2].split(","):
            name, equals, value = pair.partition("=")
            if equals:
                data[name] = unescape(value)
        yield code[1], data
        position = code.end()
    if position < len(message):
        yield "text", {"text": unescape(message[position:])}


def _text_of(data: dict[str, Any]) -> str:
    text = data.get("text")
    if isinstance(text, str):
        return text
    return "" if text is None or isinstance(text, float) else read_id(text)


def _read_mention(data: dict[str, Any], account: str, content: Content, words: list[str]) -> None:
    person = read_id(data.get("qq")) or read_id(data.get("user_id"))
    if person == account:
        content.mentions_bot = True
        return
    if person == MENTION_ALL:
        words += ("@全体成员", " ")
    elif person:
        if person not in content.mentions and len(content.mentions) < _MAX_MENTIONS:
            content.mentions.append(person)
        words += ("@" + (read_name(data.get("name")).lstrip("@") or person), " ")


def _attachment(kind: str, data: dict[str, Any]) -> Attachment:
    name = next((found for key in _NAME_FIELDS if (found := read_name(data.get(key)))), "")
    fields = _FILE_REF_FIELDS if kind == "file" else _REF_FIELDS
    ref = next((found for key in fields if (found := _ref(data.get(key)))), "")
    return Attachment(kind=_ATTACHMENT_KINDS[kind], name=name, ref=ref)


def _ref(value: object) -> str:
    """A handle or URL; a whole file in base64 is neither."""
    if isinstance(value, str) and len(value) > _MAX_REF:
        return ""
    return read_text(value, _MAX_REF) or read_id(value)
