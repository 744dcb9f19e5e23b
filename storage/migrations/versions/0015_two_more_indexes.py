"""what was said in an event, and the rows of a kind, are found by an index"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_interactions_event", "interactions", ["event_id"])
    op.create_index("ix_interactions_kind_at", "interactions", ["kind", "at"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
