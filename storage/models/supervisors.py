"""Supervisors and what they did."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

supervisors = Table(
    "supervisors",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(100), nullable=False, unique=True),
    Column("name", CleanText, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("unit_id", ForeignKey("units.id")),
    # Of whom it is: what they may see is then read from their duties, at every request.
    Column("person_id", ForeignKey("persons.id", name="fk_supervisors_person_id")),
    # `supervisor`, or `tutor`: sees their own page alone.
    Column("role", String(20), nullable=False, server_default="supervisor"),
    # The second step of signing in, where somebody wants one; a code is good for one use.
    Column("totp_secret", String(64)),
    Column("totp_used", BigInteger),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(100), nullable=False),
    Column("address", String(100), nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Index("ix_sign_in_failures_at", "at"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("supervisor_id", ForeignKey("supervisors.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", ShanghaiDateTime, nullable=False),
    Column("seen_at", ShanghaiDateTime, nullable=False),
    # Where it was opened and with what, so that its owner knows it again.
    Column("address", String(100), nullable=False, server_default=""),
    Column("browser", String(200), nullable=False, server_default=""),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("action", String(60), nullable=False),
    Column("target", String(200), nullable=False),
    Column("detail", CleanText, nullable=False),
    Column("address", String(100), nullable=False, server_default=""),
    Column("reason", CleanText, nullable=False, server_default=""),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    # Counted without holes; each hash stands on the one before.
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("audit_id", ForeignKey("audit.id"), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Column("sealed_at", ShanghaiDateTime, nullable=False),
)

settings_in_force = Table(
    "settings_in_force",
    metadata,
    # `bot.grace_minutes`: as the last start found it, in words; of a secret only an argon2 hash.
    Column("key", String(100), primary_key=True),
    Column("words", CleanText, nullable=False),
    Column("secret_hash", String(200), nullable=False),
)
