"""Areas for drafts: what a text or a file means, as an outline to look at; a drawn or dropped area, kept as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import AreaError, UserError
from orchestrator.core.files import write_once
from orchestrator.core.guard import make_private_folder
from orchestrator.core.units import format_bytes
from orchestrator.model.job import Job

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from orchestrator.app.records import Records

FOLDER = "areas"  # of the state folder
MOST_BYTES = 64 << 20
_MOST_POINTS = 4_000
_MOST_SAME = 10_000


@dataclass(frozen=True, slots=True)
class AreaSeen:
    """
    An area to look at.

    Attributes:
        source: What a job says of it: a path or a text.
        name: A name for a result over it.
        outline: GeoJSON geometry in degrees, with fewer corners where it had very many.
        bounds: West, south, east, north in degrees; an east beyond 180 is across the antimeridian.
        km2: Its size on the ellipsoid, in square kilometres.
        notes: What was repaired or assumed, a sentence each.
    """

    source: str
    name: str
    outline: Mapping[str, Any]
    bounds: tuple[float, float, float, float]
    km2: float
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Return it, as JSON can hold it."""
        return {
            "source": self.source,
            "name": self.name,
            "outline": self.outline,
            "bounds": list(self.bounds),
            "km2": self.km2,
            "notes": list(self.notes),
        }


def look_at_area(source: str, *, layer: str = "", crs: str = "", where: str = "") -> AreaSeen:
    """
    Read an area as a job would; see `plan.aoi.read_areas`.

    Raises:
        AreaError: It is none.
    """
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415  geopandas is heavy

    (area,) = read_areas(source, layer=layer or None, crs=crs or None, where=where or None)
    return _seen(area.geometry, area.crs, source, area.name, area.notes)


def outline_of(job: Job) -> dict[str, Any] | None:
    """Return the outline of a job's area as `AreaSeen.facts`; None where the job has none."""
    if not job.area.source:
        return None
    from orchestrator.plan.declared import area_of  # noqa: PLC0415

    area = area_of(job)
    return _seen(area.geometry, area.crs, job.area.source, area.name, area.notes).facts()


def _seen(geometry: BaseGeometry, crs: str, source: str, name: str, notes: tuple[str, ...]) -> AreaSeen:
    import shapely  # noqa: PLC0415
    from pyproj import Geod  # noqa: PLC0415

    from orchestrator.plan.reproject import to_lonlat  # noqa: PLC0415

    lonlat = to_lonlat(geometry, crs)
    square_metres = abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.orient_polygons(lonlat))[0])
    west, south, east, north = lonlat.bounds
    bounds = (west + 360, south, east + 360, north) if west < -180 else (west, south, east, north)
    outline = shapely.geometry.mapping(_fewer(lonlat))
    return AreaSeen(source, name, outline, bounds, square_metres / 1e6, notes)


def _fewer(shape: BaseGeometry) -> BaseGeometry:
    """Return a shape with so few corners that a map draws it at once."""
    import shapely  # noqa: PLC0415

    west, south, east, north = shape.bounds
    step = max(east - west, north - south) / 8000
    while shapely.get_num_coordinates(shape) > _MOST_POINTS and step < 1:
        thinner = shape.simplify(step, preserve_topology=False)
        if thinner.is_empty:
            break
        shape, step = thinner, step * 2
    return shape


def drop_area(app: Records, name: str, content: bytes) -> AreaSeen:
    """
    Keep a drawn or dropped area as a file of the state folder, `areas/NAME`, and return how it looks.

    A file that is there is never replaced: the same bytes are that file, others get `-2`, `-3`, ... before the ending.
    What is no area does not stay.

    Raises:
        AreaError: It is none, or there is too much of it, or its name has no ending of a vector file.
    """
    from orchestrator.plan.area import safe_name  # noqa: PLC0415  shapely is heavy
    from orchestrator.plan.features import DRIVERS  # noqa: PLC0415

    told = Path(name.replace("\\", "/")).name
    suffix = Path(told).suffix.lower()
    if suffix not in DRIVERS:
        more = "; put the parts of a shapefile into one .zip" if suffix in (".shx", ".dbf", ".prj") else ""
        what = suffix or "a name without an ending"
        raise AreaError(f"{told[:80]}: {what} is no vector file; drop one of {', '.join(DRIVERS)}{more}")
    if not 0 < len(content) <= MOST_BYTES:
        raise AreaError(
            f"{told[:80]}: {format_bytes(len(content))}; an area that is dropped has up to {format_bytes(MOST_BYTES)}. "
            "Write its path instead"
        )
    folder = app.folder() / FOLDER
    make_private_folder(folder)
    path, is_new = _kept(folder, safe_name(Path(told).stem)[:60], suffix, content)
    try:
        return look_at_area(str(path))
    except AreaError:
        if is_new:
            path.unlink(missing_ok=True)
        raise


def tile_area(app: Records, area: Mapping[str, str], size: float, name: str) -> Path:
    """
    Lay square tiles of `size` metres over an area and keep them as a file of the state folder; return its path.

    Raises:
        UserError: The area is none, or a number is out of its range.
    """
    from orchestrator.app.verbs.grids import keep_tiles, lay_grid  # noqa: PLC0415  geometries are heavy
    from orchestrator.plan.area import safe_name  # noqa: PLC0415

    folder = app.folder() / FOLDER
    make_private_folder(folder)
    laid = lay_grid(area, size, name=safe_name(name).replace("_", "-")[:40])
    return keep_tiles(laid.tiles, folder).paths[0]


def _kept(folder: Path, stem: str, suffix: str, content: bytes) -> tuple[Path, bool]:
    """Return the file of that name, or of the next, that holds these bytes; and whether it was not there before."""
    for number in range(1, _MOST_SAME):
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
        is_new = not path.exists()
        if write_once(path, content) == content:
            return path, is_new
    raise UserError(f"{folder} holds very many areas called {stem}; remove some")
