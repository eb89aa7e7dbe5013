"""The rows of one answer, between the request and the file: checked, typed, sorted, as Parquet."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.core.optional import required
from orchestrator.model.grid import Window
from orchestrator.model.table import TableReply
from orchestrator.products.table.document import TablePlan, ValueColumn
from orchestrator.raster.arrays import Ints
from orchestrator.raster.spans import SpanTable

PLACE, IMAGE = "place", "image"
# Rows that are read at once when a table is put together.
ROW_GROUP = 1 << 16


@dataclass(frozen=True, slots=True)
class PairValues:
    """
    Values of all pairs of places and images.

    Attributes:
        columns: For each column (place, image).
        valid: Likewise, where there is a value.
        present: (place,): which places are in the table at all.
    """

    columns: tuple[NDArray[Any], ...]
    valid: tuple[NDArray[np.bool_], ...]
    present: NDArray[np.bool_]

    def of(self, owner: Ints) -> PairValues:
        """Return the values of places, of which `owner` says for each where it finds them."""
        if np.array_equal(owner, np.arange(len(self.present))):
            return self
        return PairValues(
            tuple(column[owner] for column in self.columns),
            tuple(valid[owner] for valid in self.valid),
            self.present[owner],
        )

    def only(self, present: NDArray[np.bool_]) -> PairValues:
        """Return the same, with those places only in the table."""
        return PairValues(self.columns, self.valid, self.present & present)


def parquet(what: str = "a table") -> tuple[Any, Any]:
    """Return pyarrow and its module for Parquet, which an extra brings."""
    return required("pyarrow", "parquet", what), required("pyarrow.parquet", "parquet", what)


def values_of(reply: TableReply, columns: Sequence[ValueColumn], *, pixels: int, images: int) -> PairValues:
    """
    Return an answer's values by pixel and image, in the number types that were planned.

    Raises:
        IntegrityError: A row is of something that was not asked for, or comes twice; or a value is none of its type.
    """
    place, image = np.asarray(reply.places, np.int64), np.asarray(reply.images, np.int64)
    if len(place) and not (0 <= place.min() <= place.max() < pixels and 0 <= image.min() <= image.max() < images):
        raise IntegrityError(f"an answer about {pixels} places and {images} images has a row of another")
    pair = place * images + image
    if len(np.unique(pair)) != len(pair):
        raise IntegrityError("an answer has two rows of one place and one image")
    made, valid = [], []
    for column in columns:
        dense, seen = np.zeros(pixels * images, column.dtype), np.zeros(pixels * images, bool)
        dense[pair], seen[pair] = typed(reply.columns[column.name], column)
        made.append(dense.reshape(pixels, images))
        valid.append(seen.reshape(pixels, images))
    return PairValues(tuple(made), tuple(valid), np.ones(pixels, bool))


def typed(values: Sequence[float | None], column: ValueColumn) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """
    Return values in their number type, and which are there; those that are not are 0.

    Raises:
        IntegrityError: A value is none of the type.
    """
    seen = np.array([value is not None for value in values], bool)
    plain = [0 if value is None else value for value in values]
    dtype = np.dtype(column.dtype)
    if dtype.kind == "f":
        return np.array(plain, dtype), seen
    info = np.iinfo(dtype)
    for value in plain:
        if not math.isfinite(value) or value != int(value) or not info.min <= value <= info.max:
            raise IntegrityError(f"column {column.name} holds {value!r}, which is no {column.dtype}")
    return np.array([int(value) for value in plain], dtype), seen


def piece_of(values: PairValues, window: Window, *, keep_empty: bool) -> tuple[bytes, Mapping[str, int]]:
    """
    Return the rows of a window as Parquet, by place and image, and how many they are of how many pairs.

    Without `keep_empty` those that have no value at all are left out. Columns are counted: `v0`, `v1`, ...
    """
    kept = np.repeat(values.present[:, None], window.width, axis=1)
    pairs = int(kept.sum())
    if not keep_empty:
        kept &= np.logical_or.reduce(values.valid)
    place, image = np.nonzero(kept)
    arrow, writer = parquet()
    table = {PLACE: place + window.row, IMAGE: (image + window.col).astype(np.int32)}
    for at, (column, valid) in enumerate(zip(values.columns, values.valid, strict=True)):
        table[f"v{at}"] = arrow.array(column[kept], mask=~valid[kept])
    buffer = io.BytesIO()
    writer.write_table(arrow.table(table), buffer, row_group_size=ROW_GROUP, compression="zstd")
    return buffer.getvalue(), {"pairs": pairs, "rows": len(place)}


def inside_of(plan: TablePlan) -> NDArray[np.bool_] | None:
    """Return which pixels of an area's grid, row by row, have their centre in the area; None for other places."""
    if plan.at != "pixels" or not plan.grids:
        return None
    grid = plan.grids[0]
    return SpanTable.from_geometry(shapely.from_wkb(plan.area_wkb), grid).mask(grid.window).ravel()
