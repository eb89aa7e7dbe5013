"""
What a look at a large state costs: a list, a look-up by name, a round of the daemon, a round of one run.

    python benchmarks/state.py FOLDER [--runs 2000] [--parts 5000]

The database is made once, by plain SQL, in FOLDER (some gigabytes). Each look is a process of its own: its first call,
the quickest of ten, and how much its largest resident set grew; the imports are done before.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.app.finding import find_head
from orchestrator.app.verbs.reports import report_runs
from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.turns import Turns
from orchestrator.model.job import AreaSource, Job

JOBS = 20  # names of jobs; each has a run a day
TASKS = 50  # of a run
UNITS = 1000  # of a run that goes on
WEIGHT = 80_000  # bytes of a plan, and of an image
EVENTS = 200  # of a run that has ended

# Each with :count as its number. Of a hundred runs, ninety are done, five failed, four are held, one is at work.
COUNT = "WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n + 1 < :count) "
MADE = """CREATE TEMP TABLE made AS SELECT n, printf('%016x', n * 2654435761) AS id, n % :jobs AS job, n / :jobs AS day,
    CASE WHEN n % 100 < 90 THEN 'CLEANED' WHEN n % 100 < 95 THEN 'FAILED' WHEN n % 100 < 99 THEN 'HELD'
    ELSE 'EXPORTING' END AS state FROM (SELECT value AS n FROM json_each(:numbers))"""
RUNS = """INSERT INTO runs (id, job_name, base_name, logical_date, turn, fingerprint, declaration, state, reason,
    resume, who, next_at, created, updated, job)
    SELECT id, 'job' || job, 'out' || job, date('2020-01-01', '+' || day || ' days'), 1, printf('%064x', n),
    'job job' || job, state, '', '', CASE state WHEN 'HELD' THEN 'time' ELSE '' END, 0,
    strftime('%Y-%m-%dT%H:%M:%f+00:00', '2026-01-01', '+' || n || ' minutes'), :now, :declared
    FROM made"""
DOCUMENTS = """INSERT INTO documents SELECT made.id, value,
    CASE value WHEN 'facts' THEN '{}' WHEN 'result' THEN :result ELSE :weight END
    FROM made, json_each('["image", "plan", "facts", "result"]') WHERE value <> 'result' OR state = 'CLEANED'"""
ITS_TASKS = """INSERT INTO tasks (run_id, key, row, col, height, width, part_height, part_width, state, attempt, rung,
    operation, collected, progress, eecu_seconds, error, tries, next_at)
    SELECT id, printf('%04d', count.n), count.n * 256, 0, 256, 25600, 256, 256,
    CASE WHEN state = 'CLEANED' OR count.n % 2 THEN 'SUCCEEDED' WHEN state = 'EXPORTING' AND count.n < 3 THEN 'RUNNING'
    ELSE 'PLANNED' END, 1, 0, 'projects/p/operations/' || count.n, 1, 1.0, 3600.0, '', 0, 0 FROM made, count"""
ITS_PARTS = """INSERT INTO parts (run_id, row, col, height, width, task, state, attempt, object)
    SELECT id, 256 * (count.n % :tasks), 256 * (count.n / :tasks), 256, 256, printf('%04d', count.n % :tasks),
    CASE WHEN state = 'CLEANED' THEN 'CLEANED' WHEN count.n % 2 THEN 'MERGED' WHEN count.n % 4 THEN 'EXPORTED'
    ELSE 'WAITING' END, 1, CASE WHEN state <> 'CLEANED' AND count.n % 4 = 0 THEN ''
    ELSE json_object('crc32c', 'AAAAAA==', 'generation', '1700000000000000',
    'name', 'orchestrator/abcdef/' || id || '/0000/1/' || count.n || '.tif', 'size', 1000000 + count.n) END
    FROM made, count"""
PART_COUNTS = """INSERT INTO part_counts SELECT run_id, state, count(*), count(nullif(object, '')),
    coalesce(sum(json_extract(nullif(object, ''), '$.size')), 0) FROM parts GROUP BY run_id, state"""
ITS_UNITS = """INSERT INTO units (run_id, kind, key, grid, time, "group", row, col, height, width, state, lacking,
    attempt, next_at, claimed_until, fence, failure, error, spec, result)
    SELECT id, 'fetch', printf('%06d', count.n), 0, 0, 0, 0, count.n, 1, 1,
    CASE WHEN count.n % 2 THEN 'DONE' ELSE 'WAITING' END, 0, 1, 0, 0, 1, '', '', '{}', '{}'
    FROM made, count WHERE state IN ('EXPORTING', 'HELD')"""
UNIT_COUNTS = """INSERT INTO unit_counts SELECT run_id, kind, state, count(*) FROM units GROUP BY run_id, kind, state"""
ITS_EVENTS = """INSERT INTO events (run_id, at, name, facts, bytes)
    SELECT id, :now, 'part.downloaded', '{"bytes": 1000000, "object": "a"}', 1000000 FROM made, count
    WHERE count.n < CASE state WHEN 'EXPORTING' THEN :count ELSE :events END"""
FIRES = """INSERT INTO fires (job_name, logical_date, run_id, at, skipped) SELECT job_name, logical_date, id, :now, ''
    FROM runs"""


def fill(state: Path, runs: int, parts: int) -> None:
    """Write a state of many runs."""
    state.mkdir(parents=True)
    SqlStore(f"sqlite:///{state / 'state.db'}", SystemClock()).close()
    job = Job("out", str(state / "out"), AreaSource("area.gpkg"), "2024-01-01", "2024-02-01")
    facts = {
        "now": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="milliseconds"),
        "declared": job.to_json(),
        "result": json.dumps({"path": "/out/out_clipped.tif", "sha256": "0" * 64, "bytes": 1, "valid": {"B2": 1.0}}),
        "weight": "x" * WEIGHT,
        "numbers": json.dumps(list(range(runs))),
        "jobs": JOBS,
        "tasks": TASKS,
        "events": EVENTS,
    }
    fills = (
        (MADE, 1),
        (RUNS, 1),
        (DOCUMENTS, 1),
        (COUNT + ITS_TASKS, TASKS),
        (COUNT + ITS_PARTS, parts),
        (PART_COUNTS, 1),
        (COUNT + ITS_UNITS, UNITS),
        (UNIT_COUNTS, 1),
        (COUNT + ITS_EVENTS, parts),
        (FIRES, 1),
    )
    with sqlite3.connect(state / "state.db") as database:
        database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-200000")
        for statement, count in fills:
            database.execute(statement, facts | {"count": count}).close()
            database.commit()
    database.close()


# ------------------------------------------------------------------------ looks


def round_of_the_daemon(store: Store) -> None:
    """What `serve` asks of the store at each look, and for each schedule whose minute has come."""
    clock = SystemClock()
    waiting = store.queue.waiting()
    Turns(clock).ready(waiting)
    for n in range(JOBS):
        store.dates.known(f"job{n}", {"2020-01-01"})
        store.dates.last(f"job{n}", "2030-01-01", 100)
        store.dates.unfinished(f"job{n}")


def round_of_a_run(store: Store) -> None:
    """What a run that is worked on asks each time round."""
    run = at_work(store)
    store.runs.requested(run)
    store.tasks.of(run)
    store.parts.tally(run)
    store.tasks.live()
    store.units.tally(run)
    store.units.next_due(run, ["fetch"])


def at_work(store: Store) -> str:
    return next(run.id for run in store.queue.waiting() if run.state == "EXPORTING")


def ambiguous(store: Store) -> None:
    """A name that a hundred runs have: they are all compared, and eight are told."""
    try:
        find_head(store, "job7")
    except UserError:
        return
    raise SystemExit("it should have been refused")


def look_up(store: Store) -> None:
    find_head(store, f"{7 * 2654435761:016x}"[:12])


LOOKS: dict[str, Callable[[Store], object]] = {
    "status, 20 runs": lambda store: report_runs(store, 20, datetime.now(UTC)),
    "status, all runs": lambda store: report_runs(store, 10_000, datetime.now(UTC)),
    "look-up by the start of an id": look_up,
    "look-up by a name of a hundred": ambiguous,
    "latest": lambda store: find_head(store, "latest"),
    "a round of the daemon": round_of_the_daemon,
    "a round of a run": round_of_a_run,
}


def look(state: Path, name: str) -> None:
    """Print what one look costs, as JSON. Linux only."""
    store, act = SqlStore(f"sqlite:///{state / 'state.db'}", SystemClock()), LOOKS[name]
    Path("/proc/self/clear_refs").write_text("5")  # the largest resident set counts from here
    before, times = kib("VmHWM"), []
    for _ in range(10):
        began = time.process_time()
        act(store)
        times.append(time.process_time() - began)
    print(json.dumps({"first": times[0] * 1000, "least": min(times) * 1000, "kib": kib("VmHWM") - before}))


def kib(name: str) -> int:
    """Return a figure of this process's memory."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def measure(folder: Path, runs: int, parts: int) -> None:
    state = folder / "state"
    if not state.exists():
        began = time.monotonic()
        fill(state, runs, parts)
        size = (state / "state.db").stat().st_size / 2**30
        print(f"{runs} runs of {parts} parts: {size:.1f} GiB, made in {time.monotonic() - began:.0f} s")
    print(f"{'look':<34}{'first':>10}{'least':>10}{'memory':>12}")
    for name in LOOKS:
        words = [sys.executable, __file__, str(folder), "--look", name]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(f"{name:<34}{found['first']:7.1f} ms{found['least']:7.1f} ms{found['kib'] / 1024:8.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--parts", type=int, default=5000)
    parser.add_argument("--look", choices=LOOKS, help="One of them, in this process.")
    arguments = parser.parse_args()
    if arguments.look:
        look(arguments.folder / "state", arguments.look)
    else:
        measure(arguments.folder, arguments.runs, arguments.parts)


if __name__ == "__main__":
    main()
