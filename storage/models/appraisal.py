"""Appraisal, training and what tutors say to it."""

from sqlalchemy import (
    BigInteger,
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

settled_days = Table(
    "settled_days",
    metadata,
    # A day of Shanghai, `2026-12-05`, whose figures are made and are not made again.
    Column("day", String(10), primary_key=True),
    Column("settled_at", ShanghaiDateTime, nullable=False),
)

settling_days = Table(
    "settling_days",
    metadata,
    # The day that is being settled, and the last class that is done.
    Column("day", String(10), primary_key=True),
    Column("class_id", Id, nullable=False),
)

daily_records = Table(
    "daily_records",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # `K04`; see `handlers.indicators`.
    Column("indicator", String(20), nullable=False),
    Column("numerator", BigInteger, nullable=False),
    Column("denominator", BigInteger, nullable=False),
    # Exact, as a decimal; None: nothing to make one of.
    Column("value", String(40)),
    # What it was made of, as JSON: [["T-12", 1, 1], …]: which row, its part, its whole.
    Column("rows", CleanText, nullable=False),
    UniqueConstraint("tutor_id", "day", "class_id", "indicator"),
    # A month's sums come from here alone, without the rows.
    Index(
        "ix_daily_records_sums",
        "tutor_id",
        "class_id",
        "indicator",
        "day",
        "numerator",
        "denominator",
    ),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Id, primary_key=True),
    # Who had answered nobody since then, for two working days, while students waited (article 19).
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
    Column("noticed_at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("tutor_id", "since"),
)

record_notes = Table(
    "record_notes",
    metadata,
    # What a tutor has to say to a day of theirs.
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Index("ix_record_notes_tutor_day", "tutor_id", "day"),
)

appeals = Table(
    "appeals",
    metadata,
    # The n of 申诉 n 号.
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("day", String(10), nullable=False),
    # The class whose unit answers it.
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("event_id", Id),
    # The last instant at which an answer is on time; and how far, in percent, they were warned.
    Column("due_at", ShanghaiDateTime, nullable=False),
    Column("alarm", Integer, nullable=False),
    # `upheld`, `partly`, `rejected`; None: not answered yet.
    Column("outcome", String(20)),
    Column("answer", CleanText),
    Column("answered_by", String(120)),
    Column("answered_name", CleanText),
    Column("answered_at", ShanghaiDateTime),
)

record_corrections = Table(
    "record_corrections",
    metadata,
    # What a figure was made of before and after; rows are never changed here.
    Column("id", Id, primary_key=True),
    Column("record", ForeignKey("daily_records.id"), nullable=False, index=True),
    Column("appeal", ForeignKey("appeals.id")),
    Column("before", CleanText, nullable=False),
    Column("after", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("by", String(120), nullable=False),
    Column("by_name", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
)

formulas = Table(
    "formulas",
    metadata,
    Column("version", Id, primary_key=True),
    # The first day it counts from, always the first of a month to come: `2026-12-01`.
    Column("effective_from", String(10), nullable=False, unique=True),
    Column("body", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("made_name", CleanText, nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
)

annual_levels = Table(
    "annual_levels",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("year", Integer, nullable=False),
    # 1 the first decision, 2 one in its place; the highest holds. Of two at once one is refused.
    Column("revision", Integer, nullable=False),
    Column("level", String(20), nullable=False),
    # What the figures proposed, and all that was on the table, as JSON.
    Column("proposed", String(20), nullable=False),
    Column("evidence", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("decided_by", String(120), nullable=False),
    Column("decided_name", CleanText, nullable=False),
    Column("decided_at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("tutor_id", "year", "revision"),
)

daily_wishes = Table(
    "daily_wishes",
    metadata,
    # Who wants the day's figures at 21:00, and where: the private chat they asked in.
    Column("person_id", ForeignKey("persons.id"), primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("via_group", String(100), nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
)

trainings = Table(
    "trainings",
    metadata,
    # 重新培训 (article 19): opened by a confirmed 不合格, ended by a result.
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("year", Integer, nullable=False),
    Column("opened_at", ShanghaiDateTime, nullable=False),
    Column("opened_by", String(120), nullable=False),
    Column("due_at", ShanghaiDateTime, nullable=False),
    # `passed` or `failed`; None: still to be done.
    Column("result", String(20)),
    Column("certificate", CleanText, nullable=False),
    Column("note", CleanText, nullable=False),
    Column("result_by", String(120)),
    Column("result_at", ShanghaiDateTime),
    UniqueConstraint("person_id", "year"),
)

training_events = Table(
    "training_events",
    metadata,
    Column("id", Id, primary_key=True),
    # `pre_job`, `term`, `year`, `course`.
    Column("kind", String(20), nullable=False),
    Column("title", CleanText, nullable=False),
    # Whose tutors are asked; None: the whole province's.
    Column("unit_id", ForeignKey("units.id")),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime, nullable=False),
    Column("place", CleanText, nullable=False),
    # 学时, as a decimal.
    Column("hours", String(10), nullable=False),
    # Said aloud at the event: signing in with it credits the hours.
    Column("code", String(10), nullable=False, unique=True),
    Column("minutes", CleanText, nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
)

attendances = Table(
    "attendances",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event", ForeignKey("training_events.id"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("signed_up_at", ShanghaiDateTime),
    # From then on the hours are theirs.
    Column("signed_in_at", ShanghaiDateTime),
    UniqueConstraint("event", "person_id"),
)

tutor_files = Table(
    "tutor_files",
    metadata,
    # 聘任: only with a certificate's number (article 7).
    Column("person_id", ForeignKey("persons.id"), primary_key=True),
    Column("certificate", CleanText, nullable=False),
    Column("hired_at", ShanghaiDateTime, nullable=False),
    Column("by", String(120), nullable=False),
)
