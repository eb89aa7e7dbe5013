"""What SQLAlchemy cannot say for every database alike, as expressions that each compiles to words of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Integer,
    String,
    Table,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

POSTGRES = "postgresql"
VERSION = "alembic_version"  # Alembic's table
# The schema version of a database whose state is in another now, and the table that says in which.
MOVED = "moved"
MANY = 200  # rows from which on a stream is quicker than statements, and a table is another one


class Trouble(Enum):
    """Why the database did not do what it was asked."""

    FULL = auto()  # the disk
    BUSY = auto()  # another process has it, or too many have
    GONE = auto()  # nobody answers, or the connection was cut
    REFUSED = auto()  # it answers, and does not let us: a password, a name, a permission
    READ_ONLY = auto()  # it may be read only: a standby
    DAMAGED = auto()
    UNUSABLE = auto()  # it cannot be opened, read or written
    OURS = auto()  # the statement is wrong


# ----------------------------------------------------------------------- writing

# PostgreSQL's and SQLite's ON CONFLICT are one, SQLite has it from there; SQLAlchemy compiles it for either.


def insert_where_absent(table: Table, key: Collection[str] = ()) -> Insert:
    """Insert rows; where one of the same key (any key, unless named) is there, it stays as it is."""
    return insert(table).on_conflict_do_nothing(index_elements=list(key) or None)


def insert_or_update(table: Table, key: Collection[str], columns: Collection[str]) -> Insert:
    """Insert rows; where one of the same key is there, it takes these columns of the new one."""
    statement = insert(table)
    taken = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=list(key), set_=taken)


def insert_and_add(table: Table, key: Collection[str], numbers: Collection[str]) -> Insert:
    """Insert rows; where one of the same key is there, these numbers of the new one are added to its own."""
    statement = insert(table)
    sums = {name: table.columns[name] + statement.excluded[name] for name in numbers}
    return statement.on_conflict_do_update(index_elements=list(key), set_=sums)


def insert_many(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """
    Insert rows that all name the same columns, and have none of their keys in the table.

    PostgreSQL is sent many as one stream, where a statement for each would take a minute for twenty thousand.
    """
    if not locks_rows(db) or len(rows) < MANY:
        if rows:
            db.execute(insert(table), list(rows))
        return
    given = rows[0].keys()
    usual = {c.name: c.default.arg for c in table.columns if c.name not in given and c.default is not None}  # type: ignore[attr-defined]
    names = [*given, *usual]
    plain: Any = db.connection.driver_connection
    columns, quote = ", ".join(map(db.dialect.identifier_preparer.quote, names)), db.dialect.identifier_preparer.quote
    order = f"COPY {quote(table.name)} ({columns}) FROM STDIN"
    try:
        with plain.cursor() as cursor, cursor.copy(order) as stream:
            for row in rows:
                values = (row.get(name, usual.get(name)) for name in names)
                stream.write_row([str(v) if isinstance(v, Enum) else v for v in values])
    except db.dialect.loaded_dbapi.Error as error:  # as SQLAlchemy says it of its own statements
        if plain.closed:
            db.invalidate(error)
        base = db.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(order, None, error, base, connection_invalidated=plain.closed) from error


def count_anew(db: Connection, table: Table) -> None:
    """Let PostgreSQL see how many rows a table has now: it plans by what it saw last, and sees nothing in between."""
    if locks_rows(db):
        db.exec_driver_sql(f"ANALYZE {db.dialect.identifier_preparer.quote(table.name)}")


def locks_rows(db: Connection) -> bool:
    """Tell whether writers work beside each other and lock single rows; else each has the whole database."""
    return db.dialect.name == POSTGRES


def wait_between_statements(db: Connection) -> None:
    """Let a transaction take its time between two statements: one that copies a state compares for minutes."""
    if locks_rows(db):
        db.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def number_rows_after(db: Connection, table: Table) -> None:
    """Let a table that numbers its rows itself go on after those that it was given; SQLite looks at them anyway."""
    column = table.autoincrement_column
    if column is not None and locks_rows(db):
        counter = func.pg_get_serial_sequence(table.name, column.name)
        db.execute(select(func.setval(counter, func.coalesce(func.max(column) + 1, 1), False)))


# ----------------------------------------------------------------------- reading


class _JsonText(GenericFunction[str]):
    type = String()
    inherit_cache = True


class _JsonNumber(GenericFunction[float]):
    type = Float()
    inherit_cache = True


class _JsonLeast(GenericFunction[float]):
    type = Float()
    inherit_cache = True


class _Seconds(GenericFunction[float]):
    type = Float()
    inherit_cache = True


class _DatabaseNow(GenericFunction[float]):
    type = Float()
    inherit_cache = True


class _Whole(GenericFunction[int]):
    type = Integer()
    inherit_cache = True


class _Contains(GenericFunction[bool]):
    type = Boolean()
    inherit_cache = True


def json_text(column: ColumnElement[Any], path: str) -> ColumnElement[str]:
    """Return the text at a path (`$.area.source`) of a column that holds JSON; NULL where there is none."""
    return _JsonText(column, literal(path))


def json_number(column: ColumnElement[Any], path: str) -> ColumnElement[float]:
    """Return the number at a path of a column that holds JSON; NULL where there is none."""
    return _JsonNumber(column, literal(path))


def json_least(column: ColumnElement[Any], path: str) -> ColumnElement[float]:
    """Return the least value of the object at a path of a column that holds JSON; NULL where it is empty, or none."""
    return _JsonLeast(column, literal(path))


def seconds_after(moment: ColumnElement[str], since: ColumnElement[str] | str) -> ColumnElement[float]:
    """How many seconds a time (RFC 3339, UTC) is after another."""
    return _Seconds(moment, literal(since) if isinstance(since, str) else since)


def database_now(here: ColumnElement[float]) -> ColumnElement[float]:
    """
    Return the time of day as seconds since 1970 as all see it who use a database.

    A server's is its own, at the beginning of the statement, and `here` is not looked at. A file is on one machine,
    whose time `here` is.
    """
    return _DatabaseNow(here)


def number_in(document: ColumnElement[str], name: str) -> ColumnElement[int]:
    """A number in a JSON object, 1 where it has none of that name."""
    return func.coalesce(json_number(document, f"$.{name}"), 1)


def whole(number: ColumnElement[float]) -> ColumnElement[int]:
    """Return a number without what is behind its point."""
    return _Whole(number)


def whole_sum(numbers: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the sum of whole numbers as one, which PostgreSQL makes a decimal of."""
    return cast(func.coalesce(func.sum(numbers), 0), BigInteger)


