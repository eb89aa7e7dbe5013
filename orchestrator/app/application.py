"""Settings in, a running service out."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator import __version__
from orchestrator.app.copernicus import Copernicus
from orchestrator.app.costs import eecu_limits, published_cost
from orchestrator.app.elsewhere import asks_earth_engine, check_here
from orchestrator.app.imagery import EarthEngineImagery, scene_search
from orchestrator.app.planner import cut_task
from orchestrator.app.records import Records
from orchestrator.config import Settings
from orchestrator.core.errors import ConfigError
from orchestrator.core.files import write_once
from orchestrator.core.machine import processors
from orchestrator.core.retry import RetryPolicy
from orchestrator.engine.batch.accounts import Accounts
from orchestrator.engine.batch.project import Project
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import Backoff, Clients, ProcessContext, unleased
from orchestrator.engine.execution import Execution
from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.leases import Lease
from orchestrator.engine.limited_routes import LimitedRoute, LimitedTables
from orchestrator.engine.limits import Limits
from orchestrator.engine.prefix_owner import PrefixOwner
from orchestrator.engine.progress import Progress
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.space import DiskMarks
from orchestrator.engine.standing import DOWNLOADS, REQUESTS
from orchestrator.engine.stores.records import Run
from orchestrator.model.batch import BatchRoute, ListOperations, Operation
from orchestrator.model.direct import DirectLimits, DirectRoute
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.product import Product
from orchestrator.model.table import TableRoute
from orchestrator.products.context import ProductContext
from orchestrator.products.registry import DEFAULT, EARTH_ENGINE, find_product
from orchestrator.recipes.registry import UNDATED, find_recipe

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine
    from orchestrator.products.mosaic.product import MosaicProduct
    from orchestrator.routes.registry import Services

Notify = Callable[[str, str, Mapping[str, Any]], None]


def _silent(_name: str, _run: str, _facts: Mapping[str, Any]) -> None:
    pass


def _unheard(_what: str) -> None:
    pass


class Application(Records):
    """Everything of one process, made when first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        stop: threading.Event,
        notify: Notify = _silent,
        config_dir: Path | None = None,
        refused_jobs: Mapping[str, str] = MappingProxyType({}),
        beside: Application | None = None,
    ) -> None:
        """
        Take settings, a wish to end, and who is told events.

        `beside` is another of this process, with a wish of its own: the two share what they take of the project.
        """
        super().__init__(settings, refused_jobs=refused_jobs, config_dir=config_dir)
        self._beside = beside
        self.stop = stop
        self.notify = notify
        self.interrupts = Interrupts()
        self._joining = threading.Lock()
        self._watches: dict[str, OperationsWatch] = {}

    # ----------------------------------------------------------------- local

    @cached_property
    def owner(self) -> str:
        """The name of this installation in object names, drawn once."""
        return write_once(self.folder() / "owner", secrets.token_hex(4).encode()).decode("ascii").strip()

    def product(self, job: Job, say: Callable[[str], None] = _unheard) -> Product:
        """
        Return the product for one run of `job`; `say` is told what it does while it plans.

        Raises:
            UserError: There is none of that name.
        """
        module, function = find_product(job.product).make.split(":")
        made: Product = getattr(import_module(module), function)(self._product_context(job.route, say))
        return made

    def planner(self, route: str) -> MosaicProduct:
        """Return what shows the plan of a mosaic that comes by `route`."""
        from orchestrator.products.mosaic.product import make  # noqa: PLC0415

        return make(self._product_context(route, _unheard))

    def _product_context(self, route: str, say: Callable[[str], None]) -> ProductContext:
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
        )

    @property
    def threads(self) -> int:
        return self.settings.assemble.threads or processors()

    @property
    def policy(self) -> RetryPolicy:
        retry = self.settings.retry
        return RetryPolicy(retry.attempts, retry.first_wait, retry.max_wait)

    # ---------------------------------------------------------------- clouds

    def credentials(self) -> Any:
        from orchestrator.clients.credentials import credentials_for  # noqa: PLC0415

        given = self.settings.credentials.google
        return credentials_for(
            url=self.settings.ee.url or None,
            key_file=Path(given.key_file).expanduser() if given.key_file else None,
            impersonate=given.impersonate or None,
        )

    def earth_engine(self) -> EarthEngine:
        from orchestrator.clients.earthengine import EarthEngine  # noqa: PLC0415

        self.check_service()
        with self._joining:
            return EarthEngine(
                project=self.settings.ee.project,
                credentials=self.credentials(),
                url=self.settings.ee.url or None,
                stop=self.stop,
                policy=self.policy,
                heard=self._heard,
            )

    def _heard(self, quota_status: str | None) -> None:
        """Keep what an answer says of the quota, where there is a state: asking alone makes none."""
        opened = "store" in (self._beside or self).__dict__
        if opened or (quota_status is not None and self.has_state()):
            self.project.heard(quota_status)

    def check_service(self, product: str = DEFAULT) -> None:
        """
        Make sure that the service that a product asks is named.

        Raises:
            ConfigError: It asks Earth Engine, and neither a project nor a sandbox is named.
        """
        if find_product(product).service == EARTH_ENGINE and not self.settings.ee.project:
            raise ConfigError(
                "no Earth Engine project is named: set `project` under [ee] in config.toml, or "
                "ORCHESTRATOR_EE__PROJECT, or add --sandbox to try without an account"
            )

    def bucket(self) -> Any:
        """Return the bucket's client."""
        from orchestrator.clients.gcs import connect_gcs  # noqa: PLC0415

        gcs = self.settings.gcs
        if not gcs.bucket:
            raise ConfigError(
                "no bucket is named: give --bucket, set `bucket` under [gcs] in config.toml, or use --route drive"
            )
        transfers = self.settings.transfer.downloads
        project, url = self.settings.ee.project, gcs.url or None
        return connect_gcs(url, project, self.credentials(), gcs.bucket, transfers, self.stop)

    def drive(self) -> Any:
        """Return the Drive folder's client."""
        from orchestrator.clients.drive import connect_drive  # noqa: PLC0415

        drive = self.settings.drive
        transfers = self.settings.transfer.downloads
        return connect_drive(drive.url or None, self.credentials(), drive.folder, transfers, self.stop)

    @cached_property
    def copernicus(self) -> Copernicus:
        """What every run of this process shares of Copernicus."""
        if self._beside is not None:
            return self._beside.copernicus
        return Copernicus(self.settings, self.clock, self.policy, lambda: self.store.limits, self.scopes["copernicus"])

    # ------------------------------------------------------------------ runs

    def clients(self, job: Job, say: Callable[[str], None] = _unheard) -> Clients:
        """Return what a run of `job` works with; `say` is told what its planner does."""
        from orchestrator.routes.registry import batch_route  # noqa: PLC0415

        if not asks_earth_engine(job):
            route = batch_route(job.route, self._services(self.earth_engine, job.route))
            return Clients(self.product(job, say), route, tuple)
        engine = cache(self.earth_engine)  # one for the route and the list; asked for once the settings are known good
        route = batch_route(job.route, self._services(engine, job.route))
        return Clients(self.product(job, say), route, engine().operations, engine().slots)

    @contextmanager
    def lent_route(self, name: str, owner: str) -> Iterator[tuple[BatchRoute, ListOperations]]:
        """Lend a batch route of no run, with the names of an installation, and the list of operations."""
        from orchestrator.routes.registry import batch_route  # noqa: PLC0415

        engine = cache(self.earth_engine)
        route = batch_route(name, self._services(engine, name, owner))
        try:
            yield route, lambda: engine().operations()
        finally:
            route.close()

    def _services(self, engine: Callable[[], EarthEngine], route: str, owner: str | None = None) -> Services:
        """Return what a route may be made of; a bucket or a Drive is connected when it is asked for."""
        from orchestrator.routes.export import ExportOptions  # noqa: PLC0415
        from orchestrator.routes.names import Naming  # noqa: PLC0415
        from orchestrator.routes.registry import Services  # noqa: PLC0415
        from orchestrator.transfer.download import DownloadPolicy  # noqa: PLC0415
        from orchestrator.transfer.store import CheckedStore  # noqa: PLC0415

        ee, gcs = self.settings.ee, self.settings.gcs
        how = DownloadPolicy(retry=self.policy)
        return Services(
            earth_engine=engine,
            bucket=lambda: CheckedStore(self.bucket(), how, self.stop),
            drive=lambda: CheckedStore(self.drive(), how, self.stop),
            bucket_name=gcs.bucket,
            folder_name=self.settings.drive.folder,
            naming=Naming(self.owner if owner is None else owner, gcs.prefix.strip("/")),
            options=ExportOptions(ee.cloud_optimized, ee.priority if ee.priority >= 0 else None),
            direct_limits=self.direct_limits(route),
            high_volume=self.settings.pixels.high_volume,
        )

    @contextmanager
    def lent_clients(self, job: Job) -> Iterator[Clients]:
        """Lend what a run of `job` works with; its connections are closed at the end of the block."""
        clients = self.clients(job)
        try:
            yield clients
        finally:
            clients.product.close()
            clients.route.close()

    def execution(self, run: Run, progress: Progress | None = None, lease: Lease | None = None) -> Execution:
        """Return the execution of a run that this process holds, ready to work; `lease` is what `lock` gave."""
        lease = lease or self.leases.held(run.id)
        job = Job.from_json(run.job)
        check_here(run.id, job, self.settings, self.stop)
        progress, entry = progress or Progress(), find_product(job.product)
        progress.call(entry.units, entry.doing, entry.counted)
        clients = self.clients(job, lambda what: progress.set(detail=what))
        in_bucket = "/" in clients.route.manifest_name("")  # Drive has no condition by which one could own a name
        return Execution(
            run.id,
            store=lease.store if lease else self.store,
            clients=clients,
            process=self._process_context(),
            watch=self._watch(find_product(job.product).service, clients),
            cut=cut_task,
            refit=self._refit,
            progress=progress,
            check_lease=lease.check if lease else unleased,
            check_prefix=self.prefix_owner.check if lease and in_bucket else unleased,
            leave_prefix=lambda: self._leave_prefix(1),
            cost=published_cost,
        )

    @cached_property
    def prefix_owner(self) -> PrefixOwner:
        """Who works on this installation's objects in the bucket."""
        from orchestrator.routes.names import Naming  # noqa: PLC0415
        from orchestrator.transfer.store import CheckedStore  # noqa: PLC0415

        return PrefixOwner(
            lambda: CheckedStore(self.bucket(), stop=self.stop),
            Naming(self.owner, self.settings.gcs.prefix.strip("/")).owner_object,
            self.settings.state_dir / "prefix.json",
            self.clock,
            self.stop,
            lambda name, facts: self.notify(name, "", facts),
        )

    @contextmanager
    def lock(self, run_id: str) -> Iterator[Lease]:
        """As `Records.lock`; the last run that this process has gives its objects' prefix up, too."""
        try:
            with super().lock(run_id) as lease:
                yield lease
        finally:
            self._leave_prefix(0)

    def _leave_prefix(self, others: int) -> None:
        """Give the prefix up where this process has no more than so many runs."""
        if "prefix_owner" in self.__dict__ and self.leases.count <= others:
            self.prefix_owner.end()

    def _process_context(self) -> ProcessContext:
        work = self.settings.local.work_dir
        return ProcessContext(
            owner=self.owner,
            work_dir=Path(work).expanduser().resolve() if work else None,
            keep_parts=self.settings.local.keep_parts,
            downloads=self.settings.transfer.downloads,
            requests=self.settings.pixels.at_once,
            backoff=self._backoff(),
            limits=self.limits,
            transfers=self.transfers,
            marks=DiskMarks(self.settings.limits.disk_stop, self.settings.limits.disk_resume),
            clock=self.clock,
            stop=self.stop,
            notify=self.notify,
            eecu=eecu_limits(self.settings),
            interrupts=self.interrupts,
        )

    def direct_limits(self, route: str) -> DirectLimits:
        """Return what direct requests of a job may ask for, and what is taken of the project's share."""
        from orchestrator.routes import registry  # noqa: PLC0415

        pixels = self.settings.pixels
        return replace(registry.direct_limits(route), at_once=pixels.at_once, per_second=pixels.per_second)

    def direct_route(self, route: str) -> DirectRoute:
        """Return the direct route of a job; its requests wait for their turn among those of all runs here."""
        from orchestrator.routes.registry import DIRECT, direct_name  # noqa: PLC0415

        made = DIRECT[direct_name(route)].make(self._services(self.earth_engine, route))
        return LimitedRoute(made, self.request_limits)

    def table_route(self) -> TableRoute:
        """Return the way tables come; its requests wait for their turn, too."""
        from orchestrator.routes.registry import tables  # noqa: PLC0415

        return LimitedTables(tables(self._services(self.earth_engine, "")), self.request_limits)

    @cached_property
    def request_limits(self) -> RequestLimits:
        """What every run of every process of this state shares of the project's direct requests."""
        if self._beside is not None:
            return self._beside.request_limits
        pixels = self.settings.pixels
        return RequestLimits(
            REQUESTS + self.scopes["ee"], pixels.at_once, pixels.per_second, store=self.store.limits, clock=self.clock
        )

    @cached_property
    def limits(self) -> Limits:
        """What every run of every process of this state shares of the project."""
        if self._beside is not None:
            return self._beside.limits
        tasks, most, low = self.settings.ee.live_tasks, self.settings.gcs.max_bytes, self.settings.limits.bucket_resume
        return Limits(tasks, most, self.store.limits, self.clock, low_share=low, scope=self.scopes["ee"])

    @cached_property
    def transfers(self) -> RequestLimits:
        """Places of downloads, for every run of every process of this state."""
        if self._beside is not None:
            return self._beside.transfers
        places = self.settings.transfer.downloads
        return RequestLimits(
            DOWNLOADS + self.scopes["downloads"], places, float("inf"), store=self.store.limits, clock=self.clock
        )

    @cached_property
    def project(self) -> Project:
        """What is seen of the project, for every process."""
        return self._beside.project if self._beside else Project(self.store, self.clock, self.scopes["ee"])

    def _backoff(self) -> Backoff:
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

    def _refit(self, task: TaskPlan, plan: Plan, heaviest: float | None) -> TaskPlan:
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
