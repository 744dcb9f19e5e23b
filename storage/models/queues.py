"""The two durable queues."""

from sqlalchemy import Column, Index, Integer, String, Table

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

inbound_events = Table(
    "inbound_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dedup_key", String(40), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("payload", CleanText, nullable=False),
    Column("received_at", ShanghaiDateTime, nullable=False),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", ShanghaiDateTime, nullable=False),
    Column("leased_by", String(40)),
    Column("leased_until", ShanghaiDateTime),
    Column("error", CleanText),
    Index("ix_inbound_events_conversation", "platform", "account", "conversation_id", "message_id"),
)
# Only what is still to do is in the queue's index: it stays small however long the history.
Index(
    "ix_inbound_events_ready",
    inbound_events.c.not_before,
    sqlite_where=inbound_events.c.state == "ready",
    postgresql_where=inbound_events.c.state == "ready",
)
Index(
    "ix_inbound_events_dead",
    inbound_events.c.id,
    sqlite_where=inbound_events.c.state == "dead",
    postgresql_where=inbound_events.c.state == "dead",
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(120), nullable=False, unique=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("payload", CleanText, nullable=False),
    Column("event_id", Id, index=True),
    Column("about", Id),
    Column("created_at", ShanghaiDateTime, nullable=False),
    Column("sent_at", ShanghaiDateTime),
    Column("sent_id", String(100)),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", ShanghaiDateTime, nullable=False),
    Column("leased_by", String(40)),
    Column("leased_until", ShanghaiDateTime),
    # A push whose sending has begun cannot be taken back any more.
    Column("begun_at", ShanghaiDateTime),
    Column("error", CleanText),
)
Index(
    "ix_outbox_ready",
    outbox.c.not_before,
    sqlite_where=outbox.c.state == "ready",
    postgresql_where=outbox.c.state == "ready",
)
Index(
    "ix_outbox_dead",
    outbox.c.id,
    sqlite_where=outbox.c.state == "dead",
    postgresql_where=outbox.c.state == "dead",
)
# Finds the message of ours that somebody quotes.
Index("ix_outbox_sent", outbox.c.platform, outbox.c.account, outbox.c.sent_id)
