"""The record and what is summed up from it."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

interactions = Table(
    "interactions",
    metadata,
    Column("id", Id, primary_key=True),
    # One row per interaction: `event:<id>` for what somebody said, else what the clock did.
    Column("key", String(120), nullable=False, unique=True),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("tutor_id", ForeignKey("persons.id")),
    Column("person_id", ForeignKey("persons.id")),
    Column("platform", String(20), nullable=False),
    Column("speaker_id", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("topic", String(40), nullable=False),
    Column("article", String(20), nullable=False),
    Column("action", String(20), nullable=False),
    Column("solved_by", String(20)),
    Column("first_reply_seconds", Float),
    Column("hand_off", Id),
    Column("entry", String(100)),
    Column("event_id", Id),
    Column("message_id", String(100), nullable=False),
    Column("is_about_tutor", Boolean, nullable=False),
    # A correction is a new row that points to the old one; rows are never changed.
    Column("corrects", ForeignKey("interactions.id")),
    # The R-n that brought it about or that it is about.
    Column("task", Id),
    Index("ix_interactions_class_at", "class_id", "at"),
    Index("ix_interactions_tutor_at", "tutor_id", "at"),
    Index("ix_interactions_speaker", "platform", "speaker_id"),
    Index("ix_interactions_event", "event_id"),
    # Complaints are rare: their newest are not looked for among a million rows.
    Index("ix_interactions_kind_at", "kind", "at"),
    # By itself it answers what is asked over a span of time: which entries, at which hour.
    Index("ix_interactions_at", "at", "class_id", "kind", "topic", "entry", "is_about_tutor"),
)

Index(
    "ix_interactions_corrects",
    interactions.c.corrects,
    unique=True,
    sqlite_where=interactions.c.corrects.is_not(None),
    postgresql_where=interactions.c.corrects.is_not(None),
)

summed_days = Table("summed_days", metadata, Column("day", String(10), primary_key=True))

day_sums = Table(
    "day_sums",
    metadata,
    Column("day", String(10), primary_key=True),
    # 0: of a class without a unit.
    Column("unit_id", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    # "" is nobody yet.
    Column("solved_by", String(20), primary_key=True),
    # How long until a person first replied, as a step of `storage.figures.STEPS`; -1 is unknown.
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
)

search_words = Table(
    "search_words",
    metadata,
    # What can be looked for of a row, as tokens; an index over it, `search_index`, is made by the
    # migration: each database has its own kind.
    Column("interaction_id", ForeignKey("interactions.id"), primary_key=True, autoincrement=False),
    Column("event_id", Id, index=True),
    Column("words", CleanText, nullable=False),
)
