"""Who is in the class groups, as far as the platforms tell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, insert, select, update

from storage.models.people import class_groups, classes, group_members
from storage.vocabulary import Conversation, ConversationKind, MembershipChange, Platform

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Difference:
    """
    What a look at a group found changed: so many came, so many went.

    `new` are those who came since the look before, so nobody at the first one.
    """

    joined: int = 0
    left: int = 0
    new: tuple[str, ...] = ()


class Members:
    """Members of the groups that belong to a class; other groups are nobody's business."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def note(self, change: MembershipChange) -> None:
        """Somebody, perhaps the bot, came or went."""
        group_id = await self._group_id(change.conversation)
        if group_id is None:
            return
        if change.is_bot:
            await self.set_in_group(change.conversation, None if change.joined else change.at)
            return
        is_member = and_(
            group_members.c.class_group_id == group_id,
            group_members.c.user_id == change.member_id,
        )
        values = (
            {"joined_at": change.at, "left_at": None} if change.joined else {"left_at": change.at}
        )
        changed = await self._uow.write(update(group_members).where(is_member).values(**values))
        if changed.rowcount == 0:
            await self._uow.write(
                insert(group_members).values(
                    class_group_id=group_id,
                    user_id=change.member_id,
                    joined_at=change.at if change.joined else None,
                    left_at=None if change.joined else change.at,
                )
            )

    async def groups_of(self, platform: Platform, account: str) -> list[Conversation]:
        """The class groups this account serves."""
        statement = (
            select(class_groups.c.group_id)
            .where(class_groups.c.platform == platform, class_groups.c.account == account)
            .order_by(class_groups.c.id)
        )
        return [
            Conversation(platform, account, ConversationKind.GROUP, group_id)
            for (group_id,) in await self._uow.read(statement)
        ]

    async def set_in_group(self, group: Conversation, left_at: datetime | None) -> None:
        """Whether the bot itself is in a class group: None, or not any more since `left_at`."""
        in_doubt = (
            class_groups.c.left_at.is_(None) if left_at else class_groups.c.left_at.is_not(None)
        )
        await self._uow.write(
            update(class_groups).where(_is_group(group), in_doubt).values(left_at=left_at)
        )

    async def lost_groups(self) -> list[str]:
        """The names of the classes that have a group the bot is no longer in."""
        statement = (
            select(classes.c.name)
            .join(class_groups, class_groups.c.class_id == classes.c.id)
            .where(class_groups.c.left_at.is_not(None))
            .order_by(classes.c.name)
            .distinct()
        )
        return [name for (name,) in await self._uow.read(statement)]

    async def reconcile(
        self, group: Conversation, present: Collection[str], now: datetime
    ) -> Difference:
        """Make the members of a class group those who are in it now."""
        group_id = await self._group_id(group)
        if group_id is None:
            return Difference()
        rows = (
            await self._uow.read(
                select(group_members).where(group_members.c.class_group_id == group_id)
            )
        ).all()
        known = {row.user_id: row for row in rows}
        gone = [
            row.id for user, row in known.items() if row.left_at is None and user not in present
        ]
        back = [known[user].id for user in present if user in known and known[user].left_at]
        new = sorted(set(present) - set(known))
        # At the first look nobody has just come: they were there before us, even if we heard of
        # single ones since. And where nobody is left of those we knew, it is the ids that changed.
        has_looked = any(
            row.left_at is None and row.joined_at is None and user in present
            for user, row in known.items()
        )
        if gone:
            await self._uow.write(
                update(group_members).where(group_members.c.id.in_(gone)).values(left_at=now)
            )
        if back:
            await self._uow.write(
                update(group_members)
                .where(group_members.c.id.in_(back))
                .values(joined_at=now, left_at=None)
            )
        if new:
            joined_at = now if has_looked else None
            await self._uow.write(
                insert(group_members),
                [
                    {
                        "class_group_id": group_id,
                        "user_id": user,
                        "joined_at": joined_at,
                        "left_at": None,
                    }
                    for user in new
                ],
            )
        again = sorted(user for user in present if user in known and known[user].left_at)
        came = (*again, *new) if has_looked else ()
        return Difference(len(new) + len(back), len(gone), came)

    async def present_in(self, group: Conversation) -> set[str]:
        """The ids of who is in a class group, the bot itself aside."""
        statement = (
            select(group_members.c.user_id)
            .join(class_groups, class_groups.c.id == group_members.c.class_group_id)
            .where(_is_group(group), group_members.c.left_at.is_(None))
        )
        return {user for (user,) in await self._uow.read(statement)}

    async def _group_id(self, group: Conversation) -> int | None:
        found: int | None = (
            await self._uow.read(select(class_groups.c.id).where(_is_group(group)))
        ).scalar()
        return found


def _is_group(group: Conversation) -> ColumnElement[bool]:
    return and_(
        class_groups.c.platform == group.platform,
        class_groups.c.account == group.account,
        class_groups.c.group_id == group.id,
    )
