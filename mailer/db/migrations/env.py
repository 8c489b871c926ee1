"""How Alembic runs our migrations: on a connection that is handed to it, in one transaction."""

from alembic import context

from mailer.db.schema import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
