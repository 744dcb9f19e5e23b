"""What supervisors look over."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, UniqueConstraint

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

reviews = Table(
    "reviews",
    metadata,
    Column("id", Id, primary_key=True),
    # What is looked over: something closed, or (`interaction`) an answer of the bot's; one of both.
    Column("hand_off", ForeignKey("hand_offs.number")),
    Column("interaction", ForeignKey("interactions.id")),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # Whose answer it is; None: no tutor's.
    Column("tutor_id", ForeignKey("persons.id")),
    # `sample`, `low_mark`, `useless`, `complaint`.
    Column("why", String(20), nullable=False),
    # Drawn by lot, whatever else it is here for: only these say how many answers are right.
    Column("is_sampled", Boolean, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    # `passed` or `failed`; None: to be looked at.
    Column("mark", String(20)),
    Column("comment", CleanText, nullable=False),
    # The tutor was told to put it right.
    Column("is_returned", Boolean, nullable=False),
    Column("decided_by", String(120)),
    Column("decided_name", CleanText),
    Column("decided_at", ShanghaiDateTime),
    UniqueConstraint("hand_off", "why"),
    UniqueConstraint("interaction", "why"),
    Index("ix_reviews_at", "at"),
    Index("ix_reviews_decided_at", "decided_at"),
)
Index(
    "ix_reviews_open",
    reviews.c.id,
    sqlite_where=reviews.c.mark.is_(None),
    postgresql_where=reviews.c.mark.is_(None),
)
