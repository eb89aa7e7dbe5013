"""Scenes date by date, as one array on a disk that is read where it is looked at."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import first_and_end, numbers, path_of, path_text, texts
from orchestrator.api.connection import Connection, current
from orchestrator.api.job import Job
from orchestrator.api.runs import run
from orchestrator.api.stores import open_cube
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    import xarray

    from orchestrator.model.scene import Scene

log = logs.get(__name__)

FOLDER = "cubes"  # of the state folder, for those that nobody gave a place


def cube(
    scenes: object,
    geometry: object,
    bands: Sequence[str],
    scale: float | None = None,
    crs: str = "",
    *,
    dates: Sequence[str | date] | None = None,
    crs_transform: Sequence[float] | None = None,
    output: str | os.PathLike[str] = "",
    name: str = "",
    clip: bool = False,
    order: str = "most-overlap",
    same_day: str = "mosaic",
    nodata: float | None = None,
    smooth_20m: bool = False,
    smooth_60m: bool = False,
    max_cloud: float = 100.0,
    filters: str | Sequence[str] = (),
    area_crs: str = "",
    masked: bool = True,
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
) -> xarray.DataArray:
    """
    Return the scenes of an area as an array of (time, band, y, x) with its CRS; pixels are read when they are used.

    It is written to a Zarr store, in requests that fit, and read from there: memory does not grow with it. After a
    crash or an interrupt the same call asks only for what is missing; when it is all there, nothing is asked for.
    Scenes of one satellite and solar day are one date. Where a scene does not reach there is no data.

    Args:
        scenes: A table that `orc.query` returned, or rows of it; the path of one; or the name of a collection.
        geometry: What `Job` takes as an area.
        bands: Names, in order; ESA's (`B04`) are known.
        scale: Side of a pixel in units of the CRS; by default that of the finest band.
        crs: `EPSG:n`; by default the UTM zone of the geometry.
        dates: First day and the day after the last; of a collection, or of those in the table.
        crs_transform: A lattice to lie on: six numbers in affine order; needs `crs`.
        output: Folder of the store, `{name}_cube.zarr`; by default one in the state folder.
        name: Of the store; by default it follows from what is asked for.
        clip: Mask the pixels whose centre is outside the geometry.
        order: Which scene of one date gives a pixel that several have: `most-overlap`, `clearest` or `first`.
        same_day: `apart` makes every scene a date of its own.
        nodata: Of masked pixels, in the store.
        smooth_20m: Interpolate Sentinel-2's bands of 20 m.
        smooth_60m: Those of 60 m too.
        max_cloud: The greatest cloud cover of a scene in per cent.
        filters: Of a collection: conditions on properties.
        area_crs: CRS of a geometry that does not say its own; degrees by default.
        masked: Pixels without data are NaN, and numbers are floats that hold them exactly: of 32 bits for stored
            ones of 8 and 16 bits, else of 64. False gives the stored numbers, with nodata among them: `rio.nodata`.
        again: Do it once more although it is done.
        overwrite: Replace a store that this call did not make.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.

    Raises:
        UserError: It is not possible as asked; said before pixels are asked for.
        ExtraError: The extra `cube` is not installed.
    """
    required("zarr", "cube", "orc.cube")
    connection = connection or current()
    keys: dict[str, Any] = _source(scenes) | {"clip": clip, "order": order, "same_day": same_day}
    keys |= {"smooth_20m": smooth_20m, "smooth_60m": smooth_60m} | ({} if nodata is None else {"nodata": nodata})
    if max_cloud < 100:
        keys["max_cloud"] = max_cloud
    if conditions := texts(filters, "filters"):
        keys["filter"] = conditions
    grid = {"scale": scale, "crs": crs or None}
    if crs_transform is not None:
        grid["crs_transform"] = numbers(crs_transform, "crs_transform", 6)  # type: ignore[assignment]  # a list
    content: dict[str, Any] = {
        "product": "cube",
        "area": area_table(geometry, area_crs),
        "bands": texts(bands, "bands"),
        "grid": {key: value for key, value in grid.items() if value is not None},
        "cube": keys,
    }
    content |= first_and_end(dates) if dates is not None else {}
    content |= _place(content, path_text(output, "output"), name, connection)
    job = Job._made(content, Path.cwd(), "cube")  # noqa: SLF001  a job of another product
    result = run(job, again=again, overwrite=overwrite, progress=progress, connection=connection)
    if result.valid and not any(result.valid.values()):
        note = "no pixel of the geometry holds data on any date: the scenes are masked there, or lie elsewhere"
        log.warning("cube.no_data", cube=result.path.name, note=note)
    return open_cube(result.path, masked=masked)


def _source(scenes: object) -> dict[str, Any]:
    """Return the keys that say which scenes are meant."""
    if hasattr(scenes, "to_dict") and hasattr(scenes, "columns"):
        from orchestrator.products.cube.scenes import rows_of, scenes_of_rows  # noqa: PLC0415  numpy is heavy

        found = scenes_of_rows(rows_of(scenes), "scenes")
        if not found:
            raise UserError("the table has no scene; widen the dates of the query, or loosen what is asked of scenes")
        return {"images": [_row(scene) for scene in found]}
    if isinstance(scenes, os.PathLike) or (isinstance(scenes, str) and Path(scenes).suffix in _TABLES):
        return {"scenes": str(path_of(scenes, "scenes").resolve())}
    if isinstance(scenes, str) and scenes:
        return {"collection": scenes}
    raise UserError(
        f"scenes is {type(scenes).__name__}; give a table of orc.query, the path of one, or a collection's name"
    )


def _row(scene: Scene) -> list[Any]:
    told = [scene.asset, scene.time_ms, scene.satellite, scene.solar_day, _known(scene.overlap), _known(scene.cloud)]
    return [*told, scene.footprint] if scene.footprint else told


_TABLES = frozenset({".parquet", ".geoparquet", ".geojson", ".csv"})


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _place(content: Mapping[str, Any], output: str, name: str, connection: Connection) -> dict[str, str]:
    """Return where the store goes; without a wish, a place that the same call finds again."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return {"output": output or str(connection.state_dir / FOLDER), "base_name": name or f"cube-{digest}"}
