"""Numbers out of regions: aggregations, samples, tables of pixels and columns of features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.pixels import (
    lonlat,
    pixel_count,
    region_grid,
    strips,
    working_projection,
)
from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
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
    """Reduce each band over the valid pixels whose centre lies in the region, without weights."""
    del tile_scale
    name = "Image.reduceRegion"
    place = _within(name, image, region)
    grid = region_grid(place, working_projection(name, image, crs, transform, scale))
    grid = _affordable(name, grid, most, best_effort=best_effort)
    columns: list[list[Any]] = [[] for _ in image.bands]
    for strip in strips(image, place, grid):
        for column, values, valid in zip(columns, strip.values, strip.valid, strict=True):
            column.append(values[strip.inside & valid])
    answer: dict[str, Any] = {}
    for band, column in zip(image.bands, columns, strict=True):
        values = np.concatenate(column) if column else np.zeros(0)
        answer.update(_named(band.name, reducer, reducer.scalars(values)))
    return answer


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
    """Reduce columns of properties; rows where one of them is missing do not take part."""
    del weights
    rows = [[element.properties.get(name) for name in selectors] for element in collection.elements()]
    full = [row for row in rows if None not in row]
    columns = [[row[at] for row in full] for at in range(len(selectors))]
    results = [reducer.scalars(np.asarray(column, dtype=_column_type(column))) for column in columns]
    answer: defaultdict[str, list[Any]] = defaultdict(list)
    for found in results:
        for output, item in zip(reducer.outputs, found, strict=True):
            answer[output].append(item)
    return {name: items[0] if len(items) == 1 else items for name, items in answer.items()}


def _column_type(column: list[Any]) -> Any:
    return None if all(isinstance(item, (int, float)) for item in column) else object


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
