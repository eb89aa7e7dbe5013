"""What a run does until its result can be finished: batch exports and units, whose pieces go into its sink."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

from orchestrator.engine.batch.exports import Cost, Cut, Exports, Refit
from orchestrator.engine.batch.feedback import kind_of
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.batch.work import BatchWork
from orchestrator.engine.context import RunContext
from orchestrator.engine.kept_pieces import pieces_of
from orchestrator.engine.manifests import keep_manifest
from orchestrator.engine.output import RunOutput, snapshot_of
from orchestrator.engine.placing import Placing
from orchestrator.engine.runner import UnitWork
from orchestrator.engine.steps import UnitContext
from orchestrator.engine.stores.records import Run
from orchestrator.engine.work import Work, carry_all
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.product import Shareable, Step, Stripping


@dataclass(frozen=True, slots=True)
class Exporting:
    """
    The work of one run. Used by the run's own thread.

    Attributes:
        context: Of the run.
        output: Where its pieces go.
        watch: The list of the service's operations.
        cut: See `engine.batch.exports.Exports`.
        refit: Likewise.
        cost: Returns what a job may cost, as is published of its kind.
    """

    context: RunContext
    output: RunOutput
    watch: OperationsWatch
    cut: Cut
    refit: Refit
    cost: Cost

    def carry(self, run: Run) -> None:
        """Do all of it; errors as `engine.work.carry_all`."""
        context = self.context
        context.folders[:] = self.output.folders(run)
        context.process.marks.check(context.folders)
        context.progress.count(context.store.parts.tally(run.id), context.store.tasks.of(run.id))
        sink = self.output.open(run)
        with (
            nullcontext() if sink is None else Placing(sink, context.process.stop, check=context.check_lease) as placing
        ):
            carry_all(self.works(run, placing), context.wake, context.obey)

    def works(self, run: Run, placing: Placing | None) -> list[Work]:
        """Return what is to be done; `placing` is the run's sink, where it has one."""
        context, product, snapshot = self.context, self.context.clients.product, snapshot_of(run)
        works: list[Work] = []
        if placing is not None and (plan := product.exports(snapshot)) is not None:
            if context.store.tasks.of(run.id):
                context.check_lease()
                context.check_prefix()
                keep_manifest(run, plan, context)
            works.append(self._batch(run, plan, placing))
        if steps := product.steps(snapshot):
            works.append(self._units(run, steps, placing))
        return works

    def _units(self, run: Run, steps: Mapping[str, Step], placing: Placing | None) -> UnitWork:
        context, product, snapshot = self.context, self.context.clients.product, snapshot_of(run)
        folder = self.output.folders(run)[0]
        units = UnitContext(
            snapshot,
            steps,
            context.store.units,
            context.process,
            folder,
            self.output.sink_folder(run),
            context.record,
            context.progress,
            placer=placing,
            shared=product.shared if isinstance(product, Shareable) else frozenset(),
            pieces=pieces_of(product, snapshot, folder, context.clients.place, context.process.stop),
            fence=context.store.leases.at(run.id).fence,
            wake=context.wake,
        )
        return UnitWork(units, context.process.executor)

    def _batch(self, run: Run, plan: Plan, placing: Placing) -> BatchWork:
        job = Job.from_json(run.job)
        product, snapshot = self.context.clients.product, snapshot_of(run)
        exports = Exports(
            plan,
            run.image,
            kind_of(job, plan),
            self.cut,
            self.refit if job.split == "blocks" else None,
            instead=lambda window: product.instead(snapshot, window),
            rate=self.cost(job, plan),
            max_eecu_hours=job.max_eecu_hours,
        )
        strips = product.strips(snapshot) if isinstance(product, Stripping) else ()
        return BatchWork(self.context, exports, placing, self.watch, self.output.parts_folder(run), strips)
