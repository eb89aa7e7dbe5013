"""The store on SQLAlchemy Core: one family of tables a class, all over one database."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

from orchestrator.core.clock import Clock
from orchestrator.engine.stores.counts import SqlCounts
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dates import SqlDates
from orchestrator.engine.stores.events import SqlEvents
from orchestrator.engine.stores.installation import SqlInstallation
from orchestrator.engine.stores.job_states import SqlJobStates
from orchestrator.engine.stores.leadership import SqlLeadership
from orchestrator.engine.stores.leases import SqlLeases
from orchestrator.engine.stores.ledger import SqlLedger
from orchestrator.engine.stores.lessons import SqlLessons
from orchestrator.engine.stores.limits import SqlLimits
from orchestrator.engine.stores.marks import SqlMarks
from orchestrator.engine.stores.outbox import SqlOutbox
from orchestrator.engine.stores.outputs import SqlOutputs
from orchestrator.engine.stores.parts import SqlParts
from orchestrator.engine.stores.processes import SqlProcesses
from orchestrator.engine.stores.pruning import SqlPruning
from orchestrator.engine.stores.queue import SqlQueue
from orchestrator.engine.stores.records import DatabaseFacts
from orchestrator.engine.stores.runs import SqlRuns
from orchestrator.engine.stores.tasks import SqlTasks
from orchestrator.engine.stores.units import SqlUnits
from orchestrator.engine.stores.usage import SqlUsage


class SqlStore:
    """See `contract.Store`. One instance serves all threads of a process; several processes may share the file."""

    def __init__(self, url: str, clock: Clock, password: Callable[[], str] | None = None) -> None:
        self._join(Database(url, clock, password))

    def under(self, run_id: str, fence: int) -> Self:
        leased = copy(self)
        leased._join(self._db.under(run_id, fence))  # noqa: SLF001  of its own kind
        return leased

    def led(self, term: int) -> Self:
        fenced = copy(self)
        fenced._join(self._db.led(term))  # noqa: SLF001  of its own kind
        return fenced

    def _join(self, database: Database) -> None:
        self._db = database
        self.runs = SqlRuns(self._db)
        self.tasks = SqlTasks(self._db)
        self.parts = SqlParts(self._db)
        self.units = SqlUnits(self._db)
        self.ledger = SqlLedger(self._db)
        self.usage = SqlUsage(self._db)
        self.lessons = SqlLessons(self._db)
        self.events = SqlEvents(self._db)
        self.outputs = SqlOutputs(self._db)
        self.dates = SqlDates(self._db)
        self.job_states = SqlJobStates(self._db)
        self.processes = SqlProcesses(self._db)
        self.queue = SqlQueue(self._db)
        self.leases = SqlLeases(self._db)
        self.leadership = SqlLeadership(self._db)
        self.installation = SqlInstallation(self._db)
        self.limits = SqlLimits(self._db)
        self.counts = SqlCounts(self._db)
        self.outbox = SqlOutbox(self._db)
        self.pruning = SqlPruning(self._db)
        self.marks = SqlMarks(self._db)

    def revision(self) -> int:
        return self._db.revision()

    def database(self) -> DatabaseFacts:
        return self._db.facts()

    def close(self) -> None:
        self._db.close()
