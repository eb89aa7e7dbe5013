"""What people said of scheduled jobs: paused, and why; or to go on."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update
from orchestrator.engine.stores.records import JobState
from orchestrator.engine.stores.schema import job_states

_SAY = insert_or_update(job_states, ["job_name"], ["paused", "why", "at"])


class SqlJobStates:
    """See `contract.JobStates`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def pause(self, job_name: str, why: str) -> None:
        self._say(job_name, why, paused=True)

    def resume(self, job_name: str) -> None:
        self._say(job_name, "", paused=False)

    def all(self) -> Mapping[str, JobState]:
        with self._db.read() as db:
            return {row.job_name: JobState(*row) for row in db.execute(select(job_states))}

    def _say(self, job_name: str, why: str, *, paused: bool) -> None:
        row = {"job_name": job_name, "paused": paused, "why": why, "at": self._db.now()}
        with self._db.write() as db:
            db.execute(_SAY, row)
