"""What a cube would take: its scenes are asked for, its pixels are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.model.job import Job

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.products.cube.document import CubePlan


@dataclass(frozen=True, slots=True)
class CubeReport:
    """
    The plan of a cube.

    Attributes:
        base_name: Of the result.
        plan: Grid, dates, windows.
        requests: How many are sent.
        heaviest_bytes: Of the heaviest, as the service counts them.
    """

    base_name: str
    plan: CubePlan
    requests: int
    heaviest_bytes: int

    def facts(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        plan, grid = self.plan, self.plan.grid
        dates = [
            {"time": m.at, "satellite": m.satellite, "solar_day": m.solar_day, "images": list(m.images)}
            for m in plan.moments
        ]
        return {
            "base_name": self.base_name,
            "crs": grid.crs,
            "transform": list(grid.transform),
            "height": grid.height,
            "width": grid.width,
            "bands": list(plan.labels),
            "dtype": plan.pixels.dtype,
            "nodata": plan.pixels.nodata,
            "requests": self.requests,
            "heaviest_bytes": self.heaviest_bytes,
            "area_pixels": plan.area_pixels,
            "raw_bytes": plan.raw_bytes,
            "dates": dates,
            "notes": list(plan.notes),
        }


def plan_cube(app: Application, job: Job) -> CubeReport:
    """
    Plan a cube for today; Earth Engine is asked for scenes and bands, and nothing is stored.

    Raises:
        UserError: The job cannot be done as declared.
    """
    from orchestrator.products.cube.document import CubePlan  # noqa: PLC0415  who only runs does not need it

    dated = job.dated(app.clock.now().date())
    settled = app.product(dated).prepare(dated)
    weights = [int(unit.spec["bytes"]) for unit in settled.units]
    return CubeReport(dated.base_name, CubePlan.from_json(settled.document), len(weights), max(weights))
