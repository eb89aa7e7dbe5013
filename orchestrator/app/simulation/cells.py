"""An area that is too large for one raster as cells: squares that are equal in area, each a job of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.model.job import AreaSource, Job

if TYPE_CHECKING:
    from pyproj import Transformer
    from shapely.geometry.base import BaseGeometry

    from orchestrator.plan.area import Area

# Equal in area everywhere, so that cells of one side weigh alike: NSIDC EASE-Grid 2.0 Global.
EQUAL_AREA = "EPSG:6933"
# A side that the largest raster of one file has about a half of.
USUAL_SIDE = 100_000
_LEAST_SIDE = 256
_MOST_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class CellJob:
    """
    One cell of an area.

    Attributes:
        job: That makes it.
        pixels: Of the area inside it, about.
    """

    job: Job
    pixels: float


def cells_of_area(job: Job, area: Area, side: int) -> tuple[CellJob, ...]:
    """
    Cut an area into squares of `side` pixels of the job's scale; return a job for each that it touches, largest first.

    Raises:
        UserError: The side is none, they are too many, or the job's pixels are not measured in metres.
    """
    if side < _LEAST_SIDE:
        raise UserError(f"--cells {side} is no side of a cell in pixels; give {_LEAST_SIDE} or more")
    scale = _metres(job)
    found = sorted(_cells(area, side * scale), key=lambda cell: -cell.area)
    pins = MappingProxyType({name: pin for name, pin in job.pins.items() if name != "area"})
    jobs = []
    for number, shape in enumerate(found):
        name, source = f"{job.base_name[:60]}_{number:05d}", AreaSource(shape.wkt, crs=EQUAL_AREA)
        jobs.append(CellJob(replace(job, area=source, base_name=name, pins=pins), shape.area / scale**2))
    return tuple(jobs)


def _metres(job: Job) -> float:
    """Return the side of a pixel in metres."""
    from orchestrator.plan.reproject import parse_crs  # noqa: PLC0415  heavy

    grid = job.grid
    if grid.crs and parse_crs(grid.crs).is_geographic:
        raise UserError(
            f"cells are squares in metres, and {grid.crs} counts in degrees; leave --crs out, or name another"
        )
    return abs(grid.crs_transform[0]) if grid.crs_transform else grid.scale or 10.0


def _cells(area: Area, side: float) -> Iterator[BaseGeometry]:
    """Yield what of an area lies in each square of `side` metres."""
    import shapely  # noqa: PLC0415  heavy

    from orchestrator.plan.reproject import parse_crs, transformer_between  # noqa: PLC0415

    transformer = transformer_between(parse_crs(area.crs), parse_crs(EQUAL_AREA))
    # Corners are enough: what a cell holds is weighed, and is drawn exactly only when it is planned.
    drawn = shapely.transform(area.geometry, lambda points: _moved(transformer, points))
    whole = shapely.make_valid(drawn)
    left, bottom, right, top = whole.bounds
    cols, rows = (math.ceil((high - low) / side) for low, high in ((left, right), (bottom, top)))
    if cols * rows > _MOST_CELLS:
        raise UserError(
            f"--cells cuts this area into {cols * rows:,} squares, more than {_MOST_CELLS:,}; give larger ones"
        )
    shapely.prepare(whole)
    for row in range(rows):
        for col in range(cols):
            box = shapely.box(
                left + col * side, bottom + row * side, left + (col + 1) * side, bottom + (row + 1) * side
            )
            if whole.intersects(box):
                inside = _polygons(whole.intersection(box))
                if not inside.is_empty:
                    yield inside


def _moved(transformer: Transformer, points: Any) -> Any:
    """Return points, (n, 2), in the other CRS."""
    import numpy as np  # noqa: PLC0415  heavy

    return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of what two polygons share: they may also touch in lines and points."""
    import shapely  # noqa: PLC0415  heavy

    kept = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(kept) if len(kept) != 1 else kept[0]
