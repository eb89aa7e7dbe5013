"""Columns for what a program must know, which stood at the beginning of sentences; owners of outputs; heartbeats."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BY_HAND = "by hand: "
_ALREADY_STARTED = "already_started"


def upgrade() -> None:
    for column in (
        sa.Column("declaration", sa.String, nullable=False, server_default=""),
        sa.Column("who", sa.String, nullable=False, server_default=""),
        sa.Column("next_at", sa.Float, nullable=False, server_default="0"),
        sa.Column("overwrite", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("runs", column)
    for column in (
        sa.Column("known", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("failure", sa.String, nullable=False, server_default=""),
        sa.Column("forgiven", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("tasks", column)
    op.create_index("ix_tasks_state", "tasks", ["state"])
    op.create_index("ix_runs_created", "runs", ["created"])
    op.add_column("fires", sa.Column("skipped", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "outputs",
        sa.Column("path", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("declaration", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False, server_default=""),
        sa.Column("bytes", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("path", name="pk_outputs"),
    )
    op.create_table(
        "processes",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started", sa.String, nullable=False),
        sa.Column("beat", sa.Float, nullable=False),
        sa.Column("facts", sa.Text, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("name", name="pk_processes"),
    )
    _read_sentences()
    _own_results()


def _read_sentences() -> None:
    """Turn what sentences began with into columns."""
    runs = sa.table("runs", sa.column("reason"), sa.column("who"), sa.column("state"))
    tasks = sa.table("tasks", sa.column("error"), sa.column("known"))
    held = runs.c.state == "HELD"
    by_hand = held & runs.c.reason.startswith(_BY_HAND)
    op.execute(runs.update().where(held).values(who="time"))
    op.execute(
        runs.update().where(by_hand).values(who="person", reason=sa.func.substr(runs.c.reason, len(_BY_HAND) + 1))
    )
    op.execute(tasks.update().where(tasks.c.error.startswith(_ALREADY_STARTED)).values(known=sa.true()))


def _own_results() -> None:
    """Write down who owns the results that are there, oldest first, so that the last one stays."""
    runs = sa.table("runs", *map(sa.column, ("id", "result", "updated")))
    outputs = sa.table("outputs", *map(sa.column, ("path", "run_id", "declaration", "sha256", "bytes")))
    done = sa.select(runs.c.id, runs.c.result).where(runs.c.result != "").order_by(runs.c.updated)
    found = {}
    for run_id, text in op.get_bind().execute(done):
        result = json.loads(text)
        found[result["path"]] = {"run_id": run_id, "sha256": result["sha256"], "bytes": result["bytes"]}
    for path, row in found.items():
        op.execute(outputs.insert().values(path=path, declaration="", **row))


def downgrade() -> None:
    op.drop_table("processes")
    op.drop_table("outputs")
    op.drop_column("fires", "skipped")
    op.drop_index("ix_runs_created")
    op.drop_index("ix_tasks_state")
    for name in ("forgiven", "failure", "known"):
        op.drop_column("tasks", name)
    for name in ("overwrite", "next_at", "who", "declaration"):
        op.drop_column("runs", name)
