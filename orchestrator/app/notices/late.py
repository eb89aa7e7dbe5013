"""What is found only by looking: a run that takes too long, one that gets on again, an end that nobody recorded."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from orchestrator.app.notices.kinds import HELD, PROGRESS
from orchestrator.app.records import Records
from orchestrator.core.units import format_seconds
from orchestrator.engine.stores.records import Head
from orchestrator.model.states import RUN_FINAL, RunState

OVERDUE, RECOVERED, REBUILT = "run.overdue", "run.recovered", "run.rebuilt"
# What tells that a run is late; once is enough.
LATE = (OVERDUE, "run.deferred")
LOOK_SECONDS = 60.0
# What is usual is said by so many earlier runs of a job, at least and at most.
FEWEST, MOST = 3, 20
# So many times as long as usual is late, and at least so much longer.
TIMES, LEAST_SECONDS = 2.0, 600.0
# The state of a run and its event are two transactions; a process that dies between them leaves the first alone.
ENDS: Mapping[RunState, str] = MappingProxyType(
    {
        RunState.CLEANED: "run.done",
        RunState.FAILED: "run.failed",
        RunState.CANCELLED: "run.cancelled",
        RunState.HELD: "run.held",
    }
)
UNSAID_AFTER = timedelta(seconds=30)
UNSAID_SINCE = timedelta(days=1)
_OPEN = tuple(state for state in RunState if state not in RUN_FINAL)


class Lateness:
    """Records, once for each run, that it is late; of one that was held, that it gets on; and ends that nobody did."""

    def __init__(self, app: Records) -> None:
        self._app = app
        self._next = float("-inf")
        self._usual: dict[str, float | None] = {}  # job to the median of its earlier runs, seconds

    def look(self) -> None:
        """Look at all runs that have not ended, unless that was done a moment ago."""
        if self._app.clock.monotonic() < self._next:
            return
        self._next = self._app.clock.monotonic() + LOOK_SECONDS
        self._usual.clear()
        store = self._app.store
        for run in store.runs.latest(_OPEN, limit=1000):
            if (why := self._why_late(run)) and not any(store.outbox.was_said(run.id, name) for name in LATE):
                store.events.record(run.id, OVERDUE, {"reason": why})
        for message in store.outbox.going_on(HELD, RECOVERED, PROGRESS):
            store.events.record(message.run_id, RECOVERED, {"reason": json.loads(message.content)["reason"]})
        for run in store.runs.latest(tuple(ENDS), limit=200):
            self._say_end(run)

    def _say_end(self, run: Head) -> None:
        """Record the end of a run, or that it waits for a person, where the process that saw it died before it did."""
        now, at = self._app.clock.now(), datetime.fromisoformat(run.updated)
        if not now - UNSAID_SINCE < at < now - UNSAID_AFTER or (run.state is RunState.HELD and not run.needs_person):
            return
        said = self._app.store.outbox.was_said
        # What was rebuilt as ended had ended before: that is no news.
        if not said(run.id, ENDS[run.state], run.updated) and not said(run.id, REBUILT, run.updated):
            path = json.loads(run.result).get("path", "") if run.result else ""
            facts = {"reason": run.reason, "path": path, "who": run.who}
            self._app.store.events.record(run.id, ENDS[run.state], facts)

    def _why_late(self, run: Head) -> str:
        """Return why a run is late, in a sentence; empty: it is not."""
        now = self._app.clock.now().timestamp()
        if 0 < run.finish_by < now:
            due = datetime.fromtimestamp(run.finish_by, UTC)
            return f"it should have ended by {due:%Y-%m-%d %H:%M} UTC, and is {run.state}"
        taken, usual = now - _seconds(run.created), self._median(run.job_name)
        if run.finish_by or usual is None or taken <= max(TIMES * usual, usual + LEAST_SECONDS):
            return ""
        return f"it has taken {format_seconds(taken)}, its job usually takes {format_seconds(usual)}; it is {run.state}"

    def _median(self, job_name: str) -> float | None:
        """Return how long the runs of a job take that end well, seconds; None where too few have."""
        if job_name not in self._usual:
            ended = [run for run in self._app.store.runs.named(job_name, MOST) if run.state is RunState.CLEANED]
            times = [_seconds(run.updated) - _seconds(run.created) for run in ended if run.job_name == job_name]
            self._usual[job_name] = statistics.median(times) if len(times) >= FEWEST else None
        return self._usual[job_name]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
