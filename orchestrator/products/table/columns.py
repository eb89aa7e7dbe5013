"""The columns of a table, and the lattice that the pixels of its images lie on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.errors import PlanError, UserError
from orchestrator.model.grid import Grid, Transform
from orchestrator.model.job import GridRequest
from orchestrator.model.number_type import number_type
from orchestrator.model.scene import StoredBand
from orchestrator.model.table import reduced_columns
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.products.context import Imagery
from orchestrator.products.cube.sensors import band_names
from orchestrator.products.table.document import StoredImage, ValueColumn

_UTM = re.compile(r"EPSG:32[67]\d\d")


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

    def fixed(self, asked: GridRequest) -> tuple[GridRequest, Transform | None]:
        """
        Return how grids are fixed, and the lattice in each UTM zone where that does not say it.

        As is asked for; otherwise on the images' own pixels. Where these lie in a UTM zone, pixels have the same side
        and the same phase in every other.
        """
        a, _b, c, _d, e, f = self.transform
        own_side = asked.scale is not None and math.isclose(asked.scale, a)
        if asked != GridRequest() and not (own_side and asked == GridRequest(scale=asked.scale)):
            return asked, None
        if _UTM.fullmatch(self.crs):
            return GridRequest(), (a, 0.0, c % a, 0.0, e, f % -e)
        return GridRequest(crs=self.crs, crs_transform=self.transform), None


@dataclass(frozen=True, slots=True)
class ImageColumns:
    """
    What a table has of stored images.

    Attributes:
        columns: Name and number type of each that is asked for.
        lattice: Of the images; None where it is not known.
    """

    columns: tuple[ValueColumn, ...]
    lattice: ImageLattice | None


def value_columns(
    imagery: Imagery, images: Sequence[StoredImage], wanted: Sequence[str], grid: GridRequest
) -> ImageColumns:
    """
    Return the columns of images' bands, by the first image of each of their collections.

    Raises:
        UserError: A band is asked for that one of them has not, or their pixels are of different sizes and no scale
            is given.
    """
    first = {image.asset.rpartition("/")[0]: image.asset for image in reversed(images)}
    found = {asset: {band.name: band for band in imagery.stored_bands(asset)} for asset in sorted(first.values())}
    if not found:
        return ImageColumns(tuple(ValueColumn(band, "float64") for band in wanted), None)
    names = _names(found, wanted)
    columns = tuple(ValueColumn(name, number_type([bands[name] for bands in found.values()])) for name in names)
    lattices = [_finest([bands[name] for name in names]) for bands in found.values()]
    _check_scales(lattices, grid)
    return ImageColumns(columns, lattices[0])


def _names(found: Mapping[str, Mapping[str, StoredBand]], wanted: Sequence[str]) -> tuple[str, ...]:
    if not wanted:
        one, *others = found.values()
        return tuple(name for name in one if all(name in other for other in others))
    names = tuple(wanted)
    for asset, bands in found.items():
        names = band_names(names, list(bands), asset)
    if len(set(names)) < len(names):
        raise UserError(f"bands {', '.join(wanted)} name one band twice; name each once")
    return names


def _finest(bands: Sequence[StoredBand]) -> ImageLattice | None:
    found = [lattice for band in bands if (lattice := _lattice(band)) is not None]
    return min(found, key=lambda each: each.transform[0], default=None)


def _lattice(band: StoredBand) -> ImageLattice | None:
    if not band.crs or band.transform is None:
        return None
    try:
        Grid(band.crs, band.transform, 1, 1)
        return ImageLattice(crs_name(parse_crs(band.crs)), band.transform)
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
