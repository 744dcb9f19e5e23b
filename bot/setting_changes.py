"""What was changed in `zhuxue.toml` or the environment since the last start, for the audit list.

Whoever edits the file is not known to the program: the line says what, and when it came into force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, SecretStr

from bot.setting_names import in_words
from bot.settings import Settings
from storage.audit import InForce
from storage.database import Database

#: Nobody's account: it was done with an editor.
ACTOR = "system"
NONE = "没有这一项"


async def note_changes(database: Database, settings: Settings, now: datetime) -> None:
    """One line with every setting that is another than at the last start; the first only keeps."""
    found = values_of(settings)
    async with database.unit_of_work() as uow:
        known = await uow.audit.settings()
        # Milliseconds a secret, on purpose: not in the loop.
        changes = await asyncio.to_thread(changes_in_words, known, found)
        if known and not changes:
            return
        await uow.audit.keep_settings(await asyncio.to_thread(_kept, known, found))
        if known:
            uow.audit.add(
                at=now,
                actor=ACTOR,
                action="settings.changed",
                target="settings",
                detail="；".join(changes),
            )


def values_of(settings: Settings) -> dict[str, tuple[str, str]]:
    """By key, each setting in words, and what in it must not be read (empty: nothing)."""
    found: dict[str, tuple[str, str]] = {}
    for section in type(settings).model_fields:
        values: BaseModel = getattr(settings, section)
        for name in type(values).model_fields:
            value = getattr(values, name)
            found[f"{section}.{name}"] = (in_words(value), "\n".join(_secrets(value)))
    return found


def changes_in_words(
    known: Mapping[str, InForce], found: Mapping[str, tuple[str, str]]
) -> list[str]:
    """`键：原来 → 现在` of each that differs; of a secret no more than that it does."""
    changes = []
    for key in (*found, *(key for key in known if key not in found)):
        before = known.get(key)
        words, secret = found.get(key, (NONE, ""))
        if before is None or before.words != words:
            changes.append(f"{key}：{before.words if before else NONE} → {words}")
        elif not _is_same(before.secret_hash, secret):
            changes.append(f"{key}：换了（内容不记）")
    return changes


def _kept(known: Mapping[str, InForce], found: Mapping[str, tuple[str, str]]) -> dict[str, InForce]:
    kept = {}
    for key, (words, secret) in found.items():
        old = known[key].secret_hash if key in known else ""
        hashed = old if _is_same(old, secret) else PasswordHasher().hash(secret) if secret else ""
        kept[key] = InForce(words, hashed)
    return kept


def _is_same(secret_hash: str, secret: str) -> bool:
    if not secret_hash or not secret:
        return not secret_hash and not secret
    try:
        return PasswordHasher().verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False


def _secrets(value: Any) -> Iterator[str]:
    """What `in_words` leaves out of a value."""
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _secrets(item)
    elif isinstance(value, str) and "://" in value:
        try:
            parts = urlsplit(value)
            has_more = bool(parts.username or parts.password or parts.query or parts.fragment)
        except ValueError:
            has_more = True
        if has_more:
            yield value
