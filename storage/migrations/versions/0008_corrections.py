"""which rows of the ledger have been corrected is found by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_correction = sa.text("corrects IS NOT NULL")
    op.create_index(
        "ix_interactions_corrects",
        "interactions",
        ["corrects"],
        unique=True,
        sqlite_where=is_correction,
        postgresql_where=is_correction,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
