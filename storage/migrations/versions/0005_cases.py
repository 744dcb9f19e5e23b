"""whose a hand-off is, its clocks, its history, marks, verdicts, department contacts"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "contacts",
        sa.Column("id", big, nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("unit_id", big, nullable=True),
        sa.Column("person_id", big, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_contacts_unit_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_contacts_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint(
            "name", "unit_id", "person_id", name=op.f("uq_contacts_name_unit_id_person_id")
        ),
    )
    with op.batch_alter_table("hand_offs", schema=None) as batch_op:
        for column in (
            sa.Column("category", sa.String(length=20), nullable=False, server_default="inquiry"),
            sa.Column("level", sa.String(length=10), nullable=False, server_default="tutor"),
            sa.Column("level_since", ShanghaiDateTime(timezone=True)),
            sa.Column("wants", CleanText()),
            sa.Column("first_replied_at", ShanghaiDateTime(timezone=True)),
            sa.Column("updated_at", ShanghaiDateTime(timezone=True)),
            sa.Column("extended_at", ShanghaiDateTime(timezone=True)),
            sa.Column("alarm", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("contact_id", big),
            sa.Column("contact_since", ShanghaiDateTime(timezone=True)),
            sa.Column("duplicate_of", big),
            sa.Column("reopened", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("hearing_since", ShanghaiDateTime(timezone=True)),
            sa.Column("verdict", sa.String(length=20)),
            sa.Column("verdict_reason", CleanText()),
            sa.Column("verdict_by", sa.String(length=120)),
            sa.Column("verdict_at", ShanghaiDateTime(timezone=True)),
        ):
            batch_op.add_column(column)
        batch_op.create_foreign_key(
            op.f("fk_hand_offs_contact_id"), "contacts", ["contact_id"], ["id"]
        )
    op.create_table(
        "hand_off_steps",
        sa.Column("id", big, nullable=False),
        sa.Column("hand_off", big, nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("event_id", big, nullable=True),
        sa.ForeignKeyConstraint(
            ["hand_off"], ["hand_offs.number"], name=op.f("fk_hand_off_steps_hand_off")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_off_steps")),
    )
    with op.batch_alter_table("hand_off_steps", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_hand_off_steps_hand_off"), ["hand_off"], unique=False)
    op.create_table(
        "ratings",
        sa.Column("id", big, nullable=False),
        sa.Column("hand_off", big, nullable=False),
        sa.Column("closure", sa.Integer(), nullable=False),
        sa.Column("at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hand_off"], ["hand_offs.number"], name=op.f("fk_ratings_hand_off")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
        sa.UniqueConstraint("hand_off", "closure", name=op.f("uq_ratings_hand_off_closure")),
    )
    # What was answered or is about a tutor had an owner before there was a column for it.
    op.execute("UPDATE hand_offs SET level = 'unit' WHERE is_about_tutor")
    op.execute("UPDATE hand_offs SET category = 'complaint' WHERE kind = 'complaint'")


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
