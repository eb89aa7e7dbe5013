"""Which scenes there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.model.job import read_date
from orchestrator.model.scene import SceneQuery

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.queries.search import FoundScenes


def _unheard(_what: str) -> None:
    pass


def scene_query(
    app: Application,
    collection: str,
    area: Mapping[str, str | None],
    start: date | str,
    end: date | str,
    *,
    max_cloud: float = 100.0,
    filters: Sequence[str] = (),
    unique: bool = True,
) -> SceneQuery:
    """
    Return a question for scenes; nobody is asked.

    Args:
        app: Says which day is today.
        collection: A short name of the catalogue, or an id of Earth Engine's.
        area: A table `area` of a job: `source`, `layer`, `crs`, `where`.
        start: First day; texts as in a job.
        end: The day after the last.
        max_cloud: Per cent.
        filters: Conditions on properties.
        unique: Whether scenes that add nothing of the area on their day are left out.

    Raises:
        UserError: Something is no date, no filter or no area; the message names it.
    """
    from orchestrator.queries.catalogue import find_source  # noqa: PLC0415  a status needs none

    find_source(collection)
    today = app.clock.now().date()
    first, last = (
        read_date(day, what, today) if isinstance(day, str) else day for day, what in ((start, "start"), (end, "end"))
    )
    nowhere = SceneQuery(
        collection, first, last, b"", max_cloud, tuple(filters), unique
    )  # refused before files are read
    return SceneQuery(collection, first, last, area_wkb(area), nowhere.max_cloud, nowhere.filters, unique)


def area_wkb(area: Mapping[str, str | None]) -> bytes:
    """
    Return an area in degrees, within longitude 180, as WKB.

    Args:
        area: A table `area` of a job: `source`, `layer`, `crs`, `where`.

    Raises:
        AreaError: It cannot be read.
    """
    import shapely  # noqa: PLC0415  geometries are heavy

    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415
    from orchestrator.plan.reproject import to_lonlat, within_180  # noqa: PLC0415

    options = {name: area.get(name) or None for name in ("layer", "crs", "where")}
    read = read_areas(area["source"] or "", **options)[0]
    found: bytes = shapely.to_wkb(within_180(to_lonlat(read.geometry, read.crs)))
    return found


def find_scenes(
    app: Application,
    query: SceneQuery,
    say: Callable[[str], None] = _unheard,
    *,
    extra: Sequence[str] = (),
    s2cloudless: bool = False,
) -> FoundScenes:
    """
    Ask which scenes there are; see `orchestrator.queries.search.search`.

    Raises:
        UserError: The question cannot be asked; the collection is unknown.
        IntegrityError: The service does not tell as many scenes as it counts.
    """
    from orchestrator.queries.search import search  # noqa: PLC0415  geopandas and ee are heavy

    return search(query, app.earth_engine, say, extra=extra, s2cloudless=s2cloudless)


def check_table(path: Path, *, overwrite: bool) -> None:
    """Make sure that a table of scenes can be written to `path`; UserError where it cannot."""
    from orchestrator.queries.files import check_file  # noqa: PLC0415

    check_file(path, overwrite=overwrite)


def write_table(found: FoundScenes, path: Path) -> None:
    """Write a table of scenes whole, or not at all."""
    from orchestrator.queries.files import write_frame  # noqa: PLC0415

    write_frame(found.frame(), path)
