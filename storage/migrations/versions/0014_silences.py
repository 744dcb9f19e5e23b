"""silences on record, days settled class by class, and a month's sums from an index"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from storage.columns import ShanghaiDateTime
from storage.vocabulary import SHANGHAI

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    silences = op.create_table(
        "silences",
        sa.Column("id", big, nullable=False),
        sa.Column("tutor_id", big, nullable=False),
        sa.Column("since", ShanghaiDateTime(timezone=True), nullable=False),
        sa.Column("noticed_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tutor_id"], ["persons.id"], name=op.f("fk_silences_tutor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
        sa.UniqueConstraint("tutor_id", "since", name=op.f("uq_silences_tutor_id_since")),
    )
    op.create_table(
        "settling_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("class_id", big, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_settling_days")),
    )
    op.create_index(
        "ix_daily_records_sums",
        "daily_records",
        ["tutor_id", "class_id", "indicator", "day", "numerator", "denominator"],
    )
    op.drop_index("ix_daily_records_day", table_name="daily_records")
    _copy(silences)


def _copy(silences: sa.Table) -> None:
    """The cards to supervisors were all there was: `silence:<tutor>:<since>:<supervisor>`."""
    cards = sa.table(
        "outbox", sa.column("key", sa.String()), sa.column("created_at", ShanghaiDateTime())
    )
    statement = sa.select(cards.c.key, cards.c.created_at).where(cards.c.key.like("silence:%"))
    found: dict[tuple[int, datetime], datetime] = {}
    for key, noticed_at in op.get_bind().execute(statement):
        _, tutor_id, since, *_ = key.split(":")
        begun = datetime.strptime(since, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
        found.setdefault((int(tutor_id), begun), noticed_at)
    rows = [
        {"tutor_id": tutor_id, "since": since, "noticed_at": noticed_at}
        for (tutor_id, since), noticed_at in found.items()
    ]
    if rows:
        op.bulk_insert(silences, rows)


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
