"""What the state is called, and the words that it alone knows."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update, insert_where_absent
from orchestrator.engine.stores.schema import installation

_VALUE = select(installation.c.value).where(installation.c.name == bindparam("of_name"))
_SET = insert_or_update(installation, ["name"], ["value"])
_NAME, _WORDS = "name", "words"


class SqlInstallation:
    """See `contract_leadership.Installation`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def name(self) -> str:
        with self._db.read() as db:
            return _value(db, _NAME)

    def call(self, name: str) -> str:
        with self._db.write() as db:
            db.execute(insert_where_absent(installation), {"name": _NAME, "value": name})
            return _value(db, _NAME)

    def words(self) -> Sequence[str]:
        with self._db.read() as db:
            return _words(db)

    def remember(self, word: str, most: int) -> None:
        with self._db.write() as db:
            known = [*[other for other in _words(db) if other != word], word][-most:]
            db.execute(_SET, {"name": _WORDS, "value": json.dumps(known)})

    def forget(self, words: Collection[str]) -> None:
        with self._db.write() as db:
            left = [word for word in _words(db) if word not in words]
            db.execute(_SET, {"name": _WORDS, "value": json.dumps(left)})


def _value(db: Connection, name: str) -> str:
    return str(db.execute(_VALUE, {"of_name": name}).scalar() or "")


def _words(db: Connection) -> list[str]:
    return list(json.loads(_value(db, _WORDS) or "[]"))
