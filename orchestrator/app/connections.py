"""How each service is reached: clients, routes, and what every run of this state shares of them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.app.copernicus import Copernicus
from orchestrator.app.records import Records
from orchestrator.config import Settings
from orchestrator.core.errors import ConfigError
from orchestrator.core.files import write_once
from orchestrator.core.retry import RetryPolicy
from orchestrator.engine.batch.project import Project
from orchestrator.engine.context import unleased
from orchestrator.engine.leases import Lease
from orchestrator.engine.limited_routes import LimitedObjects, LimitedRoute, LimitedTables
from orchestrator.engine.limits import Limits
from orchestrator.engine.prefix_owner import PrefixOwner
from orchestrator.engine.prefix_words import FileWords, PrefixWords, StoreWords
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.standing import DOWNLOADS, REQUESTS
from orchestrator.model.address import BucketAddress
from orchestrator.model.batch import BatchRoute, ListOperations
from orchestrator.model.direct import DirectLimits, DirectRoute
from orchestrator.model.job import Job
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import ObjectStore
from orchestrator.model.table import TableRoute
from orchestrator.products.registry import DEFAULT, EARTH_ENGINE, find_product

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine
    from orchestrator.routes.registry import Services

Notify = Callable[[str, str, Mapping[str, Any]], None]


def silent(_name: str, _run: str, _facts: Mapping[str, Any]) -> None:
    """Tell nobody."""


class Connections(Records):
    """The services of one process, each connected when first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        stop: threading.Event,
        notify: Notify = silent,
        config_dir: Path | None = None,
        refused_jobs: Mapping[str, str] = MappingProxyType({}),
        beside: Connections | None = None,
    ) -> None:
        """
        Take settings, a wish to end, and who is told events.

        `beside` is another of this process, with a wish of its own: the two share what they take of the project.
        """
        super().__init__(settings, refused_jobs=refused_jobs, config_dir=config_dir)
        self._beside = beside
        self.stop = stop
        self.notify = notify
        self._joining = threading.Lock()
        self.names_state = True  # not who only does units of others' runs
        self._keeping = 0  # blocks that keep the prefix from one run to the next

    @cached_property
    def owner(self) -> str:
        """
        The name of this installation in object names, drawn once.

        Machines that share a server's database are one installation: the first of them gives it its name.
        """
        if known := self.store.installation.name() if self.has_state() else "":
            return known
        drawn = write_once(self.folder() / "owner", secrets.token_hex(4).encode()).decode("ascii").strip()
        return drawn if self.is_file or not self.names_state else self.store.installation.call(drawn)

    @property
    def policy(self) -> RetryPolicy:
        retry = self.settings.retry
        return RetryPolicy(retry.attempts, retry.first_wait, retry.max_wait)

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

    def place(self, address: str) -> ObjectPlace:
        """
        Return a place in a bucket; nothing is sent yet.

        Raises:
            UserError: There is no way to it, or what goes there is not installed.
        """
        where = BucketAddress.parse(address)
        if where.scheme == "s3":
            from orchestrator.clients.s3 import S3Connection, S3Objects  # noqa: PLC0415
            from orchestrator.places.s3 import S3Place  # noqa: PLC0415

            client = S3Objects(S3Connection(where.bucket))
            return S3Place(client, str(where), where.prefix, self.policy, self.stop)
        return self._bucket_place(where)

    def _bucket_place(self, where: BucketAddress) -> ObjectPlace:
        from orchestrator.clients.gcs import connect_gcs  # noqa: PLC0415
        from orchestrator.places.bucket import BucketPlace  # noqa: PLC0415

        transfers, url = self.settings.transfer.downloads, self.settings.gcs.url or None
        project, who = self.settings.ee.project or None, self.credentials()
        client = connect_gcs(url, project, who, where.bucket, transfers, self.stop)
        return BucketPlace(client, str(where), where.prefix, self.policy, self.stop)

    @contextmanager
    def lent_place(self, address: str) -> Iterator[ObjectPlace]:
        """Lend a place in a bucket; its connections are closed at the end of the block."""
        place = self.place(address)
        try:
            yield place
        finally:
            place.close()

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

    # ---------------------------------------------------------------- routes

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

    def parts_of(self, route: str) -> Callable[[], ObjectStore]:
        """Return what connects, once, to where exports by a route lie; downloads from there wait for their turn."""

        def connected() -> ObjectStore:
            services = self._services(self.earth_engine, route)
            return LimitedObjects((services.drive if route == "drive" else services.bucket)(), self.transfers)

        return cache(connected)

    def folder_place(self, folder: Path) -> ObjectPlace:
        """Return a folder as a place of objects."""
        from orchestrator.places.folder import FolderPlace  # noqa: PLC0415

        return FolderPlace(folder, self.stop)

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

    # --------------------------------------------------- what all runs share

    def close(self) -> None:
        """Give up what is shared with other processes, and let go of the database."""
        for name in ("request_limits", "transfers", "copernicus"):
            if self._beside is None and name in self.__dict__:
                getattr(self, name).close()
        super().close()

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

    def prefix_check(self, route: BatchRoute) -> Callable[[], None]:
        """Return what is asked before each effect by a route on what another copy of this state may work on."""
        # Drive has no condition by which one could own a name.
        return self.prefix_owner.check if "/" in route.manifest_name("") else unleased

    @cached_property
    def prefix_owner(self) -> PrefixOwner:
        """Who works on this installation's objects in the bucket."""
        from orchestrator.routes.names import Naming  # noqa: PLC0415
        from orchestrator.transfer.store import CheckedStore  # noqa: PLC0415

        return PrefixOwner(
            lambda: CheckedStore(self.bucket(), stop=self.stop),
            Naming(self.owner, self.settings.gcs.prefix.strip("/")).owner_object,
            self._prefix_words(),
            self.settings.state_dir,
            self.clock,
            self.stop,
            lambda name, facts: self.notify(name, "", facts),
        )

    def _prefix_words(self) -> PrefixWords:
        here = FileWords(self.settings.state_dir / "prefix.json")
        return here if self.is_file else StoreWords(self.store.installation, here)

    @contextmanager
    def lock(self, run_id: str) -> Iterator[Lease]:
        """As `Records.lock`; the last run that this process has gives its objects' prefix up, too."""
        try:
            with super().lock(run_id) as lease:
                yield lease
        finally:
            self.leave_prefix()

    @contextmanager
    def kept_prefix(self) -> Iterator[None]:
        """Keep the claim on the prefix, once it is made, for a block that holds one run after another."""
        with self._joining:
            self._keeping += 1
        try:
            yield
        finally:
            with self._joining:
                self._keeping -= 1
            self.leave_prefix()

    def leave_prefix(self, but: str = "") -> None:
        """Give the prefix up, unless a run other than `but` is worked on there by any process of this state."""
        if "prefix_owner" in self.__dict__ and not self._keeping and not self._has_other(but):
            self.prefix_owner.end(lambda: self.works_in_bucket(but))

    def works_in_bucket(self, but: str = "") -> bool:
        """Tell whether any process of this state has a run, other than `but`, whose objects lie in the bucket."""
        return self._has_other(but) or any(
            run_id != but and self.worker(run_id) and Job.from_json(self.store.runs.head(run_id).job).route != "drive"
            for run_id in self.store.leases.kept()
        )

    def _has_other(self, but: str) -> bool:
        return self.leases.count > bool(but and self.leases.held(but))
