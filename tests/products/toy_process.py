"""Runs the toy in a process of its own: `python toy_process.py FOLDER run|cancel|clean [again] [wrong]`."""

from __future__ import annotations

import sys
import threading
from datetime import date
from pathlib import Path
from types import SimpleNamespace

from toy import Toy

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import UserError
from orchestrator.core.locks import exclusive
from orchestrator.engine.admission import admit
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import Backoff, Clients, ProcessContext
from orchestrator.engine.execution import Execution, retry_run
from orchestrator.engine.limits import Limits
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState

NO_OBJECTS = SimpleNamespace(find=lambda _prefix: [], delete=lambda _source: None, close=lambda: None)
NO_ROUTE = SimpleNamespace(
    name="none",
    objects=NO_OBJECTS,
    close=lambda: None,
    prefix_of=lambda _name: "",
    run_prefix=lambda run_id: run_id,
    manifest_name=lambda run_id: f"{run_id}/plan.json",
)


def main(folder: Path, command: str, words: list[str]) -> int:
    clock, stop = SystemClock(), threading.Event()
    store = SqlStore(f"sqlite:///{folder / 'state.db'}", clock)
    limits = Limits(2, 1 << 20, store.limits, clock)
    process = ProcessContext("me", None, True, 2, Backoff(), limits, clock, stop)
    keys = {"numbers": 0} if "wrong" in words else {"numbers": 5}
    job = Job("toy", str(folder / "out"), AreaSource("x"), "2024-01-01", "2024-02-01", product="toy", keys=keys)
    run = admit(store, "toy", job, date(2024, 6, 1), installation="me", again="again" in words)
    if run.state is RunState.FAILED:
        run = retry_run(run, store)
    clients = Clients(Toy(), NO_ROUTE, list)
    watch = OperationsWatch(list, clock, 1, 4)
    execution = Execution(
        run.id, store=store, clients=clients, process=process, watch=watch, cut=lambda _t: None, refit=lambda t, *_: t
    )
    (folder / "out").mkdir(exist_ok=True)
    with exclusive(folder / "lock", "the toy"):
        if command == "cancel":
            execution.cancel()
            execution.sweep(store.runs.get(run.id))
            return 0
        run = execution.follow()
    if run.state is not RunState.CLEANED:
        sys.stderr.write(f"{run.state}: {run.reason}\n")
        return 1
    sys.stdout.write(run.result)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
