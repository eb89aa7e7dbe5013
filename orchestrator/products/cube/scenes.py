"""Which scenes a cube is made of: of a collection, of a file that a query wrote, or listed in the job."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.model.job import Job
from orchestrator.model.scene import FOOTPRINT_DIGITS, Scene, SceneQuery
from orchestrator.products.context import ProductContext

if TYPE_CHECKING:
    from orchestrator.plan.area import Area

_LONLAT = 4326  # the code of degrees, which tables of scenes are in
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = frozenset({"", "None", "nan", "NaN", "NaT", "<NA>"})
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?")
_CLOUDS = ("cloudcoverpercentage", "cloud_cover")


def scenes_of(job: Job, context: ProductContext, area: Area) -> list[Scene]:
    """
    Return the scenes of a job.

    Raises:
        UserError: The job names none, they cannot be read, or none is left.
    """
    keys = job.keys
    if keys.get("images"):
        found = [_listed(image) for image in keys["images"]]
    elif keys.get("scenes"):
        found = scenes_of_rows(read_rows(Path(keys["scenes"])), keys["scenes"])
    elif keys.get("collection"):
        found = list(_found(job, context, area))
    else:
        raise UserError("a cube needs scenes: give collection with dates, or scenes, a file that `query` wrote")
    within = _clear(_within(found, job), keys.get("max_cloud", 100.0))
    if not within:
        what = keys.get("collection") or keys.get("scenes") or "the scenes listed"
        dates = f" from {job.start_date} to {job.end_date}" if job.start_date else ""
        cloud = f" with at most {keys['max_cloud']:g} % cloud" if "max_cloud" in keys else ""
        raise UserError(f"no scene is left of {what}{dates}{cloud}; widen the dates, or loosen what is asked of them")
    return within


def _listed(image: Sequence[Any]) -> Scene:
    asset, time_ms, satellite, solar_day, overlap, cloud = [*image, None, None][:6]
    footprint = image[6] if len(image) > 6 else ""
    return Scene(int(time_ms), asset, satellite, solar_day, _number(overlap), _number(cloud), footprint)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _within(scenes: Iterable[Scene], job: Job) -> list[Scene]:
    """Return the scenes of the job's dates, half-open, where it names any."""
    if job.undated:
        return list(scenes)
    first, end = (_milliseconds(day) for day in job.dates(date.min))
    return [scene for scene in scenes if first <= scene.time_ms < end]


def _clear(scenes: Sequence[Scene], most: float) -> list[Scene]:
    """Return the scenes of so many per cent of clouds; one that does not tell is none, where clouds matter."""
    return [scene for scene in scenes if most >= 100 or scene.cloud <= most]


def _milliseconds(day: date) -> int:
    return (day - date(1970, 1, 1)) // timedelta(milliseconds=1)


