"""the record by day, summed once, and an index over its time"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "summed_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_summed_days")),
    )
    op.create_table(
        "day_sums",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("unit_id", big, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("solved_by", sa.String(length=20), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "unit_id", "kind", "solved_by", "step", name=op.f("pk_day_sums")
        ),
    )
    op.create_index(
        "ix_interactions_at",
        "interactions",
        ["at", "class_id", "kind", "topic", "entry", "is_about_tutor"],
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
