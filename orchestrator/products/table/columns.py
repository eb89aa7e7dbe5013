"""The columns of a table, and the lattice that the pixels of its images lie on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.core.errors import PlanError, UserError
from orchestrator.core.nearest import hint
from orchestrator.model.grid import Grid, Transform
from orchestrator.model.job import GridRequest
from orchestrator.model.table import BandInfo, TableRoute, reduced_columns
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.products.table.document import StoredImage, ValueColumn

_UTM = re.compile(r"EPSG:32[67]\d\d")
_ESA = re.compile(r"B0(\d)")  # ESA's name of a band of Sentinel-2: B04 is B4 in Earth Engine


@dataclass(frozen=True, slots=True)
class ImageLattice:
    """
    The pixels of stored images.

    Attributes:
        crs: Of the first image.
        transform: Likewise, of the finest band that is asked for.
    """

    crs: str
    transform: Transform

    @property
    def zonal(self) -> Transform | None:
        """The lattice in any UTM zone where the images lie in one: the same pixel size, and the same phase."""
        if not _UTM.fullmatch(self.crs):
            return None
        a, _b, c, _d, e, f = self.transform
        return (a, 0.0, c % a, 0.0, e, f % -e)

    def request(self, asked: GridRequest) -> GridRequest:
        """Return how the grid is fixed: as is asked for; otherwise on the images' own pixels."""
        if asked != GridRequest() or self.zonal:
            return asked
        return GridRequest(crs=self.crs, crs_transform=self.transform)


@dataclass(frozen=True, slots=True)
class StoredBands:
    """
    What the bands of stored images are.

    Attributes:
        columns: Name and number type of each that is asked for.
        lattice: Of the images; None where it is not known.
    """

    columns: tuple[ValueColumn, ...]
    lattice: ImageLattice | None


def stored_bands(
    route: TableRoute, images: Sequence[StoredImage], wanted: Sequence[str], grid: GridRequest
) -> StoredBands:
    """
    Return the bands of images, as the first image of each of their collections has them.

    Raises:
        UserError: A band is asked for that one of them has not, or their pixels are of different sizes and no scale
            is given.
    """
    first = {image.asset.rpartition("/")[0]: image.asset for image in reversed(images)}
    found = [{band.name: band for band in route.bands(asset)} for asset in sorted(first.values())]
    if not found:
        return StoredBands(tuple(ValueColumn(band, "float64") for band in wanted), None)
    names = [_known(name, found) for name in wanted] or [n for n in found[0] if all(n in other for other in found)]
    columns = tuple(ValueColumn(name, _holding([bands[name] for bands in found])) for name in names)
    lattices = [_finest([bands[name] for name in names]) for bands in found]
    _check_scales(lattices, grid)
    return StoredBands(columns, lattices[0])


def _known(name: str, found: Sequence[Mapping[str, BandInfo]]) -> str:
    for bands in found:
        if name in bands:
            continue
        other = _ESA.sub(r"B\1", name)
        if other in bands:
            name = other
            continue
        raise UserError(f"the images have no band {name!r}; {hint(name, list(bands))}")
    return name


def _holding(bands: Sequence[BandInfo]) -> str:
    """Return a number type that holds the values of every image's band."""
    return str(np.result_type(*(np.dtype(band.dtype) for band in bands)))


def _finest(bands: Sequence[BandInfo]) -> ImageLattice | None:
    found = [lattice for band in bands if (lattice := _lattice(band)) is not None]
    return min(found, key=lambda each: each.transform[0], default=None)


def _lattice(band: BandInfo) -> ImageLattice | None:
    if not band.crs or band.transform is None:
        return None
    a, b, c, d, e, f = band.transform
    try:
        Grid(band.crs, (a, b, c, d, e, f), 1, 1)
        return ImageLattice(crs_name(parse_crs(band.crs)), (a, b, c, d, e, f))
    except PlanError:
        return None


def _check_scales(lattices: Sequence[ImageLattice | None], grid: GridRequest) -> None:
    sides = sorted({round(each.transform[0], 9) for each in lattices if each is not None})
    if len(sides) > 1 and not math.isclose(sides[0], sides[-1]) and grid.scale is None and grid.crs_transform is None:
        told = " and ".join(f"{side:g}" for side in sides)
        raise UserError(f"the images have pixels of {told}; say which is meant, e.g. --scale {sides[0]:g}")


def reduced(columns: Sequence[ValueColumn], reducers: Sequence[str]) -> tuple[ValueColumn, ...]:
    """Return the columns of reduced bands: counts are whole numbers, all else is not."""
    names = reduced_columns([column.name for column in columns], reducers)
    kinds = [reducer for _ in columns for reducer in reducers]
    return tuple(
        ValueColumn(name, "int64" if kind == "count" else "float64") for name, kind in zip(names, kinds, strict=True)
    )
