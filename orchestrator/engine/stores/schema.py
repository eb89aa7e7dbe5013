"""The tables. A change here needs a migration beside it; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("job_name", String, nullable=False),
    Column("logical_date", String, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("job", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("resume", String, nullable=False, default=""),
    Column("wish", String, key="request", nullable=False, default=""),
    Column("declaration", String, nullable=False, default="", server_default=""),
    Column("who", String, nullable=False, default="", server_default=""),
    Column("next_at", Float, nullable=False, default=0.0, server_default="0"),
    Column("overwrite", Boolean, nullable=False, default=False, server_default=false()),
    Column("image", Text, nullable=False, default=""),
    Column("plan", Text, nullable=False, default=""),
    Column("facts", Text, nullable=False, default=""),
    Column("result", Text, nullable=False, default=""),
    Column("created", String, nullable=False),
    Column("updated", String, nullable=False),
    UniqueConstraint("fingerprint", "logical_date", "turn"),
    Index(None, "state"),
    Index(None, "created"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("row", Integer, nullable=False),
    Column("col", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("part_height", Integer, nullable=False),
    Column("part_width", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("rung", Integer, nullable=False, default=0),
    Column("operation", String, nullable=False, default=""),
    Column("collected", Boolean, nullable=False, default=False),
    Column("progress", Float, nullable=False, default=0.0),
    Column("eecu_seconds", Float, nullable=False, default=0.0),
    Column("error", Text, nullable=False, default=""),
    Column("tries", Integer, nullable=False, default=0),
    Column("next_at", Float, nullable=False, default=0.0),
    Column("known", Boolean, nullable=False, default=False, server_default=false()),
    Column("failure", String, nullable=False, default="", server_default=""),
    Column("forgiven", Integer, nullable=False, default=0, server_default="0"),
    Index(None, "state"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("request_id", String, nullable=False, unique=True),
    Column("description", String, nullable=False, unique=True),
    Column("prefix", String, nullable=False),
    Column("operation", String, nullable=False, default=""),
    Column("first_posted", Float, nullable=False),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.key"]),
)

parts = Table(
    "parts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("col", Integer, primary_key=True),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("task", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("object", Text, nullable=False, default=""),
    Index(None, "run_id", "state"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("generation", String, nullable=False),
    Column("object", Text, nullable=False),
    Column("outcome", String, nullable=False, default=""),
    UniqueConstraint("run_id", "name", "generation"),
)

lessons = Table(
    "lessons",
    metadata,
    Column("subject", String, primary_key=True),  # what was learned about: an expression's hash
    Column("name", String, primary_key=True),
    Column("value", Float, nullable=False),
)

fires = Table(
    "fires",
    metadata,
    Column("job_name", String, primary_key=True),
    Column("logical_date", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("skipped", Text, nullable=False, default="", server_default=""),  # why it was not fired; empty: it was
)

outputs = Table(
    "outputs",
    metadata,
    Column("path", String, primary_key=True),
    Column("run_id", String, nullable=False),  # the run that owns the path now
    Column("declaration", String, nullable=False),  # of the job that owns it, whatever its dates
    Column("sha256", String, nullable=False, default="", server_default=""),  # of the file that was published there
    Column("bytes", Integer, nullable=False, default=0, server_default="0"),
)

processes = Table(
    "processes",
    metadata,
    Column("name", String, primary_key=True),  # what it is: the daemon of this state
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String, nullable=False),
    Column("beat", Float, nullable=False),  # when it was last heard of, seconds since 1970
    Column("facts", Text, nullable=False, default="{}", server_default="{}"),
)

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("name", String, nullable=False),
    Column("facts", Text, nullable=False),
    Index(None, "run_id"),
)