def contains(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Tell whether a text holds another, letter for letter."""
    return _Contains(column, literal(part))


def _texts(compiler: Any, element: Any, kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(_JsonText)
@compiles(_JsonNumber)
def _json_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, path = _texts(compiler, element, kw)
    return f"json_extract(nullif({column}, ''), {path})"


@compiles(_JsonLeast)
def _least_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, path = _texts(compiler, element, kw)
    return f"(SELECT min(value) FROM json_each(nullif({column}, ''), {path}))"  # noqa: S608  compiled expressions, here and below


@compiles(_Seconds)
def _seconds_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    moment, since = _texts(compiler, element, kw)
    return f"((julianday({moment}) - julianday({since})) * 86400.0)"


@compiles(_DatabaseNow)
def _now_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    (here,) = _texts(compiler, element, kw)
    return str(here)


@compiles(_Whole)
def _whole_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    (number,) = _texts(compiler, element, kw)
    return f"CAST({number} AS INTEGER)"


@compiles(_Contains)
def _contains_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, part = _texts(compiler, element, kw)
    return f"(instr({column}, {part}) > 0)"


def _at(column: str, path: str) -> str:
    # JSON may say \u0000, which PostgreSQL has no letter for; it would refuse the whole document.
    document = f"CAST(replace(nullif({column}, ''), '\\u0000', '\\ufffd') AS jsonb)"
    return f"jsonb_path_query_first({document}, CAST({path} AS jsonpath))"


@compiles(_JsonText, POSTGRES)
def _json_text_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    # Sorted by code point, as SQLite does and as the columns are, whatever the database's own language is.
    return f"(({_at(*_texts(compiler, element, kw))} #>> '{{}}') COLLATE \"C\")"


@compiles(_JsonNumber, POSTGRES)
def _json_number_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST({_at(*_texts(compiler, element, kw))} #>> '{{}}' AS double precision)"


@compiles(_JsonLeast, POSTGRES)
def _least_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    found = _at(*_texts(compiler, element, kw))
    return f"(SELECT min(CAST(value AS double precision)) FROM jsonb_each_text({found}))"  # noqa: S608


@compiles(_Seconds, POSTGRES)
def _seconds_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    moment, since = _texts(compiler, element, kw)
    length = f"CAST({moment} AS timestamptz) - CAST({since} AS timestamptz)"
    return f"CAST(extract(epoch FROM {length}) AS double precision)"


@compiles(_DatabaseNow, POSTGRES)
def _now_of_postgres(_element: Any, _compiler: Any, **_kw: Any) -> str:
    return "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"


@compiles(_Whole, POSTGRES)
def _whole_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    (number,) = _texts(compiler, element, kw)
    return f"CAST(trunc({number}) AS bigint)"


@compiles(_Contains, POSTGRES)
def _contains_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    column, part = _texts(compiler, element, kw)
    return f"(strpos({column}, {part}) > 0)"
