"""Questions, complaints and requests that wait for a person."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

hand_offs = Table(
    "hand_offs",
    metadata,
    # The n of T-n. Given by `counters`, not by the database, so that a rolled-back batch leaves
    # no hole and a reply can name the number before the row is written.
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_kind", String(10), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("via_group", String(100), nullable=False),
    Column("asker_id", String(100), nullable=False),
    Column("asker_name", CleanText, nullable=False),
    Column("person_id", ForeignKey("persons.id")),
    Column("event_id", Id, nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("topic", String(40), nullable=False),
    Column("is_about_tutor", Boolean, nullable=False),
    Column("asked_at", ShanghaiDateTime, nullable=False),
    Column("surface_at", ShanghaiDateTime),
    Column("closed_at", ShanghaiDateTime),
    Column("closed_by", ForeignKey("persons.id")),
    Column("solved_by", String(20)),
    Column("answer", CleanText),
    Column("category", String(20), nullable=False, server_default="inquiry"),
    # Whose it is: the tutor's, the unit's or the province's; and since when it is theirs.
    Column("level", String(10), nullable=False, server_default="tutor"),
    Column("level_since", ShanghaiDateTime),
    Column("wants", CleanText),
    Column("first_replied_at", ShanghaiDateTime),
    Column("updated_at", ShanghaiDateTime),
    Column("extended_at", ShanghaiDateTime),
    # How far, in percent, the running clock had gone when somebody was last warned.
    Column("alarm", Integer, nullable=False, server_default="0"),
    Column("contact_id", ForeignKey("contacts.id", name="fk_hand_offs_contact_id")),
    Column("contact_since", ShanghaiDateTime),
    Column("duplicate_of", Id),
    Column("reopened", Integer, nullable=False, server_default="0"),
    Column("hearing_since", ShanghaiDateTime),
    Column("verdict", String(20)),
    Column("verdict_reason", CleanText),
    Column("verdict_by", String(120)),
    Column("verdict_at", ShanghaiDateTime),
)
Index(
    "ix_hand_offs_open",
    hand_offs.c.class_id,
    hand_offs.c.asked_at,
    sqlite_where=hand_offs.c.closed_at.is_(None),
    postgresql_where=hand_offs.c.closed_at.is_(None),
)
Index(
    "ix_hand_offs_duplicate_of",
    hand_offs.c.duplicate_of,
    sqlite_where=hand_offs.c.duplicate_of.is_not(None),
    postgresql_where=hand_offs.c.duplicate_of.is_not(None),
)
Index("ix_hand_offs_message", hand_offs.c.class_id, hand_offs.c.message_id)
Index(
    "ix_hand_offs_closed_at",
    hand_offs.c.closed_at,
    sqlite_where=hand_offs.c.closed_at.is_not(None),
    postgresql_where=hand_offs.c.closed_at.is_not(None),
)

hand_off_steps = Table(
    "hand_off_steps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hand_off", ForeignKey("hand_offs.number"), nullable=False, index=True),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("kind", String(20), nullable=False),
    # `person:7`, `supervisor:zhao`, or `clock`.
    Column("actor", String(120), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("event_id", Id),
)

ratings = Table(
    "ratings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hand_off", ForeignKey("hand_offs.number"), nullable=False),
    # Which closure is rated: 0 the first, 1 the one after the first reopening.
    Column("closure", Integer, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("mark", Integer, nullable=False),
    UniqueConstraint("hand_off", "closure"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True),
    # What tutors call the department: 学籍, 教务, 财务.
    Column("name", String(50), nullable=False),
    Column("unit_id", ForeignKey("units.id")),
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    UniqueConstraint("name", "unit_id", "person_id"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("detail", CleanText, nullable=False),
    Column("expires_at", ShanghaiDateTime, nullable=False),
    # A patient prompt, as JSON, that comes up again once this one is over.
    Column("beneath", CleanText),
    UniqueConstraint("platform", "account", "conversation_id", "user_id"),
)
