"""Settings in, a running service out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import __version__
from orchestrator.app.connections import Connections
from orchestrator.app.costs import eecu_limits, published_cost
from orchestrator.app.elsewhere import asks_earth_engine, check_here
from orchestrator.app.executors import unit_executor
from orchestrator.app.imagery import EarthEngineImagery, scene_search
from orchestrator.app.planner import cut_task
from orchestrator.app.workers import workers_of
from orchestrator.core.machine import processors
from orchestrator.engine.batch.accounts import Accounts
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import Backoff, Clients, ProcessContext, unleased
from orchestrator.engine.execution import Execution
from orchestrator.engine.executors import UnitExecutor
from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.leases import Lease
from orchestrator.engine.progress import Progress
from orchestrator.engine.space import DiskMarks
from orchestrator.engine.stores.records import Run
from orchestrator.model.batch import Operation
from orchestrator.model.job import Job
from orchestrator.model.places import ObjectPlace
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.product import Product
from orchestrator.products.context import ProductContext
from orchestrator.products.registry import EARTH_ENGINE, find_product
from orchestrator.recipes.registry import UNDATED, find_recipe

# Smaller mosaics are made sooner by one machine than several agree on it.
STRIP_PIXELS = 1 << 28

if TYPE_CHECKING:
    from orchestrator.products.chips.product import ChipProduct
    from orchestrator.products.mosaic.product import MosaicProduct


def _unheard(_what: str) -> None:
    pass


class Application(Connections):
    """Everything of one process, made when first needed."""

    @cached_property
    def interrupts(self) -> Interrupts:
        """Where runs of this process are asked to make way."""
        return Interrupts()

    @cached_property
    def _watches(self) -> dict[str, OperationsWatch]:
        """By service; read with `_joining` held."""
        return {}

    def product(self, job: Job, say: Callable[[str], None] = _unheard) -> Product:
        """
        Return the product for one run of `job`; `say` is told what it does while it plans.

        Raises:
            UserError: There is none of that name.
        """
        module, function = find_product(job.product).make.split(":")
        made: Product = getattr(import_module(module), function)(self.product_context(job.route, say))
        return made

    def planner(self, route: str) -> MosaicProduct:
        """Return what shows the plan of a mosaic that comes by `route`."""
        from orchestrator.products.mosaic.product import make  # noqa: PLC0415

        return make(self.product_context(route))

    def chip_planner(self, route: str) -> ChipProduct:
        """Return what shows the plan of chips that come by `route`."""
        from orchestrator.products.chips.product import make_chips  # noqa: PLC0415

        return make_chips(self.product_context(route))

    def product_context(self, route: str, say: Callable[[str], None] = _unheard) -> ProductContext:
        """Return what a product whose pixels come by `route` is planned and made with."""
        return ProductContext(
            imagery=EarthEngineImagery(self.earth_engine),
            recipe=find_recipe,
            today=lambda: self.clock.now().date(),
            say=say,
            cloud_optimized=self.settings.ee.cloud_optimized,
            downloads=self.settings.transfer.downloads,
            threads=self.threads,
            version=__version__,
            undated=UNDATED,
            batch=bool(self.settings.gcs.bucket),
            direct_limits=self.direct_limits(route),
            direct=lambda: self.direct_route(route),
            policy=self.policy,
            tables=self.table_route,
            scenes=scene_search(self.earth_engine, say),
            files=lambda: self.copernicus.route(say),
            strips=self._strips,
            parts=self.parts_of(route),
            place=self.folder_place,
            bucket=self.place,
            stop=self.stop,
        )

    def _strips(self, pixels: int) -> int:
        """Return in how many strips an output of so many pixels is made."""
        asked = self.settings.assemble.strips
        if asked != "auto":
            return asked
        if pixels < STRIP_PIXELS:
            return 0
        return 2 * sum(worker.is_fresh and not worker.draining for worker in workers_of(self))

    @property
    def threads(self) -> int:
        return self.settings.assemble.threads or processors()

    # ------------------------------------------------------------------ runs

    def clients(self, job: Job, say: Callable[[str], None] = _unheard) -> Clients:
        """Return what a run of `job` works with; `say` is told what its planner does."""
        from orchestrator.routes.registry import batch_route  # noqa: PLC0415

        if not asks_earth_engine(job):
            route = batch_route(job.route, self._services(self.earth_engine, job.route))
            return Clients(self.product(job, say), route, tuple, place=self._place_of(job))
        engine = cache(self.earth_engine)  # one for the route and the list; asked for once the settings are known good
        route = batch_route(job.route, self._services(engine, job.route))
        return Clients(self.product(job, say), route, engine().operations, engine().slots, self._place_of(job))

    def _place_of(self, job: Job) -> ObjectPlace | None:
        return self.place(job.deliver) if job.deliver else None

    @contextmanager
    def lent_clients(self, job: Job) -> Iterator[Clients]:
        """Lend what a run of `job` works with; its connections are closed at the end of the block."""
        clients = self.clients(job)
        try:
            yield clients
        finally:
            clients.close()

    def execution(self, run: Run, progress: Progress | None = None, lease: Lease | None = None) -> Execution:
        """Return the execution of a run that this process holds, ready to work; `lease` is what `lock` gave."""
        lease = lease or self.leases.held(run.id)
        job = Job.from_json(run.job)
        check_here(run.id, job, self.settings, self.stop)
        progress, entry = progress or Progress(), find_product(job.product)
        progress.call(entry.units, entry.doing, entry.counted)
        clients = self.clients(job, lambda what: progress.set(detail=what))
        return Execution(
            run.id,
            store=lease.store if lease else self.store,
            clients=clients,
            process=self.process_context(),
            watch=self._watch(find_product(job.product).service, clients),
            cut=cut_task,
            refit=self.refit,
            progress=progress,
            check_lease=lease.check if lease else unleased,
            check_prefix=self.prefix_check(clients.route) if lease else unleased,
            leave_prefix=lambda: self.leave_prefix(but=run.id),
            cost=published_cost,
        )

    def process_context(self) -> ProcessContext:
        """Return what every run of this process shares."""
        work = self.settings.local.work_dir
        return ProcessContext(
            owner=self.owner,
            work_dir=Path(work).expanduser().resolve() if work else None,
            keep_parts=self.settings.local.keep_parts,
            downloads=self.settings.transfer.downloads,
            requests=self.settings.pixels.at_once,
            backoff=self.backoff,
            limits=self.limits,
            transfers=self.transfers,
            marks=DiskMarks(self.settings.limits.disk_stop, self.settings.limits.disk_resume),
            clock=self.clock,
            stop=self.stop,
            notify=self.notify,
            eecu=eecu_limits(self.settings),
            interrupts=self.interrupts,
            unit_lease_seconds=self.settings.engine.lease,
            executor=self.unit_executor,
        )

    @cached_property
    def unit_executor(self) -> UnitExecutor | None:
        """Who does the units of this process's runs that any process may do; None is threads of each run."""
        return unit_executor(self.settings, self.config_dir, lambda: self.store.units, self.clock)

    @property
    def backoff(self) -> Backoff:
        """How long is waited, and how often is tried, as the settings say."""
        ee, retry = self.settings.ee, self.settings.retry
        return Backoff(
            poll_min_seconds=ee.poll_min,
            poll_max_seconds=ee.poll_max,
            repost_seconds=retry.repost,
            burnt_seconds=retry.burnt,
            collect_seconds=retry.collect,
            max_attempts=retry.task_attempts,
            cool_down_seconds=retry.cool_down,
            hold_seconds=retry.hold,
            lag_seconds=retry.lag,
            unit_attempts=retry.attempts,
            unit_first_seconds=retry.first_wait,
            unit_longest_seconds=retry.max_wait,
        )

    def refit(self, task: TaskPlan, plan: Plan, heaviest: float | None) -> TaskPlan:
        """Return a task in the largest parts that fit; see `engine.batch.exports.Refit`."""
        from orchestrator.plan.refit import refit  # noqa: PLC0415

        return refit(
            task,
            plan.pixels,
            max_part_bytes=plan.max_part_bytes,
            cloud_optimized=self.settings.ee.cloud_optimized,
            heaviest_bytes_per_pixel=heaviest,
        )

    def _watch(self, service: str, clients: Clients) -> OperationsWatch:
        """One list of a service's operations serves every run of the process, whatever its route."""
        ee = self.settings.ee
        with self._joining:
            if service not in self._watches:
                self._watches[service] = OperationsWatch(
                    clients.list_operations,
                    self.clock,
                    ee.poll_min,
                    ee.poll_max,
                    seen=self._seen(service, clients),
                    heard=Accounts(self.store.usage, self.clock).hear,
                )
            return self._watches[service]

    def _seen(self, service: str, clients: Clients) -> Callable[[Sequence[Operation]], None]:
        """Return who is told each list: what others do counts, where there is a queue."""
        if service != EARTH_ENGINE:
            return lambda _operations: None
        return lambda operations: self.project.listed(operations, clients.slots)
