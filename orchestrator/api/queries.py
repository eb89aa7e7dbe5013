"""Scenes, in Python: a GeoDataFrame for each question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import texts
from orchestrator.api.connection import Connection, current
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    import geopandas as gpd

log = logs.get(__name__)


def query(
    collection: str,
    area: object,
    start: str | date,
    end: str | date,
    max_cloud: float = 100.0,
    filters: str | Sequence[str] = (),
    *,
    duplicates: bool = False,
    s2cloudless: bool = False,
    extra: str | Sequence[str] = (),
    area_crs: str = "",
    connection: Connection | None = None,
) -> gpd.GeoDataFrame:
    """
    Return the scenes of a collection over an area, in the order of time; the page names the columns.

    Args:
        collection: A short name (`s2-l2a`, `landsat`, `s1`, ...), or an id of Earth Engine's.
        area: As of a job: a path, a box in degrees, a geometry, a GeoDataFrame, an `ee.Geometry`.
        start: First day, UTC, as a date or a text; a `datetime` begins within it.
        end: The day after the last.
        max_cloud: The greatest cloud cover in per cent.
        filters: Conditions on properties, such as `MGRS_TILE == 33TWM`.
        duplicates: Keep scenes that add nothing of the area to the others of their solar day and satellite.
        s2cloudless: Tell which scenes of Sentinel-2 have cloud probabilities, in a column.
        extra: Properties that become columns.
        area_crs: CRS of an area that does not say its own.
        connection: Whom to ask; by default the one that this thread opened last.

    Raises:
        UserError: A date, a filter, the area or the collection is none, or is unknown.
        IntegrityError: The service does not tell as many scenes as it counts.
    """
    from orchestrator.app.verbs.query import find_scenes, scene_query  # noqa: PLC0415  geopandas is heavy

    if not isinstance(collection, str):
        raise UserError(f"collection is {collection!r}; give a name such as 's2-l2a', or an id of Earth Engine's")
    if isinstance(max_cloud, bool) or not isinstance(max_cloud, (int, float)):
        raise UserError(f"max_cloud is {max_cloud!r}; give per cent, from 0 to 100")
    table, wanted, columns = area_table(area, area_crs), texts(filters, "filters"), texts(extra, "extra")
    for day, name in ((start, "start"), (end, "end")):
        if not isinstance(day, (str, date)):
            raise UserError(f"{name} is {day!r}; give a date, or a text like 2024-06-01")
    with (connection or current()).lent() as app:
        asked = scene_query(
            app, collection, table, start, end, max_cloud=max_cloud, filters=wanted, unique=not duplicates
        )
        found = find_scenes(app, asked, extra=columns, s2cloudless=s2cloudless)
    for note in found.notes:
        log.warning("query.note", note=note)
    return found.frame()


def query_collection(
    collection: str, polygon: object, start_date: str | date, end_date: str | date, **options: object
) -> gpd.GeoDataFrame:
    """Return the scenes of any collection; options and errors as `query`."""
    return query(collection, polygon, start_date, end_date, **options)  # type: ignore[arg-type]


def query_s2_l2a(polygon: object, start_date: str | date, end_date: str | date, **options: object) -> gpd.GeoDataFrame:
    """Return scenes of Sentinel-2, surface reflectance; options and errors as `query`."""
    return query_collection("s2-l2a", polygon, start_date, end_date, **options)


def query_s2_l1c(polygon: object, start_date: str | date, end_date: str | date, **options: object) -> gpd.GeoDataFrame:
    """Return scenes of Sentinel-2, reflectance at the top of the atmosphere; options and errors as `query`."""
    return query_collection("s2-l1c", polygon, start_date, end_date, **options)


def query_landsat(
    polygon: object,
    start_date: str | date,
    end_date: str | date,
    collection: str = "landsat",
    **options: object,
) -> gpd.GeoDataFrame:
    """Return scenes of Landsat 8 and 9 at the top of the atmosphere, or of another Landsat; the rest as `query`."""
    return query_collection(collection, polygon, start_date, end_date, **options)


def query_s1(polygon: object, start_date: str | date, end_date: str | date, **options: object) -> gpd.GeoDataFrame:
    """Return scenes of Sentinel-1 in both polarisations; options and errors as `query`."""
    return query_collection("s1", polygon, start_date, end_date, **options)
