"""Pixels as features: all of a region, a random choice, as many of each class, or a rectangle as lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_bands import cell
from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.region import within
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.pixels import lonlat, region_grid, strips, working_projection
from orchestrator.sandbox.earthengine.evaluate.projection import Projection
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import (
    INDEX,
    Collection,
    Feature,
    Image,
    ImageBand,
    geometry_of,
    with_properties,
)
from orchestrator.sandbox.scenes.catalogue import PixelType

_MOST_PIXELS = 262_144  # of a rectangle


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
    place = within(name, image, region)
    if factor is not None and (count is not None or not 0 < factor <= 1):
        raise EvaluationError(f"{name}: 'factor' is within (0, 1], and excludes 'numPixels'; found {factor}.")
    lattice = working_projection(name, image, projection, None, scale)

    def produce() -> list[Feature]:
        features = numbered(sampled(image, place, lattice, drop_nulls=drop_nulls, geometries=geometries))
        wanted = count if factor is None else round(len(features) * factor)
        if wanted is None or wanted >= len(features):
            return features
        chosen = np.random.default_rng(abs(seed)).choice(len(features), wanted, replace=False)
        return [features[at] for at in sorted(chosen)]

    # What a training takes as its inputs where none are told (pages of Classifier.train and Clusterer.train).
    return Collection(produce, kind="FeatureCollection", properties={"band_order": image.names}, most=None)


def sampled(
    image: Image, place: Geometry, lattice: Projection, *, drop_nulls: bool, geometries: bool
) -> Iterator[Feature]:
    """Give the pixels whose centre lies in a region as features, which have no id yet."""
    grid = region_grid(place, lattice)
    for strip in strips(image, place, grid):
        columns = [values[strip.inside] for values in strip.values]
        masks = [valid[strip.inside] for valid in strip.valid]
        lon, lat = lonlat(grid, *strip.centres())
        for number in range(len(lon)):
            if drop_nulls and not all(mask[number] for mask in masks):
                continue
            values = {
                band.name: cell(column[number], band.type) if mask[number] else None
                for band, column, mask in zip(image.bands, columns, masks, strict=True)
            }
            yield Feature(Geometry(shapely.Point(lon[number], lat[number])) if geometries else None, values)


def numbered(features: Iterable[Feature]) -> list[Feature]:
    """Give features their position as id."""
    return [with_properties(feature, {INDEX: str(at)}) for at, feature in enumerate(features)]


@function("Image.sampleRegions")
def sample_regions(
    image: Image,
    collection: Collection,
    properties: list[str] | None,
    scale: float | None,
    projection: Projection | None,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """Give the pixels of each feature that no band masks, with properties of the feature."""
    del tile_scale
    name = "Image.sampleRegions"
    lattice = working_projection(name, image, projection, None, scale)

    def produce() -> Iterator[Feature]:
        for feature in collection.elements():
            place = geometry_of(feature)
            if place is None:
                raise not_imitated(f"{name}: a feature without a geometry")
            names = properties
            if names is None:
                names = [key for key in feature.properties if not key.startswith("system:")]
            copied = {key: feature.properties.get(key) for key in names}
            pixels = sampled(image, place, lattice, drop_nulls=True, geometries=geometries)
            for at, pixel in enumerate(pixels):
                yield replace(
                    pixel, properties={**copied, **pixel.properties, INDEX: f"{feature.properties[INDEX]}_{at}"}
                )

    return Collection(produce, kind="FeatureCollection", most=None)


@function("Image.stratifiedSample")
def stratified_sample(
    image: Image,
    count: int,
    class_band: str | None,
    region: Geometry | None,
    scale: float | None,
    projection: Projection | None,
    seed: int,
    class_values: list[Any] | None,
    class_points: list[Any] | None,
    drop_nulls: bool,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """Give as many pixels of each class as asked for, chosen at random, or all where there are fewer."""
    del tile_scale
    name = "Image.stratifiedSample"
    band = image.bands[0] if class_band is None else image.band(class_band)
    if band is None or band.type.precision != "int":
        found = "no such band" if band is None else f"'{band.name}' of {band.type.precision}s"
        raise EvaluationError(f"{name}: The class band must be a band of integers, found {found}.")
    if len(class_values or ()) != len(class_points or ()):
        raise EvaluationError(f"{name}: classValues and classPoints must be of the same size.")
    place = within(name, image, region)
    lattice = working_projection(name, image, projection, None, scale)
    wanted = dict(zip(class_values or (), class_points or (), strict=True))

    def produce() -> list[Feature]:
        classes: defaultdict[int, list[Feature]] = defaultdict(list)
        for feature in sampled(image, place, lattice, drop_nulls=drop_nulls, geometries=geometries):
            if feature.properties[band.name] is not None:
                classes[feature.properties[band.name]].append(feature)
        random = np.random.default_rng(abs(seed))
        return numbered(
            feature
            for value in sorted(classes)
            for feature in _chosen(random, classes[value], int(wanted.get(value, count)))
        )

    return Collection(produce, kind="FeatureCollection", most=None)


def _chosen(random: np.random.Generator, features: list[Feature], count: int) -> list[Feature]:
    if len(features) <= count:
        return features
    return [features[at] for at in sorted(random.choice(len(features), count, replace=False))]


@function("Image.sampleRectangle")
def sample_rectangle(
    image: Image, region: Geometry | None, properties: list[str] | None, default: float | None, default_array: Any
) -> Feature:
    """Give the pixels around a region as an array per band, each in its own projection, with the image's properties."""
    name = "Image.sampleRectangle"
    if default_array is not None or any(band.type.dimensions for band in image.bands):
        raise not_imitated(f"{name} of array bands")
    place = within(name, image, region)
    names = properties
    if names is None:
        names = [key for key in image.properties if not key.startswith("system:")]
    found: dict[str, Any] = {key: image.properties.get(key) for key in names}
    for band in image.bands:
        found[band.name] = Array.of(_rectangle(name, image.with_bands([band]), place, default), _holding(band, default))
    return Feature(place, found)


def _holding(band: ImageBand, default: float | None) -> PixelType:
    """Give a type that holds the pixels of a band and the default."""
    if default is None or band.type.precision != "int":
        return band.type
    return pixel_types.union((band.type, pixel_types.of_number(default)))


def _rectangle(name: str, image: Image, place: Geometry, default: float | None) -> Any:
    """
    Give the pixels of the only band around a region, (height, width).

    Raises:
        EvaluationError: If there are too many, or one is masked and no default is given.
    """
    (band,) = image.bands
    grid = place.grid_on(band.projection)
    if grid.height * grid.width > _MOST_PIXELS:
        raise EvaluationError(
            f"{name}: Too many pixels in sample; must be <= {_MOST_PIXELS}. Got {grid.height * grid.width}."
        )
    rows = []
    for strip in strips(image, Geometry(grid.outline(), Projection(grid.crs)), grid):
        (values,), (valid,) = strip.values, strip.valid
        if default is None and not valid.all():
            raise EvaluationError(f"{name}: Fully or partially masked band '{band.name}' and no defaultValue.")
        rows.append(values if default is None else np.where(valid, values, np.float64(default)))
    return np.concatenate(rows)
