"""`worker`: units of runs that other processes of the same state hold, until the process is to end."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from orchestrator import __version__
from orchestrator.app.application import Application
from orchestrator.app.heartbeat import Heartbeat, addresses, tell_systemd
from orchestrator.app.unit_duty import UnitDuties
from orchestrator.app.verbs.daemon import wait_for_state
from orchestrator.app.workers import forget_ended
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.nearest import hint
from orchestrator.core.process import process_name
from orchestrator.engine.stores.contract_work import FREE_WORKER
from orchestrator.engine.worker import UnitWorker, WorkerOptions, WorkerStanding
from orchestrator.model.ports import Stop
from orchestrator.products.registry import SHARED_KINDS


def work_on_units(
    app: Application, drain: Stop, *, at_once: int = 0, kinds: Collection[str] = (), until_idle: bool = False
) -> WorkerStanding:
    """
    Do units of whatever run of this state may have them, until `drain` or `app.stop` is set.

    After `drain` what is under way has `[worker] drain` to end; on return everything is committed or given back. It
    never submits, polls, cancels or publishes anything.

    Args:
        app: The application.
        drain: A wish for a clean end.
        at_once: Units at once; 0 is as set.
        kinds: Kinds of units; none named is all.
        until_idle: End, too, when no run that is worked on has units left.

    Raises:
        UserError: There is no such kind.
    """
    for kind in kinds:
        if kind not in SHARED_KINDS:
            raise UserError(f"--kinds {kind} is no kind of units that a worker does{hint(kind, SHARED_KINDS)}")
    name, settings = f"{FREE_WORKER} {process_name()}", app.settings
    at_once = at_once or settings.worker.at_once
    options = WorkerOptions(name, at_once, frozenset(kinds), settings.engine.lease, settings.worker.drain)
    standing = WorkerStanding()
    told = {"version": __version__, "at_once": at_once, "kinds": sorted(kinds), "addresses": addresses(settings)}

    def facts() -> dict[str, object]:
        now = {"busy": standing.busy, "done": standing.done, "left": dict(standing.left), "draining": standing.draining}
        return {**told, **now}

    heart = Heartbeat(app.store, app.clock, facts, name, noun="unit")

    def looked(now: WorkerStanding) -> None:
        nonlocal standing
        if (now.left, now.draining) != (standing.left, standing.draining):
            heart.soon()
        standing = now
        heart.beat(now.busy)

    app.notify("worker.started", "", {"worker": name, "pid": os.getpid(), "state_dir": str(settings.state_dir)})
    wait_for_state(app, until_idle=until_idle)
    worker = UnitWorker(
        options,
        units=app.store.units,
        duties=UnitDuties(app, name),
        clock=app.clock,
        drain=drain,
        stop=app.stop,
        notify=app.notify,
        looked=looked,
    )
    with suppress(OrchestratorError):  # a database that may only be read shows by itself
        forget_ended(app)
    heart.beat()
    tell_systemd("READY=1")
    try:
        return worker.work(until_idle=until_idle)
    finally:
        tell_systemd("STOPPING=1")
        heart.end()
