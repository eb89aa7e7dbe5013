"""Numbers out of regions: aggregations, samples, tables of pixels and columns of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import column_of, reduced
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.pixels import (
    Strip,
    lonlat,
    pixel_count,
    region_grid,
    strips,
    working_projection,
)
from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Collection, Feature, Image

_MAX_VALUES = 1_048_576  # in one answer of getRegion


def _within(name: str, image: Image, region: Geometry | None) -> Geometry:
    found = image.footprint if region is None else region
    if found is None:
        raise EvaluationError(f"{name}: A geometry must be given for an unbounded image.")
    return found


def _affordable(name: str, grid: Grid, most: int, *, best_effort: bool) -> Grid:
    count = grid.height * grid.width
    if count <= most:
        return grid
    if not best_effort:
        raise EvaluationError(
            f"{name}: Too many pixels in the region. Found {count}, but maxPixels allows only {most}.\n"
            "Ensure that you are not aggregating at a higher resolution than you intended."
        )
    factor = int(np.ceil(np.sqrt(count / most)))
    lattice = grid.projection.coarsened(factor)
    rows, cols = -(-grid.height // factor) + 1, -(-grid.width // factor) + 1
    return Grid(lattice, grid.row // factor, grid.col // factor, rows, cols)


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
    del tile_scale
    name = "Image.reduceRegion"
    place = _within(name, image, region)
    if reducer.inputs not in {1, len(image.bands)}:
        raise EvaluationError(
            f"{name}: The reducer has {reducer.inputs} inputs, but the image has {len(image.bands)} bands."
        )
    grid = region_grid(place, working_projection(name, image, crs, transform, scale))
    grid = _affordable(name, grid, most, best_effort=best_effort)
    pixels = _Pixels(len(image.bands))
    for strip in strips(image, place, grid, weighted=any(reducer.weighted)):
        pixels.add(strip)
    if reducer.inputs > 1:
        found = reduced(name, reducer, pixels.records(range(len(image.bands))))
        return dict(zip(reducer.outputs, found, strict=True))
    answer: dict[str, Any] = {}
    for at, band in enumerate(image.bands):
        answer.update(_named(band.name, reducer, reduced(name, reducer, pixels.records([at]))))
    return answer


class _Pixels:
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

    def records(self, bands: Sequence[int]) -> Inputs:
        """Give the pixels whose mask is not zero in any of some bands; each weighs the lesser of mask and share."""
        masks = [np.concatenate(self._masks[at]) for at in bands]
        valid = np.logical_and.reduce([mask > 0 for mask in masks])
        # The first piece is empty and of no type of its own.
        columns = [np.concatenate(self._values[at][1:] or self._values[at])[valid] for at in bands]
        shares, inside = np.concatenate(self._shares)[valid], np.concatenate(self._inside)[valid]
        return Inputs(tuple(columns), tuple(np.minimum(mask[valid], shares) for mask in masks), inside)


def _named(band: str, reducer: Reducer, results: list[Any]) -> dict[str, Any]:
    """A single output is named after the band; several get suffixes."""
    if len(results) == 1:
        return {band: results[0]}
    return {f"{band}_{output}": value for output, value in zip(reducer.outputs, results, strict=True)}


@function("Image.sample")
def sample(
    image: Image,
    region: Geometry | None,
    scale: float | None,
    projection: Projection | None,
    factor: float | None,
    count: int | None,
    seed: int,
    drop_nulls: bool,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """Give pixels as features, a random choice of them if a number or a share is asked for."""
    del tile_scale
    name = "Image.sample"
    place = _within(name, image, region)
    grid = region_grid(place, working_projection(name, image, projection, None, scale))

    def produce() -> list[Feature]:
        features = list(_sampled(image, place, grid, drop_nulls=drop_nulls, geometries=geometries))
        wanted = count if factor is None else round(len(features) * factor)
        if wanted is None or wanted >= len(features):
            return features
        chosen = np.random.default_rng(abs(seed)).choice(len(features), wanted, replace=False)
        return [features[at] for at in sorted(chosen)]

    return Collection(produce, kind="FeatureCollection")


def _sampled(image: Image, place: Geometry, grid: Grid, *, drop_nulls: bool, geometries: bool) -> Iterator[Feature]:
    at = 0
    for strip in strips(image, place, grid):
        columns = [values[strip.inside] for values in strip.values]
        masks = [valid[strip.inside] for valid in strip.valid]
        lon, lat = lonlat(grid, *strip.centres())
        for number in range(len(lon)):
            if drop_nulls and not all(mask[number] for mask in masks):
                continue
            values = {
                band.name: column[number].item() if mask[number] else None
                for band, column, mask in zip(image.bands, columns, masks, strict=True)
            }
            point = Geometry(shapely.Point(lon[number], lat[number])) if geometries else None
            yield Feature(point, {**values, INDEX: str(at)})
            at += 1


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
    expected = round(pixel_count(region, grid.projection)) * len(images) * (len(names) + 4)
    if expected > _MAX_VALUES:
        raise EvaluationError(
            f"ImageCollection.getRegion: Too many values: {expected} values but only {_MAX_VALUES} allowed."
        )
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
        raise EvaluationError(f"{name}: The reducer needs {reducer.inputs} selectors, found {len(selectors)}.")
    rows = [[element.properties.get(key) for key in selectors] for element in collection.elements()]
    full = [at for at, row in enumerate(rows) if None not in row[: len(row) - reducer.optional]]
    whole = {at for at, row in enumerate(rows) if all(value is None for value in row)}
    if "list" not in reducer.outputs and len(full) + len(whole) < len(rows):
        raise not_imitated(f"{name}: records of several inputs of which some are null")
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
        column = None if key is None else [element.properties.get(key) for element in elements]
        if column is not None and not all(isinstance(value, (int, float)) for value in column):
            raise EvaluationError(f"{name}: Weight '{key}' is not a number in every record.")
        weights.append(None if column is None else np.asarray(column, np.float64))
    return tuple(weights)


@function("Image.sampleRectangle")
def sample_rectangle(
    image: Image, region: Geometry | None, properties: list[str] | None, default: float | None, arrays: Any
) -> Feature:
    """Give the pixels around a region as nested lists, one property per band."""
    del arrays
    place = _within("Image.sampleRectangle", image, region)
    grid = place.grid_on(image.bands[0].projection)
    found: dict[str, Any] = {name: image.properties.get(name) for name in properties or ()}
    box = Geometry(grid.outline(), Projection(grid.crs))
    for strip in strips(image, box, grid):
        for band, values, valid in zip(image.bands, strip.values, strip.valid, strict=True):
            if default is None and not valid.all():
                raise EvaluationError(
                    f"Image.sampleRectangle: Fully or partially masked band '{band.name}' and no defaultValue."
                )
            filled = np.where(valid, values, 0 if default is None else default)
            found.setdefault(band.name, []).extend(filled.tolist())
    return replace(Feature(place), properties=found)
