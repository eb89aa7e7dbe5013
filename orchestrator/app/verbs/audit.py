"""`audit`: windows of a published result asked for once more, compared value by value, and the outcome in its proof."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.elsewhere import check_here
from orchestrator.app.finding import find_run
from orchestrator.core.errors import RunFailed, UserError
from orchestrator.engine.amending import amend, files_beside
from orchestrator.engine.output import snapshot_of
from orchestrator.engine.output_lock import OutputLock
from orchestrator.engine.publication import is_file
from orchestrator.engine.stores.records import Run
from orchestrator.model.audit import WINDOWS, Asked, Audited, AuditReport, seed_of
from orchestrator.model.job import Job, check_windows
from orchestrator.model.result import Result
from orchestrator.model.states import RunState

if TYPE_CHECKING:
    from orchestrator.app.application import Application


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """
    What was found, and where it is written.

    Attributes:
        run: Its id.
        path: Of the raster.
        proof: Of the file that has the outcome, beside those of earlier audits.
        report: See there.
    """

    run: str
    path: Path
    proof: Path
    report: AuditReport


def _unheard(_what: str) -> None:
    pass


def audit(
    app: Application,
    name: str,
    *,
    windows: int = WINDOWS,
    seed: int | None = None,
    say: Callable[[str], None] = _unheard,
) -> AuditOutcome:
    """
    Compare windows of a published result with what the service answers now, and write the outcome into the proof.

    What is asked for is the image that was stored with the run. A run that makes the same output waits meanwhile.

    Args:
        app: What the run works with.
        name: What the run is called.
        windows: How many.
        seed: What they are drawn with; by default a number that follows from the run's id.
        say: Told what is being done.

    Raises:
        UserError: There is no such run, its product is not audited, or its files are not those that were published.
        RunFailed: It has no result.
        LockedError: Another process works on it, or makes the same output.
        RefusedError, TransientError, Stopped: See `model.audit.Audited`; nothing is written then.
    """
    check_windows(windows)
    if windows == 0:
        raise UserError("an audit of 0 windows compares nothing; ask for 1 or more")
    run = find_run(app.store, name)
    job, result = Job.from_json(run.job), _published(run)
    if result.place:
        raise UserError(
            f"the result of run {run.id} lies in {result.place}, and only results in folders are audited afterwards; "
            "a job with `audit` set is audited before its result is delivered"
        )
    check_here(run.id, job, app.settings, app.stop)
    with ExitStack() as stack:
        store = stack.enter_context(app.lock(run.id)).store
        lock = OutputLock(result.main.path, run, app.owner, app.store)
        lock.take()
        stack.callback(lock.end if run.state is RunState.CLEANED else lock.leave)
        product = stack.enter_context(closing(app.product(job)))
        if not isinstance(product, Audited):
            raise UserError(f"run {run.id} made a {job.product}, whose pixels are not audited; only a mosaic's are")
        if not is_file(result.main, app.stop, say):
            raise UserError(
                f"{result.main.path} is not the file that was published (sha256 {result.main.sha256}); put it back, or "
                "make it anew with --again"
            )
        beside = files_beside(result)
        proof = json.loads(beside["proof"].read_bytes())
        asked = Asked(result.main.path, windows, seed_of(run.id) if seed is None else seed)
        report = product.audit(snapshot_of(run), asked, proof, app.stop, say)
        told = product.amended({role: path.read_bytes() for role, path in beside.items()}, report)
        amend(store, run.id, result, {beside[role]: content for role, content in told.items()})
        store.events.record(run.id, "run.audited", report.told())
    return AuditOutcome(run.id, result.main.path, beside["proof"], report)


def _published(run: Run) -> Result:
    """
    Return what a run has delivered.

    Raises:
        RunFailed: It has delivered nothing yet.
    """
    if run.state not in (RunState.CLEANED, RunState.PUBLISHED) and run.resume != RunState.PUBLISHED:
        raise RunFailed(f"run {run.id} is {run.state} and has no result to audit; `orchestrator why {run.id}` says why")
    return Result.from_json(run.result)
