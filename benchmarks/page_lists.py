"""
What Now and the list of runs cost the server where there are 10,000 runs.

    python benchmarks/page_lists.py [--runs 10000] [--turns 5]

Makes a state of so many runs, one in twenty failed, the others done with results of four files. Reported are the
processor's milliseconds (median) of each order of the list, of a filter by words, of its last page, and of Now.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orchestrator.app.records import Records
from orchestrator.app.verbs.listing import list_runs
from orchestrator.app.verbs.overview import overview
from orchestrator.config import load
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.model.job import AreaSource, Job

COLUMNS = "id, job_name, base_name, logical_date, turn, fingerprint, state, reason, resume, created, updated, job"
ROLES = ("tif", "json", "png", "item")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = Records(load(None, environment={}, overrides={"local": {"state_dir": folder}}).settings)
        app.store.runs.count()
        fill(app.database, given.runs)
        for name, look in looks(app, given.runs):
            print(f"{name:24s} {measured(look, given.turns):8.1f} ms")
        app.store.close()


def fill(database: Path, count: int) -> None:
    """Write the rows of `count` runs and their results."""
    chance = random.Random(1)  # noqa: S311  nothing secret
    with closing(sqlite3.connect(database)) as db, db:
        for n in range(count):
            job = Job(f"tile-{n}", "/results", AreaSource(f"/areas/{n}.gpkg"), "2024-05-01", "2024-06-01")
            at = f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}T{n % 24:02d}:00:00.000+00:00"
            state, why = ("FAILED", "no bands") if chance.random() < 0.05 else ("CLEANED", "")
            row = (
                f"{n:016x}",
                f"job{n % 40}",
                job.base_name,
                at[:10],
                1,
                f"f{n}",
                state,
                why,
                "",
                at,
                at,
                job.to_json(),
            )
            db.execute(f"INSERT INTO runs ({COLUMNS}) VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  ours
            if state == "CLEANED":
                files = [{"path": f"/r/{n}.{role}", "bytes": 5, "sha256": "a" * 64, "role": role} for role in ROLES]
                kept = {"path": f"/r/{n}.tif", "bytes": n, "sha256": "a" * 64, "files": files}
                kept["valid"] = {"B4": chance.random(), "B8": chance.random()}
                db.execute("INSERT INTO documents VALUES (?, 'result', ?)", (row[0], json.dumps(kept)))


def looks(app: Records, count: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is measured, by name."""
    for order in RunOrder:
        yield f"by {order}", lambda order=order: list_runs(app, RunQuery(order=order))  # type: ignore[misc]
    yield "words", lambda: list_runs(app, RunQuery(text="tile-99 gpkg"))
    yield "the last page", lambda: list_runs(app, RunQuery(offset=count - 50))
    yield "Now", lambda: overview(app)


def measured(look: Callable[[], object], turns: int) -> float:
    """Return the processor's milliseconds of one look, the median of some."""
    found = []
    for _ in range(turns):
        began = time.process_time()
        look()
        found.append(1000 * (time.process_time() - began))
    return statistics.median(found)


if __name__ == "__main__":
    main()
