"""What was learned from the services, by subject: an expression, a kind of run, a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.schema import lessons

_LEARN = insert_or_update(lessons, ["subject", "name"], ["value"])


class SqlLessons:
    """See `contract.Lessons`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def learn(self, subject: str, name: str, value: float) -> None:
        with self._db.write() as db:
            db.execute(_LEARN, {"subject": subject, "name": name, "value": value})

    def get(self, subject: str, name: str) -> float | None:
        query = select(lessons.c.value).where(lessons.c.subject == subject, lessons.c.name == name)
        with self._db.read() as db:
            return db.execute(query).scalar_one_or_none()

    def values(self, name: str, subjects: Sequence[str]) -> Mapping[str, float]:
        query = select(lessons.c.subject, lessons.c.value).where(lessons.c.name == name)
        with self._db.read() as db:
            return {row[0]: row[1] for row in db.execute(query.where(lessons.c.subject.in_(subjects)))}
