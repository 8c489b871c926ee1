"""What the engine needs: keys of DKIM, how fast it may go, whose domains are whose.

And what is remembered of an address that was given up.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LEAN = (
    ("subscribers", "organisation_id"),
    ("subscribers", "merged_into"),
    ("events", "digest_id"),
)
"""Indexes of columns that few rows have: each row that comes pays for every index it is in."""


def upgrade() -> None:
    """Add `dkim_keys`, `paces`, `domain_groups`; make three indexes lean, and drop one unused."""
    _keep_words_with_their_rows()
    op.add_column("address_changes", sa.Column("old_name", sa.String(), nullable=True))
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
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "paces",
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("group_name", sa.String(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("next_at", moment, nullable=False),
        sa.Column("letters_at", moment, nullable=False),
        sa.Column("line_at", moment, nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("slowed_at", moment, nullable=True),
        sa.Column("held_until", moment, nullable=True),
        sa.Column("holds", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("stopped_at", moment, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("route", "group_name", name=op.f("pk_paces")),
    )
    op.create_table(
        "domain_groups",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("group_name", sa.String(), nullable=False),
        sa.Column("asked_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_groups")),
    )
    op.create_index(op.f("ix_domain_groups_asked_at"), "domain_groups", ["asked_at"])
    op.drop_index("ix_subscribers_domain", "subscribers")
    for table, column in LEAN:
        op.drop_index(f"ix_{table}_{column}", table)
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_{table}_{column}", table, [column], sqlite_where=given, postgresql_where=given
        )


def _keep_words_with_their_rows() -> None:
    """Let PostgreSQL look through what items say in their rows, and not in a table beside it.

    A search goes through the words of all that went out: fetched one by one, they cost it double.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE item_versions ALTER COLUMN words SET STORAGE MAIN")
        # What is there stays where it is until it is written anew.
        op.execute("UPDATE item_versions SET words = words || ''")
