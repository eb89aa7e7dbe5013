"""The scheduled jobs as a page shows them: in words, when they are due, and what became of their last dates."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.app.records import Records
from orchestrator.app.scheduled import scheduled
from orchestrator.app.verbs.results import missing_words
from orchestrator.app.verbs.schedule import JobReport, NextTime, list_jobs, next_times
from orchestrator.config import Loaded
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import DateRow, Head
from orchestrator.engine.timetable import ScheduledJob
from orchestrator.model.states import RunState

NEXT = 5
LAST = 30
_MOST_ROWS = 5000  # of the dates of all areas of all jobs, the newest
_MOST_RUNS = 300  # of one job's name

DateOutcome = Literal["FAILED", "HELD", "CANCELLED", "WARNING", "RUNNING", "WAITING", "DONE", "SKIPPED"]
# Of several areas' runs the first of these is what became of the date.
_WORST: Sequence[DateOutcome] = ("FAILED", "HELD", "CANCELLED", "WARNING", "RUNNING", "WAITING", "DONE", "SKIPPED")
_OUTCOMES: Mapping[RunState, DateOutcome] = {
    RunState.ADMITTED: "WAITING",
    RunState.HELD: "HELD",
    RunState.FAILED: "FAILED",
    RunState.CANCELLED: "CANCELLED",
    RunState.PUBLISHED: "DONE",
    RunState.CLEANED: "DONE",
}
OUTCOME_WORDS: Mapping[DateOutcome, str] = {
    "DONE": "done",
    "WARNING": "partly done",
    "RUNNING": "under way",
    "WAITING": "waits",
    "SKIPPED": "skipped",
    "HELD": "held",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
}


@dataclass(frozen=True, slots=True)
class PastDate:
    """
    What became of a date.

    Attributes:
        date: Its name: the clock on the wall of the job's time zone, with its offset from UTC.
        outcome: Of its runs the worst.
        why: The reason; empty where nothing is to be said.
        run: The run that it is of; empty where it has none.
        runs: How many it has, one for each area.
        triggered: Whether a person asked for it.
    """

    date: str
    outcome: DateOutcome
    why: str
    run: str
    runs: int
    triggered: bool

    @property
    def words(self) -> str:
        """All of it in a line."""
        by = ", run by a person" if self.triggered else ""
        several = f", {self.runs} runs" if self.runs > 1 else ""
        why = f": {self.why}" if self.why else ""
        return f"{self.date[:16].replace('T', ' ')}: {OUTCOME_WORDS[self.outcome]}{several}{by}{why}"


@dataclass(frozen=True, slots=True)
class JobAgenda:
    """
    One job.

    Attributes:
        report: How it stands; of one that is left out only name and trouble.
        words: When it is due, in English; empty of one that is left out.
        next: The next times, as if it were not paused.
        last: What became of its last dates, oldest first.
    """

    report: JobReport
    words: str
    next: tuple[NextTime, ...]
    last: tuple[PastDate, ...]

    @property
    def summary(self) -> str:
        """How many of the last dates came to what, such as `27 done, 2 skipped`."""
        counts = Counter(past.outcome for past in self.last)
        return ", ".join(f"{counts[outcome]} {words}" for outcome, words in OUTCOME_WORDS.items() if counts[outcome])


@dataclass(frozen=True, slots=True)
class Agenda:
    """
    All jobs.

    Attributes:
        jobs: In the order of config.toml; those that are left out last.
        trouble: Why config.toml cannot be read now, so that the jobs are those that were read before; empty: it can.
    """

    jobs: tuple[JobAgenda, ...]
    trouble: str = ""


def agenda(app: Records, reload: Callable[[], Loaded]) -> Agenda:
    """Return the jobs of config.toml as it is now, with their next and last dates; where it is broken, as it was."""
    trouble = _read_anew(app, reload)
    entries = {entry.name: entry for entry in scheduled(app)[0]}
    rows = _rows(app, entries)
    return Agenda(tuple(_of(app, report, entries.get(report.name), rows) for report in list_jobs(app)), trouble)


def _read_anew(app: Records, reload: Callable[[], Loaded]) -> str:
    """Take over the jobs of config.toml, as the daemon does when it is told to; say what is wrong with it."""
    try:
        loaded = reload()
    except (OrchestratorError, OSError) as error:
        return str(error)
    app.settings = app.settings.model_copy(update={"jobs": loaded.settings.jobs})
    app.refused_jobs = loaded.refused_jobs
    return ""


def _of(
    app: Records, report: JobReport, entry: ScheduledJob | None, rows: Mapping[str, Sequence[DateRow]]
) -> JobAgenda:
    if entry is None or not report.schedule:
        return JobAgenda(report, "", (), ())
    past = _past(app.store, entry, rows.get(entry.name, ())) if app.has_state() else ()
    return JobAgenda(report, entry.schedule.words, tuple(next_times(app, entry.name, NEXT)), tuple(past))


def _rows(app: Records, entries: Mapping[str, ScheduledJob]) -> Mapping[str, Sequence[DateRow]]:
    """Return the rows of each job's dates, newest first: its own, and those of its areas, which bear its base name."""
    if not app.has_state():
        return {}
    found: defaultdict[str, list[DateRow]] = defaultdict(list)
    for name in entries:
        found[name] += app.store.dates.latest(4 * LAST, job_name=name)
    tables = {name: app.settings.jobs[name] for name in entries}
    bases = {f"{table.base_name}_": name for name, table in tables.items() if table.area.each}
    if bases:
        for row in app.store.dates.latest(_MOST_ROWS):
            fitting = [base for base in bases if row.job_name.startswith(base)]
            if fitting and row.job_name not in entries:
                found[bases[max(fitting, key=len)]].append(row)
    return found


