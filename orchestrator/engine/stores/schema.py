"""The tables. A change here needs a migration beside it; a test compares the two."""

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

# Bytes, and numbers that only grow. SQLite has 64 bits anyway, and numbers rows itself where a key is called INTEGER.
Large = BigInteger().with_variant(Integer, "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("job_name", String, nullable=False),
    Column("base_name", String, nullable=False, default="", server_default=""),
    Column("product", String, nullable=False, default="mosaic", server_default="mosaic"),
    Column("logical_date", String, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("declaration", String, nullable=False, default="", server_default=""),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("resume", String, nullable=False, default=""),
    Column("request", String, nullable=False, default="", server_default=""),
    Column("who", String, nullable=False, default="", server_default=""),
    Column("next_at", Float, nullable=False, default=0.0, server_default="0"),
    Column("overwrite", Boolean, nullable=False, default=False, server_default=false()),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),  # higher goes first
    Column("finish_by", Float, nullable=False, default=0.0, server_default="0"),  # 0: no deadline
    Column("worker", String, nullable=False, default="", server_default=""),  # which process has the lease
    Column("fence", Integer, nullable=False, default=0, server_default="0"),  # grows with each lease
    Column("lease_until", Float, nullable=False, default=0.0, server_default="0"),
    Column("created", String, nullable=False),
    Column("updated", String, nullable=False),
    Column("job", Text, nullable=False),
    UniqueConstraint("fingerprint", "logical_date", "turn"),
    Index(None, "state"),
    Index(None, "created"),
    Index(None, "job_name"),
    Index(None, "base_name"),
)

# What weighs: the plan, the image, what the recipe found out, the result. A row of its own each, so that nothing of it
# is read where it is not asked for; SQLite reads a row up to the last column it needs.
documents = Table(
    "documents",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("content", Text, nullable=False),
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
    Column("grid", Integer, nullable=False, default=0, server_default="0"),
    Column("time", Integer, nullable=False, default=0, server_default="0"),
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
    Column("eecu_seconds", Float, nullable=False, default=0.0, server_default="0"),  # counted in `usage`
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
    Column("grid", Integer, nullable=False, default=0, server_default="0"),
    Column("time", Integer, nullable=False, default=0, server_default="0"),
    Index(None, "run_id", "state"),
    Index(None, "run_id", "task"),
)

# Kept by whoever writes `parts`, in the same transaction: counting millions of rows at each look is no look.
part_counts = Table(
    "part_counts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("state", String, primary_key=True),
    Column("parts", Integer, nullable=False),
    Column("listed", Integer, nullable=False),  # those that have an object
    Column("bytes", Large, nullable=False),  # what these objects weigh together
)

units = Table(
    "units",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("grid", Integer, nullable=False, default=0),
    Column("time", Integer, nullable=False, default=0),
    Column("group", Integer, nullable=False, default=0),
    Column("row", Integer, nullable=False, default=0),
    Column("col", Integer, nullable=False, default=0),
    Column("height", Integer, nullable=False, default=0),  # 0: it has no cell
    Column("width", Integer, nullable=False, default=0),
    Column("state", String, nullable=False),
    Column("lacking", Integer, nullable=False, default=0),  # how many of its needs are not met
    Column("attempt", Integer, nullable=False, default=0),
    Column("next_at", Float, nullable=False, default=0.0),
    Column("claimed_until", Float, nullable=False, default=0.0),
    Column("fence", Integer, nullable=False, default=0),
    Column("worker", String, nullable=False, default="", server_default=""),  # who claimed it last
    Column("deaths", Integer, nullable=False, default=0, server_default="0"),  # leases in a row that ended unheard
    Column("piece", Text, nullable=False, default="", server_default=""),  # what waits to be placed
    Column("who", String, nullable=False, default="", server_default=""),  # must act, where it is HELD
    Column("failure", String, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("spec", Text, nullable=False, default="{}"),
    Column("result", Text, nullable=False, default="{}"),
    # What may be claimed, in the order of the keys; it counts, too.
    Index(None, "run_id", "kind", "state", "lacking", "key"),
)

unit_needs = Table(
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

# Kept as `part_counts` is.
unit_counts = Table(
    "unit_counts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("state", String, primary_key=True),
    Column("units", Integer, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Large, primary_key=True, autoincrement=True),
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
    Column("triggered", Boolean, nullable=False, default=False, server_default=false()),  # by a person
)

outputs = Table(
    "outputs",
    metadata,
    Column("path", String, primary_key=True),
    Column("run_id", String, nullable=False),  # the run that owns the path now
    Column("declaration", String, nullable=False),  # of the job that owns it, whatever its dates
    Column("sha256", String, nullable=False, default="", server_default=""),  # of the file that was published there
    Column("bytes", Large, nullable=False, default=0, server_default="0"),
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

leadership = Table(
    "leadership",
    metadata,
    Column("name", String, primary_key=True),  # what is led: the state's daemons
    Column("worker", String, nullable=False),  # which process leads, or led last
    Column("fence", Integer, nullable=False),  # grows with each claim
    Column("lease_until", Float, nullable=False),  # by the database's clock; 0: given back
)

installation = Table(
    "installation",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("sequence", Large, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("name", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("bytes", Large, nullable=False, default=0, server_default="0"),  # what arrived with it
    Index(None, "run_id"),
    Index(None, "run_id", "name", "at"),
)

# What is shared of a project by every process that works on the state: see `engine/limits.py`.
limits = Table(
    "limits",
    metadata,
    Column("name", String, primary_key=True),
    Column("allowed", Float, nullable=False),  # how much at once, as the service answers now
    Column("resume", Float, nullable=False, default=0.0, server_default="0"),  # a pause ends then
    Column("why", Text, nullable=False, default="", server_default=""),  # what the service said
    Column("throttled", Integer, nullable=False, default=0, server_default="0"),  # times in a row
    Column("facts", Text, nullable=False, default="{}", server_default="{}"),
    Column("updated", Float, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("name", String, primary_key=True),  # of a limit
    Column("holder", String, primary_key=True),  # who has it: a process or a run
    Column("amount", Float, nullable=False),
    Column("wanted", Float, nullable=False, default=0.0, server_default="0"),  # what it would use if it had it
    Column("until", Float, nullable=False),  # a holder that dies gives it back then
)

usage = Table(
    "usage",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("month", String, primary_key=True),  # 2026-11; of what is reserved, none
    Column("kind", String, primary_key=True),  # batch, online or reserved
    Column("eecu_seconds", Float, nullable=False),
)

job_states = Table(
    "job_states",
    metadata,
    Column("job_name", String, primary_key=True),  # in config.toml
    Column("paused", Boolean, nullable=False),
    Column("why", Text, nullable=False, default="", server_default=""),
    Column("at", String, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Large, primary_key=True, autoincrement=True),
    Column("event", String, nullable=False),
    Column("run_id", String, nullable=False, default="", server_default=""),
    Column("at", String, nullable=False),
    Column("target", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("tries", Integer, nullable=False, default=0, server_default="0"),
    Column("next_at", Float, nullable=False, default=0.0, server_default="0"),
    Column("outcome", String, nullable=False, default="", server_default=""),  # empty: to be sent
    Column("error", Text, nullable=False, default="", server_default=""),  # why it could not be sent last
    Column("sequence", Large, nullable=False, default=0, server_default="0"),  # of the event that it tells
    UniqueConstraint("sequence", "target"),
    Index(None, "outcome", "next_at"),
)
