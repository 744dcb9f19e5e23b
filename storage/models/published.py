"""What the school has published."""

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

# Scope: `class_id` is one class's row, `unit_id` that of a unit and all below it, neither is
# everybody's; never both.

calendar_dates = Table(
    "calendar_dates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("unit_id", ForeignKey("units.id")),
    Column("matter", String(50), nullable=False),
    Column("starts_at", ShanghaiDateTime),
    Column("ends_at", ShanghaiDateTime),
    Column("note", CleanText, nullable=False),
    Column("source", CleanText, nullable=False),
    UniqueConstraint("class_id", "matter"),
    UniqueConstraint("unit_id", "matter"),
)

school_facts = Table(
    "school_facts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("unit_id", ForeignKey("units.id")),
    Column("slot", String(100), nullable=False),
    Column("value", CleanText, nullable=False),
    Column("source", CleanText, nullable=False),
    UniqueConstraint("class_id", "slot"),
    UniqueConstraint("unit_id", "slot"),
)

knowledge_entries = Table(
    "knowledge_entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(100), nullable=False, index=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("unit_id", ForeignKey("units.id")),
    Column("row", CleanText, nullable=False),
    Column("updated_at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("class_id", "key"),
    UniqueConstraint("unit_id", "key"),
)
