"""
How many pixels of each class lie in a tile.

A pixel belongs to a tile when its centre does, as GDAL's rasterize decides; holes are outside. Pixels without data are
of no class. Windows of a raster are read, never the whole of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import UserError
from orchestrator.model.grid import Grid, Window
from orchestrator.raster.arrays import Flags, holding
from orchestrator.raster.spans import SpanTable
from orchestrator.tiling.footprints import Patch, RasterLattice, patches
from orchestrator.tiling.value_maps import ValueMap

# More classes than any table of land cover has; heights or reflectances have more in the first tile.
MAX_CLASSES = 256
_EXACT = 2.0**53  # larger numbers are not told apart
# Pixels that are read at once, and the side of the squares in which a raster of small blocks is read.
READ_PIXELS, READ_SIDE = 1 << 21, 1024

Mapped = ValueMap | Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ClassRule:
    """
    What of a raster is counted.

    Attributes:
        band: Which, from 1; 0 for the only one that there is.
        nodata: The value of pixels without data, instead of the one that the raster names.
        mapping: From values to classes: a map, or a function of (row, col), of (band, row, col) where there are several
            bands and none is chosen, to an array of as many axes.
        all_touched: Take every pixel that a tile touches.
        published: As geetiles 0.1.7 does: the outer rings of the tile, stretched to the raster, say which pixels lie
            in it; classes are called as numpy prints them.
    """

    band: int = 0
    nodata: float | None = None
    mapping: Mapped | None = None
    all_touched: bool = False
    published: bool = False

    def word(self, value: Any) -> str:
        """Return what a class is called: its number, or the name that the map gives it."""
        if isinstance(self.mapping, ValueMap):
            return self.mapping.word(value)
        if self.published:
            return str(value)
        number = float(value)
        return str(int(value)) if number.is_integer() else repr(number)


@dataclass(frozen=True, slots=True)
class ClassCount:
    """
    The pixels of one tile.

    Attributes:
        classes: How many of each class, by what it is called.
        pixels: How many lie in the tile, with data or without, also beyond the edge of the raster.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    pixels: int = 0

    @property
    def counted(self) -> int:
        return sum(self.classes.values())

    @property
    def valid(self) -> float:
        """The share of the tile that holds data; 0 where not one pixel has its centre in it."""
        return self.counted / self.pixels if self.pixels else 0.0

    def shares(self) -> dict[str, float] | None:
        """Return the share of each class among the pixels with data, in the order of classes; None where none is."""
        total = self.counted
        return {word: number / total for word, number in self.classes.items()} if total else None


def check_band(dataset: Any, rule: ClassRule, label: str) -> int:
    """
    Return the number of the band that is counted; 0 for all of several that a function makes classes of.

    Raises:
        UserError: There is no such band, or several and none is named, or its numbers are complex.
    """
    if not rule.band and dataset.count > 1:
        if rule.mapping is not None and not isinstance(rule.mapping, ValueMap):
            return 0
        raise UserError(f"{label} has {dataset.count} bands; say which one holds the classes (band 1 is the first)")
    band = rule.band or 1
    if not 1 <= band <= dataset.count:
        raise UserError(f"{label} has no band {band}; it has {dataset.count}")
    if np.dtype(dataset.dtypes[band - 1]).kind == "c":
        raise UserError(f"{label} holds complex numbers, which are no classes")
    return band


def lattice_of_raster(dataset: Any, label: str) -> RasterLattice:
    """
    Return where the pixels of an open raster lie.

    Raises:
        UserError: It does not say.
    """
    if dataset.crs is None or dataset.transform.is_identity:
        raise UserError(f"{label} does not say where its pixels lie (no CRS, or no transform); tiles need to know")
    return RasterLattice(dataset.crs.to_wkt(), tuple(dataset.transform)[:6], dataset.height, dataset.width)


def count_classes(
    dataset: Any, lattice: RasterLattice, shape: BaseGeometry | None, rule: ClassRule, label: str
) -> ClassCount:
    """
    Count the classes of an open raster in a tile.

    Args:
        dataset: Open; no other thread uses it meanwhile.
        lattice: Its own.
        shape: The tile in the raster's CRS; None for one that cannot be drawn there.
        rule: What is counted.
        label: What the raster is called in errors.

    Raises:
        UserError: There are more than MAX_CLASSES classes, or no such band.
        OSError: The raster cannot be read.
    """
    band = check_band(dataset, rule, label)
    tally: Counter[Any] = Counter()
    pixels = 0
    for patch, polygons, transform in _laid(lattice, shape):
        grid = Grid(lattice.crs, _moved_to(transform, patch), patch.height, patch.width)
        spans = SpanTable.from_geometry(polygons, grid, all_touched=rule.all_touched)
        pixels += spans.pixels()
        for window in _windows(dataset, patch):
            near = Window(window.row - patch.row, window.col - patch.col, window.height, window.width)
            inside = spans.mask(near)
            if inside.any():
                _add(tally, *_read(dataset, band, window, rule), inside, label)
    return _count(tally, pixels, rule)


