"""what was said by the second road and is not over yet"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("since", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("words", CleanText(), nullable=False),
        sa.Column("told_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alarms")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
