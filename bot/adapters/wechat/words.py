"""WeChat's way of writing: `@name` and a thin space, quotes as text, cards as message types."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.adapters.wechat.fields import clean
from storage.vocabulary import MAX_TEXT, AttachmentKind

#: What WeChat puts after an `@name`.
THIN_SPACE: Final = "\u2005"
_BLANKS: Final = frozenset(f"{THIN_SPACE} \u00a0\t\r\n")
_EVERYBODY: Final = tuple(
    f"@{name}{blank}" for name in ("所有人", "All", "all") for blank in (THIN_SPACE, " ")
)
#: How some gateways spell "everybody" in the list of who is mentioned.
EVERYBODY_IDS: Final = frozenset({"all", "notify@all", "announcement@all"})
_RULE: Final = "- - - - - - - - - - - - - - -"
_LONGEST_QUOTE: Final = 40

TEXT: Final = 7
RECALLED: Final = 13
LINK: Final = 14
MINI_PROGRAM: Final = 9
NAME_CARD: Final = 3
#: Wechaty's message types (as sent, which is not as the protocol file names them).
ATTACHMENTS: Final = {
    1: AttachmentKind.FILE,
    2: AttachmentKind.VOICE,
    3: AttachmentKind.CARD,
    4: AttachmentKind.FORWARD,
    5: AttachmentKind.FACE,
    6: AttachmentKind.IMAGE,
    8: AttachmentKind.CARD,
    9: AttachmentKind.CARD,
    10: AttachmentKind.CARD,
    14: AttachmentKind.CARD,
    15: AttachmentKind.VIDEO,
    16: AttachmentKind.CARD,
}
#: Money is between people, type 0 is what WeChat tells the account itself.
NOT_FOR_US: Final = frozenset({0, 11, 12})


@dataclass(frozen=True, slots=True)
class Quote:
    """What a message quotes, as it stands in the text: `name：words`."""

    head: str

    @property
    def name(self) -> str:
        return self.head.partition("：")[0]


def split_quote(text: str) -> tuple[Quote | None, str]:
    """The quote that a text begins with, if any, and the words below it."""
    if not text.startswith("「"):
        return None, text
    lines = text.split("\n")
    # From the end: what is quoted may itself begin with a quote.
    for index in range(len(lines) - 1, 0, -1):
        if _is_rule(lines[index]) and lines[index - 1].endswith("」"):
            head = "\n".join(lines[:index])[1:-1]
            return Quote(head), "\n".join(lines[index + 1 :])
    return None, text


def write_quote(name: str, words: str, text: str) -> str:
    """The text below a quote, as WeChat's own clients write it where they can only send text."""
    line = " ".join(words.split())
    if len(line) > _LONGEST_QUOTE:
        line = line[:_LONGEST_QUOTE] + "…"
    # The bracket and the rule are what a reader finds the end of the quote by.
    line = line.replace("「", "『").replace("」", "』")
    return f"「{name}：{line}」\n{_RULE}\n{text}"


def write_mentions(names: Iterable[str], text: str) -> str:
    """The text behind an `@name` for each name."""
    return "".join(f"@{bare_name(name)}{THIN_SPACE}" for name in names if bare_name(name)) + text


def bare_name(name: str) -> str:
    """The name on one line, without what would end it early."""
    return " ".join(clean(name).replace(THIN_SPACE, " ").split()).lstrip("@")


def mentions_everybody(text: str) -> bool:
    """Whether it says `@所有人`."""
    return any(word in text for word in _EVERYBODY)


def take_out_mention(text: str, names: Iterable[str], *, is_certain: bool) -> tuple[str, bool]:
    """
    The text without `@name` of any of these names, and whether there was one.

    Unless it `is_certain` that this person is mentioned, a blank or the end has to follow, or
    「@助手二号」 would be a mention of 「助手」.
    """
    was_found = False
    for name in sorted({name for name in names if name}, key=len, reverse=True):
        word, start = f"@{name}", 0
        while (at := text.find(word, start)) >= 0:
            end = at + len(word)
            is_whole = end == len(text) or text[end] in _BLANKS
            if not (is_whole or is_certain):
                start = end
                continue
            was_found = True
            if end < len(text) and text[end] in (THIN_SPACE, " ", "\u00a0"):
                end += 1
            text, start = text[:at] + text[end:], at
    return text, was_found


def plain(text: str) -> str:
    """The words as everybody else wants them: ordinary blanks, nothing no database takes."""
    return clean(text[: MAX_TEXT * 2]).replace(THIN_SPACE, " ").strip()[:MAX_TEXT]


def bare(text: str) -> str:
    """Only the characters: platforms change blanks and line ends."""
    return "".join(text.split())


def _is_rule(line: str) -> bool:
    return line.count("-") >= 5 and not line.strip("- \t\r")
