"""Editions keep what stands in the headers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `editions.head`; editions made before have none."""
    with op.batch_alter_table("editions") as batch:
        batch.add_column(sa.Column("head", sa.JSON(), server_default="{}", nullable=False))
