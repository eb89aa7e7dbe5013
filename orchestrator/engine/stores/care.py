"""
The database itself: a copy while others write, whether it is whole.

Of SQLite it is done on a file, whatever its schema: none of it brings an older one up to date. PostgreSQL looks after
its own bytes; what its rows say of each other is looked at here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from orchestrator.core import crash
from orchestrator.core.errors import StateError
from orchestrator.core.files import fill_whole
from orchestrator.engine.stores.database import told
from orchestrator.engine.stores.dialect import POSTGRES
from orchestrator.engine.stores.schema import metadata

Statement = Callable[[str], Any]  # runs a statement; what it returns has `fetchone`

_WAIT_SECONDS = 30.0
# What SQLite says of a damaged file is long; the first sentences tell what it is.
_SENTENCES = 5

# The bytes of a part's object, as each database reads JSON.
_SIZE = {
    "sqlite": "json_extract(nullif(object, ''), '$.size')",
    POSTGRES: "CAST(CAST(nullif(object, '') AS jsonb) ->> 'size' AS bigint)",
}
_COUNTED = {
    "part_counts": (
        (
            "SELECT run_id, state, count(*), count(nullif(object, '')), "
            "coalesce(sum(@size), 0) FROM parts GROUP BY run_id, state"
        ),
        "SELECT run_id, state, parts, listed, bytes FROM part_counts WHERE parts <> 0 OR listed <> 0 OR bytes <> 0",
    ),
    "unit_counts": (
        "SELECT run_id, kind, state, count(*) FROM units GROUP BY run_id, kind, state",
        "SELECT run_id, kind, state, units FROM unit_counts WHERE units <> 0",
    ),
    "units.lacking": (
        (
            "SELECT n.run_id, n.kind, n.key, count(*) FROM unit_needs n LEFT JOIN units u ON u.run_id = n.run_id "
            "AND u.kind = n.need_kind AND u.key = n.need_key WHERE coalesce(u.state, '') NOT IN ('DONE', 'EMPTY') "
            "GROUP BY n.run_id, n.kind, n.key"
        ),
        "SELECT run_id, kind, key, lacking FROM units WHERE lacking <> 0",
    ),
}
_NEEDS = "FROM unit_needs n {} WHERE n.run_id = units.run_id AND n.kind = units.kind AND n.key = units.key"
_MET = "LEFT JOIN units u ON u.run_id = n.run_id AND u.kind = n.need_kind AND u.key = n.need_key"
_LACKING_ANEW = (
    f"UPDATE units SET lacking = (SELECT count(*) {_NEEDS.format(_MET)} "  # noqa: S608
    f"AND coalesce(u.state, '') NOT IN ('DONE', 'EMPTY')) WHERE EXISTS (SELECT 1 {_NEEDS.format('')})"
)
_ORPHANS = {
    "events": "run_id <> '' AND run_id NOT IN (SELECT id FROM runs)",
    "outputs": "run_id NOT IN (SELECT id FROM runs)",
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """
    Something about a database that is not as it should be.

    Attributes:
        what: A sentence.
        to_do: What helps.
        damaged: Whether bytes are wrong: nothing may be built on the file.
        counters: Whether `repair` mends it: numbers that can be counted anew.
    """

    what: str
    to_do: str
    damaged: bool = False
    counters: bool = False


def back_up(source: Path, target: Path) -> int:
    """
    Write a whole copy of a database to `target`, while others write to it, and return its bytes.

    The copy is one state of all tables, in one file that only its owner may read; it is looked through before it gets
    its name.

    Raises:
        StateError: The database, or the copy, is damaged.
        SpaceError: There is no room for the copy.
        TransientError: The database is busy.
    """

    def fill(path: Path) -> None:
        path.chmod(0o600)
        with _opened(source) as ours, closing(sqlite3.connect(path, isolation_level=None)) as copy:
            ours.backup(copy)  # in one go: what others commit meanwhile is not waited for, and not in it
            copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, without any beside it
        crash.point("backup.copied")
        if sentences := damage(path):
            raise StateError(f"the copy of {source} is damaged: {sentences[0]}; is the database? See `db check`")

    with told():
        fill_whole(target, fill)
    return target.stat().st_size


def damage(path: Path) -> list[str]:
    """Return what SQLite finds wrong in a file, a sentence each; none where it is whole."""
    try:
        with _opened(path) as database:
            found = [str(row[0]) for row in database.execute(f"PRAGMA integrity_check({_SENTENCES})")]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        return [str(error)]
    return [] if found == ["ok"] else found


def version_of(path: Path) -> str:
    """Return the schema version a file says it has; empty where it says none."""
    with told(), _opened(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return ""
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""


def look_through(path: Path, head: str) -> list[Flaw]:
    """
    Return what is wrong with a database, the gravest first; `head` is the schema version that the program has.

    Looked at are its bytes, its references, its tables, and the numbers that are kept beside the rows they count.
    """
    with told():
        if sentences := damage(path):
            return [
                Flaw(
                    f"the file is damaged: {'; '.join(' '.join(sentence.split()) for sentence in sentences)}",
                    "stop whatever uses it and put a backup in its place (`orchestrator db backup` makes them), or "
                    "begin a new one with `orchestrator recover`; the damaged file is worth keeping",
                    damaged=True,
                )
            ]
        version = version_of(path)
        if version != head:
            return [
                Flaw(
                    f"its schema is {version or 'none'}, this program's is {head}",
                    "`orchestrator db upgrade` makes a copy and brings it up to date"
                    if version and version < head
                    else "use the program that wrote it, or put a backup in its place",
                )
            ]
        with _opened(path) as database:
            return [*_schema(_names_in_file(database)), *_references(database), *look_at_rows(database.execute)]


def look_through_server(db: Connection) -> list[Flaw]:
    """As `look_through`, of a database of PostgreSQL, which keeps its bytes and references itself."""
    return [*_schema(_names_on_server(db)), *look_at_rows(db.exec_driver_sql, POSTGRES)]


def look_at_rows(ask: Statement, kind: str = "sqlite") -> list[Flaw]:
    """Return what is wrong with rows that each are allowed; `ask` runs a statement."""
    return [*_counters(ask, kind), *_orphans(ask)]


def repair(path: Path) -> list[str]:
    """Count anew what is counted, and take away events of runs that are not there; return what was mended."""
    with told(), _opened(path) as database:
        database.execute("BEGIN IMMEDIATE")
        mended = mend_rows(database.execute)
        database.execute("COMMIT")
    return mended


def mend_rows(ask: Statement, kind: str = "sqlite") -> list[str]:
    """As `repair`, within a transaction."""
    found = look_at_rows(ask, kind)
    for table in ("part_counts", "unit_counts"):
        ask(f"DELETE FROM {table}")  # noqa: S608  names of ours, here and below
        ask(f"INSERT INTO {table} {_COUNTED[table][0].replace('@size', _SIZE[kind])}")
    ask("UPDATE units SET lacking = 0 WHERE lacking <> 0")
    ask(_LACKING_ANEW)
    ask(f"DELETE FROM events WHERE {_ORPHANS['events']}")  # noqa: S608
    return [finding.what for finding in found if finding.counters]


def _names_in_file(database: sqlite3.Connection) -> dict[str, set[str]]:
    tables = metadata.sorted_tables
    return {t.name: {row[1] for row in database.execute(f'PRAGMA table_info("{t.name}")')} for t in tables}


def _names_on_server(db: Connection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    for table, column in db.exec_driver_sql(columns):
        found.setdefault(table, set()).add(column)
    return found


def _schema(names: Mapping[str, Collection[str]]) -> Iterator[Flaw]:
    for table in metadata.sorted_tables:
        there = set(names.get(table.name, ()))
        if lacking := {column.name for column in table.columns} - there:
            yield Flaw(
                f"the table {table.name} lacks {', '.join(sorted(lacking))}",
                "put a backup in its place: it was changed by something else than this program",
                damaged=True,
            )


def _references(database: sqlite3.Connection) -> Iterator[Flaw]:
    rows = database.execute("PRAGMA foreign_key_check").fetchall()
    if rows:
        yield Flaw(
            f"{len(rows)} rows refer to ones that are not there, the first is row {rows[0][1]} of {rows[0][0]}",
            "put a backup in its place: it was changed by something else than this program",
            damaged=True,
        )


def _counters(ask: Statement, kind: str) -> Iterator[Flaw]:
    for name, (counted, kept) in _COUNTED.items():
        anew = counted.replace("@size", _SIZE[kind])
        wrong = ask(
            f"SELECT count(*) FROM (SELECT * FROM ({anew} EXCEPT {kept}) AS a "  # noqa: S608
            f"UNION ALL SELECT * FROM ({kept} EXCEPT {anew}) AS b) AS both_ways"
        ).fetchone()[0]
        if wrong:
            yield Flaw(
                f"{wrong} numbers of {name} are not what their rows count",
                "`orchestrator db check --repair` counts anew",
                counters=True,
            )


def _orphans(ask: Statement) -> Iterator[Flaw]:
    for table, here in _ORPHANS.items():
        count = ask(f"SELECT count(*) FROM {table} WHERE {here}").fetchone()[0]  # noqa: S608
        if count and table == "events":
            to_do = "`orchestrator db check --repair` takes them away"
            yield Flaw(f"{count} events are of runs that are not there", to_do, counters=True)
        elif count:
            to_do = "nothing is replaced there; give the results other names, or move them away"
            yield Flaw(f"{count} results are of runs that are not there", to_do)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that must be there; nothing is made."""
    address = f"{path.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)) as database:
        yield database
