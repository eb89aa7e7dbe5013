"""
A folder of real Sentinel-2 scenes under the names of Earth Engine's collections.

Reflectance 0 and whatever the raster declares as no data is invalid. Where a scene has no cloud probability it
is derived from its classification (SCL), on SCL's grid. Pyramids are computed from level 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.transform
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, PixelType, Table
from orchestrator.sandbox.scenes.layout import (
    CLOUD_LAYER,
    COLLECTIONS,
    LAYERS,
    LEVEL_1C,
    PROBABILITY,
    REFLECTANCE,
    Layer,
)
from orchestrator.sandbox.scenes.processed import read_processed
from orchestrator.sandbox.scenes.products import LAYERS_OF, read_products
from orchestrator.sandbox.scenes.pyramid import Pixels, read_level
from orchestrator.sandbox.scenes.raster import Decoded, Raster
from orchestrator.sandbox.scenes.stac import PLAIN, Item, ScenesError, digest_of, read_items
from orchestrator.sandbox.scenes.store import Store
from orchestrator.sandbox.scenes.tables import shipped

__all__ = ["CLASS_PROBABILITY", "FolderCatalogue", "FolderScene", "ScenesError"]

CACHE_BYTES = 256 * 2**20
_SLACK_DEGREES = 0.0005
_CELLS = 256  # of the longer side of a raster, where its data is looked for
# Cloud probability of the classes of SCL; all others give 0, no data stays invalid.
CLASS_PROBABILITY = {9: 100, 8: 65, 10: 40, 3: 20}
_TABLE = np.zeros(256, np.uint8)
_TABLE[list(CLASS_PROBABILITY)] = list(CLASS_PROBABILITY.values())
_LAYERS = {**LAYERS, **LAYERS_OF["L1C"]}
_OF_LEVEL_1C = {LEVEL_1C: {"type": "ImageCollection", "title": "Harmonized Sentinel-2 MSI: Level-1C (TOA)"}}


class Place:
    """
    Where a scene lies, in degrees.

    Attributes:
        outline: Of its rasters: no pixel lies outside.
    """

    def __init__(self, told: BaseGeometry | None, raster: Raster, *, is_data: bool) -> None:
        """Take what the item says, and a raster; `is_data` where its 0 is no data."""
        self.outline = _outline(raster)
        self._told, self._raster, self._is_data = told, raster, is_data

    @cached_property
    def footprint(self) -> BaseGeometry:
        """
        What the item says, as far as the rasters reach; all of them where it says nothing of use.

        An item draws the edge of its data with a few points, up to two kilometres inside: so much is added that no
        pixel with data is left out, since scenes and windows are skipped by their footprint.
        """
        common = None if self._told is None else self._told.intersection(self.outline)
        if common is None or common.area == 0 or not self._is_data:
            return self.outline
        beyond = self._data()[~shapely.contains_xy(common, *self._data().T)]
        if not len(beyond):
            return common
        return shapely.union(common, shapely.MultiPoint(beyond)).convex_hull.buffer(_SLACK_DEGREES)

    def _data(self) -> NDArray[np.float64]:
        """Longitude and latitude of the corners of the cells of a coarse lattice that have data, as (point, 2)."""
        height, width = self._raster.shape
        step = max(1, math.ceil(max(height, width) / _CELLS))
        cells = self._raster.has_data(-(-height // step), -(-width // step))
        rows, cols = np.nonzero(cells)
        at = np.concatenate([np.column_stack([rows + r, cols + c]) for r in (-1, 2) for c in (-1, 2)]).astype(float)
        scale = height / cells.shape[0], width / cells.shape[1]
        row, col = (at[:, axis].clip(0, cells.shape[axis]) * scale[axis] for axis in (0, 1))
        a, b, c, d, e, f = tuple(self._raster.transform)[:6]
        x, y = a * col + b * row + c, d * col + e * row + f
        lon, lat = Transformer.from_crs(self._raster.crs, 4326, always_xy=True).transform(x, y)
        return np.column_stack([lon, lat])


@dataclass(frozen=True)
class FolderScene:
    """
    One item in one of the collections.

    Attributes:
        rasters: Its bands by name, in Earth Engine's order.
        place: Where it lies.
    """

    collection: str
    item: Item
    rasters: Mapping[str, Raster]
    place: Place
    bands: tuple[Band, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", tuple(_band(name, raster) for name, raster in self.rasters.items()))

    @property
    def asset_id(self) -> str:
        return f"{self.collection}/{self.item.index}"

    @property
    def footprint(self) -> BaseGeometry:
        return self.place.footprint

    @property
    def properties(self) -> Mapping[str, Any]:
        if self.collection == PROBABILITY:
            return {key: self.item.properties[key] for key in ("system:index", "system:time_start")}
        return self.item.properties

    def read(
        self, band: str, level: int, row: int, col: int, height: int, width: int
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """
        Read a window of a pyramid level; beyond the raster pixels are invalid.

        Raises:
            KeyError: If the scene has no such band.
            ScenesError: If its file cannot be decoded.
        """
        if band not in self.rasters:
            raise KeyError(f"{self.asset_id} has no band {band!r}, only {', '.join(self.rasters)}")
        raster = self.rasters[band]
        mode = _layer(band).pyramid
        return read_level(partial(self._native, band), raster.shape, mode, level, (row, col, height, width))

    def _native(self, band: str, row: int, col: int, height: int, width: int) -> Pixels:
        derived = band == CLOUD_LAYER.name and "probability" not in self.item.rasters
        # 0 % is a probability; everywhere else, SCL included, 0 is Sentinel-2's no data.
        empty = None if band == CLOUD_LAYER.name and not derived else 0
        values, valid = self.rasters[band].read(row, col, height, width, empty)
        return (_TABLE[values.astype(np.uint8, copy=False)] if derived else values), valid


class FolderCatalogue(Catalogue):
    """
    Serve every STAC item below a folder whose files are all there, every Sentinel-2 product, every preprocessed scene.

    Attributes:
        left_out: Why scenes are not served, a sentence each. Their scenes are in no collection, and asking for one
            by its name raises `ScenesError`.

    Raises:
        ScenesError: If there are no scenes, none is whole, or one cannot be served; one line that names the file.
    """

    def __init__(self, path: str | Path) -> None:
        self._cache: Store[Decoded] = Store(CACHE_BYTES)
        items, left_out = _read(Path(path))
        self._scenes: dict[str, FolderScene] = {}
        self._missing: dict[str, str] = {}
        whole = [item for item in items if not item.missing]
        self.left_out = (*(f"{item.missing}; the scene is left out" for item in items if item.missing), *left_out)
        for item in items:
            if item.missing:
                self._missing |= {f"{name}/{item.index}": item.missing for name in (REFLECTANCE, PROBABILITY)}
        if not whole:
            raise ScenesError(items[0].missing)
        self._digest = digest_of(whole)
        for item in whole:
            for scene in self._of_item(item):
                if scene.asset_id in self._scenes:
                    raise ScenesError(f"{item.path} and another item are both {item.index}")
                self._scenes[scene.asset_id] = scene

    def identity(self) -> str:
        """Return a digest of the items and of what their rasters are called and weigh, wherever the folder lies."""
        return f"a folder of scenes ({self._digest})"

    def collections(self) -> Mapping[str, Mapping[str, Any]]:
        return self._collections

    @cached_property
    def _collections(self) -> Mapping[str, Mapping[str, Any]]:
        level_1c = any(scene.collection == LEVEL_1C for scene in self._scenes.values())
        return COLLECTIONS | (_OF_LEVEL_1C if level_1c else {})

    @property
    def alone(self) -> str:
        """What it has alone, told to whom asks for another collection."""
        return f"Started with scenes of your own, it has {', '.join(self._collections)} and tables alone."

    def table(self, asset_id: str) -> Table | None:
        return shipped.table(asset_id)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[FolderScene]:
        """Yield scenes by (time, index); a folder has an end, so nothing needs to be bounded."""
        for scene in self._scenes.values():
            late = start_ms is None or scene.item.time_ms >= start_ms
            early = end_ms is None or scene.item.time_ms < end_ms
            near = region is None or scene.footprint.intersects(region)
            if scene.collection == collection and late and early and near:
                yield scene

    def scene(self, asset_id: str) -> FolderScene | None:
        """
        Return the scene of a name, or None.

        Raises:
            ScenesError: If it was left out.
        """
        found = self._scenes.get(asset_id)
        if found is None and asset_id in self._missing:
            raise ScenesError(self._missing[asset_id])
        return found

    def _of_item(self, item: Item) -> Iterator[FolderScene]:
        rasters = {band: Raster(path, self._cache, item.stored.get(band, PLAIN)) for band, path in item.rasters.items()}
        place = Place(item.geometry, next(iter(rasters.values())), is_data=next(iter(rasters)) != "probability")
        reflectance = {band: raster for band, raster in rasters.items() if band in _LAYERS}
        if reflectance:
            yield FolderScene(item.collection, item, reflectance, place)
        cloud = rasters.get("probability", rasters.get("SCL"))
        if cloud is not None:
            yield FolderScene(PROBABILITY, item, {CLOUD_LAYER.name: cloud}, place)


def _read(folder: Path) -> tuple[list[Item], list[str]]:
    """
    Return all scenes below a folder by (time, index), and why others are left out.

    Raises:
        ScenesError: There are none.
    """
    items = read_items(folder)
    products, left_out = read_products(folder)
    processed, more = read_processed(folder, products)
    found = [*items, *(product.item for product in products), *processed]
    if not found:
        if left_out or more:
            raise ScenesError([*left_out, *more][0])
        raise ScenesError(
            f"{folder} holds no STAC items (*.json files of type Feature) and no Sentinel-2 product (MTD_TL.xml, *.jp2)"
        )
    return sorted(found, key=lambda item: (item.time_ms, item.index)), [*left_out, *more]


def _layer(band: str) -> Layer:
    return CLOUD_LAYER if band == CLOUD_LAYER.name else _LAYERS[band]


def _band(name: str, raster: Raster) -> Band:
    layer = _layer(name)
    height, width = raster.shape
    kind = _pixel_type(raster.dtype) if name != CLOUD_LAYER.name else layer.type
    a, b, c, d, e, f = tuple(raster.transform)[:6]
    return Band(name, kind, raster.crs, (a, b, c, d, e, f), height, width, layer.pyramid)


def _pixel_type(dtype: np.dtype[Any]) -> PixelType:
    if dtype.kind == "f":
        return PixelType("float" if dtype.itemsize == 4 else "double")
    limits = np.iinfo(dtype)
    return PixelType("int", limits.min, limits.max)


def _outline(raster: Raster) -> BaseGeometry:
    """Return the raster's border in degrees, a little widened: no pixel lies outside."""
    west, south, east, north = rasterio.transform.array_bounds(*raster.shape, raster.transform)
    border = shapely.segmentize(box(west, south, east, north), (east - west) / 16)
    to_degrees = Transformer.from_crs(raster.crs, 4326, always_xy=True)
    corners = shapely.get_coordinates(border)
    lon, lat = to_degrees.transform(corners[:, 0], corners[:, 1])
    return Polygon(np.column_stack([lon, lat])).buffer(_SLACK_DEGREES)
