"""The one place where concrete parts are joined: settings in, a running service out."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator import __version__
from orchestrator.config import Settings
from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import AreaError, ConfigError, PermanentError, PlanError, RecipeError, UserError
from orchestrator.core.files import exclusive, write_whole
from orchestrator.core.retry import RetryPolicy
from orchestrator.core.units import format_bytes
from orchestrator.engine.execution import Execution
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import final_path
from orchestrator.engine.setting import Hands, Patience, Surroundings
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.watch import OperationsWatch
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import Prepared
from orchestrator.recipes.contract import ImageRequest, Recipe
from orchestrator.recipes.registry import find_recipe

if TYPE_CHECKING:
    from orchestrator.clients.earthengine import EarthEngine
    from orchestrator.plan.area import Area

# The heavy rooms (geopandas, Earth Engine, rasterio) are imported where they are used: `status` must answer at once.

Notify = Callable[[str, str, Mapping[str, Any]], None]


def _silent(_name: str, _run: str, _facts: Mapping[str, Any]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class LocalPlan:
    """What can be settled without asking anybody."""

    plan: Plan
    recipe: Recipe
    request: ImageRequest
    area: Area


class JobPlanner:
    """The engine's `Planner`: area, grid, split, image, scenes."""

    def __init__(self, settings: Settings, engine: Callable[[], EarthEngine], threads: int) -> None:
        self._settings = settings
        self._engine = engine
        self._threads = threads

    def local(self, job: Job) -> LocalPlan:
        """Plan without any remote call. `job` has settled dates."""
        from orchestrator.plan.align import ee_region  # noqa: PLC0415
        from orchestrator.plan.plan import GridRequest, SplitRequest, make_plan  # noqa: PLC0415

        check_output(job)
        recipe = find_recipe(job.recipe)
        start, end = job.dates(date.min)
        bare = ImageRequest({}, start, end, job.bands, job.params)
        pixels = recipe.pixels(bare)
        area = _read_area(job)
        plan = make_plan(
            area,
            pixels,
            GridRequest(job.grid.scale, job.grid.crs or None, job.grid.crs_transform),
            SplitRequest(
                max_part_bytes=job.max_part_bytes,
                mode="square" if job.split == "square" else "blocks",
                cloud_optimized=self._settings.ee.cloud_optimized,
            ),
            all_touched=job.options.all_touched,
            workers=max(self._threads, self._settings.transfer.downloads),
        )
        return LocalPlan(plan, recipe, replace(bare, region=ee_region(area.geometry, area.crs)), area)

    def prepare(self, job: Job) -> Prepared:
        """See `ports.Planner`."""
        from orchestrator.clients.earthengine import serialise  # noqa: PLC0415

        local = self.local(job)
        check_space(job, local.plan)
        engine = self._engine()
        image = local.recipe.image(local.request)
        scenes = self._look(engine, local, image)
        facts = local.recipe.facts(local.request) | {"scenes": scenes, "area_sha256": local.area.sha256}
        return Prepared(local.plan, serialise(image), facts)

    def _look(self, engine: EarthEngine, local: LocalPlan, image: Any) -> list[dict[str, Any]]:
        """Ask for the number of scenes at each filter and for the image's bands, in one call each."""
        import ee  # noqa: PLC0415

        survey = local.recipe.survey(local.request)
        counts = engine.value(ee.List([number for _, number in survey])) if survey else []
        scenes = [{"filter": name, "scenes": count} for (name, _), count in zip(survey, counts, strict=True)]
        if scenes and scenes[-1]["scenes"] == 0:
            steps = "; ".join(f"{step['scenes']} {step['filter']}" for step in scenes)
            raise RecipeError(f"no scene is left: {steps}. Widen the dates, or loosen the filter that took the last")
        try:
            bands = engine.value(image.bandNames())
        except PermanentError as error:
            raise RecipeError(f"the image cannot be computed: {error}") from None
        wanted = list(local.plan.pixels.bands)
        if bands != wanted:
            raise RecipeError(f"the image has bands {', '.join(bands)}, but {', '.join(wanted)} were asked for")
        return scenes


