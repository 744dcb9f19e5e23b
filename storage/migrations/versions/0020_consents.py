"""who was told what is kept, and who has refused"""

import sqlalchemy as sa
from alembic import op

from storage.columns import ShanghaiDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("told_at", ShanghaiDateTime(), nullable=False),
        sa.Column("refused_at", ShanghaiDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("platform", "user_id", name=op.f("pk_consents")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
