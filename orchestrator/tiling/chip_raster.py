"""A chip's file: what it says of itself, and its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.model.grid import Transform
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.raster.opening import opened
from orchestrator.tiling.chip_folder import MANIFEST
from orchestrator.tiling.rasters import quietly


@dataclass(frozen=True, slots=True)
class ChipRaster:
    """
    A chip on disk.

    Attributes:
        path: A GeoTIFF.
        crs: Of its grid; empty where it names none.
        transform: a, b, c, d, e, f: x = a col + b row + c, y = d col + e row + f.
        height: Rows.
        width: Columns.
        bands: How many.
        dtype: Number type, as numpy calls it.
        nodata: The value that stands for nothing; None where there is none.
        sha256: Of the file; empty where no list tells it.
    """

    path: Path
    crs: str
    transform: Transform
    height: int
    width: int
    bands: int
    dtype: str
    nodata: float | None
    sha256: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in its CRS."""
        a, _b, c, _d, e, f = self.transform
        return c, f + e * self.height, c + a * self.width, f

    @property
    def kind(self) -> tuple[int, str, float | None]:
        """What chips of one raster must have in common; NaN is one value."""
        return self.bands, self.dtype, None if self.nodata != self.nodata else self.nodata

    def content(self) -> bytes:
        """
        Return the bytes of the file.

        Raises:
            IntegrityError: They are not those that the list tells.
        """
        content = self.path.read_bytes()
        if self.sha256 and hashlib.sha256(content).hexdigest() != self.sha256:
            raise IntegrityError(
                f"{self.path} is not the chip that {MANIFEST} tells: it was changed or damaged since; "
                "`tiles verify` finds all such chips, and `tiles download` brings them again"
            )
        return content


def read_header(path: Path) -> ChipRaster:
    """
    Return what a chip's file says of itself.

    Raises:
        UserError: It does not open, or its bands have several number types.
    """
    try:
        with quietly(), opened(path) as source:
            if len(set(source.dtypes)) > 1:
                kinds = ", ".join(source.dtypes)
                raise UserError(f"{path} has bands of several number types ({kinds}); download it again")
            transform: Any = tuple(source.transform)[:6]
            crs = crs_name(parse_crs(source.crs.to_wkt())) if source.crs else ""
            height, width = source.shape
            return ChipRaster(path, crs, transform, height, width, source.count, source.dtypes[0], source.nodata)
    except rasterio.errors.RasterioIOError as error:
        raise UserError(f"{path} does not open ({error}); `orchestrator tiles verify` finds all such chips") from None


def band_names(path: Path) -> tuple[str, ...]:
    """Return what a chip's bands are called, in order; empty for one without a name."""
    with quietly(), opened(path) as source:
        return tuple(name or "" for name in source.descriptions)


def class_colours(rows: Iterable[Mapping[str, Any]]) -> dict[int, tuple[int, int, int, int]]:
    """Return colours by value, red, green, blue and opaque, of those classes whose value and colour are ones."""
    from matplotlib.colors import is_color_like, to_rgb  # noqa: PLC0415  reads every way in which colours are written

    told = {str(row.get("value")): str(row.get("color")) for row in rows}
    made = {int(value): to_rgb(colour) for value, colour in told.items() if value.isdigit() and is_color_like(colour)}
    return {
        value: (round(255 * red), round(255 * green), round(255 * blue), 255)
        for value, (red, green, blue) in made.items()
    }
