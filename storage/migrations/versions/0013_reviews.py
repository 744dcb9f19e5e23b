"""the review queue, and an index to find what was closed lately"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    # Drawn at the first look; nobody can work out beforehand which numbers will be looked at.
    op.execute("INSERT INTO counters (name, value) VALUES ('review_salt', 0)")
    op.create_index(
        "ix_hand_offs_closed_at",
        "hand_offs",
        ["closed_at"],
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", big, nullable=False),
        sa.Column("hand_off", big, nullable=True),
        sa.Column("interaction", big, nullable=True),
        sa.Column("class_id", big, nullable=False),
        sa.Column("tutor_id", big, nullable=True),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("is_sampled", sa.Boolean(), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.String(length=20), nullable=True),
        sa.Column("comment", CleanText(), nullable=False),
        sa.Column("is_returned", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=True),
        sa.Column("decided_name", CleanText(), nullable=True),
        sa.Column("decided_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["hand_off"], ["hand_offs.number"], name=op.f("fk_reviews_hand_off")
        ),
        sa.ForeignKeyConstraint(
            ["interaction"], ["interactions.id"], name=op.f("fk_reviews_interaction")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], name=op.f("fk_reviews_class_id")),
        sa.ForeignKeyConstraint(["tutor_id"], ["persons.id"], name=op.f("fk_reviews_tutor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("hand_off", "why", name=op.f("uq_reviews_hand_off_why")),
        sa.UniqueConstraint("interaction", "why", name=op.f("uq_reviews_interaction_why")),
    )
    op.create_index("ix_reviews_at", "reviews", ["at"])
    op.create_index("ix_reviews_decided_at", "reviews", ["decided_at"])
    op.create_index(
        "ix_reviews_open",
        "reviews",
        ["id"],
        sqlite_where=sa.text("mark IS NULL"),
        postgresql_where=sa.text("mark IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
