"""The door of the evaluator: an expression goes in, a value or an image to be read by windows comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import functions, pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.coercion import type_name
from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, UnboundedImageError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.extent import within_limits
from orchestrator.sandbox.earthengine.evaluate.graph import Graph
from orchestrator.sandbox.earthengine.evaluate.nodes import Plan, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.requested_table import RequestedTable, requested_table
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image
from orchestrator.sandbox.scenes.catalogue import Affine6, Catalogue, PixelType

functions.load()


Window = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class RequestedBand:
    """
    One band of an answer.

    Attributes:
        name: Its name.
        dtype: numpy's name of the type its pixels are given in.
        type: Earth Engine's type.
    """

    name: str
    dtype: str
    type: PixelType

    @property
    def itemsize(self) -> int:
        """Bytes of one pixel."""
        return np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class RequestedGrid:
    """The grid of an answer; the transform is of its top left corner, in the order of `affine.Affine`."""

    crs: str
    transform: Affine6
    height: int
    width: int


class RequestedImage:
    """
    An image on a fixed grid, computed window by window. Safe to read from several threads at once.

    Attributes:
        bands: In order.
        grid: Where its pixels are.
        properties: The metadata of the image.
        seconds_elsewhere: Processor seconds spent on it in other threads and processes than the one that reads it.
    """

    seconds_elsewhere = 0.0

    def __init__(self, image: Image, grid: Grid) -> None:
        """Fix the grid and find out what the bands share; nothing is computed yet."""
        self._nodes = [band.node for band in image.bands]
        self._plan = Plan(self._nodes)
        self._window = grid.anchored()
        self.properties = image.properties
        self.bands = tuple(
            RequestedBand(band.name, pixel_types.dtype_of(band.type).name, band.type) for band in image.bands
        )
        self.grid = RequestedGrid(grid.crs, grid.transform, grid.height, grid.width)

    @within_limits()
    def read(self, row: int, col: int, height: int, width: int) -> tuple[list[NDArray[Any]], NDArray[np.bool_]]:
        """
        Compute a window of the grid.

        Returns:
            One (height, width) array per band in its dtype, zero where masked; and validity (band, height, width).
        """
        window = self._window.part(row, col, height, width)
        pull = Pull(self._plan)
        values, valid = [], np.empty((len(self.bands), height, width), np.bool_)
        for at, (band, node) in enumerate(zip(self.bands, self._nodes, strict=True)):
            tile = pull.read(node, window)
            valid[at] = True if tile.valid is None else tile.valid
            values.append(_delivered(tile, np.dtype(band.dtype)))
        return values, valid

    def stream(self, windows: Iterable[Window]) -> Iterator[tuple[list[NDArray[Any]], NDArray[np.bool_]]]:
        """Compute windows (row, col, height, width) of the grid one after the other; see `read`."""
        for window in windows:
            yield self.read(*window)


def _delivered(tile: Tile, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Cast to the promised type (integers are rounded and held in range) and put zero under the mask."""
    values = tile.values
    if values.dtype != dtype and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if values.dtype.kind == "f":
            values = np.rint(np.nan_to_num(values))
        values = np.clip(values, limits.min, limits.max)
    out = np.array(values, dtype=dtype)
    if tile.valid is not None:
        out[~tile.valid] = 0
    return out


class Evaluator:
    """Evaluates expressions against a catalogue. Holds no state of its own; safe to share between threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Take the source of scenes."""
        self._catalogue = catalogue

    @within_limits()
    def value(self, expression: Mapping[str, Any]) -> Any:
        """
        Evaluate to JSON, as `value:compute` answers.

        Raises:
            EvaluationError: With the sentence the service would answer.
            UnknownFunctionError: If a function is not imitated.
        """
        return encoded(Graph(expression, self._catalogue).evaluate())

    @within_limits()
    def table(self, expression: Mapping[str, Any]) -> RequestedTable:
        """
        Evaluate to a table of features.

        Raises:
            EvaluationError: With the sentence the service would answer.
            UnknownFunctionError: If a function is not imitated.
        """
        return requested_table(Graph(expression, self._catalogue).evaluate())

    @within_limits()
    def images(self, expression: Mapping[str, Any], start: int, count: int) -> list[dict[str, Any]]:
        """
        Evaluate to a collection of images, of which at most `count` from `start` on are written as JSON.

        Raises:
            EvaluationError: With the sentence the service would answer.
            UnknownFunctionError: If a function is not imitated.
        """
        found = Graph(expression, self._catalogue).evaluate()
        if not isinstance(found, Collection):
            raise EvaluationError(f"Expected an ImageCollection, found: {type_name(found)}.")
        page = found.head(start + count)[start:]
        if other := next((each for each in page if not isinstance(each, Image)), None):
            raise EvaluationError(f"Expected an Image in the collection, found: {type_name(other)}.")
        return [encoded(image) for image in page]

    @within_limits()
    def image(self, expression: Mapping[str, Any], *, grid: RequestedGrid | None = None) -> RequestedImage:
        """
        Evaluate to an image on a given grid, or the one its export wrapper asks for, or else on its own.

        Raises:
            EvaluationError: With the sentence the service would answer.
            UnknownFunctionError: If a function is not imitated.
        """
        found = Graph(expression, self._catalogue).evaluate()
        if isinstance(found, (int, float, Array)) and not isinstance(found, bool):
            found = functions.constant_image(found)
        if not isinstance(found, Image):
            raise EvaluationError(f"Expected an image, found: {type_name(found)}.")
        if not found.bands:
            raise EvaluationError("Image has no bands.")
        if any(band.type.dimensions for band in found.bands):
            raise not_imitated("Reading the pixels of an array band, which only TFRecord could hold,")
        if grid is None:
            return RequestedImage(found, _own_grid(found))
        lattice = Projection(grid.crs, grid.transform)
        return RequestedImage(found, Grid(lattice, 0, 0, grid.height, grid.width))


def _own_grid(image: Image) -> Grid:
    """Give the grid asked for; without one, the default projection of the first band around the footprint."""
    if image.grid is not None:
        return image.grid
    first = image.bands[0]
    if image.asset_id is not None and first.shape is not None:
        return Grid(first.projection, 0, 0, *first.shape)
    if image.footprint is None:
        raise UnboundedImageError
    return image.footprint.grid_on(first.projection.north_up())