def _found(job: Job, context: ProductContext, area: Area) -> Sequence[Scene]:
    import shapely  # noqa: PLC0415  heavy

    from orchestrator.plan.reproject import to_lonlat, within_180  # noqa: PLC0415

    if context.scenes is None:
        raise UserError("nobody here can search a collection; give scenes, a file that `query` wrote")
    start, end = job.dates(date.min)
    lonlat = shapely.to_wkb(within_180(to_lonlat(area.geometry, area.crs)))
    keys = job.keys
    query = SceneQuery(
        keys["collection"], start, end, lonlat, keys.get("max_cloud", 100.0), tuple(keys.get("filter", ()))
    )
    context.say("asking Earth Engine for the scenes")
    return context.scenes(query)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """
    Return the rows of a table that `query` wrote: GeoParquet, GeoJSON or CSV.

    Raises:
        UserError: It cannot be read.
    """
    try:
        frame = _read(path)
    except (OSError, ValueError, RuntimeError) as error:  # GDAL's is a RuntimeError
        raise UserError(f"scenes {path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    return rows_of(frame)


def _read(path: Path) -> Any:
    if path.suffix == ".csv":
        import pandas as pd  # noqa: PLC0415  heavy

        return pd.read_csv(path)
    import geopandas  # noqa: PLC0415  heavy

    if path.suffix in (".parquet", ".geoparquet"):
        required("pyarrow", "parquet", "GeoParquet")
        return geopandas.read_parquet(path)
    return geopandas.read_file(path)


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a table, their `geometry` as WKT in degrees; empty where it is none, or not in degrees."""
    plain = frame.drop(columns=["geometry"], errors="ignore")
    rows: list[dict[str, Any]] = plain.to_dict("records")
    shapes = list(frame["geometry"]) if "geometry" in frame.columns and _in_degrees(frame) else [None] * len(rows)
    return [{**row, "geometry": _wkt(shape)} for row, shape in zip(rows, shapes, strict=True)]


def _in_degrees(frame: Any) -> bool:
    """Tell whether the geometries of a table are in degrees; those that do not say are."""
    crs = getattr(frame, "crs", None)
    return crs is None or crs.to_epsg() == _LONLAT


def _wkt(shape: Any) -> str:
    """Return a geometry, or the WKT of a CSV file, as WKT."""
    import shapely  # noqa: PLC0415  heavy

    if isinstance(shape, str):
        return shape
    return str(shapely.to_wkt(shape, rounding_precision=FOOTPRINT_DIGITS)) if getattr(shape, "area", 0) else ""


def scenes_of_rows(rows: Iterable[Mapping[str, Any]], source: str) -> list[Scene]:
    """
    Return the scenes of a table's rows.

    Raises:
        UserError: A column is missing, or a value is none.
    """
    return [_scene(row, f"{source}, row {number}") for number, row in enumerate(rows, 1)]


def _scene(row: Mapping[str, Any], where: str) -> Scene:
    asset = _word(row.get("gee_id"))
    if not asset:
        raise UserError(f"{where}: there is no `gee_id`; give a table that `orchestrator query` or orc.query made")
    collection = _word(row.get("collection_name"))
    if collection and "/" not in asset:
        asset = f"{collection}/{asset}"
    time_ms, footprint = _time(row, where), _text(row.get("geometry"))
    day = _day(row.get("solarday"), where) or _solar_day(time_ms, footprint)
    overlap, cloud = _share(row, ("overlappercentage",), where), _share(row, _CLOUDS, where)
    return Scene(time_ms, asset, _word(row.get("satellite")), day, overlap, cloud, footprint)


def _word(value: Any) -> str:
    """Return a value of a table as text; empty where there is none, which tables say in many ways."""
    text = str(value).strip()
    return "" if text in _NOTHING else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _share(row: Mapping[str, Any], names: Sequence[str], where: str) -> float:
    """Return the number of the first column that has one, NaN where none has."""
    name = next((name for name in names if _word(row.get(name))), "")
    if not name:
        return math.nan
    try:
        return float(row[name])
    except (TypeError, ValueError):
        raise UserError(f"{where}: {name} is {_word(row[name])[:40]!r}; give a number, or nothing") from None


def _day(value: Any, where: str) -> str:
    """Return a day of a table, ISO 8601; empty where there is none."""
    try:
        return date.fromisoformat(_word(value)[:10]).isoformat() if _word(value) else ""
    except ValueError:
        told = _word(value)[:40]
        raise UserError(f"{where}: solarday is {told!r}; give a day such as 2024-05-04, or nothing") from None


def _solar_day(time_ms: int, footprint: str) -> str:
    """Return the day at the middle of a footprint: UTC, and four minutes for each degree."""
    return (_EPOCH + timedelta(milliseconds=time_ms, hours=_longitude(footprint) / 15)).date().isoformat()


def _longitude(footprint: str) -> float:
    import shapely  # noqa: PLC0415  heavy

    try:
        parts = shapely.get_parts(shapely.from_wkt(footprint)) if footprint else ()
    except shapely.errors.ShapelyError:
        return 0.0  # it is refused, with its text, where windows are looked at
    # One that crosses longitude 180 is cut there; its larger part will do.
    return float(max(parts, key=lambda part: part.area).centroid.x) if len(parts) else 0.0


def _time(row: Mapping[str, Any], where: str) -> int:
    """Return when a scene was taken, from whichever column says so."""
    for name in ("system:time_start", "utcdatetime"):
        if told := _word(row.get(name)):
            try:
                return _milliseconds_of(row[name])
            except (TypeError, ValueError, OverflowError):
                raise UserError(
                    f"{where}: {name} is {told[:40]!r}; give milliseconds since 1970, or a time such as "
                    "2024-05-04T10:07:52"
                ) from None
    raise UserError(f"{where}: neither `system:time_start` nor `utcdatetime` says when it was taken")


def _milliseconds_of(value: Any) -> int:
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value.strip()) else datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        known = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(known.timestamp() * 1000)
    time_ms = int(value)
    _EPOCH + timedelta(milliseconds=time_ms, days=1)  # an OverflowError, where no calendar has it
    return time_ms
