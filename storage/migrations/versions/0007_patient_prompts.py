"""a prompt that waits beneath another: the mark that an asker is invited to give"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("prompts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("beneath", CleanText()))


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
