"""What waits for a short answer from one person in one conversation: a choice, a confirmation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from storage.models import prompts
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


class Prompts:
    """At most one prompt is open per person and conversation; a new one replaces the old."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        #: What this unit of work has opened, or (None) closed.
        self.changed: dict[PromptKey, Prompt | None] = {}

    async def put(self, conversation: Conversation, user_id: str, prompt: Prompt) -> None:
        """Open a prompt."""
        await self.drop(conversation, user_id)
        await self._uow.write(
            insert(prompts).values(
                platform=conversation.platform,
                account=conversation.account,
                conversation_id=conversation.id,
                user_id=user_id,
                kind=prompt.kind,
                detail=prompt.detail,
                expires_at=prompt.expires_at,
            )
        )
        self.changed[_key(conversation, user_id)] = prompt

    async def drop(self, conversation: Conversation, user_id: str) -> None:
        """Close whatever prompt is open."""
        await self._uow.write(
            delete(prompts).where(
                prompts.c.platform == conversation.platform,
                prompts.c.account == conversation.account,
                prompts.c.conversation_id == conversation.id,
                prompts.c.user_id == user_id,
            )
        )
        self.changed[_key(conversation, user_id)] = None

    async def open(
        self, now: datetime, user_ids: Collection[str] | None = None
    ) -> dict[PromptKey, Prompt]:
        """Prompts not yet expired, of these people or of everybody."""
        statement = select(prompts).where(prompts.c.expires_at > now)
        if user_ids is not None:
            statement = statement.where(prompts.c.user_id.in_(user_ids))
        return {
            (Platform(row.platform), row.account, row.conversation_id, row.user_id): Prompt(
                row.kind, row.detail, row.expires_at
            )
            for row in await self._uow.read(statement)
        }

    async def expire(self, now: datetime) -> None:
        """Forget prompts nobody answered in time."""
        await self._uow.write(delete(prompts).where(prompts.c.expires_at <= now))


def _key(conversation: Conversation, user_id: str) -> PromptKey:
    return (conversation.platform, conversation.account, conversation.id, user_id)
