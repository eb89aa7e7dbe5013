"""Which scenes there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.model.scene import SceneQuery

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.queries.search import Found


def _unheard(_what: str) -> None:
    pass


def area_wkb(area: Mapping[str, str]) -> bytes:
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
    read = read_areas(area["source"], **options)[0]
    found: bytes = shapely.to_wkb(within_180(to_lonlat(read.geometry, read.crs)))
    return found


def find_scenes(
    app: Application,
    query: SceneQuery,
    say: Callable[[str], None] = _unheard,
    *,
    extra: Sequence[str] = (),
    s2cloudless: bool = False,
) -> Found:
    """
    Ask which scenes there are; see `orchestrator.queries.search.search`.

    Raises:
        UserError: The question cannot be asked; the collection is unknown.
        IntegrityError: The service does not tell as many scenes as it counts.
    """
    from orchestrator.queries.search import search  # noqa: PLC0415  geopandas and ee are heavy

    return search(query, app.earth_engine, say, extra=extra, s2cloudless=s2cloudless)
