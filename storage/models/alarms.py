"""What was said by the second road and is not over yet."""

from sqlalchemy import Column, String, Table

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import metadata

alarms = Table(
    "alarms",
    metadata,
    # `line:qq:10001`, `disk@host`: what is wrong, and where only one machine can know it.
    Column("key", String(200), primary_key=True),
    Column("since", ShanghaiDateTime, nullable=False),
    Column("words", CleanText, nullable=False),
    # When somebody was told; empty while nobody could be.
    Column("told_at", ShanghaiDateTime),
)
