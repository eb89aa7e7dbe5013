"""
`run` and `submit`: a job becomes a run, and a run is carried to its end.

The same declaration continues the run it has; one that is done says so, unless its result is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.app.elsewhere import pinned
from orchestrator.app.verbs.busy import Busy, Tell, untold, unwatched
from orchestrator.app.verbs.reasons import check_served
from orchestrator.core import log
from orchestrator.core.locks import LockedError
from orchestrator.engine.admission import admit
from orchestrator.engine.batch.budget import set_eecu_hours
from orchestrator.engine.delivery import lacking_at, objects_there
from orchestrator.engine.execution import retry_run
from orchestrator.engine.leases import Lease
from orchestrator.engine.output import names_in
from orchestrator.engine.output_lock import check_free
from orchestrator.engine.ownership import Claimant, check_owner, check_place
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import AUDIT, MIN_VALID, is_file, set_audit, set_min_valid
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run
from orchestrator.model.job import Job
from orchestrator.model.result import Result
from orchestrator.model.states import RUN_FINAL, RunState
from orchestrator.products.registry import find_product

if TYPE_CHECKING:
    from orchestrator.app.application import Application


def begin(
    app: Application,
    job: Job,
    *,
    again: bool = False,
    overwrite: bool = False,
    priority: int | None = None,
    busy: Busy = unwatched,
    tell: Tell = untold,
) -> Run:
    """
    Return the run of a job for today, beginning one where there is none that goes on; it is not worked on yet.

    A run that failed, was cancelled or waits for a person is taken up again; one that is done is returned as it is.

    Args:
        app: What the run works with.
        job: One area's declaration, as `expand` returned it.
        again: Do it once more although it is done.
        overwrite: Replace files at the result's place that this job did not make.
        priority: How early it is taken: the higher number first; None is 0, and leaves that of a run it has as it is.
        busy: Told what takes a while.
        tell: Told what a person should know of the plan of a run that is begun, a sentence each.

    Raises:
        UserError: The job cannot be done as declared, or a file that it did not make lies where the result goes.
        LockedError: Another unfinished run makes the same output.
    """
    today, (job,) = app.clock.now().date(), pinned(app, [job], app.stop)
    declaration, job = job.declaration(), job.dated(today)
    known = app.store.runs.find(job.fingerprints())
    if known is None:
        with busy(f"planning {job.base_name}"):
            notes = app.product(job).check(job)  # what is wrong with the declaration is said before anything is stored
        for note in notes:
            tell(note)
    if known is None or known.state in RUN_FINAL:
        check_output(app, job, declaration, overwrite=overwrite)
    again = again or _is_partial(known) or _result_is_gone(app, known, busy)
    run = _admit(app, job, today, declaration, again=again, overwrite=overwrite, priority=priority)
    snapshot = Job.from_json(run.job)
    _accept(app.store, run.id, job, snapshot)
    if run.state is not RunState.CLEANED and (changed := snapshot.with_attempts_of(job)) != snapshot:
        app.store.runs.save_job(run.id, changed.to_json())
        run = app.store.runs.get(run.id)
    if _has_stopped(run):
        run = _take_up(app, run.id)
    return run


def _accept(store: Store, run_id: str, job: Job, snapshot: Job) -> None:
    """
    Let a run continue with what the command says now is acceptable; where it says the same, or nothing, of something
    that was said meanwhile, by `retry` or by another command, that stands.
    """
    told = store.lessons.values
    if job.min_valid != snapshot.min_valid and (job.min_valid or not told(MIN_VALID, [run_id])):
        set_min_valid(store, run_id, job.min_valid)
    if job.audit != snapshot.audit and (job.audit or not told(AUDIT, [run_id])):
        set_audit(store, run_id, job.audit)
    if job.max_eecu_hours not in (0, snapshot.max_eecu_hours):  # a budget that is not said does not vanish
        set_eecu_hours(store, run_id, job.max_eecu_hours)


def _take_up(app: Application, run_id: str) -> Run:
    """Take a run up again that has stopped, unless somebody else has done so meanwhile."""
    with _held(app, run_id) as lease:
        run = lease.store.runs.get(run_id)
        return retry_run(run, lease.store) if _has_stopped(run) else run


def _has_stopped(run: Run) -> bool:
    return run.state in (RunState.FAILED, RunState.CANCELLED) or run.needs_person


def submit(
    app: Application,
    job: Job,
    *,
    again: bool = False,
    overwrite: bool = False,
    priority: int | None = None,
    busy: Busy = unwatched,
) -> Run:
    """
    Return the run of a job for today, for the daemon to carry; a run it has already is left as it is.

    Raises:
        UserError: The job cannot be done as declared, or the daemon of this state works on another service alone.
    """
    check_served(app, job.service)
    today, (job,) = app.clock.now().date(), pinned(app, [job], app.stop)
    declaration, job = job.declaration(), job.dated(today)
    with busy(f"planning {job.base_name}"):
        app.product(job).check(job)
    check_output(app, job, declaration, overwrite=overwrite)
    known = app.store.runs.find(job.fingerprints())
    again = again or _is_partial(known) or _result_is_gone(app, known, busy)
    return _admit(app, job, today, declaration, again=again, overwrite=overwrite, priority=priority)


def _admit(
    app: Application,
    job: Job,
    today: date,
    declaration: str,
    *,
    again: bool,
    overwrite: bool,
    priority: int | None,
) -> Run:
    run = admit(
        app.store,
        job.base_name,
        job,
        today,
        declaration=declaration,
        installation=app.owner,
        again=again,
        overwrite=overwrite,
        priority=priority or 0,
    )
    if priority is not None and run.priority != priority:
        app.store.runs.prioritise(run.id, priority)
        run = app.store.runs.get(run.id)
    return run


def carry(app: Application, run: Run, progress: Progress) -> Run:
    """
    Work on a run under its lock until it has ended or waits for a person; `progress` is told how far it is.

    Raises:
        LockedError: Another process works on it.
        Stopped: The process was asked to stop; the same command continues.
    """
    with _held(app, run.id), log.correlated(run=run.id, job=run.job_name):
        return app.execution(run, progress).follow()


@contextmanager
def _held(app: Application, run_id: str) -> Iterator[Lease]:
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(app.lock(run_id))
        except LockedError as error:
            raise LockedError(f"{error}; `orchestrator watch {run_id}` follows it") from None
        yield lease


def check_output(app: Application, job: Job, declaration: str, *, overwrite: bool) -> None:
    """Refuse to begin where another installation is at work, or where a file lies that this job did not make."""
    product = find_product(job.product)
    files, whose = product.files(job), partial(product.whose, job)
    who = Claimant(
        declaration,
        job.fingerprints(),
        job.base_name,
        overwrite=overwrite,
        product=job.product,
        whose=whose,
        final=str(files[-1]),
    )
    check_free(files[-1], who, app.owner, app.store)
    check_owner(files, who, app.store)
    if job.deliver:
        with app.lent_place(job.deliver) as place:
            place.check_access()
            check_place(place, objects_there(place, names_in(job, files)), who, app.store)


def _is_partial(done: Run | None) -> bool:
    """Tell whether a result was published from which something is missing: another run asks for that."""
    return done is not None and done.state is RunState.CLEANED and bool(json.loads(done.result).get("missing"))


def _result_is_gone(app: Application, done: Run | None, busy: Busy) -> bool:
    """Tell whether the job was done once, or cancelled when it was, and its result is not there any more, whole."""
    if done is None or done.state not in RUN_FINAL:
        return False
    if done.state is not RunState.CLEANED and done.resume is not RunState.PUBLISHED:
        return False
    result = Result.from_json(done.result)
    if result.place:
        with busy(f"looking for {result.address_of(result.main)}"), app.lent_place(result.place) as place:
            return bool(lacking_at(place, result))
    main = result.main
    with busy(f"comparing {main.path.name} with its checksum"):
        return not (is_file(main, app.stop) and find_product(done.product).whole(Job.from_json(done.job)))