def count_published(dataset: Any, shape: BaseGeometry, rule: ClassRule, label: str) -> ClassCount:
    """Count the classes of a chip as geetiles 0.1.7 does: `shape` is the tile as its file has it, in degrees."""
    band = check_band(dataset, rule, label)
    window = Window(0, 0, dataset.height, dataset.width)
    inside = stretched_mask(shape, dataset.height, dataset.width)
    tally: Counter[Any] = Counter()
    _add(tally, *_read(dataset, band, window, rule), inside, label)
    return _count(tally, int(inside.sum()), rule)


def stretched_mask(shape: BaseGeometry, height: int, width: int) -> Flags:
    """Return (row, col): the pixels within the outer rings of a shape whose envelope is stretched to the raster."""
    from rasterio.features import rasterize  # noqa: PLC0415  heavy, and only the published rule needs it

    outer = [shapely.Polygon(part.exterior) for part in shapely.get_parts(shape)]
    low, high = np.split(shapely.total_bounds(outer), 2)

    def stretched(xy: NDArray[Any]) -> NDArray[Any]:
        # In the published order of operations, which decides about centres on the outline.
        unit = (xy - low) / (high - low)
        return np.column_stack((unit[:, 0], 1 - unit[:, 1])) * (width, height)

    return np.asarray(rasterize([*shapely.transform(outer, stretched)], (height, width), fill=0, default_value=1) == 1)


def _laid(lattice: RasterLattice, shape: BaseGeometry | None) -> Iterator[tuple[Patch, BaseGeometry, Any]]:
    if shape is None:
        return
    turned, transform = lattice.laid(shape)
    for patch, polygons in patches(turned, transform):
        yield patch, polygons, transform


def _moved_to(transform: Any, patch: Patch) -> Any:
    a, b, c, d, e, f = transform
    return (a, b, c + a * patch.col, d, e, f + e * patch.row)


def _windows(dataset: Any, patch: Patch) -> Iterator[Window]:
    """Yield windows that cover what of a patch lies on the raster, along its blocks, none of too many pixels."""
    row, col = max(patch.row, 0), max(patch.col, 0)
    bottom, right = min(patch.row + patch.height, dataset.height), min(patch.col + patch.width, dataset.width)
    if bottom <= row or right <= col:
        return
    high, wide = dataset.block_shapes[0]
    cols = right - col if wide >= dataset.width else max(wide, READ_SIDE // wide * wide)
    rows = max(high, READ_PIXELS // min(cols, right - col) // high * high)
    for top in range(row // rows * rows, bottom, rows):
        for left in range(col if wide >= dataset.width else col // cols * cols, right, cols):
            first, start = max(top, row), max(left, col)
            yield Window(first, start, min(top + rows, bottom) - first, min(left + cols, right) - start)


def _read(dataset: Any, band: int, window: Window, rule: ClassRule) -> tuple[NDArray[Any], Flags]:
    """Return classes and which of them are data, both (row, col) of a window."""
    from rasterio.enums import MaskFlags  # noqa: PLC0415  heavy
    from rasterio.windows import Window as Read  # noqa: PLC0415

    where = Read(window.col, window.row, window.width, window.height)
    bands = [band] if band else list(dataset.indexes)
    pixels = dataset.read(bands, window=where)
    valid = np.ones(pixels.shape[1:], bool)
    for number, plane in zip(bands, pixels, strict=True):
        nodata = dataset.nodatavals[number - 1] if rule.nodata is None else rule.nodata
        masked = MaskFlags.per_dataset in dataset.mask_flag_enums[number - 1]
        valid &= holding(plane, nodata, dataset.read_masks(number, window=where) > 0 if masked else None)
    shown = pixels[0] if band else pixels
    if isinstance(rule.mapping, ValueMap):
        return rule.mapping.apply(shown), valid
    classes = shown if rule.mapping is None else np.asarray(rule.mapping(shown))
    return classes if classes.ndim == 2 else classes[0], valid


def _add(tally: Counter[Any], pixels: NDArray[Any], valid: Flags, inside: Flags, label: str) -> None:
    values, numbers = _distinct(pixels[valid & inside])
    if values.dtype.kind == "f" and not (np.abs(values) < _EXACT).all():
        wrong = values[~(np.abs(values) < _EXACT)][0]
        raise UserError(
            f"{label} holds {wrong:g}, which is no class; leave it out with --nodata {wrong:g}, or map values"
        )
    for value, number in zip(values, numbers.tolist(), strict=True):
        tally[value] += number
        if len(tally) > MAX_CLASSES:
            refuse_classes(max(len(values), len(tally)), label)


def _distinct(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return what values there are, sorted, and how many of each."""
    if pixels.dtype != np.uint8:
        return np.unique(pixels, return_counts=True)
    numbers = np.bincount(pixels, minlength=256)  # no sorting
    values = np.flatnonzero(numbers)
    return values.astype(np.uint8), numbers[values]


def refuse_classes(number: int, label: str) -> None:
    """
    Refuse a raster of so many values.

    Raises:
        UserError: Always.
    """
    raise UserError(
        f"{label} has {number} different values or more, and a class each would be more than {MAX_CLASSES}: it does "
        "not hold classes; choose another band, or map values to classes"
    )


def _count(tally: Counter[Any], pixels: int, rule: ClassRule) -> ClassCount:
    classes: dict[str, int] = {}
    for value in sorted(tally):
        word = rule.word(value)
        classes[word] = classes.get(word, 0) + tally[value]
    return ClassCount(classes, pixels)
