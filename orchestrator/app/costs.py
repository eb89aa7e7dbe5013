"""What a job is published to cost, and what may be spent: the settings' words in the engine's."""

from __future__ import annotations

from datetime import date

from orchestrator.config import Settings
from orchestrator.model.eecu import HOUR, CostRate, EecuLimits
from orchestrator.model.grid import Grid
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.plan.costs import published_rate


def eecu_limits(settings: Settings) -> EecuLimits:
    """Return what may be spent."""
    budget = settings.budget
    return EecuLimits(budget.eecu_hours * HOUR, budget.month_eecu_hours * HOUR, budget.task_factor)


def published_cost(job: Job, plan: Plan) -> CostRate | None:
    """Return what a pixel of a mosaic is published to cost; its dates are settled."""
    return published_cost_of(job, len(plan.pixels.bands), plan.grid)


def published_cost_of(job: Job, bands: int, grid: Grid) -> CostRate | None:
    """Return what a pixel of so many bands on a grid is published to cost; the job's dates are settled."""
    start, end = job.dates(date.min)
    return published_rate(job.recipe, end - start, bands, grid)
