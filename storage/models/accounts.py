"""The bot's own accounts on the platforms."""

from sqlalchemy import Boolean, Column, Index, String, Table

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

account_lines = Table(
    "account_lines",
    metadata,
    Column("platform", String(20), primary_key=True),
    Column("account", String(100), primary_key=True),
    Column("is_online", Boolean, nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
    # While online, moved on every few seconds: where a process died, this is when it was last up.
    Column("seen_at", ShanghaiDateTime, nullable=False),
)

logins = Table(
    "logins",
    metadata,
    Column("platform", String(20), primary_key=True),
    Column("standing", String(20), nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
    Column("account", String(100), nullable=False),
    Column("name", CleanText, nullable=False),
    # What the QR code to scan says, only while it is to be scanned.
    Column("code", CleanText, nullable=False),
)

blind_windows = Table(
    "blind_windows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime, nullable=False),
    Index("ix_blind_windows_account_ends_at", "platform", "account", "ends_at"),
)
