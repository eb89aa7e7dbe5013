"""A state folder with scheduled jobs, whose daemon can be restarted and whose clock is set by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.scheduler import Schedule, wall_of
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.timetable import ScheduledJob, Timetable
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState

BEGAN = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


class SetClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = BEGAN

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - BEGAN).total_seconds()


class NeverStop:
    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        raise NotImplementedError


class House:
    """One state folder, whose daemon can be restarted."""

    def __init__(self, folder) -> None:
        self.path = folder / "state.db"
        self.clock = SetClock()
        self.store = SqlStore(f"sqlite:///{self.path}", self.clock)
        self.entries: list[ScheduledJob] = []
        self.told: list[tuple[str, dict[str, object]]] = []
        self.interrupts = Interrupts()
        self.restart()

    def job(self, name="nightly", cron="30 1 * * *", *, zone="UTC", every="", finish_by="", jobs=None, **keys):
        schedule = Schedule("" if every else cron, every, zone, finish_by)
        self.entries.append(ScheduledJob(name, schedule, jobs or (lambda: [(name, self.declared(name))]), **keys))
        return self

    def declared(self, name):
        return Job(name, str(self.path.parent), AreaSource("0,0,1,1"), "today-30d", "today")

    def restart(self) -> None:
        self.timetable = Timetable(
            self.entries,
            store=self.store,
            clock=self.clock,
            stop=NeverStop(),
            installation="here",
            interrupts=self.interrupts,
            notify=lambda name, _run, facts: self.told.append((name, dict(facts))),
        )

    def look(self, when: str | datetime | None = None) -> None:
        if when is not None:
            self.clock.time = when if isinstance(when, datetime) else datetime.fromisoformat(when).replace(tzinfo=UTC)
        self.timetable.look()

    def dates(self, *, skipped: bool, job="nightly") -> list[str]:
        """Return the dates that got a run, or were skipped, by the clock on the wall; where a job began is neither."""
        return [wall_of(name) for name in self.names(skipped=skipped, job=job)]

    def names(self, *, skipped: bool, job="nightly") -> list[str]:
        """Return their names, with offsets."""
        rows = [row for row in self.store.dates.latest(1_000_000) if row.job_name == job]
        wanted = [row.logical_date for row in rows if (row.skipped if skipped else row.run_id)]
        return sorted(wanted)

    def end_runs(self) -> None:
        for waiting in self.store.queue.waiting():
            self.store.runs.set_state(waiting.id, RunState.CANCELLED)
