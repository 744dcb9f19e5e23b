"""Looking for words in the ledger: of a million rows the newest that have all of them, at once.

Chinese is cut into overlapping pairs of characters, so that any two characters or more can be
found and no dictionary decides what a word is. SQLite keeps them in FTS5, PostgreSQL in GIN.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, false, func, insert, or_, select, text

from storage.interactions import Kind
from storage.models.hand_offs import hand_offs
from storage.models.people import persons
from storage.models.queues import inbound_events
from storage.models.record import interactions, search_words
from storage.vocabulary import Label, Message

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

_RUN = re.compile(r"[\u3400-\u9fff]+|[a-z0-9]+")
#: A longer text is not looked for to its end.
_LONGEST = 1000
_PAGE = 2000
#: Transactions that end late leave rows behind the newest one indexed, but no further than this.
_LATE = 20_000
_MOST_WORDS = 20


def tokens(words: str) -> list[str]:
    """「准考证 T-12」 → 准考, 考证, t, 12; each once, in order."""
    folded = unicodedata.normalize("NFKC", words[:_LONGEST]).lower()
    found: dict[str, None] = {}
    for run in _RUN.findall(folded):
        if run[0] < "\u3400":
            found[run[:40]] = None
        elif len(run) == 1:
            found[run] = None
        else:
            found |= dict.fromkeys(run[at : at + 2] for at in range(len(run) - 1))
    return list(found)


class Search:
    """The index over the ledger's words."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def matches(self, wanted: str) -> ColumnElement[bool]:
        """
        Rows of `interactions` that have all of these words, or are about a student who is named
        or numbered in full. None at all where there is no word to look for.
        """
        words = tokens(wanted)[:_MOST_WORDS]
        found: ColumnElement[bool] = false()
        if words and self._is_sqlite:
            query = " ".join(f'"{word}"' for word in words)
            condition = "SELECT rowid FROM search_index WHERE search_index MATCH :words_wanted"
        elif words:
            query = " & ".join(f"'{word}'" for word in words)
            condition = (
                "SELECT interaction_id FROM search_words WHERE "
                "array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:words_wanted AS tsquery)"
            )
        if words:
            # Both hold only what `tokens` lets through: letters, digits and Chinese characters.
            found = interactions.c.id.in_(text(condition).bindparams(words_wanted=query))
        name = wanted.strip()
        known = select(persons.c.id).where(
            or_(persons.c.name == name, persons.c.student_no == name)
        )
        ids = list((await self._uow.read(known.limit(50))).scalars())
        return or_(found, interactions.c.person_id.in_(ids)) if ids else found

    async def index(self) -> int:
        """Take in rows that are not in it yet, at most a page; how many. No words of distress."""
        newest = (await self._uow.read(select(func.max(search_words.c.interaction_id)))).scalar()
        statement = (
            select(
                interactions.c.id,
                interactions.c.event_id,
                interactions.c.kind,
                hand_offs.c.text,
                hand_offs.c.kind.label("hand_off_kind"),
            )
            .outerjoin(search_words, search_words.c.interaction_id == interactions.c.id)
            .outerjoin(hand_offs, hand_offs.c.number == interactions.c.hand_off)
            .where(
                search_words.c.interaction_id.is_(None), interactions.c.id > (newest or 0) - _LATE
            )
            .order_by(interactions.c.id)
            .limit(_PAGE)
        )
        rows = (await self._uow.read(statement)).all()
        messages = await self._uow.inbox.messages({row.event_id for row in rows if row.event_id})
        new = []
        for row in rows:
            is_sealed = row.kind == Kind.DISTRESS or row.hand_off_kind == Label.DISTRESS
            message: Message | None = messages.get(row.event_id or 0)
            said = message.text if message is not None else row.text or ""
            words = [] if is_sealed else tokens(said)
            new.append(
                {
                    "interaction_id": row.id,
                    "event_id": row.event_id,
                    "words": " ".join(words),
                }
            )
        if new:
            await self._uow.write(insert(search_words), new)
        return len(new)

    async def forget(self, event_ids: Collection[int]) -> None:
        """These messages were taken back or erased: nobody finds their words any more."""
        if event_ids:
            # Emptied, not removed: a missing row would be indexed again.
            statement = search_words.update().where(search_words.c.event_id.in_(event_ids))
            await self._uow.write(statement.values(words=""))

    async def prune(self) -> None:
        """What the inbox has forgotten is not to be found."""
        gone = (
            search_words.c.event_id.is_not(None),
            search_words.c.words != "",
            search_words.c.event_id.not_in(select(inbound_events.c.id)),
        )
        await self._uow.write(search_words.update().where(*gone).values(words=""))

    @property
    def _is_sqlite(self) -> bool:
        return self._uow.connection.dialect.name == "sqlite"
