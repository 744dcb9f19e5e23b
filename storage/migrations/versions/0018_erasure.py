"""The ledger may forget who it was, and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

#: The append-only tables with somebody's account in them.
TABLES = ("interactions", "feedback")


def upgrade() -> None:
    """Upgrade."""
    bind = op.get_bind()
    known = sa.inspect(bind)
    for table in TABLES:
        columns = [column["name"] for column in known.get_columns(table)]
        others = [name for name in columns if name != "speaker_id"]
        if bind.dialect.name == "sqlite":
            same = " AND ".join(f'NEW."{name}" IS OLD."{name}"' for name in others)
            op.execute(f"DROP TRIGGER IF EXISTS {table}_no_update")
            op.execute(
                f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
                f"WHEN NOT (NEW.speaker_id LIKE 'erased:%' AND {same}) "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
            continue
        same = " AND ".join(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in others)
        op.execute(
            f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF TG_OP = 'UPDATE' AND NEW.speaker_id LIKE 'erased:%' AND {same} "
            f"THEN RETURN NEW; END IF; RAISE EXCEPTION '{table} is append-only'; END $$"
        )


def downgrade() -> None:
    """Not supported."""
    raise NotImplementedError("restore the backup taken before the upgrade")
