"""suggested entries, and whether answers were useful"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "suggestions",
        sa.Column("id", big, nullable=False),
        sa.Column("standing", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("hand_off", big, nullable=True),
        sa.Column("draft", CleanText(), nullable=False),
        sa.Column("given_answer", CleanText(), nullable=False),
        sa.Column("given_source", CleanText(), nullable=False),
        sa.Column("made_by", CleanText(), nullable=False),
        sa.Column("made_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("tell", CleanText(), nullable=True),
        sa.Column("decided_by", big, nullable=True),
        sa.Column("decided_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("reason", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_suggestions_class_id")),
        sa.ForeignKeyConstraint(
            ["hand_off"], ["hand_offs.number"], name=op.f("fk_suggestions_hand_off")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["supervisors.id"], name=op.f("fk_suggestions_decided_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
    )
    is_kept = sa.text("standing != 'rejected'")
    op.create_index(
        "ix_suggestions_hand_off",
        "suggestions",
        ["hand_off"],
        unique=True,
        sqlite_where=is_kept,
        postgresql_where=is_kept,
    )
    op.create_index(op.f("ix_suggestions_class_id"), "suggestions", ["class_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("id", big, nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("event_id", big, nullable=False),
        sa.Column("asked_event_id", big, nullable=False),
        sa.Column("entry", sa.String(length=100), nullable=False),
        sa.Column("class_id", big, nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("speaker_id", sa.String(length=100), nullable=False),
        sa.Column("is_useful", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_feedback_class_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("event_id", name=op.f("uq_feedback_event_id")),
        sa.UniqueConstraint(
            "asked_event_id",
            "platform",
            "speaker_id",
            name=op.f("uq_feedback_asked_event_id_platform_speaker_id"),
        ),
    )
    op.create_index(op.f("ix_feedback_entry"), "feedback", ["entry"], unique=False)
    _make_append_only("feedback")


def _make_append_only(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
