"""`plan`: what a job would do, without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.costs import published_cost
from orchestrator.app.records import Records
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.core.errors import UserError
from orchestrator.engine.batch import budget
from orchestrator.model.eecu import HOUR, Forecast, forecast
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.states import RunState
from orchestrator.products.registry import DEFAULT

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.products.mosaic.settle import LocalPlan


@dataclass(frozen=True, slots=True)
class Earlier:
    """
    What the newest finished run of the same name took.

    Attributes:
        run: Its id.
        seconds: From its beginning to its end, waiting for a person or a machine included.
        eecu_seconds: What Earth Engine counted.
        parts: How many it had.
    """

    run: str
    seconds: float
    eecu_seconds: float
    parts: int


@dataclass(frozen=True, slots=True)
class PlanReport:
    """
    The plan of one job.

    Attributes:
        base_name: Of the result.
        plan: Grid, tasks, parts and what they need.
        notes: What a person should know: of the area and the grid, and of today's dates and disk.
        picture: Where the picture of it was written; None where none was.
        geojson: Where its parts were written; None where they were not.
        cost: What its pixels are forecast to cost; None where nothing is published of the recipe.
        cost_source: What the forecast rests on.
        tier_hours: What the project's tier gives a month, EECU-hours; 0 where that is not known.
    """

    base_name: str
    plan: Plan
    notes: tuple[str, ...]
    picture: Path | None = None
    geojson: Path | None = None
    cost: Forecast | None = None
    cost_source: str = ""
    tier_hours: float = 0.0

    @property
    def raw_bytes(self) -> int:
        """What the area's pixels weigh uncompressed."""
        return self.plan.area_pixels * self.plan.pixels.bytes_per_pixel

    def facts(self) -> dict[str, Any]:
        """Return all of it but the parts, as JSON can hold it."""
        made, grid = self.plan, self.plan.grid
        return {
            "base_name": self.base_name,
            "crs": grid.crs,
            "transform": list(grid.transform),
            "height": grid.height,
            "width": grid.width,
            "bands": list(made.pixels.bands),
            "dtype": made.pixels.dtype,
            "tasks": len(made.tasks),
            "parts": made.part_count,
            "part_height": made.tasks[0].part_height if made.tasks else 0,
            "part_width": made.tasks[0].part_width if made.tasks else 0,
            "requests": len(made.direct),
            "max_part_bytes": made.max_part_bytes,
            "area_pixels": made.area_pixels,
            "raw_bytes": self.raw_bytes,
            "bucket_bytes_at_most": made.bucket_bytes,
            "disk_bytes_at_most": made.disk_bytes,
            "memory_bytes": made.memory_bytes,
            "eecu_hours": budget.facts(self.cost),
            "eecu_source": self.cost_source,
            "tier_eecu_hours": self.tier_hours,
            "notes": list(self.notes),
            "picture": str(self.picture) if self.picture else "",
            "geojson": str(self.geojson) if self.geojson else "",
        }


def _mosaic(job: Job) -> Job:
    """
    Return a job of a mosaic.

    Raises:
        UserError: It is one of another product.
    """
    if job.product != DEFAULT:
        other = "; `orchestrator cube --dry-run` shows what it would take" if job.product == "cube" else ""
        raise UserError(f"`plan` shows a {DEFAULT}, and {job.base_name} is a {job.product}{other}")
    return job


def _placed(app: Application, job: Job, busy: Busy) -> Job:
    """
    Return a job with the folder that it is made in, where its result is delivered to a bucket.

    Raises:
        CredentialError: We may not write there.
    """
    placed = job.made_below(app.making_root)
    if placed.deliver:
        with busy(f"asking for our permissions at {placed.deliver}"), app.lent_place(placed.deliver) as place:
            place.check_access()
    return placed


def plan_job(app: Application, job: Job, busy: Busy = unwatched) -> PlanReport:
    """
    Plan a job for today.

    Raises:
        UserError: The job cannot be done as declared.
    """
    dated = _placed(app, _mosaic(job).dated(app.clock.now().date()), busy)
    with busy(f"planning {dated.base_name}"):
        local = app.planner(dated.route).local(dated)
    return _report(app, dated, local)


def _report(app: Application, job: Job, local: LocalPlan, **files: Path) -> PlanReport:
    """Return what a plan says, with what it is forecast to cost."""
    rate = published_cost(job, local.plan)
    windows = local.plan.windows
    cost = forecast(sum(window.pixels for window in windows), len(windows), (), rate)
    source = rate.source if rate else ""
    tier = app.settings.budget.tier_eecu_hours
    return PlanReport(job.base_name, local.plan, local.notes, cost=cost, cost_source=source, tier_hours=tier, **files)


def cost_words(cost: Forecast | None, source: str, tier_hours: float = 0.0) -> str:
    """Say what a plan is forecast to cost, and what share of the hours that the project's tier gives a month."""
    if cost is None:
        return "not known before its first tasks have ended: nothing is published of what this recipe costs"
    told = f"about {budget.words(cost)} EECU-hours, by {source}"
    if not tier_hours:
        return told
    low, high = (seconds / HOUR / tier_hours for seconds in (cost.low, cost.high))
    return f"{told}; {low:.2%} to {high:.2%} of the {tier_hours:,.0f} that the project's tier gives a month"


def find_earlier(app: Records, base_name: str) -> Earlier | None:
    """Return what the newest finished run of a base name took; None where there is none. Nothing is made by asking."""
    if not app.has_state():
        return None
    store = app.store
    done = next((head for head in store.runs.named(base_name) if head.state is RunState.CLEANED), None)
    if done is None:
        return None
    took = datetime.fromisoformat(done.updated) - datetime.fromisoformat(done.created)
    parts = sum(held.parts for held in store.parts.tally(done.id).values())
    return Earlier(done.id, took.total_seconds(), sum(task.eecu_seconds for task in store.tasks.of(done.id)), parts)


def plan_to_files(
    app: Application, job: Job, busy: Busy = unwatched, *, picture: Path | None = None, geojson: Path | None = None
) -> PlanReport:
    """
    Plan a job for today, and write a picture of the plan and a GeoJSON of its parts.

    By default they are called NAME_plan.png and NAME_plan.geojson, in the output folder, or, where that is a bucket, in
    the current one. Errors as `plan_job`.
    """
    from orchestrator.plan.picture import draw_plan, write_parts  # noqa: PLC0415  matplotlib is heavy

    dated = _placed(app, _mosaic(job).dated(app.clock.now().date()), busy)
    beside = Path.cwd() if dated.deliver else Path(dated.output)
    picture = picture or beside / f"{dated.base_name}_plan.png"
    geojson = geojson or beside / f"{dated.base_name}_plan.geojson"
    with busy(f"planning {dated.base_name}"):
        local = app.planner(dated.route).local(dated)
        draw_plan(local.plan, picture, dated.base_name)
        write_parts(local.plan, geojson)
    return _report(app, dated, local, picture=picture, geojson=geojson)
