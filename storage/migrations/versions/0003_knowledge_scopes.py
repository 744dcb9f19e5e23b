"""knowledge, facts and dates of a unit: province, unit, class"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for table, name in (("calendar_dates", "matter"), ("school_facts", "slot")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("unit_id", big, nullable=True))
            batch_op.create_foreign_key(op.f(f"fk_{table}_unit_id"), "units", ["unit_id"], ["id"])
            batch_op.create_unique_constraint(op.f(f"uq_{table}_unit_id_{name}"), ["unit_id", name])

    # The key alone no longer tells a row, so its table is made anew with what was in it.
    kept = sa.table(
        "knowledge_entries",
        sa.column("key", sa.String()),
        sa.column("row", CleanText()),
        sa.column("updated_at", ShanghaiDateTime()),
    )
    rows = op.get_bind().execute(sa.select(kept)).all()
    op.drop_table("knowledge_entries")
    op.create_table(
        "knowledge_entries",
        sa.Column("id", big, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("class_id", big, nullable=True),
        sa.Column("unit_id", big, nullable=True),
        sa.Column("row", CleanText(), nullable=False),
        sa.Column("updated_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_id"], ["classes.id"], name=op.f("fk_knowledge_entries_class_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["units.id"], name=op.f("fk_knowledge_entries_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_entries")),
        sa.UniqueConstraint("class_id", "key", name=op.f("uq_knowledge_entries_class_id_key")),
        sa.UniqueConstraint("unit_id", "key", name=op.f("uq_knowledge_entries_unit_id_key")),
    )
    with op.batch_alter_table("knowledge_entries", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_knowledge_entries_key"), ["key"], unique=False)
    for row in rows:
        op.execute(kept.insert().values(key=row.key, row=row.row, updated_at=row.updated_at))


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
