"""accounts' lines, blind windows, group members, binding codes"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "account_lines",
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("since", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "account", name=op.f("pk_account_lines")),
    )
    op.create_table(
        "logins",
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("standing", sa.String(length=20), nullable=False),
        sa.Column("since", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("code", CleanText(), nullable=False),
        sa.PrimaryKeyConstraint("platform", name=op.f("pk_logins")),
    )
    op.create_table(
        "blind_windows",
        sa.Column("id", big, nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("starts_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_windows")),
    )
    with op.batch_alter_table("blind_windows", schema=None) as batch_op:
        batch_op.create_index(
            "ix_blind_windows_account_ends_at", ["platform", "account", "ends_at"], unique=False
        )
    op.create_table(
        "binding_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", big, nullable=False),
        sa.Column("expires_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name=op.f("fk_binding_codes_person_id")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_binding_codes")),
        sa.UniqueConstraint("person_id", name=op.f("uq_binding_codes_person_id")),
    )
    op.create_table(
        "group_members",
        sa.Column("id", big, nullable=False),
        sa.Column("class_group_id", big, nullable=False),
        sa.Column("user_id", sa.String(length=100), nullable=False),
        sa.Column("joined_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.Column("left_at", ShanghaiDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_group_id"],
            ["class_groups.id"],
            name=op.f("fk_group_members_class_group_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_members")),
        sa.UniqueConstraint(
            "class_group_id", "user_id", name=op.f("uq_group_members_class_group_id_user_id")
        ),
    )
    for table in ("inbound_events", "outbox"):
        is_dead = sa.text("state = 'dead'")
        op.create_index(
            f"ix_{table}_dead",
            table,
            ["id"],
            unique=False,
            sqlite_where=is_dead,
            postgresql_where=is_dead,
        )
    op.add_column("class_groups", sa.Column("left_at", ShanghaiDateTime(timezone=True)))


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
