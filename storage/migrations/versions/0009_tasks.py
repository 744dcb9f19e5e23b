"""what is to be done until when, who was reminded, and what the school knows of its students"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.execute("INSERT INTO counters (name, value) VALUES ('task', 0)")
    # When the reminders were last looked after, in seconds since 1970: 0 is never.
    op.execute("INSERT INTO counters (name, value) VALUES ('reminders_ran', 0)")
    op.create_table(
        "group_days",
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("group_id", sa.String(length=100), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("pushed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "platform", "account", "group_id", "day", name=op.f("pk_group_days")
        ),
    )
    op.create_table(
        "course_registrations",
        sa.Column("id", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("course", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_course_registrations_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_registrations")),
        sa.UniqueConstraint(
            "person_id", "course", name=op.f("uq_course_registrations_person_id_course")
        ),
    )
    op.create_table(
        "feeds",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("made_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_feeds_person_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_feeds")),
        sa.UniqueConstraint("person_id", name=op.f("uq_feeds_person_id")),
    )
    op.create_table(
        "student_facts",
        sa.Column("id", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("slot", sa.String(length=100), nullable=False),
        sa.Column("value", CleanText(), nullable=False),
        sa.Column("as_of", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("source", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_student_facts_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_facts")),
        sa.UniqueConstraint("person_id", "slot", name=op.f("uq_student_facts_person_id_slot")),
    )
    op.create_table(
        "student_files",
        sa.Column("person_id", big, nullable=False),
        sa.Column("major", sa.String(length=100), nullable=False),
        sa.Column("level", sa.String(length=50), nullable=False),
        sa.Column("grade", sa.String(length=50), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("source", CleanText(), nullable=False),
        sa.Column("updated_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_student_files_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_student_files")),
    )
    op.create_table(
        "class_offices",
        sa.Column("id", big, nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("office", sa.String(length=50), nullable=False),
        sa.Column("starts_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("given_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_class_offices_class_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_class_offices_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_offices")),
    )
    with op.batch_alter_table("class_offices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_class_offices_class_id"), ["class_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_class_offices_person_id"), ["person_id"], unique=False)

    op.create_table(
        "lessons",
        sa.Column("id", big, nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("course", sa.String(length=200), nullable=False),
        sa.Column("teacher", CleanText(), nullable=False),
        sa.Column("place", CleanText(), nullable=False),
        sa.Column("starts_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("note", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_lessons_class_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lessons")),
        sa.UniqueConstraint(
            "class_id", "course", "starts_at", name=op.f("uq_lessons_class_id_course_starts_at")
        ),
    )
    op.create_table(
        "orientations",
        sa.Column("id", big, nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(length=100), nullable=False),
        sa.Column("group_id", sa.String(length=100), nullable=False),
        sa.Column("welcomed_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(length=20), nullable=False),
        sa.Column("next_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_orientations_class_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orientations")),
        sa.UniqueConstraint(
            "class_id",
            "platform",
            "user_id",
            name=op.f("uq_orientations_class_id_platform_user_id"),
        ),
    )
    with op.batch_alter_table("orientations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_orientations_next_at",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )

    op.create_table(
        "study_groups",
        sa.Column("id", big, nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("made_by", big, nullable=False),
        sa.Column("made_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_study_groups_class_id")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["persons.id"], name=op.f("fk_study_groups_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_groups")),
        sa.UniqueConstraint("class_id", "number", name=op.f("uq_study_groups_class_id_number")),
    )
    op.create_table(
        "tasks",
        sa.Column("number", big, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("person_id", big, nullable=True),
        sa.Column("matter", sa.String(length=50), nullable=False),
        sa.Column("title", CleanText(), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("audience", sa.String(length=20), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("opens_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("deadline", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("rule", CleanText(), nullable=True),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("made_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("event_id", big, nullable=True),
        sa.Column("ended_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_tasks_class_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_tasks_person_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tasks")),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tasks_class_id"), ["class_id"], unique=False)
        batch_op.create_index(
            "ix_tasks_matter",
            ["class_id", "matter"],
            unique=True,
            sqlite_where=sa.text("state = 'armed' AND origin = 'calendar'"),
            postgresql_where=sa.text("state = 'armed' AND origin = 'calendar'"),
        )
        batch_op.create_index(batch_op.f("ix_tasks_person_id"), ["person_id"], unique=False)

    op.create_table(
        "completions",
        sa.Column("id", big, nullable=False),
        sa.Column("task", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.Column("source", CleanText(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_completions_person_id")
        ),
        sa.ForeignKeyConstraint(["task"], ["tasks.number"], name=op.f("fk_completions_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
        sa.UniqueConstraint("task", "person_id", name=op.f("uq_completions_task_person_id")),
    )
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_completions_person_id"), ["person_id"], unique=False)

    op.create_table(
        "reminders",
        sa.Column("id", big, nullable=False),
        sa.Column("task", big, nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("due_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("useful_until", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("ended_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.Column("late_minutes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["task"], ["tasks.number"], name=op.f("fk_reminders_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("task", "step", "due_at", name=op.f("uq_reminders_task_step_due_at")),
    )
    with op.batch_alter_table("reminders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_reminders_planned",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )

    op.create_table(
        "study_group_members",
        sa.Column("id", big, nullable=False),
        sa.Column("group_id", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("joined_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("left_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["study_groups.id"], name=op.f("fk_study_group_members_group_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_study_group_members_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_group_members")),
        sa.UniqueConstraint(
            "group_id", "person_id", name=op.f("uq_study_group_members_group_id_person_id")
        ),
    )
    with op.batch_alter_table("study_group_members", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_study_group_members_person_id"), ["person_id"], unique=False
        )

    op.create_table(
        "submissions",
        sa.Column("id", big, nullable=False),
        sa.Column("task", big, nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("path", CleanText(), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("event_id", big, nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_submissions_person_id")
        ),
        sa.ForeignKeyConstraint(["task"], ["tasks.number"], name=op.f("fk_submissions_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint(
            "task", "person_id", "sha256", name=op.f("uq_submissions_task_person_id_sha256")
        ),
    )
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submissions_person_id"), ["person_id"], unique=False)

    op.create_table(
        "obligations",
        sa.Column("id", big, nullable=False),
        sa.Column("reminder", big, nullable=False),
        sa.Column("task", big, nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("recipient", sa.String(length=220), nullable=False),
        sa.Column("person_id", big, nullable=True),
        sa.Column("due_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("useful_until", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("not_before", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("outbox_key", sa.String(length=120), nullable=True),
        sa.Column("ended_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.Column("late_minutes", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(length=20), nullable=True),
        sa.Column("told_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_obligations_class_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_obligations_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["reminder"], ["reminders.id"], name=op.f("fk_obligations_reminder")
        ),
        sa.ForeignKeyConstraint(["task"], ["tasks.number"], name=op.f("fk_obligations_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligations")),
        sa.UniqueConstraint(
            "reminder", "recipient", name=op.f("uq_obligations_reminder_recipient")
        ),
    )
    with op.batch_alter_table("obligations", schema=None) as batch_op:
        batch_op.create_index("ix_obligations_class_due_at", ["class_id", "due_at"], unique=False)
        batch_op.create_index(
            "ix_obligations_planned",
            ["class_id", "not_before", "useful_until"],
            unique=False,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_index(
            "ix_obligations_queued",
            ["outbox_key"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_obligations_untold",
            ["class_id"],
            unique=False,
            sqlite_where=sa.text("state = 'expired' AND told_at IS NULL"),
            postgresql_where=sa.text("state = 'expired' AND told_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_obligations_outbox_key"), ["outbox_key"], unique=False)
        batch_op.create_index("ix_obligations_task_person", ["task", "person_id"], unique=False)

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("begun_at", ShanghaiDateTime(timezone=True), nullable=True))

    with op.batch_alter_table("interactions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("task", big, nullable=True))

    with op.batch_alter_table("binding_codes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("given_by", sa.String(length=120), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
