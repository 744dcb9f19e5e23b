"""What waits for a short answer from one person in one conversation: a choice, a confirmation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, update

from storage.models.hand_offs import prompts
from storage.vocabulary import Conversation, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Prompt:
    """An open prompt; `detail` is JSON that the topic which asked understands."""

    kind: str
    detail: str
    expires_at: datetime


PromptKey = tuple[Platform, str, str, str]


#: These wait beneath another prompt opened meanwhile and come up again after it.
PATIENT = frozenset({"mark"})


class Prompts:
    """
    At most one prompt is asked per person and conversation; a new one replaces the old.

    A patient one is not lost to it: it waits beneath.
    """

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        #: What this unit of work has opened, or (None) closed.
        self.changed: dict[PromptKey, Prompt | None] = {}

    async def put(self, conversation: Conversation, user_id: str, prompt: Prompt) -> None:
        """Open a prompt; one that waits patiently or is patient itself gives way to it."""
        row = await self._row(conversation, user_id)
        beneath = None
        if row is not None and prompt.kind not in PATIENT:
            beneath = _encode(_top(row)) if row.kind in PATIENT else row.beneath
        await self._set(conversation, user_id, prompt, beneath)

    async def put_beneath(
        self, conversation: Conversation, user_id: str, prompt: Prompt, now: datetime
    ) -> None:
        """Open a patient prompt, under the one that is open, if one is."""
        row = await self._row(conversation, user_id)
        if row is None or row.kind in PATIENT or row.expires_at <= now:
            await self._set(conversation, user_id, prompt, None)
        else:
            await self._set(conversation, user_id, _top(row), _encode(prompt))

    async def drop(self, conversation: Conversation, user_id: str) -> None:
        """Close the prompt that is open; what waited beneath it is open again."""
        row = await self._row(conversation, user_id)
        if row is not None and row.beneath is not None:
            await self._set(conversation, user_id, _decode(row.beneath), None)
            return
        await self._uow.write(delete(prompts).where(_is_at(conversation, user_id)))
        self.changed[_key(conversation, user_id)] = None

    async def open(
        self, now: datetime, user_ids: Collection[str] | None = None
    ) -> dict[PromptKey, Prompt]:
        """Prompts not yet expired, of these people or of everybody."""
        statement = select(prompts).where(
            or_(prompts.c.expires_at > now, prompts.c.beneath.is_not(None))
        )
        if user_ids is not None:
            statement = statement.where(prompts.c.user_id.in_(user_ids))
        found: dict[PromptKey, Prompt] = {}
        for row in await self._uow.read(statement):
            prompt = _top(row) if row.expires_at > now else _decode(row.beneath)
            if prompt.expires_at > now:
                place = (Platform(row.platform), row.account, row.conversation_id, row.user_id)
                found[place] = prompt
        return found

    async def expire(self, now: datetime) -> None:
        """Forget prompts nobody answered in time."""
        over = select(prompts).where(prompts.c.expires_at <= now, prompts.c.beneath.is_not(None))
        for row in (await self._uow.read(over)).all():
            waiting = _decode(row.beneath)
            values = {**_values(waiting), "beneath": None}
            await self._uow.write(update(prompts).where(prompts.c.id == row.id).values(values))
        await self._uow.write(delete(prompts).where(prompts.c.expires_at <= now))

    async def _row(self, place: Conversation, user_id: str) -> Row[*tuple[Any, ...]] | None:
        return (await self._uow.read(select(prompts).where(_is_at(place, user_id)))).first()

    async def _set(
        self, place: Conversation, user_id: str, prompt: Prompt, beneath: str | None
    ) -> None:
        await self._uow.write(delete(prompts).where(_is_at(place, user_id)))
        await self._uow.write(
            insert(prompts).values(
                platform=place.platform,
                account=place.account,
                conversation_id=place.id,
                user_id=user_id,
                beneath=beneath,
                **_values(prompt),
            )
        )
        self.changed[_key(place, user_id)] = prompt


def _key(conversation: Conversation, user_id: str) -> PromptKey:
    return (conversation.platform, conversation.account, conversation.id, user_id)


def _is_at(conversation: Conversation, user_id: str) -> ColumnElement[bool]:
    return and_(
        prompts.c.platform == conversation.platform,
        prompts.c.account == conversation.account,
        prompts.c.conversation_id == conversation.id,
        prompts.c.user_id == user_id,
    )


def _top(row: Row[*tuple[Any, ...]]) -> Prompt:
    return Prompt(row.kind, row.detail, row.expires_at)


def _values(prompt: Prompt) -> dict[str, Any]:
    return {"kind": prompt.kind, "detail": prompt.detail, "expires_at": prompt.expires_at}


def _encode(prompt: Prompt) -> str:
    return msgspec.json.encode(prompt).decode()


def _decode(text: str) -> Prompt:
    return msgspec.json.decode(text, type=Prompt)
