"""Images as lists of bands: making, loading, choosing, naming, casting."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.absent import absent
from orchestrator.sandbox.earthengine.evaluate.array_bands import array_band
from orchestrator.sandbox.earthengine.evaluate.arrays import Array, Batch, cast_numbers, shaped
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import constant_image, mapped, masked_node, scene_image
from orchestrator.sandbox.earthengine.evaluate.moments import moment
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.regular import compiled
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Date, Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import Catalogue, PixelType
from orchestrator.sandbox.scenes.stac import ScenesError

function("Image.constant")(constant_image)


@function("Image.load", catalogue=True)
def load(catalogue: Catalogue, asset_id: str, version: int) -> Image:
    del version
    try:
        scene = catalogue.scene(asset_id)
    except ScenesError as error:  # a scene of the user's own whose files are gone
        raise EvaluationError(f"Image.load: {error}") from None
    if scene is None:
        raise absent(catalogue, "Image.load", "Image", asset_id)
    return scene_image(scene)


@function("Image.select")
def select(image: Image, selectors: list[Any], names: list[str] | None) -> Image:
    if not image.bands and selectors:
        raise EvaluationError(
            f"Image.select: Band pattern '{selectors[0]}' was applied to an Image with no bands. "
            "See https://developers.google.com/earth-engine/guides/debugging#no-bands"
        )
    chosen = [band for selector in selectors for band in _matching(image, selector)]
    if names is None:
        return image.with_bands(_distinct(chosen))
    return rename(image.with_bands(chosen), names)


def _matching(image: Image, selector: Any) -> list[ImageBand]:
    if isinstance(selector, (int, float)):
        at = int(selector)
        if not -len(image.bands) <= at < len(image.bands):
            raise EvaluationError(f"Image.select: Band index {at} is out of bounds.")
        return [image.bands[at]]
    exact = image.band(selector)
    if exact is not None:
        return [exact]
    pattern = compiled("Image.select", str(selector))
    found = [band for band in image.bands if pattern.fullmatch(band.name)]
    if not found:
        raise EvaluationError(
            f"Image.select: Band pattern '{selector}' did not match any bands. "
            f"Available bands: [{', '.join(image.names)}]"
        )
    return found


def _distinct(bands: list[ImageBand]) -> list[ImageBand]:
    """Number the repetitions of a name: `foo`, `foo_1`, `foo_2`."""
    taken: set[str] = set()
    named = []
    for band in bands:
        name = _free_name(band.name, taken)
        taken.add(name)
        named.append(band if name == band.name else band.renamed(name))
    return named


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    at = 1
    while f"{name}_{at}" in taken:
        at += 1
    return f"{name}_{at}"


@function("Image.rename")
def rename(image: Image, names: list[Any]) -> Image:
    flat = [str(name) for name in names]
    if len(flat) != len(image.bands):
        raise EvaluationError(
            f"Image.rename: The number of names ({len(flat)}) must match the number of bands ({len(image.bands)})."
        )
    if len(set(flat)) != len(flat):
        raise EvaluationError("Image.rename: Can't add a band with a name that is already used.")
    return image.with_bands(band.renamed(name) for band, name in zip(image.bands, flat, strict=True))


@function("Image.addBands")
def add_bands(target: Image, source: Image, names: list[Any] | None, overwrite: bool) -> Image:
    added = source if names is None else select(source, names, None)
    if not overwrite:
        return target.with_bands(_distinct([*target.bands, *added.bands]))
    replaced = [added.band(band.name) or band for band in target.bands]
    fresh = [band for band in added.bands if target.band(band.name) is None]
    return target.with_bands([*replaced, *fresh])


@function("Image.cat")
def cat(images: list[Any]) -> Image:
    """Put the bands of images one after the other; properties are the first image's."""
    every = [constant_image(item) if isinstance(item, (int, float, Array)) else item for item in images]
    bands = [band for image in every for band in image.bands]
    return every[0].with_bands(_distinct(bands)) if every else Image(())


