"""Thumbnails and maps as values: what was asked, checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine import pixels, schema
from orchestrator.sandbox.earthengine.evaluate import RequestedGrid
from orchestrator.sandbox.earthengine.evaluate.evaluator import RequestedBand, RequestedImage, Window
from orchestrator.sandbox.earthengine.evaluate.pixel_types import BYTE
from orchestrator.sandbox.earthengine.exports import call, wrapped
from orchestrator.sandbox.earthengine.pixels import PixelOrder
from orchestrator.sandbox.web import ApiError, ProtocolViolation, not_imitated

PICTURES = frozenset({"AUTO_JPEG_PNG", "PNG", "JPEG"})
ZIPPED, ZIPPED_PER_BAND = "ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND"
FORMATS = PICTURES | {"GEO_TIFF", "NPY", ZIPPED, ZIPPED_PER_BAND}
TILE = 256
MAX_ZOOM = 30
# Half the side of the world in Web Mercator, metres: pi times the equator's radius. Source: EPSG guidance note 7-2.
_HALF_WORLD = math.pi * 6_378_137


def thumbnail(body: Mapping[str, Any]) -> PixelOrder:
    """
    Check and read a `Thumbnail`.

    Raises:
        ProtocolViolation: What Earth Engine would refuse.
        ApiError: 400 for what is not imitated.
    """
    schema.check(body, schema.THUMBNAIL)
    return _order(body, FORMATS, pixels.read_grid(body.get("grid") or {}))


def earth_map(body: Mapping[str, Any]) -> PixelOrder:
    """
    Check and read an `EarthEngineMap`; the grid is that of the tile of the whole world.

    Raises:
        ProtocolViolation: What Earth Engine would refuse.
        ApiError: 400 for what is not imitated.
    """
    schema.check(body, schema.EARTH_MAP)
    return _order(body, PICTURES, tile_grid(0, 0, 0))


def _order(body: Mapping[str, Any], formats: frozenset[str], grid: RequestedGrid | None) -> PixelOrder:
    if "expression" not in body:
        raise ProtocolViolation("Expression required.")
    kind = body.get("fileFormat") or "AUTO_JPEG_PNG"
    if kind not in formats:
        raise not_imitated(f"a thumbnail or map in the format {kind}")
    expression = pixels.with_bands(body["expression"], body.get("bandIds"))
    if look := body.get("visualizationOptions"):
        expression = wrapped(expression, pixels.visualized(expression, look))
    return PixelOrder(expression, grid, kind)


def single(order: PixelOrder, band: str) -> PixelOrder:
    """Order one band alone, on a grid of its own."""
    selectors = {"constantValue": [band]}
    source = {"valueReference": order.expression["result"]}
    node = call("Image.select", input=source, bandSelectors=selectors)
    return replace(order, expression=wrapped(order.expression, node))


def tile_grid(zoom: int, x: int, y: int) -> RequestedGrid:
    """
    Give the pixels of a tile: 256 a side, 2^zoom tiles around the equator, (0, 0) in the north-west.

    Raises:
        ProtocolViolation: If there is no such tile.
    """
    if not (0 <= zoom <= MAX_ZOOM and 0 <= x < 2**zoom and 0 <= y < 2**zoom):
        raise ProtocolViolation(f"There is no tile {zoom}/{x}/{y}: zoom is 0 to {MAX_ZOOM}, x and y below 2^zoom.")
    size = 2 * _HALF_WORLD / (TILE << zoom)
    west, north = x * TILE * size - _HALF_WORLD, _HALF_WORLD - y * TILE * size
    return RequestedGrid("EPSG:3857", (size, 0.0, west, 0.0, -size, north), TILE, TILE)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as 8 bit colours: values beyond 0 to 255 are clipped (REST reference of `thumbnails.create`)."""

    image: RequestedImage

    def __post_init__(self) -> None:
        """
        Refuse what is no picture.

        Raises:
            ApiError: 400 for other than one or three bands, and for fractions.
        """
        if len(self.image.bands) not in (1, 3):
            found = len(self.image.bands)
            raise ApiError(400, f"A JPEG or PNG needs one or three bands, found {found}. Use visualization parameters.")
        if any(band.type.precision != "int" for band in self.image.bands):
            raise not_imitated("a picture of bands of fractions without visualization parameters")

    @property
    def bands(self) -> Sequence[RequestedBand]:
        return [RequestedBand(band.name, "uint8", BYTE) for band in self.image.bands]

    @property
    def grid(self) -> RequestedGrid:
        return self.image.grid

    @property
    def seconds_elsewhere(self) -> float:
        """As of a `RequestedImage`."""
        return self.image.seconds_elsewhere

    def stream(self, windows: Iterable[Window]) -> Iterator[tuple[list[NDArray[Any]], NDArray[np.bool_]]]:
        """Compute windows, as of a `RequestedImage`."""
        for values, valid in self.image.stream(windows):
            yield [np.clip(each, 0, 255).astype(np.uint8) for each in values], valid
