"""Numbers out of regions: aggregations, samples, tables of pixels and columns of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.array_bands import reduced_arrays
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import column_of, full_records, reduced
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.pixels import (
    Strip,
    lonlat,
    pixel_count,
    points_inside,
    region_grid,
    strips,
    working_projection,
)
from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    Collection,
    Image,
    property_of,
)

_FINEST_TILES, _COARSEST_TILES = 0.1, 16
_MAX_VALUES = 1_048_576  # in one answer of getRegion


def within(name: str, image: Image, region: Geometry | None) -> Geometry:
    found = image.footprint if region is None else region
    if found is None:
        raise EvaluationError(f"{name}: A geometry must be given for an unbounded image.")
    return found


def affordable(name: str, place: Geometry, lattice: Projection, most: int, *, best_effort: bool) -> Projection:
    """Give the lattice, or with best effort a coarser one, on which a region has no more pixels than allowed."""
    count = max(1, round(pixel_count(place, lattice)))
    if count <= most:
        return lattice
    if not best_effort:
        raise EvaluationError(
            f"{name}: Too many pixels in the region. Found {count}, but maxPixels allows only {most}.\n"
            "Ensure that you are not aggregating at a higher resolution than you intended."
        )
    return lattice.coarsened(int(np.ceil(np.sqrt(count / most))))


@function("Image.reduceRegion")
def reduce_region(
    image: Image,
    reducer: Reducer,
    region: Geometry | None,
    scale: float | None,
    crs: Projection | None,
    transform: list[Any] | None,
    best_effort: bool,
    most: int,
    tile_scale: float,
) -> dict[str, Any]:
    """
    Reduce the valid pixels of a region, each band for itself or all bands at once.

    An input without weights sees the pixels whose centre lies in the region; one that heeds weights sees those of
    which half a percent does, by the covered fraction.
    """
    name = "Image.reduceRegion"
    if not _FINEST_TILES <= tile_scale <= _COARSEST_TILES:
        raise EvaluationError(f"{name}: tileScale must be between 0.1 and 16, found {tile_scale}.")
    place = within(name, image, region)
    lattice = working_projection(name, image, crs, transform, scale)
    return pixels_of(name, image, reducer, place, lattice, most, best_effort=best_effort).reduced(name, image, reducer)


def pixels_of(
    name: str,
    image: Image,
    reducer: Reducer,
    place: Geometry,
    lattice: Projection,
    most: int | None,
    *,
    best_effort: bool = False,
) -> Pixels:
    """
    Read the pixels that a reducer sees in a region.

    Raises:
        EvaluationError: If the reducer fits neither each band nor all of them, or there are more pixels than allowed.
    """
    if reducer.inputs not in {1, len(image.bands)}:
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(image.bands)} bands."
        )
    if most is not None:
        lattice = affordable(name, place, lattice, most, best_effort=best_effort)
    grid = region_grid(place, lattice)
    pixels = Pixels(len(image.bands))
    for strip in strips(image, place, grid, weighted=any(reducer.weighted)):
        pixels.add(strip)
    return pixels


class Pixels:
    """The pixels of a region, band by band, with their masks and weights."""

    def __init__(self, count: int) -> None:
        """Begin with none of `count` bands."""
        self._values: list[list[Any]] = [[np.zeros(0)] for _ in range(count)]
        self._masks: list[list[Any]] = [[np.zeros(0)] for _ in range(count)]
        self._shares: list[Any] = [np.zeros(0)]
        self._inside: list[Any] = [np.zeros(0, np.bool_)]

    def add(self, strip: Strip) -> None:
        """Take the pixels of a strip that count at all."""
        chosen = strip.inside if strip.coverage is None else strip.inside | (strip.coverage > 0)
        for kept, masks, values, mask in zip(self._values, self._masks, strip.values, strip.weights, strict=True):
            kept.append(values[chosen])
            masks.append(mask[chosen].astype(np.float64))
        self._inside.append(strip.inside[chosen])
        self._shares.append(np.ones(chosen.sum()) if strip.coverage is None else strip.coverage[chosen])

    def reduced(self, name: str, image: Image, reducer: Reducer, *, own_names: bool = False) -> dict[str, Any]:
        """
        Reduce each band for itself, or all at once if the reducer has several inputs.

        With `own_names`, the results of the only band are named by the reducer alone.
        """
        if reducer.inputs > 1:
            if any(band.type.dimensions for band in image.bands):
                raise not_imitated(f"{name}: a reducer of several inputs of which some are arrays")
            records = self._records(name, range(len(image.bands)), joint=reducer.joint)
            return dict(zip(reducer.outputs, reduced(name, reducer, records), strict=True))
        answer: dict[str, Any] = {}
        for at, band in enumerate(image.bands):
            reduce = partial(reduced_arrays, kind=band.type) if band.type.dimensions else reduced
            results = reduce(name, reducer, self._records(name, [at], joint=True))
            if own_names:
                return dict(zip(reducer.outputs, results, strict=True))
            answer.update(_named(band.name, reducer, results))
        return answer

    def _records(self, name: str, bands: Sequence[int], *, joint: bool) -> Inputs:
        """Give the pixels whose mask is not zero in any of some bands; each weighs the lesser of mask and share."""
        masks = [np.concatenate(self._masks[at]) for at in bands]
        valid = np.logical_and.reduce([mask > 0 for mask in masks])
        if not joint and any((mask > 0).sum() != valid.sum() for mask in masks):
            raise not_imitated(f"{name}: pixels of which some inputs are masked")
        # The first piece is empty and of no type of its own.
        columns = [np.concatenate(self._values[at][1:] or self._values[at])[valid] for at in bands]
        shares, inside = np.concatenate(self._shares)[valid], np.concatenate(self._inside)[valid]
        return Inputs(tuple(columns), tuple(np.minimum(mask[valid], shares) for mask in masks), inside)


def _named(band: str, reducer: Reducer, results: list[Any]) -> dict[str, Any]:
    """A single output is named after the band; several get suffixes."""
    if len(results) == 1:
        return {band: results[0]}
    return {f"{band}_{output}": value for output, value in zip(reducer.outputs, results, strict=True)}


@function("ImageCollection.getRegion")
def get_region(
    collection: Collection,
    region: Geometry,
    scale: float | None,
    crs: Projection,
    transform: list[Any] | None,
) -> list[Any]:
    """
    Give a table with a header: id, longitude, latitude, time, and a column per band.

    One row for each image and each pixel of the region; masked pixels are null.
    """
    images = collection.elements()
    if not images:
        raise EvaluationError("ImageCollection.getRegion: No images in collection.")
    names = images[0].names
    grid = region_grid(region, working_projection("ImageCollection.getRegion", images[0], crs, transform, scale))
    # Counted before anything is read: such a request should fail at once.
    points = points_inside(region, grid, most=_MAX_VALUES // max(1, len(names) * len(images)))
    if points * len(names) * len(images) > _MAX_VALUES:
        raise EvaluationError(
            f"ImageCollection.getRegion: Too many values: {points} points x {len(names)} bands x {len(images)} images"
            f" > {_MAX_VALUES}."
        )
    if any(band.type.dimensions for image in images for band in image.bands):
        raise not_imitated("ImageCollection.getRegion of array bands")
    rows: list[Any] = [["id", "longitude", "latitude", "time", *names]]
    for image in images:
        if image.names != names:
            raise EvaluationError("ImageCollection.getRegion: All images in the collection must have the same bands.")
        rows.extend(_table(image, region, grid))
    return rows


def _table(image: Image, region: Geometry, grid: Grid) -> Iterator[list[Any]]:
    index, when = image.properties.get("system:index"), image.properties.get("system:time_start")
    for strip in strips(image, region, grid):
        columns = [values[strip.inside] for values in strip.values]
        masks = [valid[strip.inside] for valid in strip.valid]
        lon, lat = lonlat(grid, *strip.centres())
        for at in range(len(lon)):
            cells = [c[at].item() if m[at] else None for c, m in zip(columns, masks, strict=True)]
            yield [index, float(lon[at]), float(lat[at]), when, *cells]


@function("Collection.reduceColumns")
def reduce_columns(
    collection: Collection, reducer: Reducer, selectors: list[str], weights: list[str] | None
) -> dict[str, Any]:
    """
    Reduce the records that properties make.

    There is a selector for each input of the reducer, and a weight selector for each input that heeds weights; a
    record without a value, or with a null, does not take part.
    """
    name = "Collection.reduceColumns"
    if len(selectors) != reducer.inputs:
        raise EvaluationError(f"{name}: Need {reducer.inputs} inputs for <Reducer>, got {len(selectors)}.")
    rows = [[property_of(element, key) for key in selectors] for element in collection.elements()]
    full = full_records(name, reducer, rows)
    columns = [column_of([rows[at][number] for at in full]) for number in range(len(selectors))]
    weighed = _weights_of(name, collection, reducer, weights, full)
    found = reduced(name, reducer, Inputs(tuple(columns), weighed))
    return dict(zip(reducer.outputs, found, strict=True))


def _weights_of(
    name: str, collection: Collection, reducer: Reducer, selectors: list[str] | None, kept: list[int]
) -> tuple[Any, ...]:
    """Give the weights of each input, null where it has none."""
    if selectors is None:
        return (None,) * reducer.inputs
    if len(selectors) != sum(reducer.weighted):
        raise EvaluationError(
            f"{name}: The reducer has {sum(reducer.weighted)} weighted inputs, found {len(selectors)} weight selectors."
        )
    names = iter(selectors)
    elements = [collection.elements()[at] for at in kept]
    weights: list[Any] = []
    for heeds in reducer.weighted:
        key = next(names) if heeds else None
        column = None if key is None else [property_of(element, key) for element in elements]
        if column is not None and not all(isinstance(value, (int, float)) for value in column):
            raise EvaluationError(f"{name}: Weight '{key}' is not a number in every record.")
        weights.append(None if column is None else np.asarray(column, np.float64))
    return tuple(weights)
