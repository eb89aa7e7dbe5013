"""Which colour a value has: bands, the range that becomes black to white, a map of colours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.previews.rio import rio_tiler

GREY = "gray"
# Of one band. The first four are read alike by people who see few colours; the last diverges from its middle.
COLOURS = (GREY, "viridis", "cividis", "magma", "ylgn", "terrain", "rdylgn", "rdbu")
_NOTHING: Mapping[int, tuple[int, int, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Style:
    """
    How values become colours.

    Attributes:
        bands: Numbers from 1: three are red, green and blue, one has a map of colours.
        ranges: Of each band, what becomes the darkest and what the brightest; values beyond are these.
        colours: Name of the map of colours of one band, one of `COLOURS`.
        classes: Of one band of classes, colour of each value as (red, green, blue); other values are then clear.
    """

    bands: tuple[int, ...]
    ranges: tuple[tuple[float, float], ...]
    colours: str = GREY
    classes: Mapping[int, tuple[int, int, int]] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        if len(self.bands) not in (1, 3):
            raise UserError(f"{len(self.bands)} bands are to be shown; choose one, or three as red, green and blue")
        if len(self.ranges) != len(self.bands):
            raise UserError(f"{len(self.ranges)} ranges are given for {len(self.bands)} bands; give one for each")
        for low, high in self.ranges:
            if not (math.isfinite(low) and math.isfinite(high)):
                raise UserError(f"the range {low:g} to {high:g} is not of finite numbers")
        if self.colours not in COLOURS:
            raise UserError(f"colours {self.colours!r} are unknown; {hint(self.colours, COLOURS)}")

    @property
    def key(self) -> tuple[object, ...]:
        """What tells styles apart."""
        return self.bands, self.ranges, self.colours, tuple(sorted(self.classes.items()))


def paint(values: np.ma.MaskedArray[Any, Any], style: Style) -> NDArray[np.uint8]:
    """
    Return (4, row, col): red, green, blue, opacity.

    A pixel without data in one of the bands that are shown is clear.

    Args:
        values: (band, row, col), the bands of `style` in its order.
        style: See there.
    """
    numbers = np.ma.getdata(values).astype("float64")
    valid = ~np.ma.getmaskarray(values).any(axis=0) & np.isfinite(numbers).all(axis=0)
    if style.classes:
        return _classes(numbers[0], valid, style.classes)
    levels = np.stack([_levels(band, *limits) for band, limits in zip(numbers, style.ranges, strict=True)])
    levels[:, ~valid] = 0
    colours = levels if len(levels) == 3 else table_of(style.colours)[levels[0]].transpose(2, 0, 1)
    opacity = np.where(valid, 255, 0).astype("uint8")
    painted: NDArray[np.uint8] = np.concatenate([colours, opacity[np.newaxis]])
    painted[:, ~valid] = 0
    return painted


def _levels(band: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Return 0 to 255; a range may be turned round, and one of no width parts values below from those above."""
    width = high - low
    if width == 0:
        return np.where(band > low, 255, 0).astype("uint8")
    share = np.clip((np.nan_to_num(band) - low) / width, 0, 1)
    levels: NDArray[np.uint8] = np.rint(share * 255).astype("uint8")
    return levels


def _classes(
    band: NDArray[np.float64], valid: NDArray[np.bool_], classes: Mapping[int, tuple[int, int, int]]
) -> NDArray[np.uint8]:
    painted = np.zeros((4, *band.shape), "uint8")
    for value, colour in classes.items():
        painted[:, valid & (band == value)] = np.array([*colour, 255], "uint8")[:, np.newaxis]
    return painted


@cache
def table_of(name: str) -> NDArray[np.uint8]:
    """Return a map of colours as (256, 3)."""
    if name == GREY:
        return np.repeat(np.arange(256, dtype="uint8")[:, np.newaxis], 3, axis=1)
    found = rio_tiler("colormap", "a map of colours").cmap.get(name)
    return np.array([found[level][:3] for level in range(256)], "uint8")


def class_colours(rows: Sequence[Mapping[str, Any]]) -> dict[int, tuple[int, int, int]]:
    """Return the colour of each class, as `tiling.chip_folder.class_rows` tells them; those without one left out."""
    found = {}
    for row in rows:
        colour = re.fullmatch(r"#([0-9A-Fa-f]{6})", str(row.get("color", "")))
        if colour and re.fullmatch(r"-?\d{1,9}", str(row.get("value", ""))):
            red, green, blue = bytes.fromhex(colour[1])
            found[int(row["value"])] = (red, green, blue)
    return found
