"""The plan of a table: places, images, columns, and the lattices that pixels lie on."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.stored import read_stored
from orchestrator.model.grid import Grid
from orchestrator.model.plan_json import grid_from, grid_json
from orchestrator.raster.arrays import Floats, Ints

# Of the JSON: grows when a field changes its meaning, never because one was added.
# 2: several lattices of images, and shapes in a CRS of their own; a plan without either is of version 1.
VERSION = 2


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """
    A column of values.

    Attributes:
        name: Of it.
        dtype: numpy's name of its number type.
    """

    name: str
    dtype: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """
    A stored image.

    Attributes:
        asset: Earth Engine's id.
        time_ms: When it was taken, milliseconds since 1970, UTC.
    """

    asset: str
    time_ms: int

    @property
    def index(self) -> str:
        """The last word of its id, which Earth Engine calls `system:index`."""
        return self.asset.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class TablePlan:
    """
    What a table is made from. Places and images are counted from 0; the table has a row for each pair of them.

    Attributes:
        at: `points`, `pixels` or `polygons`.
        bands: Which bands are asked for, in order.
        columns: What the table has of them.
        reducers: Of polygons.
        images: In the order of time, those of one lattice after those of another; none where `dated` is false: one
            picture.
        dated: Whether the images are stored ones.
        grids: Lattices, with the extent of the places on them: for each lattice of images one for each zone of places.
        ids: What each place is called; of `pixels` empty, they are counted row by row of the one grid.
        grid: For each place, which of the zones; places are in the order of their zones. Of `pixels` empty, as are
            `row`, `col`, `lonlat` and `order`.
        row: (lattice × place,) The row of its pixel.
        col: Likewise, the column.
        lonlat: (place, [longitude, latitude]).
        order: For each place, where it stands in the table.
        shapes: Of polygons: WKB in the CRS of their zones.
        shape_crs: The CRS of the shapes of each zone; empty where it is that of the grids.
        starts: For each lattice of images, which is the first of them; empty where there is one lattice.
        area_wkb: Of `pixels`: the area in the CRS of the grid, as WKB.
        notes: What a person should know, a sentence each.
    """

    at: str
    bands: tuple[str, ...]
    columns: tuple[ValueColumn, ...]
    images: tuple[StoredImage, ...]
    dated: bool
    grids: tuple[Grid, ...] = ()
    ids: tuple[int | str, ...] = ()
    grid: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    row: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    col: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    lonlat: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    order: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    shapes: tuple[bytes, ...] = ()
    shape_crs: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    area_wkb: bytes = b""
    reducers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> int:
        return self.grids[0].pixels if self.at == "pixels" and self.grids else len(self.ids)

    @property
    def pictures(self) -> int:
        """How many images there are, a picture without a date included."""
        return len(self.images) if self.dated else 1

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """For each lattice of images, the first of them, and the one behind the last."""
        return tuple(pairwise((*(self.starts or (0,)), self.pictures)))

    @property
    def zones(self) -> int:
        """How many grids a lattice has."""
        return len(self.grids) // len(self.spans)

    def lattice_of(self, image: Ints) -> Ints:
        """Return for images which lattice they are of."""
        return np.searchsorted(np.array(self.starts or (0,)), image, side="right") - 1

    def pixels_of(self, lattice: int) -> tuple[Ints, Ints]:
        """Return the rows and columns of all places on the grids of a lattice."""
        row, col = (each.reshape(len(self.spans), -1)[lattice] for each in (self.row, self.col))
        return row, col

    def crs_of_shapes(self, zone: int) -> str:
        """Return the CRS of the polygons of a zone."""
        return self.shape_crs[zone] if self.shape_crs else self.grids[zone].crs


def table_to_json(plan: TablePlan) -> str:
    """Return the plan as compact JSON."""
    content = {
        "version": VERSION if plan.starts or plan.shape_crs else 1,
        "at": plan.at,
        "bands": list(plan.bands),
        "columns": [[column.name, column.dtype] for column in plan.columns],
        "images": [[image.asset, image.time_ms] for image in plan.images],
        "dated": plan.dated,
        "grids": [grid_json(grid) for grid in plan.grids],
        "ids": list(plan.ids),
        **{name: _packed(getattr(plan, name)) for name in ("grid", "row", "col", "order", "lonlat")},
        "shapes": [shape.hex() for shape in plan.shapes],
        "area_wkb": plan.area_wkb.hex(),
        "reducers": list(plan.reducers),
        "notes": list(plan.notes),
    }
    if content["version"] == VERSION:
        content |= {"shape_crs": list(plan.shape_crs), "starts": list(plan.starts)}
    return json.dumps(content, separators=(",", ":"))


def table_from_json(text: str) -> TablePlan:
    """
    Read what `table_to_json` of this or an earlier version wrote.

    Raises:
        IntegrityError: A newer version wrote it.
    """
    content = read_stored(text, "table's plan", VERSION)
    return TablePlan(
        at=content["at"],
        bands=tuple(content["bands"]),
        columns=tuple(ValueColumn(*column) for column in content["columns"]),
        images=tuple(StoredImage(*image) for image in content["images"]),
        dated=content["dated"],
        grids=tuple(grid_from(grid) for grid in content["grids"]),
        ids=tuple(content["ids"]),
        grid=_ints(content["grid"]),
        row=_ints(content["row"]),
        col=_ints(content["col"]),
        order=_ints(content["order"]),
        lonlat=_unpacked(content["lonlat"], "<f8").reshape(-1, 2),
        shapes=tuple(bytes.fromhex(shape) for shape in content["shapes"]),
        area_wkb=bytes.fromhex(content["area_wkb"]),
        reducers=tuple(content["reducers"]),
        notes=tuple(content["notes"]),
        shape_crs=tuple(content.get("shape_crs", ())),
        starts=tuple(content.get("starts", ())),
    )


def _packed(array: NDArray[Any]) -> str:
    """Return an array as text: its numbers, little-endian, in base 64."""
    return base64.b64encode(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def _unpacked(text: str, dtype: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype)


def _ints(text: str) -> Ints:
    return _unpacked(text, "<i8").astype(np.int64)
