"""What the bot learns from people."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

suggestions = Table(
    "suggestions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("standing", String(20), nullable=False),
    # Counts the changes: whoever decides must have seen the newest words.
    Column("version", Integer, nullable=False),
    # The version that past questions were tried on.
    Column("tried", Integer, nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False, index=True),
    Column("hand_off", ForeignKey("hand_offs.number")),
    # The entry as it is to be, the JSON of a table row; and the words it began with.
    Column("draft", CleanText, nullable=False),
    Column("given_answer", CleanText, nullable=False),
    Column("given_source", CleanText, nullable=False),
    Column("made_by", CleanText, nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
    # Where its maker is told what became of it; nothing for one written in the console.
    Column("tell", CleanText),
    Column("decided_by", ForeignKey("supervisors.id")),
    Column("decided_at", ShanghaiDateTime),
    Column("reason", CleanText, nullable=False),
)
# A refused answer may be suggested again, better worded; one that waits or was published may not.
Index(
    "ix_suggestions_hand_off",
    suggestions.c.hand_off,
    unique=True,
    sqlite_where=suggestions.c.standing != "rejected",
    postgresql_where=suggestions.c.standing != "rejected",
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", ShanghaiDateTime, nullable=False),
    # What said it, and the question whose answer it is about.
    Column("event_id", Id, nullable=False, unique=True),
    Column("asked_event_id", Id, nullable=False),
    Column("entry", String(100), nullable=False, index=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("platform", String(20), nullable=False),
    Column("speaker_id", String(100), nullable=False),
    Column("is_useful", Boolean, nullable=False),
    UniqueConstraint("asked_event_id", "platform", "speaker_id"),
)
