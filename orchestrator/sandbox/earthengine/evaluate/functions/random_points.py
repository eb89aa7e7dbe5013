"""Points at random places of a region."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import sphere
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.measures import polygons
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Collection, ErrorMargin, Feature

_TRIES = 1000  # of a batch, before a region is held to be too thin
_BATCH = 4096


@function("FeatureCollection.randomPoints")
def random_points(region: Geometry, count: int, seed: int, margin: ErrorMargin | None) -> Collection:
    """
    Scatter points evenly over the polygons of a region; the same seed gives the same points.

    Where they lie is our own choice: the service's generator is not documented.
    """
    name = "FeatureCollection.randomPoints"
    if count < 0:
        raise EvaluationError(f"{name}: The number of points must not be negative, found {count}.")
    shape = sphere.drawn(name, region, sphere.tolerance(margin))
    if not polygons(shape):
        raise not_imitated(f"{name}: a region without polygons")
    return Collection(lambda: _points(name, shape, count, seed), kind="FeatureCollection")


def _points(name: str, shape: BaseGeometry, count: int, seed: int) -> Iterator[Feature]:
    west, south, east, north = shape.bounds
    low, high = np.sin(np.radians([south, north]))
    chance = np.random.default_rng(seed % 2**64)
    shapely.prepare(shape)
    found = 0
    for _ in range(_TRIES):
        lon = chance.uniform(west, east, _BATCH)
        lat = np.degrees(np.arcsin(chance.uniform(low, high, _BATCH)))  # even over the area of a sphere
        inside = shapely.contains_xy(shape, lon, lat)
        for x, y in zip(lon[inside].tolist(), lat[inside].tolist(), strict=True):
            if found == count:
                return
            yield Feature(Geometry(shapely.Point(x, y)), {INDEX: str(found)})
            found += 1
    raise not_imitated(f"{name}: a region that fills less than a thousandth of its bounds")
