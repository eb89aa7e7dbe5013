"""Values of images as a frame, in Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.areas import area_table, rows_table
from orchestrator.api.arguments import first_and_end, numbers, path_of, table_of, texts
from orchestrator.api.connection import Connection, current
from orchestrator.api.images import GRAPH, ask_bands, graph_of, is_image
from orchestrator.api.results import Result
from orchestrator.api.work import carry_job
from orchestrator.core import log as logs
from orchestrator.core.errors import RecipeError, RunFailed, UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    from orchestrator.app import Application

log = logs.get(__name__)
_FORMATS = {".csv": "csv", ".parquet": "geoparquet"}


def table(
    points: object = None,
    polygons: object = None,
    area: object = None,
    *,
    collection: str = "",
    image: object = None,
    dates: Sequence[str | date] | None = None,
    bands: Sequence[str] | None = None,
    id: str = "",  # noqa: A002  what the column is called
    reducer: str | Sequence[str] = "",
    scale: float | None = None,
    crs: str = "",
    crs_transform: Sequence[float] | None = None,
    max_cloud: float = 100.0,
    filters: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
    keep_empty: bool = False,
    pixel_centres: bool = False,
    path: str | os.PathLike[str] | None = None,
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
) -> Any:
    """
    Return values of images: a row for each place and image, with the columns id, time, image, lon, lat and the bands.

    It runs the same job as `orchestrator table`: after an interrupt the same call with the same `path` continues.

    Args:
        points: A path (a vector file, or a CSV with columns lon and lat), WKT, a GeoDataFrame or GeoSeries, or a
            shapely or `ee` geometry. One of `points`, `polygons` and `area` is given.
        polygons: Likewise; their pixels are reduced.
        area: Of a small area every pixel is taken; what it may be, `Job` says.
        collection: A name such as `s2-l2a`, or Earth Engine's id of a collection.
        image: Without a collection, one picture: a recipe's name or an `ee.Image`; there is no time then.
        dates: First day and the day after the last.
        bands: Which bands, in order; by default all.
        id: Column that names the places; by default a frame's index, or the place in the file counted from 0.
        reducer: Of polygons: `mean`, `median`, `count`, `p90`, ..., or several; by default the mean.
        scale: Pixel size in units of the CRS; by default the images' own.
        crs: Of the pixels, `EPSG:n`; by default the UTM zone of each place.
        crs_transform: Lattice of the pixels: six numbers in affine order.
        max_cloud: Images that are cloudier, in per cent, are left out.
        filters: Conditions on properties of images, such as `MGRS_TILE == 33TVM`.
        params: Parameters of the recipe.
        keep_empty: Keep rows of a collection that have no value at all.
        pixel_centres: Add `pixel_lon` and `pixel_lat`.
        path: Where the table is kept, `.csv` or `.parquet` (GeoParquet); by default nowhere.
        again: Do it once more although it is done.
        overwrite: Replace files at the table's place that this job did not make.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.

    Returns:
        A GeoDataFrame in degrees of points, centres of pixels, or polygons; of a CSV a DataFrame.

    Raises:
        UserError: An argument is wrong; the message names it, and nothing remote has happened.
        LockedError, RunFailed, NeedsPerson, KeyboardInterrupt: As `run`.
    """
    given = {"points": points, "polygons": polygons, "area": area}
    places, names = _places({kind: value for kind, value in given.items() if value is not None}, id)
    keys = {"collection": collection, "max_cloud": max_cloud, "filter": texts(filters, "filters")}
    keys |= {"reducer": ",".join(texts(reducer, "reducer")), "keep_empty": keep_empty, "pixel_centres": pixel_centres}
    content: dict[str, Any] = {"product": "table", "area": places.pop("area", {"source": ""})}
    content |= first_and_end(dates) if dates is not None else {}
    transform = numbers(crs_transform, "crs_transform", 6) if crs_transform is not None else None
    grid = {"scale": scale, "crs": crs, "crs_transform": transform}
    content["grid"] = {name: value for name, value in grid.items() if value not in (None, "")}
    content |= {"bands": texts(bands, "bands")} if bands is not None else {}
    connection = connection or current()
    with _kept(path) as file, connection.lent() as app:
        kind = _FORMATS[file.suffix]
        content |= {"output": str(file.parent), "base_name": file.stem, "table": {**places, **keys, "format": kind}}
        if not collection:
            content |= _picture(image, bands, params, app)
        elif image is not None:
            raise UserError("a table is of a collection or of one image; give one of them")
        row = carry_job(content, connection, app, progress, again=again, overwrite=overwrite, tell=_tell)
        result = Result.of(row)
        return _read(result.path, kind, names)


def _places(given: Mapping[str, object], name: str) -> tuple[dict[str, Any], list[Any]]:
    """Return the places as a job has them, and what those that are held in memory are called."""
    if len(given) != 1:
        raise UserError("which places? Give one of points=, polygons= and area=")
    ((kind, value),) = given.items()
    if kind == "area":
        return {"area": area_table(value)}, []
    if not (hasattr(value, "geometry") and hasattr(value, "index")):
        return _place_keys(kind, area_table(value), name), []
    frame: Any = value
    if name and name not in getattr(frame, "columns", ()):
        raise UserError(f"the {kind} have no column {name!r}; id= names one, and by default the index is taken")
    return _place_keys(kind, rows_table(frame), ""), list(frame[name] if name else frame.index)


def _place_keys(kind: str, told: Mapping[str, str], name: str) -> dict[str, Any]:
    return {kind: told["source"], **({"crs": told["crs"]} if "crs" in told else {}), "id": name}


@contextmanager
def _kept(path: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Lend the file of a table: the one that is asked for, or one that is gone at the end of the block."""
    if path is None:
        with tempfile.TemporaryDirectory(prefix="orchestrator-table-") as folder:
            yield Path(folder) / "table.parquet"
        return
    file = path_of(path, "path").resolve()
    if file.suffix not in _FORMATS:
        raise UserError(f"path is {file.name}; a table is a .csv or a .parquet file")
    yield file


def _picture(
    image: object, bands: Sequence[str] | None, params: Mapping[str, Any] | None, app: Application
) -> dict[str, Any]:
    given = table_of({} if params is None else params, "params")
    if is_image(image):
        asked, fitting = ask_bands(image, app)
        named = list(asked) if bands is None else texts(bands, "bands")
        return {"recipe": GRAPH, "bands": named, "params": {"dtype": fitting} | given | {"graph": graph_of(image)}}
    if image is not None and not isinstance(image, str):
        raise RecipeError(f"an image of type {type(image).__name__} is not known; give a recipe's name or an ee.Image")
    return ({"recipe": image} if image else {}) | ({"params": given} if given else {})


def _tell(note: str) -> None:
    log.warning("table.note", note=note)


def _read(path: Path, kind: str, names: Sequence[Any]) -> Any:
    if not path.is_file():
        raise RunFailed(f"{path} is there no more; orc.table(..., again=True) makes it anew")
    if kind == "csv":
        pandas = required("pandas", "parquet", "a frame")
        frame = pandas.read_csv(path, parse_dates=["time"])
    else:
        import geopandas  # noqa: PLC0415  heavy

        frame = geopandas.read_parquet(path)
    if names:
        frame["id"] = [names[at] for at in frame["id"]]
    return frame
