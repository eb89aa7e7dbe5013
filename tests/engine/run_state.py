"""The database of a machine's run, of either kind: asked from beside the engine, copied, lost and put back."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psycopg
from model_world import FakeClock
from sqlalchemy import create_engine

from orchestrator.engine.stores.moving import copy_rows
from orchestrator.engine.stores.sql import SqlStore

# Every change of a state is noted by the database itself, whatever code makes it.
NOTE = """
CREATE TABLE moves (what TEXT, old TEXT, new TEXT);
CREATE TRIGGER r AFTER UPDATE OF state ON runs WHEN old.state <> new.state
BEGIN INSERT INTO moves VALUES ('run', old.state, new.state); END;
CREATE TRIGGER t AFTER UPDATE OF state ON tasks WHEN old.state <> new.state
BEGIN INSERT INTO moves VALUES ('task', old.state, new.state); END;
CREATE TRIGGER p AFTER UPDATE OF state ON parts WHEN old.state <> new.state
BEGIN INSERT INTO moves VALUES ('part', old.state, new.state); END;
"""
NOTE_IN_POSTGRES = """
CREATE TABLE moves (what TEXT, old TEXT, new TEXT);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO moves VALUES (TG_ARGV[0], old.state, new.state); RETURN NULL; END $$;
CREATE TRIGGER r AFTER UPDATE OF state ON runs FOR EACH ROW
WHEN (old.state <> new.state) EXECUTE FUNCTION note('run');
CREATE TRIGGER t AFTER UPDATE OF state ON tasks FOR EACH ROW
WHEN (old.state <> new.state) EXECUTE FUNCTION note('task');
CREATE TRIGGER p AFTER UPDATE OF state ON parts FOR EACH ROW
WHEN (old.state <> new.state) EXECUTE FUNCTION note('part');
"""
# The weight of a part's object, of which the parts are counted.
SIZE = {
    "sqlite": "json_extract(nullif(object, ''), '$.size')",
    "postgresql": "(nullif(object, '')::json->>'size')::int",
}


class StateOfRun(Protocol):
    """
    Where the state of a machine is.

    Attributes:
        url: Its address.
        size: The words for the size of a part's object.
        is_copied: Whether there is a copy.
    """

    url: str
    size: str
    is_copied: bool

    def ask(self, query: str, *values: Any) -> list[Any]:
        """Run a statement, whose places for values are question marks; return its rows, as tuples."""

    def copy(self) -> None:
        """Save it as it is; an earlier copy is forgotten."""

    def put_back(self, *, copy: bool) -> None:
        """Put the copy, or an empty state, in its place. No store is open."""

    def close(self) -> None:
        """Remove it."""


@cache
def template() -> Path:
    """Return a migrated, empty database whose triggers note every change of a state."""
    path = Path(tempfile.mkdtemp(prefix="machine-")) / "state.db"
    SqlStore(f"sqlite:///{path}", FakeClock()).close()
    with sqlite3.connect(path) as database:
        database.executescript(NOTE)
    database.close()
    return path


class StateFile:
    """`StateOfRun` in a folder."""

    size = SIZE["sqlite"]

    def __init__(self, folder: Path) -> None:
        self.url, self._copy = f"sqlite:///{folder / 'state.db'}", folder / "copy.db"
        self.looking = sqlite3.connect(folder / "state.db", isolation_level=None)
        self.put_back(copy=False)

    @property
    def is_copied(self) -> bool:
        return self._copy.exists()

    def ask(self, query: str, *values: Any) -> list[Any]:
        return self.looking.execute(query, values).fetchall()

    def copy(self) -> None:
        with sqlite3.connect(self._copy) as copy:  # with what is not in its main file yet
            self.looking.backup(copy)
        copy.close()

    def put_back(self, *, copy: bool) -> None:
        with sqlite3.connect(self._copy if copy else template()) as lost:
            lost.backup(self.looking)
        lost.close()

    def move(self, path: Path) -> None:
        """Put it on another disk, to be found where it was. No store is open, and nothing was done yet."""
        self.looking.close()
        here = Path(self.url.removeprefix("sqlite:///"))
        shutil.move(here, path)
        here.symlink_to(path)
        self.looking = sqlite3.connect(path, isolation_level=None)

    def close(self) -> None:
        self.looking.close()


class StateServer:
    """`StateOfRun` in a PostgreSQL server: a database, and one for the copy."""

    size = SIZE["postgresql"]

    def __init__(self, server: Any) -> None:
        self._server, self._copy, self.url = server, "", ""
        self.put_back(copy=False)

    @property
    def is_copied(self) -> bool:
        return bool(self._copy)

    def ask(self, query: str, *values: Any) -> list[Any]:
        cursor = self._looking.execute(query.replace("%", "%%").replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

    def copy(self) -> None:
        self._drop(self._copy)
        self._copy = self._copied(self.url)

    def put_back(self, *, copy: bool) -> None:
        lost, self.url = self.url, self._copied(self._copy) if copy else self._server.new()
        if lost:
            self._looking.close()
            self._drop(lost)
        self._looking = psycopg.connect(self.url, autocommit=True)
        self._looking.execute(NOTE_IN_POSTGRES)

    def close(self) -> None:
        self._looking.close()
        self._drop(self.url)
        self._drop(self._copy)

    def _drop(self, url: str) -> None:
        if url:
            self._server.drop(url)

    def _copied(self, source: str) -> str:
        target = self._server.new()
        engines = [create_engine(url.replace("postgresql:", "postgresql+psycopg:")) for url in (source, target)]
        with engines[0].connect() as there, engines[1].begin() as here:
            copy_rows(there, here, lambda _table, _rows: None)
        for engine in engines:
            engine.dispose()
        return target
