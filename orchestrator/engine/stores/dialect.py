"""What SQLAlchemy cannot say for every database alike. Another database needs its own words here and nowhere else."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite import Insert, insert


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
