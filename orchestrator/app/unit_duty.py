"""What a process does of a run that another one holds: single units, given the claim alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from orchestrator.app.application import Application
from orchestrator.app.elsewhere import check_here
from orchestrator.app.scheduled import check_code
from orchestrator.core.files import make_folder
from orchestrator.engine.kept_pieces import (
    KeptPieces,
    NotYetSharedError,
    PieceKeeper,
    UnsharedError,
    pieces_of,
)
from orchestrator.engine.output import folder_of, snapshot_of
from orchestrator.engine.steps import StepRunner, UnitContext
from orchestrator.engine.stores.records import Run
from orchestrator.engine.worker import Duty
from orchestrator.model.job import Job
from orchestrator.model.product import Product, Shareable, Stripping
from orchestrator.model.states import RunState


class UnitDuties:
    """See `engine.worker.Duties`; may be used from several threads."""

    def __init__(self, app: Application, worker: str = "") -> None:
        """Take the process's application; `worker` is written into events, where it is named."""
        self._app, self._worker = app, worker
        app.names_state = False
        self._made: dict[str, tuple[int, Duty]] = {}
        self._lock = threading.Lock()

    def of(self, run_id: str, fence: int) -> Duty:
        with self._lock:
            made = self._made.get(run_id)
            if made is not None and made[0] == fence:
                return made[1]
            if made is not None:
                del self._made[run_id]
                made[1].close()
            duty = self._new(run_id, fence)
            self._made[run_id] = fence, duty
            return duty

    def keep(self, run_ids: frozenset[str]) -> None:
        with self._lock:
            for run_id in self._made.keys() - run_ids:
                self._made.pop(run_id)[1].close()

    def _new(self, run_id: str, fence: int) -> Duty:
        app = self._app
        run = app.store.runs.get(run_id)
        if run.state is not RunState.EXPORTING:
            raise NotYetSharedError(f"run {run_id} is {run.state}: it has no units to do now")
        job = Job.from_json(run.job)
        check_here(run_id, job, app.settings, app.stop, add="--sandbox-url URL, or set `url` under [ee]")
        check_code(app, job)
        product = app.product(job)
        if not isinstance(product, Shareable):
            raise UnsharedError(f"units of a {product.name} are done by the process that holds the run alone")
        with ExitStack() as closing:
            closing.callback(product.close)
            kept = self._kept(run, job, product, closing)
            kept.check(fence)
            context = self._context(run, product, product.shared, kept)
            check = partial(context.process.marks.check, [context.folder])
            kinds = context.shared & context.steps.keys()
            return Duty(kinds, StepRunner(context, app.stop), check, closing.pop_all().close)

    def _kept(self, run: Run, job: Job, product: Product, closing: ExitStack) -> PieceKeeper:
        """Return where pieces of the run go; of one that shares no folder this process has one of its own."""
        folder, snapshot = folder_of(run), snapshot_of(run)
        if not isinstance(product, Stripping) or not product.kept_at(snapshot):
            return KeptPieces(folder)
        place = self._app.place(job.deliver)
        closing.callback(place.close)
        make_folder(folder)
        return pieces_of(product, snapshot, folder, place, self._app.stop)

    def _context(self, run: Run, product: Product, shared: frozenset[str], kept: PieceKeeper) -> UnitContext:
        app, snapshot, folder = self._app, snapshot_of(run), folder_of(run)

        def record(name: str, facts: Mapping[str, Any]) -> None:
            told = {**facts, "worker": self._worker} if self._worker else dict(facts)
            app.store.events.record(run.id, name, told)
            app.notify(name, run.id, told)

        return UnitContext(
            snapshot,
            product.steps(snapshot),
            app.store.units,
            app.process_context(),
            folder,
            folder / product.name,
            record,
            kept=kept,
            shared=shared,
        )
