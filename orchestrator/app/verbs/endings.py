"""`retry`, `cancel`, `clean`: taking a run up again, ending one, and taking away what an ended one left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.app.finding import find_run
from orchestrator.app.records import Records
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.core.errors import NeedsPerson, OrchestratorError, TransientError, UserError
from orchestrator.core.locks import LockedError
from orchestrator.engine.leases import Lease
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head, Run
from orchestrator.model.eecu import HOUR, check_hours, format_hours
from orchestrator.model.job import check_share
from orchestrator.model.states import RUN_FINAL, RunState

if TYPE_CHECKING:
    from orchestrator.app.application import Application

# Joins the services that a run needs for the time of a block.
Opened = Callable[[], AbstractContextManager["Application"]]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """
    What became of a cancel request.

    Attributes:
        run: Its id.
        state: As it is now.
        elsewhere: Whether the process that works on the run was asked, and will end it.
    """

    run: str
    state: RunState
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class CleanReport:
    """
    What a clean-up of a run did.

    Attributes:
        run: Its id.
        deleted: Objects deleted now.
        absent: Objects of ours that were gone already.
        changed: Names of ours whose content somebody replaced: kept.
        foreign: Objects under our prefix that are not ours: kept.
    """

    run: str
    deleted: int
    absent: int
    changed: tuple[str, ...]
    foreign: tuple[str, ...]


def retry(
    app: Records,
    name: str,
    min_valid: float | None = None,
    *,
    accept_audit: bool = False,
    eecu_hours: float | None = None,
) -> Run:
    """
    Take a failed, cancelled or held run up again where it stopped; it is carried on by `run` or the daemon.

    Args:
        app: Where runs are remembered.
        name: What the run is called.
        min_valid: Publish it with this share of valid pixels, 0 to 1, or more; None leaves that as it is.
        accept_audit: Publish it whatever its audit finds.
        eecu_hours: What it may cost in all, EECU-hours, 0 for no limit; None leaves that as it is.

    Raises:
        UserError: There is no such run, or it is in no state to be retried.
        LockedError: Another process works on it.
    """
    from orchestrator.engine import publication  # noqa: PLC0415
    from orchestrator.engine.execution import retry_run  # noqa: PLC0415  who only looks does not need it

    run = find_run(app.store, name)
    with app.lock(run.id) as lease:
        store = lease.store
        if min_valid is not None:
            check_share(min_valid)
            publication.set_min_valid(store, run.id, min_valid)
        if accept_audit:
            publication.accept_audit(store, run.id)
        if eecu_hours is not None:
            _set_budget(store, run, eecu_hours)
        return retry_run(run, store)


def _set_budget(store: Store, run: Run, hours: float) -> None:
    """
    Let a run cost so much.

    Raises:
        UserError: That is no budget, or it has cost more already.
    """
    from orchestrator.engine.batch.budget import set_eecu_hours  # noqa: PLC0415

    check_hours(hours)
    used = store.usage.of([run.id]).get(run.id, 0.0)
    if 0 < hours * HOUR <= used:
        raise UserError(
            f"run {run.id} has cost {format_hours(used)} EECU-hours already, and {hours:g} are allowed in all; "
            "give more, or 0 for no limit"
        )
    set_eecu_hours(store, run.id, hours)


def cancel(app: Records, name: str, opened: Opened, busy: Busy = unwatched) -> Cancelled:
    """
    End a run: its tasks in Earth Engine are cancelled; what it left is kept until `clean`.

    `opened` is used only where no other process works on the run; one that does is asked to end it.

    Raises:
        UserError: There is no such run, it has ended, its result is there already, or it is another service's.
        NeedsPerson, TransientError: Half of its files have their names, and the others cannot get theirs; it is held.
    """
    run = find_run(app.store, name)
    check_cancellable(run)
    app.store.runs.request(run.id, "cancel")
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(app.lock(run.id))
        except LockedError:
            return Cancelled(run.id, app.store.runs.get(run.id).state, elsewhere=True)
        if lease.store.runs.head(run.id).state is RunState.ADMITTED:
            _end_unbegun(lease.store, run.id)
            return Cancelled(run.id, RunState.CANCELLED, elsewhere=False)
        _end(app, run, lease, opened, busy)
    run = app.store.runs.get(run.id)
    if run.state is RunState.HELD:
        kind = NeedsPerson if run.needs_person else TransientError
        raise kind(
            f"run {run.id} is not cancelled: some files of its result have their names already, so that it can only be "
            f"completed, and {run.reason}"
        )
    return Cancelled(run.id, run.state, elsewhere=False)


def _end(app: Records, run: Run, lease: Lease, opened: Opened, busy: Busy) -> None:
    """End a run that is held. A request that is refused is withdrawn: nobody shall find it later, and obey."""
    begun = False
    try:
        with opened() as joined, _leaving(joined, run):
            now = joined.store.runs.get(run.id)
            check_cancellable(now)
            execution = joined.execution(now, lease=lease)
            begun = True
            with closing(execution), busy("cancelling its tasks in Earth Engine"):
                execution.cancel()
    except OrchestratorError:
        if not begun:
            app.store.runs.request(run.id, run.request)
        raise


def _end_unbegun(store: Store, run_id: str) -> None:
    """End a run of which no service knows: none is asked, whichever it is for."""
    store.runs.set_state(run_id, RunState.CANCELLED, "cancelled by request")
    store.runs.request(run_id, "")
    store.events.record(run_id, "run.cancelled", {})


@contextmanager
def _leaving(joined: Application, run: Run) -> Iterator[None]:
    """Give up the prefix that was asked for to end a run, which somebody else holds for the time of the block."""
    try:
        yield
    finally:
        joined.leave_prefix(but=run.id)


def check_cancellable(run: Head) -> None:
    """
    Refuse to cancel what has ended.

    Raises:
        UserError: The run has ended, or its result is there already.
    """
    if run.state in RUN_FINAL:
        raise UserError(f"run {run.id} is {run.state} already; there is nothing to cancel")
    if run.state is RunState.PUBLISHED:
        raise UserError(
            f"run {run.id} has its result already, {json.loads(run.result)['path']}; there is nothing to cancel. "
            f"`orchestrator clean {run.id}` takes away what it left"
        )


def clean(app: Application, name: str, busy: Busy = unwatched) -> CleanReport:
    """
    Take away what an ended run left in the cloud and on disk; never its result, never what is not ours.

    Raises:
        UserError: There is no such run, or it has not ended.
        LockedError: Another process works on it.
    """
    run = find_run(app.store, name)
    with app.lock(run.id), busy("taking away what it left"):
        if run.state is RunState.PUBLISHED:  # its result is there: the clean-up is all that is left of it
            run = app.execution(run).work()
        cleaned = app.execution(run).sweep(run)
    return CleanReport(run.id, cleaned.deleted, cleaned.absent, cleaned.changed, cleaned.foreign)
