"""daily and annual appraisal with its formula and appeals; training; web accounts tied to persons"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "formulas",
        sa.Column("version", big, nullable=False),
        sa.Column("effective_from", sa.String(length=10), nullable=False),
        sa.Column("body", CleanText(), nullable=False),
        sa.Column("reason", CleanText(), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("made_name", CleanText(), nullable=False),
        sa.Column("made_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_formulas")),
        sa.UniqueConstraint("effective_from", name=op.f("uq_formulas_effective_from")),
    )
    op.create_table(
        "settled_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("settled_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_settled_days")),
    )
    op.create_table(
        "annual_levels",
        sa.Column("id", big, nullable=False),
        sa.Column("tutor_id", big, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("proposed", sa.String(length=20), nullable=False),
        sa.Column("evidence", CleanText(), nullable=False),
        sa.Column("reason", CleanText(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_name", CleanText(), nullable=False),
        sa.Column("decided_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tutor_id"], ["persons.id"], name=op.f("fk_annual_levels_tutor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annual_levels")),
        sa.UniqueConstraint(
            "tutor_id", "year", "revision", name=op.f("uq_annual_levels_tutor_id_year_revision")
        ),
    )
    op.create_table(
        "daily_wishes",
        sa.Column("person_id", big, nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(length=100), nullable=False),
        sa.Column("via_group", sa.String(length=100), nullable=False),
        sa.Column("since", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_daily_wishes_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_daily_wishes")),
    )
    op.create_table(
        "record_notes",
        sa.Column("id", big, nullable=False),
        sa.Column("tutor_id", big, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tutor_id"], ["persons.id"], name=op.f("fk_record_notes_tutor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_notes")),
    )
    with op.batch_alter_table("record_notes", schema=None) as batch_op:
        batch_op.create_index("ix_record_notes_tutor_day", ["tutor_id", "day"], unique=False)

    op.create_table(
        "training_events",
        sa.Column("id", big, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", CleanText(), nullable=False),
        sa.Column("unit_id", big, nullable=True),
        sa.Column("starts_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("place", CleanText(), nullable=False),
        sa.Column("hours", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("minutes", CleanText(), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("made_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_training_events_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_events")),
        sa.UniqueConstraint("code", name=op.f("uq_training_events_code")),
    )
    op.create_table(
        "trainings",
        sa.Column("id", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("opened_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=120), nullable=False),
        sa.Column("due_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=True),
        sa.Column("certificate", CleanText(), nullable=False),
        sa.Column("note", CleanText(), nullable=False),
        sa.Column("result_by", sa.String(length=120), nullable=True),
        sa.Column("result_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_trainings_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainings")),
        sa.UniqueConstraint("person_id", "year", name=op.f("uq_trainings_person_id_year")),
    )
    with op.batch_alter_table("trainings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trainings_person_id"), ["person_id"], unique=False)

    op.create_table(
        "tutor_files",
        sa.Column("person_id", big, nullable=False),
        sa.Column("certificate", CleanText(), nullable=False),
        sa.Column("hired_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_tutor_files_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_tutor_files")),
    )
    op.create_table(
        "appeals",
        sa.Column("id", big, nullable=False),
        sa.Column("tutor_id", big, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("event_id", big, nullable=True),
        sa.Column("due_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("alarm", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("answer", CleanText(), nullable=True),
        sa.Column("answered_by", sa.String(length=120), nullable=True),
        sa.Column("answered_name", CleanText(), nullable=True),
        sa.Column("answered_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_appeals_class_id")),
        sa.ForeignKeyConstraint(["tutor_id"], ["persons.id"], name=op.f("fk_appeals_tutor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
    )
    with op.batch_alter_table("appeals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appeals_tutor_id"), ["tutor_id"], unique=False)

    op.create_table(
        "attendances",
        sa.Column("id", big, nullable=False),
        sa.Column("event", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("signed_up_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("signed_in_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["event"], ["training_events.id"], name=op.f("fk_attendances_event")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_attendances_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendances")),
        sa.UniqueConstraint("event", "person_id", name=op.f("uq_attendances_event_person_id")),
    )
    with op.batch_alter_table("attendances", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attendances_person_id"), ["person_id"], unique=False)

    op.create_table(
        "daily_records",
        sa.Column("id", big, nullable=False),
        sa.Column("tutor_id", big, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("indicator", sa.String(length=20), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=True),
        sa.Column("rows", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_daily_records_class_id")
        ),
        sa.ForeignKeyConstraint(
            ["tutor_id"], ["persons.id"], name=op.f("fk_daily_records_tutor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daily_records")),
        sa.UniqueConstraint(
            "tutor_id",
            "day",
            "class_id",
            "indicator",
            name=op.f("uq_daily_records_tutor_id_day_class_id_indicator"),
        ),
    )
    with op.batch_alter_table("daily_records", schema=None) as batch_op:
        batch_op.create_index("ix_daily_records_day", ["day"], unique=False)

    op.create_table(
        "record_corrections",
        sa.Column("id", big, nullable=False),
        sa.Column("record", big, nullable=False),
        sa.Column("appeal", big, nullable=True),
        sa.Column("before", CleanText(), nullable=False),
        sa.Column("after", CleanText(), nullable=False),
        sa.Column("reason", CleanText(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("by_name", CleanText(), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["appeal"], ["appeals.id"], name=op.f("fk_record_corrections_appeal")
        ),
        sa.ForeignKeyConstraint(
            ["record"], ["daily_records.id"], name=op.f("fk_record_corrections_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_corrections")),
    )
    with op.batch_alter_table("record_corrections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_corrections_record"), ["record"], unique=False)

    with op.batch_alter_table("supervisors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person_id", big, nullable=True))
        batch_op.add_column(
            sa.Column("role", sa.String(length=20), server_default="supervisor", nullable=False)
        )
        batch_op.create_foreign_key("fk_supervisors_person_id", "persons", ["person_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