def _past(store: Store, entry: ScheduledJob, rows: Sequence[DateRow]) -> Iterable[PastDate]:
    told = [row for row in rows if row.run_id or row.skipped]  # where a job began, and dates of areas, are neither
    by_date: defaultdict[str, list[DateRow]] = defaultdict(list)
    for row in told:
        by_date[row.logical_date].append(row)
    names = sorted(by_date, key=entry.schedule.when)[-LAST:]
    wanted = {row.run_id for name in names for row in by_date[name] if row.run_id}
    heads = _heads(store, {row.job_name for row in told}, wanted)
    return [_past_date(name, by_date[name], heads) for name in names]


def _heads(store: Store, jobs: Iterable[str], wanted: set[str]) -> Mapping[str, Head]:
    found: dict[str, Head] = {}
    for job in jobs:
        found |= {head.id: head for head in store.runs.named(job, _MOST_RUNS) if head.id in wanted}
    return found


def _past_date(name: str, rows: Sequence[DateRow], heads: Mapping[str, Head]) -> PastDate:
    outcomes = [(*_outcome(row, heads.get(row.run_id)), row) for row in rows]
    outcome, why, row = min(outcomes, key=lambda one: _WORST.index(one[0]))
    runs = sum(bool(one.run_id) for one in rows)
    run = row.run_id if row.run_id in heads else ""
    return PastDate(name, outcome, why, run, runs, any(one.triggered for one in rows))


def _outcome(row: DateRow, head: Head | None) -> tuple[DateOutcome, str]:
    if not row.run_id:
        return "SKIPPED", row.skipped
    if head is None:
        return "DONE", "its run was forgotten since (`orchestrator prune`)"
    if head.state is RunState.CLEANED and (missing := missing_words(json.loads(head.result))):
        return "WARNING", missing
    why = head.reason if head.state in (RunState.HELD, RunState.FAILED, RunState.CANCELLED) else ""
    return _OUTCOMES.get(head.state, "RUNNING"), why
