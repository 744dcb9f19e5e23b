"""Run by alembic on the connection that `runner` hands it."""

from alembic import context

from storage.models import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    # SQLite can undo DDL as PostgreSQL can; alembic assumes it cannot and would commit each step.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
