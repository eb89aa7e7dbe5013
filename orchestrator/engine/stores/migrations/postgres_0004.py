"""The tables of schema 0004, at which the first state in PostgreSQL began; what came later stands in the migrations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("job_name", String, nullable=False),
    Column("base_name", String, nullable=False, server_default=""),
    Column("product", String, nullable=False, server_default="mosaic"),
    Column("logical_date", String, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("declaration", String, nullable=False, server_default=""),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("resume", String, nullable=False),
    Column("request", String, nullable=False, server_default=""),
    Column("who", String, nullable=False, server_default=""),
    Column("next_at", Float, nullable=False, server_default="0"),
    Column("overwrite", Boolean, nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("finish_by", Float, nullable=False, server_default="0"),
    Column("worker", String, nullable=False, server_default=""),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", Float, nullable=False, server_default="0"),
    Column("created", String, nullable=False),
    Column("updated", String, nullable=False),
    Column("job", Text, nullable=False),
    UniqueConstraint("fingerprint", "logical_date", "turn"),
    Index(None, "state"),
    Index(None, "created"),
    Index(None, "job_name"),
    Index(None, "base_name"),
)

Table(
    "documents",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("content", Text, nullable=False),
)

Table(
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
    Column("attempt", Integer, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("operation", String, nullable=False),
    Column("collected", Boolean, nullable=False),
    Column("progress", Float, nullable=False),
    Column("eecu_seconds", Float, nullable=False),
    Column("error", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("known", Boolean, nullable=False, server_default=false()),
    Column("failure", String, nullable=False, server_default=""),
    Column("forgiven", Integer, nullable=False, server_default="0"),
    Column("grid", Integer, nullable=False, server_default="0"),
    Column("time", Integer, nullable=False, server_default="0"),
    Index(None, "state"),
)

Table(
    "attempts",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("request_id", String, nullable=False, unique=True),
    Column("description", String, nullable=False, unique=True),
    Column("prefix", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("first_posted", Float, nullable=False),
    Column("eecu_seconds", Float, nullable=False, server_default="0"),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.key"]),
)

Table(
    "parts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("col", Integer, primary_key=True),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("task", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("object", Text, nullable=False),
    Column("grid", Integer, nullable=False, server_default="0"),
    Column("time", Integer, nullable=False, server_default="0"),
    Index(None, "run_id", "state"),
    Index(None, "run_id", "task"),
)

Table(
    "part_counts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("state", String, primary_key=True),
    Column("parts", Integer, nullable=False),
    Column("listed", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

Table(
    "units",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("grid", Integer, nullable=False),
    Column("time", Integer, nullable=False),
    Column("group", Integer, nullable=False),
    Column("row", Integer, nullable=False),
    Column("col", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("lacking", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("claimed_until", Float, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("failure", String, nullable=False),
    Column("error", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("result", Text, nullable=False),
    Index(None, "run_id", "kind", "state", "lacking", "key"),
)

Table(
    "unit_needs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("need_kind", String, primary_key=True),
    Column("need_key", String, primary_key=True),
    ForeignKeyConstraint(["run_id", "kind", "key"], ["units.run_id", "units.kind", "units.key"]),
    Index(None, "run_id", "need_kind", "need_key"),
)

Table(
    "unit_counts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("state", String, primary_key=True),
    Column("units", Integer, nullable=False),
)

Table(
    "ledger",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("generation", String, nullable=False),
    Column("object", Text, nullable=False),
    Column("outcome", String, nullable=False),
    UniqueConstraint("run_id", "name", "generation"),
)

Table(
    "lessons",
    metadata,
    Column("subject", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Float, nullable=False),
)

Table(
    "fires",
    metadata,
    Column("job_name", String, primary_key=True),
    Column("logical_date", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("skipped", Text, nullable=False, server_default=""),
    Column("triggered", Boolean, nullable=False, server_default=false()),
)

Table(
    "outputs",
    metadata,
    Column("path", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("declaration", String, nullable=False),
    Column("sha256", String, nullable=False, server_default=""),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
)

Table(
    "processes",
    metadata,
    Column("name", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String, nullable=False),
    Column("beat", Float, nullable=False),
    Column("facts", Text, nullable=False, server_default="{}"),
)

Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("name", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Index(None, "run_id"),
    Index(None, "run_id", "name", "at"),
)

Table(
    "limits",
    metadata,
    Column("name", String, primary_key=True),
    Column("allowed", Float, nullable=False),
    Column("resume", Float, nullable=False, server_default="0"),
    Column("why", Text, nullable=False, server_default=""),
    Column("throttled", Integer, nullable=False, server_default="0"),
    Column("facts", Text, nullable=False, server_default="{}"),
    Column("updated", Float, nullable=False),
)

Table(
    "grants",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, primary_key=True),
    Column("amount", Float, nullable=False),
    Column("wanted", Float, nullable=False, server_default="0"),
    Column("until", Float, nullable=False),
)

Table(
    "usage",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("month", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("eecu_seconds", Float, nullable=False),
)

Table(
    "job_states",
    metadata,
    Column("job_name", String, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("at", String, nullable=False),
)

Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("event", String, nullable=False),
    Column("run_id", String, nullable=False, server_default=""),
    Column("at", String, nullable=False),
    Column("target", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_at", Float, nullable=False, server_default="0"),
    Column("outcome", String, nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("sequence", "target"),
    Index(None, "outcome", "next_at"),
)
