"""
A scene on one or more lattices, painted patch by patch.

Native pixels are fields at pixel centres. Levels 1 and 2 are means of native pixels; deeper ones are means over 4 x 4
values of fields whose features finer than a quarter of the level's pixel are left out. Fields that are smooth are
evaluated at the level itself. Classes and masks are taken at the top left native pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Band, PixelType
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.pyramid import Pixels, read_level
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch

WHOLE_EARTH = shapely.box(-180.0, -90.0, 180.0, 90.0)
_REDUCED = 2  # levels that are means of native pixels

UINT8 = PixelType("int", 0, 255)
INT8 = PixelType("int", -128, 127)
UINT16 = PixelType("int", 0, 65535)
INT16 = PixelType("int", -32768, 32767)
INT32 = PixelType("int", -(2**31), 2**31 - 1)
UINT32 = PixelType("int", 0, 2**32 - 1)
FLOAT = PixelType("float")
DOUBLE = PixelType("double")
_DTYPES = {
    UINT8: "uint8",
    INT8: "int8",
    UINT16: "uint16",
    INT16: "int16",
    UINT32: "uint32",
    INT32: "int32",
    FLOAT: "float32",
    DOUBLE: "float64",
}

# Values and, where not all pixels have data, validity; both of the shape of the cut.
Painted = tuple[NDArray[Any], NDArray[np.bool_] | None]


class Paint(Protocol):
    """Gives a part of a patch of a band: values before their cast to the band's type, and where they mean something."""

    def __call__(self, band: str, patch: Patch, cut: Cut) -> Painted: ...


@dataclass(frozen=True, slots=True)
class Layer:
    """
    A band.

    Attributes:
        name: Its name.
        type: Earth Engine's type.
        pyramid: `mean` or `sample`.
        lattice: Which of the scene's lattices it lies on.
        smooth: Whether its field has no feature that a mean over a level's pixel would smooth out.
    """

    name: str
    type: PixelType = UINT16
    pyramid: str = "mean"
    lattice: str = ""
    smooth: bool = False


class Picture:
    """
    A scene.

    Args:
        asset_id: `COLLECTION/INDEX`, or the id of a single image.
        layers: Its bands in order.
        lattices: The lattice of each name that the layers use.
        footprint: Where it may have data, in EPSG:4326.
        describe: Gives its properties when somebody asks.
        paint: Gives its pixels.
    """

    def __init__(
        self,
        asset_id: str,
        layers: tuple[Layer, ...],
        lattices: Mapping[str, Lattice],
        footprint: BaseGeometry,
        describe: Callable[[], Mapping[str, Any]],
        paint: Paint,
    ) -> None:
        self.asset_id = asset_id
        self.footprint = footprint
        self._layers = {layer.name: layer for layer in layers}
        self._lattices = lattices
        self._describe = describe
        self._paint = paint

    def __repr__(self) -> str:
        return f"Picture({self.asset_id})"

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """Earth Engine's properties."""
        return self._describe()

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """Bands in order."""
        return tuple(self._band(layer) for layer in self._layers.values())

    def _band(self, layer: Layer) -> Band:
        at = self._lattices[layer.lattice]
        return Band(layer.name, layer.type, at.crs, at.transform, at.height, at.width, layer.pyramid)

    def read(
        self, band: str, level: int, row: int, col: int, height: int, width: int
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """
        Read a window of a pyramid level; see `Scene.read`.

        Raises:
            KeyError: If the scene has no such band.
        """
        if band not in self._layers:
            raise KeyError(f"{self.asset_id} has no band {band!r}, only {', '.join(self._layers)}")
        layer = self._layers[band]
        window = (row, col, height, width)
        direct = level if layer.smooth or layer.pyramid == "sample" else max(0, level - _REDUCED)
        lattice = self._lattices[layer.lattice].coarsened(direct)
        shape = (lattice.height, lattice.width)
        return read_level(partial(self._inside, layer, lattice, direct), shape, layer.pyramid, level - direct, window)

    def _inside(
        self, layer: Layer, lattice: Lattice, level: int, row: int, col: int, height: int, width: int
    ) -> Pixels:
        """Paint a window that lies inside the raster."""
        exact = level == 0 or layer.pyramid == "sample"
        kind = np.dtype(_DTYPES[layer.type])
        values = np.zeros((height, width), kind if exact else np.dtype(np.float32))
        valid = np.ones((height, width), np.bool_)
        offset = 0.5 / (1 << level) if layer.pyramid == "sample" else 0.5
        for place, patch, cut in lattice.patches(row, col, height, width, offset):
            field, seen = self._paint(layer.name, patch, cut)
            values[place] = _cast(field, kind) if exact else field
            if seen is not None:
                valid[place] = seen
        if not valid.all():
            values[~valid] = 0
        return values, valid


def _cast(field: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Round and clamp to an integer type; leave fractions."""
    if kind.kind == "f" or field.dtype == kind:
        return field
    limits = np.iinfo(kind)
    whole = np.rint(field) if field.dtype.kind == "f" else field
    return np.asarray(np.clip(whole, limits.min, limits.max), kind)
