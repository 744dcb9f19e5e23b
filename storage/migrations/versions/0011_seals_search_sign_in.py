"""seals over the audit list, a search over the ledger, the second step of signing in"""

import sqlalchemy as sa
from alembic import op

from storage.columns import CleanText, ShanghaiDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _seals(big)
    _search(big)
    _sign_in()


def _seals(big: sa.types.TypeEngine[int]) -> None:
    op.execute("INSERT INTO counters (name, value) VALUES ('audit_seal', 0)")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("address", sa.String(length=100), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("reason", CleanText(), nullable=False, server_default=""))
    op.create_table(
        "audit_seals",
        sa.Column("number", big, autoincrement=False, nullable=False),
        sa.Column("audit_id", big, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", ShanghaiDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["audit_id"], ["audit.id"], name=op.f("fk_audit_seals_audit_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("audit_id", name=op.f("uq_audit_seals_audit_id")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_seals_no_{deed.lower()} BEFORE {deed} ON audit_seals "
                "BEGIN SELECT RAISE(ABORT, 'audit_seals is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_seals_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit_seals is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals "
        "FOR EACH ROW EXECUTE FUNCTION audit_seals_append_only()"
    )


def _search(big: sa.types.TypeEngine[int]) -> None:
    op.create_table(
        "search_words",
        sa.Column("interaction_id", big, autoincrement=False, nullable=False),
        sa.Column("event_id", big, nullable=True),
        sa.Column("words", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interactions.id"], name=op.f("fk_search_words_interaction_id")
        ),
        sa.PrimaryKeyConstraint("interaction_id", name=op.f("pk_search_words")),
    )
    op.create_index(op.f("ix_search_words_event_id"), "search_words", ["event_id"])
    if op.get_bind().dialect.name != "sqlite":
        # Not `to_tsvector`: its parser drops Chinese where the database's locale is C.
        op.execute(
            "CREATE INDEX search_index ON search_words "
            "USING gin (array_to_tsvector(string_to_array(words, ' ')))"
        )
        return
    # `detail=none`: all that is asked is which rows have all of some words, at a third of the size.
    op.execute(
        "CREATE VIRTUAL TABLE search_index USING fts5(words, content='search_words', "
        "content_rowid='interaction_id', detail=none)"
    )
    add = "INSERT INTO search_index(rowid, words) VALUES (new.interaction_id, new.words);"
    drop = (
        "INSERT INTO search_index(search_index, rowid, words) "
        "VALUES ('delete', old.interaction_id, old.words);"
    )
    for deed, statements in (("INSERT", add), ("DELETE", drop), ("UPDATE", drop + add)):
        op.execute(
            f"CREATE TRIGGER search_words_{deed.lower()} AFTER {deed} ON search_words "
            f"BEGIN {statements} END"
        )


def _sign_in() -> None:
    with op.batch_alter_table("supervisors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("totp_secret", sa.String(length=64)))
        batch_op.add_column(sa.Column("totp_used", sa.BigInteger()))
    with op.batch_alter_table("web_sessions", schema=None) as batch_op:
        for name, length in (("address", 100), ("browser", 200)):
            batch_op.add_column(
                sa.Column(name, sa.String(length=length), nullable=False, server_default="")
            )


def downgrade() -> None:
    raise NotImplementedError("restore the backup taken before the upgrade")
