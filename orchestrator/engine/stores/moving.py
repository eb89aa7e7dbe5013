"""A state goes from one database to another: every row of every table, compared on arrival."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, func, inspect, literal, select, text, update

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.engine.stores.dialect import MOVED, VERSION, database_now, insert_many, number_rows_after
from orchestrator.engine.stores.processes import process_of
from orchestrator.engine.stores.records import LeaseRow
from orchestrator.engine.stores.schema import leadership, metadata, processes, runs, units

# Rows that are read, and sent, at once; some hold a plan of megabytes.
_AT_ONCE = 100
TABLES: Sequence[Table] = metadata.sorted_tables  # each after what it refers to


@dataclass(frozen=True, slots=True)
class TableContent:
    """
    What a table holds.

    Attributes:
        rows: How many.
        digest: Of all their values, in the order of their keys (sha256, hex).
    """

    rows: int
    digest: str


def counts(db: Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES}


def content_of(db: Connection, table: Table) -> TableContent:
    """Read a whole table."""
    return _read(db, table, lambda _rows: None)


def copy_rows(source: Connection, target: Connection, arrived: Callable[[str, int], None]) -> dict[str, TableContent]:
    """
    Copy every row of every table into empty tables, and compare them on arrival; nothing is committed.

    `arrived` is told the name of each table and its rows when they are there.

    Raises:
        IntegrityError: What arrived is not what was sent.
    """
    found = {}
    for table in TABLES:

        def send(rows: Sequence[Row[Any]], table: Table = table) -> None:
            insert_many(target, table, [dict(zip(table.columns.keys(), row, strict=True)) for row in rows])

        sent = _read(source, table, send)
        if (there := content_of(target, table)) != sent:
            raise IntegrityError(
                f"of the table {table.name} {there.rows} rows arrived of {sent.rows}, or with other values: nothing "
                "was moved"
            )
        number_rows_after(target, table)
        found[table.name] = sent
        arrived(table.name, sent.rows)
    return found


def check_empty(db: Connection) -> None:
    """
    Make sure that nothing is in a database that a state is moved to.

    Raises:
        UserError: Something is.
    """
    if full := {name: rows for name, rows in counts(db).items() if rows}:
        name, rows = next(iter(full.items()))
        raise UserError(f"the database has a state already ({rows} rows of {name}): a state is moved into an empty one")


def is_same(source: Connection, target: Connection) -> bool:
    """Tell whether two databases hold the same, as after a move that was ended before it could say so."""
    return counts(source) == counts(target) and all(
        content_of(source, table) == content_of(target, table) for table in TABLES
    )


def mark_moved(db: Connection, where: str, at: str) -> None:
    """
    Write down in a database where its state is now; it is opened by no program any more, its rows stay.

    Every lease and claim is over, so that a process which had one, was stopped meanwhile and is back finds that out
    before it does anything elsewhere: it has the database open, and opens it no more.
    """
    _end_claims(db)
    db.execute(text(f"CREATE TABLE {MOVED} (whither TEXT NOT NULL, moved_at TEXT NOT NULL, version TEXT NOT NULL)"))
    taken = text(f"INSERT INTO {MOVED} SELECT :where, :at, version_num FROM {VERSION}")  # noqa: S608  names of ours
    db.execute(taken, {"where": where, "at": at})
    db.execute(text(f"UPDATE {VERSION} SET version_num = :moved"), {"moved": MOVED})  # noqa: S608


def _end_claims(db: Connection) -> None:
    there = inspect(db)
    for table, until in ((leadership, "lease_until"), (runs, "lease_until"), (units, "claimed_until")):
        columns = {column["name"] for column in there.get_columns(table.name)} if there.has_table(table.name) else ()
        if "fence" in columns and until in columns:  # an earlier schema has fewer
            taken = update(table).where(table.columns[until] > 0)
            db.execute(taken.values({"fence": table.c.fence + 1, until: 0.0}))


def remove_left_behind(db: Connection) -> None:
    """Remove the tables of a state that was moved away."""
    for name in (MOVED, VERSION):
        db.execute(text(f"DROP TABLE {name}"))
    metadata.drop_all(db)


@dataclass(frozen=True, slots=True)
class AtWork:
    """
    Who says that it works on a state.

    Attributes:
        leases: Of each run that somebody has, its lease.
        processes: Of each process that was heard of lately, its name, host and id.
    """

    leases: dict[str, LeaseRow]
    processes: tuple[str, ...]


def at_work(db: Connection, now: float, fresh_seconds: float) -> AtWork:
    """
    Return who works on a state, and may live; processes of the last `fresh_seconds`.

    `now` is this machine's time, seconds since 1970; leases are judged by the database's.
    """
    left = runs.c.lease_until - database_now(literal(now))
    held = select(runs.c.id, runs.c.worker, runs.c.fence, left.label("left_seconds")).where(left > 0)
    lately = select(processes).where(processes.c.beat > now - fresh_seconds).order_by(processes.c.name)
    living = [row for row in db.execute(lately) if not process_of(row).is_known_dead]
    return AtWork(
        {row.id: LeaseRow(row.worker, row.fence, row.left_seconds) for row in db.execute(held)},
        tuple(f"{row.name.split(' ')[0]} {row.pid} on {row.host}" for row in living),
    )


def _read(db: Connection, table: Table, take: Callable[[Sequence[Row[Any]]], None]) -> TableContent:
    digest, count = hashlib.sha256(), 0
    for rows in _chunks(db, table):
        take(rows)
        for row in rows:
            digest.update(_written(row))
        count += len(rows)
    return TableContent(count, digest.hexdigest())


def _chunks(db: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """Yield a table's rows in the order of their keys, which is the same in every database."""
    query = select(table).order_by(*table.primary_key.columns)
    yield from db.execute(query.execution_options(stream_results=True, yield_per=_AT_ONCE)).partitions()


def _written(row: Row[Any]) -> bytes:
    """Return a row as bytes; PostgreSQL has no letter of number 0, and numbers are as large as they are."""
    values = [value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value for value in row]
    return json.dumps([float(v) if isinstance(v, float) else v for v in values]).encode() + b"\n"
