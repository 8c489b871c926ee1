"""Who works in the editors' rooms, and what they leave there.

Editors, their roles and sign-ins, forms not saved yet, approvals, segments; a preheader for each
digest; lists whose digests need a second person; who wrote a version of an item.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = (
    "digest", "test", "confirmation", "welcome", "already", "leave", "notice",
    "reminder", "access", "move", "moved", "handover",
)  # fmt: skip
NEW_KINDS = ("password", "approval")
CHECK = "ck_deliveries_kind"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add seven tables, four columns and two kinds of letters."""
    _editors()
    _work()
    op.add_column(
        "lists",
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "digest_texts", sa.Column("preheader", sa.Text(), server_default="", nullable=False)
    )
    # Not by a rebuilt table: it would give numbers of rows that are gone again (see 0003).
    op.execute(
        "ALTER TABLE digests ADD COLUMN segment_id INTEGER "
        "CONSTRAINT fk_digests_segment_id REFERENCES segments (id)"
    )
    op.execute(
        "ALTER TABLE item_versions ADD COLUMN written_by INTEGER "
        "CONSTRAINT fk_item_versions_written_by REFERENCES editors (id)"
    )
    op.add_column("digests", sa.Column("stops_at", MOMENT, nullable=True))
    # With the tries in it, a digest is counted from the index alone.
    op.drop_index("ix_deliveries_counts", "deliveries")
    op.create_index("ix_deliveries_counts", "deliveries", ["digest_id", "state", "tries"])
    said = sa.text("actor_id <> ''")
    op.create_index(
        "ix_events_actor_id",
        "events",
        ["actor_id", "id"],
        sqlite_where=said,
        postgresql_where=said,
    )
    _finding()
    if op.get_bind().dialect.name == "sqlite":
        _more_kinds_in_place()
    else:
        op.drop_constraint(op.f(CHECK), "deliveries", type_="check")
        op.create_check_constraint(
            op.f(CHECK), "deliveries", sa.column("kind").in_(KINDS + NEW_KINDS)
        )


def _editors() -> None:
    op.create_table(
        "editors",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("password_number", sa.Integer(), nullable=False),
        sa.Column("second", sa.LargeBinary(), nullable=True),
        sa.Column("second_by", sa.Integer(), nullable=True),
        sa.Column("second_step", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editors")),
        sa.UniqueConstraint("key", name=op.f("uq_editors_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "grants",
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.CheckConstraint(
            "role IN ('viewer', 'approver', 'editor', 'owner')", name=op.f("ck_grants_role")
        ),
        sa.ForeignKeyConstraint(["editor_id"], ["editors.id"], name=op.f("fk_grants_editor_id")),
        sa.PrimaryKeyConstraint("editor_id", "list_id", name=op.f("pk_grants")),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("passed_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["editor_id"], ["editors.id"], name=op.f("fk_sign_ins_editor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("hash", name=op.f("uq_sign_ins_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sign_ins_editor_id"), "sign_ins", ["editor_id"])
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"])


def _work() -> None:
    op.create_table(
        "unsaved",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["editor_id"], ["editors.id"], name=op.f("fk_unsaved_editor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unsaved")),
        sa.UniqueConstraint("editor_id", "place", name=op.f("uq_unsaved_editor_id_place")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_segments_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_segments_list_id"), "segments", ["list_id"])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("answer", sa.String(length=32), nullable=True),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.CheckConstraint("answer IN ('approved', 'declined')", name=op.f("ck_approvals_answer")),
        sa.ForeignKeyConstraint(["asked_by"], ["editors.id"], name=op.f("fk_approvals_asked_by")),
        sa.ForeignKeyConstraint(["digest_id"], ["digests.id"], name=op.f("fk_approvals_digest_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_approvals_digest_id"), "approvals", ["digest_id"])


def _finding() -> None:
    """Let subscribers be found by their domain, by how a name begins, and by their import."""
    given, named = sa.text("domain IS NOT NULL"), sa.text("name <> ''")
    op.create_index(
        "ix_subscribers_domain",
        "subscribers",
        ["domain"],
        sqlite_where=given,
        postgresql_where=given,
    )
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "ix_subscribers_called",
            "subscribers",
            [sa.text("name COLLATE NOCASE")],
            sqlite_where=named,
        )
    else:
        op.create_index(
            "ix_subscribers_called_c",
            "subscribers",
            [sa.text('(lower(name)) COLLATE "C"')],
            postgresql_where=named,
        )
        op.create_index("ix_subscribers_key_c", "subscribers", [sa.text('key COLLATE "C"')])
    op.drop_index("ix_subscriptions_batch_id", "subscriptions")
    given = sa.text("batch_id IS NOT NULL")
    op.create_index(
        "ix_subscriptions_batch",
        "subscriptions",
        ["batch_id", "subscriber_id"],
        sqlite_where=given,
        postgresql_where=given,
    )


def _more_kinds_in_place() -> None:
    """Change the words of the check, and nothing that is kept in the table: see 0005."""
    connection = op.get_bind()
    before, after = (
        f"CHECK (kind IN ({', '.join(map(repr, of))}))" for of in (KINDS, KINDS + NEW_KINDS)
    )
    words = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE name = 'deliveries'"
    ).scalar_one()
    if before not in words:
        raise AssertionError("the table of deliveries is not as it was made")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'deliveries'",
        (before, after),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=RESET")
