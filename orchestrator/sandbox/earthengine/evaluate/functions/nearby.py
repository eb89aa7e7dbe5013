"""
Composites of collections that are too long to enumerate, such as a year of the whole Earth.

As in the service, nobody enumerates them: each window asks for the images near it. The bands are those of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.earthengine.evaluate.functions.collection_filter import filtered
from orchestrator.sandbox.earthengine.evaluate.functions.filter import intersects
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, Plan, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, Grid, reproject_shape
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Image, too_many

# Degrees around a window: footprints are drawn roughly (see `support`), and what is mapped may look around itself.
_MARGIN = 0.1
_WIDEST = 20.0  # degrees; a window of half a continent has as many images as nobody accumulates
_SOMEWHERE = Geometry(shapely.Point(0, 0))


class Nearby(Group):
    """Bands of a composite whose images are looked for window by window."""

    def __init__(self, collection: Collection, composite: Callable[[Sequence[Image]], Group]) -> None:
        """Keep the images and how a composite is made of some of them."""
        self._collection = collection
        self._composite = composite

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Any]) -> dict[Any, Tile]:
        """Make the composite of the images near the window."""
        near = near_place(self._collection, _around(grid))
        images = [] if near is None else near.elements()
        nodes = [band.node for image in images for band in image.bands]
        inner = Pull(Plan(nodes), weighted=pull.weighted)
        return self._composite(images).compute_all(inner, grid, wanted)


def is_only_near(collection: Collection) -> bool:
    """Tell whether a collection is too long to enumerate, and its images can be looked for by their place."""
    return collection.is_crowded and near_place(collection, _SOMEWHERE) is not None


def near_place(collection: Collection, place: Geometry) -> Collection | None:
    """Give the images of a collection that touch a place; None where maps may have moved them."""
    condition = intersects(".all", place, None, None, None)
    return None if collection.pushed(condition) is None else filtered(collection, condition)


def _around(grid: Grid) -> Geometry:
    """
    Give the rectangle in degrees in which the images of a window lie.

    Raises:
        EvaluationError: With the service's sentence if it holds more than can be accumulated.
    """
    west, south, east, north = reproject_shape(grid.outline(), grid.crs, WGS84).bounds
    if not np.isfinite([west, south, east, north]).all() or max(east - west, north - south) > _WIDEST:
        raise too_many()
    across = _MARGIN / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.05)
    return Geometry(shapely.box(west - across, south - _MARGIN, east + across, north + _MARGIN))