def _read_areas(job: Job) -> tuple[Area, ...]:
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415

    area = job.area
    return read_areas(
        area.source,
        layer=area.layer or None,
        crs=area.crs or None,
        where=area.where or None,
        split_by=area.each or None,
    )


def _read_area(job: Job) -> Area:
    """Return the job's one area, and make sure that it is the one the job was declared with."""
    areas = _read_areas(job)
    area = next((a for a in areas if a.name == job.area.piece), None) if job.area.piece else areas[0]
    if area is None or job.pins.get("area", area.sha256) != area.sha256:
        raise AreaError(f"{job.area.source} has changed since the job was declared; start the job anew")
    return area


def expand(job: Job) -> list[Job]:
    """
    Return one job per area, with the checksums of all files they speak of: what is run is what was declared.

    One job makes one output, unless `area.each` names a column; then each of its values makes one.
    """
    areas = _read_areas(job)
    recipe = find_recipe(job.recipe)
    code = recipe.pins(ImageRequest({}, date.min, date.min, job.bands, job.params))
    pins = MappingProxyType({"area": areas[0].sha256, **code})
    if not job.area.each:
        return [replace(job, pins=pins)]
    return [
        replace(job, pins=pins, area=replace(job.area, piece=area.name), base_name=f"{job.base_name}_{area.name}")
        for area in areas
    ]


def check_output(job: Job) -> None:
    """
    Make sure that the output folder can be written, making it where it is missing.

    Raises:
        UserError: It cannot be.
    """
    folder = Path(job.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".orchestrator-probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"output folder {folder} cannot be written: {error.strerror}; choose another --output"
        ) from None
    if final_path(job).is_dir():
        raise UserError(f"{final_path(job)} is a folder; choose another --base-name")


def check_space(job: Job, plan: Plan) -> None:
    """
    Refuse a run whose result alone, at its raw size inside the area, would not fit.

    Raises:
        UserError: The disk has less room than that.
    """
    free = shutil.disk_usage(job.output).free
    least = plan.area_pixels * plan.pixels.bytes_per_pixel // 4
    if free < least:
        raise UserError(
            f"{job.output} has {format_bytes(free)} free; the result needs at least {format_bytes(least)} even if it "
            "compresses to a quarter. Free some space or choose another --output"
        )


