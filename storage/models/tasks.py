"""What is to be done until when, and who was reminded of it."""

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
    and_,
)

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

tasks = Table(
    "tasks",
    metadata,
    # The n of R-n; given by `counters` like that of a hand-off.
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False, index=True),
    # Whose own reminder it is; None: the class's.
    Column("person_id", ForeignKey("persons.id"), index=True),
    # What the term calendar calls it; empty where it does not stand there.
    Column("matter", String(50), nullable=False),
    Column("title", CleanText, nullable=False),
    # What to say; empty: the words of the matter's template.
    Column("text", CleanText, nullable=False),
    Column("audience", String(20), nullable=False),
    Column("is_private", Boolean, nullable=False),
    Column("opens_at", ShanghaiDateTime),
    Column("deadline", ShanghaiDateTime),
    # When it comes round again, as JSON of `handlers.sentences`; None: the steps of a ladder.
    Column("rule", CleanText),
    Column("origin", String(20), nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
    Column("event_id", Id),
    Column("ended_at", ShanghaiDateTime),
    Column("ended_by", String(120)),
)
# One armed task a matter and class: the calendar's next date moves it or follows it.
Index(
    "ix_tasks_matter",
    tasks.c.class_id,
    tasks.c.matter,
    unique=True,
    sqlite_where=and_(tasks.c.state == "armed", tasks.c.origin == "calendar"),
    postgresql_where=and_(tasks.c.state == "armed", tasks.c.origin == "calendar"),
)

reminders = Table(
    "reminders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    # `T-7`, `T-2h`, `changed`, or the instant of one occurrence.
    Column("step", String(40), nullable=False),
    Column("due_at", ShanghaiDateTime, nullable=False),
    # Later than this it would only annoy: it expires, and the tutor is told.
    Column("useful_until", ShanghaiDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("ended_at", ShanghaiDateTime),
    Column("ended_by", String(120)),
    Column("late_minutes", Integer),
    UniqueConstraint("task", "step", "due_at"),
)
Index(
    "ix_reminders_planned",
    reminders.c.due_at,
    sqlite_where=reminders.c.state == "planned",
    postgresql_where=reminders.c.state == "planned",
)

obligations = Table(
    "obligations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reminder", ForeignKey("reminders.id"), nullable=False),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # `person:7` or `group:qq:10001:20001`: with the reminder, what is owed once and only once.
    Column("recipient", String(220), nullable=False),
    Column("person_id", ForeignKey("persons.id")),
    Column("due_at", ShanghaiDateTime, nullable=False),
    Column("useful_until", ShanghaiDateTime, nullable=False),
    # Held back until then: night, a muted group, a full day.
    Column("not_before", ShanghaiDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    # Several may be brought by one message, a digest.
    Column("outbox_key", String(120), index=True),
    Column("ended_at", ShanghaiDateTime),
    Column("ended_by", String(120)),
    Column("late_minutes", Integer),
    # `down`, `muted` …: what held it back, made it late or was the end of it.
    Column("why", String(20)),
    # When the tutor was told that it reached nobody.
    Column("told_at", ShanghaiDateTime),
    UniqueConstraint("reminder", "recipient"),
    Index("ix_obligations_task_person", "task", "person_id"),
    Index("ix_obligations_class_due_at", "class_id", "due_at"),
)
Index(
    "ix_obligations_planned",
    obligations.c.class_id,
    obligations.c.not_before,
    obligations.c.useful_until,
    sqlite_where=obligations.c.state == "planned",
    postgresql_where=obligations.c.state == "planned",
)
Index(
    "ix_obligations_queued",
    obligations.c.outbox_key,
    sqlite_where=obligations.c.state == "queued",
    postgresql_where=obligations.c.state == "queued",
)
Index(
    "ix_obligations_untold",
    obligations.c.class_id,
    sqlite_where=and_(obligations.c.state == "expired", obligations.c.told_at.is_(None)),
    postgresql_where=and_(obligations.c.state == "expired", obligations.c.told_at.is_(None)),
)

completions = Table(
    "completions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("is_done", Boolean, nullable=False),
    # `list`, `said`, `tutor`, `file`, `console`.
    Column("how", String(20), nullable=False),
    # Which list of which day, or which words.
    Column("source", CleanText, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("task", "person_id"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("name", CleanText, nullable=False),
    Column("sha256", String(64), nullable=False),
    # Bytes.
    Column("size", BigInteger, nullable=False),
    Column("path", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("event_id", Id),
    UniqueConstraint("task", "person_id", "sha256"),
)

group_days = Table(
    "group_days",
    metadata,
    # How often the bot has spoken unasked in a group on a day of Shanghai, `2026-12-05`.
    Column("platform", String(20), primary_key=True),
    Column("account", String(100), primary_key=True),
    Column("group_id", String(100), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("pushed", Integer, nullable=False),
)
