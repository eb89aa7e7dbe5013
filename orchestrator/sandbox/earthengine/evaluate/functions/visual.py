"""Pictures: bands stretched into 8 bit colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.colours import colour
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.image_structure import select
from orchestrator.sandbox.earthengine.evaluate.images import default_band, pointwise
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType

_COLOURS = ("vis-red", "vis-green", "vis-blue")


@function("Image.visualize")
def visualize(
    image: Image,
    bands: Any,
    gain: Any,
    bias: Any,
    low: Any,
    high: Any,
    gamma: Any,
    opacity: float | None,
    palette: Any,
    force_rgb: bool,
) -> Image:
    """Stretch one or three bands to 0..255; one band with a palette becomes three."""
    if opacity not in (None, 1):
        raise EvaluationError("Image.visualize: 'opacity' is not imitated by this sandbox.")
    chosen = image if bands is None else select(image, _listed(bands), None)
    shown = chosen.bands[:3]
    if not shown:
        raise EvaluationError("Image.visualize: No bands in input image.")
    if len(shown) == 2:
        raise not_imitated("Image.visualize: a picture of two bands")
    ranges = [_stretch(band.type, at, gain, bias, low, high, gamma) for at, band in enumerate(shown)]
    if palette is not None and len(shown) == 1:
        colours = _colours(_listed(palette))
        return _picture(
            image, [(shown[0], partial(_paint, stretch=ranges[0], table=colours[:, at])) for at in range(3)]
        )
    painted = [(band, partial(_grey, stretch=stretch)) for band, stretch in zip(shown, ranges, strict=True)]
    return _picture(image, painted * 3 if len(painted) == 1 and force_rgb else painted)


def _picture(image: Image, painted: Sequence[tuple[ImageBand, Any]]) -> Image:
    names = _COLOURS if len(painted) == 3 else ("vis-gray",)
    return image.with_bands(
        default_band(name, pointwise(paint, band.node), pixel_types.BYTE, band)
        for name, (band, paint) in zip(names, painted, strict=True)
    )


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else [value]


def _nth(value: Any, at: int, default: float) -> float:
    if value is None:
        return default
    every = [float(item) for item in _listed(value)]
    return every[at % len(every)]


def _range(kind: PixelType) -> tuple[float, float]:
    """Give what is stretched by default: 0 to 1 of fractions, of integers whatever their type holds."""
    return pixel_types.bounds(kind) if kind.precision == "int" else (0.0, 1.0)


def _stretch(
    kind: PixelType, at: int, gain: Any, bias: Any, low: Any, high: Any, gamma: Any
) -> tuple[float, float, float]:
    """Give (gain, bias, gamma) so that (value * gain + bias) / 255 is the fraction of full colour."""
    power = _nth(gamma, at, 1.0)
    if gain is not None or bias is not None:
        return _nth(gain, at, 1.0), _nth(bias, at, 0.0), power
    smallest, largest = _range(kind)
    bottom, top = _nth(low, at, smallest), _nth(high, at, largest)
    factor = 255.0 / (top - bottom) if top != bottom else 255.0
    return factor, -bottom * factor, power


def _fraction(tile: Tile, stretch: tuple[float, float, float]) -> NDArray[Any]:
    gain, bias, gamma = stretch
    linear = np.clip((tile.values * gain + bias) / 255.0, 0.0, 1.0)
    return np.asarray(linear if gamma == 1 else linear ** (1.0 / gamma))


def _grey(tile: Tile, *, stretch: tuple[float, float, float]) -> Tile:
    return Tile((_fraction(tile, stretch) * 255.0 + 0.5).astype(np.uint8), tile.valid)


def _paint(tile: Tile, *, stretch: tuple[float, float, float], table: NDArray[np.float64]) -> Tile:
    stops = np.linspace(0.0, 1.0, len(table))
    return Tile((np.interp(_fraction(tile, stretch), stops, table) + 0.5).astype(np.uint8), tile.valid)


def _colours(palette: list[str]) -> NDArray[np.float64]:
    """
    Read a palette, as (colour, red-green-blue).

    Raises:
        EvaluationError: If a colour is none, or is transparent.
    """
    inks = [colour("Image.visualize", text) for text in palette]
    if any(ink.opacity < 1 for ink in inks):
        raise not_imitated("Image.visualize: a palette with opacity")
    rows = [[ink.red, ink.green, ink.blue] for ink in inks]
    return np.asarray(rows * 2 if len(rows) == 1 else rows, dtype=np.float64)
