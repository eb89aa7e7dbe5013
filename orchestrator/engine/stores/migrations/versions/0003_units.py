"""Units of work; what weighs leaves the rows of runs; counts of parts are kept; grid and time of tasks and parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WEIGHTS = ("image", "plan", "facts", "result")
_KEPT = (
    "id",
    "job_name",
    "logical_date",
    "turn",
    "fingerprint",
    "declaration",
    "state",
    "reason",
    "resume",
    "who",
    "next_at",
    "overwrite",
    "created",
    "updated",
    "job",
)


def upgrade() -> None:
    _documents()
    _runs()
    for table in ("tasks", "parts"):
        for name in ("grid", "time"):
            op.add_column(table, sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_parts_run_id_task", "parts", ["run_id", "task"])
    _part_counts()
    _units()
    op.add_column("events", sa.Column("bytes", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE events SET bytes = coalesce(json_extract(facts, '$.bytes'), 0) WHERE name = 'part.downloaded'")
    op.create_index("ix_events_run_id_name_at", "events", ["run_id", "name", "at"])


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_documents"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_documents_run_id"),
    )
    for name in _WEIGHTS:
        op.execute(f"INSERT INTO documents SELECT id, '{name}', {name} FROM runs WHERE {name} <> ''")  # noqa: S608


def _runs() -> None:
    """Make the table anew, which every SQLite can: columns are dropped by 3.35 and later only."""
    op.create_table(
        "runs_new",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("job_name", sa.String, nullable=False),
        sa.Column("base_name", sa.String, nullable=False, server_default=""),
        sa.Column("product", sa.String, nullable=False, server_default="mosaic"),
        sa.Column("logical_date", sa.String, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("declaration", sa.String, nullable=False, server_default=""),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("resume", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False, server_default=""),
        sa.Column("who", sa.String, nullable=False, server_default=""),
        sa.Column("next_at", sa.Float, nullable=False, server_default="0"),
        sa.Column("overwrite", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("updated", sa.String, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("fingerprint", "logical_date", "turn", name="uq_runs_fingerprint_logical_date_turn"),
    )
    kept = ", ".join(_KEPT)
    op.execute(
        f"INSERT INTO runs_new ({kept}, request, base_name) "  # noqa: S608  names from above
        f"SELECT {kept}, wish, coalesce(json_extract(job, '$.base_name'), '') FROM runs"
    )
    op.drop_table("runs")  # its indexes go with it
    op.rename_table("runs_new", "runs")
    for column in ("state", "created", "job_name", "base_name"):
        op.create_index(f"ix_runs_{column}", "runs", [column])


def _part_counts() -> None:
    op.create_table(
        "part_counts",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("parts", sa.Integer, nullable=False),
        sa.Column("listed", sa.Integer, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "state", name="pk_part_counts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_part_counts_run_id"),
    )
    op.execute(
        "INSERT INTO part_counts SELECT run_id, state, count(*), count(nullif(object, '')), "
        "coalesce(sum(json_extract(nullif(object, ''), '$.size')), 0) FROM parts GROUP BY run_id, state"
    )


def _units() -> None:
    numbers = ("grid", "time", "group", "row", "col", "height", "width")
    op.create_table(
        "units",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in numbers),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("lacking", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
        sa.Column("claimed_until", sa.Float, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("failure", sa.String, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "kind", "key", name="pk_units"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_units_run_id"),
    )
    claimable = ["run_id", "kind", "state", "lacking", "key"]
    op.create_index("ix_units_run_id_kind_state_lacking_key", "units", claimable)
    op.create_table(
        "unit_needs",
        *(sa.Column(name, sa.String, nullable=False) for name in ("run_id", "kind", "key", "need_kind", "need_key")),
        sa.PrimaryKeyConstraint("run_id", "kind", "key", "need_kind", "need_key", name="pk_unit_needs"),
        sa.ForeignKeyConstraint(
            ["run_id", "kind", "key"], ["units.run_id", "units.kind", "units.key"], name="fk_unit_needs_run_id_kind_key"
        ),
    )
    op.create_index("ix_unit_needs_run_id_need_kind_need_key", "unit_needs", ["run_id", "need_kind", "need_key"])
    op.create_table(
        "unit_counts",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("units", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "kind", "state", name="pk_unit_counts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_unit_counts_run_id"),
    )


def downgrade() -> None:
    raise NotImplementedError("a state is not taken back: put back the copy of state.db made before the upgrade")
