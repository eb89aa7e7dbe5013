"""Leases, priorities and deadlines of runs; limits of the project; usage; paused jobs; notifications to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("finish_by", sa.Float, nullable=False, server_default="0"),
        sa.Column("worker", sa.String, nullable=False, server_default=""),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.Float, nullable=False, server_default="0"),
    ):
        op.add_column("runs", column)
    op.add_column("fires", sa.Column("triggered", sa.Boolean, nullable=False, server_default=sa.false()))
    _limits()
    op.create_table(
        "usage",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("month", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("eecu_seconds", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "month", "kind", name="pk_usage"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_usage_run_id"),
    )
    _costs()
    op.create_table(
        "job_states",
        sa.Column("job_name", sa.String, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("job_name", name="pk_job_states"),
    )
    _outbox()


def _costs() -> None:
    """Count what earlier versions knew of costs: of each task its last attempt, in the month its run last changed."""
    op.add_column("attempts", sa.Column("eecu_seconds", sa.Float, nullable=False, server_default="0"))
    op.execute(
        "UPDATE attempts SET eecu_seconds = coalesce((SELECT t.eecu_seconds FROM tasks t WHERE "
        "t.run_id = attempts.run_id AND t.key = attempts.task AND t.attempt = attempts.number), 0)"
    )
    op.execute(
        "INSERT INTO usage (run_id, month, kind, eecu_seconds) SELECT a.run_id, substr(r.updated, 1, 7), 'batch', "
        "sum(a.eecu_seconds) FROM attempts a JOIN runs r ON r.id = a.run_id GROUP BY a.run_id, r.updated "
        "HAVING sum(a.eecu_seconds) > 0"
    )


def _limits() -> None:
    op.create_table(
        "limits",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("allowed", sa.Float, nullable=False),
        sa.Column("resume", sa.Float, nullable=False, server_default="0"),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("throttled", sa.Integer, nullable=False, server_default="0"),
        sa.Column("facts", sa.Text, nullable=False, server_default="{}"),
        sa.Column("updated", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_limits"),
    )
    op.create_table(
        "grants",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("amount", sa.Float, nullable=False),
        sa.Column("wanted", sa.Float, nullable=False, server_default="0"),
        sa.Column("until", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("name", "holder", name="pk_grants"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False, server_default=""),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", sa.Float, nullable=False, server_default="0"),
        sa.Column("outcome", sa.String, nullable=False, server_default=""),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        sa.Column("sequence", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("sequence", "target", name="uq_outbox_sequence_target"),
    )
    op.create_index("ix_outbox_outcome_next_at", "outbox", ["outcome", "next_at"])


def downgrade() -> None:
    """Take back what the program before did not know; `orchestrator db downgrade` says what is lost with it."""
    for table in ("limits", "grants", "usage", "job_states", "outbox"):
        op.drop_table(table)
    for column in ("priority", "finish_by", "worker", "fence", "lease_until"):
        op.drop_column("runs", column)
    op.drop_column("fires", "triggered")
    op.drop_column("attempts", "eecu_seconds")
