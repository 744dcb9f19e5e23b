"""which rows of the ledger have been corrected, and what asks the same, are found by an index"""

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
    is_joined = sa.text("duplicate_of IS NOT NULL")
    op.create_index(
        "ix_hand_offs_duplicate_of",
        "hand_offs",
        ["duplicate_of"],
        unique=False,
        sqlite_where=is_joined,
        postgresql_where=is_joined,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
