"""the settings a start found, so that the next one can say what was changed"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "settings_in_force",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings_in_force")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
