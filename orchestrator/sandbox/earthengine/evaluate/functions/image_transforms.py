"""Transforms of spectra and colours: HSV, unmixing, polynomials, piecewise lines; and names by pattern."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import common_support, default_band, mapped
from orchestrator.sandbox.earthengine.evaluate.nodes import Group, GroupedNode, Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.regular import compiled
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both
from orchestrator.sandbox.earthengine.evaluate.values import Image, number_in
from orchestrator.sandbox.scenes.catalogue import PixelType

Planes = NDArray[np.float64]  # (band, height, width)
_MOST_ENDMEMBERS = 10


class _Joint(Group):
    """Bands made of all bands together; valid where every one is."""

    def __init__(self, nodes: Sequence[Node], operation: Callable[[Planes], Planes]) -> None:
        """Keep the inputs and the function of their planes."""
        self.nodes = nodes
        self.operation = operation

    def compute_all(self, pull: Pull, grid: Grid, wanted: Sequence[Any]) -> dict[Any, Tile]:
        tiles = [pull.read(node, grid) for node in self.nodes]
        found = self.operation(np.stack([tile.values.astype(np.float64) for tile in tiles]))
        valid, weight = None, None
        for tile in tiles:
            valid = both(valid, tile.valid)
        if any(tile.weight is not None for tile in tiles):
            weight = np.min([tile.weights() for tile in tiles], axis=0).astype(np.float32)
        return {at: Tile(found[at], valid, weight) for at in wanted}


def _jointly(image: Image, names: Sequence[str], operation: Callable[[Planes], Planes], kind: PixelType) -> Image:
    nodes = [band.node for band in image.bands]
    group, support = _Joint(nodes, operation), common_support(*nodes)
    return image.with_bands(
        default_band(name, GroupedNode(group, at, nodes, support), kind, image.bands[0])
        for at, name in enumerate(names)
    )


def _floats(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([number_in(name, value) for value in values], np.float64)


def _three(name: str, image: Image) -> None:
    if len(image.bands) != 3:
        raise EvaluationError(f"{name}: Expected 3 bands, found {len(image.bands)}: {image.names}.")


@function("Image.rgbToHsv")
def rgb_to_hsv(image: Image) -> Image:
    _three("Image.rgbToHsv", image)
    return _jointly(image, ("hue", "saturation", "value"), _hsv, pixel_types.FLOAT)


def _hsv(rgb: Planes) -> Planes:
    """Smith 1978: hue as a part of the circle, saturation as the part of the value that the least colour lacks."""
    red, green, blue = rgb
    value = rgb.max(axis=0)
    span = value - rgb.min(axis=0)
    grey = span == 0
    safe = np.where(grey, 1.0, span)
    sector = np.select(
        [grey, value == red, value == green],
        [0.0, (green - blue) / safe % 6, 2 + (blue - red) / safe],
        4 + (red - green) / safe,
    )
    saturation = np.divide(span, value, out=np.zeros_like(value), where=value != 0)
    return np.stack([sector / 6, saturation, value])


@function("Image.hsvToRgb")
def hsv_to_rgb(image: Image) -> Image:
    _three("Image.hsvToRgb", image)
    return _jointly(image, ("red", "green", "blue"), _rgb, pixel_types.FLOAT)


def _rgb(hsv: Planes) -> Planes:
    hue, saturation, value = hsv
    # Each colour is full over a third of the circle, none over a third, and between them on straight lines.
    distance = [np.abs((hue * 6 + shift) % 6 - 3) - 1 for shift in (0, 4, 2)]
    pure = np.clip(np.stack(distance), 0, 1)
    return np.asarray(value * (1 - saturation * (1 - pure)))


@function("Image.unmix")
def unmix(image: Image, endmembers: list[Any], sum_to_one: bool, non_negative: bool) -> Image:
    """
    Give the share of each endmember in each pixel, by least squares.

    With a constraint, it is the best of the solutions that fulfil it.
    """
    if any(not isinstance(each, list) or len(each) != len(image.bands) for each in endmembers) or not endmembers:
        raise EvaluationError(f"Image.unmix: Each endmember must have {len(image.bands)} values, one per band.")
    spectra = np.array([_floats("Image.unmix", each) for each in endmembers])
    count = len(spectra)
    if non_negative and count > _MOST_ENDMEMBERS:
        raise not_imitated(f"Image.unmix with 'nonNegative' and more than {_MOST_ENDMEMBERS} endmembers")
    subsets: list[Sequence[int]] = [range(count)]
    if non_negative:
        subsets = [*_subsets(count)]
    solve = partial(_shares, spectra=spectra, subsets=subsets, sum_to_one=sum_to_one, non_negative=non_negative)
    return _jointly(image, [f"band_{at}" for at in range(count)], solve, pixel_types.DOUBLE)


def _subsets(count: int) -> Iterator[Sequence[int]]:
    for size in range(1, count + 1):
        yield from itertools.combinations(range(count), size)


def _shares(planes: Planes, *, spectra: Planes, subsets: Sequence[Any], sum_to_one: bool, non_negative: bool) -> Planes:
    """Solve for the endmembers of each subset alone, and take the best solution that is allowed."""
    pixels = planes.reshape(len(planes), -1)
    best = np.zeros((len(spectra), pixels.shape[1]))
    error = np.full(pixels.shape[1], np.inf) if sum_to_one or not non_negative else (pixels**2).sum(axis=0)
    for chosen in map(list, subsets):
        found = _solution(spectra[chosen], pixels, sum_to_one=sum_to_one)
        off = ((spectra[chosen].T @ found - pixels) ** 2).sum(axis=0)
        allowed = (found >= 0).all(axis=0) if non_negative else np.ones(off.shape, np.bool_)
        better = allowed & (off < error)
        best[:, better] = 0.0
        best[np.ix_(chosen, better)] = found[:, better]
        error = np.where(better, off, error)
    return best.reshape(len(spectra), *planes.shape[1:])


def _solution(spectra: Planes, pixels: Planes, *, sum_to_one: bool) -> Planes:
    """Give the shares (endmember, pixel) of least squares; with the sum held at one by a multiplier of Lagrange."""
    if not sum_to_one:
        return np.asarray(np.linalg.pinv(spectra.T) @ pixels)
    count = len(spectra)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = spectra @ spectra.T
    system[count, count] = 0.0
    target = np.vstack([spectra @ pixels, np.ones(pixels.shape[1])])
    return np.asarray((np.linalg.pinv(system) @ target)[:count])


@function("Image.polynomial")
def polynomial(image: Image, coefficients: list[Any]) -> Image:
    powers = _floats("Image.polynomial", coefficients)
    if not powers.size:
        raise EvaluationError("Image.polynomial: At least one coefficient is needed.")

    def on_tile(tile: Tile) -> Tile:
        return Tile(np.polynomial.polynomial.polyval(tile.values.astype(np.float64), powers), tile.valid)

    return mapped(image, on_tile, pixel_types.DOUBLE)


@function("Image.interpolate")
def interpolate(image: Image, x: list[Any], y: list[Any], behavior: str) -> Image:
    xs, ys = _floats("Image.interpolate", x), _floats("Image.interpolate", y)
    if xs.shape != ys.shape or xs.size < 2 or not (np.diff(xs) > 0).all():
        raise EvaluationError(
            "Image.interpolate: x must be strictly increasing, at least two values, and as long as y."
        )
    if behavior not in {"extrapolate", "clamp", "mask", "input"}:
        raise EvaluationError(f"Image.interpolate: Invalid behavior: '{behavior}'.")
    first = image.with_bands(image.bands[:1])
    return mapped(first, partial(_interpolated, x=xs, y=ys, behavior=behavior), pixel_types.DOUBLE)


def _interpolated(tile: Tile, *, x: Planes, y: Planes, behavior: str) -> Tile:
    values = tile.values.astype(np.float64)
    inside = (values >= x[0]) & (values <= x[-1])
    if behavior == "extrapolate":
        at = np.clip(np.searchsorted(x, values) - 1, 0, len(x) - 2)
        slope = np.diff(y) / np.diff(x)
        return Tile(y[at] + slope[at] * (values - x[at]), tile.valid)
    found = np.interp(values, x, y)
    if behavior == "input":
        return Tile(np.where(inside, found, values), tile.valid)
    return Tile(found, both(tile.valid, inside) if behavior == "mask" else tile.valid)


_GROUP = re.compile(r"\$(\d)")


@function("Image.regexpRename")
def regexp_rename(image: Image, pattern: str, replacement: str, everywhere: bool) -> Image:
    """Replace what matches in the names of bands; `$1` is the first group."""
    found = compiled("Image.regexpRename", pattern)
    if "\\" in replacement or "$" in _GROUP.sub("", replacement):
        raise not_imitated(f"Image.regexpRename: the replacement '{replacement}'")
    written = _GROUP.sub(r"\\g<\1>", replacement)
    try:
        names = [found.sub(written, name, count=0 if everywhere else 1) for name in image.names]
    except (re.error, IndexError):
        raise EvaluationError(f"Image.regexpRename: '{replacement}' names a group that '{pattern}' lacks.") from None
    if len(set(names)) != len(names):
        raise EvaluationError(f"Image.regexpRename: Several bands would have one name: {names}.")
    bands = (replace(band, name=name) for band, name in zip(image.bands, names, strict=True))
    return image.with_bands(bands)
