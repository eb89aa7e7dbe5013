"""docs/reference/data-model.md equals the database it describes."""

from __future__ import annotations

import ast
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from reading import REFERENCE, ROOT, blocks, rows, sections

from orchestrator.engine.stores.schema import metadata
from orchestrator.engine.stores.sql import SqlStore

PATH = REFERENCE / "data-model.md"
PAGE = sections(PATH)
STORES = ROOT / "orchestrator" / "engine" / "stores"
STORED = ROOT / "tests" / "engine" / "states" / "schema_0002.sql"
QUERIES = blocks(PATH, "sql")
HEADINGS = [heading for heading in PAGE if heading in metadata.tables]


class Clock:
    def now(self):
        return datetime(2026, 12, 1, tzinfo=UTC)

    def monotonic(self):
        return 0.0


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def told(heading: str) -> list[str]:
    return [name for row in rows(PAGE[heading]) for name in names(row[0])]


def writing_methods() -> set[str]:
    """Return the methods of the store that open a transaction that writes, as `family.method`."""
    families = {type(family).__name__: name for name, family in vars(_store()).items() if name != "_db"}
    found = set()
    for path in STORES.glob("*.py"):
        for part in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(part, ast.ClassDef) and part.name in families:
                methods = [m for m in part.body if isinstance(m, ast.FunctionDef)]
                private = {m.name for m in methods if m.name.startswith("_") and "_db.write(" in ast.unparse(m)}
                calls = ["_db.write(", *(f"self.{name}(" for name in private)]
                found |= {
                    f"{families[part.name]}.{m.name}"
                    for m in methods
                    if not m.name.startswith("_") and any(call in ast.unparse(m) for call in calls)
                }
    return found


def _store() -> SqlStore:
    store = SqlStore("sqlite://", Clock())
    store.close()
    return store


def test_every_table_has_its_heading():
    """No table is undocumented."""
    assert set(HEADINGS) == set(metadata.tables)


@pytest.mark.parametrize("table", HEADINGS)
def test_the_page_lists_every_column(table):
    """Same columns, each once."""
    assert sorted(told(table)) == sorted(column.name for column in metadata.tables[table].columns)


def test_the_page_lists_every_transaction_that_writes():
    """Every method of the store that changes something, and no other."""
    assert set(told("Transactions")) == writing_methods()


def test_what_a_transaction_changes_are_tables():
    """They are named as they are."""
    changed = {table for row in rows(PAGE["Transactions"]) for table in re.findall(r"\w+", row[1])}

    assert changed <= set(metadata.tables)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A stored state, brought up to date."""
    path = tmp_path_factory.mktemp("state") / "state.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.executescript(STORED.read_text(encoding="utf-8"))
    SqlStore(f"sqlite:///{path}", Clock()).close()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as opened:
        yield opened


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_every_query_answers(query, database):
    """On a stored state that has runs in every state, each finds something."""
    assert database.execute(query).fetchall()


def test_a_query_is_shown_for_each_question():
    """The page has some."""
    assert len(QUERIES) > 5