@function("Image.metadata")
def metadata(image: Image, name: str, label: str | None) -> Image:
    """Make a constant band, of type double, of a numeric property, within the image's footprint."""
    value = image.properties.get(name)
    if not isinstance(value, (int, float)):
        raise EvaluationError(f"Image.metadata: Property '{name}' is missing or not a number.")
    made = cast(constant_image({label or name: value}), pixel_types.DOUBLE)
    return replace(made, footprint=image.footprint)


@function("Image.date")
def date(image: Image) -> Date:
    when = image.properties.get("system:time_start")
    if when is None:
        raise EvaluationError("Image.date: The image has no property 'system:time_start'.")
    return moment(when)


for _pixel_type in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float", "double"):
    function(f"PixelType.{_pixel_type}")(partial(lambda kind: kind, pixel_types.NAMED_TYPES[_pixel_type]))


@function("Image.slice")
def cut(image: Image, start: int, end: int | None) -> Image:
    return image.with_bands(image.bands[start:end])


@function("Image.bandNames")
def band_names(image: Image) -> list[str]:
    return image.names


@function("Image.bandTypes")
def band_types(image: Image) -> dict[str, PixelType]:
    return {band.name: band.type for band in image.bands}


@function("Image.id", "Feature.id")
def identity(element: Any) -> Any:
    return element.properties.get("system:index")


def cast(image: Image, kind: PixelType) -> Image:
    """
    Cast every band: a fraction is cut off, what lies outside the range becomes its nearest bound.

    The reference promises both of numbers; images are taken to be cast alike. Of arrays it says that they are
    rounded, so fractions in the pixels of an array image are refused.
    """
    bands = (
        array_band(band.name, partial(_cast_arrays, kind=kind), shaped(kind, band.type.dimensions), band)
        if band.type.dimensions
        else mapped(image.with_bands([band]), partial(_cast_tile, kind=kind), kind).bands[0]
        for band in image.bands
    )
    return image.with_bands(bands)


def _cast_arrays(batch: Batch, *, kind: PixelType) -> Batch:
    if kind.precision == "int" and batch.dtype.kind == "f" and (batch != np.rint(batch)).any():
        raise not_imitated("The cast of fractions in an array image to integers")
    return cast_numbers(batch, kind)


def _cast_tile(tile: Tile, kind: PixelType) -> Tile:
    dtype = pixel_types.dtype_of(kind)
    values = tile.values
    if kind.precision == "int" and values.dtype != dtype:
        low, high = pixel_types.bounds(kind)
        values = np.clip(np.trunc(np.nan_to_num(values)), low, high)
    return Tile(values.astype(dtype, copy=False), tile.valid)


for _name, _kind in pixel_types.CASTS:
    function(f"Image.to{_name}", f"Image.{_name.lower()}")(partial(cast, kind=pixel_types.NAMED_TYPES[_kind]))


@function("Image.cast")
def cast_bands(image: Image, kinds: dict[str, Any], order: list[str] | None) -> Image:
    """Cast the named bands; one that the image lacks is added, masked, after the others in the order of names."""
    bands = {}
    for band in image.bands:
        kind = _named_type(kinds[band.name]) if band.name in kinds else None
        one = image.with_bands([band])
        bands[band.name] = cast(one, kind).bands[0] if kind else band
    for name in sorted(set(kinds) - set(bands)):
        kind = _named_type(kinds[name])
        bands[name] = ImageBand(name, masked_node(kind), kind)
    if order is not None and sorted(order) != sorted(bands):
        raise EvaluationError(f"Image.cast: bandOrder {order} must match the bands of the result, {list(bands)}.")
    return image.with_bands([bands[name] for name in order or bands])


def _named_type(kind: Any) -> PixelType:
    if isinstance(kind, PixelType):
        return kind
    if kind not in pixel_types.NAMED_TYPES:
        raise EvaluationError(f"Image.cast: Unknown pixel type '{kind}'.")
    return pixel_types.NAMED_TYPES[kind]