class Application:
    """Everything of one process, made when first needed."""

    def __init__(
        self, settings: Settings, *, stop: threading.Event, notify: Notify = _silent, config_dir: Path | None = None
    ) -> None:
        self.settings = settings
        self.config_dir = config_dir or Path.cwd()  # what relative paths of jobs in config.toml count from
        self.stop = stop
        self.notify = notify
        self.clock = SystemClock()
        self._joining = threading.Lock()
        self._watches: dict[str, OperationsWatch] = {}

    # ----------------------------------------------------------------- local

    @cached_property
    def store(self) -> Store:
        self.settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SqlStore(f"sqlite:///{self.settings.state_dir / 'state.db'}", self.clock)

    @cached_property
    def owner(self) -> str:
        """The name of this installation in object names, drawn once."""
        path = self.settings.state_dir / "owner"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, secrets.token_hex(4).encode())
        return path.read_text(encoding="ascii").strip()

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        """Hold a run for this process."""
        return exclusive(self.settings.state_dir / "locks" / run_id, f"run {run_id}")

    def planner(self) -> JobPlanner:
        return JobPlanner(self.settings, self.earth_engine, self.threads)

    @property
    def threads(self) -> int:
        return self.settings.assemble.threads or os.cpu_count() or 1

    @property
    def policy(self) -> RetryPolicy:
        retry = self.settings.retry
        return RetryPolicy(retry.attempts, retry.first_wait, retry.max_wait)

    # ---------------------------------------------------------------- clouds

    def credentials(self) -> Any:
        from orchestrator.clients.credentials import credentials_for  # noqa: PLC0415

        given = self.settings.credentials
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
            )

    def check_service(self) -> None:
        """
        Make sure that a service is named.

        Raises:
            ConfigError: Neither a project nor a sandbox is.
        """
        if not self.settings.ee.project:
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
        return connect_gcs(gcs.url or None, self.settings.ee.project, self.credentials(), gcs.bucket, transfers)

    def drive(self) -> Any:
        """Return the Drive folder's client."""
        from orchestrator.clients.drive import connect_drive  # noqa: PLC0415

        drive = self.settings.drive
        return connect_drive(drive.url or None, self.credentials(), drive.folder, self.settings.transfer.downloads)

    # ------------------------------------------------------------------ runs

    def hands(self, job: Job) -> Hands:
        """Return what a run of `job` works with."""
        from orchestrator.assemble.quicklook import Quicklook  # noqa: PLC0415
        from orchestrator.routes.drive_export import drive_export  # noqa: PLC0415
        from orchestrator.routes.gcs_export import gcs_export  # noqa: PLC0415
        from orchestrator.transfer.download import Patience as DownloadPatience  # noqa: PLC0415
        from orchestrator.transfer.store import CheckedStore  # noqa: PLC0415

        ee = self.settings.ee
        options: dict[str, Any] = {"cloud_optimized": ee.cloud_optimized}
        options |= {"priority": ee.priority} if ee.priority >= 0 else {}
        cloud = self.bucket() if job.route == "gcs" else self.drive()
        objects = CheckedStore(cloud, DownloadPatience(retry=self.policy), self.stop)
        engine = self.earth_engine()
        if job.route == "gcs":
            route = gcs_export(engine, objects, self.settings.gcs.bucket, **options)
        else:
            route = drive_export(engine, objects, self.settings.drive.folder, **options)
        return Hands(self.planner(), route, _assembler(), Quicklook(), self.threads, __version__)

    def execution(self, run: Run, progress: Progress | None = None) -> Execution:
        """Return the execution of a run, ready to work."""
        job = Job.from_json(run.job)
        if job.service != self.settings.service:
            raise ConfigError(
                f"run {run.id} was begun on {job.service}, but the settings name {self.settings.service}; "
                "a run is never continued elsewhere"
            )
        hands = self.hands(job)
        return Execution(
            run.id,
            store=self.store,
            hands=hands,
            around=self._surroundings(),
            watch=self._watch(hands),
            cut=_cut,
            refit=self._refit,
            progress=progress,
        )

    def _surroundings(self) -> Surroundings:
        work = self.settings.local.work_dir
        return Surroundings(
            owner=self.owner,
            prefix=self.settings.gcs.prefix.strip("/"),
            work_dir=Path(work).expanduser().resolve() if work else None,
            keep_parts=self.settings.local.keep_parts,
            patience=self._patience(),
            clock=self.clock,
            stop=self.stop,
            notify=self.notify,
        )

    def _patience(self) -> Patience:
        ee, retry = self.settings.ee, self.settings.retry
        return Patience(
            live_tasks=ee.live_tasks,
            bucket_bytes=self.settings.gcs.max_bytes,
            downloads=self.settings.transfer.downloads,
            poll_min_seconds=ee.poll_min,
            poll_max_seconds=ee.poll_max,
            repost_seconds=retry.repost,
            burnt_seconds=retry.burnt,
            collect_seconds=retry.collect,
            max_attempts=retry.task_attempts,
            cool_down_seconds=retry.cool_down,
            hold_seconds=retry.hold,
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

    def _watch(self, hands: Hands) -> OperationsWatch:
        """One list of operations serves every run of the process, whatever its route."""
        ee = self.settings.ee
        with self._joining:
            if "one" not in self._watches:
                self._watches["one"] = OperationsWatch(hands.route.operations, self.clock, ee.poll_min, ee.poll_max)
            return self._watches["one"]


def _assembler() -> Any:
    from orchestrator.assemble.mosaic import BlockAssembler  # noqa: PLC0415

    return BlockAssembler()


def _cut(task: TaskPlan) -> tuple[TaskPlan, TaskPlan] | None:
    from orchestrator.plan.split import cut  # noqa: PLC0415

    try:
        return cut(task)
    except PlanError:
        return None
