"""Statistics of the pixels of each object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.objects import EIGHT, expect_size, inner_part, objects_in
from orchestrator.sandbox.earthengine.evaluate.nodes import Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand, number_in

_MANY = 1 << 15  # pixels of an object: what type a sum of so many has


class _ReducedObjects(Node):
    """A band reduced over the objects of another; objects wider or higher than `most` pixels are masked."""

    __slots__ = ("most", "reducer")

    def __init__(self, labels: Node, values: Node, reducer: Reducer, most: int) -> None:
        """Keep both bands, how they are reduced, and the largest side of an object in pixels."""
        super().__init__((labels, values), None)
        self.reducer = reducer
        self.most = most

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        labels, values = (pull.read(node, grid.padded(self.most)) for node in self.inputs)
        numbers = objects_in(labels, EIGHT)
        results = np.full(numbers.max() + 1, np.nan)
        for number, places in self._small(
            numbers, inner_part(numbers, self.most)[inner_part(labels.mask(), self.most)]
        ):
            seen = places[values.mask().ravel()[places]]
            found = self.reducer.scalars(Inputs.of(values.values.ravel()[seen].astype(np.float64)))[0]
            if found is not None:
                results[number] = number_in("Image.reduceConnectedComponents", found)
        found = results[inner_part(numbers, self.most)]
        valid = np.isfinite(found) & inner_part(labels.mask(), self.most)
        return Tile(np.where(valid, found, 0.0), valid)

    def _small(self, numbers: NDArray[np.int64], wanted: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give the number and the places of each wanted object that is not too large."""
        width = numbers.shape[1]
        order = np.argsort(numbers, axis=None, kind="stable")
        ends = np.cumsum(np.bincount(numbers.ravel()))
        for number in np.unique(wanted):
            places = order[ends[number - 1] if number else 0 : ends[number]]
            if np.ptp(places // width) < self.most and np.ptp(places % width) < self.most:
                yield int(number), places


@function("Image.reduceConnectedComponents")
def reduce_connected_components(image: Image, reducer: Reducer, label: str | None, most: int) -> Image:
    """
    Reduce each band over the objects of the label band: pixels of one value, connected on eight sides.

    Raises:
        NotImitatedError: If the reducer has several inputs or outputs: how bands are then called is not told.
    """
    name = "Image.reduceConnectedComponents"
    if reducer.inputs != 1 or len(reducer.outputs) != 1:
        raise not_imitated(f"{name} with a reducer of {reducer.inputs} inputs and {len(reducer.outputs)} outputs")
    labels = image.band(label) if label is not None else next(iter(image.bands), None)
    if labels is None:
        raise EvaluationError(f"{name}: The label band '{label}' is none of {image.names}.")
    expect_size(name, most)
    return image.with_bands(_reduced(band, labels, reducer, most) for band in image.bands if band is not labels)


def _reduced(band: ImageBand, labels: ImageBand, reducer: Reducer, most: int) -> ImageBand:
    kind = reducer.kinds(band.type, _MANY)[0]
    if kind.dimensions:
        raise not_imitated("Image.reduceConnectedComponents with a reducer that gives arrays")
    return replace(band, node=_ReducedObjects(labels.node, band.node, reducer, most), type=kind)
