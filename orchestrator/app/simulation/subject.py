"""What is simulated: a job as the real planner has planned it, with nothing asked of anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.app.costs import published_cost
from orchestrator.core.errors import UserError
from orchestrator.model.eecu import CostRate
from orchestrator.model.grid import Grid
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.spec import PixelSpec
from orchestrator.model.unit import Cell, UnitPlan

if TYPE_CHECKING:
    from orchestrator.app.application import Application

SIMULATED = ("mosaic", "chips")


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """
    A job and what a run of it would be made from.

    Attributes:
        job: With its dates settled.
        pixels: What a pixel is.
        tasks: Exports.
        units: Requests for pixels.
        plan: Of a mosaic; None of a product that has no one grid.
        rate: What a pixel is published to cost; None where nothing is.
        notes: What a person should know, a sentence each.
    """

    job: Job
    pixels: PixelSpec
    tasks: tuple[TaskPlan, ...]
    units: tuple[UnitPlan, ...]
    plan: Plan | None
    rate: CostRate | None
    notes: tuple[str, ...] = ()

    @property
    def asked_pixels(self) -> int:
        """Pixels of all exports and requests."""
        cells = (unit.cell.window.pixels for unit in self.units if unit.cell is not None)
        return sum(task.window.pixels for task in self.tasks) + sum(cells)

    @property
    def pieces(self) -> int:
        """Parts and requests."""
        return sum(len(task.parts()) for task in self.tasks) + len(self.units)


def plan_for_simulation(app: Application, job: Job) -> SimulatedJob:
    """
    Plan a job as `run` would, as far as nobody is asked.

    Raises:
        UserError: The job cannot be done as declared, or its product is none that is simulated.
    """
    dated = job.dated(app.clock.now().date())
    if dated.product == "mosaic":
        return _mosaic(app, dated)
    if dated.product == "chips":
        return _chips(app, dated)
    raise UserError(
        f"{dated.base_name} is a {dated.product}, and `simulate` knows {' and '.join(SIMULATED)}: what a "
        f"{dated.product} is made of is only known once a service was asked"
    )


def _mosaic(app: Application, job: Job) -> SimulatedJob:
    from orchestrator.plan.requests import RequestSize  # noqa: PLC0415  shapely is heavy
    from orchestrator.products.fetch import units_of  # noqa: PLC0415

    local = app.planner(job.route).local(job)
    plan = local.plan
    units = units_of(map(Cell, plan.direct), RequestSize.of(plan.pixels, app.direct_limits(job.route)))
    return SimulatedJob(job, plan.pixels, plan.tasks, units, plan, published_cost(job, plan), local.notes)


def _chips(app: Application, job: Job) -> SimulatedJob:
    from orchestrator.plan.costs import published_rate  # noqa: PLC0415
    from orchestrator.products.chips.settle import chip_units  # noqa: PLC0415  geopandas is heavy

    product = app.chip_planner(job.route)
    local = product.local(job)
    plan = local.plan
    units = chip_units(plan, app.direct_limits(job.route))
    start, end = job.dates(app.clock.now().date())
    grid: Grid = plan.zones[0]
    rate = published_rate(job.recipe, end - start, len(plan.pixels.bands), grid)
    return SimulatedJob(job, plan.pixels, (), units, None, rate, local.notes)
