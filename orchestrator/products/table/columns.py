"""The columns of a table, and the lattice that the pixels of its images lie on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
    The pixels of a stored image.

    Attributes:
        crs: Of it.
        transform: Likewise, of the finest band that is asked for.
    """

    crs: str
    transform: Transform

    def fixed(self, asked: GridRequest) -> tuple[GridRequest, Transform | None]:
        """
        Return how grids are fixed, and the lattice in a UTM zone where that does not say it.

        As is asked for; otherwise on the image's own pixels.
        """
        a, _b, c, _d, e, f = self.transform
        own_side = asked.scale is not None and math.isclose(asked.scale, a)
        if asked != GridRequest() and not (own_side and asked == GridRequest(scale=asked.scale)):
            return asked, None
        if _UTM.fullmatch(self.crs):
            return GridRequest(), (a, 0.0, c % a, 0.0, e, f % -e)
        return GridRequest(crs=self.crs, crs_transform=self.transform), None

    def key(self, asked: GridRequest) -> tuple[object, ...]:
        """Return what is the same for images whose pixels lie on one lattice, to a ten-thousandth of a pixel."""
        request, _zonal = self.fixed(asked)
        if request == asked != GridRequest():
            return ()
        a, _b, c, _d, e, f = self.transform
        phase = tuple(round(at % 1, 4) % 1 for at in (c / a, f / e))
        return self.crs, f"{a:.9g}", f"{e:.9g}", phase


@dataclass(frozen=True, slots=True)
class ImageColumns:
    """
    What a table has of stored images.

    Attributes:
        columns: Name and number type of each that is asked for.
        lattices: Of each image; None where it is not known.
    """

    columns: tuple[ValueColumn, ...]
    lattices: tuple[ImageLattice | None, ...] = ()


def value_columns(
    imagery: Imagery, images: Sequence[StoredImage], wanted: Sequence[str], grid: GridRequest
) -> ImageColumns:
    """
    Return the columns of images' bands, by the first image of each of their collections, and the pixels of each image.

    Raises:
        UserError: A band is asked for that one of them has not, or their pixels are of different sizes and no scale
            is given.
    """
    first = {_collection(image): image.asset for image in reversed(images)}
    found = {asset: {band.name: band for band in imagery.stored_bands(asset)} for asset in sorted(first.values())}
    if not found:
        return ImageColumns(tuple(ValueColumn(band, "float64") for band in wanted))
    names = _names(found, wanted)
    columns = tuple(ValueColumn(name, number_type([bands[name] for bands in found.values()])) for name in names)
    finest = {asset: _finest([bands[name] for name in names]) for asset, bands in found.items()}
    _check_scales([lattice for _name, lattice in finest.values()], grid)
    told = {collection: finest[asset] for collection, asset in first.items()}
    if grid.crs or grid.crs_transform:  # all on the one that is asked for
        return ImageColumns(columns, tuple(told[_collection(image)][1] for image in images))
    return ImageColumns(columns, _lattices(imagery, images, told))


def _collection(image: StoredImage) -> str:
    return image.asset.rpartition("/")[0]


def _lattices(
    imagery: Imagery, images: Sequence[StoredImage], told: Mapping[str, tuple[str, ImageLattice | None]]
) -> tuple[ImageLattice | None, ...]:
    """Return the pixels of each image: of the band that is the finest one in the first image of its collection."""
    found: dict[str, ImageLattice | None] = {}
    for collection, (band, lattice) in told.items():
        assets = [image.asset for image in images if _collection(image) == collection]
        if len(assets) == 1 or lattice is None:
            found |= dict.fromkeys(assets, lattice)
            continue
        grids = imagery.stored_grids(assets, band)
        found |= {asset: _lattice(*grid) for asset, grid in zip(assets, grids, strict=True)}
    return tuple(found[image.asset] for image in images)


@dataclass(frozen=True, slots=True)
class ImageGroup:
    """
    Images on one lattice.

    Attributes:
        images: In the order of time.
        lattice: Of their pixels; None where it is not known.
    """

    images: tuple[StoredImage, ...]
    lattice: ImageLattice | None


def group_images(
    images: Sequence[StoredImage], lattices: Sequence[ImageLattice | None], asked: GridRequest
) -> tuple[ImageGroup, ...]:
    """Return images by their lattices; one whose pixels are not known goes with the first whose are."""
    known = next((lattice for lattice in lattices if lattice is not None), None)
    groups: dict[object, tuple[ImageLattice | None, list[StoredImage]]] = {}
    for image, own in zip(images, lattices, strict=True):
        lattice = own or known
        groups.setdefault(lattice and lattice.key(asked), (lattice, []))[1].append(image)
    return tuple(ImageGroup(tuple(found), lattice) for lattice, found in groups.values())


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


def _finest(bands: Sequence[StoredBand]) -> tuple[str, ImageLattice | None]:
    """Return the name and the pixels of the band that has the smallest ones."""
    known = [(band.name, lattice) for band in bands if (lattice := _lattice(band.crs, band.transform)) is not None]
    return min(known, key=lambda each: each[1].transform[0], default=("", None))


def _lattice(crs: str, transform: Transform | None) -> ImageLattice | None:
    if not crs or transform is None:
        return None
    try:
        Grid(crs, transform, 1, 1)
        return ImageLattice(_crs_name(crs), transform)
    except PlanError:
        return None


@lru_cache(maxsize=256)
def _crs_name(crs: str) -> str:
    return crs_name(parse_crs(crs))


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
