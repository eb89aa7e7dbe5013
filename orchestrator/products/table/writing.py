"""The one file of a table: its columns, and how each format takes rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from orchestrator.core.optional import required
from orchestrator.model.job import Job
from orchestrator.plan.lattices import centres, vertices_lonlat
from orchestrator.products.table.document import TablePlan
from orchestrator.products.table.pieces import IMAGE, PLACE, parquet
from orchestrator.raster.arrays import Ints

# GeoParquet 1.1: a column of WKB in longitude and latitude, which is what no CRS means there.
_GEO = {"version": "1.1.0", "primary_column": "geometry"}


def schema_of(plan: TablePlan, job: Job) -> Any:
    """Return the columns of a table, as pyarrow's schema: id, time, image, lon, lat, and the values."""
    arrow, _ = parquet()
    whole = all(isinstance(identity, int) for identity in plan.ids)
    fields = [("id", arrow.int64() if whole else arrow.string()), ("time", arrow.timestamp("ms", tz="UTC"))]
    if plan.dated:
        fields.append(("image", arrow.string()))
    names = ["lon", "lat", *(("pixel_lon", "pixel_lat") if job.keys.get("pixel_centres") else ())]
    fields += [(name, arrow.float64()) for name in names]
    fields += [(column.name, arrow.from_numpy_dtype(np.dtype(column.dtype))) for column in plan.columns]
    if job.keys.get("format") != "geoparquet":
        return arrow.schema(fields)
    kinds = ["Polygon", "MultiPolygon"] if plan.at == "polygons" else ["Point"]
    told = {**_GEO, "columns": {"geometry": {"encoding": "WKB", "geometry_types": kinds}}}
    return arrow.schema([*fields, ("geometry", arrow.binary())], metadata={"geo": json.dumps(told)})


class Describer:
    """Turns pairs of places and images into the columns of a table."""

    def __init__(self, plan: TablePlan, schema: Any) -> None:
        self._plan, self._schema = plan, schema
        self._ids = np.array(plan.ids, dtype=object)
        self._times = np.array([image.time_ms for image in plan.images], np.int64)
        self._images = np.array([image.index for image in plan.images], dtype=object)

    def table(self, rows: Any) -> Any:
        """Return rows of pieces, in the order of the table, as the table has them."""
        arrow, _ = parquet()
        place, image = rows[PLACE].to_numpy(), rows[IMAGE].to_numpy()
        columns = {**self._place(place), **self._pixel_centres(place, image), **self._time(image)}
        columns |= {c.name: rows[f"v{at}"] for at, c in enumerate(self._plan.columns)}
        return arrow.table([self._cast(columns[field.name], field) for field in self._schema], schema=self._schema)

    def _cast(self, values: Any, field: Any) -> Any:
        arrow, _ = parquet()
        return values if isinstance(values, arrow.ChunkedArray) else arrow.array(values, field.type)

    def _place(self, place: Ints) -> dict[str, Any]:
        plan = self._plan
        unique, at = np.unique(place, return_inverse=True)
        if plan.at == "pixels":
            row, col = np.divmod(unique, plan.grids[0].width)
            lonlat, ids = centres(plan.grids[0], row, col), unique
        else:
            lonlat, ids = plan.lonlat[unique], self._ids[unique]
        found = {"id": ids[at], "lon": lonlat[at, 0], "lat": lonlat[at, 1]}
        return found | ({"geometry": self._geometry(unique, lonlat)[at]} if "geometry" in self._schema.names else {})

    def _pixel_centres(self, place: Ints, image: Ints) -> dict[str, Any]:
        plan = self._plan
        if "pixel_lon" not in self._schema.names:
            return {}
        if plan.at == "pixels":
            found = centres(plan.grids[0], *np.divmod(place, plan.grids[0].width))
            return {"pixel_lon": found[:, 0], "pixel_lat": found[:, 1]}
        found, lattice, zone = np.empty((len(place), 2)), plan.lattice_of(image), plan.grid[place]
        for at, grid in enumerate(plan.grids):
            row, col = plan.pixels_of(at // plan.zones)
            here = (lattice == at // plan.zones) & (zone == at % plan.zones)
            found[here] = centres(grid, row[place[here]], col[place[here]])
        return {"pixel_lon": found[:, 0], "pixel_lat": found[:, 1]}

    def _geometry(self, place: Ints, lonlat: Any) -> Any:
        plan = self._plan
        if plan.at != "polygons":
            return np.array(shapely.to_wkb(shapely.points(lonlat)), object)
        shapes = [vertices_lonlat(plan.shapes[at], plan.crs_of_shapes(plan.grid[at])) for at in place]
        return np.array(shapes, object)

    def _time(self, image: Ints) -> dict[str, Any]:
        if not self._plan.dated:
            return {"time": [None] * len(image)}
        return {"time": self._times[image], "image": self._images[image]}


@contextmanager
def writing(path: Path, kind: str, schema: Any) -> Iterator[Any]:
    """Open a file of rows: `write_table` adds some; at the end of the block it is whole and durable."""
    _, tables = parquet()
    with path.open("wb") as file:
        if kind == "csv":
            csv = required("pyarrow.csv", "parquet", "a table")
            options = csv.WriteOptions(quoting_style="needed")
            writer = csv.CSVWriter(file, schema, write_options=options)
        else:
            writer = tables.ParquetWriter(file, schema, compression="zstd")
        with writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())
