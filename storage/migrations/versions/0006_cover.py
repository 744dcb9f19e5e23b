"""who stands in for whom while a tutor is away"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("duties", schema=None) as batch_op:
        batch_op.add_column(sa.Column("covers_id", big))
        batch_op.create_foreign_key(op.f("fk_duties_covers_id"), "persons", ["covers_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
