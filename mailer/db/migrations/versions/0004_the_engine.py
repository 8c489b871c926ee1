"""What the engine needs to be faster and to sign: keys of DKIM."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `dkim_keys`."""
    op.create_table(
        "dkim_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(length=32), nullable=False),
        sa.Column("public", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_by", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signs_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("algorithm IN ('rsa', 'ed25519')", name=op.f("ck_dkim_keys_algorithm")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dkim_keys")),
        sa.UniqueConstraint("domain", "selector", name=op.f("uq_dkim_keys_domain_selector")),
        sqlite_autoincrement=True,
    )
    signs = sa.text("signs_from IS NOT NULL AND signs_until IS NULL")
    op.create_index(
        "ix_dkim_keys_signing",
        "dkim_keys",
        ["domain", "algorithm"],
        unique=True,
        sqlite_where=signs,
        postgresql_where=signs,
    )
